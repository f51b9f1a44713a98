/* The PostgreSQL schema as the steps that lead to it. */
#ifndef C2_STORE_SCHEMA_PG_H
#define C2_STORE_SCHEMA_PG_H

/*
 * Step i takes a database from version i to i + 1: a list of texts that ends
 * with null. A step that was released is never changed: add the next one.
 */
extern const char *const *const pg_schema_steps[];
extern const int pg_schema_n_steps;

#endif
