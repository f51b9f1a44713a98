#define _GNU_SOURCE
#include "c2/store/pg_driver.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "c2/store/pg_sql.h"

#define PG_NEWS_MAX 256
#define ANSWER_MS 15000 /* longer than the timeouts of the session in pg_conn.c */

static const char *const sql_text[PG_N] = {
#define X(id) PG_##id,
	SQL_IDS(X)
#undef X
		[PG_BEGIN] = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
	[PG_COMMIT] = "COMMIT",
	[PG_ROLLBACK] = "ROLLBACK",
	[PG_PART_BEGIN] = "SAVEPOINT part",
	[PG_PART_UNDO] = "ROLLBACK TO SAVEPOINT part",
	[PG_PART_END] = "RELEASE SAVEPOINT part",
	[PG_STATES] =
		"UPDATE delivery SET sent_rev = u.sent_rev, confirmed_rev = u.confirmed_rev,"
		" last_stamp = u.last_stamp, clock_offset = u.clock_offset, next_at = u.next_at,"
		" attempts = u.attempts, asked_at = u.asked_at, last_seen = u.last_seen,"
		" recheck_at = u.recheck_at, reason = u.reason,"
		" behind_since = u.behind_since,"
		" nonce = nullif(u.nonce, '\\x00000000000000000000000000000000'::bytea)"
		" FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[],"
		" $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],"
		" $11::bigint[], $12::bigint[], $13::bytea[]) AS u (id, sent_rev, confirmed_rev,"
		" last_stamp, clock_offset, next_at, attempts, asked_at, last_seen, recheck_at, "
		"reason,"
		" behind_since, nonce)"
		" WHERE delivery.id = u.id",
	[PG_CLIENT_NEW] = PG_CLIENT_INSERT_SURE,
	[PG_CLIENT_NEWS] =
		"WITH u AS (SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bigint[],"
		" $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],"
		" $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],"
		" $14::bytea[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[],"
		" $19::bigint[], $20::bigint[], $21::bigint[], $22::text[], $23::bytea[],"
		" $24::bigint[]) AS u"
		" (key, private_key, key_rev, c2_rev, wanted_rev, sent_rev, confirmed_rev,"
		" reset_rev, reset_peers_rev, last_stamp, clock_offset, next_at, attempts,"
		" nonce, asked_at, last_seen, recheck_at, reason, type, behind_since, key_at, name,"
		" e4id, id)), c AS (INSERT INTO client (" KEY_VALUES
		", name, e4id, id) SELECT " KEY_VALUES
		", name, e4id, id FROM u) INSERT INTO delivery (" DELIVERY_VALUES
		", id) SELECT " DELIVERY_VALUES ", id FROM u",
	[PG_MEMBER_SURE] = PG_MEMBER_PUT_SURE,
	[PG_LOAD_BEGIN] = "ALTER TABLE client DISABLE TRIGGER client_c2_in",
	[PG_LOAD_COUNT] = "INSERT INTO c2_use (rev, n) SELECT c2_rev, count(*) FROM client"
			  " WHERE c2_rev > 0 GROUP BY c2_rev",
	[PG_LOAD_END] = "ALTER TABLE client ENABLE TRIGGER client_c2_in",
	[PG_ABSENT] = "SELECT name, e4id FROM client WHERE name = ANY ($1::text[])"
		      " UNION ALL SELECT name, e4id FROM client WHERE e4id = ANY ($2::bytea[])",
};

static struct pg_db *pg_of(const struct stmt *s)
{
	return (struct pg_db *)s->db;
}

static void name_of(int id, char out[16])
{
	snprintf(out, 16, "s%d", id);
}

/* --- Sending ----------------------------------------------------------------------- */

static void remember_sent(struct pg_db *db, int id, bool write, const struct sql_post *post)
{
	db->sent[db->n_sent++] = (struct pg_sent){id, write, *post, 0};
	db->n_unsynced = id == PG_SYNC ? 0 : db->n_unsynced + 1;
}

/* False: the connection is lost (out of memory looks the same, and is treated alike). */
static bool send_now(struct pg_db *db, int id, int n_params)
{
	static const int formats[PG_PARAMS] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
					       1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
	char name[16];
	name_of(id, name);
	return db->conn && PQsendQueryPrepared(db->conn, name, n_params, db->params, db->lengths,
					       formats, 1) == 1;
}

/* In the order of CLIENT_INSERT's parameters: bytes, integers, texts. */
static const char new_types[PG_NEW_COLUMNS + 1] = "BBIIIIIIIIIIIBIIIIIIITBI";

static void gather(struct pg_db *db)
{
	bool first = db->news[0].n == 0;
	for (size_t i = 0; i < PG_NEW_COLUMNS; i++) {
		if (first)
			pg_array_begin(&db->news[i], new_types[i] == 'B'   ? TYPE_BYTEA
						     : new_types[i] == 'I' ? TYPE_LONG
									   : TYPE_TEXT);
		pg_array_add(&db->news[i], db->params[i], (size_t)db->lengths[i]);
	}
}

/* A single one as ever, which costs less than arrays. */
static bool send_gathered(struct pg_db *db)
{
	uint32_t n = db->news[0].n;
	int id = n == 1 ? PG_CLIENT_NEW : PG_CLIENT_NEWS;
	if (n == 0)
		return true;
	for (size_t i = 0; i < PG_NEW_COLUMNS; i++) {
		size_t len = db->news[i].len;
		pg_array_end(&db->news[i]);
		db->params[i] = n == 1 ? pg_array_first(&db->news[i], &len) : db->news[i].at;
		db->lengths[i] = (int)len;
	}
	db->news[0].n = 0;
	remember_sent(db, id, true, &(struct sql_post){0});
	return send_now(db, id, PG_NEW_COLUMNS);
}

/* What was gathered goes first. */
static bool send(struct pg_db *db, int id, int n_params)
{
	if (db->news[0].n > 0) {
		const char *params[PG_PARAMS];
		int lengths[PG_PARAMS];
		memcpy(params, db->params, sizeof params);
		memcpy(lengths, db->lengths, sizeof lengths);
		if (!send_gathered(db))
			return false;
		memcpy(db->params, params, sizeof params);
		memcpy(db->lengths, lengths, sizeof lengths);
	}
	return send_now(db, id, n_params);
}

/* --- Results ----------------------------------------------------------------------- */

static void fail(struct stmt *s, const struct err *why)
{
	struct err copy = *why; /* it may be that of the database itself */
	stmt_fail(s, STMT_FAILED, copy.code, copy.text);
}

static void fail_lost(struct stmt *s)
{
	struct err why;
	pg_error_lost(&why);
	fail(s, &why);
	s->db->failed = true;
}

/* Refused because the transaction has failed already? */
static bool is_aftermath(const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	return state && strcmp(state, "25P02") == 0;
}

/* What a statement came to. The cursor reads from it until it is ended. */
static void take(struct stmt *s, PGresult *result)
{
	struct pg_db *db = pg_of(s);
	struct err why;
	db->result = result;
	db->row = 0;
	switch (PQresultStatus(result)) {
	case PGRES_COMMAND_OK:
		s->rc = STMT_DONE;
		if ((int)s->id != PG_COMMIT || strcmp(PQcmdStatus(result), "COMMIT") == 0)
			return;
		/* A transaction that had failed: its end is a rollback, and no error. */
		err_set(&why, ERR_STORE, "%s", DB_GIVEN_UP);
		fail(s, &why);
		break;
	case PGRES_TUPLES_OK:
		s->rc = PQntuples(result) > 0 ? STMT_ROW : STMT_DONE;
		return;
	case PGRES_PIPELINE_ABORTED: /* because of an earlier one, whose reason counts */
		fail(s, &s->db->why);
		break;
	default:
		pg_error(result, &why);
		fail(s, is_aftermath(result) ? &s->db->why : &why);
	}
	s->db->failed |= db->in_transaction; /* the server gave it up */
}

static void drop_result(struct pg_db *db)
{
	PQclear(db->result);
	db->result = 0;
}

/* The result of one statement and the end of it. */
static bool receive(struct stmt *s, int64_t deadline_ms)
{
	struct pg_db *db = pg_of(s);
	bool lost = false;
	PGresult *first = pg_result(db, deadline_ms, &lost);
	PGresult *end = first && !lost ? pg_result(db, deadline_ms, &lost) : 0;
	if (!lost && first && !end) {
		take(s, first);
		return true;
	}
	PQclear(first);
	PQclear(end);
	pg_lose(db);
	fail_lost(s);
	return false;
}

static bool receive_sync(struct pg_db *db, int64_t deadline_ms)
{
	bool lost = false;
	PGresult *r = pg_result(db, deadline_ms, &lost);
	bool ok = !lost && PQresultStatus(r) == PGRES_PIPELINE_SYNC;
	PQclear(r);
	if (!ok)
		pg_lose(db);
	return ok;
}

static void note_xid(struct pg_db *db, struct stmt *s)
{
	if (s->id == SQL_STATE_LOCK && s->rc == STMT_ROW)
		db->xid = s->db->driver->column_int(s, 7);
}

/* The results of the n oldest of what was sent; false: one of them failed. */
static bool receive_sent(struct pg_db *db, size_t n, int64_t deadline_ms)
{
	bool ok = true;
	for (size_t i = 0; i < n && db->conn; i++) {
		const struct pg_sent *sent = &db->sent[i];
		struct stmt s = {.db = &db->db, .id = (enum sql_id)sent->id, .write = sent->write};
		if (sent->id == PG_SYNC) {
			ok = receive_sync(db, deadline_ms) && ok;
			continue;
		}
		ok = receive(&s, deadline_ms) && ok;
		if (!db->conn)
			return false;
		note_xid(db, &s);
		if (sent->answer && stmt_ok(&s)) {
			pg_answer_set(sent->answer, db->result);
			db->result = 0;
		} else {
			sql_posted(&s, &sent->post);
		}
		drop_result(db);
		ok = ok && stmt_ok(&s);
	}
	if (!db->conn)
		return false;
	db->n_sent -= n;
	memmove(db->sent, db->sent + n, db->n_sent * sizeof *db->sent);
	return ok;
}

static bool sync_point(struct pg_db *db)
{
	if (PQpipelineSync(db->conn) != 1) {
		pg_lose(db);
		return false;
	}
	remember_sent(db, PG_SYNC, false, &(struct sql_post){0});
	return true;
}

bool pg_settle(struct pg_db *db)
{
	if (db->conn && !send_gathered(db))
		pg_lose(db);
	if (!db->conn)
		return false;
	if (!db->n_sent)
		return true;
	return sync_point(db) && receive_sent(db, db->n_sent, pg_now_ms() + ANSWER_MS);
}

/*
 * Room for one more. The server is to work while we go on, so what was posted
 * leaves in groups; and when two are under way, the older one is waited for.
 */
static bool make_room(struct pg_db *db)
{
	if (db->n_unsynced >= PG_GROUP - 1 && !sync_point(db))
		return false;
	return db->n_sent < PG_SENT_MAX - 2 * PG_GROUP ||
	       receive_sent(db, PG_SENT_MAX / 2, pg_now_ms() + ANSWER_MS);
}

/* --- Cursors ----------------------------------------------------------------------- */

static void prepare(struct stmt *s)
{
	struct pg_db *db = pg_of(s);
	struct err why;
	if (db->in_transaction && (s->db->failed || !db->conn))
		stmt_fail(s, STMT_FAILED, ERR_STORE, DB_GIVEN_UP);
	else if (!db->in_transaction && !pg_connected(db, &why))
		fail(s, &why);
	s->st = db; /* this cursor is the open one */
}

static void bind(struct stmt *s, const void *bytes, size_t len)
{
	struct pg_db *db = pg_of(s);
	db->params[s->bound - 1] = bytes;
	db->lengths[s->bound - 1] = (int)len;
}

static void bind_int(struct stmt *s, int64_t v)
{
	int64_t *place = &pg_of(s)->ints[s->bound - 1];
	*place = (int64_t)htobe64((uint64_t)v);
	bind(s, place, sizeof *place);
}

static void bind_text(struct stmt *s, const char *text)
{
	bind(s, text, strlen(text));
}

static void bind_blob(struct stmt *s, const void *bytes, size_t len)
{
	bind(s, len ? bytes : "", len); /* a null pointer would be null */
}

static void bind_null(struct stmt *s)
{
	bind(s, 0, 0);
}

static void ask(struct stmt *s)
{
	struct pg_db *db = pg_of(s);
	int64_t deadline_ms = pg_now_ms() + ANSWER_MS;
	PGresult *answer = s->write ? 0 : pg_answer_take(db, s);
	if (s->write)
		pg_answers_spoil(db, s);
	if (answer) {
		take(s, answer);
		return;
	}
	if (!send(db, (int)s->id, s->bound) || PQpipelineSync(db->conn) != 1) {
		pg_lose(db);
		fail_lost(s);
		return;
	}
	receive_sent(db, db->n_sent, deadline_ms);
	if (!db->conn || (receive(s, deadline_ms) && !receive_sync(db, deadline_ms)))
		fail_lost(s);
}

static void step(struct stmt *s)
{
	struct pg_db *db = pg_of(s);
	if (s->rc == STMT_OK)
		ask(s);
	else if (++db->row >= PQntuples(db->result))
		s->rc = STMT_DONE;
}

static int64_t column_int(struct stmt *s, int i)
{
	const struct pg_db *db = pg_of(s);
	const char *bytes = PQgetvalue(db->result, db->row, i);
	int64_t wide;
	int32_t narrow;
	switch (PQgetlength(db->result, db->row, i)) {
	case 8:
		memcpy(&wide, bytes, 8);
		return (int64_t)be64toh((uint64_t)wide);
	case 4:
		memcpy(&narrow, bytes, 4);
		return (int32_t)be32toh((uint32_t)narrow);
	case 1: /* boolean */
		return bytes[0];
	case 0: /* null */
		return 0;
	default:
		stmt_damaged(s);
		return 0;
	}
}

static const void *column_bytes(struct stmt *s, int i, size_t *len)
{
	const struct pg_db *db = pg_of(s);
	*len = (size_t)PQgetlength(db->result, db->row, i);
	return PQgetisnull(db->result, db->row, i) ? 0 : PQgetvalue(db->result, db->row, i);
}

static bool changed(struct stmt *s)
{
	const char *n = pg_of(s)->result ? PQcmdTuples(pg_of(s)->result) : "";
	return n[0] && strcmp(n, "0") != 0;
}

static void end(struct stmt *s)
{
	if (s->st)
		drop_result(pg_of(s));
	s->st = 0;
}

/* Of parts of a transaction each goes by itself, for it may be undone. */
static void post_new(struct stmt *s)
{
	struct pg_db *db = pg_of(s);
	gather(db);
	s->rc = STMT_DONE;
	if (!s->db->part && db->news[0].n < PG_NEWS_MAX)
		return;
	if (!make_room(db)) {
		s->rc = STMT_OK;
		fail(s, &s->db->why);
	} else if (!send_gathered(db)) {
		pg_lose(db);
		s->rc = STMT_OK;
		fail_lost(s);
	}
}

static void post(struct stmt *s, const struct sql_post *p)
{
	struct pg_db *db = pg_of(s);
	if (s->write)
		pg_answers_spoil(db, s);
	if (s->id == SQL_CLIENT_INSERT) {
		post_new(s);
		return;
	}
	int id = s->id == SQL_MEMBER_PUT && p->must_change ? PG_MEMBER_SURE : (int)s->id;
	if (!make_room(db)) {
		fail(s, &s->db->why);
	} else if (!send(db, id, s->bound)) {
		pg_lose(db);
		fail_lost(s);
	} else {
		remember_sent(db, id, s->write, p);
		s->rc = STMT_DONE;
	}
}

static void ahead(struct db *base, struct stmt *s)
{
	struct pg_db *db = (struct pg_db *)base;
	if (!s) {
		pg_answers_forget(db);
	} else if (make_room(db)) {
		if (!send(db, (int)s->id, s->bound)) {
			pg_lose(db);
			return;
		}
		remember_sent(db, (int)s->id, false, &(struct sql_post){0});
		db->sent[db->n_sent - 1].answer = pg_answer_new(db, s);
	}
}

static void settle(struct db *base)
{
	pg_settle((struct pg_db *)base);
}

/* --- Transactions ------------------------------------------------------------------ */

static bool post_fixed(struct pg_db *db, enum pg_fixed which, struct err *err)
{
	if (!make_room(db))
		return err_set(err, db->db.why.code, "%s", db->db.why.text);
	if (!send(db, (int)which, 0)) {
		pg_lose(db);
		return pg_error_lost(err);
	}
	remember_sent(db, (int)which, true, &(struct sql_post){0});
	return true;
}

/* By the trigger, a row of c2_use would be rewritten for each client: ever slower. */
static bool load(struct db *base, bool begins, struct err *err)
{
	struct pg_db *db = (struct pg_db *)base;
	if (begins)
		return post_fixed(db, PG_LOAD_BEGIN, err);
	return post_fixed(db, PG_LOAD_COUNT, err) && post_fixed(db, PG_LOAD_END, err);
}

static bool begin(struct db *base, struct err *err)
{
	struct pg_db *db = (struct pg_db *)base;
	pg_answers_forget(db);
	db->xid = 0;
	if (!pg_connected(db, err) || !post_fixed(db, PG_BEGIN, err))
		return false;
	db->in_transaction = true;
	return true;
}

/* Its reader may be slow: a disk, a pipe. */
static bool snapshot(struct db *base, struct err *err)
{
	struct pg_db *db = (struct pg_db *)base;
	pg_answers_forget(db);
	if (!pg_connected(db, err) || !pg_exec(db,
					       "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
					       "SET LOCAL idle_in_transaction_session_timeout = 0;"
					       "SET LOCAL statement_timeout = '60s'",
					       err))
		return false;
	db->in_transaction = true;
	return true;
}

static void rollback(struct db *base)
{
	struct pg_db *db = (struct pg_db *)base;
	struct err ignored;
	pg_answers_forget(db);
	db->news[0].n = 0;
	/* What was posted may have failed; the end of the pipeline's group lets us go on. */
	pg_settle(db);
	if (db->conn && (!post_fixed(db, PG_ROLLBACK, &ignored) || !pg_settle(db)))
		pg_lose(db);
	db->in_transaction = false;
}

static bool commit(struct db *base, struct err *err)
{
	struct pg_db *db = (struct pg_db *)base;
	pg_answers_forget(db);
	bool done = post_fixed(db, PG_COMMIT, err);
	if (done && !pg_settle(db))
		done = err_set(err, base->why.code, "%s", base->why.text);
	if (!done && !db->conn && pg_committed(db))
		done = true; /* only its answer was lost */
	if (done)
		db->in_transaction = false;
	db->write_doubtful = !done;
	return done;
}

static bool part(struct db *base, enum sql_part what, struct err *err)
{
	static const enum pg_fixed fixed[] = {
		[PART_BEGIN] = PG_PART_BEGIN,
		[PART_UNDO] = PG_PART_UNDO,
		[PART_END] = PG_PART_END,
	};
	if (base->failed)
		return err_set(err, ERR_STORE, "%s", DB_GIVEN_UP);
	if (what == PART_UNDO)
		pg_answers_forget((struct pg_db *)base);
	return post_fixed((struct pg_db *)base, fixed[what], err);
}

static bool in_transaction(struct db *base)
{
	return ((struct pg_db *)base)->in_transaction;
}

const struct sql_driver pg_driver = {
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
	.post = post,
	.ahead = ahead,
	.absent = pg_absent,
	.states = pg_states,
	.settle = settle,
	.load = load,
	.begin = begin,
	.snapshot = snapshot,
	.commit = commit,
	.rollback = rollback,
	.part = part,
	.in_transaction = in_transaction,
	.check = pg_check,
	.close = pg_close,
};

/* --- A new connection -------------------------------------------------------------- */

bool pg_prepare_all(struct pg_db *db, struct err *err)
{
	char name[16];
	bool ok = true;
	db->n_sent = 0;
	for (int id = 0; id < PG_N && ok; id++) {
		name_of(id, name);
		ok = PQsendPrepare(db->conn, name, sql_text[id], 0, 0) == 1;
		if (ok)
			remember_sent(db, PG_BEGIN, false, &(struct sql_post){0});
	}
	if (ok && pg_settle(db))
		return true;
	return err_set(err, ERR_STORE, "%s", db->db.why.text);
}
