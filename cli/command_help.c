#include <string.h>

#include "cli/command.h"

static bool begins(const char *words, const char *prefix)
{
	size_t len = strlen(prefix);

	return len == 0 ||
	       (strncmp(words, prefix, len) == 0 && (words[len] == 0 || words[len] == ' '));
}

static bool is_shown(const struct api_method *row, const char *prefix)
{
	return row->cli.words && row->cli.words[0] != '_' && begins(row->cli.words, prefix);
}

/* "count --clients --topic TEXT": what must be given. */
static void put_usage(FILE *f, const struct api_method *row)
{
	struct flag flags[FLAGS_MAX];
	size_t n = command_flags(row, flags);
	bool in_group = false;

	fprintf(f, "  %s %s", command_name(), row->cli.words);
	for (size_t i = 0; i < n; i++) {
		const struct flag *fl = &flags[i];
		bool group = fl->api && fl->api->one_of && fl->role == FLAG_PLAIN;
		bool must = fl->api && fl->api->required && fl->role == FLAG_PLAIN;

		if (fl->role == FLAG_FROM_FILE || (in_group && !group && fl->role == FLAG_COMPAT))
			continue;
		if (in_group && !group)
			fputc(')', f);
		fprintf(f, "%s%s--%s%s%s%s",
			in_group && group ? " | "
			: group           ? " ("
					  : " ",
			must || group ? "" : "[", fl->name, fl->arg ? " " : "",
			fl->arg ? fl->arg : "", must || group ? "" : "]");
		in_group = group;
	}
	fprintf(f, "%s\n", in_group ? ")" : "");
}

static bool same_words(size_t i, size_t j)
{
	return j < command_count() && command_row(j)->cli.words &&
	       strcmp(command_row(i)->cli.words, command_row(j)->cli.words) == 0;
}

/* The words, and where these alone do not tell the command, what must be given. */
static void name_of(size_t i, char *out, size_t cap)
{
	const struct api_command *c = &command_row(i)->cli;
	int n = snprintf(out, cap, "  %s", c->words);

	if (!same_words(i, i + 1) && (i == 0 || !same_words(i, i - 1)))
		return;
	for (size_t k = 0; k < c->n_flags && n > 0 && (size_t)n < cap; k++)
		if (c->flags[k].required)
			n += snprintf(out + n, cap - (size_t)n, " --%s", c->flags[k].name);
}

static void put_commands(FILE *f, const char *prefix)
{
	for (size_t i = 0; i < command_count(); i++) {
		const struct api_method *row = command_row(i);
		char left[80];

		if (!is_shown(row, prefix))
			continue;
		name_of(i, left, sizeof left);
		opts_help_line(f, left, row->help);
	}
}

static void put_command(FILE *f, const char *words)
{
	struct flag flags[FLAGS_MAX];
	size_t n = command_flags_of(words, flags);

	for (size_t i = 0; i < command_count(); i++) {
		if (!is_shown(command_row(i), words))
			continue;
		put_usage(f, command_row(i));
		fprintf(f, "%*s", 6, "");
		opts_wrap(f, 6, command_row(i)->help);
	}
	if (n > 0)
		fprintf(f, "\nOptions:\n");
	for (size_t i = 0; i < n; i++) {
		char left[80];

		snprintf(left, sizeof left, "  --%.47s%s%.16s", flags[i].name,
			 flags[i].arg ? " " : "", flags[i].arg ? flags[i].arg : "");
		opts_help_line(f, left, flags[i].help);
	}
}

static const char c2cli_head[] =
	"Usage: c2cli [OPTION]... COMMAND [OPTION]...\n\n"
	"Manages the clients, topics, keys and rules of a key server. Without a command it\n"
	"reads commands: from a terminal with history and completion, else from the\n"
	"lines of standard input, until one fails.\n\nCommands:\n";
static const char c2cli_examples[] = "  e4keygen -type symmetric -out dev1.key\n"
				     "  c2cli client create --name dev1 --key dev1.key\n"
				     "  c2cli topic create --name sensors/temp\n"
				     "  c2cli attach --client dev1 --topic sensors/temp\n"
				     "  c2cli status --topic sensors/temp --wait\n";
static const char rules_head[] =
	"Usage: c2ae-cli [OPTION]... COMMAND [OPTION]...\n\n"
	"Manages the rules by which a key server rotates keys: the commands of c2cli rule.\n\n"
	"Commands:\n";
static const char rules_examples[] =
	"  c2ae-cli create --description 'sensors, each Sunday' --action KEY_ROTATION\n"
	"  c2ae-cli add-target --rule 1 --type TOPIC --expr sensors/temp\n"
	"  c2ae-cli add-trigger --rule 1 --type TIME_INTERVAL --setting 'expr=0 3 * * SUN'\n"
	"  c2ae-cli show --rule 1\n";

static void put_overview(FILE *f)
{
	bool rules = strcmp(command_name(), "c2cli") != 0;

	fputs(rules ? rules_head : c2cli_head, f);
	put_commands(f, "");
	fprintf(f, "\nOptions of all commands:\n");
	opts_help(&c2cli_opts, f);
	fprintf(f,
		"\nExamples:\n%s\n"
		"Exit codes: 0 done, 2 bad command or argument, 3 not found, 4 exists or not in\n"
		"this state, 5 not allowed, 7 out of time, 69 server away.\n"
		"Help for one command: %s COMMAND --help\n",
		rules ? rules_examples : c2cli_examples, command_name());
}

bool command_help(FILE *f, const char *words)
{
	size_t exact = 0, below = 0;

	if (!words[0]) {
		put_overview(f);
		return true;
	}
	for (size_t i = 0; i < command_count(); i++) {
		if (!is_shown(command_row(i), words))
			continue;
		exact += strcmp(command_row(i)->cli.words, words) == 0;
		below++;
	}
	if (below == 0)
		return false;
	if (exact > 0) {
		fprintf(f, "Usage:\n");
		put_command(f, words);
	} else {
		fprintf(f, "Usage: %s %s COMMAND [OPTION]...\n\nCommands:\n", command_name(),
			words);
		put_commands(f, words);
	}
	fprintf(f, "\nOptions of all commands:\n");
	opts_help(&c2cli_opts, f);
	return true;
}
