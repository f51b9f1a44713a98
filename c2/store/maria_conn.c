/*
 * The connection: its session, its bounds in time, and what the server's errors
 * mean. A server or network that says nothing any more must not hold us up, and
 * we must not hold up others: a session that is cut off while it has the lock of
 * the writers is ended by the server (settings below).
 */
#define _GNU_SOURCE
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <errmsg.h>
#include <mysqld_error.h>

#include "base/log.h"
#include "c2/store/maria_driver.h"

#define CA_FILE "/etc/ssl/certs/ca-certificates.crt"
#define RETRY_MS 500 /* at least, between two attempts to connect */
#define CONNECT_S 3
#define ANSWER_S 15          /* longer than the session's own limits */
#define PACKET_MIN "2097152" /* a record, and room */

int64_t maria_now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- What errors mean --------------------------------------------------------------- */

#define LOST "the connection to the database was lost: try again"
#define FULL "the disk of the database server is full: free some space on it"
#define READ_ONLY "the database cannot be written: it is a replica or read-only"
#define TOO_LONG "the database took too long: try again"
#define RIGHTS "the database user has not the rights it needs: grant it all on this database"
#define DAMAGED "the database is damaged: restore a backup"

/* Numbers that only one of the two servers has. */
#define E_MARIA_TIMEOUT 1969
#define E_MARIA_KILLED 1927
#define E_MYSQL_TIMEOUT 3024
#define E_MYSQL_IDLE 4031
#define E_GALERA_NOT_READY 1047

/* The server's own text is not passed on: it can hold names of clients and topics. */
static const struct meaning {
	unsigned code;
	enum err_code err;
	const char *text;
} meanings[] = {
	{ER_DUP_ENTRY, ERR_EXISTS, "there is one of this name already"},
	{ER_NO_REFERENCED_ROW, ERR_NOT_FOUND, "what the entry belongs to is not there"},
	{ER_NO_REFERENCED_ROW_2, ERR_NOT_FOUND, "what the entry belongs to is not there"},
	{ER_DATA_TOO_LONG, ERR_INVALID, "too long for the database"},
	{ER_LOCK_DEADLOCK, ERR_STORE, "another transaction was in the way (deadlock): try again"},
	{ER_LOCK_WAIT_TIMEOUT, ERR_STORE,
	 "another server holds the database for too long: try again"},
	{E_MARIA_TIMEOUT, ERR_STORE, TOO_LONG},
	{E_MYSQL_TIMEOUT, ERR_STORE, TOO_LONG},
	{ER_QUERY_INTERRUPTED, ERR_STORE, TOO_LONG},
	{ER_RECORD_FILE_FULL, ERR_STORE, FULL},
	{ER_DISK_FULL, ERR_STORE, FULL},
	{ER_CON_COUNT_ERROR, ERR_STORE,
	 "the database server has too many connections: raise its max_connections"},
	{ER_TOO_MANY_USER_CONNECTIONS, ERR_STORE,
	 "the database user has too many connections: raise its max_user_connections"},
	{ER_MAX_PREPARED_STMT_COUNT_REACHED, ERR_STORE,
	 "the database server has too many statements: raise its max_prepared_stmt_count"},
	{ER_OPTION_PREVENTS_STATEMENT, ERR_STORE, READ_ONLY},
	{ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION, ERR_STORE, READ_ONLY},
	{ER_OPEN_AS_READONLY, ERR_STORE, READ_ONLY},
	{ER_BINLOG_STMT_MODE_AND_ROW_ENGINE, ERR_STORE,
	 "the database server logs statements: set its binlog_format to ROW or MIXED"},
	{ER_ACCESS_DENIED_ERROR, ERR_STORE, "the database server refuses this user or password"},
	{ER_DBACCESS_DENIED_ERROR, ERR_STORE, RIGHTS},
	{ER_TABLEACCESS_DENIED_ERROR, ERR_STORE, RIGHTS},
	{ER_COLUMNACCESS_DENIED_ERROR, ERR_STORE, RIGHTS},
	{ER_BAD_DB_ERROR, ERR_STORE, "there is no such database on the server: create it"},
	{ER_NO_SUCH_TABLE, ERR_STORE, "the tables are gone: restore a backup, or start c2 anew"},
	{ER_NET_PACKET_TOO_LARGE, ERR_STORE,
	 "the database server's max_allowed_packet is too small: raise it"},
	{E_GALERA_NOT_READY, ERR_STORE, "the database's cluster is not ready: try again"},
	{ER_CRASHED_ON_USAGE, ERR_STORE, DAMAGED},
	{ER_NOT_KEYFILE, ERR_STORE, DAMAGED},
};

bool maria_is_lost(unsigned code)
{
	return (code >= CR_MIN_ERROR && code <= CR_MYSQL_LAST_ERROR) || code >= 5000 ||
	       code == ER_SERVER_SHUTDOWN || code == E_MARIA_KILLED || code == E_MYSQL_IDLE ||
	       code == ER_NORMAL_SHUTDOWN || code == ER_NET_READ_ERROR ||
	       code == ER_NET_READ_INTERRUPTED || code == ER_NET_ERROR_ON_WRITE ||
	       code == ER_NET_WRITE_INTERRUPTED;
}

bool maria_error(unsigned code, struct err *err)
{
	if (maria_is_lost(code))
		return err_set(err, ERR_STORE, "%s", LOST);
	for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
		if (meanings[i].code == code)
			return err_set(err, meanings[i].err, "%s", meanings[i].text);
	}
	return err_set(err, ERR_STORE, "the database gave the unexpected error %u", code);
}

/* --- Texts -------------------------------------------------------------------------- */

static int64_t first_number(MYSQL_RES *result)
{
	MYSQL_ROW row = result && mysql_num_fields(result) ? mysql_fetch_row(result) : 0;
	return row && row[0] ? strtoll(row[0], 0, 10) : 0;
}

bool maria_exec_int(struct maria_db *db, const char *sql, int64_t *out, struct err *err)
{
	int more = mysql_real_query(db->conn, sql, strlen(sql));
	*out = 0;
	while (more == 0) {
		MYSQL_RES *result = mysql_store_result(db->conn);
		if (!result && mysql_errno(db->conn))
			break;
		*out = first_number(result);
		mysql_free_result(result);
		more = mysql_next_result(db->conn);
	}
	unsigned code = mysql_errno(db->conn);
	if (!code)
		return true;
	maria_error(code, err);
	if (maria_is_lost(code))
		maria_lose(db);
	err->code = ERR_STORE; /* whatever it is: no row was to be refused here */
	return false;
}

bool maria_exec(struct maria_db *db, const char *sql, struct err *err)
{
	int64_t ignored;
	return maria_exec_int(db, sql, &ignored, err);
}

/* --- Connecting --------------------------------------------------------------------- */

/*
 * Waits end: for the lock of the writers, for a statement, for a client that
 * does not go on. MySQL has no limit for a transaction that is idle, only one
 * for a session; it is short, for a new session costs us little.
 */
static const char session[] =
	"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;"
	"SET SESSION autocommit = 1, foreign_key_checks = 1, unique_checks = 1,"
	" sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION',"
	" innodb_lock_wait_timeout = 5, lock_wait_timeout = 5"
	"/*M!100600 , max_statement_time = 10, idle_transaction_timeout = 10 */"
	"/*!80000 , max_execution_time = 10000, wait_timeout = 30 */";

static void set_options(MYSQL *conn, const struct maria_params *p)
{
	const unsigned connect_s = CONNECT_S, answer_s = ANSWER_S, no_files = 0;
	const unsigned protocol = p->host ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET;
	const my_bool yes = 1;
	mysql_optionsv(conn, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
	mysql_optionsv(conn, MYSQL_OPT_READ_TIMEOUT, &answer_s);
	mysql_optionsv(conn, MYSQL_OPT_WRITE_TIMEOUT, &answer_s);
	mysql_optionsv(conn, MYSQL_OPT_PROTOCOL, &protocol);
	mysql_optionsv(conn, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	/* A server must not ask for our files, nor for the password as it is. */
	mysql_optionsv(conn, MYSQL_OPT_LOCAL_INFILE, &no_files);
	mysql_optionsv(conn, MARIADB_OPT_RESTRICTED_AUTH,
		       "mysql_native_password,client_ed25519,caching_sha2_password");
	if (!p->tls)
		return;
	mysql_optionsv(conn, MYSQL_OPT_SSL_ENFORCE, &yes);
	mysql_optionsv(conn, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
	mysql_optionsv(conn, MARIADB_OPT_TLS_VERSION, "TLSv1.2,TLSv1.3");
	mysql_optionsv(conn, MYSQL_OPT_SSL_CA, p->ca ? p->ca : CA_FILE);
}

static bool cannot_connect(MYSQL *conn, struct err *err)
{
	unsigned code = mysql_errno(conn);
	if (!maria_is_lost(code))
		return maria_error(code, err);
	const char *why = mysql_error(conn);
	return err_set(err, ERR_STORE, "the database cannot be reached: %.*s",
		       (int)strcspn(why, "\n"), why);
}

/* The first that have JSON_TABLE and checked constraints. */
static bool is_new_enough(MYSQL *conn, struct err *err)
{
	unsigned long version = mysql_get_server_version(conn);
	if (version >= (mariadb_connection(conn) ? 100600 : 80016))
		return true;
	return err_set(err, ERR_STORE,
		       "the database server is too old: take MariaDB 10.6, MySQL 8.0.16 or newer");
}

static bool warn_once(struct maria_db *db, struct err *err)
{
	bool durable;
	if (!maria_durable(db, &durable, err))
		return false;
	if (!durable && !db->warned)
		log_write(LOG_WARN,
			  "a crash of the database server can lose what we said is done: set its "
			  "innodb_flush_log_at_trx_commit to 1 and, with a binary log, its "
			  "sync_binlog to 1");
	db->warned = !durable;
	return true;
}

static bool connect_now(struct maria_db *db, struct err *err)
{
	const struct maria_params *p = &db->params;
	int64_t large;
	db->conn = mysql_init(0);
	if (!db->conn)
		return err_set(err, ERR_STORE, "no memory left for the database");
	set_options(db->conn, p);
	if (!mysql_real_connect(db->conn, p->host, p->user, p->password, p->database, p->port,
				p->socket, CLIENT_FOUND_ROWS | CLIENT_MULTI_STATEMENTS))
		return cannot_connect(db->conn, err);
	if (!is_new_enough(db->conn, err) || !maria_exec(db, session, err) ||
	    !maria_exec_int(db, "SELECT @@max_allowed_packet >= " PACKET_MIN, &large, err))
		return false;
	if (!large)
		return maria_error(ER_NET_PACKET_TOO_LARGE, err);
	return maria_migrate(db, err) && warn_once(db, err);
}

static void drop_connection(struct maria_db *db)
{
	if (db->conn)
		mysql_close(db->conn); /* first: then its statements say nothing to the server */
	db->conn = 0;
	maria_forget_statements(db);
}

void maria_lose(struct maria_db *db)
{
	drop_connection(db);
	db->db.failed |= db->in_transaction;
	err_set(&db->db.why, ERR_STORE, "%s", LOST);
}

/* Did the server hang up while we did nothing? */
static bool still_there(MYSQL *conn)
{
	struct pollfd p = {.fd = (int)mysql_get_socket(conn), .events = POLLIN};
	return poll(&p, 1, 0) == 0 || mysql_ping(conn) == 0;
}

bool maria_connected(struct maria_db *db, struct err *err)
{
	if (db->conn && still_there(db->conn))
		return true;
	if (db->conn)
		maria_lose(db);
	int64_t start_ms = maria_now_ms();
	if (start_ms < db->retry_at_ms)
		return err_set(err, ERR_STORE, "the database cannot be reached: try again");
	if (connect_now(db, err))
		return true;
	drop_connection(db);
	/* A host that does not answer costs seconds: leave as many to others. */
	int64_t end_ms = maria_now_ms(), spent_ms = end_ms - start_ms;
	db->retry_at_ms = end_ms + (spent_ms > RETRY_MS ? spent_ms : RETRY_MS);
	return false;
}
