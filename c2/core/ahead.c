/* Questions of calls that come next, asked together. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "c2/core/internal.h"

enum { ASKS = 2 }; /* of one call at most */

static void forget(struct ahead *a)
{
	free(a->questions);
	free(a->news);
	*a = (struct ahead){.n_news = 0};
}

static bool is_name(const char *name)
{
	return name && e4_name_ok(name, strlen(name));
}

static void add_new(struct ahead *a, const char *name)
{
	struct store_client *row = &a->news[a->n_news++];

	memcpy(row->name, name, strlen(name) + 1);
	e4_id_from_name(row->e4id, name, strlen(name));
}

static void add(struct ahead *a, const struct core_named *call)
{
	if (!is_name(call->client))
		return;
	if (call->is_new) {
		add_new(a, call->client);
		return;
	}
	a->questions[a->n_questions++] = (struct store_question){STORE_ASK_CLIENT, 0, call->client};
	if (call->topic && e4_topic_ok(call->topic, strlen(call->topic)))
		a->questions[a->n_questions++] =
			(struct store_question){STORE_ASK_TOPIC, 0, call->topic};
}

static void collect(struct ahead *a, const struct core_named *calls, size_t n, bool changes)
{
	a->questions = mem_array(n * ASKS, sizeof *a->questions);
	a->news = mem_array(n, sizeof *a->news);
	for (size_t i = 0; i < n; i++)
		if (calls[i].is_change == changes)
			add(a, &calls[i]);
}

bool ahead_ask(struct core *c, struct err *err)
{
	struct ahead a = c->ahead;
	bool ok = true;

	c->ahead = (struct ahead){.n_news = 0};
	if (a.n_questions)
		ASK_AHEAD(c, a.questions, a.n_questions);
	if (a.n_news && c->store.ops->clients_ahead)
		ok = DB(c, clients_ahead, a.news, a.n_news, err);
	forget(&a);
	return ok;
}

/* Reads ask at once; changes in the transaction that the first of them begins. */
void core_ahead(struct core *c, const struct core_named *calls, size_t n)
{
	forget(&c->ahead);
	if (n == 0) {
		ASK_AHEAD(c, 0, 0);
		return;
	}
	collect(&c->ahead, calls, n, false);
	ahead_ask(c, 0);
	collect(&c->ahead, calls, n, true);
	if (c->group.n)
		ahead_ask(c, 0); /* it has begun already */
}
