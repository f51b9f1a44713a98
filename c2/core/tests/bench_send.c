/*
 * Commands derived, encrypted and handed to the bus in memory, from a database
 * in a file with durable commits: by the clock, and by the time of one core.
 * With E4_STORE_URL from an empty database of PostgreSQL, which then is of the
 * first mode for ever.
 *
 * Usage: bench_send [DEVICES] [TOPICS of each] [ROTATIONS]
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "fleet.h"

enum { WINDOW = 4096, SLICE = 256 };

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct lap {
	double wall, cpu;
};

static struct lap lap_begin(void)
{
	return (struct lap){seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID)};
}

static void lap_end(struct lap since, const char *what, size_t n)
{
	double wall = seconds(CLOCK_MONOTONIC) - since.wall;
	double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - since.cpu;

	printf("%-44s %9zu %10.0f/s %10.0f/s and core  (%.2f s)\n", what, n, (double)n / wall,
	       (double)n / cpu, wall);
}

/* Work until nothing is due; returns the messages that it made. */
static size_t drain(struct kit *k)
{
	size_t before = fleet_published, woken;
	bool more;

	do {
		woken = k->n_woken;
		more = core_work(k->core, SLICE) == 0;
		bus_mem_deliver(k->hub);
	} while (more || k->n_woken != woken);
	return fleet_published - before;
}

static void rotate_one(struct kit *k, int devices)
{
	struct lap t;
	size_t n;

	fleet_confirm(k);
	t = lap_begin();
	CHECK(core_topic_new(k->core, "t0", 0, 0));
	n = drain(k);
	lap_end(t, "rotation of one topic of all devices", n);
	CHECK_EQ(n, devices * 2);
}

static void measure(struct kit *k, int devices, int topics, int rounds)
{
	struct lap t = lap_begin();
	size_t n;

	fleet_new(k, devices, topics);
	lap_end(t, "(clients created and attached, in groups)", (size_t)devices);
	t = lap_begin();
	n = drain(k);
	lap_end(t, "first keys: all topics of each device", n);
	CHECK_EQ(n, devices * (topics + 1));
	for (int i = 0; i < rounds; i++)
		rotate_one(k, devices);
	fleet_confirm(k);
	t = lap_begin();
	n = fleet_published;
	fleet_topics(k, topics);
	drain(k);
	n = fleet_published - n;
	lap_end(t, "all topics rotated: all of each device again", n);
	CHECK_EQ(n, devices * (topics + 1));
}

int main(int argc, char **argv)
{
	int devices = argc > 1 ? (int)strtol(argv[1], 0, 10) : 20000;
	int topics = argc > 2 ? (int)strtol(argv[2], 0, 10) : 10;
	int rounds = argc > 3 ? (int)strtol(argv[3], 0, 10) : 3;
	static struct kit k;

	log_set_level(LOG_ERROR);
	for (int m = CORE_SYMKEY; m <= (getenv("E4_STORE_URL") ? CORE_SYMKEY : CORE_PUBKEY); m++) {
		printf("%s mode, %d devices\n", m == CORE_SYMKEY ? "symmetric" : "pubkey", devices);
		kit_open_in(&k, (enum core_mode)m, "/var/tmp");
		bus_mem_set_window(k.hub, WINDOW);
		fleet_count(&k, &k.bus);
		measure(&k, devices, topics, rounds);
		kit_close(&k);
	}
	return END();
}
