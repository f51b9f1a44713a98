/*
 * A table of entries that begin with a 16-byte name, in ascending order of the
 * names: found by halving, and listed in the order that the state digest
 * needs. Names (topic hashes, client ids) are not secret.
 */
#ifndef E4_SRC_TABLE_H
#define E4_SRC_TABLE_H

#include "e4/e4.h"

struct e4_table {
	uint8_t *entries;
	uint8_t size; /* of one entry */
	uint16_t *used;
	uint16_t cap;
};

struct e4_table e4_topics(struct e4_client *c);
#ifndef E4_SK_ONLY
struct e4_table e4_peers(struct e4_client *c);
#endif

/* True and the place of name, or false and the place where it belongs. */
bool e4_table_find(const struct e4_table *t, const uint8_t name[16], uint16_t *at);
/* Make room for an entry before place at; the caller has checked that there is some. Zeros. */
void *e4_table_insert(struct e4_table *t, uint16_t at);
/* Remove the entry at; the bytes that become free are wiped. */
void e4_table_remove(struct e4_table *t, uint16_t at);

/* The current key of a topic, or null; slot is a hint that is kept up to date. */
const struct e4_topic_key *e4_topic_find(const struct e4_client *c, const uint8_t hash[16],
					 uint16_t *slot);
#ifndef E4_SK_ONLY
const struct e4_peer *e4_peer_find(const struct e4_client *c, const uint8_t id[16]);
#endif

#endif
