/*
 * From an HTTP request line to a method and its request message.
 *
 * Two ways lead to a method: its routes (see docs/api.md), and for every
 * unary method POST /rpc/SERVICE/METHOD with the whole request as JSON body,
 * which reaches any name and any topic.
 *
 * A field is filled from the query first, then from the body, then from the
 * path: the later wins. Fields that are not known are ignored. Where two routes
 * fit, the one with more fixed parts wins: .../a/clients lists the clients of
 * topic "a". %2F in a path is the same as / in {topic=**}, and part of the name
 * in {client.name}.
 */
#ifndef API_ROUTE_H
#define API_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "api/method.h"
#include "base/arena.h"
#include "base/err.h"

/* A request as it came: all texts still percent-encoded. */
struct api_http_request {
	const char *verb;  /* "GET" */
	const char *path;  /* begins with /, without the query */
	const char *query; /* without the ?, may be null */
	const char *body;  /* JSON object; null or only white space is {} */
	size_t body_len;
};

/* Room for "DELETE, GET, PATCH, POST, PUT" and its zero byte. */
#define API_ALLOW_CAP 32

/*
 * Find the method without looking at query or body, for a front that decides
 * about roles and sizes first. ERR_NOT_FOUND if no route has this path;
 * ERR_METHOD if only other verbs have it, and then allow, which may be null, holds
 * them as the header Allow wants them; ERR_INVALID for a bad percent escape, a
 * zero character or bad UTF-8.
 */
bool api_route_match(const char *verb, const char *path, struct arena *arena, unsigned *method,
		     char allow[API_ALLOW_CAP], struct err *err);

/* Find the method and decode its request: errors as above and of api_json_decode. */
bool api_route_find(const struct api_http_request *req, struct arena *arena, unsigned *method,
		    ProtobufCMessage **msg, char allow[API_ALLOW_CAP], struct err *err);

/* The method that gRPC reaches by "/pb.C2/NewClient"; API_N_METHODS if there is none. */
unsigned api_method_by_grpc_path(const char *path);

#endif
