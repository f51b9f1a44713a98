/* One change of wanted state: its revision, its commit alone or in a group, what follows. */
#include "c2/core/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { PRUNE_EVERY = 256 };

/* --- groups ----------------------------------------------------------------------------- */

void core_group(struct core *c, void (*told)(void *ctx, const struct err *err), void *ctx)
{
	c->group.told = told;
	c->group.ctx = ctx;
}

bool core_pending(const struct core *c)
{
	return c->group.n > 0;
}

bool group_commit(struct core *c, struct err *err)
{
	bool ok, has_event = c->group.has_event;

	if (c->group.n == 0)
		return true;
	c->group.n = 0;
	c->group.has_event = false;
	ok = DB(c, commit, err);
	if (!ok)
		c->store.ops->rollback(c->store.ctx);
	if (c->group.told)
		c->group.told(c->group.ctx, ok ? 0 : err);
	if (ok && has_event && events_pump(c))
		core_wake(c);
	return ok;
}

bool core_commit(struct core *c, struct err *err)
{
	return group_commit(c, err);
}

bool core_revision(struct core *c, int64_t *rev, struct err *err)
{
	return DB(c, revision, rev, err);
}

/* The first of a group is the whole transaction so far, and needs no part of it. */
static void undo(struct core *c)
{
	if (c->group.n == 0)
		c->store.ops->rollback(c->store.ctx);
	else
		DB(c, part_end, false, 0); /* if that fails, so does the commit */
}

/* --- one change --------------------------------------------------------------------------- */

bool change_open(struct change *ch, struct core *c, struct err *err)
{
	*ch = (struct change){.c = c, .now = core_now(c), .existing = CORE_EXISTING_REPLACE};
	return c->group.n ? DB(c, part_begin, err) : DB(c, begin, err);
}

bool change_begin(struct change *ch, struct core *c, struct err *err)
{
	if (!change_open(ch, c, err))
		return false;
	if (DB(c, revision_next, &ch->rev, err))
		return true;
	undo(c);
	return false;
}

bool change_next(struct change *ch, struct err *err)
{
	return DB(ch->c, revision_next, &ch->rev, err);
}

bool change_end(struct change *ch, bool ok, struct core_delivery *out, struct err *err)
{
	struct core *c = ch->c;

	if (!ok || (c->group.n && !DB(c, part_end, true, err))) {
		undo(c);
		return false;
	}
	c->group.n++;
	c->group.has_event |= ch->has_event;
	if (!c->group.told && !group_commit(c, err))
		return false;
	if (out) {
		out->revision = ch->rev;
		out->recipients = ch->recipients;
		out->status = ch->recipients == 0 ? CORE_NOTHING
			      : c->bus_up         ? CORE_QUEUED
						  : CORE_BROKER_AWAY;
	}
	if (ch->recipients)
		core_wake(c);
	else if (c->group.n)
		core_wake_group(c);
	return true;
}

bool change_client(struct change *ch, struct store_client *row, struct err *err)
{
	row->wanted_rev = ch->rev;
	row->next_at = ch->now;
	if (!row->behind_since)
		row->behind_since = ch->now;
	ch->recipients++;
	return DB(ch->c, client_put, row, err);
}

bool change_event(struct change *ch, enum core_event_type type, const char *client,
		  const char *topic, struct err *err)
{
	struct core *c = ch->c;
	struct store_event e = {.type = (int32_t)type, .at_ms = c->clock.wall_ms(c->clock.ctx)};

	memcpy(e.source, client, strlen(client) + 1);
	memcpy(e.target, topic, strlen(topic) + 1);
	if (!DB(c, event_append, &e, err))
		return false;
	ch->has_event = true;
	return e.seq % PRUNE_EVERY != 0 || DB(c, events_prune, c->cfg.events_keep, err);
}

bool change_rotate(struct change *ch, struct store_topic *row, struct err *err)
{
	struct core *c = ch->c;
	uint8_t key[E4_KEY_LEN];
	bool ok;

	random_bytes(key, sizeof key);
	ok = seal_topic_key(&c->custody, &row->key, row->hash, ch->rev, key, err);
	e4_wipe(key, sizeof key);
	if (!ok)
		return false;
	row->rev = ch->rev;
	row->rotated_at = ch->now;
	row->walk_client = 0;
	if (row->n_members == 0)
		row->walk_rev = ch->rev; /* nobody to find: who comes later is made due then */
	ch->recipients += row->n_members;
	return DB(c, topic_put, row, err);
}

bool change_topic_gone(struct core *c, int64_t topic_id, struct err *err)
{
	struct client_list left = {0};
	struct store_topic row;
	bool found = false, ok;

	if (!DB(c, topic_by_id, topic_id, &row, &found, err))
		return false;
	if (!found || !row.removed)
		return true;
	ok = DB(c, topic_members, topic_id, 0, 1, client_list_add, &left, err);
	if (ok && left.n == 0)
		ok = DB(c, topic_remove, topic_id, err);
	client_list_free(&left);
	return ok;
}

bool change_publish_key(struct change *ch, const struct store_client *source, struct err *err)
{
	struct core *c = ch->c;
	struct client_list to = {0};
	bool ok = true;

	/* Both kinds in pages; who is of both kinds is written twice, which does no harm. */
	for (int kind = 0; kind < 2 && ok; kind++) {
		int64_t after = 0;

		do {
			to.n = 0;
			ok = kind == 0 ? DB(c, peer_holders, source->id, after, CORE_PAGE,
					    client_list_add, &to, err)
				       : DB(c, link_clients, source->id, after, CORE_PAGE,
					    client_list_add, &to, err);
			for (size_t i = 0; i < to.n && ok; i++) {
				struct store_peer peer = {.target_id = to.rows[i].id,
							  .source_id = source->id,
							  .rev = ch->rev};

				after = peer.target_id;
				memcpy(peer.e4id, source->e4id, sizeof peer.e4id);
				ok = DB(c, peer_put, &peer, err) &&
				     change_client(ch, &to.rows[i], err);
			}
		} while (ok && to.n == CORE_PAGE);
	}
	client_list_free(&to);
	return ok;
}

bool name_check(const char *name, struct err *err)
{
	if (name && e4_name_ok(name, strlen(name)))
		return true;
	return err_set(err, ERR_INVALID, "a client name has 1 to %d bytes of UTF-8", E4_NAME_MAX);
}

bool topic_check(const char *topic, struct err *err)
{
	/* Topics with $ in front belong to the broker itself: no device may write there. */
	if (topic && e4_topic_ok(topic, strlen(topic)) && topic[0] != '$')
		return true;
	return err_set(err, ERR_INVALID,
		       "a topic has 1 to %d bytes of UTF-8, no + or #, no $ in front, and is no "
		       "control topic (e4/...)",
		       E4_TOPIC_MAX);
}

bool find_client(struct core *c, const char *name, struct store_client *row, struct err *err)
{
	bool found;

	if (!name_check(name, err) || !DB(c, client_by_name, name, row, &found, err))
		return false;
	return found || err_set(err, ERR_NOT_FOUND, "no such client");
}

bool find_topic(struct core *c, const char *topic, struct store_topic *row, struct err *err)
{
	bool found;

	if (!topic_check(topic, err) || !DB(c, topic_by_name, topic, row, &found, err))
		return false;
	return found || err_set(err, ERR_NOT_FOUND, "no such topic");
}

bool need_pubkey_mode(const struct core *c, struct err *err)
{
	return c->cfg.mode == CORE_PUBKEY ||
	       err_set(err, ERR_PRECONDITION,
		       "only in pubkey mode; this server runs in symmetric mode");
}

bool client_list_add(void *arg, const struct store_client *row)
{
	struct client_list *list = arg;

	if (list->n == list->cap) {
		list->cap = list->cap ? 2 * list->cap : 16;
		list->rows = mem_resize(list->rows, list->cap, sizeof *list->rows);
	}
	list->rows[list->n++] = *row;
	return true;
}

void client_list_free(struct client_list *list)
{
	free(list->rows);
	*list = (struct client_list){0};
}

bool name_list_add(void *arg, const char *name)
{
	struct name_list *list = arg;

	if (list->out->n == list->cap) {
		size_t cap = list->cap ? 2 * list->cap : 64;
		const char **grown = arena_alloc(list->arena, cap * sizeof *grown);

		if (list->out->n)
			memcpy(grown, list->out->names, list->out->n * sizeof *grown);
		list->out->names = grown;
		list->cap = cap;
	}
	list->out->names[list->out->n++] = arena_copy(list->arena, name, strlen(name));
	return true;
}
