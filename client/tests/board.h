/*
 * What a program on a board without an operating system asks of the emulator
 * around it: bytes in and out, marks, the end. On AVR three spare I/O registers
 * (tools/avr_run.c is their other side), on Cortex-M semihosting, elsewhere the
 * C library.
 */
#ifndef CLIENT_TESTS_BOARD_H
#define CLIENT_TESTS_BOARD_H

#include <stddef.h>
#include <stdint.h>

#if defined(__AVR__)

#include <avr/io.h>

static inline void board_write(uint8_t c)
{
	GPIOR0 = c;
}

/* The next byte of the input, or -1. */
static inline int board_read(void)
{
	uint8_t c = GPIOR0;

	return GPIOR2 ? -1 : c;
}

/* avr_run prints the mark, the cycles so far and the lowest stack pointer since the last mark. */
static inline void board_mark(uint8_t n)
{
	GPIOR1 = n;
}

/* One calculation that the host does instead: its operation, and where its arguments are. */
struct board_question {
	void *out;
	const void *a, *b;
	uint16_t len;
	uint8_t result;
};

static inline uint8_t board_ask(uint8_t op, struct board_question *q)
{
	__asm__ volatile("out %0, %1" ::"I"(_SFR_IO_ADDR(GPIOR1)), "r"(op), "z"(q) : "memory");
	return q->result;
}

static inline void board_exit(uint8_t status)
{
	GPIOR2 = status;
	for (;;)
		;
}

#elif defined(__arm__) && !defined(__linux__)

#define BOARD_WRITEC 0x03
#define BOARD_EXIT_EXTENDED 0x20

static inline intptr_t board_call(uintptr_t what, const void *argument)
{
	register uintptr_t r0 __asm__("r0") = what;
	register const void *r1 __asm__("r1") = argument;

	__asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
	return (intptr_t)r0;
}

static inline void board_write(uint8_t c)
{
	board_call(BOARD_WRITEC, &c);
}

/* In board_main.c, from the file board_input. */
int board_read(void);

static inline void board_exit(uint8_t status)
{
	uintptr_t block[2] = {0x20026 /* the application ends */, status};

	board_call(BOARD_EXIT_EXTENDED, block);
	for (;;)
		;
}

#else

#include <stdio.h>
#include <stdlib.h>

static inline void board_write(uint8_t c)
{
	putchar(c);
}

static inline int board_read(void)
{
	return getchar();
}

static inline void board_exit(uint8_t status)
{
	exit(status);
}

#endif
#endif
