/*
 * The primitives against protocol/vectors (what deployed devices do) and
 * protocol/wycheproof (what attackers try). Keys of E4 have 256 bits; the other
 * builds take AES from aes_openssl.c, so that CMAC and SIV meet the cases of all
 * sizes.
 */
#include "check.h"
#include "crypto_json.h"
#include "siv.h"

#ifndef KEY_BITS
#define KEY_BITS 256 /* of AES */
#endif

static struct bytes new_bytes(size_t len)
{
	struct bytes b = {malloc(len ? len : 1), len};
	if (!b.data)
		exit(2);
	memset(b.data, 0xa5, len ? len : 1);
	return b;
}

static int all_zero(struct bytes b)
{
	for (size_t i = 0; i < b.len; i++) {
		if (b.data[i] != 0)
			return 0;
	}
	return 1;
}

static int same(struct bytes a, struct bytes b)
{
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

#if KEY_BITS == 256

/* --- protocol/vectors ---------------------------------------------------------- */

static void one_digest(const json_t *c)
{
	struct bytes in = json_hex(c, "input"), want = json_hex(c, "sha3_256");
	uint8_t got[32];
	e4_sha3_256(got, in.data, in.len);
	CHECK_MEM(got, want.data, 32);
	free(in.data);
	free(want.data);
}

static void hash_json_gives_the_digests(void)
{
	CHECK_EQ(json_each_case("vectors/hash.json", one_digest), 215);
}

static void one_protected(const json_t *c)
{
	struct bytes key = json_hex(c, "key"), plain = json_hex(c, "plaintext");
	struct bytes want = json_hex(c, "protected");
	struct bytes sealed = new_bytes(plain.len + 16), opened = new_bytes(plain.len);
	struct e4_siv_key k;

	CHECK_EQ(key.len, 32);
	CHECK_EQ(want.len, plain.len + 24);
	e4_siv_key_init(&k, key.data);
	e4_siv_seal(&k, sealed.data, want.data, 8, plain.data, plain.len);
	CHECK_MEM(sealed.data, want.data + 8, sealed.len);
	CHECK(e4_siv_open(&k, opened.data, want.data, 8, want.data + 8, want.len - 8));
	CHECK(same(opened, plain));
	e4_wipe(&k, sizeof k);
	free(key.data);
	free(plain.data);
	free(want.data);
	free(sealed.data);
	free(opened.data);
}

static void sym_protect_json_gives_the_same_bytes(void)
{
	CHECK_EQ(json_each_case("vectors/sym_protect.json", one_protected), 979);
}

static void one_shared(const json_t *c)
{
	struct bytes priv = json_hex(c, "device_ed25519_private");
	struct bytes pub = json_hex(c, "device_ed25519_public");
	struct bytes scalar = json_hex(c, "device_x25519_private");
	struct bytes point = json_hex(c, "device_x25519_public");
	struct bytes c2_scalar = json_hex(c, "c2_x25519_private");
	struct bytes c2_point = json_hex(c, "c2_x25519_public");
	struct bytes raw = json_hex(c, "x25519_shared"), key = json_hex(c, "shared_key");
	uint8_t a[64], s[32];

	e4_ed25519_keypair(a, priv.data);
	CHECK_MEM(a, priv.data, 64);
	CHECK_MEM(a + 32, pub.data, 32);
	e4_ed25519_to_x25519_scalar(s, priv.data);
	CHECK_MEM(s, scalar.data, 32);
	CHECK(e4_ed25519_public_key_ok(pub.data));
	CHECK(e4_ed25519_to_x25519_public(a, pub.data));
	CHECK_MEM(a, point.data, 32);
	e4_x25519_base(a, scalar.data);
	CHECK_MEM(a, point.data, 32);
	e4_x25519_base(a, c2_scalar.data);
	CHECK_MEM(a, c2_point.data, 32);
	CHECK(e4_x25519(a, s, c2_point.data));
	CHECK_MEM(a, raw.data, 32);
	CHECK(e4_x25519(a, c2_scalar.data, point.data));
	CHECK_MEM(a, raw.data, 32);
	e4_sha3_256(s, a, 32);
	CHECK_MEM(s, key.data, 32);

	uint8_t *all[] = {priv.data,      pub.data,      scalar.data, point.data,
			  c2_scalar.data, c2_point.data, raw.data,    key.data};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i]);
}

static void c2_shared_json_agrees_from_both_sides(void)
{
	CHECK_EQ(json_each_case("vectors/c2_shared.json", one_shared), 36);
}

#endif

/* --- protocol/wycheproof --------------------------------------------------------- */

/* What one kind of case says; group is for parameters that all its cases share. */
typedef void run_case(const json_t *group, const json_t *c, int valid);

/* How many cases of a group there are; n says how many ran, in all groups. */
static size_t wycheproof_group(const char *path, const json_t *group, run_case *run, size_t *n)
{
	const json_t *tests = json_object_get(group, "tests");
	for (size_t i = 0; run && i < json_array_size(tests); i++) {
		const json_t *c = json_array_get(tests, i);
		long failed = check_failed;
		run(group, c, strcmp(json_text(c, "result"), "valid") == 0);
		++*n;
		if (check_failed != failed)
			fprintf(stderr, "  in %s tcId %d: %s\n", path,
				(int)json_integer_value(json_object_get(c, "tcId")),
				json_text(c, "comment"));
	}
	return json_array_size(tests);
}

/*
 * Run the cases whose key size is `bits` (0: all). The others are of the other builds, but for
 * those of CMAC whose key has a size that no AES has: no function here takes one. All that the
 * file says it has must be accounted for.
 */
static void wycheproof(const char *path, int bits, run_case *run, size_t expected, size_t others)
{
	json_t *root = json_load_vectors(path);
	const json_t *groups = json_object_get(root, "testGroups");
	size_t n_run = 0, n = 0;
	for (size_t i = 0; i < json_array_size(groups); i++) {
		const json_t *group = json_array_get(groups, i);
		bool ours = !bits || json_integer_value(json_object_get(group, "keySize")) == bits;
		n += wycheproof_group(path, group, ours ? run : NULL, &n_run);
	}
	CHECK_EQ(n_run, expected);
	CHECK_EQ(n - n_run, others);
	CHECK_EQ(n, json_integer_value(json_object_get(root, "numberOfTests")));
	json_decref(root);
}

static void cmac_case(const json_t *group, const json_t *c, int valid)
{
	struct bytes key = json_hex(c, "key"), msg = json_hex(c, "msg"), tag = json_hex(c, "tag");
	struct e4_siv_key k;
	uint8_t got[16];
	(void)group;

	e4_siv_key_init(&k, key.data);
	e4_cmac(&k, got, msg.data, msg.len);
	CHECK(tag.len <= 16);
	CHECK_EQ(e4_equal(got, tag.data, tag.len), valid);
	free(key.data);
	free(msg.data);
	free(tag.data);
}

struct halves {
	struct e4_siv_key mac;
	struct e4_aes_key ctr;
};

static void split(struct halves *h, struct bytes key)
{
	CHECK_EQ(key.len, 2 * KEY_BITS / 8);
	e4_siv_key_init(&h->mac, key.data);
	e4_aes_init(&h->ctr, key.data + KEY_BITS / 8);
}

/* Seal and open with all the given strings; sealed is what the case claims. */
static void siv_both_ways(struct bytes key, const struct e4_siv_ad *ad, size_t n_ad,
			  struct bytes msg, struct bytes sealed, int valid)
{
	struct halves h;
	struct bytes got = new_bytes(msg.len + 16), opened = new_bytes(sealed.len - 16);
	split(&h, key);
	e4_siv_seal2(&h.mac, &h.ctr, got.data, ad, n_ad, msg.data, msg.len);
	CHECK_EQ(same(got, sealed), valid);
	CHECK_EQ(e4_siv_open2(&h.mac, &h.ctr, opened.data, ad, n_ad, sealed.data, sealed.len),
		 valid);
	CHECK(valid ? same(opened, msg) : all_zero(opened));
	free(got.data);
	free(opened.data);
}

static void siv_case(const json_t *group, const json_t *c, int valid)
{
	struct bytes key = json_hex(c, "key"), aad = json_hex(c, "aad");
	struct bytes msg = json_hex(c, "msg"), ct = json_hex(c, "ct");
	struct e4_siv_ad ad = {aad.data, aad.len};
	(void)group;

	siv_both_ways(key, &ad, 1, msg, ct, valid);
	free(key.data);
	free(aad.data);
	free(msg.data);
	free(ct.data);
}

/* The AEAD form of RFC 5297 section 3: the nonce is the last string. */
static void aead_case(const json_t *group, const json_t *c, int valid)
{
	struct bytes key = json_hex(c, "key"), iv = json_hex(c, "iv"), aad = json_hex(c, "aad");
	struct bytes msg = json_hex(c, "msg"), ct = json_hex(c, "ct"), tag = json_hex(c, "tag");
	struct bytes sealed = new_bytes(16 + ct.len);
	struct e4_siv_ad ad[2] = {{aad.data, aad.len}, {iv.data, iv.len}};
	(void)group;

	memcpy(sealed.data, tag.data, 16);
	memcpy(sealed.data + 16, ct.data, ct.len);
	siv_both_ways(key, ad, 2, msg, sealed, valid);
	uint8_t *all[] = {key.data, iv.data, aad.data, msg.data, ct.data, tag.data, sealed.data};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i]);
}

#if KEY_BITS == 256

static void ed25519_case(const json_t *group, const json_t *c, int valid)
{
	struct bytes pk = json_hex(json_object_get(group, "publicKey"), "pk");
	struct bytes msg = json_hex(c, "msg"), sig = json_hex(c, "sig");

	/* a signature of another length cannot reach the function */
	if (sig.len == 64)
		CHECK_EQ(e4_ed25519_verify(sig.data, msg.data, msg.len, pk.data), valid);
	else
		CHECK(!valid);
	free(pk.data);
	free(msg.data);
	free(sig.data);
}

/*
 * "acceptable" are points on the twist, of small order, or not reduced. All of
 * them must give the listed result, and an all-zero one must be refused.
 */
static void x25519_case(const json_t *group, const json_t *c, int valid)
{
	struct bytes pub = json_hex(c, "public"), priv = json_hex(c, "private");
	struct bytes shared = json_hex(c, "shared");
	uint8_t got[32];
	(void)group;

	bool ok = e4_x25519(got, priv.data, pub.data);
	CHECK(ok || !valid);
	CHECK_EQ(ok, !all_zero(shared));
	CHECK_MEM(got, shared.data, 32);
	free(pub.data);
	free(priv.data);
	free(shared.data);
}

#endif

#define CMAC_BAD_SIZES 5

static void wycheproof_cmac(void)
{
	wycheproof("wycheproof/aes_cmac_test.json", KEY_BITS, cmac_case, 102,
		   2 * 102 + CMAC_BAD_SIZES);
}

static void wycheproof_siv(void)
{
	/* one more of the smallest size */
	wycheproof("wycheproof/aes_siv_cmac_test.json", 2 * KEY_BITS, siv_case,
		   147 + (KEY_BITS == 128), 2 * 147 + (KEY_BITS != 128));
}

static void wycheproof_siv_aead(void)
{
	wycheproof("wycheproof/aead_aes_siv_cmac_test.json", 2 * KEY_BITS, aead_case, 300, 2 * 300);
}

#if KEY_BITS == 256

static void wycheproof_ed25519(void)
{
	wycheproof("wycheproof/ed25519_test.json", 0, ed25519_case, 151, 0);
}

static void wycheproof_x25519(void)
{
	wycheproof("wycheproof/x25519_test.json", 0, x25519_case, 518, 0);
}

#endif

int main(void)
{
	RUN(wycheproof_cmac);
	RUN(wycheproof_siv);
	RUN(wycheproof_siv_aead);
#if KEY_BITS == 256
	RUN(hash_json_gives_the_digests);
	RUN(sym_protect_json_gives_the_same_bytes);
	RUN(c2_shared_json_agrees_from_both_sides);
	RUN(wycheproof_ed25519);
	RUN(wycheproof_x25519);
#endif
	return END();
}
