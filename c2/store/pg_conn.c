/*
 * The connection: its parameters, its session, waiting with a bound, and what
 * the server's errors mean. A server or network that says nothing any more must
 * not hold us up, and we must not hold up others: a session that is cut off
 * while it has the lock of the writers is ended by the server (settings below).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "c2/store/pg.h"
#include "c2/store/pg_driver.h"

#define CA_FILE "/etc/ssl/certs/ca-certificates.crt"
#define RETRY_MS 500 /* at least, between two attempts to connect */
#define EXEC_MS 15000

int64_t pg_now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- What errors mean --------------------------------------------------------------- */

/* The server's own text is not passed on: it can hold names of clients and topics. */
static const struct meaning {
	const char *state; /* SQLSTATE, or its class */
	const char *text;
} meanings[] = {
	{"53100", "the disk of the database server is full: free some space on it"},
	{"53300", "the database server has too many connections: raise its max_connections"},
	{"53", "the database server has no memory or resources left"},
	{"40001", "another transaction was in the way (serialization failure): try again"},
	{"40P01", "another transaction was in the way (deadlock): try again"},
	{"55P03", "another server holds the database for too long: try again"},
	{"57014", "the database took too long: try again"},
	{"57P", "the connection to the database was ended by its server: try again"},
	{"08", "the connection to the database was lost: try again"},
	{"23505", "an entry is there that was not: try again"},
	{"25P03", "the database gave the transaction up, it was idle for too long: try again"},
	{"25006", "the database cannot be written: it is a standby or read-only"},
	{"28", "the database server refuses this user or password"},
	{"3D000", "there is no such database on the server: create it"},
	{"42501", "the database user has not the rights it needs: it must own the schema e4"},
	{"58030", "the disk of the database server failed: check it"},
	{"XX001", "the database is damaged: restore a backup"},
	{"XX002", "the database is damaged: restore a backup"},
};

bool pg_error_lost(struct err *err)
{
	return err_set(err, ERR_STORE, "the connection to the database was lost: try again");
}

bool pg_error(const PGresult *result, struct err *err)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	if (!state)
		return pg_error_lost(err);
	for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
		if (strncmp(state, meanings[i].state, strlen(meanings[i].state)) == 0)
			return err_set(err, ERR_STORE, "%s", meanings[i].text);
	}
	return err_set(err, ERR_STORE, "the database gave the unexpected error %s", state);
}

/* --- Waiting ------------------------------------------------------------------------ */

static bool wait_io(PGconn *conn, int64_t deadline_ms)
{
	int unsent = PQflush(conn);
	struct pollfd p = {.fd = PQsocket(conn),
			   .events = (short)(POLLIN | (unsent > 0 ? POLLOUT : 0))};
	int64_t left_ms = deadline_ms - pg_now_ms();
	if (unsent < 0 || p.fd < 0 || left_ms <= 0)
		return false;
	int n = poll(&p, 1, (int)left_ms);
	if (n < 0)
		return errno == EINTR;
	return n > 0 && (!(p.revents & ~POLLOUT) || PQconsumeInput(conn) == 1);
}

PGresult *pg_result(struct pg_db *db, int64_t deadline_ms, bool *lost)
{
	*lost = false;
	while (PQisBusy(db->conn)) {
		if (!wait_io(db->conn, deadline_ms)) {
			*lost = true;
			return 0;
		}
	}
	return PQgetResult(db->conn);
}

/* The simple protocol, which knows no pipeline. */
static PGresult *exec_last(struct pg_db *db, const char *sql, struct err *err)
{
	int64_t deadline_ms = pg_now_ms() + EXEC_MS;
	bool lost = false, ok = true;
	PGresult *last = 0, *r;
	if (!PQexitPipelineMode(db->conn) || !PQsendQuery(db->conn, sql)) {
		pg_error_lost(err);
		return 0;
	}
	while ((r = pg_result(db, deadline_ms, &lost))) {
		PQclear(last);
		last = r;
		if (ok && PQresultStatus(r) == PGRES_FATAL_ERROR)
			ok = pg_error(r, err);
	}
	if (!lost && ok && last)
		return last;
	if (lost || !last)
		pg_error_lost(err);
	PQclear(last);
	return 0;
}

bool pg_exec_int(struct pg_db *db, const char *sql, int64_t *out, struct err *err)
{
	PGresult *r = exec_last(db, sql, err);
	bool any = r && PQntuples(r) > 0 && PQnfields(r) > 0;
	*out = any ? strtoll(PQgetvalue(r, 0, 0), 0, 10) : 0;
	PQclear(r);
	return r && (PQenterPipelineMode(db->conn) || pg_error_lost(err));
}

bool pg_exec(struct pg_db *db, const char *sql, struct err *err)
{
	int64_t ignored;
	return pg_exec_int(db, sql, &ignored, err);
}

/* --- Parameters --------------------------------------------------------------------- */

static const char *option(const PQconninfoOption *options, const char *key)
{
	for (; options->keyword; options++) {
		if (strcmp(options->keyword, key) == 0)
			return options->val;
	}
	return 0;
}

static bool is_here(const char *host, size_t len)
{
	static const char *const here[] = {"localhost", "127.0.0.1", "::1"};
	if (!len || host[0] == '/' || host[0] == '@')
		return true;
	for (size_t i = 0; i < sizeof here / sizeof here[0]; i++) {
		if (strlen(here[i]) == len && strncasecmp(host, here[i], len) == 0)
			return true;
	}
	return false;
}

/* Does a list of hosts name this machine only? None is the socket of this machine. */
static bool all_here(const char *hosts)
{
	while (hosts && *hosts) {
		size_t len = strcspn(hosts, ",");
		if (!is_here(hosts, len))
			return false;
		hosts += len + (hosts[len] == ',');
	}
	return true;
}

static void parameter(struct pg_db *db, const char *key, const char *value)
{
	size_t n = 0;
	while (db->keys && db->keys[n])
		n++;
	db->keys = mem_resize(db->keys, n + 2, sizeof *db->keys);
	db->values = mem_resize(db->values, n + 2, sizeof *db->values);
	db->keys[n] = mem_text(key);
	db->values[n] = mem_text(value);
	db->keys[n + 1] = db->values[n + 1] = 0;
}

void pg_parameters_free(struct pg_db *db)
{
	for (size_t i = 0; db->keys && db->keys[i]; i++) {
		explicit_bzero(db->values[i], strlen(db->values[i]));
		free(db->keys[i]);
		free(db->values[i]);
	}
	free(db->keys);
	free(db->values);
	db->keys = db->values = 0;
}

/* What the URL does not say. */
static void defaults(struct pg_db *db, const PQconninfoOption *options)
{
	static const char *const table[][2] = {
		{"connect_timeout", "3"},      {"keepalives_idle", "5"},
		{"keepalives_interval", "2"},  {"keepalives_count", "3"},
		{"tcp_user_timeout", "10000"}, {"gssencmode", "disable"},
		{"application_name", "c2"},    {"target_session_attrs", "read-write"},
		{"client_encoding", "UTF8"},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		if (!option(options, table[i][0]))
			parameter(db, table[i][0], table[i][1]);
	}
	const char *host = option(options, "host"), *address = option(options, "hostaddr");
	if (!option(options, "sslmode") && !(all_here(host) && all_here(address))) {
		parameter(db, "sslmode", "verify-full");
		/* The system's, as for mqtts; libpq would look into the home directory alone. */
		if (!option(options, "sslrootcert") && access(CA_FILE, R_OK) == 0)
			parameter(db, "sslrootcert", CA_FILE);
	}
}

static bool add_password(struct pg_db *db, const char *file, struct err *err)
{
	char line[FILE_LINE_CAP];
	if (!file)
		return true;
	bool ok = file_read_line(file, line, sizeof line, err);
	if (ok)
		parameter(db, "password", line);
	explicit_bzero(line, sizeof line);
	return ok;
}

bool pg_parameters(struct pg_db *db, const struct store_pg_config *config, struct err *err)
{
	char *why = 0;
	PQconninfoOption *options = PQconninfoParse(config->url, &why);
	PQfreemem(why); /* may repeat a password */
	if (!options)
		return err_set(err, ERR_CONFIG,
			       "db.url cannot be read: postgres://USER@HOST:PORT/DATABASE");
	bool ok = !option(options, "password") ||
		  err_set(err, ERR_CONFIG,
			  "db.url must not hold the password: put it into a file and name that in "
			  "db.password_file");
	for (const PQconninfoOption *o = options; ok && o->keyword; o++) {
		if (o->val && o->val[0])
			parameter(db, o->keyword, o->val);
	}
	if (ok)
		defaults(db, options);
	PQconninfoFree(options);
	return ok && add_password(db, config->password_file, err);
}

/* --- Connecting --------------------------------------------------------------------- */

/*
 * Waits end: for the lock of the writers, for a statement, for a client that
 * does not go on or cannot be reached. Plans: each statement has one good plan,
 * by an index; the planner of a table that was never analysed would guess, and
 * guess wrong (a freshly filled table looks empty to it).
 */
const char pg_session[] =
	"SET search_path = e4;"
	"SET lock_timeout = '5s';"
	"SET statement_timeout = '10s';"
	"SET idle_in_transaction_session_timeout = '10s';"
	"SET tcp_keepalives_idle = 5;"
	"SET tcp_keepalives_interval = 2;"
	"SET tcp_keepalives_count = 3;"
	"SET tcp_user_timeout = 10000;"
	"SET default_transaction_isolation = 'read committed';"
	"SET plan_cache_mode = force_generic_plan;"
	"SET enable_seqscan = off;"
	"SET enable_bitmapscan = off;"
	"SET enable_hashjoin = off;"
	"SET enable_mergejoin = off;"
	"SET enable_material = off;"
	"SET join_collapse_limit = 1;"
	"SET jit = off;"
	"SET max_parallel_workers_per_gather = 0;"
	/* A commit that returned is on the disk, whatever the server's default is. */
	"SELECT set_config('synchronous_commit', 'on', false)"
	" WHERE current_setting('synchronous_commit') = 'off'";

static void no_notice(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

static void first_line(char *out, size_t cap, const char *text)
{
	snprintf(out, cap, "%.*s", (int)strcspn(text, "\n"), text);
}

static bool connect_now(struct pg_db *db, struct err *err)
{
	char why[160];
	int64_t encoding;
	db->conn = PQconnectdbParams((const char *const *)db->keys, (const char *const *)db->values,
				     0);
	if (PQstatus(db->conn) != CONNECTION_OK) {
		first_line(why, sizeof why, PQerrorMessage(db->conn));
		return err_set(err, ERR_STORE, "the database cannot be reached: %s", why);
	}
	PQsetNoticeProcessor(db->conn, no_notice, 0);
	PQsetnonblocking(db->conn, 1);
	if (!pg_exec(db, pg_session, err))
		return false;
	/* Since version 14; the check costs nothing while nothing runs for long. */
	if (PQserverVersion(db->conn) >= 140000 &&
	    !pg_exec(db, "SET client_connection_check_interval = '5s'", err))
		return false;
	if (!pg_exec_int(db, "SELECT pg_char_to_encoding(getdatabaseencoding())", &encoding, err))
		return false;
	if (encoding != pg_char_to_encoding("UTF8"))
		return err_set(err, ERR_STORE, "the database is not in UTF8: create it so");
	return pg_migrate(db, err) && pg_prepare_all(db, err);
}

void pg_lose(struct pg_db *db)
{
	PQfinish(db->conn);
	db->conn = 0;
	db->n_sent = db->n_unsynced = 0;
	db->news[0].n = 0;
	db->db.failed |= db->in_transaction;
	pg_error_lost(&db->db.why);
}

/* Did the server hang up while we did nothing? */
static bool still_there(PGconn *conn)
{
	struct pollfd p = {.fd = PQsocket(conn), .events = POLLIN};
	for (int i = 0; i < 8 && poll(&p, 1, 0) > 0; i++) {
		if (!PQconsumeInput(conn))
			return false;
		PQisBusy(conn); /* takes in what came */
	}
	return PQstatus(conn) == CONNECTION_OK;
}

bool pg_connected(struct pg_db *db, struct err *err)
{
	if (db->conn && still_there(db->conn))
		return true;
	if (db->conn)
		pg_lose(db);
	int64_t start_ms = pg_now_ms();
	if (start_ms < db->retry_at_ms)
		return err_set(err, ERR_STORE, "the database cannot be reached: try again");
	if (connect_now(db, err))
		return true;
	PQfinish(db->conn);
	db->conn = 0;
	/* A host that does not answer costs seconds: leave as many to others. */
	int64_t end_ms = pg_now_ms(), spent_ms = end_ms - start_ms;
	db->retry_at_ms = end_ms + (spent_ms > RETRY_MS ? spent_ms : RETRY_MS);
	return false;
}
