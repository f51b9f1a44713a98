/* The C client's binary store, into a device of each mode. */
#include "e4/import.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int m = 0; m < 2; m++) {
		struct device d;
		struct mem_store before;
		char error[100] = "";

		fuzz_device(&d, m ? &e4_mode_pk : &e4_mode_sk);
		fuzz_state_bytes(&d, &before);
		if (!e4_import_libe4(&d.c, data, size, error, sizeof error))
			promise(error[0] && fuzz_state_is(&d, &before));
		promise_stored(&d);
		free(before.saved);
		device_free(&d);
	}
	return 0;
}
