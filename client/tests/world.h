/* Devices, and the key server's side of what they are sent, for the tests of whole clients. */
#ifndef CLIENT_TESTS_WORLD_H
#define CLIENT_TESTS_WORLD_H

#include "../src/state.h"
#include "check.h"
#include "fixture.h"

#define T0 UINT64_C(1700000000)

static const uint8_t c2_private[32] = {0x42, 9};

/* A key whose bytes are all b. */
struct key {
	uint8_t bytes[64];
};

static inline struct key key_of(uint8_t b)
{
	struct key k;

	memset(k.bytes, b, sizeof k.bytes);
	return k;
}

/* The device number n: its id is n's bytes, its key comes from n. */
static inline void world_identity(const struct e4_mode *mode, uint8_t n, uint8_t id[16],
				  uint8_t key[64])
{
	memset(id, n, 16);
	if (mode == &e4_mode_pk)
		e4_ed25519_keypair(key, key_of(n).bytes);
	else
		memset(key, n, 64);
}

static inline void world_provision(struct device *d, uint8_t n)
{
	uint8_t id[16], key[64], c2_public[32];

	world_identity(d->c.cfg.mode, n, id, key);
	e4_x25519_base(c2_public, c2_private);
	if (d->c.cfg.mode == &e4_mode_pk)
		CHECK_EQ(e4_provision_pk(&d->c, id, key, c2_public), E4_OK);
	else
		CHECK_EQ(e4_provision_sk(&d->c, id, key), E4_OK);
}

static inline void world_device_cfg(struct device *d, const struct e4_config *cfg, uint8_t n)
{
	d->now = T0;
	CHECK_EQ(e4_init(&d->c, cfg), E4_OK);
	world_provision(d, n);
}

static inline void world_device(struct device *d, const struct e4_mode *mode, uint8_t n)
{
	struct e4_config cfg;

	memset(d, 0, sizeof *d);
	cfg = device_config(d, mode);
	world_device_cfg(d, &cfg, n);
}

/* Off and on again: what is not in the store is gone. */
static inline enum e4_result world_restart(struct device *d)
{
	struct e4_config cfg = d->c.cfg;

	memset(&d->c, 0xee, sizeof d->c);
	CHECK_EQ(e4_init(&d->c, &cfg), E4_OK);
	return e4_load(&d->c);
}

static inline struct e4_topic world_topic(const struct device *d, const char *name)
{
	struct e4_topic t;

	CHECK_EQ(e4_topic_init(&t, &d->c, name, strlen(name)), E4_OK);
	return t;
}

static inline struct e4_topic world_control(const struct device *d)
{
	char name[E4_CONTROL_TOPIC_LEN + 1];

	e4_client_control_topic(&d->c, name);
	return world_topic(d, name);
}

static inline enum e4_result world_receive(struct device *d, const char *topic, const uint8_t *in,
					   size_t len)
{
	struct e4_topic t = world_topic(d, topic);
	uint8_t out[4096];
	size_t out_len;

	return e4_unprotect(&d->c, &t, out, sizeof out, &out_len, in, len);
}

/* Give the device a control message with that plaintext and stamp. */
static inline enum e4_result world_command(struct device *d, uint64_t stamp, const uint8_t *plain,
					   size_t len)
{
	struct e4_topic t = world_control(d);
	uint8_t message[256];
	size_t out_len = 1;
	enum e4_result r;

	e4_message_seal(message, d->c.control_key, stamp, plain, len);
	r = e4_unprotect(&d->c, &t, NULL, 0, &out_len, message, len + E4_OVERHEAD_SK);
	CHECK_EQ(out_len, 0);
	return r;
}

static inline enum e4_result world_set_topic(struct device *d, uint64_t stamp, const char *topic,
					     uint8_t key)
{
	uint8_t plain[E4_COMMAND_MAX], hash[16];

	e4_topic_hash(hash, topic, strlen(topic));
	return world_command(d, stamp, plain,
			     e4_encode_set_topic_key(plain, key_of(key).bytes, hash));
}

/* Protect text on a topic; the length, or 0. */
static inline size_t world_send(struct device *d, const char *topic, const char *text,
				uint8_t out[1024])
{
	struct e4_topic t = world_topic(d, topic);
	size_t len = 0;

	CHECK_EQ(e4_protect(&d->c, &t, out, 1024, &len, (const uint8_t *)text, strlen(text)),
		 E4_OK);
	return len;
}

/* Every byte that the client would store now. */
struct snapshot {
	struct mem_store store;
};

static inline struct snapshot snapshot_of(const struct device *d)
{
	struct snapshot s = {{0}};
	struct e4_client c = d->c;

	c.cfg.store = mem_store(&s.store);
	CHECK(e4_state_save(&c));
	return s;
}

static inline bool snapshot_same(const struct snapshot *s, const struct device *d)
{
	struct snapshot now = snapshot_of(d);
	bool same = now.store.saved_len == s->store.saved_len &&
		    memcmp(now.store.saved, s->store.saved, s->store.saved_len) == 0;

	free(now.store.saved);
	return same;
}

static inline void snapshot_free(struct snapshot *s)
{
	free(s->store.saved);
}

#endif
