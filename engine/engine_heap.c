/* Rules by the time at which they are to be looked at again: a binary heap. */
#include "base/mem.h"
#include "engine/engine_inner.h"

static void heap_put(struct engine *e, size_t at, struct entry *en)
{
	e->heap[at] = en;
	en->heap = at + 1;
}

static bool before(const struct entry *a, const struct entry *b)
{
	return a->at < b->at || (a->at == b->at && a->rule.id < b->rule.id);
}

static void heap_up(struct engine *e, size_t at, struct entry *en)
{
	while (at > 0 && before(en, e->heap[(at - 1) / 2])) {
		heap_put(e, at, e->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	heap_put(e, at, en);
}

static void heap_down(struct engine *e, size_t at, struct entry *en)
{
	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < e->n_heap && before(e->heap[child + 1], e->heap[child]))
			child++;
		if (child >= e->n_heap || !before(e->heap[child], en))
			break;
		heap_put(e, at, e->heap[child]);
		at = child;
	}
	heap_put(e, at, en);
}

void entry_unschedule(struct engine *e, struct entry *en)
{
	size_t at = en->heap - 1;
	struct entry *last;

	if (!en->heap)
		return;
	en->heap = 0;
	last = e->heap[--e->n_heap];
	if (last == en)
		return;
	if (at > 0 && before(last, e->heap[(at - 1) / 2]))
		heap_up(e, at, last);
	else
		heap_down(e, at, last);
}

void entry_schedule(struct engine *e, struct entry *en)
{
	entry_unschedule(e, en);
	en->at = !en->running                                ? en->due_at
		 : en->run_merges && en->due_at < en->run_at ? en->due_at
							     : en->run_at;
	if (en->at == RULE_NEVER)
		return;
	if (e->n_heap == e->heap_cap) {
		e->heap_cap = e->heap_cap ? 2 * e->heap_cap : 64;
		e->heap = mem_resize(e->heap, e->heap_cap, sizeof *e->heap);
	}
	heap_up(e, e->n_heap++, en);
}
