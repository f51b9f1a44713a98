/*
 * Constant time of the whole library, by valgrind: the keys of clients, topics
 * and commands, and plaintexts, are undefined memory while messages and
 * commands are worked on; memcheck reports every branch and address that
 * depends on one. Run by ct_check.sh, which gives the verdict. An argument
 * names a leak on purpose.
 */
#include <stdio.h>
#include <valgrind/memcheck.h>

#define DEVICE_TOPICS 8
#define DEVICE_PEERS 8
#include "fixture.h"

#define SECRET(p, n) ((void)VALGRIND_MAKE_MEM_UNDEFINED((p), (n)))
#define PUBLIC(p, n) ((void)VALGRIND_MAKE_MEM_DEFINED((p), (n)))

#define NOW UINT64_C(1700000000)

static const volatile uint8_t table[256] = {1, 2, 3};
static volatile int sink;

static void expect(const char *what, enum e4_result r, enum e4_result wanted)
{
	if (r != wanted)
		printf("%s: %s\n", what, e4_result_text(r));
}

/* A client whose identity key is secret from the start. */
static void device(struct device *d, const struct e4_mode *mode, bool cached)
{
	uint8_t id[16] = {1}, seed[32] = {2}, key[64], c2_public[32];
	struct e4_config cfg;

	memset(d, 0, sizeof *d);
	cfg = device_config(d, mode);
	if (!cached)
		cfg.n_cache = 0;
	d->now = NOW;
	expect("init", e4_init(&d->c, &cfg), E4_OK);
	e4_x25519_base(c2_public, seed);
	SECRET(seed, sizeof seed);
	if (mode == &e4_mode_pk) {
		e4_ed25519_keypair(key, seed);
		expect("provision", e4_provision_pk(&d->c, id, key, c2_public), E4_OK);
		PUBLIC(key + 32, 32);
		expect("peer", e4_set_peer(&d->c, id, key + 32), E4_OK);
	} else {
		expect("provision", e4_provision_sk(&d->c, id, seed), E4_OK);
	}
}

static void command(struct device *d, const char *what, uint8_t *plain, size_t len)
{
	char name[E4_CONTROL_TOPIC_LEN + 1];
	struct e4_topic t;
	uint8_t message[E4_COMMAND_MAX + E4_OVERHEAD_SK];
	size_t out_len;
	enum e4_result r;

	e4_client_control_topic(&d->c, name);
	e4_topic_init(&t, &d->c, name, strlen(name));
	SECRET(plain, len);
	e4_message_seal(message, d->c.control_key, d->now, plain, len);
	PUBLIC(message, len + E4_OVERHEAD_SK); /* it came over the air */
	r = e4_unprotect(&d->c, &t, NULL, 0, &out_len, message, len + E4_OVERHEAD_SK);
	expect(what, r, len == 18 ? E4_REPORT : E4_COMMAND);
	message[len] ^= 1;
	r = e4_unprotect(&d->c, &t, NULL, 0, &out_len, message, len + E4_OVERHEAD_SK);
	expect(what, r, E4_ERR_AUTH);
}

static void commands(struct device *d)
{
	uint8_t plain[E4_COMMAND_MAX], key[64], arg[32] = {4}, seed[32] = {9};

	e4_topic_hash(arg, "topic", 5);
	for (uint8_t epoch = 1; epoch <= 3; epoch++) {
		memset(key, epoch, 32);
		command(d, "SetTopicKey", plain, e4_encode_set_topic_key(plain, key, arg));
		command(d, "SetTopicKey again", plain, e4_encode_set_topic_key(plain, key, arg));
	}
	command(d, "RemoveTopic", plain, e4_encode_remove_topic(plain, key));
	command(d, "ReportState", plain, e4_encode_report_state(plain, key, E4_REPORT_ENTRIES));
	if (d->c.cfg.mode == &e4_mode_sk) {
		command(d, "SetIDKey", plain, e4_encode_set_id_key_sk(plain, key));
		return;
	}
	e4_ed25519_keypair(key, seed);
	command(d, "SetIDKey", plain, e4_encode_set_id_key_pk(plain, key));
	command(d, "SetPubKey", plain, e4_encode_set_pubkey(plain, key + 32, d->c.id));
	command(d, "SetPubKey", plain, e4_encode_set_pubkey(plain, key + 32, arg));
	command(d, "RemovePubKey", plain, e4_encode_remove_pubkey(plain, arg));
	e4_x25519_base(arg, seed);
	command(d, "SetC2Key", plain, e4_encode_set_c2_key(plain, arg));
}

static void messages(struct device *d)
{
	uint8_t plain[64] = {5}, message[256], back[64];
	struct e4_topic t;
	size_t len = 0, back_len;

	expect("topic", e4_topic_init(&t, &d->c, "topic", 5), E4_OK);
	for (int i = 0; i < 4; i++) { /* the later ones are restamped */
		SECRET(plain, sizeof plain);
		expect("protect", e4_protect(&d->c, &t, message, sizeof message, &len, plain, 64),
		       E4_OK);
		PUBLIC(message, len);
		expect("unprotect",
		       e4_unprotect(&d->c, &t, back, sizeof back, &back_len, message, len), E4_OK);
	}
	message[30] ^= 1;
	expect("unprotect", e4_unprotect(&d->c, &t, back, sizeof back, &back_len, message, len),
	       d->c.cfg.mode == &e4_mode_pk ? E4_ERR_SIGNATURE : E4_ERR_AUTH);
}

static void life(const struct e4_mode *mode, bool cached)
{
	struct device d;
	uint8_t out[256];
	size_t len;

	device(&d, mode, cached);
	commands(&d);
	messages(&d);
	expect("receipt", e4_receipt(&d.c, out, sizeof out, &len), E4_OK);
	/* what is loaded is secret but for what was not before: the store kept that apart */
	e4_client_wipe(&d.c);
	expect("load", e4_load(&d.c), E4_OK);
	messages(&d);
	device_free(&d);
}

/* --- what must be reported ------------------------------------------------------ */

/* One of the client's own values, after a command has brought it. */
static void leak(const char *how)
{
	struct device d;

	device(&d, &e4_mode_sk, true);
	commands(&d);
	if (strcmp(how, "branch") == 0 && memcmp(d.c.key, "0123456789abcdef", 16) == 0)
		sink = 1;
	if (strcmp(how, "index") == 0)
		sink = table[d.topics[0].key[3]];
	if (strcmp(how, "derived") == 0)
		sink = table[d.topics[0].old_key[3]];
	device_free(&d);
}

int main(int argc, char **argv)
{
	if (!RUNNING_ON_VALGRIND) {
		printf("run me by ct_check.sh\n");
		return 2;
	}
	if (argc > 1) {
		leak(argv[1]);
		return 0;
	}
	life(&e4_mode_sk, false);
	life(&e4_mode_sk, true);
	life(&e4_mode_pk, false);
	life(&e4_mode_pk, true);
	return 0;
}
