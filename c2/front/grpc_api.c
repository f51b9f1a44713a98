/* The API's own methods over gRPC: unary calls, and streams of what the service tells. */
#include "api/route.h"
#include "c2/front/grpc_inner.h"

static void on_unary(struct grpc_stream *s, const ProtobufCMessage *request)
{
	ProtobufCMessage *response;
	struct err err;

	if (!api_call(s->conn->grpc->env.service, s->method, &s->caller, request, &s->arena,
		      &response, &err)) {
		grpc_stream_finish(s, &err);
		return;
	}
	if (grpc_stream_send(s, response)) {
		grpc_stream_finish(s, NULL);
		return;
	}
	err_set(&err, ERR_EXHAUSTED, "too many answers wait to be read");
	grpc_stream_finish(s, &err);
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

static const struct grpc_handler unary = {.on_message = on_unary};
static const struct grpc_handler stream = {.on_message = on_subscribe, .on_end = on_end};

const struct grpc_handler *grpc_api_handler(struct grpc_stream *s)
{
	unsigned method = api_method_by_grpc_path(s->path ? s->path : "");

	if (method >= API_N_METHODS)
		return NULL;
	s->method = method;
	return api_methods[method].server_stream ? &stream : &unary;
}
