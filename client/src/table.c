#include "table.h"

#include <string.h>

struct e4_table e4_topics(struct e4_client *c)
{
	struct e4_table t = {(uint8_t *)c->cfg.topics, sizeof *c->cfg.topics, &c->topics_used,
			     c->cfg.n_topics};
	return t;
}

static bool find(const void *entries, uint8_t size, uint16_t used, const uint8_t name[16],
		 uint16_t *at)
{
	uint16_t low = 0, high = used; /* the place is in [low, high] */

	while (low < high) {
		uint16_t mid = (uint16_t)(low + (high - low) / 2);
		int order = memcmp((const uint8_t *)entries + (size_t)mid * size, name, 16);

		if (order == 0) {
			*at = mid;
			return true;
		}
		if (order < 0)
			low = (uint16_t)(mid + 1);
		else
			high = mid;
	}
	*at = low;
	return false;
}

bool e4_table_find(const struct e4_table *t, const uint8_t name[16], uint16_t *at)
{
	return find(t->entries, t->size, *t->used, name, at);
}

void *e4_table_insert(struct e4_table *t, uint16_t at)
{
	uint8_t *p = t->entries + (size_t)at * t->size;

	memmove(p + t->size, p, (size_t)(*t->used - at) * t->size);
	memset(p, 0, t->size);
	++*t->used;
	return p;
}

void e4_table_remove(struct e4_table *t, uint16_t at)
{
	uint8_t *p = t->entries + (size_t)at * t->size;
	size_t after = (size_t)(--*t->used - at) * t->size;

	memmove(p, p + t->size, after);
	e4_wipe(p + after, t->size);
}

const struct e4_topic_key *e4_topic_find(const struct e4_client *c, const uint8_t hash[16],
					 uint16_t *slot)
{
	const struct e4_topic_key *topics = c->cfg.topics;

	if (*slot < c->topics_used && memcmp(topics[*slot].hash, hash, 16) == 0)
		return &topics[*slot];
	if (!find(topics, sizeof *topics, c->topics_used, hash, slot))
		return NULL;
	return &topics[*slot];
}

#ifndef E4_SK_ONLY
struct e4_table e4_peers(struct e4_client *c)
{
	struct e4_table t = {(uint8_t *)c->cfg.peers, sizeof *c->cfg.peers, &c->peers_used,
			     c->cfg.n_peers};
	return t;
}

const struct e4_peer *e4_peer_find(const struct e4_client *c, const uint8_t id[16])
{
	uint16_t at;

	if (!find(c->cfg.peers, sizeof *c->cfg.peers, c->peers_used, id, &at))
		return NULL;
	return &c->cfg.peers[at];
}
#endif
