/* Receipts and announcements, as the device writes them (protocol.md section 8). */
#include "receipt.h"

#include <string.h>

#include "bytes.h"
#include "clock.h"
#include "mode.h"

static void state_digest(const struct e4_client *c, uint8_t digest[32])
{
	struct e4_digest d;

	e4_digest_init(&d);
	for (uint16_t i = 0; i < c->topics_used; i++)
		e4_digest_topic(&d, c->cfg.topics[i].hash, c->cfg.topics[i].key);
#ifndef E4_SK_ONLY
	if (c->cfg.mode->has_c2_key) {
		for (uint16_t i = 0; i < c->peers_used; i++)
			e4_digest_peer(&d, c->cfg.peers[i].id, c->cfg.peers[i].public_key);
		e4_digest_c2_key(&d, c->c2_public);
	}
#endif
	e4_digest_final(&d, digest);
}

/* Write as many entries as fit into room bytes; their length. */
static size_t put_entries(const struct e4_client *c, uint8_t *out, size_t room, uint8_t *flags)
{
	size_t n = room / E4_RECEIPT_ENTRY;

	*flags = E4_RECEIPT_HAS_ENTRIES;
	if (n >= c->topics_used)
		n = c->topics_used;
	else
		*flags |= E4_RECEIPT_CUT;
	for (size_t i = 0; i < n; i++, out += E4_RECEIPT_ENTRY) {
		memcpy(out, c->cfg.topics[i].hash, E4_HASH_LEN);
		e4_receipt_key_hash(out + E4_HASH_LEN, c->cfg.topics[i].key);
	}
	return n * E4_RECEIPT_ENTRY;
}

static void seal(const struct e4_client *c, uint8_t *out, size_t plain_len)
{
	struct e4_siv_key k;
	uint8_t ad[E4_RECEIPT_AD_LEN];
	uint64_t now;

	/* 0 while unknown: C2 then learns just that. C2 must not stamp below the mark. */
	if (e4_clock_now(c, &now) && e4_clock_behind(c, &now))
		now = c->high_water;
	e4_put64(out, now);
	e4_receipt_ad(ad, out);
	e4_siv_key_once(&k, c->control_key);
	e4_siv_seal(&k, out + E4_STAMP_LEN, ad, sizeof ad, out + E4_OVERHEAD_SK, plain_len);
	e4_wipe(&k, sizeof k);
}

static enum e4_result answer(const struct e4_client *c, uint8_t *out, size_t out_cap,
			     size_t *out_len, const uint8_t nonce[16], bool entries)
{
	uint8_t *plain = out + E4_OVERHEAD_SK;
	size_t len = E4_RECEIPT_FIXED;

	*out_len = 0;
	if (!c->provisioned)
		return E4_ERR_NO_STATE;
	if (out_cap < E4_OVERHEAD_SK + E4_RECEIPT_FIXED)
		return E4_ERR_SPACE;
	plain[0] = E4_RECEIPT_VERSION;
	memcpy(plain + 1, nonce, 16);
	state_digest(c, plain + 17);
	e4_put16(plain + 49, c->topics_used);
#ifdef E4_SK_ONLY
	e4_put16(plain + 51, 0);
#else
	e4_put16(plain + 51, c->cfg.mode->sig_len > 0 ? c->peers_used : 0);
#endif
	plain[53] = 0;
	if (entries)
		len += put_entries(c, plain + len, out_cap - E4_OVERHEAD_SK - len, &plain[53]);
	seal(c, out, len);
	*out_len = E4_OVERHEAD_SK + len;
	return E4_OK;
}

enum e4_result e4_receipt(struct e4_client *c, uint8_t *out, size_t out_cap, size_t *out_len)
{
	return answer(c, out, out_cap, out_len, c->nonce, c->report_entries);
}

enum e4_result e4_announce(struct e4_client *c, uint8_t *out, size_t out_cap, size_t *out_len)
{
	static const uint8_t no_nonce[16];

	return answer(c, out, out_cap, out_len, no_nonce, false);
}
