#include "api/scalar.h"

#include <stdio.h>
#include <string.h>

/* How many bytes the character at the front takes, 0 if it is none. */
static size_t utf8_char_len(const uint8_t *p, size_t len)
{
	uint32_t c;
	size_t n;

	if (p[0] < 0x80)
		return p[0] ? 1 : 0;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		n = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		n = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (n > len)
		return 0;
	c = p[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	/* Two bytes can't be overlong: their first byte begins at 0xc2. */
	if ((n == 3 && c < 0x800) || (n == 4 && (c < 0x10000 || c > 0x10ffff)))
		return 0;
	if (c >= 0xd800 && c <= 0xdfff)
		return 0;
	return n;
}

bool utf8_valid(const char *text, size_t len)
{
	const uint8_t *p = (const uint8_t *)text;

	while (len > 0) {
		size_t n = utf8_char_len(p, len);
		if (n == 0)
			return false;
		p += n;
		len -= n;
	}
	return true;
}

bool uint64_parse(uint64_t *out, const char *text, size_t len)
{
	uint64_t v = 0;

	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(text[i] - '0'), &v))
			return false;
	}
	*out = v;
	return true;
}

bool int64_parse(int64_t *out, const char *text, size_t len)
{
	bool negative = len > 0 && text[0] == '-';
	uint64_t v;

	if (!uint64_parse(&v, text + negative, len - negative))
		return false;
	if (v > (uint64_t)INT64_MAX + negative)
		return false;
	/* Written so that INT64_MIN never passes through its positive, which does not exist. */
	*out = negative && v > 0 ? -1 - (int64_t)(v - 1) : (int64_t)v;
	return true;
}

/* 0 to 63, or 64 for a character of neither alphabet. */
static unsigned base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (unsigned)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (unsigned)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0') + 52;
	if (c == '+' || c == '-')
		return 62;
	if (c == '/' || c == '_')
		return 63;
	return 64;
}

bool base64_decode(uint8_t *out, size_t *out_len, const char *text, size_t len)
{
	uint32_t bits = 0;
	unsigned n_bits = 0;
	size_t n = 0, pad = 0;

	while (len > 0 && pad < 2 && text[len - 1] == '=') {
		len--;
		pad++;
	}
	/* A rest of one character holds no byte; padding only ever fills up to four. */
	if (len % 4 == 1 || (pad > 0 && (len + pad) % 4 != 0))
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned v = base64_value(text[i]);
		if (v == 64)
			return false;
		bits = (bits << 6 | v) & 0xffff;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			out[n++] = (uint8_t)(bits >> n_bits);
		}
	}
	if (bits & ((1u << n_bits) - 1))
		return false;
	*out_len = n;
	return true;
}

void base64_encode(char *out, const uint8_t *bytes, size_t len)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		size_t have = len - i < 3 ? len - i : 3;
		uint32_t v = (uint32_t)bytes[i] << 16;
		if (have > 1)
			v |= (uint32_t)bytes[i + 1] << 8;
		if (have > 2)
			v |= bytes[i + 2];
		*out++ = alphabet[v >> 18];
		*out++ = alphabet[v >> 12 & 63];
		*out++ = have > 1 ? alphabet[v >> 6 & 63] : '=';
		*out++ = have > 2 ? alphabet[v & 63] : '=';
	}
}

/* The civil calendar, counted from 0000-03-01 so that leap days end a year. */
#define DAYS_TO_EPOCH 719468
#define DAYS_PER_ERA 146097 /* 400 years */

static int64_t days_from_date(int64_t y, int m, int d)
{
	int64_t era, year_of_era, day_of_year;

	y -= m <= 2;
	era = y /
	      400; /* y is never negative: years 0001 to 9999, January and February of 0001 are 0 */
	year_of_era = y - era * 400;
	day_of_year = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	return era * DAYS_PER_ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
	       day_of_year - DAYS_TO_EPOCH;
}

static void date_from_days(int64_t days, int *y, int *m, int *d)
{
	int64_t era, doe, yoe, doy, mp;

	days += DAYS_TO_EPOCH; /* at least 306 for 0001-01-01 */
	era = days / DAYS_PER_ERA;
	doe = days - era * DAYS_PER_ERA;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	*d = (int)(doy - (153 * mp + 2) / 5 + 1);
	*m = (int)(mp < 10 ? mp + 3 : mp - 9);
	*y = (int)(yoe + era * 400 + (*m <= 2));
}

static int days_in_month(int y, int m)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);

	return days[m - 1] + (m == 2 && leap);
}

struct text_cursor {
	const char *p, *end;
	bool bad; /* sticky */
};

static int take_digits(struct text_cursor *c, int n)
{
	int v = 0;

	for (; n > 0 && !c->bad; n--) {
		if (c->p == c->end || *c->p < '0' || *c->p > '9')
			c->bad = true;
		else
			v = v * 10 + (*c->p++ - '0');
	}
	return v;
}

static bool take_if(struct text_cursor *c, char ch)
{
	if (c->bad || c->p == c->end || *c->p != ch)
		return false;
	c->p++;
	return true;
}

static void take(struct text_cursor *c, char ch)
{
	if (!take_if(c, ch))
		c->bad = true;
}

/* ".123" as nanoseconds: 1 to 9 digits. */
static int32_t take_fraction(struct text_cursor *c)
{
	int32_t nanos = 0;
	int digits = 0;

	while (c->p < c->end && *c->p >= '0' && *c->p <= '9' && digits < 9) {
		nanos = nanos * 10 + (*c->p++ - '0');
		digits++;
	}
	if (digits == 0)
		c->bad = true;
	for (; digits < 9; digits++)
		nanos *= 10;
	return nanos;
}

/* Seconds that local time is ahead of UTC. */
static int64_t take_offset(struct text_cursor *c)
{
	bool negative;
	int h, m;

	if (take_if(c, 'Z') || take_if(c, 'z'))
		return 0;
	negative = take_if(c, '-');
	if (!negative)
		take(c, '+');
	h = take_digits(c, 2);
	take(c, ':');
	m = take_digits(c, 2);
	if (h > 23 || m > 59)
		c->bad = true;
	return (negative ? -1 : 1) * (h * INT64_C(3600) + m * 60);
}

bool timestamp_parse(int64_t *seconds, int32_t *nanos, const char *text, size_t len)
{
	struct text_cursor c = {text, text + len, false};
	int y, mon, d, h, min, s;

	y = take_digits(&c, 4);
	take(&c, '-');
	mon = take_digits(&c, 2);
	take(&c, '-');
	d = take_digits(&c, 2);
	if (!take_if(&c, 't'))
		take(&c, 'T');
	h = take_digits(&c, 2);
	take(&c, ':');
	min = take_digits(&c, 2);
	take(&c, ':');
	s = take_digits(&c, 2);
	*nanos = take_if(&c, '.') ? take_fraction(&c) : 0;
	*seconds = -take_offset(&c);
	if (c.bad || c.p != c.end)
		return false;
	if (y < 1 || mon < 1 || mon > 12 || d < 1 || d > days_in_month(y, mon) || h > 23 ||
	    min > 59 || s > 59)
		return false;
	*seconds += days_from_date(y, mon, d) * 86400 + h * 3600 + min * 60 + s;
	return *seconds >= TIMESTAMP_MIN && *seconds <= TIMESTAMP_MAX;
}

bool timestamp_format(char out[TIMESTAMP_CAP], int64_t seconds, int32_t nanos)
{
	int64_t days, rest;
	int y, m, d, n, s;

	if (seconds < TIMESTAMP_MIN || seconds > TIMESTAMP_MAX || nanos < 0 || nanos > 999999999)
		return false;
	days = (seconds - TIMESTAMP_MIN) / 86400 + TIMESTAMP_MIN / 86400;
	rest = (seconds - TIMESTAMP_MIN) % 86400;
	date_from_days(days, &y, &m, &d);
	s = (int)rest;
	n = snprintf(out, TIMESTAMP_CAP, "%04d-%02d-%02dT%02d:%02d:%02d", y, m, d, s / 3600,
		     s / 60 % 60, s % 60);
	if (nanos % 1000000 == 0 && nanos != 0)
		n += snprintf(out + n, TIMESTAMP_CAP - (size_t)n, ".%03d", nanos / 1000000);
	else if (nanos % 1000 == 0 && nanos != 0)
		n += snprintf(out + n, TIMESTAMP_CAP - (size_t)n, ".%06d", nanos / 1000);
	else if (nanos != 0)
		n += snprintf(out + n, TIMESTAMP_CAP - (size_t)n, ".%09d", nanos);
	memcpy(out + n, "Z", 2);
	return true;
}
