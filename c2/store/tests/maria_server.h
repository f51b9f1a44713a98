/* For tests: a MariaDB server of our own, in a temporary folder, on a Unix socket. */
#ifndef C2_STORE_TESTS_MARIA_SERVER_H
#define C2_STORE_TESTS_MARIA_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "c2/store/tests/child.h"

struct maria_server {
	struct child child; /* its folder has data, log and socket */
	char socket[80];
	char url[160]; /* its database e4, for store_maria_open */
};

/* Make and start one; writes are as durable as in life. Says what is wrong if it cannot. */
bool maria_server_start(struct maria_server *s);
/* Start it again after child_kill(SIGTERM: in good order, SIGKILL: no goodbye). */
bool maria_server_again(struct maria_server *s);

/*
 * SQL as another session, its superuser; the last result's first value as an
 * integer. Ends the test if wrong.
 */
int64_t maria_server_sql(const struct maria_server *s, const char *sql);
/* End all other sessions, and wait until they are gone. */
void maria_server_end_sessions(const struct maria_server *s);

#endif
