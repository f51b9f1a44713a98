/*
 * Receipts, announcements, word of a device's presence. What is not authentic costs one look-up and
 * one decryption for each key that the device may hold, and no write.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "c2/core/view.h"

/* Offsets up to this are no wrong clock (see plan.c). */
enum { HINT_MIN_S = 30 };

static struct clock_hint *hint_slot(struct core *c, int64_t client_id)
{
	return &c->hints[(uint64_t)client_id % CORE_HINTS];
}

int64_t clock_hint_get(const struct core *c, int64_t client_id)
{
	const struct clock_hint *h = &c->hints[(uint64_t)client_id % CORE_HINTS];

	return h->client_id == client_id ? h->offset_s : 0;
}

void clock_hint_set(struct core *c, int64_t client_id, int64_t offset_s)
{
	struct clock_hint *h = hint_slot(c, client_id);
	bool wrong = offset_s > HINT_MIN_S || offset_s < -HINT_MIN_S;

	if (wrong)
		*h = (struct clock_hint){client_id, offset_s};
	else if (h->client_id == client_id)
		*h = (struct clock_hint){0, 0};
}

/* --- rows that the device has confirmed to be rid of ----------------------------------------- */

struct ids {
	int64_t *list;
	size_t n, cap;
};

static bool add_removed_topic(void *arg, const struct store_member_topic *row)
{
	struct ids *ids = arg;

	if (!row->member.removed && !row->topic_removed)
		return true;
	if (ids->n == ids->cap) {
		ids->cap = ids->cap ? 2 * ids->cap : 16;
		ids->list = mem_resize(ids->list, ids->cap, sizeof *ids->list);
	}
	ids->list[ids->n++] = row->member.topic_id;
	return true;
}

static bool forget_removed(struct core *c, const struct plan_view *v, struct err *err)
{
	struct ids ids = {0};
	bool ok = DB(c, client_members, v->row.id, add_removed_topic, &ids, err);

	for (size_t i = 0; i < ids.n && ok; i++)
		ok = DB(c, member_remove, v->row.id, ids.list[i], err) &&
		     change_topic_gone(c, ids.list[i], err);
	free(ids.list);
	for (size_t i = 0; i < v->n_peers && ok; i++)
		if (v->peers[i].wish == PLAN_DROP)
			ok = DB(c, peer_remove, v->row.id, v->peers[i].e4id, err);
	return ok;
}

/* --- one message --------------------------------------------------------------------------------
 */

struct receiving {
	struct core *c;
	int64_t began_ms;
	bool wrote;
	bool c2_confirmed;
	struct client_list back; /* who announced itself; not written yet */
};

/*
 * Who is back is served in the same transaction, as far as there are time and
 * room, which saves writing and finding each; the others become due.
 */
static bool serve_back(struct receiving *r, struct err *err)
{
	struct core *c = r->c;
	struct slice s = {.began_ms = r->began_ms};
	size_t n = r->back.n, n_served;

	if (n == 0)
		return true;
	if (!DB(c, revision, &s.revision, err) || !clock_save(c, err) ||
	    !slice_serve(&s, c, &r->back, &n_served, err) ||
	    !DB(c, clients_state, r->back.rows + n_served, n - n_served, err))
		return false;
	r->back.n = 0;
	return true;
}

static bool is_back(const struct receiving *r, int64_t client_id)
{
	for (size_t i = 0; i < r->back.n; i++)
		if (r->back.rows[i].id == client_id)
			return true;
	return false;
}

/* The device signs with its new key from now on: tell those who check its signatures. */
static bool publish(struct receiving *r, const struct store_client *row, struct err *err)
{
	struct change ch = {.c = r->c, .now = core_now(r->c)};

	return change_next(&ch, err) && change_publish_key(&ch, row, err);
}

static bool apply(struct receiving *r, const struct plan_view *v, struct plan *p, struct err *err)
{
	struct core *c = r->c;

	r->wrote = true;
	r->c2_confirmed |= p->c2_confirmed;
	if (p->stamp_lowered)
		log_write(LOG_WARN, "a clock has stepped: stamps for this client go back",
			  LOG_STR("client", p->row.name));
	/* Nothing is asked any more: the question is forgotten, which a million rows feel. */
	if (!p->row.asked_at)
		memset(p->row.nonce, 0, sizeof p->row.nonce);
	if (p->drop_keys_before && !DB(c, old_keys_drop, p->row.id, p->drop_keys_before, err))
		return false;
	if (!DB(c, client_put, &p->row, err) ||
	    (p->confirmed && v->has_removed && !forget_removed(c, v, err)) ||
	    (p->key_confirmed && v->pubkey && !publish(r, &p->row, err)))
		return false;
	view_post(c, v, p);
	return true;
}

static bool announced(struct receiving *r, const struct plan_view *v,
		      const struct e4_receipt *receipt, struct err *err)
{
	struct plan_input in = view_input(r->c, v->row.id);
	struct plan p = {.row = v->row};

	/* 0: it has no clock and was never told the time. */
	if (receipt->stamp > 0 && receipt->stamp < (uint64_t)1 << 40)
		clock_hint_set(r->c, v->row.id, (int64_t)receipt->stamp - in.now);
	if (!plan_announced(&p, v, &in))
		return true;
	r->wrote = true;
	if (p.row.next_at <= in.now)
		return client_list_add(&r->back, &p.row);
	return DB(r->c, clients_state, &p.row, 1, err);
}

static bool answered(struct receiving *r, struct plan_view *v, const struct e4_receipt *receipt,
		     size_t control, struct err *err)
{
	int question = plan_nonce_matches(&v->row, receipt->nonce);
	struct plan_input in = view_input(r->c, v->row.id);
	struct plan p;
	bool ok;

	/* Not what was asked last: late, repeated, or never asked. It says nothing about now. */
	if (question < 0)
		return true;
	if (!view_load(v, r->c, 0, 0, err))
		return err->code == ERR_CUSTODY;
	plan_init(&p, v);
	plan_receipt(&p, v, &in, receipt, control, question);
	clock_hint_set(r->c, v->row.id, 0);
	ok = apply(r, v, &p, err);
	plan_free(&p);
	return ok;
}

/* The newest key first: it is the likely one. */
static bool open_with_any(const struct plan_view *v, const struct queue_message *m,
			  struct e4_receipt *receipt, uint8_t *plain, size_t *control)
{
	for (size_t k = v->n_keys * v->n_c2; k-- > 0;) {
		if (e4_receipt_open(receipt, plain, v->control[k], m->bytes, m->len)) {
			*control = k;
			return true;
		}
	}
	return false;
}

/* Somebody says that a device is there: no key is needed, and mostly no write. */
static bool seen(struct receiving *r, const uint8_t id[16], struct err *err)
{
	struct plan_input in;
	struct plan_view v = {.n_keys = 1, .n_c2 = 1};
	struct plan p;
	bool found;

	if (!DB(r->c, client_by_e4id, id, &v.row, &found, err))
		return false;
	if (!found || is_back(r, v.row.id))
		return true;
	in = view_input(r->c, v.row.id);
	p = (struct plan){.row = v.row};
	if (!plan_seen(&p, &v, &in))
		return true;
	r->wrote = true;
	return DB(r->c, clients_state, &p.row, 1, err);
}

static bool receive(struct receiving *r, const struct queue_message *m, struct err *err)
{
	static const uint8_t zero[16];
	struct store_client row;
	struct plan_view v;
	struct e4_receipt receipt;
	uint8_t *plain;
	size_t control;
	int64_t revision;
	bool found, ok;

	if (!DB(r->c, client_by_e4id, m->id, &row, &found, err))
		return false;
	if (!found)
		return true;
	/* Its row is not as it was any more. */
	if (is_back(r, row.id) &&
	    (!serve_back(r, err) || !DB(r->c, client_by_id, row.id, &row, &found, err)))
		return false;
	if (!DB(r->c, revision, &revision, err))
		return false;
	plain = mem_alloc(m->len);
	ok = view_open(&v, r->c, &row, revision, err);
	if (!ok)
		ok = err->code == ERR_CUSTODY; /* its own trouble, seen by delivery */
	else if (open_with_any(&v, m, &receipt, plain, &control))
		ok = memcmp(receipt.nonce, zero, sizeof zero) == 0
			     ? announced(r, &v, &receipt, err)
			     : answered(r, &v, &receipt, control, err);
	view_free(&v);
	free(plain);
	return ok;
}

static bool receive_all(struct receiving *r, int max, struct err *err)
{
	struct queue_message m;
	bool ok = c2_keys_load(r->c, err);

	r->began_ms = r->c->clock.mono_ms(r->c->clock.ctx);
	for (int i = 0;
	     i < max && ok && !slice_is_late(r->c, r->began_ms) && queue_pop(&r->c->receipts, &m);
	     i++) {
		ok = receive(r, &m, err);
		free(m.bytes);
	}
	for (int i = 0; i < max && ok && queue_pop(&r->c->seen, &m); i++) {
		ok = seen(r, m.id, err);
		free(m.bytes);
	}
	ok = ok && serve_back(r, err);
	client_list_free(&r->back);
	return ok && (!r->c2_confirmed || c2_keys_prune(r->c, err));
}

static bool anything_waits(const struct core *c)
{
	return c->receipts.n > 0 || c->seen.n > 0;
}

bool receive_receipts(struct core *c, int max)
{
	struct receiving r = {.c = c};
	struct err err = {.code = ERR_OK};
	size_t mark = c->outbox.n;
	bool ok;

	if (!anything_waits(c) || !c->store.ops->begin(c->store.ctx, &err))
		return false;
	ok = receive_all(&r, max, &err);
	if (ok && r.wrote && DB(c, commit, &err)) {
		outbox_flush(c);
		return anything_waits(c);
	}
	c->store.ops->rollback(c->store.ctx);
	if (ok && !r.wrote)
		return anything_waits(c);
	/* What was taken from the queue is lost; the timers ask again. */
	clock_unsaved(c);
	outbox_cut(&c->outbox, mark);
	log_write(LOG_ERROR, "receipts were dropped", LOG_STR("error", err.text));
	return false;
}
