/* What the fuzz targets share: a device that is as it was for each input, and abort on a broken
 * promise. */
#ifndef CLIENT_FUZZ_TARGET_H
#define CLIENT_FUZZ_TARGET_H

#define DEVICE_TOPICS 8 /* small: each input gets a new device */
#define DEVICE_PEERS 8

#include "../src/state.h"
#include "../tests/fixture.h"

#define FUZZ_NOW UINT64_C(1700000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A condition that no input may break. */
static inline void promise(bool holds)
{
	if (!holds)
		abort();
}

static const uint8_t fuzz_id[16] = {1}, fuzz_peer[16] = {2};
static const uint8_t fuzz_key[32] = {3};
static const char fuzz_topic[] = "topic";

/* A device of the mode, with one topic (fuzz_key) and, in PK, itself as a peer under two ids. */
static inline void fuzz_device_new(struct device *d, const struct e4_mode *mode)
{
	uint8_t private_key[64], c2_public[32];
	struct e4_config cfg = device_config(d, mode);
	struct e4_topic t;

	d->now = FUZZ_NOW;
	promise(e4_init(&d->c, &cfg) == E4_OK);
	e4_ed25519_keypair(private_key, fuzz_key);
	e4_x25519_base(c2_public, fuzz_key);
	if (mode == &e4_mode_pk) {
		promise(e4_provision_pk(&d->c, fuzz_id, private_key, c2_public) == E4_OK);
		promise(e4_set_peer(&d->c, fuzz_peer, private_key + 32) == E4_OK);
		promise(e4_set_peer(&d->c, fuzz_id, private_key + 32) == E4_OK);
	} else {
		promise(e4_provision_sk(&d->c, fuzz_id, fuzz_key) == E4_OK);
	}
	promise(e4_topic_init(&t, &d->c, fuzz_topic, strlen(fuzz_topic)) == E4_OK);
	promise(e4_set_topic_key(&d->c, &t, fuzz_key) == E4_OK);
}

/* A copy of that device; made once, since scalar products are slow. */
static inline void fuzz_device(struct device *d, const struct e4_mode *mode)
{
	static struct device made[2];
	struct device *from = &made[mode == &e4_mode_pk];
	uint32_t validity_s;

	if (!from->c.provisioned)
		fuzz_device_new(from, mode);
	*d = *from;
	validity_s = d->c.cfg.validity_s;
	d->c.cfg = device_config(d, mode);
	d->c.cfg.validity_s = validity_s;
	d->store.next = NULL;
	d->store.saved = malloc(d->store.saved_len);
	memcpy(d->store.saved, from->store.saved, d->store.saved_len);
}

/* What would be stored now. */
static inline void fuzz_state_bytes(const struct device *d, struct mem_store *into)
{
	struct e4_client c = d->c;

	memset(into, 0, sizeof *into);
	c.cfg.store = mem_store(into);
	promise(e4_state_save(&c));
}

static inline bool fuzz_state_is(const struct device *d, const struct mem_store *bytes)
{
	struct mem_store now;
	bool same;

	fuzz_state_bytes(d, &now);
	same = now.saved_len == bytes->saved_len &&
	       memcmp(now.saved, bytes->saved, now.saved_len) == 0;
	free(now.saved);
	return same;
}

/* What is in the store is what is in memory, and it loads. */
static inline void promise_stored(struct device *d)
{
	struct mem_store now;

	promise(fuzz_state_is(d, &d->store));
	fuzz_state_bytes(d, &now);
	promise(e4_load(&d->c) == E4_OK);
	promise(fuzz_state_is(d, &now));
	free(now.saved);
}

#endif
