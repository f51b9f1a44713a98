/* AES-256, bitsliced on 64-bit words, four blocks at once. */
#include "aes.h"
#include "lanes.h"

#if E4_AES == E4_AES_CT64 || E4_AES == E4_AES_NATIVE

#if E4_AES == E4_AES_NATIVE /* then aes_native.c has these names */
#define e4_aes_init e4_ct64_init
#define e4_aes_encrypt e4_ct64_encrypt
#define e4_aes_cbc_mac e4_ct64_cbc_mac
#endif

typedef uint64_t word;

#include "aes_ct.h"

/* The bits of block 0 in a plane. */
#define LANE0 0x1111111111111111u

/* --- blocks to planes and back ------------------------------------------------ */

/* The four bytes of a column to bytes 0, 2, 4, 6. */
static inline uint64_t spread(uint64_t x)
{
	x = (x | x << 16) & 0x0000ffff0000ffffu;
	return (x | x << 8) & 0x00ff00ff00ff00ffu;
}

static inline uint32_t gather(uint64_t x)
{
	x &= 0x00ff00ff00ff00ffu;
	x = (x | x >> 8) & 0x0000ffff0000ffffu;
	return (uint32_t)(x | x >> 16);
}

PART void place(uint64_t q[8], const uint8_t block[16], unsigned b)
{
	q[b] = spread(e4_load32(block)) | spread(e4_load32(block + 8)) << 8;
	q[4 + b] = spread(e4_load32(block + 4)) | spread(e4_load32(block + 12)) << 8;
}

PART void take(uint8_t block[16], const uint64_t q[8], unsigned b)
{
	e4_store32(block, gather(q[b]));
	e4_store32(block + 4, gather(q[4 + b]));
	e4_store32(block + 8, gather(q[b] >> 8));
	e4_store32(block + 12, gather(q[4 + b] >> 8));
}

/*
 * Both ways work in q itself, which the caller wipes: a copy would leave round
 * keys and plaintext on the stack. So unpacking uses q up.
 */

/* Of one block, in lane 0; the other lanes are zero. */
static void pack1(uint64_t q[8], const uint8_t block[16])
{
	memset(q, 0, 8 * sizeof q[0]);
	place(q, block, 0);
	transpose(q);
}

static void unpack1(uint8_t block[16], uint64_t q[8])
{
	transpose(q);
	take(block, q, 0);
}

static void pack4(uint64_t q[8], const uint8_t blocks[64])
{
	for (unsigned b = 0; b < 4; b++)
		place(q, blocks + 16 * b, b);
	transpose(q);
}

static void unpack4(uint8_t blocks[64], uint64_t q[8])
{
	transpose(q);
	for (unsigned b = 0; b < 4; b++)
		take(blocks + 16 * b, q, b);
}

/* Of 1 to 4 blocks; lanes from n on are zero. */
static void pack(uint64_t q[8], const uint8_t *blocks, size_t n)
{
	uint8_t whole[64] = {0};
	if (n == 1) {
		pack1(q, blocks);
	} else if (n == 4) {
		pack4(q, blocks);
	} else {
		memcpy(whole, blocks, 16 * n);
		pack4(q, whole);
		e4_wipe(whole, sizeof whole);
	}
}

static void unpack(uint8_t *blocks, uint64_t q[8], size_t n)
{
	uint8_t whole[64];
	if (n == 1) {
		unpack1(blocks, q);
	} else if (n == 4) {
		unpack4(blocks, q);
	} else {
		unpack4(whole, q);
		memcpy(blocks, whole, 16 * n);
		e4_wipe(whole, sizeof whole);
	}
}

/* --- what aes.h promises ------------------------------------------------------------ */

void e4_aes_encrypt(const struct e4_aes_key *k, uint8_t *blocks, size_t n)
{
	uint64_t q[8];
	pack(q, blocks, n);
	encrypt_planes(k->round, q);
	unpack(blocks, q, n);
	e4_wipe(q, sizeof q);
}

/* Add block b of m to lane 0 and clear the other lanes. */
PART void add_lane(uint64_t q[8], const uint64_t m[8], unsigned b)
{
	for (int i = 0; i < 8; i++)
		q[i] = (q[i] ^ m[i] >> b) & LANE0;
}

/* The chain stays in planes, and four blocks are brought into planes at once. */
void e4_aes_cbc_mac(const struct e4_aes_key *k, uint8_t chain[16], const uint8_t *in, size_t n)
{
	uint64_t q[8], m[8];
	pack1(q, chain);
	while (n > 0) {
		size_t batch = n < 4 ? n : 4;
		pack(m, in, batch);
		for (unsigned b = 0; b < batch; b++) {
			add_lane(q, m, b);
			encrypt_planes(k->round, q);
		}
		in += 16 * batch;
		n -= batch;
	}
	unpack1(chain, q);
	e4_wipe(q, sizeof q);
	e4_wipe(m, sizeof m);
}

/* --- four chains at once ------------------------------------------------------------- */

void e4_ct64_lane_key(struct e4_aes_key *keys, size_t lane, const struct e4_aes_key *k)
{
	uint64_t mask = LANE0 << lane;
	for (size_t i = 0; i < 8 * (ROUNDS + 1); i++)
		keys->round[i] = (keys->round[i] & ~mask) | (k->round[i] & mask);
}

void e4_ct64_lanes_mac(const struct e4_aes_key *keys, uint8_t chain[][16], const uint8_t *const *in,
		       size_t n)
{
	uint64_t q[8], m[8];
	pack4(q, chain[0]);
	for (size_t offset = 0; offset < 16 * n; offset += 16) {
		for (unsigned b = 0; b < 4; b++)
			place(m, in[b] + offset, b);
		transpose(m);
		add_key(q, m);
		encrypt_planes(keys->round, q);
	}
	unpack4(chain[0], q);
	e4_wipe(q, sizeof q);
	e4_wipe(m, sizeof m);
}

/* --- round keys ---------------------------------------------------------------------- */

/* Round key r to planes, the same in all four lanes; four keys a turn. */
static void put_round_keys(struct e4_aes_key *k, uint32_t w[KEY_WORDS])
{
	uint8_t blocks[64] = {0};
	uint64_t q[8];
	for (size_t r = 0; r <= ROUNDS; r++) {
		prepare(w + 4 * r, r);
		for (size_t i = 0; i < 4; i++)
			e4_store32(blocks + 16 * (r % 4) + 4 * i, w[4 * r + i]);
		if (r % 4 != 3 && r != ROUNDS)
			continue;
		pack4(q, blocks);
		for (size_t b = 0; b <= r % 4; b++) {
			for (size_t i = 0; i < 8; i++)
				k->round[8 * (r - r % 4 + b) + i] = (q[i] >> b & LANE0) * 15;
		}
	}
	e4_wipe(blocks, sizeof blocks);
	e4_wipe(q, sizeof q);
}

void e4_aes_init(struct e4_aes_key *k, const uint8_t key[32])
{
	uint32_t w[KEY_WORDS];
	expand(w, key);
	put_round_keys(k, w);
	e4_wipe(w, sizeof w);
}

#endif
