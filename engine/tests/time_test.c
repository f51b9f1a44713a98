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

/* --- several servers on one database -------------------------------------------------------------
 */

enum { RULES = 5 };

/* One server at most is down or about to be: some other has to go on. */
static void maybe_kill(void)
{
	struct server *s = &k.servers[prng_below(&rnd, KIT_SERVERS)];

	for (size_t i = 0; i < KIT_SERVERS; i++)
		if (k.servers[i].dead || k.servers[i].die_at)
			return;
	s->die_at = s->n_commits + 1 + prng_below(&rnd, 3);
	s->die_late = prng_below(&rnd, 2);
	s->down_s = (int64_t)prng_below(&rnd, 900);
}

static void join(size_t *joins)
{
	int64_t rotated;
	size_t i = 0;

	while (k.servers[i].dead)
		i++;
	core_detach(k.servers[i].core, "c", "e", CORE_NO, &rotated, 0, &k.err);
	CHECK(core_attach(k.servers[i].core, "c", "e", 0, &k.err));
	++*joins;
}

static void count_runs(int32_t id, size_t *n, size_t *done)
{
	Pb__ListRunsRequest req = PB__LIST_RUNS_REQUEST__INIT;
	Pb__ListRunsResponse resp = PB__LIST_RUNS_RESPONSE__INIT;

	req.ruleid = id;
	req.limit = 1000;
	CHECK(engine_runs(k.servers[0].engine, &req, &k.arena, &resp, &k.err));
	*n = resp.n_runs;
	*done = 0;
	for (size_t i = 0; i < resp.n_runs; i++) {
		*done += (size_t)resp.runs[i]->done;
		CHECK_EQ(resp.runs[i]->state, PB__RUN_STATE__RUN_DONE);
		CHECK(i == 0 || resp.runs[i]->dueat->seconds < resp.runs[i - 1]->dueat->seconds);
	}
}

static void test_three_servers_killed_at_any_commit_fire_each_time_exactly_once(void)
{
	static const char *const topics[RULES] = {"t0", "t1", "t2", "t3", "t4"};
	int32_t ids[RULES], on_join;
	int64_t start;
	size_t joins = 0, n, done, rotations[RULES + 1] = {0};
	int64_t revs[RULES + 1];
	Pb__AddRuleRequest *req;

	kit_open(&k, KIT_SERVERS);
	prng_seed(&rnd, 7);
	kit_client(&k, "c");
	kit_topic(&k, "e");
	for (int i = 0; i < RULES; i++) {
		kit_topic(&k, topics[i]);
		ids[i] = forced("*/30 * * * *", topics[i]);
	}
	req = request(&k,
		      trigger(&k, PB__TRIGGER_TYPE__EVENT,
			      "{\"eventType\": \"CLIENT_SUBSCRIBED\", \"maxOccurrence\": 3}"),
		      0, target(&k, PB__TARGET_TYPE__TOPIC, "e"));
	req->options->force = true;
	on_join = kit_add(&k, req);
	kit_settle(&k);
	start = now_s();
	for (int i = 0; i < RULES; i++)
		revs[i] = kit_topic_rev(&k, topics[i]);
	revs[RULES] = kit_topic_rev(&k, "e");
	for (int step = 0; step < 10 * 24 * 4; step++) { /* 15 minutes */
		maybe_kill();
		kit_run(&k, 450);
		if (prng_below(&rnd, 2))
			join(&joins);
		kit_run(&k, 450);
		for (int i = 0; i <= RULES; i++) {
			int64_t now = kit_topic_rev(&k, i < RULES ? topics[i] : "e");

			rotations[i] += now != revs[i];
			revs[i] = now;
		}
		arena_free(&k.arena);
	}
	for (int i = 0; i < KIT_SERVERS; i++)
		k.servers[i].die_at = 0;
	kit_run(&k, 900);
	for (int i = 0; i < RULES; i++) {
		count_runs(ids[i], &n, &done);
		CHECK_EQ(n, (now_s() / 1800) - start / 1800);
		CHECK_EQ(done, n);
		CHECK(rotations[i] + 1 >= n && rotations[i] <= n);
	}
	count_runs(on_join, &n, &done);
	CHECK_EQ(n, joins / 3);
	CHECK_EQ(done, n);
	CHECK_EQ(rotations[RULES], n);
	CHECK_EQ(kit_rule(&k, on_join)->triggers[0]->occurrences, joins % 3);
	CHECK(k.n_deaths > 200);
	kit_close(&k);
}

int main(void)
{
	log_set_level(LOG_ERROR + 1);
	RUN(test_ten_years_of_a_weekly_rule_with_a_restart_at_every_step);
	RUN(test_a_daily_rule_while_the_clock_steps_back_and_forward);
	RUN(test_after_a_clock_that_was_years_ahead_due_times_are_counted_anew);
	RUN(test_missed_periods_fire_once);
	RUN(test_three_servers_killed_at_any_commit_fire_each_time_exactly_once);
	return END();
}
