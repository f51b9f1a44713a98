/*
 * Control messages of one transaction: collected sealed while it runs, handed
 * to the bus after it is durable, forgotten if it is not.
 */
#ifndef C2_CORE_OUTBOX_H
#define C2_CORE_OUTBOX_H

#include "bus/bus.h"
#include "e4/protocol.h"

struct outbox_message {
	uint8_t id[E4_ID_LEN];
	uint8_t len;
	bool report; /* a question only: never kept by the broker in place of a command */
	uint8_t bytes[E4_COMMAND_MAX + E4_OVERHEAD_SK];
};

/*
 * So many wait for room at the bus at most, so that its window does not stand
 * empty while the next ones are computed and committed; and a slice begins when
 * there is room for OUTBOX_SLICE, so that they share its commit. What waits is
 * lost with the connection, like the window: the timers bring it again.
 */
enum { OUTBOX_AHEAD = 1024, OUTBOX_SLICE = 512 };

/* Zero is empty. */
struct outbox {
	struct outbox_message *messages;
	size_t at, n, cap; /* n of them wait, from at on */
};

/* Seal one command for one client under one control key. */
void outbox_add(struct outbox *o, const uint8_t id[E4_ID_LEN], const uint8_t control_key[32],
		uint64_t stamp, const uint8_t *command, size_t len);
/*
 * Publish, oldest first. What the bus has no room for stays; true if that is
 * so. What it refuses otherwise is lost like what the air does not carry: the
 * client's timer runs.
 */
bool outbox_send(struct outbox *o, const struct bus *bus, int qos, bool retain);
/* Forget all after the first n. */
void outbox_cut(struct outbox *o, size_t n);
void outbox_free(struct outbox *o);

#endif
