/* Tags, and the search by name and tag. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "c2/store/mem_db.h"

static char **tags_of(const struct client *c, size_t *n)
{
	*n = c->extra ? c->extra->tags.n : 0;
	return c->extra ? c->extra->tags.at : 0;
}

/* The place of a tag among the sorted ones; *has: it is there. */
static size_t tag_place(const struct client *c, const char *tag, bool *has)
{
	size_t n, i = 0;
	char **tags = tags_of(c, &n);

	while (i < n && strcmp(tags[i], tag) < 0)
		i++;
	*has = i < n && strcmp(tags[i], tag) == 0;
	return i;
}

struct tag_was {
	struct client *c;
	char *tag;
};

static void put(struct client *c, char *tag)
{
	bool has;
	size_t i = tag_place(c, tag, &has);

	*(char **)vec_insert(&mem_extra(c)->tags, sizeof tag, i) = tag;
}

static void take(struct client *c, const char *tag)
{
	bool has;
	size_t i = tag_place(c, tag, &has);

	vec_remove(&c->extra->tags, sizeof tag, i);
}

static void put_back(struct mem *m, const void *bytes)
{
	const struct tag_was *was = bytes;

	(void)m;
	take(was->c, was->tag);
	free(was->tag);
}

static void take_back(struct mem *m, const void *bytes)
{
	const struct tag_was *was = bytes;

	(void)m;
	put(was->c, was->tag);
}

bool mem_client_tag_put(void *ctx, int64_t client_id, const char *tag, struct err *err)
{
	struct mem *m = ctx;
	struct tag_was was = {.c = mem_client(m, client_id)};
	bool has;

	if (!mem_may_write(m, err))
		return false;
	if (!was.c)
		return err_set(err, ERR_NOT_FOUND, "the client is gone");
	tag_place(was.c, tag, &has);
	if (has)
		return true;
	was.tag = mem_text(tag);
	put(was.c, was.tag);
	mem_note(m, put_back, &was, sizeof was);
	return true;
}

bool mem_client_tag_remove(void *ctx, int64_t client_id, const char *tag, struct err *err)
{
	struct mem *m = ctx;
	struct tag_was was = {.c = mem_client(m, client_id)};
	size_t i, n;
	bool has = false;

	if (!mem_may_write(m, err))
		return false;
	i = was.c ? tag_place(was.c, tag, &has) : 0;
	if (!has)
		return true;
	was.tag = tags_of(was.c, &n)[i];
	take(was.c, tag);
	mem_note(m, take_back, &was, sizeof was);
	mem_drop(m, was.tag);
	return true;
}

bool mem_client_tags(void *ctx, int64_t client_id, store_name_fn *fn, void *arg, struct err *err)
{
	struct mem *m = ctx;
	const struct client *c = mem_client(m, client_id);
	size_t n = 0;
	char **tags = c ? tags_of(c, &n) : 0;

	if (!mem_may_read(m, err))
		return false;
	m->in_row = true;
	for (size_t i = 0; i < n && fn(arg, tags[i]); i++)
		;
	m->in_row = false;
	return true;
}

bool mem_clients_from(void *ctx, const char *tag, const char *from, int limit, store_client_fn *fn,
		      void *arg, struct err *err)
{
	struct mem *m = ctx;
	const struct vec *ids;
	bool has = true;

	if (!mem_may_read(m, err))
		return false;
	ids = mem_clients_by_name(m);
	for (size_t i = mem_names_from(m, ids, false, from); i < ids->n && limit > 0; i++) {
		const struct client *c = mem_client(m, ((uint32_t *)ids->at)[i]);

		if (tag)
			tag_place(c, tag, &has);
		if (!has)
			continue;
		limit--;
		if (!mem_client_row(m, c, fn, arg))
			return true;
	}
	return true;
}

bool mem_topics_from(void *ctx, const char *from, int limit, store_topic_fn *fn, void *arg,
		     struct err *err)
{
	struct mem *m = ctx;
	const struct vec *ids;
	bool more = true;

	if (!mem_may_read(m, err))
		return false;
	ids = mem_topics_by_name(m);
	for (size_t i = mem_names_from(m, ids, true, from); i < ids->n && limit > 0 && more; i++) {
		limit--;
		m->in_row = true;
		more = fn(arg, &mem_topic(m, ((uint32_t *)ids->at)[i])->row);
		m->in_row = false;
	}
	return true;
}
