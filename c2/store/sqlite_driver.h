/* The cursors of the SQLite backend. */
#ifndef C2_STORE_SQLITE_DRIVER_H
#define C2_STORE_SQLITE_DRIVER_H

#include <sqlite3.h>

#include "c2/store/sql_db.h"

/* Statements without parameters and rows. */
enum sqlite_fixed {
	LITE_BEGIN,
	LITE_COMMIT,
	LITE_ROLLBACK,
	LITE_PART_BEGIN,
	LITE_PART_UNDO,
	LITE_PART_END,
	LITE_FIXED_N
};

struct sqlite_db {
	struct db db; /* first: a struct db of this backend is one of these */
	sqlite3 *sql;
	sqlite3_stmt *stmts[SQL_N]; /* prepared when first used */
	sqlite3_stmt *fixed[LITE_FIXED_N];
	char *path; /* null in memory */
	uint64_t inode;
	int lock_fd;         /* of PATH-lock; -1 in memory */
	bool write_doubtful; /* the last commit failed: check must try a real write */
	int wal_pages;       /* length of the log after the last commit */
};

/* Say what an SQLite result means and what to do about it; returns false. */
bool sqlite_error(int rc, struct err *err);

/* Run SQL without parameters and rows. */
bool sqlite_run(struct sqlite_db *db, const char *sql, struct err *err);
bool sqlite_fixed(struct sqlite_db *db, enum sqlite_fixed which, struct err *err);

extern const struct sql_driver sqlite_driver;
void sqlite_driver_free(struct sqlite_db *db);

/* sqlite.c */
bool sqlite_begin(struct db *base, struct err *err);
bool sqlite_commit(struct db *base, struct err *err);
void sqlite_rollback(struct db *base);
bool sqlite_part(struct db *base, enum sql_part what, struct err *err);
bool sqlite_in_transaction(struct db *base);
bool sqlite_check(struct db *base, struct err *err);
void sqlite_close(struct db *base);

#endif
