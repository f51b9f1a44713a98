#include "engine/letter.h"

#include <inttypes.h>
#include <string.h>

#include "api/json.h"

enum { GIVE_UP_S = 3 * 86400 };

static const char *word_of(Pb__RunState state)
{
	switch (state) {
	case PB__RUN_STATE__RUN_DONE:
		return "done";
	case PB__RUN_STATE__RUN_STOPPED:
		return "stopped";
	default:
		return "failed";
	}
}

static void json_of(const Pb__Rule *rule, const Pb__Run *run, const char *text, struct arena *arena,
		    char **out)
{
	Pb__Notice notice = PB__NOTICE__INIT;
	size_t len;

	notice.text = arena_copy(arena, text, strlen(text));
	notice.ruleid = rule->id;
	notice.description = rule->description;
	notice.action = rule->action;
	notice.run = (Pb__Run *)(uintptr_t)run;
	if (!api_json_encode(&notice.base, arena, out, &len, NULL))
		*out = arena_format(arena, "{\"ruleId\":%" PRId32 "}", rule->id);
}

static char *mail_of(const Pb__Rule *rule, const Pb__Run *run, const char *text,
		     struct arena *arena)
{
	char *mail = arena_format(
		arena,
		"%s\r\n\r\nRule %" PRId32 ": %s\r\nCause: %s\r\nTargets done: %" PRId64
		"\r\nTargets failed: %" PRId64 "\r\n",
		text, rule->id, rule->description, run->causetext, run->done, run->failed);

	for (size_t i = 0; i < run->n_failures; i++)
		mail = arena_format(arena, "%s  %s: %s\r\n", mail, run->failures[i]->target,
				    run->failures[i]->reason);
	return arena_format(arena, "%s\r\nc2cli rule history --rule %" PRId32 " shows more.\r\n",
			    mail, rule->id);
}

static void record_of(struct fleet_record *out, const Pb__Letter *letter, struct arena *arena)
{
	uint8_t *bytes;

	*out = (struct fleet_record){.kind = LETTER_RECORD, .owner = letter->runid};
	api_pack(&letter->base, arena, &bytes, &out->len);
	out->body = bytes;
}

size_t letter_records(const Pb__Rule *rule, const Pb__Run *run, int64_t now, struct arena *arena,
		      struct fleet_record out[2])
{
	const Pb__RuleOptions *o = rule->options;
	const char *state = word_of(run->state);
	Pb__Letter letter = PB__LETTER__INIT, mail;
	char *text;
	size_t n = 0;

	if (!o || (!*o->webhook && !*o->email))
		return 0;
	text = arena_format(arena, "Rule %" PRId32 " (%s) %s: %s", rule->id, rule->description,
			    state, run->outcome);
	letter.runid = run->id;
	letter.nextat = now;
	letter.until = now + GIVE_UP_S;
	mail = letter;
	if (*o->webhook) {
		letter.webhook = o->webhook;
		json_of(rule, run, text, arena, &letter.body);
		record_of(&out[n++], &letter, arena);
	}
	if (*o->email) {
		mail.email = o->email;
		mail.subject = arena_format(arena, "E4: rule %" PRId32 " %s", rule->id, state);
		mail.body = mail_of(rule, run, text, arena);
		record_of(&out[n++], &mail, arena);
	}
	return n;
}
