/* Makes the manual page: docgen TEMPLATE, whose lines @TH@ and @SETTINGS@ it fills in. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "c2/conf.h"

static void put_roff(const char *text)
{
	if (*text == '.' || *text == '\'')
		printf("\\&");
	for (; *text; text++) {
		if (*text == '\\')
			printf("\\e");
		else if (*text == '-')
			printf("\\-");
		else
			putchar(*text);
	}
}

static void put_kind(const struct conf_key *key)
{
	switch (key->type) {
	case CONF_BOOL:
		printf("true or false");
		break;
	case CONF_INT:
		printf("%" PRId64 " to %" PRId64 "%s%s", key->min, key->max, key->unit ? " " : "",
		       key->unit ? key->unit : "");
		break;
	case CONF_TEXT:
		printf("text");
		break;
	case CONF_PATH:
		printf("path");
		break;
	case CONF_CHOICE:
		put_roff(key->choices);
		break;
	}
}

static void put_setting(const struct conf_key *key)
{
	printf(".TP\n.BR \"");
	put_roff(key->name);
	printf(" \" \"(");
	put_kind(key);
	if (key->fallback && key->fallback[0]) {
		printf("; default ");
		put_roff(key->fallback);
	}
	printf(")\"\n");
	put_roff(key->help);
	putchar('\n');
}

int main(int argc, char **argv)
{
	FILE *f = argc == 2 ? fopen(argv[1], "r") : NULL;
	char line[1024];

	if (!f) {
		fprintf(stderr, "usage: docgen TEMPLATE\n");
		return EXIT_FAILURE;
	}
	while (fgets(line, sizeof line, f)) {
		if (strcmp(line, "@TH@\n") == 0)
			printf(".TH c2 8 \"\" \"E4 " C2_VERSION "\" \"E4\"\n");
		else if (strcmp(line, "@SETTINGS@\n") == 0)
			for (size_t i = 0; i < c2_conf_n_keys; i++)
				put_setting(&c2_conf_keys[i]);
		else
			fputs(line, stdout);
	}
	fclose(f);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
