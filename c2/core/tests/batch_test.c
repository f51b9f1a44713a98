/* Batches, groups, tags, search, and who is sent first. */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "kit.h"

static struct err err;
static struct core_delivery out;
static struct core_batch_result result;

enum { KEY_LEN = 32 };

static const uint8_t key_a[KEY_LEN] = {1, 2, 3}, key_b[KEY_LEN] = {4, 5, 6};

static struct core_op make(const char *client, const uint8_t *key)
{
	return (struct core_op){.kind = CORE_OP_CLIENT_NEW,
				.client = client,
				.key = key,
				.key_len = KEY_LEN,
				.traits = {.type = CORE_TYPE_AS_IT_WAS}};
}

static struct core_op op(enum core_op_kind kind, const char *client, const char *topic)
{
	return (struct core_op){.kind = kind, .client = client, .topic = topic};
}

static bool batch_id(struct kit *k, enum core_existing existing, const char *id,
		     const struct core_op *ops, size_t n)
{
	const struct core_batch b = {.ops = ops, .n = n, .existing = existing, .id = id};

	return core_batch(k->core, &b, &result, &err);
}

static bool batch(struct kit *k, enum core_existing existing, const struct core_op *ops, size_t n)
{
	return batch_id(k, existing, "", ops, n);
}

#define N(ops) (sizeof(ops) / sizeof(ops)[0])

static int64_t clients(struct kit *k)
{
	int64_t n;

	CHECK(core_clients_count(k->core, &n, &err));
	return n;
}

static int64_t members(struct kit *k, const char *topic)
{
	int64_t n = -1;

	CHECK(core_topic_clients_count(k->core, topic, &n, &err));
	return n;
}

static int64_t revision(struct kit *k)
{
	int64_t rev;

	CHECK(k->store.ops->revision(k->store.ctx, &rev, &err));
	return rev;
}

static void one_bad_operation_changes_nothing_and_is_named(void)
{
	static const uint8_t zero[KEY_LEN];
	const struct core_op good[] = {make("x", key_a),
				       op(CORE_OP_TOPIC_NEW, 0, "u"),
				       op(CORE_OP_ATTACH, "x", "u"),
				       op(CORE_OP_TOPIC_ROTATE, 0, "t"),
				       op(CORE_OP_DETACH, "a", "t"),
				       op(CORE_OP_CLIENT_NEW_KEY, "a", 0)};
	const struct core_op bad[] = {
		make("a", key_b),
		make("", key_a),
		make("z", zero),
		op(CORE_OP_CLIENT_REMOVE, "nobody", 0),
		op(CORE_OP_CLIENT_NEW_KEY, "nobody", 0),
		op(CORE_OP_CLIENT_CHANGE, "nobody", 0),
		op(CORE_OP_TOPIC_NEW, 0, "t"),
		op(CORE_OP_TOPIC_NEW, 0, "a/+"),
		op(CORE_OP_TOPIC_ROTATE, 0, "nothing"),
		op(CORE_OP_TOPIC_REMOVE, 0, "nothing"),
		op(CORE_OP_ATTACH, "a", "nothing"),
		op(CORE_OP_ATTACH, "b", "t"),
		op(CORE_OP_DETACH, "x", "t"),
	};
	struct core_op ops[N(good) + 1];
	struct kit k;
	int64_t rev;

	kit_open(&k, CORE_SYMKEY);
	CHECK(core_client_new(k.core, "a", key_a, KEY_LEN, &out, &err));
	CHECK(core_client_new(k.core, "b", key_b, KEY_LEN, &out, &err));
	CHECK(core_topic_new(k.core, "t", &out, &err));
	CHECK(core_attach(k.core, "a", "t", &out, &err));
	CHECK(core_attach(k.core, "b", "t", &out, &err));
	rev = revision(&k);
	memcpy(ops, good, sizeof good);
	for (size_t i = 0; i < N(bad); i++) {
		ops[N(good)] = bad[i];
		CHECK(!batch(&k, CORE_EXISTING_FAIL, ops, N(ops)));
		CHECK(strncmp(err.text, "operation 6: ", 13) == 0);
		CHECK_EQ(clients(&k), 2);
		CHECK_EQ(members(&k, "t"), 2);
		CHECK_EQ(revision(&k), rev);
		CHECK(!core_topic_clients_count(k.core, "u", &rev, &err));
		rev = revision(&k);
	}
	CHECK(batch(&k, CORE_EXISTING_FAIL, good, N(good)));
	CHECK_EQ(result.changed, N(good));
	CHECK_EQ(result.rotated, 1);
	CHECK_EQ(clients(&k), 3);
	CHECK_EQ(members(&k, "t"), 1);
	CHECK_EQ(members(&k, "u"), 1);
	kit_close(&k);
}

static void any_one_write_of_a_batch_may_fail(void)
{
	struct core_op ops[] = {make("x", key_a),
				make("y", key_b),
				op(CORE_OP_TOPIC_NEW, 0, "u"),
				op(CORE_OP_ATTACH, "x", "u"),
				op(CORE_OP_DETACH, "a", "t"),
				op(CORE_OP_CLIENT_NEW_KEY, "b", 0),
				op(CORE_OP_CLIENT_REMOVE, "b", 0)};
	char *topics[] = {(char[]){"t"}};
	bool done = false;

	ops[1].topics = topics;
	ops[1].n_topics = 1;
	for (size_t n = 1; !done; n++) {
		struct kit k;
		int64_t rev;

		kit_open(&k, CORE_SYMKEY);
		CHECK(core_topic_new(k.core, "t", &out, &err));
		CHECK(core_client_new(k.core, "a", key_a, KEY_LEN, &out, &err));
		CHECK(core_client_new(k.core, "b", key_b, KEY_LEN, &out, &err));
		CHECK(core_attach(k.core, "a", "t", &out, &err));
		CHECK(core_attach(k.core, "b", "t", &out, &err));
		rev = revision(&k);
		k.n_ops = 0;
		k.fail_at = n;
		done = batch(&k, CORE_EXISTING_FAIL, ops, N(ops));
		k.fail_at = 0;
		if (!done) {
			CHECK_EQ(err.code, ERR_STORE);
			CHECK_EQ(revision(&k), rev);
			CHECK_EQ(clients(&k), 2);
			CHECK_EQ(members(&k, "t"), 2);
			CHECK(batch(&k, CORE_EXISTING_FAIL, ops, N(ops)));
		}
		CHECK_EQ(clients(&k), 3);
		CHECK_EQ(members(&k, "t"), 1);
		CHECK_EQ(members(&k, "u"), 1);
		kit_close(&k);
		CHECK(n < 100);
	}
}

static void a_batch_that_is_repeated_finds_itself_done(void)
{
	char *tags[] = {(char[]){"x=1"}}, *topics[] = {(char[]){"t"}};
	struct core_op ops[] = {
		op(CORE_OP_TOPIC_NEW, 0, "t"),     make("a", key_a),
		op(CORE_OP_ATTACH, "a", "t"),      op(CORE_OP_DETACH, "b", "t"),
		op(CORE_OP_CLIENT_REMOVE, "b", 0), op(CORE_OP_TOPIC_REMOVE, 0, "gone")};
	struct kit k;
	int64_t at, events;

	ops[1].topics = topics;
	ops[1].n_topics = 1;
	ops[1].traits.add = tags;
	ops[1].traits.n_add = 1;
	kit_open(&k, CORE_SYMKEY);
	CHECK(core_client_new(k.core, "b", key_b, KEY_LEN, &out, &err));
	CHECK(core_topic_new(k.core, "gone", &out, &err));
	CHECK(core_topic_new(k.core, "t", &out, &err));
	CHECK(core_attach(k.core, "b", "t", &out, &err));
	CHECK(batch(&k, CORE_EXISTING_SAME, ops, N(ops)));
	CHECK_EQ(result.changed, 4);
	CHECK_EQ(result.same, 2); /* the topic, and the attach that came with the client */
	CHECK(k.store.ops->events_last(k.store.ctx, &events, &err));
	kit_settle(&k);
	for (int existing = CORE_EXISTING_SAME; existing <= CORE_EXISTING_KEEP; existing++) {
		CHECK(batch(&k, (enum core_existing)existing, ops, N(ops)));
		CHECK_EQ(result.changed, 0);
		CHECK_EQ(result.same, N(ops));
		CHECK_EQ(result.delivery.recipients, 0);
		CHECK_EQ(result.rotated, 0);
		CHECK(k.store.ops->events_last(k.store.ctx, &at, &err));
		CHECK_EQ(at, events);
	}
	ops[1].key = key_b;
	CHECK(!batch(&k, CORE_EXISTING_SAME, ops, N(ops)));
	CHECK_EQ(err.code, ERR_EXISTS);
	CHECK(batch(&k, CORE_EXISTING_KEEP, ops, N(ops)));
	CHECK_EQ(result.changed, 0);
	ops[1].key = key_a; /* KEEP has kept it */
	CHECK(batch(&k, CORE_EXISTING_SAME, ops, N(ops)));
	ops[1].key = key_b;
	CHECK(batch(&k, CORE_EXISTING_REPLACE, ops, N(ops)));
	CHECK(batch(&k, CORE_EXISTING_SAME, ops, N(ops)));
	kit_close(&k);
}

static void a_batch_with_an_id_is_done_once(void)
{
	const struct core_op rotate = op(CORE_OP_TOPIC_ROTATE, 0, "t");
	const struct core_op bad = op(CORE_OP_TOPIC_ROTATE, 0, "nothing");
	struct kit k;
	char id[16];
	int64_t rev;

	kit_open_file(&k, CORE_SYMKEY);
	CHECK(core_topic_new(k.core, "t", &out, &err));
	CHECK(batch_id(&k, CORE_EXISTING_FAIL, "one", &rotate, 1));
	CHECK(!result.repeated);
	rev = revision(&k);
	CHECK(!batch_id(&k, CORE_EXISTING_FAIL, "two", &bad, 1)); /* failed is not done */
	kit_crash(&k);
	CHECK(batch_id(&k, CORE_EXISTING_FAIL, "one", &rotate, 1));
	CHECK(result.repeated);
	CHECK_EQ(result.changed, 0);
	CHECK_EQ(revision(&k), rev);
	CHECK(batch_id(&k, CORE_EXISTING_FAIL, "two", &rotate, 1));
	CHECK(!result.repeated);
	for (int i = 0; i < 256; i++) {
		snprintf(id, sizeof id, "id%d", i);
		CHECK(batch_id(&k, CORE_EXISTING_FAIL, id, &rotate, 1) && !result.repeated);
	}
	CHECK(batch_id(&k, CORE_EXISTING_FAIL, "id0", &rotate, 1) && result.repeated);
	CHECK(batch_id(&k, CORE_EXISTING_FAIL, "one", &rotate, 1) && !result.repeated);
	CHECK(!batch_id(&k, CORE_EXISTING_FAIL,
			"12345678901234567890123456789012345678901234567890123456789012345",
			&rotate, 1));
	CHECK_EQ(err.code, ERR_INVALID);
	CHECK(!batch(&k, CORE_EXISTING_FAIL, &rotate, 0));
	kit_close(&k);
}

static void a_dry_run_says_what_would_be_and_leaves_no_trace(void)
{
	const struct core_op ops[] = {make("a", key_a), op(CORE_OP_TOPIC_NEW, 0, "t"),
				      op(CORE_OP_ATTACH, "a", "t")};
	struct core_batch b = {.ops = ops, .n = N(ops), .dry_run = true, .id = "dry"};
	struct kit k;
	int64_t rev;

	kit_open(&k, CORE_SYMKEY);
	rev = revision(&k);
	CHECK(core_batch(k.core, &b, &result, &err));
	CHECK_EQ(result.changed, 3);
	CHECK_EQ(clients(&k), 0);
	CHECK_EQ(revision(&k), rev);
	b.dry_run = false; /* and its id was not taken */
	CHECK(core_batch(k.core, &b, &result, &err));
	CHECK(!result.repeated);
	CHECK_EQ(clients(&k), 1);
	kit_close(&k);
}

/* The same key or topic changed again within one batch: devices end where they shall. */
static void devices_follow_what_a_batch_did_in_one_revision(void)
{
	for (int m = CORE_SYMKEY; m <= CORE_PUBKEY; m++) {
		const struct core_op ops[] = {
			op(CORE_OP_TOPIC_NEW, 0, "t"),          op(CORE_OP_ATTACH, "a", "t"),
			op(CORE_OP_TOPIC_ROTATE, 0, "t"),       op(CORE_OP_ATTACH, "b", "t"),
			op(CORE_OP_TOPIC_ROTATE, 0, "t"),       op(CORE_OP_CLIENT_NEW_KEY, "a", 0),
			op(CORE_OP_CLIENT_NEW_KEY, "a", 0),     op(CORE_OP_ATTACH, "b", "old"),
			op(CORE_OP_DETACH, "b", "old"),         op(CORE_OP_DETACH, "a", "old"),
			op(CORE_OP_TOPIC_REMOVE, 0, "removed"), op(CORE_OP_TOPIC_NEW, 0, "removed"),
			op(CORE_OP_ATTACH, "a", "removed")};
		struct device *a, *b;
		struct kit k;

		kit_open(&k, (enum core_mode)m);
		a = device_new(&k, "a");
		b = device_new(&k, "b");
		CHECK(core_topic_new(k.core, "old", &out, &err));
		CHECK(core_topic_new(k.core, "removed", &out, &err));
		CHECK(core_attach(k.core, "a", "old", &out, &err));
		CHECK(core_attach(k.core, "a", "removed", &out, &err));
		kit_settle(&k);
		CHECK(batch(&k, CORE_EXISTING_FAIL, ops, N(ops)));
		kit_run(&k, 30);
		CHECK(in_sync(&k, a) && in_sync(&k, b));
		CHECK(device_key(a, "t") && device_key(b, "t") && device_key(a, "removed"));
		CHECK(!device_key(a, "old") && !device_key(b, "old"));
		device_free(a);
		device_free(b);
		kit_close(&k);
	}
}

/* What the batch remembers of topics and of new clients must follow what it does to them. */
static void a_topic_made_again_within_a_batch_is_another(void)
{
	char *twice[] = {(char[]){"t"}, (char[]){"t"}};
	struct core_op ops[] = {op(CORE_OP_TOPIC_NEW, 0, "t"),
				make("a", key_a),
				op(CORE_OP_TOPIC_REMOVE, 0, "t"),
				op(CORE_OP_TOPIC_NEW, 0, "t"),
				make("b", key_b),
				op(CORE_OP_DETACH, "b", "t"),
				op(CORE_OP_CLIENT_REMOVE, "a", 0),
				make("a", key_b)};
	struct kit k;
	int64_t events;

	ops[1].topics = ops[4].topics = ops[7].topics = twice;
	ops[1].n_topics = ops[4].n_topics = ops[7].n_topics = 2;
	kit_open(&k, CORE_SYMKEY);
	CHECK(batch(&k, CORE_EXISTING_FAIL, ops, N(ops)));
	CHECK_EQ(result.changed, N(ops));
	CHECK_EQ(members(&k, "t"), 1);
	CHECK(k.store.ops->events_last(k.store.ctx, &events, &err));
	CHECK_EQ(events, 5); /* a joins, b joins and leaves, a is removed, the new a joins */
	CHECK_EQ(clients(&k), 2);
	kit_close(&k);
}

static void topics_that_many_leave_rotate_once(void)
{
	enum { MANY = 50 };
	static char names[MANY][24];
	struct core_op ops[MANY];
	struct kit k;
	struct core_topic_status before, after;

	kit_open(&k, CORE_SYMKEY);
	CHECK(core_topic_new(k.core, "t", &out, &err));
	for (size_t i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof names[i], "c%zu", i);
		CHECK(core_client_new(k.core, names[i], key_a, KEY_LEN, &out, &err));
		CHECK(core_attach(k.core, names[i], "t", &out, &err));
		ops[i] = op(i % 2 ? CORE_OP_DETACH : CORE_OP_CLIENT_REMOVE, names[i], "t");
	}
	CHECK(core_topic_status(k.core, "t", &before, &err));
	k.n_writes = 0;
	CHECK(batch(&k, CORE_EXISTING_FAIL, ops, MANY - 1));
	CHECK_EQ(result.rotated, 1);
	CHECK(core_topic_status(k.core, "t", &after, &err));
	CHECK_EQ(after.progress.members, 1);
	CHECK(after.revision > before.revision);
	CHECK(k.n_writes <= 3 * MANY);
	kit_close(&k);
}

/* --- search and groups -------------------------------------------------------------------- */

static struct core_search everything(void)
{
	return (struct core_search){.prefix = "", .contains = "", .cursor = "", .limit = 10};
}

/* All pages, as "a,b,c"; between two pages change() may do as it likes. */
static void pages(struct kit *k, struct core_search s, char *text, size_t cap,
		  void (*change)(struct kit *k, int page))
{
	struct core_found_clients found;
	struct arena arena = ARENA_INIT;

	text[0] = 0;
	for (int page = 0; page == 0 || s.cursor[0]; page++) {
		CHECK(core_search_clients(k->core, &s, &arena, &found, &err));
		CHECK(found.n <= (size_t)s.limit);
		for (size_t i = 0; i < found.n; i++)
			snprintf(text + strlen(text), cap - strlen(text), "%s%s",
				 text[0] ? "," : "", found.rows[i].name);
		s.cursor = found.cursor;
		if (change)
			change(k, page);
	}
	arena_free(&arena);
}

static void come_and_go(struct kit *k, int page)
{
	static const char *const gone[] = {"c03", "c06"}, *const come[] = {"c00a", "c08a"};

	if (page > 1)
		return;
	CHECK(core_client_remove(k->core, gone[page], CORE_NO, 0, &out, &err));
	CHECK(core_client_new(k->core, come[page], key_b, KEY_LEN, &out, &err));
}

static void twelve(struct kit *k)
{
	char name[16];

	kit_open(k, CORE_SYMKEY);
	CHECK(core_topic_new(k->core, "t", &out, &err));
	for (int i = 0; i < 12; i++) {
		char parity[8] = "even", all[] = "all", *tags[] = {parity, all};
		struct core_traits traits = {.type = i % 3 ? CORE_TYPE_CONSUMER
							   : CORE_TYPE_PRODUCER,
					     .add = tags,
					     .n_add = 2};

		if (i % 2)
			strcpy(parity, "odd");
		snprintf(name, sizeof name, "c%02d", i);
		CHECK(core_client_new(k->core, name, key_a, KEY_LEN, &out, &err));
		CHECK(core_client_change(k->core, name, &traits, &err));
	}
}

static void a_search_finds_what_fits_all_conditions(void)
{
	char *tags[] = {(char[]){"odd"}, (char[]){"all"}, (char[]){"none"}}, text[256];
	struct core_search s = everything();
	struct kit k;

	twelve(&k);
	s.limit = 2;
	s.tags = tags;
	s.n_tags = 1;
	pages(&k, s, text, sizeof text, 0);
	CHECK_STR(text, "c01,c03,c05,c07,c09,c11");
	s.n_tags = 2;
	s.type = CORE_TYPE_PRODUCER;
	pages(&k, s, text, sizeof text, 0);
	CHECK_STR(text, "c03,c09");
	s.n_tags = 3;
	pages(&k, s, text, sizeof text, 0);
	CHECK_STR(text, "");
	s = everything();
	s.prefix = "c1";
	pages(&k, s, text, sizeof text, 0);
	CHECK_STR(text, "c10,c11");
	s.prefix = "";
	s.contains = "5";
	pages(&k, s, text, sizeof text, 0);
	CHECK_STR(text, "c05");
	s = everything();
	s.states = 1u << CORE_CLIENT_CONFIRMED;
	pages(&k, s, text, sizeof text, 0);
	CHECK_STR(text, "");
	s.limit = 0;
	struct arena arena = ARENA_INIT;
	struct core_found_clients found;
	CHECK(!core_search_clients(k.core, &s, &arena, &found, &err));
	arena_free(&arena);
	kit_close(&k);
}

static void pages_of_a_search_stay_right_while_clients_come_and_go(void)
{
	struct core_search s = everything();
	char text[256];
	struct kit k;

	twelve(&k);
	s.limit = 4;
	pages(&k, s, text, sizeof text, come_and_go);
	/* c03 was shown before it went; c00a came behind the cursor, c08a before it. */
	CHECK_STR(text, "c00,c01,c02,c03,c04,c05,c06,c07,c08,c08a,c09,c10,c11");
	kit_close(&k);
}

/* What a search asks of the database, where each question is a journey. */
static struct {
	const struct store_ops *real;
	struct store_question asks[1024];
	size_t n_asks;
	int journeys;
} journeys;

static void note_ahead(void *ctx, const struct store_question *list, size_t n)
{
	(void)ctx;
	CHECK(n <= sizeof journeys.asks / sizeof *journeys.asks);
	for (size_t i = 0; i < n; i++)
		journeys.asks[i] = list[i];
	journeys.n_asks = n;
	journeys.journeys += n > 0;
}

static void note_question(enum store_ask ask, int64_t client_id)
{
	for (size_t i = 0; i < journeys.n_asks; i++)
		if (journeys.asks[i].ask == ask && journeys.asks[i].client_id == client_id)
			return;
	journeys.journeys++;
}

static bool note_tags(void *ctx, int64_t client_id, store_name_fn *fn, void *arg, struct err *e)
{
	note_question(STORE_ASK_TAGS, client_id);
	return journeys.real->client_tags(ctx, client_id, fn, arg, e);
}

static bool note_topics(void *ctx, int64_t client_id, struct store_page page, store_name_fn *fn,
			void *arg, struct err *e)
{
	note_question(STORE_ASK_TOPICS, client_id);
	return journeys.real->client_topics(ctx, client_id, page, fn, arg, e);
}

static bool note_members(void *ctx, int64_t client_id, store_member_topic_fn *fn, void *arg,
			 struct err *e)
{
	note_question(STORE_ASK_MEMBERS, client_id);
	return journeys.real->client_members(ctx, client_id, fn, arg, e);
}

static bool note_peers(void *ctx, int64_t client_id, store_peer_source_fn *fn, void *arg,
		       struct err *e)
{
	note_question(STORE_ASK_PEERS, client_id);
	return journeys.real->client_peers(ctx, client_id, fn, arg, e);
}

/* A hundred clients on a page took as many journeys once, and PostgreSQL 13 ms. */
static void a_search_asks_of_its_clients_together(void)
{
	char *tags[] = {(char[]){"odd"}, (char[]){"all"}}, text[512];
	struct core_search s = everything();
	struct kit k;

	twelve(&k);
	journeys.real = k.real_store.ops;
	k.ops.ahead = note_ahead;
	k.ops.client_tags = note_tags;
	k.ops.client_topics = note_topics;
	k.ops.client_members = note_members;
	k.ops.client_peers = note_peers;
	s.limit = 12;
	s.with_topics = true;
	pages(&k, s, text, sizeof text, 0);
	CHECK_EQ(journeys.journeys, 1);
	s.tags = tags;
	s.n_tags = 2;
	s.states = 1u << CORE_CLIENT_WAITING;
	journeys.journeys = 0;
	pages(&k, s, text, sizeof text, 0);
	CHECK_STR(text, "c01,c03,c05,c07,c09,c11");
	CHECK_EQ(journeys.journeys, 2); /* of those that may fit, and of those that do */
	CHECK_EQ(journeys.n_asks, 0);   /* answers are of then */
	kit_close(&k);
}

/* What makes of clients asks, where each question is a journey. */
static struct {
	const struct store_ops *real;
	struct store_client rows[8];
	size_t n_rows;
	int announced, others;
} made;

static bool note_clients_ahead(void *ctx, const struct store_client *rows, size_t n, struct err *e)
{
	(void)ctx, (void)e;
	CHECK(n <= sizeof made.rows / sizeof *made.rows);
	memcpy(made.rows, rows, n * sizeof *rows);
	made.n_rows = n;
	return true;
}

static bool note_by_e4id(void *ctx, const uint8_t e4id[16], struct store_client *row, bool *found,
			 struct err *e)
{
	bool announced = false;

	for (size_t i = 0; i < made.n_rows; i++)
		announced |= memcmp(made.rows[i].e4id, e4id, 16) == 0;
	made.announced += announced;
	made.others += !announced;
	return made.real->client_by_e4id(ctx, e4id, row, found, e);
}

static bool note_by_name(void *ctx, const char *name, struct store_client *row, bool *found,
			 struct err *e)
{
	made.others++;
	return made.real->client_by_name(ctx, name, row, found, e);
}

static void told_nothing(void *ctx, const struct err *why)
{
	(void)ctx, (void)why;
}

static void clients_that_are_made_together_are_announced(void)
{
	const struct core_named calls[] = {
		{.client = "a", .is_new = true, .is_change = true},
		{.client = "", .is_new = true, .is_change = true}, /* no name */
		{.client = "b", .is_new = true, .is_change = true},
	};
	struct kit k;

	kit_open(&k, CORE_SYMKEY);
	core_group(k.core, told_nothing, 0);
	made.real = k.real_store.ops;
	k.ops.clients_ahead = note_clients_ahead;
	k.ops.client_by_e4id = note_by_e4id;
	k.ops.client_by_name = note_by_name;
	core_ahead(k.core, calls, 3);
	CHECK(core_client_new(k.core, "a", key_a, KEY_LEN, &out, &err));
	CHECK(core_client_new(k.core, "b", key_a, KEY_LEN, &out, &err));
	core_ahead(k.core, 0, 0);
	CHECK_EQ(made.announced, 2);
	CHECK_EQ(made.others, 0);
	core_work(k.core, 1);
	/* So are those of a batch. */
	made.announced = 0;
	const struct core_op ops[] = {make("c", key_a), make("d", key_b)};
	CHECK(batch(&k, CORE_EXISTING_FAIL, ops, N(ops)));
	CHECK_EQ(made.announced, 2);
	CHECK_EQ(made.others, 0);
	kit_close(&k);
}

static void a_client_has_one_tag_of_a_name_and_few_enough(void)
{
	char *add[] = {(char[]){"k=1"}, (char[]){"k=2"}, (char[]){"k"}, (char[]){"kk"}};
	char *remove[] = {(char[]){"k"}}, *keep[] = {(char[]){"kk=1"}};
	struct core_traits t = {.type = CORE_TYPE_AS_IT_WAS, .add = add, .n_add = 2};
	struct arena arena = ARENA_INIT;
	enum core_client_type type;
	struct core_names tags;
	struct kit k;

	twelve(&k);
	CHECK(core_client_change(k.core, "c00", &t, &err));
	CHECK(core_client_traits(k.core, "c00", &arena, &type, &tags, &err));
	CHECK_EQ(tags.n, 3);
	CHECK_STR(tags.names[2], "k=2");
	CHECK_EQ(type, CORE_TYPE_PRODUCER);
	t.n_add = 4;
	CHECK(core_client_change(k.core, "c00", &t, &err));
	CHECK(core_client_traits(k.core, "c00", &arena, &type, &tags, &err));
	CHECK_EQ(tags.n, 4);
	CHECK_STR(tags.names[2], "k");
	CHECK_STR(tags.names[3], "kk");
	t = (struct core_traits){.type = CORE_TYPE_UNKNOWN, .remove = keep, .n_remove = 1};
	CHECK(core_client_change(k.core, "c00", &t, &err));
	t.remove = remove;
	CHECK(core_client_change(k.core, "c00", &t, &err));
	CHECK(core_client_traits(k.core, "c00", &arena, &type, &tags, &err));
	CHECK_EQ(tags.n, 3);
	CHECK_STR(tags.names[2], "kk");
	CHECK_EQ(type, CORE_TYPE_UNKNOWN);
	arena_free(&arena);
	kit_close(&k);
}

static void a_group_is_changed_in_pages_and_rotates_with_the_last(void)
{
	char *tags[] = {(char[]){"odd"}};
	struct core_group g = {.search = everything(), .kind = CORE_OP_ATTACH, .topic = "t"};
	struct arena arena = ARENA_INIT;
	const char *cursor;
	int64_t changed = 0, rotated = 0, n_pages = 0;
	struct kit k;

	twelve(&k);
	CHECK(!core_group_change(k.core, &g, &arena, &result, &cursor, &err)); /* no group given */
	g.search.tags = tags;
	g.search.n_tags = 1;
	g.search.limit = 4;
	CHECK(core_group_change(k.core, &g, &arena, &result, &cursor, &err));
	CHECK_STR(cursor, "c07");
	g.search.cursor = cursor;
	CHECK(core_group_change(k.core, &g, &arena, &result, &cursor, &err));
	CHECK_STR(cursor, "");
	CHECK_EQ(members(&k, "t"), 6);
	g.kind = CORE_OP_DETACH;
	g.all = true;
	g.search = everything();
	g.search.limit = 5;
	do {
		CHECK(core_group_change(k.core, &g, &arena, &result, &cursor, &err));
		changed += result.changed;
		rotated += result.rotated;
		n_pages++;
		g.search.cursor = cursor;
		CHECK_EQ(rotated, cursor[0] ? 0 : 1);
	} while (cursor[0]);
	CHECK_EQ(n_pages, 3);
	CHECK_EQ(changed, 6);
	CHECK_EQ(members(&k, "t"), 0);
	g.kind = CORE_OP_CLIENT_NEW_KEY;
	g.search.cursor = "";
	CHECK(core_group_change(k.core, &g, &arena, &result, &cursor, &err));
	CHECK_EQ(result.changed, 5);
	g.kind = CORE_OP_CLIENT_REMOVE;
	CHECK(!core_group_change(k.core, &g, &arena, &result, &cursor, &err));
	arena_free(&arena);
	kit_close(&k);
}

/* --- who is sent first --------------------------------------------------------------------- */

static void consumers_get_a_new_key_before_producers(void)
{
	enum { MANY = 600 }; /* more than two pages of a walk */
	static struct device *d[MANY];
	static uint8_t old[E4_KEY_LEN];
	struct core_traits traits = {.type = CORE_TYPE_PRODUCER};
	size_t n_new = 0, n_early = 0;
	struct kit k;
	char name[16];

	kit_open(&k, CORE_SYMKEY);
	CHECK(core_topic_new(k.core, "t", &out, &err));
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "d%d", i);
		d[i] = device_new(&k, name);
		if (i % 3 == 0)
			CHECK(core_client_change(k.core, name, &traits, &err));
		CHECK(core_attach(k.core, name, "t", &out, &err));
	}
	kit_run(&k, 30);
	memcpy(old, device_key(d[0], "t")->key, sizeof old);
	CHECK(core_topic_new(k.core, "t", &out, &err));
	bus_mem_set_window(k.hub, 8); /* slowly, so that there is an order to see */
	while (n_new < MANY) {
		size_t consumers = 0, producers = 0;

		if (core_work(k.core, 4) != 0)
			k.clock_state.wall_ms += 1000;
		bus_mem_deliver(k.hub);
		for (int i = 0; i < MANY; i++) {
			bool has = memcmp(device_key(d[i], "t")->key, old, sizeof old) != 0;

			*(i % 3 ? &consumers : &producers) += has;
		}
		n_early += producers > 0 && consumers < MANY - MANY / 3;
		n_new = consumers + producers;
		if (k.clock_state.wall_ms > (KIT_START + 10000) * 1000LL)
			break;
	}
	CHECK_EQ(n_new, MANY);
	CHECK_EQ(n_early, 0);
	for (int i = 0; i < MANY; i++)
		device_free(d[i]);
	kit_close(&k);
}

int main(void)
{
	log_set_level(LOG_ERROR);
	RUN(one_bad_operation_changes_nothing_and_is_named);
	RUN(any_one_write_of_a_batch_may_fail);
	RUN(a_batch_that_is_repeated_finds_itself_done);
	RUN(a_batch_with_an_id_is_done_once);
	RUN(a_dry_run_says_what_would_be_and_leaves_no_trace);
	RUN(devices_follow_what_a_batch_did_in_one_revision);
	RUN(a_topic_made_again_within_a_batch_is_another);
	RUN(topics_that_many_leave_rotate_once);
	RUN(a_search_finds_what_fits_all_conditions);
	RUN(a_search_asks_of_its_clients_together);
	RUN(clients_that_are_made_together_are_announced);
	RUN(pages_of_a_search_stay_right_while_clients_come_and_go);
	RUN(a_client_has_one_tag_of_a_name_and_few_enough);
	RUN(a_group_is_changed_in_pages_and_rotates_with_the_last);
	RUN(consumers_get_a_new_key_before_producers);
	return END();
}
