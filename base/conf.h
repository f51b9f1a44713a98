/*
 * A program's configuration: each key is a row, from which come the parser,
 * the checks, --help, the sample file and the reference page. Files are INI
 * (section.key = value); the command line overrides with --set section.key=value.
 * A secret is never a value: its key names a file.
 *
 * In a file, lines hold at most CONF_LINE_MAX bytes; comments start with # or ;
 * at the start of a line, or with ; after a blank. A text or path that is set to
 * nothing is null; a bool is true, false, yes, no, on or off.
 *
 * A key's name is at most CONF_NAME_MAX bytes with one dot. A table that breaks
 * this, or whose default does not pass its own check, ends the program at once.
 */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

enum { CONF_LINE_MAX = 197, CONF_NAME_MAX = 47, CONF_FILE_MAX = 1 << 20 };

enum conf_type { CONF_BOOL, CONF_INT, CONF_TEXT, CONF_PATH, CONF_CHOICE };

struct conf_key {
	const char *name; /* "http.listen" */
	enum conf_type type;
	const char *fallback; /* default, as text; null: not set */
	int64_t min, max;     /* CONF_INT */
	const char *unit;     /* "s", "bytes", null */
	const char *choices;  /* CONF_CHOICE: "symmetric|pubkey" */
	size_t offset;        /* of the field in the program's struct: bool, int64_t or char * */
	const char *help;     /* one sentence */
};

/* Set every field of out to its default. Text fields are owned by out. */
void conf_defaults(void *out, const struct conf_key *keys, size_t n);

/*
 * Read a file over what out holds. An unknown key, a bad value, a duplicate or a
 * line that is none is ERR_CONFIG with file and line; out is then as before.
 */
bool conf_read(void *out, const struct conf_key *keys, size_t n, const char *path, struct err *err);

/* Apply "section.key=value"; ERR_CONFIG leaves out as it was. */
bool conf_set(void *out, const struct conf_key *keys, size_t n, const char *assignment,
	      struct err *err);

/* Print a commented sample file, or the table for the reference page. */
void conf_print_sample(FILE *f, const struct conf_key *keys, size_t n);
void conf_print_markdown(FILE *f, const struct conf_key *keys, size_t n);

/* Release the texts; all fields are then null, zero or false. */
void conf_free(void *out, const struct conf_key *keys, size_t n);

#endif
