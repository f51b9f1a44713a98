#ifndef E4_SRC_KEY_USE_H
#define E4_SRC_KEY_USE_H

#include "e4/e4.h"

/*
 * For functions with an expanded key in their frame: merged into their callers
 * they would leave its room on the stack of all that comes after, such as the
 * verification of a signature.
 */
#if defined(__GNUC__)
#define E4_OWN_FRAME __attribute__((noinline))
#else
#define E4_OWN_FRAME
#endif

/*
 * The expanded form of the key in table place slot: from the cache of the
 * configuration, or expanded into local. Give local back with e4_key_used().
 */
const struct e4_siv_key *e4_key_use(struct e4_client *c, struct e4_siv_key *local, uint16_t slot,
				    const uint8_t key[32]);

/* Wipe local if it was used. */
void e4_key_used(const struct e4_client *c, struct e4_siv_key *local);

#endif
