/*
 * What lies below a sealed store.
 *   input: flags(1) | bytes
 * flags & 1: the bytes are the stored ones; else they are pairs place(2) |
 * xor(1) that change a sealed state. Only the unchanged state loads, the device
 * stays as it was, and a save afterwards works.
 */
#include "target.h"

#include "e4/store_sealed.h"

static const uint8_t device_key[32] = {5};

static struct e4_store sealed_over(struct e4_store_sealed *sealed, struct mem_store *m)
{
	struct e4_store below = mem_store(m);

	promise(e4_store_sealed_open(sealed, &below, device_key, NULL) == E4_OK);
	return e4_store_sealed_functions(sealed);
}

static bool change(struct mem_store *m, const uint8_t *data, size_t size)
{
	uint8_t *was = malloc(m->saved_len);
	bool changed;

	memcpy(was, m->saved, m->saved_len);
	for (; size >= 3; data += 3, size -= 3)
		m->saved[(data[0] | (size_t)data[1] << 8) % m->saved_len] ^= data[2];
	changed = memcmp(was, m->saved, m->saved_len) != 0;
	free(was);
	return changed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct e4_store_sealed sealed;
	struct mem_store below = {0}, before;
	struct device d;
	bool changed = true;
	enum e4_result r;

	if (size < 1 || size > 4096)
		return 0;
	fuzz_device(&d, &e4_mode_sk);
	fuzz_state_bytes(&d, &before);
	d.c.cfg.store = sealed_over(&sealed, &below);
	promise(e4_state_save(&d.c));
	if (data[0] & 1) {
		free(below.saved);
		below.saved = malloc(size);
		memcpy(below.saved, data + 1, size - 1);
		below.saved_len = size - 1;
	} else {
		changed = change(&below, data + 1, size - 1);
	}
	r = e4_load(&d.c);
	promise(r == (changed ? E4_ERR_CORRUPT : E4_OK) ||
		(r == E4_ERR_NO_STATE && below.saved_len == 0));
	promise(fuzz_state_is(&d, &before));
	promise(e4_state_save(&d.c));
	promise(e4_load(&d.c) == E4_OK);
	promise(fuzz_state_is(&d, &before));
	free(before.saved);
	free(below.saved);
	free(below.next);
	device_free(&d);
	return 0;
}
