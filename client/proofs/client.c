/*
 * What e4/e4.h writes for the key server, of a client that is anything its
 * invariants allow: arbitrary keys, tables and marks, a clock that may fail. That
 * the functions keep the invariants is checked after each (holds()).
 */
#include <string.h>

#include "any.h"
#include "e4/e4.h"

#ifndef PK
#define PK 0
#endif
#define MODE (PK ? &e4_mode_pk : &e4_mode_sk)
#define N_TOPICS 3
#define N_PEERS 2
#define N_SEEN 2

static struct e4_client c;
static struct e4_config cfg;
/*
 * Frama-C refuses a pointer to the end of an object even for moving 0 bytes, which
 * happens at the end of a full table: hence a byte after each.
 */
static struct {
	struct e4_topic_key e[N_TOPICS];
	uint8_t end;
} topics;
static struct {
	struct e4_peer e[N_PEERS];
	uint8_t end;
} peers;
static struct e4_seen seen[N_SEEN], sent[N_SEEN];
static struct e4_key_cache cache[1];
static uint8_t key[64], id[16], out[256];

static bool save_begin(void *ctx, size_t len)
{
	(void)ctx;
	(void)len;
	return any_bool();
}

static bool save_write(void *ctx, const void *bytes, size_t len)
{
	(void)ctx;
	is_read(bytes, len);
	return any_bool();
}

static bool save_commit(void *ctx)
{
	(void)ctx;
	return any_bool();
}

static bool load_begin(void *ctx, size_t *len)
{
	(void)ctx;
	any(len, sizeof *len);
	return any_bool();
}

/* What is stored is arbitrary, too, and need not be the same twice. */
static bool load_read(void *ctx, void *to, size_t len)
{
	(void)ctx;
	is_written(to, len);
	return any_bool();
}

static bool now(void *ctx, uint64_t *seconds)
{
	(void)ctx;
	any(seconds, sizeof *seconds);
	return any_bool();
}

static void configure(enum e4_clock clock, unsigned n_memory)
{
	struct e4_config fresh = {
		.mode = MODE,
		.topics = topics.e,
		.n_topics = N_TOPICS,
		.peers = peers.e,
		.n_peers = N_PEERS,
		.seen = seen,
		.n_seen = (uint16_t)(n_memory * N_SEEN),
		.sent = sent,
		.n_sent = (uint16_t)(n_memory * N_SEEN),
		.cache = cache,
		.n_cache = (uint16_t)n_memory,
		.store = {NULL, save_begin, save_write, save_commit, load_begin, load_read},
		.now = now,
		.clock = clock,
		.no_window = clock == E4_CLOCK_NONE && any_bool(),
		.allow_unknown_senders = any_bool(),
	};

	any(&fresh.validity_s, sizeof fresh.validity_s);
	any(&fresh.future_s, sizeof fresh.future_s);
	any(&fresh.grace_s, sizeof fresh.grace_s);
	cfg = fresh;
}

/* Any client with so many topics and peers. */
static void make(unsigned n_topics, unsigned n_peers)
{
	any(&c, sizeof c);
	c.cfg = cfg;
	c.topics_used = (uint16_t)n_topics;
	c.peers_used = (uint16_t)n_peers;
	c.sent_next = cfg.n_sent ? (uint16_t)Frama_C_interval(0, N_SEEN - 1) : 0;
	c.provisioned = any_bool();
	c.report_entries = any_bool();
	any(topics.e, sizeof topics.e);
	any(peers.e, sizeof peers.e);
	any(seen, sizeof seen);
	any(sent, sizeof sent);
	any(cache, sizeof cache);
	cache[0].filled = any_bool();
}

static void holds(void)
{
	/*@ assert c.topics_used <= N_TOPICS; */
	/*@ assert c.peers_used <= N_PEERS; */
	/*@ assert c.cfg.n_sent == 0 ==> c.sent_next == 0; */
	/*@ assert c.sent_next < N_SEEN; */
}

static void receipts(unsigned n_topics, unsigned n_peers, size_t cap)
{
	size_t len;
	uint8_t *to = out + sizeof out - cap;

	make(n_topics, n_peers);
	if (e4_receipt(&c, to, cap, &len) == E4_OK)
		is_read(to, len);
	if (e4_announce(&c, to, cap, &len) == E4_OK)
		is_read(to, len);
	holds();
}

int main(void)
{
	any(key, sizeof key);
	any(id, sizeof id);
	configure(E4_CLOCK_RELIABLE, 1);
	for (unsigned n = 0; n <= N_TOPICS; n++)
		for (size_t cap = 77; cap <= 78 + 3 * E4_RECEIPT_ENTRY; cap += 6)
			receipts(n, n <= N_PEERS ? n : N_PEERS, cap);
	Frama_C_show_each_end(1);
	return 0;
}
