/* The store's view of the system, for real: files of one folder, and the lock. */
#define _GNU_SOURCE /* flock, O_CLOEXEC and friends under -std=c99 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "e4/store_posix.h"

static int io_open(void *ctx, const char *name, int how)
{
	static const int flags[] = {
		[E4_IO_READ] = O_RDONLY,
		[E4_IO_WRITE] = O_WRONLY,
		[E4_IO_CREATE] = O_WRONLY | O_CREAT | O_EXCL,
	};
	const struct e4_store_posix *s = ctx;
	struct stat st;
	int file = openat(s->folder, name, flags[how] | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

	if (file < 0)
		return errno == ENOENT ? E4_IO_MISSING : E4_IO_FAILED;
	/* A device or a pipe in the file's place would be written to, or never end. */
	if (fstat(file, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(file);
		return E4_IO_FAILED;
	}
	return file;
}

static bool io_read(void *ctx, int file, void *out, size_t len)
{
	uint8_t *p = out;

	(void)ctx;
	while (len > 0) {
		ssize_t n = read(file, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static bool io_write(void *ctx, int file, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	(void)ctx;
	while (len > 0) {
		ssize_t n = write(file, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static bool io_size(void *ctx, int file, size_t *len)
{
	struct stat st;

	(void)ctx;
	if (fstat(file, &st) != 0 || (uintmax_t)st.st_size > SIZE_MAX)
		return false;
	*len = (size_t)st.st_size;
	return true;
}

static bool io_sync(void *ctx, int file)
{
	(void)ctx;
	return fsync(file) == 0;
}

static void io_close(void *ctx, int file)
{
	(void)ctx;
	close(file);
}

static bool io_rename(void *ctx, const char *from, const char *to)
{
	const struct e4_store_posix *s = ctx;

	return renameat(s->folder, from, s->folder, to) == 0;
}

static bool io_remove(void *ctx, const char *name)
{
	const struct e4_store_posix *s = ctx;

	return unlinkat(s->folder, name, 0) == 0;
}

static bool io_sync_folder(void *ctx)
{
	const struct e4_store_posix *s = ctx;

	return fsync(s->folder) == 0;
}

static const struct e4_posix_io posix_io = {
	io_open,  io_read,   io_write,  io_size,        io_sync,
	io_close, io_rename, io_remove, io_sync_folder,
};

static bool fail(struct e4_store_posix *s, char *error, size_t error_cap, const char *path,
		 const char *what)
{
	if (error_cap > 0)
		snprintf(error, error_cap, "%s: %s", path, what);
	e4_store_posix_close(s);
	return false;
}

/* The folder of path; "." if path is a single name. */
static int open_folder(const char *path, const char *slash)
{
	char folder[4096];
	size_t len = slash ? (size_t)(slash - path) + 1 : 1; /* with the slash: "/" stays "/" */

	if (len >= sizeof folder) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(folder, slash ? path : ".", len);
	folder[len] = 0;
	return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

bool e4_store_posix_open(struct e4_store_posix *s, const char *path, char *error, size_t error_cap)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	char lock_name[E4_STORE_NAME_MAX + 6];

	memset(s, 0, sizeof *s);
	s->folder = s->lock = s->file = -1;
	if (!*name || strlen(name) > E4_STORE_NAME_MAX)
		return fail(s, error, error_cap, path, "not a name for the state file");
	s->folder = open_folder(path, slash);
	if (s->folder < 0)
		return fail(s, error, error_cap, path, strerror(errno));
	snprintf(lock_name, sizeof lock_name, "%s.lock", name);
	s->lock = openat(s->folder, lock_name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock < 0)
		return fail(s, error, error_cap, path, strerror(errno));
	if (flock(s->lock, LOCK_EX | LOCK_NB) != 0)
		return fail(s, error, error_cap, path,
			    errno == EWOULDBLOCK ? "in use by another process" : strerror(errno));
	if (!e4_store_posix_open_io(s, name, &posix_io, s))
		return fail(s, error, error_cap, path,
			    "what a crash left behind cannot be removed");
	return true;
}

void e4_store_posix_close(struct e4_store_posix *s)
{
	if (s->file >= 0)
		s->io->close(s->io_ctx, s->file);
	if (s->folder >= 0)
		close(s->folder);
	if (s->lock >= 0)
		close(s->lock); /* and with it the lock */
	e4_wipe(s, sizeof *s);
	s->folder = s->lock = s->file = -1;
}
