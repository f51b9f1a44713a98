/* The methods of the automation engine: each is one call of engine.h. */
#include "c2/front/dispatch_inner.h"

#define METHOD(fn, Request, Response) DISPATCH_TYPES(extern, fn, Request, Response)

enum { SCHEDULE_DEFAULT = 10, SCHEDULE_MAX = 1000 };

static bool is_on(const struct dispatch_call *c, struct err *err)
{
	return c->engine || err_set(err, ERR_PRECONDITION,
				    "the automation engine is switched off (engine.enabled)");
}

METHOD(dispatch_list_rules, ListRulesRequest, RulesResponse)
{
	(void)req;
	return is_on(c, err) && engine_list(c->engine, c->arena, resp, err);
}

METHOD(dispatch_get_rule, GetRuleRequest, RuleResponse)
{
	return is_on(c, err) && engine_get(c->engine, req->ruleid, c->arena, &resp->rule, err);
}

METHOD(dispatch_add_rule, AddRuleRequest, RuleResponse)
{
	return is_on(c, err) && engine_add(c->engine, req, c->arena, &resp->rule, err);
}

METHOD(dispatch_update_rule, UpdateRuleRequest, RuleResponse)
{
	return is_on(c, err) && engine_update(c->engine, req, c->arena, &resp->rule, err);
}

METHOD(dispatch_delete_rule, DeleteRuleRequest, DeleteRuleResponse)
{
	resp->ruleid = req->ruleid;
	return is_on(c, err) && engine_delete(c->engine, req->ruleid, err);
}

METHOD(dispatch_change_rule, ChangeRuleRequest, RuleResponse)
{
	return is_on(c, err) && engine_change(c->engine, req, c->arena, &resp->rule, err);
}

METHOD(dispatch_run_rule, RunRuleRequest, RunRuleResponse)
{
	return is_on(c, err) &&
	       engine_run(c->engine, req->ruleid, req->force, c->arena, &resp->run, err);
}

METHOD(dispatch_list_runs, ListRunsRequest, ListRunsResponse)
{
	return is_on(c, err) && engine_runs(c->engine, req, c->arena, resp, err);
}

METHOD(dispatch_get_schedule, GetScheduleRequest, GetScheduleResponse)
{
	int64_t count = req->count ? req->count : SCHEDULE_DEFAULT;

	if (count < 1 || count > SCHEDULE_MAX)
		return err_set(err, ERR_INVALID, "count is not between 1 and %d", SCHEDULE_MAX);
	return is_on(c, err) &&
	       engine_schedule(c->engine, req->ruleid, (size_t)count, c->arena, resp, err);
}

METHOD(dispatch_get_rule_fleet, GetRuleFleetRequest, GetRuleFleetResponse)
{
	return is_on(c, err) && engine_fleet(c->engine, req->ruleid, c->arena, resp, err);
}

/* The core's own: it is an event also where no rule waits for it. */
METHOD(dispatch_raise_alarm, RaiseAlarmRequest, RaiseAlarmResponse)
{
	(void)resp;
	return c->core ? core_alarm(c->core, req->client, req->topic, err)
		       : engine_alarm(c->engine, req->client, req->topic, err);
}

METHOD(dispatch_engine_health, HealthCheckRequest, HealthCheckResponse)
{
	(void)req;
	if (!is_on(c, err) || !engine_healthy(c->engine, err))
		return false;
	resp->status = text_of(c, "OK");
	return true;
}
