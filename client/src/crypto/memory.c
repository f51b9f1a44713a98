#include "e4/crypto.h"

#include <string.h>

void e4_wipe(void *p, size_t len)
{
#if defined(__GNUC__)
	if (len > 0)
		memset(p, 0, len);
	/* claims to read what p points to, so the memset is not dead */
	__asm__ __volatile__("" : : "r"(p) : "memory");
#else
	volatile uint8_t *b = p;
	while (len-- > 0)
		*b++ = 0;
#endif
}

bool e4_equal(const void *a, const void *b, size_t len)
{
	const uint8_t *x = a, *y = b;
	uint32_t diff = 0;
	for (size_t i = 0; i < len; i++)
		diff |= (uint32_t)(x[i] ^ y[i]);
	/* diff is 0..255: only 0 borrows into bit 8 */
	return (diff - 1) >> 8 & 1;
}

bool e4_is_zero(const void *p, size_t len)
{
	const uint8_t *b = p;
	uint32_t any = 0;
	for (size_t i = 0; i < len; i++)
		any |= b[i];
	return (any - 1) >> 8 & 1;
}
