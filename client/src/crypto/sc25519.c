/*
 * Scalars, on limbs of half the width of what the processor multiplies to: the
 * same code for all, with three widths.
 */
#include "sc25519.h"

#include "bytes.h"
#include "e4/crypto.h"
#include "fe.h"
#include "../rom.h"

#include <string.h>

#if E4_CURVE_OWN

#if E4_CURVE == E4_CURVE_SMALL
#define BITS 8
typedef uint8_t limb;
typedef int8_t signed_limb;
typedef uint16_t wide; /* a limb times a limb plus two limbs fits exactly */
#else
#define BITS 32
typedef uint32_t limb;
typedef int32_t signed_limb;
typedef uint64_t wide;
#endif
#define N (256 / BITS)

static const uint8_t order[32] E4_ROM = {
	0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
	0xa2, 0xde, 0xf9, 0xde, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10,
};

void e4_sc_order(uint8_t r[32])
{
	e4_rom_copy(r, order, 32);
}

static void load(limb *r, const uint8_t *in, uint8_t n)
{
	for (uint8_t i = 0; i < n; i++) {
		r[i] = 0;
		for (uint8_t j = 0; j < BITS / 8; j++)
			r[i] |= (limb)((limb)*in++ << (8 * j));
	}
}

/* r -= q L, the borrow out of limb N - 1 into limb N */
static void sub_order(limb r[N + 1], const limb l[N], wide q)
{
	limb borrow = 0;

	for (uint8_t i = 0; i < N; i++) {
		/* L has no limb above 0.98 * 2^BITS, and q is at most 2^BITS: it fits */
		wide t = (wide)(q * l[i] + borrow);
		wide d = (wide)((wide)r[i] - (limb)t);
		r[i] = (limb)d;
		borrow = (limb)((t >> BITS) + (d >> BITS & 1));
	}
	r[N] = (limb)(r[N] - borrow);
}

/* r += L if r is below 0 (limb N is then all ones, else 0). */
static void add_order_if_negative(limb r[N + 1], const limb l[N])
{
	limb mask = (limb)(signed_limb)(int8_t)e4_mask(r[N] & 1);
	wide sum = 0;

	for (uint8_t i = 0; i < N; i++) {
		sum = (wide)(sum + r[i] + (wide)(l[i] & mask));
		r[i] = (limb)sum;
		sum = (wide)(sum >> BITS);
	}
	r[N] = 0;
}

/*
 * Limb by limb from the top: r < L before, so r 2^BITS + limb < 2^BITS L. With q
 * = what is above bit 252, at most 2^BITS, r - q L is below 2^252 and not below
 * -2^BITS (L - 2^252), which one L makes up for.
 */
static void reduce(uint8_t out[32], const limb in[2 * N])
{
	limb r[N + 1], l[N];
	uint8_t bytes[32];

	e4_sc_order(bytes);
	load(l, bytes, N);
	memset(r, 0, sizeof r);
	for (int8_t k = 2 * N - 1; k >= 0; k--) {
		memmove(r + 1, r, sizeof r - sizeof *r);
		r[0] = in[k];
		sub_order(r, l, (wide)((wide)r[N] << 4 | r[N - 1] >> (BITS - 4)));
		add_order_if_negative(r, l);
	}
	for (uint8_t i = 0; i < 32; i++)
		out[i] = (uint8_t)(r[8 * i / BITS] >> 8 * i % BITS);
	e4_wipe(r, sizeof r);
}

void e4_sc_reduce(uint8_t r[32], const uint8_t in[64])
{
	limb t[2 * N];

	load(t, in, 2 * N);
	reduce(r, t);
	e4_wipe(t, sizeof t);
}

void e4_sc_muladd(uint8_t r[32], const uint8_t a[32], const uint8_t b[32], const uint8_t c[32])
{
	limb x[N], y[N], t[2 * N];

	load(x, a, N);
	load(y, b, N);
	load(t, c, N);
	for (uint8_t i = 0; i < N; i++) {
		limb carry = 0;
		for (uint8_t j = 0; j < N; j++) {
			wide sum = (wide)((wide)x[i] * y[j] + t[i + j] + carry);
			t[i + j] = (limb)sum;
			carry = (limb)(sum >> BITS);
		}
		t[i + N] = carry;
	}
	reduce(r, t);
	e4_wipe(x, sizeof x);
	e4_wipe(y, sizeof y);
	e4_wipe(t, sizeof t);
}

bool e4_sc_is_reduced(const uint8_t s[32])
{
	uint16_t borrow = 0;

	for (uint8_t i = 0; i < 32; i++)
		borrow = (uint16_t)(s[i] - e4_rom8(order + i) - borrow) >> 15;
	return borrow;
}

#endif
