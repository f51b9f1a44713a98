/*
 * Messages that came from the bus and wait for the next slice of work. Bounded
 * in number and bytes: what does not fit is dropped, and the device is asked
 * again.
 */
#ifndef C2_CORE_QUEUE_H
#define C2_CORE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { QUEUE_MESSAGES = 8192, QUEUE_BYTES = 8 << 20 };

struct queue_message {
	uint8_t id[16];
	size_t len;
	uint8_t *bytes;
};

/* Zero is empty. */
struct queue {
	struct queue_message ring[QUEUE_MESSAGES];
	size_t head, n, bytes;
};

/* Copy a message in; false if it was dropped. */
bool queue_push(struct queue *q, const uint8_t id[16], const uint8_t *bytes, size_t len);
/* The oldest one, which now is the caller's (free(out->bytes)); false if there is none. */
bool queue_pop(struct queue *q, struct queue_message *out);
void queue_clear(struct queue *q);

#endif
