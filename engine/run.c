#include "engine/run.h"

#include <inttypes.h>
#include <string.h>

enum {
	RETRY_MAX_S = 3600,
	PENDING_FIRST_S = 600, /* a client that has not confirmed its last key */
	PENDING_MAX_S = 86400,
	CHECK_MAX_S = 30, /* between two looks at receipts */
	RETRY_FOR_S = 86400,
	WAVE_WAIT_S = 600,
	WAVE_CONFIRMED = 90,
	BUCKETS = 10000 /* hundredths of a percent */
};

/* first, doubled for each attempt, at most max */
static int64_t backoff(int64_t first, int32_t attempts, int64_t max)
{
	int64_t wait = first << (attempts < 30 ? attempts : 30);

	return wait > max ? max : wait;
}

Engine__StoredRun *run_new(const struct run_env *env, const struct firing *f, int64_t start_rev,
			   bool force)
{
	Engine__StoredRun *run = arena_alloc(env->arena, sizeof *run);
	Pb__RuleOptions *options = rule_options(env->rule);

	engine__stored_run__init(run);
	run->run = arena_alloc(env->arena, sizeof *run->run);
	pb__run__init(run->run);
	run->force = force || options->force;
	run->startrev = start_rev;
	run->age = f->age_s;
	run->run->ruleid = env->rule->id;
	run->run->cause = f->cause;
	run->run->causetext = arena_copy(env->arena, f->text, strlen(f->text));
	run->run->dueat = stamp_of(f->due_at, env->arena);
	run->run->startedat = stamp_of(env->now, env->arena);
	run->run->state = PB__RUN_STATE__RUN_WORKING;
	run->run->n_triggers = f->n;
	run->run->triggers = f->triggers;
	if (env->action->keys && options->n_waves) {
		run->run->wave = 1;
		run->run->waves = (int32_t)options->n_waves;
	}
	return run;
}

/* --- waiting, ending ----------------------------------------------------------------------- */

static void wait_for(const struct run_env *env, Engine__StoredRun *run, Engine__Wait kind,
		     int64_t seconds)
{
	if (run->wait != kind)
		run->waited = run->attempts = 0;
	run->wait = kind;
	run->waitfor = seconds;
	run->waited += seconds;
	run->attempts++;
	run->nextstep = env->now + seconds;
	run->run->state = PB__RUN_STATE__RUN_WAITING;
	run->run->nextstep = stamp_of(run->nextstep, env->arena);
}

static void no_more_waits(Engine__StoredRun *run)
{
	run->wait = ENGINE__WAIT__WAIT_NONE;
	run->waited = run->attempts = 0;
}

static const char *count_text(const struct run_env *env, const char *text, int64_t n,
			      const char *what)
{
	if (!n)
		return text;
	return arena_format(env->arena, "%s%s%" PRId64 " %s", text, text[0] ? ", " : "", n, what);
}

static void finish(const struct run_env *env, Engine__StoredRun *run, Pb__RunState state,
		   const char *why)
{
	Pb__Run *r = run->run;
	const char *text = count_text(env, "", r->done, env->action->done);

	text = count_text(env, text, r->already, "changed by somebody else since it was due");
	text = count_text(env, text, r->failed, "failed");
	if (!text[0])
		text = "nothing to do";
	if (why)
		text = arena_format(env->arena, "%s: %s", why, text);
	r->state = state;
	r->outcome = arena_copy(env->arena, text, strlen(text));
	r->finishedat = stamp_of(env->now, env->arena);
	r->nextstep = 0;
	run->nextstep = 0;
}

void run_stop(const struct run_env *env, Engine__StoredRun *run, const char *why)
{
	finish(env, run, PB__RUN_STATE__RUN_STOPPED, why);
}

bool run_is_over(const Engine__StoredRun *run)
{
	return run->run->state != PB__RUN_STATE__RUN_WORKING &&
	       run->run->state != PB__RUN_STATE__RUN_WAITING;
}

bool run_merges(const Engine__StoredRun *run)
{
	return run->run->state == PB__RUN_STATE__RUN_WAITING &&
	       run->wait == ENGINE__WAIT__WAIT_GRACE;
}

bool run_is_empty(const Engine__StoredRun *run)
{
	const Pb__Run *r = run->run;

	return run->age && r->state == PB__RUN_STATE__RUN_DONE && !r->done && !r->failed;
}

/* --- waves ---------------------------------------------------------------------------------- */

/* Targets below this bucket are of this wave or one before; the last takes all. */
static int64_t wave_end(const struct run_env *env, const Engine__StoredRun *run, int32_t wave)
{
	const Pb__RuleOptions *options = rule_options(env->rule);

	if (wave < 1)
		return 0;
	if (wave >= run->run->waves || (size_t)wave > options->n_waves)
		return BUCKETS;
	return (int64_t)options->waves[wave - 1] * (BUCKETS / 100);
}

static int64_t bucket_of(const char *name)
{
	return (int64_t)(hash_name(name, 0) % BUCKETS);
}

static bool in_wave(const struct run_env *env, const Engine__StoredRun *run, const char *name)
{
	int64_t bucket;

	if (!run->run->waves)
		return true;
	bucket = bucket_of(name);
	return bucket >= wave_end(env, run, run->run->wave - 1) &&
	       bucket < wave_end(env, run, run->run->wave);
}

bool run_has_reached(const struct run_env *env, const Engine__StoredRun *run, const char *name)
{
	return run->run->waves && bucket_of(name) < wave_end(env, run, run->run->wave);
}

bool run_samples(const struct run_env *env, Engine__StoredRun *run,
		 const struct fleet_target *target)
{
	run->looked++;
	if (!in_wave(env, run, target->name) || target->key_rev <= run->startrev)
		return false;
	run->sampled++;
	return true;
}

bool run_sampled(const Engine__StoredRun *run)
{
	return run->sampled >= RUN_SAMPLE_MAX || run->looked >= RUN_SAMPLE_LOOKS;
}

/* --- one target ------------------------------------------------------------------------------ */

static void defer(Engine__StoredRun *run, int64_t until)
{
	run->deferred++;
	if (!run->deferreduntil || until < run->deferreduntil)
		run->deferreduntil = until;
}

/* A topic's members hold one key beside the newest: it must have had its time. */
static bool may_rotate(const struct run_env *env, Engine__StoredRun *run,
		       const struct fleet_target *t)
{
	bool waited = run->wait == ENGINE__WAIT__WAIT_GRACE && run->waited >= env->grace_s;
	int64_t until = t->rotated_at + env->grace_s;

	if (run->force || waited || until <= env->now)
		return true;
	defer(run, until < env->now + env->grace_s ? until : env->now + env->grace_s);
	return false;
}

static int64_t retry_for(const struct run_env *env)
{
	int64_t given = rule_options(env->rule)->retryfor;

	return given ? given : RETRY_FOR_S;
}

static bool may_rekey(const struct run_env *env, Engine__StoredRun *run,
		      const struct fleet_target *t)
{
	bool waited = run->wait == ENGINE__WAIT__WAIT_GRACE;

	if (run->force || !t->key_pending)
		return true;
	if (waited && run->waited >= retry_for(env))
		run_target_failed(env, run, t->name, "it has not confirmed its last key");
	else
		defer(run, env->now + backoff(PENDING_FIRST_S, waited ? run->attempts : 0,
					      PENDING_MAX_S));
	return false;
}

/* By age: a key of unknown age is left alone. */
static bool is_of_age(const struct run_env *env, Engine__StoredRun *run,
		      const struct fleet_target *t)
{
	if (!run->age || (t->rotated_at && t->rotated_at + run->age <= env->now))
		return true;
	if (t->rotated_at && (!run->oldest || t->rotated_at < run->oldest))
		run->oldest = t->rotated_at;
	return false;
}

bool run_look(const struct run_env *env, Engine__StoredRun *run, enum fleet_kind kind,
	      const struct fleet_target *t)
{
	if (!env->action->keys) {
		run->acted++;
		return true;
	}
	if (!in_wave(env, run, t->name))
		return false;
	if (t->key_rev > run->startrev) {
		run->newer++;
		run->inwave++;
		return false;
	}
	if (!is_of_age(env, run, t))
		return false;
	run->inwave++;
	if (kind == FLEET_TOPIC ? !may_rotate(env, run, t) : !may_rekey(env, run, t))
		return false;
	run->acted++;
	return true;
}

void run_target_failed(const struct run_env *env, Engine__StoredRun *run, const char *name,
		       const char *reason)
{
	Pb__Run *r = run->run;
	Pb__RunFailure **grown, *f;

	r->failed++;
	if (r->n_failures >= RUN_FAILURES_MAX)
		return;
	grown = arena_alloc(env->arena, (r->n_failures + 1) * sizeof *grown);
	if (r->n_failures)
		memcpy(grown, r->failures, r->n_failures * sizeof *grown);
	f = arena_alloc(env->arena, sizeof *f);
	pb__run_failure__init(f);
	f->target = arena_copy(env->arena, name, strlen(name));
	f->reason = arena_copy(env->arena, reason, strlen(reason));
	grown[r->n_failures++] = f;
	r->failures = grown;
}

void run_missing(const struct run_env *env, Engine__StoredRun *run, const char *name)
{
	if (!run->checking && !run->passes && in_wave(env, run, name))
		run_target_failed(env, run, name, "there is nothing of this name");
}

/* --- after a pass, after a failure --------------------------------------------------------------
 */

static void begin_pass(const struct run_env *env, Engine__StoredRun *run, bool checking)
{
	run->checking = checking;
	run->target = 0;
	run->cursor = arena_copy(env->arena, "", 0);
	run->newer = run->acted = run->deferred = run->deferreduntil = run->inwave = 0;
	run->looked = run->sampled = run->devices = run->confirmed = 0;
}

static void end(const struct run_env *env, Engine__StoredRun *run)
{
	Pb__Run *r = run->run;
	bool none = r->failed && !r->done && !r->already;

	finish(env, run, none ? PB__RUN_STATE__RUN_FAILED : PB__RUN_STATE__RUN_DONE, 0);
}

void run_recount(const struct run_env *env, Engine__StoredRun *run)
{
	if (run->run->state == PB__RUN_STATE__RUN_DONE ||
	    run->run->state == PB__RUN_STATE__RUN_FAILED)
		end(env, run);
}

static void next_wave(const struct run_env *env, Engine__StoredRun *run)
{
	if (run->run->wave >= run->run->waves) {
		end(env, run);
		return;
	}
	run->run->wave++;
	run->actedbefore = 0;
	run->passes = 0;
	run->alreadybefore = run->run->already;
	begin_pass(env, run, false);
	no_more_waits(run);
	run->run->state = PB__RUN_STATE__RUN_WORKING;
}

/* The first look at receipts comes soon, later ones less and less often. */
static void wait_for_receipts(const struct run_env *env, Engine__StoredRun *run, int64_t left)
{
	bool first = run->wait != ENGINE__WAIT__WAIT_RECEIPTS;
	int64_t wait = backoff(1, first ? 0 : run->attempts, CHECK_MAX_S);

	run->run->outcome =
		run->devices ? arena_format(env->arena,
					    "wave %d of %d: %" PRId64 " of %" PRId64
					    " devices have confirmed so far",
					    (int)run->run->wave, (int)run->run->waves,
					    run->confirmed, run->devices)
			     : arena_format(env->arena, "wave %d of %d waits for its receipts",
					    (int)run->run->wave, (int)run->run->waves);
	begin_pass(env, run, true);
	wait_for(env, run, ENGINE__WAIT__WAIT_RECEIPTS, wait < left ? wait : left);
}

static int64_t wave_wait(const struct run_env *env)
{
	int64_t given = rule_options(env->rule)->wavewait;

	return given ? given : WAVE_WAIT_S;
}

static void checked(const struct run_env *env, Engine__StoredRun *run)
{
	int64_t percent = rule_options(env->rule)->waveconfirmed;
	int64_t left = wave_wait(env) - run->waited;

	percent = percent ? percent : WAVE_CONFIRMED;
	if (run->confirmed * 100 >= run->devices * percent)
		next_wave(env, run);
	else if (left > 0)
		wait_for_receipts(env, run, left);
	else
		run_stop(env, run,
			 arena_format(env->arena,
				      "wave %d of %d: after %" PRId64 " s %" PRId64 " of %" PRId64
				      " devices have confirmed, which is below %" PRId64 " %%",
				      (int)run->run->wave, (int)run->run->waves, wave_wait(env),
				      run->confirmed, run->devices, percent));
}

/* Those that this run changed in passes before are newer by its own doing. */
static void count_already(Engine__StoredRun *run)
{
	int64_t others = run->newer - run->actedbefore;

	run->run->already = run->alreadybefore + (others > 0 ? others : 0);
	run->actedbefore += run->acted;
}

static void wait_for_grace(const struct run_env *env, Engine__StoredRun *run)
{
	int64_t wait = run->deferreduntil - env->now;

	run->run->outcome = arena_format(
		env->arena, "%" PRId64 " to go whose newest key is young or not confirmed",
		(int64_t)run->deferred);
	begin_pass(env, run, false);
	run->passes++;
	wait_for(env, run, ENGINE__WAIT__WAIT_GRACE, wait < 1 ? 1 : wait);
}

void run_pass_done(const struct run_env *env, Engine__StoredRun *run)
{
	if (run->checking) {
		checked(env, run);
		return;
	}
	count_already(run);
	if (run->deferred)
		wait_for_grace(env, run);
	else if (!run->run->waves)
		end(env, run);
	else if (run->inwave)
		wait_for_receipts(env, run, wave_wait(env));
	else
		next_wave(env, run);
}

void run_step_failed(const struct run_env *env, Engine__StoredRun *run, const char *why)
{
	bool again = run->wait == ENGINE__WAIT__WAIT_RETRY;

	run->run->outcome = arena_copy(env->arena, why, strlen(why));
	if (again && run->waited >= retry_for(env))
		finish(env, run, PB__RUN_STATE__RUN_FAILED, why);
	else
		wait_for(env, run, ENGINE__WAIT__WAIT_RETRY,
			 backoff(1, again ? run->attempts : 0, RETRY_MAX_S));
}

void run_step_done(Engine__StoredRun *run)
{
	if (run->wait == ENGINE__WAIT__WAIT_RETRY)
		no_more_waits(run);
}
