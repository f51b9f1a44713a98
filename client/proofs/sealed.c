/*
 * The sealed store over a store, and beside a counter, that may fail at each call and give
 * anything. The length of the state in the header is given, and then any; with that all
 * places in chunks are met.
 */
#include <string.h>

#include "any_store.h"
#include "e4/store_sealed.h"

#define MAX_LEN 130 /* two chunks and two bytes */

static size_t stored_len;
static uint32_t state_len; /* in the header; 0: anything */

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

static const struct e4_store below = {NULL,        save_begin, save_write,
				      save_commit, load_begin, load_read};
static const struct e4_sealed_counter counter = {NULL, get, set};

/* Returns as soon as something fails; in the end too much is written, or less than announced. */
static void save(const struct e4_store *s, size_t len, size_t step)
{
	uint8_t bytes[MAX_LEN];

	any(bytes, sizeof bytes);
	if (!s->save_begin(s->ctx, len))
		return;
	for (size_t n, left = len; left > 0; left -= n) {
		n = left < step ? left : step;
		if (left < len && any_bool())
			break;
		if (!s->save_write(s->ctx, bytes + MAX_LEN - n, n))
			return;
	}
	if (any_bool())
		s->save_write(s->ctx, bytes, step + 1);
	s->save_commit(s->ctx);
}

static void load(const struct e4_store *s, size_t step)
{
	uint8_t bytes[MAX_LEN];
	size_t len;

	if (!s->load_begin(s->ctx, &len))
		return;
	for (size_t at = 0; at < MAX_LEN + step; at += step) {
		if (!s->load_read(s->ctx, bytes + MAX_LEN - step, step))
			return;
		is_read(bytes + MAX_LEN - step, step);
	}
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
	static const uint8_t lens[] = {1, 63, 64, 65, MAX_LEN};

	for (size_t i = 0; i < sizeof lens; i++) {
		use(NULL, lens[i], 13);
		use(&counter, lens[i], 65);
	}
	for (size_t stored = 0; stored <= 100; stored += 3)
		use_other(stored);
	end();
	return 0;
}
