/* SHA3-256 (FIPS 202): the sponge with a rate of 136 bytes, the same for all permutations. */
#include "sha3.h"

#if E4_SHA3 != E4_SHA3_EXTERN

#include <string.h>

#include "bytes.h"

#define SHA3_RATE 136
#if E4_SHA3 == E4_SHA3_32

/* Exchange the bits of mask with those n higher. */
static uint32_t exchange(uint32_t x, uint32_t mask, unsigned n)
{
	uint32_t t = (x ^ x >> n) & mask;
	return x ^ t ^ t << n;
}

/* The even bits of byte i are four of word i / 8, the odd ones are those of the word 30 further. */
static void xor_byte(struct e4_sha3 *h, unsigned i, uint8_t byte)
{
	uint32_t x = exchange(exchange(byte, 0x22, 1), 0x0c, 2);
	h->state[i / 8] ^= (x & 15) << (4 * (i % 8));
	h->state[i / 8 + 30] ^= x >> 4 << (4 * (i % 8));
}

static uint8_t get_byte(const struct e4_sha3 *h, unsigned i)
{
	uint32_t even = h->state[i / 8] >> (4 * (i % 8)) & 15;
	uint32_t odd = h->state[i / 8 + 30] >> (4 * (i % 8)) & 15;
	return (uint8_t)exchange(exchange(even | odd << 4, 0x0c, 2), 0x22, 1);
}

#else

#define SHA3_WORD (sizeof(e4_sha3_word))

/* Byte i of the state, which is little-endian, whatever the machine is. */
static void xor_byte(struct e4_sha3 *h, uint8_t i, uint8_t byte)
{
	h->state[i / SHA3_WORD] ^= (e4_sha3_word)((e4_sha3_word)byte << (8 * (i % SHA3_WORD)));
}

static uint8_t get_byte(const struct e4_sha3 *h, uint8_t i)
{
	return (uint8_t)(h->state[i / SHA3_WORD] >> (8 * (i % SHA3_WORD)));
}

#endif

void e4_sha3_init(struct e4_sha3 *h)
{
	memset(h, 0, sizeof *h);
}

void e4_sha3_update(struct e4_sha3 *h, const void *in, size_t len)
{
	const uint8_t *p = in;
	for (; len > 0; len--) {
#if E4_SHA3 == E4_SHA3_64
		if (h->pos % 8 == 0 && len >= 8) {
			/* a word at once: bytes alone would cost half as much as the permutation */
			h->state[h->pos / 8] ^= e4_load64(p);
			h->pos += 8, p += 8, len -= 7;
		} else
#endif
			xor_byte(h, h->pos++, *p++);
		if (h->pos == SHA3_RATE) {
			e4_keccak_f(h);
			h->pos = 0;
		}
	}
}

static void finish(struct e4_sha3 *h, uint8_t *digest, uint8_t digest_len)
{
	/* the two bits 01 of SHA-3 and the first 1 of the padding; then its last 1 */
	xor_byte(h, h->pos, 0x06);
	xor_byte(h, SHA3_RATE - 1, 0x80);
	e4_keccak_f(h);
	for (uint8_t i = 0; i < digest_len; i++)
		digest[i] = get_byte(h, i);
	e4_wipe(h, sizeof *h);
}

void e4_sha3_final(struct e4_sha3 *h, uint8_t digest[32])
{
	finish(h, digest, 32);
}

void e4_sha3_short(uint8_t *digest, uint8_t digest_len, const void *in, size_t len)
{
	struct e4_sha3 h = {0}; /* e4_sha3_init, without a call: the parameters stay in registers */
	e4_sha3_update(&h, in, len);
	finish(&h, digest, digest_len);
}

void e4_sha3_256(uint8_t digest[32], const void *in, size_t len)
{
	e4_sha3_short(digest, 32, in, len);
}

#endif
