/*
 * The seam between the fronts (HTTP, gRPC), which only turn bytes into
 * messages and back, and the product behind them, which knows no bytes.
 *
 * A front makes an api_caller from who logged in, decodes the request and
 * calls api_call() or api_subscribe(); nothing else reaches the product, so
 * roles and validity are checked in one place.
 *
 * Threads: as the service says. Memory: request and response belong to the
 * arena of the call; an event belongs to the service and is only lent for the
 * time of the callback.
 */
#ifndef API_SERVICE_H
#define API_SERVICE_H

#include <stdbool.h>

#include "api/method.h"
#include "base/arena.h"
#include "base/err.h"

/* Who calls. An empty who with API_ROLE_PUBLIC is a caller that has not logged in. */
struct api_caller {
	enum api_role role;
	char who[64];        /* for the audit log */
	char request_id[65]; /* joins the log lines of one request */
};

struct api_subscription; /* of the service */

/*
 * A call that waits to be made, or its answer for the changes it tells of to be
 * durable; part of what waits.
 */
struct api_wait {
	/* Make the call now, which was put off: api_call, api_settle, and so on. */
	void (*run)(struct api_wait *w);
	/* why null: they are. Else all of them were undone, and why is the answer. */
	void (*done)(struct api_wait *w, const struct err *why);
	unsigned method;
	const struct api_caller *caller;
	const ProtobufCMessage *request;
	struct api_wait *next, **at; /* the service's; at is null while it waits for nothing */
};

/* Where the messages of a stream go. Both may be called from within api_subscribe(). */
struct api_sink {
	void *ctx;
	/* One message; false when the receiver can take no more, and then end() follows. */
	bool (*event)(void *ctx, const ProtobufCMessage *msg);
	/* The service ends the stream, with why; the subscription is gone with this call. */
	void (*end)(void *ctx, const struct err *why);
};

struct api_service {
	void *ctx;
	/* Answer one unary call: *response from the arena. */
	bool (*call)(void *ctx, unsigned method, const struct api_caller *caller,
		     const ProtobufCMessage *request, struct arena *arena,
		     ProtobufCMessage **response, struct err *err);
	/*
	 * True: what was answered just now is not durable yet, and may not leave
	 * before w->done, which comes from the loop. Null: it always is.
	 */
	bool (*settle)(void *ctx, struct api_wait *w);
	/*
	 * True: the call is not to be made before w->run, which comes from the loop:
	 * calls that are made together take fewer journeys to the database. Or w->done
	 * comes with an error instead. Null: none is put off.
	 */
	bool (*put_off)(void *ctx, struct api_wait *w);
	/* It waits no more, for either. */
	void (*unsettle)(void *ctx, struct api_wait *w);
	/* Begin a stream; *sub is valid until unsubscribe() or the sink's end(). */
	bool (*subscribe)(void *ctx, unsigned method, const struct api_caller *caller,
			  const ProtobufCMessage *request, const struct api_sink *sink,
			  struct api_subscription **sub, struct err *err);
	/* The receiver is gone: no call to its sink follows. */
	void (*unsubscribe)(void *ctx, struct api_subscription *sub);
};

/*
 * Whether the caller may call the method, before anything is decoded.
 * ERR_UNAUTHENTICATED if it would have to log in first, ERR_FORBIDDEN if its
 * role is too low, ERR_UNIMPLEMENTED if there is no such method.
 */
bool api_may_call(const struct api_caller *caller, unsigned method, struct err *err);

/*
 * Check role, request type and strings, and call: the one way to the service.
 * Errors of api_may_call, ERR_INVALID for bad strings, ERR_UNIMPLEMENTED for a
 * stream, or what the service says.
 */
bool api_call(const struct api_service *service, unsigned method, const struct api_caller *caller,
	      const ProtobufCMessage *request, struct arena *arena, ProtobufCMessage **response,
	      struct err *err);

/* The same for a method with a stream of answers. */
bool api_subscribe(const struct api_service *service, unsigned method,
		   const struct api_caller *caller, const ProtobufCMessage *request,
		   const struct api_sink *sink, struct api_subscription **sub, struct err *err);

/* Before api_call: true if it has to wait for w->run; until then w must stay, or be given up. */
bool api_put_off(const struct api_service *service, struct api_wait *w);

/*
 * After api_call, whether it succeeded or not: true if the answer has to wait
 * for w->done; until then w must stay, or be given up.
 */
bool api_settle(const struct api_service *service, struct api_wait *w);
/* Wait no more, if it does at all. */
void api_give_up(const struct api_service *service, struct api_wait *w);

/* End a subscription; sub may be null. */
void api_unsubscribe(const struct api_service *service, struct api_subscription *sub);

#endif
