/*
 * Commands derived, encrypted and handed to the bus in memory, from a database
 * in a file with durable commits: by the clock, and by the time of one core.
 *
 * Usage: bench_send [DEVICES] [TOPICS of each] [ROTATIONS]
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "kit.h"

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

static void told(void *ctx, const struct err *err)
{
	(void)ctx;
	CHECK(!err);
}

static size_t n_published;
static struct bus_ops counted_ops;
static const struct bus_ops *real_ops;

static bool counted_publish(void *ctx, const char *topic, const uint8_t *payload, size_t len,
			    int qos, bool retain, struct err *err)
{
	bool ok = real_ops->publish(ctx, topic, payload, len, qos, retain, err);

	n_published += ok;
	return ok;
}

static void count_published(struct kit *k)
{
	struct bus bus = {&counted_ops, k->bus.ctx};

	real_ops = k->bus.ops;
	counted_ops = *real_ops;
	counted_ops.publish = counted_publish;
	CHECK(core_set_bus(k->core, &bus, 0));
}

/* Work until nothing is due; returns the messages that it made. */
static size_t drain(struct kit *k)
{
	size_t before = n_published, woken;
	bool more;

	do {
		woken = k->n_woken;
		more = core_work(k->core, SLICE) == 0;
		bus_mem_deliver(k->hub);
	} while (more || k->n_woken != woken);
	return n_published - before;
}

static void name_of(char out[16], char kind, int i)
{
	snprintf(out, 16, "%c%d", kind, i);
}

static void topics_new(struct kit *k, int topics)
{
	char topic[16];

	for (int i = 0; i < topics; i++) {
		name_of(topic, 't', i);
		CHECK(core_topic_new(k->core, topic, 0, 0));
	}
	core_work(k->core, 0);
}

static void fleet_new(struct kit *k, int devices, int topics)
{
	char name[16], topic[16];
	uint8_t secret[64];

	topics_new(k, topics);
	for (int i = 0; i < devices; i++) {
		random_bytes(secret, 32);
		if (k->config.mode == CORE_PUBKEY)
			e4_ed25519_keypair(secret, secret);
		name_of(name, 'c', i);
		CHECK(core_client_new(k->core, name,
				      k->config.mode == CORE_PUBKEY ? secret + 32 : secret, 32, 0,
				      0));
		for (int j = 0; j < topics; j++) {
			name_of(topic, 't', j);
			CHECK(core_attach(k->core, name, topic, 0, 0));
		}
		if (i % 256 == 255)
			core_work(k->core, 0);
	}
	core_work(k->core, 0);
}

/* As after the receipts of all: nothing is due any more. */
static void confirm_all(struct kit *k)
{
	const struct store *st = &k->real_store;
	struct client_list list = {0};
	int64_t after = 0, revision;

	CHECK(st->ops->revision(st->ctx, &revision, 0) && st->ops->begin(st->ctx, 0));
	do {
		list.n = 0;
		CHECK(st->ops->clients_after(st->ctx, after, CORE_PAGE, client_list_add, &list, 0));
		for (size_t i = 0; i < list.n; i++) {
			struct store_client *row = &list.rows[i];

			after = row->id;
			row->confirmed_rev = row->sent_rev = revision;
			row->last_seen = core_now(k->core);
			row->next_at = row->asked_at = row->attempts = 0;
			row->reason = 0;
		}
		CHECK(st->ops->clients_state(st->ctx, list.rows, list.n, 0));
	} while (list.n == CORE_PAGE);
	client_list_free(&list);
	CHECK(st->ops->commit(st->ctx, 0));
	k->clock_state.wall_ms += 5000;
}

static void rotate_one(struct kit *k, int devices)
{
	struct lap t;
	size_t n;

	confirm_all(k);
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
	confirm_all(k);
	t = lap_begin();
	n = n_published;
	topics_new(k, topics);
	drain(k);
	n = n_published - n;
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
	for (int m = CORE_SYMKEY; m <= CORE_PUBKEY; m++) {
		printf("%s mode, %d devices\n", m == CORE_SYMKEY ? "symmetric" : "pubkey", devices);
		kit_open_in(&k, (enum core_mode)m, "/var/tmp");
		core_group(k.core, told, 0);
		bus_mem_set_window(k.hub, WINDOW);
		count_published(&k);
		measure(&k, devices, topics, rounds);
		kit_close(&k);
	}
	return END();
}
