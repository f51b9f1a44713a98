#include "engine/index.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/rule.h"

/* Entries are counted from 1; 0 ends a chain. */
struct rule_index_entry {
	const char *text;
	uint32_t hash;
	uint32_t next;
	int32_t rule;
	uint16_t len;
	uint8_t kind;
};

void rule_index_free(struct rule_index *ix)
{
	free(ix->entries);
	free(ix->buckets);
	*ix = (struct rule_index){0};
}

static uint32_t hash_start(enum rule_index_kind kind)
{
	return 2166136261u ^ (uint32_t)kind * 0x9e3779b9u;
}

static uint32_t hash_step(uint32_t h, char c)
{
	return (h ^ (uint8_t)c) * 16777619u;
}

static size_t place(const struct rule_index *ix, uint32_t hash)
{
	return (hash ^ hash >> 15) & (ix->n_buckets - 1);
}

static bool is_pattern(enum rule_index_kind kind)
{
	return kind == INDEX_TOPIC_PATTERN || kind == INDEX_CLIENT_PATTERN;
}

/* What of it is hashed: of a pattern, all before the first star. */
static uint32_t hash_of(enum rule_index_kind kind, const char *text, size_t len)
{
	const char *star = is_pattern(kind) ? memchr(text, '*', len) : 0;
	size_t n = star ? (size_t)(star - text) : len;
	uint32_t h = hash_start(kind);

	for (size_t i = 0; i < n; i++)
		h = hash_step(h, text[i]);
	return h;
}

static void link_entry(struct rule_index *ix, uint32_t at)
{
	struct rule_index_entry *e = &ix->entries[at];
	uint32_t *bucket = &ix->buckets[place(ix, e->hash)];

	e->next = *bucket;
	*bucket = at;
}

static void grow(struct rule_index *ix)
{
	ix->cap = ix->cap ? 2 * ix->cap : 64;
	ix->entries = mem_resize(ix->entries, ix->cap, sizeof *ix->entries);
	free(ix->buckets);
	ix->n_buckets = ix->cap;
	ix->buckets = mem_array(ix->n_buckets, sizeof *ix->buckets);
	for (uint32_t i = 1; i < ix->n; i++)
		if (ix->entries[i].text)
			link_entry(ix, i);
}

static uint32_t new_entry(struct rule_index *ix)
{
	uint32_t at = ix->free;

	if (at) {
		ix->free = ix->entries[at].next;
		return at;
	}
	if (ix->n + 1 >= ix->cap)
		grow(ix);
	if (ix->n == 0)
		ix->n = 1;
	return (uint32_t)ix->n++;
}

void rule_index_add(struct rule_index *ix, enum rule_index_kind kind, const char *text, size_t len,
		    int32_t rule)
{
	uint32_t at = new_entry(ix);

	ix->entries[at] = (struct rule_index_entry){.text = text,
						    .hash = hash_of(kind, text, len),
						    .rule = rule,
						    .len = (uint16_t)len,
						    .kind = (uint8_t)kind};
	link_entry(ix, at);
	ix->n_tags += kind == INDEX_TAG;
}

void rule_index_remove(struct rule_index *ix, enum rule_index_kind kind, const char *text,
		       size_t len, int32_t rule)
{
	uint32_t *at = &ix->buckets[place(ix, hash_of(kind, text, len))], gone;

	while (*at && (ix->entries[*at].text != text || ix->entries[*at].rule != rule ||
		       ix->entries[*at].kind != kind))
		at = &ix->entries[*at].next;
	gone = *at;
	if (!gone)
		return;
	*at = ix->entries[gone].next;
	ix->entries[gone] = (struct rule_index_entry){.next = ix->free};
	ix->free = gone;
	ix->n_tags -= kind == INDEX_TAG;
}

static bool fits(const struct rule_index_entry *e, enum rule_index_kind kind, const char *text,
		 size_t len)
{
	char pattern[NAME_MAX_TOPIC + 1];

	if (e->kind != kind)
		return false;
	if (!is_pattern(kind))
		return e->len == len && memcmp(e->text, text, len) == 0;
	if (e->len > NAME_MAX_TOPIC)
		return false;
	memcpy(pattern, e->text, e->len);
	pattern[e->len] = 0;
	return pattern_matches(pattern, text);
}

static void look(const struct rule_index *ix, uint32_t hash, enum rule_index_kind kind,
		 const char *text, size_t len, rule_index_fn *fn, void *arg)
{
	for (uint32_t at = ix->buckets[place(ix, hash)]; at; at = ix->entries[at].next)
		if (ix->entries[at].hash == hash && fits(&ix->entries[at], kind, text, len))
			fn(arg, ix->entries[at].rule);
}

void rule_index_find(const struct rule_index *ix, enum rule_index_kind kind, const char *text,
		     rule_index_fn *fn, void *arg)
{
	size_t len = strlen(text);
	uint32_t h = hash_start(kind);

	if (!ix->n_buckets)
		return;
	for (size_t i = 0; i <= len; i++) {
		if (i == len || is_pattern(kind))
			look(ix, h, kind, text, len, fn, arg);
		if (i < len)
			h = hash_step(h, text[i]);
	}
}
