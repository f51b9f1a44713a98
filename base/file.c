#define _GNU_SOURCE
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

/* An error of the system as one of ours, with the path in front. */
static bool fail(struct err *err, const char *path, const char *doing)
{
	int e = errno;
	enum err_code code = ERR_STORE;

	if (e == ENOENT || e == ENOTDIR)
		code = ERR_NOT_FOUND;
	else if (e == EACCES || e == EPERM || e == EROFS)
		code = ERR_FORBIDDEN;
	else if (e == EEXIST)
		code = ERR_EXISTS;
	else if (e == EISDIR || e == ENAMETOOLONG || e == ELOOP)
		code = ERR_INVALID;
	return err_set(err, code, "%s: cannot %s: %s", path, doing, strerror(e));
}

static int open_to_read(const char *path, struct err *err)
{
	int fd;

	if (strcmp(path, "-") == 0)
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		fail(err, path, "open");
	return fd;
}

/* Read to the end; one byte more than cap is asked for, to notice a larger file. */
static bool read_all(int fd, const char *path, uint8_t *out, size_t cap, size_t *len,
		     struct err *err)
{
	uint8_t more;
	size_t n = 0;

	for (;;) {
		ssize_t r = n < cap ? read(fd, out + n, cap - n) : read(fd, &more, 1);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return fail(err, path, "read");
		if (r == 0)
			break;
		if (n == cap) {
			explicit_bzero(&more, 1);
			return err_set(err, ERR_INVALID, "%s: is larger than %zu bytes", path, cap);
		}
		n += (size_t)r;
	}
	*len = n;
	return true;
}

/* Asked of the open file, so that it cannot be exchanged between check and read. */
static bool check_private(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail(err, path, "examine");
	/* The bits of a pipe or terminal say nothing of who gets what was typed into it. */
	if (S_ISREG(st.st_mode) && (st.st_mode & 077))
		return err_set(err, ERR_FORBIDDEN,
			       "%s: others can read or change it (mode %04o); run: chmod 600 %s",
			       path, (unsigned)(st.st_mode & 07777), path);
	return true;
}

static bool read_file(const char *path, bool secret, uint8_t *out, size_t cap, size_t *len,
		      struct err *err)
{
	int fd = open_to_read(path, err);
	bool ok;

	*len = 0;
	if (fd < 0)
		return false;
	ok = (!secret || check_private(fd, path, err)) && read_all(fd, path, out, cap, len, err);
	if (!ok)
		explicit_bzero(out, cap);
	close(fd);
	return ok;
}

bool file_read(const char *path, uint8_t *out, size_t cap, size_t *len, struct err *err)
{
	return read_file(path, false, out, cap, len, err);
}

bool file_read_secret(const char *path, uint8_t *out, size_t cap, size_t *len, struct err *err)
{
	return read_file(path, true, out, cap, len, err);
}

/* The first line of text into out; what follows it is ignored. */
static bool take_line(const char *path, const uint8_t *text, size_t len, char *out, size_t cap,
		      struct err *err)
{
	const uint8_t *end = memchr(text, '\n', len);
	size_t n = end ? (size_t)(end - text) : len;

	if (n > 0 && text[n - 1] == '\r')
		n--;
	if (n == 0)
		return err_set(err, ERR_INVALID, "%s: its first line is empty", path);
	if (n >= cap)
		return err_set(err, ERR_INVALID, "%s: its first line is longer than %zu bytes",
			       path, cap - 1);
	if (memchr(text, 0, n))
		return err_set(err, ERR_INVALID, "%s: its first line holds a zero byte", path);
	memcpy(out, text, n);
	out[n] = 0;
	return true;
}

bool file_read_line(const char *path, char *out, size_t cap, struct err *err)
{
	uint8_t text[FILE_LINE_CAP];
	size_t len;
	bool ok;

	ok = file_read_secret(path, text, sizeof text, &len, err) &&
	     take_line(path, text, len, out, cap, err);
	explicit_bzero(text, sizeof text);
	if (!ok)
		explicit_bzero(out, cap);
	return ok;
}

static bool write_all(int fd, const char *path, const void *bytes, size_t len, struct err *err)
{
	const uint8_t *p = bytes;

	while (len > 0) {
		ssize_t w = write(fd, p, len);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return fail(err, path, "write");
		p += w;
		len -= (size_t)w;
	}
	return true;
}

/* What may be replaced: a file or a link to one; never a device, folder or socket. */
static bool check_target(const char *path, bool replace, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT || fail(err, path, "examine");
	if (!replace)
		return err_set(err, ERR_EXISTS, "%s: exists already", path);
	if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return err_set(err, ERR_INVALID, "%s: is not a file", path);
	return true;
}

static bool put_in_place(const char *beside, const char *path, bool replace, struct err *err)
{
	if (replace)
		return rename(beside, path) == 0 || fail(err, path, "put in place");
	if (renameat2(AT_FDCWD, beside, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return true;
	if (errno != EINVAL && errno != ENOSYS)
		return fail(err, path, "put in place");
	/* A file system that cannot refuse at rename can refuse at link. */
	if (link(beside, path) < 0)
		return fail(err, path, "put in place");
	unlink(beside);
	return true;
}

/* A rename lasts through a power cut only once its folder is synced. */
static bool sync_folder(const char *path, struct err *err)
{
	char *folder = mem_text(path), *slash = strrchr(folder, '/');
	bool ok;
	int fd;

	if (slash)
		slash[slash == folder] = 0;
	fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	if (fd < 0)
		return fail(err, path, "sync the folder of");
	/* EINVAL: a file system that has nothing to sync there. */
	ok = fsync(fd) == 0 || errno == EINVAL || fail(err, path, "sync the folder of");
	close(fd);
	return ok;
}

static bool fill(int fd, const char *path, const void *bytes, size_t len, unsigned mode,
		 struct err *err)
{
	if (!write_all(fd, path, bytes, len, err))
		return false;
	/* The mode comes after the bytes: nobody else may have it open while it is filled. */
	if (fchmod(fd, mode & 0777) < 0)
		return fail(err, path, "set the permissions of");
	return fsync(fd) == 0 || fail(err, path, "sync");
}

bool file_write(const char *path, const void *bytes, size_t len, unsigned mode, bool replace,
		struct err *err)
{
	static const char suffix[] = ".XXXXXX";
	size_t path_len = strlen(path);
	char *beside;
	bool ok = false;
	int fd;

	if (!check_target(path, replace, err))
		return false;
	beside = mem_alloc(path_len + sizeof suffix);
	memcpy(beside, path, path_len);
	memcpy(beside + path_len, suffix, sizeof suffix);
	fd = mkostemp(beside, O_CLOEXEC); /* mode 0600 */
	if (fd < 0) {
		fail(err, path, "create");
		goto out;
	}
	ok = fill(fd, path, bytes, len, mode, err);
	close(fd);
	ok = ok && put_in_place(beside, path, replace, err);
	if (!ok)
		unlink(beside);
	ok = ok && sync_folder(path, err);
out:
	free(beside);
	return ok;
}

void file_harden_process(void)
{
	struct rlimit none = {0, 0};

	/* Neither can fail for a process that acts on itself. */
	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &none);
}
