#include "state.h"

#ifdef E4_NO_STORE

enum e4_result e4_load(struct e4_client *c)
{
	(void)c;
	return E4_ERR_NO_STATE;
}

#else

#include <string.h>

#include "bytes.h"
#include "declassify.h"
#include "mode.h"

#define MAGIC "E4ST"
#define FORMAT 1
#define HEAD_LEN 42 /* up to the identity key */
#define TOPIC_LEN 88
#define PEER_LEN 48
#define CHECKSUM_LEN 16

#ifdef E4_SK_ONLY
#define HAS_C2_KEY(mode) ((void)(mode), false)
#define PEERS_USED(c) ((void)(c), 0)
#else
#define HAS_C2_KEY(mode) ((mode)->has_c2_key)
#define PEERS_USED(c) ((c)->peers_used)
#endif

static size_t state_len(const struct e4_mode *mode, size_t n_topics, size_t n_peers)
{
	return (size_t)HEAD_LEN + mode->identity_len + (HAS_C2_KEY(mode) ? 64u : 0u) +
	       n_topics * TOPIC_LEN + n_peers * PEER_LEN + CHECKSUM_LEN;
}

/* A damaged count must not fit only because the length wraps around where size_t has 16 bits. */
static bool len_ok(size_t len, const struct e4_mode *mode, size_t n_topics, size_t n_peers)
{
	return n_topics <= len / TOPIC_LEN && n_peers <= len / PEER_LEN &&
	       len == state_len(mode, n_topics, n_peers);
}

/* --- Saving ------------------------------------------------------------------ */

struct writer {
	const struct e4_store *store;
	struct e4_sha3 sha3;
	bool ok; /* sticky */
};

static void put(struct writer *w, const void *bytes, size_t len)
{
	if (!w->ok)
		return;
	e4_sha3_update(&w->sha3, bytes, len);
	w->ok = w->store->save_write(w->store->ctx, bytes, len);
}

static void put_head(struct writer *w, const struct e4_client *c)
{
	uint8_t b[HEAD_LEN];

	memcpy(b, MAGIC, 4);
	b[4] = FORMAT;
	b[5] = c->cfg.mode->code;
	e4_put16(b + 6, c->topics_used);
	e4_put16(b + 8, PEERS_USED(c));
	memcpy(b + 10, c->id, 16);
	e4_put64(b + 26, c->high_water);
	e4_put64(b + 34, c->time_seen);
	put(w, b, sizeof b);
	put(w, c->key, c->cfg.mode->identity_len);
#ifndef E4_SK_ONLY
	if (c->cfg.mode->has_c2_key) {
		put(w, c->c2_public, sizeof c->c2_public);
		put(w, c->control_key, sizeof c->control_key);
	}
#endif
}

static void put_topic(struct writer *w, const struct e4_topic_key *t)
{
	uint8_t b[TOPIC_LEN];

	memcpy(b, t->hash, 16);
	memcpy(b + 16, t->key, 32);
	memcpy(b + 48, t->old_key, 32);
	e4_put64(b + 80, t->switched_at);
	put(w, b, sizeof b);
	e4_wipe(b, sizeof b);
}

static void put_checksum(struct writer *w)
{
	uint8_t digest[32];

	e4_sha3_final(&w->sha3, digest);
	if (w->ok)
		w->ok = w->store->save_write(w->store->ctx, digest, CHECKSUM_LEN);
}

bool e4_state_save(const struct e4_client *c)
{
	struct writer w = {.store = &c->cfg.store};

	if (!w.store->save_begin)
		return true;
	w.ok = w.store->save_begin(w.store->ctx,
				   state_len(c->cfg.mode, c->topics_used, PEERS_USED(c)));
	e4_sha3_init(&w.sha3);
	put_head(&w, c);
	for (uint16_t i = 0; i < c->topics_used; i++)
		put_topic(&w, &c->cfg.topics[i]);
#ifndef E4_SK_ONLY
	for (uint16_t i = 0; i < c->peers_used; i++) {
		put(&w, c->cfg.peers[i].id, 16);
		put(&w, c->cfg.peers[i].public_key, 32);
	}
#endif
	put_checksum(&w);
	return w.ok && w.store->save_commit(w.store->ctx);
}

/* --- Loading ----------------------------------------------------------------- */

struct reader {
	const struct e4_store *store;
	struct e4_sha3 sha3;
	enum e4_result r; /* sticky */
	bool keep;        /* the second time: into the client */
	uint16_t n_topics;
	uint16_t n_peers;
};

/* Read into out; zeros once something failed, so that nobody reads what is not there. */
static void get(struct reader *in, void *out, size_t len)
{
	if (in->r == E4_OK && !in->store->load_read(in->store->ctx, out, len))
		in->r = E4_ERR_STORE;
	if (in->r != E4_OK)
		memset(out, 0, len);
	else
		e4_sha3_update(&in->sha3, out, len);
}

static void demand(struct reader *in, bool condition)
{
	if (in->r == E4_OK && !condition)
		in->r = E4_ERR_CORRUPT;
}

static void get_head(struct reader *in, struct e4_client *c, size_t len)
{
	uint8_t b[HEAD_LEN];

	demand(in, len >= HEAD_LEN);
	get(in, b, sizeof b);
	in->n_topics = e4_get16(b + 6);
	in->n_peers = e4_get16(b + 8);
	demand(in, memcmp(b, MAGIC, 4) == 0 && b[4] == FORMAT && b[5] == c->cfg.mode->code);
	demand(in, len_ok(len, c->cfg.mode, in->n_topics, in->n_peers));
	if (!in->keep)
		return;
	memcpy(c->id, b + 10, 16);
	c->high_water = e4_get64(b + 26);
	c->time_seen = e4_get64(b + 34);
}

static void get_identity(struct reader *in, struct e4_client *c)
{
	const struct e4_mode *mode = c->cfg.mode;
	struct e4_identity i;
	bool zero;

	memset(&i, 0, sizeof i);
	get(in, i.key, mode->identity_len);
	zero = e4_is_zero(i.key, mode->identity_len);
	E4_PUBLIC(&zero, sizeof zero);
	demand(in, !zero);
	memcpy(i.control_key, i.key, sizeof i.control_key);
	if (HAS_C2_KEY(mode)) {
		get(in, i.c2_public, sizeof i.c2_public);
		get(in, i.control_key, sizeof i.control_key);
	}
	if (in->keep) {
		memcpy(c->key, i.key, sizeof c->key);
		memcpy(c->control_key, i.control_key, sizeof c->control_key);
#ifndef E4_SK_ONLY
		memcpy(c->c2_public, i.c2_public, sizeof c->c2_public);
#endif
	}
	e4_wipe(&i, sizeof i);
}

static void get_topics(struct reader *in, struct e4_client *c)
{
	uint8_t b[TOPIC_LEN], last[16];

	for (uint16_t i = 0; i < in->n_topics && in->r == E4_OK; i++) {
		get(in, b, sizeof b);
		demand(in, i == 0 || memcmp(last, b, 16) < 0);
		memcpy(last, b, 16);
		if (!in->keep)
			continue;
		memcpy(c->cfg.topics[i].hash, b, 16);
		memcpy(c->cfg.topics[i].key, b + 16, 32);
		memcpy(c->cfg.topics[i].old_key, b + 48, 32);
		c->cfg.topics[i].switched_at = e4_get64(b + 80);
	}
	e4_wipe(b, sizeof b);
}

#ifndef E4_SK_ONLY
static void get_peers(struct reader *in, struct e4_client *c)
{
	uint8_t b[PEER_LEN], last[16];

	for (uint16_t i = 0; i < in->n_peers && in->r == E4_OK; i++) {
		get(in, b, sizeof b);
		demand(in, i == 0 || memcmp(last, b, 16) < 0);
		memcpy(last, b, 16);
		if (!in->keep)
			continue;
		memcpy(c->cfg.peers[i].id, b, 16);
		memcpy(c->cfg.peers[i].public_key, b + 16, 32);
	}
}
#endif

static void get_checksum(struct reader *in)
{
	uint8_t digest[32], stored[CHECKSUM_LEN];
	bool same;

	e4_sha3_final(&in->sha3, digest);
	memset(stored, 0, sizeof stored);
	if (in->r == E4_OK && !in->store->load_read(in->store->ctx, stored, sizeof stored))
		in->r = E4_ERR_STORE;
	same = e4_equal(digest, stored, sizeof stored);
	E4_PUBLIC(&same, sizeof same);
	demand(in, same);
}

static bool fits(const struct e4_client *c, const struct reader *in)
{
#ifdef E4_SK_ONLY
	return in->n_topics <= c->cfg.n_topics && in->n_peers == 0;
#else
	return in->n_topics <= c->cfg.n_topics && in->n_peers <= c->cfg.n_peers;
#endif
}

/* Read the whole state: keep says whether into the client or only to check it. */
static enum e4_result read_state(struct e4_client *c, bool keep)
{
	struct reader in = {.store = &c->cfg.store, .r = E4_OK, .keep = keep};
	size_t len = 0;

	if (!in.store->load_begin(in.store->ctx, &len))
		return len == 0 ? E4_ERR_NO_STATE : E4_ERR_STORE;
	e4_sha3_init(&in.sha3);
	get_head(&in, c, len);
	demand(&in, !keep || fits(c, &in)); /* nothing is kept that was not checked before */
	get_identity(&in, c);
	get_topics(&in, c);
#ifndef E4_SK_ONLY
	get_peers(&in, c);
#endif
	get_checksum(&in);
	if (in.r != E4_OK)
		return in.r;
	if (!fits(c, &in)) /* only now: a damaged count is damage, not a full table */
		return E4_ERR_FULL;
	if (keep) {
		c->topics_used = in.n_topics;
#ifndef E4_SK_ONLY
		c->peers_used = in.n_peers;
#endif
		c->provisioned = true;
	}
	return E4_OK;
}

/* Twice: the first time only checks, so that damage leaves the client as it was. */
enum e4_result e4_load(struct e4_client *c)
{
	enum e4_result r;

	if (!c->cfg.store.load_begin)
		return E4_ERR_NO_STATE;
	r = read_state(c, false);
	if (r != E4_OK)
		return r;
	e4_client_wipe(c);
	r = read_state(c, true);
	if (r != E4_OK)
		e4_client_wipe(c); /* the medium failed in between: better nothing than half */
	return r;
}

#endif
