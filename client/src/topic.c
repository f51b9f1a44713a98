/* Topics by name, and the names that belong to the client itself. */
#include <string.h>

#include "e4/e4.h"

void e4_client_control_topic(const struct e4_client *c, char topic[E4_CONTROL_TOPIC_LEN + 1])
{
	e4_control_topic(topic, c->id);
}

void e4_client_receipt_topic(const struct e4_client *c, char topic[E4_RECEIPT_TOPIC_LEN + 1])
{
	e4_receipt_topic(topic, c->id);
}

/* Only the client's own control topic counts: what others are told is not for us. */
enum e4_result e4_topic_init(struct e4_topic *t, const struct e4_client *c, const char *name,
			     size_t len)
{
	uint8_t id[E4_ID_LEN];
	bool is_receipt;

	memset(t, 0, sizeof *t);
	if (!c->provisioned)
		return E4_ERR_NO_STATE;
	if (e4_control_topic_parse(id, &is_receipt, name, len)) {
		t->control = !is_receipt && memcmp(id, c->id, sizeof id) == 0;
		return t->control ? E4_OK : E4_ERR_PARAM;
	}
	if (!e4_topic_ok(name, len))
		return E4_ERR_PARAM;
	e4_topic_hash(t->hash, name, len);
	return E4_OK;
}
