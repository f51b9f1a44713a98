/* What a simulated rule does, as people read it and as JSON. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "cli/simulate.h"
#include "cli/term.h"

enum { ROWS = 12, PLOT_W = 60, PLOT_H = 10, TEXT = 40 };

static int64_t integer(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

int64_t simulate_risk(const struct simulate *s)
{
	const json_t *each = json_object_get(s->result, "each");
	int64_t devices = integer(s->result, "devices"), worst = 0;

	for (size_t i = 0; i < json_array_size(each); i++) {
		int64_t n = integer(json_array_get(each, i), "at_risk");

		worst = n > worst ? n : worst;
	}
	return devices > 0 ? (worst * 10000 + devices - 1) / devices : 0;
}

/* --- for people ------------------------------------------------------------------------------ */

static const char *share(char out[TEXT], int64_t n, int64_t of)
{
	int64_t x = of > 0 ? (n * 1000 + of / 2) / of : 0;

	snprintf(out, TEXT, "%" PRId64 ".%d %%", x / 10, (int)(x % 10));
	return out;
}

static const char *span(char out[TEXT], int64_t ms)
{
	static const struct {
		int64_t ms;
		const char *unit;
	} units[] = {{86400000, "days"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}, {1, "ms"}};
	size_t u = 0;

	while (u < 4 && ms < 2 * units[u].ms)
		u++;
	snprintf(out, TEXT, "%" PRId64 " %s", ms / units[u].ms, units[u].unit);
	return out;
}

/* null stands for what never came. */
static const char *span_of(char out[TEXT], const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	if (json_is_integer(v))
		return span(out, json_integer_value(v));
	snprintf(out, TEXT, "never");
	return out;
}

static const char *moment(char out[TEXT], int64_t s)
{
	time_t t = (time_t)s;
	struct tm local;

	if (!localtime_r(&t, &local) || !strftime(out, TEXT, "%Y-%m-%d %H:%M %Z", &local))
		snprintf(out, TEXT, "%" PRId64, s);
	return out;
}

static void put_fleet(const struct simulate *s)
{
	const Pb__GetRuleFleetResponse *f = s->fleet;
	char a[TEXT], b[TEXT], c[TEXT];

	printf("rule %" PRId32 "      ", s->rule->id);
	term_put(stdout, s->rule->description, strlen(s->rule->description));
	printf("\nfleet       %" PRId64 " devices%s, %" PRId64 " topics, %" PRId64 " clients\n",
	       f->complete ? f->sampled : f->devices, f->complete ? "" : " or more", f->topics,
	       f->clients);
	if (!f->complete)
		printf("            what follows is of a sample of %" PRId64 "\n", f->sampled);
	printf("            %s without receipts", share(a, f->silent, f->sampled));
	printf(", %s of the others away now", share(a, f->away, f->sampled - f->silent));
	if (f->n_awayfor > 9)
		printf(", half of them for %s or more, a tenth for %s or more, the longest for %s",
		       span(a, f->awayfor[5] * 1000), span(b, f->awayfor[9] * 1000),
		       span(c, f->awayfor[f->n_awayfor - 1] * 1000));
	printf("\n");
}

/* What is not in it. */
static void put_limits(const struct simulate *s)
{
	for (size_t i = 0; i < s->rule->n_triggers; i++) {
		const Pb__Trigger *t = s->rule->triggers[i];

		if (t->type == PB__TRIGGER_TYPE__KEY_AGE)
			printf("            trigger %" PRId32 " goes by the age of keys: of it the "
			       "next time alone is simulated\n",
			       t->id);
		else if (t->type != PB__TRIGGER_TYPE__TIME_INTERVAL)
			printf("            trigger %" PRId32 " waits for what cannot be foreseen: "
			       "it is left out\n",
			       t->id);
	}
	if (s->rule->options && s->rule->options->n_waves)
		printf("            waves are left out: all targets rotate at once\n");
	if (s->fleet->clients)
		printf("            new keys of clients are left out: their devices get keys of "
		       "topics\n");
	if (s->rule->paused)
		printf("            it is paused, and does not fire at all\n");
}

static void put_plan(const struct simulate *s)
{
	printf("simulated   %" PRId64 " devices for %" PRId64 " days, %s%s away at any time%s\n",
	       s->devices, s->days, s->away, strchr(s->away, '%') ? "" : "%",
	       s->cut ? ", in which it fires a thousand times" : "");
	printf("rotates     %zu times", s->n_fires);
	if (s->merged)
		printf("; %zu more firings fall into a grace period and count as the same",
		       s->merged);
	printf("\n");
	put_limits(s);
}

static void put_each(const struct simulate *s)
{
	const json_t *each = json_object_get(s->result, "each");
	size_t n = json_array_size(each), shown = n < ROWS ? n : ROWS;
	int64_t devices = integer(s->result, "devices");
	char a[TEXT], b[TEXT], c[TEXT], d[TEXT], e[TEXT], g[TEXT];

	printf("\n%-22s %8s %10s %10s %10s %9s\n", "ROTATION", "ONLINE", "50 % HAVE", "99 % HAVE",
	       "REACHED IN", "AT RISK");
	for (size_t i = 0; i < shown; i++) {
		const json_t *o = json_array_get(each, i);

		printf("%-22s %8s %10s %10s %10s %9s\n", moment(a, s->now_s + integer(o, "at_s")),
		       share(b, integer(o, "online"), devices), span_of(c, o, "50%_ms"),
		       span_of(d, o, "99%_ms"), span_of(e, o, "reached_ms"),
		       share(g, integer(o, "at_risk"), devices));
	}
	if (n > shown)
		printf("and %zu more: -o json has all\n", n - shown);
}

/* 100 % at the top. */
static void plot(char cells[PLOT_H][PLOT_W], const json_t *slots, int64_t devices, char sign)
{
	size_t n = json_array_size(slots);

	for (size_t x = 0; x < PLOT_W && n && devices; x++) {
		int64_t v = json_integer_value(json_array_get(slots, x * (n - 1) / (PLOT_W - 1)));
		int64_t y = (devices - v) * (PLOT_H - 1) / devices;

		if (y >= 0 && y < PLOT_H)
			cells[y][x] = sign;
	}
}

static void put_plot(const struct simulate *s)
{
	int64_t devices = integer(s->result, "devices");
	char cells[PLOT_H][PLOT_W], text[TEXT];

	memset(cells, ' ', sizeof cells);
	plot(cells, json_object_get(s->result, "online"), devices, '.');
	plot(cells, json_object_get(s->result, "have"), devices, '*');
	printf("\n");
	for (int y = 0; y < PLOT_H; y++)
		printf("%5d %% |%.*s\n", 100 * (PLOT_H - 1 - y) / (PLOT_H - 1), PLOT_W, cells[y]);
	printf("        +");
	for (int x = 0; x < PLOT_W; x++)
		putchar('-');
	printf("\n         now%*s\n        * have the newest keys   . online\n", PLOT_W - 3,
	       span(text, s->days * INT64_C(86400000)));
}

static void put_sum(const struct simulate *s)
{
	int64_t worst = simulate_risk(s), devices = integer(s->result, "devices");
	int64_t ppm = integer(s->result, "unread_ppm");
	char a[TEXT];

	printf("\nat risk     %" PRId64
	       ".%02d %% of the devices at the worst rotation, %s at one or "
	       "more:\n            they had not yet the keys before, and the one old key that a "
	       "device keeps\n            helps them no more\n",
	       worst / 100, (int)(worst % 100), share(a, integer(s->result, "at_risk"), devices));
	printf("unread      %" PRId64 ".%04d %% of messages between devices that are there\n",
	       ppm / 10000, (int)(ppm % 10000));
}

void simulate_show(const struct simulate *s)
{
	put_fleet(s);
	if (!s->result) {
		printf("rotates     never by its times within %" PRId64 " days\n", s->days);
		put_limits(s);
		return;
	}
	put_plan(s);
	put_each(s);
	put_plot(s);
	put_sum(s);
}

/* --- for programs ------------------------------------------------------------------------------
 */

static json_t *fires_of(const struct simulate *s)
{
	json_t *list = json_array();
	char text[TEXT];

	for (size_t i = 0; i < s->n_fires; i++) {
		time_t t = (time_t)s->fires[i];
		struct tm utc;

		if (gmtime_r(&t, &utc) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc))
			json_array_append_new(list, json_string(text));
	}
	return list;
}

static json_t *fleet_of(const Pb__GetRuleFleetResponse *f)
{
	json_t *away = json_array();

	for (size_t i = 0; i < f->n_awayfor; i++)
		json_array_append_new(away, json_integer(f->awayfor[i]));
	return json_pack("{s:I,s:I,s:I,s:I,s:b,s:I,s:I,s:o}", "topics", f->topics, "clients",
			 f->clients, "devices", f->devices, "sampled", f->sampled, "complete",
			 f->complete, "silent", f->silent, "away", f->away, "awayFor", away);
}

void simulate_show_json(const struct simulate *s)
{
	json_t *out = json_pack("{s:i,s:I,s:o,s:I,s:o,s:f,s:O?}", "rule", s->rule->id, "days",
				s->days, "rotations", fires_of(s), "merged", (json_int_t)s->merged,
				"fleet", fleet_of(s->fleet), "riskPercent",
				(double)simulate_risk(s) / 100, "simulated", s->result);

	json_dumpf(out, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(out);
}
