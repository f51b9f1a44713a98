/* What the parts of the vector runner share. */
#ifndef CLIENT_TESTS_VECTORS_H
#define CLIENT_TESTS_VECTORS_H

#include <jansson.h>
#include <stdio.h>

#include "fixture.h"

struct bytes {
	uint8_t *data; /* exactly len bytes on the heap, so that a sanitizer sees each overrun */
	size_t len;
};

/* Why a case failed: the first reason is kept. */
struct verdict {
	const char *file;
	int index;
	const char *dir;
	bool failed;
};

/* Print the reason, once per case; always false. */
bool verdict_fail(struct verdict *v, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Member name as bytes; a missing or malformed one fails the case and is empty. */
struct bytes vector_hex(struct verdict *v, const json_t *object, const char *name);
const char *vector_text(struct verdict *v, const json_t *object, const char *name);
uint64_t vector_number(struct verdict *v, const json_t *object, const char *name);
bool vector_bool(struct verdict *v, const json_t *object, const char *name);

/* True if member name is exactly these bytes; else the case fails. */
bool vector_same(struct verdict *v, const json_t *object, const char *name, const void *bytes,
		 size_t len);

const struct e4_mode *vector_mode(struct verdict *v, const json_t *object);

/* A device from a Go client's state text, at a clock. */
bool vector_device(struct verdict *v, struct device *d, const json_t *object, const char *state);

/* Compare the client with a normalized state. */
bool vector_state(struct verdict *v, const struct device *d, const json_t *norm);

/* One runner per file: true if the case holds. */
bool run_hash(struct verdict *v, const json_t *c);
bool run_sym_protect(struct verdict *v, const json_t *c);
bool run_pub_protect(struct verdict *v, const json_t *c);
bool run_c2_shared(struct verdict *v, const json_t *c);
bool run_commands(struct verdict *v, const json_t *c);
bool run_messages(struct verdict *v, const json_t *c);
bool run_key_transition(struct verdict *v, const json_t *c);
bool run_state_files(struct verdict *v, const json_t *c);
bool run_password(struct verdict *v, const json_t *c);
bool run_keygen(struct verdict *v, const json_t *c);
bool run_libe4_store(struct verdict *v, const json_t *c);

#endif
