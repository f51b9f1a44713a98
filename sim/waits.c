#include "sim/waits.h"

static size_t bin_of(int64_t ms)
{
	uint64_t v = ms > 0 ? (uint64_t)ms : 0;
	int octave = 0;
	size_t bin;

	if (v < WAIT_STEPS)
		return (size_t)v;
	while (v >> octave >= 2 * WAIT_STEPS)
		octave++;
	bin = (size_t)(octave + 1) * WAIT_STEPS + (size_t)(v >> octave) - WAIT_STEPS;
	return bin < WAIT_BINS ? bin : WAIT_BINS - 1;
}

/* The largest of a bin. */
static int64_t bin_top(size_t bin)
{
	size_t octave = bin / WAIT_STEPS;

	if (octave == 0)
		return (int64_t)bin;
	return (int64_t)((bin % WAIT_STEPS + WAIT_STEPS + 1) << (octave - 1)) - 1;
}

static void add(int64_t *n, int64_t *longest_ms, int64_t ms)
{
	++*n;
	if (ms > *longest_ms)
		*longest_ms = ms;
}

void waits_add(struct waits *w, int64_t ms)
{
	w->bin[bin_of(ms)]++;
	add(&w->n, &w->longest_ms, ms);
}

void rough_add(struct rough_waits *w, int64_t ms)
{
	w->bin[bin_of(ms) / 2]++;
	add(&w->n, &w->longest_ms, ms);
}

static int64_t within(const int64_t *bins, size_t n_bins, size_t steps, int64_t longest_ms,
		      int64_t of, uint32_t ppm)
{
	/* Rounded up: 100 % are all of them. */
	int64_t need = (of * ppm + 999999) / 1000000, n = 0;

	for (size_t i = 0; i < n_bins; i++) {
		int64_t top = bin_top(i * steps + steps - 1);

		n += bins[i];
		if (n >= need && n > 0)
			return top < longest_ms ? top : longest_ms;
	}
	return -1;
}

int64_t waits_within(const struct waits *w, int64_t of, uint32_t ppm)
{
	return within(w->bin, WAIT_BINS, 1, w->longest_ms, of, ppm);
}

int64_t rough_within(const struct rough_waits *w, int64_t of, uint32_t ppm)
{
	return within(w->bin, ROUGH_BINS, 2, w->longest_ms, of, ppm);
}
