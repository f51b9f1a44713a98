/* Answers to questions that were asked ahead, until they are asked for. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "c2/store/pg_driver.h"

struct pg_answer {
	struct pg_answer *next;
	PGresult *result; /* null: it is not here */
	int id, n_params;
	int lengths[PG_PARAMS];
	char *params; /* one after the other */
};

static size_t params_len(const int *lengths, int n)
{
	size_t len = 0;
	for (int i = 0; i < n; i++)
		len += (size_t)lengths[i];
	return len;
}

struct pg_answer *pg_answer_new(struct pg_db *db, const struct stmt *s)
{
	struct pg_answer *a = mem_alloc(sizeof *a);
	char *to = a->params = mem_alloc(params_len(db->lengths, s->bound) + 1);
	a->id = (int)s->id;
	a->n_params = s->bound;
	for (int i = 0; i < s->bound; i++) {
		a->lengths[i] = db->lengths[i];
		memcpy(to, db->params[i], (size_t)db->lengths[i]);
		to += db->lengths[i];
	}
	*(db->answers ? &db->last_answer->next : &db->answers) = a;
	db->last_answer = a;
	return a;
}

void pg_answer_set(struct pg_answer *a, PGresult *result)
{
	a->result = result;
}

static bool is_of(const struct pg_answer *a, const struct pg_db *db, const struct stmt *s)
{
	const char *param = a->params;
	if (!a->result || a->id != (int)s->id || a->n_params != s->bound)
		return false;
	for (int i = 0; i < s->bound; i++) {
		if (a->lengths[i] != db->lengths[i] ||
		    memcmp(param, db->params[i], (size_t)db->lengths[i]) != 0)
			return false;
		param += a->lengths[i];
	}
	return true;
}

/* As a rule the first: answers are taken in the order of the questions. */
static PGresult *unlink_answer(struct pg_answer **at)
{
	struct pg_answer *a = *at;
	PGresult *result = a->result;
	*at = a->next;
	free(a->params);
	free(a);
	return result;
}

PGresult *pg_answer_take(struct pg_db *db, const struct stmt *s)
{
	for (struct pg_answer **at = &db->answers; *at; at = &(*at)->next) {
		if (is_of(*at, db, s))
			return unlink_answer(at);
	}
	return 0;
}

void pg_answers_forget(struct pg_db *db)
{
	while (db->answers) {
		struct pg_answer *a = db->answers;
		db->answers = a->next;
		PQclear(a->result);
		free(a->params);
		free(a);
	}
}
