/*
 * A place in a byte string that is read or written front to back. An error
 * sticks: a step that does not fit changes nothing, gives null, and so does
 * every later one. So a decoder reads all its fields and asks once at the
 * end, with e4_cursor_end(), whether all went well and no byte is left.
 */
#ifndef E4_SRC_CURSOR_H
#define E4_SRC_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct e4_cursor {
	const uint8_t *at;
	size_t left;
	bool failed;
};

static inline void e4_cursor_init(struct e4_cursor *c, const uint8_t *in, size_t len)
{
	c->at = in;
	c->left = len;
	c->failed = false;
}

/* The next len bytes, or null. */
static inline const uint8_t *e4_cursor_take(struct e4_cursor *c, size_t len)
{
	const uint8_t *p = c->at;

	if (c->failed || len > c->left) {
		c->failed = true;
		return NULL;
	}
	if (len > 0)
		c->at += len;
	c->left -= len;
	return p;
}

static inline bool e4_cursor_end(const struct e4_cursor *c)
{
	return !c->failed && c->left == 0;
}

#endif
