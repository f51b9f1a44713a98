/* The methods about many clients or topics: batches, groups, search; and what these go by. */
#include "api/json.h"
#include "c2/front/dispatch_inner.h"

#define METHOD(fn, Name) DISPATCH_METHOD(extern, fn, Name)

enum { LIMIT_DEFAULT = 100 };

_Static_assert((int)CORE_EXISTING_REPLACE == (int)PB__EXISTING__EXISTING_REPLACE &&
		       (int)CORE_EXISTING_SAME == (int)PB__EXISTING__EXISTING_SAME &&
		       (int)CORE_EXISTING_KEEP == (int)PB__EXISTING__EXISTING_KEEP &&
		       (int)CORE_TYPE_BOTH == (int)PB__CLIENT_TYPE__TYPE_BOTH &&
		       (int)CORE_TYPE_CONSUMER == (int)PB__CLIENT_TYPE__TYPE_CONSUMER,
	       "numbers of the core are those of the API");

static enum core_choice choice_of(bool given, bool value)
{
	return !given ? CORE_DEFAULT : value ? CORE_YES : CORE_NO;
}

/* --- type and tags -------------------------------------------------------------------------- */

static struct core_traits traits_of(const Pb__ChangeClientRequest *req)
{
	bool has_type = req->type_choice_case == PB__CHANGE_CLIENT_REQUEST__TYPE_CHOICE_TYPE;

	return (struct core_traits){.type = has_type ? (enum core_client_type)req->type
						     : CORE_TYPE_AS_IT_WAS,
				    .add = req->addtags,
				    .n_add = req->n_addtags,
				    .remove = req->removetags,
				    .n_remove = req->n_removetags};
}

METHOD(dispatch_change_client, ChangeClient)
{
	const struct core_traits traits = traits_of(req);
	enum core_client_type type;
	struct core_names tags;

	if (!core_client_change(c->core, req->client, &traits, err) ||
	    !core_client_traits(c->core, req->client, c->arena, &type, &tags, err))
		return false;
	resp->type = (Pb__ClientType)type;
	resp->n_tags = tags.n;
	resp->tags = texts_of(c, &tags);
	return true;
}

/* --- batches -------------------------------------------------------------------------------- */

static bool create_of(struct core_op *op, const Pb__CreateClient *in)
{
	if (!in)
		return false;
	*op = (struct core_op){.kind = CORE_OP_CLIENT_NEW,
			       .client = in->name,
			       .key = in->key.data,
			       .key_len = in->key.len,
			       .traits = {.type = in->type == PB__CLIENT_TYPE__TYPE_UNKNOWN
							  ? CORE_TYPE_AS_IT_WAS
							  : (enum core_client_type)in->type,
					  .add = in->tags,
					  .n_add = in->n_tags},
			       .topics = in->topics,
			       .n_topics = in->n_topics};
	return true;
}

static bool pair_of(struct core_op *op, enum core_op_kind kind, const Pb__Membership *in)
{
	if (!in)
		return false;
	*op = (struct core_op){.kind = kind, .client = in->client, .topic = in->topic};
	return true;
}

static bool op_of(struct core_op *op, const Pb__BatchOperation *in)
{
	switch (in->operation_case) {
	case PB__BATCH_OPERATION__OPERATION_CREATE_CLIENT:
		return create_of(op, in->createclient);
	case PB__BATCH_OPERATION__OPERATION_REMOVE_CLIENT:
		*op = (struct core_op){.kind = CORE_OP_CLIENT_REMOVE, .client = in->removeclient};
		return true;
	case PB__BATCH_OPERATION__OPERATION_NEW_CLIENT_KEY:
		*op = (struct core_op){.kind = CORE_OP_CLIENT_NEW_KEY, .client = in->newclientkey};
		return true;
	case PB__BATCH_OPERATION__OPERATION_CHANGE_CLIENT:
		if (!in->changeclient)
			return false;
		*op = (struct core_op){.kind = CORE_OP_CLIENT_CHANGE,
				       .client = in->changeclient->client,
				       .traits = traits_of(in->changeclient)};
		return true;
	case PB__BATCH_OPERATION__OPERATION_CREATE_TOPIC:
		*op = (struct core_op){.kind = CORE_OP_TOPIC_NEW, .topic = in->createtopic};
		return true;
	case PB__BATCH_OPERATION__OPERATION_ROTATE_TOPIC:
		*op = (struct core_op){.kind = CORE_OP_TOPIC_ROTATE, .topic = in->rotatetopic};
		return true;
	case PB__BATCH_OPERATION__OPERATION_REMOVE_TOPIC:
		*op = (struct core_op){.kind = CORE_OP_TOPIC_REMOVE, .topic = in->removetopic};
		return true;
	case PB__BATCH_OPERATION__OPERATION_ATTACH:
		return pair_of(op, CORE_OP_ATTACH, in->attach);
	case PB__BATCH_OPERATION__OPERATION_DETACH:
		return pair_of(op, CORE_OP_DETACH, in->detach);
	case PB__BATCH_OPERATION__OPERATION__NOT_SET:
	case _PB__BATCH_OPERATION__OPERATION__CASE_IS_INT_SIZE:
		break;
	}
	return false;
}

static bool ops_of(struct dispatch_call *c, struct core_op **out, const Pb__BatchRequest *req,
		   struct err *err)
{
	if (req->n_operations > CORE_BATCH_MAX)
		return err_set(err, ERR_INVALID, "a batch has 1 to %d operations", CORE_BATCH_MAX);
	*out = arena_alloc(c->arena, (req->n_operations + 1) * sizeof **out);
	for (size_t i = 0; i < req->n_operations; i++)
		if (!op_of(&(*out)[i], req->operations[i]))
			return err_set(err, ERR_INVALID, "operation %zu: says nothing to do", i);
	return true;
}

METHOD(dispatch_batch, Batch)
{
	struct core_batch_result result;
	struct core_op *ops = NULL;
	struct core_batch b = {
		.n = req->n_operations,
		.existing = (enum core_existing)req->existing,
		.rotate = choice_of(req->rotate_choice_case ==
					    PB__BATCH_REQUEST__ROTATE_CHOICE_ROTATE_KEY,
				    req->rotatekey),
		.make_topics = req->createtopics,
		.dry_run = req->dryrun,
		.id = req->id};

	if (!ops_of(c, &ops, req, err))
		return false;
	b.ops = ops;
	if (!core_batch(c->core, &b, &result, err))
		return false;
	resp->changed = result.changed;
	resp->unchanged = result.same;
	resp->rotatedtopics = result.rotated;
	resp->repeated = result.repeated;
	resp->delivery = delivery_of(c, &result.delivery);
	return true;
}

/* --- search --------------------------------------------------------------------------------- */

static bool states_of(unsigned *bits, size_t n, const Pb__ClientDeliveryStatus *states,
		      struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		if ((unsigned)states[i] > CORE_CLIENT_CONFIRMED)
			return err_set(err, ERR_INVALID, "no such state of delivery");
		*bits |= 1u << states[i];
	}
	return true;
}

METHOD(dispatch_search_clients, SearchClients)
{
	struct core_search s = {.prefix = req->prefix,
				.contains = req->contains,
				.tags = req->tags,
				.n_tags = req->n_tags,
				.type = (enum core_client_type)req->type,
				.cursor = req->cursor,
				.limit = req->limit ? req->limit : LIMIT_DEFAULT,
				.with_topics = req->withtopics};
	struct core_found_clients found;

	if (!states_of(&s.states, req->n_statuses, req->statuses, err) ||
	    !core_search_clients(c->core, &s, c->arena, &found, err))
		return false;
	resp->clients = arena_alloc(c->arena, found.n * sizeof(void *) + 1);
	resp->n_clients = found.n;
	resp->cursor = text_of(c, found.cursor);
	for (size_t i = 0; i < found.n; i++) {
		const struct core_found_client *f = &found.rows[i];
		Pb__ClientInfo *info = resp->clients[i] = NEW(c, pb__client_info__descriptor);

		info->name = text_of(c, f->name);
		info->type = (Pb__ClientType)f->type;
		info->n_tags = f->tags.n;
		info->tags = texts_of(c, &f->tags);
		info->status = (Pb__ClientDeliveryStatus)f->state;
		info->reason = text_of(c, f->reason ? f->reason : "");
		info->lastseen = time_of(c, f->last_seen);
		info->n_topics = f->topics.n;
		info->topics = texts_of(c, &f->topics);
	}
	return true;
}

METHOD(dispatch_search_topics, SearchTopics)
{
	const struct core_search s = {.prefix = req->prefix,
				      .contains = req->contains,
				      .cursor = req->cursor,
				      .limit = req->limit ? req->limit : LIMIT_DEFAULT};
	struct core_found_topics found;

	if (!core_search_topics(c->core, &s, c->arena, &found, err))
		return false;
	resp->topics = arena_alloc(c->arena, found.n * sizeof(void *) + 1);
	resp->n_topics = found.n;
	resp->cursor = text_of(c, found.cursor);
	for (size_t i = 0; i < found.n; i++) {
		Pb__TopicInfo *info = resp->topics[i] = NEW(c, pb__topic_info__descriptor);

		info->name = text_of(c, found.rows[i].name);
		info->members = found.rows[i].members;
		info->revision = found.rows[i].revision;
		info->rotatedat = time_of(c, found.rows[i].rotated_at);
	}
	return true;
}

static Pb__Event *event_of(struct dispatch_call *c, const struct store_event *in)
{
	Pb__Event *out = NEW(c, pb__event__descriptor);

	out->type = (Pb__EventType)in->type;
	out->source = text_of(c, in->source);
	out->target = text_of(c, in->target);
	out->timestamp = time_of(c, in->at_ms / 1000);
	if (out->timestamp)
		out->timestamp->nanos = (int32_t)(in->at_ms % 1000) * 1000000;
	out->sequence = in->seq;
	return out;
}

METHOD(dispatch_list_events, ListEvents)
{
	int64_t limit = req->limit ? req->limit : LIMIT_DEFAULT;
	struct core_events events;

	if (req->aftersequence < 0 || limit < 1 || limit > CORE_SEARCH_MAX)
		return err_set(err, ERR_INVALID,
			       "afterSequence is below 0, or limit not between 1 and %d",
			       CORE_SEARCH_MAX);
	if (!core_revision(c->core, &resp->revision, err) ||
	    !core_events_after(c->core, req->aftersequence, limit, c->arena, &events,
			       &resp->lastsequence, err))
		return false;
	resp->firstsequence = events.first;
	resp->events = arena_alloc(c->arena, events.n * sizeof(void *) + 1);
	resp->n_events = events.n;
	for (size_t i = 0; i < events.n; i++)
		resp->events[i] = event_of(c, &events.rows[i]);
	return true;
}

/* --- groups --------------------------------------------------------------------------------- */

static struct core_group group_of(const Pb__ChangeGroupRequest *req)
{
	struct core_group g = {
		.search = {.prefix = req->prefix,
			   .contains = "",
			   .tags = req->tags,
			   .n_tags = req->n_tags,
			   .type = (enum core_client_type)req->type,
			   .cursor = req->cursor,
			   .limit = req->limit ? req->limit : CORE_SEARCH_MAX},
		.all = req->all,
		.kind = CORE_OP_CLIENT_NEW,
		.rotate = choice_of(req->rotate_choice_case ==
					    PB__CHANGE_GROUP_REQUEST__ROTATE_CHOICE_ROTATE_KEY,
				    req->rotatekey)};

	if (req->operation_case == PB__CHANGE_GROUP_REQUEST__OPERATION_ATTACH) {
		g.kind = CORE_OP_ATTACH;
		g.topic = req->attach;
	} else if (req->operation_case == PB__CHANGE_GROUP_REQUEST__OPERATION_DETACH) {
		g.kind = CORE_OP_DETACH;
		g.topic = req->detach;
	} else if (req->operation_case == PB__CHANGE_GROUP_REQUEST__OPERATION_NEW_KEYS &&
		   req->newkeys) {
		g.kind = CORE_OP_CLIENT_NEW_KEY;
	}
	return g;
}

METHOD(dispatch_change_group, ChangeGroup)
{
	const struct core_group g = group_of(req);
	struct core_batch_result result;
	const char *cursor;

	if (!core_group_change(c->core, &g, c->arena, &result, &cursor, err))
		return false;
	resp->changed = result.changed;
	resp->unchanged = result.same;
	resp->rotatedtopics = result.rotated;
	resp->cursor = text_of(c, cursor);
	resp->delivery = delivery_of(c, &result.delivery);
	return true;
}
