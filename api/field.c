#include "api/field.h"

#include <string.h>

#include "google/protobuf/timestamp.pb-c.h"

#include "api/message.h"
#include "api/scalar.h"

static const uint8_t *at(const ProtobufCMessage *msg, unsigned offset)
{
	return (const uint8_t *)msg + offset;
}

static bool is_oneof(const ProtobufCFieldDescriptor *f)
{
	return f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF;
}

size_t field_value_size(const ProtobufCFieldDescriptor *f)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
		return 4;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_ENUM:
		return sizeof(int);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	}
	return 0;
}

const void *field_get(const ProtobufCMessage *msg, const ProtobufCFieldDescriptor *f, bool *set)
{
	uint32_t which;

	*set = true;
	if (is_oneof(f)) {
		memcpy(&which, at(msg, f->quantifier_offset), sizeof(which));
		*set = which == f->id;
	}
	return at(msg, f->offset);
}

const void *field_list(const ProtobufCMessage *msg, const ProtobufCFieldDescriptor *f, size_t *n)
{
	const void *list;

	memcpy(n, at(msg, f->quantifier_offset), sizeof(*n));
	memcpy(&list, at(msg, f->offset), sizeof(list));
	return list;
}

void *field_set(ProtobufCMessage *msg, const ProtobufCFieldDescriptor *f)
{
	uint8_t *slot = (uint8_t *)msg + f->offset;
	uint32_t which;

	if (is_oneof(f)) {
		memcpy(&which, at(msg, f->quantifier_offset), sizeof(which));
		if (which != 0 && which != f->id)
			return NULL;
		if (which == 0)
			memset(slot, 0, field_value_size(f));
		memcpy((uint8_t *)msg + f->quantifier_offset, &f->id, sizeof(f->id));
	}
	return slot;
}

void *field_append(ProtobufCMessage *msg, const ProtobufCFieldDescriptor *f, size_t n,
		   struct arena *arena)
{
	size_t have, size = field_value_size(f);
	const void *old = field_list(msg, f, &have);
	size_t total = have + n;
	uint8_t *list = arena_alloc(arena, total * size);

	if (have > 0)
		memcpy(list, old, have * size);
	memcpy((uint8_t *)msg + f->quantifier_offset, &total, sizeof(total));
	memcpy((uint8_t *)msg + f->offset, &list, sizeof(list));
	return list + have * size;
}

ProtobufCMessage *field_message(void *slot, const ProtobufCFieldDescriptor *f, struct arena *arena)
{
	ProtobufCMessage *msg;

	memcpy(&msg, slot, sizeof(msg));
	if (!msg) {
		msg = api_message_new(f->descriptor, arena);
		memcpy(slot, &msg, sizeof(msg));
	}
	return msg;
}

bool field_is_timestamp(const ProtobufCFieldDescriptor *f)
{
	return f->type == PROTOBUF_C_TYPE_MESSAGE &&
	       f->descriptor == &google__protobuf__timestamp__descriptor;
}

static const char *enum_from_text(void *slot, const ProtobufCEnumDescriptor *e, const char *text,
				  size_t len)
{
	int64_t number;

	for (unsigned i = 0; i < e->n_values; i++) {
		const char *name = e->values[i].name;
		if (strlen(name) == len && memcmp(name, text, len) == 0) {
			memcpy(slot, &e->values[i].value, sizeof(e->values[i].value));
			return NULL;
		}
	}
	if (!int64_parse(&number, text, len) || number < INT32_MIN || number > INT32_MAX ||
	    !protobuf_c_enum_descriptor_get_value(e, (int)number))
		return "one of the values of its type";
	memcpy(slot, &(int){(int)number}, sizeof(int));
	return NULL;
}

static const char *bytes_from_text(void *slot, const char *text, size_t len, struct arena *arena)
{
	ProtobufCBinaryData b;

	b.data = arena_alloc(arena, BASE64_DECODED_CAP(len));
	if (!base64_decode(b.data, &b.len, text, len))
		return "base64";
	memcpy(slot, &b, sizeof(b));
	return NULL;
}

static const char *bool_from_text(void *slot, const char *text, size_t len)
{
	protobuf_c_boolean b =
		(len == 4 && memcmp(text, "true", 4) == 0) || (len == 1 && text[0] == '1');
	bool no = (len == 5 && memcmp(text, "false", 5) == 0) || (len == 1 && text[0] == '0');

	if (!b && !no)
		return "true or false";
	memcpy(slot, &b, sizeof(b));
	return NULL;
}

static const char *string_from_text(void *slot, const char *text, size_t len, struct arena *arena)
{
	char *copy;

	if (!utf8_valid(text, len))
		return "UTF-8 without zero characters";
	copy = arena_copy(arena, text, len);
	memcpy(slot, &copy, sizeof(copy));
	return NULL;
}

static const char *timestamp_from_text(void *slot, const ProtobufCFieldDescriptor *f,
				       const char *text, size_t len, struct arena *arena)
{
	ProtobufCMessage *msg = field_message(slot, f, arena);
	Google__Protobuf__Timestamp *t = (Google__Protobuf__Timestamp *)msg;

	return timestamp_parse(&t->seconds, &t->nanos, text, len) ? NULL : "an RFC 3339 time";
}

const char *field_from_int64(void *slot, const ProtobufCFieldDescriptor *f, int64_t v)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		if (v < INT32_MIN || v > INT32_MAX)
			return "a 32-bit integer";
		memcpy(slot, &(int32_t){(int32_t)v}, 4);
		return NULL;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		if (v < 0 || v > UINT32_MAX)
			return "an unsigned 32-bit integer";
		memcpy(slot, &(uint32_t){(uint32_t)v}, 4);
		return NULL;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		if (v < 0)
			return "an unsigned 64-bit integer";
		memcpy(slot, &v, 8);
		return NULL;
	default:
		memcpy(slot, &v, 8);
		return NULL;
	}
}

const char *field_from_text(void *slot, const ProtobufCFieldDescriptor *f, const char *text,
			    size_t len, struct arena *arena)
{
	int64_t v;
	uint64_t u;

	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		return string_from_text(slot, text, len, arena);
	case PROTOBUF_C_TYPE_BYTES:
		return bytes_from_text(slot, text, len, arena);
	case PROTOBUF_C_TYPE_BOOL:
		return bool_from_text(slot, text, len);
	case PROTOBUF_C_TYPE_ENUM:
		return enum_from_text(slot, f->descriptor, text, len);
	case PROTOBUF_C_TYPE_MESSAGE:
		if (field_is_timestamp(f))
			return timestamp_from_text(slot, f, text, len, arena);
		return "an object";
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
		return "nothing: it has no JSON form here"; /* the generator refuses such fields */
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		if (!uint64_parse(&u, text, len))
			return "an unsigned 64-bit integer";
		memcpy(slot, &u, 8);
		return NULL;
	default:
		if (!int64_parse(&v, text, len))
			return "a whole number";
		return field_from_int64(slot, f, v);
	}
}
