#define _GNU_SOURCE
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"

/* Room for a line; a field that does not fit is left out and "cut" says so. */
enum { LINE_CAP = 16384, TAIL_CAP = 16 };

struct line {
	size_t len;
	bool full;
	char text[LINE_CAP];
};

static enum log_level lowest = LOG_INFO;

static void add(struct line *l, const char *bytes, size_t n)
{
	if (l->full || n > LINE_CAP - TAIL_CAP - l->len) {
		l->full = true;
		return;
	}
	memcpy(l->text + l->len, bytes, n);
	l->len += n;
}

static void add_char(struct line *l, const unsigned char *s, size_t n)
{
	char escape[8];

	if (n == 0) {
		add(l, "\xef\xbf\xbd", 3); /* U+FFFD for each byte that is not UTF-8 */
	} else if (*s == '"' || *s == '\\') {
		escape[0] = '\\';
		escape[1] = (char)*s;
		add(l, escape, 2);
	} else if (*s < 0x20 || *s == 0x7f) {
		/* Also DEL: a log is read on terminals. */
		snprintf(escape, sizeof escape, "\\u%04x", *s);
		add(l, escape, 6);
	} else if (n == 2 && s[0] == 0xc2 && s[1] < 0xa0) {
		/* And the C1 controls, which some terminals obey. */
		snprintf(escape, sizeof escape, "\\u%04x", s[1]);
		add(l, escape, 6);
	} else {
		add(l, (const char *)s, n);
	}
}

static void add_text(struct line *l, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t len = strnlen(text, LINE_CAP);

	add(l, "\"", 1);
	while (len > 0 && !l->full) {
		size_t n = utf8_char(s, len), step = n ? n : 1;

		add_char(l, s, n);
		s += step;
		len -= step;
	}
	add(l, "\"", 1);
}

static void add_field(struct line *l, const struct log_field *f)
{
	size_t before = l->len;
	char num[24];

	if (l->full)
		return;
	add(l, ",", 1);
	add_text(l, f->name);
	add(l, ":", 1);
	if (f->str) {
		add_text(l, f->str);
	} else {
		int n = snprintf(num, sizeof num, "%" PRId64, f->num);
		add(l, num, (size_t)n);
	}
	if (l->full)
		l->len = before;
}

static void add_start(struct line *l, enum log_level level)
{
	static const char *const names[] = {"debug", "info", "warn", "error"};
	int64_t ms = clock_real.wall_ms(clock_real.ctx);
	time_t s = (time_t)(ms / 1000);
	struct tm tm;
	char text[96];
	int n;

	gmtime_r(&s, &tm);
	n = snprintf(text, sizeof text,
		     "{\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\",\"level\":\"%s\"",
		     tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		     (int)(ms % 1000), names[level]);
	add(l, text, (size_t)n);
}

static void line_write(struct line *l)
{
	const char *tail = l->full ? ",\"cut\":1}\n" : "}\n";
	size_t n = strlen(tail), done = 0;

	memcpy(l->text + l->len, tail, n); /* TAIL_CAP is kept free for it */
	l->len += n;
	/* One write; more only when a pipe took a part. A log that fails must not stop a server. */
	while (done < l->len) {
		ssize_t w = write(STDERR_FILENO, l->text + done, l->len - done);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return;
		done += (size_t)w;
	}
}

void log_write_(enum log_level level, const char *msg, ...)
{
	int saved = errno;
	struct log_field field;
	struct line line;
	va_list args;

	if (level < lowest)
		return;
	line.len = 0;
	line.full = false;
	add_start(&line, level);
	field = (struct log_field){"msg", msg ? msg : "", 0};
	add_field(&line, &field);
	va_start(args, msg);
	for (field = va_arg(args, struct log_field); field.name;
	     field = va_arg(args, struct log_field))
		add_field(&line, &field);
	va_end(args);
	line_write(&line);
	errno = saved;
}

void log_set_level(enum log_level level)
{
	lowest = level;
}
