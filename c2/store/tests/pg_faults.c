/* What a database server can do to us, and PostgreSQL in particular. */
#define _GNU_SOURCE
#include <libpq-fe.h>
#include <pwd.h>

#include "c2/store/pg_driver.h"
#include "c2/store/schema/pg.h"
#include "c2/store/tests/pg_server.h"

#define STOP_SIGNAL SIGINT
#define CRASH_SIGNAL SIGQUIT
#define ANSWERS_BEFORE_COMMIT 0 /* it leaves together with all before it */
#define SCHEMA_N_STEPS pg_schema_n_steps
#include "c2/store/tests/server_faults.h"
static struct pg_server pg;

static bool open_url(const char *url)
{
	return store_pg_open(&store, &(struct store_pg_config){.url = url}, &err);
}

static bool open_it(void)
{
	return open_url(pg.url);
}

static bool open_through(struct cut_proxy *proxy)
{
	char folder[96], at[128], to[128], url[192];
	snprintf(folder, sizeof folder, "%s/proxy", pg.child.folder);
	snprintf(at, sizeof at, "%s/.s.PGSQL.5432", folder);
	snprintf(to, sizeof to, "%s/.s.PGSQL.5432", pg.child.folder);
	snprintf(url, sizeof url, "postgres://postgres@/postgres?host=%s", folder);
	mkdir(folder, 0755);
	return cut_proxy_start(proxy, at, to) && open_url(url);
}

static void empty_database(void)
{
	pg_server_sql(&pg, "DROP SCHEMA IF EXISTS e4 CASCADE");
}

static int64_t server_sql(const char *sql)
{
	return pg_server_sql(&pg, sql);
}

static void end_sessions(void)
{
	pg_server_sql(&pg, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
			   " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()");
}

static void server_kill(int signo)
{
	child_kill(&pg.child, signo);
}

static bool server_again(void)
{
	return pg_server_again(&pg);
}

static void check_kept_counts(void)
{
	CHECK_EQ(server_sql("SELECT count(*) FROM e4.client c WHERE n_old_keys <> (SELECT"
			    " count(*) FROM e4.old_key k WHERE k.client_id = c.id)"),
		 0);
}

static void what_version_2_holds_is_kept(void)
{
	open_empty();
	add_and_commit("a");
	close_store();
	server_sql("DROP TABLE e4.record; ALTER TABLE e4.state DROP COLUMN last_record;"
		   "ALTER TABLE e4.client DROP COLUMN key_at;"
		   "UPDATE e4.schema_version SET version = 2");
	OK(open_it());
	begin();
	CHECK_EQ(add_record(RULE, 1, "x").id, 1);
	commit();
	close_store();
	check_whole(1);
}

/* --- Disk ------------------------------------------------------------------------------ */

static void a_full_disk_says_what_to_do(void)
{
	char path[96], sql[160];
	int64_t n = 0;
	snprintf(path, sizeof path, "%s/small", pg.child.folder);
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

int main(void)
{
	if (!own_mounts() || !pg_server_start(&pg))
		return 2;
	run_all_servers_faults();
	RUN(a_full_disk_says_what_to_do);
	RUN(what_version_2_holds_is_kept);
	RUN(a_deadlock_is_told_and_undone);
	RUN(a_serialization_failure_is_told_and_undone);
	RUN(a_network_needs_a_verified_certificate);
	RUN(a_password_is_not_taken_from_the_url_nor_told);
	child_remove(&pg.child);
	return END();
}
