/*
 * SHA3-256. With PROVE_KECCAK the permutation of a variant by itself, of every state; else
 * what is built of it, of arbitrary bytes and with any outcome of the permutation.
 */
#include "any.h"
#include "sha3.h"

#define MAX_LEN 273 /* two blocks and one byte */

static uint8_t from[MAX_LEN];

#ifdef PROVE_KECCAK

static void sha3(void)
{
	struct e4_sha3 h;

	any(&h, sizeof h);
	e4_keccak_f(&h);
	is_read(&h, sizeof h);
}

#else

void e4_keccak_f(struct e4_sha3 *h)
{
	is_read(h, sizeof *h);
	is_written(h->state, sizeof h->state);
}

static void whole(size_t len)
{
	uint8_t digest[32];
	struct e4_sha3 h;

	e4_sha3_256(digest, from + MAX_LEN - len, len);
	is_read(digest, sizeof digest);
	e4_sha3_short(digest + 24, 8, from + MAX_LEN - len, len);
	e4_sha3_init(&h);
	e4_sha3_update(&h, from + MAX_LEN - len, len);
	e4_sha3_final(&h, digest);
	is_read(digest, sizeof digest);
}

/* Of every state that update can meet: arbitrary words, every position in the block. */
static void go_on(unsigned pos, size_t len)
{
	uint8_t digest[32];
	struct e4_sha3 h;

	any(&h, sizeof h);
	h.pos = (uint8_t)pos;
	e4_sha3_update(&h, from + MAX_LEN - len, len);
	e4_sha3_final(&h, digest);
	is_read(digest, sizeof digest);
}

/* Lengths around words, one block and two; the others differ by nothing but loop counts. */
static void sha3(void)
{
	any(from, sizeof from);
	for (size_t len = 0; len <= 17; len++)
		whole(len);
	for (size_t len = 134; len <= 137; len++)
		whole(len);
	for (size_t len = 271; len <= 273; len++)
		whole(len);
	for (unsigned pos = 0; pos < 136; pos++)
		go_on(pos, 17);
	go_on(135, 1);
	go_on(1, 272);
}

#endif

int main(void)
{
	sha3();
	end();
	return 0;
}
