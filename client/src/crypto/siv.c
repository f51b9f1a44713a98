/*
 * AES-CMAC (RFC 4493) and SIV (RFC 5297).
 *
 * The cost of a short message is the number of AES calls that wait for each
 * other. CMAC is such a chain; counter mode is not. The associated data enters
 * the chain only with the last 16 bytes of the plaintext, so its own CMAC goes
 * beside the first plaintext block in one call.
 */
#include "siv.h"

#include "bytes.h"
#include "native.h"

#include <string.h>

#define BLOCK E4_AES_BLOCK

static void xor_into(uint8_t *a, const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		a[i] ^= b[i];
}

/* Times x in GF(2^128), big-endian, without a branch on the bit that falls out. */
static void dbl(uint8_t b[16])
{
	uint8_t carry = b[0] >> 7;
	for (int i = 0; i < 15; i++)
		b[i] = (uint8_t)(b[i] << 1 | b[i + 1] >> 7);
	b[15] = (uint8_t)(b[15] << 1 ^ (0x87 & -carry));
}

void e4_siv_key_init(struct e4_siv_key *k, const uint8_t key[32])
{
	e4_aes_init(&k->aes, key);
	memset(k->k1, 0, BLOCK);
	e4_aes_encrypt(&k->aes, k->k1, 1);
	dbl(k->k1);
	memcpy(k->k2, k->k1, BLOCK);
	dbl(k->k2);
	/* CMAC of one whole block of zeros */
	memcpy(k->d0, k->k1, BLOCK);
	e4_aes_encrypt(&k->aes, k->d0, 1);
}

/* --- CMAC ------------------------------------------------------------------ */

/* The last block of a CMAC: len is 0 to 16; padded and masked with K1 or K2. */
static void last_block(const struct e4_siv_key *k, uint8_t block[16], const uint8_t *in, size_t len)
{
	memset(block, 0, BLOCK);
	if (len > 0)
		memcpy(block, in, len);
	if (len < BLOCK)
		block[len] = 0x80;
	xor_into(block, len == BLOCK ? k->k1 : k->k2, BLOCK);
}

/* Go on with a CMAC from a chaining value; the result is in chain. */
static void cmac_finish(const struct e4_siv_key *k, uint8_t chain[16], const uint8_t *in,
			size_t len)
{
	size_t whole = len == 0 ? 0 : (len - 1) / BLOCK;
	uint8_t last[BLOCK];
	last_block(k, last, len == 0 ? NULL : in + BLOCK * whole, len - BLOCK * whole);
	if (whole > 0)
		e4_aes_cbc_mac(&k->aes, chain, in, whole);
	e4_aes_cbc_mac(&k->aes, chain, last, 1);
	e4_wipe(last, sizeof last);
}

void e4_cmac(const struct e4_siv_key *mac, uint8_t tag[16], const uint8_t *in, size_t len)
{
	memset(tag, 0, BLOCK);
	cmac_finish(mac, tag, in, len);
}

/* --- S2V (RFC 5297 section 2.4) --------------------------------------------- */

/*
 * The associated data's part of S2V, to d, and the CBC-MAC over the first
 * whole blocks of the plaintext, to chain: the two do not depend on each other.
 */
static void s2v_start(const struct e4_siv_key *k, uint8_t d[16], uint8_t chain[16],
		      const struct e4_siv_ad *ad, size_t n_ad, const uint8_t *in, size_t blocks)
{
	uint8_t pair[2][BLOCK] = {{0}, {0}};
	memcpy(d, k->d0, BLOCK);
	memset(chain, 0, BLOCK);
	if (n_ad == 1 && ad->len <= BLOCK && blocks > 0) {
		last_block(k, pair[0], ad->data, ad->len);
		memcpy(pair[1], in, BLOCK);
		e4_aes_encrypt(&k->aes, pair[0], 2);
		dbl(d);
		xor_into(d, pair[0], BLOCK);
		memcpy(chain, pair[1], BLOCK);
		in += BLOCK;
		blocks--;
	} else {
		for (size_t i = 0; i < n_ad; i++) {
			e4_cmac(k, pair[0], ad[i].data, ad[i].len);
			dbl(d);
			xor_into(d, pair[0], BLOCK);
		}
	}
	if (blocks > 0)
		e4_aes_cbc_mac(&k->aes, chain, in, blocks);
	e4_wipe(pair, sizeof pair);
}

static void s2v(const struct e4_siv_key *k, uint8_t tag[16], const struct e4_siv_ad *ad,
		size_t n_ad, const uint8_t *in, size_t len)
{
	uint8_t d[BLOCK], tail[2 * BLOCK] = {0};
	/* whole blocks that "xorend" leaves alone: it touches the last 16 bytes */
	size_t head = len < BLOCK ? 0 : (len - BLOCK) / BLOCK;
	size_t tail_len = len - BLOCK * head; /* below 32 */

	s2v_start(k, d, tag, ad, n_ad, in, head);
	if (tail_len > 0)
		memcpy(tail, in + BLOCK * head, tail_len);
	if (tail_len >= BLOCK) {
		xor_into(tail + tail_len - BLOCK, d, BLOCK);
	} else {
		tail[tail_len] = 0x80;
		dbl(d);
		xor_into(tail, d, BLOCK);
		tail_len = BLOCK;
	}
	cmac_finish(k, tag, tail, tail_len);
	e4_wipe(d, sizeof d);
	e4_wipe(tail, sizeof tail);
}

/* --- counter mode -------------------------------------------------------------- */

/* Two bits are cleared, so that the low 64 bits never overflow (2^63 blocks). */
static void ctr_start(uint8_t counter[16], const uint8_t tag[16])
{
	memcpy(counter, tag, BLOCK);
	counter[8] &= 0x7f;
	counter[12] &= 0x7f;
}

static void ctr_increment(uint8_t counter[16])
{
	unsigned carry = 1;
	for (int i = 15; i >= 8; i--) {
		carry += counter[i];
		counter[i] = (uint8_t)carry;
		carry >>= 8;
	}
}

/* out may be in, or lie before it. */
void e4_siv_ctr(const struct e4_aes_key *k, uint8_t *out, const uint8_t tag[16], const uint8_t *in,
		size_t len)
{
#if E4_AES == E4_AES_NATIVE
	if (k->native) {
		e4_native_ctr(k, out, tag, in, len);
		return;
	}
#endif
	uint8_t counter[BLOCK], stream[E4_AES_LANES * BLOCK];
	ctr_start(counter, tag);
	while (len > 0) {
		size_t n = len < sizeof stream ? len : sizeof stream;
		size_t blocks = (n + BLOCK - 1) / BLOCK;
		for (size_t i = 0; i < blocks; i++) {
			memcpy(stream + BLOCK * i, counter, BLOCK);
			ctr_increment(counter);
		}
		e4_aes_encrypt(k, stream, blocks);
		for (size_t i = 0; i < n; i++)
			out[i] = in[i] ^ stream[i];
		out += n;
		in += n;
		len -= n;
	}
	e4_wipe(stream, sizeof stream);
}

/* --- SIV ------------------------------------------------------------------------- */

void e4_siv_seal2(const struct e4_siv_key *mac, const struct e4_aes_key *key, uint8_t *out,
		  const struct e4_siv_ad *ad, size_t n_ad, const uint8_t *in, size_t len)
{
	uint8_t tag[BLOCK];
	s2v(mac, tag, ad, n_ad, in, len);
	e4_siv_ctr(key, out + BLOCK, tag, in, len);
	memcpy(out, tag, BLOCK);
}

bool e4_siv_open2(const struct e4_siv_key *mac, const struct e4_aes_key *key, uint8_t *out,
		  const struct e4_siv_ad *ad, size_t n_ad, const uint8_t *in, size_t in_len)
{
	if (in_len < BLOCK)
		return false;
	uint8_t tag[BLOCK], expected[BLOCK];
	size_t len = in_len - BLOCK;
	memcpy(tag, in, BLOCK); /* out may lie over it */
	e4_siv_ctr(key, out, tag, in + BLOCK, len);
	s2v(mac, expected, ad, n_ad, out, len);
	bool good = e4_equal(tag, expected, BLOCK);
	/* without a branch, so that the verdict is the caller's to make public */
	uint8_t mask = e4_mask(good);
	for (size_t i = 0; i < len; i++)
		out[i] &= mask;
	e4_wipe(expected, sizeof expected);
	return good;
}

void e4_siv_seal(const struct e4_siv_key *k, uint8_t *out, const void *ad, size_t ad_len,
		 const uint8_t *in, size_t len)
{
#if E4_AES == E4_AES_NATIVE
	if (k->aes.native) {
		e4_native_seal(k, out, ad, ad_len, in, len);
		return;
	}
#endif
	struct e4_siv_ad one = {ad, ad_len};
	e4_siv_seal2(k, &k->aes, out, &one, 1, in, len);
}

bool e4_siv_open(const struct e4_siv_key *k, uint8_t *out, const void *ad, size_t ad_len,
		 const uint8_t *in, size_t in_len)
{
#if E4_AES == E4_AES_NATIVE
	if (k->aes.native && in_len >= BLOCK)
		return e4_native_open(k, out, ad, ad_len, in, in_len);
#endif
	struct e4_siv_ad one = {ad, ad_len};
	return e4_siv_open2(k, &k->aes, out, &one, 1, in, in_len);
}
