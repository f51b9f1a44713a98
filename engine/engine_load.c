#define _GNU_SOURCE /* memmem */
/* Rules in memory: read at the start, and again when somebody changed them. */
#include <stdlib.h>
#include <string.h>

#include "api/message.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/engine_inner.h"

/* --- records -------------------------------------------------------------------------------------
 */

bool state_open(const struct fleet_record *record, struct arena *arena, Engine__StoredState **out,
		struct err *err)
{
	ProtobufCMessage *msg;

	if (!stored_unpack(&engine__stored_state__descriptor, record->body, record->len, arena,
			   &msg, err))
		return false;
	*out = (Engine__StoredState *)msg;
	return true;
}

bool entry_state(const struct entry *en, struct arena *arena, Engine__StoredState **out,
		 struct err *err)
{
	const struct fleet_record record = {.body = en->state, .len = en->state_len};

	return state_open(&record, arena, out, err);
}

bool run_open(const struct fleet_record *record, struct arena *arena, Engine__StoredRun **out,
	      struct err *err)
{
	ProtobufCMessage *msg;

	if (!stored_unpack(&engine__stored_run__descriptor, record->body, record->len, arena, &msg,
			   err))
		return false;
	*out = (Engine__StoredRun *)msg;
	if (!(*out)->run)
		return err_set(err, ERR_INTERNAL, "a record of a run is damaged");
	(*out)->run->id = record->id;
	return true;
}

bool newest_run(struct engine *e, int32_t rule, struct arena *arena, struct fleet_record *record,
		Engine__StoredRun **out, struct err *err)
{
	struct fleet_record *rows;
	size_t n;

	if (!FLEET(e, records, RECORD_RUN, rule, 0, 1, true, arena, &rows, &n, err))
		return false;
	if (n == 0)
		return err_set(err, ERR_NOT_FOUND, "no run of this rule");
	*record = rows[0];
	return run_open(record, arena, out, err);
}

struct fleet_record state_record(const struct entry *en, const Engine__StoredState *st,
				 struct arena *arena)
{
	struct fleet_record record = {.kind = RECORD_STATE,
				      .id = en->rule.id,
				      .owner = en->rule.id,
				      .version = en->state_version};

	stored_pack(&st->base, arena, &record);
	return record;
}

/* --- entries --------------------------------------------------------------------------------- */

/* Where this id is or would be. */
static size_t place_of(const struct engine *e, int32_t id)
{
	size_t low = 0, high = e->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (e->entries[mid]->rule.id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct entry *entry_find(const struct engine *e, int32_t id)
{
	size_t at = place_of(e, id);

	return at < e->n && e->entries[at]->rule.id == id ? e->entries[at] : 0;
}

static struct entry *entry_new(struct engine *e, int32_t id)
{
	size_t at = place_of(e, id);
	struct entry *en = mem_alloc(sizeof *en);

	if (e->n == e->cap) {
		e->cap = e->cap ? 2 * e->cap : 64;
		e->entries = mem_resize(e->entries, e->cap, sizeof(struct entry *));
	}
	memmove(e->entries + at + 1, e->entries + at, (e->n - at) * sizeof(struct entry *));
	e->entries[at] = en;
	e->n++;
	en->rule.id = id;
	en->at = en->due_at = RULE_NEVER;
	return en;
}

typedef void index_change(struct rule_index *ix, enum rule_index_kind kind, const char *text,
			  size_t len, int32_t rule);

/* The expressions as they lie in the record, each preceded by its length: the index keeps them. */
static const char *in_body(const struct rule *r, size_t *from, const char *expr, size_t len)
{
	const uint8_t *at = memmem(r->body + *from, r->len - *from, expr, len);

	if (!at)
		return 0;
	*from = (size_t)(at - r->body) + len;
	return (const char *)at;
}

static void index_target(struct rule_index *ix, index_change *change, const struct rule *r,
			 const struct target_kind *kind, const char *text, size_t len)
{
	bool pattern = kind->how == TARGET_PATTERN;

	if (kind->how == TARGET_TAG) {
		change(ix, INDEX_TAG, text, len, r->id);
		return;
	}
	if (kind->topic)
		change(ix, pattern ? INDEX_TOPIC_PATTERN : INDEX_TOPIC, text, len, r->id);
	if (kind->client)
		change(ix, pattern ? INDEX_CLIENT_PATTERN : INDEX_CLIENT, text, len, r->id);
}

static void index_rule(struct rule_index *ix, index_change *change, const struct rule *r)
{
	struct arena arena = ARENA_INIT;
	Engine__StoredRule *stored;
	size_t from = 0;

	if (rule_open(r, &arena, &stored, 0))
		for (size_t i = 0; i < stored->rule->n_targets; i++) {
			const Pb__Target *t = stored->rule->targets[i];
			size_t len = strlen(t->expr);
			const char *text = in_body(r, &from, t->expr, len);

			if (text && target_kind(t->type))
				index_target(ix, change, r, target_kind(t->type), text, len);
		}
	arena_free(&arena);
}

static void entry_drop_rule(struct engine *e, struct entry *en)
{
	if (en->indexed)
		index_rule(&e->index, rule_index_remove, &en->rule);
	en->indexed = false;
	rule_unload(&en->rule);
}

static void entry_remove(struct engine *e, struct entry *en)
{
	size_t at = place_of(e, en->rule.id);

	entry_unschedule(e, en);
	entry_drop_rule(e, en);
	free(en->state);
	free(en);
	e->n--;
	memmove(e->entries + at, e->entries + at + 1, (e->n - at) * sizeof(struct entry *));
}

static bool entry_set_rule(struct engine *e, struct entry *en, const struct fleet_record *record,
			   struct err *err)
{
	int32_t id = en->rule.id;
	bool ok;

	if (en->rule.body && en->rule.version == record->version)
		return true;
	entry_drop_rule(e, en);
	ok = rule_load(&en->rule, record, &e->zones, err);
	en->rule.id = id;
	if (!ok)
		return false;
	en->indexed = en->rule.waves || decide_waits_for(&en->rule, 0);
	if (en->indexed)
		index_rule(&e->index, rule_index_add, &en->rule);
	return true;
}

void entry_set_state(struct engine *e, struct entry *en, const struct fleet_record *record,
		     const Engine__StoredState *st)
{
	uint8_t *copy = mem_alloc(record->len + 1);

	(void)e;
	memcpy(copy, record->body, record->len);
	free(en->state);
	en->state = copy;
	en->state_len = record->len;
	en->state_version = record->version;
	en->running = st->running;
	en->seen = st->seen;
	en->due_at = st->n_triggers == en->rule.n_triggers ? decide_at(&en->rule, st) : RULE_NEVER;
}

void entry_set_run(struct engine *e, struct entry *en, const struct fleet_record *record,
		   const Engine__StoredRun *run, bool mine)
{
	int64_t now = engine_now(e);
	int64_t watch = now + (e->cfg.shared && !mine ? TAKE_OVER_S : 0);

	en->running = !run_is_over(run);
	en->run_merges = run_merges(run);
	en->mine = mine;
	en->run_id = record->id;
	en->run_version = record->version;
	en->run_at = watch;
	if (run->run->state == PB__RUN_STATE__RUN_WAITING)
		en->run_at =
			run->nextstep < now + run->waitfor ? run->nextstep : now + run->waitfor;
}

/* A rule without state: of a version of ours that died between, or of none. */
static bool make_state(struct engine *e, struct entry *en, struct arena *arena, struct err *err)
{
	Engine__StoredState *st = state_for(&en->rule, 0, 0, 0, engine_now(e), arena);
	struct fleet_record record;
	struct fleet_txn txn = {.records = &record, .n_records = 1};

	en->state_version = 0;
	st->seen = e->event_seen;
	st->ruleversion = en->rule.version;
	record = state_record(en, st, arena);
	if (!engine_commit(e, &txn, 0, err))
		return false;
	entry_set_state(e, en, &record, st);
	return true;
}

/* Due times that were counted while the clock was wrong. */
static bool mend_clock(struct engine *e, struct entry *en, Engine__StoredState *st,
		       struct arena *arena, struct err *err)
{
	struct fleet_record record;
	struct fleet_txn txn = {.records = &record, .n_records = 1};

	if (st->n_triggers != en->rule.n_triggers || !decide_clock(&en->rule, st, engine_now(e)))
		return true;
	log_write(LOG_WARN, "the clock was ahead: due times are counted anew",
		  LOG_NUM("rule", en->rule.id));
	record = state_record(en, st, arena);
	if (!engine_commit(e, &txn, 0, err))
		return false;
	entry_set_state(e, en, &record, st);
	return true;
}

static bool take_run(struct engine *e, struct entry *en, struct arena *arena, struct err *err)
{
	Engine__StoredRun *run;
	struct fleet_record record;

	if (!newest_run(e, en->rule.id, arena, &record, &run, err)) {
		if (err->code != ERR_NOT_FOUND)
			return false;
		en->run_id = 0; /* the next step finds that out, and ends it */
		en->run_at = engine_now(e);
		return true;
	}
	if (en->run_id != record.id || en->run_version != record.version)
		entry_set_run(e, en, &record, run, en->begun_here);
	en->begun_here = false;
	en->running = true; /* as the state says; if it is over, the next step finds that out */
	return true;
}

/* What its state's record says, or that there is none. */
static bool take_state(struct engine *e, struct entry *en, const struct fleet_record *record,
		       struct arena *arena, struct err *err)
{
	Engine__StoredState *st;

	if (!record && !make_state(e, en, arena, err))
		return false;
	if (record) {
		if (!state_open(record, arena, &st, err))
			return false;
		if (st->ruleversion != en->rule.version)
			return err_set(err, ERR_CONFLICT, "the rule was changed meanwhile");
		entry_set_state(e, en, record, st);
		if (!mend_clock(e, en, st, arena, err))
			return false;
	}
	if (en->running && !take_run(e, en, arena, err))
		return false;
	entry_schedule(e, en);
	return true;
}

/* Of a newer version, perhaps: the others go on without it. */
static void drop_unreadable(struct engine *e, struct entry *en, const struct err *err)
{
	log_write(LOG_ERROR, "a rule cannot be carried out", LOG_NUM("rule", en->rule.id),
		  LOG_STR("reason", err->text));
	entry_remove(e, en);
}

static bool refresh_once(struct engine *e, int32_t id, struct err *err)
{
	struct arena arena = ARENA_INIT;
	struct fleet_record rule, state;
	struct entry *en = entry_find(e, id);
	bool ok = FLEET(e, record, RECORD_RULE, id, &arena, &rule, err), has_state;

	if (!ok && err->code == ERR_NOT_FOUND) {
		if (en)
			entry_remove(e, en);
		arena_free(&arena);
		return true;
	}
	if (ok && !en)
		en = entry_new(e, id);
	if (ok && !entry_set_rule(e, en, &rule, err))
		drop_unreadable(e, en, err);
	else if (ok) {
		has_state = FLEET(e, record, RECORD_STATE, id, &arena, &state, err);
		ok = (has_state || err->code == ERR_NOT_FOUND) &&
		     take_state(e, en, has_state ? &state : 0, &arena, err);
	}
	arena_free(&arena);
	return ok;
}

/* Rule and state are read one after the other: between them, somebody may change both. */
bool entry_refresh(struct engine *e, int32_t id, struct err *err)
{
	bool ok = refresh_once(e, id, err);

	for (int i = 1; i < TRIES && !ok && err->code == ERR_CONFLICT; i++)
		ok = refresh_once(e, id, err);
	return ok;
}

/* --- all of them ----------------------------------------------------------------------------- */

/* Rules first, so that each state finds its rule; a state without one is of a rule just deleted. */
static bool load_page(struct engine *e, int32_t kind, int64_t *after, struct arena *arena,
		      struct err *err)
{
	struct fleet_record *rows;
	size_t n;

	if (!FLEET(e, records, kind, 0, *after, PAGE, false, arena, &rows, &n, err))
		return false;
	for (size_t i = 0; i < n; i++) {
		int32_t id = (int32_t)rows[i].id;
		struct entry *en = entry_find(e, id);

		if (kind == RECORD_RULE) {
			en = en ? en : entry_new(e, id);
			if (!entry_set_rule(e, en, &rows[i], err))
				drop_unreadable(e, en, err);
		} else if (en && !take_state(e, en, &rows[i], arena, err)) {
			if (err->code != ERR_CONFLICT)
				return false;
			en->stale = e->any_stale = true;
		}
		*after = rows[i].id;
	}
	if (n < PAGE)
		*after = -1;
	return true;
}

static bool load_kind(struct engine *e, int32_t kind, struct err *err)
{
	int64_t after = 0;
	bool ok = true;

	while (ok && after >= 0) {
		struct arena arena = ARENA_INIT;

		ok = load_page(e, kind, &after, &arena, err);
		arena_free(&arena);
	}
	return ok;
}

static bool read_cursor(struct engine *e, struct arena *arena, struct err *err)
{
	struct fleet_record record;
	ProtobufCMessage *msg;

	if (!FLEET(e, record, RECORD_CURSOR, 1, arena, &record, err) ||
	    !stored_unpack(&engine__stored_cursor__descriptor, record.body, record.len, arena, &msg,
			   err))
		return false;
	e->event_seen = e->event_saved = ((Engine__StoredCursor *)msg)->event;
	e->cursor_version = record.version;
	return true;
}

/* At the very first start: what happens from now on counts, even if we die at once. */
static bool make_cursor(struct engine *e, struct arena *arena, struct err *err)
{
	struct fleet_record record = {.kind = RECORD_CURSOR, .id = 1};
	struct fleet_txn txn = {.records = &record, .n_records = 1};
	Engine__StoredCursor cursor = ENGINE__STORED_CURSOR__INIT;
	struct fleet_events none;

	if (!FLEET(e, events, INT64_MAX - 1, 1, arena, &none, err))
		return false;
	cursor.event = none.last;
	stored_pack(&cursor.base, arena, &record);
	return engine_commit(e, &txn, 0, err) || err->code == ERR_CONFLICT;
}

static bool load_cursor(struct engine *e, struct err *err)
{
	struct arena arena = ARENA_INIT;
	bool ok = read_cursor(e, &arena, err);

	if (!ok && err->code == ERR_NOT_FOUND)
		ok = make_cursor(e, &arena, err) && read_cursor(e, &arena, err);
	arena_free(&arena);
	return ok;
}

bool edits_read(struct engine *e, struct arena *arena, int64_t *version, Engine__StoredEdits **out,
		struct err *err)
{
	struct fleet_record record;
	ProtobufCMessage *msg;

	*out = 0;
	*version = 0;
	if (!FLEET(e, record, RECORD_EDITS, 1, arena, &record, err))
		return err->code == ERR_NOT_FOUND;
	if (!stored_unpack(&engine__stored_edits__descriptor, record.body, record.len, arena, &msg,
			   err))
		return false;
	*out = (Engine__StoredEdits *)msg;
	*version = record.version;
	return true;
}

/* What was written by a crash between rule and state is mended here. */
static bool mend_states(struct engine *e, struct err *err)
{
	for (size_t i = 0; i < e->n; i++)
		if (!e->entries[i]->state && !entry_refresh(e, e->entries[i]->rule.id, err))
			return false;
	return true;
}

bool engine_load(struct engine *e, struct err *err)
{
	struct arena arena = ARENA_INIT;
	Engine__StoredEdits *edits;
	bool ok = load_cursor(e, err) && edits_read(e, &arena, &e->edits_version, &edits, err) &&
		  load_kind(e, RECORD_RULE, err) && load_kind(e, RECORD_STATE, err) &&
		  mend_states(e, err);

	arena_free(&arena);
	e->loaded = ok;
	e->events = true;
	e->clock_seen = engine_now(e);
	return ok;
}

void engine_unload(struct engine *e)
{
	while (e->n)
		entry_remove(e, e->entries[e->n - 1]);
	free(e->entries);
	free(e->heap);
	rule_index_free(&e->index);
	zones_free(&e->zones);
}

/* --- what has changed ------------------------------------------------------------------------ */

struct entry *engine_mark(struct engine *e, int32_t id)
{
	struct entry *en = entry_find(e, id);

	if (!en)
		en = entry_new(e, id);
	en->stale = true;
	e->any_stale = true;
	if (e->wake)
		e->wake(e->wake_ctx);
	return en;
}

bool refresh_stale(struct engine *e, bool all, struct err *err)
{
	int64_t began_ms = engine_mono(e);

	if (!e->any_stale)
		return true;
	for (size_t i = 0; i < e->n;) {
		struct entry *en = e->entries[i];
		int32_t id = en->rule.id;

		if (en->stale && !all && engine_late(e, began_ms, SLICE_MS))
			return true;
		if (en->stale && !entry_refresh(e, id, err))
			return false;
		if (i < e->n && e->entries[i]->rule.id == id)
			e->entries[i++]->stale &= all;
	}
	e->any_stale = all;
	return true;
}

static bool poll_all(struct engine *e, struct err *err)
{
	for (size_t i = 0; i < e->n; i++)
		engine_mark(e, e->entries[i]->rule.id);
	return load_kind(e, RECORD_RULE, err);
}

bool engine_poll(struct engine *e, struct err *err)
{
	struct arena arena = ARENA_INIT;
	Engine__StoredEdits *edits;
	int64_t version, missed;
	bool ok = edits_read(e, &arena, &version, &edits, err);

	missed = version - e->edits_version;
	if (ok && edits && missed > 0 && (size_t)missed <= edits->n_rules) {
		for (int64_t i = 0; i < missed; i++)
			engine_mark(e, edits->rules[edits->n_rules - 1 - (size_t)i]);
	} else if (ok && missed) {
		ok = poll_all(e, err);
	}
	if (ok)
		e->edits_version = version;
	arena_free(&arena);
	return ok;
}
