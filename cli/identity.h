/* Who a device is, and where its keys come from. */
#ifndef CLI_IDENTITY_H
#define CLI_IDENTITY_H

#include <stdbool.h>

#include "base/err.h"
#include "e4/e4.h"

/* All texts are borrowed. Secrets are only named here: by files, or by asking. */
struct identity {
	const char *name;
	bool pubkey;
	const char *key_file;
	const char *password_file;
	bool ask_password; /* on the terminal */
	bool password_compat;
	const char *c2_pubkey_file;
	const char *state_path;
	const char *import_path; /* the older client's JSON; null: none */
};

enum identity_origin { IDENTITY_LOADED, IDENTITY_IMPORTED, IDENTITY_NEW };

/*
 * Make c, which is initialised for the mode and the store, the device: from
 * its state if there is one, else from the older client's, else from a key or
 * password. Nothing is written on failure.
 */
bool identity_load(struct e4_client *c, const struct identity *id, enum identity_origin *origin,
		   struct err *err);

/* 32 bytes from a password: key or seed. */
bool identity_derive(uint8_t out[32], const struct identity *id, const char *password,
		     struct err *err);

#endif
