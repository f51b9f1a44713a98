/* For tests: a PostgreSQL server of our own, in a temporary folder, on a Unix socket. */
#ifndef C2_STORE_TESTS_PG_SERVER_H
#define C2_STORE_TESTS_PG_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "c2/store/tests/child.h"

struct pg_server {
	struct child child; /* its folder has data, log and socket */
	char url[128];      /* its database, for store_pg_open */
};

/* Make and start one; writes are as durable as in life. Says what is wrong if it cannot. */
bool pg_server_start(struct pg_server *s);
/* Start it again after child_kill(SIGINT: sessions are ended, SIGQUIT: no goodbye). */
bool pg_server_again(struct pg_server *s);

/* SQL as another session, its superuser; the first value as an integer. Ends the test if wrong. */
int64_t pg_server_sql(const struct pg_server *s, const char *sql);

#endif
