/*
 * AES-256, bitsliced on 64-bit words: eight words ("planes") hold bit 0 to
 * bit 7 of all bytes of four blocks, so every step is a few boolean
 * instructions and nothing secret is ever an address or a condition.
 *
 * Place of a byte inside a plane: bit 16 * row + 4 * column + block.
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
#include "aes.h"
#include "bytes.h"
#include "lanes.h"

#if E4_AES == E4_AES_CT64 || E4_AES == E4_AES_NATIVE

#include <string.h>

#if E4_AES == E4_AES_NATIVE /* then aes_native.c has these names */
#define e4_aes_init e4_ct64_init
#define e4_aes_encrypt e4_ct64_encrypt
#define e4_aes_cbc_mac e4_ct64_cbc_mac
#endif

#define ROUNDS 14
#define KEY_WORDS 60u /* 4 * (ROUNDS + 1) */

/*
 * For speed the parts of a round must be merged into one function: their
 * planes live in registers then, and `k` below is a constant. For size (-Os)
 * each stays one function, which leaves a quarter of the code or less.
 */
#if defined(__GNUC__) && defined(__OPTIMIZE_SIZE__)
#define PART static
#elif defined(__GNUC__)
#define PART static inline __attribute__((always_inline))
#else
#define PART static inline
#endif

/* The bits of block 0 in a plane. */
#define LANE0 0x1111111111111111u

PART uint64_t ror(uint64_t x, unsigned n)
{
	return x >> n | x << (64 - n);
}

/* --- bytes to planes and back ------------------------------------------------- */

/* The four bytes of a column to bytes 0, 2, 4, 6. */
static inline uint64_t spread(uint64_t x)
{
	x = (x | x << 16) & 0x0000ffff0000ffffu;
	return (x | x << 8) & 0x00ff00ff00ff00ffu;
}

static inline uint32_t gather(uint64_t x)
{
	x &= 0x00ff00ff00ff00ffu;
	x = (x | x >> 8) & 0x0000ffff0000ffffu;
	return (uint32_t)(x | x >> 16);
}

/* Exchange the bits of a under mask << n with those of b under mask. */
#define SWAP(a, b, n, mask)                                                                        \
	do {                                                                                       \
		uint64_t swap_ = ((a) >> (n) ^ (b)) & (mask);                                      \
		(b) ^= swap_;                                                                      \
		(a) ^= swap_ << (n);                                                               \
	} while (0)

/* Bit i of byte j of word m becomes bit m of byte j of word i; its own inverse. */
PART void transpose(uint64_t q[8])
{
	SWAP(q[0], q[1], 1, 0x5555555555555555u);
	SWAP(q[2], q[3], 1, 0x5555555555555555u);
	SWAP(q[4], q[5], 1, 0x5555555555555555u);
	SWAP(q[6], q[7], 1, 0x5555555555555555u);
	SWAP(q[0], q[2], 2, 0x3333333333333333u);
	SWAP(q[1], q[3], 2, 0x3333333333333333u);
	SWAP(q[4], q[6], 2, 0x3333333333333333u);
	SWAP(q[5], q[7], 2, 0x3333333333333333u);
	SWAP(q[0], q[4], 4, 0x0f0f0f0f0f0f0f0fu);
	SWAP(q[1], q[5], 4, 0x0f0f0f0f0f0f0f0fu);
	SWAP(q[2], q[6], 4, 0x0f0f0f0f0f0f0f0fu);
	SWAP(q[3], q[7], 4, 0x0f0f0f0f0f0f0f0fu);
}

PART void place(uint64_t q[8], const uint8_t block[16], unsigned b)
{
	q[b] = spread(e4_load32(block)) | spread(e4_load32(block + 8)) << 8;
	q[4 + b] = spread(e4_load32(block + 4)) | spread(e4_load32(block + 12)) << 8;
}

PART void take(uint8_t block[16], const uint64_t q[8], unsigned b)
{
	e4_store32(block, gather(q[b]));
	e4_store32(block + 4, gather(q[4 + b]));
	e4_store32(block + 8, gather(q[b] >> 8));
	e4_store32(block + 12, gather(q[4 + b] >> 8));
}

/*
 * Both ways work in q itself, which the caller wipes: a copy would leave round
 * keys and plaintext on the stack. So unpacking uses q up.
 */

/* Of one block, in lane 0; the other lanes are zero. */
static void pack1(uint64_t q[8], const uint8_t block[16])
{
	memset(q, 0, 8 * sizeof q[0]);
	place(q, block, 0);
	transpose(q);
}

static void unpack1(uint8_t block[16], uint64_t q[8])
{
	transpose(q);
	take(block, q, 0);
}

static void pack4(uint64_t q[8], const uint8_t blocks[64])
{
	for (unsigned b = 0; b < 4; b++)
		place(q, blocks + 16 * b, b);
	transpose(q);
}

static void unpack4(uint8_t blocks[64], uint64_t q[8])
{
	transpose(q);
	for (unsigned b = 0; b < 4; b++)
		take(blocks + 16 * b, q, b);
}

/* Of 1 to 4 blocks; lanes from n on are zero. */
static void pack(uint64_t q[8], const uint8_t *blocks, size_t n)
{
	uint8_t whole[64] = {0};
	if (n == 1) {
		pack1(q, blocks);
	} else if (n == 4) {
		pack4(q, blocks);
	} else {
		memcpy(whole, blocks, 16 * n);
		pack4(q, whole);
		e4_wipe(whole, sizeof whole);
	}
}

static void unpack(uint8_t *blocks, uint64_t q[8], size_t n)
{
	uint8_t whole[64];
	if (n == 1) {
		unpack1(blocks, q);
	} else if (n == 4) {
		unpack4(blocks, q);
	} else {
		unpack4(whole, q);
		memcpy(blocks, whole, 16 * n);
		e4_wipe(whole, sizeof whole);
	}
}

/* --- the round ------------------------------------------------------------------ */

/* SubBytes without the constant 0x63. q[0] is the lowest bit. */
PART void sub_bytes(uint64_t q[8])
{
	uint64_t x0 = q[7], x1 = q[6], x2 = q[5], x3 = q[4];
	uint64_t x4 = q[3], x5 = q[2], x6 = q[1], x7 = q[0];

	/* top linear layer */
	uint64_t y14 = x3 ^ x5, y13 = x0 ^ x6, y9 = x0 ^ x3, y8 = x0 ^ x5;
	uint64_t a0 = x1 ^ x2;
	uint64_t y1 = a0 ^ x7, y4 = y1 ^ x3, y12 = y13 ^ y14, y2 = y1 ^ x0;
	uint64_t y5 = y1 ^ x6, y3 = y5 ^ y8;
	uint64_t a1 = x4 ^ y12;
	uint64_t y15 = a1 ^ x5, y20 = a1 ^ x1, y6 = y15 ^ x7, y10 = y15 ^ a0;
	uint64_t y11 = y20 ^ y9, y7 = x7 ^ y11, y17 = y10 ^ y11, y19 = y10 ^ y8;
	uint64_t y16 = a0 ^ y11, y21 = y13 ^ y16, y18 = x0 ^ y16;

	/* inversion in GF(2^8) by its subfields */
	uint64_t b0 = y12 & y15, b1 = (y3 & y6) ^ b0, b2 = (y4 & x7) ^ b0;
	uint64_t b3 = y13 & y16, b4 = (y5 & y1) ^ b3, b5 = (y2 & y7) ^ b3;
	uint64_t b6 = y9 & y11, b7 = (y14 & y17) ^ b6, b8 = (y8 & y10) ^ b6;
	uint64_t c0 = b1 ^ b7 ^ y20, c1 = b2 ^ b8 ^ y19;
	uint64_t c2 = b4 ^ b7 ^ y21, c3 = b5 ^ b8 ^ y18;
	uint64_t d0 = c0 ^ c1, d1 = c0 & c2, d2 = c3 ^ d1;
	uint64_t e1 = (d0 & d2) ^ c1;
	uint64_t d3 = c2 ^ c3, d4 = c1 ^ d1;
	uint64_t e3 = (d4 & d3) ^ c3;
	uint64_t d5 = d2 ^ e3, d6 = c3 & d5;
	uint64_t e2 = d6 ^ c2 ^ e3;
	uint64_t d7 = d2 ^ d6;
	uint64_t e0 = d0 ^ (e1 & d7);
	uint64_t f0 = e0 ^ e2, f1 = e1 ^ e3, f2 = e1 ^ e0, f3 = e3 ^ e2, f4 = f1 ^ f0;

	uint64_t z0 = f3 & y15, z1 = e2 & y6, z2 = e3 & x7, z3 = f2 & y16, z4 = e0 & y1;
	uint64_t z5 = e1 & y7, z6 = f1 & y11, z7 = f4 & y17, z8 = f0 & y10, z9 = f3 & y12;
	uint64_t z10 = e2 & y3, z11 = e3 & y4, z12 = f2 & y13, z13 = e0 & y5, z14 = e1 & y2;
	uint64_t z15 = f1 & y9, z16 = f4 & y14, z17 = f0 & y8;

	/* bottom linear layer */
	uint64_t g0 = z15 ^ z16, g1 = z10 ^ z11, g2 = z5 ^ z13, g3 = z9 ^ z10;
	uint64_t g4 = z2 ^ z12, g5 = z2 ^ z5, g6 = z7 ^ z8, g7 = z0 ^ z3;
	uint64_t g8 = z6 ^ z7, g9 = z16 ^ z17, g10 = z12 ^ g2, g11 = g4 ^ g7;
	uint64_t g12 = z4 ^ g0, g13 = z3 ^ g8, g14 = g0 ^ g11, g15 = z14 ^ g11;
	uint64_t g16 = g6 ^ g12, g17 = g3 ^ g12, g18 = z4 ^ g13, g19 = g15 ^ g16;
	uint64_t g20 = z1 ^ g17, g21 = g18 ^ g19;
	uint64_t s3 = g7 ^ g20;
	q[7] = g13 ^ g17;
	q[6] = g18 ^ s3;
	q[5] = g9 ^ g21;
	q[4] = s3;
	q[3] = g5 ^ g20;
	q[2] = g1 ^ g19;
	q[1] = g10 ^ g16;
	q[0] = g2 ^ g14;
}

/*
 * With k ShiftRows undone, the byte below (row + 1 of the same true column)
 * lies k columns further, and the one two below 2k columns further: a rotation
 * of the word for most columns, another for those that wrap inside their row.
 */
PART uint64_t below(uint64_t w, unsigned k)
{
	switch (k) {
	case 0:
		return ror(w, 16);
	case 1:
		return (ror(w, 20) & 0x0fff0fff0fff0fffu) | (ror(w, 4) & 0xf000f000f000f000u);
	case 2:
		return (ror(w, 24) & 0x00ff00ff00ff00ffu) | (ror(w, 8) & 0xff00ff00ff00ff00u);
	default:
		return (ror(w, 28) & 0x000f000f000f000fu) | (ror(w, 12) & 0xfff0fff0fff0fff0u);
	}
}

PART uint64_t two_below(uint64_t w, unsigned k)
{
	if (k % 2 == 0)
		return ror(w, 32);
	return (ror(w, 40) & 0x00ff00ff00ff00ffu) | (ror(w, 24) & 0xff00ff00ff00ff00u);
}

/*
 * out = 2 * (a + below) + below + two_below(a + below), times 2 modulo 0x11b.
 * Written out, here and in add_key, so that every compiler keeps the planes
 * in registers; a loop over the array would not be unrolled at -O2.
 */
PART void mix_columns(uint64_t q[8], unsigned k)
{
	uint64_t r0 = below(q[0], k), t0 = q[0] ^ r0;
	uint64_t r1 = below(q[1], k), t1 = q[1] ^ r1;
	uint64_t r2 = below(q[2], k), t2 = q[2] ^ r2;
	uint64_t r3 = below(q[3], k), t3 = q[3] ^ r3;
	uint64_t r4 = below(q[4], k), t4 = q[4] ^ r4;
	uint64_t r5 = below(q[5], k), t5 = q[5] ^ r5;
	uint64_t r6 = below(q[6], k), t6 = q[6] ^ r6;
	uint64_t r7 = below(q[7], k), t7 = q[7] ^ r7;
	q[0] = t7 ^ r0 ^ two_below(t0, k);
	q[1] = t0 ^ t7 ^ r1 ^ two_below(t1, k);
	q[2] = t1 ^ r2 ^ two_below(t2, k);
	q[3] = t2 ^ t7 ^ r3 ^ two_below(t3, k);
	q[4] = t3 ^ t7 ^ r4 ^ two_below(t4, k);
	q[5] = t4 ^ r5 ^ two_below(t5, k);
	q[6] = t5 ^ r6 ^ two_below(t6, k);
	q[7] = t6 ^ r7 ^ two_below(t7, k);
}

PART void add_key(uint64_t q[8], const uint64_t key[8])
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

PART void round_of(uint64_t q[8], const uint64_t key[8], unsigned k)
{
	sub_bytes(q);
	mix_columns(q, k);
	add_key(q, key);
}

/* Rows 1 and 3 by two columns: what 14 rounds left undone. */
PART void shift_rows_twice(uint64_t q[8])
{
	for (int i = 0; i < 8; i++) {
		uint64_t w = q[i];
		q[i] = (w & 0x0000ffff0000ffffu) | (w & 0x00ff000000ff0000u) << 8 |
		       (w & 0xff000000ff000000u) >> 8;
	}
}

static void encrypt_planes(const struct e4_aes_key *k, uint64_t q[8])
{
	const uint64_t *key = k->round;
	add_key(q, key);
	for (int i = 0; i < 3; i++) {
		round_of(q, key + 8, 1);
		round_of(q, key + 16, 2);
		round_of(q, key + 24, 3);
		round_of(q, key + 32, 0);
		key += 32;
	}
	round_of(q, key + 8, 1);
	sub_bytes(q);
	add_key(q, key + 16);
	shift_rows_twice(q);
}

void e4_aes_encrypt(const struct e4_aes_key *k, uint8_t *blocks, size_t n)
{
	uint64_t q[8];
	pack(q, blocks, n);
	encrypt_planes(k, q);
	unpack(blocks, q, n);
	e4_wipe(q, sizeof q);
}

/* Add block b of m to lane 0 and clear the other lanes. */
PART void add_lane(uint64_t q[8], const uint64_t m[8], unsigned b)
{
	for (int i = 0; i < 8; i++)
		q[i] = (q[i] ^ m[i] >> b) & LANE0;
}

/* The chain stays in planes, and four blocks are brought into planes at once. */
void e4_aes_cbc_mac(const struct e4_aes_key *k, uint8_t chain[16], const uint8_t *in, size_t n)
{
	uint64_t q[8], m[8];
	pack1(q, chain);
	while (n > 0) {
		size_t batch = n < 4 ? n : 4;
		pack(m, in, batch);
		for (unsigned b = 0; b < batch; b++) {
			add_lane(q, m, b);
			encrypt_planes(k, q);
		}
		in += 16 * batch;
		n -= batch;
	}
	unpack1(chain, q);
	e4_wipe(q, sizeof q);
	e4_wipe(m, sizeof m);
}

/* --- four chains at once ------------------------------------------------------------- */

/* Round keys with another key in each lane, for e4_ct64_lanes_mac. */
void e4_ct64_lane_key(struct e4_aes_key *keys, size_t lane, const struct e4_aes_key *k)
{
	uint64_t mask = LANE0 << lane;
	for (size_t i = 0; i < 8 * (ROUNDS + 1); i++)
		keys->round[i] = (keys->round[i] & ~mask) | (k->round[i] & mask);
}

/* chain[i] over n blocks from in[i], for all four i. */
void e4_ct64_lanes_mac(const struct e4_aes_key *keys, uint8_t chain[][16], const uint8_t *const *in,
		       size_t n)
{
	uint64_t q[8], m[8];
	pack4(q, chain[0]);
	for (size_t offset = 0; offset < 16 * n; offset += 16) {
		for (unsigned b = 0; b < 4; b++)
			place(m, in[b] + offset, b);
		transpose(m);
		add_key(q, m);
		encrypt_planes(keys, q);
	}
	unpack4(chain[0], q);
	e4_wipe(q, sizeof q);
	e4_wipe(m, sizeof m);
}

/* --- key schedule, FIPS 197 section 5.2 ---------------------------------------------- */

/* The S-box on each byte of a word; a byte's bits stay at its lowest bit in each plane. */
static uint32_t sub_word(uint32_t w)
{
	uint64_t q[8];
	for (int i = 0; i < 8; i++)
		q[i] = w >> i & 0x01010101u;
	sub_bytes(q);
	uint64_t s = 0;
	for (int i = 0; i < 8; i++)
		s |= q[i] << i;
	e4_wipe(q, sizeof q);
	return (uint32_t)s ^ 0x63636363u;
}

/* The bytes of round key `round`, with that many ShiftRows undone. */
static void round_key(uint8_t block[16], const uint32_t w[4], unsigned round)
{
	uint8_t constant = round == 0 ? 0 : 0x63; /* of the S-box */
	for (unsigned col = 0; col < 4; col++) {
		for (unsigned row = 0; row < 4; row++)
			block[4 * col + row] =
				(uint8_t)(w[(col - round * row) & 3] >> (8 * row)) ^ constant;
	}
}

/* Round key r to planes, the same in all four lanes; four keys a turn. */
static void put_round_keys(struct e4_aes_key *k, const uint32_t w[KEY_WORDS])
{
	uint8_t blocks[64] = {0};
	uint64_t q[8];
	for (size_t r = 0; r <= ROUNDS; r++) {
		round_key(blocks + 16 * (r % 4), w + 4 * r, (unsigned)r);
		if (r % 4 != 3 && r != ROUNDS)
			continue;
		pack4(q, blocks);
		for (size_t b = 0; b <= r % 4; b++) {
			for (size_t i = 0; i < 8; i++)
				k->round[8 * (r - r % 4 + b) + i] = (q[i] >> b & LANE0) * 15;
		}
	}
	e4_wipe(blocks, sizeof blocks);
	e4_wipe(q, sizeof q);
}

void e4_aes_init(struct e4_aes_key *k, const uint8_t key[32])
{
	uint32_t w[KEY_WORDS];
	uint32_t rcon = 1;
	for (size_t i = 0; i < 8; i++)
		w[i] = e4_load32(key + 4 * i);
	for (size_t i = 8; i < KEY_WORDS; i++) {
		uint32_t t = w[i - 1];
		if (i % 8 == 0) {
			t = sub_word(t >> 8 | t << 24) ^ rcon;
			rcon <<= 1;
		} else if (i % 8 == 4) {
			t = sub_word(t);
		}
		w[i] = w[i - 8] ^ t;
	}
	put_round_keys(k, w);
	e4_wipe(w, sizeof w);
}

#endif
