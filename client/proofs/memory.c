/* The comparisons and the wiping of e4/crypto.h. */
#include "any.h"
#include "e4/crypto.h"

#define MAX_LEN 130

static void memory(size_t len)
{
	uint8_t a[MAX_LEN], b[MAX_LEN];

	any(a, MAX_LEN);
	any(b, MAX_LEN);
	e4_equal(a + MAX_LEN - len, b + MAX_LEN - len, len);
	e4_is_zero(a + MAX_LEN - len, len);
	e4_wipe(b + MAX_LEN - len, len);
}

int main(void)
{
	for (size_t len = 0; len <= MAX_LEN; len++)
		memory(len);
	end();
	return 0;
}
