/*
 * Stack and time of a step, printed as "name figure" lines. On AVR the
 * simulator prints "mark" lines: marks 1 to 2 around the stack's step, 3 to 4
 * around the others in their order. On Cortex-M the stack is painted, and the
 * SysTick timer counts: QEMU with -icount shift=0 takes 1 ns for an
 * instruction, so REPEAT steps make a whole number of ticks of each.
 */
#ifndef CLIENT_BENCH_FOOTPRINT_MEASURE_H
#define CLIENT_BENCH_FOOTPRINT_MEASURE_H

#include "board.h"

typedef bool measure_step(void);

static void measure_print(const char *name, unsigned long figure)
{
	char digits[12];
	uint8_t n = 0;

	while (*name)
		board_write((uint8_t)*name++);
	board_write(' ');
	do {
		digits[n++] = (char)('0' + figure % 10);
		figure /= 10;
	} while (figure);
	while (n > 0)
		board_write((uint8_t)digits[--n]);
	board_write('\n');
}

#ifdef __AVR__

static __attribute__((noinline)) bool measure_stack(const char *name, measure_step *step)
{
	bool ok;

	(void)name;
	board_mark(1);
	ok = step();
	board_mark(2);
	measure_print(name, 0);
	return ok;
}

static void measure_begin(void)
{
}

static __attribute__((noinline)) bool measure_time(const char *name, measure_step *step)
{
	bool ok;

	board_mark(3);
	ok = step();
	board_mark(4);
	measure_print(name, 0);
	return ok;
}

#else

#define SYST_CSR (*(volatile uint32_t *)0xe000e010)
#define SYST_RVR (*(volatile uint32_t *)0xe000e014)
#define SYST_CVR (*(volatile uint32_t *)0xe000e018)
#define MEASURE_PAINT 0xa5

extern uint8_t end[];

/* From the end of the data to somewhat below this function's own frame. */
static __attribute__((noinline)) bool measure_stack(const char *name, measure_step *step)
{
	uint8_t *volatile bottom = end;
	uint8_t *top = (uint8_t *)__builtin_frame_address(0);
	uint8_t *p;
	bool ok;

	for (p = bottom; p < top - 64; p++)
		*(volatile uint8_t *)p = MEASURE_PAINT;
	ok = step();
	for (p = bottom; *p == MEASURE_PAINT; p++)
		;
	measure_print(name, (unsigned long)(top - p));
	return ok;
}

static void measure_begin(void)
{
	SYST_RVR = 0xffffff;
	SYST_CVR = 0;
	SYST_CSR = 5; /* the processor's clock, no interrupt */
}

static __attribute__((noinline)) bool measure_time(const char *name, measure_step *step)
{
	bool ok = true;
	uint32_t start = SYST_CVR;

	for (uint32_t i = 0; i < REPEAT; i++)
		ok = step() && ok;
	measure_print(name, (start - SYST_CVR) & 0xffffff);
	return ok;
}

#endif
#endif
