/*
 * Every function of the curve beside libsodium's, over inputs that a hash draws:
 * the same bytes, the same verdicts. Where libsodium 1.0.18 is no judge (keys of
 * mixed order), its arithmetic is.
 */
#include "check.h"
#include "e4/crypto.h"

#include <sodium.h>

#include <stdbool.h>

/* bytes on a host with sanitizers: a tenth of a second for each signature */
enum { ROUNDS = E4_CURVE == E4_CURVE_SMALL ? 16 : 100 };

/* The next bytes of a stream that is the same in every run. */
static void draw(void *out, size_t len)
{
	static uint8_t state[32];
	uint8_t *p = out;
	for (size_t i = 0; i < len; i++) {
		if (i % 31 == 0)
			e4_sha3_256(state, state, sizeof state);
		p[i] = state[1 + i % 31];
	}
}

static unsigned draw_below(unsigned n)
{
	uint32_t x;
	draw(&x, sizeof x);
	return x % n;
}

static void flip_a_bit(uint8_t *p, size_t len)
{
	unsigned bit = draw_below(8 * (unsigned)len);
	p[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

/* All points of small order: the multiples of one of order 8. */
static void small_point(uint8_t y[32], unsigned n)
{
	static const uint8_t eighth[32] = {
		0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
		0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
		0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
	};
	memset(y, 0, 32);
	y[0] = 1;
	while (n-- > 0)
		CHECK_EQ(crypto_core_ed25519_add(y, y, eighth), 0);
}

static void keys_and_signatures_are_the_same_bytes(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		uint8_t seed[32], msg[300], key[64], peer_key[64], pub[32], sig[64], peer_sig[64];
		size_t len = draw_below(sizeof msg + 1);
		draw(seed, sizeof seed);
		draw(msg, len);
		e4_ed25519_keypair(key, seed);
		CHECK_EQ(crypto_sign_seed_keypair(pub, peer_key, seed), 0);
		CHECK_MEM(key, peer_key, 64);
		e4_ed25519_sign(sig, msg, len, key);
		CHECK_EQ(crypto_sign_detached(peer_sig, NULL, msg, len, key), 0);
		CHECK_MEM(sig, peer_sig, 64);
		CHECK(e4_ed25519_verify(sig, msg, len, pub));
	}
}

/* One of the ways to spoil a signature, or none of them. */
static void spoil(uint8_t sig[64], uint8_t msg[20], uint8_t pub[32], int way)
{
	uint8_t wide[64];
	switch (way) {
	case 1:
		flip_a_bit(sig, 32);
		break;
	case 2:
		flip_a_bit(sig + 32, 32);
		break;
	case 3:
		flip_a_bit(msg, 20);
		break;
	case 4:
		flip_a_bit(pub, 32);
		break;
	case 5:
		draw(sig, 64);
		break;
	case 6:
		draw(sig + 32, 32);
		break;
	case 7:
		draw(wide, sizeof wide);
		crypto_core_ed25519_scalar_reduce(sig + 32, wide);
		break;
	case 8:
		small_point(sig, draw_below(8));
		break;
	case 9:
		small_point(pub, draw_below(8));
		break;
	case 10:
		memset(sig + 32, 0, 32);
		break;
	case 11:
		memset(pub, 0xff, 32);
		break;
	default:
		break;
	}
}

static void verdicts_on_spoiled_signatures_are_the_same(void)
{
	for (int i = 0; i < 5 * ROUNDS; i++) {
		uint8_t seed[32], msg[20], key[64], sig[64], pub[32];
		draw(seed, sizeof seed);
		draw(msg, sizeof msg);
		e4_ed25519_keypair(key, seed);
		e4_ed25519_sign(sig, msg, sizeof msg, key);
		memcpy(pub, key + 32, 32);
		spoil(sig, msg, pub, i % 12);
		bool good = e4_ed25519_verify(sig, msg, sizeof msg, pub);
		CHECK_EQ(good, crypto_sign_verify_detached(sig, msg, sizeof msg, pub) == 0);
		CHECK_EQ(good, i % 12 == 0);
	}
}

/*
 * With a key of mixed order, a signature is good whenever the hash is a multiple
 * of the small part's order: no cofactor is multiplied in, neither here nor there.
 */
static void verdicts_under_keys_of_mixed_order_are_the_same(void)
{
	int n_good = 0;
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint8_t seed[32], key[64], sig[64], small[32];
		draw(seed, sizeof seed);
		e4_ed25519_keypair(key, seed);
		small_point(small, 1 + i % 7);
		CHECK_EQ(crypto_core_ed25519_add(key + 32, key + 32, small), 0);
		e4_ed25519_sign(sig, seed, 5, key);
		bool good = e4_ed25519_verify(sig, seed, 5, key + 32);
		CHECK_EQ(good, crypto_sign_verify_detached(sig, seed, 5, key + 32) == 0);
		n_good += good;
	}
	CHECK(n_good > 0 && n_good < ROUNDS);
}

/* A point of the prime-order group comes back from 8 * (1/8 * P), no other does. */
static bool peer_key_ok(const uint8_t y[32])
{
	uint8_t eight[32] = {8}, eighth[32], p[32];
	if (crypto_core_ed25519_scalar_invert(eighth, eight) != 0 ||
	    crypto_scalarmult_ed25519_noclamp(p, eighth, y) != 0 ||
	    crypto_scalarmult_ed25519_noclamp(p, eight, p) != 0)
		return false;
	return memcmp(p, y, 32) == 0;
}

static void check_public_key(const uint8_t y[32])
{
	uint8_t u[32], peer_u[32];
	bool ok = peer_key_ok(y);
	CHECK_EQ(e4_ed25519_public_key_ok(y), ok);
	CHECK_EQ(e4_ed25519_to_x25519_public(u, y), ok);
	if (ok) {
		CHECK_EQ(crypto_sign_ed25519_pk_to_curve25519(peer_u, y), 0);
		CHECK_MEM(u, peer_u, 32);
	} else {
		CHECK(e4_is_zero(u, 32));
	}
}

static void the_same_points_are_keys(void)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint8_t y[32], small[32];
		draw(y, sizeof y);
		check_public_key(y); /* half have an x, an eighth of these are good */
		CHECK_EQ(crypto_core_ed25519_from_uniform(y, y), 0);
		check_public_key(y);
		small_point(small, i % 8);
		CHECK_EQ(crypto_core_ed25519_add(y, y, small), 0);
		CHECK_EQ(e4_ed25519_public_key_ok(y), i % 8 == 0);
		check_public_key(y);
		check_public_key(small);
	}
}

static void check_x25519(const uint8_t scalar[32], const uint8_t point[32])
{
	uint8_t shared[32], peer[32];
	bool good = e4_x25519(shared, scalar, point);
	CHECK_EQ(good, crypto_scalarmult(peer, scalar, point) == 0);
	if (good)
		CHECK_MEM(shared, peer, 32);
	else
		CHECK(e4_is_zero(shared, 32));
}

static void shared_secrets_are_the_same_bytes(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		uint8_t scalar[32], point[32], shared[32], peer[32];
		draw(scalar, sizeof scalar);
		draw(point, sizeof point);
		check_x25519(scalar, point);
		e4_x25519_base(shared, scalar);
		CHECK_EQ(crypto_scalarmult_base(peer, scalar), 0);
		CHECK_MEM(shared, peer, 32);
		/* the smallest and the largest numbers, with and without the top bit */
		memset(point, i & 1 ? 0xff : 0, 32);
		point[0] = (uint8_t)(i & 1 ? 0xff - i / 4 : i / 4);
		point[31] = (uint8_t)((i & 1 ? 0x7f : 0) | (i & 2 ? 0x80 : 0));
		check_x25519(scalar, point);
		/* scalars at their ends */
		memset(scalar, i & 1 ? 0xff : 0, 32);
		check_x25519(scalar, peer);
	}
}

static void scalars_from_keys_are_the_same_bytes(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		uint8_t key[64], scalar[32], peer[32];
		draw(key, sizeof key);
		e4_ed25519_to_x25519_scalar(scalar, key);
		CHECK_EQ(crypto_sign_ed25519_sk_to_curve25519(peer, key), 0);
		CHECK_MEM(scalar, peer, 32);
	}
}

int main(void)
{
	CHECK(sodium_init() >= 0);
	RUN(keys_and_signatures_are_the_same_bytes);
	RUN(verdicts_on_spoiled_signatures_are_the_same);
	RUN(verdicts_under_keys_of_mixed_order_are_the_same);
	RUN(the_same_points_are_keys);
	RUN(shared_secrets_are_the_same_bytes);
	RUN(scalars_from_keys_are_the_same_bytes);
	return END();
}
