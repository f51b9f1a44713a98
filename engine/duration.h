/*
 * Lengths of time in settings and rules: "30d", "12h", "90m", "1d12h".
 *
 * Whole numbers, each with its unit, the larger unit first and each at most once: w (7 days),
 * d (24 hours), h, m, s. From 0 to DURATION_MAX_S.
 */
#ifndef ENGINE_DURATION_H
#define ENGINE_DURATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define DURATION_MAX_S (INT64_C(3653) * 86400) /* 10 years, with the leap days they can have */

enum { DURATION_CAP = 32 };

/* ERR_INVALID says what would be right; *out_s is then as before. */
bool duration_parse(int64_t *out_s, const char *text, struct err *err);

/* As duration_parse reads it, in d, h, m and s; a value out of range is taken to the nearest. */
void duration_format(char out[DURATION_CAP], int64_t s);

#endif
