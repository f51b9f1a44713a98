#include "change.h"

#include <string.h>

#include "clock.h"
#include "declassify.h"
#include "state.h"

/* Expanded keys of topics that changed must go. */
static void wipe_cache(struct e4_client *c)
{
#ifdef E4_NO_CACHE
	(void)c;
#else
	if (c->cfg.n_cache > 0)
		e4_wipe(c->cfg.cache, c->cfg.n_cache * sizeof *c->cfg.cache);
#endif
}

static void wipe_entries(struct e4_client *c, enum e4_table which, uint16_t n)
{
	if (n > 0)
		e4_wipe(e4_table_entry(c, which, 0), (size_t)n * e4_table_size(which));
}

#ifdef E4_NO_STORE

void e4_change_begin(struct e4_change *change, const struct e4_client *c)
{
	(void)change;
	(void)c;
}

enum e4_result e4_change_store(struct e4_change *change, struct e4_client *c)
{
	(void)change;
	wipe_cache(c);
	return E4_OK;
}

#define note(c, change, kind, which, at) ((void)(change))

void e4_change_identity(struct e4_client *c, struct e4_change *change)
{
	(void)c;
	(void)change;
}

static void empty(struct e4_client *c, struct e4_change *change, enum e4_table which)
{
	(void)change;
	wipe_entries(c, which, *e4_table_used(c, which));
	*e4_table_used(c, which) = 0;
}

#else

void e4_change_begin(struct e4_change *change, const struct e4_client *c)
{
	change->kind = E4_UNCHANGED;
	change->table = E4_TOPICS;
	change->at = 0;
	change->high_water = c->high_water;
	change->time_seen = c->time_seen;
}

static void note(struct e4_client *c, struct e4_change *change, enum e4_change_kind kind,
		 enum e4_table which, uint16_t at)
{
	change->kind = kind;
	change->table = which;
	change->at = at;
	if (kind != E4_INSERTED)
		memcpy(&change->was, e4_table_entry(c, which, at), e4_table_size(which));
}

/* Copy an identity between the client and the record. */
#ifdef E4_SK_ONLY
#define COPY_C2_PUBLIC(to, from) ((void)0)
#else
#define COPY_C2_PUBLIC(to, from) memcpy((to)->c2_public, (from)->c2_public, 32)
#endif
#define COPY_IDENTITY(to, from)                                                                    \
	do {                                                                                       \
		memcpy((to)->key, (from)->key, E4_IDENTITY_MAX);                                   \
		memcpy((to)->control_key, (from)->control_key, 32);                                \
		COPY_C2_PUBLIC(to, from);                                                          \
	} while (0)

void e4_change_identity(struct e4_client *c, struct e4_change *change)
{
	change->kind = E4_REKEYED;
	COPY_IDENTITY(&change->was.identity, c);
}

/* Undo in memory what was made since the beginning, and wipe the record. */
static void undo(struct e4_change *change, struct e4_client *c)
{
	enum e4_table which = change->table;

	c->high_water = change->high_water;
	c->time_seen = change->time_seen;
	switch (change->kind) {
	case E4_UNCHANGED:
		break;
	case E4_INSERTED:
		e4_table_remove(c, which, change->at);
		break;
	case E4_REMOVED:
		e4_table_insert(c, which, change->at, change->was.peer.id);
		/* fall through */
	case E4_REPLACED:
		memcpy(e4_table_entry(c, which, change->at), &change->was, e4_table_size(which));
		break;
	case E4_EMPTIED:
		*e4_table_used(c, which) = change->used;
		break;
	case E4_REKEYED:
		COPY_IDENTITY(c, &change->was.identity);
		break;
	}
	e4_wipe(change, sizeof *change);
}

/* What is stored can no longer be undone: the entries of an emptied table and cached keys go. */
static void settle(const struct e4_change *change, struct e4_client *c)
{
	if (change->kind == E4_EMPTIED)
		wipe_entries(c, change->table, change->used);
	if (change->table == E4_TOPICS && change->kind != E4_UNCHANGED)
		wipe_cache(c);
}

enum e4_result e4_change_store(struct e4_change *change, struct e4_client *c)
{
	/* A repeated command writes nothing: a replay must not wear out the flash. */
	if (change->kind == E4_UNCHANGED && c->high_water == change->high_water &&
	    c->time_seen == change->time_seen)
		return E4_OK;
	if (!e4_state_save(c)) {
		undo(change, c);
		return E4_ERR_STORE;
	}
	settle(change, c);
	e4_wipe(change, sizeof *change);
	return E4_OK;
}

/* The entries stay in memory until the change is stored. */
static void empty(struct e4_client *c, struct e4_change *change, enum e4_table which)
{
	uint16_t *used = e4_table_used(c, which);

	if (*used == 0)
		return;
	change->kind = E4_EMPTIED;
	change->table = which;
	change->used = *used;
	*used = 0;
}

#endif

/* The entry of that name to write to, at its place or new there; null: the table is full. */
static void *edit(struct e4_client *c, struct e4_change *change, enum e4_table which,
		  const uint8_t name[16], bool existed, uint16_t at)
{
	void *entry;

	if (existed) {
		note(c, change, E4_REPLACED, which, at);
		return e4_table_entry(c, which, at);
	}
	entry = e4_table_insert(c, which, at, name);
	if (entry)
		note(c, change, E4_INSERTED, which, at);
	return entry;
}

static bool take(struct e4_client *c, struct e4_change *change, enum e4_table which,
		 const uint8_t name[16])
{
	uint16_t at;

	if (!e4_table_find(c, which, name, &at))
		return false;
	note(c, change, E4_REMOVED, which, at);
	e4_table_remove(c, which, at);
	return true;
}

/*
 * Section 6: the current key becomes the old one, unless it is the same key.
 * Without a time (now is 0) or a grace period there is no old key.
 */
enum e4_result e4_change_set_topic(struct e4_client *c, struct e4_change *change,
				   const uint8_t hash[16], const uint8_t key[32],
				   const uint64_t *now)
{
	struct e4_topic_key *entry;
	uint16_t at;
	bool existed = e4_table_find(c, E4_TOPICS, hash, &at);
	bool same = false;

	if (existed)
		same = e4_equal(c->cfg.topics[at].key, key, E4_KEY_LEN);
	E4_PUBLIC(&same, sizeof same);
	if (same)
		return E4_OK;
	entry = edit(c, change, E4_TOPICS, hash, existed, at);
	if (!entry)
		return E4_ERR_FULL;
	if (existed && c->cfg.grace_s > 0 && e4_time_known(now)) {
		memcpy(entry->old_key, entry->key, E4_KEY_LEN);
		entry->switched_at = *now;
	} else {
		e4_wipe(entry->old_key, E4_KEY_LEN);
		entry->switched_at = 0;
	}
	memcpy(entry->key, key, E4_KEY_LEN);
	return E4_OK;
}

void e4_change_remove_topic(struct e4_client *c, struct e4_change *change, const uint8_t hash[16])
{
	take(c, change, E4_TOPICS, hash);
}

void e4_change_reset_topics(struct e4_client *c, struct e4_change *change)
{
	empty(c, change, E4_TOPICS);
}

#ifndef E4_SK_ONLY

enum e4_result e4_change_set_peer(struct e4_client *c, struct e4_change *change,
				  const uint8_t id[16], const uint8_t public_key[32])
{
	struct e4_peer *entry;
	uint16_t at;
	bool existed = e4_table_find(c, E4_PEERS, id, &at);

	if (existed && memcmp(c->cfg.peers[at].public_key, public_key, 32) == 0)
		return E4_OK;
	entry = edit(c, change, E4_PEERS, id, existed, at);
	if (!entry)
		return E4_ERR_FULL;
	memcpy(entry->public_key, public_key, sizeof entry->public_key);
	return E4_OK;
}

enum e4_result e4_change_remove_peer(struct e4_client *c, struct e4_change *change,
				     const uint8_t id[16])
{
	return take(c, change, E4_PEERS, id) ? E4_OK : E4_ERR_NO_PUBKEY;
}

void e4_change_reset_peers(struct e4_client *c, struct e4_change *change)
{
	empty(c, change, E4_PEERS);
}

#endif
