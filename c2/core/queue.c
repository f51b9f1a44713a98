#include "c2/core/queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

bool queue_push(struct queue *q, const uint8_t id[16], const uint8_t *bytes, size_t len)
{
	struct queue_message *m;

	if (q->n == QUEUE_MESSAGES || len > QUEUE_BYTES - q->bytes)
		return false;
	m = &q->ring[(q->head + q->n) % QUEUE_MESSAGES];
	memcpy(m->id, id, 16);
	m->len = len;
	m->bytes = mem_alloc(len + 1);
	memcpy(m->bytes, bytes, len);
	q->n++;
	q->bytes += len;
	return true;
}

bool queue_pop(struct queue *q, struct queue_message *out)
{
	if (q->n == 0)
		return false;
	*out = q->ring[q->head];
	q->head = (q->head + 1) % QUEUE_MESSAGES;
	q->n--;
	q->bytes -= out->len;
	return true;
}

void queue_clear(struct queue *q)
{
	struct queue_message m;

	while (queue_pop(q, &m))
		free(m.bytes);
}
