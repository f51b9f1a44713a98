/* What only a database in a file can suffer: other processes, other files, full disks, kill -9. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "c2/store/schema/sqlite.h"
#include "c2/store/sqlite.h"
#include "c2/store/tests/fault_vfs.h"
#include "c2/store/tests/record_tests.h"

static char folder[] = "/tmp/e4-faults-XXXXXX";
static char path[64], wal_path[80], shm_path[80], lock_path[80];

static void open_db(void)
{
	OK(store_sqlite_open(&store, path, &err));
}

static void close_db(void)
{
	OPS->close(CTX);
}

static void clear(void)
{
	DIR *d = opendir(folder);
	if (!d)
		return;
	for (struct dirent *e; (e = readdir(d));)
		unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
}

static void refused(const char *file, const char *says)
{
	memset(&err, 0, sizeof err);
	CHECK(!store_sqlite_open(&store, file, &err));
	CHECK_EQ(err.code, ERR_STORE);
	if (!strstr(err.text, says))
		CHECK_STR(err.text, says);
}

static bool write_file(const char *file, const void *bytes, size_t len)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	bool ok = fd >= 0 && write(fd, bytes, len) == (ssize_t)len;
	close(fd);
	return ok;
}

/* As the sqlite3 shell would. */
static sqlite3 *raw_open(void)
{
	sqlite3 *db;
	CHECK(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "unix") ==
	      SQLITE_OK);
	return db;
}

static void raw_sql(const char *sql)
{
	sqlite3 *db = raw_open();
	CHECK_EQ(sqlite3_exec(db, sql, 0, 0, 0), SQLITE_OK);
	sqlite3_close(db);
}

static int take_text(void *arg, int n, char **values, char **names)
{
	(void)n;
	(void)names;
	snprintf(arg, 64, "%s", values[0] ? values[0] : "");
	return 0;
}

/* The file is whole, and its kept counters are those that counting gives. */
static void check_whole(void)
{
	static const char *const queries[] = {
		"PRAGMA integrity_check",
		"SELECT iif((SELECT count(*) FROM pragma_foreign_key_check), 'broken', 'ok')",
		"SELECT iif(n_clients = (SELECT count(*) FROM client), 'ok', 'n_clients') FROM "
		"state",
		"SELECT iif(n_topics = (SELECT count(*) FROM topic WHERE removed = 0),"
		" 'ok', 'n_topics') FROM state",
		"SELECT iif(count(*) = 0, 'ok', 'n_members') FROM topic t WHERE n_members <>"
		" (SELECT count(*) FROM member m WHERE m.topic_id = t.id AND m.removed = 0)",
		"SELECT iif(count(*) = 0, 'ok', 'n_old_keys') FROM client c WHERE n_old_keys <>"
		" (SELECT count(*) FROM old_key k WHERE k.client_id = c.id)",
	};
	sqlite3 *db = raw_open();
	for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
		char text[64] = "";
		CHECK_EQ(sqlite3_exec(db, queries[i], take_text, text, 0), SQLITE_OK);
		CHECK_STR(text, "ok");
	}
	sqlite3_close(db);
}

/* --- The file ------------------------------------------------------------------------- */

static int mode_of(const char *file)
{
	struct stat st;
	return stat(file, &st) == 0 ? (int)(st.st_mode & 07777) : -1;
}

static void the_files_are_for_their_owner_alone(void)
{
	static const mode_t masks[] = {0, 022, 0777};
	for (int i = 0; i < 3; i++) {
		mode_t old = umask(masks[i]);
		open_db();
		begin();
		add_client("a");
		commit();
		CHECK_EQ(mode_of(path), 0600);
		CHECK_EQ(mode_of(wal_path), 0600);
		CHECK_EQ(mode_of(shm_path), 0600);
		CHECK_EQ(mode_of(lock_path), 0600);
		close_db();
		umask(old);
		CHECK_EQ(mode_of(wal_path), -1); /* closing folds the log in */
		clear();
	}
	open_db();
	close_db();
	CHECK(chmod(path, 0644) == 0);
	open_db();
	CHECK_EQ(mode_of(path), 0600);
	close_db();
	clear();
}

static void files_that_are_no_database_of_ours_are_refused_untouched(void)
{
	uint8_t junk[8192], back[8192];
	for (size_t i = 0; i < sizeof junk; i++)
		junk[i] = (uint8_t)(i * 131 >> 3);
	CHECK(write_file(path, junk, sizeof junk));
	refused(path, "damaged or no E4 database");
	int fd = open(path, O_RDONLY);
	CHECK_EQ(read(fd, back, sizeof back), (ssize_t)sizeof back);
	close(fd);
	CHECK_MEM(back, junk, sizeof junk);
	clear();
	raw_sql("CREATE TABLE client (id); INSERT INTO client VALUES (1)");
	refused(path, "another program's");
	raw_sql("SELECT id FROM client");
	clear();
	raw_sql("PRAGMA application_id = 1");
	refused(path, "another program's");
	clear();
	refused(folder, "not a regular file");
	refused("/nonexistent/c2.db", "No such file");
	refused("", "no file");
	CHECK(write_file(path, "", 0)); /* an empty file is a new database */
	open_db();
	close_db();
	check_whole();
	clear();
}

static void a_newer_version_is_refused_untouched(void)
{
	open_db();
	begin();
	add_client("a");
	commit();
	close_db();
	raw_sql("PRAGMA user_version = 99");
	refused(path, "newer version (schema 99");
	char version[48];
	snprintf(version, sizeof version, "PRAGMA user_version = %d", sqlite_schema_n_steps);
	raw_sql(version);
	open_db();
	CHECK_EQ(count_of(OPS->clients_count), 1);
	close_db();
	raw_sql("PRAGMA user_version = 0");
	refused(path, "damaged");
	raw_sql("PRAGMA user_version = -1");
	refused(path, "damaged");
	clear();
}

static bool take_member_rev(void *arg, const struct store_member_topic *row)
{
	*(int64_t *)arg = row->member.removed ? -row->member.rev : row->member.rev;
	return true;
}

static void what_version_1_holds_is_kept(void)
{
	int64_t rev = 0;
	for (const char *const *text = sqlite_schema_steps[0]; *text; text++)
		raw_sql(*text);
	raw_sql("INSERT INTO client (id, name, e4id, key_rev, c2_rev, wanted_rev, sent_rev,"
		" confirmed_rev, reset_rev, reset_peers_rev, last_stamp, clock_offset, next_at,"
		" attempts, asked_at, last_seen, recheck_at, reason)"
		" VALUES (1,'a',zeroblob(16),1,0,1,0,0,0,0,0,0,0,0,0,0,0,0),"
		" (2,'b',x'01010101010101010101010101010101',1,0,1,0,0,0,0,0,0,0,0,0,0,0,0);"
		"INSERT INTO topic (id, name, hash, rev, rotated_at, walk_rev, walk_client,"
		" removed) VALUES (1,'t',zeroblob(16),2,0,2,0,0);"
		"INSERT INTO member (topic_id, client_id, rev, removed) VALUES (1,1,3,0), "
		"(1,2,4,1);"
		"UPDATE state SET revision = 4;"
		"PRAGMA application_id = 0x45344332; PRAGMA user_version = 1");
	open_db();
	CHECK_EQ(members_of(1), 1);
	OK(OPS->client_members(CTX, 1, take_member_rev, &rev, &err));
	CHECK_EQ(rev, 3);
	CHECK_EQ(client_of(1).behind_since, 0);
	OK(OPS->client_members(CTX, 2, take_member_rev, &rev, &err));
	CHECK_EQ(rev, -4);
	begin();
	put_member(2, 1, false);
	OK(OPS->client_tag_put(CTX, 1, "x", &err));
	add_client("c");
	commit();
	CHECK_EQ(members_of(1), 2);
	CHECK_EQ(client_of(1).type, 0);
	CHECK_EQ(count_of(OPS->clients_count), 3);
	begin();
	CHECK_EQ(add_record(RULE, 1, "x").id, 1);
	commit();
	close_db();
	check_whole();
	clear();
}

/* Root may write everything, so another user tries. */
static int as_nobody(void (*test)(void))
{
	int status = -1;
	fflush(0);
	pid_t pid = fork();
	if (pid == 0) {
		check_failed = 0;
		if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
			_exit(9);
		test();
		_exit(check_failed ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void try_read_only_file(void)
{
	refused(path, "cannot be written");
}

static void try_foreign_file(void)
{
	refused(path, "chmod 600");
}

static void try_read_only_folder(void)
{
	refused(path, "folder cannot be written");
}

static void try_closed_folder(void)
{
	refused(path, "no permission");
}

static void read_only_files_and_folders_are_refused(void)
{
	bool root = geteuid() == 0;
	open_db();
	close_db();
	CHECK(!root || (chown(path, 65534, 65534) == 0 && chown(folder, 65534, 65534) == 0 &&
			chown(lock_path, 65534, 65534) == 0));
	CHECK(chmod(path, 0400) == 0);
	CHECK_EQ(as_nobody(try_read_only_file), 0);
	CHECK(chmod(path, 0600) == 0 && chmod(folder, 0500) == 0);
	CHECK(unlink(lock_path) == 0 || !root);
	CHECK_EQ(as_nobody(try_read_only_folder), 0);
	CHECK(chmod(folder, 0000) == 0);
	CHECK_EQ(as_nobody(try_closed_folder), 0);
	if (root) {
		CHECK(chmod(folder, 0755) == 0 && chown(path, 0, 0) == 0 && chmod(path, 0644) == 0);
		CHECK_EQ(as_nobody(try_foreign_file), 0);
	}
	CHECK(chmod(folder, 0700) == 0);
	CHECK(!root || chown(folder, 0, 0) == 0);
	clear();
}

/* --- Other processes ---------------------------------------------------------------------- */

static void one_process_has_the_database(void)
{
	int ready[2] = {-1, -1}, done[2] = {-1, -1};
	char c = 0;
	CHECK(pipe(ready) == 0 && pipe(done) == 0);
	fflush(0);
	pid_t pid = fork();
	if (pid == 0) {
		close(done[1]);
		bool ok = store_sqlite_open(&store, path, &err);
		(void)!write(ready[1], ok ? "y" : "n", 1);
		(void)!read(done[0], &c, 1);
		_exit(0); /* without closing */
	}
	CHECK(read(ready[0], &c, 1) == 1 && c == 'y');
	refused(path, "in use by another process");
	sqlite3 *db = raw_open();
	CHECK_EQ(sqlite3_exec(db, "SELECT * FROM client", 0, 0, 0), SQLITE_OK); /* may read */
	sqlite3_close(db);
	close(done[1]);
	waitpid(pid, 0, 0);
	close(ready[0]), close(ready[1]), close(done[0]);
	open_db(); /* the lock ended with its process */
	struct store first = store;
	refused(path, "in use by another process"); /* the same process counts as another */
	store = first;
	begin();
	add_client("a");
	commit();
	close_db();
	clear();
}

/* A snapshot of what is committed, without waiting for the server nor making it wait. */
static void a_backup_is_made_while_the_store_is_in_use(void)
{
	char copy[80], sql[128];
	snprintf(copy, sizeof copy, "%s/copy.db", folder);
	snprintf(sql, sizeof sql, "VACUUM INTO '%s'", copy);
	open_db();
	begin();
	put_old_key(add_client("a"), 1, 1);
	commit();
	begin();
	add_client("not yet");
	raw_sql(sql);
	commit();
	sqlite3 *reader = raw_open();
	CHECK_EQ(sqlite3_exec(reader, "BEGIN; SELECT * FROM client", 0, 0, 0), SQLITE_OK);
	begin();
	OK(OPS->client_remove(CTX, 1, &err)); /* the log cannot be emptied under the reader */
	commit();
	OK(OPS->check(CTX, &err));
	sqlite3_close(reader);
	struct stat st;
	CHECK(stat(wal_path, &st) == 0 && st.st_size > 0);
	begin();
	next_rev();
	commit();
	CHECK(stat(wal_path, &st) == 0 && st.st_size == 0); /* now it was */
	CHECK_EQ(count_of(OPS->clients_count), 1);
	close_db();
	OK(store_sqlite_open(&store, copy, &err));
	CHECK_EQ(count_of(OPS->clients_count), 1);
	CHECK_EQ(client_of(1).n_old_keys, 1);
	close_db();
	clear();
}

static void write_until_killed(int ack)
{
	check_failed = 0;
	OK(store_sqlite_open(&store, path, &err));
	if (check_failed)
		_exit(1);
	for (;;) {
		char name[32];
		begin();
		struct store_topic t;
		bool found;
		OK(OPS->topic_by_name(CTX, "t", &t, &found, &err));
		int64_t topic = found ? t.id : add_topic("t", 1);
		int64_t n = count_of(OPS->clients_count);
		snprintf(name, sizeof name, "client %d", (int)n);
		int64_t id = add_client(name);
		put_member(id, topic, false);
		put_old_key(id, 1, 1);
		if (n % 7 == 6)
			OK(OPS->old_keys_drop(CTX, id, 2, &err));
		commit();
		n++;
		if (check_failed || write(ack, &n, sizeof n) != sizeof n)
			_exit(2);
	}
}

/* What was acknowledged is there; what is there is whole. */
static void kill_9_loses_nothing_that_was_committed(void)
{
	int64_t acked = 0, n = 0;
	for (int round = 0; round < 12; round++) {
		int ack[2] = {-1, -1};
		CHECK(pipe(ack) == 0);
		fflush(0);
		pid_t pid = fork();
		if (pid == 0) {
			close(ack[0]);
			write_until_killed(ack[1]);
		}
		close(ack[1]);
		/* Somewhere within the transaction after these. */
		for (int i = 0; i < 5 + round * 13 && read(ack[0], &n, sizeof n) == sizeof n; i++)
			acked = n;
		for (volatile int spin = 0; spin < round * 20000; spin++)
			;
		kill(pid, SIGKILL);
		waitpid(pid, 0, 0);
		while (read(ack[0], &n, sizeof n) == sizeof n)
			acked = n;
		close(ack[0]);
		open_db();
		int64_t clients = count_of(OPS->clients_count);
		CHECK(clients == acked || clients == acked + 1);
		close_db();
		check_whole();
	}
	CHECK(acked > 100);
	clear();
}

/* --- A disk that fails ---------------------------------------------------------------------- */

/* One change of each kind; false as soon as one is refused, with the transaction undone. */
static bool change(int i)
{
	struct store_client c = {.key = key_of((uint8_t)i, 49), .key_rev = i + 1};
	struct store_topic t;
	struct store_old_key k = {0, 1, key_of(1, 49)};
	struct store_member m;
	struct store_record r = record(RULE, 1, "x");
	bool found;
	snprintf(c.name, sizeof c.name, "client %d", i);
	memcpy(c.e4id, &i, sizeof i);
	if (!OPS->begin(CTX, &err))
		return false;
	bool ok = OPS->client_put(CTX, &c, &err) && OPS->topic_by_name(CTX, "t", &t, &found, &err);
	m = (struct store_member){c.id, t.id, 1, false};
	k.client_id = c.id;
	ok = ok && OPS->member_put(CTX, &m, &err) && OPS->old_key_put(CTX, &k, &err) &&
	     (i % 2 || OPS->old_keys_drop(CTX, c.id, 2, &err)) && OPS->record_put(CTX, &r, &err) &&
	     OPS->record_put(CTX, &r, &err) && OPS->records_trim(CTX, RULE, 1, 3, 1, &err);
	if (ok)
		return OPS->commit(CTX, &err);
	OPS->rollback(CTX);
	return false;
}

#define CHANGES 6

/*
 * Let the nth operation fail, for every n until none is left to fail. A change
 * that succeeded stays, one that failed is not there, and once the disk is well
 * again the same connection goes on.
 */
static void fail_every(const char *what, enum fault_op op, int rc, bool lasting, bool half)
{
	bool reached = true;
	int n;
	for (n = 1; reached; n++) {
		long before = check_failed;
		int done = 0;
		open_db();
		begin();
		add_topic("t", 1);
		commit();
		fault = (struct fault){
			.op = op, .countdown = n, .rc = rc, .lasting = lasting, .half = half};
		for (int i = 0; i < CHANGES; i++) {
			err = (struct err){ERR_OK, ""};
			if (change(i))
				done++;
			else
				CHECK_EQ(err.code, ERR_STORE);
		}
		reached = fault.hits > 0;
		if (reached && lasting) {
			CHECK(!OPS->check(CTX, &err));
			CHECK_EQ(err.code, ERR_STORE);
		}
		fault.op = FAULT_NONE;
		OK(OPS->check(CTX, &err));
		CHECK_EQ(count_of(OPS->clients_count), done);
		CHECK_EQ(strlen(listed(RULE, 1, 0, 9, true)), done > 3 ? 5
							      : done   ? 2 * done - 1
								       : 0);
		OK(change(100));
		CHECK_EQ(count_of(OPS->clients_count), done + 1);
		close_db();
		check_whole();
		open_db();
		CHECK_EQ(count_of(OPS->clients_count), done + 1);
		close_db();
		clear();
		if (check_failed != before)
			fprintf(stderr, "  %s, operation %d\n", what, n);
	}
	CHECK(n > 5);
}

static void a_full_disk_at_any_write(void)
{
	fail_every("full", FAULT_WRITE, SQLITE_FULL, true, false);
	fail_every("full for a moment", FAULT_WRITE, SQLITE_FULL, false, true);
}

static void a_failing_disk_at_any_write_or_sync(void)
{
	fail_every("write error", FAULT_WRITE, SQLITE_IOERR_WRITE, true, true);
	fail_every("one sync error", FAULT_SYNC, SQLITE_IOERR_FSYNC, false, false);
	fail_every("sync errors", FAULT_SYNC, SQLITE_IOERR_FSYNC, true, false);
}

static void a_full_disk_says_what_to_do(void)
{
	open_db();
	begin();
	add_topic("t", 1);
	commit();
	fault = (struct fault){
		.op = FAULT_WRITE, .countdown = 1, .rc = SQLITE_FULL, .lasting = true};
	CHECK(!change(1));
	CHECK(strstr(err.text, "full") && strstr(err.text, "free some space"));
	CHECK(!strstr(err.text, folder)); /* what a caller of the API may see has no paths */
	fault.op = FAULT_NONE;
	close_db();
	fault = (struct fault){
		.op = FAULT_READ, .countdown = 1, .rc = SQLITE_IOERR_READ, .lasting = true};
	refused(path, "disk failed");
	fault.op = FAULT_NONE;
	clear();
	fault = (struct fault){
		.op = FAULT_WRITE, .countdown = 3, .rc = SQLITE_FULL, .lasting = true};
	refused(path, "free some space"); /* while the tables are made */
	fault.op = FAULT_NONE;
	open_db();
	CHECK_EQ(count_of(OPS->clients_count), 0);
	close_db();
	check_whole();
	clear();
}

static void a_transaction_with_a_failed_write_cannot_be_committed(void)
{
	open_db();
	begin();
	int64_t id = add_client("a");
	struct store_client bad = client_of(id);
	bad.key.len = 255; /* longer than there are bytes */
	CHECK(!OPS->client_put(CTX, &bad, &err));
	memset(&err, 0, sizeof err);
	CHECK(!OPS->commit(CTX, &err));
	CHECK_EQ(err.code, ERR_STORE);
	CHECK_EQ(count_of(OPS->clients_count), 0);
	begin();
	add_client("b");
	commit();
	CHECK_EQ(count_of(OPS->clients_count), 1);
	close_db();
	clear();
}

static void a_file_that_vanishes_is_noticed(void)
{
	open_db();
	OK(OPS->check(CTX, &err));
	CHECK(unlink(path) == 0);
	CHECK(!OPS->check(CTX, &err));
	CHECK(strstr(err.text, "removed or replaced") != 0);
	CHECK(write_file(path, "", 0));
	CHECK(!OPS->check(CTX, &err));
	close_db();
	clear();
}

/* --- Damage ----------------------------------------------------------------------------------- */

static void read_everything(void)
{
	struct names l = {.n = 0};
	struct store_progress p;
	OPS->clients(CTX, page(0, 20), take_name, &l, &err);
	OPS->topics(CTX, page(0, 20), take_name, &l, &err);
	OPS->clients_after(CTX, 0, 20, take_client, &l, &err);
	OPS->topic_members(CTX, 1, 0, 20, take_client, &l, &err);
	OPS->topic_clients(CTX, 1, page(0, 20), take_name, &l, &err);
	OPS->topic_progress(CTX, 1, &p, &err);
	OPS->clients_due(CTX, INT64_MAX, 20, take_client, &l, &err);
	OPS->client_topics(CTX, 1, page(0, 20), take_name, &l, &err);
	OPS->records(CTX, RULE, 1, 0, 20, true, take_record, &l, &err);
	if (OPS->begin(CTX, &err)) {
		OPS->client_remove(CTX, 3, &err);
		if (!OPS->commit(CTX, &err))
			OPS->rollback(CTX);
	}
}

/* Random damage: an error or wrong data, but never a crash (the sanitizers watch). */
static void a_damaged_file_does_no_harm(void)
{
	static uint8_t good[1 << 20], bad[1 << 20];
	open_db();
	begin();
	int64_t t = add_topic("t", 1);
	for (int i = 0; i < 200; i++) {
		char name[16];
		snprintf(name, sizeof name, "c%d", i);
		put_member(add_client(name), t, false);
	}
	commit();
	close_db();
	int fd = open(path, O_RDONLY);
	ssize_t len = read(fd, good, sizeof good);
	close(fd);
	CHECK(len > 4096 && len < (ssize_t)sizeof good);
	uint32_t seed = 1;
	int refusals = 0;
	for (int round = 0; round < 150; round++) {
		memcpy(bad, good, (size_t)len);
		for (int i = 0; i < 1 + round % 40; i++) {
			seed = seed * 1664525 + 1013904223;
			size_t at = (seed >> 4) % (size_t)len;
			seed = seed * 1664525 + 1013904223;
			bad[at] = (uint8_t)(seed >> 24);
		}
		size_t cut = round % 5 ? (size_t)len : (size_t)len * (size_t)round / 150;
		CHECK(write_file(path, bad, cut));
		if (store_sqlite_open(&store, path, &err)) {
			read_everything();
			close_db();
		} else {
			refusals++;
			CHECK_EQ(err.code, ERR_STORE);
		}
		clear();
	}
	CHECK(refusals > 0);
}

/* --- Keys that are gone ---------------------------------------------------------- */

static bool file_holds(const char *file, const void *bytes, size_t n)
{
	static uint8_t all[4 << 20];
	int fd = open(file, O_RDONLY);
	ssize_t len = fd < 0 ? 0 : read(fd, all, sizeof all);
	close(fd);
	return len > 0 && memmem(all, (size_t)len, bytes, n);
}

static void removed_keys_leave_the_files(void)
{
	struct sealed old = key_of(0xd1, 49), private = key_of(0xd2, 81), topic = key_of(0xd3, 49),
		      c2 = key_of(0xd4, 49);
	open_db();
	begin();
	int64_t id = add_client("a"), t = add_topic("t", 1);
	for (int i = 0; i < 50; i++) {
		char name[16];
		snprintf(name, sizeof name, "c%d", i);
		put_old_key(add_client(name), 1, 0x11);
	}
	struct store_client c = client_of(id);
	c.private_key = private;
	OK(OPS->client_put(CTX, &c, &err));
	struct store_old_key k = {id, 1, old};
	OK(OPS->old_key_put(CTX, &k, &err));
	struct store_c2_key ck = {.rev = 1, .private_key = c2};
	OK(OPS->c2_key_put(CTX, &ck, &err));
	struct store_topic row;
	bool found;
	OK(OPS->topic_by_id(CTX, t, &row, &found, &err));
	row.key = topic;
	OK(OPS->topic_put(CTX, &row, &err));
	commit();
	CHECK(file_holds(wal_path, old.bytes, 49) && file_holds(wal_path, topic.bytes, 49));
	CHECK(file_holds(wal_path, private.bytes, 81) && file_holds(wal_path, c2.bytes, 49));
	static const char secret[] = "known to a webhook";
	begin();
	struct store_record r = add_record(RULE, 1, secret);
	commit();
	begin();
	OK(OPS->record_remove(CTX, RULE, r.id, 1, &err));
	commit();
	CHECK(!file_holds(path, secret, sizeof secret - 1));
	CHECK(!file_holds(wal_path, secret, sizeof secret - 1));
	begin();
	c.private_key.len = 0;
	OK(OPS->client_put(CTX, &c, &err));
	row.key = key_of(0x44, 49);
	OK(OPS->topic_put(CTX, &row, &err));
	OK(OPS->c2_keys_drop(CTX, 2, &err));
	OK(OPS->old_keys_drop(CTX, id, 2, &err));
	commit();
	const struct sealed *gone[] = {&old, &private, &topic, &c2};
	for (size_t i = 0; i < 4; i++) {
		/* At once, and not only after closing. */
		CHECK(!file_holds(path, gone[i]->bytes, gone[i]->len));
		CHECK(!file_holds(wal_path, gone[i]->bytes, gone[i]->len));
	}
	row.key = topic;
	begin();
	OK(OPS->topic_put(CTX, &row, &err));
	commit();
	row.key = key_of(0x45, 49);
	begin();
	OK(OPS->topic_put(CTX, &row, &err));
	commit();
	close_db();
	CHECK(!file_holds(path, topic.bytes, 49));
	clear();
}

int main(void)
{
	if (!mkdtemp(folder))
		return 2;
	snprintf(path, sizeof path, "%s/c2.db", folder);
	snprintf(wal_path, sizeof wal_path, "%s-wal", path);
	snprintf(shm_path, sizeof shm_path, "%s-shm", path);
	snprintf(lock_path, sizeof lock_path, "%s-lock", path);
	fault_vfs_install();
	RUN(the_files_are_for_their_owner_alone);
	RUN(files_that_are_no_database_of_ours_are_refused_untouched);
	RUN(a_newer_version_is_refused_untouched);
	RUN(what_version_1_holds_is_kept);
	RUN(read_only_files_and_folders_are_refused);
	RUN(one_process_has_the_database);
	RUN(a_backup_is_made_while_the_store_is_in_use);
	RUN(kill_9_loses_nothing_that_was_committed);
	RUN(a_full_disk_at_any_write);
	RUN(a_failing_disk_at_any_write_or_sync);
	RUN(a_full_disk_says_what_to_do);
	RUN(a_transaction_with_a_failed_write_cannot_be_committed);
	RUN(a_file_that_vanishes_is_noticed);
	RUN(a_damaged_file_does_no_harm);
	RUN(removed_keys_leave_the_files);
	rmdir(folder);
	return END();
}
