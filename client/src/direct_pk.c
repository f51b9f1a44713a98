/* Peers that the application sets itself, without a key server. */
#include "e4/e4.h"

#ifndef E4_SK_ONLY

#include "change.h"
#include "mode.h"

enum e4_result e4_set_peer(struct e4_client *c, const uint8_t id[16], const uint8_t public_key[32])
{
	struct e4_change change;
	enum e4_result r;

	if (c->cfg.mode->sig_len == 0 || !e4_ed25519_public_key_ok(public_key))
		return E4_ERR_PARAM;
	if (!c->provisioned)
		return E4_ERR_NO_STATE;
	e4_change_begin(&change, c);
	r = e4_change_set_peer(c, &change, id, public_key);
	return r == E4_OK ? e4_change_store(&change, c) : r;
}

enum e4_result e4_remove_peer(struct e4_client *c, const uint8_t id[16])
{
	struct e4_change change;
	enum e4_result r;

	if (c->cfg.mode->sig_len == 0)
		return E4_ERR_PARAM;
	e4_change_begin(&change, c);
	r = e4_change_remove_peer(c, &change, id);
	return r == E4_OK ? e4_change_store(&change, c) : r;
}

enum e4_result e4_reset_peers(struct e4_client *c)
{
	struct e4_change change;

	if (c->cfg.mode->sig_len == 0)
		return E4_ERR_PARAM;
	e4_change_begin(&change, c);
	e4_change_reset_peers(c, &change);
	return e4_change_store(&change, c);
}

#endif
