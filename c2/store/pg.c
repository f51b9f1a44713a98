/* PostgreSQL: opening, migrations, health, and commits whose answer was lost. */
#include "c2/store/pg.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "c2/store/pg_driver.h"
#include "c2/store/schema/pg.h"

#define DOUBT_MS 3000 /* for a server that comes back after it was lost in a commit */
#define DOUBT_STEP_MS 100

/* --- Migrations ----------------------------------------------------------------------- */

/*
 * The row of the version is the lock under which one server of several makes
 * the tables. Making that row is not under a lock: who is second fails, and
 * finds it made when it tries again.
 */
static bool version_table(struct pg_db *db, struct err *err)
{
	int64_t there;
	if (!pg_exec_int(db, "SELECT count(*) FROM pg_namespace WHERE nspname = 'e4'", &there, err))
		return false;
	if (!there && !pg_exec(db, "CREATE SCHEMA e4", err))
		return false;
	return pg_exec(db,
		       "CREATE TABLE IF NOT EXISTS e4.schema_version ("
		       " one integer PRIMARY KEY CHECK (one = 1), version integer NOT NULL);"
		       "INSERT INTO e4.schema_version VALUES (1, 0) ON CONFLICT DO NOTHING",
		       err);
}

static bool run_steps(struct pg_db *db, int64_t version, struct err *err)
{
	char mark[80];
	if (version > pg_schema_n_steps)
		return err_set(err, ERR_STORE,
			       "made by a newer version (schema %d, this program knows %d): run "
			       "that version, or restore a backup from before",
			       (int)version, pg_schema_n_steps);
	for (; version < pg_schema_n_steps; version++) {
		for (const char *const *text = pg_schema_steps[version]; *text; text++) {
			if (!pg_exec(db, *text, err))
				return false;
		}
	}
	snprintf(mark, sizeof mark, "UPDATE e4.schema_version SET version = %d", pg_schema_n_steps);
	return pg_exec(db, mark, err);
}

/* All steps in one transaction: whole or not at all. */
static bool steps_under_lock(struct pg_db *db, struct err *err)
{
	int64_t version;
	struct err ignored;
	if (!pg_exec(db, "BEGIN", err))
		return false;
	if (pg_exec_int(db, "SELECT version FROM e4.schema_version FOR UPDATE", &version, err) &&
	    run_steps(db, version, err) && pg_exec(db, "COMMIT", err))
		return true;
	pg_exec(db, "ROLLBACK", &ignored);
	return false;
}

static bool as_it_is(struct pg_db *db, int64_t there, struct err *err)
{
	db->version = 0;
	if (there && !pg_exec_int(db, "SELECT version FROM e4.schema_version", &db->version, err))
		return false;
	return db_version_fits(db->version, pg_schema_n_steps, err);
}

bool pg_migrate(struct pg_db *db, struct err *err)
{
	int64_t there, version;
	if (!pg_exec_int(db, "SELECT count(to_regclass('e4.schema_version'))", &there, err))
		return false;
	if (db->as_it_is)
		return as_it_is(db, there, err);
	/* Schema, table and row can each be made by another server first. */
	for (int tries = 0; !there && tries < 4; tries++)
		there = version_table(db, err);
	if (!there)
		return false;
	if (!pg_exec_int(db, "SELECT version FROM e4.schema_version", &version, err))
		return false;
	return version == pg_schema_n_steps || steps_under_lock(db, err);
}

/* --- Commits whose answer was lost ------------------------------------------------------ */

/* The lock of the writers is waited for: after it, the other session is at its end. */
static bool xid_committed(struct pg_db *db, bool *committed)
{
	char sql[160];
	int64_t yes = 0;
	struct err ignored;
	snprintf(sql, sizeof sql,
		 "BEGIN; SELECT revision FROM state FOR UPDATE;"
		 "SELECT (pg_xact_status('%" PRId64 "'::xid8) = 'committed')::int",
		 db->xid);
	bool known = pg_exec_int(db, sql, &yes, &ignored);
	if (!pg_exec(db, "ROLLBACK", &ignored))
		pg_lose(db);
	*committed = yes;
	return known;
}

bool pg_committed(struct pg_db *db)
{
	int64_t deadline_ms = pg_now_ms() + DOUBT_MS;
	struct err ignored;
	bool committed = false;
	if (!db->xid)
		return false;
	for (;;) {
		db->retry_at_ms = 0;
		if (pg_connected(db, &ignored) && xid_committed(db, &committed))
			return committed;
		if (pg_now_ms() >= deadline_ms)
			return false;
		poll(0, 0, DOUBT_STEP_MS);
	}
}

/* --- Health --------------------------------------------------------------------------- */

bool pg_check(struct db *base, struct err *err)
{
	struct pg_db *db = (struct pg_db *)base;
	int64_t read_only;
	if (db->in_transaction)
		return !base->failed || err_set(err, ERR_STORE, "%s", DB_GIVEN_UP);
	if (!pg_connected(db, err))
		return false;
	if (!pg_exec_int(db,
			 "SELECT (current_setting('transaction_read_only') = 'on')::int FROM state",
			 &read_only, err))
		return false;
	if (read_only)
		return err_set(err, ERR_STORE,
			       "the database cannot be written: it is a standby or read-only");
	if (!db->write_doubtful)
		return true;
	db->write_doubtful = !pg_exec(db, "UPDATE state SET checks = checks + 1", err);
	return !db->write_doubtful;
}

/* --- Opening ---------------------------------------------------------------------------- */

void pg_close(struct db *base)
{
	struct pg_db *db = (struct pg_db *)base;
	PQfinish(db->conn);
	pg_answers_forget(db);
	for (size_t i = 0; i < PG_NEW_COLUMNS; i++)
		pg_array_free(&db->news[i]);
	pg_parameters_free(db);
	db_free(base);
	free(db);
}

bool store_pg_check(const struct store_pg_config *config, struct err *err)
{
	struct pg_db db = {.conn = 0};
	bool ok = pg_parameters(&db, config, err);
	pg_parameters_free(&db);
	return ok;
}

bool store_pg_open(struct store *out, const struct store_pg_config *config, struct err *err)
{
	struct pg_db *db = mem_alloc(sizeof *db);
	db_init(&db->db, &pg_driver);
	db->as_it_is = config->as_it_is;
	if (!pg_parameters(db, config, err) || !pg_connected(db, err)) {
		pg_close(&db->db);
		return false;
	}
	out->ops = &sql_ops;
	out->ctx = db;
	return true;
}

bool store_pg_schema(const struct store_pg_config *config, int *have, int *want, struct err *err)
{
	struct pg_db *db = mem_alloc(sizeof *db);
	db_init(&db->db, &pg_driver);
	db->as_it_is = true;
	db->version = -1;
	bool ok = pg_parameters(db, config, err) && (pg_connected(db, err) || db->version >= 0);
	*have = (int)db->version;
	*want = pg_schema_n_steps;
	pg_close(&db->db);
	return ok;
}
