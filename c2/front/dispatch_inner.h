/* Between the parts of the dispatch: how calls are made, and what each method does. */
#ifndef C2_FRONT_DISPATCH_INNER_H
#define C2_FRONT_DISPATCH_INNER_H

#include "api/method.h"
#include "base/arena.h"
#include "c2.pb-c.h"
#include "c2/core/core.h"

struct dispatch_call {
	struct core *core;
	struct arena *arena;
	bool stranger; /* called without a token where there are some */
};

typedef bool dispatch_handler(struct dispatch_call *c, const ProtobufCMessage *request,
			      ProtobufCMessage *response, struct err *err);

/* A handler for each unary method; null for streams. */
extern dispatch_handler *const dispatch_handlers[API_N_METHODS];

#endif
