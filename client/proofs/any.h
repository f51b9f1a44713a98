/* What the drivers of the proofs share: arbitrary values, for Frama-C's Eva. */
#ifndef CLIENT_PROOFS_ANY_H
#define CLIENT_PROOFS_ANY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "__fc_builtin.h"

/* len arbitrary bytes. */
static inline void any(void *p, size_t len)
{
	if (len > 0)
		Frama_C_make_unknown(p, len);
}

static inline bool any_bool(void)
{
	return (bool)Frama_C_interval(0, 1);
}

/* Every byte may be read and was written: alarms else. */
static inline void is_read(const void *p, size_t len)
{
	/*@ assert \valid_read((uint8_t *)p + (0 .. len - 1)); */
	/*@ assert \initialized((uint8_t *)p + (0 .. len - 1)); */
}

/* Every byte may be written, and is, with anything. */
static inline void is_written(void *p, size_t len)
{
	/*@ assert \valid((uint8_t *)p + (0 .. len - 1)); */
	any(p, len);
}

/*
 * The driver came to its end. The preprocessor is the host's: were its byte order
 * another than the machine's, branches for that order would not be those analysed.
 */
static inline void end(void)
{
	uint16_t one = 1;
	bool little = *(uint8_t *)&one == 1;

	/*@ assert little == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__); */
	Frama_C_show_each_end(little);
}

#endif
