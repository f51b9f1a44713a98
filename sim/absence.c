#include "sim/absence.h"

static int64_t width_s(const struct absence *a, size_t i)
{
	return a->end_s[i] - (i ? a->end_s[i - 1] : 0);
}

/* Ages of a second of this part: what outlasts it, as a share of 2^32. */
static uint64_t density(const struct absence *a, size_t i)
{
	return ((uint64_t)a->ages[i] << 32) / (uint64_t)width_s(a, i);
}

/* Higher ages cannot be more frequent than lower ones: where a sample has it so, both are one. */
static void pool(struct absence *a)
{
	while (a->n > 1 && density(a, a->n - 1) > density(a, a->n - 2)) {
		a->end_s[a->n - 2] = a->end_s[a->n - 1];
		a->ages[a->n - 2] += a->ages[a->n - 1];
		a->n--;
	}
}

void absence_fit(struct absence *a, const int64_t *ages_s, size_t n)
{
	a->n = 0;
	for (size_t i = 0; i < n && a->n < ABSENCE_MAX; i++) {
		int64_t last = a->n ? a->end_s[a->n - 1] : 0;

		a->end_s[a->n] = ages_s[i] > last ? ages_s[i] : last + 1;
		a->ages[a->n++] = 1;
		pool(a);
	}
}

int64_t absence_mean_s(const struct absence *a)
{
	int64_t all = 0;

	for (size_t i = 0; i < a->n; i++)
		all += a->ages[i];
	return a->n ? (width_s(a, 0) * all + a->ages[0] - 1) / a->ages[0] : 0;
}

int64_t absence_ms(const struct absence *a, struct prng *p)
{
	uint64_t r = prng_below(p, density(a, 0));
	size_t i = 0;

	while (i + 1 < a->n && density(a, i + 1) > r)
		i++;
	return a->end_s[i] * 1000;
}

int64_t absence_left_ms(const struct absence *a, struct prng *p)
{
	uint64_t all = 0, r;
	size_t i = 0;

	for (size_t k = 0; k < a->n; k++)
		all += (uint64_t)a->ages[k];
	r = prng_below(p, all);
	for (; r >= (uint64_t)a->ages[i]; i++)
		r -= (uint64_t)a->ages[i];
	return (a->end_s[i] - width_s(a, i)) * 1000 +
	       (int64_t)prng_below(p, (uint64_t)width_s(a, i) * 1000) + 1;
}
