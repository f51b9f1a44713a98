#include "sim/prng.h"

#include <string.h>

#include "c2/core/internal.h"

static uint64_t rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

/* splitmix64 spreads the seed. */
void prng_seed(struct prng *p, uint64_t seed)
{
	for (int i = 0; i < 4; i++) {
		uint64_t z = seed += 0x9e3779b97f4a7c15u;

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
		z = (z ^ z >> 27) * 0x94d049bb133111ebu;
		p->s[i] = z ^ z >> 31;
	}
}

uint64_t prng_next(struct prng *p)
{
	uint64_t *s = p->s, result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

/* The bias is below n / 2^32 for the small n here. */
uint64_t prng_below(struct prng *p, uint64_t n)
{
	return n <= UINT32_MAX ? (prng_next(p) >> 32) * n >> 32 : prng_next(p) % n;
}

bool prng_chance(struct prng *p, uint32_t ppm)
{
	return ppm > 0 && prng_below(p, 1000000) < ppm;
}

/*
 * Exponential: -ln(u) by halvings, so that no machine's logarithm decides what
 * a seed means. u in (0, 1] is 2^-k (1 + f): ln(1 + f) by four terms of a fit.
 */
int64_t prng_wait(struct prng *p, int64_t mean)
{
	uint64_t u = prng_next(p) >> 11 | 1;
	int k = 0;
	double f, ln;
	int64_t wait;

	while (!(u >> 52)) {
		u <<= 1;
		k++;
	}
	f = (double)(u & (((uint64_t)1 << 52) - 1)) / (double)((uint64_t)1 << 52);
	ln = f * (0.9974 + f * (-0.4713 + f * (0.2257 - f * 0.0587)));
	wait = (int64_t)((double)mean * ((double)(k + 1) * 0.6931472 - ln));
	return wait > 0 ? wait : 1;
}

void prng_bytes(struct prng *p, void *out, size_t len)
{
	uint8_t *to = out;

	while (len > 0) {
		uint64_t x = prng_next(p);
		size_t n = len < 8 ? len : 8;

		for (size_t i = 0; i < n; i++)
			to[i] = (uint8_t)(x >> (8 * i));
		to += n;
		len -= n;
	}
}

/* --- in place of core/random.c -------------------------------------------------------- */

static struct prng source;

void sim_random_seed(uint64_t seed)
{
	prng_seed(&source, seed ^ 0x6b657973u);
}

void random_bytes(void *out, size_t len)
{
	prng_bytes(&source, out, len);
}
