/* AES by instructions where the CPU has them, else bitsliced: the key says which. */
#include "native.h"

#if E4_AES == E4_AES_NATIVE

void e4_aes_init(struct e4_aes_key *k, const uint8_t key[32])
{
	k->native = e4_native_cpu();
	if (k->native)
		e4_native_init(k, key);
	else
		e4_ct64_init(k, key);
}

void e4_aes_encrypt(const struct e4_aes_key *k, uint8_t *blocks, size_t n)
{
	if (k->native)
		e4_native_encrypt(k, blocks, n);
	else
		e4_ct64_encrypt(k, blocks, n);
}

void e4_aes_cbc_mac(const struct e4_aes_key *k, uint8_t chain[16], const uint8_t *in, size_t n)
{
	if (k->native)
		e4_native_cbc_mac(k, chain, in, n);
	else
		e4_ct64_cbc_mac(k, chain, in, n);
}

#endif
