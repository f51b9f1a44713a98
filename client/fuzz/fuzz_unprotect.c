/*
 * Messages, in both modes, on a topic and on the control topic: as given, or
 * made authentic first (sealed under the right key, signed) from plaintext and
 * stamp, so that what comes after the cryptography is reached, too.
 *   input: flags(1) | message, or flags(1) | stamp(8) | plaintext
 */
#include "target.h"

enum { PK = 1, CONTROL = 2, AUTHENTIC = 4, OLD_SENDER = 8, NO_CLOCK = 16 };

static size_t make(const struct device *d, unsigned flags, uint8_t *out, const uint8_t *in,
		   size_t len)
{
	struct e4_siv_key k;
	uint8_t *box = out + 8 + (flags & CONTROL ? 0 : d->c.cfg.mode == &e4_mode_pk ? 16 : 0);

	memcpy(out, in, 8);
	e4_siv_key_init(&k, flags & CONTROL ? d->c.control_key : fuzz_key);
	e4_siv_seal(&k, box, out, 8, in + 8, len - 8);
	len = (size_t)(box - out) + len - 8 + 16;
	if (flags & CONTROL || !(flags & PK))
		return len;
	memcpy(out + 8, flags & OLD_SENDER ? fuzz_peer : fuzz_id, 16);
	e4_ed25519_sign(out + len, out, len, d->c.key);
	return len + 64;
}

static void receive(struct device *d, const char *topic, const uint8_t *in, size_t len)
{
	struct e4_topic t;
	struct mem_store before;
	uint8_t *out = malloc(len + 1);
	size_t out_len = 1;
	enum e4_result r;

	promise(e4_topic_init(&t, &d->c, topic, strlen(topic)) == E4_OK);
	fuzz_state_bytes(d, &before);
	r = e4_unprotect(&d->c, &t, out, len, &out_len, in, len);
	promise(r == E4_OK || out_len == 0);
	promise(out_len <= len);
	promise(r == E4_COMMAND || r == E4_REPORT || fuzz_state_is(d, &before));
	promise_stored(d);
	free(before.saved);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct device d;
	char control[E4_CONTROL_TOPIC_LEN + 1];
	unsigned flags;
	uint8_t made[4096 + E4_OVERHEAD_PK], *message;
	size_t len;

	if (size < 9 || size > 4096)
		return 0;
	flags = *data++;
	size--;
	fuzz_device(&d, flags & PK ? &e4_mode_pk : &e4_mode_sk);
	if (flags & NO_CLOCK) {
		d.c.cfg.clock = E4_CLOCK_NONE;
		d.c.cfg.no_window = true;
	}
	len = flags & AUTHENTIC ? make(&d, flags, made, data, size) : size;
	message = malloc(len); /* exact, for the sanitizer */
	memcpy(message, flags & AUTHENTIC ? made : data, len);
	e4_client_control_topic(&d.c, control);
	receive(&d, flags & CONTROL ? control : fuzz_topic, message, len);
	free(message);
	device_free(&d);
	return 0;
}
