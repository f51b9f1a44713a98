/* OpenSSL's AES-256-SIV with K1 = K2, a fresh context per message as it requires. */
#ifndef CLIENT_TESTS_CRYPTO_PEERS_H
#define CLIENT_TESTS_CRYPTO_PEERS_H

#include <openssl/evp.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static inline EVP_CIPHER *peer_siv_new(void)
{
	EVP_CIPHER *siv = EVP_CIPHER_fetch(NULL, "AES-256-SIV", NULL);
	if (!siv)
		abort();
	return siv;
}

static inline void peer_must(int ok)
{
	if (ok != 1)
		abort();
}

/* out: tag(16) | ciphertext; len is not 0 (OpenSSL 3.0 then gives a zero tag). */
static inline void peer_siv_seal(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *siv, uint8_t *out,
				 const uint8_t key[32], const uint8_t *ad, size_t ad_len,
				 const uint8_t *in, size_t len)
{
	uint8_t twice[64];
	int n = 0;
	memcpy(twice, key, 32);
	memcpy(twice + 32, key, 32);
	peer_must(EVP_CIPHER_CTX_reset(ctx));
	peer_must(EVP_EncryptInit_ex2(ctx, siv, twice, NULL, NULL));
	peer_must(EVP_EncryptUpdate(ctx, NULL, &n, ad, (int)ad_len));
	peer_must(EVP_EncryptUpdate(ctx, out + 16, &n, in, (int)len));
	peer_must(EVP_EncryptFinal_ex(ctx, out + 16 + n, &n));
	peer_must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, out));
}

static inline int peer_siv_open(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *siv, uint8_t *out,
				const uint8_t key[32], const uint8_t *ad, size_t ad_len,
				const uint8_t *in, size_t in_len)
{
	uint8_t twice[64], tag[16];
	int n = 0;
	memcpy(twice, key, 32);
	memcpy(twice + 32, key, 32);
	memcpy(tag, in, 16);
	peer_must(EVP_CIPHER_CTX_reset(ctx));
	peer_must(EVP_DecryptInit_ex2(ctx, siv, twice, NULL, NULL));
	peer_must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, tag));
	peer_must(EVP_DecryptUpdate(ctx, NULL, &n, ad, (int)ad_len));
	return EVP_DecryptUpdate(ctx, out, &n, in + 16, (int)(in_len - 16)) == 1;
}

#endif
