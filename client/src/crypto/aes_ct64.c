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

#define ROUNDS 14

/* The bits of block 0 in a plane. */
#define LANE0 0x1111111111111111u

static inline uint64_t ror(uint64_t x, unsigned n)
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
#define SWAP(a, b, n, mask)                                     \
	do {                                                    \
		uint64_t swap_ = ((a) >> (n) ^ (b)) & (mask);   \
		(b) ^= swap_;                                   \
		(a) ^= swap_ << (n);                            \
	} while (0)

/* Bit i of byte j of word m becomes bit m of byte j of word i; its own inverse. */
static inline void transpose(uint64_t q[8])
{
	for (int i = 0; i < 8; i += 2)
		SWAP(q[i], q[i + 1], 1, 0x5555555555555555u);
	for (int i = 0; i < 8; i += (i & 1) ? 3 : 1)
		SWAP(q[i], q[i + 2], 2, 0x3333333333333333u);
	for (int i = 0; i < 4; i++)
		SWAP(q[i], q[i + 4], 4, 0x0f0f0f0f0f0f0f0fu);
}

static inline void place(uint64_t q[8], const uint8_t block[16], unsigned b)
{
	q[b] = spread(e4_load32(block)) | spread(e4_load32(block + 8)) << 8;
	q[4 + b] = spread(e4_load32(block + 4)) | spread(e4_load32(block + 12)) << 8;
}

static inline void take(uint8_t block[16], const uint64_t q[8], unsigned b)
{
	e4_store32(block, gather(q[b]));
	e4_store32(block + 4, gather(q[4 + b]));
	e4_store32(block + 8, gather(q[b] >> 8));
	e4_store32(block + 12, gather(q[4 + b] >> 8));
}

/* Planes of n blocks, 1 to 4; the rest is zero. */
static inline void pack(uint64_t q[8], const uint8_t *blocks, size_t n)
{
	for (unsigned b = 0; b < 4; b++) {
		if (b < n)
			place(q, blocks + 16 * b, b);
		else
			q[b] = q[4 + b] = 0;
	}
	transpose(q);
}

static inline void unpack(uint8_t *blocks, uint64_t q[8], size_t n)
{
	transpose(q);
	for (unsigned b = 0; b < n; b++)
		take(blocks + 16 * b, q, b);
}

/* --- the round ------------------------------------------------------------------ */

/* SubBytes without the constant 0x63. q[0] is the lowest bit. */
static inline void sub_bytes(uint64_t q[8])
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
static inline uint64_t below(uint64_t w, unsigned k)
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

static inline uint64_t two_below(uint64_t w, unsigned k)
{
	if (k % 2 == 0)
		return ror(w, 32);
	return (ror(w, 40) & 0x00ff00ff00ff00ffu) | (ror(w, 24) & 0xff00ff00ff00ff00u);
}

/* out = 2 * (a + below) + below + two_below(a + below), times x modulo 0x11b. */
static inline void mix_columns(uint64_t q[8], unsigned k)
{
	uint64_t r[8], t[8];
	for (int i = 0; i < 8; i++) {
		r[i] = below(q[i], k);
		t[i] = q[i] ^ r[i];
	}
	q[0] = t[7] ^ r[0] ^ two_below(t[0], k);
	q[1] = t[0] ^ t[7] ^ r[1] ^ two_below(t[1], k);
	q[2] = t[1] ^ r[2] ^ two_below(t[2], k);
	q[3] = t[2] ^ t[7] ^ r[3] ^ two_below(t[3], k);
	q[4] = t[3] ^ t[7] ^ r[4] ^ two_below(t[4], k);
	q[5] = t[4] ^ r[5] ^ two_below(t[5], k);
	q[6] = t[5] ^ r[6] ^ two_below(t[6], k);
	q[7] = t[6] ^ r[7] ^ two_below(t[7], k);
}

static inline void add_key(uint64_t q[8], const uint64_t key[8])
{
	for (int i = 0; i < 8; i++)
		q[i] ^= key[i];
}

static inline void round_of(uint64_t q[8], const uint64_t key[8], unsigned k)
{
	sub_bytes(q);
	mix_columns(q, k);
	add_key(q, key);
}

/* Rows 1 and 3 by two columns: what 14 rounds left undone. */
static inline void shift_rows_twice(uint64_t q[8])
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

/* The chain stays in planes, and four blocks are brought into planes at once. */
void e4_aes_cbc_mac(const struct e4_aes_key *k, uint8_t chain[16], const uint8_t *in, size_t n)
{
	uint64_t q[8], m[8];
	pack(q, chain, 1);
	while (n > 0) {
		size_t batch = n < 4 ? n : 4;
		pack(m, in, batch);
		for (unsigned b = 0; b < batch; b++) {
			for (int i = 0; i < 8; i++)
				q[i] = (q[i] ^ m[i] >> b) & LANE0;
			encrypt_planes(k, q);
		}
		in += 16 * batch;
		n -= batch;
	}
	unpack(chain, q, 1);
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

/* Bring one round key to planes, for all four blocks, with `round` ShiftRows undone. */
static void put_round_key(uint64_t out[8], const uint32_t w[4], unsigned round)
{
	uint8_t block[16];
	for (unsigned col = 0; col < 4; col++) {
		for (unsigned row = 0; row < 4; row++) {
			uint8_t byte = (uint8_t)(w[(col - round * row) & 3] >> (8 * row));
			block[4 * col + row] = round == 0 ? byte : byte ^ 0x63;
		}
	}
	pack(out, block, 1);
	for (int i = 0; i < 8; i++)
		out[i] *= 15;
	e4_wipe(block, sizeof block);
}

void e4_aes_init(struct e4_aes_key *k, const uint8_t key[32])
{
	uint32_t w[4 * (ROUNDS + 1)];
	uint32_t rcon = 1;
	for (unsigned i = 0; i < 8; i++)
		w[i] = e4_load32(key + 4 * i);
	for (unsigned i = 8; i < 4 * (ROUNDS + 1); i++) {
		uint32_t t = w[i - 1];
		if (i % 8 == 0) {
			t = sub_word(t >> 8 | t << 24) ^ rcon;
			rcon <<= 1;
		} else if (i % 8 == 4) {
			t = sub_word(t);
		}
		w[i] = w[i - 8] ^ t;
	}
	for (unsigned r = 0; r <= ROUNDS; r++)
		put_round_key(k->round + 8 * r, w + 4 * r, r);
	e4_wipe(w, sizeof w);
}
