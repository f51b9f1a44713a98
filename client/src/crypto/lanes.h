/*
 * Chains of several messages side by side, each under its own key, where the
 * AES variant has more room than one chain fills (siv_batch.c).
 */
#ifndef E4_SRC_CRYPTO_LANES_H
#define E4_SRC_CRYPTO_LANES_H

#include "native.h"

#if E4_AES == E4_AES_CT64 || E4_AES == E4_AES_NATIVE

/* Put k into one lane of keys. */
void e4_ct64_lane_key(struct e4_aes_key *keys, size_t lane, const struct e4_aes_key *k);

/* chain[i] over n blocks from in[i], for all four i. */
void e4_ct64_lanes_mac(const struct e4_aes_key *keys, uint8_t chain[][16], const uint8_t *const *in,
		       size_t n);

/* The counter mode of SIV, in siv.c. out may be in, or lie before it. */
void e4_lanes_ctr(const struct e4_aes_key *k, uint8_t *out, const uint8_t tag[16],
		  const uint8_t *in, size_t len);

#endif
#endif
