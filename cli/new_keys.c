#define _GNU_SOURCE
#include "cli/new_keys.h"

#include <csv.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/rows.h"
#include "e4/crypto.h"

struct new_keys {
	const char *path;
	FILE *f;
	struct rows *before; /* of the run that was cut off; null once they are used up */
	bool pubkey;
};

static bool failed(const struct new_keys *k, struct err *err)
{
	return err_set(err, ERR_STORE, "%s: %s", k->path, strerror(errno));
}

static const char *header(const struct new_keys *k)
{
	return k->pubkey ? "name,key,private_key\n" : "name,key\n";
}

/* What begins otherwise is somebody's other file, or was made in the other mode. */
static bool is_ours(const struct new_keys *k)
{
	char begins[32];
	size_t len = strlen(header(k));

	return pread(fileno(k->f), begins, len, 0) == (ssize_t)len &&
	       memcmp(begins, header(k), len) == 0;
}

/* A row that was not written to its end has no line end: its client was never sent. */
static bool cut_last_line(const struct new_keys *k, off_t size, struct err *err)
{
	char c = 0;
	off_t end = size;
	int fd = fileno(k->f);

	while (end > 0 && pread(fd, &c, 1, end - 1) == 1 && c != '\n')
		end--;
	return end == size || ftruncate(fd, end) == 0 || failed(k, err);
}

/* The keys of the run that was cut off come first. */
static bool go_on(struct new_keys *k, off_t size, struct err *err)
{
	if (!is_ours(k))
		return err_set(err, ERR_INVALID, "%s is no file of new keys of this server's mode",
			       k->path);
	return cut_last_line(k, size, err) &&
	       (rows_open(&k->before, k->path, ROWS_CSV, err) || err_wrap(err, "%s", k->path));
}

static bool open_file(struct new_keys *k, bool resume, off_t *size, struct err *err)
{
	int flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW;
	int fd = open(k->path, resume ? flags : flags | O_EXCL, 0600);
	struct stat st;

	if (fd < 0 && errno == EEXIST)
		return err_set(err, ERR_EXISTS,
			       "%s is there already: if it is of a run that was cut off, go on "
			       "with --resume",
			       k->path);
	if (fd < 0)
		return err_set(err, ERR_FORBIDDEN, "%s: %s", k->path, strerror(errno));
	k->f = fdopen(fd, "a");
	if (fstat(fd, &st) != 0)
		return failed(k, err);
	if (!S_ISREG(st.st_mode) || (st.st_mode & 077))
		return err_set(err, ERR_FORBIDDEN,
			       "%s is to hold keys: it has to be a file for its owner alone "
			       "(chmod 600)",
			       k->path);
	*size = st.st_size;
	return true;
}

static bool start(struct new_keys *k, bool resume, struct err *err)
{
	off_t size = 0;

	if (strcmp(k->path, "-") == 0)
		return err_set(err, ERR_INVALID, "--new-keys is a file");
	if (!open_file(k, resume, &size, err))
		return false;
	if (size > 0)
		return go_on(k, size, err);
	return fputs(header(k), k->f) >= 0 || failed(k, err);
}

bool new_keys_open(struct new_keys **out, const char *path, bool pubkey, bool resume,
		   struct err *err)
{
	struct new_keys *k = mem_alloc(sizeof *k);

	*k = (struct new_keys){.path = path, .pubkey = pubkey};
	if (start(k, resume, err)) {
		*out = k;
		return true;
	}
	new_keys_close(k, NULL);
	return false;
}

bool new_keys_close(struct new_keys *k, struct err *err)
{
	bool ok;

	if (!k)
		return true;
	rows_close(k->before);
	ok = !k->f || fclose(k->f) == 0 || failed(k, err);
	free(k);
	return ok;
}

/* The same input gives the same clients in the same order. */
static bool take_before(struct new_keys *k, uint8_t key[32], const char *name, bool *taken,
			struct err *err)
{
	const char *hex, *was;
	size_t len;
	bool end;

	*taken = false;
	if (!rows_next(k->before, &end, err))
		return err_wrap(err, "%s", k->path);
	if (end) {
		rows_close(k->before);
		k->before = NULL;
		return true;
	}
	was = rows_text(k->before, "name");
	hex = rows_text(k->before, "key");
	*taken = was && hex && strcmp(was, name) == 0 &&
		 sodium_hex2bin(key, 32, hex, strlen(hex), NULL, &len, NULL) == 0 && len == 32 &&
		 (rows_text(k->before, "private_key") != NULL) == k->pubkey;
	return *taken || err_set(err, ERR_INVALID,
				 "%s, line %zu, is not of this input: its keys are of other "
				 "clients, or in another order",
				 k->path, rows_line(k->before));
}

static void make(struct new_keys *k, uint8_t key[32], uint8_t private_key[64])
{
	uint8_t seed[32];

	do
		randombytes_buf(seed, sizeof seed);
	while (e4_is_zero(seed, sizeof seed));
	if (k->pubkey) {
		e4_ed25519_keypair(private_key, seed);
		memcpy(key, private_key + 32, 32);
	} else {
		memcpy(key, seed, 32);
	}
	e4_wipe(seed, sizeof seed);
}

bool new_keys_next(struct new_keys *k, uint8_t key[32], const char *name, struct err *err)
{
	uint8_t private_key[64];
	char hex[129];
	bool taken = false;

	if (k->before && (!take_before(k, key, name, &taken, err) || taken))
		return taken;
	make(k, key, private_key);
	csv_fwrite(k->f, name, strlen(name));
	fprintf(k->f, ",%s", sodium_bin2hex(hex, sizeof hex, key, 32));
	if (k->pubkey)
		fprintf(k->f, ",%s", sodium_bin2hex(hex, sizeof hex, private_key, 64));
	fputc('\n', k->f);
	e4_wipe(private_key, sizeof private_key);
	e4_wipe(hex, sizeof hex);
	return !ferror(k->f) || failed(k, err);
}

bool new_keys_sync(struct new_keys *k, struct err *err)
{
	return (fflush(k->f) == 0 && fdatasync(fileno(k->f)) == 0) || failed(k, err);
}
