/*
 * Keccak-f[1600] (FIPS 202 section 3) on bytes, for 8-bit cores: small first. Besides the state it
 * needs 40 bytes of stack, and no table but the order of the lanes.
 */
#include "sha3.h"

#if E4_SHA3 == E4_SHA3_8

#include <string.h>

#include "../rom.h"

/*
 * to = from rotated left by n bits. A product with 2^(n % 8) shifts a byte and keeps what falls
 * out of it: AVR multiplies in 2 cycles but shifts by one bit at a time.
 */
static void rotate_lane(uint8_t *to, const uint8_t *from, uint8_t n)
{
	uint8_t power = 1, fallen, i = n >> 3;
	for (n &= 7; n > 0; n--)
		power = (uint8_t)(power << 1);
	fallen = (uint8_t)((uint16_t)(from[7] * power) >> 8);
	for (n = 8; n > 0; n--) {
		uint16_t product = (uint16_t)(*from++ * power);
		to[i++ & 7] = (uint8_t)product | fallen;
		fallen = (uint8_t)(product >> 8);
	}
}

static void theta(uint8_t *a)
{
	uint8_t c[40];
	for (uint8_t i = 0; i < 40; i++) {
		uint8_t sum = 0;
		for (uint8_t y = 0; y < 200; y += 40)
			sum ^= a[(uint8_t)(i + y)];
		c[i] = sum;
	}
	uint8_t left = 32, right = 8, fallen = c[15] >> 7;
	for (uint8_t i = 0; i < 40; i++) {
		uint8_t from = c[right++];
		uint8_t d = c[left++] ^ (uint8_t)(from << 1) ^ fallen;
		for (uint8_t y = 0; y < 200; y += 40)
			a[(uint8_t)(i + y)] ^= d;
		fallen = from >> 7;
		if (left == 40)
			left = 0;
		if (right == 40)
			right = 0;
		if ((i & 7) == 7)
			fallen = c[right + 7] >> 7;
	}
}

/* Where each lane but lane 0 comes from, from lane 1 on backwards; offsets in bytes. */
static const uint8_t source[24] E4_ROM = {
	8 * 6,  8 * 9,  8 * 22, 8 * 14, 8 * 20, 8 * 2,  8 * 12, 8 * 13,
	8 * 19, 8 * 23, 8 * 15, 8 * 4,  8 * 24, 8 * 21, 8 * 8,  8 * 16,
	8 * 5,  8 * 3,  8 * 18, 8 * 17, 8 * 11, 8 * 7,  8 * 10,
};

/* The rotations of one walk through the lanes are the triangular numbers, here from the last. */
static void rho_pi(uint8_t *a)
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

static void chi(uint8_t *a)
{
	for (uint8_t n = 40; n > 0; n--) {
		uint8_t a0 = a[0], a1 = a[8], a2 = a[16], a3 = a[24], a4 = a[32];
		a[0] = a0 ^ (~a1 & a2);
		a[8] = a1 ^ (~a2 & a3);
		a[16] = a2 ^ (~a3 & a4);
		a[24] = a3 ^ (~a4 & a0);
		a[32] = a4 ^ (~a0 & a1);
		a++;
		if ((n & 7) == 1)
			a += 32;
	}
}

/* Bits 2^j - 1 of lane 0 for j = 0..6, from the shift register of FIPS 202 section 3.2.5. */
static uint8_t iota(uint8_t *a, uint8_t lfsr)
{
	uint8_t mask = 1;
	for (uint8_t i = 0; i < 64; i = (uint8_t)(2 * i + 1)) {
		if (lfsr & 1)
			a[i >> 3] ^= mask;
		mask = mask & 0x88 ? 0x80 : (uint8_t)(2 * mask * mask);
		uint8_t out = lfsr & 0x80;
		lfsr = (uint8_t)(lfsr << 1);
		if (out)
			lfsr ^= 0x71;
	}
	return lfsr;
}

void e4_keccak_f(struct e4_sha3 *h)
{
	uint8_t lfsr = 1, *a = h->state;
#if defined(__AVR__)
	/* one pointer for all: else the offset of the state is added again at each use */
	__asm__("" : "+r"(a));
#endif
	for (uint8_t round = 24; round > 0; round--) {
		theta(a);
		rho_pi(a);
		chi(a);
		lfsr = iota(a, lfsr);
	}
}

#endif
