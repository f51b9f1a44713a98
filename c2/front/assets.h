/* Files that are part of the program. */
#ifndef C2_FRONT_ASSETS_H
#define C2_FRONT_ASSETS_H

#include <stdint.h>

/* api/gen/openapi.json */
extern const char asset_openapi[];
extern const uint64_t asset_openapi_len;

#endif
