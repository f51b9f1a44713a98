#define _GNU_SOURCE
#include "c2/store/pg_array.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* One dimension, may have nulls, the type of its elements, their number, from index 1. */
enum { HEAD = 5, N_ELEMENTS = 3 };

static void add(struct pg_array *a, const void *bytes, size_t len)
{
	if (a->len + len > a->cap) {
		a->cap = 2 * (a->len + len);
		a->at = mem_resize(a->at, a->cap, 1);
	}
	if (len)
		memcpy(a->at + a->len, bytes, len);
	a->len += len;
}

static void add_int(struct pg_array *a, uint32_t v)
{
	v = htobe32(v);
	add(a, &v, sizeof v);
}

void pg_array_begin(struct pg_array *a, uint32_t type)
{
	const uint32_t head[HEAD] = {1, 1, type, 0, 1};
	a->len = a->n = 0;
	for (size_t i = 0; i < HEAD; i++)
		add_int(a, head[i]);
}

void pg_array_add(struct pg_array *a, const void *bytes, size_t len)
{
	add_int(a, bytes ? (uint32_t)len : UINT32_MAX);
	add(a, bytes, bytes ? len : 0);
	a->n++;
}

void pg_array_add_long(struct pg_array *a, int64_t v)
{
	v = (int64_t)htobe64((uint64_t)v);
	pg_array_add(a, &v, sizeof v);
}

const void *pg_array_first(const struct pg_array *a, size_t *len)
{
	const uint8_t *at = a->at + HEAD * sizeof(uint32_t);
	uint32_t n;
	memcpy(&n, at, sizeof n);
	*len = n == UINT32_MAX ? 0 : be32toh(n);
	return n == UINT32_MAX ? 0 : at + sizeof n;
}

void pg_array_end(struct pg_array *a)
{
	uint32_t n = htobe32(a->n);
	memcpy(a->at + N_ELEMENTS * sizeof n, &n, sizeof n);
}

void pg_array_free(struct pg_array *a)
{
	free(a->at);
	*a = (struct pg_array){.n = 0};
}
