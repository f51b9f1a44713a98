/*
 * Taking over clients that are deployed with other software: host only, in
 * libe4host.
 *
 * Holds for both functions:
 * - c is an initialised client of the mode that the input is of; it becomes
 *   the client of the input, with all its keys, in one write to its store.
 *   What it was before is gone.
 * - On false nothing has changed, and error holds a sentence for people (at
 *   most error_cap bytes with its zero; never a key).
 * - The input holds secrets and belongs to the caller, who wipes it. The JSON
 *   library keeps copies in freed memory: import in a short-lived process.
 */
#ifndef E4_IMPORT_H
#define E4_IMPORT_H

#include "e4/e4.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The JSON state of the Go client. Member names count without regard to case,
 * what follows the first JSON value is ignored, as that client does. Old topic
 * keys keep the time of their switch.
 */
bool e4_import_go(struct e4_client *c, const char *json, size_t len, char *error, size_t error_cap);

/*
 * The binary store of the C client, as written on a little-endian machine.
 * Its own copy of the public key is not used: that client does not renew it
 * when the identity key changes.
 */
bool e4_import_libe4(struct e4_client *c, const uint8_t *bytes, size_t len, char *error,
		     size_t error_cap);

#ifdef __cplusplus
}
#endif
#endif
