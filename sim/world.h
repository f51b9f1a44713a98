/*
 * One key server with its database, a broker and devices, in virtual time. The
 * server is the real core, the devices are the real library; both see clocks,
 * randomness, storage and network that a seed decides.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "base/clock.h"
#include "c2/core/core.h"
#include "e4/e4.h"
#include "sim/agenda.h"
#include "sim/broker.h"
#include "sim/prng.h"

enum {
	SIM_START_S = 1800000000, /* when virtual time begins */
	SIM_NAME_MAX = 24,
	SIM_KINDS = BROKER_EVENTS /* kinds of events of a world's user begin here */
};

struct world;

struct device {
	struct e4_client client;
	struct e4_topic control;
	struct world *world;
	struct e4_topic_key *topics; /* and then its peers */
	uint8_t *flash;              /* what a loss of power leaves */
	uint32_t flash_len;
	uint32_t number; /* at the broker, and in its name */
	int32_t off_s;   /* by which its clock is wrong */
	int32_t cut;     /* power fails at this one of the next writes; 0: at none */
	bool online;
	bool no_clock;
	bool legacy; /* as deployed: no ReportState, no high-water mark, no stamp ahead */
	bool mute;   /* its receipts get lost */
	bool dead;   /* without power, until it starts again */
	uint8_t tag; /* its user's */
};

struct world_config {
	uint64_t seed;
	struct core_config core;
	struct broker_profile broker;
	size_t window;      /* messages of C2 that the broker has not acknowledged */
	int slice;          /* clients in one slice of its work */
	const char *sqlite; /* a file for the database; null: in memory */
	uint16_t topics_cap, peers_cap;
};

/* What the user of a world wants to be told; each may be null. */
struct world_hooks {
	void *ctx;
	/* One of its own events, of kind SIM_KINDS or above. */
	void (*event)(void *ctx, const struct event *e);
	/* A device has followed, or refused, a control message. */
	void (*command)(void *ctx, struct device *d, enum e4_result r);
};

struct world_counts {
	int64_t taken, reports, refused, too_old, starts, crashes;
};

struct world {
	struct world_config cfg;
	struct world_hooks hooks;
	struct prng prng;
	int64_t now_ms;    /* true time */
	int64_t c2_off_ms; /* by which C2's clock is wrong */
	struct clock clock;
	struct agenda soon, later; /* the broker's events, all others */
	int64_t work_at;           /* when C2 has something to do */
	struct store store, real_store;
	struct store_ops ops; /* as the core sees them: a test may break a rule here */
	struct custody custody;
	struct e4_siv_key master;
	struct broker *broker;
	struct bus bus;
	struct core *core;
	struct device **devices;
	uint32_t n_devices, cap_devices;
	uint8_t *page; /* what a device is about to write */
	size_t page_len, page_cap, page_at;
	struct world_counts counts;
};

/* False: the database could not be opened. */
bool world_open(struct world *w, const struct world_config *cfg, const struct world_hooks *hooks,
		struct err *err);
void world_close(struct world *w);

/* Run until this time: everything up to it has happened then. */
void world_run(struct world *w, int64_t until_ms);
void world_note(struct world *w, int64_t at_ms, uint32_t kind, uint32_t who);

/* C2 ends without warning; what it had not committed is gone. It starts again at once, or later. */
void world_crash(struct world *w);
void world_start(struct world *w);

/* Seconds of C2's clock. */
int64_t world_c2_now(const struct world *w);

/* A device with a key that C2 knows, not online; name null: by its number. */
struct device *device_new(struct world *w, const char *name, bool no_clock);
void device_free(struct device *d);
/* The same for one that is removed or lost its key: a new key, by hand. */
void device_provision(struct device *d, const char *name);
void device_name(const struct device *d, char name[SIM_NAME_MAX]);
/* Connect and announce itself, or leave. */
void device_connect(struct device *d);
void device_leave(struct device *d);
/* It loses its memory, then starts again with what its store holds; not connected. */
void device_power_loss(struct device *d);
/* A message from the broker. */
void device_receive(struct device *d, const uint8_t *bytes, size_t len);
/* Its key of a topic, or null. */
const struct e4_topic_key *device_key(const struct device *d, const uint8_t hash[16]);

#endif
