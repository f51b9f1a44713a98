/* Revisions, named values, events, transactions. */
#ifndef C2_STORE_TESTS_STATE_TESTS_H
#define C2_STORE_TESTS_STATE_TESTS_H

#include "c2/store/tests/kit.h"

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
	struct seqs s = {.stop_after = stop_after};
	OK(OPS->events_after(CTX, after, limit, take_event, &s, &err));
	return s;
}

static void events_have_numbers_without_gaps(void)
{
	struct store_event e = {.type = 2,
				.at_ms = 1790000000123,
				.source = "sensor 'x'",
				.target = "plant/\xc3\xa4"};
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
	struct store_event e = {.type = 1};
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
	struct names l = {.n = 0};
	OK(OPS->clients(CTX, page(0, 10), take_name, &l, &err));
	CHECK_STR(l.text, "a,b");
	CHECK_EQ(count_of(OPS->clients_count), 2);
	CHECK_EQ(count_of(OPS->topics_count), 1);
	CHECK_EQ(members_of(t), 1);
}

static int64_t only_topic(void)
{
	struct store_topic t;
	bool found;
	OK(OPS->topic_by_name(CTX, "t", &t, &found, &err));
	return t.n_members;
}

/* What the store counts in memory until the commit goes the way of its part. */
static void counts_follow_the_parts_of_a_transaction(void)
{
	begin();
	int64_t a = add_client("a"), b = add_client("b"), t = add_topic("t", 1);
	put_member(a, t, false);
	int64_t rev = count_of(OPS->revision);
	OK(OPS->part_begin(CTX, &err));
	put_member(b, t, false);
	add_client("lost");
	CHECK_EQ(only_topic(), 2);
	OK(OPS->part_end(CTX, false, &err));
	CHECK_EQ(only_topic(), 1);
	CHECK_EQ(count_of(OPS->clients_count), 2);
	CHECK_EQ(count_of(OPS->revision), rev);
	OK(OPS->part_begin(CTX, &err));
	put_member(b, t, false);
	add_client("kept");
	OK(OPS->part_end(CTX, true, &err));
	OK(OPS->part_begin(CTX, &err));
	put_member(a, t, true);
	OK(OPS->part_end(CTX, false, &err));
	commit();
	CHECK_EQ(only_topic(), 2);
	CHECK_EQ(count_of(OPS->clients_count), 3);
	CHECK_EQ(count_of(OPS->revision), rev + 2);
	CHECK(!OPS->part_begin(CTX, &err)); /* outside of a transaction */
	begin();
	OK(OPS->client_remove(CTX, b, &err));
	CHECK_EQ(only_topic(), 1);
	commit();
	CHECK_EQ(only_topic(), 1);
}

/* What was announced, found absent, put, and undone is asked for again. */
static void announced_clients_are_as_others(void)
{
	struct store_client rows[3], back;
	bool found;
	begin();
	add_client("b");
	commit();
	for (int i = 0; i < 3; i++)
		rows[i] = client_row(i == 0 ? "c" : i == 1 ? "b" : "a");
	begin();
	if (OPS->clients_ahead)
		OK(OPS->clients_ahead(CTX, rows, 3, &err));
	for (int i = 0; i < 3; i++) {
		OK(OPS->client_by_name(CTX, rows[i].name, &back, &found, &err));
		CHECK_EQ(found, i == 1);
		OK(OPS->client_by_e4id(CTX, rows[i].e4id, &back, &found, &err));
		CHECK_EQ(found, i == 1);
	}
	CHECK(!OPS->client_put(CTX, &rows[1], &err));
	CHECK_EQ(err.code, ERR_EXISTS);
	OK(OPS->part_begin(CTX, &err));
	OK(OPS->client_by_name(CTX, "a", &back, &found, &err));
	OK(OPS->client_put(CTX, &rows[2], &err));
	OK(OPS->client_by_name(CTX, "a", &back, &found, &err));
	CHECK(found && back.id == rows[2].id);
	OK(OPS->client_by_e4id(CTX, rows[2].e4id, &back, &found, &err));
	CHECK(found);
	OK(OPS->part_end(CTX, false, &err));
	OK(OPS->client_by_name(CTX, "a", &back, &found, &err));
	CHECK(!found);
	rows[2].id = 0;
	OK(OPS->client_put(CTX, &rows[0], &err));
	OK(OPS->client_put(CTX, &rows[2], &err));
	rows[2].id = 0;
	CHECK(!OPS->client_put(CTX, &rows[2], &err));
	CHECK_EQ(err.code, ERR_EXISTS);
	commit();
	struct names l = {.n = 0};
	OK(OPS->clients(CTX, page(0, 10), take_name, &l, &err));
	CHECK_STR(l.text, "a,b,c");
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
	struct nested n = {0};
	begin();
	add_client("a");
	add_client("b");
	commit();
	OK(OPS->clients(CTX, page(0, 10), calls_the_store, &n, &err));
	CHECK_EQ(n.calls, 2);
	CHECK_EQ(count_of(OPS->clients_count), 2);
}

#endif
