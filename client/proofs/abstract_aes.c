/* AES as SIV may assume it (aes.h, lanes.h), as abstract.c for what is built of SIV. */
#include "any.h"
#include "lanes.h"

void e4_aes_init(struct e4_aes_key *k, const uint8_t key[32])
{
	is_read(key, 32);
	is_written(k, sizeof *k);
}

void e4_aes_encrypt(const struct e4_aes_key *k, uint8_t *blocks, size_t n)
{
	/*@ assert 1 <= n <= E4_AES_LANES; */
	is_read(k, sizeof *k);
	is_read(blocks, 16 * n);
	is_written(blocks, 16 * n);
}

void e4_aes_cbc_mac(const struct e4_aes_key *k, uint8_t chain[16], const uint8_t *in, size_t n)
{
	is_read(k, sizeof *k);
	is_read(chain, 16);
	is_read(in, 16 * n);
	is_written(chain, 16);
}

#if E4_AES == E4_AES_CT64
/* Lanes without a key are computed, too: whatever the whole object holds. */
void e4_ct64_lane_key(struct e4_aes_key *keys, size_t lane, const struct e4_aes_key *k)
{
	/*@ assert lane < 4; */
	is_read(k, sizeof *k);
	is_read(keys, sizeof *keys);
	is_written(keys, sizeof *keys);
}

void e4_ct64_lanes_mac(const struct e4_aes_key *keys, uint8_t chain[][16], const uint8_t *const *in,
		       size_t n)
{
	is_read(keys, sizeof *keys);
	is_read(chain, 64);
	for (size_t i = 0; i < 4; i++)
		is_read(in[i], 16 * n);
	is_written(chain, 64);
}
#endif
