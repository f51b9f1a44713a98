/*
 * Clients that are known not to be there, until the transaction ends: of names
 * and ids that were asked for and not found, and of those that were announced
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
};

struct sql_absent {
	/* What was not found last. */
	struct sql_absent_one last;
	bool has_name, has_e4id;
	/* What was announced and is not there, sorted by name. */
	struct sql_absent_one *ahead;
	size_t n_ahead;
};

void absent_clear(struct sql_absent *a);
/* Take over an array that mem_array gave. */
void absent_ahead(struct sql_absent *a, struct sql_absent_one *sorted, size_t n);
bool absent_name(struct sql_absent *a, const char *name);
bool absent_e4id(const struct sql_absent *a, const uint8_t e4id[16]);
void absent_name_found_out(struct sql_absent *a, const char *name);
void absent_e4id_found_out(struct sql_absent *a, const uint8_t e4id[16]);
/* It is inserted now; true: it cannot be there. */
bool absent_use(struct sql_absent *a, const struct store_client *row);

/* For drivers: of rows asked for, mark those that one that is there rules out; drop the marked. */
void absent_mark_found(struct sql_absent_one *rows, size_t n, const struct sql_absent_one *found);
size_t absent_drop_marked(struct sql_absent_one *rows, size_t n);

#endif
