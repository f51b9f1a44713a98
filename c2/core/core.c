/* The core's life, its bus, its health, and the slice of work. */
#include "c2/core/internal.h"
#include "c2/core/rekey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

/* A wall clock may step while the owner sleeps: look at it at least this often. */
enum { SLEEP_MAX_MS = 60000 };
/* Other servers change the same database and tell nobody: look this often. */
enum { SHARED_LOOK_MS = 500 };
/* After a failure of the database. */
enum { FAILED_MS = 1000 };
/* For a change of the master key to begin. */
enum { LOOK_MS = 1000 };
/* Longest receipt taken: one with entries for 2,700 topics. */
enum { RECEIPT_MAX = 65536 };

static const char *mode_name(int mode)
{
	return mode == CORE_SYMKEY ? "symmetric-key" : "public-key";
}

static bool config_check(const struct core_config *cfg, struct err *err)
{
	if (cfg->mode != CORE_SYMKEY && cfg->mode != CORE_PUBKEY)
		return err_set(err, ERR_CONFIG, "no such crypto mode");
	if (cfg->qos < 0 || cfg->qos > 2)
		return err_set(err, ERR_CONFIG, "QoS is 0, 1 or 2");
	if (cfg->receipt_wait_s < 1 || cfg->retry_max_s < cfg->receipt_wait_s ||
	    cfg->legacy_max_s < 0 || cfg->announce_gap_s < 0 || cfg->events_keep < 0)
		return err_set(err, ERR_CONFIG, "the times of delivery contradict each other");
	return true;
}

/* A database is of one mode for ever: keys of one are none of the other. */
static bool take_mode(struct core *c, struct err *err)
{
	uint8_t mode = (uint8_t)c->cfg.mode, made = 0;
	size_t len = 0;
	bool found = false, ok;

	/* In one transaction: another server may start on the same new database. */
	if (!c->store.ops->begin(c->store.ctx, err))
		return false;
	ok = DB(c, meta_get, "crypto_mode", &made, 1, &len, &found, err);
	if (ok && !found && DB(c, meta_put, "crypto_mode", &mode, 1, err) && DB(c, commit, err))
		return true;
	c->store.ops->rollback(c->store.ctx);
	if (ok && found && (len != 1 || made != mode))
		return err_set(err, ERR_CONFIG,
			       "the database was made in %s mode, the configuration says %s mode",
			       mode_name(made), mode_name(mode));
	return ok && found;
}

struct core *core_new(const struct core_config *config, const struct store *store,
		      const struct custody *custody, const struct clock *clock,
		      void (*wake)(void *ctx), void *wake_ctx, struct err *err)
{
	struct core *c;

	if (!config_check(config, err))
		return 0;
	c = mem_alloc(sizeof *c);
	c->cfg = *config;
	c->cfg.presence = 0;
	if (c->cfg.legacy_max_s < c->cfg.retry_max_s)
		c->cfg.legacy_max_s = c->cfg.retry_max_s;
	c->store = *store;
	c->custody = *custody;
	c->clock = *clock;
	c->wake = wake;
	c->wake_ctx = wake_ctx;
	snprintf(c->bus_why, sizeof c->bus_why, "not connected yet");
	if (presence_parse(&c->presence, config->presence, config->mode == CORE_PUBKEY, err) &&
	    take_mode(c, err) && c2_keys_init(c, err) && clock_load(c, err))
		return c;
	core_free(c);
	return 0;
}

void core_free(struct core *c)
{
	if (!c)
		return;
	if (c->group.n)
		c->store.ops->rollback(c->store.ctx); /* nobody was told that it is done */
	core_ahead(c, 0, 0);
	events_free(c);
	queue_clear(&c->receipts);
	queue_clear(&c->seen);
	outbox_free(&c->outbox);
	c2_keys_wipe(c);
	control_cache_free(&c->controls);
	free(c);
}

void core_wake_group(struct core *c)
{
	if (c->wake && !c->working)
		c->wake(c->wake_ctx);
}

void core_wake(struct core *c)
{
	c->look = true;
	core_wake_group(c);
}

enum core_mode core_crypto_mode(const struct core *c)
{
	return c->cfg.mode;
}

/* --- the bus ---------------------------------------------------------------------------- */

static void on_state(void *ctx, bool up, const char *why)
{
	struct core *c = ctx;

	/* Once for each reason: a broker that stays away is tried for as long as it takes. */
	if (up != c->bus_up || strcmp(c->bus_why, why ? why : "") != 0)
		log_write(up ? LOG_INFO : LOG_WARN, up ? "broker connected" : "broker away",
			  LOG_STR("why", why));
	c->bus_up = up;
	snprintf(c->bus_why, sizeof c->bus_why, "%s", why ? why : "");
	if (up)
		core_wake(c);
	else
		outbox_cut(&c->outbox, 0); /* written as sent: the timers bring it again */
}

/*
 * Only what can be a receipt, or tells of a device, is kept; what it is worth is
 * seen in the next slice of work.
 */
static void on_message(void *ctx, const char *topic, const uint8_t *payload, size_t len)
{
	struct core *c = ctx;
	size_t waiting = c->receipts.n + c->seen.n;
	uint8_t id[E4_ID_LEN];
	bool is_receipt;

	if (e4_control_topic_parse(id, &is_receipt, topic, strlen(topic)) && is_receipt) {
		if (len < E4_OVERHEAD_SK + E4_RECEIPT_FIXED || len > RECEIPT_MAX)
			return;
		queue_push(&c->receipts, id, payload, len);
	} else if (presence_match(&c->presence, topic, payload, len, id)) {
		queue_push(&c->seen, id, payload, 0);
	}
	if (waiting == 0 && c->receipts.n + c->seen.n > 0)
		core_wake(c);
}

static void on_room(void *ctx)
{
	struct core *c = ctx;

	outbox_flush(c);
	if (outbox_room(c) >= OUTBOX_SLICE)
		core_wake(c);
}

struct bus_handler core_bus_handler(struct core *c)
{
	return (struct bus_handler){
		.ctx = c, .on_state = on_state, .on_message = on_message, .on_room = on_room};
}

bool core_set_bus(struct core *c, const struct bus *bus, struct err *err)
{
	c->bus = *bus;
	c->has_bus = true;
	c->bus_up = bus_is_up(bus);
	if (c->bus_up)
		c->bus_why[0] = 0;
	if (!bus_subscribe(bus, "e4/+/receipt", c->cfg.qos, err))
		return false;
	for (size_t i = 0; i < c->presence.n; i++)
		if (!bus_subscribe(bus, c->presence.topics[i].pattern, 0, err))
			return false;
	core_wake(c);
	return true;
}

void core_health(struct core *c, struct core_health *out)
{
	memset(out, 0, sizeof *out);
	out->bus_up = c->bus_up;
	snprintf(out->bus_why, sizeof out->bus_why, "%s", c->bus_why);
	if (c->store.ops->check(c->store.ctx, &out->store))
		out->store.code = ERR_OK;
	if (custody_check(&c->custody, &out->custody))
		out->custody.code = ERR_OK;
	/* Without a broker the server still answers, and loses nothing. */
	out->ok = out->store.code == ERR_OK && out->custody.code == ERR_OK;
}

/* --- work ------------------------------------------------------------------------------- */

/* For the next client that is due, or until somebody wakes: -1. */
static int64_t until_due(struct core *c)
{
	int64_t at = 0, ms;
	struct err err;

	if (c->receipts.n > 0 || c->seen.n > 0)
		return FAILED_MS; /* the database was away */
	if (!c->bus_up)
		return -1; /* on_state wakes */
	if (!DB(c, clients_next_at, &at, &err)) {
		log_write(LOG_ERROR, "delivery waits", LOG_STR("error", err.text));
		return FAILED_MS;
	}
	if (at == 0)
		return -1;
	ms = at * 1000 - c->clock.wall_ms(c->clock.ctx);
	/* Due, but not sent in this slice: no room (on_room wakes), or the database failed. */
	return ms <= 0 ? FAILED_MS : ms > SLEEP_MAX_MS ? SLEEP_MAX_MS : ms;
}

static bool rekey_waits(const struct err *err)
{
	log_write(LOG_WARN, "the change of the master key waits", LOG_STR("error", err->text));
	return false;
}

/* One page of a change of the master key; it may begin and end in another process. */
static bool rekey(struct core *c)
{
	enum custody_state now;
	struct err err;
	bool more;

	if (!custody_state(&c->custody, &now, &err))
		return rekey_waits(&err);
	if (now == CUSTODY_CHANGED && c->custody_now != now)
		log_write(LOG_INFO, "the master key is changed: put custody.next_* in the place of "
				    "the setting that names the previous one, which may go");
	c->custody_now = now;
	if (now != CUSTODY_CHANGING)
		return false;
	return rekey_slice(&c->store, &c->custody, &more, &err) || rekey_waits(&err);
}

/* Another process does not wake us. */
static int64_t look_again(const struct core *c, int64_t ms)
{
	bool look = c->custody_now == CUSTODY_PREPARED || c->custody_now == CUSTODY_CHANGING;

	return look && (ms < 0 || ms > LOOK_MS) ? LOOK_MS : ms;
}

static int64_t until_next(struct core *c)
{
	int64_t ms = until_due(c);

	return c->cfg.shared && (ms < 0 || ms > SHARED_LOOK_MS) ? SHARED_LOOK_MS : ms;
}

/* Changes that concern no device need a commit, but no questions about what is due. */
static bool has_to_look(const struct core *c)
{
	int64_t now = c->clock.wall_ms(c->clock.ctx);

	return c->look || now < c->looked_ms || now >= c->look_ms;
}

static int64_t look(struct core *c, int max_clients)
{
	int64_t wait_ms = 0;
	bool more;

	c->look = false;
	c->fleet_walks |= c->cfg.shared; /* another server may have begun one, and died */
	clock_watch(c);
	more = events_pump(c);
	more |= receive_receipts(c, max_clients);
	more |= walk_topics(c);
	more |= walk_fleet(c);
	more |= deliver_due(c, max_clients);
	more |= count_topics(c);
	more |= rekey(c);
	c->look |= more;
	c->looked_ms = c->clock.wall_ms(c->clock.ctx);
	if (!more)
		wait_ms = look_again(c, until_next(c));
	c->look_ms = c->looked_ms + (wait_ms < 0 ? SLEEP_MAX_MS : wait_ms);
	return wait_ms;
}

int64_t core_work(struct core *c, int max_clients)
{
	bool group = c->group.n > 0;
	int64_t wait_ms;
	struct err err;

	c->working = true;
	group_commit(c, &err); /* who waits for it is told */
	if (group && !has_to_look(c))
		wait_ms = c->look_ms - c->clock.wall_ms(c->clock.ctx);
	else
		wait_ms = look(c, max_clients);
	c->working = false;
	return c->group.n ? 0 : wait_ms;
}
