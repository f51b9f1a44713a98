/* States sealed chunk by chunk on their way to another store. */
#include "e4/store_sealed.h"

#include <string.h>

#include "../src/crypto/bytes.h"
#include "../src/declassify.h"

#define CHUNK E4_SEALED_CHUNK
#define TAG E4_SIV_TAG_LEN
#define AD_LEN 32

enum { IDLE, LOADING, SAVING };

/* Bytes of the chunk that comes next: less than a whole one only at the end. */
static uint8_t chunk_len(const struct e4_store_sealed *s)
{
	uint32_t left = s->len - s->done;

	return (uint8_t)(left < CHUNK ? left : CHUNK);
}

/* s->done is where this chunk starts. */
static void chunk_ad(const struct e4_store_sealed *s, uint8_t ad[AD_LEN])
{
	e4_store32(ad, s->generation);
	e4_store32(ad + 4, s->len);
	e4_store32(ad + 8, s->done);
	e4_store32(ad + 12, s->len - s->done <= CHUNK ? CHUNK | 0x8000u : CHUNK);
	memcpy(ad + 16, s->tag, TAG);
}

static void begin(struct e4_store_sealed *s, uint8_t doing)
{
	s->doing = doing;
	s->done = 0;
	s->n_plain = s->at = 0;
	memset(s->tag, 0, sizeof s->tag);
	e4_wipe(s->buf, sizeof s->buf);
}

/*
 * The header of what is stored. *found says whether it is one; then generation
 * and len are set. False: the store below cannot be read.
 */
static bool read_header(struct e4_store_sealed *s, size_t *stored, bool *found)
{
	uint8_t h[E4_SEALED_HEADER];

	*found = false;
	if (!s->below.load_begin(s->below.ctx, stored))
		return *stored == 0;
	if (*stored < sizeof h) {
		*stored = 1; /* something, and not ours */
		return true;
	}
	if (!s->below.load_read(s->below.ctx, h, sizeof h))
		return false;
	s->generation = e4_load32(h + 4);
	s->len = e4_load32(h + 8);
	*found = memcmp(h, "E4S1", 4) == 0;
	return true;
}

/* --- Saving ------------------------------------------------------------------------ */

static bool next_generation(struct e4_store_sealed *s)
{
	uint32_t counter = 0;
	size_t stored;
	bool found;

	if (!read_header(s, &stored, &found))
		return false;
	if (s->counter.get) {
		/* Not the header: nobody must be able to drive the counter to its end. */
		if (!s->counter.get(s->counter.ctx, &counter))
			return false;
	} else if (found) {
		counter = s->generation;
	}
	if (counter > s->highest)
		s->highest = counter;
	s->generation = ++s->highest; /* not again, even if this save fails */
	return true;
}

static bool save_begin(void *ctx, size_t len)
{
	struct e4_store_sealed *s = ctx;
	uint8_t h[E4_SEALED_HEADER];

	begin(s, IDLE);
	if (len == 0 || len > E4_SEALED_MAX)
		return false;
	if (!next_generation(s))
		return false;
	s->len = (uint32_t)len;
	memcpy(h, "E4S1", 4);
	e4_store32(h + 4, s->generation);
	e4_store32(h + 8, s->len);
	if (!s->below.save_begin(s->below.ctx, E4_SEALED_LEN(len)) ||
	    !s->below.save_write(s->below.ctx, h, sizeof h))
		return false;
	s->doing = SAVING;
	return true;
}

static bool seal_chunk(struct e4_store_sealed *s)
{
	uint8_t ad[AD_LEN], n = s->n_plain;

	chunk_ad(s, ad);
	e4_siv_seal(&s->key, s->buf, ad, sizeof ad, s->buf + TAG, n);
	memcpy(s->tag, s->buf, TAG);
	s->done += n;
	s->n_plain = 0;
	return s->below.save_write(s->below.ctx, s->buf, (size_t)TAG + n);
}

static bool give_up(struct e4_store_sealed *s)
{
	begin(s, IDLE);
	return false;
}

static bool save_write(void *ctx, const void *bytes, size_t len)
{
	struct e4_store_sealed *s = ctx;
	const uint8_t *in = bytes;

	if (s->doing != SAVING || len > s->len - s->done - s->n_plain)
		return give_up(s);
	while (len-- > 0) {
		s->buf[TAG + s->n_plain++] = *in++;
		if (s->n_plain == chunk_len(s) && !seal_chunk(s))
			return give_up(s);
	}
	return true;
}

static bool save_commit(void *ctx)
{
	struct e4_store_sealed *s = ctx;
	bool ok = s->doing == SAVING && s->done == s->len && s->below.save_commit(s->below.ctx);

	begin(s, IDLE);
	if (ok && s->counter.set)
		s->counter.set(s->counter.ctx, s->generation);
	return ok;
}

/* --- Loading ------------------------------------------------------------------------ */

/* Not older than the platform's counter, which follows. False: the counter failed. */
static bool is_fresh(struct e4_store_sealed *s, bool *fresh)
{
	uint32_t counter;

	*fresh = true;
	if (!s->counter.get)
		return true;
	if (!s->counter.get(s->counter.ctx, &counter))
		return false;
	*fresh = s->generation >= counter;
	return true;
}

static bool load_begin(void *ctx, size_t *len)
{
	struct e4_store_sealed *s = ctx;
	size_t stored = 0;
	bool found, fresh;

	begin(s, IDLE);
	*len = 1; /* unreadable, unless shown otherwise */
	s->authentic = true;
	if (!read_header(s, &stored, &found) || !is_fresh(s, &fresh))
		return false;
	if (stored == 0) {
		*len = 0;
		return false;
	}
	/* One byte is no state, so E4_ERR_CORRUPT. */
	s->authentic = found && fresh && s->len > 0 && s->len <= E4_SEALED_MAX &&
		       E4_SEALED_LEN(s->len) == stored;
	if (!s->authentic)
		s->len = 1;
	*len = (size_t)s->len;
	s->doing = LOADING;
	return true;
}

/* The last chunk was authentic, so the generation is what was saved. */
static void follow(struct e4_store_sealed *s)
{
	uint32_t counter;

	if (s->generation > s->highest)
		s->highest = s->generation;
	if (s->counter.get && s->counter.get(s->counter.ctx, &counter) && counter < s->generation)
		s->counter.set(s->counter.ctx, s->generation);
}

/* False: the store below cannot be read. */
static bool open_chunk(struct e4_store_sealed *s)
{
	uint8_t ad[AD_LEN], n = chunk_len(s);

	s->n_plain = n;
	if (!s->authentic) {
		memset(s->buf + TAG, 0, CHUNK);
		return true;
	}
	if (!s->below.load_read(s->below.ctx, s->buf, (size_t)TAG + n))
		return false;
	chunk_ad(s, ad);
	memcpy(s->tag, s->buf, TAG);
	s->authentic = e4_siv_open(&s->key, s->buf + TAG, ad, sizeof ad, s->buf, (size_t)TAG + n);
	E4_PUBLIC(&s->authentic, sizeof s->authentic);
	return true;
}

static bool load_read(void *ctx, void *out, size_t len)
{
	struct e4_store_sealed *s = ctx;
	uint8_t *to = out;

	if (s->doing != LOADING || len > s->len - s->done)
		return false;
	while (len-- > 0) {
		if (s->n_plain == 0 && !open_chunk(s))
			return false;
		*to++ = s->buf[TAG + s->at++];
		s->done++;
		if (s->at == s->n_plain)
			s->n_plain = s->at = 0;
	}
	if (s->done == s->len) {
		e4_wipe(s->buf, sizeof s->buf);
		if (s->authentic)
			follow(s);
	}
	return true;
}

enum e4_result e4_store_sealed_open(struct e4_store_sealed *s, const struct e4_store *below,
				    const uint8_t device_key[32],
				    const struct e4_sealed_counter *counter)
{
	bool zero = e4_is_zero(device_key, 32);

	E4_PUBLIC(&zero, sizeof zero);
	memset(s, 0, sizeof *s);
	if (!below->save_begin || !below->save_write || !below->save_commit || !below->load_begin ||
	    !below->load_read || zero || (counter && (!counter->get || !counter->set)))
		return E4_ERR_PARAM;
	s->below = *below;
	if (counter)
		s->counter = *counter;
	e4_siv_key_init(&s->key, device_key);
	return E4_OK;
}

struct e4_store e4_store_sealed_functions(struct e4_store_sealed *s)
{
	struct e4_store store = {s, save_begin, save_write, save_commit, load_begin, load_read};

	return store;
}

void e4_store_sealed_close(struct e4_store_sealed *s)
{
	e4_wipe(s, sizeof *s);
}
