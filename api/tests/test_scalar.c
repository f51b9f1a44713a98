#include "tests/check.h"

#include <stdlib.h>

#include "api/scalar.h"

static bool valid(const char *text)
{
	return utf8_valid(text, strlen(text));
}

static void utf8_takes_every_kind_of_character_and_refuses_every_bad_one(void)
{
	CHECK(valid(""));
	CHECK(valid("plain"));
	CHECK(valid("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x94\x91"));
	CHECK(valid("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf")); /* around what is left out */
	CHECK(!utf8_valid("a\0b", 3));
	CHECK(!valid("\xc0\xaf"));         /* overlong / */
	CHECK(!valid("\xe0\x80\xaf"));     /* the same in three */
	CHECK(!valid("\xf0\x80\x80\xaf")); /* and in four */
	CHECK(!valid("\xed\xa0\x80"));     /* surrogate */
	CHECK(!valid("\xf4\x90\x80\x80")); /* past U+10FFFF */
	CHECK(!valid("\xff"));
	CHECK(!valid("\x80"));
	CHECK(!valid("\xe2\x82"));
	CHECK(!valid("\xe2\x82x"));
}

static void every_single_byte_from_0x80_on_is_refused(void)
{
	for (int b = 0; b < 256; b++) {
		char c = (char)b;
		CHECK(utf8_valid(&c, 1) == (b > 0 && b < 0x80));
	}
}

static bool parses(const char *text, int64_t want)
{
	int64_t v;

	return int64_parse(&v, text, strlen(text)) && v == want;
}

static void integers_parse_to_their_last_digit(void)
{
	int64_t v;
	uint64_t u;

	CHECK(parses("0", 0));
	CHECK(parses("-0", 0));
	CHECK(parses("9223372036854775807", INT64_MAX));
	CHECK(parses("-9223372036854775808", INT64_MIN));
	CHECK(!int64_parse(&v, "9223372036854775808", 19));
	CHECK(!int64_parse(&v, "-9223372036854775809", 20));
	CHECK(!int64_parse(&v, "99999999999999999999", 20));
	CHECK(uint64_parse(&u, "18446744073709551615", 20) && u == UINT64_MAX);
	CHECK(!uint64_parse(&u, "18446744073709551616", 20));
	for (const char *const *bad = (const char *const[]){"", "-", "+1", " 1", "1 ", "1e3", "0x1",
							    "1.0", "--1", NULL};
	     *bad; bad++)
		CHECK(!int64_parse(&v, *bad, strlen(*bad)));
}

static void base64_of_every_length_comes_back(void)
{
	uint8_t in[70], out[BASE64_DECODED_CAP(96)];
	char text[96];
	size_t n;

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 151 + 7);
	for (size_t len = 0; len <= sizeof(in); len++) {
		size_t text_len = BASE64_ENCODED_LEN(len);
		base64_encode(text, in, len);
		CHECK(base64_decode(out, &n, text, text_len) && n == len);
		CHECK_MEM(out, in, len);
		while (text_len > 0 && text[text_len - 1] == '=')
			text_len--;
		CHECK(base64_decode(out, &n, text, text_len) && n == len);
		CHECK_MEM(out, in, len);
	}
}

static bool decodes(const char *text)
{
	uint8_t out[64];
	size_t n;

	return base64_decode(out, &n, text, strlen(text));
}

static void base64_has_one_spelling_for_each_value(void)
{
	CHECK(decodes("-_-_"));
	CHECK(decodes("+/+/"));
	CHECK(decodes("AA=="));
	CHECK(!decodes("AB==")); /* bits beyond the last byte */
	CHECK(!decodes("A"));
	CHECK(!decodes("AAAAA"));
	CHECK(!decodes("AA="));
	CHECK(!decodes("AAA=="));
	CHECK(!decodes("===="));
	CHECK(!decodes("AAAA="));
	CHECK(!decodes("AA AA"));
	CHECK(!decodes("AA\nAA"));
	CHECK(!decodes("=AAA"));
	CHECK(!decodes("A*AA"));
}

static void a_time_is(const char *text, int64_t seconds, int32_t nanos)
{
	char out[TIMESTAMP_CAP];
	int64_t s;
	int32_t n;

	CHECK(timestamp_parse(&s, &n, text, strlen(text)));
	CHECK_EQ(s, seconds);
	CHECK_EQ(n, nanos);
	CHECK(timestamp_format(out, seconds, nanos));
	CHECK_STR(out, text);
}

static void times_come_back_to_the_nanosecond(void)
{
	a_time_is("1970-01-01T00:00:00Z", 0, 0);
	a_time_is("0001-01-01T00:00:00Z", TIMESTAMP_MIN, 0);
	a_time_is("9999-12-31T23:59:59.999999999Z", TIMESTAMP_MAX, 999999999);
	a_time_is("2000-02-29T12:00:00.500Z", 951825600, 500000000);
	a_time_is("2026-11-21T22:55:07.000001Z", 1795301707, 1000);
	a_time_is("1969-12-31T23:59:59Z", -1, 0);
	a_time_is("2100-03-01T00:00:00Z", 4107542400, 0);
}

static void each_day_of_ten_thousand_years_comes_back(void)
{
	char text[TIMESTAMP_CAP];
	int64_t s, wrong = 0;
	int32_t n;

	for (int64_t day = TIMESTAMP_MIN; day <= TIMESTAMP_MAX; day += 86400)
		if (!timestamp_format(text, day, 0) ||
		    !timestamp_parse(&s, &n, text, strlen(text)) || s != day)
			wrong++;
	CHECK_EQ(wrong, 0);
}

static void times_with_offsets_are_converted(void)
{
	int64_t s;
	int32_t n;

	CHECK(timestamp_parse(&s, &n, "1970-01-01T01:00:00+01:00", 25) && s == 0);
	CHECK(timestamp_parse(&s, &n, "1969-12-31t23:30:00-00:30", 25) && s == 0);
	CHECK(!timestamp_parse(&s, &n, "0001-01-01T00:00:00+01:00", 25));
	CHECK(!timestamp_parse(&s, &n, "9999-12-31T23:59:59-01:00", 25));
}

static void times_that_are_none_are_refused(void)
{
	static const char *const bad[] = {
		"",
		"1970",
		"1970-01-01",
		"1970-01-01T00:00:00",
		"1970-01-01 00:00:00Z",
		"1970-13-01T00:00:00Z",
		"1970-00-01T00:00:00Z",
		"1970-01-32T00:00:00Z",
		"1970-02-29T00:00:00Z",
		"2100-02-29T00:00:00Z",
		"1970-01-01T24:00:00Z",
		"1970-01-01T00:60:00Z",
		"1970-01-01T00:00:60Z",
		"1970-01-01T00:00:00.Z",
		"1970-01-01T00:00:00.1234567890Z",
		"1970-01-01T00:00:00ZZ",
		"0000-01-01T00:00:00Z",
		"1970-01-01T00:00:00+24:00",
		"1970-01-01T00:00:00+1:00",
		"-970-01-01T00:00:00Z",
		"1970-01-01T00:00:00+00:0",
	};
	char out[TIMESTAMP_CAP];
	int64_t s;
	int32_t n;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(!timestamp_parse(&s, &n, bad[i], strlen(bad[i])));
	CHECK(!timestamp_format(out, TIMESTAMP_MIN - 1, 0));
	CHECK(!timestamp_format(out, TIMESTAMP_MAX + 1, 0));
	CHECK(!timestamp_format(out, INT64_MIN, 0));
	CHECK(!timestamp_format(out, 0, -1));
	CHECK(!timestamp_format(out, 0, 1000000000));
}

int main(void)
{
	RUN(utf8_takes_every_kind_of_character_and_refuses_every_bad_one);
	RUN(every_single_byte_from_0x80_on_is_refused);
	RUN(integers_parse_to_their_last_digit);
	RUN(base64_of_every_length_comes_back);
	RUN(base64_has_one_spelling_for_each_value);
	RUN(times_come_back_to_the_nanosecond);
	RUN(each_day_of_ten_thousand_years_comes_back);
	RUN(times_with_offsets_are_converted);
	RUN(times_that_are_none_are_refused);
	return END();
}
