/* The life of a client: configured, loaded or provisioned, wiped. */
#include <string.h>

#include "life.h"
#include "mode.h"
#include "state.h"

static bool store_ok(const struct e4_config *cfg)
{
#ifdef E4_NO_STORE
	(void)cfg;
	return true;
#else
	const struct e4_store *s = &cfg->store;
	int n = !!s->save_begin + !!s->save_write + !!s->save_commit + !!s->load_begin +
		!!s->load_read;

	return n == 0 || n == 5;
#endif
}

/* A table of no address has no entries; a mode with an element has a whole one. */
static bool parts_ok(const struct e4_config *cfg)
{
	bool ok = cfg->topics || cfg->n_topics == 0;

#ifndef E4_SK_ONLY
	ok = ok && (cfg->peers || cfg->n_peers == 0);
	if (cfg->mode->in_element)
		ok = ok && cfg->element && cfg->element->sign && cfg->element->agree;
#endif
#ifndef E4_NO_REPLAY
	ok = ok && (cfg->seen || cfg->n_seen == 0) && (cfg->sent || cfg->n_sent == 0);
#endif
#ifndef E4_NO_CACHE
	ok = ok && (cfg->cache || cfg->n_cache == 0);
#endif
	return ok;
}

enum e4_result e4_init(struct e4_client *c, const struct e4_config *cfg)
{
	if (!cfg->mode || !store_ok(cfg) || !parts_ok(cfg))
		return E4_ERR_PARAM;
	if (cfg->clock != E4_CLOCK_NONE &&
	    (cfg->clock != E4_CLOCK_RELIABLE || !cfg->now || cfg->no_window))
		return E4_ERR_PARAM;
	c->cfg = *cfg;
	if (c->cfg.validity_s == 0)
		c->cfg.validity_s = E4_VALIDITY_S;
	e4_client_wipe(c);
	return E4_OK;
}

static void wipe_table(void *entries, size_t n, size_t size)
{
	if (n > 0)
		e4_wipe(entries, n * size);
}

void e4_client_wipe(struct e4_client *c)
{
	wipe_table(c->cfg.topics, c->cfg.n_topics, sizeof *c->cfg.topics);
#ifndef E4_SK_ONLY
	wipe_table(c->cfg.peers, c->cfg.n_peers, sizeof *c->cfg.peers);
#endif
#ifndef E4_NO_REPLAY
	wipe_table(c->cfg.seen, c->cfg.n_seen, sizeof *c->cfg.seen);
	wipe_table(c->cfg.sent, c->cfg.n_sent, sizeof *c->cfg.sent);
#endif
#ifndef E4_NO_CACHE
	wipe_table(c->cfg.cache, c->cfg.n_cache, sizeof *c->cfg.cache);
#endif
	/* all that is not the configuration */
	e4_wipe(&c->cfg + 1, sizeof *c - sizeof c->cfg);
}

#ifdef E4_NO_STORE

void e4_fresh_init(struct e4_client *fresh, struct e4_client *c)
{
	(void)fresh;
	e4_client_wipe(c);
}

enum e4_result e4_become(struct e4_client *c, struct e4_client *fresh)
{
	(void)fresh;
	c->provisioned = true;
	return E4_OK;
}

#else

void e4_fresh_init(struct e4_client *fresh, struct e4_client *c)
{
	memset(fresh, 0, sizeof *fresh);
	fresh->cfg = c->cfg;
}

enum e4_result e4_become(struct e4_client *c, struct e4_client *fresh)
{
	fresh->provisioned = true;
	if (!e4_state_save(fresh)) {
		e4_wipe(fresh, sizeof *fresh);
		return E4_ERR_STORE;
	}
	e4_client_wipe(c);
	*c = *fresh;
	e4_wipe(fresh, sizeof *fresh);
	return E4_OK;
}

#endif
