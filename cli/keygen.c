/* e4keygen: makes key files, raw bytes without any encoding. */
#define _GNU_SOURCE
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/keygen_opts.h"
#include "e4/crypto.h"

enum { EXIT_USAGE = 2 };

struct key {
	uint8_t private_key[64];
	size_t private_len;
	uint8_t public_key[32];
	bool pair;
};

static void make_symmetric(struct key *k)
{
	do
		randombytes_buf(k->private_key, 32);
	while (e4_is_zero(k->private_key, 32));
	k->private_len = 32;
}

static void make_ed25519(struct key *k)
{
	uint8_t seed[32];

	randombytes_buf(seed, sizeof seed);
	e4_ed25519_keypair(k->private_key, seed);
	e4_wipe(seed, sizeof seed);
	memcpy(k->public_key, k->private_key + 32, 32);
	k->private_len = 64;
	k->pair = true;
}

static void make_curve25519(struct key *k)
{
	randombytes_buf(k->private_key, 32); /* not clamped: whoever uses it clamps */
	e4_x25519_base(k->public_key, k->private_key);
	k->private_len = 32;
	k->pair = true;
}

static const struct {
	const char *name;
	void (*make)(struct key *k);
} types[] = {
	{"symmetric", make_symmetric},
	{"ed25519", make_ed25519},
	{"curve25519", make_curve25519},
};

static int usage(FILE *f, int code)
{
	fprintf(f, "Usage of e4keygen:\n  e4keygen [-type TYPE] -out FILE [-force]\n");
	opts_help(&keygen_opts, f);
	return code;
}

static bool refuse(const char *kind, const char *path, const struct err *err)
{
	if (err->code == ERR_EXISTS)
		fprintf(stderr, "failed to write %s key %s: open %s: file exists\n", kind, path,
			path);
	else
		fprintf(stderr, "failed to write %s key %s\n", kind, err->text);
	return false;
}

/* Seen before anything is written, so that a pair is made whole or not at all. */
static bool is_free(const char *kind, const char *path, bool force)
{
	const struct err exists = {ERR_EXISTS, ""};
	struct stat st;

	if (force || lstat(path, &st) < 0)
		return true;
	return refuse(kind, path, &exists);
}

static bool write_key(const struct key *k, const char *path, const char *pub_path, bool force)
{
	struct err err;

	if (!is_free("private", path, force) || (k->pair && !is_free("public", pub_path, force)))
		return false;
	if (!file_write(path, k->private_key, k->private_len, 0600, force, &err))
		return refuse("private", path, &err);
	if (k->pair && !file_write(pub_path, k->public_key, 32, 0644, force, &err)) {
		if (!force)
			unlink(path);
		return refuse("public", pub_path, &err);
	}
	printf("private key successfully written at %s\n", path);
	if (k->pair)
		printf("public key successfully written at %s\n", pub_path);
	return fflush(stdout) == 0;
}

static int generate(const struct keygen_args *args, size_t type)
{
	size_t len = strlen(args->out);
	char *pub_path = malloc(len + sizeof ".pub");
	struct key k = {.pair = false};
	bool ok;

	if (!pub_path)
		return EXIT_FAILURE;
	memcpy(pub_path, args->out, len);
	memcpy(pub_path + len, ".pub", sizeof ".pub");
	types[type].make(&k);
	ok = write_key(&k, args->out, pub_path, args->force);
	e4_wipe(&k, sizeof k);
	free(pub_path);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct keygen_args args = {.out = NULL};
	struct err err;

	if (!opts_parse(&keygen_opts, &args, argc, argv, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return usage(stderr, EXIT_USAGE);
	}
	if (args.help)
		return usage(stdout, EXIT_SUCCESS);
	if (!args.out || !*args.out)
		return usage(stderr, EXIT_FAILURE);
	if (!args.type)
		args.type = "symmetric";
	file_harden_process();
	if (sodium_init() < 0) {
		fprintf(stderr, "no randomness to be had from the system\n");
		return EXIT_FAILURE;
	}
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (strcmp(types[i].name, args.type) == 0)
			return generate(&args, i);
	fprintf(stderr, "Unknown key type: %s\n", args.type);
	return EXIT_FAILURE;
}
