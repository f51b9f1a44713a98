/*
 * AES with keys of KEY_BITS bits by OpenSSL, behind the hooks of src/crypto/aes.h. E4 has keys of
 * 256 bits only; with these, what is built on AES meets the published vectors of the other sizes.
 */
#include <openssl/evp.h>

#include <stdlib.h>
#include <string.h>

#include "aes.h"

void e4_aes_init(struct e4_aes_key *k, const uint8_t key[32])
{
	memset(k->own, 0, sizeof k->own);
	memcpy(k->own, key, KEY_BITS / 8);
}

void e4_aes_encrypt(const struct e4_aes_key *k, uint8_t *blocks, size_t n)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len;

	if (!ctx ||
	    !EVP_EncryptInit_ex(ctx, KEY_BITS == 128 ? EVP_aes_128_ecb() : EVP_aes_192_ecb(), NULL,
				(const uint8_t *)k->own, NULL) ||
	    !EVP_EncryptUpdate(ctx, blocks, &len, blocks, (int)n * E4_AES_BLOCK))
		abort();
	EVP_CIPHER_CTX_free(ctx);
}

void e4_aes_cbc_mac(const struct e4_aes_key *k, uint8_t chain[16], const uint8_t *in, size_t n)
{
	for (; n > 0; n--, in += E4_AES_BLOCK) {
		for (int i = 0; i < E4_AES_BLOCK; i++)
			chain[i] ^= in[i];
		e4_aes_encrypt(k, chain, 1);
	}
}
