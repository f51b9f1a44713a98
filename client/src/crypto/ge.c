/* Addition and the constant-time multiples of the base point. */
#include "ge.h"

#include "../rom.h"
#include "bytes.h"
#include "e4/crypto.h"
#include "ge_add.h"
#include "sc25519.h"

#if E4_CURVE_OWN

/* Which units (fe.h) the operands have stands beside them; inputs are of 1, but x of 2. */

void e4_ge_double(struct e4_ge *r, bool with_t)
{
	struct e4_fe e, f, g, h;

	e4_fe_add(&e, &r->x, &r->y);
	e4_fe_sq(&e, &e);
	e4_fe_sq(&g, &r->x);
	e4_fe_sq(&f, &r->y);
	e4_fe_add(&h, &g, &f); /* 2 */
	e4_fe_sub(&e, &h, &e); /* 3: -2xy */
	e4_fe_sub(&g, &g, &f); /* 2 */
	e4_fe_sq(&f, &r->z);
	e4_fe_add(&f, &f, &f);
	e4_fe_add(&f, &f, &g); /* 4 */
	e4_fe_mul(&r->x, &f, &e);
	e4_fe_mul(&r->y, &g, &h);
	e4_fe_mul(&r->z, &f, &g);
	if (with_t)
		e4_fe_mul(&r->t, &e, &h);
}

void e4_ge_add(struct e4_ge *r, const struct e4_niels *q, const struct e4_fe *z2, bool minus,
	       bool with_t)
{
	struct e4_fe a, b, c, d;

	e4_fe_sub(&a, &r->y, &r->x);
	e4_fe_add(&b, &r->y, &r->x);
	e4_fe_mul(&a, &a, minus ? &q->sum : &q->diff);
	e4_fe_mul(&b, &b, minus ? &q->diff : &q->sum);
	e4_fe_mul(&c, &r->t, &q->t2d);
	if (z2)
		e4_fe_mul(&d, &r->z, z2);
	else
		e4_fe_add(&d, &r->z, &r->z);
	e4_fe_sub(&r->x, &b, &a); /* 2 */
	e4_fe_add(&r->y, &b, &a); /* 2 */
	e4_fe_add(&a, &d, &c);    /* 3 */
	e4_fe_sub(&b, &d, &c);    /* 3 */
	const struct e4_fe *f = minus ? &a : &b, *g = minus ? &b : &a;
	if (with_t)
		e4_fe_mul(&r->t, &r->x, &r->y);
	e4_fe_mul(&r->x, f, &r->x);
	e4_fe_mul(&r->y, g, &r->y);
	e4_fe_mul(&r->z, f, g);
}

void e4_ge_neutral(struct e4_ge *r)
{
	e4_fe_small(&r->x, 0);
	e4_fe_small(&r->y, 1);
	e4_fe_small(&r->z, 1);
	e4_fe_small(&r->t, 0);
}

void e4_niels_load(struct e4_niels *r, const uint8_t in[96])
{
	e4_fe_load(&r->sum, in);
	e4_fe_load(&r->diff, in + 32);
	e4_fe_load(&r->t2d, in + 64);
}

void e4_ge_encode(uint8_t out[32], const struct e4_ge *p)
{
	struct e4_fe x, y;
	uint8_t parity[32];

	e4_fe_invert(&y, &p->z);
	e4_fe_mul(&x, &p->x, &y);
	e4_fe_mul(&y, &p->y, &y);
	e4_fe_store(parity, &x);
	e4_fe_store(out, &y);
	out[31] |= (uint8_t)(parity[0] << 7);
	e4_wipe(parity, sizeof parity);
}

/* --- multiples of the base point ---------------------------------------------- */

/*
 * The scalar's 256 digits are all 1 or -1, without exception: for b =
 * (scalar + 2^256 - 1) / 2 mod L, the sum of (2 b_i - 1) 2^i is 2 b - (2^256 - 1),
 * which is scalar mod L. Four digits that are 64 apart are taken at once: table
 * entry j is 2^192 B plus or minus 2^128 B, 2^64 B and B, by the bits 2, 1 and 0 of
 * j; the negatives of the entries are the other half.
 */

/* (L + 1) / 2 */
static const uint8_t half[32] E4_ROM = {
	0xf7, 0xe9, 0x7a, 0x2e, 0x8d, 0x31, 0x09, 0x2c, 0x6b, 0xce, 0x7b,
	0x51, 0xef, 0x7c, 0x6f, 0x0a, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x08,
};

static void to_signs(uint8_t b[32], const uint8_t scalar[32])
{
	uint8_t h[32], ones[32];

	e4_rom_copy(h, half, 32);
	memset(ones, 0xff, 32);
	memset(b, 0, 32);
	e4_sc_muladd(b, scalar, h, b);
	e4_sc_muladd(b, ones, h, b);
}

/* entry = table[index], reading all of it */
static void select_entry(uint8_t entry[96], const uint8_t table[8][96], uint8_t index)
{
	memset(entry, 0, 96);
	for (uint8_t j = 0; j < 8; j++) {
		/* j ^ index is 0 to 7: only 0 borrows */
		uint8_t keep = e4_mask((uint8_t)((j ^ index) - 1) >> 7);
		for (uint8_t i = 0; i < 96; i++)
			entry[i] |= (uint8_t)(e4_rom8(&table[j][i]) & keep);
	}
}

/* Add what the digits at bit, bit + 64, ... say. */
static void add_digits(struct e4_ge *r, const uint8_t b[32], const uint8_t table[8][96],
		       uint8_t bit, bool with_t)
{
	uint8_t entry[96], index = 0;
	struct e4_niels q;
	struct e4_fe minus;

	for (uint8_t i = 0; i < 4; i++)
		index |= (uint8_t)((b[bit / 8 + 8 * i] >> bit % 8 & 1) << i);
	uint8_t negative = (uint8_t)((index >> 3) ^ 1);
	/* all digits the other way round */
	index = (uint8_t)((index ^ (uint8_t)-negative) & 7);
	select_entry(entry, table, index);
	e4_niels_load(&q, entry);
	e4_fe_small(&minus, 0);
	e4_fe_sub(&minus, &minus, &q.t2d);
	e4_fe_swap(&q.t2d, &minus, negative);
	e4_fe_swap(&q.sum, &q.diff, negative);
	e4_ge_add(r, &q, NULL, false, with_t);
	e4_wipe(entry, sizeof entry);
	e4_wipe(&q, sizeof q);
	e4_wipe(&minus, sizeof minus);
}

void e4_ge_mul_base(struct e4_ge *r, const uint8_t scalar[32])
{
	enum { STEP = 64 / E4_GE_COMB };
	uint8_t b[32];

	to_signs(b, scalar);
	e4_ge_neutral(r);
	for (uint8_t i = STEP; i-- > 0;) {
		/* the next doubling needs no T, the additions do */
		if (i < STEP - 1)
			e4_ge_double(r, true);
		for (uint8_t table = 0; table < E4_GE_COMB; table++)
			add_digits(r, b, e4_ge_comb[table], (uint8_t)(STEP * table + i),
				   table + 1 < E4_GE_COMB);
	}
	e4_wipe(b, sizeof b);
}

#endif
