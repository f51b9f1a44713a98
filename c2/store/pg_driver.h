/*
 * One connection in libpq's pipeline mode. What is posted goes out with the
 * next statement that is waited for; results come in the order of sending, and
 * a synchronisation point ends each such group, so that after a failure the
 * connection is usable at once.
 */
#ifndef C2_STORE_PG_DRIVER_H
#define C2_STORE_PG_DRIVER_H

#include <libpq-fe.h>

#include "c2/store/pg.h"
#include "c2/store/pg_array.h"
#include "c2/store/sql_db.h"

#define PG_PARAMS 24
/*
 * Statements on their way. Their results (some 60 bytes each) must fit into the
 * buffers of the socket, for nobody reads them before the next wait.
 */
#define PG_SENT_MAX 512
#define PG_GROUP 64 /* that leave together */
#define PG_NEW_COLUMNS 24

/* Statements of this driver, after those of SQL_IDS. */
enum pg_fixed {
	PG_BEGIN = SQL_N,
	PG_COMMIT,
	PG_ROLLBACK,
	PG_PART_BEGIN,
	PG_PART_UNDO,
	PG_PART_END,
	PG_ABSENT,
	PG_STATES,
	PG_LOAD_BEGIN,
	PG_LOAD_COUNT,
	PG_LOAD_END,
	PG_CLIENT_NEW, /* one, and many, that are known not to be there */
	PG_CLIENT_NEWS,
	PG_MEMBER_SURE,
	PG_N,
	PG_SYNC = PG_N /* not a statement: the end of a group */
};

struct pg_answer; /* to a question asked ahead */

struct pg_sent {
	int id;
	bool write;
	struct sql_post post;
	struct pg_answer *answer; /* where its result goes; null: to sql_posted */
};

struct pg_db {
	struct db db;          /* first: a struct db of this backend is one of these */
	PGconn *conn;          /* null: lost */
	char **keys, **values; /* of its parameters; the password is among them */
	int64_t retry_at_ms;   /* monotonic: no attempt to connect before */
	bool as_it_is;         /* migrate nothing */
	int64_t version;       /* then: that of its tables; -1: not asked yet */
	bool in_transaction;
	bool write_doubtful; /* the last commit failed: check must try a real write */
	int64_t xid;         /* of the transaction; 0: not known yet */

	struct pg_sent sent[PG_SENT_MAX];
	size_t n_sent, n_unsynced; /* of these, after the last synchronisation point */

	/* Clients that are posted and follow each other, until another statement is sent. */
	struct pg_array news[PG_NEW_COLUMNS];

	/* In the order of asking; none is on the way when another statement is sent. */
	struct pg_answer *answers, **answers_end;

	/* The open cursor. */
	int64_t ints[PG_PARAMS];
	const char *params[PG_PARAMS];
	int lengths[PG_PARAMS];
	PGresult *result;
	int row;
};

/* Binary, except texts, which are the same either way. */
extern const struct sql_driver pg_driver;

/* Wait until everything sent is answered; false: something failed. */
bool pg_settle(struct pg_db *db);
/* Prepare every statement; used when a connection is new. */
bool pg_prepare_all(struct pg_db *db, struct err *err);

/* pg_ahead.c */
/* A place for the answer to the open cursor's question. */
struct pg_answer *pg_answer_new(struct pg_db *db, const struct stmt *s);
/* Take over what came for it. */
void pg_answer_set(struct pg_answer *a, PGresult *result);
/* The answer to the open cursor's question, which is the caller's now, or null. */
PGresult *pg_answer_take(struct pg_db *db, const struct stmt *s);
/* Forget what the open cursor's write may change. */
void pg_answers_spoil(struct pg_db *db, const struct stmt *s);
void pg_answers_forget(struct pg_db *db);

/* pg_many.c */
bool pg_absent(struct db *base, struct sql_absent_one *rows, size_t n, struct err *err);
bool pg_states(struct db *base, const struct store_client *rows, size_t n, struct err *err);

/* pg_conn.c */
extern const char pg_session[]; /* the settings of a session */
int64_t pg_now_ms(void);
/* The next result, or null after the last one of a statement. Lost: *lost. */
PGresult *pg_result(struct pg_db *db, int64_t deadline_ms, bool *lost);
/* Say what a result means and what to do about it; returns false. */
bool pg_error(const PGresult *result, struct err *err);
bool pg_error_lost(struct err *err);
/* Give a connection up; it may be in any state. */
void pg_lose(struct pg_db *db);
/* Have a connection, a new one if need be. */
bool pg_connected(struct pg_db *db, struct err *err);
/* One SQL text, or several, outside of the pipeline. */
bool pg_exec(struct pg_db *db, const char *sql, struct err *err);
/* The one value of one row as an integer; none is 0. */
bool pg_exec_int(struct pg_db *db, const char *sql, int64_t *out, struct err *err);
bool pg_parameters(struct pg_db *db, const struct store_pg_config *config, struct err *err);
void pg_parameters_free(struct pg_db *db);

/* pg.c */
bool pg_migrate(struct pg_db *db, struct err *err);
/* After the connection was lost in a commit: was it done? False if that cannot be learnt. */
bool pg_committed(struct pg_db *db);
bool pg_check(struct db *base, struct err *err);
void pg_close(struct db *base);

#endif
