#define _GNU_SOURCE /* explicit_bzero */
#include "api/json.h"

#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "api/field.h"
#include "api/scalar.h"

struct decoder {
	struct arena *arena;
	struct err *err;
	char path[128]; /* where we are, cut when longer: it is only for errors */
};

static bool decode_message(struct decoder *d, ProtobufCMessage *msg, const json_t *json);

/*
 * The parser recurses once for each level, so the depth is counted on the
 * text before it: a few bytes a level must not buy a stack frame each.
 */
static bool too_deep(const char *text, size_t len)
{
	unsigned depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (in_string)
			continue;
		else if ((c == '{' || c == '[') && ++depth > API_DEPTH_MAX)
			return true;
		else if ((c == '}' || c == ']') && depth > 0)
			depth--;
	}
	return false;
}

static bool wants(struct decoder *d, const char *what)
{
	return err_set(d->err, ERR_INVALID, "%s: has to be %s", d->path, what);
}

/* Go one name deeper; returns the length to go back to. */
__attribute__((format(printf, 2, 3))) static size_t enter(struct decoder *d, const char *fmt, ...)
{
	size_t before = strlen(d->path);
	va_list args;

	va_start(args, fmt);
	vsnprintf(d->path + before, sizeof(d->path) - before, fmt, args);
	va_end(args);
	return before;
}

static bool decode_real(struct decoder *d, const ProtobufCFieldDescriptor *f, void *slot, double v)
{
	const char *want;

	/* Beyond 2^53 a double no longer says which whole number was meant. */
	if (!(v >= -9007199254740992.0 && v <= 9007199254740992.0) || v != (double)(int64_t)v)
		return wants(d, "a whole number");
	want = field_from_int64(slot, f, (int64_t)v);
	return !want || wants(d, want);
}

static bool is_integer(const ProtobufCFieldDescriptor *f)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_BOOL:
	case PROTOBUF_C_TYPE_ENUM:
	case PROTOBUF_C_TYPE_MESSAGE:
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
		return false;
	default:
		return true;
	}
}

static const char *wanted_form(const ProtobufCFieldDescriptor *f)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		return "a string";
	case PROTOBUF_C_TYPE_BYTES:
		return "a base64 string";
	case PROTOBUF_C_TYPE_BOOL:
		return "true or false";
	case PROTOBUF_C_TYPE_ENUM:
		return "the name of a value";
	case PROTOBUF_C_TYPE_MESSAGE:
		return field_is_timestamp(f) ? "an RFC 3339 time" : "an object";
	default:
		return "a whole number";
	}
}

/* An enum's number goes through its text, where the known values are looked up. */
static const char *enum_from_number(const ProtobufCFieldDescriptor *f, void *slot, json_int_t v,
				    struct arena *arena)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, v);

	return field_from_text(slot, f, text, (size_t)n, arena);
}

static bool decode_value(struct decoder *d, const ProtobufCFieldDescriptor *f, void *slot,
			 const json_t *json)
{
	const char *want = wanted_form(f);

	if (json_is_string(json) && f->type != PROTOBUF_C_TYPE_BOOL &&
	    (f->type != PROTOBUF_C_TYPE_MESSAGE || field_is_timestamp(f)))
		want = field_from_text(slot, f, json_string_value(json), json_string_length(json),
				       d->arena);
	else if (json_is_integer(json) && is_integer(f))
		want = field_from_int64(slot, f, json_integer_value(json));
	else if (json_is_real(json) && is_integer(f))
		return decode_real(d, f, slot, json_real_value(json));
	else if (json_is_integer(json) && f->type == PROTOBUF_C_TYPE_ENUM)
		want = enum_from_number(f, slot, json_integer_value(json), d->arena);
	else if (json_is_boolean(json) && f->type == PROTOBUF_C_TYPE_BOOL) {
		memcpy(slot, &(protobuf_c_boolean){json_is_true(json)}, sizeof(protobuf_c_boolean));
		want = NULL;
	} else if (json_is_object(json) && f->type == PROTOBUF_C_TYPE_MESSAGE &&
		   !field_is_timestamp(f))
		return decode_message(d, field_message(slot, f, d->arena), json);
	return !want || wants(d, want);
}

static bool decode_list(struct decoder *d, ProtobufCMessage *msg, const ProtobufCFieldDescriptor *f,
			const json_t *json)
{
	size_t n = json_array_size(json);
	uint8_t *slots;

	if (!json_is_array(json))
		return wants(d, "a list");
	slots = field_append(msg, f, n, d->arena);
	for (size_t i = 0; i < n; i++) {
		size_t back = enter(d, "[%zu]", i);
		if (!decode_value(d, f, slots + i * field_value_size(f), json_array_get(json, i)))
			return false;
		d->path[back] = 0;
	}
	return true;
}

static bool decode_field(struct decoder *d, ProtobufCMessage *msg,
			 const ProtobufCFieldDescriptor *f, const json_t *json)
{
	void *slot;

	if (json_is_null(json))
		return true;
	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return decode_list(d, msg, f, json);
	slot = field_set(msg, f);
	if (!slot)
		return err_set(d->err, ERR_INVALID, "%s: another field of its group is given",
			       d->path);
	return decode_value(d, f, slot, json);
}

static bool decode_message(struct decoder *d, ProtobufCMessage *msg, const json_t *json)
{
	for (unsigned i = 0; i < msg->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &msg->descriptor->fields[i];
		const json_t *value = json_object_get(json, f->name);
		size_t back;

		if (!value)
			continue;
		back = enter(d, "%s%s", d->path[0] ? "." : "", f->name);
		if (!decode_field(d, msg, f, value))
			return false;
		d->path[back] = 0;
	}
	return true;
}

/*
 * Bodies hold keys, and the parser keeps copies of what it reads: so all its
 * memory is wiped when it is released. The size is asked of malloc, so that
 * memory the parser took before this was installed is released as well.
 */
static void wiping_free(void *p)
{
	if (p)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

static void install_wiping(void)
{
	json_set_alloc_funcs(malloc, wiping_free);
}

bool api_json_merge(ProtobufCMessage *msg, const char *text, size_t len, struct arena *arena,
		    struct err *err)
{
	struct decoder d = {arena, err, ""};
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	json_error_t why;
	json_t *json;
	bool ok;

	if (too_deep(text, len))
		return err_set(err, ERR_INVALID, "JSON nested deeper than %d levels",
			       API_DEPTH_MAX);
	pthread_once(&once, install_wiping);
	json = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
	if (!json) /* its own text can quote the input, which can be a key */
		return err_set(err, ERR_INVALID, "bad JSON at line %d, column %d", why.line,
			       why.column);
	ok = json_is_object(json) || err_set(err, ERR_INVALID, "JSON has to be an object");
	ok = ok && decode_message(&d, msg, json);
	json_decref(json);
	return ok;
}

bool api_json_decode(const ProtobufCMessageDescriptor *desc, const char *text, size_t len,
		     struct arena *arena, ProtobufCMessage **out, struct err *err)
{
	*out = api_message_new(desc, arena);
	return api_json_merge(*out, text, len, arena, err);
}
