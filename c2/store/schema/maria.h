/* The schema for MariaDB and MySQL as the steps that lead to it. */
#ifndef C2_STORE_SCHEMA_MARIA_H
#define C2_STORE_SCHEMA_MARIA_H

/*
 * Step i takes a database from version i to i + 1: a list of texts that ends
 * with null. Each statement that changes a table is a transaction of its own
 * here, so every text must do no harm when it is done again. A step that was
 * released is never changed: add the next one.
 */
extern const char *const *const maria_schema_steps[];
extern const int maria_schema_n_steps;

#endif
