/* The commands of c2cli that are no method of the API by themselves, as rows of the same form. */
#include "c2.pb-c.h"
#include "cli/command_inner.h"
#include "engine.pb-c.h"

static const struct api_flag completion_flags[] = {
	{"bash", NULL, API_FLAG_BOOL, false, NULL, "The script for bash (default)."},
	{"zsh", NULL, API_FLAG_BOOL, false, NULL, "The script for zsh."},
};

/* Fields are those of the BatchRequest that is sent. */
#define IMPORT_FLAGS                                                                               \
	{"file",                                                                                   \
	 NULL,                                                                                     \
	 API_FLAG_FILE,                                                                            \
	 true,                                                                                     \
	 NULL,                                                                                     \
	 "The file, or - for standard input; --file may be left out before its name."},            \
		{"format", NULL, API_FLAG_CHOICE,                                                  \
		 false,    NULL, "csv or jsonl (JSON lines); else the file's name says it."},      \
		{"existing",                                                                       \
		 "existing",                                                                       \
		 API_FLAG_CHOICE,                                                                  \
		 false,                                                                            \
		 NULL,                                                                             \
		 "What to make of what is there already: fail (default), same (passed over, "      \
		 "but a client with another key fails), keep (passed over), replace."},            \
		{"resume",                                                                         \
		 NULL,                                                                             \
		 API_FLAG_BOOL,                                                                    \
		 false,                                                                            \
		 NULL,                                                                             \
		 "Repeat an import that was cut off: what is there already is passed over, as "    \
		 "with --existing same."},                                                         \
		{"chunk", NULL, API_FLAG_INT64,                                                    \
		 false,   NULL, "Rows that are done as one (default 1000, at most 10000)."},       \
	{                                                                                          \
		"dry-run", "dryRun", API_FLAG_BOOL, false, NULL,                                   \
			"Check all rows, each chunk by itself, and change nothing."                \
	}

static const struct api_flag import_topics_flags[] = {IMPORT_FLAGS};

static const struct api_flag import_clients_flags[] = {
	IMPORT_FLAGS,
	{"create-topics", "createTopics", API_FLAG_BOOL, false, NULL,
	 "Create topics that are not there."},
	{"new-keys", NULL, API_FLAG_FILE, false, NULL,
	 "Make the keys, and write them to this new file (mode 0600): CSV with name and key in "
	 "hexadecimal, in public-key mode also the private key."},
};

static const struct api_flag import_operations_flags[] = {
	IMPORT_FLAGS,
	{"create-topics", "createTopics", API_FLAG_BOOL, false, NULL,
	 "Create topics that are not there."},
	{"rotate-key", "rotateKey", API_FLAG_BOOL, false, NULL,
	 "Rotate the keys of topics that clients leave, each once a chunk; without it the server "
	 "setting decides."},
};

#define FORMAT_FLAG                                                                                \
	{                                                                                          \
		"format", NULL, API_FLAG_CHOICE, false, NULL,                                      \
			"csv (default) or jsonl (JSON lines)."                                     \
	}

static const struct api_flag export_clients_flags[] = {
	FORMAT_FLAG,
	{"prefix", "prefix", API_FLAG_STRING, false, NULL, "Names that begin with this."},
	{"contains", "contains", API_FLAG_STRING, false, NULL, "Names that hold this."},
	{"tag", "tags", API_FLAG_LIST, false, NULL, "Clients with all of these tags."},
	{"type", "type", API_FLAG_CHOICE, false, NULL,
	 "Clients of this type: producer, consumer or both."},
	{"status", "statuses", API_FLAG_LIST, false, NULL,
	 "States of delivery: waiting, sent, confirmed."},
};

static const struct api_flag export_topics_flags[] = {
	FORMAT_FLAG,
	{"prefix", "prefix", API_FLAG_STRING, false, NULL, "Names that begin with this."},
	{"contains", "contains", API_FLAG_STRING, false, NULL, "Names that hold this."},
};

#define RULE_FLAG                                                                                  \
	{                                                                                          \
		"rule", "ruleId", API_FLAG_INT64, true, NULL, "Number of the rule."                \
	}

static const struct api_flag rule_flags[] = {RULE_FLAG};

static const struct api_flag apply_flags[] = {
	{"file", NULL, API_FLAG_FILE, true, NULL,
	 "The file, or - for standard input; --file may be left out before its name."},
};

static const struct api_flag add_target_flags[] = {
	RULE_FLAG,
	{"type", "addTarget.type", API_FLAG_CHOICE, true, NULL,
	 "What it names: any (a topic or a client), topic, client, topic-pattern or client-pattern "
	 "(* stands for any text), tag (clients with this tag)."},
	{"expr", "addTarget.expr", API_FLAG_STRING, true, NULL, "The name, pattern or tag."},
};

static const struct api_flag add_trigger_flags[] = {
	RULE_FLAG,
	{"type", "addTrigger.type", API_FLAG_CHOICE, true, NULL,
	 "What it waits for: interval (expr, timezone, jitter), event (eventType, maxOccurrence), "
	 "age (age), count (max)."},
	{"setting", "addTrigger.settings", API_FLAG_SETTING, true, NULL,
	 "One of its settings, as 'expr=0 3 * * SUN', expr=@every 7d, timezone=Europe/Zurich, "
	 "eventType=CLIENT_SUBSCRIBED, maxOccurrence=3, age=30d; can be repeated."},
};

static const struct api_flag remove_target_flags[] = {
	RULE_FLAG,
	{"target", "removeTarget", API_FLAG_INT64, true, NULL, "Id of the target."},
};

static const struct api_flag remove_trigger_flags[] = {
	RULE_FLAG,
	{"trigger", "removeTrigger", API_FLAG_INT64, true, NULL, "Id of the trigger."},
};

static const struct api_flag simulate_flags[] = {
	RULE_FLAG,
	{"days", NULL, API_FLAG_INT64, false, NULL, "Virtual time (default 30)."},
	{"fleet", NULL, API_FLAG_INT64, false, NULL,
	 "Devices to simulate (default: as many as there are, at most 1000)."},
	{"broker", NULL, API_FLAG_STRING, false, NULL,
	 "Kind of broker, as e4sim has them (default mosquitto)."},
	{"away", NULL, API_FLAG_INT64, false, NULL,
	 "Percentage of devices that is away at any time, in place of what the server sees."},
	{"away-for", NULL, API_FLAG_LIST, false, NULL,
	 "How long these have been away, as times that part them into equal shares, such as "
	 "10m,3h,2d."},
	{"max-risk", NULL, API_FLAG_INT64, false, NULL,
	 "End with exit code 4 if more than this percentage is at risk at one rotation."},
	{"svg", NULL, API_FLAG_FILE, false, NULL, "Write the simulator's plot there, too."},
};

#define FLAGS(rows) (rows), sizeof(rows) / sizeof((rows)[0])

#define CHANGE_RULE (&pb__change_rule_request__descriptor)

const struct api_method command_own[COMMAND_N_OWN] = {
	{.help = "Make the rules of a file, which is what -o json rule list prints. Rules are told "
		 "apart by their descriptions; those the file does not have stay as they are.",
	 .request = &pb__rules_response__descriptor,
	 .cli = {"rule apply", API_COMMAND_APPLY, FLAGS(apply_flags)}},
	{.help = "Add what a rule acts on; shows how many it matches now.",
	 .request = CHANGE_RULE,
	 .cli = {"rule add-target", API_COMMAND_CALL, FLAGS(add_target_flags)}},
	{.help = "Add what a rule waits for; any of its triggers makes it fire.",
	 .request = CHANGE_RULE,
	 .cli = {"rule add-trigger", API_COMMAND_CALL, FLAGS(add_trigger_flags)}},
	{.help = "Take a target from a rule.",
	 .request = CHANGE_RULE,
	 .cli = {"rule remove-target", API_COMMAND_CALL, FLAGS(remove_target_flags)}},
	{.help = "Take a trigger from a rule.",
	 .request = CHANGE_RULE,
	 .cli = {"rule remove-trigger", API_COMMAND_CALL, FLAGS(remove_trigger_flags)}},
	{.help = "Run a rule on the simulator, with the fleet's own presence: when it fires, how "
		 "soon devices have the keys, who is left behind, what cannot be read.",
	 .request = &pb__get_rule_request__descriptor,
	 .cli = {"rule simulate", API_COMMAND_SIMULATE, FLAGS(simulate_flags)}},
	{.help = "Keep a rule from firing; missed times are not made up for.",
	 .request = CHANGE_RULE,
	 .cli = {"rule pause", API_COMMAND_PAUSE, FLAGS(rule_flags)}},
	{.help = "Let a paused rule go on, with its next due time.",
	 .request = CHANGE_RULE,
	 .cli = {"rule resume", API_COMMAND_RESUME, FLAGS(rule_flags)}},
	{.help = "Create the clients of a file. Columns: name, key (64 hexadecimal digits) or "
		 "key_file, type, tags and topics (lists, in CSV with semicolons between).",
	 .request = &pb__batch_request__descriptor,
	 .cli = {"import clients", API_COMMAND_IMPORT, FLAGS(import_clients_flags)}},
	{.help = "Create the topics of a file. Column: name.",
	 .request = &pb__batch_request__descriptor,
	 .cli = {"import topics", API_COMMAND_IMPORT, FLAGS(import_topics_flags)}},
	{.help = "Do the operations of a file. CSV columns: operation (attach, detach, "
		 "create-topic, rotate-topic, remove-topic, remove-client, new-client-key), "
		 "client, "
		 "topic; a JSON line is a BatchOperation of the API.",
	 .request = &pb__batch_request__descriptor,
	 .cli = {"import operations", API_COMMAND_IMPORT, FLAGS(import_operations_flags)}},
	{.help = "Print clients with type, tags and topics as rows that import reads; keys are "
		 "never given out.",
	 .request = &pb__search_clients_request__descriptor,
	 .cli = {"export clients", API_COMMAND_EXPORT, FLAGS(export_clients_flags)}},
	{.help = "Print topics as rows that import reads.",
	 .request = &pb__search_topics_request__descriptor,
	 .cli = {"export topics", API_COMMAND_EXPORT, FLAGS(export_topics_flags)}},
	{.help = "Print a completion script: . <(c2cli completion), or for zsh: "
		 "c2cli completion --zsh > _c2cli in a folder of fpath.",
	 .cli = {CLI_COMPLETION, API_COMMAND_CALL, completion_flags, 2}},
	{.help = "Help for a command, as --help.", .cli = {CLI_HELP, API_COMMAND_CALL, NULL, 0}},
	{.help = "", .cli = {CLI_COMPLETE, API_COMMAND_CALL, NULL, 0}},
};
