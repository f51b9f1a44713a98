/* Columns of many rows as PostgreSQL's arrays in binary, for unnest. */
#ifndef C2_STORE_PG_ARRAY_H
#define C2_STORE_PG_ARRAY_H

#include <stddef.h>
#include <stdint.h>

enum { TYPE_BYTEA = 17, TYPE_LONG = 20, TYPE_TEXT = 25 }; /* as in pg_type; they never change */

struct pg_array {
	uint8_t *at;
	size_t len, cap;
	uint32_t n;
};

void pg_array_begin(struct pg_array *a, uint32_t type);
/* Null bytes are null. */
void pg_array_add(struct pg_array *a, const void *bytes, size_t len);
void pg_array_add_long(struct pg_array *a, int64_t v);
/* The first element, as it was added. */
const void *pg_array_first(const struct pg_array *a, size_t *len);
/* Complete it with the number of its elements. */
void pg_array_end(struct pg_array *a);
void pg_array_free(struct pg_array *a);

#endif
