/* The stored state, the configuration, and what is set directly. */
#include "world.h"

static void fill(struct device *d, const struct e4_mode *mode)
{
	uint8_t id[16], key[64];

	world_device(d, mode, 1);
	CHECK_EQ(world_set_topic(d, T0, "a", 1), E4_COMMAND);
	CHECK_EQ(world_set_topic(d, T0, "b", 2), E4_COMMAND);
	CHECK_EQ(world_set_topic(d, T0, "b", 3), E4_COMMAND);
	if (mode == &e4_mode_sk)
		return;
	world_identity(mode, 2, id, key);
	CHECK_EQ(e4_set_peer(&d->c, id, key + 32), E4_OK);
}

static void a_restart_brings_everything_back(void)
{
	static const struct e4_mode *const modes[] = {&e4_mode_sk, &e4_mode_pk};

	for (int m = 0; m < 2; m++) {
		struct device d;
		struct snapshot before;

		fill(&d, modes[m]);
		before = snapshot_of(&d);
		CHECK_EQ(world_restart(&d), E4_OK);
		CHECK(snapshot_same(&before, &d));
		CHECK_EQ(world_set_topic(&d, T0, "c", 1), E4_COMMAND);
		snapshot_free(&before);
		device_free(&d);
	}
}

/* Load these bytes into a device that is somebody already: it must stay that. */
static enum e4_result load_bytes(struct device *d, const uint8_t *bytes, size_t len)
{
	struct mem_store own = d->store;
	struct snapshot before = snapshot_of(d);
	enum e4_result r;

	memset(&d->store, 0, sizeof d->store);
	d->store.saved = malloc(len + 1);
	memcpy(d->store.saved, bytes, len);
	d->store.saved_len = len;
	r = e4_load(&d->c);
	if (r != E4_OK)
		CHECK(snapshot_same(&before, d));
	free(d->store.saved);
	d->store = own;
	snapshot_free(&before);
	return r;
}

static void every_truncation_and_bit_flip_of_a_state_is_damage(void)
{
	static const struct e4_mode *const modes[] = {&e4_mode_sk, &e4_mode_pk};

	for (int m = 0; m < 2; m++) {
		struct device d, other;
		uint8_t *state;
		size_t len;

		fill(&d, modes[m]);
		fill(&other, modes[m]);
		state = d.store.saved;
		len = d.store.saved_len;
		for (size_t n = 0; n < len; n++)
			CHECK_EQ(load_bytes(&other, state, n), E4_ERR_CORRUPT);
		for (size_t bit = 0; bit < len * 8; bit++) {
			state[bit / 8] ^= (uint8_t)(1 << bit % 8);
			CHECK_EQ(load_bytes(&other, state, len), E4_ERR_CORRUPT);
			state[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		CHECK_EQ(load_bytes(&other, state, len), E4_OK);
		device_free(&d);
		device_free(&other);
	}
}

/* With the right checksum: what no client would have written. */
static void a_state_without_order_or_identity_is_damage_whatever_its_checksum_says(void)
{
	for (int what = 0; what < 6; what++) {
		struct device d;

		fill(&d, &e4_mode_pk);
		CHECK_EQ(e4_set_peer(&d.c, key_of(9).bytes, d.c.key + 32), E4_OK);
		CHECK(d.c.topics_used == 2 && d.c.peers_used == 2);
		if (what == 1)
			memcpy(d.topics[1].hash, d.topics[0].hash, 16);
		if (what == 2)
			memset(d.topics[0].hash, 0xff, 16);
		if (what == 3)
			memcpy(d.peers[1].id, d.peers[0].id, 16);
		if (what == 4)
			memset(d.peers[0].id, 0xff, 16);
		if (what == 5)
			memset(d.c.key, 0, sizeof d.c.key);
		CHECK(e4_state_save(&d.c));
		CHECK_EQ(world_restart(&d), what == 0 ? E4_OK : E4_ERR_CORRUPT);
		device_free(&d);
	}
}

static void a_state_of_the_other_mode_is_damage_and_one_too_big_is_told(void)
{
	struct device sk, pk;

	fill(&sk, &e4_mode_sk);
	fill(&pk, &e4_mode_pk);
	CHECK_EQ(load_bytes(&sk, pk.store.saved, pk.store.saved_len), E4_ERR_CORRUPT);
	CHECK_EQ(load_bytes(&pk, sk.store.saved, sk.store.saved_len), E4_ERR_CORRUPT);
	CHECK_EQ(e4_reset_topics(&sk.c), E4_OK);
	sk.c.cfg.n_topics = 1;
	CHECK_EQ(world_restart(&sk), E4_OK);
	device_free(&pk);
	fill(&pk, &e4_mode_pk);
	CHECK_EQ(e4_reset_topics(&pk.c), E4_OK);
	{
		struct device other;

		fill(&other, &e4_mode_pk);
		pk.c.cfg.n_topics = 1;
		CHECK_EQ(load_bytes(&pk, other.store.saved, other.store.saved_len), E4_ERR_FULL);
		pk.c.cfg.n_topics = 2;
		pk.c.cfg.n_peers = 0;
		CHECK_EQ(e4_reset_peers(&pk.c), E4_OK);
		CHECK_EQ(load_bytes(&pk, other.store.saved, other.store.saved_len), E4_ERR_FULL);
		device_free(&other);
	}
	device_free(&sk);
	device_free(&pk);
}

static void a_read_that_fails_gives_an_error_and_never_half_a_client(void)
{
	for (int call = 1; call < 40; call++) {
		struct device d;
		enum e4_result r;

		fill(&d, &e4_mode_pk);
		d.store.calls = 0;
		d.store.fail_at = call;
		r = world_restart(&d);
		CHECK(r == E4_OK || r == E4_ERR_STORE);
		CHECK(d.c.provisioned == (r == E4_OK));
		if (r != E4_OK)
			CHECK(d.c.topics_used == 0 && e4_is_zero(d.c.key, sizeof d.c.key) &&
			      e4_is_zero(d.topics, sizeof d.topics));
		CHECK(call < 10 || d.store.calls > 5);
		device_free(&d);
	}
}

static void without_a_store_or_a_state_loading_says_so(void)
{
	struct device d;
	struct e4_config cfg;

	memset(&d, 0, sizeof d);
	cfg = device_config(&d, &e4_mode_sk);
	CHECK_EQ(e4_init(&d.c, &cfg), E4_OK);
	CHECK_EQ(e4_load(&d.c), E4_ERR_NO_STATE);
	memset(&cfg.store, 0, sizeof cfg.store);
	CHECK_EQ(e4_init(&d.c, &cfg), E4_OK);
	CHECK_EQ(e4_load(&d.c), E4_ERR_NO_STATE);
	world_device_cfg(&d, &cfg, 1); /* RAM only: it works until the power goes */
	CHECK_EQ(world_set_topic(&d, T0, "t", 1), E4_COMMAND);
	device_free(&d);
}

static void before_it_is_somebody_a_client_does_nothing(void)
{
	struct device d, other;
	struct e4_config cfg;
	struct e4_topic t;
	uint8_t out[200], message[200] = {0};
	size_t len;

	memset(&d, 0, sizeof d);
	cfg = device_config(&d, &e4_mode_sk);
	CHECK_EQ(e4_init(&d.c, &cfg), E4_OK);
	CHECK_EQ(e4_topic_init(&t, &d.c, "t", 1), E4_ERR_NO_STATE);
	world_device(&other, &e4_mode_sk, 2);
	t = world_topic(&other, "t");
	CHECK_EQ(e4_protect(&d.c, &t, out, sizeof out, &len, NULL, 0), E4_ERR_NO_TOPIC_KEY);
	CHECK_EQ(e4_unprotect(&d.c, &t, out, sizeof out, &len, message, 100), E4_ERR_NO_STATE);
	t = world_control(&other); /* an all-zero control key must not be a key */
	e4_message_seal(message, key_of(0).bytes, T0, message, 1);
	CHECK_EQ(e4_unprotect(&d.c, &t, out, sizeof out, &len, message, 25), E4_ERR_NO_STATE);
	CHECK_EQ(e4_announce(&d.c, out, sizeof out, &len), E4_ERR_NO_STATE);
	CHECK_EQ(e4_receipt(&d.c, out, sizeof out, &len), E4_ERR_NO_STATE);
	CHECK_EQ(e4_set_topic_key(&d.c, &t, key_of(1).bytes), E4_ERR_PARAM);
	t = world_topic(&other, "t");
	CHECK_EQ(e4_set_topic_key(&d.c, &t, key_of(1).bytes), E4_ERR_NO_STATE);
	device_free(&d);
	device_free(&other);
}

static void a_configuration_that_contradicts_itself_is_refused(void)
{
	struct device d;
	struct e4_config good, bad;

	memset(&d, 0, sizeof d);
	good = device_config(&d, &e4_mode_pk);
	CHECK_EQ(e4_init(&d.c, &good), E4_OK);
#define REFUSED(change)                                                                            \
	do {                                                                                       \
		bad = good;                                                                        \
		change;                                                                            \
		CHECK_EQ(e4_init(&d.c, &bad), E4_ERR_PARAM);                                       \
	} while (0)
	REFUSED(bad.mode = NULL);
	REFUSED(bad.topics = NULL);
	REFUSED(bad.peers = NULL);
	REFUSED(bad.seen = NULL);
	REFUSED(bad.sent = NULL);
	REFUSED(bad.cache = NULL);
	REFUSED(bad.now = NULL);
	REFUSED(bad.no_window = true);
	REFUSED(bad.store.save_commit = NULL);
	REFUSED(bad.store.load_begin = NULL);
	REFUSED(bad.clock = (enum e4_clock)7);
#undef REFUSED
	device_free(&d);
}

static void bad_keys_do_not_make_a_client(void)
{
	struct device d;
	struct e4_config cfg;
	uint8_t id[16] = {1}, key[64], c2_public[32];

	memset(&d, 0, sizeof d);
	cfg = device_config(&d, &e4_mode_sk);
	e4_x25519_base(c2_public, c2_private);
	e4_ed25519_keypair(key, key_of(1).bytes);
	CHECK_EQ(e4_init(&d.c, &cfg), E4_OK);
	CHECK_EQ(e4_provision_sk(&d.c, id, key_of(0).bytes), E4_ERR_PARAM);
	CHECK_EQ(e4_provision_pk(&d.c, id, key, c2_public), E4_ERR_PARAM);
	cfg.mode = &e4_mode_pk;
	CHECK_EQ(e4_init(&d.c, &cfg), E4_OK);
	CHECK_EQ(e4_provision_sk(&d.c, id, key_of(1).bytes), E4_ERR_PARAM);
	CHECK_EQ(e4_provision_pk(&d.c, id, key_of(0).bytes, c2_public), E4_ERR_PARAM);
	key[63] ^= 0x80;
	CHECK_EQ(e4_provision_pk(&d.c, id, key, c2_public), E4_ERR_PARAM);
	CHECK_EQ(d.store.saves, 0);
	device_free(&d);
}

static void topics_are_judged_by_name(void)
{
	struct device d;
	struct e4_topic t;
	char long_name[E4_TOPIC_MAX + 1], control[E4_RECEIPT_TOPIC_LEN + 1];
	uint8_t out[64];
	size_t len;

	world_device(&d, &e4_mode_sk, 1);
	memset(long_name, 'x', sizeof long_name);
	CHECK_EQ(e4_topic_init(&t, &d.c, "", 0), E4_ERR_PARAM);
	CHECK_EQ(e4_topic_init(&t, &d.c, long_name, E4_TOPIC_MAX), E4_OK);
	CHECK_EQ(e4_topic_init(&t, &d.c, long_name, E4_TOPIC_MAX + 1), E4_ERR_PARAM);
	CHECK_EQ(e4_topic_init(&t, &d.c, "a/+/b", 5), E4_ERR_PARAM);
	CHECK_EQ(e4_topic_init(&t, &d.c, "a/#", 3), E4_ERR_PARAM);
	CHECK_EQ(e4_topic_init(&t, &d.c, "a\0b", 3), E4_ERR_PARAM);
	CHECK_EQ(e4_topic_init(&t, &d.c, "\xc3", 1), E4_ERR_PARAM);
	e4_control_topic(control, key_of(2).bytes); /* another's */
	CHECK_EQ(e4_topic_init(&t, &d.c, control, strlen(control)), E4_ERR_PARAM);
	e4_client_receipt_topic(&d.c, control);
	CHECK_EQ(e4_topic_init(&t, &d.c, control, strlen(control)), E4_ERR_PARAM);
	t = world_control(&d);
	CHECK_EQ(e4_protect(&d.c, &t, out, sizeof out, &len, NULL, 0), E4_ERR_PARAM);
	CHECK_EQ(e4_set_topic_key(&d.c, &t, key_of(1).bytes), E4_ERR_PARAM);
	CHECK_EQ(e4_remove_topic(&d.c, &t), E4_ERR_PARAM);
	t = world_topic(&d, "t");
	CHECK_EQ(e4_set_topic_key(&d.c, &t, key_of(0).bytes), E4_ERR_PARAM);
	device_free(&d);
}

static void a_symmetric_client_has_no_peers_to_set_or_remove(void)
{
	struct device d;
	uint8_t id[16], key[64];
	int saves;

	world_device(&d, &e4_mode_sk, 1);
	world_identity(&e4_mode_pk, 2, id, key);
	saves = d.store.saves;
	CHECK_EQ(e4_set_peer(&d.c, id, key + 32), E4_ERR_PARAM);
	CHECK_EQ(e4_remove_peer(&d.c, id), E4_ERR_PARAM);
	CHECK_EQ(e4_reset_peers(&d.c), E4_ERR_PARAM);
	CHECK_EQ(d.store.saves, saves);
	device_free(&d);
}

static void a_wiped_client_holds_no_secret_and_can_load_again(void)
{
	struct device d;
	struct e4_client *c = &d.c;

	fill(&d, &e4_mode_pk);
	e4_client_wipe(c);
	CHECK(e4_is_zero(d.topics, sizeof d.topics) && e4_is_zero(d.peers, sizeof d.peers));
	CHECK(e4_is_zero(d.cache, sizeof d.cache) && e4_is_zero(d.sent, sizeof d.sent));
	CHECK(e4_is_zero(c->key, sizeof c->key) && e4_is_zero(c->control_key, 32) &&
	      !c->provisioned);
	CHECK_EQ(e4_load(c), E4_OK);
	CHECK_EQ(c->topics_used, 2);
	device_free(&d);
}

static void a_topic_handle_stays_right_while_others_come_and_go(void)
{
	enum { N = DEVICE_TOPICS < 40 ? DEVICE_TOPICS : 40 };
	struct device d;
	struct e4_topic handles[N];
	char name[8];
	uint8_t out[64];
	size_t len;

	world_device(&d, &e4_mode_sk, 1);
	for (uint8_t i = 0; i < N; i++) {
		snprintf(name, sizeof name, "t%d", i);
		handles[i] = world_topic(&d, name);
		CHECK_EQ(e4_set_topic_key(&d.c, &handles[i], key_of((uint8_t)(i + 1)).bytes),
			 E4_OK);
	}
	for (uint8_t gone = 0; gone < N; gone++) {
		CHECK_EQ(e4_remove_topic(&d.c, &handles[gone]), E4_OK);
		for (uint8_t i = 0; i < N; i++) {
			uint8_t plain[1];
			uint64_t stamp;
			enum e4_result r = e4_protect(&d.c, &handles[i], out, sizeof out, &len,
						      (const uint8_t *)"x", 1);

			CHECK_EQ(r, i <= gone ? E4_ERR_NO_TOPIC_KEY : E4_OK);
			if (r == E4_OK)
				CHECK(e4_message_open(plain, &stamp, key_of((uint8_t)(i + 1)).bytes,
						      out, len));
		}
	}
	device_free(&d);
}

static void each_result_has_its_text(void)
{
	for (int r = 0; r <= E4_ERR_ELEMENT; r++)
		CHECK((strcmp(e4_result_text((enum e4_result)r), "unknown result") == 0) ==
		      (r > E4_REPORT && r < E4_ERR));
	CHECK_STR(e4_result_text((enum e4_result)(E4_ERR_ELEMENT + 1)), "unknown result");
	CHECK_STR(e4_result_text(E4_ERR_NO_TIME), "time not known yet");
}

int main(void)
{
	RUN(a_restart_brings_everything_back);
	RUN(every_truncation_and_bit_flip_of_a_state_is_damage);
	RUN(a_state_without_order_or_identity_is_damage_whatever_its_checksum_says);
	RUN(a_state_of_the_other_mode_is_damage_and_one_too_big_is_told);
	RUN(a_read_that_fails_gives_an_error_and_never_half_a_client);
	RUN(without_a_store_or_a_state_loading_says_so);
	RUN(before_it_is_somebody_a_client_does_nothing);
	RUN(a_configuration_that_contradicts_itself_is_refused);
	RUN(bad_keys_do_not_make_a_client);
	RUN(topics_are_judged_by_name);
	RUN(a_symmetric_client_has_no_peers_to_set_or_remove);
	RUN(a_wiped_client_holds_no_secret_and_can_load_again);
	RUN(a_topic_handle_stays_right_while_others_come_and_go);
	RUN(each_result_has_its_text);
	return END();
}
