/* The life of a client: configured, loaded or provisioned, wiped. */
#include <string.h>

#include "life.h"
#include "mode.h"
#include "state.h"

static bool config_ok(const struct e4_config *cfg)
{
	const struct e4_store *s = &cfg->store;
	int n_store = !!s->save_begin + !!s->save_write + !!s->save_commit + !!s->load_begin +
		      !!s->load_read;

	return cfg->mode && (n_store == 0 || n_store == 5) && (cfg->topics || cfg->n_topics == 0) &&
	       (cfg->peers || cfg->n_peers == 0) && (cfg->seen || cfg->n_seen == 0) &&
	       (cfg->sent || cfg->n_sent == 0) && (cfg->cache || cfg->n_cache == 0) &&
	       (cfg->clock == E4_CLOCK_NONE || (cfg->clock == E4_CLOCK_RELIABLE && cfg->now)) &&
	       (!cfg->no_window || cfg->clock == E4_CLOCK_NONE) &&
	       (!cfg->mode->in_element ||
		(cfg->element && cfg->element->sign && cfg->element->agree));
}

enum e4_result e4_init(struct e4_client *c, const struct e4_config *cfg)
{
	if (!config_ok(cfg))
		return E4_ERR_PARAM;
	memset(c, 0, sizeof *c);
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

/* The memory that lives only while the client is what it is. */
static void wipe_volatile(const struct e4_config *cfg)
{
	wipe_table(cfg->seen, cfg->n_seen, sizeof *cfg->seen);
	wipe_table(cfg->sent, cfg->n_sent, sizeof *cfg->sent);
	wipe_table(cfg->cache, cfg->n_cache, sizeof *cfg->cache);
}

void e4_client_wipe(struct e4_client *c)
{
	struct e4_config cfg = c->cfg;

	wipe_table(cfg.topics, cfg.n_topics, sizeof *cfg.topics);
	wipe_table(cfg.peers, cfg.n_peers, sizeof *cfg.peers);
	wipe_volatile(&cfg);
	e4_wipe(c, sizeof *c);
	c->cfg = cfg;
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
