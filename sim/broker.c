#include "sim/broker.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "e4/protocol.h"

/*
 * What documents and measurements say of each. The rate is that of one broker
 * process with real subscribers; the networks are those of each one's usual place.
 */
const struct broker_profile broker_profiles[] = {
	{"mosquitto", "QoS 2; sessions keep 1,000 messages; a restart forgets all of it", 2, 22000,
	 20, 10, true, -1, 1000, 0, 0, 0, 0, 0, true, false},
	{"vernemq", "QoS 2; durable sessions of 1,000 messages; nodes that order apart", 2, 40000,
	 20, 30, false, -1, 1000, 0, 0, 1000, 2000, 0, true, true},
	{"emqx", "QoS 2; sessions of 1,000 messages for two hours", 2, 40000, 20, 30, true, 7200,
	 1000, 0, 0, 1000, 2000, 0, true, false},
	{"hivemq", "QoS 2; durable sessions of 1,000 messages", 2, 40000, 20, 30, true, -1, 1000, 0,
	 0, 1000, 2000, 0, true, true},
	{"aws", "QoS 1, no order, doubles; sessions of one hour", 1, 20000, 60, 100, false, 3600,
	 10000, 100, 5000, 10000, 30000, 0, true, true},
	{"clean", "QoS 1; nothing is kept for who is away", 1, 22000, 20, 10, true, 0, 0, 0, 0, 0,
	 0, 0, true, false},
	{"adversary", "loses a third, doubles, delays by minutes, plays back", 1, 1000, 50, 3000,
	 false, -1, 8, 330000, 200000, 100000, 300000, 50000, true, false},
};
const size_t n_broker_profiles = sizeof broker_profiles / sizeof broker_profiles[0];

enum kind { TO_DEVICE, TO_C2, ROOM, STATE };
enum { WINDOW_MAX = 1000, SHORT = 112, TAPE = 64 };

/* A message that a session keeps. */
struct kept {
	struct kept *next;
	size_t len;
	uint8_t bytes[];
};

struct seat {
	uint8_t id[16];
	int64_t left_ms;
	int64_t last_ms[2]; /* when the last message to it, and from it, arrives */
	struct kept *first, **last;
	struct kept *retained;
	uint16_t n_kept;
	bool connected, session;
};

/* A message on its way; a long one lies elsewhere. */
struct flight {
	uint32_t device, next_free;
	uint32_t epoch; /* of C2's connection */
	uint16_t len;
	uint8_t shorts[SHORT];
	uint8_t *longer;
};

/* What an adversary has recorded. */
struct recorded {
	enum kind kind;
	uint32_t device;
	size_t len;
	uint8_t bytes[SHORT];
};

struct broker {
	struct broker_profile p;
	int qos;
	struct agenda *agenda;
	struct prng *prng;
	const int64_t *now_ms;
	broker_deliver_fn *deliver;
	void *ctx;

	struct seat *seats;
	uint32_t n, cap;
	uint32_t *by_id; /* number + 1 */
	size_t n_slots;

	struct flight *flights;
	uint32_t n_flights, cap_flights, free_flight; /* number + 1 of a free one */

	struct recorded *tape; /* of TAPE places, or null */
	size_t n_taped;

	bool up, tells_presence;
	int64_t free_us; /* when it can take the next message */
	int64_t n_kept;
	struct broker_counts counts;

	/* C2 */
	struct bus_handler handler;
	bool c2, starved, state_waits;
	bool told_up;
	uint32_t epoch;
	size_t window;
	int64_t taken_us[WINDOW_MAX]; /* when those in its window are acknowledged: a ring */
	size_t ring_at, ring_n;
};

const struct broker_profile *broker_profile(const char *name)
{
	for (size_t i = 0; i < n_broker_profiles; i++)
		if (strcmp(broker_profiles[i].name, name) == 0)
			return &broker_profiles[i];
	return 0;
}

struct broker *broker_new(const struct broker_profile *profile, int qos, struct agenda *agenda,
			  struct prng *prng, const int64_t *now_ms, broker_deliver_fn *deliver,
			  void *ctx)
{
	struct broker *b = mem_alloc(sizeof *b);

	b->p = *profile;
	b->qos = qos < profile->qos ? qos : profile->qos;
	b->agenda = agenda;
	b->prng = prng;
	b->now_ms = now_ms;
	b->deliver = deliver;
	b->ctx = ctx;
	b->up = true;
	if (b->p.replay_ppm)
		b->tape = mem_array(TAPE, sizeof *b->tape);
	return b;
}

void broker_tell_presence(struct broker *b)
{
	b->tells_presence = true;
}

/* --- seats of devices ------------------------------------------------------------------- */

static void forget_session(struct broker *b, struct seat *s)
{
	while (s->first) {
		struct kept *k = s->first;

		s->first = k->next;
		free(k);
	}
	b->n_kept -= s->n_kept;
	s->n_kept = 0;
	s->last = 0;
	s->session = false;
}

void broker_free(struct broker *b)
{
	for (uint32_t i = 0; i < b->n; i++) {
		forget_session(b, &b->seats[i]);
		free(b->seats[i].retained);
	}
	for (uint32_t i = 0; i < b->n_flights; i++)
		free(b->flights[i].longer);
	free(b->flights);
	free(b->seats);
	free(b->by_id);
	free(b->tape);
	free(b);
}

/* Ids are hashes already. */
static size_t slot_of(const struct broker *b, const uint8_t id[16])
{
	uint64_t h;

	memcpy(&h, id, sizeof h);
	for (size_t i = h & (b->n_slots - 1);; i = (i + 1) & (b->n_slots - 1))
		if (!b->by_id[i] || memcmp(b->seats[b->by_id[i] - 1].id, id, 16) == 0)
			return i;
}

static void grow(struct broker *b)
{
	b->cap = b->cap ? 2 * b->cap : 16;
	b->seats = mem_resize(b->seats, b->cap, sizeof *b->seats);
	free(b->by_id);
	b->n_slots = 2 * (size_t)b->cap;
	b->by_id = mem_array(b->n_slots, sizeof *b->by_id);
	for (uint32_t i = 0; i < b->n; i++)
		b->by_id[slot_of(b, b->seats[i].id)] = i + 1;
}

uint32_t broker_add(struct broker *b, const uint8_t id[16])
{
	uint32_t i = b->n;

	if (i == b->cap)
		grow(b);
	memset(&b->seats[i], 0, sizeof b->seats[i]);
	memcpy(b->seats[i].id, id, 16);
	b->by_id[slot_of(b, id)] = i + 1;
	b->n++;
	return i;
}

static struct kept *kept_new(const uint8_t *bytes, size_t len)
{
	struct kept *k = mem_alloc(sizeof *k + len);

	k->len = len;
	memcpy(k->bytes, bytes, len);
	return k;
}

static void keep(struct broker *b, struct seat *s, const uint8_t *bytes, size_t len)
{
	struct kept *k;

	if (!s->session || b->qos == 0) {
		b->counts.away++;
		return;
	}
	if (s->n_kept >= b->p.session_messages) {
		b->counts.overflown++;
		return;
	}
	k = kept_new(bytes, len);
	if (!s->first)
		s->last = &s->first;
	*s->last = k;
	s->last = &k->next;
	s->n_kept++;
	if (++b->n_kept > b->counts.most_kept)
		b->counts.most_kept = b->n_kept;
}

/* --- messages on their way ------------------------------------------------------------------ */

static uint32_t flight_new(struct broker *b, uint32_t device, const uint8_t *bytes, size_t len)
{
	uint32_t i = b->free_flight;
	struct flight *f;

	if (i) {
		i--;
		b->free_flight = b->flights[i].next_free;
	} else {
		i = b->n_flights++;
		if (i == b->cap_flights) {
			b->cap_flights = i ? 2 * i : 256;
			b->flights = mem_resize(b->flights, b->cap_flights, sizeof *b->flights);
		}
	}
	f = &b->flights[i];
	f->device = device;
	f->epoch = b->epoch;
	f->len = (uint16_t)len;
	f->longer = len > SHORT ? mem_alloc(len) : 0;
	memcpy(f->longer ? f->longer : f->shorts, bytes, len);
	return i;
}

static void flight_end(struct broker *b, uint32_t i)
{
	free(b->flights[i].longer);
	b->flights[i].longer = 0;
	b->flights[i].next_free = b->free_flight;
	b->free_flight = i + 1;
}

/* The broker's turn comes after all that it took before; returns when it has it, in us. */
static int64_t take(struct broker *b)
{
	int64_t now = *b->now_ms * 1000;

	if (b->free_us < now)
		b->free_us = now;
	b->free_us += 1000000 / b->p.rate;
	return b->free_us;
}

static void fly(struct broker *b, enum kind kind, int64_t from_us, uint32_t device,
		const uint8_t *bytes, size_t len)
{
	int64_t at = from_us / 1000 + b->p.latency_ms;
	int64_t *last = &b->seats[device].last_ms[kind];

	if (b->p.jitter_ms)
		at += (int64_t)prng_below(b->prng, (uint64_t)b->p.jitter_ms + 1);
	if (prng_chance(b->prng, b->p.late_ppm))
		at += (int64_t)prng_below(b->prng, (uint64_t)b->p.late_ms + 1);
	if (b->p.in_order && at < *last)
		at = *last;
	*last = at;
	agenda_add(b->agenda, at, kind, flight_new(b, device, bytes, len));
}

static void play_back(struct broker *b, enum kind kind, int64_t from_us, uint32_t device,
		      const uint8_t *bytes, size_t len)
{
	struct recorded *r;

	if (len <= SHORT) {
		r = &b->tape[b->n_taped++ % TAPE];
		r->kind = kind;
		r->device = device;
		r->len = len;
		memcpy(r->bytes, bytes, len);
	}
	r = &b->tape[prng_below(b->prng, TAPE)];
	if (r->len && prng_chance(b->prng, b->p.replay_ppm))
		fly(b, r->kind, from_us, r->device, r->bytes, r->len);
}

static void send(struct broker *b, enum kind kind, int64_t from_us, uint32_t device,
		 const uint8_t *bytes, size_t len)
{
	if (b->p.replay_ppm)
		play_back(b, kind, from_us, device, bytes, len);
	if (prng_chance(b->prng, b->p.loss_ppm)) {
		b->counts.vanished++;
		return;
	}
	/* Who is away is known before the message flies; who leaves meanwhile, when it lands. */
	if (kind == TO_DEVICE && !b->seats[device].connected) {
		keep(b, &b->seats[device], bytes, len);
		return;
	}
	fly(b, kind, from_us, device, bytes, len);
	if (b->qos == 1 && prng_chance(b->prng, b->p.twice_ppm))
		fly(b, kind, from_us, device, bytes, len);
}

static void arrive_at_device(struct broker *b, uint32_t i)
{
	/* A copy: what the device does may move the flights. */
	struct flight f = b->flights[i];
	struct seat *s = &b->seats[f.device];
	const uint8_t *bytes = f.longer ? f.longer : f.shorts;

	b->flights[i].longer = 0;
	flight_end(b, i);
	if (!s->connected) {
		keep(b, s, bytes, f.len);
	} else {
		b->counts.to_devices++;
		b->deliver(b->ctx, f.device, bytes, f.len);
	}
	free(f.longer);
}

/* Word of a device's presence flies as a message without content. */
static void topic_of(const struct broker *b, const struct flight *f,
		     char topic[E4_RECEIPT_TOPIC_LEN + 1])
{
	e4_receipt_topic(topic, b->seats[f->device].id);
	if (f->len > 0)
		return;
	topic[E4_CONTROL_TOPIC_LEN] = 0;
	memmove(topic + strlen("presence/"), topic + strlen("e4/"), 2 * E4_ID_LEN + 1);
	memcpy(topic, "presence/", strlen("presence/"));
}

static void arrive_at_c2(struct broker *b, uint32_t i)
{
	struct flight f = b->flights[i];
	char topic[E4_RECEIPT_TOPIC_LEN + 1];

	b->flights[i].longer = 0;
	flight_end(b, i);
	if (b->up && b->c2 && f.epoch == b->epoch) {
		topic_of(b, &f, topic);
		b->counts.to_c2++;
		if (f.len > 0)
			b->handler.on_message(b->handler.ctx, topic, f.longer ? f.longer : f.shorts,
					      f.len);
		else
			b->handler.on_message(b->handler.ctx, topic, (const uint8_t *)"1", 1);
	} else {
		b->counts.vanished++;
	}
	free(f.longer);
}

/* --- devices ---------------------------------------------------------------------------------- */

static bool session_lives(const struct broker *b, const struct seat *s)
{
	return s->session &&
	       (b->p.session_s < 0 || *b->now_ms - s->left_ms <= (int64_t)b->p.session_s * 1000);
}

void broker_connect(struct broker *b, uint32_t device)
{
	struct seat *s = &b->seats[device];

	if (!b->up || s->connected)
		return;
	if (!session_lives(b, s))
		forget_session(b, s);
	s->connected = true;
	s->session = b->p.session_s != 0;
	if (b->tells_presence)
		send(b, TO_C2, take(b), device, (const uint8_t *)"", 0);
	if (s->retained)
		send(b, TO_DEVICE, take(b), device, s->retained->bytes, s->retained->len);
	while (s->first) {
		struct kept *k = s->first;

		s->first = k->next;
		s->n_kept--;
		b->n_kept--;
		send(b, TO_DEVICE, take(b), device, k->bytes, k->len);
		free(k);
	}
}

void broker_disconnect(struct broker *b, uint32_t device)
{
	struct seat *s = &b->seats[device];

	if (!s->connected)
		return;
	s->connected = false;
	s->left_ms = *b->now_ms;
}

bool broker_is_connected(const struct broker *b, uint32_t device)
{
	return b->seats[device].connected;
}

void broker_publish(struct broker *b, uint32_t device, const uint8_t *bytes, size_t len)
{
	if (!b->up || !b->seats[device].connected)
		return;
	b->counts.from_devices++;
	send(b, TO_C2, take(b), device, bytes, len);
}

/* --- C2's bus ------------------------------------------------------------------------------------
 */

static size_t c2_room(void *ctx)
{
	struct broker *b = ctx;
	int64_t now = *b->now_ms * 1000;

	while (b->ring_n && b->taken_us[b->ring_at] <= now) {
		b->ring_at = (b->ring_at + 1) % WINDOW_MAX;
		b->ring_n--;
	}
	if (!b->up)
		return 0;
	if (b->ring_n == b->window && !b->starved) {
		b->starved = true;
		/* When half of it is free again: word for each message would be all work. */
		agenda_add(b->agenda,
			   b->taken_us[(b->ring_at + b->ring_n / 2) % WINDOW_MAX] / 1000 + 1, ROOM,
			   b->epoch);
	}
	return b->window - b->ring_n;
}

static void retain_message(struct seat *s, const uint8_t *bytes, size_t len)
{
	free(s->retained);
	s->retained = kept_new(bytes, len);
}

static bool c2_publish(void *ctx, const char *topic, const uint8_t *payload, size_t len, int qos,
		       bool retain, struct err *err)
{
	struct broker *b = ctx;
	uint8_t id[16];
	bool is_receipt;
	int64_t at_us;
	uint32_t device;

	(void)qos;
	if (!b->up)
		return err_set(err, ERR_UNAVAILABLE, "the broker is away");
	if (c2_room(b) == 0)
		return err_set(err, ERR_EXHAUSTED, "the window is full");
	if (!e4_control_topic_parse(id, &is_receipt, topic, strlen(topic)) || is_receipt)
		return err_set(err, ERR_INVALID, "only control topics are simulated");
	at_us = take(b);
	b->taken_us[(b->ring_at + b->ring_n++) % WINDOW_MAX] = at_us;
	b->counts.from_c2++;
	device = b->n_slots ? b->by_id[slot_of(b, id)] : 0;
	if (!device--)
		return true; /* nobody listens */
	if (retain && b->p.retains)
		retain_message(&b->seats[device], payload, len);
	send(b, TO_DEVICE, at_us, device, payload, len);
	return true;
}

/* The receipts of all: the only pattern that C2 asks for. */
static bool c2_subscribe(void *ctx, const char *pattern, int qos, struct err *err)
{
	(void)ctx, (void)pattern, (void)qos, (void)err;
	return true;
}

static bool c2_unsubscribe(void *ctx, const char *pattern, struct err *err)
{
	(void)ctx, (void)pattern, (void)err;
	return true;
}

static bool c2_is_up(void *ctx)
{
	return ((struct broker *)ctx)->up;
}

static void c2_close(void *ctx)
{
	broker_drop_c2(ctx);
}

static const struct bus_ops c2_ops = {.publish = c2_publish,
				      .subscribe = c2_subscribe,
				      .unsubscribe = c2_unsubscribe,
				      .room = c2_room,
				      .is_up = c2_is_up,
				      .close = c2_close};

void broker_drop_c2(struct broker *b)
{
	b->c2 = b->starved = false;
	b->ring_n = 0;
	b->epoch++;
}

void broker_open(struct broker *b, struct bus *out, const struct bus_handler *handler,
		 size_t window)
{
	broker_drop_c2(b);
	b->c2 = true;
	b->handler = *handler;
	b->window = window < WINDOW_MAX ? window : WINDOW_MAX;
	b->told_up = b->up;
	*out = (struct bus){&c2_ops, b};
}

static void tell_state(struct broker *b)
{
	if (!b->c2 || b->told_up == b->up)
		return;
	b->told_up = b->up;
	b->handler.on_state(b->handler.ctx, b->up, b->up ? "connected" : "the broker is away");
}

void broker_set_up(struct broker *b, bool up)
{
	if (b->up == up)
		return;
	b->up = up;
	if (!up) {
		b->ring_n = 0;
		for (uint32_t i = 0; i < b->n; i++) {
			struct seat *s = &b->seats[i];

			broker_disconnect(b, i);
			if (b->p.durable)
				continue;
			forget_session(b, s);
			free(s->retained);
			s->retained = 0;
		}
	}
	agenda_add(b->agenda, *b->now_ms, STATE, 0);
}

bool broker_is_up(const struct broker *b)
{
	return b->up;
}

void broker_calm(struct broker *b)
{
	b->p.loss_ppm = b->p.twice_ppm = b->p.late_ppm = b->p.replay_ppm = 0;
	b->p.in_order = true;
}

void broker_event(struct broker *b, const struct event *e)
{
	switch ((enum kind)e->kind) {
	case TO_DEVICE:
		arrive_at_device(b, e->who);
		break;
	case TO_C2:
		arrive_at_c2(b, e->who);
		break;
	case ROOM:
		if (b->c2 && e->who == b->epoch) {
			b->starved = false;
			b->handler.on_room(b->handler.ctx);
		}
		break;
	case STATE:
		tell_state(b);
		break;
	}
}

const struct broker_counts *broker_counts(const struct broker *b)
{
	return &b->counts;
}
