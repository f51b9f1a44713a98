/* The wire's smaller parts: names, control topics, the strict form of receipts. */
#include "../src/bytes.h"
#include "../src/receipt.h"
#include "check.h"
#include "e4/protocol.h"

static void names_are_utf8_of_1_to_255_bytes(void)
{
	static const char *const good[] = {"a",
					   "\xc3\xa9",
					   "\xe2\x82\xac",
					   "\xf0\x9f\x94\x91",
					   "\xed\x9f\xbf",
					   "\xee\x80\x80",
					   "\xf4\x8f\xbf\xbf",
					   "+#"};
	static const char *const bad[] = {"\x80",
					  "\xc3",
					  "\xc0\xaf",
					  "\xc1\xbf",
					  "\xe0\x80\xaf",
					  "\xe2\x82",
					  "\xed\xa0\x80",
					  "\xf0\x80\x80\x80",
					  "\xf4\x90\x80\x80",
					  "\xf5\x80\x80\x80",
					  "\xff",
					  "a\xc3(",
					  "\xe2\x28\xa1",
					  "\xf0\x9f\x94"};
	char text[E4_NAME_MAX + 1];

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		CHECK(e4_name_ok(good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CHECK(!e4_name_ok(bad[i], strlen(bad[i])) && !e4_topic_ok(bad[i], strlen(bad[i])));
	memset(text, 'n', sizeof text);
	CHECK(!e4_name_ok("", 0) && !e4_name_ok("a\0b", 3));
	CHECK(e4_name_ok(text, E4_NAME_MAX) && !e4_name_ok(text, E4_NAME_MAX + 1));
}

static void control_topics_are_read_exactly(void)
{
	static const char right[] = "e4/000102030405060708090a0b0c0d0e0f/receipt";
	char text[64];
	uint8_t id[16], expected[16];
	bool is_receipt = true;

	for (uint8_t i = 0; i < 16; i++)
		expected[i] = i;
	CHECK(e4_control_topic_parse(id, &is_receipt, right, 35) && !is_receipt);
	CHECK_MEM(id, expected, 16);
	CHECK(e4_control_topic_parse(id, &is_receipt, right, 43) && is_receipt);
	e4_receipt_topic(text, id);
	CHECK_STR(text, right);
	for (size_t len = 0; len < 43; len++)
		CHECK(e4_control_topic_parse(id, &is_receipt, right, len) == (len == 35));
	for (size_t i = 0; i < 43; i++) { /* upper case and every other change */
		memcpy(text, right, sizeof right);
		text[i] = text[i] == 'a' ? 'A' : 'x';
		CHECK(!e4_control_topic_parse(id, &is_receipt, text, 43));
		CHECK(e4_topic_ok(text, 43));
	}
	CHECK(!e4_topic_ok(right, 43) && !e4_topic_ok(right, 35) && e4_topic_ok(right, 34));
	CHECK(e4_topic_ok("$SYS/x", 6)); /* a broker's matter, not the protocol's */
}

/* Seal a receipt with this plaintext under a key of zeros. */
static bool opens(const uint8_t *plain, size_t len)
{
	static const uint8_t key[32];
	uint8_t message[400] = {1}, opened[400], ad[E4_RECEIPT_AD_LEN];
	struct e4_receipt r;
	struct e4_siv_key k;

	e4_siv_key_init(&k, key);
	e4_receipt_ad(ad, message);
	e4_siv_seal(&k, message + 8, ad, sizeof ad, plain, len);
	return e4_receipt_open(&r, opened, key, message, len + E4_OVERHEAD_SK);
}

static void a_receipt_whose_parts_disagree_is_refused(void)
{
	uint8_t plain[E4_RECEIPT_FIXED + 3 * E4_RECEIPT_ENTRY] = {E4_RECEIPT_VERSION};
	const size_t two = E4_RECEIPT_FIXED + 2 * E4_RECEIPT_ENTRY;

	plain[E4_RECEIPT_FIXED + E4_RECEIPT_ENTRY] = 1;
	plain[E4_RECEIPT_FIXED + 2 * E4_RECEIPT_ENTRY] = 2;
	e4_put16(plain + 49, 2);
	for (unsigned flags = 0; flags < 256; flags++) {
		plain[53] = (uint8_t)flags;
		CHECK(opens(plain, E4_RECEIPT_FIXED) == (flags == 0 || flags == 3));
		CHECK(opens(plain, E4_RECEIPT_FIXED + E4_RECEIPT_ENTRY) == (flags == 3));
		CHECK(opens(plain, two) == (flags == 1));
		CHECK(!opens(plain, sizeof plain));
	}
	plain[53] = E4_RECEIPT_HAS_ENTRIES;
	for (size_t len = 0; len < sizeof plain; len++)
		CHECK(opens(plain, len) == (len == two));
	for (unsigned version = 0; version < 256; version++) {
		plain[0] = (uint8_t)version;
		CHECK(opens(plain, two) == (version == 1));
	}
	plain[0] = 1;
	plain[E4_RECEIPT_FIXED + E4_RECEIPT_ENTRY] = 0; /* the same topic twice */
	CHECK(!opens(plain, two));
	plain[E4_RECEIPT_FIXED] = 1; /* descending */
	CHECK(!opens(plain, two));
}

static void commands_have_their_lengths(void)
{
	uint8_t out[E4_COMMAND_MAX], in[64] = {7};

	CHECK(e4_encode_remove_topic(out, in) == 17 && out[0] == 0);
	CHECK(e4_encode_reset_topics(out) == 1 && out[0] == 1);
	CHECK(e4_encode_set_id_key_sk(out, in) == 33 && out[0] == 2);
	CHECK(e4_encode_set_id_key_pk(out, in) == 65 && out[0] == 2);
	CHECK(e4_encode_set_topic_key(out, in, in) == 49 && out[0] == 3 && out[33] == 7);
	CHECK(e4_encode_remove_pubkey(out, in) == 17 && out[0] == 4);
	CHECK(e4_encode_reset_pubkeys(out) == 1 && out[0] == 5);
	CHECK(e4_encode_set_pubkey(out, in, in) == 49 && out[0] == 6 && out[33] == 7);
	CHECK(e4_encode_set_c2_key(out, in) == 33 && out[0] == 7);
	CHECK(e4_encode_report_state(out, in, 1) == 18 && out[0] == 8 && out[17] == 1);
}

static void both_ends_reach_the_same_control_key(void)
{
	uint8_t seed[32] = {5}, c2_private[32] = {6}, private_key[64], c2_public[32], a[32], b[32];
	static const uint8_t low[32];

	e4_ed25519_keypair(private_key, seed);
	e4_x25519_base(c2_public, c2_private);
	CHECK(e4_control_key_device(a, private_key, c2_public));
	CHECK(e4_control_key_c2(b, c2_private, private_key + 32));
	CHECK_MEM(a, b, 32);
	CHECK(!e4_control_key_device(a, private_key, low) && e4_is_zero(a, 32));
	CHECK(!e4_control_key_c2(b, c2_private, low) && e4_is_zero(b, 32));
}

int main(void)
{
	RUN(names_are_utf8_of_1_to_255_bytes);
	RUN(control_topics_are_read_exactly);
	RUN(a_receipt_whose_parts_disagree_is_refused);
	RUN(commands_have_their_lengths);
	RUN(both_ends_reach_the_same_control_key);
	return END();
}
