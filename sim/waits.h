/* Waiting times, counted in steps of powers: sums, so shards can be told as one. */
#ifndef SIM_WAITS_H
#define SIM_WAITS_H

#include <stddef.h>
#include <stdint.h>

/* 16 steps to a doubling, of milliseconds. */
enum { WAIT_STEPS = 16, WAIT_BINS = 36 * WAIT_STEPS };

struct waits {
	int64_t bin[WAIT_BINS];
	int64_t n, longest_ms;
};

/* The same where there are many of them: two steps are one. */
enum { ROUGH_BINS = WAIT_BINS / 2 };

struct rough_waits {
	int64_t bin[ROUGH_BINS];
	int64_t n, longest_ms;
};

void waits_add(struct waits *w, int64_t ms);
void rough_add(struct rough_waits *w, int64_t ms);
/* The time in ms within which this share of all had it; -1: they never had. */
int64_t waits_within(const struct waits *w, int64_t of, uint32_t ppm);
int64_t rough_within(const struct rough_waits *w, int64_t of, uint32_t ppm);

#endif
