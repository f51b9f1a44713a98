/*
 * The product behind the API: each method unpacks its request, calls the core
 * or the engine and fills its response; what is allowed they decide. Writes the audit log, and
 * keeps internal details in the log and out of answers.
 */
#ifndef C2_FRONT_DISPATCH_H
#define C2_FRONT_DISPATCH_H

#include "api/service.h"
#include "c2/core/core.h"
#include "engine/engine.h"

struct dispatch;

/*
 * The engine may be null: then its methods say that it is switched off. So may
 * the core, in c2ae, whose methods then are not here.
 */
struct dispatch *dispatch_new(struct core *core, struct engine *engine);
/* Subscriptions that are left get their end(). */
void dispatch_free(struct dispatch *d);

struct api_service dispatch_service(struct dispatch *d);

/*
 * For a database to which each question is a journey: from now on calls about a
 * client are put off, and wake asks for dispatch_run, which makes all that
 * came by then.
 */
void dispatch_put_off(struct dispatch *d, void (*wake)(void *ctx), void *ctx);
void dispatch_run(struct dispatch *d);

/* End all subscriptions with this error; who may, subscribes again. */
void dispatch_drop_streams(struct dispatch *d, const struct err *why);

/* The server stops: end all subscriptions with this error, and take no more. */
void dispatch_end_streams(struct dispatch *d, const struct err *why);

#endif
