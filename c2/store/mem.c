/* The store in memory: transactions, counters, named values, events. */
#include "c2/store/mem.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "c2/store/mem_db.h"
#include "e4/crypto.h"

void *vec_insert(struct vec *v, size_t size, size_t i)
{
	char *place;

	if (v->n == v->cap) {
		v->cap = v->cap ? v->cap + v->cap / 2 + 1 : 4;
		v->at = mem_resize(v->at, v->cap, size);
	}
	place = (char *)v->at + i * size;
	memmove(place + size, place, (v->n - i) * size);
	v->n++;
	return place;
}

void vec_remove(struct vec *v, size_t size, size_t i)
{
	char *place = (char *)v->at + i * size;

	v->n--;
	memmove(place, place + size, (v->n - i) * size);
}

/* --- indexes ------------------------------------------------------------------------------ */

static void index_place(struct index *ix, uint64_t hash, uint32_t id)
{
	size_t i = hash & (ix->cap - 1);

	while (ix->slots[i])
		i = (i + 1) & (ix->cap - 1);
	ix->slots[i] = id;
}

static void index_grow(const struct mem *m, struct index *ix, index_hash *hash)
{
	struct index old = *ix;

	ix->cap = old.cap ? 2 * old.cap : 64;
	ix->slots = mem_array(ix->cap, sizeof *ix->slots);
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i])
			index_place(ix, hash(m, old.slots[i]), old.slots[i]);
	free(old.slots);
}

void index_add(const struct mem *m, struct index *ix, index_hash *hash, uint32_t id)
{
	if (2 * (ix->n + 1) > ix->cap)
		index_grow(m, ix, hash);
	index_place(ix, hash(m, id), id);
	ix->n++;
}

/* What follows in the same run moves up, so that no look-up ends at the hole. */
void index_remove(const struct mem *m, struct index *ix, index_hash *hash, uint32_t id)
{
	size_t mask = ix->cap - 1, i = hash(m, id) & mask, next;

	while (ix->slots[i] != id)
		i = (i + 1) & mask;
	ix->slots[i] = 0;
	ix->n--;
	for (next = (i + 1) & mask; ix->slots[next]; next = (next + 1) & mask) {
		uint32_t moved = ix->slots[next];

		ix->slots[next] = 0;
		index_place(ix, hash(m, moved), moved);
	}
}

/* --- transactions --------------------------------------------------------------------------- */

struct note {
	mem_back *back;
	size_t at; /* where its bytes begin */
};

bool mem_may_read(const struct mem *m, struct err *err)
{
	return !m->in_row || err_set(err, ERR_INTERNAL, "the store was called from a row callback");
}

bool mem_may_write(const struct mem *m, struct err *err)
{
	return mem_may_read(m, err) && (m->in_transaction || err_set(err, ERR_INTERNAL,
								     "a write outside of a "
								     "transaction"));
}

void mem_note(struct mem *m, mem_back *back, const void *bytes, size_t len)
{
	struct note *n = vec_insert(&m->undo, sizeof *n, m->undo.n);

	/* A multiple of 8: what comes back is read in place. */
	len = (len + 7) & ~(size_t)7;
	n->back = back;
	n->at = m->bytes.n;
	if (m->bytes.n + len > m->bytes.cap) {
		m->bytes.cap = 2 * (m->bytes.n + len) + 4096;
		m->bytes.at = mem_resize(m->bytes.at, m->bytes.cap, 1);
	}
	m->bytes.n += len;
	if (len)
		memcpy((char *)m->bytes.at + n->at, bytes, len);
}

void mem_drop(struct mem *m, void *thing)
{
	*(void **)vec_insert(&m->garbage, sizeof thing, m->garbage.n) = thing;
}

bool mem_begin(void *ctx, struct err *err)
{
	struct mem *m = ctx;

	if (!mem_may_read(m, err))
		return false;
	if (m->in_transaction)
		return err_set(err, ERR_INTERNAL, "a transaction inside of another");
	m->in_transaction = true;
	m->before = m->n;
	return true;
}

static void end(struct mem *m)
{
	/* Notes hold keys. */
	if (m->bytes.n)
		e4_wipe(m->bytes.at, m->bytes.n);
	m->undo.n = m->bytes.n = m->garbage.n = m->gone.n = 0;
	m->in_transaction = m->in_part = false;
}

bool mem_commit(void *ctx, struct err *err)
{
	struct mem *m = ctx;

	if (!mem_may_write(m, err))
		return false;
	if (m->in_part)
		return err_set(err, ERR_INTERNAL, "a commit inside of a part");
	for (size_t i = 0; i < m->garbage.n; i++)
		free(((void **)m->garbage.at)[i]);
	for (size_t i = 0; i < m->gone.n; i++)
		mem_client_free(((struct client **)m->gone.at)[i]);
	if (2 * m->n.first_event > m->events.n) {
		struct store_event **e = m->events.at;

		for (size_t i = 0; i < m->n.first_event; i++)
			free(e[i]);
		m->events.n -= m->n.first_event;
		memmove(e, e + m->n.first_event, m->events.n * sizeof(struct store_event *));
		m->n.first_event = 0;
	}
	end(m);
	return true;
}

/* Back to when there were n notes. */
static void take_back(struct mem *m, size_t n)
{
	const struct note *notes = m->undo.at;

	for (size_t i = m->undo.n; i-- > n;)
		notes[i].back(m, (char *)m->bytes.at + notes[i].at);
	m->undo.n = n;
}

void mem_rollback(void *ctx)
{
	struct mem *m = ctx;

	if (!m->in_transaction || m->in_row)
		return;
	take_back(m, 0);
	m->n = m->before;
	end(m);
}

bool mem_part_begin(void *ctx, struct err *err)
{
	struct mem *m = ctx;

	if (!mem_may_write(m, err))
		return false;
	if (m->in_part)
		return err_set(err, ERR_INTERNAL, "a part inside of another");
	m->in_part = true;
	m->before_part = m->n;
	m->part_undo = m->undo.n;
	m->part_bytes = m->bytes.n;
	m->part_garbage = m->garbage.n;
	m->part_gone = m->gone.n;
	return true;
}

bool mem_part_end(void *ctx, bool keep, struct err *err)
{
	struct mem *m = ctx;

	if (!mem_may_write(m, err))
		return false;
	if (!m->in_part)
		return err_set(err, ERR_INTERNAL, "no part to end");
	m->in_part = false;
	if (keep)
		return true;
	take_back(m, m->part_undo);
	e4_wipe((char *)m->bytes.at + m->part_bytes, m->bytes.n - m->part_bytes);
	m->bytes.n = m->part_bytes;
	m->garbage.n = m->part_garbage;
	m->gone.n = m->part_gone;
	m->n = m->before_part;
	return true;
}

bool mem_check(void *ctx, struct err *err)
{
	return mem_may_read(ctx, err);
}

static void free_things(struct vec *v)
{
	for (size_t i = 0; i < v->n; i++)
		free(((void **)v->at)[i]);
	free(v->at);
}

static void free_metas(struct vec *v)
{
	struct meta *metas = v->at;

	for (size_t i = 0; i < v->n; i++) {
		free(metas[i].name);
		free(metas[i].value);
	}
	free(v->at);
}

static void free_topics(struct vec *v)
{
	struct topic **topics = v->at;

	for (size_t i = 0; i < v->n; i++)
		if (topics[i])
			free(topics[i]->members.at);
	free_things(v);
}

void mem_close(void *ctx)
{
	struct mem *m = ctx;
	struct client **clients = m->clients.at;

	mem_rollback(m);
	for (size_t i = 0; i < m->clients.n; i++)
		mem_client_free(clients[i]);
	free(clients);
	free_topics(&m->topics);
	free_things(&m->events);
	free_things(&m->records);
	free_metas(&m->metas);
	free(m->by_name.slots);
	free(m->by_e4id.slots);
	free(m->by_topic.slots);
	free(m->undo.at);
	free(m->bytes.at);
	free(m->garbage.at);
	free(m->gone.at);
	free(m->due.at);
	free(m->c2_uses.at);
	free(m->c2_keys.at);
	free(m->walks.at);
	free(m->clients_sorted.at);
	free(m->topics_sorted.at);
	free(m);
}

/* --- counters and named values ---------------------------------------------------------------- */

bool mem_revision(void *ctx, int64_t *rev, struct err *err)
{
	struct mem *m = ctx;

	*rev = m->n.revision;
	return mem_may_read(m, err);
}

bool mem_revision_next(void *ctx, int64_t *rev, struct err *err)
{
	struct mem *m = ctx;

	if (!mem_may_write(m, err))
		return false;
	*rev = ++m->n.revision;
	return true;
}

static struct meta *find_meta(const struct mem *m, const char *name)
{
	struct meta *metas = m->metas.at;

	for (size_t i = 0; i < m->metas.n; i++)
		if (strcmp(metas[i].name, name) == 0)
			return &metas[i];
	return 0;
}

bool mem_meta_get(void *ctx, const char *name, uint8_t *out, size_t cap, size_t *len, bool *found,
		  struct err *err)
{
	struct mem *m = ctx;
	const struct meta *meta = find_meta(m, name);

	*len = 0;
	*found = false;
	if (!mem_may_read(m, err) || !meta)
		return !m->in_row;
	if (meta->len > cap)
		return err_set(err, ERR_STORE, "a named value is longer than it can be");
	if (meta->len)
		memcpy(out, meta->value, meta->len);
	*len = meta->len;
	*found = true;
	return true;
}

static void new_meta_back(struct mem *m, const void *bytes)
{
	struct meta *metas = m->metas.at, *last = &metas[--m->metas.n];

	(void)bytes;
	free(last->name);
	free(last->value);
}

static void meta_back(struct mem *m, const void *bytes)
{
	const struct meta *was = bytes;
	struct meta *meta = find_meta(m, was->name);

	free(meta->value);
	*meta = *was;
}

bool mem_meta_put(void *ctx, const char *name, const uint8_t *value, size_t len, struct err *err)
{
	struct mem *m = ctx;
	struct meta *meta = find_meta(m, name);

	if (!mem_may_write(m, err))
		return false;
	if (meta) {
		mem_note(m, meta_back, meta, sizeof *meta);
		mem_drop(m, meta->value);
	} else {
		meta = vec_insert(&m->metas, sizeof *meta, m->metas.n);
		meta->name = mem_text(name);
		mem_note(m, new_meta_back, 0, 0);
	}
	meta->value = mem_alloc(len + 1);
	meta->len = len;
	if (len)
		memcpy(meta->value, value, len);
	return true;
}

/* --- events --------------------------------------------------------------------------------------
 */

static void event_back(struct mem *m, const void *bytes)
{
	(void)bytes;
	free(((void **)m->events.at)[--m->events.n]);
}

/* As long as its texts. */
static void *pack_event(const struct store_event *row)
{
	size_t source = strlen(row->source) + 1, target = strlen(row->target) + 1;
	char *e = mem_alloc(offsetof(struct store_event, source) + source + target);

	memcpy(e, row, offsetof(struct store_event, source));
	memcpy(e + offsetof(struct store_event, source), row->source, source);
	memcpy(e + offsetof(struct store_event, source) + source, row->target, target);
	return e;
}

static void unpack_event(struct store_event *row, const char *e)
{
	const char *source = e + offsetof(struct store_event, source);
	const char *target = source + strlen(source) + 1;

	memset(row, 0, sizeof *row);
	memcpy(row, e, offsetof(struct store_event, source));
	memcpy(row->source, source, strlen(source));
	memcpy(row->target, target, strlen(target));
}

bool mem_event_append(void *ctx, struct store_event *row, struct err *err)
{
	struct mem *m = ctx;

	if (!mem_may_write(m, err))
		return false;
	row->seq = ++m->n.last_event;
	*(void **)vec_insert(&m->events, sizeof(void *), m->events.n) = pack_event(row);
	mem_note(m, event_back, 0, 0);
	return true;
}

bool mem_events_after(void *ctx, int64_t seq, int limit, store_event_fn *fn, void *arg,
		      struct err *err)
{
	struct mem *m = ctx;
	char **events = m->events.at;
	int64_t oldest = m->n.last_event - (int64_t)(m->events.n - m->n.first_event);
	size_t i = m->n.first_event + (size_t)(seq > oldest ? seq - oldest : 0);
	struct store_event row;
	bool more = true;

	if (!mem_may_read(m, err))
		return false;
	m->in_row = true;
	for (int given = 0; more && given < limit && i < m->events.n; given++, i++) {
		unpack_event(&row, events[i]);
		more = fn(arg, &row);
	}
	m->in_row = false;
	return true;
}

bool mem_events_last(void *ctx, int64_t *seq, struct err *err)
{
	struct mem *m = ctx;

	*seq = m->n.last_event;
	return mem_may_read(m, err);
}

/* They are freed by a commit, so a rollback finds them all. */
bool mem_events_prune(void *ctx, int64_t keep, struct err *err)
{
	struct mem *m = ctx;
	size_t kept = keep > 0 ? (size_t)keep : 0;

	if (!mem_may_write(m, err))
		return false;
	if (m->events.n - m->n.first_event > kept)
		m->n.first_event = m->events.n - kept;
	return true;
}

/* --- the whole ------------------------------------------------------------------------------- */

void store_mem_open(struct store *out)
{
#define X(op) .op = mem_##op,
	static const struct store_ops ops = {MEM_OPS(X)};
#undef X
	struct mem *m = mem_alloc(sizeof *m);

	/* Id 0 is nobody. */
	*(void **)vec_insert(&m->clients, sizeof(void *), 0) = 0;
	*(void **)vec_insert(&m->topics, sizeof(void *), 0) = 0;
	*out = (struct store){&ops, m};
}
