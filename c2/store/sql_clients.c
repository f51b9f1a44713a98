#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "c2/store/sql_db.h"

static bool one_client(struct stmt *s, struct store_client *row, bool *found, struct err *err)
{
	memset(row, 0, sizeof *row);
	*found = stmt_row(s);
	if (*found)
		get_client(s, row);
	*found = *found && stmt_ok(s);
	return stmt_end(s, err);
}

/* In a transaction, what was found absent stays so: we have the lock of the writers. */
static bool none_is_there(struct db *db, bool absent, struct store_client *row, bool *found)
{
	if (!absent || db->in_row || db->failed || !db->driver->in_transaction(db))
		return false;
	memset(row, 0, sizeof *row);
	*found = false;
	return true;
}

bool sql_client_by_name(void *ctx, const char *name, struct store_client *row, bool *found,
			struct err *err)
{
	struct db *db = ctx;
	if (none_is_there(db, absent_name(&db->absent, name), row, found))
		return true;
	struct stmt s = stmt_read(db, SQL_CLIENT_BY_NAME);
	put_text(&s, name);
	bool ok = one_client(&s, row, found, err);
	if (ok && !*found)
		absent_name_found_out(&db->absent, name);
	return ok;
}

bool sql_client_by_e4id(void *ctx, const uint8_t e4id[16], struct store_client *row, bool *found,
			struct err *err)
{
	struct db *db = ctx;
	if (none_is_there(db, absent_e4id(&db->absent, e4id), row, found))
		return true;
	struct stmt s = stmt_read(db, SQL_CLIENT_BY_E4ID);
	put_blob(&s, e4id, 16);
	bool ok = one_client(&s, row, found, err);
	if (ok && !*found)
		absent_e4id_found_out(&db->absent, e4id);
	return ok;
}

bool sql_client_by_id(void *ctx, int64_t id, struct store_client *row, bool *found, struct err *err)
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
	put_int(s, row->behind_since);
	put_int(s, row->key_at);
}

static bool client_insert(struct db *db, struct store_client *row, struct err *err)
{
	struct sql_state *state = state_change(db, err);
	if (!state)
		return false;
	struct stmt s = stmt_write(db, SQL_CLIENT_INSERT);
	put_client_values(&s, row);
	put_text(&s, row->name);
	put_blob(&s, row->e4id, sizeof row->e4id);
	put_int(&s, state->last_client + 1);
	if (!stmt_insert(&s, absent_use(&db->absent, row), err))
		return false;
	row->id = ++state->last_client;
	state->n_clients++;
	row->n_old_keys = 0;
	client_seen(db, row->id);
	places_forget_from(&db->clients, row->name);
	return true;
}

bool sql_client_put(void *ctx, struct store_client *row, struct err *err)
{
	if (!memchr(row->name, 0, sizeof row->name))
		return err_set(err, ERR_INTERNAL, "a client name without end");
	if (!row->id)
		return client_insert(ctx, row, err);
	struct stmt s = stmt_write(ctx, SQL_CLIENT_UPDATE);
	put_client_values(&s, row);
	put_int(&s, row->id);
	return stmt_put(&s, client_known(ctx, row->id), 0, err);
}

static int by_name(const void *a, const void *b)
{
	const struct sql_absent_one *x = a, *y = b;
	return strcmp(x->name, y->name);
}

bool sql_clients_ahead(void *ctx, const struct store_client *rows, size_t n, struct err *err)
{
	struct db *db = ctx;
	if (!db->driver->absent || !n)
		return true;
	struct sql_absent_one *list = mem_array(n, sizeof *list);
	for (size_t i = 0; i < n; i++) {
		memcpy(list[i].name, rows[i].name, sizeof list[i].name);
		memcpy(list[i].e4id, rows[i].e4id, sizeof list[i].e4id);
	}
	qsort(list, n, sizeof *list, by_name);
	if (!db->driver->absent(db, list, &n, err)) {
		free(list);
		return false;
	}
	absent_ahead(&db->absent, list, n);
	return true;
}

static bool client_state(struct db *db, const struct store_client *row, struct err *err)
{
	struct stmt s = stmt_write(db, SQL_CLIENT_STATE);
	put_int(&s, row->sent_rev);
	put_int(&s, row->confirmed_rev);
	put_int(&s, (int64_t)row->last_stamp);
	put_int(&s, row->clock_offset);
	put_int(&s, row->next_at);
	put_int(&s, row->attempts);
	put_blob_or_null(&s, row->nonce, sizeof row->nonce);
	put_int(&s, row->asked_at);
	put_int(&s, row->last_seen);
	put_int(&s, row->recheck_at);
	put_int(&s, row->reason);
	put_int(&s, row->behind_since);
	put_int(&s, row->id);
	return stmt_post(&s, 0, err);
}

bool sql_clients_state(void *ctx, const struct store_client *rows, size_t n, struct err *err)
{
	struct db *db = ctx;
	bool ok = true;
	if (db->driver->states && n > 1)
		return db->driver->states(db, rows, n, err);
	for (size_t i = 0; i < n && ok; i++)
		ok = client_state(db, &rows[i], err);
	return ok;
}

bool sql_client_remove(void *ctx, int64_t id, struct err *err)
{
	struct db *db = ctx;
	struct sql_state *state = state_change(db, err);
	if (!state)
		return false;
	char name[STORE_NAME_MAX + 1];
	struct stmt s = stmt_write(db, SQL_CLIENT_DELETE);
	put_int(&s, id);
	bool found = stmt_row(&s);
	if (found) {
		get_text(&s, name, sizeof name);
		stmt_row(&s); /* to the end: it is complete only then */
	}
	if (!stmt_end(&s, err))
		return false;
	if (found) {
		state->n_clients--;
		db->keys_dropped = true;
		client_forget(db, id);
		places_forget_from(&db->clients, name);
		places_forget_from(&db->topic_clients, name);
	}
	return true;
}

bool sql_clients(void *ctx, struct store_page page, store_name_fn *fn, void *arg, struct err *err)
{
	struct db *db = ctx;
	return places_page(db, &db->clients, page, fn, arg, err);
}

bool sql_clients_count(void *ctx, int64_t *n, struct err *err)
{
	struct sql_state state;
	bool ok = state_get(ctx, &state, err);
	*n = state.n_clients;
	return ok;
}

bool sql_clients_due(void *ctx, int64_t now, int limit, store_client_fn *fn, void *arg,
		     struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_CLIENTS_DUE);
	put_int(&s, now);
	put_limit(&s, limit);
	return stmt_clients(&s, fn, arg, err);
}

bool sql_clients_next_at(void *ctx, int64_t *at, struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_CLIENTS_NEXT_AT);
	return stmt_int(&s, at, err);
}

bool sql_clients_after(void *ctx, int64_t after_id, int limit, store_client_fn *fn, void *arg,
		       struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_CLIENTS_AFTER);
	put_int(&s, after_id);
	put_limit(&s, limit);
	return stmt_clients(&s, fn, arg, err);
}

bool sql_clients_min_c2_rev(void *ctx, int64_t *rev, struct err *err)
{
	struct sql_state state;
	if (!state_get(ctx, &state, err))
		return false;
	struct stmt s = stmt_read(ctx, SQL_CLIENTS_MIN_C2_REV);
	put_int(&s, state.n_clients);
	return stmt_int(&s, rev, err);
}

bool sql_clients_c2_from(void *ctx, int64_t rev, int64_t *n, struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_CLIENTS_C2_FROM);
	put_int(&s, rev);
	return stmt_int(&s, n, err);
}
