/* MariaDB from 10.6, MySQL from 8.0.16; any number of servers share it. */
#ifndef C2_STORE_MARIA_H
#define C2_STORE_MARIA_H

#include "c2/core/store.h"

struct store_maria_config {
	/*
	 * mysql://USER@HOST[:PORT]/DATABASE[?OPTION=VALUE&...], or mariadb://,
	 * without a password. Without a host it is a Unix socket. Options:
	 * socket=PATH, ssl-mode=VERIFY_IDENTITY|DISABLED, ssl-ca=FILE. Over a
	 * network the server's certificate is verified unless ssl-mode says
	 * otherwise.
	 */
	const char *url;
	const char *password_file; /* null: none */
	bool as_it_is;             /* migrate nothing: it must be in this version's form */
};

/* Is the URL one for this backend? */
bool store_maria_is_url(const char *url);

/*
 * Connect, and make or migrate the tables in the database of the URL, which is
 * there and for nothing else. ERR_CONFIG: the URL is wrong; ERR_STORE says what
 * else is and what to do. A connection that is lost later makes the call fail
 * that needed it; the next one connects again. No call waits longer than some
 * seconds.
 */
bool store_maria_open(struct store *out, const struct store_maria_config *config, struct err *err);

/* The version of its tables, 0 if there are none yet, and the one this program needs. */
bool store_maria_schema(const struct store_maria_config *config, int *have, int *want,
			struct err *err);

/* What can be checked without a connection: the URL and the file. */
bool store_maria_check(const struct store_maria_config *config, struct err *err);

#endif
