/* Records: by key, by owner, by version. */
#ifndef C2_STORE_TESTS_RECORD_TESTS_H
#define C2_STORE_TESTS_RECORD_TESTS_H

#include <stdlib.h>

#include "c2/store/tests/kit.h"

enum { RULE = 1, RUN = 7 };

static inline struct store_record record(int32_t kind, int64_t owner, const char *body)
{
	return (struct store_record){
		.kind = kind, .owner = owner, .body = (const uint8_t *)body, .len = strlen(body)};
}

/* In an open transaction. */
static inline struct store_record add_record(int32_t kind, int64_t owner, const char *body)
{
	struct store_record r = record(kind, owner, body);
	OK(OPS->record_put(CTX, &r, &err));
	CHECK_EQ(r.version, 1);
	CHECK(r.id > 0);
	return r;
}

static inline void refuse_put(struct store_record r)
{
	struct store_record before = r;
	CHECK(!OPS->record_put(CTX, &r, &err));
	CHECK_EQ(err.code, ERR_CONFLICT);
	CHECK(r.id == before.id && r.version == before.version);
}

static inline bool take_record(void *arg, const struct store_record *row)
{
	char body[64];
	snprintf(body, sizeof body, "%.*s", (int)row->len, (const char *)row->body);
	return take_name(arg, body);
}

static inline const char *body_of(int32_t kind, int64_t id)
{
	static struct names l;
	bool found;
	l = (struct names){.n = 0};
	OK(OPS->record_get(CTX, kind, id, take_record, &l, &found, &err));
	CHECK_EQ(found, l.n);
	return found ? l.text : "none";
}

static inline const char *listed(int32_t kind, int64_t owner, int64_t after, int limit, bool newest)
{
	static struct names l;
	l = (struct names){.n = 0};
	OK(OPS->records(CTX, kind, owner, after, limit, newest, take_record, &l, &err));
	return l.text;
}

static inline void a_record_is_written_by_who_knows_its_version(void)
{
	begin();
	struct store_record a = add_record(RULE, 5, "a"), stale = a;
	struct store_record b = add_record(RUN, 0, "b");
	CHECK(b.id != a.id);
	CHECK_STR(body_of(RULE, a.id), "a");
	CHECK_STR(body_of(RUN, a.id), "none");
	a.body = (const uint8_t *)"A";
	OK(OPS->record_put(CTX, &a, &err));
	CHECK_EQ(a.version, 2);
	commit();
	CHECK_STR(body_of(RULE, a.id), "A");
	begin();
	refuse_put(stale);
	stale.version = 3;
	refuse_put(stale);
	stale.version = 0; /* as if it were not there */
	refuse_put(stale);
	stale.kind = RUN;
	stale.version = 2;
	refuse_put(stale);
	CHECK(!OPS->record_remove(CTX, RULE, a.id, 1, &err));
	CHECK_EQ(err.code, ERR_CONFLICT);
	CHECK(!OPS->record_remove(CTX, RULE, a.id, 0, &err));
	CHECK(!OPS->record_remove(CTX, RUN, a.id, 2, &err));
	/* Refused rows leave the transaction usable. */
	OK(OPS->record_remove(CTX, RULE, a.id, 2, &err));
	CHECK(!OPS->record_remove(CTX, RULE, a.id, 2, &err));
	CHECK_EQ(err.code, ERR_CONFLICT);
	commit();
	CHECK_STR(body_of(RULE, a.id), "none");
	CHECK_STR(body_of(RUN, b.id), "b");
	begin();
	refuse_put(a);
	commit();
}

static inline void ids_of_records_are_never_given_twice(void)
{
	begin();
	struct store_record a = add_record(RULE, 0, "a");
	OK(OPS->record_remove(CTX, RULE, a.id, 1, &err));
	struct store_record b = add_record(RULE, 0, "b");
	CHECK(b.id > a.id);
	commit();
	begin();
	OK(OPS->record_remove(CTX, RULE, b.id, 1, &err));
	commit();
	begin();
	struct store_record c = add_record(RULE, 0, "c");
	CHECK(c.id > b.id);
	/* One with an id of its own is passed over. */
	struct store_record own = record(RULE, 0, "own");
	own.id = c.id + 1;
	OK(OPS->record_put(CTX, &own, &err));
	CHECK_EQ(own.version, 1);
	CHECK(add_record(RULE, 0, "d").id > own.id);
	own.version = 0;
	refuse_put(own);
	commit();
	CHECK_STR(listed(RULE, 0, 0, 9, false), "c,own,d");
}

static inline void records_are_listed_by_kind_and_owner_both_ways(void)
{
	static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
	int64_t ids[6];
	begin();
	for (int i = 0; i < 6; i++) {
		ids[i] = add_record(RUN, 1 + i % 2, names[i]).id;
		add_record(RUN + 1, 1, "x");
		add_record(RULE, 1, "y");
	}
	commit();
	CHECK_STR(listed(RUN, 0, 0, 9, false), "a,b,c,d,e,f");
	CHECK_STR(listed(RUN, 0, 0, 9, true), "f,e,d,c,b,a");
	CHECK_STR(listed(RUN, 0, ids[1], 2, false), "c,d");
	CHECK_STR(listed(RUN, 0, ids[4], 2, true), "d,c");
	CHECK_STR(listed(RUN, 2, 0, 9, false), "b,d,f");
	CHECK_STR(listed(RUN, 2, ids[1], 1, false), "d");
	CHECK_STR(listed(RUN, 1, 0, 2, true), "e,c");
	CHECK_STR(listed(RUN, 1, ids[2], 9, true), "a");
	CHECK_STR(listed(RUN, 3, 0, 9, true), "");
	CHECK_STR(listed(RUN, 0, 0, 0, false), "");
	struct names l = {.stop_after = 2};
	OK(OPS->records(CTX, RUN, 0, 0, 9, false, take_record, &l, &err));
	CHECK_STR(l.text, "a,b");
	begin();
	struct store_record moved = record(RUN, 3, "a");
	moved.id = ids[0];
	moved.version = 1;
	OK(OPS->record_put(CTX, &moved, &err));
	CHECK_STR(listed(RUN, 3, 0, 9, false), "a"); /* reads see their own writes */
	CHECK_STR(listed(RUN, 1, 0, 9, false), "c,e");
	commit();
	CHECK_STR(listed(RUN, 3, 0, 9, true), "a");
}

static inline void the_newest_records_survive_a_trim(void)
{
	static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
	begin();
	for (int i = 0; i < 8; i++)
		add_record(RUN, 1 + i % 2, names[i]);
	add_record(RULE, 1, "rule");
	OK(OPS->records_trim(CTX, RUN, 1, 2, 100, &err));
	CHECK_STR(listed(RUN, 0, 0, 9, false), "b,d,e,f,g,h");
	OK(OPS->records_trim(CTX, RUN, 2, 9, 100, &err));
	OK(OPS->records_trim(CTX, RUN, 0, 6, 100, &err));
	CHECK_STR(listed(RUN, 0, 0, 9, false), "b,d,e,f,g,h");
	OK(OPS->records_trim(CTX, RUN, 2, 1, 2, &err)); /* two at most */
	CHECK_STR(listed(RUN, 2, 0, 9, false), "b,h");
	commit();
	begin();
	OK(OPS->records_trim(CTX, RUN, 0, 1, 100, &err));
	CHECK_STR(listed(RUN, 0, 0, 9, false), "h");
	OPS->rollback(CTX);
	CHECK_STR(listed(RUN, 0, 0, 9, false), "b,e,g,h");
	begin();
	OK(OPS->records_trim(CTX, RUN, 0, 0, 100, &err));
	commit();
	CHECK_STR(listed(RUN, 0, 0, 9, false), "");
	CHECK_STR(listed(RULE, 0, 0, 9, false), "rule");
}

static inline void records_go_with_their_part_and_transaction(void)
{
	begin();
	struct store_record a = add_record(RULE, 1, "a"), b = add_record(RULE, 1, "b");
	commit();
	begin();
	a.body = (const uint8_t *)"A";
	OK(OPS->record_put(CTX, &a, &err));
	OK(OPS->part_begin(CTX, &err));
	int64_t lost = add_record(RULE, 2, "lost").id;
	OK(OPS->record_put(CTX, &a, &err));
	OK(OPS->record_remove(CTX, RULE, a.id, 3, &err));
	OK(OPS->record_remove(CTX, RULE, b.id, 1, &err));
	OK(OPS->part_end(CTX, false, &err));
	CHECK_STR(listed(RULE, 0, 0, 9, false), "A,b");
	OK(OPS->part_begin(CTX, &err));
	CHECK_EQ(add_record(RULE, 2, "kept").id, lost); /* nobody has seen the number */
	refuse_put((struct store_record){.kind = RULE, .id = b.id, .version = 9});
	OK(OPS->part_end(CTX, true, &err));
	commit();
	CHECK_STR(listed(RULE, 0, 0, 9, false), "A,b,kept");
	begin();
	add_record(RULE, 2, "undone");
	OK(OPS->record_remove(CTX, RULE, b.id, 1, &err));
	a.version = 2;
	OK(OPS->record_put(CTX, &a, &err));
	OPS->rollback(CTX);
	CHECK_STR(listed(RULE, 0, 0, 9, false), "A,b,kept");
	begin();
	a.version = 2;
	OK(OPS->record_put(CTX, &a, &err));
	commit();
}

struct bytes_seen {
	const uint8_t *want;
	size_t want_len;
	bool same;
};

static inline bool see_bytes(void *arg, const struct store_record *row)
{
	struct bytes_seen *s = arg;
	s->same = row->len == s->want_len &&
		  (!s->want_len || memcmp(row->body, s->want, s->want_len) == 0);
	return true;
}

static inline void a_record_keeps_every_byte(void)
{
	static uint8_t body[STORE_RECORD_MAX + 1];
	static const size_t lens[] = {STORE_RECORD_MAX, 0, 1, 256, 70000};
	struct store_record r = {.kind = INT32_MAX, .owner = INT64_MAX, .body = body};
	struct bytes_seen seen = {.want = body};
	bool found;
	for (size_t i = 0; i < sizeof body; i++)
		body[i] = (uint8_t)(i * 7 + i / 256);
	for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
		seen.want_len = r.len = lens[i];
		begin();
		OK(OPS->record_put(CTX, &r, &err));
		commit();
		CHECK_EQ(r.version, i + 1);
		OK(OPS->record_get(CTX, r.kind, r.id, see_bytes, &seen, &found, &err));
		CHECK(found && seen.same);
	}
	begin();
	r.len = STORE_RECORD_MAX + 1;
	CHECK(!OPS->record_put(CTX, &r, &err));
	CHECK_EQ(err.code, ERR_INVALID);
	commit();
	r.body = 0;
	r.len = seen.want_len = 0;
	begin();
	OK(OPS->record_put(CTX, &r, &err));
	commit();
	OK(OPS->records(CTX, r.kind, INT64_MAX, 0, 1, true, see_bytes, &seen, &err));
	CHECK(seen.same);
}

static inline void records_are_written_in_a_transaction_alone(void)
{
	struct store_record r = record(RULE, 1, "a");
	CHECK(!OPS->record_put(CTX, &r, &err));
	CHECK_EQ(err.code, ERR_INTERNAL);
	CHECK(r.id == 0 && r.version == 0);
	CHECK(!OPS->record_remove(CTX, RULE, 1, 1, &err));
	CHECK(!OPS->records_trim(CTX, RULE, 0, 0, 1, &err));
	CHECK_STR(listed(RULE, 0, 0, 9, false), "");
}

#endif
