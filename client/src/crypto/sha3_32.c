/*
 * Keccak-f[1600] (FIPS 202 section 3) on 32-bit words. The even bits of each lane are in one word,
 * the odd ones in another ("bit interleaving", the Keccak implementation overview, section 2.1):
 * then a rotation of the lane is one of each word. Rounds go from one buffer to another and back,
 * so that each word is fetched from where pi says and no walk is needed.
 */
#include "sha3.h"

#if E4_SHA3 == E4_SHA3_32

static inline uint32_t rotate_right(uint32_t x, unsigned n)
{
	return x >> n | x << (-n & 31);
}

/* Write what is to be added to each column behind its five words. */
static void theta(uint32_t a[60])
{
	uint32_t even[7], odd[7]; /* the parities of columns 4, 0, 1, 2, 3, 4, 0 */
	for (int x = 1; x < 6; x++) {
		even[x] = a[0] ^ a[5] ^ a[10] ^ a[15] ^ a[20];
		odd[x] = a[30] ^ a[35] ^ a[40] ^ a[45] ^ a[50];
		a++;
	}
	even[0] = even[5], even[6] = even[1];
	odd[0] = odd[5], odd[6] = odd[1];
	for (int x = 0; x < 5; x++) {
		/* rotated by 1, even bits become odd ones, and odd ones the next even ones */
		a[20] = even[x] ^ rotate_right(odd[x + 2], 31);
		a[50] = odd[x] ^ even[x + 2];
		a++;
	}
}

/*
 * Steps rho and pi: for each word where it comes from, in bytes, and by how much it is rotated
 * right. Five words in a row come from five rows, the first from row 0.
 */
/* clang-format off */
static const uint8_t origin[2 * 50] = {
	0, 0,  24, 10,  168, 10,  192, 21,  96, 25,
	12, 18,  36, 22,  160, 30,  184, 9,  208, 1,
	124, 31,  28, 29,  172, 19,  76, 28,  80, 23,
	136, 18,  20, 14,  44, 27,  188, 24,  92, 4,
	8, 1,  152, 4,  176, 12,  180, 11,  84, 31,
	120, 0,  144, 10,  48, 11,  72, 22,  216, 25,
	132, 18,  156, 22,  40, 31,  64, 10,  88, 2,
	4, 0,  148, 29,  52, 20,  196, 28,  200, 23,
	16, 19,  140, 14,  164, 27,  68, 25,  212, 4,
	128, 1,  32, 5,  56, 13,  60, 12,  204, 31,
};
/* clang-format on */

static void rho_pi_chi(uint32_t out[60], const uint32_t in[60])
{
	const uint8_t *o = origin;
	do {
		const uint32_t *p;
#define FETCH(b, row)                                                                              \
	p = (const void *)((const uint8_t *)in + o[2 * (row)]);                                    \
	uint32_t b = rotate_right(p[0] ^ p[25 - 5 * (row)], o[2 * (row) + 1])
		FETCH(b0, 0);
		FETCH(b1, 1);
		FETCH(b2, 2);
		FETCH(b3, 3);
		FETCH(b4, 4);
#undef FETCH
		o += 10;
		*out++ = b0 ^ (~b1 & b2);
		*out++ = b1 ^ (~b2 & b3);
		*out++ = b2 ^ (~b3 & b4);
		*out++ = b3 ^ (~b4 & b0);
		*out++ = b4 ^ (~b0 & b1);
		if (o == origin + 50)
			out += 5;
	} while (o != origin + 100);
}

/*
 * Step iota, FIPS 202 section 3.2.5: of the odd bits of each constant 0, 1, 3 and 7 where they
 * are, 15 and 31 as bits 4 and 5; the first of the even ones as bit 2. All others are 0.
 */
static const uint8_t round_constant[24] = {
	0x04, 0x89, 0xab, 0xb0, 0x8f, 0x14, 0xbc, 0xa6, 0x0b, 0x0a, 0x96, 0x13,
	0x9f, 0x2f, 0xae, 0xa5, 0xa1, 0x28, 0x83, 0x33, 0xbc, 0xa8, 0x14, 0xb2,
};

void e4_keccak_f(struct e4_sha3 *h)
{
	uint32_t other[60], *a = h->state, *b = other;
	for (int round = 0; round < 24; round++) {
		uint32_t bits = round_constant[round], *t = a;
		theta(a);
		rho_pi_chi(b, a);
		b[0] ^= bits >> 2 & 1;
		b[30] ^= (bits & 0x8b) | (bits & 0x10) << 11 | (bits & 0x20) << 26;
		a = b, b = t;
	}
	e4_wipe(other, sizeof other);
}

#endif
