/* Every wrong rule is refused with a message that names the field, and stores nothing. */
#include <string.h>

#include "base/log.h"
#include "kit.h"

static struct kit k;

/* A rule that is right but for what the row changes. */
struct row {
	const char *names; /* what the error begins with */
	const char *says;  /* and has in it */
	int trigger;       /* type; -1: none */
	const char *settings;
	int target; /* -1: none */
	const char *expr;
	void (*change)(Pb__AddRuleRequest *req); /* may be null */
};

static char text[2048];

static void no_description(Pb__AddRuleRequest *req)
{
	text[0] = 0;
	req->description = text;
}

static void long_description(Pb__AddRuleRequest *req)
{
	memset(text, 'x', 1025);
	text[1025] = 0;
	req->description = text;
}

static void control_character(Pb__AddRuleRequest *req)
{
	strcpy(text, "a\nb");
	req->description = text;
}

static void no_action(Pb__AddRuleRequest *req)
{
	req->action = PB__ACTION_TYPE__UNDEFINED_ACTION;
}

static void unknown_action(Pb__AddRuleRequest *req)
{
	req->action = (Pb__ActionType)77;
}

static void detach_without_topic(Pb__AddRuleRequest *req)
{
	req->action = PB__ACTION_TYPE__DETACH;
}

static void detach_unknown_topic(Pb__AddRuleRequest *req)
{
	req->action = PB__ACTION_TYPE__DETACH;
	strcpy(text, "nowhere");
	req->options->topic = text;
}

static void detach(Pb__AddRuleRequest *req)
{
	req->action = PB__ACTION_TYPE__DETACH;
	strcpy(text, "t");
	req->options->topic = text;
}

static void rotate_with_topic(Pb__AddRuleRequest *req)
{
	strcpy(text, "t");
	req->options->topic = text;
}

static void detach_by_force(Pb__AddRuleRequest *req)
{
	detach(req);
	req->options->force = true;
}

static void notify_nobody(Pb__AddRuleRequest *req)
{
	req->action = PB__ACTION_TYPE__NOTIFY;
}

static void notify(Pb__AddRuleRequest *req, bool webhook, const char *to)
{
	req->action = PB__ACTION_TYPE__NOTIFY;
	strcpy(text, to);
	*(webhook ? &req->options->webhook : &req->options->email) = text;
}

static void notify_ftp(Pb__AddRuleRequest *req)
{
	notify(req, true, "ftp://example.org");
}

static void notify_bad_address(Pb__AddRuleRequest *req)
{
	notify(req, false, "ops.example.org");
}

static void notify_two_addresses(Pb__AddRuleRequest *req)
{
	notify(req, false, "a@example.org,b@example.org");
}

static void waves(Pb__AddRuleRequest *req, int a, int b)
{
	static int32_t list[2];

	list[0] = a;
	list[1] = b;
	req->options->waves = list;
	req->options->n_waves = 2;
}

static void waves_fall(Pb__AddRuleRequest *req)
{
	waves(req, 50, 10);
}

static void waves_from_zero(Pb__AddRuleRequest *req)
{
	waves(req, 0, 100);
}

static void waves_above(Pb__AddRuleRequest *req)
{
	waves(req, 10, 101);
}

static void waves_end_early(Pb__AddRuleRequest *req)
{
	waves(req, 1, 10);
}

static void waves_of_detach(Pb__AddRuleRequest *req)
{
	detach(req);
	waves(req, 1, 100);
}

static void negative_wait(Pb__AddRuleRequest *req)
{
	req->options->wavewait = -1;
}

static void confirmed_above(Pb__AddRuleRequest *req)
{
	req->options->waveconfirmed = 101;
}

static void long_retry(Pb__AddRuleRequest *req)
{
	req->options->retryfor = 2592001;
}

static void unknown_ids(Pb__AddRuleRequest *req)
{
	req->triggers[0]->id = 5;
}

static void unknown_target_id(Pb__AddRuleRequest *req)
{
	req->targets[0]->id = 5;
}

static void target_twice(Pb__AddRuleRequest *req)
{
	static Pb__Target *list[2];

	list[0] = req->targets[0];
	list[1] = req->targets[0];
	req->targets = list;
	req->n_targets = 2;
}

static void many_triggers(Pb__AddRuleRequest *req)
{
	static Pb__Trigger *list[101];

	for (int i = 0; i < 101; i++)
		list[i] = req->triggers[0];
	req->triggers = list;
	req->n_triggers = 101;
}

static void second_trigger_is_wrong(Pb__AddRuleRequest *req)
{
	static Pb__Trigger *list[2], wrong;

	pb__trigger__init(&wrong);
	wrong.type = PB__TRIGGER_TYPE__KEY_AGE;
	list[0] = req->triggers[0];
	list[1] = &wrong;
	req->triggers = list;
	req->n_triggers = 2;
}

enum { T = PB__TRIGGER_TYPE__TIME_INTERVAL, E = PB__TRIGGER_TYPE__EVENT };
enum { TOPIC = PB__TARGET_TYPE__TOPIC, NONE = -1 };

static const char good[] = "{\"expr\": \"@daily\"}";

static const struct row rows[] = {
	{"description", "1 to 1024 bytes", T, good, TOPIC, "t", no_description},
	{"description", "1 to 1024 bytes", T, good, TOPIC, "t", long_description},
	{"description", "control", T, good, TOPIC, "t", control_character},
	{"action", "KEY_ROTATION", T, good, TOPIC, "t", no_action},
	{"action", "KEY_ROTATION", T, good, TOPIC, "t", unknown_action},
	{"options.topic", "needs the topic", T, good, PB__TARGET_TYPE__CLIENT, "c",
	 detach_without_topic},
	{"options.topic", "no topic of this name", T, good, PB__TARGET_TYPE__CLIENT, "c",
	 detach_unknown_topic},
	{"options.topic", "only for the action DETACH", T, good, TOPIC, "t", rotate_with_topic},
	{"options.force", "only for", T, good, PB__TARGET_TYPE__CLIENT, "c", detach_by_force},
	{"targets[0].type", "CLIENT_TAG", T, good, TOPIC, "t", detach},
	{"options", "options.webhook or options.email", T, good, TOPIC, "t", notify_nobody},
	{"options.webhook", "https://", T, good, TOPIC, "t", notify_ftp},
	{"options.email", "ops@", T, good, TOPIC, "t", notify_bad_address},
	{"options.email", "ops@", T, good, TOPIC, "t", notify_two_addresses},
	{"options.waves[1]", "rise", T, good, TOPIC, "t", waves_fall},
	{"options.waves[0]", "rise", T, good, TOPIC, "t", waves_from_zero},
	{"options.waves[1]", "rise", T, good, TOPIC, "t", waves_above},
	{"options.waves", "last has to be 100", T, good, TOPIC, "t", waves_end_early},
	{"options.waves", "KEY_ROTATION", T, good, PB__TARGET_TYPE__CLIENT, "c", waves_of_detach},
	{"options.waveWait", "from 0", T, good, TOPIC, "t", negative_wait},
	{"options.waveConfirmed", "from 0 to 100", T, good, TOPIC, "t", confirmed_above},
	{"options.retryFor", "from 0", T, good, TOPIC, "t", long_retry},
	{"triggers[0].id", "new one has id 0", T, good, TOPIC, "t", unknown_ids},
	{"targets[0].id", "new one has id 0", T, good, TOPIC, "t", unknown_target_id},
	{"targets[1].expr", "same as targets[0]", T, good, TOPIC, "t", target_twice},
	{"triggers", "at most 100", T, good, TOPIC, "t", many_triggers},
	{"triggers[1].settings", "JSON object", T, good, TOPIC, "t", second_trigger_is_wrong},
	{"triggers[0].type", "TIME_INTERVAL", 0, good, TOPIC, "t", 0},
	{"triggers[0].type", "TIME_INTERVAL", 55, good, TOPIC, "t", 0},
	{"triggers[0].settings", "JSON object", T, "", TOPIC, "t", 0},
	{"triggers[0].settings", "JSON object", T, "[1]", TOPIC, "t", 0},
	{"triggers[0].settings", "JSON object", T, "{\"expr\": \"@daily\"", TOPIC, "t", 0},
	{"triggers[0].settings", "JSON object", T, "{\"expr\":\"@daily\",\"expr\":\"@daily\"}",
	 TOPIC, "t", 0},
	{"triggers[0].settings.expr", "missing", T, "{}", TOPIC, "t", 0},
	{"triggers[0].settings.expr", "as 0 3", T, "{\"expr\": [1]}", TOPIC, "t", 0},
	{"triggers[0].settings.cron", "expr, timezone, jitter", T, "{\"cron\": \"@daily\"}", TOPIC,
	 "t", 0},
	{"triggers[0].settings.expr", "", T, "{\"expr\": \"every day\"}", TOPIC, "t", 0},
	{"triggers[0].settings.expr", "", T, "{\"expr\": \"61 * * * *\"}", TOPIC, "t", 0},
	{"triggers[0].settings.expr", "never matches", T, "{\"expr\": \"0 0 30 2 *\"}", TOPIC, "t",
	 0},
	{"triggers[0].settings.expr", "are over", T, "{\"expr\": \"0 0 1 1 * 2020\"}", TOPIC, "t",
	 0},
	{"triggers[0].settings.timezone", "", T,
	 "{\"expr\": \"@daily\", \"timezone\": \"Europe/Atlantis\"}", TOPIC, "t", 0},
	{"triggers[0].settings.jitter", "", T, "{\"expr\": \"@daily\", \"jitter\": \"ten\"}", TOPIC,
	 "t", 0},
	{"triggers[0].settings.eventType", "missing", E, "{\"maxOccurrence\": 3}", TOPIC, "t", 0},
	{"triggers[0].settings.eventType", "CLIENT_SUBSCRIBED", E,
	 "{\"eventType\": \"JOIN\", \"maxOccurrence\": 3}", TOPIC, "t", 0},
	{"triggers[0].settings.maxOccurrence", "missing", E,
	 "{\"eventType\": \"CLIENT_SUBSCRIBED\"}", TOPIC, "t", 0},
	{"triggers[0].settings.maxOccurrence", "from 1", E,
	 "{\"eventType\": \"CLIENT_SUBSCRIBED\", \"maxOccurrence\": 0}", TOPIC, "t", 0},
	{"triggers[0].settings.maxOccurrence", "from 1", E,
	 "{\"eventType\": \"CLIENT_SUBSCRIBED\", \"maxOccurrence\": \"3x\"}", TOPIC, "t", 0},
	{"triggers[0].settings.maxOccurrence", "as 3", E,
	 "{\"eventType\": \"CLIENT_SUBSCRIBED\", \"maxOccurrence\": 1.5}", TOPIC, "t", 0},
	{"triggers[0].settings.age", "missing", PB__TRIGGER_TYPE__KEY_AGE, "{}", TOPIC, "t", 0},
	{"triggers[0].settings.age", "1m", PB__TRIGGER_TYPE__KEY_AGE, "{\"age\": \"10s\"}", TOPIC,
	 "t", 0},
	{"triggers[0].settings.age", "", PB__TRIGGER_TYPE__KEY_AGE, "{\"age\": \"a month\"}", TOPIC,
	 "t", 0},
	{"triggers[0].settings.max", "from 1", PB__TRIGGER_TYPE__MESSAGE_COUNT, "{\"max\": -1}",
	 TOPIC, "t", 0},
	{"targets[0].type", "TOPIC_PATTERN", T, good, 55, "t", 0},
	{"targets[0].expr", "1 to 512 bytes", T, good, TOPIC, "", 0},
	{"targets[0].expr", "no topic of this name", T, good, TOPIC, "typo", 0},
	{"targets[0].expr", "no client of this name", T, good, PB__TARGET_TYPE__CLIENT, "typo", 0},
	{"targets[0].expr", "no topic or client", T, good, PB__TARGET_TYPE__ANY, "typo", 0},
	{"targets[0].expr", "+ or #", T, good, TOPIC, "a/#", 0},
	{"targets[0].expr", "has a *", T, good, PB__TARGET_TYPE__TOPIC_PATTERN, "t", 0},
	{"targets[0].expr", "has a *", T, good, PB__TARGET_TYPE__CLIENT_PATTERN, "c", 0},
	{"targets[0].expr", "1 to 255 bytes", T, good, PB__TARGET_TYPE__CLIENT_TAG, "", 0},
};

static void check_row(const struct row *r)
{
	Pb__AddRuleRequest *req = request(
		&k, r->trigger == NONE ? 0 : trigger(&k, (Pb__TriggerType)r->trigger, r->settings),
		0, r->target == NONE ? 0 : target(&k, (Pb__TargetType)r->target, r->expr));
	Pb__Rule *rule;
	bool taken;

	if (r->change)
		r->change(req);
	k.err = (struct err){.code = ERR_OK};
	taken = engine_add(k.servers[0].engine, req, &k.arena, &rule, &k.err);
	if (taken || k.err.code != ERR_INVALID || !strstr(k.err.text, r->says) ||
	    strncmp(k.err.text, r->names, strlen(r->names)) != 0 ||
	    k.err.text[strlen(r->names)] != ':')
		fprintf(stderr, "%s, %s: %s\n", r->names, r->says, taken ? "taken" : k.err.text);
	CHECK(!taken);
	CHECK_EQ(k.err.code, ERR_INVALID);
	CHECK(strncmp(k.err.text, r->names, strlen(r->names)) == 0);
	CHECK_EQ(k.err.text[strlen(r->names)], ':');
	CHECK(strstr(k.err.text, r->says));
}

static void test_every_wrong_rule_is_refused_by_the_name_of_its_field(void)
{
	Pb__RulesResponse resp = PB__RULES_RESPONSE__INIT;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		check_row(&rows[i]);
	CHECK(engine_list(k.servers[0].engine, &k.arena, &resp, &k.err));
	CHECK_EQ(resp.n_rules, 0);
}

static void test_what_is_right_is_taken(void)
{
	static const struct row right[] = {
		{0, 0, T, "{\"expr\": \"0 3 * * MON\", \"timezone\": \"Europe/Zurich\"}", TOPIC,
		 "t", 0},
		{0, 0, T, "{\"expr\": \"@every 7d\", \"jitter\": \"1h\"}", TOPIC, "t", 0},
		{0, 0, E, "{\"eventType\": \"ALARM\", \"maxOccurrence\": \"3\"}",
		 PB__TARGET_TYPE__CLIENT, "c", 0},
		{0, 0, PB__TRIGGER_TYPE__KEY_AGE, "{\"age\": \"30d\"}",
		 PB__TARGET_TYPE__TOPIC_PATTERN, "none/*", 0},
		{0, 0, NONE, 0, NONE, 0, 0},
	};

	for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
		const struct row *r = &right[i];
		Pb__AddRuleRequest *req = request(
			&k,
			r->trigger == NONE ? 0
					   : trigger(&k, (Pb__TriggerType)r->trigger, r->settings),
			0, r->target == NONE ? 0 : target(&k, (Pb__TargetType)r->target, r->expr));

		CHECK(kit_add(&k, req) == (int32_t)i + 1);
	}
	CHECK_EQ(kit_rule(&k, 4)->n_warnings, 1); /* its pattern matches nothing */
	CHECK_EQ(kit_rule(&k, 5)->n_warnings, 2); /* no triggers, no targets */
}

int main(void)
{
	log_set_level(LOG_ERROR + 1);
	kit_open(&k, 1);
	kit_topic(&k, "t");
	kit_client(&k, "c");
	RUN(test_every_wrong_rule_is_refused_by_the_name_of_its_field);
	RUN(test_what_is_right_is_taken);
	kit_close(&k);
	return END();
}
