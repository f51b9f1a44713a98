/*
 * A table of entries that begin with a 16-byte name, in ascending order of the
 * names: found by halving, and listed in the order that the state digest
 * needs. Names (topic hashes, client ids) are not secret.
 */
#ifndef E4_SRC_TABLE_H
#define E4_SRC_TABLE_H

#include "e4/e4.h"

/* A client's tables; only the first with E4_SK_ONLY. */
enum e4_table { E4_TOPICS, E4_PEERS };

uint8_t e4_table_size(enum e4_table which); /* of one entry, in bytes */
uint16_t *e4_table_used(struct e4_client *c, enum e4_table which);
uint16_t e4_table_cap(const struct e4_client *c, enum e4_table which);
void *e4_table_entry(struct e4_client *c, enum e4_table which, uint16_t at);

/* True and the place of name, or false and the place where it belongs. */
bool e4_table_find(const struct e4_client *c, enum e4_table which, const uint8_t name[16],
		   uint16_t *at);
/* Make room for an entry before place at, and name it; the rest is zeros. Null: the table is full.
 */
void *e4_table_insert(struct e4_client *c, enum e4_table which, uint16_t at,
		      const uint8_t name[16]);
/* Remove the entry at; the bytes that become free are wiped. */
void e4_table_remove(struct e4_client *c, enum e4_table which, uint16_t at);

/* The current key of a topic, or null; slot is a hint that is kept up to date. */
const struct e4_topic_key *e4_topic_find(const struct e4_client *c, const uint8_t hash[16],
					 uint16_t *slot);
#ifndef E4_SK_ONLY
const struct e4_peer *e4_peer_find(const struct e4_client *c, const uint8_t id[16]);
#endif

#endif
