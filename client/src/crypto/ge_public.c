/* What verification does with points; all of it is public, so time may depend on it. */
#include "../rom.h"
#include "e4/crypto.h"
#include "ge_add.h"

#if E4_CURVE_OWN

static const uint8_t d_bytes[32] E4_ROM = {
	0xa3, 0x78, 0x59, 0x13, 0xca, 0x4d, 0xeb, 0x75, 0xab, 0xd8, 0x41,
	0x41, 0x4d, 0x0a, 0x70, 0x00, 0x98, 0xe8, 0x79, 0x77, 0x79, 0x40,
	0xc7, 0x8c, 0x73, 0xfe, 0x6f, 0x2b, 0xee, 0x6c, 0x03, 0x52,
};

/* 2^((p - 1) / 4), a square root of -1 */
static const uint8_t root_bytes[32] E4_ROM = {
	0xb0, 0xa0, 0x0e, 0x4a, 0x27, 0x1b, 0xee, 0xc4, 0x78, 0xe4, 0x2f,
	0xad, 0x06, 0x18, 0x43, 0x2f, 0xa7, 0xd7, 0xfb, 0x3d, 0x99, 0x00,
	0x4d, 0x2b, 0x0b, 0xdf, 0xc1, 0x4f, 0x80, 0x24, 0x83, 0x2b,
};

static void load_constant(struct e4_fe *r, const uint8_t rom[32])
{
	uint8_t bytes[32];

	e4_rom_copy(bytes, rom, 32);
	e4_fe_load(r, bytes);
}

/*
 * y is 1 or -1 (order 1 and 2), 0 (order 4), or twice the point has y = 0 (order 8):
 * there x^2 = -y^2, and the curve's equation becomes d y^4 + 2 y^2 - 1 = 0.
 */
bool e4_ge_is_small(const struct e4_fe *y)
{
	struct e4_fe one, y2, t;

	e4_fe_small(&one, 1);
	load_constant(&t, d_bytes);
	e4_fe_sq(&y2, y);
	e4_fe_mul(&t, &t, &y2);
	e4_fe_add(&t, &t, &one);
	e4_fe_add(&t, &t, &one);
	e4_fe_mul(&t, &t, &y2);
	e4_fe_sub(&t, &t, &one); /* 2 */
	e4_fe_sub(&y2, &y2, &one);
	e4_fe_mul(&t, &t, &y2);
	e4_fe_mul(&t, &t, y);
	return e4_fe_is_zero(&t);
}

static bool equal(const struct e4_fe *a, const struct e4_fe *b)
{
	struct e4_fe t;

	e4_fe_sub(&t, a, b);
	return e4_fe_is_zero(&t);
}

/* x from y: a root of (y^2 - 1) / (d y^2 + 1) = u / v (RFC 8032 section 5.1.3) */
static bool recover_x(struct e4_fe *x, const struct e4_fe *y)
{
	struct e4_fe u, v, t, one;

	e4_fe_small(&one, 1);
	e4_fe_sq(&u, y);
	load_constant(&v, d_bytes);
	e4_fe_mul(&v, &v, &u);
	e4_fe_add(&v, &v, &one); /* 2 */
	e4_fe_sub(&u, &u, &one); /* 2 */
	e4_fe_sq(&t, &v);
	e4_fe_mul(&t, &t, &v); /* v^3 */
	e4_fe_sq(x, &t);
	e4_fe_mul(x, x, &v);
	e4_fe_mul(x, x, &u); /* u v^7 */
	e4_fe_pow_p58(x, x);
	e4_fe_mul(x, x, &t);
	e4_fe_mul(x, x, &u); /* the root of u / v, or of -u / v */
	e4_fe_sq(&t, x);
	e4_fe_mul(&t, &t, &v);
	if (equal(&t, &u))
		return true;
	e4_fe_add(&t, &t, &u);
	load_constant(&v, root_bytes);
	e4_fe_mul(x, x, &v);
	return e4_fe_is_zero(&t);
}

bool e4_ge_decode(struct e4_ge *r, const uint8_t in[32])
{
	uint8_t bytes[32];

	e4_fe_load(&r->y, in);
	e4_fe_store(bytes, &r->y);
	bytes[31] |= in[31] & 0x80;
	if (!e4_equal(bytes, in, 32) || e4_ge_is_small(&r->y) || !recover_x(&r->x, &r->y))
		return false;
	e4_fe_store(bytes, &r->x);
	e4_fe_small(&r->z, 0);
	if ((bytes[0] & 1) != in[31] >> 7)
		e4_fe_sub(&r->x, &r->z, &r->x);
	e4_fe_small(&r->z, 1);
	e4_fe_mul(&r->t, &r->x, &r->y);
	return true;
}

/* --- two multiples at once ----------------------------------------------------- */

struct digits {
#if E4_GE_KEY_WIDTH == 2
	uint8_t once[32], thrice[32];
#else
	int8_t at[256];
#endif
};

#if E4_GE_KEY_WIDTH == 2

/*
 * Little RAM: the non-adjacent form of k has the digits of 3k minus those of k,
 * one place lower.
 */
static void digits_init(struct digits *n, const uint8_t k[32], uint8_t width)
{
	uint16_t sum = 0;

	(void)width;
	for (uint8_t i = 0; i < 32; i++) {
		n->once[i] = k[i];
		sum = (uint16_t)(sum + 3 * k[i]);
		n->thrice[i] = (uint8_t)sum; /* below 2^255 */
		sum >>= 8;
	}
}

static int8_t digit(const struct digits *n, uint8_t i)
{
	i++;
	return (int8_t)((n->thrice[i / 8] >> i % 8 & 1) - (n->once[i / 8] >> i % 8 & 1));
}

#else

/* Odd digits below 2^(width - 1), with width - 1 zeros at least after each. */
static void digits_init(struct digits *n, const uint8_t k[32], uint8_t width)
{
	int carry = 0;

	memset(n->at, 0, sizeof n->at);
	for (unsigned i = 0; i < 256;) {
		unsigned two = k[i / 8] | (i < 248 ? (unsigned)k[i / 8 + 1] << 8 : 0);
		int window = (int)(two >> i % 8 & ((1u << width) - 1)) + carry;
		if (window % 2 == 0) {
			i++; /* carry stays: 1 + 1 is 0 with a carry */
			continue;
		}
		carry = window >> (width - 1);
		n->at[i] = (int8_t)(window - (carry << width));
		i += width;
	}
}

static int8_t digit(const struct digits *n, uint8_t i)
{
	return n->at[i];
}

#endif

/* The second operand of an addition whose z is not 1. */
struct multiple {
	struct e4_niels q;
	struct e4_fe z2;
};

static void multiple_of(struct multiple *r, const struct e4_ge *p)
{
	struct e4_fe d;

	load_constant(&d, d_bytes);
	e4_fe_add(&d, &d, &d);
	e4_fe_add(&r->q.sum, &p->y, &p->x);
	e4_fe_sub(&r->q.diff, &p->y, &p->x);
	e4_fe_mul(&r->q.t2d, &p->t, &d);
	e4_fe_add(&r->z2, &p->z, &p->z);
}

/* table[i] = (2 i + 1) p; p is used up. */
static void odd_multiples(struct multiple *table, struct e4_ge *p)
{
	multiple_of(table, p);
#if E4_GE_KEY_WIDTH > 2
	enum { LAST = (1 << (E4_GE_KEY_WIDTH - 2)) - 1 };
	struct multiple *twice = table + LAST; /* there until the last entry comes */
	e4_ge_double(p, true);
	multiple_of(twice, p);
	e4_ge_add(p, &table->q, &table->z2, false, true);
	multiple_of(table + 1, p);
	for (int i = 2; i <= LAST; i++) {
		e4_ge_add(p, &twice->q, &twice->z2, false, true);
		multiple_of(table + i, p);
	}
#endif
}

static void add_base(struct e4_ge *r, int8_t n)
{
	uint8_t bytes[96];
	struct e4_niels q;

	e4_rom_copy(bytes, e4_ge_base[(n < 0 ? -n : n) / 2], 96);
	e4_niels_load(&q, bytes);
	e4_ge_add(r, &q, NULL, n < 0, false);
}

void e4_ge_mul_two(struct e4_ge *r, const uint8_t s[32], const uint8_t k[32])
{
	struct multiple table[1 << (E4_GE_KEY_WIDTH - 2)];
	struct digits of_s, of_k;

	odd_multiples(table, r);
	digits_init(&of_s, s, E4_GE_BASE_WIDTH);
	digits_init(&of_k, k, E4_GE_KEY_WIDTH);
	e4_ge_neutral(r);
	for (uint8_t i = 254; i-- > 0;) {
		int8_t n = digit(&of_k, i), m = digit(&of_s, i);
		e4_ge_double(r, n || m);
		if (n) {
			const struct multiple *p = table + (n < 0 ? -n : n) / 2;
			e4_ge_add(r, &p->q, &p->z2, n > 0, m != 0);
		}
		if (m)
			add_base(r, m);
	}
}

#endif
