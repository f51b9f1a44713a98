/*
 * A sensor that protects its readings under a key of its own application, and
 * prints what would go over the air. Without a clock the time comes from a key
 * server's commands; here a counter of seconds stands for it. Replace the keys,
 * and give each device others.
 */
#include <e4.h>

static const uint8_t id[16] = {1}, own_key[32] = {2}, shared_key[32] = {3};
static struct e4_topic_key topics[1];
static struct e4_client client;
static struct e4_topic topic;
static uint8_t message[16 + E4_OVERHEAD_SK];

static bool now(void *, uint64_t *seconds)
{
	*seconds = 1700000000 + millis() / 1000;
	return true;
}

static void check(enum e4_result r)
{
	if (r == E4_OK)
		return;
	Serial.println(e4_result_text(r));
	for (;;)
		;
}

void setup()
{
	struct e4_config cfg = {};

	Serial.begin(9600);
	cfg.mode = &e4_mode_sk;
	cfg.topics = topics;
	cfg.n_topics = 1;
	cfg.now = now;
	cfg.future_s = E4_FUTURE_S;
	check(e4_init(&client, &cfg));
	check(e4_provision_sk(&client, id, own_key));
	check(e4_topic_init(&topic, &client, "greenhouse/3", 12));
	check(e4_set_topic_key(&client, &topic, shared_key));
}

void loop()
{
	char text[16];
	size_t len;

	itoa(analogRead(A0), text, 10);
	check(e4_protect(&client, &topic, message, sizeof message, &len, (const uint8_t *)text,
			 strlen(text)));
	for (size_t i = 0; i < len; i++) {
		Serial.print(message[i] >> 4, HEX);
		Serial.print(message[i] & 15, HEX);
	}
	Serial.println();
	delay(1000);
}
