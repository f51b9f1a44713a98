/* Between the parts of the dispatch: how calls are made, and what each method does. */
#ifndef C2_FRONT_DISPATCH_INNER_H
#define C2_FRONT_DISPATCH_INNER_H

#include "api/method.h"
#include "base/arena.h"
#include "c2.pb-c.h"
#include "c2/core/core.h"
#include "engine/engine.h"

struct dispatch_call {
	struct core *core;
	struct engine *engine; /* null: switched off */
	struct arena *arena;
	bool stranger; /* called without a token where there are some */
};

typedef bool dispatch_handler(struct dispatch_call *c, const ProtobufCMessage *request,
			      ProtobufCMessage *response, struct err *err);

/* A method's types are fixed by its row, so the cast is made once, here. */
#define DISPATCH_TYPES(storage, fn, Request, Response)                                             \
	static bool fn##_typed(struct dispatch_call *c, const Pb__##Request *req,                  \
			       Pb__##Response *resp, struct err *err);                             \
	storage bool fn(struct dispatch_call *c, const ProtobufCMessage *request,                  \
			ProtobufCMessage *response, struct err *err)                               \
	{                                                                                          \
		return fn##_typed(c, (const Pb__##Request *)request, (Pb__##Response *)response,   \
				  err);                                                            \
	}                                                                                          \
	static bool fn##_typed(struct dispatch_call *c, const Pb__##Request *req,                  \
			       Pb__##Response *resp, struct err *err)
#define DISPATCH_METHOD(storage, fn, Name)                                                         \
	DISPATCH_TYPES(storage, fn, Name##Request, Name##Response)

#define NEW(c, descriptor) ((void *)api_message_new(&(descriptor), (c)->arena))

/* Values of the core as those of answers. */
char *text_of(struct dispatch_call *c, const char *text);
char **texts_of(struct dispatch_call *c, const struct core_names *names);
Pb__Delivery *delivery_of(struct dispatch_call *c, const struct core_delivery *in);
Google__Protobuf__Timestamp *time_of(struct dispatch_call *c, int64_t at_s);

/* methods_many.c */
dispatch_handler dispatch_batch, dispatch_change_client, dispatch_search_clients,
	dispatch_search_topics, dispatch_change_group, dispatch_list_events;

/* methods_rules.c */
dispatch_handler dispatch_list_rules, dispatch_get_rule, dispatch_add_rule, dispatch_update_rule,
	dispatch_delete_rule, dispatch_change_rule, dispatch_run_rule, dispatch_list_runs,
	dispatch_get_schedule, dispatch_get_rule_fleet, dispatch_raise_alarm,
	dispatch_engine_health;

/* A handler for each unary method; null for streams. */
extern dispatch_handler *const dispatch_handlers[API_N_METHODS];

#endif
