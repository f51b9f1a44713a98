/*
 * What a row of each table is made of, for backups: statements and file have
 * this order. Another column is another format: its magic is another one, and
 * backup.c still reads the old.
 */
#include "c2/core/store.h"

const char *const store_columns[STORE_TABLES] = {
	/* name, value */
	[STORE_META] = "tB",
	/*
	 * id, name, e4id, key, private_key, key_rev, c2_rev, wanted_rev, sent_rev,
	 * confirmed_rev, reset_rev, reset_peers_rev, last_stamp, clock_offset, next_at,
	 * attempts, nonce, asked_at, last_seen, recheck_at, reason, behind_since, type,
	 * key_at
	 */
	[STORE_CLIENT] = "itbbbiiiiiiiiiiibiiiiiii",
	/* client_id, rev, key */
	[STORE_OLD_KEY] = "iib",
	/* rev, private_key, public_key */
	[STORE_C2_KEY] = "ibb",
	/* id, name, hash, key, rev, rotated_at, n_members, walk_rev, walk_client, removed */
	[STORE_TOPIC] = "itbbiiiiii",
	/* topic_id, client_id, rev, removed */
	[STORE_MEMBER] = "iiii",
	/* target_id, source_id */
	[STORE_LINK] = "ii",
	/* target_id, e4id, source_id, rev, removed */
	[STORE_PEER] = "ibiii",
	/* seq, type, at_ms, source, target */
	[STORE_EVENT] = "iiitt",
	/* tag, name, client_id */
	[STORE_TAG] = "tti",
	/* kind, id, owner, version, body */
	[STORE_RECORD] = "iiiiL",
	/* revision, last_client, last_topic, last_event, n_clients, n_topics, last_record */
	[STORE_STATE] = "iiiiiii",
};
