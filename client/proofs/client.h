/*
 * A client that is anything its invariants allow: arbitrary keys, marks and times, a
 * store and a clock that may fail at each call and give back anything, an element that
 * may fail. The names in the tables are 1, 3, 5, ... with zeros behind them, so that
 * with the names 0 to 2 n a search meets every place and every gap.
 */
#ifndef CLIENT_PROOFS_CLIENT_H
#define CLIENT_PROOFS_CLIENT_H

#include <string.h>

#include "any_store.h"
#include "e4/e4.h"

#define SK 1
#define PK 2
#define PK_ELEMENT 3
#ifndef MODE
#define MODE SK
#endif
#define THE_MODE (MODE == SK ? &e4_mode_sk : MODE == PK ? &e4_mode_pk : &e4_mode_pk_element)

#define N_TOPICS 3
#define N_PEERS 2
#define N_SEEN 2
#define N_CACHE 2

static struct e4_client c;
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
static struct e4_key_cache cache[N_CACHE];

static bool load_begin(void *ctx, size_t *len)
{
	(void)ctx;
	is_written(len, sizeof *len);
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
	is_written(seconds, sizeof *seconds);
	return any_bool();
}

static inline bool now_known(void *ctx, uint64_t *seconds)
{
	(void)ctx;
	is_written(seconds, sizeof *seconds);
	return true;
}

static bool element_sign(void *ctx, uint8_t sig[64], const void *msg, size_t len)
{
	(void)ctx;
	is_read(msg, len);
	is_written(sig, 64);
	return any_bool();
}

static bool element_agree(void *ctx, uint8_t shared[32], const uint8_t point[32])
{
	(void)ctx;
	is_read(point, 32);
	is_written(shared, 32);
	return any_bool();
}

static const struct e4_element element = {NULL, element_sign, element_agree};

/* with: a replay memory, a cache and a store; without: none of these. */
static struct e4_config configuration(enum e4_clock clock, bool with)
{
	struct e4_config cfg = {
		.mode = THE_MODE,
		.topics = topics.e,
		.n_topics = N_TOPICS,
		.peers = peers.e,
		.n_peers = N_PEERS,
		.now = now,
		.clock = clock,
		.no_window = clock == E4_CLOCK_NONE && any_bool(),
		.allow_unknown_senders = any_bool(),
		.element = MODE == PK_ELEMENT ? &element : NULL,
	};
	struct e4_store store = {NULL, save_begin, save_write, save_commit, load_begin, load_read};

	any(&cfg.validity_s, sizeof cfg.validity_s);
	any(&cfg.future_s, sizeof cfg.future_s);
	any(&cfg.grace_s, sizeof cfg.grace_s);
	if (with) {
		cfg.seen = seen;
		cfg.n_seen = N_SEEN;
		cfg.sent = sent;
		cfg.n_sent = N_SEEN;
		cfg.cache = cache;
		cfg.n_cache = N_CACHE;
		cfg.store = store;
	}
	return cfg;
}

static inline void name(uint8_t out[16], unsigned n)
{
	memset(out, 0, 16);
	out[0] = (uint8_t)n;
}

/* Any client with so many topics and peers. */
static void make(const struct e4_config *cfg, unsigned n_topics, unsigned n_peers)
{
	any(&c, sizeof c);
	c.cfg = *cfg;
	c.topics_used = (uint16_t)n_topics;
	c.peers_used = (uint16_t)n_peers;
	c.sent_next = cfg->n_sent ? (uint16_t)Frama_C_interval(0, N_SEEN - 1) : 0;
	c.provisioned = any_bool();
	c.report_entries = any_bool();
	any(&topics, sizeof topics);
	any(&peers, sizeof peers);
	any(seen, sizeof seen);
	any(sent, sizeof sent);
	any(cache, sizeof cache);
	for (unsigned i = 0; i < N_CACHE; i++)
		cache[i].filled = any_bool();
	for (unsigned i = 0; i < n_topics; i++)
		name(topics.e[i].hash, 2 * i + 1);
	for (unsigned i = 0; i < n_peers; i++)
		name(peers.e[i].id, 2 * i + 1);
}

static inline void holds(void)
{
	/*@ assert c.topics_used <= N_TOPICS; */
	/*@ assert c.peers_used <= N_PEERS; */
	/*@ assert c.cfg.n_sent == 0 ==> c.sent_next == 0; */
	/*@ assert c.sent_next < N_SEEN; */
	is_read(&c, sizeof c.cfg);
	is_read(c.id, sizeof c - offsetof(struct e4_client, id));
}

#endif
