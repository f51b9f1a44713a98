#include "api/message.h"

#include <string.h>

#include "api/field.h"
#include "api/method.h"
#include "api/scalar.h"

ProtobufCMessage *api_message_new(const ProtobufCMessageDescriptor *desc, struct arena *arena)
{
	ProtobufCMessage *msg = arena_alloc(arena, desc->sizeof_message);

	protobuf_c_message_init(desc, msg);
	return msg;
}

bool api_field_is_secret(const ProtobufCMessageDescriptor *desc, unsigned number)
{
	for (size_t i = 0; i < api_n_secret_fields; i++)
		if (api_secret_fields[i].message == desc && api_secret_fields[i].number == number)
			return true;
	return false;
}

/* The binary form, read far enough to check what protobuf-c does not. */

struct wire {
	const uint8_t *p, *end;
	size_t *fields_left;
	bool bad; /* sticky */
};

static uint64_t wire_varint(struct wire *w)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (w->p == w->end)
			break;
		v |= (uint64_t)(*w->p & 0x7f) << shift;
		if (!(*w->p++ & 0x80))
			return v;
	}
	w->bad = true;
	return 0;
}

static const uint8_t *wire_bytes(struct wire *w, uint64_t n)
{
	const uint8_t *p = w->p;

	if (w->bad || n > (uint64_t)(w->end - w->p)) {
		w->bad = true;
		return NULL;
	}
	w->p += n;
	return p;
}

static bool check_wire(const ProtobufCMessageDescriptor *desc, struct wire *w, unsigned depth,
		       struct err *err);

/* A length-delimited value of a field that may be unknown (f is null then). */
static bool check_wire_value(const ProtobufCFieldDescriptor *f, const uint8_t *p, size_t n,
			     struct wire *w, unsigned depth, struct err *err)
{
	struct wire inner = {p, p + n, w->fields_left, false};

	if (f && f->type == PROTOBUF_C_TYPE_STRING && !utf8_valid((const char *)p, n))
		return err_set(err, ERR_INVALID, "%s: not UTF-8, or with a zero character",
			       f->name);
	if (f && f->type == PROTOBUF_C_TYPE_MESSAGE) {
		if (!check_wire(f->descriptor, &inner, depth + 1, err))
			return false;
	}
	return true;
}

static bool check_wire_field(const ProtobufCMessageDescriptor *desc, struct wire *w, unsigned depth,
			     struct err *err)
{
	uint64_t tag = wire_varint(w), n;
	const uint8_t *p;

	if (w->bad || tag >> 3 == 0 || tag > UINT32_MAX || (*w->fields_left)-- == 0) {
		w->bad = true;
		return true;
	}
	switch (tag & 7) {
	case PROTOBUF_C_WIRE_TYPE_VARINT:
		wire_varint(w);
		return true;
	case PROTOBUF_C_WIRE_TYPE_64BIT:
		wire_bytes(w, 8);
		return true;
	case PROTOBUF_C_WIRE_TYPE_32BIT:
		wire_bytes(w, 4);
		return true;
	case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
		n = wire_varint(w);
		p = wire_bytes(w, n);
		if (!p)
			return true;
		return check_wire_value(
			protobuf_c_message_descriptor_get_field(desc, (unsigned)(tag >> 3)), p,
			(size_t)n, w, depth, err);
	default: /* groups are of proto2 */
		w->bad = true;
		return true;
	}
}

static bool check_wire(const ProtobufCMessageDescriptor *desc, struct wire *w, unsigned depth,
		       struct err *err)
{
	if (depth > API_DEPTH_MAX)
		return err_set(err, ERR_INVALID, "message nested too deep");
	while (w->p < w->end && !w->bad)
		if (!check_wire_field(desc, w, depth, err))
			return false;
	if (w->bad)
		return err_set(err, ERR_INVALID, "malformed message");
	return true;
}

static void *unpack_alloc(void *arena, size_t len)
{
	return arena_alloc(arena, len);
}

static void unpack_free(void *arena, void *p)
{
	(void)arena; /* the arena releases all at once */
	(void)p;
}

bool api_unpack(const ProtobufCMessageDescriptor *desc, const uint8_t *bytes, size_t len,
		struct arena *arena, ProtobufCMessage **out, struct err *err)
{
	ProtobufCAllocator allocator = {unpack_alloc, unpack_free, arena};
	size_t fields_left = API_WIRE_FIELDS_MAX;
	struct wire w = {bytes, bytes + len, &fields_left, false};

	if (len == 0) { /* bytes may be null then */
		*out = api_message_new(desc, arena);
		return true;
	}
	if (!check_wire(desc, &w, 1, err))
		return false;
	*out = protobuf_c_message_unpack(desc, &allocator, len, bytes);
	if (!*out)
		return err_set(err, ERR_INVALID, "malformed message");
	return true;
}

void api_pack(const ProtobufCMessage *msg, struct arena *arena, uint8_t **bytes, size_t *len)
{
	*len = protobuf_c_message_get_packed_size(msg);
	*bytes = arena_alloc(arena, *len);
	protobuf_c_message_pack(msg, *bytes);
}

static bool validate(const ProtobufCMessage *msg, unsigned depth, struct err *err);

static bool validate_value(const void *slot, const ProtobufCFieldDescriptor *f, unsigned depth,
			   struct err *err)
{
	const char *text;
	const ProtobufCMessage *msg;

	if (f->type == PROTOBUF_C_TYPE_STRING) {
		memcpy(&text, slot, sizeof(text));
		if (text && !utf8_valid(text, strlen(text)))
			return err_set(err, ERR_INVALID, "%s: not UTF-8", f->name);
	} else if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
		memcpy(&msg, slot, sizeof(msg));
		if (msg && !validate(msg, depth + 1, err))
			return err_wrap(err, "%s", f->name);
	}
	return true;
}

static bool validate_field(const ProtobufCMessage *msg, const ProtobufCFieldDescriptor *f,
			   unsigned depth, struct err *err)
{
	const uint8_t *slot;
	size_t n;
	bool set;

	if (f->label != PROTOBUF_C_LABEL_REPEATED) {
		slot = field_get(msg, f, &set);
		return !set || validate_value(slot, f, depth, err);
	}
	slot = field_list(msg, f, &n);
	for (size_t i = 0; i < n; i++)
		if (!validate_value(slot + i * field_value_size(f), f, depth, err))
			return false;
	return true;
}

static bool validate(const ProtobufCMessage *msg, unsigned depth, struct err *err)
{
	if (depth > API_DEPTH_MAX)
		return err_set(err, ERR_INVALID, "message nested too deep");
	for (unsigned i = 0; i < msg->descriptor->n_fields; i++)
		if (!validate_field(msg, &msg->descriptor->fields[i], depth, err))
			return false;
	return true;
}

bool api_validate(const ProtobufCMessage *msg, struct err *err)
{
	return validate(msg, 1, err);
}

/* Follow a dotted path to its last name, making the messages on the way. */
static ProtobufCMessage *walk(ProtobufCMessage *msg, const char **path, struct arena *arena)
{
	char name[64];
	const char *dot;

	while ((dot = strchr(*path, '.'))) {
		const ProtobufCFieldDescriptor *f;
		void *slot;
		size_t len = (size_t)(dot - *path);

		if (len >= sizeof(name))
			return NULL;
		memcpy(name, *path, len);
		name[len] = 0;
		f = protobuf_c_message_descriptor_get_field_by_name(msg->descriptor, name);
		if (!f || f->type != PROTOBUF_C_TYPE_MESSAGE || field_is_timestamp(f) ||
		    f->label == PROTOBUF_C_LABEL_REPEATED || !(slot = field_set(msg, f)))
			return NULL;
		msg = field_message(slot, f, arena);
		*path = dot + 1;
	}
	return msg;
}

bool api_set_field(ProtobufCMessage *msg, const char *path, const char *text, size_t len,
		   struct arena *arena, bool *found, struct err *err)
{
	const char *name = path, *wants;
	const ProtobufCFieldDescriptor *f = NULL;
	void *slot;

	msg = walk(msg, &name, arena);
	if (msg)
		f = protobuf_c_message_descriptor_get_field_by_name(msg->descriptor, name);
	if (found)
		*found = f;
	if (!f)
		return err_set(err, ERR_INVALID, "no such field");
	slot = f->label == PROTOBUF_C_LABEL_REPEATED ? field_append(msg, f, 1, arena)
						     : field_set(msg, f);
	if (!slot)
		return err_set(err, ERR_INVALID, "%s: another field of its group is given", path);
	wants = field_from_text(slot, f, text, len, arena);
	if (wants)
		return err_set(err, ERR_INVALID, "%s: has to be %s", path, wants);
	return true;
}
