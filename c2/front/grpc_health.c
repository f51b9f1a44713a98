/*
 * grpc.health.v1.Health. A server whose broker is away still takes calls, so
 * it is serving: an orchestrator must not restart it for that.
 */
#include <string.h>

#include "api/message.h"
#include "c2/front/grpc_inner.h"
#include "grpc/health.pb-c.h"

enum { LOOK_MS = 5000 };

#define STATUS(name) GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__##name

typedef Grpc__Health__V1__HealthCheckRequest Request;
typedef Grpc__Health__V1__HealthCheckResponse Response;

static bool is_known(const char *service)
{
	if (!*service)
		return true;
	for (size_t i = 0; api_services[i]; i++) {
		if (strcmp(api_services[i], service) == 0)
			return true;
	}
	return false;
}

static bool ask(const struct grpc *g, unsigned method, struct err *err)
{
	struct api_caller caller = {.role = API_ROLE_PUBLIC, .who = "health"};
	struct arena arena = ARENA_INIT;
	ProtobufCMessage *response, *request = api_message_new(api_methods[method].request, &arena);
	bool ok;

	auth_request_id(&caller, NULL);
	ok = api_call(g->env.service, method, &caller, request, &arena, &response, err);
	arena_free(&arena);
	return ok;
}

static int status_now(const struct grpc *g)
{
	struct err err;
	bool ok = !g->draining && ask(g, API_C2_HEALTH_CHECK, &err);

	/* c2ae has the engine alone. */
	if (!g->draining && !ok && err.code == ERR_UNIMPLEMENTED)
		ok = ask(g, API_C2_AUTOMATION_ENGINE_HEALTH_CHECK, &err);
	return ok ? STATUS(SERVING) : STATUS(NOT_SERVING);
}

static bool send_status(struct grpc_stream *s, int status)
{
	Response response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;

	response.status = status;
	return grpc_stream_send(s, &response.base);
}

static void on_check(struct grpc_stream *s, const ProtobufCMessage *request)
{
	struct err err;

	if (!is_known(((const Request *)request)->service)) {
		err_set(&err, ERR_NOT_FOUND, "there is no such service");
		grpc_stream_finish(s, &err);
		return;
	}
	send_status(s, status_now(s->conn->grpc));
	grpc_stream_finish(s, NULL);
}

/* What a watcher was told last; unknown services are told so once, and may wait. */
struct watch {
	int told;
	bool known;
};

static void on_watch(struct grpc_stream *s, const ProtobufCMessage *request)
{
	struct grpc *g = s->conn->grpc;
	struct watch *w = arena_alloc(&s->arena, sizeof *w);
	struct err err;

	if (g->draining) {
		err_set(&err, ERR_UNAVAILABLE, "the server stops");
		grpc_stream_finish(s, &err);
		return;
	}
	w->known = is_known(((const Request *)request)->service);
	w->told = w->known ? status_now(g) : STATUS(SERVICE_UNKNOWN);
	s->state = w;
	s->next_watch = g->watches;
	if (g->watches)
		g->watches->prev_watch = s;
	g->watches = s;
	send_status(s, w->told);
	if (!loop_timer_is_set(g->watch_timer))
		loop_timer_set(g->watch_timer, LOOK_MS);
}

static void on_watch_end(struct grpc_stream *s)
{
	struct grpc *g = s->conn->grpc;

	if (!s->state)
		return;
	*(s->prev_watch ? &s->prev_watch->next_watch : &g->watches) = s->next_watch;
	if (s->next_watch)
		s->next_watch->prev_watch = s->prev_watch;
	s->state = NULL;
}

static void tell(struct grpc_stream *s, int status)
{
	struct watch *w = s->state;
	struct err err;

	if (!w->known || w->told == status)
		return;
	w->told = status;
	if (send_status(s, status))
		return;
	err_set(&err, ERR_EXHAUSTED, "changes of health came faster than they were read");
	grpc_stream_finish(s, &err);
}

void grpc_health_look(void *grpc)
{
	struct grpc *g = grpc;
	struct grpc_stream *next;
	int status = g->watches ? status_now(g) : 0;

	for (struct grpc_stream *s = g->watches; s; s = next) {
		next = s->next_watch;
		tell(s, status);
	}
	if (g->watches)
		loop_timer_set(g->watch_timer, LOOK_MS);
}

const struct grpc_handler grpc_health_check = {
	.path = "/grpc.health.v1.Health/Check",
	.role = API_ROLE_PUBLIC,
	.request = &grpc__health__v1__health_check_request__descriptor,
	.on_message = on_check,
};

const struct grpc_handler grpc_health_watch = {
	.path = "/grpc.health.v1.Health/Watch",
	/* It never ends: a place that no stranger shall hold. */
	.role = API_ROLE_VIEWER,
	.request = &grpc__health__v1__health_check_request__descriptor,
	.on_message = on_watch,
	.on_end = on_watch_end,
};
