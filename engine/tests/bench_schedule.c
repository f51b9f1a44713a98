/* What finding the next firing costs, along ten years of a fleet's time or to the last firing. */
#define _GNU_SOURCE
#include <stdio.h>
#include <time.h>

#include "engine/schedule.h"

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static double ns_per_next(const char *text, const struct zone *z)
{
	struct schedule s;
	struct err err;
	int64_t start = 1767225600, t = start, next;
	double began = now_ns();
	int n = 0;

	if (!schedule_parse(&s, text, &err))
		return 0;
	for (; n < 200000; n++)
		t = schedule_next(&s, z, t, start, &next) && next < start + 315576000 ? next
										      : start;
	return (now_ns() - began) / n;
}

int main(void)
{
	static const char *const texts[] = {
		"@every 7d",         "* * * * *",     "*/15 * * * *",    "0 3 * * MON",
		"0 3 LW * *",        "30 2 1,15 * ?", "0 0 * JAN MON#1", "0 0 29 FEB MON#5",
		"0 0 0 29 2 ? 2096", "0 0 30 2 *"};
	struct zones zones = {0};
	const struct zone *utc, *zurich;
	struct err err;

	if (!zones_find(&zones, &utc, "UTC", &err) ||
	    !zones_find(&zones, &zurich, "Europe/Zurich", &err))
		return 1;
	printf("%-20s %8s %14s\n", "ns per next firing", "UTC", "Europe/Zurich");
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		printf("%-20s %8.0f %14.0f\n", texts[i], ns_per_next(texts[i], utc),
		       ns_per_next(texts[i], zurich));
	zones_free(&zones);
	return 0;
}
