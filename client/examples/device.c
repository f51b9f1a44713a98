/*
 * The skeleton of a device under a key server. Nothing here knows an operating
 * system: fill in struct board for yours (flash, clock, radio), call
 * device_start() once, device_connected() after each connect, and give every
 * message that arrives to device_receive().
 *
 * At the bottom, a board that is a few arrays, and a key server of four lines,
 * show a whole life: first start, a topic key, a report, a restart.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "e4/e4.h"

#define N_TOPICS 8
#define MESSAGE_MAX 256

struct board {
	struct e4_store store;
	e4_now_fn *now;
	void *ctx;
	void (*publish)(void *ctx, const char *topic, const uint8_t *message, size_t len);
	void (*show)(void *ctx, const char *topic, const uint8_t *text, size_t len);
};

struct device {
	const struct board *board;
	struct e4_client client;
	struct e4_topic_key topics[N_TOPICS];
	struct e4_seen sent[2]; /* two equal readings in one second stay two messages */
	char receipt_topic[E4_RECEIPT_TOPIC_LEN + 1];
	uint8_t buffer[MESSAGE_MAX];
};

/* id and key are what the device was made with; they count only at the very first start. */
static enum e4_result device_start(struct device *d, const struct board *board,
				   const uint8_t id[16], const uint8_t key[32])
{
	struct e4_config cfg = {
		.mode = &e4_mode_sk,
		.topics = d->topics,
		.n_topics = N_TOPICS,
		.sent = d->sent,
		.n_sent = 2,
		.store = board->store,
		.now = board->now,
		.now_ctx = board->ctx,
		.clock = board->now ? E4_CLOCK_RELIABLE : E4_CLOCK_NONE,
		.future_s = E4_FUTURE_S,
		.grace_s = E4_GRACE_S,
	};
	enum e4_result r = e4_init(&d->client, &cfg);

	d->board = board;
	if (r == E4_OK)
		r = e4_load(&d->client);
	if (r == E4_ERR_NO_STATE)
		r = e4_provision_sk(&d->client, id, key);
	if (r == E4_OK)
		e4_client_receipt_topic(&d->client, d->receipt_topic);
	return r;
}

static void device_connected(struct device *d)
{
	size_t len;

	if (e4_announce(&d->client, d->buffer, sizeof d->buffer, &len) == E4_OK)
		d->board->publish(d->board->ctx, d->receipt_topic, d->buffer, len);
}

static enum e4_result device_send(struct device *d, const char *topic, const char *text)
{
	struct e4_topic t; /* a device with few topics keeps these */
	size_t len;
	enum e4_result r = e4_topic_init(&t, &d->client, topic, strlen(topic));

	if (r == E4_OK)
		r = e4_protect(&d->client, &t, d->buffer, sizeof d->buffer, &len,
			       (const uint8_t *)text, strlen(text));
	if (r == E4_OK)
		d->board->publish(d->board->ctx, topic, d->buffer, len);
	return r;
}

static enum e4_result device_receive(struct device *d, const char *topic, const uint8_t *message,
				     size_t message_len)
{
	struct e4_topic t;
	size_t len;
	enum e4_result r = e4_topic_init(&t, &d->client, topic, strlen(topic));

	if (r == E4_OK)
		r = e4_unprotect(&d->client, &t, d->buffer, sizeof d->buffer, &len, message,
				 message_len);
	if (r == E4_OK)
		d->board->show(d->board->ctx, topic, d->buffer, len);
	if (r == E4_REPORT && e4_receipt(&d->client, d->buffer, sizeof d->buffer, &len) == E4_OK)
		d->board->publish(d->board->ctx, d->receipt_topic, d->buffer, len);
	return r; /* errors are for the log; nothing has changed */
}

/* --- A board for a desk --------------------------------------------------------- */

struct desk {
	uint8_t flash[2][2048]; /* two pages: the new state is whole before it counts */
	size_t len[2], at;
	int page; /* the one that counts; -1: none */
	uint8_t air[MESSAGE_MAX];
	size_t air_len;
	int shown;
};

static bool save_begin(void *ctx, size_t len)
{
	struct desk *desk = ctx;

	desk->at = 0;
	return len <= sizeof desk->flash[0];
}

static bool save_write(void *ctx, const void *bytes, size_t len)
{
	struct desk *desk = ctx;

	memcpy(desk->flash[desk->page != 1] + desk->at, bytes, len);
	desk->at += len;
	return true;
}

static bool save_commit(void *ctx)
{
	struct desk *desk = ctx;
	int old = desk->page, new_page = old != 1;

	desk->len[new_page] = desk->at;
	desk->page = new_page; /* on real flash: the one word that is written last */
	if (old >= 0)
		memset(desk->flash[old], 0xff, sizeof desk->flash[old]);
	return true;
}

static bool load_begin(void *ctx, size_t *len)
{
	struct desk *desk = ctx;

	desk->at = 0;
	*len = desk->page < 0 ? 0 : desk->len[desk->page];
	return desk->page >= 0;
}

static bool load_read(void *ctx, void *out, size_t len)
{
	struct desk *desk = ctx;

	memcpy(out, desk->flash[desk->page] + desk->at, len);
	desk->at += len;
	return true;
}

static bool now(void *ctx, uint64_t *seconds)
{
	(void)ctx;
	*seconds = 1700000000;
	return true;
}

static void publish(void *ctx, const char *topic, const uint8_t *message, size_t len)
{
	struct desk *desk = ctx;

	printf("%s: %zu bytes\n", topic, len);
	memcpy(desk->air, message, len);
	desk->air_len = len;
}

static void show(void *ctx, const char *topic, const uint8_t *text, size_t len)
{
	struct desk *desk = ctx;

	printf("%s: \"%.*s\"\n", topic, (int)len, (const char *)text);
	desk->shown++;
}

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s\n", what);
	exit(1);
}

int main(void)
{
	static const uint8_t id[16] = {1}, key[32] = {2}, topic_key[32] = {3}, nonce[16] = {4};
	struct desk desk = {.page = -1};
	struct board board = {
		.store = {&desk, save_begin, save_write, save_commit, load_begin, load_read},
		.now = now,
		.ctx = &desk,
		.publish = publish,
		.show = show};
	static struct device d;
	uint8_t plain[E4_COMMAND_MAX], message[MESSAGE_MAX], hash[16];
	char control[E4_CONTROL_TOPIC_LEN + 1];
	struct e4_receipt r;
	size_t len;

	must(device_start(&d, &board, id, key) == E4_OK, "the first start");
	device_connected(&d);
	/* The key server gives it a topic, and asks what it holds. */
	e4_control_topic(control, id);
	e4_topic_hash(hash, "greenhouse/3", 12);
	len = e4_encode_set_topic_key(plain, topic_key, hash);
	e4_message_seal(message, key, 1700000000, plain, len);
	must(device_receive(&d, control, message, len + E4_OVERHEAD_SK) == E4_COMMAND,
	     "the command");
	len = e4_encode_report_state(plain, nonce, E4_REPORT_ENTRIES);
	e4_message_seal(message, key, 1700000000, plain, len);
	must(device_receive(&d, control, message, len + E4_OVERHEAD_SK) == E4_REPORT, "the report");
	must(e4_receipt_open(&r, message, key, desk.air, desk.air_len) && r.n_topics == 1,
	     "the receipt");
	/* The power goes. */
	memset(&d, 0, sizeof d);
	must(device_start(&d, &board, id, key) == E4_OK, "the restart");
	must(device_send(&d, "greenhouse/3", "21.5 C") == E4_OK, "sending");
	must(device_receive(&d, "greenhouse/3", desk.air, desk.air_len) == E4_OK, "receiving");
	must(desk.shown == 1, "showing");
	return 0;
}
