#define _GNU_SOURCE
#include "cli/client_run.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/edit.h"
#include "cli/term.h"
#include "e4/crypto.h"

enum { WORDS_MAX = 72, DRAIN_MS = 20, DRAIN_TURNS = 250, PASSWORD_MAX = 1024 };

struct client_line {
	struct client_line *next;
	char *text;
};

enum outcome { DONE, FAILED, LATER };

/* A command as typed, its words, and whom it is for. */
struct call {
	struct client_run *run;
	const struct client_command *command;
	char **words; /* behind the command */
	size_t n_words;
	struct device *device;
	const struct identity *identity;
};

static enum outcome failed(struct client_run *r, const struct device *d, const struct err *err)
{
	show_error(&r->show, d, err);
	if (!r->interactive && r->exit_code == 0)
		r->exit_code = err_row(err->code)->exit;
	return FAILED;
}

static void print_help(const struct client_run *r)
{
	printf("%s",
	       r->n_devices > 1 ? "Commands, behind the name of a device or *:\n" : "Commands:\n");
	for (size_t i = 0; i < n_client_commands; i++) {
		char left[64];

		snprintf(left, sizeof left, "  %s %s", client_commands[i].word,
			 client_commands[i].args);
		opts_help_line(stdout, left, client_commands[i].help);
	}
}

/* The words behind the topic, with single blanks. */
static char *join(char **words, size_t n)
{
	size_t len = 1, at = 0;
	char *text;

	for (size_t i = 0; i < n; i++)
		len += strlen(words[i]) + 1;
	text = mem_alloc(len);
	for (size_t i = 0; i < n; i++) {
		size_t word = strlen(words[i]);

		if (i > 0)
			text[at++] = ' ';
		memcpy(text + at, words[i], word);
		at += word;
	}
	return text;
}

static enum outcome send_message(const struct call *c, bool clear)
{
	char *text = join(c->words + 1, c->n_words - 1);
	size_t len = strlen(text);
	enum outcome result = DONE;
	struct err err;

	if (device_send(c->device, c->words[0], text, len, clear, &err))
		show_sent(&c->run->show, c->device, c->words[0], len, clear);
	else if (!c->run->interactive && (err.code == ERR_EXHAUSTED || err.code == ERR_UNAVAILABLE))
		result = LATER;
	else
		result = failed(c->run, c->device, &err);
	explicit_bzero(text, len);
	free(text);
	return result;
}

static enum outcome subscribe(const struct call *c, bool on)
{
	struct err err;
	bool ok = on ? device_subscribe(c->device, c->words[0], &err)
		     : device_unsubscribe(c->device, c->words[0], &err);

	if (!ok)
		return failed(c->run, c->device, &err);
	show_note(&c->run->show, c->device, c->command->word,
		  c->run->show.json ? c->words[0]
		  : on              ? "subscribed"
				    : "unsubscribed");
	return DONE;
}

static enum outcome wait_for_key(const struct call *c)
{
	if (device_has_key(c->device, c->words[0]))
		return DONE;
	if (!c->run->interactive)
		return LATER;
	show_note(&c->run->show, c->device, "no-key", "no key for it yet");
	return DONE;
}

static enum outcome print_key(const struct call *c)
{
	char asked[PASSWORD_MAX] = "", *password = asked;
	uint8_t key[32], private_key[64];
	struct err err;
	bool ok = true;

	if (c->n_words > 0 && c->run->args_are_public) {
		err_set(&err, ERR_INVALID,
			"a password on the command line can be seen by others; "
			"give the command on standard input");
		return failed(c->run, c->device, &err);
	}
	if (c->n_words > 0)
		password = c->words[0];
	else
		ok = term_ask_secret("Password", asked, sizeof asked, &err);
	ok = ok && identity_derive(key, c->identity, password, &err);
	explicit_bzero(password, strlen(password));
	if (!ok)
		return failed(c->run, c->device, &err);
	if (c->identity->pubkey) {
		e4_ed25519_keypair(private_key, key);
		memcpy(key, private_key + 32, 32);
		e4_wipe(private_key, sizeof private_key);
	}
	show_key(&c->run->show, c->device, key, !c->identity->pubkey);
	e4_wipe(key, sizeof key);
	return DONE;
}

static enum outcome carry_out(const struct call *c)
{
	switch (c->command->verb) {
	case CLIENT_HELP:
		print_help(c->run);
		return DONE;
	case CLIENT_E4MSG:
		return send_message(c, false);
	case CLIENT_CLEARMSG:
		return send_message(c, true);
	case CLIENT_SUBSCRIBE:
		return subscribe(c, true);
	case CLIENT_UNSUBSCRIBE:
		return subscribe(c, false);
	case CLIENT_TOPICS:
		show_topics(&c->run->show, c->device);
		return DONE;
	case CLIENT_STATUS:
		show_status(&c->run->show, c->device);
		return DONE;
	case CLIENT_WAIT:
		return wait_for_key(c);
	case CLIENT_PRINT_KEY:
		return print_key(c);
	case CLIENT_EXIT:
		client_run_leave(c->run, c->run->exit_code);
		return DONE;
	}
	return FAILED;
}

static const struct client_command *find_command(const char *word)
{
	for (size_t i = 0; i < n_client_commands; i++)
		if (strcmp(client_commands[i].word, word) == 0)
			return &client_commands[i];
	return NULL;
}

/* Fill in the command and check its words; words[0] is the command. */
static bool parse_call(struct call *c, char **words, size_t n, struct err *err)
{
	c->command = find_command(words[0]);
	if (!c->command)
		return err_set(err, ERR_INVALID, "no command \"%.40s\"; help lists them", words[0]);
	c->words = words + 1;
	c->n_words = n - 1;
	if (c->n_words < c->command->min || c->n_words > c->command->max)
		return err_set(err, ERR_INVALID, "it goes: %s %s", c->command->word,
			       c->command->args);
	return true;
}

static enum outcome run_for(struct call *c, size_t i)
{
	c->device = c->run->devices[i];
	c->identity = c->run->identities[i];
	if (c->command->connected && !c->run->interactive && !device_can_send(c->device))
		return LATER;
	return carry_out(c);
}

/* With many devices the first word says which; all wait for the slowest before any acts. */
static enum outcome run_for_many(struct call *c, const char *who)
{
	struct client_run *r = c->run;
	bool all = strcmp(who, "*") == 0;
	enum outcome result = FAILED;
	size_t found = 0;
	struct err err;

	for (size_t i = 0; c->command->connected && i < r->n_devices; i++)
		if ((all || strcmp(device_name(r->devices[i]), who) == 0) &&
		    (!device_can_send(r->devices[i]) ||
		     (c->command->verb == CLIENT_WAIT &&
		      !device_has_key(r->devices[i], c->words[0]))))
			return LATER;
	for (size_t i = 0; i < r->n_devices; i++) {
		if (!all && strcmp(device_name(r->devices[i]), who) != 0)
			continue;
		found++;
		result = run_for(c, i);
		if (result != DONE)
			return result;
		if (c->command->verb == CLIENT_EXIT || c->command->verb == CLIENT_HELP)
			return DONE;
	}
	if (found > 0)
		return result;
	err_set(&err, ERR_NOT_FOUND, "no device \"%.60s\" here", who);
	return failed(r, NULL, &err);
}

/* line is taken apart. */
static enum outcome run_line(struct client_run *r, char *line)
{
	struct call c = {.run = r};
	char *words[WORDS_MAX];
	size_t n, skip;
	struct err err;

	if (line[strspn(line, " \t")] == '#')
		return DONE;
	if (!term_split(line, words, WORDS_MAX, &n, &err))
		return failed(r, NULL, &err);
	if (n == 0)
		return DONE;
	/* exit and help need nobody's name. */
	skip = r->show.many && (n > 1 || !find_command(words[0]));
	if (skip == n)
		err_set(&err, ERR_INVALID, "a command begins with the name of a device, or *");
	if (skip == n || !parse_call(&c, words + skip, n - skip, &err))
		return failed(r, NULL, &err);
	return r->show.many ? run_for_many(&c, skip ? words[0] : "*") : run_for(&c, 0);
}

/* A line may hold a password: nothing of it stays, although taking it apart put zeros into it. */
static enum outcome run_and_wipe(struct client_run *r, char *line)
{
	size_t len = strlen(line);
	enum outcome result = run_line(r, line);

	explicit_bzero(line, len);
	return result;
}

void client_run_now(struct client_run *r, char *line)
{
	run_and_wipe(r, line);
	fflush(stdout);
}

void client_run_queue(struct client_run *r, const char *line)
{
	struct client_line *l = mem_alloc(sizeof *l);

	l->text = mem_text(line);
	*r->last = l;
	r->last = &l->next;
}

static void drop_first(struct client_run *r)
{
	struct client_line *l = r->first;

	r->first = l->next;
	if (!r->first)
		r->last = &r->first;
	explicit_bzero(l->text, strlen(l->text));
	free(l->text);
	free(l);
}

void client_run_pump(struct client_run *r)
{
	/* What a command makes happen may call here again. */
	if (r->busy)
		return;
	r->busy = true;
	while (r->first && !r->leaving) {
		char *line = mem_text(r->first->text);
		enum outcome result = run_and_wipe(r, line);

		free(line);
		if (result == LATER)
			break;
		drop_first(r);
		if (result == FAILED)
			client_run_leave(r, r->exit_code);
	}
	r->busy = false;
	if (!r->first && r->input_over && r->left == 0)
		client_run_leave(r, r->exit_code);
}

const char *client_run_waiting(const struct client_run *r)
{
	return r->first ? r->first->text : NULL;
}

void client_run_input_over(struct client_run *r)
{
	r->input_over = true;
	client_run_pump(r);
}

static void on_drain(void *ctx)
{
	struct client_run *r = ctx;
	bool drained = true;

	for (size_t i = 0; i < r->n_devices; i++)
		drained = drained && device_is_drained(r->devices[i]);
	if (drained || --r->drain_turns <= 0)
		loop_stop(r->loop);
	else
		loop_timer_set(r->drain, DRAIN_MS);
}

void client_run_leave(struct client_run *r, int exit_code)
{
	if (r->leaving)
		return;
	r->leaving = true;
	r->exit_code = exit_code;
	r->drain_turns = DRAIN_TURNS;
	loop_timer_set(r->drain, 0);
}

void client_run_on_event(void *ctx, struct device *d, const struct device_event *e)
{
	struct client_run *r = ctx;

	if (r->interactive && e->kind != DEVICE_ROOM)
		edit_hide();
	show_device_event(&r->show, d, e);
	if (r->interactive && e->kind != DEVICE_ROOM)
		edit_show();
	if (e->kind == DEVICE_MESSAGE && r->left > 0 && --r->left == 0)
		client_run_leave(r, r->exit_code);
	client_run_pump(r);
}

void client_run_complete(void *ctx, size_t n_words, const char *const *words,
			 void (*offer)(void *offer_ctx, const char *candidate), void *offer_ctx)
{
	struct client_run *r = ctx;
	const char *topic;

	if (n_words == 1) {
		for (size_t i = 0; i < n_client_commands; i++)
			offer(offer_ctx, client_commands[i].word);
		return;
	}
	if (n_words != 2 || !find_command(words[0]) || find_command(words[0])->min == 0)
		return;
	for (size_t i = 0; (topic = device_subscription(r->devices[0], i)); i++)
		offer(offer_ctx, topic);
}

void client_run_init(struct client_run *r, struct loop *loop)
{
	*r = (struct client_run){.loop = loop};
	r->last = &r->first;
	r->drain = loop_timer_add(loop, on_drain, r);
}

void client_run_free(struct client_run *r)
{
	while (r->first)
		drop_first(r);
	loop_timer_del(r->drain);
}
