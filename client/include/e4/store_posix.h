/*
 * The store of struct e4_config as one file, for hosts (POSIX).
 *
 * Whenever the power goes, the file afterwards is the old state or the new
 * one: a new state is written beside it, synced, renamed over it, and the
 * folder is synced. Then the old file's blocks are overwritten with zeros, as
 * are those of a half-written file that a crash left behind (a crash between
 * the two leaves the old bytes in free blocks). That reaches the medium on ordinary disks and file
 * systems; on flash translation layers, copy-on-write file systems and snapshots nothing a program
 * does can.
 *
 * Beside FILE lie FILE.lock (empty, kept) and, while saving, FILE.new; all are
 * of mode 0600. One store is used by one process, which flock() makes sure of,
 * and by one thread at a time.
 */
#ifndef E4_STORE_POSIX_H
#define E4_STORE_POSIX_H

#include "e4/e4.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What the store needs of the system, in one folder, so that a test can cut
 * the power at every step. Names are single path components; handles are >= 0.
 */
struct e4_posix_io {
	/* E4_IO_READ, E4_IO_WRITE (existing, from its start) or E4_IO_CREATE (must not exist). */
	int (*open)(void *ctx, const char *name, int how);
	bool (*read)(void *ctx, int file, void *out, size_t len); /* exactly len */
	bool (*write)(void *ctx, int file, const void *bytes,
		      size_t len); /* all, at the end of the last */
	bool (*size)(void *ctx, int file, size_t *len);
	bool (*sync)(void *ctx, int file);
	void (*close)(void *ctx, int file);
	bool (*rename)(void *ctx, const char *from, const char *to);
	bool (*remove)(void *ctx, const char *name);
	bool (*sync_folder)(void *ctx);
};

enum { E4_IO_READ, E4_IO_WRITE, E4_IO_CREATE };
enum { E4_IO_MISSING = -1, E4_IO_FAILED = -2 }; /* results of open */

#define E4_STORE_NAME_MAX 200

/* Fields are private; the struct is public so that the caller can place it. It holds secrets while
 * saving. */
struct e4_store_posix {
	const struct e4_posix_io *io;
	void *io_ctx;
	int folder;
	int lock;
	int file; /* being written or read; -1: none */
	bool writing;
	size_t left; /* bytes that the state still lacks */
	size_t pending_len;
	uint8_t pending[4096];
	char name[E4_STORE_NAME_MAX + 1];
	char new_name[E4_STORE_NAME_MAX + 5];
};

/*
 * Open the store at path, whose folder exists; the file need not. False with a
 * sentence in error (at most error_cap bytes with its zero) when another
 * process has it, or the system refuses.
 */
bool e4_store_posix_open(struct e4_store_posix *s, const char *path, char *error, size_t error_cap);

/* The same over another system, without a lock; name is the file's in its folder. */
bool e4_store_posix_open_io(struct e4_store_posix *s, const char *name,
			    const struct e4_posix_io *io, void *io_ctx);

/* For e4_config.store; s stays where it is until the client is done. */
struct e4_store e4_store_posix_functions(struct e4_store_posix *s);

void e4_store_posix_close(struct e4_store_posix *s);

/* For e4_config.now: the system's clock; ctx is not used. False before 2020: it was never set. */
bool e4_clock_posix_now(void *ctx, uint64_t *seconds);

#ifdef __cplusplus
}
#endif
#endif
