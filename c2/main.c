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
#include "c2/conf.h"
#include "c2/core/core.h"
#include "c2/core/presence.h"
#include "c2/custody/soft.h"
#include "c2/front/dispatch.h"
#include "c2/front/grpc.h"
#include "c2/front/http.h"
#include "c2/store/maria.h"
#include "c2/store/pg.h"
#include "c2/store/sqlite.h"

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
	struct loop_timer *work, *stop_timer;
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

static struct store_pg_config pg_config(const struct app *a)
{
	return (struct store_pg_config){.url = a->conf.db_url,
					.password_file = a->conf.db_password_file};
}

static struct store_maria_config maria_config(const struct app *a)
{
	return (struct store_maria_config){.url = a->conf.db_url,
					   .password_file = a->conf.db_password_file};
}

static bool open_store(struct app *a, struct err *err)
{
	const struct store_pg_config pg = pg_config(a);
	const struct store_maria_config maria = maria_config(a);

	if (!a->conf.db_url)
		return store_sqlite_open(&a->store, a->conf.db_path, err);
	return store_maria_is_url(maria.url) ? store_maria_open(&a->store, &maria, err)
					     : store_pg_open(&a->store, &pg, err);
}

static bool check_store(const struct app *a, struct err *err)
{
	const struct store_pg_config pg = pg_config(a);
	const struct store_maria_config maria = maria_config(a);

	if (!a->conf.db_url)
		return true;
	return store_maria_is_url(maria.url) ? store_maria_check(&maria, err)
					     : store_pg_check(&pg, err);
}

static bool open_keys(struct app *a, struct err *err)
{
	const struct custody_soft_config config = {
		.passphrase_file = a->conf.custody_passphrase_file,
		.key_file = a->conf.custody_key_file,
	};

	return open_store(a, err) && custody_soft_open(&a->custody, &config, &a->store, err);
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

	a->dispatch = dispatch_new(a->core);
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
	       open_core(a, err) && open_bus(a, err) && open_with_tls(a, err) && tell_ready(a, err);
}

/* Callers first, so that nobody is left who could ask for what is gone. */
static void close_all(struct app *a)
{
	http_close(a->http);
	dispatch_free(a->dispatch);
	grpc_close(a->grpc);
	if (a->bus.ops)
		bus_close(&a->bus);
	if (a->core)
		core_free(a->core);
	if (a->custody.ops)
		custody_close(&a->custody);
	if (a->store.ops)
		a->store.ops->close(a->store.ctx);
	auth_close(a->auth);
	loop_timer_del(a->work);
	loop_timer_del(a->stop_timer);
}

/* A file that a setting names is part of the configuration, whatever is wrong with it. */
static int start_exit(const struct err *err)
{
	bool of_a_file = err->code == ERR_NOT_FOUND || err->code == ERR_FORBIDDEN ||
			 err->code == ERR_INVALID || err->code == ERR_TOO_LARGE;

	return err_row(of_a_file ? ERR_CONFIG : err->code)->exit;
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
	char line[FILE_LINE_CAP];
	uint8_t key[32];
	size_t len;
	bool ok = (!c->custody_passphrase_file ||
		   file_read_line(c->custody_passphrase_file, line, sizeof line, err)) &&
		  (!c->custody_key_file ||
		   file_read_secret(c->custody_key_file, key, sizeof key, &len, err)) &&
		  (!c->mqtt_password_file ||
		   file_read_line(c->mqtt_password_file, line, sizeof line, err));

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
		  check_secrets(&a->conf, &err) && check_store(a, &err) &&
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

enum { OPT_CONFIG = 256, OPT_SET, OPT_CHECK, OPT_SAMPLE, OPT_REFERENCE, OPT_READY, OPT_VERSION };

static const struct option options[] = {
	{"config", required_argument, NULL, OPT_CONFIG},
	{"set", required_argument, NULL, OPT_SET},
	{"check-config", no_argument, NULL, OPT_CHECK},
	{"print-sample-config", no_argument, NULL, OPT_SAMPLE},
	{"print-config-reference", no_argument, NULL, OPT_REFERENCE},
	{"ready-file", required_argument, NULL, OPT_READY},
	{"version", no_argument, NULL, OPT_VERSION},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static const char usage[] =
	"Usage: c2 [--config FILE] [--set section.key=value]...\n"
	"The E4 key server. Logs JSON lines on standard error.\n"
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

static int start(int argc, char **argv, const char *file, const char *ready_file, bool check_only)
{
	struct app a = {.ready_file = ready_file};
	struct err err;
	int code;

	if (read_settings(&a, argc, argv, file, &err)) {
		code = check_only ? check(&a) : run(&a);
	} else {
		fprintf(stderr, "c2: %s\n", err.text);
		code = err_row(ERR_CONFIG)->exit;
	}
	conf_free(&a.conf, c2_conf_keys, c2_conf_n_keys);
	return code;
}

int main(int argc, char **argv)
{
	const char *file = NULL, *ready_file = NULL;
	bool check_only = false;
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case OPT_CONFIG:
			file = optarg;
			break;
		case OPT_READY:
			ready_file = optarg;
			break;
		case OPT_CHECK:
			check_only = true;
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
	if (optind < argc) {
		fprintf(stderr, "c2: %s: not expected; --help tells the options\n", argv[optind]);
		return err_row(ERR_INVALID)->exit;
	}
	return start(argc, argv, file, ready_file, check_only);
}
