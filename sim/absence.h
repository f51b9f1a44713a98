/*
 * How long devices stay away, from what can be seen of a fleet at one moment:
 * how long those that are away have been so. In a fleet that goes on as it is,
 * these ages fall off with their length as absences outlast it; so the absences
 * that make such ages are known, and with them such a fleet again.
 */
#ifndef SIM_ABSENCE_H
#define SIM_ABSENCE_H

#include "sim/prng.h"

enum { ABSENCE_MAX = 100 };

/* Zero: nothing is known. */
struct absence {
	int64_t end_s[ABSENCE_MAX]; /* rising: the lengths that absences have */
	int64_t ages[ABSENCE_MAX];  /* parts of all ages from the length before to this one */
	size_t n;
};

/* From ages that part those of all devices away into equal shares: rising, n of them. */
void absence_fit(struct absence *a, const int64_t *ages_s, size_t n);
int64_t absence_mean_s(const struct absence *a);
/* A whole one, and what is left of one that is under way. */
int64_t absence_ms(const struct absence *a, struct prng *p);
int64_t absence_left_ms(const struct absence *a, struct prng *p);

#endif
