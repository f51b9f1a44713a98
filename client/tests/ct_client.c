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
#include "e4/store_flash.h"
#include "e4/store_sealed.h"
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

/* An element whose ctx is its private key: what it signs goes over the air. */
static bool chip_sign(void *ctx, uint8_t sig[64], const void *msg, size_t len)
{
	e4_ed25519_sign(sig, msg, len, ctx);
	PUBLIC(sig, 64);
	return true;
}

static bool chip_agree(void *ctx, uint8_t shared[32], const uint8_t point[32])
{
	uint8_t scalar[32];
	bool ok;

	e4_ed25519_to_x25519_scalar(scalar, ctx);
	ok = e4_x25519(shared, scalar, point);
	PUBLIC(&ok, sizeof ok);
	return ok;
}

static uint8_t chip_key[64];
static const struct e4_element chip = {chip_key, chip_sign, chip_agree};

static const uint8_t id[16] = {1};

/* A client whose identity key is secret from the start. */
static void provision(struct device *d, const struct e4_mode *mode)
{
	uint8_t seed[32] = {2}, key[64], c2_public[32];

	e4_x25519_base(c2_public, seed);
	SECRET(seed, sizeof seed);
	if (mode == &e4_mode_sk) {
		expect("provision", e4_provision_sk(&d->c, id, seed), E4_OK);
		return;
	}
	e4_ed25519_keypair(key, seed);
	if (mode == &e4_mode_pk) {
		expect("provision", e4_provision_pk(&d->c, id, key, c2_public), E4_OK);
		PUBLIC(key + 32, 32);
	} else {
		PUBLIC(key + 32, 32);
		memcpy(chip_key, key, sizeof key);
		expect("provision", e4_provision_pk_element(&d->c, id, key + 32, c2_public), E4_OK);
	}
	expect("peer", e4_set_peer(&d->c, id, key + 32), E4_OK);
}

static void device(struct device *d, const struct e4_mode *mode, bool cached,
		   const struct e4_store *store)
{
	struct e4_config cfg;

	memset(d, 0, sizeof *d);
	cfg = device_config(d, mode);
	if (!cached)
		cfg.n_cache = 0;
	if (store)
		cfg.store = *store;
	if (mode == &e4_mode_pk_element)
		cfg.element = &chip;
	d->now = NOW;
	expect("init", e4_init(&d->c, &cfg), E4_OK);
	provision(d, mode);
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
	const uint8_t *own = d->c.key; /* with an element: the public key */

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
	if (d->c.cfg.mode == &e4_mode_pk) {
		command(d, "SetIDKey", plain, e4_encode_set_id_key_pk(plain, key));
		own = key + 32;
	}
	command(d, "SetPubKey", plain, e4_encode_set_pubkey(plain, own, d->c.id));
	command(d, "SetPubKey", plain, e4_encode_set_pubkey(plain, key + 32, arg));
	command(d, "RemovePubKey", plain, e4_encode_remove_pubkey(plain, arg));
	command(d, "ResetPubKeys", plain, e4_encode_reset_pubkeys(plain));
	command(d, "SetPubKey", plain, e4_encode_set_pubkey(plain, own, d->c.id));
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
	       d->c.cfg.mode == &e4_mode_sk ? E4_ERR_AUTH : E4_ERR_SIGNATURE);
}

static void batches(struct device *d)
{
	static uint8_t plain[3][64], sealed[3][256], back[3][64];
	struct e4_message m[3];
	struct e4_topic t;

	expect("topic", e4_topic_init(&t, &d->c, "topic", 5), E4_OK);
	SECRET(plain, sizeof plain);
	for (int i = 0; i < 3; i++)
		m[i] = (struct e4_message){.topic = &t,
					   .in = plain[i],
					   .len = 64,
					   .out = sealed[i],
					   .out_cap = sizeof sealed[i]};
	e4_protect_batch(&d->c, m, 3);
	for (int i = 0; i < 3; i++) {
		expect("protect in a batch", m[i].result, E4_OK);
		PUBLIC(sealed[i], m[i].out_len);
		sealed[i][30] ^= i == 1;
		m[i] = (struct e4_message){.topic = &t,
					   .in = sealed[i],
					   .len = m[i].out_len,
					   .out = back[i],
					   .out_cap = sizeof back[i]};
	}
	e4_unprotect_batch(&d->c, m, 3);
	expect("unprotect in a batch", m[0].result, E4_OK);
	expect("unprotect in a batch", m[1].result,
	       d->c.cfg.mode == &e4_mode_sk ? E4_ERR_AUTH : E4_ERR_SIGNATURE);
	expect("unprotect in a batch", m[2].result, E4_OK);
}

static void receipts(struct device *d)
{
	uint8_t out[256], plain[256];
	struct e4_receipt r;
	size_t len;

	expect("receipt", e4_receipt(&d->c, out, sizeof out, &len), E4_OK);
	PUBLIC(out, len);
	if (!e4_receipt_open(&r, plain, d->c.control_key, out, len))
		printf("receipt: not opened\n");
	expect("announce", e4_announce(&d->c, out, sizeof out, &len), E4_OK);
	PUBLIC(out, len);
	out[20] ^= 1;
	if (e4_receipt_open(&r, plain, d->c.control_key, out, len))
		printf("receipt: opened\n");
}

/* Without a key server. The topic of the messages comes last, for those who go on. */
static void keys_set_directly(struct device *d)
{
	static const char *const names[] = {"other", "topic"};
	uint8_t key[32] = {6};
	struct e4_topic t;

	for (int i = 0; i < 2; i++) {
		expect("topic", e4_topic_init(&t, &d->c, names[i], 5), E4_OK);
		SECRET(key, sizeof key);
		expect("set", e4_set_topic_key(&d->c, &t, key), E4_OK);
		expect("the same", e4_set_topic_key(&d->c, &t, key), E4_OK);
		key[0] ^= 1;
		expect("another", e4_set_topic_key(&d->c, &t, key), E4_OK);
		if (i > 0)
			break;
		expect("remove", e4_remove_topic(&d->c, &t), E4_OK);
		expect("reset", e4_reset_topics(&d->c), E4_OK);
	}
	if (d->c.cfg.mode == &e4_mode_sk)
		return;
	expect("remove", e4_remove_peer(&d->c, id), E4_OK);
	expect("reset", e4_reset_peers(&d->c), E4_OK);
}

static void life(const struct e4_mode *mode, bool cached)
{
	struct device d;

	device(&d, mode, cached, NULL);
	commands(&d);
	messages(&d);
	batches(&d);
	receipts(&d);
	/* what is loaded is secret but for what was not before: the store kept that apart */
	e4_client_wipe(&d.c);
	expect("load", e4_load(&d.c), E4_OK);
	messages(&d);
	keys_set_directly(&d);
	device_free(&d);
}

/* --- the stores for devices ------------------------------------------------------------ */

static uint8_t cells[4096];

static bool cells_read(void *ctx, size_t at, void *out, size_t len)
{
	(void)ctx;
	memcpy(out, cells + at, len);
	return true;
}

static bool cells_program(void *ctx, size_t at, const void *bytes, size_t len)
{
	(void)ctx;
	memcpy(cells + at, bytes, len);
	return true;
}

/*
 * A store over another one. What came out of a cipher counts as secret in every byte: what is read
 * here is as public as it was when it was written.
 */
struct recorder {
	struct e4_store below;
	uint8_t written[1024];
	size_t at;
};

static bool recorder_save_begin(void *ctx, size_t len)
{
	struct recorder *r = ctx;

	r->at = 0;
	return len <= sizeof r->written && r->below.save_begin(r->below.ctx, len);
}

static bool recorder_save_write(void *ctx, const void *bytes, size_t len)
{
	struct recorder *r = ctx;

	memcpy(r->written + r->at, bytes, len);
	r->at += len;
	return r->below.save_write(r->below.ctx, bytes, len);
}

static bool recorder_save_commit(void *ctx)
{
	struct recorder *r = ctx;

	return r->below.save_commit(r->below.ctx);
}

static bool recorder_load_begin(void *ctx, size_t *len)
{
	struct recorder *r = ctx;

	r->at = 0;
	return r->below.load_begin(r->below.ctx, len);
}

static bool recorder_load_read(void *ctx, void *out, size_t len)
{
	struct recorder *r = ctx;
	uint8_t secret[1024];
	bool ok = r->below.load_read(r->below.ctx, out, len);

	(void)VALGRIND_GET_VBITS(r->written + r->at, secret, len);
	(void)VALGRIND_SET_VBITS(out, secret, len);
	r->at += len;
	return ok;
}

/* In EEPROM, with the keys in clear or sealed under a device key. */
static void stored(bool sealed)
{
	struct e4_flash eeprom = {.read = cells_read,
				  .program = cells_program,
				  .size = sizeof cells,
				  .slot_size = sizeof cells / 2,
				  .program_size = 1};
	uint8_t device_key[32] = {8};
	struct e4_store_flash flash;
	struct e4_store_sealed seal;
	struct recorder recorder;
	struct e4_store store;
	struct device d;

	memset(cells, 0xff, sizeof cells);
	expect("open", e4_store_flash_open(&flash, &eeprom), E4_OK);
	store = e4_store_flash_functions(&flash);
	if (sealed) {
		SECRET(device_key, sizeof device_key);
		expect("open", e4_store_sealed_open(&seal, &store, device_key, NULL), E4_OK);
		recorder.below = e4_store_sealed_functions(&seal);
		store = (struct e4_store){&recorder,           recorder_save_begin,
					  recorder_save_write, recorder_save_commit,
					  recorder_load_begin, recorder_load_read};
	}
	device(&d, &e4_mode_pk, false, &store);
	keys_set_directly(&d);
	expect("open again", e4_store_flash_open(&flash, &eeprom), E4_OK);
	expect("load", e4_load(&d.c), E4_OK);
	if (d.c.topics_used != 1)
		printf("load: another client\n");
	if (sealed)
		e4_store_sealed_close(&seal);
	device_free(&d);
}

/* --- what key servers and tools call -------------------------------------------------- */

static void digests(const uint8_t key[32])
{
	uint8_t out[32];
	struct e4_digest digest;

	e4_digest_init(&digest);
	e4_digest_topic(&digest, id, key);
	e4_digest_peer(&digest, id, key);
	e4_digest_c2_key(&digest, key);
	e4_digest_final(&digest, out);
	e4_receipt_key_hash(out, key);
}

static void encoders(const uint8_t key[64])
{
	uint8_t plain[E4_COMMAND_MAX];

	e4_encode_set_id_key_sk(plain, key);
	e4_encode_set_id_key_pk(plain, key);
	e4_encode_set_topic_key(plain, key, id);
	e4_encode_remove_topic(plain, id);
	e4_encode_reset_topics(plain);
}

static void the_other_end(void)
{
	uint8_t key[64], seed[32] = {3}, control[32], message[56], plain[32], point[32];
	uint64_t stamp;

	e4_x25519_base(point, seed);
	SECRET(seed, sizeof seed);
	e4_ed25519_keypair(key, seed);
	PUBLIC(key + 32, 32);
	encoders(key);
	digests(key);
	if (!e4_control_key_device(control, key, point) ||
	    !e4_control_key_c2(control, seed, key + 32))
		printf("control key: refused\n");
	e4_message_seal(message, control, NOW, key, 32);
	PUBLIC(message, sizeof message);
	if (!e4_message_open(plain, &stamp, control, message, sizeof message) || stamp != NOW)
		printf("message: refused\n");
}

/* --- what must be reported ------------------------------------------------------ */

/* One of the client's own values, after a command has brought it. */
static void leak(const char *how)
{
	struct device d;

	device(&d, &e4_mode_sk, true, NULL);
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
	life(&e4_mode_pk_element, true);
	stored(false);
	stored(true);
	the_other_end();
	return 0;
}
