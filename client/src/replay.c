#include "replay.h"

#ifndef E4_NO_REPLAY

#include <string.h>

static void name(uint8_t digest[16], const uint8_t *sender, size_t sender_len,
		 const uint8_t tag[16])
{
	struct e4_sha3 h;
	uint8_t whole[32];

	if (sender_len == 0) {
		memcpy(digest, tag, 16);
		return;
	}
	e4_sha3_init(&h);
	e4_sha3_update(&h, sender, sender_len);
	e4_sha3_update(&h, tag, 16);
	e4_sha3_final(&h, whole);
	memcpy(digest, whole, 16);
}

/* The window itself refuses what is older, so its entry may go. */
static bool expired(const struct e4_client *c, uint64_t now, const struct e4_seen *s)
{
	return s->stamp == 0 ||
	       (!c->cfg.no_window && s->stamp < now && now - s->stamp > c->cfg.validity_s);
}

bool e4_replay_fresh(struct e4_client *c, uint64_t now, uint64_t stamp, const uint8_t *sender,
		     size_t sender_len, const uint8_t tag[16])
{
	struct e4_seen *free_entry = c->cfg.seen;
	uint8_t digest[16];

	if (c->cfg.n_seen == 0)
		return true;
	if (stamp == 0) /* means a free entry */
		stamp = 1;
	name(digest, sender, sender_len, tag);
	for (struct e4_seen *s = c->cfg.seen; s < c->cfg.seen + c->cfg.n_seen; s++) {
		if (s->stamp == stamp && memcmp(s->digest, digest, sizeof digest) == 0)
			return false;
		if (expired(c, now, s))
			s->stamp = 0;
		/* Full: forget the lowest stamp, which leaves the window first. */
		if (s->stamp < free_entry->stamp)
			free_entry = s;
	}
	memcpy(free_entry->digest, digest, sizeof digest);
	free_entry->stamp = stamp;
	return true;
}

#endif
