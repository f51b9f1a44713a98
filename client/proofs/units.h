/* What fe.h calls a unit, in the limbs of fe_32.c. */
#ifndef CLIENT_PROOFS_UNITS_H
#define CLIENT_PROOFS_UNITS_H

#include "any.h"
#include "fe.h"

#define UNIT(i) ((i) % 2 == 0 ? 33889976 : 16944988) /* 1.01 * 2^25 and half of it */

static inline void are_units(const struct e4_fe *a, int n)
{
	for (int i = 0; i < 10; i++) {
		int32_t most = n * (int32_t)UNIT(i);

		/*@ assert -most <= a->v[i] <= most; */
	}
}

static inline void any_units(struct e4_fe *r, int n)
{
	for (int i = 0; i < 10; i++)
		r->v[i] = (int32_t)Frama_C_long_interval(-n * (long)UNIT(i), n * (long)UNIT(i));
}

#endif
