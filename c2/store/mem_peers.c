/* Keys that count no more, our own keys, links, and public keys that devices hold of each other. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "c2/store/mem_db.h"

/* A vec of a client without extras is empty. */
static const struct vec nothing;

/* --- old keys ----------------------------------------------------------------------------- */

struct old_key_was {
	struct client *c;
	bool there;
	struct old_key k;
};

static size_t old_key_place(const struct vec *keys, int64_t rev)
{
	size_t i = 0;

	while (i < keys->n && ((struct old_key *)keys->at)[i].rev < rev)
		i++;
	return i;
}

static struct old_key *find_old_key(const struct vec *keys, int64_t rev)
{
	size_t i = old_key_place(keys, rev);
	struct old_key *k = (struct old_key *)keys->at + i;

	return i < keys->n && k->rev == rev ? k : 0;
}

static void set_old_key(struct client *c, const struct old_key *k)
{
	struct vec *keys = &mem_extra(c)->old_keys;
	struct old_key *have = find_old_key(keys, k->rev);

	if (!have)
		have = vec_insert(keys, sizeof *k, old_key_place(keys, k->rev));
	*have = *k;
}

static void clear_old_key(struct client *c, int64_t rev)
{
	struct vec *keys = &mem_extra(c)->old_keys;

	vec_remove(keys, sizeof(struct old_key), old_key_place(keys, rev));
}

static void old_key_back(struct mem *m, const void *bytes)
{
	const struct old_key_was *was = bytes;

	(void)m;
	if (was->there)
		set_old_key(was->c, &was->k);
	else
		clear_old_key(was->c, was->k.rev);
}

static void note_old_key(struct mem *m, struct client *c, int64_t rev)
{
	const struct old_key *k = find_old_key(&mem_extra(c)->old_keys, rev);
	struct old_key_was was = {.c = c, .there = k != 0, .k = {.rev = rev}};

	if (k)
		was.k = *k;
	mem_note(m, old_key_back, &was, sizeof was);
}

bool mem_old_key_put(void *ctx, const struct store_old_key *row, struct err *err)
{
	struct mem *m = ctx;
	struct client *c = mem_client(m, row->client_id);
	struct old_key k = {row->rev, row->key};

	if (!mem_may_write(m, err))
		return false;
	if (!c)
		return err_set(err, ERR_NOT_FOUND, "the client is gone");
	note_old_key(m, c, row->rev);
	set_old_key(c, &k);
	return true;
}

bool mem_old_keys(void *ctx, int64_t client_id, store_old_key_fn *fn, void *arg, struct err *err)
{
	struct mem *m = ctx;
	const struct client *c = mem_client(m, client_id);
	const struct vec *keys = c && c->extra ? &c->extra->old_keys : &nothing;
	bool more = true;

	if (!mem_may_read(m, err))
		return false;
	m->in_row = true;
	for (size_t i = 0; more && i < keys->n; i++) {
		const struct old_key *k = (struct old_key *)keys->at + i;
		struct store_old_key row = {client_id, k->rev, k->key};

		more = fn(arg, &row);
	}
	m->in_row = false;
	return true;
}

void mem_old_keys_take(struct mem *m, struct client *c, int64_t before)
{
	struct vec *keys = c->extra ? &c->extra->old_keys : 0;

	while (keys && keys->n && ((struct old_key *)keys->at)->rev < before) {
		int64_t rev = ((struct old_key *)keys->at)->rev;

		note_old_key(m, c, rev);
		clear_old_key(c, rev);
	}
}

bool mem_old_keys_drop(void *ctx, int64_t client_id, int64_t before, struct err *err)
{
	struct client *c = mem_client(ctx, client_id);

	if (!mem_may_write(ctx, err))
		return false;
	if (c)
		mem_old_keys_take(ctx, c, before);
	return true;
}

/* --- our own keys: few and rarely written, so a note has all of them ------------------------- */

struct c2_keys_was {
	size_t n;
	struct store_c2_key *keys;
};

static void c2_keys_back(struct mem *m, const void *bytes)
{
	const struct c2_keys_was *was = bytes;

	free(m->c2_keys.at);
	m->c2_keys = (struct vec){was->keys, was->n, was->n};
}

/* Go on with a copy. */
static void note_c2_keys(struct mem *m)
{
	struct c2_keys_was was = {m->c2_keys.n, m->c2_keys.at};
	struct store_c2_key *copy = mem_array(was.n + 1, sizeof *copy);

	if (was.n)
		memcpy(copy, was.keys, was.n * sizeof *copy);
	m->c2_keys = (struct vec){copy, was.n, was.n + 1};
	mem_note(m, c2_keys_back, &was, sizeof was);
	mem_drop(m, was.keys);
}

bool mem_c2_key_put(void *ctx, const struct store_c2_key *row, struct err *err)
{
	struct mem *m = ctx;
	struct store_c2_key *keys;
	size_t i = 0;

	if (!mem_may_write(m, err))
		return false;
	note_c2_keys(m);
	keys = m->c2_keys.at;
	while (i < m->c2_keys.n && keys[i].rev < row->rev)
		i++;
	if (i < m->c2_keys.n && keys[i].rev == row->rev)
		keys[i] = *row;
	else
		*(struct store_c2_key *)vec_insert(&m->c2_keys, sizeof *row, i) = *row;
	return true;
}

bool mem_c2_keys(void *ctx, store_c2_key_fn *fn, void *arg, struct err *err)
{
	struct mem *m = ctx;
	bool more = true;

	if (!mem_may_read(m, err))
		return false;
	m->in_row = true;
	for (size_t i = 0; more && i < m->c2_keys.n; i++)
		more = fn(arg, (struct store_c2_key *)m->c2_keys.at + i);
	m->in_row = false;
	return true;
}

bool mem_c2_keys_drop(void *ctx, int64_t before, struct err *err)
{
	struct mem *m = ctx;

	if (!mem_may_write(m, err))
		return false;
	note_c2_keys(m);
	while (m->c2_keys.n && ((struct store_c2_key *)m->c2_keys.at)->rev < before)
		vec_remove(&m->c2_keys, sizeof(struct store_c2_key), 0);
	return true;
}

/* --- links ----------------------------------------------------------------------------------- */

struct link_was {
	struct client *target, *source;
	bool there;
};

static void set_link(const struct link_was *l)
{
	struct vec *links = &mem_extra(l->target)->links, *back = &mem_extra(l->source)->linked;

	if (l->there) {
		ids_put(links, l->source->id);
		ids_put(back, l->target->id);
	} else {
		ids_take(links, l->source->id);
		ids_take(back, l->target->id);
	}
}

static void link_back(struct mem *m, const void *bytes)
{
	(void)m;
	set_link(bytes);
}

static void change_link(struct mem *m, struct client *target, struct client *source, bool there)
{
	struct link_was l = {target, source, ids_have(&mem_extra(target)->links, source->id)};

	mem_note(m, link_back, &l, sizeof l);
	l.there = there;
	set_link(&l);
}

void mem_links_take(struct mem *m, struct client *c)
{
	struct extra *e = c->extra;

	while (e && e->links.n)
		change_link(m, c, mem_client(m, *(uint32_t *)e->links.at), false);
	while (e && e->linked.n)
		change_link(m, mem_client(m, *(uint32_t *)e->linked.at), c, false);
}

bool mem_link_put(void *ctx, int64_t target_id, int64_t source_id, struct err *err)
{
	struct client *target = mem_client(ctx, target_id), *source = mem_client(ctx, source_id);

	if (!mem_may_write(ctx, err))
		return false;
	if (!target || !source)
		return err_set(err, ERR_NOT_FOUND, "a client of the link is gone");
	change_link(ctx, target, source, true);
	return true;
}

bool mem_link_remove(void *ctx, int64_t target_id, int64_t source_id, struct err *err)
{
	struct client *target = mem_client(ctx, target_id), *source = mem_client(ctx, source_id);

	if (!mem_may_write(ctx, err))
		return false;
	if (target && source)
		change_link(ctx, target, source, false);
	return true;
}

static const struct vec *links_of(const struct mem *m, int64_t target_id)
{
	const struct client *c = mem_client(m, target_id);

	return c && c->extra ? &c->extra->links : &nothing;
}

bool mem_links(void *ctx, int64_t target_id, struct store_page page, store_name_fn *fn, void *arg,
	       struct err *err)
{
	struct mem *m = ctx;
	const struct vec *links = links_of(m, target_id);
	struct vec ids = {.n = 0};

	if (!mem_may_read(m, err))
		return false;
	for (size_t i = 0; i < links->n; i++)
		ids_put(&ids, ((uint32_t *)links->at)[i]);
	mem_sort_names(m, &ids, false);
	mem_page(m, &ids, false, page, fn, arg);
	free(ids.at);
	return true;
}

bool mem_links_count(void *ctx, int64_t target_id, int64_t *n, struct err *err)
{
	*n = (int64_t)links_of(ctx, target_id)->n;
	return mem_may_read(ctx, err);
}

bool mem_link_clients(void *ctx, int64_t target_id, int64_t after_id, int limit,
		      store_client_fn *fn, void *arg, struct err *err)
{
	struct mem *m = ctx;
	const struct vec *links = links_of(m, target_id);
	bool more = true;

	if (!mem_may_read(m, err))
		return false;
	for (size_t i = ids_place(links, after_id + 1), given = 0;
	     more && i < links->n && (int)given < limit; i++, given++)
		more = mem_client_row(m, mem_client_at(m, ((uint32_t *)links->at)[i]), fn, arg);
	return true;
}

/* --- peers ----------------------------------------------------------------------------------- */

struct peer_was {
	struct client *target;
	bool there;
	struct peer p;
};

static size_t peer_place(const struct vec *peers, const uint8_t e4id[16])
{
	size_t i = 0;

	while (i < peers->n && memcmp(((struct peer *)peers->at)[i].e4id, e4id, 16) < 0)
		i++;
	return i;
}

static struct peer *find_peer(const struct vec *peers, const uint8_t e4id[16])
{
	size_t i = peer_place(peers, e4id);
	struct peer *p = (struct peer *)peers->at + i;

	return i < peers->n && memcmp(p->e4id, e4id, 16) == 0 ? p : 0;
}

static bool names_source(const struct vec *peers, uint32_t source_id)
{
	for (size_t i = 0; i < peers->n; i++)
		if (((struct peer *)peers->at)[i].source_id == source_id)
			return true;
	return false;
}

/* Whether target is among the holders of a source follows from target's rows. */
static void count_holder(struct mem *m, const struct client *target, uint32_t source_id)
{
	struct client *source = mem_client(m, source_id);

	if (!source)
		return;
	if (names_source(&target->extra->peers, source_id))
		ids_put(&mem_extra(source)->holders, target->id);
	else
		ids_take(&mem_extra(source)->holders, target->id);
}

static void set_peer(struct mem *m, const struct peer_was *w)
{
	struct vec *peers = &mem_extra(w->target)->peers;
	struct peer *p = find_peer(peers, w->p.e4id);
	uint32_t before = p ? p->source_id : 0;

	if (!w->there) {
		if (p)
			vec_remove(peers, sizeof *p, peer_place(peers, w->p.e4id));
	} else {
		if (!p)
			p = vec_insert(peers, sizeof *p, peer_place(peers, w->p.e4id));
		*p = w->p;
		count_holder(m, w->target, w->p.source_id);
	}
	count_holder(m, w->target, before);
}

static void peer_back(struct mem *m, const void *bytes)
{
	set_peer(m, bytes);
}

static void change_peer(struct mem *m, const struct peer_was *now)
{
	const struct peer *p = find_peer(&mem_extra(now->target)->peers, now->p.e4id);
	struct peer_was was = *now;

	was.there = p != 0;
	if (p)
		was.p = *p;
	mem_note(m, peer_back, &was, sizeof was);
	set_peer(m, now);
}

/* Its own rows go; in others' rows of it nobody is the source any more. */
void mem_peers_take(struct mem *m, struct client *c)
{
	struct extra *e = c->extra;

	while (e && e->peers.n) {
		struct peer_was w = {.target = c, .p = *(struct peer *)e->peers.at};

		change_peer(m, &w);
	}
	while (e && e->holders.n) {
		struct peer_was w = {.target = mem_client(m, *(uint32_t *)e->holders.at),
				     .there = true};
		const struct vec *peers = &w.target->extra->peers;

		for (size_t i = 0; i < peers->n; i++) {
			w.p = ((struct peer *)peers->at)[i];
			if (w.p.source_id != c->id)
				continue;
			w.p.source_id = 0;
			change_peer(m, &w);
		}
	}
}

bool mem_peer_put(void *ctx, const struct store_peer *row, struct err *err)
{
	struct mem *m = ctx;
	struct peer_was w = {.target = mem_client(m, row->target_id),
			     .there = true,
			     .p = {.rev = row->rev,
				   .source_id = (uint32_t)row->source_id,
				   .removed = row->removed}};

	if (!mem_may_write(m, err))
		return false;
	if (!w.target || (row->source_id && !mem_client(m, row->source_id)))
		return err_set(err, ERR_NOT_FOUND, "a client of the peer is gone");
	memcpy(w.p.e4id, row->e4id, sizeof w.p.e4id);
	change_peer(m, &w);
	return true;
}

bool mem_peer_remove(void *ctx, int64_t target_id, const uint8_t e4id[16], struct err *err)
{
	struct mem *m = ctx;
	struct peer_was w = {.target = mem_client(m, target_id)};

	if (!mem_may_write(m, err))
		return false;
	memcpy(w.p.e4id, e4id, sizeof w.p.e4id);
	if (w.target && w.target->extra && find_peer(&w.target->extra->peers, e4id))
		change_peer(m, &w);
	return true;
}

bool mem_client_peers(void *ctx, int64_t target_id, store_peer_source_fn *fn, void *arg,
		      struct err *err)
{
	struct mem *m = ctx;
	const struct client *c = mem_client(m, target_id);
	const struct vec *peers = c && c->extra ? &c->extra->peers : &nothing;
	bool more = true;

	if (!mem_may_read(m, err))
		return false;
	m->in_row = true;
	for (size_t i = 0; more && i < peers->n; i++) {
		const struct peer *p = (struct peer *)peers->at + i;
		const struct client *source = mem_client(m, p->source_id);
		struct store_peer_source row = {.peer = {.target_id = target_id,
							 .source_id = p->source_id,
							 .rev = p->rev,
							 .removed = p->removed}};

		memcpy(row.peer.e4id, p->e4id, sizeof row.peer.e4id);
		if (source) {
			mem_unpack(&row.key, &source->key);
			row.key_rev = source->s.key_rev;
		}
		more = fn(arg, &row);
	}
	m->in_row = false;
	return true;
}

static bool is_holder(const struct client *target, uint32_t source_id)
{
	const struct vec *peers = &target->extra->peers;

	for (size_t i = 0; i < peers->n; i++) {
		const struct peer *p = (struct peer *)peers->at + i;

		if (p->source_id == source_id && !p->removed)
			return true;
	}
	return false;
}

bool mem_peer_holders(void *ctx, int64_t source_id, int64_t after_id, int limit,
		      store_client_fn *fn, void *arg, struct err *err)
{
	struct mem *m = ctx;
	const struct client *source = mem_client(m, source_id);
	const struct vec *holders = source && source->extra ? &source->extra->holders : &nothing;
	int given = 0;

	if (!mem_may_read(m, err))
		return false;
	for (size_t i = ids_place(holders, after_id + 1); source && i < holders->n; i++) {
		const struct client *c = mem_client_at(m, ((uint32_t *)holders->at)[i]);

		if (!is_holder(c, source->id))
			continue;
		if (given++ >= limit || !mem_client_row(m, c, fn, arg))
			return true;
	}
	return true;
}
