/*
 * SetIDKey, and two of them in a row, with one thing going wrong at every place
 * where it can: a message lost, repeated or late; the power of the device, the
 * life of C2. After each step C2 knows the key that the device holds, and at the
 * end the device has all that it shall, with receipts and without.
 */
#include "base/log.h"
#include "c2/core/view.h"
#include "kit.h"

enum fault {
	LOST,
	TWICE,
	LATE_5,
	LATE_400,
	LATE_4000,
	C2_DIES_BEFORE_COMMIT,
	C2_DIES_AFTER_COMMIT,
	C2_DIES_SENDING, /* this message and those after it are not sent */
	POWER_GOES,
	POWER_GOES_LATE, /* what a commit wrote is there */
	FAULTS
};

enum what { ONE, TWO_AT_ONCE, TWO_IN_TURN, WITH_C2_KEY, CHANGES };

struct scene {
	struct kit k;
	struct device *d;
	enum fault fault;
	size_t at;     /* the message, commit or write that it happens to */
	uint32_t lost; /* or: these of the first 32 messages */
	size_t n_sent; /* messages so far */
	bool happened;
	int64_t late_at_ms; /* when the late one comes; 0: none */
	uint8_t late[4096];
	size_t late_len;
	char late_topic[64];
	bool injecting;
};

static struct err err;
static struct core_delivery out;

static int64_t lateness_ms(enum fault f)
{
	return f == LATE_5 ? 5000 : f == LATE_400 ? 400000 : f == LATE_4000 ? 4000000 : 0;
}

static int fate(void *ctx, const char *topic, const uint8_t *payload, size_t len)
{
	struct scene *s = ctx;
	size_t i = s->n_sent;
	bool hit = s->at == i;

	/* What a dead C2 has not sent does not count as a message; what devices send gets lost. */
	if (s->k.dead)
		return 0;
	if (s->injecting)
		return 1;
	s->n_sent++;
	if (i < 32 && s->lost >> i & 1)
		return 0;
	if (!hit || s->fault > C2_DIES_SENDING)
		return 1;
	if (s->fault == LOST || s->fault == TWICE || lateness_ms(s->fault)) {
		s->happened = true;
		s->late_at_ms = lateness_ms(s->fault);
		s->late_at_ms += s->late_at_ms ? s->k.clock_state.wall_ms : 0;
		s->late_len = len;
		memcpy(s->late, payload, len);
		snprintf(s->late_topic, sizeof s->late_topic, "%s", topic);
		return s->fault == TWICE ? 2 : 0;
	}
	if (s->fault == C2_DIES_SENDING) {
		s->happened = s->k.dead = true;
		return 0;
	}
	return 1;
}

static void arm(struct scene *s, enum fault fault, size_t at)
{
	s->fault = fault;
	s->at = at;
	s->n_sent = 0;
	if (fault == C2_DIES_BEFORE_COMMIT || fault == C2_DIES_AFTER_COMMIT) {
		s->k.n_commits = 0;
		s->k.die_at_commit = at + 1;
		s->k.die_late = fault == C2_DIES_AFTER_COMMIT;
	}
	s->d->flash.n_ops = 0;
	if (fault == POWER_GOES || fault == POWER_GOES_LATE) {
		s->d->flash.cut_at = at + 1;
		s->d->flash.cut_late = fault == POWER_GOES_LATE;
	}
	bus_mem_set_fate(s->k.hub, fate, s);
}

/* C2 can open what the device sends, and be heard by it. */
static bool reachable(struct scene *s)
{
	struct store_client row;
	struct plan_view v = {.n_keys = 0};
	bool known = false, ok = find_client(s->k.core, "a", &row, &err) &&
				 c2_keys_load(s->k.core, &err) &&
				 view_open(&v, s->k.core, &row, 0, &err);

	for (size_t i = 0; ok && i < v.n_keys * v.n_c2; i++)
		known |= memcmp(v.control[i], s->d->client.control_key, 32) == 0;
	view_free(&v);
	return known;
}

static void recover(struct scene *s)
{
	if (s->k.dead) {
		s->happened = true;
		s->k.die_at_commit = 0;
		kit_crash(&s->k);
	}
	if (s->d->flash.off) {
		s->happened = true;
		device_power_up(s->d);
	}
	if (s->late_at_ms && s->k.clock_state.wall_ms >= s->late_at_ms) {
		s->late_at_ms = 0;
		s->injecting = true;
		bus_publish(&s->d->bus, s->late_topic, s->late, s->late_len, 1, false, 0);
		bus_mem_deliver(s->k.hub);
		s->injecting = false;
	}
}

static void step(struct scene *s, int64_t ms)
{
	core_work(s->k.core, 64);
	bus_mem_deliver(s->k.hub);
	check_result(reachable(s), __FILE__, __LINE__, "C2 knows the key that the device holds");
	recover(s);
	s->k.clock_state.wall_ms += ms;
	s->k.clock_state.mono_ms += ms;
}

/* A C2 that dies in the call never says that it was done; the operator asks once more. */
static void new_key(struct scene *s)
{
	if (core_client_new_key(s->k.core, "a", &out, &err))
		return;
	CHECK(s->k.dead);
	recover(s);
	CHECK(core_client_new_key(s->k.core, "a", &out, &err));
}

static void new_c2_key(struct scene *s)
{
	if (core_new_c2_key(s->k.core, true, false, &out, &err))
		return;
	CHECK(s->k.dead);
	recover(s);
	CHECK(core_new_c2_key(s->k.core, true, false, &out, &err));
}

static void change(struct scene *s, enum what c)
{
	new_key(s);
	if (c == TWO_IN_TURN)
		step(s, 1000);
	if (c == WITH_C2_KEY)
		new_c2_key(s);
	else if (c != ONE)
		new_key(s);
}

static void open_scene(struct scene *s, enum core_mode mode, bool legacy)
{
	memset(s, 0, sizeof *s);
	kit_open_file(&s->k, mode);
	s->k.stores = true;
	s->d = device_new(&s->k, "a");
	s->d->legacy = legacy;
	CHECK(core_topic_new(s->k.core, "t", &out, &err));
	CHECK(core_attach(s->k.core, "a", "t", &out, &err));
	kit_settle(&s->k);
	kit_run(&s->k, 5);
	CHECK(holds_all(&s->k, s->d));
}

static bool has_all(struct scene *s)
{
	return s->d->legacy ? holds_all(&s->k, s->d) && !kit_status(&s->k, "a").receipts
			    : in_sync(&s->k, s->d);
}

static void go_through(struct scene *s, enum what c, const char *label)
{
	change(s, c);
	for (int i = 0; i < 12; i++)
		step(s, 3000);
	/* Until all that was late has come, and the longest pause after it is over. */
	for (int i = 0; i < 20; i++)
		step(s, 450000);
	check_result(has_all(s), __FILE__, __LINE__, label);
	/* From here on nothing goes wrong any more. */
	bus_mem_set_fate(s->k.hub, 0, 0);
	s->k.die_at_commit = s->d->flash.cut_at = 0;
	CHECK(core_topic_new(s->k.core, "t", &out, &err));
	kit_run(&s->k, 5);
	check_result(has_all(s), __FILE__, __LINE__, label);
	/* With receipts it is also known, and nothing old is kept. */
	if (!s->d->legacy)
		CHECK(!kit_status(&s->k, "a").key_pending);
}

static void close_scene(struct scene *s)
{
	device_free(s->d);
	kit_close(&s->k);
}

static bool one(enum core_mode mode, bool legacy, enum what c, enum fault fault, size_t at)
{
	static struct scene s;
	char label[96];

	open_scene(&s, mode, legacy);
	arm(&s, fault, at);
	snprintf(label, sizeof label, "mode %d, legacy %d, change %d, fault %d at %zu", (int)mode,
		 legacy, (int)c, (int)fault, at);
	go_through(&s, c, label);
	close_scene(&s);
	return s.happened;
}

/* Places until it comes too late to happen, but not without end. */
static void everywhere(enum core_mode mode, bool legacy, enum what c, enum fault fault)
{
	enum { PLACES = 24 };
	size_t at = 0;

	while (at < PLACES && one(mode, legacy, c, fault, at))
		at++;
	CHECK(at > 0);
}

static bool all_of_it; /* else what a run of every day has time for */

static void one_fault_anywhere(enum core_mode mode, bool legacy)
{
	enum what last = all_of_it || mode == CORE_SYMKEY ? CHANGES : TWO_AT_ONCE;

	for (enum what c = 0; c < last; c++)
		for (enum fault f = 0; f < FAULTS; f++)
			if (c != WITH_C2_KEY || mode == CORE_PUBKEY)
				everywhere(mode, legacy, c, f);
}

static void symmetric_with_receipts(void)
{
	one_fault_anywhere(CORE_SYMKEY, false);
}

static void symmetric_without_receipts(void)
{
	one_fault_anywhere(CORE_SYMKEY, true);
}

static void pubkey_with_receipts(void)
{
	one_fault_anywhere(CORE_PUBKEY, false);
}

static void pubkey_without_receipts(void)
{
	one_fault_anywhere(CORE_PUBKEY, true);
}

/* Of the first eight messages any may be lost. */
static void any_of_the_first_messages_lost(void)
{
	static struct scene s;
	char label[96];

	for (int m = 0; m < 4; m++) {
		for (uint32_t lost = 1; lost < 256; lost++) {
			open_scene(&s, m & 1 ? CORE_PUBKEY : CORE_SYMKEY, m & 2);
			arm(&s, LOST, SIZE_MAX);
			s.lost = lost;
			snprintf(label, sizeof label, "mode %d, lost %x", m, lost);
			go_through(&s, TWO_IN_TURN, label);
			close_scene(&s);
		}
	}
}

int main(int argc, char **argv)
{
	/* What fails here fails on purpose. */
	log_set_level(LOG_ERROR + 1);
	all_of_it = argc > 1 && strcmp(argv[1], "all") == 0;
	RUN(symmetric_with_receipts);
	RUN(symmetric_without_receipts);
	RUN(pubkey_with_receipts);
	RUN(pubkey_without_receipts);
	if (all_of_it)
		RUN(any_of_the_first_messages_lost);
	return END();
}
