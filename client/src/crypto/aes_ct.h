/*
 * AES-256, bitsliced: eight words ("planes") hold bit 0 to bit 7 of all bytes
 * of LANES blocks, so every step is a few boolean instructions and nothing
 * secret is ever an address or a condition. The file that includes this one
 * defines `word`, unsigned, of 16 * LANES bits.
 *
 * Place of a byte inside a plane: bit 4 * LANES * row + LANES * column + block.
 *
 * ShiftRows is never carried out ("fixslicing", A. Adomnicai and T. Peyrin,
 * Fixslicing AES-like Ciphers, TCHES 2021): after i rounds the planes hold
 * the true state with i ShiftRows undone, MixColumns fetches its operands
 * from where they then lie, which repeats every four rounds, and the round
 * keys are stored with the same rotation. 14 rounds leave two to make up.
 *
 * The S-box is the circuit of J. Boyar and R. Peralta (A new combinational
 * logic minimization technique with applications to cryptology, SEA 2010).
 * Its constant 0x63 passes through ShiftRows and MixColumns unchanged, so it
 * is added to the round keys instead.
 */
#ifndef E4_SRC_CRYPTO_AES_CT_H
#define E4_SRC_CRYPTO_AES_CT_H

#include "aes.h"
#include "bytes.h"

#include <string.h>

#define LANES E4_AES_LANES
#define ROUNDS 14
#define KEY_WORDS 60u /* 4 * (ROUNDS + 1) */

/*
 * For speed the parts of a round must be merged into one function: their
 * planes live in registers then, and `k` below is a constant. For size (-Os)
 * the S-box and what is used once a block each stay one function.
 */
#if defined(__GNUC__)
#define MERGED static inline __attribute__((always_inline))
#else
#define MERGED static inline
#endif
#if defined(__GNUC__) && defined(__OPTIMIZE_SIZE__)
#define PART static
#else
#define PART MERGED
#endif

/* The same byte, or the same 4 * LANES bits of a row, all over a word. */
#define BYTES(x) ((word) ~(word)0 / 0xff * (x))
#define ROWS(x) ((word) ~(word)0 / (((word)1 << 4 * LANES) - 1) * (x))
/* The first columns of each row. */
#define COLUMNS(n) ROWS(((word)1 << (n)*LANES) - 1)

MERGED word ror(word x, unsigned n)
{
	return n == 0 ? x : x >> n | x << (16 * LANES - n);
}

/* --- bytes to planes and back ------------------------------------------------- */

/* Exchange the bits of a under mask << n with those of b under mask. */
#define SWAP(a, b, n, mask)                                                                        \
	do {                                                                                       \
		word swap_ = ((a) >> (n) ^ (b)) & (mask);                                          \
		(b) ^= swap_;                                                                      \
		(a) ^= swap_ << (n);                                                               \
	} while (0)

/* Bit i of byte j of word m becomes bit m of byte j of word i; its own inverse. */
PART void transpose(word q[8])
{
	SWAP(q[0], q[1], 1, BYTES(0x55));
	SWAP(q[2], q[3], 1, BYTES(0x55));
	SWAP(q[4], q[5], 1, BYTES(0x55));
	SWAP(q[6], q[7], 1, BYTES(0x55));
	SWAP(q[0], q[2], 2, BYTES(0x33));
	SWAP(q[1], q[3], 2, BYTES(0x33));
	SWAP(q[4], q[6], 2, BYTES(0x33));
	SWAP(q[5], q[7], 2, BYTES(0x33));
	SWAP(q[0], q[4], 4, BYTES(0x0f));
	SWAP(q[1], q[5], 4, BYTES(0x0f));
	SWAP(q[2], q[6], 4, BYTES(0x0f));
	SWAP(q[3], q[7], 4, BYTES(0x0f));
}

/* --- the round ------------------------------------------------------------------ */

#if LANES == 2 && defined(__GNUC__) && (defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__))
#include "aes_ct_thumb.h"
#else

/* -Os leaves this out on Arm, where it takes a twentieth off the circuit in time and size. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE_SIZE__) && defined(__arm__)
#pragma GCC push_options
#pragma GCC optimize("schedule-insns")
#define SCHEDULED
#endif

/* SubBytes without the constant 0x63. q[0] is the lowest bit. */
PART void sub_bytes(word q[8])
{
	word x0 = q[7], x1 = q[6], x2 = q[5], x3 = q[4];
	word x4 = q[3], x5 = q[2], x6 = q[1], x7 = q[0];

	/* top linear layer */
	word y14 = x3 ^ x5, y13 = x0 ^ x6, y9 = x0 ^ x3, y8 = x0 ^ x5;
	word a0 = x1 ^ x2;
	word y1 = a0 ^ x7, y4 = y1 ^ x3, y12 = y13 ^ y14, y2 = y1 ^ x0;
	word y5 = y1 ^ x6, y3 = y5 ^ y8;
	word a1 = x4 ^ y12;
	word y15 = a1 ^ x5, y20 = a1 ^ x1, y6 = y15 ^ x7, y10 = y15 ^ a0;
	word y11 = y20 ^ y9, y7 = x7 ^ y11, y17 = y10 ^ y11, y19 = y10 ^ y8;
	word y16 = a0 ^ y11, y21 = y13 ^ y16, y18 = x0 ^ y16;

	/* inversion in GF(2^8) by its subfields */
	word b0 = y12 & y15, b1 = (y3 & y6) ^ b0, b2 = (y4 & x7) ^ b0;
	word b3 = y13 & y16, b4 = (y5 & y1) ^ b3, b5 = (y2 & y7) ^ b3;
	word b6 = y9 & y11, b7 = (y14 & y17) ^ b6, b8 = (y8 & y10) ^ b6;
	word c0 = b1 ^ b7 ^ y20, c1 = b2 ^ b8 ^ y19;
	word c2 = b4 ^ b7 ^ y21, c3 = b5 ^ b8 ^ y18;
	word d0 = c0 ^ c1, d1 = c0 & c2, d2 = c3 ^ d1;
	word e1 = (d0 & d2) ^ c1;
	word d3 = c2 ^ c3, d4 = c1 ^ d1;
	word e3 = (d4 & d3) ^ c3;
	word d5 = d2 ^ e3, d6 = c3 & d5;
	word e2 = d6 ^ c2 ^ e3;
	word d7 = d2 ^ d6;
	word e0 = d0 ^ (e1 & d7);
	word f0 = e0 ^ e2, f1 = e1 ^ e3, f2 = e1 ^ e0, f3 = e3 ^ e2, f4 = f1 ^ f0;

	word z0 = f3 & y15, z1 = e2 & y6, z2 = e3 & x7, z3 = f2 & y16, z4 = e0 & y1;
	word z5 = e1 & y7, z6 = f1 & y11, z7 = f4 & y17, z8 = f0 & y10, z9 = f3 & y12;
	word z10 = e2 & y3, z11 = e3 & y4, z12 = f2 & y13, z13 = e0 & y5, z14 = e1 & y2;
	word z15 = f1 & y9, z16 = f4 & y14, z17 = f0 & y8;

	/* bottom linear layer */
	word g0 = z15 ^ z16, g1 = z10 ^ z11, g2 = z5 ^ z13, g3 = z9 ^ z10;
	word g4 = z2 ^ z12, g5 = z2 ^ z5, g6 = z7 ^ z8, g7 = z0 ^ z3;
	word g8 = z6 ^ z7, g9 = z16 ^ z17, g10 = z12 ^ g2, g11 = g4 ^ g7;
	word g12 = z4 ^ g0, g13 = z3 ^ g8, g14 = g0 ^ g11, g15 = z14 ^ g11;
	word g16 = g6 ^ g12, g17 = g3 ^ g12, g18 = z4 ^ g13, g19 = g15 ^ g16;
	word g20 = z1 ^ g17, g21 = g18 ^ g19;
	word s3 = g7 ^ g20;
	q[7] = g13 ^ g17;
	q[6] = g18 ^ s3;
	q[5] = g9 ^ g21;
	q[4] = s3;
	q[3] = g5 ^ g20;
	q[2] = g1 ^ g19;
	q[1] = g10 ^ g16;
	q[0] = g2 ^ g14;
}

#ifdef SCHEDULED
#pragma GCC pop_options
#endif

#endif

/*
 * With k ShiftRows undone, the byte below (row + 1 of the same true column)
 * lies k columns further, and the one two below 2k columns further: a rotation
 * of the word for most columns, another for those that wrap inside their row.
 */
MERGED word fetch(word w, unsigned rows, unsigned columns)
{
	word inside = COLUMNS(4 - columns);
	if (columns == 0)
		return ror(w, 4 * LANES * rows);
	return (ror(w, 4 * LANES * rows + LANES * columns) & inside) |
	       (ror(w, 4 * LANES * (rows - 1) + LANES * columns) & ~inside);
}

MERGED word below(word w, unsigned k)
{
	return fetch(w, 1, k);
}

MERGED word two_below(word w, unsigned k)
{
	return fetch(w, 2, 2 * k % 4);
}

/* A plane of the result: above is the plane one bit lower of a + below. */
MERGED word mix_plane(word a, word *above, word reduce, word key, unsigned k)
{
	word r = below(a, k), t = a ^ r;
	word mixed = *above ^ reduce ^ r ^ two_below(t, k) ^ key;
	*above = t;
	return mixed;
}

/*
 * out = 2 * (a + below) + below + two_below(a + below), times 2 modulo 0x11b,
 * plus the round key. Written out, here and in add_key, so that every compiler
 * keeps the planes in registers; a loop over the array would not be unrolled
 * at -O2. One plane after the other, so that few registers do.
 */
MERGED void mix_columns(word q[8], unsigned k, const word key[8])
{
	word top = q[7] ^ below(q[7], k), t = 0;
	q[0] = mix_plane(q[0], &t, top, key[0], k);
	q[1] = mix_plane(q[1], &t, top, key[1], k);
	q[2] = mix_plane(q[2], &t, 0, key[2], k);
	q[3] = mix_plane(q[3], &t, top, key[3], k);
	q[4] = mix_plane(q[4], &t, top, key[4], k);
	q[5] = mix_plane(q[5], &t, 0, key[5], k);
	q[6] = mix_plane(q[6], &t, 0, key[6], k);
	q[7] = mix_plane(q[7], &t, 0, key[7], k);
}

MERGED void add_key(word q[8], const word key[8])
{
	q[0] ^= key[0];
	q[1] ^= key[1];
	q[2] ^= key[2];
	q[3] ^= key[3];
	q[4] ^= key[4];
	q[5] ^= key[5];
	q[6] ^= key[6];
	q[7] ^= key[7];
}

/* Rows 1 and 3 by two columns: what 14 rounds left undone. */
PART void shift_rows_twice(word q[8])
{
	const word even = (((word)1 << 4 * LANES) - 1) * (((word)1 << 8 * LANES) + 1);
	const word low = COLUMNS(2) & ~even;
	for (int i = 0; i < 8; i++) {
		word w = q[i];
		q[i] = (w & even) | (w & low) << 2 * LANES | (w >> 2 * LANES & low);
	}
}

static void encrypt_planes(const word *key, word q[8])
{
	add_key(q, key);
	for (int i = 0;; i++) {
		sub_bytes(q);
		mix_columns(q, 1, key + 8);
		sub_bytes(q);
		if (i == 3)
			break;
		mix_columns(q, 2, key + 16);
		sub_bytes(q);
		mix_columns(q, 3, key + 24);
		sub_bytes(q);
		key += 32;
		mix_columns(q, 0, key);
	}
	add_key(q, key + 16);
	shift_rows_twice(q);
}

/* --- key schedule, FIPS 197 section 5.2 ---------------------------------------------- */

/*
 * The S-box on each byte of a word; a byte's bits stay at its lowest bit in each
 * plane. q is scratch.
 */
static uint32_t sub_word(uint32_t w, word q[8])
{
	const uint32_t bits = 0x01010101u;
	q[0] = w & bits;
	q[1] = w >> 1 & bits;
	q[2] = w >> 2 & bits;
	q[3] = w >> 3 & bits;
	q[4] = w >> 4 & bits;
	q[5] = w >> 5 & bits;
	q[6] = w >> 6 & bits;
	q[7] = w >> 7;
	q[7] &= bits;
	sub_bytes(q);
	word s = q[0] | q[1] << 1 | q[2] << 2 | q[3] << 3 | q[4] << 4 | q[5] << 5 | q[6] << 6 |
		 q[7] << 7;
	return (uint32_t)s ^ 0x63636363u;
}

static void expand(uint32_t w[KEY_WORDS], const uint8_t key[32])
{
	word q[8];
	for (size_t i = 0; i < 8; i++)
		w[i] = e4_load32(key + 4 * i);
	for (uint32_t rcon = 1;; rcon <<= 1) {
		uint32_t t = sub_word(w[7] >> 8 | w[7] << 24, q) ^ rcon;
		w = e4_aes_expand4(w, t);
		if (rcon == 0x40)
			break;
		w = e4_aes_expand4(w, sub_word(w[7], q));
	}
	e4_wipe(q, sizeof q);
}

/* Exchange what two columns have in some rows. */
MERGED void swap_rows(uint32_t *a, uint32_t *b, uint32_t rows)
{
	uint32_t differ = (*a ^ *b) & rows;
	*a ^= differ;
	*b ^= differ;
}

/* Round key `round`, in w, with that many ShiftRows undone and the S-box's constant. */
static void prepare(uint32_t w[4], size_t round)
{
	if (round & 2) { /* rows 1 and 3 by two columns */
		swap_rows(w, w + 2, 0xff00ff00u);
		swap_rows(w + 1, w + 3, 0xff00ff00u);
	}
	if (round & 1) { /* row 1 by one column, row 2 by two, row 3 by three */
		swap_rows(w + 2, w + 3, 0x0000ff00u);
		swap_rows(w + 1, w + 2, 0x0000ff00u);
		swap_rows(w, w + 1, 0x0000ff00u);
		swap_rows(w, w + 2, 0x00ff0000u);
		swap_rows(w + 1, w + 3, 0x00ff0000u);
		swap_rows(w, w + 1, 0xff000000u);
		swap_rows(w + 1, w + 2, 0xff000000u);
		swap_rows(w + 2, w + 3, 0xff000000u);
	}
	for (size_t i = 0; round > 0 && i < 4; i++)
		w[i] ^= 0x63636363u;
}

#endif
