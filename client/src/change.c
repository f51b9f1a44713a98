#include "change.h"

#include <string.h>

#include "declassify.h"
#include "state.h"
#include "table.h"

void e4_change_begin(struct e4_change *change, const struct e4_client *c)
{
	change->kind = E4_UNCHANGED;
	change->in_peers = false;
	change->high_water = c->high_water;
	change->time_seen = c->time_seen;
}

static struct e4_table table_of(const struct e4_change *change, struct e4_client *c)
{
	return change->in_peers ? e4_peers(c) : e4_topics(c);
}

static void put_identity(struct e4_client *c, const struct e4_identity *i)
{
	memcpy(c->key, i->key, sizeof c->key);
	memcpy(c->control_key, i->control_key, sizeof c->control_key);
	memcpy(c->c2_public, i->c2_public, sizeof c->c2_public);
}

void e4_change_drop(struct e4_change *change, struct e4_client *c)
{
	struct e4_table t = table_of(change, c);

	c->high_water = change->high_water;
	c->time_seen = change->time_seen;
	switch (change->kind) {
	case E4_UNCHANGED:
		break;
	case E4_REPLACED:
		memcpy(t.entries + change->at * t.size, &change->was, t.size);
		break;
	case E4_INSERTED:
		e4_table_remove(&t, change->at);
		break;
	case E4_REMOVED:
		e4_table_insert(&t, change->at, &change->was);
		break;
	case E4_EMPTIED:
		*t.used = change->used;
		break;
	case E4_REKEYED:
		put_identity(c, &change->was.identity);
		break;
	}
	e4_wipe(change, sizeof *change);
}

/* What is stored can no longer be undone: the entries of an emptied table and cached keys go. */
static void settle(const struct e4_change *change, struct e4_client *c)
{
	struct e4_table t = table_of(change, c);

	if (change->kind == E4_EMPTIED)
		e4_wipe(t.entries, change->used * t.size);
	if (!change->in_peers && change->kind != E4_UNCHANGED && c->cfg.n_cache > 0)
		e4_wipe(c->cfg.cache, c->cfg.n_cache * sizeof *c->cfg.cache);
}

enum e4_result e4_change_store(struct e4_change *change, struct e4_client *c)
{
	/* A repeated command writes nothing: a replay must not wear out the flash. */
	if (change->kind == E4_UNCHANGED && c->high_water == change->high_water &&
	    c->time_seen == change->time_seen)
		return E4_OK;
	if (!e4_state_save(c)) {
		e4_change_drop(change, c);
		return E4_ERR_STORE;
	}
	settle(change, c);
	e4_wipe(change, sizeof *change);
	return E4_OK;
}

/* Put entry into a table: new, instead of what had its name, or E4_ERR_FULL. */
static enum e4_result put(struct e4_table *t, struct e4_change *change, const void *entry)
{
	if (e4_table_find(t, entry, &change->at)) {
		uint8_t *p = t->entries + change->at * t->size;

		change->kind = E4_REPLACED;
		memcpy(&change->was, p, t->size);
		memcpy(p, entry, t->size);
		return E4_OK;
	}
	if (*t->used == t->cap)
		return E4_ERR_FULL;
	change->kind = E4_INSERTED;
	e4_table_insert(t, change->at, entry);
	return E4_OK;
}

static bool take(struct e4_table *t, struct e4_change *change, const uint8_t name[16])
{
	if (!e4_table_find(t, name, &change->at))
		return false;
	change->kind = E4_REMOVED;
	memcpy(&change->was, t->entries + change->at * t->size, t->size);
	e4_table_remove(t, change->at);
	return true;
}

static void empty(struct e4_table *t, struct e4_change *change)
{
	if (*t->used == 0)
		return;
	change->kind = E4_EMPTIED;
	change->used = *t->used;
	*t->used = 0;
}

/*
 * Section 6: the current key becomes the old one, unless it is the same key.
 * Without a time (now is 0) or a grace period there is no old key.
 */
enum e4_result e4_change_set_topic(struct e4_client *c, struct e4_change *change,
				   const uint8_t hash[16], const uint8_t key[32], uint64_t now)
{
	struct e4_table t = e4_topics(c);
	struct e4_topic_key entry;
	const struct e4_topic_key *current;
	uint16_t slot = 0;
	enum e4_result r;
	bool same;

	current = e4_topic_find(c, hash, &slot);
	if (current) {
		same = e4_equal(current->key, key, E4_KEY_LEN);
		E4_PUBLIC(&same, sizeof same);
		if (same)
			return E4_OK;
	}
	memset(&entry, 0, sizeof entry);
	memcpy(entry.hash, hash, E4_HASH_LEN);
	memcpy(entry.key, key, E4_KEY_LEN);
	if (current && c->cfg.grace_s > 0 && now > 0) {
		memcpy(entry.old_key, current->key, E4_KEY_LEN);
		entry.switched_at = now;
	}
	r = put(&t, change, &entry);
	e4_wipe(&entry, sizeof entry);
	return r;
}

void e4_change_remove_topic(struct e4_client *c, struct e4_change *change, const uint8_t hash[16])
{
	struct e4_table t = e4_topics(c);

	take(&t, change, hash);
}

void e4_change_reset_topics(struct e4_client *c, struct e4_change *change)
{
	struct e4_table t = e4_topics(c);

	empty(&t, change);
}

enum e4_result e4_change_set_peer(struct e4_client *c, struct e4_change *change,
				  const uint8_t id[16], const uint8_t public_key[32])
{
	struct e4_table t = e4_peers(c);
	const struct e4_peer *current = e4_peer_find(c, id);
	struct e4_peer entry;

	if (current && memcmp(current->public_key, public_key, sizeof entry.public_key) == 0)
		return E4_OK;
	change->in_peers = true;
	memcpy(entry.id, id, sizeof entry.id);
	memcpy(entry.public_key, public_key, sizeof entry.public_key);
	return put(&t, change, &entry);
}

enum e4_result e4_change_remove_peer(struct e4_client *c, struct e4_change *change,
				     const uint8_t id[16])
{
	struct e4_table t = e4_peers(c);

	change->in_peers = true;
	return take(&t, change, id) ? E4_OK : E4_ERR_NO_PUBKEY;
}

void e4_change_reset_peers(struct e4_client *c, struct e4_change *change)
{
	struct e4_table t = e4_peers(c);

	change->in_peers = true;
	empty(&t, change);
}

void e4_change_identity(struct e4_client *c, struct e4_change *change)
{
	struct e4_identity *i = &change->was.identity;

	change->kind = E4_REKEYED;
	memcpy(i->key, c->key, sizeof i->key);
	memcpy(i->control_key, c->control_key, sizeof i->control_key);
	memcpy(i->c2_public, c->c2_public, sizeof i->c2_public);
}
