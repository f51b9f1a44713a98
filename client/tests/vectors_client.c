/* The vectors of a whole client: messages, commands, sequences, states. */
#include <stdarg.h>

#include "e4/import.h"
#include "vectors.h"

/* --- Clients and their states ------------------------------------------------ */

const struct e4_mode *vector_mode(struct verdict *v, const json_t *object)
{
	return strcmp(vector_text(v, object, "mode"), "pub") == 0 ? &e4_mode_pk : &e4_mode_sk;
}

bool vector_device(struct verdict *v, struct device *d, const json_t *object, const char *state)
{
	struct e4_config cfg;
	char error[128] = "";

	memset(d, 0, sizeof *d);
	cfg = device_config(d, vector_mode(v, object));
	if (e4_init(&d->c, &cfg) != E4_OK)
		return verdict_fail(v, "e4_init");
	if (!e4_import_go(&d->c, state, strlen(state), error, sizeof error))
		return verdict_fail(v, "import: %s", error);
	return true;
}

static const struct e4_topic_key *topic_by_hash(const struct device *d, const uint8_t hash[16],
						bool hash_of_hash)
{
	for (uint16_t i = 0; i < d->c.topics_used; i++) {
		const struct e4_topic_key *t = &d->topics[i];
		uint8_t own[32];

		if (hash_of_hash)
			e4_sha3_256(own, t->hash, sizeof t->hash);
		else
			memcpy(own, t->hash, 16);
		if (memcmp(own, hash, 16) == 0)
			return t;
	}
	return NULL;
}

static void same_topics(struct verdict *v, const struct device *d, const json_t *list)
{
	const json_t *entry;
	size_t i;

	if (json_array_size(list) != d->c.topics_used)
		verdict_fail(v, "%d topics, not %d", d->c.topics_used, (int)json_array_size(list));
	json_array_foreach(list, i, entry)
	{
		struct bytes hash = vector_hex(v, entry, "topic_hash");
		const struct e4_topic_key *t =
			hash.len == 16 ? topic_by_hash(d, hash.data, false) : NULL;

		if (!t)
			verdict_fail(v, "a topic is missing");
		else
			vector_same(v, entry, "key", t->key, sizeof t->key);
		free(hash.data);
	}
}

static void same_old_keys(struct verdict *v, const struct device *d, const json_t *list)
{
	const json_t *entry;
	size_t i, n = 0;

	for (uint16_t k = 0; k < d->c.topics_used; k++)
		n += d->topics[k].switched_at != 0;
	if (json_array_size(list) != n)
		verdict_fail(v, "%d old keys, not %d", (int)n, (int)json_array_size(list));
	json_array_foreach(list, i, entry)
	{
		struct bytes hash = vector_hex(v, entry, "hash_of_hash");
		const struct e4_topic_key *t =
			hash.len == 16 ? topic_by_hash(d, hash.data, true) : NULL;

		if (!t)
			verdict_fail(v, "an old key is missing");
		else if (vector_number(v, entry, "timestamp") != t->switched_at)
			verdict_fail(v, "the time of a switch differs");
		else
			vector_same(v, entry, "key", t->old_key, sizeof t->old_key);
		free(hash.data);
	}
}

static void same_peers(struct verdict *v, const struct device *d, const json_t *list)
{
	const json_t *entry;
	size_t i;

	if (json_array_size(list) != d->c.peers_used)
		verdict_fail(v, "%d peers, not %d", d->c.peers_used, (int)json_array_size(list));
	json_array_foreach(list, i, entry)
	{
		struct bytes id = vector_hex(v, entry, "id");
		bool found = false;

		for (uint16_t k = 0; k < d->c.peers_used && id.len == 16; k++)
			if (memcmp(d->peers[k].id, id.data, 16) == 0)
				found = vector_same(v, entry, "ed25519_public",
						    d->peers[k].public_key, 32);
		if (!found)
			verdict_fail(v, "a peer is missing");
		free(id.data);
	}
}

bool vector_state(struct verdict *v, const struct device *d, const json_t *norm)
{
	char topic[E4_CONTROL_TOPIC_LEN + 1];

	e4_client_control_topic(&d->c, topic);
	if (strcmp(topic, vector_text(v, norm, "receiving_topic")) != 0)
		verdict_fail(v, "receiving_topic differs");
	vector_same(v, norm, "id", d->c.id, 16);
	same_topics(v, d, json_object_get(norm, "topic_keys"));
	same_old_keys(v, d, json_object_get(norm, "old_topic_keys"));
	if (vector_number(v, norm, "key_type") == 0)
		return vector_same(v, norm, "key", d->c.key, 32);
	vector_same(v, norm, "ed25519_private", d->c.key, 64);
	vector_same(v, norm, "signer_id", d->c.id, 16);
	vector_same(v, norm, "c2_x25519_public", d->c.c2_public, 32);
	same_peers(v, d, json_object_get(norm, "pub_keys"));
	return !v->failed;
}

/* --- One message ------------------------------------------------------------- */

/* Nothing of a refused message may be readable: untouched, or wiped. */
static bool only_zeros_or_marks(const uint8_t *out, size_t len)
{
	size_t zeros = 0, marks = 0;

	for (size_t i = 0; i < len; i++) {
		zeros += out[i] == 0;
		marks += out[i] == 0xa5;
	}
	return zeros == len || marks == len;
}

/* Give a message to the device; out has room for in.len + 1 bytes. */
static enum e4_result receive(struct verdict *v, struct device *d, const char *topic,
			      struct bytes in, struct bytes *out)
{
	struct e4_topic t;
	enum e4_result r;

	out->len = 0;
	out->data = malloc(in.len + 1);
	if (!out->data)
		abort();
	memset(out->data, 0xa5, in.len + 1);
	r = e4_topic_init(&t, &d->c, topic, strlen(topic));
	if (r != E4_OK)
		return r;
	r = e4_unprotect(&d->c, &t, out->data, in.len, &out->len, in.data, in.len);
	if (r != E4_OK) {
		size_t room = in.len > e4_overhead(&d->c) ? in.len - e4_overhead(&d->c) : 0;

		if (out->len != 0 || !only_zeros_or_marks(out->data, room))
			verdict_fail(v, "a refused message left bytes behind");
	}
	return r;
}

static bool accepted_by(const json_t *c, const char *peer)
{
	return json_is_true(json_object_get(json_object_get(c, peer), "accepted"));
}

/*
 * Whether a message must be accepted: the Go client's verdict, except for the
 * first row of README's table (an empty symmetric message is a message).
 */
static bool message_accepted(const json_t *c, const struct bytes *in)
{
	bool symmetric = strcmp(json_string_value(json_object_get(c, "mode")), "sym") == 0;

	if (symmetric && in->len == E4_OVERHEAD_SK &&
	    !json_is_true(json_object_get(c, "peers_agree")))
		return accepted_by(c, "libe4");
	return accepted_by(c, "e4go");
}

bool run_messages(struct verdict *v, const json_t *c)
{
	struct device d;
	struct bytes in = vector_hex(v, c, "protected"), out = {NULL, 0};
	enum e4_result r;

	if (vector_device(v, &d, c, vector_text(v, c, "state"))) {
		d.now = vector_number(v, c, "now");
		r = receive(v, &d, vector_text(v, c, "topic"), in, &out);
		if ((r == E4_OK) != message_accepted(c, &in))
			verdict_fail(v, "%s: \"%s\"", vector_text(v, c, "name"), e4_result_text(r));
		if (r == E4_OK && json_object_get(c, "plaintext"))
			vector_same(v, c, "plaintext", out.data, out.len);
		else if (r == E4_OK && out.len != 0)
			verdict_fail(v, "a plaintext that nobody expects");
		vector_state(v, &d, json_object_get(c, "state_norm"));
		device_free(&d);
	}
	free(in.data);
	free(out.data);
	return !v->failed;
}

/* --- One command ------------------------------------------------------------- */

/* As the Go client, but SetPubKey of zeros is refused and not just ignored (README's table). */
static bool command_accepted(struct verdict *v, const json_t *c)
{
	struct bytes command = vector_hex(v, c, "command");
	bool zero_pubkey = command.len == 49 && command.data[0] == E4_SET_PUBKEY &&
			   e4_is_zero(command.data + 1, 32);

	free(command.data);
	return accepted_by(c, "e4go") && !zero_pubkey;
}

/* The control message opens to the command that the case names. */
static void check_command_plaintext(struct verdict *v, const json_t *c, const struct device *d,
				    struct bytes in)
{
	uint8_t *plain = malloc(in.len + 1);
	uint64_t stamp;

	if (!plain)
		abort();
	if (!e4_message_open(plain, &stamp, d->c.control_key, in.data, in.len))
		verdict_fail(v, "the control key does not open the command");
	else if (stamp != vector_number(v, c, "timestamp"))
		verdict_fail(v, "timestamp differs");
	else
		vector_same(v, c, "command", plain, in.len - E4_OVERHEAD_SK);
	free(plain);
}

static void check_new_keys(struct verdict *v, const json_t *c, const struct device *d)
{
	if (json_object_get(c, "new_key"))
		vector_same(v, c, "new_key", d->c.control_key, 32);
	if (json_object_get(c, "new_shared_key"))
		vector_same(v, c, "new_shared_key", d->c.control_key, 32);
	if (json_object_get(c, "new_ed25519_private"))
		vector_same(v, c, "new_ed25519_private", d->c.key, 64);
}

bool run_commands(struct verdict *v, const json_t *c)
{
	struct device d;
	struct bytes in = vector_hex(v, c, "protected"), out = {NULL, 0};
	enum e4_result r;

	if (vector_device(v, &d, c, vector_text(v, c, "state_before"))) {
		vector_state(v, &d, json_object_get(c, "before"));
		if (vector_mode(v, c) == &e4_mode_pk)
			vector_same(v, json_object_get(c, "client"), "shared_key", d.c.control_key,
				    32);
		check_command_plaintext(v, c, &d, in);
		d.now = vector_number(v, c, "now");
		r = receive(v, &d, vector_text(v, c, "receiving_topic"), in, &out);
		if ((r == E4_COMMAND) != command_accepted(v, c) || (r < E4_ERR && r != E4_COMMAND))
			verdict_fail(v, "%s: \"%s\"", vector_text(v, c, "name"), e4_result_text(r));
		vector_state(v, &d, json_object_get(c, "after"));
		if (r == E4_COMMAND)
			check_new_keys(v, c, &d);
		device_free(&d);
	}
	free(in.data);
	free(out.data);
	return !v->failed;
}

/* --- Sequences --------------------------------------------------------------- */

static void step_unprotect(struct verdict *v, struct device *d, const json_t *step)
{
	struct bytes in = vector_hex(v, step, "input"), out;
	enum e4_result r = receive(v, d, vector_text(v, step, "topic"), in, &out);

	if ((r < E4_ERR) != vector_bool(v, step, "accepted"))
		verdict_fail(v, "%s: \"%s\"", vector_text(v, step, "what"), e4_result_text(r));
	else if (r == E4_OK)
		vector_same(v, step, "plaintext", out.data, out.len);
	free(in.data);
	free(out.data);
}

static void step_protect(struct verdict *v, struct device *d, const json_t *step)
{
	const char *topic = vector_text(v, step, "topic");
	struct bytes in = vector_hex(v, step, "plaintext");
	size_t cap = in.len + e4_overhead(&d->c), len;
	uint8_t *out = malloc(cap);
	struct e4_topic t;
	enum e4_result r;

	if (!out)
		abort();
	r = e4_topic_init(&t, &d->c, topic, strlen(topic));
	if (r == E4_OK)
		r = e4_protect(&d->c, &t, out, cap, &len, in.data, in.len);
	if ((r == E4_OK) != vector_bool(v, step, "accepted"))
		verdict_fail(v, "protect: \"%s\"", e4_result_text(r));
	else if (r == E4_OK)
		vector_same(v, step, "output", out, len);
	free(out);
	free(in.data);
}

static void step_reload(struct verdict *v, struct device *d)
{
	enum e4_result r;

	e4_client_wipe(&d->c);
	r = e4_load(&d->c);
	if (r != E4_OK)
		verdict_fail(v, "reload: \"%s\"", e4_result_text(r));
}

bool run_key_transition(struct verdict *v, const json_t *c)
{
	const json_t *steps = json_object_get(c, "steps"), *step, *after;
	struct device d;
	size_t i;

	if (json_array_size(steps) == 0)
		return verdict_fail(v, "no steps");
	if (!vector_device(v, &d, c, vector_text(v, c, "initial_state")))
		return false;
	json_array_foreach(steps, i, step)
	{
		const char *op = vector_text(v, step, "op");

		if (json_object_get(step, "now"))
			d.now = vector_number(v, step, "now");
		if (strcmp(op, "unprotect") == 0)
			step_unprotect(v, &d, step);
		else if (strcmp(op, "protect") == 0)
			step_protect(v, &d, step);
		else if (strcmp(op, "reload from saved state") == 0)
			step_reload(v, &d);
		else
			verdict_fail(v, "step %zu: unknown op", i);
		after = json_object_get(step, "after");
		if (after)
			vector_state(v, &d, after);
	}
	device_free(&d);
	return !v->failed;
}

/* --- States ------------------------------------------------------------------ */

/* The same text as a file, where the directory has these. */
static void check_state_file(struct verdict *v, const json_t *c, const char *text)
{
	char path[4096], read[65536];
	size_t n;
	FILE *f;

	snprintf(path, sizeof path, "%s/state_files/%s_%02d.json", v->dir,
		 vector_text(v, c, "mode"), v->index);
	f = fopen(path, "rb");
	if (!f)
		return;
	n = fread(read, 1, sizeof read, f);
	fclose(f);
	if (n != strlen(text) || memcmp(read, text, n) != 0)
		verdict_fail(v, "%s differs", path);
}

bool run_state_files(struct verdict *v, const json_t *c)
{
	const char *text = vector_text(v, c, "state");
	struct device d;

	check_state_file(v, c, text);
	if (!vector_device(v, &d, c, text))
		return false;
	vector_state(v, &d, json_object_get(c, "norm"));
	step_reload(v, &d); /* and once more through our own state */
	vector_state(v, &d, json_object_get(c, "norm"));
	device_free(&d);
	return !v->failed;
}

static void check_libe4_client(struct verdict *v, const json_t *c, const struct device *d)
{
	vector_same(v, c, "id", d->c.id, 16);
	same_topics(v, d, json_object_get(c, "topic_keys"));
	if (vector_mode(v, c) == &e4_mode_sk) {
		vector_same(v, c, "key", d->c.key, 32);
		return;
	}
	vector_same(v, c, "ed25519_private", d->c.key, 64);
	vector_same(v, c, "ed25519_public", d->c.key + 32, 32);
	vector_same(v, c, "c2_x25519_public", d->c.c2_public, 32);
	same_peers(v, d, json_object_get(c, "pub_keys"));
}

bool run_libe4_store(struct verdict *v, const json_t *c)
{
	struct device d;
	struct bytes in = vector_hex(v, c, "file");
	struct e4_config cfg;
	char error[128];

	memset(&d, 0, sizeof d);
	cfg = device_config(&d, vector_mode(v, c));
	if (e4_init(&d.c, &cfg) != E4_OK)
		verdict_fail(v, "e4_init");
	else if (!e4_import_libe4(&d.c, in.data, in.len, error, sizeof error))
		verdict_fail(v, "import: %s", error);
	else
		check_libe4_client(v, c, &d);
	device_free(&d);
	free(in.data);
	return !v->failed;
}
