#include "fleet.h"

#include <stdio.h>

size_t fleet_published;
static struct bus_ops counted_ops;
static const struct bus_ops *real_ops;

static bool counted_publish(void *ctx, const char *topic, const uint8_t *payload, size_t len,
			    int qos, bool retain, struct err *err)
{
	bool ok = real_ops->publish(ctx, topic, payload, len, qos, retain, err);

	fleet_published += ok;
	return ok;
}

void fleet_count(struct kit *k, const struct bus *bus)
{
	struct bus counted = {&counted_ops, bus->ctx};

	real_ops = bus->ops;
	counted_ops = *real_ops;
	counted_ops.publish = counted_publish;
	CHECK(core_set_bus(k->core, &counted, 0));
}

static void told(void *ctx, const struct err *err)
{
	(void)ctx;
	CHECK(!err);
}

static void name_of(char out[16], char kind, int i)
{
	snprintf(out, 16, "%c%d", kind, i);
}

void fleet_topics(struct kit *k, int topics)
{
	char topic[16];

	for (int i = 0; i < topics; i++) {
		name_of(topic, 't', i);
		CHECK(core_topic_new(k->core, topic, 0, 0));
	}
	core_work(k->core, 0);
}

static void client_new(struct kit *k, const char *name, int topics)
{
	bool pubkey = k->config.mode == CORE_PUBKEY;
	uint8_t secret[64];
	char topic[16];

	random_bytes(secret, 32);
	if (pubkey)
		e4_ed25519_keypair(secret, secret);
	CHECK(core_client_new(k->core, name, pubkey ? secret + 32 : secret, 32, 0, 0));
	for (int j = 0; j < topics; j++) {
		name_of(topic, 't', j);
		CHECK(core_attach(k->core, name, topic, 0, 0));
	}
}

void fleet_new(struct kit *k, int devices, int topics)
{
	char name[16];

	core_group(k->core, told, 0);
	fleet_topics(k, topics);
	for (int i = 0; i < devices; i++) {
		name_of(name, 'c', i);
		client_new(k, name, topics);
		if (i % 256 == 255)
			core_work(k->core, 0);
	}
	core_work(k->core, 0);
}

void fleet_confirm(struct kit *k)
{
	const struct store *st = &k->real_store;
	struct client_list list = {0};
	int64_t after = 0, revision;

	CHECK(st->ops->revision(st->ctx, &revision, 0) && st->ops->begin(st->ctx, 0));
	do {
		list.n = 0;
		CHECK(st->ops->clients_after(st->ctx, after, CORE_PAGE, client_list_add, &list, 0));
		for (size_t i = 0; i < list.n; i++) {
			struct store_client *row = &list.rows[i];

			after = row->id;
			row->confirmed_rev = row->sent_rev = revision;
			row->last_seen = core_now(k->core);
			row->next_at = row->asked_at = row->attempts = 0;
			row->reason = 0;
		}
		CHECK(st->ops->clients_state(st->ctx, list.rows, list.n, 0));
	} while (list.n == CORE_PAGE);
	client_list_free(&list);
	CHECK(st->ops->commit(st->ctx, 0));
	k->clock_state.wall_ms += 5000;
}
