/* What the server and the tools for its database open alike. */
#ifndef C2_PARTS_H
#define C2_PARTS_H

#include "c2/conf.h"
#include "c2/core/custody.h"
#include "c2/core/store.h"
#include "c2/custody/soft.h"

struct custody_soft_config conf_custody(const struct c2_conf *conf);

/* As the server that has it: made and migrated as needed. */
bool conf_store_open(struct store *out, const struct c2_conf *conf, struct err *err);
/* Beside such a server: as it is. */
bool conf_store_beside(struct store *out, const struct c2_conf *conf, struct err *err);

/* The version of its tables, 0 if there are none yet, and the one this program needs. */
bool conf_store_schema(const struct c2_conf *conf, int *have, int *want, struct err *err);

/* What can be checked without a connection. */
bool conf_store_check(const struct c2_conf *conf, struct err *err);

void store_close(struct store *store);

/* The exit code for what went wrong; a file that a setting names is configuration. */
int start_exit(const struct err *err);

#endif
