#define _GNU_SOURCE
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "c2/front/grpc_inner.h"

/* One TLS record, so that nothing read waits inside the TLS library. */
enum { READ_CAP = 16384, READS_A_TURN = 4 };
enum { STREAM_WINDOW = 256 * 1024, CONN_WINDOW = 1024 * 1024, HEADERS_MAX = 16384 };

/*
 * Times. A connection with calls is pinged when nothing was heard for PING_MS
 * and ends when that stays unanswered for PONG_MS; without calls it ends after
 * IDLE_MS, or after FIRST_CALL_MS when it never had one that was allowed, so
 * that strangers cannot hold all places. A request has to be complete within
 * REQUEST_MS.
 */
enum {
	HANDSHAKE_MS = 10000,
	PING_MS = 60000,
	PONG_MS = 20000,
	IDLE_MS = 300000,
	FIRST_CALL_MS = 20000,
	REQUEST_MS = 60000
};

/* Pings in a row without a call's frames between them; a client that pings more is sent away. */
enum { STRIKES_MAX = 100 };

/* Bytes of a request that are still taken when it was answered already. */
enum { SURPLUS_MAX = 65536 };

/* Callbacks of the HTTP/2 library */

static struct grpc_stream *stream_of(nghttp2_session *session, int32_t id)
{
	return id > 0 ? nghttp2_session_get_stream_user_data(session, id) : NULL;
}

static bool is_request(const nghttp2_frame *frame)
{
	return frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
	struct grpc_conn *c = ctx;
	int32_t id = frame->hd.stream_id;

	if (is_request(frame))
		nghttp2_session_set_stream_user_data(session, id, grpc_stream_new(c, id));
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
		     void *ctx)
{
	struct grpc_stream *s = stream_of(session, frame->hd.stream_id);

	(void)flags, (void)ctx;
	/* Trailers of a request mean nothing here. */
	if (!s || !is_request(frame))
		return 0;
	grpc_stream_header(s, (const char *)name, name_len, (const char *)value, value_len);
	return 0;
}

static void on_ping(struct grpc_conn *c, const nghttp2_frame *frame)
{
	static const uint8_t why[] = "too_many_pings";

	if (frame->hd.flags & NGHTTP2_FLAG_ACK)
		return;
	if (++c->strikes <= STRIKES_MAX || c->leaving == GRPC_GONE)
		return;
	c->leaving = GRPC_GONE;
	nghttp2_submit_goaway(c->session, NGHTTP2_FLAG_NONE,
			      nghttp2_session_get_last_proc_stream_id(c->session),
			      NGHTTP2_ENHANCE_YOUR_CALM, why, sizeof why - 1);
	nghttp2_session_terminate_session(c->session, NGHTTP2_ENHANCE_YOUR_CALM);
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
	struct grpc_stream *s = stream_of(session, frame->hd.stream_id);
	struct grpc_conn *c = ctx;

	if (frame->hd.type == NGHTTP2_PING)
		on_ping(c, frame);
	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	c->strikes = 0;
	if (s && is_request(frame))
		grpc_stream_headers_done(s);
	if (s && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		grpc_stream_request_end(s);
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
		   size_t len, void *ctx)
{
	struct grpc_stream *s = stream_of(session, id);

	(void)flags, (void)ctx;
	if (!s)
		return 0;
	grpc_stream_data(s, bytes, len);
	s->surplus += s->answered ? len : 0;
	if (s->surplus > SURPLUS_MAX)
		nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR);
	return 0;
}

/*
 * A call that was answered before its request ended needs no more of it. But a reset
 * makes some clients, libcurl among them, lose the answer when it meets them while they
 * still send: those get the chance to end by themselves.
 */
static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
	struct grpc_stream *s = stream_of(session, frame->hd.stream_id);

	(void)ctx;
	if (s && (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
	    (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		s->answered = true;
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *ctx)
{
	struct grpc_stream *s = stream_of(session, id);

	(void)code, (void)ctx;
	if (s)
		grpc_stream_free(s);
	return 0;
}

static bool session_open(struct grpc_conn *c)
{
	static const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, GRPC_STREAMS_MAX},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HEADERS_MAX},
	};
	nghttp2_session_callbacks *cb;
	nghttp2_option *option;
	int rv;

	if (nghttp2_session_callbacks_new(&cb) || nghttp2_option_new(&option))
		mem_exhausted("memory");
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame_recv);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_send);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
	/* Streams opened only to be reset: a burst of 200, then 50 a second. */
	nghttp2_option_set_stream_reset_rate_limit(option, 200, 50);
	nghttp2_option_set_max_outbound_ack(option, 100);
	nghttp2_option_set_no_closed_streams(option, 1);
	rv = nghttp2_session_server_new2(&c->session, cb, c, option);
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(cb);
	if (rv)
		mem_exhausted("memory");
	return nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings,
				       sizeof settings / sizeof *settings) == 0 &&
	       nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0,
						     CONN_WINDOW) == 0;
}

/* The socket */

/* Bytes moved; 0: not now; -1: the connection is over. */
static ssize_t tls_result(struct grpc_conn *c, int n)
{
	int why;

	if (n > 0)
		return n;
	why = SSL_get_error(c->ssl, n);
	ERR_clear_error();
	return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static ssize_t socket_result(ssize_t n)
{
	if (n > 0)
		return n;
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static ssize_t socket_read(struct grpc_conn *c, uint8_t *out, size_t cap)
{
	if (c->ssl)
		return tls_result(c, SSL_read(c->ssl, out, (int)cap));
	return socket_result(recv(c->fd, out, cap, 0));
}

static ssize_t socket_write(struct grpc_conn *c, const uint8_t *bytes, size_t len)
{
	if (c->ssl)
		return tls_result(c, SSL_write(c->ssl, bytes, (int)len));
	return socket_result(send(c->fd, bytes, len, MSG_NOSIGNAL));
}

static void handshake(struct grpc_conn *c)
{
	const unsigned char *alpn;
	unsigned len;
	int n = SSL_accept(c->ssl);

	if (n != 1) {
		c->blocked = SSL_want_write(c->ssl);
		c->dead = tls_result(c, n) < 0;
		return;
	}
	c->handshake = false;
	c->blocked = false;
	/* gRPC demands it: other protocols must not be talked into this one. */
	SSL_get0_alpn_selected(c->ssl, &alpn, &len);
	c->dead = len != 2 || memcmp(alpn, "h2", 2) != 0;
}

/* The connection */

static void receive(struct grpc_conn *c)
{
	uint8_t bytes[READ_CAP];
	ssize_t n = 0;

	for (int i = 0; i < READS_A_TURN && !c->dead; i++) {
		n = socket_read(c, bytes, sizeof bytes);
		if (n <= 0)
			break;
		c->heard_ms = grpc_now_ms();
		c->pinged_ms = 0;
		if (nghttp2_session_mem_recv(c->session, bytes, (size_t)n) < 0)
			c->dead = true;
		explicit_bzero(bytes, (size_t)n);
		/* A short read of a plain socket was the last for now. */
		if (!c->ssl && (size_t)n < sizeof bytes)
			break;
	}
	if (n < 0)
		c->dead = true;
}

/* Collect frames until a good piece for the socket is together. */
static size_t fill(struct grpc_conn *c, uint8_t *out)
{
	size_t len = 0;

	while (len < GRPC_OUT_CAP / 2) {
		const uint8_t *frame;
		ssize_t n = nghttp2_session_mem_send(c->session, &frame);

		/* A frame has at most 16 KiB and its head: half of the room is always enough. */
		if (n < 0 || (n > 0 && (size_t)n > GRPC_OUT_CAP - len))
			c->dead = true;
		if (n <= 0 || c->dead)
			break;
		memcpy(out + len, frame, (size_t)n);
		len += (size_t)n;
	}
	return len;
}

/* Bytes the socket took; less than len: it takes no more now. */
static size_t write_some(struct grpc_conn *c, const uint8_t *bytes, size_t len)
{
	size_t at = 0;

	while (at < len) {
		ssize_t n = socket_write(c, bytes + at, len - at);

		if (n < 0)
			c->dead = true;
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	c->blocked = at < len;
	return at;
}

static void rest_free(struct grpc_conn *c)
{
	if (c->out)
		explicit_bzero(c->out, c->out_len);
	free(c->out);
	c->out = NULL;
	c->out_at = c->out_len = 0;
}

static void rest_keep(struct grpc_conn *c, const uint8_t *bytes, size_t len)
{
	c->out = mem_alloc(len);
	memcpy(c->out, bytes, len);
	c->out_len = len;
	c->out_at = 0;
}

/* All connections fill one buffer; what the socket does not take is kept with the connection. */
static void transmit(struct grpc_conn *c)
{
	uint8_t *scratch = c->grpc->scratch;

	if (c->out) {
		c->out_at += write_some(c, c->out + c->out_at, c->out_len - c->out_at);
		if (c->out_at < c->out_len)
			return;
		rest_free(c);
	}
	while (!c->dead && !c->out) {
		size_t len = fill(c, scratch), at;

		if (len == 0)
			break;
		at = write_some(c, scratch, len);
		if (at < len && !c->dead)
			rest_keep(c, scratch + at, len - at);
		explicit_bzero(scratch, len);
	}
}

static bool is_over(const struct grpc_conn *c)
{
	return !c->handshake && !c->out && !nghttp2_session_want_read(c->session) &&
	       !nghttp2_session_want_write(c->session);
}

void grpc_conn_step(struct grpc_conn *c)
{
	if (!c->dead && !c->handshake)
		transmit(c);
	if (c->dead || is_over(c)) {
		grpc_conn_free(c);
		return;
	}
	/* Who does not read his answers is not read from either. */
	loop_fd_set(c->watch, c->blocked ? LOOP_WRITE : LOOP_READ);
}

static void on_ready(void *ctx, int fd, int ready)
{
	struct grpc_conn *c = ctx;

	(void)fd;
	if (c->handshake)
		handshake(c);
	if (!c->handshake && !c->dead && !(c->blocked && !(ready & LOOP_ERROR)))
		receive(c);
	grpc_conn_step(c);
}

void grpc_conn_mark(struct grpc_conn *c)
{
	if (c->marked)
		return;
	c->marked = true;
	c->next_marked = c->grpc->marked;
	c->grpc->marked = c;
	loop_timer_set(c->grpc->step, 0);
}

void grpc_conn_open(struct grpc *g, int fd)
{
	struct grpc_conn *c = mem_alloc(sizeof *c);

	c->grpc = g;
	c->fd = fd;
	c->opened_ms = c->heard_ms = c->idle_since_ms = grpc_now_ms();
	if (g->tls) {
		c->ssl = SSL_new(g->tls);
		if (!c->ssl || SSL_set_fd(c->ssl, fd) != 1)
			mem_exhausted("memory");
		c->handshake = true;
	}
	c->next = g->conns;
	if (g->conns)
		g->conns->prev = c;
	g->conns = c;
	g->n_conns++;
	c->dead = !session_open(c);
	c->watch = loop_fd_add(g->env.loop, fd, LOOP_READ, on_ready, c);
	grpc_conn_mark(c);
}

static void unmark(struct grpc_conn *c)
{
	struct grpc_conn **at = &c->grpc->marked;

	while (c->marked && *at) {
		if (*at == c) {
			*at = c->next_marked;
			break;
		}
		at = &(*at)->next_marked;
	}
	c->marked = false;
}

void grpc_conn_free(struct grpc_conn *c)
{
	struct grpc *g = c->grpc;

	while (c->streams)
		grpc_stream_free(c->streams);
	nghttp2_session_del(c->session);
	unmark(c);
	loop_fd_del(c->watch);
	if (c->ssl) {
		if (!c->handshake)
			SSL_shutdown(c->ssl);
		ERR_clear_error();
		SSL_free(c->ssl);
	}
	close(c->fd);
	rest_free(c);
	*(c->prev ? &c->prev->next : &g->conns) = c->next;
	if (c->next)
		c->next->prev = c->prev;
	g->n_conns--;
	free(c);
	if (g->n_conns < GRPC_CONNECTIONS_MAX && g->listener)
		loop_fd_set(g->listener, LOOP_READ);
	if (g->draining && g->n_conns == 0)
		loop_timer_set(g->sweep, 0);
}

/* Time */

void grpc_conn_leave(struct grpc_conn *c)
{
	if (c->leaving == GRPC_STAYS) {
		c->leaving = GRPC_NOTICED;
		/* Calls that the client began before it hears of this are still taken. */
		nghttp2_submit_shutdown_notice(c->session);
	} else if (c->leaving == GRPC_NOTICED) {
		c->leaving = GRPC_GONE;
		nghttp2_submit_goaway(c->session, NGHTTP2_FLAG_NONE,
				      nghttp2_session_get_last_proc_stream_id(c->session),
				      NGHTTP2_NO_ERROR, NULL, 0);
	}
	grpc_conn_mark(c);
}

static void check_requests(struct grpc_conn *c, int64_t now)
{
	struct err late;

	err_set(&late, ERR_DEADLINE, "the request did not come to its end");
	for (struct grpc_stream *s = c->streams; s; s = s->next) {
		bool waits = s->handler && s->handler->many && s->body.len == 0;

		if (!s->request_ended && !s->finished && !waits && now - s->began_ms > REQUEST_MS)
			grpc_stream_finish(s, &late);
		if (s->answered && now - s->began_ms > REQUEST_MS) {
			nghttp2_submit_rst_stream(c->session, NGHTTP2_FLAG_NONE, s->id,
						  NGHTTP2_NO_ERROR);
			grpc_conn_mark(c);
		}
	}
}

static void check_silence(struct grpc_conn *c, int64_t now)
{
	if (c->pinged_ms && now - c->pinged_ms > PONG_MS) {
		c->dead = true;
		grpc_conn_mark(c);
	} else if (!c->pinged_ms && now - c->heard_ms > PING_MS) {
		c->pinged_ms = now;
		nghttp2_submit_ping(c->session, NGHTTP2_FLAG_NONE, NULL);
		grpc_conn_mark(c);
	}
}

static int64_t idle_limit(const struct grpc_conn *c)
{
	if (c->leaving != GRPC_STAYS)
		return HANDSHAKE_MS;
	return c->served ? IDLE_MS : FIRST_CALL_MS;
}

void grpc_conn_check(struct grpc_conn *c, int64_t now)
{
	if (c->handshake) {
		c->dead = now - c->opened_ms > HANDSHAKE_MS;
		if (c->dead)
			grpc_conn_mark(c);
		return;
	}
	if (c->n_streams > 0) {
		check_requests(c, now);
		check_silence(c, now);
	} else if (now - c->idle_since_ms > idle_limit(c)) {
		/* Who does not even read gets no goodbye. */
		c->dead = c->out != NULL;
		nghttp2_session_terminate_session(c->session, NGHTTP2_NO_ERROR);
		grpc_conn_mark(c);
	}
}
