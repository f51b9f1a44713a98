/* How fast the core is, on a database in a file with durable commits. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "kit.h"

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Of this process alone: says what a run on a busy machine would take on a quiet one. */
static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double lap(const char *what, double since, double n)
{
	double now = seconds();

	printf("%-52s %10.0f /s  (%.3f s)\n", what, n / (now - since), now - since);
	return seconds();
}

/* Work until nothing is due; the broker delivers meanwhile. */
static void drain(struct kit *k)
{
	while (core_work(k->core, 256) == 0)
		bus_mem_deliver(k->hub);
	bus_mem_deliver(k->hub);
}

static void clients(struct kit *k, int n)
{
	uint8_t secret[64];
	char name[16];
	double t = seconds();

	for (int i = 0; i < n; i++) {
		random_bytes(secret, 32);
		if (k->config.mode == CORE_PUBKEY)
			e4_ed25519_keypair(secret, secret);
		snprintf(name, sizeof name, "c%d", i);
		CHECK(core_client_new(k->core, name,
				      k->config.mode == CORE_PUBKEY ? secret + 32 : secret, 32, 0,
				      0));
	}
	t = lap("clients created", t, n);
	CHECK(core_topic_new(k->core, "t", 0, 0));
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof name, "c%d", i);
		CHECK(core_attach(k->core, name, "t", 0, 0));
	}
	lap("attached", t, n);
}

enum { CHUNK = 1000, BATCH_TOPICS = 10 };

/* A fleet as an import brings it, a chunk a transaction. */
static void batches(struct kit *k, int n, const char *prefix, size_t n_topics)
{
	static char names[CHUNK][24], topics[BATCH_TOPICS][8];
	static uint8_t keys[CHUNK][64];
	static struct core_op ops[CHUNK];
	char *topic_list[BATCH_TOPICS], tag[] = "site=a", *tags[] = {tag};
	struct core_batch b = {.ops = ops, .n = CHUNK, .make_topics = true, .id = ""};
	struct core_batch_result r;
	double t = seconds(), made = 0, cpu = cpu_seconds(), cpu_made = 0;

	for (size_t i = 0; i < BATCH_TOPICS; i++) {
		snprintf(topics[i], sizeof topics[i], "bt%zu", i);
		topic_list[i] = topics[i];
	}
	for (int i = 0; i < n; i += CHUNK) {
		double start = seconds(), cpu_start = cpu_seconds();

		for (size_t j = 0; j < CHUNK; j++) {
			snprintf(names[j], sizeof names[j], "%s%08zu", prefix, (size_t)i + j);
			random_bytes(keys[j], 32);
			if (k->config.mode == CORE_PUBKEY)
				e4_ed25519_keypair(keys[j], keys[j]);
			ops[j] = (struct core_op){
				.kind = CORE_OP_CLIENT_NEW,
				.client = names[j],
				.key = k->config.mode == CORE_PUBKEY ? keys[j] + 32 : keys[j],
				.key_len = 32,
				.traits = {.type = CORE_TYPE_AS_IT_WAS,
					   .add = tags,
					   .n_add = n_topics ? 1 : 0},
				.topics = topic_list,
				.n_topics = n_topics};
		}
		made += seconds() - start;
		cpu_made += cpu_seconds() - cpu_start;
		CHECK(core_batch(k->core, &b, &r, 0));
		CHECK_EQ(r.changed, CHUNK);
	}
	lap(n_topics ? "clients with a tag and 10 topics created in batches"
		     : "clients created in batches of 1000",
	    t + made, n);
	printf("%-52s %10.0f /s\n", "  by its CPU time", n / (cpu_seconds() - cpu - cpu_made));
}

static void search(struct kit *k, int n)
{
	char tag[] = "site=a", *tags[] = {tag};
	struct core_search s = {.prefix = "",
				.contains = "",
				.cursor = "",
				.tags = tags,
				.n_tags = 1,
				.limit = 100,
				.with_topics = true};
	struct core_found_clients found;
	struct arena arena = ARENA_INIT;
	char cursor[STORE_NAME_MAX + 1];
	double t = seconds();
	size_t seen = 0;

	do {
		CHECK(core_search_clients(k->core, &s, &arena, &found, 0));
		seen += found.n;
		snprintf(cursor, sizeof cursor, "%s", found.cursor);
		s.cursor = cursor;
		arena_free(&arena);
	} while (cursor[0]);
	CHECK_EQ(seen, (size_t)n);
	lap("clients found by tag, with topics, pages of 100", t, n);
}

static void deliver(struct kit *k, int n)
{
	double t = seconds();

	bus_mem_set_window(k->hub, 1000);
	drain(k);
	lap("first keys sent (SetTopicKey and ReportState each)", t, n);
	k->clock_state.wall_ms += 5000;
	t = seconds();
	CHECK(core_topic_new(k->core, "t", 0, 0));
	t = lap("rotation of a topic of all", t, 1);
	drain(k);
	lap("devices handed the rotated key", t, n);
}

static void forged(struct kit *k, int n)
{
	struct bus_handler h = core_bus_handler(k->core);
	uint8_t bytes[78] = {1}, id[16];
	char topic[E4_RECEIPT_TOPIC_LEN + 1];
	double t;

	e4_id_from_name(id, "c0", 2);
	e4_receipt_topic(topic, id);
	t = seconds();
	for (int i = 0; i < n; i++) {
		h.on_message(h.ctx, topic, bytes, sizeof bytes);
		if (i % 1000 == 999)
			drain(k);
	}
	lap("forged receipts refused", t, n);
}

static void devices(struct kit *k, int n)
{
	struct device **d = mem_array((size_t)n, sizeof(struct device *));
	char name[16];
	double t;
	int good = 0;

	CHECK(core_topic_new(k->core, "u", 0, 0));
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof name, "live%d", i);
		d[i] = device_new(k, name);
		CHECK(core_attach(k->core, name, "u", 0, 0));
	}
	t = seconds();
	kit_settle(k);
	lap("live devices: key, receipt, confirmed", t, n);
	for (int i = 0; i < n; i++) {
		good += in_sync(k, d[i]);
		device_free(d[i]);
	}
	CHECK_EQ(good, n);
	free(d);
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? (int)strtol(argv[1], 0, 10) : 10000;
	static struct kit k;

	log_set_level(LOG_ERROR);
	for (int m = CORE_SYMKEY; m <= CORE_PUBKEY; m++) {
		printf("%s mode, %d clients\n", m == CORE_SYMKEY ? "symmetric" : "pubkey", n);
		kit_open_file(&k, (enum core_mode)m);
		clients(&k, n);
		batches(&k, 10 * n, "plain", 0);
		batches(&k, n, "full", BATCH_TOPICS);
		search(&k, n);
		deliver(&k, n);
		forged(&k, n);
		devices(&k, n / 10);
		kit_close(&k);
	}
	return END();
}
