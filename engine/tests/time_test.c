/* Time rules over years: restarts, clocks that step, and each due rotation exactly once. */
#include "base/log.h"
#include "kit.h"
#include "sim/prng.h"

static struct kit k;
static struct prng rnd;

enum { HOUR = 3600, DAY = 24 * HOUR };

static int64_t now_s(void)
{
	return k.clock_state.wall_ms / 1000;
}

/* A rule whose topic is rotated also when the key is young, so that only time decides. */
static int32_t forced(const char *expr, const char *topic)
{
	char settings[128];
	Pb__AddRuleRequest *req;

	snprintf(settings, sizeof settings, "{\"expr\": \"%s\"}", expr);
	req = request(&k, trigger(&k, PB__TRIGGER_TYPE__TIME_INTERVAL, settings), 0,
		      target(&k, PB__TARGET_TYPE__TOPIC, topic));
	req->options->force = true;
	return kit_add(&k, req);
}

/* Every Monday at 3; KIT_START is a Friday, at 8. */
static void test_ten_years_of_a_weekly_rule_with_a_restart_at_every_step(void)
{
	int32_t id;
	int64_t rev;
	size_t weeks = 0;

	kit_open(&k, 1);
	kit_topic(&k, "t");
	id = kit_cron(&k, "0 3 * * MON", "t");
	kit_settle(&k);
	rev = kit_topic_rev(&k, "t");
	for (int day = 0; day < 3653; day++) {
		int64_t before = kit_topic_rev(&k, "t");

		for (int part = 0; part < 4; part++) {
			kit_run(&k, DAY / 4);
			server_restart(&k.servers[0]);
		}
		if (kit_topic_rev(&k, "t") == before)
			continue;
		weeks++;
		CHECK_EQ(kit_topic_rev(&k, "t"), before + 1);
		CHECK_EQ(kit_rotated_at(&k, "t") % DAY, 3 * HOUR);
		CHECK_EQ((kit_rotated_at(&k, "t") / DAY + 4) % 7, 1);
		arena_free(&k.arena);
	}
	CHECK(weeks == 521 || weeks == 522);
	CHECK_EQ(kit_topic_rev(&k, "t"), rev + (int64_t)weeks);
	CHECK_EQ(kit_n_runs(&k, id), weeks);
	kit_close(&k);
}

/* The next 3 o'clock. */
static int64_t next_three(int64_t after)
{
	int64_t at = after - after % DAY + 3 * HOUR;

	return at > after ? at : at + DAY;
}

/* By up to 3 days forward, or back to 20 hours before the latest time that the clock has shown. */
static void step_clock(int64_t *latest)
{
	int64_t to = *latest - 20 * HOUR + (int64_t)prng_below(&rnd, 4 * DAY - 4 * HOUR);

	kit_step_clock(&k, to - now_s());
	*latest = to > *latest ? to : *latest;
}

/* A step forward leaves times out, one back brings some again: each counts once at most. */
static void test_a_daily_rule_while_the_clock_steps_back_and_forward(void)
{
	int64_t due, rev, latest = KIT_START;

	kit_open(&k, 1);
	k.config.look_s = 60;
	server_restart(&k.servers[0]);
	prng_seed(&rnd, 1);
	kit_topic(&k, "t");
	forced("0 3 * * *", "t");
	kit_settle(&k);
	rev = kit_topic_rev(&k, "t");
	due = next_three(now_s());
	for (int step = 0; step < 3000; step++) {
		if (prng_below(&rnd, 5) == 0)
			step_clock(&latest);
		else
			kit_run(&k, (int64_t)prng_below(&rnd, 10 * HOUR));
		latest = now_s() > latest ? now_s() : latest;
		kit_settle(&k);
		if (prng_below(&rnd, 3) == 0)
			server_restart(&k.servers[0]);
		while (now_s() >= due) {
			rev++;
			due = next_three(now_s());
		}
		CHECK_EQ(kit_topic_rev(&k, "t"), rev);
		arena_free(&k.arena);
	}
	CHECK(rev > 500);
	kit_close(&k);
}

static void test_after_a_clock_that_was_years_ahead_due_times_are_counted_anew(void)
{
	int64_t rev;

	kit_open(&k, 1);
	k.config.look_s = 60;
	server_restart(&k.servers[0]);
	kit_topic(&k, "t");
	forced("0 3 * * *", "t");
	kit_settle(&k);
	rev = kit_topic_rev(&k, "t");
	kit_step_clock(&k, 700 * DAY);
	kit_run(&k, 60);
	CHECK_EQ(kit_topic_rev(&k, "t"), rev + 1);
	kit_step_clock(&k, -700 * DAY);
	kit_run(&k, 3 * DAY);
	CHECK_EQ(kit_topic_rev(&k, "t"), rev + 4);
	kit_close(&k);
}

static void test_missed_periods_fire_once(void)
{
	int64_t rev;

	kit_open(&k, 1);
	kit_topic(&k, "t");
	forced("@hourly", "t");
	kit_settle(&k);
	rev = kit_topic_rev(&k, "t");
	kit_step_clock(&k, 50 * HOUR);
	server_restart(&k.servers[0]);
	kit_settle(&k);
	CHECK_EQ(kit_topic_rev(&k, "t"), rev + 1);
	kit_run(&k, 3 * HOUR);
	CHECK_EQ(kit_topic_rev(&k, "t"), rev + 4);
	kit_close(&k);
}

int main(void)
{
	log_set_level(LOG_ERROR + 1);
	RUN(test_ten_years_of_a_weekly_rule_with_a_restart_at_every_step);
	RUN(test_a_daily_rule_while_the_clock_steps_back_and_forward);
	RUN(test_after_a_clock_that_was_years_ahead_due_times_are_counted_anew);
	RUN(test_missed_periods_fire_once);
	return END();
}
