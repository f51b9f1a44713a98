#include "c2/core/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

void outbox_add(struct outbox *o, const uint8_t id[E4_ID_LEN], const uint8_t control_key[32],
		uint64_t stamp, const uint8_t *command, size_t len)
{
	struct outbox_message *m;

	if (o->at + o->n == o->cap && o->at > 0) {
		memmove(o->messages, o->messages + o->at, o->n * sizeof *o->messages);
		o->at = 0;
	}
	if (o->n == o->cap) {
		o->cap = o->cap ? 2 * o->cap : 64;
		o->messages = mem_resize(o->messages, o->cap, sizeof *o->messages);
	}
	m = &o->messages[o->at + o->n++];
	memcpy(m->id, id, sizeof m->id);
	m->report = len > 0 && command[0] == E4_REPORT_STATE;
	m->len = (uint8_t)(len + E4_OVERHEAD_SK);
	e4_message_seal(m->bytes, control_key, stamp, command, len);
}

bool outbox_send(struct outbox *o, const struct bus *bus, int qos, bool retain)
{
	char topic[E4_CONTROL_TOPIC_LEN + 1];
	size_t refused = 0;
	struct err err;

	for (; o->n > 0; o->at++, o->n--) {
		const struct outbox_message *m = &o->messages[o->at];

		e4_control_topic(topic, m->id);
		if (bus_publish(bus, topic, m->bytes, m->len, qos, retain && !m->report, &err))
			continue;
		if (err.code == ERR_EXHAUSTED)
			break;
		refused++;
	}
	if (refused)
		log_write(LOG_WARN, "the broker did not take all commands; they are sent again",
			  LOG_NUM("refused", (int64_t)refused));
	if (o->n == 0)
		o->at = 0;
	return o->n > 0;
}

void outbox_cut(struct outbox *o, size_t n)
{
	if (n < o->n)
		o->n = n;
}

void outbox_free(struct outbox *o)
{
	free(o->messages);
	*o = (struct outbox){0};
}
