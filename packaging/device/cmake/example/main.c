/* One message under a key that the application sets: protected, and read again. */
#include <e4.h>

#include <stdio.h>
#include <string.h>

static bool now(void *ctx, uint64_t *seconds)
{
	(void)ctx;
	*seconds = 1700000000;
	return true;
}

int main(void)
{
	static const uint8_t id[16] = {1}, own_key[32] = {2}, shared_key[32] = {3};
	struct e4_topic_key topics[1];
	struct e4_config cfg = {.mode = &e4_mode_sk, .topics = topics, .n_topics = 1, .now = now};
	struct e4_client client;
	struct e4_topic topic;
	uint8_t message[64], text[64];
	size_t len, text_len;

	if (e4_init(&client, &cfg) || e4_provision_sk(&client, id, own_key) ||
	    e4_topic_init(&topic, &client, "greenhouse/3", 12) ||
	    e4_set_topic_key(&client, &topic, shared_key) ||
	    e4_protect(&client, &topic, message, sizeof message, &len, (const uint8_t *)"21.5 C",
		       6) ||
	    e4_unprotect(&client, &topic, text, sizeof text, &text_len, message, len))
		return 1;
	printf("%u bytes over the air, read as \"%.*s\"\n", (unsigned)len, (int)text_len,
	       (const char *)text);
	return text_len == 6 && memcmp(text, "21.5 C", 6) == 0 ? 0 : 1;
}
