/*
 * What only a database server can do to us: end a connection at any time, be
 * away, lose the answer to a commit, run out of disk, find a deadlock, be used
 * by others at the same time. Each is told, nothing is half done, and the store
 * works again when the cause is gone.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "c2/store/pg_driver.h"
#include "c2/store/schema/pg.h"
#include "c2/store/tests/kit.h"
#include "c2/store/tests/pg_proxy.h"
#include "c2/store/tests/pg_server.h"

static struct pg_server pg;

static bool open_url(const char *url)
{
	return store_pg_open(&store, &(struct store_pg_config){.url = url}, &err);
}

static void open_empty(void)
{
	pg_server_sql(&pg, "DROP SCHEMA IF EXISTS e4 CASCADE");
	OK(open_url(pg.url));
}

static void close_store(void)
{
	OPS->close(CTX);
}

static void says(const char *text)
{
	CHECK_EQ(err.code, ERR_STORE);
	if (!strstr(err.text, text))
		CHECK_STR(err.text, text);
}

static void end_sessions(void)
{
	pg_server_sql(&pg, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
			   " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()");
}

/* Until the store is well again, or so long that it is not. */
static bool recovers(void)
{
	for (int i = 0; i < 200; i++) {
		if (OPS->check(CTX, &err))
			return true;
		poll(0, 0, 50);
	}
	return false;
}

/* The kept counters are those that counting gives. */
static void check_whole(int64_t n_clients)
{
	CHECK_EQ(pg_server_sql(&pg, "SELECT n_clients FROM e4.state"), n_clients);
	CHECK_EQ(pg_server_sql(&pg, "SELECT count(*) FROM e4.client"), n_clients);
	CHECK_EQ(pg_server_sql(&pg, "SELECT count(*) FROM e4.topic t WHERE n_members <> (SELECT "
				    "count(*) FROM e4.member m WHERE m.topic_id = t.id AND NOT "
				    "m.removed)"),
		 0);
	CHECK_EQ(pg_server_sql(&pg, "SELECT count(*) FROM e4.client c WHERE n_old_keys <> (SELECT"
				    " count(*) FROM e4.old_key k WHERE k.client_id = c.id)"),
		 0);
}

static void add_and_commit(const char *name)
{
	begin();
	add_client(name);
	commit();
}

/* --- Connections ----------------------------------------------------------------------- */

static void a_session_that_ended_while_idle_is_replaced_unseen(void)
{
	open_empty();
	add_and_commit("a");
	end_sessions();
	CHECK_EQ(count_of(OPS->clients_count), 1);
	end_sessions();
	add_and_commit("b");
	end_sessions();
	OK(OPS->check(CTX, &err));
	close_store();
	check_whole(2);
}

static void a_session_that_ends_in_a_transaction_takes_it_along(void)
{
	struct store_client c;
	int64_t n;
	bool found;
	open_empty();
	add_and_commit("a");
	begin();
	int64_t b = add_client("b");
	end_sessions();
	memset(&err, 0, sizeof err);
	CHECK(!OPS->client_by_id(CTX, b, &c, &found, &err));
	says("connection");
	CHECK(!OPS->clients_count(CTX, &n, &err) || n >= 0);
	CHECK(!OPS->commit(CTX, &err));
	CHECK_EQ(err.code, ERR_STORE);
	CHECK_EQ(count_of(OPS->clients_count), 1);
	begin();
	add_client("c");
	end_sessions();
	CHECK(!OPS->commit(CTX, &err)); /* found out by the commit itself */
	says("connection");
	add_and_commit("d");
	close_store();
	check_whole(2);
}

static void a_server_that_is_away_is_told_and_found_again(int signo)
{
	int64_t n;
	open_empty();
	add_and_commit("a");
	begin();
	add_client("b");
	pg_server_kill(&pg, signo);
	int64_t start_ms = pg_now_ms();
	CHECK(!OPS->commit(CTX, &err));
	says("connection");
	for (int i = 0; i < 20; i++) {
		CHECK(!OPS->clients_count(CTX, &n, &err));
		says("cannot be reached");
		CHECK(!OPS->begin(CTX, &err));
		CHECK(!OPS->check(CTX, &err));
	}
	CHECK(pg_now_ms() - start_ms < 10000); /* an event loop waits for all this */
	CHECK(pg_server_again(&pg));
	CHECK(recovers());
	add_and_commit("c");
	close_store();
	check_whole(2);
}

static void a_server_that_is_stopped_is_told_and_found_again(void)
{
	a_server_that_is_away_is_told_and_found_again(SIGINT);
}

static void a_server_that_crashes_is_told_and_found_again(void)
{
	a_server_that_is_away_is_told_and_found_again(SIGQUIT);
}

/* The server has committed, or not; the answer does not come. */
static void a_commit_whose_answer_is_lost(enum pg_proxy_cut cut, bool done)
{
	struct pg_proxy proxy;
	open_empty();
	close_store();
	CHECK(pg_proxy_start(&proxy, &pg));
	OK(open_url(proxy.url));
	begin();
	add_client("a");
	pg_proxy_cut(&proxy, cut);
	CHECK_EQ(OPS->commit(CTX, &err), done);
	CHECK_EQ(count_of(OPS->clients_count), done);
	add_and_commit("b");
	close_store();
	pg_proxy_stop(&proxy);
	check_whole(1 + done);
}

static void a_commit_whose_answer_is_lost_is_asked_for(void)
{
	a_commit_whose_answer_is_lost(PG_PROXY_CUT_ANSWER, true);
}

static void a_commit_that_did_not_arrive_is_known_not_to_be(void)
{
	a_commit_whose_answer_is_lost(PG_PROXY_CUT_REQUEST, false);
}

/* --- Disk ------------------------------------------------------------------------------ */

/* A mount that goes with this process. */
static bool own_mounts(void)
{
	char map[64];
	int uid = (int)geteuid();
	if (unshare(uid == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0)
		return false;
	if (uid != 0) {
		int fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
		snprintf(map, sizeof map, "%d %d 1", uid, uid);
		bool ok = fd >= 0 && write(fd, map, strlen(map)) > 0;
		close(fd);
		if (!ok)
			return false;
	}
	return mount("none", "/", 0, MS_REC | MS_PRIVATE, 0) == 0;
}

static bool disk_of(const char *path, const char *size, unsigned long flags)
{
	char options[64];
	snprintf(options, sizeof options, "size=%s,mode=0777", size);
	return mount("tmpfs", path, "tmpfs", flags, options) == 0;
}

static bool fill_until_full(int64_t *n)
{
	char name[32];
	for (; *n < 200000; *n += 100) {
		begin();
		for (int i = 0; i < 100; i++) {
			struct store_client c;
			snprintf(name, sizeof name, "%07d", (int)*n + i);
			c = client_row(name);
			if (!OPS->client_put(CTX, &c, &err)) {
				says("full");
				CHECK(!OPS->commit(CTX, &err));
				return true;
			}
		}
		if (!OPS->commit(CTX, &err)) {
			says("full");
			return true;
		}
	}
	return false;
}

static void a_full_disk_says_what_to_do(void)
{
	char path[96], sql[160];
	int64_t n = 0;
	snprintf(path, sizeof path, "%s/small", pg.folder);
	CHECK(mkdir(path, 0777) == 0 && disk_of(path, "6m", 0));
	/* The server's own folder of a tablespace is made in this one, by its user. */
	snprintf(sql, sizeof sql, "CREATE TABLESPACE small LOCATION '%s'", path);
	const struct passwd *who = getpwnam("postgres");
	CHECK(geteuid() != 0 || chown(path, who->pw_uid, who->pw_gid) == 0);
	pg_server_sql(&pg, sql);
	open_empty();
	pg_server_sql(&pg, "ALTER TABLE e4.client SET TABLESPACE small");
	CHECK(fill_until_full(&n));
	CHECK(n > 0);
	CHECK_EQ(count_of(OPS->clients_count), n);
	check_whole(n);
	CHECK(disk_of(path, "64m", MS_REMOUNT));
	add_and_commit("room again");
	close_store();
	check_whole(n + 1);
	pg_server_sql(&pg, "DROP SCHEMA e4 CASCADE");
	pg_server_sql(&pg, "DROP TABLESPACE small");
	CHECK(umount2(path, MNT_DETACH) == 0);
}

/* --- Others ---------------------------------------------------------------------------- */

static void a_deadlock_is_told_and_undone(void)
{
	open_empty();
	begin();
	int64_t a = add_client("a");
	commit();
	PGconn *other = PQconnectdb(pg.url);
	PQclear(PQexec(other, "SET deadlock_timeout = '60s'; BEGIN;"
			      "UPDATE e4.client SET reason = 7"));
	begin();
	next_rev(); /* has the lock of the writers */
	CHECK(PQsendQuery(other, "SELECT 1 FROM e4.state FOR UPDATE"));
	while (!pg_server_sql(&pg, "SELECT count(*) FROM pg_stat_activity WHERE"
				   " wait_event_type = 'Lock'"))
		poll(0, 0, 10);
	struct store_client c = client_of(a);
	c.reason = 5;
	bool put = OPS->client_put(CTX, &c, &err);
	CHECK(!(put && OPS->commit(CTX, &err)));
	says("deadlock");
	if (!put)
		CHECK(!OPS->commit(CTX, &err));
	PQclear(PQgetResult(other));
	PQfinish(other); /* and its transaction */
	CHECK_EQ(client_of(a).reason, 0);
	CHECK_EQ(count_of(OPS->revision), 1);
	add_and_commit("b");
	close_store();
	check_whole(2);
}

/* As a cluster does that orders transactions by trying. */
static void a_serialization_failure_is_told_and_undone(void)
{
	open_empty();
	add_and_commit("a");
	pg_server_sql(&pg, "CREATE FUNCTION e4.no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
			   " RAISE EXCEPTION USING ERRCODE = '40001'; END $$;"
			   "CREATE CONSTRAINT TRIGGER no AFTER INSERT ON e4.event"
			   " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION e4.no()");
	struct store_event e = {.type = 1};
	begin();
	add_client("b");
	OK(OPS->event_append(CTX, &e, &err));
	CHECK(!OPS->commit(CTX, &err));
	says("serialization");
	add_and_commit("c");
	close_store();
	check_whole(2);
}

static int in_child(void (*run)(void))
{
	int pid = fork();
	if (pid)
		return pid;
	signal(SIGTERM, SIG_DFL);
	run();
	_exit(0);
}

static void open_and_close(void)
{
	if (!open_url(pg.url)) {
		fprintf(stderr, "%s\n", err.text);
		_exit(1);
	}
	close_store();
}

static void servers_that_start_together_make_the_tables_once(void)
{
	for (int round = 0; round < 5; round++) {
		int pids[4], status;
		pg_server_sql(&pg, "DROP SCHEMA IF EXISTS e4 CASCADE");
		for (int i = 0; i < 4; i++)
			pids[i] = in_child(open_and_close);
		for (int i = 0; i < 4; i++) {
			CHECK(waitpid(pids[i], &status, 0) == pids[i]);
			CHECK_EQ(status, 0);
		}
		CHECK_EQ(pg_server_sql(&pg, "SELECT sum(version) FROM e4.schema_version"),
			 pg_schema_n_steps);
		CHECK_EQ(pg_server_sql(&pg, "SELECT count(*) FROM e4.state"), 1);
	}
}

static void add_a_hundred(void)
{
	char name[32];
	long failed_before = check_failed;
	if (!open_url(pg.url))
		_exit(1);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "%d-%d", (int)getpid(), i);
		add_and_commit(name);
	}
	if (check_failed != failed_before)
		_exit(1);
	close_store();
}

static void servers_that_write_at_once_take_turns(void)
{
	int pids[3], status;
	open_empty();
	close_store();
	for (int i = 0; i < 3; i++)
		pids[i] = in_child(add_a_hundred);
	for (int i = 0; i < 3; i++) {
		CHECK(waitpid(pids[i], &status, 0) == pids[i]);
		CHECK_EQ(status, 0);
	}
	check_whole(300);
	CHECK_EQ(pg_server_sql(&pg, "SELECT count(DISTINCT key_rev) FROM e4.client"), 300);
	CHECK_EQ(pg_server_sql(&pg, "SELECT revision FROM e4.state"), 300);
}

/* Another server adds names in front while we hold places in the list. */
static void pages_follow_what_others_write(void)
{
	char name[16];
	struct names l = {.n = 0};
	open_empty();
	begin();
	for (int i = 0; i < 1500; i++) {
		snprintf(name, sizeof name, "m%04d", i);
		add_client(name);
	}
	commit();
	OK(OPS->clients(CTX, page(1400, 1), take_name, &l, &err));
	CHECK_STR(l.text, "m1400");
	struct store ours = store;
	OK(open_url(pg.url));
	begin();
	add_client("a");
	add_client("b");
	commit();
	close_store();
	store = ours;
	l = (struct names){.n = 0};
	OK(OPS->clients(CTX, page(1400, 1), take_name, &l, &err));
	CHECK_STR(l.text, "m1398");
	close_store();
}

static void hold_the_lock(void)
{
	if (!open_url(pg.url))
		_exit(1);
	begin();
	add_client("never");
	raise(SIGSTOP);
}

static void one_that_hangs_or_dies_with_the_lock_loses_it(void)
{
	int status;
	open_empty();
	for (int kill_it = 1; kill_it >= 0; kill_it--) {
		int pid = in_child(hold_the_lock);
		CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
		if (kill_it)
			kill(pid, SIGKILL);
		int64_t start_ms = pg_now_ms(), rev = 0;
		bool got = false;
		while (!got && pg_now_ms() - start_ms < 30000) {
			begin();
			got = OPS->revision_next(CTX, &rev, &err);
			if (!got)
				says("another server holds");
			OPS->rollback(CTX);
		}
		CHECK(got && rev == 1);
		if (!kill_it)
			kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	close_store();
	check_whole(0);
}

/* --- Settings -------------------------------------------------------------------------- */

static const char *parameter_of(const char *url, const char *key)
{
	static char value[128];
	struct pg_db *db = calloc(1, sizeof *db);
	OK(pg_parameters(db, &(struct store_pg_config){.url = url}, &err));
	value[0] = 0;
	for (size_t i = 0; db->keys && db->keys[i]; i++) {
		if (strcmp(db->keys[i], key) == 0)
			snprintf(value, sizeof value, "%s", db->values[i]);
	}
	pg_parameters_free(db);
	free(db);
	return value;
}

static void a_network_needs_a_verified_certificate(void)
{
	CHECK_STR(parameter_of("postgres://u@db.example.org/d", "sslmode"), "verify-full");
	CHECK_STR(parameter_of("postgresql://u@localhost,10.0.0.1/d", "sslmode"), "verify-full");
	CHECK_STR(parameter_of("postgres://u@h/d?hostaddr=10.0.0.1", "sslmode"), "verify-full");
	CHECK_STR(parameter_of("postgres://u@localhost/d?hostaddr=10.0.0.1", "sslmode"),
		  "verify-full");
	CHECK_STR(parameter_of("postgres://u@localhost/d", "sslmode"), "");
	CHECK_STR(parameter_of("postgres://u@[::1]:5432/d", "sslmode"), "");
	CHECK_STR(parameter_of("postgres:///d?host=/run/postgresql", "sslmode"), "");
	CHECK_STR(parameter_of("postgres:///d", "sslmode"), "");
	CHECK_STR(parameter_of("postgres://u@h/d?sslmode=verify-ca", "sslmode"), "verify-ca");
}

static void a_password_is_not_taken_from_the_url_nor_told(void)
{
	static const char *const urls[] = {
		"postgres://u:hunter2@localhost/d",
		"postgres://u:hunter2@localhost:no/d",
		"postgres://localhost/d?password=hunter2",
		"postgres://u:hunter2@[::1/d",
	};
	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
		memset(&err, 0, sizeof err);
		CHECK(!store_pg_check(&(struct store_pg_config){.url = urls[i]}, &err));
		CHECK_EQ(err.code, ERR_CONFIG);
		CHECK(!strstr(err.text, "hunter2"));
	}
	CHECK(!store_pg_check(
		&(struct store_pg_config){.url = "postgres:///d", .password_file = "/nowhere"},
		&err));
	CHECK_EQ(err.code, ERR_NOT_FOUND);
}

static void a_newer_database_is_refused(void)
{
	open_empty();
	close_store();
	pg_server_sql(&pg, "UPDATE e4.schema_version SET version = 99");
	CHECK(!open_url(pg.url));
	says("newer version");
	CHECK_EQ(pg_server_sql(&pg, "SELECT version FROM e4.schema_version"), 99);
}

int main(void)
{
	if (!own_mounts() || !pg_server_start(&pg))
		return 2;
	RUN(a_session_that_ended_while_idle_is_replaced_unseen);
	RUN(a_session_that_ends_in_a_transaction_takes_it_along);
	RUN(a_server_that_is_stopped_is_told_and_found_again);
	RUN(a_server_that_crashes_is_told_and_found_again);
	RUN(a_commit_whose_answer_is_lost_is_asked_for);
	RUN(a_commit_that_did_not_arrive_is_known_not_to_be);
	RUN(a_full_disk_says_what_to_do);
	RUN(a_deadlock_is_told_and_undone);
	RUN(a_serialization_failure_is_told_and_undone);
	RUN(servers_that_start_together_make_the_tables_once);
	RUN(servers_that_write_at_once_take_turns);
	RUN(pages_follow_what_others_write);
	RUN(one_that_hangs_or_dies_with_the_lock_loses_it);
	RUN(a_network_needs_a_verified_certificate);
	RUN(a_password_is_not_taken_from_the_url_nor_told);
	RUN(a_newer_database_is_refused);
	pg_server_remove(&pg);
	return END();
}
