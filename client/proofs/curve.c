/*
 * Ed25519 and X25519 of a curve variant, with abstract_fe.c in place of the numbers: so of
 * every key, point and signature, also those that no arithmetic gives.
 */
#include "any.h"
#include "e4/crypto.h"
#include "sc25519.h"
#include "sha512.h"

#define MAX_LEN 257 /* two blocks of SHA-512 and one byte */

static uint8_t message[MAX_LEN];

static void hash(size_t len)
{
	struct e4_sha512 h;
	uint8_t digest[64];

	e4_sha512_init(&h);
	e4_sha512_update(&h, message + MAX_LEN - len, len);
	e4_sha512_update(&h, message + MAX_LEN - len, len);
	e4_sha512_final(&h, digest);
	is_read(digest, sizeof digest);
}

static void scalars(void)
{
	uint8_t a[32], b[64];

	any(a, sizeof a);
	any(b, sizeof b);
	e4_sc_reduce(a, b);
	e4_sc_muladd(a, b, b + 32, a);
	is_read(a, sizeof a);
	e4_sc_is_reduced(a);
}

static void signatures(size_t len)
{
	uint8_t private_key[64], seed[32], sig[64];

	any(seed, sizeof seed);
	e4_ed25519_keypair(private_key, seed);
	is_read(private_key, sizeof private_key);
	any(private_key, sizeof private_key);
	e4_ed25519_sign(sig, message + MAX_LEN - len, len, private_key);
	is_read(sig, sizeof sig);
	any(sig, sizeof sig);
	e4_ed25519_verify(sig, message + MAX_LEN - len, len, private_key + 32);
}

static void agreement(void)
{
	uint8_t scalar[32], point[32], private_key[64], out[32];

	any(scalar, sizeof scalar);
	any(point, sizeof point);
	any(private_key, sizeof private_key);
	e4_x25519_base(out, scalar);
	is_read(out, sizeof out);
	e4_x25519(out, scalar, point);
	is_read(out, sizeof out);
	e4_ed25519_to_x25519_scalar(scalar, private_key);
	is_read(scalar, sizeof scalar);
	e4_ed25519_public_key_ok(point);
	e4_ed25519_to_x25519_public(out, point);
	is_read(out, sizeof out);
}

int main(void)
{
	static const uint8_t lens[] = {0, 55, 56, 57, 64}; /* twice: around where the length fits */

	any(message, sizeof message);
#ifdef SCALARS
	for (size_t i = 0; i < sizeof lens; i++)
		hash(lens[i]);
	hash(MAX_LEN);
	scalars();
#else
	signatures(lens[1]);
	agreement();
#endif
	end();
	return 0;
}
