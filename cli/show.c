#include <inttypes.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/json.h"
#include "cli/run.h"
#include "cli/term.h"

/*
 * Answers are shown from their JSON form, so that names, times and numbers
 * are spelled in one place. What the user asked to be shown is shown, also a
 * field that logs must hide.
 */
static bool to_json(const ProtobufCMessage *msg, json_t **out, struct err *err)
{
	struct arena arena = ARENA_INIT;
	char *text;
	size_t len;
	bool ok = api_json_encode(msg, &arena, &text, &len, err);

	*out = ok ? json_loadb(text, len, JSON_ALLOW_NUL, NULL) : NULL;
	arena_free(&arena);
	return *out || (ok && err_set(err, ERR_INTERNAL, "an answer could not be shown"));
}

static bool print_json(const ProtobufCMessage *msg, struct err *err)
{
	struct arena arena = ARENA_INIT;
	char *text;
	size_t len;
	bool ok = api_json_encode(msg, &arena, &text, &len, err);

	if (ok)
		printf("%.*s\n", (int)len, text);
	arena_free(&arena);
	return ok;
}

static const char *text_of(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));

	return text ? text : "";
}

static void put_text(const json_t *value)
{
	term_put(stdout, json_string_value(value), json_string_length(value));
}

/* "3 clients will get it (revision 42)" */
static void put_delivery(const json_t *d)
{
	const char *status = text_of(d, "status");
	int64_t n = strtoll(text_of(d, "recipients"), NULL, 10);

	if (strcmp(status, "DELIVERY_QUEUED") == 0)
		printf("on its way to %" PRId64 " client%s", n, n == 1 ? "" : "s");
	else if (strcmp(status, "DELIVERY_BROKER_AWAY") == 0)
		printf("kept for %" PRId64
		       " client%s: the broker is away, it goes out when that is "
		       "back",
		       n, n == 1 ? "" : "s");
	else
		printf("nothing to send");
	printf(" (revision %s)", text_of(d, "revision"));
}

static void put_scalar(const json_t *value)
{
	if (json_is_string(value))
		put_text(value);
	else if (json_is_boolean(value))
		printf("%s", json_is_true(value) ? "yes" : "no");
	else if (json_is_integer(value))
		printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_null(value))
		printf("-");
	else if (json_is_object(value) && json_object_get(value, "name"))
		put_text(json_object_get(value, "name"));
	else
		json_dumpf(value, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
}

/* Data that is a text is shown as one, below its base64. */
static void put_plain(const char *base64, size_t width)
{
	size_t len = strlen(base64), n;
	char *plain = malloc(len + 1);

	if (!plain)
		return;
	if (len > 0 &&
	    sodium_base642bin((unsigned char *)plain, len + 1, base64, len, NULL, &n, NULL,
			      sodium_base64_VARIANT_ORIGINAL) == 0 &&
	    term_is_plain(plain, n))
		printf("%-*s  %.*s\n", (int)width, "(as text)", (int)n, plain);
	sodium_memzero(plain, len + 1);
	free(plain);
}

static size_t label_width(json_t *o)
{
	const char *key;
	json_t *value;
	size_t width = 0;

	json_object_foreach(o, key, value) if (strlen(key) > width) width = strlen(key);
	return width > 9 ? width : 9;
}

static void print_table(json_t *o)
{
	const char *key;
	json_t *value;
	size_t width = label_width(o), n = 0;

	json_object_foreach(o, key, value)
	{
		bool delivery = strcmp(key, "delivery") == 0;

		n++;
		printf("%-*s  ", (int)width, key);
		if (delivery && json_is_object(value))
			put_delivery(value);
		else if (delivery)
			printf("nothing to send");
		else
			put_scalar(value);
		putchar('\n');
		if (strcmp(key, "binaryData") == 0 && json_is_string(value))
			put_plain(json_string_value(value), width);
	}
	if (n == 0)
		printf("done\n");
}

bool show_answer(const ProtobufCMessage *msg, bool json, struct err *err)
{
	json_t *o;

	if (json)
		return print_json(msg, err);
	if (show_rules(msg))
		return true;
	if (!to_json(msg, &o, err))
		return false;
	print_table(o);
	json_decref(o);
	return true;
}

bool show_event(const ProtobufCMessage *msg, bool json, struct err *err)
{
	json_t *o;

	if (json) {
		bool ok = print_json(msg, err);

		fflush(stdout);
		return ok;
	}
	if (!to_json(msg, &o, err))
		return false;
	printf("%-30s  %-19s  ", text_of(o, "timestamp"), text_of(o, "type"));
	put_scalar(json_object_get(o, "source"));
	printf("  ");
	put_scalar(json_object_get(o, "target"));
	printf("  #%s\n", text_of(o, "sequence"));
	fflush(stdout);
	json_decref(o);
	return true;
}

/* "TYPE_PRODUCER" is shown as "producer". */
static void put_word(const json_t *o, const char *name)
{
	const char *word = strrchr(text_of(o, name), '_');

	printf("  ");
	for (word = word ? word + 1 : ""; *word; word++)
		putchar(*word >= 'A' && *word <= 'Z' ? *word + 32 : *word);
}

static void put_joined(const json_t *list, const char *before)
{
	json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry)
	{
		printf("%s", i == 0 ? before : ",");
		put_text(entry);
	}
}

/* What a search found: a client has a status, a topic has members. */
static void put_found(const json_t *o)
{
	put_text(json_object_get(o, "name"));
	if (json_object_get(o, "status")) {
		put_word(o, "type");
		put_word(o, "status");
		put_joined(json_object_get(o, "tags"), "  ");
		put_joined(json_object_get(o, "topics"), "  topics: ");
	} else if (json_object_get(o, "members")) {
		printf("  %s members", text_of(o, "members"));
	}
}

/* One line: whom, then what there is to say of it. */
static void put_row(json_t *o)
{
	const char *key;
	json_t *value;

	put_scalar(json_object_get(o, "client"));
	json_object_foreach(o, key, value)
	{
		if (strcmp(key, "client") == 0 || json_is_null(value) || json_is_false(value))
			continue;
		printf("  %s: ", key);
		put_scalar(value);
	}
}

bool show_list_page(struct show_list *l, const ProtobufCMessage *page, size_t *n, struct err *err)
{
	const char *name = page->descriptor->fields[0].name;
	json_t *o, *entry, *list;
	size_t i;

	if (!to_json(page, &o, err))
		return false;
	list = json_object_get(o, name);
	if (l->json && !l->begun)
		printf("{\"%s\":[", name);
	if (!l->json && page->descriptor == &pb__list_runs_response__descriptor) {
		show_runs((const void *)page, !l->begun);
		l->n += json_array_size(list);
		list = NULL;
	}
	l->begun = true;
	json_array_foreach(list, i, entry)
	{
		if (l->json) {
			printf("%s", l->n > 0 ? "," : "");
			json_dumpf(entry, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
		} else {
			if (json_object_get(entry, "client"))
				put_row(entry);
			else if (json_is_object(entry))
				put_found(entry);
			else
				put_scalar(entry);
			putchar('\n');
		}
		l->n++;
	}
	*n = json_array_size(json_object_get(o, name));
	json_decref(o);
	return true;
}

void show_list_end(const struct show_list *l, const ProtobufCMessageDescriptor *desc)
{
	if (l->json)
		printf("]}\n");
	else if (l->n == 0)
		fprintf(stderr, "no %s\n", desc->fields[0].name);
}

static int64_t number_of(const json_t *o, const char *name)
{
	return strtoll(text_of(o, name), NULL, 10);
}

bool show_sum_add(struct show_pages *p, const ProtobufCMessage *page, struct err *err)
{
	json_t *o;

	if (!to_json(page, &o, err))
		return false;
	p->changed += number_of(o, "changed");
	p->unchanged += number_of(o, "unchanged");
	p->rotated += number_of(o, "rotatedTopics");
	if (json_is_object(json_object_get(o, "delivery")))
		p->revision = number_of(json_object_get(o, "delivery"), "revision");
	json_decref(o);
	if (!p->list.json && isatty(STDERR_FILENO))
		fprintf(stderr, "\r%" PRId64 " clients\033[K", p->changed + p->unchanged);
	return true;
}

void show_sum_end(const struct show_pages *p, bool ok)
{
	if (!p->list.json && isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
	if (p->list.json)
		printf("{\"changed\":\"%" PRId64 "\",\"unchanged\":\"%" PRId64
		       "\",\"rotatedTopics\":\"%" PRId64 "\",\"revision\":\"%" PRId64 "\"}\n",
		       p->changed, p->unchanged, p->rotated, p->revision);
	else if (ok || p->changed + p->unchanged > 0)
		printf("changed        %" PRId64 "\nunchanged      %" PRId64
		       "\nrotatedTopics  %" PRId64 "\n",
		       p->changed, p->unchanged, p->rotated);
}

/* A topic counts its members, our own key all clients; a client has all or not yet. */
bool show_progress_of(const ProtobufCMessage *status, struct show_progress *p, struct err *err)
{
	static const char *const others[] = {"sent", "waiting", "withheld", "unconfirmed"};
	json_t *o;

	if (!to_json(status, &o, err))
		return false;
	if (json_object_get(o, "confirmed")) {
		const char *all = json_object_get(o, "members") ? "members" : "clients";

		p->total = strtoll(text_of(o, all), NULL, 10);
		p->done = strtoll(text_of(o, "confirmed"), NULL, 10);
		size_t len = (size_t)snprintf(p->text, sizeof p->text, "%s of %s confirmed",
					      text_of(o, "confirmed"), text_of(o, all));

		for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
			if (strtoll(text_of(o, others[i]), NULL, 10) != 0 && len < sizeof p->text)
				len += (size_t)snprintf(p->text + len, sizeof p->text - len,
							", %s %s", text_of(o, others[i]),
							others[i]);
	} else {
		const char *s = text_of(o, "status");

		p->total = 1;
		p->done = strcmp(s, "CLIENT_CONFIRMED") == 0;
		snprintf(p->text, sizeof p->text, "%s, confirmed up to revision %s of %s",
			 p->done                         ? "confirmed"
			 : strcmp(s, "CLIENT_SENT") == 0 ? "sent"
							 : "waiting",
			 text_of(o, "confirmedRevision"), text_of(o, "revision"));
	}
	p->complete = p->done >= p->total;
	json_decref(o);
	return true;
}
