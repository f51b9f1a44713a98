/*
 * A key server with its database, a broker in memory, a clock that the test
 * moves, and devices made of the real device library.
 */
#ifndef C2_CORE_TESTS_KIT_H
#define C2_CORE_TESTS_KIT_H

#include "bus/mem.h"
#include "c2/core/core.h"
#include "c2/core/internal.h"
#include "e4/e4.h"
#include "tests/check.h"

enum { KIT_TOPICS = 64, KIT_PEERS = 32, KIT_START = 1800000000 };

enum { KIT_HELD = 24 };

struct kit;

/* A message on its way to a device whose network reorders. */
struct held {
	uint8_t bytes[128];
	size_t len;
	bool taken;
};

/* A device's memory that outlives its power, and how that goes. */
struct flash {
	uint8_t saved[4096], next[4096];
	size_t saved_len, next_len, read_at;
	size_t n_ops;  /* since the test set it to 0 */
	size_t cut_at; /* the power goes at the operation of this number; 0: never */
	bool cut_late; /* a commit that it goes at is done before */
	bool off;
};

struct device {
	struct kit *kit;
	char name[STORE_NAME_MAX + 1];
	struct e4_client client;
	struct e4_topic_key topics[KIT_TOPICS];
	struct e4_peer peers[KIT_PEERS];
	struct e4_topic control;
	struct bus bus;
	bool online;
	bool legacy;       /* as deployed: no ReportState, no high-water mark, no stamp ahead */
	bool mute;         /* takes commands, its receipts do not get out */
	int64_t clock_off; /* seconds by which its clock is wrong */
	bool shuffle;      /* commands wait for device_flush */
	bool session;      /* the broker keeps some for it while it is away, for device_flush */
	struct held held[KIT_HELD];
	size_t n_held;
	size_t n_messages, n_commands, n_reports, n_refused;
	struct e4_config cfg;
	struct flash flash; /* in use with kit.stores */
	uint8_t last_receipt[4096];
	size_t last_receipt_len;
};

struct kit {
	struct clock_manual clock_state;
	struct clock clock;
	char path[64]; /* of the database; empty: in memory */
	struct core_config config;
	struct store store; /* as the core sees it: counts writes, fails on demand */
	struct store real_store;
	struct store_ops ops;
	struct custody custody;
	struct bus_mem_hub *hub;
	struct bus bus;
	struct core *core;
	size_t n_writes, n_commits, n_reads;
	size_t n_woken;
	size_t n_ops, fail_at; /* the operation of this number fails; 0: none */
	bool fail_commit, fail_open;
	bool stores; /* devices made from now on keep their state over device_power_up */
	/* C2 dies at its commit of this number, before or after it; kit_crash starts it again. */
	size_t die_at_commit;
	bool die_late;
	bool dead;
};

/* mode with receipt_wait 10 s, retry_max 3600 s, announce_gap 30 s. */
void kit_open(struct kit *k, enum core_mode mode);
/* The same with a database in a file, so that the core can be started again. */
void kit_open_file(struct kit *k, enum core_mode mode);
/* The same in this folder, with a name of at most 40 bytes. */
void kit_open_in(struct kit *k, enum core_mode mode, const char *folder);
void kit_close(struct kit *k);
/* End the core without warning and start a new one on the same database. */
void kit_crash(struct kit *k);

/* A client with a random key, known to C2, online, not yet announced. Freed by device_free. */
struct device *device_new(struct kit *k, const char *name);
void device_free(struct device *d);
void device_announce(struct device *d);
/* It subscribes again: what the broker retained comes once more. */
void device_resubscribe(struct device *d);
/* After its power went: start with what was stored. */
void device_power_up(struct device *d);
/* Take what was held: reordered, some of it later or twice. */
void device_flush(struct device *d, uint32_t (*rnd)(void *ctx), void *ctx);
/* Its current key of a topic, or null. */
const struct e4_topic_key *device_key(const struct device *d, const char *topic);
const struct e4_peer *device_peer(const struct device *d, const char *name);

/* Work and deliver until nothing moves, without moving the clock. */
void kit_settle(struct kit *k);
/* The same while the clock goes on, second by second or by the steps that core_work asks for. */
void kit_run(struct kit *k, int64_t seconds);

/* True if the device holds exactly what C2 wants it to, and C2 knows. */
bool in_sync(struct kit *k, struct device *d);
/* True if it holds it, whether C2 knows or not. */
bool holds_all(struct kit *k, struct device *d);

struct core_client_status kit_status(struct kit *k, const char *client);

#endif
