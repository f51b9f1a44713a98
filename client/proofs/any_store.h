/* The half of a store that is written to: it may fail at each call. */
#ifndef CLIENT_PROOFS_ANY_STORE_H
#define CLIENT_PROOFS_ANY_STORE_H

#include "any.h"

static bool save_begin(void *ctx, size_t len)
{
	(void)ctx;
	(void)len;
	return any_bool();
}

static bool save_write(void *ctx, const void *bytes, size_t len)
{
	(void)ctx;
	is_read(bytes, len);
	return any_bool();
}

static bool save_commit(void *ctx)
{
	(void)ctx;
	return any_bool();
}

#endif
