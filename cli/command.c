#include "cli/command.h"

#include <stdbool.h>
#include <string.h>

#include "cli/command_inner.h"

static const struct opt option_rows[] = {
	{"endpoint", "e", OPT_TEXT, "HOST:PORT", offsetof(struct c2cli_args, endpoint), 0, 0, NULL,
	 "gRPC address of the key server (default " C2CLI_ENDPOINT ")."},
	{"cert", "c", OPT_FILE, "FILE", offsetof(struct c2cli_args, cert), 0, 0, NULL,
	 "CA certificate of the server, PEM: connect with TLS. https://HOST:PORT as endpoint uses "
	 "the system's CAs."},
	{"token-file", NULL, OPT_FILE, "FILE", offsetof(struct c2cli_args, token_file), 0, 0, NULL,
	 "File whose first line is the API token, or - for standard input."},
	{"output", "o", OPT_CHOICE, "FORM", offsetof(struct c2cli_args, output), 0, 0, "table|json",
	 "table for people (default), json for scripts."},
	{"timeout", NULL, OPT_INT, "SECONDS", offsetof(struct c2cli_args, timeout_s), 1, 86400,
	 NULL,
	 "Longest time for an answer (default 10); with --wait, for the whole wait (default: no "
	 "limit)."},
	{"help", "h", OPT_SWITCH, NULL, offsetof(struct c2cli_args, help), 0, 0, NULL,
	 "Help for the command or the group of commands."},
	{"version", NULL, OPT_SWITCH, NULL, offsetof(struct c2cli_args, version), 0, 0, NULL,
	 "Print the version."},
};

const struct opts c2cli_opts = {"--", option_rows, sizeof option_rows / sizeof option_rows[0]};

enum { N_ROWS = API_N_METHODS + COMMAND_N_OWN };

/* The program by its other name: the commands of rules, without their first word. */
static struct api_method rules_rows[N_ROWS];
static bool for_rules;

void command_program(const char *path)
{
	const char *name = strrchr(path, '/');

	if (strcmp(name ? name + 1 : path, "c2ae-cli") != 0)
		return;
	for (size_t i = 0; i < command_count(); i++) {
		struct api_method *row = &rules_rows[i];
		const char *words;

		*row = i < API_N_METHODS ? api_methods[i] : command_own[i - API_N_METHODS];
		words = row->cli.words;
		if (words && strncmp(words, "rule ", 5) == 0)
			row->cli.words = words + 5;
		else if (row->request)
			row->cli.words = NULL;
	}
	for_rules = true;
}

const char *command_name(void)
{
	return for_rules ? "c2ae-cli" : "c2cli";
}

size_t command_count(void)
{
	return N_ROWS;
}

static const struct api_method *row_at(size_t i)
{
	if (for_rules)
		return &rules_rows[i];
	return i < API_N_METHODS ? &api_methods[i] : &command_own[i - API_N_METHODS];
}

/* The first row whose words begin with the first len bytes of words. */
static size_t first_like(const char *words, size_t len)
{
	size_t i = 0;

	while (!row_at(i)->cli.words || strncmp(row_at(i)->cli.words, words, len) != 0 ||
	       (row_at(i)->cli.words[len] != ' ' && row_at(i)->cli.words[len] != 0))
		i++;
	return i;
}

/* What belongs together stands together: by first word, then by all words, as they first came. */
static bool comes_before(size_t a, size_t b)
{
	const char *wa = row_at(a)->cli.words, *wb = row_at(b)->cli.words;
	size_t ga, gb, fa, fb;

	if (!wa || !wb)
		return wa && !wb;
	ga = first_like(wa, strcspn(wa, " "));
	gb = first_like(wb, strcspn(wb, " "));
	fa = first_like(wa, strlen(wa));
	fb = first_like(wb, strlen(wb));
	return ga != gb ? ga < gb : fa != fb ? fa < fb : a < b;
}

const struct api_method *command_row(size_t i)
{
	static unsigned char order[N_ROWS];
	static bool sorted;

	for (size_t n = 0; !sorted && n < command_count(); n++) {
		size_t at = n;

		for (; at > 0 && comes_before(n, order[at - 1]); at--)
			order[at] = order[at - 1];
		order[at] = (unsigned char)n;
	}
	sorted = true;
	return row_at(order[i]);
}

static const char *arg_of(enum api_flag_kind kind)
{
	switch (kind) {
	case API_FLAG_BOOL:
	case API_FLAG_SELECT:
		return NULL;
	case API_FLAG_INT64:
		return "N";
	case API_FLAG_BASE64:
		return "BASE64";
	case API_FLAG_KEY_FILE:
	case API_FLAG_PASSWORD_FILE:
	case API_FLAG_FILE:
		return "FILE|-";
	case API_FLAG_LIST:
		return "A,B,...";
	case API_FLAG_SETTING:
		return "KEY=VALUE";
	case API_FLAG_CHOICE:
		return "WORD";
	case API_FLAG_STRING:
		break;
	}
	return "NAME";
}

static void add_flag(struct flag *flags, size_t *n, const struct api_flag *api, enum flag_role role,
		     const char *name, const char *arg, const char *help)
{
	static const char *const suffix[] = {"", "-file", "-compat", "", ""};
	struct flag *f = &flags[*n];

	if (*n == FLAGS_MAX)
		return;
	*f = (struct flag){.role = role, .api = api, .arg = arg, .help = help};
	snprintf(f->name, sizeof f->name, "%s%s", name, suffix[role]);
	f->file = arg && strncmp(arg, "FILE", 4) == 0;
	(*n)++;
}

size_t command_flags(const struct api_method *row, struct flag flags[FLAGS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < row->cli.n_flags; i++) {
		const struct api_flag *a = &row->cli.flags[i];

		add_flag(flags, &n, a, FLAG_PLAIN, a->name, arg_of(a->kind), a->help);
		if (a->kind == API_FLAG_BASE64)
			add_flag(flags, &n, a, FLAG_FROM_FILE, a->name, "FILE|-",
				 "The same from a file or standard input, as raw bytes.");
		if (a->kind == API_FLAG_PASSWORD_FILE)
			add_flag(flags, &n, a, FLAG_COMPAT, a->name, NULL,
				 "Derive as older tools do (Argon2i without salt): equal passwords "
				 "then give equal keys, and one guess tries all clients. Only for "
				 "fleets that have such keys.");
	}
	if (row->cli.kind == API_COMMAND_PROGRESS)
		add_flag(flags, &n, NULL, FLAG_WAIT, "wait", NULL,
			 "Wait until all is confirmed; --timeout limits it, and then the exit "
			 "code is 7.");
	if (row->response && command_bytes_field(row->response))
		add_flag(flags, &n, NULL, FLAG_OUT, "out", "FILE|-",
			 "Write the bytes of the answer to a new file, or raw to standard output.");
	return n;
}

static const struct flag *flag_named(const struct flag *flags, size_t n, const char *name,
				     size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(flags[i].name) == len && memcmp(flags[i].name, name, len) == 0)
			return &flags[i];
	return NULL;
}

size_t command_flags_of(const char *words, struct flag flags[FLAGS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < command_count(); i++) {
		struct flag more[FLAGS_MAX];
		size_t n_more;

		if (!command_row(i)->cli.words || strcmp(command_row(i)->cli.words, words) != 0)
			continue;
		n_more = command_flags(command_row(i), more);
		for (size_t j = 0; j < n_more && n < FLAGS_MAX; j++)
			if (!flag_named(flags, n, more[j].name, strlen(more[j].name)))
				flags[n++] = more[j];
	}
	return n;
}

const struct command_value *command_get(const struct command *cmd, const char *name)
{
	for (size_t i = 0; i < cmd->n_values; i++)
		if (strcmp(cmd->values[i].flag.name, name) == 0)
			return &cmd->values[i];
	return NULL;
}

bool command_is_on(const struct command *cmd, const char *name)
{
	const struct command_value *v = command_get(cmd, name);

	return v && (!v->text || strcmp(v->text, "true") == 0);
}

const struct command_value *command_with(const struct command *cmd, enum flag_role role)
{
	for (size_t i = 0; i < cmd->n_values; i++)
		if (cmd->values[i].flag.role == role)
			return &cmd->values[i];
	return NULL;
}

const ProtobufCFieldDescriptor *command_bytes_field(const ProtobufCMessageDescriptor *desc)
{
	for (unsigned i = 0; i < desc->n_fields; i++)
		if (desc->fields[i].type == PROTOBUF_C_TYPE_BYTES &&
		    desc->fields[i].label != PROTOBUF_C_LABEL_REPEATED)
			return &desc->fields[i];
	return NULL;
}

/* Commands whose words are these, or begin with these and a blank. */
static void count_words(const char *words, size_t *exact, size_t *below)
{
	size_t len = strlen(words);

	*exact = *below = 0;
	for (size_t i = 0; i < command_count(); i++) {
		const char *w = command_row(i)->cli.words;

		if (!w || strncmp(w, words, len) != 0)
			continue;
		*exact += w[len] == 0;
		*below += w[len] == ' ';
	}
}

/* The file of a command that has one may stand there without its option. */
static bool take_file(struct command *cmd, const char *word)
{
	struct flag flags[FLAGS_MAX];
	size_t n = command_flags_of(cmd->words, flags);

	if (n == 0 || !flags[0].api || flags[0].api->kind != API_FLAG_FILE ||
	    command_get(cmd, flags[0].name))
		return false;
	cmd->values[cmd->n_values++] = (struct command_value){flags[0], word};
	return true;
}

static bool take_word(struct command *cmd, const char *word, struct err *err)
{
	char longer[sizeof cmd->words];
	size_t exact, below;
	int n;

	count_words(cmd->words, &exact, &below);
	if (exact > 0 && cmd->words[0] && take_file(cmd, word))
		return true;
	if (exact > 0 && cmd->words[0])
		return err_set(err, ERR_INVALID, "unexpected word \"%.40s\"; see: %s %s --help",
			       word, command_name(), cmd->words);
	n = snprintf(longer, sizeof longer, "%s%s%s", cmd->words, cmd->words[0] ? " " : "", word);
	if (n > 0 && (size_t)n < sizeof longer)
		count_words(longer, &exact, &below);
	else
		exact = below = 0;
	if (exact + below == 0)
		return err_set(err, ERR_INVALID, "no command \"%s%s%.40s\"; see: %s %s%s--help",
			       cmd->words, cmd->words[0] ? " " : "", word, command_name(),
			       cmd->words, cmd->words[0] ? " " : "");
	memcpy(cmd->words, longer, sizeof longer);
	return true;
}

static bool take_flag(struct command *cmd, size_t n_words, char *const *words, size_t *i,
		      struct err *err)
{
	struct flag flags[FLAGS_MAX];
	const char *value, *name;
	size_t len, n = command_flags_of(cmd->words, flags);
	const struct flag *f;

	name = opts_split(words[*i], &len, &value);
	f = flag_named(flags, n, name, len);
	if (!f)
		return err_set(err, ERR_INVALID, "unknown option %.60s; see: %s %s%s--help",
			       words[*i], command_name(), cmd->words, cmd->words[0] ? " " : "");
	if (command_get(cmd, f->name) && (!f->api || f->api->kind != API_FLAG_SETTING))
		return err_set(err, ERR_INVALID, "--%s was given twice", f->name);
	if (cmd->n_values == FLAGS_MAX)
		return err_set(err, ERR_INVALID, "more than %d options", FLAGS_MAX);
	if (f->arg && !value) {
		if (*i + 1 >= n_words)
			return err_set(err, ERR_INVALID, "--%s needs a value: %s", f->name, f->arg);
		value = words[++*i];
	}
	if (!f->arg && value && strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
		return err_set(err, ERR_INVALID, "--%s is true or false", f->name);
	cmd->values[cmd->n_values++] = (struct command_value){*f, value};
	return true;
}

/* Whether the row has this API flag: of the rows with equal words each has its own copy. */
static bool row_knows(const struct api_method *row, const struct flag *f)
{
	if (!f->api)
		return true;
	for (size_t i = 0; i < row->cli.n_flags; i++)
		if (strcmp(row->cli.flags[i].name, f->api->name) == 0)
			return true;
	return false;
}

static bool is_given(const struct command *cmd, const struct api_flag *a)
{
	for (size_t i = 0; i < cmd->n_values; i++) {
		const struct flag *f = &cmd->values[i].flag;

		if (f->api && f->role != FLAG_COMPAT && strcmp(f->api->name, a->name) == 0)
			return true;
	}
	return false;
}

static bool knows_all(const struct command *cmd, const struct api_method *row)
{
	for (size_t i = 0; i < cmd->n_values; i++)
		if (!row_knows(row, &cmd->values[i].flag))
			return false;
	return true;
}

static const struct api_flag *first_missing(const struct command *cmd, const struct api_method *row)
{
	for (size_t i = 0; i < row->cli.n_flags; i++)
		if (row->cli.flags[i].required && !is_given(cmd, &row->cli.flags[i]))
			return &row->cli.flags[i];
	return NULL;
}

/* Of the rows with these words, the one that the flags choose. */
static bool choose_row(struct command *cmd, struct err *err)
{
	const struct api_method *partial = NULL;
	size_t n_partial = 0;

	for (size_t i = 0; i < command_count(); i++) {
		const struct api_method *row = command_row(i);

		if (!row->cli.words || strcmp(row->cli.words, cmd->words) != 0 ||
		    !knows_all(cmd, row))
			continue;
		if (!first_missing(cmd, row)) {
			cmd->row = row;
			return true;
		}
		partial = row;
		n_partial++;
	}
	if (n_partial == 1)
		return err_set(err, ERR_INVALID, "--%s is missing; see: %s %s --help",
			       first_missing(cmd, partial)->name, command_name(), cmd->words);
	return err_set(err, ERR_INVALID,
		       n_partial > 1 ? "an option is missing that says which; see: %s %s --help"
				     : "these options do not go together; see: %s %s --help",
		       command_name(), cmd->words);
}

static bool check_one_of(const struct command *cmd, struct err *err)
{
	const struct api_command *c = &cmd->row->cli;

	for (size_t i = 0; i < c->n_flags; i++) {
		char names[128] = "";
		size_t given = 0, len = 0;

		if (!c->flags[i].one_of)
			continue;
		for (size_t j = 0; j < c->n_flags; j++) {
			const struct api_flag *f = &c->flags[j];

			if (!f->one_of || strcmp(f->one_of, c->flags[i].one_of) != 0)
				continue;
			given += is_given(cmd, f);
			len += (size_t)snprintf(names + len, sizeof names - len, "%s--%s",
						len ? " and " : "", f->name);
			if (len >= sizeof names)
				len = sizeof names - 1;
		}
		if (given != 1)
			return err_set(err, ERR_INVALID, "give exactly one of %s", names);
	}
	return true;
}

/* A flag's bytes come from one place, and a variant needs what it varies. */
static bool check_variants(const struct command *cmd, struct err *err)
{
	for (size_t i = 0; i < cmd->n_values; i++) {
		const struct flag *f = &cmd->values[i].flag;

		if (f->role == FLAG_FROM_FILE && command_get(cmd, f->api->name))
			return err_set(err, ERR_INVALID, "give --%s or --%s, not both",
				       f->api->name, f->name);
		if (f->role == FLAG_COMPAT && !command_get(cmd, f->api->name))
			return err_set(err, ERR_INVALID, "--%s goes with --%s", f->name,
				       f->api->name);
	}
	return true;
}

static bool takes_rest(const char *words)
{
	return strcmp(words, CLI_HELP) == 0 || strcmp(words, CLI_COMPLETE) == 0;
}

static bool finish(struct command *cmd, const struct c2cli_args *args, struct err *err)
{
	size_t exact, below;

	count_words(cmd->words, &exact, &below);
	if (!cmd->words[0] || args->help)
		return true;
	if (exact == 0)
		return err_set(err, ERR_INVALID, "what about %s? see: %s %s --help", cmd->words,
			       command_name(), cmd->words);
	return choose_row(cmd, err) && check_one_of(cmd, err) && check_variants(cmd, err);
}

bool command_parse(struct command *cmd, struct c2cli_args *args, size_t n_words, char *const *words,
		   struct err *err)
{
	*cmd = (struct command){.row = NULL};
	for (size_t i = 0; i < n_words; i++) {
		bool known = false;
		int at = (int)i;

		if (takes_rest(cmd->words)) {
			cmd->rest = (const char *const *)words + i;
			cmd->n_rest = n_words - i;
			break;
		}
		if (!opts_is_option(words[i])) {
			if (!take_word(cmd, words[i], err))
				return false;
			continue;
		}
		if (!opts_take(&c2cli_opts, args, (int)n_words, words, &at, &known, err))
			return false;
		i = (size_t)at;
		if (!known && !take_flag(cmd, n_words, words, &i, err))
			return false;
	}
	return finish(cmd, args, err);
}
