/* What a database server can do to us, and MariaDB in particular. */
#define _GNU_SOURCE
#include <mysql.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "c2/store/maria_driver.h"
#include "c2/store/schema/maria.h"
#include "c2/store/tests/maria_server.h"

#define STOP_SIGNAL SIGTERM
#define CRASH_SIGNAL SIGKILL
#define ANSWERS_BEFORE_COMMIT 1 /* the counters */
#define SCHEMA_N_STEPS maria_schema_n_steps
#include "c2/store/tests/server_faults.h"

static struct maria_server maria;

static bool open_url(const char *url)
{
	return store_maria_open(&store, &(struct store_maria_config){.url = url}, &err);
}

static bool open_it(void)
{
	return open_url(maria.url);
}

static bool open_through(struct cut_proxy *proxy)
{
	char at[96], url[160];
	snprintf(at, sizeof at, "%s/proxy", maria.child.folder);
	snprintf(url, sizeof url, "mysql://root@/e4?socket=%s", at);
	return cut_proxy_start(proxy, at, maria.socket) && open_url(url);
}

static void empty_database(void)
{
	maria_server_sql(&maria, "DROP DATABASE e4; CREATE DATABASE e4");
}

static int64_t server_sql(const char *sql)
{
	return maria_server_sql(&maria, sql);
}

static void end_sessions(void)
{
	maria_server_end_sessions(&maria);
}

static void server_kill(int signo)
{
	child_kill(&maria.child, signo);
}

static bool server_again(void)
{
	return maria_server_again(&maria);
}

static void check_kept_counts(void)
{
	CHECK_EQ(server_sql("SELECT count(*) FROM c2_use u WHERE n <> (SELECT count(*) FROM client"
			    " WHERE c2_rev = u.rev)"),
		 0);
}

/* A step may have been ended anywhere: what it has done already is no error. */
static void what_version_1_holds_is_kept(void)
{
	static const char *const undone[] = {
		"ALTER TABLE client DROP COLUMN key_at; ALTER TABLE state DROP COLUMN last_record",
		"ALTER TABLE client DROP COLUMN key_at", "DO 0"};
	open_empty();
	add_and_commit("a");
	close_store();
	server_sql("DROP TABLE record");
	for (int i = 0; i < 3; i++) {
		server_sql(undone[i]);
		server_sql("UPDATE schema_version SET version = 1");
		OK(open_it());
		begin();
		add_record(RULE, 1, "x");
		commit();
		close_store();
		check_whole(1);
		server_sql("DELETE FROM record");
	}
}

/* --- Locks ------------------------------------------------------------------------------ */

static MYSQL *another_session(void)
{
	MYSQL *other = mysql_init(0);
	CHECK(mysql_real_connect(other, 0, "root", 0, "e4", 0, maria.socket, 0) != 0);
	return other;
}

static void say(MYSQL *other, const char *sql)
{
	CHECK_EQ(mysql_query(other, sql), 0);
}

static void wait_until_one_waits(void)
{
	while (!server_sql("SELECT count(*) FROM information_schema.innodb_trx WHERE trx_state ="
			   " 'LOCK WAIT'"))
		poll(0, 0, 10);
}

/* The server ends the transaction that has done less: ours. */
static void a_deadlock_is_told_and_undone(void)
{
	static const char question[] = "SELECT revision FROM state FOR UPDATE";
	open_empty();
	begin();
	int64_t a = add_client("a");
	add_client("b");
	commit();
	MYSQL *other = another_session();
	say(other, "START TRANSACTION");
	say(other, "UPDATE client SET reason = 7");
	begin();
	CHECK_EQ(mysql_send_query(other, question, sizeof question - 1), 0);
	wait_until_one_waits();
	struct store_client c = client_of(a);
	c.reason = 5;
	CHECK(!OPS->client_put(CTX, &c, &err));
	says("deadlock");
	CHECK(!OPS->event_append(CTX, &(struct store_event){.type = 1}, &err));
	CHECK(!OPS->commit(CTX, &err));
	mysql_read_query_result(other);
	mysql_close(other); /* and its transaction */
	CHECK_EQ(client_of(a).reason, 0);
	CHECK_EQ(count_of(OPS->events_last), 0);
	CHECK_EQ(server_sql("SELECT count(*) FROM event"), 0);
	add_and_commit("c");
	close_store();
	check_whole(3);
}

static void a_lock_that_is_held_for_too_long_is_told_and_undone(void)
{
	open_empty();
	begin();
	int64_t a = add_client("a");
	commit();
	MYSQL *other = another_session();
	say(other, "START TRANSACTION");
	say(other, "UPDATE client SET reason = 7 WHERE id = 1");
	begin();
	add_client("never");
	struct store_client c = client_of(a);
	int64_t start_ms = now_ms();
	CHECK(!OPS->client_put(CTX, &c, &err));
	says("holds the database for too long");
	CHECK(now_ms() - start_ms < 10000);
	CHECK(!OPS->commit(CTX, &err));
	mysql_close(other);
	add_and_commit("b");
	close_store();
	check_whole(2);
}

/* --- Disk ------------------------------------------------------------------------------ */

/* The last of all: the folder of the database is one in memory from here on. */
static void a_full_disk_says_what_to_do(void)
{
	char path[96];
	int64_t n = 0;
	empty_database();
	snprintf(path, sizeof path, "%s/data/e4", maria.child.folder);
	CHECK(disk_of(path, "8m", 0));
	OK(open_it());
	CHECK(fill_until_full(&n));
	CHECK(n > 0);
	CHECK_EQ(count_of(OPS->clients_count), n);
	check_whole(n);
	CHECK(disk_of(path, "64m", MS_REMOUNT));
	add_and_commit("room again");
	close_store();
	check_whole(n + 1);
	server_kill(SIGKILL);
	CHECK(umount2(path, MNT_DETACH) == 0);
}

/* --- Settings -------------------------------------------------------------------------- */

static void commits_that_a_crash_can_undo_are_noticed(void)
{
	bool durable;
	open_empty();
	CHECK(maria_durable(CTX, &durable, &err) && durable);
	server_sql("SET GLOBAL innodb_flush_log_at_trx_commit = 2");
	CHECK(maria_durable(CTX, &durable, &err) && !durable);
	close_store();
	OK(open_it()); /* which says so, and is usable */
	add_and_commit("a");
	close_store();
	server_sql("SET GLOBAL innodb_flush_log_at_trx_commit = 1");
}

static void a_server_that_takes_too_little_at_once_is_refused(void)
{
	open_empty();
	close_store();
	server_sql("SET GLOBAL max_allowed_packet = 65536");
	CHECK(!open_it());
	says("max_allowed_packet");
	server_sql("SET GLOBAL max_allowed_packet = 16777216");
}

static void a_server_that_is_read_only_is_unhealthy(void)
{
	open_empty();
	OK(OPS->check(CTX, &err));
	server_sql("SET GLOBAL read_only = 1");
	CHECK(!OPS->check(CTX, &err));
	says("read-only");
	server_sql("SET GLOBAL read_only = 0");
	OK(OPS->check(CTX, &err));
	close_store();
}

/* A user with all rights on the database and none besides can do all that is needed. */
static void an_ordinary_user_is_enough(void)
{
	char url[192];
	empty_database();
	server_sql("CREATE OR REPLACE USER plain@localhost; GRANT ALL ON e4.* TO plain@localhost");
	snprintf(url, sizeof url, "mariadb://plain@/e4?socket=%s", maria.socket);
	OK(open_url(url));
	add_and_commit("a");
	OK(OPS->check(CTX, &err));
	close_store();
	check_whole(1);
}

/* It takes the connection and says nothing. */
static void a_server_that_is_mute_is_given_up(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char url[160];
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(at.sun_path, sizeof at.sun_path, "%.64s/mute", maria.child.folder);
	snprintf(url, sizeof url, "mysql://root@/e4?socket=%s/mute", maria.child.folder);
	CHECK(bind(listener, (struct sockaddr *)&at, sizeof at) == 0 && listen(listener, 4) == 0);
	int64_t start_ms = now_ms();
	CHECK(!open_url(url));
	says("cannot be reached");
	CHECK(now_ms() - start_ms < 10000);
	close(listener);
}

static struct maria_params params_of(const char *url)
{
	struct maria_params p;
	OK(maria_params_read(&p, &(struct store_maria_config){.url = url}, &err));
	return p;
}

static void the_url_says_who_and_where(void)
{
	struct maria_params p =
		params_of("mysql://a%40b@[2001:db8::1]:3307/my%20db?ssl-ca=/etc/ca.pem");
	CHECK_STR(p.user, "a@b");
	CHECK_STR(p.host, "2001:db8::1");
	CHECK_EQ(p.port, 3307);
	CHECK_STR(p.database, "my db");
	CHECK_STR(p.ca, "/etc/ca.pem");
	maria_params_free(&p);
}

static bool is_tls(const char *url)
{
	struct maria_params p = params_of(url);
	bool tls = p.tls;
	maria_params_free(&p);
	return tls;
}

static void a_network_needs_a_verified_certificate(void)
{
	CHECK(is_tls("mysql://u@db.example.org/d"));
	CHECK(is_tls("mariadb://u@10.0.0.1:3306/d"));
	CHECK(is_tls("mysql://u@localhost/d?ssl-mode=VERIFY_IDENTITY"));
	CHECK(!is_tls("mysql://u@db.example.org/d?ssl-mode=DISABLED"));
	CHECK(!is_tls("mysql://u@localhost/d"));
	CHECK(!is_tls("mysql://u@[::1]:3306/d"));
	CHECK(!is_tls("mysql://u@/d?socket=/run/mysqld/mysqld.sock"));
}

static void refused(const char *url)
{
	memset(&err, 0, sizeof err);
	CHECK(!store_maria_check(&(struct store_maria_config){.url = url}, &err));
	CHECK_EQ(err.code, ERR_CONFIG);
	CHECK(!strstr(err.text, "hunter2"));
}

static void wrong_urls_are_refused_and_passwords_not_told(void)
{
	static const char *const urls[] = {
		"mysql://u:hunter2@localhost/d",
		"mysql://u:hunter2@localhost:no/d",
		"mysql://u@localhost/d?password=hunter2",
		"mysql://u:hunter2@[::1/d",
		"mysql://localhost",
		"mysql://u@localhost/",
		"mysql://u@localhost:0/d",
		"mysql://u@localhost:65536/d",
		"mysql://u@localhost:3306x/d",
		"mysql://u@[::1]x/d",
		"mysql://u@:3306/d",
		"mysql://u@localhost/d?ssl-mode=PREFERRED",
		"mysql://u@localhost/d?ssl-mode=",
		"mysql://u@localhost/d?what=1",
		"mysql://u@localhost/d?socket=/s",
		"mysql://u@localhost/d%0",
		"mysql://u@localhost/d%00",
		"mysql://u@localhost/%zz",
		"http://u@localhost/d",
	};
	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++)
		refused(urls[i]);
	CHECK(!store_maria_check(
		&(struct store_maria_config){.url = "mysql://u@/d", .password_file = "/nowhere"},
		&err));
	CHECK_EQ(err.code, ERR_NOT_FOUND);
}

int main(void)
{
	if (!own_mounts() || !maria_server_start(&maria))
		return 2;
	RUN(the_url_says_who_and_where);
	RUN(a_network_needs_a_verified_certificate);
	RUN(wrong_urls_are_refused_and_passwords_not_told);
	run_all_servers_faults();
	RUN(what_version_1_holds_is_kept);
	RUN(a_deadlock_is_told_and_undone);
	RUN(a_lock_that_is_held_for_too_long_is_told_and_undone);
	RUN(commits_that_a_crash_can_undo_are_noticed);
	RUN(a_server_that_takes_too_little_at_once_is_refused);
	RUN(a_server_that_is_read_only_is_unhealthy);
	RUN(an_ordinary_user_is_enough);
	RUN(a_server_that_is_mute_is_given_up);
	RUN(a_full_disk_says_what_to_do);
	child_remove(&maria.child);
	return END();
}
