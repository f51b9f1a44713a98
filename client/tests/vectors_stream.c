/*
 * The vectors as boards run them: a stream of operations that tools/vectors_bin.py
 * makes from protocol/vectors and protocol/wycheproof. Numbers are little-endian;
 * data is its length in 4 bytes, then the bytes; flags are one byte.
 *   C file, index (2)                       a case begins
 *   D client / S client                     become / be this client
 *   T data                                  the topic from here on
 *   t time (8)                              the clock
 *   U data, result, data                    unprotect: 0 refused, 1 this plaintext, 2 a command
 *   P data, accepted, data                  protect
 *   R                                       off and on again
 *   K key (32)                              the control key
 *   O data, time, data                      the control key opens a message
 *   H data, digest (32)                     SHA3-256
 *   I is a topic, data, hash (16)           the hash of a topic, the id of a name
 *   G seed, private key                     an Ed25519 key
 *   X private (64), scalar, point, C2's scalar, point, shared, control key
 *   m key, data, valid, data                AES-CMAC
 *   s key (64), n, n strings, valid, data, data  AES-SIV
 *   e public key, signature, data, valid    Ed25519
 *   x scalar, point, shared, not zero       X25519
 *   Z cases (2)                             the end
 * A client: mode, id, key (SK 32; PK 64 and C2's 32), n topics (hash, key, old key, time),
 * n peers (id, public key). The longest data is STREAM_MAX bytes.
 */
#include "board.h"
#include "siv.h"
#include "world.h"

#ifndef STREAM_MAX
#define STREAM_MAX 66000
#endif
#define ROOM (STREAM_MAX + E4_OVERHEAD_PK + 1)

static uint8_t in[ROOM], out[ROOM];
static struct device device;
static char topic[E4_TOPIC_MAX + 1];
static size_t topic_len;
static struct {
	unsigned file, index;
	const char *why; /* the first failure */
} this_case;

static void need(bool ok, const char *why)
{
	if (!ok && !this_case.why)
		this_case.why = why;
}

/* --- The stream ---------------------------------------------------------------- */

static uint8_t get8(void)
{
	int c = board_read();

	if (c < 0) {
		fprintf(stderr, "the stream ends early\n");
		printf("0 passed, 1 failed\n");
		fflush(stdout);
		board_exit(1);
	}
	return (uint8_t)c;
}

static void get(void *to, size_t len)
{
	uint8_t *p = to;

	while (len-- > 0)
		*p++ = get8();
}

static uint64_t get_number(uint8_t bytes)
{
	uint64_t n = 0;

	for (uint8_t i = 0; i < bytes; i++)
		n |= (uint64_t)get8() << 8 * i;
	return n;
}

static size_t get_data(uint8_t *to, size_t room)
{
	uint64_t len = get_number(4);

	if (len > room) {
		fprintf(stderr, "data of %lu bytes\n", (unsigned long)len);
		board_exit(1);
	}
	get(to, (size_t)len);
	return (size_t)len;
}

/* The next len bytes are these. */
static void same(const void *bytes, size_t len, const char *why)
{
	const uint8_t *p = bytes;
	bool equal = true;

	while (len-- > 0)
		equal = (get8() == *p++) & equal;
	need(equal, why);
}

/* The next data is these bytes. */
static void same_data(const uint8_t *bytes, size_t len, const char *why)
{
	uint64_t wanted = get_number(4);

	need(wanted == len, why);
	for (uint64_t i = 0; i < wanted; i++)
		need(get8() == (i < len ? bytes[i] : 0), why);
}

/* --- Clients ------------------------------------------------------------------- */

static void fill_tables(void)
{
	device.c.topics_used = get8();
	need(device.c.topics_used <= DEVICE_TOPICS, "too many topics for this board");
	for (uint16_t i = 0; i < device.c.topics_used; i++) {
		struct e4_topic_key *t = &device.topics[i % DEVICE_TOPICS];

		get(t->hash, 16);
		get(t->key, 32);
		get(t->old_key, 32);
		t->switched_at = get_number(8);
	}
	device.c.peers_used = get8();
	need(device.c.peers_used <= DEVICE_PEERS, "too many peers for this board");
	for (uint16_t i = 0; i < device.c.peers_used; i++) {
		struct e4_peer *p = &device.peers[i % DEVICE_PEERS];

		get(p->id, 16);
		get(p->public_key, 32);
	}
}

static void become(void)
{
	bool pk = get8();
	struct e4_config cfg;
	uint8_t id[16], key[64], c2_public[32];

	device_free(&device);
	cfg = device_config(&device, pk ? &e4_mode_pk : &e4_mode_sk);
	need(e4_init(&device.c, &cfg) == E4_OK, "e4_init");
	get(id, 16);
	get(key, pk ? 64 : 32);
	if (pk) {
		get(c2_public, 32);
		need(e4_provision_pk(&device.c, id, key, c2_public) == E4_OK, "provisioned");
	} else {
		need(e4_provision_sk(&device.c, id, key) == E4_OK, "provisioned");
	}
	fill_tables();
	need(e4_state_save(&device.c), "stored");
}

static void compare(void)
{
	bool pk = get8();

	need(pk == (device.c.cfg.mode == &e4_mode_pk), "mode");
	same(device.c.id, 16, "id");
	same(device.c.key, pk ? 64 : 32, "key");
	if (pk)
		same(device.c.c2_public, 32, "C2's key");
	need(get8() == device.c.topics_used, "number of topics");
	for (uint16_t i = 0; i < device.c.topics_used; i++) {
		const struct e4_topic_key *t = &device.topics[i];

		same(t->hash, 16, "topic");
		same(t->key, 32, "topic key");
		same(t->old_key, 32, "old key");
		need(get_number(8) == t->switched_at, "time of a switch");
	}
	need(get8() == device.c.peers_used, "number of peers");
	for (uint16_t i = 0; i < device.c.peers_used; i++) {
		same(device.peers[i].id, 16, "peer");
		same(device.peers[i].public_key, 32, "peer's key");
	}
}

static void reload(void)
{
	e4_client_wipe(&device.c);
	need(e4_load(&device.c) == E4_OK, "reload");
}

/* --- Messages ------------------------------------------------------------------ */

static bool only_zeros_or_marks(size_t len)
{
	size_t zeros = 0, marks = 0;

	for (size_t i = 0; i < len; i++) {
		zeros += out[i] == 0;
		marks += out[i] == 0xa5;
	}
	return zeros == len || marks == len;
}

static void unprotect(void)
{
	size_t len = get_data(in, ROOM), out_len = 0, over = e4_overhead(&device.c);
	uint8_t expected = get8();
	struct e4_topic t;
	enum e4_result r;

	memset(out, 0xa5, len);
	r = e4_topic_init(&t, &device.c, topic, topic_len);
	if (r == E4_OK)
		r = e4_unprotect(&device.c, &t, out, len, &out_len, in, len);
	need((r < E4_ERR) == (expected != 0), "unprotect");
	need(r >= E4_ERR || (r == E4_COMMAND) == (expected == 2), "a command or not");
	need(r == E4_OK || out_len == 0, "a length without a plaintext");
	need(r == E4_OK || only_zeros_or_marks(len > over ? len - over : 0), "bytes left behind");
	same_data(out, out_len, "plaintext");
}

static void protect(void)
{
	size_t len = get_data(in, STREAM_MAX), out_len = 0;
	bool accepted = get8();
	struct e4_topic t;
	enum e4_result r = e4_topic_init(&t, &device.c, topic, topic_len);

	if (r == E4_OK)
		r = e4_protect(&device.c, &t, out, len + e4_overhead(&device.c), &out_len, in, len);
	need((r == E4_OK) == accepted, "protect");
	same_data(out, out_len, "protected");
}

static void open_command(void)
{
	size_t len = get_data(in, ROOM);
	uint64_t stamp = 0;

	need(e4_message_open(out, &stamp, device.c.control_key, in, len), "the control key");
	need(get_number(8) == stamp, "stamp");
	same_data(out, len - E4_OVERHEAD_SK, "command");
}

/* --- Primitives ---------------------------------------------------------------- */

static void digest(void)
{
	uint8_t got[32];

	e4_sha3_256(got, in, get_data(in, STREAM_MAX));
	same(got, 32, "SHA3-256");
}

static void name_hash(void)
{
	bool is_topic = get8();
	size_t len = get_data(in, STREAM_MAX);
	uint8_t got[16];

	if (is_topic)
		e4_topic_hash(got, (const char *)in, len);
	else
		e4_id_from_name(got, (const char *)in, len);
	same(got, 16, "hash of a name");
}

static void cmac(void)
{
	struct e4_siv_key k;
	uint8_t key[32], tag[16];
	size_t len;
	bool valid;

	get(key, 32);
	e4_siv_key_init(&k, key);
	len = get_data(in, STREAM_MAX);
	e4_cmac(&k, tag, in, len);
	valid = get8();
	len = get_data(out, 16);
	need(e4_equal(tag, out, len) == valid, "CMAC");
}

static void siv(void)
{
	static uint8_t strings[2][520];
	struct e4_siv_ad ad[2];
	struct e4_siv_key mac;
	struct e4_aes_key ctr;
	uint8_t key[64];
	uint8_t n;
	size_t len, sealed;
	bool valid;

	get(key, 64);
	e4_siv_key_init(&mac, key);
	e4_aes_init(&ctr, key + 32);
	n = get8();
	for (uint8_t i = 0; i < n; i++) {
		ad[i].data = strings[i];
		ad[i].len = get_data(strings[i], sizeof strings[i]);
	}
	valid = get8();
	len = get_data(in, STREAM_MAX);
	sealed = get_data(out, ROOM);
	memmove(in + 16, in, len);
	e4_siv_seal2(&mac, &ctr, in, ad, n, in + 16, len);
	need((sealed == len + 16 && memcmp(in, out, sealed) == 0) == valid, "SIV");
	need(e4_siv_open2(&mac, &ctr, out + 16, ad, n, out, sealed) == valid, "SIV opens");
}

static void ed25519(void)
{
	uint8_t key[32], sig[64];
	size_t len;

	get(key, 32);
	get(sig, 64);
	len = get_data(in, STREAM_MAX);
	need(e4_ed25519_verify(sig, in, len, key) == get8(), "Ed25519");
}

static void ed25519_pair(void)
{
	uint8_t seed[32], key[64];

	get(seed, 32);
	e4_ed25519_keypair(key, seed);
	same(key, 64, "Ed25519 key");
}

static void x25519(void)
{
	uint8_t scalar[32], point[32], shared[32];
	bool ok;

	get(scalar, 32);
	get(point, 32);
	ok = e4_x25519(shared, scalar, point);
	same(shared, 32, "X25519");
	need(ok == get8(), "X25519 of small order");
}

static void shared_key(void)
{
	uint8_t key[64], c2_scalar[32], c2_point[32], got[32];

	get(key, 64);
	e4_ed25519_to_x25519_scalar(got, key);
	same(got, 32, "scalar");
	need(e4_ed25519_to_x25519_public(got, key + 32), "point");
	same(got, 32, "point");
	get(c2_scalar, 32);
	get(c2_point, 32);
	e4_x25519_base(got, c2_scalar);
	need(memcmp(got, c2_point, 32) == 0, "C2's point");
	e4_ed25519_to_x25519_scalar(got, key);
	need(e4_x25519(got, got, c2_point), "X25519");
	same(got, 32, "X25519");
	need(e4_control_key_device(got, key, c2_point), "control key");
	same(got, 32, "control key");
	need(e4_control_key_c2(c2_point, c2_scalar, key + 32), "control key of C2");
	need(memcmp(got, c2_point, 32) == 0, "control key of C2");
}

/* --- Cases --------------------------------------------------------------------- */

static void end_case(void)
{
	if (this_case.why)
		fprintf(stderr, "file %u case %u: %s\n", this_case.file, this_case.index,
			this_case.why);
	check_result(!this_case.why, "vectors", (int)this_case.index, "the case holds");
	this_case.why = NULL;
}

static bool step(uint8_t op)
{
	static const struct {
		uint8_t op;
		void (*run)(void);
	} ops[] = {
		{'D', become}, {'S', compare},      {'U', unprotect}, {'P', protect},
		{'R', reload}, {'O', open_command}, {'H', digest},    {'I', name_hash},
		{'m', cmac},   {'s', siv},          {'e', ed25519},   {'G', ed25519_pair},
		{'x', x25519}, {'X', shared_key},
	};

	for (uint8_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
		if (ops[i].op == op) {
			ops[i].run();
			return true;
		}
	return false;
}

int main(void)
{
	uint16_t cases = 0;
	uint8_t op;

	while ((op = get8()) != 'Z') {
		if (op == 'C') {
			if (cases++ > 0)
				end_case();
			this_case.file = get8();
			this_case.index = (unsigned)get_number(2);
		} else if (op == 'T') {
			topic_len = get_data((uint8_t *)topic, sizeof topic);
		} else if (op == 't') {
			device.now = get_number(8);
		} else if (op == 'K') {
			same(device.c.control_key, 32, "control key");
		} else if (!step(op)) {
			need(false, "an operation that nobody knows");
			break;
		}
	}
	end_case();
	CHECK(op == 'Z' && get_number(2) == cases && cases > 0);
	return END();
}
