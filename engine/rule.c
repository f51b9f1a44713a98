#include "engine/rule.h"

#include <stdlib.h>
#include <string.h>

#include "api/message.h"
#include "base/mem.h"

/* --- targets ------------------------------------------------------------------------------- */

static const struct target_kind target_kinds[] = {
	{PB__TARGET_TYPE__ANY, "ANY", true, true, TARGET_NAME},
	{PB__TARGET_TYPE__TOPIC, "TOPIC", true, false, TARGET_NAME},
	{PB__TARGET_TYPE__CLIENT, "CLIENT", false, true, TARGET_NAME},
	{PB__TARGET_TYPE__TOPIC_PATTERN, "TOPIC_PATTERN", true, false, TARGET_PATTERN},
	{PB__TARGET_TYPE__CLIENT_PATTERN, "CLIENT_PATTERN", false, true, TARGET_PATTERN},
	{PB__TARGET_TYPE__CLIENT_TAG, "CLIENT_TAG", false, true, TARGET_TAG},
};

const struct target_kind *target_kind(Pb__TargetType type)
{
	for (size_t i = 0; i < sizeof target_kinds / sizeof *target_kinds; i++)
		if (target_kinds[i].type == type)
			return &target_kinds[i];
	return 0;
}

/* Back to the last star alone: so it takes no more than the product of the lengths. */
bool pattern_matches(const char *pattern, const char *name)
{
	const char *star = 0, *at = 0;

	while (*name) {
		if (*pattern == '*') {
			star = pattern++;
			at = name;
		} else if (*pattern == *name) {
			pattern++;
			name++;
		} else if (star) {
			pattern = star + 1;
			name = ++at;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

uint64_t hash_name(const char *name, uint64_t seed)
{
	uint64_t h = 14695981039346656037u ^ seed;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 1099511628211u;
	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

/* --- actions ------------------------------------------------------------------------------- */

static void rotate_op(const Pb__Rule *rule, enum fleet_kind kind, const char *name,
		      struct fleet_op *out)
{
	(void)rule;
	if (kind == FLEET_TOPIC)
		*out = (struct fleet_op){.kind = FLEET_ROTATE_TOPIC, .topic = name};
	else
		*out = (struct fleet_op){.kind = FLEET_NEW_CLIENT_KEY, .client = name};
}

static void detach_op(const Pb__Rule *rule, enum fleet_kind kind, const char *name,
		      struct fleet_op *out)
{
	(void)kind;
	*out = (struct fleet_op){
		.kind = FLEET_DETACH, .client = name, .topic = rule_options(rule)->topic};
}

static const struct action_kind action_kinds[] = {
	{.type = PB__ACTION_TYPE__KEY_ROTATION,
	 .name = "KEY_ROTATION",
	 .topics = true,
	 .keys = true,
	 .acts = true,
	 .done = "rotated",
	 .op = rotate_op},
	{.type = PB__ACTION_TYPE__DETACH,
	 .name = "DETACH",
	 .acts = true,
	 .in_topic = true,
	 .done = "detached",
	 .op = detach_op},
	{.type = PB__ACTION_TYPE__NOTIFY,
	 .name = "NOTIFY",
	 .topics = true,
	 .tells = true,
	 .done = "told of"},
};

const struct action_kind *action_kind(Pb__ActionType type)
{
	for (size_t i = 0; i < sizeof action_kinds / sizeof *action_kinds; i++)
		if (action_kinds[i].type == type)
			return &action_kinds[i];
	return 0;
}

/* --- what is stored -------------------------------------------------------------------------- */

void stored_pack(const ProtobufCMessage *msg, struct arena *arena, struct fleet_record *out)
{
	uint8_t *bytes;

	api_pack(msg, arena, &bytes, &out->len);
	out->body = bytes;
}

bool stored_unpack(const ProtobufCMessageDescriptor *desc, const uint8_t *body, size_t len,
		   struct arena *arena, ProtobufCMessage **out, struct err *err)
{
	if (api_unpack(desc, body, len, arena, out, 0))
		return true;
	return err_set(err, ERR_INTERNAL, "a record of the engine (%s) is damaged", desc->name);
}

Google__Protobuf__Timestamp *stamp_of(int64_t at_s, struct arena *arena)
{
	Google__Protobuf__Timestamp *t;

	if (!at_s)
		return 0;
	t = arena_alloc(arena, sizeof *t);
	google__protobuf__timestamp__init(t);
	t->seconds = at_s;
	return t;
}

Pb__RuleOptions *rule_options(const Pb__Rule *rule)
{
	static Pb__RuleOptions none = PB__RULE_OPTIONS__INIT;

	return rule->options ? rule->options : &none;
}

/* --- a rule ---------------------------------------------------------------------------------- */

bool rule_open(const struct rule *r, struct arena *arena, Engine__StoredRule **out, struct err *err)
{
	ProtobufCMessage *msg;

	if (!stored_unpack(&engine__stored_rule__descriptor, r->body, r->len, arena, &msg, err))
		return false;
	*out = (Engine__StoredRule *)msg;
	if (!(*out)->rule)
		return err_set(err, ERR_INTERNAL, "the record of rule %d is damaged", (int)r->id);
	(*out)->rule->id = r->id;
	(*out)->rule->version = r->version;
	return true;
}

/* A newer version may have written what this one does not know. */
static bool known(const struct rule *r, const Pb__Rule *rule, struct err *err)
{
	bool ok = action_kind(rule->action) != 0;

	for (size_t i = 0; i < rule->n_targets && ok; i++)
		ok = target_kind(rule->targets[i]->type) != 0;
	return ok || err_set(err, ERR_INTERNAL,
			     "rule %d has an action or a target that this version does not know",
			     (int)r->id);
}

static bool load_triggers(struct rule *r, const Pb__Rule *rule, struct zones *zones,
			  struct arena *arena, struct err *err)
{
	r->n_triggers = rule->n_triggers;
	r->triggers = mem_array(rule->n_triggers + 1, sizeof *r->triggers);
	for (size_t i = 0; i < rule->n_triggers; i++) {
		if (!trigger_parse(&r->triggers[i], rule->triggers[i], zones, arena, err))
			return err_wrap(err, "rule %d: triggers[%zu]", (int)r->id, i);
		r->triggers[i].seed = (uint64_t)r->id << 32 | (uint32_t)rule->triggers[i]->id;
	}
	return true;
}

bool rule_load(struct rule *r, const struct fleet_record *record, struct zones *zones,
	       struct err *err)
{
	struct arena arena = ARENA_INIT;
	Engine__StoredRule *stored;
	bool ok;

	*r = (struct rule){
		.id = (int32_t)record->id, .version = record->version, .len = record->len};
	r->body = mem_alloc(record->len + 1);
	memcpy(r->body, record->body, record->len);
	ok = rule_open(r, &arena, &stored, err);
	ok = ok && known(r, stored->rule, err);
	if (ok) {
		r->paused = stored->rule->paused;
		r->waves = rule_options(stored->rule)->n_waves > 0;
		ok = load_triggers(r, stored->rule, zones, &arena, err);
	}
	arena_free(&arena);
	if (!ok)
		rule_unload(r);
	return ok;
}

void rule_unload(struct rule *r)
{
	free(r->triggers);
	free(r->body);
	*r = (struct rule){0};
}

/* --- its state -------------------------------------------------------------------------------- */

static const Engine__StoredTrigger *state_of(const Engine__StoredState *st, int32_t id)
{
	for (size_t i = 0; st && i < st->n_triggers; i++)
		if (st->triggers[i]->id == id)
			return st->triggers[i];
	return 0;
}

/* Unchanged triggers go on with their counters and due times. */
static bool is_unchanged(const Pb__Trigger *t, const Pb__Rule *before)
{
	for (size_t i = 0; before && i < before->n_triggers; i++) {
		const Pb__Trigger *old = before->triggers[i];

		if (old->id == t->id)
			return old->type == t->type && old->settings.len == t->settings.len &&
			       (!t->settings.len ||
				memcmp(old->settings.data, t->settings.data, t->settings.len) == 0);
	}
	return false;
}

Engine__StoredState *state_for(const struct rule *r, const Engine__StoredState *before,
			       const Pb__Rule *after, const Pb__Rule *rule_before, int64_t now,
			       struct arena *arena)
{
	Engine__StoredState *st = arena_alloc(arena, sizeof *st);

	engine__stored_state__init(st);
	if (before)
		*st = *before;
	st->n_triggers = r->n_triggers;
	st->triggers = arena_alloc(arena, (r->n_triggers + 1) * sizeof *st->triggers);
	for (size_t i = 0; i < r->n_triggers; i++) {
		const struct rule_trigger *t = &r->triggers[i];
		const Engine__StoredTrigger *old = state_of(before, t->id);

		st->triggers[i] = arena_alloc(arena, sizeof *st->triggers[i]);
		engine__stored_trigger__init(st->triggers[i]);
		st->triggers[i]->id = t->id;
		if (old && is_unchanged(after->triggers[i], rule_before))
			*st->triggers[i] = *old;
		else
			t->kind->start(t, st->triggers[i], now);
	}
	return st;
}
