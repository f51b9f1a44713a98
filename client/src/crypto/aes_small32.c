/*
 * AES-256 for 32-bit processors without a cache: the S-box is the only table,
 * and MixColumns works on a column in one word.
 *
 * A word holds a column as memory does, row 0 at the lowest address, so that
 * neither blocks nor keys are turned around on either kind of machine; DOWN(w, n)
 * moves the byte of row r + n to row r.
 */
#include "aes.h"

#if E4_AES == E4_AES_SMALL32

#include "aes_sbox.h"

#include <string.h>

#define ROUNDS 14
#define KEY_WORDS 60 /* 4 * (ROUNDS + 1) */

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define BIG 1
#else
#define BIG 0
#endif
#define SHIFT(row) (BIG ? 24 - 8 * (row) : 8 * (row))
#define BYTE(w, row) ((uint8_t)((w) >> SHIFT(row)))
#define ROR(w, n) ((w) >> (n) | (w) << (32 - (n)))
#define DOWN(w, n) (BIG ? ROR(w, 32 - 8 * (n)) : ROR(w, 8 * (n)))

/* Four times x in GF(2^8). */
static inline uint32_t twice(uint32_t w)
{
#if defined(__ARM_FEATURE_DSP) && defined(__GNUC__)
	uint32_t d, m;
	/* the four carries of w + w go to the GE flags, which select */
	__asm__("uadd8 %0, %2, %2\n\tsel %1, %3, %4"
		: "=&r"(d), "=r"(m)
		: "r"(w), "r"(0x1b1b1b1b), "r"(0)
		: "cc");
	return d ^ m;
#else
	uint32_t high = w & 0x80808080u;
	return (w ^ high) << 1 ^ (high >> 7) * 0x1b;
#endif
}

static inline uint32_t mix_column(uint32_t w)
{
	uint32_t below = DOWN(w, 1), both = w ^ below;
	return twice(both) ^ below ^ DOWN(both, 2);
}

/* SubBytes of the column that ShiftRows makes of four. */
static inline uint32_t sub_column(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
	return (uint32_t)sbox[BYTE(a, 0)] << SHIFT(0) | (uint32_t)sbox[BYTE(b, 1)] << SHIFT(1) |
	       (uint32_t)sbox[BYTE(c, 2)] << SHIFT(2) | (uint32_t)sbox[BYTE(d, 3)] << SHIFT(3);
}

static void encrypt(const uint32_t *key, uint32_t s[4])
{
	uint32_t a = s[0] ^ key[0], b = s[1] ^ key[1], c = s[2] ^ key[2], d = s[3] ^ key[3];
	for (int round = 1;; round++) {
		uint32_t t = sub_column(a, b, c, d), u = sub_column(b, c, d, a);
		uint32_t v = sub_column(c, d, a, b), w = sub_column(d, a, b, c);
		key += 4;
		if (round == ROUNDS) {
			s[0] = t ^ key[0];
			s[1] = u ^ key[1];
			s[2] = v ^ key[2];
			s[3] = w ^ key[3];
			return;
		}
		a = mix_column(t) ^ key[0];
		b = mix_column(u) ^ key[1];
		c = mix_column(v) ^ key[2];
		d = mix_column(w) ^ key[3];
	}
}

void e4_aes_encrypt(const struct e4_aes_key *k, uint8_t *blocks, size_t n)
{
	uint32_t s[4];
	(void)n; /* is 1 */
	memcpy(s, blocks, sizeof s);
	encrypt(k->round, s);
	memcpy(blocks, s, sizeof s);
}

void e4_aes_cbc_mac(const struct e4_aes_key *k, uint8_t chain[16], const uint8_t *in, size_t n)
{
	uint32_t s[4], m[4];
	memcpy(s, chain, sizeof s);
	for (; n > 0; n--, in += 16) {
		memcpy(m, in, sizeof m);
		for (int i = 0; i < 4; i++)
			s[i] ^= m[i];
		encrypt(k->round, s);
	}
	memcpy(chain, s, sizeof s);
	e4_wipe(m, sizeof m);
}

/* FIPS 197 section 5.2. */
void e4_aes_init(struct e4_aes_key *k, const uint8_t key[32])
{
	uint32_t *w = k->round, rcon = 1;
	memcpy(w, key, 32);
	for (int i = 8; i < KEY_WORDS; i++) {
		uint32_t t = w[i - 1];
		if (i % 8 == 0) {
			t = DOWN(t, 1);
			t = sub_column(t, t, t, t) ^ rcon << SHIFT(0);
			rcon <<= 1;
		} else if (i % 8 == 4) {
			t = sub_column(t, t, t, t);
		}
		w[i] = w[i - 8] ^ t;
	}
}

#endif
