/* Whole messages: what an application pays for e4_protect() and e4_unprotect(). */
#define _POSIX_C_SOURCE 200809L

#include "bench_messages.h"

#include <sodium.h>
#include <string.h>

#include "bench.h"
#include "crypto_peers.h"
#include "e4/e4.h"

#define MAX_LEN 16384
#define NOW UINT64_C(1700000000)

static const size_t sizes[] = {16, 64, 256, 1024, MAX_LEN};

struct party {
	struct e4_client client;
	struct e4_topic_key topics[4];
	struct e4_peer peers[2];
	struct e4_key_cache cache[1];
	struct e4_topic topic;
};

struct messages {
	struct party party;
	size_t len, message_len;
	uint8_t key[32], private_key[64];
	EVP_CIPHER *siv;
	EVP_CIPHER_CTX *ctx;
	uint8_t plain[MAX_LEN], message[MAX_LEN + E4_OVERHEAD_PK], out[MAX_LEN + E4_OVERHEAD_PK];
};

static void must(bool ok)
{
	if (!ok)
		abort();
}

static bool now(void *ctx, uint64_t *seconds)
{
	(void)ctx;
	*seconds = NOW;
	return true;
}

static void party_init(struct messages *m, const struct e4_mode *mode, bool cached)
{
	struct party *p = &m->party;
	struct e4_config cfg = {.mode = mode,
				.topics = p->topics,
				.n_topics = 4,
				.peers = p->peers,
				.n_peers = 2,
				.cache = p->cache,
				.n_cache = cached,
				.now = now};
	uint8_t id[16] = {1}, c2_public[32];

	must(e4_init(&p->client, &cfg) == E4_OK);
	e4_x25519_base(c2_public, m->key);
	if (mode == &e4_mode_pk) {
		must(e4_provision_pk(&p->client, id, m->private_key, c2_public) == E4_OK);
		must(e4_set_peer(&p->client, id, m->private_key + 32) == E4_OK);
	} else {
		must(e4_provision_sk(&p->client, id, m->key) == E4_OK);
	}
	must(e4_topic_init(&p->topic, &p->client, "bench", 5) == E4_OK);
	must(e4_set_topic_key(&p->client, &p->topic, m->key) == E4_OK);
}

static void protect(void *ctx)
{
	struct messages *m = ctx;

	must(e4_protect(&m->party.client, &m->party.topic, m->message, sizeof m->message,
			&m->message_len, m->plain, m->len) == E4_OK);
}

static void unprotect(void *ctx)
{
	struct messages *m = ctx;
	size_t len;

	must(e4_unprotect(&m->party.client, &m->party.topic, m->out, sizeof m->out, &len,
			  m->message, m->message_len) == E4_OK);
}

static void peer_protect(void *ctx)
{
	struct messages *m = ctx;
	uint8_t stamp[8] = {1};

	peer_siv_seal(m->ctx, m->siv, m->out, m->key, stamp, sizeof stamp, m->plain, m->len);
}

static void peer_unprotect(void *ctx)
{
	struct messages *m = ctx;

	must(peer_siv_open(m->ctx, m->siv, m->out, m->key, m->message, 8, m->message + 8,
			   m->message_len - 8));
}

static void peer_sign(void *ctx)
{
	struct messages *m = ctx;

	crypto_sign_detached(m->out, NULL, m->message, m->message_len - E4_SIG_LEN, m->private_key);
}

static void peer_verify(void *ctx)
{
	struct messages *m = ctx;
	size_t len = m->message_len - E4_SIG_LEN;

	must(crypto_sign_verify_detached(m->message + len, m->message, len, m->private_key + 32) ==
	     0);
}

static void run(struct messages *m, const char *what, bench_fn *peer_out, bench_fn *peer_in)
{
	char title[40];

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		m->len = sizes[i];
		protect(m);
		snprintf(title, sizeof title, "protect %s", what);
		bench_row(title, m->len, protect, m, peer_out, m);
		snprintf(title, sizeof title, "unprotect %s", what);
		bench_row(title, m->len, unprotect, m, peer_in, m);
	}
}

void bench_messages(void)
{
	static struct messages m;

	memset(m.key, 7, sizeof m.key);
	e4_ed25519_keypair(m.private_key, m.key);
	m.siv = peer_siv_new();
	m.ctx = EVP_CIPHER_CTX_new();
	must(m.siv && m.ctx);
	bench_title("OpenSSL AES-256-SIV, fresh key per message");
	party_init(&m, &e4_mode_sk, false);
	run(&m, "SK, topic handle", peer_protect, peer_unprotect);
	party_init(&m, &e4_mode_sk, true);
	run(&m, "SK, handle and key cache", peer_protect, peer_unprotect);
	bench_title("libsodium Ed25519 alone, of the same message");
	party_init(&m, &e4_mode_pk, true);
	run(&m, "PK, handle and key cache", peer_sign, peer_verify);
	e4_client_wipe(&m.party.client);
	EVP_CIPHER_CTX_free(m.ctx);
	EVP_CIPHER_free(m.siv);
}
