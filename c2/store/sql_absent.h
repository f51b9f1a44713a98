/*
 * Clients that are known not to be there, until the transaction ends: the one
 * that was asked for last and not found, and those that were announced
 * (clients_ahead). They need not be asked for again, and their insert cannot be
 * refused, so its result need not be waited for. Only useful where asking costs
 * a round trip.
 */
#ifndef C2_STORE_SQL_ABSENT_H
#define C2_STORE_SQL_ABSENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "c2/core/store.h"

struct sql_absent_one {
	char name[STORE_NAME_MAX + 1];
	uint8_t e4id[16];
	bool there; /* or it may be by now */
};

struct sql_absent {
	uint8_t last[16]; /* what was not found last */
	bool has_last;
	struct sql_absent_one *ahead; /* what was announced, sorted by e4id */
	size_t n_ahead;
};

void absent_clear(struct sql_absent *a);
/* Take over an array that mem_array gave, sorted. */
void absent_ahead(struct sql_absent *a, struct sql_absent_one *sorted, size_t n);
bool absent_e4id(const struct sql_absent *a, const uint8_t e4id[16]);
void absent_found_out(struct sql_absent *a, const uint8_t e4id[16]);
/* It is inserted now; true: it cannot be there. */
bool absent_use(struct sql_absent *a, const uint8_t e4id[16]);

void absent_sort(struct sql_absent_one *rows, size_t n);
/* For drivers: of rows asked for, mark those that one that is there rules out. */
void absent_mark_found(struct sql_absent_one *rows, size_t n, const struct sql_absent_one *found);

#endif
