/* What schedule.h promises, one second at a time and with the C library's calendar. */
#ifndef ENGINE_TESTS_ORACLE_H
#define ENGINE_TESTS_ORACLE_H

#include <time.h>

#include "engine/schedule.h"

static inline int oracle_month_len(const struct tm *tm)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year = tm->tm_year + 1900;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[tm->tm_mon] + (tm->tm_mon == 1 && leap);
}

/* Whether today is the Monday to Friday nearest to a day of this month. */
static inline bool oracle_is_nearest(const struct tm *tm, int day)
{
	int len = oracle_month_len(tm), distance[] = {0, -1, 1, -2, 2};

	if (day > len)
		return false;
	for (int i = 0; i < 5; i++) {
		int other = day + distance[i],
		    weekday = (tm->tm_wday + 35 + other - tm->tm_mday) % 7;

		if (other >= 1 && other <= len && weekday != 0 && weekday != 6)
			return other == tm->tm_mday;
	}
	return false;
}

static inline bool oracle_day(const struct schedule *s, const struct tm *tm)
{
	int left = oracle_month_len(tm) - tm->tm_mday, wday = tm->tm_wday;
	bool day = s->day >> tm->tm_mday & 1 || s->day_from_last >> left & 1 ||
		   (s->near_last && oracle_is_nearest(tm, oracle_month_len(tm)));
	bool weekday = s->weekday >> wday & 1 || (left < 7 && s->weekday_last >> wday & 1) ||
		       s->weekday_nth[(tm->tm_mday - 1) / 7] >> wday & 1;

	for (int i = 1; i <= 31; i++)
		day = day || (s->day_near >> i & 1 && oracle_is_nearest(tm, i));
	if (s->any_day && s->any_weekday)
		return true;
	if (s->any_day)
		return weekday;
	return s->any_weekday ? day : day || weekday;
}

/* The expression names this local time. */
static inline bool oracle_names(const struct schedule *s, int64_t local_s)
{
	time_t t = (time_t)local_s;
	struct tm tm;
	int year;

	gmtime_r(&t, &tm);
	year = tm.tm_year + 1900 - SCHEDULE_YEAR_MIN;
	return year >= 0 && year <= SCHEDULE_YEAR_MAX - SCHEDULE_YEAR_MIN &&
	       s->year[year / 64] >> year % 64 & 1 && s->month >> (tm.tm_mon + 1) & 1 &&
	       s->hour >> tm.tm_hour & 1 && s->minute >> tm.tm_min & 1 &&
	       s->second >> tm.tm_sec & 1 && oracle_day(s, &tm);
}

/* It fires at this instant; highest is the latest local time that the clock showed before. */
static inline bool oracle_fires(const struct schedule *s, int64_t local_s, int64_t highest)
{
	if (s->hour == (1 << 24) - 1)
		return oracle_names(s, local_s);
	for (int64_t l = highest + 1; l <= local_s; l++) {
		if (oracle_names(s, l))
			return true;
	}
	return false;
}

#endif
