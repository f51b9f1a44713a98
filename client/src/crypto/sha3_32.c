/* Keccak-f[1600] (FIPS 202 section 3) on lanes as two 32-bit words, the lower half first. */
#include "sha3.h"

#if E4_SHA3 == E4_SHA3_32

static inline uint32_t left(uint32_t high, uint32_t low, unsigned n)
{
	return high << n | low >> (32 - n);
}

/*
 * Step iota, FIPS 202 section 3.2.5: bits 0, 1, 3 and 7 of each constant where they are, bits 15,
 * 31 and 63 as bits 4 to 6. All others are 0.
 */
static const uint8_t round_constant[24] = {
	0x01, 0x92, 0xda, 0x70, 0x9b, 0x21, 0xf1, 0x59, 0x8a, 0x88, 0x39, 0x2a,
	0xbb, 0xcb, 0xd9, 0x53, 0x52, 0xc0, 0x1a, 0x6a, 0xf1, 0xd0, 0x21, 0x78,
};

static void theta(uint32_t a[50])
{
	uint32_t c[10];
	for (int i = 0; i < 10; i++)
		c[i] = a[i] ^ a[i + 10] ^ a[i + 20] ^ a[i + 30] ^ a[i + 40];
	for (int x = 0; x < 10; x += 2) {
		uint32_t low = c[(x + 2) % 10], high = c[(x + 3) % 10];
		uint32_t d0 = c[(x + 8) % 10] ^ left(low, high, 1);
		uint32_t d1 = c[(x + 9) % 10] ^ left(high, low, 1);
		for (int y = x; y < 50; y += 10) {
			a[y] ^= d0;
			a[y + 1] ^= d1;
		}
	}
}

static void rho_pi(uint32_t a[50])
{
	static const uint8_t target[24] = {20, 14, 22, 34, 36, 6, 10, 32, 16, 42, 48, 8,
					   30, 46, 38, 26, 24, 4, 40, 28, 44, 18, 12, 2};
	uint32_t low = a[2], high = a[3];
	unsigned n = 0;
	for (unsigned t = 0; t < 24; t++) {
		n += t + 1;
		uint32_t *to = a + target[t];
		uint32_t low_moved = left(low, high, n & 31), high_moved = left(high, low, n & 31);
		low = to[0], high = to[1];
		to[n >> 5 & 1] = low_moved;
		to[~n >> 5 & 1] = high_moved;
	}
}

static void chi(uint32_t a[50])
{
	for (int y = 0; y < 50; y += 10) {
		for (int i = y; i < y + 2; i++) {
			uint32_t a0 = a[i], a1 = a[i + 2], a2 = a[i + 4], a3 = a[i + 6];
			uint32_t a4 = a[i + 8];
			a[i] = a0 ^ (~a1 & a2);
			a[i + 2] = a1 ^ (~a2 & a3);
			a[i + 4] = a2 ^ (~a3 & a4);
			a[i + 6] = a3 ^ (~a4 & a0);
			a[i + 8] = a4 ^ (~a0 & a1);
		}
	}
}

void e4_keccak_f(struct e4_sha3 *h)
{
	for (int round = 0; round < 24; round++) {
		uint8_t bits = round_constant[round];
		theta(h->state);
		rho_pi(h->state);
		chi(h->state);
		h->state[0] ^=
			(bits & 0x8bu) | (bits & 0x10u) << 11 | (uint32_t)(bits & 0x20) << 26;
		h->state[1] ^= (uint32_t)(bits & 0x40) << 25;
	}
}

#endif
