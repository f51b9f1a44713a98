#define _GNU_SOURCE
#include "cli/edit.h"

#include <editline/readline.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { WORDS_MAX = 32, CANDIDATES_MAX = 128 };

static struct {
	struct edit_config config;
	void (*on_line)(char *line);
	char *found[CANDIDATES_MAX];
	size_t n_found, next;
	const char *typed; /* the word being completed */
	bool files;
	bool active, in_line;
} ed;

static void offer(void *ctx, const char *candidate)
{
	(void)ctx;
	if (strcmp(candidate, ":file") == 0)
		ed.files = true;
	else if (ed.n_found < CANDIDATES_MAX && strncmp(candidate, ed.typed, strlen(ed.typed)) == 0)
		ed.found[ed.n_found++] = mem_text(candidate);
}

static char *next_match(const char *text, int state)
{
	(void)text, (void)state;
	/* The receiver frees each; what is left over from before was freed by collect(). */
	return ed.next < ed.n_found ? ed.found[ed.next++] : NULL;
}

/* The words before the cursor as they stand: quotes do not matter for choosing commands. */
static void collect(const char *text, int start)
{
	char *before = mem_text(rl_line_buffer);
	const char *words[WORDS_MAX];
	size_t n = 0;
	char *save = NULL;

	before[start] = 0;
	for (char *w = strtok_r(before, " \t", &save); w && n + 1 < WORDS_MAX;
	     w = strtok_r(NULL, " \t", &save))
		words[n++] = w;
	words[n++] = text;
	while (ed.next < ed.n_found)
		free(ed.found[ed.next++]);
	ed.n_found = ed.next = 0;
	ed.files = false;
	ed.typed = text;
	ed.config.complete(ed.config.ctx, n, words, offer, NULL);
	free(before);
}

static char **attempt(const char *text, int start, int end)
{
	(void)end;
	collect(text, start);
	/* Paths are libedit's own, tried when we have nothing and say that it is not over. */
	rl_attempted_completion_over = !ed.files;
	return ed.n_found > 0 ? rl_completion_matches(text, next_match) : NULL;
}

void edit_open(const struct edit_config *config)
{
	ed.config = *config;
	rl_readline_name = config->program;
	rl_initialize();
	using_history();
	stifle_history(500);
	rl_attempted_completion_function = attempt;
	rl_basic_word_break_characters = " \t";
	rl_completer_word_break_characters = mem_text(" \t");
}

static char *remember(char *line)
{
	if (line && *line && (!ed.config.keep || ed.config.keep(line)))
		add_history(line);
	return line;
}

char *edit_line(void)
{
	return remember(readline(ed.config.prompt));
}

static void take_line(char *line)
{
	ed.in_line = true;
	ed.on_line(remember(line));
	ed.in_line = false;
	/* libedit leaves its mode with each line; installing again enters it, with a new prompt. */
	if (ed.active)
		rl_callback_handler_install(ed.config.prompt, take_line);
}

void edit_start(void (*on_line)(char *line))
{
	ed.on_line = on_line;
	ed.active = true;
	rl_callback_handler_install(ed.config.prompt, take_line);
}

void edit_ready(void)
{
	rl_callback_read_char();
}

void edit_hide(void)
{
	if (!ed.active || ed.in_line)
		return;
	printf("\r\033[K");
	fflush(stdout);
}

void edit_show(void)
{
	if (!ed.active || ed.in_line)
		return;
	fflush(stdout);
	rl_forced_update_display();
}

void edit_stop(void)
{
	if (!ed.active)
		return;
	ed.active = false;
	rl_callback_handler_remove();
	printf("\n");
}
