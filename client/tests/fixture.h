/*
 * One device with everything it needs: tables, a store in memory that can
 * fail at the n-th call, a clock that the test sets.
 */
#ifndef CLIENT_TESTS_FIXTURE_H
#define CLIENT_TESTS_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include "e4/e4.h"

struct mem_store {
	uint8_t *saved; /* what a restart would find; null: nothing */
	size_t saved_len;
	uint8_t *next; /* being written */
	size_t next_len, next_cap;
	size_t read_at;
	int calls;   /* made so far */
	int fail_at; /* this call fails, counted from 1; 0: none */
	int saves;   /* committed */
};

static inline bool mem_step(struct mem_store *m)
{
	return ++m->calls != m->fail_at;
}

static inline bool mem_save_begin(void *ctx, size_t len)
{
	struct mem_store *m = ctx;

	free(m->next);
	m->next = malloc(len ? len : 1);
	m->next_cap = len;
	m->next_len = 0;
	return mem_step(m) && m->next;
}

static inline bool mem_save_write(void *ctx, const void *bytes, size_t len)
{
	struct mem_store *m = ctx;

	if (!mem_step(m) || len > m->next_cap - m->next_len)
		return false;
	memcpy(m->next + m->next_len, bytes, len);
	m->next_len += len;
	return true;
}

static inline bool mem_save_commit(void *ctx)
{
	struct mem_store *m = ctx;

	if (!mem_step(m) || m->next_len != m->next_cap)
		return false;
	free(m->saved);
	m->saved = m->next;
	m->saved_len = m->next_len;
	m->next = NULL;
	m->saves++;
	return true;
}

static inline bool mem_load_begin(void *ctx, size_t *len)
{
	struct mem_store *m = ctx;

	*len = m->saved ? m->saved_len : 0;
	m->read_at = 0;
	if (!mem_step(m)) {
		*len = 1;
		return false;
	}
	return m->saved != NULL;
}

static inline bool mem_load_read(void *ctx, void *out, size_t len)
{
	struct mem_store *m = ctx;

	if (!mem_step(m) || len > m->saved_len - m->read_at)
		return false;
	memcpy(out, m->saved + m->read_at, len);
	m->read_at += len;
	return true;
}

static inline struct e4_store mem_store(struct mem_store *m)
{
	struct e4_store s = {
		m, mem_save_begin, mem_save_write, mem_save_commit, mem_load_begin, mem_load_read};
	return s;
}

#ifndef DEVICE_TOPICS
#define DEVICE_TOPICS 256
#define DEVICE_PEERS 256
#endif

struct device {
	struct e4_client c;
	struct e4_topic_key topics[DEVICE_TOPICS];
	struct e4_peer peers[DEVICE_PEERS];
	struct e4_seen seen[32];
	struct e4_seen sent[8];
	struct e4_key_cache cache[2];
	struct mem_store store;
	uint64_t now;
	bool now_unknown;
};

static inline bool device_now(void *ctx, uint64_t *seconds)
{
	struct device *d = ctx;

	*seconds = d->now;
	return !d->now_unknown;
}

/* The usual configuration, except that the future allowance is 0; change it before device_init. */
static inline struct e4_config device_config(struct device *d, const struct e4_mode *mode)
{
	struct e4_config cfg = {
		.mode = mode,
		.topics = d->topics,
		.n_topics = DEVICE_TOPICS,
		.peers = d->peers,
		.n_peers = DEVICE_PEERS,
		.sent = d->sent,
		.n_sent = 8,
		.cache = d->cache,
		.n_cache = 2,
		.store = mem_store(&d->store),
		.now = device_now,
		.now_ctx = d,
		.clock = E4_CLOCK_RELIABLE,
		.grace_s = E4_GRACE_S,
	};

	if (mode == &e4_mode_pk) {
		cfg.seen = d->seen;
		cfg.n_seen = 32;
	}
	return cfg;
}

static inline void device_free(struct device *d)
{
	free(d->store.saved);
	free(d->store.next);
	memset(d, 0, sizeof *d);
}

#endif
