/* MariaDB and MySQL: opening, migrations, health, and commits whose answer was lost. */
#include "c2/store/maria.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"
#include "c2/store/maria_driver.h"
#include "c2/store/schema/maria.h"

#define DOUBT_MS 3000 /* for a server that comes back after it was lost in a commit */
#define DOUBT_STEP_MS 100
#define LOCK_NAME "concat('e4.schema.', database())"

/* --- Migrations ----------------------------------------------------------------------- */

static bool read_version(struct maria_db *db, int64_t *version, struct err *err)
{
	int64_t there;
	*version = 0;
	if (!maria_exec_int(db,
			    "SELECT count(*) FROM information_schema.tables WHERE table_schema ="
			    " database() AND table_name = 'schema_version'",
			    &there, err))
		return false;
	return !there || maria_exec_int(db, "SELECT version FROM schema_version", version, err);
}

static bool run_step(struct maria_db *db, int64_t version, struct err *err)
{
	char mark[80];
	for (const char *const *text = maria_schema_steps[version]; *text; text++) {
		if (!maria_exec(db, *text, err))
			return false;
	}
	snprintf(mark, sizeof mark, "UPDATE schema_version SET version = %d", (int)version + 1);
	return maria_exec(db, mark, err);
}

static bool run_steps(struct maria_db *db, struct err *err)
{
	int64_t version;
	if (!maria_exec(db,
			"CREATE TABLE IF NOT EXISTS schema_version ("
			" one BIGINT PRIMARY KEY, version BIGINT NOT NULL) ENGINE=InnoDB;"
			"INSERT IGNORE INTO schema_version VALUES (1, 0)",
			err) ||
	    !read_version(db, &version, err))
		return false;
	for (; version < maria_schema_n_steps; version++) {
		if (!run_step(db, version, err))
			return false;
	}
	return true;
}

/* One server of several makes the tables, the others wait for it. */
static bool steps_under_lock(struct maria_db *db, struct err *err)
{
	int64_t got;
	struct err ignored;
	if (!maria_exec_int(db, "SELECT GET_LOCK(" LOCK_NAME ", 10)", &got, err))
		return false;
	if (!got)
		return err_set(err, ERR_STORE, "another server makes the tables: try again");
	bool ok = run_steps(db, err);
	if (db->conn)
		maria_exec(db, "SELECT RELEASE_LOCK(" LOCK_NAME ")", &ignored);
	return ok;
}

bool maria_migrate(struct maria_db *db, struct err *err)
{
	int64_t version;
	if (!read_version(db, &version, err))
		return false;
	db->version = version;
	if (db->as_it_is)
		return db_version_fits(version, maria_schema_n_steps, err);
	if (version > maria_schema_n_steps)
		return err_set(err, ERR_STORE,
			       "made by a newer version (schema %d, this program knows %d): run "
			       "that version, or restore a backup from before",
			       (int)version, maria_schema_n_steps);
	return version == maria_schema_n_steps || steps_under_lock(db, err);
}

/* --- Commits whose answer was lost ------------------------------------------------------ */

/* The lock of the writers is waited for: after it, the other session is at its end. */
static bool last_commit(struct maria_db *db, int64_t *n)
{
	char sql[160];
	struct err ignored;
	snprintf(sql, sizeof sql,
		 "START TRANSACTION; SELECT revision FROM state FOR UPDATE;"
		 "SELECT n FROM writer WHERE id = %" PRId64,
		 db->writer);
	bool known = maria_exec_int(db, sql, n, &ignored);
	if (db->conn && !maria_exec(db, "ROLLBACK", &ignored) && db->conn)
		maria_lose(db);
	return known;
}

bool maria_committed(struct maria_db *db)
{
	int64_t deadline_ms = maria_now_ms() + DOUBT_MS, n = 0;
	struct err ignored;
	for (;;) {
		db->retry_at_ms = 0;
		if (maria_connected(db, &ignored) && last_commit(db, &n))
			return n == db->n_commits;
		if (maria_now_ms() >= deadline_ms)
			return false;
		poll(0, 0, DOUBT_STEP_MS);
	}
}

/* A number that no other process has. */
static bool become_writer(struct maria_db *db, struct err *err)
{
	uint64_t random;
	if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
		return err_set(err, ERR_INTERNAL, "the system gives no random numbers");
	db->writer = (int64_t)(random >> 1);
	return true;
}

/* --- Health --------------------------------------------------------------------------- */

bool maria_durable(struct maria_db *db, bool *durable, struct err *err)
{
	int64_t yes;
	bool ok = maria_exec_int(db,
				 "SELECT @@global.innodb_flush_log_at_trx_commit = 1 AND"
				 " (NOT @@global.log_bin OR @@global.sync_binlog = 1)",
				 &yes, err);
	*durable = ok && yes;
	return ok;
}

bool maria_check(struct db *base, struct err *err)
{
	struct maria_db *db = (struct maria_db *)base;
	int64_t read_only;
	if (db->in_transaction)
		return !base->failed || err_set(err, ERR_STORE, "%s", DB_GIVEN_UP);
	if (!maria_connected(db, err))
		return false;
	if (!maria_exec_int(db, "SELECT @@global.read_only OR @@innodb_read_only FROM state",
			    &read_only, err))
		return false;
	if (read_only)
		return err_set(err, ERR_STORE,
			       "the database cannot be written: it is a replica or read-only");
	if (!db->write_doubtful)
		return true;
	db->write_doubtful = !maria_exec(db, "UPDATE state SET checks = checks + 1", err);
	return !db->write_doubtful;
}

/* --- Opening ---------------------------------------------------------------------------- */

void maria_close(struct db *base)
{
	struct maria_db *db = (struct maria_db *)base;
	db->in_transaction = false;
	maria_lose(db);
	maria_params_free(&db->params);
	free(db->long_column);
	db_free(base);
	free(db);
}

bool store_maria_check(const struct store_maria_config *config, struct err *err)
{
	struct maria_params params;
	bool ok = maria_params_read(&params, config, err);
	maria_params_free(&params);
	return ok;
}

bool store_maria_open(struct store *out, const struct store_maria_config *config, struct err *err)
{
	struct maria_db *db = mem_alloc(sizeof *db);
	static const char old_rows[] =
		"DELETE FROM writer WHERE at < UNIX_TIMESTAMP() - 30 * 86400";
	db_init(&db->db, &maria_driver);
	db->as_it_is = config->as_it_is;
	if (!maria_params_read(&db->params, config, err) || !become_writer(db, err) ||
	    !maria_connected(db, err) || (!db->as_it_is && !maria_exec(db, old_rows, err))) {
		maria_close(&db->db);
		return false;
	}
	out->ops = &sql_ops;
	out->ctx = db;
	return true;
}

bool store_maria_schema(const struct store_maria_config *config, int *have, int *want,
			struct err *err)
{
	struct maria_db *db = mem_alloc(sizeof *db);
	db_init(&db->db, &maria_driver);
	db->as_it_is = true;
	db->version = -1;
	bool ok = maria_params_read(&db->params, config, err) &&
		  (maria_connected(db, err) || db->version >= 0);
	*have = (int)db->version;
	*want = maria_schema_n_steps;
	maria_close(&db->db);
	return ok;
}
