/*
 * Numbers modulo L = 2^252 + 27742317777372353535851937790883648493, the order
 * of the group, as 32 bytes, little-endian. Constant time.
 */
#ifndef E4_SRC_CRYPTO_SC25519_H
#define E4_SRC_CRYPTO_SC25519_H

#include <stdbool.h>
#include <stdint.h>

/* r = in mod L */
void e4_sc_reduce(uint8_t r[32], const uint8_t in[64]);
/* r = a b + c mod L, for any a, b, c; r may be one of them */
void e4_sc_muladd(uint8_t r[32], const uint8_t a[32], const uint8_t b[32], const uint8_t c[32]);
/* L itself */
void e4_sc_order(uint8_t r[32]);
/* True if s < L. */
bool e4_sc_is_reduced(const uint8_t s[32]);

#endif
