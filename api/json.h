/*
 * Between messages and their JSON form, for any message by its descriptor.
 *
 * The form: field names as written in the .proto, every field present, 64-bit
 * integers as strings, bytes as standard base64, enums by name, timestamps as
 * RFC 3339, a message field without a value as null, empty lists as []. A
 * oneof shows only the member that is set.
 *
 * All functions: true for success. Memory of results comes from the arena and
 * lives as long as it. Depth is limited to API_DEPTH_MAX; the length of a
 * text is the caller's to limit, before it is all read. No globals, any
 * thread. Errors name the field, as "client.name", and never show a value.
 */
#ifndef API_JSON_H
#define API_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "api/message.h"

/*
 * Read len bytes of JSON, one object, into a new message. Lenient where tools
 * differ: integers as numbers or strings, enums by name or number, base64 in
 * either alphabet with or without padding, null for "not given", fields we do
 * not know. ERR_INVALID for all else: bad JSON or UTF-8, an embedded zero
 * character, duplicate names, wrong types, numbers out of range, too deep.
 */
bool api_json_decode(const ProtobufCMessageDescriptor *desc, const char *text, size_t len,
		     struct arena *arena, ProtobufCMessage **out, struct err *err);

/* The same into a message that may have values already; fields not given keep theirs. */
bool api_json_merge(ProtobufCMessage *msg, const char *text, size_t len, struct arena *arena,
		    struct err *err);

/*
 * Write a message as JSON on one line, with a zero byte behind its len bytes.
 * ERR_INTERNAL if a string of it is not UTF-8 or a timestamp is out of range.
 */
bool api_json_encode(const ProtobufCMessage *msg, struct arena *arena, char **text, size_t *len,
		     struct err *err);

/* The same for logs and screens: every secret field that is not empty reads "(hidden)". */
bool api_json_encode_masked(const ProtobufCMessage *msg, struct arena *arena, char **text,
			    size_t *len, struct err *err);

/* The JSON error body that every route gives, as api_json_encode() does. */
void api_json_error(const struct err *why, struct arena *arena, char **text, size_t *len);

#endif
