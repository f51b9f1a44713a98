/*
 * Addresses to listen on, as an operator writes them: 127.0.0.1:8888,
 * [::1]:8888, 0.0.0.0:443. Numeric only, since a name could mean an address
 * today that is not loopback tomorrow. [::] takes IPv6 alone.
 */
#ifndef BASE_LISTEN_H
#define BASE_LISTEN_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/err.h"

enum { LISTEN_TEXT_CAP = 80 };

struct listen_addr {
	struct sockaddr_storage addr;
	socklen_t len;
};

/* ERR_CONFIG if text is not address:port; port 0 lets the system choose. */
bool listen_parse(struct listen_addr *out, const char *text, struct err *err);

/* Only programs on this machine can reach it: 127.0.0.0/8 or ::1, mapped or not. */
bool listen_is_loopback(const struct listen_addr *a);

/*
 * Open a listening TCP socket, non-blocking and closed on exec, which the caller
 * closes. ERR_UNAVAILABLE: the address is in use; ERR_CONFIG: it is not ours.
 */
bool listen_open(int *fd, const struct listen_addr *a, struct err *err);

/* The port that an open listening socket has; 0 if fd is none. */
int listen_port(int fd);

/* The address as text, to say where a program listens; returns out. */
const char *listen_format(const struct listen_addr *a, char out[LISTEN_TEXT_CAP]);

#endif
