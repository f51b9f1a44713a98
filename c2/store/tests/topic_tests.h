/* Topics and members. */
#ifndef C2_STORE_TESTS_TOPIC_TESTS_H
#define C2_STORE_TESTS_TOPIC_TESTS_H

#include "c2/store/tests/kit.h"

/* --- Topics ------------------------------------------------------------------------- */

static void a_topic_comes_back_as_it_was_put(void)
{
	struct store_topic t = {.key = key_of(0, 49),
				.rev = 5,
				.rotated_at = 1790000000,
				.walk_rev = 4,
				.walk_client = 77},
			   back;
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
	struct names l = {.n = 0};
	bool found;
	begin();
	int64_t old = add_topic("t", 1);
	struct store_topic twin = {.name = "t", .rev = 1};
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
	struct names l = {.n = 0};
	begin();
	add_topic("b/%", 1);
	add_topic("b", 2);
	remove_topic(add_topic("a0", 4));
	add_topic("a/'", 3);
	commit();
	CHECK_EQ(count_of(OPS->topics_count), 3);
	OK(OPS->topics(CTX, page(0, 1000), take_name, &l, &err));
	CHECK_STR(l.text, "a/',b,b/%");
	l = (struct names){.n = 0};
	OK(OPS->topics(CTX, page(1, 1), take_name, &l, &err));
	CHECK_STR(l.text, "b");
	l = (struct names){.n = 0};
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
	struct names l = {.n = 0};
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
	l = (struct names){.n = 0};
	OK(OPS->topics_to_walk(CTX, 1, take_topic, &l, &err));
	CHECK_STR(l.text, "a");
	l = (struct names){.stop_after = 2};
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
	struct store_member bad = {999, t, 1, false};
	CHECK(!OPS->member_put(CTX, &bad, &err));
	CHECK_EQ(err.code, ERR_NOT_FOUND);
	bad = (struct store_member){a, 999, 1, false};
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
	struct hashes h = {.n = 0};
	OK(OPS->client_members(CTX, a, take_member, &h, &err));
	CHECK_EQ(h.n, 3);
	CHECK(h.first[0] == 0x00 && h.first[1] == 0x80 && h.first[2] == 0xf0);
	CHECK(h.removed[0] && !h.removed[1] && h.topic_removed[1] && !h.topic_removed[2]);
	struct sealed key = key_of(0x33, 49);
	CHECK_MEM(&h.last.key, &key, sizeof key);
	CHECK_EQ(h.last.member.client_id, a);
	CHECK_EQ(h.last.topic_rev, 3);
	CHECK(h.last.member.rev > 0);
	h = (struct hashes){.stop_after = 1};
	OK(OPS->client_members(CTX, a, take_member, &h, &err));
	CHECK_EQ(h.n, 1);
	h = (struct hashes){.n = 0};
	OK(OPS->client_members(CTX, 999, take_member, &h, &err));
	CHECK_EQ(h.n, 0);
}

static void clients_of_a_topic_are_walked_and_listed(void)
{
	struct names l = {.n = 0};
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
	l = (struct names){.n = 0};
	OK(OPS->topic_members(CTX, t, c, 1, take_client, &l, &err));
	CHECK_STR(l.text, "a");
	l = (struct names){.n = 0};
	OK(OPS->topic_members(CTX, t, b, 10, take_client, &l, &err));
	CHECK_STR(l.text, "");
	OK(OPS->topic_clients(CTX, t, page(0, 10), take_name, &l, &err));
	CHECK_STR(l.text, "a,c"); /* by name, live ones */
	l = (struct names){.n = 0};
	OK(OPS->topic_clients(CTX, t, page(1, 10), take_name, &l, &err));
	CHECK_STR(l.text, "c");
	l = (struct names){.n = 0};
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
	struct names l = {.n = 0};
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
	l = (struct names){.n = 0};
	OK(OPS->client_topics(CTX, a, page(1, 100), take_name, &l, &err));
	CHECK_STR(l.text, "z");
}

static void removing_a_topic_takes_its_members_along(void)
{
	struct hashes h = {.n = 0};
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
	struct store_progress whole = {0}, sum = {0};
	int64_t after = 0;
	OK(OPS->topic_progress(CTX, topic, &after, 1000, &whole, &err));
	CHECK_EQ(after, 0);
	/* In pages, of which the last may be empty, it is the same. */
	for (int i = 0; i == 0 || after; i++) {
		int64_t was = after;

		OK(OPS->topic_progress(CTX, topic, &after, 2, &sum, &err));
		CHECK(after == 0 || after > was);
		CHECK(sum.members <= 2 * (i + 1));
	}
	CHECK_MEM(&sum, &whole, sizeof sum);
	return whole;
}

static void progress_counts_each_member_once(void)
{
	begin();
	int64_t t = add_topic("t", 1);
	int64_t id[6];
	for (int i = 0; i < 6; i++)
		id[i] = add_client((char[]){(char)('a' + i), 0});
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

#endif
