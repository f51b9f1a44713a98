/* Topics and who is attached to them. */
#include <string.h>

#include "c2/store/sql_db.h"

/* In the order of SQL_TOPIC. */
static void get_topic(struct stmt *s, struct store_topic *row)
{
	row->id = get_int(s);
	get_text(s, row->name, sizeof row->name);
	get_blob(s, row->hash, sizeof row->hash);
	get_sealed(s, &row->key);
	row->rev = get_int(s);
	row->rotated_at = get_int(s);
	row->n_members = get_int(s);
	row->walk_rev = get_int(s);
	row->walk_client = get_int(s);
	row->removed = get_bool(s);
	row->n_members +=
		counts_get(&s->db->members, row->id) + counts_get(&s->db->members_in_part, row->id);
	topic_seen(s->db, row->id, row->removed);
}

static bool one_topic(struct stmt *s, struct store_topic *row, bool *found, struct err *err)
{
	memset(row, 0, sizeof *row);
	*found = stmt_row(s);
	if (*found)
		get_topic(s, row);
	*found = *found && stmt_ok(s);
	return stmt_end(s, err);
}

bool sql_topic_by_name(void *ctx, const char *name, struct store_topic *row, bool *found,
		       struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_TOPIC_BY_NAME);
	put_text(&s, name);
	return one_topic(&s, row, found, err);
}

bool sql_topic_by_id(void *ctx, int64_t id, struct store_topic *row, bool *found, struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_TOPIC_BY_ID);
	put_int(&s, id);
	return one_topic(&s, row, found, err);
}

/* In the order of the statements that write a topic. */
static void put_topic_values(struct stmt *s, const struct store_topic *row)
{
	put_sealed(s, &row->key);
	put_int(s, row->rev);
	put_int(s, row->rotated_at);
	put_int(s, row->walk_rev);
	put_int(s, row->walk_client);
	put_int(s, row->removed);
}

static bool topic_insert(struct db *db, struct store_topic *row, struct err *err)
{
	struct sql_state *state = state_change(db, err);
	if (!state)
		return false;
	struct stmt s = stmt_write(db, SQL_TOPIC_INSERT);
	put_topic_values(&s, row);
	put_text(&s, row->name);
	put_blob(&s, row->hash, sizeof row->hash);
	put_int(&s, state->last_topic + 1);
	if (!stmt_insert(&s, false, err))
		return false;
	row->id = ++state->last_topic;
	state->n_topics += !row->removed;
	row->n_members = 0;
	topic_seen(db, row->id, row->removed);
	places_forget_from(&db->topics, row->name);
	return true;
}

/* A topic that leaves the list of live ones, or comes back to it. */
static bool topic_update_removed(struct db *db, const struct store_topic *row, struct err *err)
{
	struct sql_state *state = state_change(db, err);
	if (!state)
		return false;
	struct stmt s = stmt_write(db, SQL_TOPIC_UPDATE_REMOVED);
	put_topic_values(&s, row);
	put_int(&s, row->id);
	bool changed;
	if (!stmt_run_changed(&s, &changed, err))
		return false;
	if (!changed)
		return err_set(err, ERR_NOT_FOUND, "the topic is gone");
	state->n_topics += row->removed ? -1 : 1;
	topic_seen(db, row->id, row->removed);
	places_forget_from(&db->topics, row->name);
	return true;
}

bool sql_topic_put(void *ctx, struct store_topic *row, struct err *err)
{
	if (!memchr(row->name, 0, sizeof row->name))
		return err_set(err, ERR_INTERNAL, "a topic name without end");
	if (!row->id)
		return topic_insert(ctx, row, err);
	struct err why;
	const struct sql_known *known = topic_known(ctx, row->id);
	struct stmt s = stmt_write(ctx, SQL_TOPIC_UPDATE);
	put_topic_values(&s, row);
	put_int(&s, row->id);
	if (stmt_put(&s, known && known->removed == row->removed, 0, &why))
		return true;
	if (why.code == ERR_NOT_FOUND)
		return topic_update_removed(ctx, row, err);
	return err_set(err, why.code, "%s", why.text);
}

static void forget_topic_clients(struct db *db, int64_t topic_id)
{
	if (db->topic_clients.list == topic_id)
		places_forget(&db->topic_clients);
}

bool sql_topic_remove(void *ctx, int64_t id, struct err *err)
{
	struct db *db = ctx;
	struct sql_state *state = state_change(db, err);
	if (!state)
		return false;
	char name[STORE_TOPIC_MAX + 1];
	bool removed = false;
	struct stmt s = stmt_write(db, SQL_TOPIC_DELETE);
	put_int(&s, id);
	bool found = stmt_row(&s);
	if (found) {
		get_text(&s, name, sizeof name);
		removed = get_bool(&s);
		stmt_row(&s); /* to the end: it is complete only then */
	}
	if (!stmt_end(&s, err))
		return false;
	if (found) {
		state->n_topics -= !removed;
		db->keys_dropped = true;
		topic_forget(db, id);
		places_forget_from(&db->topics, name);
		forget_topic_clients(db, id);
	}
	return true;
}

bool sql_topics(void *ctx, struct store_page page, store_name_fn *fn, void *arg, struct err *err)
{
	struct db *db = ctx;
	return places_page(db, &db->topics, page, fn, arg, err);
}

bool sql_topics_count(void *ctx, int64_t *n, struct err *err)
{
	struct sql_state state;
	bool ok = state_get(ctx, &state, err);
	*n = state.n_topics;
	return ok;
}

static bool stmt_topics(struct stmt *s, store_topic_fn *fn, void *arg, struct err *err)
{
	struct store_topic row;
	bool more = true;
	while (more && stmt_row(s)) {
		get_topic(s, &row);
		more = STMT_GIVE(s, fn(arg, &row));
	}
	return stmt_end(s, err);
}

bool sql_topics_after(void *ctx, int64_t after_id, int limit, store_topic_fn *fn, void *arg,
		      struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_TOPICS_AFTER);
	put_int(&s, after_id);
	put_limit(&s, limit);
	return stmt_topics(&s, fn, arg, err);
}

bool sql_topics_to_walk(void *ctx, int limit, store_topic_fn *fn, void *arg, struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_TOPICS_TO_WALK);
	put_limit(&s, limit);
	return stmt_topics(&s, fn, arg, err);
}

bool sql_topics_from(void *ctx, const char *from, int limit, store_topic_fn *fn, void *arg,
		     struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_TOPICS_FROM);
	put_text(&s, from);
	put_limit(&s, limit);
	return stmt_topics(&s, fn, arg, err);
}

static void add_progress(struct stmt *s, struct store_progress *sum)
{
	int64_t members = get_int(s), withheld = get_int(s), confirmed = get_int(s),
		sent = get_int(s);

	sum->members += members;
	sum->withheld += withheld;
	sum->confirmed += confirmed;
	sum->sent += sent;
	sum->waiting += members - withheld - confirmed - sent;
}

bool sql_topic_progress(void *ctx, int64_t topic_id, int64_t *after, int limit,
			struct store_progress *sum, struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_TOPIC_PROGRESS);
	int64_t last = 0, rows = 0;

	put_int(&s, topic_id);
	put_int(&s, *after);
	put_limit(&s, limit);
	put_int(&s, topic_id);
	if (stmt_row(&s)) {
		last = get_int(&s);
		rows = get_int(&s);
		add_progress(&s, sum);
	}
	*after = rows == limit ? last : 0;
	return stmt_end(&s, err);
}

/* --- Members ---------------------------------------------------------------------- */

static void get_member(struct stmt *s, struct store_member *row)
{
	row->client_id = get_int(s);
	row->topic_id = get_int(s);
	row->rev = get_int(s);
	row->removed = get_bool(s);
}

bool sql_member(void *ctx, int64_t client_id, int64_t topic_id, struct store_member *row,
		bool *found, struct err *err)
{
	memset(row, 0, sizeof *row);
	struct stmt s = stmt_read(ctx, SQL_MEMBER);
	put_int(&s, topic_id);
	put_int(&s, client_id);
	*found = stmt_row(&s);
	if (*found)
		get_member(&s, row);
	return stmt_end(&s, err);
}

bool sql_member_put(void *ctx, const struct store_member *row, struct err *err)
{
	struct stmt s = stmt_write(ctx, SQL_MEMBER_PUT);
	forget_topic_clients(ctx, row->topic_id);
	put_int(&s, row->topic_id);
	put_int(&s, row->client_id);
	put_int(&s, row->rev);
	put_int(&s, row->removed);
	bool known = client_known(ctx, row->client_id) && topic_known(ctx, row->topic_id);
	return stmt_put(&s, known, row->topic_id, err);
}

bool sql_member_remove(void *ctx, int64_t client_id, int64_t topic_id, struct err *err)
{
	struct stmt s = stmt_write(ctx, SQL_MEMBER_DELETE);
	forget_topic_clients(ctx, topic_id);
	put_int(&s, topic_id);
	put_int(&s, client_id);
	return stmt_post(&s, topic_id, err);
}

bool sql_client_members(void *ctx, int64_t client_id, store_member_topic_fn *fn, void *arg,
			struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_CLIENT_MEMBERS);
	put_int(&s, client_id);
	struct store_member_topic row;
	bool more = true;
	while (more && stmt_row(&s)) {
		get_member(&s, &row.member);
		get_blob(&s, row.hash, sizeof row.hash);
		get_sealed(&s, &row.key);
		row.topic_rev = get_int(&s);
		row.topic_removed = get_bool(&s);
		more = STMT_GIVE(&s, fn(arg, &row));
	}
	return stmt_end(&s, err);
}

bool sql_topic_members(void *ctx, int64_t topic_id, int64_t after_id, int limit,
		       store_client_fn *fn, void *arg, struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_TOPIC_MEMBERS);
	put_int(&s, topic_id);
	put_int(&s, after_id);
	put_limit(&s, limit);
	return stmt_clients(&s, fn, arg, err);
}

bool sql_client_topics(void *ctx, int64_t client_id, struct store_page page, store_name_fn *fn,
		       void *arg, struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_CLIENT_TOPICS);
	put_int(&s, client_id);
	put_page(&s, page);
	return stmt_names(&s, fn, arg, err);
}

bool sql_client_topics_count(void *ctx, int64_t client_id, int64_t *n, struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_CLIENT_TOPICS_COUNT);
	put_int(&s, client_id);
	return stmt_int(&s, n, err);
}

/*
 * Few members: look up their names and sort them. When a good part of all
 * clients are members, the index of names is the sorted list already.
 */
bool sql_topic_clients(void *ctx, int64_t topic_id, struct store_page page, store_name_fn *fn,
		       void *arg, struct err *err)
{
	struct db *db = ctx;
	int64_t large;
	struct stmt q = stmt_read(db, SQL_TOPIC_IS_LARGE);
	put_int(&q, topic_id);
	if (!stmt_int(&q, &large, err))
		return false;
	if (large) {
		if (db->topic_clients.list != topic_id)
			places_forget(&db->topic_clients);
		db->topic_clients.list = topic_id;
		return places_page(db, &db->topic_clients, page, fn, arg, err);
	}
	struct stmt s = stmt_read(db, SQL_TOPIC_CLIENTS);
	put_int(&s, topic_id);
	put_page(&s, page);
	return stmt_names(&s, fn, arg, err);
}
