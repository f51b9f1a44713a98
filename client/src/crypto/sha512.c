/* SHA-512, small: one round's code, the message schedule in a window of 16 words. */
#include "sha512.h"

#include "e4/crypto.h"
#include "fe.h"
#include "../rom.h"

#include <string.h>

#if E4_CURVE_OWN

/* FIPS 180-4 section 4.2.3 */
static const uint64_t constants[80] E4_ROM = {
	0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
	0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
	0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
	0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
	0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
	0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
	0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
	0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
	0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
	0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
	0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
	0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
	0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
	0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
	0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
	0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
	0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
	0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
	0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
	0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

/* section 5.3.5 */
static const uint64_t start[8] E4_ROM = {
	0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
	0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

static inline uint64_t rotr(uint64_t x, uint8_t n)
{
	return x >> n | x << (64 - n);
}

/* w[i] becomes w[i + 16] (section 6.4.2, step 1) */
static inline void extend(uint64_t w[16], uint8_t i)
{
	uint64_t a = w[(i + 1) & 15], b = w[(i + 14) & 15];

	w[i & 15] += (rotr(a, 1) ^ rotr(a, 8) ^ a >> 7) + w[(i + 9) & 15] +
		     (rotr(b, 19) ^ rotr(b, 61) ^ b >> 6);
}

/*
 * Step 3 with a word of the schedule plus its constant. Instead of moving a..h
 * along, the names move: a is s[-i], b s[-i + 1], ...
 */
static inline void mix(uint64_t s[8], uint8_t i, uint64_t word)
{
#define S(n) s[((n) + 64 - i) & 7]
	uint64_t e = S(4), a = S(0), t;

	t = S(7) + (rotr(e, 14) ^ rotr(e, 18) ^ rotr(e, 41)) + (S(6) ^ (e & (S(5) ^ S(6)))) + word;
	S(3) += t;
	S(7) = t + (rotr(a, 28) ^ rotr(a, 34) ^ rotr(a, 39)) + ((a & S(1)) | (S(2) & (a | S(1))));
#undef S
}

static inline uint64_t load_big_endian(const uint8_t *p)
{
	uint64_t x = 0;

	for (uint8_t j = 0; j < 8; j++)
		x = x << 8 | p[j];
	return x;
}

static void compress(struct e4_sha512 *h)
{
	uint64_t w[16], s[8];

	for (uint8_t i = 0; i < 16; i++)
		w[i] = load_big_endian(h->block + 8 * i);
	memcpy(s, h->state, sizeof s);
	for (uint8_t round = 0; round < 80; round += 16) {
#if E4_CURVE == E4_CURVE_64
#pragma GCC unroll 16 /* then the names cost nothing */
#endif
		for (uint8_t i = 0; i < 16; i++) {
			uint64_t word;
			e4_rom_copy(&word, constants + round + i, 8);
			mix(s, i, word + w[i]);
			if (round < 64)
				extend(w, i);
		}
	}
	for (uint8_t i = 0; i < 8; i++)
		h->state[i] += s[i];
	e4_wipe(w, sizeof w);
	e4_wipe(s, sizeof s);
}

void e4_sha512_init(struct e4_sha512 *h)
{
	e4_rom_copy(h->state, start, sizeof start);
	h->len = 0;
}

void e4_sha512_update(struct e4_sha512 *h, const void *in, size_t len)
{
	const uint8_t *p = in;

	while (len > 0) {
		uint8_t at = (uint8_t)(h->len % 128);
		uint8_t n = len < 128u - at ? (uint8_t)len : (uint8_t)(128 - at);
		memcpy(h->block + at, p, n);
		h->len += n;
		p += n;
		len -= n;
		if (at + n == 128)
			compress(h);
	}
}

void e4_sha512_final(struct e4_sha512 *h, uint8_t digest[64])
{
	uint64_t bits = 8 * h->len;
	uint8_t at = (uint8_t)(h->len % 128);

	h->block[at++] = 0x80;
	memset(h->block + at, 0, 128u - at);
	if (at > 112) { /* no room for the length, 16 bytes */
		compress(h);
		memset(h->block, 0, 112);
	}
	memset(h->block + 112, 0, 8);
	for (uint8_t i = 0; i < 8; i++)
		h->block[127 - i] = (uint8_t)(bits >> 8 * i);
	compress(h);
	for (uint8_t i = 0; i < 64; i++)
		digest[i] = (uint8_t)(h->state[i / 8] >> (56 - 8 * (i % 8)));
	e4_wipe(h, sizeof *h);
}

#endif
