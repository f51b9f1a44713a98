/* Importers: damaged input is told and changes nothing. (Good input: the vectors.) */
#include "e4/import.h"
#include "world.h"

static char error[128];

/* A small state of each kind, with marks to replace. */
static const char sk_state[] =
	"{\"ID\":\"AQEBAQEBAQEBAQEBAQEBAQ==\",\"TopicKeys\":{"
	"\"02020202020202020202020202020202\":\"AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=\"},"
	"\"Key\":{\"keyType\":0,\"keyData\":{"
	"\"Key\":\"BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ=\"}},"
	"\"ReceivingTopic\":\"e4/01010101010101010101010101010101\"}\n";

static void base64_of(char *out, const uint8_t *in, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		uint32_t bits = (uint32_t)in[i] << 16 |
				(i + 1 < len ? (uint32_t)in[i + 1] << 8 : 0) |
				(i + 2 < len ? in[i + 2] : 0);

		*out++ = digits[bits >> 18];
		*out++ = digits[bits >> 12 & 63];
		*out++ = i + 1 < len ? digits[bits >> 6 & 63] : '=';
		*out++ = i + 2 < len ? digits[bits & 63] : '=';
	}
	*out = 0;
}

static void pk_state(char *out, size_t cap)
{
	uint8_t id[16], key[64], c2_public[32];
	char key_text[96], c2_text[48];

	world_identity(&e4_mode_pk, 1, id, key);
	e4_x25519_base(c2_public, c2_private);
	base64_of(key_text, key, sizeof key);
	base64_of(c2_text, c2_public, sizeof c2_public);
	snprintf(out, cap,
		 "{\"ID\":\"AQEBAQEBAQEBAQEBAQEBAQ==\",\"TopicKeys\":null,\"Key\":{\"keyType\":1,"
		 "\"keyData\":{\"PrivateKey\":\"%s\",\"SignerID\":\"AQEBAQEBAQEBAQEBAQEBAQ==\","
		 "\"C2PubKey\":\"%s\",\"PubKeys\":{\"05050505050505050505050505050505\":"
		 "\"BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ=\"}}},"
		 "\"ReceivingTopic\":\"e4/01010101010101010101010101010101\"}",
		 key_text, c2_text);
}

/* Import into a device that is somebody; when refused, it must still be that. */
static bool import(struct device *d, bool go, const void *bytes, size_t len)
{
	struct snapshot before = snapshot_of(d);
	char *exact = malloc(len + 1);
	int saves = d->store.saves;
	bool ok;

	memcpy(exact, bytes, len);
	error[0] = 0;
	ok = go ? e4_import_go(&d->c, exact, len, error, sizeof error)
		: e4_import_libe4(&d->c, (const uint8_t *)exact, len, error, sizeof error);
	if (!ok)
		CHECK(snapshot_same(&before, d) && error[0] && d->store.saves == saves);
	free(exact);
	snapshot_free(&before);
	return ok;
}

static bool import_text(const struct e4_mode *mode, const char *text)
{
	struct device d;
	bool ok;

	world_device(&d, mode, 9);
	ok = import(&d, true, text, strlen(text));
	device_free(&d);
	return ok;
}

/* The state with its first `from` replaced by `to`. */
static bool import_edited(const struct e4_mode *mode, const char *state, const char *from,
			  const char *to)
{
	char text[2048];
	const char *at = strstr(state, from);

	if (!at) {
		CHECK(at);
		return false;
	}
	snprintf(text, sizeof text, "%.*s%s%s", (int)(at - state), state, to, at + strlen(from));
	return import_text(mode, text);
}

static void a_go_state_is_read_as_the_go_client_reads_it(void)
{
	struct device d;
	char pk[1024], text[1024];

	pk_state(pk, sizeof pk);
	CHECK(import_text(&e4_mode_sk, sk_state));
	CHECK(import_text(&e4_mode_pk, pk));
	CHECK(import_edited(&e4_mode_sk, sk_state, "\"ID\"", "\"iD\""));
	CHECK(import_edited(&e4_mode_sk, sk_state, "keyType", "KEYTYPE"));
	CHECK(import_edited(&e4_mode_sk, sk_state, "{\"ID\"", "{\"more\":[1],\"ID\""));
	snprintf(text, sizeof text, "%s} trailing \"", sk_state);
	CHECK(import_text(&e4_mode_sk, text));
	world_device(&d, &e4_mode_sk, 9);
	CHECK(import(&d, true, sk_state, strlen(sk_state)));
	CHECK_EQ(world_restart(&d), E4_OK); /* it is in the store */
	CHECK(d.c.topics_used == 1 && d.c.high_water == 0);
	CHECK_MEM(d.topics[0].key, key_of(3).bytes, 32);
	device_free(&d);
}

static void a_damaged_go_state_is_told_and_changes_nothing(void)
{
	char pk[1024];

	pk_state(pk, sizeof pk);
	CHECK(!import_text(&e4_mode_pk, sk_state));
	CHECK(!import_text(&e4_mode_sk, pk));
	CHECK(!import_edited(&e4_mode_sk, sk_state, "AQEB", "AQE"));
	CHECK(!import_edited(&e4_mode_sk, sk_state, "AQ==", "AR=="));
	CHECK(!import_edited(&e4_mode_sk, sk_state, "AQ==", "===="));
	CHECK(!import_edited(&e4_mode_sk, sk_state, "AQEB", "A!EB"));
	CHECK(!import_edited(&e4_mode_sk, sk_state, "AQEBAQEB", "AQEB"));
	CHECK(!import_edited(&e4_mode_sk, sk_state, "0202", "02"));
	CHECK(!import_edited(&e4_mode_sk, sk_state, "0202", "0x02"));
	CHECK(!import_edited(&e4_mode_sk, sk_state, "AwMD", ""));
	CHECK(!import_edited(&e4_mode_sk, sk_state,
			     "\"AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=\"", "7"));
	CHECK(!import_edited(&e4_mode_sk, sk_state, "\"ID\"", "\"iD\":\"\",\"ID\""));
	CHECK(!import_edited(&e4_mode_sk, sk_state, "\"ID\"", "\"ID\":\"\",\"ID\""));
	CHECK(!import_edited(&e4_mode_sk, sk_state, "\"ID\"", "\"IX\""));
	CHECK(!import_edited(&e4_mode_sk, sk_state, ":0,", ":2,"));
	CHECK(!import_edited(&e4_mode_sk, sk_state, ":0,", ":\"0\","));
	CHECK(!import_edited(&e4_mode_sk, sk_state, "keyData", "keyDate"));
	CHECK(!import_edited(&e4_mode_sk, sk_state, "e4/0", "E4/0"));
	CHECK(!import_edited(&e4_mode_sk, sk_state, "BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ",
			     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
	CHECK(!import_edited(&e4_mode_sk, sk_state, "{\"020",
			     "{\"02020202020202020202020202020202\":"
			     "\"AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=\",\"020"));
	CHECK(!import_edited(&e4_mode_pk, pk, "SignerID\":\"AQ", "SignerID\":\"Ag"));
	CHECK(!import_edited(&e4_mode_pk, pk, "PrivateKey\":\"", "PrivateKey\":\"AAAA"));
	CHECK(!import_edited(&e4_mode_pk, pk, "\"PubKeys\":{", "\"PubKeys\":[{"));
	CHECK(!import_edited(&e4_mode_pk, pk, "0505", "05"));
	CHECK(!import_text(&e4_mode_sk, ""));
	CHECK(!import_text(&e4_mode_sk, "[]"));
	CHECK(!import_text(&e4_mode_sk, "7"));
}

static void every_truncation_of_a_go_state_is_refused(void)
{
	struct device d;
	char pk[1024];
	size_t len = strlen(sk_state) - 1; /* without the newline */

	world_device(&d, &e4_mode_sk, 9);
	for (size_t n = 0; n < len; n++)
		CHECK(!import(&d, true, sk_state, n));
	device_free(&d);
	pk_state(pk, sizeof pk);
	world_device(&d, &e4_mode_pk, 9);
	for (size_t n = 0; n < strlen(pk); n++)
		CHECK(!import(&d, true, pk, n));
	device_free(&d);
}

static size_t libe4_store(const struct e4_mode *mode, uint8_t *out)
{
	uint8_t id[16], key[64], *p = out;

	world_identity(mode, 1, id, key);
	memcpy(p, mode == &e4_mode_pk ? "E42P" : "E41P", 4), p += 4;
	memcpy(p, id, 16), p += 16;
	memcpy(p, key, mode == &e4_mode_pk ? 64 : 32), p += mode == &e4_mode_pk ? 64 : 32;
	if (mode == &e4_mode_pk) {
		memset(p, 0xab, 32), p += 32; /* its own, stale, copy of the public key */
		e4_x25519_base(p, c2_private), p += 32;
	}
	for (int list = 0; list < (mode == &e4_mode_pk ? 2 : 1); list++) {
		*p++ = 2;
		*p++ = 0;
		for (uint8_t i = 0; i < 2; i++, p += 48)
			memset(p, i + 1, 48);
	}
	return (size_t)(p - out);
}

static void every_truncation_of_a_libe4_store_is_refused(void)
{
	static const struct e4_mode *const modes[] = {&e4_mode_sk, &e4_mode_pk};

	for (int m = 0; m < 2; m++) {
		uint8_t store[512];
		size_t len = libe4_store(modes[m], store);
		struct device d;

		world_device(&d, modes[m], 9);
		for (size_t n = 0; n < len; n++)
			CHECK(!import(&d, false, store, n));
		CHECK(!import(&d, false, store, len + 1));
		store[3] = 'Q';
		CHECK(!import(&d, false, store, len));
		store[3] = 'P';
		store[len - 48] = 1; /* twice in its list */
		memset(store + len - 48, 1, 16);
		CHECK(!import(&d, false, store, len));
		memset(store + len - 48, 2, 16);
		CHECK(import(&d, false, store, len));
		device_free(&d);
		world_device(&d, modes[1 - m], 9);
		CHECK(!import(&d, false, store, len));
		device_free(&d);
	}
}

/* Every call of the store fails once; import() sees to it that nothing changes. */
static void fail_each_call(const struct e4_mode *mode, bool go, const void *bytes, size_t len)
{
	int n = 0;
	bool done = false;

	while (!done) {
		struct device d;

		world_device(&d, mode, 9);
		d.store.calls = 0;
		d.store.fail_at = ++n;
		done = import(&d, go, bytes, len);
		CHECK_EQ(done, d.store.calls < n);
		d.store.fail_at = 0;
		CHECK(import(&d, go, bytes, len));
		device_free(&d);
	}
	CHECK(n > 5);
}

static void whichever_call_of_the_store_fails_nothing_changes(void)
{
	char text[1024];
	uint8_t store[512];

	fail_each_call(&e4_mode_sk, true, sk_state, strlen(sk_state));
	pk_state(text, sizeof text);
	fail_each_call(&e4_mode_pk, true, text, strlen(text));
	fail_each_call(&e4_mode_sk, false, store, libe4_store(&e4_mode_sk, store));
	fail_each_call(&e4_mode_pk, false, store, libe4_store(&e4_mode_pk, store));
}

static void no_room_is_told(void)
{
	struct device d;
	uint8_t store[512];
	size_t len = libe4_store(&e4_mode_sk, store);

	world_device(&d, &e4_mode_sk, 9);
	d.c.cfg.n_topics = 1;
	CHECK(!import(&d, false, store, len));
	CHECK(strstr(error, "more topics"));
	d.c.cfg.n_topics = 2;
	CHECK(import(&d, false, store, len));
	CHECK(!e4_import_libe4(&d.c, store, 3, NULL, 0));
	device_free(&d);
}

int main(void)
{
	RUN(a_go_state_is_read_as_the_go_client_reads_it);
	RUN(a_damaged_go_state_is_told_and_changes_nothing);
	RUN(every_truncation_of_a_go_state_is_refused);
	RUN(every_truncation_of_a_libe4_store_is_refused);
	RUN(whichever_call_of_the_store_fails_nothing_changes);
	RUN(no_room_is_told);
	return END();
}
