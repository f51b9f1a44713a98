/* What a sample of devices says of how they bear rotations. Pure. */
#ifndef ENGINE_RISK_H
#define ENGINE_RISK_H

#include "base/arena.h"
#include "engine/fleet.h"

enum { RISK_DECILES = 11 }; /* the least, nine deciles, the most */

struct risk_sample {
	int64_t silent; /* never gave a receipt: of these nothing is known */
	size_t n_known; /* all others */
	int64_t producers, consumers;
	int64_t *away_s; /* since those away were heard of, rising */
	size_t n_away;
};

/* Each device once; returns how many are left. They are in order of name then. */
size_t risk_once(struct fleet_device *devices, size_t n);
void risk_sample(struct risk_sample *out, const struct fleet_device *devices, size_t n,
		 int64_t now_s, struct arena *arena);
/* All 0 when none is away. */
void risk_deciles(const struct risk_sample *s, int64_t out[RISK_DECILES]);
/* Of the known devices, those away for longer than this: percent, rounded up. */
int64_t risk_percent(const struct risk_sample *s, int64_t gap_s);

#endif
