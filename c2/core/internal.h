/*
 * What the files of the core share. One thread; every change of the database
 * runs between change_begin and change_end, and everything that leaves the
 * core (messages, events) leaves after the commit. core_work commits the open
 * group first, so transactions of its own meet none.
 */
#ifndef C2_CORE_INTERNAL_H
#define C2_CORE_INTERNAL_H

#include "c2/core/control_cache.h"
#include "c2/core/core.h"
#include "c2/core/keys.h"
#include "c2/core/outbox.h"
#include "c2/core/presence.h"
#include "c2/core/queue.h"
#include "e4/protocol.h"

/* DB(c, op, args...): a question to, or a write in, the database. */
#define DB(c, op, ...) ((c)->store.ops->op((c)->store.ctx, __VA_ARGS__))

/* A hint to the database, see store.h; n = 0 when no more of it will be asked. */
#define ASK_AHEAD(c, list, n)                                                                      \
	((c)->store.ops->ahead ? (c)->store.ops->ahead((c)->store.ctx, list, n) : (void)0)

/*
 * Keys that a device may hold, ours that it may hold: a command goes out under
 * each pair, so both are bounded.
 */
enum { CORE_CLIENT_KEYS_MAX = 16, CORE_C2_KEYS_MAX = 4 };

/* Rows of one page of a walk, receipts and clients of one transaction. */
enum { CORE_PAGE = 256 };

/* Bytes of a nonce, a jitter: see random.c. */
void random_bytes(void *out, size_t len);

struct c2_key {
	int64_t rev;
	uint8_t private_key[32];
	uint8_t public_key[32];
};

/* Where a device's clock may be, as its announcement said: not proven, so kept in memory only. */
struct clock_hint {
	int64_t client_id; /* 0: free */
	int64_t offset_s;
};

enum { CORE_HINTS = 1024 };

/* Changes that wait for their one commit. */
struct group {
	size_t n; /* above 0 a transaction is open */
	bool has_event;
	void (*told)(void *ctx, const struct err *err); /* null: each change is committed at once */
	void *ctx;
};

/* What the next transaction will ask first (ahead.c). */
struct ahead {
	struct store_question *questions;
	struct store_client *news; /* that are likely not there */
	size_t n_questions, n_news;
};

/* Tags of the last messages that core_protect made, so that no bytes go out twice. */
enum { CORE_TAGS = 64 };

/* A count of a large topic's members (progress.c). */
struct topic_count {
	int64_t topic_id, rev; /* topic_id 0: free */
	int64_t asked;         /* the order of questions */
	bool running;
	int64_t after, began_at;
	struct store_progress sum; /* so far */
	struct store_progress done;
	int64_t done_at; /* when that was begun; 0: there is none yet */
};

enum { CORE_COUNTS = 8 };

struct core {
	struct core_config cfg;
	struct store store;
	struct custody custody;
	int64_t restored_at; /* when this database was restored from a backup; 0: never */
	enum custody_state custody_now; /* as of the last slice of work */
	struct clock clock;
	void (*wake)(void *ctx);
	void *wake_ctx;
	bool working; /* inside core_work: no need to be woken */
	bool look;    /* something may be due; else nothing is from looked_ms to look_ms */
	int64_t looked_ms, look_ms;
	struct group group;
	struct ahead ahead;

	struct bus bus;
	bool has_bus;
	bool bus_up;
	char bus_why[128];

	struct c2_key c2_keys[CORE_C2_KEYS_MAX + 1]; /* PK: oldest first */
	size_t n_c2_keys;
	struct control_cache controls;

	int64_t clock_seen;  /* the latest time of our wall clock */
	int64_t clock_saved; /* as it lies in the database */
	bool fleet_walks;    /* a walk over all clients may be under way */

	struct queue receipts;
	struct queue seen; /* ids alone: a flood of them must not push out receipts */
	struct presence presence;
	struct outbox outbox;
	struct clock_hint hints[CORE_HINTS];
	struct topic_count counts[CORE_COUNTS];
	int64_t counts_asked;

	struct core_listener *listeners;
	bool events_busy; /* inside the listeners */

	uint8_t tags[CORE_TAGS][E4_SIV_TAG_LEN];
	size_t next_tag;
};

static inline int64_t core_now(const struct core *c)
{
	return clock_wall_s(&c->clock);
}

/* Ask for core_work: to look for what is due, or for the commit of the group alone. */
void core_wake(struct core *c);
void core_wake_group(struct core *c);

/* --- changes of wanted state (change.c) ------------------------------------------------ */

struct change {
	struct core *c;
	int64_t rev; /* the last revision taken in this change */
	int64_t now;
	int64_t recipients;
	bool has_event;
	int64_t n_same;              /* operations that found done what they would do */
	enum core_existing existing; /* what making something that is there already means */
	int64_t *rotate;             /* topics that get a new key when all else is done */
	size_t n_rotate, rotate_cap;
	struct seen_topics *seen; /* of a batch; null: it is none */
};

/* Start a transaction, or a part of the group's; begin also takes a revision. */
bool change_open(struct change *ch, struct core *c, struct err *err);
bool change_begin(struct change *ch, struct core *c, struct err *err);
/*
 * Undo it if not ok; else fill out (may be null) and commit, or leave that to
 * the group.
 */
bool change_end(struct change *ch, bool ok, struct core_delivery *out, struct err *err);
/* Ask what core_ahead told, in a transaction that just began. */
bool ahead_ask(struct core *c, struct err *err);
/* Commit what waits, tell who asked for it and the listeners. */
bool group_commit(struct core *c, struct err *err);
/* Another revision, for another row of the same change. */
bool change_next(struct change *ch, struct err *err);
/* A client has something new as of ch->rev: write it and make it due. */
bool change_client(struct change *ch, struct store_client *row, struct err *err);
bool change_event(struct change *ch, enum core_event_type type, const char *client,
		  const char *topic, struct err *err);

/* Give a topic a new key at ch->rev; its members are found by the walk. */
bool change_rotate(struct change *ch, struct store_topic *row, struct err *err);
/* Delete the row of a removed topic once no member is left to be told. */
bool change_topic_gone(struct core *c, int64_t topic_id, struct err *err);

/* Source's public key, as of ch->rev, to its holders and to the clients in its linked list. */
bool change_publish_key(struct change *ch, const struct store_client *source, struct err *err);

/*
 * What can be done within a change: a call of core.h is change_begin, one of
 * these, change_end; a batch is one change with many of them. They check what
 * they are given, and false means that the whole change must be rolled back.
 * Members that leave make their topics rotate: once, by apply_rotations, which
 * comes between the last of these and change_end and frees the list.
 */

enum client_made {
	CLIENT_STAYS,    /* it is there already and stays as it is */
	CLIENT_REPLACED, /* it is there already and has this key now */
	CLIENT_NEW       /* so nothing can hang on it yet */
};

bool apply_client_new(struct change *ch, struct store_client *row, enum client_made *made,
		      const char *name, const uint8_t *key, size_t key_len, int64_t next_at,
		      struct err *err);
bool apply_client_remove(struct change *ch, const char *name, bool rotate, struct err *err);
bool apply_client_new_key(struct change *ch, const char *name, struct err *err);
bool apply_topic_new(struct change *ch, struct store_topic *row, const char *topic,
		     struct err *err);
bool apply_topic_rotate(struct change *ch, const char *topic, struct err *err);
bool apply_topic_remove(struct change *ch, const char *topic, struct err *err);
bool apply_attach(struct change *ch, const char *client, const char *topic, struct err *err);
bool apply_detach(struct change *ch, const char *client, const char *topic, bool rotate_key,
		  struct err *err);
/* *changed is set if one of them was not so before. is_new: the client has no tag yet. */
bool apply_traits(struct change *ch, struct store_client *row, const struct core_traits *traits,
		  bool is_new, bool *changed, struct err *err);

/* What a batch writes beside its operations (records.c); ids: of each, as it is now. */
bool records_check(const struct core_batch *b, struct err *err);
bool apply_records(struct change *ch, const struct core_batch *b, int64_t *ids, struct err *err);
void records_done(const struct core_batch *b, const int64_t *ids);

/* A client, a topic, and the row between them. */
struct pair {
	struct store_client client;
	struct store_topic topic;
	struct store_member member;
	bool attached;
};

/* p->client and p->topic are there: read the row between them. */
bool find_member(struct core *c, struct pair *p, struct err *err);
/* The member and its event; the caller makes the client due. */
bool attach_member(struct change *ch, struct pair *p, struct err *err);
bool apply_attach_pair(struct change *ch, struct pair *p, struct err *err);
bool apply_detach_pair(struct change *ch, struct pair *p, bool rotate_key, struct err *err);
bool apply_new_key(struct change *ch, struct store_client *row, struct err *err);
void rotate_later(struct change *ch, int64_t topic_id);
/* ok as before, or that all rotated; *n grows by their number. */
bool apply_rotations(struct change *ch, bool ok, int64_t *n, struct err *err);
/* What a choice left to the configuration is. */
bool choose_rotate(const struct core *c, enum core_choice choice);

/*
 * How far the delivery to a client has come. Needs the C2 keys. members: all of the
 * client if they were read already, else null.
 */
struct member_list;
bool client_status(struct core *c, const struct store_client *row,
		   const struct member_list *members, struct core_client_status *out,
		   struct err *err);

/* A page of what is searched for, in order of name; cursor: where it ended, empty at the end. */
struct client_list;
bool search_page(struct core *c, const struct core_search *search, struct client_list *out,
		 char cursor[STORE_NAME_MAX + 1], struct err *err);

/* Rows by name: ERR_INVALID for what can be no name, ERR_NOT_FOUND. */
bool name_check(const char *name, struct err *err);
bool topic_check(const char *topic, struct err *err);
bool tag_check(const char *tag, struct err *err);
bool find_client(struct core *c, const char *name, struct store_client *row, struct err *err);
bool find_topic(struct core *c, const char *topic, struct store_topic *row, struct err *err);
bool need_pubkey_mode(const struct core *c, struct err *err);

/* Collects rows of clients; release with free(). */
struct client_list {
	struct store_client *rows;
	size_t n, cap;
};

bool client_list_add(void *list, const struct store_client *row);
void client_list_free(struct client_list *list);

/* Collects names into an arena. */
struct name_list {
	struct arena *arena;
	struct core_names *out;
	size_t cap;
};

bool name_list_add(void *list, const char *name);

/* --- C2's own keys (c2_key.c) ------------------------------------------------------------ */

/* Read them again if another process or a rollback changed them. */
bool c2_keys_load(struct core *c, struct err *err);
/* PK: make the first pair if there is none. */
bool c2_keys_init(struct core *c, struct err *err);
void c2_keys_wipe(struct core *c);
/* Forget those that no client can hold any more. Needs a transaction. */
bool c2_keys_prune(struct core *c, struct err *err);
const struct c2_key *c2_key_newest(const struct core *c);

/* --- events (events.c) ---------------------------------------------------------------------- */

/* Hand what is new to the listeners; true if some of it must wait for the next call. */
bool events_pump(struct core *c);
void events_free(struct core *c);

/* --- delivery ------------------------------------------------------------------------------- */

/* Hand what waits to the bus, as far as it has room. */
void outbox_flush(struct core *c);
/* Messages that may be added now. */
size_t outbox_room(const struct core *c);

/* One transaction that serves clients: plans, writes and seals what is to be sent to them. */
struct slice {
	int64_t began_ms, revision;
	size_t mark; /* messages of earlier ones */
	bool full;   /* no room for more */
	bool late;   /* no time for more */
	bool again;  /* somebody is due again at once */
};

enum { SLICE_MS = 3 };
bool slice_is_late(const struct core *c, int64_t began_ms);
/* False, with the error in the log: the transaction could not be begun. */
bool slice_begin(struct slice *s, struct core *c, const char *what);
/* Serve the first *n_served of the list, rewriting their rows; the others are as they were. */
bool slice_serve(struct slice *s, struct core *c, struct client_list *list, size_t *n_served,
		 struct err *err);
/* Commit if ok, and send; else undo. False also if the commit failed; the error is logged. */
bool slice_end(struct slice *s, struct core *c, bool ok, const char *what, struct err *err);

/* Each does a bounded slice, returns true if there is more to do at once. */
bool walk_topics(struct core *c);
bool walk_fleet(struct core *c);
bool count_topics(struct core *c);
bool receive_receipts(struct core *c, int max);
bool deliver_due(struct core *c, int max_clients);

/* Start the walk that makes every client due (a new C2 key). Needs a transaction. */
bool walk_fleet_start(struct core *c, struct err *err);

/* Our wall clock: waits that a step back of it made endless are found and ended. */
bool clock_load(struct core *c, struct err *err);
/* Needs a transaction. */
bool clock_save(struct core *c, struct err *err);
/* The transaction of clock_save came to nothing. */
void clock_unsaved(struct core *c);
void clock_watch(struct core *c);

/* What an announcement said about a device's clock; 0: nothing. */
int64_t clock_hint_get(const struct core *c, int64_t client_id);
void clock_hint_set(struct core *c, int64_t client_id, int64_t offset_s);

#endif
