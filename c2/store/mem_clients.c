/* Clients: their rows, their indexes, and who is due when. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "c2/store/mem_db.h"
#include "e4/crypto.h"

struct client *mem_client(const struct mem *m, int64_t id)
{
	return id > 0 && (uint64_t)id < m->clients.n ? ((struct client **)m->clients.at)[id] : 0;
}

void mem_client_fetch(const struct mem *m, int64_t id)
{
	const char *c = (const char *)mem_client(m, id);

	for (size_t i = 0; c && i < sizeof(struct client); i += 64)
		__builtin_prefetch(c + i);
}

struct extra *mem_extra(struct client *c)
{
	if (!c->extra)
		c->extra = mem_alloc(sizeof *c->extra);
	return c->extra;
}

static void wipe_packed(struct packed *p)
{
	if (p->len > sizeof p->u.bytes) {
		e4_wipe(p->u.more, p->len);
		free(p->u.more);
	}
	e4_wipe(p, sizeof *p);
}

void mem_client_free(struct client *c)
{
	if (!c)
		return;
	wipe_packed(&c->key);
	free(c->members.at);
	if (c->extra) {
		free(c->extra->old_keys.at);
		free(c->extra->links.at);
		free(c->extra->linked.at);
		free(c->extra->peers.at);
		free(c->extra->holders.at);
		for (size_t i = 0; i < c->extra->tags.n; i++)
			free(((char **)c->extra->tags.at)[i]);
		free(c->extra->tags.at);
		e4_wipe(c->extra, sizeof *c->extra);
		free(c->extra);
	}
	free(c);
}

void mem_pack(struct packed *out, const struct sealed *in)
{
	uint8_t *to = out->u.bytes;

	out->len = in->len;
	if (in->len > sizeof out->u.bytes)
		to = out->u.more = mem_alloc(in->len);
	memcpy(to, in->bytes, in->len);
}

void mem_unpack(struct sealed *out, const struct packed *in)
{
	out->len = in->len;
	memcpy(out->bytes, in->len > sizeof in->u.bytes ? in->u.more : in->u.bytes, in->len);
	memset(out->bytes + in->len, 0, sizeof out->bytes - in->len);
}

/* --- indexes --------------------------------------------------------------------------- */

static uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t h = (a ^ b * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;

	return h ^ h >> 32;
}

static uint64_t hash_of_e4id(const uint8_t e4id[16])
{
	uint64_t half[2];

	memcpy(half, e4id, sizeof half);
	return mix(half[0], half[1]);
}

static uint64_t hash_of_name(const char *name)
{
	uint64_t h = 14695981039346656037u;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 1099511628211u;
	return h ^ h >> 32;
}

static uint64_t row_e4id(const struct mem *m, uint32_t id)
{
	return hash_of_e4id(mem_client_at(m, id)->e4id);
}

static uint64_t row_name(const struct mem *m, uint32_t id)
{
	return hash_of_name(mem_client_at(m, id)->name);
}

static struct client *by_name(const struct mem *m, const char *name)
{
	const struct index *ix = &m->by_name;
	struct client *c = 0;

	if (ix->n == 0)
		return 0;
	for (size_t i = hash_of_name(name) & (ix->cap - 1); ix->slots[i];
	     i = (i + 1) & (ix->cap - 1)) {
		c = mem_client_at(m, ix->slots[i]);
		if (strcmp(c->name, name) == 0)
			return c;
	}
	return 0;
}

static struct client *by_e4id(const struct mem *m, const uint8_t e4id[16])
{
	const struct index *ix = &m->by_e4id;
	struct client *c = 0;

	if (ix->n == 0)
		return 0;
	for (size_t i = hash_of_e4id(e4id) & (ix->cap - 1); ix->slots[i];
	     i = (i + 1) & (ix->cap - 1)) {
		c = mem_client_at(m, ix->slots[i]);
		if (memcmp(c->e4id, e4id, 16) == 0)
			return c;
	}
	return 0;
}

/* --- who is due ---------------------------------------------------------------------------
 * Times are whole seconds and few of them are in use at once: a sorted array of
 * the seconds, and a list of clients for each.
 */

static size_t due_place(const struct mem *m, int64_t at)
{
	const struct due *due = m->due.at;
	size_t low = 0, high = m->due.n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (due[mid].at < at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void due_add(struct mem *m, struct client *c)
{
	size_t i;
	struct due *d;

	c->due_prev = c->due_next = 0;
	if (c->s.next_at <= 0)
		return;
	i = due_place(m, c->s.next_at);
	if (i == m->due.n || ((struct due *)m->due.at)[i].at != c->s.next_at) {
		d = vec_insert(&m->due, sizeof *d, i);
		*d = (struct due){c->s.next_at, c->id, c->id};
		return;
	}
	d = (struct due *)m->due.at + i;
	c->due_prev = d->last;
	mem_client_at(m, d->last)->due_next = c->id;
	d->last = c->id;
}

static void due_take(struct mem *m, struct client *c)
{
	struct due *d;

	if (c->s.next_at <= 0)
		return;
	if (c->due_prev && c->due_next) {
		mem_client_at(m, c->due_prev)->due_next = c->due_next;
		mem_client_at(m, c->due_next)->due_prev = c->due_prev;
		return;
	}
	d = (struct due *)m->due.at + due_place(m, c->s.next_at);
	if (c->due_prev)
		mem_client_at(m, c->due_prev)->due_next = 0;
	if (c->due_next)
		mem_client_at(m, c->due_next)->due_prev = 0;
	if (d->first == c->id)
		d->first = c->due_next;
	if (d->last == c->id)
		d->last = c->due_prev;
	if (!d->first)
		vec_remove(&m->due, sizeof *d, (size_t)(d - (struct due *)m->due.at));
}

/* --- how many hold which of our keys ---------------------------------------------------------- */

static void c2_use(struct mem *m, int64_t rev, int change)
{
	struct c2_use *uses = m->c2_uses.at;
	size_t i = 0;

	while (i < m->c2_uses.n && uses[i].rev < rev)
		i++;
	if (i == m->c2_uses.n || uses[i].rev != rev) {
		uses = vec_insert(&m->c2_uses, sizeof *uses, i);
		*uses = (struct c2_use){rev, change};
		return;
	}
	uses[i].n += change;
	if (uses[i].n == 0)
		vec_remove(&m->c2_uses, sizeof *uses, i);
}

bool mem_clients_min_c2_rev(void *ctx, int64_t *rev, struct err *err)
{
	struct mem *m = ctx;

	*rev = m->c2_uses.n ? ((struct c2_use *)m->c2_uses.at)->rev : 0;
	return mem_may_read(m, err);
}

bool mem_clients_c2_from(void *ctx, int64_t rev, int64_t *n, struct err *err)
{
	struct mem *m = ctx;
	const struct c2_use *uses = m->c2_uses.at;

	*n = 0;
	for (size_t k = 0; k < m->c2_uses.n; k++)
		*n += uses[k].rev >= rev ? uses[k].n : 0;
	return mem_may_read(m, err);
}

/* --- rows ----------------------------------------------------------------------------------- */

static void get_row(struct store_client *row, const struct client *c)
{
	const struct client_state *s = &c->s;

	row->id = c->id;
	memcpy(row->name, c->name, (size_t)c->name_len + 1);
	memcpy(row->e4id, c->e4id, sizeof row->e4id);
	mem_unpack(&row->key, &c->key);
	if (c->extra)
		row->private_key = c->extra->private_key;
	else
		memset(&row->private_key, 0, sizeof row->private_key);
	row->n_old_keys = c->extra ? (int32_t)c->extra->old_keys.n : 0;
	row->key_rev = s->key_rev;
	row->c2_rev = s->c2_rev;
	row->wanted_rev = s->wanted_rev;
	row->sent_rev = s->sent_rev;
	row->confirmed_rev = s->confirmed_rev;
	row->reset_rev = s->reset_rev;
	row->reset_peers_rev = s->reset_peers_rev;
	row->last_stamp = s->last_stamp;
	row->clock_offset = s->clock_offset;
	row->next_at = s->next_at;
	row->attempts = s->attempts;
	memcpy(row->nonce, s->nonce, sizeof row->nonce);
	row->asked_at = s->asked_at;
	row->last_seen = s->last_seen;
	row->recheck_at = s->recheck_at;
	row->behind_since = s->behind_since;
	row->key_at = s->key_at;
	row->reason = s->reason;
	row->type = s->type;
}

static struct client_state state_of(const struct store_client *row)
{
	struct client_state s = {.key_rev = row->key_rev,
				 .c2_rev = row->c2_rev,
				 .wanted_rev = row->wanted_rev,
				 .sent_rev = row->sent_rev,
				 .confirmed_rev = row->confirmed_rev,
				 .reset_rev = row->reset_rev,
				 .reset_peers_rev = row->reset_peers_rev,
				 .last_stamp = row->last_stamp,
				 .clock_offset = row->clock_offset,
				 .next_at = row->next_at,
				 .asked_at = row->asked_at,
				 .last_seen = row->last_seen,
				 .recheck_at = row->recheck_at,
				 .behind_since = row->behind_since,
				 .key_at = row->key_at,
				 .attempts = row->attempts,
				 .reason = row->reason,
				 .type = row->type};

	memcpy(s.nonce, row->nonce, sizeof s.nonce);
	return s;
}

static void set_state(struct mem *m, struct client *c, const struct client_state *s)
{
	bool moves = c->s.next_at != s->next_at;

	if (moves)
		due_take(m, c);
	if (c->s.c2_rev != s->c2_rev) {
		c2_use(m, c->s.c2_rev, -1);
		c2_use(m, s->c2_rev, 1);
	}
	c->s = *s;
	if (moves)
		due_add(m, c);
}

/* Into the indexes, and out of them. */
static void list_client(struct mem *m, struct client *c)
{
	((struct client **)m->clients.at)[c->id] = c;
	index_add(m, &m->by_name, row_name, c->id);
	index_add(m, &m->by_e4id, row_e4id, c->id);
	due_add(m, c);
	c2_use(m, c->s.c2_rev, 1);
	m->clients_are_sorted = false;
}

static void unlist_client(struct mem *m, struct client *c)
{
	index_remove(m, &m->by_name, row_name, c->id);
	index_remove(m, &m->by_e4id, row_e4id, c->id);
	due_take(m, c);
	c2_use(m, c->s.c2_rev, -1);
	((struct client **)m->clients.at)[c->id] = 0;
	m->clients_are_sorted = false;
}

/* --- notes ---------------------------------------------------------------------------------------
 */

struct state_was {
	struct client *c;
	struct client_state s;
};

static void state_back(struct mem *m, const void *bytes)
{
	const struct state_was *was = bytes;

	set_state(m, was->c, &was->s);
}

struct key_was {
	struct client *c;
	struct sealed key;
};

static void key_back(struct mem *m, const void *bytes)
{
	const struct key_was *was = bytes;

	(void)m;
	wipe_packed(&was->c->key);
	mem_pack(&was->c->key, &was->key);
}

static void private_back(struct mem *m, const void *bytes)
{
	const struct key_was *was = bytes;

	(void)m;
	mem_extra(was->c)->private_key = was->key;
}

static void new_client_back(struct mem *m, const void *bytes)
{
	struct client *c = *(struct client *const *)bytes;

	unlist_client(m, c);
	m->clients.n = c->id; /* its id is given again */
	mem_client_free(c);
}

static void client_gone_back(struct mem *m, const void *bytes)
{
	list_client(m, *(struct client *const *)bytes);
}

/* --- writes ------------------------------------------------------------------------------------
 */

static bool same_sealed(const struct sealed *a, const struct sealed *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static bool key_is(const struct packed *p, const struct sealed *s)
{
	return p->len == s->len &&
	       memcmp(p->len > sizeof p->u.bytes ? p->u.more : p->u.bytes, s->bytes, s->len) == 0;
}

static void put_keys(struct mem *m, struct client *c, const struct store_client *row)
{
	static const struct sealed none;
	struct key_was was = {.c = c};
	const struct sealed *private_key = c->extra ? &c->extra->private_key : &none;

	if (!key_is(&c->key, &row->key)) {
		mem_unpack(&was.key, &c->key);
		mem_note(m, key_back, &was, sizeof was);
		wipe_packed(&c->key);
		mem_pack(&c->key, &row->key);
	}
	if (!same_sealed(private_key, &row->private_key)) {
		was.key = *private_key;
		mem_note(m, private_back, &was, sizeof was);
		mem_extra(c)->private_key = row->private_key;
	}
}

static bool insert(struct mem *m, struct store_client *row, struct err *err)
{
	size_t len = strlen(row->name);
	struct client *c;

	if (by_name(m, row->name) || by_e4id(m, row->e4id))
		return err_set(err, ERR_EXISTS, "a client of this name or id is there already");
	if (m->clients.n >= UINT32_MAX)
		return err_set(err, ERR_STORE, "no more clients can be numbered");
	c = mem_alloc(sizeof *c + len + 1);
	row->id = ++m->n.last_client;
	row->n_old_keys = 0;
	c->id = (uint32_t)row->id;
	c->name_len = (uint16_t)len;
	memcpy(c->name, row->name, len);
	memcpy(c->e4id, row->e4id, sizeof c->e4id);
	c->s = state_of(row);
	mem_pack(&c->key, &row->key);
	if (row->private_key.len)
		mem_extra(c)->private_key = row->private_key;
	*(struct client **)vec_insert(&m->clients, sizeof c, m->clients.n) = 0;
	list_client(m, c);
	m->n.n_clients++;
	mem_note(m, new_client_back, &c, sizeof c);
	return true;
}

bool mem_client_put(void *ctx, struct store_client *row, struct err *err)
{
	struct mem *m = ctx;
	struct state_was was;
	struct client_state s;
	struct client *c;

	if (!mem_may_write(m, err))
		return false;
	if (!memchr(row->name, 0, sizeof row->name))
		return err_set(err, ERR_INTERNAL, "a client name without end");
	if (!row->id)
		return insert(m, row, err);
	c = mem_client(m, row->id);
	if (!c)
		return err_set(err, ERR_NOT_FOUND, "the client is gone");
	was.c = c;
	was.s = c->s;
	mem_note(m, state_back, &was, sizeof was);
	put_keys(m, c, row);
	s = state_of(row);
	set_state(m, c, &s);
	return true;
}

static void put_state(struct mem *m, struct client *c, const struct store_client *row)
{
	struct state_was was = {.c = c, .s = c->s};
	struct client_state s = state_of(row);

	s.key_rev = c->s.key_rev;
	s.key_at = c->s.key_at;
	s.c2_rev = c->s.c2_rev;
	s.wanted_rev = c->s.wanted_rev;
	s.reset_rev = c->s.reset_rev;
	s.reset_peers_rev = c->s.reset_peers_rev;
	s.type = c->s.type;
	mem_note(m, state_back, &was, sizeof was);
	set_state(m, c, &s);
}

bool mem_clients_state(void *ctx, const struct store_client *rows, size_t n, struct err *err)
{
	struct mem *m = ctx;

	if (!mem_may_write(m, err))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct client *c = mem_client(m, rows[i].id);

		if (c)
			put_state(m, c, &rows[i]);
	}
	return true;
}

bool mem_client_remove(void *ctx, int64_t id, struct err *err)
{
	struct mem *m = ctx;
	struct client *c = mem_client(m, id);

	if (!mem_may_write(m, err))
		return false;
	if (!c)
		return true;
	while (c->members.n)
		mem_member_take(m, c, mem_topic(m, ((struct member *)c->members.at)->topic_id));
	mem_old_keys_take(m, c, INT64_MAX);
	mem_links_take(m, c);
	mem_peers_take(m, c);
	unlist_client(m, c);
	m->n.n_clients--;
	mem_note(m, client_gone_back, &c, sizeof c);
	*(struct client **)vec_insert(&m->gone, sizeof c, m->gone.n) = c;
	return true;
}

/* --- questions ------------------------------------------------------------------------------- */

static bool one(struct mem *m, const struct client *c, struct store_client *row, bool *found,
		struct err *err)
{
	*found = c != 0;
	if (c)
		get_row(row, c);
	return mem_may_read(m, err);
}

bool mem_client_by_name(void *ctx, const char *name, struct store_client *row, bool *found,
			struct err *err)
{
	return one(ctx, by_name(ctx, name), row, found, err);
}

bool mem_client_by_e4id(void *ctx, const uint8_t e4id[16], struct store_client *row, bool *found,
			struct err *err)
{
	return one(ctx, by_e4id(ctx, e4id), row, found, err);
}

bool mem_client_by_id(void *ctx, int64_t id, struct store_client *row, bool *found, struct err *err)
{
	return one(ctx, mem_client(ctx, id), row, found, err);
}

bool mem_client_row(struct mem *m, const struct client *c, store_client_fn *fn, void *arg)
{
	struct store_client row;
	bool more;

	get_row(&row, c);
	m->in_row = true;
	more = fn(arg, &row);
	m->in_row = false;
	return more;
}

bool mem_clients_count(void *ctx, int64_t *n, struct err *err)
{
	struct mem *m = ctx;

	*n = m->n.n_clients;
	return mem_may_read(m, err);
}

bool mem_clients_due(void *ctx, int64_t now, int limit, store_client_fn *fn, void *arg,
		     struct err *err)
{
	struct mem *m = ctx;
	const struct due *due = m->due.at;
	int given = 0;

	if (!mem_may_read(m, err))
		return false;
	for (size_t i = 0; i < m->due.n && due[i].at <= now; i++) {
		for (uint32_t id = due[i].first; id; id = mem_client(m, id)->due_next) {
			const struct client *c = mem_client_at(m, id);

			mem_client_fetch(m, c->due_next);
			if (given++ >= limit || !mem_client_row(m, c, fn, arg))
				return true;
		}
	}
	return true;
}

bool mem_clients_next_at(void *ctx, int64_t *at, struct err *err)
{
	struct mem *m = ctx;

	*at = m->due.n ? ((struct due *)m->due.at)->at : 0;
	return mem_may_read(m, err);
}

bool mem_clients_after(void *ctx, int64_t after_id, int limit, store_client_fn *fn, void *arg,
		       struct err *err)
{
	struct mem *m = ctx;
	int given = 0;

	if (!mem_may_read(m, err))
		return false;
	for (size_t id = after_id > 0 ? (size_t)after_id + 1 : 1; id < m->clients.n; id++) {
		const struct client *c = mem_client(m, (int64_t)id);

		if (c && (given++ >= limit || !mem_client_row(m, c, fn, arg)))
			return true;
	}
	return true;
}

const struct vec *mem_clients_by_name(struct mem *m)
{
	if (m->clients_are_sorted)
		return &m->clients_sorted;
	m->clients_sorted.n = 0;
	for (size_t id = 1; id < m->clients.n; id++)
		if (mem_client(m, (int64_t)id))
			*(uint32_t *)vec_insert(&m->clients_sorted, sizeof(uint32_t),
						m->clients_sorted.n) = (uint32_t)id;
	mem_sort_names(m, &m->clients_sorted, false);
	m->clients_are_sorted = true;
	return &m->clients_sorted;
}

bool mem_clients(void *ctx, struct store_page page, store_name_fn *fn, void *arg, struct err *err)
{
	struct mem *m = ctx;

	if (!mem_may_read(m, err))
		return false;
	mem_page(m, mem_clients_by_name(m), false, page, fn, arg);
	return true;
}
