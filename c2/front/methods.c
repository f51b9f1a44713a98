#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "c2/front/dispatch_inner.h"

/* Pages as the API promises them; memory and time of one answer follow from it. */
enum { PAGE_MAX = 1000 };

#define METHOD(fn, Name) DISPATCH_METHOD(static, fn, Name)

_Static_assert((int)CORE_NOTHING == (int)PB__DELIVERY_STATUS__DELIVERY_NOTHING &&
		       (int)CORE_QUEUED == (int)PB__DELIVERY_STATUS__DELIVERY_QUEUED &&
		       (int)CORE_BROKER_AWAY == (int)PB__DELIVERY_STATUS__DELIVERY_BROKER_AWAY &&
		       (int)CORE_CLIENT_CONFIRMED ==
			       (int)PB__CLIENT_DELIVERY_STATUS__CLIENT_CONFIRMED &&
		       (int)CORE_PUBKEY == (int)PB__CRYPTO_MODE__CRYPTOMODE_PUBKEY &&
		       (int)CORE_EVENT_UNSUBSCRIBED == (int)PB__EVENT_TYPE__CLIENT_UNSUBSCRIBED &&
		       (int)CORE_EVENT_CLIENT_REMOVED == (int)PB__EVENT_TYPE__CLIENT_REMOVED &&
		       (int)CORE_EVENT_ALARM == (int)PB__EVENT_TYPE__ALARM,
	       "numbers of the core are those of the API");

/* A client that was not given is one without a name, which the core refuses. */
static const char *name_of(const Pb__Client *client)
{
	return client && client->name ? client->name : "";
}

char *text_of(struct dispatch_call *c, const char *text)
{
	return arena_copy(c->arena, text, strlen(text));
}

Pb__Delivery *delivery_of(struct dispatch_call *c, const struct core_delivery *in)
{
	Pb__Delivery *out = NEW(c, pb__delivery__descriptor);

	out->revision = in->revision;
	out->status = (Pb__DeliveryStatus)in->status;
	out->recipients = in->recipients;
	return out;
}

Google__Protobuf__Timestamp *time_of(struct dispatch_call *c, int64_t at_s)
{
	Google__Protobuf__Timestamp *out;

	if (at_s == 0)
		return NULL;
	out = NEW(c, google__protobuf__timestamp__descriptor);
	out->seconds = at_s;
	return out;
}

static bool page_of(struct store_page *out, int64_t offset, int64_t count, struct err *err)
{
	if (offset < 0)
		return err_set(err, ERR_INVALID, "offset is below 0");
	if (count < 0 || count > PAGE_MAX)
		return err_set(err, ERR_INVALID, "count is not between 0 and %d", PAGE_MAX);
	*out = (struct store_page){offset, count};
	return true;
}

char **texts_of(struct dispatch_call *c, const struct core_names *names)
{
	char **out = arena_alloc(c->arena, names->n * sizeof(void *) + 1);

	for (size_t i = 0; i < names->n; i++)
		out[i] = text_of(c, names->names[i]);
	return out;
}

static Pb__Client **clients_of(struct dispatch_call *c, const struct core_names *names)
{
	Pb__Client **out = arena_alloc(c->arena, names->n * sizeof(void *) + 1);

	for (size_t i = 0; i < names->n; i++) {
		out[i] = NEW(c, pb__client__descriptor);
		out[i]->name = text_of(c, names->names[i]);
	}
	return out;
}

/* Clients */

METHOD(new_client, NewClient)
{
	struct core_delivery delivery;

	if (!core_client_new(c->core, name_of(req->client), req->key.data, req->key.len, &delivery,
			     err))
		return false;
	resp->delivery = delivery_of(c, &delivery);
	return true;
}

METHOD(remove_client, RemoveClient)
{
	struct core_delivery delivery;
	enum core_choice rotate = CORE_DEFAULT;

	if (req->rotate_choice_case == PB__REMOVE_CLIENT_REQUEST__ROTATE_CHOICE_ROTATE_KEY)
		rotate = req->rotatekey ? CORE_YES : CORE_NO;
	if (!core_client_remove(c->core, name_of(req->client), rotate, &resp->rotatedtopics,
				&delivery, err))
		return false;
	resp->delivery = delivery_of(c, &delivery);
	return true;
}

METHOD(reset_client, ResetClient)
{
	struct core_delivery delivery;

	if (!core_client_reset(c->core, name_of(req->client), &delivery, err))
		return false;
	resp->delivery = delivery_of(c, &delivery);
	return true;
}

METHOD(new_client_key, NewClientKey)
{
	struct core_delivery delivery;

	if (!core_client_new_key(c->core, name_of(req->client), &delivery, err))
		return false;
	resp->delivery = delivery_of(c, &delivery);
	return true;
}

METHOD(get_clients, GetClients)
{
	struct core_names names;
	struct store_page page = {0};

	if (!page_of(&page, req->offset, req->count, err) ||
	    !core_clients(c->core, page, c->arena, &names, err))
		return false;
	resp->n_clients = names.n;
	resp->clients = clients_of(c, &names);
	return true;
}

METHOD(count_clients, CountClients)
{
	(void)req;
	return core_clients_count(c->core, &resp->count, err);
}

METHOD(get_client_status, GetClientStatus)
{
	struct core_client_status s;

	if (!core_client_status(c->core, name_of(req->client), c->arena, &s, err))
		return false;
	resp->keyrevision = s.key_rev;
	resp->keymadeat = time_of(c, s.key_at);
	resp->revision = s.revision;
	resp->sentrevision = s.sent_rev;
	resp->confirmedrevision = s.confirmed_rev;
	resp->status = (Pb__ClientDeliveryStatus)s.state;
	resp->keypending = s.key_pending;
	resp->receipts = s.receipts;
	resp->lastseen = time_of(c, s.last_seen);
	resp->nextattempt = time_of(c, s.next_at);
	resp->clockoffset = s.clock_offset;
	resp->reason = text_of(c, s.reason ? s.reason : "");
	resp->since = time_of(c, s.since);
	resp->type = (Pb__ClientType)s.type;
	resp->n_tags = s.tags.n;
	resp->tags = texts_of(c, &s.tags);
	return true;
}

static Pb__UnconfirmedClient *unconfirmed_of(struct dispatch_call *c,
					     const struct core_behind_client *in)
{
	Pb__UnconfirmedClient *out = NEW(c, pb__unconfirmed_client__descriptor);

	out->client = NEW(c, pb__client__descriptor);
	out->client->name = text_of(c, in->name);
	out->status = (Pb__ClientDeliveryStatus)in->state;
	out->receipts = in->receipts;
	out->since = time_of(c, in->since);
	out->lastseen = time_of(c, in->last_seen);
	out->nextattempt = time_of(c, in->next_at);
	out->reason = text_of(c, in->reason);
	return out;
}

/* A cursor is the id of the last client that was looked at. */
static bool id_of_cursor(int64_t *id, const char *cursor, struct err *err)
{
	char *end;

	errno = 0;
	*id = strtoll(*cursor ? cursor : "0", &end, 10);
	return (!*end && !errno && *id >= 0 && *cursor != '+' && *cursor != ' ') ||
	       err_set(err, ERR_INVALID, "the cursor is none that an answer gave");
}

METHOD(get_unconfirmed_clients, GetUnconfirmedClients)
{
	struct core_behind list;
	struct store_page page = {0};
	int64_t after;

	if (!page_of(&page, 0, req->limit ? req->limit : 100, err) ||
	    !id_of_cursor(&after, req->cursor, err) ||
	    !core_clients_behind(c->core, *req->topic ? req->topic : NULL, after, page.count,
				 c->arena, &list, err))
		return false;
	resp->clients = arena_alloc(c->arena, list.n * sizeof(void *) + 1);
	for (size_t i = 0; i < list.n; i++)
		resp->clients[i] = unconfirmed_of(c, &list.clients[i]);
	resp->n_clients = list.n;
	if (list.next)
		resp->cursor = arena_format(c->arena, "%" PRId64, list.next);
	return true;
}

/* Topics */

METHOD(new_topic, NewTopic)
{
	struct core_delivery delivery;

	if (!core_topic_new(c->core, req->topic, &delivery, err))
		return false;
	resp->delivery = delivery_of(c, &delivery);
	return true;
}

METHOD(remove_topic, RemoveTopic)
{
	struct core_delivery delivery;

	if (!core_topic_remove(c->core, req->topic, &delivery, err))
		return false;
	resp->delivery = delivery_of(c, &delivery);
	return true;
}

METHOD(get_topics, GetTopics)
{
	struct core_names names;
	struct store_page page = {0};

	if (!page_of(&page, req->offset, req->count, err) ||
	    !core_topics(c->core, page, c->arena, &names, err))
		return false;
	resp->n_topics = names.n;
	resp->topics = texts_of(c, &names);
	return true;
}

METHOD(count_topics, CountTopics)
{
	(void)req;
	return core_topics_count(c->core, &resp->count, err);
}

METHOD(get_topic_status, GetTopicStatus)
{
	struct core_topic_status s;

	if (!core_topic_status(c->core, req->topic, &s, err))
		return false;
	resp->revision = s.revision;
	resp->members = s.progress.members;
	resp->confirmed = s.progress.confirmed;
	resp->sent = s.progress.sent;
	resp->waiting = s.progress.waiting;
	resp->withheld = s.progress.withheld;
	resp->rotatedat = time_of(c, s.rotated_at);
	resp->countedat = time_of(c, s.counted_at);
	resp->counted = s.counted;
	return true;
}

/* Clients in topics */

METHOD(new_topic_client, NewTopicClient)
{
	struct core_delivery delivery;

	if (!core_attach(c->core, name_of(req->client), req->topic, &delivery, err))
		return false;
	resp->delivery = delivery_of(c, &delivery);
	return true;
}

METHOD(remove_topic_client, RemoveTopicClient)
{
	struct core_delivery delivery;
	enum core_choice rotate = CORE_DEFAULT;

	if (req->rotate_choice_case == PB__REMOVE_TOPIC_CLIENT_REQUEST__ROTATE_CHOICE_ROTATE_KEY)
		rotate = req->rotatekey ? CORE_YES : CORE_NO;
	if (!core_detach(c->core, name_of(req->client), req->topic, rotate, &resp->rotatedtopics,
			 &delivery, err))
		return false;
	resp->delivery = delivery_of(c, &delivery);
	return true;
}

METHOD(get_topics_for_client, GetTopicsForClient)
{
	struct core_names names;
	struct store_page page = {0};

	if (!page_of(&page, req->offset, req->count, err) ||
	    !core_client_topics(c->core, name_of(req->client), page, c->arena, &names, err))
		return false;
	resp->n_topics = names.n;
	resp->topics = texts_of(c, &names);
	return true;
}

METHOD(count_topics_for_client, CountTopicsForClient)
{
	return core_client_topics_count(c->core, name_of(req->client), &resp->count, err);
}

METHOD(get_clients_for_topic, GetClientsForTopic)
{
	struct core_names names;
	struct store_page page = {0};

	if (!page_of(&page, req->offset, req->count, err) ||
	    !core_topic_clients(c->core, req->topic, page, c->arena, &names, err))
		return false;
	resp->n_clients = names.n;
	resp->clients = clients_of(c, &names);
	return true;
}

METHOD(count_clients_for_topic, CountClientsForTopic)
{
	return core_topic_clients_count(c->core, req->topic, &resp->count, err);
}

/* Links and public keys */

METHOD(link_client, LinkClient)
{
	(void)resp;
	return core_link(c->core, name_of(req->sourceclient), name_of(req->targetclient), err);
}

METHOD(unlink_client, UnlinkClient)
{
	(void)resp;
	return core_unlink(c->core, name_of(req->sourceclient), name_of(req->targetclient), err);
}

METHOD(get_linked_clients, GetLinkedClients)
{
	struct core_names names;
	struct store_page page = {0};

	if (!page_of(&page, req->offset, req->count, err) ||
	    !core_links(c->core, name_of(req->client), page, c->arena, &names, err))
		return false;
	resp->n_clients = names.n;
	resp->clients = clients_of(c, &names);
	return true;
}

METHOD(count_linked_clients, CountLinkedClients)
{
	return core_links_count(c->core, name_of(req->client), &resp->count, err);
}

METHOD(send_client_pub_key, SendClientPubKey)
{
	struct core_delivery delivery;

	if (!core_pubkey_send(c->core, name_of(req->sourceclient), name_of(req->targetclient),
			      &delivery, err))
		return false;
	resp->delivery = delivery_of(c, &delivery);
	return true;
}

METHOD(remove_client_pub_key, RemoveClientPubKey)
{
	struct core_delivery delivery;

	if (!core_pubkey_remove(c->core, name_of(req->sourceclient), name_of(req->targetclient),
				&delivery, err))
		return false;
	resp->delivery = delivery_of(c, &delivery);
	return true;
}

METHOD(reset_client_pub_keys, ResetClientPubKeys)
{
	struct core_delivery delivery;

	if (!core_pubkeys_reset(c->core, name_of(req->targetclient), &delivery, err))
		return false;
	resp->delivery = delivery_of(c, &delivery);
	return true;
}

METHOD(new_c2_key, NewC2Key)
{
	struct core_delivery delivery;

	if (!core_new_c2_key(c->core, req->force, req->dropoldest, &delivery, err))
		return false;
	resp->delivery = delivery_of(c, &delivery);
	return true;
}

METHOD(get_c2_key_status, GetC2KeyStatus)
{
	struct core_c2_key_status s;

	(void)req;
	if (!core_c2_key_status(c->core, &s, err))
		return false;
	resp->revision = s.revision;
	resp->clients = s.clients;
	resp->confirmed = s.confirmed;
	resp->unconfirmed = s.clients - s.confirmed;
	resp->olderkeys = s.older_keys;
	resp->givenup = s.given_up;
	return true;
}

METHOD(get_c2_public_key, GetC2PublicKey)
{
	uint8_t key[32];

	(void)req;
	if (!core_c2_public_key(c->core, key, err))
		return false;
	resp->publickey.data = (uint8_t *)arena_copy(c->arena, key, sizeof key);
	resp->publickey.len = sizeof key;
	return true;
}

/* Messages */

METHOD(protect_message, ProtectMessage)
{
	ProtobufCBinaryData *out = &resp->protectedbinarydata;

	resp->topic = req->topic;
	return core_protect(c->core, req->topic, req->binarydata.data, req->binarydata.len,
			    c->arena, &out->data, &out->len, err);
}

METHOD(unprotect_message, UnprotectMessage)
{
	ProtobufCBinaryData *out = &resp->binarydata;

	resp->topic = req->topic;
	return core_unprotect(c->core, req->topic, req->protectedbinarydata.data,
			      req->protectedbinarydata.len, c->arena, &out->data, &out->len, err);
}

/* The server itself */

/* Devices cannot be reached without the broker, but nothing is lost: an answer, no failure. */
METHOD(health_check, HealthCheck)
{
	struct core_health h;

	(void)req;
	core_health(c->core, &h);
	if (h.store.code != ERR_OK)
		return err_set(err, ERR_UNAVAILABLE, "the database does not work");
	if (h.custody.code != ERR_OK)
		return err_set(err, ERR_UNAVAILABLE, "the key custody does not work");
	resp->code = h.bus_up ? 0 : 1;
	resp->status = text_of(c, h.bus_up ? "OK" : "the message broker is away: commands wait");
	resp->database = text_of(c, "OK");
	resp->custody = text_of(c, "OK");
	/* Why it is away can name files and addresses: not for everybody. */
	resp->broker = text_of(c, h.bus_up ? "OK" : c->stranger ? "away" : h.bus_why);
	return true;
}

METHOD(get_crypto_mode, GetCryptoMode)
{
	(void)req, (void)err;
	resp->cryptomode = (Pb__CryptoMode)core_crypto_mode(c->core);
	return true;
}

dispatch_handler *const dispatch_handlers[API_N_METHODS] = {
	[API_C2_NEW_CLIENT] = new_client,
	[API_C2_REMOVE_CLIENT] = remove_client,
	[API_C2_RESET_CLIENT] = reset_client,
	[API_C2_NEW_CLIENT_KEY] = new_client_key,
	[API_C2_NEW_TOPIC] = new_topic,
	[API_C2_REMOVE_TOPIC] = remove_topic,
	[API_C2_NEW_TOPIC_CLIENT] = new_topic_client,
	[API_C2_REMOVE_TOPIC_CLIENT] = remove_topic_client,
	[API_C2_COUNT_TOPICS_FOR_CLIENT] = count_topics_for_client,
	[API_C2_GET_TOPICS_FOR_CLIENT] = get_topics_for_client,
	[API_C2_COUNT_CLIENTS_FOR_TOPIC] = count_clients_for_topic,
	[API_C2_GET_CLIENTS_FOR_TOPIC] = get_clients_for_topic,
	[API_C2_COUNT_CLIENTS] = count_clients,
	[API_C2_GET_CLIENTS] = get_clients,
	[API_C2_COUNT_TOPICS] = count_topics,
	[API_C2_GET_TOPICS] = get_topics,
	[API_C2_LINK_CLIENT] = link_client,
	[API_C2_UNLINK_CLIENT] = unlink_client,
	[API_C2_COUNT_LINKED_CLIENTS] = count_linked_clients,
	[API_C2_GET_LINKED_CLIENTS] = get_linked_clients,
	[API_C2_SEND_CLIENT_PUB_KEY] = send_client_pub_key,
	[API_C2_REMOVE_CLIENT_PUB_KEY] = remove_client_pub_key,
	[API_C2_RESET_CLIENT_PUB_KEYS] = reset_client_pub_keys,
	[API_C2_NEW_C2_KEY] = new_c2_key,
	[API_C2_GET_C2_PUBLIC_KEY] = get_c2_public_key,
	[API_C2_PROTECT_MESSAGE] = protect_message,
	[API_C2_UNPROTECT_MESSAGE] = unprotect_message,
	[API_C2_HEALTH_CHECK] = health_check,
	[API_C2_GET_CRYPTO_MODE] = get_crypto_mode,
	[API_C2_GET_TOPIC_STATUS] = get_topic_status,
	[API_C2_GET_CLIENT_STATUS] = get_client_status,
	[API_C2_BATCH] = dispatch_batch,
	[API_C2_CHANGE_CLIENT] = dispatch_change_client,
	[API_C2_SEARCH_CLIENTS] = dispatch_search_clients,
	[API_C2_LIST_EVENTS] = dispatch_list_events,
	[API_C2_SEARCH_TOPICS] = dispatch_search_topics,
	[API_C2_CHANGE_GROUP] = dispatch_change_group,
	[API_C2_GET_UNCONFIRMED_CLIENTS] = get_unconfirmed_clients,
	[API_C2_GET_C2_KEY_STATUS] = get_c2_key_status,
	[API_C2_AUTOMATION_ENGINE_LIST_RULES] = dispatch_list_rules,
	[API_C2_AUTOMATION_ENGINE_GET_RULE] = dispatch_get_rule,
	[API_C2_AUTOMATION_ENGINE_ADD_RULE] = dispatch_add_rule,
	[API_C2_AUTOMATION_ENGINE_UPDATE_RULE] = dispatch_update_rule,
	[API_C2_AUTOMATION_ENGINE_DELETE_RULE] = dispatch_delete_rule,
	[API_C2_AUTOMATION_ENGINE_CHANGE_RULE] = dispatch_change_rule,
	[API_C2_AUTOMATION_ENGINE_RUN_RULE] = dispatch_run_rule,
	[API_C2_AUTOMATION_ENGINE_LIST_RUNS] = dispatch_list_runs,
	[API_C2_AUTOMATION_ENGINE_GET_SCHEDULE] = dispatch_get_schedule,
	[API_C2_AUTOMATION_ENGINE_GET_RULE_FLEET] = dispatch_get_rule_fleet,
	[API_C2_AUTOMATION_ENGINE_RAISE_ALARM] = dispatch_raise_alarm,
	[API_C2_AUTOMATION_ENGINE_HEALTH_CHECK] = dispatch_engine_health,
};
