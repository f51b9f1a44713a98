/*
 * How a run goes on: pure functions of the run, a view of its targets and the
 * time. The shell (engine_step.c) walks over the targets in passes and acts.
 *
 * A pass looks at every target; those whose key may not be changed yet wait for
 * the next. With waves a pass takes those of one wave; then checking passes
 * count receipts until enough came, or too few in the time given.
 *
 * Waits are counted by their planned lengths, so no step of the clock makes
 * one endless or ends the patience with failures early.
 */
#ifndef ENGINE_RUN_H
#define ENGINE_RUN_H

#include "engine/decide.h"

enum { RUN_FAILURES_MAX = 20, RUN_SAMPLE_MAX = 1000, RUN_SAMPLE_LOOKS = 20000 };

struct run_env {
	const Pb__Rule *rule;
	const struct action_kind *action;
	int64_t now;
	int64_t grace_s;
	struct arena *arena;
};

Engine__StoredRun *run_new(const struct run_env *env, const struct firing *firing,
			   int64_t start_rev, bool force);

/* Is it this target's turn to be acted on? Counts what it is otherwise. */
bool run_look(const struct run_env *env, Engine__StoredRun *run, enum fleet_kind kind,
	      const struct fleet_target *target);
/* Nothing has the name of a target. */
void run_missing(const struct run_env *env, Engine__StoredRun *run, const char *name);
/* In a checking pass: shall its receipts be counted? */
bool run_samples(const struct run_env *env, Engine__StoredRun *run,
		 const struct fleet_target *target);
/* A checking pass has seen enough. */
bool run_sampled(const Engine__StoredRun *run);
/* All targets were looked at: wait, or go on to the next pass or wave, or end. */
void run_pass_done(const struct run_env *env, Engine__StoredRun *run);

/* A target that failed by itself, and is given up. */
void run_target_failed(const struct run_env *env, Engine__StoredRun *run, const char *name,
		       const char *reason);
/* After that, if the run had ended already: how. */
void run_recount(const struct run_env *env, Engine__StoredRun *run);
/* A step failed: later once more, or never. */
void run_step_failed(const struct run_env *env, Engine__StoredRun *run, const char *why);
/* A step was done: failures before it are forgotten. */
void run_step_done(Engine__StoredRun *run);
void run_stop(const struct run_env *env, Engine__StoredRun *run, const char *why);

bool run_is_over(const Engine__StoredRun *run);
/* A rule that is due again is taken together with this run. */
bool run_merges(const Engine__StoredRun *run);
/* In the wave under way or one before? For alarms. */
bool run_has_reached(const struct run_env *env, const Engine__StoredRun *run, const char *name);
/* It found nothing to do, and nobody is told of it. */
bool run_is_empty(const Engine__StoredRun *run);

#endif
