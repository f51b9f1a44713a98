/*
 * SIV of many messages: the chain of one is as slow as it is, but chains of
 * different messages fill the places that one leaves empty. Each lane carries
 * one message; a lane that is through with it takes the next, so lengths may
 * be mixed. Where the AES variant has no lanes, messages go one by one.
 */
#include "lanes.h"
#include "siv.h"

#include "bytes.h"

#include <string.h>

static void seal_or_open(struct e4_siv_job *j, bool open)
{
	j->ok = true;
	if (open)
		j->ok = e4_siv_open(j->key, j->out, j->ad, j->ad_len, j->in, j->len);
	else
		e4_siv_seal(j->key, j->out, j->ad, j->ad_len, j->in, j->len);
}

#if E4_AES == E4_AES_CT64 || E4_AES == E4_AES_NATIVE

#define BLOCK E4_AES_BLOCK
#if E4_AES == E4_AES_NATIVE
#define LANES E4_NATIVE_LANES
#else
#define LANES 4
#endif

/* A message is one stretch of blocks after the other; between them its lane is looked at. */
enum stage { AD_WHOLE, AD_LAST, TEXT_WHOLE, TEXT_LAST, DONE };

struct lane {
	struct e4_siv_job *job; /* null: idle */
	enum stage at;
	const uint8_t *text; /* the plaintext */
	size_t len;
	size_t left; /* blocks of this stretch */
	uint8_t d[BLOCK];
	uint8_t tag[BLOCK];      /* open: the one that came */
	uint8_t last[2 * BLOCK]; /* a last stretch: padded, masked */
};

struct batch {
	struct e4_siv_job *next, *end;
	bool open;
	size_t lanes;
	uint8_t chain[LANES][BLOCK];
	const uint8_t *at[LANES];
	struct lane all[LANES];
#if E4_AES == E4_AES_NATIVE
	uint8_t native; /* what the keys say */
#endif
	union {
		struct e4_aes_key bitsliced;
		uint8_t native[15 * BLOCK * LANES];
	} keys;
};

/* --- what the variants of AES do --------------------------------------------- */

static void put_key(struct batch *b, size_t lane, const struct e4_aes_key *k)
{
#if E4_AES == E4_AES_NATIVE
	if (b->native) {
		e4_native_lane_key(b->keys.native, lane, k);
		return;
	}
#endif
	e4_ct64_lane_key(&b->keys.bitsliced, lane, k);
}

static void mac(struct batch *b, size_t n)
{
#if E4_AES == E4_AES_NATIVE && E4_NATIVE_HAS_WIDE
	if (b->native & E4_NATIVE_WIDE) {
		e4_wide_lanes_mac(b->keys.native, b->chain, b->at, n);
		return;
	}
#endif
#if E4_AES == E4_AES_NATIVE
	if (b->native) {
		e4_native_lanes_mac(b->keys.native, b->chain, b->at, n);
		return;
	}
#endif
	e4_ct64_lanes_mac(&b->keys.bitsliced, b->chain, b->at, n);
}

/* --- S2V by stretches (RFC 5297 section 2.4) --------------------------------- */

static void xor_block(uint8_t a[16], const uint8_t b[16])
{
	uint64_t x[2], y[2];
	memcpy(x, a, sizeof x);
	memcpy(y, b, sizeof y);
	x[0] ^= y[0];
	x[1] ^= y[1];
	memcpy(a, x, sizeof x);
}

/* Big-endian, written out so that compilers see one load or store. */
static uint64_t load_big(const uint8_t *p)
{
	return (uint64_t)p[0] << 56 | (uint64_t)p[1] << 48 | (uint64_t)p[2] << 40 |
	       (uint64_t)p[3] << 32 | (uint64_t)p[4] << 24 | (uint64_t)p[5] << 16 |
	       (uint64_t)p[6] << 8 | p[7];
}

static void store_big(uint8_t *p, uint64_t v)
{
	p[0] = (uint8_t)(v >> 56);
	p[1] = (uint8_t)(v >> 48);
	p[2] = (uint8_t)(v >> 40);
	p[3] = (uint8_t)(v >> 32);
	p[4] = (uint8_t)(v >> 24);
	p[5] = (uint8_t)(v >> 16);
	p[6] = (uint8_t)(v >> 8);
	p[7] = (uint8_t)v;
}

/* Times x in GF(2^128), as in siv.c, on words. */
static void dbl(uint8_t block[16])
{
	uint64_t high = load_big(block), low = load_big(block + 8);
	store_big(block, high << 1 | low >> 63);
	store_big(block + 8, low << 1 ^ (0x87 & -(high >> 63)));
}

/* Take n bytes (0 to 31) as the last stretch of a CMAC that are in l->last. */
static size_t finish_last(const struct e4_siv_key *k, uint8_t last[32], size_t n)
{
	uint8_t *end = n > BLOCK ? last + BLOCK : last;
	size_t used = n - (size_t)(end - last);
	if (used < BLOCK)
		last[n] = 0x80;
	xor_block(end, used < BLOCK ? k->k2 : k->k1);
	return n > BLOCK ? 2 : 1;
}

static size_t ad_whole(const struct lane *l)
{
	return l->job->ad_len == 0 ? 0 : (l->job->ad_len - 1) / BLOCK;
}

static size_t text_whole(const struct lane *l)
{
	return l->len < BLOCK ? 0 : (l->len - BLOCK) / BLOCK;
}

static void ad_last(struct lane *l)
{
	size_t done = BLOCK * ad_whole(l), n = l->job->ad_len - done;
	memset(l->last, 0, sizeof l->last);
	if (n > 0)
		memcpy(l->last, (const uint8_t *)l->job->ad + done, n);
	l->left = finish_last(l->job->key, l->last, n);
}

static void text_last(struct lane *l)
{
	size_t done = BLOCK * text_whole(l), n = l->len - done;
	memset(l->last, 0, sizeof l->last);
	if (n > 0)
		memcpy(l->last, l->text + done, n);
	if (n >= BLOCK) {
		xor_block(l->last + n - BLOCK, l->d);
	} else {
		l->last[n] = 0x80;
		dbl(l->d);
		xor_block(l->last, l->d);
		n = BLOCK;
	}
	l->left = finish_last(l->job->key, l->last, n);
}

/* --- a lane ---------------------------------------------------------------------- */

/* All len bytes, or zeros; without a branch, as in siv.c. */
static void keep_if(uint8_t *out, size_t len, bool good)
{
	uint8_t mask = e4_mask(good);
	for (size_t i = 0; i < len; i++)
		out[i] &= mask;
}

/* The chain of a message is through: chain is its tag. */
static void finish(struct batch *b, struct lane *l, const uint8_t chain[16])
{
	struct e4_siv_job *job = l->job;
	job->ok = true;
	if (b->open) {
		job->ok = e4_equal(l->tag, chain, BLOCK);
		keep_if(job->out, l->len, job->ok);
	} else {
		e4_lanes_ctr(&job->key->aes, job->out + BLOCK, chain, l->text, l->len);
		memcpy(job->out, chain, BLOCK);
	}
	l->job = NULL;
}

/* To the next stretch that has blocks, or to the end of the message. */
static void advance(struct batch *b, size_t i)
{
	struct lane *l = &b->all[i];
	do {
		l->at++;
		b->at[i] = l->last;
		if (l->at == AD_LAST) {
			ad_last(l);
		} else if (l->at == TEXT_WHOLE) {
			memcpy(l->d, l->job->key->d0, BLOCK);
			dbl(l->d);
			xor_block(l->d, b->chain[i]);
			memset(b->chain[i], 0, BLOCK);
			b->at[i] = l->text;
			l->left = text_whole(l);
		} else if (l->at == TEXT_LAST) {
			text_last(l);
		} else {
			finish(b, l, b->chain[i]);
			return;
		}
	} while (l->left == 0);
}

static void start(struct batch *b, size_t i, struct e4_siv_job *job)
{
	struct lane *l = &b->all[i];
	l->job = job;
	l->at = AD_WHOLE;
	l->text = job->in;
	l->len = job->len;
	put_key(b, i, &job->key->aes);
	if (b->open) {
		memcpy(l->tag, job->in, BLOCK); /* out may lie over it */
		l->text = job->out;
		l->len -= BLOCK;
		e4_lanes_ctr(&job->key->aes, job->out, l->tag, job->in + BLOCK, l->len);
	}
	memset(b->chain[i], 0, BLOCK);
	b->at[i] = job->ad;
	l->left = ad_whole(l);
	if (l->left == 0)
		advance(b, i);
}

/*
 * A short message is through in the time that its place in a lane costs. (Measured:
 * a lane pays from about 100 bytes on; the bitsliced AES is slower than any of this.)
 */
static bool alone(const struct batch *b, struct e4_siv_job *job)
{
#if E4_AES == E4_AES_NATIVE
	if (!b->native || job->len >= 112)
		return false;
	seal_or_open(job, b->open);
	return true;
#else
	(void)b;
	(void)job;
	return false;
#endif
}

/* The next message; none is left: the lane idles. */
static void refill(struct batch *b, size_t i)
{
	while (b->next < b->end && !b->all[i].job) {
		struct e4_siv_job *job = b->next++;
		job->ok = false;
		if ((!b->open || job->len >= BLOCK) && !alone(b, job))
			start(b, i, job);
	}
}

/* As many blocks as every busy lane has left; false if none is busy. */
static bool step(struct batch *b)
{
	const struct lane *least = NULL;
	size_t n, busy = 0;
	for (size_t i = 0; i < b->lanes; i++) {
		const struct lane *l = &b->all[i];
		if (l->job && (!least || l->left < least->left)) {
			least = l;
			busy = i;
		}
	}
	if (!least)
		return false;
	n = least->left;
	/* an idle lane computes what nobody reads, over memory that is there */
	for (size_t i = 0; i < b->lanes; i++)
		b->at[i] = b->all[i].job ? b->at[i] : b->at[busy];
	mac(b, n);
	for (size_t i = 0; i < b->lanes; i++) {
		struct lane *l = &b->all[i];
		b->at[i] += BLOCK * n;
		if (!l->job)
			continue;
		l->left -= n;
		if (l->left == 0)
			advance(b, i);
		refill(b, i);
	}
	return true;
}

/* False: the keys have not all one form. */
static bool init(struct batch *b, struct e4_siv_job *jobs, size_t n, bool open)
{
	memset(b, 0, sizeof *b);
	b->next = jobs;
	b->end = jobs + n;
	b->open = open;
	b->lanes = 4;
#if E4_AES == E4_AES_NATIVE
	b->native = jobs->key->aes.native;
	if (b->native)
		b->lanes = E4_NATIVE_LANES;
	for (size_t i = 1; i < n; i++)
		if (jobs[i].key->aes.native != b->native)
			return false;
#endif
	return true;
}

/* False: nothing was done. */
static bool run(struct e4_siv_job *jobs, size_t n, bool open)
{
	struct batch b;
	if (n < 2 || !init(&b, jobs, n, open))
		return false;
	for (size_t i = 0; i < b.lanes; i++)
		refill(&b, i);
	while (step(&b))
		;
	e4_wipe(&b, sizeof b);
	return true;
}

#else

static bool run(struct e4_siv_job *jobs, size_t n, bool open)
{
	(void)jobs;
	(void)n;
	(void)open;
	return false;
}

#endif

static void seal_or_open_all(struct e4_siv_job *jobs, size_t n, bool open)
{
	if (run(jobs, n, open))
		return;
	for (size_t i = 0; i < n; i++)
		seal_or_open(&jobs[i], open);
}

void e4_siv_seal_batch(struct e4_siv_job *jobs, size_t n)
{
	seal_or_open_all(jobs, n, false);
}

void e4_siv_open_batch(struct e4_siv_job *jobs, size_t n)
{
	seal_or_open_all(jobs, n, true);
}
