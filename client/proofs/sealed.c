/*
 * The sealed store over a store, and beside a counter, that may fail at each call and give
 * anything. The length of the state in the header is given, and then any; with that all
 * places in chunks are met.
 */
#include <string.h>

#include "any.h"
#include "e4/store_sealed.h"

#define MAX_LEN 130 /* two chunks and two bytes */

static size_t stored_len;
static uint32_t state_len; /* in the header; 0: anything */

static bool save_begin(void *ctx, size_t len)
{
	(void)ctx;
	(void)len;
	return any_bool();
}

static bool save_write(void *ctx, const void *bytes, size_t len)
{
	(void)ctx;
	is_read(bytes, len);
	return any_bool();
}

static bool save_commit(void *ctx)
{
	(void)ctx;
	return any_bool();
}

static bool load_begin(void *ctx, size_t *len)
{
	(void)ctx;
	*len = stored_len;
	return any_bool();
}

static bool load_read(void *ctx, void *out, size_t len)
{
	(void)ctx;
	is_written(out, len);
	if (len == E4_SEALED_HEADER && state_len > 0)
		for (int i = 0; i < 4; i++)
			((uint8_t *)out)[8 + i] = (uint8_t)(state_len >> 8 * i);
	return any_bool();
}

static bool get(void *ctx, uint32_t *value)
{
	(void)ctx;
	is_written(value, sizeof *value);
	return any_bool();
}

static bool set(void *ctx, uint32_t value)
{
	(void)ctx;
	(void)value;
	return any_bool();
}

static const struct e4_store below = {NULL, save_begin, save_write, save_commit, load_begin,
				      load_read};
static const struct e4_sealed_counter counter = {NULL, get, set};

static void save(const struct e4_store *s, size_t len, size_t step)
{
	uint8_t bytes[MAX_LEN];

	any(bytes, sizeof bytes);
	s->save_begin(s->ctx, len);
	for (size_t n; len > 0; len -= n) {
		n = len < step ? len : step;
		s->save_write(s->ctx, bytes + MAX_LEN - n, n);
	}
	if (any_bool())
		s->save_write(s->ctx, bytes, 1); /* too much */
	s->save_commit(s->ctx);
}

static void load(const struct e4_store *s, size_t step)
{
	uint8_t bytes[MAX_LEN];
	size_t len;

	s->load_begin(s->ctx, &len);
	for (size_t at = 0; at < MAX_LEN + step; at += step)
		if (s->load_read(s->ctx, bytes + MAX_LEN - step, step))
			is_read(bytes + MAX_LEN - step, step);
}

static void use(const struct e4_sealed_counter *with, size_t len, size_t step)
{
	struct e4_store_sealed sealed;
	uint8_t key[32];
	struct e4_store s;

	any(key, sizeof key);
	if (e4_store_sealed_open(&sealed, &below, key, with) != E4_OK)
		return;
	s = e4_store_sealed_functions(&sealed);
	state_len = (uint32_t)len;
	stored_len = E4_SEALED_LEN(len);
	load(&s, step);
	save(&s, len, step);
	load(&s, step);
	save(&s, len, step);
	e4_store_sealed_close(&sealed);
}

/* A header of anything, and less than one. */
static void use_other(size_t stored)
{
	struct e4_store_sealed sealed;
	uint8_t key[32], byte;
	struct e4_store s;
	size_t len;

	any(key, sizeof key);
	if (e4_store_sealed_open(&sealed, &below, key, any_bool() ? &counter : NULL) != E4_OK)
		return;
	s = e4_store_sealed_functions(&sealed);
	state_len = 0;
	stored_len = stored;
	s.load_begin(s.ctx, &len);
	s.load_read(s.ctx, &byte, 1);
	s.save_begin(s.ctx, 0);
	s.save_begin(s.ctx, len);
	e4_store_sealed_close(&sealed);
}

int main(void)
{
	for (size_t len = 1; len <= MAX_LEN; len += len == 1 || len == 65 ? 62 : len == 63 ? 2 : 1) {
		use(NULL, len, 7);
		use(&counter, len, 65);
	}
	for (size_t stored = 0; stored <= 100; stored++)
		use_other(stored);
	end();
	return 0;
}
