/*
 * Where a field's value is in a message, and single values from their text.
 * Internal to api/.
 */
#ifndef API_FIELD_H
#define API_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"

/* Bytes one value of the field takes, in the message or as an element of its list. */
size_t field_value_size(const ProtobufCFieldDescriptor *f);

/* The value of a field that is not repeated; *set tells a oneof member that is not the one set. */
const void *field_get(const ProtobufCMessage *msg, const ProtobufCFieldDescriptor *f, bool *set);

/* The elements of a repeated field. */
const void *field_list(const ProtobufCMessage *msg, const ProtobufCFieldDescriptor *f, size_t *n);

/*
 * Room to write the value of a field that is not repeated, zeroed when it is a
 * oneof member that was not the one set; null if another member is set.
 */
void *field_set(ProtobufCMessage *msg, const ProtobufCFieldDescriptor *f);

/* Room for n more elements of a repeated field, zeroed. */
void *field_append(ProtobufCMessage *msg, const ProtobufCFieldDescriptor *f, size_t n,
		   struct arena *arena);

/* The message at a slot, made if there is none yet. */
ProtobufCMessage *field_message(void *slot, const ProtobufCFieldDescriptor *f, struct arena *arena);

bool field_is_timestamp(const ProtobufCFieldDescriptor *f);

/*
 * Write a value from its text. Returns null, or what the field wants instead,
 * as "a number".
 */
const char *field_from_text(void *slot, const ProtobufCFieldDescriptor *f, const char *text,
			    size_t len, struct arena *arena);

/* Write an integer of any width, or say what the field wants instead. */
const char *field_from_int64(void *slot, const ProtobufCFieldDescriptor *f, int64_t v);

#endif
