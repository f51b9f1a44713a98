/*
 * What every backend of core/store.h does alike. A new backend adds a row to
 * the table at the end.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "c2/store/sqlite.h"
#include "tests/check.h"

static struct store store;
static struct err err;
#define OPS (store.ops)
#define CTX (store.ctx)
/* A call that must succeed; says why it did not. */
#define OK(call) check_result((call), __FILE__, __LINE__, err.text)

/* --- Helpers ---------------------------------------------------------------------- */

static int64_t next_rev(void)
{
	int64_t rev = 0;
	OK(OPS->revision_next(CTX, &rev, &err));
	return rev;
}

static struct sealed key_of(uint8_t fill, uint8_t len)
{
	struct sealed k = { .len = len };
	memset(k.bytes, fill, len);
	return k;
}

static struct store_client client_row(const char *name)
{
	struct store_client c = { .key = key_of(0x5a, 49) };
	snprintf(c.name, sizeof c.name, "%s", name);
	/* Unique as long as names differ in their first 12 bytes or their length. */
	size_t n = strlen(name);
	memcpy(c.e4id, name, n < 12 ? n : 12);
	c.e4id[14] = (uint8_t)n;
	c.e4id[15] = 1;
	return c;
}

/* In an open transaction. */
static int64_t add_client(const char *name)
{
	struct store_client c = client_row(name);
	c.key_rev = c.wanted_rev = next_rev();
	OK(OPS->client_put(CTX, &c, &err));
	return c.id;
}

static int64_t add_topic(const char *name, uint8_t hash)
{
	struct store_topic t = { .key = key_of(0x33, 49), .hash = { hash } };
	snprintf(t.name, sizeof t.name, "%s", name);
	t.rev = t.walk_rev = next_rev();
	OK(OPS->topic_put(CTX, &t, &err));
	return t.id;
}

static void put_member(int64_t client, int64_t topic, bool removed)
{
	struct store_member m = { client, topic, next_rev(), removed };
	OK(OPS->member_put(CTX, &m, &err));
}

static void begin(void)
{
	OK(OPS->begin(CTX, &err));
}

static void commit(void)
{
	OK(OPS->commit(CTX, &err));
}

/* Names collected as "a,b,c". */
struct names {
	char text[4096];
	int n;
	int stop_after; /* 0: never */
};

static bool take_name(void *arg, const char *name)
{
	struct names *l = arg;
	size_t used = strlen(l->text);
	snprintf(l->text + used, sizeof l->text - used, "%s%s", l->n ? "," : "", name);
	l->n++;
	return l->n != l->stop_after;
}

static bool take_client(void *arg, const struct store_client *row)
{
	return take_name(arg, row->name);
}

static bool take_topic(void *arg, const struct store_topic *row)
{
	return take_name(arg, row->name);
}

static struct store_page page(int64_t offset, int64_t count)
{
	return (struct store_page){ offset, count };
}

static int64_t members_of(int64_t topic)
{
	struct store_topic t;
	bool found;
	OK(OPS->topic_by_id(CTX, topic, &t, &found, &err));
	CHECK(found);
	return t.n_members;
}

static struct store_client client_of(int64_t id)
{
	struct store_client c;
	bool found;
	OK(OPS->client_by_id(CTX, id, &c, &found, &err));
	CHECK(found);
	return c;
}

static int64_t count_of(bool (*fn)(void *, int64_t *, struct err *))
{
	int64_t n = -1;
	OK(fn(CTX, &n, &err));
	return n;
}

/* --- Revisions, values, events ------------------------------------------------------ */

static void revisions_count_from_one_and_come_back_with_a_rollback(void)
{
	CHECK_EQ(count_of(OPS->revision), 0);
	begin();
	CHECK_EQ(next_rev(), 1);
	CHECK_EQ(next_rev(), 2);
	CHECK_EQ(count_of(OPS->revision), 2);
	OPS->rollback(CTX);
	CHECK_EQ(count_of(OPS->revision), 0);
	begin();
	CHECK_EQ(next_rev(), 1);
	commit();
	CHECK_EQ(count_of(OPS->revision), 1);
}

static void named_values_keep_every_byte(void)
{
	uint8_t value[256], back[256];
	size_t len = 99;
	bool found = true;
	for (int i = 0; i < 256; i++)
		value[i] = (uint8_t)i;
	OK(OPS->meta_get(CTX, "mode", back, sizeof back, &len, &found, &err));
	CHECK(!found && len == 0);
	begin();
	OK(OPS->meta_put(CTX, "mode", value, 256, &err));
	OK(OPS->meta_put(CTX, "empty", value, 0, &err));
	OK(OPS->meta_put(CTX, "other", value, 3, &err));
	OK(OPS->meta_put(CTX, "other", value + 9, 2, &err));
	commit();
	OK(OPS->meta_get(CTX, "mode", back, sizeof back, &len, &found, &err));
	CHECK(found && len == 256);
	CHECK_MEM(back, value, 256);
	OK(OPS->meta_get(CTX, "empty", back, sizeof back, &len, &found, &err));
	CHECK(found && len == 0);
	OK(OPS->meta_get(CTX, "other", back, sizeof back, &len, &found, &err));
	CHECK(found && len == 2 && back[0] == 9 && back[1] == 10);
	CHECK(!OPS->meta_get(CTX, "mode", back, 255, &len, &found, &err));
	CHECK_EQ(err.code, ERR_STORE);
	CHECK(!found && len == 0);
	OK(OPS->meta_get(CTX, "mode' OR '1'='1", back, sizeof back, &len, &found, &err));
	CHECK(!found);
}

struct seqs {
	int64_t first, last;
	int n, stop_after;
	struct store_event newest;
};

static bool take_event(void *arg, const struct store_event *row)
{
	struct seqs *s = arg;
	if (!s->n)
		s->first = row->seq;
	else
		CHECK_EQ(row->seq, s->last + 1);
	s->last = row->seq;
	s->newest = *row;
	s->n++;
	return s->n != s->stop_after;
}

static struct seqs events(int64_t after, int limit, int stop_after)
{
	struct seqs s = { .stop_after = stop_after };
	OK(OPS->events_after(CTX, after, limit, take_event, &s, &err));
	return s;
}

static void events_have_numbers_without_gaps(void)
{
	struct store_event e = { .type = 2, .at_ms = 1790000000123, .source = "sensor 'x'",
		                 .target = "plant/\xc3\xa4" };
	CHECK_EQ(count_of(OPS->events_last), 0);
	CHECK_EQ(events(0, 10, 0).n, 0);
	begin();
	for (int i = 1; i <= 5; i++) {
		OK(OPS->event_append(CTX, &e, &err));
		CHECK_EQ(e.seq, i);
	}
	commit();
	begin();
	OK(OPS->event_append(CTX, &e, &err));
	OPS->rollback(CTX);
	begin();
	OK(OPS->event_append(CTX, &e, &err));
	commit();
	CHECK_EQ(e.seq, 6);
	struct seqs s = events(0, 100, 0);
	CHECK(s.n == 6 && s.first == 1 && s.last == 6);
	CHECK_EQ(s.newest.at_ms, 1790000000123);
	CHECK_EQ(s.newest.type, 2);
	CHECK_STR(s.newest.source, "sensor 'x'");
	CHECK_STR(s.newest.target, "plant/\xc3\xa4");
	s = events(2, 2, 0);
	CHECK(s.n == 2 && s.first == 3);
	CHECK_EQ(events(0, 100, 3).n, 3);
	CHECK_EQ(events(6, 100, 0).n, 0);
	CHECK_EQ(events(0, 0, 0).n, 0);
}

static void pruning_events_keeps_the_newest_and_the_count_goes_on(void)
{
	struct store_event e = { .type = 1 };
	begin();
	for (int i = 0; i < 20; i++)
		OK(OPS->event_append(CTX, &e, &err));
	OK(OPS->events_prune(CTX, 100, &err));
	CHECK_EQ(events(0, 100, 0).n, 20);
	OK(OPS->events_prune(CTX, 5, &err));
	commit();
	struct seqs s = events(0, 100, 0);
	CHECK(s.n == 5 && s.first == 16 && s.last == 20);
	begin();
	OK(OPS->events_prune(CTX, 0, &err));
	OK(OPS->event_append(CTX, &e, &err));
	commit();
	CHECK_EQ(e.seq, 21);
	CHECK_EQ(count_of(OPS->events_last), 21);
}

/* --- Transactions ------------------------------------------------------------------- */

static void writes_need_a_transaction(void)
{
	struct store_client c = client_row("a");
	int64_t rev;
	CHECK(!OPS->client_put(CTX, &c, &err));
	CHECK_EQ(err.code, ERR_INTERNAL);
	CHECK(!OPS->revision_next(CTX, &rev, &err));
	CHECK(!OPS->commit(CTX, &err));
	OPS->rollback(CTX); /* harmless */
	begin();
	CHECK(!OPS->begin(CTX, &err));
	CHECK_EQ(err.code, ERR_INTERNAL);
	commit();
	CHECK_EQ(count_of(OPS->clients_count), 0);
}

static void a_rollback_takes_everything_back(void)
{
	begin();
	int64_t a = add_client("a"), b = add_client("b"), t = add_topic("t", 1);
	put_member(a, t, false);
	commit();
	begin();
	add_client("c");
	put_member(b, t, false);
	OK(OPS->client_remove(CTX, a, &err));
	add_topic("u", 2);
	CHECK_EQ(count_of(OPS->clients_count), 2); /* reads see their own writes */
	CHECK_EQ(members_of(t), 1);
	OPS->rollback(CTX);
	struct names l = { .n = 0 };
	OK(OPS->clients(CTX, page(0, 10), take_name, &l, &err));
	CHECK_STR(l.text, "a,b");
	CHECK_EQ(count_of(OPS->clients_count), 2);
	CHECK_EQ(count_of(OPS->topics_count), 1);
	CHECK_EQ(members_of(t), 1);
}

static void a_refused_row_leaves_the_transaction_usable(void)
{
	begin();
	add_client("a");
	struct store_client twin = client_row("a");
	CHECK(!OPS->client_put(CTX, &twin, &err));
	CHECK_EQ(err.code, ERR_EXISTS);
	CHECK_EQ(twin.id, 0);
	add_client("b");
	commit();
	CHECK_EQ(count_of(OPS->clients_count), 2);
}

struct nested {
	int calls;
};

static bool calls_the_store(void *arg, const char *name)
{
	struct nested *n = arg;
	int64_t count;
	(void)name;
	n->calls++;
	CHECK(!OPS->clients_count(CTX, &count, &err));
	CHECK_EQ(err.code, ERR_INTERNAL);
	return true;
}

static void a_row_callback_that_calls_the_store_is_refused(void)
{
	struct nested n = { 0 };
	begin();
	add_client("a");
	add_client("b");
	commit();
	OK(OPS->clients(CTX, page(0, 10), calls_the_store, &n, &err));
	CHECK_EQ(n.calls, 2);
	CHECK_EQ(count_of(OPS->clients_count), 2);
}

/* --- Clients ------------------------------------------------------------------------ */

static void fill_client(struct store_client *c)
{
	c->key = key_of(0x00, 49); /* zeros are bytes, not an end */
	c->key.bytes[48] = 7;
	c->private_key = key_of(0xff, SEALED_MAX);
	c->key_rev = 11;
	c->c2_rev = 12;
	c->wanted_rev = 13;
	c->sent_rev = 14;
	c->confirmed_rev = 15;
	c->reset_rev = 16;
	c->reset_peers_rev = 17;
	c->last_stamp = UINT64_MAX - 1;
	c->clock_offset = -86400LL * 365;
	c->next_at = 1790000001;
	c->attempts = INT32_MAX;
	c->nonce[3] = 9;
	c->asked_at = 1790000002;
	c->last_seen = INT64_MAX;
	c->reason = -3;
}

static void same_client(const struct store_client *a, const struct store_client *b)
{
	CHECK_EQ(a->id, b->id);
	CHECK_STR(a->name, b->name);
	CHECK_MEM(a->e4id, b->e4id, 16);
	CHECK_MEM(&a->key, &b->key, sizeof a->key);
	CHECK_MEM(&a->private_key, &b->private_key, sizeof a->key);
	CHECK_EQ(a->key_rev, b->key_rev);
	CHECK_EQ(a->n_old_keys, b->n_old_keys);
	CHECK_EQ(a->c2_rev, b->c2_rev);
	CHECK_EQ(a->wanted_rev, b->wanted_rev);
	CHECK_EQ(a->sent_rev, b->sent_rev);
	CHECK_EQ(a->confirmed_rev, b->confirmed_rev);
	CHECK_EQ(a->reset_rev, b->reset_rev);
	CHECK_EQ(a->reset_peers_rev, b->reset_peers_rev);
	CHECK(a->last_stamp == b->last_stamp);
	CHECK_EQ(a->clock_offset, b->clock_offset);
	CHECK_EQ(a->next_at, b->next_at);
	CHECK_EQ(a->attempts, b->attempts);
	CHECK_MEM(a->nonce, b->nonce, 16);
	CHECK_EQ(a->asked_at, b->asked_at);
	CHECK_EQ(a->last_seen, b->last_seen);
	CHECK_EQ(a->reason, b->reason);
}

static void a_client_comes_back_as_it_was_put(void)
{
	struct store_client c = client_row("a"), back;
	bool found;
	begin();
	OK(OPS->client_put(CTX, &c, &err));
	CHECK(c.id > 0);
	OK(OPS->client_by_name(CTX, "a", &back, &found, &err));
	CHECK(found);
	same_client(&back, &c);
	fill_client(&c);
	OK(OPS->client_put(CTX, &c, &err));
	commit();
	OK(OPS->client_by_id(CTX, c.id, &back, &found, &err));
	CHECK(found);
	same_client(&back, &c);
	OK(OPS->client_by_e4id(CTX, c.e4id, &back, &found, &err));
	CHECK(found);
	same_client(&back, &c);
	c.e4id[0] ^= 1;
	OK(OPS->client_by_e4id(CTX, c.e4id, &back, &found, &err));
	CHECK(!found);
	OK(OPS->client_by_name(CTX, "A", &back, &found, &err));
	CHECK(!found);
	OK(OPS->client_by_id(CTX, 99, &back, &found, &err));
	CHECK(!found);
	OK(OPS->client_by_id(CTX, 0, &back, &found, &err));
	CHECK(!found);
}

static void a_client_that_is_gone_cannot_be_rewritten(void)
{
	begin();
	int64_t id = add_client("a");
	struct store_client c = client_of(id);
	OK(OPS->client_remove(CTX, id, &err));
	OK(OPS->client_remove(CTX, id, &err)); /* removing what is not there changes nothing */
	CHECK(!OPS->client_put(CTX, &c, &err));
	CHECK_EQ(err.code, ERR_NOT_FOUND);
	commit();
	CHECK_EQ(count_of(OPS->clients_count), 0);
	begin();
	CHECK(add_client("b") > id); /* ids are never given twice */
	commit();
}

static const char *const hard_names[] = {
	"\"", "%", "'", "'; DROP TABLE client; --", "*", "NULL", "\\", "_", "a b", "x'00'",
	"\xc3\xa4", "\xe6\x97\xa5\xe6\x9c\xac", "\xf0\x9f\x94\x91",
};
#define N_HARD (sizeof hard_names / sizeof hard_names[0])

static void names_are_bytes_and_sorted_by_them(void)
{
	struct names l = { .n = 0 };
	struct store_client back;
	char longest[STORE_NAME_MAX + 1], expected[1024] = "";
	bool found;
	memset(longest, '~', STORE_NAME_MAX); /* after all ASCII, before all others */
	longest[STORE_NAME_MAX] = 0;
	begin();
	for (size_t i = N_HARD; i-- > 0;)
		add_client(hard_names[i]);
	add_client(longest);
	commit();
	for (size_t i = 0; i < N_HARD; i++) {
		OK(OPS->client_by_name(CTX, hard_names[i], &back, &found, &err));
		CHECK(found);
		CHECK_STR(back.name, hard_names[i]);
		if (i == 10)
			strcat(strcat(expected, ","), longest);
		strcat(strcat(expected, i ? "," : ""), hard_names[i]);
	}
	OK(OPS->clients(CTX, page(0, 100), take_name, &l, &err));
	CHECK_STR(l.text, expected);
	OK(OPS->client_by_name(CTX, longest, &back, &found, &err));
	CHECK(found && strlen(back.name) == STORE_NAME_MAX);
	OK(OPS->client_by_name(CTX, "", &back, &found, &err));
	CHECK(!found);
	memset(back.name, 'x', sizeof back.name);
	begin();
	back.id = 0;
	CHECK(!OPS->client_put(CTX, &back, &err)); /* no end */
	OPS->rollback(CTX);
}

static void pages_of_clients_have_their_edges(void)
{
	char name[16];
	struct names l;
	begin();
	for (int i = 1199; i >= 0; i--) {
		snprintf(name, sizeof name, "c%04d", i);
		add_client(name);
	}
	commit();
	static const struct { int64_t offset, count; int n; const char *text; } cases[] = {
		{ 0, 0, 0, "" }, { 0, 1, 1, "c0000" }, { 0, 2, 2, "c0000,c0001" },
		{ 1199, 5, 1, "c1199" }, { 1200, 5, 0, "" }, { 5000, 5, 0, "" },
		{ INT64_MAX, 1000, 0, "" }, { 600, 2, 2, "c0600,c0601" }, { 0, -1, 0, "" },
		{ -5, 1, 1, "c0000" }, { 0, 1000, 1000, 0 }, { 300, 1000, 900, 0 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		l = (struct names){ .n = 0 };
		OK(OPS->clients(CTX, page(cases[i].offset, cases[i].count), take_name, &l, &err));
		CHECK_EQ(l.n, cases[i].n);
		if (cases[i].text)
			CHECK_STR(l.text, cases[i].text);
	}
	l = (struct names){ .stop_after = 3 };
	OK(OPS->clients(CTX, page(0, 1000), take_name, &l, &err));
	CHECK_EQ(l.n, 3);
	CHECK_EQ(count_of(OPS->clients_count), 1200);
}

static void set_due(int64_t id, int64_t at)
{
	struct store_client c = client_of(id);
	c.next_at = at;
	OK(OPS->client_put(CTX, &c, &err));
}

static const char *due(int64_t now, int limit, int stop_after)
{
	static struct names l;
	l = (struct names){ .stop_after = stop_after };
	OK(OPS->clients_due(CTX, now, limit, take_client, &l, &err));
	return l.text;
}

static void due_clients_come_earliest_first(void)
{
	begin();
	CHECK_EQ(count_of(OPS->clients_next_at), 0);
	int64_t a = add_client("a"), b = add_client("b"), c = add_client("c");
	add_client("never");
	CHECK_EQ(count_of(OPS->clients_next_at), 0);
	CHECK_STR(due(INT64_MAX, 10, 0), "");
	set_due(a, 30);
	set_due(b, 10);
	set_due(c, 20);
	commit();
	CHECK_EQ(count_of(OPS->clients_next_at), 10);
	CHECK_STR(due(9, 10, 0), "");
	CHECK_STR(due(10, 10, 0), "b");
	CHECK_STR(due(29, 10, 0), "b,c");
	CHECK_STR(due(30, 10, 0), "b,c,a");
	CHECK_STR(due(30, 2, 0), "b,c");
	CHECK_STR(due(30, 0, 0), "");
	CHECK_STR(due(30, 10, 1), "b");
	begin();
	set_due(b, 0);
	OK(OPS->client_remove(CTX, c, &err));
	commit();
	CHECK_EQ(count_of(OPS->clients_next_at), 30);
	CHECK_STR(due(INT64_MAX, 10, 0), "a");
}

static void the_fleet_is_walked_in_order_of_id(void)
{
	begin();
	int64_t z = add_client("z");
	add_client("y");
	int64_t x = add_client("x");
	commit();
	struct names l = { .n = 0 };
	OK(OPS->clients_after(CTX, 0, 2, take_client, &l, &err));
	CHECK_STR(l.text, "z,y");
	l = (struct names){ .n = 0 };
	OK(OPS->clients_after(CTX, z, 10, take_client, &l, &err));
	CHECK_STR(l.text, "y,x");
	l = (struct names){ .n = 0 };
	OK(OPS->clients_after(CTX, x, 10, take_client, &l, &err));
	CHECK_STR(l.text, "");
}

/* --- Keys --------------------------------------------------------------------------- */

struct key_revs {
	int64_t revs[8];
	int n, stop_after;
	struct sealed last;
	uint8_t public_key[32];
};

static bool take_old_key(void *arg, const struct store_old_key *row)
{
	struct key_revs *k = arg;
	k->revs[k->n++] = row->rev;
	k->last = row->key;
	return k->n != k->stop_after;
}

static bool take_c2_key(void *arg, const struct store_c2_key *row)
{
	struct key_revs *k = arg;
	k->revs[k->n++] = row->rev;
	k->last = row->private_key;
	memcpy(k->public_key, row->public_key, 32);
	return k->n != k->stop_after;
}

static struct key_revs old_keys(int64_t id)
{
	struct key_revs k = { .n = 0 };
	OK(OPS->old_keys(CTX, id, take_old_key, &k, &err));
	return k;
}

static void put_old_key(int64_t client, int64_t rev, uint8_t fill)
{
	struct store_old_key k = { client, rev, key_of(fill, 49) };
	OK(OPS->old_key_put(CTX, &k, &err));
}

static void old_keys_are_counted_and_dropped_by_revision(void)
{
	begin();
	int64_t a = add_client("a"), b = add_client("b");
	put_old_key(a, 7, 0x70);
	put_old_key(a, 5, 0x50);
	put_old_key(a, 6, 0x60);
	put_old_key(a, 6, 0x61); /* the same one again */
	put_old_key(b, 1, 0x10);
	CHECK_EQ(client_of(a).n_old_keys, 3);
	struct store_client stale = client_of(a);
	stale.n_old_keys = 99;
	OK(OPS->client_put(CTX, &stale, &err));
	CHECK_EQ(client_of(a).n_old_keys, 3); /* the store counts, not the caller */
	commit();
	struct key_revs k = old_keys(a);
	CHECK(k.n == 3 && k.revs[0] == 5 && k.revs[1] == 6 && k.revs[2] == 7);
	struct sealed seventy = key_of(0x70, 49);
	CHECK_MEM(&k.last, &seventy, sizeof seventy);
	begin();
	OK(OPS->old_keys_drop(CTX, a, 7, &err));
	commit();
	k = old_keys(a);
	CHECK(k.n == 1 && k.revs[0] == 7);
	CHECK_EQ(client_of(a).n_old_keys, 1);
	CHECK_EQ(client_of(b).n_old_keys, 1);
	begin();
	OK(OPS->client_remove(CTX, a, &err));
	struct store_old_key orphan = { a, 9, key_of(1, 49) };
	CHECK(!OPS->old_key_put(CTX, &orphan, &err));
	CHECK_EQ(err.code, ERR_NOT_FOUND);
	commit();
	CHECK_EQ(old_keys(a).n, 0);
	CHECK_EQ(old_keys(b).n, 1);
}

static void our_own_keys_come_newest_last(void)
{
	struct store_c2_key row = { .rev = 3, .private_key = key_of(1, 49), .public_key = { 1 } };
	struct key_revs k = { .n = 0 };
	OK(OPS->c2_keys(CTX, take_c2_key, &k, &err));
	CHECK_EQ(k.n, 0);
	begin();
	OK(OPS->c2_key_put(CTX, &row, &err));
	row = (struct store_c2_key){ .rev = 2, .private_key = key_of(2, 49), .public_key = { 2 } };
	OK(OPS->c2_key_put(CTX, &row, &err));
	row = (struct store_c2_key){ .rev = 9, .private_key = key_of(9, 49), .public_key = { 9 } };
	OK(OPS->c2_key_put(CTX, &row, &err));
	commit();
	k = (struct key_revs){ .n = 0 };
	OK(OPS->c2_keys(CTX, take_c2_key, &k, &err));
	CHECK(k.n == 3 && k.revs[0] == 2 && k.revs[1] == 3 && k.revs[2] == 9);
	CHECK(k.public_key[0] == 9 && k.public_key[1] == 0);
	CHECK_MEM(&k.last, &row.private_key, sizeof k.last);
	begin();
	OK(OPS->c2_keys_drop(CTX, 9, &err));
	commit();
	k = (struct key_revs){ .n = 0 };
	OK(OPS->c2_keys(CTX, take_c2_key, &k, &err));
	CHECK(k.n == 1 && k.revs[0] == 9);
}

static void set_c2_rev(int64_t id, int64_t rev)
{
	struct store_client c = client_of(id);
	c.c2_rev = rev;
	OK(OPS->client_put(CTX, &c, &err));
}

static void the_oldest_c2_key_in_use_is_known(void)
{
	CHECK_EQ(count_of(OPS->clients_min_c2_rev), 0);
	begin();
	int64_t a = add_client("a"), b = add_client("b"), c = add_client("c");
	set_c2_rev(a, 4);
	set_c2_rev(b, 4);
	CHECK_EQ(count_of(OPS->clients_min_c2_rev), 0); /* c holds none */
	set_c2_rev(c, 9);
	CHECK_EQ(count_of(OPS->clients_min_c2_rev), 4);
	set_c2_rev(a, 9);
	CHECK_EQ(count_of(OPS->clients_min_c2_rev), 4);
	set_c2_rev(b, 12);
	CHECK_EQ(count_of(OPS->clients_min_c2_rev), 9);
	set_c2_rev(c, 0);
	CHECK_EQ(count_of(OPS->clients_min_c2_rev), 0);
	OK(OPS->client_remove(CTX, c, &err));
	OK(OPS->client_remove(CTX, a, &err));
	CHECK_EQ(count_of(OPS->clients_min_c2_rev), 12);
	OK(OPS->client_remove(CTX, b, &err));
	CHECK_EQ(count_of(OPS->clients_min_c2_rev), 0);
	commit();
}

/* --- Topics ------------------------------------------------------------------------- */

static void a_topic_comes_back_as_it_was_put(void)
{
	struct store_topic t = { .key = key_of(0, 49), .rev = 5, .rotated_at = 1790000000,
		                 .walk_rev = 4, .walk_client = 77 }, back;
	char longest[STORE_TOPIC_MAX + 1];
	bool found;
	memset(longest, 't', STORE_TOPIC_MAX);
	longest[STORE_TOPIC_MAX] = 0;
	memcpy(t.name, longest, sizeof longest);
	memcpy(t.hash, "\0hash\0of\0sixteen", 16);
	begin();
	OK(OPS->topic_put(CTX, &t, &err));
	commit();
	OK(OPS->topic_by_name(CTX, longest, &back, &found, &err));
	CHECK(found && back.id == t.id && back.rev == 5 && back.rotated_at == 1790000000);
	CHECK(back.walk_rev == 4 && back.walk_client == 77 && !back.removed && !back.n_members);
	CHECK_STR(back.name, longest);
	CHECK_MEM(back.hash, t.hash, 16);
	CHECK_MEM(&back.key, &t.key, sizeof t.key);
	begin();
	t.key = key_of(0xee, 81);
	t.rev = 6;
	t.walk_rev = 6;
	t.n_members = 44;
	OK(OPS->topic_put(CTX, &t, &err));
	commit();
	OK(OPS->topic_by_id(CTX, t.id, &back, &found, &err));
	CHECK(found && back.rev == 6 && back.walk_rev == 6);
	CHECK_EQ(back.n_members, 0); /* the store counts, not the caller */
	CHECK_MEM(&back.key, &t.key, sizeof t.key);
	OK(OPS->topic_by_name(CTX, "t", &back, &found, &err));
	CHECK(!found);
}

static void remove_topic(int64_t id)
{
	struct store_topic t;
	bool found;
	OK(OPS->topic_by_id(CTX, id, &t, &found, &err));
	t.removed = true;
	t.rev = next_rev();
	OK(OPS->topic_put(CTX, &t, &err));
}

static void a_removed_topic_is_invisible_by_name_and_leaves_it_free(void)
{
	struct store_topic t;
	struct names l = { .n = 0 };
	bool found;
	begin();
	int64_t old = add_topic("t", 1);
	struct store_topic twin = { .name = "t", .rev = 1 };
	CHECK(!OPS->topic_put(CTX, &twin, &err));
	CHECK_EQ(err.code, ERR_EXISTS);
	remove_topic(old);
	OK(OPS->topic_by_name(CTX, "t", &t, &found, &err));
	CHECK(!found);
	CHECK_EQ(count_of(OPS->topics_count), 0);
	OK(OPS->topics(CTX, page(0, 10), take_name, &l, &err));
	CHECK_EQ(l.n, 0);
	int64_t new = add_topic("t", 1);
	CHECK(new > old);
	OK(OPS->topic_by_name(CTX, "t", &t, &found, &err));
	CHECK(found && t.id == new);
	OK(OPS->topic_by_id(CTX, old, &t, &found, &err));
	CHECK(found && t.removed);
	OK(OPS->topic_remove(CTX, old, &err));
	OK(OPS->topic_by_id(CTX, old, &t, &found, &err));
	CHECK(!found);
	CHECK_EQ(count_of(OPS->topics_count), 1);
	OK(OPS->topic_remove(CTX, new, &err));
	CHECK_EQ(count_of(OPS->topics_count), 0);
	commit();
}

static void topics_are_sorted_and_counted(void)
{
	struct names l = { .n = 0 };
	begin();
	add_topic("b/%", 1);
	add_topic("b", 2);
	remove_topic(add_topic("a0", 4));
	add_topic("a/'", 3);
	commit();
	CHECK_EQ(count_of(OPS->topics_count), 3);
	OK(OPS->topics(CTX, page(0, 1000), take_name, &l, &err));
	CHECK_STR(l.text, "a/',b,b/%");
	l = (struct names){ .n = 0 };
	OK(OPS->topics(CTX, page(1, 1), take_name, &l, &err));
	CHECK_STR(l.text, "b");
	l = (struct names){ .n = 0 };
	OK(OPS->topics(CTX, page(3, 1), take_name, &l, &err));
	CHECK_STR(l.text, "");
}

static void walked_to(int64_t id, int64_t walk_rev)
{
	struct store_topic t;
	bool found;
	OK(OPS->topic_by_id(CTX, id, &t, &found, &err));
	t.walk_rev = walk_rev;
	OK(OPS->topic_put(CTX, &t, &err));
}

static void topics_to_walk_are_those_that_are_behind(void)
{
	struct names l = { .n = 0 };
	begin();
	int64_t a = add_topic("a", 1);
	add_topic("b", 2);
	int64_t c = add_topic("c", 3), d = add_topic("d", 4);
	OK(OPS->topics_to_walk(CTX, 10, take_topic, &l, &err));
	CHECK_EQ(l.n, 0);
	walked_to(d, 0);
	walked_to(a, 0);
	remove_topic(c); /* removed ones have members to tell, too */
	commit();
	OK(OPS->topics_to_walk(CTX, 10, take_topic, &l, &err));
	CHECK_STR(l.text, "a,d,c"); /* oldest change first */
	l = (struct names){ .n = 0 };
	OK(OPS->topics_to_walk(CTX, 1, take_topic, &l, &err));
	CHECK_STR(l.text, "a");
	l = (struct names){ .stop_after = 2 };
	OK(OPS->topics_to_walk(CTX, 10, take_topic, &l, &err));
	CHECK_EQ(l.n, 2);
}

/* --- Members ------------------------------------------------------------------------ */

static void members_are_counted_as_they_come_and_go(void)
{
	struct store_member m;
	bool found;
	begin();
	int64_t a = add_client("a"), b = add_client("b"), t = add_topic("t", 1);
	OK(OPS->member(CTX, a, t, &m, &found, &err));
	CHECK(!found);
	put_member(a, t, false);
	put_member(a, t, false); /* again */
	put_member(b, t, true);  /* removed from the start */
	CHECK_EQ(members_of(t), 1);
	put_member(b, t, false);
	CHECK_EQ(members_of(t), 2);
	put_member(a, t, true);
	CHECK_EQ(members_of(t), 1);
	OK(OPS->member(CTX, a, t, &m, &found, &err));
	CHECK(found && m.removed && m.client_id == a && m.topic_id == t);
	int64_t rev;
	OK(OPS->revision(CTX, &rev, &err));
	CHECK_EQ(m.rev, rev);
	OK(OPS->member_remove(CTX, a, t, &err)); /* a removed one counts no more */
	CHECK_EQ(members_of(t), 1);
	OK(OPS->member_remove(CTX, b, t, &err));
	OK(OPS->member_remove(CTX, b, t, &err));
	CHECK_EQ(members_of(t), 0);
	struct store_member bad = { 999, t, 1, false };
	CHECK(!OPS->member_put(CTX, &bad, &err));
	CHECK_EQ(err.code, ERR_NOT_FOUND);
	bad = (struct store_member){ a, 999, 1, false };
	CHECK(!OPS->member_put(CTX, &bad, &err));
	CHECK_EQ(members_of(t), 0);
	commit();
}

struct hashes {
	uint8_t first[8];
	int64_t topic_id[8];
	bool removed[8], topic_removed[8];
	int n, stop_after;
	struct store_member_topic last;
};

static bool take_member(void *arg, const struct store_member_topic *row)
{
	struct hashes *h = arg;
	h->first[h->n] = row->hash[0];
	h->topic_id[h->n] = row->member.topic_id;
	h->removed[h->n] = row->member.removed;
	h->topic_removed[h->n] = row->topic_removed;
	h->last = *row;
	h->n++;
	return h->n != h->stop_after;
}

static void members_of_a_client_come_in_order_of_topic_hash(void)
{
	begin();
	int64_t a = add_client("a"), b = add_client("b");
	int64_t x = add_topic("x", 0xf0), y = add_topic("y", 0x00), z = add_topic("z", 0x80);
	put_member(a, x, false);
	put_member(a, y, true);
	put_member(a, z, false);
	put_member(b, z, false);
	remove_topic(z);
	commit();
	struct hashes h = { .n = 0 };
	OK(OPS->client_members(CTX, a, take_member, &h, &err));
	CHECK_EQ(h.n, 3);
	CHECK(h.first[0] == 0x00 && h.first[1] == 0x80 && h.first[2] == 0xf0);
	CHECK(h.removed[0] && !h.removed[1] && h.topic_removed[1] && !h.topic_removed[2]);
	struct sealed key = key_of(0x33, 49);
	CHECK_MEM(&h.last.key, &key, sizeof key);
	CHECK_EQ(h.last.member.client_id, a);
	CHECK_EQ(h.last.topic_rev, 3);
	CHECK(h.last.member.rev > 0);
	h = (struct hashes){ .stop_after = 1 };
	OK(OPS->client_members(CTX, a, take_member, &h, &err));
	CHECK_EQ(h.n, 1);
	h = (struct hashes){ .n = 0 };
	OK(OPS->client_members(CTX, 999, take_member, &h, &err));
	CHECK_EQ(h.n, 0);
}

static void clients_of_a_topic_are_walked_and_listed(void)
{
	struct names l = { .n = 0 };
	begin();
	int64_t t = add_topic("t", 1), u = add_topic("u", 2);
	int64_t c = add_client("c"), a = add_client("a"), b = add_client("b");
	put_member(a, t, false);
	put_member(b, t, true);
	put_member(c, t, false);
	put_member(b, u, false);
	commit();
	OK(OPS->topic_members(CTX, t, 0, 10, take_client, &l, &err));
	CHECK_STR(l.text, "c,a,b"); /* by id, removed ones too */
	l = (struct names){ .n = 0 };
	OK(OPS->topic_members(CTX, t, c, 1, take_client, &l, &err));
	CHECK_STR(l.text, "a");
	l = (struct names){ .n = 0 };
	OK(OPS->topic_members(CTX, t, b, 10, take_client, &l, &err));
	CHECK_STR(l.text, "");
	OK(OPS->topic_clients(CTX, t, page(0, 10), take_name, &l, &err));
	CHECK_STR(l.text, "a,c"); /* by name, live ones */
	l = (struct names){ .n = 0 };
	OK(OPS->topic_clients(CTX, t, page(1, 10), take_name, &l, &err));
	CHECK_STR(l.text, "c");
	l = (struct names){ .n = 0 };
	OK(OPS->topic_clients(CTX, t, page(2, 10), take_name, &l, &err));
	CHECK_STR(l.text, "");
	OK(OPS->topic_clients(CTX, t, page(0, 0), take_name, &l, &err));
	CHECK_STR(l.text, "");
}

static int64_t topics_of(int64_t client)
{
	int64_t n = -1;
	OK(OPS->client_topics_count(CTX, client, &n, &err));
	return n;
}

static void topics_of_a_client_are_the_live_ones(void)
{
	struct names l = { .n = 0 };
	begin();
	int64_t a = add_client("a");
	int64_t x = add_topic("x", 1), y = add_topic("y", 2), z = add_topic("z", 3);
	int64_t w = add_topic("w", 4);
	put_member(a, z, false);
	put_member(a, x, false);
	put_member(a, y, true);
	put_member(a, w, false);
	CHECK_EQ(topics_of(a), 3);
	remove_topic(w);
	commit();
	OK(OPS->client_topics(CTX, a, page(0, 100), take_name, &l, &err));
	CHECK_STR(l.text, "x,z");
	CHECK_EQ(topics_of(a), 2);
	CHECK_EQ(topics_of(999), 0);
	l = (struct names){ .n = 0 };
	OK(OPS->client_topics(CTX, a, page(1, 100), take_name, &l, &err));
	CHECK_STR(l.text, "z");
}

static void removing_a_topic_takes_its_members_along(void)
{
	struct hashes h = { .n = 0 };
	begin();
	int64_t a = add_client("a"), t = add_topic("t", 1), u = add_topic("u", 2);
	put_member(a, t, false);
	put_member(a, u, false);
	OK(OPS->topic_remove(CTX, t, &err));
	commit();
	CHECK_EQ(topics_of(a), 1);
	OK(OPS->client_members(CTX, a, take_member, &h, &err));
	CHECK(h.n == 1 && h.topic_id[0] == u);
	CHECK_EQ(count_of(OPS->topics_count), 1);
}

static void set_state(int64_t id, int64_t sent, int64_t confirmed, int64_t reset)
{
	struct store_client c = client_of(id);
	c.sent_rev = sent;
	c.confirmed_rev = confirmed;
	c.reset_rev = reset;
	OK(OPS->client_put(CTX, &c, &err));
}

static struct store_progress progress(int64_t topic)
{
	struct store_progress p;
	OK(OPS->topic_progress(CTX, topic, &p, &err));
	return p;
}

static void progress_counts_each_member_once(void)
{
	begin();
	int64_t t = add_topic("t", 1);
	int64_t id[6];
	for (int i = 0; i < 6; i++)
		id[i] = add_client((char[]){ (char)('a' + i), 0 });
	struct store_progress p = progress(t);
	CHECK(!p.members && !p.confirmed && !p.sent && !p.waiting && !p.withheld);
	for (int i = 0; i < 6; i++)
		put_member(id[i], t, i == 5);
	int64_t rev;
	OK(OPS->revision(CTX, &rev, &err)); /* at least that of every link */
	set_state(id[0], rev, rev, 0);
	set_state(id[1], rev, 0, 0);
	set_state(id[2], 0, 0, 0);
	set_state(id[3], rev + 1, rev + 1, rev + 1); /* reset after all of it */
	set_state(id[4], rev + 9, rev, 1);           /* reset before: counts no more */
	commit();
	p = progress(t);
	CHECK_EQ(p.members, 5);
	CHECK_EQ(p.confirmed, 2);
	CHECK_EQ(p.sent, 1);
	CHECK_EQ(p.waiting, 1);
	CHECK_EQ(p.withheld, 1);
	struct store_topic row;
	bool found;
	OK(OPS->topic_by_id(CTX, t, &row, &found, &err));
	row.rev = rev + 5; /* a rotation */
	begin();
	OK(OPS->topic_put(CTX, &row, &err));
	commit();
	p = progress(t);
	CHECK(p.members == 5 && p.confirmed == 0 && p.sent == 1 && p.waiting == 4 && !p.withheld);
	p = progress(999);
	CHECK(!p.members && !p.waiting);
}

/* --- Links and peers ---------------------------------------------------------------- */

static int64_t links_of(int64_t id)
{
	int64_t n = -1;
	OK(OPS->links_count(CTX, id, &n, &err));
	return n;
}

static void links_are_listed_by_name_and_walked_by_id(void)
{
	struct names l = { .n = 0 };
	begin();
	int64_t t = add_client("target"), c = add_client("c"), a = add_client("a");
	OK(OPS->link_put(CTX, t, c, &err));
	OK(OPS->link_put(CTX, t, a, &err));
	OK(OPS->link_put(CTX, t, a, &err)); /* again */
	OK(OPS->link_put(CTX, a, t, &err));
	CHECK(!OPS->link_put(CTX, t, 999, &err));
	CHECK_EQ(err.code, ERR_NOT_FOUND);
	commit();
	CHECK_EQ(links_of(t), 2);
	CHECK_EQ(links_of(a), 1);
	CHECK_EQ(links_of(999), 0);
	OK(OPS->links(CTX, t, page(0, 10), take_name, &l, &err));
	CHECK_STR(l.text, "a,c");
	l = (struct names){ .n = 0 };
	OK(OPS->links(CTX, t, page(1, 1), take_name, &l, &err));
	CHECK_STR(l.text, "c");
	l = (struct names){ .n = 0 };
	OK(OPS->link_clients(CTX, t, 0, 10, take_client, &l, &err));
	CHECK_STR(l.text, "c,a");
	l = (struct names){ .n = 0 };
	OK(OPS->link_clients(CTX, t, c, 10, take_client, &l, &err));
	CHECK_STR(l.text, "a");
	begin();
	OK(OPS->link_remove(CTX, t, c, &err));
	OK(OPS->link_remove(CTX, t, c, &err)); /* what is not linked */
	commit();
	CHECK_EQ(links_of(t), 1);
	begin();
	OK(OPS->client_remove(CTX, a, &err)); /* source of one, target of the other */
	commit();
	CHECK_EQ(links_of(t), 0);
	CHECK_EQ(links_of(a), 0);
}

struct peers {
	struct store_peer_source row[8];
	int n, stop_after;
};

static bool take_peer(void *arg, const struct store_peer_source *row)
{
	struct peers *p = arg;
	p->row[p->n++] = *row;
	return p->n != p->stop_after;
}

static struct peers peers_of(int64_t target)
{
	struct peers p = { .n = 0 };
	OK(OPS->client_peers(CTX, target, take_peer, &p, &err));
	return p;
}

static void put_peer(int64_t target, int64_t source, uint8_t e4id, bool removed)
{
	struct store_peer p = { target, source, { e4id }, next_rev(), removed };
	OK(OPS->peer_put(CTX, &p, &err));
}

static void peers_come_in_order_of_e4id_with_their_source(void)
{
	begin();
	int64_t t = add_client("target"), a = add_client("a"), b = add_client("b");
	put_peer(t, a, 0x90, false);
	put_peer(t, b, 0x10, true);
	put_peer(t, 0, 0x50, true);
	commit();
	struct peers p = peers_of(t);
	CHECK_EQ(p.n, 3);
	CHECK(p.row[0].peer.e4id[0] == 0x10 && p.row[0].peer.source_id == b);
	CHECK(p.row[0].peer.removed && !p.row[2].peer.removed);
	CHECK(p.row[1].peer.source_id == 0 && p.row[1].key.len == 0 && p.row[1].key_rev == 0);
	struct sealed key = key_of(0x5a, 49);
	CHECK_MEM(&p.row[2].key, &key, sizeof key);
	CHECK(p.row[2].key_rev == client_of(a).key_rev && p.row[2].peer.target_id == t);
	begin();
	put_peer(t, a, 0x90, true); /* rewritten */
	OK(OPS->peer_remove(CTX, t, (const uint8_t[16]){ 0x10 }, &err));
	OK(OPS->peer_remove(CTX, t, (const uint8_t[16]){ 0x11 }, &err));
	commit();
	p = peers_of(t);
	CHECK(p.n == 2 && p.row[1].peer.removed);
	p = (struct peers){ .stop_after = 1 };
	OK(OPS->client_peers(CTX, t, take_peer, &p, &err));
	CHECK_EQ(p.n, 1);
}

static void holders_of_a_key_are_walked_by_id(void)
{
	struct names l = { .n = 0 };
	begin();
	int64_t s = add_client("source"), z = add_client("z"), y = add_client("y"),
	        x = add_client("x");
	put_peer(z, s, 1, false);
	put_peer(y, s, 1, true);
	put_peer(x, s, 1, false);
	commit();
	OK(OPS->peer_holders(CTX, s, 0, 10, take_client, &l, &err));
	CHECK_STR(l.text, "z,x"); /* live ones */
	l = (struct names){ .n = 0 };
	OK(OPS->peer_holders(CTX, s, z, 10, take_client, &l, &err));
	CHECK_STR(l.text, "x");
	l = (struct names){ .n = 0 };
	OK(OPS->peer_holders(CTX, s, 0, 1, take_client, &l, &err));
	CHECK_STR(l.text, "z");
}

static void removing_a_client_cleans_up_around_it(void)
{
	struct names l = { .n = 0 };
	begin();
	int64_t a = add_client("a"), b = add_client("b"), t = add_topic("t", 1), u = add_topic("u", 2);
	put_member(a, t, false);
	put_member(a, u, true);
	put_member(b, t, false);
	OK(OPS->link_put(CTX, b, a, &err));
	OK(OPS->link_put(CTX, a, b, &err));
	put_peer(b, a, 0xaa, false);
	put_peer(a, b, 0xbb, false);
	put_old_key(a, 1, 1);
	OK(OPS->client_remove(CTX, a, &err));
	commit();
	CHECK_EQ(members_of(t), 1);
	CHECK_EQ(members_of(u), 0);
	CHECK_EQ(links_of(b), 0);
	OK(OPS->topic_members(CTX, u, 0, 10, take_client, &l, &err));
	CHECK_EQ(l.n, 0);
	struct peers p = peers_of(b);
	CHECK(p.n == 1 && p.row[0].peer.source_id == 0 && p.row[0].peer.e4id[0] == 0xaa);
	CHECK_EQ(p.row[0].key.len, 0);
	CHECK_EQ(peers_of(a).n, 0);
	CHECK_EQ(old_keys(a).n, 0);
	OK(OPS->peer_holders(CTX, a, 0, 10, take_client, &l, &err));
	CHECK_EQ(l.n, 0);
	CHECK_EQ(count_of(OPS->clients_count), 1);
}

static void a_healthy_store_says_so(void)
{
	for (int i = 0; i < 3; i++)
		OK(OPS->check(CTX, &err));
	begin();
	OK(OPS->check(CTX, &err));
	add_client("a");
	commit();
	OK(OPS->check(CTX, &err));
	CHECK_EQ(count_of(OPS->clients_count), 1);
}

/* --- Backends ----------------------------------------------------------------------- */

static char folder[] = "/tmp/e4-store-XXXXXX";
static char db_path[64];

static bool open_file(void)
{
	return store_sqlite_open(&store, db_path, &err);
}

static bool open_memory(void)
{
	return store_sqlite_open(&store, ":memory:", &err);
}

static void clear_folder(void)
{
	DIR *d = opendir(folder);
	for (struct dirent *e; d && (e = readdir(d));)
		unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
}

static void clear_nothing(void)
{
}

static const struct backend {
	const char *name;
	bool (*open)(void);
	void (*clear)(void); /* after close: the next open is a first one */
	bool persistent;
} backends[] = {
	{ "sqlite, file", open_file, clear_folder, true },
	{ "sqlite, memory", open_memory, clear_nothing, false },
};

static void (*const tests[])(void) = {
	revisions_count_from_one_and_come_back_with_a_rollback,
	named_values_keep_every_byte,
	events_have_numbers_without_gaps,
	pruning_events_keeps_the_newest_and_the_count_goes_on,
	writes_need_a_transaction,
	a_rollback_takes_everything_back,
	a_refused_row_leaves_the_transaction_usable,
	a_row_callback_that_calls_the_store_is_refused,
	a_client_comes_back_as_it_was_put,
	a_client_that_is_gone_cannot_be_rewritten,
	names_are_bytes_and_sorted_by_them,
	pages_of_clients_have_their_edges,
	due_clients_come_earliest_first,
	the_fleet_is_walked_in_order_of_id,
	old_keys_are_counted_and_dropped_by_revision,
	our_own_keys_come_newest_last,
	the_oldest_c2_key_in_use_is_known,
	a_topic_comes_back_as_it_was_put,
	a_removed_topic_is_invisible_by_name_and_leaves_it_free,
	topics_are_sorted_and_counted,
	topics_to_walk_are_those_that_are_behind,
	members_are_counted_as_they_come_and_go,
	members_of_a_client_come_in_order_of_topic_hash,
	clients_of_a_topic_are_walked_and_listed,
	topics_of_a_client_are_the_live_ones,
	removing_a_topic_takes_its_members_along,
	progress_counts_each_member_once,
	links_are_listed_by_name_and_walked_by_id,
	peers_come_in_order_of_e4id_with_their_source,
	holders_of_a_key_are_walked_by_id,
	removing_a_client_cleans_up_around_it,
	a_healthy_store_says_so,
};

/* Everything that one transaction of each kind wrote is there after a restart; the open one is not. */
static void a_restart_finds_what_was_committed(const struct backend *b)
{
	struct store_client c = client_row("a"), back;
	struct store_event e = { .type = 1 };
	bool found;
	OK(b->open());
	begin();
	OK(OPS->client_put(CTX, &c, &err));
	fill_client(&c);
	OK(OPS->client_put(CTX, &c, &err));
	int64_t t = add_topic("t", 1);
	put_member(c.id, t, false);
	OK(OPS->event_append(CTX, &e, &err));
	OK(OPS->meta_put(CTX, "m", (const uint8_t *)"v", 1, &err));
	commit();
	begin();
	add_client("lost");
	OPS->close(CTX);
	OK(b->open());
	OK(OPS->client_by_name(CTX, "a", &back, &found, &err));
	CHECK(found);
	same_client(&back, &c);
	CHECK_EQ(count_of(OPS->clients_count), 1);
	CHECK_EQ(members_of(t), 1);
	CHECK_EQ(count_of(OPS->revision), 2);
	CHECK_EQ(count_of(OPS->events_last), 1);
	OPS->close(CTX);
	b->clear();
}

int main(void)
{
	if (!mkdtemp(folder))
		return 2;
	snprintf(db_path, sizeof db_path, "%s/c2.db", folder);
	for (size_t i = 0; i < sizeof backends / sizeof backends[0]; i++) {
		const struct backend *b = &backends[i];
		fprintf(stderr, "%s\n", b->name);
		for (size_t j = 0; j < sizeof tests / sizeof tests[0]; j++) {
			int failed = check_failed;
			OK(b->open());
			tests[j]();
			OPS->close(CTX);
			b->clear();
			if (check_failed != failed)
				fprintf(stderr, "  in test %zu\n", j + 1);
		}
		if (b->persistent)
			a_restart_finds_what_was_committed(b);
	}
	rmdir(folder);
	return END();
}
