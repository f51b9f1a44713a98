/* Receipts as C2 reads them (protocol.md section 8). */
#include "e4/protocol.h"

#include <string.h>

#include "bytes.h"
#include "cursor.h"
#include "declassify.h"
#include "receipt.h"

void e4_receipt_ad(uint8_t ad[E4_RECEIPT_AD_LEN], const uint8_t stamp[E4_STAMP_LEN])
{
	memcpy(ad, stamp, E4_STAMP_LEN);
	memcpy(ad + E4_STAMP_LEN, "e4-receipt", 10);
}

/* Flags, counts and entries must agree, so that one state has one receipt. */
static bool entries_ok(const struct e4_receipt *r)
{
	if (r->flags & ~(E4_RECEIPT_HAS_ENTRIES | E4_RECEIPT_CUT))
		return false;
	if (!(r->flags & E4_RECEIPT_HAS_ENTRIES))
		return r->flags == 0 && r->n_entries == 0;
	if (r->flags & E4_RECEIPT_CUT ? r->n_entries >= r->n_topics : r->n_entries != r->n_topics)
		return false;
	for (size_t i = 1; i < r->n_entries; i++) {
		const uint8_t *e = r->entries + i * E4_RECEIPT_ENTRY;

		if (memcmp(e - E4_RECEIPT_ENTRY, e, E4_HASH_LEN) >= 0)
			return false;
	}
	return true;
}

static bool decode(struct e4_receipt *r, const uint8_t *plain, size_t len)
{
	struct e4_cursor c;
	const uint8_t *fixed;

	e4_cursor_init(&c, plain, len);
	fixed = e4_cursor_take(&c, E4_RECEIPT_FIXED);
	if (!fixed || fixed[0] != E4_RECEIPT_VERSION)
		return false;
	memcpy(r->nonce, fixed + 1, sizeof r->nonce);
	memcpy(r->digest, fixed + 17, sizeof r->digest);
	r->n_topics = e4_get16(fixed + 49);
	r->n_pubkeys = e4_get16(fixed + 51);
	r->flags = fixed[53];
	r->n_entries = c.left / E4_RECEIPT_ENTRY;
	r->entries = e4_cursor_take(&c, r->n_entries * E4_RECEIPT_ENTRY);
	return e4_cursor_end(&c) && entries_ok(r);
}

bool e4_receipt_open(struct e4_receipt *r, uint8_t *plain, const uint8_t key[32], const uint8_t *in,
		     size_t len)
{
	struct e4_siv_key k;
	uint8_t ad[E4_RECEIPT_AD_LEN];
	bool ok;

	memset(r, 0, sizeof *r);
	if (len < E4_OVERHEAD_SK)
		return false;
	e4_receipt_ad(ad, in);
	e4_siv_key_once(&k, key);
	ok = e4_siv_open(&k, plain, ad, sizeof ad, in + E4_STAMP_LEN, len - E4_STAMP_LEN);
	e4_wipe(&k, sizeof k);
	E4_PUBLIC(&ok, sizeof ok);
	if (!ok)
		return false;
	E4_PUBLIC(plain, len - E4_OVERHEAD_SK); /* names, counts and hashes */
	if (!decode(r, plain, len - E4_OVERHEAD_SK)) {
		e4_wipe(plain, len - E4_OVERHEAD_SK);
		memset(r, 0, sizeof *r);
		return false;
	}
	r->stamp = e4_get64(in);
	return true;
}
