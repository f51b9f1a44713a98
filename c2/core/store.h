/*
 * The database as the core needs it: rows and a few questions about them.
 * No rule of the product is here; a backend neither decides nor encrypts.
 *
 * Holds for every function here:
 * - false is ERR_STORE (unreadable, full, locked, lost) unless said otherwise;
 *   "not there" is success with found = false.
 * - Writes happen between begin and commit; rollback undoes all of them. A
 *   commit that returned true is durable. Reads see the writes of their own
 *   transaction.
 *   A write outside of a transaction is ERR_INTERNAL. After a write that failed
 *   with ERR_STORE, commit fails too and rolls back; the store is usable again.
 *   A commit that failed has changed nothing that a read could show. Only if
 *   the process ends before the next commit succeeds may its change be found
 *   done after all (the disk had it, but did not say so).
 * - A part of a transaction can be undone by itself; parts do not nest. A write
 *   that failed with ERR_STORE makes the commit fail even if its part is undone.
 * - Times are Unix seconds; 0 is "never". Revisions count from 1.
 * - Sorted means by the bytes of the name. Names and hashes never change once
 *   a row is stored, ids are never given twice.
 * - A row callback gets a row that is valid during the call, must not call the
 *   store, and returns false to stop early.
 */
#ifndef C2_CORE_STORE_H
#define C2_CORE_STORE_H

#include "c2/core/custody.h"

#define STORE_NAME_MAX 255
#define STORE_TOPIC_MAX 512
#define STORE_TAG_MAX 128

/*
 * A client: what it shall have is told by the revisions of what hangs on it;
 * what it has, by confirmed_rev (design: one counter of revisions).
 */
struct store_client {
	int64_t id; /* 0 before it is stored */
	char name[STORE_NAME_MAX + 1];
	uint8_t e4id[16];
	struct sealed key;         /* the wanted key: SK 32 bytes, PK the 32-byte public key */
	struct sealed private_key; /* PK: while SetIDKey is under way */
	int64_t key_rev;           /* revision at which key became the wanted one */
	int64_t key_at;            /* when that was; 0: before it was noted */
	int32_t n_old_keys;        /* rows in old_keys, kept by old_key_put and old_keys_drop */
	int64_t c2_rev;            /* PK: oldest C2 key that the device may still hold */
	int64_t wanted_rev;        /* newest change of the client itself, its links and peers */
	int64_t sent_rev;          /* everything up to here was handed to the bus */
	int64_t confirmed_rev;     /* everything up to here is confirmed by a receipt */
	int64_t reset_rev;         /* ResetClient: topics of which nothing is newer are withheld */
	int64_t reset_peers_rev;   /* the same for ResetClientPubKeys */
	uint64_t last_stamp;       /* highest stamp ever used for it, in the device's time */
	int64_t clock_offset;      /* device clock minus ours, seconds, from receipts */
	int64_t next_at;           /* when the delivery must look at it again; 0: nothing is due */
	int32_t attempts;          /* sends since the last sign of life */
	uint8_t nonce[16];         /* of the ReportState that waits for its receipt */
	int64_t asked_at;          /* when it was sent; 0: none waits */
	int64_t last_seen;         /* last authentic receipt or announcement */
	int64_t recheck_at;        /* when to ask once more after all is confirmed; 0: never */
	int32_t reason;            /* enum delivery_reason: why it is not confirmed */
	int32_t type;              /* enum core_client_type */
	int64_t behind_since;      /* what it shall have is not confirmed since then; 0: it is */
};

struct store_topic {
	int64_t id;
	char name[STORE_TOPIC_MAX + 1];
	uint8_t hash[16];
	struct sealed key;
	int64_t rev; /* at which key became the current one, or the topic was removed */
	int64_t rotated_at;
	int64_t n_members;   /* live members, kept by member_put and member_remove */
	int64_t walk_rev;    /* members up to walk_client were handed rev walk_rev */
	int64_t walk_client; /* the core's to read: see walk.c */
	bool removed;        /* kept until its members were told; invisible by name */
};

/* A client is, or until it was told was, attached to a topic. */
struct store_member {
	int64_t client_id;
	int64_t topic_id;
	int64_t rev; /* revision of the attach or detach */
	bool removed;
};

/* Target holds, or until told held, the public key of source. */
struct store_peer {
	int64_t target_id;
	int64_t source_id; /* 0 with removed: the source client is gone, e4id still tells which */
	uint8_t e4id[16];  /* of the source */
	int64_t rev;
	bool removed;
};

/* A member with what the delivery needs of its topic. */
struct store_member_topic {
	struct store_member member;
	uint8_t hash[16];
	struct sealed key;
	int64_t topic_rev;
	bool topic_removed;
};

/* A peer with what the delivery needs of its source (none if source_id is 0). */
struct store_peer_source {
	struct store_peer peer;
	struct sealed key; /* the source's wanted public key */
	int64_t key_rev;
};

struct store_old_key {
	int64_t client_id;
	int64_t rev; /* its key_rev when it was the wanted one */
	struct sealed key;
};

struct store_c2_key {
	int64_t rev;
	struct sealed private_key;
	uint8_t public_key[32];
};

struct store_event {
	int64_t seq; /* given by event_append: 1, 2, ... without gaps */
	int32_t type;
	int64_t at_ms;
	char source[STORE_NAME_MAX + 1];
	char target[STORE_TOPIC_MAX + 1];
};

enum { STORE_RECORD_MAX = 1 << 20 };

/* What others than the core keep, of a kind each; what is in it is theirs to know. */
struct store_record {
	int32_t kind;    /* from 1 */
	int64_t id;      /* of its kind */
	int64_t owner;   /* by which they are listed, too; 0: none */
	int64_t version; /* counts its changes from 1 */
	const uint8_t *body;
	size_t len; /* at most STORE_RECORD_MAX */
};

/* Of a client, what is newer than a revision. */
struct store_newer {
	int64_t client_id;
	int64_t above;
	bool topics_only; /* none of its members is newer: only their topics may be */
};

/* Members of a topic by how far the newest change has come. */
struct store_progress {
	int64_t members;   /* live */
	int64_t confirmed; /* confirmed_rev >= what they shall have */
	int64_t sent;      /* not confirmed, sent_rev >= what they shall have */
	int64_t waiting;   /* neither */
	int64_t withheld;  /* reset since, get the key at the next rotation or attach */
};

/* Sorted pages: skip offset rows, then at most count (0: none). */
struct store_page {
	int64_t offset;
	int64_t count;
};

typedef bool store_name_fn(void *arg, const char *name);
typedef bool store_client_fn(void *arg, const struct store_client *row);
typedef bool store_topic_fn(void *arg, const struct store_topic *row);
typedef bool store_member_topic_fn(void *arg, const struct store_member_topic *row);
typedef bool store_peer_source_fn(void *arg, const struct store_peer_source *row);
typedef bool store_old_key_fn(void *arg, const struct store_old_key *row);
typedef bool store_c2_key_fn(void *arg, const struct store_c2_key *row);
typedef bool store_event_fn(void *arg, const struct store_event *row);
typedef bool store_record_fn(void *arg, const struct store_record *row);

/* Every table that a backup holds. The numbers are stored: never reuse one. */
enum store_table {
	STORE_META = 1,
	STORE_CLIENT = 2,
	STORE_OLD_KEY = 3,
	STORE_C2_KEY = 4,
	STORE_TOPIC = 5,
	STORE_MEMBER = 6,
	STORE_LINK = 7,
	STORE_PEER = 8,
	STORE_EVENT = 9,
	STORE_STATE = 10, /* the one row of counters */
	STORE_TAG = 11,
	STORE_RECORD = 12
};
#define STORE_TABLES 13
#define STORE_COLUMNS_MAX 24

/* A column of a row as it lies in the database. */
struct store_value {
	int64_t n;
	const uint8_t *bytes; /* of a text, too; null: none */
	size_t len;
};

/*
 * The columns of each table, in order: i integer, t text, b bytes or null, B
 * bytes, L bytes that may be long. What is counted from other tables is not
 * among them.
 */
extern const char *const store_columns[STORE_TABLES];
/* Where a restore changes something (rows.c). */
enum {
	CLIENT_CONFIRMED_REV = 9,
	CLIENT_NEXT_AT = 14,
	CLIENT_ATTEMPTS,
	CLIENT_NONCE,
	CLIENT_ASKED_AT,
	CLIENT_LAST_SEEN,
	CLIENT_REASON = 20,
	CLIENT_BEHIND_SINCE
};
enum { STATE_REVISION = 0, STATE_LAST_EVENT = 3, STATE_LAST_RECORD = 6 };

typedef bool store_row_fn(void *arg, const struct store_value *values);

struct store_ops {
	bool (*begin)(void *ctx, struct err *err);
	bool (*commit)(void *ctx, struct err *err);
	void (*rollback)(void *ctx);
	/* keep false: all writes since part_begin are undone, those before it stay. */
	bool (*part_begin)(void *ctx, struct err *err);
	bool (*part_end)(void *ctx, bool keep, struct err *err);
	/* Readable and writable now? */
	bool (*check)(void *ctx, struct err *err);
	void (*close)(void *ctx);

	/* The one counter of revisions; next needs a transaction. */
	bool (*revision)(void *ctx, int64_t *rev, struct err *err);
	bool (*revision_next)(void *ctx, int64_t *rev, struct err *err);

	/*
	 * Small named values: crypto mode, custody parameters. Not found: len is 0. To
	 * put an empty one is to remove what was there, as keys are removed.
	 */
	bool (*meta_get)(void *ctx, const char *name, uint8_t *out, size_t cap, size_t *len,
			 bool *found, struct err *err);
	bool (*meta_put)(void *ctx, const char *name, const uint8_t *value, size_t len,
			 struct err *err);

	/*
	 * Clients. put inserts when row->id is 0 (and sets it; ERR_EXISTS: the name
	 * or e4id is taken), else rewrites the row (ERR_NOT_FOUND: it is gone).
	 */
	bool (*client_by_name)(void *ctx, const char *name, struct store_client *row, bool *found,
			       struct err *err);
	bool (*client_by_e4id)(void *ctx, const uint8_t e4id[16], struct store_client *row,
			       bool *found, struct err *err);
	bool (*client_by_id)(void *ctx, int64_t id, struct store_client *row, bool *found,
			     struct err *err);
	bool (*client_put)(void *ctx, struct store_client *row, struct err *err);
	/*
	 * A hint: these n names and e4ids will be asked for and put one by one in
	 * this transaction; saves a round trip for each where there are some. May be null.
	 */
	bool (*clients_ahead)(void *ctx, const struct store_client *rows, size_t n,
			      struct err *err);
	/*
	 * Rewrite what sending and receipts change of n stored rows, all after
	 * reset_peers_rev and sent_rev and confirmed_rev; rows that are gone stay so.
	 */
	bool (*clients_state)(void *ctx, const struct store_client *rows, size_t n,
			      struct err *err);
	/* With its tags, members, links, old keys and peers; those that hold it get source_id 0. */
	bool (*client_remove)(void *ctx, int64_t id, struct err *err);
	bool (*clients)(void *ctx, struct store_page page, store_name_fn *fn, void *arg,
			struct err *err);
	bool (*clients_count)(void *ctx, int64_t *n, struct err *err);
	/* Clients with 0 < next_at <= now, earliest first, at most limit. */
	bool (*clients_due)(void *ctx, int64_t now, int limit, store_client_fn *fn, void *arg,
			    struct err *err);
	/* The earliest next_at of all clients; 0: none. */
	bool (*clients_next_at)(void *ctx, int64_t *at, struct err *err);
	/* All clients in order of id, after after_id: for a change of the whole fleet. */
	bool (*clients_after)(void *ctx, int64_t after_id, int limit, store_client_fn *fn,
			      void *arg, struct err *err);

	/*
	 * The search: all clients, or those with a tag, sorted, from a name on
	 * (itself too), at most limit. The same of live topics.
	 */
	bool (*clients_from)(void *ctx, const char *tag, const char *from, int limit,
			     store_client_fn *fn, void *arg, struct err *err);
	bool (*topics_from)(void *ctx, const char *from, int limit, store_topic_fn *fn, void *arg,
			    struct err *err);
	/* Tags of a client, sorted; put again does nothing, ERR_NOT_FOUND without the client. */
	bool (*client_tags)(void *ctx, int64_t client_id, store_name_fn *fn, void *arg,
			    struct err *err);
	bool (*client_tag_put)(void *ctx, int64_t client_id, const char *tag, struct err *err);
	bool (*client_tag_remove)(void *ctx, int64_t client_id, const char *tag, struct err *err);

	/* Keys that a device may still hold beside the wanted one, oldest first. */
	bool (*old_key_put)(void *ctx, const struct store_old_key *row, struct err *err);
	bool (*old_keys)(void *ctx, int64_t client_id, store_old_key_fn *fn, void *arg,
			 struct err *err);
	/* Remove those with rev < before. */
	bool (*old_keys_drop)(void *ctx, int64_t client_id, int64_t before, struct err *err);

	/* PK: our own keys, newest last; drop removes those with rev < before. */
	bool (*c2_key_put)(void *ctx, const struct store_c2_key *row, struct err *err);
	bool (*c2_keys)(void *ctx, store_c2_key_fn *fn, void *arg, struct err *err);
	bool (*c2_keys_drop)(void *ctx, int64_t before, struct err *err);
	/* The smallest c2_rev of all clients; 0 without clients. */
	bool (*clients_min_c2_rev)(void *ctx, int64_t *rev, struct err *err);
	/* Clients with c2_rev >= rev; answered from a count, not from their rows. */
	bool (*clients_c2_from)(void *ctx, int64_t rev, int64_t *n, struct err *err);

	/* Topics; by_name sees live ones only. put as for clients (one live topic of a name). */
	bool (*topic_by_name)(void *ctx, const char *name, struct store_topic *row, bool *found,
			      struct err *err);
	bool (*topic_by_id)(void *ctx, int64_t id, struct store_topic *row, bool *found,
			    struct err *err);
	bool (*topic_put)(void *ctx, struct store_topic *row, struct err *err);
	bool (*topic_remove)(void *ctx, int64_t id, struct err *err); /* with its members */
	bool (*topics)(void *ctx, struct store_page page, store_name_fn *fn, void *arg,
		       struct err *err);
	bool (*topics_count)(void *ctx, int64_t *n, struct err *err);
	/* All topics, removed ones too, in order of id, after after_id. */
	bool (*topics_after)(void *ctx, int64_t after_id, int limit, store_topic_fn *fn, void *arg,
			     struct err *err);
	/* Topics with walk_rev < rev, at most limit: their members are yet to be handed rev. */
	bool (*topics_to_walk)(void *ctx, int limit, store_topic_fn *fn, void *arg,
			       struct err *err);
	bool (*topic_progress)(void *ctx, int64_t topic_id, struct store_progress *out,
			       struct err *err);

	/* Members, links, peers: put is ERR_NOT_FOUND if what it names by id is not there. */
	bool (*member)(void *ctx, int64_t client_id, int64_t topic_id, struct store_member *row,
		       bool *found, struct err *err);
	bool (*member_put)(void *ctx, const struct store_member *row, struct err *err);
	bool (*member_remove)(void *ctx, int64_t client_id, int64_t topic_id, struct err *err);
	/* All of a client, removed ones too, in ascending order of topic hash. */
	bool (*client_members)(void *ctx, int64_t client_id, store_member_topic_fn *fn, void *arg,
			       struct err *err);
	/*
	 * The same of each of n clients, which come in ascending order of id, each
	 * once; without those of which neither the member nor the topic is newer.
	 */
	bool (*clients_members)(void *ctx, const struct store_newer *of, size_t n,
				store_member_topic_fn *fn, void *arg, struct err *err);
	/* Clients of a topic, removed ones too, in order of id, after after_id. */
	bool (*topic_members)(void *ctx, int64_t topic_id, int64_t after_id, int limit,
			      store_client_fn *fn, void *arg, struct err *err);
	/* Names of live members, sorted, and their number. */
	bool (*client_topics)(void *ctx, int64_t client_id, struct store_page page,
			      store_name_fn *fn, void *arg, struct err *err);
	bool (*client_topics_count)(void *ctx, int64_t client_id, int64_t *n, struct err *err);
	bool (*topic_clients)(void *ctx, int64_t topic_id, struct store_page page,
			      store_name_fn *fn, void *arg, struct err *err);

	/* Links: target's new public key goes to the sources in its list. */
	bool (*link_put)(void *ctx, int64_t target_id, int64_t source_id, struct err *err);
	bool (*link_remove)(void *ctx, int64_t target_id, int64_t source_id, struct err *err);
	bool (*links)(void *ctx, int64_t target_id, struct store_page page, store_name_fn *fn,
		      void *arg, struct err *err);
	bool (*links_count)(void *ctx, int64_t target_id, int64_t *n, struct err *err);
	/* Clients in target's list, after after_id, in order of id. */
	bool (*link_clients)(void *ctx, int64_t target_id, int64_t after_id, int limit,
			     store_client_fn *fn, void *arg, struct err *err);

	/* Peers: public keys that a device holds. */
	bool (*peer_put)(void *ctx, const struct store_peer *row, struct err *err);
	bool (*peer_remove)(void *ctx, int64_t target_id, const uint8_t e4id[16], struct err *err);
	/* All of a target, removed ones too, in ascending order of e4id. */
	bool (*client_peers)(void *ctx, int64_t target_id, store_peer_source_fn *fn, void *arg,
			     struct err *err);
	/* Clients that hold source's key (live peers), after after_id, in order of id. */
	bool (*peer_holders)(void *ctx, int64_t source_id, int64_t after_id, int limit,
			     store_client_fn *fn, void *arg, struct err *err);

	/* Events: append gives row->seq; the newest keep rows survive prune. */
	bool (*event_append)(void *ctx, struct store_event *row, struct err *err);
	bool (*events_after)(void *ctx, int64_t seq, int limit, store_event_fn *fn, void *arg,
			     struct err *err);
	bool (*events_last)(void *ctx, int64_t *seq, struct err *err);
	bool (*events_prune)(void *ctx, int64_t keep, struct err *err);

	/*
	 * Records. put and remove are done if the version in the database is
	 * row->version, which decides between several writers; else nothing is done,
	 * and the error is ERR_CONFLICT. put with version 0 inserts (with id 0: under
	 * a new id; ERR_CONFLICT: there is one of this id) and sets row->id and
	 * row->version, else it rewrites owner and body and raises row->version.
	 */
	bool (*record_get)(void *ctx, int32_t kind, int64_t id, store_record_fn *fn, void *arg,
			   bool *found, struct err *err);
	bool (*record_put)(void *ctx, struct store_record *row, struct err *err);
	bool (*record_remove)(void *ctx, int32_t kind, int64_t id, int64_t version,
			      struct err *err);
	/*
	 * Those of a kind, of one owner or of all (0), in order of id: after after_id,
	 * or newest first and below after_id (0: from the newest).
	 */
	bool (*records)(void *ctx, int32_t kind, int64_t owner, int64_t after_id, int limit,
			bool newest_first, store_record_fn *fn, void *arg, struct err *err);
	/*
	 * All but the keep newest go, max of them in one call: of the more the newest.
	 * Reads keep entries of an index.
	 */
	bool (*records_trim)(void *ctx, int32_t kind, int64_t owner, int64_t keep, int max,
			     struct err *err);

	/*
	 * For backups; a backend that is no database has none of these. From
	 * snapshot on, until rollback, rows and meta_get show the database of one
	 * moment, and nothing can be written.
	 */
	bool (*snapshot)(void *ctx, struct err *err);
	/* All rows of a table in the order of their keys; by pages, so of one moment only there. */
	bool (*rows)(void *ctx, enum store_table table, store_row_fn *fn, void *arg,
		     struct err *err);
	/* Insert as it is, into an empty database: parents first, STORE_STATE last. */
	bool (*row_put)(void *ctx, enum store_table table, const struct store_value *values,
			struct err *err);
};

struct store {
	const struct store_ops *ops;
	void *ctx;
};

#endif
