/* What only MQTT has: brokers that are away, refuse, hang or lie; TLS; sessions. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/listen.h"
#include "base/loop.h"
#include "bus/mqtt.h"
#include "tests/broker.h"
#include "tests/check.h"

enum { DEADLINE_MS = 20000 };

static struct loop *loop;

struct peer {
	struct bus bus;
	bool up;
	int n_up, n_down, n_got, n_room;
	char why[256];
	char last[64];
};

static void on_state(void *ctx, bool up, const char *why)
{
	struct peer *p = ctx;

	p->up = up;
	up ? p->n_up++ : p->n_down++;
	snprintf(p->why, sizeof p->why, "%s", why);
}

static void on_message(void *ctx, const char *topic, const uint8_t *payload, size_t len)
{
	struct peer *p = ctx;

	(void)topic;
	p->n_got++;
	snprintf(p->last, sizeof p->last, "%.*s", (int)len, (const char *)payload);
}

static void on_room(void *ctx)
{
	((struct peer *)ctx)->n_room++;
}

static int64_t now(void)
{
	return clock_real.mono_ms(clock_real.ctx);
}

#define UNTIL(cond)                                                                                \
	do {                                                                                       \
		int64_t end_ = now() + DEADLINE_MS;                                                \
		while (!(cond) && now() < end_)                                                    \
			loop_turn(loop, 20);                                                       \
		CHECK(cond);                                                                       \
	} while (0)

static char url_text[64];

static const char *url(const char *scheme, const char *host, int port)
{
	snprintf(url_text, sizeof url_text, "%s://%s:%d", scheme, host, port);
	return url_text;
}

static struct bus_mqtt_config plain(int version)
{
	return (struct bus_mqtt_config){.version = version, .keepalive_s = 30, .window = 100};
}

static void join(struct peer *p, const struct bus_mqtt_config *config)
{
	const struct bus_handler handler = {p, on_state, on_message, on_room};
	struct err err = {0};

	memset(p, 0, sizeof *p);
	CHECK(bus_mqtt_open(&p->bus, config, loop, &handler, &err));
	CHECK_STR(err.text, "");
	CHECK(!bus_is_up(&p->bus));
}

static const char *in_dir(const struct broker *b, const char *name)
{
	static char paths[8][128];
	static int n;
	char *path = paths[n++ % 8];

	snprintf(path, 128, "%s/%s", b->dir, name);
	return path;
}

static void put(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0 && chmod(path, mode) == 0);
}

static void a_broker_that_is_away_at_start_is_found_when_it_comes(void)
{
	struct broker b;
	struct peer p;

	for (int version = 3; version <= 5; version += 2) {
		struct bus_mqtt_config c = plain(version);

		broker_init(&b);
		c.url = url("mqtt", "127.0.0.1", b.port);
		join(&p, &c);
		CHECK(bus_subscribe(&p.bus, "x", 1, NULL));
		UNTIL(p.n_down == 1);
		CHECK_STR(p.why, "Connection refused");
		broker_start(&b, NULL);
		UNTIL(p.up);
		/* Failed attempts with the same reason are told once. */
		CHECK_EQ(p.n_down, 1);
		CHECK(bus_publish(&p.bus, "x", (const uint8_t *)"m", 1, 1, false, NULL));
		UNTIL(p.n_got == 1);
		bus_close(&p.bus);
		broker_stop(&b);
	}
}

static void users_and_passwords_are_checked_by_the_broker(void)
{
	const char *extra = "allow_anonymous false\npassword_file %DIR/users\n";
	char command[256];
	struct broker b;
	struct peer p;

	broker_init(&b);
	snprintf(command, sizeof command, "mosquitto_passwd -b -c %s/users joe 'right one'", b.dir);
	CHECK_EQ(system(command), 0);
	put(in_dir(&b, "good"), "right one\n", 0600);
	put(in_dir(&b, "bad"), "wrong one\n", 0600);
	broker_start(&b, extra);
	for (int version = 3; version <= 5; version += 2) {
		struct bus_mqtt_config c = plain(version);

		c.url = url("mqtt", "127.0.0.1", b.port);
		join(&p, &c);
		UNTIL(p.n_down == 1);
		CHECK(strncmp(p.why, "the broker refuses", 18) == 0);
		bus_close(&p.bus);
		c.user = "joe";
		c.password_file = in_dir(&b, "bad");
		join(&p, &c);
		UNTIL(p.n_down == 1);
		CHECK(strncmp(p.why, "the broker refuses", 18) == 0);
		CHECK(!strstr(p.why, "wrong one"));
		bus_close(&p.bus);
		c.password_file = in_dir(&b, "good");
		join(&p, &c);
		UNTIL(p.up);
		CHECK_EQ(p.n_down, 0);
		bus_close(&p.bus);
	}
	broker_stop(&b);
}

static const char tls_config[] = "allow_anonymous true\ncertfile %DIR/server.pem\n"
				 "keyfile %DIR/server.key\ncafile %DIR/ca.pem\n";

static void expect_refusal(const struct bus_mqtt_config *c, const char *why)
{
	struct peer p;

	join(&p, c);
	/* A reset connection can swallow the alert that says why: the next try tells. */
	UNTIL(p.n_down >= 1 && strstr(p.why, why));
	CHECK(!p.up && p.n_up == 0);
	if (!strstr(p.why, why))
		fprintf(stderr, "why: %s\n", p.why);
	bus_close(&p.bus);
}

static void exchange(const struct bus_mqtt_config *c)
{
	uint8_t large[100000] = {1};
	struct peer p;

	join(&p, c);
	CHECK(bus_subscribe(&p.bus, "t/#", 2, NULL));
	UNTIL(p.up);
	for (int i = 0; i < 50; i++)
		CHECK(bus_publish(&p.bus, "t/small", (const uint8_t *)"m", 1, 2, false, NULL));
	CHECK(bus_publish(&p.bus, "t/large", large, sizeof large, 1, false, NULL));
	UNTIL(p.n_got == 51);
	UNTIL(bus_room(&p.bus) == 100);
	CHECK_EQ(p.n_down, 0);
	bus_close(&p.bus);
}

static void tls_needs_the_right_ca_and_the_right_name(void)
{
	struct broker b;

	broker_init(&b);
	broker_make_certs(b.dir);
	broker_start(&b, tls_config);
	for (int version = 3; version <= 5; version += 2) {
		struct bus_mqtt_config c = plain(version);

		c.url = url("mqtts", "localhost", b.port);
		c.ca_file = in_dir(&b, "ca.pem");
		exchange(&c);
		c.url = url("mqtts", "127.0.0.1", b.port);
		exchange(&c);
		c.ca_file = in_dir(&b, "ca2.pem");
		expect_refusal(&c, "certificate verify failed");
		c.ca_file = NULL; /* the system's: they do not know our CA */
		expect_refusal(&c, "certificate verify failed");
		/* No TLS where the broker speaks it. */
		c.url = url("mqtt", "localhost", b.port);
		expect_refusal(&c, "");
	}
	broker_kill(&b);
	broker_start(&b, "allow_anonymous true\ncertfile %DIR/other.pem\nkeyfile %DIR/other.key\n");
	for (int version = 3; version <= 5; version += 2) {
		struct bus_mqtt_config c = plain(version);

		c.url = url("mqtts", "localhost", b.port);
		c.ca_file = in_dir(&b, "ca.pem");
		expect_refusal(&c, "host name verification failed");
		c.url = url("mqtts", "127.0.0.1", b.port);
		expect_refusal(&c, "host name verification failed");
	}
	broker_stop(&b);
}

static void old_tls_and_weak_suites_are_refused(void)
{
	static const char *const ciphers[] = {"ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA",
					      "AES256-SHA"};
	char extra[512];
	struct broker b;

	broker_init(&b);
	broker_make_certs(b.dir);
	for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++) {
		struct bus_mqtt_config c = plain(3);

		snprintf(extra, sizeof extra, "%stls_version tlsv1.1\nciphers %s:@SECLEVEL=0\n",
			 tls_config, ciphers[i]);
		/* With TLS 1.3 left on, the broker would answer in that. */
		snprintf(extra + strlen(extra), sizeof extra - strlen(extra), "%s",
			 "ciphers_tls1.3 TLS_AES_128_CCM_SHA256\n");
		broker_start(&b, extra);
		c.url = url("mqtts", "localhost", b.port);
		c.ca_file = in_dir(&b, "ca.pem");
		expect_refusal(&c, "TLS: ");
		broker_kill(&b);
	}
	broker_stop(&b);
}

static void a_client_certificate_opens_the_door_that_needs_one(void)
{
	char extra[512];
	struct broker b;
	struct peer p;

	snprintf(extra, sizeof extra, "%srequire_certificate true\n", tls_config);
	broker_init(&b);
	broker_make_certs(b.dir);
	broker_start(&b, extra);
	for (int version = 3; version <= 5; version += 2) {
		struct bus_mqtt_config c = plain(version);

		c.url = url("mqtts", "localhost", b.port);
		c.ca_file = in_dir(&b, "ca.pem");
		join(&p, &c);
		UNTIL(p.n_down >= 1);
		CHECK_EQ(p.n_up, 0);
		bus_close(&p.bus);
		c.cert_file = in_dir(&b, "client.pem");
		c.key_file = in_dir(&b, "client.key");
		exchange(&c);
		/* A key that is not the certificate's is seen before any packet. */
		c.key_file = in_dir(&b, "server.key");
		expect_refusal(&c, "TLS: ");
	}
	broker_stop(&b);
}

static void bad_settings_are_refused_at_once(void)
{
	static const char *const urls[] = {
		"",
		"localhost",
		"http://x:1",
		"mqtt://",
		"mqtt://:1883",
		"mqtt://h:0",
		"mqtt://h:65536",
		"mqtt://h:x",
		"mqtt://h:",
		"mqtt://user@h:1",
		"mqtt://h:1/path",
		"mqtt://[::1:1883",
		"mqtt://[::1]x",
		"mqtt://a b",
		"mqtt://h:123456",
		"mqtts://",
		"MQTT://h",
		"mqtt:/h",
	};
	static const struct bus_handler none;
	struct bus_mqtt_config c, good = plain(5);
	struct bus bus = {0};
	struct broker b;
	struct err err;
	char long_id[300];

	memset(long_id, 'a', sizeof long_id - 1);
	long_id[sizeof long_id - 1] = 0;
	broker_init(&b);
	broker_make_certs(b.dir);
	put(in_dir(&b, "open"), "secret\n", 0644);
	put(in_dir(&b, "empty"), "\n", 0600);
	good.url = "mqtts://localhost";
#define REFUSED(change)                                                                            \
	do {                                                                                       \
		c = good;                                                                          \
		change;                                                                            \
		err.code = ERR_OK;                                                                 \
		CHECK(!bus_mqtt_open(&bus, &c, loop, &none, &err));                                \
		CHECK_EQ(err.code, ERR_CONFIG);                                                    \
		CHECK(err.text[0] && !strstr(err.text, "secret"));                                 \
		CHECK(bus.ops == NULL);                                                            \
	} while (0)
	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
		REFUSED(c.url = urls[i]);
	REFUSED(c.url = NULL);
	REFUSED(c.version = 4);
	REFUSED(c.version = 0);
	REFUSED(c.keepalive_s = 4);
	REFUSED(c.keepalive_s = 65536);
	REFUSED(c.window = 0);
	REFUSED(c.window = 1001);
	REFUSED(c.persistent_session = true);
	REFUSED(c.persistent_session = true; c.client_id = "c2-{random}");
	REFUSED(c.rate = -1);
	REFUSED(c.alpn = "");
	REFUSED(c.share_group = "");
	REFUSED(c.share_group = "a/b");
	REFUSED(c.share_group = "#");
	REFUSED(c.client_id = long_id);
	REFUSED(c.url = "mqtt://h"; c.alpn = "mqtt");
	REFUSED(c.ca_file = "/no/such/file");
	REFUSED(c.cert_file = in_dir(&b, "client.pem"));
	REFUSED(c.key_file = in_dir(&b, "client.key"));
	REFUSED(c.cert_file = in_dir(&b, "client.pem"); c.key_file = "/no/such/file");
	REFUSED(c.cert_file = in_dir(&b, "client.pem"); c.key_file = in_dir(&b, "open"));
	REFUSED(c.password_file = in_dir(&b, "empty"));
	REFUSED(c.user = "u"; c.password_file = in_dir(&b, "empty"));
	REFUSED(c.user = "u"; c.password_file = in_dir(&b, "open"));
	REFUSED(c.user = "u"; c.password_file = "/no/such/file");
	REFUSED(c.user = "\xff");
	REFUSED(c.url = "mqtt://h"; c.ca_file = in_dir(&b, "ca.pem"));
	c = good;
	c.url = "mqtt://[::1]:18830/";
	CHECK(bus_mqtt_open(&bus, &c, loop, &none, &err));
	bus_close(&bus); /* before the first turn */
	broker_stop(&b);
}

/* A server that is no broker. */
struct liar {
	int fd, conn;
	int port;
	struct loop_fd *watch;
	const char *says;
	size_t says_len;
	bool reset;
	int n_conns;
};

static void on_liar(void *ctx, int fd, int ready)
{
	const struct linger at_once = {1, 0};
	struct liar *l = ctx;

	(void)ready;
	if (l->conn >= 0)
		close(l->conn);
	l->conn = accept(fd, NULL, NULL);
	l->n_conns++;
	if (l->says && send(l->conn, l->says, l->says_len, MSG_NOSIGNAL) < 0)
		perror("send");
	if (l->reset) {
		setsockopt(l->conn, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
		close(l->conn);
		l->conn = -1;
	}
}

static void liar_open(struct liar *l)
{
	struct listen_addr a;

	memset(l, 0, sizeof *l);
	l->conn = -1;
	CHECK(listen_parse(&a, "127.0.0.1:0", NULL) && listen_open(&l->fd, &a, NULL));
	l->port = listen_port(l->fd);
	l->watch = loop_fd_add(loop, l->fd, LOOP_READ, on_liar, l);
}

static void liar_close(struct liar *l)
{
	loop_fd_del(l->watch);
	close(l->fd);
	if (l->conn >= 0)
		close(l->conn);
}

static void a_broker_that_never_answers_is_given_up_and_blocks_nothing(void)
{
	struct liar l;
	struct peer p;

	for (int tls = 0; tls <= 1; tls++) {
		struct bus_mqtt_config c = plain(5);
		int64_t longest = 0, end;
		int n_turns = 0;

		liar_open(&l);
		c.url = url(tls ? "mqtts" : "mqtt", "localhost", l.port);
		c.connect_ms = 300;
		join(&p, &c);
		for (end = now() + DEADLINE_MS; p.n_down == 0 && now() < end; n_turns++) {
			int64_t start = now();

			loop_turn(loop, 20);
			if (now() - start > longest)
				longest = now() - start;
		}
		CHECK_STR(p.why, "the broker does not answer");
		CHECK(longest < 200);
		CHECK(n_turns < 1000); /* it slept, and did not spin */
		/* It tries again. */
		UNTIL(l.n_conns >= 2);
		bus_close(&p.bus);
		liar_close(&l);
	}
}

static void a_server_that_is_no_broker_is_left_alone(void)
{
	static const struct {
		const char *text;
		size_t len;
		bool reset;
	} says[] = {
		{"HTTP/1.1 400 Bad Request\r\n\r\n", 28, false},
		{"\x20\xff\xff\xff\xff\xff", 6, false}, /* a length that does not end */
		{"\x20\x02\x00\x09", 4, false},         /* a reason that there is not */
		{"\x30\x05\x00\x09"
		 "abc",
		 7, false},      /* a message before the yes */
		{NULL, 0, true}, /* reset at once */
		{"\x20", 1, true},
	};
	struct liar l;
	struct peer p;

	for (size_t i = 0; i < sizeof says / sizeof *says; i++) {
		for (int tls = 0; tls <= 1; tls++) {
			struct bus_mqtt_config c = plain(3);

			liar_open(&l);
			l.says = says[i].text;
			l.says_len = says[i].len;
			l.reset = says[i].reset;
			c.url = url(tls ? "mqtts" : "mqtt", "localhost", l.port);
			c.connect_ms = 500;
			join(&p, &c);
			UNTIL(p.n_down >= 1);
			CHECK_EQ(p.n_up, 0);
			CHECK_EQ(p.n_got, 0);
			bus_close(&p.bus);
			liar_close(&l);
		}
	}
}

static void a_tls_connection_that_nobody_takes_is_noticed(void)
{
	struct bus_mqtt_config c = plain(5);

	c.url = url("mqtts", "127.0.0.1", broker_free_port());
	expect_refusal(&c, "");
}

static void a_host_that_does_not_exist_is_said_so(void)
{
	struct bus_mqtt_config c = plain(5);

	c.url = "mqtt://no-such-host.invalid";
	expect_refusal(&c, "ame"); /* "Name or service not known", or that no server tells */
}

static void a_kept_session_gets_what_came_while_it_was_away(void)
{
	struct broker b;

	broker_init(&b);
	broker_start(&b, NULL);
	for (int version = 3; version <= 5; version += 2) {
		struct bus_mqtt_config c = plain(version), keeper = plain(version);
		struct peer from, to;
		char text[16];

		c.url = keeper.url = url("mqtt", "127.0.0.1", b.port);
		keeper.client_id = version == 5 ? "keeper-5" : "keeper-3";
		keeper.persistent_session = true;
		join(&from, &c);
		join(&to, &keeper);
		CHECK(bus_subscribe(&to.bus, "mail", 2, NULL));
		CHECK(bus_subscribe(&to.bus, "sync", 2, NULL));
		UNTIL(from.up && to.up);
		CHECK(bus_publish(&to.bus, "sync", (const uint8_t *)"s", 1, 2, false, NULL));
		UNTIL(to.n_got == 1 && bus_room(&to.bus) == 100);
		bus_close(&to.bus);
		for (int i = 1; i <= 200; i++) {
			snprintf(text, sizeof text, "%d", i);
			UNTIL(bus_room(&from.bus) > 0);
			CHECK(bus_publish(&from.bus, "mail", (const uint8_t *)text, strlen(text), 2,
					  false, NULL));
		}
		UNTIL(bus_room(&from.bus) == 100);
		join(&to, &keeper);
		UNTIL(to.n_got >= 200);
		CHECK_EQ(to.n_got, 200);
		CHECK_STR(to.last, "200");
		CHECK_EQ(to.n_down, 0);
		bus_close(&to.bus);
		bus_close(&from.bus);
	}
	broker_stop(&b);
}

static void no_message_of_a_full_window_is_lost(void)
{
	struct broker b;

	broker_init(&b);
	broker_start(&b, NULL);
	for (int version = 3; version <= 5; version += 2) {
		struct bus_mqtt_config c = plain(version), reader = plain(5);
		struct peer from, to;

		c.url = reader.url = url("mqtt", "127.0.0.1", b.port);
		c.window = 500;
		join(&from, &c);
		join(&to, &reader);
		CHECK(bus_subscribe(&to.bus, "#", 0, NULL));
		UNTIL(from.up && to.up);
		bus_publish(&to.bus, "s", (const uint8_t *)"s", 1, 0, false, NULL);
		UNTIL(to.n_got == 1);
		for (int i = 0; i < 2000; i++) {
			if (bus_room(&from.bus) == 0)
				UNTIL(bus_room(&from.bus) > 0);
			bus_publish(&from.bus, "x", (const uint8_t *)"m", 1, 2, false, NULL);
		}
		UNTIL(to.n_got == 2001 && bus_room(&from.bus) == 500);
		bus_close(&from.bus);
		bus_close(&to.bus);
	}
	broker_stop(&b);
}

static void the_window_is_whole_again_after_a_crash_in_mid_flight(void)
{
	struct broker b;
	struct peer p;

	broker_init(&b);
	broker_start(&b, NULL);
	for (int version = 3; version <= 5; version += 2) {
		struct bus_mqtt_config c = plain(version);

		c.url = url("mqtt", "127.0.0.1", b.port);
		join(&p, &c);
		for (int round = 0; round < 2; round++) {
			int n_down = p.n_down;

			UNTIL(p.up);
			for (int i = 0; i < 40; i++) {
				for (int qos = 0; qos <= 2; qos++)
					bus_publish(&p.bus, "x", (const uint8_t *)"m", 1, qos,
						    false, NULL);
			}
			loop_turn(loop, round);
			broker_kill(&b);
			UNTIL(p.n_down > n_down);
			broker_restart(&b);
		}
		UNTIL(p.up && bus_room(&p.bus) == 100);
		bus_close(&p.bus);
	}
	broker_stop(&b);
}

/* Of two with one name the broker keeps the later one; with {random} in it they differ. */
static void two_of_one_name_stay_both_when_it_differs(void)
{
	struct broker b;
	struct peer p[2] = {0};

	broker_init(&b);
	broker_start(&b, NULL);
	for (int differs = 0; differs < 2; differs++) {
		struct bus_mqtt_config c = plain(5);

		c.url = url("mqtt", "127.0.0.1", b.port);
		c.client_id = differs ? "c2-{host}-{random}" : "c2-{host}";
		join(&p[0], &c);
		UNTIL(p[0].up);
		join(&p[1], &c);
		UNTIL(p[1].up);
		if (!differs)
			UNTIL(p[0].n_down > 0);
		CHECK(bus_subscribe(&p[1].bus, "x", 1, NULL));
		CHECK(bus_publish(&p[1].bus, "x", (const uint8_t *)"m", 1, 1, false, NULL));
		UNTIL(p[1].n_got == 1 || p[1].n_down > 0);
		CHECK_EQ(p[0].n_down > 0, !differs);
		bus_close(&p[0].bus);
		bus_close(&p[1].bus);
	}
	broker_stop(&b);
}

/* Of a group each message reaches one; what others subscribe to is theirs as before. */
static void a_shared_group_gets_each_message_once(void)
{
	enum { N = 40 };
	struct broker b;
	struct peer p[3] = {0};

	broker_init(&b);
	broker_start(&b, NULL);
	for (int version = 3; version <= 5; version += 2) {
		struct bus_mqtt_config c = plain(version);

		c.url = url("mqtt", "127.0.0.1", b.port);
		for (int i = 0; i < 3; i++) {
			c.share_group = i < 2 ? "c2" : NULL;
			join(&p[i], &c);
			CHECK(bus_subscribe(&p[i].bus, "e4/+/receipt", 1, NULL));
			/* Without a wildcard it is meant for us: here, to know that all is
			 * subscribed. */
			CHECK(bus_subscribe(&p[i].bus, "ready", 1, NULL));
			UNTIL(p[i].up);
		}
		for (int i = 0; i < 3; i++) {
			CHECK(bus_publish(&p[i].bus, "ready", (const uint8_t *)"r", 1, 1, false,
					  NULL));
			UNTIL(strcmp(p[i].last, "r") == 0);
		}
		CHECK(bus_publish(&p[2].bus, "ready", (const uint8_t *)"s", 1, 1, false, NULL));
		for (int i = 0; i < 3; i++) {
			UNTIL(strcmp(p[i].last, "s") == 0);
			p[i].n_got = 0;
		}
		for (int i = 0; i < N; i++)
			CHECK(bus_publish(&p[2].bus, "e4/0/receipt", (const uint8_t *)"m", 1, 1,
					  false, NULL));
		UNTIL(p[2].n_got == N && p[0].n_got + p[1].n_got >= N);
		CHECK_EQ(p[0].n_got + p[1].n_got, N);
		CHECK(p[0].n_got > 0 && p[1].n_got > 0);
		for (int i = 0; i < 3; i++)
			bus_close(&p[i].bus);
	}
	broker_stop(&b);
}

/* Whatever the owner does, no second sees more than the rate. */
static void a_rate_is_kept_and_room_is_told(void)
{
	enum { RATE = 50, N = 120 };
	struct broker b;
	struct peer p;
	int64_t at[N] = {0};
	int n = 0;

	broker_init(&b);
	broker_start(&b, NULL);
	for (int qos = 0; qos < 2; qos++) {
		struct bus_mqtt_config c = plain(5);

		n = 0;
		c.url = url("mqtt", "127.0.0.1", b.port);
		c.rate = RATE;
		join(&p, &c);
		UNTIL(p.up);
		while (n < N) {
			int rooms = p.n_room;
			struct err err = {0};

			if (bus_publish(&p.bus, "x", (const uint8_t *)"m", 1, qos, false, &err)) {
				at[n++] = now();
				continue;
			}
			CHECK_EQ(err.code, ERR_EXHAUSTED);
			CHECK_EQ(bus_room(&p.bus), 0);
			UNTIL(p.n_room > rooms);
			CHECK(bus_room(&p.bus) > 0);
		}
		for (int i = RATE; i < N; i++)
			CHECK(at[i] - at[i - RATE] >= 995);
		bus_close(&p.bus);
	}
	broker_stop(&b);
}

static void a_broker_that_stops_is_noticed_by_keepalive(void)
{
	struct bus_mqtt_config c = plain(5);
	struct broker b;
	struct peer p;

	broker_init(&b);
	broker_start(&b, NULL);
	c.url = url("mqtt", "127.0.0.1", b.port);
	c.keepalive_s = 5;
	join(&p, &c);
	UNTIL(p.up);
	kill(b.pid, SIGSTOP);
	UNTIL(p.n_down == 1);
	CHECK_STR(p.why, "the broker stopped answering");
	kill(b.pid, SIGCONT);
	UNTIL(p.up);
	bus_close(&p.bus);
	broker_stop(&b);
}

static void a_socket_that_takes_no_more_holds_back_qos_0(void)
{
	static uint8_t large[1 << 20];
	struct bus_mqtt_config c = plain(3);
	struct broker b;
	struct peer p;
	struct err err = {0};
	int n = 0;

	broker_init(&b);
	broker_start(&b, NULL);
	c.url = url("mqtt", "127.0.0.1", b.port);
	join(&p, &c);
	UNTIL(p.up);
	kill(b.pid, SIGSTOP);
	while (n < 1000 && bus_publish(&p.bus, "x", large, sizeof large, 0, false, &err))
		n++;
	CHECK(n < 100);
	CHECK_EQ(err.code, ERR_EXHAUSTED);
	CHECK_EQ(bus_room(&p.bus), 0);
	kill(b.pid, SIGCONT);
	UNTIL(p.n_room == 1);
	CHECK(bus_room(&p.bus) > 0);
	bus_close(&p.bus);
	broker_stop(&b);
}

typedef int lookup_fn(const char *node, const char *service, const struct addrinfo *hints,
		      struct addrinfo **out);
lookup_fn getaddrinfo;

static lookup_fn *system_lookup(void)
{
	void *found = dlsym(RTLD_NEXT, "getaddrinfo");
	lookup_fn *fn;

	memcpy(&fn, &found, sizeof fn);
	return fn;
}

/*
 * In place of the system's, also for the library: both.test has an IPv6 address,
 * on which nothing listens, and an IPv4 one; six.test has the first alone.
 */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **out)
{
	bool both = node && strcmp(node, "both.test") == 0;
	bool six = node && strcmp(node, "six.test") == 0;
	int family = hints ? hints->ai_family : AF_UNSPEC, r;
	struct addrinfo *end;

	if ((!both && !six) || (family == AF_INET && six))
		return system_lookup()(six ? "none.invalid" : node, service, hints, out);
	if (family == AF_INET)
		return system_lookup()("127.0.0.1", service, hints, out);
	r = system_lookup()("::1", service, hints, out);
	if (r != 0 || six || family == AF_INET6)
		return r;
	for (end = *out; end->ai_next; end = end->ai_next)
		;
	return system_lookup()("127.0.0.1", service, hints, &end->ai_next);
}

static void a_host_is_tried_over_ipv4_when_ipv6_is_silent(void)
{
	struct broker b;
	struct peer p;

	broker_init(&b);
	broker_start(&b, NULL);
	for (int version = 3; version <= 5; version += 2) {
		struct bus_mqtt_config c = plain(version);

		c.url = url("mqtt", "both.test", b.port);
		join(&p, &c);
		UNTIL(p.up);
		CHECK_EQ(p.n_down, 0);
		broker_kill(&b);
		UNTIL(p.n_down == 2);
		CHECK_STR(p.why, "Connection refused");
		broker_restart(&b);
		UNTIL(p.up);
		bus_close(&p.bus);
		c.url = url("mqtt", "six.test", b.port);
		expect_refusal(&c, "Connection refused");
		c.url = url("mqtts", "six.test", b.port);
		expect_refusal(&c, "");
	}
	broker_stop(&b);
}

int main(int argc, char **argv)
{
	loop = loop_new();
	if (argc > 1 && strcmp(argv[1], "slow") == 0) {
		RUN(a_broker_that_stops_is_noticed_by_keepalive);
		loop_free(loop);
		return END();
	}
	RUN(bad_settings_are_refused_at_once);
	RUN(a_host_is_tried_over_ipv4_when_ipv6_is_silent);
	RUN(a_broker_that_is_away_at_start_is_found_when_it_comes);
	RUN(users_and_passwords_are_checked_by_the_broker);
	RUN(tls_needs_the_right_ca_and_the_right_name);
	RUN(old_tls_and_weak_suites_are_refused);
	RUN(a_client_certificate_opens_the_door_that_needs_one);
	RUN(a_tls_connection_that_nobody_takes_is_noticed);
	RUN(a_broker_that_never_answers_is_given_up_and_blocks_nothing);
	RUN(a_server_that_is_no_broker_is_left_alone);
	RUN(a_host_that_does_not_exist_is_said_so);
	RUN(a_kept_session_gets_what_came_while_it_was_away);
	RUN(no_message_of_a_full_window_is_lost);
	RUN(the_window_is_whole_again_after_a_crash_in_mid_flight);
	RUN(a_socket_that_takes_no_more_holds_back_qos_0);
	RUN(two_of_one_name_stay_both_when_it_differs);
	RUN(a_shared_group_gets_each_message_once);
	RUN(a_rate_is_kept_and_room_is_told);
	loop_free(loop);
	return END();
}
