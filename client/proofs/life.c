/* A client's life: configured, provisioned, loaded, wiped. */
#include "client.h"

static void init(void)
{
	struct e4_config cfg = configuration(any_bool() ? E4_CLOCK_NONE : E4_CLOCK_RELIABLE, true);

	/* every way to contradict itself, and no table at all */
	cfg.mode = any_bool() ? THE_MODE : NULL;
	if (any_bool())
		cfg.topics = NULL;
	cfg.n_topics = any_bool() && cfg.topics ? N_TOPICS : 0;
	cfg.peers = any_bool() ? peers.e : NULL;
	cfg.seen = any_bool() ? seen : NULL;
	cfg.store.load_read = any_bool() ? load_read : NULL;
	cfg.now = any_bool() ? now : NULL;
	cfg.no_window = any_bool();
	cfg.element = any_bool() ? &element : NULL;
	if (e4_init(&c, &cfg) == E4_OK)
		is_read(c.id, sizeof c - offsetof(struct e4_client, id));
	cfg = configuration(E4_CLOCK_RELIABLE, true);
	if (e4_init(&c, &cfg) == E4_OK)
		holds();
}

static void provision(const struct e4_config *cfg)
{
	uint8_t id[16], key[64], c2[32];

	any(id, sizeof id);
	any(key, sizeof key);
	any(c2, sizeof c2);
	make(cfg, N_TOPICS, N_PEERS);
	e4_provision_sk(&c, id, key);
	holds();
	make(cfg, N_TOPICS, N_PEERS);
	e4_provision_pk(&c, id, key, c2);
	holds();
	make(cfg, N_TOPICS, N_PEERS);
	e4_provision_pk_element(&c, id, key, c2);
	holds();
}

static void load(const struct e4_config *cfg)
{
	make(cfg, 1, 1);
	e4_load(&c);
	holds();
}

int main(void)
{
	struct e4_config with = configuration(E4_CLOCK_RELIABLE, true);
	struct e4_config without = configuration(E4_CLOCK_NONE, false);

	init();
	provision(&with);
	provision(&without);
	load(&with);
	load(&without);
	make(&with, 1, 1);
	e4_client_wipe(&c);
	holds();
	end();
	return 0;
}
