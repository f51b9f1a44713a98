/* Devices: the real library over a simulated clock, store, power and link. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "c2/core/internal.h"
#include "sim/world.h"

/* --- what the library asks for ------------------------------------------------------------ */

static bool now(void *ctx, uint64_t *seconds)
{
	const struct device *d = ctx;
	int64_t s = d->world->now_ms / 1000 + d->off_s;

	*seconds = s > 0 ? (uint64_t)s : 0;
	return true;
}

static bool save_begin(void *ctx, size_t len)
{
	struct world *w = ((struct device *)ctx)->world;

	if (len > w->page_cap) {
		w->page_cap = 2 * len;
		w->page = mem_resize(w->page, w->page_cap, 1);
	}
	w->page_len = 0;
	return true;
}

static bool save_write(void *ctx, const void *bytes, size_t len)
{
	struct world *w = ((struct device *)ctx)->world;

	memcpy(w->page + w->page_len, bytes, len);
	w->page_len += len;
	return true;
}

/* Power that fails in a write leaves the old state or the new one. */
static bool save_commit(void *ctx)
{
	struct device *d = ctx;
	struct world *w = d->world;

	if (d->cut && --d->cut == 0) {
		d->dead = true;
		if (prng_chance(&w->prng, 500000))
			return false;
	}
	if (d->flash_len != w->page_len)
		d->flash = mem_resize(d->flash, w->page_len, 1);
	d->flash_len = (uint32_t)w->page_len;
	memcpy(d->flash, w->page, w->page_len);
	return true;
}

static bool load_begin(void *ctx, size_t *len)
{
	struct device *d = ctx;

	d->world->page_at = 0;
	*len = d->flash_len;
	return d->flash_len > 0;
}

static bool load_read(void *ctx, void *out, size_t len)
{
	struct device *d = ctx;

	if (d->world->page_at + len > d->flash_len)
		return false;
	memcpy(out, d->flash + d->world->page_at, len);
	d->world->page_at += len;
	return true;
}

/* --- life ----------------------------------------------------------------------------------- */

void device_name(const struct device *d, char name[SIM_NAME_MAX])
{
	snprintf(name, SIM_NAME_MAX, "device-%07u", d->number);
}

static void init(struct device *d)
{
	const struct world_config *cfg = &d->world->cfg;
	bool pk = cfg->core.mode == CORE_PUBKEY;
	struct e4_config c = {
		.mode = pk ? &e4_mode_pk : &e4_mode_sk,
		.topics = d->topics,
		.n_topics = cfg->topics_cap,
		.peers = pk ? (struct e4_peer *)(d->topics + cfg->topics_cap) : 0,
		.n_peers = pk ? cfg->peers_cap : 0,
		.store = {d, save_begin, save_write, save_commit, load_begin, load_read},
		.now = now,
		.now_ctx = d,
		.clock = E4_CLOCK_RELIABLE,
		.future_s = E4_FUTURE_S,
		.grace_s = E4_GRACE_S};

	if (d->no_clock)
		c.clock = E4_CLOCK_NONE;
	if (e4_init(&d->client, &c) != E4_OK)
		abort();
}

void device_provision(struct device *d, const char *name)
{
	struct world *w = d->world;
	uint8_t id[16], secret[64], seed[32], c2[32];
	struct err err;
	bool ok;

	e4_id_from_name(id, name, strlen(name));
	random_bytes(seed, sizeof seed);
	if (w->cfg.core.mode == CORE_SYMKEY) {
		ok = e4_provision_sk(&d->client, id, seed) == E4_OK &&
		     core_client_new(w->core, name, seed, 32, 0, &err);
	} else {
		e4_ed25519_keypair(secret, seed);
		ok = core_c2_public_key(w->core, c2, &err) &&
		     e4_provision_pk(&d->client, id, secret, c2) == E4_OK &&
		     core_client_new(w->core, name, secret + 32, 32, 0, &err);
	}
	if (!ok)
		abort();
}

struct device *device_new(struct world *w, const char *name, bool no_clock)
{
	struct device *d = mem_alloc(sizeof *d);
	char topic[E4_CONTROL_TOPIC_LEN + 1], own[SIM_NAME_MAX];
	size_t pk = w->cfg.core.mode == CORE_PUBKEY ? w->cfg.peers_cap * sizeof(struct e4_peer) : 0;

	d->world = w;
	d->number = w->n_devices;
	d->no_clock = no_clock;
	d->topics = mem_alloc(w->cfg.topics_cap * sizeof *d->topics + pk);
	if (!name) {
		device_name(d, own);
		name = own;
	}
	init(d);
	device_provision(d, name);
	broker_add(w->broker, d->client.id);
	e4_client_control_topic(&d->client, topic);
	if (e4_topic_init(&d->control, &d->client, topic, strlen(topic)) != E4_OK)
		abort();
	if (w->n_devices == w->cap_devices) {
		w->cap_devices = w->cap_devices ? 2 * w->cap_devices : 16;
		w->devices = mem_resize(w->devices, w->cap_devices, sizeof *w->devices);
	}
	w->devices[w->n_devices++] = d;
	return d;
}

void device_free(struct device *d)
{
	free(d->topics);
	free(d->flash);
	free(d);
}

void device_power_loss(struct device *d)
{
	device_leave(d);
	d->cut = 0;
	d->dead = false;
	d->world->counts.starts++;
	init(d);
	if (e4_load(&d->client) != E4_OK)
		abort(); /* provisioned, and a write is whole or not at all */
}

/* --- messages -----------------------------------------------------------------------------------
 */

static void send_receipt(struct device *d, bool announce)
{
	uint8_t bytes[4096];
	size_t len;
	enum e4_result r = announce ? e4_announce(&d->client, bytes, sizeof bytes, &len)
				    : e4_receipt(&d->client, bytes, sizeof bytes, &len);

	if (r == E4_OK && !d->legacy && !d->mute)
		broker_publish(d->world->broker, d->number, bytes, len);
}

void device_connect(struct device *d)
{
	broker_connect(d->world->broker, d->number);
	d->online = broker_is_connected(d->world->broker, d->number);
	if (d->online)
		send_receipt(d, true);
}

void device_leave(struct device *d)
{
	broker_disconnect(d->world->broker, d->number);
	d->online = false;
}

/* A deployed device knows commands 0x00 to 0x07 only. */
static bool is_report(const struct device *d, const uint8_t *bytes, size_t len)
{
	uint8_t plain[256];
	uint64_t stamp;

	return len < sizeof plain &&
	       e4_message_open(plain, &stamp, d->client.control_key, bytes, len) &&
	       plain[0] == E4_REPORT_STATE;
}

void device_receive(struct device *d, const uint8_t *bytes, size_t len)
{
	struct world_counts *n = &d->world->counts;
	enum e4_result r;
	size_t out_len;

	if (d->dead)
		return;
	if (d->legacy) {
		d->client.high_water = 0;
		d->client.cfg.future_s = 0;
	}
	if (d->legacy && is_report(d, bytes, len))
		r = E4_ERR_COMMAND;
	else
		r = e4_unprotect(&d->client, &d->control, 0, 0, &out_len, bytes, len);
	n->taken += r == E4_COMMAND;
	n->reports += r == E4_REPORT;
	n->refused += r >= E4_ERR;
	n->too_old += r == E4_ERR_TOO_OLD;
	if (d->dead)
		device_power_loss(d);
	else if (r == E4_REPORT)
		send_receipt(d, false);
	if (d->world->hooks.command)
		d->world->hooks.command(d->world->hooks.ctx, d, r);
}

const struct e4_topic_key *device_key(const struct device *d, const uint8_t hash[16])
{
	for (size_t i = 0; i < d->client.topics_used; i++)
		if (memcmp(d->topics[i].hash, hash, 16) == 0)
			return &d->topics[i];
	return 0;
}
