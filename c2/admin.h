/* Commands of c2 that work on the database and end. */
#ifndef C2_ADMIN_H
#define C2_ADMIN_H

#include "c2/conf.h"

struct admin_options {
	const char *to, *from; /* files; null: not given */
	bool check;
};

/* False: there is no such command, or an option does not go with it (err says which). */
bool admin_known(const char *command, const struct admin_options *options, struct err *err);

/* The exit code. What it did is told on standard error, what went wrong as well. */
int admin_run(const char *command, const struct admin_options *options, const struct c2_conf *conf);

#endif
