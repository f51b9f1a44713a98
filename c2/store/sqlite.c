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
#include "c2/store/sqlite_driver.h"

#define APPLICATION_ID 0x45344332 /* "E4C2" */
#define LOG_PAGES 1000            /* of 4096 bytes */
#define BUSY_WAIT_MS 200          /* for a program that writes although it should not */
#define BESIDE_WAIT_MS 5000       /* for the server */
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
static bool lock_take(struct sqlite_db *db, struct err *err)
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
	sqlite_error(SQLITE_BUSY, err);
	return err_wrap(err, "database %s", db->path);
}

static bool pragma_int(struct sqlite_db *db, const char *sql, int64_t *out, struct err *err)
{
	sqlite3_stmt *st = 0;
	int rc = sqlite3_prepare_v2(db->sql, sql, -1, &st, 0);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	*out = rc == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_finalize(st);
	return rc == SQLITE_ROW || sqlite_error(rc, err);
}

/* Is this file ours, and of a version that we know? Nothing was written so far. */
static bool identify(struct sqlite_db *db, int64_t *version, struct err *err)
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

static bool exec_list(struct sqlite_db *db, const char *const *list, struct err *err)
{
	for (; *list; list++) {
		if (!sqlite_run(db, *list, err))
			return false;
	}
	return true;
}

/* Step by step, each whole or not at all. */
static bool migrate(struct sqlite_db *db, int64_t version, struct err *err)
{
	for (; version < sqlite_schema_n_steps; version++) {
		char mark[96];
		snprintf(mark, sizeof mark, "PRAGMA application_id=%d; PRAGMA user_version=%d",
			 APPLICATION_ID, (int)version + 1);
		if (!sqlite_run(db, "BEGIN IMMEDIATE", err))
			return false;
		if (exec_list(db, sqlite_schema_steps[version], err) && sqlite_run(db, mark, err) &&
		    sqlite_run(db, "COMMIT", err))
			continue;
		if (!sqlite3_get_autocommit(db->sql))
			sqlite_run(db, "ROLLBACK", 0);
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
	struct sqlite_db *db = arg;
	(void)sql;
	(void)name;
	db->wal_pages = pages;
	return SQLITE_OK;
}

static bool settings(struct sqlite_db *db, struct err *err)
{
	/* No memory map: an I/O error would be a signal there, not a result. */
	return sqlite_run(db,
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
static void fold_log(struct sqlite_db *db)
{
	int mode = db->db.keys_dropped ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
	if (!db->db.keys_dropped && db->wal_pages < LOG_PAGES)
		return;
	sqlite3_busy_timeout(db->sql, 0);
	int rc = sqlite3_wal_checkpoint_v2(db->sql, 0, mode, 0, 0);
	sqlite3_busy_timeout(db->sql, BUSY_WAIT_MS);
	if (rc == SQLITE_OK) {
		db->db.keys_dropped = false;
		db->wal_pages = 0;
	} else if ((rc & 0xff) != SQLITE_BUSY) {
		db->write_doubtful = true;
	}
}

static bool take_over(struct sqlite_db *db, struct err *err)
{
	int64_t version;
	sqlite3_extended_result_codes(db->sql, 1);
	sqlite3_busy_timeout(db->sql, BUSY_WAIT_MS);
	restrict_sql(db->sql);
	/* SQLite opens what it may not write for reading alone, and says nothing. */
	if (sqlite3_db_readonly(db->sql, "main") == 1)
		return sqlite_error(SQLITE_READONLY, err);
	if (!sqlite_run(db, "PRAGMA cell_size_check=ON", err) || !identify(db, &version, err))
		return false;
	if (!settings(db, err) || !migrate(db, version, err))
		return false;
	sqlite3_wal_hook(db->sql, log_grew, db);
	/* What a process that was killed left in the log, removed keys among it. */
	db->db.keys_dropped = true;
	fold_log(db);
	/* Can it be written? */
	return sqlite_run(db, "BEGIN IMMEDIATE", err) && sqlite_run(db, "ROLLBACK", err);
}

void sqlite_close(struct db *base)
{
	struct sqlite_db *db = (struct sqlite_db *)base;
	sqlite_driver_free(db);
	sqlite3_close(db->sql);
	if (db->lock_fd >= 0)
		close(db->lock_fd);
	db_free(base);
	free(db->path);
	free(db);
}

/* --- Transactions ----------------------------------------------------------------- */

bool sqlite_begin(struct db *base, struct err *err)
{
	return sqlite_fixed((struct sqlite_db *)base, LITE_BEGIN, err);
}

bool sqlite_snapshot(struct db *base, struct err *err)
{
	struct sqlite_db *db = (struct sqlite_db *)base;
	int64_t ignored;
	if (!sqlite_run(db, "PRAGMA query_only=ON; BEGIN", err))
		return false;
	db->in_snapshot = true;
	/* The moment is that of the first read. */
	if (pragma_int(db, "SELECT revision FROM state", &ignored, err))
		return true;
	sqlite_rollback(base);
	return false;
}

void sqlite_rollback(struct db *base)
{
	struct sqlite_db *db = (struct sqlite_db *)base;
	sqlite_fixed(db, LITE_ROLLBACK, 0);
	if (db->in_snapshot)
		sqlite_run(db, "PRAGMA query_only=OFF", 0);
	db->in_snapshot = false;
}

bool sqlite_commit(struct db *base, struct err *err)
{
	struct sqlite_db *db = (struct sqlite_db *)base;
	db->write_doubtful = !sqlite_fixed(db, LITE_COMMIT, err);
	if (db->write_doubtful)
		return false;
	fold_log(db);
	return true;
}

bool sqlite_part(struct db *base, enum sql_part what, struct err *err)
{
	static const enum sqlite_fixed fixed[] = {
		[PART_BEGIN] = LITE_PART_BEGIN,
		[PART_UNDO] = LITE_PART_UNDO,
		[PART_END] = LITE_PART_END,
	};
	return sqlite_fixed((struct sqlite_db *)base, fixed[what], err);
}

bool sqlite_in_transaction(struct db *base)
{
	return !sqlite3_get_autocommit(((struct sqlite_db *)base)->sql);
}

/* --- Health ----------------------------------------------------------------------- */

/* Is the path still the file that we write to, and is there room to go on? */
static bool check_file(const struct sqlite_db *db, struct err *err)
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
		return sqlite_error(SQLITE_FULL, err);
	return true;
}

static bool check_write(struct sqlite_db *db, struct err *err)
{
	if (!sqlite_begin(&db->db, err))
		return false;
	bool ok = sqlite_run(db, "UPDATE state SET checks = checks + 1", err);
	if (ok && db->write_doubtful)
		ok = sqlite_commit(&db->db, err);
	if (sqlite_in_transaction(&db->db))
		sqlite_rollback(&db->db);
	return ok;
}

/* Writes to the disk only if the last commit failed: a health check is asked often. */
bool sqlite_check(struct db *base, struct err *err)
{
	struct sqlite_db *db = (struct sqlite_db *)base;
	int64_t checks;
	if (!pragma_int(db, "SELECT checks FROM state", &checks, err) || !check_file(db, err))
		return false;
	return sqlite_in_transaction(base) || check_write(db, err);
}

static bool remember_inode(struct sqlite_db *db, struct err *err)
{
	struct stat st;
	if (stat(db->path, &st) != 0)
		return file_error(err, db->path);
	db->inode = st.st_ino;
	return true;
}

static bool open_file(struct sqlite_db *db, struct err *err)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
	/* One thread needs no locks, nobody asks for sums of memory. Refused if SQLite runs. */
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	if (db->path && (!file_prepare(db->path, err) || !lock_take(db, err)))
		return false;
	if (!db->path)
		flags |= SQLITE_OPEN_MEMORY;
	const char *name = db->path ? db->path : ":memory:";
	int rc = sqlite3_open_v2(name, &db->sql, flags, 0);
	if (rc == SQLITE_OK ? !take_over(db, err) : !sqlite_error(rc, err))
		return err_wrap(err, "database %s", name);
	return !db->path || remember_inode(db, err);
}

static bool open_with(struct store *out, const char *path,
		      bool (*how)(struct sqlite_db *, struct err *), struct err *err)
{
	if (!path[0])
		return err_set(err, ERR_STORE, "database: no file is named");
	struct sqlite_db *db = mem_alloc(sizeof *db);
	db_init(&db->db, &sqlite_driver);
	db->lock_fd = -1;
	if (strcmp(path, ":memory:") != 0)
		db->path = mem_text(path);
	if (!how(db, err)) {
		sqlite_close(&db->db);
		return false;
	}
	out->ops = &sql_ops;
	out->ctx = db;
	return true;
}

bool store_sqlite_open(struct store *out, const char *path, struct err *err)
{
	return open_with(out, path, open_file, err);
}

/* --- Beside a server -------------------------------------------------------------- */

/* What is folded into the file is left to the server, above all when we close it last. */
static bool look_at(struct sqlite_db *db, int64_t *version, struct err *err)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
	int rc = sqlite3_open_v2(db->path, &db->sql, flags, 0);
	if (rc != SQLITE_OK)
		return sqlite_error(rc, err);
	sqlite3_extended_result_codes(db->sql, 1);
	sqlite3_busy_timeout(db->sql, BESIDE_WAIT_MS);
	sqlite3_db_config(db->sql, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)0);
	restrict_sql(db->sql);
	return identify(db, version, err);
}

static bool look_beside(struct sqlite_db *db, struct err *err)
{
	int64_t version = 0;
	bool ok = db->path ? look_at(db, &version, err) : sqlite_error(SQLITE_CANTOPEN, err);
	if (ok && version < sqlite_schema_n_steps)
		ok = err_set(err, ERR_STORE, "%s",
			     version ? "made by an older version: run c2 migrate first"
				     : "it is empty");
	ok = ok && sqlite_run(db,
			      "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
			      "PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY;"
			      "PRAGMA wal_autocheckpoint=0",
			      err);
	return (ok && remember_inode(db, err)) || err_wrap(err, "database %s", db->path);
}

bool store_sqlite_beside(struct store *out, const char *path, struct err *err)
{
	return open_with(out, path, look_beside, err);
}

bool store_sqlite_schema(const char *path, int *have, int *want, struct err *err)
{
	struct sqlite_db *db = mem_alloc(sizeof *db);
	int64_t version = 0;
	db_init(&db->db, &sqlite_driver);
	db->lock_fd = -1;
	db->path = mem_text(path);
	bool ok = access(path, F_OK) != 0 || look_at(db, &version, err) ||
		  err_wrap(err, "database %s", path);
	*have = (int)version;
	*want = sqlite_schema_n_steps;
	sqlite_close(&db->db);
	return ok;
}
