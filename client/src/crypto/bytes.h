/* Little-endian loads and stores that need no alignment, and a mask. */
#ifndef E4_SRC_CRYPTO_BYTES_H
#define E4_SRC_CRYPTO_BYTES_H

#include <stdbool.h>
#include <stdint.h>

static inline uint32_t e4_load32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline void e4_store32(uint8_t *p, uint32_t x)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(x >> (8 * i));
}

static inline uint64_t e4_load64(const uint8_t *p)
{
	return (uint64_t)e4_load32(p) | (uint64_t)e4_load32(p + 4) << 32;
}

static inline void e4_store64(uint8_t *p, uint64_t x)
{
	e4_store32(p, (uint32_t)x);
	e4_store32(p + 4, (uint32_t)(x >> 32));
}

/*
 * 0xff if keep, else 0. The compiler must not know that these are the only
 * values: clang turns a loop over `x &= -keep` into a branch on keep.
 */
static inline uint8_t e4_mask(bool keep)
{
	volatile uint8_t mask = (uint8_t)-keep;
	return mask;
}

#endif
