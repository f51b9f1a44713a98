#include "base/utf8.h"

/* Range of the second byte, which is where overlong forms and surrogates show. */
static bool is_second(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xe0:
		return second >= 0xa0 && second <= 0xbf;
	case 0xed:
		return second >= 0x80 && second <= 0x9f;
	case 0xf0:
		return second >= 0x90 && second <= 0xbf;
	case 0xf4:
		return second >= 0x80 && second <= 0x8f;
	default:
		return second >= 0x80 && second <= 0xbf;
	}
}

size_t utf8_char(const void *text, size_t len)
{
	const unsigned char *s = text;
	size_t n;

	if (len == 0)
		return 0;
	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (len < n || !is_second(s[0], s[1]))
		return 0;
	for (size_t i = 2; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	return n;
}

bool utf8_is_valid(const void *text, size_t len)
{
	const unsigned char *s = text;

	while (len > 0) {
		size_t n = utf8_char(s, len);

		if (n == 0)
			return false;
		s += n;
		len -= n;
	}
	return true;
}
