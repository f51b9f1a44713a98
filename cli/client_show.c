#define _GNU_SOURCE
#include "cli/client_show.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "cli/term.h"
#include "e4/crypto.h"

enum { HEX_ID = 33 };

static void hex_id(char out[HEX_ID], const uint8_t id[16])
{
	sodium_bin2hex(out, HEX_ID, id, 16);
}

/* --- JSON -------------------------------------------------------------------- */

static json_t *object(const char *event, const struct device *d)
{
	json_t *o = json_object();
	char now[32];
	struct timespec t;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &t);
	gmtime_r(&t.tv_sec, &tm);
	strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(now + 19, sizeof now - 19, ".%03ldZ", t.tv_nsec / 1000000 % 1000);
	json_object_set_new(o, "time", json_string(now));
	json_object_set_new(o, "event", json_string(event));
	if (d)
		json_object_set_new(o, "device", json_string(device_name(d)));
	return o;
}

static void set_text(json_t *o, const char *name, const char *text)
{
	if (text)
		json_object_set_new(o, name, json_string(text));
}

/* As base64, and where it is a text as one too. */
static void set_bytes(json_t *o, const char *name, const uint8_t *bytes, size_t len)
{
	size_t cap = sodium_base64_encoded_len(len, sodium_base64_VARIANT_ORIGINAL);
	char *text = mem_alloc(cap);
	json_t *plain = utf8_is_valid(bytes, len) ? json_stringn((const char *)bytes, len) : NULL;

	sodium_bin2base64(text, cap, bytes, len, sodium_base64_VARIANT_ORIGINAL);
	set_text(o, name, text);
	if (plain)
		json_object_set_new(o, "text", plain);
	sodium_memzero(text, cap);
	free(text);
}

static void print(json_t *o)
{
	char *line = json_dumps(o, JSON_COMPACT);

	if (line) {
		puts(line);
		fflush(stdout);
		sodium_memzero(line, strlen(line));
	}
	free(line);
	json_decref(o);
}

static const char *const event_names[] = {
	[DEVICE_CONNECTED] = "connected", [DEVICE_DISCONNECTED] = "disconnected",
	[DEVICE_MESSAGE] = "message",     [DEVICE_UNREADABLE] = "unreadable",
	[DEVICE_COMMAND] = "command",     [DEVICE_REFUSED] = "refused",
	[DEVICE_RECEIPT] = "receipt",     [DEVICE_ROOM] = "room",
};

static void set_counts(json_t *o, const struct device *d)
{
	struct device_status s;

	device_status(d, &s);
	json_object_set_new(o, "topics", json_integer((json_int_t)s.n_topics));
	json_object_set_new(o, "peers", json_integer((json_int_t)s.n_peers));
}

static void event_json(const struct device *d, const struct device_event *e)
{
	json_t *o = object(event_names[e->kind], d);
	char sender[HEX_ID];

	set_text(o, "topic", e->topic);
	if (e->sender) {
		hex_id(sender, e->sender);
		set_text(o, "sender", sender);
	}
	if (e->bytes)
		set_bytes(o, "data", e->bytes, e->len);
	if (e->kind == DEVICE_UNREADABLE || e->kind == DEVICE_REFUSED)
		set_text(o, "reason", e4_result_text(e->result));
	if (e->kind == DEVICE_COMMAND)
		set_counts(o, d);
	set_text(o, e->kind == DEVICE_RECEIPT ? "kind" : "reason", e->text);
	print(o);
}

/* --- Text --------------------------------------------------------------------- */

static void put(const char *text)
{
	term_put(stdout, text, strlen(text));
}

static void begin(const struct client_show *s, const struct device *d, const char *mark)
{
	printf("%s ", mark);
	if (s->many) {
		put(device_name(d));
		printf(" ");
	}
}

static void put_message(const struct device_event *e)
{
	char sender[HEX_ID];

	put(e->topic);
	if (e->sender) {
		hex_id(sender, e->sender);
		printf(" (from %s)", sender);
	}
	printf(": ");
	term_put(stdout, (const char *)e->bytes, e->len);
	putchar('\n');
}

/* A verdict first; what came is shown only as what it is: from anybody. */
static void put_unreadable(const struct device_event *e)
{
	put(e->topic);
	switch (e->result) {
	case E4_ERR_NO_TOPIC_KEY:
		printf(": no key for this topic; attach this client to it at C2");
		break;
	case E4_ERR_NO_PUBKEY:
		printf(": from a sender whose public key C2 has not sent us");
		break;
	default:
		printf(": %s", e4_result_text(e->result));
	}
	printf(" (%zu bytes", e->len);
	if (e->len > 0 && term_is_plain((const char *)e->bytes, e->len))
		printf(", unprotected text: \"%.*s\"", (int)e->len, (const char *)e->bytes);
	printf(")\n");
}

static void event_text(const struct client_show *s, const struct device *d,
		       const struct device_event *e)
{
	struct device_status now;

	switch (e->kind) {
	case DEVICE_CONNECTED:
		begin(s, d, "*");
		printf("connected\n");
		break;
	case DEVICE_DISCONNECTED:
		device_status(d, &now);
		begin(s, d, "*");
		printf("not connected to ");
		put(now.broker);
		printf(": ");
		put(e->text);
		printf("; trying again\n");
		break;
	case DEVICE_MESSAGE:
		begin(s, d, "<");
		put_message(e);
		break;
	case DEVICE_UNREADABLE:
		begin(s, d, "!");
		put_unreadable(e);
		break;
	case DEVICE_COMMAND:
		device_status(d, &now);
		begin(s, d, "*");
		printf("command of C2 carried out: keys for %zu topic%s", now.n_topics,
		       now.n_topics == 1 ? "" : "s");
		if (now.pubkey)
			printf(", %zu public key%s", now.n_peers, now.n_peers == 1 ? "" : "s");
		putchar('\n');
		break;
	case DEVICE_REFUSED:
		begin(s, d, "!");
		printf("message on the control topic refused: %s\n", e4_result_text(e->result));
		break;
	case DEVICE_RECEIPT:
		if (strcmp(e->text, "answer") == 0) {
			begin(s, d, "*");
			printf("receipt sent to C2\n");
		}
		break;
	case DEVICE_ROOM:
		break;
	}
	fflush(stdout);
}

void show_device_event(const struct client_show *s, const struct device *d,
		       const struct device_event *e)
{
	if (e->kind == DEVICE_ROOM)
		return;
	if (s->json)
		event_json(d, e);
	else
		event_text(s, d, e);
}

void show_sent(const struct client_show *s, const struct device *d, const char *topic, size_t len,
	       bool clear)
{
	if (s->json) {
		json_t *o = object("sent", d);

		set_text(o, "topic", topic);
		json_object_set_new(o, "bytes", json_integer((json_int_t)len));
		json_object_set_new(o, "protected", json_boolean(!clear));
		print(o);
		return;
	}
	begin(s, d, ">");
	put(topic);
	printf(": %zu bytes %s\n", len, clear ? "in clear" : "protected");
}

void show_status(const struct client_show *s, const struct device *d)
{
	struct device_status now;
	char id[HEX_ID];

	device_status(d, &now);
	hex_id(id, now.id);
	if (s->json) {
		json_t *o = object("status", d);

		set_text(o, "id", id);
		set_text(o, "mode", now.pubkey ? "pubkey" : "symmetric");
		set_text(o, "state", now.state_path);
		json_object_set_new(o, "connected", json_boolean(now.connected));
		set_counts(o, d);
		print(o);
		return;
	}
	printf("name        ");
	put(now.name);
	printf("\nid          %s\nmode        %s\nstate       ", id,
	       now.pubkey ? "public keys" : "symmetric");
	put(now.state_path);
	printf("\nbroker      ");
	put(now.broker);
	printf("%s\ntopic keys  %zu\n", now.connected ? "" : ", not connected", now.n_topics);
	if (now.pubkey)
		printf("peer keys   %zu\n", now.n_peers);
}

void show_topics(const struct client_show *s, struct device *d)
{
	json_t *list = s->json ? json_array() : NULL;
	const char *topic;

	for (size_t i = 0; (topic = device_subscription(d, i)); i++) {
		bool key = device_has_key(d, topic);

		if (list) {
			json_t *o = json_object();

			set_text(o, "topic", topic);
			json_object_set_new(o, "key", json_boolean(key));
			json_array_append_new(list, o);
			continue;
		}
		printf("%-6s  ", key ? "key" : "no key");
		put(topic);
		putchar('\n');
	}
	if (list) {
		json_t *o = object("topics", d);

		json_object_set_new(o, "topics", list);
		print(o);
	}
}

void show_note(const struct client_show *s, const struct device *d, const char *event,
	       const char *text)
{
	if (s->json) {
		json_t *o = object(event, d);

		set_text(o, "text", text);
		print(o);
		return;
	}
	begin(s, d, "*");
	put(text);
	putchar('\n');
	fflush(stdout);
}

void show_error(const struct client_show *s, const struct device *d, const struct err *err)
{
	if (s->json) {
		json_t *o = object("error", d);

		set_text(o, "error", err_row(err->code)->text);
		set_text(o, "text", err->text);
		json_object_set_new(o, "exit", json_integer(err_row(err->code)->exit));
		print(o);
	}
	fflush(stdout);
	fprintf(stderr, "e4client: ");
	term_put(stderr, err->text, strlen(err->text));
	fputc('\n', stderr);
}

void show_key(const struct client_show *s, const struct device *d, const uint8_t key[32],
	      bool secret)
{
	char hex[65], base64[48];

	sodium_bin2hex(hex, sizeof hex, key, 32);
	sodium_bin2base64(base64, sizeof base64, key, 32, sodium_base64_VARIANT_ORIGINAL);
	if (s->json) {
		json_t *o = object("key", d);

		set_text(o, "hex", hex);
		set_text(o, "base64", base64);
		json_object_set_new(o, "secret", json_boolean(secret));
		print(o);
	} else {
		if (secret)
			printf("This is the secret key of the device: whoever sees it reads and "
			       "writes as the device.\n");
		printf("%s\n  hex     %s\n  base64  %s\n", secret ? "key" : "public key", hex,
		       base64);
		fflush(stdout);
	}
	e4_wipe(hex, sizeof hex);
	e4_wipe(base64, sizeof base64);
}
