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

static void encrypt1(const struct e4_siv_key *k, uint8_t chain[16])
{
	e4_aes_encrypt(&k->aes, chain, 1);
}

/* Add the end of a CMAC's input, 0 to 16 bytes, to the chaining value. */
static void add_last(const struct e4_siv_key *k, uint8_t chain[16], const uint8_t *in, size_t len)
{
	const uint8_t *mask = k->k1;
	xor_into(chain, in, len);
	if (len < BLOCK) {
		chain[len] ^= 0x80;
		mask = k->k2;
	}
	xor_into(chain, mask, BLOCK);
}

void e4_cmac(const struct e4_siv_key *mac, uint8_t tag[16], const uint8_t *in, size_t len)
{
	memset(tag, 0, BLOCK);
	if (len > BLOCK) {
		size_t whole = (len - 1) / BLOCK;
		e4_aes_cbc_mac(&mac->aes, tag, in, whole);
		in += BLOCK * whole;
		len -= BLOCK * whole;
	}
	add_last(mac, tag, in, len);
	encrypt1(mac, tag);
}

/* --- S2V (RFC 5297 section 2.4) --------------------------------------------- */

/* Put the CMAC of a string of associated data into d. */
static void add_ad(const struct e4_siv_key *k, uint8_t d[16], const uint8_t *ad, size_t ad_len)
{
	uint8_t mac[BLOCK];
	e4_cmac(k, mac, ad, ad_len);
	dbl(d);
	xor_into(d, mac, BLOCK);
	e4_wipe(mac, sizeof mac);
}

/* Whole blocks at the start that "xorend" leaves alone: it touches the last 16 bytes. */
static size_t head_of(size_t len)
{
	return len < BLOCK ? 0 : len / BLOCK - 1;
}

/*
 * The end of S2V: d holds the associated data, chain the CBC-MAC of the `done`
 * first blocks of the plaintext, in all of it. What would be put together in
 * a block first is added to chain as it comes. Uses d up.
 */
static void s2v_end(const struct e4_siv_key *k, uint8_t chain[16], uint8_t d[16], const uint8_t *in,
		    size_t len, size_t done)
{
	size_t head = head_of(len) - done, over = len % BLOCK;
	const uint8_t *end = d;
	if (len < BLOCK) {
		xor_into(chain, in, len);
		chain[len] ^= 0x80;
		dbl(d);
		over = BLOCK;
	} else {
		in += BLOCK * done;
		if (head > 0)
			e4_aes_cbc_mac(&k->aes, chain, in, head);
		in += BLOCK * head;
		xor_into(chain, in, BLOCK);
		if (over > 0) {
			xor_into(chain + over, d, BLOCK - over);
			encrypt1(k, chain);
			xor_into(chain, in + BLOCK, over);
			end += BLOCK - over;
		} else {
			over = BLOCK;
		}
	}
	add_last(k, chain, end, over);
	encrypt1(k, chain);
	e4_wipe(d, BLOCK);
}

/* S2V of one string of associated data and the plaintext. */
static void s2v(const struct e4_siv_key *k, uint8_t tag[16], const uint8_t *ad, size_t ad_len,
		const uint8_t *in, size_t len)
{
	uint8_t d[BLOCK];
	memcpy(d, k->d0, BLOCK);
	memset(tag, 0, BLOCK);
#if E4_AES_LANES > 1
	if (head_of(len) > 0 && ad_len <= BLOCK) {
		uint8_t pair[2][BLOCK] = {{0}, {0}};
		add_last(k, pair[0], ad, ad_len);
		memcpy(pair[1], in, BLOCK);
		e4_aes_encrypt(&k->aes, pair[0], 2);
		dbl(d);
		xor_into(d, pair[0], BLOCK);
		memcpy(tag, pair[1], BLOCK);
		e4_wipe(pair, sizeof pair);
		s2v_end(k, tag, d, in, len, 1);
		return;
	}
#endif
	add_ad(k, d, ad, ad_len);
	s2v_end(k, tag, d, in, len, 0);
}

/* The same for any number of strings. */
static void s2v_n(const struct e4_siv_key *k, uint8_t tag[16], const struct e4_siv_ad *ad,
		  size_t n_ad, const uint8_t *in, size_t len)
{
	uint8_t d[BLOCK];
	memcpy(d, k->d0, BLOCK);
	memset(tag, 0, BLOCK);
	for (size_t i = 0; i < n_ad; i++)
		add_ad(k, d, ad[i].data, ad[i].len);
	s2v_end(k, tag, d, in, len, 0);
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
static void ctr(const struct e4_aes_key *k, uint8_t *out, const uint8_t tag[16], const uint8_t *in,
		size_t len)
{
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

/* Takes the plaintext back if the tags differ. */
static bool judge(const uint8_t tag[16], uint8_t expected[16], uint8_t *out, size_t len)
{
	bool good = e4_equal(tag, expected, BLOCK);
	/* without a branch, so that the verdict is the caller's to make public */
	uint8_t mask = e4_mask(good);
	for (size_t i = 0; i < len; i++)
		out[i] &= mask;
	e4_wipe(expected, BLOCK);
	return good;
}

void e4_siv_seal(const struct e4_siv_key *k, uint8_t *out, const void *ad, size_t ad_len,
		 const uint8_t *in, size_t len)
{
	s2v(k, out, ad, ad_len, in, len);
	ctr(&k->aes, out + BLOCK, out, in, len);
}

bool e4_siv_open(const struct e4_siv_key *k, uint8_t *out, const void *ad, size_t ad_len,
		 const uint8_t *in, size_t in_len)
{
	uint8_t tag[BLOCK], expected[BLOCK];
	if (in_len < BLOCK)
		return false;
	in_len -= BLOCK;
	memcpy(tag, in, BLOCK); /* out may lie over it */
	ctr(&k->aes, out, tag, in + BLOCK, in_len);
	s2v(k, expected, ad, ad_len, out, in_len);
	return judge(tag, expected, out, in_len);
}

void e4_siv_seal2(const struct e4_siv_key *mac, const struct e4_aes_key *key, uint8_t *out,
		  const struct e4_siv_ad *ad, size_t n_ad, const uint8_t *in, size_t len)
{
	s2v_n(mac, out, ad, n_ad, in, len);
	ctr(key, out + BLOCK, out, in, len);
}

bool e4_siv_open2(const struct e4_siv_key *mac, const struct e4_aes_key *key, uint8_t *out,
		  const struct e4_siv_ad *ad, size_t n_ad, const uint8_t *in, size_t in_len)
{
	uint8_t tag[BLOCK], expected[BLOCK];
	if (in_len < BLOCK)
		return false;
	in_len -= BLOCK;
	memcpy(tag, in, BLOCK);
	ctr(key, out, tag, in + BLOCK, in_len);
	s2v_n(mac, expected, ad, n_ad, out, in_len);
	return judge(tag, expected, out, in_len);
}
