#define _GNU_SOURCE
#include "cli/identity.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/term.h"
#include "e4/crypto.h"
#include "e4/import.h"
#include "e4/password.h"
#include "e4/protocol.h"

enum { PASSWORD_MAX = 1024, IMPORT_MAX = 16 << 20 };

bool identity_derive(uint8_t out[32], const struct identity *id, const char *password,
		     struct err *err)
{
	uint8_t e4_id[E4_ID_LEN];
	size_t len = strlen(password);

	switch (e4_password_check(password, len)) {
	case E4_PASSWORD_GOOD:
		break;
	case E4_PASSWORD_TOO_SHORT:
		return err_set(err, ERR_INVALID, "a password has at least %d bytes",
			       E4_PASSWORD_MIN);
	case E4_PASSWORD_NOT_UTF8:
		return err_set(err, ERR_INVALID, "the password is not valid UTF-8");
	case E4_PASSWORD_TOO_LONG:
		return err_set(err, ERR_INVALID, "the password is too long");
	}
	e4_id_from_name(e4_id, id->name, strlen(id->name));
	if (id->password_compat ? e4_password_key_compat(out, password, len)
				: e4_password_key(out, e4_id, password, len))
		return true;
	return err_set(err, ERR_EXHAUSTED,
		       "deriving a key takes 64 MiB of memory, which were not "
		       "to be had");
}

static bool key_from_password(uint8_t key[64], const struct identity *id, struct err *err)
{
	char password[PASSWORD_MAX];
	uint8_t seed[32];
	bool ok;

	ok = id->password_file ? file_read_line(id->password_file, password, sizeof password, err)
			       : term_ask_secret("Password", password, sizeof password, err);
	ok = ok && identity_derive(seed, id, password, err);
	explicit_bzero(password, sizeof password);
	if (!ok)
		return false;
	if (id->pubkey)
		e4_ed25519_keypair(key, seed);
	else
		memcpy(key, seed, sizeof seed);
	e4_wipe(seed, sizeof seed);
	return true;
}

static bool key_from_file(uint8_t key[64], const struct identity *id, struct err *err)
{
	size_t len, want = id->pubkey ? 64 : 32;

	if (!file_read_secret(id->key_file, key, 64, &len, err))
		return false;
	if (len == want)
		return true;
	e4_wipe(key, 64);
	return err_set(err, ERR_INVALID,
		       "%s: holds %zu bytes, the key of a device has %zu here "
		       "(e4keygen -type %s)",
		       id->key_file, len, want, id->pubkey ? "ed25519" : "symmetric");
}

static bool read_c2_key(uint8_t c2[32], const struct identity *id, struct err *err)
{
	size_t len;

	if (!id->c2_pubkey_file)
		return err_set(err, ERR_INVALID,
			       "public-key mode needs the public key of C2: "
			       "-c2PubKey FILE");
	if (!file_read(id->c2_pubkey_file, c2, 32, &len, err))
		return false;
	return len == 32 || err_set(err, ERR_INVALID, "%s: holds %zu bytes, a public key has 32",
				    id->c2_pubkey_file, len);
}

static bool provision(struct e4_client *c, const struct identity *id, struct err *err)
{
	uint8_t key[64], c2[32], e4_id[E4_ID_LEN];
	enum e4_result r;
	bool ok;

	if (!id->key_file && !id->password_file && !id->ask_password)
		return err_set(err, ERR_NOT_FOUND,
			       "%s has no state yet; give its key with -key FILE "
			       "or -password",
			       id->name);
	if (id->pubkey && !read_c2_key(c2, id, err))
		return false;
	ok = id->key_file ? key_from_file(key, id, err) : key_from_password(key, id, err);
	if (!ok)
		return false;
	e4_id_from_name(e4_id, id->name, strlen(id->name));
	r = id->pubkey ? e4_provision_pk(c, e4_id, key, c2) : e4_provision_sk(c, e4_id, key);
	e4_wipe(key, sizeof key);
	if (r == E4_OK)
		return true;
	if (r == E4_ERR_STORE)
		return err_set(err, ERR_STORE, "%s cannot be written", id->state_path);
	return err_set(err, ERR_INVALID, "the key is refused: %s", e4_result_text(r));
}

static bool import(struct e4_client *c, const struct identity *id, struct err *err)
{
	uint8_t *json = mem_alloc(IMPORT_MAX);
	char why[160];
	size_t len = 0;
	bool ok = file_read(id->import_path, json, IMPORT_MAX, &len, err);

	if (ok && !e4_import_go(c, (const char *)json, len, why, sizeof why))
		ok = err_set(err, ERR_INVALID, "%s cannot be taken over: %s", id->import_path, why);
	explicit_bzero(json, len);
	free(json);
	return ok;
}

static bool check_name(const struct e4_client *c, const struct identity *id, struct err *err)
{
	uint8_t e4_id[E4_ID_LEN];
	char mine[E4_CONTROL_TOPIC_LEN + 1], theirs[E4_CONTROL_TOPIC_LEN + 1];

	e4_id_from_name(e4_id, id->name, strlen(id->name));
	e4_control_topic(mine, e4_id);
	e4_client_control_topic(c, theirs);
	return strcmp(mine, theirs) == 0 ||
	       err_set(err, ERR_INVALID, "%s is the state of another device, not of %s",
		       id->state_path, id->name);
}

bool identity_load(struct e4_client *c, const struct identity *id, enum identity_origin *origin,
		   struct err *err)
{
	if (!e4_name_ok(id->name, strlen(id->name)))
		return err_set(err, ERR_INVALID, "a name is 1 to %d bytes of UTF-8", E4_NAME_MAX);
	switch (e4_load(c)) {
	case E4_OK:
		*origin = IDENTITY_LOADED;
		return check_name(c, id, err);
	case E4_ERR_NO_STATE:
		break;
	case E4_ERR_FULL:
		return err_set(err, ERR_EXHAUSTED, "%s holds more topics than this program takes",
			       id->state_path);
	default:
		return err_set(err, ERR_CONFIG,
			       "%s cannot be used: damaged, not readable, or of the "
			       "other mode (%s)",
			       id->state_path,
			       id->pubkey ? "was it made without -pubkey?"
					  : "was it made with -pubkey?");
	}
	if (id->import_path && access(id->import_path, F_OK) == 0) {
		*origin = IDENTITY_IMPORTED;
		if (!import(c, id, err))
			return false;
		if (check_name(c, id, err))
			return true;
		unlink(id->state_path);
		return err_set(err, ERR_INVALID, "%s is the state of another device, not of %s",
			       id->import_path, id->name);
	}
	*origin = IDENTITY_NEW;
	return provision(c, id, err);
}
