/*
 * The automation engine: rules that rotate keys by themselves.
 *
 * What it promises (docs/rules.md says it to operators; the tests hold it):
 * - What is due is decided by a pure function of rules, state, events and now
 *   (decide.h); how a run goes on, by another (run.h). This file acts.
 * - Each firing happens once, whatever dies or runs beside: it is one compare
 *   and swap on the rule's state, in the transaction that makes the run. Each
 *   step of a run is one on the run, in the transaction that rotates.
 * - Nothing is forgotten: due times and counters are rows, not timers.
 * - It costs nothing while nothing is due.
 *
 * One thread. Answers live in the arena of the call. Errors: ERR_INVALID names
 * the field and says what would be right; ERR_NOT_FOUND; ERR_CONFLICT when the
 * rule was changed meanwhile; what the fleet gives.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "api/gen/engine.pb-c.h"
#include "base/clock.h"
#include "engine/fleet.h"

struct engine_config {
	int64_t grace_s;      /* grace period of the devices (protocol.md section 1): 3600 */
	int64_t history_keep; /* runs kept, of all rules */
	int64_t look_s;       /* it looks at least so often at its clock, which may step; 0: 60 */
	int64_t risk_limit;   /* percent of devices that a rule may leave behind; 0: no limit */
	int64_t poll_s;       /* looks so often for what others changed, if shared; 0: 5 */
	bool shared;          /* other servers may run the same rules: look for their changes */
};

struct engine;

/* Whoever tells people of runs (tell.h); each may be null. */
struct engine_told {
	/* A run has begun or ended; if its rule wants letters of the end, they are written. */
	void (*run)(void *ctx, const Pb__Rule *rule, const Pb__Run *run);
	/* Can letters go there? Errors as of post_check_webhook and post_check_email. */
	bool (*webhook)(void *ctx, const char *url, struct err *err);
	bool (*email)(void *ctx, const char *address, struct err *err);
	void *ctx;
};

struct engine *engine_new(const struct engine_config *config, const struct fleet *fleet,
			  const struct clock *clock, const struct engine_told *told,
			  void (*wake)(void *ctx), void *wake_ctx, struct err *err);
void engine_free(struct engine *e);

/* Do what is due, a bounded slice. Milliseconds until the next call: 0 at once, -1 never. */
int64_t engine_work(struct engine *e);
/* There are new events: wakes. */
void engine_events(struct engine *e);

bool engine_list(struct engine *e, struct arena *arena, Pb__RulesResponse *out, struct err *err);
bool engine_get(struct engine *e, int32_t id, struct arena *arena, Pb__Rule **out, struct err *err);
bool engine_add(struct engine *e, const Pb__AddRuleRequest *req, struct arena *arena,
		Pb__Rule **out, struct err *err);
bool engine_update(struct engine *e, const Pb__UpdateRuleRequest *req, struct arena *arena,
		   Pb__Rule **out, struct err *err);
bool engine_change(struct engine *e, const Pb__ChangeRuleRequest *req, struct arena *arena,
		   Pb__Rule **out, struct err *err);
bool engine_delete(struct engine *e, int32_t id, struct err *err);
bool engine_run(struct engine *e, int32_t id, bool force, struct arena *arena, Pb__Run **out,
		struct err *err);
bool engine_runs(struct engine *e, const Pb__ListRunsRequest *req, struct arena *arena,
		 Pb__ListRunsResponse *out, struct err *err);
bool engine_schedule(struct engine *e, int32_t id, size_t count, struct arena *arena,
		     Pb__GetScheduleResponse *out, struct err *err);
/* Tell the fleet of an alarm. */
bool engine_alarm(struct engine *e, const char *client, const char *topic, struct err *err);
/* The devices behind a rule, from a sample. */
bool engine_fleet(struct engine *e, int32_t id, struct arena *arena, Pb__GetRuleFleetResponse *out,
		  struct err *err);
/* False, with the reason: it cannot work now. */
bool engine_healthy(const struct engine *e, struct err *err);

#endif
