/*
 * Random changes over a network that loses, repeats, reorders and replays, with
 * retained messages, sessions that are kept or expire, devices that come and go,
 * some of them without receipts, and a server that dies: when it calms down,
 * every device holds exactly what it shall.
 */
#include <stdlib.h>

#include "base/log.h"
#include "kit.h"

enum { DEVICES = 6, TOPICS = 5, STEPS = 120 };

struct chaos {
	struct kit k;
	struct device *d[DEVICES];
	uint32_t state;
	bool calm;
};

static uint32_t rnd(void *ctx)
{
	struct chaos *c = ctx;

	c->state ^= c->state << 13;
	c->state ^= c->state >> 17;
	c->state ^= c->state << 5;
	return c->state;
}

static int fate(void *ctx, const char *topic, const uint8_t *payload, size_t len)
{
	struct chaos *c = ctx;
	uint32_t r = rnd(c) % 100;

	(void)topic, (void)payload, (void)len;
	return c->calm ? 1 : r < 35 ? 0 : r < 55 ? 2 : 1;
}

static const char *topics[TOPICS] = {"t0", "t1", "t2", "t3", "t4"};
static const char *names[DEVICES] = {"d0", "d1", "d2", "d3", "d4", "d5"};

/* Whether it is refused (nothing to detach, too many keys) does not matter here. */
static void change(struct chaos *c)
{
	struct core *core = c->k.core;
	const char *a = names[rnd(c) % DEVICES], *b = names[rnd(c) % DEVICES];
	const char *t = topics[rnd(c) % TOPICS];
	bool pk = c->k.config.mode == CORE_PUBKEY;

	switch (rnd(c) % (pk ? 15 : 10)) {
	case 0:
	case 1:
	case 2:
		core_topic_new(core, t, 0, 0);
		break;
	case 3:
	case 4:
	case 5:
		core_attach(core, a, t, 0, 0);
		break;
	case 6:
		core_detach(core, a, t, CORE_DEFAULT, 0, 0, 0);
		break;
	case 7:
		core_client_new_key(core, a, 0, 0);
		break;
	case 8:
		core_client_reset(core, a, 0, 0);
		break;
	case 9:
		core_topic_remove(core, t, 0, 0);
		break;
	case 10:
		core_pubkey_send(core, a, b, 0, 0);
		break;
	case 11:
		core_pubkey_remove(core, a, b, 0, 0);
		break;
	case 12:
		core_pubkeys_reset(core, a, 0, 0);
		break;
	case 13:
		core_new_c2_key(core, true, 0, 0);
		break;
	case 14:
		core_link(core, a, b, 0);
		break;
	}
}

static void say_present(struct device *d)
{
	char topic[STORE_NAME_MAX + 16];

	snprintf(topic, sizeof topic, "presence/%s", d->name);
	bus_publish(&d->bus, topic, (const uint8_t *)"1", 1, 1, false, 0);
}

static void weather(struct chaos *c)
{
	struct device *d = c->d[rnd(c) % DEVICES];

	switch (rnd(c) % 12) {
	case 0:
	case 1:
	case 2:
		d->online = !d->online;
		if (d->online && rnd(c) % 4 == 0)
			d->n_held = 0; /* its session has expired */
		if (d->online)
			device_resubscribe(d);
		if (d->online && !d->legacy)
			device_announce(d);
		else if (d->online)
			say_present(d);
		break;
	case 3:
		bus_mem_set_up(c->k.hub, false);
		break;
	case 4:
	case 5:
		bus_mem_set_up(c->k.hub, true);
		break;
	case 6:
		kit_crash(&c->k);
		break;
	case 7:
		c->k.clock_state.wall_ms += rnd(c) % 4000000;
		break;
	default:
		break;
	}
}

static void pass_time(struct chaos *c)
{
	for (int i = 0; i < 3; i++) {
		core_work(c->k.core, 1 + (int)(rnd(c) % 8));
		bus_mem_deliver(c->k.hub);
		for (int n = 0; n < DEVICES; n++)
			device_flush(c->d[n], rnd, c);
		c->k.clock_state.wall_ms += rnd(c) % 8000;
	}
}

static void calm_down(struct chaos *c)
{
	c->calm = true;
	bus_mem_set_up(c->k.hub, true);
	bus_mem_deliver(c->k.hub);
	for (int i = 0; i < DEVICES; i++) {
		c->d[i]->shuffle = false;
		c->d[i]->online = true;
		device_resubscribe(c->d[i]);
	}
	/* Not one of them needs to announce itself: the longest pause is enough. */
	kit_run(&c->k, 5 * (int64_t)3600);
}

static void storm(uint32_t seed, enum core_mode mode)
{
	static struct chaos c;
	char label[64];

	memset(&c, 0, sizeof c);
	c.state = seed * 2654435761u + 1;
	kit_open_file(&c.k, mode);
	c.k.config.presence = "presence/{client}";
	c.k.config.retain = seed % 2;
	kit_crash(&c.k);
	bus_mem_set_fate(c.k.hub, fate, &c);
	for (int i = 0; i < DEVICES; i++) {
		c.d[i] = device_new(&c.k, names[i]);
		c.d[i]->shuffle = true;
		c.d[i]->session = i % 2;
		c.d[i]->legacy = i >= DEVICES - 2; /* as those deployed */
	}
	for (int i = 0; i < STEPS; i++) {
		change(&c);
		weather(&c);
		pass_time(&c);
	}
	calm_down(&c);
	for (int i = 0; i < DEVICES; i++) {
		struct core_client_status s = kit_status(&c.k, names[i]);
		/* One of which nothing is wanted is asked a few times only. */
		bool idle = strcmp(s.reason, "waits for the device to announce itself") == 0;
		bool ok = in_sync(&c.k, c.d[i]) ||
			  ((idle || c.d[i]->legacy) && holds_all(&c.k, c.d[i]));

		snprintf(label, sizeof label, "mode %d seed %u device %d: %s", (int)mode, seed, i,
			 s.reason);
		check_result(ok, __FILE__, __LINE__, label);
	}
	for (int i = 0; i < DEVICES; i++)
		device_free(c.d[i]);
	kit_close(&c.k);
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? (int)strtol(argv[1], 0, 10) : 10;

	log_set_level(LOG_ERROR);
	for (int seed = 1; seed <= n; seed++) {
		storm((uint32_t)seed, CORE_SYMKEY);
		storm((uint32_t)seed, CORE_PUBKEY);
	}
	return END();
}
