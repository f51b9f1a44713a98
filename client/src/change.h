/*
 * A change of a client's state: made in memory, then stored, and undone when
 * storing fails. One change touches one thing, so that what was there before
 * fits on the stack. Without a store nothing can fail, and nothing is kept.
 */
#ifndef E4_SRC_CHANGE_H
#define E4_SRC_CHANGE_H

#include "table.h"

#ifdef E4_NO_STORE
struct e4_change {
	char unused;
};
#else
enum e4_change_kind {
	E4_UNCHANGED,
	E4_REPLACED, /* one entry of a table; it was .was */
	E4_INSERTED, /* one entry, at .at */
	E4_REMOVED,  /* one entry; it was .was, at .at */
	E4_EMPTIED,  /* a table of .used entries, which are wiped once that is stored */
	E4_REKEYED   /* the identity or the C2 key */
};

struct e4_identity {
	uint8_t key[E4_IDENTITY_MAX];
	uint8_t control_key[32];
	uint8_t c2_public[32];
};

struct e4_change {
	enum e4_change_kind kind;
	enum e4_table table;
	uint16_t at;
	uint16_t used;
	uint64_t high_water; /* before the change */
	uint64_t time_seen;
	union {
		struct e4_topic_key topic;
		struct e4_peer peer;
		struct e4_identity identity;
	} was;
};
#endif

void e4_change_begin(struct e4_change *change, const struct e4_client *c);

/* Store the state if anything changed. E4_ERR_STORE: all is as it was. Wipes the record. */
enum e4_result e4_change_store(struct e4_change *change, struct e4_client *c);

/*
 * The single changes. They check, apply, and fill the record; they don't store.
 * On an error they have changed nothing.
 */
enum e4_result e4_change_set_topic(struct e4_client *c, struct e4_change *change,
				   const uint8_t hash[16], const uint8_t key[32],
				   const uint64_t *now);
void e4_change_remove_topic(struct e4_client *c, struct e4_change *change, const uint8_t hash[16]);
void e4_change_reset_topics(struct e4_client *c, struct e4_change *change);
/* Before a new identity or C2 key is put into c. */
void e4_change_identity(struct e4_client *c, struct e4_change *change);

#ifndef E4_SK_ONLY
enum e4_result e4_change_set_peer(struct e4_client *c, struct e4_change *change,
				  const uint8_t id[16], const uint8_t public_key[32]);
/* E4_ERR_NO_PUBKEY: there is none. */
enum e4_result e4_change_remove_peer(struct e4_client *c, struct e4_change *change,
				     const uint8_t id[16]);
void e4_change_reset_peers(struct e4_client *c, struct e4_change *change);
#endif

#endif
