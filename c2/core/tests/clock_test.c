/* Clocks that are wrong, on both ends: nobody is cut off. */
#include "kit.h"

static const enum core_mode modes[] = {CORE_SYMKEY, CORE_PUBKEY};

static struct err err;
static struct core_delivery out;

enum { DAY = 86400, YEAR = 365 * 86400 };

static void topic_for(struct kit *k, const char *client)
{
	CHECK(core_topic_new(k->core, "t", &out, &err));
	CHECK(core_attach(k->core, client, "t", &out, &err));
}

static void step_clock(struct kit *k, int64_t seconds)
{
	k->clock_state.wall_ms += seconds * 1000;
}

static void a_device_with_a_wrong_clock(enum core_mode mode, int64_t off, bool sent_before)
{
	struct kit k;
	struct device *d;

	kit_open(&k, mode);
	d = device_new(&k, "a");
	d->clock_off = off;
	topic_for(&k, "a");
	/* Commands in our time may have gone out before it tells its own. */
	if (sent_before)
		kit_run(&k, 300);
	device_announce(d);
	kit_run(&k, 120);
	CHECK(in_sync(&k, d));
	CHECK_EQ(kit_status(&k, "a").clock_offset, off);
	for (int i = 0; i < 5; i++) {
		CHECK(core_topic_new(k.core, "t", &out, &err));
		kit_run(&k, 10);
		CHECK(in_sync(&k, d));
	}
	CHECK(core_client_new_key(k.core, "a", &out, &err));
	kit_run(&k, 10);
	CHECK(in_sync(&k, d));
	/* It stays in touch after a crash, when no announcement is remembered. */
	kit_crash(&k);
	device_free(d);
	kit_close(&k);
}

static void devices_with_wrong_clocks_get_their_keys(void)
{
	static const int64_t offs[] = {70, 900, DAY, -900, -DAY, -YEAR, 10 * (int64_t)YEAR};

	for (size_t m = 0; m < 2; m++)
		for (size_t i = 0; i < sizeof offs / sizeof *offs; i++)
			for (int before = 0; before < 2; before++)
				a_device_with_a_wrong_clock(modes[m], offs[i], before);
}

static void the_offset_outlives_a_restart(void)
{
	struct kit k;
	struct device *d;

	kit_open_file(&k, CORE_SYMKEY);
	d = device_new(&k, "a");
	d->clock_off = -YEAR;
	topic_for(&k, "a");
	kit_run(&k, 30);
	device_announce(d);
	kit_run(&k, 40);
	CHECK(in_sync(&k, d));
	kit_crash(&k);
	CHECK(core_topic_new(k.core, "t", &out, &err));
	kit_run(&k, 5);
	CHECK(in_sync(&k, d));
	device_free(d);
	kit_close(&k);
}

static void a_clock_that_is_set_right_is_followed(void)
{
	struct kit k;
	struct device *d;

	kit_open(&k, CORE_SYMKEY);
	d = device_new(&k, "a");
	d->clock_off = -DAY;
	topic_for(&k, "a");
	device_announce(d);
	kit_run(&k, 60);
	CHECK(in_sync(&k, d));
	d->clock_off = 0;
	CHECK(core_topic_new(k.core, "t", &out, &err));
	kit_run(&k, 60);
	CHECK(in_sync(&k, d));
	CHECK_EQ(kit_status(&k, "a").clock_offset, 0);
	device_free(d);
	kit_close(&k);
}

/*
 * A device lost its clock after it took commands. If its clock is now before
 * them, commands reach it whatever they are stamped; else it must tell first.
 */
static void a_clock_that_is_put_back_is_followed(void)
{
	static const int64_t backs[] = {30, 61, 900, DAY, YEAR, 40 * (int64_t)YEAR};

	for (size_t i = 0; i < sizeof backs / sizeof *backs; i++) {
		for (int announced = backs[i] < DAY; announced < 2; announced++) {
			struct kit k;
			struct device *d;

			kit_open(&k, CORE_SYMKEY);
			d = device_new(&k, "a");
			topic_for(&k, "a");
			kit_run(&k, 60);
			CHECK(in_sync(&k, d));
			kit_run(&k, 3600);
			d->clock_off = -backs[i];
			if (announced)
				device_announce(d);
			for (int n = 0; n < 5; n++) {
				CHECK(core_topic_new(k.core, "t", &out, &err));
				kit_run(&k, 120);
				CHECK(in_sync(&k, d));
			}
			d->clock_off = 0;
			CHECK(core_topic_new(k.core, "t", &out, &err));
			kit_run(&k, 120);
			CHECK(in_sync(&k, d));
			device_free(d);
			kit_close(&k);
		}
	}
}

static void a_receipt_that_waited_is_no_wrong_clock(void)
{
	struct kit k;
	struct device *d;
	char t[E4_RECEIPT_TOPIC_LEN + 1];

	kit_open(&k, CORE_SYMKEY);
	k.config.receipt_wait_s = k.config.retry_max_s = 100000;
	kit_crash(&k);
	d = device_new(&k, "a");
	topic_for(&k, "a");
	d->mute = false;
	core_work(k.core, 10);
	bus_mem_deliver(k.hub);
	queue_clear(&k.core->receipts);
	step_clock(&k, 20000);
	e4_client_receipt_topic(&d->client, t);
	CHECK(bus_publish(&d->bus, t, d->last_receipt, d->last_receipt_len, 1, false, 0));
	kit_settle(&k);
	CHECK_EQ(kit_status(&k, "a").clock_offset, 0);
	CHECK(in_sync(&k, d));
	device_free(d);
	kit_close(&k);
}

/* What memory believes to be in the database has to be there: a restart relies on it. */
static void a_commit_that_fails_leaves_our_clock_to_be_saved(void)
{
	struct kit k;
	struct device *d;
	uint8_t saved[8];
	size_t len = 0;
	bool found = false;

	kit_open(&k, CORE_SYMKEY);
	d = device_new(&k, "a");
	topic_for(&k, "a");
	k.fail_commit = true;
	core_work(k.core, 10);
	k.fail_commit = false;
	kit_run(&k, 10);
	CHECK(in_sync(&k, d));
	CHECK(k.real_store.ops->meta_get(k.real_store.ctx, "clock", saved, sizeof saved, &len,
					 &found, &err));
	CHECK(found && len == sizeof saved);
	device_free(d);
	kit_close(&k);
}

static void our_clock_steps_back(int64_t by, int64_t within)
{
	for (int m = 0; m < 2; m++) {
		struct kit k;
		struct device *d;

		kit_open(&k, modes[m]);
		d = device_new(&k, "a");
		topic_for(&k, "a");
		kit_run(&k, 60);
		CHECK(in_sync(&k, d));
		/* Our clock was right and is wrong now: the device's is still right. */
		step_clock(&k, -by);
		d->clock_off = by;
		CHECK(core_topic_new(k.core, "t", &out, &err));
		kit_run(&k, within);
		CHECK(in_sync(&k, d));
		CHECK(core_topic_new(k.core, "t", &out, &err));
		kit_run(&k, 60);
		CHECK(in_sync(&k, d));
		device_free(d);
		kit_close(&k);
	}
}

static void our_clock_steps_back_under_a_right_device(void)
{
	our_clock_steps_back(5, 20);
	our_clock_steps_back(45, 60);
	our_clock_steps_back(500, 60);
	our_clock_steps_back(3600, 120);
}

/* Our clock ran ahead for a while and is right again; the device's was right all the time. */
static void a_year_ahead_and_back_costs_no_year(void)
{
	for (int m = 0; m < 2; m++) {
		struct kit k;
		struct device *d;

		kit_open(&k, modes[m]);
		d = device_new(&k, "a");
		topic_for(&k, "a");
		kit_run(&k, 60);
		step_clock(&k, YEAR);
		d->clock_off = -YEAR;
		CHECK(core_topic_new(k.core, "t", &out, &err));
		kit_run(&k, 600);
		CHECK(!holds_all(&k, d));
		step_clock(&k, -YEAR);
		d->clock_off = 0;
		CHECK_STR(
			kit_status(&k, "a").reason,
			"a clock has stepped back: commands for it are stamped ahead of its clock");
		kit_run(&k, 1800);
		CHECK(in_sync(&k, d));
		CHECK_EQ(kit_status(&k, "a").clock_offset, 0);
		CHECK(core_topic_new(k.core, "t", &out, &err));
		kit_run(&k, 5);
		CHECK(in_sync(&k, d));
		device_free(d);
		kit_close(&k);
	}
}

static void a_device_without_a_clock_follows_ours_anywhere(void)
{
	static const int64_t steps[] = {3600, -3600, YEAR, -YEAR};

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		struct kit k;
		struct device *d;

		kit_open(&k, CORE_SYMKEY);
		d = device_new(&k, "a");
		d->client.cfg.clock = E4_CLOCK_NONE;
		topic_for(&k, "a");
		kit_run(&k, 60);
		CHECK(in_sync(&k, d));
		for (int j = 0; j < 4; j++) {
			CHECK(core_topic_new(k.core, "t", &out, &err));
			kit_run(&k, 120);
			CHECK(in_sync(&k, d));
			device_announce(d);
			kit_run(&k, 120);
			CHECK(in_sync(&k, d));
			if (j == 1)
				step_clock(&k, steps[i]);
		}
		device_free(d);
		kit_close(&k);
	}
}

static void many_changes_in_one_second_keep_their_order(void)
{
	struct kit k;
	struct device *d;

	kit_open(&k, CORE_SYMKEY);
	d = device_new(&k, "a");
	topic_for(&k, "a");
	kit_settle(&k);
	for (int i = 0; i < 10; i++) {
		CHECK(core_topic_new(k.core, "t", &out, &err));
		kit_settle(&k);
		CHECK(core_detach(k.core, "a", "t", CORE_NO, 0, &out, &err));
		kit_settle(&k);
		CHECK(core_attach(k.core, "a", "t", &out, &err));
		kit_settle(&k);
		/* Never ahead of the clock. */
		CHECK(d->client.high_water <= (uint64_t)core_now(k.core));
	}
	kit_run(&k, 5);
	CHECK(in_sync(&k, d));
	CHECK_EQ(d->n_refused, 0);
	device_free(d);
	kit_close(&k);
}

int main(void)
{
	RUN(devices_with_wrong_clocks_get_their_keys);
	RUN(the_offset_outlives_a_restart);
	RUN(a_clock_that_is_set_right_is_followed);
	RUN(a_commit_that_fails_leaves_our_clock_to_be_saved);
	RUN(a_clock_that_is_put_back_is_followed);
	RUN(a_receipt_that_waited_is_no_wrong_clock);
	RUN(our_clock_steps_back_under_a_right_device);
	RUN(a_year_ahead_and_back_costs_no_year);
	RUN(a_device_without_a_clock_follows_ours_anywhere);
	RUN(many_changes_in_one_second_keep_their_order);
	return END();
}
