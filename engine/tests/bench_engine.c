/*
 * What deciding costs: 10,000 rules with 1,000,000 targets on the store in
 * memory, where nearly all time is the engine's. CPU of each wake-up: when
 * nothing is due, for a page of events, when one rule is due, when all are.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "c2/fleet_core.h"
#include "kit.h"

enum { RULES = 10000, TARGETS = 100, WAKES_MAX = 100000 };

static struct kit k;
static struct fleet inner;
static struct fleet_ops ops;

/* The topics of the rules need not be there: deciding does not look at them. */
static bool find(void *ctx, enum fleet_kind kind, const char *name, struct arena *arena,
		 struct fleet_target *out, bool *found, struct err *err)
{
	(void)ctx, (void)err;
	*out = (struct fleet_target){.name = arena_copy(arena, name, strlen(name)), .devices = 10};
	*found = kind == FLEET_TOPIC;
	return true;
}

/* Records are written, keys are not made. */
static bool commit(void *ctx, struct fleet_txn *txn, int64_t *recipients, size_t *bad,
		   struct err *err)
{
	txn->n_ops = 0;
	return inner.ops->commit(ctx, txn, recipients, bad, err);
}

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int64_t mono(void *ctx)
{
	(void)ctx;
	return (int64_t)cpu_ms();
}

static int64_t wall(void *ctx)
{
	(void)ctx;
	return k.clock_state.wall_ms;
}

static void add_rules(struct engine *e)
{
	static Pb__Target *targets[TARGETS];
	char text[64];

	for (int i = 0; i < RULES; i++) {
		Pb__AddRuleRequest *req;
		Pb__Rule *rule;

		snprintf(text, sizeof text, "{\"expr\": \"%d %d * * %d\"}", i % 60, i / 60 % 24,
			 i % 7);
		req = request(&k, trigger(&k, PB__TRIGGER_TYPE__TIME_INTERVAL, text),
			      trigger(&k, PB__TRIGGER_TYPE__EVENT,
				      "{\"eventType\": \"CLIENT_SUBSCRIBED\", \"maxOccurrence\": "
				      "1000}"),
			      0);
		for (int t = 0; t < TARGETS; t++) {
			bool pattern = t == 0 && i % 10 == 0;

			snprintf(text, sizeof text,
				 t == 1    ? "of all"
				 : pattern ? "site-%d/*"
					   : "site-%d/sensor-%d",
				 i, t);
			targets[t] = target(&k,
					    pattern ? PB__TARGET_TYPE__TOPIC_PATTERN
						    : PB__TARGET_TYPE__TOPIC,
					    text);
		}
		req->targets = targets;
		req->n_targets = TARGETS;
		if (!engine_add(e, req, &k.arena, &rule, &k.err)) {
			fprintf(stderr, "%s\n", k.err.text);
			abort();
		}
		arena_free(&k.arena);
	}
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Work until nothing is due; tells the CPU of the calls. */
static void measure(struct engine *e, const char *what)
{
	static double took[WAKES_MAX];
	size_t n = 0;
	int64_t wait;

	do {
		double from = cpu_ms();

		wait = engine_work(e);
		took[n++] = cpu_ms() - from;
	} while (wait == 0 && n < WAKES_MAX);
	qsort(took, n, sizeof *took, by_size);
	printf("%-34s %6zu wake-ups, CPU ms: median %7.3f, most %7.3f\n", what, n, took[n / 2],
	       took[n - 1]);
}

static void events(struct engine *e, size_t n)
{
	char topic[64];

	for (size_t i = 0; i < n; i++) {
		snprintf(topic, sizeof topic, "site-%zu/sensor-%zu", i * 37 % RULES, i % TARGETS);
		if (!i)
			kit_client(&k, "c");
		kit_topic(&k, topic);
		kit_attach(&k, "c", topic);
		core_work(k.servers[0].core, 0);
	}
	engine_events(e);
}

int main(void)
{
	struct engine_config config = {.grace_s = 3600, .history_keep = 100000};
	struct clock clock = {.wall_ms = wall, .mono_ms = mono};
	struct fleet fleet;
	struct engine *e;
	double from;

	log_set_level(LOG_ERROR + 1);
	kit_open(&k, 1);
	inner = fleet_of_core(k.servers[0].core);
	ops = *inner.ops;
	ops.find = find;
	ops.commit = commit;
	fleet = (struct fleet){&ops, inner.ctx};
	e = engine_new(&config, &fleet, &clock, 0, 0, 0, &k.err);
	from = cpu_ms();
	add_rules(e);
	printf("making %d rules with %d targets: %.0f ms\n", RULES, RULES * TARGETS,
	       cpu_ms() - from);
	measure(e, "after making them");
	engine_free(e);
	from = cpu_ms();
	e = engine_new(&config, &fleet, &clock, 0, 0, 0, &k.err);
	printf("loading them: %.0f ms\n", cpu_ms() - from);
	measure(e, "the first");
	measure(e, "nothing is due");
	events(e, 1);
	measure(e, "one event");
	events(e, 2000);
	measure(e, "2,000 events");
	kit_topic(&k, "of all");
	kit_attach(&k, "c", "of all");
	core_work(k.servers[0].core, 0);
	engine_events(e);
	measure(e, "one event that all rules count");
	k.clock_state.wall_ms += 60000;
	measure(e, "a minute later");
	k.clock_state.wall_ms += (int64_t)8 * 86400 * 1000;
	measure(e, "all are due");
	engine_free(e);
	kit_close(&k);
	return 0;
}
