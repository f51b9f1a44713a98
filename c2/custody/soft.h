/*
 * Software custody: a master key that is in no file of the database, from a
 * passphrase (Argon2id with a stored random salt) or from a file of 32 bytes.
 */
#ifndef C2_CUSTODY_SOFT_H
#define C2_CUSTODY_SOFT_H

#include "c2/core/custody.h"
#include "c2/core/store.h"

struct custody_soft_config {
	const char *passphrase_file; /* first line; exactly one of the two */
	const char *key_file;        /* 32 raw bytes */
	/* At most one: the master key that shall replace it, or has done so already. */
	const char *next_passphrase_file;
	const char *next_key_file;
	bool as_it_is; /* write nothing: a next key counts only if the database knows it */
};

/*
 * Derive or read the master key and check it against the key-check value in
 * the store's meta (written at the first start; needs that no transaction is
 * open). A new passphrase has at least 16 bytes. Takes 64 MiB of memory and
 * about 0.2 s for a passphrase. The subkeys stay in locked memory until
 * custody_close.
 *
 * ERR_CUSTODY: it is not the one this database was sealed with, or the
 * database lost the entry that tells; or the key is being changed and no next
 * one is configured. ERR_NOT_FOUND, ERR_FORBIDDEN,
 * ERR_INVALID: the file is not there, not private, not of its form.
 */
bool custody_soft_open(struct custody *out, const struct custody_soft_config *config,
		       const struct store *store, struct err *err);

#endif
