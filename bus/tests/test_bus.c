/*
 * What every transport must do, run over each of them: memory, and MQTT 3.1.1
 * and 5 with a real broker. What only MQTT has is in test_mqtt.c.
 */
#define _GNU_SOURCE
#include <stdlib.h>

#include "base/clock.h"
#include "base/loop.h"
#include "bus/mem.h"
#include "bus/mqtt.h"
#include "tests/broker.h"
#include "tests/check.h"

enum { DEADLINE_MS = 20000 };

/* A transport under test: how to join, let time pass, and take its middle away. */
static struct world {
	const char *name;
	int version; /* of MQTT; 0: memory */
	struct loop *loop;
	struct broker broker;
	struct bus_mem_hub *hub;
} w;

static bool in_call; /* the test is inside a call to a bus */

struct peer {
	struct bus bus;
	bool up;
	int n_up, n_down, n_room, n_got;
	char topic[128];
	uint8_t payload[256];
	size_t len;
	uint32_t next; /* expected number of a numbered message */
	int n_out_of_order;
	const char *echo_to; /* publish what comes to this topic */
	bool close_on_message;
};

static void on_state(void *ctx, bool up, const char *why)
{
	struct peer *p = ctx;

	CHECK(!in_call);
	CHECK(why && *why);
	CHECK(up != p->up || !up);
	p->up = up;
	up ? p->n_up++ : p->n_down++;
}

static void on_message(void *ctx, const char *topic, const uint8_t *payload, size_t len)
{
	struct peer *p = ctx;
	uint32_t number;

	CHECK(!in_call);
	CHECK(payload != NULL);
	p->n_got++;
	snprintf(p->topic, sizeof p->topic, "%s", topic);
	p->len = len;
	memcpy(p->payload, payload, len < sizeof p->payload ? len : sizeof p->payload);
	if (len == sizeof number) {
		memcpy(&number, payload, sizeof number);
		p->n_out_of_order += number != p->next;
		p->next = number + 1;
	}
	if (p->echo_to)
		CHECK(bus_publish(&p->bus, p->echo_to, payload, len, 1, false, NULL));
	if (p->close_on_message)
		bus_close(&p->bus);
}

static void on_room(void *ctx)
{
	CHECK(!in_call);
	((struct peer *)ctx)->n_room++;
}

static void turn(void)
{
	if (w.hub)
		bus_mem_deliver(w.hub);
	else
		loop_turn(w.loop, 20);
}

static int64_t now(void)
{
	return clock_real.mono_ms(clock_real.ctx);
}

#define UNTIL(cond)                                                                                \
	do {                                                                                       \
		int64_t end_ = now() + DEADLINE_MS;                                                \
		while (!(cond) && now() < end_)                                                    \
			turn();                                                                    \
		CHECK(cond);                                                                       \
	} while (0)

#define CALL(call) (in_call = true, call_ = (call), in_call = false, call_)
static bool call_;

static void join(struct peer *p)
{
	const struct bus_handler handler = {p, on_state, on_message, on_room};
	struct err err = {0};
	char url[64];
	const struct bus_mqtt_config config = {
		.url = url,
		.version = w.version,
		.keepalive_s = 30,
		.window = 20,
	};

	memset(p, 0, sizeof *p);
	if (w.hub) {
		in_call = true;
		bus_mem_open(&p->bus, w.hub, &handler);
		in_call = false;
	} else {
		snprintf(url, sizeof url, "mqtt://127.0.0.1:%d", w.broker.port);
		CHECK(CALL(bus_mqtt_open(&p->bus, &config, w.loop, &handler, &err)));
	}
	UNTIL(p->up);
	CHECK(bus_is_up(&p->bus));
}

static bool publish(struct peer *p, const char *topic, const void *payload, size_t len, int qos,
		    bool retain)
{
	return CALL(bus_publish(&p->bus, topic, payload, len, qos, retain, NULL));
}

/* Subscribe, and know that it holds: a message to oneself follows the request. */
static void subscribe(struct peer *p, const char *pattern)
{
	static int n;
	char topic[32];
	int before;

	CHECK(CALL(bus_subscribe(&p->bus, pattern, 2, NULL)));
	snprintf(topic, sizeof topic, "sync/%d", n++);
	CHECK(CALL(bus_subscribe(&p->bus, topic, 0, NULL)));
	publish(p, topic, "s", 1, 0, false);
	UNTIL(strcmp(p->topic, topic) == 0);
	before = p->n_got;
	CHECK(CALL(bus_unsubscribe(&p->bus, topic, NULL)));
	p->n_got = before - 1;
}

static void away(void)
{
	if (w.hub)
		bus_mem_set_up(w.hub, false);
	else
		broker_kill(&w.broker);
}

static void back(void)
{
	if (w.hub)
		bus_mem_set_up(w.hub, true);
	else
		broker_restart(&w.broker);
}

static void a_message_of_each_qos_reaches_its_subscriber(void)
{
	static const uint8_t bytes[] = {0, 1, 2, 0xff, 0};
	struct peer a, b;

	join(&a);
	join(&b);
	subscribe(&b, "plain/topic");
	for (int qos = 0; qos <= 2; qos++) {
		int before = b.n_got;

		CHECK(publish(&a, "plain/topic", bytes, sizeof bytes, qos, false));
		CHECK(publish(&a, "plain/other", bytes, sizeof bytes, qos, false));
		UNTIL(b.n_got > before);
		CHECK_STR(b.topic, "plain/topic");
		CHECK_EQ(b.len, sizeof bytes);
		CHECK_MEM(b.payload, bytes, sizeof bytes);
	}
	CHECK(publish(&a, "plain/topic", NULL, 0, 1, false));
	UNTIL(b.len == 0);
	CHECK_EQ(b.n_got, 4);
	bus_close(&a.bus);
	bus_close(&b.bus);
}

static void wildcards_match_levels_and_never_dollar_topics(void)
{
	struct peer a, b;

	join(&a);
	join(&b);
	subscribe(&b, "w/+/end");
	subscribe(&b, "deep/#");
	publish(&a, "w/x/y/end", "1", 1, 1, false);
	publish(&a, "w/end", "1", 1, 1, false);
	publish(&a, "deeper", "1", 1, 1, false);
	CHECK_EQ(b.n_got, 0);
	publish(&a, "w//end", "2", 1, 1, false);
	UNTIL(b.n_got == 1);
	CHECK_STR(b.topic, "w//end");
	publish(&a, "deep", "3", 1, 1, false);
	UNTIL(b.n_got == 2);
	publish(&a, "deep/a/b", "4", 1, 1, false);
	UNTIL(b.n_got == 3);
	CHECK_STR(b.topic, "deep/a/b");
	bus_close(&a.bus);
	bus_close(&b.bus);
}

static void overlapping_patterns_and_a_pattern_twice_do_no_harm(void)
{
	struct peer a;

	join(&a);
	subscribe(&a, "o/x");
	subscribe(&a, "o/x");
	subscribe(&a, "p/+");
	publish(&a, "o/x", "1", 1, 2, false);
	UNTIL(a.n_got >= 1);
	subscribe(&a, "marker");
	CHECK_EQ(a.n_got, 1);
	bus_close(&a.bus);
}

static void a_retained_message_meets_late_subscribers_until_it_is_cleared(void)
{
	struct peer a, b, c;

	join(&a);
	subscribe(&a, "kept/#");
	CHECK(publish(&a, "kept/one", "old", 3, 1, true));
	CHECK(publish(&a, "kept/one", "new", 3, 1, true));
	UNTIL(a.n_got == 2);
	join(&b);
	CHECK(CALL(bus_subscribe(&b.bus, "kept/one", 1, NULL)));
	UNTIL(b.n_got == 1);
	CHECK_MEM(b.payload, "new", 3);
	CHECK(publish(&a, "kept/one", NULL, 0, 1, true));
	UNTIL(a.n_got == 3 && b.n_got == 2);
	join(&c);
	subscribe(&c, "kept/one");
	CHECK_EQ(c.n_got, 0);
	bus_close(&a.bus);
	bus_close(&b.bus);
	bus_close(&c.bus);
}

static void nothing_comes_after_unsubscribe(void)
{
	struct peer a;

	join(&a);
	subscribe(&a, "u/1");
	publish(&a, "u/1", "x", 1, 1, false);
	UNTIL(a.n_got == 1);
	CHECK(CALL(bus_unsubscribe(&a.bus, "u/1", NULL)));
	CHECK(CALL(bus_unsubscribe(&a.bus, "never/was", NULL)));
	publish(&a, "u/1", "y", 1, 1, false);
	subscribe(&a, "u/2");
	CHECK_EQ(a.n_got, 1);
	bus_close(&a.bus);
}

static void bad_arguments_are_refused_before_the_transport_sees_them(void)
{
	static const char *const topics[] = {"",         "a/+",          "#",    "a\nb", "\xff",
					     "\xc0\x80", "\xed\xa0\x80", "a\x7f"};
	static const char *const patterns[] = {"", "a+", "+a/b", "a/#/b", "a#", "##", "\x80", "++"};
	char *large = malloc(BUS_TOPIC_MAX + 2);
	struct err err;
	struct peer a;

	join(&a);
	for (size_t i = 0; i < sizeof topics / sizeof *topics; i++) {
		CHECK(!bus_publish(&a.bus, topics[i], NULL, 0, 0, false, &err));
		CHECK_EQ(err.code, ERR_INVALID);
	}
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
		CHECK(!bus_subscribe(&a.bus, patterns[i], 0, &err));
		CHECK_EQ(err.code, ERR_INVALID);
		CHECK(!bus_unsubscribe(&a.bus, patterns[i], &err));
	}
	memset(large, 'a', BUS_TOPIC_MAX + 1);
	large[BUS_TOPIC_MAX + 1] = 0;
	CHECK(!bus_publish(&a.bus, large, NULL, 0, 0, false, &err));
	CHECK(!bus_publish(&a.bus, NULL, NULL, 0, 0, false, &err));
	CHECK(!bus_publish(&a.bus, "a", NULL, 1, 0, false, &err));
	CHECK(!bus_publish(&a.bus, "a", (const uint8_t *)"", BUS_PAYLOAD_MAX + 1, 0, false, &err));
	CHECK(!bus_publish(&a.bus, "a", NULL, 0, 3, false, &err));
	CHECK(!bus_publish(&a.bus, "a", NULL, 0, -1, false, &err));
	CHECK(!bus_subscribe(&a.bus, "a", 3, &err));
	CHECK(a.up);
	free(large);
	bus_close(&a.bus);
}

static void subscriptions_come_back_with_the_broker(void)
{
	struct err err = {0};
	struct peer a, b;

	join(&a);
	join(&b);
	subscribe(&b, "again/+");
	away();
	UNTIL(!a.up && !b.up);
	CHECK(!bus_is_up(&a.bus));
	CHECK_EQ(bus_room(&a.bus), 0);
	CHECK(!CALL(bus_publish(&a.bus, "again/1", NULL, 0, 1, false, &err)));
	CHECK_EQ(err.code, ERR_UNAVAILABLE);
	/* One made while it is away counts as well. */
	CHECK(CALL(bus_subscribe(&b.bus, "late", 1, NULL)));
	CHECK(CALL(bus_unsubscribe(&b.bus, "never/was", NULL)));
	back();
	UNTIL(a.up && b.up);
	CHECK_EQ(a.n_up, 2);
	CHECK(a.n_room >= 1);
	subscribe(&b, "sync"); /* what was subscribed before is known now */
	CHECK(publish(&a, "again/1", "1", 1, 1, false));
	UNTIL(b.n_got == 1);
	CHECK(publish(&a, "late", "2", 1, 1, false));
	UNTIL(b.n_got == 2);
	CHECK_STR(b.topic, "late");
	bus_close(&a.bus);
	bus_close(&b.bus);
}

static void thousands_of_messages_pass_a_small_window_in_order(int qos)
{
	const uint32_t total = 3000;
	uint32_t sent = 0;
	struct err err = {0};
	struct peer a, b;
	int n_full = 0;
	int64_t end = now() + DEADLINE_MS;

	if (w.hub)
		bus_mem_set_window(w.hub, 20);
	join(&a);
	join(&b);
	subscribe(&b, "flood");
	while ((sent < total || b.n_got < (int)total) && now() < end) {
		int rooms = a.n_room;

		/* Not so fast that the broker drops what waits for b: it keeps 1000. */
		while (sent < total && sent < (uint32_t)b.n_got + 500 && bus_room(&a.bus) > 0) {
			CHECK(CALL(bus_publish(&a.bus, "flood", (uint8_t *)&sent, sizeof sent, qos,
					       false, NULL)));
			sent++;
		}
		if (bus_room(&a.bus) == 0) {
			CHECK(!CALL(bus_publish(&a.bus, "flood", NULL, 0, qos, false, &err)));
			CHECK_EQ(err.code, ERR_EXHAUSTED);
			n_full++;
			UNTIL(a.n_room > rooms);
		} else {
			turn();
		}
	}
	CHECK_EQ(b.n_got, total);
	CHECK_EQ(b.n_out_of_order, 0);
	CHECK(n_full > 10);
	UNTIL(bus_room(&a.bus) == 20);
	if (w.hub)
		bus_mem_set_window(w.hub, 1000);
	bus_close(&a.bus);
	bus_close(&b.bus);
}

static void a_flood_at_qos_1(void)
{
	thousands_of_messages_pass_a_small_window_in_order(1);
}

static void a_flood_at_qos_2(void)
{
	thousands_of_messages_pass_a_small_window_in_order(2);
}

static void callbacks_may_publish_and_close(void)
{
	struct peer a, b, c;

	join(&a);
	join(&b);
	join(&c);
	subscribe(&a, "answer");
	subscribe(&b, "question");
	subscribe(&c, "question");
	b.echo_to = "answer";
	c.close_on_message = true;
	CHECK(publish(&a, "question", "?", 1, 1, false));
	UNTIL(a.n_got == 1 && c.n_got == 1);
	CHECK(c.bus.ops == NULL);
	CHECK(publish(&a, "question", "?", 1, 1, false));
	UNTIL(a.n_got == 2);
	CHECK_EQ(c.n_got, 1);
	b.close_on_message = true;
	CHECK(publish(&a, "question", "?", 1, 1, false));
	UNTIL(b.bus.ops == NULL);
	bus_close(&a.bus);
	bus_close(&a.bus); /* closed already */
}

static void fate_drops_and_doubles(void);

static void run_all(void)
{
	fprintf(stderr, "over %s:\n", w.name);
	RUN(a_message_of_each_qos_reaches_its_subscriber);
	RUN(wildcards_match_levels_and_never_dollar_topics);
	RUN(overlapping_patterns_and_a_pattern_twice_do_no_harm);
	RUN(a_retained_message_meets_late_subscribers_until_it_is_cleared);
	RUN(nothing_comes_after_unsubscribe);
	RUN(bad_arguments_are_refused_before_the_transport_sees_them);
	RUN(subscriptions_come_back_with_the_broker);
	RUN(a_flood_at_qos_1);
	RUN(a_flood_at_qos_2);
	RUN(callbacks_may_publish_and_close);
}

static void matching_follows_the_standard(void)
{
	static const struct {
		const char *pattern, *topic;
		bool matches;
	} cases[] = {
		{"a", "a", true},           {"a", "b", false},        {"a", "aa", false},
		{"aa", "a", false},         {"a/b", "a/b", true},     {"a/b", "a", false},
		{"a", "a/b", false},        {"+", "a", true},         {"+", "a/b", false},
		{"+/+", "a/b", true},       {"+/+", "/", true},       {"/+", "/a", true},
		{"+", "/a", false},         {"+/a", "/a", true},      {"a/+", "a/", true},
		{"a/+", "a", false},        {"a/+/c", "a/b/c", true}, {"a/+/c", "a/b/d", false},
		{"#", "a", true},           {"#", "a/b", true},       {"#", "/", true},
		{"a/#", "a", true},         {"a/#", "a/", true},      {"a/#", "a/b/c", true},
		{"a/#", "ab", false},       {"a/+/#", "a", false},    {"a/+/#", "a/b", true},
		{"+/#", "a", true},         {"#", "$SYS/x", false},   {"+/x", "$SYS/x", false},
		{"$SYS/#", "$SYS/x", true}, {"a/#", "a/$b", true},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (bus_matches(cases[i].pattern, cases[i].topic) != cases[i].matches)
			fprintf(stderr, "%s %s\n", cases[i].pattern, cases[i].topic);
		CHECK_EQ(bus_matches(cases[i].pattern, cases[i].topic), cases[i].matches);
	}
}

static int next_fate;

static int take_fate(void *ctx, const char *topic, const uint8_t *payload, size_t len)
{
	(void)ctx;
	(void)topic;
	(void)payload;
	(void)len;
	return next_fate;
}

static void fate_drops_and_doubles(void)
{
	struct peer a;

	join(&a);
	subscribe(&a, "f");
	bus_mem_set_fate(w.hub, take_fate, NULL);
	for (next_fate = 0; next_fate <= 2; next_fate++) {
		a.n_got = 0;
		publish(&a, "f", "x", 1, 1, false);
		bus_mem_deliver(w.hub);
		CHECK_EQ(a.n_got, next_fate);
	}
	bus_mem_set_fate(w.hub, NULL, NULL);
	/* The broker goes with what it had, also when it is back before anybody looks. */
	a.n_got = 0;
	publish(&a, "f", "x", 1, 1, false);
	bus_mem_set_up(w.hub, false);
	bus_mem_set_up(w.hub, true);
	CHECK_EQ(bus_mem_deliver(w.hub), 0);
	CHECK_EQ(a.n_down, 1);
	CHECK_EQ(a.n_up, 2);
	bus_close(&a.bus);
}

static void over_memory(void)
{
	w = (struct world){.name = "memory", .hub = bus_mem_hub_new()};
	run_all();
	RUN(fate_drops_and_doubles);
	bus_mem_hub_free(w.hub);
}

static void over_mqtt(const char *name, int version)
{
	w = (struct world){.name = name, .version = version, .loop = loop_new()};
	broker_init(&w.broker);
	broker_start(&w.broker, NULL);
	run_all();
	broker_stop(&w.broker);
	loop_free(w.loop);
}

int main(void)
{
	RUN(matching_follows_the_standard);
	over_memory();
	over_mqtt("MQTT 3.1.1", 3);
	over_mqtt("MQTT 5", 5);
	return END();
}
