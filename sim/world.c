#include "sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "c2/core/internal.h"
#include "c2/store/mem.h"
#include "c2/store/sqlite.h"

/* --- custody: sealed under a key of the seed, bound to purpose and row --------------------- */

static size_t bind(uint8_t ad[1 + CUSTODY_ROW_MAX], enum custody_purpose purpose,
		   const uint8_t *row, size_t row_len)
{
	ad[0] = (uint8_t)purpose;
	memcpy(ad + 1, row, row_len);
	return row_len + 1;
}

static bool sim_seal(void *ctx, struct sealed *out, enum custody_purpose purpose,
		     const uint8_t *row, size_t row_len, const uint8_t *key, size_t len,
		     struct err *err)
{
	struct world *w = ctx;
	uint8_t ad[1 + CUSTODY_ROW_MAX];
	size_t ad_len = bind(ad, purpose, row, row_len);

	(void)err;
	out->len = (uint8_t)(len + E4_SIV_TAG_LEN);
	e4_siv_seal(&w->master, out->bytes, ad, ad_len, key, len);
	return true;
}

static bool sim_open(void *ctx, uint8_t *key, size_t len, enum custody_purpose purpose,
		     const uint8_t *row, size_t row_len, const struct sealed *in, struct err *err)
{
	struct world *w = ctx;
	uint8_t ad[1 + CUSTODY_ROW_MAX];
	size_t ad_len = bind(ad, purpose, row, row_len);

	if (in->len == len + E4_SIV_TAG_LEN &&
	    e4_siv_open(&w->master, key, ad, ad_len, in->bytes, in->len))
		return true;
	return err_set(err, ERR_CUSTODY, "the key was not sealed for this row");
}

static bool sim_check(void *ctx, struct err *err)
{
	(void)ctx, (void)err;
	return true;
}

static void sim_close(void *ctx)
{
	(void)ctx;
}

static const struct custody_ops custody_ops = {sim_seal, sim_open, sim_check, sim_close};

/* --- C2 -------------------------------------------------------------------------------------- */

static int64_t c2_wall(void *ctx)
{
	const struct world *w = ctx;

	return w->now_ms + w->c2_off_ms;
}

static int64_t c2_mono(void *ctx)
{
	return ((const struct world *)ctx)->now_ms;
}

int64_t world_c2_now(const struct world *w)
{
	return (w->now_ms + w->c2_off_ms) / 1000;
}

static void wake(void *ctx)
{
	struct world *w = ctx;

	w->work_at = w->now_ms;
}

static bool open_store(struct world *w, struct err *err)
{
	if (!w->cfg.sqlite)
		store_mem_open(&w->real_store);
	else if (!store_sqlite_open(&w->real_store, w->cfg.sqlite, err))
		return false;
	w->ops = *w->real_store.ops;
	w->store = (struct store){&w->ops, w->real_store.ctx};
	return true;
}

void world_start(struct world *w)
{
	struct bus_handler handler;
	struct err err;

	w->core = core_new(&w->cfg.core, &w->store, &w->custody, &w->clock, wake, w, &err);
	if (!w->core) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
	handler = core_bus_handler(w->core);
	broker_open(w->broker, &w->bus, &handler, w->cfg.window);
	core_set_bus(w->core, &w->bus, &err);
	w->work_at = w->now_ms;
}

void world_crash(struct world *w)
{
	if (!w->core)
		return;
	broker_drop_c2(w->broker);
	core_free(w->core);
	w->core = 0;
	w->real_store.ops->rollback(w->real_store.ctx);
	w->work_at = INT64_MAX;
	w->counts.crashes++;
}

static void deliver(void *ctx, uint32_t device, const uint8_t *bytes, size_t len)
{
	device_receive(((struct world *)ctx)->devices[device], bytes, len);
}

bool world_open(struct world *w, const struct world_config *cfg, const struct world_hooks *hooks,
		struct err *err)
{
	uint8_t key[32];

	memset(w, 0, sizeof *w);
	w->cfg = *cfg;
	if (hooks)
		w->hooks = *hooks;
	prng_seed(&w->prng, cfg->seed);
	sim_random_seed(cfg->seed);
	w->now_ms = (int64_t)SIM_START_S * 1000;
	w->clock = (struct clock){w, c2_wall, c2_mono};
	prng_bytes(&w->prng, key, sizeof key);
	e4_siv_key_init(&w->master, key);
	w->custody = (struct custody){&custody_ops, w};
	if (!open_store(w, err))
		return false;
	w->broker = broker_new(&w->cfg.broker, cfg->core.qos, &w->soon, &w->prng, &w->now_ms,
			       deliver, w);
	if (cfg->core.presence)
		broker_tell_presence(w->broker);
	world_start(w);
	return true;
}

void world_close(struct world *w)
{
	core_free(w->core);
	w->real_store.ops->close(w->real_store.ctx);
	broker_free(w->broker);
	for (uint32_t i = 0; i < w->n_devices; i++)
		device_free(w->devices[i]);
	free(w->devices);
	free(w->page);
	agenda_free(&w->soon);
	agenda_free(&w->later);
}

/* --- time --------------------------------------------------------------------------------------
 */

void world_note(struct world *w, int64_t at_ms, uint32_t kind, uint32_t who)
{
	agenda_add(&w->later, at_ms, kind, who);
}

static void work(struct world *w)
{
	int64_t ms = core_work(w->core, w->cfg.slice);

	w->work_at = ms < 0 ? INT64_MAX : w->now_ms + ms;
}

/* Messages first, so that C2 finds all that came in its millisecond. */
void world_run(struct world *w, int64_t until_ms)
{
	for (;;) {
		int64_t soon = agenda_next_at(&w->soon), later = agenda_next_at(&w->later);
		int64_t at = soon < later ? soon : later;
		struct event e;

		if (w->work_at < at)
			at = w->work_at;
		if (at > until_ms)
			break;
		if (at > w->now_ms)
			w->now_ms = at;
		if (soon == at) {
			e = agenda_pop(&w->soon);
			broker_event(w->broker, &e);
		} else if (later == at) {
			e = agenda_pop(&w->later);
			w->hooks.event(w->hooks.ctx, &e);
		} else {
			work(w);
		}
	}
	if (w->now_ms < until_ms)
		w->now_ms = until_ms;
}
