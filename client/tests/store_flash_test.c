/*
 * The flash store on simulated flash and EEPROM whose power goes at every unit
 * that is programmed and at every erase, in all the ways of flash_sim.h.
 * Plain C in little memory, so that it runs on the boards too.
 */
#include "check.h"
#include "flash_sim.h"

#define STATE_MAX 80
#define NOTHING 0
#define DAMAGED -1
#define UNREADABLE -2

#ifndef SEEDS
#define SEEDS 3 /* runs of each cut and kind; boards take fewer */
#endif

struct geometry {
	uint16_t slot, n_slots, erase_size;
	uint8_t program_size;
};

static const struct geometry geometries[] = {
	{128, 2, 64, 1},    {128, 3, 128, 1}, {192, 4, 64, 4}, {128, 2, 128, 4}, {128, 5, 128, 8},
	{1024, 2, 1024, 8}, {192, 3, 64, 16}, {256, 2, 64, 2}, {128, 2, 0, 1},   {112, 5, 0, 1},
};
#define N_GEOMETRIES (sizeof geometries / sizeof geometries[0])

static struct flash_sim sim;
static struct e4_store_flash flash;
static struct e4_store store;
static size_t front; /* of the next medium: see flash_sim.h */

static void new_medium(const struct geometry *g, uint32_t seed)
{
	sim_init(&sim, g->slot, g->n_slots, g->erase_size, g->program_size, seed);
}

static enum e4_result open_store(void)
{
	enum e4_result r = e4_store_flash_open(&flash, &sim.flash);

	store = e4_store_flash_functions(&flash);
	return r;
}

/* State number n: its length and bytes follow from n; no two share 8 bytes in a row. */
static size_t state_of(int n, uint8_t out[STATE_MAX])
{
	uint32_t x = (uint32_t)n * 2654435761u + 1;
	size_t len = 17 + (size_t)(n * 13 % 48);

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525u + 1013904223u;
		out[i] = (uint8_t)(x >> 24);
	}
	out[0] = (uint8_t)n;
	return len;
}

static bool save(int n)
{
	uint8_t b[STATE_MAX];
	size_t len = state_of(n, b), half = len / 3;

	return store.save_begin(store.ctx, len) && store.save_write(store.ctx, b, half) &&
	       store.save_write(store.ctx, b + half, len - half) && store.save_commit(store.ctx);
}

/* The number of the state that loads, or what else there is. */
static int load(void)
{
	uint8_t b[STATE_MAX], expected[STATE_MAX];
	size_t len;

	if (!store.load_begin(store.ctx, &len))
		return len == 0 ? NOTHING : UNREADABLE;
	if (len == 1)
		return DAMAGED;
	if (len > sizeof b || !store.load_read(store.ctx, b, 5) ||
	    !store.load_read(store.ctx, b + 5, len - 5))
		return UNREADABLE;
	if (state_of(b[0], expected) != len || memcmp(b, expected, len) != 0)
		return DAMAGED;
	return b[0];
}

/* Its key, so to speak. */
static bool key_is_there(int n, bool maybe)
{
	uint8_t b[STATE_MAX];

	state_of(n, b);
	return sim_holds(&sim, b + 1, 8, maybe) || sim_holds(&sim, b + 9, 8, maybe);
}

static bool has_state(int n)
{
	return key_is_there(n, false);
}

static void filled_medium(const struct geometry *g, uint32_t seed, int n_saved)
{
	new_medium(g, seed);
	CHECK_EQ(open_store(), E4_OK);
	CHECK_EQ(load(), NOTHING);
	for (int n = 1; n <= n_saved; n++) {
		CHECK(save(n));
		CHECK_EQ(load(), n);
	}
	sim.calls = sim.steps = 0;
}

static void states_come_back_after_saves_and_starts(void)
{
	for (size_t g = 0; g < N_GEOMETRIES; g++) {
		filled_medium(&geometries[g], 1, 12);
		for (int n = 13; n < 30; n++) {
			sim_restart(&sim);
			CHECK_EQ(open_store(), E4_OK);
			CHECK_EQ(load(), n - 1);
			CHECK(save(n));
			CHECK_EQ(load(), n);
			CHECK(!has_state(n - 1) && has_state(n));
		}
		CHECK_EQ(sim.n_forbidden, 0);
	}
}

/* After all the cuts: old or new, the same at every start, and a save works. */
static void judge_restarts(int old, int new, bool said_new)
{
	int is = 0;

	for (int again = 0; again < 3; again++) {
		sim_restart(&sim);
		CHECK_EQ(open_store(), E4_OK);
		if (again == 0)
			is = load();
		CHECK_EQ(load(), is);
		CHECK_EQ(load(), is);
	}
	CHECK(is == new || (is == old && !said_new));
	CHECK(!has_state(is == new ? old : new));
	CHECK(save(new + 1));
	CHECK_EQ(load(), new + 1);
	CHECK(!has_state(is));
	sim_restart(&sim);
	CHECK_EQ(open_store(), E4_OK);
	CHECK_EQ(load(), new + 1);
	CHECK_EQ(sim.n_forbidden, 0);
}

/*
 * The power goes at the cut-th step of the save of n_saved + 1, and n_more times
 * during what comes after it. False when the save has fewer steps.
 */
static bool cut_once(const struct geometry *g, int n_saved, long cut, uint8_t torn, uint32_t seed,
		     int n_more)
{
	bool done, reached;

	filled_medium(g, seed, n_saved);
	if (seed % 2) { /* a start before, so that no slot is known to be clean */
		sim_restart(&sim);
		CHECK_EQ(open_store(), E4_OK);
	}
	sim.torn = torn;
	sim.front = front;
	sim.by_start = seed % 3 == 0;
	sim.steps = 0;
	sim.cut_at = cut;
	done = save(n_saved + 1);
	reached = sim.off;
	CHECK(done == (load() == n_saved + 1) || sim.off);
	sim.front = 0;
	for (int i = 0; i < n_more; i++) {
		sim_restart(&sim);
		sim.torn = (uint8_t)(sim_chance(&sim) % SIM_TORN_KINDS);
		sim.cut_at = 1 + (long)(sim_chance(&sim) % 4);
		open_store(); /* cut in its cleaning */
	}
	judge_restarts(n_saved, n_saved + 1, done);
	return reached;
}

static void cut_everywhere(int n_saved, int n_more)
{
	for (size_t g = 0; g < N_GEOMETRIES; g++)
		for (uint8_t torn = 0; torn < SIM_TORN_KINDS; torn++)
			for (uint32_t seed = 0; seed < SEEDS; seed++)
				for (long cut = 1; cut_once(&geometries[g], n_saved, cut, torn,
							    seed * 7 + 1, n_more);
				     cut++)
					;
}

static void a_power_cut_at_every_step_leaves_the_old_or_the_new_state(void)
{
	cut_everywhere(1, 0);
	cut_everywhere(4, 0);
}

/* Units of several bytes as well, and the first bytes of each page that is erased. */
static void a_power_cut_at_every_byte_leaves_the_old_or_the_new_state(void)
{
	for (size_t g = 0; g < N_GEOMETRIES; g++) {
		for (front = 1; front <= geometries[g].program_size; front++)
			for (long cut = 1; cut_once(&geometries[g], 3, cut, SIM_FRONT, 1, 0); cut++)
				;
		front = 0;
	}
}

static void a_cut_in_what_cleans_up_after_a_cut_changes_nothing(void)
{
	cut_everywhere(1, 1);
	cut_everywhere(3, 2);
}

/* The step of a save that sets its mark: the first that the new state may count after. */
static long step_of_the_mark(const struct geometry *g)
{
	long state = (long)((state_of(3, (uint8_t[STATE_MAX]){0}) + g->program_size - 1) /
			    g->program_size);
	long header = 16 / g->program_size, erases = g->erase_size ? g->slot / g->erase_size : 0;

	/* the slot is erased before it is written, as it is the first time for it */
	return (g->erase_size ? erases : g->slot) * (g->n_slots > 2) + state + header + 1;
}

/*
 * The worst that can be: the mark is torn so that it reads as unset at first and
 * as set later, and the cleaning is cut again and again, such that what is being
 * erased reads as if nothing had happened.
 */
static void a_mark_that_appears_after_it_was_not_there_does_not_count(void)
{
	static const uint8_t kinds[] = {SIM_LOOKS_WRITTEN, SIM_LOOKS_BLANK, SIM_ALL_UNSTABLE,
					SIM_NOT_BEGUN};

	for (size_t g = 0; g < N_GEOMETRIES; g++)
		for (uint32_t seed = 0; seed < 100 * SEEDS; seed++) {
			bool done;

			filled_medium(&geometries[g], seed, 2);
			sim.torn = SIM_LOOKS_BLANK;
			sim.cut_at = step_of_the_mark(&geometries[g]);
			done = save(3);
			CHECK(sim.off && !done);
			for (uint32_t i = 0; i < seed % 4; i++) {
				sim_restart(&sim);
				sim.torn = kinds[sim_chance(&sim) % 4];
				sim.cut_at = 1 + (long)(sim_chance(&sim) % 9);
				open_store();
			}
			if (seed % 2) { /* and what is saved then is cut as well, late */
				int is;

				sim_restart(&sim);
				CHECK_EQ(open_store(), E4_OK);
				is = load();
				sim.torn = kinds[seed / 8 % 4];
				sim.cut_at = step_of_the_mark(&geometries[g]) + seed / 32 % 8;
				done = save(4);
				judge_restarts(is, 4, done);
				continue;
			}
			judge_restarts(2, 3, done);
		}
}

static void a_cut_at_the_first_save_leaves_nothing_or_the_state(void)
{
	cut_everywhere(0, 0);
}

/* The power goes again and again, anywhere; what was saved or seen after a start stays. */
static void many_cuts_in_a_row_never_lose_the_state(void)
{
	for (size_t g = 0; g < N_GEOMETRIES; g++) {
		int is = 3, n = 3;

		filled_medium(&geometries[g], (uint32_t)g + 1, is);
		for (int round = 0; round < 400 * SEEDS; round++) {
			sim_restart(&sim);
			sim.torn = (uint8_t)(sim_chance(&sim) % SIM_TORN_KINDS);
			sim.by_start = sim_chance(&sim) % 2;
			sim.cut_at = round % 5 ? 1 + (long)(sim_chance(&sim) % 120) : 0;
			if (open_store() != E4_OK || sim.off)
				continue;
			/* the state of the last start, or the one whose save was cut */
			CHECK(load() == is || load() == n);
			is = load();
			n = is % 200 + 1;
			if (save(n))
				is = n;
		}
		CHECK_EQ(sim.n_forbidden, 0);
	}
}

static void all_pages_wear_alike(void)
{
	for (size_t g = 0; g < N_GEOMETRIES; g++) {
		uint16_t low = 0xffff, high = 0;

		if (!geometries[g].erase_size)
			continue;
		filled_medium(&geometries[g], 1, 0);
		for (int n = 1; n <= 100; n++)
			CHECK(save(n));
		for (size_t p = 0; p < sim.flash.size / sim.flash.erase_size; p++) {
			low = sim.erased[p] < low ? sim.erased[p] : low;
			high = sim.erased[p] > high ? sim.erased[p] : high;
		}
		CHECK(high - low <= 1);
		/* one erase for each save, and one more for each slot after the start */
		CHECK(high <= 100 / geometries[g].n_slots + 2);
	}
}

static void a_call_that_fails_leaves_the_old_state_and_the_next_save_works(void)
{
	for (size_t g = 0; g < N_GEOMETRIES; g++)
		for (uint8_t torn = 0; torn < SIM_TORN_KINDS; torn++)
			for (long fail = 1;; fail++) {
				bool done, restart;

				filled_medium(&geometries[g], (uint32_t)fail, 3);
				sim.torn = torn;
				sim.fail_at = fail;
				done = save(4);
				if (sim.calls < fail)
					break;
				sim.fail_at = 0;
				CHECK_EQ(load(), done ? 4 : 3);
				restart = sim_chance(&sim) % 2;
				if (restart) {
					sim_restart(&sim);
					CHECK_EQ(open_store(), E4_OK);
					CHECK_EQ(load(), done ? 4 : 3);
				}
				CHECK(save(5) && load() == 5);
				/* what a page hides that reads as blank, no start can know */
				if (!restart)
					CHECK(!key_is_there(3, true) && !key_is_there(4, true));
				CHECK_EQ(sim.n_forbidden, 0);
			}
}

/* The save failed and said so: then it stays undone, even if the power goes as well. */
static void a_cut_after_a_call_that_failed_leaves_the_old_state(void)
{
	for (size_t g = 0; g < N_GEOMETRIES; g++)
		for (uint8_t torn = 0; torn < SIM_TORN_KINDS; torn++)
			for (long after = 1; after < 9; after++)
				for (long fail = 1;; fail++) {
					bool done;

					filled_medium(&geometries[g], (uint32_t)fail, 3);
					sim.torn = torn;
					sim.fail_at = fail;
					sim.cut_after_fail = after;
					done = save(4);
					if (sim.calls < fail)
						break;
					judge_restarts(3, 4, done);
				}
}

/* A worn cell: the call says that all is well. */
static void a_byte_that_cannot_be_programmed_fails_the_save(void)
{
	for (size_t g = 0; g < N_GEOMETRIES; g++) {
		long slot = geometries[g].slot, state;

		filled_medium(&geometries[g], 1, 1); /* in slot 0; the next one is slot 1 */
		state = slot + (long)E4_FLASH_SLOT(0, geometries[g].program_size);
		for (long at = slot; at < state + 20; at++) {
			if (at == slot + 16) /* the marks are all zeros, a byte of them is enough */
				at = state;
			sim.stuck = at;
			CHECK(!save(2));
			CHECK_EQ(load(), 1);
			sim_restart(&sim);
			CHECK_EQ(open_store(), E4_OK);
			CHECK_EQ(load(), 1);
		}
		sim.stuck = 0;
		CHECK(save(2) && load() == 2);
	}
}

static void a_call_that_fails_at_the_start_loses_nothing(void)
{
	for (size_t g = 0; g < N_GEOMETRIES; g++)
		for (long fail = 1;; fail++) {
			enum e4_result r;

			filled_medium(&geometries[g], (uint32_t)fail, 3);
			sim.cut_at = 4 + fail % 9; /* something to clean up */
			save(4);
			sim_restart(&sim);
			sim.fail_at = fail;
			r = open_store();
			CHECK(r == E4_OK || r == E4_ERR_STORE);
			if (sim.calls < fail)
				break;
			CHECK(r != E4_OK || load() == 3 || load() == 4 || load() == UNREADABLE);
			CHECK_EQ(open_store(), E4_OK);
			CHECK(load() == 3 || load() == 4);
		}
}

static void a_save_that_is_left_or_too_long_leaves_the_old_state(void)
{
	static const uint8_t bytes[STATE_MAX];

	for (size_t g = 0; g < N_GEOMETRIES; g++) {
		size_t room = geometries[g].slot - E4_FLASH_SLOT(0, geometries[g].program_size);

		filled_medium(&geometries[g], 1, 2);
		CHECK(!store.save_begin(store.ctx, room + 1));
		CHECK(!store.save_begin(store.ctx, SIZE_MAX));
		CHECK(!store.save_write(store.ctx, bytes, 1));
		CHECK(!store.save_commit(store.ctx));
		CHECK(store.save_begin(store.ctx, room));
		CHECK_EQ(load(), 2); /* this ends the save */
		CHECK(!store.save_write(store.ctx, bytes, 1));
		CHECK(store.save_begin(store.ctx, 20));
		CHECK(!store.save_write(store.ctx, bytes, 21));
		CHECK(!store.save_commit(store.ctx));
		CHECK(store.save_begin(store.ctx, 20) && store.save_write(store.ctx, bytes, 19));
		CHECK(!store.save_commit(store.ctx));
		CHECK(store.save_begin(store.ctx, 20) && store.save_write(store.ctx, bytes, 17));
		CHECK(save(3));
		CHECK_EQ(load(), 3);
		CHECK_EQ(sim.n_forbidden, 0);
	}
}

static void every_byte_that_changes_is_damage(void)
{
	for (size_t g = 0; g < N_GEOMETRIES; g++) {
		size_t size = (size_t)geometries[g].slot * geometries[g].n_slots;

		for (size_t at = 0; at < size; at++)
			for (uint8_t how = 0; how < 3; how++) {
				int is;

				filled_medium(&geometries[g], 1, 1);
				sim_restart(&sim);
				sim.cell[at] ^= how == 0 ? 0xff : how == 1 ? 0x01 : 0x80;
				CHECK_EQ(open_store(), E4_OK);
				is = load();
				CHECK(is == 1 || is == DAMAGED);
				CHECK(at >= 16 + STATE_MAX || at < 16 || is == DAMAGED || is == 1);
				CHECK(is == DAMAGED || at >= 16);
				CHECK(save(2) && load() == 2);
				CHECK(!has_state(1));
				if (at > 200 && at + 40 < size)
					at += 20; /* empty slots */
			}
	}
}

static void geometry_that_cannot_work_is_refused(void)
{
	static const struct geometry bad[] = {
		{128, 1, 64, 1}, {32, 4, 32, 1},   {128, 2, 96, 1}, {128, 2, 64, 3},
		{128, 2, 64, 0}, {128, 2, 64, 32}, {120, 2, 60, 1}, {0, 2, 64, 1},
		{64, 2, 64, 16}, {120, 2, 0, 1},
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		new_medium(&bad[i], 1);
		CHECK_EQ(open_store(), E4_ERR_PARAM);
		CHECK(!save(1));
		CHECK_EQ(load(), NOTHING);
	}
	new_medium(&geometries[0], 1);
	sim.flash.read = NULL;
	CHECK_EQ(open_store(), E4_ERR_PARAM);
	new_medium(&geometries[0], 1);
	sim.flash.program = NULL;
	CHECK_EQ(open_store(), E4_ERR_PARAM);
	new_medium(&geometries[0], 1);
	sim.flash.erase = NULL; /* and yet an erase size */
	CHECK_EQ(open_store(), E4_ERR_PARAM);
	new_medium(&geometries[0], 1);
	sim.flash.size += 16;
	CHECK_EQ(open_store(), E4_ERR_PARAM);
}

int main(void)
{
	RUN(states_come_back_after_saves_and_starts);
	RUN(a_power_cut_at_every_step_leaves_the_old_or_the_new_state);
	RUN(a_power_cut_at_every_byte_leaves_the_old_or_the_new_state);
	RUN(a_cut_in_what_cleans_up_after_a_cut_changes_nothing);
	RUN(a_mark_that_appears_after_it_was_not_there_does_not_count);
	RUN(a_cut_at_the_first_save_leaves_nothing_or_the_state);
	RUN(many_cuts_in_a_row_never_lose_the_state);
	RUN(all_pages_wear_alike);
	RUN(a_call_that_fails_leaves_the_old_state_and_the_next_save_works);
	RUN(a_cut_after_a_call_that_failed_leaves_the_old_state);
	RUN(a_byte_that_cannot_be_programmed_fails_the_save);
	RUN(a_call_that_fails_at_the_start_loses_nothing);
	RUN(a_save_that_is_left_or_too_long_leaves_the_old_state);
	RUN(every_byte_that_changes_is_damage);
	RUN(geometry_that_cannot_work_is_refused);
	return END();
}
