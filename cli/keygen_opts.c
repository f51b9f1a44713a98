#include "cli/keygen_opts.h"

/* The type is free text here: the refusal of an unknown one has words of its own. */
static const struct opt rows[] = {
	{"type", NULL, OPT_TEXT, "TYPE", offsetof(struct keygen_args, type), 0, 0,
	 "symmetric|ed25519|curve25519",
	 "Kind of key: symmetric (default), ed25519 or curve25519."},
	{"out", NULL, OPT_FILE, "FILE", offsetof(struct keygen_args, out), 0, 0, NULL,
	 "File for the private key, mode 0600; the public key of a pair goes to FILE.pub, "
	 "mode 0644."},
	{"force", NULL, OPT_SWITCH, NULL, offsetof(struct keygen_args, force), 0, 0, NULL,
	 "Overwrite existing files."},
	{"help", "h", OPT_SWITCH, NULL, offsetof(struct keygen_args, help), 0, 0, NULL,
	 "Print this help."},
};

const struct opts keygen_opts = {"-", rows, sizeof rows / sizeof rows[0]};
