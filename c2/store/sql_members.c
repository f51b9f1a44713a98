/*
 * The members of many clients at once, for slices of the delivery: two or three
 * questions, however many clients they are of. Clients of a slice are mostly in
 * the same few topics, so each topic is read once and the two are joined here.
 * Where a few topics have new keys and nothing else is new, as after a
 * rotation, only the members of these are read.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "c2/store/sql_db.h"

struct seen {
	struct store_member member;
	const struct store_member_topic *topic; /* client_id, rev, removed of member are not set */
};

struct seens {
	struct seen *list;
	size_t n, cap;
	struct store_member_topic *topics; /* in order of id */
	size_t n_topics;
};

/* Ids as the text of a JSON array, which every dialect reads. */
struct ids {
	int64_t *list;
	size_t n;
	char *text;
};

enum { ID_TEXT = 21, FEW_TOPICS = 16 };

static int by_id(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* Sort, keep each once, and write the text. */
static void ids_finish(struct ids *ids)
{
	size_t n = 0, at = 0;
	qsort(ids->list, ids->n, sizeof *ids->list, by_id);
	for (size_t i = 0; i < ids->n; i++) {
		if (n == 0 || ids->list[n - 1] != ids->list[i])
			ids->list[n++] = ids->list[i];
	}
	ids->n = n;
	ids->text = mem_alloc(n * ID_TEXT + 3);
	for (size_t i = 0; i < n; i++)
		at += (size_t)sprintf(ids->text + at, "%c%" PRId64, i ? ',' : '[', ids->list[i]);
	strcpy(ids->text + at, "]");
}

static void ids_free(struct ids *ids)
{
	free(ids->list);
	free(ids->text);
}

static bool take_members(struct stmt *st, struct seens *s, struct err *err)
{
	while (stmt_row(st)) {
		if (s->n == s->cap) {
			s->cap = s->cap ? 2 * s->cap : 256;
			s->list = mem_resize(s->list, s->cap, sizeof *s->list);
		}
		struct store_member *m = &s->list[s->n++].member;
		m->client_id = get_int(st);
		m->topic_id = get_int(st);
		m->rev = get_int(st);
		m->removed = get_bool(st);
	}
	return stmt_end(st, err);
}

/* The topics that may be all that is new; *few false: there are many, or other things are. */
static bool find_few(struct db *db, struct ids *topics, bool *few, const struct store_newer *of,
		     size_t n, struct err *err)
{
	int64_t above = of[0].above;
	*few = false;
	for (size_t i = 0; i < n; i++) {
		if (!of[i].topics_only)
			return true;
		if (of[i].above < above)
			above = of[i].above;
	}
	topics->list = mem_array(FEW_TOPICS, sizeof *topics->list);
	struct stmt s = stmt_read(db, SQL_TOPICS_NEWER);
	put_int(&s, above);
	put_limit(&s, FEW_TOPICS);
	while (topics->n < FEW_TOPICS && stmt_row(&s))
		topics->list[topics->n++] = get_int(&s);
	*few = topics->n < FEW_TOPICS;
	return stmt_end(&s, err);
}

static int by_client(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;
	return (x->member.client_id > y->member.client_id) -
	       (x->member.client_id < y->member.client_id);
}

static bool read_members(struct db *db, struct seens *s, const struct store_newer *of, size_t n,
			 struct err *err)
{
	struct ids ids = {.list = mem_array(n, sizeof *ids.list), .n = n}, topics = {.n = 0};
	bool few, ok = find_few(db, &topics, &few, of, n, err);
	for (size_t i = 0; i < n; i++)
		ids.list[i] = of[i].client_id;
	ids_finish(&ids);
	if (few)
		ids_finish(&topics);
	if (ok && !(few && topics.n == 0)) {
		struct stmt st = stmt_read(db, few ? SQL_CLIENTS_MEMBERS_IN : SQL_CLIENTS_MEMBERS);
		put_text(&st, ids.text);
		if (few)
			put_text(&st, topics.text);
		ok = take_members(&st, s, err);
		if (few && s->n > 1) /* cheaper here than for a database with two lists */
			qsort(s->list, s->n, sizeof *s->list, by_client);
	}
	ids_free(&ids);
	ids_free(&topics);
	return ok;
}

static bool read_topics(struct db *db, struct seens *s, struct err *err)
{
	struct ids ids = {.list = mem_array(s->n, sizeof *ids.list), .n = s->n};
	for (size_t i = 0; i < s->n; i++)
		ids.list[i] = s->list[i].member.topic_id;
	ids_finish(&ids);
	s->topics = mem_array(ids.n, sizeof *s->topics);
	struct stmt st = stmt_read(db, SQL_TOPICS_KEYS);
	put_text(&st, ids.text);
	while (s->n_topics < ids.n && stmt_row(&st)) {
		struct store_member_topic *t = &s->topics[s->n_topics++];
		t->member.topic_id = get_int(&st);
		get_blob(&st, t->hash, sizeof t->hash);
		get_sealed(&st, &t->key);
		t->topic_rev = get_int(&st);
		t->topic_removed = get_bool(&st);
	}
	bool ok = stmt_end(&st, err);
	/* A member of nothing. */
	if (ok && s->n_topics < ids.n)
		ok = err_set(err, ERR_STORE, "the database is damaged: restore a backup");
	ids_free(&ids);
	return ok;
}

static const struct store_member_topic *topic_of(const struct seens *s, int64_t id)
{
	size_t low = 0, high = s->n_topics;
	while (high - low > 1) {
		size_t mid = (low + high) / 2;
		if (s->topics[mid].member.topic_id <= id)
			low = mid;
		else
			high = mid;
	}
	return &s->topics[low];
}

static int by_hash(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;
	int order = memcmp(x->topic->hash, y->topic->hash, sizeof x->topic->hash);
	if (order != 0)
		return order;
	return (x->member.topic_id > y->member.topic_id) -
	       (x->member.topic_id < y->member.topic_id);
}

/* Those of one client, at most n from list on: joined, what is old left out, sorted. */
static size_t join(const struct seens *s, struct seen *list, size_t n, int64_t above)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		list[i].topic = topic_of(s, list[i].member.topic_id);
		if (list[i].member.rev > above || list[i].topic->topic_rev > above)
			list[kept++] = list[i];
	}
	if (kept > 1)
		qsort(list, kept, sizeof *list, by_hash);
	return kept;
}

static bool hand_out(struct db *db, const struct seen *list, size_t n, store_member_topic_fn *fn,
		     void *arg)
{
	bool more = true;
	for (size_t i = 0; i < n && more; i++) {
		struct store_member_topic row = *list[i].topic;
		row.member = list[i].member;
		more = DB_GIVE(db, fn(arg, &row));
	}
	return more;
}

/* Both come in ascending order of client id. */
static void hand_out_all(struct db *db, struct seens *s, const struct store_newer *of, size_t n,
			 store_member_topic_fn *fn, void *arg)
{
	size_t at = 0;
	bool more = true;
	for (size_t i = 0; i < n && more; i++) {
		size_t first = at;
		while (at < s->n && s->list[at].member.client_id == of[i].client_id)
			at++;
		size_t kept = join(s, s->list + first, at - first, of[i].above);
		more = hand_out(db, s->list + first, kept, fn, arg);
	}
}

bool sql_clients_members(void *ctx, const struct store_newer *of, size_t n,
			 store_member_topic_fn *fn, void *arg, struct err *err)
{
	struct db *db = ctx;
	struct seens s = {.n = 0};
	bool ok = n == 0 ||
		  (read_members(db, &s, of, n, err) && (s.n == 0 || read_topics(db, &s, err)));
	if (ok)
		hand_out_all(db, &s, of, n, fn, arg);
	free(s.list);
	free(s.topics);
	return ok;
}
