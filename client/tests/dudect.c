/*
 * Constant time by statistics: each function runs many times on secrets of two
 * classes, one fixed and one random, in random order, and Welch's t-test asks
 * whether the two sets of times differ (O. Reparaz, J. Balasch, I. Verbauwhede:
 * Dude, is my code constant time?, DATE 2017). It measures this processor, so it
 * sees what the valgrind check cannot, as a division of varying time, and misses
 * what noise covers. Noise alone passes LIMIT now and then but not in each of
 * ROUNDS rounds, a leak does. A comparison that leaks on purpose must be found.
 */
#define _POSIX_C_SOURCE 199309L
#include <stdlib.h>
#include <time.h>

#include "check.h"
#include "e4/crypto.h"

#define POOL 64 /* secrets of each class, made before the clock runs */
#define LIMIT 10.0
#define ROUNDS 5
#define LEN 64

struct input {
	uint8_t bytes[LEN + 16];
};

struct subject {
	const char *name;
	int samples;
	bool leaks;
	void (*make)(struct input *in, bool fixed);
	void (*run)(const struct input *in);
};

static uint64_t random_state = 88172645463325252u;
static volatile uint8_t sink;
static struct e4_siv_key siv_key;
static const uint8_t zero[32], nine[32] = {9};

/* Xorshift: the classes have to differ, nobody has to fail to guess them. */
static uint64_t random64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	return random_state ^= random_state << 17;
}

static void fill(uint8_t *p, size_t len)
{
	while (len-- > 0)
		*p++ = (uint8_t)random64();
}

static uint64_t ticks(void)
{
#if defined(__x86_64__)
	uint32_t low, high;

	__asm__ __volatile__("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
#else
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
#endif
}

/* --- the secrets ------------------------------------------------------------------ */

static void make_bytes(struct input *in, bool fixed)
{
	memset(in, 0, sizeof *in);
	if (!fixed)
		fill(in->bytes, sizeof in->bytes);
}

static void make_private_key(struct input *in, bool fixed)
{
	uint8_t seed[32] = {1};

	if (!fixed)
		fill(seed, sizeof seed);
	e4_ed25519_keypair(in->bytes, seed);
}

/* Fixed: authentic. Random: one bit of the tag or the ciphertext is another. */
static void make_sealed(struct input *in, bool fixed)
{
	uint8_t plain[LEN];
	uint64_t bit = random64() % (8 * sizeof in->bytes);

	fill(plain, sizeof plain);
	e4_siv_seal(&siv_key, in->bytes, NULL, 0, plain, LEN);
	if (!fixed)
		in->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

/* --- the functions ------------------------------------------------------------------ */

static void run_equal(const struct input *in)
{
	sink = e4_equal(in->bytes, zero, 32);
}

static void run_is_zero(const struct input *in)
{
	sink = e4_is_zero(in->bytes, 32);
}

static void run_sha3(const struct input *in)
{
	uint8_t digest[32];

	e4_sha3_256(digest, in->bytes, LEN);
	sink = digest[0];
}

static void run_key(const struct input *in)
{
	struct e4_siv_key k;

	e4_siv_key_init(&k, in->bytes);
	sink = k.d0[0];
}

static void run_seal(const struct input *in)
{
	uint8_t out[LEN + 16];

	e4_siv_seal(&siv_key, out, NULL, 0, in->bytes, LEN);
	sink = out[0];
}

static void run_open(const struct input *in)
{
	uint8_t out[LEN];

	sink = e4_siv_open(&siv_key, out, NULL, 0, in->bytes, LEN + 16);
}

static void run_keypair(const struct input *in)
{
	uint8_t private_key[64];

	e4_ed25519_keypair(private_key, in->bytes);
	sink = private_key[32];
}

static void run_sign(const struct input *in)
{
	uint8_t sig[64];

	e4_ed25519_sign(sig, zero, sizeof zero, in->bytes);
	sink = sig[0];
}

static void run_x25519(const struct input *in)
{
	uint8_t shared[32];

	e4_x25519(shared, in->bytes, nine);
	sink = shared[0];
}

static void run_x25519_base(const struct input *in)
{
	uint8_t point[32];

	e4_x25519_base(point, in->bytes);
	sink = point[0];
}

/* Stops at the first difference. */
static void run_leak(const struct input *in)
{
	const volatile uint8_t *p = in->bytes;
	size_t i = 0;

	while (i < 32 && p[i] == 0)
		i++;
	sink = i == 32;
}

static const struct subject subjects[] = {
	{"a comparison that stops early", 20000, true, make_bytes, run_leak},
	{"e4_equal", 20000, false, make_bytes, run_equal},
	{"e4_is_zero", 20000, false, make_bytes, run_is_zero},
	{"e4_sha3_256", 20000, false, make_bytes, run_sha3},
	{"e4_siv_key_init", 20000, false, make_bytes, run_key},
	{"e4_siv_seal", 20000, false, make_bytes, run_seal},
	{"e4_siv_open, authentic or not", 20000, false, make_sealed, run_open},
	{"e4_ed25519_keypair", 3000, false, make_bytes, run_keypair},
	{"e4_ed25519_sign", 3000, false, make_private_key, run_sign},
	{"e4_x25519", 3000, false, make_bytes, run_x25519},
	{"e4_x25519_base", 3000, false, make_bytes, run_x25519_base},
};

/* --- the test ------------------------------------------------------------------------ */

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* What is slower than nine tenths was interrupted: it says nothing of the function. */
static uint64_t slow(const uint64_t *times, int n)
{
	uint64_t *sorted = malloc((size_t)n * sizeof *sorted), limit;

	if (!sorted)
		exit(2);
	memcpy(sorted, times, (size_t)n * sizeof *sorted);
	qsort(sorted, (size_t)n, sizeof *sorted, by_size);
	limit = sorted[n * 9 / 10];
	free(sorted);
	return limit;
}

/* The square of Welch's t; no square root, so no library of mathematics. */
static double t_squared(const uint64_t *times, const uint8_t *classes, int n)
{
	double count[2] = {0}, mean[2] = {0}, m2[2] = {0}, variance, difference;
	uint64_t limit = slow(times, n);

	for (int i = 0; i < n; i++) {
		int k = classes[i];
		double x = (double)times[i], delta = x - mean[k];

		if (times[i] > limit)
			continue;
		count[k]++;
		mean[k] += delta / count[k];
		m2[k] += delta * (x - mean[k]);
	}
	variance = m2[0] / (count[0] - 1) / count[0] + m2[1] / (count[1] - 1) / count[1];
	difference = mean[0] - mean[1];
	if (difference == 0)
		return 0;
	return variance > 0 ? difference * difference / variance : 1e9;
}

static double measure(const struct subject *s, int n)
{
	static struct input pool[2][POOL];
	uint64_t *times = malloc((size_t)n * sizeof *times);
	uint8_t *classes = malloc((size_t)n);
	struct input in; /* one place in memory for both */
	double t;

	if (!times || !classes)
		exit(2);
	for (int i = 0; i < POOL; i++) {
		s->make(&pool[0][i], true);
		s->make(&pool[1][i], false);
	}
	for (int i = 0; i < n; i++) {
		uint64_t start, r = random64();

		classes[i] = r & 1;
		memcpy(&in, &pool[classes[i]][(r >> 1) % POOL], sizeof in);
		start = ticks();
		s->run(&in);
		times[i] = ticks() - start;
	}
	t = t_squared(times, classes, n);
	free(times);
	free(classes);
	return t;
}

/* A leak shows in every round, and the more the longer it is watched; noise does not. */
static void judge(const struct subject *s)
{
	double least = 1e18;
	int n = s->samples, round = 0;

	while (round < ROUNDS && least > LIMIT * LIMIT) {
		double t = measure(s, n);

		least = t < least ? t : least;
		round++;
		n += s->samples;
	}
	printf("%s: t^2 = %.1f at least, in %d round%s (a leak: over %.0f in %d)\n", s->name, least,
	       round, round == 1 ? "" : "s", LIMIT * LIMIT, ROUNDS);
	CHECK_EQ(least > LIMIT * LIMIT, s->leaks);
}

int main(void)
{
	e4_siv_key_init(&siv_key, nine);
	for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++)
		judge(&subjects[i]);
	return END();
}
