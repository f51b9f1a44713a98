#define _POSIX_C_SOURCE 200809L

#include <time.h>

#include "e4/store_posix.h"

#define YEAR_2020 1577836800

bool e4_clock_posix_now(void *ctx, uint64_t *seconds)
{
	struct timespec now;

	(void)ctx;
	*seconds = 0;
	if (clock_gettime(CLOCK_REALTIME, &now) != 0 || now.tv_sec < YEAR_2020)
		return false;
	*seconds = (uint64_t)now.tv_sec;
	return true;
}
