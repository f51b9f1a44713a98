/* Tags, and the search by name and tag. */
#ifndef C2_STORE_TESTS_TAG_TESTS_H
#define C2_STORE_TESTS_TAG_TESTS_H

#include "c2/store/tests/kit.h"

static void found(const char *tag, const char *from, int limit, const char *want)
{
	struct names l = {.n = 0};
	OK(OPS->clients_from(CTX, tag, from, limit, take_client, &l, &err));
	CHECK_STR(l.text, want);
}

static void topics_found(const char *from, int limit, const char *want)
{
	struct names l = {.n = 0};
	OK(OPS->topics_from(CTX, from, limit, take_topic, &l, &err));
	CHECK_STR(l.text, want);
}

static void tags_are(int64_t client, const char *want)
{
	struct names l = {.n = 0};
	OK(OPS->client_tags(CTX, client, take_name, &l, &err));
	CHECK_STR(l.text, want);
}

static void put_tag(int64_t client, const char *tag)
{
	OK(OPS->client_tag_put(CTX, client, tag, &err));
}

static void a_search_begins_at_a_name_in_order_of_bytes(void)
{
	begin();
	add_client("b");
	add_client("\xc3\xa4");
	add_client("a");
	add_client("B");
	add_client("ab");
	add_topic("t2", 2);
	add_topic("t1", 1);
	commit();
	found(0, "", 10, "B,a,ab,b,\xc3\xa4");
	found(0, "a", 10, "a,ab,b,\xc3\xa4");
	found(0, "aa", 2, "ab,b");
	found(0, "\xc3\xa5", 10, "");
	found(0, "", 0, "");
	topics_found("", 10, "t1,t2");
	topics_found("t1a", 10, "t2");
	topics_found("t1", 1, "t1");
	struct names l = {.stop_after = 1};
	OK(OPS->clients_from(CTX, 0, "a", 10, take_client, &l, &err));
	CHECK_EQ(l.n, 1);
}

static void removed_topics_are_not_found(void)
{
	struct store_topic t;
	bool is;
	begin();
	int64_t id = add_topic("t", 1);
	put_member(add_client("a"), id, false);
	OK(OPS->topic_by_id(CTX, id, &t, &is, &err));
	t.removed = true;
	OK(OPS->topic_put(CTX, &t, &err));
	commit();
	topics_found("", 10, "");
}

static void clients_are_found_by_tag_in_order_of_name(void)
{
	begin();
	int64_t c = add_client("c"), a = add_client("a"), b = add_client("b");
	put_tag(c, "site=x");
	put_tag(a, "site=x");
	put_tag(b, "site=y");
	put_tag(b, "pump");
	put_tag(a, "Site=x");
	put_tag(a, "site=x");           /* again: as it was */
	found("site=x", "", 10, "a,c"); /* also within its own transaction */
	commit();
	found("site=x", "", 10, "a,c");
	found("site=x", "b", 10, "c");
	found("site=x", "", 1, "a");
	found("site", "", 10, "");
	found("SITE=X", "", 10, "");
	tags_are(a, "Site=x,site=x");
	tags_are(b, "pump,site=y");
	begin();
	OK(OPS->client_tag_remove(CTX, a, "site=x", &err));
	OK(OPS->client_tag_remove(CTX, a, "never", &err));
	commit();
	found("site=x", "", 10, "c");
	tags_are(a, "Site=x");
}

static void tags_go_with_their_client_and_with_a_rollback(void)
{
	begin();
	int64_t a = add_client("a"), b = add_client("b");
	put_tag(a, "x");
	put_tag(b, "x");
	commit();
	begin();
	OK(OPS->client_remove(CTX, a, &err));
	put_tag(b, "y");
	OPS->rollback(CTX);
	found("x", "", 10, "a,b");
	tags_are(b, "x");
	begin();
	OK(OPS->client_remove(CTX, a, &err));
	CHECK(!OPS->client_tag_put(CTX, a, "z", &err));
	CHECK_EQ(err.code, ERR_NOT_FOUND);
	commit();
	found("x", "", 10, "b");
	tags_are(a, "");
	begin(); /* a new client of that name begins without */
	a = add_client("a");
	commit();
	found("x", "", 10, "b");
	tags_are(a, "");
}

static void long_tags_and_names_keep_every_byte(void)
{
	char tag[STORE_TAG_MAX + 1], name[STORE_NAME_MAX + 1];
	memset(tag, 't', sizeof tag - 1);
	memset(name, 'n', sizeof name - 1);
	tag[sizeof tag - 1] = name[sizeof name - 1] = 0;
	begin();
	int64_t id = add_client(name);
	put_tag(id, tag);
	put_tag(id, "k=\xe2\x82\xac");
	commit();
	found(tag, "", 10, name);
	found("k=\xe2\x82\xac", name, 10, name);
}

static void name_is(const char *name, int64_t id)
{
	struct store_client c;
	bool is;
	OK(OPS->client_by_name(CTX, name, &c, &is, &err));
	CHECK_EQ(is ? c.id : 0, id);
}

static void topic_is(const char *name, int64_t id)
{
	struct store_topic t;
	bool is;
	OK(OPS->topic_by_name(CTX, name, &t, &is, &err));
	CHECK_EQ(is ? t.id : 0, id);
}

static void topics_are(int64_t client, const char *want)
{
	struct names l = {.n = 0};
	OK(OPS->client_topics(CTX, client, page(0, INT32_MAX), take_name, &l, &err));
	CHECK_STR(l.text, want);
}

static bool count_row(void *arg, const struct store_member_topic *row)
{
	(void)row;
	++*(int *)arg;
	return true;
}

static void ask_ahead(const struct store_question *list, size_t n)
{
	if (OPS->ahead)
		OPS->ahead(CTX, list, n);
}

/* A hint changes no answer: not in another order, nor asked twice, nor when all has changed. */
static void what_is_asked_ahead_is_answered_as_ever(void)
{
	begin();
	int64_t a = add_client("a"), b = add_client("b"), t = add_topic("t", 1);
	put_member(a, t, false);
	put_tag(a, "one");
	put_tag(b, "two");
	commit();
	const struct store_question asks[] = {
		{STORE_ASK_CLIENT, 0, "a"}, {STORE_ASK_CLIENT, 0, "c"}, {STORE_ASK_TOPIC, 0, "t"},
		{STORE_ASK_TAGS, a, 0},     {STORE_ASK_TAGS, b, 0},     {STORE_ASK_TOPICS, a, 0},
		{STORE_ASK_MEMBERS, a, 0},  {STORE_ASK_PEERS, a, 0},
	};
	const size_t n = sizeof asks / sizeof asks[0];
	int rows = 0;
	ask_ahead(asks, n);
	tags_are(b, "two");
	tags_are(b, "two");
	tags_are(a, "one");
	name_is("c", 0);
	name_is("b", b);
	name_is("a", a);
	topic_is("t", t);
	topics_are(a, "t");
	OK(OPS->client_members(CTX, a, count_row, &rows, &err));
	CHECK_EQ(rows, 1);

	ask_ahead(asks, n);
	begin();
	int64_t c = add_client("c");
	put_tag(a, "more");
	name_is("c", c);
	tags_are(a, "more,one");
	ask_ahead(asks, n);
	OPS->rollback(CTX);
	name_is("c", 0);
	tags_are(a, "one");

	begin();
	OK(OPS->part_begin(CTX, &err));
	add_client("c");
	put_member(a, t, true);
	ask_ahead(asks, n);
	topics_are(a, "");
	OK(OPS->part_end(CTX, false, &err));
	name_is("c", 0);
	topics_are(a, "t");
	ask_ahead(asks, n);
	OK(OPS->client_remove(CTX, a, &err));
	name_is("a", 0);
	tags_are(a, "");
	topics_are(a, "");
	commit();
	ask_ahead(asks, n);
	ask_ahead(0, 0);
	name_is("a", 0);
}

#endif
