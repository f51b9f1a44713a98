/*
 * Plaintexts of authentic control messages, one after the other, on one device:
 *   input: mode(1), then each time: seconds after the last(1) | length(1) | plaintext
 * Refused: the state is the same; carried out: it is stored; the tables stay in order.
 */
#include "../src/command.h"
#include "target.h"

static void promise_order(const struct e4_client *c)
{
	promise(c->topics_used <= c->cfg.n_topics && c->peers_used <= c->cfg.n_peers);
	for (uint16_t i = 1; i < c->topics_used; i++)
		promise(memcmp(c->cfg.topics[i - 1].hash, c->cfg.topics[i].hash, 16) < 0);
	for (uint16_t i = 1; i < c->peers_used; i++)
		promise(memcmp(c->cfg.peers[i - 1].id, c->cfg.peers[i].id, 16) < 0);
}

static void promise_receipt(struct device *d)
{
	uint8_t out[400], plain[400];
	struct e4_receipt r;
	size_t len;

	promise(e4_receipt(&d->c, out, sizeof out, &len) == E4_OK);
	promise(e4_receipt_open(&r, plain, d->c.control_key, out, len));
	promise(r.n_topics == d->c.topics_used);
}

static void run(struct device *d, uint64_t stamp, const uint8_t *plain, size_t len)
{
	struct mem_store before;
	uint8_t *exact = malloc(len + 1);
	enum e4_result r;

	memcpy(exact, plain, len);
	fuzz_state_bytes(d, &before);
	r = e4_command_run(&d->c, &stamp, exact, len);
	promise(r == E4_COMMAND || r == E4_REPORT || r >= E4_ERR);
	promise(r == E4_COMMAND || fuzz_state_is(d, &before));
	promise(fuzz_state_is(d, &d->store));
	promise_order(&d->c);
	promise_receipt(d);
	free(before.saved);
	free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct device d;
	uint64_t stamp = FUZZ_NOW;

	if (size < 1 || size > 700)
		return 0;
	fuzz_device(&d, data[0] & 1 ? &e4_mode_pk : &e4_mode_sk);
	for (data++, size--; size >= 2;) {
		size_t len = data[1];

		stamp += (uint64_t)(int64_t)(int8_t)data[0];
		d.now += 7;
		data += 2;
		size -= 2;
		len = len < size ? len : size;
		run(&d, stamp, data, len);
		data += len;
		size -= len;
	}
	promise_stored(&d);
	device_free(&d);
	return 0;
}
