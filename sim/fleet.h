/*
 * A fleet over virtual weeks: devices come and go, keys rotate. What is counted
 * are whole numbers that add up, so shards of a fleet can be told as one.
 */
#ifndef SIM_FLEET_H
#define SIM_FLEET_H

#include "sim/absence.h"
#include "sim/waits.h"
#include "sim/world.h"

struct fleet_config {
	int64_t fleet, topics, per_device, days, seed;
	int64_t rotate_s;           /* 0: never */
	const int64_t *rotate_at_s; /* or at these times, rising */
	size_t n_rotate_at;
	uint32_t offline_ppm, legacy_ppm, wrong_clock_ppm, no_clock_ppm, power_loss_ppm;
	int64_t sleep_s;
	struct absence absence; /* in place of sleep_s, if there is one */
	int64_t back_within_s;  /* 0: ordinary days */
	int64_t broker_restart_s, c2_crash_s;
	bool pubkey, retain, presence;
	int qos;
	struct broker_profile broker;
	size_t window;
	int64_t receipt_wait_s, retry_max_s, legacy_max_s, announce_gap_s;
	const char *sqlite;
};

enum { FLEET_SLOTS = 240, FLEET_ROTATIONS = 1000 /* that are told one by one */ };

struct fleet_rotation {
	int64_t at_s; /* since the beginning */
	int64_t devices;
	int64_t online;     /* at that moment */
	int64_t at_risk;    /* without the keys of the rotation before: now two behind */
	int64_t reached_ms; /* in which the last one had its keys, counted from when it was there */
	struct rough_waits have; /* of all, until the next */
	/* Messages between devices that are there, times the time they stand for; and of these, */
	int64_t heard, unread; /* those whose receiver had no key for it */
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
	int64_t at_risk; /* devices that were two keys behind at one rotation or more */
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
	struct fleet_rotation each[FLEET_ROTATIONS];
};

/* False: no such database. progress (may be null) is told shares of a million. */
bool fleet_run(struct fleet_result *out, const struct fleet_config *cfg,
	       void (*progress)(void *ctx, uint32_t ppm, const char *what), void *ctx,
	       struct err *err);

/* Add what another shard has counted. */
void fleet_add(struct fleet_result *sum, const struct fleet_result *shard);

#endif
