/*
 * Command line options as rows, from which come the parser, --help, the
 * completion scripts and the man pages.
 *
 * A name may have one or two dashes before it, and its value may be the next
 * word or follow a "=". Values are borrowed from argv. An option that takes a
 * value may be given once; the last one does not silently win, so defaults are
 * put in after parsing: null, and 0 for a number, mean "not given".
 */
#ifndef CLI_OPTS_H
#define CLI_OPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

enum opt_kind {
	OPT_SWITCH,   /* bool */
	OPT_TEXT,     /* const char * */
	OPT_FILE,     /* const char *, completed as a path */
	OPT_MAY_FILE, /* struct opt_may: the value may be left out */
	OPT_INT,      /* int64_t */
	OPT_CHOICE,   /* const char *, one of choices */
	OPT_REPEAT    /* struct opt_list */
};

struct opt {
	const char *name;   /* without dashes */
	const char *letter; /* a short form, or null */
	enum opt_kind kind;
	const char *arg;     /* what --help calls the value */
	size_t offset;       /* of the field in the program's struct */
	int64_t min, max;    /* OPT_INT */
	const char *choices; /* OPT_CHOICE: "json|table" */
	const char *help;    /* one sentence or two */
};

struct opt_may {
	bool given;
	const char *value; /* null: given without one */
};

enum { OPT_LIST_MAX = 64 };

struct opt_list {
	size_t n;
	const char *items[OPT_LIST_MAX];
};

/* The options of one program. */
struct opts {
	const char *dash; /* "-" or "--": how help and completion write long names */
	const struct opt *rows;
	size_t n;
};

/* Whether the word is an option at all: a dash and something behind it. */
bool opts_is_option(const char *word);

/*
 * Take the option argv[*i], and its value, into out; *i is then at the last
 * word taken. *known is false, and nothing is taken, if the table has no such
 * option. ERR_INVALID for a missing, surplus or bad value.
 */
bool opts_take(const struct opts *opts, void *out, int argc, char *const *argv, int *i, bool *known,
	       struct err *err);

/* Take all words from argv[1] on; ERR_INVALID also for an unknown option or another word. */
bool opts_parse(const struct opts *opts, void *out, int argc, char *const *argv, struct err *err);

/*
 * For parsers of other tables: split "--name=value" into the name's length
 * and the value (null without "="); returns where the name begins.
 */
const char *opts_split(const char *word, size_t *name_len, const char **value);

/* The lines of --help, aligned. */
void opts_help(const struct opts *opts, FILE *f);

/* A text from this column on, broken between words; the cursor is there already. */
void opts_wrap(FILE *f, int column, const char *text);

/* One such line, for other tables. */
void opts_help_line(FILE *f, const char *left, const char *help);

/* A decimal within bounds; ERR_INVALID names what. */
bool opts_int(const char *text, int64_t min, int64_t max, const char *what, int64_t *out,
	      struct err *err);

/* "  --name, -n ARG" into out. */
void opts_left(const struct opts *opts, const struct opt *o, char *out, size_t cap);

#endif
