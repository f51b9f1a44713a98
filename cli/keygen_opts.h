/* The options of e4keygen. */
#ifndef CLI_KEYGEN_OPTS_H
#define CLI_KEYGEN_OPTS_H

#include "cli/opts.h"

struct keygen_args {
	const char *type;
	const char *out;
	bool force;
	bool help;
};

extern const struct opts keygen_opts;

#endif
