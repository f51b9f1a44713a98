/* Unprotecting application and control messages (protocol.md section 5). */
#include <string.h>

#include "bytes.h"
#include "clock.h"
#include "command.h"
#include "declassify.h"
#include "key_use.h"
#include "mode.h"
#include "replay.h"
#include "steps.h"
#include "table.h"

/* By the clock; the high-water mark is judged with the command. */
static enum e4_result judge_command(const struct e4_client *c, const uint64_t *stamp)
{
	uint64_t now;

	if (c->cfg.clock == E4_CLOCK_NONE)
		return E4_OK;
	if (!e4_clock_now(c, &now))
		return E4_ERR_NO_TIME;
	return e4_clock_behind(c, &now) ? E4_OK : e4_clock_judge(c, &now, stamp);
}

/* Decrypt box (tag | ciphertext) under a key that is not expanded yet. */
static E4_OWN_FRAME bool open_under(uint8_t *out, const uint8_t key[32], const uint8_t *stamp_at,
				    const uint8_t *box, size_t box_len)
{
	struct e4_siv_key k;
	bool ok;

	e4_siv_key_once(&k, key);
	ok = e4_siv_open(&k, out, stamp_at, E4_STAMP_LEN, box, box_len);
	e4_wipe(&k, sizeof k);
	E4_PUBLIC(&ok, sizeof ok);
	return ok;
}

static enum e4_result open_control(struct e4_client *c, const uint8_t *in, size_t in_len)
{
	uint8_t plain[E4_COMMAND_MAX];
	enum e4_result r;
	uint64_t stamp;

	if (in_len < E4_OVERHEAD_SK || in_len > E4_OVERHEAD_SK + sizeof plain)
		return E4_ERR_LENGTH;
	if (!open_under(plain, c->control_key, in, in + E4_STAMP_LEN, in_len - E4_STAMP_LEN))
		return E4_ERR_AUTH;
	stamp = e4_get64(in);
	r = judge_command(c, &stamp);
	if (r == E4_OK)
		r = e4_command_run(c, &stamp, plain, in_len - E4_OVERHEAD_SK);
	e4_wipe(plain, sizeof plain);
	return r;
}

/* The signature first: nothing that a stranger wrote reaches the cipher (section 5). */
static enum e4_result check_sender(const struct e4_client *c, const uint8_t *in, size_t in_len)
{
#ifdef E4_SK_ONLY
	(void)c;
	(void)in;
	(void)in_len;
	return E4_OK;
#else
	const struct e4_mode *mode = c->cfg.mode;
	const struct e4_peer *peer;

	if (mode->sig_len == 0)
		return E4_OK;
	peer = e4_peer_find(c, in + E4_STAMP_LEN);
	if (!peer)
		return c->cfg.allow_unknown_senders ? E4_OK : E4_ERR_NO_PUBKEY;
	in_len -= mode->sig_len;
	return mode->verify(in + in_len, in, in_len, peer->public_key) ? E4_OK : E4_ERR_SIGNATURE;
#endif
}

static bool in_grace(const struct e4_client *c, const struct e4_topic_key *key, const uint64_t *now)
{
	/*
	 * A clock that is put back by a little does not end the period early; one
	 * that was far ahead at the switch does not make it endless.
	 */
	return c->cfg.grace_s > 0 && e4_time_known(&key->switched_at) &&
	       e4_later_by(now, &key->switched_at) <= c->cfg.grace_s &&
	       e4_later_by(&key->switched_at, now) <= c->cfg.grace_s;
}

/* Where tag and ciphertext lie in a message, and their length. */
static const uint8_t *box_of(const struct e4_client *c, const uint8_t *in, size_t in_len,
			     size_t *box_len)
{
	(void)c;
	*box_len = in_len - E4_STAMP_LEN - E4_SENDER_LEN(c) - E4_SIG_LEN_OF(c);
	return in + E4_STAMP_LEN + E4_SENDER_LEN(c);
}

static bool open_current(struct e4_client *c, const struct e4_topic *t, uint8_t *out,
			 const struct e4_topic_key *key, const uint8_t *in, size_t in_len)
{
	size_t box_len;
	const uint8_t *box = box_of(c, in, in_len, &box_len);

#ifdef E4_NO_CACHE
	(void)t;
#else
	if (c->cfg.n_cache > 0)
		return e4_siv_open(e4_key_use(c, NULL, t->slot, key->key), out, in, E4_STAMP_LEN,
				   box, box_len);
#endif
	return open_under(out, key->key, in, box, box_len);
}

/* What the current key does not open, the old one may (section 6). */
static bool open_old(const struct e4_client *c, uint8_t *out, const struct e4_topic_key *key,
		     const uint8_t *in, size_t in_len)
{
	size_t box_len;
	const uint8_t *box = box_of(c, in, in_len, &box_len);

	return open_under(out, key->old_key, in, box, box_len);
}

/* Time and replay, of an authentic message. */
static enum e4_result judge(struct e4_client *c, const uint64_t *now, const uint8_t *in)
{
	uint64_t stamp = e4_get64(in);
	enum e4_result r = c->cfg.no_window ? E4_OK : e4_clock_judge(c, now, &stamp);

	if (r == E4_OK && !e4_replay_fresh(c, *now, stamp, in + E4_STAMP_LEN, E4_SENDER_LEN(c),
					   in + E4_STAMP_LEN + E4_SENDER_LEN(c)))
		return E4_ERR_REPLAYED;
	return r;
}

E4_STEP enum e4_result e4_unprotect_begin(const struct e4_client *c, struct e4_topic *t,
					  const struct e4_topic_key **key, uint64_t *now,
					  size_t out_cap, const uint8_t *in, size_t in_len)
{
	if (in_len < e4_overhead(c))
		return E4_ERR_LENGTH;
	if (out_cap < in_len - e4_overhead(c))
		return E4_ERR_SPACE;
	*key = e4_topic_find(c, t->hash, &t->slot);
	if (!*key)
		return E4_ERR_NO_TOPIC_KEY;
	if (!e4_clock_now(c, now) && !c->cfg.no_window)
		return E4_ERR_NO_TIME;
	return check_sender(c, in, in_len);
}

E4_STEP enum e4_result e4_unprotect_end(struct e4_client *c, bool ok, uint8_t *out, size_t *out_len,
					const struct e4_topic_key *key, const uint64_t *now,
					const uint8_t *in, size_t in_len)
{
	enum e4_result r;

	E4_PUBLIC(&ok, sizeof ok);
	if (!ok && !(in_grace(c, key, now) && open_old(c, out, key, in, in_len)))
		return E4_ERR_AUTH;
	r = judge(c, now, in);
	if (r == E4_OK)
		*out_len = in_len - e4_overhead(c);
	else
		e4_wipe(out, in_len - e4_overhead(c));
	return r;
}

enum e4_result e4_unprotect(struct e4_client *c, struct e4_topic *t, uint8_t *out, size_t out_cap,
			    size_t *out_len, const uint8_t *in, size_t in_len)
{
	const struct e4_topic_key *key;
	enum e4_result r;
	uint64_t now;
	bool ok;

	*out_len = 0;
	if (!c->provisioned)
		return E4_ERR_NO_STATE;
	if (t->control)
		return open_control(c, in, in_len);
	r = e4_unprotect_begin(c, t, &key, &now, out_cap, in, in_len);
	if (r != E4_OK)
		return r;
	ok = open_current(c, t, out, key, in, in_len);
	return e4_unprotect_end(c, ok, out, out_len, key, &now, in, in_len);
}
