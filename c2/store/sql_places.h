/*
 * Pages far into a long sorted list. Skipping rows costs SQLite about 10 ns
 * each in an index and 500 ns each in a join, so a tool that asks for 10,000
 * pages one by one would pay for the square of the list. Every PLACES_STEP-th
 * name of a list is remembered as reads come by; a page starts at the last one
 * before it. A name that comes or goes moves what is behind it, so places from
 * there on are forgotten; a rollback forgets all.
 */
#ifndef C2_STORE_SQL_PLACES_H
#define C2_STORE_SQL_PLACES_H

#include <stddef.h>
#include <stdint.h>

#include "c2/store/sql_id.h"

#define PLACES_STEP 512

struct places {
	enum sql_id sql; /* names after ?1 of the list ?2, at most ?3, skipping ?4 */
	int64_t list;    /* which one: 0, or a topic's id */
	char **names;    /* names[i] is at (i + 1) * PLACES_STEP - 1, counted from 0 */
	size_t n;
	size_t cap;
};

void places_forget_from(struct places *p, const char *name);
void places_forget(struct places *p);
void places_free(struct places *p);

#endif
