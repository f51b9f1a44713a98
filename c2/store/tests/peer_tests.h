/* Links, peers, and what removing a client does to all of it. */
#ifndef C2_STORE_TESTS_PEER_TESTS_H
#define C2_STORE_TESTS_PEER_TESTS_H

#include "c2/store/tests/kit.h"
#include "c2/store/tests/topic_tests.h"

/* --- Links and peers ---------------------------------------------------------------- */

static int64_t links_of(int64_t id)
{
	int64_t n = -1;
	OK(OPS->links_count(CTX, id, &n, &err));
	return n;
}

static void links_are_listed_by_name_and_walked_by_id(void)
{
	struct names l = {.n = 0};
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
	l = (struct names){.n = 0};
	OK(OPS->links(CTX, t, page(1, 1), take_name, &l, &err));
	CHECK_STR(l.text, "c");
	l = (struct names){.n = 0};
	OK(OPS->link_clients(CTX, t, 0, 10, take_client, &l, &err));
	CHECK_STR(l.text, "c,a");
	l = (struct names){.n = 0};
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
	struct peers p = {.n = 0};
	OK(OPS->client_peers(CTX, target, take_peer, &p, &err));
	return p;
}

static void put_peer(int64_t target, int64_t source, uint8_t e4id, bool removed)
{
	struct store_peer p = {target, source, {e4id}, next_rev(), removed};
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
	OK(OPS->peer_remove(CTX, t, (const uint8_t[16]){0x10}, &err));
	OK(OPS->peer_remove(CTX, t, (const uint8_t[16]){0x11}, &err));
	commit();
	p = peers_of(t);
	CHECK(p.n == 2 && p.row[1].peer.removed);
	p = (struct peers){.stop_after = 1};
	OK(OPS->client_peers(CTX, t, take_peer, &p, &err));
	CHECK_EQ(p.n, 1);
}

static void holders_of_a_key_are_walked_by_id(void)
{
	struct names l = {.n = 0};
	begin();
	int64_t s = add_client("source"), z = add_client("z"), y = add_client("y"),
		x = add_client("x");
	put_peer(z, s, 1, false);
	put_peer(y, s, 1, true);
	put_peer(x, s, 1, false);
	commit();
	OK(OPS->peer_holders(CTX, s, 0, 10, take_client, &l, &err));
	CHECK_STR(l.text, "z,x"); /* live ones */
	l = (struct names){.n = 0};
	OK(OPS->peer_holders(CTX, s, z, 10, take_client, &l, &err));
	CHECK_STR(l.text, "x");
	l = (struct names){.n = 0};
	OK(OPS->peer_holders(CTX, s, 0, 1, take_client, &l, &err));
	CHECK_STR(l.text, "z");
}

static void removing_a_client_cleans_up_around_it(void)
{
	struct names l = {.n = 0};
	begin();
	int64_t a = add_client("a"), b = add_client("b"), t = add_topic("t", 1),
		u = add_topic("u", 2);
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

#endif
