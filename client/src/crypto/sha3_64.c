/* Keccak-f[1600] (FIPS 202 section 3) on 64-bit words. */
#include "sha3.h"

#if E4_SHA3 == E4_SHA3_64

/* Step iota, FIPS 202 section 3.2.5. */
static const uint64_t round_constant[24] = {
	0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
	0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
	0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
	0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
	0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
	0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

static inline uint64_t rol(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static void theta(uint64_t a[25])
{
	uint64_t c[5];
	for (int x = 0; x < 5; x++)
		c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
	for (int x = 0; x < 5; x++) {
		uint64_t d = c[(x + 4) % 5] ^ rol(c[(x + 1) % 5], 1);
		for (int y = 0; y < 25; y += 5)
			a[x + y] ^= d;
	}
}

/*
 * rho and pi in one walk: lane 1 goes to lane 10, rotated by 1; what was there
 * goes to lane 7, rotated by 3; and so on through 24 lanes. Lane 0 stays.
 */
static void rho_pi(uint64_t a[25])
{
	uint64_t moved = a[1], next;
#define MOVE(to, by) (next = a[to], a[to] = rol(moved, by), moved = next)
	MOVE(10, 1), MOVE(7, 3), MOVE(11, 6), MOVE(17, 10), MOVE(18, 15), MOVE(3, 21);
	MOVE(5, 28), MOVE(16, 36), MOVE(8, 45), MOVE(21, 55), MOVE(24, 2), MOVE(4, 14);
	MOVE(15, 27), MOVE(23, 41), MOVE(19, 56), MOVE(13, 8), MOVE(12, 25), MOVE(2, 43);
	MOVE(20, 62), MOVE(14, 18), MOVE(22, 39), MOVE(9, 61), MOVE(6, 20), MOVE(1, 44);
#undef MOVE
}

static void chi(uint64_t a[25])
{
	for (int y = 0; y < 25; y += 5) {
		uint64_t r0 = a[y], r1 = a[y + 1];
		a[y] ^= ~r1 & a[y + 2];
		a[y + 1] ^= ~a[y + 2] & a[y + 3];
		a[y + 2] ^= ~a[y + 3] & a[y + 4];
		a[y + 3] ^= ~a[y + 4] & r0;
		a[y + 4] ^= ~r0 & r1;
	}
}

void e4_keccak_f(struct e4_sha3 *h)
{
	for (int round = 0; round < 24; round++) {
		theta(h->state);
		rho_pi(h->state);
		chi(h->state);
		h->state[0] ^= round_constant[round];
	}
}

#endif
