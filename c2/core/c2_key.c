/* C2's own X25519 keys (PK): the newest is wanted, older ones count while a device may hold them.
 */
#include "c2/core/internal.h"

#include <string.h>

struct row_list {
	struct store_c2_key rows[CORE_C2_KEYS_MAX + 1];
	size_t n;
};

static bool row_list_add(void *arg, const struct store_c2_key *row)
{
	struct row_list *list = arg;

	if (list->n == CORE_C2_KEYS_MAX + 1)
		return false;
	list->rows[list->n++] = *row;
	return true;
}

static bool same_keys(const struct core *c, const struct row_list *list)
{
	if (c->n_c2_keys != list->n)
		return false;
	for (size_t i = 0; i < list->n; i++)
		if (c->c2_keys[i].rev != list->rows[i].rev)
			return false;
	return true;
}

void c2_keys_wipe(struct core *c)
{
	e4_wipe(c->c2_keys, sizeof c->c2_keys);
	c->n_c2_keys = 0;
}

bool c2_keys_load(struct core *c, struct err *err)
{
	struct row_list list = {.n = 0};

	if (c->cfg.mode != CORE_PUBKEY)
		return true;
	if (!DB(c, c2_keys, row_list_add, &list, err))
		return false;
	if (same_keys(c, &list))
		return true;
	c2_keys_wipe(c);
	for (size_t i = 0; i < list.n; i++) {
		struct c2_key *k = &c->c2_keys[i];

		k->rev = list.rows[i].rev;
		memcpy(k->public_key, list.rows[i].public_key, sizeof k->public_key);
		if (!open_c2_key(&c->custody, k->private_key, k->rev, &list.rows[i].private_key,
				 err)) {
			c2_keys_wipe(c);
			return err_wrap(err, "C2's own key");
		}
	}
	c->n_c2_keys = list.n;
	return true;
}

const struct c2_key *c2_key_newest(const struct core *c)
{
	return &c->c2_keys[c->n_c2_keys - 1];
}

static bool put_new_pair(struct core *c, int64_t rev, struct err *err)
{
	struct store_c2_key row = {.rev = rev};
	uint8_t key[32];
	bool ok;

	random_bytes(key, sizeof key);
	e4_x25519_base(row.public_key, key);
	ok = seal_c2_key(&c->custody, &row.private_key, rev, key, err);
	e4_wipe(key, sizeof key);
	return ok && DB(c, c2_key_put, &row, err);
}

bool c2_keys_init(struct core *c, struct err *err)
{
	struct change ch;
	bool ok;

	if (!c2_keys_load(c, err))
		return false;
	if (c->cfg.mode != CORE_PUBKEY || c->n_c2_keys > 0)
		return true;
	if (!change_begin(&ch, c, err))
		return false;
	/* Looked at again: another server may start on the same new database. */
	ok = c2_keys_load(c, err) && (c->n_c2_keys > 0 || put_new_pair(c, ch.rev, err));
	return change_end(&ch, ok, 0, err) && c2_keys_load(c, err);
}

/* The oldest key that some client may hold; those that hold only what is gone do not count. */
static bool least_held(struct core *c, int64_t *least, struct err *err)
{
	int64_t all, n;

	if (!DB(c, clients_min_c2_rev, least, err) ||
	    !DB(c, clients_c2_from, c->c2_keys[0].rev, &all, err))
		return false;
	if (all == 0)
		*least = c2_key_newest(c)->rev;
	for (size_t i = 1; all > 0 && *least < c->c2_keys[0].rev && i <= c->n_c2_keys; i++) {
		n = 0;
		if (i < c->n_c2_keys && !DB(c, clients_c2_from, c->c2_keys[i].rev, &n, err))
			return false;
		if (n < all)
			*least = c->c2_keys[i - 1].rev;
	}
	return true;
}

bool c2_keys_prune(struct core *c, struct err *err)
{
	int64_t least;

	if (c->n_c2_keys < 2)
		return true;
	if (!least_held(c, &least, err))
		return false;
	return least <= c->c2_keys[0].rev ||
	       (DB(c, c2_keys_drop, least, err) && c2_keys_load(c, err));
}

/* Old keys in use hold a place; the first to confirm the newest key frees theirs only with the
 * last. */
static bool room_for_key(struct core *c, struct err *err)
{
	if (c->n_c2_keys <= CORE_C2_KEYS_MAX)
		return true;
	return err_set(
		err, ERR_PRECONDITION,
		"some devices have not confirmed any of the last %d C2 keys: bring them back, "
		"remove or provision them again, or drop the oldest key, and with it devices that "
		"hold no other",
		CORE_C2_KEYS_MAX);
}

static bool drop_oldest_key(struct core *c, struct err *err)
{
	return c->n_c2_keys <= CORE_C2_KEYS_MAX ||
	       (DB(c, c2_keys_drop, c->c2_keys[1].rev, err) && c2_keys_load(c, err));
}

bool core_new_c2_key(struct core *c, bool force, bool drop_oldest, struct core_delivery *out,
		     struct err *err)
{
	struct change ch;
	int64_t n = 0;
	bool ok;

	if (!need_pubkey_mode(c, err))
		return false;
	if (!force)
		return err_set(err, ERR_PRECONDITION,
			       "a new C2 key concerns every client: ask for it with force");
	if (!change_begin(&ch, c, err))
		return false;
	ok = c2_keys_load(c, err) && c2_keys_prune(c, err) &&
	     (drop_oldest ? drop_oldest_key(c, err) : room_for_key(c, err)) &&
	     put_new_pair(c, ch.rev, err) && walk_fleet_start(c, err) &&
	     DB(c, clients_count, &n, err) && c2_keys_load(c, err);
	ch.recipients = n;
	ok = change_end(&ch, ok, out, err);
	return ok;
}

bool core_c2_key_status(struct core *c, struct core_c2_key_status *out, struct err *err)
{
	if (!need_pubkey_mode(c, err) || !c2_keys_load(c, err))
		return false;
	out->revision = c2_key_newest(c)->rev;
	out->older_keys = (int64_t)c->n_c2_keys - 1;
	if (!DB(c, clients_count, &out->clients, err) ||
	    !DB(c, clients_c2_from, out->revision, &out->confirmed, err) ||
	    !DB(c, clients_c2_from, c->c2_keys[0].rev, &out->given_up, err))
		return false;
	out->given_up = out->clients - out->given_up;
	return true;
}

bool core_c2_public_key(struct core *c, uint8_t key[32], struct err *err)
{
	if (!need_pubkey_mode(c, err) || !c2_keys_load(c, err))
		return false;
	memcpy(key, c2_key_newest(c)->public_key, 32);
	return true;
}
