/* Publishes per second through the bus into a local mosquitto, acknowledged. */
#define _GNU_SOURCE
#include "base/clock.h"
#include "base/loop.h"
#include "bus/mqtt.h"
#include "tests/broker.h"

#include <stdio.h>

enum { TOTAL = 100000 };

static int n_sent, n_total, qos_used;
static struct bus bus;

static void fill(void *ctx)
{
	static const uint8_t payload[89] = {1}; /* a SetTopicKey is so long */

	(void)ctx;
	while (n_sent < n_total && bus_room(&bus) > 0)
		n_sent += bus_publish(&bus, "e4/00112233445566778899aabbccddeeff", payload,
				      sizeof payload, qos_used, false, NULL);
}

static int64_t now(void)
{
	return clock_real.mono_ms(clock_real.ctx);
}

static void measure(struct loop *loop, int port, int version, int qos, int window)
{
	const struct bus_handler handler = {.on_room = fill};
	char url[64];
	struct bus_mqtt_config c = {
		.url = url, .version = version, .keepalive_s = 30, .window = window};
	struct err err;
	int64_t start;

	snprintf(url, sizeof url, "mqtt://127.0.0.1:%d", port);
	if (!bus_mqtt_open(&bus, &c, loop, &handler, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return;
	}
	while (!bus_is_up(&bus))
		loop_turn(loop, 20);
	start = now();
	n_sent = 0;
	n_total = TOTAL;
	qos_used = qos;
	fill(NULL);
	while (n_sent < n_total || bus_room(&bus) < (size_t)window)
		loop_turn(loop, 20);
	printf("MQTT %d QoS %d window %4d: %6.0f publishes/s\n", version, qos, window,
	       TOTAL * 1000.0 / (double)(now() - start + 1));
	bus_close(&bus);
}

int main(void)
{
	static const int windows[] = {20, 100, 1000};
	struct loop *loop = loop_new();
	struct broker b;

	broker_init(&b);
	broker_start(&b, NULL);
	for (int version = 3; version <= 5; version += 2) {
		for (int qos = 0; qos <= 2; qos++) {
			for (int i = 0; i < 3; i++)
				measure(loop, b.port, version, qos, windows[i]);
		}
	}
	broker_stop(&b);
	loop_free(loop);
	return 0;
}
