/*
 * Ed25519 and X25519 for the AVR suites, done by the host (tools/avr_run.c): a
 * simulated 8-bit core takes a second for each, and the suites make thousands.
 * The library is built with E4_CURVE_EXTERN, as for a board with a crypto chip;
 * the own arithmetic runs the vectors by itself.
 */
#include "board.h"
#include "e4/crypto.h"

static uint8_t ask(uint8_t op, void *out, const void *a, const void *b, size_t len)
{
	struct board_question q = {out, a, b, (uint16_t)len, 0};

	return board_ask(op, &q);
}

void e4_ed25519_keypair(uint8_t private_key[64], const uint8_t seed[32])
{
	ask(0x80, private_key, seed, NULL, 0);
}

void e4_ed25519_sign(uint8_t sig[64], const void *msg, size_t len, const uint8_t private_key[64])
{
	ask(0x81, sig, msg, private_key, len);
}

bool e4_ed25519_verify(const uint8_t sig[64], const void *msg, size_t len,
		       const uint8_t public_key[32])
{
	return ask(0x82, (void *)(uintptr_t)sig, msg, public_key, len);
}

bool e4_ed25519_public_key_ok(const uint8_t public_key[32])
{
	return ask(0x83, NULL, public_key, NULL, 0);
}

void e4_x25519_base(uint8_t public_key[32], const uint8_t scalar[32])
{
	ask(0x84, public_key, scalar, NULL, 0);
}

bool e4_x25519(uint8_t shared[32], const uint8_t scalar[32], const uint8_t point[32])
{
	return ask(0x85, shared, scalar, point, 0);
}

void e4_ed25519_to_x25519_scalar(uint8_t scalar[32], const uint8_t private_key[64])
{
	ask(0x86, scalar, private_key, NULL, 0);
}

bool e4_ed25519_to_x25519_public(uint8_t point[32], const uint8_t public_key[32])
{
	return ask(0x87, point, public_key, NULL, 0);
}
