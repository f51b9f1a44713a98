/*
 * The devices behind a rule. Memory and time are bounded: targets and devices
 * are a sample where there are many, and that is said.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/duration.h"
#include "engine/engine_inner.h"
#include "engine/risk.h"

enum {
	SAMPLE = 2000,  /* devices in all */
	EACH_MIN = 8,   /* of one target */
	LOOK_MS = 10,   /* after this no more are asked for */
	PAGES_MAX = 50, /* of one pattern */
	FIRINGS = 200   /* that are looked at for the shortest gap */
};

struct names {
	const char **names;
	size_t n;
	int64_t devices; /* of all of them */
};

struct look {
	struct engine *e;
	struct arena *arena;
	struct names of[2]; /* by enum fleet_kind */
	struct fleet_device *devices;
	size_t n;
	int64_t topics, n_topics; /* of each device: a sum of averages, and how many */
	bool more;                /* than were looked at */
};

/* --- what the targets are -------------------------------------------------------------------- */

static void add_name(struct look *l, enum fleet_kind kind, const struct fleet_target *t)
{
	struct names *to = &l->of[kind];

	l->more |= to->n == MATCHES_MAX;
	if (to->n == MATCHES_MAX)
		return;
	if (!to->names)
		to->names = arena_alloc(l->arena, MATCHES_MAX * sizeof *to->names);
	to->names[to->n++] = t->name;
	to->devices += t->devices;
}

static bool find_one(struct look *l, enum fleet_kind kind, const char *name, struct err *err)
{
	struct fleet_target row;
	bool found;

	if (!FLEET(l->e, find, kind, name, l->arena, &row, &found, err))
		return false;
	if (found)
		add_name(l, kind, &row);
	return true;
}

static bool find_many(struct look *l, const struct target_kind *kind, const char *expr,
		      struct err *err)
{
	struct fleet_search search = {.kind = kind->topic ? FLEET_TOPIC : FLEET_CLIENT,
				      .pattern = kind->how == TARGET_PATTERN ? expr : 0,
				      .tag = kind->how == TARGET_TAG ? expr : 0,
				      .cursor = "",
				      .limit = PAGE};
	struct fleet_found found;

	for (int i = 0; i < PAGES_MAX; i++) {
		if (!FLEET(l->e, search, &search, l->arena, &found, err))
			return false;
		for (size_t k = 0; k < found.n; k++)
			add_name(l, search.kind, &found.rows[k]);
		search.cursor = found.cursor;
		if (!found.cursor[0])
			return true;
		if (l->of[search.kind].n == MATCHES_MAX)
			break;
	}
	l->more = true;
	return true;
}

static bool find_targets(struct look *l, const Pb__Rule *rule, struct err *err)
{
	l->more = rule->n_targets > ASK_MAX;
	for (size_t i = 0; i < rule->n_targets && i < ASK_MAX; i++) {
		const struct target_kind *kind = target_kind(rule->targets[i]->type);
		const char *expr = rule->targets[i]->expr;
		bool ok = kind->how != TARGET_NAME
				  ? find_many(l, kind, expr, err)
				  : (!kind->topic || find_one(l, FLEET_TOPIC, expr, err)) &&
					    (!kind->client || find_one(l, FLEET_CLIENT, expr, err));

		if (!ok)
			return false;
	}
	return true;
}

/* --- their devices ------------------------------------------------------------------------------
 */

/* So many of one topic, that all have their part. */
static size_t share_of(const struct look *l)
{
	size_t topics = l->of[FLEET_TOPIC].n, left = SAMPLE - l->of[FLEET_CLIENT].n;

	return topics * EACH_MIN >= left ? EACH_MIN : left / (topics ? topics : 1);
}

static bool ask_target(struct look *l, enum fleet_kind kind, const char *name, size_t limit,
		       struct err *err)
{
	struct fleet_device *rows;
	int64_t topics;
	size_t n;

	if (!FLEET(l->e, devices, kind, name, limit, l->arena, &rows, &n, &topics, err))
		return err->code == ERR_NOT_FOUND; /* gone since it was found */
	if (n > SAMPLE - l->n)
		n = SAMPLE - l->n;
	memcpy(l->devices + l->n, rows, n * sizeof *rows);
	l->n += n;
	l->topics += topics;
	l->n_topics += topics > 0;
	l->more |= n == limit && kind == FLEET_TOPIC;
	return true;
}

/* One in so many where there are more than the sample can have. */
static bool ask_kind(struct look *l, enum fleet_kind kind, size_t step, int64_t began_ms,
		     struct err *err)
{
	size_t limit = share_of(l);

	l->more |= step > 1;
	for (size_t i = 0; i < l->of[kind].n; i += step) {
		if (l->n == SAMPLE || engine_late(l->e, began_ms, LOOK_MS)) {
			l->more = true;
			break;
		}
		if (!ask_target(l, kind, l->of[kind].names[i], limit, err))
			return false;
	}
	return true;
}

static bool ask_targets(struct look *l, struct err *err)
{
	size_t step = l->of[FLEET_TOPIC].n * EACH_MIN / (SAMPLE - l->of[FLEET_CLIENT].n) + 1;
	int64_t began_ms = engine_mono(l->e);

	return ask_kind(l, FLEET_TOPIC, step, began_ms, err) &&
	       ask_kind(l, FLEET_CLIENT, 1, began_ms, err);
}

static bool look_at(struct look *l, const Pb__Rule *rule, struct err *err)
{
	l->devices = arena_alloc(l->arena, SAMPLE * sizeof *l->devices);
	if (!find_targets(l, rule, err) || !ask_targets(l, err))
		return false;
	l->n = risk_once(l->devices, l->n);
	return true;
}

/* --- for callers ---------------------------------------------------------------------------------
 */

static void fill(Pb__GetRuleFleetResponse *out, struct look *l)
{
	struct risk_sample s;

	risk_sample(&s, l->devices, l->n, engine_now(l->e), l->arena);
	out->topics = (int64_t)l->of[FLEET_TOPIC].n;
	out->clients = (int64_t)l->of[FLEET_CLIENT].n;
	out->devices = l->of[FLEET_TOPIC].devices + l->of[FLEET_CLIENT].devices;
	out->sampled = (int64_t)l->n;
	out->complete = !l->more;
	out->perdevice = l->n_topics ? (l->topics + l->n_topics / 2) / l->n_topics : 0;
	out->silent = s.silent;
	out->away = (int64_t)s.n_away;
	out->producers = s.producers;
	out->consumers = s.consumers;
	out->n_awayfor = s.n_away ? RISK_DECILES : 0;
	out->awayfor = arena_alloc(l->arena, RISK_DECILES * sizeof *out->awayfor);
	risk_deciles(&s, out->awayfor);
	out->grace = l->e->cfg.grace_s;
	out->risklimit = l->e->cfg.risk_limit;
}

bool engine_fleet(struct engine *e, int32_t id, struct arena *arena, Pb__GetRuleFleetResponse *out,
		  struct err *err)
{
	struct look l = {.e = e, .arena = arena};
	struct opened o;
	bool ok;

	if (!rule_read(e, id, arena, &o, err))
		return false;
	ok = look_at(&l, o.stored->rule, err);
	rule_unload(&o.rule);
	if (ok)
		fill(out, &l);
	return ok;
}

/* --- the limit ------------------------------------------------------------------------------- */

/*
 * The shortest time between two rotations of one target; RULE_NEVER: what can
 * be foreseen is no second one. Within the grace period it rotates but once.
 */
static int64_t shortest_gap(const struct engine *e, const struct opened *o)
{
	int64_t gap = RULE_NEVER, last, at;
	struct walk w;

	walk_begin(&w, o);
	last = walk_next(&w, o);
	for (int i = 0; i < FIRINGS && last != RULE_NEVER; i++, last = at) {
		at = walk_next(&w, o);
		if (at != RULE_NEVER && at - last < gap)
			gap = at - last;
	}
	for (size_t i = 0; i < o->rule.n_triggers; i++)
		if (o->rule.triggers[i].age_s && o->rule.triggers[i].age_s < gap)
			gap = o->rule.triggers[i].age_s;
	return gap < e->cfg.grace_s ? e->cfg.grace_s : gap;
}

bool risk_check(struct engine *e, const struct opened *o, struct arena *arena, struct err *err)
{
	const Pb__Rule *rule = o->stored->rule;
	struct look l = {.e = e, .arena = arena};
	struct risk_sample s;
	char span[DURATION_CAP];
	int64_t gap, behind;

	if (e->cfg.risk_limit <= 0 || rule->paused || !action_kind(rule->action)->keys ||
	    rule_options(rule)->force)
		return true;
	gap = shortest_gap(e, o);
	if (gap == RULE_NEVER)
		return true;
	if (!look_at(&l, rule, err))
		return false;
	risk_sample(&s, l.devices, l.n, engine_now(e), arena);
	behind = risk_percent(&s, gap);
	if (behind <= e->cfg.risk_limit)
		return true;
	duration_format(span, gap);
	return err_set(err, ERR_PRECONDITION,
		       "risk: %" PRId64 "%% of %zu devices have been away for longer than %s, the "
		       "shortest time between two rotations; engine.risk_limit is %" PRId64
		       "%%: options.force (--force) overrides it, rule simulate shows more",
		       behind, s.n_known, span, e->cfg.risk_limit);
}
