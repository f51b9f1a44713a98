/*
 * From an event to the rules whose targets it concerns, fast: one table of
 * texts, where exact names and tags stand whole and patterns by what stands
 * before their first star. A look-up hashes a name once and looks on the way at
 * each of its beginnings. Texts stay where they are, in the records of rules.
 */
#ifndef ENGINE_INDEX_H
#define ENGINE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct index_entry;

struct index {
	struct index_entry *entries;
	size_t n, cap;
	uint32_t free; /* of entries that were removed; 0: none */
	uint32_t *buckets;
	size_t n_buckets;
	size_t n_tags;
};

enum index_kind {
	INDEX_TOPIC,
	INDEX_CLIENT,
	INDEX_TOPIC_PATTERN,
	INDEX_CLIENT_PATTERN,
	INDEX_TAG
};

void index_free(struct index *ix);
/* text of len bytes, not zero-terminated, stays in place until index_remove. */
void index_add(struct index *ix, enum index_kind kind, const char *text, size_t len,
	       int32_t rule);
void index_remove(struct index *ix, enum index_kind kind, const char *text, size_t len,
		  int32_t rule);

typedef void index_fn(void *arg, int32_t rule);
/* Each rule with this text or a pattern that matches it; one may come more than once. */
void index_find(const struct index *ix, enum index_kind kind, const char *text, index_fn *fn,
		void *arg);

#endif
