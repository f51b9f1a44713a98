#define _GNU_SOURCE
#include "cli/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/json.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/term.h"

enum { PAGE = 100, POLL_MS = 300 };

/* The bytes of an answer, and nothing else. */
static bool write_out(const ProtobufCMessage *answer, const char *path, struct err *err)
{
	const ProtobufCFieldDescriptor *f = command_bytes_field(answer->descriptor);
	const ProtobufCBinaryData *bytes = (const void *)((const char *)answer + f->offset);

	if (strcmp(path, "-") == 0) {
		fwrite(bytes->data, 1, bytes->len, stdout);
		return true;
	}
	return file_write(path, bytes->data, bytes->len,
			  api_field_is_secret(answer->descriptor, f->id) ? 0600 : 0644, false, err);
}

/* Of a row of our own: the one that takes its request. */
static const struct api_method *method_of(const struct api_method *row)
{
	for (size_t m = 0; !row->response && m < API_N_METHODS; m++)
		if (api_methods[m].request == row->request)
			return &api_methods[m];
	return row;
}

static bool run_call(struct session *s, const struct command *cmd, struct arena *arena,
		     struct err *err)
{
	const struct command_value *out = command_with(cmd, FLAG_OUT);
	ProtobufCMessage *request, *answer;

	return request_build(s, cmd, arena, &request, err) &&
	       rpc_call(s->rpc, method_of(cmd->row), request, arena, &answer, err) &&
	       (out ? write_out(answer, out->text, err) : show_answer(answer, s->json, err));
}

static bool number_of(const struct command *cmd, const char *name, int64_t *out, struct err *err)
{
	const struct command_value *v = command_get(cmd, name);
	char what[32];

	*out = 0;
	snprintf(what, sizeof what, "--%s", name);
	return !v || opts_int(v->text, 0, INT64_MAX / 2, what, out, err);
}

static bool set_number(ProtobufCMessage *msg, const char *field, int64_t n, struct arena *arena,
		       struct err *err)
{
	char text[24];
	int len = snprintf(text, sizeof text, "%" PRId64, n);

	return api_set_field(msg, field, text, (size_t)len, arena, NULL, err);
}

/* One page; *n is the number of its entries. Its memory goes with it. */
static bool run_page(struct session *s, const struct command *cmd, struct show_list *list,
		     int64_t offset, int64_t count, size_t *n, struct err *err)
{
	struct arena arena = ARENA_INIT;
	ProtobufCMessage *request, *page;
	bool ok = request_build(s, cmd, &arena, &request, err) &&
		  set_number(request, "offset", offset, &arena, err) &&
		  set_number(request, "count", count, &arena, err) &&
		  rpc_call(s->rpc, cmd->row, request, &arena, &page, err) &&
		  show_list_page(list, page, n, err);

	arena_free(&arena);
	return ok;
}

static bool run_list(struct session *s, const struct command *cmd, struct err *err)
{
	struct show_list list = {.json = s->json};
	int64_t offset, limit, left;
	size_t n;

	if (!number_of(cmd, "offset", &offset, err) || !number_of(cmd, "count", &limit, err))
		return false;
	left = limit > 0 ? limit : INT64_MAX;
	for (;;) {
		int64_t ask = left < PAGE ? left : PAGE;

		if (!run_page(s, cmd, &list, offset, ask, &n, err))
			return false;
		offset += (int64_t)n;
		left -= (int64_t)n;
		if (left <= 0 || (int64_t)n < ask)
			break;
	}
	show_list_end(&list, cmd->row->response);
	return true;
}

/* --- again until the cursor is empty ---------------------------------------------------------- */

static const char *text_field(const ProtobufCMessage *msg, const char *name)
{
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field_by_name(msg->descriptor, name);

	return *(char *const *)(const void *)((const char *)msg + f->offset);
}

static bool is_list(const struct command *cmd)
{
	return cmd->row->response->fields[0].label == PROTOBUF_C_LABEL_REPEATED;
}

/* One page; its memory goes with it, but for the cursor. */
static bool run_cursor_page(struct session *s, const struct command *cmd, struct show_pages *p,
			    char **cursor, struct err *err)
{
	struct arena arena = ARENA_INIT;
	ProtobufCMessage *request, *page;
	size_t n;
	bool ok = request_build(s, cmd, &arena, &request, err) &&
		  (!*cursor ||
		   api_set_field(request, "cursor", *cursor, strlen(*cursor), &arena, NULL, err)) &&
		  rpc_call(s->rpc, cmd->row, request, &arena, &page, err) &&
		  (is_list(cmd) ? show_list_page(&p->list, page, &n, err)
				: show_sum_add(p, page, err));

	if (ok) {
		free(*cursor);
		*cursor = mem_text(text_field(page, "cursor"));
	}
	arena_free(&arena);
	return ok;
}

/* What was done stays done; how to go on is worth knowing. */
static bool stopped_at(const struct command *cmd, const char *cursor, struct err *err)
{
	char why[sizeof err->text];

	if (is_list(cmd) || !cursor || !*cursor)
		return false;
	snprintf(why, sizeof why, "%s", err->text);
	return err_set(err, err->code, "%.120s; go on with --cursor '%.100s'", why, cursor);
}

static bool run_cursor(struct session *s, const struct command *cmd, struct err *err)
{
	struct show_pages p = {.list = {.json = s->json}};
	char *cursor = NULL;
	bool ok;

	do {
		ok = s->stop && *s->stop ? err_set(err, ERR_CANCELLED, "stopped")
					 : run_cursor_page(s, cmd, &p, &cursor, err);
	} while (ok && cursor && cursor[0]);
	if (ok && is_list(cmd))
		show_list_end(&p.list, cmd->row->response);
	else
		show_sum_end(&p, ok);
	if (!ok)
		stopped_at(cmd, cursor, err);
	free(cursor);
	return ok;
}

struct event_sink {
	struct session *s;
	struct err *err;
	bool failed;
};

static bool on_event(void *ctx, const ProtobufCMessage *msg)
{
	struct event_sink *sink = ctx;

	sink->failed = !show_event(msg, sink->s->json, sink->err);
	return !sink->failed && !ferror(stdout);
}

static bool run_stream(struct session *s, const struct command *cmd, struct arena *arena,
		       struct err *err)
{
	struct event_sink sink = {s, err, false};
	ProtobufCMessage *request;

	if (!request_build(s, cmd, arena, &request, err))
		return false;
	if (rpc_stream(s->rpc, cmd->row, request, on_event, &sink, err))
		return !sink.failed;
	/* Stopping is how one leaves it. */
	return err->code == ERR_CANCELLED && s->stop && *s->stop;
}

static void show_step(struct session *s, const ProtobufCMessage *status,
		      const struct show_progress *p, char *last, size_t cap)
{
	struct err ignored;

	if (!s->json && isatty(STDOUT_FILENO)) {
		term_progress(stdout, p->done, p->total, p->text);
		if (p->complete)
			putchar('\n');
		return;
	}
	if (strcmp(last, p->text) == 0)
		return;
	snprintf(last, cap, "%s", p->text);
	if (s->json)
		show_answer(status, true, &ignored);
	else
		printf("%s\n", p->text);
	fflush(stdout);
}

static void pause_ms(int ms)
{
	const struct timespec t = {ms / 1000, ms % 1000 * 1000000L};

	nanosleep(&t, NULL); /* a signal ends it early, as it shall */
}

static bool ask_status(struct session *s, const struct command *cmd, struct show_progress *p,
		       char *last, size_t cap, struct err *err)
{
	struct arena arena = ARENA_INIT;
	ProtobufCMessage *request, *status;
	bool ok = request_build(s, cmd, &arena, &request, err) &&
		  rpc_call(s->rpc, cmd->row, request, &arena, &status, err) &&
		  show_progress_of(status, p, err);

	if (ok)
		show_step(s, status, p, last, cap);
	arena_free(&arena);
	return ok;
}

static bool run_wait(struct session *s, const struct command *cmd, struct err *err)
{
	int64_t end = INT64_MAX, now = clock_real.mono_ms(clock_real.ctx);
	struct show_progress p;
	char last[sizeof p.text] = "";

	if (s->timeout_s > 0)
		end = now + s->timeout_s * 1000;
	for (;;) {
		if (!ask_status(s, cmd, &p, last, sizeof last, err))
			return false;
		if (p.complete)
			return true;
		now = clock_real.mono_ms(clock_real.ctx);
		if (now >= end || (s->stop && *s->stop))
			break;
		pause_ms(end - now < POLL_MS ? (int)(end - now) : POLL_MS);
	}
	if (!s->json && isatty(STDOUT_FILENO))
		putchar('\n');
	if (s->stop && *s->stop)
		return err_set(err, ERR_CANCELLED, "stopped");
	return err_set(err, ERR_DEADLINE, "not all is confirmed after %" PRId64 " s: %s",
		       s->timeout_s, p.text);
}

bool run_command(struct session *s, const struct command *cmd, struct err *err)
{
	struct arena arena = ARENA_INIT;
	bool ok = false;

	switch (cmd->row->cli.kind) {
	case API_COMMAND_LIST:
		ok = run_list(s, cmd, err);
		break;
	case API_COMMAND_CURSOR:
		ok = run_cursor(s, cmd, err);
		break;
	case API_COMMAND_IMPORT:
		ok = run_import(s, cmd, err);
		break;
	case API_COMMAND_EXPORT:
		ok = run_export(s, cmd, err);
		break;
	case API_COMMAND_APPLY:
		ok = run_rules_apply(s, cmd, err);
		break;
	case API_COMMAND_SIMULATE:
		ok = run_simulate(s, cmd, err);
		break;
	case API_COMMAND_STREAM:
		ok = run_stream(s, cmd, &arena, err);
		break;
	case API_COMMAND_PROGRESS:
		ok = command_is_on(cmd, "wait") ? run_wait(s, cmd, err)
						: run_call(s, cmd, &arena, err);
		break;
	case API_COMMAND_PAUSE:
	case API_COMMAND_RESUME:
	case API_COMMAND_CALL:
		ok = run_call(s, cmd, &arena, err);
		break;
	}
	arena_free(&arena);
	if (ok && (fflush(stdout) != 0 || ferror(stdout)))
		return err_set(err, ERR_STORE, "the answer could not be written");
	return ok;
}
