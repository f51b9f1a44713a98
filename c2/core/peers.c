/* Links between clients, and public keys that devices hold of each other. */
#include "c2/core/internal.h"

#include <string.h>

struct two {
	struct store_client source, target;
};

static bool find_two(struct core *c, const char *source, const char *target, struct two *t,
		     struct err *err)
{
	return find_client(c, source, &t->source, err) && find_client(c, target, &t->target, err);
}

/* Links concern C2 alone: no device is told, no revision taken. */
static bool change_link(struct core *c, const char *source, const char *target, bool link,
			struct err *err)
{
	struct change ch;
	struct two t;
	bool ok;

	if (!name_check(source, err) || !name_check(target, err) || !change_open(&ch, c, err))
		return false;
	ok = find_two(c, source, target, &t, err) &&
	     (link ? DB(c, link_put, t.target.id, t.source.id, err)
		   : DB(c, link_remove, t.target.id, t.source.id, err));
	return change_end(&ch, ok, 0, err);
}

bool core_link(struct core *c, const char *source, const char *target, struct err *err)
{
	return change_link(c, source, target, true, err);
}

bool core_unlink(struct core *c, const char *source, const char *target, struct err *err)
{
	return change_link(c, source, target, false, err);
}

bool core_links(struct core *c, const char *client, struct store_page page, struct arena *arena,
		struct core_names *out, struct err *err)
{
	struct name_list list = {.arena = arena, .out = out};
	struct store_client row;

	*out = (struct core_names){0};
	return find_client(c, client, &row, err) &&
	       DB(c, links, row.id, page, name_list_add, &list, err);
}

bool core_links_count(struct core *c, const char *client, int64_t *n, struct err *err)
{
	struct store_client row;

	return find_client(c, client, &row, err) && DB(c, links_count, row.id, n, err);
}

static bool put_peer(struct change *ch, struct two *t, bool removed, struct err *err)
{
	struct store_peer peer = {.target_id = t->target.id,
				  .source_id = t->source.id,
				  .rev = ch->rev,
				  .removed = removed};

	memcpy(peer.e4id, t->source.e4id, sizeof peer.e4id);
	return DB(ch->c, peer_put, &peer, err) && change_client(ch, &t->target, err);
}

static bool change_peer(struct core *c, const char *source, const char *target, bool removed,
			struct core_delivery *out, struct err *err)
{
	struct change ch;
	struct two t;
	bool ok;

	if (!need_pubkey_mode(c, err) || !name_check(source, err) || !name_check(target, err) ||
	    !change_begin(&ch, c, err))
		return false;
	ok = find_two(c, source, target, &t, err) && put_peer(&ch, &t, removed, err);
	return change_end(&ch, ok, out, err);
}

bool core_pubkey_send(struct core *c, const char *source, const char *target,
		      struct core_delivery *out, struct err *err)
{
	return change_peer(c, source, target, false, out, err);
}

/* Also for a key that we do not know the target to hold: it may have come by another way. */
bool core_pubkey_remove(struct core *c, const char *source, const char *target,
			struct core_delivery *out, struct err *err)
{
	return change_peer(c, source, target, true, out, err);
}

bool core_pubkeys_reset(struct core *c, const char *target, struct core_delivery *out,
			struct err *err)
{
	struct store_client row;
	struct change ch;
	bool ok;

	if (!need_pubkey_mode(c, err) || !name_check(target, err) || !change_begin(&ch, c, err))
		return false;
	ok = find_client(c, target, &row, err);
	if (ok) {
		row.reset_peers_rev = ch.rev;
		ok = change_client(&ch, &row, err);
	}
	return change_end(&ch, ok, out, err);
}
