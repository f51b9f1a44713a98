#include "table.h"

#include <string.h>

#ifdef E4_SK_ONLY
#define PICK(which, of_topics, of_peers) ((void)(which), (of_topics))
#else
#define PICK(which, of_topics, of_peers) ((which) == E4_TOPICS ? (of_topics) : (of_peers))
#endif

uint8_t e4_table_size(enum e4_table which)
{
	return PICK(which, sizeof(struct e4_topic_key), sizeof(struct e4_peer));
}

uint16_t *e4_table_used(struct e4_client *c, enum e4_table which)
{
	return PICK(which, &c->topics_used, &c->peers_used);
}

uint16_t e4_table_cap(const struct e4_client *c, enum e4_table which)
{
	return PICK(which, c->cfg.n_topics, c->cfg.n_peers);
}

void *e4_table_entry(struct e4_client *c, enum e4_table which, uint16_t at)
{
	return (uint8_t *)PICK(which, (void *)c->cfg.topics, (void *)c->cfg.peers) +
	       (size_t)at * e4_table_size(which);
}

bool e4_table_find(const struct e4_client *c, enum e4_table which, const uint8_t name[16],
		   uint16_t *at)
{
	const uint8_t *entries =
		PICK(which, (const void *)c->cfg.topics, (const void *)c->cfg.peers);
	uint16_t low = 0, high = PICK(which, c->topics_used, c->peers_used);

	*at = 0;
	while (low < high) { /* the place is in [low, high] */
		uint16_t mid = (uint16_t)(low + (high - low) / 2);
		int order = memcmp(entries + (size_t)mid * e4_table_size(which), name, 16);

		*at = mid;
		if (order == 0)
			return true;
		if (order < 0)
			*at = low = (uint16_t)(mid + 1);
		else
			high = mid;
	}
	return false;
}

/* Move what lies from entry at to the end by one entry, up or down. */
static uint8_t *shift(struct e4_client *c, enum e4_table which, uint16_t at, bool up)
{
	uint8_t size = e4_table_size(which), *p = e4_table_entry(c, which, at);
	size_t len = (size_t)(*e4_table_used(c, which) - at) * size;

	if (up)
		memmove(p + size, p, len);
	else
		memmove(p, p + size, len);
	return up ? p : p + len;
}

void *e4_table_insert(struct e4_client *c, enum e4_table which, uint16_t at, const uint8_t name[16])
{
	uint8_t *p;

	if (*e4_table_used(c, which) == e4_table_cap(c, which))
		return NULL;
	p = shift(c, which, at, true);
	memset(p, 0, e4_table_size(which));
	memcpy(p, name, 16);
	++*e4_table_used(c, which);
	return p;
}

void e4_table_remove(struct e4_client *c, enum e4_table which, uint16_t at)
{
	--*e4_table_used(c, which);
	e4_wipe(shift(c, which, at, false), e4_table_size(which));
}

const struct e4_topic_key *e4_topic_find(const struct e4_client *c, const uint8_t hash[16],
					 uint16_t *slot)
{
	const struct e4_topic_key *topics = c->cfg.topics;

	if ((*slot < c->topics_used && memcmp(topics[*slot].hash, hash, 16) == 0) ||
	    e4_table_find(c, E4_TOPICS, hash, slot))
		return &topics[*slot];
	return NULL;
}

#ifndef E4_SK_ONLY
const struct e4_peer *e4_peer_find(const struct e4_client *c, const uint8_t id[16])
{
	uint16_t at;

	return e4_table_find(c, E4_PEERS, id, &at) ? &c->cfg.peers[at] : NULL;
}
#endif
