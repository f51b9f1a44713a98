#include "c2/automation.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "c2/fleet_api.h"
#include "c2/fleet_core.h"
#include "engine/post.h"
#include "engine/tell.h"

/* c2ae: between two looks for events of the C2 it works for; the time of one call of it. */
enum { EVENTS_EVERY_MS = 1000, CALL_MS = 10000 };

struct automation {
	struct core *core; /* null in c2ae */
	struct loop_timer *work, *letters, *events;
	struct core_listener *listener;
	struct fleet_api api;
	struct post *post;
	struct tell *tell;
	struct engine *engine;
};

/* --- the loop ------------------------------------------------------------------------------- */

static void on_work(void *ctx)
{
	struct automation *a = ctx;
	int64_t wait_ms;
	struct err err;

	/* What callers changed in this turn is durable first, or undone: rules are read again. */
	if (a->core && !core_commit(a->core, &err))
		log_write(LOG_ERROR, "changes are undone", LOG_STR("reason", err.text));
	wait_ms = engine_work(a->engine);
	if (wait_ms >= 0)
		loop_timer_set(a->work, wait_ms);
}

static void on_wake(void *ctx)
{
	struct automation *a = ctx;

	loop_timer_set(a->work, 0);
}

static void on_letters(void *ctx)
{
	struct automation *a = ctx;
	int64_t wait_ms = tell_work(a->tell);

	if (wait_ms >= 0)
		loop_timer_set(a->letters, wait_ms);
}

static void on_letters_wake(void *ctx)
{
	struct automation *a = ctx;

	loop_timer_set(a->letters, 0);
}

static void on_event(void *ctx, const struct store_event *event)
{
	struct automation *a = ctx;

	(void)event;
	engine_events(a->engine);
}

static void on_events_timer(void *ctx)
{
	struct automation *a = ctx;

	engine_events(a->engine);
	loop_timer_set(a->events, EVENTS_EVERY_MS);
}

/* --- letters --------------------------------------------------------------------------------- */

static void on_run(void *ctx, const Pb__Rule *rule, const Pb__Run *run)
{
	struct automation *a = ctx;

	(void)rule;
	(void)run;
	tell_look(a->tell);
}

static bool on_webhook(void *ctx, const char *url, struct err *err)
{
	struct automation *a = ctx;

	return post_check_webhook(a->post, url, err);
}

static bool on_email(void *ctx, const char *address, struct err *err)
{
	struct automation *a = ctx;

	return post_check_email(a->post, address, err);
}

static struct post_config post_config_of(const struct c2_conf *c)
{
	return (struct post_config){.webhook_secret_file = c->notify_webhook_secret_file,
				    .webhook_allow = c->notify_webhook_allow,
				    .webhook_ca = c->notify_webhook_ca,
				    .smtp_url = c->notify_smtp_url,
				    .smtp_user = c->notify_smtp_user,
				    .smtp_password_file = c->notify_smtp_password_file,
				    .smtp_from = c->notify_smtp_from,
				    .smtp_ca = c->notify_smtp_ca};
}

/* --- opening ---------------------------------------------------------------------------------- */

static struct rpc_config rpc_config_of(const struct c2_conf *c)
{
	static const struct rpc_words words = {"engine.c2", "engine.c2_ca", "engine.c2_token_file",
					       "a faster server"};

	return (struct rpc_config){.endpoint = c->engine_c2,
				   .ca_file = c->engine_c2_ca,
				   .token_file = c->engine_c2_token_file,
				   .timeout_ms = CALL_MS,
				   .words = &words};
}

static bool open_fleet(struct automation *a, struct fleet *out, const struct c2_conf *conf,
		       struct core *core, struct store *store, struct err *err)
{
	const struct rpc_config config = rpc_config_of(conf);

	if (core) {
		*out = fleet_of_core(core);
		return true;
	}
	a->api.store = store;
	*out = fleet_api(&a->api);
	return rpc_open(&a->api.rpc, &config, err);
}

static bool open_engine(struct automation *a, const struct fleet *fleet, const struct c2_conf *conf,
			struct err *err)
{
	const struct engine_config config = {.grace_s = conf->engine_grace,
					     .history_keep = conf->engine_history,
					     .risk_limit = conf->engine_risk_limit,
					     .shared = conf->db_url != NULL};
	const struct engine_told told = {on_run, on_webhook, on_email, a};

	a->tell = tell_new(fleet, a->post, &clock_real, on_letters_wake, a);
	a->engine = engine_new(&config, fleet, &clock_real, &told, on_wake, a, err);
	if (!a->engine)
		return false;
	loop_timer_set(a->work, 0);
	loop_timer_set(a->letters, 0);
	return true;
}

static bool follow_events(struct automation *a, struct core *core, struct err *err)
{
	if (!core) {
		loop_timer_set(a->events, EVENTS_EVERY_MS);
		return true;
	}
	a->listener = core_listen(core, -1, on_event, a, err);
	return a->listener != NULL;
}

bool automation_open(struct automation **out, const struct c2_conf *conf, struct core *core,
		     struct store *store, struct loop *loop, struct err *err)
{
	const struct post_config config = post_config_of(conf);
	struct automation *a = *out = mem_alloc(sizeof *a);
	struct fleet fleet;

	a->core = core;
	a->work = loop_timer_add(loop, on_work, a);
	a->letters = loop_timer_add(loop, on_letters, a);
	a->events = loop_timer_add(loop, on_events_timer, a);
	return !conf->engine_enabled ||
	       (post_open(&a->post, &config, loop, &clock_real, err) &&
		open_fleet(a, &fleet, conf, core, store, err) &&
		open_engine(a, &fleet, conf, err) && follow_events(a, core, err));
}

void automation_close(struct automation *a)
{
	if (!a)
		return;
	if (a->listener)
		core_unlisten(a->listener);
	post_close(a->post);
	tell_free(a->tell);
	if (a->engine)
		engine_free(a->engine);
	if (a->api.rpc)
		rpc_close(a->api.rpc);
	loop_timer_del(a->work);
	loop_timer_del(a->letters);
	loop_timer_del(a->events);
	free(a);
}

struct engine *automation_engine(const struct automation *a)
{
	return a->engine;
}

bool automation_check(const struct c2_conf *conf, struct err *err)
{
	const struct post_config post_config = post_config_of(conf);
	const struct rpc_config rpc_config = rpc_config_of(conf);
	struct loop *loop = loop_new();
	struct rpc *rpc = NULL;
	struct post *post;
	bool ok = post_open(&post, &post_config, loop, &clock_real, err) &&
		  (!conf->engine_c2 || rpc_open(&rpc, &rpc_config, err));

	if (rpc)
		rpc_close(rpc);
	post_close(post);
	loop_free(loop);
	return ok;
}
