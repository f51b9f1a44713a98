/*
 * Walks: a change that concerns many clients is one write; who they are is
 * found afterwards, a page a slice, each page in one transaction with its
 * cursor. A crash or a newer change only makes a walk start again.
 */
#include "c2/core/internal.h"

#include <string.h>

#include "base/log.h"

static bool topic_add(void *arg, const struct store_topic *row)
{
	*(struct store_topic *)arg = *row;
	return false;
}

/* Due now, unless it is already. */
static bool make_due(struct core *c, struct client_list *list, int64_t now, struct err *err)
{
	for (size_t i = 0; i < list->n; i++) {
		struct store_client *row = &list->rows[i];

		if (row->next_at > 0 && row->next_at <= now)
			continue;
		row->next_at = now;
		if (!DB(c, client_put, row, err))
			return false;
	}
	return true;
}

static bool page_of_topic(struct core *c, struct store_topic *topic, struct client_list *list,
                          struct err *err)
{
	if (!DB(c, topic_members, topic->id, topic->walk_client, CORE_PAGE, client_list_add, list,
	        err) ||
	    !make_due(c, list, core_now(c), err))
		return false;
	if (list->n == CORE_PAGE) {
		topic->walk_client = list->rows[list->n - 1].id;
	} else {
		topic->walk_client = 0;
		topic->walk_rev = topic->rev;
	}
	return DB(c, topic_put, topic, err);
}

bool walk_topics(struct core *c)
{
	struct store_topic topic = { .id = 0 };
	struct client_list list = { 0 };
	struct err err;
	bool ok;

	/* Most slices have nothing to walk: look before a transaction is paid for. */
	if (!DB(c, topics_to_walk, 1, topic_add, &topic, &err) || topic.id == 0 ||
	    !c->store.ops->begin(c->store.ctx, &err))
		return false;
	ok = page_of_topic(c, &topic, &list, &err) && DB(c, commit, &err);
	if (!ok) {
		c->store.ops->rollback(c->store.ctx);
		log_write(LOG_WARN, "a rotation waits", LOG_STR("error", err.text));
	}
	client_list_free(&list);
	return ok;
}

/* meta "fleet_walk": last client id(8) | 1 while it runs */
static const char fleet_walk[] = "fleet_walk";
enum { WALK_LEN = 9 };

static void put_id(uint8_t out[8], int64_t id)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)((uint64_t)id >> (8 * i));
}

static int64_t get_id(const uint8_t in[8])
{
	uint64_t id = 0;

	for (int i = 0; i < 8; i++)
		id |= (uint64_t)in[i] << (8 * i);
	return (int64_t)id;
}

static bool put_cursor(struct core *c, int64_t client_id, bool runs, struct err *err)
{
	uint8_t v[WALK_LEN];

	put_id(v, client_id);
	v[8] = runs;
	return DB(c, meta_put, fleet_walk, v, sizeof v, err);
}

bool walk_fleet_start(struct core *c, struct err *err)
{
	return put_cursor(c, 0, true, err);
}

static bool page_of_fleet(struct core *c, int64_t after, struct client_list *list, struct err *err)
{
	return DB(c, clients_after, after, CORE_PAGE, client_list_add, list, err) &&
	       make_due(c, list, core_now(c), err) &&
	       put_cursor(c, list->n ? list->rows[list->n - 1].id : after, list->n == CORE_PAGE, err);
}

bool walk_fleet(struct core *c)
{
	struct client_list list = { 0 };
	uint8_t v[WALK_LEN];
	size_t len = 0;
	bool found = false, ok;
	struct err err;

	if (c->cfg.mode != CORE_PUBKEY ||
	    !DB(c, meta_get, fleet_walk, v, sizeof v, &len, &found, &err) || !found ||
	    len != WALK_LEN || !v[8] || !c->store.ops->begin(c->store.ctx, &err))
		return false;
	ok = page_of_fleet(c, get_id(v), &list, &err) && DB(c, commit, &err);
	if (!ok) {
		c->store.ops->rollback(c->store.ctx);
		log_write(LOG_WARN, "a new C2 key waits", LOG_STR("error", err.text));
	}
	client_list_free(&list);
	return ok;
}
