/*
 * The key server without its database, broker and front: who may have which
 * key, and how it gets there.
 *
 * Holds for every function here:
 * - false is an error in err with nothing changed: ERR_INVALID (bad name, topic,
 *   key), ERR_NOT_FOUND, ERR_PRECONDITION (wrong crypto mode, force missing, too
 *   many keys unconfirmed, two names of one id), ERR_CONFLICT (a record is of
 *   another version), ERR_STORE, ERR_CUSTODY.
 * - A change returns when it is durable (unless core_group says otherwise), not
 *   when devices have it. Devices are served by core_work, from the wanted state
 *   in the database.
 * - One thread. Names and topics are zero-terminated UTF-8; their rules are
 *   those of protocol.md section 1.
 * - Lists live in the arena that the caller gives.
 */
#ifndef C2_CORE_CORE_H
#define C2_CORE_CORE_H

#include "base/arena.h"
#include "base/clock.h"
#include "bus/bus.h"
#include "c2/core/custody.h"
#include "c2/core/store.h"

enum core_mode { CORE_SYMKEY = 1, CORE_PUBKEY = 2 }; /* numbers of CryptoMode in the API, stored */

struct core_config {
	enum core_mode mode;
	bool rotate_on_removal; /* detaching rotates the topic's key unless the call says otherwise
				 */
	int qos;                /* of control messages */
	bool retain;            /* retain control messages at the broker */
	int64_t receipt_wait_s; /* first wait for a receipt before sending again */
	int64_t retry_max_s;    /* longest wait between two tries */
	int64_t legacy_max_s;   /* for a device that gives no receipts, where it is more */
	int64_t announce_gap_s; /* an announcement of one client makes us ask at most this often */
	const char *presence;   /* topics that tell who is there (presence.h); null: none; copied */
	int64_t events_keep;    /* events kept for late subscribers */
	bool shared;            /* other servers may work on the same database */
};

struct core;

/*
 * Take over the database: the crypto mode must be the one it was made with
 * (ERR_CONFIG); in pubkey mode a C2 key pair is made at the first start. wake
 * is called when core_work has something to do before the time it last gave.
 * bus may be without connection.
 */
struct core *core_new(const struct core_config *config, const struct store *store,
		      const struct custody *custody, const struct clock *clock,
		      void (*wake)(void *ctx), void *wake_ctx, struct err *err);
void core_free(struct core *c);

/* The handler for the bus, and the bus once it is open. Subscribes to the receipts. */
struct bus_handler core_bus_handler(struct core *c);
bool core_set_bus(struct core *c, const struct bus *bus, struct err *err);

/*
 * Send what is due, for at most max_clients clients. Returns the milliseconds
 * until it wants to be called again: 0 at once, -1 when nothing is due.
 */
int64_t core_work(struct core *c, int max_clients);

/*
 * Changes in groups: from now on a change returns before it is durable. All
 * that come until the next core_work (which wake asks for) share its one commit,
 * then told is called: with null, or with the error for which all of them were
 * undone. A change that fails by itself is undone alone and at once.
 *
 * While core_pending, answers tell of what may yet be undone, those of reads
 * too: none may leave before told.
 */
void core_group(struct core *c, void (*told)(void *ctx, const struct err *err), void *ctx);
bool core_pending(const struct core *c);
/* Commit what waits now, as core_work does: for a change that must be durable at once. */
bool core_commit(struct core *c, struct err *err);
/* The revision of the newest change of wanted state. */
bool core_revision(struct core *c, int64_t *rev, struct err *err);

/*
 * A hint for databases to which each question is a journey: these calls come
 * next, and what they will ask first is asked together. n = 0: they came.
 */
struct core_named {
	const char *client;
	const char *topic; /* null: none */
	bool is_new;       /* the client will be made */
	bool is_change;
};
void core_ahead(struct core *c, const struct core_named *calls, size_t n);

/* --- Results ------------------------------------------------------------------ */

enum core_delivery_status { CORE_NOTHING = 0, CORE_QUEUED = 1, CORE_BROKER_AWAY = 2 };

struct core_delivery {
	int64_t revision;
	enum core_delivery_status status;
	int64_t recipients; /* devices that will be told */
};

struct core_names {
	const char **names;
	size_t n;
};

/* A setting that the caller may leave to the configuration. */
enum core_choice { CORE_DEFAULT, CORE_NO, CORE_YES };

/* What making a client or topic means that is there already; numbers of Existing in the API. */
enum core_existing {
	CORE_EXISTING_FAIL = 0,   /* ERR_EXISTS */
	CORE_EXISTING_SAME = 1,   /* stays as it is; ERR_EXISTS for a client with another key */
	CORE_EXISTING_KEEP = 2,   /* stays as it is, whatever its key */
	CORE_EXISTING_REPLACE = 3 /* as the single calls: a client's key is overwritten, a topic's
				     rotated */
};

/* --- Clients ------------------------------------------------------------------ */

/*
 * Create, or overwrite the key of, a client whose device was provisioned by
 * hand; nothing is sent before it announces itself or something else changes
 * for it, then all that it shall hold is. key: SK 32 bytes, PK the 32-byte
 * Ed25519 public key; all-zero or no good point is ERR_INVALID. PK: who holds
 * the overwritten public key is told with the next core_pubkey_send.
 */
bool core_client_new(struct core *c, const char *name, const uint8_t *key, size_t key_len,
		     struct core_delivery *out, struct err *err);
/* Forget it; rotates its topics when chosen (*rotated: how many). */
bool core_client_remove(struct core *c, const char *name, enum core_choice rotate, int64_t *rotated,
			struct core_delivery *out, struct err *err);
/* ResetTopics; its topics stay listed and come back with the next rotation or attach. */
bool core_client_reset(struct core *c, const char *name, struct core_delivery *out,
		       struct err *err);
/*
 * SetIDKey with a new key; the previous ones count until a receipt under the
 * new one came, 15 of them at most (ERR_PRECONDITION). PK: its peers and the
 * clients in its linked list get the public key then, or at once if the device
 * has never answered.
 */
bool core_client_new_key(struct core *c, const char *name, struct core_delivery *out,
			 struct err *err);
/* What it does with messages: consumers of a topic get a new key before producers. */
enum core_client_type {
	CORE_TYPE_AS_IT_WAS = -1, /* in a change */
	CORE_TYPE_UNKNOWN = 0,
	CORE_TYPE_PRODUCER = 1,
	CORE_TYPE_CONSUMER = 2,
	CORE_TYPE_BOTH = 3
};

/*
 * A tag is name or name=value, at most STORE_TAG_MAX bytes: the name of up to
 * 64 letters, digits and . _ - : /, the value of UTF-8 without control
 * characters, comma and semicolon. A client has one tag of a name, and at most
 * 32. Tags and type concern C2 alone: no device is told.
 */
struct core_traits {
	enum core_client_type type;
	char *const *add;
	size_t n_add;
	char *const *remove; /* a name alone takes the tag whatever its value */
	size_t n_remove;
};

bool core_client_change(struct core *c, const char *name, const struct core_traits *traits,
			struct err *err);
bool core_client_traits(struct core *c, const char *name, struct arena *arena,
			enum core_client_type *type, struct core_names *tags, struct err *err);
bool core_clients(struct core *c, struct store_page page, struct arena *arena,
		  struct core_names *out, struct err *err);
bool core_clients_count(struct core *c, int64_t *n, struct err *err);

/* --- Topics --------------------------------------------------------------------- */

/* Create, or rotate the key of, a topic: one small write however many members it has. */
bool core_topic_new(struct core *c, const char *topic, struct core_delivery *out, struct err *err);
bool core_topic_remove(struct core *c, const char *topic, struct core_delivery *out,
		       struct err *err);
bool core_topics(struct core *c, struct store_page page, struct arena *arena,
		 struct core_names *out, struct err *err);
bool core_topics_count(struct core *c, int64_t *n, struct err *err);

/* --- Membership ----------------------------------------------------------------- */

/* Attaching again sends the key again. */
bool core_attach(struct core *c, const char *client, const char *topic, struct core_delivery *out,
		 struct err *err);
bool core_detach(struct core *c, const char *client, const char *topic, enum core_choice rotate,
		 int64_t *rotated, struct core_delivery *out, struct err *err);
bool core_client_topics(struct core *c, const char *client, struct store_page page,
			struct arena *arena, struct core_names *out, struct err *err);
bool core_client_topics_count(struct core *c, const char *client, int64_t *n, struct err *err);
bool core_topic_clients(struct core *c, const char *topic, struct store_page page,
			struct arena *arena, struct core_names *out, struct err *err);
bool core_topic_clients_count(struct core *c, const char *topic, int64_t *n, struct err *err);

/* --- Links and public keys --------------------------------------------------------- */

bool core_link(struct core *c, const char *source, const char *target, struct err *err);
bool core_unlink(struct core *c, const char *source, const char *target, struct err *err);
bool core_links(struct core *c, const char *client, struct store_page page, struct arena *arena,
		struct core_names *out, struct err *err);
bool core_links_count(struct core *c, const char *client, int64_t *n, struct err *err);
bool core_pubkey_send(struct core *c, const char *source, const char *target,
		      struct core_delivery *out, struct err *err);
bool core_pubkey_remove(struct core *c, const char *source, const char *target,
			struct core_delivery *out, struct err *err);
bool core_pubkeys_reset(struct core *c, const char *target, struct core_delivery *out,
			struct err *err);
/*
 * SetC2Key for every client; up to 4 previous ones count until no client can hold them any more
 * (ERR_PRECONDITION). drop_oldest: then the oldest is forgotten, and who confirmed none of the
 * others is out of reach if that is what it holds.
 */
bool core_new_c2_key(struct core *c, bool force, bool drop_oldest, struct core_delivery *out,
		     struct err *err);
/* The newest public key, which a device is provisioned with. */
bool core_c2_public_key(struct core *c, uint8_t key[32], struct err *err);

/* --- Messages ---------------------------------------------------------------------- */

/* Symmetric format in both modes; *out (len + 24, or len - 24 bytes) lives in the arena. */
bool core_protect(struct core *c, const char *topic, const uint8_t *in, size_t len,
		  struct arena *arena, uint8_t **out, size_t *out_len, struct err *err);
bool core_unprotect(struct core *c, const char *topic, const uint8_t *in, size_t len,
		    struct arena *arena, uint8_t **out, size_t *out_len, struct err *err);

/* --- State --------------------------------------------------------------------------- */

struct core_topic_status {
	int64_t revision;
	int64_t rotated_at; /* Unix seconds */
	struct store_progress progress;
	/*
	 * Of a topic with more members than CORE_COUNT_AT_ONCE it is the last count;
	 * until there is one, who is not counted yet is waiting.
	 */
	int64_t counted;
	int64_t counted_at; /* Unix seconds */
};

enum { CORE_COUNT_AT_ONCE = 10000 };

/* In the bits of core_search.states: 1 << state. */
enum core_client_state { CORE_CLIENT_WAITING = 0, CORE_CLIENT_SENT = 1, CORE_CLIENT_CONFIRMED = 2 };

struct core_client_status {
	int64_t revision; /* what it shall have */
	int64_t sent_rev;
	int64_t confirmed_rev;
	enum core_client_state state;
	bool key_pending;     /* a SetIDKey or SetC2Key is not confirmed */
	bool receipts;        /* it has answered with a receipt */
	int64_t last_seen;    /* Unix seconds; 0 never */
	int64_t next_at;      /* 0: none */
	int64_t since;        /* not confirmed since then; 0: it is */
	int64_t clock_offset; /* seconds */
	const char *reason;   /* a sentence, static */
	int64_t key_rev;      /* at which it got its key */
	int64_t key_at;       /* when that was, Unix seconds; 0: before it was noted */
	enum core_client_type type;
	struct core_names tags;
};

bool core_topic_status(struct core *c, const char *topic, struct core_topic_status *out,
		       struct err *err);
/* With its tags if there is an arena. */
bool core_client_status(struct core *c, const char *client, struct arena *arena,
			struct core_client_status *out, struct err *err);

/* What a client's row alone says of its device. */
struct core_device {
	const char *name;
	enum core_client_type type;
	int64_t last_seen; /* Unix seconds; 0 never: it gave no receipt */
	bool away;         /* it has given receipts, but none to what was sent more than once */
	int64_t topics;    /* that it is attached to; -1: not counted */
};

struct core_devices {
	struct core_device *rows;
	size_t n;
};

/* The topic's members: of more than limit a sample from all over. Topics are counted of a few. */
bool core_topic_devices(struct core *c, const char *topic, size_t limit, struct arena *arena,
			struct core_devices *out, struct err *err);
bool core_client_device(struct core *c, const char *client, struct arena *arena,
			struct core_devices *out, struct err *err);

/* What is known without a look at the members; one that is not there is no error. */
struct core_topic_facts {
	bool exists;
	int64_t revision;
	int64_t rotated_at; /* Unix seconds */
	int64_t members;
};

struct core_client_facts {
	bool exists;
	int64_t key_revision; /* at which its key became the wanted one */
	int64_t key_at;       /* when that was, Unix seconds; 0: before it was noted */
	bool key_pending;     /* it has not confirmed that key */
};

bool core_topic_facts(struct core *c, const char *topic, struct core_topic_facts *out,
		      struct err *err);
bool core_client_facts(struct core *c, const char *client, struct core_client_facts *out,
		       struct err *err);

/* A client that has not confirmed what it shall have, as far as its row tells. */
struct core_behind_client {
	const char *name;
	enum core_client_state state; /* waiting or sent */
	bool receipts;
	int64_t since; /* Unix seconds */
	int64_t last_seen, next_at;
	const char *reason;
};

struct core_behind {
	struct core_behind_client *clients;
	size_t n;
	int64_t next; /* after which to go on; 0: that was all */
};

/*
 * Those of a topic, or of all clients (topic null), in the order of their
 * making, after the cursor (0 at first), at most count. A call looks at a
 * bounded number of clients, so fewer than count may come before the end.
 */
bool core_clients_behind(struct core *c, const char *topic, int64_t after, int64_t count,
			 struct arena *arena, struct core_behind *out, struct err *err);

/* How far our newest key has come. */
struct core_c2_key_status {
	int64_t revision;
	int64_t clients;
	int64_t confirmed;
	int64_t older_keys; /* that some client may still hold */
	int64_t given_up;   /* clients that confirmed none of the keys that are left */
};

bool core_c2_key_status(struct core *c, struct core_c2_key_status *out, struct err *err);

/* --- Search --------------------------------------------------------------------------- */

/* What a client must be to be found; empty and 0: anything. */
struct core_search {
	const char *prefix;
	const char *contains;
	char *const *tags; /* all of them */
	size_t n_tags;
	enum core_client_type type;
	unsigned states;    /* bits of enum core_client_state */
	const char *cursor; /* where the page before ended */
	int64_t limit;
	bool with_topics;
};

struct core_found_client {
	const char *name;
	enum core_client_type type;
	enum core_client_state state;
	const char *reason;
	int64_t last_seen;
	struct core_names tags, topics;
};

struct core_found_topic {
	const char *name;
	int64_t members;
	int64_t revision;
	int64_t rotated_at;
};

enum { CORE_SEARCH_MAX = 1000 };

/* A page in order of name; cursor is empty at the end. May hold fewer than limit, even none. */
struct core_found_clients {
	struct core_found_client *rows;
	size_t n;
	const char *cursor;
};

struct core_found_topics {
	struct core_found_topic *rows;
	size_t n;
	const char *cursor;
};

bool core_search_clients(struct core *c, const struct core_search *search, struct arena *arena,
			 struct core_found_clients *out, struct err *err);
/* Of the search prefix, contains, cursor and limit count. */
bool core_search_topics(struct core *c, const struct core_search *search, struct arena *arena,
			struct core_found_topics *out, struct err *err);

/* --- Records -------------------------------------------------------------------------- */

/*
 * What lies beside clients and topics in the database, for other parts of the
 * server: rows of a kind whose body is theirs, written by core_batch alone. The
 * version decides between several writers, on whatever server: of those who
 * have read the same one, one succeeds.
 */
struct core_record {
	int32_t kind;    /* from 1 */
	int64_t id;      /* 0: a new one, never given before */
	int64_t owner;   /* 0: none */
	int64_t version; /* that is to be there; 0: none is, this makes it */
	const uint8_t *body;
	size_t len;  /* at most STORE_RECORD_MAX */
	bool remove; /* instead of writing it */
};

struct core_records {
	struct core_record *rows;
	size_t n;
};

enum { CORE_RECORDS_MAX = 1000, CORE_TRIM_MAX = 1000 };

bool core_record(struct core *c, int32_t kind, int64_t id, struct arena *arena,
		 struct core_record *out, struct err *err);
/*
 * Those of an owner, or of all (0), in order of id: after after_id, or newest
 * first and below after_id (0: from the newest); at most limit, and CORE_RECORDS_MAX.
 */
bool core_records(struct core *c, int32_t kind, int64_t owner, int64_t after_id, int64_t limit,
		  bool newest_first, struct arena *arena, struct core_records *out,
		  struct err *err);

/* --- Many at once --------------------------------------------------------------------- */

enum core_op_kind {
	CORE_OP_CLIENT_NEW,
	CORE_OP_CLIENT_REMOVE,
	CORE_OP_CLIENT_NEW_KEY,
	CORE_OP_CLIENT_CHANGE,
	CORE_OP_TOPIC_NEW,
	CORE_OP_TOPIC_ROTATE,
	CORE_OP_TOPIC_REMOVE,
	CORE_OP_ATTACH,
	CORE_OP_DETACH
};

struct core_op {
	enum core_op_kind kind;
	const char *client;
	const char *topic;
	const uint8_t *key; /* CLIENT_NEW */
	size_t key_len;
	struct core_traits traits; /* CLIENT_NEW (type and add), CLIENT_CHANGE */
	char *const *topics;       /* CLIENT_NEW: to attach it to */
	size_t n_topics;
};

struct core_batch {
	const struct core_op *ops;
	size_t n; /* 1 to CORE_BATCH_MAX, or 0 with records or a trim */
	enum core_existing existing;
	enum core_choice rotate; /* topics that clients leave: each once, at the end */
	bool make_topics;        /* that a client is attached to and that are not there */
	bool dry_run;            /* all checks, no change */
	const char *id; /* a batch of the id of one of the last 256 is not done again; may be empty
			   or null */
	/*
	 * Written before the operations, in their transaction: if one is of another
	 * version, nothing of the batch is done (ERR_CONFLICT, "record N: "). When all
	 * is done, id and version are what they are now.
	 */
	struct core_record *records;
	size_t n_records; /* at most CORE_BATCH_MAX */
	/*
	 * Then of this kind (0: no trim) and owner (0: all) only the trim_keep newest
	 * stay; at most CORE_TRIM_MAX go in one batch.
	 */
	int32_t trim_kind;
	int64_t trim_owner, trim_keep;
};

struct core_batch_result {
	int64_t changed;
	int64_t same; /* operations that found done what they would do */
	int64_t rotated;
	bool repeated; /* done before: nothing was done now */
	struct core_delivery delivery;
};

enum { CORE_BATCH_MAX = 10000, CORE_BATCH_ID_MAX = 64 };

/*
 * All of it in one transaction, or nothing, and the error begins with
 * "operation N: ". Unless existing is FAIL, removing and detaching what is not
 * there is found done.
 */
bool core_batch(struct core *c, const struct core_batch *batch, struct core_batch_result *out,
		struct err *err);

struct core_group {
	struct core_search search; /* at least one condition, or all */
	bool all;
	enum core_op_kind kind; /* ATTACH, DETACH, CLIENT_NEW_KEY */
	const char *topic;
	enum core_choice rotate; /* once, with the last page */
};

/* One page of a group, in one transaction; *cursor (in the arena) is empty after the last. */
bool core_group_change(struct core *c, const struct core_group *group, struct arena *arena,
		       struct core_batch_result *out, const char **cursor, struct err *err);

enum core_mode core_crypto_mode(const struct core *c);

struct core_health {
	bool ok;
	struct err store, custody; /* code ERR_OK when well */
	bool bus_up;
	char bus_why[128];
};

void core_health(struct core *c, struct core_health *out);

/* --- Events ---------------------------------------------------------------------------- */

/* Numbers of EventType in the API, stored. */
enum core_event_type {
	CORE_EVENT_SUBSCRIBED = 1,
	CORE_EVENT_UNSUBSCRIBED = 2,
	CORE_EVENT_CLIENT_REMOVED = 100, /* no target; after the UNSUBSCRIBED of its topics */
	CORE_EVENT_ALARM = 101
};

/*
 * An event of the type ALARM, about a client, a topic or both; the other is
 * empty. Neither has to be known here.
 */
bool core_alarm(struct core *c, const char *client, const char *topic, struct err *err);

/* A page of events; those from number first on are kept, so a gap before it is a loss. */
struct core_events {
	struct store_event *rows;
	size_t n;
	int64_t first;
};

/*
 * For a reader that keeps its place: the events after a number, 1 to limit;
 * *last (may be null): the number of the last there is. With out->first above
 * after + 1, some are gone for good (trimmed, or the numbers went on after a
 * restore); with *last below after, the database is an older one. What waits
 * for the commit of a group is committed first: numbers of events that are
 * undone are given again.
 */
bool core_events_after(struct core *c, int64_t after, int64_t limit, struct arena *arena,
		       struct core_events *out, int64_t *last, struct err *err);

/*
 * A listener gets each event once, in order, after its change is durable.
 * after: number of the last event it has seen (older ones come first, as far
 * as they are kept), or -1 for "from now on".
 */
struct core_listener;
struct core_listener *core_listen(struct core *c, int64_t after,
				  void (*fn)(void *ctx, const struct store_event *event), void *ctx,
				  struct err *err);
void core_unlisten(struct core_listener *l);

#endif
