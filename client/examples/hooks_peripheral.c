/*
 * AES by a peripheral, in place of the library's own. Build the library with
 *
 *   -DE4_AES=E4_AES_EXTERN -DE4_AES_EXTERN_WORDS=4
 *
 * and add this file. The peripheral is one for the whole chip: where interrupts
 * or other threads use it too, take its lock in encrypt_block().
 */
#include <string.h>

#include "aes.h" /* src/crypto/aes.h; e4.h has it in the one-file build */
#include "aes_peripheral.h"
#include "bytes.h"

void e4_aes_init(struct e4_aes_key *k, const uint8_t key[32])
{
	memcpy(k->own, key, 32);
}

/* Each time: other keys may have been there since. Eight writes are cheap. */
static void load_key(const struct e4_aes_key *k)
{
	const uint8_t *key = (const uint8_t *)k->own;

	for (unsigned i = 0; i < 8; i++)
		aes_register_write(AES_KEY + i, e4_load32(key + 4 * i));
}

static void encrypt_block(uint8_t block[16])
{
	for (unsigned i = 0; i < 4; i++)
		aes_register_write(AES_DATA_IN + i, e4_load32(block + 4 * i));
	aes_register_write(AES_CONTROL, AES_START);
	while (aes_register_read(AES_STATUS) & AES_BUSY)
		;
	for (unsigned i = 0; i < 4; i++)
		e4_store32(block + 4 * i, aes_register_read(AES_DATA_OUT + i));
}

void e4_aes_encrypt(const struct e4_aes_key *k, uint8_t *blocks, size_t n)
{
	load_key(k);
	for (; n > 0; n--, blocks += E4_AES_BLOCK)
		encrypt_block(blocks);
	aes_register_write(AES_CONTROL, AES_CLEAR);
}

void e4_aes_cbc_mac(const struct e4_aes_key *k, uint8_t chain[16], const uint8_t *in, size_t n)
{
	load_key(k);
	for (; n > 0; n--, in += E4_AES_BLOCK) {
		for (int i = 0; i < E4_AES_BLOCK; i++)
			chain[i] ^= in[i];
		encrypt_block(chain);
	}
	aes_register_write(AES_CONTROL, AES_CLEAR);
}
