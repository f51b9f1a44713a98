/* Devices that give no receipts, word of who is there, and the list of those behind. */
#include "base/log.h"
#include "kit.h"

static const enum core_mode modes[] = {CORE_SYMKEY, CORE_PUBKEY};
#define EACH_MODE(m) for (size_t m##_i = 0; m##_i < 2; m##_i++)
#define MODE(m) modes[m##_i]

enum { DAY = 86400 };

static struct err err;
static struct core_delivery out;

static void topic(struct kit *k, const char *name)
{
	CHECK(core_topic_new(k->core, name, &out, &err));
}

static void attach(struct kit *k, const char *client, const char *name)
{
	CHECK(core_attach(k->core, client, name, &out, &err));
}

/* As c2 is set up by default, with a presence topic. */
static void open_kit(struct kit *k, enum core_mode mode)
{
	kit_open(k, mode);
	k->config.legacy_max_s = DAY;
	k->config.presence = "presence/{client}";
	kit_crash(k);
}

static struct device *legacy_device(struct kit *k, const char *name)
{
	struct device *d = device_new(k, name);

	d->legacy = true;
	return d;
}

/* Anybody's message on a presence topic. */
static void say(struct kit *k, const char *t, const char *payload)
{
	struct bus anybody;
	struct bus_handler none = {0};

	bus_mem_open(&anybody, k->hub, &none);
	CHECK(bus_publish(&anybody, t, (const uint8_t *)payload, strlen(payload), 0, false, &err));
	bus_mem_deliver(k->hub);
	bus_close(&anybody);
}

static void after_a_month_it_has_its_keys_within_one_round_trip(void)
{
	EACH_MODE(m)
	{
		struct kit k;
		struct device *d;
		size_t seen;

		open_kit(&k, MODE(m));
		d = legacy_device(&k, "old");
		topic(&k, "t");
		topic(&k, "u");
		attach(&k, "old", "t");
		attach(&k, "old", "u");
		kit_settle(&k);
		d->online = false;
		for (int day = 0; day < 30; day++) {
			topic(&k, "t");
			kit_run(&k, DAY);
		}
		CHECK(core_client_new_key(k.core, "old", &out, &err));
		kit_run(&k, 300);
		CHECK(!holds_all(&k, d));
		seen = d->n_messages;
		d->online = true;
		say(&k, "presence/old", "1");
		kit_settle(&k);
		CHECK(holds_all(&k, d));
		/* Topics and a question under two keys, SetIDKey under the old one. */
		CHECK_EQ(d->n_messages - seen, 7);
		CHECK_EQ(kit_status(&k, "old").state, CORE_CLIENT_SENT);
		CHECK(!kit_status(&k, "old").receipts);
		CHECK_EQ(kit_status(&k, "old").last_seen, 0);
		/* And it is heard: what it says now is under keys that C2 has. */
		CHECK(device_key(d, "t") && device_key(d, "u"));
		device_free(d);
		kit_close(&k);
	}
}

static void who_subscribes_after_the_broker_saw_it_has_them_soon(void)
{
	struct kit k;
	struct device *d;

	open_kit(&k, CORE_SYMKEY);
	d = legacy_device(&k, "old");
	topic(&k, "t");
	attach(&k, "old", "t");
	kit_settle(&k);
	d->online = false;
	topic(&k, "t");
	kit_run(&k, 30 * (int64_t)DAY);
	say(&k, "presence/old", "1");
	kit_settle(&k);
	d->online = true;
	kit_run(&k, 4);
	CHECK(holds_all(&k, d));
	device_free(d);
	kit_close(&k);
}

static void with_receipts_too(void)
{
	EACH_MODE(m)
	{
		struct kit k;
		struct device *d;

		open_kit(&k, MODE(m));
		d = device_new(&k, "a");
		topic(&k, "t");
		attach(&k, "a", "t");
		kit_settle(&k);
		CHECK(in_sync(&k, d));
		d->online = false;
		for (int day = 0; day < 30; day++) {
			topic(&k, "t");
			kit_run(&k, DAY);
		}
		CHECK(core_client_new_key(k.core, "a", &out, &err));
		kit_run(&k, 300);
		d->online = true;
		/* Its announcement is lost, the broker's word is not. */
		say(&k, "presence/a", "1");
		kit_settle(&k);
		CHECK(in_sync(&k, d));
		device_free(d);
		kit_close(&k);
	}
}

static void without_presence_it_has_them_within_the_longest_pause(void)
{
	struct kit k;
	struct device *d;

	open_kit(&k, CORE_SYMKEY);
	d = legacy_device(&k, "old");
	topic(&k, "t");
	attach(&k, "old", "t");
	kit_settle(&k);
	d->online = false;
	topic(&k, "t");
	kit_run(&k, 30 * (int64_t)DAY);
	CHECK_STR(kit_status(&k, "old").reason,
		  "it has never given a receipt: it is offline, or a device that gives none");
	d->online = true;
	kit_run(&k, DAY * (int64_t)9 / 8 + 60);
	CHECK(holds_all(&k, d));
	device_free(d);
	kit_close(&k);
}

static void an_absent_one_costs_a_send_a_day(void)
{
	struct kit k;
	struct device *d;
	size_t before;

	open_kit(&k, CORE_SYMKEY);
	d = legacy_device(&k, "old");
	topic(&k, "t");
	attach(&k, "old", "t");
	kit_run(&k, 3 * (int64_t)DAY);
	before = d->n_messages;
	kit_run(&k, 30 * (int64_t)DAY);
	CHECK(d->n_messages - before >= 2 * 25);
	CHECK(d->n_messages - before <= 2 * 35);
	device_free(d);
	kit_close(&k);
}

static void it_is_confirmed_from_its_first_answer_on(void)
{
	EACH_MODE(m)
	{
		struct kit k;
		struct device *d;
		struct core_topic_status status;

		open_kit(&k, MODE(m));
		d = legacy_device(&k, "old");
		topic(&k, "t");
		attach(&k, "old", "t");
		CHECK(core_client_new_key(k.core, "old", &out, &err));
		kit_run(&k, 5000);
		CHECK(core_topic_status(k.core, "t", &status, &err));
		CHECK_EQ(status.progress.sent, 1);
		CHECK_EQ(status.progress.confirmed, 0);
		CHECK(kit_status(&k, "old").key_pending);
		/* New firmware. */
		d->legacy = false;
		device_announce(d);
		kit_run(&k, 40);
		CHECK(in_sync(&k, d));
		CHECK(kit_status(&k, "old").receipts);
		CHECK(!kit_status(&k, "old").key_pending);
		device_free(d);
		kit_close(&k);
	}
}

/*
 * The device has no high-water mark: an old key that comes late replaces the
 * new one. Sends beyond the validity of all that was sent before mend that.
 */
static void a_late_old_key_is_mended(void)
{
	struct kit k;
	struct device *d;
	struct held late = {.taken = false};
	uint8_t now[32];

	open_kit(&k, CORE_SYMKEY);
	d = legacy_device(&k, "old");
	topic(&k, "t");
	attach(&k, "old", "t");
	kit_settle(&k);
	d->shuffle = true;
	topic(&k, "t");
	kit_settle(&k);
	late = d->held[0];
	d->shuffle = false;
	kit_run(&k, 5);
	topic(&k, "t");
	kit_settle(&k);
	CHECK(holds_all(&k, d));
	memcpy(now, device_key(d, "t")->key, 32);
	kit_run(&k, 500);
	say(&k, "presence/nobody", "1");
	{
		char control[E4_CONTROL_TOPIC_LEN + 1];

		e4_client_control_topic(&d->client, control);
		CHECK(bus_publish(&d->bus, control, late.bytes, late.len, 1, false, &err));
		bus_mem_deliver(k.hub);
	}
	CHECK(memcmp(now, device_key(d, "t")->key, 32) != 0);
	kit_run(&k, 1300);
	CHECK(holds_all(&k, d));
	device_free(d);
	kit_close(&k);
}

static void what_was_taken_from_it_long_ago_is_still_taken(void)
{
	struct kit k;
	struct device *d;

	open_kit(&k, CORE_SYMKEY);
	d = legacy_device(&k, "old");
	topic(&k, "t");
	topic(&k, "u");
	attach(&k, "old", "t");
	attach(&k, "old", "u");
	kit_settle(&k);
	d->online = false;
	CHECK(core_detach(k.core, "old", "t", CORE_YES, 0, &out, &err));
	CHECK(core_topic_remove(k.core, "u", &out, &err));
	kit_run(&k, 90 * (int64_t)DAY);
	d->online = true;
	kit_run(&k, DAY * (int64_t)9 / 8 + 60);
	CHECK_EQ(d->client.topics_used, 0);
	device_free(d);
	kit_close(&k);
}

static size_t messages_of(struct kit *k, const struct device *d, int days)
{
	size_t before = d->n_messages;

	kit_run(k, days * (int64_t)DAY);
	return d->n_messages - before;
}

/* A hundred of its longest pauses; its keys are sent for ever. */
static void what_was_taken_from_it_is_told_for_a_bounded_time(void)
{
	struct kit k;
	struct device *d;

	open_kit(&k, CORE_SYMKEY);
	d = legacy_device(&k, "old");
	topic(&k, "t");
	topic(&k, "u");
	topic(&k, "v");
	attach(&k, "old", "t");
	attach(&k, "old", "u");
	attach(&k, "old", "v");
	kit_settle(&k);
	CHECK(core_detach(k.core, "old", "u", CORE_YES, 0, &out, &err));
	kit_run(&k, 50 * (int64_t)DAY);
	/* Of t, v and u, and a question. */
	CHECK(messages_of(&k, d, 30) >= 4 * 25);
	kit_run(&k, 25 * (int64_t)DAY);
	CHECK(messages_of(&k, d, 30) <= 3 * 35);
	/* Another one is told again, and the first with it. */
	CHECK(core_detach(k.core, "old", "v", CORE_YES, 0, &out, &err));
	kit_run(&k, 2 * (int64_t)DAY);
	CHECK(messages_of(&k, d, 30) >= 4 * 25);
	CHECK_EQ(kit_status(&k, "old").state, CORE_CLIENT_SENT);
	device_free(d);
	kit_close(&k);
}

static void who_holds_nothing_more_is_left_alone_until_it_is_seen(void)
{
	struct kit k;
	struct device *d;

	open_kit(&k, CORE_SYMKEY);
	d = legacy_device(&k, "old");
	topic(&k, "t");
	topic(&k, "u");
	attach(&k, "old", "t");
	kit_settle(&k);
	d->online = false;
	CHECK(core_detach(k.core, "old", "t", CORE_NO, 0, &out, &err));
	kit_run(&k, 115 * (int64_t)DAY);
	CHECK_EQ(kit_status(&k, "old").next_at, 0);
	CHECK_EQ(kit_status(&k, "old").state, CORE_CLIENT_SENT);
	CHECK_STR(kit_status(&k, "old").reason,
		  "it gives no receipts: told for long what to remove, again when it is seen");
	d->online = true;
	CHECK_EQ(messages_of(&k, d, 30), 0);
	/* The topic that it left is no news to it. */
	topic(&k, "t");
	CHECK_EQ(messages_of(&k, d, 1), 0);
	CHECK(device_key(d, "t"));
	say(&k, "presence/old", "1");
	kit_settle(&k);
	CHECK(!device_key(d, "t"));
	kit_run(&k, 5 * (int64_t)DAY);
	CHECK_EQ(kit_status(&k, "old").next_at, 0);
	/* Nor is it forgotten by what is new. */
	attach(&k, "old", "u");
	kit_settle(&k);
	CHECK(holds_all(&k, d));
	CHECK(messages_of(&k, d, 30) >= 2 * 25);
	device_free(d);
	kit_close(&k);
}

/* --- forged presence ---------------------------------------------------------------------- */

static void a_flood_of_presence_sends_once_a_gap(void)
{
	struct kit k;
	struct device *d, *e;
	size_t seen, confirmed, writes;
	char name[32];

	open_kit(&k, CORE_SYMKEY);
	d = legacy_device(&k, "old");
	e = device_new(&k, "new");
	topic(&k, "t");
	attach(&k, "old", "t");
	attach(&k, "new", "t");
	kit_run(&k, 5000);
	CHECK(in_sync(&k, e));
	seen = d->n_messages;
	confirmed = e->n_messages;
	writes = k.n_writes;
	for (int s = 0; s < 300; s++) {
		for (int i = 0; i < 20; i++) {
			say(&k, "presence/old", "1");
			say(&k, "presence/new", "1");
			snprintf(name, sizeof name, "presence/%d", i);
			say(&k, name, "1");
		}
		kit_run(&k, 1);
	}
	/* A key and a question; again after 3, 10 and 20 s, for who is slow to subscribe. */
	CHECK(d->n_messages - seen <= 2 * 24);
	CHECK(k.n_writes - writes <= 40);
	/* Who has confirmed everything is not even asked. */
	CHECK_EQ(e->n_messages, confirmed);
	CHECK_EQ(kit_status(&k, "old").last_seen, 0);
	device_free(d);
	device_free(e);
	kit_close(&k);
}

static void it_fills_a_queue_of_its_own(void)
{
	struct kit k;
	struct device *d;
	struct bus_handler h;

	open_kit(&k, CORE_SYMKEY);
	d = device_new(&k, "a");
	h = core_bus_handler(k.core);
	for (int i = 0; i < 20000; i++)
		h.on_message(h.ctx, "presence/somebody", (const uint8_t *)"1", 1);
	CHECK_EQ(k.core->seen.n, QUEUE_MESSAGES);
	CHECK_EQ(k.core->receipts.n, 0);
	topic(&k, "t");
	attach(&k, "a", "t");
	core_work(k.core, 16);
	bus_mem_deliver(k.hub);
	core_work(k.core, 16);
	CHECK(in_sync(&k, d));
	kit_settle(&k);
	CHECK_EQ(k.core->seen.n, 0);
	device_free(d);
	kit_close(&k);
}

static void what_a_signed_message_says_counts_in_pubkey_mode(void)
{
	struct kit k;
	struct device *d;
	char message[150] = "", t[] = "plant/x";

	kit_open(&k, CORE_PUBKEY);
	k.config.legacy_max_s = DAY;
	k.config.presence = "plant/#";
	kit_crash(&k);
	d = legacy_device(&k, "old");
	topic(&k, t);
	attach(&k, "old", t);
	kit_settle(&k);
	d->online = false;
	topic(&k, t);
	kit_run(&k, 10 * (int64_t)DAY);
	d->online = true;
	CHECK(!holds_all(&k, d));
	memset(message, 'x', 149);
	memcpy(message + 8, d->client.id, 16);
	CHECK(bus_publish(&d->bus, t, (const uint8_t *)message, 149, 1, false, &err));
	kit_settle(&k);
	CHECK(holds_all(&k, d));
	device_free(d);
	kit_close(&k);
}

/* --- who is behind ------------------------------------------------------------------------ */

/* Names of a list, in pages of so many: "b:sent d:waiting". */
static const char *behind(struct kit *k, const char *t, int64_t page)
{
	static char text[256];
	struct arena arena = ARENA_INIT;
	struct core_behind list = {.next = 0};
	size_t n = 0;

	text[0] = 0;
	do {
		CHECK(core_clients_behind(k->core, t, list.next, page, &arena, &list, &err));
		CHECK((int64_t)list.n <= page);
		for (size_t i = 0; i < list.n; i++)
			n += (size_t)snprintf(
				text + n, sizeof text - n, "%s%s:%s", n ? " " : "",
				list.clients[i].name,
				list.clients[i].state == CORE_CLIENT_SENT ? "sent" : "waiting");
	} while (list.next);
	arena_free(&arena);
	return text;
}

static void who_is_behind_is_listed_with_the_reason(void)
{
	struct kit k;
	struct device *a, *b, *c;
	struct arena arena = ARENA_INIT;
	struct core_behind list;

	open_kit(&k, CORE_SYMKEY);
	a = device_new(&k, "a");
	b = device_new(&k, "b");
	c = legacy_device(&k, "c");
	topic(&k, "t");
	topic(&k, "u");
	attach(&k, "a", "t");
	attach(&k, "a", "u");
	attach(&k, "b", "t");
	attach(&k, "c", "u");
	CHECK_STR(behind(&k, 0, 100), "a:waiting b:waiting c:waiting");
	kit_run(&k, 1000);
	CHECK_STR(behind(&k, 0, 100), "c:sent");
	b->online = false;
	topic(&k, "t");
	kit_run(&k, 5000);
	for (int page = 1; page < 4; page++) {
		CHECK_STR(behind(&k, 0, page), "b:sent c:sent");
		CHECK_STR(behind(&k, "t", page), "b:sent");
		CHECK_STR(behind(&k, "u", page), "c:sent");
	}
	CHECK(core_clients_behind(k.core, 0, 0, 10, &arena, &list, &err));
	CHECK_STR(list.clients[0].reason, "no receipt: it is offline");
	CHECK_EQ(list.clients[0].since, KIT_START + 1000);
	CHECK(list.clients[0].receipts && list.clients[0].last_seen > 0);
	CHECK_STR(list.clients[1].reason,
		  "it has never given a receipt: it is offline, or a device that gives none");
	CHECK_EQ(list.clients[1].since, KIT_START);
	CHECK(!list.clients[1].receipts && list.clients[1].last_seen == 0);
	CHECK(!core_clients_behind(k.core, "none", 0, 10, &arena, &list, &err));
	CHECK_EQ(err.code, ERR_NOT_FOUND);
	b->online = true;
	device_announce(b);
	kit_run(&k, 40);
	CHECK_STR(behind(&k, 0, 100), "c:sent");
	arena_free(&arena);
	device_free(a);
	device_free(b);
	device_free(c);
	kit_close(&k);
}

static void a_list_of_many_comes_in_bounded_steps(void)
{
	enum { N = 10000 };
	struct kit k;
	struct arena arena = ARENA_INIT;
	struct core_behind list = {.next = 0};
	int calls = 0, n = 0;
	char name[16];

	kit_open(&k, CORE_SYMKEY);
	CHECK(k.store.ops->begin(k.store.ctx, &err));
	for (int i = 0; i < N; i++) {
		struct store_client row = {.key_rev = 1, .behind_since = i % 100 == 99 ? 7 : 0};

		snprintf(row.name, sizeof row.name, "c%d", i);
		e4_id_from_name(row.e4id, row.name, strlen(row.name));
		CHECK(k.store.ops->client_put(k.store.ctx, &row, &err));
	}
	CHECK(k.store.ops->commit(k.store.ctx, &err));
	do {
		int64_t before = list.next;

		CHECK(core_clients_behind(k.core, 0, list.next, 30, &arena, &list, &err));
		CHECK(list.next == 0 || list.next > before);
		for (size_t i = 0; i < list.n; i++) {
			snprintf(name, sizeof name, "c%d", 100 * n++ + 99);
			CHECK_STR(list.clients[i].name, name);
		}
		calls++;
	} while (list.next);
	CHECK_EQ(n, N / 100);
	CHECK(calls >= 10 && calls <= 16);
	arena_free(&arena);
	kit_close(&k);
}

/* --- the way of a new C2 key --------------------------------------------------------------- */

static void a_new_c2_key_is_counted_on_its_way_also_over_a_crash(void)
{
	enum { N = 600 };
	struct kit k;
	struct core_c2_key_status status;
	static struct device *d[3];
	uint8_t seed[32] = {0}, secret[64];
	char name[16];

	kit_open_file(&k, CORE_PUBKEY);
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof name, "c%d", i);
		memcpy(seed, &i, sizeof i);
		e4_ed25519_keypair(secret, seed);
		CHECK(core_client_new(k.core, name, secret + 32, 32, 0, &err));
	}
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof name, "d%d", i);
		d[i] = device_new(&k, name);
	}
	d[2]->legacy = true;
	CHECK(core_new_c2_key(k.core, true, false, &out, &err));
	CHECK(core_c2_key_status(k.core, &status, &err));
	CHECK_EQ(status.revision, out.revision);
	CHECK_EQ(status.clients, N + 3);
	CHECK_EQ(status.confirmed, 0);
	CHECK_EQ(status.older_keys, 1);
	/* It ends in the middle of its walk, and goes on. */
	core_work(k.core, 4);
	core_work(k.core, 4);
	kit_crash(&k);
	kit_run(&k, 100);
	CHECK(core_c2_key_status(k.core, &status, &err));
	CHECK_EQ(status.confirmed, 2);
	CHECK(in_sync(&k, d[0]) && in_sync(&k, d[1]));
	CHECK(holds_all(&k, d[2]));
	/* Those that never confirm hold the old key for ever, but nobody else up. */
	CHECK_EQ(status.older_keys, 1);
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof name, "c%d", i);
		CHECK(core_client_remove(k.core, name, CORE_NO, 0, &out, &err));
	}
	CHECK(core_client_remove(k.core, "d2", CORE_NO, 0, &out, &err));
	CHECK(core_c2_key_status(k.core, &status, &err));
	CHECK_EQ(status.clients, 2);
	CHECK_EQ(status.confirmed, 2);
	CHECK_EQ(status.older_keys, 0);
	for (int i = 0; i < 3; i++)
		device_free(d[i]);
	kit_close(&k);
	kit_open(&k, CORE_SYMKEY);
	CHECK(!core_c2_key_status(k.core, &status, &err));
	CHECK_EQ(err.code, ERR_PRECONDITION);
	kit_close(&k);
}

int main(void)
{
	/* What fails here fails on purpose. */
	log_set_level(LOG_ERROR + 1);
	RUN(after_a_month_it_has_its_keys_within_one_round_trip);
	RUN(who_subscribes_after_the_broker_saw_it_has_them_soon);
	RUN(with_receipts_too);
	RUN(without_presence_it_has_them_within_the_longest_pause);
	RUN(an_absent_one_costs_a_send_a_day);
	RUN(it_is_confirmed_from_its_first_answer_on);
	RUN(a_late_old_key_is_mended);
	RUN(what_was_taken_from_it_long_ago_is_still_taken);
	RUN(what_was_taken_from_it_is_told_for_a_bounded_time);
	RUN(who_holds_nothing_more_is_left_alone_until_it_is_seen);
	RUN(a_flood_of_presence_sends_once_a_gap);
	RUN(it_fills_a_queue_of_its_own);
	RUN(what_a_signed_message_says_counts_in_pubkey_mode);
	RUN(who_is_behind_is_listed_with_the_reason);
	RUN(a_list_of_many_comes_in_bounded_steps);
	RUN(a_new_c2_key_is_counted_on_its_way_also_over_a_crash);
	return END();
}
