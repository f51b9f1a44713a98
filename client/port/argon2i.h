/* Argon2i v0x13 in one pass with an empty salt: the compatibility option alone. */
#ifndef E4_SRC_CRYPTO_ARGON2I_H
#define E4_SRC_CRYPTO_ARGON2I_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 9106 with no salt, secret or associated data; false if memory is short. */
bool e4_argon2i_one_pass(uint8_t *out, size_t out_len, const void *password, size_t len,
			 uint32_t memory_kib, uint32_t lanes);

#endif
