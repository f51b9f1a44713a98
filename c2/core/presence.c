#define _GNU_SOURCE
#include "c2/core/presence.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bus/bus.h"
#include "e4/protocol.h"

/* timestamp | sender id | tag | signature (protocol.md section 3) */
enum { SENDER_AT = 8, SENDER_MESSAGE_MIN = 104 };

static const struct {
	const char *text;
	enum presence_kind kind;
} places[] = {{"{client}", PRESENCE_NAME}, {"{id}", PRESENCE_ID}};

/* Copy a level to the pattern; + for one that names the client. */
static bool add_level(struct presence_topic *t, size_t *named, size_t level, const char *text,
		      size_t len)
{
	size_t at = strlen(t->pattern);

	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		if (strlen(places[i].text) != len || memcmp(places[i].text, text, len) != 0)
			continue;
		t->kind = places[i].kind;
		t->level = level;
		++*named;
		text = "+";
		len = 1;
		break;
	}
	if (at + len + 2 > sizeof t->pattern || memchr(text, '{', len))
		return false;
	memcpy(t->pattern + at, text, len);
	t->pattern[at + len] = 0;
	return true;
}

static bool parse_topic(struct presence_topic *t, const char *text, bool pubkey)
{
	size_t named = 0;

	t->pattern[0] = 0;
	t->kind = PRESENCE_SENDER;
	for (size_t level = 0;; level++) {
		size_t len = strcspn(text, "/");

		if (!add_level(t, &named, level, text, len))
			return false;
		text += len;
		if (!*text++)
			break;
		strcat(t->pattern, "/"); /* add_level has left room */
	}
	return named <= 1 && (named == 1 || pubkey) && bus_pattern_check(t->pattern, 0);
}

bool presence_parse(struct presence *out, const char *text, bool pubkey, struct err *err)
{
	char *copy = mem_text(text ? text : ""), *rest = 0;
	bool ok = true;

	out->n = 0;
	for (char *t = strtok_r(copy, " \t", &rest); t && ok; t = strtok_r(0, " \t", &rest)) {
		if (out->n == PRESENCE_MAX)
			ok = err_set(err, ERR_CONFIG, "more than %d presence topics", PRESENCE_MAX);
		else if (!parse_topic(&out->topics[out->n++], t, pubkey))
			ok = err_set(err, ERR_CONFIG,
				     "presence topic %.200s: needs {client} or {id} as one whole "
				     "level, or in pubkey mode none of them",
				     t);
	}
	free(copy);
	return ok;
}

/* --- messages --------------------------------------------------------------------------- */

static bool is_gone(const uint8_t *payload, size_t len)
{
	static const char *const words[] = {"", "0", "false", "offline", "disconnected"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strlen(words[i]) == len && memcmp(payload, words[i], len) == 0)
			return true;
	return false;
}

static bool name_of_level(const char *topic, size_t level, enum presence_kind kind, uint8_t id[16])
{
	char control[E4_CONTROL_TOPIC_LEN + 1] = "e4/";
	bool is_receipt;
	size_t len;

	while (level-- > 0)
		topic += strcspn(topic, "/") + 1; /* the pattern matches: they are there */
	len = strcspn(topic, "/");
	if (kind == PRESENCE_NAME) {
		if (!e4_name_ok(topic, len))
			return false;
		e4_id_from_name(id, topic, len);
		return true;
	}
	if (len + 3 != E4_CONTROL_TOPIC_LEN)
		return false;
	memcpy(control + 3, topic, len);
	return e4_control_topic_parse(id, &is_receipt, control, E4_CONTROL_TOPIC_LEN);
}

bool presence_match(const struct presence *p, const char *topic, const uint8_t *payload, size_t len,
		    uint8_t id[16])
{
	for (size_t i = 0; i < p->n; i++) {
		const struct presence_topic *t = &p->topics[i];

		if (!bus_matches(t->pattern, topic))
			continue;
		if (t->kind != PRESENCE_SENDER)
			return !is_gone(payload, len) &&
			       name_of_level(topic, t->level, t->kind, id);
		if (len < SENDER_MESSAGE_MIN)
			return false;
		memcpy(id, payload + SENDER_AT, 16);
		return true;
	}
	return false;
}
