/*
 * The store in flash or EEPROM over a medium that reads as anything and may fail at each
 * call. Only the lengths in the headers are given, the same in all slots: Eva does not
 * see that a length that is counted down and a place that is counted up belong together.
 */
#include "any.h"

#include <stdint.h>

/*
 * Bit by bit over unknown bits, it would be analysed once for each of its 2^n ways. So it
 * is taken as what it demands, which PROVE_CRC shows to be enough.
 */
/*@ requires readable: \valid_read(in + (0 .. len - 1));
    requires written: \initialized(in + (0 .. len - 1));
    assigns \result \from crc, in[0 .. len - 1]; */
static uint32_t crc32(uint32_t crc, const uint8_t *in, size_t len);

#include "../port/store_flash.c"

#define MAX_LEN 40

static struct e4_flash medium;
static uint32_t len_in_header;

static bool flash_read(void *ctx, size_t at, void *out, size_t len)
{
	(void)ctx;
	/*@ assert at <= medium.size && len <= medium.size - at; */
	is_written(out, len);
	if (at % medium.slot_size == 0 && len == 16)
		for (int i = 0; i < 4; i++)
			((uint8_t *)out)[4 + i] = (uint8_t)(len_in_header >> 8 * i);
	return any_bool();
}

static bool flash_program(void *ctx, size_t at, const void *bytes, size_t len)
{
	(void)ctx;
	is_read(bytes, len);
	/*@ assert at % medium.program_size == 0 && len % medium.program_size == 0; */
	/*@ assert 1 <= len <= 16 && at % 16 + len <= 16; */
	/*@ assert at < medium.size && len <= medium.size - at; */
	return any_bool();
}

static bool flash_erase(void *ctx, size_t at)
{
	(void)ctx;
	/*@ assert at % medium.erase_size == 0 && at < medium.size; */
	return any_bool();
}

/* Returns as soon as something fails. step: bytes of one write; rest: bytes that never come. */
static void save(const struct e4_store *s, size_t len, size_t step, size_t rest)
{
	uint8_t bytes[MAX_LEN];

	any(bytes, sizeof bytes);
	if (!s->save_begin(s->ctx, len))
		return;
	for (size_t n, left = len - rest; left > 0; left -= n) {
		n = left < step ? left : step;
		if (!s->save_write(s->ctx, bytes + MAX_LEN - n, n))
			return;
	}
	if (rest > 0 && any_bool())
		s->save_write(s->ctx, bytes, rest + 1); /* too much */
	else if (rest == 0 || any_bool())
		s->save_commit(s->ctx);
}

static void load(const struct e4_store *s, size_t step)
{
	uint8_t bytes[MAX_LEN];
	size_t len;

	if (!s->load_begin(s->ctx, &len))
		return;
	is_read(&len, sizeof len);
	for (size_t at = 0; at < MAX_LEN + step; at += step) {
		if (!s->load_read(s->ctx, bytes + MAX_LEN - step, step))
			return;
		is_read(bytes + MAX_LEN - step, step);
	}
}

static void use(size_t len, size_t step)
{
	/* the byte is because Frama-C refuses the end of an object even for setting 0 bytes */
	struct {
		struct e4_store_flash kept;
		uint8_t end;
	} object;
	struct e4_store s;
	uint8_t byte;

	if (e4_store_flash_open(&object.kept, &medium) == E4_ERR_PARAM)
		return;
	s = e4_store_flash_functions(&object.kept);
	s.save_write(s.ctx, "", 1); /* nothing was begun */
	s.save_commit(s.ctx);
	s.load_read(s.ctx, &byte, 1);
	load(&s, step);
	save(&s, len, step, 0);
	save(&s, len, step, 0);
	load(&s, step);
	save(&s, len, step, len > 0 ? 1 : 0);
	load(&s, step);
	save(&s, len, step, 0);
}

static void on(size_t slot_size, size_t n_slots, size_t erase_size, uint8_t program_size)
{
	struct e4_flash m = {.read = flash_read,
			     .program = flash_program,
			     .erase = erase_size ? flash_erase : NULL,
			     .size = n_slots * slot_size,
			     .slot_size = slot_size,
			     .erase_size = erase_size,
			     .program_size = program_size};
	size_t room = slot_size - E4_FLASH_SLOT(0, program_size);

	medium = m;
	for (len_in_header = 0; len_in_header <= room; len_in_header += room < 20 ? room : 19)
		use(room < 33 ? room : 33, 7);
	len_in_header = UINT32_MAX; /* and what else does not fit */
	use(room + 1, 16);
	use(0, 1);
}

/* Geometries of any numbers, also those that contradict themselves. */
static void any_geometry(void)
{
	struct e4_store_flash kept;
	struct e4_flash m = {.read = any_bool() ? flash_read : NULL,
			     .program = any_bool() ? flash_program : NULL,
			     .erase = any_bool() ? flash_erase : NULL};

	any(&m.size, sizeof m.size);
	any(&m.slot_size, sizeof m.slot_size);
	any(&m.program_size, sizeof m.program_size);
	m.size = m.size < 2 ? m.size : 1; /* refused: all others would be opened */
	e4_store_flash_open(&kept, &m);
}

int main(void)
{
#ifdef PROVE_CRC
	uint8_t bytes[16];
	uint32_t crc;

	any(bytes, sizeof bytes);
	any(&crc, sizeof crc);
	for (size_t len = 0; len <= sizeof bytes; len++)
		crc32(crc, bytes + sizeof bytes - len, len);
#else
	static const struct {
		uint8_t slot_size, n_slots, erase_size, program_size;
	} all[] = {{64, 2, 0, 1}, {48, 3, 0, 1}, {128, 3, 64, 8}, {96, 2, 96, 16}};

	on(all[GEOMETRY].slot_size, all[GEOMETRY].n_slots, all[GEOMETRY].erase_size,
	   all[GEOMETRY].program_size);
	any_geometry();
#endif
	end();
	return 0;
}
