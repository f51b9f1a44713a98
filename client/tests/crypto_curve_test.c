/*
 * The strictness that the header promises for Ed25519 and X25519. libsodium
 * serves here as a calculator for points, whatever variant is under test.
 */
#include "check.h"
#include "e4/crypto.h"

#ifndef E4_TEST_ALONE /* on a board it is left out */
#include <sodium.h>
#endif

#include <stdbool.h>

struct point {
	uint8_t y[32];
};

/* All points of small order: two of order 8 and their negatives, 4, 2 and 1. */
static const struct point small_order[] = {
	{{0x01}},
	{{0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}},
	{{0x00}},
	{{[31] = 0x80}},
	{{0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
	  0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
	  0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05}},
	{{0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
	  0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
	  0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x85}},
	{{0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
	  0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
	  0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a}},
	{{0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
	  0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
	  0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0xfa}},
};
#define N_SMALL (sizeof small_order / sizeof *small_order)

/* The field's prime p and p + n, little-endian, below 2^255. */
static void prime_plus(uint8_t y[32], uint8_t n)
{
	memset(y, 0xff, 32);
	y[0] = (uint8_t)(0xed + n);
	y[31] = 0x7f;
}

static const uint8_t seed[32] = {9, 8, 7, 6, 5, 4, 3, 2, 1};

static void only_points_of_the_prime_order_group_are_keys(void)
{
	uint8_t private_key[64], y[32], u[32];
	e4_ed25519_keypair(private_key, seed);
	CHECK(e4_ed25519_public_key_ok(private_key + 32));
	for (size_t i = 0; i < N_SMALL; i++) {
		CHECK(!e4_ed25519_public_key_ok(small_order[i].y));
		CHECK(!e4_ed25519_to_x25519_public(u, small_order[i].y));
		CHECK(e4_is_zero(u, 32));
#ifndef E4_TEST_ALONE
		/* a good key plus a point of small order: i = 0 is the neutral one */
		CHECK_EQ(crypto_core_ed25519_add(y, private_key + 32, small_order[i].y), 0);
		CHECK_EQ(e4_ed25519_public_key_ok(y), i == 0);
		CHECK_EQ(e4_ed25519_to_x25519_public(u, y), i == 0);
#endif
	}
	/* 0 to 18 have a second spelling, from p up */
	for (uint8_t n = 0; n < 19; n++) {
		prime_plus(y, n);
		CHECK(!e4_ed25519_public_key_ok(y));
		y[31] |= 0x80;
		CHECK(!e4_ed25519_public_key_ok(y));
	}
	memset(y, 0, sizeof y);
	y[0] = 2; /* no x belongs to it */
	CHECK(!e4_ed25519_public_key_ok(y));
	CHECK(!e4_ed25519_to_x25519_public(u, y));
}

static void every_ordinary_key_is_ok(void)
{
	for (int i = 0; i < 200; i++) {
		uint8_t s[32], private_key[64], scalar[32], u[32], want[32];
		e4_sha3_256(s, &i, sizeof i);
		e4_ed25519_keypair(private_key, s);
		CHECK(e4_ed25519_public_key_ok(private_key + 32));
		e4_ed25519_to_x25519_scalar(scalar, private_key);
		e4_x25519_base(want, scalar);
		CHECK(e4_ed25519_to_x25519_public(u, private_key + 32));
		CHECK_MEM(u, want, 32);
	}
}

static void signatures_are_deterministic_and_bind_every_bit(void)
{
	uint8_t private_key[64], sig[64], again[64], msg[50] = {1, 2, 3};
	e4_ed25519_keypair(private_key, seed);
	for (size_t len = 0; len <= sizeof msg; len++) {
		e4_ed25519_sign(sig, msg, len, private_key);
		e4_ed25519_sign(again, msg, len, private_key);
		CHECK_MEM(sig, again, 64);
		CHECK(e4_ed25519_verify(sig, msg, len, private_key + 32));
	}
	for (size_t bit = 0; bit < 512; bit++) {
		sig[bit / 8] ^= (uint8_t)(1u << bit % 8);
		CHECK(!e4_ed25519_verify(sig, msg, sizeof msg, private_key + 32));
		sig[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * sizeof msg; bit++) {
		msg[bit / 8] ^= (uint8_t)(1u << bit % 8);
		CHECK(!e4_ed25519_verify(sig, msg, sizeof msg, private_key + 32));
		msg[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	CHECK(e4_ed25519_verify(sig, msg, sizeof msg, private_key + 32));
}

/* S + L is the same number to a verifier that does not look. */
static void s_beyond_the_group_order_is_refused(void)
{
	static const uint8_t order[32] = {
		0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,        0xd6,
		0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10,
	};
	uint8_t private_key[64], sig[64];
	unsigned carry = 0;
	e4_ed25519_keypair(private_key, seed);
	e4_ed25519_sign(sig, "message", 7, private_key);
	CHECK(e4_ed25519_verify(sig, "message", 7, private_key + 32));
	for (int i = 0; i < 32; i++) {
		carry += (unsigned)sig[32 + i] + order[i];
		sig[32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	CHECK_EQ(carry, 0);
	CHECK(!e4_ed25519_verify(sig, "message", 7, private_key + 32));
}

/*
 * With A of small order and S = 0, R = -k * A verifies for a share of all
 * messages in the plain equation; so a small A or R must fail for every message.
 */
static void small_order_keys_and_nonces_never_verify(void)
{
	uint8_t private_key[64], sig[64];
	e4_ed25519_keypair(private_key, seed);
	for (size_t a = 0; a < N_SMALL; a++) {
		for (size_t r = 0; r < N_SMALL; r++) {
			memset(sig, 0, sizeof sig);
			memcpy(sig, small_order[r].y, 32);
			for (uint8_t m = 0; m < 16; m++)
				CHECK(!e4_ed25519_verify(sig, &m, 1, small_order[a].y));
		}
	}
	for (size_t r = 0; r < N_SMALL; r++) {
		e4_ed25519_sign(sig, "m", 1, private_key);
		memcpy(sig, small_order[r].y, 32);
		CHECK(!e4_ed25519_verify(sig, "m", 1, private_key + 32));
	}
	for (uint8_t n = 0; n < 2; n++) { /* the same points written as p and p + 1 */
		uint8_t y[32];
		prime_plus(y, n);
		memset(sig, 0, sizeof sig);
		memcpy(sig, small_order[n ? 0 : 2].y, 32);
		for (uint8_t m = 0; m < 16; m++)
			CHECK(!e4_ed25519_verify(sig, &m, 1, y));
	}
}

/* u-coordinates of small order on the curve and its twist, reduced and not. */
static void x25519_refuses_points_that_give_zero(void)
{
	static const struct point points[] = {
		{{0}},
		{{1}},
		{{0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
		  0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
		  0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00}},
		{{0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
		  0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
		  0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57}},
	};
	uint8_t shared[32], y[32];
	for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
		memset(shared, 1, sizeof shared);
		CHECK(!e4_x25519(shared, seed, points[i].y));
		CHECK(e4_is_zero(shared, 32));
		memcpy(y, points[i].y, 32);
		y[31] |= 0x80; /* the top bit is ignored */
		CHECK(!e4_x25519(shared, seed, y));
	}
	prime_plus(y, 0);
	y[0]--; /* p - 1 */
	for (int i = 0; i < 3; i++, y[0]++)
		CHECK(!e4_x25519(shared, seed, y));
	memset(y, 0, sizeof y);
	y[0] = 9;
	CHECK(e4_x25519(shared, seed, y));
	e4_x25519_base(y, seed);
	CHECK_MEM(shared, y, 32);
}

int main(void)
{
	RUN(only_points_of_the_prime_order_group_are_keys);
	RUN(every_ordinary_key_is_ok);
	RUN(signatures_are_deterministic_and_bind_every_bit);
	RUN(s_beyond_the_group_order_is_refused);
	RUN(small_order_keys_and_nonces_never_verify);
	RUN(x25519_refuses_points_that_give_zero);
	return END();
}
