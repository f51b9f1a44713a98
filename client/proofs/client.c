/*
 * Every function of e4/e4.h, on a client that is anything its invariants allow:
 * arbitrary keys, tables, marks and stored bytes, as many topics and peers as
 * fit, a store and a clock that may fail at any call, arbitrary messages. What
 * has to hold of a client before each call is what make() says; that each
 * function keeps it is checked after each call (holds()).
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
#define OVERHEAD (PK ? E4_OVERHEAD_PK : E4_OVERHEAD_SK)
#define MAX_LEN 130 /* of a message as it comes in */

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
static uint8_t key[64], id[16], in[MAX_LEN], out[256];

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
	any(in, sizeof in);
}

static void holds(void)
{
	/*@ assert c.topics_used <= N_TOPICS; */
	/*@ assert c.peers_used <= N_PEERS; */
	/*@ assert c.cfg.n_sent == 0 ==> c.sent_next == 0; */
	/*@ assert c.sent_next < N_SEEN; */
}

static struct e4_topic topic(uint16_t control)
{
	struct e4_topic t;

	any(&t, sizeof t);
	t.slot = (uint16_t)(any_bool() ? Frama_C_interval(0, N_TOPICS) : UINT16_MAX);
	t.control = control;
	return t;
}

static void protect(unsigned n_topics, size_t len)
{
	struct e4_topic t = topic((uint16_t)Frama_C_interval(0, 1));
	size_t out_len;

	make(n_topics, 0);
	if (e4_protect(&c, &t, out + sizeof out - len - OVERHEAD, len + OVERHEAD, &out_len,
		       in + sizeof in - len, len) == E4_OK)
		is_read(out + sizeof out - len - OVERHEAD, out_len);
	holds();
	e4_protect(&c, &t, out, (size_t)Frama_C_interval(0, OVERHEAD + 3), &out_len, in, 4);
}

static void unprotect(unsigned n_topics, unsigned n_peers, uint16_t control, size_t len)
{
	struct e4_topic t = topic(control);
	size_t out_len, cap = control || len < OVERHEAD ? 0 : len - OVERHEAD;
	uint8_t *to = out + sizeof out - cap;

	make(n_topics, n_peers);
	if (e4_unprotect(&c, &t, to, cap, &out_len, in + sizeof in - len, len) == E4_OK)
		is_read(to, out_len);
	holds();
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

static void life(unsigned n_topics, unsigned n_peers)
{
	char name[E4_RECEIPT_TOPIC_LEN + 1];
	struct e4_topic t;

	make(n_topics, n_peers);
	e4_load(&c);
	holds();
	make(n_topics, n_peers);
	e4_provision_sk(&c, id, key);
	holds();
	make(n_topics, n_peers);
	e4_provision_pk(&c, id, key, in);
	holds();
	e4_client_control_topic(&c, name);
	e4_topic_init(&t, &c, name, E4_CONTROL_TOPIC_LEN);
	e4_client_receipt_topic(&c, name);
	e4_topic_init(&t, &c, name, E4_RECEIPT_TOPIC_LEN);
	any(name, sizeof name);
	e4_topic_init(&t, &c, name, 5);
	e4_overhead(&c);
	e4_client_wipe(&c);
	holds();
}

/* One of the functions that set keys, on any client. */
static void direct(unsigned n_topics, unsigned n_peers)
{
	struct e4_topic t = topic((uint16_t)Frama_C_interval(0, 1));

#define ON_ANY(call) (make(n_topics, n_peers), (call), holds())
	ON_ANY(e4_set_topic_key(&c, &t, key));
	ON_ANY(e4_remove_topic(&c, &t));
	ON_ANY(e4_reset_topics(&c));
	ON_ANY(e4_set_peer(&c, id, key));
	ON_ANY(e4_remove_peer(&c, id));
	ON_ANY(e4_reset_peers(&c));
#undef ON_ANY
}

static void init(void)
{
	struct e4_config bad;

	e4_init(&c, &cfg);
	holds();
	bad = cfg;
	bad.topics = any_bool() ? topics.e : NULL;
	bad.now = any_bool() ? now : NULL;
	bad.store.save_write = any_bool() ? save_write : NULL;
	bad.clock = (enum e4_clock)Frama_C_interval(0, 3);
	e4_init(&c, &bad);
	e4_result_text((enum e4_result)Frama_C_interval(0, 100));
}

/*
 * The parts are analysed apart: each needs another precision, and both cores
 * work. Commands are of every length that one has, and one byte less and more.
 */
static void part(unsigned n, unsigned p)
{
#if PART == 1
	direct(n, p);
#elif PART == 2
	static const uint8_t lens[] = {0, 1, 16, 17, 18, 32, 33, 34, 48, 49, 50, 64, 65, 66};

	for (size_t i = 0; i < sizeof lens; i++)
		unprotect(n, p, 1, E4_OVERHEAD_SK + (size_t)lens[i]);
	for (size_t len = 0; len < E4_OVERHEAD_SK; len++)
		unprotect(n, p, 1, len);
#elif PART == 3
	for (size_t len = 0; len <= MAX_LEN; len++)
		unprotect(n, p, 0, len);
	for (size_t len = 0; len <= MAX_LEN; len += 13)
		protect(n, len);
	for (size_t cap = 77; cap <= 78 + 3 * E4_RECEIPT_ENTRY; cap += 6)
		receipts(n, p, cap);
#else
	life(n, p);
#endif
}

static void all(enum e4_clock clock, unsigned n_memory)
{
	configure(clock, n_memory);
	init();
	for (unsigned n = 0; n <= N_TOPICS; n++)
		part(n, n <= N_PEERS ? n : N_PEERS);
}

int main(void)
{
	any(key, sizeof key);
	any(id, sizeof id);
	any(in, sizeof in);
	all(E4_CLOCK_RELIABLE, 1);
	all(E4_CLOCK_NONE, 0);
	Frama_C_show_each_end(1);
	return 0;
}
