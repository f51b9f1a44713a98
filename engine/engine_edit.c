/*
 * What callers change. Each change is one compare and swap on the rule, its
 * state and the list of changes that other servers look at. Memory is not
 * touched: the rule is marked and read again once the change is durable.
 */
#include <string.h>

#include "engine/engine_inner.h"

struct edit {
	struct engine *e;
	struct arena *arena;
	int32_t id; /* 0: a new rule */
	struct opened before;
	struct rule_draft draft;
	Engine__StoredRule *stored; /* as it will be */
	Engine__StoredState *state;
	Engine__StoredEdits *edits;
	int64_t edits_version;
	bool remove, stop_run, resume;
	bool lesser;     /* it does not rotate more than before */
	const char *why; /* the run is stopped */
	struct fleet_record records[4];
	size_t n_records;
};

static struct fleet_record *add_record(struct edit *x, int32_t kind, int64_t id, int64_t owner,
				       int64_t version)
{
	struct fleet_record *r = &x->records[x->n_records++];

	*r = (struct fleet_record){
		.kind = kind, .id = id, .owner = owner, .version = version, .remove = x->remove};
	return r;
}

/* --- checks that need the fleet -------------------------------------------------------------- */

/* A target that the rule has already may have gone since; that is a warning. */
static bool is_kept(const struct edit *x, const Pb__Target *t, size_t *hint)
{
	size_t n = x->before.stored ? x->before.stored->rule->n_targets : 0;

	for (size_t i = 0; i < n; i++) {
		const Pb__Target *old = x->before.stored->rule->targets[(*hint + i) % n];

		if (old->id != t->id)
			continue;
		*hint += i + 1;
		return old->type == t->type && strcmp(old->expr, t->expr) == 0;
	}
	return false;
}

static bool check_target(struct edit *x, const Pb__Target *t, size_t i, struct err *err)
{
	const struct target_kind *kind = target_kind(t->type);
	struct arena arena = ARENA_INIT;
	int64_t n;
	bool ok = kind->how != TARGET_NAME || target_matches(x->e, t, &arena, &n, err);

	arena_free(&arena);
	if (!ok || kind->how != TARGET_NAME || n)
		return ok || err_wrap(err, "targets[%zu].expr", i);
	return err_set(err, ERR_INVALID,
		       "targets[%zu].expr: there is no %s of this name: create it first", i,
		       !kind->client  ? "topic"
		       : !kind->topic ? "client"
				      : "topic or client");
}

static bool check_letters(const struct engine_told *told, const Pb__RuleOptions *o, struct err *err)
{
	if (o->webhook[0] && told->webhook && !told->webhook(told->ctx, o->webhook, err))
		return err_wrap(err, "options.webhook");
	if (o->email[0] && told->email && !told->email(told->ctx, o->email, err))
		return err_wrap(err, "options.email");
	return true;
}

static bool check_fleet(struct edit *x, struct err *err)
{
	const Pb__Rule *rule = x->stored->rule;
	const char *topic = rule_options(rule)->topic;
	struct fleet_target row;
	bool found = true;
	size_t hint = 0;

	if (!check_letters(&x->e->told, rule_options(rule), err))
		return false;
	if (topic[0] && !FLEET(x->e, find, FLEET_TOPIC, topic, x->arena, &row, &found, err))
		return false;
	if (!found)
		return err_set(err, ERR_INVALID, "options.topic: there is no topic of this name");
	for (size_t i = 0; i < rule->n_targets; i++)
		if (!is_kept(x, rule->targets[i], &hint) &&
		    !check_target(x, rule->targets[i], i, err))
			return false;
	return true;
}

/* --- the change ------------------------------------------------------------------------------ */

static bool last_event(struct engine *e, int64_t *seq, struct arena *arena, struct err *err)
{
	struct fleet_events none;

	if (!FLEET(e, events, INT64_MAX - 1, 1, arena, &none, err))
		return false;
	*seq = none.last;
	return true;
}

/* What came while it was paused is not made up for: times and events go on from now. */
static bool start_state(struct edit *x, const struct rule *after, struct err *err)
{
	int64_t now = engine_now(x->e);
	bool fresh = !x->before.stored;

	x->state = state_for(after, x->before.state, x->stored->rule,
			     fresh ? 0 : x->before.stored->rule, now, x->arena);
	for (size_t i = 0; x->resume && i < after->n_triggers; i++)
		after->triggers[i].kind->start(&after->triggers[i], x->state->triggers[i], now);
	return (!x->resume && !fresh) || last_event(x->e, &x->state->seen, x->arena, err);
}

static bool bears(struct edit *x, const struct rule *after, struct err *err)
{
	const struct opened o = {.rule = *after, .stored = x->stored, .state = x->state};
	struct arena arena = ARENA_INIT;
	bool ok = risk_check(x->e, &o, &arena, err);

	arena_free(&arena);
	return ok;
}

static bool plan_state(struct edit *x, const struct fleet_record *rule, struct err *err)
{
	struct rule after;
	bool ok = rule_load(&after, rule, &x->e->zones, err) && start_state(x, &after, err) &&
		  (x->lesser || bears(x, &after, err));

	rule_unload(&after);
	if (ok)
		x->state->ruleversion = rule->version + 1;
	return ok;
}

static void plan_edits(struct edit *x)
{
	Engine__StoredEdits *edits = arena_alloc(x->arena, sizeof *edits);
	size_t keep = x->edits ? x->edits->n_rules : 0;

	engine__stored_edits__init(edits);
	if (keep > EDITS_MAX - 1)
		keep = EDITS_MAX - 1;
	edits->lastrule = x->edits ? x->edits->lastrule : 0;
	if (edits->lastrule < x->id)
		edits->lastrule = x->id;
	edits->rules = arena_alloc(x->arena, (keep + 1) * sizeof *edits->rules);
	if (keep)
		memcpy(edits->rules, x->edits->rules + (x->edits->n_rules - keep),
		       keep * sizeof *edits->rules);
	edits->rules[keep] = x->id;
	edits->n_rules = keep + 1;
	x->remove = false;
	stored_pack(&edits->base, x->arena, add_record(x, RECORD_EDITS, 1, 0, x->edits_version));
}

static void plan_stop(struct edit *x)
{
	bool remove = x->remove;
	struct run_env env;

	if (!x->stop_run || !x->before.run)
		return;
	env = (struct run_env){.rule = x->before.stored->rule,
			       .action = action_kind(x->before.stored->rule->action),
			       .now = engine_now(x->e),
			       .arena = x->arena};
	run_stop(&env, x->before.run, x->why);
	x->remove = false;
	stored_pack(&x->before.run->base, x->arena,
		    add_record(x, RECORD_RUN, x->before.run_record.id, x->id,
			       x->before.run_record.version));
	x->remove = remove;
	if (x->state)
		state_after_run(&x->before.rule, x->state, x->before.run, x->before.run_record.id,
				env.now);
}

static bool plan_rule(struct edit *x, struct err *err)
{
	struct fleet_record *rule = add_record(x, RECORD_RULE, x->id, 0, x->before.rule.version);

	stored_pack(&x->stored->base, x->arena, rule);
	if (rule->len > FLEET_RECORD_MAX)
		return err_set(
			err, ERR_INVALID,
			"targets: the rule takes %zu bytes, and %d are the most: a pattern or a "
			"tag can stand for many names",
			rule->len, FLEET_RECORD_MAX);
	return plan_state(x, rule, err);
}

static bool commit_edit(struct edit *x, struct err *err)
{
	struct fleet_txn txn = {.records = x->records, .grouped = true};

	plan_stop(x);
	if (x->state || x->remove) {
		struct fleet_record *state =
			add_record(x, RECORD_STATE, x->id, x->id, x->before.state_version);

		if (x->state)
			stored_pack(&x->state->base, x->arena, state);
	}
	plan_edits(x);
	txn.n_records = x->n_records;
	if (!engine_commit(x->e, &txn, 0, err))
		return false;
	engine_mark(x->e, x->id);
	if (x->stop_run && x->before.run)
		tell_run(x->e, x->before.stored->rule, x->before.run, x->before.run_record.id);
	return true;
}

/* From here on the rule is as it was stored, with its outputs. */
static bool show(struct edit *x, Pb__Rule **out, struct err *err)
{
	struct opened o = {.stored = x->stored, .state = x->state, .run = x->before.run};
	struct fleet_record record = {.id = x->id, .version = x->before.rule.version + 1};
	bool ok;

	stored_pack(&x->stored->base, x->arena, &record);
	ok = rule_load(&o.rule, &record, &x->e->zones, err) &&
	     rule_describe(x->e, &o, true, x->arena, err);
	rule_unload(&o.rule);
	*out = x->stored->rule;
	return ok;
}

static bool prepare(struct edit *x, struct err *err)
{
	return rule_check(&x->draft, x->before.stored, engine_now(x->e), &x->e->zones, x->arena,
			  &x->stored, err) &&
	       check_fleet(x, err);
}

/* --- making ---------------------------------------------------------------------------------- */

static bool add_once(struct edit *x, struct err *err)
{
	if (!edits_read(x->e, x->arena, &x->edits_version, &x->edits, err))
		return false;
	x->id = (x->edits ? x->edits->lastrule : 0) + 1;
	x->n_records = 0;
	return plan_rule(x, err) && commit_edit(x, err);
}

static bool dry_run(struct edit *x, struct err *err)
{
	struct fleet_record record = {.id = 0};

	stored_pack(&x->stored->base, x->arena, &record);
	return plan_state(x, &record, err);
}

bool engine_add(struct engine *e, const Pb__AddRuleRequest *req, struct arena *arena,
		Pb__Rule **out, struct err *err)
{
	struct edit x = {.e = e,
			 .arena = arena,
			 .draft = {.description = req->description,
				   .action = req->action,
				   .triggers = req->triggers,
				   .n_triggers = req->n_triggers,
				   .targets = req->targets,
				   .n_targets = req->n_targets,
				   .options = req->options}};
	bool ok;

	if (!prepare(&x, err))
		return false;
	if (e->n >= RULES_MAX)
		return err_set(err, ERR_EXHAUSTED, "there are %d rules: no more can be made",
			       RULES_MAX);
	if (req->dryrun)
		return dry_run(&x, err) && show(&x, out, err);
	ok = add_once(&x, err);
	for (int i = 1; i < TRIES && !ok && err->code == ERR_CONFLICT; i++)
		ok = add_once(&x, err);
	return ok && show(&x, out, err);
}

/* --- changing -------------------------------------------------------------------------------- */

static void draft_of(struct rule_draft *d, const Pb__Rule *rule)
{
	*d = (struct rule_draft){.description = rule->description,
				 .action = rule->action,
				 .triggers = rule->triggers,
				 .n_triggers = rule->n_triggers,
				 .targets = rule->targets,
				 .n_targets = rule->n_targets,
				 .options = rule->options,
				 .paused = rule->paused};
}

/* Fill x->draft from the request. */
typedef bool draft_fn(struct edit *x, const void *req, struct err *err);

static bool change_once(struct edit *x, draft_fn *draft, const void *req, struct err *err)
{
	bool was_paused;

	x->n_records = 0;
	if (!rule_read(x->e, x->id, x->arena, &x->before, err))
		return false;
	was_paused = x->before.rule.paused;
	draft_of(&x->draft, x->before.stored->rule);
	if (!draft(x, req, err) || !prepare(x, err) ||
	    !edits_read(x->e, x->arena, &x->edits_version, &x->edits, err))
		return false;
	x->resume = was_paused && !x->draft.paused;
	x->stop_run = !was_paused && x->draft.paused;
	x->why = "the rule was paused";
	return plan_rule(x, err) && commit_edit(x, err);
}

static bool change(struct engine *e, int32_t id, draft_fn *draft, const void *req,
		   struct arena *arena, Pb__Rule **out, struct err *err)
{
	bool ok = false;

	err->code = ERR_CONFLICT;
	for (int i = 0; i < TRIES && !ok && err->code == ERR_CONFLICT; i++) {
		struct edit x = {.e = e, .arena = arena, .id = id};

		ok = change_once(&x, draft, req, err) && show(&x, out, err);
		rule_unload(&x.before.rule);
	}
	return ok;
}

static bool draft_update(struct edit *x, const void *arg, struct err *err)
{
	const Pb__UpdateRuleRequest *req = arg;

	/* Not ERR_CONFLICT, which would be tried again. */
	if (req->version && req->version != x->before.rule.version)
		return err_set(err, ERR_CANCELLED, "version");
	x->draft.description = req->description;
	x->draft.action = req->action;
	x->draft.triggers = req->triggers;
	x->draft.n_triggers = req->n_triggers;
	x->draft.targets = req->targets;
	x->draft.n_targets = req->n_targets;
	if (req->options)
		x->draft.options = req->options;
	return true;
}

bool engine_update(struct engine *e, const Pb__UpdateRuleRequest *req, struct arena *arena,
		   Pb__Rule **out, struct err *err)
{
	if (change(e, req->ruleid, draft_update, req, arena, out, err))
		return true;
	if (err->code != ERR_CANCELLED)
		return false;
	return err_set(err, ERR_CONFLICT,
		       "version: the rule was changed since it was read: read it again");
}

/* A list with one more at its end. */
static void *with(struct arena *arena, void *const *list, size_t *n, void *one)
{
	void **grown = arena_alloc(arena, (*n + 1) * sizeof *grown);

	if (*n)
		memcpy(grown, list, *n * sizeof *grown);
	grown[(*n)++] = one;
	return grown;
}

static bool remove_trigger(struct edit *x, int32_t id, struct err *err)
{
	Pb__Trigger **left = arena_alloc(x->arena, (x->draft.n_triggers + 1) * sizeof *left);
	size_t n = 0;

	for (size_t i = 0; i < x->draft.n_triggers; i++)
		if (x->draft.triggers[i]->id != id)
			left[n++] = x->draft.triggers[i];
	if (n == x->draft.n_triggers)
		return err_set(err, ERR_NOT_FOUND, "removeTrigger: the rule has no trigger %d",
			       (int)id);
	x->draft.triggers = left;
	x->draft.n_triggers = n;
	return true;
}

static bool remove_target(struct edit *x, int32_t id, struct err *err)
{
	Pb__Target **left = arena_alloc(x->arena, (x->draft.n_targets + 1) * sizeof *left);
	size_t n = 0;

	for (size_t i = 0; i < x->draft.n_targets; i++)
		if (x->draft.targets[i]->id != id)
			left[n++] = x->draft.targets[i];
	if (n == x->draft.n_targets)
		return err_set(err, ERR_NOT_FOUND, "removeTarget: the rule has no target %d",
			       (int)id);
	x->draft.targets = left;
	x->draft.n_targets = n;
	return true;
}

static bool draft_change(struct edit *x, const void *arg, struct err *err)
{
	const Pb__ChangeRuleRequest *req = arg;
	struct rule_draft *d = &x->draft;

	switch (req->change_case) {
	case PB__CHANGE_RULE_REQUEST__CHANGE_PAUSE:
		d->paused = req->pause;
		return true;
	case PB__CHANGE_RULE_REQUEST__CHANGE_ADD_TRIGGER:
		d->triggers =
			with(x->arena, (void *const *)d->triggers, &d->n_triggers, req->addtrigger);
		return true;
	case PB__CHANGE_RULE_REQUEST__CHANGE_ADD_TARGET:
		d->targets =
			with(x->arena, (void *const *)d->targets, &d->n_targets, req->addtarget);
		return true;
	case PB__CHANGE_RULE_REQUEST__CHANGE_REMOVE_TRIGGER:
		x->lesser = true;
		return remove_trigger(x, req->removetrigger, err);
	case PB__CHANGE_RULE_REQUEST__CHANGE_REMOVE_TARGET:
		x->lesser = true;
		return remove_target(x, req->removetarget, err);
	default:
		return err_set(err, ERR_INVALID,
			       "change: has to be one of pause, addTrigger, addTarget, "
			       "removeTrigger, removeTarget");
	}
}

bool engine_change(struct engine *e, const Pb__ChangeRuleRequest *req, struct arena *arena,
		   Pb__Rule **out, struct err *err)
{
	return change(e, req->ruleid, draft_change, req, arena, out, err);
}

/* --- deleting -------------------------------------------------------------------------------- */

static bool delete_once(struct edit *x, struct err *err)
{
	if (!rule_read(x->e, x->id, x->arena, &x->before, err) ||
	    !edits_read(x->e, x->arena, &x->edits_version, &x->edits, err))
		return false;
	add_record(x, RECORD_RULE, x->id, 0, x->before.rule.version);
	return commit_edit(x, err);
}

bool engine_delete(struct engine *e, int32_t id, struct err *err)
{
	struct arena arena = ARENA_INIT;
	bool ok = false;

	err->code = ERR_CONFLICT;
	for (int i = 0; i < TRIES && !ok && err->code == ERR_CONFLICT; i++) {
		struct edit x = {.e = e,
				 .arena = &arena,
				 .id = id,
				 .remove = true,
				 .stop_run = true,
				 .why = "the rule was deleted"};

		ok = delete_once(&x, err);
		rule_unload(&x.before.rule);
	}
	arena_free(&arena);
	return ok;
}

/* --- running now ----------------------------------------------------------------------------- */

/* What is under way goes on; with force, at once. */
static bool hurry(struct edit *x, bool force, struct err *err)
{
	struct fleet_record *record = &x->before.run_record;
	struct fleet_txn txn = {.records = record, .n_records = 1, .grouped = true};
	Engine__StoredRun *run = x->before.run;

	if (!force || run->force || !run_merges(run))
		return true;
	run->force = true;
	run->nextstep = engine_now(x->e);
	stored_pack(&run->base, x->arena, record);
	return engine_commit(x->e, &txn, 0, err);
}

static bool begin(struct edit *x, bool force, struct err *err)
{
	const struct run_env env = {.rule = x->before.stored->rule,
				    .action = action_kind(x->before.stored->rule->action),
				    .now = engine_now(x->e),
				    .arena = x->arena};
	const struct firing firing = {
		.cause = PB__RUN_CAUSE__CAUSE_MANUAL, .text = "run now", .due_at = env.now};
	Engine__StoredState *st = x->before.state;
	struct fleet_record *run;
	struct fleet_txn txn = {.records = x->records, .grouped = true};
	int64_t rev;

	if (!FLEET(x->e, revision, &rev, err) ||
	    !edits_read(x->e, x->arena, &x->edits_version, &x->edits, err))
		return false;
	x->before.run = run_new(&env, &firing, rev, force);
	st->running = true;
	st->lastexecuted = env.now;
	run = add_record(x, RECORD_RUN, 0, x->id, 0);
	stored_pack(&x->before.run->base, x->arena, run);
	stored_pack(&st->base, x->arena,
		    add_record(x, RECORD_STATE, x->id, x->id, x->before.state_version));
	plan_edits(x);
	txn.n_records = x->n_records;
	if (!engine_commit(x->e, &txn, 0, err))
		return false;
	tell_run(x->e, x->before.stored->rule, x->before.run, run->id);
	return true;
}

static bool run_once(struct edit *x, bool force, struct err *err)
{
	bool ok = rule_read(x->e, x->id, x->arena, &x->before, err) &&
		  (x->before.run ? hurry(x, force, err) : begin(x, force, err));

	if (ok)
		engine_mark(x->e, x->id)->begun_here = true;
	return ok;
}

bool engine_run(struct engine *e, int32_t id, bool force, struct arena *arena, Pb__Run **out,
		struct err *err)
{
	bool ok = false;

	err->code = ERR_CONFLICT;
	for (int i = 0; i < TRIES && !ok && err->code == ERR_CONFLICT; i++) {
		struct edit x = {.e = e, .arena = arena, .id = id};

		ok = run_once(&x, force, err);
		if (ok)
			*out = x.before.run->run;
		rule_unload(&x.before.rule);
	}
	return ok;
}
