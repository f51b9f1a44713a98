#include "c2/store/sqlite_driver.h"

#include "c2/store/sqlite_sql.h"

static const char *const sql_text[SQL_N] = {
#define X(id) LITE_##id,
	SQL_IDS(X)
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

bool sqlite_error(int rc, struct err *err)
{
	for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
		const struct meaning *m = &meanings[i];
		if (m->rc == rc || m->rc == (rc & 0xff))
			return err_set(err, m->code, "%s", m->text);
	}
	return err_set(err, ERR_STORE, "the database gave the unexpected result %d", rc);
}

bool sqlite_run(struct sqlite_db *db, const char *sql, struct err *err)
{
	int rc = sqlite3_exec(db->sql, sql, 0, 0, 0);
	return rc == SQLITE_OK || sqlite_error(rc, err);
}

bool sqlite_fixed(struct sqlite_db *db, enum sqlite_fixed which, struct err *err)
{
	static const char *const texts[LITE_FIXED_N] = {
		[LITE_BEGIN] = "BEGIN IMMEDIATE",      [LITE_COMMIT] = "COMMIT",
		[LITE_ROLLBACK] = "ROLLBACK",          [LITE_PART_BEGIN] = "SAVEPOINT part",
		[LITE_PART_UNDO] = "ROLLBACK TO part", [LITE_PART_END] = "RELEASE part",
	};
	sqlite3_stmt **st = &db->fixed[which];
	int rc = SQLITE_OK;
	if (!*st)
		rc = sqlite3_prepare_v3(db->sql, texts[which], -1, SQLITE_PREPARE_PERSISTENT, st,
					0);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(*st);
	sqlite3_reset(*st);
	return rc == SQLITE_DONE || sqlite_error(rc, err);
}

/* --- Cursors ---------------------------------------------------------------------- */

static sqlite3 *sql_of(struct stmt *s)
{
	return ((struct sqlite_db *)s->db)->sql;
}

static void take(struct stmt *s, int rc)
{
	struct err why;
	if (rc == SQLITE_OK)
		return;
	sqlite_error(rc, &why);
	stmt_fail(s, (rc & 0xff) == SQLITE_CONSTRAINT ? STMT_REFUSED : STMT_FAILED, why.code,
		  why.text);
}

static void prepare(struct stmt *s)
{
	sqlite3_stmt **st = &((struct sqlite_db *)s->db)->stmts[s->id];
	if (!*st)
		take(s, sqlite3_prepare_v3(sql_of(s), sql_text[s->id], -1,
					   SQLITE_PREPARE_PERSISTENT, st, 0));
	s->st = *st;
}

static void bind_int(struct stmt *s, int64_t v)
{
	take(s, sqlite3_bind_int64(s->st, s->bound, v));
}

static void bind_text(struct stmt *s, const char *text)
{
	take(s, sqlite3_bind_text(s->st, s->bound, text, -1, SQLITE_STATIC));
}

static void bind_blob(struct stmt *s, const void *bytes, size_t len)
{
	/* A null pointer would bind null, which is not an empty blob. */
	take(s, sqlite3_bind_blob64(s->st, s->bound, len ? bytes : "", len, SQLITE_STATIC));
}

static void bind_null(struct stmt *s)
{
	(void)s; /* unbound is null */
}

static void step(struct stmt *s)
{
	int rc = sqlite3_step(s->st);
	if (rc == SQLITE_ROW || rc == SQLITE_DONE)
		s->rc = rc == SQLITE_ROW ? STMT_ROW : STMT_DONE;
	else
		take(s, rc);
}

static int64_t column_int(struct stmt *s, int i)
{
	return sqlite3_column_int64(s->st, i);
}

static const void *column_bytes(struct stmt *s, int i, size_t *len)
{
	/* An empty text is not null, an empty blob is. */
	const void *bytes = sqlite3_column_type(s->st, i) == SQLITE_TEXT
				    ? (const void *)sqlite3_column_text(s->st, i)
				    : sqlite3_column_blob(s->st, i);
	*len = (size_t)sqlite3_column_bytes(s->st, i);
	return bytes;
}

static bool changed(struct stmt *s)
{
	return s->rc == STMT_DONE && sqlite3_changes64(sql_of(s)) > 0;
}

static void end(struct stmt *s)
{
	if (!s->st)
		return;
	sqlite3_reset(s->st);
	sqlite3_clear_bindings(s->st);
	s->st = 0;
}

void sqlite_driver_free(struct sqlite_db *db)
{
	for (int i = 0; i < SQL_N; i++)
		sqlite3_finalize(db->stmts[i]);
	for (int i = 0; i < LITE_FIXED_N; i++)
		sqlite3_finalize(db->fixed[i]);
}

const struct sql_driver sqlite_driver = {
	.prepare = prepare,
	.bind_int = bind_int,
	.bind_text = bind_text,
	.bind_blob = bind_blob,
	.bind_null = bind_null,
	.step = step,
	.column_int = column_int,
	.column_bytes = column_bytes,
	.changed = changed,
	.end = end,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.part = sqlite_part,
	.in_transaction = sqlite_in_transaction,
	.check = sqlite_check,
	.close = sqlite_close,
};
