/* A rule on the simulator: what was asked, what goes in, what came out. */
#ifndef CLI_SIMULATE_H
#define CLI_SIMULATE_H

#include <jansson.h>

#include "cli/run.h"

enum { SIMULATE_FIRES = 1000, SIMULATE_ARGS = 32 };

struct simulate {
	struct arena *arena;
	const Pb__Rule *rule;
	const Pb__GetRuleFleetResponse *fleet;
	int64_t now_s;
	int64_t days; /* less than asked for if it fires very often */
	bool cut;
	int64_t fires[SIMULATE_FIRES]; /* Unix seconds */
	size_t n_fires;
	size_t merged;    /* firings that fall into a grace period: these rotate once */
	int64_t devices;  /* simulated */
	int64_t max_risk; /* percent; -1: none */
	const char *away; /* at any time, as the simulator takes it */
	char *argv[SIMULATE_ARGS];
	size_t n_args;
	json_t *result; /* of e4sim; null: nothing was simulated */
};

/* Devices behind at the worst rotation, in hundredths of a percent, rounded up. */
int64_t simulate_risk(const struct simulate *s);
void simulate_show(const struct simulate *s);
void simulate_show_json(const struct simulate *s);

#endif
