/*
 * The command tree of c2cli: the methods of the API with their words and
 * flags, and a few commands of its own in rows of the same form. Parsing,
 * help, completion and documentation all read it here.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "api/method.h"
#include "base/err.h"
#include "cli/opts.h"

/* Options that every command takes. */
struct c2cli_args {
	const char *endpoint;
	const char *cert;
	const char *token_file;
	const char *output;
	int64_t timeout_s;
	bool help;
	bool version;
};

extern const struct opts c2cli_opts;

#define C2CLI_ENDPOINT "127.0.0.1:5555"
enum { C2CLI_TIMEOUT_S = 10 };

/*
 * What the program is called, by argv[0]: as c2ae-cli it has the commands of
 * rules alone, without the word rule. Before anything else here.
 */
void command_program(const char *path);
const char *command_name(void);

/* Commands that call no method; their rows have no request. */
#define CLI_COMPLETION "completion"
#define CLI_COMPLETE "__complete" /* for the completion scripts; in no help */
#define CLI_HELP "help"

/* All rows in the order of help: those of the API, then our own. */
size_t command_count(void);
const struct api_method *command_row(size_t i);

/* What a flag is at the command line: those of the API, and what follows from their kinds. */
enum flag_role {
	FLAG_PLAIN,     /* the flag as the API has it */
	FLAG_FROM_FILE, /* for a base64 flag: NAME-file FILE takes the bytes from a file */
	FLAG_COMPAT,    /* for a password flag: NAME-compat */
	FLAG_WAIT,      /* for a progress command */
	FLAG_OUT        /* where the answer holds bytes: write them raw to a file */
};

struct flag {
	char name[48];
	enum flag_role role;
	const struct api_flag *api; /* null for FLAG_WAIT and FLAG_OUT */
	const char *arg;            /* what help calls the value; null: a switch */
	const char *help;
	bool file; /* the value is a path */
};

enum { FLAGS_MAX = 24 };

/* The flags of one row; returns their number. */
size_t command_flags(const struct api_method *row, struct flag flags[FLAGS_MAX]);

/* The flags of all rows with these words, each once. */
size_t command_flags_of(const char *words, struct flag flags[FLAGS_MAX]);

struct command_value {
	struct flag flag;
	const char *text; /* borrowed from argv; null: a switch that is on */
};

/* A parsed command line. */
struct command {
	const struct api_method *row; /* null: only options were given */
	char words[64];
	struct command_value values[FLAGS_MAX];
	size_t n_values;
	const char *const *rest; /* words behind `help` and `__complete` */
	size_t n_rest;
};

/*
 * Read words (without the program's name). ERR_INVALID says what is wrong
 * and which help to ask for. With --help the row may be any of the words'.
 */
bool command_parse(struct command *cmd, struct c2cli_args *args, size_t n_words, char *const *words,
		   struct err *err);

/* The value of a flag as text, or null. */
const struct command_value *command_get(const struct command *cmd, const char *name);
/* Whether a switch was given, and not as =false. */
bool command_is_on(const struct command *cmd, const char *name);
const struct command_value *command_with(const struct command *cmd, enum flag_role role);

/* The bytes field of a message, or null if it has none. */
const ProtobufCFieldDescriptor *command_bytes_field(const ProtobufCMessageDescriptor *desc);

/* The field at a dotted path; null: there is none. */
const ProtobufCFieldDescriptor *command_field(const ProtobufCMessageDescriptor *desc,
					      const char *path);

enum { COMMAND_WORD_CAP = 48 };

/*
 * The value of an enum by its name, or by the last part of that if only one has
 * it: producer for TYPE_PRODUCER. Whatever the case, and with - for _; null: none.
 */
const char *command_word(const ProtobufCEnumDescriptor *e, const char *word, size_t len);
/* The shortest such word of a value; false: it stands for none, and is not offered. */
bool command_word_of(char out[COMMAND_WORD_CAP], const ProtobufCEnumDescriptor *e, unsigned i);

/* Help for the commands whose words begin with these ("" for all). False: there are none. */
bool command_help(FILE *f, const char *words);

/* The completion script of the program, for bash or zsh. */
void command_script(FILE *f, bool zsh);

/* Each candidate for the last of the words, one a line; ":file" asks for paths. */
void command_complete(size_t n_words, const char *const *words,
		      void (*found)(void *ctx, const char *candidate), void *ctx);

#endif
