/*
 * Every primitive by OpenSSL 3, in place of the library's own: what a platform
 * does that has a certified or a faster implementation. Build the library with
 *
 *   -DE4_AES=E4_AES_EXTERN -DE4_AES_EXTERN_WORDS=4
 *   -DE4_SHA3=E4_SHA3_EXTERN -DE4_CURVE=E4_CURVE_EXTERN
 *
 * and add this file and -lcrypto. Copy the parts that you want to replace.
 *
 * OpenSSL allocates, so it can fail where the library can't be told: then the
 * program ends, since to go on without encryption would be worse.
 */
#include <openssl/bn.h>
#include <openssl/evp.h>

#include <stdlib.h>
#include <string.h>

#include "aes.h" /* src/crypto/aes.h; e4.h has it in the one-file build */

static void must(int ok)
{
	if (ok != 1)
		abort();
}

/* --- AES: e4_siv_key holds the plain key, as a context of OpenSSL's can't be copied --- */

void e4_aes_init(struct e4_aes_key *k, const uint8_t key[32])
{
	memcpy(k->own, key, 32);
}

static EVP_CIPHER_CTX *cipher(const EVP_CIPHER *type, const struct e4_aes_key *k, const uint8_t *iv)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	must(ctx != NULL);
	must(EVP_EncryptInit_ex(ctx, type, NULL, (const uint8_t *)k->own, iv));
	must(EVP_CIPHER_CTX_set_padding(ctx, 0));
	return ctx;
}

void e4_aes_encrypt(const struct e4_aes_key *k, uint8_t *blocks, size_t n)
{
	EVP_CIPHER_CTX *ctx = cipher(EVP_aes_256_ecb(), k, NULL);
	int len;

	must(EVP_EncryptUpdate(ctx, blocks, &len, blocks, (int)n * E4_AES_BLOCK));
	EVP_CIPHER_CTX_free(ctx);
}

/* The chain is the last block of a CBC encryption that begins with the chain. */
void e4_aes_cbc_mac(const struct e4_aes_key *k, uint8_t chain[16], const uint8_t *in, size_t n)
{
	EVP_CIPHER_CTX *ctx = cipher(EVP_aes_256_cbc(), k, chain);
	int len;

	for (; n > 0; n--, in += E4_AES_BLOCK)
		must(EVP_EncryptUpdate(ctx, chain, &len, in, E4_AES_BLOCK));
	EVP_CIPHER_CTX_free(ctx);
}

/* --- SHA3-256: the state holds a pointer; the library always calls e4_sha3_final ------- */

static EVP_MD_CTX *digest_of(const struct e4_sha3 *h)
{
	EVP_MD_CTX *ctx;

	memcpy(&ctx, h->state, sizeof ctx);
	return ctx;
}

void e4_sha3_init(struct e4_sha3 *h)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	must(ctx != NULL);
	must(EVP_DigestInit_ex(ctx, EVP_sha3_256(), NULL));
	memcpy(h->state, &ctx, sizeof ctx);
}

void e4_sha3_update(struct e4_sha3 *h, const void *in, size_t len)
{
	must(EVP_DigestUpdate(digest_of(h), in, len));
}

void e4_sha3_final(struct e4_sha3 *h, uint8_t digest[32])
{
	must(EVP_DigestFinal_ex(digest_of(h), digest, NULL));
	EVP_MD_CTX_free(digest_of(h));
	e4_wipe(h, sizeof *h);
}

void e4_sha3_256(uint8_t digest[32], const void *in, size_t len)
{
	must(EVP_Digest(in, len, digest, NULL, EVP_sha3_256(), NULL));
}

void e4_sha3_short(uint8_t *digest, uint8_t digest_len, const void *in, size_t len)
{
	uint8_t whole[32];

	e4_sha3_256(whole, in, len);
	memcpy(digest, whole, digest_len);
	e4_wipe(whole, sizeof whole);
}

/* --- Ed25519 and X25519 ------------------------------------------------------------ */

static EVP_PKEY *private_of(int type, const uint8_t key[32])
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(type, NULL, key, 32);

	must(pkey != NULL);
	return pkey;
}

static void public_half(int type, uint8_t out[32], const uint8_t key[32])
{
	EVP_PKEY *pkey = private_of(type, key);
	size_t len = 32;

	must(EVP_PKEY_get_raw_public_key(pkey, out, &len));
	EVP_PKEY_free(pkey);
}

void e4_ed25519_keypair(uint8_t private_key[64], const uint8_t seed[32])
{
	memcpy(private_key, seed, 32);
	public_half(EVP_PKEY_ED25519, private_key + 32, seed);
}

void e4_ed25519_sign(uint8_t sig[64], const void *msg, size_t len, const uint8_t private_key[64])
{
	EVP_PKEY *pkey = private_of(EVP_PKEY_ED25519, private_key);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t sig_len = 64;

	must(ctx != NULL);
	must(EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey));
	must(EVP_DigestSign(ctx, sig, &sig_len, len > 0 ? msg : "", len));
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
}

/* 2^255 - 19, little-endian. */
static const uint8_t prime[32] = {
	0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
};

static bool below_prime(const uint8_t y[32])
{
	for (int i = 31; i >= 0; i--)
		if (y[i] != prime[i])
			return y[i] < prime[i];
	return false;
}

/*
 * A canonical y that is none of the eight points of small order: 1 and -1
 * (orders 1 and 2), 0 (order 4), and the two of order 8, each with both signs
 * of x. With x = 0 the sign has no meaning: those y are among them.
 */
static bool point_form_ok(const uint8_t point[32])
{
	static const uint8_t eight[32] = {
		0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
		0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
		0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
	};
	static const uint8_t zero[32], one[32] = {1};
	uint8_t y[32], minus[32];
	int borrow = 0;

	memcpy(y, point, 32);
	y[31] &= 0x7f;
	for (int i = 0; i < 32; i++) { /* p - y */
		int v = prime[i] - y[i] - borrow;

		borrow = v < 0;
		minus[i] = (uint8_t)v;
	}
	return below_prime(y) && memcmp(y, zero, 32) != 0 && memcmp(y, one, 32) != 0 &&
	       memcmp(minus, one, 32) != 0 && memcmp(y, eight, 32) != 0 &&
	       memcmp(minus, eight, 32) != 0;
}

/*
 * OpenSSL refuses S >= L and, since it compares R as bytes, an R that is not
 * canonical. It takes an A that is not, and small orders: the rest is ours.
 */
bool e4_ed25519_verify(const uint8_t sig[64], const void *msg, size_t len,
		       const uint8_t public_key[32])
{
	EVP_PKEY *pkey;
	EVP_MD_CTX *ctx;
	bool ok;

	if (!point_form_ok(sig) || !point_form_ok(public_key))
		return false;
	pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, 32);
	ctx = EVP_MD_CTX_new();
	must(pkey != NULL && ctx != NULL);
	must(EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey));
	ok = EVP_DigestVerify(ctx, sig, 64, len > 0 ? msg : "", len) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return ok;
}

void e4_x25519_base(uint8_t public_key[32], const uint8_t scalar[32])
{
	public_half(EVP_PKEY_X25519, public_key, scalar);
}

/* OpenSSL refuses a result of zero. */
bool e4_x25519(uint8_t shared[32], const uint8_t scalar[32], const uint8_t point[32])
{
	EVP_PKEY *ours = private_of(EVP_PKEY_X25519, scalar);
	EVP_PKEY *theirs = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, point, 32);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(ours, NULL);
	size_t len = 32;
	bool ok;

	must(theirs != NULL && ctx != NULL);
	must(EVP_PKEY_derive_init(ctx));
	must(EVP_PKEY_derive_set_peer(ctx, theirs));
	ok = EVP_PKEY_derive(ctx, shared, &len) == 1;
	if (!ok)
		e4_wipe(shared, 32);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(theirs);
	EVP_PKEY_free(ours);
	return ok;
}

void e4_ed25519_to_x25519_scalar(uint8_t scalar[32], const uint8_t private_key[64])
{
	uint8_t hash[64];

	must(EVP_Digest(private_key, 32, hash, NULL, EVP_sha512(), NULL));
	hash[0] &= 248;
	hash[31] &= 127;
	hash[31] |= 64;
	memcpy(scalar, hash, 32);
	e4_wipe(hash, sizeof hash);
}

/* --- What OpenSSL has no function for: points as points, with its big numbers ---------- */

/* Public values only: nothing here is constant-time. */
struct field {
	BN_CTX *bn;
	BIGNUM *p, *d; /* -x^2 + y^2 = 1 + d x^2 y^2 */
};

struct point {
	BIGNUM *x, *y, *z; /* projective */
};

static BIGNUM *number(const struct field *f)
{
	BIGNUM *n = BN_CTX_get(f->bn);

	must(n != NULL);
	return n;
}

static void field_open(struct field *f)
{
	BIGNUM *n;

	f->bn = BN_CTX_new();
	must(f->bn != NULL);
	BN_CTX_start(f->bn);
	f->p = number(f);
	f->d = number(f);
	must(BN_lebin2bn(prime, 32, f->p) != NULL);
	n = number(f);
	must(BN_set_word(n, 121666) && BN_mod_inverse(n, n, f->p, f->bn) != NULL);
	must(BN_mul_word(n, 121665) && BN_mod_sub(f->d, f->p, n, f->p, f->bn));
}

static void field_close(struct field *f)
{
	BN_CTX_end(f->bn);
	BN_CTX_free(f->bn);
}

static void point_new(const struct field *f, struct point *r)
{
	r->x = number(f);
	r->y = number(f);
	r->z = number(f);
}

static void mul(const struct field *f, BIGNUM *r, const BIGNUM *a, const BIGNUM *b)
{
	must(BN_mod_mul(r, a, b, f->p, f->bn));
}

/* r += q: the addition law of RFC 8032 section 5.1.4, which has no exceptions here. */
static void point_add(const struct field *f, struct point *r, const struct point *q)
{
	BIGNUM *a, *b, *c, *e, *g, *h, *t;

	BN_CTX_start(f->bn);
	a = number(f), b = number(f), c = number(f), e = number(f);
	g = number(f), h = number(f), t = number(f);
	mul(f, a, r->z, q->z);
	mul(f, c, r->x, q->x);
	mul(f, e, r->y, q->y);
	mul(f, t, c, e);
	mul(f, t, t, f->d);
	mul(f, b, a, a);
	must(BN_mod_sub(g, b, t, f->p, f->bn) && BN_mod_add(h, b, t, f->p, f->bn));
	/* x = a g ((x1 + y1)(x2 + y2) - c - e), y = a h (e + c), z = g h */
	must(BN_mod_add(t, r->x, r->y, f->p, f->bn) && BN_mod_add(b, q->x, q->y, f->p, f->bn));
	mul(f, t, t, b);
	must(BN_mod_sub(t, t, c, f->p, f->bn) && BN_mod_sub(t, t, e, f->p, f->bn));
	mul(f, t, t, g);
	mul(f, r->x, t, a);
	must(BN_mod_add(t, e, c, f->p, f->bn));
	mul(f, t, t, h);
	mul(f, r->y, t, a);
	mul(f, r->z, g, h);
	BN_CTX_end(f->bn);
}

/* x of a canonical y, by the curve's equation; false if there is none. */
static bool point_decode(const struct field *f, struct point *r, const uint8_t in[32])
{
	BIGNUM *u = number(f), *v = number(f);
	uint8_t y[32];

	memcpy(y, in, 32);
	y[31] &= 0x7f;
	must(BN_lebin2bn(y, 32, r->y) != NULL && BN_one(r->z));
	mul(f, u, r->y, r->y);
	mul(f, v, u, f->d);
	must(BN_mod_sub(u, u, BN_value_one(), f->p, f->bn) && BN_add_word(v, 1));
	must(BN_mod_inverse(v, v, f->p, f->bn) != NULL); /* -1/d is no square: v is not 0 */
	mul(f, u, u, v);
	if (!BN_mod_sqrt(r->x, u, f->p, f->bn))
		return false;
	if (BN_is_odd(r->x) != in[31] >> 7)
		must(BN_sub(r->x, f->p, r->x));
	return true;
}

/* The order of the prime-order group times the point is the neutral element. */
static bool in_prime_order_group(const struct field *f, const struct point *p)
{
	struct point r;
	BIGNUM *order = NULL;
	bool ok;

	point_new(f, &r);
	BN_zero(r.x);
	must(BN_one(r.y) && BN_one(r.z));
	must(BN_hex2bn(&order, "1000000000000000000000000000000014DEF9DEA2F79CD65812631A5CF5D3ED") >
	     0);
	for (int i = BN_num_bits(order) - 1; i >= 0; i--) {
		point_add(f, &r, &r);
		if (BN_is_bit_set(order, i))
			point_add(f, &r, p);
	}
	ok = BN_is_zero(r.x) && BN_cmp(r.y, r.z) == 0;
	BN_free(order);
	return ok;
}

bool e4_ed25519_public_key_ok(const uint8_t public_key[32])
{
	struct field f;
	struct point p;
	bool ok;

	if (!point_form_ok(public_key))
		return false;
	field_open(&f);
	point_new(&f, &p);
	ok = point_decode(&f, &p, public_key) && in_prime_order_group(&f, &p);
	field_close(&f);
	return ok;
}

/* u = (1 + y) / (1 - y) */
bool e4_ed25519_to_x25519_public(uint8_t point[32], const uint8_t public_key[32])
{
	struct field f;
	BIGNUM *u, *v;
	uint8_t y[32];

	if (!e4_ed25519_public_key_ok(public_key)) {
		e4_wipe(point, 32);
		return false;
	}
	memcpy(y, public_key, 32);
	y[31] &= 0x7f;
	field_open(&f);
	u = number(&f), v = number(&f);
	must(BN_lebin2bn(y, 32, u) != NULL);
	must(BN_mod_sub(v, BN_value_one(), u, f.p, f.bn) && BN_add_word(u, 1));
	must(BN_mod_inverse(v, v, f.p, f.bn) != NULL);
	mul(&f, u, u, v);
	must(BN_bn2lebinpad(u, point, 32) == 32);
	field_close(&f);
	return true;
}
