/*
 * No statement may read a whole table: asked of MariaDB's planner for every row
 * of maria_sql.h, while the tables are filled.
 */
#include <mysql.h>
#include <stdlib.h>
#include <string.h>

#include "c2/store/maria_driver.h"
#include "c2/store/maria_sql.h"
#include "c2/store/tests/kit.h"
#include "c2/store/tests/maria_server.h"

static const struct {
	const char *name, *text;
} statements[] = {
#define X(id) {#id, MARIA_##id},
	SQL_IDS(X)
#undef X
		{"ABSENT", SQL_ABSENT},
	{"CLIENT_LEAVES", SQL_CLIENT_LEAVES},
	{"CLIENT_C2", SQL_CLIENT_C2},
	{"STATES", SQL_STATES},
	{"C2_COUNT", SQL_C2_COUNT},
	{"LOAD_MEMBERS", SQL_LOAD_MEMBERS},
	{"CLIENT_GOES", SQL_CLIENT_GOES},
	{"TOPIC_GOES", SQL_TOPIC_GOES},
	{"MEMBER_GOES", SQL_MEMBER_GOES},
	{"cascade: members of a topic", "DELETE FROM member WHERE topic_id = ?"},
	{"cascade: links by source", "DELETE FROM link WHERE source_id = ?"},
	{"cascade: peers of a source", "UPDATE peer SET source_id = NULL WHERE source_id = ?"},
};

static struct maria_server maria;
static MYSQL *conn;

/* Sorts of the rows of one client, of a small topic or of a slice. */
static bool may_sort(const char *name)
{
	static const char *const those[] = {
		"CLIENT_MEMBERS",  "CLIENT_TOPICS",      "TOPIC_CLIENTS", "LINKS",
		"CLIENTS_MEMBERS", "CLIENTS_MEMBERS_IN", "TOPICS_KEYS"};
	for (size_t i = 0; i < sizeof those / sizeof those[0]; i++) {
		if (strcmp(name, those[i]) == 0)
			return true;
	}
	return false;
}

/* Tables of one or a few rows; i, j, p and u are what we gave, what is derived is a page. */
static bool may_be_read(const char *table)
{
	static const char *const those[] = {"state", "s", "c2_key", "c2_use",     "i",
					    "j",     "p", "u",      "<union1,2>", "<derived2>"};
	for (size_t i = 0; i < sizeof those / sizeof those[0]; i++) {
		if (strcmp(table, those[i]) == 0)
			return true;
	}
	return false;
}

static bool starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* Values in the places of the parameters. */
static void fill_in(char *out, const char *text)
{
	bool number = false;
	for (; *text; text++) {
		number = number || starts(text, "LIMIT ") || starts(text, "OFFSET ");
		if (*text != '?')
			*out++ = *text;
		else
			out += sprintf(out, "%s",
				       starts(text, "? = 0") ? "0"
				       : number              ? "5"
							     : "'7'");
	}
	*out = 0;
}

/* id, select_type, table, type, possible_keys, key, key_len, ref, rows, Extra */
static bool is_good(const char *name, MYSQL_ROW row)
{
	const char *table = row[2] ? row[2] : "", *type = row[3] ? row[3] : "";
	const char *extra = row[9] ? row[9] : "";
	if (strstr(extra, "filesort") && !may_sort(name))
		return false;
	if (strstr(extra, "join buffer") && !may_be_read(table))
		return false;
	return (strcmp(type, "ALL") != 0 && strcmp(type, "index") != 0) || may_be_read(table);
}

static void explain(const char *name, const char *text)
{
	static char sql[8192] = "EXPLAIN ";
	fill_in(sql + 8, text);
	if (mysql_query(conn, sql) != 0)
		fprintf(stderr, "%s: %s\n", name, mysql_error(conn));
	MYSQL_RES *plan = mysql_store_result(conn);
	CHECK(plan != 0);
	for (MYSQL_ROW row; plan && (row = mysql_fetch_row(plan));) {
		bool good = is_good(name, row) || starts(text, "INSERT");
		if (getenv("E4_SHOW_PLANS") || !good)
			fprintf(stderr, "%s: %s %s %s %s\n", name, row[2], row[3], row[5], row[9]);
		CHECK(good);
	}
	mysql_free_result(plan);
}

static void no_statement_reads_a_whole_table(void)
{
	for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++)
		explain(statements[i].name, statements[i].text);
}

int main(void)
{
	if (!maria_server_start(&maria))
		return 2;
	OK(store_maria_open(&store, &(struct store_maria_config){.url = maria.url}, &err));
	fill_for_plans();
	conn = mysql_init(0);
	CHECK(mysql_real_connect(conn, 0, "root", 0, "e4", 0, maria.socket, 0) != 0);
	RUN(no_statement_reads_a_whole_table);
	mysql_close(conn);
	OPS->close(CTX);
	child_remove(&maria.child);
	return END();
}
