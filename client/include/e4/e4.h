/*
 * E4 for devices: protect what is sent, unprotect what is received, follow
 * the commands of the key server (protocol.md).
 *
 * Holds for every function here:
 * - Memory: the caller owns everything. Nothing is allocated, there are no
 *   globals; one struct e4_client is used by one thread at a time.
 * - Lengths are in bytes. Buffers for messages may be the same memory only
 *   where a function says so.
 * - Results: E4_OK is 0; values below E4_ERR are successes, the others are
 *   errors. On an error nothing has changed: not the client, not the store,
 *   and output buffers hold no plaintext.
 * - Secrets are handled in constant time and wiped when they are replaced.
 *
 * How to use, in order:
 *   1. fill a struct e4_config, e4_init();
 *   2. e4_load(); when it says E4_ERR_NO_STATE, e4_provision();
 *   3. subscribe to e4_client_control_topic(), publish e4_announce() on
 *      e4_client_receipt_topic();
 *   4. for each topic once: e4_topic_init(); then e4_protect(), e4_unprotect();
 *   5. give messages of the control topic to e4_unprotect() too; when it says
 *      E4_REPORT, publish e4_receipt() on the receipt topic.
 * Without a key server: e4_set_topic_key() in place of 3 and 5.
 */
#ifndef E4_E4_H
#define E4_E4_H

#include "e4/protocol.h"

#ifdef __cplusplus
extern "C" {
#endif

enum e4_result {
	E4_OK = 0,
	E4_COMMAND = 1, /* a command of C2 was carried out and stored; no plaintext */
	E4_REPORT = 2,  /* as E4_COMMAND, and C2 asks for e4_receipt() */
	E4_ERR = 16,
	E4_ERR_LENGTH = 16, /* too short or too long to be a message */
	E4_ERR_AUTH,        /* not authentic under any key that counts */
	E4_ERR_SIGNATURE,   /* PK: the signature is wrong */
	E4_ERR_FUTURE,      /* authentic, but stamped ahead of our clock */
	E4_ERR_TOO_OLD, /* authentic, but older than the validity, or below the high-water mark */
	E4_ERR_NO_TOPIC_KEY, /* no key for this topic: C2 has not attached us */
	E4_ERR_NO_PUBKEY,    /* PK: the sender, or the peer to remove, is not known */
	E4_ERR_REPLAYED,     /* this very message was accepted before */
	E4_ERR_COMMAND,      /* authentic, but no command that we know */
	E4_ERR_STORE,        /* the store failed; the state is as before */
	E4_ERR_PARAM,        /* bad parameter */
	E4_ERR_SPACE,        /* the output buffer is too small */
	E4_ERR_FULL,         /* no free entry for another topic or peer */
	E4_ERR_NO_STATE,     /* nothing was stored yet, or the client is nobody yet */
	E4_ERR_CORRUPT,      /* what was stored is damaged, or of another mode or version */
	E4_ERR_NO_TIME       /* no time is known yet (no clock, and no command came so far) */
};

/* A few words of English for a result. */
const char *e4_result_text(enum e4_result r);

/* --- What the platform provides -------------------------------------------- */

/*
 * The store keeps one state. Saving is a stream: save_begin, save_write until
 * all bytes are given, save_commit. Until save_commit returns true the old
 * state must stay readable, after it the new one must, whenever the power
 * goes; what the old state held must then be gone from the medium as far as
 * the medium allows. Loading: load_begin tells the length, then load_read.
 * All functions null: nothing is kept (RAM only): every change works, and after
 * a start e4_load() says E4_ERR_NO_STATE, so provision.
 */
struct e4_store {
	void *ctx;
	bool (*save_begin)(void *ctx, size_t len);
	bool (*save_write)(void *ctx, const void *bytes, size_t len);
	bool (*save_commit)(void *ctx);
	/* False with *len = 0: nothing stored. False with another *len: unreadable. */
	bool (*load_begin)(void *ctx, size_t *len);
	bool (*load_read)(void *ctx, void *out, size_t len);
};

/* Seconds since the Unix epoch; false while unknown. */
typedef bool e4_now_fn(void *ctx, uint64_t *seconds);

enum e4_clock {
	/*
	 * now() is right within the future allowance. While it is further behind
	 * the last command than that, it was put back, and commands are judged by
	 * their order alone, so that C2 can still reach us.
	 */
	E4_CLOCK_RELIABLE,
	E4_CLOCK_NONE /* time comes from C2's commands, forwards only; now() is not called */
};

/* --- Memory that the caller gives ------------------------------------------ */

struct e4_topic_key {
	uint8_t hash[16];
	uint8_t key[32];
	uint8_t old_key[32];  /* counts while switched_at is not 0 and the grace period runs */
	uint64_t switched_at; /* seconds; 0: no old key */
};

struct e4_peer {
	uint8_t id[16];
	uint8_t public_key[32];
};

/* One message accepted (receiver) or sent (sender) within the window. */
struct e4_seen {
	uint8_t digest[16];
	uint64_t stamp; /* 0: free */
};

/*
 * One expanded topic key. With a cache, protecting and unprotecting expand a
 * key once and not for each message: worth about a kilobyte per busy topic on
 * a host, too much on most boards. Entries are found by the key itself, so a
 * stale one is never used, and are wiped when a topic key goes.
 */
struct e4_key_cache {
	bool filled;
	uint8_t key[32];
	struct e4_siv_key expanded;
};

struct e4_mode; /* sizes and functions of one mode of the protocol */
extern const struct e4_mode e4_mode_sk;
#ifndef E4_SK_ONLY
extern const struct e4_mode e4_mode_pk;
#endif

struct e4_config {
	const struct e4_mode *mode;
	struct e4_topic_key *topics; /* n_topics entries */
	uint16_t n_topics;
#ifndef E4_SK_ONLY
	struct e4_peer *peers; /* PK: n_peers entries */
	uint16_t n_peers;
#endif
#ifndef E4_NO_REPLAY
	/*
	 * Replay memory of the receiver; null: off. Usual: off in SK mode (equal
	 * readings of two sensors in one second are equal bytes there), on in PK
	 * mode, with as many entries as messages may arrive within the validity;
	 * when it is full, the message with the oldest stamp is forgotten, and a
	 * repeat of it within the validity is taken. It is not stored: what came
	 * before a restart is not remembered.
	 */
	struct e4_seen *seen;
	uint16_t n_seen;
	/*
	 * The sender's last messages, so that none of them goes out again as the
	 * same bytes; null: off. A few entries are enough: it matters for equal
	 * payloads within one second, of which n_sent + 1 stay distinct. Without
	 * a clock the second lasts until C2's next command: put a counter into the
	 * payload there.
	 */
	struct e4_seen *sent;
	uint16_t n_sent;
#endif
#ifndef E4_NO_CACHE
	struct e4_key_cache *cache; /* expanded topic keys; null: expand for each message */
	uint16_t n_cache;
#endif
#ifndef E4_NO_STORE
	struct e4_store store;
#endif
	e4_now_fn *now;
	void *now_ctx;
	enum e4_clock clock;
	/* UINT32_MAX: no limit */
	uint32_t validity_s; /* 0: E4_VALIDITY_S */
	uint32_t future_s;   /* as given; E4_FUTURE_S is the usual value */
	uint32_t grace_s;    /* as given; E4_GRACE_S is the usual value; 0: no old keys */
	bool no_window;      /* with E4_CLOCK_NONE: accept application messages of any age */
#ifndef E4_SK_ONLY
	/*
	 * PK: accept who is not known, signature unchecked. Whoever has the topic's
	 * key can then write in any unknown name, and anybody can repeat a message
	 * under another such name: use it for what any holder of the key may say.
	 */
	bool allow_unknown_senders;
#endif
};

/* The longest identity key of any mode. */
#ifdef E4_SK_ONLY
#define E4_IDENTITY_MAX 32
#else
#define E4_IDENTITY_MAX 64
#endif

/* Fields are private; the struct is public so that the caller can place it. */
struct e4_client {
	struct e4_config cfg;
	uint16_t topics_used; /* both tables are kept in ascending order of their names */
#ifndef E4_SK_ONLY
	uint16_t peers_used;
#endif
#ifndef E4_NO_REPLAY
	uint16_t sent_next;
#endif
	bool provisioned;
	bool report_entries; /* the last ReportState asked for entries */
	uint8_t id[16];
	uint8_t key[E4_IDENTITY_MAX]; /* SK: 32 bytes; PK: Ed25519 private key */
	uint8_t control_key[32];      /* SK: the key; PK: computed once (section 3) */
#ifndef E4_SK_ONLY
	uint8_t c2_public[32]; /* PK */
#endif
	uint8_t nonce[16];   /* of the last ReportState */
	uint64_t high_water; /* highest stamp of a state-changing command */
	uint64_t time_seen;  /* E4_CLOCK_NONE: the time as C2 last told it */
};

/* --- Life ------------------------------------------------------------------ */

/*
 * Take the configuration and clear the tables that it names. E4_ERR_PARAM: it
 * contradicts itself (a table of no address, half a store, a clock without a
 * function, no_window with a clock).
 */
enum e4_result e4_init(struct e4_client *c, const struct e4_config *cfg);

/*
 * Read the stored state; it is read twice, first only to check it.
 * E4_ERR_NO_STATE: provision. E4_ERR_CORRUPT: damaged, provision again.
 * E4_ERR_FULL: more topics or peers than entries. E4_ERR_STORE: unreadable; if
 * that happens in the second reading, the client is nobody afterwards.
 */
enum e4_result e4_load(struct e4_client *c);

/*
 * SK: become this client, without topics, and store it. What it was before is
 * gone. E4_ERR_PARAM: an all-zero key, or not the client's mode.
 */
enum e4_result e4_provision_sk(struct e4_client *c, const uint8_t id[16], const uint8_t key[32]);

/*
 * PK: the same; private_key is seed | public key. E4_ERR_PARAM also for a wrong
 * public half and a C2 key of small order. Costs three scalar products.
 */
enum e4_result e4_provision_pk(struct e4_client *c, const uint8_t id[16],
			       const uint8_t private_key[64], const uint8_t c2_public[32]);

/* Erase all secrets from memory (not from the store). */
void e4_client_wipe(struct e4_client *c);

void e4_client_control_topic(const struct e4_client *c, char topic[E4_CONTROL_TOPIC_LEN + 1]);
void e4_client_receipt_topic(const struct e4_client *c, char topic[E4_RECEIPT_TOPIC_LEN + 1]);

/* --- Messages --------------------------------------------------------------- */

/* A topic as one client uses it: the hash of its name is computed once. */
struct e4_topic {
	uint8_t hash[16];
	uint16_t slot;   /* where its key was last time: a hint */
	uint8_t control; /* it is the client's control topic */
};

/*
 * Prepare a topic by name, for this client; also its own control topic, for
 * e4_unprotect() only. E4_ERR_PARAM: no topic that can have a key, or another's
 * control topic, or a receipt topic. E4_ERR_NO_STATE: the client is nobody yet.
 */
enum e4_result e4_topic_init(struct e4_topic *t, const struct e4_client *c, const char *name,
			     size_t len);

/* Bytes that protecting adds in the client's mode. */
size_t e4_overhead(const struct e4_client *c);

/*
 * Protect len bytes into out (len + e4_overhead() bytes; section 5). in may be
 * exactly where the ciphertext goes (out + 24, in PK mode out + 40), else no
 * overlap. E4_ERR_SPACE, E4_ERR_NO_TOPIC_KEY, E4_ERR_NO_TIME. Without a key the
 * library never sends in clear; that is the application's to decide.
 */
enum e4_result e4_protect(struct e4_client *c, struct e4_topic *t, uint8_t *out, size_t out_cap,
			  size_t *out_len, const uint8_t *in, size_t len);

/*
 * Unprotect a message into out (needs in_len - e4_overhead() bytes, no overlap
 * with in; a command needs none). E4_OK: out holds the plaintext. E4_COMMAND
 * and E4_REPORT: *out_len is 0, and what changed is stored.
 *
 * Order of judgement (section 5): topic key known, in PK mode sender known and
 * signature right, authentic under the current key or the old one within its
 * grace period, time, replay. So what a result says about time or replay is
 * said of authentic messages only.
 */
enum e4_result e4_unprotect(struct e4_client *c, struct e4_topic *t, uint8_t *out, size_t out_cap,
			    size_t *out_len, const uint8_t *in, size_t in_len);

#ifndef E4_NO_CACHE
/* One of many. The buffers obey the rules of its own call and overlap no other message's. */
struct e4_message {
	struct e4_topic *topic; /* may be shared */
	const uint8_t *in;
	size_t len; /* of in */
	uint8_t *out;
	size_t out_cap;
	size_t out_len; /* written */
	enum e4_result result;
};

/*
 * For gateways: as e4_protect() and e4_unprotect() of each message in turn, with
 * the same results, commands among them included; but several times as fast
 * with a key cache that has places for the busy topics (e4_siv_seal_batch).
 * Without a cache, one by one. Takes 8 KB of stack.
 */
void e4_protect_batch(struct e4_client *c, struct e4_message *messages, size_t n);
void e4_unprotect_batch(struct e4_client *c, struct e4_message *messages, size_t n);
#endif

/* --- Receipts ---------------------------------------------------------------- */

/* The answer to the last ReportState; lists as many topics as fit when C2 asked for them. */
enum e4_result e4_receipt(struct e4_client *c, uint8_t *out, size_t out_cap, size_t *out_len);

/* "Here I am": publish it after each connect. E4_OVERHEAD_SK + E4_RECEIPT_FIXED bytes. */
enum e4_result e4_announce(struct e4_client *c, uint8_t *out, size_t out_cap, size_t *out_len);

/* --- Keys set by the application, without a key server ----------------------- */

/*
 * Each is stored before it returns. E4_ERR_STORE: as before. E4_ERR_FULL: no
 * free entry. E4_ERR_NO_STATE: the client is nobody yet. Setting a key that
 * differs makes the current one the old one, as a command does (section 6).
 * E4_ERR_PARAM: a control topic, an all-zero key, a public key that is no good
 * point, peers in SK mode. Removing a topic that is not there is no error;
 * removing such a peer is E4_ERR_NO_PUBKEY.
 */
enum e4_result e4_set_topic_key(struct e4_client *c, const struct e4_topic *t,
				const uint8_t key[32]);
enum e4_result e4_remove_topic(struct e4_client *c, const struct e4_topic *t);
enum e4_result e4_reset_topics(struct e4_client *c);
enum e4_result e4_set_peer(struct e4_client *c, const uint8_t id[16], const uint8_t public_key[32]);
enum e4_result e4_remove_peer(struct e4_client *c, const uint8_t id[16]);
enum e4_result e4_reset_peers(struct e4_client *c);

#ifdef __cplusplus
}
#endif
#endif
