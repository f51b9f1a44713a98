/*
 * The sealed store with a whole client: over memory, over simulated flash whose
 * power goes, and over flash alone; and no store at all.
 */
#define DEVICE_TOPICS 4 /* little memory: this runs on boards too */
#define DEVICE_PEERS 1

#include "check.h"
#include "e4/store_sealed.h"
#include "fixture.h"
#include "flash_sim.h"

static const uint8_t id[16] = {7}, identity[32] = {1, 2, 3};
static const uint8_t device_key[32] = {9, 9}, other_key[32] = {9, 8};

enum below { MEMORY, FLASH };

static struct device device;
static struct flash_sim sim;
static struct e4_store_flash flash;
static struct e4_store_sealed sealed;

static struct counter {
	uint32_t value;
	bool fails;
	int calls, fail_at; /* this call alone fails, counted from 1; 0: none */
} counter;

static bool counter_works(struct counter *c)
{
	return ++c->calls != c->fail_at && !c->fails;
}

static bool counter_get(void *ctx, uint32_t *value)
{
	struct counter *c = ctx;

	*value = c->value;
	return counter_works(c);
}

static bool counter_set(void *ctx, uint32_t value)
{
	struct counter *c = ctx;

	CHECK(value > c->value || c->fails);
	if (!counter_works(c))
		return false;
	c->value = value;
	return true;
}

static const struct e4_sealed_counter monotonic = {&counter, counter_get, counter_set};

/* Off and on: what the store says. A null key: the flash without a seal. */
static enum e4_result start(enum below below, const uint8_t *key, const struct e4_sealed_counter *c)
{
	struct mem_store memory = device.store;
	struct e4_config cfg;

	memset(&device, 0, sizeof device);
	memory.calls = memory.fail_at = 0;
	device.store = memory;
	device.now = 1700000000;
	cfg = device_config(&device, &e4_mode_sk);
	if (below == FLASH) {
		sim_restart(&sim);
		CHECK_EQ(e4_store_flash_open(&flash, &sim.flash), E4_OK);
		cfg.store = e4_store_flash_functions(&flash);
	}
	if (key) {
		CHECK_EQ(e4_store_sealed_open(&sealed, &cfg.store, key, c), E4_OK);
		cfg.store = e4_store_sealed_functions(&sealed);
	}
	CHECK_EQ(e4_init(&device.c, &cfg), E4_OK);
	return e4_load(&device.c);
}

static enum e4_result set_topic(const char *name, uint8_t key_byte)
{
	struct e4_topic t;
	uint8_t key[32];

	memset(key, key_byte, sizeof key);
	CHECK_EQ(e4_topic_init(&t, &device.c, name, strlen(name)), E4_OK);
	return e4_set_topic_key(&device.c, &t, key);
}

static enum e4_result remove_topic(const char *name)
{
	struct e4_topic t;

	CHECK_EQ(e4_topic_init(&t, &device.c, name, strlen(name)), E4_OK);
	return e4_remove_topic(&device.c, &t);
}

/* A client with two topics. */
static void filled(enum below below, const uint8_t *key)
{
	device_free(&device);
	memset(&counter, 0, sizeof counter);
	sim_init(&sim, 1024, 2, 128, 4, 1);
	CHECK_EQ(start(below, key, NULL), E4_ERR_NO_STATE);
	CHECK_EQ(e4_provision_sk(&device.c, id, identity), E4_OK);
	CHECK_EQ(set_topic("one", 0x11), E4_OK);
	CHECK_EQ(set_topic("two", 0x22), E4_OK);
	device.store.calls = 0;
	sim.calls = sim.steps = 0;
}

static bool memory_holds(uint8_t byte)
{
	uint8_t run[8];

	memset(run, byte, sizeof run);
	for (size_t at = 0; at + sizeof run <= device.store.saved_len; at++)
		if (memcmp(device.store.saved + at, run, sizeof run) == 0)
			return true;
	return false;
}

static bool flash_holds(uint8_t byte)
{
	uint8_t run[8];

	memset(run, byte, sizeof run);
	return sim_holds(&sim, run, sizeof run, true);
}

static void a_sealed_state_comes_back_and_shows_no_key(void)
{
	filled(MEMORY, device_key);
	CHECK_EQ(device.store.saved_len, E4_SEALED_LEN(90 + 2 * 88));
	CHECK(!memory_holds(0x11) && !memory_holds(0x22) && !memory_holds(0));
	CHECK_EQ(start(MEMORY, device_key, NULL), E4_OK);
	CHECK_EQ(device.c.topics_used, 2);
	CHECK(device.topics[0].key[0] + device.topics[1].key[0] == 0x33);
	filled(FLASH, device_key);
	CHECK(!flash_holds(0x11));
	CHECK_EQ(start(FLASH, device_key, NULL), E4_OK);
	filled(FLASH, NULL);
	CHECK(flash_holds(0x11));
	CHECK_EQ(start(FLASH, NULL, NULL), E4_OK);
}

/* States of every length around the chunks, read in pieces of every size. */
static void every_length_comes_back(void)
{
	struct mem_store memory = {0};
	struct e4_store below = mem_store(&memory), store;
	uint8_t in[3 * E4_SEALED_CHUNK], out[sizeof in];

	CHECK_EQ(e4_store_sealed_open(&sealed, &below, device_key, NULL), E4_OK);
	store = e4_store_sealed_functions(&sealed);
	for (size_t i = 0; i < sizeof in; i++)
		in[i] = (uint8_t)i;
	for (size_t len = 2; len <= sizeof in; len++) {
		size_t step = 1 + len % 70, got = 0;

		CHECK(store.save_begin(&sealed, len));
		for (size_t at = 0; at < len; at += step)
			CHECK(store.save_write(&sealed, in + at,
					       step < len - at ? step : len - at));
		CHECK(!store.save_write(&sealed, in, 1) || memory.saves < 0);
		CHECK(store.save_begin(&sealed, len) && store.save_write(&sealed, in, len) &&
		      store.save_commit(&sealed));
		CHECK_EQ(memory.saved_len, E4_SEALED_LEN(len));
		CHECK(store.load_begin(&sealed, &got) && got == len);
		for (size_t at = 0; at < len; at += step)
			CHECK(store.load_read(&sealed, out + at,
					      step < len - at ? step : len - at));
		CHECK(sealed.authentic && memcmp(in, out, len) == 0);
		CHECK(!store.load_read(&sealed, out, 1));
	}
	CHECK(!store.save_begin(&sealed, 0));
	CHECK(!store.save_begin(&sealed, SIZE_MAX));
	CHECK(!store.save_write(&sealed, in, 1) && !store.save_commit(&sealed));
	CHECK(store.save_begin(&sealed, 10) && store.save_write(&sealed, in, 9));
	CHECK(!store.save_commit(&sealed));
	free(memory.saved);
	free(memory.next);
}

static void another_key_or_any_changed_bit_is_damage(void)
{
	uint8_t *bytes;
	size_t len;

	filled(MEMORY, device_key);
	CHECK_EQ(start(MEMORY, other_key, NULL), E4_ERR_CORRUPT);
	CHECK(!device.c.provisioned);
	CHECK_EQ(start(MEMORY, NULL, NULL), E4_ERR_CORRUPT);
	CHECK_EQ(start(MEMORY, device_key, NULL), E4_OK);
	bytes = device.store.saved;
	len = device.store.saved_len;
	for (size_t bit = 0; bit < len * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CHECK_EQ(e4_load(&device.c), E4_ERR_CORRUPT);
		CHECK_EQ(device.c.topics_used, 2); /* as before */
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t n = 1; n < len; n++) {
		device.store.saved_len = n;
		CHECK_EQ(e4_load(&device.c), E4_ERR_CORRUPT);
	}
	device.store.saved_len = len;
	CHECK_EQ(e4_load(&device.c), E4_OK);
	device.store.saved_len = 3; /* and it can be provisioned over damage */
	CHECK_EQ(e4_provision_sk(&device.c, id, identity), E4_OK);
	CHECK_EQ(start(MEMORY, device_key, NULL), E4_OK);
	/* an unsealed state under a sealed store is damage too */
	filled(MEMORY, NULL);
	CHECK_EQ(start(MEMORY, device_key, NULL), E4_ERR_CORRUPT);
}

static uint8_t *copy_of_state(void)
{
	uint8_t *copy = malloc(device.store.saved_len);

	memcpy(copy, device.store.saved, device.store.saved_len);
	return copy;
}

static void chunks_do_not_move_within_a_state_or_between_states(void)
{
	size_t n, whole = E4_SIV_TAG_LEN + E4_SEALED_CHUNK;
	uint8_t *first, *second;

	filled(MEMORY, device_key);
	first = copy_of_state();
	CHECK_EQ(set_topic("two", 0x23), E4_OK);
	CHECK_EQ(set_topic("two", 0x22), E4_OK);
	second = copy_of_state();
	n = device.store.saved_len / whole;
	for (size_t i = 0; i < n; i++) {
		uint8_t *at = device.store.saved + E4_SEALED_HEADER + i * whole;

		for (size_t k = 0; k < n; k++) {
			memcpy(at, (k == i ? first : second) + E4_SEALED_HEADER + k * whole, whole);
			CHECK_EQ(e4_load(&device.c), E4_ERR_CORRUPT);
			memcpy(device.store.saved, second, device.store.saved_len);
		}
	}
	CHECK_EQ(e4_load(&device.c), E4_OK);
	free(first);
	free(second);
}

/* Two saves from one stored state have one generation: a cut one, and the one after it. */
static void chunks_of_a_save_that_was_cut_do_not_fit_the_next(void)
{
	size_t whole = E4_SIV_TAG_LEN + E4_SEALED_CHUNK;
	uint8_t *before, *first, *second;
	size_t before_len, len;

	filled(MEMORY, device_key);
	before = copy_of_state();
	before_len = device.store.saved_len;
	CHECK_EQ(set_topic("three", 0x33), E4_OK);
	first = copy_of_state();
	memcpy(device.store.saved, before, before_len);
	device.store.saved_len = before_len;
	CHECK_EQ(start(MEMORY, device_key, NULL), E4_OK);
	CHECK_EQ(set_topic("three", 0x44), E4_OK);
	second = copy_of_state();
	len = device.store.saved_len;
	CHECK_MEM(first, second, E4_SEALED_HEADER);
	for (size_t i = 0; i < len / whole; i++) {
		size_t at = E4_SEALED_HEADER + i * whole;
		enum e4_result r;

		memcpy(device.store.saved, first, at);
		r = e4_load(&device.c);
		/* what both have is the same bytes, so that this is the second state itself */
		CHECK_EQ(r, memcmp(first, second, at) == 0 ? E4_OK : E4_ERR_CORRUPT);
		memcpy(device.store.saved, second, len);
	}
	free(before);
	free(first);
	free(second);
}

static void equal_states_are_different_bytes(void)
{
	uint8_t *first;
	size_t same = 0, len;

	filled(MEMORY, device_key);
	first = copy_of_state();
	len = device.store.saved_len;
	CHECK_EQ(set_topic("three", 3), E4_OK);
	CHECK_EQ(start(MEMORY, device_key, NULL), E4_OK);
	CHECK_EQ(remove_topic("three"), E4_OK);
	CHECK_EQ(device.store.saved_len, len);
	for (size_t i = E4_SEALED_HEADER; i < len; i++)
		same += first[i] == device.store.saved[i];
	CHECK(same < 16); /* by chance, one in 256 */
	free(first);
}

static void with_a_counter_an_older_state_is_damage(void)
{
	uint8_t *old;
	size_t old_len;

	filled(MEMORY, device_key);
	CHECK_EQ(start(MEMORY, device_key, &monotonic), E4_OK);
	CHECK_EQ(counter.value, 3); /* it follows what was saved so far */
	old = copy_of_state();
	old_len = device.store.saved_len;
	CHECK_EQ(set_topic("three", 3), E4_OK);
	CHECK_EQ(counter.value, 4);
	counter.fails = true; /* the save holds; the counter cannot be asked before another one */
	CHECK_EQ(set_topic("three", 4), E4_ERR_STORE);
	CHECK_EQ(start(MEMORY, device_key, &monotonic), E4_ERR_STORE);
	counter.fails = false;
	CHECK_EQ(start(MEMORY, device_key, &monotonic), E4_OK);
	memcpy(device.store.saved, old, old_len);
	device.store.saved_len = old_len;
	CHECK_EQ(start(MEMORY, device_key, &monotonic), E4_ERR_CORRUPT);
	CHECK_EQ(start(MEMORY, device_key, NULL), E4_OK); /* without one nobody can tell */
	counter.value = 0;                                /* the power went before it was moved */
	CHECK_EQ(start(MEMORY, device_key, &monotonic), E4_OK);
	CHECK_EQ(counter.value, 3);
	free(old);
}

/* A save that is done stays done, whatever the counter says afterwards; one that is not did
 * nothing. */
static void whichever_call_of_the_counter_fails_nothing_is_lost(void)
{
	for (int fail = 1;; fail++) {
		enum e4_result r;
		int calls;

		filled(MEMORY, device_key);
		CHECK_EQ(start(MEMORY, device_key, &monotonic), E4_OK);
		counter.calls = 0;
		counter.fail_at = fail;
		r = set_topic("three", 0x33);
		calls = counter.calls;
		counter.fail_at = 0;
		CHECK(r == E4_OK || r == E4_ERR_STORE);
		CHECK_EQ(device.c.topics_used, r == E4_OK ? 3 : 2);
		CHECK_EQ(start(MEMORY, device_key, &monotonic), E4_OK);
		CHECK_EQ(device.c.topics_used, r == E4_OK ? 3 : 2);
		CHECK_EQ(counter.value, r == E4_OK ? 4 : 3);
		CHECK_EQ(set_topic("three", 0x34), E4_OK);
		if (calls < fail)
			break;
	}
	for (int fail = 1;; fail++) {
		enum e4_result r;

		filled(MEMORY, device_key);
		counter.fail_at = fail; /* which is behind, so reading moves it */
		r = start(MEMORY, device_key, &monotonic);
		CHECK(r == E4_OK || (r == E4_ERR_STORE && counter.calls >= fail));
		if (r == E4_OK && counter.calls < fail)
			break;
		counter.fail_at = 0;
		CHECK(r == E4_OK || !device.c.provisioned);
		CHECK_EQ(start(MEMORY, device_key, &monotonic), E4_OK);
		CHECK_EQ(device.c.topics_used, 2);
		CHECK_EQ(counter.value, 3);
	}
}

static void a_power_cut_leaves_the_old_or_the_new_sealed_state(void)
{
	for (uint8_t torn = 0; torn < SIM_TORN_KINDS; torn++) {
		bool off = true;

		for (long cut = 1; off; cut++) {
			enum e4_result r;
			bool has;

			filled(FLASH, device_key);
			sim.seed = (uint32_t)cut;
			sim.torn = torn;
			sim.steps = 0;
			sim.cut_at = cut;
			r = remove_topic("two");
			off = sim.off;
			CHECK(r == E4_OK || r == E4_ERR_STORE);
			CHECK_EQ(device.c.topics_used, r == E4_OK ? 1 : 2);
			CHECK_EQ(start(FLASH, device_key, NULL), E4_OK);
			has = device.c.topics_used == 2;
			CHECK(r != E4_OK || !has);
			CHECK_EQ(start(FLASH, device_key, NULL), E4_OK);
			CHECK_EQ(device.c.topics_used == 2, has);
			CHECK_EQ(set_topic("three", 3), E4_OK);
			CHECK_EQ(start(FLASH, device_key, NULL), E4_OK);
		}
	}
	CHECK_EQ(sim.n_forbidden, 0);
}

static void a_call_that_fails_leaves_the_client_as_it_was(void)
{
	const uint8_t *const keys[] = {device_key, NULL};

	for (int k = 0; k < 2; k++)
		for (long fail = 1;; fail++) {
			enum e4_result r;

			filled(FLASH, keys[k]);
			sim.fail_at = fail;
			r = set_topic("three", 0x33);
			if (sim.calls < fail)
				break;
			sim.fail_at = 0;
			CHECK(r == E4_OK || r == E4_ERR_STORE);
			CHECK_EQ(device.c.topics_used, r == E4_OK ? 3 : 2);
			CHECK_EQ(start(FLASH, keys[k], NULL), E4_OK);
			CHECK_EQ(device.c.topics_used, r == E4_OK ? 3 : 2);
			CHECK_EQ(set_topic("one", 0x44), E4_OK);
			CHECK_EQ(start(FLASH, keys[k], NULL), E4_OK);
		}
	for (int fail = 1;; fail++) {
		enum e4_result r;

		filled(MEMORY, device_key);
		device.store.fail_at = fail;
		r = set_topic("three", 0x33);
		if (device.store.calls < fail)
			break;
		CHECK_EQ(r, E4_ERR_STORE);
		CHECK_EQ(device.c.topics_used, 2);
		CHECK_EQ(start(MEMORY, device_key, NULL), E4_OK);
		CHECK_EQ(device.c.topics_used, 2);
	}
}

static void a_read_that_fails_gives_an_error_and_never_half_a_client(void)
{
	for (long fail = 1;; fail++) {
		enum e4_result r;

		filled(FLASH, device_key);
		sim.fail_at = sim.calls + fail;
		r = e4_load(&device.c);
		if (sim.calls < sim.fail_at)
			break;
		CHECK_EQ(r, E4_ERR_STORE);
		CHECK(device.c.provisioned ? device.c.topics_used == 2
					   : e4_is_zero(device.topics, sizeof device.topics));
		CHECK_EQ(e4_load(&device.c), E4_OK);
	}
}

static void what_lacks_a_function_or_a_key_is_refused(void)
{
	struct mem_store memory = {0};
	struct e4_store below = mem_store(&memory);
	static const uint8_t zeros[32];
	struct e4_sealed_counter half = monotonic;

	CHECK_EQ(e4_store_sealed_open(&sealed, &below, zeros, NULL), E4_ERR_PARAM);
	half.set = NULL;
	CHECK_EQ(e4_store_sealed_open(&sealed, &below, device_key, &half), E4_ERR_PARAM);
	CHECK_EQ(e4_store_sealed_open(&sealed, &below, device_key, &monotonic), E4_OK);
	below.load_read = NULL;
	CHECK_EQ(e4_store_sealed_open(&sealed, &below, device_key, NULL), E4_ERR_PARAM);
	CHECK(e4_is_zero(&sealed, sizeof sealed));
	below = mem_store(&memory);
	CHECK_EQ(e4_store_sealed_open(&sealed, &below, device_key, NULL), E4_OK);
	e4_store_sealed_close(&sealed);
	CHECK(e4_is_zero(&sealed, sizeof sealed));
}

/* All five functions null: everything works, and the next start knows nothing. */
static void without_a_store_a_client_lives_until_the_power_goes(void)
{
	struct e4_config cfg;

	device_free(&device);
	device.now = 1700000000;
	cfg = device_config(&device, &e4_mode_sk);
	memset(&cfg.store, 0, sizeof cfg.store);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(e4_init(&device.c, &cfg), E4_OK);
		CHECK_EQ(e4_load(&device.c), E4_ERR_NO_STATE);
		CHECK(!device.c.provisioned && device.c.topics_used == 0);
		CHECK_EQ(e4_provision_sk(&device.c, id, identity), E4_OK);
		CHECK_EQ(set_topic("one", 0x11), E4_OK);
		CHECK_EQ(set_topic("one", 0x12), E4_OK);
		CHECK_EQ(remove_topic("one"), E4_OK);
		CHECK_EQ(set_topic("two", 0x22), E4_OK);
		CHECK_EQ(device.c.topics_used, 1);
		CHECK_EQ(e4_load(&device.c), E4_ERR_NO_STATE); /* and that changes nothing */
		CHECK_EQ(device.c.topics_used, 1);
	}
}

int main(void)
{
	RUN(a_sealed_state_comes_back_and_shows_no_key);
	RUN(every_length_comes_back);
	RUN(another_key_or_any_changed_bit_is_damage);
	RUN(chunks_do_not_move_within_a_state_or_between_states);
	RUN(chunks_of_a_save_that_was_cut_do_not_fit_the_next);
	RUN(equal_states_are_different_bytes);
	RUN(with_a_counter_an_older_state_is_damage);
	RUN(whichever_call_of_the_counter_fails_nothing_is_lost);
	RUN(a_power_cut_leaves_the_old_or_the_new_sealed_state);
	RUN(a_call_that_fails_leaves_the_client_as_it_was);
	RUN(a_read_that_fails_gives_an_error_and_never_half_a_client);
	RUN(what_lacks_a_function_or_a_key_is_refused);
	RUN(without_a_store_a_client_lives_until_the_power_goes);
	device_free(&device);
	return END();
}
