/*
 * Two devices share a key that the application gave them: no key server, no
 * storage. On a board, now asks your own clock.
 * The device's own key counts once it is given messages of its control topic:
 * make it secret, and another for each device, or never subscribe to that.
 */
#include <stdio.h>
#include <time.h>

#include "e4/e4.h"

/* Seconds since 1970; false as long as they are not known. */
static bool now(void *ctx, uint64_t *seconds)
{
	(void)ctx;
	*seconds = (uint64_t)time(NULL);
	return true;
}

int main(void)
{
	static const uint8_t id[16] = {1}, own_key[32] = {2}, shared_key[32] = {3};
	struct e4_topic_key topics[1];
	struct e4_config cfg = {.mode = &e4_mode_sk,
				.topics = topics,
				.n_topics = 1,
				.now = now,
				.future_s = E4_FUTURE_S};
	struct e4_client client;
	struct e4_topic topic;
	uint8_t message[64], text[64];
	size_t message_len, text_len;

	if (e4_init(&client, &cfg) || e4_provision_sk(&client, id, own_key) ||
	    e4_topic_init(&topic, &client, "greenhouse/3", 12) ||
	    e4_set_topic_key(&client, &topic, shared_key) ||
	    e4_protect(&client, &topic, message, sizeof message, &message_len,
		       (const uint8_t *)"21.5 C", 6) ||
	    e4_unprotect(&client, &topic, text, sizeof text, &text_len, message, message_len))
		return 1;
	printf("%zu bytes over the air, read as \"%.*s\"\n", message_len, (int)text_len, text);
	e4_client_wipe(&client);
	return 0;
}
