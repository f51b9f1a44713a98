/* What rules do, one behaviour each. */
#include <stdlib.h>

#include "base/log.h"
#include "kit.h"

static struct kit k;

enum { MINUTE = 60, HOUR = 3600, DAY = 24 * HOUR };

#define TIME PB__TRIGGER_TYPE__TIME_INTERVAL
#define EVENT PB__TRIGGER_TYPE__EVENT
#define AGE PB__TRIGGER_TYPE__KEY_AGE
#define TOPIC PB__TARGET_TYPE__TOPIC

static void open_with_topic(const char *topic)
{
	kit_open(&k, 1);
	kit_topic(&k, topic);
	kit_run(&k, 2 * HOUR); /* its key is no longer young */
}

static void join(const char *client, const char *topic)
{
	int64_t n;

	core_detach(k.servers[0].core, client, topic, CORE_NO, &n, 0, &k.err);
	kit_attach(&k, client, topic);
}

static bool change(int32_t id, Pb__ChangeRuleRequest *req)
{
	Pb__Rule *rule;

	req->ruleid = id;
	return engine_change(k.servers[0].engine, req, &k.arena, &rule, &k.err);
}

static void pause_rule(int32_t id, bool pause)
{
	Pb__ChangeRuleRequest req = PB__CHANGE_RULE_REQUEST__INIT;

	req.change_case = PB__CHANGE_RULE_REQUEST__CHANGE_PAUSE;
	req.pause = pause;
	CHECK(change(id, &req));
}

static Pb__Run *run_now(int32_t id, bool force)
{
	Pb__Run *run = 0;

	CHECK(engine_run(k.servers[0].engine, id, force, &k.arena, &run, &k.err));
	return run;
}

/* --- events ------------------------------------------------------------------------------------
 */

static void test_a_topic_is_rotated_after_three_joins(void)
{
	int64_t rev;
	int32_t id;

	open_with_topic("t");
	kit_topic(&k, "other");
	kit_client(&k, "c");
	id = kit_add(&k, request(&k,
				 trigger(&k, EVENT,
					 "{\"eventType\": \"CLIENT_SUBSCRIBED\", "
					 "\"maxOccurrence\": 3}"),
				 0, target(&k, TOPIC, "t")));
	rev = kit_topic_rev(&k, "t");
	for (int i = 0; i < 2; i++) {
		join("c", "t");
		join("c", "other");
		kit_settle(&k);
		server_restart(&k.servers[0]);
	}
	CHECK_EQ(kit_topic_rev(&k, "t"), rev);
	CHECK_EQ(kit_rule(&k, id)->triggers[0]->occurrences, 2);
	join("c", "t");
	kit_settle(&k);
	CHECK(kit_topic_rev(&k, "t") > rev);
	CHECK_EQ(kit_n_runs(&k, id), 1);
	CHECK_EQ(kit_last_run(&k, id)->cause, PB__RUN_CAUSE__CAUSE_EVENT);
	CHECK_EQ(kit_last_run(&k, id)->state, PB__RUN_STATE__RUN_DONE);
	CHECK_EQ(kit_last_run(&k, id)->done, 1);
	CHECK_EQ(kit_rule(&k, id)->triggers[0]->occurrences, 0);
	kit_close(&k);
}

static void test_events_by_pattern_and_tag_count_each_once(void)
{
	char tag[] = "site=zurich";
	char *tags[] = {tag};
	const struct core_traits traits = {.type = CORE_TYPE_AS_IT_WAS, .add = tags, .n_add = 1};
	Pb__AddRuleRequest *req;
	Pb__Target *targets[3];
	int32_t id;

	open_with_topic("sensors/1");
	kit_client(&k, "c");
	CHECK(core_client_change(k.servers[0].core, "c", &traits, &k.err));
	req = request(&k,
		      trigger(&k, EVENT,
			      "{\"eventType\": \"CLIENT_SUBSCRIBED\", \"maxOccurrence\": \"100\"}"),
		      0, 0);
	targets[0] = target(&k, PB__TARGET_TYPE__TOPIC_PATTERN, "sensors/*");
	targets[1] = target(&k, PB__TARGET_TYPE__CLIENT_TAG, "site=zurich");
	targets[2] = target(&k, PB__TARGET_TYPE__ANY, "c");
	req->targets = targets;
	req->n_targets = 3;
	id = kit_add(&k, req);
	CHECK_EQ(kit_rule(&k, id)->targets[1]->matches, 1);
	for (int i = 0; i < 5; i++)
		join("c", "sensors/1");
	kit_settle(&k);
	CHECK_EQ(kit_rule(&k, id)->triggers[0]->occurrences, 5);
	kit_topic(&k, "elsewhere");
	kit_client(&k, "d");
	join("d", "elsewhere");
	kit_settle(&k);
	CHECK_EQ(kit_rule(&k, id)->triggers[0]->occurrences, 5);
	kit_close(&k);
}

static void test_a_removed_client_fires_for_the_topics_that_it_was_in(void)
{
	static const char settings[] = "{\"eventType\": \"CLIENT_REMOVED\", \"maxOccurrence\": 1}";
	int64_t rotated;
	int32_t in, out;

	open_with_topic("in");
	kit_topic(&k, "out");
	in = kit_add(&k, request(&k, trigger(&k, EVENT, settings), 0, target(&k, TOPIC, "in")));
	out = kit_add(&k, request(&k, trigger(&k, EVENT, settings), 0, target(&k, TOPIC, "out")));
	kit_client(&k, "c");
	kit_attach(&k, "c", "in");
	kit_settle(&k);
	CHECK_EQ(kit_n_runs(&k, in), 0);
	CHECK(core_client_remove(k.servers[0].core, "c", CORE_NO, &rotated, 0, &k.err));
	kit_settle(&k);
	CHECK_EQ(kit_n_runs(&k, in), 1);
	CHECK_EQ(kit_n_runs(&k, out), 0);
	kit_close(&k);
}

static void test_an_alarm_fires_for_what_it_is_about(void)
{
	int32_t id;

	open_with_topic("t");
	id = kit_add(&k,
		     request(&k,
			     trigger(&k, EVENT, "{\"eventType\": \"ALARM\", \"maxOccurrence\": 1}"),
			     0, target(&k, TOPIC, "t")));
	CHECK(core_alarm(k.servers[0].core, "", "u", &k.err));
	kit_settle(&k);
	CHECK_EQ(kit_n_runs(&k, id), 0);
	CHECK(core_alarm(k.servers[0].core, "", "t", &k.err));
	kit_settle(&k);
	CHECK_EQ(kit_n_runs(&k, id), 1);
	kit_close(&k);
}

static void test_events_that_were_lost_do_not_stop_those_that_are_left(void)
{
	int64_t n;
	int32_t id;

	open_with_topic("t");
	kit_client(&k, "c");
	id = kit_add(&k, request(&k,
				 trigger(&k, EVENT,
					 "{\"eventType\": \"CLIENT_SUBSCRIBED\", "
					 "\"maxOccurrence\": 1000000}"),
				 0, target(&k, TOPIC, "t")));
	kit_settle(&k);
	for (int i = 0; i < 8000; i++) /* two events each, of which 10,000 are kept */
		join("c", "t");
	kit_settle(&k);
	n = kit_rule(&k, id)->triggers[0]->occurrences;
	CHECK(n >= 5000 && n < 5000 + 256);
	join("c", "t");
	kit_settle(&k);
	CHECK_EQ(kit_rule(&k, id)->triggers[0]->occurrences, n + 1);
	kit_close(&k);
}

/* --- time ----------------------------------------------------------------------------------------
 */

static void test_two_triggers_that_are_due_together_rotate_once(void)
{
	int64_t rev;
	int32_t id;

	open_with_topic("t");
	id = kit_add(&k, request(&k, trigger(&k, TIME, "{\"expr\": \"0 3 * * *\"}"),
				 trigger(&k, TIME, "{\"expr\": \"0 */3 * * *\"}"),
				 target(&k, TOPIC, "t")));
	rev = kit_topic_rev(&k, "t");
	kit_run(&k, DAY);
	CHECK_EQ(kit_topic_rev(&k, "t"), rev + 8);
	CHECK_EQ(kit_n_runs(&k, id), 8);
	kit_close(&k);
}

static void test_every_due_time_of_the_schedule_comes_true(void)
{
	Pb__GetScheduleResponse times = PB__GET_SCHEDULE_RESPONSE__INIT;
	int32_t id;

	open_with_topic("t");
	id = kit_add(
		&k, request(&k, trigger(&k, TIME, "{\"expr\": \"@every 5h\", \"jitter\": \"30m\"}"),
			    trigger(&k, TIME,
				    "{\"expr\": \"30 4 * * *\", \"timezone\": \"Asia/Tokyo\"}"),
			    target(&k, TOPIC, "t")));
	CHECK(engine_schedule(k.servers[0].engine, id, 20, &k.arena, &times, &k.err));
	CHECK_EQ(times.n_times, 20);
	CHECK_EQ(times.times[0]->seconds, kit_rule(&k, id)->nextdue->seconds);
	for (size_t i = 0; i < times.n_times; i++) {
		kit_run(&k, times.times[i]->seconds - k.clock_state.wall_ms / 1000 - 1);
		CHECK_EQ(kit_n_runs(&k, id), i);
		kit_run(&k, 1);
		CHECK_EQ(kit_n_runs(&k, id), i + 1);
	}
	kit_close(&k);
}

static void test_each_key_is_rotated_at_its_own_age(void)
{
	int64_t first, second;
	int32_t id;

	kit_open(&k, 1);
	kit_topic(&k, "a/1");
	kit_run(&k, 10 * DAY);
	kit_topic(&k, "a/2");
	id = kit_add(&k, request(&k, trigger(&k, AGE, "{\"age\": \"30d\"}"), 0,
				 target(&k, PB__TARGET_TYPE__TOPIC_PATTERN, "a/*")));
	first = kit_topic_rev(&k, "a/1");
	second = kit_topic_rev(&k, "a/2");
	kit_run(&k, 19 * DAY);
	CHECK_EQ(kit_topic_rev(&k, "a/1"), first);
	CHECK_EQ(kit_n_runs(&k, id), 0);
	CHECK_EQ(kit_rule(&k, id)->nextdue->seconds, KIT_START + 30 * DAY);
	kit_run(&k, 1 * DAY + HOUR);
	CHECK(kit_topic_rev(&k, "a/1") > first);
	CHECK_EQ(kit_topic_rev(&k, "a/2"), second);
	kit_run(&k, 10 * DAY);
	CHECK(kit_topic_rev(&k, "a/2") > second);
	CHECK_EQ(kit_n_runs(&k, id), 2);
	CHECK_EQ(kit_last_run(&k, id)->cause, PB__RUN_CAUSE__CAUSE_KEY_AGE);
	kit_run(&k, 365 * DAY);
	CHECK(kit_n_runs(&k, id) >= 24 && kit_n_runs(&k, id) <= 28);
	kit_close(&k);
}

static void test_a_client_gets_a_new_key_at_the_age_of_its_own(void)
{
	const uint8_t key[32] = {7};
	struct core_client_facts before, after;
	int32_t id;

	kit_open(&k, 1);
	CHECK(core_client_new(k.servers[0].core, "c", key, sizeof key, 0, &k.err));
	id = kit_add(&k, request(&k, trigger(&k, AGE, "{\"age\": \"30d\"}"), 0,
				 target(&k, PB__TARGET_TYPE__CLIENT, "c")));
	CHECK_EQ(kit_rule(&k, id)->n_warnings, 0);
	CHECK(core_client_facts(k.servers[0].core, "c", &before, &k.err));
	kit_run(&k, 29 * DAY);
	CHECK(core_client_facts(k.servers[0].core, "c", &after, &k.err));
	CHECK_EQ(after.key_revision, before.key_revision);
	kit_run(&k, 1 * DAY + HOUR);
	CHECK(core_client_facts(k.servers[0].core, "c", &after, &k.err));
	CHECK(after.key_revision > before.key_revision);
	CHECK_EQ(kit_last_run(&k, id)->cause, PB__RUN_CAUSE__CAUSE_KEY_AGE);
	kit_close(&k);
}

/* --- grace periods --------------------------------------------------------------------------- */

static void test_a_young_key_is_left_for_the_grace_period_unless_forced(void)
{
	int64_t rev, forced;
	int32_t id, hard;
	Pb__AddRuleRequest *req;

	open_with_topic("t");
	kit_topic(&k, "u");
	kit_run(&k, 2 * HOUR);
	id = kit_cron(&k, "*/20 * * * *", "t");
	req = request(&k, trigger(&k, TIME, "{\"expr\": \"*/20 * * * *\"}"), 0,
		      target(&k, TOPIC, "u"));
	req->options->force = true;
	hard = kit_add(&k, req);
	CHECK_EQ(kit_rule(&k, id)->n_warnings, 1);
	CHECK_EQ(kit_rule(&k, hard)->n_warnings, 0);
	rev = kit_rotated_at(&k, "t");
	forced = kit_topic_rev(&k, "u");
	kit_run(&k, 10 * HOUR);
	CHECK_EQ(kit_n_runs(&k, hard), 30);
	CHECK(kit_topic_rev(&k, "u") > forced);
	CHECK(kit_rotated_at(&k, "t") > rev);
	CHECK(kit_n_runs(&k, id) <= 11);
	CHECK(kit_last_run(&k, id)->merged >= 2);
	kit_close(&k);
}

static void test_what_somebody_rotated_meanwhile_is_not_rotated_again(void)
{
	int64_t rev;
	int32_t id;

	open_with_topic("t");
	kit_topic(&k, "t"); /* young */
	id = kit_cron(&k, "@daily", "t");
	run_now(id, false);
	kit_settle(&k);
	CHECK_EQ(kit_last_run(&k, id)->state, PB__RUN_STATE__RUN_WAITING);
	kit_topic(&k, "t");
	rev = kit_topic_rev(&k, "t");
	kit_run(&k, HOUR);
	CHECK_EQ(kit_topic_rev(&k, "t"), rev);
	CHECK_EQ(kit_last_run(&k, id)->state, PB__RUN_STATE__RUN_DONE);
	CHECK_EQ(kit_last_run(&k, id)->already, 1);
	kit_close(&k);
}

static void test_a_wait_ends_also_when_the_clock_steps_back(void)
{
	int64_t rev;
	int32_t id;

	kit_open(&k, 1);
	k.config.look_s = 60;
	server_restart(&k.servers[0]);
	kit_topic(&k, "t");
	id = kit_cron(&k, "@yearly", "t");
	run_now(id, false);
	kit_run(&k, 10 * MINUTE);
	rev = kit_topic_rev(&k, "t");
	kit_step_clock(&k, -20 * HOUR);
	kit_run(&k, 59 * MINUTE);
	CHECK_EQ(kit_topic_rev(&k, "t"), rev);
	kit_run(&k, 3 * MINUTE);
	CHECK_EQ(kit_topic_rev(&k, "t"), rev + 1);
	CHECK_EQ(kit_last_run(&k, id)->state, PB__RUN_STATE__RUN_DONE);
	kit_close(&k);
}

/* A day of two rules: joins, a young key, a due time; the server dies at one of its commits. */
static bool day_with_a_death(size_t at, bool late)
{
	int64_t rev;
	int32_t daily, joined;
	bool died;

	open_with_topic("t");
	kit_topic(&k, "u");
	kit_client(&k, "c");
	daily = kit_cron(&k, "0 12 * * *", "t");
	joined = kit_add(&k, request(&k,
				     trigger(&k, EVENT,
					     "{\"eventType\": \"CLIENT_SUBSCRIBED\", "
					     "\"maxOccurrence\": 2}"),
				     0, target(&k, TOPIC, "u")));
	k.servers[0].die_at = k.servers[0].n_commits + at;
	k.servers[0].die_late = late;
	for (int i = 0; i < 5; i++) {
		kit_settle(&k);
		join("c", "u");
	}
	rev = kit_topic_rev(&k, "u");
	kit_run(&k, DAY);
	died = k.n_deaths > 0;
	CHECK(kit_topic_rev(&k, "u") > rev);
	CHECK_EQ(kit_n_runs(&k, daily), 1);
	CHECK_EQ(kit_last_run(&k, daily)->done, 1);
	CHECK_EQ(kit_last_run(&k, daily)->state, PB__RUN_STATE__RUN_DONE);
	/* Both times of two joins, while the key was young, are one rotation. */
	CHECK_EQ(kit_n_runs(&k, joined), 1);
	CHECK_EQ(kit_last_run(&k, joined)->merged, 1);
	CHECK_EQ(kit_last_run(&k, joined)->done, 1);
	CHECK_EQ(kit_rule(&k, joined)->triggers[0]->occurrences, 1);
	kit_close(&k);
	return died;
}

static void test_a_death_at_any_commit_changes_nothing(void)
{
	size_t at = 1;

	while (day_with_a_death(at, false) && day_with_a_death(at, true))
		at++;
	CHECK(at > 8);
}

static void test_a_second_pass_counts_what_the_first_did_only_once(void)
{
	int32_t id;

	open_with_topic("s/old");
	kit_topic(&k, "s/young");
	id = kit_add(&k, request(&k, 0, 0, target(&k, PB__TARGET_TYPE__TOPIC_PATTERN, "s/*")));
	run_now(id, false);
	kit_settle(&k);
	CHECK_EQ(kit_last_run(&k, id)->done, 1);
	kit_run(&k, HOUR);
	CHECK_EQ(kit_last_run(&k, id)->done, 2);
	CHECK_EQ(kit_last_run(&k, id)->already, 0);
	kit_close(&k);
}

static void test_a_burst_of_events_fires_once_and_the_rest_counts_on(void)
{
	int32_t id;

	open_with_topic("t");
	kit_client(&k, "c");
	id = kit_add(&k, request(&k,
				 trigger(&k, EVENT,
					 "{\"eventType\": \"CLIENT_SUBSCRIBED\", "
					 "\"maxOccurrence\": 3}"),
				 0, target(&k, TOPIC, "t")));
	for (int i = 0; i < 7; i++)
		join("c", "t");
	kit_settle(&k);
	CHECK_EQ(kit_n_runs(&k, id), 1);
	CHECK_EQ(kit_rule(&k, id)->triggers[0]->occurrences, 1);
	kit_close(&k);
}

static void test_a_rule_that_is_paused_while_it_runs_stops(void)
{
	int64_t rev;
	int32_t id;

	kit_open(&k, 1);
	kit_topic(&k, "t");
	id = kit_cron(&k, "@yearly", "t");
	rev = kit_topic_rev(&k, "t");
	run_now(id, false);
	kit_settle(&k);
	pause_rule(id, true);
	CHECK_EQ(kit_last_run(&k, id)->state, PB__RUN_STATE__RUN_STOPPED);
	pause_rule(id, false);
	kit_run(&k, DAY);
	CHECK_EQ(kit_topic_rev(&k, "t"), rev);
	run_now(id, false);
	kit_settle(&k);
	CHECK_EQ(kit_topic_rev(&k, "t"), rev + 1);
	kit_close(&k);
}

static void test_run_now_with_force_does_not_wait_for_the_grace_period(void)
{
	int64_t rev;
	int32_t id;

	kit_open(&k, 1);
	kit_topic(&k, "t");
	id = kit_cron(&k, "0 0 1 1 *", "t");
	rev = kit_topic_rev(&k, "t");
	CHECK_EQ(run_now(id, false)->cause, PB__RUN_CAUSE__CAUSE_MANUAL);
	kit_settle(&k);
	CHECK_EQ(kit_topic_rev(&k, "t"), rev);
	run_now(id, true);
	kit_settle(&k);
	CHECK_EQ(kit_topic_rev(&k, "t"), rev + 1);
	CHECK_EQ(kit_n_runs(&k, id), 1);
	kit_close(&k);
}

/* --- failures -------------------------------------------------------------------------------- */

static void test_a_step_that_fails_is_tried_again_then_given_up_and_reported(void)
{
	Pb__AddRuleRequest *req;
	struct core_events events;
	int64_t rev, last;
	int32_t id;

	open_with_topic("t");
	req = request(&k, trigger(&k, TIME, "{\"expr\": \"0 3 * * *\"}"), 0,
		      target(&k, TOPIC, "t"));
	req->options->retryfor = 2 * HOUR;
	id = kit_add(&k, req);
	rev = kit_topic_rev(&k, "t");
	k.servers[0].fail_ops = ERR_UNAVAILABLE;
	run_now(id, false);
	kit_run(&k, 30 * MINUTE);
	CHECK_EQ(kit_last_run(&k, id)->state, PB__RUN_STATE__RUN_WAITING);
	CHECK_STR(kit_last_run(&k, id)->outcome, "the test says no");
	k.servers[0].fail_ops = ERR_OK;
	kit_run(&k, 90 * MINUTE);
	CHECK_EQ(kit_topic_rev(&k, "t"), rev + 1);
	CHECK_EQ(kit_last_run(&k, id)->state, PB__RUN_STATE__RUN_DONE);

	kit_run(&k, HOUR);
	k.servers[0].fail_ops = ERR_UNAVAILABLE;
	run_now(id, false);
	kit_run(&k, 4 * HOUR);
	CHECK_EQ(kit_last_run(&k, id)->state, PB__RUN_STATE__RUN_FAILED);
	CHECK_EQ(k.servers[0].last_state, PB__RUN_STATE__RUN_FAILED);
	CHECK_EQ(kit_topic_rev(&k, "t"), rev + 1);
	CHECK(core_events_after(k.servers[0].core, 0, 1000, &k.arena, &events, &last, &k.err));
	CHECK_EQ(events.rows[events.n - 1].type, CORE_EVENT_ALARM);
	CHECK_STR(events.rows[events.n - 1].source, "rule 1");
	CHECK(kit_rule(&k, id)->n_warnings > 0);
	kit_close(&k);
}

static void test_a_target_that_is_gone_is_a_warning_and_never_made_again(void)
{
	Pb__AddRuleRequest *req;
	Pb__Target *targets[2];
	int64_t rev;
	int32_t id;

	open_with_topic("a");
	kit_topic(&k, "b");
	kit_run(&k, 2 * HOUR);
	req = request(&k, trigger(&k, TIME, "{\"expr\": \"@hourly\"}"), 0, 0);
	targets[0] = target(&k, TOPIC, "a");
	targets[1] = target(&k, TOPIC, "b");
	req->targets = targets;
	req->n_targets = 2;
	id = kit_add(&k, req);
	CHECK_EQ(kit_rule(&k, id)->n_warnings, 0);
	CHECK(core_topic_remove(k.servers[0].core, "a", 0, &k.err));
	rev = kit_topic_rev(&k, "b");
	kit_run(&k, HOUR);
	CHECK(kit_topic_rev(&k, "b") > rev);
	CHECK_EQ(kit_topic_rev(&k, "a"), 0);
	CHECK_EQ(kit_last_run(&k, id)->done, 1);
	CHECK_EQ(kit_last_run(&k, id)->failed, 1);
	CHECK_STR(kit_last_run(&k, id)->failures[0]->target, "a");
	CHECK_EQ(kit_rule(&k, id)->n_warnings, 2);
	CHECK_STR(kit_rule(&k, id)->targets[0]->warning, "there is nothing of this name");
	kit_close(&k);
}

/* --- changes --------------------------------------------------------------------------------- */

static void test_a_change_of_one_rule_leaves_others_and_its_other_triggers(void)
{
	Pb__ChangeRuleRequest req = PB__CHANGE_RULE_REQUEST__INIT;
	int64_t due, other;
	int32_t a, b;

	open_with_topic("t");
	a = kit_add(&k, request(&k, trigger(&k, TIME, "{\"expr\": \"@every 7d\"}"), 0,
				target(&k, TOPIC, "t")));
	b = kit_cron(&k, "0 4 * * *", "t");
	kit_run(&k, HOUR);
	due = kit_rule(&k, a)->triggers[0]->nextdue->seconds;
	other = kit_rule(&k, b)->version;
	req.change_case = PB__CHANGE_RULE_REQUEST__CHANGE_ADD_TRIGGER;
	req.addtrigger = trigger(&k, TIME, "{\"expr\": \"@every 1d\"}");
	CHECK(change(a, &req));
	CHECK_EQ(kit_rule(&k, a)->n_triggers, 2);
	CHECK_EQ(kit_rule(&k, a)->triggers[0]->nextdue->seconds, due);
	CHECK_EQ(kit_rule(&k, b)->version, other);
	req.change_case = PB__CHANGE_RULE_REQUEST__CHANGE_REMOVE_TRIGGER;
	req.removetrigger = kit_rule(&k, a)->triggers[0]->id;
	CHECK(change(a, &req));
	CHECK_EQ(kit_rule(&k, a)->n_triggers, 1);
	CHECK(kit_rule(&k, a)->triggers[0]->id != req.removetrigger);
	CHECK(!change(a, &req));
	CHECK_EQ(k.err.code, ERR_NOT_FOUND);
	kit_close(&k);
}

static void test_an_update_with_an_old_version_is_refused(void)
{
	Pb__UpdateRuleRequest req = PB__UPDATE_RULE_REQUEST__INIT;
	Pb__Rule *rule, *out;
	char text[] = "new text";
	int32_t id;

	open_with_topic("t");
	id = kit_cron(&k, "@daily", "t");
	rule = kit_rule(&k, id);
	req.ruleid = id;
	req.description = text;
	req.action = rule->action;
	req.n_triggers = rule->n_triggers;
	req.triggers = rule->triggers;
	req.n_targets = rule->n_targets;
	req.targets = rule->targets;
	req.version = rule->version;
	CHECK(engine_update(k.servers[0].engine, &req, &k.arena, &out, &k.err));
	CHECK_STR(kit_rule(&k, id)->description, "new text");
	CHECK_EQ(kit_rule(&k, id)->triggers[0]->nextdue->seconds,
		 rule->triggers[0]->nextdue->seconds);
	CHECK(!engine_update(k.servers[0].engine, &req, &k.arena, &out, &k.err));
	CHECK_EQ(k.err.code, ERR_CONFLICT);
	req.ruleid = 77;
	CHECK(!engine_update(k.servers[0].engine, &req, &k.arena, &out, &k.err));
	CHECK_EQ(k.err.code, ERR_NOT_FOUND);
	kit_close(&k);
}

static void test_a_rule_that_is_deleted_while_it_runs_stops(void)
{
	Pb__ListRunsRequest req = PB__LIST_RUNS_REQUEST__INIT;
	Pb__ListRunsResponse resp = PB__LIST_RUNS_RESPONSE__INIT;
	Pb__Rule *rule;
	int64_t rev;
	int32_t id;

	kit_open(&k, 1);
	kit_topic(&k, "t");
	id = kit_cron(&k, "@daily", "t");
	rev = kit_topic_rev(&k, "t");
	run_now(id, false);
	kit_settle(&k);
	CHECK(engine_delete(k.servers[0].engine, id, &k.err));
	kit_run(&k, 3 * DAY);
	CHECK_EQ(kit_topic_rev(&k, "t"), rev);
	CHECK(!engine_get(k.servers[0].engine, id, &k.arena, &rule, &k.err));
	CHECK_EQ(k.err.code, ERR_NOT_FOUND);
	CHECK(!engine_delete(k.servers[0].engine, id, &k.err));
	CHECK(engine_runs(k.servers[0].engine, &req, &k.arena, &resp, &k.err));
	CHECK_EQ(resp.n_runs, 1);
	CHECK_EQ(resp.runs[0]->state, PB__RUN_STATE__RUN_STOPPED);
	/* Its number is not given again. */
	CHECK_EQ(kit_cron(&k, "@daily", "t"), id + 1);
	kit_close(&k);
}

static void test_a_paused_rule_does_not_fire_nor_make_up_for_it(void)
{
	int32_t id, on_event;
	int64_t rev;

	open_with_topic("t");
	kit_client(&k, "c");
	id = kit_cron(&k, "@daily", "t");
	on_event = kit_add(&k, request(&k,
				       trigger(&k, EVENT,
					       "{\"eventType\": \"CLIENT_SUBSCRIBED\", "
					       "\"maxOccurrence\": 2}"),
				       0, target(&k, TOPIC, "t")));
	pause_rule(id, true);
	pause_rule(on_event, true);
	CHECK(kit_rule(&k, id)->paused);
	CHECK(!kit_rule(&k, id)->nextdue);
	join("c", "t");
	kit_settle(&k);
	rev = kit_topic_rev(&k, "t");
	kit_run(&k, 10 * DAY);
	pause_rule(id, false);
	pause_rule(on_event, false);
	join("c", "t");
	kit_run(&k, 60);
	CHECK_EQ(kit_n_runs(&k, id), 0);
	CHECK_EQ(kit_n_runs(&k, on_event), 0);
	CHECK_EQ(kit_rule(&k, on_event)->triggers[0]->occurrences, 1);
	CHECK_EQ(kit_topic_rev(&k, "t"), rev);
	kit_run(&k, DAY);
	CHECK_EQ(kit_n_runs(&k, id), 1);
	kit_close(&k);
}

/* --- history --------------------------------------------------------------------------------- */

static void test_history_comes_in_pages_and_is_trimmed(void)
{
	Pb__ListRunsRequest req = PB__LIST_RUNS_REQUEST__INIT;
	size_t n = 0, pages = 0;
	int64_t before = INT64_MAX;
	char none[] = "";

	kit_open(&k, 1);
	k.config.history_keep = 50;
	server_restart(&k.servers[0]);
	kit_topic(&k, "t");
	kit_cron(&k, "0 */2 * * *", "t");
	kit_run(&k, 20 * DAY);
	req.limit = 20;
	req.cursor = none;
	do {
		Pb__ListRunsResponse resp = PB__LIST_RUNS_RESPONSE__INIT;

		CHECK(engine_runs(k.servers[0].engine, &req, &k.arena, &resp, &k.err));
		for (size_t i = 0; i < resp.n_runs; i++) {
			CHECK(resp.runs[i]->id < before);
			before = resp.runs[i]->id;
		}
		n += resp.n_runs;
		pages++;
		req.cursor = resp.cursor;
	} while (req.cursor[0]);
	CHECK(n >= 50 && n <= 50 + 128);
	CHECK(pages >= 3);
	kit_close(&k);
}

/* --- other actions --------------------------------------------------------------------------- */

static void test_detach_takes_clients_from_its_topic(void)
{
	Pb__AddRuleRequest *req;
	char topic[] = "t";
	int64_t n;
	int32_t id;

	open_with_topic("t");
	for (int i = 0; i < 3; i++) {
		char name[8];

		snprintf(name, sizeof name, "c%d", i);
		kit_client(&k, name);
		if (i != 1)
			kit_attach(&k, name, "t");
	}
	kit_client(&k, "other");
	kit_attach(&k, "other", "t");
	req = request(&k, 0, 0, target(&k, PB__TARGET_TYPE__CLIENT_PATTERN, "c*"));
	req->action = PB__ACTION_TYPE__DETACH;
	req->options->topic = topic;
	id = kit_add(&k, req);
	CHECK_EQ(kit_rule(&k, id)->targets[0]->matches, 3);
	run_now(id, false);
	kit_settle(&k);
	CHECK(core_topic_clients_count(k.servers[0].core, "t", &n, &k.err));
	CHECK_EQ(n, 1);
	CHECK_EQ(kit_last_run(&k, id)->state, PB__RUN_STATE__RUN_DONE);
	kit_close(&k);
}

static void test_notify_only_tells(void)
{
	Pb__AddRuleRequest *req;
	char url[] = "https://example.org/hook";
	int64_t rev;
	int32_t id;

	open_with_topic("t");
	req = request(&k, trigger(&k, EVENT, "{\"eventType\": \"ALARM\", \"maxOccurrence\": 1}"), 0,
		      target(&k, TOPIC, "t"));
	req->action = PB__ACTION_TYPE__NOTIFY;
	req->options->webhook = url;
	id = kit_add(&k, req);
	rev = kit_topic_rev(&k, "t");
	CHECK(core_alarm(k.servers[0].core, "", "t", &k.err));
	kit_settle(&k);
	CHECK_EQ(kit_topic_rev(&k, "t"), rev);
	CHECK_EQ(kit_last_run(&k, id)->state, PB__RUN_STATE__RUN_DONE);
	CHECK_EQ(k.servers[0].n_begun, 1);
	CHECK_EQ(k.servers[0].n_ended, 1);
	kit_close(&k);
}

static void test_clients_get_new_keys_and_pending_ones_are_given_up_in_the_end(void)
{
	Pb__AddRuleRequest *req;
	int32_t id;

	kit_open(&k, 1);
	kit_client(&k, "c");
	req = request(&k, 0, 0, target(&k, PB__TARGET_TYPE__CLIENT, "c"));
	id = kit_add(&k, req);
	run_now(id, false);
	kit_settle(&k);
	CHECK_EQ(kit_last_run(&k, id)->done, 1);
	run_now(id, false);
	kit_run(&k, HOUR);
	CHECK_EQ(kit_last_run(&k, id)->state, PB__RUN_STATE__RUN_WAITING);
	kit_run(&k, 5 * DAY);
	CHECK_EQ(kit_last_run(&k, id)->state, PB__RUN_STATE__RUN_FAILED);
	CHECK_EQ(kit_last_run(&k, id)->failed, 1);
	kit_close(&k);
}

/* --- many ------------------------------------------------------------------------------------ */

static void test_a_pattern_of_a_thousand_topics_is_rotated_in_steps_over_restarts(void)
{
	Pb__AddRuleRequest *req;
	size_t steps;
	int32_t id;
	char name[32];

	kit_open(&k, 1);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "many/%d", i);
		kit_topic(&k, name);
	}
	req = request(&k, trigger(&k, TIME, "{\"expr\": \"@daily\"}"), 0,
		      target(&k, PB__TARGET_TYPE__TOPIC_PATTERN, "many/*"));
	id = kit_add(&k, req);
	kit_run(&k, 15 * HOUR);
	kit_step_clock(&k, HOUR);
	for (steps = 0; steps < 1000; steps++) {
		k.servers[0].die_at = k.servers[0].n_commits + 1 + steps % 2;
		k.servers[0].die_late = steps % 4 < 2;
		server_work(&k.servers[0]);
		if (kit_last_run(&k, id) && kit_last_run(&k, id)->state == PB__RUN_STATE__RUN_DONE)
			break;
	}
	CHECK(steps >= 5 && steps < 100);
	CHECK_EQ(kit_last_run(&k, id)->done, 1000);
	CHECK_EQ(kit_last_run(&k, id)->already, 0);
	CHECK_EQ(kit_topic_rev(&k, "many/999") > 1000, 1);
	kit_close(&k);
}

static void test_lists_show_every_rule_with_its_last_run(void)
{
	Pb__RulesResponse resp = PB__RULES_RESPONSE__INIT;
	int32_t id;

	open_with_topic("t");
	kit_cron(&k, "@daily", "t");
	id = kit_cron(&k, "@weekly", "t");
	CHECK(engine_list(k.servers[0].engine, &k.arena, &resp, &k.err));
	CHECK_EQ(resp.n_rules, 2);
	CHECK_EQ(resp.rules[0]->lastexecuted->seconds, INT64_C(-62135596800));
	CHECK(!resp.rules[1]->lastrun);
	run_now(id, true);
	CHECK(engine_list(k.servers[0].engine, &k.arena, &resp, &k.err));
	CHECK_EQ(resp.rules[1]->lastrun->state, PB__RUN_STATE__RUN_WORKING);
	kit_settle(&k);
	CHECK(engine_list(k.servers[0].engine, &k.arena, &resp, &k.err));
	CHECK_EQ(resp.rules[1]->lastrun->state, PB__RUN_STATE__RUN_DONE);
	CHECK_EQ(resp.rules[1]->lastexecuted->seconds, k.clock_state.wall_ms / 1000);
	kit_close(&k);
}

static void test_a_dry_run_shows_what_would_be_and_stores_nothing(void)
{
	Pb__RulesResponse resp = PB__RULES_RESPONSE__INIT;
	Pb__AddRuleRequest *req;
	Pb__Rule *rule;

	open_with_topic("s/1");
	kit_topic(&k, "s/2");
	req = request(&k, trigger(&k, TIME, "{\"expr\": \"@daily\"}"), 0,
		      target(&k, PB__TARGET_TYPE__TOPIC_PATTERN, "s/*"));
	req->dryrun = true;
	CHECK(engine_add(k.servers[0].engine, req, &k.arena, &rule, &k.err));
	CHECK_EQ(rule->targets[0]->matches, 2);
	CHECK(rule->nextdue != 0);
	CHECK(engine_list(k.servers[0].engine, &k.arena, &resp, &k.err));
	CHECK_EQ(resp.n_rules, 0);
	kit_close(&k);
}

static void test_without_rules_there_is_nothing_to_wait_for(void)
{
	kit_open(&k, 1);
	kit_settle(&k);
	CHECK_EQ(k.servers[0].wait_ms, -1);
	kit_topic(&k, "t");
	kit_cron(&k, "@yearly", "t");
	kit_settle(&k);
	CHECK(k.servers[0].wait_ms > 1000 * (int64_t)DAY);
	kit_close(&k);
}

int main(void)
{
	log_set_level(LOG_ERROR + 1);
	RUN(test_a_topic_is_rotated_after_three_joins);
	RUN(test_events_by_pattern_and_tag_count_each_once);
	RUN(test_a_removed_client_fires_for_the_topics_that_it_was_in);
	RUN(test_an_alarm_fires_for_what_it_is_about);
	RUN(test_events_that_were_lost_do_not_stop_those_that_are_left);
	RUN(test_two_triggers_that_are_due_together_rotate_once);
	RUN(test_every_due_time_of_the_schedule_comes_true);
	RUN(test_each_key_is_rotated_at_its_own_age);
	RUN(test_a_client_gets_a_new_key_at_the_age_of_its_own);
	RUN(test_a_young_key_is_left_for_the_grace_period_unless_forced);
	RUN(test_what_somebody_rotated_meanwhile_is_not_rotated_again);
	RUN(test_a_wait_ends_also_when_the_clock_steps_back);
	RUN(test_a_death_at_any_commit_changes_nothing);
	RUN(test_a_second_pass_counts_what_the_first_did_only_once);
	RUN(test_a_burst_of_events_fires_once_and_the_rest_counts_on);
	RUN(test_a_rule_that_is_paused_while_it_runs_stops);
	RUN(test_run_now_with_force_does_not_wait_for_the_grace_period);
	RUN(test_a_step_that_fails_is_tried_again_then_given_up_and_reported);
	RUN(test_a_target_that_is_gone_is_a_warning_and_never_made_again);
	RUN(test_a_change_of_one_rule_leaves_others_and_its_other_triggers);
	RUN(test_an_update_with_an_old_version_is_refused);
	RUN(test_a_rule_that_is_deleted_while_it_runs_stops);
	RUN(test_a_paused_rule_does_not_fire_nor_make_up_for_it);
	RUN(test_history_comes_in_pages_and_is_trimmed);
	RUN(test_detach_takes_clients_from_its_topic);
	RUN(test_notify_only_tells);
	RUN(test_clients_get_new_keys_and_pending_ones_are_given_up_in_the_end);
	RUN(test_a_pattern_of_a_thousand_topics_is_rotated_in_steps_over_restarts);
	RUN(test_lists_show_every_rule_with_its_last_run);
	RUN(test_a_dry_run_shows_what_would_be_and_stores_nothing);
	RUN(test_without_rules_there_is_nothing_to_wait_for);
	return END();
}
