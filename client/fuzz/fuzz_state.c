/*
 * Stored states: as given, or with the right checksum put at the end.
 *   input: flags(1) | state
 * What loads is written again byte by byte; what does not leaves the device as it was.
 */
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct device d;
	struct mem_store before;
	uint8_t digest[32];
	enum e4_result r;

	if (size < 17 || size > 4096)
		return 0;
	fuzz_device(&d, data[0] & 1 ? &e4_mode_pk : &e4_mode_sk);
	fuzz_state_bytes(&d, &before);
	free(d.store.saved);
	d.store.saved_len = size - 1;
	d.store.saved = malloc(size - 1);
	memcpy(d.store.saved, data + 1, size - 1);
	if (data[0] & 2) {
		e4_sha3_256(digest, d.store.saved, size - 17);
		memcpy(d.store.saved + size - 17, digest, 16);
	}
	r = e4_load(&d.c);
	promise(r == E4_OK || r == E4_ERR_CORRUPT || r == E4_ERR_FULL);
	promise(fuzz_state_is(&d, r == E4_OK ? &d.store : &before));
	free(before.saved);
	device_free(&d);
	return 0;
}
