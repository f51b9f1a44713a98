/*
 * A gRPC message as it comes from anywhere: one byte chooses the method, the
 * rest is its request. Whatever is taken has to be valid and to come back the
 * same through JSON.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "api/method.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz_wire: %s\n", what);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = ARENA_INIT;
	struct err err;
	ProtobufCMessage *msg, *again;
	const ProtobufCMessageDescriptor *desc;
	char *json, *json2;
	size_t len, len2;

	if (size == 0)
		return 0;
	/* Answers are read too, by the command line, and have more kinds of fields. */
	desc = data[0] & 0x80 ? api_methods[(data[0] & 0x7f) % API_N_METHODS].response
			      : api_methods[data[0] % API_N_METHODS].request;
	if (api_unpack(desc, data + 1, size - 1, &arena, &msg, &err)) {
		must(api_validate(msg, &err), "an unpacked message is valid");
		/* A time out of range or an unknown enum value has no JSON form that is read. */
		if (api_json_encode(msg, &arena, &json, &len, &err) &&
		    api_json_decode(desc, json, len, &arena, &again, &err)) {
			must(api_json_encode(again, &arena, &json2, &len2, &err), "encodes again");
			must(len == len2 && memcmp(json, json2, len) == 0, "to the same text");
		}
	} else {
		must(err.code == ERR_INVALID, "refused for the caller's mistake");
	}
	arena_free(&arena);
	return 0;
}
