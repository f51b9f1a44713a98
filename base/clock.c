#define _GNU_SOURCE
#include "base/clock.h"

#include <time.h>

static int64_t now_ms(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t real_wall(void *ctx)
{
	(void)ctx;
	return now_ms(CLOCK_REALTIME);
}

static int64_t real_mono(void *ctx)
{
	(void)ctx;
	return now_ms(CLOCK_MONOTONIC);
}

const struct clock clock_real = {0, real_wall, real_mono};

static int64_t manual_wall(void *ctx)
{
	return ((struct clock_manual *)ctx)->wall_ms;
}

static int64_t manual_mono(void *ctx)
{
	return ((struct clock_manual *)ctx)->mono_ms;
}

struct clock clock_of_manual(struct clock_manual *m)
{
	return (struct clock){m, manual_wall, manual_mono};
}
