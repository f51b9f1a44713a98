/* Every function of e4/protocol.h, of arbitrary bytes; names and messages of every length given. */
#include <string.h>

#include "any.h"
#include "e4/protocol.h"

#define NAME_LEN 48 /* control and receipt topics have 35 and 43 */
#define MESSAGE_LEN 154
#define PLAIN_LEN 130

static uint8_t key[64], id[16];

static void parse(size_t len)
{
	char name[NAME_LEN], *at = name + NAME_LEN - len;
	uint8_t read[16];
	bool is_receipt;

	any(name, sizeof name);
	e4_control_topic_parse(read, &is_receipt, at, len);
	e4_id_from_name(id, at, len);
	e4_topic_hash(id, at, len);
}

static void names(size_t len)
{
	char name[NAME_LEN], *at = name + NAME_LEN - len;

	any(name, sizeof name);
	e4_name_ok(at, len);
	e4_topic_ok(at, len);
}

static void own_names(void)
{
	char control[E4_CONTROL_TOPIC_LEN + 1], receipt[E4_RECEIPT_TOPIC_LEN + 1];

	any(id, sizeof id);
	e4_control_topic(control, id);
	is_read(control, sizeof control);
	e4_receipt_topic(receipt, id);
	is_read(receipt, sizeof receipt);
}

static void commands(void)
{
	uint8_t out[E4_COMMAND_MAX];

	is_read(out, e4_encode_remove_topic(out, id));
	is_read(out, e4_encode_reset_topics(out));
	is_read(out, e4_encode_set_id_key_sk(out, key));
	is_read(out, e4_encode_set_id_key_pk(out, key));
	is_read(out, e4_encode_set_topic_key(out, key, id));
	is_read(out, e4_encode_remove_pubkey(out, id));
	is_read(out, e4_encode_reset_pubkeys(out));
	is_read(out, e4_encode_set_pubkey(out, key, id));
	is_read(out, e4_encode_set_c2_key(out, key));
	is_read(out, e4_encode_report_state(out, id, (uint8_t)Frama_C_interval(0, 255)));
}

static void messages(size_t len)
{
	uint8_t plain[PLAIN_LEN], message[PLAIN_LEN + E4_OVERHEAD_SK];
	uint64_t stamp = Frama_C_unsigned_long_long_interval(0, UINT64_MAX);
	uint8_t *in = plain + sizeof plain - len, *out = message + sizeof plain - len;

	any(plain, sizeof plain);
	e4_message_seal(out, key, stamp, in, len);
	is_read(out, len + E4_OVERHEAD_SK);
	any(message, sizeof message);
	if (e4_message_open(in, &stamp, key, out, len + E4_OVERHEAD_SK))
		is_read(in, len);
}

static void messages_too_short(void)
{
	uint8_t message[E4_OVERHEAD_SK - 1], none[1];
	uint64_t stamp;

	any(message, sizeof message);
	for (size_t len = 0; len < E4_OVERHEAD_SK; len++)
		e4_message_open(none, &stamp, key, message + sizeof message - len, len);
}

static void receipts(size_t len)
{
	uint8_t message[MESSAGE_LEN], plain[MESSAGE_LEN];
	struct e4_receipt r;

	any(message, sizeof message);
	e4_receipt_open(&r, plain + MESSAGE_LEN - len, key, message + MESSAGE_LEN - len, len);
}

static void keys_and_digests(void)
{
	uint8_t shared[32], hash[8], digest[32];
	struct e4_digest d;

	e4_control_key_device(shared, key, key + 32);
	is_read(shared, sizeof shared);
	e4_control_key_c2(shared, key, key + 32);
	is_read(shared, sizeof shared);
	e4_receipt_key_hash(hash, key);
	is_read(hash, sizeof hash);
	e4_digest_init(&d);
	e4_digest_topic(&d, id, key);
	e4_digest_peer(&d, id, key);
	e4_digest_c2_key(&d, key);
	e4_digest_final(&d, digest);
	is_read(digest, sizeof digest);
}

int main(void)
{
	any(key, sizeof key);
	any(id, sizeof id);
	for (size_t len = 0; len <= NAME_LEN; len++)
		parse(len);
	for (size_t len = 0; len <= 8; len++)
		names(len);
	own_names();
	commands();
	for (size_t len = 0; len <= PLAIN_LEN; len++)
		messages(len);
	messages_too_short();
	for (size_t len = 0; len <= MESSAGE_LEN; len++)
		receipts(len);
	keys_and_digests();
	end();
	return 0;
}
