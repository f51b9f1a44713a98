/*
 * What changes a client's keys: the application itself, with all the places that a
 * change can have in the tables, and each command of the key server, at those places.
 */
#include "client.h"
#include "abstract.h"

static uint8_t key[64]; /* ones */

/*
 * Any client with so many topics and peers, whose keys are all of one byte, so that it is
 * known whether one changes: Eva would join both cases, and then undo one by the record of
 * the other.
 */
static void make_with_keys(const struct e4_config *cfg, unsigned n_topics, unsigned n_peers,
			   uint8_t byte)
{
	make(cfg, n_topics, n_peers);
	memset(c.key, byte, sizeof c.key);
	memset(c.c2_public, byte, sizeof c.c2_public);
	for (unsigned i = 0; i < n_topics; i++)
		memset(topics.e[i].key, byte, sizeof topics.e[i].key);
	for (unsigned i = 0; i < n_peers; i++)
		memset(peers.e[i].public_key, byte, sizeof peers.e[i].public_key);
}

static void keys_hold(void)
{
	holds();
	is_read(&topics, sizeof topics);
	is_read(&peers, sizeof peers);
}

static void of_topics(const struct e4_config *cfg, unsigned n_topics, unsigned at)
{
	struct e4_topic t = {.control = any_bool()};

	name(t.hash, at);
	any(&t.slot, sizeof t.slot);
	for (uint8_t byte = 1; byte <= 2; byte++) {
		make_with_keys(cfg, n_topics, 1, byte);
		e4_set_topic_key(&c, &t, key);
		keys_hold();
	}
	make(cfg, n_topics, 1);
	e4_remove_topic(&c, &t);
	keys_hold();
}

static void of_peers(const struct e4_config *cfg, unsigned n_peers, unsigned at)
{
	uint8_t id[16];

	name(id, at);
	for (uint8_t byte = 1; byte <= 2; byte++) {
		make_with_keys(cfg, 1, n_peers, byte);
		e4_set_peer(&c, id, key);
		keys_hold();
	}
	make(cfg, 1, n_peers);
	e4_remove_peer(&c, id);
	keys_hold();
}

static void set_and_remove(const struct e4_config *cfg)
{
	for (unsigned n = 0; n <= N_TOPICS; n++) {
		for (unsigned at = 0; at <= 2 * n; at++)
			of_topics(cfg, n, at);
		make(cfg, n, 1);
		e4_reset_topics(&c);
		keys_hold();
	}
	for (unsigned n = 0; n <= N_PEERS; n++) {
		for (unsigned at = 0; at <= 2 * n; at++)
			of_peers(cfg, n, at);
		make(cfg, 1, n);
		e4_reset_peers(&c);
		keys_hold();
	}
}

#define UNKNOWN 0x7f

/* One that is authentic, with keys of ones. name_at: where the name in it is; 0: there is none. */
static void command(const struct e4_config *cfg, uint8_t code, size_t args_len, size_t name_at,
		    unsigned n, unsigned at, uint8_t byte)
{
	uint8_t in[E4_COMMAND_MAX + E4_OVERHEAD_SK], *from = in + E4_COMMAND_MAX - 1 - args_len,
						     opened[E4_COMMAND_MAX];
	struct e4_topic t = {.control = 1};
	size_t out_len;

	any(in, sizeof in);
	memset(opened, 1, sizeof opened);
	opened[0] = code;
	if (name_at > 0)
		name(opened + name_at, at);
	if (code == E4_REPORT_STATE)
		any(opened + 1, 17);
	make_with_keys(cfg, n, n <= N_PEERS ? n : N_PEERS, byte);
	e4_abstract_opened = opened;
	e4_unprotect(&c, &t, NULL, 0, &out_len, from, E4_OVERHEAD_SK + 1 + args_len);
	e4_abstract_opened = NULL;
	keys_hold();
}

static void commands(const struct e4_config *cfg)
{
	static const struct {
		uint8_t code, args_len, name_at;
	} rows[] = {
		{E4_REMOVE_TOPIC, 16, 1}, {E4_RESET_TOPICS, 0, 0},    {E4_SET_ID_KEY, 32, 0},
		{E4_SET_ID_KEY, 64, 0},   {E4_SET_TOPIC_KEY, 48, 33}, {E4_REMOVE_PUBKEY, 16, 1},
		{E4_RESET_PUBKEYS, 0, 0}, {E4_SET_PUBKEY, 48, 33},    {E4_SET_C2_KEY, 32, 0},
		{E4_REPORT_STATE, 17, 0}, {UNKNOWN, 16, 0},           {UNKNOWN, 32, 0},
		{UNKNOWN, 48, 0},         {UNKNOWN, 64, 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (unsigned n = 0; n <= N_TOPICS; n++)
			for (unsigned at = 0; at <= (rows[i].name_at ? 2 * n : 0); at++)
				for (uint8_t byte = 1; byte <= 2; byte++)
					command(cfg, rows[i].code, rows[i].args_len,
						rows[i].name_at, n, at, byte);
}

/* Of every other length: any bytes, authentic or not. */
static void no_commands(const struct e4_config *cfg)
{
	uint8_t in[E4_COMMAND_MAX + E4_OVERHEAD_SK + 1];
	struct e4_topic t = {.control = 1};
	size_t out_len;

	for (size_t len = 0; len <= sizeof in; len++) {
		make(cfg, 1, 1);
		any(in, sizeof in);
		if (len <= E4_OVERHEAD_SK + 1 || (len - E4_OVERHEAD_SK) % 16 != 1)
			e4_unprotect(&c, &t, NULL, 0, &out_len, in + sizeof in - len, len);
		holds();
	}
}

int main(void)
{
	struct e4_config with = configuration(E4_CLOCK_RELIABLE, true);
	struct e4_config without = configuration(E4_CLOCK_NONE, false);

	memset(key, 1, sizeof key);
#ifdef COMMANDS
	commands(&with);
	commands(&without);
	no_commands(&with);
#else
	set_and_remove(&with);
	set_and_remove(&without);
#endif
	end();
	return 0;
}
