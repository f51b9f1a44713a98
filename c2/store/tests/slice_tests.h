/* Parts of a transaction, and what slices of many clients read and write at once. */
#ifndef C2_STORE_TESTS_SLICE_TESTS_H
#define C2_STORE_TESTS_SLICE_TESTS_H

#include "c2/store/tests/client_tests.h"

static void a_part_is_undone_alone(void)
{
	struct store_event e = {.type = 1};
	int64_t a, t, rev;
	bool found;
	struct store_client row;
	begin();
	a = add_client("a");
	t = add_topic("t", 1);
	put_member(a, t, false);
	rev = count_of(OPS->revision);
	OK(OPS->part_begin(CTX, &err));
	add_client("b");
	add_topic("u", 2);
	put_member(a, t, true);
	OK(OPS->event_append(CTX, &e, &err));
	OK(OPS->meta_put(CTX, "m", (const uint8_t *)"v", 1, &err));
	CHECK_EQ(count_of(OPS->clients_count), 2);
	CHECK_EQ(members_of(t), 0);
	OK(OPS->part_end(CTX, false, &err));
	CHECK_EQ(count_of(OPS->revision), rev);
	OK(OPS->part_begin(CTX, &err));
	add_client("c");
	OK(OPS->part_end(CTX, true, &err));
	/* One that undid nothing, and one that is kept by the commit. */
	OK(OPS->part_begin(CTX, &err));
	OK(OPS->part_end(CTX, false, &err));
	commit();
	CHECK_EQ(count_of(OPS->clients_count), 2);
	CHECK_EQ(count_of(OPS->topics_count), 1);
	CHECK_EQ(members_of(t), 1);
	CHECK_EQ(count_of(OPS->events_last), 0);
	OK(OPS->client_by_name(CTX, "b", &row, &found, &err));
	CHECK(!found);
	OK(OPS->client_by_name(CTX, "c", &row, &found, &err));
	CHECK(found);
	CHECK_EQ(count_of(OPS->revision), rev + 1);
}

static void a_refused_row_leaves_its_part_usable(void)
{
	struct store_client twice = client_row("a");
	begin();
	add_client("a");
	OK(OPS->part_begin(CTX, &err));
	CHECK(!OPS->client_put(CTX, &twice, &err));
	CHECK_EQ(err.code, ERR_EXISTS);
	add_client("b");
	OK(OPS->part_end(CTX, true, &err));
	commit();
	CHECK_EQ(count_of(OPS->clients_count), 2);
}

static void a_rollback_takes_kept_parts_back(void)
{
	begin();
	add_client("a");
	OK(OPS->part_begin(CTX, &err));
	add_client("b");
	OK(OPS->part_end(CTX, true, &err));
	OPS->rollback(CTX);
	CHECK_EQ(count_of(OPS->clients_count), 0);
}

static void parts_need_a_transaction(void)
{
	CHECK(!OPS->part_begin(CTX, &err));
	CHECK_EQ(err.code, ERR_INTERNAL);
}

/* Pages remember where names lie: not where undone ones did. */
static void pages_are_right_after_a_part_was_undone(void)
{
	struct names l = {.n = 0};
	begin();
	add_client("b");
	OK(OPS->part_begin(CTX, &err));
	add_client("a");
	OK(OPS->clients(CTX, page(1, 10), take_name, &l, &err));
	CHECK_STR(l.text, "b");
	OK(OPS->part_end(CTX, false, &err));
	l = (struct names){.n = 0};
	OK(OPS->clients(CTX, page(0, 10), take_name, &l, &err));
	CHECK_STR(l.text, "b");
	commit();
}

static void the_state_of_clients_is_rewritten_and_nothing_else(void)
{
	struct store_client rows[3], want;
	begin();
	for (int i = 0; i < 3; i++) {
		char name[4] = {(char)('a' + i)};
		rows[i] = client_row(name);
		OK(OPS->client_put(CTX, &rows[i], &err));
		want = rows[i];
		fill_client(&rows[i]);
		/* What it leaves alone. */
		rows[i].key = want.key;
		rows[i].private_key = want.private_key;
		rows[i].key_rev = want.key_rev;
		rows[i].key_at = want.key_at;
		rows[i].n_old_keys = want.n_old_keys;
		rows[i].c2_rev = want.c2_rev;
		rows[i].wanted_rev = want.wanted_rev;
		rows[i].reset_rev = want.reset_rev;
		rows[i].reset_peers_rev = want.reset_peers_rev;
		rows[i].type = want.type;
		rows[i].next_at += i;
	}
	OK(OPS->client_remove(CTX, rows[2].id, &err));
	OK(OPS->clients_state(CTX, rows, 3, &err)); /* who is gone stays so */
	OK(OPS->clients_state(CTX, rows, 0, &err));
	commit();
	for (int i = 0; i < 2; i++) {
		want = client_of(rows[i].id);
		same_client(&want, &rows[i]);
	}
	CHECK_EQ(count_of(OPS->clients_count), 2);
}

struct many_members {
	struct store_member_topic rows[16];
	int n, stop_after;
};

static bool take_many(void *arg, const struct store_member_topic *row)
{
	struct many_members *m = arg;
	m->rows[m->n++] = *row;
	return m->n != m->stop_after;
}

static void members_of_many_clients_come_client_by_client(void)
{
	struct many_members m = {.n = 0};
	begin();
	int64_t a = add_client("a"), b = add_client("b"), c = add_client("c"); /* 1, 2, 3 */
	int64_t t = add_topic("t", 9), u = add_topic("u", 3);                  /* 4, 5 */
	put_member(a, t, false);                                               /* 6 */
	put_member(a, u, true);
	put_member(c, t, false); /* 8 */
	commit();
	struct store_newer of[3] = {{a, 0, false}, {b, 0, false}, {c, 0, false}};
	OK(OPS->clients_members(CTX, of, 3, take_many, &m, &err));
	CHECK_EQ(m.n, 3);
	CHECK_EQ(m.rows[0].member.client_id, a);
	CHECK_EQ(m.rows[0].hash[0], 3);
	CHECK(m.rows[0].member.removed);
	CHECK_EQ(m.rows[0].member.rev, 7);
	CHECK_EQ(m.rows[1].member.topic_id, t);
	CHECK_EQ(m.rows[1].member.rev, 6);
	CHECK(!m.rows[1].topic_removed);
	CHECK_EQ(m.rows[2].member.client_id, c);
	CHECK_EQ(m.rows[2].member.topic_id, t);
	CHECK_EQ(m.rows[2].hash[0], 9);
	CHECK_EQ(m.rows[2].key.bytes[0], 0x33);
	CHECK_EQ(m.rows[2].topic_rev, 4);
	m = (struct many_members){.stop_after = 2};
	OK(OPS->clients_members(CTX, of, 3, take_many, &m, &err));
	CHECK_EQ(m.n, 2);
	m = (struct many_members){.n = 0};
	OK(OPS->clients_members(CTX, of, 0, take_many, &m, &err));
	CHECK_EQ(m.n, 0);
	OK(OPS->clients_members(CTX, of + 1, 1, take_many, &m, &err));
	CHECK_EQ(m.n, 0);
}

static void old_members_are_left_out(void)
{
	struct many_members m = {.n = 0};
	begin();
	int64_t a = add_client("a"), b = add_client("b");
	int64_t t = add_topic("t", 9), u = add_topic("u", 3); /* 3, 4 */
	put_member(a, t, false);                              /* 5 */
	put_member(a, u, false);
	put_member(b, t, false); /* 7 */
	struct store_topic row;
	bool found;
	OK(OPS->topic_by_id(CTX, t, &row, &found, &err));
	row.rev = next_rev(); /* 8 */
	OK(OPS->topic_put(CTX, &row, &err));
	commit();
	struct store_newer of[2] = {{a, 6, false}, {b, 8, false}};
	OK(OPS->clients_members(CTX, of, 2, take_many, &m, &err));
	CHECK_EQ(m.n, 1);
	CHECK_EQ(m.rows[0].member.client_id, a);
	CHECK_EQ(m.rows[0].topic_rev, 8);
	of[0].above = 5;
	m.n = 0;
	OK(OPS->clients_members(CTX, of, 2, take_many, &m, &err));
	CHECK_EQ(m.n, 2);
	CHECK_EQ(m.rows[0].member.topic_id, u);
	/* The same where it is known that only topics can be newer. */
	of[0] = (struct store_newer){a, 6, true};
	of[1] = (struct store_newer){b, 7, true};
	m = (struct many_members){.n = 0};
	OK(OPS->clients_members(CTX, of, 2, take_many, &m, &err));
	CHECK_EQ(m.n, 2);
	CHECK_EQ(m.rows[0].member.client_id, a);
	CHECK_EQ(m.rows[0].member.topic_id, t);
	CHECK_EQ(m.rows[1].member.client_id, b);
	of[0].above = of[1].above = 8;
	m.n = 0;
	OK(OPS->clients_members(CTX, of, 2, take_many, &m, &err));
	CHECK_EQ(m.n, 0);
	/* And where too many topics are newer to look for each. */
	begin();
	for (uint8_t i = 0; i < 40; i++) {
		char name[8];
		snprintf(name, sizeof name, "t%u", i);
		put_member(b, add_topic(name, i), false);
	}
	OK(OPS->topic_by_id(CTX, u, &row, &found, &err));
	row.rev = next_rev();
	OK(OPS->topic_put(CTX, &row, &err));
	commit();
	OK(OPS->clients_members(CTX, of, 1, take_many, &m, &err));
	CHECK_EQ(m.n, 1);
	CHECK_EQ(m.rows[0].member.topic_id, u);
}

#endif
