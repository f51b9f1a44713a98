/* For tests: a PostgreSQL server of our own, in a temporary folder, on a Unix socket. */
#ifndef C2_STORE_TESTS_PG_SERVER_H
#define C2_STORE_TESTS_PG_SERVER_H

#include <stdbool.h>
#include <stdint.h>

struct pg_server {
	char folder[64]; /* with data, log and socket */
	char url[128];   /* its database, for store_pg_open */
	int pid;
};

/* Make and start one; writes are as durable as in life. Says what is wrong if it cannot. */
bool pg_server_start(struct pg_server *s);
/* Start it again after pg_server_kill. */
bool pg_server_again(struct pg_server *s);
/* End it at once with this signal: SIGINT (sessions are ended), SIGQUIT (no goodbye). */
void pg_server_kill(struct pg_server *s, int signo);
/* The end of it and its folder. */
void pg_server_remove(struct pg_server *s);

/* SQL as another session, its superuser; the first value as an integer. Ends the test if wrong. */
int64_t pg_server_sql(const struct pg_server *s, const char *sql);

#endif
