/* Records: what others keep in this database, written with what the core writes. */
#include "c2/core/internal.h"

#include <string.h>

static bool kind_check(int32_t kind, struct err *err)
{
	return kind > 0 || err_set(err, ERR_INVALID, "kinds of records count from 1");
}

static bool record_check(const struct core_record *r, struct err *err)
{
	if (!kind_check(r->kind, err))
		return false;
	if (r->id < 0 || r->owner < 0 || r->version < 0 || (r->version > 0 && !r->id) ||
	    (r->remove && !r->version))
		return err_set(err, ERR_INVALID, "there is no record of this id and version");
	return r->len <= STORE_RECORD_MAX ||
	       err_set(err, ERR_INVALID, "a record has at most %d bytes", STORE_RECORD_MAX);
}

bool records_check(const struct core_batch *b, struct err *err)
{
	if (b->n_records > CORE_BATCH_MAX)
		return err_set(err, ERR_INVALID, "a batch has at most %d records", CORE_BATCH_MAX);
	for (size_t i = 0; i < b->n_records; i++)
		if (!record_check(&b->records[i], err))
			return err_wrap(err, "record %zu", i);
	return (b->trim_kind >= 0 && b->trim_owner >= 0 && b->trim_keep >= 0) ||
	       err_set(err, ERR_INVALID, "nothing below 0 is trimmed");
}

static bool apply_record(struct change *ch, const struct core_record *r, int64_t *id,
			 struct err *err)
{
	struct store_record row = {.kind = r->kind,
				   .id = r->id,
				   .owner = r->owner,
				   .version = r->version,
				   .body = r->body,
				   .len = r->len};
	bool ok = r->remove ? DB(ch->c, record_remove, r->kind, r->id, r->version, err)
			    : DB(ch->c, record_put, &row, err);

	*id = row.id;
	return ok;
}

bool apply_records(struct change *ch, const struct core_batch *b, int64_t *ids, struct err *err)
{
	for (size_t i = 0; i < b->n_records; i++)
		if (!apply_record(ch, &b->records[i], &ids[i], err))
			return err_wrap(err, "record %zu", i);
	return !b->trim_kind || DB(ch->c, records_trim, b->trim_kind, b->trim_owner, b->trim_keep,
				   CORE_TRIM_MAX, err);
}

void records_done(const struct core_batch *b, const int64_t *ids)
{
	for (size_t i = 0; i < b->n_records; i++) {
		b->records[i].id = ids[i];
		b->records[i].version = b->records[i].remove ? 0 : b->records[i].version + 1;
	}
}

/* --- reading -------------------------------------------------------------------------------- */

struct collect {
	struct arena *arena;
	struct core_record *rows;
	size_t n;
};

static bool collect_add(void *arg, const struct store_record *row)
{
	struct collect *to = arg;
	uint8_t *body = arena_alloc(to->arena, row->len + 1);

	if (row->len)
		memcpy(body, row->body, row->len);
	to->rows[to->n++] = (struct core_record){.kind = row->kind,
						 .id = row->id,
						 .owner = row->owner,
						 .version = row->version,
						 .body = body,
						 .len = row->len};
	return true;
}

bool core_record(struct core *c, int32_t kind, int64_t id, struct arena *arena,
		 struct core_record *out, struct err *err)
{
	struct collect to = {.arena = arena, .rows = out};
	bool found;

	*out = (struct core_record){0};
	if (!kind_check(kind, err) || !DB(c, record_get, kind, id, collect_add, &to, &found, err))
		return false;
	return found || err_set(err, ERR_NOT_FOUND, "there is no such record");
}

bool core_records(struct core *c, int32_t kind, int64_t owner, int64_t after_id, int64_t limit,
		  bool newest_first, struct arena *arena, struct core_records *out, struct err *err)
{
	struct collect to = {.arena = arena};
	int n = limit < CORE_RECORDS_MAX ? (int)(limit > 0 ? limit : 0) : CORE_RECORDS_MAX;
	bool ok;

	*out = (struct core_records){0};
	if (!kind_check(kind, err))
		return false;
	to.rows = arena_alloc(arena, ((size_t)n + 1) * sizeof *to.rows);
	ok = DB(c, records, kind, owner, after_id, n, newest_first, collect_add, &to, err);
	*out = (struct core_records){to.rows, ok ? to.n : 0};
	return ok;
}
