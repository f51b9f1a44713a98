#include "c2/store/tests/pg_server.h"

#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { START_S = 30 };

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
	if (!out[0])
		fprintf(stderr, "%s is not there: package postgresql\n", name);
}

static bool answers(const void *ctx)
{
	const struct pg_server *s = ctx;
	return PQping(s->url) == PQPING_OK;
}

bool pg_server_again(struct pg_server *s)
{
	char path[128];
	program(path, "postgres");
	/* No other tools' settings: those of a fresh installation, which are durable. */
	char *argv[] = {path,
			child_arg("-D"),
			child_arg("data"),
			child_arg("-k"),
			s->child.folder,
			child_arg("-c"),
			child_arg("listen_addresses="),
			child_arg("-c"),
			child_arg("max_connections=20"),
			0};
	return child_start(&s->child, argv, START_S, answers, s);
}

bool pg_server_start(struct pg_server *s)
{
	char path[128];
	if (!child_init(&s->child, "e4-pg", "postgres", SIGQUIT))
		return false;
	snprintf(s->url, sizeof s->url, "postgres://postgres@/postgres?host=%s", s->child.folder);
	program(path, "initdb");
	char *argv[] = {path,
			child_arg("-D"),
			child_arg("data"),
			child_arg("-U"),
			child_arg("postgres"),
			child_arg("-A"),
			child_arg("trust"),
			child_arg("--no-sync"),
			child_arg("--encoding=UTF8"),
			child_arg("--locale=C.UTF-8"),
			0};
	return child_run(&s->child, argv) && pg_server_again(s);
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
