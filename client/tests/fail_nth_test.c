/*
 * Every callback of the port fails once at each of its calls: now, the five of
 * the store, the two of a secure element. A script calls each public function
 * and each command in all modes. Whatever step fails, the client, its store and
 * its tables are as before that step, and the same step succeeds when it is made
 * again. (public_functions.py sees to it that none is missing; batches are in
 * batch_test.c.)
 */
#define DEVICE_TOPICS 4
#define DEVICE_PEERS 4
#include "world.h"

enum { SK = 1, PK = 2, ELEMENT = 4, PEERS = PK | ELEMENT, ALL = SK | PEERS };

struct step {
	const char *name;
	enum e4_result (*run)(struct device *d, const struct e4_mode *mode);
	enum e4_result wanted;
	uint8_t modes;
};

static const uint8_t peer[16] = {7};
static uint8_t message[1024]; /* what the step "protect" sent */
static size_t message_len;

/* --- clock and element take part in the count of the store ---------------------- */

static bool counted_now(void *ctx, uint64_t *seconds)
{
	struct device *d = ctx;

	*seconds = d->now;
	return mem_step(&d->store);
}

static struct mem_store *counted; /* of the device that runs */

static bool chip_sign(void *ctx, uint8_t sig[64], const void *msg, size_t len)
{
	uint8_t key[64];

	(void)ctx;
	e4_ed25519_keypair(key, key_of(1).bytes);
	e4_ed25519_sign(sig, msg, len, key);
	return mem_step(counted);
}

static bool chip_agree(void *ctx, uint8_t shared[32], const uint8_t point[32])
{
	uint8_t scalar[32];

	(void)ctx;
	e4_ed25519_to_x25519_scalar(scalar, key_of(1).bytes);
	return e4_x25519(shared, scalar, point) && mem_step(counted);
}

static const struct e4_element chip = {NULL, chip_sign, chip_agree};

/* --- the steps ----------------------------------------------------------------- */

static enum e4_result provision(struct device *d, const struct e4_mode *mode)
{
	uint8_t id[16], key[64], c2_public[32];

	world_identity(mode == &e4_mode_sk ? mode : &e4_mode_pk, 1, id, key);
	e4_x25519_base(c2_public, c2_private);
	if (mode == &e4_mode_pk_element)
		return e4_provision_pk_element(&d->c, id, key + 32, c2_public);
	return mode == &e4_mode_pk ? e4_provision_pk(&d->c, id, key, c2_public)
				   : e4_provision_sk(&d->c, id, key);
}

static enum e4_result load(struct device *d, const struct e4_mode *mode)
{
	(void)mode;
	return e4_load(&d->c);
}

static enum e4_result set_key(struct device *d, uint8_t key)
{
	struct e4_topic t = world_topic(d, "topic");

	return e4_set_topic_key(&d->c, &t, key_of(key).bytes);
}

static enum e4_result set_topic(struct device *d, const struct e4_mode *mode)
{
	(void)mode;
	return set_key(d, 5);
}

static enum e4_result switch_topic(struct device *d, const struct e4_mode *mode)
{
	(void)mode;
	return set_key(d, 6);
}

static enum e4_result remove_topic(struct device *d, const struct e4_mode *mode)
{
	struct e4_topic t = world_topic(d, "topic");

	(void)mode;
	return e4_remove_topic(&d->c, &t);
}

static enum e4_result reset_topics(struct device *d, const struct e4_mode *mode)
{
	(void)mode;
	return e4_reset_topics(&d->c);
}

static enum e4_result add_peer(struct device *d, const uint8_t id[16])
{
	uint8_t key[64];

	e4_ed25519_keypair(key, key_of(1).bytes);
	return e4_set_peer(&d->c, id, key + 32);
}

static enum e4_result set_self(struct device *d, const struct e4_mode *mode)
{
	(void)mode;
	return add_peer(d, d->c.id);
}

static enum e4_result set_peer(struct device *d, const struct e4_mode *mode)
{
	(void)mode;
	return add_peer(d, peer);
}

static enum e4_result remove_peer(struct device *d, const struct e4_mode *mode)
{
	(void)mode;
	return e4_remove_peer(&d->c, peer);
}

static enum e4_result reset_peers(struct device *d, const struct e4_mode *mode)
{
	(void)mode;
	return e4_reset_peers(&d->c);
}

static enum e4_result protect(struct device *d, const struct e4_mode *mode)
{
	struct e4_topic t = world_topic(d, "topic");

	(void)mode;
	return e4_protect(&d->c, &t, message, sizeof message, &message_len,
			  (const uint8_t *)"twenty degrees", 14);
}

static enum e4_result unprotect(struct device *d, const struct e4_mode *mode)
{
	struct e4_topic t = world_topic(d, "topic");
	uint8_t out[64];
	size_t len;
	enum e4_result r;

	(void)mode;
	memset(out, 0, sizeof out);
	r = e4_unprotect(&d->c, &t, out, sizeof out, &len, message, message_len);
	CHECK(r == E4_OK ? len == 14 && memcmp(out, "twenty degrees", 14) == 0
			 : len == 0 && e4_is_zero(out, sizeof out));
	return r;
}

static enum e4_result command_key(struct device *d, const struct e4_mode *mode)
{
	(void)mode;
	return world_set_topic(d, T0 - 2, "topic", 8);
}

static enum e4_result command_reset(struct device *d, const struct e4_mode *mode)
{
	uint8_t plain[E4_COMMAND_MAX];

	(void)mode;
	return world_command(d, T0 - 1, plain, e4_encode_reset_topics(plain));
}

static enum e4_result command_remove(struct device *d, const struct e4_mode *mode)
{
	uint8_t plain[E4_COMMAND_MAX];
	struct e4_topic t = world_topic(d, "topic");

	(void)mode;
	return world_command(d, T0, plain, e4_encode_remove_topic(plain, t.hash));
}

static enum e4_result command_pubkey(struct device *d, const struct e4_mode *mode)
{
	uint8_t plain[E4_COMMAND_MAX], key[64];

	(void)mode;
	e4_ed25519_keypair(key, key_of(3).bytes);
	return world_command(d, T0, plain, e4_encode_set_pubkey(plain, key + 32, peer));
}

static enum e4_result command_remove_pubkey(struct device *d, const struct e4_mode *mode)
{
	uint8_t plain[E4_COMMAND_MAX];

	(void)mode;
	return world_command(d, T0, plain, e4_encode_remove_pubkey(plain, peer));
}

static enum e4_result command_reset_pubkeys(struct device *d, const struct e4_mode *mode)
{
	uint8_t plain[E4_COMMAND_MAX];

	(void)mode;
	return world_command(d, T0, plain, e4_encode_reset_pubkeys(plain));
}

static enum e4_result command_c2_key(struct device *d, const struct e4_mode *mode)
{
	uint8_t plain[E4_COMMAND_MAX], c2_public[32];

	(void)mode;
	e4_x25519_base(c2_public, key_of(4).bytes);
	return world_command(d, T0, plain, e4_encode_set_c2_key(plain, c2_public));
}

static enum e4_result command_id_key(struct device *d, const struct e4_mode *mode)
{
	uint8_t plain[E4_COMMAND_MAX], id[16], key[64];
	struct e4_client before = d->c;
	enum e4_result r;

	world_identity(mode, 2, id, key);
	r = world_command(d, T0, plain,
			  mode == &e4_mode_pk ? e4_encode_set_id_key_pk(plain, key)
					      : e4_encode_set_id_key_sk(plain, key));
	CHECK(r == E4_COMMAND ? memcmp(d->c.key, key, mode == &e4_mode_pk ? 64 : 32) == 0
			      : memcmp(d->c.control_key, before.control_key, 32) == 0);
	return r;
}

static enum e4_result command_report(struct device *d, const struct e4_mode *mode)
{
	uint8_t plain[E4_COMMAND_MAX];

	(void)mode;
	return world_command(d, T0, plain, e4_encode_report_state(plain, peer, E4_REPORT_ENTRIES));
}

static enum e4_result receipt(struct device *d, const struct e4_mode *mode)
{
	uint8_t out[256];
	size_t len;

	(void)mode;
	return e4_receipt(&d->c, out, sizeof out, &len);
}

static enum e4_result announce(struct device *d, const struct e4_mode *mode)
{
	uint8_t out[256];
	size_t len;

	(void)mode;
	return e4_announce(&d->c, out, sizeof out, &len);
}

static const struct step script[] = {
	{"provision", provision, E4_OK, ALL},
	{"set_topic_key", set_topic, E4_OK, ALL},
	{"set_topic_key, another", switch_topic, E4_OK, ALL},
	{"set_peer, itself", set_self, E4_OK, PEERS},
	{"set_peer", set_peer, E4_OK, PEERS},
	{"load", load, E4_OK, ALL},
	{"protect", protect, E4_OK, ALL},
	{"unprotect", unprotect, E4_OK, ALL},
	{"SetTopicKey", command_key, E4_COMMAND, ALL},
	{"ReportState", command_report, E4_REPORT, ALL},
	{"receipt", receipt, E4_OK, ALL},
	{"announce", announce, E4_OK, ALL},
	{"remove_peer", remove_peer, E4_OK, PEERS},
	{"reset_peers", reset_peers, E4_OK, PEERS},
	{"remove_topic", remove_topic, E4_OK, ALL},
	{"set_topic_key again", set_topic, E4_OK, ALL},
	{"ResetTopics", command_reset, E4_COMMAND, ALL},
	{"set_topic_key after that", set_topic, E4_OK, ALL},
	{"reset_topics", reset_topics, E4_OK, ALL},
	{"set_topic_key after both", set_topic, E4_OK, ALL},
	{"RemoveTopic", command_remove, E4_COMMAND, ALL},
	{"SetPubKey", command_pubkey, E4_COMMAND, PEERS},
	{"RemovePubKey", command_remove_pubkey, E4_COMMAND, PEERS},
	{"SetPubKey again", command_pubkey, E4_COMMAND, PEERS},
	{"ResetPubKeys", command_reset_pubkeys, E4_COMMAND, PEERS},
	{"SetC2Key", command_c2_key, E4_COMMAND, PEERS},
	{"load under the new C2 key", load, E4_OK, PEERS},
	{"SetIDKey", command_id_key, E4_COMMAND, SK | PK},
	{"load the new identity", load, E4_OK, SK | PK},
};
#define STEPS (sizeof script / sizeof *script)

static bool is_for(const struct step *s, const struct e4_mode *mode)
{
	return s->modes & (mode == &e4_mode_sk ? SK : mode == &e4_mode_pk ? PK : ELEMENT);
}

/* --- what must be the same ------------------------------------------------------- */

static void same_client(const struct device *a, const struct device *b)
{
	CHECK_EQ(a->c.provisioned, b->c.provisioned);
	CHECK_EQ(a->c.topics_used, b->c.topics_used);
	CHECK_EQ(a->c.peers_used, b->c.peers_used);
	CHECK_EQ(a->c.report_entries, b->c.report_entries);
	CHECK_EQ(a->c.sent_next, b->c.sent_next);
	CHECK_EQ(a->c.high_water, b->c.high_water);
	CHECK_EQ(a->c.time_seen, b->c.time_seen);
	CHECK_MEM(a->c.id, b->c.id, 16);
	CHECK_MEM(a->c.key, b->c.key, E4_IDENTITY_MAX);
	CHECK_MEM(a->c.control_key, b->c.control_key, 32);
	CHECK_MEM(a->c.c2_public, b->c.c2_public, 32);
	CHECK_MEM(a->c.nonce, b->c.nonce, 16);
	CHECK_MEM(a->topics, b->topics, sizeof a->topics);
	CHECK_MEM(a->peers, b->peers, sizeof a->peers);
	CHECK_MEM(a->seen, b->seen, sizeof a->seen);
	CHECK_MEM(a->sent, b->sent, sizeof a->sent);
}

static void same_store(const struct mem_store *a, const struct mem_store *b)
{
	CHECK_EQ(a->saved_len, b->saved_len);
	CHECK_EQ(!a->saved, !b->saved);
	if (a->saved && b->saved && a->saved_len == b->saved_len)
		CHECK_MEM(a->saved, b->saved, a->saved_len);
}

static void copy(struct device *to, const struct device *from)
{
	*to = *from;
	to->store.next = NULL;
	if (!from->store.saved)
		return;
	to->store.saved = malloc(from->store.saved_len);
	memcpy(to->store.saved, from->store.saved, from->store.saved_len);
}

/* A device on which the first n steps went well. */
static void device_after(struct device *d, const struct e4_mode *mode, size_t n)
{
	struct e4_config cfg;

	memset(d, 0, sizeof *d);
	d->now = T0;
	cfg = device_config(d, mode);
	cfg.now = counted_now;
	cfg.element = mode == &e4_mode_pk_element ? &chip : NULL;
	counted = &d->store;
	if (mode != &e4_mode_sk) {
		cfg.seen = d->seen;
		cfg.n_seen = 32;
	}
	CHECK_EQ(e4_init(&d->c, &cfg), E4_OK);
	for (size_t i = 0; i < n; i++)
		if (is_for(&script[i], mode))
			CHECK_EQ(script[i].run(d, mode), script[i].wanted);
}

/* A second reading that fails leaves nobody, and nothing secret; the header says so. */
static bool nobody(const struct step *s, const struct device *d)
{
	return s->run == load && !d->c.provisioned && e4_is_zero(d->c.key, sizeof d->c.key) &&
	       e4_is_zero(d->c.control_key, sizeof d->c.control_key) &&
	       e4_is_zero(d->topics, sizeof d->topics);
}

/*
 * Fail the n-th call of step i; how many there are was counted. Only a clock that
 * fails may be put up with: then there is no old key, or the receipt's stamp is 0.
 */
static bool fail_one(const struct e4_mode *mode, size_t i, int n, const struct device *after)
{
	const struct step *s = &script[i];
	struct device d, before;
	enum e4_result r;
	bool tolerated;

	device_after(&d, mode, i);
	copy(&before, &d);
	d.store.calls = 0;
	d.store.fail_at = n;
	r = s->run(&d, mode);
	d.store.fail_at = 0;
	tolerated = r == s->wanted;
	if (!tolerated) {
		CHECK(r == E4_ERR_STORE || r == E4_ERR_NO_TIME ||
		      (r == E4_ERR_ELEMENT && mode == &e4_mode_pk_element));
		if (!nobody(s, &d))
			same_client(&d, &before);
		same_store(&d.store, &before.store);
		CHECK_EQ(s->run(&d, mode), s->wanted);
		same_client(&d, after);
		same_store(&d.store, &after->store);
	}
	device_free(&before);
	device_free(&d);
	return tolerated;
}

/*
 * The calls of each step without a failure, then each of them failed. Tolerated is
 * a clock that fails for the five keys that the application sets, for each command
 * after it was judged, for the receipt and the announcement.
 */
static void each_call_of_each_step(const struct e4_mode *mode)
{
	int tolerated = 0, failures = 0, may = 5 + 2;

	for (size_t i = 0; i < STEPS; i++) {
		struct device d;
		int calls;

		if (!is_for(&script[i], mode))
			continue;
		may += script[i].wanted == E4_COMMAND || script[i].wanted == E4_REPORT;
		device_after(&d, mode, i);
		d.store.calls = 0;
		CHECK_EQ(script[i].run(&d, mode), script[i].wanted);
		calls = d.store.calls;
		for (int n = 1; n <= calls; n++) {
			long failed = check_failed;

			failures++;
			tolerated += fail_one(mode, i, n, &d);
			if (check_failed != failed)
				fprintf(stderr, "  in %s, call %d of %d\n", script[i].name, n,
					calls);
		}
		device_free(&d);
	}
	fprintf(stderr, "  %d calls failed, %d of them tolerated\n", failures, tolerated);
	CHECK(failures > 80);
	CHECK_EQ(tolerated, may);
}

static void in_sk_mode_a_failure_changes_nothing_and_the_next_try_succeeds(void)
{
	each_call_of_each_step(&e4_mode_sk);
}

static void in_pk_mode_a_failure_changes_nothing_and_the_next_try_succeeds(void)
{
	each_call_of_each_step(&e4_mode_pk);
}

static void with_an_element_a_failure_changes_nothing_and_the_next_try_succeeds(void)
{
	each_call_of_each_step(&e4_mode_pk_element);
}

int main(void)
{
	RUN(in_sk_mode_a_failure_changes_nothing_and_the_next_try_succeeds);
	RUN(in_pk_mode_a_failure_changes_nothing_and_the_next_try_succeeds);
	RUN(with_an_element_a_failure_changes_nothing_and_the_next_try_succeeds);
	return END();
}
