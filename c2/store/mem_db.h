/*
 * The inside of the store in memory. Rows lie in tables by id, sorted arrays and
 * hash indexes lead to them. Every primitive change notes first how it is taken
 * back; a rollback runs those notes from the newest to the oldest.
 */
#ifndef C2_STORE_MEM_DB_H
#define C2_STORE_MEM_DB_H

#include "c2/core/store.h"

/* A growing array of things of one size. */
struct vec {
	void *at;
	size_t n, cap;
};

/* Room for one more at place i, which the caller fills. */
void *vec_insert(struct vec *v, size_t size, size_t i);
void vec_remove(struct vec *v, size_t size, size_t i);

/* Ids by the hash of something in their rows; 0 is a free place. */
struct index {
	uint32_t *slots;
	size_t cap, n;
};

struct mem;
typedef uint64_t index_hash(const struct mem *m, uint32_t id);

void index_add(const struct mem *m, struct index *ix, index_hash *hash, uint32_t id);
void index_remove(const struct mem *m, struct index *ix, index_hash *hash, uint32_t id);

/* A sealed key of usual length; a longer one lies elsewhere. */
struct packed {
	uint8_t len;
	union {
		uint8_t bytes[63];
		uint8_t *more;
	} u;
};

struct member {
	int64_t rev;
	uint32_t topic_id;
	bool removed;
};

struct old_key {
	int64_t rev;
	struct sealed key;
};

struct peer {
	uint8_t e4id[16];
	int64_t rev;
	uint32_t source_id; /* 0: gone */
	bool removed;
};

/* What few clients have. */
struct extra {
	struct sealed private_key;
	struct vec old_keys; /* struct old_key, ascending rev */
	struct vec links;    /* uint32_t, ascending: sources in its list */
	struct vec linked;   /* uint32_t: clients in whose list it is */
	struct vec peers;    /* struct peer, ascending e4id */
	struct vec holders;  /* uint32_t: clients with a peer row of it, ascending */
	struct vec tags;     /* char *, sorted */
};

/* The part of a client that changes often. */
struct client_state {
	int64_t key_rev, c2_rev, wanted_rev, sent_rev, confirmed_rev, reset_rev, reset_peers_rev;
	uint64_t last_stamp;
	int64_t clock_offset, next_at, asked_at, last_seen, recheck_at, behind_since, key_at;
	int32_t attempts, reason, type;
	uint8_t nonce[16];
};

struct client {
	uint32_t id;
	uint32_t due_prev, due_next; /* its neighbours among those due in the same second */
	uint8_t e4id[16];
	struct client_state s;
	struct packed key;
	struct vec members; /* struct member, ascending hash, then id of the topic */
	struct extra *extra;
	uint16_t name_len;
	char name[];
};

struct topic {
	struct store_topic row; /* n_members kept here */
	struct vec members;     /* uint32_t, ascending: clients with a row, removed ones too */
};

/* All clients of one second. */
struct due {
	int64_t at;
	uint32_t first, last;
};

struct c2_use {
	int64_t rev;
	int64_t n;
};

struct meta {
	char *name;
	uint8_t *value;
	size_t len;
};

/* What a rollback puts back as a whole. */
struct counters {
	int64_t revision, last_client, last_topic, n_clients, n_topics, last_event, last_record;
	size_t first_event; /* those before it in events are pruned */
};

struct mem {
	bool in_transaction, in_row;
	struct counters n, before;
	/* A part of the transaction, and what there was when it began. */
	bool in_part;
	struct counters before_part;
	size_t part_undo, part_bytes, part_garbage, part_gone;
	struct vec undo;    /* struct note */
	struct vec bytes;   /* what the notes need */
	struct vec garbage; /* void *: free()d by a commit */
	struct vec gone;    /* struct client *: the same */

	struct vec clients; /* struct client *, by id; null: none */
	struct vec topics;  /* struct topic *, by id */
	struct index by_name, by_e4id, by_topic;
	struct vec due;     /* struct due, ascending */
	struct vec c2_uses; /* struct c2_use, ascending rev */
	struct vec walks;   /* uint32_t: topics with walk_rev < rev, ascending rev */
	struct vec c2_keys; /* struct store_c2_key, ascending rev */
	struct vec metas;   /* struct meta */
	struct vec events;  /* struct store_event *, ascending seq */
	struct vec records; /* struct store_record *, ascending kind, then id; each with its body */

	/* Ids sorted by name, when they are. */
	struct vec clients_sorted, topics_sorted; /* uint32_t */
	bool clients_are_sorted, topics_are_sorted;
};

/* Not inside of a row callback; a write needs a transaction. */
bool mem_may_read(const struct mem *m, struct err *err);
bool mem_may_write(const struct mem *m, struct err *err);

/* Note that back(m, bytes) takes back what is changed now. */
typedef void mem_back(struct mem *m, const void *bytes);
void mem_note(struct mem *m, mem_back *back, const void *bytes, size_t len);
/* free() it when this transaction is committed; a rollback needs it again. */
void mem_drop(struct mem *m, void *thing);

struct client *mem_client(const struct mem *m, int64_t id);
/* The same of one that must be there: its id comes out of another row or an index. */
static inline struct client *mem_client_at(const struct mem *m, uint32_t id)
{
	return ((struct client **)m->clients.at)[id];
}

static inline struct topic *mem_topic_at(const struct mem *m, uint32_t id)
{
	return ((struct topic **)m->topics.at)[id];
}

/* Its row will be wanted soon: large fleets are in no cache. */
void mem_client_fetch(const struct mem *m, int64_t id);
struct topic *mem_topic(const struct mem *m, int64_t id);
struct extra *mem_extra(struct client *c);
void mem_client_free(struct client *c);

void mem_pack(struct packed *out, const struct sealed *in);
void mem_unpack(struct sealed *out, const struct packed *in);

/* Give the row of a client to a callback; false: stop. */
bool mem_client_row(struct mem *m, const struct client *c, store_client_fn *fn, void *arg);
bool mem_name(struct mem *m, const char *name, store_name_fn *fn, void *arg);
/* Sort ids of clients or topics by name and give a page of them. */
void mem_sort_names(struct mem *m, struct vec *ids, bool topics);
void mem_page(struct mem *m, const struct vec *ids, bool topics, struct store_page page,
	      store_name_fn *fn, void *arg);

/* Ids of all clients, of all live topics, sorted by name; the place of the first not below from. */
const struct vec *mem_clients_by_name(struct mem *m);
const struct vec *mem_topics_by_name(struct mem *m);
size_t mem_names_from(const struct mem *m, const struct vec *ids, bool topics, const char *from);

/* Sorted arrays of ids. */
size_t ids_place(const struct vec *ids, int64_t id); /* of the first that is not below */
bool ids_have(const struct vec *ids, uint32_t id);
void ids_put(struct vec *ids, uint32_t id);
void ids_take(struct vec *ids, uint32_t id);

/* What goes with a client. */
void mem_member_take(struct mem *m, struct client *c, struct topic *t);
void mem_old_keys_take(struct mem *m, struct client *c, int64_t before);
void mem_links_take(struct mem *m, struct client *c);
void mem_peers_take(struct mem *m, struct client *c);

/* All of struct store_ops. */
#define MEM_OPS(X)                                                                                 \
	X(begin)                                                                                   \
	X(commit)                                                                                  \
	X(rollback)                                                                                \
	X(part_begin)                                                                              \
	X(part_end)                                                                                \
	X(check)                                                                                   \
	X(close)                                                                                   \
	X(revision)                                                                                \
	X(revision_next)                                                                           \
	X(meta_get)                                                                                \
	X(meta_put)                                                                                \
	X(client_by_name)                                                                          \
	X(client_by_e4id)                                                                          \
	X(client_by_id)                                                                            \
	X(client_put)                                                                              \
	X(clients_state)                                                                           \
	X(client_remove)                                                                           \
	X(clients)                                                                                 \
	X(clients_count)                                                                           \
	X(clients_due)                                                                             \
	X(clients_next_at)                                                                         \
	X(clients_after)                                                                           \
	X(clients_from)                                                                            \
	X(topics_from)                                                                             \
	X(client_tags)                                                                             \
	X(client_tag_put)                                                                          \
	X(client_tag_remove)                                                                       \
	X(old_key_put)                                                                             \
	X(old_keys)                                                                                \
	X(old_keys_drop)                                                                           \
	X(c2_key_put)                                                                              \
	X(c2_keys)                                                                                 \
	X(c2_keys_drop)                                                                            \
	X(clients_c2_from)                                                                         \
	X(clients_min_c2_rev)                                                                      \
	X(topic_by_name)                                                                           \
	X(topic_by_id)                                                                             \
	X(topic_put)                                                                               \
	X(topic_remove)                                                                            \
	X(topics)                                                                                  \
	X(topics_count)                                                                            \
	X(topics_to_walk)                                                                          \
	X(topic_progress)                                                                          \
	X(member)                                                                                  \
	X(member_put)                                                                              \
	X(member_remove)                                                                           \
	X(client_members)                                                                          \
	X(clients_members)                                                                         \
	X(topic_members)                                                                           \
	X(client_topics)                                                                           \
	X(client_topics_count)                                                                     \
	X(topic_clients)                                                                           \
	X(link_put)                                                                                \
	X(link_remove)                                                                             \
	X(links)                                                                                   \
	X(links_count)                                                                             \
	X(link_clients)                                                                            \
	X(peer_put)                                                                                \
	X(peer_remove)                                                                             \
	X(client_peers)                                                                            \
	X(peer_holders)                                                                            \
	X(event_append)                                                                            \
	X(events_after)                                                                            \
	X(events_last)                                                                             \
	X(events_prune)                                                                            \
	X(record_get)                                                                              \
	X(record_put)                                                                              \
	X(record_remove)                                                                           \
	X(records)                                                                                 \
	X(records_trim)

#define X(op) __typeof__(*((struct store_ops *)0)->op) mem_##op;
MEM_OPS(X)
#undef X

#endif
