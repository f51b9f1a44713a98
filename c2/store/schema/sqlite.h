/* The SQLite schema as the steps that lead to it. */
#ifndef C2_STORE_SCHEMA_SQLITE_H
#define C2_STORE_SCHEMA_SQLITE_H

/*
 * Step i takes a database from user_version i to i + 1, in one transaction: a
 * list of texts that ends with null. A step that was released is never
 * changed: add the next one.
 */
extern const char *const *const sqlite_schema_steps[];
extern const int sqlite_schema_n_steps;

#endif
