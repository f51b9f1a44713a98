/*
 * What the engine needs of a key server: to find targets, to look at them, and
 * one transaction that changes keys and the engine's own records together.
 *
 * Two implementations: over the core, inside c2; over C2's API with records in
 * a database of its own, for c2ae.
 *
 * Holds for every function: false is an error in err with nothing changed.
 * ERR_STORE and ERR_UNAVAILABLE are worth another try. Lists live in the arena.
 */
#ifndef ENGINE_FLEET_H
#define ENGINE_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

enum fleet_kind { FLEET_TOPIC, FLEET_CLIENT };

/* A topic or client as far as rules look at it. */
struct fleet_target {
	const char *name;
	int64_t key_rev;    /* revision of its newest key */
	int64_t rotated_at; /* when it was made, Unix seconds; 0: not known */
	int64_t devices;    /* that hold the key: members; 1 for a client */
	bool key_pending;   /* clients: the device has not confirmed its newest key */
};

/* Does a pattern, in which * stands for any text, match? */
bool pattern_matches(const char *pattern, const char *name);

/* What to find: by pattern or by tag, in order of name. */
struct fleet_search {
	enum fleet_kind kind;
	const char *pattern; /* null: all */
	const char *tag;     /* clients; null: any */
	const char *cursor;  /* empty at first */
	size_t limit;
};

struct fleet_found {
	struct fleet_target *rows;
	size_t n;
	const char
		*cursor; /* empty at the end; fewer than limit rows, even none, may come before */
};

/* What is known of a device. */
struct fleet_device {
	const char *name;
	int64_t last_seen;       /* Unix seconds; 0: it never gave a receipt */
	bool away;               /* gave receipts before, but not to what was sent since */
	bool producer, consumer; /* known to be only that */
};

enum fleet_op_kind { FLEET_ROTATE_TOPIC, FLEET_NEW_CLIENT_KEY, FLEET_DETACH };

struct fleet_op {
	enum fleet_op_kind kind;
	const char *client, *topic;
};

enum { FLEET_RECORD_MAX = 1 << 20 };

/* A row of bytes of the engine, at most FLEET_RECORD_MAX of them. */
struct fleet_record {
	int32_t kind;
	int64_t id; /* 0 of a new one: set by the commit */
	int64_t owner;
	int64_t version; /* as read; 0: new; after the commit, the new one */
	const uint8_t *body;
	size_t len;
	bool remove;
};

struct fleet_txn {
	const struct fleet_op *ops; /* at most 1000 */
	size_t n_ops;
	struct fleet_record *records;
	size_t n_records;
	const char *id; /* of the ops, where they go to another process: not done again */
	/* A caller's change: it may return before it is durable, as the answer waits for that. */
	bool grouped;
	int32_t trim_kind; /* 0: none. Else keep only the newest trim_keep records of it */
	int64_t trim_keep;
};

/* Numbers of EventType in the API. */
enum fleet_event_type {
	FLEET_SUBSCRIBED = 1,
	FLEET_UNSUBSCRIBED = 2,
	FLEET_CLIENT_REMOVED = 100,
	FLEET_ALARM = 101
};

struct fleet_event {
	int64_t seq;
	int32_t type; /* enum fleet_event_type, or another */
	int64_t at_ms;
	const char *source, *target;
};

struct fleet_events {
	struct fleet_event *rows;
	size_t n;
	int64_t first; /* the oldest that is kept */
	int64_t last;  /* the newest there is */
};

struct fleet_ops {
	/*
	 * All or nothing; ERR_CONFLICT when a record is not at its version. *recipients:
	 * devices that will be told. An op that fails by itself is ERR_NOT_FOUND or
	 * ERR_PRECONDITION, and *bad its index (n_ops: none).
	 */
	bool (*commit)(void *ctx, struct fleet_txn *txn, int64_t *recipients, size_t *bad,
		       struct err *err);
	bool (*record)(void *ctx, int32_t kind, int64_t id, struct arena *arena,
		       struct fleet_record *out, struct err *err); /* ERR_NOT_FOUND */
	bool (*records)(void *ctx, int32_t kind, int64_t owner, int64_t after, size_t limit,
			bool newest_first, struct arena *arena, struct fleet_record **out,
			size_t *n, struct err *err);
	bool (*events)(void *ctx, int64_t after, size_t limit, struct arena *arena,
		       struct fleet_events *out, struct err *err);
	bool (*alarm)(void *ctx, const char *source, const char *target, struct err *err);

	/* The newest revision there is: what has a higher one was changed later. */
	bool (*revision)(void *ctx, int64_t *rev, struct err *err);
	bool (*find)(void *ctx, enum fleet_kind kind, const char *name, struct arena *arena,
		     struct fleet_target *out, bool *found, struct err *err);
	/* Tags that a client has now; none if there is no such client. */
	bool (*tags)(void *ctx, const char *client, struct arena *arena, const char ***tags,
		     size_t *n, struct err *err);
	bool (*search)(void *ctx, const struct fleet_search *search, struct arena *arena,
		       struct fleet_found *out, struct err *err);
	/* Of the devices that hold the target's key: how many there are, how many confirmed it. */
	bool (*progress)(void *ctx, enum fleet_kind kind, const char *name, int64_t *devices,
			 int64_t *confirmed, struct err *err);
	/*
	 * Devices that hold the target's key, of many a sample from all over; at most
	 * limit, fewer where asking is slow. *topics: of a few of them, how many topics
	 * they are attached to on average.
	 */
	bool (*devices)(void *ctx, enum fleet_kind kind, const char *name, size_t limit,
			struct arena *arena, struct fleet_device **out, size_t *n, int64_t *topics,
			struct err *err);
};

struct fleet {
	const struct fleet_ops *ops;
	void *ctx;
};

#endif
