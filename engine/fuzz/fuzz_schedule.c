/*
 * A text from anywhere as a schedule and as a duration. What is taken has to fire as oracle.h
 * says, at instants near a change of the clock that the text's hash picks.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/duration.h"
#include "engine/tests/oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz_schedule: %s\n", what);
	abort();
}

static const struct zone *zone(unsigned pick)
{
	static const char *const names[] = {"UTC", "Europe/Zurich", "Australia/Lord_Howe",
					    "Pacific/Apia", "Africa/Casablanca"};
	static struct zones zones;
	const struct zone *z = NULL;
	struct err err;

	must(zones_find(&zones, &z, names[pick % 5], &err), "the zones are there");
	return z;
}

/* A few minutes, second by second. */
static void look_closely(const struct schedule *s, const struct zone *z, int64_t after)
{
	int64_t next, highest = zone_highest(z, after);
	bool some = schedule_next(s, z, after, 0, &next);

	for (int64_t t = after + 1; t < after + 300; t++) {
		int64_t local = zone_local(z, t), again;

		must(oracle_fires(s, local, highest) == (some && next == t),
		     "the next is the first");
		highest = local > highest ? local : highest;
		if (some && next == t) {
			must(schedule_next(s, z, t - 1, 0, &again) && again == t, "it stays");
			some = schedule_next(s, z, t, 0, &next);
		}
		must(!some || next > t, "the next is later");
	}
}

static void fire(const struct schedule *s, uint64_t hash)
{
	const struct zone *z = zone((unsigned)(hash % 5));
	int64_t t = (int64_t)((hash >> 8) % (uint64_t)ZONE_END_S), next;
	struct err err;

	if (z->n > 1)
		t = z->change[1 + (hash >> 8) % (z->n - 1)].at_s + (int64_t)(hash >> 32 & 8191) -
		    4096;
	must(schedule_check(s, z, t, &err) == schedule_next(s, z, t, t, &next), "the check agrees");
	if (s->period_s) {
		must(schedule_next(s, z, t, t, &next) && next == t + s->period_s, "a period");
		return;
	}
	look_closely(s, z, t);
	if (schedule_next(s, z, t, 0, &next) && next > 150)
		look_closely(s, z, next - 150);
}

static void duration(const char *text)
{
	char back[DURATION_CAP];
	struct err err;
	int64_t s, again;

	if (!duration_parse(&s, text, &err)) {
		must(err.code == ERR_INVALID, "refused for the writer's mistake");
		return;
	}
	duration_format(back, s);
	must(duration_parse(&again, back, &err) && again == s, "a duration comes back");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t hash = 0xcbf29ce484222325u;
	char *text = malloc(size + 1);
	struct schedule s;
	struct err err;

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = 0;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ data[i]) * 0x100000001b3u;
	duration(text);
	if (schedule_parse(&s, text, &err))
		fire(&s, hash ^ hash >> 29);
	else
		must(err.code == ERR_INVALID && *err.text, "refused for the writer's mistake");
	free(text);
	return 0;
}
