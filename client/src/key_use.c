#include "key_use.h"

#include <string.h>

#include "declassify.h"

#ifndef E4_NO_CACHE
static const struct e4_siv_key *cached(struct e4_client *c, uint16_t slot, const uint8_t key[32])
{
	struct e4_key_cache *entry;
	bool same;

	entry = &c->cfg.cache[slot % c->cfg.n_cache];
	same = e4_equal(entry->key, key, E4_KEY_LEN);
	E4_PUBLIC(&same, sizeof same);
	if (entry->filled && same)
		return &entry->expanded;
	memcpy(entry->key, key, E4_KEY_LEN);
	e4_siv_key_init(&entry->expanded, key);
	entry->filled = true;
	return &entry->expanded;
}
#endif

const struct e4_siv_key *e4_key_use(struct e4_client *c, struct e4_siv_key *local, uint16_t slot,
				    const uint8_t key[32])
{
#ifndef E4_NO_CACHE
	if (c->cfg.n_cache > 0)
		return cached(c, slot, key);
#endif
	(void)c;
	(void)slot;
	e4_siv_key_once(local, key);
	return local;
}

void e4_key_used(const struct e4_client *c, struct e4_siv_key *local)
{
#ifndef E4_NO_CACHE
	if (c->cfg.n_cache > 0)
		return;
#endif
	(void)c;
	e4_wipe(local, sizeof *local);
}
