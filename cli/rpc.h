/*
 * Calls to the key server: gRPC over HTTP/2 by libcurl, with the framing and
 * the trailers of gRPC on top. With TLS one connection is kept for all calls.
 *
 * Answers and requests may hold plaintext and keys: buffers are wiped, and
 * messages belong to the caller's arena, which wipes too.
 */
#ifndef CLI_RPC_H
#define CLI_RPC_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "api/method.h"
#include "base/arena.h"
#include "base/err.h"

/* How the user of this program sets each, for what errors say; null: c2cli's flags. */
struct rpc_words {
	const char *endpoint, *ca, *token, *timeout;
};

struct rpc_config {
	const char *endpoint;   /* host:port, or with http:// or https:// before it */
	const char *ca_file;    /* CA certificate: TLS; null: TLS only if the endpoint says https */
	const char *token_file; /* first line is the token; null: none */
	int64_t timeout_ms;     /* of each unary call */
	volatile sig_atomic_t *stop; /* set by a signal handler: give the call up; may be null */
	const struct rpc_words *words;
};

struct rpc;

/* Checks files and endpoint; connects at the first call. Texts of config must outlive it. */
bool rpc_open(struct rpc **out, const struct rpc_config *config, struct err *err);
void rpc_close(struct rpc *g);

/*
 * One request, one answer. The error is what the server said, or
 * ERR_UNAVAILABLE when it cannot be reached, ERR_DEADLINE when it takes too
 * long, ERR_CANCELLED when stop was set.
 */
bool rpc_call(struct rpc *g, const struct api_method *method, const ProtobufCMessage *request,
	      struct arena *arena, ProtobufCMessage **response, struct err *err);

/*
 * A stream of answers, without time limit: on_message borrows each one, and
 * ends the stream by returning false, which counts as success.
 */
bool rpc_stream(struct rpc *g, const struct api_method *method, const ProtobufCMessage *request,
		bool (*on_message)(void *ctx, const ProtobufCMessage *msg), void *ctx,
		struct err *err);

/* Shorten the time of the calls to come. */
void rpc_set_timeout(struct rpc *g, int64_t timeout_ms);

/* --- The pieces, for tests -------------------------------------------------- */

/* Cuts a byte stream into gRPC messages. */
struct rpc_frames {
	uint8_t head[5];
	size_t head_len;
	uint8_t *body;
	size_t body_len, body_need;
	bool (*on_frame)(void *ctx, const uint8_t *bytes, size_t len, struct err *err);
	void *ctx;
};

/* ERR_INTERNAL for a compressed or oversized message, or what on_frame says. */
bool rpc_frames_feed(struct rpc_frames *f, const uint8_t *bytes, size_t len, struct err *err);
/* Whether the stream ended between two messages. */
bool rpc_frames_done(const struct rpc_frames *f);
void rpc_frames_free(struct rpc_frames *f);

/* Percent-decode the text of a grpc-message header; what is no escape stays. */
void rpc_message_decode(char *out, size_t cap, const char *text, size_t len);

/* Whether the endpoint's host is this machine: a token may go there unencrypted. */
bool rpc_is_loopback(const char *endpoint);

#endif
