/* Topics and who is attached to them. */
#include "c2/core/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void new_topic_row(struct store_topic *row, const char *topic)
{
	memset(row, 0, sizeof *row);
	memcpy(row->name, topic, strlen(topic) + 1);
	e4_topic_hash(row->hash, topic, strlen(topic));
}

/* A new key for row; two keys of one topic have two revisions, also within one change. */
static bool rotate(struct change *ch, struct store_topic *row, struct err *err)
{
	return (row->rev != ch->rev || change_next(ch, err)) && change_rotate(ch, row, err);
}

bool apply_topic_new(struct change *ch, struct store_topic *row, const char *topic, struct err *err)
{
	bool found;

	if (!topic_check(topic, err) || !DB(ch->c, topic_by_name, topic, row, &found, err))
		return false;
	if (found && ch->existing == CORE_EXISTING_FAIL)
		return err_set(err, ERR_EXISTS, "the topic exists already");
	if (found && ch->existing != CORE_EXISTING_REPLACE) {
		ch->n_same++;
		return true;
	}
	if (!found)
		new_topic_row(row, topic);
	return rotate(ch, row, err);
}

bool core_topic_new(struct core *c, const char *topic, struct core_delivery *out, struct err *err)
{
	struct store_topic row;
	struct change ch;

	if (!topic_check(topic, err) || !change_begin(&ch, c, err))
		return false;
	return change_end(&ch, apply_topic_new(&ch, &row, topic, err), out, err);
}

bool apply_topic_rotate(struct change *ch, const char *topic, struct err *err)
{
	struct store_topic row;

	return find_topic(ch->c, topic, &row, err) && rotate(ch, &row, err);
}

bool choose_rotate(const struct core *c, enum core_choice choice)
{
	return choice == CORE_DEFAULT ? c->cfg.rotate_on_removal : choice == CORE_YES;
}

void rotate_later(struct change *ch, int64_t topic_id)
{
	if (ch->n_rotate == ch->rotate_cap) {
		ch->rotate_cap = ch->rotate_cap ? 2 * ch->rotate_cap : 16;
		ch->rotate = mem_resize(ch->rotate, ch->rotate_cap, sizeof *ch->rotate);
	}
	ch->rotate[ch->n_rotate++] = topic_id;
}

static int by_id(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

bool apply_rotations(struct change *ch, bool ok, int64_t *n, struct err *err)
{
	struct store_topic topic;
	bool found;

	if (ch->n_rotate > 0)
		qsort(ch->rotate, ch->n_rotate, sizeof *ch->rotate, by_id);
	for (size_t i = 0; i < ch->n_rotate && ok; i++) {
		if (i > 0 && ch->rotate[i] == ch->rotate[i - 1])
			continue;
		/* Read only now: its number of members has changed. */
		ok = DB(ch->c, topic_by_id, ch->rotate[i], &topic, &found, err);
		if (!ok || !found || topic.removed)
			continue;
		ok = change_next(ch, err) && change_rotate(ch, &topic, err);
		++*n;
	}
	free(ch->rotate);
	ch->rotate = 0;
	ch->n_rotate = ch->rotate_cap = 0;
	return ok;
}

/*
 * The row stays, nameless and without its key, until the members have been
 * told; the walk finds them, so this too is one small write.
 */
static bool remove_topic(struct change *ch, struct store_topic *row, struct err *err)
{
	ch->recipients += row->n_members;
	row->removed = true;
	row->key.len = 0;
	row->rev = ch->rev;
	row->walk_client = 0;
	if (!DB(ch->c, topic_put, row, err))
		return false;
	return change_topic_gone(ch->c, row->id, err);
}

bool apply_topic_remove(struct change *ch, const char *topic, struct err *err)
{
	struct store_topic row;

	return find_topic(ch->c, topic, &row, err) && remove_topic(ch, &row, err);
}

bool core_topic_remove(struct core *c, const char *topic, struct core_delivery *out,
		       struct err *err)
{
	struct change ch;

	if (!topic_check(topic, err) || !change_begin(&ch, c, err))
		return false;
	return change_end(&ch, apply_topic_remove(&ch, topic, err), out, err);
}

bool core_topics(struct core *c, struct store_page page, struct arena *arena,
		 struct core_names *out, struct err *err)
{
	struct name_list list = {.arena = arena, .out = out};

	*out = (struct core_names){0};
	return DB(c, topics, page, name_list_add, &list, err);
}

bool core_topics_count(struct core *c, int64_t *n, struct err *err)
{
	return DB(c, topics_count, n, err);
}

bool find_member(struct core *c, struct pair *p, struct err *err)
{
	bool found;

	if (!DB(c, member, p->client.id, p->topic.id, &p->member, &found, err))
		return false;
	p->attached = found && !p->member.removed;
	return true;
}

static bool find_pair(struct core *c, const char *client, const char *topic, struct pair *p,
		      struct err *err)
{
	return find_client(c, client, &p->client, err) && find_topic(c, topic, &p->topic, err) &&
	       find_member(c, p, err);
}

static bool put_member(struct change *ch, struct pair *p, bool removed, struct err *err)
{
	p->member = (struct store_member){.client_id = p->client.id,
					  .topic_id = p->topic.id,
					  .rev = ch->rev,
					  .removed = removed};
	return DB(ch->c, member_put, &p->member, err);
}

bool attach_member(struct change *ch, struct pair *p, struct err *err)
{
	/* Attaching again sends again, but it is no new subscription: no event. */
	return put_member(ch, p, false, err) &&
	       (p->attached ||
		change_event(ch, CORE_EVENT_SUBSCRIBED, p->client.name, p->topic.name, err));
}

bool apply_attach_pair(struct change *ch, struct pair *p, struct err *err)
{
	if (p->attached && ch->existing == CORE_EXISTING_FAIL)
		return err_set(err, ERR_EXISTS, "the client is attached to this topic already");
	if (p->attached && ch->existing != CORE_EXISTING_REPLACE) {
		ch->n_same++;
		return true;
	}
	return attach_member(ch, p, err) && change_client(ch, &p->client, err);
}

bool apply_attach(struct change *ch, const char *client, const char *topic, struct err *err)
{
	struct pair p;

	return find_pair(ch->c, client, topic, &p, err) && apply_attach_pair(ch, &p, err);
}

bool core_attach(struct core *c, const char *client, const char *topic, struct core_delivery *out,
		 struct err *err)
{
	struct change ch;

	if (!name_check(client, err) || !topic_check(topic, err) || !change_begin(&ch, c, err))
		return false;
	return change_end(&ch, apply_attach(&ch, client, topic, err), out, err);
}

/* RemoveTopic for the one, a new key for the others: what the one kept is then of no use. */
bool apply_detach_pair(struct change *ch, struct pair *p, bool rotate_key, struct err *err)
{
	if (!p->attached)
		return err_set(err, ERR_NOT_FOUND, "the client is not attached to this topic");
	if (rotate_key)
		rotate_later(ch, p->topic.id);
	return put_member(ch, p, true, err) && change_client(ch, &p->client, err) &&
	       change_event(ch, CORE_EVENT_UNSUBSCRIBED, p->client.name, p->topic.name, err);
}

bool apply_detach(struct change *ch, const char *client, const char *topic, bool rotate_key,
		  struct err *err)
{
	struct pair p;

	return find_pair(ch->c, client, topic, &p, err) &&
	       apply_detach_pair(ch, &p, rotate_key, err);
}

bool core_detach(struct core *c, const char *client, const char *topic, enum core_choice choice,
		 int64_t *rotated, struct core_delivery *out, struct err *err)
{
	struct change ch;
	int64_t n = 0;
	bool ok;

	if (!name_check(client, err) || !topic_check(topic, err) || !change_begin(&ch, c, err))
		return false;
	ok = apply_detach(&ch, client, topic, choose_rotate(c, choice), err);
	ok = change_end(&ch, apply_rotations(&ch, ok, &n, err), out, err);
	if (rotated)
		*rotated = ok ? n : 0;
	return ok;
}

bool core_client_topics(struct core *c, const char *client, struct store_page page,
			struct arena *arena, struct core_names *out, struct err *err)
{
	struct name_list list = {.arena = arena, .out = out};
	struct store_client row;

	*out = (struct core_names){0};
	return find_client(c, client, &row, err) &&
	       DB(c, client_topics, row.id, page, name_list_add, &list, err);
}

bool core_client_topics_count(struct core *c, const char *client, int64_t *n, struct err *err)
{
	struct store_client row;

	return find_client(c, client, &row, err) && DB(c, client_topics_count, row.id, n, err);
}

bool core_topic_clients(struct core *c, const char *topic, struct store_page page,
			struct arena *arena, struct core_names *out, struct err *err)
{
	struct name_list list = {.arena = arena, .out = out};
	struct store_topic row;

	*out = (struct core_names){0};
	return find_topic(c, topic, &row, err) &&
	       DB(c, topic_clients, row.id, page, name_list_add, &list, err);
}

bool core_topic_clients_count(struct core *c, const char *topic, int64_t *n, struct err *err)
{
	struct store_topic row;

	if (!find_topic(c, topic, &row, err))
		return false;
	*n = row.n_members;
	return true;
}

bool core_topic_status(struct core *c, const char *topic, struct core_topic_status *out,
		       struct err *err)
{
	struct store_topic row;

	if (!find_topic(c, topic, &row, err) || !DB(c, topic_progress, row.id, &out->progress, err))
		return false;
	out->revision = row.rev;
	out->rotated_at = row.rotated_at;
	return true;
}

bool core_topic_facts(struct core *c, const char *topic, struct core_topic_facts *out,
		      struct err *err)
{
	struct store_topic row;

	*out = (struct core_topic_facts){0};
	if (!topic_check(topic, err) || !DB(c, topic_by_name, topic, &row, &out->exists, err))
		return false;
	if (out->exists) {
		out->revision = row.rev;
		out->rotated_at = row.rotated_at;
		out->members = row.n_members;
	}
	return true;
}
