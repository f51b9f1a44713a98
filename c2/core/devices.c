/* What rows say of devices, for those who ask about many: no topic of theirs is read. */
#include "c2/core/internal.h"
#include "c2/core/plan.h"

#include <string.h>

/*
 * A sample begins at so many places, for at least so many clients each. Topics
 * are counted of so many clients, at most one in eight: each is a query.
 */
enum { PLACES = 8, PLACE_MIN = 16, COUNTED = 32, COUNT_STEP = 8 };

static struct core_device device_of(const struct store_client *row, struct arena *arena)
{
	return (struct core_device){.name = arena_copy(arena, row->name, strlen(row->name)),
				    .type = (enum core_client_type)row->type,
				    .last_seen = row->last_seen,
				    .away = row->behind_since && row->last_seen &&
					    row->reason == REASON_SILENT,
				    .topics = -1};
}

/* Members from this id on, up to limit in all. */
static bool members_page(struct core *c, const struct store_topic *topic, int64_t after,
			 size_t limit, struct client_list *list, struct err *err)
{
	size_t before;

	do {
		size_t left = limit - list->n;

		before = list->n;
		if (list->n && list->rows[list->n - 1].id > after)
			after = list->rows[list->n - 1].id;
		if (!DB(c, topic_members, topic->id, after,
			(int)(left < CORE_PAGE ? left : CORE_PAGE), client_list_add, list, err))
			return false;
	} while (list->n > before && list->n < limit);
	return true;
}

/* Topics begin at different clients, so that a sample of many topics has many clients. */
static int64_t phase_of(const struct store_topic *topic, int64_t span)
{
	return span > 0 ? (topic->hash[0] | (int64_t)topic->hash[1] << 8) * span >> 16 : 0;
}

/* Clients of one batch are alike and have neighbouring ids: so not the first ones alone. */
static bool members(struct core *c, const struct store_topic *topic, size_t limit,
		    struct client_list *list, struct err *err)
{
	size_t places = limit / PLACE_MIN < PLACES ? limit / PLACE_MIN + 1 : PLACES;
	int64_t n_clients, step, phase;

	if (topic->n_members <= (int64_t)limit)
		return members_page(c, topic, 0, limit, list, err);
	if (!DB(c, clients_count, &n_clients, err))
		return false;
	step = n_clients / (int64_t)places;
	phase = phase_of(topic, step - (int64_t)(limit / places));
	for (size_t i = 0; i < places; i++)
		if (!members_page(c, topic, step * (int64_t)i + phase, limit * (i + 1) / places,
				  list, err))
			return false;
	/* All of them have lower ids. */
	return list->n || members_page(c, topic, 0, limit, list, err);
}

static bool fill_topics(struct core *c, const struct client_list *list, struct core_device *rows,
			struct err *err)
{
	size_t step = list->n / COUNTED + 1;

	if (step < COUNT_STEP)
		step = COUNT_STEP;
	for (size_t i = 0; i < list->n; i += step)
		if (!DB(c, client_topics_count, list->rows[i].id, &rows[i].topics, err))
			return false;
	return true;
}

static bool devices_of(struct core *c, const struct client_list *list, struct arena *arena,
		       struct core_devices *out, struct err *err)
{
	out->n = list->n;
	out->rows = arena_alloc(arena, (list->n + 1) * sizeof *out->rows);
	for (size_t i = 0; i < list->n; i++)
		out->rows[i] = device_of(&list->rows[i], arena);
	return fill_topics(c, list, out->rows, err);
}

bool core_topic_devices(struct core *c, const char *topic, size_t limit, struct arena *arena,
			struct core_devices *out, struct err *err)
{
	struct client_list list = {0};
	struct store_topic row;
	bool ok = find_topic(c, topic, &row, err) && members(c, &row, limit, &list, err) &&
		  devices_of(c, &list, arena, out, err);

	client_list_free(&list);
	return ok;
}

bool core_client_device(struct core *c, const char *client, struct arena *arena,
			struct core_devices *out, struct err *err)
{
	struct client_list list = {0};
	struct store_client row;
	bool ok = find_client(c, client, &row, err) && client_list_add(&list, &row) &&
		  devices_of(c, &list, arena, out, err);

	client_list_free(&list);
	return ok;
}
