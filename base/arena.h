/*
 * Memory of one request: many allocations, one release. Allocation never
 * fails: a program that is out of memory ends (exit code 71). Everything
 * released is wiped first, since requests carry keys.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
};

#define ARENA_INIT                                                                                 \
	{                                                                                          \
		0                                                                                  \
	}

/* Zeroed memory for any type, owned by the arena. */
void *arena_alloc(struct arena *a, size_t len);

/* A copy of len bytes with a zero byte behind it. */
char *arena_copy(struct arena *a, const void *bytes, size_t len);

char *arena_format(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Wipe and release everything; the arena can be used again. */
void arena_free(struct arena *a);

#endif
