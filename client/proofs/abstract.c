/*
 * The primitives as the core may assume them: they read and write what
 * e4/crypto.h says, which is demanded of the caller here, and what they write
 * is arbitrary. So what is proved of the core holds for every variant that keeps
 * to this, and for every outcome: all digests, tags, keys and verdicts.
 */
#include <string.h>

#include "abstract.h"
#include "any.h"
#include "e4/crypto.h"

const uint8_t *e4_abstract_opened;
bool e4_abstract_verified;

/* Bytes that are known compare as they do: the libc of Frama-C says "anything". */
int memcmp(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;

	is_read(a, n);
	is_read(b, n);
	for (size_t i = 0; i < n; i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

/* Without the assembly line, of which Eva must assume that it writes anything. */
void e4_wipe(void *p, size_t len)
{
	if (len > 0)
		memset(p, 0, len);
}

bool e4_equal(const void *a, const void *b, size_t len)
{
	return memcmp(a, b, len) == 0;
}

bool e4_is_zero(const void *p, size_t len)
{
	is_read(p, len);
	return any_bool();
}

void e4_sha3_init(struct e4_sha3 *h)
{
	is_written(h, sizeof *h);
}

void e4_sha3_update(struct e4_sha3 *h, const void *in, size_t len)
{
	is_read(h, sizeof *h);
	is_read(in, len);
	is_written(h, sizeof *h);
}

void e4_sha3_final(struct e4_sha3 *h, uint8_t digest[32])
{
	is_read(h, sizeof *h);
	is_written(digest, 32);
	is_written(h, sizeof *h);
}

void e4_sha3_short(uint8_t *digest, uint8_t digest_len, const void *in, size_t len)
{
	is_read(in, len);
	is_written(digest, digest_len);
}

void e4_sha3_256(uint8_t digest[32], const void *in, size_t len)
{
	is_read(in, len);
	is_written(digest, 32);
}

void e4_siv_key_init(struct e4_siv_key *k, const uint8_t key[32])
{
	is_read(key, 32);
	is_written(k, sizeof *k);
}

void e4_siv_seal(const struct e4_siv_key *k, uint8_t *out, const void *ad, size_t ad_len,
		 const uint8_t *in, size_t len)
{
	is_read(k, sizeof *k);
	is_read(ad, ad_len);
	is_read(in, len);
	is_written(out, len + 16);
}

bool e4_siv_open(const struct e4_siv_key *k, uint8_t *out, const void *ad, size_t ad_len,
		 const uint8_t *in, size_t in_len)
{
	if (in_len < 16)
		return false;
	is_read(k, sizeof *k);
	is_read(ad, ad_len);
	is_read(in, in_len);
	is_written(out, in_len - 16);
	if (e4_abstract_opened && in_len > 16)
		memcpy(out, e4_abstract_opened, in_len - 16);
	return e4_abstract_opened || any_bool();
}

void e4_siv_seal_batch(struct e4_siv_job *jobs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct e4_siv_job *j = &jobs[i];

		e4_siv_seal(j->key, j->out, j->ad, j->ad_len, j->in, j->len);
		jobs[i].ok = true;
	}
}

void e4_siv_open_batch(struct e4_siv_job *jobs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct e4_siv_job *j = &jobs[i];

		jobs[i].ok = e4_siv_open(j->key, j->out, j->ad, j->ad_len, j->in, j->len);
	}
}

void e4_ed25519_keypair(uint8_t private_key[64], const uint8_t seed[32])
{
	is_read(seed, 32);
	is_written(private_key, 64);
}

void e4_ed25519_sign(uint8_t sig[64], const void *msg, size_t len, const uint8_t private_key[64])
{
	is_read(msg, len);
	is_read(private_key, 64);
	is_written(sig, 64);
}

bool e4_ed25519_verify(const uint8_t sig[64], const void *msg, size_t len,
		       const uint8_t public_key[32])
{
	is_read(sig, 64);
	is_read(msg, len);
	is_read(public_key, 32);
	return e4_abstract_verified || any_bool();
}

bool e4_ed25519_public_key_ok(const uint8_t public_key[32])
{
	is_read(public_key, 32);
	return any_bool();
}

void e4_x25519_base(uint8_t public_key[32], const uint8_t scalar[32])
{
	is_read(scalar, 32);
	is_written(public_key, 32);
}

bool e4_x25519(uint8_t shared[32], const uint8_t scalar[32], const uint8_t point[32])
{
	is_read(scalar, 32);
	is_read(point, 32);
	is_written(shared, 32);
	return any_bool();
}

void e4_ed25519_to_x25519_scalar(uint8_t scalar[32], const uint8_t private_key[64])
{
	is_read(private_key, 64);
	is_written(scalar, 32);
}

bool e4_ed25519_to_x25519_public(uint8_t point[32], const uint8_t public_key[32])
{
	is_read(public_key, 32);
	is_written(point, 32);
	return any_bool();
}
