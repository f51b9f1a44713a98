#include "e4/password.h"

#include "argon2i.h"
#include "e4/crypto.h"

#include <sodium.h>

#define MEMORY_KIB 65536u
#define PASSES 3u
#define COMPAT_LANES 4u

/*
 * Bytes of the UTF-8 character at p, of at most len; 0 if there is none. By
 * table 3-7 of the Unicode standard: no overlong form, no surrogate, nothing
 * above U+10FFFF.
 */
static size_t utf8_char(const uint8_t *p, size_t len)
{
	uint8_t lead = p[0], low = 0x80, high = 0xbf;
	size_t n;
	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead <= 0xdf)
		n = 2;
	else if (lead >= 0xe0 && lead <= 0xef)
		n = 3;
	else if (lead >= 0xf0 && lead <= 0xf4)
		n = 4;
	else
		return 0;
	if (n > len)
		return 0;
	if (lead == 0xe0)
		low = 0xa0;
	else if (lead == 0xed)
		high = 0x9f;
	else if (lead == 0xf0)
		low = 0x90;
	else if (lead == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	return n;
}

enum e4_password_fault e4_password_check(const char *password, size_t len)
{
	const uint8_t *p = (const uint8_t *)password;
	if (len < E4_PASSWORD_MIN)
		return E4_PASSWORD_TOO_SHORT;
	if (len > UINT32_MAX)
		return E4_PASSWORD_TOO_LONG;
	for (size_t i = 0; i < len;) {
		size_t n = utf8_char(p + i, len - i);
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
