/* Whole tables, for backups. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "c2/store/sql_db.h"

#define PAGE 1000
#define RECORD_PAGE 16 /* of STORE_RECORD_MAX: some drivers have all of a page in memory */

static const struct table {
	enum sql_id dump, load;
	size_t n_keys; /* the first columns, by which it is ordered; 0: it has one row */
	int page;
} tables[STORE_TABLES] = {
	[STORE_META] = {SQL_DUMP_META, SQL_LOAD_META, 1, PAGE},
	[STORE_CLIENT] = {SQL_DUMP_CLIENT, SQL_LOAD_CLIENT, 1, PAGE},
	[STORE_OLD_KEY] = {SQL_DUMP_OLD_KEY, SQL_LOAD_OLD_KEY, 2, PAGE},
	[STORE_C2_KEY] = {SQL_DUMP_C2_KEY, SQL_LOAD_C2_KEY, 1, PAGE},
	[STORE_TOPIC] = {SQL_DUMP_TOPIC, SQL_LOAD_TOPIC, 1, PAGE},
	[STORE_MEMBER] = {SQL_DUMP_MEMBER, SQL_LOAD_MEMBER, 2, PAGE},
	[STORE_LINK] = {SQL_DUMP_LINK, SQL_LOAD_LINK, 2, PAGE},
	[STORE_PEER] = {SQL_DUMP_PEER, SQL_LOAD_PEER, 2, PAGE},
	[STORE_EVENT] = {SQL_DUMP_EVENT, SQL_LOAD_EVENT, 1, PAGE},
	[STORE_TAG] = {SQL_DUMP_TAG, SQL_LOAD_TAG, 2, PAGE},
	[STORE_RECORD] = {SQL_DUMP_RECORD, SQL_LOAD_RECORD, 2, RECORD_PAGE},
	[STORE_STATE] = {SQL_DUMP_STATE, SQL_LOAD_STATE, 0, 0},
};

/* The key of the last row of a page. */
struct place {
	int64_t n[2];
	char bytes[2][STORE_NAME_MAX + 1];
	size_t len[2];
};

static bool remember(struct place *p, const char *kinds, size_t n_keys, const struct store_value *v)
{
	for (size_t i = 0; i < n_keys; i++) {
		p->n[i] = v[i].n;
		if (kinds[i] == 'i')
			continue;
		if (!v[i].bytes || v[i].len >= sizeof p->bytes[i])
			return false;
		memcpy(p->bytes[i], v[i].bytes, v[i].len);
		p->bytes[i][v[i].len] = 0;
		p->len[i] = v[i].len;
	}
	return true;
}

/* Before all rows: integers count from 1, texts and bytes are not empty. */
static void put_place(struct stmt *s, const struct place *p, const char *kinds, size_t n_keys)
{
	for (size_t i = 0; i < n_keys; i++) {
		if (kinds[i] == 'i')
			put_int(s, p->n[i]);
		else if (kinds[i] == 't')
			put_text(s, p->bytes[i]);
		else
			put_blob(s, p->bytes[i], p->len[i]);
	}
}

static void get_values(struct stmt *s, const char *kinds, struct store_value *v)
{
	for (size_t i = 0; kinds[i]; i++) {
		v[i] = (struct store_value){0};
		if (kinds[i] == 'i')
			v[i].n = get_int(s);
		else
			v[i].bytes = s->db->driver->column_bytes(s, s->column++, &v[i].len);
		/* A short text or number of another type in its place would be damage. */
		if (kinds[i] == 't' && (!v[i].bytes || memchr(v[i].bytes, 0, v[i].len)))
			stmt_damaged(s);
	}
}

static bool page(struct db *db, enum store_table table, struct place *at, int *n, bool *more,
		 store_row_fn *fn, void *arg, struct err *err)
{
	const struct table *t = &tables[table];
	const char *kinds = store_columns[table];
	struct store_value v[STORE_COLUMNS_MAX] = {{0}};
	struct stmt s = stmt_read(db, t->dump);
	put_place(&s, at, kinds, t->n_keys);
	if (t->n_keys)
		put_limit(&s, t->page);
	*n = 0;
	while (*more && stmt_row(&s)) {
		get_values(&s, kinds, v);
		if (stmt_ok(&s) && !remember(at, kinds, t->n_keys, v))
			stmt_damaged(&s);
		if (!stmt_ok(&s))
			break;
		++*n;
		*more = DB_GIVE(db, fn(arg, v));
	}
	return stmt_end(&s, err);
}

bool sql_rows(void *ctx, enum store_table table, store_row_fn *fn, void *arg, struct err *err)
{
	struct place at = {.n = {0}};
	bool more = true;
	int n;
	do {
		if (!page(ctx, table, &at, &n, &more, fn, arg, err))
			return false;
	} while (more && tables[table].n_keys && n == tables[table].page);
	return true;
}

static void put_values(struct stmt *s, const char *kinds, const struct store_value *v, char *text)
{
	for (size_t i = 0; kinds[i]; i++) {
		if (kinds[i] == 'i') {
			put_int(s, v[i].n);
		} else if (kinds[i] == 't') {
			memcpy(text, v[i].bytes, v[i].len);
			text[v[i].len] = 0;
			put_text(s, text);
			text += v[i].len + 1;
		} else if (kinds[i] == 'b' && !v[i].bytes) {
			put_blob_or_null(s, 0, 0);
		} else {
			put_blob(s, v[i].bytes, v[i].len);
		}
	}
}

bool sql_row_put(void *ctx, enum store_table table, const struct store_value *values,
		 struct err *err)
{
	struct db *db = ctx;
	if (!db->driver->snapshot)
		return err_set(err, ERR_CONFIG,
			       "c2 restores no backups to this kind of database yet");
	const char *kinds = store_columns[table];
	size_t len = 0;
	for (size_t i = 0; kinds[i]; i++)
		len += kinds[i] == 't' ? values[i].len + 1 : 0;
	char *texts = mem_alloc(len + 1); /* with the zero that a text ends with */
	struct stmt s = stmt_write(ctx, tables[table].load);
	put_values(&s, kinds, values, texts);
	bool ok = stmt_post(&s, 0, err);
	free(texts);
	return ok;
}
