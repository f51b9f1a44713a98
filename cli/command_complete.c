#include <string.h>

#include "cli/command.h"

struct completion {
	char words[64];     /* of the command, as far as typed */
	const char *prefix; /* the word that is being typed */
	void (*found)(void *ctx, const char *candidate);
	void *ctx;
};

static void offer(const struct completion *c, const char *candidate)
{
	if (strncmp(candidate, c->prefix, strlen(c->prefix)) == 0)
		c->found(c->ctx, candidate);
}

static void offer_option(const struct completion *c, const char *name)
{
	char word[64];

	snprintf(word, sizeof word, "--%.60s", name);
	offer(c, word);
}

/* The next word of every command that begins with those typed; each once. */
static void offer_words(const struct completion *c)
{
	size_t len = strlen(c->words);
	char last[64] = "";

	for (size_t i = 0; i < command_count(); i++) {
		const char *w = command_row(i)->cli.words;
		char next[64];

		if (!w || w[0] == '_' || strncmp(w, c->words, len) != 0 || (len && w[len] != ' '))
			continue;
		w += len + (len > 0);
		snprintf(next, sizeof next, "%.*s", (int)strcspn(w, " "), w);
		/* Rows of a group mostly stand together; scripts drop what repeats. */
		if (strcmp(next, last) != 0)
			offer(c, next);
		memcpy(last, next, sizeof last);
	}
}

/* What an option of ours or of the command takes; null: nothing, or there is no such option. */
static const char *value_of(const struct completion *c, const char *word, const struct opt **global,
			    const struct api_flag **flag)
{
	struct flag flags[FLAGS_MAX];
	size_t n = command_flags_of(c->words, flags), len;
	const char *value, *name = opts_split(word, &len, &value);

	*global = NULL;
	*flag = NULL;
	for (size_t i = 0; i < c2cli_opts.n; i++) {
		const struct opt *o = &c2cli_opts.rows[i];

		if ((strlen(o->name) == len && memcmp(o->name, name, len) == 0) ||
		    (o->letter && len == 1 && o->letter[0] == name[0])) {
			*global = o;
			return value ? NULL : o->arg;
		}
	}
	for (size_t i = 0; i < n; i++)
		if (strlen(flags[i].name) == len && memcmp(flags[i].name, name, len) == 0) {
			*flag = flags[i].api;
			return value ? NULL : flags[i].arg;
		}
	return NULL;
}

static void offer_choices(const struct completion *c, const char *choices)
{
	while (*choices) {
		size_t len = strcspn(choices, "|");
		char one[32];

		snprintf(one, sizeof one, "%.*s", (int)len, choices);
		offer(c, one);
		choices += len + (choices[len] == '|');
	}
}

/* What a flag of the command can be, where that is the value of an enum. */
static void offer_enum(const struct completion *c, const struct api_flag *flag)
{
	const struct api_method *row = NULL;
	const ProtobufCFieldDescriptor *f;
	char word[COMMAND_WORD_CAP];

	for (size_t i = 0; i < command_count() && !row; i++) {
		const struct api_command *cli = &command_row(i)->cli;

		for (size_t k = 0; cli->words && k < cli->n_flags; k++)
			if (&cli->flags[k] == flag)
				row = command_row(i);
	}
	f = row && flag->field ? command_field(row->request, flag->field) : NULL;
	if (!f || f->type != PROTOBUF_C_TYPE_ENUM)
		return;
	for (unsigned i = 0; i < ((const ProtobufCEnumDescriptor *)f->descriptor)->n_values; i++)
		if (command_word_of(word, f->descriptor, i))
			offer(c, word);
}

static void offer_value(const struct completion *c, const char *arg, const struct opt *global,
			const struct api_flag *flag)
{
	if (global && global->choices)
		offer_choices(c, global->choices);
	else if (strncmp(arg, "FILE", 4) == 0)
		c->found(c->ctx, ":file");
	else if (flag)
		offer_enum(c, flag);
}

static void offer_options(const struct completion *c)
{
	struct flag flags[FLAGS_MAX];
	size_t n = command_flags_of(c->words, flags);

	for (size_t i = 0; i < n; i++)
		offer_option(c, flags[i].name);
	/* Those of all commands only when asked for by a dash, or there is nothing else. */
	if (c->prefix[0] == '-')
		for (size_t i = 0; i < c2cli_opts.n; i++)
			offer_option(c, c2cli_opts.rows[i].name);
}

/* import clients FILE */
static bool takes_file(const struct completion *c)
{
	struct flag flags[FLAGS_MAX];

	return command_flags_of(c->words, flags) > 0 && flags[0].api &&
	       flags[0].api->kind == API_FLAG_FILE;
}

static void add_word(struct completion *c, const char *word)
{
	size_t len = strlen(c->words);

	/* Words of help are not its own: complete as if it were not there. */
	if (strcmp(word, CLI_HELP) != 0)
		snprintf(c->words + len, sizeof c->words - len, "%s%s", len ? " " : "", word);
}

void command_complete(size_t n_words, const char *const *words,
		      void (*found)(void *ctx, const char *candidate), void *ctx)
{
	struct completion c = {.prefix = "", .found = found, .ctx = ctx};
	const struct opt *global = NULL;
	const struct api_flag *flag = NULL;
	const char *arg = NULL; /* of the option before the word, if it takes one */

	for (size_t i = 0; i + 1 < n_words; i++) {
		if (arg) {
			arg = NULL;
			continue;
		}
		if (opts_is_option(words[i]))
			arg = value_of(&c, words[i], &global, &flag);
		else
			add_word(&c, words[i]);
	}
	if (n_words > 0)
		c.prefix = words[n_words - 1];
	if (arg) {
		offer_value(&c, arg, global, flag);
		return;
	}
	if (c.prefix[0] != '-' && takes_file(&c)) {
		c.found(c.ctx, ":file");
		return;
	}
	if (c.prefix[0] != '-')
		offer_words(&c);
	offer_options(&c);
}

/* bash splits at : and = as well; 127.0.0.1:5555 is one word to us. */
static void put_bash(FILE *f, const char *fn, const char *name)
{
	fprintf(f,
		"%s() {\n"
		"  local IFS=$'\\n' found word words=() i\n"
		"  for ((i = 1; i <= COMP_CWORD; i++)); do\n"
		"    word=${COMP_WORDS[i]}\n"
		"    if [[ ${#words[@]} -gt 0 && ($word == [:=]* || ${words[-1]} == *[:=]) ]]; "
		"then\n"
		"      words[-1]+=$word\n"
		"    else\n"
		"      words+=(\"$word\")\n"
		"    fi\n"
		"  done\n"
		"  found=$(%s " CLI_COMPLETE " \"${words[@]}\" 2>/dev/null)\n"
		"  if [ \"$found\" = :file ]; then\n"
		"    COMPREPLY=($(compgen -f -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
		"    compopt -o filenames\n"
		"  else\n"
		"    COMPREPLY=($found)\n"
		"  fi\n"
		"}\n"
		"complete -F %s %s\n",
		fn, name, fn, name);
}

static void put_zsh(FILE *f, const char *fn, const char *name)
{
	fprintf(f,
		"#compdef %s\n"
		"%s() {\n"
		"  local -a found\n"
		"  found=(${(f)\"$(%s " CLI_COMPLETE
		" \"${(@)words[2,CURRENT]}\" 2>/dev/null)\"})\n"
		"  if [[ ${found[(r):file]} == :file ]]; then _files; else compadd -a found; fi\n"
		"}\n"
		"if [ \"$funcstack[1]\" = _%s ]; then %s \"$@\"; else compdef %s %s; fi\n",
		name, fn, name, name, fn, fn, name);
}

void command_script(FILE *f, bool zsh)
{
	bool rules = strcmp(command_name(), "c2cli") != 0;

	(zsh ? put_zsh : put_bash)(f, rules ? "_c2ae_cli" : "_c2cli", command_name());
}
