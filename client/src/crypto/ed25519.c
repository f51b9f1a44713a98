/* Ed25519 (RFC 8032 section 5.1) and what it gives to X25519. */
#include "bytes.h"
#include "e4/crypto.h"
#include "ge.h"
#include "sc25519.h"
#include "sha512.h"

#include <string.h>

#if E4_CURVE_OWN

/* hash = the scalar, clamped, and the prefix of the nonce */
static void expand(uint8_t hash[64], const uint8_t seed[32])
{
	struct e4_sha512 h;

	e4_sha512_init(&h);
	e4_sha512_update(&h, seed, 32);
	e4_sha512_final(&h, hash);
	hash[0] &= 248;
	hash[31] &= 127;
	hash[31] |= 64;
}

/* r = SHA-512(a | b | msg) mod L; b may be NULL */
static void hash_to_scalar(uint8_t r[32], const uint8_t a[32], const uint8_t *b, const void *msg,
			   size_t len)
{
	struct e4_sha512 h;
	uint8_t digest[64];

	e4_sha512_init(&h);
	e4_sha512_update(&h, a, 32);
	e4_sha512_update(&h, b, b ? 32 : 0);
	e4_sha512_update(&h, msg, len);
	e4_sha512_final(&h, digest);
	e4_sc_reduce(r, digest);
	e4_wipe(digest, sizeof digest);
}

static void encode_multiple(uint8_t out[32], const uint8_t scalar[32])
{
	struct e4_ge p;

	e4_ge_mul_base(&p, scalar);
	e4_ge_encode(out, &p);
	e4_wipe(&p, sizeof p);
}

void e4_ed25519_keypair(uint8_t private_key[64], const uint8_t seed[32])
{
	uint8_t hash[64];

	expand(hash, seed);
	memmove(private_key, seed, 32);
	encode_multiple(private_key + 32, hash);
	e4_wipe(hash, sizeof hash);
}

void e4_ed25519_sign(uint8_t sig[64], const void *msg, size_t len, const uint8_t private_key[64])
{
	uint8_t hash[64], nonce[32], k[32];

	expand(hash, private_key);
	hash_to_scalar(nonce, hash + 32, NULL, msg, len);
	encode_multiple(sig, nonce);
	hash_to_scalar(k, sig, private_key + 32, msg, len);
	e4_sc_muladd(sig + 32, k, hash, nonce);
	e4_wipe(hash, sizeof hash);
	e4_wipe(nonce, sizeof nonce);
}

bool e4_ed25519_verify(const uint8_t sig[64], const void *msg, size_t len,
		       const uint8_t public_key[32])
{
	struct e4_ge p;
	uint8_t k[32];

	e4_fe_load(&p.y, sig);
	if (!e4_sc_is_reduced(sig + 32) || e4_ge_is_small(&p.y) || !e4_ge_decode(&p, public_key))
		return false;
	hash_to_scalar(k, sig, public_key, msg, len);
	e4_ge_mul_two(&p, sig + 32, k);
	e4_ge_encode(k, &p);
	return e4_equal(k, sig, 32); /* as bytes: no other spelling of R */
}

/* In the group of order L if L times the point is the neutral one, which has x = 0, y = z. */
bool e4_ed25519_public_key_ok(const uint8_t public_key[32])
{
	struct e4_ge p;
	uint8_t order[32], zero[32] = {0};

	if (!e4_ge_decode(&p, public_key))
		return false;
	e4_sc_order(order);
	e4_ge_mul_two(&p, zero, order);
	e4_fe_sub(&p.y, &p.y, &p.z);
	return e4_fe_is_zero(&p.x) && e4_fe_is_zero(&p.y);
}

void e4_ed25519_to_x25519_scalar(uint8_t scalar[32], const uint8_t private_key[64])
{
	uint8_t hash[64];

	expand(hash, private_key);
	memcpy(scalar, hash, 32);
	e4_wipe(hash, sizeof hash);
}

/* u = (1 + y) / (1 - y), RFC 7748 section 4.1; y = 1 is no good key */
bool e4_ed25519_to_x25519_public(uint8_t point[32], const uint8_t public_key[32])
{
	struct e4_fe one, y, t;

	if (!e4_ed25519_public_key_ok(public_key)) {
		e4_wipe(point, 32);
		return false;
	}
	e4_fe_load(&y, public_key);
	e4_fe_small(&one, 1);
	e4_fe_sub(&t, &one, &y);
	e4_fe_add(&y, &one, &y);
	e4_fe_invert(&t, &t);
	e4_fe_mul(&t, &t, &y);
	e4_fe_store(point, &t);
	return true;
}

#endif
