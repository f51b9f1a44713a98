/* X25519 (RFC 7748 section 5). */
#include "bytes.h"
#include "e4/crypto.h"
#include "ge.h"

#include <string.h>

#if E4_CURVE_OWN

static void clamp(uint8_t out[32], const uint8_t scalar[32])
{
	memcpy(out, scalar, 32);
	out[0] &= 248;
	out[31] &= 127;
	out[31] |= 64;
}

/* Two points of the ladder, x/z each; their difference is always the one of u. */
struct ladder {
	struct e4_fe u, x2, z2, x3, z3;
};

/* One step: both points on, one of them doubled. No operand is above 2 units (fe.h). */
static void step(struct ladder *l)
{
	struct e4_fe a, b;

	e4_fe_add(&a, &l->x2, &l->z2);
	e4_fe_sub(&b, &l->x2, &l->z2);
	e4_fe_add(&l->x2, &l->x3, &l->z3);
	e4_fe_sub(&l->z2, &l->x3, &l->z3);
	e4_fe_mul(&l->z2, &l->z2, &a); /* DA */
	e4_fe_mul(&l->x2, &l->x2, &b); /* CB */
	e4_fe_add(&l->x3, &l->z2, &l->x2);
	e4_fe_sub(&l->z3, &l->z2, &l->x2);
	e4_fe_sq(&l->x3, &l->x3);
	e4_fe_sq(&l->z3, &l->z3);
	e4_fe_mul(&l->z3, &l->z3, &l->u);
	e4_fe_sq(&a, &a); /* AA */
	e4_fe_sq(&b, &b); /* BB */
	e4_fe_mul(&l->x2, &a, &b);
	e4_fe_sub(&b, &a, &b); /* E */
	e4_fe_mul121665(&l->z2, &b);
	e4_fe_add(&l->z2, &l->z2, &a);
	e4_fe_mul(&l->z2, &l->z2, &b);
}

static void climb(struct ladder *l, const uint8_t k[32])
{
	uint8_t before = 0;

	e4_fe_small(&l->x2, 1);
	e4_fe_small(&l->z2, 0);
	l->x3 = l->u;
	e4_fe_small(&l->z3, 1);
	for (uint8_t i = 255; i-- > 0;) {
		uint8_t bit = k[i / 8] >> i % 8 & 1;
		e4_fe_swap(&l->x2, &l->x3, bit ^ before);
		e4_fe_swap(&l->z2, &l->z3, bit ^ before);
		before = bit;
		step(l);
	}
	/* bit 0 is 0: the points are not swapped */
}

bool e4_x25519(uint8_t shared[32], const uint8_t scalar[32], const uint8_t point[32])
{
	struct ladder l;
	uint8_t k[32];

	clamp(k, scalar);
	e4_fe_load(&l.u, point);
	climb(&l, k);
	e4_fe_invert(&l.z2, &l.z2);
	e4_fe_mul(&l.x2, &l.x2, &l.z2);
	e4_fe_store(shared, &l.x2);
	e4_wipe(k, sizeof k);
	e4_wipe(&l, sizeof l);
	return !e4_is_zero(shared, 32); /* and if it is, that is wiped */
}

/* By the table for signatures, which takes less than half of a ladder: u = (z + y) / (z - y). */
void e4_x25519_base(uint8_t public_key[32], const uint8_t scalar[32])
{
	struct e4_ge p;
	uint8_t k[32];

	clamp(k, scalar);
	e4_ge_mul_base(&p, k);
	e4_fe_sub(&p.x, &p.z, &p.y);
	e4_fe_add(&p.y, &p.z, &p.y);
	e4_fe_invert(&p.x, &p.x);
	e4_fe_mul(&p.y, &p.y, &p.x);
	e4_fe_store(public_key, &p.y);
	e4_wipe(&p, sizeof p);
	e4_wipe(k, sizeof k);
}

#endif
