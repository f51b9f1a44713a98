/* What the interactive tools share: safe output, questions without echo, words of a line. */
#ifndef CLI_TERM_H
#define CLI_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

/*
 * Print text that somebody else chose: control characters, which could drive
 * the terminal, come out as \xNN, and so do bytes that are not UTF-8.
 */
void term_put(FILE *f, const char *text, size_t len);

/* Whether term_put would print it as it is. */
bool term_is_plain(const char *text, size_t len);

/* As term_put into out, zero-terminated, cut to fit; returns the length. */
size_t term_escape(char *out, size_t cap, const char *text, size_t len);

/* Ask on the terminal without echo; ERR_INVALID without a terminal or an answer. */
bool term_ask_secret(const char *question, char *out, size_t cap, struct err *err);

/* Draw "[#####.....] text" over the current line of a terminal. */
void term_progress(FILE *f, int64_t done, int64_t total, const char *text);

/*
 * Split a line into words at blanks, in place. '...' keeps everything, "..."
 * all but \" and \\, outside of both \ keeps the next character. Words beyond
 * cap and an open quote are ERR_INVALID.
 */
bool term_split(char *line, char **words, size_t cap, size_t *n, struct err *err);

#endif
