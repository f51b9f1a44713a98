#include "c2/store/sql_absent.h"

#include <stdlib.h>
#include <string.h>

void absent_clear(struct sql_absent *a)
{
	free(a->ahead);
	a->ahead = 0;
	a->n_ahead = 0;
	a->has_name = a->has_e4id = false;
}

void absent_ahead(struct sql_absent *a, struct sql_absent_one *sorted, size_t n)
{
	absent_clear(a);
	a->ahead = sorted;
	a->n_ahead = n;
}

static int by_name(const void *name, const void *one)
{
	return strcmp(name, ((const struct sql_absent_one *)one)->name);
}

static struct sql_absent_one *find(const struct sql_absent *a, const char *name)
{
	return a->n_ahead ? bsearch(name, a->ahead, a->n_ahead, sizeof *a->ahead, by_name) : 0;
}

bool absent_name(struct sql_absent *a, const char *name)
{
	if (a->has_name && strcmp(a->last.name, name) == 0)
		return true;
	const struct sql_absent_one *one = find(a, name);
	/* Without an id it was inserted in between, perhaps for good. */
	if (!one || !memcmp(one->e4id, (const uint8_t[16]){0}, 16))
		return false;
	a->last = *one;
	a->has_name = a->has_e4id = true;
	return true;
}

bool absent_e4id(const struct sql_absent *a, const uint8_t e4id[16])
{
	return a->has_e4id && memcmp(a->last.e4id, e4id, 16) == 0;
}

void absent_name_found_out(struct sql_absent *a, const char *name)
{
	size_t len = strlen(name);
	a->has_name = len < sizeof a->last.name;
	if (a->has_name)
		memcpy(a->last.name, name, len + 1);
}

void absent_e4id_found_out(struct sql_absent *a, const uint8_t e4id[16])
{
	a->has_e4id = true;
	memcpy(a->last.e4id, e4id, 16);
}

bool absent_use(struct sql_absent *a, const struct store_client *row)
{
	/* An id is that of its name, so a name that is taken has its id there too. */
	bool sure = absent_e4id(a, row->e4id);
	struct sql_absent_one *one = find(a, row->name);
	if (one)
		memset(one->e4id, 0, sizeof one->e4id);
	a->has_name = a->has_e4id = false;
	return sure;
}

/* Few are found, as a rule: those of a repeated import, or of an id taken by another name. */
void absent_mark_found(struct sql_absent_one *rows, size_t n, const struct sql_absent_one *found)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(rows[i].name, found->name) == 0 ||
		    memcmp(rows[i].e4id, found->e4id, sizeof found->e4id) == 0)
			rows[i].name[0] = 0;
	}
}

size_t absent_drop_marked(struct sql_absent_one *rows, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		if (rows[i].name[0])
			rows[kept++] = rows[i];
	}
	return kept;
}
