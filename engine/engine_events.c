/*
 * Events: counted on the rules whose targets they concern. A state remembers
 * the last event that was counted on it, so reading events twice, after a crash
 * or by several servers, counts none twice.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/message.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/engine_inner.h"

enum { EVENTS_PAGE = 256, STATES_MAX = 256, SAVE_EVERY = 256, TOUCHED_MAX = 512 };

struct page {
	struct engine *e;
	struct arena arena;
	const struct fleet_event *event; /* the one that is looked at */
	struct fleet_events list;
	struct entry **touched; /* their work is open */
	size_t n, cap;
	bool full; /* another rule is for the next call, which looks at this event again */
	bool ok;
	struct err *err;
};

/* --- counting ------------------------------------------------------------------------------------
 */

static bool touch(struct page *p, struct entry **en)
{
	int32_t id = (*en)->rule.id;

	if ((*en)->work)
		return true;
	if (p->e->cfg.shared && !entry_refresh(p->e, id, p->err))
		return false;
	*en = entry_find(p->e, id);
	if (!*en || !(*en)->state)
		return true;
	if (p->n == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 64;
		p->touched = mem_resize(p->touched, p->cap, sizeof(struct entry *));
	}
	p->touched[p->n++] = *en;
	(*en)->changed = false;
	return entry_state(*en, &p->arena, &(*en)->work, p->err);
}

/* An alarm about what a wave has reached ends the run; its next step says so. */
static bool alarm_run(struct page *p, struct entry *en)
{
	struct engine *e = p->e;
	struct fleet_record record;
	struct fleet_txn txn = {.records = &record, .n_records = 1};
	Engine__StoredRule *rule;
	Engine__StoredRun *run;
	struct run_env env;

	if (!newest_run(e, en->rule.id, &p->arena, &record, &run, p->err))
		return p->err->code == ERR_NOT_FOUND;
	if (!rule_open(&en->rule, &p->arena, &rule, p->err))
		return false;
	env = (struct run_env){.rule = rule->rule, .arena = &p->arena};
	if (run_is_over(run) || run->alarm[0] ||
	    (!run_has_reached(&env, run, p->event->source) &&
	     !run_has_reached(&env, run, p->event->target)))
		return true;
	run->alarm = arena_format(&p->arena, "there was an alarm about %s",
				  p->event->target[0] ? p->event->target : p->event->source);
	run->nextstep = engine_now(e);
	stored_pack(&run->base, &p->arena, &record);
	if (!engine_commit(e, &txn, 0, p->err))
		return false;
	entry_set_run(e, en, &record, run, true);
	en->run_at = engine_now(e);
	entry_schedule(e, en);
	return true;
}

/* A rule tells of its own failure by an alarm: it must not wake itself by that. */
static bool is_own(const struct page *p, int32_t rule)
{
	char source[32];

	snprintf(source, sizeof source, "rule %d", (int)rule);
	return p->event->type == FLEET_ALARM && strcmp(p->event->source, source) == 0;
}

static void hit(void *arg, int32_t rule)
{
	struct page *p = arg;
	struct entry *en = entry_find(p->e, rule);

	if (!p->ok || !en || en->hit == p->e->looks || is_own(p, rule))
		return;
	en->hit = p->e->looks;
	if (p->event->type == FLEET_ALARM && en->running && en->rule.waves)
		p->ok = alarm_run(p, en);
	if (!p->ok || !decide_waits_for(&en->rule, p->event->type))
		return;
	p->full |= !en->work && p->n == TOUCHED_MAX;
	if (en->seen >= p->event->seq || p->full)
		return;
	p->ok = touch(p, &en);
	if (p->ok && en && en->work)
		en->changed |= decide_event(&en->rule, en->work, p->event);
}

static void find_topic(struct page *p, const char *topic)
{
	rule_index_find(&p->e->index, INDEX_TOPIC, topic, hit, p);
	rule_index_find(&p->e->index, INDEX_TOPIC_PATTERN, topic, hit, p);
}

static void find_client(struct page *p, const char *client)
{
	const char **tags;
	size_t n;

	rule_index_find(&p->e->index, INDEX_CLIENT, client, hit, p);
	rule_index_find(&p->e->index, INDEX_CLIENT_PATTERN, client, hit, p);
	if (!p->e->index.n_tags || !p->ok)
		return;
	p->ok = FLEET(p->e, tags, client, &p->arena, &tags, &n, p->err);
	for (size_t i = 0; p->ok && i < n; i++)
		rule_index_find(&p->e->index, INDEX_TAG, tags[i], hit, p);
}

/* A client that was removed left its topics by the events just before: they are concerned, too. */
static void find_left(struct page *p, size_t i)
{
	const struct fleet_event *gone = &p->list.rows[i];

	while (i > 0 && p->list.rows[i - 1].type == FLEET_UNSUBSCRIBED &&
	       strcmp(p->list.rows[i - 1].source, gone->source) == 0)
		find_topic(p, p->list.rows[--i].target);
}

static void count(struct page *p, size_t i)
{
	p->event = &p->list.rows[i];
	p->e->looks++;
	if (p->event->source[0])
		find_client(p, p->event->source);
	if (p->event->target[0])
		find_topic(p, p->event->target);
	if (p->event->type == FLEET_CLIENT_REMOVED)
		find_left(p, i);
}

/*
 * How many of the first n events are done with. Where they end inside the
 * removal of a client, the rest of it needs what came before: it is read again.
 */
static size_t whole_part(const struct fleet_events *list, size_t n)
{
	size_t whole = n;

	while (whole > 0 && list->rows[whole - 1].type == FLEET_UNSUBSCRIBED &&
	       strcmp(list->rows[whole - 1].source, list->rows[n - 1].source) == 0)
		whole--;
	return whole;
}

/* --- writing --------------------------------------------------------------------------------- */

static struct fleet_record cursor_record(struct page *p, int64_t event)
{
	struct fleet_record record = {
		.kind = RECORD_CURSOR, .id = 1, .version = p->e->cursor_version};
	Engine__StoredCursor cursor = ENGINE__STORED_CURSOR__INIT;

	cursor.event = event;
	stored_pack(&cursor.base, &p->arena, &record);
	return record;
}

/* Another server has written it; what it counted was found out by each state. */
static bool read_cursor(struct page *p)
{
	struct fleet_record record;

	if (!FLEET(p->e, record, RECORD_CURSOR, 1, &p->arena, &record, p->err))
		return false;
	p->e->cursor_version = record.version;
	return true;
}

static bool save_cursor(struct page *p, int64_t event)
{
	struct fleet_record record = cursor_record(p, event);
	struct fleet_txn txn = {.records = &record, .n_records = 1};

	if (!engine_commit(p->e, &txn, 0, p->err))
		return p->err->code == ERR_CONFLICT && read_cursor(p);
	p->e->cursor_version = record.version;
	p->e->event_saved = event;
	return true;
}

static bool write_states(struct page *p, struct entry **list, size_t n)
{
	struct fleet_record *records = arena_alloc(&p->arena, n * sizeof *records);
	struct fleet_txn txn = {.records = records, .n_records = n};

	for (size_t i = 0; i < n; i++)
		records[i] = state_record(list[i], list[i]->work, &p->arena);
	if (!engine_commit(p->e, &txn, 0, p->err))
		return false;
	for (size_t i = 0; i < n; i++) {
		entry_set_state(p->e, list[i], &records[i], list[i]->work);
		entry_schedule(p->e, list[i]);
	}
	return true;
}

static bool write_changed(struct page *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		if (p->touched[i]->changed)
			p->touched[n++] = p->touched[i];
		else
			p->touched[i]->work = 0;
	p->n = n;
	for (size_t i = 0; i < n; i += STATES_MAX)
		if (!write_states(p, p->touched + i, n - i < STATES_MAX ? n - i : STATES_MAX))
			return false;
	return true;
}

/* --- a page ---------------------------------------------------------------------------------- */

/* Where the events that are kept go on, if some are gone: trimmed, or from before a restore. */
static void skip_lost(struct engine *e, const struct fleet_events *list)
{
	int64_t on = list->last < e->event_seen ? list->last : list->first - 1;

	if (list->last >= e->event_seen && list->first <= e->event_seen + 1)
		return;
	log_write(LOG_WARN, "events were lost before they were counted",
		  LOG_NUM("after", e->event_seen), LOG_NUM("next", on + 1));
	e->event_seen = on;
}

static bool read_page(struct page *p)
{
	struct engine *e = p->e;

	if (!FLEET(e, events, e->event_seen, EVENTS_PAGE, &p->arena, &p->list, p->err))
		return false;
	skip_lost(e, &p->list);
	return true;
}

/* *n: events that need not be looked at again. */
static bool count_page(struct page *p, size_t *n)
{
	size_t i = 0;

	while (i < p->list.n && p->ok && !p->full)
		count(p, i++);
	if (!p->ok || !write_changed(p))
		return false;
	*n = p->full ? whole_part(&p->list, i - 1) : i;
	if (i == EVENTS_PAGE && !p->full)
		*n = whole_part(&p->list, i) ? whole_part(&p->list, i) : i;
	return true;
}

static void close_page(struct page *p, bool conflict)
{
	for (size_t i = 0; i < p->n; i++) {
		p->touched[i]->work = 0;
		p->touched[i]->stale |= conflict;
		p->e->any_stale |= conflict;
	}
	free(p->touched);
	arena_free(&p->arena);
}

/* Without rules that count, the place is saved now and then; with them, always. */
static bool save_place(struct page *p, int64_t seen)
{
	struct engine *e = p->e;

	e->event_seen = seen;
	if (seen == e->event_saved || (!e->index.n && seen - e->event_saved < SAVE_EVERY))
		return true;
	return save_cursor(p, seen);
}

bool consume_events(struct engine *e, bool *more, struct err *err)
{
	struct page p = {.e = e, .ok = true, .err = err};
	size_t n = 0;
	bool ok = read_page(&p) && count_page(&p, &n);
	bool conflict = !ok && err->code == ERR_CONFLICT;

	if (ok && n)
		ok = save_place(&p, p.list.rows[n - 1].seq);
	*more = (ok && (p.list.n == EVENTS_PAGE || p.full)) || conflict;
	close_page(&p, conflict);
	return ok || conflict;
}
