/* Control commands and receipts: what changes, what must not, and when. */
#include "world.h"

static uint8_t plain[E4_COMMAND_MAX];

static void every_truncation_and_bit_flip_of_a_command_changes_nothing(void)
{
	static const struct e4_mode *const modes[] = {&e4_mode_sk, &e4_mode_pk};

	for (int m = 0; m < 2; m++) {
		struct device d;
		struct e4_topic t;
		struct snapshot before;
		uint8_t message[128];
		size_t out_len, len;

		world_device(&d, modes[m], 1);
		t = world_control(&d);
		before = snapshot_of(&d);
		len = e4_encode_set_topic_key(plain, key_of(5).bytes, key_of(6).bytes);
		e4_message_seal(message, d.c.control_key, T0, plain, len);
		len += E4_OVERHEAD_SK;
		for (size_t n = 0; n < len; n++) {
			uint8_t *cut = malloc(n + 1);

			memcpy(cut, message, n);
			CHECK_EQ(e4_unprotect(&d.c, &t, NULL, 0, &out_len, cut, n),
				 n < E4_OVERHEAD_SK ? E4_ERR_LENGTH : E4_ERR_AUTH);
			free(cut);
		}
		for (size_t bit = 0; bit < len * 8; bit++) {
			message[bit / 8] ^= (uint8_t)(1 << bit % 8);
			CHECK_EQ(e4_unprotect(&d.c, &t, NULL, 0, &out_len, message, len),
				 E4_ERR_AUTH);
			message[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		CHECK_EQ(e4_unprotect(&d.c, &t, NULL, 0, &out_len, message, sizeof message),
			 E4_ERR_LENGTH);
		CHECK(snapshot_same(&before, &d));
		CHECK_EQ(e4_unprotect(&d.c, &t, NULL, 0, &out_len, message, len), E4_COMMAND);
		CHECK(!snapshot_same(&before, &d));
		snapshot_free(&before);
		device_free(&d);
	}
}

static void every_other_length_and_code_is_an_invalid_command(void)
{
	struct device d;
	struct snapshot before;

	world_device(&d, &e4_mode_pk, 1);
	before = snapshot_of(&d);
	for (int code = 0; code < 256; code++) {
		static const uint8_t right[] = {17, 1, 65, 49, 17, 1, 49, 33, 18};

		for (size_t len = 0; len <= E4_COMMAND_MAX; len++) {
			if (code <= 8 && len == right[code])
				continue;
			memset(plain, 3, sizeof plain);
			plain[0] = (uint8_t)code;
			CHECK_EQ(world_command(&d, T0, plain, len), E4_ERR_COMMAND);
		}
	}
	CHECK(snapshot_same(&before, &d));
	snapshot_free(&before);
	device_free(&d);
	world_device(&d, &e4_mode_sk, 1);
	CHECK_EQ(world_command(&d, T0, plain, e4_encode_reset_pubkeys(plain)), E4_ERR_COMMAND);
	CHECK_EQ(world_command(&d, T0, plain, e4_encode_set_c2_key(plain, key_of(9).bytes)),
		 E4_ERR_COMMAND);
	device_free(&d);
}

static void a_lower_stamp_is_refused_also_after_a_restart_and_an_equal_one_taken(void)
{
	struct device d;

	world_device(&d, &e4_mode_sk, 1);
	CHECK_EQ(world_set_topic(&d, T0 - 5, "t", 1), E4_COMMAND);
	CHECK_EQ(world_set_topic(&d, T0 - 6, "t", 2), E4_ERR_TOO_OLD);
	CHECK_EQ(world_set_topic(&d, T0 - 5, "u", 2), E4_COMMAND);
	CHECK_EQ(world_restart(&d), E4_OK);
	CHECK_EQ(d.c.high_water, T0 - 5);
	CHECK_EQ(world_set_topic(&d, T0 - 6, "t", 2), E4_ERR_TOO_OLD);
	CHECK_EQ(world_set_topic(&d, T0 - 5, "v", 2), E4_COMMAND);
	/* a report does not move the mark, but obeys it */
	CHECK_EQ(world_command(&d, T0, plain, e4_encode_report_state(plain, key_of(1).bytes, 0)),
		 E4_REPORT);
	CHECK_EQ(d.c.high_water, T0 - 5);
	CHECK_EQ(
		world_command(&d, T0 - 6, plain, e4_encode_report_state(plain, key_of(1).bytes, 0)),
		E4_ERR_TOO_OLD);
	/* nor does what is refused */
	CHECK_EQ(world_command(&d, T0, plain, 0), E4_ERR_COMMAND);
	CHECK_EQ(d.c.high_water, T0 - 5);
	/* a command that finds its work done moves it nevertheless */
	CHECK_EQ(world_set_topic(&d, T0, "v", 2), E4_COMMAND);
	CHECK_EQ(d.c.high_water, T0);
	device_free(&d);
}

static void a_repeated_command_writes_nothing(void)
{
	struct device d;
	int saves;

	world_device(&d, &e4_mode_sk, 1);
	CHECK_EQ(world_set_topic(&d, T0, "t", 1), E4_COMMAND);
	saves = d.store.saves;
	for (int i = 0; i < 10; i++)
		CHECK_EQ(world_set_topic(&d, T0, "t", 1), E4_COMMAND);
	CHECK_EQ(world_command(&d, T0, plain, e4_encode_report_state(plain, key_of(1).bytes, 0)),
		 E4_REPORT);
	CHECK_EQ(d.store.saves, saves);
	device_free(&d);
}

static void commands_are_judged_by_a_reliable_clock(void)
{
	struct device d;

	world_device(&d, &e4_mode_sk, 1);
	CHECK_EQ(world_set_topic(&d, T0 - 601, "t", 1), E4_ERR_TOO_OLD);
	CHECK_EQ(world_set_topic(&d, T0 + 1, "t", 1), E4_ERR_FUTURE);
	CHECK_EQ(world_set_topic(&d, T0 - 600, "t", 1), E4_COMMAND);
	d.c.cfg.future_s = E4_FUTURE_S;
	CHECK_EQ(world_set_topic(&d, T0 + 61, "t", 1), E4_ERR_FUTURE);
	CHECK_EQ(world_set_topic(&d, T0 + 60, "t", 1), E4_COMMAND);
	device_free(&d);
}

/* Section 5: a wrong clock must not cut a device off. */
static void a_clock_that_is_put_back_does_not_shut_c2_out(void)
{
	static const uint64_t wrong[] = {T0 - 700, T0 - 61, 1, 0};

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct device d;
		struct e4_receipt r;
		uint8_t message[1024], opened[1024];
		size_t len;

		world_device(&d, &e4_mode_sk, 1);
		d.c.cfg.future_s = E4_FUTURE_S;
		CHECK_EQ(world_set_topic(&d, T0, "t", 1), E4_COMMAND);
		d.now = wrong[i];
		CHECK_EQ(world_restart(&d), E4_OK);
		/* C2 learns the time below which it must not stamp */
		CHECK_EQ(e4_announce(&d.c, message, sizeof message, &len), E4_OK);
		CHECK(e4_receipt_open(&r, opened, d.c.control_key, message, len));
		CHECK_EQ(r.stamp, T0);
		CHECK_EQ(world_set_topic(&d, T0 - 1, "t", 2), E4_ERR_TOO_OLD);
		CHECK_EQ(world_set_topic(&d, T0 + 900, "t", 2), E4_COMMAND);
		CHECK_EQ(world_set_topic(&d, T0 + 899, "t", 1), E4_ERR_TOO_OLD);
		/* its own messages never carry a time ahead of its clock */
		CHECK(world_send(&d, "t", "x", message) > 0);
		CHECK(message[0] == (uint8_t)d.now && message[1] == (uint8_t)(d.now >> 8));
		d.now = T0 + 1000; /* repaired: the window counts again */
		CHECK_EQ(world_set_topic(&d, T0 + 1061, "t", 4), E4_ERR_FUTURE);
		CHECK_EQ(world_set_topic(&d, T0 + 998, "t", 4), E4_COMMAND);
		CHECK_EQ(e4_announce(&d.c, message, sizeof message, &len), E4_OK);
		CHECK(e4_receipt_open(&r, opened, d.c.control_key, message, len));
		CHECK_EQ(r.stamp, T0 + 1000);
		device_free(&d);
	}
}

static void a_new_identity_key_takes_over_at_once(void)
{
	struct device d;
	uint8_t key[64], old_control[32];

	world_device(&d, &e4_mode_sk, 1);
	CHECK_EQ(world_command(&d, T0, plain, e4_encode_set_id_key_sk(plain, key_of(0).bytes)),
		 E4_ERR_COMMAND);
	CHECK_EQ(world_command(&d, T0, plain, e4_encode_set_id_key_sk(plain, key_of(8).bytes)),
		 E4_COMMAND);
	CHECK_MEM(d.c.control_key, key_of(8).bytes, 32);
	CHECK_EQ(world_restart(&d), E4_OK);
	CHECK_MEM(d.c.control_key, key_of(8).bytes, 32);
	device_free(&d);

	world_device(&d, &e4_mode_pk, 1);
	memcpy(old_control, d.c.control_key, 32);
	e4_ed25519_keypair(key, key_of(8).bytes);
	key[40] ^= 1; /* not the seed's public half */
	CHECK_EQ(world_command(&d, T0, plain, e4_encode_set_id_key_pk(plain, key)), E4_ERR_COMMAND);
	CHECK_EQ(world_command(&d, T0, plain, e4_encode_set_id_key_pk(plain, key_of(0).bytes)),
		 E4_ERR_COMMAND);
	e4_ed25519_keypair(key, key_of(0).bytes);
	CHECK_EQ(world_command(&d, T0, plain, e4_encode_set_id_key_pk(plain, key)), E4_ERR_COMMAND);
	CHECK_MEM(d.c.control_key, old_control, 32);
	e4_ed25519_keypair(key, key_of(8).bytes);
	CHECK_EQ(world_command(&d, T0, plain, e4_encode_set_id_key_pk(plain, key)), E4_COMMAND);
	CHECK_MEM(d.c.key, key, 64);
	CHECK(e4_control_key_c2(old_control, c2_private, key + 32));
	CHECK_MEM(d.c.control_key, old_control, 32); /* as C2 computes it from the public half */
	device_free(&d);
}

static void a_bad_key_of_c2_is_refused_and_the_old_one_goes_on(void)
{
	/* points of small order: 0, 1, p - 1 and one of order 8 (RFC 7748 and its errata) */
	static const uint8_t low[][32] = {
		{0},
		{1},
		{0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
		{0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
		 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
		 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
	};
	struct device d;
	struct snapshot before;
	uint8_t c2_public[32], control_key[32];

	world_device(&d, &e4_mode_pk, 1);
	before = snapshot_of(&d);
	for (size_t i = 0; i < sizeof low / sizeof low[0]; i++) {
		uint8_t id[16] = {1};

		CHECK_EQ(world_command(&d, T0, plain, e4_encode_set_c2_key(plain, low[i])),
			 E4_ERR_COMMAND);
		CHECK_EQ(e4_provision_pk(&d.c, id, d.c.key, low[i]), E4_ERR_PARAM);
	}
	CHECK(snapshot_same(&before, &d));
	e4_x25519_base(c2_public, key_of(77).bytes);
	CHECK_EQ(world_command(&d, T0, plain, e4_encode_set_c2_key(plain, c2_public)), E4_COMMAND);
	CHECK(e4_control_key_c2(control_key, key_of(77).bytes, d.c.key + 32));
	CHECK_MEM(d.c.control_key, control_key, 32);
	snapshot_free(&before);
	device_free(&d);
}

static void peers_are_set_replaced_and_removed(void)
{
	/* y = 2 is on no point of the curve; y = 1 is the neutral one */
	static const uint8_t off_curve[32] = {2}, neutral[32] = {1};
	struct device d;
	uint8_t a[64], b[64];

	world_device(&d, &e4_mode_pk, 1);
	e4_ed25519_keypair(a, key_of(10).bytes);
	e4_ed25519_keypair(b, key_of(11).bytes);
	CHECK_EQ(world_command(&d, T0, plain, e4_encode_set_pubkey(plain, a + 32, key_of(3).bytes)),
		 E4_COMMAND);
	CHECK_EQ(world_command(&d, T0, plain, e4_encode_set_pubkey(plain, b + 32, key_of(3).bytes)),
		 E4_COMMAND);
	CHECK_EQ(d.c.peers_used, 1);
	CHECK_MEM(d.peers[0].public_key, b + 32, 32);
	CHECK_EQ(world_command(&d, T0, plain,
			       e4_encode_set_pubkey(plain, key_of(0).bytes, key_of(3).bytes)),
		 E4_ERR_COMMAND);
	CHECK_EQ(world_command(&d, T0, plain,
			       e4_encode_set_pubkey(plain, off_curve, key_of(3).bytes)),
		 E4_ERR_COMMAND);
	CHECK_EQ(
		world_command(&d, T0, plain, e4_encode_set_pubkey(plain, neutral, key_of(3).bytes)),
		E4_ERR_COMMAND);
	CHECK_EQ(world_command(&d, T0, plain, e4_encode_remove_pubkey(plain, key_of(4).bytes)),
		 E4_ERR_NO_PUBKEY);
	CHECK_MEM(d.peers[0].public_key, b + 32, 32);
	CHECK_EQ(world_command(&d, T0, plain, e4_encode_remove_pubkey(plain, key_of(3).bytes)),
		 E4_COMMAND);
	CHECK_EQ(d.c.peers_used, 0);
	CHECK_EQ(e4_set_peer(&d.c, key_of(3).bytes, off_curve), E4_ERR_PARAM);
	device_free(&d);
}

static void full_tables_are_told_and_take_what_they_have(void)
{
	struct device d;
	struct snapshot before;
	uint8_t id[16], key[64];
	char name[8];

	world_device(&d, &e4_mode_pk, 1);
	d.c.cfg.n_topics = 5;
	d.c.cfg.n_peers = 5;
	for (uint8_t i = 0; i < 5; i++) {
		snprintf(name, sizeof name, "t%d", i);
		CHECK_EQ(world_set_topic(&d, T0, name, 1), E4_COMMAND);
		world_identity(&e4_mode_pk, (uint8_t)(50 + i), id, key);
		CHECK_EQ(e4_set_peer(&d.c, id, key + 32), E4_OK);
	}
	before = snapshot_of(&d);
	world_identity(&e4_mode_pk, 60, id, key);
	CHECK_EQ(world_set_topic(&d, T0, "t5", 1), E4_ERR_FULL);
	CHECK_EQ(e4_set_peer(&d.c, id, key + 32), E4_ERR_FULL);
	CHECK(snapshot_same(&before, &d));
	snapshot_free(&before);
	CHECK_EQ(world_set_topic(&d, T0, "t3", 2), E4_COMMAND);
	world_identity(&e4_mode_pk, 52, id, key);
	CHECK_EQ(e4_set_peer(&d.c, id, key + 32), E4_OK);
	device_free(&d);
}

/* --- The store fails ---------------------------------------------------------- */

struct step {
	const char *name;
	size_t len;
	uint8_t plain[E4_COMMAND_MAX];
};

static size_t steps(struct step s[9])
{
	uint8_t key[64], c2_public[32], hash[16];
	size_t n = 0;

	e4_ed25519_keypair(key, key_of(99).bytes);
	e4_x25519_base(c2_public, key_of(98).bytes);
	e4_topic_hash(hash, "t1", 2);
	s[n].len = e4_encode_set_topic_key(s[n].plain, key_of(97).bytes, key_of(96).bytes), n++;
	s[n].len = e4_encode_set_topic_key(s[n].plain, key_of(97).bytes, hash), n++;
	s[n].len = e4_encode_remove_topic(s[n].plain, hash), n++;
	s[n].len = e4_encode_reset_topics(s[n].plain), n++;
	s[n].len = e4_encode_set_id_key_pk(s[n].plain, key), n++;
	s[n].len = e4_encode_set_pubkey(s[n].plain, key + 32, key_of(95).bytes), n++;
	s[n].len = e4_encode_remove_pubkey(s[n].plain, key_of(3).bytes), n++;
	s[n].len = e4_encode_reset_pubkeys(s[n].plain), n++;
	s[n].len = e4_encode_set_c2_key(s[n].plain, c2_public), n++;
	return n;
}

static void fill(struct device *d)
{
	uint8_t id[16], key[64];

	world_device(d, &e4_mode_pk, 1);
	for (uint8_t i = 0; i < 3; i++) {
		char name[4] = {'t', (char)('0' + i), 0, 0};

		CHECK_EQ(world_set_topic(d, T0 - 8, name, 1), E4_COMMAND);
		CHECK_EQ(world_set_topic(d, T0 - 8, name, 2), E4_COMMAND);
		world_identity(&e4_mode_pk, (uint8_t)(2 + i), id, key);
		CHECK_EQ(e4_set_peer(&d->c, id, key + 32), E4_OK);
	}
}

static void whatever_call_of_the_store_fails_everything_is_as_before(void)
{
	struct step all[9];
	size_t n = steps(all);

	for (size_t i = 0; i < n; i++) {
		int calls;
		enum e4_result r = E4_ERR_STORE;

		for (calls = 1; r == E4_ERR_STORE; calls++) {
			struct device d;
			struct snapshot before;

			fill(&d);
			before = snapshot_of(&d);
			d.store.calls = 0;
			d.store.fail_at = calls;
			r = world_command(&d, T0, all[i].plain, all[i].len);
			d.store.fail_at = 0;
			CHECK(r == E4_COMMAND || r == E4_ERR_STORE);
			CHECK(snapshot_same(&before, &d) == (r == E4_ERR_STORE));
			if (r == E4_ERR_STORE) /* and the stored state is the old one, too */
				CHECK(d.store.saved_len == before.store.saved_len &&
				      memcmp(d.store.saved, before.store.saved,
					     d.store.saved_len) == 0);
			CHECK_EQ(world_restart(&d), E4_OK);
			if (r == E4_ERR_STORE)
				CHECK_EQ(world_command(&d, T0, all[i].plain, all[i].len),
					 E4_COMMAND);
			snapshot_free(&before);
			device_free(&d);
		}
		CHECK(calls > 8);
	}
}

static void a_device_that_cannot_store_does_not_become_another(void)
{
	struct device d;
	struct snapshot before;
	uint8_t id[16] = {9};

	fill(&d);
	before = snapshot_of(&d);
	for (int calls = 1; calls < 7; calls++) {
		d.store.calls = 0;
		d.store.fail_at = calls;
		CHECK_EQ(e4_provision_pk(&d.c, id, d.c.key, d.c.c2_public), E4_ERR_STORE);
		d.store.calls = 0;
		CHECK_EQ(e4_reset_topics(&d.c), E4_ERR_STORE);
		d.store.calls = 0;
		CHECK_EQ(e4_reset_peers(&d.c), E4_ERR_STORE);
		CHECK(snapshot_same(&before, &d));
	}
	snapshot_free(&before);
	device_free(&d);
}

/* --- Receipts ----------------------------------------------------------------- */

/* What C2 expects a device to hold, fed in the order of section 8 by hand. */
static void the_digest_is_that_of_section_8_whatever_the_order_of_commands(void)
{
	struct device d;
	struct e4_digest digest;
	struct e4_receipt r;
	uint8_t expected[32], message[512], opened[512], id[16], key[64];
	uint8_t low[16] = {0}, high[16] = {255};
	size_t len;

	world_device(&d, &e4_mode_pk, 1);
	world_identity(&e4_mode_pk, 5, id, key);
	CHECK_EQ(
		world_command(&d, T0, plain, e4_encode_set_topic_key(plain, key_of(2).bytes, high)),
		E4_COMMAND);
	CHECK_EQ(world_command(&d, T0, plain, e4_encode_set_topic_key(plain, key_of(1).bytes, low)),
		 E4_COMMAND);
	CHECK_EQ(world_command(&d, T0, plain, e4_encode_set_pubkey(plain, key + 32, high)),
		 E4_COMMAND);
	CHECK_EQ(world_command(&d, T0, plain, e4_encode_set_pubkey(plain, key + 32, low)),
		 E4_COMMAND);
	e4_digest_init(&digest);
	e4_digest_topic(&digest, low, key_of(1).bytes);
	e4_digest_topic(&digest, high, key_of(2).bytes);
	e4_digest_peer(&digest, low, key + 32);
	e4_digest_peer(&digest, high, key + 32);
	e4_digest_c2_key(&digest, d.c.c2_public);
	e4_digest_final(&digest, expected);
	CHECK_EQ(
		world_command(&d, T0, plain,
			      e4_encode_report_state(plain, key_of(0x3c).bytes, E4_REPORT_ENTRIES)),
		E4_REPORT);
	CHECK_EQ(e4_receipt(&d.c, message, sizeof message, &len), E4_OK);
	CHECK_EQ(len, E4_OVERHEAD_SK + E4_RECEIPT_FIXED + 2 * E4_RECEIPT_ENTRY);
	CHECK(e4_receipt_open(&r, opened, d.c.control_key, message, len));
	CHECK_MEM(r.digest, expected, 32);
	CHECK_MEM(r.nonce, key_of(0x3c).bytes, 16);
	CHECK(r.stamp == T0 && r.n_topics == 2 && r.n_pubkeys == 2 && r.n_entries == 2);
	CHECK_EQ(r.flags, E4_RECEIPT_HAS_ENTRIES);
	CHECK_MEM(r.entries, low, 16);
	e4_receipt_key_hash(id, key_of(2).bytes);
	CHECK_MEM(r.entries + 40, id, 8);
	/* an announcement: no nonce, no entries */
	CHECK_EQ(e4_announce(&d.c, message, sizeof message, &len), E4_OK);
	CHECK(e4_receipt_open(&r, opened, d.c.control_key, message, len));
	CHECK(e4_is_zero(r.nonce, 16) && r.flags == 0 && r.n_entries == 0);
	CHECK_MEM(r.digest, expected, 32);
	CHECK_EQ(e4_announce(&d.c, message, len - 1, &len), E4_ERR_SPACE);
	device_free(&d);
}

/* Append bytes to what is put together by hand. */
static size_t add(uint8_t *out, size_t at, const void *bytes, size_t len)
{
	memcpy(out + at, bytes, len);
	return at + len;
}

/* The state of section 8, put together by hand: one topic, in PK mode one peer. */
static size_t state_by_hand(uint8_t out[256], const struct device *d, const uint8_t hash[16],
			    const uint8_t key_hash[32])
{
	size_t n = add(out, 0, "E4-STATE-1", 10);

	n = add(out, n, hash, 16);
	n = add(out, n, key_hash, 16);
	if (d->c.cfg.mode == &e4_mode_sk)
		return n;
	n = add(out, n, d->peers[0].id, 16);
	n = add(out, n, d->peers[0].public_key, 32);
	return add(out, n, d->c.c2_public, 32);
}

/* Without the functions that C2 shares with the device: both could be wrong in the same way. */
static void every_byte_of_a_receipt_is_where_section_8_says(void)
{
	static const struct e4_mode *const modes[] = {&e4_mode_sk, &e4_mode_pk};

	for (uint8_t m = 0; m < 2; m++) {
		struct device d;
		struct e4_siv_key k;
		uint8_t message[512], expected[102], state[256], opened[512], ad[18];
		uint8_t hash[16], key_hash[32], id[16], key[64];
		const uint8_t version = 1, flags = 1, counts[4] = {1, 0, m, 0};
		size_t len, n;

		world_device(&d, modes[m], 1);
		e4_topic_hash(hash, "t", 1);
		CHECK_EQ(world_set_topic(&d, T0, "t", 7), E4_COMMAND);
		e4_sha3_256(key_hash, key_of(7).bytes, 32);
		world_identity(modes[m], 3, id, key); /* a new key of its own: used at once */
		n = m == 0 ? e4_encode_set_id_key_sk(plain, key)
			   : e4_encode_set_id_key_pk(plain, key);
		CHECK_EQ(world_command(&d, T0, plain, n), E4_COMMAND);
		if (m == 1)
			CHECK_EQ(e4_set_peer(&d.c, id, key + 32), E4_OK);
		CHECK_EQ(world_command(&d, T0, plain,
				       e4_encode_report_state(plain, key_of(0x3c).bytes, 1)),
			 E4_REPORT);
		n = add(expected, 0, &version, 1);
		n = add(expected, n, key_of(0x3c).bytes, 16);
		e4_sha3_256(expected + n, state, state_by_hand(state, &d, hash, key_hash));
		n = add(expected, n + 32, counts, 4);
		n = add(expected, n, &flags, 1);
		n = add(expected, n, hash, 16);
		n = add(expected, n, key_hash, 8);
		CHECK_EQ(e4_receipt(&d.c, message, sizeof message, &len), E4_OK);
		CHECK_EQ(len, 24 + n);
		memcpy(ad, message, 8);
		memcpy(ad + 8, "e4-receipt", 10);
		if (m == 1)
			CHECK(e4_control_key_c2(key, c2_private, key + 32));
		e4_siv_key_init(&k, key);
		CHECK(e4_siv_open(&k, opened, ad, sizeof ad, message + 8, len - 8));
		CHECK_MEM(opened, expected, n);
		for (int i = 0; i < 8; i++)
			CHECK_EQ(message[i], (uint8_t)(T0 >> 8 * i));
		device_free(&d);
	}
}

static void a_receipt_lists_as_many_topics_as_fit(void)
{
	struct device d;
	uint8_t message[1024], opened[1024];
	char name[4] = "tA";

	world_device(&d, &e4_mode_sk, 1);
	for (int i = 0; i < 10; i++, name[1]++)
		CHECK_EQ(world_set_topic(&d, T0, name, 1), E4_COMMAND);
	CHECK_EQ(world_command(&d, T0, plain,
			       e4_encode_report_state(plain, key_of(1).bytes, E4_REPORT_ENTRIES)),
		 E4_REPORT);
	for (size_t cap = E4_OVERHEAD_SK + E4_RECEIPT_FIXED; cap < 400; cap++) {
		size_t fit = (cap - E4_OVERHEAD_SK - E4_RECEIPT_FIXED) / E4_RECEIPT_ENTRY, len;
		struct e4_receipt r;

		CHECK_EQ(e4_receipt(&d.c, message, cap, &len), E4_OK);
		CHECK(len <= cap);
		CHECK(e4_receipt_open(&r, opened, d.c.control_key, message, len));
		CHECK_EQ(r.n_entries, fit < 10 ? fit : 10);
		CHECK_EQ(r.flags, fit < 10 ? E4_RECEIPT_HAS_ENTRIES | E4_RECEIPT_CUT
					   : E4_RECEIPT_HAS_ENTRIES);
		CHECK_EQ(r.n_topics, 10);
	}
	device_free(&d);
}

static void receipts_and_commands_cannot_be_taken_for_each_other(void)
{
	struct device d;
	struct e4_topic t;
	struct e4_receipt r;
	uint8_t message[512], opened[512];
	size_t len, out_len;

	world_device(&d, &e4_mode_sk, 1);
	t = world_control(&d);
	CHECK_EQ(e4_announce(&d.c, message, sizeof message, &len), E4_OK);
	CHECK_EQ(e4_unprotect(&d.c, &t, opened, sizeof opened, &out_len, message, len),
		 E4_ERR_AUTH);
	e4_message_seal(message, d.c.control_key, T0, opened, E4_RECEIPT_FIXED);
	CHECK(!e4_receipt_open(&r, opened, d.c.control_key, message, len));
	device_free(&d);
}

static void every_truncation_and_bit_flip_of_a_receipt_is_refused(void)
{
	struct device d;
	struct e4_receipt r;
	uint8_t message[512], opened[512];
	size_t len;

	world_device(&d, &e4_mode_sk, 1);
	CHECK_EQ(world_set_topic(&d, T0, "t", 1), E4_COMMAND);
	CHECK_EQ(world_command(&d, T0, plain,
			       e4_encode_report_state(plain, key_of(1).bytes, E4_REPORT_ENTRIES)),
		 E4_REPORT);
	CHECK_EQ(e4_receipt(&d.c, message, sizeof message, &len), E4_OK);
	for (size_t n = 0; n < len; n++) {
		uint8_t *cut = malloc(n + 1);

		memcpy(cut, message, n);
		CHECK(!e4_receipt_open(&r, opened, d.c.control_key, cut, n));
		free(cut);
	}
	for (size_t bit = 0; bit < len * 8; bit++) {
		message[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CHECK(!e4_receipt_open(&r, opened, d.c.control_key, message, len));
		message[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	CHECK(e4_receipt_open(&r, opened, d.c.control_key, message, len));
	device_free(&d);
}

/* --- A conversation ----------------------------------------------------------- */

static void two_devices_talk_while_c2_rotates_their_topic(void)
{
	static const struct e4_mode *const modes[] = {&e4_mode_sk, &e4_mode_pk};

	for (int m = 0; m < 2; m++) {
		struct device a, b;
		uint8_t message[1024];

		world_device(&a, modes[m], 1);
		world_device(&b, modes[m], 2);
		if (m == 1)
			CHECK_EQ(world_command(&b, T0, plain,
					       e4_encode_set_pubkey(plain, a.c.key + 32, a.c.id)),
				 E4_COMMAND);
		for (uint8_t epoch = 1; epoch <= 20; epoch++) {
			uint64_t now = T0 + epoch * UINT64_C(100);
			size_t late;

			a.now = b.now = now;
			if (epoch == 1)
				CHECK_EQ(world_set_topic(&a, now, "t", epoch), E4_COMMAND);
			late = world_send(&a, "t", "sent before the switch", message);
			CHECK_EQ(world_set_topic(&b, now, "t", epoch),
				 E4_COMMAND); /* consumers first */
			if (epoch > 1)
				CHECK_EQ(world_receive(&b, "t", message, late), E4_OK);
			CHECK_EQ(world_set_topic(&a, now, "t", epoch), E4_COMMAND);
			late = world_send(&a, "t", "sent after it", message);
			CHECK_EQ(world_receive(&b, "t", message, late), E4_OK);
			if (epoch % 5 == 0) {
				CHECK_EQ(world_restart(&a), E4_OK);
				CHECK_EQ(world_restart(&b), E4_OK);
			}
		}
		CHECK_EQ(world_command(&b, b.now, plain, e4_encode_reset_topics(plain)),
			 E4_COMMAND);
		CHECK_EQ(world_receive(&b, "t", message, 200), E4_ERR_NO_TOPIC_KEY);
		device_free(&a);
		device_free(&b);
	}
}

static void a_control_message_of_a_length_that_no_command_has_is_refused_before_it_is_opened(void)
{
	struct device d;

	world_device(&d, &e4_mode_pk, 1);
	for (size_t len = 0; len <= E4_COMMAND_MAX + 20; len++) {
		uint8_t longer[E4_COMMAND_MAX + 20];

		memset(longer, 0xff, sizeof longer);
		CHECK_EQ(world_command(&d, T0, longer, len),
			 len > E4_COMMAND_MAX ? E4_ERR_LENGTH : E4_ERR_COMMAND);
	}
	for (size_t len = 0; len < E4_OVERHEAD_SK; len++) {
		uint8_t none[E4_OVERHEAD_SK] = {0};
		char name[E4_CONTROL_TOPIC_LEN + 1];

		e4_client_control_topic(&d.c, name);
		CHECK_EQ(world_receive(&d, name, none, len), E4_ERR_LENGTH);
	}
	device_free(&d);
}

int main(void)
{
	RUN(every_truncation_and_bit_flip_of_a_command_changes_nothing);
	RUN(every_other_length_and_code_is_an_invalid_command);
	RUN(a_lower_stamp_is_refused_also_after_a_restart_and_an_equal_one_taken);
	RUN(a_repeated_command_writes_nothing);
	RUN(commands_are_judged_by_a_reliable_clock);
	RUN(a_clock_that_is_put_back_does_not_shut_c2_out);
	RUN(a_new_identity_key_takes_over_at_once);
	RUN(a_bad_key_of_c2_is_refused_and_the_old_one_goes_on);
	RUN(peers_are_set_replaced_and_removed);
	RUN(full_tables_are_told_and_take_what_they_have);
	RUN(whatever_call_of_the_store_fails_everything_is_as_before);
	RUN(a_device_that_cannot_store_does_not_become_another);
	RUN(the_digest_is_that_of_section_8_whatever_the_order_of_commands);
	RUN(every_byte_of_a_receipt_is_where_section_8_says);
	RUN(a_receipt_lists_as_many_topics_as_fit);
	RUN(receipts_and_commands_cannot_be_taken_for_each_other);
	RUN(every_truncation_and_bit_flip_of_a_receipt_is_refused);
	RUN(two_devices_talk_while_c2_rotates_their_topic);
	RUN(a_control_message_of_a_length_that_no_command_has_is_refused_before_it_is_opened);
	return END();
}
