/* The state as a file: the order of steps that survives a power cut. */
#include "e4/store_posix.h"

#include <stdio.h>
#include <string.h>

static void close_file(struct e4_store_posix *s)
{
	if (s->file >= 0)
		s->io->close(s->io_ctx, s->file);
	s->file = -1;
	s->writing = false;
}

/* Overwrite an open file with zeros, then close it. */
static bool scrub_and_close(struct e4_store_posix *s, int file)
{
	static const uint8_t zeros[512];
	size_t len = 0;
	bool ok = s->io->size(s->io_ctx, file, &len);

	while (ok && len > 0) {
		size_t n = len < sizeof zeros ? len : sizeof zeros;

		ok = s->io->write(s->io_ctx, file, zeros, n);
		len -= n;
	}
	ok = ok && s->io->sync(s->io_ctx, file);
	s->io->close(s->io_ctx, file);
	return ok;
}

/* A file that was being written when something failed holds keys: overwritten, then removed. */
static bool remove_new(struct e4_store_posix *s)
{
	int file = s->io->open(s->io_ctx, s->new_name, E4_IO_WRITE);

	if (file == E4_IO_MISSING)
		return true;
	if (file >= 0)
		scrub_and_close(s, file);
	return s->io->remove(s->io_ctx, s->new_name);
}

static bool give_up(struct e4_store_posix *s)
{
	close_file(s);
	e4_wipe(s->pending, sizeof s->pending);
	remove_new(s);
	return false;
}

static bool flush(struct e4_store_posix *s)
{
	bool ok =
		s->pending_len == 0 || s->io->write(s->io_ctx, s->file, s->pending, s->pending_len);

	e4_wipe(s->pending, s->pending_len);
	s->pending_len = 0;
	return ok;
}

static bool save_begin(void *ctx, size_t len)
{
	struct e4_store_posix *s = ctx;

	close_file(s);
	if (!remove_new(s))
		return false;
	s->file = s->io->open(s->io_ctx, s->new_name, E4_IO_CREATE);
	if (s->file < 0)
		return give_up(s);
	s->writing = true;
	s->left = len;
	s->pending_len = 0;
	return true;
}

static bool save_write(void *ctx, const void *bytes, size_t len)
{
	struct e4_store_posix *s = ctx;
	const uint8_t *p = bytes;

	if (!s->writing || len > s->left)
		return give_up(s);
	s->left -= len;
	while (len > 0) {
		size_t room = sizeof s->pending - s->pending_len, n = len < room ? len : room;

		memcpy(s->pending + s->pending_len, p, n);
		s->pending_len += n;
		p += n;
		len -= n;
		if (s->pending_len == sizeof s->pending && !flush(s))
			return give_up(s);
	}
	return true;
}

/*
 * If the folder cannot be synced, the new state may be there already although
 * this says false: like after a power cut, it is the one or the other.
 */
static bool save_commit(void *ctx)
{
	struct e4_store_posix *s = ctx;
	int old;

	if (!s->writing || s->left > 0 || !flush(s) || !s->io->sync(s->io_ctx, s->file))
		return give_up(s);
	close_file(s);
	old = s->io->open(s->io_ctx, s->name, E4_IO_WRITE);
	if (old == E4_IO_FAILED)
		return give_up(s);
	if (!s->io->rename(s->io_ctx, s->new_name, s->name)) {
		if (old >= 0)
			s->io->close(s->io_ctx, old);
		return give_up(s);
	}
	if (!s->io->sync_folder(s->io_ctx)) {
		if (old >= 0)
			s->io->close(s->io_ctx, old);
		return false;
	}
	/* Only now may the old state go; that it cannot be overwritten is no reason to fail. */
	if (old >= 0)
		scrub_and_close(s, old);
	return true;
}

static bool load_begin(void *ctx, size_t *len)
{
	struct e4_store_posix *s = ctx;

	close_file(s);
	*len = 0;
	s->file = s->io->open(s->io_ctx, s->name, E4_IO_READ);
	if (s->file >= 0 && s->io->size(s->io_ctx, s->file, len))
		return true;
	*len = s->file == E4_IO_MISSING ? 0 : 1;
	close_file(s);
	return false;
}

static bool load_read(void *ctx, void *out, size_t len)
{
	struct e4_store_posix *s = ctx;

	return s->file >= 0 && !s->writing && s->io->read(s->io_ctx, s->file, out, len);
}

bool e4_store_posix_open_io(struct e4_store_posix *s, const char *name,
			    const struct e4_posix_io *io, void *io_ctx)
{
	if (!*name || strlen(name) > E4_STORE_NAME_MAX)
		return false;
	if (io_ctx != s) /* else the folder and the lock are open already */
		s->folder = s->lock = -1;
	s->io = io;
	s->io_ctx = io_ctx;
	s->file = -1;
	s->writing = false;
	s->pending_len = 0;
	snprintf(s->name, sizeof s->name, "%s", name);
	snprintf(s->new_name, sizeof s->new_name, "%s.new", name);
	return remove_new(s);
}

struct e4_store e4_store_posix_functions(struct e4_store_posix *s)
{
	struct e4_store store = {s, save_begin, save_write, save_commit, load_begin, load_read};

	return store;
}
