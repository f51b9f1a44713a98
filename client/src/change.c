#include "change.h"

#include <string.h>

#include "clock.h"
#include "declassify.h"
#include "state.h"
#include "table.h"

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

#define NOTE(change, kind_, at_) ((void)(change))
#define NOTE_ENTRY(change, kind_, at_, p, size_) ((void)(change))

void e4_change_identity(struct e4_client *c, struct e4_change *change)
{
	(void)c;
	(void)change;
}

static void empty(struct e4_table *t, struct e4_change *change)
{
	(void)change;
	e4_wipe(t->entries, (size_t)*t->used * t->size);
	*t->used = 0;
}

#else

void e4_change_begin(struct e4_change *change, const struct e4_client *c)
{
	change->kind = E4_UNCHANGED;
	change->in_peers = false;
	change->at = 0;
	change->high_water = c->high_water;
	change->time_seen = c->time_seen;
}

static struct e4_table table_of(const struct e4_change *change, struct e4_client *c)
{
#ifndef E4_SK_ONLY
	if (change->in_peers)
		return e4_peers(c);
#endif
	(void)change;
	return e4_topics(c);
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
	struct e4_table t = table_of(change, c);
	size_t offset = (size_t)change->at * t.size;

	c->high_water = change->high_water;
	c->time_seen = change->time_seen;
	switch (change->kind) {
	case E4_UNCHANGED:
		break;
	case E4_REPLACED:
		memcpy(t.entries + offset, &change->was, t.size);
		break;
	case E4_INSERTED:
		e4_table_remove(&t, change->at);
		break;
	case E4_REMOVED:
		memcpy(e4_table_insert(&t, change->at), &change->was, t.size);
		break;
	case E4_EMPTIED:
		*t.used = change->used;
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
	struct e4_table t = table_of(change, c);

	if (change->kind == E4_EMPTIED)
		e4_wipe(t.entries, (size_t)change->used * t.size);
	if (!change->in_peers && change->kind != E4_UNCHANGED)
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

#define NOTE(change, kind_, at_) ((change)->kind = (kind_), (change)->at = (at_))
#define NOTE_ENTRY(change, kind_, at_, p, size_)                                                   \
	(NOTE(change, kind_, at_), memcpy(&(change)->was, p, size_))

static void empty(struct e4_table *t, struct e4_change *change)
{
	if (*t->used == 0)
		return;
	change->kind = E4_EMPTIED;
	change->used = *t->used;
	*t->used = 0;
}

#endif

/* The entry of that name to write to, at its place or new there; null: the table is full. */
static void *edit(struct e4_table *t, struct e4_change *change, const uint8_t name[16],
		  bool existed, uint16_t at)
{
	uint8_t *p = t->entries + (size_t)at * t->size;

	if (existed) {
		NOTE_ENTRY(change, E4_REPLACED, at, p, t->size);
		return p;
	}
	if (*t->used == t->cap)
		return NULL;
	NOTE(change, E4_INSERTED, at);
	p = e4_table_insert(t, at);
	memcpy(p, name, 16);
	return p;
}

static bool take(struct e4_table *t, struct e4_change *change, const uint8_t name[16])
{
	uint16_t at;

	if (!e4_table_find(t, name, &at))
		return false;
	NOTE_ENTRY(change, E4_REMOVED, at, t->entries + (size_t)at * t->size, t->size);
	e4_table_remove(t, at);
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
	struct e4_table t = e4_topics(c);
	struct e4_topic_key *entry;
	uint16_t at;
	bool existed = e4_table_find(&t, hash, &at);
	bool same = existed && e4_equal(c->cfg.topics[at].key, key, E4_KEY_LEN);

	E4_PUBLIC(&same, sizeof same);
	if (same)
		return E4_OK;
	entry = edit(&t, change, hash, existed, at);
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
	struct e4_table t = e4_topics(c);

	take(&t, change, hash);
}

void e4_change_reset_topics(struct e4_client *c, struct e4_change *change)
{
	struct e4_table t = e4_topics(c);

	empty(&t, change);
}

#ifndef E4_SK_ONLY

static struct e4_table peers_of(struct e4_client *c, struct e4_change *change)
{
#ifdef E4_NO_STORE
	(void)change;
#else
	change->in_peers = true;
#endif
	return e4_peers(c);
}

enum e4_result e4_change_set_peer(struct e4_client *c, struct e4_change *change,
				  const uint8_t id[16], const uint8_t public_key[32])
{
	struct e4_table t = peers_of(c, change);
	struct e4_peer *entry;
	uint16_t at;
	bool existed = e4_table_find(&t, id, &at);

	if (existed && memcmp(c->cfg.peers[at].public_key, public_key, 32) == 0)
		return E4_OK;
	entry = edit(&t, change, id, existed, at);
	if (!entry)
		return E4_ERR_FULL;
	memcpy(entry->public_key, public_key, sizeof entry->public_key);
	return E4_OK;
}

enum e4_result e4_change_remove_peer(struct e4_client *c, struct e4_change *change,
				     const uint8_t id[16])
{
	struct e4_table t = peers_of(c, change);

	return take(&t, change, id) ? E4_OK : E4_ERR_NO_PUBKEY;
}

void e4_change_reset_peers(struct e4_client *c, struct e4_change *change)
{
	struct e4_table t = peers_of(c, change);

	empty(&t, change);
}

#endif
