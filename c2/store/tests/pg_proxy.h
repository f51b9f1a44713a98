/* For tests: a process between us and the server that cuts the connection when told. */
#ifndef C2_STORE_TESTS_PG_PROXY_H
#define C2_STORE_TESTS_PG_PROXY_H

#include "c2/store/tests/pg_server.h"

/* At the next bytes: of ours, which do not arrive; of the server's, which we do not see. */
enum pg_proxy_cut { PG_PROXY_PASS, PG_PROXY_CUT_REQUEST, PG_PROXY_CUT_ANSWER };

struct pg_proxy {
	char folder[96]; /* of its socket */
	char url[192];
	int pid;
	volatile int *cut; /* shared with the process */
};

bool pg_proxy_start(struct pg_proxy *p, const struct pg_server *server);
/* Cut once, then pass on again. */
void pg_proxy_cut(struct pg_proxy *p, enum pg_proxy_cut cut);
void pg_proxy_stop(struct pg_proxy *p);

#endif
