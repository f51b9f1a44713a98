#define _GNU_SOURCE
#include "engine/schedule.h"

#include <stdlib.h>
#include <time.h>

#include "engine/tests/oracle.h"
#include "tests/check.h"

static struct zones zones;
static struct err err;

static const struct zone *zone(const char *name)
{
	const struct zone *z = NULL;

	CHECK(zones_find(&zones, &z, name, &err));
	return z;
}

/* "2026-03-29 01:00:00" in UTC; the time can be left out. */
static int64_t utc(const char *text)
{
	struct tm tm = {0};
	const char *end = strptime(text, strlen(text) > 10 ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%d", &tm);

	CHECK(end && !*end);
	return timegm(&tm);
}

static void print_utc(char out[32], int64_t t_s)
{
	time_t t = (time_t)t_s;
	struct tm tm;

	strftime(out, 32, "%Y-%m-%d %H:%M:%S", gmtime_r(&t, &tm));
}

static struct schedule parsed(const char *text)
{
	struct schedule s;

	if (!schedule_parse(&s, text, &err))
		fprintf(stderr, "%s: %s\n", text, err.text);
	CHECK(schedule_parse(&s, text, &err));
	return s;
}

struct row {
	const char *text, *zone, *after, *next[6]; /* in UTC; after the last there may be more */
};

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct schedule s = parsed(rows[i].text);
		int64_t t = utc(rows[i].after);

		for (int k = 0; k < 6 && rows[i].next[k]; k++) {
			char found[32], want[32];

			print_utc(want, utc(rows[i].next[k]));
			CHECK(schedule_next(&s, zone(rows[i].zone), t, 0, &t));
			print_utc(found, t);
			if (strcmp(found, want) != 0)
				fprintf(stderr, "%s in %s:\n", rows[i].text, rows[i].zone);
			CHECK_STR(found, want);
		}
	}
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof *(rows))

static void every_notation_means_what_it_says(void)
{
	static const struct row rows[] = {
		{"5 4 * * *", "UTC", "2026-01-01", {"2026-01-01 04:05:00", "2026-01-02 04:05:00"}},
		{"5 4 * * *", "UTC", "2026-01-01 04:05:00", {"2026-01-02 04:05:00"}},
		{"*/25 * * * *",
		 "UTC",
		 "2026-01-01",
		 {"2026-01-01 00:25:00", "2026-01-01 00:50:00", "2026-01-01 01:00:00"}},
		{"7 */10 5-7 * * * *",
		 "UTC",
		 "2026-01-01 05:50:00",
		 {"2026-01-01 05:50:07", "2026-01-01 06:00:07"}},
		{"0 22-2 * * *",
		 "UTC",
		 "2026-01-01 20:00:00",
		 {"2026-01-01 22:00:00", "2026-01-01 23:00:00", "2026-01-02", "2026-01-02 01:00:00",
		  "2026-01-02 02:00:00", "2026-01-02 22:00:00"}},
		{"0 21-2/2 * * *",
		 "UTC",
		 "2026-01-01 20:00:00",
		 {"2026-01-01 21:00:00", "2026-01-01 23:00:00", "2026-01-02 01:00:00",
		  "2026-01-02 21:00:00"}},
		{"0 20/3 * * *",
		 "UTC",
		 "2026-01-01",
		 {"2026-01-01 20:00:00", "2026-01-01 23:00:00"}},
		/* 1 January 2026 is a Thursday. */
		{"0 0 * * FRI-MON",
		 "UTC",
		 "2026-01-01",
		 {"2026-01-02", "2026-01-03", "2026-01-04", "2026-01-05", "2026-01-09"}},
		{"0 0 * * fri-sun",
		 "UTC",
		 "2026-01-01",
		 {"2026-01-02", "2026-01-03", "2026-01-04"}},
		{"0 0 * * 6-7", "UTC", "2026-01-01", {"2026-01-03", "2026-01-04", "2026-01-10"}},
		{"0 0 * * 7-1", "UTC", "2026-01-01", {"2026-01-04", "2026-01-05", "2026-01-11"}},
		{"0 0 * * 7", "UTC", "2026-01-01", {"2026-01-04", "2026-01-11"}},
		{"0 0 * * Monday,wed", "UTC", "2026-01-01", {"2026-01-05", "2026-01-07"}},
		{"0 0 1 Nov-February/2 ?", "UTC", "2026-02-01", {"2026-11-01", "2027-01-01"}},
		{"0 0 L * *", "UTC", "2028-01-01", {"2028-01-31", "2028-02-29", "2028-03-31"}},
		{"0 0 l-3 * *", "UTC", "2026-01-01", {"2026-01-28", "2026-02-25", "2026-03-28"}},
		{"0 0 L-30 * *", "UTC", "2026-01-01", {"2026-03-01", "2026-05-01", "2026-07-01"}},
		{"0 0 L-3,L * *", "UTC", "2026-01-01", {"2026-01-28", "2026-01-31", "2026-02-25"}},
		{"0 0 15W * *", "UTC", "2026-01-15", {"2026-02-16", "2026-03-16", "2026-04-15"}},
		{"0 0 15w 8 *", "UTC", "2026-01-15", {"2026-08-14"}},
		{"0 0 1W * *", "UTC", "2026-07-15", {"2026-08-03", "2026-09-01"}},
		{"0 0 31W * *", "UTC", "2026-01-15", {"2026-01-30", "2026-03-31", "2026-05-29"}},
		{"0 0 LW * *", "UTC", "2026-01-15", {"2026-01-30", "2026-02-27", "2026-03-31"}},
		{"0 0 * * 5L", "UTC", "2026-01-15", {"2026-01-30", "2026-02-27", "2026-03-27"}},
		{"0 0 * * FRIDAYL,7l", "UTC", "2026-01-15", {"2026-01-25", "2026-01-30"}},
		{"0 0 * * mon#2", "UTC", "2026-01-01", {"2026-01-12", "2026-02-09"}},
		{"0 0 * * 0#5,SUN#1",
		 "UTC",
		 "2026-02-02",
		 {"2026-03-01", "2026-03-29", "2026-04-05"}},
		{"0 0 * * 7#1", "UTC", "2026-01-01", {"2026-01-04", "2026-02-01"}},
		{"0 0 * * 7/3", "UTC", "2026-01-01", {"2026-01-03", "2026-01-04", "2026-01-07"}},
		/* either day or weekday; *, also within a list, restricts nothing */
		{"0 0 13 * FRI", "UTC", "2026-01-01", {"2026-01-02", "2026-01-09", "2026-01-13"}},
		{"0 0 13 * ?", "UTC", "2026-01-01", {"2026-01-13", "2026-02-13"}},
		{"0 0 13,* * MON", "UTC", "2026-01-01", {"2026-01-05", "2026-01-12", "2026-01-19"}},
		{"0 0 */10 * MON", "UTC", "2026-01-01", {"2026-01-05", "2026-01-11", "2026-01-12"}},
		{"0 0 13 * 0-6", "UTC", "2026-01-01", {"2026-01-02", "2026-01-03"}},
		{"0 0 1 1 * 2030/4", "UTC", "2026-01-01", {"2030-01-01", "2034-01-01"}},
		{"0 0 1 1 ? 2028-2030,2035", "UTC", "2029-01-01", {"2030-01-01", "2035-01-01"}},
		{"0 0 29 2 *", "UTC", "2096-03-01", {NULL}},
		{"0 0 29 feb *", "UTC", "1996-03-01", {"2000-02-29", "2004-02-29", "2008-02-29"}},
		{"0 0 29 2 * 2090/1", "UTC", "2026-01-01", {"2092-02-29", "2096-02-29"}},
		{"@hourly", "UTC", "2026-01-01", {"2026-01-01 01:00:00"}},
		{"@daily", "UTC", "2026-01-01", {"2026-01-02"}},
		{"  @Midnight\n", "UTC", "2026-01-01", {"2026-01-02"}},
		{"@weekly", "UTC", "2026-01-01", {"2026-01-04", "2026-01-11"}},
		{"@monthly", "UTC", "2026-01-01", {"2026-02-01"}},
		{"@yearly", "UTC", "2026-01-01", {"2027-01-01"}},
		{"@annually", "UTC", "2026-01-01", {"2027-01-01"}},
		{"\t0  0\t1 1 * \r\n", "UTC", "2026-01-01", {"2027-01-01"}},
		{"59 59 23 31 12 ? 2099", "UTC", "2026-01-01", {"2099-12-31 23:59:59"}},
		{"0 0 0 1 1 ? 1970", "UTC", "1969-12-31 23:59:59", {"1970-01-01"}},
	};

	CHECK_ROWS(rows);
}

static void what_cannot_be_read_names_the_field_and_what_is_right(void)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{"", "empty; write 5 fields (minute hour day month weekday), 6 (and the year), "
		     "7 (seconds first, the year last), or @every 7d"},
		{" \t", "empty; write 5 fields"},
		{"* * * *", "fewer than 5 fields; write 5"},
		{"* * * * * * * *", "more than 7 fields; write 5"},
		{"0 24 * * *", "hour: 24 is above 23; use 0 to 23"},
		{"60 * * * *", "minute: 60 is above 59; use 0 to 59"},
		{"60 0 * * * * *", "second: 60 is above 59; use 0 to 59"},
		{"0 0 0 * *", "day: 0 is below 1; use 1 to 31; or L, L-3, 15W, LW"},
		{"0 0 32 * *", "day: 32 is above 31"},
		{"0 0 * 13 *", "month: 13 is above 12; use 1 to 12 or JAN to DEC"},
		{"0 0 * 0 *", "month: 0 is below 1"},
		{"0 0 * * 8", "weekday: 8 is above 7; use 0 to 7 or SUN to SAT; or 5L, MON#2"},
		{"0 0 * * * 1969", "year: 1969 is below 1970; use 1970 to 2099"},
		{"0 0 * * * 2100", "year: 2100 is above 2099"},
		{"0 0 12 * * MON",
		 "year: \"mon\" is not understood; use 1970 to 2099, lists (1,2), "
		 "ranges (1-5) and steps (*/2) (the sixth field is the year; "
		 "seconds make it seven fields)"},
		{"0 0 * * * 2030-2028",
		 "year: 2030-2028 runs backwards; write the earlier year first"},
		{"1,,2 * * * *", "minute: an entry of the list is empty"},
		{",1 * * * *", "minute: an entry of the list is empty"},
		{"1, * * * *", "minute: an entry of the list is empty"},
		{"0 5-24 * * *", "hour: 24 is above 23"},
		{"0 5- * * *",
		 "hour: \"5-\" is not understood; use 0 to 23, lists (1,2), ranges (1-5) "
		 "and steps (*/2)"},
		{"0 5-7-9 * * *", "hour: \"5-7-9\" is not understood"},
		{"0 -5 * * *", "hour: \"-5\" is not understood"},
		{"0 5x * * *", "hour: \"5x\" is not understood"},
		{"0 ** * * *", "hour: \"**\" is not understood"},
		{"0 *-5 * * *", "hour: \"*-5\" is not understood"},
		{"0 / * * *", "hour: \"/\" is not understood"},
		{"0 */ * * *", "hour: \"*/\" is not understood"},
		{"0 */0 * * *", "hour: a step of 0; use 1 to 23"},
		{"*/60 * * * *", "minute: a step of 60; use 1 to 59"},
		{"0 */2/2 * * *", "hour: \"*/2/2\" is not understood"},
		{"0 99999999999999999999 * * *", "hour: "},
		{"0 MON * * *", "hour: \"mon\" is not understood"},
		{"0 0 * MON *", "month: \"mon\" is not understood"},
		{"0 0 * Janu *", "month: \"janu\" is not understood"},
		{"0 0 * * Tues", "weekday: \"tues\" is not understood"},
		{"0 0 * * L", "weekday: \"l\" is not understood; use 0 to 7 or SUN to SAT, lists "
			      "(1,2), ranges (1-5) and steps (*/2); or 5L, MON#2"},
		{"0 L * * *", "hour: \"l\" is not understood"},
		{"0 5W * * *", "hour: \"5w\" is not understood"},
		{"0 0 5L * *",
		 "day: \"5l\" is not understood; use 1 to 31, lists (1,2), ranges (1-5) "
		 "and steps (*/2); or L, L-3, 15W, LW"},
		{"0 0 W * *", "day: \"w\" is not understood"},
		{"0 0 0W * *", "day: 0 is below 1"},
		{"0 0 WL * *", "day: \"wl\" is not understood"},
		{"0 0 1-5W * *", "day: \"1-5w\" is not understood"},
		{"0 0 L-0 * *", "day: L-0; use L-1 to L-30, or L"},
		{"0 0 L-31 * *", "day: L-31; use L-1 to L-30, or L"},
		{"0 0 L-3W * *", "day: \"l-3w\" is not understood"},
		{"0 0 MON#2 * *", "day: \"mon#2\" is not understood"},
		{"0 0 * * MON#0", "weekday: #0; use #1 to #5, or L for the last"},
		{"0 0 * * MON#6", "weekday: #6; use #1 to #5"},
		{"0 0 * * MON#", "weekday: \"mon#\" is not understood"},
		{"0 0 * * MON-FRI#2", "weekday: \"mon-fri#2\" is not understood"},
		{"0 0 * * MONL#2", "weekday: \"monl#2\" is not understood"},
		{"@often", "\"@often\" is not known; use @hourly, @daily, @midnight, @weekly, "
			   "@monthly, @yearly, @annually or a period such as @every 7d"},
		{"@reboot", "\"@reboot\" is not known"},
		{"@daily 5", "fewer than 5 fields"},
		{"@every", "\"@every\" is not known"},
		{"@every x", "every: \"x\" is no duration; write numbers with their units"},
		{"every 0s", "every: 0s is too short; use 1s or more"},
		{"@every 11y", "every: \"11y\" is no duration"},
		{"@every 4000d", "every: \"4000d\" is above 10 years (3653d)"},
		{"@every 1d 2h", "fewer than 5 fields"},
		{"0 0 * * m\xc3\xb6n", "byte 10 is no letter, digit or sign of a schedule"},
		{"0 0 * *\a*", "byte 8 is no letter"},
	};
	char longest[SCHEDULE_TEXT_MAX + 2];
	struct schedule s;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		err = (struct err){0};
		CHECK(!schedule_parse(&s, rows[i].text, &err));
		CHECK_EQ(err.code, ERR_INVALID);
		if (strncmp(err.text, rows[i].error, strlen(rows[i].error)) != 0)
			fprintf(stderr, "%s: %s\n", rows[i].text, err.text);
		CHECK(strncmp(err.text, rows[i].error, strlen(rows[i].error)) == 0);
	}
	memset(longest, ' ', sizeof longest);
	memcpy(longest, "@daily", 6);
	longest[SCHEDULE_TEXT_MAX + 1] = 0;
	CHECK(!schedule_parse(&s, longest, &err));
	CHECK_STR(err.text, "longer than 511 bytes");
	longest[SCHEDULE_TEXT_MAX] = 0;
	CHECK(schedule_parse(&s, longest, &err));
}

static void what_never_fires_is_refused(void)
{
	static const char *const never[] = {"0 0 30 2 *",      "0 0 31 4,6,9,11 *",
					    "0 0 29 2 * 2026", "0 0 31W FEB ?",
					    "0 0 L-30 2 *",    "0 0 29-30 2 ? 2027"};
	static const char *const over[] = {"0 0 1 1 * 2026", "* * * * * 1970-2025"};
	int64_t now = utc("2026-01-01"), next = 0;
	struct schedule s;

	for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
		s = parsed(never[i]);
		CHECK(!schedule_check(&s, zone("UTC"), now, &err));
		CHECK_STR(err.text, "never matches: its months and years have no such day, as "
				    "February has no 30th");
		CHECK_EQ(err.code, ERR_INVALID);
	}
	for (size_t i = 0; i < sizeof over / sizeof *over; i++) {
		s = parsed(over[i]);
		CHECK(!schedule_check(&s, zone("UTC"), now, &err));
		CHECK_STR(err.text, "never matches: all its times are over; name a year to come");
		CHECK(schedule_check(&s, zone("UTC"), now - 86400, &err));
	}
	s = parsed("0 0 30 2 MON");
	CHECK(schedule_check(&s, zone("UTC"), now, &err)); /* its Mondays */
	s = parsed("* * * * *");
	CHECK(!schedule_next(&s, zone("UTC"), ZONE_END_S, 0, &next));
	CHECK(!schedule_next(&s, zone("UTC"), INT64_MAX, 0, &next));
	CHECK(schedule_next(&s, zone("UTC"), INT64_MIN, 0, &next));
	CHECK_EQ(next, 0);
}

static void clocks_that_change_leave_no_firing_out_and_double_none(void)
{
	static const struct row rows[] = {
		/* Zurich 2026: 29 March 2:00 is 3:00 at 1:00 UTC; 25 October 3:00 is 2:00. */
		{"30 2 * * *",
		 "Europe/Zurich",
		 "2026-03-28",
		 {"2026-03-28 01:30:00", "2026-03-29 01:00:00", "2026-03-30 00:30:00"}},
		{"*/15 2 * * *",
		 "Europe/Zurich",
		 "2026-03-28 01:30:00",
		 {"2026-03-28 01:45:00", "2026-03-29 01:00:00", "2026-03-30 00:00:00"}},
		{"0 2,3 * * *",
		 "Europe/Zurich",
		 "2026-03-28 02:00:00",
		 {"2026-03-29 01:00:00", "2026-03-30 00:00:00"}},
		{"30 * * * *",
		 "Europe/Zurich",
		 "2026-03-29",
		 {"2026-03-29 00:30:00", "2026-03-29 01:30:00"}},
		{"* * * * *",
		 "Europe/Zurich",
		 "2026-03-29 00:58:00",
		 {"2026-03-29 00:59:00", "2026-03-29 01:00:00", "2026-03-29 01:01:00"}},
		{"30 2 * * *",
		 "Europe/Zurich",
		 "2026-10-24",
		 {"2026-10-24 00:30:00", "2026-10-25 00:30:00", "2026-10-26 01:30:00"}},
		{"30 2 * * *",
		 "Europe/Zurich",
		 "2026-10-25 01:10:00", /* in the second of the two hours */
		 {"2026-10-26 01:30:00"}},
		{"30 1-3 * * *",
		 "Europe/Zurich",
		 "2026-10-24 23:00:00",
		 {"2026-10-24 23:30:00", "2026-10-25 00:30:00", "2026-10-25 02:30:00"}},
		{"30 * * * *",
		 "Europe/Zurich",
		 "2026-10-25",
		 {"2026-10-25 00:30:00", "2026-10-25 01:30:00", "2026-10-25 02:30:00"}},
		{"30 0-23 25 * *",
		 "Europe/Zurich",
		 "2026-10-25",
		 {"2026-10-25 00:30:00", "2026-10-25 01:30:00", "2026-10-25 02:30:00"}},
		/* New York 2026: 8 March 2:00 is 3:00 at 7:00 UTC; 1 November 2:00 is 1:00 at 6:00.
		 */
		{"15 2 * * SUN",
		 "America/New_York",
		 "2026-03-02",
		 {"2026-03-08 07:00:00", "2026-03-15 06:15:00"}},
		{"30 1 * * *",
		 "America/New_York",
		 "2026-10-31 12:00:00",
		 {"2026-11-01 05:30:00", "2026-11-02 06:30:00"}},
		{"30 * * * *",
		 "America/New_York",
		 "2026-11-01 05:00:00",
		 {"2026-11-01 05:30:00", "2026-11-01 06:30:00", "2026-11-01 07:30:00"}},
		/* Lord Howe 2026: half an hour; 4 October 2:00 is 2:30 at 15:30 UTC the day before;
		 * 5 April 2:00 is 1:30 at 15:00. */
		{"15 2 * * *",
		 "Australia/Lord_Howe",
		 "2026-10-03",
		 {"2026-10-03 15:30:00", "2026-10-04 15:15:00"}},
		{"30 2 * * *", "Australia/Lord_Howe", "2026-10-03", {"2026-10-03 15:30:00"}},
		{"15 * * * *",
		 "Australia/Lord_Howe",
		 "2026-10-03 14:00:00",
		 {"2026-10-03 14:45:00", "2026-10-03 16:15:00"}},
		{"45 1 * * *",
		 "Australia/Lord_Howe",
		 "2026-04-04",
		 {"2026-04-04 14:45:00", "2026-04-05 15:15:00"}},
		{"45 * * * *",
		 "Australia/Lord_Howe",
		 "2026-04-04 14:00:00",
		 {"2026-04-04 14:45:00", "2026-04-04 15:15:00", "2026-04-04 16:15:00"}},
		/* Apia had no 30 December 2011. */
		{"0 12 * * *",
		 "Pacific/Apia",
		 "2011-12-28 22:00:00",
		 {"2011-12-29 22:00:00", "2011-12-30 10:00:00", "2011-12-30 22:00:00"}},
		{"0 12 30 12 *", "Pacific/Apia", "2011-01-01", {"2011-12-30 10:00:00"}},
		{"0 0 31 12 *", "Pacific/Apia", "2011-01-01", {"2011-12-30 10:00:00"}},
		{"0 * * * *",
		 "Pacific/Apia",
		 "2011-12-30 08:30:00",
		 {"2011-12-30 09:00:00", "2011-12-30 10:00:00", "2011-12-30 11:00:00"}},
		{"0 * 30 12 *", "Pacific/Apia", "2011-01-01", {"2012-12-29 10:00:00"}},
		/* Casablanca goes back an hour for Ramadan: 5 May 2019 3:00 is 2:00 at 2:00 UTC,
		 * 9 June 2:00 is 3:00 at 2:00. */
		{"30 2 * * *",
		 "Africa/Casablanca",
		 "2019-05-04 12:00:00",
		 {"2019-05-05 01:30:00", "2019-05-06 02:30:00"}},
		{"30 2 * * *",
		 "Africa/Casablanca",
		 "2019-06-08 12:00:00",
		 {"2019-06-09 02:00:00", "2019-06-10 01:30:00"}},
		/* Sao Paulo left out midnight. */
		{"@daily",
		 "America/Sao_Paulo",
		 "2018-11-03 04:00:00",
		 {"2018-11-04 03:00:00", "2018-11-05 02:00:00"}},
	};

	CHECK_ROWS(rows);
}

static void a_weekly_rule_of_ten_years_fires_on_each_monday(void)
{
	const struct zone *z = zone("Europe/Zurich");
	int64_t t = utc("2026-01-01"), end = utc("2036-01-01"), n = 0, local = 0;
	struct schedule s = parsed("0 3 * * MON");

	while (schedule_next(&s, z, t, 0, &t) && t < end) {
		int64_t before = local;

		local = zone_local(z, t);
		CHECK_EQ(local % 86400, 3 * 3600);
		CHECK_EQ(local / 86400 % 7, 4); /* day 0 was a Thursday */
		CHECK(n == 0 || local - before == 7 * 86400);
		n++;
	}
	CHECK_EQ(n, 522);
}

static void a_daily_rule_fires_once_a_local_day_in_every_zone(void)
{
	static const char *const names[] = {"Europe/Zurich", "America/New_York", "Pacific/Apia",
					    "Australia/Lord_Howe", "Africa/Casablanca"};
	int64_t days = (utc("2030-01-01") - utc("2000-01-01")) / 86400;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const struct zone *z = zone(names[i]);

		for (int half = 0; half < 48; half++) {
			int64_t t = zone_first(z, utc("2000-01-01")) - 1, n = 0;
			struct schedule s = parsed("0 0 * * *");

			s.hour = UINT32_C(1) << half / 2;
			s.minute = UINT64_C(1) << half % 2 * 30;
			for (int64_t end = zone_first(z, utc("2030-01-01"));
			     schedule_next(&s, z, t, 0, &t) && t < end;)
				n++;
			/* Apia's day left out begins and ends at the next one's midnight. */
			CHECK_EQ(n, days - (half == 0 && strcmp(names[i], "Pacific/Apia") == 0));
		}
	}
}

static void a_minute_is_sixty_seconds_in_every_zone(void)
{
	const struct zone *z = zone("Africa/Casablanca");
	int64_t t = utc("2026-01-01"), before;
	struct schedule s = parsed("* * * * *");

	for (int i = 0; i < 366 * 1440; i++) {
		before = t;
		if (!schedule_next(&s, z, t, 0, &t) || t != before + 60)
			break;
	}
	CHECK_EQ(t, utc("2026-01-01") + 366 * 86400);
}

static void periods_keep_their_grid(void)
{
	const struct zone *z = zone("UTC");
	struct schedule week = parsed("@every 7d"), odd = parsed("EVERY 1d12h7s"), s;
	int64_t anchor = 1767225607, t = 0;

	CHECK_EQ(odd.period_s, 129607);
	CHECK(schedule_next(&week, z, anchor, anchor, &t)); /* not at once */
	CHECK_EQ(t, anchor + 604800);
	CHECK(schedule_next(&week, z, t - 1, anchor, &t));
	CHECK_EQ(t, anchor + 604800);
	CHECK(schedule_next(&week, z, anchor + 100 * 604800 + 5, anchor, &t)); /* missed: once */
	CHECK_EQ(t, anchor + 101 * 604800);
	CHECK(schedule_next(&week, z, anchor - 1000 * 604800 + 5, anchor, &t)); /* clock back */
	CHECK_EQ(t, anchor - 999 * 604800);
	for (int64_t after = -90000; after < 900000; after += 977) {
		CHECK(schedule_next(&odd, z, after, anchor, &t));
		CHECK(t > after && t <= after + odd.period_s && (t - anchor) % odd.period_s == 0);
	}
	s = parsed("every 1s");
	CHECK(schedule_next(&s, z, anchor, INT64_MIN, &t));
	CHECK_EQ(t, anchor + 1);
	s = parsed("@every 3653d");
	CHECK(schedule_next(&s, z, anchor, INT64_MAX, &t));
	CHECK(t > anchor && t <= anchor + s.period_s);
	CHECK(!schedule_next(&s, z, INT64_MAX, 0, &t));
	CHECK(schedule_next(&s, z, INT64_MIN, 0, &t));
	CHECK_EQ(t, 0);
}

static void jitter_is_the_same_everywhere_and_spread(void)
{
	int bins[10] = {0};

	CHECK_EQ(schedule_jitter(1, 1767225600, 0), 0);
	CHECK_EQ(schedule_jitter(1, 1767225600, -5), 0);
	CHECK_EQ(schedule_jitter(7, 1767225600, 3600), schedule_jitter(7, 1767225600, 3600));
	CHECK(schedule_jitter(7, 1767225600, INT64_MAX) >= 0);
	/* Another version of the program must not move it: other servers run the old one. */
	CHECK_EQ(schedule_jitter(7, 1767225600, 3600), 75);
	for (int i = 0; i < 20000; i++) {
		int64_t rule = schedule_jitter((uint64_t)i, 1767225600, 9);
		int64_t week = schedule_jitter(7, 1767225600 + i * 604800L, 9);

		CHECK(rule >= 0 && rule <= 9 && week >= 0 && week <= 9);
		bins[rule]++;
		bins[week]++;
	}
	for (int i = 0; i < 10; i++)
		CHECK(bins[i] > 3700 && bins[i] < 4300);
}

static uint64_t seed = 1;

static uint32_t rnd(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % n;
}

static uint64_t some_bits(int low, int high)
{
	uint64_t set = 0;
	int n = rnd(3) == 0 ? 8 : 1;

	if (rnd(3) == 0)
		return ((UINT64_C(2) << high) - 1) & ~((UINT64_C(1) << low) - 1);
	while (n-- > 0)
		set |= UINT64_C(1) << (low + (int)rnd((uint32_t)(high - low + 1)));
	return set;
}

/* Any schedule, also such as no text gives. */
static struct schedule some_schedule(void)
{
	struct schedule s = {
		.second = UINT64_C(1) << (rnd(4) == 0 ? rnd(60) : 0),
		.minute = some_bits(0, 59),
		.hour = (uint32_t)some_bits(0, 23),
		.month = (uint32_t)some_bits(1, 12),
		.any_day = rnd(2) == 0,
		.any_weekday = rnd(2) == 0,
		.year = {UINT64_MAX, UINT64_MAX, 3},
	};

	if (rnd(2) == 0)
		s.day = (uint32_t)some_bits(1, 31);
	if (rnd(2) == 0)
		s.day_near = (uint32_t)some_bits(1, 31);
	if (rnd(2) == 0)
		s.day_from_last = (uint32_t)some_bits(0, 30);
	s.near_last = rnd(4) == 0;
	s.weekday = rnd(2) ? (uint8_t)some_bits(0, 6) : 0;
	s.weekday_last = rnd(2) ? (uint8_t)some_bits(0, 6) : 0;
	s.weekday_nth[rnd(5)] = rnd(2) ? (uint8_t)some_bits(0, 6) : 0;
	if (rnd(4) == 0)
		s.year[rnd(2)] = some_bits(0, 63);
	return s;
}

/* All firings of a window of two days near a change of the clock, by asking every second. */
static void check_window(const struct schedule *s, const struct zone *z, int64_t from, int64_t to)
{
	int64_t highest = zone_highest(z, from), t = 0, next;
	bool some = schedule_next(s, z, from, 0, &next);
	int wrong = 0;

	for (t = from + 1; t <= to; t++) {
		int64_t local = zone_local(z, t);
		bool fires = oracle_fires(s, local, highest);

		wrong += fires != (some && next == t);
		highest = local > highest ? local : highest;
		if (some && next <= t) {
			int64_t again;

			wrong += !schedule_next(s, z, t - 1, 0, &again) || again != t;
			some = schedule_next(s, z, t, 0, &next);
			wrong += some && next <= t;
		}
	}
	CHECK_EQ(wrong, 0);
}

static void the_next_firing_is_the_first_one(void)
{
	static const char *const names[] = {
		"UTC",          "Europe/Zurich",     "America/New_York", "Australia/Lord_Howe",
		"Pacific/Apia", "Africa/Casablanca", "America/St_Johns"};
	int fired = 0;

	for (int i = 0; i < 400; i++) {
		const struct zone *z = zone(names[rnd(7)]);
		int64_t middle = rnd(UINT32_C(1) << 31), width = 6 * 3600, next;
		struct schedule s = some_schedule();

		if (z->n > 1 && rnd(4) > 0)
			middle = z->change[1 + rnd(z->n - 1)].at_s;
		/* half of the windows begin just before the firing that is found */
		if (rnd(2) == 0 && schedule_next(&s, z, middle - width, 0, &next))
			middle = next;
		fired += schedule_next(&s, z, middle - width, 0, &next) && next <= middle + width;
		check_window(&s, z, middle - width, middle + width);
	}
	CHECK(fired > 200);
}

/* Day by day to the end of 2099: what is found far away is the first too. */
static void rare_firings_are_found_and_none_before(void)
{
	const struct zone *z = zone("UTC");

	for (int i = 0; i < 200; i++) {
		struct schedule s = some_schedule();
		int64_t from = (int64_t)rnd(47482) * 86400 - 1, t = from, next;
		bool some;

		s.second = s.minute = s.hour = 1;
		some = schedule_next(&s, z, from, 0, &next);
		for (t++; t <= ZONE_END_S && !oracle_names(&s, t); t += 86400)
			;
		CHECK_EQ(some, t <= ZONE_END_S);
		CHECK(!some || next == t);
	}
}

int main(void)
{
	RUN(every_notation_means_what_it_says);
	RUN(what_cannot_be_read_names_the_field_and_what_is_right);
	RUN(what_never_fires_is_refused);
	RUN(clocks_that_change_leave_no_firing_out_and_double_none);
	RUN(a_weekly_rule_of_ten_years_fires_on_each_monday);
	RUN(a_daily_rule_fires_once_a_local_day_in_every_zone);
	RUN(a_minute_is_sixty_seconds_in_every_zone);
	RUN(periods_keep_their_grid);
	RUN(jitter_is_the_same_everywhere_and_spread);
	RUN(the_next_firing_is_the_first_one);
	RUN(rare_firings_are_found_and_none_before);
	zones_free(&zones);
	return END();
}
