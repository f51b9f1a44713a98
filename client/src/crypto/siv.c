/*
 * AES-CMAC (RFC 4493) and SIV (RFC 5297).
 *
 * The cost of a short message is the number of AES calls that wait for each
 * other. CMAC is such a chain; counter mode is not. The associated data enters
 * the chain only with the last 16 bytes of the plaintext, so its own CMAC goes
 * beside a plaintext block in one call, and so does d0 under a key for one message.
 */
#include "siv.h"

#include "bytes.h"
#include "lanes.h"

#include <string.h>

#define BLOCK E4_AES_BLOCK

#if defined(__GNUC__)
#define MERGED static inline __attribute__((always_inline))
#else
#define MERGED static inline
#endif

#if E4_AES == E4_AES_SMALL8
#define ALIGNED(p) 0 /* words are no gain */
#elif defined(__ARM_FEATURE_UNALIGNED) || defined(__x86_64__)
#define ALIGNED(p) 1
#else
#define ALIGNED(p) ((uintptr_t)(p) % 4 == 0)
#endif
#if defined(__GNUC__) && !defined(__FRAMAC__) /* which does not know this builtin */
#define WORD(p) __builtin_assume_aligned((p), ALIGNED(1) ? 1 : 4)
#else
#define WORD(p) (p)
#endif

/*
 * out = a ^ b; out may be a or b, or lie before them. Lengths within a call are
 * uint_fast8_t: a byte where that is what registers hold.
 */
MERGED void xor_to(uint8_t *out, const uint8_t *a, const uint8_t *b, uint_fast8_t len)
{
	uint_fast8_t i = 0;
	if (ALIGNED(out) && ALIGNED(a) && ALIGNED(b)) {
		for (; i + 4 <= len; i += 4) {
			uint32_t x, y;
			memcpy(&x, WORD(a + i), 4);
			memcpy(&y, WORD(b + i), 4);
			x ^= y;
			memcpy(WORD(out + i), &x, 4);
		}
	}
	for (; i < len; i++)
		out[i] = a[i] ^ b[i];
}

/* Not merged: gcc 12 would take any length for possible, and warn. */
#if defined(__GNUC__)
__attribute__((noinline))
#endif
static void
xor_into(uint8_t *a, const uint8_t *b, uint_fast8_t len)
{
	xor_to(a, a, b, len);
}

/* Times x in GF(2^128), big-endian, without a branch on the bit that falls out. */
static void dbl(uint8_t b[16])
{
	uint8_t carry = 0;
	for (uint_fast8_t i = BLOCK; i-- > 0;) {
		uint8_t x = b[i];
		b[i] = (uint8_t)(x << 1 | carry);
		carry = x >> 7;
	}
	b[15] ^= 0x87 & -carry;
}

static void encrypt1(const struct e4_siv_key *k, uint8_t block[16])
{
	e4_aes_encrypt(&k->aes, block, 1);
}

#if E4_AES == E4_AES_CT32
void e4_siv_key_once(struct e4_siv_key *k, const uint8_t key[32])
#else
void e4_siv_key_init(struct e4_siv_key *k, const uint8_t key[32])
#endif
{
	e4_aes_init(&k->aes, key);
	memset(k->k1, 0, BLOCK);
	encrypt1(k, k->k1);
	dbl(k->k1);
	memcpy(k->k2, k->k1, BLOCK);
	dbl(k->k2);
	/* CMAC of one whole block of zeros */
	memcpy(k->d0, k->k1, BLOCK);
#if E4_AES == E4_AES_CT32
	k->once = true;
}

void e4_siv_key_init(struct e4_siv_key *k, const uint8_t key[32])
{
	e4_siv_key_once(k, key);
	k->once = false;
#endif
	encrypt1(k, k->d0);
}

/* --- CMAC and S2V (RFC 5297 section 2.4) -------------------------------------- */

/* Add the last 0 to 16 bytes of a CMAC's input to its chaining value. */
static void add_last(const struct e4_siv_key *k, uint8_t chain[16], const uint8_t *in,
		     uint_fast8_t len)
{
	const uint8_t *mask = k->k1;
	xor_into(chain, in, len);
	if (len < BLOCK) {
		chain[len] ^= 0x80;
		mask = k->k2;
	}
	xor_into(chain, mask, BLOCK);
}

/*
 * Go on with a CMAC from a chaining value. If d is given, it is added to the
 * last 16 bytes of the input ("xorend"), which then has at least 16. Everything
 * is added to chain as it comes, so that nothing is put together elsewhere.
 */
static void cmac(const struct e4_siv_key *k, uint8_t chain[16], const uint8_t *in, size_t len,
		 const uint8_t *d)
{
#if E4_AES_LANES > 1 /* else the loop below is as good */
	if (len > 2 * BLOCK) {
		size_t head = (len - BLOCK - 1) / BLOCK; /* leaves 17 to 32 */
		e4_aes_cbc_mac(&k->aes, chain, in, head);
		in += BLOCK * head;
		len -= BLOCK * head;
	}
#endif
	for (; len > BLOCK; len -= BLOCK) {
		xor_into(chain, in, BLOCK);
		if (d && len < 2 * BLOCK)
			xor_into(chain + (len - BLOCK), d, (uint_fast8_t)(2 * BLOCK - len));
		encrypt1(k, chain);
		in += BLOCK;
	}
	if (d)
		xor_into(chain, d + (BLOCK - len), (uint_fast8_t)len);
	add_last(k, chain, in, (uint_fast8_t)len);
	encrypt1(k, chain);
}

void e4_cmac(const struct e4_siv_key *mac, uint8_t tag[16], const uint8_t *in, size_t len)
{
	memset(tag, 0, BLOCK);
	cmac(mac, tag, in, len, NULL);
}

/* The CMAC of a string of associated data goes into d. */
MERGED void add_ad(const struct e4_siv_key *k, uint8_t d[16], uint8_t scratch[16],
		   const uint8_t *ad, size_t ad_len)
{
	e4_cmac(k, scratch, ad, ad_len);
	dbl(d);
	xor_into(d, scratch, BLOCK);
}

/* The end of S2V: d holds the associated data, and is used up; chain begins as zeros. */
static void s2v_end(const struct e4_siv_key *k, uint8_t chain[16], uint8_t d[16], const uint8_t *in,
		    size_t len)
{
	if (len < BLOCK) {
		xor_into(chain, in, (uint_fast8_t)len);
		chain[len] ^= 0x80;
		dbl(d);
		cmac(k, chain, d, BLOCK, NULL);
	} else {
		cmac(k, chain, in, len, d);
	}
	e4_wipe(d, BLOCK);
}

#if E4_AES_LANES > 1

/* Encrypt b[0]; beside it, if the end of S2V leaves it one, the next block of the chain in b[1]. */
static void beside(const struct e4_siv_key *k, uint8_t b[2][BLOCK], const uint8_t **in, size_t *len)
{
	size_t n = 1;
	if (*len >= 2 * BLOCK) {
		xor_into(b[1], *in, BLOCK);
		*in += BLOCK;
		*len -= BLOCK;
		n = 2;
	}
	e4_aes_encrypt(&k->aes, b[0], n);
}

/*
 * S2V of one string of associated data and the plaintext. In b: the last block of the CMAC of
 * the associated data, then d0 if it is not there yet, and the chain of the plaintext.
 */
static void s2v(const struct e4_siv_key *k, uint8_t tag[16], const uint8_t *ad, size_t ad_len,
		const uint8_t *in, size_t len)
{
	uint8_t d[BLOCK], b[3][BLOCK] = {{0}, {0}, {0}};
	bool done = false;
	if (ad_len > BLOCK) {
		size_t head = (ad_len - 1) / BLOCK;
		e4_aes_cbc_mac(&k->aes, b[0], ad, head);
		ad += BLOCK * head;
		ad_len -= BLOCK * head;
	}
	add_last(k, b[0], ad, (uint_fast8_t)ad_len);
	memcpy(b[1], k->d0, BLOCK);
#if E4_AES == E4_AES_CT32
	done = k->once && len < 3 * BLOCK; /* no two blocks of the chain are free */
	if (done)
		e4_aes_encrypt(&k->aes, b[0], 2);
	else if (k->once)
		beside(k, b + 1, &in, &len);
#endif
	memcpy(d, b[1], BLOCK);
	memcpy(b[1], b[0], BLOCK);
	if (!done)
		beside(k, b + 1, &in, &len);
	dbl(d);
	xor_into(d, b[1], BLOCK);
	memcpy(tag, b[2], BLOCK);
	e4_wipe(b, sizeof b);
	s2v_end(k, tag, d, in, len);
}

#else

/* S2V of one string of associated data and the plaintext. */
static void s2v(const struct e4_siv_key *k, uint8_t tag[16], const uint8_t *ad, size_t ad_len,
		const uint8_t *in, size_t len)
{
	uint8_t d[BLOCK];
	memcpy(d, k->d0, BLOCK);
	add_ad(k, d, tag, ad, ad_len);
	memset(tag, 0, BLOCK);
	s2v_end(k, tag, d, in, len);
}

#endif

/* The same for any number of strings. */
static void s2v_n(const struct e4_siv_key *k, uint8_t tag[16], const struct e4_siv_ad *ad,
		  size_t n_ad, const uint8_t *in, size_t len)
{
	uint8_t d[BLOCK];
	memcpy(d, k->d0, BLOCK);
	for (size_t i = 0; i < n_ad; i++)
		add_ad(k, d, tag, ad[i].data, ad[i].len);
	memset(tag, 0, BLOCK);
	s2v_end(k, tag, d, in, len);
}

/* --- counter mode -------------------------------------------------------------- */

/*
 * Counter number i. The highest bits of the last four and eight bytes are
 * cleared, so nothing is carried out of them; i times 16 is a length.
 */
static void counter(uint8_t block[16], const uint8_t tag[16], size_t i)
{
	memcpy(block, tag, BLOCK);
	block[8] &= 0x7f;
	block[12] &= 0x7f;
	for (uint_fast8_t at = 15; at >= (sizeof i > 4 ? 8 : 12); at--) {
		i += block[at];
		block[at] = (uint8_t)i;
		i >>= 8;
	}
}

/* out may be in, or lie before it. */
static void ctr(const struct e4_aes_key *k, uint8_t *out, const uint8_t tag[16], const uint8_t *in,
		size_t len)
{
	uint8_t stream[E4_AES_LANES * BLOCK];
	for (size_t block = 0; len > 0;) {
		uint_fast8_t n = 0;
		do {
			counter(stream + n, tag, block++);
			n += BLOCK;
		} while (n < sizeof stream && n < len);
		e4_aes_encrypt(k, stream, n / BLOCK);
		if (n > len)
			n = (uint_fast8_t)len;
		xor_to(out, in, stream, n);
		out += n;
		in += n;
		len -= n;
	}
	e4_wipe(stream, sizeof stream);
}

#if E4_AES == E4_AES_CT64 || E4_AES == E4_AES_NATIVE
void e4_lanes_ctr(const struct e4_aes_key *k, uint8_t *out, const uint8_t tag[16],
		  const uint8_t *in, size_t len)
{
#if E4_AES == E4_AES_NATIVE
	if (k->native) {
		e4_native_ctr(k, out, tag, in, len);
		return;
	}
#endif
	ctr(k, out, tag, in, len);
}
#endif

/* --- SIV ------------------------------------------------------------------------- */

/* Takes the plaintext back if the tags differ. */
MERGED bool judge(const uint8_t tag[16], uint8_t expected[16], uint8_t *out, size_t len)
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
#if E4_AES == E4_AES_NATIVE
	if (k->aes.native) {
		e4_native_seal(k, out, ad, ad_len, in, len);
		return;
	}
#endif
	s2v(k, out, ad, ad_len, in, len);
	ctr(&k->aes, out + BLOCK, out, in, len);
}

bool e4_siv_open(const struct e4_siv_key *k, uint8_t *out, const void *ad, size_t ad_len,
		 const uint8_t *in, size_t in_len)
{
	uint8_t tag[BLOCK], expected[BLOCK];
	if (in_len < BLOCK)
		return false;
#if E4_AES == E4_AES_NATIVE
	if (k->aes.native)
		return e4_native_open(k, out, ad, ad_len, in, in_len);
#endif
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
