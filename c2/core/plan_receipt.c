/* What a receipt or an announcement means, decided. */
#include <string.h>

#include "c2/core/plan.h"
#include "c2/core/plan_parts.h"

enum {
	STAMP_MAX_BITS = 40 /* a clock beyond the year 36,000 teaches us nothing */
};

void plan_digest(const struct plan_view *v, uint8_t digest[32])
{
	struct e4_digest d;

	e4_digest_init(&d);
	for (size_t i = 0; i < v->n_topics; i++)
		if (v->topics[i].wish == PLAN_HOLD)
			e4_digest_topic(&d, v->topics[i].hash, v->topics[i].key);
	if (v->pubkey) {
		for (size_t i = 0; i < v->n_peers; i++)
			if (v->peers[i].wish == PLAN_HOLD)
				e4_digest_peer(&d, v->peers[i].e4id, v->peers[i].public_key);
		e4_digest_c2_key(&d, v->c2_public);
	}
	e4_digest_final(&d, digest);
}

/* --- announcements ------------------------------------------------------------------------ */

static void hear(struct plan *p, const struct plan_input *in)
{
	if (plan_is_legacy(&p->row))
		p->row.recheck_at = 0; /* was of one without receipts */
	p->row.last_seen = in->now;
}

/*
 * Anybody can repeat an announcement, so it only makes us ask, once in a
 * while. Within the gap one write remembers to ask at its end; all others
 * change nothing.
 */
bool plan_announced(struct plan *p, const struct plan_view *v, const struct plan_input *in)
{
	int64_t since = v->row.asked_at ? v->row.asked_at : v->row.last_seen;
	int64_t at = since && since <= in->now ? since + in->announce_gap_s : in->now;

	if (v->row.reason == REASON_ANNOUNCED)
		return false;
	if (at < in->now)
		at = in->now;
	if (at > in->now && v->row.asked_at && v->row.next_at && v->row.next_at <= at)
		return false; /* will be asked before that anyhow */
	p->row.reason = REASON_ANNOUNCED;
	p->row.attempts = 0;
	p->row.next_at = at;
	if (at == in->now)
		hear(p, in);
	return true;
}

/*
 * Anybody can forge it for any device, so all that it can do is to move a send
 * of what is not confirmed to an earlier time, once in a while. A device in
 * conversation with us goes on with that.
 */
bool plan_seen(struct plan *p, const struct plan_view *v, const struct plan_input *in)
{
	const struct store_client *row = &v->row;
	bool asked = row->asked_at && row->asked_at <= in->now;
	int64_t at = asked ? row->asked_at + in->announce_gap_s : in->now;

	if (!row->behind_since || (row->reason > REASON_SILENT && row->reason != REASON_TOLD))
		return false;
	if (at < in->now)
		at = in->now;
	if (row->next_at && row->next_at <= at)
		return false;
	p->row.reason = REASON_SEEN;
	/* Brokers tell of a device when it connects, which is before it subscribes. */
	p->row.attempts = -1;
	p->row.next_at = at;
	return true;
}

/* --- receipts ------------------------------------------------------------------------------- */

/*
 * The device stamped its receipt between our question and now: the smallest
 * offset that explains it counts, so a receipt that waited somewhere is no
 * wrong clock.
 */
static int64_t clock_offset(const struct store_client *row, int64_t now, int64_t device)
{
	int64_t asked = row->asked_at && row->asked_at < now ? row->asked_at : now;

	if (device > now)
		return device - now;
	return device < asked ? device - asked : 0;
}

static void learn_clock(struct plan *p, const struct plan_view *v, const struct plan_input *in,
			const struct e4_receipt *r, int question)
{
	if (r->stamp >> STAMP_MAX_BITS)
		return;
	p->row.clock_offset = clock_offset(&v->row, in->now, (int64_t)r->stamp);
	/*
	 * It answered a question stamped below our last stamp, which it would not
	 * have done after a command at that stamp: it took none, and what is sent
	 * from now on is newer than all that it did take.
	 */
	if (question != 0 && p->row.last_stamp > r->stamp) {
		p->row.last_stamp = r->stamp;
		p->stamp_lowered = true;
	}
}

/* The keys under which the receipt came are in use, so older ones never will be again. */
static void learn_keys(struct plan *p, const struct plan_view *v, size_t control)
{
	size_t key = control / plan_n_c2(v), c2 = control % plan_n_c2(v);

	if (key > 0)
		p->drop_keys_before = v->key_revs[key];
	p->row.n_old_keys = (int32_t)(v->n_keys - 1 - key);
	if (key > 0 && key == v->n_keys - 1) {
		p->key_confirmed = true;
		e4_wipe(&p->row.private_key, sizeof p->row.private_key);
	}
	if (v->pubkey && v->c2_revs[c2] > p->row.c2_rev) {
		p->row.c2_rev = v->c2_revs[c2];
		p->c2_confirmed = true;
	}
}

/*
 * A device can come to hold nothing of a topic without having taken its
 * removal: then the attaching before it, lost so far, is taken if it arrives
 * while it is fresh. So one that was rid of something is asked once more when
 * nothing old can be taken any longer.
 */
static int64_t recheck_at(const struct plan_view *v, const struct plan_input *in)
{
	const struct store_client *row = &v->row;

	if (v->has_removed || row->reset_rev > row->confirmed_rev ||
	    row->reset_peers_rev > row->confirmed_rev)
		return in->now + E4_VALIDITY_S + E4_FUTURE_S;
	return row->recheck_at > in->now ? row->recheck_at : 0;
}

static void confirm(struct plan *p, const struct plan_view *v, const struct plan_input *in)
{
	p->row.confirmed_rev = p->row.sent_rev = v->revision;
	p->row.attempts = 0;
	p->row.reason = REASON_NONE;
	p->row.behind_since = 0;
	p->row.recheck_at = p->row.next_at = recheck_at(v, in);
	p->confirmed = true;
}

static void again(struct plan *p, const struct plan_input *in, int32_t reason)
{
	p->row.reason = reason;
	p->row.next_at = in->now;
}

/* Nothing helped so far: the next try comes after a pause that grows. */
static void stuck(struct plan *p, const struct plan_input *in, int32_t reason)
{
	p->row.reason = reason;
	p->row.next_at = in->now + plan_pause_jitter(in, &p->row);
	p->row.attempts++;
}

/* All topics that the device holds are in the receipt. */
static bool lists_all(const struct e4_receipt *r)
{
	return (r->flags & E4_RECEIPT_HAS_ENTRIES) && !(r->flags & E4_RECEIPT_CUT);
}

/*
 * Entries and wanted topics, side by side in ascending order of hash; true if
 * nothing differs. What is wanted beyond the end of a list that was cut is sent:
 * a key that the device has already changes nothing there.
 */
static bool compare(struct plan *p, const struct plan_view *v, const struct e4_receipt *r,
		    size_t fit)
{
	const uint8_t *entry = r->entries, *end = r->entries + r->n_entries * E4_RECEIPT_ENTRY;
	uint8_t key_hash[8];
	bool same = true;
	size_t i = 0;

	while (entry < end || i < v->n_topics) {
		const struct plan_topic *t = i < v->n_topics ? &v->topics[i] : 0;
		int order;

		if (t && t->wish != PLAN_HOLD) {
			i++;
			continue;
		}
		order = !t ? -1 : entry == end ? 1 : memcmp(entry, t->hash, sizeof t->hash);
		if (order == 0)
			e4_receipt_key_hash(key_hash, t->key);
		if (order < 0 && p->n < fit)
			plan_drop_topic(p, entry, 0);
		if ((order > 0 || (order == 0 && memcmp(entry + 16, key_hash, 8) != 0)) &&
		    p->n < fit)
			plan_set_topic(p, t, 0);
		same = same && order == 0 && memcmp(entry + 16, key_hash, 8) == 0;
		entry += order <= 0 ? E4_RECEIPT_ENTRY : 0;
		i += order >= 0;
	}
	return same;
}

/*
 * A repair must wait for its stamp, or has no room: the difference is looked at
 * again later, and the reason tells how far the repair had come. Else one whose
 * first step uses up the stamp of its second would never end.
 */
static void look_again(struct plan *p, const struct plan_input *in, int64_t wait)
{
	p->n = 0;
	p->row.next_at = in->now + wait;
}

/* Stamp and ask. */
static void send_repair(struct plan *p, const struct plan_view *v, const struct plan_input *in,
			int32_t reason)
{
	int64_t wait = plan_fit(v, in) == 0 ? 1 : plan_stamp(p, v, in);

	if (wait) {
		look_again(p, in, wait);
		return;
	}
	plan_ask(p, in, E4_REPORT_ENTRIES);
	p->row.reason = reason;
	p->row.next_at = in->now + plan_pause_jitter(in, &p->row);
}

/* All of it is unsent again and goes out in as many batches as it takes. */
static void send_all(struct plan *p, const struct plan_input *in, int32_t reason)
{
	p->n = 0;
	p->row.sent_rev = p->row.confirmed_rev = 0;
	again(p, in, reason);
}

/* It holds something that we cannot name: let it forget everything, then send all. */
static void start_over(struct plan *p, const struct plan_view *v, const struct plan_input *in)
{
	struct plan_command *cmd;
	int64_t wait;

	p->n = 0;
	cmd = plan_add(p, PLAN_ALL, 0);
	cmd->len = (uint8_t)e4_encode_reset_topics(cmd->bytes);
	if (v->pubkey) {
		cmd = plan_add(p, PLAN_ALL, 0);
		cmd->len = (uint8_t)e4_encode_reset_pubkeys(cmd->bytes);
	}
	wait = plan_fit(v, in) == 0 ? 1 : plan_stamp(p, v, in);
	if (wait) {
		look_again(p, in, wait);
		return;
	}
	p->row.sent_rev = p->row.confirmed_rev = 0;
	again(p, in, REASON_REPAIRED_PEERS);
}

/* What it shall hold, and with drop the removal of what we know it shall not. */
static void set_peers(struct plan *p, const struct plan_view *v, bool drop, int level)
{
	for (size_t i = 0; i < v->n_peers; i++)
		if (v->peers[i].wish == PLAN_HOLD || (drop && v->peers[i].wish == PLAN_DROP))
			plan_set_peer(p, &v->peers[i], level);
}

static size_t n_held_peers(const struct plan_view *v)
{
	size_t n = 0;

	for (size_t i = 0; i < v->n_peers; i++)
		n += v->peers[i].wish == PLAN_HOLD;
	return n;
}

/*
 * PK: the topics agree, so a peer's key differs, and there is no list of those.
 * As long as the device has not more of them than it shall, sending them may do;
 * a reset would leave it for a moment without any.
 */
static void repair_peers(struct plan *p, const struct plan_view *v, const struct plan_input *in,
			 const struct e4_receipt *r, bool gently)
{
	struct plan_command *cmd;

	if (v->n_peers + 1 > plan_fit(v, in)) {
		start_over(p, v, in);
		return;
	}
	if (gently && r->n_pubkeys <= n_held_peers(v)) {
		set_peers(p, v, true, 0);
		send_repair(p, v, in, REASON_REPAIRED_TOPICS);
		return;
	}
	cmd = plan_add(p, PLAN_ALL, 0);
	cmd->len = (uint8_t)e4_encode_reset_pubkeys(cmd->bytes);
	set_peers(p, v, false, 1);
	send_repair(p, v, in, REASON_REPAIRED_PEERS);
}

/*
 * The list of topics is not complete, or there is none. What is wrong in it and
 * what may be missing behind it is sent; what the device may hold beyond our
 * knowledge stays for start_over.
 */
static void repair_unlisted(struct plan *p, const struct plan_view *v, const struct plan_input *in,
			    const struct e4_receipt *r, size_t fit)
{
	compare(p, v, r, fit);
	if (p->n + v->n_peers >= fit) {
		if (plan_wanted_rev(v) > 0)
			send_all(p, in, REASON_REPAIRED_TOPICS);
		else
			start_over(p, v, in);
		return;
	}
	set_peers(p, v, true, 0);
	send_repair(p, v, in, REASON_REPAIRED_TOPICS);
}

static void repair(struct plan *p, const struct plan_view *v, const struct plan_input *in,
		   const struct e4_receipt *r)
{
	bool gently = p->row.reason == REASON_DIFFERS, same;
	size_t fit = plan_fit(v, in);

	if (p->row.reason == REASON_REPAIRED_PEERS) {
		stuck(p, in, REASON_STUCK);
		return;
	}
	if (!lists_all(r)) {
		if (gently)
			repair_unlisted(p, v, in, r, fit);
		else
			start_over(p, v, in);
		return;
	}
	same = compare(p, v, r, fit);
	if (!same && !gently) {
		p->n = 0;
		stuck(p, in, REASON_STUCK);
	} else if (!same) {
		/* More than a batch: the next list shows the rest. */
		send_repair(p, v, in, p->n < fit ? REASON_REPAIRED_TOPICS : REASON_DIFFERS);
	} else if (v->pubkey) {
		repair_peers(p, v, in, r, gently);
	} else {
		start_over(p, v, in); /* 8 bytes of a key's hash agree, 16 do not */
	}
}

static bool in_repair(int32_t reason)
{
	return reason == REASON_DIFFERS || reason == REASON_REPAIRED_TOPICS ||
	       reason == REASON_REPAIRED_PEERS;
}

static void differs(struct plan *p, const struct plan_view *v, const struct plan_input *in,
		    const struct e4_receipt *r, int64_t wanted)
{
	/* It had confirmed this once, and lost it. */
	if (wanted <= p->row.confirmed_rev)
		p->row.confirmed_rev = 0;
	plan_behind(p, in);
	if (in_repair(p->row.reason)) {
		repair(p, v, in, r);
		return;
	}
	p->row.attempts = 0;
	again(p, in, REASON_DIFFERS);
}

void plan_receipt(struct plan *p, const struct plan_view *v, const struct plan_input *in,
		  const struct e4_receipt *r, size_t control, int question)
{
	bool newest = control == v->n_keys * v->n_c2 - 1;
	int64_t wanted = plan_wanted_rev(v);
	uint8_t digest[32];

	hear(p, in);
	learn_clock(p, v, in, r, question);
	learn_keys(p, v, control);
	p->row.asked_at = 0;
	memset(p->row.nonce, 0, sizeof p->row.nonce);
	plan_digest(v, digest);
	if (newest && e4_equal(digest, r->digest, sizeof digest)) {
		confirm(p, v, in);
	} else if (plan_is_away(&v->row)) {
		/* Back, and what it was sent it did not take. */
		p->row.attempts = 0;
		again(p, in, REASON_ANNOUNCED);
	} else if (wanted > v->row.sent_rev) {
		/* Something newer is on its way; what it says then counts. */
		p->row.attempts = 0;
		again(p, in, REASON_SENT);
	} else if (!newest && p->row.reason == REASON_OLD_KEY) {
		p->row.next_at = in->now + plan_pause_jitter(in, &p->row);
	} else if (!newest) {
		p->row.attempts = 0;
		again(p, in, REASON_OLD_KEY);
	} else {
		differs(p, v, in, r, wanted);
	}
}
