/* The key server: the one file that knows every concrete part, and puts them on one loop. */
#define _GNU_SOURCE
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "bus/mqtt.h"
#include "c2/admin.h"
#include "c2/conf.h"
#include "c2/core/core.h"
#include "c2/core/presence.h"
#include "c2/fleet_core.h"
#include "c2/front/dispatch.h"
#include "c2/front/grpc.h"
#include "c2/front/http.h"
#include "c2/parts.h"

/* Clients served, and receipts read, before the loop looks at callers again; the core ends earlier
 * when they take long. */
enum { WORK_SLICE = 256 };
/* Calls that are under way at a stop get this long. */
enum { DRAIN_MS = 5000 };

struct app {
	struct c2_conf conf;
	struct c2_plan plan;
	const char *ready_file;
	struct loop *loop;
	struct store store;
	struct custody custody;
	struct bus bus;
	struct core *core;
	struct engine *engine; /* null: switched off */
	struct loop_timer *work, *engine_work, *stop_timer;
	struct dispatch *dispatch;
	struct api_service service;
	struct auth *auth;
	struct http *http;
	struct grpc *grpc;
	bool stopping, http_done, grpc_done;
};

/* Delivery */

static void on_work(void *ctx)
{
	struct app *a = ctx;
	int64_t wait_ms = core_work(a->core, WORK_SLICE);

	if (wait_ms >= 0)
		loop_timer_set(a->work, wait_ms);
}

static void on_wake(void *ctx)
{
	struct app *a = ctx;

	loop_timer_set(a->work, 0);
}

/* Automation */

static void on_engine_work(void *ctx)
{
	struct app *a = ctx;
	struct err err;
	int64_t wait_ms;

	/* What callers changed in this turn is durable first, or undone: rules are read again. */
	if (!core_commit(a->core, &err))
		log_write(LOG_ERROR, "changes are undone", LOG_STR("reason", err.text));
	wait_ms = engine_work(a->engine);
	if (wait_ms >= 0)
		loop_timer_set(a->engine_work, wait_ms);
}

static void on_engine_wake(void *ctx)
{
	struct app *a = ctx;

	loop_timer_set(a->engine_work, 0);
}

static void on_event(void *ctx, const struct store_event *event)
{
	struct app *a = ctx;

	(void)event; /* the engine keeps its own place among them */
	engine_events(a->engine);
}

/* Signals */

static void maybe_stopped(struct app *a)
{
	if (a->http_done && a->grpc_done)
		loop_stop(a->loop);
}

static void on_http_done(void *ctx)
{
	struct app *a = ctx;

	a->http_done = true;
	maybe_stopped(a);
}

static void on_grpc_done(void *ctx)
{
	struct app *a = ctx;

	a->grpc_done = true;
	maybe_stopped(a);
}

static void on_stop_timer(void *ctx)
{
	struct app *a = ctx;

	log_write(LOG_WARN, "stop: calls are cut off");
	loop_stop(a->loop);
}

static void on_stop(void *ctx, int signo)
{
	struct app *a = ctx;
	struct err why;

	log_write(LOG_INFO, a->stopping ? "stopping at once" : "stopping",
		  LOG_STR("signal", strsignal(signo)));
	if (a->stopping) {
		loop_stop(a->loop);
		return;
	}
	a->stopping = true;
	loop_timer_set(a->stop_timer, DRAIN_MS);
	err_set(&why, ERR_UNAVAILABLE, "the server stops");
	dispatch_end_streams(a->dispatch, &why);
	http_drain(a->http, on_http_done, a);
	grpc_drain(a->grpc, on_grpc_done, a);
}

static bool reload_tls(struct app *a, struct err *err)
{
	struct front_tls tls;
	bool ok;

	if (!a->plan.tls)
		return true;
	if (!front_tls_read(&tls, a->conf.tls_cert, a->conf.tls_key, err))
		return false;
	/* gRPC first: it tells best what is wrong, and then nothing has changed. */
	ok = grpc_set_tls(a->grpc, &tls, err) && http_set_tls(a->http, &tls, err);
	front_tls_wipe(&tls);
	return ok;
}

static void reload_tokens(struct app *a)
{
	struct err err;
	bool changed;

	if (!auth_reload(a->auth, &changed, &err)) {
		log_write(LOG_ERROR, "the tokens stay as they were", LOG_STR("reason", err.text));
		return;
	}
	log_write(LOG_INFO, "tokens were read again");
	if (!changed)
		return;
	/* A stream was allowed once, at its begin; its token may be the one that is withdrawn. */
	err_set(&err, ERR_UNAVAILABLE,
		"the tokens were changed: subscribe again after the last sequence");
	dispatch_drop_streams(a->dispatch, &err);
}

static void on_reload(void *ctx, int signo)
{
	struct app *a = ctx;
	struct err err;

	(void)signo;
	if (a->stopping)
		return;
	reload_tokens(a);
	if (reload_tls(a, &err))
		log_write(LOG_INFO, "the certificate was read again");
	else
		log_write(LOG_ERROR, "the certificate stays as it was",
			  LOG_STR("reason", err.text));
}

/* Parts, in the order in which they need each other */

static bool open_keys(struct app *a, struct err *err)
{
	const struct custody_soft_config config = conf_custody(&a->conf);

	return conf_store_open(&a->store, &a->conf, err) &&
	       custody_soft_open(&a->custody, &config, &a->store, err);
}

static bool open_core(struct app *a, struct err *err)
{
	const struct core_config config = {
		.mode = strcmp(a->conf.crypto_mode, "pubkey") == 0 ? CORE_PUBKEY : CORE_SYMKEY,
		.rotate_on_removal = a->conf.keys_rotate_on_removal,
		.qos = (int)a->conf.mqtt_qos,
		.retain = a->conf.mqtt_retain,
		.receipt_wait_s = a->conf.delivery_receipt_wait,
		.retry_max_s = a->conf.delivery_retry_max,
		.legacy_max_s = a->conf.delivery_legacy_retry_max,
		.announce_gap_s = a->conf.delivery_announce_gap,
		.presence = a->conf.mqtt_presence,
		.events_keep = a->conf.events_keep,
		.shared = a->conf.db_url != NULL,
	};

	a->work = loop_timer_add(a->loop, on_work, a);
	a->core = core_new(&config, &a->store, &a->custody, &clock_real, on_wake, a, err);
	if (!a->core)
		return false;
	loop_timer_set(a->work, 0);
	return true;
}

static bool open_engine(struct app *a, struct err *err)
{
	const struct engine_config config = {.grace_s = a->conf.engine_grace,
					     .history_keep = a->conf.engine_history,
					     .risk_limit = a->conf.engine_risk_limit,
					     .shared = a->conf.db_url != NULL};
	const struct fleet fleet = fleet_of_core(a->core);

	if (!a->conf.engine_enabled)
		return true;
	a->engine_work = loop_timer_add(a->loop, on_engine_work, a);
	a->engine = engine_new(&config, &fleet, &clock_real, NULL, on_engine_wake, a, err);
	if (!a->engine || !core_listen(a->core, -1, on_event, a, err))
		return false;
	loop_timer_set(a->engine_work, 0);
	return true;
}

static bool open_bus(struct app *a, struct err *err)
{
	const struct bus_handler handler = core_bus_handler(a->core);
	/* A profile's ALPN is for TLS; a broker without TLS has none to ask for. */
	const char *alpn = strncmp(a->conf.mqtt_url, "mqtts:", 6) == 0 ? a->conf.mqtt_alpn : NULL;
	const struct bus_mqtt_config config = {
		.url = a->conf.mqtt_url,
		.client_id = a->conf.mqtt_client_id,
		.user = a->conf.mqtt_user,
		.password_file = a->conf.mqtt_password_file,
		.ca_file = a->conf.mqtt_ca,
		.cert_file = a->conf.mqtt_cert,
		.key_file = a->conf.mqtt_key,
		.version = a->conf.mqtt_version[0] == '5' ? 5 : 3,
		.persistent_session = a->conf.mqtt_persistent,
		.keepalive_s = (int)a->conf.mqtt_keepalive,
		.window = (int)a->conf.mqtt_window,
		.rate = (int)a->conf.mqtt_rate,
		.alpn = alpn && *alpn ? alpn : NULL,
		.share_group = a->conf.mqtt_share,
	};

	return bus_mqtt_open(&a->bus, &config, a->loop, &handler, err) &&
	       core_set_bus(a->core, &a->bus, err);
}

static bool open_fronts(struct app *a, const struct front_tls *tls, struct err *err)
{
	const struct front_env env = {a->loop, &a->service, a->auth};
	int fd;

	a->dispatch = dispatch_new(a->core, a->engine);
	a->service = dispatch_service(a->dispatch);
	return listen_open(&fd, &a->plan.http, err) && http_open(&a->http, &env, fd, tls, err) &&
	       listen_open(&fd, &a->plan.grpc, err) && grpc_open(&a->grpc, &env, fd, tls, err);
}

static bool open_with_tls(struct app *a, struct err *err)
{
	struct front_tls tls;
	bool ok;

	if (!a->plan.tls)
		return open_fronts(a, NULL, err);
	if (!front_tls_read(&tls, a->conf.tls_cert, a->conf.tls_key, err))
		return false;
	ok = open_fronts(a, &tls, err);
	front_tls_wipe(&tls);
	return ok;
}

static const char *address_of(int fd, char out[LISTEN_TEXT_CAP])
{
	struct listen_addr addr = {.len = sizeof addr.addr};

	getsockname(fd, (struct sockaddr *)&addr.addr, &addr.len);
	return listen_format(&addr, out);
}

/* Where to reach us: the log line for people, the file for scripts. */
static bool tell_ready(struct app *a, struct err *err)
{
	char http_text[LISTEN_TEXT_CAP], grpc_text[LISTEN_TEXT_CAP], text[3 * LISTEN_TEXT_CAP];
	const char *http = address_of(http_fd(a->http), http_text);
	const char *grpc = address_of(grpc_fd(a->grpc), grpc_text);
	int len;

	log_write(LOG_INFO, "listening", LOG_STR("http", http), LOG_STR("grpc", grpc),
		  LOG_STR("tls", a->plan.tls ? "yes" : "no"));
	if (!a->ready_file)
		return true;
	len = snprintf(text, sizeof text, "{\"http\":\"%s\",\"grpc\":\"%s\",\"pid\":%ld}\n", http,
		       grpc, (long)getpid());
	return file_write(a->ready_file, text, (size_t)len, 0644, true, err);
}

static bool open_all(struct app *a, struct err *err)
{
	loop_signal(a->loop, SIGTERM, on_stop, a);
	loop_signal(a->loop, SIGINT, on_stop, a);
	loop_signal(a->loop, SIGHUP, on_reload, a);
	a->stop_timer = loop_timer_add(a->loop, on_stop_timer, a);
	return auth_open(&a->auth, a->conf.auth_token_file, err) && open_keys(a, err) &&
	       open_core(a, err) && open_engine(a, err) && open_bus(a, err) &&
	       open_with_tls(a, err) && tell_ready(a, err);
}

/* Callers first, so that nobody is left who could ask for what is gone. */
static void close_all(struct app *a)
{
	http_close(a->http);
	dispatch_free(a->dispatch);
	grpc_close(a->grpc);
	if (a->bus.ops)
		bus_close(&a->bus);
	engine_free(a->engine);
	if (a->core)
		core_free(a->core);
	if (a->custody.ops)
		custody_close(&a->custody);
	store_close(&a->store);
	auth_close(a->auth);
	loop_timer_del(a->work);
	loop_timer_del(a->engine_work);
	loop_timer_del(a->stop_timer);
}

static int run(struct app *a)
{
	struct err err;
	int code = 0;

	umask(077);
	file_harden_process();
	log_set_level(a->plan.log_level);
	a->loop = loop_new();
	if (open_all(a, &err)) {
		loop_run(a->loop);
		log_write(LOG_INFO, "stopped");
	} else {
		code = start_exit(&err);
		log_write(LOG_ERROR, "cannot start", LOG_STR("reason", err.text),
			  LOG_NUM("exit", code));
	}
	close_all(a);
	loop_free(a->loop);
	return code;
}

static bool check_secrets(const struct c2_conf *c, struct err *err)
{
	const char *const lines[] = {c->custody_passphrase_file, c->custody_next_passphrase_file,
				     c->mqtt_password_file};
	const char *const keys[] = {c->custody_key_file, c->custody_next_key_file};
	char line[FILE_LINE_CAP];
	uint8_t key[32];
	size_t len;
	bool ok = true;

	for (size_t i = 0; i < sizeof lines / sizeof *lines && ok; i++)
		ok = !lines[i] || file_read_line(lines[i], line, sizeof line, err);
	for (size_t i = 0; i < sizeof keys / sizeof *keys && ok; i++)
		ok = !keys[i] || file_read_secret(keys[i], key, sizeof key, &len, err);
	explicit_bzero(key, sizeof key);
	explicit_bzero(line, sizeof line);
	return ok;
}

/* What can be checked without touching the database or a port. */
static int check(struct app *a)
{
	struct front_tls tls = {0};
	struct presence presence;
	struct err err;
	bool pubkey = strcmp(a->conf.crypto_mode, "pubkey") == 0;
	bool ok = presence_parse(&presence, a->conf.mqtt_presence, pubkey, &err) &&
		  check_secrets(&a->conf, &err) && conf_store_check(&a->conf, &err) &&
		  auth_open(&a->auth, a->conf.auth_token_file, &err) &&
		  (!a->plan.tls || (front_tls_read(&tls, a->conf.tls_cert, a->conf.tls_key, &err) &&
				    grpc_tls_check(&tls, &err)));

	front_tls_wipe(&tls);
	auth_close(a->auth);
	if (!ok) {
		fprintf(stderr, "c2: %s\n", err.text);
		return start_exit(&err);
	}
	puts("the configuration is good");
	return 0;
}

/* The command line */

enum {
	OPT_CONFIG = 256,
	OPT_SET,
	OPT_CHECK,
	OPT_SAMPLE,
	OPT_REFERENCE,
	OPT_READY,
	OPT_VERSION,
	OPT_TO,
	OPT_FROM,
	OPT_ONLY_CHECK
};

static const struct option options[] = {
	{"config", required_argument, NULL, OPT_CONFIG},
	{"set", required_argument, NULL, OPT_SET},
	{"check-config", no_argument, NULL, OPT_CHECK},
	{"print-sample-config", no_argument, NULL, OPT_SAMPLE},
	{"print-config-reference", no_argument, NULL, OPT_REFERENCE},
	{"ready-file", required_argument, NULL, OPT_READY},
	{"to", required_argument, NULL, OPT_TO},
	{"from", required_argument, NULL, OPT_FROM},
	{"check", no_argument, NULL, OPT_ONLY_CHECK},
	{"version", no_argument, NULL, OPT_VERSION},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static const char usage[] =
	"Usage: c2 [COMMAND] [--config FILE] [--set section.key=value]...\n"
	"The E4 key server. Logs JSON lines on standard error.\n"
	"\n"
	"Commands that work on its database, and end:\n"
	"  backup --to FILE           save all of it, while servers run; - is standard output\n"
	"  restore --from FILE        fill a new database, of any kind, with what was saved\n"
	"  rekey                      seal all keys anew under the master key of custody.next_*\n"
	"  migrate [--check]          bring it to this version's form, as a start does\n"
	"\n"
	"  --config FILE              read settings from FILE\n"
	"  --set section.key=value    one setting, above those of the file; can be repeated\n"
	"  --ready-file FILE          once it serves, write {\"http\":ADDRESS,\"grpc\":ADDRESS} to "
	"FILE\n"
	"  --check-config             check the settings and the files they name, then end\n"
	"  --print-sample-config      print a file with every setting, its default and its "
	"meaning\n"
	"  --print-config-reference   the same as a page in Markdown\n"
	"  --version, --help\n"
	"\n"
	"Signals: TERM and INT end it after the calls under way, a second one at once;\n"
	"HUP reads tokens and TLS certificate again.\n"
	"Exit codes: 0 ended as asked, 2 usage, 69 address in use, 70 internal error,\n"
	"71 out of memory, 74 database, 77 keys cannot be opened, 78 configuration.\n";

static void print_reference(void)
{
	puts("# Settings of c2\n\nMade by `c2 --print-config-reference`. In a file, `http.listen` "
	     "is "
	     "the line `listen = ...` in the\nsection `[http]`; on the command line it is "
	     "`--set http.listen=...`.\n");
	conf_print_markdown(stdout, c2_conf_keys, c2_conf_n_keys);
	puts("\n## Kinds of brokers\n\nWhat `mqtt.profile` sets; the file and the command line are "
	     "above it.\n\n| profile | what it is | settings |\n|---|---|---|");
	for (size_t i = 0; i < c2_n_profiles; i++) {
		printf("| %s | %s |", c2_profiles[i].name, c2_profiles[i].about);
		for (const char *const *set = c2_profiles[i].sets; *set; set++)
			printf(" `%s`", *set);
		puts(" |");
	}
}

static int print_and_end(int option)
{
	switch (option) {
	case OPT_SAMPLE:
		conf_print_sample(stdout, c2_conf_keys, c2_conf_n_keys);
		break;
	case OPT_REFERENCE:
		print_reference();
		break;
	case OPT_VERSION:
		puts("c2 " C2_VERSION);
		break;
	default:
		fputs(usage, stdout);
	}
	return fflush(stdout) == 0 ? 0 : err_row(ERR_STORE)->exit;
}

/* The file first, whatever the order of options: --set is above it. */
static bool read_sources(struct app *a, int argc, char **argv, const char *file, struct err *err)
{
	int option;

	if (file && !conf_read(&a->conf, c2_conf_keys, c2_conf_n_keys, file, err))
		return false;
	optind = 1;
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == OPT_SET &&
		    !conf_set(&a->conf, c2_conf_keys, c2_conf_n_keys, optarg, err))
			return false;
	}
	return true;
}

/* Twice: what is read tells the profile, which then lies below all that is read. */
static bool read_settings(struct app *a, int argc, char **argv, const char *file, struct err *err)
{
	char *profile;
	bool ok;

	conf_defaults(&a->conf, c2_conf_keys, c2_conf_n_keys);
	if (!read_sources(a, argc, argv, file, err))
		return false;
	profile = mem_text(a->conf.mqtt_profile);
	conf_free(&a->conf, c2_conf_keys, c2_conf_n_keys);
	conf_defaults(&a->conf, c2_conf_keys, c2_conf_n_keys);
	ok = c2_profile_apply(&a->conf, profile, err) && read_sources(a, argc, argv, file, err) &&
	     c2_conf_plan(&a->plan, &a->conf, err);
	free(profile);
	return ok;
}

/* What the command line asks for. */
struct task {
	const char *file, *ready_file;
	bool check_only;
	const char *command; /* null: serve */
	struct admin_options admin;
};

static int start(int argc, char **argv, const struct task *task)
{
	struct app a = {.ready_file = task->ready_file};
	struct err err;
	int code;

	if (!read_settings(&a, argc, argv, task->file, &err)) {
		fprintf(stderr, "c2: %s\n", err.text);
		code = err_row(ERR_CONFIG)->exit;
	} else if (task->command) {
		code = admin_run(task->command, &task->admin, &a.conf);
	} else {
		code = task->check_only ? check(&a) : run(&a);
	}
	conf_free(&a.conf, c2_conf_keys, c2_conf_n_keys);
	return code;
}

/* Options of a command without it, or more words than one. */
static bool task_check(struct task *t, int argc, char **argv, struct err *err)
{
	bool none = !t->admin.to && !t->admin.from && !t->admin.check;

	t->command = optind < argc ? argv[optind] : NULL;
	if (optind + 1 < argc)
		return err_set(err, ERR_INVALID, "%s: not expected", argv[optind + 1]);
	if (t->command && (t->ready_file || t->check_only))
		return err_set(err, ERR_INVALID, "%s: an option of the server", t->command);
	if (t->command)
		return admin_known(t->command, &t->admin, err);
	return none || err_set(err, ERR_INVALID, "--to, --from and --check need a command");
}

int main(int argc, char **argv)
{
	struct task task = {0};
	struct err err;
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case OPT_CONFIG:
			task.file = optarg;
			break;
		case OPT_READY:
			task.ready_file = optarg;
			break;
		case OPT_CHECK:
			task.check_only = true;
			break;
		case OPT_TO:
			task.admin.to = optarg;
			break;
		case OPT_FROM:
			task.admin.from = optarg;
			break;
		case OPT_ONLY_CHECK:
			task.admin.check = true;
			break;
		case OPT_SET:
			break;
		case '?':
			fputs("c2: --help tells the options\n", stderr);
			return err_row(ERR_INVALID)->exit;
		default:
			return print_and_end(option);
		}
	}
	if (!task_check(&task, argc, argv, &err)) {
		fprintf(stderr, "c2: %s; --help tells the options\n", err.text);
		return err_row(ERR_INVALID)->exit;
	}
	return start(argc, argv, &task);
}
