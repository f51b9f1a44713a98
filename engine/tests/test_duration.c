#include "engine/duration.h"

#include "tests/check.h"

static void lengths_are_read_and_written(void)
{
	static const struct {
		const char *text;
		int64_t s;
		const char *back;
	} rows[] = {
		{"0s", 0, "0s"},
		{"1s", 1, "1s"},
		{"90m", 5400, "1h30m"},
		{"12h", 43200, "12h"},
		{"1d12h", 129600, "1d12h"},
		{"30d", 2592000, "30d"},
		{"2w", 1209600, "14d"},
		{"1w1d1h1m1s", 694861, "8d1h1m1s"},
		{"3600s", 3600, "1h"},
		{"007d", 604800, "7d"},
		{"3653d", DURATION_MAX_S, "3653d"},
		{"315619200s", DURATION_MAX_S, "3653d"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char back[DURATION_CAP];
		struct err err;
		int64_t s = -1;

		CHECK(duration_parse(&s, rows[i].text, &err));
		CHECK_EQ(s, rows[i].s);
		duration_format(back, s);
		CHECK_STR(back, rows[i].back);
	}
}

static void anything_else_is_refused(void)
{
	static const char *const texts[] = {
		"",    "7",    "d",     "7 d", " 7d",  "7d ",   "7D",   "1h1d",      "1d1d", "-1d",
		"+1d", "1.5h", "1d,2h", "1y",  "1d12", "1d 2h", "0x1s", "1\xc3\xa4", "s1",
	};
	static const char *const large[] = {"3653d1s", "522w", "99999999999999999999999999s",
					    "9999999999w9999999999d9999999999h"};
	struct err err;
	int64_t s = 77;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		CHECK(!duration_parse(&s, texts[i], &err));
		CHECK_EQ(err.code, ERR_INVALID);
		CHECK(strstr(err.text, "is no duration; write numbers with their units"));
	}
	for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
		CHECK(!duration_parse(&s, large[i], &err));
		CHECK(strstr(err.text, "is above 10 years (3653d)"));
	}
	CHECK_EQ(s, 77);
}

static void what_is_written_reads_back(void)
{
	struct err err;

	for (int64_t s = 0; s <= DURATION_MAX_S; s += s / 7 + 1) {
		char text[DURATION_CAP];
		int64_t back;

		duration_format(text, s);
		CHECK(duration_parse(&back, text, &err));
		CHECK_EQ(back, s);
	}
	for (int i = 0; i < 2; i++) {
		char text[DURATION_CAP];

		duration_format(text, i ? INT64_MAX : INT64_MIN);
		CHECK_STR(text, i ? "3653d" : "0s");
	}
}

int main(void)
{
	RUN(lengths_are_read_and_written);
	RUN(anything_else_is_refused);
	RUN(what_is_written_reads_back);
	return END();
}
