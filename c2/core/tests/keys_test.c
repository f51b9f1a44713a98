/* Keys that change under devices: none is ever lost. */
#include "kit.h"

static const enum core_mode modes[] = {CORE_SYMKEY, CORE_PUBKEY};

static struct err err;
static struct core_delivery out;

static int64_t n_c2_keys(struct kit *k)
{
	CHECK(c2_keys_load(k->core, &err));
	return (int64_t)k->core->n_c2_keys;
}

static struct store_client row_of(struct kit *k, const char *name)
{
	struct store_client row = {.id = 0};

	CHECK(find_client(k->core, name, &row, &err));
	return row;
}

static void with_topic(struct kit *k, const char *client)
{
	CHECK(core_topic_new(k->core, "t", &out, &err));
	CHECK(core_attach(k->core, client, "t", &out, &err));
	kit_settle(k);
}

static void a_new_key_is_used_and_the_old_one_forgotten(void)
{
	for (int m = 0; m < 2; m++) {
		struct kit k;
		struct device *d;
		uint8_t before[32];
		struct store_client row;

		kit_open(&k, modes[m]);
		d = device_new(&k, "a");
		with_topic(&k, "a");
		memcpy(before, d->client.control_key, 32);
		CHECK(core_client_new_key(k.core, "a", &out, &err));
		CHECK_EQ(out.recipients, 1);
		CHECK(kit_status(&k, "a").key_pending);
		row = row_of(&k, "a");
		CHECK_EQ(row.n_old_keys, 1);
		CHECK_EQ(row.private_key.len > 0, modes[m] == CORE_PUBKEY);
		CHECK_MEM(before, d->client.control_key, 32);
		kit_settle(&k);
		CHECK(memcmp(before, d->client.control_key, 32) != 0);
		CHECK(in_sync(&k, d));
		CHECK(!kit_status(&k, "a").key_pending);
		row = row_of(&k, "a");
		CHECK_EQ(row.n_old_keys, 0);
		CHECK_EQ(row.private_key.len, 0);
		device_free(d);
		kit_close(&k);
	}
}

static void many_new_keys_while_it_is_away_end_in_the_newest(void)
{
	for (int m = 0; m < 2; m++) {
		struct kit k;
		struct device *d;

		kit_open(&k, modes[m]);
		d = device_new(&k, "a");
		with_topic(&k, "a");
		d->online = false;
		for (int i = 0; i < CORE_CLIENT_KEYS_MAX - 1; i++) {
			CHECK(core_client_new_key(k.core, "a", &out, &err));
			kit_run(&k, 3000);
		}
		CHECK(!core_client_new_key(k.core, "a", &out, &err));
		CHECK_EQ(err.code, ERR_PRECONDITION);
		CHECK_EQ(row_of(&k, "a").n_old_keys, CORE_CLIENT_KEYS_MAX - 1);
		d->online = true;
		device_announce(d);
		kit_run(&k, 40);
		CHECK(in_sync(&k, d));
		CHECK_EQ(row_of(&k, "a").n_old_keys, 0);
		CHECK(core_client_new_key(k.core, "a", &out, &err));
		kit_settle(&k);
		CHECK(in_sync(&k, d));
		device_free(d);
		kit_close(&k);
	}
}

/* Drops the n-th message that is looked at from now on; counts them. */
struct nth {
	int seen, drop, drop_until;
};

static int drop_nth(void *ctx, const char *topic, const uint8_t *payload, size_t len)
{
	struct nth *n = ctx;
	int i = n->seen++;

	(void)topic, (void)payload, (void)len;
	return !(i >= n->drop && i < n->drop_until);
}

static void settle_two_slices(struct kit *k)
{
	core_work(k->core, 64);
	bus_mem_deliver(k->hub);
}

/*
 * The change, then everything from the n-th message to some later one is
 * lost, and C2 dies right after the slice in which that happened: between the
 * write-ahead and the sending, between a command and its receipt, everywhere.
 */
static void interrupt(enum core_mode mode, bool (*change)(struct kit *k), bool crash)
{
	for (int n = 0; n < 9; n++) {
		for (int len = 1; len < 4; len++) {
			struct kit k;
			struct device *d, *e;
			struct nth nth = {0, n, n + len};

			kit_open_file(&k, mode);
			d = device_new(&k, "a");
			e = device_new(&k, "b");
			with_topic(&k, "a");
			CHECK(core_attach(k.core, "b", "t", &out, &err));
			kit_settle(&k);
			kit_run(&k, 5);
			CHECK(in_sync(&k, d) && in_sync(&k, e));
			bus_mem_set_fate(k.hub, drop_nth, &nth);
			CHECK(change(&k));
			for (int i = 0; i < 12; i++) {
				int seen = nth.seen;

				settle_two_slices(&k);
				if (crash && seen <= n + len && nth.seen > n)
					kit_crash(&k);
				if (i == 8)
					CHECK(core_topic_new(k.core, "t", &out, &err));
				k.clock_state.wall_ms += 3000;
			}
			bus_mem_set_fate(k.hub, 0, 0);
			kit_run(&k, 200);
			CHECK(in_sync(&k, d));
			CHECK(in_sync(&k, e));
			CHECK(core_topic_new(k.core, "t", &out, &err));
			kit_settle(&k);
			CHECK(in_sync(&k, d));
			CHECK_EQ(row_of(&k, "a").n_old_keys, 0);
			if (mode == CORE_PUBKEY)
				CHECK_EQ(n_c2_keys(&k), 1);
			device_free(d);
			device_free(e);
			kit_close(&k);
		}
	}
}

static bool new_client_key(struct kit *k)
{
	return core_client_new_key(k->core, "a", &out, &err);
}

static bool new_c2_key(struct kit *k)
{
	return core_new_c2_key(k->core, true, false, &out, &err);
}

static bool both_keys(struct kit *k)
{
	return new_client_key(k) && new_c2_key(k) && new_client_key(k);
}

static void set_id_key_interrupted_anywhere_loses_nobody(void)
{
	for (int crash = 0; crash < 2; crash++) {
		interrupt(CORE_SYMKEY, new_client_key, crash);
		interrupt(CORE_PUBKEY, new_client_key, crash);
	}
}

static void set_c2_key_interrupted_anywhere_loses_nobody(void)
{
	for (int crash = 0; crash < 2; crash++) {
		interrupt(CORE_PUBKEY, new_c2_key, crash);
		interrupt(CORE_PUBKEY, both_keys, crash);
	}
}

static void a_new_c2_key_reaches_all_and_the_old_one_waits_for_the_last(void)
{
	struct kit k;
	struct device *d[5];
	char name[16];
	uint8_t key[32], newest[32];

	kit_open(&k, CORE_PUBKEY);
	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof name, "d%d", i);
		d[i] = device_new(&k, name);
		device_announce(d[i]);
	}
	kit_settle(&k);
	d[4]->online = false;
	CHECK(core_c2_public_key(k.core, key, &err));
	CHECK(!core_new_c2_key(k.core, false, false, &out, &err));
	CHECK_EQ(err.code, ERR_PRECONDITION);
	CHECK(core_new_c2_key(k.core, true, false, &out, &err));
	CHECK_EQ(out.recipients, 5);
	CHECK(core_c2_public_key(k.core, newest, &err));
	CHECK(memcmp(key, newest, 32) != 0);
	kit_run(&k, 86400);
	for (int i = 0; i < 4; i++) {
		CHECK_MEM(d[i]->client.c2_public, newest, 32);
		CHECK(in_sync(&k, d[i]));
	}
	CHECK_EQ(n_c2_keys(&k), 2);
	CHECK(kit_status(&k, "d4").key_pending);
	/* Others go on meanwhile, a newcomer is made with the newest key. */
	CHECK(core_topic_new(k.core, "t", &out, &err));
	CHECK(core_attach(k.core, "d0", "t", &out, &err));
	CHECK(core_attach(k.core, "d4", "t", &out, &err));
	kit_settle(&k);
	CHECK(in_sync(&k, d[0]));
	for (int i = 0; i < CORE_C2_KEYS_MAX - 1; i++)
		CHECK(core_new_c2_key(k.core, true, false, &out, &err));
	CHECK(!core_new_c2_key(k.core, true, false, &out, &err));
	CHECK_EQ(err.code, ERR_PRECONDITION);
	d[4]->online = true;
	kit_run(&k, 4200);
	for (int i = 0; i < 5; i++)
		CHECK(in_sync(&k, d[i]));
	CHECK_EQ(n_c2_keys(&k), 1);
	for (int i = 0; i < 5; i++)
		device_free(d[i]);
	kit_close(&k);
}

static void who_confirmed_none_of_five_c2_keys_can_be_given_up(void)
{
	struct kit k;
	struct device *here, *away;
	struct core_c2_key_status status;

	kit_open(&k, CORE_PUBKEY);
	here = device_new(&k, "here");
	away = device_new(&k, "away");
	device_announce(here);
	device_announce(away);
	kit_settle(&k);
	away->online = false;
	for (int i = 0; i < CORE_C2_KEYS_MAX; i++) {
		/* While there is room nothing is dropped. */
		CHECK(core_new_c2_key(k.core, true, true, &out, &err));
		kit_run(&k, 100);
		CHECK(core_c2_key_status(k.core, &status, &err));
		CHECK_EQ(status.older_keys, i + 1);
		CHECK_EQ(status.given_up, 0);
	}
	CHECK(!core_new_c2_key(k.core, true, false, &out, &err));
	CHECK_EQ(err.code, ERR_PRECONDITION);
	CHECK(!core_new_c2_key(k.core, false, true, &out, &err));
	CHECK(core_new_c2_key(k.core, true, true, &out, &err));
	kit_run(&k, 100);
	CHECK(in_sync(&k, here));
	/* It is listed, and holds up no key any more. */
	CHECK(core_c2_key_status(k.core, &status, &err));
	CHECK_EQ(status.given_up, 1);
	CHECK_EQ(status.older_keys, 0);
	CHECK_STR(kit_status(&k, "away").reason,
		  "it has confirmed no C2 key that is still there: if it stays silent, give it the "
		  "newest by hand");
	CHECK(core_new_c2_key(k.core, true, false, &out, &err));
	kit_run(&k, 100);
	CHECK_EQ(n_c2_keys(&k), 1);
	CHECK(in_sync(&k, here));
	away->online = true;
	device_announce(away);
	kit_run(&k, 4200);
	CHECK(!in_sync(&k, away));
	{
		uint8_t newest[32];

		CHECK(core_c2_public_key(k.core, newest, &err));
		CHECK_EQ(e4_provision_pk(&away->client, away->client.id, away->client.key, newest),
			 E4_OK);
	}
	device_announce(away);
	kit_run(&k, 60);
	CHECK(in_sync(&k, away));
	CHECK(core_c2_key_status(k.core, &status, &err));
	CHECK_EQ(status.given_up, 0);
	CHECK_EQ(status.confirmed, 2);
	device_free(here);
	device_free(away);
	kit_close(&k);
}

static void a_removed_client_does_not_keep_an_old_c2_key_alive(void)
{
	struct kit k;
	struct device *d;

	kit_open(&k, CORE_PUBKEY);
	d = device_new(&k, "gone");
	CHECK(core_new_c2_key(k.core, true, false, &out, &err));
	kit_settle(&k);
	d->online = false;
	CHECK(core_new_c2_key(k.core, true, false, &out, &err));
	kit_settle(&k);
	CHECK_EQ(n_c2_keys(&k) >= 2, true);
	CHECK(core_client_remove(k.core, "gone", CORE_DEFAULT, 0, &out, &err));
	CHECK_EQ(n_c2_keys(&k), 1);
	device_free(d);
	kit_close(&k);
}

static void a_device_made_with_an_older_c2_key_during_a_change_is_found(void)
{
	struct kit k;
	struct device *away, *late;
	uint8_t old[32];

	kit_open(&k, CORE_PUBKEY);
	away = device_new(&k, "away");
	device_announce(away);
	kit_settle(&k);
	away->online = false;
	CHECK(core_c2_public_key(k.core, old, &err));
	CHECK(core_new_c2_key(k.core, true, false, &out, &err));
	late = device_new(&k, "late");
	CHECK_EQ(e4_provision_pk(&late->client, late->client.id, late->client.key, old), E4_OK);
	device_announce(late);
	kit_run(&k, 60);
	CHECK(in_sync(&k, late));
	device_free(away);
	device_free(late);
	kit_close(&k);
}

/* --- public keys of others ------------------------------------------------------------------- */

static bool holds_key_of(const struct device *holder, const struct device *source)
{
	const struct e4_peer *p = device_peer(holder, source->name);

	return p && memcmp(p->public_key, source->client.key + 32, 32) == 0;
}

static void public_keys_are_given_and_taken(void)
{
	struct kit k;
	struct device *a, *b, *c;

	kit_open(&k, CORE_PUBKEY);
	a = device_new(&k, "a");
	b = device_new(&k, "b");
	c = device_new(&k, "c");
	CHECK(core_pubkey_send(k.core, "a", "c", &out, &err));
	CHECK(core_pubkey_send(k.core, "b", "c", &out, &err));
	kit_settle(&k);
	CHECK(holds_key_of(c, a) && holds_key_of(c, b));
	CHECK(in_sync(&k, c));
	CHECK(core_pubkey_remove(k.core, "a", "c", &out, &err));
	kit_settle(&k);
	CHECK(!device_peer(c, "a") && holds_key_of(c, b));
	CHECK(in_sync(&k, c));
	CHECK(core_pubkeys_reset(k.core, "c", &out, &err));
	kit_settle(&k);
	CHECK_EQ(c->client.peers_used, 0);
	kit_run(&k, 5);
	CHECK(in_sync(&k, c));
	/* Sent again they come back; a client that is removed is taken from its holders. */
	CHECK(core_pubkey_send(k.core, "a", "c", &out, &err));
	CHECK(core_pubkey_send(k.core, "b", "c", &out, &err));
	kit_settle(&k);
	kit_run(&k, 5);
	CHECK(holds_key_of(c, a) && holds_key_of(c, b));
	CHECK(core_client_remove(k.core, "a", CORE_DEFAULT, 0, &out, &err));
	CHECK_EQ(out.recipients, 1);
	kit_settle(&k);
	CHECK(!device_peer(c, "a") && holds_key_of(c, b));
	CHECK(in_sync(&k, c));
	device_free(a);
	device_free(b);
	device_free(c);
	kit_close(&k);
}

static void a_lost_public_key_is_repaired(void)
{
	struct kit k;
	struct device *a, *b;
	uint8_t id[16];

	kit_open(&k, CORE_PUBKEY);
	a = device_new(&k, "a");
	b = device_new(&k, "b");
	with_topic(&k, "a");
	CHECK(core_pubkey_send(k.core, "b", "a", &out, &err));
	kit_settle(&k);
	CHECK(in_sync(&k, a));
	e4_id_from_name(id, "b", 1);
	CHECK_EQ(e4_remove_peer(&a->client, id), E4_OK);
	CHECK_EQ(e4_set_peer(&a->client, (const uint8_t *)"0123456789abcdef", b->client.key + 32),
		 E4_OK);
	CHECK(!holds_all(&k, a));
	kit_run(&k, 60);
	device_announce(a);
	kit_run(&k, 5);
	CHECK(in_sync(&k, a));
	device_free(a);
	device_free(b);
	kit_close(&k);
}

static void linked_clients_learn_a_new_key_when_it_is_in_use(void)
{
	struct kit k;
	struct device *a, *b, *c;
	uint8_t before[32];
	int64_t n;

	kit_open(&k, CORE_PUBKEY);
	a = device_new(&k, "a");
	b = device_new(&k, "b");
	c = device_new(&k, "c");
	CHECK(core_link(k.core, "b", "a", &err)); /* b is in a's list */
	CHECK(core_links_count(k.core, "a", &n, &err));
	CHECK_EQ(n, 1);
	CHECK(core_pubkey_send(k.core, "a", "c", &out, &err)); /* c holds it already */
	device_announce(a);
	device_announce(b);
	kit_settle(&k);
	CHECK(!device_peer(b, "a") && holds_key_of(c, a));
	memcpy(before, a->client.key + 32, 32);
	a->online = false;
	CHECK(core_client_new_key(k.core, "a", &out, &err));
	kit_run(&k, 3600);
	CHECK(holds_key_of(c, a));
	CHECK(in_sync(&k, c));
	/* c loses it meanwhile: it gets the key that a still uses. */
	CHECK_EQ(e4_reset_peers(&c->client), E4_OK);
	device_announce(c);
	kit_run(&k, 5);
	CHECK(holds_key_of(c, a));
	CHECK(in_sync(&k, c));
	a->online = true;
	kit_run(&k, 4200);
	CHECK(memcmp(before, a->client.key + 32, 32) != 0);
	CHECK(holds_key_of(b, a) && holds_key_of(c, a));
	CHECK(in_sync(&k, a) && in_sync(&k, b) && in_sync(&k, c));
	device_free(a);
	device_free(b);
	device_free(c);
	kit_close(&k);
}

static void of_a_device_without_receipts_they_learn_it_at_once(void)
{
	struct kit k;
	struct device *a, *b;

	kit_open(&k, CORE_PUBKEY);
	a = device_new(&k, "a");
	a->legacy = true;
	b = device_new(&k, "b");
	CHECK(core_link(k.core, "b", "a", &err));
	CHECK(core_client_new_key(k.core, "a", &out, &err));
	CHECK_EQ(out.recipients, 2);
	kit_settle(&k);
	CHECK(holds_key_of(b, a));
	CHECK(in_sync(&k, b));
	device_free(a);
	device_free(b);
	kit_close(&k);
}

/* --- made again ------------------------------------------------------------------------------ */

static void a_client_made_again_starts_with_its_new_key_alone(void)
{
	for (int m = 0; m < 2; m++) {
		struct kit k;
		struct device *d, *again;
		size_t messages;

		kit_open(&k, modes[m]);
		d = device_new(&k, "a");
		with_topic(&k, "a");
		d->online = false;
		CHECK(core_client_new_key(k.core, "a", &out, &err));
		CHECK(core_client_new_key(k.core, "a", &out, &err));
		kit_settle(&k);
		messages = d->n_messages;
		again = device_new(&k, "a");
		CHECK_EQ(row_of(&k, "a").n_old_keys, 0);
		kit_run(&k, 7200);
		CHECK_EQ(again->n_messages, 0);
		/* Its announcement brings all of it. */
		device_announce(again);
		kit_settle(&k);
		CHECK(in_sync(&k, again));
		CHECK(device_key(again, "t") != 0);
		/* The device that was replaced has no say any more. */
		d->online = true;
		device_announce(d);
		kit_settle(&k);
		CHECK_EQ(d->n_commands + d->n_reports, 2);
		CHECK(d->n_messages >= messages);
		CHECK(in_sync(&k, again));
		device_free(d);
		device_free(again);
		kit_close(&k);
	}
}

int main(void)
{
	RUN(a_new_key_is_used_and_the_old_one_forgotten);
	RUN(many_new_keys_while_it_is_away_end_in_the_newest);
	RUN(set_id_key_interrupted_anywhere_loses_nobody);
	RUN(set_c2_key_interrupted_anywhere_loses_nobody);
	RUN(a_new_c2_key_reaches_all_and_the_old_one_waits_for_the_last);
	RUN(who_confirmed_none_of_five_c2_keys_can_be_given_up);
	RUN(a_removed_client_does_not_keep_an_old_c2_key_alive);
	RUN(a_device_made_with_an_older_c2_key_during_a_change_is_found);
	RUN(public_keys_are_given_and_taken);
	RUN(a_lost_public_key_is_repaired);
	RUN(linked_clients_learn_a_new_key_when_it_is_in_use);
	RUN(of_a_device_without_receipts_they_learn_it_at_once);
	RUN(a_client_made_again_starts_with_its_new_key_alone);
	return END();
}
