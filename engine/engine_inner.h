/*
 * What the files of the engine's shell share. Memory holds of each rule its
 * record, its state and where its run stands, as they were last read or written;
 * the database decides: who writes from an old view is refused and reads again.
 */
#ifndef ENGINE_ENGINE_INNER_H
#define ENGINE_ENGINE_INNER_H

#include "engine/engine.h"
#include "engine/index.h"
#include "engine/run.h"

/* Kinds of records. The numbers are stored: never reuse one. */
enum {
	RECORD_RULE = 1,
	RECORD_STATE = 2,  /* id and owner: the rule's */
	RECORD_RUN = 3,    /* owner: the rule's id */
	RECORD_CURSOR = 4, /* one, of id 1 */
	RECORD_EDITS = 5   /* one, of id 1 */
			   /* 6 is LETTER_RECORD */
};

enum {
	FIRE_MAX = 64,  /* rules of one transaction */
	STEP_OPS = 200, /* changes of one step of a run */
	CLIENTS_PAGE = 64,
	PAGE = 200,      /* rows of one page of targets or events */
	SLICE_MS = 5,    /* of one call of engine_work */
	STEP_MS = 10,    /* of looking at targets in one step */
	TAKE_OVER_S = 5, /* a run of another server that has not moved for so long */
	POLL_S = 5,      /* between two looks for what other servers changed */
	LOOK_S = 60,     /* so that a step of the clock is seen */
	MATCHES_MAX = 1000,
	ASK_MAX = 1000, /* targets that are looked at when a rule is shown */
	EDITS_MAX = 64, /* changes of rules that are remembered by their numbers */
	TRIES = 10      /* of a caller's change when others change the same rule */
};

struct entry {
	struct rule rule;
	uint8_t *state; /* StoredState */
	size_t state_len;
	int64_t state_version;
	int64_t due_at; /* decide_at of it */

	/* Its run under way, as far as it was last seen. */
	bool running;
	bool run_merges;
	bool mine;       /* the last step was ours */
	bool begun_here; /* the run that will be found was begun by a caller of ours */
	int64_t run_id, run_version;
	int64_t run_at; /* when to go on with it */

	int64_t at;  /* when to look at it again: its place in the heap */
	size_t heap; /* counted from 1; 0: it waits for nothing */
	bool indexed;
	bool stale;                /* to be read again */
	int64_t seen;              /* the last event that its state counted */
	int64_t hit;               /* the last look at an event that found it */
	Engine__StoredState *work; /* its state while events are counted */
	bool changed;
};

struct engine {
	struct engine_config cfg;
	struct fleet fleet;
	struct clock clock;
	struct engine_told told;
	void (*wake)(void *ctx);
	void *wake_ctx;

	struct entry **entries; /* in order of their ids */
	size_t n, cap;
	struct entry **heap;
	size_t n_heap, heap_cap;
	struct rule_index index;
	struct zones zones;
	bool loaded;
	bool any_stale;
	int64_t clock_seen; /* seconds */
	int64_t fired;      /* since history was last trimmed */

	bool events; /* there may be new ones */
	int64_t event_seen, event_saved;
	int64_t looks; /* at events, so far */
	int64_t cursor_version;
	int64_t edits_version;
	int64_t poll_at_ms;

	int64_t retry_at_ms, retry_wait_ms; /* after a failure of the database; 0: none */
	struct err trouble;
};

static inline int64_t engine_now(const struct engine *e)
{
	return clock_wall_s(&e->clock);
}

static inline int64_t engine_mono(const struct engine *e)
{
	return e->clock.mono_ms(e->clock.ctx);
}

/* FLEET(e, op, args...): a question to, or a change of, the fleet. */
#define FLEET(e, op, ...) ((e)->fleet.ops->op((e)->fleet.ctx, __VA_ARGS__))

/* --- entries (engine_load.c) -------------------------------------------------------------------
 */

struct entry *entry_find(const struct engine *e, int32_t id);
/* Read it again, or forget it. */
bool entry_refresh(struct engine *e, int32_t id, struct err *err);
bool engine_load(struct engine *e, struct err *err);
/* Read again what is marked, for a slice of time; or all of it, and keep the marks. */
bool refresh_stale(struct engine *e, bool all, struct err *err);
struct entry *engine_mark(struct engine *e, int32_t id);
void engine_unload(struct engine *e);
/* The last changes of rules; *out is null before the first. */
bool edits_read(struct engine *e, struct arena *arena, int64_t *version, Engine__StoredEdits **out,
		struct err *err);
/* What other servers changed. */
bool engine_poll(struct engine *e, struct err *err);

/* A state as it is in the database now. */
void entry_set_state(struct engine *e, struct entry *en, const struct fleet_record *record,
		     const Engine__StoredState *st);
void entry_set_run(struct engine *e, struct entry *en, const struct fleet_record *record,
		   const Engine__StoredRun *run, bool mine);
/* Put it where it belongs among what waits (engine_heap.c). */
void entry_schedule(struct engine *e, struct entry *en);
void entry_unschedule(struct engine *e, struct entry *en);

bool state_open(const struct fleet_record *record, struct arena *arena, Engine__StoredState **out,
		struct err *err);
bool entry_state(const struct entry *en, struct arena *arena, Engine__StoredState **out,
		 struct err *err);
bool run_open(const struct fleet_record *record, struct arena *arena, Engine__StoredRun **out,
	      struct err *err);
/* A rule's newest run; ERR_NOT_FOUND. */
bool newest_run(struct engine *e, int32_t rule, struct arena *arena, struct fleet_record *record,
		Engine__StoredRun **out, struct err *err);

struct fleet_record state_record(const struct entry *en, const Engine__StoredState *st,
				 struct arena *arena);

/* --- for callers ------------------------------------------------------------------------------ */

/* A rule as it lies in the database, with its state and its run under way. */
struct opened {
	struct rule rule; /* release with rule_unload */
	Engine__StoredRule *stored;
	int64_t state_version;
	Engine__StoredState *state;
	struct fleet_record run_record;
	Engine__StoredRun *run; /* null: none is under way */
};

/* ERR_NOT_FOUND names the rule. */
bool rule_read(struct engine *e, int32_t id, struct arena *arena, struct opened *out,
	       struct err *err);
/* Fill the outputs of o->stored->rule; ask: also what its targets match now. */
bool rule_describe(struct engine *e, const struct opened *o, bool ask, struct arena *arena,
		   struct err *err);
/* How many a target matches, up to MATCHES_MAX. */
bool target_matches(struct engine *e, const Pb__Target *t, struct arena *arena, int64_t *n,
		    struct err *err);

/* Does it rotate no more often than its devices bear? ERR_PRECONDITION says how it is. */
bool risk_check(struct engine *e, const struct opened *o, struct arena *arena, struct err *err);

/* Of the time triggers, where each stands: its next due time, and when that fires. */
struct walk {
	int64_t due[RULE_TRIGGERS_MAX], at[RULE_TRIGGERS_MAX];
};

void walk_begin(struct walk *w, const struct opened *o);
/* The earliest, RULE_NEVER at the end; all that fire then go on to their next. */
int64_t walk_next(struct walk *w, const struct opened *o);

/* --- work ------------------------------------------------------------------------------------ */

bool engine_commit(struct engine *e, struct fleet_txn *txn, size_t *bad, struct err *err);
bool engine_late(const struct engine *e, int64_t began_ms, int64_t ms);
void tell_run(struct engine *e, const Pb__Rule *rule, const Engine__StoredRun *run, int64_t id);
/* A page of events; *more: there is another. */
bool consume_events(struct engine *e, bool *more, struct err *err);
/* Fire the rules of the heap that are due, up to FIRE_MAX. */
bool fire_due(struct engine *e, struct err *err);
/* One step of a rule's run. */
bool step_run(struct engine *e, struct entry *en, struct err *err);
/* The run is over: what its rule's state is then. */
void state_after_run(const struct rule *r, Engine__StoredState *st, const Engine__StoredRun *run,
		     int64_t run_id, int64_t now);

#endif
