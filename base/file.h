/*
 * Small files that hold keys, tokens and passphrases. A path that is missing is
 * ERR_NOT_FOUND, one that may not be used ERR_FORBIDDEN, one whose content is
 * wrong ERR_INVALID, a disk that fails ERR_STORE. What was read is wiped on
 * failure; on success the caller wipes it.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A file whose first line is wanted may hold this many bytes in all. */
enum { FILE_LINE_CAP = 4096 };

/* Read a whole file of at most cap bytes; a larger one is an error. "-" is stdin. */
bool file_read(const char *path, uint8_t *out, size_t cap, size_t *len, struct err *err);

/*
 * As file_read, for a secret: refuses a file that group or others can read or
 * write, and says the chmod that mends it.
 */
bool file_read_secret(const char *path, uint8_t *out, size_t cap, size_t *len, struct err *err);

/*
 * First line of a secret file (passphrase, token), without its line end,
 * zero-terminated; at most cap - 1 bytes, not empty, no zero byte within.
 */
bool file_read_line(const char *path, char *out, size_t cap, struct err *err);

/*
 * Create a file with these permissions; fails with ERR_EXISTS if it is there,
 * unless replace. Written beside, synced and renamed: whole or not at all. A
 * symbolic link is replaced itself; a device or folder is never replaced.
 */
bool file_write(const char *path, const void *bytes, size_t len, unsigned mode, bool replace,
		struct err *err);

/* No core files and no ptrace for a process that holds keys. */
void file_harden_process(void);

#endif
