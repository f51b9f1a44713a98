/*
 * Chains of several messages side by side, each under its own key, where the
 * AES variant has more room than one chain fills. e4_lanes_count says how many;
 * 0: it has none.
 */
#ifndef E4_SRC_CRYPTO_LANES_H
#define E4_SRC_CRYPTO_LANES_H

#include "native.h"

#if E4_AES == E4_AES_CT64 || E4_AES == E4_AES_NATIVE

void e4_ct64_lane_key(struct e4_aes_key *keys, size_t lane, const struct e4_aes_key *k);
void e4_ct64_lanes_mac(const struct e4_aes_key *keys, uint8_t chain[][16], const uint8_t *const *in,
		       size_t n);

#endif
#endif
