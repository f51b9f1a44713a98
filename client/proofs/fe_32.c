/*
 * The numbers of E4_CURVE_32, of as many units as fe.h allows: no sum and no product
 * overflows, and results are of the units that fe.h says. PROVE_SETTLE: settle() itself.
 */
#include "units.h"

#ifndef PROVE_SETTLE
/*
 * That a number less its nearest multiple of 2^w is within 2^(w - 1) is beyond intervals:
 * it is taken for granted here. The rest of what is said is what the function computes.
 */
/*@ requires 0 <= i < 10;
    requires no_overflow: -0x4000000000000000 <= column <= 0x4000000000000000;
    assigns r->v[i] \from column, i;
    assigns \result \from column, i;
    ensures \initialized(&r->v[i]);
    ensures limb: -(0x2000000 >> i % 2) <= r->v[i] <= 0x2000000 >> i % 2;
    ensures carry: \result == (column + (0x2000000 >> i % 2)) >> (26 - i % 2); */
static int64_t settle(struct e4_fe *r, int i, int64_t column);
#endif

#include "../src/crypto/fe_32.c"

#ifdef PROVE_SETTLE

/* In 128 pieces: Eva would let the column and what is taken from it go to both ends. */
static void fe(void)
{
	struct e4_fe r;

	for (int k = -64; k < 64; k++)
		for (int i = 0; i < 2; i++) {
			int64_t piece = (int64_t)1 << 56, from = k * piece;

			settle(&r, i, Frama_C_long_long_interval(from, from + piece));
		}
}

#else

static void fe(void)
{
	struct e4_fe a, b, r;
	uint8_t bytes[32];

	any(bytes, sizeof bytes);
	e4_fe_load(&r, bytes);
	are_units(&r, 1);
	e4_fe_small(&r, bytes[0]);
	are_units(&r, 1);
	any_units(&a, 4);
	any_units(&b, 3);
	e4_fe_add(&r, &a, &a);
	e4_fe_sub(&r, &a, &b);
	e4_fe_mul(&r, &a, &b);
	are_units(&r, 1);
	e4_fe_sq(&r, &b);
	are_units(&r, 1);
	e4_fe_mul121665(&r, &a);
	are_units(&r, 1);
	e4_fe_store(bytes, &a);
	is_read(bytes, sizeof bytes);
	e4_fe_swap(&a, &b, any_bool());
	any_units(&a, 3);
	e4_fe_mul(&a, &a, &a);
	are_units(&a, 1);
}

#endif

int main(void)
{
	fe();
	end();
	return 0;
}
