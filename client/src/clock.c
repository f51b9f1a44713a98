#include "clock.h"

bool e4_clock_now(const struct e4_client *c, uint64_t *now)
{
	*now = 0;
	if (c->cfg.clock == E4_CLOCK_NONE) {
		*now = c->time_seen;
		return c->time_seen != 0;
	}
	if (c->cfg.now(c->cfg.now_ctx, now))
		return true;
	*now = 0;
	return false;
}

bool e4_clock_behind(const struct e4_client *c, uint64_t now)
{
	return now < c->high_water && c->high_water - now > c->cfg.future_s;
}

enum e4_result e4_clock_judge(const struct e4_client *c, uint64_t now, uint64_t stamp)
{
	/* Differences, not sums: no stamp may wrap around. */
	if (stamp > now)
		return stamp - now > c->cfg.future_s ? E4_ERR_FUTURE : E4_OK;
	return now - stamp > c->cfg.validity_s ? E4_ERR_TOO_OLD : E4_OK;
}
