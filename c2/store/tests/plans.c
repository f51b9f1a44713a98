/* No statement may read a whole table: asked of SQLite's planner, for every row of sqlite_sql.h. */
#include <sqlite3.h>
#include <string.h>

#include "c2/store/schema/sqlite.h"
#include "c2/store/sql_id.h"
#include "c2/store/sqlite_sql.h"
#include "tests/check.h"

static const struct {
	const char *name, *text;
} statements[] = {
#define X(id) {#id, LITE_##id},
	SQL_IDS(X)
#undef X
};

static sqlite3 *db;

/* Tables of one or a few rows, and sorted lists that an index holds completely. */
static const char *const allowed[] = {
	"SCAN state",
	"SCAN s",
	"SCAN slice", /* of the members of a topic, limited */
	"SCAN c2_use",
	"SCAN c2_key",
	"SCAN t USING INDEX topic_walk",
	"SCAN CONSTANT ROW",
	"SCAN json_each VIRTUAL TABLE INDEX 1:",
};

static int is_allowed(const char *step)
{
	if (strncmp(step, "SCAN", 4) != 0 && !strstr(step, "AUTOMATIC"))
		return 1;
	for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
		if (strcmp(step, allowed[i]) == 0)
			return 1;
	}
	return 0;
}

static void check_plan(const char *name, const char *text)
{
	char sql[4096];
	sqlite3_stmt *st = 0;
	snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s", text);
	CHECK_EQ(sqlite3_prepare_v2(db, sql, -1, &st, 0), SQLITE_OK);
	while (sqlite3_step(st) == SQLITE_ROW) {
		const char *step = (const char *)sqlite3_column_text(st, 3);
		if (!is_allowed(step))
			fprintf(stderr, "%s: %s\n", name, step);
		CHECK(is_allowed(step));
	}
	sqlite3_finalize(st);
}

static void no_statement_reads_a_whole_table(void)
{
	for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++)
		check_plan(statements[i].name, statements[i].text);
}

/* What removing a client does by itself, spelled out. */
static void no_cascade_reads_a_whole_table(void)
{
	check_plan("members", "DELETE FROM member WHERE client_id = ?");
	check_plan("links by source", "DELETE FROM link WHERE source_id = ?");
	check_plan("links by target", "DELETE FROM link WHERE target_id = ?");
	check_plan("peers held", "DELETE FROM peer WHERE target_id = ?");
	check_plan("peers of it", "UPDATE peer SET source_id = NULL WHERE source_id = ?");
	check_plan("old keys", "DELETE FROM old_key WHERE client_id = ?");
	check_plan("members of a topic", "DELETE FROM member WHERE topic_id = ?");
}

int main(void)
{
	if (sqlite3_open(":memory:", &db) != SQLITE_OK)
		return 2;
	for (int i = 0; i < sqlite_schema_n_steps; i++) {
		for (const char *const *text = sqlite_schema_steps[i]; *text; text++)
			CHECK_EQ(sqlite3_exec(db, *text, 0, 0, 0), SQLITE_OK);
	}
	RUN(no_statement_reads_a_whole_table);
	RUN(no_cascade_reads_a_whole_table);
	sqlite3_close(db);
	return END();
}
