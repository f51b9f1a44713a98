/* Waves over devices that take their keys, are cut off, or raise an alarm. */
#include <stdlib.h>

#include "api/gen/engine.pb-c.h"
#include "base/log.h"
#include "c2/core/tests/kit.h"
#include "c2/fleet_core.h"
#include "engine/engine.h"
#include "engine/rule.h"

enum { TOPICS = 100, HOUR = 3600 };

static struct kit k;
static struct device *devices[TOPICS];
static struct engine *e;
static struct arena arena;
static struct err err;
static int64_t revs[TOPICS];

static const char *name_of(const char *what, int i)
{
	return arena_format(&arena, "%s%d", what, i);
}

static int64_t topic_rev(int i)
{
	struct core_topic_facts f;

	return core_topic_facts(k.core, name_of("t", i), &f, &err) ? f.revision : 0;
}

static void run(int64_t seconds)
{
	for (int64_t i = 0; i < seconds; i++) {
		kit_settle(&k);
		engine_events(e);
		while (engine_work(e) == 0)
			;
		k.clock_state.wall_ms += 1000;
		k.clock_state.mono_ms += 1000;
	}
	kit_settle(&k);
}

/* A hundred topics with a device each, which hold keys that are no longer young. */
static void open_fleet(void)
{
	static const struct engine_config config = {.grace_s = HOUR, .history_keep = 1000};
	const struct fleet fleet = fleet_of_core((kit_open(&k, CORE_SYMKEY), k.core));

	for (int i = 0; i < TOPICS; i++) {
		devices[i] = device_new(&k, name_of("d", i));
		device_announce(devices[i]);
		CHECK(core_topic_new(k.core, name_of("t", i), 0, &err));
		CHECK(core_attach(k.core, name_of("d", i), name_of("t", i), 0, &err));
	}
	e = engine_new(&config, &fleet, &k.clock, 0, 0, 0, &err);
	kit_run(&k, 2 * HOUR);
	for (int i = 0; i < TOPICS; i++)
		revs[i] = topic_rev(i);
}

static void close_fleet(void)
{
	engine_free(e);
	for (int i = 0; i < TOPICS; i++)
		device_free(devices[i]);
	kit_close(&k);
	arena_free(&arena);
}

static int32_t add_rule(void)
{
	static char text[] = "waves", pattern[] = "t*";
	static int32_t waves[] = {1, 10, 50, 100};
	Pb__AddRuleRequest req = PB__ADD_RULE_REQUEST__INIT;
	Pb__RuleOptions options = PB__RULE_OPTIONS__INIT;
	Pb__Target target = PB__TARGET__INIT, *targets[] = {&target};
	Pb__Rule *rule = 0;

	options.waves = waves;
	options.n_waves = 4;
	options.wavewait = 300;
	target.type = PB__TARGET_TYPE__TOPIC_PATTERN;
	target.expr = pattern;
	req.description = text;
	req.action = PB__ACTION_TYPE__KEY_ROTATION;
	req.targets = targets;
	req.n_targets = 1;
	req.options = &options;
	CHECK(engine_add(e, &req, &arena, &rule, &err));
	return rule ? rule->id : 0;
}

static void start(int32_t id)
{
	Pb__Run *run;

	CHECK(engine_run(e, id, false, &arena, &run, &err));
}

static Pb__Run *last_run(void)
{
	Pb__ListRunsRequest req = PB__LIST_RUNS_REQUEST__INIT;
	Pb__ListRunsResponse resp = PB__LIST_RUNS_RESPONSE__INIT;

	CHECK(engine_runs(e, &req, &arena, &resp, &err));
	return resp.runs[0];
}

static int n_rotated(void)
{
	int n = 0;

	for (int i = 0; i < TOPICS; i++)
		n += topic_rev(i) != revs[i];
	return n;
}

static void test_waves_go_on_when_their_receipts_come(void)
{
	int before = 0;

	open_fleet();
	start(add_rule());
	for (int i = 0; i < 600 && last_run()->state != PB__RUN_STATE__RUN_DONE; i++) {
		run(1);
		CHECK(n_rotated() >= before);
		before = n_rotated();
	}
	CHECK_EQ(last_run()->state, PB__RUN_STATE__RUN_DONE);
	CHECK_EQ(last_run()->wave, 4);
	CHECK_EQ(last_run()->done, TOPICS);
	CHECK_EQ(last_run()->already, 0);
	CHECK_EQ(last_run()->recipients, TOPICS);
	CHECK_EQ(n_rotated(), TOPICS);
	for (int i = 0; i < TOPICS; i++)
		CHECK(in_sync(&k, devices[i]));
	close_fleet();
}

static void test_waves_stop_when_devices_are_cut_off(void)
{
	open_fleet();
	for (int i = 0; i < TOPICS; i++)
		devices[i]->online = false;
	start(add_rule());
	run(200);
	CHECK_EQ(last_run()->state, PB__RUN_STATE__RUN_WAITING);
	CHECK(n_rotated() > 0 && n_rotated() < TOPICS / 4);
	run(200);
	CHECK_EQ(last_run()->state, PB__RUN_STATE__RUN_STOPPED);
	CHECK(strstr(last_run()->outcome, "have confirmed"));
	CHECK(n_rotated() < TOPICS / 4);
	CHECK_EQ(last_run()->done, n_rotated());
	close_fleet();
}

/* Nine of ten suffice; the last wave has half of the topics. */
static void test_waves_go_on_without_a_few_devices(void)
{
	int off = 0;

	open_fleet();
	for (int i = 0; i < TOPICS && off < 3; i++)
		if (hash_name(name_of("t", i), 0) % 10000 >= 5000) {
			devices[i]->online = false;
			off++;
		}
	CHECK_EQ(off, 3);
	start(add_rule());
	run(60);
	CHECK_EQ(last_run()->state, PB__RUN_STATE__RUN_DONE);
	CHECK_EQ(last_run()->done, TOPICS);
	close_fleet();
}

static void test_an_alarm_about_a_topic_of_a_wave_stops_it(void)
{
	int hit = 0, missed = 0;

	open_fleet();
	for (int i = 0; i < TOPICS; i++)
		devices[i]->online = false;
	start(add_rule());
	run(5);
	while (topic_rev(hit) == revs[hit])
		hit++;
	while (topic_rev(missed) != revs[missed])
		missed++;
	CHECK(core_alarm(k.core, "", name_of("t", missed), &err));
	run(5);
	CHECK_EQ(last_run()->state, PB__RUN_STATE__RUN_WAITING);
	CHECK(core_alarm(k.core, "", name_of("t", hit), &err));
	run(5);
	CHECK_EQ(last_run()->state, PB__RUN_STATE__RUN_STOPPED);
	CHECK(strstr(last_run()->outcome, "alarm"));
	close_fleet();
}

int main(void)
{
	log_set_level(LOG_ERROR + 1);
	RUN(test_waves_go_on_when_their_receipts_come);
	RUN(test_waves_stop_when_devices_are_cut_off);
	RUN(test_waves_go_on_without_a_few_devices);
	RUN(test_an_alarm_about_a_topic_of_a_wave_stops_it);
	return END();
}
