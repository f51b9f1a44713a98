/*
 * Makes the man pages and completion scripts from the tables of the programs:
 *   docgen man PROGRAM TEMPLATE     the page, with lines @OPTIONS@ and @COMMANDS@ filled in
 *   docgen bash|zsh PROGRAM         the completion script
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client_opts.h"
#include "cli/command.h"
#include "cli/keygen_opts.h"
#include "cli/sim_opts.h"

#ifndef E4_VERSION
#define E4_VERSION "unknown"
#endif

/* --- man pages ------------------------------------------------------------------ */

static void put_roff(const char *text)
{
	if (*text == '.' || *text == '\'')
		printf("\\&");
	for (; *text; text++) {
		if (*text == '\\')
			printf("\\e");
		else if (*text == '-')
			printf("\\-");
		else
			putchar(*text);
	}
}

static void put_entry(const char *left, const char *arg, const char *help)
{
	printf(".TP\n.BI \"");
	put_roff(left);
	printf(" \" \"");
	put_roff(arg ? arg : "");
	printf("\"\n");
	put_roff(help);
	printf("\n");
}

static void put_options(const struct opts *opts)
{
	for (size_t i = 0; i < opts->n; i++) {
		const struct opt *o = &opts->rows[i];
		char left[96], arg[64];

		snprintf(left, sizeof left, "%s%s%s%s", opts->dash, o->name, o->letter ? ", -" : "",
			 o->letter ? o->letter : "");
		snprintf(arg, sizeof arg, o->kind == OPT_MAY_FILE ? "[%s]" : "%s",
			 o->arg ? o->arg : "");
		put_entry(left, o->arg ? arg : NULL, o->help);
	}
}

static void put_client_commands(void)
{
	for (size_t i = 0; i < n_client_commands; i++)
		put_entry(client_commands[i].word, client_commands[i].args,
			  client_commands[i].help);
}

static void put_row(const struct api_method *row)
{
	struct flag flags[FLAGS_MAX];
	size_t n = command_flags(row, flags);

	printf(".SS ");
	put_roff(row->cli.words);
	printf("\n");
	put_roff(row->help);
	printf("\n");
	for (size_t i = 0; i < n; i++) {
		char left[64];

		snprintf(left, sizeof left, "--%.60s", flags[i].name);
		put_entry(left, flags[i].arg, flags[i].help);
	}
}

static void put_c2cli_commands(void)
{
	for (size_t i = 0; i < command_count(); i++)
		if (command_row(i)->cli.words && command_row(i)->cli.words[0] != '_')
			put_row(command_row(i));
}

/* --- completion scripts ----------------------------------------------------------- */

static void put_words(const char *choices)
{
	for (; *choices; choices++)
		putchar(*choices == '|' ? ' ' : *choices);
}

static void put_bash(const char *program, const struct opts *opts)
{
	printf("_%s() {\n  local word=${COMP_WORDS[COMP_CWORD]}\n"
	       "  case ${COMP_WORDS[COMP_CWORD-1]} in\n",
	       program);
	for (size_t i = 0; i < opts->n; i++) {
		const struct opt *o = &opts->rows[i];

		if (!o->arg)
			continue;
		printf("    -%s|--%s", o->name, o->name);
		if (o->letter)
			printf("|-%s", o->letter);
		if (o->choices) {
			printf(") COMPREPLY=($(compgen -W '");
			put_words(o->choices);
			printf("' -- \"$word\")); return ;;\n");
		} else if (o->kind == OPT_FILE || o->kind == OPT_MAY_FILE) {
			printf(") compopt -o filenames; COMPREPLY=($(compgen -f -- \"$word\")); "
			       "return ;;\n");
		} else {
			printf(") COMPREPLY=(); return ;;\n");
		}
	}
	printf("  esac\n  COMPREPLY=($(compgen -W '");
	for (size_t i = 0; i < opts->n; i++)
		printf("%s%s%s", i ? " " : "", opts->dash, opts->rows[i].name);
	printf("' -- \"$word\"))\n}\ncomplete -F _%s %s\n", program, program);
}

/* Within [...] of _arguments, in single quotes. */
static void put_zsh_help(const char *help)
{
	for (; *help; help++) {
		if (strchr("[]\\:", *help))
			putchar('\\');
		if (*help == '\'')
			printf("'\\'");
		putchar(*help);
	}
}

static void put_zsh(const char *program, const struct opts *opts)
{
	printf("#compdef %s\n_arguments", program);
	for (size_t i = 0; i < opts->n; i++) {
		const struct opt *o = &opts->rows[i];

		printf(" \\\n  '%s%s%s[", o->kind == OPT_REPEAT ? "*" : "", opts->dash, o->name);
		put_zsh_help(o->help);
		printf("]");
		if (o->arg)
			printf("%s:%s:", o->kind == OPT_MAY_FILE ? ":" : "",
			       o->kind == OPT_FILE || o->kind == OPT_MAY_FILE ? "file" : "value");
		if (o->choices) {
			printf("(");
			put_words(o->choices);
			printf(")");
		} else if (o->kind == OPT_FILE || o->kind == OPT_MAY_FILE) {
			printf("_files");
		}
		printf("'");
	}
	printf("\n");
}

/* ----------------------------------------------------------------------------------- */

static const struct program {
	const char *name;
	const struct opts *opts;
	void (*put_commands)(void);
} programs[] = {
	{"e4keygen", &keygen_opts, NULL},
	{"e4client", &client_opts, put_client_commands},
	{"c2cli", &c2cli_opts, put_c2cli_commands},
	{"c2ae-cli", &c2cli_opts, put_c2cli_commands},
	{"e4sim", &sim_opts, NULL},
};

/* c2cli completes by asking itself. */
static void put_script(const struct program *p, bool zsh)
{
	if (p->opts == &c2cli_opts)
		command_script(stdout, zsh);
	else
		(zsh ? put_zsh : put_bash)(p->name, p->opts);
}

static bool put_page(const struct program *p, const char *path)
{
	FILE *f = fopen(path, "r");
	char line[1024];

	if (!f) {
		fprintf(stderr, "docgen: %s cannot be opened\n", path);
		return false;
	}
	while (fgets(line, sizeof line, f)) {
		if (strcmp(line, "@OPTIONS@\n") == 0)
			put_options(p->opts);
		else if (strcmp(line, "@COMMANDS@\n") == 0 && p->put_commands)
			p->put_commands();
		else if (strcmp(line, "@TH@\n") == 0)
			printf(".TH %s 1 \"\" \"E4 " E4_VERSION "\" \"E4\"\n", p->name);
		else
			fputs(line, stdout);
	}
	fclose(f);
	return fflush(stdout) == 0;
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc >= 3 && i < sizeof programs / sizeof programs[0]; i++) {
		const struct program *p = &programs[i];

		if (strcmp(p->name, argv[2]) != 0)
			continue;
		command_program(p->name);
		if (strcmp(argv[1], "man") == 0 && argc == 4)
			return put_page(p, argv[3]) ? EXIT_SUCCESS : EXIT_FAILURE;
		if (strcmp(argv[1], "bash") == 0)
			return put_script(p, false), EXIT_SUCCESS;
		if (strcmp(argv[1], "zsh") == 0)
			return put_script(p, true), EXIT_SUCCESS;
	}
	fprintf(stderr, "usage: docgen man PROGRAM TEMPLATE | docgen bash|zsh PROGRAM\n");
	return EXIT_FAILURE;
}
