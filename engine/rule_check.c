/* Rules as callers give them: what is wrong is named, with what would be right. */
#include <stdlib.h>
#include <string.h>

#include "engine/rule.h"

/* The error is about a field of this element: "triggers[1].type: ...". */
static bool within(struct err *err, const char *list, size_t i)
{
	struct err inner = *err;

	return err_set(err, inner.code, "%s[%zu].%s", list, i, inner.text);
}

/* --- parts ----------------------------------------------------------------------------------- */

static bool text_check(const char *what, const char *text, size_t min, size_t max, struct err *err)
{
	size_t len = text ? strlen(text) : 0;

	if (len < min || len > max)
		return err_set(err, ERR_INVALID, "%s: has to have %zu to %zu bytes", what, min,
			       max);
	for (size_t i = 0; i < len; i++)
		if ((uint8_t)text[i] < 0x20 || text[i] == 0x7f)
			return err_set(err, ERR_INVALID, "%s: no control characters", what);
	return true;
}

static bool topic_name_check(const char *what, const char *name, struct err *err)
{
	if (!text_check(what, name, 1, NAME_MAX_TOPIC, err))
		return false;
	return (!strpbrk(name, "+#") && name[0] != '$') ||
	       err_set(err, ERR_INVALID,
		       "%s: no topic has + or # in it or $ in front; patterns are of the type "
		       "TOPIC_PATTERN, with *",
		       what);
}

static bool expr_check(const struct target_kind *kind, const char *expr, struct err *err)
{
	if (kind->how == TARGET_TAG)
		return text_check("expr", expr, 1, NAME_MAX_CLIENT, err);
	if (kind->how == TARGET_PATTERN && expr[0] && !strchr(expr, '*'))
		return err_set(err, ERR_INVALID,
			       "expr: a pattern has a * for any text, such as sensor-*; an exact "
			       "name is of the type %s",
			       kind->topic ? "TOPIC" : "CLIENT");
	if (kind->topic && !kind->client)
		return topic_name_check("expr", expr, err);
	return text_check("expr", expr, 1, kind->topic ? NAME_MAX_TOPIC : NAME_MAX_CLIENT, err);
}

static bool target_check(const Pb__Target *t, const struct action_kind *action, struct err *err)
{
	const struct target_kind *kind = target_kind(t->type);

	if (!kind)
		return err_set(
			err, ERR_INVALID,
			"type: has to be ANY, TOPIC, CLIENT, TOPIC_PATTERN, CLIENT_PATTERN or "
			"CLIENT_TAG");
	if (!action->topics && kind->topic)
		return err_set(err, ERR_INVALID,
			       "type: the action %s takes clients: CLIENT, CLIENT_PATTERN or "
			       "CLIENT_TAG",
			       action->name);
	return expr_check(kind, t->expr, err);
}

static bool waves_check(const Pb__RuleOptions *o, const struct action_kind *action, struct err *err)
{
	if (o->n_waves == 0)
		return true;
	if (!action->keys)
		return err_set(err, ERR_INVALID, "options.waves: only for the action KEY_ROTATION");
	if (o->n_waves > RULE_WAVES_MAX)
		return err_set(err, ERR_INVALID, "options.waves: at most %d", RULE_WAVES_MAX);
	for (size_t i = 0; i < o->n_waves; i++)
		if (o->waves[i] < 1 || o->waves[i] > 100 || (i && o->waves[i] <= o->waves[i - 1]))
			return err_set(err, ERR_INVALID,
				       "options.waves[%zu]: have to rise from 1 to 100, such as 1, "
				       "10, 100",
				       i);
	return o->waves[o->n_waves - 1] == 100 ||
	       err_set(err, ERR_INVALID, "options.waves: the last has to be 100");
}

static bool range_check(const char *what, int64_t n, int64_t max, struct err *err)
{
	return (n >= 0 && n <= max) ||
	       err_set(err, ERR_INVALID, "options.%s: has to be from 0 to %lld", what,
		       (long long)max);
}

static bool tell_check(const Pb__RuleOptions *o, const struct action_kind *action, struct err *err)
{
	const char *at = strchr(o->email, '@');

	if (action->tells && !o->webhook[0] && !o->email[0])
		return err_set(err, ERR_INVALID,
			       "options: the action %s needs options.webhook or options.email",
			       action->name);
	if (o->webhook[0] &&
	    (!text_check("options.webhook", o->webhook, 1, 1024, err) || strchr(o->webhook, ' ')))
		return err_set(err, ERR_INVALID, "options.webhook: has to be a URL");
	if (o->webhook[0] && strncmp(o->webhook, "https://", 8) != 0 &&
	    strncmp(o->webhook, "http://", 7) != 0)
		return err_set(err, ERR_INVALID,
			       "options.webhook: has to be a URL such as https://example.org/e4");
	if (!o->email[0])
		return true;
	return (text_check("options.email", o->email, 3, 254, err) && at && at != o->email &&
		at[1] && !strpbrk(o->email, " <>,;\"")) ||
	       err_set(err, ERR_INVALID,
		       "options.email: has to be an address such as ops@example.org");
}

static bool options_check(const Pb__RuleOptions *o, const struct action_kind *action,
			  struct err *err)
{
	if (action->in_topic && !o->topic[0])
		return err_set(err, ERR_INVALID,
			       "options.topic: the action %s needs the topic that it takes clients "
			       "from",
			       action->name);
	if (!action->in_topic && o->topic[0])
		return err_set(err, ERR_INVALID, "options.topic: only for the action DETACH");
	if (o->force && !action->keys)
		return err_set(err, ERR_INVALID, "options.force: only for the action KEY_ROTATION");
	return (!o->topic[0] || topic_name_check("options.topic", o->topic, err)) &&
	       waves_check(o, action, err) && range_check("waveWait", o->wavewait, 604800, err) &&
	       range_check("waveConfirmed", o->waveconfirmed, 100, err) &&
	       range_check("retryFor", o->retryfor, 2592000, err) && tell_check(o, action, err);
}

/* --- ids ------------------------------------------------------------------------------------- */

static bool has_trigger(const Engine__StoredRule *before, int32_t id)
{
	for (size_t i = 0; before && i < before->rule->n_triggers; i++)
		if (before->rule->triggers[i]->id == id)
			return true;
	return false;
}

/* Made in a hurry by a linear search, 10,000 targets would take 100 million steps: so by order. */
static bool has_target(const Engine__StoredRule *before, int32_t id, size_t *hint)
{
	size_t n = before ? before->rule->n_targets : 0;

	for (size_t i = 0; i < n; i++) {
		size_t at = (*hint + i) % n;

		if (before->rule->targets[at]->id == id) {
			*hint = at + 1;
			return true;
		}
	}
	return false;
}

static bool can_fire(const struct rule_trigger *t, int64_t now, struct err *err)
{
	return !t->zone || schedule_check(&t->schedule, t->zone, now, err) ||
	       err_wrap(err, "settings.expr");
}

/* --- lists ------------------------------------------------------------------------------------ */

static bool take_triggers(Engine__StoredRule *out, const struct rule_draft *d,
			  const Engine__StoredRule *before, int64_t now, struct zones *zones,
			  struct arena *arena, struct err *err)
{
	Pb__Rule *rule = out->rule;
	struct rule_trigger parsed;

	rule->triggers = arena_alloc(arena, (d->n_triggers + 1) * sizeof *rule->triggers);
	for (size_t i = 0; i < d->n_triggers; i++) {
		const Pb__Trigger *in = d->triggers[i];
		Pb__Trigger *t = arena_alloc(arena, sizeof *t);

		if (in->id && !has_trigger(before, in->id))
			return err_set(
				err, ERR_INVALID,
				"triggers[%zu].id: the rule has no trigger %d; a new one has id "
				"0",
				i, (int)in->id);
		for (size_t k = 0; in->id && k < i; k++)
			if (d->triggers[k]->id == in->id)
				return err_set(err, ERR_INVALID, "triggers[%zu].id: is there twice",
					       i);
		if (!trigger_parse(&parsed, in, zones, arena, err) || !can_fire(&parsed, now, err))
			return within(err, "triggers", i);
		pb__trigger__init(t);
		t->id = in->id ? in->id : ++out->lastpart;
		t->type = in->type;
		t->settings = in->settings;
		rule->triggers[rule->n_triggers++] = t;
	}
	return true;
}

static bool take_targets(Engine__StoredRule *out, const struct rule_draft *d,
			 const Engine__StoredRule *before, const struct action_kind *action,
			 struct arena *arena, struct err *err)
{
	Pb__Rule *rule = out->rule;
	size_t hint = 0;

	rule->targets = arena_alloc(arena, (d->n_targets + 1) * sizeof *rule->targets);
	for (size_t i = 0; i < d->n_targets; i++) {
		const Pb__Target *in = d->targets[i];
		Pb__Target *t = arena_alloc(arena, sizeof *t);

		if (in->id && !has_target(before, in->id, &hint))
			return err_set(
				err, ERR_INVALID,
				"targets[%zu].id: the rule has no target %d; a new one has id 0", i,
				(int)in->id);
		if (!target_check(in, action, err))
			return within(err, "targets", i);
		pb__target__init(t);
		t->id = in->id ? in->id : ++out->lastpart;
		t->type = in->type;
		t->expr = in->expr;
		rule->targets[rule->n_targets++] = t;
	}
	return true;
}

/* Where it stands, and what it is. */
struct place {
	const Pb__Target *target;
	size_t at;
};

static int by_text(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->target->type != y->target->type)
		return x->target->type < y->target->type ? -1 : 1;
	return strcmp(x->target->expr, y->target->expr);
}

static int by_id(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return (x->target->id > y->target->id) - (x->target->id < y->target->id);
}

static bool twice(const struct place *places, size_t n, int (*order)(const void *, const void *),
		  const char *what, struct err *err)
{
	for (size_t i = 1; i < n; i++) {
		size_t a = places[i - 1].at, b = places[i].at;

		if (order(&places[i - 1], &places[i]) == 0)
			return err_set(err, ERR_INVALID,
				       "targets[%zu].%s: the same as targets[%zu]", a > b ? a : b,
				       what, a > b ? b : a);
	}
	return true;
}

static bool targets_differ(const Pb__Rule *rule, struct arena *arena, struct err *err)
{
	struct place *places = arena_alloc(arena, (rule->n_targets + 1) * sizeof *places);

	for (size_t i = 0; i < rule->n_targets; i++)
		places[i] = (struct place){rule->targets[i], i};
	qsort(places, rule->n_targets, sizeof *places, by_id);
	if (!twice(places, rule->n_targets, by_id, "id", err))
		return false;
	qsort(places, rule->n_targets, sizeof *places, by_text);
	return twice(places, rule->n_targets, by_text, "expr", err);
}

static bool counts_check(const struct rule_draft *d, struct err *err)
{
	if (d->n_triggers > RULE_TRIGGERS_MAX)
		return err_set(err, ERR_INVALID, "triggers: at most %d", RULE_TRIGGERS_MAX);
	return d->n_targets <= RULE_TARGETS_MAX ||
	       err_set(err, ERR_INVALID,
		       "targets: at most %d; a pattern or a tag can stand for many",
		       RULE_TARGETS_MAX);
}

static Engine__StoredRule *new_stored(const struct rule_draft *d, const Engine__StoredRule *before,
				      struct arena *arena)
{
	Engine__StoredRule *out = arena_alloc(arena, sizeof *out);

	engine__stored_rule__init(out);
	out->rule = arena_alloc(arena, sizeof *out->rule);
	pb__rule__init(out->rule);
	out->lastpart = before ? before->lastpart : 0;
	out->rule->description = arena_copy(arena, d->description, strlen(d->description));
	out->rule->action = d->action;
	out->rule->paused = d->paused;
	out->rule->options = arena_alloc(arena, sizeof *out->rule->options);
	pb__rule_options__init(out->rule->options);
	if (d->options)
		*out->rule->options = *d->options;
	return out;
}

bool rule_check(const struct rule_draft *d, const Engine__StoredRule *before, int64_t now,
		struct zones *zones, struct arena *arena, Engine__StoredRule **out, struct err *err)
{
	const struct action_kind *action = action_kind(d->action);

	if (!text_check("description", d->description, 1, RULE_DESCRIPTION_MAX, err))
		return false;
	if (!action)
		return err_set(err, ERR_INVALID,
			       "action: has to be KEY_ROTATION, DETACH or NOTIFY");
	*out = new_stored(d, before, arena);
	return counts_check(d, err) && options_check((*out)->rule->options, action, err) &&
	       take_triggers(*out, d, before, now, zones, arena, err) &&
	       take_targets(*out, d, before, action, arena, err) &&
	       targets_differ((*out)->rule, arena, err);
}
