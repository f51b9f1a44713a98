/*
 * A state in one of several slots of EEPROM or flash. A slot:
 *
 *   "E4F1" | length(4) | sequence(4) | CRC-32(4) of these twelve bytes and the state
 *   marks: complete, void 1, void 2, void 3; each a program unit, at least 4 bytes
 *   the state; the last unit is filled up with 0xff
 *
 * Numbers are little-endian. A mark is set when any bit of it reads 0.
 */
#include "e4/store_flash.h"

#include <string.h>

#include "../src/crypto/bytes.h"
#include "../src/declassify.h"

#define HEADER_LEN 16
#define N_VOIDS 3
#define NONE 0xffff /* no slot */

enum { IDLE, LOADING, SAVING };

/* One reading of a slot's head: with bits that are unstable a second one may differ. */
struct slot {
	bool whole;    /* header and CRC are right */
	bool complete; /* and the mark is set that says that this will last */
	uint8_t voids;
	uint32_t seq;
	size_t len;
};

/*
 * CRC-32 of Ethernet, bit by bit: a table would be larger than all the rest. The states have keys
 * in them, so no bit decides a branch.
 */
static uint32_t crc32(uint32_t crc, const uint8_t *in, size_t len)
{
	while (len-- > 0) {
		crc ^= *in++;
		for (uint8_t i = 0; i < 8; i++)
			crc = crc >> 1 ^ (UINT32_C(0xedb88320) & (0 - (crc & 1)));
	}
	return crc;
}

static bool is_blank(const uint8_t *in, size_t len)
{
	uint8_t all = 0xff;

	while (len-- > 0)
		all &= *in++;
	return all == 0xff;
}

/* --- The medium ----------------------------------------------------------------- */

static size_t slot_at(const struct e4_store_flash *s, uint16_t slot)
{
	return slot * s->medium.slot_size;
}

static uint8_t mark_len(const struct e4_store_flash *s)
{
	/* never so small that damage to one byte looks like no mark */
	return s->medium.program_size < 4 ? 4 : s->medium.program_size;
}

static size_t head_len(const struct e4_store_flash *s)
{
	return HEADER_LEN + (1 + N_VOIDS) * (size_t)mark_len(s);
}

static bool medium_read(const struct e4_store_flash *s, size_t at, void *out, size_t len)
{
	return s->medium.read(s->medium.ctx, at, out, len);
}

/* Mark 0 is "complete", the others are the voids. Nothing is pending then. */
static bool set_mark(struct e4_store_flash *s, uint16_t slot, uint8_t mark)
{
	memset(s->pending, 0, sizeof s->pending);
	return s->medium.program(s->medium.ctx,
				 slot_at(s, slot) + HEADER_LEN + (size_t)mark * mark_len(s),
				 s->pending, mark_len(s));
}

/* All of it, whatever it reads as: a bit that reads 1 may be one of the unstable ones. */
static bool erase_slot(struct e4_store_flash *s, uint16_t slot)
{
	const struct e4_flash *m = &s->medium;
	size_t step = m->erase ? m->erase_size : E4_FLASH_UNIT_MAX;
	uint8_t blank[E4_FLASH_UNIT_MAX];
	bool ok = true;

	memset(blank, 0xff, sizeof blank);
	for (size_t i = 0; i < m->slot_size && ok; i += step) {
		size_t at = slot_at(s, slot) + i;

		ok = m->erase ? m->erase(m->ctx, at) : m->program(m->ctx, at, blank, step);
	}
	if (!ok)
		s->suspect = slot;
	else if (s->suspect == slot)
		s->suspect = NONE;
	return ok;
}

static bool slot_is_blank(const struct e4_store_flash *s, uint16_t slot, bool *blank)
{
	uint8_t b[E4_FLASH_UNIT_MAX];
	bool ok = true;

	*blank = true;
	for (size_t i = 0; i < s->medium.slot_size && ok && *blank; i += sizeof b) {
		ok = medium_read(s, slot_at(s, slot) + i, b, sizeof b);
		*blank = is_blank(b, sizeof b);
		E4_PUBLIC(blank, sizeof *blank);
	}
	e4_wipe(b, sizeof b);
	return ok;
}

/* False only if the medium cannot be read. */
static bool look_at(const struct e4_store_flash *s, uint16_t slot, struct slot *is)
{
	uint8_t b[E4_FLASH_UNIT_MAX];
	size_t at = slot_at(s, slot), left;
	uint32_t len, crc, stored;
	bool ok = medium_read(s, at, b, HEADER_LEN), set, same;

	len = e4_load32(b + 4);
	is->seq = e4_load32(b + 8);
	stored = e4_load32(b + 12);
	crc = crc32(~UINT32_C(0), b, 12);
	is->whole = memcmp(b, "E4F1", 4) == 0 && len <= s->medium.slot_size - head_len(s);
	is->len = is->whole ? (size_t)len : 0;
	is->complete = false;
	is->voids = 0;
	at += HEADER_LEN;
	for (uint8_t i = 0; i <= N_VOIDS && ok; i++, at += mark_len(s)) {
		ok = medium_read(s, at, b, mark_len(s));
		/* The last void that is set counts for those before it, which may be torn. */
		set = !is_blank(b, mark_len(s));
		if (i == 0)
			is->complete = set;
		else if (set)
			is->voids = i;
	}
	for (left = is->len; left > 0 && ok;) {
		size_t n = left < sizeof b ? left : sizeof b;

		ok = medium_read(s, at, b, n);
		crc = crc32(crc, b, n);
		at += n;
		left -= n;
	}
	same = crc == stored;
	E4_PUBLIC(&same, sizeof same);
	is->whole = is->whole && same;
	e4_wipe(b, sizeof b);
	return ok;
}

/* --- Which state counts ----------------------------------------------------------- */

/* Numbers go round, so that no number on a damaged medium is the last one. */
static bool is_newer(uint32_t a, uint32_t b)
{
	return a != b && a - b < UINT32_C(0x80000000);
}

/* Does the older state say that the newer one, by its number, does not count? */
static bool is_void(uint32_t newer, uint32_t older, uint8_t voids)
{
	return newer - older <= voids;
}

static bool wins(const struct slot *is, const struct e4_flash_state *best)
{
	if (best->slot == NONE)
		return true;
	if (is_newer(is->seq, best->seq))
		return !is_void(is->seq, best->seq, best->voids);
	return is_void(best->seq, is->seq, is->voids);
}

/* If the medium cannot be read, what was known stays known. */
static bool find(struct e4_store_flash *s)
{
	struct e4_flash_state best = {0, 0, NONE, 0};
	bool any = false;

	for (uint16_t i = 0; i < s->n_slots; i++) {
		struct slot is;

		if (!look_at(s, i, &is))
			return false;
		if (is.whole && is.complete && wins(&is, &best)) {
			best.seq = is.seq;
			best.len = is.len;
			best.slot = i;
			best.voids = is.voids;
		}
		any = any || is.complete;
	}
	s->now = best;
	s->damaged = any && best.slot == NONE;
	return true;
}

/*
 * Before a slot is erased, what must hold even if the erasing is cut short and
 * the slot reads as before: the current state is complete, and what is newer
 * than it is void. Marks that read as set are set again: they may be torn.
 */
static bool secure(struct e4_store_flash *s, const struct slot *other)
{
	if (!set_mark(s, s->now.slot, 0))
		return false;
	if (!other->whole || !is_newer(other->seq, s->now.seq))
		return true;
	if (is_void(other->seq, s->now.seq, s->now.voids))
		return set_mark(s, s->now.slot, s->now.voids);
	if (s->now.voids == N_VOIDS)
		return true;
	s->now.voids++;
	return set_mark(s, s->now.slot, s->now.voids);
}

static bool clean(struct e4_store_flash *s, uint16_t slot)
{
	struct slot is;
	bool blank;

	if (!slot_is_blank(s, slot, &blank))
		return false;
	if (blank && slot != s->suspect)
		return true;
	if (!look_at(s, slot, &is))
		return false;
	if (s->now.slot == NONE)
		return is.complete || erase_slot(s, slot); /* damage stays to be told */
	return secure(s, &is) && erase_slot(s, slot);
}

/* Erase all but the current state. */
static bool settle(struct e4_store_flash *s)
{
	bool ok = true;

	s->n_clean = 0;
	if (s->now.slot != NONE &&
	    s->now.seq == 1) /* nothing older tells that its mark is not torn */
		ok = set_mark(s, s->now.slot, 0);
	for (uint16_t i = 0; i < s->n_slots && ok; i++)
		if (i != s->now.slot)
			ok = clean(s, i);
	s->settled = ok;
	return ok;
}

/* --- Saving ---------------------------------------------------------------------- */

/*
 * The save failed without a power cut: what was written goes again. If its
 * mark may be set, the void comes first; if that fails too, it is as after a
 * power cut, the old state or the new one.
 */
static bool give_up(struct e4_store_flash *s, bool marked)
{
	bool ok = true;

	s->doing = IDLE;
	e4_wipe(s->pending, sizeof s->pending);
	if (marked && s->now.slot != NONE && s->now.voids < N_VOIDS)
		ok = set_mark(s, s->now.slot, ++s->now.voids);
	if (ok)
		erase_slot(s, s->target);
	return false;
}

/* The header's first twelve bytes. */
static void put_header(struct e4_store_flash *s)
{
	memcpy(s->pending, "E4F1", 4);
	e4_store32(s->pending + 4, (uint32_t)s->new_len);
	e4_store32(s->pending + 8, s->now.seq + 1 + s->now.voids);
}

static bool save_begin(void *ctx, size_t len)
{
	struct e4_store_flash *s = ctx;

	s->doing = IDLE;
	if (s->n_slots == 0 || len > s->medium.slot_size - head_len(s))
		return false;
	if (!s->settled && !(find(s) && settle(s)))
		return false;
	s->settled = false;
	s->target = (uint16_t)(s->now.slot + 1u);
	if (s->now.slot == NONE || s->target == s->n_slots)
		s->target = 0;
	if (s->n_clean + 1u < s->n_slots && !erase_slot(s, s->target))
		return false;
	s->new_len = len;
	put_header(s);
	s->crc = crc32(~UINT32_C(0), s->pending, 12);
	s->doing = SAVING;
	s->at = slot_at(s, s->target) + head_len(s);
	s->left = len;
	s->n_pending = 0;
	return true;
}

/* Program what is pending, filled up to whole units. */
static bool flush(struct e4_store_flash *s)
{
	size_t n = s->n_pending, up = s->medium.program_size - 1u, len = (n + up) & ~up;
	bool ok;

	memset(s->pending + n, 0xff, sizeof s->pending - n);
	ok = len == 0 || s->medium.program(s->medium.ctx, s->at, s->pending, len);
	s->at += len;
	s->n_pending = 0;
	return ok;
}

static bool save_write(void *ctx, const void *bytes, size_t len)
{
	struct e4_store_flash *s = ctx;
	const uint8_t *in = bytes;

	if (s->doing != SAVING)
		return false;
	if (len > s->left)
		return give_up(s, false);
	s->crc = crc32(s->crc, in, len);
	s->left -= len;
	while (len-- > 0) {
		s->pending[s->n_pending++] = *in++;
		if (s->n_pending == sizeof s->pending && !flush(s))
			return give_up(s, false);
	}
	return true;
}

/* The header; then all that was written is read back. */
static bool finish(struct e4_store_flash *s, struct slot *is)
{
	if (s->left > 0 || !flush(s))
		return false;
	put_header(s);
	e4_store32(s->pending + 12, s->crc);
	return s->medium.program(s->medium.ctx, slot_at(s, s->target), s->pending, HEADER_LEN) &&
	       look_at(s, s->target, is) && is->whole && is->seq == e4_load32(s->pending + 8);
}

static bool save_commit(void *ctx)
{
	struct e4_store_flash *s = ctx;
	uint16_t old = s->now.slot;
	struct slot is;

	if (s->doing != SAVING)
		return false;
	if (!finish(s, &is))
		return give_up(s, false);
	if (!set_mark(s, s->target, 0))
		return give_up(s, true);
	/* It counts. That the old one cannot be erased is no reason to fail. */
	s->doing = IDLE;
	e4_wipe(s->pending, sizeof s->pending);
	s->now.seq = is.seq;
	s->now.len = is.len;
	s->now.slot = s->target;
	s->now.voids = 0;
	s->damaged = false;
	if (old == NONE) {
		settle(s); /* damage may lie anywhere */
	} else if (erase_slot(s, old)) {
		s->settled = true;
		if (s->n_clean + 1u < s->n_slots)
			s->n_clean++;
	}
	return true;
}

/* --- Loading ---------------------------------------------------------------------- */

static bool load_begin(void *ctx, size_t *len)
{
	struct e4_store_flash *s = ctx;

	if (s->doing == SAVING)
		give_up(s, false);
	s->doing = LOADING;
	if (s->now.slot == NONE) {
		*len = s->damaged; /* no state has one byte: E4_ERR_CORRUPT */
		s->left = 0;
		return s->damaged;
	}
	s->at = slot_at(s, s->now.slot) + head_len(s);
	*len = s->left = s->now.len;
	return true;
}

static bool load_read(void *ctx, void *out, size_t len)
{
	struct e4_store_flash *s = ctx;

	if (s->doing != LOADING || len > s->left || !medium_read(s, s->at, out, len))
		return false;
	s->at += len;
	s->left -= len;
	return true;
}

static bool geometry_ok(const struct e4_flash *m)
{
	size_t unit = m->program_size, slot = m->slot_size;

	return m->read && m->program && unit >= 1 && unit <= E4_FLASH_UNIT_MAX &&
	       (unit & (unit - 1)) == 0 && slot % E4_FLASH_UNIT_MAX == 0 &&
	       slot > E4_FLASH_SLOT(0, unit) && m->size / slot >= 2 && m->size % slot == 0 &&
	       m->size / slot < NONE && (uint32_t)(slot - 1) == slot - 1 &&
	       (m->erase ? m->erase_size > 0 && slot % m->erase_size == 0 : m->erase_size == 0);
}

enum e4_result e4_store_flash_open(struct e4_store_flash *s, const struct e4_flash *medium)
{
	memset(s, 0, sizeof *s);
	s->now.slot = s->suspect = NONE;
	if (!geometry_ok(medium))
		return E4_ERR_PARAM;
	s->medium = *medium;
	s->n_slots = (uint16_t)(medium->size / medium->slot_size);
	if (!find(s))
		return E4_ERR_STORE;
	settle(s);
	return E4_OK;
}

struct e4_store e4_store_flash_functions(struct e4_store_flash *s)
{
	struct e4_store store = {s, save_begin, save_write, save_commit, load_begin, load_read};

	return store;
}
