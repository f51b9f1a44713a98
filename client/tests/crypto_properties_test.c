/*
 * What must hold for every length and every input, beside the vectors; with
 * OpenSSL as the second opinion. Inputs come from a fixed sequence, so a
 * failure comes again.
 */
#include "check.h"
#include "siv.h"
#ifdef E4_TEST_ALONE /* on a board: what holds without a second opinion */
#include <stdlib.h>
#else
#include "crypto_peers.h"
#endif

#include <stdbool.h>
#include <stdio.h>

#ifndef MAX_LEN
#define MAX_LEN 300
#endif

/* SHA3-256 in counter mode; must not be what is tested alone (it is, by hash.json). */
static void fill(uint8_t *out, size_t len)
{
	static uint64_t counter;
	while (len > 0) {
		uint8_t block[32];
		size_t n = len < sizeof block ? len : sizeof block;
		counter++;
		e4_sha3_256(block, &counter, sizeof counter);
		memcpy(out, block, n);
		out += n;
		len -= n;
	}
}

static size_t below(size_t limit)
{
	uint64_t r;
	fill((uint8_t *)&r, sizeof r);
	return (size_t)(r % limit);
}

/* Exactly len bytes of random content on the heap, so that ASan sees each overrun. */
static uint8_t *random_bytes(size_t len)
{
	uint8_t *p = malloc(len ? len : 1);
	if (!p)
		abort();
	fill(p, len);
	return p;
}

struct sample {
	struct e4_siv_key key;
	uint8_t raw[32];
	uint8_t *plain, *sealed, *ad;
	size_t len, ad_len;
};

static void sample_init(struct sample *s, size_t len, size_t ad_len)
{
	fill(s->raw, sizeof s->raw);
	e4_siv_key_init(&s->key, s->raw);
	s->len = len;
	s->ad_len = ad_len;
	s->plain = random_bytes(len);
	s->ad = random_bytes(ad_len);
	s->sealed = random_bytes(len + 16);
	e4_siv_seal(&s->key, s->sealed, s->ad, ad_len, s->plain, len);
}

static void sample_wipe(struct sample *s)
{
	free(s->plain);
	free(s->sealed);
	free(s->ad);
	e4_wipe(&s->key, sizeof s->key);
}

static bool opens_to_zeros(const struct sample *s, const uint8_t *sealed, size_t sealed_len,
			   const uint8_t *ad, size_t ad_len)
{
	size_t len = sealed_len < 16 ? 0 : sealed_len - 16;
	uint8_t *out = random_bytes(len);
	bool refused = !e4_siv_open(&s->key, out, ad, ad_len, sealed, sealed_len);
	bool zeros = e4_is_zero(out, len);
	free(out);
	return refused && zeros;
}

static void every_length_opens_again(void)
{
	for (size_t len = 0; len <= MAX_LEN; len++) {
		struct sample s;
		sample_init(&s, len, len % 2 ? 8 : len % 40);
		uint8_t *out = random_bytes(len);
		CHECK(e4_siv_open(&s.key, out, s.ad, s.ad_len, s.sealed, len + 16));
		CHECK_MEM(out, s.plain, len);
		free(out);
		sample_wipe(&s);
	}
}

static void in_place_gives_the_same(void)
{
	for (size_t len = 0; len <= MAX_LEN; len++) {
		struct sample s;
		sample_init(&s, len, 8);
		uint8_t *buf = random_bytes(len + 16);
		memcpy(buf + 16, s.plain, len);
		e4_siv_seal(&s.key, buf, s.ad, 8, buf + 16, len);
		CHECK_MEM(buf, s.sealed, len + 16);
		CHECK(e4_siv_open(&s.key, buf + 16, s.ad, 8, buf, len + 16));
		CHECK_MEM(buf + 16, s.plain, len);
		memcpy(buf, s.sealed, len + 16);
		CHECK(e4_siv_open(&s.key, buf, s.ad, 8, buf, len + 16));
		CHECK_MEM(buf, s.plain, len);
		memcpy(buf, s.sealed, len + 16);
		buf[below(16)] ^= 4;
		CHECK(!e4_siv_open(&s.key, buf, s.ad, 8, buf, len + 16));
		CHECK(e4_is_zero(buf, len));
		free(buf);
		sample_wipe(&s);
	}
}

/* All bits for short messages, then every byte once. */
static void each_flipped_bit_is_refused(void)
{
	for (size_t len = 0; len <= MAX_LEN; len++) {
		struct sample s;
		size_t refused = 0, step = len <= 48 ? 1 : 9, tried = 0;
		sample_init(&s, len, 8);
		for (size_t bit = 0; bit < 8 * (len + 16); bit += step, tried++) {
			s.sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
			refused += opens_to_zeros(&s, s.sealed, len + 16, s.ad, 8);
			s.sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		CHECK_EQ(refused, tried);
		for (size_t bit = 0; bit < 64; bit++) {
			s.ad[bit / 8] ^= (uint8_t)(1u << bit % 8);
			CHECK(opens_to_zeros(&s, s.sealed, len + 16, s.ad, 8));
			s.ad[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		sample_wipe(&s);
	}
}

static void each_truncation_is_refused(void)
{
	struct sample s;
	sample_init(&s, 100, 8);
	for (size_t n = 0; n < 116; n++) {
		uint8_t *cut = random_bytes(n);
		memcpy(cut, s.sealed, n);
		CHECK(opens_to_zeros(&s, cut, n, s.ad, 8));
		free(cut);
	}
	CHECK(!e4_siv_open(&s.key, NULL, NULL, 0, NULL, 0));
	sample_wipe(&s);
}

static void associated_data_is_bound_in_content_and_length(void)
{
	struct sample s;
	sample_init(&s, 40, 16);
	memset(s.ad, 0, 16);
	e4_siv_seal(&s.key, s.sealed, s.ad, 8, s.plain, s.len);
	for (size_t n = 0; n <= 16; n++)
		CHECK_EQ(opens_to_zeros(&s, s.sealed, s.len + 16, s.ad, n), n != 8);
	CHECK(opens_to_zeros(&s, s.sealed, s.len + 16, NULL, 0));
	sample_wipe(&s);
}

#ifndef E4_TEST_ALONE

static void one_agrees_with_openssl(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *siv, size_t len,
				    size_t ad_len)
{
	struct sample s;
	sample_init(&s, len, ad_len);
	uint8_t *theirs = random_bytes(len + 16), *out = random_bytes(len);
	peer_siv_seal(ctx, siv, theirs, s.raw, s.ad, ad_len, s.plain, len);
	CHECK_MEM(s.sealed, theirs, len + 16);
	CHECK(peer_siv_open(ctx, siv, out, s.raw, s.ad, ad_len, s.sealed, len + 16));
	CHECK_MEM(out, s.plain, len);
	free(theirs);
	free(out);
	sample_wipe(&s);
}

static void siv_agrees_with_openssl(void)
{
	EVP_CIPHER *siv = peer_siv_new();
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	for (size_t len = 1; len <= MAX_LEN; len++)
		one_agrees_with_openssl(ctx, siv, len, 1 + len % 40);
	for (int i = 0; i < 300; i++)
		one_agrees_with_openssl(ctx, siv, 1 + below(5000), 1 + below(100));
	one_agrees_with_openssl(ctx, siv, 65535, 8);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(siv);
}

/* The blocks of one call do not depend on each other, nor on their number. */
static void aes_lanes_agree_with_openssl(void)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	for (int i = 0; i < 200; i++) {
		uint8_t raw[32], blocks[16 * E4_AES_LANES], want[16 * E4_AES_LANES];
		struct e4_aes_key k;
		int out_len, bytes = 16 * (1 + i % E4_AES_LANES);
		fill(raw, sizeof raw);
		fill(blocks, sizeof blocks);
		peer_must(EVP_EncryptInit_ex(ctx, EVP_aes_256_ecb(), NULL, raw, NULL));
		peer_must(EVP_EncryptUpdate(ctx, want, &out_len, blocks, bytes));
		memcpy(want + bytes, blocks + bytes, sizeof blocks - (size_t)bytes);
		e4_aes_init(&k, raw);
		e4_aes_encrypt(&k, blocks, (size_t)bytes / 16);
		CHECK_MEM(blocks, want, sizeof blocks);
	}
	EVP_CIPHER_CTX_free(ctx);
}

#endif

static void sha3_agrees_with_openssl_however_it_is_cut(void)
{
	for (size_t len = 0; len <= (size_t)3 * MAX_LEN; len++) {
		uint8_t *in = random_bytes(len), got[32], want[32];
		struct e4_sha3 h;
		size_t done = 0;
		e4_sha3_256(got, in, len);
#ifdef E4_TEST_ALONE
		memcpy(want, got, 32);
#else
		peer_must(EVP_Digest(in, len, want, NULL, EVP_sha3_256(), NULL));
#endif
		CHECK_MEM(got, want, 32);
		e4_sha3_init(&h);
		while (done < len) {
			size_t n = 1 + below(len - done);
			e4_sha3_update(&h, in + done, n);
			done += n;
		}
		e4_sha3_update(&h, NULL, 0);
		e4_sha3_final(&h, got);
		CHECK_MEM(got, want, 32);
		CHECK(e4_is_zero(&h, sizeof h));
		free(in);
	}
}

static void comparisons_see_every_bit(void)
{
	uint8_t a[40] = {0}, b[40] = {0};
	CHECK(e4_equal(NULL, NULL, 0));
	CHECK(e4_is_zero(NULL, 0));
	for (size_t bit = 0; bit < 320; bit++) {
		CHECK(e4_equal(a, b, sizeof a));
		CHECK(e4_is_zero(a, sizeof a));
		a[bit / 8] = (uint8_t)(1u << bit % 8);
		CHECK(!e4_equal(a, b, sizeof a));
		CHECK(!e4_is_zero(a, sizeof a));
		a[bit / 8] = 0;
	}
	memset(a, 0xff, sizeof a);
	CHECK(!e4_equal(a, b, sizeof a));
	CHECK(!e4_is_zero(a, sizeof a));
	e4_wipe(a, sizeof a);
	CHECK_MEM(a, b, sizeof a);
	e4_wipe(NULL, 0);
}

int main(void)
{
	RUN(every_length_opens_again);
	RUN(in_place_gives_the_same);
	RUN(each_flipped_bit_is_refused);
	RUN(each_truncation_is_refused);
	RUN(associated_data_is_bound_in_content_and_length);
#ifndef E4_TEST_ALONE
	RUN(siv_agrees_with_openssl);
	RUN(aes_lanes_agree_with_openssl);
#endif
	RUN(sha3_agrees_with_openssl_however_it_is_cut);
	RUN(comparisons_see_every_bit);
	return END();
}
