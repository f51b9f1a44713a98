/* Receipts and announcements: what was lost is found and repaired, what is forged costs little. */
#include "base/log.h"
#include "kit.h"

static const enum core_mode modes[] = {CORE_SYMKEY, CORE_PUBKEY};
#define EACH_MODE(m) for (size_t m##_i = 0; m##_i < 2; m##_i++)
#define MODE(m) modes[m##_i]

static struct err err;
static struct core_delivery out;

static void attach(struct kit *k, const char *client, const char *topic)
{
	CHECK(core_attach(k->core, client, topic, &out, &err));
}

static void topic(struct kit *k, const char *name)
{
	CHECK(core_topic_new(k->core, name, &out, &err));
}

static int drop_all(void *ctx, const char *t, const uint8_t *payload, size_t len)
{
	(void)ctx, (void)t, (void)payload, (void)len;
	return 0;
}

static void a_lost_command_is_repaired_by_what_differs_only(void)
{
	struct kit k;
	struct device *d;
	char name[16];
	struct e4_topic t;

	kit_open(&k, CORE_SYMKEY);
	d = device_new(&k, "a");
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof name, "t%d", i);
		topic(&k, name);
		attach(&k, "a", name);
	}
	kit_settle(&k);
	CHECK(in_sync(&k, d));
	/* Behind C2's back: one topic gone, one with another key, one too many. */
	CHECK_EQ(e4_topic_init(&t, &d->client, "t3", 2), E4_OK);
	CHECK_EQ(e4_remove_topic(&d->client, &t), E4_OK);
	CHECK_EQ(e4_topic_init(&t, &d->client, "t4", 2), E4_OK);
	CHECK_EQ(e4_set_topic_key(&d->client, &t,
				  (const uint8_t *)"0123456789abcdef0123456789abcdef"),
		 E4_OK);
	CHECK_EQ(e4_topic_init(&t, &d->client, "x", 1), E4_OK);
	CHECK_EQ(e4_set_topic_key(&d->client, &t,
				  (const uint8_t *)"0123456789abcdef0123456789abcdef"),
		 E4_OK);
	d->n_commands = d->n_messages = 0;
	kit_run(&k, 60);
	device_announce(d);
	kit_settle(&k);
	CHECK(in_sync(&k, d));
	CHECK_EQ(d->n_commands, 3);
	CHECK_EQ(d->n_messages, 6);
	device_free(d);
	kit_close(&k);
}

static void what_a_device_lost_after_it_was_confirmed_shows_as_not_confirmed(void)
{
	struct kit k;
	struct device *d;
	struct e4_topic t;

	kit_open(&k, CORE_SYMKEY);
	d = device_new(&k, "a");
	topic(&k, "t");
	attach(&k, "a", "t");
	kit_settle(&k);
	CHECK_EQ(e4_topic_init(&t, &d->client, "t", 1), E4_OK);
	CHECK_EQ(e4_remove_topic(&d->client, &t), E4_OK);
	kit_run(&k, 60);
	device_announce(d);
	bus_mem_deliver(k.hub);
	core_work(k.core, 10);  /* asks */
	bus_mem_deliver(k.hub); /* it answers */
	bus_mem_set_fate(k.hub, drop_all, 0);
	core_work(k.core, 10);
	CHECK(kit_status(&k, "a").state != CORE_CLIENT_CONFIRMED);
	bus_mem_set_fate(k.hub, 0, 0);
	kit_run(&k, 60);
	CHECK(in_sync(&k, d));
	device_free(d);
	kit_close(&k);
}

static void a_full_table_shows_its_reason_and_does_not_cause_a_storm(void)
{
	struct kit k;
	struct device *d;
	size_t seen;

	kit_open(&k, CORE_SYMKEY);
	d = device_new(&k, "small");
	d->client.cfg.n_topics = 2;
	for (int i = 0; i < 3; i++) {
		char name[16];

		snprintf(name, sizeof name, "t%d", i);
		topic(&k, name);
		attach(&k, "small", name);
	}
	kit_run(&k, 86400);
	CHECK_STR(kit_status(&k, "small").reason,
		  "it does not take what it is sent: its tables may be full");
	CHECK(kit_status(&k, "small").state != CORE_CLIENT_CONFIRMED);
	seen = d->n_messages;
	kit_run(&k, 86400);
	CHECK(d->n_messages - seen < 120);
	/* A rotation still reaches what it does hold. */
	topic(&k, "t0");
	topic(&k, "t1");
	topic(&k, "t2");
	kit_run(&k, 7200);
	CHECK_EQ(d->client.topics_used, 2);
	/* And room made for it is used. */
	d->client.cfg.n_topics = 3;
	kit_run(&k, 7200);
	CHECK(in_sync(&k, d));
	device_free(d);
	kit_close(&k);
}

static void replayed_announcements_cost_one_question_a_gap(void)
{
	struct kit k;
	struct device *d;
	uint8_t replay[256];
	size_t len, writes;
	char t[E4_RECEIPT_TOPIC_LEN + 1];

	kit_open(&k, CORE_SYMKEY);
	d = device_new(&k, "a");
	topic(&k, "t");
	attach(&k, "a", "t");
	kit_settle(&k);
	kit_run(&k, 3600);
	device_announce(d);
	len = d->last_receipt_len;
	memcpy(replay, d->last_receipt, len);
	kit_settle(&k);
	e4_client_receipt_topic(&d->client, t);
	d->n_messages = 0;
	writes = k.n_writes;
	for (int s = 0; s < 300; s++) {
		for (int i = 0; i < 20; i++)
			CHECK(bus_publish(&d->bus, t, replay, len, 1, false, 0));
		kit_run(&k, 1);
	}
	CHECK(d->n_messages <= 22); /* in our time, and in that of the old announcement */
	CHECK(k.n_writes - writes <= 40);
	CHECK(in_sync(&k, d));
	/* The device gone, its announcements still replayed. */
	d->online = false;
	writes = k.n_writes;
	for (int s = 0; s < 300; s++) {
		CHECK(bus_publish(&d->bus, t, replay, len, 1, false, 0));
		kit_run(&k, 1);
	}
	CHECK(k.n_writes - writes <= 50);
	device_free(d);
	kit_close(&k);
}

static void forged_receipts_write_nothing(void)
{
	EACH_MODE(m)
	{
		struct kit k;
		struct device *d;
		uint8_t bytes[4096];
		char t[E4_RECEIPT_TOPIC_LEN + 1];
		size_t writes, commits;

		kit_open(&k, MODE(m));
		d = device_new(&k, "a");
		topic(&k, "t");
		attach(&k, "a", "t");
		kit_settle(&k);
		e4_client_receipt_topic(&d->client, t);
		writes = k.n_writes;
		commits = k.n_commits;
		for (size_t len = 0; len < 300; len++) {
			random_bytes(bytes, 256);
			CHECK(bus_publish(&d->bus, t, bytes, len, 1, false, 0));
			if (len % 50 == 0)
				kit_settle(&k);
		}
		/* Every bit of a real one, and of a command. */
		for (size_t i = 0; i < d->last_receipt_len * 8; i++) {
			memcpy(bytes, d->last_receipt, d->last_receipt_len);
			bytes[i / 8] ^= (uint8_t)(1 << i % 8);
			CHECK(bus_publish(&d->bus, t, bytes, d->last_receipt_len, 1, false, 0));
			if (i % 50 == 0)
				kit_settle(&k);
		}
		CHECK(bus_publish(&d->bus, "e4/zz/receipt", bytes, 78, 1, false, 0));
		CHECK(bus_publish(&d->bus, "e4/00000000000000000000000000000000/receipt", bytes, 78,
				  1, false, 0));
		kit_settle(&k);
		/* And the real one again: its nonce is used up. */
		CHECK(bus_publish(&d->bus, t, d->last_receipt, d->last_receipt_len, 1, false, 0));
		kit_settle(&k);
		CHECK_EQ(k.n_writes, writes);
		CHECK_EQ(k.n_commits, commits);
		CHECK(in_sync(&k, d));
		device_free(d);
		kit_close(&k);
	}
}

static void a_flood_fills_a_bounded_queue_only(void)
{
	struct kit k;
	struct device *d;
	struct bus_handler h;
	static uint8_t big[65536];
	char t[E4_RECEIPT_TOPIC_LEN + 1];

	kit_open(&k, CORE_SYMKEY);
	d = device_new(&k, "a");
	e4_client_receipt_topic(&d->client, t);
	h = core_bus_handler(k.core);
	for (int i = 0; i < 20000; i++)
		h.on_message(h.ctx, t, big, i % 2 ? sizeof big : 78);
	CHECK(k.core->receipts.bytes <= QUEUE_BYTES);
	topic(&k, "t");
	attach(&k, "a", "t");
	/* Delivery goes on beside it: one slice is enough for the key to go out. */
	core_work(k.core, 16);
	bus_mem_deliver(k.hub);
	CHECK(device_key(d, "t") != 0);
	kit_settle(&k);
	kit_run(&k, 30);
	CHECK(in_sync(&k, d));
	device_free(d);
	kit_close(&k);
}

/* It lost one public key and came by another: sending alone does not help, a reset does. */
static void a_wrong_public_key_is_found_without_a_storm(void)
{
	struct kit k;
	struct device *d, *e;
	uint8_t id[16] = {7};

	kit_open(&k, CORE_PUBKEY);
	d = device_new(&k, "a");
	e = device_new(&k, "b");
	topic(&k, "t");
	attach(&k, "a", "t");
	CHECK(core_pubkey_send(k.core, "b", "a", &out, &err));
	kit_settle(&k);
	CHECK(in_sync(&k, d));
	CHECK_EQ(e4_remove_peer(&d->client, e->client.id), E4_OK);
	CHECK_EQ(e4_set_peer(&d->client, id, e->client.key + 32), E4_OK);
	d->n_messages = 0;
	kit_run(&k, 60);
	device_announce(d);
	kit_run(&k, 30);
	CHECK(in_sync(&k, d));
	CHECK(d->n_messages <= 10);
	device_free(d);
	device_free(e);
	kit_close(&k);
}

/* --- several servers on one database ------------------------------------------------------- */

/* A second one: it shares the database and hears every receipt too. */
struct other {
	struct core *core;
	struct bus bus;
};

static void other_open(struct other *o, struct kit *k)
{
	struct bus_handler handler;

	o->core = core_new(&k->config, &k->store, &k->custody, &k->clock, 0, 0, &err);
	CHECK(o->core != 0);
	handler = core_bus_handler(o->core);
	bus_mem_open(&o->bus, k->hub, &handler);
	CHECK(core_set_bus(o->core, &o->bus, &err));
}

static void other_close(struct other *o)
{
	bus_close(&o->bus);
	core_free(o->core);
}

static void every_receipt_at_two_servers_does_no_harm(void)
{
	EACH_MODE(m)
	{
		struct kit k;
		struct other o;
		struct device *d;
		size_t seen;

		kit_open(&k, MODE(m));
		other_open(&o, &k);
		d = device_new(&k, "a");
		topic(&k, "t");
		attach(&k, "a", "t");
		for (int i = 0; i < 50; i++) {
			/* Either may be first, each takes its turn with what lies in the database.
			 */
			struct core *first = i % 2 ? o.core : k.core;
			struct core *second = i % 2 ? k.core : o.core;

			if (i % 10 == 3)
				topic(&k, "t");
			if (i % 10 == 5)
				CHECK(core_client_new_key(second, "a", &out, &err));
			if (i % 10 == 7 && MODE(m) == CORE_PUBKEY)
				CHECK(core_new_c2_key(first, true, false, &out, &err));
			if (i % 10 == 9)
				device_announce(d);
			for (int n = 0; n < 8; n++) {
				core_work(first, 64);
				core_work(second, 64);
				bus_mem_deliver(k.hub);
			}
			k.clock_state.wall_ms += 40000;
			CHECK_EQ(k.core->outbox.n + o.core->outbox.n, 0);
		}
		CHECK(in_sync(&k, d));
		/* One conversation each, not two: a key and a question, under some keys. */
		seen = d->n_messages;
		topic(&k, "t");
		for (int n = 0; n < 8; n++) {
			core_work(k.core, 64);
			core_work(o.core, 64);
			bus_mem_deliver(k.hub);
		}
		CHECK(in_sync(&k, d));
		CHECK_EQ(d->n_messages - seen, 2);
		other_close(&o);
		device_free(d);
		kit_close(&k);
	}
}

int main(void)
{
	/* What fails here fails on purpose. */
	log_set_level(LOG_ERROR + 1);
	RUN(a_lost_command_is_repaired_by_what_differs_only);
	RUN(what_a_device_lost_after_it_was_confirmed_shows_as_not_confirmed);
	RUN(a_full_table_shows_its_reason_and_does_not_cause_a_storm);
	RUN(replayed_announcements_cost_one_question_a_gap);
	RUN(forged_receipts_write_nothing);
	RUN(a_flood_fills_a_bounded_queue_only);
	RUN(a_wrong_public_key_is_found_without_a_storm);
	RUN(every_receipt_at_two_servers_does_no_harm);
	return END();
}
