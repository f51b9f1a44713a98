/*
 * How far a topic's newest key has come. Few members are counted when asked;
 * many in slices between other work, since a million are most of a second: the
 * answer is then the last count, and a question that finds it old starts the next.
 */
#include "c2/core/internal.h"

#include <string.h>

#include "base/log.h"

enum {
	COUNT_SLICE = 1000, /* rows of one turn: 1 ms */
	COUNT_AGE_S = 10    /* an answer older than this starts a new count */
};

static void start(struct core *c, struct topic_count *t, const struct store_topic *row)
{
	if (t->rev != row->rev || t->topic_id != row->id)
		*t = (struct topic_count){.topic_id = row->id, .rev = row->rev};
	t->running = true;
	t->after = 0;
	t->began_at = core_now(c);
	memset(&t->sum, 0, sizeof t->sum);
	core_wake(c);
}

/* That of this topic, or the one that nobody has asked for longest. */
static struct topic_count *place_of(struct core *c, int64_t topic_id)
{
	struct topic_count *oldest = &c->counts[0];

	for (size_t i = 0; i < CORE_COUNTS; i++) {
		if (c->counts[i].topic_id == topic_id)
			return &c->counts[i];
		if (c->counts[i].asked < oldest->asked)
			oldest = &c->counts[i];
	}
	return oldest;
}

static void tell_count(struct core *c, const struct store_topic *row, struct core_topic_status *out)
{
	struct topic_count *t = place_of(c, row->id);
	int64_t now = core_now(c), age = now - t->done_at;

	if (t->topic_id != row->id || t->rev != row->rev ||
	    (!t->running && (age >= COUNT_AGE_S || age < 0)))
		start(c, t, row);
	t->asked = ++c->counts_asked;
	out->progress = t->done_at ? t->done : t->sum;
	out->counted_at = t->done_at ? t->done_at : t->began_at;
	out->counted = out->progress.members;
	if (t->done_at || out->counted > row->n_members)
		return;
	/* So that nobody takes it for done. */
	out->progress.waiting += row->n_members - out->counted;
	out->progress.members = row->n_members;
}

bool core_topic_status(struct core *c, const char *topic, struct core_topic_status *out,
		       struct err *err)
{
	struct store_topic row;
	int64_t after = 0;

	memset(out, 0, sizeof *out);
	if (!find_topic(c, topic, &row, err))
		return false;
	out->revision = row.rev;
	out->rotated_at = row.rotated_at;
	if (row.n_members <= CORE_COUNT_AT_ONCE) {
		if (!DB(c, topic_progress, row.id, &after, CORE_COUNT_AT_ONCE + 1, &out->progress,
			err))
			return false;
		out->counted = out->progress.members;
		out->counted_at = core_now(c);
		if (!after)
			return true;
	}
	/* Many, or many that were removed and have yet to be told. */
	tell_count(c, &row, out);
	return true;
}

static bool count_slice(struct core *c, struct topic_count *t, struct err *err)
{
	struct store_topic row;
	bool found;

	if (!DB(c, topic_by_id, t->topic_id, &row, &found, err))
		return false;
	if (!found || row.removed) {
		*t = (struct topic_count){0};
		return true;
	}
	if (row.rev != t->rev)
		start(c, t, &row);
	if (!DB(c, topic_progress, t->topic_id, &t->after, COUNT_SLICE, &t->sum, err))
		return false;
	t->running = t->after != 0;
	if (!t->running) {
		t->done = t->sum;
		t->done_at = t->began_at;
	}
	return true;
}

bool count_topics(struct core *c)
{
	struct err err;

	for (size_t i = 0; i < CORE_COUNTS; i++) {
		struct topic_count *t = &c->counts[i];

		if (!t->running)
			continue;
		if (count_slice(c, t, &err))
			return true;
		log_write(LOG_WARN, "members of a topic are not counted",
			  LOG_STR("error", err.text));
		*t = (struct topic_count){0}; /* whoever asks again starts it again */
	}
	return false;
}
