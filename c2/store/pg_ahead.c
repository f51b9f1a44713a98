/* Answers to questions that were asked ahead, until they are asked for. */
#define _GNU_SOURCE
#include <endian.h>
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
	if (!db->answers)
		db->answers_end = &db->answers;
	*db->answers_end = a;
	db->answers_end = &a->next;
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

static PGresult *unlink_answer(struct pg_db *db, struct pg_answer **at)
{
	struct pg_answer *a = *at;
	PGresult *result = a->result;
	*at = a->next;
	if (!a->next)
		db->answers_end = at;
	free(a->params);
	free(a);
	return result;
}

/* As a rule it is the first: answers are taken in the order of the questions. */
PGresult *pg_answer_take(struct pg_db *db, const struct stmt *s)
{
	for (struct pg_answer **at = &db->answers; *at; at = &(*at)->next) {
		if (is_of(*at, db, s))
			return unlink_answer(db, at);
	}
	return 0;
}

void pg_answers_forget(struct pg_db *db)
{
	while (db->answers)
		PQclear(unlink_answer(db, &db->answers));
}

static bool may_be_row(const struct pg_answer *a, int64_t id)
{
	int64_t have;
	if (!a->result || PQntuples(a->result) == 0 || PQgetlength(a->result, 0, 0) != sizeof have)
		return true;
	memcpy(&have, PQgetvalue(a->result, 0, 0), sizeof have);
	return (int64_t)be64toh((uint64_t)have) == id;
}

/* Only what calls that come together do as a rule is looked at closely. */
static bool spoils(const struct pg_db *db, const struct stmt *s, const struct pg_answer *a)
{
	bool of_client = a->id == SQL_CLIENT_BY_NAME, of_topic = a->id == SQL_TOPIC_BY_NAME;
	switch (s->id) {
	case SQL_EVENT_INSERT:
		return false;
	case SQL_MEMBER_PUT:
		return !of_client && !of_topic;
	case SQL_CLIENT_UPDATE: /* the id comes last */
		return !of_topic &&
		       (!of_client ||
			may_be_row(a, (int64_t)be64toh((uint64_t)db->ints[s->bound - 1])));
	default:
		return true;
	}
}

void pg_answers_spoil(struct pg_db *db, const struct stmt *s)
{
	struct pg_answer **at = &db->answers;
	while (*at) {
		if (spoils(db, s, *at))
			PQclear(unlink_answer(db, at));
		else
			at = &(*at)->next;
	}
}
