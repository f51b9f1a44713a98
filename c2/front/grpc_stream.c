#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "base/mem.h"
#include "c2/front/grpc_frame.h"
#include "c2/front/grpc_inner.h"

/* Most bytes that wait for one reader, and for all of them together. */
enum { QUEUE_MAX = 2 * 1024 * 1024, QUEUED_MAX = 64 * 1024 * 1024 };
enum { HEADERS_MAX = 16384, HEADER_OVERHEAD = 32 };
/* A percent-encoded text of struct err. */
enum { MESSAGE_CAP = 3 * 256 };

#define NV(name, value)                                                                            \
	{                                                                                          \
		front_unconst(name), front_unconst(value), sizeof(name) - 1, strlen(value),        \
			NGHTTP2_NV_FLAG_NO_COPY_NAME                                               \
	}

/* Life */

struct grpc_stream *grpc_stream_new(struct grpc_conn *c, int32_t id)
{
	struct grpc_stream *s = mem_alloc(sizeof *s);

	s->conn = c;
	s->id = id;
	s->method = API_N_METHODS;
	s->began_ms = grpc_now_ms();
	s->next = c->streams;
	if (c->streams)
		c->streams->prev = s;
	c->streams = s;
	c->n_streams++;
	c->grpc->n_calls++;
	return s;
}

/* The call is over for its handler; the stream may live on until all is sent. */
static void detach(struct grpc_stream *s)
{
	if (s->handler && s->handler->on_end)
		s->handler->on_end(s);
	loop_timer_del(s->deadline);
	s->deadline = NULL;
	front_body_free(&s->body, &s->conn->grpc->buffered);
}

static const char *path_of_ours(const struct grpc_stream *s)
{
	if (s->method < API_N_METHODS)
		return api_methods[s->method].grpc_path;
	return s->handler ? s->handler->path : "-";
}

void grpc_stream_free(struct grpc_stream *s)
{
	struct grpc_conn *c = s->conn;

	if (!s->finished) {
		detach(s);
		s->status = err_row(ERR_CANCELLED)->grpc;
	}
	c->idle_since_ms = grpc_now_ms();
	front_log_access("grpc", "CALL", path_of_ours(s), s->status, c->idle_since_ms - s->began_ms,
			 &s->caller);
	nghttp2_session_set_stream_user_data(c->session, s->id, NULL);
	c->grpc->queued -= s->out_cap;
	if (s->out)
		explicit_bzero(s->out, s->out_cap);
	free(s->out);
	arena_free(&s->arena);
	*(s->prev ? &s->prev->next : &c->streams) = s->next;
	if (s->next)
		s->next->prev = s->prev;
	c->n_streams--;
	c->grpc->n_calls--;
	free(s);
}

/* The answer */

static void submit_trailers(struct grpc_stream *s)
{
	char status[12];
	nghttp2_nv trailers[2];
	size_t n = 0;

	snprintf(status, sizeof status, "%d", s->status);
	trailers[n++] = (nghttp2_nv)NV("grpc-status", status);
	if (s->message)
		trailers[n++] = (nghttp2_nv)NV("grpc-message", s->message);
	nghttp2_submit_trailer(s->conn->session, s->id, trailers, n);
}

static ssize_t read_answer(nghttp2_session *session, int32_t id, uint8_t *out, size_t cap,
			   uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
	struct grpc_stream *s = source->ptr;
	size_t n = s->out_len - s->out_at < cap ? s->out_len - s->out_at : cap;

	(void)session, (void)id, (void)ctx;
	if (n == 0 && !s->finished)
		return NGHTTP2_ERR_DEFERRED;
	if (n > 0)
		memcpy(out, s->out + s->out_at, n);
	s->out_at += n;
	if (s->out_at < s->out_len)
		return (ssize_t)n;
	s->out_at = s->out_len = 0;
	if (s->finished) {
		*flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
		submit_trailers(s);
	}
	return (ssize_t)n;
}

void grpc_stream_send_headers(struct grpc_stream *s)
{
	const nghttp2_nv headers[] = {
		NV(":status", "200"),
		NV("content-type", "application/grpc"),
		NV("grpc-accept-encoding", "identity"),
		NV("x-request-id", s->caller.request_id),
	};
	const nghttp2_data_provider answer = {{.ptr = s}, read_answer};

	if (s->headers_sent || s->finished)
		return;
	s->headers_sent = true;
	nghttp2_submit_response(s->conn->session, s->id, headers, sizeof headers / sizeof *headers,
				&answer);
	grpc_conn_mark(s->conn);
}

/* Make room for len bytes more behind what is still to be sent. */
static bool out_reserve(struct grpc_stream *s, size_t len)
{
	struct grpc *g = s->conn->grpc;
	size_t pending = s->out_len - s->out_at, cap = s->out_cap;
	uint8_t *out;

	if (s->out_cap - s->out_len >= len)
		return true;
	while (cap - pending < len)
		cap = cap ? 2 * cap : 512;
	if (g->queued + cap > QUEUED_MAX)
		return false;
	out = mem_alloc(cap);
	if (pending > 0)
		memcpy(out, s->out + s->out_at, pending);
	if (s->out)
		explicit_bzero(s->out, s->out_cap);
	free(s->out);
	g->queued += cap - s->out_cap;
	s->out = out;
	s->out_cap = cap;
	s->out_len = pending;
	s->out_at = 0;
	return true;
}

bool grpc_stream_send(struct grpc_stream *s, const ProtobufCMessage *msg)
{
	size_t len = protobuf_c_message_get_packed_size(msg);
	size_t pending = s->out_len - s->out_at;

	if (s->finished)
		return false;
	/* The first one may have any size: there is no smaller answer to give. */
	if ((pending > 0 && pending + len > QUEUE_MAX) || !out_reserve(s, GRPC_FRAME_HEAD + len))
		return false;
	grpc_frame_encode(s->out + s->out_len, (uint32_t)len);
	protobuf_c_message_pack(msg, s->out + s->out_len + GRPC_FRAME_HEAD);
	s->out_len += GRPC_FRAME_HEAD + len;
	if (s->headers_sent)
		nghttp2_session_resume_data(s->conn->session, s->id);
	grpc_stream_send_headers(s);
	grpc_conn_mark(s->conn);
	return true;
}

/* Nothing was sent yet: status and all in one frame of headers. */
static void submit_status_only(struct grpc_stream *s)
{
	char status[12];
	nghttp2_nv headers[6] = {
		NV(":status", "200"),
		NV("content-type", "application/grpc"),
		NV("grpc-accept-encoding", "identity"),
		NV("x-request-id", s->caller.request_id),
	};
	size_t n = 4;

	snprintf(status, sizeof status, "%d", s->status);
	headers[n++] = (nghttp2_nv)NV("grpc-status", status);
	if (s->message)
		headers[n++] = (nghttp2_nv)NV("grpc-message", s->message);
	nghttp2_submit_response(s->conn->session, s->id, headers, n, NULL);
}

void grpc_stream_finish(struct grpc_stream *s, const struct err *err)
{
	if (s->finished)
		return;
	detach(s);
	s->finished = true;
	s->status = err ? err_row(err->code)->grpc : 0;
	if (err) {
		s->message = arena_alloc(&s->arena, MESSAGE_CAP);
		grpc_message_encode(s->message, MESSAGE_CAP, err->text);
	}
	if (s->headers_sent)
		nghttp2_session_resume_data(s->conn->session, s->id);
	else
		submit_status_only(s);
	grpc_conn_mark(s->conn);
}

/* What is not gRPC at all gets an answer of plain HTTP. */
static void refuse_http(struct grpc_stream *s, int code)
{
	char status[12];
	nghttp2_nv headers[1];

	snprintf(status, sizeof status, "%d", code);
	headers[0] = (nghttp2_nv)NV(":status", status);
	detach(s);
	s->finished = true;
	s->status = code;
	nghttp2_submit_response(s->conn->session, s->id, headers, 1, NULL);
	grpc_conn_mark(s->conn);
}

/* The request's headers */

void grpc_stream_header(struct grpc_stream *s, const char *name, size_t name_len, const char *value,
			size_t value_len)
{
	const struct {
		const char *name;
		char **slot;
	} wanted[] = {
		{":method", &s->verb},
		{":path", &s->path},
		{"content-type", &s->content_type},
		{"authorization", &s->authorization},
		{"grpc-timeout", &s->timeout},
		{"x-request-id", &s->request_id},
	};

	s->headers_len += name_len + value_len + HEADER_OVERHEAD;
	if (s->headers_len > HEADERS_MAX)
		return;
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		if (strlen(wanted[i].name) == name_len &&
		    memcmp(wanted[i].name, name, name_len) == 0)
			*wanted[i].slot = arena_copy(&s->arena, value, value_len);
	}
}

static void on_deadline(void *ctx)
{
	struct grpc_stream *s = ctx;
	struct err late;

	err_set(&late, ERR_DEADLINE, "the deadline of the call is over");
	grpc_stream_finish(s, &late);
}

static bool set_deadline(struct grpc_stream *s, struct err *err)
{
	int64_t ms;

	if (!s->timeout)
		return true;
	if (!grpc_timeout_parse(&ms, s->timeout))
		return err_set(err, ERR_INVALID, "grpc-timeout is not 1 to 8 digits and a unit");
	s->deadline = loop_timer_add(s->conn->grpc->env.loop, on_deadline, s);
	loop_timer_set(s->deadline, ms);
	return true;
}

static bool check_headers(const struct grpc_stream *s, struct err *err)
{
	if (s->headers_len > HEADERS_MAX)
		return err_set(err, ERR_EXHAUSTED, "the headers are larger than %d bytes",
			       HEADERS_MAX);
	return true;
}

static bool find_handler(struct grpc_stream *s, struct err *err)
{
	static const struct grpc_handler *const own[] = {
		&grpc_health_check,
		&grpc_health_watch,
		&grpc_reflection,
		&grpc_reflection_alpha,
		NULL,
	};
	const char *path = s->path ? s->path : "";

	for (size_t i = 0; own[i] && !s->handler; i++) {
		if (strcmp(own[i]->path, path) == 0)
			s->handler = own[i];
	}
	if (!s->handler)
		s->handler = grpc_api_handler(s);
	return s->handler || err_set(err, ERR_UNIMPLEMENTED, "there is no such method");
}

static bool may_call(const struct grpc_stream *s, struct err *err)
{
	if (s->method < API_N_METHODS)
		return api_may_call(&s->caller, s->method, err);
	if (s->caller.role >= s->handler->role)
		return true;
	return err_set(err, ERR_UNAUTHENTICATED, "this call needs a token");
}

/* The HTTP status for what is no gRPC; 0 if it is, or too large to tell. */
static int http_refusal(const struct grpc_stream *s)
{
	if (s->headers_len > HEADERS_MAX)
		return 0;
	if (!s->verb || strcmp(s->verb, "POST") != 0)
		return 405;
	return s->content_type && grpc_is_content_type(s->content_type) ? 0 : 415;
}

void grpc_stream_headers_done(struct grpc_stream *s)
{
	int refusal = http_refusal(s);
	struct err err;

	auth_request_id(&s->caller, s->request_id);
	if (refusal)
		refuse_http(s, refusal);
	else if (!check_headers(s, &err) ||
		 !auth_caller(s->conn->grpc->env.auth, s->authorization, &s->caller, &err) ||
		 !find_handler(s, &err) || !may_call(s, &err) || !set_deadline(s, &err))
		grpc_stream_finish(s, &err);
	else if (s->caller.role > API_ROLE_PUBLIC)
		s->conn->served = true;
}

/* The request's messages */

/* Whether a whole message is at the front of the body; its head is checked at once. */
static bool peek(const struct grpc_stream *s, struct grpc_frame *frame, bool *whole,
		 struct err *err)
{
	*whole = false;
	if (s->body.len < GRPC_FRAME_HEAD)
		return true;
	if (!grpc_frame_decode(frame, s->body.bytes))
		return err_set(err, ERR_INVALID, "the message has unknown flags");
	if (frame->compressed)
		return err_set(err, ERR_UNIMPLEMENTED, "compressed messages are not supported");
	if (frame->len > FRONT_MESSAGE_MAX)
		return err_set(err, ERR_EXHAUSTED, "the message is larger than %d bytes",
			       FRONT_MESSAGE_MAX);
	*whole = s->body.len - GRPC_FRAME_HEAD >= frame->len;
	return true;
}

static const ProtobufCMessageDescriptor *request_type(const struct grpc_stream *s)
{
	return s->handler->request ? s->handler->request : api_methods[s->method].request;
}

static bool deliver(struct grpc_stream *s, const struct grpc_frame *frame, struct arena *arena,
		    struct err *err)
{
	ProtobufCMessage *request;

	if (!api_unpack(request_type(s), s->body.bytes + GRPC_FRAME_HEAD, frame->len, arena,
			&request, err))
		return false;
	s->handler->on_message(s, request);
	return true;
}

/* A stream of requests: each is answered and forgotten as it comes. */
static bool deliver_many(struct grpc_stream *s, struct err *err)
{
	struct grpc_frame frame;
	bool whole = true, ok = true;

	while (ok && !s->finished) {
		struct arena arena = ARENA_INIT;
		size_t used;

		if (!peek(s, &frame, &whole, err))
			return false;
		if (!whole)
			break;
		ok = deliver(s, &frame, &arena, err);
		arena_free(&arena);
		if (!ok || s->finished)
			break;
		used = GRPC_FRAME_HEAD + frame.len;
		memmove(s->body.bytes, s->body.bytes + used, s->body.len - used);
		s->body.len -= used;
	}
	return ok;
}

void grpc_stream_data(struct grpc_stream *s, const uint8_t *bytes, size_t len)
{
	struct grpc_frame frame;
	struct err err;
	bool ok, whole;

	if (s->finished)
		return;
	ok = front_body_add(&s->body, &s->conn->grpc->buffered, bytes, len,
			    (size_t)FRONT_MESSAGE_MAX + GRPC_FRAME_HEAD, &err);
	if (!ok)
		err.code = ERR_EXHAUSTED;
	else if (s->handler->many)
		ok = deliver_many(s, &err);
	else
		ok = peek(s, &frame, &whole, &err);
	if (!ok)
		grpc_stream_finish(s, &err);
}

static bool request_end(struct grpc_stream *s, struct err *err)
{
	struct grpc_frame frame;
	bool whole;

	if (s->handler->many && s->body.len == 0) {
		grpc_stream_finish(s, NULL);
		return true;
	}
	if (!peek(s, &frame, &whole, err))
		return false;
	if (!whole && s->body.len > 0)
		return err_set(err, ERR_INVALID, "the message ends too early");
	if (!whole || s->body.len - GRPC_FRAME_HEAD > frame.len)
		return err_set(err, ERR_UNIMPLEMENTED, "this call takes exactly one message");
	return deliver(s, &frame, &s->arena, err);
}

void grpc_stream_request_end(struct grpc_stream *s)
{
	struct err err;

	s->request_ended = true;
	if (!s->finished && !request_end(s, &err))
		grpc_stream_finish(s, &err);
}
