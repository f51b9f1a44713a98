/* The vectors of single formats: hashes, protected messages, shared keys, passwords, key files. */
#include "e4/password.h"
#include "vectors.h"

bool run_hash(struct verdict *v, const json_t *c)
{
	struct bytes in = vector_hex(v, c, "input");
	const char *text = (const char *)in.data;
	char topic[E4_CONTROL_TOPIC_LEN + 1];
	uint8_t digest[32], cut[16];

	e4_sha3_256(digest, in.data, in.len);
	vector_same(v, c, "sha3_256", digest, sizeof digest);
	if (strcmp(vector_text(v, c, "kind"), "topic") == 0) {
		e4_topic_hash(cut, text, in.len);
		vector_same(v, c, "topic_hash", cut, sizeof cut);
	} else {
		e4_id_from_name(cut, text, in.len);
		vector_same(v, c, "id", cut, sizeof cut);
		e4_control_topic(topic, cut);
		if (strcmp(topic, vector_text(v, c, "receiving_topic")) != 0)
			verdict_fail(v, "receiving_topic differs");
	}
	free(in.data);
	return !v->failed;
}

/* --- Protected messages ------------------------------------------------------ */

static const char topic_name[] = "vectors";

/* A new device with one topic; the case's key must be the topic's. */
static bool topic_device(struct verdict *v, struct device *d, struct e4_topic *t,
			 const struct e4_mode *mode, struct bytes id, struct bytes identity,
			 struct bytes key)
{
	static const uint8_t c2_private[32] = {1};
	uint8_t c2_public[32];
	struct e4_config cfg;
	enum e4_result r;

	memset(d, 0, sizeof *d);
	cfg = device_config(d, mode);
	if (key.len != 32 || id.len != 16 || identity.len != (mode == &e4_mode_pk ? 64 : 32))
		return verdict_fail(v, "a key or id of wrong length");
	r = e4_init(&d->c, &cfg);
	if (r == E4_OK && mode == &e4_mode_pk) {
		e4_x25519_base(c2_public, c2_private);
		r = e4_provision_pk(&d->c, id.data, identity.data, c2_public);
	} else if (r == E4_OK) {
		r = e4_provision_sk(&d->c, id.data, identity.data);
	}
	if (r == E4_OK)
		r = e4_topic_init(t, &d->c, topic_name, strlen(topic_name));
	if (r == E4_OK)
		r = e4_set_topic_key(&d->c, t, key.data);
	return r == E4_OK || verdict_fail(v, "set up: \"%s\"", e4_result_text(r));
}

static void check_protect(struct verdict *v, const json_t *c, struct device *d, struct e4_topic *t,
			  struct bytes plain)
{
	size_t len = 0, cap = plain.len + e4_overhead(&d->c);
	uint8_t *out = malloc(cap);
	enum e4_result r;

	if (!out)
		abort();
	r = e4_protect(&d->c, t, out, cap, &len, plain.data, plain.len);
	if (r != E4_OK)
		verdict_fail(v, "protect: \"%s\"", e4_result_text(r));
	else
		vector_same(v, c, "protected", out, len);
	free(out);
}

static void check_unprotect(struct verdict *v, const json_t *c, struct device *d,
			    struct e4_topic *t, struct bytes in)
{
	size_t len = 0;
	uint8_t *out = malloc(in.len + 1);
	enum e4_result r;

	if (!out)
		abort();
	r = e4_unprotect(&d->c, t, out, in.len, &len, in.data, in.len);
	if (r != E4_OK)
		verdict_fail(v, "unprotect: \"%s\"", e4_result_text(r));
	else
		vector_same(v, c, "plaintext", out, len);
	free(out);
}

bool run_sym_protect(struct verdict *v, const json_t *c)
{
	struct bytes key = vector_hex(v, c, "key"), plain = vector_hex(v, c, "plaintext");
	struct bytes in = vector_hex(v, c, "protected");
	uint8_t zeros[16] = {0};
	struct bytes id = {zeros, sizeof zeros};
	struct device d;
	struct e4_topic t;

	if (topic_device(v, &d, &t, &e4_mode_sk, id, key, key)) {
		d.now = vector_number(v, c, "timestamp");
		check_protect(v, c, &d, &t, plain);
		check_unprotect(v, c, &d, &t, in);
	}
	device_free(&d);
	free(key.data);
	free(plain.data);
	free(in.data);
	return !v->failed;
}

bool run_pub_protect(struct verdict *v, const json_t *c)
{
	struct bytes key = vector_hex(v, c, "topic_key"), plain = vector_hex(v, c, "plaintext");
	struct bytes in = vector_hex(v, c, "protected"), id = vector_hex(v, c, "id");
	struct bytes private_key = vector_hex(v, c, "ed25519_private");
	uint8_t from_seed[64];
	struct device d;
	struct e4_topic t;

	if (topic_device(v, &d, &t, &e4_mode_pk, id, private_key, key)) {
		struct bytes seed = vector_hex(v, c, "ed25519_seed");

		e4_ed25519_keypair(from_seed, seed.data);
		vector_same(v, c, "ed25519_private", from_seed, 64);
		vector_same(v, c, "ed25519_public", from_seed + 32, 32);
		free(seed.data);
		d.now = vector_number(v, c, "timestamp");
		check_protect(v, c, &d, &t, plain);
		if (e4_set_peer(&d.c, id.data, from_seed + 32) != E4_OK)
			verdict_fail(v, "set_peer");
		check_unprotect(v, c, &d, &t, in);
	}
	device_free(&d);
	free(key.data);
	free(plain.data);
	free(in.data);
	free(id.data);
	free(private_key.data);
	return !v->failed;
}

/* --- Shared keys ------------------------------------------------------------- */

bool run_c2_shared(struct verdict *v, const json_t *c)
{
	struct bytes device = vector_hex(v, c, "device_ed25519_private");
	struct bytes c2_private = vector_hex(v, c, "c2_x25519_private");
	struct bytes c2_public = vector_hex(v, c, "c2_x25519_public");
	uint8_t out[32];

	if (device.len != 64 || c2_private.len != 32 || c2_public.len != 32) {
		verdict_fail(v, "a key of wrong length");
	} else {
		e4_ed25519_to_x25519_scalar(out, device.data);
		vector_same(v, c, "device_x25519_private", out, 32);
		if (!e4_x25519(out, out, c2_public.data))
			verdict_fail(v, "x25519 refuses");
		vector_same(v, c, "x25519_shared", out, 32);
		if (!e4_ed25519_to_x25519_public(out, device.data + 32))
			verdict_fail(v, "the client's public key is refused");
		vector_same(v, c, "device_x25519_public", out, 32);
		e4_x25519_base(out, c2_private.data);
		vector_same(v, c, "c2_x25519_public", out, 32);
		if (!e4_control_key_device(out, device.data, c2_public.data))
			verdict_fail(v, "the device refuses");
		vector_same(v, c, "shared_key", out, 32);
		if (!e4_control_key_c2(out, c2_private.data, device.data + 32))
			verdict_fail(v, "C2 refuses");
		vector_same(v, c, "shared_key", out, 32);
		vector_same(v, c, "device_ed25519_public", device.data + 32, 32);
	}
	free(device.data);
	free(c2_private.data);
	free(c2_public.data);
	return !v->failed;
}

/* --- Passwords --------------------------------------------------------------- */

bool run_password(struct verdict *v, const json_t *c)
{
	struct bytes password = vector_hex(v, c, "password_hex");
	const char *text = (const char *)password.data;
	bool good = e4_password_check(text, password.len) == E4_PASSWORD_GOOD;
	uint8_t key[32], private_key[64], id[16];

	if (good != vector_bool(v, c, "accepted"))
		verdict_fail(v, "the password is judged otherwise");
	if (e4_password_key_compat(key, text, password.len) != good)
		verdict_fail(v, "the key is %s", good ? "refused" : "made");
	if (good && !v->failed) {
		const char *name = vector_text(v, c, "name");

		vector_same(v, c, "sym_key", key, 32);
		vector_same(v, c, "ed25519_seed", key, 32);
		e4_ed25519_keypair(private_key, key);
		vector_same(v, c, "ed25519_private", private_key, 64);
		vector_same(v, c, "ed25519_public", private_key + 32, 32);
		e4_id_from_name(id, name, strlen(name));
		vector_same(v, c, "id", id, 16);
	}
	free(password.data);
	return !v->failed;
}

/* --- Key files --------------------------------------------------------------- */

/* The file named by a member is exactly the bytes of another. */
static void check_file(struct verdict *v, const json_t *c, const char *name, const char *bytes)
{
	char path[4096];
	uint8_t read[65];
	size_t n;
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", v->dir, vector_text(v, c, name));
	f = fopen(path, "rb");
	if (!f) {
		verdict_fail(v, "%s is missing", path);
		return;
	}
	n = fread(read, 1, sizeof read, f);
	fclose(f);
	vector_same(v, c, bytes, read, n);
}

static void check_pair(struct verdict *v, const json_t *c, const char *type, struct bytes key)
{
	uint8_t made[64];

	if (strcmp(type, "ed25519") == 0 && key.len == 64) {
		e4_ed25519_keypair(made, key.data);
		vector_same(v, c, "private", made, 64);
		vector_same(v, c, "public", made + 32, 32);
	} else if (strcmp(type, "curve25519") == 0 && key.len == 32) {
		e4_x25519_base(made, key.data);
		vector_same(v, c, "public", made, 32);
	} else {
		verdict_fail(v, "%s with a private key of %zu bytes", type, key.len);
	}
	check_file(v, c, "public_file", "public");
	if (vector_number(v, c, "public_size") != 32 ||
	    strcmp(vector_text(v, c, "public_mode"), "0o644") != 0)
		verdict_fail(v, "public file: size or mode");
}

/* The program itself is tested with the command lines; here, what its files say. */
bool run_keygen(struct verdict *v, const json_t *c)
{
	const char *type = vector_text(v, c, "type");
	struct bytes key;

	if (json_object_get(c, "exit_code")) {
		if (vector_number(v, c, "exit_code") == 0)
			verdict_fail(v, "a refusal that exits with 0");
		return !v->failed;
	}
	key = vector_hex(v, c, "private");
	check_file(v, c, "file", "private");
	if (vector_number(v, c, "size") != key.len ||
	    strcmp(vector_text(v, c, "mode"), "0o600") != 0)
		verdict_fail(v, "size or mode");
	if (strcmp(type, "symmetric") != 0)
		check_pair(v, c, type, key);
	else if (key.len != 32 || e4_is_zero(key.data, key.len))
		verdict_fail(v, "not a symmetric key");
	free(key.data);
	return !v->failed;
}
