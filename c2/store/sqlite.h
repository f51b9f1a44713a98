/* The embedded default: SQLite in WAL mode, every commit durable (synchronous=FULL). */
#ifndef C2_STORE_SQLITE_H
#define C2_STORE_SQLITE_H

#include "c2/core/store.h"

/*
 * Open or create the database file; ":memory:" keeps nothing. Beside it lie
 * PATH-lock and, while it is open, PATH-wal and PATH-shm; all have mode 0600,
 * an existing database is given it. No other server can open it until the
 * store is closed or the process ends; others may read (a backup while it
 * runs: sqlite3 PATH "VACUUM INTO 'COPY'"), but must not write.
 * ERR_STORE says what is wrong and what to do: not readable, not writable,
 * in use by another process, from a newer version, another program's, damaged,
 * disk full.
 */
bool store_sqlite_open(struct store *out, const char *path, struct err *err);

/*
 * The same file beside the server that has it, for a snapshot or one small
 * write. Nothing is made or migrated: it must be there, in this version's form.
 */
bool store_sqlite_beside(struct store *out, const char *path, struct err *err);

/* The version of its tables, 0 if there are none yet, and the one this program needs. */
bool store_sqlite_schema(const char *path, int *have, int *want, struct err *err);

#endif
