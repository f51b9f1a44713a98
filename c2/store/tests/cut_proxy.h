/* For tests: a process between us and a server, on Unix sockets, that cuts a connection when told.
 */
#ifndef C2_STORE_TESTS_CUT_PROXY_H
#define C2_STORE_TESTS_CUT_PROXY_H

#include <stdbool.h>

/* At the next bytes: of ours, which do not arrive; of the server's, which we do not see. */
enum cut_proxy_cut { CUT_PROXY_PASS, CUT_PROXY_CUT_REQUEST, CUT_PROXY_CUT_ANSWER };

struct cut_proxy {
	int pid;
	volatile int *cut; /* which, and how many to pass before; shared with the process */
};

/* Listen at one path, pass on to another. */
bool cut_proxy_start(struct cut_proxy *p, const char *at, const char *to);
/* Let some pass, cut once, then pass on again. */
void cut_proxy_cut(struct cut_proxy *p, enum cut_proxy_cut cut, int pass_before);
void cut_proxy_stop(struct cut_proxy *p);

#endif
