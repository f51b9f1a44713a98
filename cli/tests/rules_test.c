/* Command lines of rules as requests, by either name of the program, without any server. */
#include <stdlib.h>

#include "api/json.h"
#include "cli/run.h"
#include "cli/term.h"
#include "tests/check.h"

enum { MAX = 40 };

static struct arena arena;

/* The request of a line; null, and why. */
static ProtobufCMessage *build(const char *line, struct err *err)
{
	struct session s = {.rpc = NULL};
	struct c2cli_args args = {0};
	struct command cmd;
	ProtobufCMessage *request;
	char *copy = arena_copy(&arena, line, strlen(line)), *words[MAX];
	size_t n;

	return term_split(copy, words, MAX, &n, err) && command_parse(&cmd, &args, n, words, err) &&
			       request_build(&s, &cmd, &arena, &request, err)
		       ? request
		       : NULL;
}

/* The same as JSON. */
static const char *ask(const char *line)
{
	struct err err = {ERR_OK, ""};
	ProtobufCMessage *request = build(line, &err);
	char *json;
	size_t len;

	if (!request)
		return arena_format(&arena, "%s", err.text);
	CHECK(api_json_encode(request, &arena, &json, &len, &err));
	return json;
}

/* The settings of the trigger that it adds. */
static const char *settings_of(const char *line)
{
	struct err err = {ERR_OK, ""};
	const Pb__ChangeRuleRequest *change = (const void *)build(line, &err);

	if (!change)
		return arena_format(&arena, "%s", err.text);
	CHECK_EQ(change->change_case, PB__CHANGE_RULE_REQUEST__CHANGE_ADD_TRIGGER);
	return arena_copy(&arena, (const char *)change->addtrigger->settings.data,
			  change->addtrigger->settings.len);
}

static void a_rule_is_made_by_words_and_numbers(void)
{
	CHECK_STR(ask("rule create --description 'a b' --action rotation --waves 1,10,100 --force "
		      "--wave-confirmed 80"),
		  "{\"description\":\"a b\",\"action\":\"KEY_ROTATION\",\"triggers\":[],"
		  "\"targets\":[],\"options\":{\"force\":true,\"waves\":[1,10,100],"
		  "\"waveWait\":\"0\",\"waveConfirmed\":80,\"topic\":\"\",\"webhook\":\"\","
		  "\"email\":\"\",\"retryFor\":\"0\"},\"dryRun\":false}");
	CHECK_STR(ask("rule show --rule 7"), "{\"ruleId\":7}");
	CHECK_STR(ask("rule run --rule 7 --force"), "{\"ruleId\":7,\"force\":true}");
	CHECK_STR(ask("rule next --rule 7 --count 3"), "{\"ruleId\":7,\"count\":\"3\"}");
	CHECK_STR(ask("rule pause --rule 7"), "{\"ruleId\":7,\"pause\":true}");
	CHECK_STR(ask("rule resume --rule 7"), "{\"ruleId\":7,\"pause\":false}");
	CHECK_STR(ask("rule remove-target --rule 7 --target 2"),
		  "{\"ruleId\":7,\"removeTarget\":2}");
	CHECK_STR(ask("rule remove-trigger --rule 7 --trigger 2"),
		  "{\"ruleId\":7,\"removeTrigger\":2}");
	CHECK_STR(ask("alarm raise --client c"), "{\"client\":\"c\",\"topic\":\"\"}");
}

static void types_are_known_by_name_or_by_a_last_part_of_their_own(void)
{
	static const struct {
		const char *word, *type;
	} cases[] = {
		{"any", "ANY"},
		{"TOPIC", "TOPIC"},
		{"client", "CLIENT"},
		{"topic-pattern", "TOPIC_PATTERN"},
		{"Client_Pattern", "CLIENT_PATTERN"},
		{"tag", "CLIENT_TAG"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *got = ask(arena_format(
			&arena, "rule add-target --rule 1 --type %s --expr x", cases[i].word));

		CHECK(strstr(got, arena_format(&arena, "\"type\":\"%s\"", cases[i].type)));
	}
	CHECK_STR(ask("rule add-target --rule 1 --type pattern --expr x"),
		  "--type: no such word: pattern; one of any, topic, client, topic-pattern, "
		  "client-pattern, tag");
}

static void settings_are_one_json_object_with_numbers_where_they_belong(void)
{
#define ADD "rule add-trigger --rule 1 --type "
	CHECK_STR(settings_of(ADD "interval --setting 'expr=0 3 * * SUN' --setting timezone=UTC"),
		  "{\"expr\":\"0 3 * * SUN\",\"timezone\":\"UTC\"}");
	CHECK_STR(settings_of(ADD "event --setting eventType=CLIENT_SUBSCRIBED "
				  "--setting maxOccurrence=3"),
		  "{\"eventType\":\"CLIENT_SUBSCRIBED\",\"maxOccurrence\":3}");
	CHECK_STR(settings_of(ADD "count --setting max=1000000"), "{\"max\":1000000}");
	CHECK_STR(settings_of(ADD "age --setting age=30"), "{\"age\":\"30\"}");
	CHECK_STR(settings_of(ADD "interval --setting 'expr=a\"=b'"), "{\"expr\":\"a\\\"=b\"}");
	CHECK(strstr(settings_of(ADD "event --setting maxOccurrence=three"),
		     "--setting maxOccurrence"));
	CHECK(strstr(settings_of(ADD "event --setting maxOccurrence"), "KEY=VALUE"));
	CHECK(strstr(settings_of(ADD "event --setting =3"), "KEY=VALUE"));
	CHECK(strstr(settings_of(ADD "event --setting a=1 --setting a=2"), "a was given twice"));
	CHECK(strstr(settings_of(ADD "event --setting a=\xff"), "UTF-8"));
	CHECK(strstr(settings_of("rule add-trigger --rule 1 --type event"),
		     "--setting is missing"));
}

static void more_options_than_a_command_can_hold_are_refused(void)
{
	char line[1024] = "rule add-trigger --rule 1 --type event";

	for (int i = 0; i < FLAGS_MAX - 2; i++)
		snprintf(line + strlen(line), sizeof line - strlen(line), " --setting=a%d=1", i);
	CHECK(settings_of(line)[0] == '{');
	strcat(line, " --setting=b=1");
	CHECK_STR(settings_of(line), "more than 24 options");
}

/* The last of them: the program keeps its name. */
static void by_its_other_name_it_has_the_commands_of_rules_alone(void)
{
	command_program("/usr/bin/c2cli");
	CHECK_STR(command_name(), "c2cli");
	command_program("/usr/bin/c2ae-cli");
	CHECK_STR(command_name(), "c2ae-cli");
	CHECK_STR(ask("list"), "{}");
	CHECK_STR(ask("show --rule 7"), "{\"ruleId\":7}");
	CHECK_STR(ask("delete --rule=7 -e 127.0.0.1:1"), "{\"ruleId\":7}");
	CHECK(strstr(ask("create --description d --action KEY_ROTATION"), "\"KEY_ROTATION\""));
	CHECK(strstr(ask("add-target --rule 7 --type TOPIC --expr t"), "\"expr\":\"t\""));
	CHECK_STR(settings_of("add-trigger --rule 7 --type EVENT "
			      "--setting eventType=CLIENT_UNSUBSCRIBED --setting maxOccurrence=1"),
		  "{\"eventType\":\"CLIENT_UNSUBSCRIBED\",\"maxOccurrence\":1}");
	CHECK_STR(ask("client list"), "no command \"client\"; see: c2ae-cli --help");
	CHECK_STR(ask("rule list"), "no command \"rule\"; see: c2ae-cli --help");
	CHECK_STR(ask("show"), "--rule is missing; see: c2ae-cli show --help");
}

int main(void)
{
	RUN(a_rule_is_made_by_words_and_numbers);
	RUN(types_are_known_by_name_or_by_a_last_part_of_their_own);
	RUN(settings_are_one_json_object_with_numbers_where_they_belong);
	RUN(more_options_than_a_command_can_hold_are_refused);
	RUN(by_its_other_name_it_has_the_commands_of_rules_alone);
	arena_free(&arena);
	return END();
}
