/*
 * A broker in virtual time, with C2 on one side as a bus and devices on the
 * other: as fast, as forgetful and as disorderly as its profile says. What it
 * acknowledges may be lost all the same, as with real ones.
 */
#ifndef SIM_BROKER_H
#define SIM_BROKER_H

#include "bus/bus.h"
#include "sim/agenda.h"
#include "sim/prng.h"

struct broker_profile {
	const char *name;
	const char *about;
	int qos;                  /* the highest it has */
	int32_t rate;             /* messages a second in all */
	int32_t latency_ms;       /* one way, device links included */
	int32_t jitter_ms;        /* and up to this much more */
	bool in_order;            /* messages of one link do not overtake each other */
	int32_t session_s;        /* kept for a device that is away; 0: none, -1: for ever */
	int32_t session_messages; /* kept for one device; newer ones are dropped */
	uint32_t loss_ppm;        /* vanish although acknowledged */
	uint32_t twice_ppm;       /* come twice (QoS 1) */
	uint32_t late_ppm;        /* come up to late_ms later */
	int32_t late_ms;
	uint32_t replay_ppm; /* of each message: an older one, of anybody, comes again */
	bool retains;
	bool durable; /* sessions and retained messages survive a restart */
};

extern const struct broker_profile broker_profiles[];
extern const size_t n_broker_profiles;
/* Null: no such profile. */
const struct broker_profile *broker_profile(const char *name);

struct broker_counts {
	int64_t from_c2, to_devices, from_devices, to_c2;
	int64_t vanished;  /* lost in the air or with a restart */
	int64_t away;      /* for devices that were away, and not kept */
	int64_t overflown; /* dropped from full sessions */
	int64_t most_kept; /* messages in sessions at one time */
};

struct broker;

/* Deliver to a device; takes its events from the agenda (kinds below BROKER_EVENTS). */
typedef void broker_deliver_fn(void *ctx, uint32_t device, const uint8_t *bytes, size_t len);
enum { BROKER_EVENTS = 8 };

struct broker *broker_new(const struct broker_profile *profile, int qos, struct agenda *agenda,
			  struct prng *prng, const int64_t *now_ms, broker_deliver_fn *deliver,
			  void *ctx);
void broker_free(struct broker *b);

/* Tell C2 of each device that connects, on presence/ID. */
void broker_tell_presence(struct broker *b);
#define BROKER_PRESENCE "presence/{id}"

/* A device becomes known, not connected; numbers count from 0. */
uint32_t broker_add(struct broker *b, const uint8_t id[16]);
/* Subscribes to its control topic: what was kept, then the retained message, come. */
void broker_connect(struct broker *b, uint32_t device);
void broker_disconnect(struct broker *b, uint32_t device);
bool broker_is_connected(const struct broker *b, uint32_t device);
/* Publish on the device's receipt topic; nothing happens unless it is connected. */
void broker_publish(struct broker *b, uint32_t device, const uint8_t *bytes, size_t len);

/* C2's connection, one at a time: of a C2 that ended without closing it, the old one dies. */
void broker_open(struct broker *b, struct bus *out, const struct bus_handler *handler,
		 size_t window);
/* What the connection has not acknowledged goes. */
void broker_drop_c2(struct broker *b);

/* Goes away: all are disconnected, what it does not store durably is gone; or comes back. */
void broker_set_up(struct broker *b, bool up);
bool broker_is_up(const struct broker *b);

/* No more loss, doubles or lateness from now on. */
void broker_calm(struct broker *b);

void broker_event(struct broker *b, const struct event *e);
const struct broker_counts *broker_counts(const struct broker *b);

#endif
