/*
 * A database as it is after years, without the years: a fleet of which every
 * device has confirmed all, in the given number of topics each, one of them
 * ("fleet") that of all devices. For benchmarks that start c2 on it.
 *
 * Usage: fill_fleet DATABASE PASSPHRASE_FILE CLIENTS TOPICS_EACH
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "c2/core/keys.h"
#include "c2/custody/soft.h"
#include "c2/store/sqlite.h"
#include "e4/protocol.h"

enum { BATCH = 10000 };

static struct store store;
static struct custody custody;
static struct err err;
static int64_t n_clients, each, n_topics, now;
static int64_t *topic_ids;

#define DB(op, ...) must(store.ops->op(store.ctx, __VA_ARGS__))

static void must(bool ok)
{
	if (ok)
		return;
	fprintf(stderr, "fill_fleet: %s\n", err.text);
	exit(1);
}

static void random_key(uint8_t key[32])
{
	must(getrandom(key, 32, 0) == 32);
}

static int64_t next_rev(void)
{
	int64_t rev;

	DB(revision_next, &rev, &err);
	return rev;
}

static int64_t add_topic(const char *name)
{
	struct store_topic t = {.rev = next_rev(), .rotated_at = now};
	uint8_t key[32];

	snprintf(t.name, sizeof t.name, "%s", name);
	e4_topic_hash(t.hash, name, strlen(name));
	random_key(key);
	must(seal_topic_key(&custody, &t.key, t.hash, t.rev, key, &err));
	t.walk_rev = t.rev;
	DB(topic_put, &t, &err);
	return t.id;
}

static void add_topics(void)
{
	char name[64];

	n_topics = 1 + n_clients / 1000;
	topic_ids = calloc((size_t)n_topics, sizeof *topic_ids);
	DB(begin, &err);
	topic_ids[0] = add_topic("fleet");
	for (int64_t i = 1; i < n_topics; i++) {
		snprintf(name, sizeof name, "plant/line-%04d/measurements", (int)i);
		topic_ids[i] = add_topic(name);
	}
	DB(commit, &err);
}

/* The row as a receipt that agrees leaves it. */
static void confirm(struct store_client *c, int64_t rev)
{
	c->sent_rev = c->confirmed_rev = rev;
	c->last_stamp = (uint64_t)now;
	c->last_seen = now;
}

static void add_client(int64_t i, int64_t final_rev)
{
	struct store_client c = {.key_rev = next_rev()};
	uint8_t key[32];

	snprintf(c.name, sizeof c.name, "device-%07d", (int)i);
	e4_id_from_name(c.e4id, c.name, strlen(c.name));
	random_key(key);
	must(seal_client_key(&custody, &c.key, c.e4id, c.key_rev, key, &err));
	c.wanted_rev = c.key_rev + each;
	confirm(&c, final_rev);
	DB(client_put, &c, &err);
	for (int64_t j = 0; j < each; j++) {
		int64_t topic = j == 0 ? 0 : 1 + (i / 1000 + j * 101) % (n_topics - 1);
		struct store_member m = {c.id, topic_ids[topic], next_rev(), false};

		DB(member_put, &m, &err);
	}
}

int main(int argc, char **argv)
{
	struct custody_soft_config config = {.passphrase_file = argc == 5 ? argv[2] : 0};
	int64_t final_rev;

	if (argc != 5) {
		fputs("usage: fill_fleet DATABASE PASSPHRASE_FILE CLIENTS TOPICS_EACH\n", stderr);
		return 2;
	}
	n_clients = strtol(argv[3], 0, 10);
	each = strtol(argv[4], 0, 10);
	now = (int64_t)time(0);
	must(store_sqlite_open(&store, argv[1], &err));
	must(custody_soft_open(&custody, &config, &store, &err));
	add_topics();
	final_rev = n_topics + n_clients * (each + 1);
	for (int64_t i = 0; i < n_clients; i++) {
		if (i % BATCH == 0)
			DB(begin, &err);
		add_client(i, final_rev);
		if (i % BATCH == BATCH - 1 || i == n_clients - 1)
			DB(commit, &err);
	}
	free(topic_ids);
	custody_close(&custody);
	store.ops->close(store.ctx);
	return 0;
}
