#include "c2/store/sql_places.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "c2/store/sql_db.h"

static void forget_down_to(struct places *p, size_t n)
{
	while (p->n > n)
		free(p->names[--p->n]);
}

void places_forget_from(struct places *p, const char *name)
{
	size_t n = p->n;
	while (n > 0 && strcmp(p->names[n - 1], name) >= 0)
		n--;
	forget_down_to(p, n);
}

void places_forget(struct places *p)
{
	forget_down_to(p, 0);
}

void places_free(struct places *p)
{
	places_forget(p);
	free(p->names);
	p->names = 0;
	p->cap = 0;
}

static void remember(struct places *p, const char *name)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 64;
		p->names = mem_resize(p->names, p->cap, sizeof *p->names);
	}
	p->names[p->n++] = mem_text(name);
}

/* Names are not empty, so all of them are after "". */
static struct stmt read_after_place(struct db *db, const struct places *p, size_t place,
				    struct store_page page)
{
	struct stmt s = stmt_read(db, p->sql);
	put_text(&s, place ? p->names[place - 1] : "");
	put_int(&s, p->list);
	put_page(&s, page);
	return s;
}

/* Find one place more; *end: the list has no so many names. */
static bool extend(struct db *db, struct places *p, bool *end, struct err *err)
{
	char name[STORE_TOPIC_MAX + 1];
	struct store_page last_of_step = {PLACES_STEP - 1, 1};
	struct stmt s = read_after_place(db, p, p->n, last_of_step);
	*end = !stmt_row(&s);
	if (!*end)
		get_text(&s, name, sizeof name);
	if (!*end && stmt_ok(&s))
		remember(p, name);
	return stmt_end(&s, err);
}

bool places_page(struct db *db, struct places *p, struct store_page page, store_name_fn *fn,
		 void *arg, struct err *err)
{
	struct sql_state state;
	if (db->driver->shared) {
		if (!state_get(db, &state, err))
			return false;
		if (!db->driver->in_transaction(db))
			places_follow(db, state.revision);
	}
	int64_t offset = page.offset > 0 ? page.offset : 0;
	size_t place = (size_t)(offset / PLACES_STEP);
	bool end = page.count <= 0;
	while (!end && p->n < place) {
		if (!extend(db, p, &end, err))
			return false;
	}
	if (end)
		return true; /* nothing is asked for, or nothing is there */
	page.offset = offset - (int64_t)place * PLACES_STEP;
	struct stmt s = read_after_place(db, p, place, page);
	return stmt_names(&s, fn, arg, err);
}
