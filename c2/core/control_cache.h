/*
 * PK: control keys that were computed lately. One costs an X25519 (a third of a
 * millisecond with the opening of the client's key), a device needs it for each
 * batch and each receipt, and a forged receipt would cost it too. An entry is
 * found by the revisions of both keys, so one that is out of use is never hit.
 */
#ifndef C2_CORE_CONTROL_CACHE_H
#define C2_CORE_CONTROL_CACHE_H

#include <stdbool.h>
#include <stdint.h>

enum { CONTROL_CACHE = 65536 }; /* clients; 3.5 MiB when all are in use */

struct control_entry {
	int64_t client_id, key_rev, c2_rev; /* 0: free */
	uint8_t key[32];
};

struct control_cache {
	struct control_entry *entries; /* CONTROL_CACHE of them, or null */
};

bool control_cache_get(const struct control_cache *cache, uint8_t key[32], int64_t client_id,
		       int64_t key_rev, int64_t c2_rev);
void control_cache_put(struct control_cache *cache, const uint8_t key[32], int64_t client_id,
		       int64_t key_rev, int64_t c2_rev);
/* Wipe and release. */
void control_cache_free(struct control_cache *cache);

#endif
