/* Pages of long lists against a plain model of them, while names come and go. */
#ifndef C2_STORE_TESTS_PAGE_TESTS_H
#define C2_STORE_TESTS_PAGE_TESTS_H

#include "c2/store/tests/kit.h"

#define MODEL_N 4000

/* Which of the names n0000, n0001, ... are in a list; the saved one is for a rollback. */
struct model {
	bool in[MODEL_N], saved[MODEL_N];
};

static struct model model_clients, model_members, model_topics;
static int64_t model_ids[MODEL_N], model_topic_ids[MODEL_N], model_big;
static uint32_t model_seed;

static int model_random(int n)
{
	model_seed = model_seed * 1664525 + 1013904223;
	return (int)((model_seed >> 8) % (uint32_t)n);
}

static const char *model_name(int i)
{
	static char name[16];
	snprintf(name, sizeof name, "n%04d", i);
	return name;
}

/* Where the row callback has come to in the list that is expected. */
struct model_page {
	const struct model *m;
	int next; /* the name that must not come before this index */
	int n;
};

static bool model_take(void *arg, const char *name)
{
	struct model_page *p = arg;
	while (p->next < MODEL_N && !p->m->in[p->next])
		p->next++;
	if (p->next == MODEL_N || strcmp(name, model_name(p->next)) != 0) {
		CHECK_STR(name, p->next < MODEL_N ? model_name(p->next) : "the end");
		return false;
	}
	p->next++;
	p->n++;
	return true;
}

static void check_page(const struct model *m,
		       bool (*list)(struct store_page, store_name_fn *, void *))
{
	int offset = model_random(MODEL_N + 200), count = model_random(60), skipped = 0, left = 0;
	struct model_page p = {.m = m};
	while (p.next < MODEL_N && skipped < offset)
		skipped += m->in[p.next++];
	for (int i = p.next; i < MODEL_N; i++)
		left += m->in[i];
	OK(list(page(offset, count), model_take, &p));
	CHECK_EQ(p.n, count < left ? count : left);
}

static bool list_clients(struct store_page pg, store_name_fn *fn, void *arg)
{
	return OPS->clients(CTX, pg, fn, arg, &err);
}

static bool list_topics(struct store_page pg, store_name_fn *fn, void *arg)
{
	return OPS->topics(CTX, pg, fn, arg, &err);
}

static bool list_members(struct store_page pg, store_name_fn *fn, void *arg)
{
	return OPS->topic_clients(CTX, model_big, pg, fn, arg, &err);
}

static void check_pages(void)
{
	check_page(&model_clients, list_clients);
	check_page(&model_members, list_members);
	check_page(&model_topics, list_topics);
}

static void model_toggle_client(int i)
{
	if (model_clients.in[i]) {
		OK(OPS->client_remove(CTX, model_ids[i], &err));
	} else {
		model_ids[i] = add_client(model_name(i));
		if (i % 4)
			put_member(model_ids[i], model_big, false);
	}
	model_clients.in[i] = !model_clients.in[i];
	model_members.in[i] = model_clients.in[i] && i % 4;
}

static void model_toggle_member(int i)
{
	if (!model_clients.in[i])
		return;
	if (!model_members.in[i])
		put_member(model_ids[i], model_big, false);
	else if (i % 2)
		put_member(model_ids[i], model_big, true);
	else
		OK(OPS->member_remove(CTX, model_ids[i], model_big, &err));
	model_members.in[i] = !model_members.in[i];
}

/* Topics leave by the flag or for good, and come back by the flag or anew. */
static void model_toggle_topic(int i)
{
	struct store_topic t = {.id = 0};
	bool found = false;
	if (model_topic_ids[i])
		OK(OPS->topic_by_id(CTX, model_topic_ids[i], &t, &found, &err));
	if (!found) {
		model_topic_ids[i] = add_topic(model_name(i), (uint8_t)i);
	} else if (model_topics.in[i] && i % 3 == 0) {
		OK(OPS->topic_remove(CTX, t.id, &err));
	} else {
		t.removed = !t.removed;
		OK(OPS->topic_put(CTX, &t, &err));
	}
	model_topics.in[i] = !model_topics.in[i];
}

static void model_save(struct model *m)
{
	memcpy(m->saved, m->in, sizeof m->in);
}

static void model_restore(struct model *m)
{
	memcpy(m->in, m->saved, sizeof m->in);
}

static void model_transaction(bool keep)
{
	static int64_t ids[MODEL_N], topic_ids[MODEL_N];
	memcpy(ids, model_ids, sizeof ids);
	memcpy(topic_ids, model_topic_ids, sizeof topic_ids);
	model_save(&model_clients), model_save(&model_members), model_save(&model_topics);
	begin();
	for (int k = model_random(4); k >= 0; k--) {
		model_toggle_client(model_random(MODEL_N));
		model_toggle_member(model_random(MODEL_N));
		model_toggle_topic(model_random(MODEL_N));
	}
	check_pages(); /* what is remembered now must go with a rollback */
	if (keep) {
		commit();
		return;
	}
	OPS->rollback(CTX);
	memcpy(model_ids, ids, sizeof ids);
	memcpy(model_topic_ids, topic_ids, sizeof topic_ids);
	model_restore(&model_clients), model_restore(&model_members), model_restore(&model_topics);
}

static void pages_stay_right_while_names_come_and_go(void)
{
	memset(&model_clients, 0, sizeof model_clients);
	memset(&model_members, 0, sizeof model_members);
	memset(&model_topics, 0, sizeof model_topics);
	memset(model_topic_ids, 0, sizeof model_topic_ids);
	model_seed = 7;
	begin();
	model_big = add_topic("~ after all others", 1);
	struct store_topic big;
	bool found;
	OK(OPS->topic_by_id(CTX, model_big, &big, &found, &err));
	big.removed = true; /* its members are listed all the same */
	OK(OPS->topic_put(CTX, &big, &err));
	for (int i = MODEL_N - 1; i >= 0; i--) {
		if (i % 16)
			model_toggle_client(i);
		if (i % 8)
			model_toggle_topic(i);
	}
	commit();
	for (int round = 0; round < 120; round++) {
		model_transaction(round % 3 != 0);
		for (int k = 0; k < 4; k++)
			check_pages();
	}
}

#endif
