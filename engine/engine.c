#include "engine/engine_inner.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

enum { RETRY_FIRST_MS = 1000, RETRY_MAX_MS = 60000 };

struct engine *engine_new(const struct engine_config *config, const struct fleet *fleet,
			  const struct clock *clock, const struct engine_told *told,
			  void (*wake)(void *ctx), void *wake_ctx, struct err *err)
{
	struct engine *e = mem_alloc(sizeof *e);

	*e = (struct engine){.cfg = *config,
			     .fleet = *fleet,
			     .clock = *clock,
			     .wake = wake,
			     .wake_ctx = wake_ctx};
	if (!e->cfg.look_s)
		e->cfg.look_s = LOOK_S;
	if (!e->cfg.poll_s)
		e->cfg.poll_s = POLL_S;
	if (told)
		e->told = *told;
	if (engine_load(e, err))
		return e;
	engine_free(e);
	return 0;
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	engine_unload(e);
	free(e);
}

void engine_events(struct engine *e)
{
	e->events = true;
	if (e->wake)
		e->wake(e->wake_ctx);
}

bool engine_alarm(struct engine *e, const char *client, const char *topic, struct err *err)
{
	return FLEET(e, alarm, client, topic, err);
}

bool engine_healthy(const struct engine *e, struct err *err)
{
	if (!e->retry_at_ms)
		return true;
	*err = e->trouble;
	return false;
}

/* --- what the other files need --------------------------------------------------------------- */

bool engine_late(const struct engine *e, int64_t began_ms, int64_t ms)
{
	return engine_mono(e) - began_ms >= ms;
}

bool engine_commit(struct engine *e, struct fleet_txn *txn, size_t *bad, struct err *err)
{
	size_t ignored;
	int64_t recipients;

	return FLEET(e, commit, txn, &recipients, bad ? bad : &ignored, err);
}

void tell_run(struct engine *e, const Pb__Rule *rule, const Engine__StoredRun *run, int64_t id)
{
	run->run->id = id;
	if (e->told.run)
		e->told.run(e->told.ctx, rule, run->run);
}

/* --- work ------------------------------------------------------------------------------------ */

/* A clock that stepped back: what waits for a time that is far off now must not wait for it. */
static void look_at_clock(struct engine *e)
{
	int64_t now = engine_now(e);
	bool back = now < e->clock_seen;

	e->clock_seen = now;
	if (!back)
		return;
	for (size_t i = 0; i < e->n; i++) {
		e->entries[i]->stale = e->any_stale = true;
		e->entries[i]->run_version = 0; /* how long it waits is counted anew, too */
	}
}

static bool poll(struct engine *e, struct err *err)
{
	if (!e->cfg.shared || engine_mono(e) < e->poll_at_ms)
		return true;
	e->poll_at_ms = engine_mono(e) + e->cfg.poll_s * 1000;
	return engine_poll(e, err);
}

static bool handle_events(struct engine *e, int64_t began_ms, struct err *err)
{
	bool more = e->events;

	while (more && !e->any_stale && !engine_late(e, began_ms, SLICE_MS))
		if (!consume_events(e, &more, err))
			return false;
	e->events = more;
	return true;
}

static bool is_due(const struct engine *e)
{
	return e->n_heap && e->heap[0]->at <= engine_now(e);
}

/* One thing that is due. */
static bool do_next(struct engine *e, struct err *err)
{
	struct entry *en = e->heap[0];

	return en->running && en->run_at <= engine_now(e) ? step_run(e, en, err) : fire_due(e, err);
}

static bool work(struct engine *e, struct err *err)
{
	int64_t began_ms = engine_mono(e);
	bool ok;

	look_at_clock(e);
	ok = poll(e, err) && refresh_stale(e, false, err);
	if (!ok || e->any_stale)
		return ok;
	ok = handle_events(e, began_ms, err);
	while (ok && !e->any_stale && is_due(e)) {
		ok = do_next(e, err);
		if (engine_late(e, began_ms, SLICE_MS))
			break;
	}
	return ok;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < 0 || b < a ? b : a;
}

/* Milliseconds until something is to be done. */
static int64_t wait_of(const struct engine *e)
{
	int64_t wait = -1, now_ms = e->clock.wall_ms(e->clock.ctx), left;

	if (e->events || e->any_stale)
		return 0;
	if (e->n_heap) {
		left = e->heap[0]->at - now_ms / 1000;
		wait = left > e->cfg.look_s ? e->cfg.look_s * 1000 : left * 1000 - now_ms % 1000;
		wait = wait < 0 ? 0 : wait;
	}
	if (e->cfg.shared) {
		left = e->poll_at_ms - engine_mono(e);
		wait = earlier(wait, left < 0 ? 0 : left);
	}
	return wait;
}

static void note_trouble(struct engine *e, const struct err *err)
{
	if (!e->retry_wait_ms)
		log_write(LOG_ERROR, "the automation waits", LOG_STR("reason", err->text));
	e->trouble = *err;
	e->retry_wait_ms = e->retry_wait_ms ? 2 * e->retry_wait_ms : RETRY_FIRST_MS;
	if (e->retry_wait_ms > RETRY_MAX_MS)
		e->retry_wait_ms = RETRY_MAX_MS;
	e->retry_at_ms = engine_mono(e) + e->retry_wait_ms;
}

int64_t engine_work(struct engine *e)
{
	int64_t left = e->retry_at_ms - engine_mono(e);
	struct err err;

	if (e->retry_at_ms && left > 0)
		return left;
	if (!work(e, &err)) {
		note_trouble(e, &err);
		return e->retry_wait_ms;
	}
	if (e->retry_wait_ms)
		log_write(LOG_INFO, "the automation goes on");
	e->retry_at_ms = e->retry_wait_ms = 0;
	return wait_of(e);
}
