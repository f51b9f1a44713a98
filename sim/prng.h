/*
 * All chance of a simulation: xoshiro256** (Blackman and Vigna), the same
 * numbers from the same seed on every machine. Not for keys of real devices.
 */
#ifndef SIM_PRNG_H
#define SIM_PRNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct prng {
	uint64_t s[4];
};

void prng_seed(struct prng *p, uint64_t seed);
uint64_t prng_next(struct prng *p);
/* 0 to n - 1; n > 0. */
uint64_t prng_below(struct prng *p, uint64_t n);
/* True in so many of a million cases. */
bool prng_chance(struct prng *p, uint32_t ppm);
/* A waiting time of this mean, as of things that happen by chance; at least 1. */
int64_t prng_wait(struct prng *p, int64_t mean);
void prng_bytes(struct prng *p, void *out, size_t len);

/*
 * What random_bytes of the core gives from now on in a program that is linked
 * with this: numbers of this seed in place of the kernel's.
 */
void sim_random_seed(uint64_t seed);

#endif
