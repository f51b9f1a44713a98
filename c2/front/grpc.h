/*
 * The gRPC front: HTTP/2 inside the one loop, in clear with prior knowledge or
 * by ALPN over TLS. Serves the API, grpc.health.v1.Health, and reflection (v1,
 * v1alpha). No compression: a compressed message is UNIMPLEMENTED. At most 256
 * connections with 100 calls each, messages of at most FRONT_MESSAGE_MAX.
 */
#ifndef C2_FRONT_GRPC_H
#define C2_FRONT_GRPC_H

#include "c2/front/front.h"

struct grpc;

/*
 * Serve on a listening socket, which it takes over also when it fails. tls:
 * null for clear text; not needed after the call. ERR_CONFIG: certificate or
 * key cannot be used.
 */
bool grpc_open(struct grpc **out, const struct front_env *env, int listen_fd,
	       const struct front_tls *tls, struct err *err);

/* The listening socket, to ask for its address. */
int grpc_fd(const struct grpc *g);

/* Whether certificate and key can be used together; ERR_CONFIG says what is wrong. */
bool grpc_tls_check(const struct front_tls *tls, struct err *err);

/* New connections get the new certificate. On failure nothing changes. */
bool grpc_set_tls(struct grpc *g, const struct front_tls *tls, struct err *err);

/*
 * Take no more connections, tell the open ones to go elsewhere (GOAWAY), let
 * calls finish. done is called once none is left, at the earliest in the next
 * turn. Streams do not end by themselves: end them at the service.
 */
void grpc_drain(struct grpc *g, void (*done)(void *ctx), void *ctx);

/* End everything at once. Not from a callback of it. */
void grpc_close(struct grpc *g);

#endif
