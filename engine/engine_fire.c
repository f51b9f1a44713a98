/* Rules that are due: each fires by one compare and swap on its state. */
#include "base/log.h"
#include "engine/engine_inner.h"

enum { TRIM_EVERY = 128 };

/* A rule that is about to fire. */
struct shot {
	struct entry *en;
	Engine__StoredRule *rule;
	Engine__StoredState *state;
	Engine__StoredRun *run;
	bool merged;
};

struct volley {
	struct engine *e;
	struct arena arena;
	int64_t now, start_rev;
	struct shot shots[FIRE_MAX];
	size_t n;
	struct fleet_record records[2 * FIRE_MAX]; /* state and run of each */
};

/* Other servers look at the same due time: most often one of them was first. */
static bool still_due(struct engine *e, struct entry **en, int64_t now, struct err *err)
{
	int32_t id = (*en)->rule.id;

	if (!e->cfg.shared)
		return true;
	if (!entry_refresh(e, id, err))
		return false;
	*en = entry_find(e, id);
	if (*en && ((*en)->due_at > now || ((*en)->running && !(*en)->run_merges)))
		*en = 0;
	return true;
}

static struct run_env env_of(struct volley *v, const struct shot *s)
{
	return (struct run_env){.rule = s->rule->rule,
				.action = action_kind(s->rule->rule->action),
				.now = v->now,
				.grace_s = v->e->cfg.grace_s,
				.arena = &v->arena};
}

/* The run under way waits for a grace period: the keys change once for both. */
static bool merge(struct volley *v, struct shot *s, const struct firing *f,
		  struct fleet_record *record, struct err *err)
{
	if (!newest_run(v->e, s->en->rule.id, &v->arena, record, &s->run, err)) {
		s->en->run_at = v->now; /* gone: its next step finds that out */
		return false;
	}
	s->merged = true;
	s->run->run->merged++;
	if (!f->age_s)
		s->run->age = 0;
	return run_merges(s->run) || err_set(err, ERR_CONFLICT, "the run has gone on meanwhile");
}

static void begin_run(struct volley *v, struct shot *s, const struct firing *f,
		      struct fleet_record *record)
{
	const struct run_env env = env_of(v, s);

	s->run = run_new(&env, f, v->start_rev, false);
	s->state->running = true;
	*record = (struct fleet_record){.kind = RECORD_RUN, .owner = s->en->rule.id};
}

/* False: the error, or (ERR_OK) it turned out not to be due. */
static bool aim(struct volley *v, struct entry *en, struct err *err)
{
	struct shot *s = &v->shots[v->n];
	struct fleet_record *record = &v->records[2 * v->n];
	struct firing f;

	err->code = ERR_OK;
	*s = (struct shot){.en = en};
	if (!rule_open(&en->rule, &v->arena, &s->rule, err) ||
	    !entry_state(en, &v->arena, &s->state, err) ||
	    !decide_fire(&en->rule, s->state, v->now, &v->arena, &f))
		return false;
	if (en->running && !merge(v, s, &f, &record[1], err))
		return false;
	if (!en->running)
		begin_run(v, s, &f, &record[1]);
	if (!s->run->age)
		s->state->lastexecuted = v->now;
	record[0] = state_record(en, s->state, &v->arena);
	stored_pack(&s->run->base, &v->arena, &record[1]);
	v->n++;
	return true;
}

/* What is due at the top of the heap leaves it until it is put back. */
static bool collect(struct volley *v, struct err *err)
{
	struct engine *e = v->e;

	while (v->n < FIRE_MAX && e->n_heap && e->heap[0]->at <= v->now) {
		struct entry *en = e->heap[0];

		if (en->running && en->run_at <= v->now)
			break;
		if (!still_due(e, &en, v->now, err))
			return false;
		if (!en)
			continue;
		entry_unschedule(e, en);
		if (!aim(v, en, err)) {
			entry_schedule(e, en);
			en->stale |= err->code == ERR_CONFLICT;
			e->any_stale |= en->stale;
			return err->code == ERR_OK || err->code == ERR_NOT_FOUND;
		}
	}
	return true;
}

static void has_fired(struct volley *v, const struct shot *s, const struct fleet_record *record)
{
	struct engine *e = v->e;

	entry_set_state(e, s->en, &record[0], s->state);
	entry_set_run(e, s->en, &record[1], s->run, true);
	entry_schedule(e, s->en);
	if (!s->merged)
		tell_run(e, s->rule->rule, s->run, record[1].id);
}

/* Somebody was first with one of them: all are looked at anew. */
static bool look_again(struct volley *v)
{
	for (size_t i = 0; i < v->n; i++)
		v->shots[i].en->stale = v->e->any_stale = true;
	return true;
}

static bool fire(struct volley *v, struct err *err)
{
	struct engine *e = v->e;
	struct fleet_txn txn = {.records = v->records, .n_records = 2 * v->n};
	bool ok;

	if (e->fired >= TRIM_EVERY) {
		txn.trim_kind = RECORD_RUN;
		txn.trim_keep = e->cfg.history_keep;
	}
	ok = engine_commit(e, &txn, 0, err);
	if (!ok && err->code == ERR_CONFLICT)
		return look_again(v);
	e->fired = ok && txn.trim_kind ? 0 : e->fired + (int64_t)v->n;
	for (size_t i = 0; i < v->n; i++) {
		if (ok)
			has_fired(v, &v->shots[i], &v->records[2 * i]);
		else
			entry_schedule(e, v->shots[i].en);
	}
	return ok;
}

static void put_back(struct volley *v)
{
	for (size_t i = 0; i < v->n; i++)
		entry_schedule(v->e, v->shots[i].en);
}

bool fire_due(struct engine *e, struct err *err)
{
	static struct volley volley; /* one thread; too large for a stack */
	struct volley *v = &volley;
	bool ok;

	*v = (struct volley){.e = e, .now = engine_now(e)};
	ok = FLEET(e, revision, &v->start_rev, err) && collect(v, err);
	if (!ok) {
		put_back(v);
		arena_free(&v->arena);
		return err->code == ERR_CONFLICT && look_again(v);
	}
	ok = v->n == 0 || fire(v, err);
	arena_free(&v->arena);
	return ok;
}
