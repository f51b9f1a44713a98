/* PK mode with the identity key in a secure element, which is made of software here. */
#include "world.h"

#define TOPIC "t"

/* The chip: its key is in here and nowhere else. */
struct chip {
	uint8_t private_key[64];
	uint8_t agree_key[64]; /* the same, but in a chip that is wired up wrong */
	int calls;
	int fail_at; /* this call fails, counted from 1; 0: none */
	bool zero;   /* answers zeros, and says that all is well */
};

static bool chip_sign(void *ctx, uint8_t sig[64], const void *msg, size_t len)
{
	struct chip *chip = ctx;

	memset(sig, 0x77, 64); /* what a chip that fails half-way leaves behind */
	if (++chip->calls == chip->fail_at)
		return false;
	e4_ed25519_sign(sig, msg, len, chip->private_key);
	return true;
}

static bool chip_agree(void *ctx, uint8_t shared[32], const uint8_t point[32])
{
	struct chip *chip = ctx;
	uint8_t scalar[32];

	memset(shared, 0, 32);
	if (++chip->calls == chip->fail_at)
		return false;
	e4_ed25519_to_x25519_scalar(scalar, chip->agree_key);
	return chip->zero || e4_x25519(shared, scalar, point);
}

/* A device with a chip, an ordinary PK client that knows it, and C2. */
struct scene {
	struct chip chip;
	struct e4_element element;
	struct device d, peer;
	uint8_t id[16], c2_public[32];
};

static void scene_unprovisioned(struct scene *s)
{
	struct e4_config cfg;

	memset(s, 0, sizeof *s);
	memset(s->id, 1, sizeof s->id);
	e4_ed25519_keypair(s->chip.private_key, key_of(1).bytes);
	memcpy(s->chip.agree_key, s->chip.private_key, sizeof s->chip.agree_key);
	e4_x25519_base(s->c2_public, c2_private);
	s->element = (struct e4_element){&s->chip, chip_sign, chip_agree};
	s->d.now = T0;
	cfg = device_config(&s->d, &e4_mode_pk_element);
	cfg.element = &s->element;
	CHECK_EQ(e4_init(&s->d.c, &cfg), E4_OK);
}

static enum e4_result scene_provision(struct scene *s)
{
	return e4_provision_pk_element(&s->d.c, s->id, s->chip.private_key + 32, s->c2_public);
}

static void scene_init(struct scene *s)
{
	struct e4_topic t;

	scene_unprovisioned(s);
	CHECK_EQ(scene_provision(s), E4_OK);
	world_device(&s->peer, &e4_mode_pk, 2);
	t = world_topic(&s->d, TOPIC);
	CHECK_EQ(e4_set_topic_key(&s->d.c, &t, key_of(9).bytes), E4_OK);
	CHECK_EQ(e4_set_topic_key(&s->peer.c, &t, key_of(9).bytes), E4_OK);
	CHECK_EQ(e4_set_peer(&s->d.c, s->peer.c.id, s->peer.c.key + 32), E4_OK);
	CHECK_EQ(e4_set_peer(&s->peer.c, s->id, s->chip.private_key + 32), E4_OK);
	s->chip.calls = 0;
}

static void scene_free(struct scene *s)
{
	device_free(&s->d);
	device_free(&s->peer);
}

static bool contains(const void *bytes, size_t len, const uint8_t *what, size_t what_len)
{
	const uint8_t *b = bytes;

	for (size_t i = 0; i + what_len <= len; i++)
		if (memcmp(b + i, what, what_len) == 0)
			return true;
	return false;
}

static void messages_go_both_ways_with_an_ordinary_client(void)
{
	struct scene s;
	uint8_t message[1024];

	scene_init(&s);
	for (size_t len = 0; len <= 100; len++) {
		char text[101] = {0};

		memset(text, 'x', len);
		CHECK_EQ(world_receive(&s.peer, TOPIC, message,
				       world_send(&s.d, TOPIC, text, message)),
			 E4_OK);
		CHECK_EQ(world_receive(&s.d, TOPIC, message,
				       world_send(&s.peer, TOPIC, text, message)),
			 E4_OK);
	}
	CHECK_EQ(s.chip.calls, 101); /* one signature a message, and nothing for receiving */
	scene_free(&s);
}

static void its_messages_are_those_of_the_ordinary_mode(void)
{
	struct scene s;
	struct device ordinary;
	struct e4_topic t;
	uint8_t a[1024], b[1024];
	size_t len;

	scene_init(&s);
	world_device(&ordinary, &e4_mode_pk, 1); /* the same id and key */
	t = world_topic(&ordinary, TOPIC);
	CHECK_EQ(e4_set_topic_key(&ordinary.c, &t, key_of(9).bytes), E4_OK);
	len = world_send(&s.d, TOPIC, "21.5 C", a);
	CHECK_EQ(world_send(&ordinary, TOPIC, "21.5 C", b), len);
	CHECK_MEM(a, b, len);
	CHECK_MEM(s.d.c.control_key, ordinary.c.control_key, 32);
	device_free(&ordinary);
	scene_free(&s);
}

static void provisioning_proves_that_the_element_has_the_key(void)
{
	struct scene s;
	uint8_t other[64];

	e4_ed25519_keypair(other, key_of(7).bytes);
	scene_unprovisioned(&s);
	CHECK_EQ(e4_provision_pk_element(&s.d.c, s.id, other + 32, s.c2_public), E4_ERR_PARAM);
	memcpy(s.chip.agree_key, other, sizeof other);
	CHECK_EQ(scene_provision(&s), E4_ERR_PARAM);
	memcpy(s.chip.agree_key, s.chip.private_key, sizeof other);
	s.chip.zero = true;
	CHECK_EQ(scene_provision(&s), E4_ERR_ELEMENT);
	s.chip.zero = false;
	CHECK(!s.d.c.provisioned);
	CHECK_EQ(s.d.store.saves, 0);
	CHECK_EQ(scene_provision(&s), E4_OK);
	CHECK_EQ(s.d.store.saves, 1);
	scene_free(&s);
}

static void provisioning_refuses_bad_keys_and_other_modes(void)
{
	static const uint8_t zero[32], one[32] = {1};
	struct scene s;
	uint8_t key[64];

	scene_unprovisioned(&s);
	CHECK_EQ(e4_provision_pk_element(&s.d.c, s.id, s.chip.private_key + 32, zero),
		 E4_ERR_PARAM);
	CHECK_EQ(e4_provision_pk_element(&s.d.c, s.id, s.chip.private_key + 32, one), E4_ERR_PARAM);
	CHECK_EQ(e4_provision_pk_element(&s.d.c, s.id, one, s.c2_public), E4_ERR_PARAM);
	e4_ed25519_keypair(key, key_of(1).bytes);
	CHECK_EQ(e4_provision_pk(&s.d.c, s.id, key, s.c2_public), E4_ERR_PARAM);
	world_device(&s.peer, &e4_mode_pk, 2);
	CHECK_EQ(e4_provision_pk_element(&s.peer.c, s.id, s.chip.private_key + 32, s.c2_public),
		 E4_ERR_PARAM);
	scene_free(&s);
}

static void half_an_element_is_no_configuration(void)
{
	struct scene s;
	struct e4_config cfg;
	struct e4_client c;

	scene_unprovisioned(&s);
	cfg = s.d.c.cfg;
	s.element.agree = NULL;
	CHECK_EQ(e4_init(&c, &cfg), E4_ERR_PARAM);
	s.element.agree = chip_agree;
	s.element.sign = NULL;
	CHECK_EQ(e4_init(&c, &cfg), E4_ERR_PARAM);
	cfg.element = NULL;
	CHECK_EQ(e4_init(&c, &cfg), E4_ERR_PARAM);
	cfg.mode = &e4_mode_pk;
	CHECK_EQ(e4_init(&c, &cfg), E4_OK);
	scene_free(&s);
}

static void every_failure_of_the_element_at_provisioning_leaves_what_was(void)
{
	struct scene s;
	struct snapshot before;
	int calls;

	scene_init(&s);
	before = snapshot_of(&s.d);
	CHECK_EQ(scene_provision(&s), E4_OK);
	calls = s.chip.calls;
	CHECK_EQ(calls, 3);
	CHECK(!snapshot_same(&before, &s.d)); /* its topics are gone */
	snapshot_free(&before);
	before = snapshot_of(&s.d);
	s.id[0] ^= 1;
	for (int n = 1; n <= calls; n++) {
		s.chip.calls = 0;
		s.chip.fail_at = n;
		CHECK_EQ(scene_provision(&s), E4_ERR_ELEMENT);
		CHECK(snapshot_same(&before, &s.d));
	}
	snapshot_free(&before);
	scene_free(&s);
}

static void a_failed_signature_leaves_no_message_and_no_trace(void)
{
	struct scene s, calm;
	struct e4_topic t;
	uint8_t out[256], message[1024], expected[1024];
	size_t len, expected_len;

	scene_init(&s);
	scene_init(&calm);
	t = world_topic(&s.d, TOPIC);
	for (int in_place = 0; in_place < 2; in_place++) {
		size_t out_len = 99, left = 0;

		memset(out, 0xa5, sizeof out);
		memcpy(out + 40, "forty-two", 9);
		s.chip.calls = 0;
		s.chip.fail_at = 1;
		CHECK_EQ(e4_protect(&s.d.c, &t, out, sizeof out, &out_len,
				    in_place ? out + 40 : (const uint8_t *)"forty-two", 9),
			 E4_ERR_ELEMENT);
		CHECK_EQ(out_len, 0);
		for (size_t i = 0; i < 9 + E4_OVERHEAD_PK; i++)
			left += out[i] != 0;
		CHECK_EQ(left, 0);
		CHECK_EQ(out[9 + E4_OVERHEAD_PK], 0xa5);
	}
	/* The memory of sent messages holds none that failed: the stamp is the present. */
	s.chip.fail_at = 0;
	len = world_send(&s.d, TOPIC, "forty-two", message);
	expected_len = world_send(&calm.d, TOPIC, "forty-two", expected);
	CHECK_EQ(len, expected_len);
	CHECK_MEM(message, expected, len);
	/* And those that went out are remembered. */
	CHECK_EQ(world_send(&s.d, TOPIC, "forty-two", expected), len);
	CHECK(memcmp(message, expected, len) != 0);
	scene_free(&calm);
	scene_free(&s);
}

static void the_state_comes_back_and_holds_no_identity_key(void)
{
	struct scene s;
	uint8_t message[1024], control_key[32];

	scene_init(&s);
	memcpy(control_key, s.d.c.control_key, 32);
	CHECK(contains(s.d.store.saved, s.d.store.saved_len, s.chip.private_key + 32, 32));
	CHECK(!contains(s.d.store.saved, s.d.store.saved_len, s.chip.private_key, 32));
	CHECK(!contains(&s.d, sizeof s.d, s.chip.private_key, 32));
	CHECK_EQ(world_restart(&s.d), E4_OK);
	CHECK_EQ(s.chip.calls, 0);
	CHECK_MEM(s.d.c.control_key, control_key, 32);
	CHECK_EQ(world_receive(&s.peer, TOPIC, message,
			       world_send(&s.d, TOPIC, "here again", message)),
		 E4_OK);
	CHECK_EQ(world_receive(&s.d, TOPIC, message, world_send(&s.peer, TOPIC, "good", message)),
		 E4_OK);
	scene_free(&s);
}

static void states_with_and_without_an_element_are_not_mixed_up(void)
{
	struct scene s;

	scene_init(&s);
	s.d.c.cfg.mode = &e4_mode_pk;
	CHECK_EQ(world_restart(&s.d), E4_ERR_CORRUPT);
	s.peer.c.cfg.mode = &e4_mode_pk_element;
	s.peer.c.cfg.element = &s.element;
	CHECK_EQ(world_restart(&s.peer), E4_ERR_CORRUPT);
	scene_free(&s);
}

static void the_commands_of_c2_reach_it(void)
{
	struct scene s;
	uint8_t plain[E4_COMMAND_MAX], c2_key[32], out[256], opened[256], nonce[16] = {5};
	struct e4_receipt receipt;
	size_t len;

	scene_init(&s);
	/* C2 knows the public key only */
	CHECK(e4_control_key_c2(c2_key, c2_private, s.chip.private_key + 32));
	CHECK_MEM(c2_key, s.d.c.control_key, 32);
	CHECK_EQ(world_set_topic(&s.d, T0, "u", 3), E4_COMMAND);
	CHECK_EQ(s.d.c.topics_used, 2);
	CHECK_EQ(world_command(&s.d, T0, plain, e4_encode_remove_pubkey(plain, s.peer.c.id)),
		 E4_COMMAND);
	CHECK_EQ(s.d.c.peers_used, 0);
	len = e4_encode_set_pubkey(plain, s.peer.c.key + 32, s.peer.c.id);
	CHECK_EQ(world_command(&s.d, T0, plain, len), E4_COMMAND);
	CHECK_EQ(s.d.c.peers_used, 1);
	CHECK_EQ(world_command(&s.d, T0, plain, e4_encode_report_state(plain, nonce, 1)),
		 E4_REPORT);
	CHECK_EQ(e4_receipt(&s.d.c, out, sizeof out, &len), E4_OK);
	CHECK(e4_receipt_open(&receipt, opened, c2_key, out, len));
	CHECK_EQ(receipt.n_topics, 2);
	CHECK_EQ(receipt.n_pubkeys, 1);
	CHECK_EQ(world_command(&s.d, T0, plain, e4_encode_reset_pubkeys(plain)), E4_COMMAND);
	CHECK_EQ(world_command(&s.d, T0, plain, e4_encode_reset_topics(plain)), E4_COMMAND);
	CHECK_EQ(s.d.c.topics_used + s.d.c.peers_used, 0);
	scene_free(&s);
}

static void its_identity_key_can_not_be_replaced(void)
{
	struct scene s;
	struct snapshot before;
	uint8_t plain[E4_COMMAND_MAX], key[64];

	scene_init(&s);
	before = snapshot_of(&s.d);
	e4_ed25519_keypair(key, key_of(7).bytes);
	CHECK_EQ(world_command(&s.d, T0, plain, e4_encode_set_id_key_pk(plain, key)),
		 E4_ERR_COMMAND);
	CHECK_EQ(world_command(&s.d, T0, plain, e4_encode_set_id_key_sk(plain, key)),
		 E4_ERR_COMMAND);
	CHECK(snapshot_same(&before, &s.d));
	snapshot_free(&before);
	scene_free(&s);
}

static void a_new_c2_key_takes_effect_through_the_element(void)
{
	static const uint8_t next_private[32] = {0x50, 3}, small[32] = {1};
	struct scene s;
	struct snapshot before;
	uint8_t plain[E4_COMMAND_MAX], next_public[32], expected[32];
	size_t len;

	scene_init(&s);
	e4_x25519_base(next_public, next_private);
	len = e4_encode_set_c2_key(plain, next_public);
	before = snapshot_of(&s.d);
	s.chip.fail_at = 1;
	CHECK_EQ(world_command(&s.d, T0, plain, len), E4_ERR_ELEMENT);
	CHECK(snapshot_same(&before, &s.d));
	s.chip.fail_at = 0;
	s.d.store.calls = 0;
	s.d.store.fail_at = 1;
	CHECK_EQ(world_command(&s.d, T0, plain, len), E4_ERR_STORE);
	CHECK(snapshot_same(&before, &s.d));
	s.d.store.fail_at = 0;
	CHECK_EQ(world_command(&s.d, T0, plain, len), E4_COMMAND);
	CHECK(e4_control_key_c2(expected, next_private, s.chip.private_key + 32));
	CHECK_MEM(s.d.c.control_key, expected, 32);
	CHECK_EQ(world_restart(&s.d), E4_OK);
	CHECK_EQ(world_set_topic(&s.d, T0 + 1, "u", 3), E4_ERR_FUTURE);
	CHECK_EQ(world_set_topic(&s.d, T0, "u", 3), E4_COMMAND);
	/* A C2 key of small order is a wrong command, and the element is not asked. */
	snapshot_free(&before);
	before = snapshot_of(&s.d);
	s.chip.calls = 0;
	len = e4_encode_set_c2_key(plain, small);
	CHECK_EQ(world_command(&s.d, T0, plain, len), E4_ERR_COMMAND);
	CHECK(snapshot_same(&before, &s.d));
	CHECK_EQ(s.chip.calls, 0);
	snapshot_free(&before);
	scene_free(&s);
}

int main(void)
{
	RUN(messages_go_both_ways_with_an_ordinary_client);
	RUN(its_messages_are_those_of_the_ordinary_mode);
	RUN(provisioning_proves_that_the_element_has_the_key);
	RUN(provisioning_refuses_bad_keys_and_other_modes);
	RUN(half_an_element_is_no_configuration);
	RUN(every_failure_of_the_element_at_provisioning_leaves_what_was);
	RUN(a_failed_signature_leaves_no_message_and_no_trace);
	RUN(the_state_comes_back_and_holds_no_identity_key);
	RUN(states_with_and_without_an_element_are_not_mixed_up);
	RUN(the_commands_of_c2_reach_it);
	RUN(its_identity_key_can_not_be_replaced);
	RUN(a_new_c2_key_takes_effect_through_the_element);
	return END();
}
