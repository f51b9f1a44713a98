/*
 * The library with the switches of e4/config.h (E4_NO_STORE, E4_SK_ONLY,
 * E4_NO_REPLAY, E4_NO_CACHE), which other tests do not build with: in each mode
 * that is left, a client comes out of provisioning whole, understands its peer
 * and C2, and what fails changes nothing.
 */
#include "check.h"
#include "e4/e4.h"

#define NOW UINT64_C(1700000000)
#define TOPICS 2

struct node {
	struct e4_client c;
	struct e4_topic_key topics[TOPICS];
#ifndef E4_SK_ONLY
	struct e4_peer peers[1];
#endif
#ifndef E4_NO_REPLAY
	struct e4_seen seen[4], sent[4];
#endif
#ifndef E4_NO_CACHE
	struct e4_key_cache cache[1];
#endif
	uint8_t id[16], key[64]; /* as they were given; in PK mode seed | public key */
};

static const uint8_t c2_private[32] = {0x42, 9};

static bool now(void *ctx, uint64_t *seconds)
{
	(void)ctx;
	*seconds = NOW;
	return true;
}

#ifndef E4_SK_ONLY

static bool element_fails;

static bool element_sign(void *ctx, uint8_t sig[64], const void *msg, size_t len)
{
	e4_ed25519_sign(sig, msg, len, ctx);
	return !element_fails;
}

static bool element_agree(void *ctx, uint8_t shared[32], const uint8_t point[32])
{
	uint8_t scalar[32];

	e4_ed25519_to_x25519_scalar(scalar, ctx);
	return e4_x25519(shared, scalar, point) && !element_fails;
}

static struct e4_element elements[2] = {{NULL, element_sign, element_agree},
					{NULL, element_sign, element_agree}};

#endif

static enum e4_result provision(struct node *n)
{
#ifndef E4_SK_ONLY
	uint8_t c2_public[32];

	e4_x25519_base(c2_public, c2_private);
	if (n->c.cfg.mode == &e4_mode_pk)
		return e4_provision_pk(&n->c, n->id, n->key, c2_public);
	if (n->c.cfg.mode == &e4_mode_pk_element)
		return e4_provision_pk_element(&n->c, n->id, n->key + 32, c2_public);
#endif
	return e4_provision_sk(&n->c, n->id, n->key);
}

static void node_init(struct node *n, const struct e4_mode *mode, uint8_t number)
{
	struct e4_config cfg = {.mode = mode, .now = now};

	memset(n, 0, sizeof *n);
	memset(n->id, number, sizeof n->id);
	memset(n->key, number, 32);
	cfg.topics = n->topics;
	cfg.n_topics = TOPICS;
#ifndef E4_SK_ONLY
	e4_ed25519_keypair(n->key, n->key);
	elements[number % 2].ctx = n->key;
	cfg.element = mode == &e4_mode_pk_element ? &elements[number % 2] : NULL;
	cfg.peers = n->peers;
	cfg.n_peers = 1;
#endif
#ifndef E4_NO_REPLAY
	cfg.seen = n->seen;
	cfg.sent = n->sent;
	cfg.n_seen = cfg.n_sent = 4;
#endif
#ifndef E4_NO_CACHE
	cfg.cache = n->cache;
	cfg.n_cache = 1;
#endif
	CHECK_EQ(e4_init(&n->c, &cfg), E4_OK);
	CHECK_EQ(provision(n), E4_OK);
}

static enum e4_result set_topic(struct node *n, const char *name, uint8_t key)
{
	uint8_t bytes[32];
	struct e4_topic t;

	memset(bytes, key, sizeof bytes);
	CHECK_EQ(e4_topic_init(&t, &n->c, name, strlen(name)), E4_OK);
	return e4_set_topic_key(&n->c, &t, bytes);
}

static void two_nodes(struct node *a, struct node *b, const struct e4_mode *mode)
{
	node_init(a, mode, 1);
	node_init(b, mode, 2);
	CHECK_EQ(set_topic(a, "topic", 5), E4_OK);
	CHECK_EQ(set_topic(b, "topic", 5), E4_OK);
#ifndef E4_SK_ONLY
	if (mode != &e4_mode_sk) {
		CHECK_EQ(e4_set_peer(&a->c, b->id, b->key + 32), E4_OK);
		CHECK_EQ(e4_set_peer(&b->c, a->id, a->key + 32), E4_OK);
	}
#endif
}

static void goes_over(struct node *from, struct node *to, const char *text)
{
	uint8_t message[200], out[200];
	size_t len, out_len, text_len = strlen(text);
	struct e4_topic t, u;

	CHECK_EQ(e4_topic_init(&t, &from->c, "topic", 5), E4_OK);
	CHECK_EQ(e4_topic_init(&u, &to->c, "topic", 5), E4_OK);
	CHECK_EQ(e4_protect(&from->c, &t, message, sizeof message, &len, (const uint8_t *)text,
			    text_len),
		 E4_OK);
	CHECK_EQ(len, text_len + e4_overhead(&from->c));
	CHECK_EQ(e4_unprotect(&to->c, &u, out, sizeof out, &out_len, message, len), E4_OK);
	CHECK_EQ(out_len, text_len);
	CHECK_MEM(out, text, text_len);
	message[len - 1] ^= 1;
	CHECK(e4_unprotect(&to->c, &u, out, sizeof out, &out_len, message, len) > E4_ERR);
}

/* As C2 knows it, without a look into the client. */
static void control_key_of(const struct node *n, uint8_t key[32], const uint8_t c2[32])
{
	(void)c2;
	memcpy(key, n->key, 32);
#ifndef E4_SK_ONLY
	if (n->c.cfg.mode != &e4_mode_sk)
		CHECK(e4_control_key_c2(key, c2, n->key + 32));
#endif
}

static enum e4_result command(struct node *n, const uint8_t key[32], const uint8_t *plain,
			      size_t len)
{
	char name[E4_CONTROL_TOPIC_LEN + 1];
	uint8_t message[E4_COMMAND_MAX + E4_OVERHEAD_SK];
	struct e4_topic t;
	size_t out_len;

	e4_client_control_topic(&n->c, name);
	CHECK_EQ(e4_topic_init(&t, &n->c, name, strlen(name)), E4_OK);
	e4_message_seal(message, key, NOW, plain, len);
	return e4_unprotect(&n->c, &t, NULL, 0, &out_len, message, len + E4_OVERHEAD_SK);
}

static void a_client_and_its_peer_understand_each_other(const struct e4_mode *mode)
{
	static struct node a, b;

	two_nodes(&a, &b, mode);
	goes_over(&a, &b, "twenty degrees");
	goes_over(&b, &a, "twenty degrees");
	goes_over(&b, &a, "");
#ifdef E4_NO_STORE
	CHECK_EQ(e4_load(&a.c), E4_ERR_NO_STATE);
	goes_over(&a, &b, "still itself");
	CHECK_EQ(provision(&a), E4_OK); /* in place, so its keys are gone */
	CHECK_EQ(set_topic(&a, "topic", 5), E4_OK);
#ifndef E4_SK_ONLY
	if (mode != &e4_mode_sk)
		CHECK_EQ(e4_set_peer(&a.c, b.id, b.key + 32), E4_OK);
#endif
	goes_over(&a, &b, "the same again");
	goes_over(&b, &a, "the same again");
#endif
}

static void c2_is_understood(const struct e4_mode *mode)
{
	uint8_t plain[E4_COMMAND_MAX], key[64], hash[16], out[200], opened[200];
	struct e4_receipt r;
	static struct node a, b;
	size_t len;

	two_nodes(&a, &b, mode);
	control_key_of(&a, key, c2_private);
	e4_topic_hash(hash, "topic", 5);
	CHECK_EQ(command(&a, key, plain, e4_encode_report_state(plain, hash, E4_REPORT_ENTRIES)),
		 E4_REPORT);
	CHECK_EQ(e4_receipt(&a.c, out, sizeof out, &len), E4_OK);
	CHECK(e4_receipt_open(&r, opened, key, out, len));
	CHECK_EQ(r.n_topics, 1);
	CHECK_EQ(r.n_entries, 1);
	CHECK_EQ(command(&a, key, plain, e4_encode_remove_topic(plain, hash)), E4_COMMAND);
	CHECK_EQ(a.c.topics_used, 0);
	CHECK_EQ(command(&a, key, plain, e4_encode_set_topic_key(plain, b.topics[0].key, hash)),
		 E4_COMMAND);
	goes_over(&a, &b, "after the commands");
	goes_over(&b, &a, "after the commands");
	CHECK_EQ(command(&a, key, plain, e4_encode_reset_topics(plain)), E4_COMMAND);
	CHECK_EQ(a.c.topics_used, 0);
}

static void a_full_table_stays_as_it_is(const struct e4_mode *mode)
{
	static struct node a, before;

	node_init(&a, mode, 1);
	CHECK_EQ(set_topic(&a, "one", 5), E4_OK);
	CHECK_EQ(set_topic(&a, "two", 6), E4_OK);
	before = a;
	CHECK_EQ(set_topic(&a, "three", 7), E4_ERR_FULL);
	CHECK_MEM(&a, &before, sizeof a);
	CHECK_EQ(set_topic(&a, "one", 5), E4_OK);
	CHECK_EQ(a.c.topics_used, 2);
}

#ifndef E4_SK_ONLY

static void keys_are_replaced(const struct e4_mode *mode)
{
	static const uint8_t next_private[32] = {0x50, 3};
	uint8_t plain[E4_COMMAND_MAX], key[64], next_public[32], next_id[64] = {9};
	static struct node a, b;

	if (mode == &e4_mode_sk)
		return;
	two_nodes(&a, &b, mode);
	control_key_of(&a, key, c2_private);
	e4_x25519_base(next_public, next_private);
	CHECK_EQ(command(&a, key, plain, e4_encode_set_c2_key(plain, next_public)), E4_COMMAND);
	control_key_of(&a, key, next_private);
	e4_ed25519_keypair(next_id, next_id);
	CHECK_EQ(command(&a, key, plain, e4_encode_set_id_key_pk(plain, next_id)),
		 mode == &e4_mode_pk ? E4_COMMAND : E4_ERR_COMMAND);
	if (mode == &e4_mode_pk) {
		memcpy(a.key, next_id, sizeof a.key);
		control_key_of(&a, key, next_private);
	}
	CHECK_EQ(command(&a, key, plain, e4_encode_set_pubkey(plain, b.key + 32, b.id)),
		 E4_COMMAND);
	CHECK_EQ(e4_set_peer(&b.c, a.id, a.key + 32), E4_OK);
	goes_over(&a, &b, "under the new key");
	goes_over(&b, &a, "under the new key");
}

static void an_element_that_fails_changes_nothing(void)
{
	static struct node a, b, before;
	uint8_t plain[E4_COMMAND_MAX], key[64], next_public[32], message[200];
	struct e4_topic t;
	size_t len;

	two_nodes(&a, &b, &e4_mode_pk_element);
	CHECK_EQ(e4_topic_init(&t, &a.c, "topic", 5), E4_OK);
	control_key_of(&a, key, c2_private);
	e4_x25519_base(next_public, b.key);
	goes_over(&a, &b, "works");
	element_fails = true;
	before = a;
	CHECK_EQ(provision(&a), E4_ERR_ELEMENT);
	CHECK_EQ(command(&a, key, plain, e4_encode_set_c2_key(plain, next_public)), E4_ERR_ELEMENT);
	CHECK_EQ(e4_protect(&a.c, &t, message, sizeof message, &len, message, 0), E4_ERR_ELEMENT);
	CHECK_EQ(len, 0);
	CHECK_MEM(&a, &before, sizeof a);
	element_fails = false;
	goes_over(&a, &b, "works again");
}

#endif

static void mode_holds(const struct e4_mode *mode)
{
	a_client_and_its_peer_understand_each_other(mode);
	c2_is_understood(mode);
	a_full_table_stays_as_it_is(mode);
#ifndef E4_SK_ONLY
	keys_are_replaced(mode);
#endif
}

static void symmetric_keys(void)
{
	mode_holds(&e4_mode_sk);
}

#ifndef E4_SK_ONLY

static void public_keys(void)
{
	mode_holds(&e4_mode_pk);
}

static void public_keys_with_an_element(void)
{
	mode_holds(&e4_mode_pk_element);
}

#endif

int main(void)
{
	RUN(symmetric_keys);
#ifndef E4_SK_ONLY
	RUN(public_keys);
	RUN(public_keys_with_an_element);
	RUN(an_element_that_fails_changes_nothing);
#endif
	return END();
}
