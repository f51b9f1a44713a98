#include "cli/opts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { HELP_COLUMN = 30, HELP_WIDTH = 96 };

bool opts_is_option(const char *word)
{
	return word[0] == '-' && word[1] != 0;
}

const char *opts_split(const char *word, size_t *name_len, const char **value)
{
	const char *name = word + 1 + (word[1] == '-'), *equals = strchr(name, '=');

	*name_len = equals ? (size_t)(equals - name) : strlen(name);
	*value = equals ? equals + 1 : NULL;
	return name;
}

static bool same(const char *a, const char *name, size_t len)
{
	return a && strlen(a) == len && memcmp(a, name, len) == 0;
}

static const struct opt *find(const struct opts *opts, const char *name, size_t len)
{
	for (size_t i = 0; i < opts->n; i++)
		if (same(opts->rows[i].name, name, len) || same(opts->rows[i].letter, name, len))
			return &opts->rows[i];
	return NULL;
}

bool opts_int(const char *text, int64_t min, int64_t max, const char *what, int64_t *out,
	      struct err *err)
{
	char *end;
	intmax_t v;

	errno = 0;
	v = strtoimax(text, &end, 10);
	if (end == text || *end || errno || v < min || v > max)
		return err_set(err, ERR_INVALID, "%s takes a number from %" PRId64 " to %" PRId64,
			       what, min, max);
	*out = v;
	return true;
}

static bool choice_ok(const char *choices, const char *value)
{
	size_t len = strlen(value);

	for (const char *c = choices; len > 0 && c; c = strchr(c, '|') ? strchr(c, '|') + 1 : NULL)
		if (strncmp(c, value, len) == 0 && (c[len] == '|' || c[len] == 0))
			return true;
	return false;
}

static bool set_switch(bool *on, const char *value, const char *name, struct err *err)
{
	if (value && strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
		return err_set(err, ERR_INVALID, "%s is true or false", name);
	*on = !value || strcmp(value, "true") == 0;
	return true;
}

static bool set_text(const char **text, const char *value, const char *name, struct err *err)
{
	if (*text)
		return err_set(err, ERR_INVALID, "%s was given twice", name);
	*text = value;
	return true;
}

static bool add_text(struct opt_list *list, const char *value, const char *name, struct err *err)
{
	if (list->n == OPT_LIST_MAX)
		return err_set(err, ERR_INVALID, "%s was given more than %d times", name,
			       OPT_LIST_MAX);
	list->items[list->n++] = value;
	return true;
}

static bool store(const struct opt *o, void *field, const char *value, const char *name,
		  struct err *err)
{
	struct opt_may *may = field;

	switch (o->kind) {
	case OPT_SWITCH:
		return set_switch(field, value, name, err);
	case OPT_MAY_FILE:
		may->given = true;
		may->value = value;
		return true;
	case OPT_INT:
		return opts_int(value, o->min, o->max, name, field, err);
	case OPT_REPEAT:
		return add_text(field, value, name, err);
	case OPT_CHOICE:
		if (!choice_ok(o->choices, value))
			return err_set(err, ERR_INVALID, "%s is one of %s", name, o->choices);
		break;
	case OPT_TEXT:
	case OPT_FILE:
		break;
	}
	return set_text(field, value, name, err);
}

bool opts_take(const struct opts *opts, void *out, int argc, char *const *argv, int *i, bool *known,
	       struct err *err)
{
	const char *value, *name;
	char shown[64];
	size_t len;
	const struct opt *o;

	name = opts_split(argv[*i], &len, &value);
	o = find(opts, name, len);
	*known = o != NULL;
	if (!o)
		return true;
	snprintf(shown, sizeof shown, "%s%s", opts->dash, o->name);
	if (!value && o->kind == OPT_MAY_FILE) {
		if (*i + 1 < argc && !opts_is_option(argv[*i + 1]))
			value = argv[++*i];
	} else if (!value && o->kind != OPT_SWITCH) {
		if (*i + 1 >= argc)
			return err_set(err, ERR_INVALID, "%s needs a value: %s", shown, o->arg);
		value = argv[++*i];
	}
	return store(o, (char *)out + o->offset, value, shown, err);
}

bool opts_parse(const struct opts *opts, void *out, int argc, char *const *argv, struct err *err)
{
	for (int i = 1; i < argc; i++) {
		bool known;

		if (!opts_is_option(argv[i]))
			return err_set(err, ERR_INVALID, "unexpected word \"%s\"", argv[i]);
		if (!opts_take(opts, out, argc, argv, &i, &known, err))
			return false;
		if (!known)
			return err_set(err, ERR_INVALID, "unknown option %s", argv[i]);
	}
	return true;
}

void opts_wrap(FILE *f, int start, const char *text)
{
	size_t first = (size_t)start, column = first;

	while (*text) {
		size_t word = strcspn(text, " ");

		if (column + word > HELP_WIDTH && column > first) {
			fprintf(f, "\n%*s", start, "");
			column = first;
		}
		fprintf(f, "%s%.*s", column > first ? " " : "", (int)word, text);
		column += word + 1;
		text += word;
		text += strspn(text, " ");
	}
	fputc('\n', f);
}

void opts_help_line(FILE *f, const char *left, const char *help)
{
	int n = fprintf(f, "%s", left);

	if (n >= HELP_COLUMN - 1) {
		fputc('\n', f);
		n = 0;
	}
	fprintf(f, "%*s", HELP_COLUMN - n, "");
	opts_wrap(f, HELP_COLUMN, help);
}

void opts_left(const struct opts *opts, const struct opt *o, char *out, size_t cap)
{
	char arg[64] = "";

	if (o->arg)
		snprintf(arg, sizeof arg, o->kind == OPT_MAY_FILE ? " [%s]" : " %s", o->arg);
	snprintf(out, cap, "%s%s%s%s%s", opts->dash, o->name, o->letter ? ", -" : "",
		 o->letter ? o->letter : "", arg);
}

void opts_help(const struct opts *opts, FILE *f)
{
	for (size_t i = 0; i < opts->n; i++) {
		char left[128] = "  ";

		opts_left(opts, &opts->rows[i], left + 2, sizeof left - 2);
		opts_help_line(f, left, opts->rows[i].help);
	}
}
