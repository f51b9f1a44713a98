/*
 * Walks: a change that concerns many clients is one write; who they are is
 * found afterwards, a page a slice, each page in one transaction with its
 * cursor. A crash or a newer change only makes a walk start again.
 */
#include "c2/core/backup.h"
#include "c2/core/internal.h"
#include "c2/core/plan.h"

#include <string.h>

#include "base/log.h"

static bool topic_add(void *arg, const struct store_topic *row)
{
	*(struct store_topic *)arg = *row;
	return false;
}

/*
 * Consumers of a topic are sent a new key before its producers, so that no
 * message comes under a key that its receivers have yet to get: a topic with
 * members that are known to be producers is walked twice, and the first walk
 * passes over these.
 */
struct topic_walk {
	bool second;
	bool late; /* the first has passed over somebody */
	int64_t after;
};

/* As store_topic.walk_client: 0 at the start, below 0 in the second walk. */
static struct topic_walk topic_walk_of(int64_t cursor)
{
	if (cursor < 0)
		return (struct topic_walk){.second = true, .after = ~cursor};
	return (struct topic_walk){.late = cursor & 1, .after = cursor >> 1};
}

static int64_t cursor_of(const struct topic_walk *w)
{
	return w->second ? ~w->after : (int64_t)((uint64_t)w->after << 1 | w->late);
}

/*
 * Keep those that are not due already and were not yet handed rev, as due now.
 * Who is away will be asked in its time, and comes by itself (plan.h).
 */
static void keep_behind(struct client_list *list, int64_t rev, int64_t now)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++) {
		struct store_client *row = &list->rows[i];

		if (row->sent_rev >= rev || (row->next_at > 0 && row->next_at <= now) ||
		    plan_is_away(row))
			continue;
		row->next_at = now;
		if (!row->behind_since)
			row->behind_since = now;
		list->rows[n++] = *row;
	}
	list->n = n;
}

/* Of these, keep those of this walk. */
static void keep_turn(struct client_list *list, struct topic_walk *w)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++) {
		bool second = list->rows[i].type == CORE_TYPE_PRODUCER;

		w->late |= second;
		if (second == w->second)
			list->rows[n++] = list->rows[i];
	}
	list->n = n;
}

/*
 * Where the bus has room they are served at once, which saves each a write and
 * a search; the walk waits for the rest. Without a broker they become due, in
 * the second walk a second later, which is the finest difference between times.
 * *last: how far it came.
 */
static bool serve_page(struct slice *s, struct core *c, struct client_list *list,
		       struct topic_walk *w, int64_t rev, int64_t *last, struct err *err)
{
	size_t n_served;

	keep_behind(list, rev, core_now(c));
	keep_turn(list, w);
	for (size_t i = 0; i < list->n && !c->bus_up; i++)
		list->rows[i].next_at += w->second;
	if (!c->bus_up)
		return DB(c, clients_state, list->rows, list->n, err);
	if (!slice_serve(s, c, list, &n_served, err))
		return false;
	if (n_served < list->n)
		*last = list->rows[n_served].id - 1;
	return true;
}

static bool page_of_topic(struct slice *s, struct core *c, struct store_topic *topic,
			  struct client_list *list, struct err *err)
{
	struct topic_walk w = topic_walk_of(topic->walk_client);
	int64_t last = INT64_MAX;

	if (!DB(c, topic_members, topic->id, w.after, CORE_PAGE, client_list_add, list, err))
		return false;
	if (list->n == CORE_PAGE)
		last = list->rows[list->n - 1].id;
	if (!serve_page(s, c, list, &w, topic->rev, &last, err))
		return false;
	if (last != INT64_MAX)
		w.after = last;
	else if (w.late && !w.second)
		w = (struct topic_walk){.second = true};
	else
		topic->walk_rev = topic->rev;
	topic->walk_client = topic->walk_rev == topic->rev ? 0 : cursor_of(&w);
	return DB(c, topic_put, topic, err);
}

bool walk_topics(struct core *c)
{
	struct store_topic topic = {.id = 0};
	struct client_list list = {0};
	struct slice s;
	struct err err;
	bool found = false, ok;

	/* Most slices have nothing to walk: look before a transaction is paid for. */
	if ((c->bus_up && outbox_room(c) < OUTBOX_SLICE) ||
	    !DB(c, topics_to_walk, 1, topic_add, &topic, &err) || topic.id == 0 ||
	    !slice_begin(&s, c, "a rotation waits"))
		return false;
	/* Another server may have changed or walked it since. */
	ok = DB(c, topic_by_id, topic.id, &topic, &found, &err) &&
	     (!found || topic.walk_rev >= topic.rev || page_of_topic(&s, c, &topic, &list, &err));
	ok = slice_end(&s, c, ok, "a rotation waits", &err);
	client_list_free(&list);
	return ok;
}

/* --- the whole fleet ------------------------------------------------------------------- */

/* meta "fleet_walk": last client id(8) | enum fleet_walk(1) */
static const char fleet_walk_name[] = "fleet_walk";
/* meta "clock": our wall clock in seconds(8), about once an hour */
static const char clock_name[] = "clock";

enum fleet_walk {
	WALK_NONE = 0,
	WALK_DUE = 1,  /* everybody is due: a new C2 key */
	WALK_CLOCK = 2 /* whoever waits for a time that no pause explains: our clock stepped back */
};

enum {
	WALK_LEN = 9,
	STEP_BACK_S = 60,   /* a step that is worth a walk */
	CLOCK_SAVE_S = 3600 /* a step back unseen, while we did not run, is shorter than this */
};

static void put_int(uint8_t out[8], int64_t id)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)((uint64_t)id >> (8 * i));
}

static int64_t get_int(const uint8_t in[8])
{
	uint64_t id = 0;

	for (int i = 0; i < 8; i++)
		id |= (uint64_t)in[i] << (8 * i);
	return (int64_t)id;
}

static bool put_cursor(struct core *c, int64_t client_id, enum fleet_walk walk, struct err *err)
{
	uint8_t v[WALK_LEN];

	put_int(v, client_id);
	v[8] = (uint8_t)walk;
	return DB(c, meta_put, fleet_walk_name, v, sizeof v, err);
}

static bool get_cursor(struct core *c, int64_t *client_id, enum fleet_walk *walk, struct err *err)
{
	uint8_t v[WALK_LEN];
	size_t len = 0;
	bool found = false;

	*walk = WALK_NONE;
	*client_id = 0;
	if (!DB(c, meta_get, fleet_walk_name, v, sizeof v, &len, &found, err))
		return false;
	if (found && len == WALK_LEN) {
		*client_id = get_int(v);
		*walk = (enum fleet_walk)v[8];
	}
	return true;
}

bool walk_fleet_start(struct core *c, struct err *err)
{
	c->fleet_walks = true;
	return put_cursor(c, 0, WALK_DUE, err);
}

static bool make_due(struct core *c, struct client_list *list, struct err *err)
{
	keep_behind(list, INT64_MAX, core_now(c));
	return DB(c, clients_state, list->rows, list->n, err);
}

/* Nobody waits longer than a pause with its jitter. */
static bool make_sane(struct core *c, struct client_list *list, int64_t now, struct err *err)
{
	for (size_t i = 0; i < list->n; i++) {
		struct store_client *row = &list->rows[i];

		if (row->next_at <= now + 2 * c->cfg.retry_max_s)
			continue;
		row->next_at = now;
		if (!DB(c, clients_state, row, 1, err))
			return false;
	}
	return true;
}

static bool page_of_fleet(struct core *c, struct client_list *list, struct err *err)
{
	enum fleet_walk walk;
	int64_t after;
	bool more;

	if (!get_cursor(c, &after, &walk, err))
		return false;
	if (walk == WALK_NONE) {
		c->fleet_walks = false;
		return true;
	}
	if (!DB(c, clients_after, after, CORE_PAGE, client_list_add, list, err))
		return false;
	more = list->n == CORE_PAGE;
	if (more)
		after = list->rows[list->n - 1].id;
	c->fleet_walks = more;
	return (walk == WALK_DUE ? make_due(c, list, err) : make_sane(c, list, core_now(c), err)) &&
	       put_cursor(c, more ? after : 0, more ? walk : WALK_NONE, err);
}

bool walk_fleet(struct core *c)
{
	struct client_list list = {0};
	enum fleet_walk walk;
	int64_t after;
	struct err err;
	bool ok;

	/* On a shared database there may be one at any time: look before taking the writers' lock.
	 */
	if (!c->fleet_walks || !get_cursor(c, &after, &walk, &err))
		return false;
	c->fleet_walks = walk != WALK_NONE;
	if (!c->fleet_walks || !c->store.ops->begin(c->store.ctx, &err))
		return false;
	ok = page_of_fleet(c, &list, &err) && DB(c, commit, &err);
	if (!ok) {
		c->store.ops->rollback(c->store.ctx);
		c->fleet_walks = true;
		log_write(LOG_WARN, "a walk over all clients waits", LOG_STR("error", err.text));
	}
	client_list_free(&list);
	return ok && c->fleet_walks;
}

/* --- our own clock ---------------------------------------------------------------------- */

bool clock_load(struct core *c, struct err *err)
{
	uint8_t v[8];
	size_t len = 0;
	bool found = false;

	if (!DB(c, meta_get, clock_name, v, sizeof v, &len, &found, err))
		return false;
	c->clock_seen = c->clock_saved = found && len == sizeof v ? get_int(v) : 0;
	len = 0;
	if (!DB(c, meta_get, BACKUP_RESTORED, v, sizeof v, &len, &found, err))
		return false;
	c->restored_at = len == sizeof v ? get_int(v) : 0;
	c->fleet_walks = true; /* one may have been under way */
	return true;
}

bool clock_save(struct core *c, struct err *err)
{
	int64_t now = core_now(c);
	uint8_t v[8];

	if (now >= c->clock_saved && now < c->clock_saved + CLOCK_SAVE_S)
		return true;
	put_int(v, now);
	c->clock_saved = now;
	return DB(c, meta_put, clock_name, v, sizeof v, err);
}

void clock_unsaved(struct core *c)
{
	c->clock_saved = 0;
}

/* A walk that makes everybody due does this one's work too, from the start. */
static bool start_clock_walk(struct core *c, struct err *err)
{
	enum fleet_walk walk;
	int64_t after;

	c->fleet_walks = true;
	return get_cursor(c, &after, &walk, err) &&
	       put_cursor(c, 0, walk == WALK_DUE ? WALK_DUE : WALK_CLOCK, err) &&
	       clock_save(c, err);
}

void clock_watch(struct core *c)
{
	int64_t now = core_now(c);
	struct err err;

	if (c->clock_seen - now <= STEP_BACK_S) {
		if (now > c->clock_seen)
			c->clock_seen = now;
		return;
	}
	log_write(LOG_WARN, "our clock has stepped back", LOG_NUM("seconds", c->clock_seen - now));
	if (!c->store.ops->begin(c->store.ctx, &err))
		return; /* seen again next time */
	if (start_clock_walk(c, &err) && DB(c, commit, &err)) {
		c->clock_seen = now;
		return;
	}
	c->store.ops->rollback(c->store.ctx);
	clock_unsaved(c);
}
