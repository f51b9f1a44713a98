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

struct rule_index_entry;

struct rule_index {
	struct rule_index_entry *entries;
	size_t n, cap;
	uint32_t free; /* of entries that were removed; 0: none */
	uint32_t *buckets;
	size_t n_buckets;
	size_t n_tags;
};

enum rule_index_kind {
	INDEX_TOPIC,
	INDEX_CLIENT,
	INDEX_TOPIC_PATTERN,
	INDEX_CLIENT_PATTERN,
	INDEX_TAG
};

void rule_index_free(struct rule_index *ix);
/* text of len bytes, not zero-terminated, stays in place until rule_index_remove. */
void rule_index_add(struct rule_index *ix, enum rule_index_kind kind, const char *text, size_t len,
		    int32_t rule);
void rule_index_remove(struct rule_index *ix, enum rule_index_kind kind, const char *text,
		       size_t len, int32_t rule);

typedef void rule_index_fn(void *arg, int32_t rule);
/* Each rule with this text or a pattern that matches it; one may come more than once. */
void rule_index_find(const struct rule_index *ix, enum rule_index_kind kind, const char *text,
		     rule_index_fn *fn, void *arg);

#endif
