/* Which message speaks of whom. */
#include "c2/core/presence.h"

#include <string.h>

#include "e4/protocol.h"
#include "tests/check.h"

static struct presence p;
static struct err err;

static bool parses(const char *text, bool pubkey)
{
	return presence_parse(&p, text, pubkey, &err);
}

static bool speaks_of(const char *topic, const char *payload, const char *name)
{
	uint8_t id[16], expected[16];

	e4_id_from_name(expected, name, strlen(name));
	return presence_match(&p, topic, (const uint8_t *)payload, strlen(payload), id) &&
	       memcmp(id, expected, 16) == 0;
}

static bool speaks_of_nobody(const char *topic, const char *payload)
{
	uint8_t id[16];

	return !presence_match(&p, topic, (const uint8_t *)payload, strlen(payload), id);
}

static void none_is_none(void)
{
	CHECK(parses(0, false) && p.n == 0);
	CHECK(parses("", false) && p.n == 0);
	CHECK(parses("  ", true) && p.n == 0);
	CHECK(speaks_of_nobody("presence/a", "1"));
}

static void topics_of_brokers_name_their_clients(void)
{
	CHECK(parses("presence/{client} $SYS/brokers/+/clients/{client}/connected "
		     "\t$aws/events/presence/connected/{client}",
		     false));
	CHECK_EQ(p.n, 3);
	CHECK_STR(p.topics[0].pattern, "presence/+");
	CHECK_STR(p.topics[1].pattern, "$SYS/brokers/+/clients/+/connected");
	CHECK(speaks_of("presence/lamp 1", "online", "lamp 1"));
	CHECK(speaks_of("$SYS/brokers/emqx@127.0.0.1/clients/lamp/connected", "{}", "lamp"));
	CHECK(speaks_of("$aws/events/presence/connected/lamp", "{\"clientId\":\"lamp\"}", "lamp"));
	CHECK(speaks_of_nobody("$SYS/brokers/emqx@127.0.0.1/clients/lamp/disconnected", "{}"));
	CHECK(speaks_of_nobody("presence/a/b", "1"));
	CHECK(speaks_of_nobody("presence/", "1"));
	CHECK(speaks_of_nobody("presence", "1"));
}

static void a_device_that_leaves_is_not_there(void)
{
	static const char *const gone[] = {"", "0", "false", "offline", "disconnected"};

	CHECK(parses("presence/{client}", false));
	for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
		CHECK(speaks_of_nobody("presence/lamp", gone[i]));
	CHECK(speaks_of("presence/lamp", "offline soon", "lamp"));
	CHECK(speaks_of("presence/lamp", "1", "lamp"));
}

static void an_id_is_32_hex_digits(void)
{
	char topic[64] = "up/", hex[40];
	uint8_t id[16], got[16];

	CHECK(parses("up/{id}", false));
	e4_id_from_name(id, "lamp", 4);
	e4_control_topic(hex, id);
	strcat(topic, hex + 3);
	CHECK(presence_match(&p, topic, (const uint8_t *)"1", 1, got));
	CHECK_MEM(id, got, 16);
	CHECK(speaks_of_nobody("up/lamp", "1"));
	topic[10] = 'g';
	CHECK(speaks_of_nobody(topic, "1"));
	strcat(topic, "0");
	CHECK(speaks_of_nobody(topic, "1"));
}

static void a_signed_message_names_its_sender(void)
{
	uint8_t message[120] = {0}, id[16];

	CHECK(parses("plant/#", true));
	memset(message + 8, 7, 16);
	CHECK(presence_match(&p, "plant/line/1", message, sizeof message, id));
	CHECK_MEM(id, message + 8, 16);
	CHECK(presence_match(&p, "plant", message, 104, id));
	CHECK(!presence_match(&p, "plant", message, 103, id));
	CHECK(!presence_match(&p, "plants", message, sizeof message, id));
}

static void what_makes_no_sense_is_refused_by_name(void)
{
	static const char *const bad[] = {
		"a/{client}/{id}", "a{client}",   "{client}{id}", "a/{name}",
		"a/#/{client}",    "a+/{client}", "plant/#",      "{"};
	char many[256] = "";

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		CHECK(!parses(bad[i], false));
		CHECK_EQ(err.code, ERR_CONFIG);
		CHECK(strstr(err.text, bad[i]) != 0);
	}
	CHECK(parses("plant/#", true));
	for (int i = 0; i < PRESENCE_MAX; i++)
		strcat(many, "a/{id} ");
	CHECK(parses(many, false));
	strcat(many, "a/{id}");
	CHECK(!parses(many, false));
}

static void long_texts_do_not_fit(void)
{
	static char text[2 * PRESENCE_TEXT_MAX + 20];

	for (size_t len = PRESENCE_TEXT_MAX - 8; len < PRESENCE_TEXT_MAX + 8; len++) {
		memset(text, 'a', len);
		strcpy(text + len, "/{id}");
		if (parses(text, false))
			CHECK_EQ(strlen(p.topics[0].pattern), len + 2);
		else
			CHECK(len + 2 >= PRESENCE_TEXT_MAX - 1);
	}
	memset(text, '/', sizeof text - 1);
	CHECK(!parses(text, true));
}

int main(void)
{
	RUN(none_is_none);
	RUN(topics_of_brokers_name_their_clients);
	RUN(a_device_that_leaves_is_not_there);
	RUN(an_id_is_32_hex_digits);
	RUN(a_signed_message_names_its_sender);
	RUN(what_makes_no_sense_is_refused_by_name);
	RUN(long_texts_do_not_fit);
	return END();
}
