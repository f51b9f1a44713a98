/* Questions asked ahead: as the functions ask that will want the answers. */
#include "c2/store/sql_db.h"

static const enum sql_id statements[] = {
	[STORE_ASK_CLIENT] = SQL_CLIENT_BY_NAME,  [STORE_ASK_TOPIC] = SQL_TOPIC_BY_NAME,
	[STORE_ASK_MEMBERS] = SQL_CLIENT_MEMBERS, [STORE_ASK_TAGS] = SQL_CLIENT_TAGS,
	[STORE_ASK_TOPICS] = SQL_CLIENT_TOPICS,   [STORE_ASK_PEERS] = SQL_CLIENT_PEERS,
};

static void ask(struct db *db, const struct store_question *q)
{
	struct stmt s = stmt_read(db, statements[q->ask]);
	if (q->name)
		put_text(&s, q->name);
	else
		put_int(&s, q->client_id);
	if (q->ask == STORE_ASK_TOPICS)
		put_page(&s, (struct store_page){0, INT32_MAX});
	if (stmt_ok(&s))
		db->driver->ahead(db, &s);
	stmt_end(&s, 0);
}

void sql_ahead(void *ctx, const struct store_question *list, size_t n)
{
	struct db *db = ctx;
	if (!db->driver->ahead || db->in_row)
		return;
	if (n == 0)
		db->driver->ahead(db, 0);
	for (size_t i = 0; i < n; i++)
		ask(db, &list[i]);
	if (n > 0)
		db->driver->settle(db);
}
