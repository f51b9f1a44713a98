#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct err_row rows[ERR_N] = {
#define X(code, text, http, grpc, exit) [code] = {text, http, grpc, exit},
	ERR_ROWS(X)
#undef X
};

const struct err_row *err_row(enum err_code code)
{
	return &rows[(unsigned)code < ERR_N ? code : ERR_INTERNAL];
}

enum err_code err_from_grpc(int grpc)
{
	for (int code = 0; code < ERR_N; code++) {
		if (rows[code].grpc == grpc)
			return (enum err_code)code;
	}
	return ERR_INTERNAL;
}

/* A text cut at cap must not end inside a UTF-8 sequence: it goes into JSON. */
static void cut_whole(char *text, size_t len)
{
	size_t start = len;

	while (start > 0 && len - start < 3 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
		start--;
	if (start > 0 && (unsigned char)text[start - 1] >= 0xc0)
		text[start - 1] = 0;
}

static void format(char *out, size_t cap, const char *fmt, va_list args)
	__attribute__((format(printf, 3, 0)));

static void format(char *out, size_t cap, const char *fmt, va_list args)
{
	int n = vsnprintf(out, cap, fmt, args);

	if (n < 0)
		out[0] = 0;
	else if ((size_t)n >= cap)
		cut_whole(out, cap - 1);
}

bool err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list args;

	if (!e)
		return false;
	e->code = code;
	va_start(args, fmt);
	format(e->text, sizeof e->text, fmt, args);
	va_end(args);
	return false;
}

bool err_wrap(struct err *e, const char *fmt, ...)
{
	char what[sizeof e->text], whole[sizeof what + sizeof e->text + 2];
	va_list args;
	int n;

	if (!e)
		return false;
	va_start(args, fmt);
	format(what, sizeof what, fmt, args);
	va_end(args);
	n = snprintf(whole, sizeof whole, "%s: %s", what, e->text);
	if (n < 0)
		return false;
	memcpy(e->text, whole, (size_t)n < sizeof e->text ? (size_t)n + 1 : sizeof e->text - 1);
	if ((size_t)n >= sizeof e->text) {
		e->text[sizeof e->text - 1] = 0;
		cut_whole(e->text, sizeof e->text - 1);
	}
	return false;
}
