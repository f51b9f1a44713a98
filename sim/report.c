#include "sim/report.h"

#include <inttypes.h>
#include <string.h>

static const uint32_t shares[] = {500000, 900000, 990000, 1000000};
enum { N_SHARES = sizeof shares / sizeof shares[0] };

struct curve {
	const char *name, *key;
	const struct waits *waits;
	int64_t of; /* 100 % are so many */
};

enum { N_CURVES = 3 };

/* In the order in which they are told. */
static void curves_of(struct curve out[N_CURVES], const struct fleet_result *r)
{
	int64_t legacy = r->devices ? r->rotation_devices / r->devices * r->legacy : 0;

	out[0] = (struct curve){"devices that could be reached, from their return", "reachable",
				&r->reachable, r->rotation_devices - r->unreachable};
	out[1] = (struct curve){"all devices, from the rotation", "all", &r->have,
				r->rotation_devices};
	out[2] = (struct curve){"C2 knows, from the rotation", "confirmed", &r->confirmed,
				r->rotation_devices - legacy};
}

/* --- numbers ---------------------------------------------------------------------------- */

/* "1,234,567" into one of a few buffers. */
static const char *grouped(int64_t n)
{
	static char ring[8][32];
	static int next;
	char digits[24], *out = ring[next++ % 8], *to = out;
	int len = snprintf(digits, sizeof digits, "%" PRId64, n);

	for (int i = 0; i < len; i++) {
		*to++ = digits[i];
		if (i < len - 1 && (len - 1 - i) % 3 == 0 && digits[i] != '-')
			*to++ = ',';
	}
	*to = 0;
	return out;
}

/* Three digits and a unit. */
static const char *time_text(int64_t ms)
{
	static const struct {
		int64_t ms;
		const char *unit;
	} units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}, {1, "ms"}};
	static char ring[8][24];
	static int next;
	char *out = ring[next++ % 8];
	size_t u = 0;
	int64_t tenths;

	if (ms < 0)
		return "never";
	while (u < 4 && ms < 2 * units[u].ms)
		u++;
	tenths = ms * 10 / units[u].ms;
	if (tenths < 1000 && units[u].ms > 1)
		snprintf(out, 24, "%d.%d %s", (int)(tenths / 10), (int)(tenths % 10),
			 units[u].unit);
	else
		snprintf(out, 24, "%d %s", (int)(tenths / 10), units[u].unit);
	return out;
}

/* Hundredths of a percent. */
static const char *share_text(int64_t n, int64_t of)
{
	static char ring[8][16];
	static int next;
	char *out = ring[next++ % 8];
	int64_t x = of > 0 ? (n * 10000 + of / 2) / of : 0;

	snprintf(out, 16, "%d.%02d %%", (int)(x / 100), (int)(x % 100));
	return out;
}

/* The n of a curve that had it by then, as parts of a million. */
static int64_t reached(const struct curve *c, int64_t ms)
{
	int64_t low = 0, high = 1000000;

	if (c->of <= 0)
		return 0;
	while (low < high) {
		int64_t mid = (low + high + 1) / 2,
			t = waits_within(c->waits, c->of, (uint32_t)mid);

		if (t >= 0 && t <= ms)
			low = mid;
		else
			high = mid - 1;
	}
	return low;
}

/* --- the plot: time on a scale of powers ------------------------------------------------------ */

enum { PLOT_W = 64, PLOT_H = 12, PLOT_FROM_MS = 100 };

/* Marks of the scale; the last is where it ends. */
static const int64_t marks[] = {100,     1000,     10000,    60000,     600000,
				3600000, 21600000, 86400000, 604800000, 2592000000};
enum { N_MARKS = sizeof marks / sizeof marks[0] };

static size_t last_mark(const struct fleet_result *r)
{
	size_t i = 2;

	while (i + 1 < N_MARKS && marks[i] < r->have.longest_ms)
		i++;
	return i;
}

/* Between two marks time runs evenly; at is in thousandths of the whole width. */
static int64_t time_at(int64_t at, size_t last)
{
	int64_t scaled = at * (int64_t)last, i = scaled / 1000, rest = scaled % 1000;

	if (i >= (int64_t)last)
		return marks[last];
	return marks[i] + (marks[i + 1] - marks[i]) * rest / 1000;
}

static void plot_text(FILE *f, const struct fleet_result *r)
{
	static const char *const signs[N_CURVES] = {"+", "*", "o"};
	const char *cells[PLOT_H][PLOT_W];
	struct curve curves[N_CURVES];
	size_t last = last_mark(r);

	curves_of(curves, r);
	for (int y = 0; y < PLOT_H; y++)
		for (int x = 0; x < PLOT_W; x++)
			cells[y][x] = " ";
	for (int k = N_CURVES - 1; k >= 0; k--) {
		for (int x = 0; x < PLOT_W; x++) {
			int64_t ppm = reached(&curves[k], time_at(x * 1000 / (PLOT_W - 1), last));
			int y = (int)((1000000 - ppm) * (PLOT_H - 1) / 1000000);

			cells[y][x] = signs[k];
		}
	}
	fprintf(f, "\n");
	for (int y = 0; y < PLOT_H; y++) {
		fprintf(f, "%5d %% |", (PLOT_H - 1 - y) * 100 / (PLOT_H - 1));
		for (int x = 0; x < PLOT_W; x++)
			fputs(cells[y][x], f);
		fprintf(f, "\n");
	}
	fprintf(f, "        +");
	for (int x = 0; x < PLOT_W; x++)
		fputc('-', f);
	fprintf(f, "\n         ");
	for (size_t i = 0; i <= last; i++)
		fprintf(f, "%-*s", i < last ? PLOT_W / (int)last : 0, time_text(marks[i]));
	fprintf(f, "\n        + reachable ones, from their return   * all, from the rotation   "
		   "o C2 knows\n");
}

/* --- for people ------------------------------------------------------------------------------ */

static void put_head(FILE *f, const struct fleet_config *c, const struct fleet_result *r)
{
	fprintf(f, "%s devices%s in %s topics (%s each), broker %s, QoS %d, seed %" PRId64 "\n",
		grouped(r->devices), c->pubkey ? " with key pairs" : "", grouped(c->topics),
		grouped(c->per_device), c->broker.name,
		c->qos < c->broker.qos ? c->qos : c->broker.qos, c->seed);
	if (c->back_within_s)
		fprintf(f, "all away for one rotation, then back within %s\n",
			time_text(c->back_within_s * 1000));
	else
		fprintf(f, "%s days, %s rotations, %s away at any time for %s on average\n",
			grouped(c->days), grouped(r->rotations),
			share_text(c->offline_ppm, 1000000),
			time_text((c->absence.n ? absence_mean_s(&c->absence) : c->sleep_s) *
				  1000));
}

static void put_waits(FILE *f, const struct fleet_result *r)
{
	struct curve curves[N_CURVES];

	curves_of(curves, r);
	fprintf(f, "\n%-50s%10s%10s%10s%10s\n", "new keys are there", "50 %", "90 %", "99 %",
		"100 %");
	for (size_t k = 0; k < N_CURVES; k++) {
		fprintf(f, "%-50s", curves[k].name);
		for (size_t i = 0; i < N_SHARES; i++)
			fprintf(f, "%10s",
				time_text(waits_within(curves[k].waits, curves[k].of, shares[i])));
		fprintf(f, "\n");
	}
}

/* --- rotations one by one ------------------------------------------------------------------------
 */

enum { TOLD_MAX = 12 };

static size_t n_told(const struct fleet_result *r)
{
	return (size_t)(r->rotations < FLEET_ROTATIONS ? r->rotations : FLEET_ROTATIONS);
}

static int64_t sum_of(const struct fleet_result *r, bool unread)
{
	int64_t sum = 0;

	for (size_t i = 0; i < n_told(r); i++)
		sum += unread ? r->each[i].unread : r->each[i].heard;
	return sum;
}

/* Of a million; rounded up, so that 0 is none. */
static int64_t ppm_of(int64_t n, int64_t of)
{
	return of > 0 ? (int64_t)((double)n / (double)of * 1e6 + (n > 0 ? 0.999999 : 0)) : 0;
}

/* Parts of a million as a percentage. */
static const char *ppm_text(int64_t ppm)
{
	static char ring[8][16];
	static int next;
	char *out = ring[next++ % 8];

	snprintf(out, 16, "%d.%04d %%", (int)(ppm / 10000), (int)(ppm % 10000));
	return out;
}

static void put_each(FILE *f, const struct fleet_result *r)
{
	size_t n = n_told(r), shown = n < TOLD_MAX ? n : TOLD_MAX;

	fprintf(f, "\n%-12s%10s%12s%12s%18s%12s%12s\n", "rotation at", "online", "50 % have",
		"99 % have", "reached within", "at risk", "unread");
	for (size_t i = 0; i < shown; i++) {
		const struct fleet_rotation *e = &r->each[i];

		fprintf(f, "%-12s%10s%12s%12s%18s%12s%12s\n", time_text(e->at_s * 1000),
			grouped(e->online), time_text(rough_within(&e->have, e->devices, 500000)),
			time_text(rough_within(&e->have, e->devices, 990000)),
			time_text(e->reached_ms), share_text(e->at_risk, e->devices),
			ppm_text(ppm_of(e->unread, e->heard)));
	}
	if (n > shown)
		fprintf(f, "and %zu more: --json has all\n", n - shown);
	fprintf(f, "reached within: the longest that a device was there without its keys\n"
		   "at risk: two keys behind from then on, where the old key helps no more\n"
		   "unread: of messages between devices that are there, until the next rotation\n");
}

static void put_line(FILE *f, const char *what, int64_t n, int64_t of)
{
	fprintf(f, "%-50s%20s%20s\n", what, grouped(n), of > 0 ? share_text(n, of) : "");
}

static void put_losses(FILE *f, const struct fleet_result *r)
{
	int64_t all = r->rotation_devices;

	fprintf(f, "\n");
	put_line(f, "devices times rotations", all, 0);
	put_line(f, "  away from one rotation to the next", r->unreachable, all);
	put_line(f, "  reachable, but without the keys until the next", r->missed, all);
	put_line(f, "devices ever at risk (two keys behind)", r->at_risk, r->devices);
	fprintf(f, "%-50s%20s%20s\n", "messages between devices that were unread", "",
		ppm_text(ppm_of(sum_of(r, true), sum_of(r, false))));
	put_line(f, "returns of devices", r->returns, 0);
	put_line(f, "messages of C2", r->broker.from_c2, 0);
	put_line(f, "  reached a device", r->broker.to_devices, r->broker.from_c2);
	put_line(f, "  found it away, and were not kept", r->broker.away, r->broker.from_c2);
	put_line(f, "  dropped from full sessions", r->broker.overflown, r->broker.from_c2);
	put_line(f, "messages of devices", r->broker.from_devices, 0);
	put_line(f, "messages that vanished", r->broker.vanished,
		 r->broker.from_c2 + r->broker.from_devices);
	put_line(f, "commands that came too late to count", r->devices_did.too_old,
		 r->broker.to_devices);
	put_line(f, "most messages in sessions at one time", r->broker.most_kept, 0);
	put_line(f, "most receipts waiting in C2", r->most_receipts_waiting, 0);
	put_line(f, "rows written by C2", r->writes, 0);
	fprintf(f, "\nafterwards, all there for %s:\n", time_text(r->end_s * 1000));
	put_line(f, "  without the newest keys", r->end_without_keys, r->devices - r->legacy);
	put_line(f, "  not known to have them", r->end_unconfirmed, r->devices - r->legacy);
	if (r->legacy)
		put_line(f, "  legacy devices without the newest keys", r->end_legacy_without_keys,
			 r->legacy);
}

void report_text(FILE *f, const struct fleet_config *cfg, const struct fleet_result *r)
{
	put_head(f, cfg, r);
	if (r->rotations) {
		put_waits(f, r);
		plot_text(f, r);
		put_each(f, r);
	}
	put_losses(f, r);
}

/* --- for programs ---------------------------------------------------------------------------- */

static void json_waits(FILE *f, const struct fleet_result *r)
{
	struct curve curves[N_CURVES];

	curves_of(curves, r);
	for (size_t k = 0; k < N_CURVES; k++) {
		fprintf(f, "\"%s_ms\":{", curves[k].key);
		for (size_t i = 0; i < N_SHARES; i++) {
			int64_t ms = waits_within(curves[k].waits, curves[k].of, shares[i]);

			fprintf(f, "%s\"%d%%\":", i ? "," : "", (int)(shares[i] / 10000));
			if (ms < 0)
				fprintf(f, "null");
			else
				fprintf(f, "%" PRId64, ms);
		}
		fprintf(f, ",\"longest\":%" PRId64 ",\"n\":%" PRId64 ",\"of\":%" PRId64 "},",
			curves[k].waits->longest_ms, curves[k].waits->n, curves[k].of);
	}
}

static void json_ms(FILE *f, const char *name, int64_t ms)
{
	fprintf(f, "\"%s\":", name);
	fprintf(f, ms < 0 ? "null," : "%" PRId64 ",", ms);
}

static void json_each(FILE *f, const struct fleet_result *r)
{
	fprintf(f, "\"each\":[");
	for (size_t i = 0; i < n_told(r); i++) {
		const struct fleet_rotation *e = &r->each[i];

		fprintf(f, "%s{\"at_s\":%" PRId64 ",\"online\":%" PRId64 ",\"have\":%" PRId64 ",",
			i ? "," : "", e->at_s, e->online, e->have.n);
		json_ms(f, "50%_ms", rough_within(&e->have, e->devices, 500000));
		json_ms(f, "99%_ms", rough_within(&e->have, e->devices, 990000));
		json_ms(f, "reached_ms", e->reached_ms);
		fprintf(f, "\"at_risk\":%" PRId64 ",\"unread_ppm\":%" PRId64 "}", e->at_risk,
			ppm_of(e->unread, e->heard));
	}
	fprintf(f, "],");
}

/* The fleet over the whole time, as in the picture. */
static void json_slots(FILE *f, const char *name, const int64_t *slots)
{
	fprintf(f, "\"%s\":[", name);
	for (int i = 0; i < FLEET_SLOTS; i++)
		fprintf(f, "%s%" PRId64, i ? "," : "", slots[i]);
	fprintf(f, "],");
}

void report_json(FILE *f, const struct fleet_config *cfg, const struct fleet_result *r)
{
	const struct {
		const char *name;
		int64_t n;
	} fields[] = {
		{"seed", cfg->seed},
		{"devices", r->devices},
		{"legacy", r->legacy},
		{"days", cfg->days},
		{"rotations", r->rotations},
		{"device_rotations", r->rotation_devices},
		{"unreachable", r->unreachable},
		{"missed", r->missed},
		{"never_confirmed", r->never_confirmed},
		{"at_risk", r->at_risk},
		{"unread_ppm", ppm_of(sum_of(r, true), sum_of(r, false))},
		{"returns", r->returns},
		{"from_c2", r->broker.from_c2},
		{"to_devices", r->broker.to_devices},
		{"from_devices", r->broker.from_devices},
		{"to_c2", r->broker.to_c2},
		{"vanished", r->broker.vanished},
		{"found_away", r->broker.away},
		{"overflown", r->broker.overflown},
		{"most_kept", r->broker.most_kept},
		{"commands_followed", r->devices_did.taken},
		{"questions_answered", r->devices_did.reports},
		{"refused", r->devices_did.refused},
		{"too_old", r->devices_did.too_old},
		{"power_losses", r->devices_did.starts},
		{"c2_crashes", r->devices_did.crashes},
		{"rows_written", r->writes},
		{"most_receipts_waiting", r->most_receipts_waiting},
		{"end_seconds", r->end_s},
		{"end_without_keys", r->end_without_keys},
		{"end_unconfirmed", r->end_unconfirmed},
		{"end_legacy_without_keys", r->end_legacy_without_keys},
	};

	fprintf(f, "{\"broker\":\"%s\",", cfg->broker.name);
	json_waits(f, r);
	json_each(f, r);
	json_slots(f, "online", r->slot_online);
	json_slots(f, "have", r->slot_have);
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		fprintf(f, "%s\"%s\":%" PRId64, i ? "," : "", fields[i].name, fields[i].n);
	fprintf(f, "}\n");
}

/* --- as a picture ---------------------------------------------------------------------------- */

enum { SVG_W = 760, SVG_H = 640, BOX_X = 70, BOX_W = 660, BOX_H = 220, BOX1_Y = 70, BOX2_Y = 370 };

static const char *const colours[N_CURVES] = {"#0a7d32", "#1f5fbf", "#c25b00"};

static void svg_box(FILE *f, int top, const char *title)
{
	fprintf(f, "<text x=\"%d\" y=\"%d\" class=\"t\">%s</text>\n", BOX_X, top - 14, title);
	for (int p = 0; p <= 100; p += 25) {
		int y = top + BOX_H - p * BOX_H / 100;

		fprintf(f,
			"<path d=\"M%d %dH%d\" class=\"g\"/>"
			"<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%d %%</text>\n",
			BOX_X, y, BOX_X + BOX_W, BOX_X - 8, y + 4, p);
	}
}

static void svg_mark(FILE *f, int top, int x, const char *text)
{
	fprintf(f,
		"<path d=\"M%d %dv5\" class=\"a\"/><text x=\"%d\" y=\"%d\" "
		"text-anchor=\"middle\">%s</text>\n",
		x, top + BOX_H, x, top + BOX_H + 20, text);
}

static void svg_legend(FILE *f, int y, size_t k, int x, const char *text)
{
	fprintf(f,
		"<path d=\"M%d %dh18\" stroke=\"%s\" class=\"c\"/><text x=\"%d\" y=\"%d\">%s"
		"</text>\n",
		x, y - 4, colours[k], x + 24, y, text);
}

static void svg_waits(FILE *f, const struct fleet_result *r)
{
	struct curve curves[N_CURVES];
	size_t last = last_mark(r);

	curves_of(curves, r);
	svg_box(f, BOX1_Y, "Devices with the new keys, over the time since a rotation");
	for (size_t i = 0; i <= last; i++)
		svg_mark(f, BOX1_Y, BOX_X + (int)i * BOX_W / (int)last, time_text(marks[i]));
	for (size_t k = 0; k < N_CURVES; k++) {
		fprintf(f, "<polyline class=\"c\" stroke=\"%s\" points=\"", colours[k]);
		for (int x = 0; x <= BOX_W; x += 4) {
			int64_t ppm = reached(&curves[k], time_at((int64_t)x * 1000 / BOX_W, last));

			fprintf(f, "%d,%d ", BOX_X + x,
				BOX1_Y + BOX_H - (int)(ppm * BOX_H / 1000000));
		}
		fprintf(f, "\"/>\n");
	}
	svg_legend(f, BOX1_Y + BOX_H + 44, 0, BOX_X, "reachable ones, from their return");
	svg_legend(f, BOX1_Y + BOX_H + 44, 1, BOX_X + 250, "all");
	svg_legend(f, BOX1_Y + BOX_H + 44, 2, BOX_X + 320, "C2 knows");
}

static void svg_slots(FILE *f, const struct fleet_result *r, size_t k, const int64_t *slots)
{
	fprintf(f, "<polyline class=\"c\" stroke=\"%s\" points=\"", colours[k]);
	for (int i = 0; i < FLEET_SLOTS; i++)
		if (r->slot_devices[i])
			fprintf(f, "%d,%d ", BOX_X + i * BOX_W / (FLEET_SLOTS - 1),
				BOX2_Y + BOX_H - (int)(slots[i] * BOX_H / r->slot_devices[i]));
	fprintf(f, "\"/>\n");
}

static void svg_days(FILE *f, const struct fleet_config *c, const struct fleet_result *r)
{
	int64_t span_ms = c->back_within_s ? 7200000 + c->back_within_s * 1000 : c->days * 86400000;

	svg_box(f, BOX2_Y, "The fleet over the whole time");
	for (int i = 0; i <= 6; i++)
		svg_mark(f, BOX2_Y, BOX_X + i * BOX_W / 6, time_text(span_ms * i / 6));
	svg_slots(f, r, 0, r->slot_online);
	svg_slots(f, r, 1, r->slot_have);
	svg_slots(f, r, 2, r->slot_confirmed);
	svg_legend(f, BOX2_Y + BOX_H + 44, 0, BOX_X, "online");
	svg_legend(f, BOX2_Y + BOX_H + 44, 1, BOX_X + 110, "with the newest keys");
	svg_legend(f, BOX2_Y + BOX_H + 44, 2, BOX_X + 320, "known to C2 to have them");
}

void report_svg(FILE *f, const struct fleet_config *cfg, const struct fleet_result *r)
{
	fprintf(f,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
		"font-family=\"sans-serif\" font-size=\"12\">\n"
		"<style>.g{stroke:#ddd;fill:none}.a{stroke:#888}.c{fill:none;stroke-width:2}"
		".t{font-size:14px;font-weight:bold}</style>\n"
		"<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n",
		SVG_W, SVG_H + 20, SVG_W, SVG_H + 20);
	fprintf(f,
		"<text x=\"%d\" y=\"28\">%s devices, broker %s, %s away, seed %" PRId64 "</text>\n",
		BOX_X, grouped(r->devices), cfg->broker.name, share_text(cfg->offline_ppm, 1000000),
		cfg->seed);
	svg_waits(f, r);
	svg_days(f, cfg, r);
	fprintf(f, "</svg>\n");
}
