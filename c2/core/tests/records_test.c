/* Records beside the keys: one transaction with what they tell of, one writer of a version. */
#include <stdlib.h>

#include "kit.h"

static struct err err;
static struct core_delivery out;
static struct core_batch_result result;
static struct arena arena;

enum { RULE = 1, RUN_OF = 2 };

static const uint8_t key[32] = {0xa};

static struct core_record record(int32_t kind, int64_t owner, const char *body)
{
	return (struct core_record){
		.kind = kind, .owner = owner, .body = (const uint8_t *)body, .len = strlen(body)};
}

static const struct core_op rotate_t = {.kind = CORE_OP_TOPIC_ROTATE, .topic = "t"};

/* Rotate t, or nothing, and write the records. */
static bool fire(struct core *c, bool rotate, struct core_record *records, size_t n)
{
	const struct core_batch b = {
		.ops = &rotate_t, .n = rotate, .id = "", .records = records, .n_records = n};

	return core_batch(c, &b, &result, &err);
}

static bool put(struct core *c, struct core_record *r)
{
	return fire(c, false, r, 1);
}

static const char *body_of(struct core *c, int32_t kind, int64_t id)
{
	struct core_record r;

	if (core_record(c, kind, id, &arena, &r, &err))
		return arena_copy(&arena, (const char *)r.body, r.len);
	CHECK_EQ(err.code, ERR_NOT_FOUND);
	return "none";
}

static struct core_topic_facts facts_of_t(struct core *c)
{
	struct core_topic_facts f;

	CHECK(core_topic_facts(c, "t", &f, &err));
	return f;
}

static int64_t revision(struct kit *k)
{
	int64_t rev;

	CHECK(k->store.ops->revision(k->store.ctx, &rev, &err));
	return rev;
}

static const char *listed(struct core *c, int32_t kind, int64_t owner, int64_t after, int64_t limit,
			  bool newest)
{
	static char text[256];
	struct core_records rows;

	text[0] = 0;
	CHECK(core_records(c, kind, owner, after, limit, newest, &arena, &rows, &err));
	for (size_t i = 0; i < rows.n; i++) {
		CHECK_EQ(rows.rows[i].kind, kind);
		CHECK(!owner || rows.rows[i].owner == owner);
		strncat(text, (const char *)rows.rows[i].body, rows.rows[i].len);
	}
	return text;
}

/* --- versions --------------------------------------------------------------------------------- */

static void a_conflict_undoes_all_of_its_batch(void)
{
	struct core_record r[2] = {record(RULE, 0, "rule"), record(RULE, 0, "rule")}, stale[2];
	struct kit k;
	int64_t rev;

	kit_open(&k, CORE_SYMKEY);
	CHECK(core_topic_new(k.core, "t", &out, &err));
	CHECK(put(k.core, &r[0]));
	CHECK(r[0].id > 0 && r[0].version == 1);
	rev = revision(&k);
	CHECK(fire(k.core, true, r, 2));
	CHECK_EQ(facts_of_t(k.core).revision, rev + 1);
	CHECK_EQ(result.delivery.revision, rev + 1);
	CHECK(r[0].version == 2 && r[1].version == 1 && r[1].id > r[0].id);
	rev = revision(&k);
	memcpy(stale, r, sizeof stale);
	stale[0].version = 2;
	stale[0].body = (const uint8_t *)"lost";
	for (int64_t version = 0; version < 4; version += 2) {
		stale[1].version = version;
		CHECK(!fire(k.core, true, stale, 2));
		CHECK_EQ(err.code, ERR_CONFLICT);
		CHECK_STR(err.text, "record 1: changed by somebody else meanwhile");
		CHECK(stale[0].version == 2 && stale[1].version == version);
		CHECK_EQ(revision(&k), rev);
		CHECK_EQ(facts_of_t(k.core).revision, rev);
		CHECK_STR(body_of(k.core, RULE, r[0].id), "rule");
	}
	r[0].remove = true;
	CHECK(put(k.core, &r[0]));
	CHECK_STR(body_of(k.core, RULE, r[0].id), "none");
	CHECK(!fire(k.core, true, stale, 1));
	CHECK_EQ(err.code, ERR_CONFLICT);
	kit_close(&k);
}

/* The operation that fails undoes the record. */
static void a_failed_operation_undoes_the_record(void)
{
	struct core_record r = record(RULE, 0, "rule");
	struct kit k;

	kit_open(&k, CORE_SYMKEY);
	CHECK(!fire(k.core, true, &r, 1)); /* no topic t */
	CHECK_EQ(err.code, ERR_NOT_FOUND);
	CHECK(r.id == 0 && r.version == 0);
	CHECK_STR(listed(k.core, RULE, 0, 0, 9, false), "");
	kit_close(&k);
}

static void of_two_servers_one_fires(void)
{
	struct core_record r = record(RULE, 0, "due"), mine[2];
	struct core *second;
	struct kit k;

	kit_open(&k, CORE_SYMKEY);
	k.config.shared = true;
	second = core_new(&k.config, &k.store, &k.custody, &k.clock, 0, 0, &err);
	CHECK(core_topic_new(k.core, "t", &out, &err));
	CHECK(put(k.core, &r));
	for (int round = 0; round < 20; round++) {
		struct core *first = round % 2 ? second : k.core;
		struct core *other = round % 2 ? k.core : second;
		int64_t before = facts_of_t(k.core).revision;

		CHECK(core_record(first, RULE, r.id, &arena, &mine[0], &err));
		CHECK(core_record(other, RULE, r.id, &arena, &mine[1], &err));
		CHECK(fire(first, true, &mine[0], 1));
		CHECK(!fire(other, true, &mine[1], 1));
		CHECK_EQ(err.code, ERR_CONFLICT);
		CHECK_EQ(facts_of_t(other).revision, before + 1);
	}
	core_free(second);
	kit_close(&k);
}

/* --- batches ---------------------------------------------------------------------------------- */

static void bad_records_are_refused(void)
{
	static uint8_t long_body[STORE_RECORD_MAX + 1];
	const struct core_record bad[] = {
		{.kind = 0},
		{.kind = -1},
		{.kind = 1, .id = -1},
		{.kind = 1, .owner = -1},
		{.kind = 1, .id = 1, .version = -1},
		{.kind = 1, .version = 1},
		{.kind = 1, .id = 1, .remove = true},
		{.kind = 1, .body = long_body, .len = sizeof long_body},
	};
	struct core_batch b = {.id = ""};
	struct core_records rows;
	struct core_record r;
	struct kit k;

	kit_open(&k, CORE_SYMKEY);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		r = bad[i];
		CHECK(!put(k.core, &r));
		CHECK_EQ(err.code, ERR_INVALID);
		CHECK(strncmp(err.text, "record 0: ", 10) == 0);
	}
	CHECK(!core_batch(k.core, &b, &result, &err)); /* nothing to do */
	CHECK_EQ(err.code, ERR_INVALID);
	b.trim_kind = -1;
	CHECK(!core_batch(k.core, &b, &result, &err));
	CHECK_EQ(err.code, ERR_INVALID);
	CHECK(!core_record(k.core, 0, 1, &arena, &r, &err));
	CHECK_EQ(err.code, ERR_INVALID);
	CHECK(!core_records(k.core, 0, 0, 0, 9, false, &arena, &rows, &err));
	CHECK_EQ(err.code, ERR_INVALID);
	CHECK_EQ(revision(&k), 0);
	kit_close(&k);
}

static void records_alone_take_no_revision(void)
{
	struct core_record r[3] = {record(RULE, 1, "a"), record(RULE, 2, "b"),
				   record(RULE, 1, "c")};
	struct kit k;

	kit_open(&k, CORE_SYMKEY);
	k.n_woken = 0;
	CHECK(fire(k.core, false, r, 3));
	CHECK_EQ(result.changed, 0);
	CHECK_EQ(result.delivery.status, CORE_NOTHING);
	CHECK_EQ(revision(&k), 0);
	CHECK_STR(listed(k.core, RULE, 0, 0, 9, false), "abc");
	CHECK_STR(listed(k.core, RULE, 1, 0, 9, true), "ca");
	CHECK_STR(listed(k.core, RULE, 0, r[0].id, 1, false), "b");
	CHECK_STR(listed(k.core, RULE, 0, r[2].id, 5, true), "ba");
	CHECK_STR(listed(k.core, RULE, 0, 0, 0, true), "");
	CHECK_STR(listed(k.core, RUN_OF, 0, 0, 9, true), "");
	kit_close(&k);
}

static void a_dry_run_and_a_repeated_batch_write_no_record(void)
{
	struct core_record r = record(RULE, 0, "a");
	struct core_batch b = {.id = "once", .records = &r, .n_records = 1, .dry_run = true};
	struct kit k;

	kit_open(&k, CORE_SYMKEY);
	CHECK(core_batch(k.core, &b, &result, &err));
	CHECK(r.id == 0 && r.version == 0);
	CHECK_STR(listed(k.core, RULE, 0, 0, 9, false), "");
	b.dry_run = false;
	CHECK(core_batch(k.core, &b, &result, &err));
	CHECK_EQ(r.version, 1);
	CHECK(core_batch(k.core, &b, &result, &err));
	CHECK(result.repeated);
	CHECK_EQ(r.version, 1);
	r.version = 0;
	b.dry_run = true;
	b.id = 0; /* the same as none */
	CHECK(!core_batch(k.core, &b, &result, &err));
	CHECK_EQ(err.code, ERR_CONFLICT); /* a dry run tells of it, too */
	kit_close(&k);
}

static void the_newest_of_an_owner_are_kept(void)
{
	struct kit k;

	kit_open(&k, CORE_SYMKEY);
	for (int i = 0; i < 9; i++) {
		char body[2] = {(char)('a' + i), 0};
		struct core_record r = record(RUN_OF, 1 + i % 2, body);
		const struct core_batch b = {.id = "",
					     .records = &r,
					     .n_records = 1,
					     .trim_kind = RUN_OF,
					     .trim_owner = 1 + i % 2,
					     .trim_keep = 2};

		CHECK(core_batch(k.core, &b, &result, &err));
	}
	CHECK_STR(listed(k.core, RUN_OF, 0, 0, 99, false), "fghi");
	kit_close(&k);
}

static void any_one_write_of_a_batch_with_records_may_fail(void)
{
	struct core_record first = record(RULE, 0, "old"), r[2];
	struct kit k;
	int64_t rev;
	bool done = false;
	int n;

	kit_open(&k, CORE_SYMKEY);
	CHECK(core_topic_new(k.core, "t", &out, &err));
	CHECK(put(k.core, &first));
	rev = revision(&k);
	for (n = 1; !done && n < 20; n++) {
		r[0] = first;
		r[0].body = (const uint8_t *)"new";
		r[1] = record(RUN_OF, first.id, "run");
		k.fail_at = k.n_ops + (size_t)n;
		done = fire(k.core, true, r, 2);
		if (done)
			break;
		CHECK_EQ(err.code, ERR_STORE);
		CHECK_EQ(revision(&k), rev);
		CHECK(r[0].version == 1 && r[1].id == 0);
		CHECK_STR(body_of(k.core, RULE, first.id), "old");
		CHECK_STR(listed(k.core, RUN_OF, 0, 0, 9, false), "");
	}
	CHECK(n > 3);
	CHECK_STR(body_of(k.core, RULE, first.id), "new");
	CHECK_STR(listed(k.core, RUN_OF, first.id, 0, 9, false), "run");
	kit_close(&k);
}

/* --- groups ----------------------------------------------------------------------------------- */

static void tell(void *ctx, const struct err *why)
{
	*(int *)ctx += why ? 100 : 1;
}

static void a_conflict_in_a_group_is_undone_alone(void)
{
	struct core_record a = record(RULE, 0, "a"), b = record(RULE, 0, "b"), stale;
	struct kit k;
	int told = 0;

	kit_open(&k, CORE_SYMKEY);
	CHECK(core_topic_new(k.core, "t", &out, &err));
	core_group(k.core, tell, &told);
	CHECK(put(k.core, &a));
	stale = a;
	CHECK(fire(k.core, true, &a, 1));
	CHECK(!fire(k.core, true, &stale, 1));
	CHECK_EQ(err.code, ERR_CONFLICT);
	CHECK(put(k.core, &b));
	CHECK_EQ(told, 0);
	core_work(k.core, 32);
	CHECK_EQ(told, 1);
	CHECK_EQ(a.version, 2);
	CHECK_STR(listed(k.core, RULE, 0, 0, 9, false), "ab");
	CHECK_EQ(facts_of_t(k.core).revision, 2);
	/* A commit that fails takes all of its group along, and what is read tells so. */
	CHECK(fire(k.core, true, &a, 1));
	CHECK_EQ(a.version, 3);
	k.fail_commit = true;
	core_work(k.core, 32);
	k.fail_commit = false;
	CHECK_EQ(told, 101);
	CHECK(core_record(k.core, RULE, a.id, &arena, &a, &err));
	CHECK_EQ(a.version, 2);
	CHECK_EQ(facts_of_t(k.core).revision, 2);
	kit_close(&k);
}

static void records_survive_a_crash_and_a_backup(void)
{
	struct core_record r = record(RULE, 7, "rule"), next = record(RULE, 7, "next");
	FILE *f = tmpfile();
	struct kit k;

	kit_open_file(&k, CORE_SYMKEY);
	CHECK(put(k.core, &r));
	CHECK(put(k.core, &r));
	kit_crash(&k);
	CHECK_STR(body_of(k.core, RULE, r.id), "rule");
	kit_backup(&k, f);
	CHECK(put(k.core, &next)); /* its number is not given again, though it is lost */
	kit_restore(&k, f);
	CHECK_STR(listed(k.core, RULE, 0, 0, 9, false), "rule");
	CHECK(core_record(k.core, RULE, r.id, &arena, &r, &err));
	CHECK(r.owner == 7 && r.version == 2);
	r = record(RULE, 7, "new");
	CHECK(put(k.core, &r));
	CHECK(r.id > next.id + BACKUP_GAP / 2);
	kit_close(&k);
	fclose(f);
}

/* --- events and facts ------------------------------------------------------------------------- */

static struct core_events events;
static int64_t last;

static bool read_after(struct kit *k, int64_t after, int64_t limit)
{
	return core_events_after(k->core, after, limit, &arena, &events, &last, &err);
}

static void a_removed_client_is_an_event_after_those_of_its_topics(void)
{
	static const int types[] = {CORE_EVENT_SUBSCRIBED, CORE_EVENT_UNSUBSCRIBED,
				    CORE_EVENT_CLIENT_REMOVED, CORE_EVENT_CLIENT_REMOVED};
	const struct core_op op = {.kind = CORE_OP_CLIENT_REMOVE, .client = "b"};
	const struct core_batch b = {.ops = &op, .n = 1, .id = ""};
	struct kit k;

	kit_open(&k, CORE_SYMKEY);
	CHECK(core_topic_new(k.core, "t", &out, &err));
	CHECK(core_client_new(k.core, "a", key, 32, &out, &err));
	CHECK(core_client_new(k.core, "b", key, 32, &out, &err));
	CHECK(core_attach(k.core, "a", "t", &out, &err));
	CHECK(core_client_remove(k.core, "a", CORE_NO, 0, &out, &err));
	CHECK(core_batch(k.core, &b, &result, &err));
	CHECK(!core_client_remove(k.core, "a", CORE_NO, 0, &out, &err));
	CHECK(read_after(&k, 0, 100));
	CHECK_EQ(events.n, 4);
	for (size_t i = 0; i < 4; i++)
		CHECK_EQ(events.rows[i].type, types[i]);
	CHECK_STR(events.rows[2].source, "a");
	CHECK_STR(events.rows[2].target, "");
	CHECK_STR(events.rows[3].source, "b");
	kit_close(&k);
}

static void alarms_are_events(void)
{
	char topic[STORE_TOPIC_MAX + 2];
	struct kit k;

	kit_open(&k, CORE_SYMKEY);
	memset(topic, 'x', sizeof topic);
	topic[STORE_TOPIC_MAX + 1] = 0;
	CHECK(!core_alarm(k.core, "thing", topic, &err));
	CHECK_EQ(err.code, ERR_INVALID);
	CHECK(!core_alarm(k.core, "thing", "\xff", &err));
	CHECK(!core_alarm(k.core, "thing", "a/+", &err));
	CHECK(!core_alarm(k.core, "\xff", "t", &err));
	CHECK(!core_alarm(k.core, "", "", &err));
	CHECK_EQ(err.code, ERR_INVALID);
	topic[STORE_TOPIC_MAX] = 0;
	CHECK(core_alarm(k.core, "thing", topic, &err));
	CHECK(core_alarm(k.core, "thing", "", &err));
	CHECK(core_alarm(k.core, "", "t", &err));
	CHECK(read_after(&k, 0, 100));
	CHECK_EQ(events.n, 3);
	CHECK_EQ(events.rows[0].type, CORE_EVENT_ALARM);
	CHECK_STR(events.rows[0].source, "thing");
	CHECK_STR(events.rows[0].target, topic);
	CHECK_STR(events.rows[1].target, "");
	CHECK_STR(events.rows[2].source, "");
	CHECK_EQ(revision(&k), 0);
	kit_close(&k);
}

static void a_reader_with_a_place_learns_what_it_missed(void)
{
	struct kit k;
	int told = 0;

	kit_open(&k, CORE_SYMKEY);
	CHECK(read_after(&k, 0, 10));
	CHECK(events.n == 0 && events.first == 1 && last == 0);
	for (int i = 0; i < 5; i++)
		CHECK(core_alarm(k.core, "m", "x", &err));
	CHECK(read_after(&k, 1, 2));
	CHECK(events.n == 2 && events.first == 2 && events.rows[1].seq == 3 && last == 5);
	CHECK(read_after(&k, 5, 2));
	CHECK(events.n == 0 && events.first == 6 && last == 5);
	CHECK(read_after(&k, 9, 2)); /* a place of a newer database */
	CHECK(events.n == 0 && last == 5);
	for (int i = 5; i < 1500; i++)
		CHECK(core_alarm(k.core, "m", "x", &err));
	CHECK(read_after(&k, 5, 5000));
	CHECK(events.first > 6 && events.n == 1000 && last == 1500);
	CHECK_EQ(events.rows[0].seq, events.first);
	/* What may yet be undone is not told of. */
	core_group(k.core, tell, &told);
	CHECK(core_alarm(k.core, "m", "x", &err));
	CHECK_EQ(told, 0);
	k.fail_commit = true;
	CHECK(!read_after(&k, 1500, 10));
	k.fail_commit = false;
	CHECK_EQ(told, 100);
	CHECK(core_alarm(k.core, "m", "y", &err));
	CHECK(read_after(&k, 1500, 10));
	CHECK(told == 101 && events.n == 1 && last == 1501);
	CHECK_STR(events.rows[0].target, "y");
	kit_close(&k);
}

static void facts_tell_of_what_is_there(void)
{
	struct core_client_facts f;
	struct core_topic_facts t;
	struct kit k;

	kit_open(&k, CORE_SYMKEY);
	CHECK(core_topic_facts(k.core, "t", &t, &err) && !t.exists);
	CHECK(core_client_facts(k.core, "a", &f, &err) && !f.exists);
	CHECK(!core_topic_facts(k.core, "t/#", &t, &err));
	CHECK_EQ(err.code, ERR_INVALID);
	CHECK(!core_client_facts(k.core, "", &f, &err));
	CHECK(core_topic_new(k.core, "t", &out, &err));
	k.clock_state.wall_ms += 5000;
	CHECK(core_client_new(k.core, "a", key, 32, &out, &err));
	CHECK(core_attach(k.core, "a", "t", &out, &err));
	t = facts_of_t(k.core);
	CHECK(t.exists && t.members == 1 && t.revision == 1);
	CHECK_EQ(t.rotated_at, KIT_START);
	CHECK(core_client_facts(k.core, "a", &f, &err) && f.exists);
	CHECK(f.key_revision == 2 && !f.key_pending);
	CHECK_EQ(f.key_at, KIT_START + 5);
	k.clock_state.wall_ms += 5000;
	CHECK(core_client_new_key(k.core, "a", &out, &err));
	CHECK(core_client_facts(k.core, "a", &f, &err));
	CHECK(f.key_revision == 4 && f.key_pending);
	CHECK_EQ(f.key_at, KIT_START + 10);
	CHECK(core_topic_remove(k.core, "t", &out, &err));
	CHECK(!facts_of_t(k.core).exists);
	kit_close(&k);
}

int main(void)
{
	RUN(a_conflict_undoes_all_of_its_batch);
	RUN(a_failed_operation_undoes_the_record);
	RUN(of_two_servers_one_fires);
	RUN(bad_records_are_refused);
	RUN(records_alone_take_no_revision);
	RUN(a_dry_run_and_a_repeated_batch_write_no_record);
	RUN(the_newest_of_an_owner_are_kept);
	RUN(any_one_write_of_a_batch_with_records_may_fail);
	RUN(a_conflict_in_a_group_is_undone_alone);
	RUN(records_survive_a_crash_and_a_backup);
	RUN(a_removed_client_is_an_event_after_those_of_its_topics);
	RUN(alarms_are_events);
	RUN(a_reader_with_a_place_learns_what_it_missed);
	RUN(facts_tell_of_what_is_there);
	arena_free(&arena);
	return END();
}
