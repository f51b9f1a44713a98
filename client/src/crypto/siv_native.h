/*
 * SIV of AES instructions, for the file of an architecture, which defines
 * before: TARGET, PART, vec, load, store, xor, and, from64, low64, high64,
 * reverse, add64, the steps of an encryption, sub_word, clear_registers.
 *
 * An AES instruction has a result after 3 or 4 cycles, but one or two can
 * start in each: what costs is waiting. So two blocks that do not wait for
 * each other go through AES side by side wherever there are two: associated
 * data beside the first plaintext block; when opening, the key stream of the
 * next block beside the chain over this one, which makes decrypting free.
 */

#include "bytes.h"

#include <string.h>

#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* From one round key of all lanes to the next. */
#define LANE_STRIDE (16 * E4_NATIVE_LANES)

/* The state after 13 rounds, of n blocks side by side; n is a constant at each call. */
PART void rounds(vec *x, size_t n, const uint8_t *keys)
{
	UNROLL
	for (size_t r = 1; r < 14; r++) {
		UNROLL
		for (size_t i = 0; i < n; i++)
			x[i] = aes_round(x[i], keys, r, 16);
	}
}

PART void encrypt(vec *x, size_t n, const uint8_t *keys)
{
	UNROLL
	for (size_t i = 0; i < n; i++)
		x[i] = aes_begin(x[i], keys);
	rounds(x, n, keys);
	UNROLL
	for (size_t i = 0; i < n; i++)
		x[i] = aes_last(x[i], keys, 16);
}

PART const uint8_t *keys_of(const struct e4_aes_key *k)
{
	return (const uint8_t *)k->round;
}

/* --- parts of blocks, never through the stack ------------------------------------ */

/* Up to 8 bytes. */
PART uint64_t load_some(const uint8_t *p, size_t n)
{
	if (n >= 4)
		return e4_load32(p) | (uint64_t)e4_load32(p + n - 4) << (8 * (n - 4));
	uint64_t v = 0;
	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

/* n below 16 bytes, zeros after them, and `end` at their end. */
PART vec load_part(const uint8_t *p, size_t n, uint64_t end)
{
	if (n < 8)
		return from64(load_some(p, n) | end << (8 * n), 0);
	return from64(e4_load64(p), load_some(p + 8, n - 8) | end << (8 * (n - 8)));
}

PART void store_part(uint8_t *p, vec v, size_t n)
{
	uint64_t some = low64(v);
	if (n >= 8) {
		e4_store64(p, some);
		some = high64(v);
		p += 8;
		n -= 8;
	}
	for (; n > 0; n--, some >>= 8)
		*p++ = (uint8_t)some;
}

/* --- CMAC and S2V ------------------------------------------------------------------ */

/* Times x in GF(2^128), as dbl of siv.c. */
PART vec dbl(vec v)
{
	vec n = reverse(v);
	uint64_t low = low64(n), high = high64(n);
	return reverse(from64(low << 1 ^ (0x87 & -(high >> 63)), high << 1 | low >> 63));
}

/* The chain over n >= 1 blocks. */
PART vec cbc(vec chain, const uint8_t *in, size_t n, const uint8_t *keys)
{
	vec x = aes_begin(xor(chain, load(in)), keys);
	for (; n > 1; n--) {
		in += 16;
		vec link = aes_link_key(load(in), keys);
		rounds(&x, 1, keys);
		x = aes_link(x, keys, link);
	}
	rounds(&x, 1, keys);
	return aes_last(x, keys, 16);
}

/* The last block of a CMAC, of 0 to 16 bytes: padded and masked. */
PART vec last_block(const struct e4_siv_key *k, const uint8_t *p, size_t n)
{
	return n == 16 ? xor(load(p), load(k->k1)) : xor(load_part(p, n, 0x80), load(k->k2));
}

/* What the last AES call of the CMAC over the associated data takes. */
PART vec ad_block(const struct e4_siv_key *k, const uint8_t *ad, size_t ad_len)
{
	vec chain = from64(0, 0);
	if (ad_len > 16) {
		size_t whole = (ad_len - 1) / 16;
		chain = cbc(chain, ad, whole, keys_of(&k->aes));
		ad += 16 * whole;
		ad_len -= 16 * whole;
	}
	return xor(chain, last_block(k, ad, ad_len));
}

/*
 * The end of S2V: chain stands before the last n bytes of the plaintext, which
 * are all of them if n < 16, else 16 to 31; d is what the associated data gave.
 */
PART vec s2v_end(const struct e4_siv_key *k, vec chain, vec d, const uint8_t *p, size_t n)
{
	vec x;
	if (n < 16) {
		x = xor(xor(load_part(p, n, 0x80), dbl(d)), load(k->k1));
	} else if (n == 16) {
		x = xor(xor(load(p), d), load(k->k1));
	} else {
		/* d goes over the last 16 bytes */
		uint8_t shifted[32];
		store(shifted, from64(0, 0));
		store(shifted + 16, from64(0, 0));
		store(shifted + n - 16, d);
		x = xor(chain, xor(load(p), load(shifted)));
		encrypt(&x, 1, keys_of(&k->aes));
		chain = x;
		x = xor(last_block(k, p + 16, n - 16), load(shifted + 16));
		store(shifted, from64(0, 0));
		store(shifted + 16, from64(0, 0));
		__asm__ volatile("" : : "r"(shifted) : "memory");
	}
	x = xor(x, chain);
	encrypt(&x, 1, keys_of(&k->aes));
	return x;
}

/* Whole blocks before s2v_end. */
PART size_t head_of(size_t len)
{
	return len < 16 ? 0 : (len - 16) / 16;
}

/* --- counter mode -------------------------------------------------------------------- */

/* The counter as a number; two bits are cleared, so its low half never overflows. */
PART vec ctr_start(vec tag)
{
	return and(reverse(tag), from64(0x7fffffff7fffffffu, ~(uint64_t)0));
}

PART vec ctr_block(vec counter, uint64_t i)
{
	return reverse(add64(counter, from64(i, 0)));
}

/* Up to n blocks; n is a constant at each call. */
PART void ctr_some(uint8_t *out, vec counter, const uint8_t *in, size_t len, size_t n,
		   const uint8_t *keys)
{
	vec x[8];
	UNROLL
	for (size_t i = 0; i < n; i++)
		x[i] = ctr_block(counter, i);
	encrypt(x, n, keys);
	UNROLL
	for (size_t i = 0; i < n; i++) {
		if (len >= 16 * (i + 1))
			store(out + 16 * i, xor(load(in + 16 * i), x[i]));
		else if (len > 16 * i)
			store_part(out + 16 * i, xor(load_part(in + 16 * i, len - 16 * i, 0), x[i]),
				   len - 16 * i);
	}
}

PART void ctr(const struct e4_aes_key *k, uint8_t *out, vec tag, const uint8_t *in, size_t len)
{
	const uint8_t *keys = keys_of(k);
	vec counter = ctr_start(tag);
#if E4_NATIVE_HAS_WIDE
	if (k->native & E4_NATIVE_WIDE && len > 128) {
		uint8_t number[16];
		store(number, counter);
		e4_wide_ctr(k, out, number, in, len);
		return;
	}
#endif
	for (; len > 64; out += 128, in += 128) {
		ctr_some(out, counter, in, len, 8, keys);
		if (len <= 128)
			return;
		len -= 128;
		counter = add64(counter, from64(8, 0));
	}
	ctr_some(out, counter, in, len, 4, keys);
}

/* --- what native.h declares ------------------------------------------------------------ */

/* FIPS 197 section 5.2. */
TARGET void e4_native_init(struct e4_aes_key *k, const uint8_t key[32])
{
	uint8_t *w = (uint8_t *)k->round;
	uint32_t rcon = 1, t = e4_load32(key + 28);
	memcpy(w, key, 32);
	for (size_t i = 8; i < 60; i++) {
		if (i % 8 == 0) {
			t = sub_word(t >> 8 | t << 24) ^ rcon;
			rcon <<= 1;
		} else if (i % 8 == 4) {
			t = sub_word(t);
		}
		t ^= e4_load32(w + 4 * (i - 8));
		e4_store32(w + 4 * i, t);
	}
	clear_registers();
}

TARGET void e4_native_encrypt(const struct e4_aes_key *k, uint8_t *blocks, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		vec x = load(blocks + 16 * i);
		encrypt(&x, 1, keys_of(k));
		store(blocks + 16 * i, x);
	}
	clear_registers();
}

TARGET void e4_native_cbc_mac(const struct e4_aes_key *k, uint8_t chain[16], const uint8_t *in,
			      size_t n)
{
	store(chain, cbc(load(chain), in, n, keys_of(k)));
	clear_registers();
}

TARGET void e4_native_ctr(const struct e4_aes_key *k, uint8_t *out, const uint8_t tag[16],
			  const uint8_t *in, size_t len)
{
	ctr(k, out, load(tag), in, len);
	clear_registers();
}

TARGET void e4_native_seal(const struct e4_siv_key *k, uint8_t *out, const uint8_t *ad,
			   size_t ad_len, const uint8_t *in, size_t len)
{
	const uint8_t *keys = keys_of(&k->aes);
	size_t head = head_of(len);
	/* the CMAC of the associated data, the chain */
	vec x[2] = {ad_block(k, ad, ad_len), from64(0, 0)};
	if (head > 0) {
		x[1] = load(in);
		encrypt(x, 2, keys);
		if (head > 1)
			x[1] = cbc(x[1], in + 16, head - 1, keys);
	} else {
		encrypt(x, 1, keys);
	}
	vec d = xor(dbl(load(k->d0)), x[0]);
	vec tag = s2v_end(k, x[1], d, in + 16 * head, len - 16 * head);
	ctr(&k->aes, out + 16, tag, in, len);
	store(out, tag);
	clear_registers();
}

/*
 * Decrypt to out and give the tag that the plaintext should have. The key
 * stream is one block ahead of the chain.
 */
PART vec open_stream(const struct e4_siv_key *k, uint8_t *out, vec a, vec tag, const uint8_t *in,
		     size_t len)
{
	const uint8_t *keys = keys_of(&k->aes);
	size_t head = head_of(len), rest = len - 16 * head;
	vec counter = ctr_start(tag), chain = from64(0, 0);
	vec x[2] = {a, ctr_block(counter, 0)};
	encrypt(x, 2, keys);
	vec d = xor(dbl(load(k->d0)), x[0]);
	for (size_t i = 0; i < head; i++) {
		vec p = xor(load(in), x[1]);
		store(out, p);
		in += 16;
		out += 16;
		counter = add64(counter, from64(1, 0));
		x[0] = xor(chain, p);
		x[1] = ctr_block(counter, 0);
		encrypt(x, 2, keys);
		chain = x[0];
	}
	uint8_t *last = out;
	size_t n = rest;
	if (n >= 16) {
		store(out, xor(load(in), x[1]));
		in += 16;
		out += 16;
		n -= 16;
		x[1] = ctr_block(counter, 1);
		if (n > 0)
			encrypt(x + 1, 1, keys);
	}
	if (n > 0)
		store_part(out, xor(load_part(in, n, 0), x[1]), n);
	return s2v_end(k, chain, d, last, rest);
}

/* All len bytes, or zeros; without a branch, as in siv.c. */
PART void keep_if(uint8_t *out, size_t len, bool good)
{
	uint64_t mask = (uint64_t)(int64_t)(int8_t)e4_mask(good);
	for (; len >= 16; len -= 16, out += 16)
		store(out, and(load(out), from64(mask, mask)));
	for (; len > 0; len--)
		*out++ &= (uint8_t)mask;
}

TARGET bool e4_native_open(const struct e4_siv_key *k, uint8_t *out, const uint8_t *ad,
			   size_t ad_len, const uint8_t *in, size_t in_len)
{
	vec tag = load(in); /* out may lie over it */
	vec a = ad_block(k, ad, ad_len);
	vec diff = xor(tag, open_stream(k, out, a, tag, in + 16, in_len - 16));
	uint64_t both = low64(diff) | high64(diff);
	bool good = (((both | -both) >> 63) ^ 1) & 1;
	keep_if(out, in_len - 16, good);
	clear_registers();
	return good;
}

/* --- eight chains at once ------------------------------------------------------------------ */

TARGET void e4_native_lane_key(uint8_t *keys, size_t lane, const struct e4_aes_key *k)
{
	for (size_t r = 0; r < 15; r++)
		memcpy(keys + LANE_STRIDE * r + 16 * lane, keys_of(k) + 16 * r, 16);
}

TARGET void e4_native_lanes_mac(const uint8_t *keys, uint8_t chain[][16], const uint8_t *const *in,
				size_t n)
{
	const uint8_t *at[E4_NATIVE_LANES];
	vec x[E4_NATIVE_LANES];
	UNROLL
	for (size_t i = 0; i < E4_NATIVE_LANES; i++) {
		x[i] = load(chain[i]);
		at[i] = in[i];
	}
	for (size_t offset = 0; offset < 16 * n; offset += 16) {
		UNROLL
		for (size_t i = 0; i < E4_NATIVE_LANES; i++)
			x[i] = aes_begin(xor(x[i], load(at[i] + offset)), keys + 16 * i);
		UNROLL
		for (size_t r = 1; r < 14; r++) {
			UNROLL
			for (size_t i = 0; i < E4_NATIVE_LANES; i++)
				x[i] = aes_round(x[i], keys + 16 * i, r, LANE_STRIDE);
		}
		UNROLL
		for (size_t i = 0; i < E4_NATIVE_LANES; i++)
			x[i] = aes_last(x[i], keys + 16 * i, LANE_STRIDE);
	}
	UNROLL
	for (size_t i = 0; i < E4_NATIVE_LANES; i++)
		store(chain[i], x[i]);
	clear_registers();
}
