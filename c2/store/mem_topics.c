/* Topics and who is attached to them. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "c2/store/mem_db.h"

struct topic *mem_topic(const struct mem *m, int64_t id)
{
	return id > 0 && (uint64_t)id < m->topics.n ? ((struct topic **)m->topics.at)[id] : 0;
}

/* --- sorted arrays of ids --------------------------------------------------------------- */

size_t ids_place(const struct vec *ids, int64_t id)
{
	const uint32_t *list = ids->at;
	size_t low = 0, high = ids->n;

	/* Most come in order. */
	if (ids->n && list[ids->n - 1] < id)
		return ids->n;
	while (low < high) {
		size_t mid = (low + high) / 2;

		if (list[mid] < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool ids_have(const struct vec *ids, uint32_t id)
{
	size_t i = ids_place(ids, id);

	return i < ids->n && ((uint32_t *)ids->at)[i] == id;
}

void ids_put(struct vec *ids, uint32_t id)
{
	if (!ids_have(ids, id))
		*(uint32_t *)vec_insert(ids, sizeof id, ids_place(ids, id)) = id;
}

void ids_take(struct vec *ids, uint32_t id)
{
	if (ids_have(ids, id))
		vec_remove(ids, sizeof id, ids_place(ids, id));
}

/* --- names -------------------------------------------------------------------------------- */

static const char *name_of(const struct mem *m, uint32_t id, bool topics)
{
	return topics ? mem_topic_at(m, id)->row.name : mem_client_at(m, id)->name;
}

struct named {
	const char *name;
	uint32_t id;
};

static int by_bytes(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

void mem_sort_names(struct mem *m, struct vec *ids, bool topics)
{
	struct named *list = mem_array(ids->n + 1, sizeof *list);
	uint32_t *id = ids->at;

	for (size_t i = 0; i < ids->n; i++)
		list[i] = (struct named){name_of(m, id[i], topics), id[i]};
	qsort(list, ids->n, sizeof *list, by_bytes);
	for (size_t i = 0; i < ids->n; i++)
		id[i] = list[i].id;
	free(list);
}

size_t mem_names_from(const struct mem *m, const struct vec *ids, bool topics, const char *from)
{
	const uint32_t *id = ids->at;
	size_t low = 0, high = ids->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (strcmp(name_of(m, id[mid], topics), from) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void mem_page(struct mem *m, const struct vec *ids, bool topics, struct store_page page,
	      store_name_fn *fn, void *arg)
{
	const uint32_t *id = ids->at;
	size_t i = page.offset > 0 ? (size_t)page.offset : 0;
	bool more = true;

	m->in_row = true;
	for (int64_t given = 0; more && given < page.count && i < ids->n; given++, i++)
		more = fn(arg, name_of(m, id[i], topics));
	m->in_row = false;
}

/* --- indexes --------------------------------------------------------------------------------- */

static uint64_t hash_of_topic(const char *name)
{
	uint64_t h = 14695981039346656037u;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 1099511628211u;
	return h ^ h >> 32;
}

static uint64_t row_topic(const struct mem *m, uint32_t id)
{
	return hash_of_topic(mem_topic_at(m, id)->row.name);
}

static struct topic *by_name(const struct mem *m, const char *name)
{
	const struct index *ix = &m->by_topic;

	if (ix->n == 0)
		return 0;
	for (size_t i = hash_of_topic(name) & (ix->cap - 1); ix->slots[i];
	     i = (i + 1) & (ix->cap - 1)) {
		struct topic *t = mem_topic_at(m, ix->slots[i]);

		if (strcmp(t->row.name, name) == 0)
			return t;
	}
	return 0;
}

/* Those whose members are yet to be found, oldest change first. */
static void walk_add(struct mem *m, const struct topic *t)
{
	size_t i = m->walks.n;

	if (t->row.walk_rev >= t->row.rev)
		return;
	while (i > 0 && mem_topic_at(m, ((uint32_t *)m->walks.at)[i - 1])->row.rev > t->row.rev)
		i--;
	*(uint32_t *)vec_insert(&m->walks, sizeof(uint32_t), i) = (uint32_t)t->row.id;
}

static void walk_take(struct mem *m, const struct topic *t)
{
	const uint32_t *ids = m->walks.at;

	if (t->row.walk_rev >= t->row.rev)
		return;
	for (size_t i = 0; i < m->walks.n; i++) {
		if (ids[i] == t->row.id) {
			vec_remove(&m->walks, sizeof *ids, i);
			return;
		}
	}
}

static void list_topic(struct mem *m, struct topic *t)
{
	((struct topic **)m->topics.at)[t->row.id] = t;
	walk_add(m, t);
	if (t->row.removed)
		return;
	index_add(m, &m->by_topic, row_topic, (uint32_t)t->row.id);
	m->n.n_topics++;
	m->topics_are_sorted = false;
}

static void unlist_topic(struct mem *m, struct topic *t)
{
	walk_take(m, t);
	if (!t->row.removed) {
		index_remove(m, &m->by_topic, row_topic, (uint32_t)t->row.id);
		m->n.n_topics--;
		m->topics_are_sorted = false;
	}
	((struct topic **)m->topics.at)[t->row.id] = 0;
}

/* --- topics ------------------------------------------------------------------------------------
 */

static void new_topic_back(struct mem *m, const void *bytes)
{
	struct topic *t = *(struct topic *const *)bytes;

	unlist_topic(m, t);
	m->topics.n = (size_t)t->row.id;
	free(t->members.at);
	free(t);
}

static void topic_gone_back(struct mem *m, const void *bytes)
{
	list_topic(m, *(struct topic *const *)bytes);
}

/* All of a row but its name and its count. */
struct topic_was {
	struct topic *t;
	struct sealed key;
	int64_t rev, rotated_at, walk_rev, walk_client;
	bool removed;
};

static struct topic_was was_of(struct topic *t, const struct store_topic *row)
{
	return (struct topic_was){
		t,           row->key, row->rev, row->rotated_at, row->walk_rev, row->walk_client,
		row->removed};
}

static void set_topic(struct mem *m, const struct topic_was *s)
{
	struct topic *t = s->t;

	unlist_topic(m, t);
	t->row.key = s->key;
	t->row.rev = s->rev;
	t->row.rotated_at = s->rotated_at;
	t->row.walk_rev = s->walk_rev;
	t->row.walk_client = s->walk_client;
	t->row.removed = s->removed;
	list_topic(m, t);
}

static void topic_back(struct mem *m, const void *bytes)
{
	set_topic(m, bytes);
}

static bool insert(struct mem *m, struct store_topic *row, struct err *err)
{
	struct topic *t;

	if (!row->removed && by_name(m, row->name))
		return err_set(err, ERR_EXISTS, "a topic of this name is there already");
	t = mem_alloc(sizeof *t);
	row->id = ++m->n.last_topic;
	row->n_members = 0;
	t->row = *row;
	*(struct topic **)vec_insert(&m->topics, sizeof t, m->topics.n) = 0;
	list_topic(m, t);
	mem_note(m, new_topic_back, &t, sizeof t);
	return true;
}

bool mem_topic_put(void *ctx, struct store_topic *row, struct err *err)
{
	struct mem *m = ctx;
	struct topic_was was;
	struct topic *t;

	if (!mem_may_write(m, err))
		return false;
	if (!memchr(row->name, 0, sizeof row->name))
		return err_set(err, ERR_INTERNAL, "a topic name without end");
	if (!row->id)
		return insert(m, row, err);
	t = mem_topic(m, row->id);
	if (!t)
		return err_set(err, ERR_NOT_FOUND, "the topic is gone");
	if (t->row.removed && !row->removed && by_name(m, t->row.name))
		return err_set(err, ERR_EXISTS, "a topic of this name is there already");
	was = was_of(t, &t->row);
	mem_note(m, topic_back, &was, sizeof was);
	was = was_of(t, row);
	set_topic(m, &was);
	return true;
}

bool mem_topic_remove(void *ctx, int64_t id, struct err *err)
{
	struct mem *m = ctx;
	struct topic *t = mem_topic(m, id);

	if (!mem_may_write(m, err))
		return false;
	if (!t)
		return true;
	while (t->members.n)
		mem_member_take(m, mem_client(m, ((uint32_t *)t->members.at)[t->members.n - 1]), t);
	unlist_topic(m, t);
	mem_note(m, topic_gone_back, &t, sizeof t);
	if (t->members.at)
		mem_drop(m, t->members.at);
	mem_drop(m, t);
	return true;
}

static bool one(struct mem *m, const struct topic *t, struct store_topic *row, bool *found,
		struct err *err)
{
	*found = t != 0;
	if (t)
		*row = t->row;
	return mem_may_read(m, err);
}

bool mem_topic_by_name(void *ctx, const char *name, struct store_topic *row, bool *found,
		       struct err *err)
{
	return one(ctx, by_name(ctx, name), row, found, err);
}

bool mem_topic_by_id(void *ctx, int64_t id, struct store_topic *row, bool *found, struct err *err)
{
	return one(ctx, mem_topic(ctx, id), row, found, err);
}

const struct vec *mem_topics_by_name(struct mem *m)
{
	if (m->topics_are_sorted)
		return &m->topics_sorted;
	m->topics_sorted.n = 0;
	for (size_t id = 1; id < m->topics.n; id++) {
		const struct topic *t = mem_topic(m, (int64_t)id);

		if (t && !t->row.removed)
			*(uint32_t *)vec_insert(&m->topics_sorted, sizeof(uint32_t),
						m->topics_sorted.n) = (uint32_t)id;
	}
	mem_sort_names(m, &m->topics_sorted, true);
	m->topics_are_sorted = true;
	return &m->topics_sorted;
}

bool mem_topics(void *ctx, struct store_page page, store_name_fn *fn, void *arg, struct err *err)
{
	struct mem *m = ctx;

	if (!mem_may_read(m, err))
		return false;
	mem_page(m, mem_topics_by_name(m), true, page, fn, arg);
	return true;
}

bool mem_topics_count(void *ctx, int64_t *n, struct err *err)
{
	struct mem *m = ctx;

	*n = m->n.n_topics;
	return mem_may_read(m, err);
}

bool mem_topics_to_walk(void *ctx, int limit, store_topic_fn *fn, void *arg, struct err *err)
{
	struct mem *m = ctx;
	const uint32_t *ids = m->walks.at;
	bool more = true;

	if (!mem_may_read(m, err))
		return false;
	m->in_row = true;
	for (size_t i = 0; more && i < m->walks.n && (int)i < limit; i++)
		more = fn(arg, &mem_topic_at(m, ids[i])->row);
	m->in_row = false;
	return true;
}

/* --- members --------------------------------------------------------------------------------- */

static size_t member_place(const struct mem *m, const struct client *c, const struct topic *t)
{
	const struct member *list = c->members.at;
	size_t low = 0, high = c->members.n;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = memcmp(mem_topic_at(m, list[mid].topic_id)->row.hash, t->row.hash, 16);

		if (order < 0 || (order == 0 && list[mid].topic_id < t->row.id))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct member *find_member(const struct mem *m, const struct client *c,
				  const struct topic *t)
{
	size_t i = c && t ? member_place(m, c, t) : 0;
	struct member *row;

	if (!c || !t || i == c->members.n)
		return 0;
	row = (struct member *)c->members.at + i;
	return row->topic_id == t->row.id ? row : 0;
}

static void set_member(struct mem *m, struct client *c, struct topic *t, int64_t rev, bool removed)
{
	struct member *row = find_member(m, c, t);

	if (row) {
		t->row.n_members -= !row->removed;
	} else {
		row = vec_insert(&c->members, sizeof *row, member_place(m, c, t));
		ids_put(&t->members, c->id);
	}
	*row = (struct member){rev, (uint32_t)t->row.id, removed};
	t->row.n_members += !removed;
}

static void clear_member(struct mem *m, struct client *c, struct topic *t)
{
	struct member *row = find_member(m, c, t);

	t->row.n_members -= !row->removed;
	vec_remove(&c->members, sizeof *row, (size_t)(row - (struct member *)c->members.at));
	ids_take(&t->members, c->id);
}

struct member_was {
	struct client *c;
	struct topic *t;
	bool there, removed;
	int64_t rev;
};

static void member_back(struct mem *m, const void *bytes)
{
	const struct member_was *was = bytes;

	if (was->there)
		set_member(m, was->c, was->t, was->rev, was->removed);
	else
		clear_member(m, was->c, was->t);
}

static void note_member(struct mem *m, struct client *c, struct topic *t)
{
	const struct member *row = find_member(m, c, t);
	struct member_was was = {c, t, row != 0, row && row->removed, row ? row->rev : 0};

	mem_note(m, member_back, &was, sizeof was);
}

void mem_member_take(struct mem *m, struct client *c, struct topic *t)
{
	note_member(m, c, t);
	clear_member(m, c, t);
}

bool mem_member(void *ctx, int64_t client_id, int64_t topic_id, struct store_member *row,
		bool *found, struct err *err)
{
	const struct member *have =
		find_member(ctx, mem_client(ctx, client_id), mem_topic(ctx, topic_id));

	memset(row, 0, sizeof *row);
	*found = have != 0;
	if (have)
		*row = (struct store_member){client_id, topic_id, have->rev, have->removed};
	return mem_may_read(ctx, err);
}

bool mem_member_put(void *ctx, const struct store_member *row, struct err *err)
{
	struct mem *m = ctx;
	struct client *c = mem_client(m, row->client_id);
	struct topic *t = mem_topic(m, row->topic_id);

	if (!mem_may_write(m, err))
		return false;
	if (!c || !t)
		return err_set(err, ERR_NOT_FOUND, "the client or the topic is gone");
	note_member(m, c, t);
	set_member(m, c, t, row->rev, row->removed);
	return true;
}

bool mem_member_remove(void *ctx, int64_t client_id, int64_t topic_id, struct err *err)
{
	struct mem *m = ctx;
	struct client *c = mem_client(m, client_id);
	struct topic *t = mem_topic(m, topic_id);

	if (!mem_may_write(m, err))
		return false;
	if (find_member(m, c, t))
		mem_member_take(m, c, t);
	return true;
}

/* False: the callback has had enough. */
static bool give_members(struct mem *m, const struct client *c, int64_t above,
			 store_member_topic_fn *fn, void *arg)
{
	const struct member *list = c ? c->members.at : 0;
	struct store_member_topic row;
	bool more = true;

	m->in_row = true;
	for (size_t i = 0; more && c && i < c->members.n; i++) {
		const struct store_topic *t = &mem_topic_at(m, list[i].topic_id)->row;

		if (list[i].rev <= above && t->rev <= above)
			continue;
		row.member = (struct store_member){c->id, t->id, list[i].rev, list[i].removed};
		memcpy(row.hash, t->hash, sizeof row.hash);
		row.key = t->key;
		row.topic_rev = t->rev;
		row.topic_removed = t->removed;
		more = fn(arg, &row);
	}
	m->in_row = false;
	return more;
}

bool mem_client_members(void *ctx, int64_t client_id, store_member_topic_fn *fn, void *arg,
			struct err *err)
{
	if (!mem_may_read(ctx, err))
		return false;
	give_members(ctx, mem_client(ctx, client_id), INT64_MIN, fn, arg);
	return true;
}

bool mem_clients_members(void *ctx, const struct store_newer *of, size_t n,
			 store_member_topic_fn *fn, void *arg, struct err *err)
{
	struct mem *m = ctx;
	bool more = true;

	if (!mem_may_read(m, err))
		return false;
	for (size_t i = 0; more && i < n; i++)
		more = give_members(m, mem_client(m, of[i].client_id), of[i].above, fn, arg);
	return true;
}

bool mem_topic_members(void *ctx, int64_t topic_id, int64_t after_id, int limit,
		       store_client_fn *fn, void *arg, struct err *err)
{
	struct mem *m = ctx;
	const struct topic *t = mem_topic(m, topic_id);
	const uint32_t *ids;
	bool more = true;

	if (!mem_may_read(m, err))
		return false;
	if (!t)
		return true;
	ids = t->members.at;
	for (size_t i = ids_place(&t->members, after_id + 1), given = 0;
	     more && i < t->members.n && (int)given < limit; i++, given++) {
		if (i + 2 < t->members.n)
			mem_client_fetch(m, ids[i + 2]);
		more = mem_client_row(m, mem_client_at(m, ids[i]), fn, arg);
	}
	return true;
}

/* The live topics of a client, not sorted. */
static struct vec live_topics(const struct mem *m, int64_t client_id)
{
	const struct client *c = mem_client(m, client_id);
	const struct member *list = c ? c->members.at : 0;
	struct vec ids = {.n = 0};

	for (size_t i = 0; c && i < c->members.n; i++)
		if (!list[i].removed && !mem_topic_at(m, list[i].topic_id)->row.removed)
			*(uint32_t *)vec_insert(&ids, sizeof(uint32_t), ids.n) = list[i].topic_id;
	return ids;
}

bool mem_client_topics(void *ctx, int64_t client_id, struct store_page page, store_name_fn *fn,
		       void *arg, struct err *err)
{
	struct mem *m = ctx;
	struct vec ids;

	if (!mem_may_read(m, err))
		return false;
	ids = live_topics(m, client_id);
	mem_sort_names(m, &ids, true);
	mem_page(m, &ids, true, page, fn, arg);
	free(ids.at);
	return true;
}

bool mem_client_topics_count(void *ctx, int64_t client_id, int64_t *n, struct err *err)
{
	struct vec ids = live_topics(ctx, client_id);

	*n = (int64_t)ids.n;
	free(ids.at);
	return mem_may_read(ctx, err);
}

bool mem_topic_clients(void *ctx, int64_t topic_id, struct store_page page, store_name_fn *fn,
		       void *arg, struct err *err)
{
	struct mem *m = ctx;
	const struct topic *t = mem_topic(m, topic_id);
	struct vec ids = {.n = 0};

	if (!mem_may_read(m, err))
		return false;
	for (size_t i = 0; t && i < t->members.n; i++) {
		uint32_t id = ((uint32_t *)t->members.at)[i];

		if (!find_member(m, mem_client(m, id), t)->removed)
			*(uint32_t *)vec_insert(&ids, sizeof id, ids.n) = id;
	}
	mem_sort_names(m, &ids, false);
	mem_page(m, &ids, false, page, fn, arg);
	free(ids.at);
	return true;
}

static void add_progress(const struct mem *m, const struct topic *t, uint32_t client_id,
			 struct store_progress *sum)
{
	const struct client *c = mem_client(m, client_id);
	const struct member *row = find_member(m, c, t);
	int64_t rev = row->rev > t->row.rev ? row->rev : t->row.rev;

	if (row->removed)
		return;
	sum->members++;
	if (rev <= c->s.reset_rev)
		sum->withheld++;
	else if (rev <= c->s.confirmed_rev)
		sum->confirmed++;
	else if (rev <= c->s.sent_rev)
		sum->sent++;
	else
		sum->waiting++;
}

bool mem_topic_progress(void *ctx, int64_t topic_id, int64_t *after, int limit,
			struct store_progress *sum, struct err *err)
{
	struct mem *m = ctx;
	const struct topic *t = mem_topic(m, topic_id);
	const uint32_t *ids = t ? t->members.at : 0;
	size_t n = t ? t->members.n : 0, at = n ? ids_place(&t->members, *after + 1) : 0, end;

	end = n - at > (size_t)limit ? at + (size_t)limit : n;
	for (size_t i = at; ids && i < end; i++)
		add_progress(m, t, ids[i], sum);
	*after = ids && end < n ? ids[end - 1] : 0;
	return mem_may_read(m, err);
}
