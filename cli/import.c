/*
 * c2cli import: rows of a file as operations, sent in batches. A batch is done
 * or not done; the file can be sent again, and with --resume what is there
 * already is passed over.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "api/json.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "c2.pb-c.h"
#include "cli/new_keys.h"
#include "cli/rows.h"
#include "cli/run.h"
#include "cli/term.h"
#include "e4/crypto.h"

enum {
	CHUNK_DEFAULT = 1000,
	CHUNK_MAX = 10000,
	CHUNK_BYTES = 2 << 20, /* of the server's 4 MiB */
	AWAY_MS = 60000,       /* a server that restarts meanwhile is waited for */
	PAUSE_MS = 500,
	CHUNK_TIMEOUT_MS = 60000
};

struct import {
	struct session *s;
	const struct command *cmd;
	struct rows *rows;
	struct new_keys *keys;
	struct arena arena; /* of the batch that is filled */
	Pb__BatchRequest *request;
	Pb__BatchOperation **ops; /* CHUNK_MAX */
	size_t *lines;            /* CHUNK_MAX: on which each operation began */
	size_t n, chunk, bytes;
	bool pubkey;
	int64_t n_rows, changed, unchanged, rotated;
};

/* --- a row to an operation ------------------------------------------------------------------ */

#define NEW(im, descriptor) ((void *)api_message_new(&(descriptor), &(im)->arena))

static char *copy_of(struct import *im, const char *text)
{
	im->bytes += strlen(text) + 4;
	return arena_copy(&im->arena, text, strlen(text));
}

struct text_list {
	struct import *im;
	char ***texts;
	size_t *n;
	size_t cap;
};

static bool add_text(void *ctx, const char *text, struct err *err)
{
	struct text_list *l = ctx;

	(void)err;
	if (*l->n == l->cap) {
		char **larger;

		l->cap = l->cap ? 2 * l->cap : 8;
		larger = arena_alloc(&l->im->arena, l->cap * sizeof *larger);
		if (*l->n)
			memcpy(larger, *l->texts, *l->n * sizeof *larger);
		*l->texts = larger;
	}
	(*l->texts)[(*l->n)++] = copy_of(l->im, text);
	return true;
}

static bool texts_of(struct import *im, char ***texts, size_t *n, const char *name, struct err *err)
{
	struct text_list l = {im, texts, n, 0};

	return rows_list(im->rows, name, add_text, &l, err);
}

static bool key_of_hex(uint8_t key[32], const char *hex, struct err *err)
{
	size_t len;
	const char *end;

	return (sodium_hex2bin(key, 32, hex, strlen(hex), NULL, &len, &end) == 0 && len == 32 &&
		!*end) ||
	       err_set(err, ERR_INVALID, "key: a key is 64 hexadecimal digits");
}

static bool key_of_file(const struct import *im, uint8_t key[32], const char *path, struct err *err)
{
	size_t len;

	if (im->pubkey ? !file_read(path, key, 32, &len, err)
		       : !file_read_secret(path, key, 32, &len, err))
		return false;
	return len == 32 || err_set(err, ERR_INVALID, "%s: a key is 32 raw bytes", path);
}

static bool key_of(struct import *im, Pb__CreateClient *c, struct err *err)
{
	const char *hex = rows_text(im->rows, "key"), *path = rows_text(im->rows, "key_file");

	c->key.data = arena_alloc(&im->arena, 32);
	c->key.len = 32;
	if (im->keys && (hex || path))
		return err_set(err, ERR_INVALID, "has a key, and --new-keys is to make one");
	if (im->keys)
		return new_keys_next(im->keys, c->key.data, c->name, err);
	if (!hex == !path)
		return err_set(err, ERR_INVALID,
			       hex ? "key and key_file: one of them"
				   : "no key: key, key_file, or --new-keys FILE makes them");
	return hex ? key_of_hex(c->key.data, hex, err) : key_of_file(im, c->key.data, path, err);
}

static bool client_row(struct import *im, Pb__BatchOperation *op, struct err *err)
{
	static const char *const known[] = {"name", "key",    "key_file",    "type",
					    "tags", "topics", "private_key", NULL};
	const char *name = rows_text(im->rows, "name"), *type = rows_text(im->rows, "type");
	const char *unknown = rows_unknown(im->rows, known), *value;
	Pb__CreateClient *c = NEW(im, pb__create_client__descriptor);

	op->operation_case = PB__BATCH_OPERATION__OPERATION_CREATE_CLIENT;
	op->createclient = c;
	if (unknown)
		return err_set(err, ERR_INVALID,
			       "unknown column %.40s; there are name, key, key_file, type, tags, "
			       "topics",
			       unknown);
	for (size_t i = 0; i < 4; i++)
		if (!rows_is_text(im->rows, known[i], err))
			return false;
	if (!name)
		return err_set(err, ERR_INVALID, "no name");
	c->name = copy_of(im, name);
	im->bytes += 64;
	if (type) {
		value = command_word(&pb__client_type__descriptor, type, strlen(type));
		if (!value)
			return err_set(err, ERR_INVALID,
				       "type: producer, consumer, both or unknown");
		c->type = (Pb__ClientType)protobuf_c_enum_descriptor_get_value_by_name(
				  &pb__client_type__descriptor, value)
				  ->value;
	}
	return texts_of(im, &c->tags, &c->n_tags, "tags", err) &&
	       texts_of(im, &c->topics, &c->n_topics, "topics", err) && key_of(im, c, err);
}

static bool topic_row(struct import *im, Pb__BatchOperation *op, struct err *err)
{
	static const char *const known[] = {"name", NULL};
	const char *name = rows_text(im->rows, "name");

	if (!name || rows_unknown(im->rows, known))
		return err_set(err, ERR_INVALID, "a topic has a name and nothing else");
	op->operation_case = PB__BATCH_OPERATION__OPERATION_CREATE_TOPIC;
	op->createtopic = copy_of(im, name);
	return true;
}

/* The operations that a CSV row can say; field: of BatchOperation. */
static const struct {
	const char *word, *field;
	bool client, topic;
} words[] = {
	{"remove-client", "removeClient", true, false},
	{"new-client-key", "newClientKey", true, false},
	{"create-topic", "createTopic", false, true},
	{"rotate-topic", "rotateTopic", false, true},
	{"remove-topic", "removeTopic", false, true},
	{"attach", "attach", true, true},
	{"detach", "detach", true, true},
};

static bool set_text(struct import *im, Pb__BatchOperation *op, const char *path, const char *text,
		     struct err *err)
{
	im->bytes += strlen(text) + 8;
	return api_set_field(&op->base, path, text, strlen(text), &im->arena, NULL, err);
}

static bool csv_operation(struct import *im, Pb__BatchOperation *op, struct err *err)
{
	static const char *const known[] = {"operation", "client", "topic", NULL};
	const char *word = rows_text(im->rows, "operation");
	const char *client = rows_text(im->rows, "client"), *topic = rows_text(im->rows, "topic");

	if (rows_unknown(im->rows, known))
		return err_set(err, ERR_INVALID, "the columns are operation, client, topic");
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		char path[32];

		if (!word || strcmp(word, words[i].word) != 0)
			continue;
		if (words[i].client != !!client || words[i].topic != !!topic || !(client || topic))
			return err_set(err, ERR_INVALID, "%s takes %s%s%s", word,
				       words[i].client ? "a client" : "",
				       words[i].client && words[i].topic ? " and " : "",
				       words[i].topic ? "a topic" : "");
		if (!(client && topic))
			return set_text(im, op, words[i].field, client ? client : topic, err);
		snprintf(path, sizeof path, "%s.client", words[i].field);
		if (!set_text(im, op, path, client, err))
			return false;
		snprintf(path, sizeof path, "%s.topic", words[i].field);
		return set_text(im, op, path, topic, err);
	}
	return err_set(err, ERR_INVALID,
		       "operation: attach, detach, create-topic, rotate-topic, remove-topic, "
		       "remove-client or new-client-key");
}

static bool operation_row(struct import *im, Pb__BatchOperation *op, struct err *err)
{
	size_t len;
	const char *text = rows_json(im->rows, &len);

	if (!text)
		return csv_operation(im, op, err);
	im->bytes += len;
	return api_json_merge(&op->base, text, len, &im->arena, err) &&
	       (op->operation_case != PB__BATCH_OPERATION__OPERATION__NOT_SET ||
		err_set(err, ERR_INVALID, "says no operation that there is"));
}

static bool row_to_operation(struct import *im, Pb__BatchOperation *op, struct err *err)
{
	const char *what = im->cmd->row->cli.words + strlen("import ");

	if (strcmp(what, "clients") == 0)
		return client_row(im, op, err);
	return strcmp(what, "topics") == 0 ? topic_row(im, op, err) : operation_row(im, op, err);
}

/* --- batches --------------------------------------------------------------------------------- */

static void progress(const struct import *im, bool over)
{
	int64_t done, total;
	char text[48];

	if (!isatty(STDERR_FILENO))
		return;
	rows_place(im->rows, &done, &total);
	snprintf(text, sizeof text, "%" PRId64 " rows", im->n_rows);
	if (over)
		fprintf(stderr, "\r\033[K");
	else if (total > 0)
		term_progress(stderr, done, total, text);
	else
		fprintf(stderr, "\r%s\033[K", text);
	fflush(stderr);
}

/* "operation 17: why" of the server is the line of that operation. */
static void name_line(const struct import *im, struct err *err)
{
	unsigned long i;
	char why[sizeof err->text], *end;

	if (strncmp(err->text, "operation ", 10) != 0)
		return;
	i = strtoul(err->text + 10, &end, 10);
	if (*end != ':' || i >= im->n)
		return;
	snprintf(why, sizeof why, "%s", end);
	snprintf(err->text, sizeof err->text, "line %zu%.200s", im->lines[i], why);
}

static bool is_stopped(const struct import *im)
{
	return im->s->stop && *im->s->stop;
}

/* Once some of it was done, a server that is away for a moment is waited for: a batch has an id,
 * so it is not done twice. */
static bool call_batch(struct import *im, const Pb__BatchResponse **answer, struct err *err)
{
	int64_t end = clock_real.mono_ms(clock_real.ctx) + AWAY_MS;
	const struct timespec pause = {0, PAUSE_MS * 1000000L};
	ProtobufCMessage *msg;

	while (!rpc_call(im->s->rpc, &api_methods[API_C2_BATCH], &im->request->base, &im->arena,
			 &msg, err)) {
		if ((err->code != ERR_UNAVAILABLE && err->code != ERR_DEADLINE) ||
		    im->n_rows == 0 || is_stopped(im) || clock_real.mono_ms(clock_real.ctx) >= end)
			return false;
		nanosleep(&pause, NULL);
	}
	*answer = (const Pb__BatchResponse *)(const void *)msg;
	return true;
}

static bool send_batch(struct import *im, struct err *err)
{
	uint8_t id[16];
	char hex[33];
	const Pb__BatchResponse *answer;

	if (im->n == 0)
		return true;
	if (im->keys && !new_keys_sync(im->keys, err))
		return false;
	randombytes_buf(id, sizeof id);
	im->request->id = sodium_bin2hex(hex, sizeof hex, id, sizeof id);
	im->request->operations = im->ops;
	im->request->n_operations = im->n;
	if (!call_batch(im, &answer, err)) {
		name_line(im, err);
		return false;
	}
	im->n_rows += (int64_t)im->n;
	im->changed += answer->repeated ? (int64_t)im->n : answer->changed;
	im->unchanged += answer->unchanged;
	im->rotated += answer->rotatedtopics;
	progress(im, false);
	return true;
}

/* The request's settings come from the flags, for each batch anew: its memory is that of the batch.
 */
static bool begin_batch(struct import *im, struct err *err)
{
	ProtobufCMessage *request;

	arena_free(&im->arena);
	im->n = im->bytes = 0;
	if (!request_build(im->s, im->cmd, &im->arena, &request, err))
		return false;
	im->request = (Pb__BatchRequest *)(void *)request;
	if (command_is_on(im->cmd, "resume"))
		im->request->existing = PB__EXISTING__EXISTING_SAME;
	return true;
}

static bool add_row(struct import *im, struct err *err)
{
	Pb__BatchOperation *op = NEW(im, pb__batch_operation__descriptor);

	if (!row_to_operation(im, op, err) || !api_validate(&op->base, err))
		return err_wrap(err, "line %zu", rows_line(im->rows));
	im->lines[im->n] = rows_line(im->rows);
	im->ops[im->n++] = op;
	return true;
}

static bool run_rows(struct import *im, struct err *err)
{
	for (bool end = false;;) {
		if (is_stopped(im))
			return err_set(err, ERR_CANCELLED, "stopped");
		if (!begin_batch(im, err))
			return false;
		while (im->n < im->chunk && im->bytes < CHUNK_BYTES) {
			if (!rows_next(im->rows, &end, err))
				return false;
			if (end)
				return send_batch(im, err);
			if (!add_row(im, err))
				return false;
		}
		if (!send_batch(im, err))
			return false;
	}
}

/* --- the command ----------------------------------------------------------------------------- */

static bool check_flags(const struct command *cmd, size_t *chunk, enum rows_form *form,
			struct err *err)
{
	const struct command_value *v = command_get(cmd, "format");
	int64_t n = CHUNK_DEFAULT;

	*form = ROWS_BY_NAME;
	if (v && strcmp(v->text, "csv") != 0 && strcmp(v->text, "jsonl") != 0)
		return err_set(err, ERR_INVALID, "--format is csv or jsonl");
	if (v)
		*form = strcmp(v->text, "csv") == 0 ? ROWS_CSV : ROWS_JSON;
	if (command_is_on(cmd, "resume") && command_get(cmd, "existing"))
		return err_set(err, ERR_INVALID, "--resume is --existing same: give one of them");
	v = command_get(cmd, "chunk");
	if (v && !opts_int(v->text, 1, CHUNK_MAX, "--chunk", &n, err))
		return false;
	*chunk = (size_t)n;
	return true;
}

static bool is_keep(const struct import *im)
{
	const struct command_value *v = command_get(im->cmd, "existing");

	return v && strcasecmp(v->text, "keep") == 0;
}

static bool open_keys(struct import *im, struct err *err)
{
	const struct command_value *path = command_get(im->cmd, "new-keys");

	if (!path && strcmp(im->cmd->row->cli.words, "import clients") != 0)
		return true;
	if (!request_mode(im->s, &im->arena, &im->pubkey, err))
		return false;
	if (path && command_is_on(im->cmd, "dry-run"))
		return err_set(err, ERR_INVALID, "a dry run makes no keys: leave --new-keys out");
	if (path && is_keep(im))
		return err_set(err, ERR_INVALID,
			       "--existing keep leaves other keys in the server than --new-keys "
			       "would write");
	return !path || new_keys_open(&im->keys, path->text, im->pubkey,
				      command_is_on(im->cmd, "resume"), err);
}

static void show(const struct import *im)
{
	printf(im->s->json ? "{\"rows\":\"%" PRId64 "\",\"changed\":\"%" PRId64
			     "\",\"unchanged\":\"%" PRId64 "\",\"rotatedTopics\":\"%" PRId64 "\"}\n"
			   : "rows           %" PRId64 "\nchanged        %" PRId64
			     "\nunchanged      %" PRId64 "\nrotatedTopics  %" PRId64 "\n",
	       im->n_rows, im->changed, im->unchanged, im->rotated);
}

/* How much is done is as important as what failed. */
static void say_how_far(const struct import *im, struct err *err)
{
	char why[sizeof err->text];

	snprintf(why, sizeof why, "%s", err->text);
	if (im->n_rows > 0 && !command_is_on(im->cmd, "dry-run"))
		snprintf(err->text, sizeof err->text,
			 "%.150s; the first %" PRId64 " rows are done, go on with --resume", why,
			 im->n_rows);
}

static bool run_opened(struct import *im, struct err *err)
{
	bool ok;

	im->ops = mem_array(CHUNK_MAX, sizeof *im->ops);
	im->lines = mem_array(CHUNK_MAX, sizeof *im->lines);
	ok = open_keys(im, err) && run_rows(im, err);
	progress(im, true);
	if (ok)
		show(im);
	else
		say_how_far(im, err);
	return ok;
}

bool run_import(struct session *s, const struct command *cmd, struct err *err)
{
	const struct command_value *path = command_get(cmd, "file");
	struct import im = {.s = s, .cmd = cmd, .arena = ARENA_INIT};
	enum rows_form form;
	bool ok;

	if (!check_flags(cmd, &im.chunk, &form, err) || !request_stdin(s, path->text, err) ||
	    !rows_open(&im.rows, path->text, form, err))
		return false;
	/* A thousand rows over a database far away, on a busy disk, are more than a call. */
	if (s->timeout_s == 0)
		rpc_set_timeout(s->rpc, CHUNK_TIMEOUT_MS);
	ok = run_opened(&im, err);
	if (!new_keys_close(im.keys, ok ? err : NULL))
		ok = false;
	rows_close(im.rows);
	free(im.ops);
	free(im.lines);
	arena_free(&im.arena);
	return ok;
}
