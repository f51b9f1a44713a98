/* Carrying out a parsed command of c2cli against the key server. */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include <signal.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "cli/command.h"
#include "cli/rpc.h"
#include "engine.pb-c.h"

struct session {
	int64_t timeout_s; /* as given with the command; 0: not given */
	struct rpc *rpc;
	bool json;
	bool stdin_taken; /* commands come from standard input: "-" cannot */
	volatile sig_atomic_t *stop;
};

/* A file of rows in batches, and what there is as rows (import.c, export.c). */
bool run_import(struct session *s, const struct command *cmd, struct err *err);
bool run_export(struct session *s, const struct command *cmd, struct err *err);
/* The rules of a file (rules_apply.c). */
bool run_rules_apply(struct session *s, const struct command *cmd, struct err *err);

/* A rule on the simulator (simulate.c). */
bool run_simulate(struct session *s, const struct command *cmd, struct err *err);

/* One command of the API, its answer on standard output. */
bool run_command(struct session *s, const struct command *cmd, struct err *err);

/*
 * The request of a command. Reads the files it names; asks the server for its
 * mode when a key depends on it. The arena holds secrets then.
 */
bool request_build(struct session *s, const struct command *cmd, struct arena *arena,
		   ProtobufCMessage **request, struct err *err);

/* Whether the server works with public keys. */
bool request_mode(struct session *s, struct arena *arena, bool *pubkey, struct err *err);
/* ERR_INVALID for "-" while standard input holds the commands. */
bool request_stdin(const struct session *s, const char *path, struct err *err);

/* --- Answers on the screen (show.c) ----------------------------------------- */

/* An answer as aligned lines, or as JSON on one line. */
bool show_answer(const ProtobufCMessage *msg, bool json, struct err *err);

/* The same of rules, runs and due times (show_rules.c); false: it is none of these. */
bool show_rules(const ProtobufCMessage *msg);
/* A page of runs; the first has a head. */
void show_runs(const Pb__ListRunsResponse *page, bool first);

/* One event of a stream, on one line. */
bool show_event(const ProtobufCMessage *msg, bool json, struct err *err);

/* A page of a list; returns its number of entries. JSON pages are joined by show_list_end. */
struct show_list {
	bool json;
	bool begun;
	size_t n;
};

bool show_list_page(struct show_list *l, const ProtobufCMessage *page, size_t *n, struct err *err);
void show_list_end(const struct show_list *l, const ProtobufCMessageDescriptor *desc);

/* Pages by cursor: a list, or sums of what each page counts. */
struct show_pages {
	struct show_list list;
	int64_t changed, unchanged, rotated;
	int64_t revision;
};

bool show_sum_add(struct show_pages *p, const ProtobufCMessage *page, struct err *err);
void show_sum_end(const struct show_pages *p, bool ok);

/* Where the delivery of a status answer stands. */
struct show_progress {
	int64_t done, total;
	bool complete;
	char text[128];
};

bool show_progress_of(const ProtobufCMessage *status, struct show_progress *p, struct err *err);

#endif
