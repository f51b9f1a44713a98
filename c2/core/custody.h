/*
 * Who may see keys. Every key in the database is sealed by a backend of this
 * interface, bound to what it is and whose it is: a sealed key copied to
 * another row, table or purpose does not open.
 *
 * Backends: soft.c (master key from a passphrase or a key file).
 */
#ifndef C2_CORE_CUSTODY_H
#define C2_CORE_CUSTODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SEALED_MAX 128 /* longest sealed key; a 64-byte private key and its overhead fit */

/* A sealed key as it lies in the database. len 0: there is none. */
struct sealed {
	uint8_t len;
	uint8_t bytes[SEALED_MAX];
};

/* What a key is for; part of what it is bound to. The numbers are stored: never reuse one. */
enum custody_purpose {
	/* SK: the client's key; PK: its public key. row: client id | key revision */
	CUSTODY_CLIENT_KEY = 1,
	CUSTODY_CLIENT_PRIVATE = 2, /* PK: a private key on its way to its client. row: as above */
	CUSTODY_TOPIC_KEY = 3,      /* row: topic hash | key revision */
	CUSTODY_C2_KEY = 4,         /* PK: our X25519 private key. row: key revision */
	CUSTODY_CHECK = 5,          /* the key-check value */
	CUSTODY_BACKUP = 6          /* the hash of a backup. row: a fixed text */
};

#define CUSTODY_ROW_MAX 32 /* bytes that name a row, at least 1 */
#define CUSTODY_KEY_MAX 64 /* longest key */

/* meta: how far a change of the master key has come; empty: none is under way (rekey.c). */
#define CUSTODY_CHANGE "custody_change"

enum custody_state {
	CUSTODY_FIXED,    /* one master key */
	CUSTODY_PREPARED, /* a second one is known, for a change that may begin any time */
	CUSTODY_CHANGING, /* what is sealed is sealed under the second; either opens */
	CUSTODY_CHANGED   /* since this custody was opened: only the second counts */
};

struct custody_ops {
	/* Seal len (1..64) bytes for one purpose and row. */
	bool (*seal)(void *ctx, struct sealed *out, enum custody_purpose purpose,
		     const uint8_t *row, size_t row_len, const uint8_t *key, size_t len,
		     struct err *err);
	/* Open what must have exactly len bytes; ERR_CUSTODY if it was not sealed for this. */
	bool (*open)(void *ctx, uint8_t *key, size_t len, enum custody_purpose purpose,
		     const uint8_t *row, size_t row_len, const struct sealed *in, struct err *err);
	/* True if keys can be sealed and opened now. */
	bool (*check)(void *ctx, struct err *err);
	void (*close)(void *ctx);
	/* Changes of the master key; both may be null. state as of now, for all servers. */
	bool (*state)(void *ctx, enum custody_state *state, struct err *err);
	/* Nothing is left under the first key: forget it. Needs a transaction. */
	bool (*changed)(void *ctx, struct err *err);
};

struct custody {
	const struct custody_ops *ops;
	void *ctx;
};

/* Checking wrappers; key is wiped on failure. */
bool custody_seal(const struct custody *c, struct sealed *out, enum custody_purpose purpose,
		  const uint8_t *row, size_t row_len, const uint8_t *key, size_t len,
		  struct err *err);
bool custody_open(const struct custody *c, uint8_t *key, size_t len, enum custody_purpose purpose,
		  const uint8_t *row, size_t row_len, const struct sealed *in, struct err *err);
bool custody_check(const struct custody *c, struct err *err);
bool custody_state(const struct custody *c, enum custody_state *state, struct err *err);
void custody_close(struct custody *c);

#endif
