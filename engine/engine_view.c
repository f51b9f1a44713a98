/* What callers are shown: rules, runs, times to come. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/duration.h"
#include "engine/engine_inner.h"

enum { RUNS_DEFAULT = 100, RUNS_MAX = 1000, TIMES_DEFAULT = 10, TIMES_MAX = 1000, LOOKS_MAX = 50 };

/* 0001-01-01T00:00:00Z, which tools know as "never" */
#define YEAR_ONE INT64_C(-62135596800)

/* --- a rule ---------------------------------------------------------------------------------- */

static bool read_rule(struct engine *e, int32_t id, struct arena *arena, struct opened *o,
		      struct err *err)
{
	struct fleet_record record;

	if (!FLEET(e, record, RECORD_RULE, id, arena, &record, err)) {
		if (err->code == ERR_NOT_FOUND)
			err_set(err, ERR_NOT_FOUND, "there is no rule %d", (int)id);
		return false;
	}
	return rule_load(&o->rule, &record, &e->zones, err) &&
	       rule_open(&o->rule, arena, &o->stored, err);
}

static bool read_state(struct engine *e, struct arena *arena, struct opened *o, struct err *err)
{
	struct fleet_record record;

	if (!FLEET(e, record, RECORD_STATE, o->rule.id, arena, &record, err))
		return err->code != ERR_NOT_FOUND
			       ? false
			       : err_set(err, ERR_CONFLICT, "the rule was changed meanwhile");
	o->state_version = record.version;
	return state_open(&record, arena, &o->state, err) &&
	       (o->state->ruleversion == o->rule.version ||
		err_set(err, ERR_CONFLICT, "the rule was changed meanwhile"));
}

static bool read_run(struct engine *e, struct arena *arena, struct opened *o, struct err *err)
{
	if (!o->state->running || newest_run(e, o->rule.id, arena, &o->run_record, &o->run, err)) {
		if (o->run && run_is_over(o->run))
			o->run = 0;
		return true;
	}
	return err->code == ERR_NOT_FOUND;
}

bool rule_read(struct engine *e, int32_t id, struct arena *arena, struct opened *o, struct err *err)
{
	bool ok = false;

	err->code = ERR_CONFLICT;
	for (int i = 0; i < TRIES && !ok && err->code == ERR_CONFLICT; i++) {
		*o = (struct opened){0};
		ok = read_rule(e, id, arena, o, err) && read_state(e, arena, o, err) &&
		     read_run(e, arena, o, err);
		if (!ok)
			rule_unload(&o->rule);
	}
	return ok;
}

/* --- what its targets match ------------------------------------------------------------------ */

static bool named(struct engine *e, enum fleet_kind kind, const char *name, struct arena *arena,
		  int64_t *n, struct err *err)
{
	struct fleet_target row;
	bool found;

	if (!FLEET(e, find, kind, name, arena, &row, &found, err))
		return false;
	*n += found;
	return true;
}

bool target_matches(struct engine *e, const Pb__Target *t, struct arena *arena, int64_t *n,
		    struct err *err)
{
	const struct target_kind *kind = target_kind(t->type);
	struct fleet_search search = {.kind = kind->topic ? FLEET_TOPIC : FLEET_CLIENT,
				      .pattern = kind->how == TARGET_PATTERN ? t->expr : 0,
				      .tag = kind->how == TARGET_TAG ? t->expr : 0,
				      .cursor = "",
				      .limit = MATCHES_MAX};
	struct fleet_found found;

	*n = 0;
	if (kind->how == TARGET_NAME)
		return (!kind->topic || named(e, FLEET_TOPIC, t->expr, arena, n, err)) &&
		       (!kind->client || named(e, FLEET_CLIENT, t->expr, arena, n, err));
	for (int i = 0; i < LOOKS_MAX; i++) {
		search.limit = (size_t)(MATCHES_MAX - *n);
		if (!FLEET(e, search, &search, arena, &found, err))
			return false;
		*n += (int64_t)found.n;
		search.cursor = found.cursor;
		if (!found.cursor[0] || *n >= MATCHES_MAX)
			break;
	}
	return true;
}

static const char *nothing_text(const struct target_kind *kind)
{
	switch (kind->how) {
	case TARGET_NAME:
		return "there is nothing of this name";
	case TARGET_PATTERN:
		return "it matches nothing now";
	default:
		return "no client has this tag now";
	}
}

static char *copy(struct arena *arena, const char *text)
{
	return arena_copy(arena, text, strlen(text));
}

static bool ask_targets(struct engine *e, Pb__Rule *rule, struct arena *arena, struct err *err)
{
	for (size_t i = 0; i < rule->n_targets && i < ASK_MAX; i++) {
		Pb__Target *t = rule->targets[i];

		if (!target_matches(e, t, arena, &t->matches, err))
			return false;
		if (!t->matches)
			t->warning = copy(arena, nothing_text(target_kind(t->type)));
	}
	return true;
}

/* --- warnings -------------------------------------------------------------------------------- */

static void warn(Pb__Rule *rule, struct arena *arena, char *text)
{
	char **grown = arena_alloc(arena, (rule->n_warnings + 1) * sizeof *grown);

	if (rule->n_warnings)
		memcpy(grown, rule->warnings, rule->n_warnings * sizeof *grown);
	grown[rule->n_warnings++] = text;
	rule->warnings = grown;
}

static void warn_trigger(struct engine *e, Pb__Rule *rule, const struct rule_trigger *t, size_t i,
			 struct arena *arena)
{
	int64_t gap = trigger_shortest_gap(t, engine_now(e));
	char grace[DURATION_CAP];

	duration_format(grace, e->cfg.grace_s);
	if (gap < e->cfg.grace_s && action_kind(rule->action)->keys && !rule_options(rule)->force)
		warn(rule, arena,
		     arena_format(
			     arena,
			     "triggers[%zu] fires more often than every %s, the grace period in "
			     "which devices take the key before: without options.force what is "
			     "due sooner is put off",
			     i, grace));
	if (t->jitter_s > gap)
		warn(rule, arena,
		     arena_format(arena,
				  "triggers[%zu].settings.jitter is longer than the time between "
				  "two firings: some are left out",
				  i));
	if (t->kind->type == PB__TRIGGER_TYPE__MESSAGE_COUNT)
		warn(rule, arena,
		     arena_format(arena,
				  "triggers[%zu]: nothing reports numbers of messages to this "
				  "server: it does not fire",
				  i));
}

static void warn_targets(Pb__Rule *rule, bool asked, struct arena *arena)
{
	if (!rule->n_targets)
		warn(rule, arena, copy(arena, "it has no targets: it does nothing"));
	for (size_t i = 0; i < rule->n_targets; i++)
		if (rule->targets[i]->warning[0])
			warn(rule, arena,
			     arena_format(arena, "targets[%zu].expr: %s", i,
					  rule->targets[i]->warning));
	if (asked && rule->n_targets > ASK_MAX)
		warn(rule, arena,
		     arena_format(arena, "what targets match was counted for the first %d of them",
				  ASK_MAX));
}

static void fill_warnings(struct engine *e, const struct opened *o, bool asked, struct arena *arena)
{
	Pb__Rule *rule = o->stored->rule;

	if (!rule->n_triggers)
		warn(rule, arena, copy(arena, "it has no triggers: it only runs by hand"));
	for (size_t i = 0; i < o->rule.n_triggers; i++)
		warn_trigger(e, rule, &o->rule.triggers[i], i, arena);
	if (action_kind(rule->action)->acts)
		warn_targets(rule, asked, arena);
	if (o->state->lastrun &&
	    (o->state->lastrun->failed || o->state->lastrun->state != PB__RUN_STATE__RUN_DONE))
		warn(rule, arena,
		     arena_format(arena, "its last run: %s", o->state->lastrun->outcome));
}

/* --- outputs --------------------------------------------------------------------------------- */

static void fill_times(const struct opened *o, struct arena *arena)
{
	Pb__Rule *rule = o->stored->rule;
	int64_t last = o->state->lastexecuted, earliest = RULE_NEVER;

	rule->lastexecuted = stamp_of(last ? last : YEAR_ONE, arena);
	for (size_t i = 0; i < o->rule.n_triggers; i++) {
		const struct rule_trigger *t = &o->rule.triggers[i];
		int64_t due = t->kind->due(t, o->state->triggers[i]);

		rule->triggers[i]->occurrences = o->state->triggers[i]->count;
		if (rule->paused || !t->kind->timed || due == RULE_NEVER)
			continue;
		rule->triggers[i]->nextdue = stamp_of(due, arena);
		if (due < earliest)
			earliest = due;
	}
	if (earliest != RULE_NEVER)
		rule->nextdue = stamp_of(earliest, arena);
}

bool rule_describe(struct engine *e, const struct opened *o, bool ask, struct arena *arena,
		   struct err *err)
{
	Pb__Rule *rule = o->stored->rule;

	rule->id = o->rule.id;
	rule->version = o->rule.version;
	fill_times(o, arena);
	rule->lastrun = o->run ? o->run->run : o->state->lastrun;
	if (ask && !ask_targets(e, rule, arena, err))
		return false;
	fill_warnings(e, o, ask, arena);
	return true;
}

bool engine_get(struct engine *e, int32_t id, struct arena *arena, Pb__Rule **out, struct err *err)
{
	struct opened o;
	bool ok = rule_read(e, id, arena, &o, err) && rule_describe(e, &o, true, arena, err);

	if (ok)
		*out = o.stored->rule;
	rule_unload(&o.rule);
	return ok;
}

/* From memory: a list of all rules must not ask the database for each. */
static bool list_one(struct engine *e, struct entry *en, struct arena *arena, Pb__Rule **out,
		     struct err *err)
{
	struct opened o = {.rule = en->rule};

	if (!rule_open(&en->rule, arena, &o.stored, err) || !entry_state(en, arena, &o.state, err))
		return false;
	if (en->running && !newest_run(e, en->rule.id, arena, &o.run_record, &o.run, err) &&
	    err->code != ERR_NOT_FOUND)
		return false;
	*out = o.stored->rule;
	return rule_describe(e, &o, false, arena, err);
}

bool engine_list(struct engine *e, struct arena *arena, Pb__RulesResponse *out, struct err *err)
{
	/* What is not durable yet stays marked: if it is undone, it is read once more. */
	if (!refresh_stale(e, true, err))
		return false;
	out->rules = arena_alloc(arena, (e->n + 1) * sizeof *out->rules);
	out->n_rules = 0;
	for (size_t i = 0; i < e->n; i++)
		if (e->entries[i]->state &&
		    !list_one(e, e->entries[i], arena, &out->rules[out->n_rules++], err))
			return false;
	return true;
}

/* --- runs ------------------------------------------------------------------------------------ */

static bool parse_cursor(const char *text, int64_t *out, struct err *err)
{
	char *end;

	*out = text[0] ? strtoll(text, &end, 10) : 0;
	return !text[0] || (!*end && *out > 0) ||
	       err_set(err, ERR_INVALID, "cursor: has to be one that a page before gave, or empty");
}

bool engine_runs(struct engine *e, const Pb__ListRunsRequest *req, struct arena *arena,
		 Pb__ListRunsResponse *out, struct err *err)
{
	int64_t limit = req->limit ? req->limit : RUNS_DEFAULT, before;
	struct fleet_record *rows;
	size_t n;

	if (limit < 1 || limit > RUNS_MAX)
		return err_set(err, ERR_INVALID, "limit: has to be from 1 to %d", RUNS_MAX);
	if (!parse_cursor(req->cursor, &before, err) ||
	    !FLEET(e, records, RECORD_RUN, req->ruleid, before, (size_t)limit, true, arena, &rows,
		   &n, err))
		return false;
	out->runs = arena_alloc(arena, (n + 1) * sizeof *out->runs);
	for (size_t i = 0; i < n; i++) {
		Engine__StoredRun *run;

		if (!run_open(&rows[i], arena, &run, err))
			return false;
		out->runs[out->n_runs++] = run->run;
	}
	if ((int64_t)n == limit)
		out->cursor = arena_format(arena, "%" PRId64, rows[n - 1].id);
	return true;
}

/* --- times to come --------------------------------------------------------------------------- */

void walk_begin(struct walk *w, const struct opened *o)
{
	for (size_t i = 0; i < o->rule.n_triggers; i++) {
		const struct rule_trigger *t = &o->rule.triggers[i];
		bool timed = t->kind->type == PB__TRIGGER_TYPE__TIME_INTERVAL;

		w->due[i] = timed && !o->rule.paused ? o->state->triggers[i]->nextdue : 0;
		w->at[i] = w->due[i] ? t->kind->due(t, o->state->triggers[i]) : RULE_NEVER;
	}
}

int64_t walk_next(struct walk *w, const struct opened *o)
{
	int64_t at = RULE_NEVER;

	for (size_t i = 0; i < o->rule.n_triggers; i++)
		if (w->at[i] < at)
			at = w->at[i];
	for (size_t i = 0; i < o->rule.n_triggers && at != RULE_NEVER; i++)
		while (w->at[i] <= at)
			if (!trigger_following(&o->rule.triggers[i], o->state->triggers[i],
					       &w->due[i], &w->at[i]))
				w->at[i] = RULE_NEVER;
	return at;
}

bool engine_schedule(struct engine *e, int32_t id, size_t count, struct arena *arena,
		     Pb__GetScheduleResponse *out, struct err *err)
{
	struct opened o;
	struct walk w;

	count = count ? count : TIMES_DEFAULT;
	if (count > TIMES_MAX)
		return err_set(err, ERR_INVALID, "count: has to be from 1 to %d", TIMES_MAX);
	if (!rule_read(e, id, arena, &o, err))
		return false;
	walk_begin(&w, &o);
	out->times = arena_alloc(arena, count * sizeof *out->times);
	while (out->n_times < count) {
		int64_t at = walk_next(&w, &o);

		if (at == RULE_NEVER)
			break;
		out->times[out->n_times++] = stamp_of(at, arena);
	}
	rule_unload(&o.rule);
	return true;
}
