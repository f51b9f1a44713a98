#include "c2/store/tests/maria_server.h"

#include <mysql.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { START_S = 60 };

static MYSQL *connect_to(const struct maria_server *s, const char *database)
{
	MYSQL *conn = mysql_init(0);
	if (mysql_real_connect(conn, 0, "root", 0, database, 0, s->socket, CLIENT_MULTI_STATEMENTS))
		return conn;
	mysql_close(conn);
	return 0;
}

static bool answers(const void *ctx)
{
	MYSQL *conn = connect_to(ctx, 0);
	if (conn)
		mysql_close(conn);
	return conn != 0;
}

bool maria_server_again(struct maria_server *s)
{
	char socket[96], data[96];
	snprintf(socket, sizeof socket, "--socket=%s", s->socket);
	snprintf(data, sizeof data, "--datadir=%s/data", s->child.folder);
	/* No other tools' settings: those of a fresh installation, which are durable. */
	char *argv[] = {
		child_arg("/usr/sbin/mariadbd"), child_arg("--no-defaults"),        data, socket,
		child_arg("--skip-networking"),  child_arg("--max-connections=20"), 0};
	return child_start(&s->child, argv, START_S, answers, s);
}

bool maria_server_start(struct maria_server *s)
{
	char data[96];
	if (!child_init(&s->child, "e4-maria", "nobody", SIGKILL))
		return false;
	snprintf(s->socket, sizeof s->socket, "%s/socket", s->child.folder);
	snprintf(s->url, sizeof s->url, "mysql://root@/e4?socket=%s", s->socket);
	snprintf(data, sizeof data, "--datadir=%s/data", s->child.folder);
	char *argv[] = {child_arg("/usr/bin/mariadb-install-db"),
			child_arg("--no-defaults"),
			data,
			child_arg("--auth-root-authentication-method=normal"),
			child_arg("--skip-test-db"),
			0};
	if (!child_run(&s->child, argv) || !maria_server_again(s))
		return false;
	MYSQL *conn = connect_to(s, 0);
	bool ok = conn && mysql_query(conn, "CREATE DATABASE IF NOT EXISTS e4") == 0;
	mysql_close(conn);
	return ok;
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
