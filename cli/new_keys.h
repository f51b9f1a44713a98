/*
 * Keys that are made while clients are imported: a file of CSV rows, for its
 * owner alone, that gets each key before the server does. A run that was cut
 * off is repeated with the same file: its keys are used again in the same
 * order, then new ones follow.
 */
#ifndef CLI_NEW_KEYS_H
#define CLI_NEW_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct new_keys;

/* resume: the file may be there and is gone on with; else it must not. */
bool new_keys_open(struct new_keys **out, const char *path, bool pubkey, bool resume,
		   struct err *err);
/* False if it could not be closed well. */
bool new_keys_close(struct new_keys *k, struct err *err);

/* The key that the server gets of this client: symmetric or public. */
bool new_keys_next(struct new_keys *k, uint8_t key[32], const char *name, struct err *err);

/* All keys so far are on the disk. */
bool new_keys_sync(struct new_keys *k, struct err *err);

#endif
