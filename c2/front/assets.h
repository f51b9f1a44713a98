/* Files that are part of the program. */
#ifndef C2_FRONT_ASSETS_H
#define C2_FRONT_ASSETS_H

#include <stddef.h>

/* api/gen/openapi.json */
extern const char asset_openapi[], asset_openapi_end[];

static inline size_t asset_openapi_len(void)
{
	return (size_t)(asset_openapi_end - asset_openapi);
}

#endif
