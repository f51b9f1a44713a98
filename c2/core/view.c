#include "c2/core/view.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

_Static_assert((int)PLAN_KEYS_MAX == (int)CORE_CLIENT_KEYS_MAX, "one bound of client keys");
_Static_assert((int)PLAN_C2_KEYS_MAX == (int)CORE_C2_KEYS_MAX + 1, "one bound of C2 keys");

/* Rows as the store gives them; sealed keys are opened when the query is over. */
struct rows {
	void *list;
	size_t n, cap, size;
};

static void rows_add(struct rows *r, const void *row)
{
	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 16;
		r->list = mem_resize(r->list, r->cap, r->size);
	}
	memcpy((char *)r->list + r->n++ * r->size, row, r->size);
}

static bool add_old_key(void *rows, const struct store_old_key *row)
{
	rows_add(rows, row);
	return true;
}

bool member_list_add(void *arg, const struct store_member_topic *row)
{
	struct member_list *list = arg;

	if (list->n == list->cap) {
		list->cap = list->cap ? 2 * list->cap : 16;
		list->rows = mem_resize(list->rows, list->cap, sizeof *list->rows);
	}
	list->rows[list->n++] = *row;
	return true;
}

static bool add_peer(void *rows, const struct store_peer_source *row)
{
	rows_add(rows, row);
	return true;
}

/* --- the client's keys ----------------------------------------------------------------------- */

/* PK: the control keys of one client key with each of ours; true if all were computed before. */
static bool cached_control_keys(struct plan_view *v, const struct core *c, int64_t rev)
{
	for (size_t j = 0; j < v->n_c2; j++)
		if (!control_cache_get(&c->controls, v->control[v->n_keys * v->n_c2 + j], v->row.id,
				       rev, v->c2_revs[j]))
			return false;
	return true;
}

static bool compute_control_keys(struct plan_view *v, struct core *c, int64_t rev,
				 const uint8_t public_key[32], struct err *err)
{
	size_t first = c->n_c2_keys - v->n_c2;

	for (size_t j = 0; j < v->n_c2; j++) {
		uint8_t *control = v->control[v->n_keys * v->n_c2 + j];

		if (!e4_control_key_c2(control, c->c2_keys[first + j].private_key, public_key))
			return err_set(err, ERR_CUSTODY, "a client's public key is no good point");
		/* With several the newest stays: it is the one that goes on. */
		control_cache_put(&c->controls, control, v->row.id, rev, v->c2_revs[j]);
	}
	return true;
}

static bool add_client_key(struct plan_view *v, struct core *c, int64_t rev,
			   const struct sealed *sealed, struct err *err)
{
	uint8_t key[32];
	bool ok = true;

	if (!v->pubkey) {
		ok = open_client_key(&c->custody, v->control[v->n_keys], v->row.e4id, rev, sealed,
				     err);
	} else if (!cached_control_keys(v, c, rev)) {
		ok = open_client_key(&c->custody, key, v->row.e4id, rev, sealed, err) &&
		     compute_control_keys(v, c, rev, key, err);
		e4_wipe(key, sizeof key);
	}
	if (ok)
		v->key_revs[v->n_keys++] = rev;
	return ok;
}

/* What SetIDKey carries. */
static bool open_secret(struct plan_view *v, const struct core *c, struct err *err)
{
	if (v->n_keys < 2)
		return true;
	if (v->pubkey)
		return open_client_private(&c->custody, v->id_secret, v->row.e4id, v->row.key_rev,
					   &v->row.private_key, err);
	memcpy(v->id_secret, v->control[v->n_keys - 1], 32);
	return true;
}

static void count_c2_keys(struct plan_view *v, const struct core *c)
{
	size_t first = 0;

	v->n_c2 = 1;
	if (!v->pubkey)
		return;
	while (first + 1 < c->n_c2_keys && c->c2_keys[first].rev < v->row.c2_rev)
		first++;
	v->n_c2 = c->n_c2_keys - first;
	for (size_t j = 0; j < v->n_c2; j++)
		v->c2_revs[j] = c->c2_keys[first + j].rev;
	memcpy(v->c2_public, c2_key_newest(c)->public_key, sizeof v->c2_public);
}

bool view_open(struct plan_view *v, struct core *c, const struct store_client *row,
	       int64_t revision, struct err *err)
{
	struct rows old = {.size = sizeof(struct store_old_key)};
	const struct store_old_key *keys;
	size_t first;
	bool ok;

	memset(v, 0, sizeof *v);
	v->row = *row;
	v->pubkey = c->cfg.mode == CORE_PUBKEY;
	count_c2_keys(v, c);
	v->revision = revision;
	ok = row->n_old_keys == 0 || DB(c, old_keys, row->id, add_old_key, &old, err);
	keys = old.list;
	/* The bound is kept when a key is made; a database that broke it loses the oldest. */
	first = old.n >= PLAN_KEYS_MAX ? old.n - (PLAN_KEYS_MAX - 1) : 0;
	for (size_t i = first; i < old.n && ok; i++)
		ok = add_client_key(v, c, keys[i].rev, &keys[i].key, err);
	ok = ok && add_client_key(v, c, row->key_rev, &row->key, err) && open_secret(v, c, err);
	free(old.list);
	return ok;
}

/* --- topics ------------------------------------------------------------------------------------
 */

static enum plan_wish topic_wish(const struct store_member_topic *row, int64_t reset_rev,
				 int64_t *rev)
{
	int64_t m = row->member.rev, t = row->topic_rev;

	if (row->member.removed || row->topic_removed) {
		/* A topic that lives on and rotates is no news to who has left it. */
		*rev = row->member.removed ? m : t;
		return PLAN_DROP;
	}
	*rev = m > t ? m : t;
	return *rev > reset_rev ? PLAN_HOLD : PLAN_WITHHELD;
}

/*
 * One topic of this hash for the device: a topic that was removed and made
 * again has two rows, and the live one counts.
 */
static struct plan_topic *topic_slot(struct plan_view *v, const uint8_t hash[16],
				     enum plan_wish wish, int64_t rev)
{
	struct plan_topic *slot = &v->topics[v->n_topics];

	if (v->n_topics && memcmp(slot[-1].hash, hash, 16) == 0) {
		slot--;
		if (wish == PLAN_DROP && (slot->wish != PLAN_DROP || slot->rev >= rev))
			return 0;
	} else {
		v->n_topics++;
	}
	memcpy(slot->hash, hash, 16);
	slot->wish = wish;
	slot->rev = rev;
	return slot;
}

static bool take_topics(struct plan_view *v, struct core *c, int64_t above,
			const struct member_list *members, struct err *err)
{
	bool ok = true;

	v->topics = mem_array(members->n + 1, sizeof *v->topics);
	for (size_t i = 0; i < members->n && ok; i++) {
		const struct store_member_topic *m = &members->rows[i];
		int64_t rev;
		enum plan_wish wish = topic_wish(m, v->row.reset_rev, &rev);
		struct plan_topic *t = topic_slot(v, m->hash, wish, rev);

		v->has_removed |= wish == PLAN_DROP;
		if (t && wish == PLAN_HOLD && rev > above)
			ok = open_topic_key(&c->custody, t->key, t->hash, m->topic_rev, &m->key,
					    err);
	}
	return ok;
}

static bool load_topics(struct plan_view *v, struct core *c, int64_t above, struct err *err)
{
	struct member_list members = {0};
	bool ok = DB(c, client_members, v->row.id, member_list_add, &members, err) &&
		  take_topics(v, c, above, &members, err);

	free(members.rows);
	return ok;
}

/* --- peers -------------------------------------------------------------------------------------
 */

/*
 * The source has a newer key than its holders were told: they keep the one it
 * used then, or the oldest that it may still use.
 */
static bool old_peer_key(struct core *c, uint8_t key[32], const struct store_peer_source *row,
			 struct err *err)
{
	struct rows old = {.size = sizeof(struct store_old_key)};
	const struct store_old_key *keys;
	size_t pick = 0;
	bool ok = DB(c, old_keys, row->peer.source_id, add_old_key, &old, err);

	keys = old.list;
	for (size_t i = 0; i < old.n; i++)
		if (keys[i].rev <= row->peer.rev)
			pick = i;
	if (ok && old.n > 0)
		ok = open_client_key(&c->custody, key, row->peer.e4id, keys[pick].rev,
				     &keys[pick].key, err);
	else if (ok)
		ok = open_client_key(&c->custody, key, row->peer.e4id, row->key_rev, &row->key,
				     err);
	free(old.list);
	return ok;
}

static bool load_peer(struct plan_view *v, struct core *c, const struct store_peer_source *row,
		      int64_t above, struct err *err)
{
	struct plan_peer *p = &v->peers[v->n_peers++];

	memcpy(p->e4id, row->peer.e4id, sizeof p->e4id);
	p->rev = row->peer.rev;
	p->wish = row->peer.removed || row->peer.source_id == 0 ? PLAN_DROP
		  : p->rev > v->row.reset_peers_rev             ? PLAN_HOLD
								: PLAN_WITHHELD;
	v->has_removed |= p->wish == PLAN_DROP;
	if (p->wish != PLAN_HOLD || p->rev <= above)
		return true;
	if (row->key_rev > p->rev)
		return old_peer_key(c, p->public_key, row, err);
	return open_client_key(&c->custody, p->public_key, p->e4id, row->key_rev, &row->key, err);
}

static bool load_peers(struct plan_view *v, struct core *c, int64_t above, struct err *err)
{
	struct rows rows = {.size = sizeof(struct store_peer_source)};
	const struct store_peer_source *list;
	bool ok;

	if (!v->pubkey)
		return true;
	ok = DB(c, client_peers, v->row.id, add_peer, &rows, err);
	list = rows.list;
	v->peers = mem_array(rows.n + 1, sizeof *v->peers);
	for (size_t i = 0; i < rows.n && ok; i++)
		ok = load_peer(v, c, &list[i], above, err);
	free(rows.list);
	return ok;
}

bool view_load(struct plan_view *v, struct core *c, int64_t above,
	       const struct member_list *members, struct err *err)
{
	return (members ? take_topics(v, c, above, members, err) : load_topics(v, c, above, err)) &&
	       load_peers(v, c, above, err);
}

void view_free(struct plan_view *v)
{
	if (v->topics)
		e4_wipe(v->topics, v->n_topics * sizeof *v->topics);
	free(v->topics);
	free(v->peers);
	e4_wipe(v, sizeof *v);
}

/* --- around the plan ------------------------------------------------------------------------- */

void view_post(struct core *c, const struct plan_view *v, const struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct plan_command *cmd = &p->commands[i];

		for (size_t k = 0; k < v->n_keys * v->n_c2; k++)
			if (plan_hears(v, k, cmd))
				outbox_add(&c->outbox, v->row.e4id, v->control[k], cmd->stamp,
					   cmd->bytes, cmd->len);
	}
}

struct plan_input view_input(const struct core *c, int64_t client_id)
{
	struct plan_input in = {.now = core_now(c),
				.receipt_wait_s = c->cfg.receipt_wait_s,
				.retry_max_s = c->cfg.retry_max_s,
				.legacy_max_s = c->cfg.legacy_max_s,
				.announce_gap_s = c->cfg.announce_gap_s,
				.hint_s = clock_hint_get(c, client_id)};
	uint8_t random[sizeof in.nonce + sizeof in.jitter];

	random_bytes(random, sizeof random);
	memcpy(in.nonce, random, sizeof in.nonce);
	/* An all-zero nonce is an announcement; 2 more differ in the last byte. */
	in.nonce[0] |= 1;
	in.jitter = random[sizeof in.nonce];
	in.room = outbox_room(c);
	return in;
}
