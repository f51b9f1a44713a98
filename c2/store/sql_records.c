/* Records of others: rows of which the store knows the key and the version alone. */
#include "c2/store/sql_db.h"

static bool take_records(struct stmt *s, bool *any, store_record_fn *fn, void *arg, struct err *err)
{
	struct store_record row;
	bool more = true;
	while (more && stmt_row(s)) {
		row.kind = (int32_t)get_int(s);
		row.id = get_int(s);
		row.owner = get_int(s);
		row.version = get_int(s);
		row.body = s->db->driver->column_bytes(s, s->column++, &row.len);
		if (row.len > STORE_RECORD_MAX)
			stmt_damaged(s);
		*any = stmt_ok(s);
		more = STMT_GIVE(s, fn(arg, &row));
	}
	return stmt_end(s, err);
}

bool sql_record_get(void *ctx, int32_t kind, int64_t id, store_record_fn *fn, void *arg,
		    bool *found, struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_RECORD_GET);
	put_int(&s, kind);
	put_int(&s, id);
	*found = false;
	return take_records(&s, found, fn, arg, err);
}

static bool conflict(struct err *err)
{
	return err_set(err, ERR_CONFLICT, "%s", err_row(ERR_CONFLICT)->text);
}

/* A dialect that refuses a second row of a key by an error tells of it as of a name. */
static bool run_if_version(struct stmt *s, struct err *err)
{
	bool changed;
	struct err why;
	if (!stmt_run_changed(s, &changed, &why)) {
		if (why.code == ERR_EXISTS)
			return conflict(err);
		return err_set(err, why.code, "%s", why.text);
	}
	return changed || conflict(err);
}

static bool insert(struct db *db, struct store_record *row, struct err *err)
{
	struct sql_state *state = state_change(db, err);
	if (!state)
		return false;
	int64_t id = row->id ? row->id : state->last_record + 1;
	struct stmt s = stmt_write(db, SQL_RECORD_INSERT);
	put_int(&s, row->owner);
	put_int(&s, 1);
	put_blob(&s, row->body, row->len);
	put_int(&s, row->kind);
	put_int(&s, id);
	/* Nobody has had a new id: its row cannot be there, and need not be waited for. */
	if (!(row->id ? run_if_version(&s, err) : stmt_insert(&s, true, err)))
		return false;
	if (id > state->last_record)
		state->last_record = id;
	row->id = id;
	return true;
}

static bool update(struct db *db, const struct store_record *row, struct err *err)
{
	struct stmt s = stmt_write(db, SQL_RECORD_UPDATE);
	put_int(&s, row->owner);
	put_int(&s, row->version + 1);
	put_blob(&s, row->body, row->len);
	put_int(&s, row->kind);
	put_int(&s, row->id);
	put_int(&s, row->version);
	return run_if_version(&s, err);
}

bool sql_record_put(void *ctx, struct store_record *row, struct err *err)
{
	if (row->len > STORE_RECORD_MAX)
		return err_set(err, ERR_INVALID, "a record is longer than it can be");
	if (!(row->version ? update(ctx, row, err) : insert(ctx, row, err)))
		return false;
	row->version++;
	return true;
}

/* There may be a secret in it. */
bool sql_record_remove(void *ctx, int32_t kind, int64_t id, int64_t version, struct err *err)
{
	struct db *db = ctx;
	struct stmt s = stmt_write(db, SQL_RECORD_DELETE);
	put_int(&s, kind);
	put_int(&s, id);
	put_int(&s, version);
	if (!run_if_version(&s, err))
		return false;
	db->keys_dropped = true;
	return true;
}

bool sql_records(void *ctx, int32_t kind, int64_t owner, int64_t after_id, int limit,
		 bool newest_first, store_record_fn *fn, void *arg, struct err *err)
{
	static const enum sql_id ids[2][2] = {{SQL_RECORDS, SQL_RECORDS_DOWN},
					      {SQL_RECORDS_OF, SQL_RECORDS_OF_DOWN}};
	struct stmt s = stmt_read(ctx, ids[owner != 0][newest_first]);
	bool any;
	put_int(&s, kind);
	if (owner)
		put_int(&s, owner);
	put_int(&s, newest_first && !after_id ? INT64_MAX : after_id);
	put_limit(&s, limit);
	return take_records(&s, &any, fn, arg, err);
}

bool sql_records_trim(void *ctx, int32_t kind, int64_t owner, int64_t keep, int max,
		      struct err *err)
{
	struct stmt s = stmt_write(ctx, owner ? SQL_RECORDS_TRIM_OF : SQL_RECORDS_TRIM);
	put_int(&s, kind);
	if (owner)
		put_int(&s, owner);
	put_page(&s, (struct store_page){.offset = keep, .count = max});
	return stmt_post(&s, 0, err);
}
