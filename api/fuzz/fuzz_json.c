/*
 * An HTTP request as it comes from anywhere: "VERB PATH?QUERY", a line end, the
 * body. Whatever is taken has to come back the same through JSON and through
 * the binary form.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "api/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz_json: %s\n", what);
	abort();
}

static void comes_back(const ProtobufCMessage *msg, struct arena *arena)
{
	ProtobufCMessage *again;
	char *json, *json2;
	size_t len, len2;
	uint8_t *wire;
	struct err err;

	must(api_validate(msg, &err), "a decoded message is valid");
	must(api_json_encode(msg, arena, &json, &len, &err), "a decoded message encodes");
	must(api_json_decode(msg->descriptor, json, len, arena, &again, &err), "JSON comes back");
	must(api_json_encode(again, arena, &json2, &len2, &err), "and encodes again");
	must(len == len2 && memcmp(json, json2, len) == 0, "to the same text");
	must(api_json_encode_masked(msg, arena, &json2, &len2, &err), "it can be masked");
	api_pack(msg, arena, &wire, &len2);
	must(api_unpack(msg->descriptor, wire, len2, arena, &again, &err),
	     "the wire form comes back");
	must(api_json_encode(again, arena, &json2, &len2, &err), "and encodes");
	must(len == len2 && memcmp(json, json2, len) == 0, "to the same text as before");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = ARENA_INIT;
	struct err err;
	ProtobufCMessage *msg;
	unsigned method;
	char allow[API_ALLOW_CAP], *line, *path, *query;
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;

	if (!end)
		return 0;
	line = arena_copy(&arena, data, (size_t)(end - data));
	path = strchr(line, ' ');
	if (path) {
		*path++ = 0;
		query = strchr(path, '?');
		if (query)
			*query++ = 0;
		struct api_http_request req = {line, path, query, (const char *)end + 1,
					       size - (size_t)(end + 1 - data)};
		if (api_route_find(&req, &arena, &method, &msg, allow, &err)) {
			must(msg->descriptor == api_methods[method].request, "of the right type");
			comes_back(msg, &arena);
		} else {
			must(err.code == ERR_INVALID || err.code == ERR_NOT_FOUND ||
				     err.code == ERR_METHOD,
			     "refused for the caller's mistake");
		}
	}
	arena_free(&arena);
	return 0;
}
