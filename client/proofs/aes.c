/*
 * A portable AES by itself, as siv.c and siv_batch.c call it (aes.h, lanes.h): arbitrary
 * keys and blocks, so also every chaining value. Buffers end where the blocks end.
 */
#include "any.h"
#include "lanes.h"

#define MAX_BLOCKS 9 /* two turns of four and one block */

static uint8_t blocks[16 * MAX_BLOCKS], chain[16];

static uint8_t *any_blocks(size_t n)
{
	any(blocks, sizeof blocks);
	return blocks + sizeof blocks - 16 * n;
}

static void key(struct e4_aes_key *k)
{
	uint8_t bytes[32];

	any(bytes, sizeof bytes);
	e4_aes_init(k, bytes);
	is_read(k, sizeof *k);
	any(k, sizeof *k); /* whatever it is: no state of the rest but this is left to cover */
}

#if E4_AES == E4_AES_CT64
static void lanes(const struct e4_aes_key *k, size_t n)
{
	struct e4_aes_key keys;
	uint8_t chains[4][16];
	const uint8_t *in[4];

	any(&keys, sizeof keys);
	any(chains, sizeof chains);
	for (size_t i = 0; i < 4; i++) {
		e4_ct64_lane_key(&keys, i, k);
		in[i] = any_blocks(n);
	}
	e4_ct64_lanes_mac(&keys, chains, in, n);
	is_read(chains, sizeof chains);
}
#endif

int main(void)
{
	struct e4_aes_key k;

	key(&k);
	for (size_t n = 1; n <= E4_AES_LANES; n++) {
		uint8_t *at = any_blocks(n);

		e4_aes_encrypt(&k, at, n);
		is_read(at, 16 * n);
	}
	for (size_t n = 0; n <= MAX_BLOCKS; n++) {
		any(chain, sizeof chain);
		e4_aes_cbc_mac(&k, chain, any_blocks(n), n);
		is_read(chain, sizeof chain);
	}
#if E4_AES == E4_AES_CT64
	for (size_t n = 0; n <= 2; n++)
		lanes(&k, n);
#endif
	end();
	return 0;
}
