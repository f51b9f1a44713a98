/* Messages in batches, each under its own key; one by one beside them, and OpenSSL. */
#define _POSIX_C_SOURCE 200809L

#include "bench_batch.h"

#include <string.h>

#include "bench.h"
#include "crypto_peers.h"
#include "e4/crypto.h"

#define MAX_JOBS 32
#define MAX_LEN 1024

#if E4_AES == E4_AES_NATIVE
#define VARIANT "native"
#else
#define VARIANT "bitsliced"
#endif

struct batch {
	size_t n, len;
	EVP_CIPHER *siv;
	EVP_CIPHER_CTX *ctx;
	uint8_t raw[MAX_JOBS][32], ad[8];
	struct e4_siv_key keys[MAX_JOBS];
	struct e4_siv_job seal[MAX_JOBS], open[MAX_JOBS];
	uint8_t plain[MAX_JOBS][MAX_LEN], sealed[MAX_JOBS][MAX_LEN + 16], out[MAX_LEN + 16];
};

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void seal(void *ctx)
{
	struct batch *b = ctx;

	e4_siv_seal_batch(b->seal, b->n);
}

static void open_sealed(void *ctx)
{
	struct batch *b = ctx;

	e4_siv_open_batch(b->open, b->n);
	for (size_t i = 0; i < b->n; i++)
		must(b->open[i].ok);
}

static void peer_seal(void *ctx)
{
	struct batch *b = ctx;

	for (size_t i = 0; i < b->n; i++)
		peer_siv_seal(b->ctx, b->siv, b->out, b->raw[i], b->ad, sizeof b->ad, b->plain[i],
			      b->len);
}

static void peer_open(void *ctx)
{
	struct batch *b = ctx;

	for (size_t i = 0; i < b->n; i++)
		must(peer_siv_open(b->ctx, b->siv, b->out, b->raw[i], b->ad, sizeof b->ad,
				   b->sealed[i], b->len + 16));
}

static void batch_init(struct batch *b)
{
	b->siv = peer_siv_new();
	b->ctx = EVP_CIPHER_CTX_new();
	must(b->siv && b->ctx);
	for (size_t i = 0; i < MAX_JOBS; i++) {
		memset(b->raw[i], (int)i + 1, sizeof b->raw[i]);
		e4_siv_key_init(&b->keys[i], b->raw[i]);
	}
}

static void batch_set(struct batch *b, size_t n, size_t len)
{
	b->n = n;
	b->len = len;
	for (size_t i = 0; i < n; i++) {
		b->seal[i] = (struct e4_siv_job){
			&b->keys[i], b->ad, sizeof b->ad, b->plain[i], len, b->sealed[i], false};
		b->open[i] =
			(struct e4_siv_job){&b->keys[i], b->ad,       sizeof b->ad, b->sealed[i],
					    len + 16,    b->plain[i], false};
	}
	seal(b);
}

void bench_batch(void)
{
	static const size_t counts[] = {1, 2, 8, MAX_JOBS}, sizes[] = {64, 112, 256, MAX_LEN};
	static struct batch b;
	char title[40];

	batch_init(&b);
	bench_title("OpenSSL AES-256-SIV, as many messages; bytes of all together");
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++) {
			batch_set(&b, counts[i], sizes[j]);
			snprintf(title, sizeof title, VARIANT " seal %zu x %zu", b.n, b.len);
			bench_row(title, b.n * b.len, seal, &b, peer_seal, &b);
			snprintf(title, sizeof title, VARIANT " open %zu x %zu", b.n, b.len);
			bench_row(title, b.n * b.len, open_sealed, &b, peer_open, &b);
		}
	}
	EVP_CIPHER_CTX_free(b.ctx);
	EVP_CIPHER_free(b.siv);
}
