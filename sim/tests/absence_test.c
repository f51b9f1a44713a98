/* Absences that are fitted to ages, and a simulated fleet that shows these ages again. */
#include <stdlib.h>

#include "base/mem.h"
#include "sim/absence.h"
#include "sim/waits.h"
#include "tests/check.h"

enum { N = 40000, DRAWS = 200000 };

static int64_t ages[] = {600, 3600, 7200, 18000, 36000, 86400, 172800};
enum { N_AGES = sizeof ages / sizeof *ages };

static int64_t mean_drawn(const struct absence *a, struct prng *p)
{
	int64_t sum = 0;

	for (int i = 0; i < DRAWS; i++)
		sum += absence_ms(a, p);
	return sum / DRAWS;
}

static void test_mean(void)
{
	struct absence a;
	struct prng p;
	int64_t ms;

	prng_seed(&p, 3);
	absence_fit(&a, ages, N_AGES);
	CHECK_EQ(a.n, N_AGES);
	/* A seventh of all is younger than ten minutes. */
	CHECK_EQ(absence_mean_s(&a), 4200);
	ms = mean_drawn(&a, &p);
	CHECK(ms > 4100000 && ms < 4300000);
}

/* Each device away goes on with an absence after another; the ages are looked at much later. */
static void test_ages_come_again(void)
{
	struct absence a;
	struct prng p;
	int64_t younger[N_AGES] = {0}, end_ms = INT64_C(20) * 86400000;

	prng_seed(&p, 4);
	absence_fit(&a, ages, N_AGES);
	for (int i = 0; i < N; i++) {
		int64_t began_ms = 0, until_ms = absence_left_ms(&a, &p);

		while (until_ms <= end_ms) {
			began_ms = until_ms;
			until_ms += absence_ms(&a, &p);
		}
		for (size_t k = 0; k < N_AGES; k++)
			younger[k] += end_ms - began_ms <= ages[k] * 1000;
	}
	for (size_t k = 0; k < N_AGES; k++) {
		int64_t want = N * ((int64_t)k + 1) / N_AGES;

		CHECK(labs((long)(younger[k] - want)) < N / 100);
	}
}

/* A sample with more old ones than young ones is no fleet that goes on: it is levelled. */
static void test_levelled(void)
{
	static const int64_t late[] = {3600, 3700, 3800, 7200, 7200};
	struct absence a;

	absence_fit(&a, late, 5);
	for (size_t i = 1; i < a.n; i++)
		CHECK(a.ages[i] * (a.end_s[i - 1] - (i > 1 ? a.end_s[i - 2] : 0)) <=
		      a.ages[i - 1] * (a.end_s[i] - a.end_s[i - 1]));
	CHECK_EQ(a.end_s[a.n - 1], 7201);
	absence_fit(&a, late, 1);
	CHECK_EQ(absence_mean_s(&a), 3600);
	absence_fit(&a, late, 0);
	CHECK_EQ(a.n, 0);
	CHECK_EQ(absence_mean_s(&a), 0);
}

/* The same share within the same time, a step apart. */
static void test_rough(void)
{
	static struct waits fine;
	static struct rough_waits rough;
	struct prng p;

	prng_seed(&p, 5);
	CHECK_EQ(rough_within(&rough, 10, 500000), -1);
	for (int i = 0; i < N; i++) {
		int64_t ms = prng_wait(&p, 100000);

		waits_add(&fine, ms);
		rough_add(&rough, ms);
	}
	for (uint32_t ppm = 1000; ppm <= 1000000; ppm += 999) {
		int64_t a = waits_within(&fine, N, ppm), b = rough_within(&rough, N, ppm);

		CHECK(b >= a && b <= a + a / 8 + 1);
	}
	CHECK_EQ(rough_within(&rough, N, 1000000), rough.longest_ms);
	CHECK_EQ(rough_within(&rough, N + 1, 1000000), -1);
}

int main(void)
{
	test_mean();
	test_ages_come_again();
	test_levelled();
	test_rough();
	return END();
}
