/*
 * Keccak-f[1600] (FIPS 202 section 3) on bytes, for 8-bit cores: small first. Besides the state it
 * needs 40 bytes of stack, and no table but the order of the lanes.
 */
#include "sha3.h"

#if E4_SHA3 == E4_SHA3_8

#include <string.h>

#include "../rom.h"

static void theta(uint8_t a[200])
{
	uint8_t c[40];
	for (uint8_t i = 0; i < 40; i++)
		c[i] = a[i] ^ a[i + 40] ^ a[i + 80] ^ a[i + 120] ^ a[i + 160];
	const uint8_t *left = c + 32, *right = c + 8;
	for (uint8_t x = 0; x < 5; x++) {
		uint8_t fallen = right[7] >> 7;
		for (uint8_t i = 0; i < 8; i++) {
			uint8_t d = *left++ ^ (uint8_t)(*right << 1) ^ fallen;
			fallen = *right++ >> 7;
			for (uint8_t y = 0; y < 200; y += 40)
				a[y] ^= d;
			a++;
		}
		if (x == 0)
			left = c;
		if (x == 3)
			right = c;
	}
}

/*
 * to = from rotated left by n bits. A product with 2^(n % 8) shifts a byte and keeps what falls
 * out of it: AVR multiplies in 2 cycles but shifts by one bit at a time.
 */
static void rotate_lane(uint8_t to[8], const uint8_t from[8], uint8_t n)
{
	uint8_t power = (uint8_t)(1 << (n & 7)), fallen = (uint8_t)(from[7] * power >> 8);
	n >>= 3;
	for (uint8_t i = 0; i < 8; i++) {
		uint16_t product = (uint16_t)(from[i] * power);
		to[n++ & 7] = (uint8_t)product | fallen;
		fallen = (uint8_t)(product >> 8);
	}
}

/* Where each lane but lane 0 comes from, from lane 1 on backwards; offsets in bytes. */
static const uint8_t source[24] E4_ROM = {
	8 * 6,  8 * 9,  8 * 22, 8 * 14, 8 * 20, 8 * 2,  8 * 12, 8 * 13,
	8 * 19, 8 * 23, 8 * 15, 8 * 4,  8 * 24, 8 * 21, 8 * 8,  8 * 16,
	8 * 5,  8 * 3,  8 * 18, 8 * 17, 8 * 11, 8 * 7,  8 * 10, 8 * 1,
};

/* The rotations of one walk through the lanes are the triangular numbers, here from the last. */
static void rho_pi(uint8_t a[200])
{
	uint8_t first[8], *to = a + 8, n = 300 % 64;
	memcpy(first, to, 8);
	for (uint8_t t = 24; t > 0; t--) {
		uint8_t *from = t == 1 ? first : a + e4_rom8(&source[24 - t]);
		rotate_lane(to, from, n);
		to = from;
		n = (uint8_t)(n - t);
	}
}

static void chi(uint8_t a[200])
{
	for (uint8_t y = 0; y < 5; y++) {
		for (uint8_t i = 0; i < 8; i++) {
			uint8_t a0 = a[0], a1 = a[8], a2 = a[16], a3 = a[24], a4 = a[32];
			a[0] = a0 ^ (~a1 & a2);
			a[8] = a1 ^ (~a2 & a3);
			a[16] = a2 ^ (~a3 & a4);
			a[24] = a3 ^ (~a4 & a0);
			a[32] = a4 ^ (~a0 & a1);
			a++;
		}
		a += 32;
	}
}

/* Bits 2^j - 1 of lane 0 for j = 0..6, from the shift register of FIPS 202 section 3.2.5. */
static uint8_t iota(uint8_t a[200], uint8_t lfsr)
{
	for (uint8_t i = 0; i < 64; i = (uint8_t)(2 * i + 1)) {
		if (lfsr & 1)
			a[i >> 3] ^= (uint8_t)(1 << (i & 7));
		lfsr = (uint8_t)(lfsr << 1) ^ (lfsr & 0x80 ? 0x71 : 0);
	}
	return lfsr;
}

void e4_keccak_f(struct e4_sha3 *h)
{
	uint8_t lfsr = 1;
	for (uint8_t round = 0; round < 24; round++) {
		theta(h->state);
		rho_pi(h->state);
		chi(h->state);
		lfsr = iota(h->state, lfsr);
	}
}

#endif
