/*
 * Receipts as a key server reads them: as given, or sealed first.
 *   input: flags(1) | message, or flags(1) | stamp(8) | plaintext
 */
#include "../src/receipt.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t ad[E4_RECEIPT_AD_LEN], *message, *plain;
	struct e4_receipt r;
	struct e4_siv_key k;
	bool seal;

	if (size < 9 || size > 4096)
		return 0;
	seal = data[0] & 1;
	data++;
	size--;
	message = malloc(size + (seal ? 16 : 0));
	memcpy(message, data, seal ? 8 : size);
	if (seal) {
		e4_receipt_ad(ad, message);
		e4_siv_key_init(&k, fuzz_key);
		e4_siv_seal(&k, message + 8, ad, sizeof ad, data + 8, size - 8);
		size += 16;
	}
	plain = malloc(size);
	if (e4_receipt_open(&r, plain, fuzz_key, message, size)) {
		promise(r.n_entries * E4_RECEIPT_ENTRY + E4_RECEIPT_FIXED + E4_OVERHEAD_SK == size);
		promise(r.n_entries <= r.n_topics);
	}
	free(message);
	free(plain);
	return 0;
}
