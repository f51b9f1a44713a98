/* What the HTTP and the gRPC front share: their surroundings, TLS files, the access log. */
#ifndef C2_FRONT_FRONT_H
#define C2_FRONT_FRONT_H

#include <stddef.h>
#include <stdint.h>

#include "api/service.h"
#include "base/err.h"
#include "base/loop.h"
#include "c2/front/auth.h"

/* Largest request: a JSON body, a gRPC message. */
enum { FRONT_MESSAGE_MAX = 4 * 1024 * 1024 };
/*
 * Bytes of half-read requests that one front holds at most; above it, large
 * requests are refused. Bounds the memory that many slow callers can take.
 */
enum { FRONT_BUFFERED_MAX = 64 * 1024 * 1024 };

/* A certificate chain and its key in PEM, both zero-terminated. */
struct front_tls {
	char *cert;
	char *key;
};

/* Read both files; the key's must be readable by its owner alone. ERR_CONFIG. */
bool front_tls_read(struct front_tls *out, const char *cert_path, const char *key_path,
		    struct err *err);
/* Wipe and release. */
void front_tls_wipe(struct front_tls *t);

struct front_env {
	struct loop *loop;
	const struct api_service *service;
	const struct auth *auth;
};

/* A request body that grows, counted in *total, the sum of its front. */
struct front_body {
	uint8_t *bytes;
	size_t len, cap;
};

/* ERR_TOO_LARGE above max bytes, ERR_EXHAUSTED when the front holds too much. */
bool front_body_add(struct front_body *b, size_t *total, const void *bytes, size_t len, size_t max,
		    struct err *err);
/* Wipe and release: bodies carry keys. */
void front_body_free(struct front_body *b, size_t *total);

/* For libraries that take what they only read as not const. */
static inline void *front_unconst(const void *p)
{
	const union {
		const void *in;
		void *out;
	} pointer = {p};

	return pointer.out;
}

/* One line for each call. path is a template of ours, never what the caller sent. */
void front_log_access(const char *protocol, const char *verb, const char *path, int status,
		      int64_t ms, const struct api_caller *caller);

#endif
