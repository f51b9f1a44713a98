#include "api/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "google/protobuf/timestamp.pb-c.h"

#include "api/field.h"
#include "api/scalar.h"

struct encoder {
	struct arena *arena;
	struct err *err;
	char *buf;
	size_t len, cap;
	bool masked;
};

static bool encode_message(struct encoder *e, const ProtobufCMessage *msg, unsigned depth);

/* Room for n more bytes; what was outgrown stays in the arena, at most as much again in all. */
static char *room(struct encoder *e, size_t n)
{
	if (e->cap - e->len < n) {
		size_t cap = e->cap * 2 > e->len + n ? e->cap * 2 : e->len + n;
		char *buf = arena_alloc(e->arena, cap);
		if (e->len > 0)
			memcpy(buf, e->buf, e->len);
		e->buf = buf;
		e->cap = cap;
	}
	return e->buf + e->len;
}

static void put(struct encoder *e, const char *text, size_t len)
{
	memcpy(room(e, len), text, len);
	e->len += len;
}

static void put_text(struct encoder *e, const char *text)
{
	put(e, text, strlen(text));
}

static void put_quoted(struct encoder *e, const char *text, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	char *out = room(e, len * 6 + 2), *p = out; /* \u0000 is the longest escape */

	*p++ = '"';
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c == '"' || c == '\\') {
			*p++ = '\\';
			*p++ = (char)c;
		} else if (c < 0x20 || c == 0x7f) {
			memcpy(p, "\\u00", 4);
			p[4] = hex[c >> 4];
			p[5] = hex[c & 15];
			p += 6;
		} else {
			*p++ = (char)c;
		}
	}
	*p++ = '"';
	e->len += (size_t)(p - out);
}

static void put_int(struct encoder *e, int64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, v);
	put_text(e, text);
}

static void put_uint(struct encoder *e, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, v);
	put_text(e, text);
}

static bool put_string(struct encoder *e, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (!utf8_valid(text, len))
		return err_set(e->err, ERR_INTERNAL, "a text to send is not UTF-8");
	put_quoted(e, text, len);
	return true;
}

static void put_bytes(struct encoder *e, const ProtobufCBinaryData *b)
{
	char *p = room(e, BASE64_ENCODED_LEN(b->len) + 2);

	*p = '"';
	base64_encode(p + 1, b->data, b->len);
	p[BASE64_ENCODED_LEN(b->len) + 1] = '"';
	e->len += BASE64_ENCODED_LEN(b->len) + 2;
}

static void put_enum(struct encoder *e, const ProtobufCEnumDescriptor *desc, int v)
{
	const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(desc, v);

	if (!value) {
		put_int(e, v);
		return;
	}
	put_quoted(e, value->name, strlen(value->name));
}

static bool put_timestamp(struct encoder *e, const ProtobufCMessage *msg)
{
	const Google__Protobuf__Timestamp *t = (const Google__Protobuf__Timestamp *)msg;
	char text[TIMESTAMP_CAP];

	if (!timestamp_format(text, t->seconds, t->nanos))
		return err_set(e->err, ERR_INTERNAL, "a time to send is out of range");
	put_quoted(e, text, strlen(text));
	return true;
}

static bool put_submessage(struct encoder *e, const ProtobufCFieldDescriptor *f, const void *slot,
			   unsigned depth)
{
	const ProtobufCMessage *msg;

	memcpy(&msg, slot, sizeof(msg));
	if (!msg) {
		put_text(e, "null");
		return true;
	}
	return field_is_timestamp(f) ? put_timestamp(e, msg) : encode_message(e, msg, depth + 1);
}

static bool encode_value(struct encoder *e, const ProtobufCFieldDescriptor *f, const void *slot,
			 unsigned depth)
{
	union {
		int32_t i32;
		uint32_t u32;
		int64_t i64;
		uint64_t u64;
		protobuf_c_boolean b;
		int en;
		const char *text;
		ProtobufCBinaryData bytes;
	} v;

	memcpy(&v, slot, field_value_size(f));
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		return put_string(e, v.text);
	case PROTOBUF_C_TYPE_MESSAGE:
		return put_submessage(e, f, slot, depth);
	case PROTOBUF_C_TYPE_BYTES:
		put_bytes(e, &v.bytes);
		return true;
	case PROTOBUF_C_TYPE_ENUM:
		put_enum(e, f->descriptor, v.en);
		return true;
	case PROTOBUF_C_TYPE_BOOL:
		put_text(e, v.b ? "true" : "false");
		return true;
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		put_int(e, v.i32);
		return true;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		put_uint(e, v.u32);
		return true;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		put_text(e, "\"");
		put_uint(e, v.u64);
		put_text(e, "\"");
		return true;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		put_text(e, "\"");
		put_int(e, v.i64);
		put_text(e, "\"");
		return true;
	default: /* floating point, which the generator refuses */
		return err_set(e->err, ERR_INTERNAL, "a field has no JSON form");
	}
}

/* Whether a secret field holds anything: bytes or text of length 0 do not. */
static bool holds_something(const ProtobufCFieldDescriptor *f, const void *slot)
{
	ProtobufCBinaryData bytes;
	const char *text;

	if (f->type == PROTOBUF_C_TYPE_BYTES) {
		memcpy(&bytes, slot, sizeof(bytes));
		return bytes.len > 0;
	}
	if (f->type == PROTOBUF_C_TYPE_STRING) {
		memcpy(&text, slot, sizeof(text));
		return text && *text;
	}
	return true;
}

static bool encode_field(struct encoder *e, const ProtobufCMessage *msg,
			 const ProtobufCFieldDescriptor *f, const void *slot, unsigned depth)
{
	const uint8_t *list;
	size_t n;

	if (e->masked && api_field_is_secret(msg->descriptor, f->id) &&
	    (f->label == PROTOBUF_C_LABEL_REPEATED || holds_something(f, slot))) {
		put_text(e, "\"(hidden)\"");
		return true;
	}
	if (f->label != PROTOBUF_C_LABEL_REPEATED)
		return encode_value(e, f, slot, depth);
	list = field_list(msg, f, &n);
	put_text(e, "[");
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			put_text(e, ",");
		if (!encode_value(e, f, list + i * field_value_size(f), depth))
			return false;
	}
	put_text(e, "]");
	return true;
}

static bool encode_message(struct encoder *e, const ProtobufCMessage *msg, unsigned depth)
{
	bool first = true;

	if (depth > API_DEPTH_MAX)
		return err_set(e->err, ERR_INTERNAL, "an answer is nested too deep");
	put_text(e, "{");
	for (unsigned i = 0; i < msg->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &msg->descriptor->fields[i];
		bool set;
		const void *slot = field_get(msg, f, &set);

		if (!set)
			continue;
		if (!first)
			put_text(e, ",");
		first = false;
		put_quoted(e, f->name, strlen(f->name));
		put_text(e, ":");
		if (!encode_field(e, msg, f, slot, depth))
			return false;
	}
	put_text(e, "}");
	return true;
}

static bool encode(const ProtobufCMessage *msg, bool masked, struct arena *arena, char **text,
		   size_t *len, struct err *err)
{
	struct encoder e = {.arena = arena, .err = err, .masked = masked};

	room(&e, 256);
	if (!encode_message(&e, msg, 1))
		return false;
	put(&e, "", 1);
	*text = e.buf;
	*len = e.len - 1;
	return true;
}

bool api_json_encode(const ProtobufCMessage *msg, struct arena *arena, char **text, size_t *len,
		     struct err *err)
{
	return encode(msg, false, arena, text, len, err);
}

bool api_json_encode_masked(const ProtobufCMessage *msg, struct arena *arena, char **text,
			    size_t *len, struct err *err)
{
	return encode(msg, true, arena, text, len, err);
}

void api_json_error(const struct err *why, struct arena *arena, char **text, size_t *len)
{
	struct encoder e = {.arena = arena};
	const char *say = why->text[0] ? why->text : err_row(why->code)->text;

	if (!utf8_valid(say, strlen(say)))
		say = err_row(why->code)->text;
	put_text(&e, "{\"error\":");
	put_quoted(&e, say, strlen(say));
	put_text(&e, ",\"code\":");
	put_int(&e, err_row(why->code)->grpc);
	put_text(&e, ",\"message\":");
	put_quoted(&e, say, strlen(say));
	put_text(&e, ",\"details\":[]}");
	put(&e, "", 1);
	*text = e.buf;
	*len = e.len - 1;
}
