/* Names of clients and topics (protocol.md section 1). */
#include "e4/protocol.h"

#include <string.h>

#include "utf8.h"

static const char hex[] = "0123456789abcdef";

/* No NUL either, so that a name survives every zero-terminated string on its way. */
static bool utf8_ok(const char *text, size_t len)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t step;

	for (; len > 0; p += step, len -= step) {
		step = *p ? e4_utf8_step(p, len) : 0;
		if (step == 0)
			return false;
	}
	return true;
}

bool e4_name_ok(const char *name, size_t len)
{
	return len >= 1 && len <= E4_NAME_MAX && utf8_ok(name, len);
}

bool e4_topic_ok(const char *topic, size_t len)
{
	uint8_t id[E4_ID_LEN];
	bool is_receipt;

	if (len < 1 || len > E4_TOPIC_MAX || !utf8_ok(topic, len))
		return false;
	for (size_t i = 0; i < len; i++)
		if (topic[i] == '+' || topic[i] == '#')
			return false;
	return !e4_control_topic_parse(id, &is_receipt, topic, len);
}

void e4_id_from_name(uint8_t id[E4_ID_LEN], const char *name, size_t len)
{
	e4_sha3_short(id, E4_ID_LEN, name, len);
}

void e4_topic_hash(uint8_t hash[E4_HASH_LEN], const char *topic, size_t len)
{
	e4_sha3_short(hash, E4_HASH_LEN, topic, len);
}

void e4_control_topic(char topic[E4_CONTROL_TOPIC_LEN + 1], const uint8_t id[E4_ID_LEN])
{
	char *p = topic + 3;

	memcpy(topic, "e4/", 3);
	for (int i = 0; i < E4_ID_LEN; i++) {
		*p++ = hex[id[i] >> 4];
		*p++ = hex[id[i] & 15];
	}
	*p = 0;
}

void e4_receipt_topic(char topic[E4_RECEIPT_TOPIC_LEN + 1], const uint8_t id[E4_ID_LEN])
{
	e4_control_topic(topic, id);
	memcpy(topic + E4_CONTROL_TOPIC_LEN, "/receipt", sizeof "/receipt");
}

/* Lower case only: upper-case hex is another topic for a broker. */
static uint8_t hex_value(uint8_t c)
{
	if (c <= '9')
		return (uint8_t)(c - '0'); /* large below '0' */
	return c >= 'a' ? (uint8_t)(c - 'a' + 10) : 16;
}

bool e4_control_topic_parse(uint8_t id[E4_ID_LEN], bool *is_receipt, const char *topic, size_t len)
{
	uint8_t value;

	*is_receipt = len == E4_RECEIPT_TOPIC_LEN;
	if (!*is_receipt && len != E4_CONTROL_TOPIC_LEN)
		return false;
	if (memcmp(topic, "e4/", 3) != 0)
		return false;
	if (*is_receipt && memcmp(topic + E4_CONTROL_TOPIC_LEN, "/receipt", 8) != 0)
		return false;
	for (uint8_t i = 0; i < 2 * E4_ID_LEN; i++) {
		value = hex_value((uint8_t)topic[3 + i]);
		if (value > 15)
			return false;
		id[i / 2] = i % 2 ? (uint8_t)(id[i / 2] | value) : (uint8_t)(value << 4);
	}
	return true;
}
