#include "engine/schedule.h"

enum { DAY_S = 86400, ALL_HOURS = (1 << 24) - 1 };

/* A local time cut into a date and the second of its day. */
struct moment {
	int year, month, day;
	int second;
};

/* Days from 1970-01-01 to a month's first; month 13 is the next year's first. Between 1970 and 2099
 * every fourth year is a leap year. */
static int month_start(int year, int month)
{
	static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
	int years = year - SCHEDULE_YEAR_MIN;

	return years * 365 + (years + 1) / 4 + before[month - 1] + (month > 2 && year % 4 == 0);
}

static struct moment moment_of(int64_t local_s)
{
	int days = (int)(local_s / DAY_S);
	struct moment m = {SCHEDULE_YEAR_MIN + days / 366, 1, 1, (int)(local_s % DAY_S)};

	while (month_start(m.year, 13) <= days)
		m.year++;
	while (month_start(m.year, m.month + 1) <= days)
		m.month++;
	m.day += days - month_start(m.year, m.month);
	return m;
}

/* The lowest member of a set from a value on; -1: none. */
static int lowest(uint64_t set, int from)
{
	set = from < 64 ? set >> from : 0;
	return set ? from + __builtin_ctzll(set) : -1;
}

/* The first second of a day at or after one that the time fields allow; -1: none. */
static int time_of_day(const struct schedule *s, int from)
{
	int hour = from / 3600, minute = from / 60 % 60, second = from % 60;

	if (s->hour >> hour & 1) {
		if (s->minute >> minute & 1) {
			second = lowest(s->second, second);
			if (second >= 0)
				return hour * 3600 + minute * 60 + second;
		}
		minute = lowest(s->minute, minute + 1);
		if (minute >= 0)
			return hour * 3600 + minute * 60 + lowest(s->second, 0);
	}
	hour = lowest(s->hour, hour + 1);
	return hour < 0 ? -1 : hour * 3600 + lowest(s->minute, 0) * 60 + lowest(s->second, 0);
}

/* The weekday nearest to a day, in a month of so many; the month's first is weekday first. */
static int nearest(int day, int days, int first)
{
	switch ((first + day - 1) % 7) {
	case 6:
		return day > 1 ? day - 1 : day + 2;
	case 0:
		return day < days ? day + 1 : day - 2;
	default:
		return day;
	}
}

static uint32_t by_day(const struct schedule *s, int days, int first)
{
	uint32_t set = s->day;

	for (int n = lowest(s->day_from_last, 0); n >= 0 && n < days;
	     n = lowest(s->day_from_last, n + 1))
		set |= UINT32_C(1) << (days - n);
	for (int day = lowest(s->day_near, 0); day >= 0 && day <= days;
	     day = lowest(s->day_near, day + 1))
		set |= UINT32_C(1) << nearest(day, days, first);
	if (s->near_last)
		set |= UINT32_C(1) << nearest(days, days, first);
	return set;
}

static uint32_t by_weekday(const struct schedule *s, int days, int first)
{
	uint32_t set = 0;

	for (int day = 1; day <= days; day++) {
		int weekday = (first + day - 1) % 7;
		bool fits = s->weekday >> weekday & 1 ||
			    s->weekday_nth[(day - 1) / 7] >> weekday & 1 ||
			    (day + 7 > days && s->weekday_last >> weekday & 1);

		set |= (uint32_t)fits << day;
	}
	return set;
}

/* The days of a month that the day and weekday fields allow; bit 1 is the first. */
static uint32_t days_allowed(const struct schedule *s, int month_len, int first)
{
	uint32_t all = (UINT32_C(2) << month_len) - 2, set = 0;

	if (s->any_day && s->any_weekday)
		return all;
	if (!s->any_day)
		set |= by_day(s, month_len, first);
	if (!s->any_weekday)
		set |= by_weekday(s, month_len, first);
	return set & all;
}

static bool has_year(const struct schedule *s, int year)
{
	int bit = year - SCHEDULE_YEAR_MIN;

	return s->year[bit / 64] >> bit % 64 & 1;
}

/* The first named local time in the month of m, at or after m; false: none. */
static bool in_month(const struct schedule *s, const struct moment *m, int64_t *out_s)
{
	int start = month_start(m->year, m->month);
	int month_len = month_start(m->year, m->month + 1) - start;
	uint32_t days = days_allowed(s, month_len, (start + 4) % 7); /* 1970 began on a Thursday */

	for (int day = lowest(days, m->day); day >= 0; day = lowest(days, day + 1)) {
		int second = time_of_day(s, day == m->day ? m->second : 0);

		*out_s = (int64_t)(start + day - 1) * DAY_S + second;
		if (second >= 0)
			return true;
	}
	return false;
}

/* The first local time at or after one that the expression names; false: none up to 2099. */
static bool first_named(const struct schedule *s, int64_t local_s, int64_t *out_s)
{
	struct moment m = moment_of(local_s < 0 ? 0 : local_s);

	while (m.year <= SCHEDULE_YEAR_MAX) {
		bool year = has_year(s, m.year);

		if (year && s->month >> m.month & 1 && in_month(s, &m, out_s))
			return true;
		if (year && m.month < 12)
			m = (struct moment){m.year, m.month + 1, 1, 0};
		else
			m = (struct moment){m.year + 1, 1, 1, 0};
	}
	return false;
}

/* Each local time once. */
static bool next_fixed(const struct schedule *s, const struct zone *z, int64_t after_s,
		       int64_t *next_s)
{
	int64_t local;

	if (!first_named(s, zone_highest(z, after_s) + 1, &local))
		return false;
	*next_s = zone_first(z, local);
	return true;
}

/*
 * Whenever the clock shows such a time: row by row of the zone. Between local times from and
 * named there is none, which saves the search in most rows.
 */
static bool next_running(const struct schedule *s, const struct zone *z, int64_t after_s,
			 int64_t *next_s)
{
	unsigned row = zone_row(z, after_s + 1);
	int64_t t = after_s + 1, from = INT64_MAX, named = 0;
	bool some = false;

	for (;; row++) {
		int64_t offset = z->change[row].offset_s, local = t + offset;

		if (local < from || (some && local > named))
			some = first_named(s, local, &named);
		from = local;
		if (row + 1 == z->n || (some && named - offset < z->change[row + 1].at_s)) {
			*next_s = named - offset;
			return some;
		}
		t = z->change[row + 1].at_s;
	}
}

static bool next_period(int64_t period, int64_t after_s, int64_t anchor_s, int64_t *next_s)
{
	int64_t since = (after_s % period - anchor_s % period) % period;

	*next_s = after_s - since + (since < 0 ? 0 : period);
	return true;
}

bool schedule_next(const struct schedule *s, const struct zone *z, int64_t after_s,
		   int64_t anchor_s, int64_t *next_s)
{
	bool some;

	/* A day before 1970 and after 2099, for the zones. */
	if (after_s < -DAY_S)
		after_s = -DAY_S;
	if (after_s > ZONE_END_S + DAY_S)
		return false;
	if (s->period_s)
		some = next_period(s->period_s, after_s, anchor_s, next_s);
	else if (s->hour == ALL_HOURS)
		some = next_running(s, z, after_s, next_s);
	else
		some = next_fixed(s, z, after_s, next_s);
	return some && *next_s <= ZONE_END_S + DAY_S;
}

bool schedule_check(const struct schedule *s, const struct zone *z, int64_t now_s, struct err *err)
{
	int64_t next;

	if (schedule_next(s, z, now_s, now_s, &next))
		return true;
	if (schedule_next(s, z, -DAY_S, now_s, &next))
		return err_set(err, ERR_INVALID,
			       "never matches: all its times are over; name a year to come");
	return err_set(err, ERR_INVALID,
		       "never matches: its months and years have no such day, as February has no "
		       "30th");
}

int64_t schedule_jitter(uint64_t seed, int64_t due_s, int64_t max_s)
{
	uint64_t x = seed;

	/* splitmix64's mixing, once with each input */
	for (int i = 0; i < 2; i++) {
		x += 0x9e3779b97f4a7c15u;
		x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
		x = (x ^ x >> 27) * 0x94d049bb133111ebu;
		x ^= x >> 31;
		x ^= i == 0 ? (uint64_t)due_s : 0;
	}
	return max_s > 0 ? (int64_t)(x % ((uint64_t)max_s + 1)) : 0;
}
