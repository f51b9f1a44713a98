/* SHA-512 (FIPS 180-4), which Ed25519 needs. */
#ifndef E4_SRC_CRYPTO_SHA512_H
#define E4_SRC_CRYPTO_SHA512_H

#include <stddef.h>
#include <stdint.h>

struct e4_sha512 {
	uint64_t state[8];
	uint64_t len; /* bytes so far: 2^61 are enough */
	uint8_t block[128];
};

void e4_sha512_init(struct e4_sha512 *h);
void e4_sha512_update(struct e4_sha512 *h, const void *in, size_t len);
/* Write the digest and wipe h. */
void e4_sha512_final(struct e4_sha512 *h, uint8_t digest[64]);

#endif
