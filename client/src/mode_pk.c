/* Public-key mode (protocol.md section 3). */
#include "e4/e4.h"

#ifndef E4_SK_ONLY

#include <string.h>

#include "declassify.h"
#include "life.h"
#include "mode.h"
#include "pk.h"

bool e4_private_key_ok(const uint8_t private_key[64])
{
	uint8_t whole[64];
	bool zero = e4_is_zero(private_key, 32), ok;

	e4_ed25519_keypair(whole, private_key);
	ok = e4_equal(whole, private_key, sizeof whole);
	E4_PUBLIC(&zero, sizeof zero);
	E4_PUBLIC(&ok, sizeof ok);
	ok = ok && !zero;
	e4_wipe(whole, sizeof whole);
	return ok;
}

/* A new identity key: both halves at once, and the control key that belongs to it. */
static enum e4_result set_id_key(struct e4_client *c, struct e4_change *change, const uint8_t *args,
				 const uint64_t *now)
{
	uint8_t control_key[32];
	bool same = e4_equal(c->key, args, 64);

	(void)now;
	E4_PUBLIC(&same, sizeof same);
	if (same)
		return E4_OK;
	if (!e4_private_key_ok(args) || !e4_control_key_device(control_key, args, c->c2_public))
		return E4_ERR_COMMAND;
	e4_change_identity(c, change);
	memcpy(c->key, args, 64);
	memcpy(c->control_key, control_key, sizeof control_key);
	e4_wipe(control_key, sizeof control_key);
	return E4_OK;
}

void e4_put_c2_key(struct e4_client *c, struct e4_change *change, const uint8_t c2_public[32],
		   uint8_t control_key[32])
{
	e4_change_identity(c, change);
	memcpy(c->c2_public, c2_public, sizeof c->c2_public);
	memcpy(c->control_key, control_key, sizeof c->control_key);
	e4_wipe(control_key, sizeof c->control_key);
}

static enum e4_result set_c2_key(struct e4_client *c, struct e4_change *change, const uint8_t *args,
				 const uint64_t *now)
{
	uint8_t control_key[32];

	(void)now;
	E4_PUBLIC(args, 32);
	if (memcmp(c->c2_public, args, sizeof c->c2_public) == 0)
		return E4_OK;
	/* A point of small order would make the control key known to everybody. */
	if (!e4_control_key_device(control_key, c->key, args))
		return E4_ERR_COMMAND;
	e4_put_c2_key(c, change, args, control_key);
	return E4_OK;
}

enum e4_result e4_run_set_pubkey(struct e4_client *c, struct e4_change *change, const uint8_t *args,
				 const uint64_t *now)
{
	(void)now;
	E4_PUBLIC(args, 48);
	if (!e4_ed25519_public_key_ok(args))
		return E4_ERR_COMMAND;
	return e4_change_set_peer(c, change, args + 32, args);
}

enum e4_result e4_run_remove_pubkey(struct e4_client *c, struct e4_change *change,
				    const uint8_t *args, const uint64_t *now)
{
	(void)now;
	E4_PUBLIC(args, E4_ID_LEN);
	return e4_change_remove_peer(c, change, args);
}

enum e4_result e4_run_reset_pubkeys(struct e4_client *c, struct e4_change *change,
				    const uint8_t *args, const uint64_t *now)
{
	(void)args;
	(void)now;
	e4_change_reset_peers(c, change);
	return E4_OK;
}

static const struct e4_command_row commands[] = {
	{E4_REMOVE_TOPIC, 16, true, e4_run_remove_topic},
	{E4_RESET_TOPICS, 0, true, e4_run_reset_topics},
	{E4_SET_ID_KEY, 64, true, set_id_key},
	{E4_SET_TOPIC_KEY, 48, true, e4_run_set_topic_key},
	{E4_REMOVE_PUBKEY, 16, true, e4_run_remove_pubkey},
	{E4_RESET_PUBKEYS, 0, true, e4_run_reset_pubkeys},
	{E4_SET_PUBKEY, 48, true, e4_run_set_pubkey},
	{E4_SET_C2_KEY, 32, true, set_c2_key},
	{E4_REPORT_STATE, 17, false, e4_run_report_state},
};

static bool sign(const struct e4_client *c, uint8_t *sig, const void *msg, size_t len)
{
	e4_ed25519_sign(sig, msg, len, c->key);
	return true;
}

const struct e4_mode e4_mode_pk = {
	.code = 2,
	.identity_len = 64,
	.sender_len = E4_ID_LEN,
	.sig_len = E4_SIG_LEN,
	.has_c2_key = true,
	.n_commands = sizeof commands / sizeof commands[0],
	.commands = commands,
	.sign = sign,
	.verify = e4_ed25519_verify,
};

enum e4_result e4_become_pk(struct e4_client *c, const uint8_t id[16], const uint8_t *key,
			    uint8_t control_key[32], const uint8_t c2_public[32])
{
	E4_FRESH(fresh, c);

	e4_fresh_init(fresh, c);
	memcpy(fresh->id, id, sizeof fresh->id);
	memcpy(fresh->key, key, c->cfg.mode->identity_len);
	memcpy(fresh->control_key, control_key, sizeof fresh->control_key);
	memcpy(fresh->c2_public, c2_public, sizeof fresh->c2_public);
	e4_wipe(control_key, sizeof fresh->control_key);
	return e4_become(c, fresh);
}

enum e4_result e4_provision_pk(struct e4_client *c, const uint8_t id[16],
			       const uint8_t private_key[64], const uint8_t c2_public[32])
{
	uint8_t control_key[32];

	if (c->cfg.mode != &e4_mode_pk || !e4_private_key_ok(private_key) ||
	    !e4_control_key_device(control_key, private_key, c2_public))
		return E4_ERR_PARAM;
	return e4_become_pk(c, id, private_key, control_key, c2_public);
}

#endif
