/* What fleets live through, told once each: the real core, devices and a broker in virtual time. */
#include <stdlib.h>

#include "base/log.h"
#include "c2/core/internal.h"
#include "sim/fleet.h"
#include "tests/check.h"

enum { DAY_MS = 86400000, N_TOPICS = 3 };

/* --- a device that was off for a month ------------------------------------------------------- */

enum { OLD_RETRY_S = 86400 }; /* delivery.legacy_retry_max */

struct month {
	struct world w;
	bool legacy, presence;
	struct device *away, *there;
	int64_t back_ms, has_ms; /* 0: not yet */
};

static struct month m;

static bool holds_newest(const struct device *d)
{
	struct store_topic row;
	uint8_t key[32];

	for (int t = 0; t < N_TOPICS; t++) {
		const struct e4_topic_key *have;

		if (!find_topic(m.w.core, (char[]){'t', (char)('0' + t), 0}, &row, 0) ||
		    !open_topic_key(&m.w.custody, key, row.hash, row.rev, &row.key, 0))
			return false;
		have = device_key(d, row.hash);
		if (!have || memcmp(have->key, key, 32) != 0)
			return false;
	}
	return true;
}

static void month_command(void *ctx, struct device *d, enum e4_result r)
{
	(void)ctx;
	if (d == m.away && r == E4_COMMAND && m.back_ms && !m.has_ms && holds_newest(d))
		m.has_ms = m.w.now_ms;
}

static void rotate_all(void)
{
	for (int t = 0; t < N_TOPICS; t++)
		CHECK(core_topic_new(m.w.core, (char[]){'t', (char)('0' + t), 0}, 0, 0));
}

static void open_month(enum core_mode mode, const char *broker)
{
	struct world_config cfg = {.seed = 7,
				   .core = {.mode = mode,
					    .qos = 2,
					    .receipt_wait_s = 10,
					    .retry_max_s = 3600,
					    .legacy_max_s = OLD_RETRY_S,
					    .presence = m.presence ? BROKER_PRESENCE : 0,
					    .announce_gap_s = 30,
					    .events_keep = 100},
				   .broker = *broker_profile(broker),
				   .window = 100,
				   .slice = 32,
				   .topics_cap = 8,
				   .peers_cap = 8};
	struct world_hooks hooks = {.command = month_command};
	struct err err;

	CHECK(world_open(&m.w, &cfg, &hooks, &err));
	m.away = device_new(&m.w, "away", false);
	m.away->legacy = m.legacy;
	m.there = device_new(&m.w, "there", false);
	rotate_all();
	for (int t = 0; t < N_TOPICS; t++) {
		char topic[] = {'t', (char)('0' + t), 0};

		CHECK(core_attach(m.w.core, "away", topic, 0, 0));
		CHECK(core_attach(m.w.core, "there", topic, 0, 0));
	}
	if (mode == CORE_PUBKEY) {
		CHECK(core_pubkey_send(m.w.core, "away", "there", 0, 0));
		CHECK(core_pubkey_send(m.w.core, "there", "away", 0, 0));
	}
	device_connect(m.away);
	device_connect(m.there);
	world_run(&m.w, m.w.now_ms + DAY_MS);
}

/* Everything that can change for it changes while it is off. */
static void pass_month(enum core_mode mode, bool new_key)
{
	device_leave(m.away);
	for (int day = 1; day <= 30; day++) {
		rotate_all();
		if (day == 3 && new_key)
			CHECK(core_client_new_key(m.w.core, "away", 0, 0));
		if (day == 5 && mode == CORE_PUBKEY)
			CHECK(core_new_c2_key(m.w.core, true, false, 0, 0));
		if (day == 9)
			device_power_loss(m.away);
		world_run(&m.w, m.w.now_ms + DAY_MS);
	}
	CHECK(!holds_newest(m.away));
	CHECK(holds_newest(m.there));
}

static bool talks(struct device *from, struct device *to)
{
	static const char topic[] = "t1", text[] = "good morning";
	uint8_t wire[256], plain[256];
	struct e4_topic a, b;
	size_t len, out_len;

	return e4_topic_init(&a, &from->client, topic, 2) == E4_OK &&
	       e4_topic_init(&b, &to->client, topic, 2) == E4_OK &&
	       e4_protect(&from->client, &a, wire, sizeof wire, &len, (const uint8_t *)text,
			  sizeof text) == E4_OK &&
	       e4_unprotect(&to->client, &b, plain, sizeof plain, &out_len, wire, len) == E4_OK &&
	       out_len == sizeof text && memcmp(plain, text, sizeof text) == 0;
}

/*
 * One round trip: its announcement reaches C2, the commands that answer it reach
 * the device. What a session kept for it comes before, as fast as the broker is.
 * PK: others are told of its new key when its receipt has come, a trip later. A
 * legacy device announces nothing: the broker tells that it is there.
 */
static void a_month_off_with(enum core_mode mode, const char *broker, bool new_key, bool legacy)
{
	const struct broker_profile *p = broker_profile(broker);
	int64_t trip = 2 * (p->latency_ms + p->jitter_ms);
	bool told_later = mode == CORE_PUBKEY && new_key && !legacy;

	memset(&m, 0, sizeof m);
	m.legacy = m.presence = legacy;
	open_month(mode, broker);
	pass_month(mode, new_key);
	if (p->session_s)
		trip += (int64_t)p->session_messages * 1000 / p->rate;
	m.back_ms = m.w.now_ms;
	device_connect(m.away);
	world_run(&m.w, m.w.now_ms + trip + 5);
	CHECK(m.has_ms > 0);
	fprintf(stderr, "    mode %d, %s%s%s: %d ms, of a round trip of %d ms\n", (int)mode, broker,
		legacy ? ", legacy" : "", new_key ? ", new key" : "", (int)(m.has_ms - m.back_ms),
		(int)trip);
	CHECK(talks(m.there, m.away));
	if (told_later)
		world_run(&m.w, m.w.now_ms + trip);
	CHECK(talks(m.away, m.there));
	world_close(&m.w);
}

static void a_device_off_for_30_days_talks_within_one_round_trip(void)
{
	for (int i = 0; i < 8; i++)
		a_month_off_with(i & 1 ? CORE_PUBKEY : CORE_SYMKEY, i & 2 ? "clean" : "mosquitto",
				 i & 4, false);
}

static void a_legacy_device_off_for_30_days_talks_within_one_round_trip(void)
{
	for (int i = 0; i < 8; i++)
		a_month_off_with(i & 1 ? CORE_PUBKEY : CORE_SYMKEY, i & 2 ? "clean" : "mosquitto",
				 i & 4, true);
}

/* Nobody says that it is there: then it is found by trying, once a day. */
static void a_legacy_device_that_nobody_sees_talks_within_a_day(void)
{
	struct core_client_status status;

	memset(&m, 0, sizeof m);
	m.legacy = true;
	open_month(CORE_SYMKEY, "clean");
	pass_month(CORE_SYMKEY, true);
	m.back_ms = m.w.now_ms;
	device_connect(m.away);
	world_run(&m.w, m.w.now_ms + (int64_t)OLD_RETRY_S * 1125);
	CHECK(m.has_ms > 0);
	CHECK(talks(m.there, m.away));
	CHECK(core_client_status(m.w.core, "away", 0, &status, 0));
	CHECK_EQ(status.state, CORE_CLIENT_SENT);
	world_close(&m.w);
}

/* --- fleets ------------------------------------------------------------------------------------
 */

static struct fleet_config small_fleet(const char *broker)
{
	return (struct fleet_config){.fleet = 150,
				     .topics = 4,
				     .per_device = 2,
				     .days = 3,
				     .seed = 11,
				     .rotate_s = 86400,
				     .offline_ppm = 300000,
				     .sleep_s = 4 * 3600,
				     .power_loss_ppm = 100000,
				     .wrong_clock_ppm = 50000,
				     .no_clock_ppm = 50000,
				     .broker_restart_s = 86400,
				     .c2_crash_s = 43200,
				     .qos = 2,
				     .broker = *broker_profile(broker),
				     .window = 100,
				     .receipt_wait_s = 10,
				     .retry_max_s = 3600,
				     .legacy_max_s = 86400,
				     .announce_gap_s = 30};
}

static void run(struct fleet_result *r, const struct fleet_config *cfg)
{
	struct err err;

	CHECK(fleet_run(r, cfg, 0, 0, &err));
}

static void no_broker_makes_c2_lose_a_device(void)
{
	for (size_t i = 0; i < n_broker_profiles; i++) {
		struct fleet_config cfg = small_fleet(broker_profiles[i].name);
		static struct fleet_result r;

		fprintf(stderr, "    %s\n", broker_profiles[i].name);
		run(&r, &cfg);
		CHECK_EQ(r.rotations, 3);
		CHECK_EQ(r.end_without_keys, 0);
		CHECK_EQ(r.end_unconfirmed, 0);
		CHECK(r.have.n > 0 && r.broker.from_c2 > 0 && r.devices_did.crashes > 0);
	}
}

static void one_seed_gives_one_run(void)
{
	struct fleet_config cfg = small_fleet("aws");
	static struct fleet_result a, b, c;

	run(&a, &cfg);
	run(&b, &cfg);
	CHECK_MEM(&a, &b, sizeof a);
	cfg.seed++;
	run(&c, &cfg);
	CHECK(memcmp(&a, &c, sizeof a) != 0);
}

static void sqlite_does_what_memory_does(void)
{
	struct fleet_config cfg = small_fleet("mosquitto");
	static struct fleet_result r;

	cfg.days = 1;
	cfg.sqlite = ":memory:";
	run(&r, &cfg);
	CHECK_EQ(r.end_without_keys, 0);
	CHECK_EQ(r.end_unconfirmed, 0);
}

/* As many a second as when 100,000 come back within a minute. */
static void a_flood_of_returns_waits_less_than_two_minutes(void)
{
	struct fleet_config cfg = small_fleet("mosquitto");
	static struct fleet_result r;

	cfg.fleet = 5000;
	cfg.offline_ppm = cfg.power_loss_ppm = cfg.wrong_clock_ppm = cfg.no_clock_ppm = 0;
	cfg.broker_restart_s = cfg.c2_crash_s = 0;
	cfg.back_within_s = 3;
	run(&r, &cfg);
	CHECK_EQ(r.returns, 5000);
	CHECK_EQ(r.reachable.n, 5000);
	CHECK(r.reachable.longest_ms <= 120000);
	CHECK(r.most_receipts_waiting <= 8192);
	CHECK_EQ(r.missed, 0);
}

int main(void)
{
	log_set_level(LOG_ERROR + 1);
	RUN(a_device_off_for_30_days_talks_within_one_round_trip);
	RUN(a_legacy_device_off_for_30_days_talks_within_one_round_trip);
	RUN(a_legacy_device_that_nobody_sees_talks_within_a_day);
	RUN(no_broker_makes_c2_lose_a_device);
	RUN(one_seed_gives_one_run);
	RUN(sqlite_does_what_memory_does);
	RUN(a_flood_of_returns_waits_less_than_two_minutes);
	return END();
}
