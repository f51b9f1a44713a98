/*
 * The store in flash or EEPROM over a medium that reads as anything and may fail at each
 * call. Only the lengths in the headers are given, the same in all slots: Eva does not
 * see that a length that is counted down and a place that is counted up belong together.
 */
#include "any.h"
#include "e4/store_flash.h"

#define MAX_LEN 40

static struct e4_flash medium;
static uint32_t len_in_header;

static bool read(void *ctx, size_t at, void *out, size_t len)
{
	(void)ctx;
	/*@ assert at <= medium.size && len <= medium.size - at; */
	is_written(out, len);
	if (at % medium.slot_size == 0 && len == 16)
		for (int i = 0; i < 4; i++)
			((uint8_t *)out)[4 + i] = (uint8_t)(len_in_header >> 8 * i);
	return any_bool();
}

static bool program(void *ctx, size_t at, const void *bytes, size_t len)
{
	(void)ctx;
	is_read(bytes, len);
	/*@ assert at % medium.program_size == 0 && len % medium.program_size == 0; */
	/*@ assert 1 <= len <= 16 && at % 16 + len <= 16; */
	/*@ assert at < medium.size && len <= medium.size - at; */
	return any_bool();
}

static bool erase(void *ctx, size_t at)
{
	(void)ctx;
	/*@ assert at % medium.erase_size == 0 && at < medium.size; */
	return any_bool();
}

static void write_all(const struct e4_store *s, size_t len, size_t step)
{
	uint8_t bytes[MAX_LEN];

	any(bytes, sizeof bytes);
	s->save_begin(s->ctx, len);
	for (size_t n; len > 0; len -= n) {
		n = len < step ? len : step;
		s->save_write(s->ctx, bytes + MAX_LEN - n, n);
	}
}

static void read_all(const struct e4_store *s, size_t step)
{
	uint8_t bytes[MAX_LEN];
	size_t left;

	if (!s->load_begin(s->ctx, &left))
		return;
	for (size_t i = 0; i < 6; i++)
		s->load_read(s->ctx, bytes + MAX_LEN - step, step);
}

/* Whatever happened in a step, the next one comes: also what a careful caller would not do. */
static void use(size_t len, size_t step)
{
	struct e4_store_flash kept;
	struct e4_store s;

	if (e4_store_flash_open(&kept, &medium) == E4_ERR_PARAM)
		return;
	s = e4_store_flash_functions(&kept);
	read_all(&s, step);
	for (int i = 0; i < 2; i++) {
		write_all(&s, len, step);
		s.save_commit(s.ctx);
	}
	read_all(&s, step);
	write_all(&s, len, step);
	read_all(&s, step);
	write_all(&s, len, step);
	s.save_write(s.ctx, "too much", 8);
	s.save_commit(s.ctx);
}

static void on(size_t slot_size, size_t n_slots, size_t erase_size, uint8_t program_size)
{
	struct e4_flash m = {.read = read,
			     .program = program,
			     .erase = erase_size ? erase : NULL,
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
	struct e4_flash m = {.read = any_bool() ? read : NULL,
			     .program = any_bool() ? program : NULL,
			     .erase = any_bool() ? erase : NULL};

	any(&m.size, sizeof m.size);
	any(&m.slot_size, sizeof m.slot_size);
	any(&m.program_size, sizeof m.program_size);
	m.size = m.size < 2 ? m.size : 1; /* refused: all others would be opened */
	e4_store_flash_open(&kept, &m);
}

int main(void)
{
	on(64, 2, 0, 1);
	on(48, 3, 0, 1);
	on(128, 3, 64, 8);
	on(96, 2, 96, 16);
	any_geometry();
	end();
	return 0;
}
