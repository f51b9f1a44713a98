#ifndef E4_SRC_PK_H
#define E4_SRC_PK_H

#include "change.h"

/* True if the public half of seed | public belongs to the seed, and the seed is not zero. */
bool e4_private_key_ok(const uint8_t private_key[64]);

/* Take another key of C2, and the control key that belongs to it, which is wiped. */
void e4_put_c2_key(struct e4_client *c, struct e4_change *change, const uint8_t c2_public[32],
		   uint8_t control_key[32]);

/* Become this client of a public-key mode; key is of the mode's length. Wipes control_key. */
enum e4_result e4_become_pk(struct e4_client *c, const uint8_t id[16], const uint8_t *key,
			    uint8_t control_key[32], const uint8_t c2_public[32]);

#endif
