/* Events to listeners: read from the database after the commit, so each gets every one, in order.
 */
#include "c2/core/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

enum { EVENTS_PAGE = 32, EVENTS_AFTER_MAX = 1000 };

struct core_listener {
	struct core *c;
	int64_t seq; /* last event that it has seen */
	void (*fn)(void *ctx, const struct store_event *event);
	void *ctx;
	bool gone; /* freed when no listener runs */
	struct core_listener *next;
};

struct event_list {
	struct store_event rows[EVENTS_PAGE];
	size_t n;
};

static bool event_list_add(void *arg, const struct store_event *row)
{
	struct event_list *list = arg;

	list->rows[list->n++] = *row;
	return list->n < EVENTS_PAGE;
}

static void free_gone(struct core *c)
{
	struct core_listener **at = &c->listeners;

	while (*at) {
		struct core_listener *l = *at;

		if (l->gone) {
			*at = l->next;
			free(l);
		} else {
			at = &l->next;
		}
	}
}

/* The event that the slowest listener has seen; -1 without listeners. */
static int64_t least_seen(const struct core *c)
{
	int64_t least = -1;

	for (const struct core_listener *l = c->listeners; l; l = l->next)
		if (!l->gone && (least < 0 || l->seq < least))
			least = l->seq;
	return least;
}

static void hand_out(struct core *c, const struct event_list *list)
{
	c->events_busy = true;
	for (size_t i = 0; i < list->n; i++) {
		for (struct core_listener *l = c->listeners; l; l = l->next) {
			if (l->gone || l->seq >= list->rows[i].seq)
				continue;
			l->seq = list->rows[i].seq;
			l->fn(l->ctx, &list->rows[i]);
		}
	}
	c->events_busy = false;
	free_gone(c);
}

bool events_pump(struct core *c)
{
	struct event_list *list;
	struct err err;
	bool more;
	int64_t after = least_seen(c);

	/* A listener that changes something is called with that event by the call that runs. */
	if (after < 0 || c->events_busy)
		return after >= 0;
	list = mem_alloc(sizeof *list);
	if (!DB(c, events_after, after, EVENTS_PAGE, event_list_add, list, &err)) {
		log_write(LOG_WARN, "events wait", LOG_STR("error", err.text));
		free(list);
		return false;
	}
	hand_out(c, list);
	more = list->n == EVENTS_PAGE;
	free(list);
	return more;
}

struct core_listener *core_listen(struct core *c, int64_t after,
				  void (*fn)(void *ctx, const struct store_event *event), void *ctx,
				  struct err *err)
{
	struct core_listener *l;
	int64_t last;

	/* Numbers of events that are undone are given again: it must not count from one. */
	if (!group_commit(c, err) || !DB(c, events_last, &last, err))
		return 0;
	l = mem_alloc(sizeof *l);
	/* A number from before a database was put back must not make it deaf. */
	*l = (struct core_listener){.c = c,
				    .seq = after < 0 || after > last ? last : after,
				    .fn = fn,
				    .ctx = ctx,
				    .next = c->listeners};
	c->listeners = l;
	if (l->seq < last)
		core_wake(c); /* older ones come with the next slice of work */
	return l;
}

bool core_alarm(struct core *c, const char *client, const char *topic, struct err *err)
{
	struct change ch;

	if (!*client && !*topic)
		return err_set(err, ERR_INVALID, "an alarm is about a client, a topic or both");
	if ((*client && !name_check(client, err)) || (*topic && !topic_check(topic, err)))
		return false;
	if (!change_open(&ch, c, err))
		return false;
	return change_end(&ch, change_event(&ch, CORE_EVENT_ALARM, client, topic, err), 0, err);
}

/* --- readers that keep their place ------------------------------------------------------------ */

struct event_page {
	struct store_event *rows;
	size_t n;
};

static bool event_page_add(void *arg, const struct store_event *row)
{
	struct event_page *page = arg;

	page->rows[page->n++] = *row;
	return true;
}

bool core_events_after(struct core *c, int64_t after, int64_t limit, struct arena *arena,
		       struct core_events *out, int64_t *last, struct err *err)
{
	int n = limit < EVENTS_AFTER_MAX ? (int)(limit > 1 ? limit : 1) : EVENTS_AFTER_MAX;
	struct event_page page = {.rows = arena_alloc(arena, (size_t)n * sizeof *page.rows)};
	int64_t newest;

	*out = (struct core_events){0};
	/* The last first: what comes meanwhile must not look as if it were trimmed. */
	if (!group_commit(c, err) || !DB(c, events_last, &newest, err) ||
	    !DB(c, events_after, after, n, event_page_add, &page, err))
		return false;
	*out = (struct core_events){page.rows, page.n, newest + 1};
	if (page.n)
		out->first = page.rows[0].seq;
	if (last)
		*last = newest;
	return true;
}

void core_unlisten(struct core_listener *l)
{
	if (!l)
		return;
	l->gone = true;
	if (!l->c->events_busy)
		free_gone(l->c);
}

void events_free(struct core *c)
{
	for (struct core_listener *l = c->listeners; l; l = l->next)
		l->gone = true;
	free_gone(c);
}
