/* Messages that C2 itself protects and reads, in the symmetric format of both modes. */
#include "c2/core/internal.h"

#include <string.h>

/*
 * As for commands: a receiver may allow no stamp ahead of its clock, and ours
 * may run ahead of it by a little.
 */
enum { BEHIND_S = 2 };

/* What the largest MQTT message can carry. */
enum { MESSAGE_MAX = 268000000 };

static bool topic_key(struct core *c, const char *topic, uint8_t key[32], struct err *err)
{
	struct store_topic row;

	return find_topic(c, topic, &row, err) &&
	       open_topic_key(&c->custody, key, row.hash, row.rev, &row.key, err);
}

static bool tag_known(const struct core *c, const uint8_t *tag)
{
	for (size_t i = 0; i < CORE_TAGS; i++)
		if (memcmp(c->tags[i], tag, E4_SIV_TAG_LEN) == 0)
			return true;
	return false;
}

/* Equal payloads in one second would be equal bytes: the later one takes an earlier second. */
static void seal_once(struct core *c, uint8_t *out, const uint8_t key[32], const uint8_t *in,
		      size_t len)
{
	uint64_t stamp = (uint64_t)core_now(c) - BEHIND_S;

	for (int i = 0; i <= CORE_TAGS; i++) {
		e4_message_seal(out, key, stamp - (uint64_t)i, in, len);
		if (!tag_known(c, out + E4_STAMP_LEN))
			break;
	}
	memcpy(c->tags[c->next_tag], out + E4_STAMP_LEN, E4_SIV_TAG_LEN);
	c->next_tag = (c->next_tag + 1) % CORE_TAGS;
}

bool core_protect(struct core *c, const char *topic, const uint8_t *in, size_t len,
		  struct arena *arena, uint8_t **out, size_t *out_len, struct err *err)
{
	uint8_t key[E4_KEY_LEN];

	*out = 0;
	*out_len = 0;
	if (len > MESSAGE_MAX - E4_OVERHEAD_SK)
		return err_set(err, ERR_INVALID, "a message has at most %d bytes",
			       MESSAGE_MAX - E4_OVERHEAD_SK);
	if (!topic_key(c, topic, key, err))
		return false;
	*out_len = len + E4_OVERHEAD_SK;
	*out = arena_alloc(arena, *out_len);
	seal_once(c, *out, key, in, len);
	e4_wipe(key, sizeof key);
	return true;
}

/* The stamp of an authentic message. */
static bool stamp_check(int64_t now, uint64_t stamp, struct err *err)
{
	if (stamp > (uint64_t)now + E4_FUTURE_S)
		return err_set(err, ERR_INVALID, "the message is stamped in the future");
	if (stamp + E4_VALIDITY_S < (uint64_t)now)
		return err_set(err, ERR_INVALID, "the message is too old");
	return true;
}

/* Only the topic's current key counts: C2 keeps no older one that could leak. */
bool core_unprotect(struct core *c, const char *topic, const uint8_t *in, size_t len,
		    struct arena *arena, uint8_t **out, size_t *out_len, struct err *err)
{
	uint8_t key[E4_KEY_LEN], *plain;
	uint64_t stamp = 0;
	bool ok;

	*out = 0;
	*out_len = 0;
	if (!topic_check(topic, err))
		return false;
	if (len < E4_OVERHEAD_SK || len > MESSAGE_MAX)
		return err_set(err, ERR_INVALID, "a protected message has %d to %d bytes",
			       E4_OVERHEAD_SK, MESSAGE_MAX);
	if (!topic_key(c, topic, key, err))
		return false;
	plain = arena_alloc(arena, len);
	ok = e4_message_open(plain, &stamp, key, in, len);
	e4_wipe(key, sizeof key);
	if (!ok)
		return err_set(err, ERR_INVALID,
			       "the message is not authentic under the topic's current key");
	if (!stamp_check(core_now(c), stamp, err)) {
		e4_wipe(plain, len);
		return false;
	}
	*out = plain;
	*out_len = len - E4_OVERHEAD_SK;
	return true;
}
