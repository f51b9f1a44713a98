/* The digest of a device's state, the same at both ends (protocol.md section 8). */
#include "e4/protocol.h"

void e4_digest_init(struct e4_digest *d)
{
	e4_sha3_init(&d->sha3);
	e4_sha3_update(&d->sha3, "E4-STATE-1", 10);
}

void e4_digest_topic(struct e4_digest *d, const uint8_t hash[16], const uint8_t key[32])
{
	uint8_t key_hash[16];

	e4_sha3_short(key_hash, sizeof key_hash, key, E4_KEY_LEN);
	e4_sha3_update(&d->sha3, hash, E4_HASH_LEN);
	e4_sha3_update(&d->sha3, key_hash, sizeof key_hash);
	e4_wipe(key_hash, sizeof key_hash);
}

void e4_digest_peer(struct e4_digest *d, const uint8_t id[16], const uint8_t public_key[32])
{
	e4_sha3_update(&d->sha3, id, E4_ID_LEN);
	e4_sha3_update(&d->sha3, public_key, 32);
}

void e4_digest_c2_key(struct e4_digest *d, const uint8_t c2_public[32])
{
	e4_sha3_update(&d->sha3, c2_public, 32);
}

void e4_digest_final(struct e4_digest *d, uint8_t digest[32])
{
	e4_sha3_final(&d->sha3, digest);
}

void e4_receipt_key_hash(uint8_t hash[8], const uint8_t key[32])
{
	e4_sha3_short(hash, 8, key, E4_KEY_LEN);
}
