#include "e4/password.h"

#include "../src/utf8.h"
#include "argon2i.h"
#include "e4/crypto.h"

#include <sodium.h>

#define MEMORY_KIB 65536u
#define PASSES 3u
#define COMPAT_LANES 4u

enum e4_password_fault e4_password_check(const char *password, size_t len)
{
	const uint8_t *p = (const uint8_t *)password;
	if (len < E4_PASSWORD_MIN)
		return E4_PASSWORD_TOO_SHORT;
	if (len > UINT32_MAX)
		return E4_PASSWORD_TOO_LONG;
	for (size_t i = 0; i < len;) {
		size_t n = e4_utf8_step(p + i, len - i);
		if (n == 0)
			return E4_PASSWORD_NOT_UTF8;
		i += n;
	}
	return E4_PASSWORD_GOOD;
}

static void salt_of(uint8_t salt[crypto_pwhash_SALTBYTES], const uint8_t id[16])
{
	static const char label[] = "E4 password";
	struct e4_sha3 h;
	uint8_t digest[32];
	e4_sha3_init(&h);
	e4_sha3_update(&h, label, sizeof label - 1);
	e4_sha3_update(&h, id, 16);
	e4_sha3_final(&h, digest);
	for (size_t i = 0; i < crypto_pwhash_SALTBYTES; i++)
		salt[i] = digest[i];
}

bool e4_password_key(uint8_t out[32], const uint8_t id[16], const char *password, size_t len)
{
	uint8_t salt[crypto_pwhash_SALTBYTES];
	salt_of(salt, id);
	if (e4_password_check(password, len) == E4_PASSWORD_GOOD &&
	    crypto_pwhash(out, 32, password, len, salt, PASSES, (size_t)MEMORY_KIB * 1024,
			  crypto_pwhash_ALG_ARGON2ID13) == 0)
		return true;
	e4_wipe(out, 32);
	return false;
}

bool e4_password_key_compat(uint8_t out[32], const char *password, size_t len)
{
	if (e4_password_check(password, len) == E4_PASSWORD_GOOD &&
	    e4_argon2i_one_pass(out, 32, password, len, MEMORY_KIB, COMPAT_LANES))
		return true;
	e4_wipe(out, 32);
	return false;
}
