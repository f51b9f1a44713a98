/*
 * The HTTP/1.1 front: JSON requests to api_call() and back, inside the one
 * loop. Request lines and headers together at most 32 KiB, bodies
 * FRONT_MESSAGE_MAX; a request has to be complete within 60 s.
 */
#ifndef C2_FRONT_HTTP_H
#define C2_FRONT_HTTP_H

#include "c2/front/front.h"

struct http;

/*
 * Serve on a listening socket, which it takes over also when it fails. tls:
 * null for plain HTTP; not needed after the call. ERR_CONFIG: certificate or
 * key cannot be used.
 */
bool http_open(struct http **out, const struct front_env *env, int listen_fd,
	       const struct front_tls *tls, struct err *err);

/* The listening socket, to ask for its address. */
int http_fd(const struct http *h);

/*
 * New connections get the new certificate; those that are open end after
 * their next answer. On failure nothing changes.
 */
bool http_set_tls(struct http *h, const struct front_tls *tls, struct err *err);

/*
 * Take no more connections and end those that are open after the request they
 * are in. done is called once none is left, at the earliest in the next turn.
 */
void http_drain(struct http *h, void (*done)(void *ctx), void *ctx);

/* End everything at once. Not from a callback of it. */
void http_close(struct http *h);

#endif
