/*
 * AES-256 for 8-bit processors: the key object is the key itself, and the round
 * keys are made on the way, in a window of 32 bytes. The only table is the S-box.
 */
#include "aes.h"

#if E4_AES == E4_AES_SMALL8

#include "aes_sbox.h"

#include <string.h>

#define ROUNDS 14

static uint8_t sub(uint8_t x)
{
	return e4_rom8(sbox + x);
}

/* Times x in GF(2^8), without a branch. */
static uint8_t twice(uint8_t x)
{
	return (uint8_t)(x << 1 ^ (0x1b & -(x >> 7)));
}

/*
 * The key schedule of FIPS 197 section 5.2, four words a turn: round key r - 2
 * becomes round key r. before is the last word of round key r - 1.
 */
static void next_round_key(uint8_t key[16], const uint8_t before[4], uint8_t round, uint8_t *rcon)
{
	uint8_t turn = !(round & 1);
	for (uint8_t i = 0; i < 4; i++)
		key[i] ^= sub(before[(i + turn) & 3]);
	if (turn) {
		key[0] ^= *rcon;
		*rcon = (uint8_t)(*rcon << 1);
	}
	for (uint8_t i = 4; i < 16; i++)
		key[i] ^= key[i - 4];
}

static void mix_column(uint8_t a[4])
{
	uint8_t sum = a[0] ^ a[1] ^ a[2] ^ a[3], first = a[0];
	for (uint8_t i = 0; i < 3; i++)
		a[i] ^= sum ^ twice(a[i] ^ a[i + 1]);
	a[3] ^= sum ^ twice(a[3] ^ first);
}

static void sub_and_shift_rows(uint8_t s[16])
{
	uint8_t old[16];
	memcpy(old, s, sizeof old);
	for (uint8_t i = 0; i < 16; i++)
		s[i] = sub(old[5 * i & 15]);
	e4_wipe(old, sizeof old);
}

static void add_key(uint8_t s[16], const uint8_t key[16])
{
	for (uint8_t i = 0; i < 16; i++)
		s[i] ^= key[i];
}

static void encrypt(const struct e4_aes_key *k, uint8_t window[32], uint8_t s[16])
{
	uint8_t rcon = 1;
	memcpy(window, k->key, 32);
	add_key(s, window);
	for (uint8_t round = 1; round <= ROUNDS; round++) {
		uint8_t *key = window + (round & 1) * 16;
		sub_and_shift_rows(s);
		for (uint8_t c = 0; c < 16 && round < ROUNDS; c += 4)
			mix_column(s + c);
		if (round > 1)
			next_round_key(key, window + 28 - (round & 1) * 16, round, &rcon);
		add_key(s, key);
	}
}

void e4_aes_init(struct e4_aes_key *k, const uint8_t key[32])
{
	memcpy(k->key, key, sizeof k->key);
}

void e4_aes_encrypt(const struct e4_aes_key *k, uint8_t *blocks, size_t n)
{
	uint8_t window[32];
	(void)n; /* is 1 */
	encrypt(k, window, blocks);
	e4_wipe(window, sizeof window);
}

void e4_aes_cbc_mac(const struct e4_aes_key *k, uint8_t chain[16], const uint8_t *in, size_t n)
{
	for (; n > 0; n--, in += 16) {
		add_key(chain, in);
		e4_aes_encrypt(k, chain, 1);
	}
}

#endif
