/*
 * A message transport: publish, subscribe, and word of being connected.
 *
 * Every transport drops, repeats and reorders; nothing above may depend on an
 * acknowledgement. A publish that returns true was taken for sending while
 * connected; it may be lost when the connection goes. Callbacks run in the
 * owner's loop, never from inside a call to the bus; every call to the bus,
 * close included, may be made from them. After close none comes.
 *
 * Topics and patterns are UTF-8 of 1 to BUS_TOPIC_MAX bytes without control
 * characters; a topic has no wildcard, a pattern has + as a whole level and # as
 * the whole last one. Wildcards at the start do not match topics that begin
 * with $. Anything else is ERR_INVALID.
 */
#ifndef BUS_BUS_H
#define BUS_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { BUS_TOPIC_MAX = 65535, BUS_PAYLOAD_MAX = 268000000 };

/* Each may be null. What they are given is theirs for the time of the call. */
struct bus_handler {
	void *ctx;
	/*
	 * The connection came up or went, or while it is down the reason changed;
	 * why is a sentence for the operator. Nothing is told before the first attempt.
	 */
	void (*on_state)(void *ctx, bool up, const char *why);
	void (*on_message)(void *ctx, const char *topic, const uint8_t *payload, size_t len);
	/* There is room again after publish() or room() said there was none. */
	void (*on_room)(void *ctx);
};

struct bus_ops {
	/*
	 * Hand one message over. qos 0..2 (lowered to what the transport has).
	 * ERR_UNAVAILABLE: not connected. ERR_EXHAUSTED: no room, wait for on_room.
	 */
	bool (*publish)(void *ctx, const char *topic, const uint8_t *payload, size_t len, int qos,
			bool retain, struct err *err);
	/* Subscriptions are remembered and made again after each reconnect. */
	bool (*subscribe)(void *ctx, const char *pattern, int qos, struct err *err);
	bool (*unsubscribe)(void *ctx, const char *pattern, struct err *err);
	/* Messages that publish() would take now; 0 while not connected. */
	size_t (*room)(void *ctx);
	bool (*is_up)(void *ctx);
	void (*close)(void *ctx);
};

struct bus {
	const struct bus_ops *ops;
	void *ctx;
};

/* Thin wrappers that check arguments once for all transports. */
bool bus_publish(const struct bus *b, const char *topic, const uint8_t *payload, size_t len,
		 int qos, bool retain, struct err *err);
bool bus_subscribe(const struct bus *b, const char *pattern, int qos, struct err *err);
bool bus_unsubscribe(const struct bus *b, const char *pattern, struct err *err);
size_t bus_room(const struct bus *b);
bool bus_is_up(const struct bus *b);
/* Also of a bus that was never opened (all zero). */
void bus_close(struct bus *b);

/* ERR_INVALID unless the pattern is well-formed. */
bool bus_pattern_check(const char *pattern, struct err *err);
/* The pattern covers the topic. Both must be well-formed. */
bool bus_matches(const char *pattern, const char *topic);

#endif
