#include <string.h>

#include "c2/store/sqlite_db.h"

static bool one_client(struct stmt *s, struct store_client *row, bool *found, struct err *err)
{
	memset(row, 0, sizeof *row);
	*found = stmt_row(s);
	if (*found)
		get_client(s, row);
	*found = *found && stmt_ok(s);
	return stmt_end(s, err);
}

bool sq_client_by_name(void *ctx, const char *name, struct store_client *row, bool *found,
		       struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_CLIENT_BY_NAME);
	put_text(&s, name);
	return one_client(&s, row, found, err);
}

bool sq_client_by_e4id(void *ctx, const uint8_t e4id[16], struct store_client *row, bool *found,
		       struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_CLIENT_BY_E4ID);
	put_blob(&s, e4id, 16);
	return one_client(&s, row, found, err);
}

bool sq_client_by_id(void *ctx, int64_t id, struct store_client *row, bool *found, struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_CLIENT_BY_ID);
	put_int(&s, id);
	return one_client(&s, row, found, err);
}

/* In the order of SQL_CLIENT_VALUES. */
static void put_client_values(struct stmt *s, const struct store_client *row)
{
	put_sealed(s, &row->key);
	put_sealed(s, &row->private_key);
	put_int(s, row->key_rev);
	put_int(s, row->c2_rev);
	put_int(s, row->wanted_rev);
	put_int(s, row->sent_rev);
	put_int(s, row->confirmed_rev);
	put_int(s, row->reset_rev);
	put_int(s, row->reset_peers_rev);
	put_int(s, (int64_t)row->last_stamp);
	put_int(s, row->clock_offset);
	put_int(s, row->next_at);
	put_int(s, row->attempts);
	put_blob_or_null(s, row->nonce, sizeof row->nonce);
	put_int(s, row->asked_at);
	put_int(s, row->last_seen);
	put_int(s, row->recheck_at);
	put_int(s, row->reason);
	put_int(s, row->type);
}

static bool client_insert(struct db *db, struct store_client *row, struct err *err)
{
	int64_t id;
	struct stmt s = stmt_write(db, SQL_CLIENT_INSERT);
	put_client_values(&s, row);
	put_text(&s, row->name);
	put_blob(&s, row->e4id, sizeof row->e4id);
	if (!stmt_int(&s, &id, err))
		return false;
	row->id = id;
	row->n_old_keys = 0;
	places_forget_from(&db->clients, row->name);
	return true;
}

bool sq_client_put(void *ctx, struct store_client *row, struct err *err)
{
	if (!memchr(row->name, 0, sizeof row->name))
		return err_set(err, ERR_INTERNAL, "a client name without end");
	if (!row->id)
		return client_insert(ctx, row, err);
	struct stmt s = stmt_write(ctx, SQL_CLIENT_UPDATE);
	put_client_values(&s, row);
	put_int(&s, row->id);
	bool changed;
	if (!stmt_run_changed(&s, &changed, err))
		return false;
	return changed || err_set(err, ERR_NOT_FOUND, "the client is gone");
}

bool sq_client_remove(void *ctx, int64_t id, struct err *err)
{
	struct db *db = ctx;
	struct stmt s = stmt_write(db, SQL_CLIENT_DELETE);
	put_int(&s, id);
	char name[STORE_NAME_MAX + 1];
	bool changed;
	if (!stmt_run_name(&s, name, sizeof name, &changed, err))
		return false;
	if (changed) {
		db->keys_dropped = true;
		places_forget_from(&db->clients, name);
		places_forget_from(&db->topic_clients, name);
	}
	return true;
}

bool sq_clients(void *ctx, struct store_page page, store_name_fn *fn, void *arg, struct err *err)
{
	struct db *db = ctx;
	return places_page(db, &db->clients, page, fn, arg, err);
}

bool sq_clients_count(void *ctx, int64_t *n, struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_CLIENTS_COUNT);
	return stmt_int(&s, n, err);
}

bool sq_clients_due(void *ctx, int64_t now, int limit, store_client_fn *fn, void *arg,
		    struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_CLIENTS_DUE);
	put_int(&s, now);
	put_limit(&s, limit);
	return stmt_clients(&s, fn, arg, err);
}

bool sq_clients_next_at(void *ctx, int64_t *at, struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_CLIENTS_NEXT_AT);
	return stmt_int(&s, at, err);
}

bool sq_clients_after(void *ctx, int64_t after_id, int limit, store_client_fn *fn, void *arg,
		      struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_CLIENTS_AFTER);
	put_int(&s, after_id);
	put_limit(&s, limit);
	return stmt_clients(&s, fn, arg, err);
}

bool sq_clients_min_c2_rev(void *ctx, int64_t *rev, struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_CLIENTS_MIN_C2_REV);
	return stmt_int(&s, rev, err);
}
