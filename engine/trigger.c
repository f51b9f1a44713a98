/* What makes a rule fire: a row for each kind of trigger. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "engine/duration.h"
#include "engine/rule.h"

/* --- settings: a JSON object of texts and numbers ------------------------------------------- */

enum { SETTINGS_MAX = 3, SETTINGS_LEN_MAX = 4096 };

struct setting {
	const char *name;
	const char *right; /* an example */
	bool required;
};

static bool unknown_setting(const struct setting *rows, const char *name, struct err *err)
{
	char known[96] = "";
	size_t used = 0;

	for (; rows->name; rows++)
		used += (size_t)snprintf(known + used, sizeof known - used, "%s%s",
					 used ? ", " : "", rows->name);
	return err_set(err, ERR_INVALID, "settings.%.40s: there is no such setting; there is %s",
		       name, known);
}

static bool take_setting(const struct setting *rows, const char *name, const json_t *value,
			 const char **texts, struct arena *arena, struct err *err)
{
	size_t i = 0;

	while (rows[i].name && strcmp(rows[i].name, name) != 0)
		i++;
	if (!rows[i].name)
		return unknown_setting(rows, name, err);
	if (json_is_string(value))
		texts[i] = arena_copy(arena, json_string_value(value), json_string_length(value));
	else if (json_is_integer(value))
		texts[i] = arena_format(arena, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (!json_is_null(value))
		return err_set(err, ERR_INVALID, "settings.%s: has to be as %s", name,
			       rows[i].right);
	return true;
}

static bool all_given(const struct setting *rows, const char **texts, struct err *err)
{
	for (size_t i = 0; rows[i].name; i++)
		if (rows[i].required && !texts[i])
			return err_set(err, ERR_INVALID, "settings.%s: is missing; such as %s",
				       rows[i].name, rows[i].right);
	return true;
}

/* The text of each setting, in the order of its rows; null: not given. */
static bool read_settings(const struct setting *rows, const Pb__Trigger *in,
			  const char *texts[SETTINGS_MAX], struct arena *arena, struct err *err)
{
	json_error_t why;
	const char *name;
	json_t *json, *value;
	bool ok;

	memset(texts, 0, SETTINGS_MAX * sizeof *texts);
	if (in->settings.len > SETTINGS_LEN_MAX)
		return err_set(err, ERR_INVALID, "settings: at most %d bytes", SETTINGS_LEN_MAX);
	json = json_loadb(in->settings.len ? (const char *)in->settings.data : "", in->settings.len,
			  JSON_REJECT_DUPLICATES, &why);
	ok = json_is_object(json) ||
	     err_set(err, ERR_INVALID, "settings: has to be a JSON object such as {\"%s\": \"%s\"}",
		     rows[0].name, rows[0].right);
	json_object_foreach(json, name, value)
	{
		ok = ok && take_setting(rows, name, value, texts, arena, err);
	}
	json_decref(json);
	return ok && all_given(rows, texts, err);
}

/* A whole number from 1. */
static bool read_count(int64_t *out, const char *text, const char *name, struct err *err)
{
	char *end = 0;
	long long n = text ? strtoll(text, &end, 10) : 0;

	if (!end || *end || end == text || n < 1 || n > INT64_C(1000000000000))
		return err_set(err, ERR_INVALID,
			       "settings.%s: has to be a whole number from 1, such as 3", name);
	*out = n;
	return true;
}

static bool read_duration(int64_t *out, const char *text, const char *name, struct err *err)
{
	return duration_parse(out, text, err) || err_wrap(err, "settings.%s", name);
}

/* --- TIME_INTERVAL -------------------------------------------------------------------------- */

static const struct setting time_settings[] = {{"expr", "0 3 * * MON", true},
					       {"timezone", "Europe/Zurich", false},
					       {"jitter", "10m", false},
					       {0}};

static bool time_parse(struct rule_trigger *t, const Pb__Trigger *in, struct zones *zones,
		       struct arena *arena, struct err *err)
{
	const char *texts[SETTINGS_MAX];

	if (!read_settings(time_settings, in, texts, arena, err))
		return false;
	if (!schedule_parse(&t->schedule, texts[0], err))
		return err_wrap(err, "settings.expr");
	if (!zones_find(zones, &t->zone, texts[1] ? texts[1] : "UTC", err))
		return err_wrap(err, "settings.timezone");
	return !texts[2] || read_duration(&t->jitter_s, texts[2], "jitter", err);
}

static int64_t next_after(const struct rule_trigger *t, const Engine__StoredTrigger *st,
			  int64_t after)
{
	int64_t next;

	return schedule_next(&t->schedule, t->zone, after, st->anchor, &next) ? next : 0;
}

/* 0, for there is none, stays 0. */
static int64_t with_jitter(const struct rule_trigger *t, int64_t due)
{
	return due ? due + schedule_jitter(t->seed, due, t->jitter_s) : 0;
}

static void time_start(const struct rule_trigger *t, Engine__StoredTrigger *st, int64_t now)
{
	if (!st->anchor || st->anchor > now)
		st->anchor = now;
	st->nextdue = next_after(t, st, now);
	st->countedat = now;
}

static int64_t time_due(const struct rule_trigger *t, const Engine__StoredTrigger *st)
{
	return st->nextdue ? with_jitter(t, st->nextdue) : RULE_NEVER;
}

/* What was missed meanwhile has fired with it. */
static void time_fired(const struct rule_trigger *t, Engine__StoredTrigger *st, int64_t now)
{
	st->nextdue = next_after(t, st, st->nextdue);
	if (st->nextdue && with_jitter(t, st->nextdue) <= now)
		st->nextdue = next_after(t, st, now);
	st->countedat = now;
}

static const char *settings_text(const struct rule_trigger *t, const Pb__Trigger *in,
				 struct arena *arena)
{
	return arena_format(arena, "%s %.*s", t->kind->name,
			    (int)(in->settings.len < 200 ? in->settings.len : 200),
			    (const char *)in->settings.data);
}

bool trigger_following(const struct rule_trigger *t, const Engine__StoredTrigger *st, int64_t *due,
		       int64_t *at_s)
{
	*due = *due ? next_after(t, st, *due) : 0;
	*at_s = with_jitter(t, *due);
	return *due != 0;
}

int64_t trigger_shortest_gap(const struct rule_trigger *t, int64_t now)
{
	const Engine__StoredTrigger st = {.anchor = now};
	int64_t shortest = RULE_NEVER, due, last;

	if (t->kind->type != PB__TRIGGER_TYPE__TIME_INTERVAL)
		return RULE_NEVER;
	last = next_after(t, &st, now);
	for (int i = 0; i < 50 && last; i++, last = due) {
		due = next_after(t, &st, last);
		if (due && due - last < shortest)
			shortest = due - last;
	}
	return shortest;
}

/* --- EVENT ---------------------------------------------------------------------------------- */

static const struct setting event_settings[] = {
	{"eventType", "CLIENT_SUBSCRIBED", true}, {"maxOccurrence", "3", true}, {0}};

static const struct {
	const char *name;
	int32_t type;
} event_types[] = {{"CLIENT_SUBSCRIBED", FLEET_SUBSCRIBED},
		   {"CLIENT_UNSUBSCRIBED", FLEET_UNSUBSCRIBED},
		   {"CLIENT_REMOVED", FLEET_CLIENT_REMOVED},
		   {"ALARM", FLEET_ALARM}};

static bool event_parse(struct rule_trigger *t, const Pb__Trigger *in, struct zones *zones,
			struct arena *arena, struct err *err)
{
	const char *texts[SETTINGS_MAX];

	(void)zones;
	if (!read_settings(event_settings, in, texts, arena, err))
		return false;
	for (size_t i = 0; i < sizeof event_types / sizeof *event_types; i++)
		if (strcmp(texts[0], event_types[i].name) == 0)
			t->event = event_types[i].type;
	if (!t->event)
		return err_set(err, ERR_INVALID,
			       "settings.eventType: has to be CLIENT_SUBSCRIBED, "
			       "CLIENT_UNSUBSCRIBED, CLIENT_REMOVED or ALARM");
	return read_count(&t->max, texts[1], "maxOccurrence", err);
}

static void event_start(const struct rule_trigger *t, Engine__StoredTrigger *st, int64_t now)
{
	(void)t;
	st->countedat = now;
}

static int64_t event_due(const struct rule_trigger *t, const Engine__StoredTrigger *st)
{
	return st->count >= t->max ? 0 : RULE_NEVER;
}

/* Those that came while it could not fire have fired with it; what is left counts on. */
static void event_fired(const struct rule_trigger *t, Engine__StoredTrigger *st, int64_t now)
{
	st->count %= t->max;
	st->countedat = now;
}

/* --- KEY_AGE -------------------------------------------------------------------------------- */

static const struct setting age_settings[] = {{"age", "30d", true}, {0}};

static bool age_parse(struct rule_trigger *t, const Pb__Trigger *in, struct zones *zones,
		      struct arena *arena, struct err *err)
{
	const char *texts[SETTINGS_MAX];

	(void)zones;
	if (!read_settings(age_settings, in, texts, arena, err) ||
	    !read_duration(&t->age_s, texts[0], "age", err))
		return false;
	return t->age_s >= 60 || err_set(err, ERR_INVALID, "settings.age: has to be 1m or more");
}

static void age_start(const struct rule_trigger *t, Engine__StoredTrigger *st, int64_t now)
{
	(void)t;
	st->nextdue = st->countedat = now;
}

static int64_t age_due(const struct rule_trigger *t, const Engine__StoredTrigger *st)
{
	(void)t;
	return st->nextdue ? st->nextdue : RULE_NEVER;
}

/* Its run finds out when the next key is of age. */
static void age_fired(const struct rule_trigger *t, Engine__StoredTrigger *st, int64_t now)
{
	(void)t;
	st->nextdue = 0;
	st->countedat = now;
}

/* --- MESSAGE_COUNT: nothing reports these counts yet ------------------------------------------ */

static const struct setting count_settings[] = {{"max", "1000000", true}, {0}};

static bool count_parse(struct rule_trigger *t, const Pb__Trigger *in, struct zones *zones,
			struct arena *arena, struct err *err)
{
	const char *texts[SETTINGS_MAX];

	(void)zones;
	return read_settings(count_settings, in, texts, arena, err) &&
	       read_count(&t->max, texts[0], "max", err);
}

/* --- the rows --------------------------------------------------------------------------------- */

static const struct trigger_kind kinds[] = {
	{PB__TRIGGER_TYPE__TIME_INTERVAL, PB__RUN_CAUSE__CAUSE_TIME, "TIME_INTERVAL", time_parse,
	 time_start, time_due, time_fired, settings_text, true},
	{PB__TRIGGER_TYPE__EVENT, PB__RUN_CAUSE__CAUSE_EVENT, "EVENT", event_parse, event_start,
	 event_due, event_fired, settings_text, false},
	{PB__TRIGGER_TYPE__KEY_AGE, PB__RUN_CAUSE__CAUSE_KEY_AGE, "KEY_AGE", age_parse, age_start,
	 age_due, age_fired, settings_text, true},
	{PB__TRIGGER_TYPE__MESSAGE_COUNT, PB__RUN_CAUSE__CAUSE_MESSAGE_COUNT, "MESSAGE_COUNT",
	 count_parse, event_start, event_due, event_fired, settings_text, false},
};

const struct trigger_kind *trigger_kind(Pb__TriggerType type)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (kinds[i].type == type)
			return &kinds[i];
	return 0;
}

bool trigger_parse(struct rule_trigger *t, const Pb__Trigger *in, struct zones *zones,
		   struct arena *arena, struct err *err)
{
	*t = (struct rule_trigger){.id = in->id, .kind = trigger_kind(in->type)};
	if (!t->kind)
		return err_set(err, ERR_INVALID,
			       "type: has to be TIME_INTERVAL, EVENT, KEY_AGE or MESSAGE_COUNT");
	return t->kind->parse(t, in, zones, arena, err);
}
