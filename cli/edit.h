/*
 * Line editing for the interactive tools: libedit behind five functions, so
 * that its header stays in one file. One editor a program, on stdin and stdout.
 */
#ifndef CLI_EDIT_H
#define CLI_EDIT_H

#include <stdbool.h>
#include <stddef.h>

struct edit_config {
	const char *program;
	const char *prompt;
	/* Call offer for each candidate for the last of the words (maybe empty); ":file" for paths.
	 */
	void (*complete)(void *ctx, size_t n_words, const char *const *words,
			 void (*offer)(void *offer_ctx, const char *candidate), void *offer_ctx);
	/* Whether a line may stay in the history; null: all may. */
	bool (*keep)(const char *line);
	void *ctx;
};

void edit_open(const struct edit_config *config);

/* A line without its end, to free(); null at the end of input. Remembers it as history. */
char *edit_line(void);

/* For event loops: show the prompt, then call edit_ready() whenever stdin is readable. */
void edit_start(void (*on_line)(char *line)); /* line as from edit_line(); may be null */
void edit_ready(void);
/* Take the prompt away, so that something can be printed, and show it again. */
void edit_hide(void);
void edit_show(void);
/* Give the terminal back as it was. */
void edit_stop(void);

#endif
