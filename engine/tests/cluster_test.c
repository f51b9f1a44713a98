/*
 * Several servers on one database, killed before or after any of their commits:
 * each due time and each third join fires exactly once. In memory; with the
 * argument pg on a PostgreSQL of its own, where each server has its connection.
 */
#include "base/log.h"
#include "c2/store/tests/pg_server.h"
#include "kit.h"
#include "sim/prng.h"

enum { TIMED = 5, RULES = TIMED + 1, QUARTER = 900, PERIOD = 1800, DAYS = 10 };

static struct kit k;
static struct prng rnd;
static struct pg_server pg;

/* Five by time, the last by joins; each rotates a topic of its own. */
static const char *const topics[RULES] = {"t0", "t1", "t2", "t3", "t4", "joined"};
static int32_t ids[RULES];
static int64_t revs[RULES];
static size_t rotations[RULES]; /* that were seen */
static size_t joins;

static void add_rules(void)
{
	kit_client(&k, "c");
	for (int i = 0; i < RULES; i++) {
		Pb__Trigger *t = i < TIMED ? trigger(&k, PB__TRIGGER_TYPE__TIME_INTERVAL,
						     "{\"expr\": \"*/30 * * * *\"}")
					   : trigger(&k, PB__TRIGGER_TYPE__EVENT,
						     "{\"eventType\": \"CLIENT_SUBSCRIBED\", "
						     "\"maxOccurrence\": 3}");
		Pb__AddRuleRequest *req;

		kit_topic(&k, topics[i]);
		req = request(&k, t, 0, target(&k, PB__TARGET_TYPE__TOPIC, topics[i]));
		req->options->force = true; /* its key may be young */
		ids[i] = kit_add(&k, req);
		revs[i] = kit_topic_rev(&k, topics[i]);
	}
}

/* One server at most is down or about to be: some other has to go on. */
static void maybe_kill(void)
{
	struct server *s = &k.servers[prng_below(&rnd, KIT_SERVERS)];

	for (size_t i = 0; i < KIT_SERVERS; i++)
		if (k.servers[i].dead || k.servers[i].die_at)
			return;
	s->die_at = s->n_commits + 1 + prng_below(&rnd, 3);
	s->die_late = prng_below(&rnd, 2);
	s->down_s = (int64_t)prng_below(&rnd, QUARTER);
}

/* By one that is up: it tells the others by the database alone. */
static void maybe_join(void)
{
	size_t i = prng_below(&rnd, KIT_SERVERS);
	int64_t rotated;

	if (prng_below(&rnd, 2))
		return;
	while (k.servers[i].dead)
		i = (i + 1) % KIT_SERVERS;
	core_detach(k.servers[i].core, "c", topics[TIMED], CORE_NO, &rotated, 0, &k.err);
	CHECK(core_attach(k.servers[i].core, "c", topics[TIMED], 0, &k.err));
	joins++;
}

static void see_rotations(void)
{
	for (int i = 0; i < RULES; i++) {
		int64_t now = kit_topic_rev(&k, topics[i]);

		rotations[i] += now != revs[i];
		revs[i] = now;
	}
}

/* The history has each firing, at a due time of its own, and each was seen. */
static void check_runs(int rule, size_t wanted)
{
	Pb__ListRunsRequest req = PB__LIST_RUNS_REQUEST__INIT;
	Pb__ListRunsResponse resp = PB__LIST_RUNS_RESPONSE__INIT;

	req.ruleid = ids[rule];
	req.limit = 1000;
	CHECK(engine_runs(k.servers[0].engine, &req, &k.arena, &resp, &k.err));
	CHECK_EQ(resp.n_runs, wanted);
	CHECK_EQ(rotations[rule], wanted);
	for (size_t i = 0; i < resp.n_runs; i++) {
		CHECK_EQ(resp.runs[i]->state, PB__RUN_STATE__RUN_DONE);
		CHECK_EQ(resp.runs[i]->done, 1);
		CHECK(i == 0 || resp.runs[i]->dueat->seconds < resp.runs[i - 1]->dueat->seconds);
	}
}

static void run_quarter(void)
{
	kit_run(&k, QUARTER / 2);
	maybe_join();
	kit_run(&k, QUARTER / 2);
	see_rotations();
	arena_free(&k.arena);
}

static void test_three_servers_killed_at_any_commit_fire_each_time_exactly_once(void)
{
	int64_t began;

	prng_seed(&rnd, 7);
	if (pg.child.pid)
		kit_open_pg(&k, KIT_SERVERS, pg.url);
	else
		kit_open(&k, KIT_SERVERS);
	add_rules();
	began = k.clock_state.wall_ms / 1000;
	for (int i = 0; i < DAYS * 96; i++) {
		maybe_kill();
		run_quarter();
	}
	CHECK(k.n_deaths > 200);
	for (int i = 0; i < KIT_SERVERS; i++)
		k.servers[i].die_at = 0;
	kit_run(&k, QUARTER - 1);
	see_rotations();
	for (int i = 0; i < TIMED; i++)
		check_runs(i, (size_t)((k.clock_state.wall_ms / 1000 - began) / PERIOD));
	check_runs(TIMED, joins / 3);
	CHECK_EQ(kit_rule(&k, ids[TIMED])->triggers[0]->occurrences, joins % 3);
	kit_close(&k);
}

int main(int argc, char **argv)
{
	log_set_level(LOG_ERROR + 1);
	if (argc > 1 && strcmp(argv[1], "pg") == 0 && !pg_server_start(&pg))
		return 1;
	RUN(test_three_servers_killed_at_any_commit_fire_each_time_exactly_once);
	if (pg.child.pid)
		child_remove(&pg.child);
	return END();
}
