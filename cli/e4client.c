/* e4client: a device on the desk, or a fleet of them. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/client_many.h"
#include "cli/client_run.h"
#include "cli/edit.h"

#ifndef E4_VERSION
#define E4_VERSION "unknown"
#endif

enum { WINDOW = 20, KEEPALIVE_S = 30, LINE_MAX_LEN = 1 << 20 };

struct program {
	struct client_args args;
	struct client_run run;
	struct many_row *rows;
	size_t n_rows;
	char *url;
	char *state_path, *import_path;
	struct loop_fd *input;
	struct loop_timer *limit;
	char *partial; /* what has come of a line of standard input */
	size_t partial_len;
};

static struct program *the_program; /* libedit's callback has no context */

static int complain(const struct err *err)
{
	fprintf(stderr, "e4client: %s\n", err->text);
	return err_row(err->code)->exit;
}

static void print_help(void)
{
	printf("Usage: e4client -name NAME [OPTION]...\n       e4client -many FILE [OPTION]...\n\n"
	       "A device on the desk: receives its keys from C2, sends and reads protected\n"
	       "messages. On a terminal it takes commands with history and completion, else from\n"
	       "the lines of standard input, or from -run.\n\nOptions:\n");
	opts_help(&client_opts, stdout);
	printf("\nCommands:\n");
	for (size_t i = 0; i < n_client_commands; i++) {
		char left[64];

		snprintf(left, sizeof left, "  %s %s", client_commands[i].word,
			 client_commands[i].args);
		opts_help_line(stdout, left, client_commands[i].help);
	}
	printf("\nExamples:\n"
	       "  e4client -name dev1 -key dev1.key -broker 127.0.0.1:1883\n"
	       "  e4client -name dev1 -run 'subscribe sensors/temp' -output json -once\n"
	       "  echo 'e4msg sensors/temp 21.5' | e4client -name dev2 -password\n\n"
	       "Exit codes: 0 done, 2 bad command or argument, 3 no state and no key, 4 no key "
	       "for\n"
	       "the topic, 7 out of time, 69 broker away, 74 state not writable, 78 bad\n"
	       "configuration.\n");
}

/* --- What the options mean ---------------------------------------------------- */

static bool make_paths(struct program *p, struct err *err)
{
	const char *name = p->args.name;

	if (p->args.state)
		return true;
	if (strchr(name, '/'))
		return err_set(err, ERR_INVALID, "a name with / needs -state FILE");
	if (asprintf(&p->state_path, "%s.e4", name) < 0 ||
	    asprintf(&p->import_path, "%s.json", name) < 0)
		mem_exhausted("memory");
	p->args.state = p->state_path;
	return true;
}

static bool check_password_options(struct program *p, struct err *err)
{
	struct client_args *a = &p->args;
	int given = a->password.given + (a->password_file != NULL) + (a->key != NULL);

	if (given > 1)
		return err_set(err, ERR_INVALID, "give one of -key, -password and -password-file");
	/* Older scripts wrote the password itself here. */
	if (a->password.value && access(a->password.value, F_OK) != 0)
		return err_set(err, ERR_INVALID,
			       "-password takes the name of a file, since the "
			       "command line can be seen by others; without it, the password is "
			       "asked for");
	return true;
}

/* The options that make one device, as a fleet of one. */
static bool one_row(struct program *p, struct err *err)
{
	struct client_args *a = &p->args;
	struct identity *id;

	if (!a->name)
		return err_set(err, ERR_INVALID, "-name is missing; see: e4client -help");
	if (!check_password_options(p, err) || !make_paths(p, err))
		return false;
	p->rows = mem_alloc(sizeof *p->rows);
	p->n_rows = 1;
	id = &p->rows[0].identity;
	*id = (struct identity){
		.name = a->name,
		.pubkey = a->pubkey,
		.key_file = a->key,
		.password_file = a->password_file ? a->password_file : a->password.value,
		.password_compat = a->password_compat,
		.c2_pubkey_file = a->c2_pubkey,
		.state_path = a->state,
		.import_path = p->import_path,
	};
	/* -password without a file: from the terminal, or where there is none, standard input. */
	if (a->password.given && !a->password.value) {
		id->ask_password = isatty(STDIN_FILENO);
		if (!id->ask_password)
			id->password_file = "-";
	}
	return true;
}

static bool check_many(const struct client_args *a, struct err *err)
{
	if (a->name || a->key || a->password.given || a->password_file || a->state || a->pubkey ||
	    a->c2_pubkey || a->password_compat)
		return err_set(err, ERR_INVALID, "with -many, names and keys stand in its file");
	return true;
}

static void make_url(struct program *p)
{
	const char *broker = p->args.broker ? p->args.broker : "127.0.0.1:1883";
	const char *scheme = strstr(broker, "://") ? "" : p->args.tls_ca ? "mqtts://" : "mqtt://";

	if (asprintf(&p->url, "%s%s", scheme, broker) < 0)
		mem_exhausted("memory");
}

/* A connection, a state file and its lock take three descriptors a device. */
static void raise_files(size_t n_devices)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= n_devices * 4 + 64)
		return;
	limit.rlim_cur = n_devices * 4 + 64 < limit.rlim_max ? n_devices * 4 + 64 : limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void tell_origin(struct program *p, const struct device *d, const struct identity *id,
			enum identity_origin origin)
{
	char text[400];

	if (origin == IDENTITY_IMPORTED) {
		snprintf(text, sizeof text,
			 "keys taken over from %s into %s; %s still holds them: delete it when "
			 "the older client is not used any more",
			 id->import_path, id->state_path, id->import_path);
		show_note(&p->run.show, d, "imported", text);
	}
	if (origin == IDENTITY_LOADED && (id->key_file || id->password_file || id->ask_password)) {
		snprintf(text, sizeof text,
			 "%s has the keys; the key or password given is not used", id->state_path);
		show_note(&p->run.show, d, "loaded", text);
	}
}

static bool open_device(struct program *p, size_t i, struct err *err)
{
	const struct device_handler handler = {&p->run, client_run_on_event};
	const struct client_args *a = &p->args;
	struct device_config config = {
		.identity = &p->rows[i].identity,
		.mqtt =
			{
				.url = p->url,
				.user = a->broker_user,
				.password_file = a->broker_password_file,
				.ca_file = a->tls_ca,
				.cert_file = a->tls_cert,
				.key_file = a->tls_key,
				.version = a->mqtt ? a->mqtt[0] - '0' : 3,
				.persistent_session = a->persistent_session,
				.keepalive_s = KEEPALIVE_S,
				.window = WINDOW,
			},
		.qos = a->qos ? a->qos[0] - '0' : 1,
	};
	enum identity_origin origin;
	struct device *d = device_open(&config, p->run.loop, &handler, &origin, err);

	if (!d)
		return p->n_rows > 1 ? err_wrap(err, "%s", p->rows[i].identity.name) : false;
	p->run.devices[i] = d;
	p->run.identities[i] = &p->rows[i].identity;
	p->run.n_devices = i + 1;
	tell_origin(p, d, &p->rows[i].identity, origin);
	return true;
}

static bool open_devices(struct program *p, struct err *err)
{
	p->run.devices = mem_array(p->n_rows, sizeof(void *));
	p->run.identities = mem_array(p->n_rows, sizeof(void *));
	for (size_t i = 0; i < p->n_rows; i++)
		if (!open_device(p, i, err))
			return false;
	return true;
}

/* --- Where commands come from --------------------------------------------------- */

static void on_typed(char *line)
{
	struct program *p = the_program;

	if (!line) {
		client_run_leave(&p->run, EXIT_SUCCESS);
		return;
	}
	client_run_now(&p->run, line);
	free(line);
}

static void on_terminal(void *ctx, int fd, int ready)
{
	(void)ctx, (void)fd, (void)ready;
	edit_ready();
}

static bool keep_in_history(const char *line)
{
	/* Anywhere: with many devices a name stands before it. */
	return !strstr(line, "print-key");
}

static void take_lines(struct program *p, const char *bytes, size_t len)
{
	while (len > 0) {
		const char *end = memchr(bytes, '\n', len);
		size_t n = end ? (size_t)(end - bytes) : len;

		if (p->partial_len + n < LINE_MAX_LEN) {
			p->partial = mem_resize(p->partial, p->partial_len + n + 1, 1);
			memcpy(p->partial + p->partial_len, bytes, n);
			p->partial_len += n;
			p->partial[p->partial_len] = 0;
		}
		if (!end)
			return;
		client_run_queue(&p->run, p->partial);
		explicit_bzero(p->partial, p->partial_len);
		p->partial_len = 0;
		bytes = end + 1;
		len -= n + 1;
	}
}

static void on_input(void *ctx, int fd, int ready)
{
	struct program *p = ctx;
	char bytes[4096];
	ssize_t n = read(fd, bytes, sizeof bytes);

	(void)ready;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n > 0) {
		take_lines(p, bytes, (size_t)n);
		explicit_bzero(bytes, sizeof bytes);
		client_run_pump(&p->run);
		return;
	}
	if (p->partial_len > 0)
		client_run_queue(&p->run, p->partial);
	loop_fd_del(p->input);
	p->input = NULL;
	client_run_input_over(&p->run);
}

static bool stdin_was_read(const struct program *p)
{
	for (size_t i = 0; i < p->n_rows; i++)
		if ((p->rows[i].identity.password_file &&
		     strcmp(p->rows[i].identity.password_file, "-") == 0) ||
		    (p->rows[i].identity.key_file &&
		     strcmp(p->rows[i].identity.key_file, "-") == 0))
			return true;
	return false;
}

static void start_terminal(struct program *p)
{
	const struct edit_config config = {"e4client", "e4> ", client_run_complete, keep_in_history,
					   &p->run};

	printf("Device %s. help lists the commands, Tab completes, exit leaves.\n",
	       p->rows[0].identity.name);
	p->run.interactive = true;
	edit_open(&config);
	p->input = loop_fd_add(p->run.loop, STDIN_FILENO, LOOP_READ, on_terminal, p);
	edit_start(on_typed);
}

static void start_commands(struct program *p)
{
	const struct opt_list *list = &p->args.run;

	for (size_t i = 0; i < list->n; i++)
		client_run_queue(&p->run, list->items[i]);
	p->run.args_are_public = list->n > 0;
	if (list->n > 0 || stdin_was_read(p))
		client_run_pump(&p->run);
	else if (isatty(STDIN_FILENO) && !p->run.show.json && p->n_rows == 1)
		start_terminal(p);
	else
		p->input = loop_fd_add(p->run.loop, STDIN_FILENO, LOOP_READ, on_input, p);
}

/* --- Life ------------------------------------------------------------------------ */

static void on_signal(void *ctx, int signo)
{
	struct program *p = ctx;

	client_run_leave(&p->run,
			 signo == SIGTERM || p->run.interactive ? p->run.exit_code : 128 + signo);
}

static void on_limit(void *ctx)
{
	struct program *p = ctx;
	const char *waiting = client_run_waiting(&p->run);
	struct err err;

	if (waiting)
		err_set(&err, ERR_DEADLINE, "\"%.80s\" could not be done in time", waiting);
	else
		err_set(&err, ERR_DEADLINE,
			p->run.left > 0 ? "the messages did not come in time" : "the time is over");
	show_error(&p->run.show, NULL, &err);
	p->run.exit_code = err_row(ERR_DEADLINE)->exit;
	loop_stop(p->run.loop);
}

static void start(struct program *p)
{
	const struct client_args *a = &p->args;

	loop_signal(p->run.loop, SIGINT, on_signal, p);
	loop_signal(p->run.loop, SIGTERM, on_signal, p);
	p->run.left = a->once ? 1 : a->exit_after;
	if (a->timeout_s > 0) {
		p->limit = loop_timer_add(p->run.loop, on_limit, p);
		loop_timer_set(p->limit, a->timeout_s * 1000);
	}
	start_commands(p);
}

static void stop(struct program *p)
{
	edit_stop();
	for (size_t i = 0; i < p->run.n_devices; i++)
		device_close(p->run.devices[i]);
	free(p->run.devices);
	free(p->run.identities);
	if (p->input)
		loop_fd_del(p->input);
	if (p->limit)
		loop_timer_del(p->limit);
	client_run_free(&p->run);
	loop_free(p->run.loop);
	many_free(p->rows, p->n_rows);
	free(p->partial);
	free(p->url);
	free(p->state_path);
	free(p->import_path);
}

static int run_program(struct program *p)
{
	struct err err;
	bool ok;

	p->run.show.many = p->args.many != NULL;
	p->run.show.json = p->args.many || (p->args.output && strcmp(p->args.output, "json") == 0);
	ok = p->args.many ? check_many(&p->args, &err) &&
				    many_read(p->args.many, &p->rows, &p->n_rows, &err)
			  : one_row(p, &err);
	make_url(p);
	raise_files(p->n_rows);
	ok = ok && open_devices(p, &err);
	if (ok) {
		start(p);
		loop_run(p->run.loop);
	}
	return ok ? p->run.exit_code : complain(&err);
}

int main(int argc, char **argv)
{
	struct program p = {.url = NULL};
	struct err err;
	int code;

	if (!opts_parse(&client_opts, &p.args, argc, argv, &err))
		return complain(&err);
	if (p.args.help || p.args.version) {
		if (p.args.help)
			print_help();
		else
			printf("e4client %s\n", E4_VERSION);
		return EXIT_SUCCESS;
	}
	file_harden_process();
	log_set_level(LOG_ERROR);
	if (sodium_init() < 0)
		return EXIT_FAILURE;
	the_program = &p;
	client_run_init(&p.run, loop_new());
	code = run_program(&p);
	stop(&p);
	return code;
}
