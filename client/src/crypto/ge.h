/*
 * Points of edwards25519: -x^2 + y^2 = 1 + d x^2 y^2 (RFC 8032 section 5.1), in
 * extended coordinates (Hisil, Wong, Carter, Dawson 2008): x = X/Z, y = Y/Z,
 * T = XY/Z.
 */
#ifndef E4_SRC_CRYPTO_GE_H
#define E4_SRC_CRYPTO_GE_H

#include "fe.h"

#include <stdint.h>

/*
 * How much code or memory goes into speed. COMB: tables of 8 multiples of the
 * base point, 768 bytes each; twice as many take off half of the doublings of a
 * signature. WIDTH: of the windows over public scalars; 2^(WIDTH - 2) odd
 * multiples of the base point (96 bytes each, constant) and of the public key
 * (four field elements each, on the stack).
 */
#if E4_CURVE == E4_CURVE_SMALL
#define E4_GE_COMB 1
#define E4_GE_BASE_WIDTH 2
#define E4_GE_KEY_WIDTH 2
#elif E4_CURVE == E4_CURVE_32
#define E4_GE_COMB 2
#define E4_GE_BASE_WIDTH 5
#define E4_GE_KEY_WIDTH 3
#elif E4_CURVE == E4_CURVE_64
#define E4_GE_COMB 8
#define E4_GE_BASE_WIDTH 7
#define E4_GE_KEY_WIDTH 5
#endif

#if E4_CURVE_OWN

/* ge_table.c, by tools/gen_ed25519_table.py: y + x, y - x, 2dxy of each point */
extern const uint8_t e4_ge_comb[E4_GE_COMB][8][96];
extern const uint8_t e4_ge_base[1 << (E4_GE_BASE_WIDTH - 2)][96];

struct e4_ge {
	struct e4_fe x, y, z, t;
};

/* scalar * B; constant time */
void e4_ge_mul_base(struct e4_ge *r, const uint8_t scalar[32]);
void e4_ge_encode(uint8_t out[32], const struct e4_ge *p);

/* From here on the time depends on the values: for public ones. */

/* False if no point has this y, or if y is not below p, or if the order is small. */
bool e4_ge_decode(struct e4_ge *r, const uint8_t in[32]);
/* True if the y-coordinate is that of a point of order 1, 2, 4 or 8. */
bool e4_ge_is_small(const struct e4_fe *y);
/* r = s B - k r, for s and k below 2^253. */
void e4_ge_mul_two(struct e4_ge *r, const uint8_t s[32], const uint8_t k[32]);

#endif
#endif
