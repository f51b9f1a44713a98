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
		deliver(&k, n);
		forged(&k, n);
		devices(&k, n / 10);
		kit_close(&k);
	}
	return END();
}
