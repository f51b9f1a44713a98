#define _GNU_SOURCE
#include "cli/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "e4/protocol.h"
#include "e4/store_posix.h"

/* Topics and peers a desk device may hold, messages it remembers against replay. */
enum { TOPICS_MAX = 1024, PEERS_MAX = 1024, SEEN_MAX = 512, SENT_MAX = 16 };
enum { SUBSCRIPTIONS_MAX = 256 };

struct device {
	struct e4_client client;
	struct e4_store_posix store;
	struct e4_topic_key topics[TOPICS_MAX];
	struct e4_peer peers[PEERS_MAX];
	struct e4_seen seen[SEEN_MAX];
	struct e4_seen sent[SENT_MAX];
	struct identity identity;
	struct device_handler handler;
	struct bus bus;
	const char *broker;
	size_t window;
	int qos;
	char *subscriptions[SUBSCRIPTIONS_MAX];
	size_t n_subscriptions;
	char control_topic[E4_CONTROL_TOPIC_LEN + 1];
	char receipt_topic[E4_RECEIPT_TOPIC_LEN + 1];
};

static void tell(struct device *d, const struct device_event *e)
{
	d->handler.on_event(d->handler.ctx, d, e);
}

/* Receipts: the answer to C2's question, or word that we are here. */
static void send_receipt(struct device *d, bool answer)
{
	size_t cap = E4_OVERHEAD_SK + E4_RECEIPT_FIXED + TOPICS_MAX * (size_t)E4_RECEIPT_ENTRY, len;
	uint8_t *out = mem_alloc(cap);
	enum e4_result r = answer ? e4_receipt(&d->client, out, cap, &len)
				  : e4_announce(&d->client, out, cap, &len);
	struct err err;

	/* One that is lost, or finds no room, is asked for again by C2. */
	if (r == E4_OK && bus_publish(&d->bus, d->receipt_topic, out, len, d->qos, false, &err))
		tell(d, &(struct device_event){.kind = DEVICE_RECEIPT,
					       .text = answer ? "answer" : "announcement"});
	free(out);
}

static void on_state(void *ctx, bool up, const char *why)
{
	struct device *d = ctx;

	tell(d, &(struct device_event){.kind = up ? DEVICE_CONNECTED : DEVICE_DISCONNECTED,
				       .text = why});
	if (up)
		send_receipt(d, false);
}

static void on_control(struct device *d, enum e4_result r)
{
	if (r == E4_REPORT)
		send_receipt(d, true);
	else if (r == E4_COMMAND)
		tell(d, &(struct device_event){.kind = DEVICE_COMMAND});
	else
		tell(d, &(struct device_event){.kind = DEVICE_REFUSED, .result = r});
}

static void on_application(struct device *d, struct e4_topic *topic, const char *name,
			   const uint8_t *payload, size_t len)
{
	uint8_t *plain = mem_alloc(len + 1);
	size_t plain_len = 0;
	enum e4_result r = e4_unprotect(&d->client, topic, plain, len, &plain_len, payload, len);

	if (r == E4_OK)
		tell(d,
		     &(struct device_event){
			     .kind = DEVICE_MESSAGE,
			     .topic = name,
			     .bytes = plain,
			     .len = plain_len,
			     /* Its place in the message (protocol.md section 3); authenticated. */
			     .sender = d->identity.pubkey ? payload + E4_STAMP_LEN : NULL});
	else
		tell(d, &(struct device_event){.kind = DEVICE_UNREADABLE,
					       .topic = name,
					       .bytes = payload,
					       .len = len,
					       .result = r});
	explicit_bzero(plain, len);
	free(plain);
}

static void on_message(void *ctx, const char *name, const uint8_t *payload, size_t len)
{
	struct device *d = ctx;
	struct e4_topic topic;
	size_t none;

	/* A pattern like # also brings what is not for us, as others' control topics. */
	if (e4_topic_init(&topic, &d->client, name, strlen(name)) != E4_OK)
		return;
	if (topic.control)
		on_control(d, e4_unprotect(&d->client, &topic, NULL, 0, &none, payload, len));
	else
		on_application(d, &topic, name, payload, len);
}

static void on_room(void *ctx)
{
	tell(ctx, &(struct device_event){.kind = DEVICE_ROOM});
}

static bool open_client(struct device *d, enum identity_origin *origin, struct err *err)
{
	struct e4_config cfg = {
		.mode = d->identity.pubkey ? &e4_mode_pk : &e4_mode_sk,
		.topics = d->topics,
		.n_topics = TOPICS_MAX,
		.peers = d->peers,
		.n_peers = PEERS_MAX,
		.seen = d->identity.pubkey ? d->seen : NULL,
		.n_seen = SEEN_MAX,
		.sent = d->sent,
		.n_sent = SENT_MAX,
		.store = e4_store_posix_functions(&d->store),
		.now = e4_clock_posix_now,
		.clock = E4_CLOCK_RELIABLE,
		.future_s = E4_FUTURE_S,
		.grace_s = E4_GRACE_S,
	};

	if (!d->identity.pubkey) {
		cfg.peers = NULL;
		cfg.n_peers = 0;
		cfg.n_seen = 0;
	}
	if (e4_init(&d->client, &cfg) != E4_OK)
		return err_set(err, ERR_INTERNAL, "the device cannot be set up");
	return identity_load(&d->client, &d->identity, origin, err);
}

static bool open_bus(struct device *d, const struct device_config *config, struct loop *loop,
		     struct err *err)
{
	const struct bus_handler handler = {d, on_state, on_message, on_room};
	struct bus_mqtt_config mqtt = config->mqtt;
	char client_id[40];

	e4_client_control_topic(&d->client, d->control_topic);
	e4_client_receipt_topic(&d->client, d->receipt_topic);
	/* A kept session needs an id of its own; else a random one cannot throw another out. */
	snprintf(client_id, sizeof client_id, "e4-%s", d->control_topic + 3);
	if (mqtt.persistent_session)
		mqtt.client_id = client_id;
	return bus_mqtt_open(&d->bus, &mqtt, loop, &handler, err) &&
	       bus_subscribe(&d->bus, d->control_topic, d->qos, err);
}

struct device *device_open(const struct device_config *config, struct loop *loop,
			   const struct device_handler *handler, enum identity_origin *origin,
			   struct err *err)
{
	struct device *d = mem_alloc(sizeof *d);
	char why[200];

	d->identity = *config->identity;
	d->handler = *handler;
	d->qos = config->qos;
	d->broker = config->mqtt.url;
	d->window = (size_t)config->mqtt.window;
	if (!e4_store_posix_open(&d->store, d->identity.state_path, why, sizeof why)) {
		err_set(err, ERR_STORE, "%s", why);
		free(d);
		return NULL;
	}
	if (!open_client(d, origin, err) || !open_bus(d, config, loop, err)) {
		device_close(d);
		return NULL;
	}
	return d;
}

void device_close(struct device *d)
{
	if (!d)
		return;
	if (d->bus.ops)
		bus_close(&d->bus);
	e4_client_wipe(&d->client);
	e4_store_posix_close(&d->store);
	for (size_t i = 0; i < d->n_subscriptions; i++)
		free(d->subscriptions[i]);
	explicit_bzero(d, sizeof *d);
	free(d);
}

const char *device_name(const struct device *d)
{
	return d->identity.name;
}

void device_status(const struct device *d, struct device_status *out)
{
	*out = (struct device_status){.name = d->identity.name,
				      .state_path = d->identity.state_path,
				      .broker = d->broker,
				      .pubkey = d->identity.pubkey,
				      .connected = device_is_up(d)};
	e4_id_from_name(out->id, d->identity.name, strlen(d->identity.name));
	/* The library keeps its entries in front and wipes what is free. */
	while (out->n_topics < TOPICS_MAX && !e4_is_zero(d->topics[out->n_topics].hash, 16))
		out->n_topics++;
	while (out->n_peers < PEERS_MAX && !e4_is_zero(d->peers[out->n_peers].id, 16))
		out->n_peers++;
}

static size_t find_subscription(const struct device *d, const char *topic)
{
	size_t i = 0;

	while (i < d->n_subscriptions && strcmp(d->subscriptions[i], topic) != 0)
		i++;
	return i;
}

bool device_subscribe(struct device *d, const char *topic, struct err *err)
{
	if (find_subscription(d, topic) < d->n_subscriptions)
		return true;
	if (d->n_subscriptions == SUBSCRIPTIONS_MAX)
		return err_set(err, ERR_EXHAUSTED, "more than %d subscriptions", SUBSCRIPTIONS_MAX);
	/* The control topics are the device's own affair. */
	if (strncmp(topic, "e4/", 3) == 0)
		return err_set(err, ERR_INVALID, "topics that begin with e4/ are for commands");
	if (!bus_subscribe(&d->bus, topic, d->qos, err))
		return false;
	d->subscriptions[d->n_subscriptions++] = mem_text(topic);
	return true;
}

bool device_unsubscribe(struct device *d, const char *topic, struct err *err)
{
	size_t i = find_subscription(d, topic);

	if (i == d->n_subscriptions)
		return err_set(err, ERR_NOT_FOUND, "%s is not subscribed", topic);
	if (!bus_unsubscribe(&d->bus, topic, err))
		return false;
	free(d->subscriptions[i]);
	d->subscriptions[i] = d->subscriptions[--d->n_subscriptions];
	return true;
}

const char *device_subscription(const struct device *d, size_t i)
{
	return i < d->n_subscriptions ? d->subscriptions[i] : NULL;
}

bool device_has_key(struct device *d, const char *topic)
{
	struct e4_topic t;

	if (e4_topic_init(&t, &d->client, topic, strlen(topic)) != E4_OK || t.control)
		return false;
	for (size_t i = 0; i < TOPICS_MAX; i++)
		if (memcmp(d->topics[i].hash, t.hash, sizeof t.hash) == 0)
			return true;
	return false;
}

static bool send_protected(struct device *d, const char *topic, const void *bytes, size_t len,
			   struct err *err)
{
	size_t cap = len + e4_overhead(&d->client), out_len;
	struct e4_topic t;
	enum e4_result r;
	uint8_t *out;
	bool ok;

	if (e4_topic_init(&t, &d->client, topic, strlen(topic)) != E4_OK || t.control)
		return err_set(err, ERR_INVALID,
			       "not a topic that can have a key (1 to %d bytes of "
			       "UTF-8 without + and #, no control topic)",
			       E4_TOPIC_MAX);
	/* Seen before protecting, which would use a stamp up. */
	if (!bus_is_up(&d->bus))
		return err_set(err, ERR_UNAVAILABLE, "not connected to the broker");
	if (bus_room(&d->bus) == 0)
		return err_set(err, ERR_EXHAUSTED, "too many messages wait for the broker");
	out = mem_alloc(cap);
	r = e4_protect(&d->client, &t, out, cap, &out_len, bytes, len);
	if (r == E4_ERR_NO_TOPIC_KEY)
		ok = err_set(err, ERR_PRECONDITION,
			     "no key for %s: attach this client to it at C2, "
			     "then `wait %s`",
			     topic, topic);
	else if (r != E4_OK)
		ok = err_set(err, ERR_INTERNAL, "not sent: %s", e4_result_text(r));
	else
		ok = bus_publish(&d->bus, topic, out, out_len, d->qos, false, err);
	free(out);
	return ok;
}

bool device_send(struct device *d, const char *topic, const void *bytes, size_t len, bool clear,
		 struct err *err)
{
	if (!clear)
		return send_protected(d, topic, bytes, len, err);
	if (strncmp(topic, "e4/", 3) == 0)
		return err_set(err, ERR_INVALID, "topics that begin with e4/ are for commands");
	return bus_publish(&d->bus, topic, bytes, len, d->qos, false, err);
}

bool device_is_up(const struct device *d)
{
	return d->bus.ops && bus_is_up(&d->bus);
}

bool device_can_send(const struct device *d)
{
	return device_is_up(d) && bus_room(&d->bus) > 0;
}

bool device_is_drained(const struct device *d)
{
	return !device_is_up(d) || bus_room(&d->bus) >= d->window;
}
