/*
 * When a time rule fires: cron expressions and periods, in a named time zone.
 *
 *   minute hour day month weekday             at second 0 of every year
 *   minute hour day month weekday year
 *   second minute hour day month weekday year
 *   @hourly @daily @midnight @weekly @monthly @yearly @annually
 *   @every 7d, every 1d12h                    duration.h; 1 s to 10 years
 *
 * Fields. Second and minute 0-59, hour 0-23, day 1-31, month 1-12 or JAN or JANUARY, weekday 0-7
 * (0 and 7 are Sunday) or SUN or SUNDAY, year 1970-2099; case does not matter. Entries with
 * commas between them, each one of
 *   * or ?         every value
 *   5   5-20       a value, a range
 *   *\/2 5-20/2 5/2  every second value of all, of the range, from 5 to the end
 * Where the first value of a range is above the last, the range goes on from the field's lowest
 * value: FRI-MON is Friday to Monday, 22-2 the hours 22, 23, 0, 1 and 2; steps are counted on.
 * Years do not come again, so a range of years that runs backwards is refused.
 *
 * Only as a day:      L      the month's last day
 *                     L-3    three days before that
 *                     15W    the weekday (Monday to Friday) nearest to the 15th within the month
 *                     LW     the month's last weekday
 * Only as a weekday:  5L     the month's last Friday (FRIL)
 *                     MON#2  the month's second Monday; 1 to 5
 * A day that a month does not have is no day in that month: 31 and 31W do not fire in April.
 *
 * Day and weekday. When both are restricted a day that fits either fires; when one is, that one
 * decides. Unrestricted is a field with an entry * or ?; any other is restricted, also *\/2 and
 * 0-6. All this is as the library of earlier automation engines (Go's gorhill/cronexpr) has it;
 * it knows no L-3, no @midnight and no @every, and takes ranges that run backwards for empty.
 *
 * Clocks that change. An expression whose hours are not all 24 fires for each local time that it
 * names exactly once, at the first instant at which the local clock shows that time or more: a
 * time that comes twice in autumn counts the first time it comes, one that the clock leaves out in
 * spring fires at the end of the gap (several left out there are one firing). An expression for
 * every hour (* or 0-23) follows the running clock: it fires whenever the clock shows such a time,
 * in both of the hours that come twice, and not for times left out; so every minute stays that.
 *
 * Periods have no zone. They fire at anchor + k * period for whole k, so they do not drift, and
 * an anchor in the future (a clock was set back) holds nothing up.
 */
#ifndef ENGINE_SCHEDULE_H
#define ENGINE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "engine/zone.h"

enum {
	SCHEDULE_TEXT_MAX = 511,
	SCHEDULE_YEAR_MIN = 1970,
	SCHEDULE_YEAR_MAX = 2099,
};

/* Bit n of a set is the value n. */
struct schedule {
	int64_t period_s; /* of a period, which has nothing else; otherwise 0 */
	uint64_t second;
	uint64_t minute;
	uint32_t hour;
	uint32_t day;
	uint32_t day_from_last; /* L is bit 0, L-3 is bit 3 */
	uint32_t day_near;      /* 15W is bit 15 */
	uint32_t month;
	uint8_t weekday;        /* Sunday is bit 0 */
	uint8_t weekday_last;   /* 5L is bit 5 */
	uint8_t weekday_nth[5]; /* MON#2 is bit 1 of [1] */
	bool near_last;         /* LW */
	bool any_day, any_weekday;
	uint64_t year[3]; /* bit n counted over the words is the year 1970 + n */
};

/* ERR_INVALID names the field and says what would be right; *out is then undefined. */
bool schedule_parse(struct schedule *out, const char *text, struct err *err);

/* Refuse what never fires after now: 30 FEB, a year that is over. */
bool schedule_check(const struct schedule *s, const struct zone *z, int64_t now_s, struct err *err);

/*
 * The first firing after an instant; false if there is none up to 2099. anchor_s counts for
 * periods only. Costs well below a microsecond, some ten for the rarest days.
 */
bool schedule_next(const struct schedule *s, const struct zone *z, int64_t after_s,
		   int64_t anchor_s, int64_t *next_s);

/* A delay from 0 to max_s, the same in every server for the same seed (a rule) and firing, and
 * spread evenly over both. */
int64_t schedule_jitter(uint64_t seed, int64_t due_s, int64_t max_s);

#endif
