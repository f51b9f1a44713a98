#include "c2/front/dispatch.h"

#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "c2/front/dispatch_inner.h"

/* What of a request goes to the audit log: names and settings, not megabytes of messages. */
enum { AUDIT_TEXT_MAX = 2048 };

/* In the order of their calls. */
struct wait_list {
	struct api_wait *first, **end;
};

struct dispatch {
	struct core *core;
	struct engine *engine;
	struct api_subscription *subs;
	struct wait_list reads, changes; /* calls that are put off */
	struct wait_list answers;        /* that wait for a commit */
	void (*wake)(void *ctx);         /* null: no call is put off */
	void *wake_ctx;
	bool stopping;
};

/* Calls */

static bool is_detail(enum err_code code)
{
	return code == ERR_INTERNAL || code == ERR_STORE || code == ERR_CUSTODY ||
	       code == ERR_CONFIG;
}

/* The reason of an inner failure is for the operator's log alone. */
static void hide_detail(struct err *err, const struct api_caller *caller)
{
	if (!is_detail(err->code))
		return;
	log_write(LOG_ERROR, "call failed", LOG_STR("reason", err->text),
		  LOG_STR("request_id", caller->request_id));
	err_set(err, err->code, "%s; the server's log says more under request id %s",
		err_row(err->code)->text, caller->request_id);
}

static void audit(const struct api_method *m, const struct api_caller *caller,
		  const ProtobufCMessage *request, struct arena *arena, const char *result)
{
	size_t len = 0;
	char *text = NULL;

	if (!m->audited)
		return;
	if (protobuf_c_message_get_packed_size(request) > AUDIT_TEXT_MAX ||
	    !api_json_encode_masked(request, arena, &text, &len, NULL))
		text = NULL;
	log_write(LOG_INFO, "audit", LOG_STR("who", caller->who), LOG_STR("call", m->name),
		  LOG_STR("request", text ? text : "(long)"), LOG_STR("result", result),
		  LOG_STR("request_id", caller->request_id));
}

static bool not_here(struct err *err)
{
	return err_set(err, ERR_UNIMPLEMENTED,
		       "this is c2ae, which has rules alone: ask the key server it works for");
}

static bool on_call(void *ctx, unsigned method, const struct api_caller *caller,
		    const ProtobufCMessage *request, struct arena *arena,
		    ProtobufCMessage **response, struct err *err)
{
	struct dispatch *d = ctx;
	const struct api_method *m = &api_methods[method];
	struct dispatch_call call = {.core = d->core,
				     .engine = d->engine,
				     .arena = arena,
				     .stranger = caller->role <= API_ROLE_PUBLIC};
	bool ok;

	if (!d->core && strcmp(m->service, "pb.C2") == 0)
		return not_here(err);
	if (!dispatch_handlers[method])
		return err_set(err, ERR_UNIMPLEMENTED, "%s is not implemented", m->name);
	*response = api_message_new(m->response, arena);
	ok = dispatch_handlers[method](&call, request, *response, err);
	audit(m, caller, request, arena, ok ? "ok" : err_row(err->code)->text);
	if (!ok)
		hide_detail(err, caller);
	return ok;
}

/* Calls and answers that wait */

static void wait_list_add(struct wait_list *list, struct api_wait *w)
{
	w->next = NULL;
	w->at = list->end;
	*w->at = w;
	list->end = &w->next;
}

static bool on_settle(void *ctx, struct api_wait *w)
{
	struct dispatch *d = ctx;

	if (!d->core || !core_pending(d->core))
		return false;
	wait_list_add(&d->answers, w);
	return true;
}

static void on_unsettle(void *ctx, struct api_wait *w)
{
	struct dispatch *d = ctx;
	struct wait_list *list = d->reads.end == &w->next     ? &d->reads
				 : d->changes.end == &w->next ? &d->changes
							      : &d->answers;

	*w->at = w->next;
	*(w->next ? &w->next->at : &list->end) = w->at;
	w->at = NULL;
}

/* The client that a request is about, and perhaps a topic; false: it names none. */
static bool named_in(const struct api_wait *w, struct core_named *out)
{
	const ProtobufCMessageDescriptor *m = w->request->descriptor;
	const ProtobufCFieldDescriptor *client =
		protobuf_c_message_descriptor_get_field_by_name(m, "client");
	const ProtobufCFieldDescriptor *topic =
		protobuf_c_message_descriptor_get_field_by_name(m, "topic");
	const char *at = (const char *)w->request;
	const Pb__Client *named;

	if (!client || client->descriptor != &pb__client__descriptor ||
	    client->label == PROTOBUF_C_LABEL_REPEATED)
		return false;
	memcpy(&named, at + client->offset, sizeof named);
	*out = (struct core_named){.client = named ? named->name : NULL,
				   .is_new = w->method == API_C2_NEW_CLIENT,
				   .is_change = api_methods[w->method].audited};
	if (topic && topic->type == PROTOBUF_C_TYPE_STRING)
		memcpy(&out->topic, at + topic->offset, sizeof out->topic);
	return named != NULL;
}

static bool on_put_off(void *ctx, struct api_wait *w)
{
	struct dispatch *d = ctx;
	struct core_named named;

	if (!d->wake || d->stopping || !named_in(w, &named))
		return false;
	wait_list_add(named.is_change ? &d->changes : &d->reads, w);
	d->wake(d->wake_ctx);
	return true;
}

static void make_calls(struct dispatch *d, struct wait_list *list)
{
	while (list->first) {
		struct api_wait *w = list->first;

		on_unsettle(d, w);
		w->run(w);
	}
}

static void make_no_calls(struct dispatch *d, struct wait_list *list, const struct err *why)
{
	while (list->first) {
		struct api_wait *w = list->first;

		on_unsettle(d, w);
		w->done(w, why);
	}
}

static size_t wait_list_len(const struct wait_list *list)
{
	size_t n = 0;

	for (const struct api_wait *w = list->first; w; w = w->next)
		n++;
	return n;
}

static size_t add_names(struct core_named *out, const struct wait_list *list)
{
	size_t n = 0;

	for (const struct api_wait *w = list->first; w; w = w->next)
		n += named_in(w, &out[n]);
	return n;
}

void dispatch_run(struct dispatch *d)
{
	size_t n = wait_list_len(&d->reads) + wait_list_len(&d->changes);
	struct core_named *named;

	if (n == 0)
		return;
	named = mem_array(n, sizeof *named);
	n = add_names(named, &d->reads);
	n += add_names(named + n, &d->changes);
	core_ahead(d->core, named, n);
	make_calls(d, &d->reads); /* first: a change makes what was asked doubtful */
	make_calls(d, &d->changes);
	core_ahead(d->core, NULL, 0);
	free(named);
}

void dispatch_put_off(struct dispatch *d, void (*wake)(void *ctx), void *ctx)
{
	d->wake = wake;
	d->wake_ctx = ctx;
}

/* The log says "ok" of it already. */
static void audit_undone(const struct api_wait *w)
{
	const struct api_method *m = &api_methods[w->method];

	if (m->audited)
		log_write(LOG_INFO, "audit", LOG_STR("who", w->caller->who),
			  LOG_STR("call", m->name), LOG_STR("result", "undone: not durable"),
			  LOG_STR("request_id", w->caller->request_id));
}

static void on_told(void *ctx, const struct err *why)
{
	struct dispatch *d = ctx;

	while (d->answers.first) {
		struct api_wait *w = d->answers.first;
		struct err shown;

		on_unsettle(d, w);
		if (why) {
			shown = *why;
			audit_undone(w);
			hide_detail(&shown, w->caller);
		}
		w->done(w, why ? &shown : NULL);
	}
}

/* Event streams */

struct api_subscription {
	struct dispatch *d;
	struct api_sink sink;
	struct core_listener *listener;
	bool all;
	struct api_subscription *prev, *next;
};

static void sub_free(struct api_subscription *s)
{
	*(s->prev ? &s->prev->next : &s->d->subs) = s->next;
	if (s->next)
		s->next->prev = s->prev;
	if (s->listener)
		core_unlisten(s->listener);
	free(s);
}

static void sub_end(struct api_subscription *s, const struct err *why)
{
	struct api_sink sink = s->sink;

	sub_free(s);
	sink.end(sink.ctx, why);
}

static void on_event(void *ctx, const struct store_event *row)
{
	struct api_subscription *s = ctx;
	Google__Protobuf__Timestamp at;
	struct store_event copy = *row;
	Pb__Event event;
	struct err why;

	/* Programs from before the others were there know two types. */
	if (!s->all && row->type > CORE_EVENT_UNSUBSCRIBED)
		return;
	google__protobuf__timestamp__init(&at);
	pb__event__init(&event);
	at.seconds = row->at_ms / 1000;
	at.nanos = (int32_t)(row->at_ms % 1000) * 1000000;
	event.type = (Pb__EventType)row->type;
	event.source = copy.source;
	event.target = copy.target;
	event.timestamp = &at;
	event.sequence = row->seq;
	if (s->sink.event(s->sink.ctx, &event.base))
		return;
	err_set(&why, ERR_EXHAUSTED,
		"events came faster than they were read: subscribe again after the last sequence");
	sub_end(s, &why);
}

static bool on_subscribe(void *ctx, unsigned method, const struct api_caller *caller,
			 const ProtobufCMessage *request, const struct api_sink *sink,
			 struct api_subscription **out, struct err *err)
{
	const Pb__SubscribeToEventStreamRequest *req = (const void *)request;
	struct dispatch *d = ctx;
	struct api_subscription *s;
	int64_t after = -1;

	if (method != API_C2_SUBSCRIBE_TO_EVENT_STREAM)
		return err_set(err, ERR_UNIMPLEMENTED, "no such stream");
	if (!d->core)
		return not_here(err);
	if (d->stopping)
		return err_set(err, ERR_UNAVAILABLE, "the server stops");
	if (req->start_case == PB__SUBSCRIBE_TO_EVENT_STREAM_REQUEST__START_AFTER_SEQUENCE)
		after = req->aftersequence;
	if (after < 0 && req->start_case)
		return err_set(err, ERR_INVALID, "afterSequence is below 0");
	s = mem_alloc(sizeof *s);
	*s = (struct api_subscription){.d = d, .sink = *sink, .all = req->all, .next = d->subs};
	if (d->subs)
		d->subs->prev = s;
	d->subs = s;
	s->listener = core_listen(d->core, after, on_event, s, err);
	if (!s->listener) {
		sub_free(s);
		hide_detail(err, caller);
		return false;
	}
	*out = s;
	return true;
}

static void on_unsubscribe(void *ctx, struct api_subscription *s)
{
	(void)ctx;
	sub_free(s);
}

/* The service */

struct dispatch *dispatch_new(struct core *core, struct engine *engine)
{
	struct dispatch *d = mem_alloc(sizeof *d);

	d->core = core;
	d->engine = engine;
	d->reads.end = &d->reads.first;
	d->changes.end = &d->changes.first;
	d->answers.end = &d->answers.first;
	if (core)
		core_group(core, on_told, d);
	return d;
}

void dispatch_drop_streams(struct dispatch *d, const struct err *why)
{
	struct api_subscription *next;

	for (struct api_subscription *s = d->subs; s; s = next) {
		next = s->next;
		sub_end(s, why);
	}
}

void dispatch_end_streams(struct dispatch *d, const struct err *why)
{
	d->stopping = true;
	dispatch_drop_streams(d, why);
}

void dispatch_free(struct dispatch *d)
{
	struct err why;

	if (!d)
		return;
	err_set(&why, ERR_UNAVAILABLE, "the server stops");
	dispatch_end_streams(d, &why);
	make_no_calls(d, &d->reads, &why);
	make_no_calls(d, &d->changes, &why);
	on_told(d, &why); /* what the core still holds is never committed */
	if (d->core)
		core_group(d->core, NULL, NULL);
	free(d);
}

struct api_service dispatch_service(struct dispatch *d)
{
	return (struct api_service){.ctx = d,
				    .call = on_call,
				    .settle = on_settle,
				    .put_off = on_put_off,
				    .unsettle = on_unsettle,
				    .subscribe = on_subscribe,
				    .unsubscribe = on_unsubscribe};
}
