/* The fleet file of e4client: one JSON object a line. */
#ifndef CLI_CLIENT_MANY_H
#define CLI_CLIENT_MANY_H

#include <stdio.h>

#include "cli/identity.h"

/* One device of a fleet; its texts are its own. */
struct many_row {
	struct identity identity;
	char *texts[8];
	size_t n_texts;
};

/* Read all rows; ERR_INVALID names the line. Free with many_free. */
bool many_read(const char *path, struct many_row **rows, size_t *n, struct err *err);
void many_free(struct many_row *rows, size_t n);

#endif
