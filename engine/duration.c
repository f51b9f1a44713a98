#include "engine/duration.h"

#include <inttypes.h>
#include <stdio.h>

static const struct {
	char letter;
	int64_t s;
} units[] = {{'w', 604800}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

enum { N_UNITS = sizeof units / sizeof *units };

static bool refuse(struct err *err, const char *text)
{
	return err_set(err, ERR_INVALID,
		       "\"%.64s\" is no duration; write numbers with their units, the largest "
		       "first: w, d, h, m or s, such as 7d or 1d12h",
		       text);
}

bool duration_parse(int64_t *out_s, const char *text, struct err *err)
{
	const char *p = text;
	int64_t sum = 0;
	int unit = 0;

	do {
		int64_t n = 0;

		if (*p < '0' || *p > '9')
			return refuse(err, text);
		for (; *p >= '0' && *p <= '9'; p++)
			n = n > DURATION_MAX_S ? n : n * 10 + (*p - '0');
		while (unit < N_UNITS && units[unit].letter != *p)
			unit++;
		if (unit == N_UNITS)
			return refuse(err, text);
		sum += n * units[unit++].s; /* five times 1e10 times 604800 fit */
		p++;
	} while (*p);
	if (sum > DURATION_MAX_S)
		return err_set(err, ERR_INVALID, "\"%.64s\" is above 10 years (3653d)", text);
	*out_s = sum;
	return true;
}

void duration_format(char out[DURATION_CAP], int64_t s)
{
	char *p = out;

	s = s < 0 ? 0 : s > DURATION_MAX_S ? DURATION_MAX_S : s;
	for (int unit = 1; unit < N_UNITS; unit++) {
		int64_t n = s / units[unit].s;

		s %= units[unit].s;
		if (n > 0 || (unit == N_UNITS - 1 && p == out))
			p += snprintf(p, (size_t)(out + DURATION_CAP - p), "%" PRId64 "%c", n,
				      units[unit].letter);
	}
}
