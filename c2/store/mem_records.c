/* Records of others, each in one piece with its body. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "c2/store/mem_db.h"

static struct store_record **rows_of(const struct mem *m)
{
	return m->records.at;
}

/* The place of the first that is not before this one. */
static size_t place_of(const struct mem *m, int32_t kind, int64_t id)
{
	size_t low = 0, high = m->records.n;

	while (low < high) {
		size_t mid = (low + high) / 2;
		const struct store_record *r = rows_of(m)[mid];

		if (r->kind < kind || (r->kind == kind && r->id < id))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The place behind the last of a kind. */
static size_t end_of(const struct mem *m, int32_t kind)
{
	return kind < INT32_MAX ? place_of(m, kind + 1, INT64_MIN) : m->records.n;
}

static bool is_at(const struct mem *m, size_t i, int32_t kind, int64_t id)
{
	return i < m->records.n && rows_of(m)[i]->kind == kind && rows_of(m)[i]->id == id;
}

static struct store_record *pack(const struct store_record *row)
{
	struct store_record *r = mem_alloc(sizeof *r + row->len);

	*r = *row;
	r->body = (const uint8_t *)(r + 1);
	if (row->len)
		memcpy(r + 1, row->body, row->len);
	return r;
}

static void insert(struct mem *m, struct store_record *r)
{
	size_t i = place_of(m, r->kind, r->id);

	*(struct store_record **)vec_insert(&m->records, sizeof r, i) = r;
}

static struct store_record *take(struct mem *m, int32_t kind, int64_t id)
{
	size_t i = place_of(m, kind, id);
	struct store_record *r = rows_of(m)[i];

	vec_remove(&m->records, sizeof r, i);
	return r;
}

static void put_back(struct mem *m, const void *bytes)
{
	const struct store_record *was = *(struct store_record *const *)bytes;

	free(take(m, was->kind, was->id));
}

static void take_back(struct mem *m, const void *bytes)
{
	insert(m, *(struct store_record *const *)bytes);
}

static void add(struct mem *m, const struct store_record *row)
{
	struct store_record *r = pack(row);

	insert(m, r);
	mem_note(m, put_back, &r, sizeof r);
}

static void drop(struct mem *m, int32_t kind, int64_t id)
{
	struct store_record *r = take(m, kind, id);

	mem_note(m, take_back, &r, sizeof r);
	mem_drop(m, r);
}

static bool give(struct mem *m, const struct store_record *r, store_record_fn *fn, void *arg)
{
	bool more;

	m->in_row = true;
	more = fn(arg, r);
	m->in_row = false;
	return more;
}

bool mem_record_get(void *ctx, int32_t kind, int64_t id, store_record_fn *fn, void *arg,
		    bool *found, struct err *err)
{
	struct mem *m = ctx;
	size_t i = place_of(m, kind, id);

	*found = false;
	if (!mem_may_read(m, err))
		return false;
	*found = is_at(m, i, kind, id);
	if (*found)
		give(m, rows_of(m)[i], fn, arg);
	return true;
}

static int64_t version_of(const struct mem *m, int32_t kind, int64_t id)
{
	size_t i = place_of(m, kind, id);

	return is_at(m, i, kind, id) ? rows_of(m)[i]->version : 0;
}

static bool conflict(struct err *err)
{
	return err_set(err, ERR_CONFLICT, "%s", err_row(ERR_CONFLICT)->text);
}

bool mem_record_put(void *ctx, struct store_record *row, struct err *err)
{
	struct mem *m = ctx;
	struct store_record next = *row;

	if (!mem_may_write(m, err))
		return false;
	if (row->len > STORE_RECORD_MAX)
		return err_set(err, ERR_INVALID, "a record is longer than it can be");
	if (!row->id && !row->version)
		next.id = m->n.last_record + 1;
	if (version_of(m, next.kind, next.id) != next.version)
		return conflict(err);
	if (next.id > m->n.last_record)
		m->n.last_record = next.id;
	if (next.version++)
		drop(m, next.kind, next.id);
	add(m, &next);
	row->id = next.id;
	row->version = next.version;
	return true;
}

bool mem_record_remove(void *ctx, int32_t kind, int64_t id, int64_t version, struct err *err)
{
	struct mem *m = ctx;

	if (!mem_may_write(m, err))
		return false;
	if (!version || version_of(m, kind, id) != version)
		return conflict(err);
	drop(m, kind, id);
	return true;
}

bool mem_records(void *ctx, int32_t kind, int64_t owner, int64_t after_id, int limit,
		 bool newest_first, store_record_fn *fn, void *arg, struct err *err)
{
	struct mem *m = ctx;
	size_t from = place_of(m, kind, after_id ? after_id + !newest_first : INT64_MIN);
	size_t first = place_of(m, kind, INT64_MIN), end = end_of(m, kind);
	bool more = true;

	if (!mem_may_read(m, err))
		return false;
	if (newest_first && after_id)
		end = from;
	else if (!newest_first)
		first = from;
	for (size_t i = first; i < end && more && limit > 0; i++) {
		const struct store_record *r = rows_of(m)[newest_first ? end - 1 - (i - first) : i];

		if (owner && r->owner != owner)
			continue;
		more = give(m, r, fn, arg);
		limit--;
	}
	return true;
}

bool mem_records_trim(void *ctx, int32_t kind, int64_t owner, int64_t keep, int max,
		      struct err *err)
{
	struct mem *m = ctx;
	size_t first = place_of(m, kind, INT64_MIN), i = end_of(m, kind);

	if (!mem_may_write(m, err))
		return false;
	while (i-- > first && max > 0) {
		const struct store_record *r = rows_of(m)[i];

		if ((owner && r->owner != owner) || keep-- > 0)
			continue;
		drop(m, kind, r->id);
		max--;
	}
	return true;
}
