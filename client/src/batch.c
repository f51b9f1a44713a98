/*
 * Many messages of one client in one call. What is judged before the cipher
 * looks only at what no message changes; what changes something comes after
 * it, in order. Commands do both, so they wait until all before them are done.
 */
#include "bytes.h"
#include "key_use.h"
#include "mode.h"
#include "steps.h"

#ifndef E4_NO_CACHE

#define AT_ONCE 32 /* messages; about 3 KB of stack */

struct pending {
	struct e4_message *m;
	const struct e4_topic_key *key;
	uint16_t slot;
	uint64_t now;
};

struct batch {
	struct e4_client *c;
	size_t n;
	struct pending queue[AT_ONCE];
	struct e4_siv_job jobs[AT_ONCE];
};

/* No room for one more, or its key would drive a pending one out of the cache. */
static bool must_wait(const struct batch *b, uint16_t slot)
{
	uint16_t n_cache = b->c->cfg.n_cache;

	for (size_t i = 0; i < b->n; i++)
		if (b->queue[i].slot != slot && b->queue[i].slot % n_cache == slot % n_cache)
			return true;
	return b->n == AT_ONCE;
}

static void add(struct batch *b, struct e4_message *m, const struct e4_topic_key *key,
		const uint64_t *now, const struct e4_siv_job *job)
{
	struct e4_siv_job *j = &b->jobs[b->n];
	struct pending *p = &b->queue[b->n++];

	p->m = m;
	p->key = key;
	p->slot = m->topic->slot;
	p->now = *now;
	*j = *job;
	j->key = e4_key_use(b->c, NULL, p->slot, key->key);
}

static void protect_pending(struct batch *b)
{
	e4_siv_seal_batch(b->jobs, b->n);
	for (size_t i = 0; i < b->n; i++) {
		struct pending *p = &b->queue[i];

		e4_make_distinct(b->c, b->jobs[i].key, p->m->out, &p->now, p->m->len);
		p->m->out_len = e4_protect_end(b->c, p->m->out, p->m->len);
		if (p->m->out_len == 0)
			p->m->result = E4_ERR_ELEMENT;
	}
	b->n = 0;
}

static void protect_one(struct batch *b, struct e4_message *m)
{
	struct e4_siv_job job = {NULL, m->out, E4_STAMP_LEN, m->in, m->len, NULL, false};
	const struct e4_topic_key *key;
	uint64_t now;

	m->out_len = 0;
	m->result = e4_protect_begin(b->c, m->topic, &key, &now, m->out_cap, m->len);
	if (m->result != E4_OK)
		return;
	if (must_wait(b, m->topic->slot))
		protect_pending(b);
	e4_put64(m->out, now);
	job.out = m->out + E4_STAMP_LEN + E4_SENDER_LEN(b->c);
	add(b, m, key, &now, &job);
}

static void unprotect_pending(struct batch *b)
{
	e4_siv_open_batch(b->jobs, b->n);
	for (size_t i = 0; i < b->n; i++) {
		struct pending *p = &b->queue[i];

		p->m->result = e4_unprotect_end(b->c, b->jobs[i].ok, p->m->out, &p->m->out_len,
						p->key, &p->now, p->m->in, p->m->len);
	}
	b->n = 0;
}

static void unprotect_one(struct batch *b, struct e4_message *m)
{
	struct e4_siv_job job = {NULL, m->in, E4_STAMP_LEN, NULL, 0, m->out, false};
	const struct e4_topic_key *key;
	uint64_t now;

	m->out_len = 0;
	if (!b->c->provisioned || m->topic->control) {
		unprotect_pending(b);
		m->result = e4_unprotect(b->c, m->topic, m->out, m->out_cap, &m->out_len, m->in,
					 m->len);
		return;
	}
	m->result = e4_unprotect_begin(b->c, m->topic, &key, &now, m->out_cap, m->in, m->len);
	if (m->result != E4_OK)
		return;
	if (must_wait(b, m->topic->slot))
		unprotect_pending(b);
	job.in = m->in + E4_STAMP_LEN + E4_SENDER_LEN(b->c);
	job.len = m->len - E4_STAMP_LEN - E4_SENDER_LEN(b->c) - E4_SIG_LEN_OF(b->c);
	add(b, m, key, &now, &job);
}

void e4_protect_batch(struct e4_client *c, struct e4_message *messages, size_t n)
{
	struct batch b;

	b.c = c;
	b.n = 0;
	for (size_t i = 0; i < n; i++) {
		struct e4_message *m = &messages[i];

		if (c->cfg.n_cache == 0)
			m->result = e4_protect(c, m->topic, m->out, m->out_cap, &m->out_len, m->in,
					       m->len);
		else
			protect_one(&b, m);
	}
	protect_pending(&b);
}

void e4_unprotect_batch(struct e4_client *c, struct e4_message *messages, size_t n)
{
	struct batch b;

	b.c = c;
	b.n = 0;
	for (size_t i = 0; i < n; i++) {
		struct e4_message *m = &messages[i];

		if (c->cfg.n_cache == 0)
			m->result = e4_unprotect(c, m->topic, m->out, m->out_cap, &m->out_len,
						 m->in, m->len);
		else
			unprotect_one(&b, m);
	}
	unprotect_pending(&b);
}

#endif
