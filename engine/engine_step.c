/* One step of a run: look at targets, change some, and write how far it is, all or nothing. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "engine/engine_inner.h"
#include "engine/letter.h"

struct step {
	struct engine *e;
	struct entry *en;
	struct arena arena;
	struct run_env env;
	Engine__StoredRule *rule;
	Engine__StoredState *state; /* when it ended */
	Engine__StoredRun *run;
	struct fleet_record records[2 + LETTERS_MAX];
	size_t n_records;
	int64_t began_ms;
	struct fleet_op ops[STEP_OPS];
	int64_t devices[STEP_OPS]; /* that each of them tells */
	size_t n_ops;
	size_t n_looked;
	bool full;
};

/* --- looking ------------------------------------------------------------------------------------
 */

static bool check_row(struct step *s, enum fleet_kind kind, const struct fleet_target *t,
		      struct err *err)
{
	int64_t devices, confirmed;

	if (run_sampled(s->run) || !run_samples(&s->env, s->run, t))
		return true;
	if (!FLEET(s->e, progress, kind, t->name, &devices, &confirmed, err))
		return err->code == ERR_NOT_FOUND;
	s->run->devices += devices;
	s->run->confirmed += confirmed;
	return true;
}

static bool look_row(struct step *s, enum fleet_kind kind, const struct fleet_target *t,
		     struct err *err)
{
	s->n_looked++;
	if (s->run->checking)
		return check_row(s, kind, t, err);
	if (!run_look(&s->env, s->run, kind, t))
		return true;
	s->env.action->op(s->rule->rule, kind, t->name, &s->ops[s->n_ops]);
	s->devices[s->n_ops++] = t->devices;
	s->run->run->done++; /* now: what is said at the end counts it */
	return true;
}

static bool look_name(struct step *s, const Pb__Target *t, enum fleet_kind kind, bool *found,
		      struct err *err)
{
	struct fleet_target row;
	bool there;

	if (!FLEET(s->e, find, kind, t->expr, &s->arena, &row, &there, err))
		return false;
	*found |= there;
	return !there || look_row(s, kind, &row, err);
}

/* A topic or client of this name; of both kinds both. */
static bool look_exact(struct step *s, const Pb__Target *t, const struct target_kind *kind,
		       struct err *err)
{
	bool found = false;

	if ((kind->topic && !look_name(s, t, FLEET_TOPIC, &found, err)) ||
	    (kind->client && !look_name(s, t, FLEET_CLIENT, &found, err)))
		return false;
	if (!found)
		run_missing(&s->env, s->run, t->expr);
	s->run->cursor = arena_copy(&s->arena, "", 0);
	return true;
}

static bool look_page(struct step *s, const Pb__Target *t, const struct target_kind *kind,
		      struct err *err)
{
	struct fleet_search search = {.kind = kind->topic ? FLEET_TOPIC : FLEET_CLIENT,
				      .pattern = kind->how == TARGET_PATTERN ? t->expr : 0,
				      .tag = kind->how == TARGET_TAG ? t->expr : 0,
				      .cursor = s->run->cursor,
				      .limit = STEP_OPS - s->n_ops};
	struct fleet_found found;

	/* To look at a client takes longer. */
	if (!kind->topic && search.limit > CLIENTS_PAGE)
		search.limit = CLIENTS_PAGE;

	if (!FLEET(s->e, search, &search, &s->arena, &found, err))
		return false;
	for (size_t i = 0; i < found.n; i++)
		if (!look_row(s, search.kind, &found.rows[i], err))
			return false;
	s->run->cursor = arena_copy(&s->arena, found.cursor, strlen(found.cursor));
	return true;
}

static const Pb__Target *next_target(const struct step *s)
{
	const Pb__Target *next = 0;

	for (size_t i = 0; i < s->rule->rule->n_targets; i++) {
		const Pb__Target *t = s->rule->rule->targets[i];

		if (t->id > s->run->target && (!next || t->id < next->id))
			next = t;
	}
	return next;
}

static bool is_full(const struct step *s)
{
	/* One target can give two changes. */
	return s->n_ops + 2 > STEP_OPS || (s->n_looked && engine_late(s->e, s->began_ms, STEP_MS));
}

/* Look at targets until the step is full or the pass is done. */
static bool look(struct step *s, struct err *err)
{
	const Pb__Target *t = 0;

	while (!is_full(s) && !run_sampled(s->run) && s->env.action->acts &&
	       (t = next_target(s)) != 0) {
		const struct target_kind *kind = target_kind(t->type);

		if (!(kind->how == TARGET_NAME ? look_exact(s, t, kind, err)
					       : look_page(s, t, kind, err)))
			return false;
		if (!s->run->cursor[0])
			s->run->target = t->id;
	}
	if (!s->env.action->acts || run_sampled(s->run) || !next_target(s))
		run_pass_done(&s->env, s->run);
	return true;
}

/* --- writing --------------------------------------------------------------------------------- */

void state_after_run(const struct rule *r, Engine__StoredState *st, const Engine__StoredRun *run,
		     int64_t run_id, int64_t now)
{
	bool well = run->run->state == PB__RUN_STATE__RUN_DONE && !run->run->failed;

	st->running = false;
	decide_age(r, st, now, run->oldest, well);
	if (run_is_empty(run))
		return;
	run->run->id = run_id;
	st->lastrun = run->run;
	if (run->age && run->run->done && run->run->startedat)
		st->lastexecuted = run->run->startedat->seconds;
}

static bool pack(struct step *s, struct err *err)
{
	struct entry *en = s->en;

	s->state = 0;
	s->n_records = 1;
	s->records[0] = (struct fleet_record){.kind = RECORD_RUN,
					      .id = en->run_id,
					      .owner = en->rule.id,
					      .version = en->run_version,
					      .remove = run_is_empty(s->run)};
	stored_pack(&s->run->base, &s->arena, &s->records[0]);
	if (!run_is_over(s->run))
		return true;
	if (!entry_state(en, &s->arena, &s->state, err))
		return false;
	state_after_run(&en->rule, s->state, s->run, en->run_id, s->env.now);
	s->records[s->n_records++] = state_record(en, s->state, &s->arena);
	s->run->run->id = en->run_id;
	if (!run_is_empty(s->run))
		s->n_records += letter_records(s->rule->rule, s->run->run, s->env.now, &s->arena,
					       &s->records[s->n_records]);
	return true;
}

/* What the op at i was about to do came to nothing: it is taken out. */
static void drop_op(struct step *s, size_t i, const struct err *why)
{
	const char *name = s->ops[i].client ? s->ops[i].client : s->ops[i].topic;

	s->run->run->done--;
	run_target_failed(&s->env, s->run, name, why->text);
	run_recount(&s->env, s->run);
	s->n_ops--;
	memmove(s->ops + i, s->ops + i + 1, (s->n_ops - i) * sizeof *s->ops);
	memmove(s->devices + i, s->devices + i + 1, (s->n_ops - i) * sizeof *s->devices);
}

static bool by_itself(const struct err *err)
{
	return err->code == ERR_NOT_FOUND || err->code == ERR_PRECONDITION ||
	       err->code == ERR_INVALID;
}

static bool commit_once(struct step *s, size_t *bad, struct err *err)
{
	struct fleet_txn txn = {.ops = s->ops, .n_ops = s->n_ops, .records = s->records};
	Pb__Run *run = s->run->run;
	int64_t devices = 0;
	bool ok;

	for (size_t i = 0; i < s->n_ops; i++)
		devices += s->devices[i];
	run->recipients += devices;
	*bad = s->n_ops;
	ok = pack(s, err);
	txn.n_records = s->n_records;
	txn.id = arena_format(&s->arena, "run-%lld-%lld", (long long)s->en->run_id,
			      (long long)s->en->run_version);
	ok = ok && engine_commit(s->e, &txn, bad, err);
	if (ok)
		return true;
	run->recipients -= devices;
	return false;
}

static bool commit(struct step *s, struct err *err)
{
	size_t bad;

	while (!commit_once(s, &bad, err)) {
		if (bad >= s->n_ops || !by_itself(err))
			return false;
		drop_op(s, bad, err);
	}
	return true;
}

/* --- the end of a run ------------------------------------------------------------------------ */

static void report(struct step *s)
{
	const Pb__Run *run = s->run->run;
	char source[32];
	struct err err;

	if (run->state == PB__RUN_STATE__RUN_DONE && !run->failed)
		return;
	log_write(LOG_WARN, "a rule did not do all it should", LOG_NUM("rule", s->en->rule.id),
		  LOG_NUM("run", s->en->run_id), LOG_STR("outcome", run->outcome));
	if (run->state == PB__RUN_STATE__RUN_DONE)
		return;
	snprintf(source, sizeof source, "rule %d", (int)s->en->rule.id);
	if (!FLEET(s->e, alarm, source, "", &err))
		log_write(LOG_WARN, "an alarm could not be raised", LOG_STR("reason", err.text));
}

static void has_stepped(struct step *s)
{
	entry_set_run(s->e, s->en, &s->records[0], s->run, true);
	if (s->state)
		entry_set_state(s->e, s->en, &s->records[1], s->state);
	entry_schedule(s->e, s->en);
	if (!s->state || run_is_empty(s->run))
		return;
	report(s);
	tell_run(s->e, s->rule->rule, s->run, s->en->run_id);
}

/* --- a step ---------------------------------------------------------------------------------- */

static bool open_run(struct step *s, const struct fleet_record *record, struct err *err)
{
	if (!run_open(record, &s->arena, &s->run, err) ||
	    !rule_open(&s->en->rule, &s->arena, &s->rule, err))
		return false;
	s->env = (struct run_env){.rule = s->rule->rule,
				  .action = action_kind(s->rule->rule->action),
				  .now = engine_now(s->e),
				  .grace_s = s->e->cfg.grace_s,
				  .arena = &s->arena};
	s->n_ops = 0;
	return true;
}

static void look_or_stop(struct step *s, bool *ok, struct err *err)
{
	if (s->run->alarm[0]) {
		run_stop(&s->env, s->run, s->run->alarm);
		return;
	}
	s->run->run->state = PB__RUN_STATE__RUN_WORKING;
	s->run->run->nextstep = 0;
	s->run->run->outcome = arena_copy(&s->arena, "", 0);
	*ok = look(s, err);
	if (*ok)
		run_step_done(s->run);
}

/* From what is stored, as if nothing had been tried: only that it failed. */
static bool write_failure(struct step *s, const struct fleet_record *record, struct err *err)
{
	struct err why = *err;

	if (!open_run(s, record, err))
		return false;
	run_step_failed(&s->env, s->run, why.text);
	if (commit(s, err)) {
		has_stepped(s);
		return true;
	}
	if (err->code == ERR_CONFLICT)
		return entry_refresh(s->e, s->en->rule.id, err);
	*err = why;
	return false;
}

static bool take_step(struct step *s, const struct fleet_record *record, struct err *err)
{
	bool ok = open_run(s, record, err);

	if (ok)
		look_or_stop(s, &ok, err);
	ok = ok && commit(s, err);
	if (ok) {
		has_stepped(s);
		return true;
	}
	if (err->code == ERR_CONFLICT)
		return entry_refresh(s->e, s->en->rule.id, err);
	return write_failure(s, record, err);
}

/* Its record is gone from the history, or over though the state says otherwise. */
static bool end_lost_run(struct step *s, struct err *err)
{
	struct fleet_txn txn = {.records = s->records, .n_records = 1};

	if (!entry_state(s->en, &s->arena, &s->state, err))
		return false;
	s->state->running = false;
	decide_age(&s->en->rule, s->state, engine_now(s->e), 0, true);
	s->records[0] = state_record(s->en, s->state, &s->arena);
	if (!engine_commit(s->e, &txn, 0, err))
		return err->code == ERR_CONFLICT && entry_refresh(s->e, s->en->rule.id, err);
	entry_set_state(s->e, s->en, &s->records[0], s->state);
	entry_schedule(s->e, s->en);
	return true;
}

/* Another server has moved it: watch on. */
static bool has_moved(struct step *s, const struct fleet_record *record)
{
	return s->e->cfg.shared && record->version != s->en->run_version;
}

static bool step_inner(struct step *s, struct err *err)
{
	struct fleet_record record;
	Engine__StoredRun *run;

	if (!newest_run(s->e, s->en->rule.id, &s->arena, &record, &run, err))
		return err->code == ERR_NOT_FOUND && end_lost_run(s, err);
	if (has_moved(s, &record))
		return entry_refresh(s->e, s->en->rule.id, err);
	if (run_is_over(run))
		return end_lost_run(s, err);
	s->en->run_id = record.id;
	s->en->run_version = record.version;
	return take_step(s, &record, err);
}

bool step_run(struct engine *e, struct entry *en, struct err *err)
{
	static struct step step; /* one thread; too large for a stack */
	bool ok;

	step = (struct step){.e = e, .en = en, .began_ms = engine_mono(e)};
	ok = step_inner(&step, err);
	arena_free(&step.arena);
	return ok;
}
