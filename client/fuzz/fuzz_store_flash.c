/*
 * Arbitrary content of EEPROM or flash.
 *   input: geometry(1) | power cut at that step of the save afterwards, 0: none(1) | content
 * What loads is a state that was whole on the medium; a save afterwards works,
 * and after a power cut in it the next start has the one or the other.
 */
#include <stdlib.h>

#include "../tests/flash_sim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void promise(bool holds)
{
	if (!holds)
		abort();
}

/* CRC-32 by the definition of Ethernet: the second opinion about what is whole. */
static uint32_t crc_of(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < (a_len + b_len) * 8; i++) {
		uint8_t byte = i / 8 < a_len ? a[i / 8] : b[i / 8 - a_len];
		uint32_t bit = (crc ^ (uint32_t)(byte >> i % 8)) & 1;

		crc = crc >> 1 ^ (bit ? 0xedb88320u : 0);
	}
	return crc;
}

static bool is_whole(const struct flash_sim *sim, const uint8_t *state, size_t len)
{
	size_t head = E4_FLASH_SLOT(0, sim->flash.program_size);

	for (size_t at = 0; at < sim->flash.size; at += sim->flash.slot_size) {
		const uint8_t *h = sim->cell + at;
		uint32_t crc = h[12] | (uint32_t)h[13] << 8 | (uint32_t)h[14] << 16 |
			       (uint32_t)h[15] << 24;

		if (memcmp(h, "E4F1", 4) == 0 && (h[4] | (size_t)h[5] << 8) == len &&
		    (len == 0 || memcmp(h + head, state, len) == 0) &&
		    crc_of(h, 12, h + head, len) == crc)
			return true;
	}
	return false;
}

/* The length of what loads, or -1: nothing, -2: damage. */
static int load(const struct e4_store *s, uint8_t out[SIM_SIZE])
{
	size_t len = 0;

	if (!s->load_begin(s->ctx, &len)) {
		promise(len == 0);
		return -1;
	}
	promise(len <= SIM_SIZE);
	if (!s->load_read(s->ctx, out, len))
		return -2;
	promise(!s->load_read(s->ctx, out, 1));
	return (int)len;
}

static bool save(const struct e4_store *s, const uint8_t *state, size_t len)
{
	return s->save_begin(s->ctx, len) && s->save_write(s->ctx, state, len) &&
	       s->save_commit(s->ctx);
}

static void the_next_start_has(struct flash_sim *sim, const uint8_t *state, int len, bool exactly,
			       int old_len, const uint8_t *old)
{
	static uint8_t now[SIM_SIZE];
	struct e4_store_flash flash;
	struct e4_store s;
	int n;

	sim_restart(sim);
	promise(e4_store_flash_open(&flash, &sim->flash) == E4_OK);
	s = e4_store_flash_functions(&flash);
	n = load(&s, now);
	if (n == len && memcmp(now, state, (size_t)len) == 0)
		return;
	promise(!exactly && n == old_len && (n < 0 || memcmp(now, old, (size_t)n) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t state[40] = "a state that is saved afterwards";
	static const uint8_t units[] = {1, 2, 4, 8, 16};
	static struct flash_sim sim;
	static uint8_t old[SIM_SIZE];
	struct e4_store_flash flash;
	struct e4_store s;
	uint16_t n_slots, erase;
	bool done;
	int len;

	if (size < 2)
		return 0;
	n_slots = (uint16_t)(2 + (data[0] >> 4 & 3));
	erase = data[0] & 8 ? 0 : 64;
	sim_init(&sim, 256, n_slots, erase, units[(data[0] & 7) % 5], data[0]);
	for (size_t i = 0; i < size - 2 && i < sim.flash.size; i++)
		sim.cell[i] = data[i + 2];
	sim.flash.size = (size_t)256 * n_slots;
	memcpy(old, sim.cell, sizeof old);
	{
		struct flash_sim before = sim;

		promise(e4_store_flash_open(&flash, &sim.flash) == E4_OK);
		s = e4_store_flash_functions(&flash);
		len = load(&s, old);
		promise(len < 0 || is_whole(&before, old, (size_t)len));
	}
	sim.steps = 0;
	sim.cut_at = data[1];
	sim.torn = data[1] % SIM_TORN_KINDS;
	done = save(&s, state, sizeof state);
	promise(done || sim.off);
	/* of a medium with nonsense, a cut may leave damage where there was nothing whole */
	if (done || len >= 0)
		the_next_start_has(&sim, state, sizeof state, done, len, old);
	sim_restart(&sim);
	promise(e4_store_flash_open(&flash, &sim.flash) == E4_OK);
	s = e4_store_flash_functions(&flash);
	promise(save(&s, state, sizeof state));
	the_next_start_has(&sim, state, sizeof state, true, 0, NULL);
	return 0;
}
