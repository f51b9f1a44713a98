/*
 * What any database server can do to us, for the tests of one: end a connection
 * at any time, be away, lose the answer to a commit, run out of disk, be used by
 * others at the same time. Each is told, nothing is half done, and the store
 * works again when the cause is gone.
 */
#ifndef C2_STORE_TESTS_SERVER_FAULTS_H
#define C2_STORE_TESTS_SERVER_FAULTS_H

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "c2/store/tests/cut_proxy.h"
#include "c2/store/tests/record_tests.h"

/*
 * Each server's own, beside STOP_SIGNAL (in good order), CRASH_SIGNAL,
 * SCHEMA_N_STEPS, and ANSWERS_BEFORE_COMMIT: what a commit asks first.
 */
static bool open_url(const char *url);
static bool open_it(void);
/* Open by way of a proxy that is started. */
static bool open_through(struct cut_proxy *proxy);
static void empty_database(void); /* no tables */
static int64_t server_sql(const char *sql);
static void end_sessions(void);
static void server_kill(int signo);
static bool server_again(void);
static void check_kept_counts(void); /* those that only this dialect keeps */

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void open_empty(void)
{
	empty_database();
	OK(open_it());
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
	CHECK_EQ(server_sql("SELECT n_clients FROM e4.state"), n_clients);
	CHECK_EQ(server_sql("SELECT count(*) FROM e4.client"), n_clients);
	CHECK_EQ(server_sql("SELECT count(*) FROM e4.topic t WHERE n_members <> (SELECT "
			    "count(*) FROM e4.member m WHERE m.topic_id = t.id AND NOT "
			    "m.removed)"),
		 0);
	check_kept_counts();
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
	server_kill(signo);
	int64_t start_ms = now_ms();
	CHECK(!OPS->commit(CTX, &err));
	says("connection");
	for (int i = 0; i < 20; i++) {
		CHECK(!OPS->clients_count(CTX, &n, &err));
		says("cannot be reached");
		CHECK(!OPS->begin(CTX, &err));
		CHECK(!OPS->check(CTX, &err));
	}
	CHECK(now_ms() - start_ms < 10000); /* an event loop waits for all this */
	CHECK(server_again());
	CHECK(recovers());
	add_and_commit("c");
	close_store();
	check_whole(2);
}

static void a_server_that_is_stopped_is_told_and_found_again(void)
{
	a_server_that_is_away_is_told_and_found_again(STOP_SIGNAL);
}

static void a_server_that_crashes_is_told_and_found_again(void)
{
	a_server_that_is_away_is_told_and_found_again(CRASH_SIGNAL);
}

/* The server has committed, or not; the answer does not come. */
static void a_commit_whose_answer_is_lost(enum cut_proxy_cut cut, bool done)
{
	struct cut_proxy proxy;
	open_empty();
	close_store();
	OK(open_through(&proxy));
	add_and_commit("first");
	begin();
	add_client("a");
	cut_proxy_cut(&proxy, cut, ANSWERS_BEFORE_COMMIT);
	CHECK_EQ(OPS->commit(CTX, &err), done);
	CHECK_EQ(count_of(OPS->clients_count), 1 + done);
	add_and_commit("b");
	close_store();
	cut_proxy_stop(&proxy);
	check_whole(2 + done);
}

static void a_commit_whose_answer_is_lost_is_asked_for(void)
{
	a_commit_whose_answer_is_lost(CUT_PROXY_CUT_ANSWER, true);
}

static void a_commit_that_did_not_arrive_is_known_not_to_be(void)
{
	a_commit_whose_answer_is_lost(CUT_PROXY_CUT_REQUEST, false);
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
	if (mount("none", "/", 0, MS_REC | MS_PRIVATE, 0) == 0)
		return true;
	perror("full disks are tested on mounts of our own, which this machine refuses");
	return false;
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

/* --- Others ---------------------------------------------------------------------------- */

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
	if (!open_it()) {
		fprintf(stderr, "%s\n", err.text);
		_exit(1);
	}
	close_store();
}

static void servers_that_start_together_make_the_tables_once(void)
{
	for (int round = 0; round < 5; round++) {
		int pids[4], status;
		empty_database();
		for (int i = 0; i < 4; i++)
			pids[i] = in_child(open_and_close);
		for (int i = 0; i < 4; i++) {
			CHECK(waitpid(pids[i], &status, 0) == pids[i]);
			CHECK_EQ(status, 0);
		}
		CHECK_EQ(server_sql("SELECT sum(version) FROM e4.schema_version"), SCHEMA_N_STEPS);
		CHECK_EQ(server_sql("SELECT count(*) FROM e4.state"), 1);
	}
}

static void add_a_hundred(void)
{
	char name[32];
	long failed_before = check_failed;
	if (!open_it())
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
	CHECK_EQ(server_sql("SELECT count(DISTINCT key_rev) FROM e4.client"), 300);
	CHECK_EQ(server_sql("SELECT revision FROM e4.state"), 300);
}

static bool take_version(void *arg, const struct store_record *row)
{
	*(struct store_record *)arg = *row;
	return true;
}

static bool raise_once(int64_t id)
{
	struct store_record r;
	bool found, done;
	OK(OPS->record_get(CTX, RULE, id, take_version, &r, &found, &err));
	r.body = (const uint8_t *)"";
	r.len = 0;
	begin();
	done = OPS->record_put(CTX, &r, &err);
	if (!done)
		CHECK_EQ(err.code, ERR_CONFLICT);
	commit();
	return done;
}

static void raise_a_hundred_times(void)
{
	long failed_before = check_failed;
	if (!open_it())
		_exit(1);
	for (int i = 0; i < 100; i += raise_once(1))
		if (check_failed != failed_before)
			_exit(1);
	close_store();
}

static void of_servers_that_know_one_version_one_writes(void)
{
	struct store_record r;
	int pids[3], status;
	bool found;
	open_empty();
	begin();
	CHECK_EQ(add_record(RULE, 1, "").id, 1);
	commit();
	close_store();
	for (int i = 0; i < 3; i++)
		pids[i] = in_child(raise_a_hundred_times);
	for (int i = 0; i < 3; i++) {
		CHECK(waitpid(pids[i], &status, 0) == pids[i]);
		CHECK_EQ(status, 0);
	}
	OK(open_it());
	OK(OPS->record_get(CTX, RULE, 1, take_version, &r, &found, &err));
	CHECK_EQ(r.version, 301);
	close_store();
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
	OK(open_it());
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
	if (!open_it())
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
		int64_t start_ms = now_ms(), rev = 0;
		bool got = false;
		while (!got && now_ms() - start_ms < 30000) {
			got = OPS->begin(CTX, &err) && OPS->revision_next(CTX, &rev, &err);
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

static void a_newer_database_is_refused(void)
{
	open_empty();
	close_store();
	server_sql("UPDATE e4.schema_version SET version = 99");
	CHECK(!open_it());
	says("newer version");
	CHECK_EQ(server_sql("SELECT version FROM e4.schema_version"), 99);
}

static void run_all_servers_faults(void)
{
	RUN(a_session_that_ended_while_idle_is_replaced_unseen);
	RUN(a_session_that_ends_in_a_transaction_takes_it_along);
	RUN(a_server_that_is_stopped_is_told_and_found_again);
	RUN(a_server_that_crashes_is_told_and_found_again);
	RUN(a_commit_whose_answer_is_lost_is_asked_for);
	RUN(a_commit_that_did_not_arrive_is_known_not_to_be);
	RUN(servers_that_start_together_make_the_tables_once);
	RUN(servers_that_write_at_once_take_turns);
	RUN(of_servers_that_know_one_version_one_writes);
	RUN(pages_follow_what_others_write);
	RUN(one_that_hangs_or_dies_with_the_lock_loses_it);
	RUN(a_newer_database_is_refused);
}

#endif
