#include "c2/store/sql_absent.h"

#include <stdlib.h>
#include <string.h>

void absent_clear(struct sql_absent *a)
{
	free(a->ahead);
	*a = (struct sql_absent){.n_ahead = 0};
}

void absent_ahead(struct sql_absent *a, struct sql_absent_one *sorted, size_t n)
{
	absent_clear(a);
	a->ahead = sorted;
	a->n_ahead = n;
}

static int by_e4id(const void *a, const void *b)
{
	const struct sql_absent_one *x = a, *y = b;
	return memcmp(x->e4id, y->e4id, sizeof x->e4id);
}

void absent_sort(struct sql_absent_one *rows, size_t n)
{
	qsort(rows, n, sizeof *rows, by_e4id);
}

/* Of an id that was announced twice always the same one. */
static struct sql_absent_one *find(const struct sql_absent *a, const uint8_t e4id[16])
{
	struct sql_absent_one one = {.there = false};
	memcpy(one.e4id, e4id, sizeof one.e4id);
	return a->n_ahead ? bsearch(&one, a->ahead, a->n_ahead, sizeof *a->ahead, by_e4id) : 0;
}

bool absent_e4id(const struct sql_absent *a, const uint8_t e4id[16])
{
	if (a->has_last && memcmp(a->last, e4id, sizeof a->last) == 0)
		return true;
	const struct sql_absent_one *one = find(a, e4id);
	return one && !one->there;
}

void absent_found_out(struct sql_absent *a, const uint8_t e4id[16])
{
	a->has_last = true;
	memcpy(a->last, e4id, sizeof a->last);
}

/* An id is that of its name, so a name that is taken has its id there too. */
bool absent_use(struct sql_absent *a, const uint8_t e4id[16])
{
	bool sure = absent_e4id(a, e4id);
	struct sql_absent_one *one = find(a, e4id);
	if (one)
		one->there = true;
	a->has_last = false;
	return sure;
}

/* Few are found, as a rule: those of a repeated import, or of an id taken by another name. */
void absent_mark_found(struct sql_absent_one *rows, size_t n, const struct sql_absent_one *found)
{
	for (size_t i = 0; i < n; i++)
		rows[i].there |= strcmp(rows[i].name, found->name) == 0 ||
				 memcmp(rows[i].e4id, found->e4id, sizeof found->e4id) == 0;
}
