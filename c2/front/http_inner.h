/* Between the parts of the HTTP front: connections (http.c) and requests (http_request.c). */
#ifndef C2_FRONT_HTTP_INNER_H
#define C2_FRONT_HTTP_INNER_H

#include <microhttpd.h>

#include "base/arena.h"
#include "c2/front/http.h"

struct http {
	struct front_env env;
	int listen_fd;
	bool tls;
	size_t buffered;             /* bytes in request bodies */
	struct http_daemon *daemons; /* newest first; older ones end by and by */
	struct loop_timer *sweep;
	bool draining;
	void (*done)(void *ctx);
	void *done_ctx;
};

/* Where one request stands. */
enum http_phase {
	HTTP_LINE,    /* the request line was read */
	HTTP_BODY,    /* the body is collected */
	HTTP_DISCARD, /* the answer is known and waits for the end of the body */
	HTTP_HELD,    /* the call waits to be made, or its answer for its change to be durable */
	HTTP_SETTLED, /* it may leave */
	HTTP_ANSWERED
};

struct http_request {
	enum http_phase phase;
	struct arena arena;
	struct api_caller caller;
	char *path;  /* as it came, without the query */
	char *query; /* null if none */
	const char *verb;
	const char *template; /* for the log */
	unsigned method;
	char allow[64];
	bool last;      /* on its connection: where it ends is in doubt */
	struct err err; /* the answer, if it is one */
	struct front_body body;
	size_t discarded;
	int64_t began_ms;
	struct api_wait wait; /* in HTTP_HELD, while the library has suspended the connection */
	const char *text;     /* the answer of a call, in the arena; null: err is the answer */
	size_t text_len;
	int status;
};

/* A connection, from accept to close; the list of its daemon is in order of deadline. */
struct http_connection {
	struct http_daemon *daemon;
	struct MHD_Connection *mhd;
	struct http_connection *prev, *next;
	int64_t deadline_ms;
	bool busy; /* a request is under way */
	struct http_request request;
};

/* One instance of the library; a new certificate needs a new one. */
struct http_daemon {
	struct http *http;
	struct MHD_Daemon *mhd;
	struct loop_fd *watch;
	struct loop_timer *timer;
	struct http_connection *first, *last;
	bool closing; /* no new connections, and each answer is the last one */
	struct http_daemon *next;
};

/* The request line of a new request. */
void http_request_begin(struct http_connection *c, const char *uri);

/* The library's access handler, called with headers, pieces of body, and the end. */
enum MHD_Result http_request_step(struct http_connection *c, const char *verb, const char *version,
				  const char *bytes, size_t *len);

/* Let it answer now, without waiting: the front ends. */
void http_request_release(struct http_connection *c);

/* The answer is out, or never will be: write the log line and forget the request. */
void http_request_end(struct http_connection *c);

#endif
