/*
 * Argon2i (RFC 9106), reduced to one pass, no salt, no secret, no associated
 * data. libsodium and libargon2 refuse an empty salt, and fleets exist whose
 * keys were made with one (protocol.md section 7). Nothing else uses this.
 *
 * Memory is lanes * lane_len blocks of 1 KiB; each lane is cut into four
 * slices. Argon2i chooses the blocks it reads from counters alone, so its
 * memory accesses tell nothing about the password.
 */
#include "argon2i.h"

#include "../src/crypto/bytes.h"
#include "e4/crypto.h"

#include <sodium.h>

#include <stdlib.h>
#include <string.h>

#define BLOCK_LEN 1024
#define WORDS (BLOCK_LEN / 8)
#define SLICES 4
#define VERSION 0x13
#define TYPE_I 1
#define PASSES 1

struct block {
	uint64_t w[WORDS];
};

struct memory {
	struct block *blocks;
	uint32_t lanes, lane_len, slice_len; /* lengths in blocks */
};

/* --- H' (section 3.3): BLAKE2b of any output length -------------------------------- */

static void hash_number(crypto_generichash_state *h, uint32_t n)
{
	uint8_t le[4];
	e4_store32(le, n);
	crypto_generichash_update(h, le, sizeof le);
}

static void hash_long(uint8_t *out, uint32_t out_len, const uint8_t *in, size_t len)
{
	crypto_generichash_state h;
	uint8_t v[64];
	size_t first = out_len <= 64 ? out_len : 64;
	crypto_generichash_init(&h, NULL, 0, first);
	hash_number(&h, out_len);
	crypto_generichash_update(&h, in, len);
	crypto_generichash_final(&h, v, first);
	/* half of each digest goes out, until the last one fits whole */
	while (out_len > 64) {
		memcpy(out, v, 32);
		out += 32;
		out_len -= 32;
		first = out_len <= 64 ? out_len : 64;
		uint8_t previous[64];
		memcpy(previous, v, sizeof v);
		crypto_generichash(v, first, previous, sizeof previous, NULL, 0);
		e4_wipe(previous, sizeof previous);
	}
	memcpy(out, v, out_len);
	e4_wipe(v, sizeof v);
	e4_wipe(&h, sizeof h);
}

/* --- the compression function G (sections 3.5, 3.6) --------------------------------- */

static inline uint64_t ror(uint64_t x, unsigned n)
{
	return x >> n | x << (64 - n);
}

static inline uint64_t mul_add(uint64_t a, uint64_t b)
{
	return a + b + 2 * (uint64_t)(uint32_t)a * (uint32_t)b;
}

static inline void quarter(uint64_t *a, uint64_t *b, uint64_t *c, uint64_t *d)
{
	*a = mul_add(*a, *b);
	*d = ror(*d ^ *a, 32);
	*c = mul_add(*c, *d);
	*b = ror(*b ^ *c, 24);
	*a = mul_add(*a, *b);
	*d = ror(*d ^ *a, 16);
	*c = mul_add(*c, *d);
	*b = ror(*b ^ *c, 63);
}

/* P on sixteen words: eight pairs, `step` words from one pair to the next. */
static void permute(uint64_t *w, size_t step)
{
	uint64_t *v[16];
	for (size_t i = 0; i < 16; i++)
		v[i] = w + step * (i / 2) + i % 2;
	for (size_t i = 0; i < 4; i++)
		quarter(v[i], v[4 + i], v[8 + i], v[12 + i]);
	for (size_t i = 0; i < 4; i++)
		quarter(v[i], v[4 + (i + 1) % 4], v[8 + (i + 2) % 4], v[12 + (i + 3) % 4]);
}

/* out = G(x, y); out may be x or y. */
static void compress(struct block *out, const struct block *x, const struct block *y)
{
	struct block r, z;
	for (size_t i = 0; i < WORDS; i++)
		z.w[i] = r.w[i] = x->w[i] ^ y->w[i];
	for (size_t row = 0; row < 8; row++)
		permute(z.w + 16 * row, 2);
	for (size_t column = 0; column < 8; column++)
		permute(z.w + 2 * column, 16);
	for (size_t i = 0; i < WORDS; i++)
		out->w[i] = r.w[i] ^ z.w[i];
	e4_wipe(&r, sizeof r);
	e4_wipe(&z, sizeof z);
}

/* --- filling the memory (sections 3.2, 3.4) -------------------------------------------- */

/* The 128 pseudo-random words number `counter` of one slice of one lane. */
static void draw_addresses(struct block *out, const struct memory *m, uint32_t lane, uint32_t slice,
			   uint32_t counter)
{
	static const struct block zero;
	struct block z = {
		{0, lane, slice, (uint64_t)m->lanes * m->lane_len, PASSES, TYPE_I, counter}};
	compress(out, &zero, &z);
	compress(out, &zero, out);
}

/* The block that `random` points to, among those already written. */
static const struct block *reference(const struct memory *m, uint32_t lane, uint32_t slice,
				     uint32_t i, uint64_t random)
{
	uint32_t from = slice == 0 ? lane : (uint32_t)(random >> 32) % m->lanes;
	/* whole slices of any lane; of the own lane also what was written before the last */
	uint32_t window = slice * m->slice_len;
	if (from == lane)
		window += i - 1;
	else if (i == 0)
		window--;
	uint64_t x = random & UINT32_MAX;
	x = x * x >> 32;
	uint32_t back = (uint32_t)(x * window >> 32);
	return m->blocks + (size_t)from * m->lane_len + (window - 1 - back);
}

static void fill_slice(const struct memory *m, uint32_t lane, uint32_t slice)
{
	struct block addresses;
	struct block *start = m->blocks + (size_t)lane * m->lane_len + (size_t)slice * m->slice_len;
	for (uint32_t i = 0; i < m->slice_len; i++) {
		if (i % WORDS == 0)
			draw_addresses(&addresses, m, lane, slice, i / WORDS + 1);
		if (slice == 0 && i < 2)
			continue; /* made from the password */
		compress(start + i, start + i - 1,
			 reference(m, lane, slice, i, addresses.w[i % WORDS]));
	}
}

static void first_blocks(const struct memory *m, uint8_t h0[72])
{
	uint8_t bytes[BLOCK_LEN];
	for (uint32_t lane = 0; lane < m->lanes; lane++) {
		for (uint32_t i = 0; i < 2; i++) {
			struct block *b = m->blocks + (size_t)lane * m->lane_len + i;
			e4_store32(h0 + 64, i);
			e4_store32(h0 + 68, lane);
			hash_long(bytes, BLOCK_LEN, h0, 72);
			for (size_t w = 0; w < WORDS; w++)
				b->w[w] = e4_load64(bytes + 8 * w);
		}
	}
	e4_wipe(bytes, sizeof bytes);
}

static void hash_inputs(uint8_t h0[64], uint32_t out_len, const void *password, size_t len,
			uint32_t memory_kib, uint32_t lanes)
{
	crypto_generichash_state h;
	crypto_generichash_init(&h, NULL, 0, 64);
	hash_number(&h, lanes);
	hash_number(&h, out_len);
	hash_number(&h, memory_kib);
	hash_number(&h, PASSES);
	hash_number(&h, VERSION);
	hash_number(&h, TYPE_I);
	hash_number(&h, (uint32_t)len);
	crypto_generichash_update(&h, password, len);
	for (int i = 0; i < 3; i++)
		hash_number(&h, 0); /* no salt, no secret, no associated data */
	crypto_generichash_final(&h, h0, 64);
	e4_wipe(&h, sizeof h);
}

/* The last column of all lanes, folded to one block and hashed. */
static void finish(uint8_t *out, uint32_t out_len, const struct memory *m)
{
	struct block sum = {{0}};
	uint8_t bytes[BLOCK_LEN];
	for (uint32_t lane = 0; lane < m->lanes; lane++) {
		const struct block *last = m->blocks + (size_t)(lane + 1) * m->lane_len - 1;
		for (size_t w = 0; w < WORDS; w++)
			sum.w[w] ^= last->w[w];
	}
	for (size_t w = 0; w < WORDS; w++)
		e4_store64(bytes + 8 * w, sum.w[w]);
	hash_long(out, out_len, bytes, BLOCK_LEN);
	e4_wipe(&sum, sizeof sum);
	e4_wipe(bytes, sizeof bytes);
}

bool e4_argon2i_one_pass(uint8_t *out, size_t out_len, const void *password, size_t len,
			 uint32_t memory_kib, uint32_t lanes)
{
	struct memory m = {.lanes = lanes, .slice_len = memory_kib / (SLICES * lanes)};
	uint8_t h0[72];
	m.lane_len = SLICES * m.slice_len;
	size_t total = sizeof(struct block) * lanes * m.lane_len;
	m.blocks = malloc(total);
	if (!m.blocks)
		return false;
	hash_inputs(h0, (uint32_t)out_len, password, len, memory_kib, lanes);
	first_blocks(&m, h0);
	for (uint32_t slice = 0; slice < SLICES; slice++) {
		for (uint32_t lane = 0; lane < lanes; lane++)
			fill_slice(&m, lane, slice);
	}
	finish(out, (uint32_t)out_len, &m);
	e4_wipe(h0, sizeof h0);
	e4_wipe(m.blocks, total);
	free(m.blocks);
	return true;
}
