#include "api/service.h"

#include "api/message.h"

bool api_may_call(const struct api_caller *caller, unsigned method, struct err *err)
{
	if (method >= API_N_METHODS)
		return err_set(err, ERR_UNIMPLEMENTED, "no such method");
	if (caller->role >= api_methods[method].role)
		return true;
	if (caller->role <= API_ROLE_PUBLIC)
		return err_set(err, ERR_UNAUTHENTICATED, "log in first: this call needs a token");
	return err_set(err, ERR_FORBIDDEN, "your role may not call %s", api_methods[method].name);
}

static bool check(const struct api_caller *caller, unsigned method, bool stream,
		  const ProtobufCMessage *request, struct err *err)
{
	if (!api_may_call(caller, method, err))
		return false;
	if (api_methods[method].server_stream != stream)
		return err_set(err, ERR_UNIMPLEMENTED, "%s %s", api_methods[method].name,
			       stream ? "has no stream" : "is a stream, reached by gRPC");
	if (request->descriptor != api_methods[method].request)
		return err_set(err, ERR_INTERNAL, "wrong request message");
	return api_validate(request, err);
}

bool api_call(const struct api_service *service, unsigned method, const struct api_caller *caller,
	      const ProtobufCMessage *request, struct arena *arena, ProtobufCMessage **response,
	      struct err *err)
{
	return check(caller, method, false, request, err) &&
	       service->call(service->ctx, method, caller, request, arena, response, err);
}

bool api_subscribe(const struct api_service *service, unsigned method,
		   const struct api_caller *caller, const ProtobufCMessage *request,
		   const struct api_sink *sink, struct api_subscription **sub, struct err *err)
{
	return check(caller, method, true, request, err) &&
	       service->subscribe(service->ctx, method, caller, request, sink, sub, err);
}

bool api_put_off(const struct api_service *service, struct api_wait *w)
{
	struct err ignored; /* the call itself tells it */

	return service->put_off && check(w->caller, w->method, false, w->request, &ignored) &&
	       service->put_off(service->ctx, w);
}

bool api_settle(const struct api_service *service, struct api_wait *w)
{
	return service->settle && service->settle(service->ctx, w);
}

void api_give_up(const struct api_service *service, struct api_wait *w)
{
	if (w->at)
		service->unsettle(service->ctx, w);
}

void api_unsubscribe(const struct api_service *service, struct api_subscription *sub)
{
	if (sub)
		service->unsubscribe(service->ctx, sub);
}
