/*
 * A test program on a board: its standard streams, its input and its end. The
 * test is compiled with -Dmain=board_test.
 */
#include <stdio.h>

#include "board.h"

int board_test(void);

#ifdef __AVR__

static int put(char c, FILE *f)
{
	(void)f;
	board_write((uint8_t)c);
	return 0;
}

static FILE console = FDEV_SETUP_STREAM(put, NULL, _FDEV_SETUP_WRITE);

int main(void)
{
	stdout = stderr = &console;
	board_exit((uint8_t)board_test());
	return 0;
}

#else

extern uint32_t stack_top;
extern void _start(void); /* newlib's, which asks the emulator for the stack and the heap */

__attribute__((section(".vectors"), used)) static const uintptr_t vectors[] = {
	(uintptr_t)&stack_top, (uintptr_t)_start, 0, 0};

int board_read(void)
{
	static FILE *input;

	if (!input)
		input = fopen("board_input", "rb");
	return input ? getc(input) : -1;
}

int main(void)
{
	int status = board_test();

	fflush(stdout);
	board_exit((uint8_t)status);
	return 0;
}

#endif
