/* Clients: their keys, their end, the reset. */
#include "c2/core/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static bool key_check(const struct core *c, const uint8_t *key, size_t len, struct err *err)
{
	uint8_t point[32];

	if (!key || len != E4_KEY_LEN)
		return err_set(err, ERR_INVALID, "a client key has %d bytes", E4_KEY_LEN);
	if (e4_is_zero(key, len))
		return err_set(err, ERR_INVALID, "an all-zero client key is refused");
	if (c->cfg.mode == CORE_SYMKEY)
		return true;
	/* Checks the point, too. */
	return e4_ed25519_to_x25519_public(point, key) ||
	       err_set(err, ERR_INVALID, "the key is no good Ed25519 public key");
}

/* Is this very key the client's already? */
static bool key_is(struct core *c, const struct store_client *row, const uint8_t key[32])
{
	uint8_t old[E4_KEY_LEN];
	bool same = open_client_key(&c->custody, old, row->e4id, row->key_rev, &row->key, 0) &&
		    e4_equal(old, key, sizeof old);

	e4_wipe(old, sizeof old);
	return same;
}

/* The client of this name, or a row for it: its id is made of its name, so one look is enough. */
static bool find_or_new(struct core *c, const char *name, struct store_client *row, struct err *err)
{
	uint8_t e4id[E4_ID_LEN];
	bool found;

	e4_id_from_name(e4id, name, strlen(name));
	if (!DB(c, client_by_e4id, e4id, row, &found, err))
		return false;
	if (found)
		return strcmp(row->name, name) == 0 ||
		       err_set(err, ERR_PRECONDITION, "another client's name has the same id");
	memset(row, 0, sizeof *row);
	memcpy(row->name, name, strlen(name) + 1);
	memcpy(row->e4id, e4id, sizeof row->e4id);
	return true;
}

/*
 * The device is provisioned by hand: it holds this key and, as far as we know,
 * nothing else, so all of its wanted state counts as unsent. Nothing is due
 * before it announces itself or something else changes for it (api.md: nothing
 * is sent). Under another key no older message can be repeated, so stamps that
 * a clock far ahead has left behind are forgotten.
 */
static bool provision(struct change *ch, struct store_client *row, const uint8_t key[32],
		      int64_t next_at, struct err *err)
{
	struct core *c = ch->c;

	if (row->id && row->last_stamp > (uint64_t)ch->now && !key_is(c, row, key))
		row->last_stamp = 0;
	if (!seal_client_key(&c->custody, &row->key, row->e4id, ch->rev, key, err))
		return false;
	row->private_key.len = 0;
	row->key_rev = row->wanted_rev = ch->rev;
	row->key_at = ch->now;
	row->n_old_keys = 0;
	/* Should hold our newest key, but may come from a shelf with an older one. */
	row->c2_rev = c->cfg.mode == CORE_PUBKEY ? c->c2_keys[0].rev : 0;
	row->sent_rev = row->confirmed_rev = 0;
	row->clock_offset = 0;
	row->next_at = next_at;
	row->asked_at = row->last_seen = row->recheck_at = 0;
	row->attempts = 0;
	row->reason = 0;
	row->behind_since = ch->now;
	if (row->id && !DB(c, old_keys_drop, row->id, ch->rev, err))
		return false;
	return DB(c, client_put, row, err);
}

/* The client is there already: *replace tells whether its key is to be overwritten. */
static bool meet_existing(struct change *ch, const struct store_client *row, const uint8_t key[32],
			  bool *replace, struct err *err)
{
	*replace = ch->existing == CORE_EXISTING_REPLACE;
	switch (ch->existing) {
	case CORE_EXISTING_FAIL:
		return err_set(err, ERR_EXISTS, "the client exists already");
	case CORE_EXISTING_SAME:
		if (!key_is(ch->c, row, key))
			return err_set(err, ERR_EXISTS, "the client exists with another key");
		break;
	case CORE_EXISTING_KEEP:
	case CORE_EXISTING_REPLACE:
		break;
	}
	return true;
}

bool apply_client_new(struct change *ch, struct store_client *row, enum client_made *made,
		      const char *name, const uint8_t *key, size_t key_len, int64_t next_at,
		      struct err *err)
{
	bool replace = true;

	if (!name_check(name, err) || !key_check(ch->c, key, key_len, err) ||
	    !find_or_new(ch->c, name, row, err) ||
	    (row->id && !meet_existing(ch, row, key, &replace, err)))
		return false;
	*made = !replace ? CLIENT_STAYS : row->id ? CLIENT_REPLACED : CLIENT_NEW;
	return !replace || provision(ch, row, key, next_at, err);
}

bool core_client_new(struct core *c, const char *name, const uint8_t *key, size_t key_len,
		     struct core_delivery *out, struct err *err)
{
	struct store_client row;
	enum client_made made;
	struct change ch;
	bool ok;

	if (!name_check(name, err) || !change_begin(&ch, c, err))
		return false;
	ok = c2_keys_load(c, err) && apply_client_new(&ch, &row, &made, name, key, key_len, 0, err);
	return change_end(&ch, ok, out, err);
}

/* The topics that a client hangs on, and what of them is removed. */
struct topic_id {
	int64_t id;
	bool live;
};

struct topic_ids {
	struct topic_id *rows;
	size_t n, cap;
};

static bool topic_ids_add(void *arg, const struct store_member_topic *row)
{
	struct topic_ids *t = arg;

	if (t->n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 16;
		t->rows = mem_resize(t->rows, t->cap, sizeof *t->rows);
	}
	t->rows[t->n].id = row->member.topic_id;
	t->rows[t->n++].live = !row->member.removed && !row->topic_removed;
	return true;
}

/* The client's row and members are gone; see to the topics it was in. */
static bool leave_topics(struct change *ch, const struct topic_ids *topics, const char *name,
			 bool rotate, struct err *err)
{
	struct core *c = ch->c;
	struct store_topic topic;
	bool found;

	for (size_t i = 0; i < topics->n; i++) {
		if (!topics->rows[i].live) {
			if (!change_topic_gone(c, topics->rows[i].id, err))
				return false;
			continue;
		}
		if (!DB(c, topic_by_id, topics->rows[i].id, &topic, &found, err) || !found ||
		    !change_event(ch, CORE_EVENT_UNSUBSCRIBED, name, topic.name, err))
			return false;
		if (rotate)
			rotate_later(ch, topic.id);
	}
	return true;
}

/* PK: who holds the client's public key shall drop it. */
static bool recall_key(struct change *ch, const struct store_client *source, struct err *err)
{
	struct core *c = ch->c;
	struct client_list to = {0};
	bool ok;

	do {
		/* Rows marked as removed are no holders any more: each page starts afresh. */
		to.n = 0;
		ok = DB(c, peer_holders, source->id, 0, CORE_PAGE, client_list_add, &to, err);
		for (size_t i = 0; i < to.n && ok; i++) {
			struct store_peer peer = {.target_id = to.rows[i].id,
						  .source_id = source->id,
						  .rev = ch->rev,
						  .removed = true};

			memcpy(peer.e4id, source->e4id, sizeof peer.e4id);
			ok = DB(c, peer_put, &peer, err) &&
			     (peer.target_id == source->id || change_client(ch, &to.rows[i], err));
		}
	} while (ok && to.n == CORE_PAGE);
	client_list_free(&to);
	return ok;
}

bool apply_client_remove(struct change *ch, const char *name, bool rotate, struct err *err)
{
	struct core *c = ch->c;
	struct topic_ids topics = {0};
	struct store_client row;
	bool ok = find_client(c, name, &row, err) &&
		  DB(c, client_members, row.id, topic_ids_add, &topics, err) &&
		  recall_key(ch, &row, err) && DB(c, client_remove, row.id, err) &&
		  leave_topics(ch, &topics, name, rotate, err) &&
		  change_event(ch, CORE_EVENT_CLIENT_REMOVED, name, "", err) &&
		  (c->cfg.mode != CORE_PUBKEY || c2_keys_prune(c, err));

	free(topics.rows);
	return ok;
}

bool core_client_remove(struct core *c, const char *name, enum core_choice rotate, int64_t *rotated,
			struct core_delivery *out, struct err *err)
{
	struct change ch;
	int64_t n = 0;
	bool ok;

	if (!name_check(name, err) || !change_begin(&ch, c, err))
		return false;
	ok = apply_client_remove(&ch, name, choose_rotate(c, rotate), err);
	ok = change_end(&ch, apply_rotations(&ch, ok, &n, err), out, err);
	if (rotated)
		*rotated = ok ? n : 0;
	return ok;
}

bool core_client_reset(struct core *c, const char *name, struct core_delivery *out, struct err *err)
{
	struct store_client row;
	struct change ch;
	bool ok;

	if (!name_check(name, err) || !change_begin(&ch, c, err))
		return false;
	ok = find_client(c, name, &row, err);
	if (ok) {
		row.reset_rev = ch.rev;
		ok = change_client(&ch, &row, err);
	}
	return change_end(&ch, ok, out, err);
}

/* A fresh key for row at ch->rev. PK: the private half stays until the device has confirmed. */
static bool generate_key(struct change *ch, struct store_client *row, struct err *err)
{
	const struct custody *cu = &ch->c->custody;
	uint8_t secret[64], seed[32];
	bool ok;

	random_bytes(seed, sizeof seed);
	if (ch->c->cfg.mode == CORE_SYMKEY) {
		ok = seal_client_key(cu, &row->key, row->e4id, ch->rev, seed, err);
	} else {
		e4_ed25519_keypair(secret, seed);
		ok = seal_client_key(cu, &row->key, row->e4id, ch->rev, secret + 32, err) &&
		     seal_client_private(cu, &row->private_key, row->e4id, ch->rev, secret, err);
		e4_wipe(secret, sizeof secret);
	}
	e4_wipe(seed, sizeof seed);
	return ok;
}

/* The key that was the wanted one stays a candidate until the device shows a newer one. */
static bool replace_key(struct change *ch, struct store_client *row, struct err *err)
{
	struct store_old_key old = {.client_id = row->id, .rev = row->key_rev, .key = row->key};

	/* Two keys of one client have two revisions, also within one change. */
	if (row->key_rev == ch->rev && !change_next(ch, err))
		return false;
	if (row->n_old_keys + 1 >= CORE_CLIENT_KEYS_MAX)
		return err_set(
			err, ERR_PRECONDITION,
			"the device has not confirmed any of its last %d keys: bring it back, or "
			"provision it again with client create",
			CORE_CLIENT_KEYS_MAX);
	if (!DB(ch->c, old_key_put, &old, err) || !generate_key(ch, row, err))
		return false;
	row->key_rev = ch->rev;
	row->key_at = ch->now;
	row->n_old_keys++;
	return change_client(ch, row, err);
}

bool apply_new_key(struct change *ch, struct store_client *row, struct err *err)
{
	if (!replace_key(ch, row, err))
		return false;
	/*
	 * A device that gives receipts signs with its old key until one came under
	 * the new key; its peers are told then (receive.c). Of others we shall never
	 * know, so their peers are told at once.
	 */
	return ch->c->cfg.mode != CORE_PUBKEY || row->last_seen != 0 ||
	       change_publish_key(ch, row, err);
}

bool apply_client_new_key(struct change *ch, const char *name, struct err *err)
{
	struct store_client row;

	return find_client(ch->c, name, &row, err) && apply_new_key(ch, &row, err);
}

bool core_client_new_key(struct core *c, const char *name, struct core_delivery *out,
			 struct err *err)
{
	struct change ch;

	if (!name_check(name, err) || !change_begin(&ch, c, err))
		return false;
	return change_end(&ch, apply_client_new_key(&ch, name, err), out, err);
}

bool core_clients(struct core *c, struct store_page page, struct arena *arena,
		  struct core_names *out, struct err *err)
{
	struct name_list list = {.arena = arena, .out = out};

	*out = (struct core_names){0};
	return DB(c, clients, page, name_list_add, &list, err);
}

bool core_clients_count(struct core *c, int64_t *n, struct err *err)
{
	return DB(c, clients_count, n, err);
}

bool core_client_facts(struct core *c, const char *client, struct core_client_facts *out,
		       struct err *err)
{
	struct store_client row;

	*out = (struct core_client_facts){0};
	if (!name_check(client, err) || !DB(c, client_by_name, client, &row, &out->exists, err))
		return false;
	if (out->exists) {
		out->key_revision = row.key_rev;
		out->key_at = row.key_at;
		out->key_pending = row.n_old_keys > 0;
	}
	return true;
}
