#define _GNU_SOURCE
#include "base/conf.h"

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/check.h"

struct settings {
	char *listen;
	char *cert;
	bool open;
	int64_t window;
	int64_t offset;
	char *mode;
	bool last; /* at the end of the struct: nothing may be written behind it */
};

static const struct conf_key keys[] = {
	{"http.listen", CONF_TEXT, "127.0.0.1:8888", 0, 0, NULL, NULL,
	 offsetof(struct settings, listen), "Where to listen."},
	{"http.tls_cert", CONF_PATH, NULL, 0, 0, NULL, NULL, offsetof(struct settings, cert),
	 "Certificate."},
	{"http.open", CONF_BOOL, "false", 0, 0, NULL, NULL, offsetof(struct settings, open),
	 "Open to all."},
	{"mqtt.window", CONF_INT, "100", 1, 1000, "messages", NULL,
	 offsetof(struct settings, window), "In flight."},
	{"mqtt.offset", CONF_INT, NULL, INT64_MIN, INT64_MAX, NULL, NULL,
	 offsetof(struct settings, offset), "Any number."},
	{"c2.mode", CONF_CHOICE, "symmetric", 0, 0, NULL, "symmetric|pubkey",
	 offsetof(struct settings, mode), "Mode."},
	{"c2.last", CONF_BOOL, "yes", 0, 0, NULL, NULL, offsetof(struct settings, last), "Last."},
};
enum { N = sizeof keys / sizeof *keys };

static char path[] = "/tmp/e4-conf-XXXXXX";

static void put(const char *text, size_t len)
{
	FILE *f = fopen(path, "w");

	CHECK(f && fwrite(text, 1, len, f) == len && fclose(f) == 0);
}

/* Reads text as a file over defaults; gives the error's text, "" for success. */
static const char *read_text(struct settings *s, const char *text)
{
	static struct err err;

	put(text, strlen(text));
	conf_defaults(s, keys, N);
	err.text[0] = 0;
	if (conf_read(s, keys, N, path, &err))
		return "";
	CHECK_EQ(err.code, ERR_CONFIG);
	return err.text;
}

static void defaults_are_what_the_table_says(void)
{
	struct settings s;

	conf_defaults(&s, keys, N);
	CHECK_STR(s.listen, "127.0.0.1:8888");
	CHECK(s.cert == NULL);
	CHECK(!s.open && s.last);
	CHECK_EQ(s.window, 100);
	CHECK_EQ(s.offset, 0);
	CHECK_STR(s.mode, "symmetric");
	conf_free(&s, keys, N);
	CHECK(s.listen == NULL && s.window == 0 && !s.last);
}

static void a_file_is_read_over_them(void)
{
	struct settings s;

	CHECK_STR(read_text(&s, "# comment\n[http]\nlisten = [::1]:80 ; other\nopen=on\n"
				"tls_cert = /a b/c.pem\n\n[mqtt]\nwindow = 1000\r\n"
				"offset=-9223372036854775808\n[c2]\nmode = pubkey\nlast=no"),
		  "");
	CHECK_STR(s.listen, "[::1]:80");
	CHECK_STR(s.cert, "/a b/c.pem");
	CHECK(s.open && !s.last);
	CHECK_EQ(s.window, 1000);
	CHECK_EQ(s.offset, INT64_MIN);
	CHECK_STR(s.mode, "pubkey");
	conf_free(&s, keys, N);
	CHECK_STR(read_text(&s, "\xef\xbb\xbf[http]\nlisten =\n"), "");
	CHECK(s.listen == NULL);
	conf_free(&s, keys, N);
	CHECK_STR(read_text(&s, ""), "");
	conf_free(&s, keys, N);
}

static void every_bad_file_is_refused_with_its_line_and_changes_nothing(void)
{
	static const struct {
		const char *text, *line, *what;
	} bad[] = {
		{"[http]\nlisen = x", ":2: ", "did you mean http.listen?"},
		{"[htp]\nlisten = x", ":2: ", "did you mean http.listen?"},
		{"listen = x", ":1: ", "did you mean http.listen?"},
		{"[mqtt]\nlisten = x", ":2: ", "did you mean http.listen?"},
		{"[c2]\nmodus = x", ":2: ", "did you mean c2.mode?"},
		{"[c2]\nabsolutely_else = x", ":2: ", "unknown key"},
		{"[mqtt]\nwindow = 0", ":2: ", "1 to 1000 messages"},
		{"[mqtt]\nwindow = 1001", ":2: ", "1 to 1000 messages"},
		{"[mqtt]\nwindow = 0x10", ":2: ", "1 to 1000 messages"},
		{"[mqtt]\nwindow = 10 0", ":2: ", "1 to 1000 messages"},
		{"[mqtt]\nwindow = +5", ":2: ", "1 to 1000 messages"},
		{"[mqtt]\nwindow = 5.0", ":2: ", "1 to 1000 messages"},
		{"[mqtt]\nwindow =", ":2: ", "1 to 1000 messages"},
		{"[mqtt]\nwindow = -", ":2: ", "1 to 1000 messages"},
		{"[mqtt]\noffset = 9223372036854775808", ":2: ", "must be a number"},
		{"[http]\nopen = maybe", ":2: ", "true or false"},
		{"[http]\nopen =", ":2: ", "true or false"},
		{"[c2]\nmode = sym", ":2: ", "symmetric|pubkey"},
		{"[c2]\nmode = symmetric|pubkey", ":2: ", "symmetric|pubkey"},
		{"[c2]\nmode =", ":2: ", "symmetric|pubkey"},
		{"[c2]\nmode = pubkey\n\nmode = pubkey", ":4: ", "line 2 set it"},
		{"[http]\nlisten = x\n  open = on", ":3: ", "set again"},
		{"[http]\nlisten = a\tb", ":2: ", "control character"},
		{"[http\nlisten = x", ":1: ", "neither"},
		{"[http]\nlisten", ":2: ", "neither"},
		{"[http]\nlisten = x\nnonsense\n", ":3: ", "neither"},
	};
	struct settings s;
	char *text = malloc(300);

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		const char *got = read_text(&s, bad[i].text);

		if (!strstr(got, bad[i].what) || !strstr(got, bad[i].line))
			fprintf(stderr, "%s: %s\n", bad[i].text, got);
		CHECK(strstr(got, bad[i].what) && strstr(got, bad[i].line));
		CHECK(strncmp(got, path, strlen(path)) == 0);
		CHECK_STR(s.listen, "127.0.0.1:8888");
		CHECK_EQ(s.window, 100);
		CHECK_STR(s.mode, "symmetric");
		conf_free(&s, keys, N);
	}
	for (int len = 180; len < 260; len++) {
		const char *got;

		memset(text, 'x', 299);
		memcpy(text, "[http]\nlisten = ", 16);
		text[7 + len] = 0;
		got = read_text(&s, text);
		/* A line that fits comes through whole; none is cut. */
		if (len <= CONF_LINE_MAX)
			CHECK_EQ(strlen(s.listen), len - 9);
		CHECK_EQ(strstr(got, "longer") != NULL, len > CONF_LINE_MAX);
		conf_free(&s, keys, N);
	}
	free(text);
}

static void files_that_are_none_are_refused(void)
{
	struct settings s;
	struct err err;

	conf_defaults(&s, keys, N);
	put("[http]\nlisten = x\0y\n", 20);
	CHECK(!conf_read(&s, keys, N, path, &err));
	CHECK_EQ(err.code, ERR_CONFIG);
	CHECK(!conf_read(&s, keys, N, "/no/such/file", &err));
	CHECK_EQ(err.code, ERR_NOT_FOUND);
	CHECK(!conf_read(&s, keys, N, "/tmp", &err));
	CHECK(!conf_read(&s, keys, N, "/dev/zero", &err));
	CHECK_STR(s.listen, "127.0.0.1:8888");
	conf_free(&s, keys, N);
}

static void single_settings_override(void)
{
	static const char *const bad[] = {"",
					  "=",
					  "http.listen",
					  "http.lisen=x",
					  "=x",
					  "mqtt.window=",
					  "mqtt.window=5 ",
					  "http.open=TRUE",
					  "http.listen=a\nb"};
	struct settings s;
	struct err err;

	conf_defaults(&s, keys, N);
	CHECK(conf_set(&s, keys, N, "mqtt.window=5", &err));
	CHECK(conf_set(&s, keys, N, "http.listen=a=b;c", &err));
	CHECK(conf_set(&s, keys, N, "http.tls_cert=", &err));
	CHECK_EQ(s.window, 5);
	CHECK_STR(s.listen, "a=b;c");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		CHECK(!conf_set(&s, keys, N, bad[i], &err));
		CHECK_EQ(err.code, ERR_CONFIG);
	}
	CHECK_EQ(s.window, 5);
	CHECK_STR(s.listen, "a=b;c");
	conf_free(&s, keys, N);
}

/* The sample with its settings switched on must be the defaults again. */
static void the_sample_says_the_defaults(void)
{
	char *text = NULL, *out;
	size_t len, n = 0;
	FILE *f = open_memstream(&text, &len);
	struct settings s, d;

	conf_print_sample(f, keys, N);
	fclose(f);
	CHECK(strstr(text, "# In flight. (1 to 1000 messages)\n#window = 100\n") != NULL);
	CHECK(strstr(text, "(symmetric|pubkey)") != NULL);
	out = malloc(len + 1);
	for (size_t i = 0; i < len; i++) {
		/* Only "#name = value": not comments, and not what has no default. */
		if (text[i] == '#' && text[i + 1] != ' ' &&
		    strcspn(text + i, "=") < strcspn(text + i, "\n") &&
		    text[i + strcspn(text + i, "=") + 1] == ' ')
			continue;
		out[n++] = text[i];
	}
	out[n] = 0;
	CHECK_STR(read_text(&s, out), "");
	CHECK(strstr(out, "\nwindow = 100\n") != NULL);
	conf_defaults(&d, keys, N);
	CHECK_STR(s.listen, d.listen);
	CHECK_EQ(s.window, d.window);
	CHECK_STR(s.mode, d.mode);
	conf_free(&s, keys, N);
	conf_free(&d, keys, N);
	free(out);
	free(text);
}

static void the_reference_has_a_row_for_each_key(void)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int n = 0;

	conf_print_markdown(f, keys, N);
	fclose(f);
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		n++;
	CHECK_EQ(n, N + 2);
	CHECK(strstr(text, "| `c2.mode` | symmetric \\| pubkey | `symmetric` | Mode. |\n") != NULL);
	CHECK(strstr(text, "| `http.tls_cert` | path | | Certificate. |\n") != NULL);
	free(text);
}

int main(void)
{
	close(mkstemp(path));
	RUN(defaults_are_what_the_table_says);
	RUN(a_file_is_read_over_them);
	RUN(every_bad_file_is_refused_with_its_line_and_changes_nothing);
	RUN(files_that_are_none_are_refused);
	RUN(single_settings_override);
	RUN(the_sample_says_the_defaults);
	RUN(the_reference_has_a_row_for_each_key);
	unlink(path);
	return END();
}
