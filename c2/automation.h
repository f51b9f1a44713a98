/*
 * The automation engine on the loop: rules, and the letters about them. Over
 * the core of this server; or, in c2ae, over the API of another.
 */
#ifndef C2_AUTOMATION_H
#define C2_AUTOMATION_H

#include "base/loop.h"
#include "c2/conf.h"
#include "c2/core/core.h"
#include "engine/engine.h"

struct automation;

/*
 * core null: it works for the C2 at engine.c2, and keeps rules in store. Also
 * when engine.enabled is false it opens, without an engine.
 */
bool automation_open(struct automation **out, const struct c2_conf *conf, struct core *core,
		     struct store *store, struct loop *loop, struct err *err);
/* Null is allowed. */
void automation_close(struct automation *a);
/* Null: switched off. */
struct engine *automation_engine(const struct automation *a);

/* What can be checked without a database: settings, and the files they name. */
bool automation_check(const struct c2_conf *conf, struct err *err);

#endif
