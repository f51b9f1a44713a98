/*
 * For tests: a database server as a child, in a temporary folder of its own, which is its
 * working directory and has its log. It ends with the test, whatever happens.
 */
#ifndef C2_STORE_TESTS_CHILD_H
#define C2_STORE_TESTS_CHILD_H

#include <stdbool.h>

struct child {
	char folder[64];
	const char *user; /* whom root becomes for it: such servers refuse to run as root */
	int end_signo;    /* what ends it when the test is over */
	int pid;          /* 0: it does not run */
};

/* Make the folder, TMPDIR/NAME-XXXXXX. */
bool child_init(struct child *c, const char *name, const char *user, int end_signo);
/* A word of an argv. */
char *child_arg(const char *text);
/* Run a program to its end; true if it ended well. */
bool child_run(const struct child *c, char *const argv[]);
/* Start the server, and wait up to seconds for it to answer. */
bool child_start(struct child *c, char *const argv[], int seconds, bool (*answers)(const void *ctx),
		 const void *ctx);
/* End it with this signal, and wait until it is gone. */
void child_kill(struct child *c, int signo);
/* The end of it and its folder. */
void child_remove(struct child *c);

#endif
