/* Keys from passwords: the deployed tools' results, another Argon2, and bad passwords. */
#include "check.h"
#include "crypto_json.h"
#include "e4/crypto.h"
#include "e4/password.h"

static void one_password(const json_t *c)
{
	struct bytes password = json_hex(c, "password_hex");
	const char *text = (const char *)password.data;
	uint8_t got[32], priv[64], zero[32] = {0};
	bool want = json_is_true(json_object_get(c, "accepted"));

	CHECK_EQ(e4_password_key_compat(got, text, password.len), want);
	CHECK_EQ(e4_password_check(text, password.len) == E4_PASSWORD_GOOD, want);
	if (!want) {
		CHECK_MEM(got, zero, 32);
		free(password.data);
		return;
	}
	struct bytes key = json_hex(c, "sym_key"), want_priv = json_hex(c, "ed25519_private");
	CHECK_MEM(got, key.data, 32);
	e4_ed25519_keypair(priv, got);
	CHECK_MEM(priv, want_priv.data, 64);
	free(password.data);
	free(key.data);
	free(want_priv.data);
}

static void compat_gives_the_keys_of_deployed_fleets(void)
{
	CHECK_EQ(json_each_case("vectors/password.json", one_password), 21);
}

/* Made with libargon2 and Python's hashlib. */
static void argon2id_is_that_of_another_implementation(void)
{
	static const char password[] = "a password of some length, \xc3\xa4";
	static const uint8_t want[32] = {
		0xeb, 0x17, 0x68, 0x0b, 0x0d, 0x3b, 0x04, 0x81, 0x5c, 0x7b, 0x07,
		0x86, 0x66, 0x71, 0x30, 0xf8, 0x06, 0x79, 0x5c, 0xc3, 0x9e, 0xd1,
		0xd9, 0x0b, 0x15, 0x50, 0x65, 0x66, 0xbb, 0x55, 0x2a, 0xb1,
	};
	uint8_t id[32], got[32];
	e4_sha3_256(id, "sensor-1", 8);
	CHECK(e4_password_key(got, id, password, strlen(password)));
	CHECK_MEM(got, want, 32);
	id[15] ^= 1;
	CHECK(e4_password_key(got, id, password, strlen(password)));
	CHECK(memcmp(got, want, 32) != 0);
}

struct password_case {
	const char *text;
	enum e4_password_fault want;
};

static void bad_passwords_are_named_and_give_no_key(void)
{
	static const struct password_case cases[] = {
		{"", E4_PASSWORD_TOO_SHORT},
		{"123456789012345", E4_PASSWORD_TOO_SHORT},
		{"1234567890123456", E4_PASSWORD_GOOD},
		{"12345678901234\xc3\xa4", E4_PASSWORD_GOOD},
		{"123456789012345\x80", E4_PASSWORD_NOT_UTF8},       /* bare continuation */
		{"123456789012345\xc3", E4_PASSWORD_NOT_UTF8},       /* cut off */
		{"12345678901234\xc0\xaf", E4_PASSWORD_NOT_UTF8},    /* overlong */
		{"12345678901234\xc1\xbf", E4_PASSWORD_NOT_UTF8},    /* overlong */
		{"1234567890123\xe0\x9f\xbf", E4_PASSWORD_NOT_UTF8}, /* overlong */
		{"1234567890123\xe0\xa0\x80", E4_PASSWORD_GOOD},
		{"1234567890123\xed\x9f\xbf", E4_PASSWORD_GOOD},
		{"1234567890123\xed\xa0\x80", E4_PASSWORD_NOT_UTF8},    /* surrogate */
		{"123456789012\xf0\x8f\xbf\xbf", E4_PASSWORD_NOT_UTF8}, /* overlong */
		{"123456789012\xf0\x90\x80\x80", E4_PASSWORD_GOOD},
		{"123456789012\xf4\x8f\xbf\xbf", E4_PASSWORD_GOOD},
		{"123456789012\xf4\x90\x80\x80", E4_PASSWORD_NOT_UTF8}, /* beyond U+10FFFF */
		{"123456789012\xf0\x90\x80"
		 "a",
		 E4_PASSWORD_NOT_UTF8},
		{"123456789012345\xff", E4_PASSWORD_NOT_UTF8},
	};
	static const uint8_t id[16], zero[32];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *text = cases[i].text;
		uint8_t out[32] = {1};
		CHECK_EQ(e4_password_check(text, strlen(text)), cases[i].want);
		if (cases[i].want == E4_PASSWORD_GOOD)
			continue;
		CHECK(!e4_password_key(out, id, text, strlen(text)));
		CHECK_MEM(out, zero, 32);
	}
	CHECK_EQ(e4_password_check(NULL, 0), E4_PASSWORD_TOO_SHORT);
}

int main(void)
{
	RUN(compat_gives_the_keys_of_deployed_fleets);
	RUN(argon2id_is_that_of_another_implementation);
	RUN(bad_passwords_are_named_and_give_no_key);
	return END();
}
