/*
 * A table of times, ours beside a peer's, measured in turns in one process so
 * that the machine's moods hit both. A row's time is the median of many
 * batches; ratios carry further than the nanoseconds.
 */
#ifndef CLIENT_BENCH_BENCH_H
#define CLIENT_BENCH_BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BENCH_BATCHES 41
#define BENCH_BATCH_NS 200000.0

/* One operation; ctx is the row's. */
typedef void bench_fn(void *ctx);

static inline double bench_now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline double bench_batch_ns(bench_fn *fn, void *ctx, unsigned n)
{
	double start = bench_now_ns();
	for (unsigned i = 0; i < n; i++)
		fn(ctx);
	return (bench_now_ns() - start) / n;
}

static inline unsigned bench_batch_size(bench_fn *fn, void *ctx)
{
	fn(ctx); /* caches, and what a peer loads at its first call */
	double once = bench_batch_ns(fn, ctx, 8);
	return once >= BENCH_BATCH_NS ? 1 : (unsigned)(BENCH_BATCH_NS / once) + 1;
}

static inline int bench_by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static inline double bench_median(double *times)
{
	qsort(times, BENCH_BATCHES, sizeof *times, bench_by_size);
	return times[BENCH_BATCHES / 2];
}

/* Open a table whose peer column is that. */
static inline void bench_title(const char *peer)
{
	printf("\npeer: %s\n", peer);
	printf("%-34s %7s %12s %12s %7s\n", "operation", "bytes", "ours ns", "peer ns", "ratio");
}

/* Measure and print one row. peer may be NULL. */
static inline void bench_row(const char *what, size_t len, bench_fn *ours, void *ours_ctx,
			     bench_fn *peer, void *peer_ctx)
{
	double a[BENCH_BATCHES], b[BENCH_BATCHES];
	unsigned na = bench_batch_size(ours, ours_ctx);
	unsigned nb = peer ? bench_batch_size(peer, peer_ctx) : 0;
	for (int i = 0; i < BENCH_BATCHES; i++) {
		a[i] = bench_batch_ns(ours, ours_ctx, na);
		b[i] = peer ? bench_batch_ns(peer, peer_ctx, nb) : 0;
	}
	double x = bench_median(a), y = bench_median(b);
	if (peer)
		printf("%-34s %7zu %12.0f %12.0f %7.2f\n", what, len, x, y, x / y);
	else
		printf("%-34s %7zu %12.0f %12s %7s\n", what, len, x, "-", "-");
	fflush(stdout);
}

#endif
