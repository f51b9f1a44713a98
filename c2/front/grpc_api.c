/* The API's own methods over gRPC: unary calls, and streams of what the service tells. */
#include "api/route.h"
#include "c2/front/grpc_inner.h"

/* A unary call, in the stream's arena. */
struct unary {
	struct api_wait wait;
	struct grpc_stream *stream;
	ProtobufCMessage *response; /* null: err is the answer */
	struct err err;
};

static void answer(struct unary *u)
{
	struct grpc_stream *s = u->stream;

	if (u->response && !grpc_stream_send(s, u->response)) {
		u->response = NULL;
		err_set(&u->err, ERR_EXHAUSTED, "too many answers wait to be read");
	}
	grpc_stream_finish(s, u->response ? NULL : &u->err);
}

static void on_settled(struct api_wait *w, const struct err *why)
{
	struct unary *u = (struct unary *)w;

	if (why) {
		u->response = NULL;
		u->err = *why;
	}
	answer(u);
}

static void call(struct unary *u)
{
	const struct api_service *service = u->stream->conn->grpc->env.service;

	if (!api_call(service, u->wait.method, u->wait.caller, u->wait.request, &u->stream->arena,
		      &u->response, &u->err))
		u->response = NULL;
	if (!api_settle(service, &u->wait))
		answer(u);
}

static void on_run(struct api_wait *w)
{
	call((struct unary *)w);
}

static void on_unary(struct grpc_stream *s, const ProtobufCMessage *request)
{
	struct unary *u = arena_alloc(&s->arena, sizeof *u);

	*u = (struct unary){
		.stream = s,
		.wait = {on_run, on_settled, s->method, &s->caller, request, NULL, NULL}};
	s->state = u;
	if (!api_put_off(s->conn->grpc->env.service, &u->wait))
		call(u);
}

static void on_unary_end(struct grpc_stream *s)
{
	struct unary *u = s->state;

	if (u)
		api_give_up(s->conn->grpc->env.service, &u->wait);
	s->state = NULL;
}

static bool on_event(void *ctx, const ProtobufCMessage *msg)
{
	return grpc_stream_send(ctx, msg);
}

static void on_service_end(void *ctx, const struct err *why)
{
	struct grpc_stream *s = ctx;

	s->state = NULL;
	grpc_stream_finish(s, why);
}

static void on_subscribe(struct grpc_stream *s, const ProtobufCMessage *request)
{
	const struct api_sink sink = {s, on_event, on_service_end};
	struct api_subscription *sub = NULL;
	struct err err;

	if (!api_subscribe(s->conn->grpc->env.service, s->method, &s->caller, request, &sink, &sub,
			   &err)) {
		grpc_stream_finish(s, &err);
		return;
	}
	/* The service may have ended it already. */
	if (s->finished)
		return;
	s->state = sub;
	/* Tells the caller that it has not to wait for an event to know that it listens. */
	grpc_stream_send_headers(s);
}

static void on_end(struct grpc_stream *s)
{
	if (s->state)
		api_unsubscribe(s->conn->grpc->env.service, s->state);
	s->state = NULL;
}

static const struct grpc_handler unary = {.on_message = on_unary, .on_end = on_unary_end};
static const struct grpc_handler stream = {.on_message = on_subscribe, .on_end = on_end};

const struct grpc_handler *grpc_api_handler(struct grpc_stream *s)
{
	unsigned method = api_method_by_grpc_path(s->path ? s->path : "");

	if (method >= API_N_METHODS)
		return NULL;
	s->method = method;
	return api_methods[method].server_stream ? &stream : &unary;
}
