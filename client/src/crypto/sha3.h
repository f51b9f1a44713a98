/* Between the sponge of SHA3-256 (sha3.c) and the permutation that the build chose. */
#ifndef E4_SRC_CRYPTO_SHA3_H
#define E4_SRC_CRYPTO_SHA3_H

#include "e4/crypto.h"

/*
 * Keccak-f[1600], FIPS 202 section 3.3, on the 25 lanes in h->state in the order of the standard,
 * each in words of the variant's size, the least significant first. h->pos is left alone.
 */
void e4_keccak_f(struct e4_sha3 *h);

#endif
