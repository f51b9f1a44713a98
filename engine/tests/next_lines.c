#define _GNU_SOURCE
/*
 * For comparisons with other implementations. Lines on the input: zone, instant, how many, an
 * expression, with tabs between; on the output: the firings after the instant, or the error.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/schedule.h"

static void answer(struct zones *zones, const char *zone, int64_t t, int n, const char *text)
{
	const struct zone *z;
	struct schedule s;
	struct err err;
	int64_t next;

	if (!zones_find(zones, &z, zone, &err) || !schedule_parse(&s, text, &err)) {
		printf("%s\n", err.text);
		return;
	}
	for (; n > 0 && schedule_next(&s, z, t, 0, &next); n--)
		printf("%" PRId64 " ", t = next);
	printf("\n");
}

int main(void)
{
	struct zones zones = {0};
	char line[1024];

	while (fgets(line, sizeof line, stdin)) {
		char *part[4], *rest = line;
		int n = 0;

		line[strcspn(line, "\n")] = 0;
		while (n < 4 && rest)
			part[n++] = strsep(&rest, "\t");
		if (n < 4)
			return 2;
		answer(&zones, part[0], strtoll(part[1], NULL, 10), atoi(part[2]), part[3]);
	}
	zones_free(&zones);
	return 0;
}
