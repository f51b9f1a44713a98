/*
 * A fleet over virtual weeks: devices come and go, keys rotate. What is counted
 * are whole numbers that add up, so shards of a fleet can be told as one.
 */
#ifndef SIM_FLEET_H
#define SIM_FLEET_H

#include "sim/world.h"

struct fleet_config {
	int64_t fleet, topics, per_device, days, seed;
	int64_t rotate_s; /* 0: never */
	uint32_t offline_ppm, legacy_ppm, wrong_clock_ppm, no_clock_ppm, power_loss_ppm;
	int64_t sleep_s;
	int64_t back_within_s; /* 0: ordinary days */
	int64_t broker_restart_s, c2_crash_s;
	bool pubkey, retain, presence;
	int qos;
	struct broker_profile broker;
	size_t window;
	int64_t receipt_wait_s, retry_max_s, legacy_max_s, announce_gap_s;
	const char *sqlite;
};

/* Waiting times: 16 steps to a doubling, of milliseconds. */
enum { WAIT_STEPS = 16, WAIT_BINS = 36 * WAIT_STEPS, FLEET_SLOTS = 240 };

struct waits {
	int64_t bin[WAIT_BINS];
	int64_t n, longest_ms;
};

/* Only integers, all of which are sums or maxima over shards (fleet_add). */
struct fleet_result {
	int64_t devices, legacy, rotations, rotation_devices;
	struct waits have;      /* from the rotation to the device having the keys */
	struct waits reachable; /* the same, for who was away from its return */
	struct waits confirmed; /* from the rotation to C2 knowing */
	int64_t unreachable;    /* away from one rotation to the next */
	int64_t missed;         /* reachable, but without the keys until the next rotation */
	int64_t never_confirmed;
	int64_t returns;
	int64_t slot_have[FLEET_SLOTS], slot_confirmed[FLEET_SLOTS], slot_online[FLEET_SLOTS];
	int64_t slot_devices[FLEET_SLOTS];
	struct broker_counts broker;
	struct world_counts devices_did;
	int64_t writes;
	int64_t most_receipts_waiting;
	/* After the time, all came back: */
	int64_t end_without_keys, end_unconfirmed; /* without the legacy ones */
	int64_t end_legacy_without_keys;
	int64_t end_s;
};

/* False: no such database. progress (may be null) is told shares of a million. */
bool fleet_run(struct fleet_result *out, const struct fleet_config *cfg,
	       void (*progress)(void *ctx, uint32_t ppm, const char *what), void *ctx,
	       struct err *err);

/* Add what another shard has counted. */
void fleet_add(struct fleet_result *sum, const struct fleet_result *shard);

/* The time in ms within which this share of all had it; -1: they never had. */
int64_t waits_within(const struct waits *w, int64_t of, uint32_t ppm);

#endif
