/* The device library's operations beside OpenSSL and libsodium. */
#define _POSIX_C_SOURCE 200809L

#include "bench.h"
#include "bench_batch.h"
#include "bench_messages.h"
#include "crypto_peers.h"
#include "e4/crypto.h"

#include <sodium.h>

#define MAX_LEN 16384

static const size_t sizes[] = {16, 64, 256, 1024, MAX_LEN};
#define N_SIZES (sizeof sizes / sizeof *sizes)

/* Everything that an operation needs, ready before the clock starts. */
struct bench {
	size_t len;
	uint8_t raw_key[32], ad[8];
	struct e4_siv_key key;
	EVP_CIPHER *peer_siv;
	EVP_CIPHER_CTX *peer_ctx;
	uint8_t private_key[64], sig[64], digest[32], shared[32];
	uint8_t plain[MAX_LEN], sealed[MAX_LEN + 16], out[MAX_LEN + 16];
};

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void key_init(void *p)
{
	struct bench *b = p;
	e4_siv_key_init(&b->key, b->raw_key);
}

static void seal(void *p)
{
	struct bench *b = p;
	e4_siv_seal(&b->key, b->out, b->ad, sizeof b->ad, b->plain, b->len);
}

static void peer_seal(void *p)
{
	struct bench *b = p;
	peer_siv_seal(b->peer_ctx, b->peer_siv, b->out, b->raw_key, b->ad, sizeof b->ad, b->plain,
		      b->len);
}

static void open_sealed(void *p)
{
	struct bench *b = p;
	must(e4_siv_open(&b->key, b->out, b->ad, sizeof b->ad, b->sealed, b->len + 16));
}

static void peer_open_sealed(void *p)
{
	struct bench *b = p;
	must(peer_siv_open(b->peer_ctx, b->peer_siv, b->out, b->raw_key, b->ad, sizeof b->ad,
			   b->sealed, b->len + 16));
}

static void sha3(void *p)
{
	struct bench *b = p;
	e4_sha3_256(b->digest, b->plain, b->len);
}

static void peer_sha3(void *p)
{
	struct bench *b = p;
	must(EVP_Digest(b->plain, b->len, b->digest, NULL, EVP_sha3_256(), NULL) == 1);
}

static void sign(void *p)
{
	struct bench *b = p;
	e4_ed25519_sign(b->sig, b->plain, b->len, b->private_key);
}

static void peer_sign(void *p)
{
	struct bench *b = p;
	crypto_sign_detached(b->sig, NULL, b->plain, b->len, b->private_key);
}

static void verify(void *p)
{
	struct bench *b = p;
	must(e4_ed25519_verify(b->sig, b->plain, b->len, b->private_key + 32));
}

static void peer_verify(void *p)
{
	struct bench *b = p;
	must(crypto_sign_verify_detached(b->sig, b->plain, b->len, b->private_key + 32) == 0);
}

static void x25519(void *p)
{
	struct bench *b = p;
	must(e4_x25519(b->shared, b->raw_key, b->private_key + 32));
}

static void peer_x25519(void *p)
{
	struct bench *b = p;
	must(crypto_scalarmult(b->shared, b->raw_key, b->private_key + 32) == 0);
}

static void public_key_ok(void *p)
{
	struct bench *b = p;
	must(e4_ed25519_public_key_ok(b->private_key + 32));
}

struct operation {
	const char *name;
	bench_fn *ours, *peer;
	bool every_size; /* else once, and its length is 32 */
};

struct table {
	const char *peer;
	const struct operation *ops; /* ended by a NULL name */
};

static const struct operation symmetric[] = {
	{"SIV seal, expanded key", seal, peer_seal, true},
	{"SIV open, expanded key", open_sealed, peer_open_sealed, true},
	{"SIV key expansion", key_init, NULL, false},
	{NULL, NULL, NULL, false},
};

static const struct operation hash[] = {
	{"SHA3-256", sha3, peer_sha3, true},
	{NULL, NULL, NULL, false},
};

static const struct operation curve[] = {
	{"Ed25519 sign", sign, peer_sign, true},
	{"Ed25519 verify", verify, peer_verify, true},
	{"X25519", x25519, peer_x25519, false},
	{"Ed25519 public key check", public_key_ok, NULL, false},
	{NULL, NULL, NULL, false},
};

static const struct table tables[] = {
	{"OpenSSL AES-256-SIV, fresh key per message", symmetric},
	{"OpenSSL SHA3-256", hash},
	{"libsodium, called directly", curve},
};

static void run(struct bench *b, const struct operation *op)
{
	for (size_t i = 0; i < (op->every_size ? N_SIZES : 1); i++) {
		b->len = op->every_size ? sizes[i] : 32;
		e4_siv_seal(&b->key, b->sealed, b->ad, sizeof b->ad, b->plain, b->len);
		e4_ed25519_sign(b->sig, b->plain, b->len, b->private_key);
		bench_row(op->name, b->len, op->ours, b, op->peer, b);
	}
}

static void bench_init(struct bench *b)
{
	must(sodium_init() >= 0);
	b->peer_siv = peer_siv_new();
	b->peer_ctx = EVP_CIPHER_CTX_new();
	memset(b->raw_key, 0x5a, sizeof b->raw_key);
	memset(b->plain, 0x31, sizeof b->plain);
	e4_siv_key_init(&b->key, b->raw_key);
	e4_ed25519_keypair(b->private_key, b->raw_key);
}

int main(void)
{
	static struct bench b;
	bench_init(&b);
	for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
		bench_title(tables[t].peer);
		for (const struct operation *op = tables[t].ops; op->name; op++)
			run(&b, op);
	}
	EVP_CIPHER_CTX_free(b.peer_ctx);
	EVP_CIPHER_free(b.peer_siv);
	bench_batch();
	bench_messages();
	return 0;
}
