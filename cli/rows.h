/*
 * Files of rows: CSV with a line of column names, or JSON lines (one object a
 * line). A row is read as names and values; a list in a CSV field has
 * semicolons between, in JSON it is a list of texts.
 *
 * Taken: UTF-8 with or without a byte order mark, line ends LF or CRLF, empty
 * lines, fields in quotes with line ends in them. Everything else that is not
 * plain is ERR_INVALID, and the text begins with the line.
 */
#ifndef CLI_ROWS_H
#define CLI_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum rows_form { ROWS_BY_NAME, ROWS_CSV, ROWS_JSON };

struct rows;

/* "-" is standard input. By name: .csv, .jsonl, .json; standard input by its first character. */
bool rows_open(struct rows **out, const char *path, enum rows_form form, struct err *err);
void rows_close(struct rows *r);

/* The next row; false with err, or *end. */
bool rows_next(struct rows *r, bool *end, struct err *err);

/* Line on which the row began, and how much was read of how much (0: not known). */
size_t rows_line(const struct rows *r);
void rows_place(const struct rows *r, int64_t *done, int64_t *total);

/* A value of the row as text; null if it is not there or empty. Valid until the next row. */
const char *rows_text(const struct rows *r, const char *name);
/* ERR_INVALID if it is there and no text. */
bool rows_is_text(const struct rows *r, const char *name, struct err *err);

/* Call fn for each element of a list; false when fn said so or it is no list of texts. */
bool rows_list(const struct rows *r, const char *name,
	       bool (*fn)(void *ctx, const char *text, struct err *err), void *ctx,
	       struct err *err);

/* The first name of the row that is not one of these (ended by null); null: all are. */
const char *rows_unknown(const struct rows *r, const char *const *known);

/* For rows that are JSON: the line as it is, else null. */
const char *rows_json(const struct rows *r, size_t *len);

#endif
