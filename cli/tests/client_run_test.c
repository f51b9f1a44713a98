/* What e4client leaves of a line: it may hold a password. */
#define _GNU_SOURCE
#include <string.h>

#include "base/loop.h"
#include "cli/client_run.h"
#include "tests/check.h"

static void nothing_of_a_typed_line_stays_in_memory(void)
{
	static const char *const lines[] = {
		"print-key correct horse battery staple", /* too many words */
		"print-kye correct-horse-battery",        /* no command */
		"print-key \"correct horse",              /* no closing quote */
		"# correct horse",
	};
	struct loop *loop = loop_new();
	struct client_run r;

	client_run_init(&r, loop);
	r.interactive = true;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		char line[64] = "";
		static const char none[64];

		strcpy(line, lines[i]);
		client_run_now(&r, line);
		CHECK(memcmp(line, none, sizeof line) == 0);
	}
	client_run_free(&r);
	loop_free(loop);
}

int main(void)
{
	RUN(nothing_of_a_typed_line_stays_in_memory);
	return END();
}
