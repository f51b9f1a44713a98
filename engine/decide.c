#include "engine/decide.h"

enum { DAY_S = 86400, HOUR_S = 3600 };

int64_t decide_at(const struct rule *r, const Engine__StoredState *st)
{
	int64_t at = RULE_NEVER;

	for (size_t i = 0; i < r->n_triggers && !r->paused; i++) {
		int64_t due = r->triggers[i].kind->due(&r->triggers[i], st->triggers[i]);

		if (due < at)
			at = due;
	}
	return at;
}

/* The trigger at i joins the firing: the first gives the cause, the earliest the time. */
static void join(struct firing *f, const struct rule_trigger *t, int64_t due, int64_t now)
{
	due = due > 0 ? due : now;
	f->age_s = t->age_s && (f->n == 0 || f->age_s)
			   ? (f->n && f->age_s < t->age_s ? f->age_s : t->age_s)
			   : 0;
	if (f->n == 0 || due < f->due_at)
		f->due_at = due;
	if (f->n == 0)
		f->cause = t->kind->cause;
	f->triggers[f->n++] = t->id;
}

/* The message is opened only to tell people why. */
static const char *text_of(const struct rule *r, int32_t trigger, struct arena *arena)
{
	Engine__StoredRule *stored;

	if (!rule_open(r, arena, &stored, 0))
		return "";
	for (size_t i = 0; i < r->n_triggers; i++)
		if (r->triggers[i].id == trigger)
			return r->triggers[i].kind->cause_text(&r->triggers[i],
							       stored->rule->triggers[i], arena);
	return "";
}

bool decide_fire(const struct rule *r, Engine__StoredState *st, int64_t now, struct arena *arena,
		 struct firing *out)
{
	*out = (struct firing){.text = ""};
	if (r->paused)
		return false;
	out->triggers = arena_alloc(arena, (r->n_triggers + 1) * sizeof *out->triggers);
	for (size_t i = 0; i < r->n_triggers; i++) {
		const struct rule_trigger *t = &r->triggers[i];
		int64_t due = t->kind->due(t, st->triggers[i]);

		if (due > now)
			continue;
		join(out, t, due, now);
		t->kind->fired(t, st->triggers[i], now);
	}
	if (out->n == 0)
		return false;
	out->text = text_of(r, out->triggers[0], arena);
	return true;
}

bool decide_clock(const struct rule *r, Engine__StoredState *st, int64_t now)
{
	bool anew = false;

	for (size_t i = 0; i < r->n_triggers; i++) {
		if (st->triggers[i]->countedat <= now + DAY_S)
			continue;
		r->triggers[i].kind->start(&r->triggers[i], st->triggers[i], now);
		anew = true;
	}
	return anew;
}

bool decide_waits_for(const struct rule *r, int32_t event)
{
	for (size_t i = 0; i < r->n_triggers && !r->paused; i++)
		if (r->triggers[i].event && (!event || r->triggers[i].event == event))
			return true;
	return false;
}

bool decide_event(const struct rule *r, Engine__StoredState *st, const struct fleet_event *event)
{
	if (!decide_waits_for(r, event->type) || event->seq <= st->seen)
		return false;
	for (size_t i = 0; i < r->n_triggers; i++)
		st->triggers[i]->count += r->triggers[i].event == event->type;
	st->seen = event->seq;
	return true;
}

/* A fleet whose keys come of age one by one is not walked for each: so much later at most. */
static int64_t age_slack(int64_t age_s)
{
	int64_t slack = age_s / 100;

	return slack < 1 ? 1 : slack > HOUR_S ? HOUR_S : slack;
}

void decide_age(const struct rule *r, Engine__StoredState *st, int64_t now, int64_t oldest,
		bool all_well)
{
	for (size_t i = 0; i < r->n_triggers; i++) {
		int64_t age = r->triggers[i].age_s, soonest = now + age_slack(age),
			next = now + age;

		if (!age || st->triggers[i]->nextdue)
			continue;
		if (oldest && oldest + age < next)
			next = oldest + age;
		/* What failed is tried again, but not at once. */
		if (!all_well)
			soonest = now + (age < DAY_S ? age : DAY_S);
		st->triggers[i]->nextdue = next < soonest ? soonest : next;
		st->triggers[i]->countedat = now;
	}
}
