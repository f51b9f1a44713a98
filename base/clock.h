/* Time as a parameter: the real clocks, or one that a test or simulation sets. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

struct clock {
	void *ctx;
	/* Milliseconds since the Unix epoch; may step. */
	int64_t (*wall_ms)(void *ctx);
	/* Milliseconds since some start; never steps back. */
	int64_t (*mono_ms)(void *ctx);
};

extern const struct clock clock_real;

/* A clock that stands still until the test moves it. */
struct clock_manual {
	int64_t wall_ms;
	int64_t mono_ms;
};

struct clock clock_of_manual(struct clock_manual *m);

static inline int64_t clock_wall_s(const struct clock *c)
{
	return c->wall_ms(c->ctx) / 1000;
}

#endif
