/* Topics and who is attached to them. */
#include "c2/core/internal.h"

#include <string.h>

static void new_topic_row(struct store_topic *row, const char *topic)
{
	memset(row, 0, sizeof *row);
	memcpy(row->name, topic, strlen(topic) + 1);
	e4_topic_hash(row->hash, topic, strlen(topic));
}

bool core_topic_new(struct core *c, const char *topic, struct core_delivery *out, struct err *err)
{
	struct store_topic row;
	struct change ch;
	bool found, ok;

	if (!topic_check(topic, err) || !change_begin(&ch, c, err))
		return false;
	ok = DB(c, topic_by_name, topic, &row, &found, err);
	if (ok && !found)
		new_topic_row(&row, topic);
	ok = ok && change_rotate(&ch, &row, err);
	return change_end(&ch, ok, out, err);
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

bool core_topic_remove(struct core *c, const char *topic, struct core_delivery *out,
		       struct err *err)
{
	struct store_topic row;
	struct change ch;
	bool ok;

	if (!topic_check(topic, err) || !change_begin(&ch, c, err))
		return false;
	ok = find_topic(c, topic, &row, err) && remove_topic(&ch, &row, err);
	return change_end(&ch, ok, out, err);
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

/* A client, a topic, and the row between them. */
struct pair {
	struct store_client client;
	struct store_topic topic;
	struct store_member member;
	bool attached;
};

static bool find_pair(struct core *c, const char *client, const char *topic, struct pair *p,
		      struct err *err)
{
	bool found;

	if (!find_client(c, client, &p->client, err) || !find_topic(c, topic, &p->topic, err) ||
	    !DB(c, member, p->client.id, p->topic.id, &p->member, &found, err))
		return false;
	p->attached = found && !p->member.removed;
	return true;
}

static bool put_member(struct change *ch, struct pair *p, bool removed, struct err *err)
{
	p->member = (struct store_member){.client_id = p->client.id,
					  .topic_id = p->topic.id,
					  .rev = ch->rev,
					  .removed = removed};
	return DB(ch->c, member_put, &p->member, err) && change_client(ch, &p->client, err);
}

bool core_attach(struct core *c, const char *client, const char *topic, struct core_delivery *out,
		 struct err *err)
{
	struct change ch;
	struct pair p;
	bool ok;

	if (!name_check(client, err) || !topic_check(topic, err) || !change_begin(&ch, c, err))
		return false;
	/* Attaching again sends again, but it is no new subscription: no event. */
	ok = find_pair(c, client, topic, &p, err) && put_member(&ch, &p, false, err) &&
	     (p.attached || change_event(&ch, CORE_EVENT_SUBSCRIBED, client, topic, err));
	return change_end(&ch, ok, out, err);
}

/* RemoveTopic for the one, a new key for the others: what the one kept is then of no use. */
static bool detach(struct change *ch, struct pair *p, bool rotate, struct err *err)
{
	bool found;

	if (!p->attached)
		return err_set(err, ERR_NOT_FOUND, "the client is not attached to this topic");
	if (!put_member(ch, p, true, err) ||
	    !change_event(ch, CORE_EVENT_UNSUBSCRIBED, p->client.name, p->topic.name, err))
		return false;
	if (!rotate)
		return true;
	/* Read again: its number of members has changed. */
	return change_next(ch, err) &&
	       DB(ch->c, topic_by_id, p->topic.id, &p->topic, &found, err) &&
	       change_rotate(ch, &p->topic, err);
}

bool core_detach(struct core *c, const char *client, const char *topic, enum core_choice rotate,
		 int64_t *rotated, struct core_delivery *out, struct err *err)
{
	bool do_rotate = rotate == CORE_DEFAULT ? c->cfg.rotate_on_removal : rotate == CORE_YES;
	struct change ch;
	struct pair p;
	bool ok;

	if (!name_check(client, err) || !topic_check(topic, err) || !change_begin(&ch, c, err))
		return false;
	ok = find_pair(c, client, topic, &p, err) && detach(&ch, &p, do_rotate, err);
	ok = change_end(&ch, ok, out, err);
	if (rotated)
		*rotated = ok && do_rotate;
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
