/*
 * AES-256 encryption as SIV needs it. One file implements these functions per
 * kind of processor (e4/config.h chooses). Every variant runs in time that
 * depends on n only; but for the two small ones, which are for memories without
 * a cache, none takes a table look-up whose index depends on key or data.
 */
#ifndef E4_SRC_CRYPTO_AES_H
#define E4_SRC_CRYPTO_AES_H

#include "e4/crypto.h"

#define E4_AES_BLOCK 16

/* Blocks that one call of e4_aes_encrypt takes, for about the price of one. */
#if E4_AES == E4_AES_SMALL8 || E4_AES == E4_AES_SMALL32
#define E4_AES_LANES 1
#elif E4_AES == E4_AES_CT32
#define E4_AES_LANES 2
#else
#define E4_AES_LANES 4
#endif

void e4_aes_init(struct e4_aes_key *k, const uint8_t key[32]);

/* Encrypt n blocks in place, each for itself; n is 1 to E4_AES_LANES. */
void e4_aes_encrypt(const struct e4_aes_key *k, uint8_t *blocks, size_t n);

/* CBC-MAC: for each of n blocks of in, chain = AES(chain ^ block). */
void e4_aes_cbc_mac(const struct e4_aes_key *k, uint8_t chain[16], const uint8_t *in, size_t n);

/*
 * Four words of the key schedule (FIPS 197 section 5.2) behind the eight at w: each is the
 * one before it, at first t, plus the one that is eight back.
 */
static inline uint32_t *e4_aes_expand4(uint32_t *w, uint32_t t)
{
	w[8] = t ^= w[0];
	w[9] = t ^= w[1];
	w[10] = t ^= w[2];
	w[11] = t ^ w[3];
	return w + 4;
}

#endif
