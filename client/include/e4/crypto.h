/*
 * The primitives of E4's two main modes (protocol.md sections 1 to 3).
 *
 * Holds for every function here:
 * - Lengths are in bytes. A null pointer is allowed only with length 0.
 * - Nothing allocates, blocks, or keeps global state; all functions are
 *   reentrant. Key objects belong to the caller, who wipes them with e4_wipe.
 * - Running time and memory addresses depend on lengths only, never on keys,
 *   plaintexts or scalars.
 * - Outputs may not overlap inputs, except where a function says so.
 * - Functions that can fail return bool: true is success; on false every
 *   output has been wiped.
 */
#ifndef E4_CRYPTO_H
#define E4_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "e4/config.h"

#ifdef __cplusplus
extern "C" {
#endif

#define E4_SIV_TAG_LEN 16

/* Overwrite len bytes in a way that no compiler removes. */
void e4_wipe(void *p, size_t len);

/* True if the two strings of len bytes are equal; constant time. */
bool e4_equal(const void *a, const void *b, size_t len);

/* True if all len bytes are zero; constant time. */
bool e4_is_zero(const void *p, size_t len);

/* --- SHA3-256 (FIPS 202) -------------------------------------------------- */

#if E4_SHA3 == E4_SHA3_8 || E4_SHA3 == E4_SHA3_AVR
typedef uint8_t e4_sha3_word;
#define E4_SHA3_WORDS 200
#elif E4_SHA3 == E4_SHA3_32
typedef uint32_t e4_sha3_word;
#define E4_SHA3_WORDS 60 /* two for each lane, and room for the sums of the columns */
#else
typedef uint64_t e4_sha3_word;
#define E4_SHA3_WORDS 25
#endif

struct e4_sha3 {
	uint8_t pos; /* bytes of the block so far, 0..135; first for short code on AVR */
	e4_sha3_word state[E4_SHA3_WORDS];
};

/* Each is followed by one e4_sha3_final, so that E4_SHA3_EXTERN may hold what must be freed. */
void e4_sha3_init(struct e4_sha3 *h);
void e4_sha3_update(struct e4_sha3 *h, const void *in, size_t len);
/* Write the digest and wipe h. */
void e4_sha3_final(struct e4_sha3 *h, uint8_t digest[32]);
/* One call for the three above. */
void e4_sha3_256(uint8_t digest[32], const void *in, size_t len);
/* The same, but only the first digest_len bytes of the digest, which are at most 32. */
void e4_sha3_short(uint8_t *digest, uint8_t digest_len, const void *in, size_t len);

/* --- AES-256-SIV with K1 = K2 (RFC 5297, protocol.md section 1) ----------- */

/* An expanded AES-256 key, in the form of the AES variant that the build chose. */
struct e4_aes_key {
#if E4_AES == E4_AES_SMALL8
	uint8_t key[32];
#elif E4_AES == E4_AES_SMALL32
	uint32_t round[60];
#elif E4_AES == E4_AES_CT32
	uint32_t round[120]; /* 15 round keys, bitsliced: 8 planes each */
#elif E4_AES == E4_AES_EXTERN
	uint64_t own[E4_AES_EXTERN_WORDS]; /* the configuration says how many */
#else
	uint64_t round[120]; /* 15 round keys, bitsliced: 8 planes each */
#endif
#if E4_AES == E4_AES_NATIVE
	uint8_t native; /* not 0: not bitsliced, but as this CPU's AES instructions take them */
#endif
};

/*
 * One expanded key: the AES-256 key schedule and what S2V needs of it.
 * Expanding costs about as much as protecting 64 bytes, so a caller with many
 * messages under one key keeps the object. It is secret: wipe it.
 */
struct e4_siv_key {
	struct e4_aes_key aes;
	uint8_t k1[16]; /* CMAC subkeys, RFC 4493 */
	uint8_t k2[16];
	uint8_t d0[16]; /* CMAC(0^128), the start of S2V */
#if E4_AES == E4_AES_CT32
	bool once; /* d0 is not encrypted yet */
#endif
};

void e4_siv_key_init(struct e4_siv_key *k, const uint8_t key[32]);

/*
 * The same for a key that serves one e4_siv_seal or e4_siv_open: where AES takes
 * two blocks at once, what is left to do goes beside the message.
 */
#if E4_AES == E4_AES_CT32
void e4_siv_key_once(struct e4_siv_key *k, const uint8_t key[32]);
#else
#define e4_siv_key_once e4_siv_key_init
#endif

/*
 * Encrypt: write tag(16) | ciphertext(len) to out (len + 16 bytes), with one
 * associated-data string. in may be exactly out + 16 (in place), else no
 * overlap. Empty plaintext and empty associated data are legal.
 */
void e4_siv_seal(const struct e4_siv_key *k, uint8_t *out, const void *ad, size_t ad_len,
		 const uint8_t *in, size_t len);

/*
 * Decrypt in (tag | ciphertext, in_len bytes) to out (in_len - 16 bytes).
 * out may be exactly in + 16 or in (moved down), else no overlap. False if
 * in_len < 16 or the tag is wrong; then out holds zeros.
 */
bool e4_siv_open(const struct e4_siv_key *k, uint8_t *out, const void *ad, size_t ad_len,
		 const uint8_t *in, size_t in_len);

/*
 * Many messages in one call: the same bytes and verdicts as one by one, in less
 * time, because messages do not wait for each other (several times the speed
 * with E4_AES_NATIVE, about three times with E4_AES_CT64, none elsewhere). Two
 * are enough to gain; from eight on all room is used. Keys and lengths may be
 * mixed. Each job's buffers obey the rules of its own call and overlap no other
 * job's; keys may be shared. Takes 4 KB of stack.
 */
struct e4_siv_job {
	const struct e4_siv_key *key;
	const void *ad;
	size_t ad_len;
	const uint8_t *in;
	size_t len; /* of in */
	uint8_t *out;
	bool ok; /* written: open's verdict; a wrong tag leaves the other jobs alone */
};

void e4_siv_seal_batch(struct e4_siv_job *jobs, size_t n);
void e4_siv_open_batch(struct e4_siv_job *jobs, size_t n);

/* --- Ed25519 (RFC 8032) and X25519 (RFC 7748) ------------------------------ */

/* private_key(64) = seed | public key, from a 32-byte seed. */
void e4_ed25519_keypair(uint8_t private_key[64], const uint8_t seed[32]);

/*
 * Deterministic signature. The two halves of private_key must belong together:
 * one message signed under two different public halves gives the key away. So
 * make the public half anew (e4_ed25519_keypair) from a key that comes in.
 */
void e4_ed25519_sign(uint8_t sig[64], const void *msg, size_t len, const uint8_t private_key[64]);

/* Strict: S < L, canonical A and R, neither of small order. */
bool e4_ed25519_verify(const uint8_t sig[64], const void *msg, size_t len,
		       const uint8_t public_key[32]);

/*
 * True if the 32 bytes are a canonical point of the prime-order group, other than
 * the neutral one. Takes about as long as a verification: check a key once, when it
 * comes in.
 */
bool e4_ed25519_public_key_ok(const uint8_t public_key[32]);

/* X25519(scalar, 9). */
void e4_x25519_base(uint8_t public_key[32], const uint8_t scalar[32]);

/* False if the result is all zero (a point of small order). */
bool e4_x25519(uint8_t shared[32], const uint8_t scalar[32], const uint8_t point[32]);

/* First 32 bytes of SHA-512(seed), clamped (protocol.md section 3). */
void e4_ed25519_to_x25519_scalar(uint8_t scalar[32], const uint8_t private_key[64]);

/* Montgomery u-coordinate; false if the public key is not a good point. */
bool e4_ed25519_to_x25519_public(uint8_t point[32], const uint8_t public_key[32]);

#ifdef __cplusplus
}
#endif
#endif
