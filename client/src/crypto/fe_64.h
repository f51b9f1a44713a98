/*
 * Field elements as 5 limbs of 51 bits, products by 64 x 64 -> 128 bits.
 *
 * Bounds: a product's limbs are below 2^51 + 2^13. A difference adds 4p first,
 * limbs just below 2^53, so it takes second operands of 3 units (below
 * 2^52.6) and gives less than 2^53 more than the first. No operand of the formulas
 * in ge.c and x25519.c is above 2^54. Columns are then below 5 * 19 * 2^108 <
 * 2^115, and their carries below 2^64.
 */
#ifndef E4_SRC_CRYPTO_FE_64_H
#define E4_SRC_CRYPTO_FE_64_H

#define E4_FE_51 0x7ffffffffffff

__extension__ typedef unsigned __int128 e4_u128;

static inline void e4_fe_add(struct e4_fe *r, const struct e4_fe *a, const struct e4_fe *b)
{
	for (int i = 0; i < 5; i++)
		r->v[i] = a->v[i] + b->v[i];
}

static inline void e4_fe_sub(struct e4_fe *r, const struct e4_fe *a, const struct e4_fe *b)
{
	r->v[0] = a->v[0] + 4 * (E4_FE_51 - 18) - b->v[0];
	for (int i = 1; i < 5; i++)
		r->v[i] = a->v[i] + 4 * (uint64_t)E4_FE_51 - b->v[i];
}

/* From columns to limbs. */
static inline void e4_fe_carry(struct e4_fe *r, e4_u128 c0, e4_u128 c1, e4_u128 c2, e4_u128 c3,
			       e4_u128 c4)
{
	uint64_t r0, r1;

	c1 += (uint64_t)(c0 >> 51);
	c2 += (uint64_t)(c1 >> 51);
	c3 += (uint64_t)(c2 >> 51);
	c4 += (uint64_t)(c3 >> 51);
	/* column 4 has no factor 19: its carry is below 2^60 */
	r0 = ((uint64_t)c0 & E4_FE_51) + 19 * (uint64_t)(c4 >> 51);
	r1 = ((uint64_t)c1 & E4_FE_51) + (r0 >> 51);
	r->v[0] = r0 & E4_FE_51;
	r->v[1] = r1;
	r->v[2] = (uint64_t)c2 & E4_FE_51;
	r->v[3] = (uint64_t)c3 & E4_FE_51;
	r->v[4] = (uint64_t)c4 & E4_FE_51;
}

static inline void e4_fe_mul(struct e4_fe *r, const struct e4_fe *a, const struct e4_fe *b)
{
	uint64_t a0 = a->v[0], a1 = a->v[1], a2 = a->v[2], a3 = a->v[3], a4 = a->v[4];
	uint64_t b0 = b->v[0], b1 = b->v[1], b2 = b->v[2], b3 = b->v[3], b4 = b->v[4];
	uint64_t n1 = 19 * a1, n2 = 19 * a2, n3 = 19 * a3, n4 = 19 * a4;
	e4_u128 c0, c1, c2, c3, c4;

	c0 = (e4_u128)a0 * b0 + (e4_u128)n1 * b4 + (e4_u128)n2 * b3 + (e4_u128)n3 * b2 +
	     (e4_u128)n4 * b1;
	c1 = (e4_u128)a0 * b1 + (e4_u128)a1 * b0 + (e4_u128)n2 * b4 + (e4_u128)n3 * b3 +
	     (e4_u128)n4 * b2;
	c2 = (e4_u128)a0 * b2 + (e4_u128)a1 * b1 + (e4_u128)a2 * b0 + (e4_u128)n3 * b4 +
	     (e4_u128)n4 * b3;
	c3 = (e4_u128)a0 * b3 + (e4_u128)a1 * b2 + (e4_u128)a2 * b1 + (e4_u128)a3 * b0 +
	     (e4_u128)n4 * b4;
	c4 = (e4_u128)a0 * b4 + (e4_u128)a1 * b3 + (e4_u128)a2 * b2 + (e4_u128)a3 * b1 +
	     (e4_u128)a4 * b0;
	e4_fe_carry(r, c0, c1, c2, c3, c4);
}

static inline void e4_fe_sq(struct e4_fe *r, const struct e4_fe *a)
{
	uint64_t a0 = a->v[0], a1 = a->v[1], a2 = a->v[2], a3 = a->v[3], a4 = a->v[4];
	uint64_t d0 = 2 * a0, d1 = 2 * a1, n3 = 19 * a3, n4 = 19 * a4;
	e4_u128 c0, c1, c2, c3, c4;

	c0 = (e4_u128)a0 * a0 + (e4_u128)d1 * n4 + (e4_u128)(2 * a2) * n3;
	c1 = (e4_u128)d0 * a1 + (e4_u128)(2 * a2) * n4 + (e4_u128)a3 * n3;
	c2 = (e4_u128)d0 * a2 + (e4_u128)a1 * a1 + (e4_u128)(2 * a3) * n4;
	c3 = (e4_u128)d0 * a3 + (e4_u128)d1 * a2 + (e4_u128)a4 * n4;
	c4 = (e4_u128)d0 * a4 + (e4_u128)d1 * a3 + (e4_u128)a2 * a2;
	e4_fe_carry(r, c0, c1, c2, c3, c4);
}

static inline void e4_fe_mul121665(struct e4_fe *r, const struct e4_fe *a)
{
	const uint64_t n = 121665;

	e4_fe_carry(r, (e4_u128)n * a->v[0], (e4_u128)n * a->v[1], (e4_u128)n * a->v[2],
		    (e4_u128)n * a->v[3], (e4_u128)n * a->v[4]);
}

#endif
