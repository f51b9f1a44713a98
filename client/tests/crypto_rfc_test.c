/*
 * The test vectors of the standards themselves, as they are printed there. In
 * plain C without a second opinion, so that it runs on the boards too.
 *   FIPS 197 appendix C.3, SP 800-38B appendix D.3 (AES-256, CMAC)
 *   RFC 5297 appendix A: its keys are of AES-128, so the build for it has that from elsewhere
 *   FIPS 202: the examples of SHA3-256 that NIST publishes with it
 *   RFC 7748 sections 5.2 and 6.1, RFC 8032 section 7.1
 * With MILLION also what takes long.
 */
#include "check.h"
#include "siv.h"

#ifndef KEY_BITS
#define KEY_BITS 256 /* of AES */
#endif

#define LONGEST 1023 /* bytes of a vector: RFC 8032, test 1024 */

static uint8_t nibble(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* What lower-case hex says; its length. */
static size_t bytes_of(uint8_t *out, const char *hex)
{
	size_t len = strlen(hex) / 2;

	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
	return len;
}

static void check_hex(const uint8_t *got, const char *hex)
{
	uint8_t want[64];
	size_t len = bytes_of(want, hex);

	CHECK(len > 0);
	CHECK_MEM(got, want, len);
}

/* --- AES, CMAC, SIV ----------------------------------------------------------------- */

#if KEY_BITS == 256

static void fips_197_appendix_c_3(void)
{
	uint8_t key[32], block[16];
	struct e4_aes_key k;

	bytes_of(key, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
	bytes_of(block, "00112233445566778899aabbccddeeff");
	e4_aes_init(&k, key);
	e4_aes_encrypt(&k, block, 1);
	check_hex(block, "8ea2b7ca516745bfeafc49904b496089");
}

static void sp_800_38b_appendix_d_3(void)
{
	static const char *const tags[] = {
		"028962f61b7bf89efc6b551f4667d983", "28a7023f452e8f82bd4bf28d8c37c35c",
		"aaf3d8f1de5640c232f5b169b9c911e6", "e1992190549f6ed5696a2c056c315410"};
	static const uint8_t lengths[] = {0, 16, 40, 64};
	uint8_t key[32], msg[64], tag[16];
	struct e4_siv_key k;

	bytes_of(key, "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
	bytes_of(msg, "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
		      "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
	e4_siv_key_init(&k, key);
	for (size_t i = 0; i < sizeof lengths; i++) {
		e4_cmac(&k, tag, msg, lengths[i]);
		check_hex(tag, tags[i]);
	}
}

#elif KEY_BITS == 128

struct siv_vector {
	const char *k1, *k2, *ad[3], *plain, *sealed;
};

static void rfc_5297_appendix_a(void)
{
	static const struct siv_vector vectors[] = {
		{"fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0",
		 "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
		 {"101112131415161718191a1b1c1d1e1f2021222324252627"},
		 "112233445566778899aabbccddee",
		 "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c"},
		{"7f7e7d7c7b7a79787776757473727170",
		 "404142434445464748494a4b4c4d4e4f",
		 {"00112233445566778899aabbccddeeffdeaddadadeaddadaffeeddccbbaa9988"
		  "7766554433221100",
		  "102030405060708090a0", "09f911029d74e35bd84156c5635688c0"},
		 "7468697320697320736f6d6520706c61696e7465787420746f20656e63727970"
		 "74207573696e67205349562d414553",
		 "7bdb6e3b432667eb06f4d14bff2fbd0fcb900f2fddbe404326601965c889bf17"
		 "dba77ceb094fa663b7a3f748ba8af829ea64ad544a272e9c485b62a3fd5c0d"}};

	for (size_t i = 0; i < 2; i++) {
		const struct siv_vector *v = &vectors[i];
		uint8_t key[32], ad_bytes[3][40], plain[47], sealed[63], opened[47];
		struct e4_siv_ad ad[3];
		struct e4_siv_key mac;
		struct e4_aes_key ctr;
		size_t n_ad = 0, len = bytes_of(plain, v->plain);

		for (; n_ad < 3 && v->ad[n_ad]; n_ad++) {
			ad[n_ad].data = ad_bytes[n_ad];
			ad[n_ad].len = bytes_of(ad_bytes[n_ad], v->ad[n_ad]);
		}
		bytes_of(key, v->k1);
		e4_siv_key_init(&mac, key);
		bytes_of(key, v->k2);
		e4_aes_init(&ctr, key);
		e4_siv_seal2(&mac, &ctr, sealed, ad, n_ad, plain, len);
		check_hex(sealed, v->sealed);
		CHECK(e4_siv_open2(&mac, &ctr, opened, ad, n_ad, sealed, len + 16));
		CHECK_MEM(opened, plain, len);
		sealed[0] ^= 1;
		CHECK(!e4_siv_open2(&mac, &ctr, opened, ad, n_ad, sealed, len + 16));
	}
}

#endif

/* --- SHA3-256 ------------------------------------------------------------------------- */

static void fips_202_examples(void)
{
	uint8_t digest[32], msg[200];

	e4_sha3_256(digest, NULL, 0);
	check_hex(digest, "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a");
	e4_sha3_256(digest, "abc", 3);
	check_hex(digest, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532");
	e4_sha3_256(digest, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56);
	check_hex(digest, "41c0dba2a9d6240849100376a8235e2c82e1b9998a999e21db32dd97496d3376");
	memset(msg, 0xa3, sizeof msg);
	e4_sha3_256(digest, msg, sizeof msg);
	check_hex(digest, "79f38adec5c20307a98ef76e8324afbfd46cfd81b22e3973c65fa1bd9de31787");
}

/* --- X25519 --------------------------------------------------------------------------- */

static void check_x25519(const char *scalar, const char *point, const char *shared)
{
	uint8_t k[32], u[32], got[32];

	bytes_of(k, scalar);
	bytes_of(u, point);
	CHECK(e4_x25519(got, k, u));
	check_hex(got, shared);
}

static void rfc_7748_section_5_2(void)
{
	check_x25519("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
		     "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
		     "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
	check_x25519("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
		     "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
		     "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
}

static void rfc_7748_section_6_1(void)
{
	static const char
		a[] = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
		a_public[] = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
		b[] = "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
		b_public[] = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
		k[] = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
	uint8_t scalar[32], point[32];

	bytes_of(scalar, a);
	e4_x25519_base(point, scalar);
	check_hex(point, a_public);
	bytes_of(scalar, b);
	e4_x25519_base(point, scalar);
	check_hex(point, b_public);
	check_x25519(a, b_public, k);
	check_x25519(b, a_public, k);
}

/* k and u change places with each result. */
static void iterate_x25519(long n, const char *last)
{
	uint8_t k[32] = {9}, u[32] = {9}, next[32];
	long good = 0;

	for (long i = 0; i < n; i++) {
		good += e4_x25519(next, k, u);
		memcpy(u, k, 32);
		memcpy(k, next, 32);
	}
	CHECK_EQ(good, n);
	check_hex(k, last);
}

static void rfc_7748_section_5_2_iterated(void)
{
	iterate_x25519(1, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
#ifndef E4_TEST_ALONE /* 40,000 million instructions on a small board */
	iterate_x25519(1000, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
#endif
}

/* --- Ed25519 -------------------------------------------------------------------------- */

struct signature_vector {
	const char *seed, *public_key, *msg, *sig;
};

static const struct signature_vector signatures[] = {
	{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
	 "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
	 "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
	 "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
	{"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
	 "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
	 "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
	 "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
	{"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
	 "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
	 "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
	 "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
	{"f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5",
	 "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e",
	 "08b8b2b733424243760fe426a4b54908632110a66c2f6591eabd3345e3e4eb98"
	 "fa6e264bf09efe12ee50f8f54e9f77b1e355f6c50544e23fb1433ddf73be84d8"
	 "79de7c0046dc4996d9e773f4bc9efe5738829adb26c81b37c93a1b270b20329d"
	 "658675fc6ea534e0810a4432826bf58c941efb65d57a338bbd2e26640f89ffbc"
	 "1a858efcb8550ee3a5e1998bd177e93a7363c344fe6b199ee5d02e82d522c4fe"
	 "ba15452f80288a821a579116ec6dad2b3b310da903401aa62100ab5d1a36553e"
	 "06203b33890cc9b832f79ef80560ccb9a39ce767967ed628c6ad573cb116dbef"
	 "efd75499da96bd68a8a97b928a8bbc103b6621fcde2beca1231d206be6cd9ec7"
	 "aff6f6c94fcd7204ed3455c68c83f4a41da4af2b74ef5c53f1d8ac70bdcb7ed1"
	 "85ce81bd84359d44254d95629e9855a94a7c1958d1f8ada5d0532ed8a5aa3fb2"
	 "d17ba70eb6248e594e1a2297acbbb39d502f1a8c6eb6f1ce22b3de1a1f40cc24"
	 "554119a831a9aad6079cad88425de6bde1a9187ebb6092cf67bf2b13fd65f270"
	 "88d78b7e883c8759d2c4f5c65adb7553878ad575f9fad878e80a0c9ba63bcbcc"
	 "2732e69485bbc9c90bfbd62481d9089beccf80cfe2df16a2cf65bd92dd597b07"
	 "07e0917af48bbb75fed413d238f5555a7a569d80c3414a8d0859dc65a46128ba"
	 "b27af87a71314f318c782b23ebfe808b82b0ce26401d2e22f04d83d1255dc51a"
	 "ddd3b75a2b1ae0784504df543af8969be3ea7082ff7fc9888c144da2af58429e"
	 "c96031dbcad3dad9af0dcbaaaf268cb8fcffead94f3c7ca495e056a9b47acdb7"
	 "51fb73e666c6c655ade8297297d07ad1ba5e43f1bca32301651339e22904cc8c"
	 "42f58c30c04aafdb038dda0847dd988dcda6f3bfd15c4b4c4525004aa06eeff8"
	 "ca61783aacec57fb3d1f92b0fe2fd1a85f6724517b65e614ad6808d6f6ee34df"
	 "f7310fdc82aebfd904b01e1dc54b2927094b2db68d6f903b68401adebf5a7e08"
	 "d78ff4ef5d63653a65040cf9bfd4aca7984a74d37145986780fc0b16ac451649"
	 "de6188a7dbdf191f64b5fc5e2ab47b57f7f7276cd419c17a3ca8e1b939ae49e4"
	 "88acba6b965610b5480109c8b17b80e1b7b750dfc7598d5d5011fd2dcc5600a3"
	 "2ef5b52a1ecc820e308aa342721aac0943bf6686b64b2579376504ccc493d97e"
	 "6aed3fb0f9cd71a43dd497f01f17c0e2cb3797aa2a2f256656168e6c496afc5f"
	 "b93246f6b1116398a346f1a641f3b041e989f7914f90cc2c7fff357876e506b5"
	 "0d334ba77c225bc307ba537152f3f1610e4eafe595f6d9d90d11faa933a15ef1"
	 "369546868a7f3a45a96768d40fd9d03412c091c6315cf4fde7cb68606937380d"
	 "b2eaaa707b4c4185c32eddcdd306705e4dc1ffc872eeee475a64dfac86aba41c"
	 "0618983f8741c5ef68d3a101e8a3b8cac60c905c15fc910840b94c00a0b9d0",
	 "0aab4c900501b3e24d7cdf4663326a3a87df5e4843b2cbdb67cbf6e460fec350"
	 "aa5371b1508f9f4528ecea23c436d94b5e8fcd4f681e30a6ac00a9704a188a03"},
	{"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
	 "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
	 "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
	 "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
	 "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
	 "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"},
};

static void rfc_8032_section_7_1(void)
{
	for (size_t i = 0; i < sizeof signatures / sizeof signatures[0]; i++) {
		const struct signature_vector *v = &signatures[i];
		static uint8_t msg[LONGEST];
		uint8_t seed[32], key[64], sig[64];
		size_t len = bytes_of(msg, v->msg);

		bytes_of(seed, v->seed);
		e4_ed25519_keypair(key, seed);
		check_hex(key, v->seed);
		check_hex(key + 32, v->public_key);
		e4_ed25519_sign(sig, msg, len, key);
		check_hex(sig, v->sig);
		CHECK(e4_ed25519_verify(sig, msg, len, key + 32));
		sig[63] ^= 1;
		CHECK(!e4_ed25519_verify(sig, msg, len, key + 32));
	}
}

#ifdef MILLION

static void a_million_times_the_letter_a(void)
{
	uint8_t digest[32], many[100];
	struct e4_sha3 h;

	memset(many, 'a', sizeof many);
	e4_sha3_init(&h);
	for (int i = 0; i < 10000; i++)
		e4_sha3_update(&h, many, sizeof many);
	e4_sha3_final(&h, digest);
	check_hex(digest, "5c8875ae474a3634ba4fd55ec85bffd661f32aca75c6d699d0cdcb6c115891c1");
}

static void rfc_7748_section_5_2_a_million_iterations(void)
{
	iterate_x25519(1000000, "7c3911e0ab2586fd864497297e575e6f3bc601c0883c30df5f4dd2d24f665424");
}

#endif

int main(void)
{
#if KEY_BITS == 256
	RUN(fips_197_appendix_c_3);
	RUN(sp_800_38b_appendix_d_3);
#elif KEY_BITS == 128
	RUN(rfc_5297_appendix_a);
#endif
	RUN(fips_202_examples);
	RUN(rfc_7748_section_5_2);
	RUN(rfc_7748_section_6_1);
	RUN(rfc_7748_section_5_2_iterated);
	RUN(rfc_8032_section_7_1);
#ifdef MILLION
	RUN(a_million_times_the_letter_a);
	RUN(rfc_7748_section_5_2_a_million_iterations);
#endif
	return END();
}
