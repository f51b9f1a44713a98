#include "c2/store/sqlite_db.h"

#include <string.h>

static const char *const sql_text[] = {
#define X(id, text) text,
	SQL_ROWS(X)
#undef X
};

/* --- Results ------------------------------------------------------------------ */

struct meaning {
	int rc; /* extended codes before their primary code */
	enum err_code code;
	const char *text;
};

static const struct meaning meanings[] = {
	{SQLITE_CONSTRAINT_UNIQUE, ERR_EXISTS, "there is one of this name already"},
	{SQLITE_CONSTRAINT_FOREIGNKEY, ERR_NOT_FOUND, "what the entry belongs to is not there"},
	{SQLITE_FULL, ERR_STORE, "the disk with the database is full: free some space on it"},
	{SQLITE_READONLY, ERR_STORE,
	 "the database cannot be written: check its permissions, its folder's, and that the disk "
	 "is not mounted read-only"},
	{SQLITE_BUSY, ERR_STORE, "the database is in use by another process: end that one first"},
	{SQLITE_LOCKED, ERR_STORE, "the database is in use by another process: end that one first"},
	{SQLITE_NOTADB, ERR_STORE,
	 "the file is damaged or no E4 database: restore a backup or name another file"},
	{SQLITE_CORRUPT, ERR_STORE, "the database is damaged: restore a backup"},
	{SQLITE_CANTOPEN, ERR_STORE,
	 "the database cannot be opened: check that its folder is there and may be written"},
	{SQLITE_IOERR, ERR_STORE,
	 "the disk failed while the database was read or written: check the disk"},
	{SQLITE_NOMEM, ERR_STORE, "no memory left for the database"},
	{SQLITE_TOOBIG, ERR_INVALID, "too long for the database"},
	{SQLITE_ABORT, ERR_STORE,
	 "the transaction was given up after an earlier failure: try again"},
	{SQLITE_MISUSE, ERR_INTERNAL, "the store was used outside its rules"},
};

bool db_error(int rc, struct err *err)
{
	for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
		const struct meaning *m = &meanings[i];
		if (m->rc == rc || m->rc == (rc & 0xff))
			return err_set(err, m->code, "%s", m->text);
	}
	return err_set(err, ERR_STORE, "the database gave the unexpected result %d", rc);
}

bool db_exec(struct db *db, const char *sql, struct err *err)
{
	int rc = sqlite3_exec(db->sql, sql, 0, 0, 0);
	return rc == SQLITE_OK || db_error(rc, err);
}

/* --- Cursors -------------------------------------------------------------------- */

static struct stmt stmt_open(struct db *db, enum sql_id id, bool write)
{
	struct stmt s = {.db = db, .rc = SQLITE_OK, .write = write};
	if (db->in_row) {
		s.rc = SQLITE_MISUSE;
		return s;
	}
	if (!db->stmts[id])
		s.rc = sqlite3_prepare_v3(db->sql, sql_text[id], -1, SQLITE_PREPARE_PERSISTENT,
					  &db->stmts[id], 0);
	if (s.rc == SQLITE_OK)
		s.st = db->stmts[id];
	return s;
}

struct stmt stmt_read(struct db *db, enum sql_id id)
{
	return stmt_open(db, id, false);
}

struct stmt stmt_write(struct db *db, enum sql_id id)
{
	struct stmt s = stmt_open(db, id, true);
	/* After a failure SQLite may have rolled back by itself: what follows must not be kept. */
	if (s.rc == SQLITE_OK && sqlite3_get_autocommit(db->sql))
		s.rc = db->failed ? SQLITE_ABORT : SQLITE_MISUSE;
	return s;
}

static void bound(struct stmt *s, int rc)
{
	if (rc != SQLITE_OK)
		s->rc = rc;
}

void put_int(struct stmt *s, int64_t v)
{
	if (s->rc == SQLITE_OK)
		bound(s, sqlite3_bind_int64(s->st, ++s->bound, v));
}

void put_text(struct stmt *s, const char *text)
{
	if (s->rc == SQLITE_OK)
		bound(s, sqlite3_bind_text(s->st, ++s->bound, text, -1, SQLITE_STATIC));
}

void put_blob(struct stmt *s, const void *bytes, size_t len)
{
	/* A null pointer would bind null, which is not an empty blob. */
	if (s->rc == SQLITE_OK)
		bound(s,
		      sqlite3_bind_blob64(s->st, ++s->bound, len ? bytes : "", len, SQLITE_STATIC));
}

void put_blob_or_null(struct stmt *s, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	for (size_t i = 0; i < len; i++) {
		if (p[i]) {
			put_blob(s, bytes, len);
			return;
		}
	}
	s->bound++; /* unbound is null */
}

void put_sealed(struct stmt *s, const struct sealed *key)
{
	if (key->len > sizeof key->bytes)
		s->rc = SQLITE_MISUSE;
	else if (key->len)
		put_blob(s, key->bytes, key->len);
	else
		s->bound++;
}

/* To SQLite a negative limit means "all". */
void put_limit(struct stmt *s, int limit)
{
	put_int(s, limit > 0 ? limit : 0);
}

void put_page(struct stmt *s, struct store_page page)
{
	put_int(s, page.count > 0 ? page.count : 0);
	put_int(s, page.offset > 0 ? page.offset : 0);
}

bool stmt_row(struct stmt *s)
{
	if (s->rc != SQLITE_OK && s->rc != SQLITE_ROW)
		return false;
	s->rc = sqlite3_step(s->st);
	s->column = 0;
	return s->rc == SQLITE_ROW;
}

int64_t get_int(struct stmt *s)
{
	return sqlite3_column_int64(s->st, s->column++);
}

bool get_bool(struct stmt *s)
{
	return get_int(s) != 0;
}

void get_text(struct stmt *s, char *out, size_t cap)
{
	const unsigned char *text = sqlite3_column_text(s->st, s->column);
	size_t len = (size_t)sqlite3_column_bytes(s->st, s->column);
	s->column++;
	out[0] = 0;
	if (!text || len >= cap || memchr(text, 0, len)) {
		s->rc = SQLITE_CORRUPT;
		return;
	}
	memcpy(out, text, len);
	out[len] = 0;
}

void get_blob(struct stmt *s, uint8_t *out, size_t len)
{
	const void *blob = sqlite3_column_blob(s->st, s->column);
	size_t have = (size_t)sqlite3_column_bytes(s->st, s->column);
	s->column++;
	memset(out, 0, len);
	if (!have)
		return;
	if (!blob || have != len)
		s->rc = SQLITE_CORRUPT;
	else
		memcpy(out, blob, len);
}

void get_sealed(struct stmt *s, struct sealed *key)
{
	const void *blob = sqlite3_column_blob(s->st, s->column);
	size_t have = (size_t)sqlite3_column_bytes(s->st, s->column);
	s->column++;
	memset(key, 0, sizeof *key);
	if (!have)
		return;
	if (!blob || have > sizeof key->bytes) {
		s->rc = SQLITE_CORRUPT;
		return;
	}
	memcpy(key->bytes, blob, have);
	key->len = (uint8_t)have;
}

bool stmt_ok(const struct stmt *s)
{
	return s->rc == SQLITE_OK || s->rc == SQLITE_ROW || s->rc == SQLITE_DONE;
}

/* A refused row leaves the transaction as it was; anything else makes it unfit to be committed. */
static bool spoils(int rc)
{
	return (rc & 0xff) != SQLITE_CONSTRAINT;
}

bool stmt_end(struct stmt *s, struct err *err)
{
	int rc = s->rc;
	if (s->st) {
		sqlite3_reset(s->st);
		sqlite3_clear_bindings(s->st);
		s->st = 0;
	}
	if (rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE)
		return true;
	if (s->write && spoils(rc))
		s->db->failed = true;
	return db_error(rc, err);
}

bool stmt_run(struct stmt *s, struct err *err)
{
	stmt_row(s);
	return stmt_end(s, err);
}

bool stmt_run_changed(struct stmt *s, bool *changed, struct err *err)
{
	stmt_row(s);
	*changed = s->rc == SQLITE_DONE && sqlite3_changes64(s->db->sql) > 0;
	return stmt_end(s, err);
}

bool stmt_run_name(struct stmt *s, char *name, size_t cap, bool *changed, struct err *err)
{
	name[0] = 0;
	*changed = stmt_row(s);
	if (*changed) {
		get_text(s, name, cap);
		if (stmt_ok(s))
			stmt_row(s);
	}
	*changed = *changed && stmt_ok(s);
	return stmt_end(s, err);
}

bool stmt_int(struct stmt *s, int64_t *out, struct err *err)
{
	*out = 0;
	if (stmt_row(s)) {
		*out = get_int(s);
		stmt_row(s); /* to the end: a write with RETURNING is complete only then */
	}
	return stmt_end(s, err);
}

bool stmt_names(struct stmt *s, store_name_fn *fn, void *arg, struct err *err)
{
	char name[STORE_TOPIC_MAX + 1];
	bool more = true;
	while (more && stmt_row(s)) {
		get_text(s, name, sizeof name);
		if (!stmt_ok(s))
			break;
		s->db->in_row = true;
		more = fn(arg, name);
		s->db->in_row = false;
	}
	return stmt_end(s, err);
}

void get_client(struct stmt *s, struct store_client *row)
{
	row->id = get_int(s);
	get_text(s, row->name, sizeof row->name);
	get_blob(s, row->e4id, sizeof row->e4id);
	get_sealed(s, &row->key);
	get_sealed(s, &row->private_key);
	row->key_rev = get_int(s);
	row->n_old_keys = (int32_t)get_int(s);
	row->c2_rev = get_int(s);
	row->wanted_rev = get_int(s);
	row->sent_rev = get_int(s);
	row->confirmed_rev = get_int(s);
	row->reset_rev = get_int(s);
	row->reset_peers_rev = get_int(s);
	row->last_stamp = (uint64_t)get_int(s);
	row->clock_offset = get_int(s);
	row->next_at = get_int(s);
	row->attempts = (int32_t)get_int(s);
	get_blob(s, row->nonce, sizeof row->nonce);
	row->asked_at = get_int(s);
	row->last_seen = get_int(s);
	row->recheck_at = get_int(s);
	row->reason = (int32_t)get_int(s);
	row->type = (int32_t)get_int(s);
}

bool stmt_clients(struct stmt *s, store_client_fn *fn, void *arg, struct err *err)
{
	struct store_client row;
	bool more = true;
	while (more && stmt_row(s)) {
		get_client(s, &row);
		if (!stmt_ok(s))
			break;
		s->db->in_row = true;
		more = fn(arg, &row);
		s->db->in_row = false;
	}
	return stmt_end(s, err);
}
