/* e4sim: how a fleet lives with a key server, in virtual time. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/sim_opts.h"
#include "sim/report.h"

#ifndef E4_VERSION
#define E4_VERSION "unknown"
#endif

static int usage(FILE *f, int code)
{
	fprintf(f, "Usage: e4sim [OPTION]...\n"
		   "Simulates devices, a broker and the real key server: how long until a rotation "
		   "has\nreached everybody, and what is lost. TIME is a number with s, m, h or d; "
		   "PERCENT a\nnumber like 40%% or 0.5%%.\n\n");
	opts_help(&sim_opts, f);
	fprintf(f,
		"\nExample: e4sim --fleet 100000 --offline 40%% --rotate daily --svg plot.svg\n");
	return code;
}

/* --- values ---------------------------------------------------------------------------------- */

static bool take_share(const char *text, const char *what, uint32_t *ppm, struct err *err)
{
	char *end;
	double v;

	if (!text)
		return true;
	v = strtod(text, &end);
	if (*end == '%')
		end++;
	if (end == text || *end || !(v >= 0 && v <= 100) || strchr("+- ", *text))
		return err_set(err, ERR_INVALID, "--%s takes a share from 0%% to 100%%, like 40%%",
			       what);
	*ppm = (uint32_t)(v * 10000 + 0.5);
	return true;
}

static int64_t named_time(const char *text)
{
	static const struct {
		const char *name;
		int64_t s;
	} names[] = {{"hourly", 3600}, {"daily", 86400}, {"weekly", 604800}, {"never", 0}};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(names[i].name, text) == 0)
			return names[i].s;
	return -1;
}

static int64_t unit_of(char c)
{
	return c == 's' || c == 0 ? 1 : c == 'm' ? 60 : c == 'h' ? 3600 : c == 'd' ? 86400 : 0;
}

static bool take_time(const char *text, const char *what, int64_t *s, struct err *err)
{
	int64_t unit;
	char *end;

	if (!text)
		return true;
	*s = strtoimax(text, &end, 10);
	unit = unit_of(*end);
	if (end == text || unit == 0 || (*end && end[1]) || *s < 1 || *s > 1000000000 / unit)
		return err_set(err, ERR_INVALID, "--%s takes a time like 30s, 90m, 36h or 3d",
			       what);
	*s *= unit;
	return true;
}

static bool take_rotate(const char *text, int64_t *s, struct err *err)
{
	if (text && named_time(text) >= 0) {
		*s = named_time(text);
		return true;
	}
	if (take_time(text, "rotate", s, err))
		return true;
	return err_set(err, ERR_INVALID,
		       "--rotate takes hourly, daily, weekly, never, or a time like 90m or 36h");
}

enum { LIST_MAX = FLEET_ROTATIONS };

/* Times with commas between, rising. */
static bool take_list(const char *text, const char *what, int64_t *times, size_t max, size_t *n,
		      struct err *err)
{
	char one[16];

	for (*n = 0; text && *text; text += *text == ',') {
		size_t len = strcspn(text, ",");

		snprintf(one, sizeof one, "%.*s", (int)(len < sizeof one ? len : 0), text);
		if (*n == max)
			return err_set(err, ERR_INVALID, "--%s takes at most %zu times", what, max);
		if (!take_time(one, what, &times[*n], err))
			return false;
		if (*n && times[*n] <= times[*n - 1])
			return err_set(err, ERR_INVALID, "--%s takes times that rise", what);
		++*n;
		text += len;
	}
	return true;
}

static bool take_lists(struct fleet_config *c, const struct sim_args *a, struct err *err)
{
	static int64_t rotate_at[LIST_MAX];
	int64_t away[ABSENCE_MAX];
	size_t n;

	if (!take_list(a->rotate_at, "rotate-at", rotate_at, LIST_MAX, &c->n_rotate_at, err) ||
	    !take_list(a->away_for, "away-for", away, ABSENCE_MAX, &n, err))
		return false;
	c->rotate_at_s = rotate_at;
	absence_fit(&c->absence, away, n);
	if (c->n_rotate_at && a->rotate)
		return err_set(err, ERR_INVALID, "--rotate and --rotate-at say the same thing");
	if (n && a->sleep)
		return err_set(err, ERR_INVALID, "--sleep and --away-for say the same thing");
	return true;
}

static bool take_times(struct fleet_config *c, const struct sim_args *a, struct err *err)
{
	return take_rotate(a->rotate, &c->rotate_s, err) &&
	       take_time(a->sleep, "sleep", &c->sleep_s, err) &&
	       take_time(a->back_within, "back-within", &c->back_within_s, err) &&
	       take_time(a->broker_restart, "broker-restart", &c->broker_restart_s, err) &&
	       take_time(a->c2_crash, "c2-crash", &c->c2_crash_s, err) &&
	       take_time(a->receipt_wait, "receipt-wait", &c->receipt_wait_s, err) &&
	       take_time(a->retry_max, "retry-max", &c->retry_max_s, err) &&
	       take_time(a->legacy_retry_max, "legacy-retry-max", &c->legacy_max_s, err) &&
	       take_time(a->announce_gap, "announce-gap", &c->announce_gap_s, err);
}

static bool take_shares(struct fleet_config *c, const struct sim_args *a, struct err *err)
{
	return take_share(a->offline, "offline", &c->offline_ppm, err) &&
	       take_share(a->legacy, "legacy", &c->legacy_ppm, err) &&
	       take_share(a->lossy, "lossy", &c->broker.loss_ppm, err) &&
	       take_share(a->wrong_clocks, "wrong-clocks", &c->wrong_clock_ppm, err) &&
	       take_share(a->no_clocks, "no-clocks", &c->no_clock_ppm, err) &&
	       take_share(a->power_loss, "power-loss", &c->power_loss_ppm, err);
}

static bool fits(const struct fleet_config *c, const struct sim_args *a, struct err *err)
{
	if (c->per_device > c->topics)
		return err_set(err, ERR_INVALID, "--per-device is more than --topics");
	if (c->offline_ppm > 990000)
		return err_set(err, ERR_INVALID, "--offline is at most 99%%: somebody must come");
	if (c->retry_max_s < c->receipt_wait_s)
		return err_set(err, ERR_INVALID, "--retry-max is less than --receipt-wait");
	if (a->shards > c->fleet)
		return err_set(err, ERR_INVALID, "more --shards than devices");
	if (a->sqlite && a->shards > 1)
		return err_set(err, ERR_INVALID, "--sqlite is for one shard");
	if (a->sqlite && access(a->sqlite, F_OK) == 0)
		return err_set(err, ERR_INVALID, "%s is there already", a->sqlite);
	return true;
}

static int64_t given(int64_t value, int64_t usual)
{
	return value ? value : usual;
}

static bool config_of(struct fleet_config *c, const struct sim_args *a, struct err *err)
{
	*c = (struct fleet_config){.fleet = given(a->fleet, 1000),
				   .topics = given(a->topics, 10),
				   .per_device = given(a->per_device, 1),
				   .days = given(a->days, 7),
				   .seed = given(a->seed, 1),
				   .rotate_s = 86400,
				   .sleep_s = 8 * 3600,
				   .pubkey = a->pubkey,
				   .retain = a->retain && strcmp(a->retain, "on") == 0,
				   .presence = !a->presence || strcmp(a->presence, "on") == 0,
				   .qos = a->qos ? *a->qos - '0' : 2,
				   .broker = *broker_profile(a->broker ? a->broker : "mosquitto"),
				   .window = (size_t)given(a->window, 100),
				   .receipt_wait_s = 10,
				   .retry_max_s = 3600,
				   .legacy_max_s = 86400,
				   .announce_gap_s = 30,
				   .sqlite = a->sqlite};
	if (a->rate)
		c->broker.rate = (int32_t)a->rate;
	return take_times(c, a, err) && take_lists(c, a, err) && take_shares(c, a, err) &&
	       fits(c, a, err);
}

/* --- progress ------------------------------------------------------------------------------------
 */

static bool progress_shown;

/* Twice a second; the clock is the real one, so nothing of it may reach the report. */
static void show_progress(void *ctx, uint32_t ppm, const char *what)
{
	static struct timespec last;
	struct timespec now;

	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if ((now.tv_sec - last.tv_sec) * 1000 + (now.tv_nsec - last.tv_nsec) / 1000000 < 500)
		return;
	last = now;
	progress_shown = true;
	fprintf(stderr, "\r%3u %% %-20s", ppm / 10000, what);
}

static void end_progress(void)
{
	if (progress_shown)
		fprintf(stderr, "\r%30s\r", "");
	progress_shown = false;
}

/* --- shards ---------------------------------------------------------------------------------- */

/* A part of the fleet, with a seed of its own. */
static struct fleet_config shard_of(const struct fleet_config *c, int64_t i, int64_t n)
{
	struct fleet_config part = *c;

	part.fleet = c->fleet / n + (i < c->fleet % n);
	part.seed = c->seed + i * 1000003;
	return part;
}

static bool write_all(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static bool read_all(int fd, void *bytes, size_t len)
{
	char *at = bytes;

	while (len > 0) {
		ssize_t n = read(fd, at, len);

		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static pid_t start_shard(const struct fleet_config *cfg, int *fd)
{
	static struct fleet_result r;
	struct err err;
	int ends[2];
	pid_t pid;

	if (pipe(ends) < 0)
		return -1;
	pid = fork();
	if (pid != 0) {
		close(ends[1]);
		*fd = ends[0];
		return pid;
	}
	_exit(fleet_run(&r, cfg, 0, 0, &err) && write_all(ends[1], &r, sizeof r) ? 0 : 1);
}

static bool run_shards(struct fleet_result *sum, const struct fleet_config *cfg, int64_t n,
		       struct err *err)
{
	int fds[64];
	pid_t pids[64];
	bool ok = true;

	memset(sum, 0, sizeof *sum);
	for (int64_t i = 0; i < n; i++) {
		struct fleet_config part = shard_of(cfg, i, n);

		pids[i] = start_shard(&part, &fds[i]);
		ok = ok && pids[i] > 0;
	}
	for (int64_t i = 0; i < n; i++) {
		static struct fleet_result part;

		if (pids[i] <= 0)
			continue;
		if (read_all(fds[i], &part, sizeof part))
			fleet_add(sum, &part);
		else
			ok = false;
		close(fds[i]);
		waitpid(pids[i], 0, 0);
	}
	return ok || err_set(err, ERR_INTERNAL, "a shard ended without a result");
}

/* -------------------------------------------------------------------------------------------------------
 */

/* Seen before the run, which may be long. */
static bool open_svg(FILE **f, const char *path, struct err *err)
{
	*f = path ? fopen(path, "w") : 0;
	return !path || *f || err_set(err, ERR_INVALID, "%s cannot be written", path);
}

static bool write_svg(FILE *f, const struct fleet_config *cfg, const struct fleet_result *r,
		      struct err *err)
{
	bool ok;

	if (!f)
		return true;
	report_svg(f, cfg, r);
	ok = !ferror(f);
	return (fclose(f) == 0 && ok) || err_set(err, ERR_INVALID, "the plot cannot be written");
}

static bool run(const struct sim_args *a, struct err *err)
{
	static struct fleet_result r;
	struct fleet_config cfg;
	bool show = !a->quiet && isatty(STDERR_FILENO);
	FILE *svg;

	if (!config_of(&cfg, a, err) || !open_svg(&svg, a->svg, err))
		return false;
	log_set_level(LOG_ERROR);
	if (a->shards > 1 ? !run_shards(&r, &cfg, a->shards, err)
			  : !fleet_run(&r, &cfg, show ? show_progress : 0, 0, err))
		return false;
	end_progress();
	if (a->json)
		report_json(stdout, &cfg, &r);
	else
		report_text(stdout, &cfg, &r);
	if (!write_svg(svg, &cfg, &r, err))
		return false;
	if (fflush(stdout) != 0)
		return err_set(err, ERR_INVALID, "the report cannot be written");
	/* Somebody lost for good is what must never be. */
	return (r.end_without_keys == 0 && r.end_unconfirmed == 0) ||
	       err_set(err, ERR_INTERNAL, "devices were lost");
}

int main(int argc, char **argv)
{
	struct sim_args args = {.fleet = 0};
	struct err err;

	if (!opts_parse(&sim_opts, &args, argc, argv, &err)) {
		fprintf(stderr, "e4sim: %s\nTry e4sim --help.\n", err.text);
		return err_row(err.code)->exit;
	}
	if (args.help)
		return usage(stdout, 0);
	if (args.version) {
		printf("e4sim " E4_VERSION "\n");
		return 0;
	}
	if (!run(&args, &err)) {
		end_progress();
		fprintf(stderr, "e4sim: %s\n", err.text);
		return err_row(err.code)->exit;
	}
	return 0;
}
