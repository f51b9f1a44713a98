/*
 * A test program on a board: its standard streams, its input and its end. The
 * test is compiled with -Dmain=board_test.
 */
#include <stdio.h>

#include "board.h"

#undef main

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

void initialise_monitor_handles(void); /* newlib's: opens the streams by semihosting */

int board_read(void)
{
	static FILE *input;

	if (!input)
		input = fopen("board_input", "rb");
	return input ? getc(input) : -1;
}

int main(void)
{
	int status;

	initialise_monitor_handles();
	status = board_test();
	fflush(stdout);
	return status;
}

#endif
