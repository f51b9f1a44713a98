/*
 * Field elements as 10 signed limbs of 26 and 25 bits by turns, products by
 * 32 x 32 -> 64 bits.
 *
 * Bounds: a unit (fe.h) is 1.01 * 2^25 for the even limbs, half for the odd
 * ones. 3 units times 19 are below 2^31. With 4 and 3 units a column is below
 * 4 * 3 * 1.03 * 2^50 * (1 + 9 * 19) < 2^62, counting each doubled product of odd limbs
 * as one of even ones (2 * 2^24 * 2^24 < 2^50).
 */
#include "bytes.h"
#include "fe.h"

#if E4_CURVE == E4_CURVE_32

#define WIDTH(i) (26 - ((i)&1))

void e4_fe_small(struct e4_fe *r, uint8_t a)
{
	*r = (struct e4_fe){{a}};
}

void e4_fe_add(struct e4_fe *r, const struct e4_fe *a, const struct e4_fe *b)
{
	for (int i = 0; i < 10; i++)
		r->v[i] = a->v[i] + b->v[i];
}

void e4_fe_sub(struct e4_fe *r, const struct e4_fe *a, const struct e4_fe *b)
{
	for (int i = 0; i < 10; i++)
		r->v[i] = a->v[i] - b->v[i];
}

/* Put column i into its limb, to the nearest; returns what goes to the next column. */
static int64_t settle(struct e4_fe *r, int i, int64_t column)
{
	int64_t unit = (int64_t)1 << WIDTH(i);
	int64_t carry = (column + unit / 2) >> WIDTH(i);

	r->v[i] = (int32_t)(column - carry * unit);
	return carry;
}

/* The carry out of limb 9 counts 19 in limb 0; limb 1 takes at most 2^15 from there. */
static void wrap(struct e4_fe *r, int64_t carry)
{
	carry = settle(r, 0, r->v[0] + 19 * carry);
	r->v[1] += (int32_t)carry;
}

void e4_fe_mul(struct e4_fe *r, const struct e4_fe *a, const struct e4_fe *b)
{
	/*
	 * b, and below it b * 19 for the products that wrap. Limb i weighs
	 * 2^ceil(25.5 i): the product of two odd limbs counts twice, and even columns
	 * have these.
	 */
	int32_t f[2][10], g[20];
	int64_t sum = 0;

	for (int i = 0; i < 10; i++) {
		f[0][i] = a->v[i] * (1 + (i & 1));
		f[1][i] = a->v[i];
		g[i] = 19 * b->v[i];
		g[10 + i] = b->v[i];
	}
	for (int k = 0; k < 10; k++) {
		const int32_t *x = f[k & 1], *y = g + 10 + k;
		sum += (int64_t)x[0] * y[0] + (int64_t)x[1] * y[-1] + (int64_t)x[2] * y[-2] +
		       (int64_t)x[3] * y[-3] + (int64_t)x[4] * y[-4] + (int64_t)x[5] * y[-5] +
		       (int64_t)x[6] * y[-6] + (int64_t)x[7] * y[-7] + (int64_t)x[8] * y[-8] +
		       (int64_t)x[9] * y[-9];
		sum = settle(r, k, sum);
	}
	wrap(r, sum);
}

void e4_fe_sq(struct e4_fe *r, const struct e4_fe *a)
{
	e4_fe_mul(r, a, a);
}

void e4_fe_mul121665(struct e4_fe *r, const struct e4_fe *a)
{
	int64_t sum = 0;

	for (int i = 0; i < 10; i++)
		sum = settle(r, i, sum + (int64_t)121665 * a->v[i]);
	wrap(r, sum);
}

void e4_fe_load(struct e4_fe *r, const uint8_t in[32])
{
	int64_t sum = 0;
	int bit = 0;

	for (int i = 0; i < 10; i++) {
		/* 31 - 3 bytes are the last from which 4 can be read */
		int at = bit / 8 > 28 ? 28 : bit / 8;
		uint32_t limb = e4_load32(in + at) >> (bit - 8 * at);
		sum = settle(r, i, sum + (limb & (((uint32_t)1 << WIDTH(i)) - 1)));
		bit += WIDTH(i);
	}
	wrap(r, sum);
}

void e4_fe_store(uint8_t out[32], const struct e4_fe *a)
{
	int32_t q, carry = 0;
	uint64_t bits = 0;
	int n = 0;
	struct e4_fe t;
	int64_t sum = 0;

	for (int i = 0; i < 10; i++)
		sum = settle(&t, i, sum + a->v[i]);
	wrap(&t, sum);
	/* q = floor(t / p): t is within p of 0, and 19 q is what q p lacks to q 2^255 */
	q = (19 * t.v[9] + ((int32_t)1 << 24)) >> 25;
	for (int i = 0; i < 10; i++)
		q = (t.v[i] + q) >> WIDTH(i);
	carry = 19 * q;
	for (int i = 0; i < 10; i++) {
		carry += t.v[i];
		bits |= (uint64_t)((uint32_t)carry & (((uint32_t)1 << WIDTH(i)) - 1)) << n;
		carry >>= WIDTH(i);
		for (n += WIDTH(i); n >= 8; n -= 8, bits >>= 8)
			*out++ = (uint8_t)bits;
	}
	*out = (uint8_t)bits; /* 255 bits: 7 are left */
}

void e4_fe_swap(struct e4_fe *a, struct e4_fe *b, bool swap)
{
	int32_t mask = (int32_t)(e4_mask(swap) * 0x01010101u);

	for (int i = 0; i < 10; i++) {
		int32_t x = (a->v[i] ^ b->v[i]) & mask;
		a->v[i] ^= x;
		b->v[i] ^= x;
	}
}

#endif
