/*
 * Numbers modulo p = 2^255 - 19, in the form of the variant that the build
 * chose. All functions take constant time; outputs may be inputs.
 *
 * Sizes are counted in units, so that carries are few: a product, a square and
 * a loaded number is of 1 unit, a sum or a difference of as many as its two
 * operands together. Allowed are: 4 units as the first operand of a product, 3
 * as the second or as the operand of a square, 3 as the second operand of a
 * difference, 4 for the rest. Each variant shows that it holds this.
 */
#ifndef E4_SRC_CRYPTO_FE_H
#define E4_SRC_CRYPTO_FE_H

#include "e4/config.h"

#include <stdbool.h>
#include <stdint.h>

#define E4_CURVE_OWN                                                                               \
	(E4_CURVE == E4_CURVE_SMALL || E4_CURVE == E4_CURVE_32 || E4_CURVE == E4_CURVE_64)

#if E4_CURVE == E4_CURVE_SMALL
struct e4_fe {
	uint8_t v[32];
};
#elif E4_CURVE == E4_CURVE_32
struct e4_fe {
	int32_t v[10]; /* of 26, 25, 26, ... bits */
};
#elif E4_CURVE == E4_CURVE_64
struct e4_fe {
	uint64_t v[5]; /* of 51 bits */
};
#endif

#if E4_CURVE_OWN

/* The number of 32 bytes, little-endian; the top bit is ignored. */
void e4_fe_load(struct e4_fe *r, const uint8_t in[32]);
/* The one form below p. */
void e4_fe_store(uint8_t out[32], const struct e4_fe *a);

void e4_fe_small(struct e4_fe *r, uint8_t a);
/* Exchange the two, or do as if. */
void e4_fe_swap(struct e4_fe *a, struct e4_fe *b, bool swap);

#if E4_CURVE == E4_CURVE_64
#include "fe_64.h" /* inline: a call would cost a fifth of a product */
#else
void e4_fe_add(struct e4_fe *r, const struct e4_fe *a, const struct e4_fe *b);
void e4_fe_sub(struct e4_fe *r, const struct e4_fe *a, const struct e4_fe *b);
void e4_fe_mul(struct e4_fe *r, const struct e4_fe *a, const struct e4_fe *b);
void e4_fe_sq(struct e4_fe *r, const struct e4_fe *a);
/* a * 121665, of 1 unit */
void e4_fe_mul121665(struct e4_fe *r, const struct e4_fe *a);
#endif

/* 1/a, and 0 for 0 */
void e4_fe_invert(struct e4_fe *r, const struct e4_fe *a);
/* a^((p - 5) / 8) */
void e4_fe_pow_p58(struct e4_fe *r, const struct e4_fe *a);
bool e4_fe_is_zero(const struct e4_fe *a);

#endif
#endif
