/*
 * What every backend of core/store.h does alike. A new backend adds a row to
 * the table.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "c2/store/maria.h"
#include "c2/store/mem.h"
#include "c2/store/pg.h"
#include "c2/store/sqlite.h"
#include "c2/store/tests/backup_tests.h"
#include "c2/store/tests/client_tests.h"
#include "c2/store/tests/maria_server.h"
#include "c2/store/tests/page_tests.h"
#include "c2/store/tests/peer_tests.h"
#include "c2/store/tests/pg_server.h"
#include "c2/store/tests/record_tests.h"
#include "c2/store/tests/slice_tests.h"
#include "c2/store/tests/state_tests.h"
#include "c2/store/tests/tag_tests.h"
#include "c2/store/tests/topic_tests.h"

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

static bool open_plain(void)
{
	store_mem_open(&store);
	return true;
}

static void clear_folder(void)
{
	DIR *d = opendir(folder);
	if (!d)
		return;
	for (struct dirent *e; (e = readdir(d));)
		unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
}

static void clear_nothing(void)
{
}

static struct pg_server pg;

static bool open_pg(void)
{
	return (pg.child.pid || pg_server_start(&pg)) &&
	       store_pg_open(&store, &(struct store_pg_config){.url = pg.url}, &err);
}

static void clear_pg(void)
{
	pg_server_sql(&pg, "DROP SCHEMA e4 CASCADE");
}

static struct maria_server maria;

static bool open_maria(void)
{
	return (maria.child.pid || maria_server_start(&maria)) &&
	       store_maria_open(&store, &(struct store_maria_config){.url = maria.url}, &err);
}

/* The tables stay: making them anew takes seconds, each is on the disk at once. */
static void clear_maria(void)
{
	maria_server_sql(
		&maria,
		"DELETE FROM client; DELETE FROM topic; DELETE FROM c2_key;"
		"DELETE FROM c2_use;"
		"DELETE FROM event; DELETE FROM record; DELETE FROM meta; DELETE FROM state;"
		"INSERT INTO state (one) VALUES (1)");
}

static const struct backend {
	const char *name;
	bool (*open)(void);
	void (*clear)(void); /* after close: the next open is a first one */
	bool persistent;
} backends[] = {
	{"sqlite, file", open_file, clear_folder, true},
	{"sqlite, memory", open_memory, clear_nothing, false},
	{"memory", open_plain, clear_nothing, false},
	{"postgresql", open_pg, clear_pg, true},
	{"mariadb", open_maria, clear_maria, true},
};

#define TEST(fn)                                                                                   \
	{                                                                                          \
#fn, fn                                                                            \
	}
static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	TEST(revisions_count_from_one_and_come_back_with_a_rollback),
	TEST(named_values_keep_every_byte),
	TEST(events_have_numbers_without_gaps),
	TEST(pruning_events_keeps_the_newest_and_the_count_goes_on),
	TEST(writes_need_a_transaction),
	TEST(a_rollback_takes_everything_back),
	TEST(counts_follow_the_parts_of_a_transaction),
	TEST(announced_clients_are_as_others),
	TEST(a_refused_row_leaves_the_transaction_usable),
	TEST(a_row_callback_that_calls_the_store_is_refused),
	TEST(a_client_comes_back_as_it_was_put),
	TEST(a_client_that_is_gone_cannot_be_rewritten),
	TEST(names_are_bytes_and_sorted_by_them),
	TEST(pages_of_clients_have_their_edges),
	TEST(due_clients_come_earliest_first),
	TEST(the_fleet_is_walked_in_order_of_id),
	TEST(old_keys_are_counted_and_dropped_by_revision),
	TEST(our_own_keys_come_newest_last),
	TEST(clients_are_counted_by_the_c2_key_they_confirmed),
	TEST(the_oldest_c2_key_in_use_is_known),
	TEST(a_topic_comes_back_as_it_was_put),
	TEST(a_removed_topic_is_invisible_by_name_and_leaves_it_free),
	TEST(topics_are_sorted_and_counted),
	TEST(topics_to_walk_are_those_that_are_behind),
	TEST(members_are_counted_as_they_come_and_go),
	TEST(members_of_a_client_come_in_order_of_topic_hash),
	TEST(clients_of_a_topic_are_walked_and_listed),
	TEST(topics_of_a_client_are_the_live_ones),
	TEST(removing_a_topic_takes_its_members_along),
	TEST(progress_counts_each_member_once),
	TEST(links_are_listed_by_name_and_walked_by_id),
	TEST(peers_come_in_order_of_e4id_with_their_source),
	TEST(holders_of_a_key_are_walked_by_id),
	TEST(removing_a_client_cleans_up_around_it),
	TEST(a_search_begins_at_a_name_in_order_of_bytes),
	TEST(removed_topics_are_not_found),
	TEST(what_is_asked_ahead_is_answered_as_ever),
	TEST(clients_are_found_by_tag_in_order_of_name),
	TEST(tags_go_with_their_client_and_with_a_rollback),
	TEST(long_tags_and_names_keep_every_byte),
	TEST(pages_stay_right_while_names_come_and_go),
	TEST(a_part_is_undone_alone),
	TEST(a_refused_row_leaves_its_part_usable),
	TEST(a_rollback_takes_kept_parts_back),
	TEST(parts_need_a_transaction),
	TEST(pages_are_right_after_a_part_was_undone),
	TEST(the_state_of_clients_is_rewritten_and_nothing_else),
	TEST(members_of_many_clients_come_client_by_client),
	TEST(old_members_are_left_out),
	TEST(a_record_is_written_by_who_knows_its_version),
	TEST(ids_of_records_are_never_given_twice),
	TEST(records_are_listed_by_kind_and_owner_both_ways),
	TEST(the_newest_records_survive_a_trim),
	TEST(records_go_with_their_part_and_transaction),
	TEST(a_record_keeps_every_byte),
	TEST(records_are_written_in_a_transaction_alone),
	TEST(every_row_of_a_table_is_given_once_and_in_order),
	TEST(a_healthy_store_says_so),
};

/* What was committed is there after a restart; the open transaction is not. */
static void a_restart_finds_what_was_committed(const struct backend *b)
{
	struct store_client c = client_row("a"), back;
	struct store_event e = {.type = 1};
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
	int64_t r = add_record(RULE, 1, "r").id;
	commit();
	begin();
	add_client("lost");
	add_record(RULE, 1, "lost");
	OPS->close(CTX);
	OK(b->open());
	OK(OPS->client_by_name(CTX, "a", &back, &found, &err));
	CHECK(found);
	same_client(&back, &c);
	CHECK_EQ(count_of(OPS->clients_count), 1);
	CHECK_EQ(members_of(t), 1);
	CHECK_EQ(count_of(OPS->revision), 2);
	CHECK_EQ(count_of(OPS->events_last), 1);
	CHECK_STR(listed(RULE, 1, 0, 9, false), "r");
	begin();
	CHECK_EQ(add_record(RULE, 1, "next").id, r + 1);
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
			fprintf(stderr, "  %s\n", tests[j].name);
			OK(b->open());
			tests[j].run();
			OPS->close(CTX);
			b->clear();
		}
		if (b->persistent)
			a_restart_finds_what_was_committed(b);
	}
	rmdir(folder);
	child_remove(&pg.child);
	child_remove(&maria.child);
	return END();
}
