/*
 * SIV (RFC 5297) with two independent keys and any number of associated-data
 * strings. E4 uses one key twice and one string (protocol.md section 1); the
 * general form is what published test cases speak.
 */
#ifndef E4_SRC_CRYPTO_SIV_H
#define E4_SRC_CRYPTO_SIV_H

#include "aes.h"

struct e4_siv_ad {
	const uint8_t *data;
	size_t len;
};

/* AES-CMAC of RFC 4493, with the key in mac. */
void e4_cmac(const struct e4_siv_key *mac, uint8_t tag[16], const uint8_t *in, size_t len);

/* As e4_siv_seal and e4_siv_open; mac is K1 of the RFC, ctr is K2. */
void e4_siv_seal2(const struct e4_siv_key *mac, const struct e4_aes_key *ctr, uint8_t *out,
		  const struct e4_siv_ad *ad, size_t n_ad, const uint8_t *in, size_t len);
bool e4_siv_open2(const struct e4_siv_key *mac, const struct e4_aes_key *ctr, uint8_t *out,
		  const struct e4_siv_ad *ad, size_t n_ad, const uint8_t *in, size_t in_len);

#endif
