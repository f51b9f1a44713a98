/* AES-256, bitsliced on 32-bit words, two blocks at once. */
#include "aes.h"

#if E4_AES == E4_AES_CT32

typedef uint32_t word;

#include "aes_ct.h"

/* The bits of block 0 in a plane. */
#define LANE0 0x55555555u

/* --- blocks to planes and back ------------------------------------------------ */

/*
 * Word m of a block, a column, becomes bits m of ... : bit i of byte j of word
 * q[2 * column + block] goes to bit 2 * column + block of byte j of plane i.
 * Both ways work in q itself, which the caller wipes: a copy would leave round
 * keys and plaintext on the stack.
 */
static void pack(word q[8], const uint8_t *blocks, size_t n)
{
	for (unsigned i = 0; i < 8; i += 2) {
		q[i] = e4_load32(blocks);
		q[i + 1] = n > 1 ? e4_load32(blocks + 16) : 0;
		blocks += 4;
	}
	transpose(q);
}

static void unpack(uint8_t *blocks, word q[8], size_t n)
{
	transpose(q);
	for (unsigned i = 0; i < 8; i += 2) {
		e4_store32(blocks, q[i]);
		if (n > 1)
			e4_store32(blocks + 16, q[i + 1]);
		blocks += 4;
	}
}

/* --- what aes.h promises ------------------------------------------------------ */

void e4_aes_encrypt(const struct e4_aes_key *k, uint8_t *blocks, size_t n)
{
	word q[8];
	pack(q, blocks, n);
	encrypt_planes(k->round, q);
	unpack(blocks, q, n);
	e4_wipe(q, sizeof q);
}

/* The chain stays in planes, and two blocks are brought into planes at once. */
void e4_aes_cbc_mac(const struct e4_aes_key *k, uint8_t chain[16], const uint8_t *in, size_t n)
{
	word q[8], m[8];
	pack(q, chain, 1);
	while (n > 0) {
		size_t batch = n < 2 ? n : 2;
		pack(m, in, batch);
		for (size_t b = 0; b < batch; b++) {
			for (int i = 0; i < 8; i++)
				q[i] = (q[i] ^ m[i] >> b) & LANE0;
			encrypt_planes(k->round, q);
		}
		in += 16 * batch;
		n -= batch;
	}
	unpack(chain, q, 1);
	e4_wipe(q, sizeof q);
	e4_wipe(m, sizeof m);
}

/* Two round keys at once come into planes, then each into both lanes. */
void e4_aes_init(struct e4_aes_key *k, const uint8_t key[32])
{
	uint32_t w[KEY_WORDS + 4] = {0}; /* the last for the pair's sake */
	word q[8], *out = k->round;
	expand(w, key);
	for (size_t r = 0; r <= ROUNDS; r += 2) {
		prepare(w + 4 * r, r);
		prepare(w + 4 * r + 4, r + 1);
		for (size_t i = 0; i < 4; i++) {
			q[2 * i] = w[4 * r + i];
			q[2 * i + 1] = w[4 * r + 4 + i];
		}
		transpose(q);
		for (size_t i = 0; i < 8; i++) {
			out[i] = (q[i] & LANE0) * 3;
			if (r < ROUNDS)
				out[8 + i] = (q[i] >> 1 & LANE0) * 3;
		}
		out += 16;
	}
	e4_wipe(q, sizeof q);
	e4_wipe(w, sizeof w);
}

#endif
