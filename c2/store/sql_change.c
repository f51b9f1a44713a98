/* Transactions, their parts, and what is kept in memory until they end. */
#include <stdlib.h>
#include <string.h>

#include "c2/store/sql_db.h"

void db_init(struct db *db, const struct sql_driver *driver)
{
	db->driver = driver;
	db->clients.sql = SQL_CLIENTS;
	db->topics.sql = SQL_TOPICS;
	db->topic_clients.sql = SQL_TOPIC_CLIENTS_MANY;
}

void db_free(struct db *db)
{
	places_free(&db->clients);
	places_free(&db->topics);
	places_free(&db->topic_clients);
	counts_free(&db->members);
	counts_free(&db->members_in_part);
	absent_clear(&db->absent);
}

bool db_version_fits(int64_t have, int want, struct err *err)
{
	if (have == want)
		return true;
	return err_set(err, ERR_STORE, "the database %s",
		       !have         ? "is empty"
		       : have < want ? "was made by an older version: run c2 migrate first"
				     : "was made by a newer version: run that version");
}

static bool given_up(struct err *err)
{
	return err_set(err, ERR_STORE, "%s", DB_GIVEN_UP);
}

static bool misused(struct err *err)
{
	return err_set(err, ERR_INTERNAL, "the store was used outside its rules");
}

/* --- Rows that are known to be there ---------------------------------------------- */

static struct sql_known *known_place(struct sql_known *table, int64_t id)
{
	return &table[(uint64_t)id % SQL_KNOWN];
}

bool client_known(struct db *db, int64_t id)
{
	const struct sql_known *k = known_place(db->known_clients, id);
	return k->id == id && k->since == db->known_since;
}

void client_seen(struct db *db, int64_t id)
{
	*known_place(db->known_clients, id) = (struct sql_known){db->known_since, id, false};
}

void client_forget(struct db *db, int64_t id)
{
	known_place(db->known_clients, id)->id = 0;
}

const struct sql_known *topic_known(struct db *db, int64_t id)
{
	const struct sql_known *k = known_place(db->known_topics, id);
	return k->id == id && k->since == db->known_since ? k : 0;
}

void topic_seen(struct db *db, int64_t id, bool removed)
{
	*known_place(db->known_topics, id) = (struct sql_known){db->known_since, id, removed};
}

void topic_forget(struct db *db, int64_t id)
{
	known_place(db->known_topics, id)->id = 0;
}

/* --- Counters ---------------------------------------------------------------------- */

static void settle(struct db *db)
{
	if (db->driver->settle)
		db->driver->settle(db);
	db->members_posted = false;
}

static bool state_settle(struct db *db, struct err *err)
{
	if (!db->state_known && db->failed)
		return given_up(err);
	if (!db->state_known)
		settle(db);
	if (db->state_known)
		return true;
	db->failed = true;
	return err_set(err, db->why.code, "%s", db->why.text);
}

bool state_get(struct db *db, struct sql_state *out, struct err *err)
{
	*out = (struct sql_state){0};
	if (db->driver->in_transaction(db) && !db->in_row) {
		if (!state_settle(db, err))
			return false;
		*out = db->state;
		return true;
	}
	struct stmt s = stmt_read(db, SQL_STATE_READ);
	if (stmt_row(&s))
		get_state(&s, out);
	else if (stmt_ok(&s))
		stmt_damaged(&s);
	return stmt_end(&s, err);
}

struct sql_state *state_change(struct db *db, struct err *err)
{
	if (db->in_row || !db->driver->in_transaction(db)) {
		if (db->failed)
			given_up(err);
		else
			misused(err);
		return 0;
	}
	if (!state_settle(db, err))
		return 0;
	db->state_changed = true;
	return &db->state;
}

/* --- Transactions ------------------------------------------------------------------ */

static void forget_places(struct db *db)
{
	places_forget(&db->clients);
	places_forget(&db->topics);
	places_forget(&db->topic_clients);
}

void places_follow(struct db *db, int64_t rev)
{
	if (db->driver->shared && rev != db->places_rev)
		forget_places(db);
	db->places_rev = rev;
}

/* They may have been found among rows that are no more. */
static void forget_rows(struct db *db)
{
	forget_places(db);
	db->known_since++;
}

static void start_clean(struct db *db)
{
	db->failed = db->loading = false;
	db->state_known = db->state_changed = false;
	db->members_posted = false;
	db->part = 0;
	counts_clear(&db->members);
	counts_clear(&db->members_in_part);
	absent_clear(&db->absent);
	db->known_since++;
}

bool sql_begin(void *ctx, struct err *err)
{
	struct db *db = ctx;
	if (db->driver->in_transaction(db))
		return err_set(err, ERR_INTERNAL, "a transaction is open already");
	start_clean(db);
	if (!db->driver->begin(db, err))
		return false;
	struct stmt s = stmt_read(db, SQL_STATE_LOCK);
	if (stmt_post(&s, 0, err))
		return true;
	sql_rollback(db);
	return false;
}

bool sql_snapshot(void *ctx, struct err *err)
{
	struct db *db = ctx;
	if (db->driver->in_transaction(db))
		return err_set(err, ERR_INTERNAL, "a transaction is open already");
	start_clean(db);
	return db->driver->snapshot(db, err);
}

void sql_rollback(void *ctx)
{
	struct db *db = ctx;
	if (db->driver->in_transaction(db))
		db->driver->rollback(db);
	forget_rows(db);
	start_clean(db);
}

static bool counts_write(struct db *db, struct err *err)
{
	if (db->members_posted)
		settle(db);
	for (size_t i = 0; i < db->members.cap; i++) {
		const struct sql_count *c = &db->members.places[i];
		if (!c->n)
			continue;
		struct stmt s = stmt_write(db, SQL_TOPIC_COUNT);
		put_int(&s, c->n);
		put_int(&s, c->id);
		if (!stmt_post(&s, 0, err))
			return false;
	}
	return true;
}

static bool state_write(struct db *db, struct err *err)
{
	if (!db->state_changed)
		return true;
	const struct sql_state *c = &db->state;
	struct stmt s = stmt_write(db, SQL_STATE_PUT);
	put_int(&s, c->revision);
	put_int(&s, c->last_client);
	put_int(&s, c->last_topic);
	put_int(&s, c->last_event);
	put_int(&s, c->n_clients);
	put_int(&s, c->n_topics);
	put_int(&s, c->last_record);
	return stmt_post(&s, 0, err);
}

bool sql_commit(void *ctx, struct err *err)
{
	struct db *db = ctx;
	bool ok;
	if (db->failed)
		ok = given_up(err);
	else if (!db->driver->in_transaction(db) || db->in_row || db->part)
		ok = misused(err);
	else
		ok = counts_write(db, err) && state_write(db, err) && db->driver->commit(db, err);
	if (!ok) {
		sql_rollback(db);
		return false;
	}
	if (db->state_known)
		db->places_rev = db->state.revision; /* our own changes are followed one by one */
	start_clean(db);
	return true;
}

/* --- Parts ------------------------------------------------------------------------- */

bool sql_part_begin(void *ctx, struct err *err)
{
	struct db *db = ctx;
	if (!db->driver->in_transaction(db) || db->in_row || db->part)
		return db->failed ? given_up(err) : misused(err);
	if (!state_settle(db, err) || !db->driver->part(db, PART_BEGIN, err))
		return false;
	db->part = ++db->n_parts;
	db->state_before = db->state;
	db->state_changed_before = db->state_changed;
	return true;
}

static bool part_undo(struct db *db, struct err *err)
{
	settle(db); /* what comes later would be counted */
	counts_clear(&db->members_in_part);
	db->state = db->state_before;
	db->state_changed = db->state_changed_before;
	forget_rows(db);
	return db->driver->part(db, PART_UNDO, err);
}

bool sql_part_end(void *ctx, bool keep, struct err *err)
{
	struct db *db = ctx;
	if (!db->driver->in_transaction(db) || db->in_row || !db->part)
		return db->failed ? given_up(err) : misused(err);
	bool ok = (keep || part_undo(db, err)) && db->driver->part(db, PART_END, err);
	counts_merge(&db->members, &db->members_in_part);
	counts_clear(&db->members_in_part);
	db->part = 0;
	return ok;
}

/* --- The interface ----------------------------------------------------------------- */

static bool sql_check(void *ctx, struct err *err)
{
	struct db *db = ctx;
	return db->driver->check(db, err);
}

static void sql_close(void *ctx)
{
	struct db *db = ctx;
	db->driver->close(db);
}

const struct store_ops sql_ops = {
	.begin = sql_begin,
	.commit = sql_commit,
	.rollback = sql_rollback,
	.part_begin = sql_part_begin,
	.part_end = sql_part_end,
	.ahead = sql_ahead,
	.check = sql_check,
	.close = sql_close,
	.revision = sql_revision,
	.revision_next = sql_revision_next,
	.meta_get = sql_meta_get,
	.meta_put = sql_meta_put,
	.client_by_name = sql_client_by_name,
	.client_by_e4id = sql_client_by_e4id,
	.client_by_id = sql_client_by_id,
	.client_put = sql_client_put,
	.clients_ahead = sql_clients_ahead,
	.clients_state = sql_clients_state,
	.client_remove = sql_client_remove,
	.clients = sql_clients,
	.clients_count = sql_clients_count,
	.clients_due = sql_clients_due,
	.clients_next_at = sql_clients_next_at,
	.clients_after = sql_clients_after,
	.clients_from = sql_clients_from,
	.topics_from = sql_topics_from,
	.client_tags = sql_client_tags,
	.client_tag_put = sql_client_tag_put,
	.client_tag_remove = sql_client_tag_remove,
	.old_key_put = sql_old_key_put,
	.old_keys = sql_old_keys,
	.old_keys_drop = sql_old_keys_drop,
	.c2_key_put = sql_c2_key_put,
	.c2_keys = sql_c2_keys,
	.c2_keys_drop = sql_c2_keys_drop,
	.clients_min_c2_rev = sql_clients_min_c2_rev,
	.clients_c2_from = sql_clients_c2_from,
	.topic_by_name = sql_topic_by_name,
	.topic_by_id = sql_topic_by_id,
	.topic_put = sql_topic_put,
	.topic_remove = sql_topic_remove,
	.topics = sql_topics,
	.topics_count = sql_topics_count,
	.topics_after = sql_topics_after,
	.topics_to_walk = sql_topics_to_walk,
	.topic_progress = sql_topic_progress,
	.member = sql_member,
	.member_put = sql_member_put,
	.member_remove = sql_member_remove,
	.client_members = sql_client_members,
	.clients_members = sql_clients_members,
	.topic_members = sql_topic_members,
	.client_topics = sql_client_topics,
	.client_topics_count = sql_client_topics_count,
	.topic_clients = sql_topic_clients,
	.link_put = sql_link_put,
	.link_remove = sql_link_remove,
	.links = sql_links,
	.links_count = sql_links_count,
	.link_clients = sql_link_clients,
	.peer_put = sql_peer_put,
	.peer_remove = sql_peer_remove,
	.client_peers = sql_client_peers,
	.peer_holders = sql_peer_holders,
	.event_append = sql_event_append,
	.events_after = sql_events_after,
	.events_last = sql_events_last,
	.events_prune = sql_events_prune,
	.record_get = sql_record_get,
	.record_put = sql_record_put,
	.record_remove = sql_record_remove,
	.records = sql_records,
	.records_trim = sql_records_trim,
	.snapshot = sql_snapshot,
	.rows = sql_rows,
	.row_put = sql_row_put,
};
