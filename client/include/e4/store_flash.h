/*
 * The store of struct e4_config in EEPROM or NOR flash, for devices.
 *
 * The region is cut into slots of equal size. A new state goes into the slot
 * after the one that counts, and once it is whole the old slot is erased: so
 * the slots take turns and wear evenly. Every slot begins with sequence number,
 * length and CRC-32, and with marks, which are units that are programmed to
 * zero later:
 *   complete   the header was programmed to its end: only now the state counts;
 *   void 1..3  in the old slot: what was to follow it does not count after all.
 *
 * Power cuts. Programming and erasing that is cut short may leave any mixture
 * of old and new bits, and bits that read now so, now so. So nothing is
 * believed because it reads well once: a header counts only when the programming
 * of the mark after it was at least begun, a mark that may be torn is programmed
 * again before anything relies on it, a slot is erased only after a finished
 * mark says that it does not count, and a slot is written only when this run of
 * the program has erased it. What is left over is cleaned up at the next start
 * or before the next save. Two cases are not covered: a fourth time in a row
 * that the power goes exactly while a mark is programmed, followed by one more
 * cut; and the very first save, where the same with two cuts can take the
 * state away again after it was seen (nothing was stored before, so provision).
 *
 * Keys. When save_commit returns true, the old slot was erased, or this failed
 * and the next start or save does it again. Until the next save the states in
 * between two cuts can be on the medium. Wear levelling below (a translation
 * layer, an emulated EEPROM) can keep copies; who can read the medium while it
 * counts reads the keys: see store_sealed.h.
 *
 * Needs: unit programming in any order, and that zeros can be programmed over
 * what was programmed (only for marks after a power cut; all NOR flash and, for
 * zeros, most flash with ECC allow it). One save programs len + 48 bytes at
 * least and erases one slot; a second one the first time a slot comes round
 * after a start. Opening reads the whole region.
 */
#ifndef E4_STORE_FLASH_H
#define E4_STORE_FLASH_H

#include "e4/e4.h"

#ifdef __cplusplus
extern "C" {
#endif

#define E4_FLASH_UNIT_MAX 16 /* bytes; the largest program unit */

/*
 * The medium. Addresses are bytes from the start of the region that E4 has to
 * itself, which starts at an address that E4_FLASH_UNIT_MAX divides. A
 * function that returns false may have done a part of its work.
 */
struct e4_flash {
	void *ctx;
	/* Any place and length. A unit whose ECC fails is no failure: give any bytes. */
	bool (*read)(void *ctx, size_t at, void *out, size_t len);
	/* at and len are multiples of program_size, at most 16 bytes, within 16 aligned bytes. */
	bool (*program)(void *ctx, size_t at, const void *bytes, size_t len);
	/* Set the erase_size bytes at this multiple of erase_size to 0xff. Null: EEPROM. */
	bool (*erase)(void *ctx, size_t at);
	size_t size;          /* bytes of the region: at least two slots, a multiple of slot_size */
	size_t slot_size;     /* bytes: a multiple of 16 and of erase_size; see E4_FLASH_SLOT */
	size_t erase_size;    /* bytes that one erase sets to 0xff; EEPROM: 0 */
	uint8_t program_size; /* bytes that are programmed at once: 1, 2, 4, 8 or 16; EEPROM: 1 */
};

/* Bytes that a state of len takes; round up to a multiple of 16 and of erase_size. */
#define E4_FLASH_SLOT(len, program_size)                                                           \
	((size_t)16 + 4 * ((program_size) < 4 ? 4 : (program_size)) + (len))

/* The state that counts. */
struct e4_flash_state {
	uint32_t seq;
	size_t len;
	uint16_t slot;
	uint8_t voids; /* void marks that are set */
};

/* Fields are private. While saving it holds at most 16 bytes of the state. */
struct e4_store_flash {
	struct e4_flash medium;
	struct e4_flash_state now;
	size_t at, left; /* place in the region, and bytes that are still to be read or written */
	size_t new_len;
	uint32_t crc; /* of what was written */
	uint16_t n_slots, target;
	uint16_t n_clean; /* slots behind the current one that this run has erased */
	uint16_t suspect; /* a slot whose erasing failed: it may hold more than it reads */
	uint8_t doing;
	bool settled; /* no slot but the current one holds anything */
	bool damaged; /* no state is whole, but there was one */
	uint8_t n_pending;
	uint8_t pending[E4_FLASH_UNIT_MAX];
};

/*
 * Find the state that counts and finish what a power cut interrupted.
 * E4_ERR_PARAM: the geometry contradicts itself or has no room. E4_ERR_STORE:
 * the medium cannot be read. That cleaning up failed is no error here: the
 * state loads, and the next save tries again.
 */
enum e4_result e4_store_flash_open(struct e4_store_flash *s, const struct e4_flash *medium);

/* For e4_config.store; s stays where it is until the client is done. */
struct e4_store e4_store_flash_functions(struct e4_store_flash *s);

#ifdef __cplusplus
}
#endif
#endif
