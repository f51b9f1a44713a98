/* Clients and keys. */
#ifndef C2_STORE_TESTS_CLIENT_TESTS_H
#define C2_STORE_TESTS_CLIENT_TESTS_H

#include "c2/store/tests/kit.h"

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
	c->type = 2;
	c->behind_since = 1790000003;
	c->key_at = 1790000004;
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
	CHECK_EQ(a->type, b->type);
	CHECK_EQ(a->behind_since, b->behind_since);
	CHECK_EQ(a->key_at, b->key_at);
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
	"\"",
	"%",
	"'",
	"'; DROP TABLE client; --",
	"*",
	"NULL",
	"\\",
	"_",
	"a b",
	"x'00'",
	"\xc3\xa4",
	"\xe6\x97\xa5\xe6\x9c\xac",
	"\xf0\x9f\x94\x91",
};
#define N_HARD (sizeof hard_names / sizeof hard_names[0])

static void names_are_bytes_and_sorted_by_them(void)
{
	struct names l = {.n = 0};
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
	static const struct {
		int64_t offset, count;
		int n;
		const char *text;
	} cases[] = {
		{0, 0, 0, ""},
		{0, 1, 1, "c0000"},
		{0, 2, 2, "c0000,c0001"},
		{1199, 5, 1, "c1199"},
		{1200, 5, 0, ""},
		{5000, 5, 0, ""},
		{INT64_MAX, 1000, 0, ""},
		{600, 2, 2, "c0600,c0601"},
		{0, -1, 0, ""},
		{-5, 1, 1, "c0000"},
		{0, 1000, 1000, 0},
		{300, 1000, 900, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		l = (struct names){.n = 0};
		OK(OPS->clients(CTX, page(cases[i].offset, cases[i].count), take_name, &l, &err));
		CHECK_EQ(l.n, cases[i].n);
		if (cases[i].text)
			CHECK_STR(l.text, cases[i].text);
	}
	l = (struct names){.stop_after = 3};
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
	l = (struct names){.stop_after = stop_after};
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
	struct names l = {.n = 0};
	OK(OPS->clients_after(CTX, 0, 2, take_client, &l, &err));
	CHECK_STR(l.text, "z,y");
	l = (struct names){.n = 0};
	OK(OPS->clients_after(CTX, z, 10, take_client, &l, &err));
	CHECK_STR(l.text, "y,x");
	l = (struct names){.n = 0};
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
	struct key_revs k = {.n = 0};
	OK(OPS->old_keys(CTX, id, take_old_key, &k, &err));
	return k;
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
	struct store_old_key orphan = {a, 9, key_of(1, 49)};
	CHECK(!OPS->old_key_put(CTX, &orphan, &err));
	CHECK_EQ(err.code, ERR_NOT_FOUND);
	commit();
	CHECK_EQ(old_keys(a).n, 0);
	CHECK_EQ(old_keys(b).n, 1);
}

static void our_own_keys_come_newest_last(void)
{
	struct store_c2_key row = {.rev = 3, .private_key = key_of(1, 49), .public_key = {1}};
	struct key_revs k = {.n = 0};
	OK(OPS->c2_keys(CTX, take_c2_key, &k, &err));
	CHECK_EQ(k.n, 0);
	begin();
	OK(OPS->c2_key_put(CTX, &row, &err));
	row = (struct store_c2_key){.rev = 2, .private_key = key_of(2, 49), .public_key = {2}};
	OK(OPS->c2_key_put(CTX, &row, &err));
	row = (struct store_c2_key){.rev = 9, .private_key = key_of(9, 49), .public_key = {9}};
	OK(OPS->c2_key_put(CTX, &row, &err));
	commit();
	k = (struct key_revs){.n = 0};
	OK(OPS->c2_keys(CTX, take_c2_key, &k, &err));
	CHECK(k.n == 3 && k.revs[0] == 2 && k.revs[1] == 3 && k.revs[2] == 9);
	CHECK(k.public_key[0] == 9 && k.public_key[1] == 0);
	CHECK_MEM(&k.last, &row.private_key, sizeof k.last);
	begin();
	OK(OPS->c2_keys_drop(CTX, 9, &err));
	commit();
	k = (struct key_revs){.n = 0};
	OK(OPS->c2_keys(CTX, take_c2_key, &k, &err));
	CHECK(k.n == 1 && k.revs[0] == 9);
}

static void set_c2_rev(int64_t id, int64_t rev)
{
	struct store_client c = client_of(id);
	c.c2_rev = rev;
	OK(OPS->client_put(CTX, &c, &err));
}

static int64_t c2_from(int64_t rev)
{
	int64_t n = -1;
	OK(OPS->clients_c2_from(CTX, rev, &n, &err));
	return n;
}

static void clients_are_counted_by_the_c2_key_they_confirmed(void)
{
	CHECK_EQ(c2_from(1), 0);
	begin();
	int64_t a = add_client("a"), b = add_client("b");
	add_client("c"); /* holds none */
	set_c2_rev(a, 4);
	set_c2_rev(b, 9);
	CHECK_EQ(c2_from(4), 2);
	CHECK_EQ(c2_from(5), 1);
	CHECK_EQ(c2_from(10), 0);
	set_c2_rev(a, 9);
	OK(OPS->client_remove(CTX, b, &err));
	CHECK_EQ(c2_from(9), 1);
	commit();
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

#endif
