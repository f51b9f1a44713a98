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

static void a_device_gets_its_topic_and_confirms(void)
{
	EACH_MODE(m)
	{
		struct kit k;
		struct device *d;

		kit_open(&k, MODE(m));
		d = device_new(&k, "a");
		topic(&k, "t");
		CHECK_EQ(out.recipients, 0);
		CHECK_EQ(out.status, CORE_NOTHING);
		attach(&k, "a", "t");
		CHECK_EQ(out.recipients, 1);
		CHECK_EQ(out.status, CORE_QUEUED);
		CHECK(device_key(d, "t") == 0);
		kit_settle(&k);
		CHECK(device_key(d, "t") != 0);
		CHECK(in_sync(&k, d));
		CHECK_EQ(d->n_commands, 1);
		CHECK_EQ(d->n_reports, 1);
		CHECK_EQ(core_work(k.core, 10), -1);
		device_free(d);
		kit_close(&k);
	}
}

static void nothing_is_sent_for_a_new_client_until_it_announces_itself(void)
{
	EACH_MODE(m)
	{
		struct kit k;
		struct device *d;

		kit_open(&k, MODE(m));
		d = device_new(&k, "a");
		kit_run(&k, 100000);
		CHECK_EQ(d->n_messages, 0);
		CHECK_STR(kit_status(&k, "a").reason, "waits for the device to announce itself");
		device_announce(d);
		kit_settle(&k);
		CHECK(in_sync(&k, d));
		CHECK(kit_status(&k, "a").receipts);
		CHECK_STR(kit_status(&k, "a").reason, "");
		device_free(d);
		kit_close(&k);
	}
}

static void a_rotation_reaches_every_member(void)
{
	struct kit k;
	struct device *d[20];
	char name[16];
	uint8_t key[32];
	struct core_topic_status status;

	kit_open(&k, CORE_SYMKEY);
	topic(&k, "t");
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof name, "d%d", i);
		d[i] = device_new(&k, name);
		attach(&k, name, "t");
	}
	kit_settle(&k);
	memcpy(key, device_key(d[0], "t")->key, 32);
	topic(&k, "t");
	CHECK_EQ(out.recipients, 20);
	CHECK(core_topic_status(k.core, "t", &status, &err));
	CHECK_EQ(status.progress.members, 20);
	CHECK_EQ(status.progress.waiting, 20);
	kit_settle(&k);
	CHECK(core_topic_status(k.core, "t", &status, &err));
	CHECK_EQ(status.progress.confirmed, 20);
	CHECK_EQ(status.revision, out.revision);
	CHECK(memcmp(key, device_key(d[0], "t")->key, 32) != 0);
	for (int i = 0; i < 20; i++) {
		CHECK_MEM(device_key(d[i], "t")->key, device_key(d[0], "t")->key, 32);
		CHECK(in_sync(&k, d[i]));
	}
	for (int i = 0; i < 20; i++)
		device_free(d[i]);
	kit_close(&k);
}

static void detach_takes_the_topic_and_rotates_it_for_the_others(void)
{
	struct kit k;
	struct device *a, *b;
	uint8_t key[32];
	int64_t rotated;
	struct store_topic row;

	kit_open(&k, CORE_SYMKEY);
	a = device_new(&k, "a");
	b = device_new(&k, "b");
	topic(&k, "t");
	attach(&k, "a", "t");
	attach(&k, "b", "t");
	kit_settle(&k);
	memcpy(key, device_key(b, "t")->key, 32);
	CHECK(core_detach(k.core, "a", "t", CORE_DEFAULT, &rotated, &out, &err));
	CHECK_EQ(rotated, 1);
	CHECK_EQ(out.recipients, 2);
	kit_settle(&k);
	CHECK(device_key(a, "t") == 0);
	CHECK(memcmp(key, device_key(b, "t")->key, 32) != 0);
	CHECK(in_sync(&k, a) && in_sync(&k, b));
	CHECK(!core_detach(k.core, "a", "t", CORE_DEFAULT, &rotated, &out, &err));
	CHECK_EQ(err.code, ERR_NOT_FOUND);
	/* Told, so forgotten. */
	CHECK(find_topic(k.core, "t", &row, &err));
	CHECK_EQ(row.n_members, 1);
	memcpy(key, device_key(b, "t")->key, 32);
	attach(&k, "a", "t");
	CHECK(core_detach(k.core, "a", "t", CORE_NO, &rotated, &out, &err));
	CHECK_EQ(rotated, 0);
	kit_settle(&k);
	CHECK(device_key(a, "t") == 0);
	CHECK_MEM(key, device_key(b, "t")->key, 32);
	device_free(a);
	device_free(b);
	kit_close(&k);
}

static void a_removed_topic_is_taken_away_and_one_of_its_name_starts_afresh(void)
{
	struct kit k;
	struct device *a, *b;
	uint8_t key[32];
	int64_t n;

	kit_open(&k, CORE_SYMKEY);
	a = device_new(&k, "a");
	b = device_new(&k, "b");
	topic(&k, "t");
	attach(&k, "a", "t");
	attach(&k, "b", "t");
	kit_settle(&k);
	memcpy(key, device_key(a, "t")->key, 32);
	b->online = false;
	CHECK(core_topic_remove(k.core, "t", &out, &err));
	CHECK_EQ(out.recipients, 2);
	CHECK(!core_topic_remove(k.core, "t", &out, &err));
	CHECK_EQ(err.code, ERR_NOT_FOUND);
	topic(&k, "t");
	attach(&k, "a", "t");
	kit_settle(&k);
	CHECK(memcmp(key, device_key(a, "t")->key, 32) != 0);
	CHECK(in_sync(&k, a));
	/* b comes back: it has lost the old topic and is no member of the new one. */
	b->online = true;
	kit_run(&k, 30);
	CHECK(device_key(b, "t") == 0);
	CHECK(in_sync(&k, b));
	CHECK(core_topics_count(k.core, &n, &err));
	CHECK_EQ(n, 1);
	/* Both while it is away: only the new key comes. */
	b->online = false;
	attach(&k, "b", "t");
	kit_settle(&k);
	CHECK(core_topic_remove(k.core, "t", &out, &err));
	topic(&k, "t");
	attach(&k, "b", "t");
	b->online = true;
	kit_run(&k, 60);
	CHECK(in_sync(&k, b) && device_key(b, "t"));
	device_free(a);
	device_free(b);
	kit_close(&k);
}

static bool count_row(void *arg, const struct store_member_topic *row)
{
	(void)row;
	++*(int *)arg;
	return true;
}

static void what_was_removed_is_forgotten_once_it_is_confirmed(void)
{
	struct kit k;
	struct device *a;
	struct store_client row;
	struct store_topic t = {0}, u = {0};
	bool found;
	int n = 0;

	kit_open(&k, CORE_SYMKEY);
	a = device_new(&k, "a");
	topic(&k, "t");
	topic(&k, "u");
	attach(&k, "a", "t");
	attach(&k, "a", "u");
	kit_settle(&k);
	CHECK(find_client(k.core, "a", &row, &err));
	CHECK(find_topic(k.core, "t", &t, &err) && find_topic(k.core, "u", &u, &err));
	a->online = false;
	CHECK(core_topic_remove(k.core, "t", &out, &err));
	CHECK(core_detach(k.core, "a", "u", CORE_YES, 0, &out, &err));
	kit_settle(&k);
	CHECK(k.store.ops->client_members(k.store.ctx, row.id, count_row, &n, &err));
	CHECK_EQ(n, 2);
	CHECK(k.store.ops->topic_by_id(k.store.ctx, t.id, &t, &found, &err) && found);
	CHECK_EQ(t.key.len, 0); /* its key is forgotten at once */
	a->online = true;
	kit_run(&k, 30);
	n = 0;
	CHECK(k.store.ops->client_members(k.store.ctx, row.id, count_row, &n, &err));
	CHECK_EQ(n, 0);
	CHECK(k.store.ops->topic_by_id(k.store.ctx, t.id, &t, &found, &err) && !found);
	CHECK(k.store.ops->topic_by_id(k.store.ctx, u.id, &u, &found, &err) && found);
	CHECK(in_sync(&k, a));
	device_free(a);
	kit_close(&k);
}

static void a_device_that_was_away_for_a_month_gets_the_newest_keys(void)
{
	EACH_MODE(m)
	{
		struct kit k;
		struct device *d;
		size_t seen;

		kit_open(&k, MODE(m));
		d = device_new(&k, "a");
		topic(&k, "t");
		topic(&k, "u");
		attach(&k, "a", "t");
		attach(&k, "a", "u");
		kit_settle(&k);
		d->online = false;
		for (int day = 0; day < 30; day++) {
			topic(&k, "t");
			kit_run(&k, 86400);
		}
		CHECK_STR(kit_status(&k, "a").reason, "no receipt: it is offline");
		/* What is newer than what it was silent to was not sent to nobody. */
		CHECK_EQ(kit_status(&k, "a").state, CORE_CLIENT_WAITING);
		seen = d->n_messages;
		d->online = true;
		device_announce(d);
		kit_run(&k, 31); /* it may have been asked just before */
		CHECK(in_sync(&k, d));
		CHECK(d->n_messages - seen <= 4);
		/* Without an announcement it takes one pause at most. */
		d->online = false;
		topic(&k, "t");
		kit_run(&k, 30 * (int64_t)86400);
		d->online = true;
		kit_run(&k, (int64_t)3600 * 9 / 8 + 60);
		CHECK(in_sync(&k, d));
		device_free(d);
		kit_close(&k);
	}
}

static void an_offline_device_costs_little(void)
{
	struct kit k;
	struct device *d;
	size_t before;

	kit_open(&k, CORE_SYMKEY);
	d = device_new(&k, "a");
	topic(&k, "t");
	attach(&k, "a", "t");
	kit_settle(&k);
	d->online = false;
	topic(&k, "t");
	kit_run(&k, 86400);
	before = k.n_commits;
	kit_run(&k, 86400);
	CHECK(k.n_commits - before <= 28);
	device_free(d);
	kit_close(&k);
}

static void a_device_that_gives_no_receipts_still_gets_its_keys(void)
{
	EACH_MODE(m)
	{
		struct kit k;
		struct device *d;

		kit_open(&k, MODE(m));
		d = device_new(&k, "old");
		d->legacy = true;
		topic(&k, "t");
		attach(&k, "old", "t");
		kit_run(&k, 86400);
		CHECK(holds_all(&k, d));
		CHECK(!kit_status(&k, "old").receipts);
		topic(&k, "t");
		kit_settle(&k);
		CHECK(holds_all(&k, d));
		d->online = false;
		topic(&k, "t");
		kit_run(&k, 30 * (int64_t)86400);
		CHECK(!holds_all(&k, d));
		d->online = true;
		kit_run(&k, 4100);
		CHECK(holds_all(&k, d));
		/* And a new key, of which C2 never learns. */
		CHECK(core_client_new_key(k.core, "old", &out, &err));
		kit_settle(&k);
		topic(&k, "t");
		kit_settle(&k);
		CHECK(holds_all(&k, d));
		CHECK(kit_status(&k, "old").key_pending);
		device_free(d);
		kit_close(&k);
	}
}

/* --- the broker --------------------------------------------------------------------------------
 */

static void without_a_broker_nothing_is_lost_and_nothing_written(void)
{
	struct kit k;
	struct device *d;
	size_t writes;

	kit_open(&k, CORE_SYMKEY);
	d = device_new(&k, "a");
	topic(&k, "t");
	kit_settle(&k);
	bus_mem_set_up(k.hub, false);
	bus_mem_deliver(k.hub);
	attach(&k, "a", "t");
	CHECK_EQ(out.status, CORE_BROKER_AWAY);
	writes = k.n_writes;
	CHECK_EQ(core_work(k.core, 10), -1);
	kit_run(&k, 86400);
	CHECK_EQ(k.n_writes, writes);
	CHECK_EQ(kit_status(&k, "a").state, CORE_CLIENT_WAITING);
	bus_mem_set_up(k.hub, true);
	k.n_woken = 0;
	bus_mem_deliver(k.hub);
	CHECK(k.n_woken > 0);
	kit_settle(&k);
	CHECK(in_sync(&k, d));
	device_free(d);
	kit_close(&k);
}

static void a_small_window_delays_but_loses_nothing(void)
{
	struct kit k;
	struct device *d[10];
	char name[16];

	kit_open(&k, CORE_SYMKEY);
	for (int t = 0; t < 30; t++) {
		snprintf(name, sizeof name, "t%d", t);
		topic(&k, name);
	}
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof name, "d%d", i);
		d[i] = device_new(&k, name);
		for (int t = 0; t < 30; t++) {
			char t_name[16];

			snprintf(t_name, sizeof t_name, "t%d", t);
			attach(&k, name, t_name);
		}
	}
	bus_mem_set_window(k.hub, 7);
	for (int i = 0; i < 120; i++)
		kit_run(&k, 1);
	for (int i = 0; i < 10; i++) {
		CHECK(in_sync(&k, d[i]));
		CHECK(d[i]->n_messages < 45);
		device_free(d[i]);
	}
	kit_close(&k);
}

/* --- resets ---------------------------------------------------------------------------------- */

static void a_reset_empties_the_device_until_the_next_rotation_or_attach(void)
{
	struct kit k;
	struct device *d;
	struct core_topic_status status;
	int64_t n;

	kit_open(&k, CORE_SYMKEY);
	d = device_new(&k, "a");
	topic(&k, "t");
	topic(&k, "u");
	topic(&k, "v");
	attach(&k, "a", "t");
	attach(&k, "a", "u");
	attach(&k, "a", "v");
	kit_settle(&k);
	CHECK(core_client_reset(k.core, "a", &out, &err));
	kit_settle(&k);
	CHECK_EQ(d->client.topics_used, 0);
	CHECK(in_sync(&k, d));
	CHECK(core_client_topics_count(k.core, "a", &n, &err));
	CHECK_EQ(n, 3);
	CHECK(core_topic_status(k.core, "t", &status, &err));
	CHECK_EQ(status.progress.withheld, 1);
	topic(&k, "t");
	attach(&k, "a", "u");
	kit_run(&k, 10);
	CHECK_EQ(d->client.topics_used, 2);
	CHECK(device_key(d, "t") && device_key(d, "u") && !device_key(d, "v"));
	CHECK(in_sync(&k, d));
	/* A reset, a rotation and an attach while it is away. */
	d->online = false;
	CHECK(core_client_reset(k.core, "a", &out, &err));
	kit_settle(&k);
	topic(&k, "t");
	kit_run(&k, 100);
	d->online = true;
	kit_run(&k, 400);
	CHECK(device_key(d, "t") && !device_key(d, "u"));
	CHECK(in_sync(&k, d));
	/* All in one batch: the reset is stamped below what follows it. */
	CHECK(core_client_reset(k.core, "a", &out, &err));
	topic(&k, "t");
	attach(&k, "a", "v");
	kit_settle(&k);
	CHECK(device_key(d, "t") && device_key(d, "v") && !device_key(d, "u"));
	CHECK(in_sync(&k, d));
	device_free(d);
	kit_close(&k);
}

static void an_old_device_is_not_reset_again_and_again(void)
{
	struct kit k;
	struct device *d;

	kit_open(&k, CORE_SYMKEY);
	d = device_new(&k, "old");
	d->legacy = true;
	topic(&k, "t");
	topic(&k, "u");
	attach(&k, "old", "t");
	attach(&k, "old", "u");
	kit_settle(&k);
	CHECK(core_client_reset(k.core, "old", &out, &err));
	kit_settle(&k);
	CHECK_EQ(d->client.topics_used, 0);
	topic(&k, "t");
	kit_settle(&k);
	topic(&k, "t");
	kit_run(&k, 5);
	CHECK(device_key(d, "t") != 0);
	/* The old key of the topic survives every repeat: no ResetTopics erased it. */
	CHECK(device_key(d, "t")->switched_at != 0);
	kit_run(&k, 86400);
	CHECK(device_key(d, "t")->switched_at != 0);
	CHECK(holds_all(&k, d));
	device_free(d);
	kit_close(&k);
}

/* --- many clients ---------------------------------------------------------------------------- */

static void a_rotation_for_ten_thousand_is_one_small_write(void)
{
	struct kit k;
	uint8_t key[32] = {1};
	struct core_topic_status status;
	size_t writes, commits;

	kit_open(&k, CORE_SYMKEY);
	topic(&k, "t");
	for (int i = 0; i < 10000; i++) {
		char name[16];

		snprintf(name, sizeof name, "c%d", i);
		CHECK(core_client_new(k.core, name, key, 32, 0, &err));
		CHECK(core_attach(k.core, name, "t", 0, &err));
	}
	writes = k.n_writes;
	commits = k.n_commits;
	topic(&k, "t");
	CHECK_EQ(out.recipients, 10000);
	CHECK_EQ(k.n_writes - writes, 1);
	CHECK_EQ(k.n_commits - commits, 1);
	CHECK(core_topic_status(k.core, "t", &status, &err));
	CHECK_EQ(status.progress.waiting, 10000);
	/* A crash in the middle of the walk, a rotation in the middle of the walk. */
	core_work(k.core, 10);
	core_work(k.core, 10);
	topic(&k, "t");
	for (int i = 0; i < 400 && core_work(k.core, 256) == 0; i++)
		bus_mem_deliver(k.hub);
	CHECK(core_topic_status(k.core, "t", &status, &err));
	CHECK_EQ(status.progress.waiting, 0);
	CHECK_EQ(status.progress.sent, 10000);
	kit_close(&k);
}

static void more_topics_than_a_batch_arrive(void)
{
	struct kit k;
	struct device *d;

	kit_open(&k, CORE_SYMKEY);
	d = device_new(&k, "a");
	for (int i = 0; i < KIT_TOPICS; i++) {
		char name[16];

		snprintf(name, sizeof name, "t%d", i);
		topic(&k, name);
		attach(&k, "a", name);
	}
	bus_mem_set_window(k.hub, 10);
	kit_run(&k, 60);
	CHECK(in_sync(&k, d));
	CHECK_EQ(d->client.topics_used, KIT_TOPICS);
	CHECK(d->n_messages < KIT_TOPICS + 5);
	device_free(d);
	kit_close(&k);
}

/* --- trouble at home ------------------------------------------------------------------------- */

static void a_full_disk_sends_nothing_and_loses_nothing(void)
{
	struct kit k;
	struct device *d;

	kit_open(&k, CORE_SYMKEY);
	d = device_new(&k, "a");
	topic(&k, "t");
	attach(&k, "a", "t");
	k.fail_commit = true;
	CHECK_EQ(core_work(k.core, 10), 1000);
	bus_mem_deliver(k.hub);
	CHECK_EQ(d->n_messages, 0);
	CHECK(!core_topic_new(k.core, "u", &out, &err));
	CHECK_EQ(err.code, ERR_STORE);
	k.fail_commit = false;
	CHECK(!core_topic_remove(k.core, "u", &out, &err));
	CHECK_EQ(err.code, ERR_NOT_FOUND);
	kit_settle(&k);
	CHECK(in_sync(&k, d));
	device_free(d);
	kit_close(&k);
}

static void receipts_on_a_full_disk_are_asked_for_again(void)
{
	struct kit k;
	struct device *d;

	kit_open(&k, CORE_SYMKEY);
	d = device_new(&k, "a");
	topic(&k, "t");
	attach(&k, "a", "t");
	core_work(k.core, 10);
	k.fail_commit = true;
	bus_mem_deliver(k.hub);
	/* It waits, it does not spin. */
	CHECK(core_work(k.core, 10) > 0);
	CHECK(kit_status(&k, "a").state == CORE_CLIENT_SENT);
	k.fail_commit = false;
	kit_run(&k, 30);
	CHECK(in_sync(&k, d));
	device_free(d);
	kit_close(&k);
}

/* Until it works: an error must leave nothing behind that stands in the way. */
#define UNTIL(call)                                                                                \
	do {                                                                                       \
		if (call)                                                                          \
			break;                                                                     \
		CHECK_EQ(err.code, ERR_STORE);                                                     \
		CHECK(call);                                                                       \
	} while (0)

static void any_one_write_may_fail(void)
{
	EACH_MODE(m)
	{
		for (size_t n = 1; n < 90; n++) {
			struct kit k;
			struct device *a, *b;

			kit_open(&k, MODE(m));
			a = device_new(&k, "a");
			b = device_new(&k, "b");
			k.n_ops = 0;
			k.fail_at = n;
			UNTIL(core_topic_new(k.core, "t", &out, &err));
			UNTIL(core_attach(k.core, "a", "t", &out, &err));
			UNTIL(core_attach(k.core, "b", "t", &out, &err));
			kit_run(&k, 2);
			UNTIL(core_client_new_key(k.core, "a", &out, &err));
			kit_run(&k, 2);
			if (MODE(m) == CORE_PUBKEY) {
				UNTIL(core_pubkey_send(k.core, "a", "b", &out, &err));
				UNTIL(core_link(k.core, "b", "a", &err));
				UNTIL(core_new_c2_key(k.core, true, false, &out, &err));
				kit_run(&k, 2);
				UNTIL(core_client_new_key(k.core, "a", &out, &err));
				kit_run(&k, 2);
			}
			UNTIL(core_detach(k.core, "b", "t", CORE_YES, 0, &out, &err));
			kit_run(&k, 2);
			UNTIL(core_topic_remove(k.core, "t", &out, &err));
			kit_run(&k, 120);
			CHECK(in_sync(&k, a) && in_sync(&k, b));
			CHECK_EQ(a->client.topics_used, 0);
			device_free(a);
			device_free(b);
			kit_close(&k);
		}
	}
}

static void a_custody_that_is_away_holds_up_nobody_for_good(void)
{
	struct kit k;
	struct device *d;

	kit_open(&k, CORE_SYMKEY);
	d = device_new(&k, "a");
	topic(&k, "t");
	attach(&k, "a", "t");
	k.fail_open = true;
	kit_settle(&k);
	CHECK_EQ(d->n_messages, 0);
	CHECK_STR(kit_status(&k, "a").reason, "its keys cannot be opened");
	k.fail_open = false;
	kit_run(&k, 3600);
	CHECK(in_sync(&k, d));
	device_free(d);
	kit_close(&k);
}

/* --- counting many ------------------------------------------------------------------------ */

enum { MANY = 25500, MANY_CONFIRMED = 700 };

/* Clients that were told of a topic long ago; the first of them have confirmed it. */
static void add_members(struct kit *k, const struct store_topic *t, int first, int n)
{
	CHECK(k->store.ops->begin(k->store.ctx, &err));
	for (int i = first; i < first + n; i++) {
		struct store_client row = {.key_rev = 1, .sent_rev = 1000};
		struct store_member m = {.topic_id = t->id, .rev = t->rev};

		row.confirmed_rev = i < MANY_CONFIRMED ? 1000 : 0;
		snprintf(row.name, sizeof row.name, "c%d", i);
		e4_id_from_name(row.e4id, row.name, strlen(row.name));
		CHECK(k->store.ops->client_put(k->store.ctx, &row, &err));
		m.client_id = row.id;
		CHECK(k->store.ops->member_put(k->store.ctx, &m, &err));
	}
	CHECK(k->store.ops->commit(k->store.ctx, &err));
}

static struct core_topic_status status_of(struct kit *k)
{
	struct core_topic_status s;

	CHECK(core_topic_status(k->core, "t", &s, &err));
	CHECK_EQ(s.progress.confirmed + s.progress.sent + s.progress.waiting + s.progress.withheld,
		 s.progress.members);
	return s;
}

/* Turns of the loop until all are counted. */
static int count_all(struct kit *k, int64_t members)
{
	struct core_topic_status s = status_of(k);
	int turns = 0;

	CHECK_EQ(s.counted, 0);
	CHECK_EQ(s.progress.members, members);
	CHECK_EQ(s.progress.waiting, members);
	while (s.counted < members && turns++ < 1000) {
		int64_t was = s.counted;

		core_work(k->core, 16);
		s = status_of(k);
		CHECK(s.counted > was && s.counted - was <= 1000);
		CHECK_EQ(s.progress.members, members);
	}
	CHECK_EQ(s.progress.waiting, 0);
	return turns;
}

static void many_members_are_counted_between_other_work(void)
{
	struct kit k;
	struct core_topic_status s;
	struct store_topic t = {0};

	kit_open(&k, CORE_SYMKEY);
	topic(&k, "t");
	kit_settle(&k);
	CHECK(find_topic(k.core, "t", &t, &err));
	add_members(&k, &t, 0, CORE_COUNT_AT_ONCE);
	s = status_of(&k);
	CHECK_EQ(s.counted, CORE_COUNT_AT_ONCE);
	CHECK_EQ(s.progress.confirmed, MANY_CONFIRMED);
	CHECK_EQ(s.counted_at, KIT_START);
	add_members(&k, &t, CORE_COUNT_AT_ONCE, MANY - CORE_COUNT_AT_ONCE);
	CHECK(count_all(&k, MANY) >= MANY / 1000);
	CHECK_EQ(status_of(&k).progress.confirmed, MANY_CONFIRMED);
	/* For some seconds the answer stays, then a question starts a new count. */
	add_members(&k, &t, MANY, 10);
	kit_run(&k, 9);
	s = status_of(&k);
	CHECK_EQ(s.progress.members, MANY);
	CHECK_EQ(s.counted_at, KIT_START);
	kit_run(&k, 1);
	CHECK_EQ(status_of(&k).counted_at, KIT_START);
	kit_run(&k, 1);
	s = status_of(&k);
	CHECK_EQ(s.progress.members, MANY + 10);
	CHECK_EQ(s.counted, MANY + 10);
	CHECK_EQ(s.counted_at, KIT_START + 10);
	/* What was counted of the key before says nothing of the next one. */
	CHECK(find_topic(k.core, "t", &t, &err));
	t.rev = t.walk_rev = 900;
	CHECK(k.store.ops->begin(k.store.ctx, &err));
	CHECK(k.store.ops->topic_put(k.store.ctx, &t, &err));
	CHECK(k.store.ops->commit(k.store.ctx, &err));
	count_all(&k, MANY + 10);
	kit_close(&k);
}

int main(void)
{
	/* What fails here fails on purpose. */
	log_set_level(LOG_ERROR + 1);
	RUN(a_device_gets_its_topic_and_confirms);
	RUN(nothing_is_sent_for_a_new_client_until_it_announces_itself);
	RUN(a_rotation_reaches_every_member);
	RUN(detach_takes_the_topic_and_rotates_it_for_the_others);
	RUN(a_removed_topic_is_taken_away_and_one_of_its_name_starts_afresh);
	RUN(what_was_removed_is_forgotten_once_it_is_confirmed);
	RUN(a_device_that_was_away_for_a_month_gets_the_newest_keys);
	RUN(an_offline_device_costs_little);
	RUN(a_device_that_gives_no_receipts_still_gets_its_keys);
	RUN(without_a_broker_nothing_is_lost_and_nothing_written);
	RUN(a_small_window_delays_but_loses_nothing);
	RUN(a_reset_empties_the_device_until_the_next_rotation_or_attach);
	RUN(an_old_device_is_not_reset_again_and_again);
	RUN(a_rotation_for_ten_thousand_is_one_small_write);
	RUN(more_topics_than_a_batch_arrive);
	RUN(a_full_disk_sends_nothing_and_loses_nothing);
	RUN(receipts_on_a_full_disk_are_asked_for_again);
	RUN(any_one_write_may_fail);
	RUN(a_custody_that_is_away_holds_up_nobody_for_good);
	RUN(many_members_are_counted_between_other_work);
	return END();
}
