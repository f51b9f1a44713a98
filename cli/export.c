/* c2cli export: what a search finds as rows, in the form that import reads. Keys are in none. */
#define _GNU_SOURCE
#include <csv.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "base/mem.h"
#include "c2.pb-c.h"
#include "cli/run.h"

enum { PAGE = 500 };

struct export
{
	struct session *s;
	const struct command *cmd;
	bool csv, clients;
	char *cursor;
};

/* "TYPE_PRODUCER" as import reads it; empty: it is not known. */
static const char *type_word(Pb__ClientType type)
{
	static const char *const words[] = {"", "producer", "consumer", "both"};

	return (unsigned)type < sizeof words / sizeof words[0] ? words[type] : "";
}

static bool csv_list(char **texts, size_t n, struct err *err)
{
	size_t len = 1;
	char *all, *at;

	for (size_t i = 0; i < n; i++) {
		len += strlen(texts[i]) + 1;
		if (strchr(texts[i], ';'))
			return err_set(err, ERR_INVALID,
				       "a list in CSV has semicolons between, and the name %.80s "
				       "has one in it: use --format jsonl",
				       texts[i]);
	}
	at = all = mem_alloc(len);
	for (size_t i = 0; i < n; i++)
		at += sprintf(at, "%s%s", i ? ";" : "", texts[i]);
	csv_fwrite(stdout, all, strlen(all));
	free(all);
	return true;
}

static bool csv_client(const Pb__ClientInfo *c, struct err *err)
{
	csv_fwrite(stdout, c->name, strlen(c->name));
	printf(",%s,", type_word(c->type));
	if (!csv_list(c->tags, c->n_tags, err))
		return false;
	putchar(',');
	if (!csv_list(c->topics, c->n_topics, err))
		return false;
	putchar('\n');
	return true;
}

static json_t *json_list(char **texts, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(texts[i]));
	return list;
}

static void put_json(json_t *o)
{
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(o);
}

static void json_client(const Pb__ClientInfo *c)
{
	json_t *o = json_object();

	json_object_set_new(o, "name", json_string(c->name));
	if (c->type != PB__CLIENT_TYPE__TYPE_UNKNOWN)
		json_object_set_new(o, "type", json_string(type_word(c->type)));
	json_object_set_new(o, "tags", json_list(c->tags, c->n_tags));
	json_object_set_new(o, "topics", json_list(c->topics, c->n_topics));
	put_json(o);
}

static void put_topic(const struct export *x, const char *name)
{
	json_t *o;

	if (x->csv) {
		csv_fwrite(stdout, name, strlen(name));
		putchar('\n');
		return;
	}
	o = json_object();
	json_object_set_new(o, "name", json_string(name));
	put_json(o);
}

static bool put_clients(struct export *x, const Pb__SearchClientsResponse *page, struct err *err)
{
	for (size_t i = 0; i < page->n_clients; i++) {
		if (!x->csv)
			json_client(page->clients[i]);
		else if (!csv_client(page->clients[i], err))
			return false;
	}
	free(x->cursor);
	x->cursor = mem_text(page->cursor);
	return true;
}

static void put_topics(struct export *x, const Pb__SearchTopicsResponse *page)
{
	for (size_t i = 0; i < page->n_topics; i++)
		put_topic(x, page->topics[i]->name);
	free(x->cursor);
	x->cursor = mem_text(page->cursor);
}

static bool run_page(struct export *x, struct err *err)
{
	struct arena arena = ARENA_INIT;
	ProtobufCMessage *request, *page;
	const struct api_method *m =
		&api_methods[x->clients ? API_C2_SEARCH_CLIENTS : API_C2_SEARCH_TOPICS];
	char limit[8];
	bool ok;

	snprintf(limit, sizeof limit, "%d", PAGE);
	ok = request_build(x->s, x->cmd, &arena, &request, err) &&
	     (!x->cursor ||
	      api_set_field(request, "cursor", x->cursor, strlen(x->cursor), &arena, NULL, err)) &&
	     api_set_field(request, "limit", limit, strlen(limit), &arena, NULL, err) &&
	     (!x->clients || api_set_field(request, "withTopics", "true", 4, &arena, NULL, err)) &&
	     rpc_call(x->s->rpc, m, request, &arena, &page, err);
	if (ok && x->clients)
		ok = put_clients(x, (const void *)page, err);
	else if (ok)
		put_topics(x, (const void *)page);
	arena_free(&arena);
	return ok;
}

bool run_export(struct session *s, const struct command *cmd, struct err *err)
{
	const struct command_value *v = command_get(cmd, "format");
	struct export x = {.s = s,
			   .cmd = cmd,
			   .csv = !v || strcmp(v->text, "csv") == 0,
			   .clients = strcmp(cmd->row->cli.words, "export clients") == 0};
	bool ok;

	if (v && !x.csv && strcmp(v->text, "jsonl") != 0)
		return err_set(err, ERR_INVALID, "--format is csv or jsonl");
	if (x.csv)
		printf(x.clients ? "name,type,tags,topics\n" : "name\n");
	do
		ok = s->stop && *s->stop ? err_set(err, ERR_CANCELLED, "stopped")
					 : run_page(&x, err);
	while (ok && x.cursor && x.cursor[0] && !ferror(stdout));
	free(x.cursor);
	return ok;
}
