#define _GNU_SOURCE
#include "base/conf.h"

#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

/* Field access: the only place that trusts the offsets of the table. */

static void *field(void *out, const struct conf_key *key)
{
	return (char *)out + key->offset;
}

static bool is_text(const struct conf_key *key)
{
	return key->type == CONF_TEXT || key->type == CONF_PATH || key->type == CONF_CHOICE;
}

static void set_text(void *out, const struct conf_key *key, const char *value)
{
	char **text = field(out, key);

	free(*text);
	*text = value && *value ? mem_text(value) : NULL;
}

/* Values */

static bool parse_bool(bool *out, const char *value)
{
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (strcmp(value, words[i]) == 0) {
			*out = i & 1;
			return true;
		}
	}
	return false;
}

static bool parse_int(int64_t *out, const char *value)
{
	char *end;
	long long n;

	/* strtoll would also take blanks and a plus sign. */
	if (*value != '-' && (*value < '0' || *value > '9'))
		return false;
	errno = 0;
	n = strtoll(value, &end, 10);
	if (errno || end == value || *end)
		return false;
	*out = n;
	return true;
}

static bool is_choice(const char *choices, const char *value)
{
	size_t len = strcspn(value, "|");

	if (value[len])
		return false;
	for (const char *at = choices; at; at = strchr(at, '|')) {
		at += *at == '|';
		if (len > 0 && strncmp(at, value, len) == 0 && (at[len] == '|' || !at[len]))
			return true;
	}
	return false;
}

static bool is_plain_text(const char *value)
{
	for (; *value; value++) {
		if ((unsigned char)*value < 0x20 || *value == 0x7f)
			return false;
	}
	return true;
}

static bool assign(void *out, const struct conf_key *key, const char *value, struct err *err)
{
	const char *unit = key->unit ? key->unit : "";
	int64_t num;
	bool flag;

	switch (key->type) {
	case CONF_BOOL:
		if (!parse_bool(&flag, value))
			return err_set(err, ERR_CONFIG, "%s: must be true or false", key->name);
		*(bool *)field(out, key) = flag;
		return true;
	case CONF_INT:
		if (!parse_int(&num, value) || num < key->min || num > key->max)
			return err_set(err, ERR_CONFIG,
				       "%s: must be a number from %" PRId64 " to %" PRId64 "%s%s",
				       key->name, key->min, key->max, *unit ? " " : "", unit);
		*(int64_t *)field(out, key) = num;
		return true;
	case CONF_CHOICE:
		if (!is_choice(key->choices, value))
			return err_set(err, ERR_CONFIG, "%s: must be one of %s", key->name,
				       key->choices);
		break;
	case CONF_TEXT:
	case CONF_PATH:
		if (!is_plain_text(value))
			return err_set(err, ERR_CONFIG, "%s: holds a control character", key->name);
		break;
	}
	set_text(out, key, value);
	return true;
}

/* Names */

/* Edits (insert, delete, exchange) that turn a into b; both at most CONF_NAME_MAX. */
static size_t distance(const char *a, const char *b)
{
	size_t row[CONF_NAME_MAX + 1], n = strlen(b);

	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < n; j++) {
			size_t best = diagonal + (a[i] != b[j]);

			diagonal = row[j + 1];
			if (diagonal + 1 < best)
				best = diagonal + 1;
			if (row[j] + 1 < best)
				best = row[j] + 1;
			row[j + 1] = best;
		}
	}
	return row[n];
}

/* The known name that was most likely meant; null if none is near. */
static const char *nearest(const struct conf_key *keys, size_t n, const char *name)
{
	const char *best = NULL, *last = strrchr(name, '.');
	size_t least = SIZE_MAX, len = strlen(name);

	last = last ? last + 1 : name;
	if (len > CONF_NAME_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t d = distance(name, keys[i].name);

		/* The right key in a wrong section, or in none, is near as well. */
		if (strcmp(strchr(keys[i].name, '.') + 1, last) == 0 && d > 2)
			d = 2;
		if (d < least) {
			least = d;
			best = keys[i].name;
		}
	}
	return least <= 2 || least <= len / 4 ? best : NULL;
}

static const struct conf_key *find(const struct conf_key *keys, size_t n, const char *name,
				   struct err *err)
{
	const char *meant;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	}
	meant = nearest(keys, n, name);
	err_set(err, ERR_CONFIG, "%.80s: unknown key%s%s%s", name, meant ? ", did you mean " : "",
		meant ? meant : "", meant ? "?" : "");
	return NULL;
}

/* Reading */

struct reading {
	void *out;
	const struct conf_key *keys;
	size_t n;
	const char *path;
	const char *text; /* what is left of the file */
	int line;
	int *set_at; /* per key: the line that set it, or 0 */
	bool failed;
	struct err *err;
};

static bool fail(struct reading *r, const char *what)
{
	r->failed = true;
	return err_set(r->err, ERR_CONFIG, "%s:%d: %s", r->path, r->line, what);
}

/* Give the parser one line; no more once something failed. */
static char *next_line(char *out, int cap, void *ctx)
{
	struct reading *r = ctx;
	size_t len = strcspn(r->text, "\n");

	if (r->failed || !*r->text)
		return NULL;
	r->line++;
	/* The parser would take the rest of a long line for a line of its own. */
	if (len > CONF_LINE_MAX || len + 2 > (size_t)cap) {
		fail(r, "the line is longer than 197 bytes");
		return NULL;
	}
	memcpy(out, r->text, len);
	memcpy(out + len, "\n", 2);
	r->text += len + (r->text[len] == '\n');
	return out;
}

static int on_pair(void *ctx, const char *section, const char *name, const char *value)
{
	struct reading *r = ctx;
	char whole[256];
	const struct conf_key *key;
	size_t i;

	snprintf(whole, sizeof whole, "%s%s%s", section, *section ? "." : "", name);
	key = find(r->keys, r->n, whole, r->err);
	if (!key) {
		r->failed = true;
		err_wrap(r->err, "%s:%d", r->path, r->line);
		return 0;
	}
	i = (size_t)(key - r->keys);
	if (r->set_at[i]) {
		r->failed = true;
		err_set(r->err, ERR_CONFIG,
			"%s:%d: %s is set again (line %d set it; an indented line continues the "
			"one "
			"before)",
			r->path, r->line, whole, r->set_at[i]);
		return 0;
	}
	r->set_at[i] = r->line;
	if (!assign(r->out, key, value, r->err)) {
		r->failed = true;
		err_wrap(r->err, "%s:%d", r->path, r->line);
		return 0;
	}
	return 1;
}

static bool read_text(void *out, const struct conf_key *keys, size_t n, const char *path,
		      const char *text, struct err *err)
{
	struct reading r = {out, keys, n, path, text, 0, mem_array(n, sizeof(int)), false, err};
	int bad = ini_parse_stream(next_line, &r, on_pair, &r);

	free(r.set_at);
	/* The parser goes on after a line that it does not know; the first error counts. */
	if (bad > 0 && (!r.failed || bad < r.line))
		return err_set(err, ERR_CONFIG, "%s:%d: is neither [section] nor key = value", path,
			       bad);
	return !r.failed;
}

/* Exchange the fields of two structs of this table. */
static void swap_fields(void *a, void *b, const struct conf_key *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char kept[sizeof(int64_t)];
		size_t size = is_text(&keys[i])           ? sizeof(char *)
			      : keys[i].type == CONF_BOOL ? sizeof(bool)
							  : sizeof(int64_t);

		memcpy(kept, field(a, &keys[i]), size);
		memcpy(field(a, &keys[i]), field(b, &keys[i]), size);
		memcpy(field(b, &keys[i]), kept, size);
	}
}

static void copy_fields(void *out, void *from, const struct conf_key *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (is_text(&keys[i]))
			set_text(out, &keys[i], *(char **)field(from, &keys[i]));
		else if (keys[i].type == CONF_BOOL)
			*(bool *)field(out, &keys[i]) = *(bool *)field(from, &keys[i]);
		else
			*(int64_t *)field(out, &keys[i]) = *(int64_t *)field(from, &keys[i]);
	}
}

/* Bytes that a struct of this table has at least. */
static size_t struct_size(const struct conf_key *keys, size_t n)
{
	size_t size = sizeof(int64_t);

	for (size_t i = 0; i < n; i++) {
		if (keys[i].offset + sizeof(int64_t) > size)
			size = keys[i].offset + sizeof(int64_t);
	}
	return size;
}

bool conf_read(void *out, const struct conf_key *keys, size_t n, const char *path, struct err *err)
{
	char *text = mem_alloc(CONF_FILE_MAX + 1);
	void *trial = mem_alloc(struct_size(keys, n));
	size_t len = 0;
	bool ok;

	copy_fields(trial, out, keys, n);
	ok = file_read(path, (uint8_t *)text, CONF_FILE_MAX, &len, err);
	if (ok && memchr(text, 0, len))
		ok = err_set(err, ERR_CONFIG, "%s: holds a zero byte", path);
	ok = ok && read_text(trial, keys, n, path, text, err);
	if (ok)
		swap_fields(out, trial, keys, n);
	conf_free(trial, keys, n);
	free(trial);
	free(text);
	return ok;
}

bool conf_set(void *out, const struct conf_key *keys, size_t n, const char *assignment,
	      struct err *err)
{
	const char *equals = strchr(assignment, '=');
	const struct conf_key *key;
	char name[256];

	if (!equals || (size_t)(equals - assignment) >= sizeof name)
		return err_set(err, ERR_CONFIG, "%.80s: is not section.key=value", assignment);
	memcpy(name, assignment, (size_t)(equals - assignment));
	name[equals - assignment] = 0;
	key = find(keys, n, name, err);
	return key && assign(out, key, equals + 1, err);
}

/* A table that is wrong is a fault of the program: it must not start. */
static void check_row(const struct conf_key *key)
{
	const char *dot = strchr(key->name, '.');

	if (strlen(key->name) <= CONF_NAME_MAX && dot && !strchr(dot + 1, '.'))
		return;
	fprintf(stderr, "conf: %s is no name for a key\n", key->name);
	abort();
}

void conf_defaults(void *out, const struct conf_key *keys, size_t n)
{
	struct err err;

	for (size_t i = 0; i < n; i++) {
		check_row(&keys[i]);
		if (is_text(&keys[i]))
			*(char **)field(out, &keys[i]) = NULL;
		else if (keys[i].type == CONF_BOOL)
			*(bool *)field(out, &keys[i]) = false;
		else
			*(int64_t *)field(out, &keys[i]) = 0;
		if (keys[i].fallback && !assign(out, &keys[i], keys[i].fallback, &err)) {
			fprintf(stderr, "conf: default of %s\n", err.text);
			abort();
		}
	}
}

void conf_free(void *out, const struct conf_key *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (is_text(&keys[i]))
			set_text(out, &keys[i], NULL);
		else if (keys[i].type == CONF_BOOL)
			*(bool *)field(out, &keys[i]) = false;
		else
			*(int64_t *)field(out, &keys[i]) = 0;
	}
}

/* Printing */

static void print_type(FILE *f, const struct conf_key *key, const char *bar)
{
	switch (key->type) {
	case CONF_BOOL:
		fputs("true or false", f);
		break;
	case CONF_INT:
		fprintf(f, "%" PRId64 " to %" PRId64 "%s%s", key->min, key->max,
			key->unit ? " " : "", key->unit ? key->unit : "");
		break;
	case CONF_TEXT:
		fputs("text", f);
		break;
	case CONF_PATH:
		fputs("path", f);
		break;
	case CONF_CHOICE:
		for (const char *c = key->choices; *c; c++)
			*c == '|' ? fputs(bar, f) : fputc(*c, f);
		break;
	}
}

static int section_len(const char *name)
{
	return (int)strcspn(name, ".");
}

void conf_print_sample(FILE *f, const struct conf_key *keys, size_t n)
{
	const char *section = "";

	for (size_t i = 0; i < n; i++) {
		int len = section_len(keys[i].name);

		if (strncmp(section, keys[i].name, (size_t)len + 1) != 0) {
			fprintf(f, "%s[%.*s]\n", *section ? "\n" : "", len, keys[i].name);
			section = keys[i].name;
		}
		fprintf(f, "# %s (", keys[i].help);
		print_type(f, &keys[i], "|");
		fprintf(f, ")\n#%s =%s%s\n", keys[i].name + len + 1, keys[i].fallback ? " " : "",
			keys[i].fallback ? keys[i].fallback : "");
	}
}

void conf_print_markdown(FILE *f, const struct conf_key *keys, size_t n)
{
	fputs("| key | value | default | meaning |\n|---|---|---|---|\n", f);
	for (size_t i = 0; i < n; i++) {
		fprintf(f, "| `%s` | ", keys[i].name);
		print_type(f, &keys[i], " \\| ");
		if (keys[i].fallback)
			fprintf(f, " | `%s` | %s |\n", keys[i].fallback, keys[i].help);
		else
			fprintf(f, " | | %s |\n", keys[i].help);
	}
}
