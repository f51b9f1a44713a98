/*
 * The primitives against OpenSSL and libsodium: every variant that this machine can
 * run is built into a target of its own (meson.build), so what agrees with these
 * agrees with each other.
 *   input: what(1) | bytes
 */
#include <openssl/evp.h>
#include <sodium.h>

#include "../tests/crypto_peers.h"
#include "e4/crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void promise(bool holds)
{
	if (!holds)
		abort();
}

/* Fixed bytes from the front of the input, with zeros behind what there is. */
static void take(uint8_t *out, size_t len, const uint8_t **in, size_t *in_len)
{
	size_t n = len < *in_len ? len : *in_len;

	memset(out, 0, len);
	memcpy(out, *in, n);
	*in += n;
	*in_len -= n;
}

/* In two parts, so that every position in a block is met. */
static void hash(const uint8_t *in, size_t len)
{
	uint8_t ours[32], theirs[32], cut;
	struct e4_sha3 h;
	size_t first;

	take(&cut, 1, &in, &len);
	first = cut < len ? cut : len;
	e4_sha3_init(&h);
	e4_sha3_update(&h, in, first);
	e4_sha3_update(&h, in + first, len - first);
	e4_sha3_final(&h, ours);
	peer_must(EVP_Digest(in, len, theirs, NULL, EVP_sha3_256(), NULL));
	promise(memcmp(ours, theirs, 32) == 0);
}

/* key | length of the associated data | it | plaintext; then what they open, as it is and bent. */
static void siv(const uint8_t *in, size_t len)
{
	static EVP_CIPHER_CTX *ctx;
	static EVP_CIPHER *cipher;
	uint8_t key[32], ad[32], bend[3], ours[1100], theirs[1100], plain[1100];
	struct e4_siv_key k;
	size_t at;
	bool good;

	ctx = ctx ? ctx : EVP_CIPHER_CTX_new();
	cipher = cipher ? cipher : peer_siv_new();
	take(key, sizeof key, &in, &len);
	take(ad, sizeof ad, &in, &len);
	take(bend, sizeof bend, &in, &len);
	if (len == 0 || len > 1000)
		return;
	e4_siv_key_init(&k, key);
	e4_siv_seal(&k, ours, ad, bend[0] % 32 + 1u, in, len);
	peer_siv_seal(ctx, cipher, theirs, key, ad, bend[0] % 32 + 1u, in, len);
	promise(memcmp(ours, theirs, len + 16) == 0);
	at = bend[1] % (len + 16);
	ours[at] ^= bend[2];
	good = e4_siv_open(&k, plain, ad, bend[0] % 32 + 1u, ours, len + 16);
	promise(good == (bend[2] == 0));
	promise(good ? memcmp(plain, in, len) == 0 : e4_is_zero(plain, len));
}

/* seed | place and bits of a change | message */
static void signature(const uint8_t *in, size_t len)
{
	uint8_t seed[32], bend[2], ours[64], theirs[64], sig[64], peer_sig[64], public_key[32];

	take(seed, sizeof seed, &in, &len);
	take(bend, sizeof bend, &in, &len);
	e4_ed25519_keypair(ours, seed);
	crypto_sign_seed_keypair(public_key, theirs, seed);
	promise(memcmp(ours, theirs, 64) == 0);
	e4_ed25519_sign(sig, in, len, ours);
	crypto_sign_detached(peer_sig, NULL, in, len, theirs);
	promise(memcmp(sig, peer_sig, 64) == 0);
	if (bend[0] < 64)
		sig[bend[0]] ^= bend[1];
	else
		public_key[bend[0] % 32] ^= bend[1];
	promise(e4_ed25519_verify(sig, in, len, public_key) ==
		(crypto_sign_verify_detached(sig, in, len, public_key) == 0));
}

/* Anything as a signature and a key: R | S | A | message. */
static void strictness(const uint8_t *in, size_t len)
{
	uint8_t sig[64], public_key[32];

	take(sig, sizeof sig, &in, &len);
	take(public_key, sizeof public_key, &in, &len);
	promise(e4_ed25519_verify(sig, in, len, public_key) ==
		(crypto_sign_verify_detached(sig, in, len, public_key) == 0));
}

static void agreement(const uint8_t *in, size_t len)
{
	uint8_t scalar[32], point[32], ours[32], theirs[32];

	take(scalar, sizeof scalar, &in, &len);
	take(point, sizeof point, &in, &len);
	e4_x25519_base(ours, scalar);
	crypto_scalarmult_base(theirs, scalar);
	promise(memcmp(ours, theirs, 32) == 0);
	if (e4_x25519(ours, scalar, point)) {
		promise(crypto_scalarmult(theirs, scalar, point) == 0);
		promise(memcmp(ours, theirs, 32) == 0);
	} else {
		promise(crypto_scalarmult(theirs, scalar, point) != 0);
		promise(e4_is_zero(ours, 32));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const all[])(const uint8_t *, size_t) = {hash, siv, signature, strictness,
							       agreement};

	if (size >= 1 && size <= 1100)
		all[data[0] % 5](data + 1, size - 1);
	return 0;
}
