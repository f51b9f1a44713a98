#include "c2/core/control_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "e4/crypto.h"

/* Ids are given in order, so a fleet that fits has no collisions. */
static struct control_entry *slot(const struct control_cache *cache, int64_t client_id)
{
	return &cache->entries[(uint64_t)client_id % CONTROL_CACHE];
}

bool control_cache_get(const struct control_cache *cache, uint8_t key[32], int64_t client_id,
		       int64_t key_rev, int64_t c2_rev)
{
	const struct control_entry *e;

	if (!cache->entries)
		return false;
	e = slot(cache, client_id);
	if (e->client_id != client_id || e->key_rev != key_rev || e->c2_rev != c2_rev)
		return false;
	memcpy(key, e->key, 32);
	return true;
}

void control_cache_put(struct control_cache *cache, const uint8_t key[32], int64_t client_id,
		       int64_t key_rev, int64_t c2_rev)
{
	struct control_entry *e;

	if (!cache->entries)
		cache->entries = mem_array(CONTROL_CACHE, sizeof *cache->entries);
	e = slot(cache, client_id);
	e->client_id = client_id;
	e->key_rev = key_rev;
	e->c2_rev = c2_rev;
	memcpy(e->key, key, 32);
}

void control_cache_free(struct control_cache *cache)
{
	if (cache->entries)
		e4_wipe(cache->entries, CONTROL_CACHE * sizeof *cache->entries);
	free(cache->entries);
	cache->entries = 0;
}
