/*
 * What is due: pure functions of a rule, its state, an event and the time.
 *
 * - A trigger made now first fires at its next due time. Of periods that were
 *   missed it fires once.
 * - Several triggers that are due together fire once, together.
 * - A clock that steps back makes nothing fire twice: due times stay. If they
 *   were counted more than a day in the future of now, the clock was wrong
 *   then, and they are counted anew.
 */
#ifndef ENGINE_DECIDE_H
#define ENGINE_DECIDE_H

#include "engine/rule.h"

/* When the rule is due: RULE_NEVER; the past and now: it is. A paused one never is. */
int64_t decide_at(const struct rule *r, const Engine__StoredState *st);

struct firing {
	Pb__RunCause cause;
	const char *text;
	int64_t due_at;
	int32_t *triggers; /* ids */
	size_t n;
	int64_t age_s; /* it was due by the age of keys alone: act on older ones only; else 0 */
};

/* Fire what is due; st is as it is afterwards. False: nothing is. */
bool decide_fire(const struct rule *r, Engine__StoredState *st, int64_t now, struct arena *arena,
		 struct firing *out);
/* False: nothing had to be counted anew. */
bool decide_clock(const struct rule *r, Engine__StoredState *st, int64_t now);
/* An event about one of the rule's targets. False: it does not count it, or has before. */
bool decide_event(const struct rule *r, Engine__StoredState *st, const struct fleet_event *event);
/* The rule waits for this type of events. */
bool decide_waits_for(const struct rule *r, int32_t event);
/* A run by the age of keys has ended; oldest: when the oldest key it left was made, 0: none. */
void decide_age(const struct rule *r, Engine__StoredState *st, int64_t now, int64_t oldest,
		bool all_well);

#endif
