/* Rules, their runs and their due times, as people read them. */
#define _GNU_SOURCE
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cli/run.h"
#include "cli/term.h"
#include "engine.pb-c.h"

enum { CELL = 160, COLUMNS = 8 };

/* --- words and times ---------------------------------------------------------------------- */

/* "topic-pattern" for TOPIC_PATTERN; the first skip bytes of the name are not shown. */
static void word_of(char out[CELL], const ProtobufCEnumDescriptor *e, int value, size_t skip)
{
	const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(e, value);
	size_t i = 0;

	if (!v) {
		snprintf(out, CELL, "%d", value);
		return;
	}
	for (const char *p = v->name + skip; *p && i < CELL - 1; p++)
		out[i++] = *p == '_' ? '-' : (char)tolower((unsigned char)*p);
	out[i] = 0;
}

/* Never: not there, or the first day of the calendar, as tools know it. */
static bool is_never(const Google__Protobuf__Timestamp *t)
{
	return !t || t->seconds <= INT64_C(-62135596800);
}

/* "3 h", to the nearest */
static void span_of(char *out, size_t cap, int64_t s)
{
	if (s < 120)
		snprintf(out, cap, "%" PRId64 " s", s);
	else if (s < 7200)
		snprintf(out, cap, "%" PRId64 " min", (s + 30) / 60);
	else if (s < INT64_C(172800))
		snprintf(out, cap, "%" PRId64 " h", (s + 1800) / 3600);
	else
		snprintf(out, cap, "%" PRId64 " days", (s + 43200) / 86400);
}

/* "in 3 h", "3 h ago" */
static void distance_of(char *out, size_t cap, const Google__Protobuf__Timestamp *t)
{
	int64_t s = t->seconds - clock_wall_s(&clock_real);
	char span[32];

	span_of(span, sizeof span, s < 0 ? -s : s);
	snprintf(out, cap, s < 0 ? "%s ago" : s > 0 ? "in %s" : "now", span);
}

/* "2026-11-26 03:00:00 CET (in 3 h)", or what never is called. */
static void time_text(char out[CELL], const Google__Protobuf__Timestamp *t, const char *never)
{
	char distance[48], at[64];
	struct tm local;
	time_t s;

	snprintf(out, CELL, "%s", never);
	if (is_never(t))
		return;
	s = (time_t)t->seconds;
	if (!localtime_r(&s, &local) || !strftime(at, sizeof at, "%Y-%m-%d %H:%M:%S %Z", &local))
		return;
	distance_of(distance, sizeof distance, t);
	snprintf(out, CELL, "%s (%s)", at, distance);
}

/* "waiting (goes on in 3 h)" */
static void state_of(char out[CELL], const Pb__Run *run)
{
	char distance[48];
	size_t len;

	word_of(out, &pb__run_state__descriptor, (int)run->state, strlen("RUN_"));
	if (run->state != PB__RUN_STATE__RUN_WAITING || is_never(run->nextstep))
		return;
	len = strlen(out);
	distance_of(distance, sizeof distance, run->nextstep);
	snprintf(out + len, CELL - len, " (goes on %s)", distance);
}

/* --- tables ------------------------------------------------------------------------------- */

struct table {
	size_t n_columns, n_rows, cap;
	char (*cells)[CELL]; /* row by row */
};

static char *cell(struct table *t, size_t row, size_t column)
{
	return t->cells[row * t->n_columns + column];
}

/* The next row, its cells empty; what was given out before is not valid any more. */
static size_t add_row(struct table *t)
{
	if (t->n_rows == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 32;
		t->cells = mem_resize(t->cells, t->cap * t->n_columns, CELL);
	}
	for (size_t i = 0; i < t->n_columns; i++)
		cell(t, t->n_rows, i)[0] = 0;
	return t->n_rows++;
}

static void set(struct table *t, size_t row, size_t column, const char *text)
{
	term_escape(cell(t, row, column), CELL, text, strlen(text));
}

__attribute__((format(printf, 4, 5))) static void setf(struct table *t, size_t row, size_t column,
						       const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(cell(t, row, column), CELL, fmt, args);
	va_end(args);
}

/* Characters, not bytes. */
static size_t width_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void put_table(struct table *t)
{
	size_t width[COLUMNS] = {0};

	for (size_t r = 0; r < t->n_rows; r++)
		for (size_t c = 0; c < t->n_columns; c++)
			if (width_of(cell(t, r, c)) > width[c])
				width[c] = width_of(cell(t, r, c));
	for (size_t r = 0; r < t->n_rows; r++) {
		for (size_t c = 0; c < t->n_columns; c++) {
			bool last = c + 1 == t->n_columns;

			fputs(cell(t, r, c), stdout);
			for (size_t n = width_of(cell(t, r, c)); !last && n < width[c] + 2; n++)
				putchar(' ');
		}
		putchar('\n');
	}
	free(t->cells);
}

static struct table table_of(size_t n_columns, const char *const *heads)
{
	struct table t = {.n_columns = n_columns};

	add_row(&t);
	for (size_t i = 0; i < n_columns; i++)
		set(&t, 0, i, heads[i]);
	return t;
}

/* --- rules -------------------------------------------------------------------------------- */

static void put_rules(const Pb__RulesResponse *page)
{
	static const char *const heads[] = {"ID", "DESCRIPTION", "STATE", "NEXT DUE", "LAST RUN"};
	struct table t = table_of(5, heads);

	for (size_t i = 0; i < page->n_rules; i++) {
		const Pb__Rule *rule = page->rules[i];
		const Pb__Run *run = rule->lastrun;
		size_t row = add_row(&t);
		char text[CELL] = "-", ago[48] = "";

		setf(&t, row, 0, "%" PRId32, rule->id);
		set(&t, row, 1, rule->description);
		set(&t, row, 2, rule->paused ? "paused" : rule->n_warnings ? "on, warns" : "on");
		time_text(text, rule->nextdue, "-");
		set(&t, row, 3, text);
		snprintf(text, sizeof text, "-");
		if (run) {
			state_of(text, run);
			if (!is_never(run->finishedat))
				distance_of(ago, sizeof ago, run->finishedat);
		}
		setf(&t, row, 4, "%.60s%s%s", text, *ago ? " " : "", ago);
	}
	if (page->n_rules == 0)
		fprintf(stderr, "no rules\n");
	t.n_rows = page->n_rules ? t.n_rows : 0;
	put_table(&t);
}

static void put_label(const char *label)
{
	printf("%-13s", label);
}

static void put_line(const char *label, const char *text)
{
	put_label(label);
	term_put(stdout, text, strlen(text));
	putchar('\n');
}

static void put_time(const char *label, const Google__Protobuf__Timestamp *t, const char *never)
{
	char text[CELL];

	time_text(text, t, never);
	put_line(label, text);
}

static void put_options(const Pb__RuleOptions *o)
{
	if (!o)
		return;
	if (o->force)
		put_line("force", "yes: also within the grace period of the devices");
	for (size_t i = 0; i < o->n_waves; i++)
		printf("%s%" PRId32 "%%%s", i ? ", " : "waves        ", o->waves[i],
		       i + 1 == o->n_waves ? "\n" : "");
	if (o->n_waves > 0 && o->wavewait)
		printf("wave wait    %" PRId64 " s\n", o->wavewait);
	if (o->n_waves > 0 && o->waveconfirmed)
		printf("confirmed    %" PRId32 "%% of each wave\n", o->waveconfirmed);
	if (o->topic[0])
		put_line("from topic", o->topic);
	if (o->webhook[0])
		put_line("webhook", o->webhook);
	if (o->email[0])
		put_line("e-mail", o->email);
	if (o->retryfor)
		printf("retry for    %" PRId64 " s\n", o->retryfor);
}

static void put_trigger(const Pb__Trigger *t)
{
	char label[32], text[CELL];

	snprintf(label, sizeof label, "trigger %" PRId32, t->id);
	put_label(label);
	word_of(text, &pb__trigger_type__descriptor, (int)t->type, 0);
	printf("%s  ", text);
	term_put(stdout, (const char *)t->settings.data, t->settings.len);
	time_text(text, t->nextdue, "");
	if (*text)
		printf("  next %s", text);
	if (t->type == PB__TRIGGER_TYPE__EVENT)
		printf("  %" PRId64 " counted", t->occurrences);
	putchar('\n');
}

static void put_target(const Pb__Target *t)
{
	char label[32], text[CELL];

	snprintf(label, sizeof label, "target %" PRId32, t->id);
	put_label(label);
	word_of(text, &pb__target_type__descriptor, (int)t->type, 0);
	printf("%s  ", text);
	term_put(stdout, t->expr, strlen(t->expr));
	printf("  matches %" PRId64 "%s\n", t->matches, t->matches >= 1000 ? " or more" : "");
	if (t->warning[0])
		put_line("", t->warning);
}

static void put_failures(const Pb__Run *run)
{
	for (size_t i = 0; i < run->n_failures; i++) {
		put_label(i == 0 ? "failed" : "");
		term_put(stdout, run->failures[i]->target, strlen(run->failures[i]->target));
		printf(": ");
		term_put(stdout, run->failures[i]->reason, strlen(run->failures[i]->reason));
		putchar('\n');
	}
}

static void put_run(const char *label, const Pb__Run *run)
{
	char text[CELL];

	put_label(label);
	state_of(text, run);
	printf("%" PRId64 " %s", run->id, text);
	if (run->outcome[0]) {
		printf(": ");
		term_put(stdout, run->outcome, strlen(run->outcome));
	}
	putchar('\n');
	put_line("cause", run->causetext);
	put_time("due", run->dueat, "-");
	put_time("finished", run->finishedat, "-");
	printf("targets      %" PRId64 " done, %" PRId64 " rotated by others, %" PRId64
	       " failed; %" PRId64 " recipients\n",
	       run->done, run->already, run->failed, run->recipients);
	if (run->waves > 1)
		printf("wave         %" PRId32 " of %" PRId32 "\n", run->wave, run->waves);
	if (!is_never(run->nextstep))
		put_time("goes on", run->nextstep, "-");
	put_failures(run);
}

static void put_rule(const Pb__Rule *rule)
{
	char text[CELL];

	if (rule->id)
		printf("rule         %" PRId32 "\n", rule->id);
	else
		put_line("rule", "checked only: nothing is stored");
	put_line("description", rule->description);
	word_of(text, &pb__action_type__descriptor, (int)rule->action, 0);
	put_line("action", text);
	put_line("state", rule->paused ? "paused" : "on");
	put_time("next due", rule->nextdue, "-");
	put_time("last fired", rule->lastexecuted, "never");
	put_options(rule->options);
	for (size_t i = 0; i < rule->n_triggers; i++)
		put_trigger(rule->triggers[i]);
	for (size_t i = 0; i < rule->n_targets; i++)
		put_target(rule->targets[i]);
	for (size_t i = 0; i < rule->n_warnings; i++)
		put_line(i == 0 ? "look at" : "", rule->warnings[i]);
	if (rule->lastrun)
		put_run("last run", rule->lastrun);
}

/* --- what else is asked for --------------------------------------------------------------- */

static void put_times(const Pb__GetScheduleResponse *s)
{
	char text[CELL];

	for (size_t i = 0; i < s->n_times; i++) {
		time_text(text, s->times[i], "never");
		printf("%s\n", text);
	}
	if (s->n_times == 0)
		fprintf(stderr, "no times: it has no trigger of time, or is paused\n");
}

void show_runs(const Pb__ListRunsResponse *page, bool first)
{
	static const char *const heads[] = {"RUN",  "RULE",    "DUE",    "CAUSE",
					    "DONE", "ALREADY", "FAILED", "STATE"};
	struct table t = {.n_columns = COLUMNS};

	if (first && page->n_runs > 0)
		t = table_of(COLUMNS, heads);
	for (size_t i = 0; i < page->n_runs; i++) {
		const Pb__Run *run = page->runs[i];
		size_t row = add_row(&t);
		char text[CELL], end[2 * CELL];

		setf(&t, row, 0, "%" PRId64, run->id);
		setf(&t, row, 1, "%" PRId32, run->ruleid);
		time_text(text, run->dueat, "-");
		set(&t, row, 2, text);
		set(&t, row, 3, run->causetext);
		setf(&t, row, 4, "%" PRId64, run->done);
		setf(&t, row, 5, "%" PRId64, run->already);
		setf(&t, row, 6, "%" PRId64, run->failed);
		state_of(text, run);
		snprintf(end, sizeof end, "%s%s%s", text, run->outcome[0] ? ": " : "",
			 run->outcome);
		set(&t, row, 7, end);
	}
	put_table(&t);
}

bool show_rules(const ProtobufCMessage *msg)
{
	const ProtobufCMessageDescriptor *d = msg->descriptor;
	const void *m = msg;
	const Pb__Rule *rule = NULL;
	const Pb__Run *run = NULL;

	if (d == &pb__rule_response__descriptor)
		rule = ((const Pb__RuleResponse *)m)->rule;
	else if (d == &pb__run_rule_response__descriptor)
		run = ((const Pb__RunRuleResponse *)m)->run;
	else if (d == &pb__rules_response__descriptor)
		return put_rules(m), true;
	else if (d == &pb__get_schedule_response__descriptor)
		return put_times(m), true;
	if (rule)
		put_rule(rule);
	if (run)
		put_run("run", run);
	return rule || run;
}
