#include "c2/store/sql_counts.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static struct sql_count *place_of(const struct sql_counts *c, int64_t id)
{
	size_t i = (size_t)(((uint64_t)id * 0x9e3779b97f4a7c15u) >> 32);
	for (;; i++) {
		struct sql_count *p = &c->places[i & (c->cap - 1)];
		if (p->id == id || !p->id)
			return p;
	}
}

static void grow(struct sql_counts *c)
{
	struct sql_counts larger = {.n = c->n, .cap = c->cap ? 2 * c->cap : 16};
	larger.places = mem_array(larger.cap, sizeof *larger.places);
	for (size_t i = 0; i < c->cap; i++) {
		if (c->places[i].id)
			*place_of(&larger, c->places[i].id) = c->places[i];
	}
	free(c->places);
	*c = larger;
}

void counts_add(struct sql_counts *c, int64_t id, int64_t n)
{
	if (!n || !id)
		return;
	if (2 * c->n >= c->cap)
		grow(c);
	struct sql_count *p = place_of(c, id);
	if (!p->id) {
		p->id = id;
		c->n++;
	}
	p->n += n;
}

int64_t counts_get(const struct sql_counts *c, int64_t id)
{
	return c->n ? place_of(c, id)->n : 0;
}

void counts_merge(struct sql_counts *into, const struct sql_counts *from)
{
	for (size_t i = 0; i < from->cap; i++)
		counts_add(into, from->places[i].id, from->places[i].n);
}

void counts_clear(struct sql_counts *c)
{
	if (c->n)
		memset(c->places, 0, c->cap * sizeof *c->places);
	c->n = 0;
}

void counts_free(struct sql_counts *c)
{
	free(c->places);
	*c = (struct sql_counts){0};
}
