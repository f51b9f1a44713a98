/*
 * The database file: opening, transactions, health.
 *
 * One server has the file: a lock on PATH-lock is held for life and ends with
 * the process. SQLite's own exclusive mode would also turn away readers, and
 * with them a backup while the server runs (VACUUM INTO of the sqlite3 shell).
 *
 * Removed and replaced keys: secure_delete overwrites them in the file with
 * zeros. The write-ahead log still has them until it is folded in: at once
 * after a commit that removed rows with keys, else when it is LOG_PAGES long,
 * and then it is overwritten from its start; opening empties it, closing
 * removes it. What lies in the log is sealed like everything else, and what a
 * file system or flash disk keeps of overwritten blocks is beyond our reach:
 * that is what the sealing is for.
 */
#define _GNU_SOURCE
#include "c2/store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "c2/store/schema/sqlite.h"
#include "c2/store/sqlite_db.h"

#define APPLICATION_ID 0x45344332 /* "E4C2" */
#define LOG_PAGES 1000            /* of 4096 bytes */
#define BUSY_WAIT_MS 200          /* for a program that writes although it should not */
#define FREE_MIN (1 << 20)        /* bytes of free disk below which check warns */

/* --- Opening -------------------------------------------------------------------- */

static bool file_error(struct err *err, const char *path)
{
	if (errno == EACCES || errno == EPERM || errno == EROFS)
		return err_set(err, ERR_STORE, "database %s: no permission (%s)", path,
			       strerror(errno));
	return err_set(err, ERR_STORE, "database %s: %s", path, strerror(errno));
}

/*
 * Make the file if it is not there, for its owner alone. The log gets its
 * permissions from it. A file that is there is not opened here: closing any
 * descriptor of it would drop the locks of a connection in this process.
 */
static bool file_prepare(const char *path, struct err *err)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0) {
		bool ok = fchmod(fd, 0600) == 0; /* whatever the umask is */
		close(fd);
		return ok || file_error(err, path);
	}
	if (errno != EEXIST)
		return file_error(err, path);
	if (stat(path, &st) != 0)
		return file_error(err, path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_STORE, "database %s: not a regular file", path);
	if ((st.st_mode & 077) && chmod(path, 0600) != 0)
		return err_set(err, ERR_STORE,
			       "database %s: others can read it: chmod 600 it, or give it to the "
			       "user that runs this program",
			       path);
	return true;
}

/* The file stays: to unlink it would let two processes lock two files of one name. */
static bool lock_take(struct db *db, struct err *err)
{
	char path[PATH_MAX];
	if ((size_t)snprintf(path, sizeof path, "%s-lock", db->path) >= sizeof path) {
		errno = ENAMETOOLONG;
		return file_error(err, db->path);
	}
	db->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (db->lock_fd < 0)
		return err_set(
			err, ERR_STORE,
			"database %s: its folder cannot be written: %s cannot be opened (%s)",
			db->path, path, strerror(errno));
	fchmod(db->lock_fd, 0600); /* whatever the umask is */
	if (flock(db->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return true;
	if (errno != EWOULDBLOCK)
		return file_error(err, path);
	db_error(SQLITE_BUSY, err);
	return err_wrap(err, "database %s", db->path);
}

static bool pragma_int(struct db *db, const char *sql, int64_t *out, struct err *err)
{
	sqlite3_stmt *st = 0;
	int rc = sqlite3_prepare_v2(db->sql, sql, -1, &st, 0);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	*out = rc == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_finalize(st);
	return rc == SQLITE_ROW || db_error(rc, err);
}

/* Is this file ours, and of a version that we know? Nothing was written so far. */
static bool identify(struct db *db, int64_t *version, struct err *err)
{
	int64_t id, tables;
	if (!pragma_int(db, "SELECT count(*) FROM sqlite_schema", &tables, err) ||
	    !pragma_int(db, "PRAGMA application_id", &id, err) ||
	    !pragma_int(db, "PRAGMA user_version", version, err))
		return false;
	if (tables == 0 && id == 0 && *version == 0)
		return true;
	if (id != APPLICATION_ID)
		return err_set(err, ERR_STORE,
			       "this is another program's database: name another file");
	if (*version > sqlite_schema_n_steps)
		return err_set(err, ERR_STORE,
			       "made by a newer version (schema %d, this program knows %d): run "
			       "that version, or restore a backup from before",
			       (int)*version, sqlite_schema_n_steps);
	if (*version < 1)
		return err_set(err, ERR_STORE, "the database is damaged: restore a backup");
	return true;
}

static bool exec_list(struct db *db, const char *const *list, struct err *err)
{
	for (; *list; list++) {
		if (!db_exec(db, *list, err))
			return false;
	}
	return true;
}

/* Step by step, each whole or not at all. */
static bool migrate(struct db *db, int64_t version, struct err *err)
{
	for (; version < sqlite_schema_n_steps; version++) {
		char mark[96];
		snprintf(mark, sizeof mark, "PRAGMA application_id=%d; PRAGMA user_version=%d",
			 APPLICATION_ID, (int)version + 1);
		if (!db_exec(db, "BEGIN IMMEDIATE", err))
			return false;
		if (exec_list(db, sqlite_schema_steps[version], err) && db_exec(db, mark, err) &&
		    db_exec(db, "COMMIT", err))
			continue;
		if (!sqlite3_get_autocommit(db->sql))
			db_exec(db, "ROLLBACK", 0);
		return false;
	}
	return true;
}

/* A database from outside holds rows and does nothing: no extensions, no functions. */
static void restrict_sql(sqlite3 *sql)
{
	sqlite3_db_config(sql, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)0);
	sqlite3_db_config(sql, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)0);
	sqlite3_db_config(sql, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, (int *)0);
	sqlite3_db_config(sql, SQLITE_DBCONFIG_DQS_DML, 0, (int *)0);
	sqlite3_db_config(sql, SQLITE_DBCONFIG_DQS_DDL, 0, (int *)0);
	sqlite3_limit(sql, SQLITE_LIMIT_ATTACHED, 0);
}

static int log_grew(void *arg, sqlite3 *sql, const char *name, int pages)
{
	struct db *db = arg;
	(void)sql;
	(void)name;
	db->wal_pages = pages;
	return SQLITE_OK;
}

static bool settings(struct db *db, struct err *err)
{
	/* No memory map: an I/O error would be a signal there, not a result. */
	return db_exec(db,
		       "PRAGMA journal_mode=WAL;"
		       "PRAGMA synchronous=FULL;"
		       "PRAGMA foreign_keys=ON;"
		       "PRAGMA secure_delete=ON;"
		       "PRAGMA temp_store=MEMORY;"
		       "PRAGMA mmap_size=0;"
		       "PRAGMA cache_size=-16384;"          /* 16 MiB */
		       "PRAGMA journal_size_limit=8388608;" /* after one huge transaction */
		       "PRAGMA wal_autocheckpoint=0",
		       err);
}

/*
 * Fold the log into the file. What was committed is safe in the log if this
 * fails, so it is no failure of the commit; check will tell. A reader (a
 * backup) may still need the log: it is not waited for, the next commit tries
 * again.
 */
static void fold_log(struct db *db)
{
	int mode = db->keys_dropped ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
	if (!db->keys_dropped && db->wal_pages < LOG_PAGES)
		return;
	sqlite3_busy_timeout(db->sql, 0);
	int rc = sqlite3_wal_checkpoint_v2(db->sql, 0, mode, 0, 0);
	sqlite3_busy_timeout(db->sql, BUSY_WAIT_MS);
	if (rc == SQLITE_OK) {
		db->keys_dropped = false;
		db->wal_pages = 0;
	} else if ((rc & 0xff) != SQLITE_BUSY) {
		db->write_doubtful = true;
	}
}

static bool take_over(struct db *db, struct err *err)
{
	int64_t version;
	sqlite3_extended_result_codes(db->sql, 1);
	sqlite3_busy_timeout(db->sql, BUSY_WAIT_MS);
	restrict_sql(db->sql);
	/* SQLite opens what it may not write for reading alone, and says nothing. */
	if (sqlite3_db_readonly(db->sql, "main") == 1)
		return db_error(SQLITE_READONLY, err);
	if (!db_exec(db, "PRAGMA cell_size_check=ON", err) || !identify(db, &version, err))
		return false;
	if (!settings(db, err) || !migrate(db, version, err))
		return false;
	sqlite3_wal_hook(db->sql, log_grew, db);
	/* What a process that was killed left in the log, removed keys among it. */
	db->keys_dropped = true;
	fold_log(db);
	struct stmt begin = stmt_read(db, SQL_BEGIN);
	if (!stmt_run(&begin, err))
		return false;
	struct stmt rollback = stmt_read(db, SQL_ROLLBACK);
	return stmt_run(&rollback, err);
}

static void sq_close(void *ctx)
{
	struct db *db = ctx;
	for (int i = 0; i < SQL_N; i++)
		sqlite3_finalize(db->stmts[i]);
	sqlite3_close(db->sql);
	if (db->lock_fd >= 0)
		close(db->lock_fd);
	places_free(&db->clients);
	places_free(&db->topics);
	places_free(&db->topic_clients);
	free(db->path);
	free(db);
}

/* --- Transactions ----------------------------------------------------------------- */

static bool sq_begin(void *ctx, struct err *err)
{
	struct db *db = ctx;
	if (!sqlite3_get_autocommit(db->sql))
		return err_set(err, ERR_INTERNAL, "a transaction is open already");
	db->failed = false;
	struct stmt s = stmt_read(db, SQL_BEGIN);
	return stmt_run(&s, err);
}

static void sq_rollback(void *ctx)
{
	struct db *db = ctx;
	if (!sqlite3_get_autocommit(db->sql)) {
		struct stmt s = stmt_read(db, SQL_ROLLBACK);
		stmt_run(&s, 0);
	}
	/* They may have been found among rows that are no more. */
	places_forget(&db->clients);
	places_forget(&db->topics);
	places_forget(&db->topic_clients);
	db->failed = false;
}

static bool sq_commit(void *ctx, struct err *err)
{
	struct db *db = ctx;
	if (db->failed || sqlite3_get_autocommit(db->sql)) {
		bool was_failed = db->failed;
		sq_rollback(db);
		return db_error(was_failed ? SQLITE_ABORT : SQLITE_MISUSE, err);
	}
	struct stmt s = stmt_read(db, SQL_COMMIT);
	if (!stmt_run(&s, err)) {
		sq_rollback(db);
		db->write_doubtful = true;
		return false;
	}
	db->write_doubtful = false;
	fold_log(db);
	return true;
}

/* --- Health ----------------------------------------------------------------------- */

/* Is the path still the file that we write to, and is there room to go on? */
static bool check_file(const struct db *db, struct err *err)
{
	struct stat st;
	struct statvfs fs;
	if (!db->path)
		return true;
	if (stat(db->path, &st) != 0 || st.st_ino != db->inode)
		return err_set(err, ERR_STORE,
			       "the database file was removed or replaced while in use: stop the "
			       "server and restore the file");
	if (statvfs(db->path, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < FREE_MIN)
		return db_error(SQLITE_FULL, err);
	return true;
}

static bool check_write(struct db *db, struct err *err)
{
	if (!sq_begin(db, err))
		return false;
	struct stmt s = stmt_write(db, SQL_CHECK_WRITE);
	if (!stmt_run(&s, err)) {
		sq_rollback(db);
		return false;
	}
	if (db->write_doubtful)
		return sq_commit(db, err);
	sq_rollback(db);
	return true;
}

/* Writes to the disk only if the last commit failed: a health check is asked often. */
static bool sq_check(void *ctx, struct err *err)
{
	struct db *db = ctx;
	int64_t checks;
	struct stmt s = stmt_read(db, SQL_CHECK_READ);
	if (!stmt_int(&s, &checks, err) || !check_file(db, err))
		return false;
	return !sqlite3_get_autocommit(db->sql) || check_write(db, err);
}

static const struct store_ops sqlite_ops = {
	.begin = sq_begin,
	.commit = sq_commit,
	.rollback = sq_rollback,
	.check = sq_check,
	.close = sq_close,
	.revision = sq_revision,
	.revision_next = sq_revision_next,
	.meta_get = sq_meta_get,
	.meta_put = sq_meta_put,
	.client_by_name = sq_client_by_name,
	.client_by_e4id = sq_client_by_e4id,
	.client_by_id = sq_client_by_id,
	.client_put = sq_client_put,
	.client_remove = sq_client_remove,
	.clients = sq_clients,
	.clients_count = sq_clients_count,
	.clients_due = sq_clients_due,
	.clients_next_at = sq_clients_next_at,
	.clients_after = sq_clients_after,
	.clients_from = sq_clients_from,
	.topics_from = sq_topics_from,
	.client_tags = sq_client_tags,
	.client_tag_put = sq_client_tag_put,
	.client_tag_remove = sq_client_tag_remove,
	.old_key_put = sq_old_key_put,
	.old_keys = sq_old_keys,
	.old_keys_drop = sq_old_keys_drop,
	.c2_key_put = sq_c2_key_put,
	.c2_keys = sq_c2_keys,
	.c2_keys_drop = sq_c2_keys_drop,
	.clients_min_c2_rev = sq_clients_min_c2_rev,
	.topic_by_name = sq_topic_by_name,
	.topic_by_id = sq_topic_by_id,
	.topic_put = sq_topic_put,
	.topic_remove = sq_topic_remove,
	.topics = sq_topics,
	.topics_count = sq_topics_count,
	.topics_to_walk = sq_topics_to_walk,
	.topic_progress = sq_topic_progress,
	.member = sq_member,
	.member_put = sq_member_put,
	.member_remove = sq_member_remove,
	.client_members = sq_client_members,
	.topic_members = sq_topic_members,
	.client_topics = sq_client_topics,
	.client_topics_count = sq_client_topics_count,
	.topic_clients = sq_topic_clients,
	.link_put = sq_link_put,
	.link_remove = sq_link_remove,
	.links = sq_links,
	.links_count = sq_links_count,
	.link_clients = sq_link_clients,
	.peer_put = sq_peer_put,
	.peer_remove = sq_peer_remove,
	.client_peers = sq_client_peers,
	.peer_holders = sq_peer_holders,
	.event_append = sq_event_append,
	.events_after = sq_events_after,
	.events_last = sq_events_last,
	.events_prune = sq_events_prune,
};

static bool remember_inode(struct db *db, struct err *err)
{
	struct stat st;
	if (stat(db->path, &st) != 0)
		return file_error(err, db->path);
	db->inode = st.st_ino;
	return true;
}

static bool open_file(struct db *db, struct err *err)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
	if (db->path && (!file_prepare(db->path, err) || !lock_take(db, err)))
		return false;
	if (!db->path)
		flags |= SQLITE_OPEN_MEMORY;
	const char *name = db->path ? db->path : ":memory:";
	int rc = sqlite3_open_v2(name, &db->sql, flags, 0);
	if (rc == SQLITE_OK ? !take_over(db, err) : !db_error(rc, err))
		return err_wrap(err, "database %s", name);
	return !db->path || remember_inode(db, err);
}

bool store_sqlite_open(struct store *out, const char *path, struct err *err)
{
	if (!path[0])
		return err_set(err, ERR_STORE, "database: no file is named");
	struct db *db = mem_alloc(sizeof *db);
	db->clients.sql = SQL_CLIENTS;
	db->topics.sql = SQL_TOPICS;
	db->topic_clients.sql = SQL_TOPIC_CLIENTS_MANY;
	db->lock_fd = -1;
	if (strcmp(path, ":memory:") != 0)
		db->path = mem_text(path);
	if (!open_file(db, err)) {
		sq_close(db);
		return false;
	}
	out->ops = &sqlite_ops;
	out->ctx = db;
	return true;
}
