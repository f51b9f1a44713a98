/* c2cli: the operator's command line. */
#define _GNU_SOURCE
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/edit.h"
#include "cli/run.h"
#include "cli/term.h"

#ifndef E4_VERSION
#define E4_VERSION "unknown"
#endif

enum { WORDS_MAX = 64 };

static volatile sig_atomic_t stop;

static void on_interrupt(int signo)
{
	(void)signo;
	stop = 1;
}

static int fail(const struct err *err)
{
	fflush(stdout);
	fprintf(stderr, "%s: ", command_name());
	term_put(stderr, err->text, strlen(err->text));
	fputc('\n', stderr);
	return err_row(err->code)->exit;
}

static void print_candidate(void *ctx, const char *candidate)
{
	(void)ctx;
	printf("%s\n", candidate);
}

static bool run_help(const struct command *cmd, struct err *err)
{
	char words[64] = "";

	for (size_t i = 0; i < cmd->n_rest; i++)
		snprintf(words + strlen(words), sizeof words - strlen(words), "%s%s",
			 words[0] ? " " : "", cmd->rest[i]);
	return command_help(stdout, words) ||
	       err_set(err, ERR_INVALID, "no command \"%s\"; see: %s --help", words,
		       command_name());
}

/* Commands that need no server. */
static bool run_own(const struct command *cmd, struct err *err)
{
	const char *words = cmd->row->cli.words;

	if (strcmp(words, CLI_HELP) == 0)
		return run_help(cmd, err);
	if (strcmp(words, CLI_COMPLETE) == 0)
		command_complete(cmd->n_rest, cmd->rest, print_candidate, NULL);
	else
		command_script(stdout, command_get(cmd, "zsh") != NULL);
	return true;
}

static bool connect_to(const struct c2cli_args *args, struct rpc **rpc, struct err *err)
{
	const struct rpc_config config = {
		.endpoint = args->endpoint ? args->endpoint : C2CLI_ENDPOINT,
		.ca_file = args->cert,
		.token_file = args->token_file,
		.timeout_ms = 1000 * (args->timeout_s ? args->timeout_s : C2CLI_TIMEOUT_S),
		.stop = &stop,
	};

	return rpc_open(rpc, &config, err);
}

static bool run_words(struct session *s, const struct c2cli_args *outer, size_t n,
		      char *const *words, struct err *err)
{
	/* What stood before the first command holds for all; a line may say more. */
	struct c2cli_args args = {.output = NULL};
	struct command cmd;

	if (!command_parse(&cmd, &args, n, words, err))
		return false;
	if (args.endpoint || args.cert || args.token_file)
		return err_set(err, ERR_INVALID,
			       "the connection is made: say --endpoint, --cert "
			       "and --token-file when starting");
	if (args.help)
		return command_help(stdout, cmd.words);
	if (!cmd.row)
		return n == 0 || err_set(err, ERR_INVALID, "no command; see: help");
	if (!cmd.row->request)
		return run_own(&cmd, err);
	if (!args.output)
		args.output = outer->output;
	if (!args.timeout_s)
		args.timeout_s = outer->timeout_s;
	rpc_set_timeout(s->rpc, 1000 * (args.timeout_s ? args.timeout_s : C2CLI_TIMEOUT_S));
	s->timeout_s = args.timeout_s;
	s->json = args.output && strcmp(args.output, "json") == 0;
	return run_command(s, &cmd, err);
}

static bool is_exit(const char *word)
{
	return strcmp(word, "exit") == 0 || strcmp(word, "quit") == 0;
}

/* One line; *over when the user leaves. */
static bool run_line(struct session *s, const struct c2cli_args *outer, char *line, bool *over,
		     struct err *err)
{
	char *words[WORDS_MAX];
	size_t n;

	if (line[strspn(line, " \t")] == '#')
		return true;
	if (!term_split(line, words, WORDS_MAX, &n, err))
		return false;
	*over = n == 1 && is_exit(words[0]);
	return n == 0 || *over || run_words(s, outer, n, words, err);
}

static void complete_line(void *ctx, size_t n, const char *const *words,
			  void (*offer)(void *offer_ctx, const char *candidate), void *offer_ctx)
{
	(void)ctx;
	command_complete(n, words, offer, offer_ctx);
	if (n == 1)
		offer(offer_ctx, "exit");
}

static int run_interactive(struct session *s, const struct c2cli_args *args)
{
	const struct edit_config config = {command_name(), "c2> ", complete_line, NULL, NULL};
	char *line;
	bool over = false;
	struct err err;

	printf("Key server at %s. help lists the commands, Tab completes, exit leaves.\n",
	       args->endpoint ? args->endpoint : C2CLI_ENDPOINT);
	edit_open(&config);
	while (!over && (line = edit_line())) {
		stop = 0;
		if (!run_line(s, args, line, &over, &err))
			fail(&err);
		free(line);
	}
	return EXIT_SUCCESS;
}

static int run_lines(struct session *s, const struct c2cli_args *args)
{
	char *line = NULL;
	size_t cap = 0, number = 0;
	bool over = false;
	struct err err;
	int code = EXIT_SUCCESS;

	while (code == EXIT_SUCCESS && !over && !stop && getline(&line, &cap, stdin) >= 0) {
		number++;
		if (!run_line(s, args, line, &over, &err)) {
			err_wrap(&err, "line %zu", number);
			code = fail(&err);
		}
	}
	free(line);
	return code;
}

static int run_shell(const struct c2cli_args *args)
{
	struct session s = {.stdin_taken = true, .stop = &stop};
	struct err err;
	int code;

	if (!connect_to(args, &s.rpc, &err))
		return fail(&err);
	code = isatty(STDIN_FILENO) ? run_interactive(&s, args) : run_lines(&s, args);
	rpc_close(s.rpc);
	return code;
}

static int run_once(const struct c2cli_args *args, const struct command *cmd)
{
	struct session s = {.timeout_s = args->timeout_s, .stop = &stop};
	struct err err;
	bool ok;

	s.json = args->output && strcmp(args->output, "json") == 0;
	s.stdin_taken = args->token_file && strcmp(args->token_file, "-") == 0;
	if (!connect_to(args, &s.rpc, &err))
		return fail(&err);
	ok = run_command(&s, cmd, &err);
	rpc_close(s.rpc);
	return ok ? EXIT_SUCCESS : fail(&err);
}

int main(int argc, char **argv)
{
	struct sigaction interrupt = {.sa_handler = on_interrupt};
	struct c2cli_args args = {.output = NULL};
	struct command cmd;
	struct err err;

	command_program(argc > 0 ? argv[0] : "");
	file_harden_process();
	sigaction(SIGINT, &interrupt, NULL);
	if (sodium_init() < 0)
		return EXIT_FAILURE;
	if (!command_parse(&cmd, &args, argc > 0 ? (size_t)argc - 1 : 0, argv + 1, &err))
		return fail(&err);
	if (args.version)
		return printf("%s %s\n", command_name(), E4_VERSION) < 0;
	if (args.help)
		return command_help(stdout, cmd.words) ? EXIT_SUCCESS : EXIT_FAILURE;
	if (!cmd.row)
		return run_shell(&args);
	if (cmd.row->request)
		return run_once(&args, &cmd);
	return run_own(&cmd, &err) ? EXIT_SUCCESS : fail(&err);
}
