#include "bus/mem.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { BUCKETS = 4096, WINDOW = 1000 };

struct party {
	struct bus_mem_hub *hub;
	struct bus_handler handler;
	struct party *next;
	size_t n_waiting; /* of its own messages, not yet delivered to all */
	bool starved;     /* was told that there is no room */
	bool closed;      /* freed when no delivery runs */
	bool state_waits; /* to be told of state */
	bool told_up;
	uint64_t got; /* the last message queued for it: one copy only */
};

struct sub {
	struct party *party;
	char *pattern;
	struct sub *next;
};

/* A message, shared by its receivers. */
struct message {
	struct party *from; /* null once it is closed */
	size_t refs;
	size_t len;
	char *topic;
	uint8_t *payload;
	struct message *next; /* of the retained ones */
};

struct delivery {
	struct party *to; /* null: only the publisher's window counts on it */
	struct message *message;
	struct delivery *next;
};

struct bus_mem_hub {
	bool up;
	int depth; /* deliveries that run */
	size_t window;
	uint64_t n_messages;
	struct party *parties;
	struct sub *exact[BUCKETS]; /* patterns without wildcards, by hash */
	struct sub *wild;
	struct message *retained;
	struct delivery *first, **last;
	int (*fate)(void *ctx, const char *topic, const uint8_t *payload, size_t len);
	void *fate_ctx;
};

struct bus_mem_hub *bus_mem_hub_new(void)
{
	struct bus_mem_hub *hub = mem_alloc(sizeof *hub);

	hub->up = true;
	hub->window = WINDOW;
	hub->last = &hub->first;
	return hub;
}

/* Messages */

static struct message *message_new(struct party *from, const char *topic, const uint8_t *payload,
				   size_t len)
{
	struct message *m = mem_alloc(sizeof *m);

	m->from = from;
	m->refs = 1;
	m->len = len;
	m->topic = mem_text(topic);
	m->payload = mem_alloc(len);
	if (len > 0)
		memcpy(m->payload, payload, len);
	return m;
}

static void message_drop(struct message *m)
{
	if (--m->refs > 0)
		return;
	if (m->from)
		m->from->n_waiting--;
	free(m->topic);
	free(m->payload);
	free(m);
}

static void queue(struct bus_mem_hub *hub, struct party *to, struct message *m)
{
	struct delivery *d = mem_alloc(sizeof *d);

	d->to = to;
	d->message = m;
	m->refs++;
	*hub->last = d;
	hub->last = &d->next;
}

static void clear_queue(struct bus_mem_hub *hub)
{
	while (hub->first) {
		struct delivery *d = hub->first;

		hub->first = d->next;
		message_drop(d->message);
		free(d);
	}
	hub->last = &hub->first;
}

static void forget_retained(struct bus_mem_hub *hub, const char *topic)
{
	for (struct message **at = &hub->retained; *at; at = &(*at)->next) {
		struct message *m = *at;

		if (strcmp(m->topic, topic) != 0)
			continue;
		*at = m->next;
		message_drop(m);
		return;
	}
}

static void retain_message(struct bus_mem_hub *hub, const char *topic, const uint8_t *payload,
			   size_t len)
{
	struct message *m;

	forget_retained(hub, topic);
	if (len == 0)
		return;
	m = message_new(NULL, topic, payload, len);
	m->next = hub->retained;
	hub->retained = m;
}

static void queue_retained(struct bus_mem_hub *hub, const struct sub *s)
{
	for (struct message *m = hub->retained; m; m = m->next) {
		if (bus_matches(s->pattern, m->topic))
			queue(hub, s->party, m);
	}
}

/* Subscriptions */

static struct sub **list_of(struct bus_mem_hub *hub, const char *pattern)
{
	uint32_t hash = 2166136261u;

	if (strpbrk(pattern, "+#"))
		return &hub->wild;
	for (; *pattern; pattern++)
		hash = (hash ^ (unsigned char)*pattern) * 16777619u;
	return &hub->exact[(hash ^ hash >> 16) % BUCKETS];
}

static struct sub **find_sub(struct party *p, const char *pattern)
{
	struct sub **at = list_of(p->hub, pattern);

	while (*at && ((*at)->party != p || strcmp((*at)->pattern, pattern) != 0))
		at = &(*at)->next;
	return at;
}

static void remove_sub(struct sub **at)
{
	struct sub *s = *at;

	*at = s->next;
	free(s->pattern);
	free(s);
}

static void remove_subs_of(struct sub **at, const struct party *p)
{
	while (*at) {
		if ((*at)->party == p)
			remove_sub(at);
		else
			at = &(*at)->next;
	}
}

static void queue_for(struct bus_mem_hub *hub, struct sub *list, struct message *m)
{
	for (struct sub *s = list; s; s = s->next) {
		if (s->party->got == hub->n_messages || !bus_matches(s->pattern, m->topic))
			continue;
		s->party->got = hub->n_messages;
		queue(hub, s->party, m);
	}
}

static void requeue_all_retained(struct bus_mem_hub *hub)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct sub *s = hub->exact[i]; s; s = s->next)
			queue_retained(hub, s);
	}
	for (struct sub *s = hub->wild; s; s = s->next)
		queue_retained(hub, s);
}

/* The bus of one party */

static size_t mem_room(void *ctx)
{
	struct party *p = ctx;
	size_t room =
		p->hub->up && p->n_waiting < p->hub->window ? p->hub->window - p->n_waiting : 0;

	if (room == 0)
		p->starved = true;
	return room;
}

static bool mem_is_up(void *ctx)
{
	return ((struct party *)ctx)->hub->up;
}

static bool mem_publish(void *ctx, const char *topic, const uint8_t *payload, size_t len, int qos,
			bool retain, struct err *err)
{
	struct party *p = ctx;
	struct bus_mem_hub *hub = p->hub;
	struct message *m;

	(void)qos;
	if (!hub->up)
		return err_set(err, ERR_UNAVAILABLE, "not connected");
	if (mem_room(p) == 0)
		return err_set(err, ERR_EXHAUSTED, "too many messages wait");
	if (retain)
		retain_message(hub, topic, payload, len);
	m = message_new(p, topic, payload, len);
	p->n_waiting++;
	hub->n_messages++;
	queue_for(hub, *list_of(hub, topic), m);
	queue_for(hub, hub->wild, m);
	/* A message that nobody gets waits for its turn like others. */
	if (m->refs == 1)
		queue(hub, NULL, m);
	message_drop(m);
	return true;
}

static bool mem_subscribe(void *ctx, const char *pattern, int qos, struct err *err)
{
	struct party *p = ctx;
	struct sub **at = find_sub(p, pattern), *s = *at;

	(void)qos;
	(void)err;
	if (!s) {
		s = mem_alloc(sizeof *s);
		s->party = p;
		s->pattern = mem_text(pattern);
		*at = s;
	}
	if (p->hub->up)
		queue_retained(p->hub, s);
	return true;
}

static bool mem_unsubscribe(void *ctx, const char *pattern, struct err *err)
{
	struct sub **at = find_sub(ctx, pattern);

	(void)err;
	if (*at)
		remove_sub(at);
	return true;
}

/* Take the closed parties out; only while nobody walks the list. */
static void free_closed(struct bus_mem_hub *hub)
{
	struct party **at = &hub->parties;

	while (*at) {
		struct party *p = *at;

		if (!p->closed) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		free(p);
	}
}

static void mem_close(void *ctx)
{
	struct party *p = ctx;
	struct bus_mem_hub *hub = p->hub;

	p->closed = true;
	for (size_t i = 0; i < BUCKETS; i++)
		remove_subs_of(&hub->exact[i], p);
	remove_subs_of(&hub->wild, p);
	for (struct delivery *d = hub->first; d; d = d->next) {
		if (d->to == p)
			d->to = NULL;
		if (d->message->from == p)
			d->message->from = NULL;
	}
	if (hub->depth == 0)
		free_closed(hub);
}

static const struct bus_ops mem_ops = {
	.publish = mem_publish,
	.subscribe = mem_subscribe,
	.unsubscribe = mem_unsubscribe,
	.room = mem_room,
	.is_up = mem_is_up,
	.close = mem_close,
};

void bus_mem_open(struct bus *out, struct bus_mem_hub *hub, const struct bus_handler *handler)
{
	struct party *p = mem_alloc(sizeof *p);

	p->hub = hub;
	p->handler = *handler;
	p->state_waits = hub->up;
	p->next = hub->parties;
	hub->parties = p;
	*out = (struct bus){&mem_ops, p};
}

/* Delivery */

static void tell_state(struct bus_mem_hub *hub, struct party *p)
{
	if (p->closed || !p->state_waits)
		return;
	p->state_waits = false;
	if (p->told_up && hub->up && p->handler.on_state)
		/* It went and came back between two deliveries: both are told. */
		p->handler.on_state(p->handler.ctx, false, "the broker is away");
	p->told_up = hub->up;
	if (!p->closed && p->handler.on_state)
		p->handler.on_state(p->handler.ctx, hub->up,
				    hub->up ? "connected" : "the broker is away");
}

static void tell_room(struct bus_mem_hub *hub, struct party *p)
{
	if (p->closed || !p->starved || !hub->up || p->n_waiting >= hub->window)
		return;
	p->starved = false;
	if (p->handler.on_room)
		p->handler.on_room(p->handler.ctx);
}

/* Parties are only added in front and removed when no delivery runs: the walk is safe. */
static void tell_all(struct bus_mem_hub *hub,
		     void (*tell)(struct bus_mem_hub *hub, struct party *p))
{
	for (struct party *p = hub->parties; p; p = p->next)
		tell(hub, p);
}

static size_t deliver_one(struct bus_mem_hub *hub, struct party *to, const struct message *m)
{
	int copies = hub->fate ? hub->fate(hub->fate_ctx, m->topic, m->payload, m->len) : 1;
	size_t n = 0;

	for (; copies > 0 && !to->closed; copies--, n++) {
		if (to->handler.on_message)
			to->handler.on_message(to->handler.ctx, m->topic, m->payload, m->len);
	}
	return n;
}

size_t bus_mem_deliver(struct bus_mem_hub *hub)
{
	size_t n = 0;

	hub->depth++;
	tell_all(hub, tell_state);
	do {
		while (hub->first) {
			struct delivery *d = hub->first;

			hub->first = d->next;
			if (!hub->first)
				hub->last = &hub->first;
			if (d->to)
				n += deliver_one(hub, d->to, d->message);
			message_drop(d->message);
			free(d);
		}
		tell_all(hub, tell_room);
	} while (hub->first);
	if (--hub->depth == 0)
		free_closed(hub);
	return n;
}

void bus_mem_set_window(struct bus_mem_hub *hub, size_t window)
{
	hub->window = window;
}

void bus_mem_set_up(struct bus_mem_hub *hub, bool up)
{
	if (hub->up == up)
		return;
	hub->up = up;
	if (up)
		requeue_all_retained(hub);
	else
		clear_queue(hub);
	for (struct party *p = hub->parties; p; p = p->next)
		p->state_waits = p->told_up || up;
}

void bus_mem_set_fate(struct bus_mem_hub *hub,
		      int (*fate)(void *ctx, const char *topic, const uint8_t *payload, size_t len),
		      void *ctx)
{
	hub->fate = fate;
	hub->fate_ctx = ctx;
}

void bus_mem_hub_free(struct bus_mem_hub *hub)
{
	if (!hub)
		return;
	clear_queue(hub);
	while (hub->retained) {
		struct message *m = hub->retained;

		hub->retained = m->next;
		message_drop(m);
	}
	free_closed(hub);
	free(hub);
}
