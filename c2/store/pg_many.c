/* Questions about, and changes of, many rows in one statement. */
#include <string.h>

#include "c2/store/pg_driver.h"

#define PG_STATE_COLUMNS 13

static void put_array(struct stmt *s, struct pg_array *a)
{
	pg_array_end(a);
	put_blob(s, a->at, a->len);
}

bool pg_absent(struct db *base, struct sql_absent_one *rows, size_t n, struct err *err)
{
	struct pg_array names = {.n = 0}, ids = {.n = 0};
	struct sql_absent_one found;
	struct stmt s = stmt_read(base, (enum sql_id)PG_ABSENT);
	pg_array_begin(&names, TYPE_TEXT);
	pg_array_begin(&ids, TYPE_BYTEA);
	for (size_t i = 0; i < n; i++) {
		pg_array_add(&names, rows[i].name, strlen(rows[i].name));
		pg_array_add(&ids, rows[i].e4id, sizeof rows[i].e4id);
	}
	put_array(&s, &names);
	put_array(&s, &ids);
	while (stmt_row(&s)) {
		get_text(&s, found.name, sizeof found.name);
		get_blob(&s, found.e4id, sizeof found.e4id);
		if (stmt_ok(&s))
			absent_mark_found(rows, n, &found);
	}
	pg_array_free(&names);
	pg_array_free(&ids);
	return stmt_end(&s, err);
}

/* In the order of PG_STATES. */
static void add_state(struct pg_array b[PG_STATE_COLUMNS], const struct store_client *row)
{
	const int64_t numbers[] = {
		row->id,           row->sent_rev,   row->confirmed_rev, (int64_t)row->last_stamp,
		row->clock_offset, row->next_at,    row->attempts,      row->asked_at,
		row->last_seen,    row->recheck_at, row->reason,        row->behind_since};
	for (size_t i = 0; i < PG_STATE_COLUMNS - 1; i++)
		pg_array_add_long(&b[i], numbers[i]);
	pg_array_add(&b[PG_STATE_COLUMNS - 1], row->nonce, sizeof row->nonce);
}

/* One statement for all: to start one costs as much as to update a row. */
bool pg_states(struct db *base, const struct store_client *rows, size_t n, struct err *err)
{
	struct pg_array columns[PG_STATE_COLUMNS] = {{0}};
	for (size_t i = 0; i < PG_STATE_COLUMNS; i++)
		pg_array_begin(&columns[i], i == PG_STATE_COLUMNS - 1 ? TYPE_BYTEA : TYPE_LONG);
	for (size_t i = 0; i < n; i++)
		add_state(columns, &rows[i]);
	struct stmt s = stmt_write(base, (enum sql_id)PG_STATES);
	for (size_t i = 0; i < PG_STATE_COLUMNS; i++)
		put_array(&s, &columns[i]);
	bool ok = stmt_post(&s, 0, err);
	for (size_t i = 0; i < PG_STATE_COLUMNS; i++)
		pg_array_free(&columns[i]);
	return ok;
}
