#ifndef E4_SRC_UTF8_H
#define E4_SRC_UTF8_H

#include <stddef.h>
#include <stdint.h>

/*
 * Length of the UTF-8 sequence at p, 0 if there is none, of at most left bytes, which are not 0.
 * By table 3-7 of the Unicode standard: overlong forms, surrogates and values over U+10FFFF are
 * refused, so that one text has one spelling.
 */
static inline size_t e4_utf8_step(const uint8_t *p, size_t left)
{
	size_t n;
	uint8_t low = 0x80, high = 0xbf; /* bounds of the second byte */

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (n > left)
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return n;
}

#endif
