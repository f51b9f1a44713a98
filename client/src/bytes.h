/* Little-endian numbers on the wire and in the state (protocol.md, first lines). */
#ifndef E4_SRC_BYTES_H
#define E4_SRC_BYTES_H

#include <stdint.h>
#include <string.h>

static inline void e4_put16(uint8_t out[2], uint16_t v)
{
	out[0] = (uint8_t)v;
	out[1] = (uint8_t)(v >> 8);
}

static inline uint16_t e4_get16(const uint8_t in[2])
{
	return (uint16_t)(in[0] | (uint16_t)in[1] << 8);
}

/* Copied where memory has that order already: shifting 64 bits is long work on an 8-bit core. */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

static inline void e4_put64(uint8_t out[8], uint64_t v)
{
	memcpy(out, &v, 8);
}

static inline uint64_t e4_get64(const uint8_t in[8])
{
	uint64_t v;

	memcpy(&v, in, 8);
	return v;
}

#else

static inline void e4_put64(uint8_t out[8], uint64_t v)
{
	for (int i = 0; i < 8; i++, v >>= 8)
		out[i] = (uint8_t)v;
}

static inline uint64_t e4_get64(const uint8_t in[8])
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | in[i];
	return v;
}

#endif

#endif
