/* Time as the client knows it, and what it says about a message (protocol.md section 5). */
#ifndef E4_SRC_CLOCK_H
#define E4_SRC_CLOCK_H

#include "e4/e4.h"

/*
 * Seconds by which a is later than b: 0 if it is not, UINT32_MAX if by more. The
 * only arithmetic on times, and by address: 64-bit values are what costs most
 * on an 8-bit core. A difference, not a sum: no stamp may wrap around.
 */
uint32_t e4_later_by(const uint64_t *a, const uint64_t *b);

/* Not 0, which stands for no time. */
bool e4_time_known(const uint64_t *t);

/* Seconds; false and 0 while no time is known. */
bool e4_clock_now(const struct e4_client *c, uint64_t *now);

/*
 * True if the clock is proven wrong: C2, whose word the high-water mark is, was
 * there before. No command could pass both the mark and such a clock, so it
 * counts for none as in a device without one, or C2 would be shut out.
 */
bool e4_clock_behind(const struct e4_client *c, const uint64_t *now);

/* E4_OK, E4_ERR_FUTURE or E4_ERR_TOO_OLD. */
enum e4_result e4_clock_judge(const struct e4_client *c, const uint64_t *now,
			      const uint64_t *stamp);

#endif
