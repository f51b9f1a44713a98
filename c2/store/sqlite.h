/* The embedded default: SQLite in WAL mode, every commit durable (synchronous=FULL). */
#ifndef C2_STORE_SQLITE_H
#define C2_STORE_SQLITE_H

#include "c2/core/store.h"

/*
 * Open or create the database file; ":memory:" keeps nothing. Beside it lies
 * PATH-wal while it is open; both have mode 0600, an existing file is given it.
 * The process has the file for itself until it closes the store or ends.
 * ERR_STORE says what is wrong and what to do: not readable, not writable,
 * in use by another process, from a newer version, another program's, damaged,
 * disk full.
 */
bool store_sqlite_open(struct store *out, const char *path, struct err *err);

#endif
