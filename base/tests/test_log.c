#define _GNU_SOURCE
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tests/check.h"

static char text[1 << 17];
static size_t text_len;
static int kept, pipe_fd[2];

/* What is logged between the two goes into text. */
static void capture(void)
{
	fflush(stderr);
	kept = dup(STDERR_FILENO);
	if (pipe2(pipe_fd, O_CLOEXEC) != 0 || fcntl(pipe_fd[1], F_SETPIPE_SZ, sizeof text) < 0)
		abort();
	dup2(pipe_fd[1], STDERR_FILENO);
	close(pipe_fd[1]);
}

static void captured(void)
{
	ssize_t n;

	dup2(kept, STDERR_FILENO);
	close(kept);
	for (text_len = 0; (n = read(pipe_fd[0], text + text_len, sizeof text - 1 - text_len)) > 0;)
		text_len += (size_t)n;
	text[text_len] = 0;
	close(pipe_fd[0]);
}

static json_t *parse_line(void)
{
	json_error_t error;
	json_t *j;

	CHECK(text_len > 1 && text[text_len - 1] == '\n');
	CHECK(strchr(text, '\n') == text + text_len - 1);
	j = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (!j)
		fprintf(stderr, "%s: %.200s\n", error.text, text);
	CHECK(j != NULL);
	return j;
}

static const char *string_of(json_t *j, const char *name)
{
	const char *s = json_string_value(json_object_get(j, name));

	return s ? s : "(none)";
}

static void a_line_is_json_with_time_level_and_fields(void)
{
	time_t before = time(NULL);
	struct tm tm = {0};
	const char *rest;
	json_t *j;

	capture();
	errno = ENOENT;
	log_write(LOG_WARN, "hello", LOG_STR("who", "world"), LOG_NUM("n", -42),
		  LOG_NUM("big", INT64_MIN), LOG_STR("null", NULL));
	CHECK_EQ(errno, ENOENT);
	captured();
	j = parse_line();
	CHECK_STR(string_of(j, "msg"), "hello");
	CHECK_STR(string_of(j, "level"), "warn");
	CHECK_STR(string_of(j, "who"), "world");
	CHECK_STR(string_of(j, "null"), "");
	CHECK_EQ(json_integer_value(json_object_get(j, "n")), -42);
	CHECK_EQ(json_integer_value(json_object_get(j, "big")), INT64_MIN);
	rest = strptime(string_of(j, "time"), "%Y-%m-%dT%H:%M:%S.", &tm);
	CHECK(rest && strlen(rest) == 4 && rest[3] == 'Z');
	CHECK(timegm(&tm) >= before && timegm(&tm) <= time(NULL));
	CHECK(strncmp(text, "{\"time\":", 8) == 0);
	json_decref(j);
}

static void levels_below_the_lowest_are_dropped(void)
{
	capture();
	log_write(LOG_DEBUG, "no");
	log_set_level(LOG_ERROR);
	log_write(LOG_WARN, "no");
	log_set_level(LOG_INFO);
	captured();
	CHECK_EQ(text_len, 0);
}

static void no_byte_breaks_a_line(void)
{
	for (int a = 1; a < 256; a++) {
		for (int b = 1; b < 256; b += 3) {
			char bytes[] = {(char)a, (char)b, '"', 0};
			json_t *j;

			capture();
			log_write(LOG_INFO, bytes, LOG_STR("field", bytes));
			captured();
			j = parse_line();
			if (a < 0x80 && b < 0x80)
				CHECK_STR(string_of(j, "field"), bytes);
			for (size_t i = 0; i + 1 < text_len; i++) {
				if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
					CHECK(!"a control byte");
			}
			json_decref(j);
		}
	}
}

static void wrong_utf8_becomes_replacement_characters(void)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"a\xff"
		 "b",
		 "a\xef\xbf\xbd"
		 "b"},
		{"\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xe2\x82\xac", "\xe2\x82\xac"},
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
		{"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xc2\x9b",
		 "\xc2\x9b"}, /* a control of terminals: escaped, so the same once read */
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		json_t *j;

		capture();
		log_write(LOG_INFO, "x", LOG_STR("f", cases[i].in));
		captured();
		j = parse_line();
		CHECK_STR(string_of(j, "f"), cases[i].out);
		json_decref(j);
	}
	CHECK(strstr(text, "\\u009b") != NULL);
}

static void what_is_too_long_is_left_out_whole(void)
{
	enum { CAP = 20000 };
	char *large = malloc(CAP + 1);
	json_t *j;

	memset(large, 1, CAP); /* six bytes each once escaped */
	large[CAP] = 0;
	for (int len = 2600; len < CAP; len += 17) {
		large[len] = 0;
		capture();
		log_write(LOG_INFO, "m", LOG_STR("a", "first"), LOG_STR("b", large),
			  LOG_STR("c", "after"));
		captured();
		j = parse_line();
		CHECK_STR(string_of(j, "a"), "first");
		CHECK_EQ(json_object_get(j, "cut") != NULL, json_object_get(j, "c") == NULL);
		json_decref(j);
		large[len] = 1;
	}
	capture();
	log_write(LOG_INFO, large, LOG_STR("a", "x"));
	captured();
	j = parse_line();
	CHECK_EQ(json_integer_value(json_object_get(j, "cut")), 1);
	json_decref(j);
	free(large);
}

static void a_log_that_cannot_be_written_stops_nobody(void)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	kept = dup(STDERR_FILENO);
	dup2(full, STDERR_FILENO);
	log_write(LOG_ERROR, "x");
	close(STDERR_FILENO);
	log_write(LOG_ERROR, "x");
	dup2(kept, STDERR_FILENO);
	close(kept);
	close(full);
	CHECK(true);
}

int main(void)
{
	RUN(a_line_is_json_with_time_level_and_fields);
	RUN(levels_below_the_lowest_are_dropped);
	RUN(no_byte_breaks_a_line);
	RUN(wrong_utf8_becomes_replacement_characters);
	RUN(what_is_too_long_is_left_out_whole);
	RUN(a_log_that_cannot_be_written_stops_nobody);
	return END();
}
