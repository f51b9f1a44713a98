/*
 * What changes a client's keys: the application itself, with all the places that a
 * change can have in the tables, and each command of the key server, at those places.
 */
#include "client.h"
#include "abstract.h"

static uint8_t key[64];

static void of_topics(const struct e4_config *cfg, unsigned n_topics, unsigned at)
{
	struct e4_topic t = {.control = any_bool()};

	name(t.hash, at);
	any(&t.slot, sizeof t.slot);
	make(cfg, n_topics, 1);
	e4_set_topic_key(&c, &t, key);
	holds();
	make(cfg, n_topics, 1);
	e4_remove_topic(&c, &t);
	holds();
}

/*
 * Their keys are all the same, so that a driver says whether one changes: Eva joins what
 * it knows of both cases, and then takes the record of one for that of the other.
 */
static void peers_have(uint8_t byte)
{
	for (unsigned i = 0; i < N_PEERS; i++)
		memset(peers.e[i].public_key, byte, sizeof peers.e[i].public_key);
}

static void of_peers(const struct e4_config *cfg, unsigned n_peers, unsigned at)
{
	uint8_t id[16], public_key[32];

	name(id, at);
	memset(public_key, 1, sizeof public_key);
	for (uint8_t byte = 1; byte <= 2; byte++) {
		make(cfg, 1, n_peers);
		peers_have(byte);
		e4_set_peer(&c, id, public_key);
		holds();
	}
	make(cfg, 1, n_peers);
	e4_remove_peer(&c, id);
	holds();
}

static void all(const struct e4_config *cfg)
{
	for (unsigned n = 0; n <= N_TOPICS; n++) {
		for (unsigned at = 0; at <= 2 * n; at++)
			of_topics(cfg, n, at);
		make(cfg, n, 1);
		e4_reset_topics(&c);
		holds();
	}
	for (unsigned n = 0; n <= N_PEERS; n++) {
		for (unsigned at = 0; at <= 2 * n; at++)
			of_peers(cfg, n, at);
		make(cfg, 1, n);
		e4_reset_peers(&c);
		holds();
	}
}

/* A control message whose plaintext, if it is authentic, begins with this code and has
 * this name; same: a public key in it is the one that the peers have. */
static void command(const struct e4_config *cfg, unsigned n, uint8_t code, size_t len,
		    size_t name_at, unsigned at, bool same)
{
	uint8_t in[E4_COMMAND_MAX + E4_OVERHEAD_SK + 1], *from = in + sizeof in - len;
	struct e4_topic t = {.control = 1};
	uint8_t opened[E4_COMMAND_MAX];
	size_t out_len;

	any(in, sizeof in);
	any(opened, sizeof opened);
	opened[0] = code;
	if (name_at > 0)
		name(opened + name_at, at);
	if (code == E4_SET_PUBKEY)
		memset(opened + 1, 1, 32);
	e4_abstract_opened = opened;
	make(cfg, n, n <= N_PEERS ? n : N_PEERS);
	if (code == E4_SET_PUBKEY)
		peers_have(same ? 1 : 2);
	e4_unprotect(&c, &t, NULL, 0, &out_len, from, len);
	e4_abstract_opened = NULL;
	holds();
}

static void commands(const struct e4_config *cfg)
{
	static const struct {
		uint8_t code, args_len, name_at;
	} rows[] = {
		{E4_REMOVE_TOPIC, 16, 1},   {E4_RESET_TOPICS, 0, 0},   {E4_SET_ID_KEY, 32, 0},
		{E4_SET_ID_KEY, 64, 0},     {E4_SET_TOPIC_KEY, 48, 33}, {E4_REMOVE_PUBKEY, 16, 1},
		{E4_RESET_PUBKEYS, 0, 0},   {E4_SET_PUBKEY, 48, 33},   {E4_SET_C2_KEY, 32, 0},
		{E4_REPORT_STATE, 17, 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (unsigned n = 0; n <= N_TOPICS; n++)
			for (unsigned at = 0; at <= (rows[i].name_at ? 2 * n : 0); at++) {
				size_t len = E4_OVERHEAD_SK + 1u + rows[i].args_len;

				command(cfg, n, rows[i].code, len, rows[i].name_at, at, false);
				if (rows[i].code == E4_SET_PUBKEY)
					command(cfg, n, rows[i].code, len, rows[i].name_at, at,
						true);
			}
	/* any other code, and lengths that no command has */
	for (size_t len = 0; len <= E4_COMMAND_MAX + E4_OVERHEAD_SK + 1; len += 4)
		command(cfg, 1, 0x7f, len, 0, 0, false);
}

int main(void)
{
	struct e4_config with = configuration(E4_CLOCK_RELIABLE, true);
	struct e4_config without = configuration(E4_CLOCK_NONE, false);

	any(key, sizeof key);
#ifdef COMMANDS
	commands(&with);
	commands(&without);
#else
	all(&with);
	all(&without);
#endif
	end();
	return 0;
}
