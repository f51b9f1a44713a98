/* Carrying out a parsed command of c2cli against the key server. */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include <signal.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "cli/command.h"
#include "cli/grpc.h"

struct session {
	int64_t timeout_s; /* as given with the command; 0: not given */
	struct grpc *grpc;
	bool json;
	bool stdin_taken; /* commands come from standard input: "-" cannot */
	volatile sig_atomic_t *stop;
};

/* One command of the API, its answer on standard output. */
bool run_command(struct session *s, const struct command *cmd, struct err *err);

/*
 * The request of a command. Reads the files it names; asks the server for its
 * mode when a key depends on it. The arena holds secrets then.
 */
bool request_build(struct session *s, const struct command *cmd, struct arena *arena,
		   ProtobufCMessage **request, struct err *err);

/* --- Answers on the screen (show.c) ----------------------------------------- */

/* An answer as aligned lines, or as JSON on one line. */
bool show_answer(const ProtobufCMessage *msg, bool json, struct err *err);

/* One event of a stream, on one line. */
bool show_event(const ProtobufCMessage *msg, bool json, struct err *err);

/* A page of a list; returns its number of entries. JSON pages are joined by show_list_end. */
struct show_list {
	bool json;
	size_t n;
	const char *name; /* of the field */
};

bool show_list_page(struct show_list *l, const ProtobufCMessage *page, size_t *n, struct err *err);
/* Where the page after this one begins; empty at the end. */
bool show_cursor(const ProtobufCMessage *page, char *cursor, size_t cap, struct err *err);
void show_list_end(const struct show_list *l, const ProtobufCMessageDescriptor *desc);

/* Where the delivery of a status answer stands. */
struct show_progress {
	int64_t done, total;
	bool complete;
	char text[128];
};

bool show_progress_of(const ProtobufCMessage *status, struct show_progress *p, struct err *err);

#endif
