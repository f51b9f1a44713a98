/*
 * The store of an AVR: its EEPROM, by avr-libc. For an ATmega2560:
 *
 *   avr-gcc -mmcu=atmega2560 -std=c99 -Os -ffunction-sections -Wl,--gc-sections -I../include
 *
 * with this file, ../port/store_flash.c, and all of ../src and ../src/crypto.
 *
 * It counts its starts in the key of a topic; a simulator shows the number as
 * what main() returns.
 */
#include <avr/eeprom.h>
#include <string.h>

#include "e4/store_flash.h"

#define N_TOPICS 4

static bool eeprom_get(void *ctx, size_t at, void *out, size_t len)
{
	(void)ctx;
	eeprom_read_block(out, (const void *)at, len);
	return true;
}

/* Not eeprom_update_block: a byte that a power cut left undecided may read as it should. */
static bool eeprom_put(void *ctx, size_t at, const void *bytes, size_t len)
{
	(void)ctx;
	eeprom_write_block(bytes, (void *)at, len);
	return true;
}

/* Four slots of 1 KB, of which a state of four topics takes 474 bytes. */
static const struct e4_flash eeprom = {
	.read = eeprom_get,
	.program = eeprom_put,
	.size = E2END + 1u,
	.slot_size = (E2END + 1u) / 4,
	.program_size = 1,
};

static struct e4_client client;
static struct e4_topic_key topics[N_TOPICS];
static struct e4_store_flash flash;

int main(void)
{
	static const uint8_t id[16] = {1}, key[32] = {2};
	struct e4_config cfg = {.mode = &e4_mode_sk,
				.topics = topics,
				.n_topics = N_TOPICS,
				.clock = E4_CLOCK_NONE};
	struct e4_topic topic;
	uint8_t topic_key[32] = {0};
	enum e4_result r = e4_store_flash_open(&flash, &eeprom);

	cfg.store = e4_store_flash_functions(&flash);
	if (r == E4_OK)
		r = e4_init(&client, &cfg);
	if (r == E4_OK)
		r = e4_load(&client);
	if (r == E4_ERR_NO_STATE) /* the very first start */
		r = e4_provision_sk(&client, id, key);
	if (r == E4_OK)
		r = e4_topic_init(&topic, &client, "starts", 6);
	if (client.topics_used)
		memcpy(topic_key, topics[0].key, sizeof topic_key);
	topic_key[0]++;
	if (r == E4_OK)
		r = e4_set_topic_key(&client, &topic, topic_key);
	return r == E4_OK ? topic_key[0] : 0;
}
