/*
 * Commands through a real mosquitto at QoS 2: what the broker takes from a bare
 * publisher, and what it gets from the core that reads, decides, commits on disk
 * and encrypts each of them; in turns, so that both meet the same machine.
 *
 * Usage: bench_mqtt [DEVICES] [ROUNDS]
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "bus/mqtt.h"
#include "fleet.h"
#include "tests/broker.h"

enum { QOS = 2, WINDOW = 100, SLICE = 256, TOPICS = 10 };

static struct loop *loop;
static struct kit k;
static struct bus bus;
static size_t n_bare;

static int64_t mono_ms(void)
{
	return clock_real.mono_ms(clock_real.ctx);
}

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

struct pace {
	double a_second, cpu_us; /* messages; our processor time for each */
};

static void open_bus(const struct bus_handler *handler, int port)
{
	char url[64];
	struct bus_mqtt_config c = {.url = url, .version = 3, .keepalive_s = 30, .window = WINDOW};
	struct err err;

	snprintf(url, sizeof url, "mqtt://127.0.0.1:%d", port);
	CHECK(bus_mqtt_open(&bus, &c, loop, handler, &err));
	while (!bus_is_up(&bus))
		loop_turn(loop, 20);
}

/* Until the broker has acknowledged all. */
static bool is_drained(void)
{
	return bus_room(&bus) == WINDOW;
}

static void fill(void *ctx)
{
	static const uint8_t payload[89] = {1}; /* a SetTopicKey is so long */

	(void)ctx;
	while (n_bare > 0 && bus_room(&bus) > 0)
		n_bare -= bus_publish(&bus, "e4/00112233445566778899aabbccddeeff", payload,
				      sizeof payload, QOS, false, NULL);
}

static struct pace bare(int port, size_t n)
{
	const struct bus_handler handler = {.on_room = fill};
	int64_t start;
	double cpu;

	open_bus(&handler, port);
	start = mono_ms();
	cpu = cpu_us();
	n_bare = n;
	fill(NULL);
	while (n_bare > 0 || !is_drained())
		loop_turn(loop, 20);
	start = mono_ms() - start;
	cpu = cpu_us() - cpu;
	bus_close(&bus);
	return (struct pace){(double)n * 1000 / (double)(start + 1), cpu / (double)n};
}

static struct pace through_core(int port, size_t n)
{
	const struct bus_handler handler = core_bus_handler(k.core);
	size_t woken = 0, before;
	bool more = true;
	int64_t start;
	double cpu;

	open_bus(&handler, port);
	fleet_count(&k, &bus);
	before = fleet_published;
	fleet_confirm(&k);
	CHECK(core_topic_new(k.core, "t0", 0, 0));
	start = mono_ms();
	cpu = cpu_us();
	while (fleet_published - before < n || !is_drained()) {
		if (more || woken != k.n_woken) {
			woken = k.n_woken;
			more = core_work(k.core, SLICE) == 0;
		}
		loop_turn(loop, more || woken != k.n_woken ? 0 : 20);
	}
	start = mono_ms() - start;
	cpu = cpu_us() - cpu;
	CHECK_EQ(fleet_published - before, n);
	bus_close(&bus);
	return (struct pace){(double)n * 1000 / (double)(start + 1), cpu / (double)n};
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	int devices = argc > 1 ? (int)strtol(argv[1], 0, 10) : 20000;
	int rounds = argc > 2 ? (int)strtol(argv[2], 0, 10) : 5;
	double *ratios = mem_array((size_t)rounds, sizeof *ratios);
	struct broker b;

	log_set_level(LOG_ERROR);
	loop = loop_new();
	kit_open_in(&k, CORE_SYMKEY, "/var/tmp");
	k.core->cfg.qos = QOS;
	fleet_new(&k, devices, TOPICS);
	broker_init(&b);
	broker_start(&b, NULL);
	for (int i = 0; i < rounds; i++) {
		size_t n = 2 * (size_t)devices;
		struct pace peer = bare(b.port, n), ours = through_core(b.port, n);

		ratios[i] = ours.a_second / peer.a_second;
		printf("mosquitto at QoS 2: bare publisher %6.0f/s (%4.1f us of ours), C2 %6.0f/s "
		       "(%4.1f us), %3.0f %%\n",
		       peer.a_second, peer.cpu_us, ours.a_second, ours.cpu_us, 100 * ratios[i]);
	}
	qsort(ratios, (size_t)rounds, sizeof *ratios, by_size);
	printf("median %.0f %%\n", 100 * ratios[rounds / 2]);
	free(ratios);
	broker_stop(&b);
	kit_close(&k);
	loop_free(loop);
	return END();
}
