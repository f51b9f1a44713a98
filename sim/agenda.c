#include "sim/agenda.h"

#include <stdlib.h>

#include "base/mem.h"

static bool before(const struct event *a, const struct event *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->seq < b->seq;
}

void agenda_add(struct agenda *a, int64_t at_ms, uint32_t kind, uint32_t who)
{
	struct event e = {at_ms, a->seq++, kind, who};
	size_t i = a->n++;

	if (i == a->cap) {
		a->cap = a->cap ? 2 * a->cap : 256;
		a->heap = mem_resize(a->heap, a->cap, sizeof *a->heap);
	}
	for (; i > 0 && before(&e, &a->heap[(i - 1) / 4]); i = (i - 1) / 4)
		a->heap[i] = a->heap[(i - 1) / 4];
	a->heap[i] = e;
}

int64_t agenda_next_at(const struct agenda *a)
{
	return a->n ? a->heap[0].at_ms : INT64_MAX;
}

/* Four children a node: half the levels, and each level in one or two cache lines. */
static size_t least_child(const struct agenda *a, size_t i)
{
	size_t first = 4 * i + 1, best = first;

	for (size_t c = first + 1; c < first + 4 && c < a->n; c++)
		if (before(&a->heap[c], &a->heap[best]))
			best = c;
	return best;
}

struct event agenda_pop(struct agenda *a)
{
	struct event top = a->heap[0], last = a->heap[--a->n];
	size_t i = 0;

	while (4 * i + 1 < a->n) {
		size_t child = least_child(a, i);

		if (!before(&a->heap[child], &last))
			break;
		a->heap[i] = a->heap[child];
		i = child;
	}
	a->heap[i] = last;
	return top;
}

void agenda_free(struct agenda *a)
{
	free(a->heap);
	*a = (struct agenda){0};
}
