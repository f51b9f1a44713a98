/*
 * Public-key mode with the identity key in a secure element (protocol.md
 * section 3). On the wire nothing tells it from the ordinary mode. There is no
 * row for SetIDKey: a key that came over the air would not be in the element.
 */
#include "e4/e4.h"

#ifndef E4_SK_ONLY

#include <string.h>

#include "declassify.h"
#include "mode.h"
#include "pk.h"

static bool sign(const struct e4_client *c, uint8_t *sig, const void *msg, size_t len)
{
	return c->cfg.element->sign(c->cfg.element->ctx, sig, msg, len);
}

/* Any scalar will do: a clamped one is a multiple of 8, which takes small orders to zero. */
static bool small_order(const uint8_t point[32])
{
	static const uint8_t scalar[32] = {8};
	uint8_t product[32];

	return !e4_x25519(product, scalar, point);
}

/*
 * The control key of the element's key and C2's; E4_ERR_COMMAND for a C2 key
 * of small order, which is found here so that it can't look like a failure of
 * the element. A result of zero is one: no good point gives it.
 */
static enum e4_result control_key(const struct e4_client *c, uint8_t key[32],
				  const uint8_t c2_public[32])
{
	const struct e4_element *element = c->cfg.element;
	uint8_t shared[32];
	bool ok;

	if (small_order(c2_public))
		return E4_ERR_COMMAND;
	ok = element->agree(element->ctx, shared, c2_public);
	if (ok)
		ok = !e4_is_zero(shared, sizeof shared);
	E4_PUBLIC(&ok, sizeof ok);
	if (ok)
		e4_sha3_256(key, shared, sizeof shared);
	e4_wipe(shared, sizeof shared);
	return ok ? E4_OK : E4_ERR_ELEMENT;
}

static enum e4_result set_c2_key(struct e4_client *c, struct e4_change *change, const uint8_t *args,
				 const uint64_t *now)
{
	uint8_t key[32];
	enum e4_result r;

	(void)now;
	E4_PUBLIC(args, 32);
	if (memcmp(c->c2_public, args, sizeof c->c2_public) == 0)
		return E4_OK;
	r = control_key(c, key, args);
	if (r != E4_OK)
		return r;
	e4_put_c2_key(c, change, args, key);
	return E4_OK;
}

static const struct e4_command_row commands[] = {
	{E4_REMOVE_TOPIC, 16, true, e4_run_remove_topic},
	{E4_RESET_TOPICS, 0, true, e4_run_reset_topics},
	{E4_SET_TOPIC_KEY, 48, true, e4_run_set_topic_key},
	{E4_REMOVE_PUBKEY, 16, true, e4_run_remove_pubkey},
	{E4_RESET_PUBKEYS, 0, true, e4_run_reset_pubkeys},
	{E4_SET_PUBKEY, 48, true, e4_run_set_pubkey},
	{E4_SET_C2_KEY, 32, true, set_c2_key},
	{E4_REPORT_STATE, 17, false, e4_run_report_state},
};

const struct e4_mode e4_mode_pk_element = {
	.code = 3,
	.identity_len = 32, /* the public key */
	.sender_len = E4_ID_LEN,
	.sig_len = E4_SIG_LEN,
	.has_c2_key = true,
	.in_element = true,
	.n_commands = sizeof commands / sizeof commands[0],
	.commands = commands,
	.sign = sign,
	.verify = e4_ed25519_verify,
};

/* That the element signs with the key of public_key. Too short to be a message. */
static enum e4_result prove_sign(const struct e4_client *c, const uint8_t public_key[32])
{
	static const char text[] = "E4-ELEMENT-1";
	uint8_t sig[64];

	if (!sign(c, sig, text, sizeof text - 1))
		return E4_ERR_ELEMENT;
	return e4_ed25519_verify(sig, text, sizeof text - 1, public_key) ? E4_OK : E4_ERR_PARAM;
}

/*
 * That it agrees with the same key, from the other end. Any key pair shows it;
 * this one is no secret, and what comes out is never used.
 */
static enum e4_result prove_agree(const struct e4_client *c, const uint8_t public_key[32])
{
	static const uint8_t other_private[32] = "E4-ELEMENT-1";
	uint8_t other_public[32], theirs[32], ours[32];
	enum e4_result r;

	e4_x25519_base(other_public, other_private);
	if (!e4_control_key_c2(theirs, other_private, public_key))
		return E4_ERR_PARAM;
	r = control_key(c, ours, other_public);
	if (r != E4_OK)
		return r;
	E4_PUBLIC(ours, sizeof ours);
	return memcmp(ours, theirs, sizeof ours) == 0 ? E4_OK : E4_ERR_PARAM;
}

enum e4_result e4_provision_pk_element(struct e4_client *c, const uint8_t id[16],
				       const uint8_t public_key[32], const uint8_t c2_public[32])
{
	uint8_t key[32];
	enum e4_result r;

	if (c->cfg.mode != &e4_mode_pk_element || !e4_ed25519_public_key_ok(public_key))
		return E4_ERR_PARAM;
	r = prove_sign(c, public_key);
	if (r == E4_OK)
		r = prove_agree(c, public_key);
	if (r != E4_OK)
		return r;
	r = control_key(c, key, c2_public);
	if (r != E4_OK)
		return r == E4_ERR_COMMAND ? E4_ERR_PARAM : r;
	return e4_become_pk(c, id, public_key, key, c2_public);
}

#endif
