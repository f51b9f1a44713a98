/*
 * Topics on which somebody says that a device is there: a broker's presence
 * messages, birth messages of the devices themselves, what devices send anyhow.
 * None of it is proven, so it only makes us send earlier (plan_seen).
 */
#ifndef C2_CORE_PRESENCE_H
#define C2_CORE_PRESENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { PRESENCE_MAX = 16, PRESENCE_TEXT_MAX = 1024 };

enum presence_kind {
	PRESENCE_NAME,  /* a level of the topic is the client's name */
	PRESENCE_ID,    /* or its E4 id in hex */
	PRESENCE_SENDER /* PK: the payload is a protected message, which names its sender */
};

struct presence_topic {
	char pattern[PRESENCE_TEXT_MAX]; /* to subscribe to */
	enum presence_kind kind;
	size_t level; /* which level names it */
};

struct presence {
	struct presence_topic topics[PRESENCE_MAX];
	size_t n;
};

/*
 * text: topics with spaces between them, MQTT wildcards allowed. {client} as a
 * whole level stands for a client's name, {id} for its E4 id; a topic with
 * neither is one of protected messages, which name their sender in PK mode
 * only. Null or empty: none. ERR_CONFIG says which topic is wrong.
 */
bool presence_parse(struct presence *out, const char *text, bool pubkey, struct err *err);

/*
 * Whom a message speaks of. False: of nobody, or it says that a device has
 * gone (nothing, 0, false, offline or disconnected).
 */
bool presence_match(const struct presence *p, const char *topic, const uint8_t *payload, size_t len,
		    uint8_t id[16]);

#endif
