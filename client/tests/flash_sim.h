/*
 * EEPROM or NOR flash whose power goes, for the tests of the stores. A unit
 * being programmed and a page being erased when that happens are torn: each of
 * the bits that would have changed is old, or new, or reads now so, now so
 * until it is programmed or erased again. What the hardware forbids is counted.
 */
#ifndef CLIENT_TESTS_FLASH_SIM_H
#define CLIENT_TESTS_FLASH_SIM_H

#include <string.h>

#include "e4/store_flash.h"

#ifndef SIM_SIZE
#define SIM_SIZE 2048
#endif
#define SIM_PAGES (SIM_SIZE / 64)

/* What becomes of the bits that would have changed. */
enum sim_torn {
	SIM_MIXED,         /* each bit one of the three, by chance */
	SIM_OLD_UNSTABLE,  /* most read as before, a few now so, now so */
	SIM_ALL_UNSTABLE,  /* all now so, now so, the same way from one start to the next */
	SIM_FRONT,         /* done up to some byte */
	SIM_NOT_BEGUN,     /* all as before */
	SIM_LOOKS_BLANK,   /* all read 1 until the next start, then 0, and so on */
	SIM_LOOKS_WRITTEN, /* the other way round */
	SIM_DONE,          /* all as wanted, but the caller does not learn it */
	SIM_TORN_KINDS
};

struct flash_sim {
	struct e4_flash flash; /* ctx is the simulation */
	uint8_t cell[SIM_SIZE];
	uint8_t unstable[SIM_SIZE]; /* bits that read by chance, or by start */
	uint16_t erased[SIM_PAGES];
	uint32_t seed;
	long calls, fail_at;  /* that call alone fails, counted from 1; 0: none */
	long cut_after_fail;  /* and the power goes so many steps later; 0: it does not */
	long stuck;           /* this byte cannot be programmed; 0: none */
	long steps, cut_at;   /* units programmed and pages erased; the power goes at that one */
	int starts;           /* how often the power came back */
	uint8_t torn;         /* enum sim_torn */
	size_t front;         /* SIM_FRONT: one more than the bytes that are done; 0: by chance */
	bool off;             /* the power is gone */
	bool by_start;        /* unstable bits keep one value until the next start */
	unsigned n_forbidden; /* bits programmed to 1, units programmed twice other than to zero */
};

static inline uint32_t sim_chance(struct flash_sim *f)
{
	f->seed = f->seed * 1664525u + 1013904223u;
	return f->seed >> 16;
}

static inline uint8_t sim_byte(struct flash_sim *f)
{
	return (uint8_t)(sim_chance(f) & 0xff);
}

static inline bool sim_call(struct flash_sim *f)
{
	bool fails = ++f->calls == f->fail_at;

	if (fails && f->cut_after_fail)
		f->cut_at = f->steps + f->cut_after_fail;
	return !fails && !f->off;
}

/* One unit or page begins: false when the power goes during it. */
static inline bool sim_step(struct flash_sim *f)
{
	f->off = ++f->steps == f->cut_at;
	return !f->off;
}

static inline bool sim_read(void *ctx, size_t at, void *out, size_t len)
{
	struct flash_sim *f = ctx;
	uint8_t *to = out;

	if (at > f->flash.size || len > f->flash.size - at) {
		f->n_forbidden++;
		return false;
	}
	for (size_t i = 0; i < len; i++) {
		uint8_t flip = 0;

		if (f->unstable[at + i])
			flip = f->by_start ? (f->starts % 2 ? 0xff : 0) : sim_byte(f);
		to[i] = (uint8_t)(f->cell[at + i] ^ (flip & f->unstable[at + i]));
	}
	return sim_call(f);
}

static inline void sim_tear(struct flash_sim *f, size_t at, uint8_t to, bool before_here)
{
	uint8_t changes = (uint8_t)(f->cell[at] ^ to), new_bits, unstable = 0;

	new_bits = before_here ? changes : 0;
	switch (f->torn) {
	case SIM_MIXED:
		new_bits = sim_byte(f) & changes;
		unstable = sim_byte(f) & sim_byte(f) & changes;
		break;
	case SIM_OLD_UNSTABLE:
		new_bits = 0;
		unstable = sim_byte(f) & sim_byte(f) & sim_byte(f) & sim_byte(f) & changes;
		break;
	case SIM_ALL_UNSTABLE:
		new_bits = 0;
		unstable = changes;
		break;
	case SIM_LOOKS_BLANK:
	case SIM_LOOKS_WRITTEN:
		/* a byte that reads all 1, or all 0 where it changes, at the next start */
		f->by_start = true;
		unstable = changes;
		new_bits = f->torn == SIM_LOOKS_BLANK ? (uint8_t)~f->cell[at] : f->cell[at];
		if ((f->starts + 1) % 2)
			new_bits = (uint8_t)~new_bits;
		new_bits &= changes;
		break;
	case SIM_NOT_BEGUN:
		new_bits = 0;
		break;
	case SIM_DONE:
		new_bits = changes;
		break;
	default:
		break;
	}
	f->cell[at] ^= new_bits;
	f->unstable[at] |= unstable;
}

static inline void sim_tear_all(struct flash_sim *f, size_t at, const uint8_t *to, size_t len)
{
	size_t front = f->front ? f->front - 1 : sim_chance(f) % (len + 1);

	for (size_t i = 0; i < len; i++)
		sim_tear(f, at + i, to ? to[i] : 0xff, i < front);
}

static inline void sim_program_unit(struct flash_sim *f, size_t at, const uint8_t *in)
{
	size_t unit = f->flash.program_size;
	bool fresh = true, zeros = true;

	for (size_t i = 0; i < unit; i++) {
		fresh = fresh && f->cell[at + i] == 0xff;
		zeros = zeros && in[i] == 0;
		if (f->flash.erase && (in[i] & ~(f->cell[at + i] | f->unstable[at + i])))
			f->n_forbidden++;
		if (f->flash.erase) { /* a bit that is left at 1 stays as unstable as it was */
			f->cell[at + i] &= in[i];
			f->unstable[at + i] &= in[i];
		} else {
			f->cell[at + i] = in[i];
			f->unstable[at + i] = 0;
		}
	}
	if (f->stuck && (size_t)f->stuck >= at && (size_t)f->stuck < at + unit)
		f->cell[f->stuck] = 0xff;
	if (f->flash.erase && !fresh && !zeros)
		f->n_forbidden++;
}

static inline bool sim_program(void *ctx, size_t at, const void *bytes, size_t len)
{
	struct flash_sim *f = ctx;
	const uint8_t *in = bytes;
	size_t unit = f->flash.program_size;
	bool ok = sim_call(f);

	if (f->off)
		return false;
	if (at % unit || len % unit || at / 16 != (at + len - 1) / 16 || at + len > f->flash.size) {
		f->n_forbidden++;
		return false;
	}
	if (!ok) /* a part of it was done */
		len = sim_chance(f) % (len / unit + 1) * unit;
	for (size_t i = 0; i < len; i += unit) {
		if (!sim_step(f)) {
			sim_tear_all(f, at + i, in + i, unit);
			return false;
		}
		sim_program_unit(f, at + i, in + i);
	}
	return ok;
}

static inline bool sim_erase(void *ctx, size_t at)
{
	struct flash_sim *f = ctx;
	bool ok = sim_call(f);

	if (f->off)
		return false;
	if (at % f->flash.erase_size || at >= f->flash.size) {
		f->n_forbidden++;
		return false;
	}
	f->erased[at / f->flash.erase_size]++;
	if (!sim_step(f) || !ok) {
		sim_tear_all(f, at, NULL, f->flash.erase_size);
		return false;
	}
	memset(f->cell + at, 0xff, f->flash.erase_size);
	memset(f->unstable + at, 0, f->flash.erase_size);
	return true;
}

/* A new medium; erase_size 0: EEPROM. */
static inline void sim_init(struct flash_sim *f, size_t slot, uint16_t n_slots, uint16_t erase_size,
			    uint8_t program_size, uint32_t seed)
{
	memset(f, 0, sizeof *f);
	memset(f->cell, 0xff, sizeof f->cell);
	f->seed = seed;
	f->flash.ctx = f;
	f->flash.read = sim_read;
	f->flash.program = sim_program;
	f->flash.erase = erase_size ? sim_erase : NULL;
	f->flash.size = slot * n_slots;
	f->flash.slot_size = slot;
	f->flash.erase_size = erase_size;
	f->flash.program_size = program_size;
}

/* The power is back. */
static inline void sim_restart(struct flash_sim *f)
{
	f->off = false;
	f->starts++;
	f->calls = f->fail_at = f->steps = f->cut_at = f->cut_after_fail = 0;
}

/* Is the string on the medium; maybe: or could it be read there, with luck? */
static inline bool sim_holds(const struct flash_sim *f, const void *bytes, size_t len, bool maybe)
{
	const uint8_t *b = bytes;

	for (size_t at = 0; at + len <= f->flash.size; at++) {
		size_t i = 0;

		while (i < len && !((f->cell[at + i] ^ b[i]) & ~(maybe ? f->unstable[at + i] : 0)))
			i++;
		if (i == len)
			return true;
	}
	return false;
}

#endif
