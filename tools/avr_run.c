/*
 * Run a program on a simulated AVR: avr_run [-x] [-s] [-t SECONDS] MCU ELF
 * The program's other side is client/tests/board.h and board_curve.c. Standard input and output
 * are its bytes; a mark prints "mark N CYCLES SP" on standard error, SP being
 * the lowest stack pointer since the mark before. The exit status is the
 * program's; 124 after the time limit, 125 when it crashed or couldn't start.
 *   -x  data memory up to 0xffff, as on a board with external memory
 *   -s  watch the stack pointer after every instruction (slower)
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <simavr/sim_avr.h>
#include <simavr/sim_elf.h>
#include <simavr/sim_io.h>

#include "e4/crypto.h"

/* Data addresses of GPIOR0..2, the same in the ATmega328P and the ATmega2560. */
#define BYTES 0x3e
#define MARK 0x4a
#define END 0x4b

#define SPL 0x5d
#define SPH 0x5e

struct board {
	unsigned lowest, last, stays;
	int at_end; /* the last read found no byte */
	int status; /* -1: still running */
};

static unsigned stack_pointer(const avr_t *avr)
{
	return avr->data[SPL] | (unsigned)avr->data[SPH] << 8;
}

static void byte_out(avr_t *avr, avr_io_addr_t addr, uint8_t v, void *param)
{
	(void)avr, (void)addr, (void)param;
	putchar(v);
}

static uint8_t byte_in(avr_t *avr, avr_io_addr_t addr, void *param)
{
	struct board *b = param;
	int c = getchar();

	(void)avr, (void)addr;
	b->at_end = c == EOF;
	return c == EOF ? 0 : (uint8_t)c;
}

static uint8_t end_in(avr_t *avr, avr_io_addr_t addr, void *param)
{
	const struct board *b = param;

	(void)avr, (void)addr;
	return (uint8_t)b->at_end;
}

/* The curves for client/tests/board_curve.c; q is a struct board_question in the board's memory. */
static bool curve(uint8_t *data, const uint8_t *q, uint8_t op)
{
	uint8_t *out = data + (q[0] | q[1] << 8);
	const uint8_t *a = data + (q[2] | q[3] << 8), *b = data + (q[4] | q[5] << 8);
	size_t len = (size_t)(q[6] | q[7] << 8);

	switch (op) {
	case 0x80:
		e4_ed25519_keypair(out, a);
		return true;
	case 0x81:
		e4_ed25519_sign(out, a, len, b);
		return true;
	case 0x82:
		return e4_ed25519_verify(out, a, len, b);
	case 0x83:
		return e4_ed25519_public_key_ok(a);
	case 0x84:
		e4_x25519_base(out, a);
		return true;
	case 0x85:
		return e4_x25519(out, a, b);
	case 0x86:
		e4_ed25519_to_x25519_scalar(out, a);
		return true;
	default:
		return e4_ed25519_to_x25519_public(out, a);
	}
}

static void mark(avr_t *avr, avr_io_addr_t addr, uint8_t v, void *param)
{
	struct board *b = param;
	uint8_t *z = avr->data + (avr->data[30] | avr->data[31] << 8);

	(void)addr;
	if (v >= 0x80) {
		z[8] = curve(avr->data, z, v);
		return;
	}
	fprintf(stderr, "mark %u %llu %u\n", v, (unsigned long long)avr->cycle, b->lowest);
	b->lowest = stack_pointer(avr);
}

static void end(avr_t *avr, avr_io_addr_t addr, uint8_t v, void *param)
{
	struct board *b = param;

	(void)addr;
	b->status = v;
	avr->state = cpu_Done;
}

static void too_late(int signal)
{
	(void)signal;
	_exit(124);
}

/* simavr writes what it thinks to standard output, where the program's bytes are. */
static void quiet(avr_t *avr, const int level, const char *format, va_list args)
{
	(void)avr;
	if (level <= LOG_ERROR)
		vfprintf(stderr, format, args);
}

static avr_t *board_start(struct board *b, const char *mcu, const char *elf, int external)
{
	static elf_firmware_t firmware;
	avr_t *avr = avr_make_mcu_by_name(mcu);

	if (!avr || elf_read_firmware(elf, &firmware) != 0)
		return NULL;
	firmware.frequency = 16000000;
	if (external)
		avr->ramend = 0xffff;
	avr_init(avr);
	avr_load_firmware(avr, &firmware);
	avr_register_io_write(avr, BYTES, byte_out, b);
	avr_register_io_read(avr, BYTES, byte_in, b);
	avr_register_io_write(avr, MARK, mark, b);
	avr_register_io_write(avr, END, end, b);
	avr_register_io_read(avr, END, end_in, b);
	return avr;
}

/*
 * A frame is made by writing the pointer's upper byte, then SREG, then its
 * lower byte: what it is in between counts for nothing. So a value counts when
 * it comes from a push or a call, or when it stays.
 */
static void watch_stack(struct board *b, unsigned sp)
{
	unsigned step = b->last - sp;

	b->stays = step == 0 ? b->stays + 1 : 0;
	b->last = sp;
	if (sp < b->lowest && ((step >= 1 && step <= 3) || b->stays >= 3))
		b->lowest = sp;
}

static void board_run(struct board *b, avr_t *avr, int watch)
{
	int state = cpu_Running;

	if (watch)
		avr->run_cycle_limit = avr->run_cycle_count = 1;
	b->lowest = 0xffff;
	while (b->status < 0 && state != cpu_Done && state != cpu_Crashed) {
		state = avr_run(avr);
		if (watch)
			watch_stack(b, stack_pointer(avr));
	}
	avr->state = cpu_Done;
}

int main(int argc, char **argv)
{
	struct board b = {.status = -1};
	int option, external = 0, watch = 0;
	unsigned seconds = 60;
	avr_t *avr;

	while ((option = getopt(argc, argv, "xst:")) != -1) {
		if (option == 'x')
			external = 1;
		else if (option == 's')
			watch = 1;
		else if (option == 't')
			seconds = (unsigned)atoi(optarg);
		else
			return 125;
	}
	if (argc - optind != 2)
		return 125;
	avr_global_logger_set(quiet);
	avr = board_start(&b, argv[optind], argv[optind + 1], external);
	if (!avr) {
		fprintf(stderr, "avr_run: %s on %s can't start\n", argv[optind + 1], argv[optind]);
		return 125;
	}
	signal(SIGALRM, too_late);
	alarm(seconds);
	board_run(&b, avr, watch);
	fflush(stdout);
	return b.status < 0 ? 125 : b.status;
}
