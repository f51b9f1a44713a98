#include "clock.h"

#include <string.h>

/* The upper or lower half of a time, without a shift by 32. */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
static uint32_t half(const uint64_t *t, uint8_t upper)
{
	uint32_t v;

	memcpy(&v, (const uint8_t *)t + 4 * upper, 4);
	return v;
}
#else
static uint32_t half(const uint64_t *t, uint8_t upper)
{
	return (uint32_t)(*t >> (32 * upper));
}
#endif

uint32_t e4_later_by(const uint64_t *a, const uint64_t *b)
{
	uint32_t a_low = half(a, 0), b_low = half(b, 0), a_high = half(a, 1), b_high = half(b, 1);

	if (a_high < b_high)
		return 0;
	a_high -= b_high;
	if (a_low < b_low) {
		if (a_high == 0)
			return 0;
		a_high--;
	}
	return a_high != 0 ? UINT32_MAX : a_low - b_low;
}

bool e4_time_known(const uint64_t *t)
{
	return (half(t, 0) | half(t, 1)) != 0;
}

bool e4_clock_now(const struct e4_client *c, uint64_t *now)
{
	bool known;

	if (c->cfg.clock == E4_CLOCK_NONE) {
		*now = c->time_seen;
		return e4_time_known(now);
	}
	known = c->cfg.now(c->cfg.now_ctx, now);
	if (!known)
		*now = 0;
	return known;
}

bool e4_clock_behind(const struct e4_client *c, const uint64_t *now)
{
	return e4_later_by(&c->high_water, now) > c->cfg.future_s;
}

enum e4_result e4_clock_judge(const struct e4_client *c, const uint64_t *now, const uint64_t *stamp)
{
	if (e4_later_by(stamp, now) > c->cfg.future_s)
		return E4_ERR_FUTURE;
	return e4_later_by(now, stamp) > c->cfg.validity_s ? E4_ERR_TOO_OLD : E4_OK;
}
