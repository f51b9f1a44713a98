/*
 * The commands of e4client, typed or from a script, over one device or many.
 *
 * A script's commands run in order; one that needs the connection or a key
 * waits for it, and the first that fails ends the program. Typed ones run at
 * once, and a failure is only told.
 */
#ifndef CLI_CLIENT_RUN_H
#define CLI_CLIENT_RUN_H

#include "cli/client_opts.h"
#include "cli/client_show.h"

struct client_line; /* of a script, waiting */

struct client_run {
	struct loop *loop;
	struct client_show show;
	struct device **devices;
	const struct identity **identities; /* in the same order */
	size_t n_devices;
	struct client_line *first, **last;
	bool interactive;
	bool busy;       /* a line is being carried out */
	bool input_over; /* no more lines come; end when those that are there are done */
	bool leaving;
	bool args_are_public; /* the lines stood in argv: no password may */
	int64_t left;         /* messages until the end; 0: no such limit */
	int exit_code;
	struct loop_timer *drain; /* looks whether all was sent */
	int drain_turns;
};

void client_run_init(struct client_run *r, struct loop *loop);
void client_run_free(struct client_run *r);

/* One typed line; it is taken apart, and wiped. */
void client_run_now(struct client_run *r, char *line);
/* One line of a script. */
void client_run_queue(struct client_run *r, const char *line);
/* Go on with the script, as far as it goes. */
void client_run_pump(struct client_run *r);
/* The line of the script that waits for something, or null. */
const char *client_run_waiting(const struct client_run *r);
/* No more lines come. */
void client_run_input_over(struct client_run *r);
/* End the loop when all is sent, or after some seconds. */
void client_run_leave(struct client_run *r, int exit_code);

/* For device_open(). */
void client_run_on_event(void *ctx, struct device *d, const struct device_event *e);

/* Candidates for the last word typed. */
void client_run_complete(void *ctx, size_t n_words, const char *const *words,
			 void (*offer)(void *offer_ctx, const char *candidate), void *offer_ctx);

#endif
