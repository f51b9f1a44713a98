#include "c2/core/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "c2/core/plan_parts.h"

enum {
	BEHIND_S = 2,       /* our stamps lie behind the device's clock (protocol.md section 5) */
	CLOCK_RIGHT_S = 30, /* an offset up to this is no reason to stamp otherwise */
	STAMP_WAIT_S = 60,  /* a batch waits at most this long for its stamp */
	SEEN_AGAIN_S = 3,   /* the pause after a send to who was just seen (plan_seen) */
	ASK_AGAIN = 3,      /* questions to a device of which nothing but an answer is wanted */
	TELL_PAUSES = 100   /* longest pauses for which a removal is repeated without receipts */
};

void plan_init(struct plan *p, const struct plan_view *v)
{
	*p = (struct plan){.row = v->row};
}

static void forget(struct plan_command *commands, size_t n)
{
	if (commands)
		e4_wipe(commands, n * sizeof *commands);
	free(commands);
}

void plan_free(struct plan *p)
{
	forget(p->commands, p->cap);
	*p = (struct plan){0};
}

/* Most plans are a key and a question. Keys must not stay behind in what moves. */
static void grow(struct plan *p)
{
	size_t cap = p->cap ? 4 * p->cap : 4;
	struct plan_command *larger = mem_array(cap, sizeof *larger);

	if (p->n)
		memcpy(larger, p->commands, p->n * sizeof *larger);
	forget(p->commands, p->n);
	p->commands = larger;
	p->cap = cap;
}

bool plan_hears(const struct plan_view *v, size_t control, const struct plan_command *cmd)
{
	if (cmd->audience == PLAN_OLD_IDS)
		return control / plan_n_c2(v) + 1 < v->n_keys;
	if (cmd->audience == PLAN_OLD_C2)
		return control % plan_n_c2(v) + 1 < v->n_c2;
	return true;
}

size_t plan_messages(const struct plan *p, const struct plan_view *v)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		for (size_t k = 0; k < v->n_keys * v->n_c2; k++)
			n += plan_hears(v, k, &p->commands[i]);
	return n;
}

int64_t plan_pause(const struct plan_input *in, const struct store_client *row)
{
	int64_t most = plan_is_legacy(row) ? in->legacy_max_s : in->retry_max_s;
	int64_t s = in->receipt_wait_s;

	if (row->attempts < 0 && s > SEEN_AGAIN_S)
		s = SEEN_AGAIN_S;
	for (int32_t i = 0; i < row->attempts && s < most; i++)
		s *= 2;
	return s < most ? s : most;
}

int64_t plan_pause_jitter(const struct plan_input *in, const struct store_client *row)
{
	int64_t s = plan_pause(in, row) * (896 + in->jitter) / 1024;

	return s > 0 ? s : 1;
}

struct plan_command *plan_add(struct plan *p, enum plan_audience audience, int level)
{
	struct plan_command *cmd;

	if (p->n == p->cap)
		grow(p);
	cmd = &p->commands[p->n++];
	cmd->audience = (uint8_t)audience;
	cmd->stamp = (uint64_t)level;
	return cmd;
}

void plan_set_topic(struct plan *p, const struct plan_topic *t, int level)
{
	struct plan_command *cmd = plan_add(p, PLAN_ALL, level);

	cmd->len = (uint8_t)e4_encode_set_topic_key(cmd->bytes, t->key, t->hash);
}

void plan_drop_topic(struct plan *p, const uint8_t hash[16], int level)
{
	struct plan_command *cmd = plan_add(p, PLAN_ALL, level);

	cmd->len = (uint8_t)e4_encode_remove_topic(cmd->bytes, hash);
}

void plan_set_peer(struct plan *p, const struct plan_peer *peer, int level)
{
	struct plan_command *cmd = plan_add(p, PLAN_ALL, level);

	if (peer->wish == PLAN_HOLD)
		cmd->len = (uint8_t)e4_encode_set_pubkey(cmd->bytes, peer->public_key, peer->e4id);
	else
		cmd->len = (uint8_t)e4_encode_remove_pubkey(cmd->bytes, peer->e4id);
}

/* The device's clock as far as it is proven. */
static int64_t device_now(const struct store_client *row, int64_t now)
{
	int64_t off = row->clock_offset;

	return off > CLOCK_RIGHT_S || off < -CLOCK_RIGHT_S ? now + off : now;
}

static uint64_t stamp_at(int64_t device_s)
{
	return device_s > BEHIND_S ? (uint64_t)(device_s - BEHIND_S) : 1;
}

int64_t plan_stamp(struct plan *p, const struct plan_view *v, const struct plan_input *in)
{
	int64_t there = device_now(&v->row, in->now), ahead;
	uint64_t first = stamp_at(there), levels = 0;

	/* Questions alone touch nothing and may repeat the last stamp. */
	if (first <= p->row.last_stamp)
		first = p->row.last_stamp + (p->n > 0);
	for (size_t i = 0; i < p->n; i++)
		if (p->commands[i].stamp > levels)
			levels = p->commands[i].stamp;
	ahead = (int64_t)(first + levels) - there;
	if (ahead > 0 && ahead <= STAMP_WAIT_S)
		return ahead;
	/* Without a reset everything is of one level: one stamp, so no order of arrival matters. */
	for (size_t i = 0; i < p->n; i++)
		p->commands[i].stamp += first;
	p->row.last_stamp = first + levels;
	return 0;
}

static bool apart(uint64_t a, uint64_t b, uint64_t s)
{
	return a > b ? a - b > s : b - a > s;
}

static void add_question(struct plan *p, const struct plan_input *in, int question, uint64_t stamp,
			 uint8_t flags)
{
	struct plan_command *cmd = plan_add(p, PLAN_ALL, 0);
	uint8_t nonce[16];

	memcpy(nonce, in->nonce, sizeof nonce);
	nonce[15] ^= (uint8_t)question;
	cmd->stamp = stamp;
	cmd->len = (uint8_t)e4_encode_report_state(cmd->bytes, nonce, flags);
}

void plan_ask(struct plan *p, const struct plan_input *in, uint8_t flags)
{
	uint64_t stamp = p->row.last_stamp;
	uint64_t ours = stamp_at(in->now), hinted = stamp_at(in->now + in->hint_s);

	add_question(p, in, 0, stamp, flags);
	/* A device refuses what is ahead of its clock by little: guesses that far apart are two. */
	if (apart(ours, stamp, CLOCK_RIGHT_S))
		add_question(p, in, 1, ours, flags);
	if (in->hint_s && apart(hinted, stamp, CLOCK_RIGHT_S) && apart(hinted, ours, CLOCK_RIGHT_S))
		add_question(p, in, 2, hinted, flags);
	memcpy(p->row.nonce, in->nonce, sizeof p->row.nonce);
	/* Of several questions without an answer the first counts: its time must run out. */
	if (!p->row.asked_at)
		p->row.asked_at = in->now;
}

int plan_nonce_matches(const struct store_client *row, const uint8_t nonce[16])
{
	uint8_t question = row->nonce[15] ^ nonce[15];

	if (!row->asked_at || question > 2 || !e4_equal(row->nonce, nonce, 15))
		return -1;
	return question;
}

size_t plan_fit(const struct plan_view *v, const struct plan_input *in)
{
	size_t keys = v->n_keys > 1 ? v->n_keys * v->n_c2 : plan_n_c2(v);
	size_t commands = in->room / keys;

	/* What overruns the window by one command and its questions waits in the outbox. */
	if (in->room > 0 && commands == 0)
		commands = 1;
	return commands < PLAN_BATCH_MAX ? commands : PLAN_BATCH_MAX;
}

/* --- what is to be sent ------------------------------------------------------------------ */

enum kind { ID_KEY, C2_KEY, RESET_TOPICS, RESET_PEERS, TOPIC, PEER };

struct item {
	int64_t rev;
	enum kind kind;
	size_t index;
};

struct items {
	struct item *list;
	size_t n;
};

static void item_add(struct items *items, int64_t rev, enum kind kind, size_t index)
{
	items->list[items->n++] = (struct item){rev, kind, index};
}

static int item_order(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->rev != y->rev)
		return x->rev < y->rev ? -1 : 1;
	return (int)x->kind - (int)y->kind;
}

/*
 * A reset goes out as such the first time. When it is repeated, what it stood
 * for is removed one by one: a reset that a device without a high-water mark
 * takes late would cost it the keys that came after.
 */
static bool takes(const struct plan_view *v, enum plan_wish wish, int64_t rev, int64_t reset_rev,
		  int64_t above, int64_t *item_rev)
{
	bool reset_again = reset_rev > above && reset_rev <= v->row.sent_rev;

	*item_rev = rev;
	if (rev > reset_rev)
		return rev > above;
	*item_rev = reset_rev;
	return reset_again && wish != PLAN_HOLD;
}

/* Something that it shall be rid of, newer than above. */
static bool has_removal(const struct plan_view *v, int64_t above)
{
	int64_t rev;

	if (v->row.reset_rev > v->row.sent_rev || v->row.reset_peers_rev > v->row.sent_rev)
		return true;
	for (size_t i = 0; i < v->n_topics; i++)
		if (v->topics[i].wish != PLAN_HOLD &&
		    takes(v, v->topics[i].wish, v->topics[i].rev, v->row.reset_rev, above, &rev))
			return true;
	for (size_t i = 0; i < v->n_peers; i++)
		if (v->peers[i].wish != PLAN_HOLD && takes(v, v->peers[i].wish, v->peers[i].rev,
							   v->row.reset_peers_rev, above, &rev))
			return true;
	return false;
}

/*
 * Nothing can confirm that a device without receipts is rid of something, and
 * what was ever taken from it must not make each of its sends longer for ever.
 * Between the batches of one send no question is open: what is newer than
 * sent_rev then is no news.
 */
static void tell_removals(struct plan *p, const struct plan_view *v, const struct plan_input *in)
{
	bool news = p->row.asked_at || p->row.reason == REASON_TOLD;

	if (!plan_is_legacy(&v->row))
		return;
	if (p->row.recheck_at ? news && has_removal(v, v->row.sent_rev)
			      : has_removal(v, v->row.confirmed_rev))
		p->row.recheck_at = in->now + TELL_PAUSES * in->legacy_max_s;
}

/* Removals that were sent before are not repeated: for long enough they were. */
static bool is_told(const struct plan *p, const struct plan_view *v, const struct plan_input *in)
{
	return plan_is_legacy(&v->row) && p->row.recheck_at <= in->now &&
	       v->row.reason != REASON_SEEN && v->row.reason != REASON_ANNOUNCED;
}

/* Everything newer than above, in the order of revisions; told: without known removals. */
static void collect(struct items *items, const struct plan_view *v, int64_t above, bool told)
{
	const struct store_client *row = &v->row;
	int64_t rev;

	items->list = mem_array(v->n_topics + v->n_peers + 4, sizeof *items->list);
	items->n = 0;
	if (plan_id_pending(v) && row->key_rev > above)
		item_add(items, row->key_rev, ID_KEY, 0);
	if (plan_c2_pending(v) && v->c2_revs[v->n_c2 - 1] > above)
		item_add(items, v->c2_revs[v->n_c2 - 1], C2_KEY, 0);
	if (row->reset_rev > above && row->reset_rev > row->sent_rev)
		item_add(items, row->reset_rev, RESET_TOPICS, 0);
	if (row->reset_peers_rev > above && row->reset_peers_rev > row->sent_rev)
		item_add(items, row->reset_peers_rev, RESET_PEERS, 0);
	for (size_t i = 0; i < v->n_topics; i++) {
		const struct plan_topic *t = &v->topics[i];

		if (takes(v, t->wish, t->rev, row->reset_rev, above, &rev) &&
		    !(told && t->wish != PLAN_HOLD && rev <= row->sent_rev))
			item_add(items, rev, TOPIC, i);
	}
	for (size_t i = 0; i < v->n_peers; i++) {
		const struct plan_peer *t = &v->peers[i];

		if (takes(v, t->wish, t->rev, row->reset_peers_rev, above, &rev) &&
		    !(told && t->wish != PLAN_HOLD && rev <= row->sent_rev))
			item_add(items, rev, PEER, i);
	}
	qsort(items->list, items->n, sizeof *items->list, item_order);
}

/* The number of items in this batch: up to fit, but never between two of one revision. */
static size_t cut(const struct items *items, size_t fit)
{
	size_t n = fit;

	if (items->n <= fit)
		return items->n;
	while (n < items->n && items->list[n].rev == items->list[n - 1].rev)
		n++;
	return n;
}

static void encode(struct plan *p, const struct plan_view *v, const struct item *item, int level)
{
	struct plan_command *cmd;

	switch (item->kind) {
	case ID_KEY:
		cmd = plan_add(p, PLAN_OLD_IDS, level);
		cmd->len = (uint8_t)(v->pubkey ? e4_encode_set_id_key_pk(cmd->bytes, v->id_secret)
					       : e4_encode_set_id_key_sk(cmd->bytes, v->id_secret));
		return;
	case C2_KEY:
		cmd = plan_add(p, PLAN_OLD_C2, level);
		cmd->len = (uint8_t)e4_encode_set_c2_key(cmd->bytes, v->c2_public);
		return;
	case RESET_TOPICS:
		cmd = plan_add(p, PLAN_ALL, 0);
		cmd->len = (uint8_t)e4_encode_reset_topics(cmd->bytes);
		return;
	case RESET_PEERS:
		cmd = plan_add(p, PLAN_ALL, 0);
		cmd->len = (uint8_t)e4_encode_reset_pubkeys(cmd->bytes);
		return;
	case TOPIC:
		if (v->topics[item->index].wish == PLAN_HOLD)
			plan_set_topic(p, &v->topics[item->index], level);
		else
			plan_drop_topic(p, v->topics[item->index].hash, level);
		return;
	case PEER:
		plan_set_peer(p, &v->peers[item->index], level);
		return;
	}
}

static void encode_batch(struct plan *p, const struct plan_view *v, const struct items *items,
			 size_t n)
{
	int level = 0;

	for (size_t i = 0; i < n; i++)
		if (items->list[i].kind == RESET_TOPICS || items->list[i].kind == RESET_PEERS)
			level = 1;
	for (size_t i = 0; i < n; i++)
		encode(p, v, &items->list[i], level);
}

int64_t plan_wanted_rev(const struct plan_view *v)
{
	int64_t rev = v->row.reset_rev > v->row.reset_peers_rev ? v->row.reset_rev
								: v->row.reset_peers_rev;

	if (plan_id_pending(v) && v->row.key_rev > rev)
		rev = v->row.key_rev;
	if (plan_c2_pending(v) && v->c2_revs[v->n_c2 - 1] > rev)
		rev = v->c2_revs[v->n_c2 - 1];
	for (size_t i = 0; i < v->n_topics; i++)
		if (v->topics[i].rev > rev)
			rev = v->topics[i].rev;
	for (size_t i = 0; i < v->n_peers; i++)
		if (v->peers[i].rev > rev)
			rev = v->peers[i].rev;
	return rev;
}

/* --- due ------------------------------------------------------------------------------------ */

static void write_later(struct plan *p, const struct plan_view *v, int64_t at)
{
	p->row = v->row;
	p->row.next_at = at;
	p->n = 0;
}

/* Ask only; as often as it is repeated, as a batch that is empty. */
static void ask_only(struct plan *p, const struct plan_view *v, const struct plan_input *in,
		     uint8_t flags)
{
	int64_t wait;

	if (plan_fit(v, in) == 0) {
		p->verdict = PLAN_NO_ROOM;
		return;
	}
	wait = plan_stamp(p, v, in);
	if (wait) {
		write_later(p, v, in->now + wait);
		return;
	}
	plan_ask(p, in, flags);
	p->row.next_at = in->now + plan_pause_jitter(in, &p->row);
}

/* All that is left is known to it, if it ever will be: until it is seen or something changes. */
static void rest(struct plan *p, const struct plan_view *v)
{
	p->row.sent_rev = v->revision;
	p->row.asked_at = p->row.next_at = 0;
	p->row.reason = REASON_TOLD;
}

static void send_newer(struct plan *p, const struct plan_view *v, const struct plan_input *in)
{
	size_t fit = plan_fit(v, in), n;
	struct items items;
	int64_t wait;
	bool told;

	if (fit == 0) {
		p->verdict = PLAN_NO_ROOM;
		return;
	}
	told = is_told(p, v, in);
	collect(&items, v, p->row.sent_rev, told);
	if (told && items.n == 0 && p->row.recheck_at) {
		rest(p, v);
		free(items.list);
		return;
	}
	n = cut(&items, fit);
	encode_batch(p, v, &items, n);
	wait = plan_stamp(p, v, in);
	if (wait) {
		write_later(p, v, in->now + wait);
	} else if (n < items.n) {
		p->row.sent_rev = items.list[n - 1].rev;
		p->row.next_at = in->now;
	} else {
		p->row.sent_rev = v->revision;
		plan_ask(p, in, p->row.reason == REASON_REPAIRED_TOPICS ? E4_REPORT_ENTRIES : 0);
		p->row.next_at = p->row.asked_at + plan_pause_jitter(in, &p->row);
		if (p->row.next_at <= in->now)
			p->row.next_at = in->now + 1;
	}
	free(items.list);
}

static bool in_repair(int32_t reason)
{
	return reason == REASON_DIFFERS || reason == REASON_REPAIRED_TOPICS ||
	       reason == REASON_REPAIRED_PEERS || reason == REASON_STUCK;
}

/* Everything that is not confirmed counts as unsent again. */
static void fall_back(struct plan *p, bool announced, bool timed_out)
{
	struct store_client *row = &p->row;

	row->sent_rev = row->confirmed_rev;
	row->asked_at = 0;
	if (!announced)
		row->attempts++;
	if (row->reason != REASON_OLD_KEY || timed_out)
		row->reason = timed_out && row->attempts > 1 ? REASON_SILENT : REASON_SENT;
}

/* A difference was found and what exactly differs is not known, or was not repaired. */
static void due_in_repair(struct plan *p, const struct plan_view *v, const struct plan_input *in,
			  bool timed_out)
{
	/* Without a question under way it waits for its second step (look_again). */
	bool second = p->row.reason == REASON_REPAIRED_TOPICS && !p->row.asked_at;

	if (timed_out)
		p->row.attempts++;
	p->row.asked_at = 0;
	p->row.reason = second ? REASON_REPAIRED_TOPICS : REASON_DIFFERS;
	ask_only(p, v, in, E4_REPORT_ENTRIES);
}

/*
 * What is sent to who is away is waste: sessions and retained messages hand it
 * over too late to be taken. A question finds those whose announcement is lost.
 */
static void ask_who_is_away(struct plan *p, const struct plan_view *v, const struct plan_input *in,
			    bool timed_out)
{
	if (timed_out) {
		p->row.attempts++;
		p->row.asked_at = 0;
	}
	ask_only(p, v, in, 0);
}

void plan_due(struct plan *p, const struct plan_view *v, const struct plan_input *in)
{
	struct store_client *row = &p->row;
	int64_t wanted = plan_wanted_rev(v), pause = plan_pause(in, row);
	bool unsent = wanted > row->sent_rev;
	bool announced = row->reason == REASON_ANNOUNCED || row->reason == REASON_SEEN;
	bool timed_out = row->asked_at && in->now >= row->asked_at + pause * 3 / 4;
	bool open = wanted > row->confirmed_rev || in_repair(row->reason);

	/* A clock that stepped back must not stretch a pause. */
	if (row->asked_at > in->now)
		row->asked_at = in->now;
	if (plan_is_away(row)) {
		ask_who_is_away(p, v, in, timed_out);
		return;
	}
	if (open)
		plan_behind(p, in);
	if (!unsent && !announced && row->asked_at && !timed_out) {
		row->next_at = row->asked_at + pause;
		return;
	}
	if (!open && !announced) {
		if (!row->asked_at && row->recheck_at && row->recheck_at <= in->now) {
			row->recheck_at = 0;
			ask_only(p, v, in, 0);
			return;
		}
		if (timed_out && ++row->attempts < ASK_AGAIN) {
			row->asked_at = 0;
			ask_only(p, v, in, 0);
			return;
		}
		row->asked_at = 0;
		row->next_at = row->recheck_at;
		row->reason = REASON_NONE;
		return;
	}
	/* After some questions for entries in vain, send all of it again. */
	if (!unsent && in_repair(row->reason) && !(timed_out && row->attempts >= ASK_AGAIN)) {
		due_in_repair(p, v, in, timed_out);
		return;
	}
	tell_removals(p, v, in);
	if (timed_out || announced || (!row->asked_at && !unsent))
		fall_back(p, announced, timed_out);
	else if (row->reason == REASON_NONE || row->reason == REASON_DIFFERS ||
		 row->reason == REASON_STUCK || row->reason == REASON_TOLD)
		row->reason = REASON_SENT;
	send_newer(p, v, in);
}
