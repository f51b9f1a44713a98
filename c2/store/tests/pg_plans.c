/*
 * No statement may read a whole table: asked of PostgreSQL's planner under the
 * settings of our sessions, for every row of pg_sql.h, while the tables are
 * filled and were never analysed, which is when it guesses worst.
 */
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "c2/store/pg_driver.h"
#include "c2/store/pg_sql.h"
#include "c2/store/tests/kit.h"
#include "c2/store/tests/pg_server.h"

static const struct {
	const char *name, *text;
} statements[] = {
#define X(id) {#id, PG_##id},
	SQL_IDS(X)
#undef X
};

static struct pg_server pg;
static PGconn *conn;

/* Tables of one or a few rows; sorts of the rows of one client or of a small topic. */
static const struct {
	const char *statement, *step; /* null: any */
} allowed[] = {
	{0, "Scan on state"},       {0, "Scan on c2_use"},          {0, "Scan on c2_key"},
	{"CLIENT_MEMBERS", "Sort"}, {"CLIENT_TOPICS", "Sort"},      {"TOPIC_CLIENTS", "Sort"},
	{"LINKS", "Sort"},          {"CLIENTS_MEMBERS_IN", "Sort"},
};

static bool is_allowed(const char *name, const char *step)
{
	if (!strstr(step, "Seq Scan") && !strstr(step, "Sort") && !strstr(step, "Hash") &&
	    !strstr(step, "Bitmap") && !strstr(step, "Filter: (client_id"))
		return true;
	for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
		if ((!allowed[i].statement || strcmp(allowed[i].statement, name) == 0) &&
		    strstr(step, allowed[i].step))
			return true;
	}
	return strstr(step, "Sort Key") != 0;
}

static int parameters_of(const char *text)
{
	int n = 0;
	for (const char *p = text; (p = strchr(p, '$')); p++) {
		if (atoi(p + 1) > n)
			n = atoi(p + 1);
	}
	return n;
}

static void explain(const char *name, const char *text)
{
	char sql[4096];
	int n = parameters_of(text);
	PQclear(PQexec(conn, "DEALLOCATE ALL"));
	PGresult *r = PQprepare(conn, "x", text, 0, 0);
	CHECK_EQ(PQresultStatus(r), PGRES_COMMAND_OK);
	PQclear(r);
	snprintf(sql, sizeof sql, "EXPLAIN (COSTS OFF) EXECUTE x%s", n ? "(" : "");
	for (int i = 0; i < n; i++)
		strcat(sql, i + 1 < n ? "null," : "null)");
	r = PQexec(conn, sql);
	CHECK_EQ(PQresultStatus(r), PGRES_TUPLES_OK);
	for (int i = 0; i < PQntuples(r); i++) {
		bool good = is_allowed(name, PQgetvalue(r, i, 0));
		if (getenv("E4_SHOW_PLANS") || !good)
			fprintf(stderr, "%s: %s\n", name, PQgetvalue(r, i, 0));
		CHECK(good);
	}
	PQclear(r);
}

static void no_statement_reads_a_whole_table(void)
{
	for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++)
		explain(statements[i].name, statements[i].text);
}

/* What removing does by triggers, spelled out. */
static void no_trigger_reads_a_whole_table(void)
{
	explain("members", "DELETE FROM member WHERE client_id = $1");
	explain("members of a topic", "DELETE FROM member WHERE topic_id = $1");
	explain("links by source", "DELETE FROM link WHERE source_id = $1");
	explain("links by target", "DELETE FROM link WHERE target_id = $1");
	explain("peers held", "DELETE FROM peer WHERE target_id = $1");
	explain("peers of it", "UPDATE peer SET source_id = NULL WHERE source_id = $1");
	explain("old keys", "DELETE FROM old_key WHERE client_id = $1");
	explain("topics", "UPDATE topic SET n_members = n_members - 1 WHERE id IN"
			  " (SELECT topic_id FROM member WHERE client_id = $1 AND NOT removed)");
}

int main(void)
{
	if (!pg_server_start(&pg))
		return 2;
	OK(store_pg_open(&store, &(struct store_pg_config){.url = pg.url}, &err));
	fill_for_plans();
	conn = PQconnectdb(pg.url);
	PQclear(PQexec(conn, pg_session));
	RUN(no_statement_reads_a_whole_table);
	RUN(no_trigger_reads_a_whole_table);
	PQfinish(conn);
	OPS->close(CTX);
	child_remove(&pg.child);
	return END();
}
