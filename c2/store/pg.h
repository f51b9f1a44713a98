/* PostgreSQL 13 or newer, or a cluster that speaks its language; any number of servers share it. */
#ifndef C2_STORE_PG_H
#define C2_STORE_PG_H

#include "c2/core/store.h"

struct store_pg_config {
	/*
	 * postgres://USER@HOST[:PORT][,HOST...]/DATABASE[?OPTION=VALUE...] as libpq
	 * reads it, without a password. Over a network the server's certificate is
	 * verified (sslmode=verify-full) unless the URL says otherwise.
	 */
	const char *url;
	const char *password_file; /* null: none, or what libpq finds (.pgpass) */
};

/*
 * Connect, and make or migrate the tables in the schema e4. ERR_CONFIG: the URL
 * is wrong; ERR_STORE says what else is and what to do. A connection that is
 * lost later makes the call fail that needed it; the next one connects again.
 * No call waits longer than some seconds.
 */
bool store_pg_open(struct store *out, const struct store_pg_config *config, struct err *err);

/* What can be checked without a connection: the URL and the file. */
bool store_pg_check(const struct store_pg_config *config, struct err *err);

#endif
