#include "c2/core/rekey.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "c2/core/keys.h"
#include "e4/crypto.h"

enum phase { PHASE_CLIENTS = 1, PHASE_TOPICS = 2, PHASE_OURS = 3 };

/* meta: phase(1) | pass found something(1) | number of the pass(1) | after(8) | clients(8) */
enum { CURSOR_LEN = 19, PAGE = 128 };

struct cursor {
	enum phase phase;
	bool found;
	uint8_t pass;
	int64_t after;
	int64_t clients;
};

struct walk {
	const struct store *store;
	const struct custody *custody;
	struct cursor at;
};

#define ASK(w, op, ...) ((w)->store->ops->op((w)->store->ctx, __VA_ARGS__))

/* --- The cursor ------------------------------------------------------------------- */

static void put_int(uint8_t out[8], int64_t v)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)((uint64_t)v >> (8 * i));
}

static int64_t get_int(const uint8_t in[8])
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v |= (uint64_t)in[i] << (8 * i);
	return (int64_t)v;
}

static bool put_cursor(const struct store *store, const struct cursor *c, struct err *err)
{
	uint8_t v[CURSOR_LEN] = {(uint8_t)c->phase, c->found, c->pass};

	put_int(v + 3, c->after);
	put_int(v + 11, c->clients);
	return store->ops->meta_put(store->ctx, CUSTODY_CHANGE, v, sizeof v, err);
}

static bool get_cursor(const struct store *store, struct cursor *c, bool *running, struct err *err)
{
	uint8_t v[CURSOR_LEN];
	size_t len;
	bool found;

	*running = false;
	*c = (struct cursor){.phase = PHASE_CLIENTS};
	if (!store->ops->meta_get(store->ctx, CUSTODY_CHANGE, v, sizeof v, &len, &found, err))
		return false;
	if (len == 0)
		return true;
	if (len != CURSOR_LEN)
		return err_set(err, ERR_STORE, "the database is damaged: restore a backup");
	*running = true;
	*c = (struct cursor){.phase = (enum phase)v[0],
			     .found = v[1],
			     .pass = v[2],
			     .after = get_int(v + 3),
			     .clients = get_int(v + 11)};
	return true;
}

/* --- Sealing anew ----------------------------------------------------------------- */

typedef bool open_fn(const struct custody *c, uint8_t *key, const uint8_t id[16], int64_t rev,
		     const struct sealed *in, struct err *err);
typedef bool seal_fn(const struct custody *c, struct sealed *out, const uint8_t id[16], int64_t rev,
		     const uint8_t *key, struct err *err);

static bool open_ours(const struct custody *c, uint8_t key[32], const uint8_t id[16], int64_t rev,
		      const struct sealed *in, struct err *err)
{
	(void)id;
	return open_c2_key(c, key, rev, in, err);
}

static bool seal_ours(const struct custody *c, struct sealed *out, const uint8_t id[16],
		      int64_t rev, const uint8_t key[32], struct err *err)
{
	(void)id;
	return seal_c2_key(c, out, rev, key, err);
}

/*
 * Sealing is deterministic, so what comes out as it was is under the next key
 * already. What opens under neither is damaged, and stays for delivery to tell.
 */
static bool anew(struct walk *w, open_fn *open, seal_fn *seal, const uint8_t id[16], int64_t rev,
		 struct sealed *s, bool *changed, struct err *err)
{
	struct sealed fresh;
	uint8_t key[CUSTODY_KEY_MAX];
	bool ok;

	if (!s->len || !open(w->custody, key, id, rev, s, 0))
		return true;
	ok = seal(w->custody, &fresh, id, rev, key, err);
	e4_wipe(key, sizeof key);
	if (ok && (fresh.len != s->len || memcmp(fresh.bytes, s->bytes, s->len) != 0)) {
		*s = fresh;
		*changed = w->at.found = true;
	}
	return ok;
}

struct old_keys {
	struct store_old_key rows[16];
	size_t n;
};

static bool old_key_add(void *arg, const struct store_old_key *row)
{
	struct old_keys *list = arg;

	list->rows[list->n++] = *row;
	return list->n < sizeof list->rows / sizeof list->rows[0];
}

static bool old_keys_anew(struct walk *w, const struct store_client *row, struct err *err)
{
	struct old_keys *list = mem_alloc(sizeof *list);
	bool ok = ASK(w, old_keys, row->id, old_key_add, list, err);

	for (size_t i = 0; i < list->n && ok; i++) {
		struct store_old_key *old = &list->rows[i];
		bool changed = false;

		ok = anew(w, open_client_key, seal_client_key, row->e4id, old->rev, &old->key,
			  &changed, err) &&
		     (!changed || ASK(w, old_key_put, old, err));
	}
	free(list);
	return ok;
}

static bool client_anew(struct walk *w, struct store_client *row, struct err *err)
{
	bool changed = false;

	w->at.after = row->id;
	w->at.clients++;
	return anew(w, open_client_key, seal_client_key, row->e4id, row->key_rev, &row->key,
		    &changed, err) &&
	       anew(w, open_client_private, seal_client_private, row->e4id, row->key_rev,
		    &row->private_key, &changed, err) &&
	       (!changed || ASK(w, client_put, row, err)) &&
	       (!row->n_old_keys || old_keys_anew(w, row, err));
}

static bool topic_anew(struct walk *w, struct store_topic *row, struct err *err)
{
	bool changed = false;

	w->at.after = row->id;
	return anew(w, open_topic_key, seal_topic_key, row->hash, row->rev, &row->key, &changed,
		    err) &&
	       (!changed || ASK(w, topic_put, row, err));
}

/* --- Pages ------------------------------------------------------------------------ */

struct page {
	struct store_client clients[PAGE];
	struct store_topic topics[PAGE];
	struct store_c2_key ours[PAGE];
	size_t n;
};

static bool client_add(void *arg, const struct store_client *row)
{
	struct page *p = arg;

	p->clients[p->n++] = *row;
	return p->n < PAGE;
}

static bool topic_add(void *arg, const struct store_topic *row)
{
	struct page *p = arg;

	p->topics[p->n++] = *row;
	return p->n < PAGE;
}

static bool ours_add(void *arg, const struct store_c2_key *row)
{
	struct page *p = arg;

	p->ours[p->n++] = *row;
	return p->n < PAGE;
}

static bool ours_anew(struct walk *w, struct page *p, struct err *err)
{
	bool ok = ASK(w, c2_keys, ours_add, p, err);

	for (size_t i = 0; i < p->n && ok; i++) {
		bool changed = false;

		ok = anew(w, open_ours, seal_ours, 0, p->ours[i].rev, &p->ours[i].private_key,
			  &changed, err) &&
		     (!changed || ASK(w, c2_key_put, &p->ours[i], err));
	}
	return ok;
}

static bool page_anew(struct walk *w, struct page *p, struct err *err)
{
	bool ok;

	if (w->at.phase == PHASE_OURS)
		return ours_anew(w, p, err);
	ok = w->at.phase == PHASE_CLIENTS
		     ? ASK(w, clients_after, w->at.after, PAGE, client_add, p, err)
		     : ASK(w, topics_after, w->at.after, PAGE, topic_add, p, err);
	for (size_t i = 0; i < p->n && ok; i++)
		ok = w->at.phase == PHASE_CLIENTS ? client_anew(w, &p->clients[i], err)
						  : topic_anew(w, &p->topics[i], err);
	return ok;
}

/* Where the next page begins. False in *more: a whole pass found nothing. */
static bool go_on(struct walk *w, size_t n, bool *more, struct err *err)
{
	if (w->at.phase != PHASE_OURS && n == PAGE)
		return put_cursor(w->store, &w->at, err);
	w->at.after = 0;
	if (w->at.phase != PHASE_OURS) {
		w->at.phase++;
		return put_cursor(w->store, &w->at, err);
	}
	if (!w->at.found) {
		*more = false;
		return w->custody->ops->changed(w->custody->ctx, err);
	}
	w->at = (struct cursor){.phase = PHASE_CLIENTS, .pass = 1};
	return put_cursor(w->store, &w->at, err);
}

static bool in_transaction(struct walk *w, bool *more, struct err *err)
{
	struct page *p;
	bool running, ok;

	if (!get_cursor(w->store, &w->at, &running, err))
		return false;
	*more = running;
	if (!running)
		return true; /* another process was faster */
	p = mem_alloc(sizeof *p);
	ok = page_anew(w, p, err) && go_on(w, p->n, more, err);
	free(p);
	return ok;
}

bool rekey_slice(const struct store *store, const struct custody *custody, bool *more,
		 struct err *err)
{
	struct walk w = {.store = store, .custody = custody};

	*more = false;
	if (!store->ops->begin(store->ctx, err))
		return false;
	if (in_transaction(&w, more, err))
		return store->ops->commit(store->ctx, err);
	store->ops->rollback(store->ctx);
	return false;
}

/* --- Begin and progress ----------------------------------------------------------- */

static bool begin(const struct store *store, const struct custody *custody, struct err *err)
{
	const struct cursor start = {.phase = PHASE_CLIENTS};
	enum custody_state state;

	if (!custody_state(custody, &state, err))
		return false;
	if (state == CUSTODY_CHANGING || state == CUSTODY_CHANGED)
		return true;
	if (state != CUSTODY_PREPARED)
		return err_set(err, ERR_PRECONDITION,
			       "there is no next master key: set custody.next_passphrase_file or "
			       "custody.next_key_file, and start every server with it");
	return put_cursor(store, &start, err);
}

bool rekey_begin(const struct store *store, const struct custody *custody, struct err *err)
{
	if (!store->ops->begin(store->ctx, err))
		return false;
	if (begin(store, custody, err))
		return store->ops->commit(store->ctx, err);
	store->ops->rollback(store->ctx);
	return false;
}

bool rekey_progress(const struct store *store, struct rekey_progress *out, struct err *err)
{
	struct cursor c;

	*out = (struct rekey_progress){0};
	if (!get_cursor(store, &c, &out->running, err))
		return false;
	out->checking = c.pass > 0;
	out->clients = c.clients;
	return true;
}
