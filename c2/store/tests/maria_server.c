#define _GNU_SOURCE
#include "c2/store/tests/maria_server.h"

#include <fcntl.h>
#include <grp.h>
#include <mysql.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_STEP_MS 20
#define START_STEPS 3000

/* The server refuses to run as root. */
static void drop_root(void)
{
	const struct passwd *who = getpwnam("nobody");
	if (geteuid() != 0 || !who)
		return;
	if (setgroups(0, 0) != 0 || setgid(who->pw_gid) != 0 || setuid(who->pw_uid) != 0)
		_exit(126);
}

static int spawn(const struct maria_server *s, char *const argv[])
{
	char log_path[96];
	snprintf(log_path, sizeof log_path, "%s/log", s->folder);
	int pid = fork();
	if (pid)
		return pid;
	drop_root();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	int log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	dup2(log_fd, 1);
	dup2(log_fd, 2);
	if (chdir(s->folder) == 0)
		execv(argv[0], argv);
	_exit(127);
}

static char *arg(const char *text)
{
	return (char *)(uintptr_t)text;
}

static MYSQL *connect_to(const struct maria_server *s, const char *database)
{
	MYSQL *conn = mysql_init(0);
	if (mysql_real_connect(conn, 0, "root", 0, database, 0, s->socket, CLIENT_MULTI_STATEMENTS))
		return conn;
	mysql_close(conn);
	return 0;
}

static bool answers(const struct maria_server *s)
{
	MYSQL *conn = connect_to(s, 0);
	if (conn)
		mysql_close(conn);
	return conn != 0;
}

bool maria_server_again(struct maria_server *s)
{
	char socket[96], data[96];
	snprintf(socket, sizeof socket, "--socket=%s", s->socket);
	snprintf(data, sizeof data, "--datadir=%s/data", s->folder);
	/* No other tools' settings: those of a fresh installation, which are durable. */
	char *argv[] = {arg("/usr/sbin/mariadbd"), arg("--no-defaults"),        data, socket,
			arg("--skip-networking"),  arg("--max-connections=20"), 0};
	s->pid = spawn(s, argv);
	for (int i = 0; i < START_STEPS; i++) {
		if (answers(s))
			return true;
		if (waitpid(s->pid, 0, WNOHANG) != 0)
			break;
		poll(0, 0, START_STEP_MS);
	}
	fprintf(stderr, "mariadbd does not start: see %s/log\n", s->folder);
	s->pid = 0;
	return false;
}

bool maria_server_start(struct maria_server *s)
{
	char data[96];
	const struct passwd *who = getpwnam("nobody");
	const char *parent = getenv("TMPDIR");
	s->pid = 0;
	snprintf(s->folder, sizeof s->folder, "%s/e4-maria-XXXXXX", parent ? parent : "/tmp");
	if (!mkdtemp(s->folder))
		return false;
	if (geteuid() == 0 && who && chown(s->folder, who->pw_uid, who->pw_gid) != 0)
		return false;
	snprintf(s->socket, sizeof s->socket, "%s/socket", s->folder);
	snprintf(s->url, sizeof s->url, "mysql://root@/e4?socket=%s", s->socket);
	snprintf(data, sizeof data, "--datadir=%s/data", s->folder);
	char *argv[] = {arg("/usr/bin/mariadb-install-db"),
			arg("--no-defaults"),
			data,
			arg("--auth-root-authentication-method=normal"),
			arg("--skip-test-db"),
			0};
	int status = 1, pid = spawn(s, argv);
	if (pid <= 0 || waitpid(pid, &status, 0) != pid || status != 0) {
		fprintf(stderr, "mariadb-install-db fails: see %s/log (mariadb-server-core)\n",
			s->folder);
		return false;
	}
	if (!maria_server_again(s))
		return false;
	MYSQL *conn = connect_to(s, 0);
	bool ok = conn && mysql_query(conn, "CREATE DATABASE IF NOT EXISTS e4") == 0;
	mysql_close(conn);
	return ok;
}

void maria_server_kill(struct maria_server *s, int signo)
{
	if (s->pid > 0 && kill(s->pid, signo) == 0)
		waitpid(s->pid, 0, 0);
	s->pid = 0;
}

void maria_server_remove(struct maria_server *s)
{
	char command[128];
	maria_server_kill(s, SIGKILL);
	snprintf(command, sizeof command, "rm -rf %s", s->folder);
	if (strstr(s->folder, "/e4-maria-") && system(command) != 0)
		fprintf(stderr, "%s is left behind\n", s->folder);
}

static int64_t take_result(MYSQL *conn)
{
	MYSQL_RES *result = mysql_store_result(conn);
	MYSQL_ROW row = result ? mysql_fetch_row(result) : 0;
	int64_t value = row && row[0] ? strtoll(row[0], 0, 10) : 0;
	mysql_free_result(result);
	return value;
}

int64_t maria_server_sql(const struct maria_server *s, const char *sql)
{
	int64_t value = 0;
	MYSQL *conn = connect_to(s, "e4");
	int more = conn ? mysql_query(conn, sql) : 1;
	while (more == 0) {
		value = take_result(conn);
		more = mysql_next_result(conn);
	}
	if (more > 0) {
		fprintf(stderr, "%s: %s\n", sql, conn ? mysql_error(conn) : "no connection");
		exit(2);
	}
	mysql_close(conn);
	return value;
}

#define OTHERS " FROM information_schema.processlist WHERE id <> connection_id() AND user = 'root'"

void maria_server_end_sessions(const struct maria_server *s)
{
	char sql[64];
	int64_t id;
	while ((id = maria_server_sql(s, "SELECT min(id)" OTHERS " AND command <> 'Killed'"))) {
		snprintf(sql, sizeof sql, "KILL %lld", (long long)id);
		MYSQL *conn = connect_to(s, 0);
		if (conn)
			mysql_query(conn, sql); /* it may have gone by itself */
		mysql_close(conn);
	}
	while (maria_server_sql(s, "SELECT count(*)" OTHERS))
		poll(0, 0, 10);
}
