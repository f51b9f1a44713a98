#ifndef E4_SRC_PK_H
#define E4_SRC_PK_H

#include <stdbool.h>
#include <stdint.h>

/* True if the public half of seed | public belongs to the seed, and the seed is not zero. */
bool e4_private_key_ok(const uint8_t private_key[64]);

#endif
