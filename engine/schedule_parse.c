#include "engine/schedule.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "engine/duration.h"

enum { N_FIELDS = 7 };

enum field_id { SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY, YEAR };

static const char *const month_names[] = {"january",   "february", "march",    "april",
					  "may",       "june",     "july",     "august",
					  "september", "october",  "november", "december"};
static const char *const weekday_names[] = {"sunday",   "monday", "tuesday", "wednesday",
					    "thursday", "friday", "saturday"};

static const struct field {
	const char *name;
	int min, max;
	const char *const *names; /* of min and the values after it */
	int n_names;
	const char *range, *use; /* for errors: its values; what else it takes */
} fields[N_FIELDS] = {
	[SECOND] = {"second", 0, 59, NULL, 0, "0 to 59", ""},
	[MINUTE] = {"minute", 0, 59, NULL, 0, "0 to 59", ""},
	[HOUR] = {"hour", 0, 23, NULL, 0, "0 to 23", ""},
	[DAY] = {"day", 1, 31, NULL, 0, "1 to 31", "; or L, L-3, 15W, LW"},
	[MONTH] = {"month", 1, 12, month_names, 12, "1 to 12 or JAN to DEC", ""},
	[WEEKDAY] = {"weekday", 0, 7, weekday_names, 7, "0 to 7 or SUN to SAT", "; or 5L, MON#2"},
	[YEAR] = {"year", SCHEDULE_YEAR_MIN, SCHEDULE_YEAR_MAX, NULL, 0, "1970 to 2099",
		  " (the sixth field is the year; seconds make it seven fields)"},
};

static const struct {
	const char *name, *meaning;
} aliases[] = {
	{"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
	{"@weekly", "0 0 * * 0"},   {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
	{"@annually", "0 0 1 1 *"},
};

/* One entry of a field's list, and where its values go. */
struct entry {
	const struct field *field;
	const char *text, *p; /* the whole, the rest */
	struct schedule *out;
	uint64_t *set; /* bit 0 is 0, of years 1970 */
	struct err *err;
};

static bool misread(const struct entry *e)
{
	return err_set(e->err, ERR_INVALID,
		       "%s: \"%.40s\" is not understood; use %s, lists (1,2), ranges (1-5) and "
		       "steps (*/2)%s",
		       e->field->name, e->text, e->field->range, e->field->use);
}

static bool take(struct entry *e, char c)
{
	if (*e->p != c)
		return false;
	e->p++;
	return true;
}

/* A whole number; those too large for any field stay just that. */
static bool number(struct entry *e, int *out)
{
	const char *start = e->p;

	for (*out = 0; *e->p >= '0' && *e->p <= '9'; e->p++)
		*out = *out > 9999 ? *out : *out * 10 + (*e->p - '0');
	return e->p > start || misread(e);
}

/* A name in full, or its first three letters. */
static bool name(struct entry *e, int *out)
{
	for (int i = 0; i < e->field->n_names; i++) {
		const char *full = e->field->names[i];
		size_t len = strlen(full);

		if (strncmp(e->p, full, 3) != 0)
			continue;
		e->p += strncmp(e->p, full, len) == 0 ? len : 3;
		*out = e->field->min + i;
		return true;
	}
	return misread(e);
}

static bool value(struct entry *e, int *out)
{
	const struct field *f = e->field;

	if (f->names && isalpha((unsigned char)*e->p))
		return name(e, out);
	if (!number(e, out))
		return false;
	if (*out > f->max)
		return err_set(e->err, ERR_INVALID, "%s: %d is above %d; use %s%s", f->name, *out,
			       f->max, f->range, f->use);
	if (*out < f->min)
		return err_set(e->err, ERR_INVALID, "%s: %d is below %d; use %s%s", f->name, *out,
			       f->min, f->range, f->use);
	return true;
}

static bool end(const struct entry *e)
{
	return *e->p == 0 || misread(e);
}

/* The part after a slash, if there is one. */
static bool step(struct entry *e, int *out)
{
	const struct field *f = e->field;

	if (!take(e, '/'))
		return true;
	if (!number(e, out))
		return false;
	if (*out < 1 || *out > f->max)
		return err_set(e->err, ERR_INVALID, "%s: a step of %d; use 1 to %d", f->name, *out,
			       f->max);
	return true;
}

/* The last value of a field; the weekday 7 is 0 once more. */
static int top(const struct field *f)
{
	return f == &fields[WEEKDAY] ? 6 : f->max;
}

/* Every step-th value from first to last, around the end of the field if last is below. */
static bool fill(const struct entry *e, int first, int last, int steps)
{
	const struct field *f = e->field;
	int min = f->min, n = top(f) - min + 1;
	int zero = f == &fields[YEAR] ? min : 0;

	if (last < first && f == &fields[YEAR])
		return err_set(e->err, ERR_INVALID,
			       "year: %d-%d runs backwards; write the earlier year first", first,
			       last);
	if (last < first)
		last += n;
	for (int v = first; v <= last; v += steps) {
		int bit = min + (v - min) % n - zero;

		e->set[bit / 64] |= UINT64_C(1) << bit % 64;
	}
	return true;
}

static bool every(struct entry *e)
{
	const struct field *f = e->field;
	int steps = 1;

	if (!*e->p) {
		e->out->any_day |= f == &fields[DAY];
		e->out->any_weekday |= f == &fields[WEEKDAY];
	}
	return step(e, &steps) && end(e) && fill(e, f->min, top(f), steps);
}

static bool values(struct entry *e, int first)
{
	int last = first, steps = 1;

	if (take(e, '-')) {
		if (!value(e, &last))
			return false;
	} else if (*e->p == '/') {
		last = top(e->field);
	}
	return step(e, &steps) && end(e) && fill(e, first, last, steps);
}

/* L, L-3, LW */
static bool from_last(struct entry *e)
{
	struct schedule *s = e->out;
	int before = 0;

	if (take(e, 'w')) {
		s->near_last = true;
		return end(e);
	}
	if (take(e, '-')) {
		if (!number(e, &before))
			return false;
		if (before < 1 || before > 30)
			return err_set(e->err, ERR_INVALID, "day: L-%d; use L-1 to L-30, or L",
				       before);
	}
	s->day_from_last |= UINT32_C(1) << before;
	return end(e);
}

/* MON#2 */
static bool nth(struct entry *e, int weekday)
{
	int n;

	if (!number(e, &n))
		return false;
	if (n < 1 || n > 5)
		return err_set(e->err, ERR_INVALID, "weekday: #%d; use #1 to #5, or L for the last",
			       n);
	e->out->weekday_nth[n - 1] |= (uint8_t)(1 << weekday % 7);
	return end(e);
}

static bool entry(struct entry *e)
{
	const struct field *f = e->field;
	int first;

	if (!*e->text)
		return err_set(e->err, ERR_INVALID,
			       "%s: an entry of the list is empty; write one value between commas",
			       f->name);
	if (take(e, '*') || take(e, '?'))
		return every(e);
	if (f == &fields[DAY] && take(e, 'l'))
		return from_last(e);
	if (!value(e, &first))
		return false;
	if (f == &fields[DAY] && take(e, 'w')) {
		e->out->day_near |= UINT32_C(1) << first;
		return end(e);
	}
	if (f == &fields[WEEKDAY] && take(e, 'l')) {
		e->out->weekday_last |= (uint8_t)(1 << first % 7);
		return end(e);
	}
	if (f == &fields[WEEKDAY] && take(e, '#'))
		return nth(e, first);
	return values(e, first);
}

/* A list; it is cut at its commas. */
static bool field(struct schedule *out, enum field_id id, char *text, uint64_t set[3],
		  struct err *err)
{
	memset(set, 0, 3 * sizeof *set);
	for (char *rest = text; rest; text = rest) {
		rest = strchr(text, ',');
		if (rest)
			*rest++ = 0;
		if (!entry(&(struct entry){&fields[id], text, text, out, set, err}))
			return false;
	}
	return true;
}

/* All seven fields; of those at the ends, which can be missing, the usual values. */
static bool cron(struct schedule *out, char *word[], int n, struct err *err)
{
	static char zero[] = "0", any[] = "*";
	uint64_t set[N_FIELDS][3];
	int first = n == N_FIELDS ? SECOND : MINUTE;

	for (int id = 0; id < N_FIELDS; id++) {
		char *text = id < first ? zero : id < first + n ? word[id - first] : any;

		if (!field(out, (enum field_id)id, text, set[id], err))
			return false;
	}
	out->second = set[SECOND][0];
	out->minute = set[MINUTE][0];
	out->hour = (uint32_t)set[HOUR][0];
	out->day = (uint32_t)set[DAY][0];
	out->month = (uint32_t)set[MONTH][0];
	out->weekday = (uint8_t)set[WEEKDAY][0];
	memcpy(out->year, set[YEAR], sizeof out->year);
	return true;
}

static bool period(struct schedule *out, const char *text, struct err *err)
{
	if (!duration_parse(&out->period_s, text, err))
		return err_wrap(err, "every");
	return out->period_s >= 1 ||
	       err_set(err, ERR_INVALID, "every: %s is too short; use 1s or more", text);
}

/* Cut a text into at most cap words; how many there are, cap + 1 for more. */
static int split(char *text, char **word, int cap)
{
	int n = 0;

	for (char *p = text; *(p += strspn(p, " \t\r\n")); n++) {
		if (n == cap)
			return cap + 1;
		word[n] = p;
		p += strcspn(p, " \t\r\n");
		if (*p)
			*p++ = 0;
	}
	return n;
}

/* In lower case, so that nothing after it need think of case. Errors repeat the text, so that
 * nothing strange may be in it. */
static bool copy_lower(char to[SCHEDULE_TEXT_MAX + 1], const char *text, struct err *err)
{
	size_t len = strlen(text);

	if (len > SCHEDULE_TEXT_MAX)
		return err_set(err, ERR_INVALID, "longer than %d bytes", SCHEDULE_TEXT_MAX);
	for (size_t i = 0; i <= len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= 0x7f || (c < ' ' && !strchr("\t\r\n", c)))
			return err_set(err, ERR_INVALID,
				       "byte %zu is no letter, digit or sign of a schedule", i + 1);
		to[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
	}
	return true;
}

/* What a word with @ stands for, in its place. */
static bool named(char text[SCHEDULE_TEXT_MAX + 1], struct err *err)
{
	for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
		if (strcmp(aliases[i].name, text) == 0) {
			strcpy(text, aliases[i].meaning); /* NOLINT: far shorter */
			return true;
		}
	}
	return err_set(err, ERR_INVALID,
		       "\"%.40s\" is not known; use @hourly, @daily, @midnight, @weekly, @monthly, "
		       "@yearly, @annually or a period such as @every 7d",
		       text);
}

bool schedule_parse(struct schedule *out, const char *text, struct err *err)
{
	char copy[SCHEDULE_TEXT_MAX + 1], *word[N_FIELDS];
	int n;

	*out = (struct schedule){0};
	if (!copy_lower(copy, text, err))
		return false;
	n = split(copy, word, N_FIELDS);
	if (n == 2 && strcmp(word[0] + (*word[0] == '@'), "every") == 0)
		return period(out, word[1], err);
	if (n == 1 && *word[0] == '@') {
		memmove(copy, word[0], strlen(word[0]) + 1);
		if (!named(copy, err))
			return false;
		n = split(copy, word, N_FIELDS);
	}
	if (n < 5 || n > N_FIELDS)
		return err_set(err, ERR_INVALID,
			       "%s; write 5 fields (minute hour day month weekday), 6 (and the "
			       "year), 7 (seconds first, the year last), or @every 7d",
			       n == 0  ? "empty"
			       : n < 5 ? "fewer than 5 fields"
				       : "more than 7 fields");
	return cron(out, word, n, err);
}
