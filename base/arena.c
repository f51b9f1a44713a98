#define _GNU_SOURCE
#include "base/arena.h"

#include <stdarg.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct arena_block {
	struct arena_block *next;
	size_t cap;
	size_t used;
	alignas(max_align_t) unsigned char bytes[];
};

enum { BLOCK_CAP = 4096 - sizeof(struct arena_block) };

static struct arena_block *block_new(size_t cap)
{
	struct arena_block *b;

	if (cap > SIZE_MAX - sizeof *b)
		mem_exhausted("memory");
	b = mem_alloc(sizeof *b + cap);
	b->cap = cap;
	return b;
}

/* A large piece goes behind the newest block, whose room stays in use. */
static void *alloc_large(struct arena *a, size_t len)
{
	struct arena_block *b = block_new(len);

	b->used = len;
	if (a->blocks) {
		b->next = a->blocks->next;
		a->blocks->next = b;
	} else {
		a->blocks = b;
	}
	return b->bytes;
}

void *arena_alloc(struct arena *a, size_t len)
{
	const size_t align = alignof(max_align_t);
	struct arena_block *b = a->blocks;
	void *p;

	if (len > SIZE_MAX - align)
		mem_exhausted("memory");
	len = (len + align - 1) & ~(align - 1);
	if (len > BLOCK_CAP / 4)
		return alloc_large(a, len);
	if (!b || b->cap - b->used < len) {
		b = block_new(BLOCK_CAP);
		b->next = a->blocks;
		a->blocks = b;
	}
	p = b->bytes + b->used;
	b->used += len;
	return p;
}

char *arena_copy(struct arena *a, const void *bytes, size_t len)
{
	char *copy;

	if (len == SIZE_MAX)
		mem_exhausted("memory");
	copy = arena_alloc(a, len + 1);
	if (len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

char *arena_format(struct arena *a, const char *fmt, ...)
{
	va_list args, again;
	char *text;
	int n;

	va_start(args, fmt);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	text = arena_alloc(a, n < 0 ? 1 : (size_t)n + 1);
	if (n > 0)
		vsnprintf(text, (size_t)n + 1, fmt, again);
	va_end(again);
	return text;
}

void arena_free(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *b = a->blocks;

		a->blocks = b->next;
		explicit_bzero(b->bytes, b->used);
		free(b);
	}
}
