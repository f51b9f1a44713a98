#include "tests/check.h"

#include "c2.pb-c.h"

#include "api/message.h"
#include "api/service.h"

static struct arena arena;
static struct err err;

/* A product that counts how often it is reached. */
struct fake {
	int calls, subscribed, unsubscribed;
	struct api_sink sink;
};

static bool fake_call(void *ctx, unsigned method, const struct api_caller *caller,
		      const ProtobufCMessage *request, struct arena *a, ProtobufCMessage **response,
		      struct err *e)
{
	struct fake *f = ctx;

	(void)caller;
	(void)request;
	f->calls++;
	if (method == API_C2_REMOVE_CLIENT)
		return err_set(e, ERR_NOT_FOUND, "no such client");
	*response = api_message_new(api_methods[method].response, a);
	return true;
}

static bool fake_subscribe(void *ctx, unsigned method, const struct api_caller *caller,
			   const ProtobufCMessage *request, const struct api_sink *sink,
			   struct api_subscription **sub, struct err *e)
{
	struct fake *f = ctx;

	(void)method;
	(void)caller;
	(void)request;
	(void)e;
	f->subscribed++;
	f->sink = *sink;
	*sub = ctx;
	return true;
}

static void fake_unsubscribe(void *ctx, struct api_subscription *sub)
{
	struct fake *f = ctx;

	CHECK(sub == ctx);
	f->unsubscribed++;
}

static struct fake fake;
static const struct api_service service = {.ctx = &fake,
					   .call = fake_call,
					   .subscribe = fake_subscribe,
					   .unsubscribe = fake_unsubscribe};

static bool call(unsigned method, enum api_role role)
{
	struct api_caller caller = {.role = role};
	const ProtobufCMessageDescriptor *request =
		method < API_N_METHODS ? api_methods[method].request : api_methods[0].request;
	ProtobufCMessage *response = NULL;

	memset(&err, 0, sizeof(err));
	if (!api_call(&service, method, &caller, api_message_new(request, &arena), &arena,
		      &response, &err))
		return false;
	CHECK(response && response->descriptor == api_methods[method].response);
	return true;
}

static void each_role_reaches_exactly_its_methods(void)
{
	for (unsigned m = 0; m < API_N_METHODS; m++) {
		if (api_methods[m].server_stream || m == API_C2_REMOVE_CLIENT)
			continue;
		for (int role = API_ROLE_NONE; role <= API_ROLE_ADMIN; role++) {
			int before = fake.calls;
			bool may = role >= (int)api_methods[m].role;
			CHECK(call(m, (enum api_role)role) == may);
			CHECK_EQ(fake.calls, before + may);
			if (!may)
				CHECK_EQ(err.code, role <= API_ROLE_PUBLIC ? ERR_UNAUTHENTICATED
									   : ERR_FORBIDDEN);
		}
	}
}

static void the_error_of_the_product_comes_through(void)
{
	CHECK(!call(API_C2_REMOVE_CLIENT, API_ROLE_ADMIN));
	CHECK_EQ(err.code, ERR_NOT_FOUND);
	CHECK_STR(err.text, "no such client");
}

static void bad_requests_do_not_reach_the_product(void)
{
	struct api_caller admin = {.role = API_ROLE_ADMIN};
	Pb__NewTopicRequest r = PB__NEW_TOPIC_REQUEST__INIT;
	ProtobufCMessage *response;
	char bad[] = "\xff";
	int before = fake.calls;

	r.topic = bad;
	CHECK(!api_call(&service, API_C2_NEW_TOPIC, &admin, &r.base, &arena, &response, &err));
	CHECK_EQ(err.code, ERR_INVALID);
	CHECK(!api_call(&service, API_C2_NEW_CLIENT, &admin, &r.base, &arena, &response, &err));
	CHECK_EQ(err.code, ERR_INTERNAL);
	CHECK(!call(API_N_METHODS, API_ROLE_ADMIN));
	CHECK_EQ(err.code, ERR_UNIMPLEMENTED);
	CHECK(!call(~0u, API_ROLE_ADMIN));
	CHECK(!call(API_C2_SUBSCRIBE_TO_EVENT_STREAM, API_ROLE_ADMIN));
	CHECK_EQ(err.code, ERR_UNIMPLEMENTED);
	CHECK_EQ(fake.calls, before);
}

static void a_stream_begins_and_ends(void)
{
	struct api_caller viewer = {.role = API_ROLE_VIEWER}, nobody = {.role = API_ROLE_PUBLIC};
	Pb__SubscribeToEventStreamRequest r = PB__SUBSCRIBE_TO_EVENT_STREAM_REQUEST__INIT;
	Pb__NewTopicRequest wrong = PB__NEW_TOPIC_REQUEST__INIT;
	struct api_sink sink = {0};
	struct api_subscription *sub = NULL;
	unsigned m = API_C2_SUBSCRIBE_TO_EVENT_STREAM;

	CHECK(!api_subscribe(&service, m, &nobody, &r.base, &sink, &sub, &err));
	CHECK_EQ(err.code, ERR_UNAUTHENTICATED);
	CHECK(!api_subscribe(&service, API_C2_GET_CLIENTS, &viewer, &wrong.base, &sink, &sub,
			     &err));
	CHECK_EQ(err.code, ERR_UNIMPLEMENTED);
	CHECK_EQ(fake.subscribed, 0);
	api_unsubscribe(&service, NULL);
	CHECK_EQ(fake.unsubscribed, 0);
	CHECK(api_subscribe(&service, m, &viewer, &r.base, &sink, &sub, &err));
	CHECK_EQ(fake.subscribed, 1);
	api_unsubscribe(&service, sub);
	CHECK_EQ(fake.unsubscribed, 1);
}

int main(void)
{
	RUN(each_role_reaches_exactly_its_methods);
	RUN(the_error_of_the_product_comes_through);
	RUN(bad_requests_do_not_reach_the_product);
	RUN(a_stream_begins_and_ends);
	arena_free(&arena);
	return END();
}
