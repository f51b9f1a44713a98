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

/* A method's types are fixed by its row, so the cast is made once, here. */
#define DISPATCH_METHOD(storage, fn, Name)                                                         \
	static bool fn##_typed(struct dispatch_call *c, const Pb__##Name##Request *req,            \
			       Pb__##Name##Response *resp, struct err *err);                       \
	storage bool fn(struct dispatch_call *c, const ProtobufCMessage *request,                  \
			ProtobufCMessage *response, struct err *err)                               \
	{                                                                                          \
		return fn##_typed(c, (const Pb__##Name##Request *)request,                         \
				  (Pb__##Name##Response *)response, err);                          \
	}                                                                                          \
	static bool fn##_typed(struct dispatch_call *c, const Pb__##Name##Request *req,            \
			       Pb__##Name##Response *resp, struct err *err)

#define NEW(c, descriptor) ((void *)api_message_new(&(descriptor), (c)->arena))

/* Values of the core as those of answers. */
char *text_of(struct dispatch_call *c, const char *text);
char **texts_of(struct dispatch_call *c, const struct core_names *names);
Pb__Delivery *delivery_of(struct dispatch_call *c, const struct core_delivery *in);
Google__Protobuf__Timestamp *time_of(struct dispatch_call *c, int64_t at_s);

/* methods_many.c */
dispatch_handler dispatch_batch, dispatch_change_client, dispatch_search_clients,
	dispatch_search_topics, dispatch_change_group;

/* A handler for each unary method; null for streams. */
extern dispatch_handler *const dispatch_handlers[API_N_METHODS];

#endif
