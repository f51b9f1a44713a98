#include "c2/core/internal.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/log.h"

/*
 * The kernel's generator. Up to 256 bytes it neither fails nor returns short
 * once it is seeded; should it ever, there is no key that could be made
 * instead, so the program ends.
 */
void random_bytes(void *out, size_t len)
{
	ssize_t got = getrandom(out, len, 0);

	if (got >= 0 && (size_t)got == len)
		return;
	log_write(LOG_ERROR, "the system gives no random bytes");
	abort();
}
