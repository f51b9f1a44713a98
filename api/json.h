/*
 * Between messages and their JSON form, for any message by its descriptor.
 *
 * The form: field names as written in the .proto, every field present, 64-bit
 * integers as strings, bytes as standard base64, enums by name, timestamps as
 * RFC 3339, a message field without a value as null, empty lists as []. A
 * oneof shows only the member that is set.
 *
 * All functions: true for success. Memory of results comes from the arena and
 * lives as long as it. Depth is limited to API_JSON_DEPTH; the length of a
 * text is the caller's to limit, before it is all read. No globals, any
 * thread. Errors name the field, as "client.name", and never show a value.
 */
#ifndef API_JSON_H
#define API_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/err.h"

/* Levels of objects and lists a text may have, the outermost included. */
#define API_JSON_DEPTH 32

/*
 * Read len bytes of JSON, one object, into a new message. Lenient where tools
 * differ: integers as numbers or strings, enums by name or number, base64 in
 * either alphabet with or without padding, null for "not given", fields we do
 * not know. ERR_INVALID for all else: bad JSON or UTF-8, an embedded zero
 * character, duplicate names, wrong types, numbers out of range, too deep.
 */
bool api_json_decode(const ProtobufCMessageDescriptor *desc, const char *text, size_t len,
                     struct arena *arena, ProtobufCMessage **out, struct err *err);

/*
 * Write a message as JSON on one line, with a zero byte behind its len bytes.
 * ERR_INTERNAL if a string of it is not UTF-8 or a timestamp is out of range.
 */
bool api_json_encode(const ProtobufCMessage *msg, struct arena *arena, char **text, size_t *len,
                     struct err *err);

/* The same for logs and screens: every secret field that is set reads "(hidden)". */
bool api_json_encode_masked(const ProtobufCMessage *msg, struct arena *arena, char **text,
                            size_t *len, struct err *err);

/* A new message with every field at its default. */
ProtobufCMessage *api_message_new(const ProtobufCMessageDescriptor *desc, struct arena *arena);

/*
 * Unpack the binary form and validate it, unknown fields dropped; messages
 * nested deeper than API_JSON_DEPTH are refused. ERR_INVALID if it is none.
 */
bool api_unpack(const ProtobufCMessageDescriptor *desc, const uint8_t *bytes, size_t len,
                struct arena *arena, ProtobufCMessage **out, struct err *err);

/*
 * Check what unpacking does not: every string, also in nested messages, is
 * UTF-8. ERR_INVALID names the field.
 */
bool api_validate(const ProtobufCMessage *msg, struct err *err);

/* Whether the field may not be shown. */
bool api_field_is_secret(const ProtobufCMessageDescriptor *desc, unsigned number);

/*
 * Set the field at a dotted path from its text, creating the messages on the
 * way: what paths, query strings and command line flags do. A repeated field
 * gets one element more. ERR_INVALID if there is no such field or the text
 * does not fit its type; found, which may be null, tells the first case.
 */
bool api_set_field(ProtobufCMessage *msg, const char *path, const char *text, size_t len,
                   struct arena *arena, bool *found, struct err *err);

#endif
