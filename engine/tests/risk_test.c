/* Devices behind a rule, and the limit of what a rule may leave behind. */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "c2/core/plan.h"
#include "engine/risk.h"
#include "kit.h"

enum { HOUR = 3600 };

static struct kit k;

/* --- pure ----------------------------------------------------------------------------------- */

static void numbers_of_a_sample(void)
{
	struct fleet_device d[] = {
		{.name = "c", .last_seen = 1000, .away = true, .producer = true},
		{.name = "a", .last_seen = 4000, .away = true},
		{.name = "b"},
		{.name = "a", .last_seen = 4000, .away = true},
		{.name = "d", .last_seen = 4900, .consumer = true},
	};
	struct arena arena = ARENA_INIT;
	int64_t deciles[RISK_DECILES];
	struct risk_sample s;

	CHECK_EQ(risk_once(d, 0), 0);
	CHECK_EQ(risk_once(d, 5), 4);
	risk_sample(&s, d, 4, 5000, &arena);
	CHECK_EQ(s.silent, 1);
	CHECK_EQ(s.n_known, 3);
	CHECK_EQ(s.producers, 1);
	CHECK_EQ(s.consumers, 1);
	CHECK_EQ(s.n_away, 2);
	risk_deciles(&s, deciles);
	CHECK_EQ(deciles[0], 1000);
	CHECK_EQ(deciles[9], 1000);
	CHECK_EQ(deciles[10], 4000);
	CHECK_EQ(risk_percent(&s, 999), 67);
	CHECK_EQ(risk_percent(&s, 1000), 34);
	CHECK_EQ(risk_percent(&s, 4000), 0);
	risk_sample(&s, d, 0, 5000, &arena);
	CHECK_EQ(risk_percent(&s, 0), 0);
	risk_deciles(&s, deciles);
	CHECK_EQ(deciles[10], 0);
	arena_free(&arena);
}

/* --- with a core ------------------------------------------------------------------------------ */

/* As receipts, and their absence, leave the row. */
static void set_seen(const char *client, int64_t ago_s, bool away)
{
	struct store_client row;
	bool found;

	CHECK(k.store.ops->begin(k.store.ctx, &k.err) &&
	      k.store.ops->client_by_name(k.store.ctx, client, &row, &found, &k.err) && found);
	row.last_seen = KIT_START - ago_s;
	row.reason = away ? REASON_SILENT : REASON_NONE;
	row.behind_since = away ? KIT_START - ago_s + 1 : 0;
	CHECK(k.store.ops->client_put(k.store.ctx, &row, &k.err) &&
	      k.store.ops->commit(k.store.ctx, &k.err));
}

/* Ten devices, of which one gives no receipts, and three are away for 2, 4 and 6 hours. */
static void open_fleet(int64_t limit)
{
	char name[] = "d0";

	kit_open(&k, 1);
	k.config.risk_limit = limit;
	server_restart(&k.servers[0]);
	kit_topic(&k, "t");
	kit_topic(&k, "u");
	for (char c = '0'; c <= '9'; c++) {
		name[1] = c;
		kit_client(&k, name);
		kit_attach(&k, name, "t");
		if (c < '5')
			kit_attach(&k, name, "u");
		if (c != '9')
			set_seen(name, c < '3' ? (c - '0' + 1) * 2 * HOUR : 60, c < '3');
	}
}

static Pb__AddRuleRequest *every(const char *settings)
{
	return request(&k, trigger(&k, PB__TRIGGER_TYPE__TIME_INTERVAL, settings), 0,
		       target(&k, PB__TARGET_TYPE__TOPIC_PATTERN, "*"));
}

static bool add(Pb__AddRuleRequest *req)
{
	Pb__Rule *rule;

	return engine_add(k.servers[0].engine, req, &k.arena, &rule, &k.err);
}

static void the_fleet_of_a_rule_is_told(void)
{
	Pb__GetRuleFleetResponse out = PB__GET_RULE_FLEET_RESPONSE__INIT;
	int32_t id;

	open_fleet(0);
	id = kit_add(&k, every("{\"expr\":\"@every 3h\"}"));
	CHECK(engine_fleet(k.servers[0].engine, id, &k.arena, &out, &k.err));
	CHECK_EQ(out.topics, 2);
	CHECK_EQ(out.clients, 0);
	CHECK_EQ(out.devices, 15);
	CHECK_EQ(out.sampled, 10);
	CHECK(out.complete);
	CHECK_EQ(out.perdevice, 2); /* 1.5 of one topic's members, 2 of the other's */
	CHECK_EQ(out.silent, 1);
	CHECK_EQ(out.away, 3);
	CHECK_EQ(out.n_awayfor, 11);
	CHECK_EQ(out.awayfor[0], 2 * HOUR);
	CHECK_EQ(out.awayfor[5], 4 * HOUR);
	CHECK_EQ(out.awayfor[10], 6 * HOUR);
	CHECK_EQ(out.grace, k.config.grace_s);
	CHECK(!engine_fleet(k.servers[0].engine, 99, &k.arena, &out, &k.err));
	CHECK_EQ(k.err.code, ERR_NOT_FOUND);
	kit_close(&k);
}

static void a_large_fleet_is_sampled_from_all_over(void)
{
	Pb__GetRuleFleetResponse out = PB__GET_RULE_FLEET_RESPONSE__INIT;
	enum { N = 5000 };
	struct core_devices low = {0};
	char name[16];
	int32_t id;

	kit_open(&k, 1);
	kit_topic(&k, "t");
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof name, "d%05d", i);
		kit_client(&k, name);
		kit_attach(&k, name, "t");
		/* The first half is away: a sample of the first ones alone would see nobody else.
		 */
		set_seen(name, 2 * HOUR, i < N / 2);
	}
	id = kit_add(&k, every("{\"expr\":\"@every 3h\"}"));
	CHECK(engine_fleet(k.servers[0].engine, id, &k.arena, &out, &k.err));
	CHECK_EQ(out.devices, N);
	CHECK(!out.complete);
	CHECK_EQ(out.sampled, 2000);
	CHECK_EQ(out.away, 1000);
	/* Each topic gives its own part of them, also where all have low ids. */
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof name, "u%02d", i);
		kit_topic(&k, name);
		for (int d = i; d < N; d += 10) {
			char device[16];

			snprintf(device, sizeof device, "d%05d", d);
			kit_attach(&k, device, name);
		}
	}
	kit_topic(&k, "low");
	for (int d = 0; d < 300; d++) {
		snprintf(name, sizeof name, "d%05d", d);
		kit_attach(&k, name, "low");
	}
	CHECK(core_topic_devices(k.servers[0].core, "low", 8, &k.arena, &low, &k.err));
	CHECK_EQ(low.n, 8);
	CHECK(engine_fleet(k.servers[0].engine, id, &k.arena, &out, &k.err));
	CHECK_EQ(out.topics, 22);
	CHECK(out.sampled > 1500 && out.away > out.sampled * 4 / 10 &&
	      out.away < out.sampled * 6 / 10);
	kit_close(&k);
}

static void clients_are_devices_too(void)
{
	Pb__GetRuleFleetResponse out = PB__GET_RULE_FLEET_RESPONSE__INIT;
	Pb__AddRuleRequest *req;

	open_fleet(0);
	req = every("{\"expr\":\"@every 3h\"}");
	req->targets[0] = target(&k, PB__TARGET_TYPE__CLIENT_PATTERN, "d*");
	CHECK(engine_fleet(k.servers[0].engine, kit_add(&k, req), &k.arena, &out, &k.err));
	CHECK_EQ(out.topics, 0);
	CHECK_EQ(out.clients, 10);
	CHECK_EQ(out.sampled, 10);
	CHECK_EQ(out.away, 3);
	CHECK(out.complete);
	kit_close(&k);
}

static void a_rule_over_the_limit_is_refused_unless_forced(void)
{
	Pb__AddRuleRequest *req;

	open_fleet(20);
	CHECK(!add(every("{\"expr\":\"@every 3h\"}")));
	CHECK_EQ(k.err.code, ERR_PRECONDITION);
	CHECK(strstr(k.err.text, "23% of 9 devices") && strstr(k.err.text, "3h") &&
	      strstr(k.err.text, "engine.risk_limit is 20%") && strstr(k.err.text, "--force") &&
	      strstr(k.err.text, "rule simulate"));
	CHECK(strlen(k.err.text) < sizeof k.err.text - 1);
	CHECK(add(every("{\"expr\":\"@every 4h\"}"))); /* one is away for longer: 12 % */
	req = every("{\"expr\":\"@every 3h\"}");
	req->options->force = true;
	CHECK(add(req));
	req = every("{\"expr\":\"@every 3h\"}");
	req->action = PB__ACTION_TYPE__NOTIFY;
	strcpy(req->options->webhook = arena_alloc(&k.arena, 32), "https://a.example/");
	CHECK(add(req)); /* gives no keys */
	kit_close(&k);
}

/* Two triggers, each of which is seldom enough. */
static void triggers_count_together(void)
{
	open_fleet(20);
	CHECK(!add(request(&k,
			   trigger(&k, PB__TRIGGER_TYPE__TIME_INTERVAL, "{\"expr\":\"0 0 * * *\"}"),
			   trigger(&k, PB__TRIGGER_TYPE__TIME_INTERVAL, "{\"expr\":\"0 3 * * *\"}"),
			   target(&k, PB__TARGET_TYPE__TOPIC, "t"))));
	CHECK_EQ(k.err.code, ERR_PRECONDITION);
	CHECK(!add(request(&k, trigger(&k, PB__TRIGGER_TYPE__KEY_AGE, "{\"age\":\"3h\"}"), 0,
			   target(&k, PB__TARGET_TYPE__TOPIC, "t"))));
	CHECK_EQ(k.err.code, ERR_PRECONDITION);
	kit_close(&k);
}

static bool change(Pb__ChangeRuleRequest *req)
{
	Pb__Rule *rule;

	return engine_change(k.servers[0].engine, req, &k.arena, &rule, &k.err);
}

/* It was made while its devices were there. */
static void a_rule_cannot_go_on_over_the_limit_but_can_be_made_less(void)
{
	Pb__ChangeRuleRequest req = PB__CHANGE_RULE_REQUEST__INIT;

	open_fleet(40);
	req.ruleid = kit_add(&k, every("{\"expr\":\"@every 3h\"}"));
	k.config.risk_limit = 20;
	server_restart(&k.servers[0]);
	req.change_case = PB__CHANGE_RULE_REQUEST__CHANGE_PAUSE;
	req.pause = true;
	CHECK(change(&req));
	req.pause = false;
	CHECK(!change(&req));
	CHECK_EQ(k.err.code, ERR_PRECONDITION);
	CHECK(kit_rule(&k, req.ruleid)->paused);
	req.change_case = PB__CHANGE_RULE_REQUEST__CHANGE_REMOVE_TRIGGER;
	req.removetrigger = kit_rule(&k, req.ruleid)->triggers[0]->id;
	CHECK(change(&req));
	kit_close(&k);
}

int main(void)
{
	log_set_level(LOG_ERROR + 1);
	numbers_of_a_sample();
	the_fleet_of_a_rule_is_told();
	a_large_fleet_is_sampled_from_all_over();
	clients_are_devices_too();
	a_rule_over_the_limit_is_refused_unless_forced();
	triggers_count_together();
	a_rule_cannot_go_on_over_the_limit_but_can_be_made_less();
	return END();
}
