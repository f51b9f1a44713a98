/* Protecting application messages (protocol.md sections 2, 3 and 5). */
#include <string.h>

#include "bytes.h"
#include "clock.h"
#include "declassify.h"
#include "key_use.h"
#include "mode.h"
#include "steps.h"
#include "table.h"

size_t e4_overhead(const struct e4_client *c)
{
	(void)c;
	return E4_STAMP_LEN + E4_SENDER_LEN(c) + E4_SIV_TAG_LEN + E4_SIG_LEN_OF(c);
}

/* Encrypt in to box (tag | ciphertext) and write the stamp. */
static void seal(const struct e4_siv_key *k, uint8_t *stamp_at, uint8_t *box, const uint64_t *stamp,
		 const uint8_t *in, size_t len)
{
	e4_put64(stamp_at, *stamp);
	e4_siv_seal(k, box, stamp_at, E4_STAMP_LEN, in, len);
}

#ifdef E4_NO_REPLAY

E4_STEP void e4_make_distinct(struct e4_client *c, const struct e4_siv_key *k, uint8_t *out,
			      const uint64_t *now, size_t len)
{
	(void)c;
	(void)k;
	(void)out;
	(void)now;
	(void)len;
}

static void remember_sent(struct e4_client *c, const uint8_t *message)
{
	(void)c;
	(void)message;
}

#else

static bool was_sent(const struct e4_client *c, uint64_t stamp, const uint8_t tag[16])
{
	for (uint16_t i = 0; i < c->cfg.n_sent; i++)
		if (c->cfg.sent[i].stamp == stamp && memcmp(c->cfg.sent[i].digest, tag, 16) == 0)
			return true;
	return false;
}

static void remember_sent(struct e4_client *c, const uint8_t *message)
{
	struct e4_seen *s;

	if (c->cfg.n_sent == 0)
		return;
	s = &c->cfg.sent[c->sent_next];
	memcpy(s->digest, message + E4_STAMP_LEN + E4_SENDER_LEN(c), 16);
	s->stamp = e4_get64(message);
	c->sent_next = (uint16_t)((c->sent_next + 1u) % c->cfg.n_sent);
}

/*
 * The box is sealed with the present as its stamp: take an earlier second when
 * these bytes went out before. Each further try meets another remembered
 * message, so there are at most n_sent + 1.
 */
E4_STEP void e4_make_distinct(struct e4_client *c, const struct e4_siv_key *k, uint8_t *out,
			      const uint64_t *now, size_t len)
{
	uint8_t *box = out + E4_STAMP_LEN + E4_SENDER_LEN(c);
	uint64_t stamp = *now;

	E4_PUBLIC(box, E4_SIV_TAG_LEN);
	while (was_sent(c, stamp, box) && stamp > 1 && *now - stamp < c->cfg.validity_s) {
		/* in may have been overwritten by the ciphertext: take it back from there */
		e4_siv_open(k, box + E4_SIV_TAG_LEN, out, E4_STAMP_LEN, box, len + E4_SIV_TAG_LEN);
		stamp--;
		seal(k, out, box, &stamp, box + E4_SIV_TAG_LEN, len);
		E4_PUBLIC(box, E4_SIV_TAG_LEN);
	}
}

#endif

E4_STEP enum e4_result e4_protect_begin(const struct e4_client *c, struct e4_topic *t,
					const struct e4_topic_key **key, uint64_t *now,
					size_t out_cap, size_t len)
{
	if (t->control)
		return E4_ERR_PARAM;
	if (out_cap < e4_overhead(c) || out_cap - e4_overhead(c) < len)
		return E4_ERR_SPACE;
	*key = e4_topic_find(c, t->hash, &t->slot);
	if (!*key)
		return E4_ERR_NO_TOPIC_KEY;
	return e4_clock_now(c, now) ? E4_OK : E4_ERR_NO_TIME;
}

E4_STEP size_t e4_protect_end(struct e4_client *c, uint8_t *out, size_t len)
{
	size_t before_sig = e4_overhead(c) - E4_SIG_LEN_OF(c) + len;

	if (E4_SENDER_LEN(c) > 0)
		memcpy(out + E4_STAMP_LEN, c->id, E4_SENDER_LEN(c));
#ifndef E4_SK_ONLY
	if (E4_SIG_LEN_OF(c) > 0 && !c->cfg.mode->sign(c, out + before_sig, out, before_sig)) {
		e4_wipe(out, before_sig + E4_SIG_LEN_OF(c));
		return 0;
	}
#endif
	remember_sent(c, out); /* only now: what failed was not sent */
	return before_sig + E4_SIG_LEN_OF(c);
}

static E4_OWN_FRAME void seal_current(struct e4_client *c, const struct e4_topic *t, uint8_t *out,
				      const struct e4_topic_key *key, const uint64_t *now,
				      const uint8_t *in, size_t len)
{
	struct e4_siv_key local;
	const struct e4_siv_key *k = e4_key_use(c, &local, t->slot, key->key);

	seal(k, out, out + E4_STAMP_LEN + E4_SENDER_LEN(c), now, in, len);
	e4_make_distinct(c, k, out, now, len);
	e4_key_used(c, &local);
}

enum e4_result e4_protect(struct e4_client *c, struct e4_topic *t, uint8_t *out, size_t out_cap,
			  size_t *out_len, const uint8_t *in, size_t len)
{
	const struct e4_topic_key *key;
	enum e4_result r;
	uint64_t now;

	*out_len = 0;
	r = e4_protect_begin(c, t, &key, &now, out_cap, len);
	if (r != E4_OK)
		return r;
	seal_current(c, t, out, key, &now, in, len);
	*out_len = e4_protect_end(c, out, len);
	return *out_len > 0 ? E4_OK : E4_ERR_ELEMENT;
}
