/* Differences of the numbers of members, by topic, until the transaction ends. */
#ifndef C2_STORE_SQL_COUNTS_H
#define C2_STORE_SQL_COUNTS_H

#include <stddef.h>
#include <stdint.h>

struct sql_count {
	int64_t id; /* of a topic; 0: the place is free */
	int64_t n;
};

/* A hash table, at most half full. Zeroed, it is empty. */
struct sql_counts {
	struct sql_count *places;
	size_t n, cap; /* cap is 0 or a power of two */
};

void counts_add(struct sql_counts *c, int64_t id, int64_t n);
int64_t counts_get(const struct sql_counts *c, int64_t id);
void counts_merge(struct sql_counts *into, const struct sql_counts *from);
void counts_clear(struct sql_counts *c);
void counts_free(struct sql_counts *c);

#endif
