/* The clients whose time has come: read, decide, write, commit, send. */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "c2/core/view.h"

/*
 * A client whose keys do not open must not hold up the others: it is looked at
 * again later, in case the custody was away.
 */
static void park(struct core *c, struct store_client *row, const struct err *why)
{
	log_write(LOG_ERROR, "a client's keys cannot be opened", LOG_STR("client", row->name),
		  LOG_STR("error", why->text));
	row->reason = REASON_CUSTODY;
	row->next_at = core_now(c) + c->cfg.retry_max_s;
}

static bool is_up(const struct core *c)
{
	return c->has_bus && c->bus_up;
}

void outbox_flush(struct core *c)
{
	if (is_up(c))
		outbox_send(&c->outbox, &c->bus, c->cfg.qos, c->cfg.retain);
}

size_t outbox_room(const struct core *c)
{
	return is_up(c) && c->outbox.n < OUTBOX_AHEAD ? OUTBOX_AHEAD - c->outbox.n : 0;
}

/* --- one client ----------------------------------------------------------------------------- */

/* row becomes as it shall be written. */
static void serve_with(struct slice *s, struct core *c, const struct plan_view *v,
		       struct store_client *row)
{
	struct plan_input in = view_input(c, v->row.id);
	struct plan p;

	plan_init(&p, v);
	plan_due(&p, v, &in);
	if (p.verdict == PLAN_NO_ROOM) {
		s->full = true;
	} else {
		s->again |= p.row.next_at > 0 && p.row.next_at <= in.now;
		*row = p.row;
		view_post(c, v, &p);
	}
	plan_free(&p);
}

static bool serve(struct slice *s, struct core *c, struct store_client *row,
		  const struct member_list *members, struct err *err)
{
	struct plan_view v;
	struct err why = {.code = ERR_OK};
	bool ok = view_open(&v, c, row, s->revision, &why) &&
		  (plan_is_away(row) || view_load(&v, c, row->confirmed_rev, members, &why));

	if (ok)
		serve_with(s, c, &v, row);
	else if (why.code == ERR_CUSTODY)
		park(c, row, &why);
	else
		*err = why;
	view_free(&v);
	return ok || why.code == ERR_CUSTODY;
}

/* --- a slice of them -------------------------------------------------------------------------- */

/*
 * All clients of a slice share one durable commit, so its cost does not limit
 * the pace; and one question for all their members, which is one journey where
 * the database is another process. Callers of the API wait for it to end, and
 * in pubkey mode a client can take a third of a millisecond.
 */
bool slice_is_late(const struct core *c, int64_t began_ms)
{
	return c->clock.mono_ms(c->clock.ctx) - began_ms >= SLICE_MS;
}

bool slice_begin(struct slice *s, struct core *c, const char *what)
{
	struct err err;

	*s = (struct slice){.began_ms = c->clock.mono_ms(c->clock.ctx), .mark = c->outbox.n};
	if (c->store.ops->begin(c->store.ctx, &err)) {
		if (DB(c, revision, &s->revision, &err) && c2_keys_load(c, &err) &&
		    clock_save(c, &err))
			return true;
		c->store.ops->rollback(c->store.ctx);
		clock_unsaved(c);
	}
	log_write(LOG_ERROR, what, LOG_STR("error", err.text));
	return false;
}

/* Those of row among all that were read, which come client by client; *at: where they begin. */
static struct member_list members_of(const struct member_list *all, size_t *at,
				     const struct store_client *row)
{
	struct member_list own = {.rows = all->rows + *at};

	while (*at < all->n && all->rows[*at].member.client_id == row->id) {
		++*at;
		own.n++;
	}
	return own;
}

static int by_id(const void *a, const void *b)
{
	const struct store_client *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/*
 * What none of their receipts has covered; all of it where a reset may have to
 * be repeated topic by topic. The list is sorted by id for it.
 */
static bool read_newer(struct core *c, struct client_list *list, struct member_list *out,
		       struct err *err)
{
	struct store_newer *of = mem_array(list->n, sizeof *of);
	size_t n = 0;
	bool ok;

	qsort(list->rows, list->n, sizeof *list->rows, by_id);
	for (size_t i = 0; i < list->n; i++) {
		const struct store_client *row = &list->rows[i];
		int64_t above = row->reset_rev > row->confirmed_rev ? 0 : row->confirmed_rev;

		if (!plan_is_away(row))
			of[n++] = (struct store_newer){row->id, above, row->wanted_rev <= above};
	}
	ok = n == 0 || DB(c, clients_members, of, n, member_list_add, out, err);
	free(of);
	return ok;
}

bool slice_serve(struct slice *s, struct core *c, struct client_list *list, size_t *n_served,
		 struct err *err)
{
	struct member_list all = {0};
	size_t at = 0, n = 0;
	bool ok;

	*n_served = 0;
	s->full |= outbox_room(c) == 0;
	if (list->n == 0 || s->full)
		return true;
	ok = read_newer(c, list, &all, err);
	while (n < list->n && ok && !s->late) {
		struct member_list own = members_of(&all, &at, &list->rows[n]);

		ok = serve(s, c, &list->rows[n], &own, err);
		if (s->full)
			break;
		n++;
		s->late = slice_is_late(c, s->began_ms);
	}
	free(all.rows);
	*n_served = n;
	return ok && DB(c, clients_state, list->rows, n, err);
}

bool slice_end(struct slice *s, struct core *c, bool ok, const char *what, struct err *err)
{
	if (ok && DB(c, commit, err)) {
		outbox_flush(c);
		return true;
	}
	c->store.ops->rollback(c->store.ctx);
	outbox_cut(&c->outbox, s->mark);
	clock_unsaved(c);
	log_write(LOG_ERROR, what, LOG_STR("error", err->text));
	return false;
}

static bool serve_due(struct core *c, int limit)
{
	static const char waits[] = "delivery waits";
	struct client_list due = {0};
	struct err err = {.code = ERR_OK};
	struct slice s;
	size_t n_served, n;
	bool ok;

	if (!slice_begin(&s, c, waits))
		return false;
	ok = DB(c, clients_due, core_now(c), limit, client_list_add, &due, &err) &&
	     slice_serve(&s, c, &due, &n_served, &err);
	n = due.n;
	client_list_free(&due);
	return slice_end(&s, c, ok, waits, &err) &&
	       (s.late || s.full || s.again || n == (size_t)limit);
}

bool deliver_due(struct core *c, int max_clients)
{
	int64_t at = 0;

	/* Away: nothing is written either, everything stays due. */
	outbox_flush(c);
	if (outbox_room(c) < OUTBOX_SLICE || !DB(c, clients_next_at, &at, 0) || at == 0 ||
	    at > core_now(c))
		return false;
	/* While many messages wait, the bus tells when it has room. */
	return serve_due(c, max_clients < CORE_PAGE ? max_clients : CORE_PAGE) &&
	       outbox_room(c) >= OUTBOX_SLICE;
}
