/*
 * Messages by their descriptors: making, unpacking, checking, setting fields.
 *
 * All functions: true for success. Memory of results comes from the arena and
 * lives as long as it. No globals, any thread. Errors name the field, as
 * "client.name", and never show a value.
 */
#ifndef API_MESSAGE_H
#define API_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/err.h"

/* Levels of messages, or of JSON objects and lists, the outermost included. */
#define API_DEPTH_MAX 32

/*
 * Fields one binary message may have, nested ones included: unpacking takes
 * some 40 bytes for each of them, so that a body of 2-byte fields would
 * otherwise take 20 times its own size.
 */
#define API_WIRE_FIELDS_MAX 65536

/* A new message with every field at its default. */
ProtobufCMessage *api_message_new(const ProtobufCMessageDescriptor *desc, struct arena *arena);

/*
 * Unpack the binary form, which may hold fields we do not know. ERR_INVALID if it is cut or
 * malformed, holds a string that is not UTF-8 or has a zero character in it
 * (which a C string would silently end at), is too deep or has too many fields.
 */
bool api_unpack(const ProtobufCMessageDescriptor *desc, const uint8_t *bytes, size_t len,
		struct arena *arena, ProtobufCMessage **out, struct err *err);

/* Pack into memory of the arena. */
void api_pack(const ProtobufCMessage *msg, struct arena *arena, uint8_t **bytes, size_t *len);

/*
 * Check a message that was made by other means: every string, also in nested
 * messages, is UTF-8. ERR_INVALID names the field.
 */
bool api_validate(const ProtobufCMessage *msg, struct err *err);

/* Whether the field holds a key or plaintext, and may not be shown. */
bool api_field_is_secret(const ProtobufCMessageDescriptor *desc, unsigned number);

/*
 * Set the field at a dotted path from its text, creating the messages on the
 * way: what paths, query strings and command line flags do. A repeated field
 * gets one element more. ERR_INVALID if there is no such field or the text
 * does not fit its type; *found, which may be null, tells the first case.
 */
bool api_set_field(ProtobufCMessage *msg, const char *path, const char *text, size_t len,
		   struct arena *arena, bool *found, struct err *err);

#endif
