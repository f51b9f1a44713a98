/* Vector files: an array of cases, bytes as lower-case hex. */
#ifndef CLIENT_TESTS_CRYPTO_JSON_H
#define CLIENT_TESTS_CRYPTO_JSON_H

#include <jansson.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bytes {
	uint8_t *data; /* exactly len bytes on the heap, so that ASan sees each overrun */
	size_t len;
};

static inline int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	fprintf(stderr, "not a hex digit: '%c'\n", c);
	exit(2);
}

/* The bytes of member `name`; free them with free(b.data). A missing member ends the test. */
static inline struct bytes json_hex(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	if (!text || strlen(text) % 2 != 0) {
		fprintf(stderr, "vector without hex member %s\n", name);
		exit(2);
	}
	struct bytes b = {NULL, strlen(text) / 2};
	b.data = malloc(b.len ? b.len : 1);
	if (!b.data)
		exit(2);
	for (size_t i = 0; i < b.len; i++)
		b.data[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
	return b;
}

static inline const char *json_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "";
}

/* A file below protocol/; ends the test if it cannot be read. */
static inline json_t *json_load_vectors(const char *path)
{
	const char *dir = getenv("E4_PROTOCOL_DIR");
	char full[1024];
	json_error_t error;
	snprintf(full, sizeof full, "%s/%s", dir ? dir : "protocol", path);
	json_t *root = json_load_file(full, 0, &error);
	if (!root) {
		fprintf(stderr, "%s: %s\n", full, error.text);
		exit(2);
	}
	return root;
}

/* Run every case of a file of protocol/vectors; returns how many there were. */
static inline size_t json_each_case(const char *path, void (*run)(const json_t *c))
{
	json_t *root = json_load_vectors(path);
	const json_t *cases = json_object_get(root, "cases");
	size_t n = json_array_size(cases);
	for (size_t i = 0; i < n; i++)
		run(json_array_get(cases, i));
	json_decref(root);
	return n;
}

#endif
