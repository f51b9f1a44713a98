/* What ge.c and ge_public.c share: additions, complete ones (any two points). */
#ifndef E4_SRC_CRYPTO_GE_ADD_H
#define E4_SRC_CRYPTO_GE_ADD_H

#include "ge.h"

#if E4_CURVE_OWN

/* The second operand of additions: (y + x) / z, (y - x) / z, 2dt / z, all of them times z. */
struct e4_niels {
	struct e4_fe sum, diff, t2d;
};

void e4_niels_load(struct e4_niels *r, const uint8_t in[96]);
void e4_ge_neutral(struct e4_ge *r);
/* r = 2 r; T of r is not read, and is made only if with_t. */
void e4_ge_double(struct e4_ge *r, bool with_t);
/* r += q, or r -= q. z2 is twice q's z, NULL if z is 1. */
void e4_ge_add(struct e4_ge *r, const struct e4_niels *q, const struct e4_fe *z2, bool minus,
	       bool with_t);

#endif
#endif
