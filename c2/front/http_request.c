#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/json.h"
#include "api/route.h"
#include "base/clock.h"
#include "c2/front/assets.h"
#include "c2/front/http_inner.h"

/* What is read and thrown away so that a client that is still sending gets to read its answer. */
enum { DISCARD_MAX = 32 * 1024 * 1024 };

static const char openapi_path[] = "/openapi.json";

static const char *header(const struct http_connection *c, const char *name)
{
	return MHD_lookup_connection_value(c->mhd, MHD_HEADER_KIND, name);
}

void http_request_begin(struct http_connection *c, const char *uri)
{
	struct http_request *r = &c->request;
	const char *scheme = strstr(uri, "://");

	*r = (struct http_request){
		.phase = HTTP_LINE, .method = API_N_METHODS, .verb = "?", .template = "-"};
	r->began_ms = clock_real.mono_ms(clock_real.ctx);
	/* The absolute form, as for a proxy: "http://host/path". */
	if (*uri != '/' && scheme && strchr(scheme + 3, '/'))
		uri = strchr(scheme + 3, '/');
	r->path = arena_copy(&r->arena, uri, strlen(uri));
	r->query = strchr(r->path, '?');
	if (r->query)
		*r->query++ = 0;
}

void http_request_end(struct http_connection *c)
{
	struct http_request *r = &c->request;

	api_give_up(c->daemon->http->env.service, &r->wait);
	front_log_access("http", r->verb, r->template, r->status,
			 clock_real.mono_ms(clock_real.ctx) - r->began_ms, &r->caller);
	front_body_free(&r->body, &c->daemon->http->buffered);
	arena_free(&r->arena);
}

/* Answers */

static void add_headers(struct MHD_Response *response, const struct http_connection *c)
{
	const struct http_request *r = &c->request;

	MHD_add_response_header(response, "Content-Type", "application/json");
	MHD_add_response_header(response, "X-Request-Id", r->caller.request_id);
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "Content-Security-Policy",
				"default-src 'none'; frame-ancestors 'none'");
	if (r->allow[0])
		MHD_add_response_header(response, "Allow", r->allow);
	if (r->status == 401)
		MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
	/* Strangers give their place back, so that they cannot hold all of them. */
	if (c->daemon->closing || r->last || r->caller.role <= API_ROLE_PUBLIC)
		MHD_add_response_header(response, "Connection", "close");
}

/* text lives until the request ends. */
static enum MHD_Result reply(struct http_connection *c, int status, const char *text, size_t len)
{
	struct http_request *r = &c->request;
	struct MHD_Response *response =
		MHD_create_response_from_buffer(len, front_unconst(text), MHD_RESPMEM_PERSISTENT);
	enum MHD_Result queued;

	if (!response)
		return MHD_NO;
	r->status = status;
	r->phase = HTTP_ANSWERED;
	add_headers(response, c);
	queued = MHD_queue_response(c->mhd, (unsigned)status, response);
	MHD_destroy_response(response);
	return queued;
}

static enum MHD_Result reply_err(struct http_connection *c, const struct err *err)
{
	const struct err_row *row = err_row(err->code);
	json_t *body = json_pack("{s:s, s:i, s:s, s:[]}", "error", err->text, "code", row->grpc,
				 "message", err->text, "details");
	char *dumped = body ? json_dumps(body, JSON_COMPACT) : NULL;
	const char *text = dumped ? dumped : "{}";
	size_t len = strlen(text);

	text = arena_copy(&c->request.arena, text, len);
	free(dumped);
	json_decref(body);
	return reply(c, row->http, text, len);
}

/* What the headers or the length already decided. OPTIONS has no route and asks for Allow. */
static enum MHD_Result reply_refusal(struct http_connection *c)
{
	if (strcmp(c->request.verb, "OPTIONS") == 0 && c->request.err.code == ERR_METHOD)
		return reply(c, 204, "", 0);
	return reply_err(c, &c->request.err);
}

static struct http_connection *connection_of(struct api_wait *w)
{
	return (struct http_connection *)((char *)w -
					  offsetof(struct http_connection, request.wait));
}

static void on_settled(struct api_wait *w, const struct err *why)
{
	struct http_connection *c = connection_of(w);
	struct http_request *r = &c->request;

	if (why) {
		r->text = NULL;
		r->err = *why;
	}
	r->phase = HTTP_SETTLED;
	MHD_resume_connection(c->mhd);
	/* The library answers when it runs next. */
	loop_timer_set(c->daemon->timer, 0);
}

void http_request_release(struct http_connection *c)
{
	struct err why;

	if (!c->busy || c->request.phase != HTTP_HELD)
		return;
	api_give_up(c->daemon->http->env.service, &c->request.wait);
	err_set(&why, ERR_UNAVAILABLE, "the server stops");
	on_settled(&c->request.wait, &why);
}

static enum MHD_Result reply_settled(struct http_connection *c)
{
	const struct http_request *r = &c->request;

	return r->text ? reply(c, 200, r->text, r->text_len) : reply_err(c, &r->err);
}

/* True: the answer may leave. */
static bool call(struct http_connection *c)
{
	struct http_request *r = &c->request;
	const struct api_service *service = c->daemon->http->env.service;
	ProtobufCMessage *response;
	char *text;

	if (api_call(service, r->method, &r->caller, r->wait.request, &r->arena, &response,
		     &r->err) &&
	    api_json_encode(response, &r->arena, &text, &r->text_len, &r->err))
		r->text = text;
	return !api_settle(service, &r->wait);
}

static void on_run(struct api_wait *w)
{
	if (call(connection_of(w)))
		on_settled(w, NULL);
}

static enum MHD_Result reply_call(struct http_connection *c)
{
	struct http_request *r = &c->request;
	const struct api_http_request http = {r->verb, r->path, r->query,
					      (const char *)r->body.bytes, r->body.len};
	ProtobufCMessage *request;

	if (!api_route_find(&http, &r->arena, &r->method, &request, NULL, &r->err))
		return reply_err(c, &r->err);
	r->wait = (struct api_wait){on_run, on_settled, r->method, &r->caller, request, NULL, NULL};
	if (!api_put_off(c->daemon->http->env.service, &r->wait) && call(c))
		return reply_settled(c);
	r->phase = HTTP_HELD;
	MHD_suspend_connection(c->mhd);
	return MHD_YES;
}

/* Deciding by the headers */

static bool is_asset(const struct http_request *r)
{
	return strcmp(r->path, openapi_path) == 0;
}

/*
 * The verb as the routes know it: HEAD is a GET whose answer the library cuts
 * short. Others than these get no further than to an error.
 */
static const char *route_verb(const char *verb)
{
	static const char *const known[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		if (strcmp(known[i], verb) == 0)
			return known[i];
	}
	return strcmp(verb, "HEAD") == 0 ? "GET" : "OTHER";
}

static bool find_asset(struct http_request *r, struct err *err)
{
	r->template = openapi_path;
	if (strcmp(r->verb, "GET") == 0)
		return true;
	snprintf(r->allow, sizeof r->allow, "GET");
	return err_set(err, ERR_METHOD, "this path takes GET only");
}

static bool find_method(struct http_request *r, struct err *err)
{
	char allow[API_ALLOW_CAP] = "";
	bool found = api_route_match(r->verb, r->path, &r->arena, &r->method, allow, err);

	if (found) {
		const struct api_method *m = &api_methods[r->method];

		r->template = m->n_routes > 0 ? m->routes[0].path : m->grpc_path;
		return true;
	}
	r->method = API_N_METHODS;
	if (err->code == ERR_METHOD)
		snprintf(r->allow, sizeof r->allow, "%s", allow);
	return false;
}

/* HEAD and OPTIONS are there wherever something else is. */
static void complete_allow(struct http_request *r)
{
	size_t len = strlen(r->allow);

	if (len > 0)
		snprintf(r->allow + len, sizeof r->allow - len, "%s, OPTIONS",
			 strstr(r->allow, "GET") ? ", HEAD" : "");
}

static bool is_allowed(struct http_connection *c, struct err *err)
{
	const struct auth *auth = c->daemon->http->env.auth;
	struct http_request *r = &c->request;
	bool found;

	auth_request_id(&r->caller, header(c, "X-Request-Id"));
	if (!auth_check_site(auth, header(c, "Host"), header(c, "Origin"), err) ||
	    !auth_caller(auth, header(c, "Authorization"), &r->caller, err))
		return false;
	found = is_asset(r) ? find_asset(r, err) : find_method(r, err);
	complete_allow(r);
	if (!found)
		return false;
	return is_asset(r) || api_may_call(&r->caller, r->method, err);
}

/*
 * A proxy in front of us and the library could disagree about where a request
 * ends or for whom it is; what is left of it would then be taken for the next
 * one, with the rights of somebody else. So nothing that decides may be said
 * twice or in a form that one of them may overlook.
 */
struct framing {
	bool seen[5];
	bool bad;
};

enum { FRAMED_BY_LENGTH, FRAMED_BY_CHUNKS };

/* A name with a blank in it may be read as the one without. */
static bool is_header_name(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789!#$%&'*+-.^_`|~";

	return *name && strspn(name, allowed) == strlen(name);
}

static enum MHD_Result look_at_header(void *ctx, enum MHD_ValueKind kind, const char *name,
				      const char *value)
{
	static const char *const once[] = {"Content-Length", "Transfer-Encoding", "Host",
					   "Authorization", "Origin"};
	struct framing *f = ctx;

	(void)kind;
	f->bad |= !is_header_name(name);
	for (size_t i = 0; i < sizeof once / sizeof *once; i++) {
		if (strcasecmp(name, once[i]) != 0)
			continue;
		f->bad |= f->seen[i];
		f->seen[i] = true;
		if (i == FRAMED_BY_LENGTH)
			f->bad |= !*value || strspn(value, "0123456789") != strlen(value);
		if (i == FRAMED_BY_CHUNKS)
			f->bad |= strcasecmp(value, "chunked") != 0;
	}
	return MHD_YES;
}

static bool is_framing_good(const struct http_connection *c, const char *version, struct err *err)
{
	struct framing f = {.bad = false};

	MHD_get_connection_values(c->mhd, MHD_HEADER_KIND, look_at_header, &f);
	if (f.seen[FRAMED_BY_CHUNKS])
		f.bad |= f.seen[FRAMED_BY_LENGTH] || strcmp(version, "HTTP/1.1") != 0;
	return !f.bad ||
	       err_set(err, ERR_INVALID, "the headers contradict each other, or have a bad form");
}

static bool is_length_good(const struct http_connection *c, uint64_t *len, struct err *err)
{
	const char *text = header(c, "Content-Length");

	*len = text ? strtoull(text, NULL, 10) : 0;
	if (*len > FRONT_MESSAGE_MAX)
		return err_set(err, ERR_TOO_LARGE, "the request is larger than %d bytes",
			       FRONT_MESSAGE_MAX);
	return true;
}

static enum MHD_Result on_headers(struct http_connection *c, const char *verb, const char *version)
{
	struct http_request *r = &c->request;
	uint64_t len;
	bool ok;

	r->verb = route_verb(verb);
	if (!is_framing_good(c, version, &r->err)) {
		auth_request_id(&r->caller, NULL);
		r->last = true;
		return reply_refusal(c);
	}
	ok = is_allowed(c, &r->err);
	ok = is_length_good(c, &len, ok ? &r->err : NULL) && ok;
	r->phase = ok ? HTTP_BODY : HTTP_DISCARD;
	/* Who waits to be asked for the body is told at once; so is who has too much. */
	if (!ok && (len > DISCARD_MAX || header(c, "Expect")))
		return reply_refusal(c);
	return MHD_YES;
}

static enum MHD_Result on_bytes(struct http_connection *c, const char *bytes, size_t len)
{
	struct http_request *r = &c->request;
	size_t *total = &c->daemon->http->buffered;

	if (r->phase == HTTP_BODY) {
		if (front_body_add(&r->body, total, bytes, len, FRONT_MESSAGE_MAX, &r->err))
			return MHD_YES;
		front_body_free(&r->body, total);
		r->phase = HTTP_DISCARD;
	}
	r->discarded += len;
	return r->discarded > DISCARD_MAX ? MHD_NO : MHD_YES;
}

enum MHD_Result http_request_step(struct http_connection *c, const char *verb, const char *version,
				  const char *bytes, size_t *len)
{
	struct http_request *r = &c->request;
	size_t n = *len;

	if (r->phase == HTTP_LINE)
		return on_headers(c, verb, version);
	*len = 0;
	if (r->phase == HTTP_ANSWERED || r->phase == HTTP_HELD)
		return MHD_YES;
	if (r->phase == HTTP_SETTLED)
		return reply_settled(c);
	if (n > 0)
		return on_bytes(c, bytes, n);
	if (r->phase == HTTP_DISCARD)
		return reply_refusal(c);
	if (is_asset(r))
		return reply(c, 200, asset_openapi, asset_openapi_len);
	return reply_call(c);
}
