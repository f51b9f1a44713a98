/* The clients whose time has come: read, decide, write, commit, send. */
#include "base/log.h"
#include "c2/core/view.h"

/*
 * A client whose keys do not open must not hold up the others: it is looked at
 * again later, in case the custody was away.
 */
static bool park(struct core *c, const struct store_client *row, const struct err *why,
		 struct err *err)
{
	struct store_client later = *row;

	log_write(LOG_ERROR, "a client's keys cannot be opened", LOG_STR("client", row->name),
		  LOG_STR("error", why->text));
	later.reason = REASON_CUSTODY;
	later.next_at = core_now(c) + c->cfg.retry_max_s;
	return DB(c, client_put, &later, err);
}

struct slice {
	struct client_list due;
	bool full;  /* the bus has no room for more */
	bool again; /* somebody is due again at once */
};

static bool serve_with(struct core *c, struct slice *s, const struct plan_view *v, struct err *err)
{
	struct plan_input in = view_input(c, v->row.id);
	struct plan p;
	bool ok = true;

	plan_init(&p, v);
	plan_due(&p, v, &in);
	if (p.verdict == PLAN_NO_ROOM) {
		s->full = true;
	} else {
		s->again |= p.row.next_at > 0 && p.row.next_at <= in.now;
		ok = DB(c, client_put, &p.row, err);
		view_post(c, v, &p);
	}
	plan_free(&p);
	return ok;
}

static bool serve(struct core *c, struct slice *s, const struct store_client *row, struct err *err)
{
	struct plan_view v;
	struct err why = {.code = ERR_OK};
	bool ok = view_open(&v, c, row, &why) && view_load(&v, c, row->confirmed_rev, &why);

	if (ok)
		ok = serve_with(c, s, &v, err);
	else if (why.code == ERR_CUSTODY)
		ok = park(c, row, &why, err);
	else
		*err = why;
	view_free(&v);
	return ok;
}

static bool serve_all(struct core *c, struct slice *s, struct err *err)
{
	if (!c2_keys_load(c, err) || !clock_save(c, err))
		return false;
	for (size_t i = 0; i < s->due.n && !s->full; i++)
		if (!serve(c, s, &s->due.rows[i], err))
			return false;
	return true;
}

/* All clients of a slice share one durable commit, so its cost does not limit the pace. */
static bool serve_slice(struct core *c, struct slice *s, int limit)
{
	struct err err = {.code = ERR_OK};
	bool ok;

	if (!c->store.ops->begin(c->store.ctx, &err)) {
		log_write(LOG_ERROR, "delivery waits", LOG_STR("error", err.text));
		return false;
	}
	ok = DB(c, clients_due, core_now(c), limit, client_list_add, &s->due, &err) &&
	     serve_all(c, s, &err) && DB(c, commit, &err);
	if (ok) {
		outbox_send(&c->outbox, &c->bus, c->cfg.qos, c->cfg.retain);
		return !s->full && (s->again || s->due.n == (size_t)limit);
	}
	c->store.ops->rollback(c->store.ctx);
	outbox_cut(&c->outbox, 0);
	clock_unsaved(c);
	log_write(LOG_ERROR, "delivery waits", LOG_STR("error", err.text));
	return false;
}

bool deliver_due(struct core *c, int max_clients)
{
	struct slice s = {.full = false};
	int64_t at = 0;
	bool more;

	/* Away: nothing is written either, everything stays due. */
	if (!c->has_bus || !c->bus_up ||
	    outbox_send(&c->outbox, &c->bus, c->cfg.qos, c->cfg.retain) || bus_room(&c->bus) == 0 ||
	    !DB(c, clients_next_at, &at, 0) || at == 0 || at > core_now(c))
		return false;
	more = serve_slice(c, &s, max_clients < CORE_PAGE ? max_clients : CORE_PAGE);
	client_list_free(&s.due);
	return more;
}
