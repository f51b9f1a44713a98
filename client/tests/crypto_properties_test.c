/*
 * What must hold for every length and every input, beside the vectors; with
 * OpenSSL as the second opinion. Inputs come from a fixed sequence, so a
 * failure comes again.
 */
#include "check.h"
#include "native.h"
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

/* What E4_AES_NATIVE does on this CPU, and on lesser ones: no wide instructions, or none. */
enum form { AS_IT_IS, NARROW, BITSLICED };
static enum form form = AS_IT_IS;

static void key_init(struct e4_siv_key *k, const uint8_t raw[32])
{
	e4_siv_key_init(k, raw);
#if E4_AES == E4_AES_NATIVE
	if (form == NARROW)
		k->aes.native &= E4_NATIVE_AES;
	if (form == BITSLICED) {
		e4_ct64_init(&k->aes, raw);
		k->aes.native = 0;
	}
#endif
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
	key_init(&s->key, s->raw);
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

static void once_is_the_same(size_t len, size_t ad_len)
{
	struct sample s;
	struct e4_siv_key once;
	sample_init(&s, len, ad_len);
	uint8_t *sealed = random_bytes(len + 16), *out = random_bytes(len);
	e4_siv_key_once(&once, s.raw);
	e4_siv_seal(&once, sealed, s.ad, ad_len, s.plain, len);
	CHECK_MEM(sealed, s.sealed, len + 16);
	e4_siv_key_once(&once, s.raw);
	CHECK(e4_siv_open(&once, out, s.ad, ad_len, s.sealed, len + 16));
	CHECK_MEM(out, s.plain, len);
	sealed[below(len + 16)] ^= 1;
	e4_siv_key_once(&once, s.raw);
	CHECK(!e4_siv_open(&once, out, s.ad, ad_len, sealed, len + 16));
	CHECK(e4_is_zero(out, len));
	free(sealed);
	free(out);
	sample_wipe(&s);
}

static void a_key_for_one_message_gives_the_same(void)
{
	static const size_t ad_lens[] = {0, 8, 16, 17, 40};
	for (size_t i = 0; i < sizeof ad_lens / sizeof *ad_lens; i++)
		for (size_t len = 0; len <= MAX_LEN; len++)
			once_is_the_same(len, ad_lens[i]);
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

#endif

/* Batches take memory that small boards have not. */
#if !defined(E4_TEST_ALONE) || UINTPTR_MAX > 0xffffffff
#define BATCHES 1
#else
#define BATCHES 0
#endif

#if BATCHES

/* --- batches ------------------------------------------------------------------------- */

#define MAX_JOBS 40

/* n messages whose lengths and keys are mixed as the caller says. */
struct pile {
	struct sample samples[MAX_JOBS];
	struct e4_siv_job jobs[MAX_JOBS];
	uint8_t *buffers[MAX_JOBS];
	size_t n;
};

static void pile_add(struct pile *p, size_t len, size_t ad_len)
{
	sample_init(&p->samples[p->n++], len, ad_len);
}

/* Jobs that seal every sample; in_place: from the place of the ciphertext. */
static void pile_seal_jobs(struct pile *p, bool in_place)
{
	for (size_t i = 0; i < p->n; i++) {
		struct sample *s = &p->samples[i];
		uint8_t *buf = random_bytes(s->len + 16);
		if (in_place)
			memcpy(buf + 16, s->plain, s->len);
		p->buffers[i] = buf;
		p->jobs[i] = (struct e4_siv_job){
			&s->key, s->ad, s->ad_len, in_place ? buf + 16 : s->plain,
			s->len,  buf,   false};
	}
}

/* Jobs that open every sample; shift: out is in + 16 (1), in (0), or elsewhere (2). */
static void pile_open_jobs(struct pile *p, int shift)
{
	for (size_t i = 0; i < p->n; i++) {
		struct sample *s = &p->samples[i];
		uint8_t *buf = random_bytes(s->len + 16);
		memcpy(buf, s->sealed, s->len + 16);
		p->buffers[i] = buf;
		p->jobs[i] = (struct e4_siv_job){&s->key,     s->ad,
						 s->ad_len,   shift == 2 ? s->sealed : buf,
						 s->len + 16, shift == 1 ? buf + 16 : buf,
						 false};
	}
}

static void pile_free_buffers(struct pile *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->buffers[i]);
}

static void pile_is_sealed(struct pile *p, bool in_place)
{
	pile_seal_jobs(p, in_place);
	e4_siv_seal_batch(p->jobs, p->n);
	for (size_t i = 0; i < p->n; i++) {
		CHECK(p->jobs[i].ok);
		CHECK_MEM(p->buffers[i], p->samples[i].sealed, p->samples[i].len + 16);
	}
	pile_free_buffers(p);
}

/* Every damage-th message (if not 0; then shift is not 2) has a bit flipped: it alone is refused
 * and wiped. */
static void pile_is_opened(struct pile *p, int shift, size_t damage)
{
	pile_open_jobs(p, shift);
	for (size_t i = 0; damage && i < p->n; i += damage)
		p->buffers[i][below(p->jobs[i].len)] ^= 1;
	e4_siv_open_batch(p->jobs, p->n);
	for (size_t i = 0; i < p->n; i++) {
		struct sample *s = &p->samples[i];
		bool bad = damage && i % damage == 0;
		CHECK_EQ(p->jobs[i].ok, !bad);
		if (bad)
			CHECK(e4_is_zero(p->jobs[i].out, s->len));
		else
			CHECK_MEM(p->jobs[i].out, s->plain, s->len);
	}
	pile_free_buffers(p);
}

static void pile_holds(struct pile *p)
{
	pile_is_sealed(p, false);
	pile_is_sealed(p, true);
	for (int shift = 0; shift <= 2; shift++)
		pile_is_opened(p, shift, 0);
	pile_is_opened(p, 0, 3);
	pile_is_opened(p, 1, 1 + below(MAX_JOBS));
	for (size_t i = 0; i < p->n; i++)
		sample_wipe(&p->samples[i]);
	p->n = 0;
}

static void a_batch_is_the_same_as_one_by_one(void)
{
	static struct pile p;
	e4_siv_seal_batch(NULL, 0);
	e4_siv_open_batch(NULL, 0);
	for (size_t len = 0; len <= MAX_LEN; len++) { /* equal lengths, every number */
		for (size_t i = 0; i <= len % 18; i++)
			pile_add(&p, len, 8);
		pile_holds(&p);
	}
	for (int turn = 0; turn < 300; turn++) { /* all mixed */
		size_t n = 1 + below(MAX_JOBS), limit = turn % 10 == 0 ? 5000 : 100;
		for (size_t i = 0; i < n; i++)
			pile_add(&p, below(limit), below(60));
		pile_holds(&p);
	}
}

static void a_batch_refuses_what_is_too_short_for_a_tag(void)
{
	static struct pile p;
	for (size_t i = 0; i < 20; i++)
		pile_add(&p, i, 8);
	pile_open_jobs(&p, 0);
	for (size_t i = 0; i < p.n; i += 2)
		p.jobs[i].len = below(16);
	e4_siv_open_batch(p.jobs, p.n);
	for (size_t i = 0; i < p.n; i++)
		CHECK_EQ(p.jobs[i].ok, i % 2 == 1);
	pile_free_buffers(&p);
	for (size_t i = 0; i < p.n; i++)
		sample_wipe(&p.samples[i]);
	p.n = 0;
}

/* As when some were made before the C library had looked at the CPU. */
static void a_batch_takes_keys_of_different_forms(void)
{
	static struct pile p;
	for (size_t i = 0; i < 20; i++) {
		form = (enum form)(i % 3);
		pile_add(&p, 20 * i, 8);
	}
	form = AS_IT_IS;
	pile_holds(&p);
}

#endif

#ifndef E4_TEST_ALONE

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
		memset(got, 0, sizeof got);
		e4_sha3_short(got, (uint8_t)(len % 33), in, len);
		CHECK_MEM(got, want, len % 33);
		CHECK(e4_is_zero(got + len % 33, 32 - len % 33));
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

static void siv_holds(void)
{
	RUN(every_length_opens_again);
	RUN(in_place_gives_the_same);
	RUN(a_key_for_one_message_gives_the_same);
	RUN(each_flipped_bit_is_refused);
	RUN(each_truncation_is_refused);
	RUN(associated_data_is_bound_in_content_and_length);
#ifndef E4_TEST_ALONE
	RUN(siv_agrees_with_openssl);
#endif
#if BATCHES
	RUN(a_batch_is_the_same_as_one_by_one);
	RUN(a_batch_refuses_what_is_too_short_for_a_tag);
#endif
}

int main(void)
{
	siv_holds();
	if (E4_AES == E4_AES_NATIVE) {
		form = NARROW;
		siv_holds();
		form = BITSLICED;
		siv_holds();
		form = AS_IT_IS;
	}
#if BATCHES
	RUN(a_batch_takes_keys_of_different_forms);
#endif
#ifndef E4_TEST_ALONE
	RUN(aes_lanes_agree_with_openssl);
#endif
	RUN(sha3_agrees_with_openssl_however_it_is_cut);
	RUN(comparisons_see_every_bit);
	return END();
}
