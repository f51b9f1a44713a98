#include "import.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/change.h"
#include "../src/mode.h"
#include "../src/pk.h"
#include "../src/state.h"
#include "../src/table.h"

bool draft_fail(struct draft *d, const char *format, ...)
{
	va_list args;

	if (!d->failed && d->error_cap > 0) {
		va_start(args, format);
		/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it is, one line up */
		vsnprintf(d->error, d->error_cap, format, args);
		va_end(args);
	}
	d->failed = true;
	return false;
}

bool draft_init(struct draft *d, struct e4_client *target, char *error, size_t error_cap)
{
	struct e4_config *cfg = &d->fresh.cfg;

	memset(d, 0, sizeof *d);
	d->target = target;
	d->error = error;
	d->error_cap = error_cap;
	*cfg = target->cfg;
	cfg->topics = calloc((size_t)cfg->n_topics + 1, sizeof *cfg->topics);
	cfg->peers = calloc((size_t)cfg->n_peers + 1, sizeof *cfg->peers);
	if (!cfg->topics || !cfg->peers)
		return draft_fail(d, "out of memory");
	return true;
}

void draft_free(struct draft *d)
{
	struct e4_config *cfg = &d->fresh.cfg;

	if (cfg->topics)
		e4_wipe(cfg->topics, cfg->n_topics * sizeof *cfg->topics);
	free(cfg->topics);
	free(cfg->peers);
	e4_wipe(&d->fresh, sizeof d->fresh);
}

bool draft_set_sk(struct draft *d, const uint8_t id[16], const uint8_t key[32])
{
	struct e4_client *c = &d->fresh;

	if (c->cfg.mode != &e4_mode_sk)
		return draft_fail(d, "this is the state of a symmetric-key client");
	if (e4_is_zero(key, E4_KEY_LEN))
		return draft_fail(d, "the client's key is all zeros");
	memcpy(c->id, id, sizeof c->id);
	memcpy(c->key, key, E4_KEY_LEN);
	memcpy(c->control_key, key, E4_KEY_LEN);
	return true;
}

bool draft_set_pk(struct draft *d, const uint8_t id[16], const uint8_t private_key[64],
		  const uint8_t c2_public[32])
{
	struct e4_client *c = &d->fresh;

	if (c->cfg.mode != &e4_mode_pk)
		return draft_fail(d, "this is the state of a public-key client");
	if (!e4_private_key_ok(private_key))
		return draft_fail(d, "the client's private key is not a seed and its public key");
	if (!e4_control_key_device(c->control_key, private_key, c2_public))
		return draft_fail(d, "the public key of C2 is not valid");
	memcpy(c->id, id, sizeof c->id);
	memcpy(c->key, private_key, sizeof c->key);
	memcpy(c->c2_public, c2_public, sizeof c->c2_public);
	return true;
}

bool draft_add_topic(struct draft *d, const uint8_t hash[16], const uint8_t key[32])
{
	struct e4_topic_key *entry;
	uint16_t at;

	if (e4_table_find(&d->fresh, E4_TOPICS, hash, &at))
		return draft_fail(d, "a topic is listed twice");
	entry = e4_table_insert(&d->fresh, E4_TOPICS, at, hash);
	if (!entry)
		return draft_fail(d, "more topics than the %u that have room",
				  (unsigned)d->fresh.cfg.n_topics);
	memcpy(entry->key, key, sizeof entry->key);
	return true;
}

bool draft_add_peer(struct draft *d, const uint8_t id[16], const uint8_t public_key[32])
{
	struct e4_peer *entry;
	uint16_t at;

	/*
	 * Any 32 bytes, as the deployed clients stored them unchecked: a key that
	 * is no good point verifies no signature, and C2 replaces it when it
	 * compares digests.
	 */
	if (e4_table_find(&d->fresh, E4_PEERS, id, &at))
		return draft_fail(d, "a peer is listed twice");
	entry = e4_table_insert(&d->fresh, E4_PEERS, at, id);
	if (!entry)
		return draft_fail(d, "more peers than the %u that have room",
				  (unsigned)d->fresh.cfg.n_peers);
	memcpy(entry->public_key, public_key, sizeof entry->public_key);
	return true;
}

bool draft_install(struct draft *d)
{
	struct e4_client *c = d->target, *fresh = &d->fresh;
	struct e4_config cfg = c->cfg;

	if (d->failed)
		return false;
	fresh->provisioned = true;
	if (!e4_state_save(fresh))
		return draft_fail(d, "the state could not be stored");
	e4_client_wipe(c);
	if (fresh->topics_used > 0)
		memcpy(cfg.topics, fresh->cfg.topics, fresh->topics_used * sizeof *cfg.topics);
	if (fresh->peers_used > 0)
		memcpy(cfg.peers, fresh->cfg.peers, fresh->peers_used * sizeof *cfg.peers);
	*c = *fresh;
	c->cfg = cfg;
	return true;
}
