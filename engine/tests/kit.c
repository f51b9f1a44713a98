#include "kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "c2/fleet_core.h"
#include "c2/store/mem.h"
#include "c2/store/pg.h"

/* A failed check of this file would not count in the test: so it ends it. */
static void need(const struct kit *k, bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s\n", what, k->err.text);
	abort();
}

#define NEED(k, ok) need((k), (ok), #ok)

/* --- custody: bound to nothing, since no test here is about it ----------------------------------
 */

static bool seal(void *ctx, struct sealed *out, enum custody_purpose purpose, const uint8_t *row,
		 size_t row_len, const uint8_t *key, size_t len, struct err *err)
{
	(void)ctx, (void)purpose, (void)row, (void)row_len, (void)err;
	memset(out->bytes, 0xaa, sizeof out->bytes);
	memcpy(out->bytes, key, len);
	out->len = (uint8_t)(len + 16);
	return true;
}

static bool open_key(void *ctx, uint8_t *key, size_t len, enum custody_purpose purpose,
		     const uint8_t *row, size_t row_len, const struct sealed *in, struct err *err)
{
	(void)ctx, (void)purpose, (void)row, (void)row_len, (void)err;
	memcpy(key, in->bytes, len);
	return true;
}

static bool check_custody(void *ctx, struct err *err)
{
	(void)ctx, (void)err;
	return true;
}

static void close_custody(void *ctx)
{
	(void)ctx;
}

/* --- a fleet that can die -------------------------------------------------------------------- */

static bool died(struct server *s, struct err *err)
{
	s->kit->n_deaths += !s->dead;
	s->dead = true;
	s->die_at = 0;
	s->up_at_ms = s->kit->clock_state.mono_ms + s->down_s * 1000;
	return err_set(err, ERR_STORE, "the process is gone");
}

static bool is_gone(struct server *s, struct err *err)
{
	return s->dead && !err_set(err, ERR_STORE, "the process is gone");
}

static bool commit(void *ctx, struct fleet_txn *txn, int64_t *recipients, size_t *bad,
		   struct err *err)
{
	struct server *s = ctx;
	bool dies = !s->dead && ++s->n_commits >= s->die_at && s->die_at;

	*bad = txn->n_ops;
	if (is_gone(s, err) || (dies && !s->die_late))
		return died(s, err);
	if (txn->n_ops && s->fail_ops)
		return err_set(err, s->fail_ops, "the test says no");
	if (!s->fleet.ops->commit(s->fleet.ctx, txn, recipients, bad, err))
		return false;
	return !dies || died(s, err);
}

#define PASS(name, params, ...)                                                                    \
	static bool name params                                                                    \
	{                                                                                          \
		struct server *s = ctx;                                                            \
                                                                                                   \
		return !is_gone(s, err) && s->fleet.ops->name(s->fleet.ctx, __VA_ARGS__);          \
	}

PASS(record,
     (void *ctx, int32_t kind, int64_t id, struct arena *arena, struct fleet_record *out,
      struct err *err),
     kind, id, arena, out, err)
PASS(records,
     (void *ctx, int32_t kind, int64_t owner, int64_t after, size_t limit, bool newest_first,
      struct arena *arena, struct fleet_record **out, size_t *n, struct err *err),
     kind, owner, after, limit, newest_first, arena, out, n, err)
PASS(events,
     (void *ctx, int64_t after, size_t limit, struct arena *arena, struct fleet_events *out,
      struct err *err),
     after, limit, arena, out, err)
PASS(alarm, (void *ctx, const char *source, const char *target, struct err *err), source, target,
     err)
PASS(revision, (void *ctx, int64_t *rev, struct err *err), rev, err)
PASS(find,
     (void *ctx, enum fleet_kind kind, const char *name, struct arena *arena,
      struct fleet_target *out, bool *found, struct err *err),
     kind, name, arena, out, found, err)
PASS(tags,
     (void *ctx, const char *client, struct arena *arena, const char ***out, size_t *n,
      struct err *err),
     client, arena, out, n, err)
PASS(search,
     (void *ctx, const struct fleet_search *search, struct arena *arena, struct fleet_found *out,
      struct err *err),
     search, arena, out, err)
PASS(progress,
     (void *ctx, enum fleet_kind kind, const char *name, int64_t *devices, int64_t *confirmed,
      struct err *err),
     kind, name, devices, confirmed, err)
PASS(devices,
     (void *ctx, enum fleet_kind kind, const char *name, size_t limit, struct arena *arena,
      struct fleet_device **out, size_t *n, int64_t *topics, struct err *err),
     kind, name, limit, arena, out, n, topics, err)

static const struct fleet_ops ops = {.commit = commit,
				     .record = record,
				     .records = records,
				     .events = events,
				     .alarm = alarm,
				     .revision = revision,
				     .find = find,
				     .tags = tags,
				     .search = search,
				     .progress = progress,
				     .devices = devices};

/* --- servers --------------------------------------------------------------------------------- */

static void core_woken(void *ctx)
{
	(void)ctx;
}

static void on_event(void *ctx, const struct store_event *event)
{
	struct server *s = ctx;

	(void)event;
	if (s->engine)
		engine_events(s->engine);
}

static void on_run(void *ctx, const Pb__Rule *rule, const Pb__Run *run)
{
	struct server *s = ctx;

	(void)rule;
	s->n_begun += run->state == PB__RUN_STATE__RUN_WORKING;
	s->n_ended += run->state != PB__RUN_STATE__RUN_WORKING;
	s->last_state = run->state;
}

static void server_start(struct server *s)
{
	struct kit *k = s->kit;
	const struct core_config config = {.mode = CORE_SYMKEY,
					   .receipt_wait_s = 10,
					   .retry_max_s = 3600,
					   .events_keep = 10000,
					   .shared = k->n_servers > 1};
	const struct fleet fleet = {&ops, s};
	const struct engine_told told = {.run = on_run, .ctx = s};

	s->dead = false;
	if (k->url &&
	    !store_pg_open(&s->store, &(struct store_pg_config){.url = k->url}, &k->err)) {
		fprintf(stderr, "%s\n", k->err.text);
		abort();
	}
	s->core = core_new(&config, k->url ? &s->store : &k->store, &k->custody, &k->clock,
			   core_woken, s, &k->err);
	if (!s->core)
		abort();
	s->fleet = fleet_of_core(s->core);
	s->engine = engine_new(&k->config, &fleet, &k->clock, &told, core_woken, s, &k->err);
	if (!s->engine || !core_listen(s->core, -1, on_event, s, &k->err))
		abort();
}

static void server_stop(struct server *s)
{
	engine_free(s->engine);
	s->engine = 0;
	core_free(s->core);
	if (s->store.ops)
		s->store.ops->close(s->store.ctx);
	s->store.ops = 0;
}

void server_restart(struct server *s)
{
	server_stop(s);
	server_start(s);
}

static void open_kit(struct kit *k, size_t n_servers, const char *url)
{
	static const struct custody_ops custody = {
		.seal = seal, .open = open_key, .check = check_custody, .close = close_custody};

	*k = (struct kit){.n_servers = n_servers,
			  .url = url,
			  .custody = {&custody, 0},
			  .config = {.grace_s = 3600,
				     .history_keep = 100000,
				     .look_s = INT32_MAX,
				     .poll_s = url ? 60 : 0,
				     .shared = n_servers > 1}};
	k->clock_state.wall_ms = (int64_t)KIT_START * 1000;
	k->clock_state.mono_ms = 1;
	k->clock = clock_of_manual(&k->clock_state);
	if (!url)
		store_mem_open(&k->store);
	for (size_t i = 0; i < n_servers; i++) {
		k->servers[i].kit = k;
		server_start(&k->servers[i]);
	}
}

void kit_open(struct kit *k, size_t n_servers)
{
	open_kit(k, n_servers, 0);
}

void kit_open_pg(struct kit *k, size_t n_servers, const char *url)
{
	open_kit(k, n_servers, url);
}

void kit_close(struct kit *k)
{
	for (size_t i = 0; i < k->n_servers; i++)
		server_stop(&k->servers[i]);
	if (!k->url)
		k->store.ops->close(k->store.ctx);
	arena_free(&k->arena);
}

void server_work(struct server *s)
{
	if (!s->dead) {
		core_work(s->core, 64);
		s->wait_ms = engine_work(s->engine);
	}
	if (!s->dead)
		return;
	s->wait_ms = s->up_at_ms - s->kit->clock_state.mono_ms;
	if (s->wait_ms > 0)
		return;
	server_restart(s);
	s->wait_ms = 0;
}

/* Until all have something to wait for. */
void kit_settle(struct kit *k)
{
	for (int i = 0; i < 100000; i++) {
		bool idle = true;

		for (size_t j = 0; j < k->n_servers; j++) {
			struct server *s = &k->servers[((k->turn >> 16) + j) % k->n_servers];

			server_work(s);
			idle &= s->wait_ms != 0;
		}
		k->turn = k->turn * 1103515245 + 12345;
		if (idle)
			return;
	}
	NEED(k, false);
}

void kit_run(struct kit *k, int64_t seconds)
{
	int64_t end = k->clock_state.wall_ms + seconds * 1000;

	for (;;) {
		int64_t step = end - k->clock_state.wall_ms;

		kit_settle(k);
		if (step <= 0)
			return;
		for (size_t i = 0; i < k->n_servers; i++)
			if (k->servers[i].wait_ms >= 0 && k->servers[i].wait_ms < step)
				step = k->servers[i].wait_ms;
		step = step < 1 ? 1 : step;
		k->clock_state.wall_ms += step;
		k->clock_state.mono_ms += step;
	}
}

void kit_step_clock(struct kit *k, int64_t seconds)
{
	k->clock_state.wall_ms += seconds * 1000;
}

/* --- the fleet ------------------------------------------------------------------------------- */

void kit_topic(struct kit *k, const char *name)
{
	NEED(k, core_topic_new(k->servers[0].core, name, 0, &k->err));
}

void kit_client(struct kit *k, const char *name)
{
	static const uint8_t key[32] = {1};

	NEED(k, core_client_new(k->servers[0].core, name, key, sizeof key, 0, &k->err));
}

void kit_attach(struct kit *k, const char *client, const char *topic)
{
	NEED(k, core_attach(k->servers[0].core, client, topic, 0, &k->err));
}

int64_t kit_topic_rev(struct kit *k, const char *name)
{
	struct core_topic_facts f;

	return core_topic_facts(k->servers[0].core, name, &f, &k->err) ? f.revision : 0;
}

int64_t kit_rotated_at(struct kit *k, const char *name)
{
	struct core_topic_facts f;

	return core_topic_facts(k->servers[0].core, name, &f, &k->err) ? f.rotated_at : 0;
}

/* --- rules
 * -----------------------------------------------------------------------------------------------
 */

static char *copy(struct kit *k, const char *text)
{
	return arena_copy(&k->arena, text, strlen(text));
}

Pb__Trigger *trigger(struct kit *k, Pb__TriggerType type, const char *settings)
{
	Pb__Trigger *t = arena_alloc(&k->arena, sizeof *t);

	pb__trigger__init(t);
	t->type = type;
	t->settings.data = (uint8_t *)copy(k, settings);
	t->settings.len = strlen(settings);
	return t;
}

Pb__Target *target(struct kit *k, Pb__TargetType type, const char *expr)
{
	Pb__Target *t = arena_alloc(&k->arena, sizeof *t);

	pb__target__init(t);
	t->type = type;
	t->expr = copy(k, expr);
	return t;
}

Pb__AddRuleRequest *request(struct kit *k, Pb__Trigger *a, Pb__Trigger *b, Pb__Target *t)
{
	Pb__AddRuleRequest *req = arena_alloc(&k->arena, sizeof *req);

	pb__add_rule_request__init(req);
	req->description = copy(k, "a rule of the test");
	req->action = PB__ACTION_TYPE__KEY_ROTATION;
	req->options = arena_alloc(&k->arena, sizeof *req->options);
	pb__rule_options__init(req->options);
	req->triggers = arena_alloc(&k->arena, 2 * sizeof *req->triggers);
	req->targets = arena_alloc(&k->arena, sizeof *req->targets);
	if (a)
		req->triggers[req->n_triggers++] = a;
	if (b)
		req->triggers[req->n_triggers++] = b;
	if (t)
		req->targets[req->n_targets++] = t;
	return req;
}

int32_t kit_add(struct kit *k, Pb__AddRuleRequest *req)
{
	Pb__Rule *rule;

	if (engine_add(k->servers[0].engine, req, &k->arena, &rule, &k->err))
		return rule->id;
	NEED(k, false);
	return 0;
}

int32_t kit_cron(struct kit *k, const char *expr, const char *topic)
{
	char settings[128];

	snprintf(settings, sizeof settings, "{\"expr\": \"%s\"}", expr);
	return kit_add(k, request(k, trigger(k, PB__TRIGGER_TYPE__TIME_INTERVAL, settings), 0,
				  target(k, PB__TARGET_TYPE__TOPIC, topic)));
}

Pb__Rule *kit_rule(struct kit *k, int32_t id)
{
	Pb__Rule *rule = 0;

	NEED(k, engine_get(k->servers[0].engine, id, &k->arena, &rule, &k->err));
	return rule;
}

static Pb__ListRunsResponse runs(struct kit *k, int32_t id, int64_t limit)
{
	Pb__ListRunsRequest req = PB__LIST_RUNS_REQUEST__INIT;
	Pb__ListRunsResponse resp = PB__LIST_RUNS_RESPONSE__INIT;

	req.ruleid = id;
	req.limit = limit;
	NEED(k, engine_runs(k->servers[0].engine, &req, &k->arena, &resp, &k->err));
	return resp;
}

Pb__Run *kit_last_run(struct kit *k, int32_t id)
{
	Pb__ListRunsResponse resp = runs(k, id, 1);

	return resp.n_runs ? resp.runs[0] : 0;
}

size_t kit_n_runs(struct kit *k, int32_t id)
{
	return runs(k, id, 1000).n_runs;
}
