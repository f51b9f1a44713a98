/*
 * Ed25519 and X25519 by libsodium, for hosts. This file is the whole of the
 * variant: another one takes its place where there is no libsodium.
 *
 * crypto_sign_verify_detached is the strict one that the header promises: it
 * refuses S >= L, a non-canonical key, and keys and R of small order; it
 * compares R as bytes, so a non-canonical R fails too.
 */
#include "bytes.h"
#include "e4/crypto.h"

#if E4_CURVE == E4_CURVE_SODIUM

#include <sodium.h>

#include <string.h>

void e4_ed25519_keypair(uint8_t private_key[64], const uint8_t seed[32])
{
	uint8_t public_key[32];
	crypto_sign_seed_keypair(public_key, private_key, seed);
}

void e4_ed25519_sign(uint8_t sig[64], const void *msg, size_t len, const uint8_t private_key[64])
{
	crypto_sign_detached(sig, NULL, msg, len, private_key);
}

bool e4_ed25519_verify(const uint8_t sig[64], const void *msg, size_t len,
		       const uint8_t public_key[32])
{
	return crypto_sign_verify_detached(sig, msg, len, public_key) == 0;
}

/* 1/8 modulo the group order L. */
static const uint8_t eighth[32] = {
	0x79, 0x2f, 0xdc, 0xe2, 0x29, 0xe5, 0x06, 0x61, 0xd0, 0xda, 0x1c,
	0x7d, 0xb3, 0x9d, 0xd3, 0x07, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x06,
};

/*
 * A point of the prime-order group, and no other, comes back from
 * 8 * (1/8 * P), and only its canonical form does so byte for byte. libsodium's
 * own test is not enough: before the fix of CVE-2025-69277 it let a good point
 * plus the point of order 2 through.
 */
bool e4_ed25519_public_key_ok(const uint8_t public_key[32])
{
	uint8_t p[32];
	if (crypto_scalarmult_ed25519_noclamp(p, eighth, public_key) != 0)
		return false;
	for (int i = 0; i < 3; i++) {
		if (crypto_core_ed25519_add(p, p, p) != 0)
			return false;
	}
	return e4_equal(p, public_key, sizeof p);
}

void e4_x25519_base(uint8_t public_key[32], const uint8_t scalar[32])
{
	crypto_scalarmult_base(public_key, scalar);
}

bool e4_x25519(uint8_t shared[32], const uint8_t scalar[32], const uint8_t point[32])
{
	/* without a branch: whether it is zero depends on the scalar too */
	bool good = crypto_scalarmult(shared, scalar, point) == 0;
	uint8_t mask = e4_mask(good);
	for (int i = 0; i < 32; i++)
		shared[i] &= mask;
	return good;
}

void e4_ed25519_to_x25519_scalar(uint8_t scalar[32], const uint8_t private_key[64])
{
	uint8_t hash[64];
	crypto_hash_sha512(hash, private_key, 32);
	hash[0] &= 248;
	hash[31] &= 127;
	hash[31] |= 64;
	memcpy(scalar, hash, 32);
	e4_wipe(hash, sizeof hash);
}

bool e4_ed25519_to_x25519_public(uint8_t point[32], const uint8_t public_key[32])
{
	if (e4_ed25519_public_key_ok(public_key) &&
	    crypto_sign_ed25519_pk_to_curve25519(point, public_key) == 0)
		return true;
	e4_wipe(point, 32);
	return false;
}

#endif
