/*
 * The primitives themselves, of arbitrary keys and bytes: SIV of every length up
 * to MAX_LEN, or with PROVE_SHA3 the hash and the comparisons. Buffers end where the length ends,
 * so that one byte more is an alarm.
 */
#include "any.h"
#include "siv.h"

#ifdef PROVE_SHA3
#define MAX_LEN 273 /* two blocks and one byte */
#else
#define MAX_LEN 130
#endif

static uint8_t from[MAX_LEN], to[MAX_LEN + 16], both[MAX_LEN + 16];

static void memory(size_t len)
{
	uint8_t other[MAX_LEN];

	any(from, MAX_LEN);
	any(other, MAX_LEN);
	e4_equal(from + MAX_LEN - len, other + MAX_LEN - len, len);
	e4_is_zero(from + MAX_LEN - len, len);
	e4_wipe(other + MAX_LEN - len, len);
}

static void hash_whole(size_t len)
{
	uint8_t digest[32];

	any(from, MAX_LEN);
	e4_sha3_256(digest, from + MAX_LEN - len, len);
	is_read(digest, sizeof digest);
}

/* Of every state that update can meet: arbitrary lanes, every position in the block. */
static void hash_from(uint8_t pos, size_t len)
{
	uint8_t digest[32];
	struct e4_sha3 h;

	any(&h, sizeof h);
	h.pos = pos;
	e4_sha3_update(&h, from + MAX_LEN - len, len);
	e4_sha3_final(&h, digest);
	is_read(digest, sizeof digest);
}

static void siv(const struct e4_siv_key *k, size_t len, size_t ad_len)
{
	uint8_t ad[32];
	uint8_t *in = from + MAX_LEN - len, *out = to + MAX_LEN - len,
		*place = both + MAX_LEN - len;

	any(ad, sizeof ad);
	any(from, MAX_LEN);
	e4_siv_seal(k, out, ad + sizeof ad - ad_len, ad_len, in, len);
	is_read(out, len + 16);
	any(to, sizeof to);
	any(from, MAX_LEN);
	e4_siv_open(k, in, ad + sizeof ad - ad_len, ad_len, out, len + 16);
	is_read(in, len);
	/* in place, in the three ways that the header allows */
	any(both, sizeof both);
	e4_siv_seal(k, place, ad, ad_len, place + 16, len);
	any(both, sizeof both);
	e4_siv_open(k, place + 16, ad, ad_len, place, len + 16);
	any(both, sizeof both);
	e4_siv_open(k, place, ad, ad_len, place, len + 16);
}

static void siv_too_short(const struct e4_siv_key *k)
{
	uint8_t tag[16], none[1];

	any(tag, sizeof tag);
	for (size_t len = 0; len < 16; len++)
		e4_siv_open(k, none, NULL, 0, tag + 16 - len, len);
}

static void siv_all(void)
{
	uint8_t key[32];
	struct e4_siv_key k;

	any(key, sizeof key);
	e4_siv_key_init(&k, key);
	is_read(k.k1, sizeof k.k1);
	is_read(k.k2, sizeof k.k2);
	is_read(k.d0, sizeof k.d0);
	siv_too_short(&k);
	for (size_t len = 0; len <= MAX_LEN; len++)
		siv(&k, len, 8);
	for (size_t ad_len = 0; ad_len <= 32; ad_len++)
		siv(&k, 20, ad_len);
#if E4_AES == E4_AES_CT32
	e4_siv_key_once(&k, key);
	for (size_t len = 0; len <= MAX_LEN; len++)
		siv(&k, len, 8);
#endif
}

/* Lengths around one and two blocks; the others differ by nothing but loop counts. */
static void hash_all(void)
{
	for (size_t len = 0; len <= 137; len++)
		hash_whole(len);
	for (size_t len = 271; len <= 273; len++)
		hash_whole(len);
	for (unsigned pos = 0; pos < 136; pos++)
		hash_from((uint8_t)pos, 17);
	hash_from(135, 1);
	hash_from(1, 272);
}

int main(void)
{
#ifdef PROVE_SHA3
	hash_all();
	for (size_t len = 0; len <= 130; len++)
		memory(len);
#else
	siv_all();
#endif
	Frama_C_show_each_end(1);
	return 0;
}
