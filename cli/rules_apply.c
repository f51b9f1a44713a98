/*
 * c2cli rule apply: make the server's rules those of a file, which is what
 * c2cli -o json rule list prints. A rule is known by its description; what is
 * the same already is left alone, and so are rules that the file does not have.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/json.h"
#include "base/file.h"
#include "cli/run.h"

/* Ten thousand targets of the longest names, and as much again. */
enum { FILE_MAX = 16 << 20 };

struct apply {
	struct session *s;
	struct arena *arena;
	const Pb__RulesResponse *have, *want;
	int64_t added, changed, unchanged;
};

static bool call(struct apply *a, unsigned method, const ProtobufCMessage *request,
		 const Pb__Rule **out, struct err *err)
{
	ProtobufCMessage *answer;

	if (!rpc_call(a->s->rpc, &api_methods[method], request, a->arena, &answer, err))
		return false;
	*out = ((const Pb__RuleResponse *)(const void *)answer)->rule;
	return *out || err_set(err, ERR_INTERNAL, "the server answered without a rule");
}

static bool read_file(struct apply *a, const char *path, struct err *err)
{
	uint8_t *text = arena_alloc(a->arena, FILE_MAX);
	ProtobufCMessage *msg;
	size_t len;

	if (!request_stdin(a->s, path, err) || !file_read(path, text, FILE_MAX, &len, err))
		return false;
	if (!api_json_decode(&pb__rules_response__descriptor, (const char *)text, len, a->arena,
			     &msg, err)) {
		err_wrap(err, "%s", path);
		return false;
	}
	a->want = (const void *)msg;
	return true;
}

static bool ask_rules(struct apply *a, struct err *err)
{
	Pb__ListRulesRequest request = PB__LIST_RULES_REQUEST__INIT;
	ProtobufCMessage *answer;

	if (!rpc_call(a->s->rpc, &api_methods[API_C2_AUTOMATION_ENGINE_LIST_RULES], &request.base,
		      a->arena, &answer, err))
		return false;
	a->have = (const void *)answer;
	return true;
}

/* The one rule of this description; null: there is none. */
static bool find(const Pb__RulesResponse *rules, const char *description, const char *where,
		 const Pb__Rule **out, struct err *err)
{
	*out = NULL;
	for (size_t i = 0; i < rules->n_rules; i++) {
		if (strcmp(rules->rules[i]->description, description) != 0)
			continue;
		if (*out)
			return err_set(err, ERR_PRECONDITION,
				       "%s has two rules with the description \"%.60s\", by which "
				       "they are told apart",
				       where, description);
		*out = rules->rules[i];
	}
	return true;
}

/* --- parts that are there already keep their ids, and with them counters and due times ----------
 */

static bool match_triggers(const Pb__Rule *want, const Pb__Rule *have)
{
	bool all = want->n_triggers == have->n_triggers;

	for (size_t i = 0; i < want->n_triggers; i++) {
		Pb__Trigger *w = want->triggers[i];

		w->id = 0;
		for (size_t k = 0; k < have->n_triggers && !w->id; k++) {
			Pb__Trigger *h = have->triggers[k];

			if (h->id == 0 || h->type != w->type ||
			    h->settings.len != w->settings.len ||
			    memcmp(h->settings.data, w->settings.data, w->settings.len) != 0)
				continue;
			w->id = h->id;
			h->id = 0; /* taken */
		}
		all = all && w->id;
	}
	return all;
}

static bool match_targets(const Pb__Rule *want, const Pb__Rule *have)
{
	bool all = want->n_targets == have->n_targets;

	for (size_t i = 0; i < want->n_targets; i++) {
		Pb__Target *w = want->targets[i];

		w->id = 0;
		for (size_t k = 0; k < have->n_targets && !w->id; k++) {
			Pb__Target *h = have->targets[k];

			if (h->id == 0 || h->type != w->type || strcmp(h->expr, w->expr) != 0)
				continue;
			w->id = h->id;
			h->id = 0; /* taken */
		}
		all = all && w->id;
	}
	return all;
}

static bool same_options(const Pb__Rule *want, const Pb__Rule *have, struct arena *arena)
{
	static const Pb__RuleOptions none = PB__RULE_OPTIONS__INIT;
	const Pb__RuleOptions *pair[] = {want->options ? want->options : &none,
					 have->options ? have->options : &none};
	uint8_t *bytes[2];
	size_t len[2];

	for (int i = 0; i < 2; i++)
		api_pack(&pair[i]->base, arena, &bytes[i], &len[i]);
	return len[0] == len[1] && memcmp(bytes[0], bytes[1], len[0]) == 0;
}

/* --- one rule ----------------------------------------------------------------------------------
 */

static bool pause_as(struct apply *a, const Pb__Rule *want, const Pb__Rule *have, struct err *err)
{
	Pb__ChangeRuleRequest request = PB__CHANGE_RULE_REQUEST__INIT;
	const Pb__Rule *now;

	if (!want->paused == !have->paused)
		return true;
	request.ruleid = have->id;
	request.change_case = PB__CHANGE_RULE_REQUEST__CHANGE_PAUSE;
	request.pause = want->paused;
	return call(a, API_C2_AUTOMATION_ENGINE_CHANGE_RULE, &request.base, &now, err);
}

static bool add(struct apply *a, const Pb__Rule *want, const Pb__Rule **now, struct err *err)
{
	const Pb__Rule none = PB__RULE__INIT;
	Pb__AddRuleRequest request = PB__ADD_RULE_REQUEST__INIT;

	match_triggers(want, &none);
	match_targets(want, &none);
	request.description = want->description;
	request.action = want->action;
	request.triggers = want->triggers;
	request.n_triggers = want->n_triggers;
	request.targets = want->targets;
	request.n_targets = want->n_targets;
	request.options = want->options;
	a->added++;
	return call(a, API_C2_AUTOMATION_ENGINE_ADD_RULE, &request.base, now, err);
}

static bool update(struct apply *a, const Pb__Rule *want, const Pb__Rule *have,
		   const Pb__Rule **now, struct err *err)
{
	Pb__UpdateRuleRequest request = PB__UPDATE_RULE_REQUEST__INIT;
	Pb__RuleOptions none = PB__RULE_OPTIONS__INIT;
	bool triggers = match_triggers(want, have), targets = match_targets(want, have);

	*now = have;
	if (triggers && targets && want->action == have->action &&
	    same_options(want, have, a->arena)) {
		if (!want->paused == !have->paused)
			a->unchanged++;
		else
			a->changed++;
		return true;
	}
	request.ruleid = have->id;
	request.version = have->version;
	request.description = want->description;
	request.action = want->action;
	request.triggers = want->triggers;
	request.n_triggers = want->n_triggers;
	request.targets = want->targets;
	request.n_targets = want->n_targets;
	request.options = want->options ? want->options : &none;
	a->changed++;
	return call(a, API_C2_AUTOMATION_ENGINE_UPDATE_RULE, &request.base, now, err);
}

/* Before the first change. */
static bool can_tell_apart(const struct apply *a, struct err *err)
{
	const Pb__Rule *one;

	for (size_t i = 0; i < a->want->n_rules; i++)
		if (!find(a->want, a->want->rules[i]->description, "the file", &one, err) ||
		    !find(a->have, a->want->rules[i]->description, "the server", &one, err))
			return false;
	return true;
}

static bool apply(struct apply *a, const Pb__Rule *want, struct err *err)
{
	const Pb__Rule *have, *now;

	if (!find(a->have, want->description, "the server", &have, err))
		return false;
	if (have ? !update(a, want, have, &now, err) : !add(a, want, &now, err))
		return err_wrap(err, "%.60s", want->description);
	return pause_as(a, want, now, err);
}

bool run_rules_apply(struct session *s, const struct command *cmd, struct err *err)
{
	struct arena arena = ARENA_INIT;
	struct apply a = {.s = s, .arena = &arena};
	bool ok = read_file(&a, command_get(cmd, "file")->text, err) && ask_rules(&a, err) &&
		  can_tell_apart(&a, err);

	for (size_t i = 0; ok && i < a.want->n_rules; i++)
		ok = apply(&a, a.want->rules[i], err);
	if (ok)
		printf(s->json ? "{\"added\":\"%" PRId64 "\",\"changed\":\"%" PRId64
				 "\",\"unchanged\":\"%" PRId64 "\"}\n"
			       : "added      %" PRId64 "\nchanged    %" PRId64
				 "\nunchanged  %" PRId64 "\n",
		       a.added, a.changed, a.unchanged);
	arena_free(&arena);
	return ok;
}
