/* The embedded default: SQLite in WAL mode, every commit durable (synchronous=FULL). */
#ifndef C2_STORE_SQLITE_H
#define C2_STORE_SQLITE_H

#include "c2/core/store.h"

/*
 * Open or create the database file (mode 0600); ":memory:" keeps nothing.
 * ERR_STORE says what is wrong and what to do: not readable, not writable,
 * in use by another process, from a newer version, damaged, disk full.
 */
bool store_sqlite_open(struct store *out, const char *path, struct err *err);

#endif
