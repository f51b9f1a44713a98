/* What the server and the tools for its database open alike. */
#ifndef C2_PARTS_H
#define C2_PARTS_H

#include "c2/conf.h"
#include "c2/core/custody.h"
#include "c2/core/store.h"
#include "c2/custody/soft.h"
#include "c2/store/pg.h"

/* Is db.url one of MariaDB or MySQL? */
bool conf_is_maria(const struct c2_conf *conf);
struct store_pg_config conf_pg(const struct c2_conf *conf);
struct custody_soft_config conf_custody(const struct c2_conf *conf);

/* As the server that has it: made and migrated as needed. */
bool conf_store_open(struct store *out, const struct c2_conf *conf, struct err *err);
/* Beside such a server: as it is. */
bool conf_store_beside(struct store *out, const struct c2_conf *conf, struct err *err);

/* What can be checked without a connection. */
bool conf_store_check(const struct c2_conf *conf, struct err *err);

void store_close(struct store *store);

/* The exit code for what went wrong; a file that a setting names is configuration. */
int start_exit(const struct err *err);

#endif
