/* What e4/e4.h writes for the key server, and topics by name. */
#include "client.h"

static uint8_t out[256];

static void receipts(const struct e4_config *cfg, unsigned n_topics, unsigned n_peers, size_t cap)
{
	size_t len;
	uint8_t *to = out + sizeof out - cap;

	make(cfg, n_topics, n_peers);
	if (e4_receipt(&c, to, cap, &len) == E4_OK)
		is_read(to, len);
	if (e4_announce(&c, to, cap, &len) == E4_OK)
		is_read(to, len);
	holds();
}

static void topic(const struct e4_config *cfg, size_t len)
{
	char text[6], *at = text + sizeof text - len;
	struct e4_topic t;

	make(cfg, 1, 1);
	any(text, sizeof text);
	e4_topic_init(&t, &c, at, len);
	is_read(t.hash, sizeof t.hash);
	is_read(&t.slot, sizeof t.slot);
	is_read(&t.control, sizeof t.control);
}

static void own_topics(void)
{
	char control[E4_CONTROL_TOPIC_LEN + 1], receipt[E4_RECEIPT_TOPIC_LEN + 1];
	struct e4_topic t;

	e4_client_control_topic(&c, control);
	is_read(control, sizeof control);
	e4_client_receipt_topic(&c, receipt);
	is_read(receipt, sizeof receipt);
	e4_topic_init(&t, &c, control, sizeof control - 1);
	e4_topic_init(&t, &c, receipt, sizeof receipt - 1);
	e4_overhead(&c);
}

int main(void)
{
	struct e4_config cfg = configuration(E4_CLOCK_RELIABLE, true);

	for (unsigned n = 0; n <= N_TOPICS; n++)
		for (size_t cap = 77; cap <= 78 + 3 * E4_RECEIPT_ENTRY; cap += 6)
			receipts(&cfg, n, n <= N_PEERS ? n : N_PEERS, cap);
	cfg = configuration(E4_CLOCK_NONE, false);
	receipts(&cfg, 1, 1, 150);
	for (size_t len = 0; len <= 6; len++)
		topic(&cfg, len);
	own_topics();
	end();
	return 0;
}
