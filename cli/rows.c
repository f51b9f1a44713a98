#define _GNU_SOURCE
#include "cli/rows.h"

#include <csv.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/mem.h"

/* A key and a few hundred topics; what is longer is no row of ours. */
enum { LINE_MAX_LEN = 1 << 20, COLUMNS_MAX = 32 };

struct rows {
	FILE *f;
	bool csv;
	char *line; /* the last line read */
	size_t cap, len;
	size_t number;  /* of that line */
	size_t began;   /* line on which the row began */
	int64_t total;  /* bytes of the file, 0: not known */
	int64_t n_read; /* bytes */

	struct csv_parser parser;
	char *columns[COLUMNS_MAX];
	size_t n_columns;
	char *fields[COLUMNS_MAX]; /* of the row that is read */
	size_t n_fields;
	size_t n_rows; /* ended by the last line */
	bool too_many;

	json_t *object;
};

static bool at_line(const struct rows *r, struct err *err)
{
	return err_wrap(err, "line %zu", r->began);
}

static bool bad(const struct rows *r, struct err *err, const char *why)
{
	err_set(err, ERR_INVALID, "%s", why);
	return at_line(r, err);
}

/* --- lines ------------------------------------------------------------------------------ */

/* Without its line end; *end if there is none left. */
static bool next_line(struct rows *r, bool *end, struct err *err)
{
	ssize_t n = getline(&r->line, &r->cap, r->f);

	*end = n < 0;
	if (n < 0)
		return !ferror(r->f) || err_set(err, ERR_STORE, "line %zu: cannot be read: %s",
						r->number + 1, strerror(errno));
	r->number++;
	r->n_read += n;
	r->len = (size_t)n;
	if (r->number == 1 && n >= 3 && memcmp(r->line, "\xef\xbb\xbf", 3) == 0) {
		r->len -= 3;
		memmove(r->line, r->line + 3, r->len + 1);
	}
	if (r->len > LINE_MAX_LEN || memchr(r->line, 0, r->len)) {
		r->began = r->number;
		return bad(r, err,
			   r->len > LINE_MAX_LEN ? "longer than 1 MiB" : "holds a zero byte");
	}
	return true;
}

static bool is_blank(const struct rows *r)
{
	return r->line[strspn(r->line, " \t\r\n")] == 0;
}

/* --- CSV --------------------------------------------------------------------------------- */

static void on_field(void *bytes, size_t len, void *ctx)
{
	struct rows *r = ctx;

	if (r->n_fields == COLUMNS_MAX) {
		r->too_many = true;
		return;
	}
	r->fields[r->n_fields] = mem_alloc(len + 1);
	if (len)
		memcpy(r->fields[r->n_fields], bytes, len);
	r->n_fields++;
}

static void on_row(int ch, void *ctx)
{
	(void)ch;
	((struct rows *)ctx)->n_rows++;
}

static void free_fields(struct rows *r)
{
	for (size_t i = 0; i < r->n_fields; i++) {
		explicit_bzero(r->fields[i], strlen(r->fields[i]));
		free(r->fields[i]);
	}
	r->n_fields = 0;
}

/* The last row may lack its line end. */
static bool csv_end(struct rows *r, struct err *err)
{
	if (csv_fini(&r->parser, on_field, on_row, r) != 0)
		return bad(r, err, "a quote is not closed");
	return true;
}

static bool csv_feed(struct rows *r, struct err *err)
{
	if (csv_parse(&r->parser, r->line, r->len, on_field, on_row, r) != r->len)
		return bad(r, err,
			   csv_error(&r->parser) == CSV_EPARSE
				   ? "a quote where none may be: a field with quotes in it is put "
				     "in quotes, and they are doubled"
				   : "cannot be read as CSV");
	if (r->n_rows > 1)
		return bad(r, err, "a line ends with LF or CRLF, not with CR alone");
	if (r->too_many)
		return bad(r, err, "too many fields");
	return true;
}

/* Fields of the next row; lines are added while a quote is open. */
static bool csv_row(struct rows *r, bool *end, struct err *err)
{
	bool over = false;

	free_fields(r);
	r->n_rows = 0;
	for (bool open = false; r->n_rows == 0 && !over;) {
		if (!next_line(r, &over, err))
			return false;
		if (!open)
			r->began = r->number;
		if (over ? !csv_end(r, err) : (open || !is_blank(r)) && !csv_feed(r, err))
			return false;
		open |= !over && !is_blank(r);
	}
	*end = r->n_rows == 0;
	return true;
}

static bool csv_header(struct rows *r, struct err *err)
{
	bool end;

	if (!csv_row(r, &end, err))
		return false;
	r->n_columns = end ? 0 : r->n_fields;
	memcpy(r->columns, r->fields, sizeof r->columns);
	r->n_fields = 0;
	for (size_t i = 0; i < r->n_columns; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(r->columns[i], r->columns[j]) == 0)
				return bad(r, err, "a column is there twice");
	return true;
}

static bool next_csv(struct rows *r, bool *end, struct err *err)
{
	if (!csv_row(r, end, err))
		return false;
	if (*end || r->n_fields == r->n_columns)
		return true;
	err_set(err, ERR_INVALID, "%zu fields, where the first line names %zu columns", r->n_fields,
		r->n_columns);
	return at_line(r, err);
}

static const char *csv_field(const struct rows *r, const char *name)
{
	for (size_t i = 0; i < r->n_columns && i < r->n_fields; i++)
		if (strcmp(r->columns[i], name) == 0)
			return r->fields[i];
	return NULL;
}

/* --- JSON lines ----------------------------------------------------------------------------- */

static bool next_json(struct rows *r, bool *end, struct err *err)
{
	json_error_t why;

	json_decref(r->object);
	r->object = NULL;
	do {
		if (!next_line(r, end, err))
			return false;
	} while (!*end && is_blank(r));
	if (*end)
		return true;
	r->began = r->number;
	r->object = json_loadb(r->line, r->len, JSON_REJECT_DUPLICATES, &why);
	if (json_is_object(r->object))
		return true;
	/* jansson's text can quote the line, and that can hold a key. */
	return bad(r, err, r->object ? "is no JSON object" : "is no good JSON (or UTF-8)");
}

/* --- both --------------------------------------------------------------------------------- */

static bool ends_with(const char *path, const char *end)
{
	size_t n = strlen(path), m = strlen(end);

	return n >= m && strcasecmp(path + n - m, end) == 0;
}

/* Standard input has no name: what begins with a brace is JSON. */
static bool choose_form(struct rows *r, const char *path, enum rows_form form, struct err *err)
{
	int first;

	r->csv = form == ROWS_CSV;
	if (form != ROWS_BY_NAME)
		return true;
	r->csv = ends_with(path, ".csv");
	if (r->csv || ends_with(path, ".jsonl") || ends_with(path, ".json"))
		return true;
	if (strcmp(path, "-") != 0)
		return err_set(err, ERR_INVALID,
			       "%s: is it CSV or JSON lines? name it .csv or .jsonl, or say "
			       "--format csv or jsonl",
			       path);
	first = getc(r->f);
	if (first != EOF)
		ungetc(first, r->f);
	r->csv = first != '{';
	return true;
}

static bool open_file(struct rows *r, const char *path, struct err *err)
{
	struct stat st;

	r->f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (!r->f)
		return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_FORBIDDEN, "%s: %s", path,
			       strerror(errno));
	if (fstat(fileno(r->f), &st) == 0 && S_ISREG(st.st_mode))
		r->total = st.st_size;
	return true;
}

bool rows_open(struct rows **out, const char *path, enum rows_form form, struct err *err)
{
	struct rows *r = mem_alloc(sizeof *r);

	csv_init(&r->parser, CSV_STRICT | CSV_STRICT_FINI);
	if (open_file(r, path, err) && choose_form(r, path, form, err) &&
	    (!r->csv || csv_header(r, err))) {
		*out = r;
		return true;
	}
	rows_close(r);
	return false;
}

void rows_close(struct rows *r)
{
	if (!r)
		return;
	free_fields(r);
	for (size_t i = 0; i < r->n_columns; i++)
		free(r->columns[i]);
	json_decref(r->object);
	if (r->parser.entry_buf)
		explicit_bzero(r->parser.entry_buf, r->parser.entry_size);
	csv_free(&r->parser);
	if (r->line)
		explicit_bzero(r->line, r->cap);
	free(r->line);
	if (r->f && r->f != stdin)
		fclose(r->f);
	free(r);
}

bool rows_next(struct rows *r, bool *end, struct err *err)
{
	return r->csv ? next_csv(r, end, err) : next_json(r, end, err);
}

size_t rows_line(const struct rows *r)
{
	return r->began;
}

void rows_place(const struct rows *r, int64_t *done, int64_t *total)
{
	*done = r->n_read;
	*total = r->total;
}

const char *rows_text(const struct rows *r, const char *name)
{
	const char *text =
		r->csv ? csv_field(r, name) : json_string_value(json_object_get(r->object, name));

	return text && *text ? text : NULL;
}

bool rows_is_text(const struct rows *r, const char *name, struct err *err)
{
	const json_t *v = r->csv ? NULL : json_object_get(r->object, name);

	return !v || json_is_null(v) || json_is_string(v) ||
	       err_set(err, ERR_INVALID, "%s is no text", name);
}

static bool csv_list(const char *text, bool (*fn)(void *, const char *, struct err *), void *ctx,
		     struct err *err)
{
	char *copy = mem_text(text), *rest = copy, *one;
	bool ok = true;

	while (ok && (one = strsep(&rest, ";")))
		ok = !*one || fn(ctx, one, err);
	free(copy);
	return ok;
}

bool rows_list(const struct rows *r, const char *name,
	       bool (*fn)(void *ctx, const char *text, struct err *err), void *ctx, struct err *err)
{
	const json_t *list, *one;
	size_t i;

	if (r->csv)
		return !rows_text(r, name) || csv_list(rows_text(r, name), fn, ctx, err);
	list = json_object_get(r->object, name);
	if (!list || json_is_null(list))
		return true;
	if (!json_is_array(list))
		return err_set(err, ERR_INVALID, "%s is no list", name);
	json_array_foreach(list, i, one)
	{
		if (!json_is_string(one))
			return err_set(err, ERR_INVALID, "%s is no list of texts", name);
		if (!fn(ctx, json_string_value(one), err))
			return false;
	}
	return true;
}

static bool is_known(const char *name, const char *const *known)
{
	for (; *known; known++)
		if (strcmp(name, *known) == 0)
			return true;
	return false;
}

const char *rows_unknown(const struct rows *r, const char *const *known)
{
	void *at;

	for (size_t i = 0; i < r->n_columns; i++)
		if (!is_known(r->columns[i], known))
			return r->columns[i];
	for (at = json_object_iter(r->object); at; at = json_object_iter_next(r->object, at))
		if (!is_known(json_object_iter_key(at), known))
			return json_object_iter_key(at);
	return NULL;
}

const char *rows_json(const struct rows *r, size_t *len)
{
	*len = r->len;
	return r->csv ? NULL : r->line;
}
