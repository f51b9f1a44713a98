#define _GNU_SOURCE
#include "c2/store/tests/pg_server.h"

#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
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
#define START_STEPS 1500

/* The server refuses to run as root. */
static void drop_root(void)
{
	const struct passwd *who = getpwnam("postgres");
	if (geteuid() != 0 || !who)
		return;
	if (setgroups(0, 0) != 0 || setgid(who->pw_gid) != 0 || setuid(who->pw_uid) != 0)
		_exit(126);
}

static int spawn(const struct pg_server *s, char *const argv[])
{
	char log_path[96];
	snprintf(log_path, sizeof log_path, "%s/log", s->folder);
	int pid = fork();
	if (pid)
		return pid;
	drop_root();
	prctl(PR_SET_PDEATHSIG, SIGQUIT);
	int log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	dup2(log_fd, 1);
	dup2(log_fd, 2);
	if (chdir(s->folder) == 0)
		execv(argv[0], argv);
	_exit(127);
}

/* Where Debian has the programs: there can be several versions, the newest is last. */
static void program(char out[128], const char *name)
{
	out[0] = 0;
	for (int version = 13; version < 30; version++) {
		char path[128];
		snprintf(path, sizeof path, "/usr/lib/postgresql/%d/bin/%s", version, name);
		if (access(path, X_OK) == 0)
			strcpy(out, path);
	}
}

static char *arg(const char *text)
{
	return (char *)(uintptr_t)text;
}

bool pg_server_again(struct pg_server *s)
{
	char path[128];
	program(path, "postgres");
	/* No other tools' settings: those of a fresh installation, which are durable. */
	char *argv[] = {path,
			arg("-D"),
			arg("data"),
			arg("-k"),
			s->folder,
			arg("-c"),
			arg("listen_addresses="),
			arg("-c"),
			arg("max_connections=20"),
			0};
	s->pid = spawn(s, argv);
	for (int i = 0; i < START_STEPS; i++) {
		if (PQping(s->url) == PQPING_OK)
			return true;
		if (waitpid(s->pid, 0, WNOHANG) != 0)
			break;
		poll(0, 0, START_STEP_MS);
	}
	fprintf(stderr, "postgres does not start: see %s/log\n", s->folder);
	s->pid = 0;
	return false;
}

bool pg_server_start(struct pg_server *s)
{
	char path[128];
	const struct passwd *who = getpwnam("postgres");
	const char *parent = getenv("TMPDIR");
	*s = (struct pg_server){.pid = 0};
	snprintf(s->folder, sizeof s->folder, "%s/e4-pg-XXXXXX", parent ? parent : "/tmp");
	if (!mkdtemp(s->folder))
		return false;
	if (geteuid() == 0 && who && chown(s->folder, who->pw_uid, who->pw_gid) != 0)
		return false;
	snprintf(s->url, sizeof s->url, "postgres://postgres@/postgres?host=%s", s->folder);
	program(path, "initdb");
	char *argv[] = {path,
			arg("-D"),
			arg("data"),
			arg("-U"),
			arg("postgres"),
			arg("-A"),
			arg("trust"),
			arg("--no-sync"),
			arg("--encoding=UTF8"),
			arg("--locale=C.UTF-8"),
			0};
	int status = 1, pid = path[0] ? spawn(s, argv) : 0;
	if (pid <= 0 || waitpid(pid, &status, 0) != pid || status != 0) {
		fprintf(stderr, "initdb fails: see %s/log (package postgresql)\n", s->folder);
		return false;
	}
	return pg_server_again(s);
}

void pg_server_kill(struct pg_server *s, int signo)
{
	if (s->pid > 0 && kill(s->pid, signo) == 0)
		waitpid(s->pid, 0, 0);
	s->pid = 0;
}

void pg_server_remove(struct pg_server *s)
{
	char command[128];
	pg_server_kill(s, SIGQUIT);
	snprintf(command, sizeof command, "rm -rf %s", s->folder);
	if (strstr(s->folder, "/e4-pg-") && system(command) != 0)
		fprintf(stderr, "%s is left behind\n", s->folder);
}

static void ignore(void *ctx, const char *text)
{
	(void)ctx;
	(void)text;
}

int64_t pg_server_sql(const struct pg_server *s, const char *sql)
{
	PGconn *conn = PQconnectdb(s->url);
	PQsetNoticeProcessor(conn, ignore, 0);
	PGresult *r = PQexec(conn, sql);
	if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK) {
		fprintf(stderr, "%s: %s\n", sql, PQerrorMessage(conn));
		exit(2);
	}
	bool any = PQntuples(r) > 0 && PQnfields(r) > 0;
	int64_t value = any ? strtoll(PQgetvalue(r, 0, 0), 0, 10) : 0;
	PQclear(r);
	PQfinish(conn);
	return value;
}
