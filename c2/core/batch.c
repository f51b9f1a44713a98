/* Many operations as one change, and the same operation for a group of clients. */
#include "c2/core/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* --- batches that were done ---------------------------------------------------------------- */

/* meta "batches": hashes of the ids of the last batches, the next place first(1 byte). */
static const char done_name[] = "batches";
enum { DONE_MAX = 256, DONE_HASH = 16 };

struct done {
	uint8_t next; /* wraps around at DONE_MAX */
	uint8_t hashes[DONE_MAX][DONE_HASH];
};

_Static_assert(sizeof(struct done) == 1 + DONE_MAX * DONE_HASH, "as it is stored");

/* Has the batch of this id been done? If not, it is from now on. */
static bool remember(struct core *c, const char *id, bool *repeated, struct err *err)
{
	uint8_t hash[DONE_HASH];
	struct done d = {0};
	size_t len = 0;
	bool found;

	*repeated = false;
	if (!id || !id[0])
		return true;
	e4_id_from_name(hash, id, strlen(id));
	if (!DB(c, meta_get, done_name, (uint8_t *)&d, sizeof d, &len, &found, err))
		return false;
	for (size_t i = 0; i < DONE_MAX && !*repeated; i++)
		*repeated = memcmp(d.hashes[i], hash, sizeof hash) == 0;
	if (*repeated)
		return true;
	memcpy(d.hashes[d.next++], hash, sizeof hash);
	return DB(c, meta_put, done_name, (const uint8_t *)&d, sizeof d, err);
}

/* --- one operation --------------------------------------------------------------------------- */

/*
 * Topics that a batch has seen: of most batches a few, and each question to the
 * database may be a journey. Good for attaching, which needs id and name alone;
 * a topic is forgotten when the batch changes it.
 */
enum { SEEN_MAX = 64 };

struct seen_topics {
	struct store_topic rows[SEEN_MAX];
};

static struct store_topic *seen_place(struct seen_topics *seen, const char *topic)
{
	uint32_t h = 2166136261u;

	for (; *topic; topic++)
		h = (h ^ (uint8_t)*topic) * 16777619u;
	return &seen->rows[h % SEEN_MAX];
}

static bool look_for_topic(struct change *ch, struct store_topic *row, const char *topic, bool make,
			   struct err *err)
{
	bool found;

	if (!DB(ch->c, topic_by_name, topic, row, &found, err))
		return false;
	if (found || !make)
		return found || err_set(err, ERR_NOT_FOUND, "no such topic: %.100s", topic);
	return apply_topic_new(ch, row, topic, err);
}

static bool find_or_make_topic(struct change *ch, struct store_topic *row, const char *topic,
			       bool make, struct err *err)
{
	struct store_topic *seen;

	if (!topic_check(topic, err))
		return false;
	seen = seen_place(ch->seen, topic);
	if (strcmp(seen->name, topic) != 0) {
		seen->name[0] = 0;
		if (!look_for_topic(ch, row, topic, make, err))
			return false;
		*seen = *row;
	}
	*row = *seen;
	return true;
}

/* Nothing hangs on a new client but what this operation has put there before. */
static bool is_first(const struct core_op *op, size_t i, enum client_made made)
{
	if (made != CLIENT_NEW || i >= SEEN_MAX)
		return false;
	for (size_t k = 0; k < i; k++)
		if (strcmp(op->topics[k], op->topics[i]) == 0)
			return false;
	return true;
}

/* What it is attached to already is no error: of a new client that is nothing. */
static bool attach_all(struct change *ch, const struct core_op *op, struct pair *p,
		       enum client_made made, bool make, bool *news, struct err *err)
{
	for (size_t i = 0; i < op->n_topics; i++) {
		p->attached = false;
		if (!find_or_make_topic(ch, &p->topic, op->topics[i], make, err) ||
		    (!is_first(op, i, made) && !find_member(ch->c, p, err)))
			return false;
		if (p->attached && ch->existing != CORE_EXISTING_REPLACE)
			continue;
		if (!attach_member(ch, p, err))
			return false;
		*news = true;
	}
	return true;
}

static bool create(struct change *ch, const struct core_op *op, bool make, struct err *err)
{
	struct pair p;
	enum client_made made;
	bool changed, news = false;

	/* With topics it is due at once: told here, the row need not be written again. */
	if (!apply_client_new(ch, &p.client, &made, op->client, op->key, op->key_len,
			      op->n_topics ? ch->now : 0, err))
		return false;
	changed = made != CLIENT_STAYS;
	/* KEEP leaves one that was there before alone in everything. */
	if (made != CLIENT_STAYS || ch->existing != CORE_EXISTING_KEEP)
		if (!apply_traits(ch, &p.client, &op->traits, made == CLIENT_NEW, &changed, err) ||
		    !attach_all(ch, op, &p, made, make, &news, err))
			return false;
	ch->n_same += !changed && !news;
	if (made != CLIENT_STAYS && news)
		ch->recipients++;
	return made != CLIENT_STAYS || !news || change_client(ch, &p.client, err);
}

static bool change_traits(struct change *ch, const struct core_op *op, struct err *err)
{
	struct store_client row;
	bool changed = false;

	if (!find_client(ch->c, op->client, &row, err) ||
	    !apply_traits(ch, &row, &op->traits, false, &changed, err))
		return false;
	ch->n_same += !changed;
	return true;
}

static bool attach(struct change *ch, const struct core_op *op, bool make, struct err *err)
{
	struct pair p;

	return find_client(ch->c, op->client, &p.client, err) &&
	       find_or_make_topic(ch, &p.topic, op->topic, make, err) &&
	       find_member(ch->c, &p, err) && apply_attach_pair(ch, &p, err);
}

static bool apply_op(struct change *ch, const struct core_batch *b, const struct core_op *op,
		     struct err *err)
{
	bool rotate = choose_rotate(ch->c, b->rotate);

	if (op->kind == CORE_OP_TOPIC_NEW || op->kind == CORE_OP_TOPIC_ROTATE ||
	    op->kind == CORE_OP_TOPIC_REMOVE)
		seen_place(ch->seen, op->topic)->name[0] = 0;
	switch (op->kind) {
	case CORE_OP_CLIENT_NEW:
		return create(ch, op, b->make_topics, err);
	case CORE_OP_CLIENT_REMOVE:
		return apply_client_remove(ch, op->client, rotate, err);
	case CORE_OP_CLIENT_NEW_KEY:
		return apply_client_new_key(ch, op->client, err);
	case CORE_OP_CLIENT_CHANGE:
		return change_traits(ch, op, err);
	case CORE_OP_TOPIC_NEW: {
		struct store_topic row;

		return apply_topic_new(ch, &row, op->topic, err);
	}
	case CORE_OP_TOPIC_ROTATE:
		return apply_topic_rotate(ch, op->topic, err);
	case CORE_OP_TOPIC_REMOVE:
		return apply_topic_remove(ch, op->topic, err);
	case CORE_OP_ATTACH:
		return attach(ch, op, b->make_topics, err);
	case CORE_OP_DETACH:
		return apply_detach(ch, op->client, op->topic, rotate, err);
	}
	return err_set(err, ERR_INVALID, "no such operation");
}

/* What is to go and is not there: so be it, if the batch may find things done. */
static bool is_done(const struct core_batch *b, const struct core_op *op, const struct err *why)
{
	return why->code == ERR_NOT_FOUND && b->existing != CORE_EXISTING_FAIL &&
	       (op->kind == CORE_OP_CLIENT_REMOVE || op->kind == CORE_OP_TOPIC_REMOVE ||
		op->kind == CORE_OP_DETACH);
}

static bool apply_all(struct change *ch, const struct core_batch *b, struct err *err)
{
	struct err why = {.code = ERR_OK};

	for (size_t i = 0; i < b->n; i++) {
		if (apply_op(ch, b, &b->ops[i], &why))
			continue;
		if (is_done(b, &b->ops[i], &why)) {
			ch->n_same++;
			continue;
		}
		*err = why;
		return err_wrap(err, "operation %zu", i);
	}
	return true;
}

/* Where asking for a client is a journey, one is enough for all that are to be made. */
static bool announce(struct core *c, const struct core_batch *b, struct err *err)
{
	struct store_client *rows;
	size_t n = 0;
	bool ok;

	if (!c->store.ops->clients_ahead)
		return true;
	rows = mem_array(b->n, sizeof *rows);
	for (size_t i = 0; i < b->n; i++) {
		const char *name = b->ops[i].client;

		if (b->ops[i].kind != CORE_OP_CLIENT_NEW || !e4_name_ok(name, strlen(name)))
			continue;
		memcpy(rows[n].name, name, strlen(name) + 1);
		e4_id_from_name(rows[n++].e4id, name, strlen(name));
	}
	ok = n == 0 || DB(c, clients_ahead, rows, n, err);
	free(rows);
	return ok;
}

static bool batch_check(const struct core_batch *b, struct err *err)
{
	bool records = b->n_records > 0 || b->trim_kind != 0;

	if ((b->n < 1 && !records) || b->n > CORE_BATCH_MAX)
		return err_set(err, ERR_INVALID, "a batch has 1 to %d operations", CORE_BATCH_MAX);
	if (b->id && strlen(b->id) > CORE_BATCH_ID_MAX)
		return err_set(err, ERR_INVALID, "the id of a batch has at most %d bytes",
			       CORE_BATCH_ID_MAX);
	if (b->existing > CORE_EXISTING_REPLACE)
		return err_set(err, ERR_INVALID, "no such value of existing");
	return records_check(b, err);
}

/* Records first: who comes second is turned away before any work. */
static bool apply_batch(struct change *ch, const struct core_batch *b, int64_t *ids,
			struct core_batch_result *out, struct err *err)
{
	bool ok = apply_records(ch, b, ids, err) && c2_keys_load(ch->c, err) &&
		  announce(ch->c, b, err) && apply_all(ch, b, err);

	ok = apply_rotations(ch, ok, &out->rotated, err);
	out->same = ch->n_same;
	out->changed = (int64_t)b->n - ch->n_same;
	return ok;
}

/* Without operations there is no wanted state that changes, and no revision to take. */
bool core_batch(struct core *c, const struct core_batch *b, struct core_batch_result *out,
		struct err *err)
{
	struct change ch;
	int64_t *ids;
	bool ok;

	*out = (struct core_batch_result){0};
	if (!batch_check(b, err) || !(b->n ? change_begin(&ch, c, err) : change_open(&ch, c, err)))
		return false;
	ch.existing = b->existing;
	ch.seen = mem_alloc(sizeof *ch.seen);
	ids = mem_array(b->n_records + 1, sizeof *ids);
	ok = remember(c, b->id, &out->repeated, err) &&
	     (out->repeated || apply_batch(&ch, b, ids, out, err));
	free(ch.seen);
	if (ok && (b->dry_run || out->repeated)) {
		change_end(&ch, false, 0, 0);
	} else {
		ok = change_end(&ch, ok, &out->delivery, err);
		if (ok)
			records_done(b, ids);
	}
	free(ids);
	return ok;
}

/* --- groups -------------------------------------------------------------------------------- */

static bool group_check(const struct core_group *g, struct err *err)
{
	const struct core_search *s = &g->search;

	if (g->kind != CORE_OP_ATTACH && g->kind != CORE_OP_DETACH &&
	    g->kind != CORE_OP_CLIENT_NEW_KEY)
		return err_set(err, ERR_INVALID,
			       "no operation for the group: attach, detach or "
			       "newKeys");
	return g->all || s->n_tags > 0 || s->prefix[0] || s->type != CORE_TYPE_UNKNOWN ||
	       err_set(err, ERR_INVALID, "no group is given; for all clients say so");
}

static bool change_member(struct change *ch, const struct core_group *g, struct pair *p,
			  struct err *err)
{
	if (!find_member(ch->c, p, err))
		return false;
	if (g->kind == CORE_OP_ATTACH)
		return apply_attach_pair(ch, p, err);
	ch->n_same += !p->attached;
	return !p->attached || apply_detach_pair(ch, p, false, err);
}

static bool change_all(struct change *ch, const struct core_group *g, struct client_list *rows,
		       struct err *err)
{
	struct pair p;
	bool ok = g->kind == CORE_OP_CLIENT_NEW_KEY || find_topic(ch->c, g->topic, &p.topic, err);

	for (size_t i = 0; i < rows->n && ok; i++) {
		p.client = rows->rows[i];
		ok = g->kind == CORE_OP_CLIENT_NEW_KEY ? apply_new_key(ch, &p.client, err)
						       : change_member(ch, g, &p, err);
		if (!ok)
			err_wrap(err, "client %.100s", p.client.name);
	}
	return ok;
}

/* The last page of those who leave: what they kept is of no use from now on. */
static bool rotate_at_end(struct change *ch, const struct core_group *g, struct err *err)
{
	struct store_topic topic;

	if (g->kind != CORE_OP_DETACH || !choose_rotate(ch->c, g->rotate))
		return true;
	if (!find_topic(ch->c, g->topic, &topic, err))
		return false;
	rotate_later(ch, topic.id);
	return true;
}

bool core_group_change(struct core *c, const struct core_group *g, struct arena *arena,
		       struct core_batch_result *out, const char **cursor, struct err *err)
{
	struct client_list rows = {0};
	char at[STORE_NAME_MAX + 1];
	struct change ch;
	bool ok;

	*out = (struct core_batch_result){0};
	if (!group_check(g, err) || !change_begin(&ch, c, err))
		return false;
	ch.existing = CORE_EXISTING_SAME;
	ok = search_page(c, &g->search, &rows, at, err) && change_all(&ch, g, &rows, err) &&
	     (at[0] || rotate_at_end(&ch, g, err));
	ok = apply_rotations(&ch, ok, &out->rotated, err);
	ok = change_end(&ch, ok, &out->delivery, err);
	out->same = ch.n_same;
	out->changed = (int64_t)rows.n - ch.n_same;
	client_list_free(&rows);
	if (ok)
		*cursor = arena_copy(arena, at, strlen(at));
	return ok;
}
