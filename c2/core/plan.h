/*
 * What to send to one device, decided: pure functions of what the database
 * says about it, of the time and of a few random bytes. Nothing here reads,
 * writes or sends; delivery.c and receive.c do what a plan says.
 *
 * A device shall hold: its wanted key; each topic whose member row and topic
 * are not removed and whose revision is newer than the last ResetClient; PK:
 * its peers' public keys by the same rule, and our newest C2 key.
 *
 * How revisions steer the sending:
 * - what is newer than sent_rev has never been sent and goes out when due;
 * - when no receipt came in time, sent_rev falls back to confirmed_rev: what is
 *   newer than that goes out again, the newest keys only, with growing pauses
 *   and without end;
 * - a device with receipts that was silent to three such sends is away
 *   (plan_is_away): it announces itself when it is back, so from then on it is
 *   only asked, in case that is lost, and a rotation hastens nothing. Its first
 *   sign of life brings all that is not confirmed;
 * - a device that has never given a receipt may be one that gives none
 *   (plan_is_legacy): all of it is sent each time, its pauses grow further. What
 *   it shall be rid of is repeated for a hundred of the longest pauses (its
 *   recheck_at), afterwards only when it is seen;
 * - a batch that does not fit ends at a revision, the next one goes on there;
 * - a receipt whose digest agrees lifts confirmed_rev to the current revision.
 *
 * Stamps (protocol.md section 5): every batch is stamped above the last one;
 * inside it a reset is one below what follows it, and no two other commands
 * touch the same thing. No stamp is ahead of the device's clock, as far as we
 * know it; a batch that would be by up to a minute waits. When the last stamp
 * is further ahead (a clock stepped), it goes out anyway at the pace of
 * retries: a device without a clock takes it, another one refuses it unharmed.
 * ReportState changes nothing on a device, so it may also be stamped by another
 * guess of the device's clock, below the last stamp too; its nonce then tells
 * which guess was answered. An answer to such a lower stamp proves that the
 * device took no command above it, and the last stamp follows it down.
 */
#ifndef C2_CORE_PLAN_H
#define C2_CORE_PLAN_H

#include "c2/core/store.h"
#include "e4/protocol.h"

/* Why a client is not confirmed; stored, never reuse a number. */
enum delivery_reason {
	REASON_NONE = 0,
	REASON_SENT = 1,            /* waits for its receipt */
	REASON_SILENT = 2,          /* sent three times, no receipt */
	REASON_OLD_KEY = 3,         /* its receipt came under an older key */
	REASON_DIFFERS = 4,         /* its digest differs: asked for its topics */
	REASON_REPAIRED_TOPICS = 5, /* what differed was sent */
	REASON_REPAIRED_PEERS = 6,
	REASON_STUCK = 7,     /* and differs still: tried again with growing pauses */
	REASON_ANNOUNCED = 8, /* it announced itself and will be asked */
	REASON_CUSTODY = 9,   /* its keys cannot be opened */
	REASON_SEEN = 10,     /* somebody says that it is there: it will be sent to */
	REASON_TOLD = 11 /* no receipts: told for long what to remove, and holds nothing else */
};

enum plan_wish {
	PLAN_HOLD,    /* shall hold it */
	PLAN_DROP,    /* shall be told to remove it */
	PLAN_WITHHELD /* was reset since: shall not hold it, though attached */
};

struct plan_topic {
	uint8_t hash[16];
	enum plan_wish wish;
	int64_t rev;
	uint8_t key[32]; /* PLAN_HOLD, when opened */
};

struct plan_peer {
	uint8_t e4id[16];
	enum plan_wish wish;
	int64_t rev;
	uint8_t public_key[32];
};

enum { PLAN_KEYS_MAX = 16, PLAN_C2_KEYS_MAX = 5 };

/* All that counts about one client. view.c fills it. */
struct plan_view {
	struct store_client row;
	bool pubkey;
	int64_t revision;          /* the counter as of this view */
	struct plan_topic *topics; /* ascending hash, each once */
	size_t n_topics;
	struct plan_peer *peers; /* PK: ascending id */
	size_t n_peers;
	bool has_removed; /* rows that are forgotten once the device has confirmed */

	/* Keys that the device may hold, oldest first; the last is the wanted one. */
	int64_t key_revs[PLAN_KEYS_MAX];
	size_t n_keys;
	int64_t c2_revs[PLAN_C2_KEYS_MAX]; /* SK: one dummy */
	size_t n_c2;
	uint8_t control[PLAN_KEYS_MAX * PLAN_C2_KEYS_MAX][32]; /* [key * n_c2 + c2] */
	uint8_t id_secret[64]; /* what SetIDKey carries, when n_keys > 1 */
	uint8_t c2_public[32]; /* PK: our newest */
};

/* The rest of what a decision depends on. */
struct plan_input {
	int64_t now;
	int64_t receipt_wait_s, retry_max_s, announce_gap_s;
	int64_t legacy_max_s; /* longest pause of a device without receipts */
	int64_t hint_s;       /* device clock minus ours as its announcement said; 0: none */
	uint8_t nonce[16];    /* random */
	uint8_t jitter;       /* random */
	size_t room;          /* messages that the bus takes now */
};

enum plan_audience {
	PLAN_ALL,     /* under every control key */
	PLAN_OLD_IDS, /* under those of older client keys */
	PLAN_OLD_C2   /* under those of older C2 keys */
};

struct plan_command {
	uint64_t stamp;
	uint8_t audience; /* enum plan_audience */
	uint8_t len;
	uint8_t bytes[E4_COMMAND_MAX];
};

enum plan_verdict {
	PLAN_WRITE,  /* write the row; send the commands, if any, after the commit */
	PLAN_NO_ROOM /* leave it as it is until the bus has room */
};

struct plan {
	enum plan_verdict verdict;
	struct store_client row; /* as it shall be written */
	struct plan_command *commands;
	size_t n, cap;
	/* After a receipt: */
	int64_t drop_keys_before; /* old keys with a lower revision are proven to be out of use; 0:
				     none */
	bool key_confirmed;       /* the wanted key is in use, there was an older one */
	bool c2_confirmed;        /* a newer C2 key is in use */
	bool confirmed;           /* all of it: removed rows can go */
	bool stamp_lowered;
};

void plan_init(struct plan *p, const struct plan_view *v);
/* Wipes what plan_add took. */
void plan_free(struct plan *p);

/* Messages that the commands make. */
size_t plan_messages(const struct plan *p, const struct plan_view *v);
/* Does this command go out under this control key? */
bool plan_hears(const struct plan_view *v, size_t control, const struct plan_command *cmd);

/* The client's time has come. Of one that is away the view needs neither topics nor peers. */
void plan_due(struct plan *p, const struct plan_view *v, const struct plan_input *in);

/* An announcement came. False: nothing changes (so that a flood writes nothing). */
bool plan_announced(struct plan *p, const struct plan_view *v, const struct plan_input *in);

/*
 * A device that has given no receipt since it was provisioned. It gets all that
 * others get and stays "sent"; its first answer makes it like the others.
 */
static inline bool plan_is_legacy(const struct store_client *row)
{
	return row->last_seen == 0;
}

/* It is only asked until it answers or announces itself: no topic or peer of it is looked at. */
static inline bool plan_is_away(const struct store_client *row)
{
	return row->reason == REASON_SILENT && !plan_is_legacy(row);
}

/*
 * A message that proves nothing (presence at the broker, a sender's id) says
 * that the device is there. False: nothing changes, as for an announcement.
 */
bool plan_seen(struct plan *p, const struct plan_view *v, const struct plan_input *in);

/* Which question a nonce answers: 0.., or -1 if it was never asked. */
int plan_nonce_matches(const struct store_client *row, const uint8_t nonce[16]);

/* The receipt asked for came, under this control key, to this question. */
void plan_receipt(struct plan *p, const struct plan_view *v, const struct plan_input *in,
		  const struct e4_receipt *r, size_t control, int question);

/* The digest of what the device shall hold (all keys must be opened). */
void plan_digest(const struct plan_view *v, uint8_t digest[32]);

/* The newest revision among all that it shall hold or drop; 0: nothing. */
int64_t plan_wanted_rev(const struct plan_view *v);

#endif
