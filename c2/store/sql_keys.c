/* Keys that count no more but may still be on a device, and our own keys. */
#include "c2/store/sql_db.h"

bool sql_old_key_put(void *ctx, const struct store_old_key *row, struct err *err)
{
	struct stmt s = stmt_write(ctx, SQL_OLD_KEY_PUT);
	put_int(&s, row->client_id);
	put_int(&s, row->rev);
	put_sealed(&s, &row->key);
	return stmt_put(&s, client_known(ctx, row->client_id), 0, err);
}

bool sql_old_keys(void *ctx, int64_t client_id, store_old_key_fn *fn, void *arg, struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_OLD_KEYS);
	put_int(&s, client_id);
	struct store_old_key row;
	bool more = true;
	while (more && stmt_row(&s)) {
		row.client_id = get_int(&s);
		row.rev = get_int(&s);
		get_sealed(&s, &row.key);
		more = STMT_GIVE(&s, fn(arg, &row));
	}
	return stmt_end(&s, err);
}

/* Remember that the write-ahead log still has the rows that s deletes. */
static bool run_drop(struct stmt *s, struct err *err)
{
	struct db *db = s->db;
	bool changed;
	if (!stmt_run_changed(s, &changed, err))
		return false;
	db->keys_dropped = db->keys_dropped || changed;
	return true;
}

bool sql_old_keys_drop(void *ctx, int64_t client_id, int64_t before, struct err *err)
{
	struct stmt s = stmt_write(ctx, SQL_OLD_KEYS_DROP);
	put_int(&s, client_id);
	put_int(&s, before);
	return run_drop(&s, err);
}

bool sql_c2_key_put(void *ctx, const struct store_c2_key *row, struct err *err)
{
	struct stmt s = stmt_write(ctx, SQL_C2_KEY_PUT);
	put_int(&s, row->rev);
	put_sealed(&s, &row->private_key);
	put_blob(&s, row->public_key, sizeof row->public_key);
	return stmt_post(&s, 0, err);
}

bool sql_c2_keys(void *ctx, store_c2_key_fn *fn, void *arg, struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_C2_KEYS);
	struct store_c2_key row;
	bool more = true;
	while (more && stmt_row(&s)) {
		row.rev = get_int(&s);
		get_sealed(&s, &row.private_key);
		get_blob(&s, row.public_key, sizeof row.public_key);
		more = STMT_GIVE(&s, fn(arg, &row));
	}
	return stmt_end(&s, err);
}

bool sql_c2_keys_drop(void *ctx, int64_t before, struct err *err)
{
	struct stmt s = stmt_write(ctx, SQL_C2_KEYS_DROP);
	put_int(&s, before);
	return run_drop(&s, err);
}
