/*
 * One connection of MariaDB Connector/C. Every statement waits for its answer:
 * the protocol has no pipeline. Results are taken whole, so the connection is
 * free for the next statement.
 */
#ifndef C2_STORE_MARIA_DRIVER_H
#define C2_STORE_MARIA_DRIVER_H

#include <mysql.h>

#include "c2/store/maria.h"
#include "c2/store/sql_db.h"

#define MARIA_AHEAD 64 /* clients asked for by one statement */
#define MARIA_PARAMS (2 * MARIA_AHEAD)
#define MARIA_COLUMNS 25
#define MARIA_COLUMN_CAP 1024 /* longer ones are fetched by themselves */

/* Statements of this driver, after those of SQL_IDS. */
enum maria_fixed {
	MARIA_ABSENT = SQL_N,
	MARIA_CLIENT_LEAVES,
	MARIA_CLIENT_C2,
	MARIA_CLIENT_GOES,
	MARIA_TOPIC_GOES,
	MARIA_MEMBER_GOES,
	MARIA_C2_COUNT,
	MARIA_STATES,
	MARIA_N
};

struct maria_params {
	char *user, *host, *database, *socket, *ca, *password; /* null: not given */
	unsigned port;
	bool tls; /* with a certificate for this host, or not at all */
};

struct maria_cell {
	int64_t number;
	unsigned long len;
	my_bool null, cut;
	uint8_t bytes[MARIA_COLUMN_CAP];
};

struct maria_db {
	struct db db; /* first: a struct db of this backend is one of these */
	MYSQL *conn;  /* null: lost */
	struct maria_params params;
	int64_t retry_at_ms; /* monotonic: no attempt to connect before */
	bool in_transaction;
	bool wrote;          /* this transaction has something to commit */
	bool write_doubtful; /* the last commit failed: check must try a real write */
	bool warned;         /* that commits are not durable */
	int64_t writer;      /* our row of the table of that name: the number of our last commit */
	int64_t n_commits;

	MYSQL_STMT *stmts[MARIA_N];

	/* The open cursor. */
	MYSQL_BIND in[MARIA_PARAMS];
	int64_t ints[MARIA_PARAMS];
	struct maria_cell cells[MARIA_COLUMNS];
	bool changed;
	uint8_t *long_column;
};

extern const struct sql_driver maria_driver;

/* maria_driver.c: what is prepared, when a connection is gone. */
void maria_forget_statements(struct maria_db *db);

/* maria_url.c */
bool maria_params_read(struct maria_params *p, const struct store_maria_config *config,
		       struct err *err);
void maria_params_free(struct maria_params *p);

/* maria_conn.c */
int64_t maria_now_ms(void);
/* Say what an error means and what to do about it; returns false. */
bool maria_error(unsigned code, struct err *err);
/* Does the error mean that the connection is gone? */
bool maria_is_lost(unsigned code);
/* Give a connection up; it may be in any state. */
void maria_lose(struct maria_db *db);
/* Have a connection, a new one if need be. */
bool maria_connected(struct maria_db *db, struct err *err);
/* One SQL text, or several. */
bool maria_exec(struct maria_db *db, const char *sql, struct err *err);
/* The first value of the last result as an integer; none is 0. */
bool maria_exec_int(struct maria_db *db, const char *sql, int64_t *out, struct err *err);

/* maria.c */
bool maria_migrate(struct maria_db *db, struct err *err);
/* Are commits on the disk when they return? A matter of the server's settings. */
bool maria_durable(struct maria_db *db, bool *durable, struct err *err);
/* After the connection was lost in a commit: was it done? False if that cannot be learnt. */
bool maria_committed(struct maria_db *db);
bool maria_check(struct db *base, struct err *err);
void maria_close(struct db *base);

#endif
