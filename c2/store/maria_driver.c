#include "c2/store/maria_driver.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "c2/store/maria_sql.h"

#define MARIA_STATES_MAX 1024

static const char *const sql_text[MARIA_N] = {
#define X(id) MARIA_##id,
	SQL_IDS(X)
#undef X
		[MARIA_ABSENT] = SQL_ABSENT,
	[MARIA_CLIENT_LEAVES] = SQL_CLIENT_LEAVES,
	[MARIA_CLIENT_C2] = SQL_CLIENT_C2,
	[MARIA_CLIENT_GOES] = SQL_CLIENT_GOES,
	[MARIA_TOPIC_GOES] = SQL_TOPIC_GOES,
	[MARIA_MEMBER_GOES] = SQL_MEMBER_GOES,
	[MARIA_C2_COUNT] = SQL_C2_COUNT,
	[MARIA_STATES] = SQL_STATES,
	[MARIA_LOAD_MEMBERS] = SQL_LOAD_MEMBERS,
};

/* Once a row was found: what else is done to it, with the same parameters. */
static const struct {
	int id;
	int then;
} thens[] = {
	{SQL_CLIENT_DELETE, MARIA_CLIENT_LEAVES}, {SQL_CLIENT_DELETE, MARIA_CLIENT_C2},
	{SQL_CLIENT_DELETE, MARIA_CLIENT_GOES},   {SQL_TOPIC_DELETE, MARIA_TOPIC_GOES},
	{SQL_MEMBER_DELETE, MARIA_MEMBER_GOES},
};

static struct maria_db *maria_of(const struct stmt *s)
{
	return (struct maria_db *)s->db;
}

/* --- What a statement came to --------------------------------------------------------- */

/*
 * A row that is refused leaves the transaction as it was. After anything else
 * the server may have undone all of it and be in no transaction any more, where
 * each further write would be kept: nothing more is sent but its rollback.
 */
static void fail(struct stmt *s, unsigned code)
{
	struct maria_db *db = maria_of(s);
	struct err why;
	maria_error(code, &why);
	if (why.code != ERR_STORE) {
		stmt_fail(s, STMT_REFUSED, why.code, why.text);
		return;
	}
	if (maria_is_lost(code))
		maria_lose(db);
	s->db->failed |= db->in_transaction;
	stmt_fail(s, STMT_FAILED, why.code, why.text);
}

static bool is_number(const MYSQL_FIELD *field)
{
	switch (field->type) {
	case MYSQL_TYPE_TINY:
	case MYSQL_TYPE_SHORT:
	case MYSQL_TYPE_INT24:
	case MYSQL_TYPE_LONG:
	case MYSQL_TYPE_LONGLONG:
		return true;
	default:
		return false;
	}
}

/* Every statement's columns go to the same cells: one cursor is open at a time. */
static bool bind_columns(struct maria_db *db, MYSQL_STMT *st)
{
	MYSQL_BIND out[MARIA_COLUMNS];
	MYSQL_RES *fields = mysql_stmt_result_metadata(st);
	unsigned n = fields ? mysql_num_fields(fields) : 0;
	memset(out, 0, sizeof out);
	for (unsigned i = 0; i < n; i++) {
		struct maria_cell *cell = &db->cells[i];
		bool number = is_number(mysql_fetch_field_direct(fields, i));
		out[i].buffer_type = number ? MYSQL_TYPE_LONGLONG : MYSQL_TYPE_BLOB;
		out[i].buffer = number ? (void *)&cell->number : cell->bytes;
		out[i].buffer_length = number ? sizeof cell->number : sizeof cell->bytes;
		out[i].length = &cell->len;
		out[i].is_null = &cell->null;
		out[i].error = &cell->cut;
	}
	mysql_free_result(fields);
	return !n || mysql_stmt_bind_result(st, out) == 0;
}

static void forget_statement(struct maria_db *db, int id)
{
	if (db->stmts[id])
		mysql_stmt_close(db->stmts[id]);
	db->stmts[id] = 0;
}

void maria_forget_statements(struct maria_db *db)
{
	for (int id = 0; id < MARIA_N; id++)
		forget_statement(db, id);
}

static MYSQL_STMT *prepared(struct stmt *s, int id)
{
	struct maria_db *db = maria_of(s);
	if (db->stmts[id])
		return db->stmts[id];
	MYSQL_STMT *st = db->stmts[id] = mysql_stmt_init(db->conn);
	if (!st)
		mem_exhausted("a statement of the database");
	if (mysql_stmt_prepare(st, sql_text[id], strlen(sql_text[id])) == 0 && bind_columns(db, st))
		return st;
	unsigned code = mysql_stmt_errno(st);
	forget_statement(db, id);
	fail(s, code);
	return 0;
}

/* --- Cursors ----------------------------------------------------------------------- */

static bool load_members(struct stmt *s); /* which wait */

static void prepare(struct stmt *s)
{
	struct maria_db *db = maria_of(s);
	struct err why;
	if (db->in_transaction && (s->db->failed || !db->conn))
		stmt_fail(s, STMT_FAILED, ERR_STORE, DB_GIVEN_UP);
	else if (!db->in_transaction && !maria_connected(db, &why))
		stmt_fail(s, STMT_FAILED, why.code, why.text);
	else if (load_members(s))
		s->st = prepared(s, (int)s->id);
	db->wrote |= s->write;
}

static MYSQL_BIND *parameter(struct stmt *s, enum enum_field_types type)
{
	MYSQL_BIND *b = &maria_of(s)->in[s->bound - 1];
	memset(b, 0, sizeof *b);
	b->buffer_type = type;
	return b;
}

static void bind_int(struct stmt *s, int64_t v)
{
	int64_t *place = &maria_of(s)->ints[s->bound - 1];
	*place = v;
	parameter(s, MYSQL_TYPE_LONGLONG)->buffer = place;
}

static void bind_blob(struct stmt *s, const void *bytes, size_t len)
{
	MYSQL_BIND *b = parameter(s, MYSQL_TYPE_BLOB);
	b->buffer = (void *)(uintptr_t)(len ? bytes : ""); /* it is only read */
	b->buffer_length = len;
}

static void bind_text(struct stmt *s, const char *text)
{
	bind_blob(s, text, strlen(text));
}

static void bind_null(struct stmt *s)
{
	parameter(s, MYSQL_TYPE_NULL);
}

/*
 * A statement that failed is prepared anew: one whose error came in the place of
 * its rows waits for those, without end, when it is executed again.
 */
static bool run(struct stmt *s, int id)
{
	struct maria_db *db = maria_of(s);
	MYSQL_STMT *st = db->stmts[id];
	if ((!s->bound || mysql_stmt_bind_param(st, db->in) == 0) && mysql_stmt_execute(st) == 0 &&
	    (!mysql_stmt_field_count(st) || mysql_stmt_store_result(st) == 0))
		return true;
	unsigned code = mysql_stmt_errno(st);
	forget_statement(db, id);
	fail(s, code);
	return false;
}

static void fetch(struct stmt *s)
{
	switch (mysql_stmt_fetch(s->st)) {
	case 0:
	case MYSQL_DATA_TRUNCATED:
		s->rc = STMT_ROW;
		break;
	case MYSQL_NO_DATA:
		s->rc = STMT_DONE;
		break;
	default:
		fail(s, mysql_stmt_errno(s->st));
	}
}

/* As one column: by how much the number of the topic's live members changed. */
static void take_difference(struct stmt *s)
{
	struct maria_db *db = maria_of(s);
	int64_t id = (int64_t)mysql_stmt_insert_id(s->st), removed = db->ints[3];
	db->cells[0] = (struct maria_cell){.number = (id ? id - 1 : 1) - removed};
	s->rc = STMT_ROW;
}

static void run_thens(struct stmt *s)
{
	for (size_t i = 0; i < sizeof thens / sizeof thens[0]; i++) {
		if (thens[i].id != (int)s->id || s->rc != STMT_ROW)
			continue;
		if (prepared(s, thens[i].then))
			run(s, thens[i].then);
	}
}

static void count_c2(struct stmt *s, int64_t rev, int64_t n)
{
	if (rev <= 0 || s->rc != STMT_OK || !prepared(s, MARIA_C2_COUNT))
		return;
	s->bound = 0;
	put_int(s, rev);
	put_int(s, n);
	run(s, MARIA_C2_COUNT);
}

/* A client that comes, or lets go of one of our own keys. */
static void follow_c2(struct stmt *s)
{
	struct maria_db *db = maria_of(s);
	bool is_new = s->id == SQL_CLIENT_INSERT;
	int64_t before = is_new ? 0 : (int64_t)mysql_stmt_insert_id(s->st) - 1, now = db->ints[3];
	if ((!is_new && s->id != SQL_CLIENT_UPDATE) || !db->changed || before == now)
		return;
	count_c2(s, before, -1);
	count_c2(s, now, 1);
}

/* Those that wait, by one statement if there are enough. */
static void insert_members(struct stmt *s)
{
	struct maria_db *db = maria_of(s);
	size_t n = db->n_members, step = n == MARIA_MEMBERS ? n : 1;
	int id = step == 1 ? (int)SQL_LOAD_MEMBER : MARIA_LOAD_MEMBERS;
	db->n_members = 0;
	for (size_t i = 0; i < n && stmt_ok(s) && prepared(s, id); i += step) {
		s->bound = 0;
		for (size_t j = 0; j < step * MARIA_MEMBER_COLUMNS; j++)
			put_int(s, db->members[i * MARIA_MEMBER_COLUMNS + j]);
		run(s, id);
	}
	s->bound = 0;
}

/* Before any other statement; false: they could not be. */
static bool load_members(struct stmt *s)
{
	if (maria_of(s)->n_members && s->id != SQL_LOAD_MEMBER)
		insert_members(s);
	return stmt_ok(s);
}

static void load_member(struct stmt *s)
{
	struct maria_db *db = maria_of(s);
	memcpy(db->members + db->n_members * MARIA_MEMBER_COLUMNS, db->ints,
	       MARIA_MEMBER_COLUMNS * sizeof db->ints[0]);
	if (++db->n_members == MARIA_MEMBERS)
		insert_members(s);
	if (s->rc == STMT_OK)
		s->rc = STMT_DONE;
}

static void ask(struct stmt *s)
{
	if (s->id == SQL_LOAD_MEMBER) {
		load_member(s);
		return;
	}
	if (!run(s, (int)s->id))
		return;
	maria_of(s)->changed = mysql_stmt_affected_rows(s->st) > 0;
	if (mysql_stmt_field_count(s->st)) {
		fetch(s);
		run_thens(s);
	} else if (s->id == SQL_MEMBER_PUT) {
		take_difference(s);
	} else {
		follow_c2(s);
		if (s->rc == STMT_OK)
			s->rc = STMT_DONE;
	}
}

static void step(struct stmt *s)
{
	if (s->rc == STMT_OK)
		ask(s);
	else if (mysql_stmt_field_count(s->st))
		fetch(s);
	else
		s->rc = STMT_DONE;
}

static int64_t column_int(struct stmt *s, int i)
{
	const struct maria_cell *cell = &maria_of(s)->cells[i];
	return cell->null ? 0 : cell->number;
}

static const void *column_bytes(struct stmt *s, int i, size_t *len)
{
	struct maria_db *db = maria_of(s);
	struct maria_cell *cell = &db->cells[i];
	*len = cell->null ? 0 : cell->len;
	if (cell->null || cell->len <= sizeof cell->bytes)
		return cell->null ? 0 : cell->bytes;
	db->long_column = mem_resize(db->long_column, cell->len, 1);
	MYSQL_BIND b = {.buffer_type = MYSQL_TYPE_BLOB,
			.buffer = db->long_column,
			.buffer_length = cell->len};
	if (mysql_stmt_fetch_column(s->st, &b, (unsigned)i, 0) != 0)
		stmt_damaged(s);
	return db->long_column;
}

static bool changed(struct stmt *s)
{
	return maria_of(s)->changed;
}

static void end(struct stmt *s)
{
	/* Not after a failure, which took the statement along. */
	if (s->st && maria_of(s)->stmts[s->id])
		mysql_stmt_free_result(s->st);
	s->st = 0;
}

/* --- Many at once ------------------------------------------------------------------- */

static bool absent_some(struct db *base, struct sql_absent_one *rows, size_t n, struct err *err)
{
	struct sql_absent_one found;
	struct stmt s = stmt_read(base, (enum sql_id)MARIA_ABSENT);
	for (size_t i = 0; i < MARIA_AHEAD; i++)
		put_text(&s, rows[i < n ? i : n - 1].name);
	for (size_t i = 0; i < MARIA_AHEAD; i++)
		put_blob(&s, rows[i < n ? i : n - 1].e4id, sizeof rows->e4id);
	while (stmt_row(&s)) {
		get_text(&s, found.name, sizeof found.name);
		get_blob(&s, found.e4id, sizeof found.e4id);
		if (stmt_ok(&s))
			absent_mark_found(rows, n, &found);
	}
	return stmt_end(&s, err);
}

static bool absent(struct db *base, struct sql_absent_one *rows, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i += MARIA_AHEAD) {
		size_t some = n - i < MARIA_AHEAD ? n - i : MARIA_AHEAD;
		if (!absent_some(base, rows + i, some, err))
			return false;
	}
	return true;
}

enum { STATE_TEXT = 12 * 21 + 32 + 8 };

/* In the order of SQL_STATES. */
static size_t state_text(char *out, const struct store_client *row)
{
	const int64_t numbers[] = {
		row->id,           row->sent_rev,   row->confirmed_rev, (int64_t)row->last_stamp,
		row->clock_offset, row->next_at,    row->attempts,      row->asked_at,
		row->last_seen,    row->recheck_at, row->reason,        row->behind_since};
	size_t n = 0;
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		n += (size_t)sprintf(out + n, "%c%" PRId64, i ? ',' : '[', numbers[i]);
	n += (size_t)sprintf(out + n, ",\"");
	for (size_t i = 0; i < sizeof row->nonce; i++)
		n += (size_t)sprintf(out + n, "%02x", row->nonce[i]);
	return n + (size_t)sprintf(out + n, "\"]");
}

static bool states_some(struct db *base, const struct store_client *rows, size_t n, struct err *err)
{
	char *text = mem_array(n + 1, STATE_TEXT);
	size_t len = 0;
	for (size_t i = 0; i < n; i++) {
		text[len++] = i ? ',' : '[';
		len += state_text(text + len, &rows[i]);
	}
	strcpy(text + len, "]");
	struct stmt s = stmt_write(base, (enum sql_id)MARIA_STATES);
	put_text(&s, text);
	bool ok = stmt_post(&s, 0, err);
	free(text);
	return ok;
}

/* A text must fit into a packet. */
static bool states(struct db *base, const struct store_client *rows, size_t n, struct err *err)
{
	bool ok = true;
	for (size_t i = 0; i < n && ok; i += MARIA_STATES_MAX)
		ok = states_some(base, rows + i,
				 n - i < MARIA_STATES_MAX ? n - i : MARIA_STATES_MAX, err);
	return ok;
}

static bool load(struct db *base, bool begins, struct err *err)
{
	return begins || maria_exec((struct maria_db *)base, SQL_C2_COUNT_ALL, err);
}

/* --- Transactions ------------------------------------------------------------------ */

static bool begin(struct db *base, struct err *err)
{
	struct maria_db *db = (struct maria_db *)base;
	db->wrote = false;
	db->n_members = 0;
	if (!maria_connected(db, err) || !maria_exec(db, "START TRANSACTION", err))
		return false;
	db->in_transaction = true;
	return true;
}

/* Its reader may be slow: a disk, a pipe. */
static bool snapshot(struct db *base, struct err *err)
{
	struct maria_db *db = (struct maria_db *)base;
	if (!maria_connected(db, err) ||
	    !maria_exec(db,
			"SET SESSION wait_timeout = 86400"
			"/*M!100600 , idle_transaction_timeout = 0 */;"
			"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;"
			"START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
			err))
		return false;
	db->in_transaction = db->in_snapshot = true;
	return true;
}

static void rollback(struct db *base)
{
	struct maria_db *db = (struct maria_db *)base;
	struct err ignored;
	if (db->in_snapshot) /* with its session, whose limits are no server's */
		maria_lose(db);
	db->in_snapshot = false;
	if (db->conn && !maria_exec(db, "ROLLBACK", &ignored) && db->conn)
		maria_lose(db);
	db->in_transaction = false;
}

static bool commit(struct db *base, struct err *err)
{
	struct maria_db *db = (struct maria_db *)base;
	char sql[160] = "COMMIT";
	if (db->n_members) /* no row of STORE_STATE came after them */
		return err_set(err, ERR_INTERNAL, "the store was used outside its rules");
	if (db->wrote)
		snprintf(sql, sizeof sql,
			 "INSERT INTO writer (id, n, at) VALUES (%" PRId64 ",%" PRId64
			 ",UNIX_TIMESTAMP()) ON DUPLICATE KEY UPDATE n = VALUES(n), at ="
			 " VALUES(at); COMMIT",
			 db->writer, ++db->n_commits);
	bool done = maria_exec(db, sql, err);
	if (!done && !db->conn && db->wrote && maria_committed(db))
		done = true; /* only its answer was lost */
	if (done)
		db->in_transaction = false;
	db->write_doubtful = !done;
	return done;
}

static bool part(struct db *base, enum sql_part what, struct err *err)
{
	static const char *const texts[] = {
		[PART_BEGIN] = "SAVEPOINT part",
		[PART_UNDO] = "ROLLBACK TO SAVEPOINT part",
		[PART_END] = "RELEASE SAVEPOINT part",
	};
	if (base->failed)
		return err_set(err, ERR_STORE, "%s", DB_GIVEN_UP);
	base->failed = !maria_exec((struct maria_db *)base, texts[what], err);
	return !base->failed;
}

static bool in_transaction(struct db *base)
{
	return ((struct maria_db *)base)->in_transaction;
}

const struct sql_driver maria_driver = {
	.shared = true,
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
	.absent = absent,
	.states = states,
	.load = load,
	.begin = begin,
	.snapshot = snapshot,
	.commit = commit,
	.rollback = rollback,
	.part = part,
	.in_transaction = in_transaction,
	.check = maria_check,
	.close = maria_close,
};
