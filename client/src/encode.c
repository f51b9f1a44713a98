/* The plaintexts of control messages, as C2 writes them (protocol.md section 4). */
#include "e4/protocol.h"

#include <string.h>

/* code | a | b; a null part is absent. */
static size_t put(uint8_t out[E4_COMMAND_MAX], enum e4_command code, const uint8_t *a, size_t a_len,
		  const uint8_t *b, size_t b_len)
{
	out[0] = (uint8_t)code;
	if (a_len > 0)
		memcpy(out + 1, a, a_len);
	if (b_len > 0)
		memcpy(out + 1 + a_len, b, b_len);
	return 1 + a_len + b_len;
}

size_t e4_encode_remove_topic(uint8_t out[E4_COMMAND_MAX], const uint8_t hash[16])
{
	return put(out, E4_REMOVE_TOPIC, hash, E4_HASH_LEN, NULL, 0);
}

size_t e4_encode_reset_topics(uint8_t out[E4_COMMAND_MAX])
{
	return put(out, E4_RESET_TOPICS, NULL, 0, NULL, 0);
}

size_t e4_encode_set_id_key_sk(uint8_t out[E4_COMMAND_MAX], const uint8_t key[32])
{
	return put(out, E4_SET_ID_KEY, key, E4_KEY_LEN, NULL, 0);
}

size_t e4_encode_set_id_key_pk(uint8_t out[E4_COMMAND_MAX], const uint8_t private_key[64])
{
	return put(out, E4_SET_ID_KEY, private_key, 64, NULL, 0);
}

size_t e4_encode_set_topic_key(uint8_t out[E4_COMMAND_MAX], const uint8_t key[32],
			       const uint8_t hash[16])
{
	return put(out, E4_SET_TOPIC_KEY, key, E4_KEY_LEN, hash, E4_HASH_LEN);
}

size_t e4_encode_remove_pubkey(uint8_t out[E4_COMMAND_MAX], const uint8_t id[16])
{
	return put(out, E4_REMOVE_PUBKEY, id, E4_ID_LEN, NULL, 0);
}

size_t e4_encode_reset_pubkeys(uint8_t out[E4_COMMAND_MAX])
{
	return put(out, E4_RESET_PUBKEYS, NULL, 0, NULL, 0);
}

size_t e4_encode_set_pubkey(uint8_t out[E4_COMMAND_MAX], const uint8_t public_key[32],
			    const uint8_t id[16])
{
	return put(out, E4_SET_PUBKEY, public_key, 32, id, E4_ID_LEN);
}

size_t e4_encode_set_c2_key(uint8_t out[E4_COMMAND_MAX], const uint8_t c2_public[32])
{
	return put(out, E4_SET_C2_KEY, c2_public, 32, NULL, 0);
}

size_t e4_encode_report_state(uint8_t out[E4_COMMAND_MAX], const uint8_t nonce[16], uint8_t flags)
{
	return put(out, E4_REPORT_STATE, nonce, 16, &flags, 1);
}
