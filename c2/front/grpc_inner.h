/*
 * Between the parts of the gRPC front:
 *   grpc.c             the listener, limits in time, drain
 *   grpc_tls.c         TLS settings
 *   grpc_conn.c        one connection: bytes in and out of an HTTP/2 session
 *   grpc_stream.c      one call: from headers to trailers
 *   grpc_api.c grpc_health.c grpc_reflection.c   what calls do
 *
 * A connection is freed only by grpc_conn_step(), which no callback of the
 * HTTP/2 library is below; everything else marks it and lets the loop come by.
 */
#ifndef C2_FRONT_GRPC_INNER_H
#define C2_FRONT_GRPC_INNER_H

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>

#include "base/arena.h"
#include "c2/front/grpc.h"

enum { GRPC_STREAMS_MAX = 100, GRPC_CONNECTIONS_MAX = 256, GRPC_OUT_CAP = 32768 };

struct grpc {
	struct front_env env;
	int listen_fd;
	struct loop_fd *listener;
	SSL_CTX *tls; /* null: clear text */
	struct grpc_conn *conns;
	size_t n_conns;
	struct grpc_conn *marked; /* to be stepped in this turn */
	struct loop_timer *step, *sweep;
	struct grpc_stream *watches; /* health watches */
	struct loop_timer *watch_timer;
	size_t buffered; /* bytes in request bodies */
	size_t queued;   /* bytes in answers that are not yet sent */
	uint8_t scratch[GRPC_OUT_CAP];
	bool draining;
	void (*done)(void *ctx);
	void *done_ctx;
};

/* How far a connection has been told to go elsewhere. */
enum grpc_leaving { GRPC_STAYS, GRPC_NOTICED, GRPC_GONE };

struct grpc_conn {
	struct grpc *grpc;
	int fd;
	struct loop_fd *watch;
	SSL *ssl;       /* null: clear text */
	bool handshake; /* under way */
	bool dead;      /* to be freed by the next step */
	bool marked;
	bool blocked; /* the socket takes no more; then nothing is read either */
	nghttp2_session *session;
	struct grpc_stream *streams;
	size_t n_streams;
	uint8_t *out; /* what the socket did not take; null: nothing */
	size_t out_len, out_at;
	bool served; /* had a call that was allowed */
	int64_t opened_ms, heard_ms, pinged_ms, idle_since_ms;
	enum grpc_leaving leaving;
	int strikes; /* pings without anything else */
	struct grpc_conn *prev, *next, *next_marked;
};

struct grpc_handler;

struct grpc_stream {
	struct grpc_conn *conn;
	int32_t id;
	struct arena arena;
	struct api_caller caller;
	int64_t began_ms;
	/* Headers of the request, null if absent. */
	char *verb, *path, *content_type, *authorization, *timeout, *request_id;
	size_t headers_len;
	const struct grpc_handler *handler; /* null: not known yet, or none */
	unsigned method;                    /* of the API, for its handler */
	struct front_body body;
	size_t n_messages;
	bool request_ended;
	/* The answer. */
	uint8_t *out; /* framed messages */
	size_t out_len, out_at, out_cap;
	bool headers_sent, finished;
	bool answered;  /* the end of the answer was sent */
	size_t surplus; /* bytes of the request that came after that */
	int status;     /* gRPC code, once finished */
	char *message;
	struct loop_timer *deadline;
	void *state; /* of the handler */
	struct grpc_stream *prev, *next, *prev_watch, *next_watch;
};

/* What a path does; for the API's own, path, role and type are in its table. */
struct grpc_handler {
	const char *path;
	enum api_role role;
	const ProtobufCMessageDescriptor *request; /* null: that of s->method */
	bool many; /* takes any number of messages, each answered as it comes */
	/* One request message, valid and in the stream's arena. */
	void (*on_message)(struct grpc_stream *s, const ProtobufCMessage *request);
	/* The stream is gone: forget it. May be null. */
	void (*on_end)(struct grpc_stream *s);
};

/* --- grpc_tls.c --- */

bool grpc_tls_new(SSL_CTX **out, const struct front_tls *tls, struct err *err);

/* --- grpc.c --- */

int64_t grpc_now_ms(void);

/* --- grpc_conn.c --- */

void grpc_conn_open(struct grpc *g, int fd);
void grpc_conn_free(struct grpc_conn *c);
/* Let the loop come by and send what is there. */
void grpc_conn_mark(struct grpc_conn *c);
/* Read nothing, send what is there, free it if it is over. */
void grpc_conn_step(struct grpc_conn *c);
/* What time brings: handshakes and half requests that take too long, pings, idleness. */
void grpc_conn_check(struct grpc_conn *c, int64_t now);
/* GOAWAY, in two steps a moment apart: calls that are under way go on. */
void grpc_conn_leave(struct grpc_conn *c);

/* --- grpc_stream.c --- */

struct grpc_stream *grpc_stream_new(struct grpc_conn *c, int32_t id);
void grpc_stream_free(struct grpc_stream *s);
void grpc_stream_header(struct grpc_stream *s, const char *name, size_t name_len, const char *value,
			size_t value_len);
void grpc_stream_headers_done(struct grpc_stream *s);
void grpc_stream_data(struct grpc_stream *s, const uint8_t *bytes, size_t len);
void grpc_stream_request_end(struct grpc_stream *s);

/*
 * Queue a message of the answer. False: the caller reads too slowly, or all
 * together do; nothing was queued, and the stream should be finished.
 */
bool grpc_stream_send(struct grpc_stream *s, const ProtobufCMessage *msg);
/* Begin the answer now, before there is a message. */
void grpc_stream_send_headers(struct grpc_stream *s);
/* End the answer; err null: OK. Later calls change nothing. */
void grpc_stream_finish(struct grpc_stream *s, const struct err *err);

/* --- The handlers --- */

/* By the path; sets s->method where it is the API's. */
const struct grpc_handler *grpc_api_handler(struct grpc_stream *s);
extern const struct grpc_handler grpc_health_check, grpc_health_watch;
extern const struct grpc_handler grpc_reflection, grpc_reflection_alpha;

/* Look at the health again and tell those who watch. */
void grpc_health_look(void *grpc);

#endif
