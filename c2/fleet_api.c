#include "c2/fleet_api.h"

#include <stdlib.h>
#include <string.h>

#include "api/gen/engine.pb-c.h"
#include "api/message.h"
#include "base/clock.h"
#include "engine/rule.h"

#define STORE(f, op, ...) ((f)->store->ops->op((f)->store->ctx, __VA_ARGS__))

enum { FIND_LIMIT = 1 };

static char *text(struct arena *arena, const char *in)
{
	return arena_copy(arena, in ? in : "", in ? strlen(in) : 0);
}

/* A call of C2's; the answer has the type that the method has. */
static bool call(struct fleet_api *f, unsigned method, const ProtobufCMessage *request,
		 struct arena *arena, void *answer, struct err *err)
{
	ProtobufCMessage *msg = NULL;
	bool ok = rpc_call(f->rpc, &api_methods[method], request, arena, &msg, err);

	/* What C2 said of this call is no matter of health; that it said nothing is. */
	f->health = (struct err){.code = ERR_OK};
	if (!ok && (err->code == ERR_UNAVAILABLE || err->code == ERR_DEADLINE ||
		    err->code == ERR_UNAUTHENTICATED || err->code == ERR_FORBIDDEN))
		f->health = *err;
	if (ok)
		*(ProtobufCMessage **)answer = msg;
	return ok;
}

/* --- records, in our own database ------------------------------------------------------------ */

struct collect {
	struct arena *arena;
	struct fleet_record *rows;
	size_t n;
};

static bool collect_add(void *arg, const struct store_record *row)
{
	struct collect *to = arg;

	to->rows[to->n++] = (struct fleet_record){
		.kind = row->kind,
		.id = row->id,
		.owner = row->owner,
		.version = row->version,
		.body = (uint8_t *)arena_copy(to->arena, row->len ? (const char *)row->body : "",
					      row->len),
		.len = row->len};
	return true;
}

static bool on_record(void *ctx, int32_t kind, int64_t id, struct arena *arena,
		      struct fleet_record *out, struct err *err)
{
	struct collect to = {.arena = arena, .rows = out};
	struct fleet_api *f = ctx;
	bool found;

	if (!STORE(f, record_get, kind, id, collect_add, &to, &found, err))
		return false;
	return found || err_set(err, ERR_NOT_FOUND, "there is no such record");
}

static bool on_records(void *ctx, int32_t kind, int64_t owner, int64_t after, size_t limit,
		       bool newest_first, struct arena *arena, struct fleet_record **out, size_t *n,
		       struct err *err)
{
	struct collect to = {.arena = arena,
			     .rows = arena_alloc(arena, (limit + 1) * sizeof *to.rows)};
	struct fleet_api *f = ctx;
	bool ok = STORE(f, records, kind, owner, after, (int)limit, newest_first, collect_add, &to,
			err);

	*out = to.rows;
	*n = ok ? to.n : 0;
	return ok;
}

static bool write_record(struct fleet_api *f, struct fleet_record *r, int64_t *id, struct err *err)
{
	struct store_record row = {.kind = r->kind,
				   .id = r->id,
				   .owner = r->owner,
				   .version = r->version,
				   .body = r->body,
				   .len = r->len};
	bool ok = r->remove ? STORE(f, record_remove, r->kind, r->id, r->version, err)
			    : STORE(f, record_put, &row, err);

	*id = row.id;
	return ok;
}

enum { TRIM_MAX = 1000 };

static bool write_records(struct fleet_api *f, struct fleet_txn *txn, struct err *err)
{
	struct arena arena = ARENA_INIT;
	int64_t *ids = arena_alloc(&arena, (txn->n_records + 1) * sizeof *ids);
	bool ok = f->store->ops->begin(f->store->ctx, err), begun = ok;

	for (size_t i = 0; i < txn->n_records && ok; i++)
		ok = write_record(f, &txn->records[i], &ids[i], err);
	if (ok && txn->trim_kind)
		ok = STORE(f, records_trim, txn->trim_kind, 0, txn->trim_keep, TRIM_MAX, err);
	if (ok)
		ok = f->store->ops->commit(f->store->ctx, err);
	else if (begun)
		f->store->ops->rollback(f->store->ctx);
	for (size_t i = 0; i < txn->n_records && ok; i++) {
		struct fleet_record *r = &txn->records[i];

		r->id = ids[i];
		r->version = r->remove ? 0 : r->version + 1;
	}
	arena_free(&arena);
	return ok;
}

/* --- changes of keys ----------------------------------------------------------------------------
 */

static Pb__BatchOperation *operation_of(const struct fleet_op *op, struct arena *arena)
{
	Pb__BatchOperation *out = (void *)api_message_new(&pb__batch_operation__descriptor, arena);

	switch (op->kind) {
	case FLEET_ROTATE_TOPIC:
		out->operation_case = PB__BATCH_OPERATION__OPERATION_ROTATE_TOPIC;
		out->rotatetopic = text(arena, op->topic);
		break;
	case FLEET_NEW_CLIENT_KEY:
		out->operation_case = PB__BATCH_OPERATION__OPERATION_NEW_CLIENT_KEY;
		out->newclientkey = text(arena, op->client);
		break;
	case FLEET_DETACH:
		out->operation_case = PB__BATCH_OPERATION__OPERATION_DETACH;
		out->detach = (void *)api_message_new(&pb__membership__descriptor, arena);
		out->detach->client = text(arena, op->client);
		out->detach->topic = text(arena, op->topic);
		break;
	}
	return out;
}

/* "operation N: reason" is the form of a batch's error; what follows is shown to people. */
static size_t bad_of(struct err *err, size_t n)
{
	static const char begin[] = "operation ";
	char *end;
	unsigned long i;

	if (strncmp(err->text, begin, sizeof begin - 1) != 0)
		return n;
	i = strtoul(err->text + sizeof begin - 1, &end, 10);
	if (strncmp(end, ": ", 2) != 0 || i >= n)
		return n;
	memmove(err->text, end + 2, strlen(end + 2) + 1);
	return i;
}

static bool apply(struct fleet_api *f, const struct fleet_txn *txn, int64_t *recipients,
		  size_t *bad, struct err *err)
{
	struct arena arena = ARENA_INIT;
	Pb__BatchRequest *req = (void *)api_message_new(&pb__batch_request__descriptor, &arena);
	Pb__BatchResponse *resp;
	bool ok;

	req->id = text(&arena, txn->id);
	req->n_operations = txn->n_ops;
	req->operations = arena_alloc(&arena, txn->n_ops * sizeof(void *));
	for (size_t i = 0; i < txn->n_ops; i++)
		req->operations[i] = operation_of(&txn->ops[i], &arena);
	ok = call(f, API_C2_BATCH, &req->base, &arena, &resp, err);
	if (ok && resp->delivery)
		*recipients = resp->delivery->recipients;
	if (!ok)
		*bad = bad_of(err, txn->n_ops);
	arena_free(&arena);
	return ok;
}

/* Are the records still at their versions? If not, C2 need not be asked. */
static bool check_records(struct fleet_api *f, const struct fleet_txn *txn, struct err *err)
{
	struct arena arena = ARENA_INIT;
	struct fleet_record now;
	bool ok = true;

	for (size_t i = 0; i < txn->n_records && ok; i++) {
		const struct fleet_record *r = &txn->records[i];

		if (!r->version)
			continue;
		ok = on_record(f, r->kind, r->id, &arena, &now, err);
		if (ok ? now.version != r->version : err->code == ERR_NOT_FOUND)
			ok = err_set(err, ERR_CONFLICT, "%s", err_row(ERR_CONFLICT)->text);
	}
	arena_free(&arena);
	return ok;
}

static bool on_commit(void *ctx, struct fleet_txn *txn, int64_t *recipients, size_t *bad,
		      struct err *err)
{
	struct fleet_api *f = ctx;

	*recipients = 0;
	*bad = txn->n_ops;
	if (txn->n_ops && (!check_records(f, txn, err) || !apply(f, txn, recipients, bad, err)))
		return false;
	return write_records(f, txn, err);
}

/* --- events ---------------------------------------------------------------------------------- */

static bool list_events(struct fleet_api *f, int64_t after, size_t limit, struct arena *arena,
			Pb__ListEventsResponse **resp, struct err *err)
{
	Pb__ListEventsRequest req = PB__LIST_EVENTS_REQUEST__INIT;

	req.aftersequence = after;
	req.limit = (int64_t)limit;
	return call(f, API_C2_LIST_EVENTS, &req.base, arena, resp, err);
}

static bool on_events(void *ctx, int64_t after, size_t limit, struct arena *arena,
		      struct fleet_events *out, struct err *err)
{
	Pb__ListEventsResponse *resp;

	if (!list_events(ctx, after, limit, arena, &resp, err))
		return false;
	*out = (struct fleet_events){
		.rows = arena_alloc(arena, (resp->n_events + 1) * sizeof *out->rows),
		.n = resp->n_events,
		.first = resp->firstsequence,
		.last = resp->lastsequence};
	for (size_t i = 0; i < resp->n_events; i++) {
		const Pb__Event *e = resp->events[i];

		out->rows[i] = (struct fleet_event){
			.seq = e->sequence,
			.type = (int32_t)e->type,
			.at_ms = e->timestamp ? e->timestamp->seconds * 1000 +
							e->timestamp->nanos / 1000000
					      : 0,
			.source = e->source,
			.target = e->target};
	}
	return true;
}

static bool on_alarm(void *ctx, const char *source, const char *target, struct err *err)
{
	struct arena arena = ARENA_INIT;
	Pb__RaiseAlarmRequest req = PB__RAISE_ALARM_REQUEST__INIT;
	Pb__RaiseAlarmResponse *resp;
	bool ok;

	req.client = text(&arena, source);
	req.topic = text(&arena, target);
	ok = call(ctx, API_C2_AUTOMATION_ENGINE_RAISE_ALARM, &req.base, &arena, &resp, err);
	arena_free(&arena);
	return ok;
}

static bool on_revision(void *ctx, int64_t *rev, struct err *err)
{
	struct arena arena = ARENA_INIT;
	Pb__ListEventsResponse *resp;
	bool ok = list_events(ctx, INT64_MAX - 1, 1, &arena, &resp, err);

	if (ok)
		*rev = resp->revision;
	arena_free(&arena);
	return ok;
}

/* --- targets --------------------------------------------------------------------------------- */

static struct fleet_target topic_of(const Pb__TopicInfo *in)
{
	return (struct fleet_target){.name = in->name,
				     .key_rev = in->revision,
				     .rotated_at = in->rotatedat ? in->rotatedat->seconds : 0,
				     .devices = in->members};
}

static bool client_status(struct fleet_api *f, const char *name, struct arena *arena,
			  Pb__GetClientStatusResponse **resp, struct err *err)
{
	Pb__GetClientStatusRequest req = PB__GET_CLIENT_STATUS_REQUEST__INIT;
	Pb__Client client = PB__CLIENT__INIT;

	client.name = text(arena, name);
	req.client = &client;
	return call(f, API_C2_GET_CLIENT_STATUS, &req.base, arena, resp, err);
}

static bool client_of(struct fleet_api *f, const char *name, struct arena *arena,
		      struct fleet_target *out, bool *found, struct err *err)
{
	Pb__GetClientStatusResponse *resp;

	*found = client_status(f, name, arena, &resp, err);
	if (!*found)
		return err->code == ERR_NOT_FOUND;
	*out = (struct fleet_target){.name = text(arena, name),
				     .key_rev = resp->keyrevision,
				     .rotated_at = resp->keymadeat ? resp->keymadeat->seconds : 0,
				     .devices = 1,
				     .key_pending = resp->keypending};
	return true;
}

static bool on_tags(void *ctx, const char *client, struct arena *arena, const char ***tags,
		    size_t *n, struct err *err)
{
	Pb__GetClientStatusResponse *resp;

	*n = 0;
	if (!client_status(ctx, client, arena, &resp, err))
		return err->code == ERR_NOT_FOUND;
	*n = resp->n_tags;
	*tags = arena_alloc(arena, (*n + 1) * sizeof **tags);
	for (size_t i = 0; i < *n; i++)
		(*tags)[i] = resp->tags[i];
	return true;
}

static bool topics_page(struct fleet_api *f, const char *prefix, const char *cursor, size_t limit,
			struct arena *arena, Pb__SearchTopicsResponse **resp, struct err *err)
{
	Pb__SearchTopicsRequest req = PB__SEARCH_TOPICS_REQUEST__INIT;

	req.prefix = text(arena, prefix);
	req.cursor = text(arena, cursor);
	req.limit = (int64_t)limit;
	return call(f, API_C2_SEARCH_TOPICS, &req.base, arena, resp, err);
}

static bool on_find(void *ctx, enum fleet_kind kind, const char *name, struct arena *arena,
		    struct fleet_target *out, bool *found, struct err *err)
{
	Pb__SearchTopicsResponse *resp;

	*found = false;
	if (kind == FLEET_CLIENT)
		return client_of(ctx, name, arena, out, found, err);
	/* Of the names that begin with this one it is the first. */
	if (!topics_page(ctx, name, "", FIND_LIMIT, arena, &resp, err))
		return false;
	*found = resp->n_topics && strcmp(resp->topics[0]->name, name) == 0;
	if (*found)
		*out = topic_of(resp->topics[0]);
	return true;
}

static const char *prefix_of(const char *pattern, struct arena *arena)
{
	return pattern ? arena_copy(arena, pattern, strcspn(pattern, "*")) : "";
}

static bool search_topics(struct fleet_api *f, const struct fleet_search *s, struct arena *arena,
			  struct fleet_found *out, struct err *err)
{
	Pb__SearchTopicsResponse *resp;

	if (!topics_page(f, prefix_of(s->pattern, arena), s->cursor, s->limit, arena, &resp, err))
		return false;
	out->rows = arena_alloc(arena, (resp->n_topics + 1) * sizeof *out->rows);
	out->cursor = resp->cursor;
	for (size_t i = 0; i < resp->n_topics; i++)
		if (!s->pattern || pattern_matches(s->pattern, resp->topics[i]->name))
			out->rows[out->n++] = topic_of(resp->topics[i]);
	return true;
}

static bool search_clients(struct fleet_api *f, const struct fleet_search *s, struct arena *arena,
			   struct fleet_found *out, struct err *err)
{
	Pb__SearchClientsRequest req = PB__SEARCH_CLIENTS_REQUEST__INIT;
	char *tags[1] = {text(arena, s->tag)};
	Pb__SearchClientsResponse *resp;
	bool ok = true, found;

	req.prefix = text(arena, prefix_of(s->pattern, arena));
	req.cursor = text(arena, s->cursor);
	req.limit = (int64_t)s->limit;
	req.tags = tags;
	req.n_tags = s->tag ? 1 : 0;
	if (!call(f, API_C2_SEARCH_CLIENTS, &req.base, arena, &resp, err))
		return false;
	out->rows = arena_alloc(arena, (resp->n_clients + 1) * sizeof *out->rows);
	out->cursor = resp->cursor;
	for (size_t i = 0; i < resp->n_clients && ok; i++) {
		const char *name = resp->clients[i]->name;

		if (s->pattern && !pattern_matches(s->pattern, name))
			continue;
		ok = client_of(f, name, arena, &out->rows[out->n], &found, err);
		out->n += ok && found;
	}
	return ok;
}

static bool on_search(void *ctx, const struct fleet_search *s, struct arena *arena,
		      struct fleet_found *out, struct err *err)
{
	*out = (struct fleet_found){.cursor = ""};
	return s->kind == FLEET_TOPIC ? search_topics(ctx, s, arena, out, err)
				      : search_clients(ctx, s, arena, out, err);
}

static bool on_progress(void *ctx, enum fleet_kind kind, const char *name, int64_t *devices,
			int64_t *confirmed, struct err *err)
{
	struct arena arena = ARENA_INIT;
	Pb__GetTopicStatusRequest req = PB__GET_TOPIC_STATUS_REQUEST__INIT;
	Pb__GetTopicStatusResponse *topic;
	Pb__GetClientStatusResponse *client;
	bool ok;

	req.topic = text(&arena, name);
	if (kind == FLEET_CLIENT)
		ok = client_status(ctx, name, &arena, &client, err);
	else
		ok = call(ctx, API_C2_GET_TOPIC_STATUS, &req.base, &arena, &topic, err);
	if (ok) {
		*devices = kind == FLEET_CLIENT ? 1 : topic->members;
		*confirmed = kind == FLEET_CLIENT ? !client->keypending : topic->confirmed;
	}
	arena_free(&arena);
	return ok;
}

/* --- devices, for a rehearsal --------------------------------------------------------------- */

/* Each is a call: fewer than a server has of its own rows. */
enum { DEVICES_MAX = 200, PLACES = 4, COUNTED = 8, AWAY_AFTER_S = 60 };

static bool device_of(struct fleet_api *f, const char *name, struct arena *arena,
		      struct fleet_device *out, bool *found, struct err *err)
{
	Pb__GetClientStatusResponse *s;

	*found = client_status(f, name, arena, &s, err);
	if (!*found)
		return err->code == ERR_NOT_FOUND;
	*out = (struct fleet_device){
		.name = text(arena, name),
		.last_seen = s->receipts && s->lastseen ? s->lastseen->seconds : 0,
		.away = s->receipts && s->since &&
			s->status == PB__CLIENT_DELIVERY_STATUS__CLIENT_SENT &&
			clock_wall_s(&clock_real) - s->since->seconds > AWAY_AFTER_S,
		.producer = s->type == PB__CLIENT_TYPE__TYPE_PRODUCER,
		.consumer = s->type == PB__CLIENT_TYPE__TYPE_CONSUMER};
	return true;
}

static bool members_page(struct fleet_api *f, const char *topic, int64_t offset, int64_t count,
			 struct arena *arena, Pb__GetClientsForTopicResponse **resp,
			 struct err *err)
{
	Pb__GetClientsForTopicRequest req = PB__GET_CLIENTS_FOR_TOPIC_REQUEST__INIT;

	req.topic = text(arena, topic);
	req.offset = offset;
	req.count = count;
	return call(f, API_C2_GET_CLIENTS_FOR_TOPIC, &req.base, arena, resp, err);
}

/* Names from all over the topic's members. */
static bool members(struct fleet_api *f, const char *topic, size_t limit, struct arena *arena,
		    const char **names, size_t *n, struct err *err)
{
	struct fleet_target t;
	bool found;

	*n = 0;
	if (!on_find(f, FLEET_TOPIC, topic, arena, &t, &found, err) || !found)
		return found || err_set(err, ERR_NOT_FOUND, "there is no such topic");
	for (int64_t i = 0; i < PLACES; i++) {
		int64_t from = t.devices * i / PLACES, to = t.devices * (i + 1) / PLACES;
		int64_t most = (int64_t)limit * (i + 1) / PLACES - (int64_t)limit * i / PLACES;
		Pb__GetClientsForTopicResponse *page;

		if (to - from < most)
			most = to - from;
		if (most <= 0)
			continue;
		if (!members_page(f, topic, from, most, arena, &page, err))
			return false;
		for (size_t k = 0; k < page->n_clients && *n < limit; k++)
			names[(*n)++] = page->clients[k]->name;
	}
	return true;
}

static bool count_topics(struct fleet_api *f, const struct fleet_device *rows, size_t n,
			 int64_t *topics, struct arena *arena, struct err *err)
{
	int64_t counted = 0, sum = 0;

	for (size_t i = 0; i < n; i += n / COUNTED + 1) {
		Pb__CountTopicsForClientRequest req = PB__COUNT_TOPICS_FOR_CLIENT_REQUEST__INIT;
		Pb__CountTopicsForClientResponse *resp;
		Pb__Client client = PB__CLIENT__INIT;

		client.name = text(arena, rows[i].name);
		req.client = &client;
		if (!call(f, API_C2_COUNT_TOPICS_FOR_CLIENT, &req.base, arena, &resp, err)) {
			if (err->code != ERR_NOT_FOUND)
				return false;
			continue;
		}
		sum += resp->count;
		counted++;
	}
	*topics = counted ? (sum + counted / 2) / counted : 0;
	return true;
}

static bool on_devices(void *ctx, enum fleet_kind kind, const char *name, size_t limit,
		       struct arena *arena, struct fleet_device **out, size_t *n, int64_t *topics,
		       struct err *err)
{
	const char **names;
	size_t n_names = 1;
	bool found;

	limit = limit < DEVICES_MAX ? limit : DEVICES_MAX;
	names = arena_alloc(arena, (limit + 1) * sizeof *names);
	names[0] = name;
	*n = 0;
	*out = arena_alloc(arena, (limit + 1) * sizeof **out);
	if (kind == FLEET_TOPIC && !members(ctx, name, limit, arena, names, &n_names, err))
		return false;
	for (size_t i = 0; i < n_names; i++) {
		if (!device_of(ctx, names[i], arena, &(*out)[*n], &found, err))
			return false;
		*n += found;
	}
	return count_topics(ctx, *out, *n, topics, arena, err);
}

struct fleet fleet_api(struct fleet_api *of)
{
	static const struct fleet_ops ops = {
		.commit = on_commit,
		.record = on_record,
		.records = on_records,
		.events = on_events,
		.alarm = on_alarm,
		.revision = on_revision,
		.find = on_find,
		.tags = on_tags,
		.search = on_search,
		.progress = on_progress,
		.devices = on_devices,
	};

	return (struct fleet){&ops, of};
}
