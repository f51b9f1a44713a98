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

#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

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
INLINE uint32_t twice(uint32_t w)
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

INLINE uint32_t mix_column(uint32_t w)
{
	uint32_t below = DOWN(w, 1), both = w ^ below;
	return twice(both) ^ below ^ DOWN(both, 2);
}

/* SubBytes of the column that ShiftRows makes of four. */
INLINE uint32_t sub_column(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
	return (uint32_t)sbox[BYTE(a, 0)] << SHIFT(0) | (uint32_t)sbox[BYTE(b, 1)] << SHIFT(1) |
	       (uint32_t)sbox[BYTE(c, 2)] << SHIFT(2) | (uint32_t)sbox[BYTE(d, 3)] << SHIFT(3);
}

INLINE uint32_t load(const uint8_t *p)
{
	uint32_t w;
	memcpy(&w, p, sizeof w);
	return w;
}

INLINE void store(uint8_t *p, uint32_t w)
{
	memcpy(p, &w, sizeof w);
}

#if defined(__ARM_ARCH_6M__) && defined(__GNUC__)

/*
 * With eight registers: the state is in memory, which takes bytes out of words
 * and puts them into words for nothing. Blocks are in place if they can be.
 */
typedef uint32_t __attribute__((may_alias)) word;

#define SUB(i) to[i] = sbox[from[5 * (i) % 16]]
#define SUB_COLUMN(i) (SUB(i), SUB((i) + 1), SUB((i) + 2), SUB((i) + 3))

static void encrypt_words(const uint32_t *key, word s[4])
{
	volatile word
		kept[4]; /* does not outlive the call: beside a known block it tells the key */
	word *t = (word *)kept;
	const uint32_t *last = key + KEY_WORDS - 4;
	const uint8_t *from = (const uint8_t *)s;
	uint8_t *to = (uint8_t *)t;
	for (int i = 0; i < 4; i++)
		s[i] ^= key[i];
	for (;;) {
		SUB_COLUMN(0);
		SUB_COLUMN(4);
		SUB_COLUMN(8);
		SUB_COLUMN(12);
		key += 4;
		if (key == last)
			break;
		s[0] = mix_column(t[0]) ^ key[0];
		s[1] = mix_column(t[1]) ^ key[1];
		s[2] = mix_column(t[2]) ^ key[2];
		s[3] = mix_column(t[3]) ^ key[3];
	}
	for (int i = 0; i < 4; i++) {
		s[i] = t[i] ^ key[i];
		kept[i] = 0;
	}
}

static void encrypt(const uint32_t *key, uint8_t block[16])
{
	word s[4];
	if ((uintptr_t)block % sizeof(word) == 0) {
		encrypt_words(key, (word *)(void *)block);
		return;
	}
	memcpy(s, block, sizeof s);
	encrypt_words(key, s);
	memcpy(block, s, sizeof s);
	e4_wipe(s, sizeof s);
}

#else

static void encrypt(const uint32_t *key, uint8_t block[16])
{
	uint32_t a = load(block) ^ key[0], b = load(block + 4) ^ key[1];
	uint32_t c = load(block + 8) ^ key[2], d = load(block + 12) ^ key[3];
	const uint32_t *last = key + KEY_WORDS - 4;
	for (;;) {
		uint32_t t = sub_column(a, b, c, d), u = sub_column(b, c, d, a);
		uint32_t v = sub_column(c, d, a, b), w = sub_column(d, a, b, c);
		key += 4;
		if (key == last) {
			store(block, t ^ key[0]);
			store(block + 4, u ^ key[1]);
			store(block + 8, v ^ key[2]);
			store(block + 12, w ^ key[3]);
			return;
		}
		a = mix_column(t) ^ key[0];
		b = mix_column(u) ^ key[1];
		c = mix_column(v) ^ key[2];
		d = mix_column(w) ^ key[3];
	}
}

#endif

void e4_aes_encrypt(const struct e4_aes_key *k, uint8_t *blocks, size_t n)
{
	(void)n; /* is 1 */
	encrypt(k->round, blocks);
}

void e4_aes_cbc_mac(const struct e4_aes_key *k, uint8_t chain[16], const uint8_t *in, size_t n)
{
	for (; n > 0; n--, in += 16) {
		for (int i = 0; i < 16; i += 4)
			store(chain + i, load(chain + i) ^ load(in + i));
		encrypt(k->round, chain);
	}
}

/* FIPS 197 section 5.2. */
void e4_aes_init(struct e4_aes_key *k, const uint8_t key[32])
{
	uint32_t *w = k->round;
	memcpy(w, key, 32);
	for (uint32_t rcon = 1;; rcon <<= 1) {
		uint32_t t = DOWN(w[7], 1);
		w = e4_aes_expand4(w, sub_column(t, t, t, t) ^ rcon << SHIFT(0));
		if (rcon == 0x40)
			break;
		t = w[7];
		w = e4_aes_expand4(w, sub_column(t, t, t, t));
	}
}

#endif
