/* The store under test and short ways to fill and ask it. Each test starts with an empty one. */
#ifndef C2_STORE_TESTS_KIT_H
#define C2_STORE_TESTS_KIT_H

#include "c2/core/store.h"
#include "tests/check.h"

static struct store store;
static struct err err;
#define OPS (store.ops)
#define CTX (store.ctx)
/* A call that must succeed; says why it did not. */
#define OK(call) check_result((call), __FILE__, __LINE__, err.text)

static int64_t next_rev(void)
{
	int64_t rev = 0;
	OK(OPS->revision_next(CTX, &rev, &err));
	return rev;
}

static struct sealed key_of(uint8_t fill, uint8_t len)
{
	struct sealed k = {.len = len};
	memset(k.bytes, fill, len);
	return k;
}

static struct store_client client_row(const char *name)
{
	struct store_client c = {.key = key_of(0x5a, 49)};
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

static inline int64_t add_topic(const char *name, uint8_t hash)
{
	struct store_topic t = {.key = key_of(0x33, 49), .hash = {hash}};
	snprintf(t.name, sizeof t.name, "%s", name);
	t.rev = t.walk_rev = next_rev();
	OK(OPS->topic_put(CTX, &t, &err));
	return t.id;
}

static inline void put_member(int64_t client, int64_t topic, bool removed)
{
	struct store_member m = {client, topic, next_rev(), removed};
	OK(OPS->member_put(CTX, &m, &err));
}

static inline void put_old_key(int64_t client, int64_t rev, uint8_t fill)
{
	struct store_old_key k = {client, rev, key_of(fill, 49)};
	OK(OPS->old_key_put(CTX, &k, &err));
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

static inline bool take_client(void *arg, const struct store_client *row)
{
	return take_name(arg, row->name);
}

static inline bool take_topic(void *arg, const struct store_topic *row)
{
	return take_name(arg, row->name);
}

static inline struct store_page page(int64_t offset, int64_t count)
{
	return (struct store_page){offset, count};
}

static inline int64_t members_of(int64_t topic)
{
	struct store_topic t;
	bool found;
	OK(OPS->topic_by_id(CTX, topic, &t, &found, &err));
	CHECK(found);
	return t.n_members;
}

static inline struct store_client client_of(int64_t id)
{
	struct store_client c;
	bool found;
	OK(OPS->client_by_id(CTX, id, &c, &found, &err));
	CHECK(found);
	return c;
}

static inline int64_t count_of(bool (*fn)(void *, int64_t *, struct err *))
{
	int64_t n = -1;
	OK(fn(CTX, &n, &err));
	return n;
}

/* So many rows that a planner has to choose an index. */
static inline void fill_for_plans(void)
{
	char name[16];
	begin();
	int64_t t = add_topic("t", 1);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof name, "c%d", i);
		put_member(add_client(name), t, false);
		add_topic(name, (uint8_t)i);
	}
	commit();
}

#endif
