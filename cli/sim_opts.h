/* The options of e4sim. */
#ifndef CLI_SIM_OPTS_H
#define CLI_SIM_OPTS_H

#include "cli/opts.h"

struct sim_args {
	int64_t fleet, topics, per_device, days, seed, shards;
	const char *rotate, *rotate_at, *offline, *away_for, *sleep, *back_within;
	bool pubkey;
	const char *legacy, *lossy, *wrong_clocks, *no_clocks, *power_loss;
	const char *broker, *qos, *broker_restart, *c2_crash, *retain, *presence;
	int64_t rate, window;
	const char *receipt_wait, *retry_max, *legacy_retry_max, *announce_gap;
	const char *sqlite;
	const char *svg;
	bool json, quiet, help, version;
};

extern const struct opts sim_opts;

#endif
