/*
 * Clients and topics by what they are, in pages. A page begins behind a name,
 * so it costs the same wherever it begins and stays right while others come
 * and go; it looks at a bounded number of rows, so that it answers soon also
 * when few of them fit.
 */
#include "c2/core/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "c2/core/view.h"

/* Rows looked at for one page, and topics in it: what bounds its time and size. */
enum { LOOK_MAX = 2048, TOPICS_MAX = 20000 };
/* The state of a client costs as much as this many rows: its topics are read. */
enum { STATUS_LOOKS = 8 };
/* Clients of which all is read at once; each may have thousands of topics. */
enum { CHUNK = 64, ASKS = 3 };

/* --- what hangs on some clients ----------------------------------------------------------- */

/* At most CHUNK clients, whose details are asked for in few journeys. */
struct chunk {
	const struct store_client *rows;
	size_t n;
	struct member_list members; /* in order of client */
};

static int by_id(const void *a, const void *b)
{
	const struct store_newer *x = a, *y = b;

	return (x->client_id > y->client_id) - (x->client_id < y->client_id);
}

static bool read_members(struct core *c, struct chunk *k, struct err *err)
{
	struct store_newer of[CHUNK] = {{0}};

	for (size_t i = 0; i < k->n; i++)
		of[i] = (struct store_newer){.client_id = k->rows[i].id};
	qsort(of, k->n, sizeof *of, by_id);
	return DB(c, clients_members, of, k->n, member_list_add, &k->members, err);
}

static struct member_list members_of(const struct chunk *k, int64_t client_id)
{
	size_t low = 0, high = k->members.n;
	struct member_list own = {.n = 0};

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (k->members.rows[mid].member.client_id < client_id)
			low = mid + 1;
		else
			high = mid;
	}
	own.rows = k->members.rows + low;
	while (low + own.n < k->members.n && own.rows[own.n].member.client_id == client_id)
		own.n++;
	return own;
}

/* Take up to CHUNK of n rows, and ask for what will be wanted of them: members, and more. */
static bool chunk_load(struct core *c, struct chunk *k, const struct store_client *rows, size_t n,
		       bool status, bool tags, bool topics, struct err *err)
{
	struct store_question asks[CHUNK * ASKS];
	size_t n_asks = 0;
	bool peers = status && c->cfg.mode == CORE_PUBKEY;

	k->rows = rows;
	k->n = n < CHUNK ? n : CHUNK;
	k->members.n = 0;
	if (status && !read_members(c, k, err))
		return false;
	for (size_t i = 0; i < k->n; i++) {
		if (peers)
			asks[n_asks++] = (struct store_question){STORE_ASK_PEERS, rows[i].id, 0};
		if (tags)
			asks[n_asks++] = (struct store_question){STORE_ASK_TAGS, rows[i].id, 0};
		if (topics)
			asks[n_asks++] = (struct store_question){STORE_ASK_TOPICS, rows[i].id, 0};
	}
	ASK_AHEAD(c, asks, n_asks);
	return true;
}

static void chunk_end(struct core *c, struct chunk *k)
{
	ASK_AHEAD(c, 0, 0);
	free(k->members.rows);
}

static bool chunk_status(struct core *c, const struct chunk *k, const struct store_client *row,
			 struct core_client_status *out, struct err *err)
{
	struct member_list own = members_of(k, row->id);

	return client_status(c, row, &own, out, err);
}

/* --- does it fit? ----------------------------------------------------------------------- */

static bool begins(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

struct wanted_tags {
	char *const *tags;
	size_t n, hits;
};

static bool count_hit(void *arg, const char *tag)
{
	struct wanted_tags *w = arg;

	for (size_t i = 0; i < w->n; i++)
		w->hits += strcmp(w->tags[i], tag) == 0;
	return true;
}

/* The first tag is what the rows were found by. */
static bool has_tags(struct core *c, const struct core_search *s, int64_t client_id, bool *has,
		     struct err *err)
{
	struct wanted_tags w = {.tags = s->tags + 1, .n = s->n_tags - 1};

	if (!DB(c, client_tags, client_id, count_hit, &w, err))
		return false;
	*has = w.hits == w.n;
	return true;
}

static bool fits(struct core *c, const struct core_search *s, const struct chunk *k,
		 const struct store_client *row, bool *fit, struct err *err)
{
	struct core_client_status status;

	*fit = (!s->contains[0] || strstr(row->name, s->contains)) &&
	       (s->type == CORE_TYPE_UNKNOWN || row->type == (int32_t)s->type);
	if (*fit && s->n_tags > 1 && !has_tags(c, s, row->id, fit, err))
		return false;
	if (!*fit || s->states == 0)
		return true;
	if (!chunk_status(c, k, row, &status, err))
		return false;
	*fit = s->states & 1u << status.state;
	return true;
}

/* --- pages -------------------------------------------------------------------------------- */

static bool search_check(const struct core_search *s, size_t name_max, struct err *err)
{
	if (s->limit < 1 || s->limit > CORE_SEARCH_MAX)
		return err_set(err, ERR_INVALID, "limit is not between 1 and %d", CORE_SEARCH_MAX);
	if (strlen(s->cursor) > name_max || strlen(s->prefix) > name_max)
		return err_set(err, ERR_INVALID, "no name is that long");
	for (size_t i = 0; i < s->n_tags; i++)
		if (!tag_check(s->tags[i], err))
			return false;
	for (size_t i = 1; i < s->n_tags; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(s->tags[i], s->tags[j]) == 0)
				return err_set(err, ERR_INVALID, "a tag is there twice");
	return true;
}

/* Where to begin: behind the cursor, but not before the prefix. */
static const char *start_of(const struct core_search *s)
{
	return strcmp(s->cursor, s->prefix) > 0 ? s->cursor : s->prefix;
}

struct look {
	struct core *c;
	const struct core_search *s;
	struct client_list *out;
	char *cursor; /* the last that was looked at */
	int n;
	bool end;
};

/* One row; *full when the page is. */
static bool look_at(struct look *l, const struct chunk *k, const struct store_client *row,
		    bool *full, struct err *err)
{
	bool fit;

	if (strcmp(row->name, l->cursor) == 0)
		return true; /* ended the page before */
	l->end = !begins(row->name, l->s->prefix);
	if (l->end)
		return true;
	if (!fits(l->c, l->s, k, row, &fit, err))
		return false;
	if (fit)
		client_list_add(l->out, row);
	memcpy(l->cursor, row->name, strlen(row->name) + 1);
	l->n += l->s->states ? STATUS_LOOKS : 1;
	*full = l->n >= LOOK_MAX || (int64_t)l->out->n == l->s->limit;
	return true;
}

static bool look_at_all(struct look *l, const struct client_list *rows, bool *full, struct err *err)
{
	const struct core_search *s = l->s;
	struct chunk k = {.n = 0};
	bool ok = true;

	for (size_t i = 0; i < rows->n && ok && !l->end && !*full; i++) {
		if (i % CHUNK == 0)
			ok = chunk_load(l->c, &k, rows->rows + i, rows->n - i, s->states != 0,
					s->n_tags > 1, false, err);
		ok = ok && look_at(l, &k, &rows->rows[i], full, err);
	}
	chunk_end(l->c, &k);
	return ok;
}

/* Where every row fits, no more are read than the page can hold, and the one that it began at. */
static int rows_to_read(const struct core_search *s)
{
	bool all_fit = !s->contains[0] && !s->type && s->n_tags < 2 && !s->states;

	return all_fit && s->limit < CORE_PAGE ? (int)s->limit + 1 : CORE_PAGE;
}

bool search_page(struct core *c, const struct core_search *s, struct client_list *out,
		 char cursor[STORE_NAME_MAX + 1], struct err *err)
{
	struct look l = {.c = c, .s = s, .out = out, .cursor = cursor};
	char from[STORE_NAME_MAX + 1];
	struct client_list rows = {0};
	int count = rows_to_read(s);
	bool full = false, ok;

	if (!search_check(s, STORE_NAME_MAX, err) || !c2_keys_load(c, err))
		return false;
	memcpy(cursor, s->cursor, strlen(s->cursor) + 1);
	memcpy(from, start_of(s), strlen(start_of(s)) + 1);
	do {
		rows.n = 0;
		ok = DB(c, clients_from, s->n_tags ? s->tags[0] : 0, from, count, client_list_add,
			&rows, err) &&
		     look_at_all(&l, &rows, &full, err);
		l.end |= !full && rows.n < (size_t)count;
		memcpy(from, cursor, sizeof from);
	} while (ok && !full && !l.end);
	client_list_free(&rows);
	if (l.end)
		cursor[0] = 0;
	return ok;
}

static bool names_of(struct core *c, struct core_found_client *f, int64_t client_id,
		     bool with_topics, struct arena *arena, struct err *err)
{
	struct name_list tags = {.arena = arena, .out = &f->tags};
	struct name_list topics = {.arena = arena, .out = &f->topics};

	return DB(c, client_tags, client_id, name_list_add, &tags, err) &&
	       (!with_topics || DB(c, client_topics, client_id, (struct store_page){0, INT32_MAX},
				   name_list_add, &topics, err));
}

static bool found_client(struct core *c, struct core_found_client *f, const struct chunk *k,
			 const struct store_client *row, bool with_topics, struct arena *arena,
			 struct err *err)
{
	struct core_client_status status;

	if (!chunk_status(c, k, row, &status, err))
		return false;
	*f = (struct core_found_client){.name = arena_copy(arena, row->name, strlen(row->name)),
					.type = (enum core_client_type)row->type,
					.state = status.state,
					.reason = status.reason,
					.last_seen = row->last_seen};
	return names_of(c, f, row->id, with_topics, arena, err);
}

bool core_search_clients(struct core *c, const struct core_search *s, struct arena *arena,
			 struct core_found_clients *out, struct err *err)
{
	char cursor[STORE_NAME_MAX + 1];
	struct client_list rows = {0};
	struct chunk k = {.n = 0};
	size_t n_topics = 0;
	bool ok = search_page(c, s, &rows, cursor, err);

	*out = (struct core_found_clients){
		.rows = arena_alloc(arena, (rows.n + 1) * sizeof *out->rows)};
	while (out->n < rows.n && ok && n_topics < TOPICS_MAX) {
		struct core_found_client *f = &out->rows[out->n];
		const struct store_client *row = &rows.rows[out->n];

		if (out->n % CHUNK == 0)
			ok = chunk_load(c, &k, row, rows.n - out->n, true, true, s->with_topics,
					err);
		ok = ok && found_client(c, f, &k, row, s->with_topics, arena, err);
		n_topics += f->topics.n;
		out->n++;
	}
	if (ok && out->n < rows.n)
		memcpy(cursor, rows.rows[out->n - 1].name, sizeof cursor);
	chunk_end(c, &k);
	client_list_free(&rows);
	if (ok)
		out->cursor = arena_copy(arena, cursor, strlen(cursor));
	return ok;
}

/* --- topics ------------------------------------------------------------------------------- */

struct topic_look {
	const struct core_search *s;
	struct arena *arena;
	struct core_found_topics *out;
	char last[STORE_TOPIC_MAX + 1];
	int n;
	bool full, end;
};

static bool look_at_topic(void *arg, const struct store_topic *row)
{
	struct topic_look *l = arg;

	if (strcmp(row->name, l->s->cursor) == 0)
		return true;
	l->end = !begins(row->name, l->s->prefix);
	if (l->end)
		return false;
	if (!l->s->contains[0] || strstr(row->name, l->s->contains))
		l->out->rows[l->out->n++] = (struct core_found_topic){
			.name = arena_copy(l->arena, row->name, strlen(row->name)),
			.members = row->n_members,
			.revision = row->rev,
			.rotated_at = row->rotated_at};
	memcpy(l->last, row->name, strlen(row->name) + 1);
	l->full = ++l->n == LOOK_MAX || (int64_t)l->out->n == l->s->limit;
	return !l->full;
}

bool core_search_topics(struct core *c, const struct core_search *s, struct arena *arena,
			struct core_found_topics *out, struct err *err)
{
	struct topic_look *l;
	bool ok;

	*out = (struct core_found_topics){.cursor = ""};
	if (!search_check(s, STORE_TOPIC_MAX, err))
		return false;
	out->rows = arena_alloc(arena, (size_t)s->limit * sizeof *out->rows);
	l = mem_alloc(sizeof *l);
	*l = (struct topic_look){.s = s, .arena = arena, .out = out};
	ok = DB(c, topics_from, start_of(s), LOOK_MAX + 1, look_at_topic, l, err);
	if (ok && l->full)
		out->cursor = arena_copy(arena, l->last, strlen(l->last));
	free(l);
	return ok;
}
