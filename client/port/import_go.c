/*
 * The Go client's JSON state:
 *   { ID, TopicKeys: { hex hash: key }, Key: { keyType, keyData }, ReceivingTopic }
 * with keyData { Key } or { PrivateKey, SignerID, C2PubKey, PubKeys: { hex id: key } },
 * bytes in base64. An old topic key is listed under the hash of the topic's
 * hash, as key(32) | time of the switch(8).
 */
#include <jansson.h>
#include <string.h>
#include <strings.h>

#include "../src/bytes.h"
#include "import.h"

#define OLD_KEY_LEN 40

/* The member by that name, whatever its case; null also when it is JSON's null. */
static json_t *member(struct draft *d, json_t *object, const char *name)
{
	json_t *value, *found = NULL;
	const char *key;

	json_object_foreach(object, key, value)
	{
		if (strcasecmp(key, name) != 0)
			continue;
		if (found) {
			draft_fail(d, "%s is given twice", name);
			return NULL;
		}
		found = value;
	}
	return json_is_null(found) ? NULL : found;
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decode four characters to at most three bytes; their number, 0 on an error. */
static size_t base64_group(uint8_t out[3], const char in[4])
{
	size_t n = in[3] != '=' ? 3 : in[2] != '=' ? 2 : 1;
	uint32_t bits = 0;

	for (size_t i = 0; i < 4; i++) {
		int v = i <= n ? base64_value(in[i]) : 0;

		if (v < 0)
			return 0;
		bits = bits << 6 | (uint32_t)v;
	}
	out[0] = (uint8_t)(bits >> 16);
	out[1] = (uint8_t)(bits >> 8);
	out[2] = (uint8_t)bits;
	/* Bits that belong to no byte must be zero: one value, one spelling. */
	if ((n == 1 && (bits & 0xffff)) || (n == 2 && (bits & 0xff)))
		return 0;
	return n;
}

/* Decode text to at most cap bytes; false if it is not base64 or longer. */
static bool base64(uint8_t *out, size_t cap, size_t *len, const json_t *text)
{
	const char *in = json_string_value(text);
	size_t in_len = json_string_length(text);

	*len = 0;
	if (!in || in_len % 4 != 0)
		return false;
	for (size_t i = 0; i < in_len; i += 4) {
		uint8_t group[3];
		size_t n = base64_group(group, in + i);

		if (n == 0 || (n < 3 && i + 4 != in_len) || *len + n > cap)
			return false;
		memcpy(out + *len, group, n);
		*len += n;
	}
	return true;
}

/* A member of exactly len bytes. */
static bool bytes(struct draft *d, json_t *object, const char *name, uint8_t *out, size_t len)
{
	json_t *value = member(d, object, name);
	size_t got;

	if (!value)
		return draft_fail(d, "%s is missing", name);
	if (!base64(out, len, &got, value) || got != len)
		return draft_fail(d, "%s is not %zu bytes in base64", name, len);
	return true;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool hex16(uint8_t out[16], const char *text)
{
	if (strlen(text) != 32)
		return false;
	for (int i = 0; i < 16; i++) {
		int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* A listed key: its 16-byte name and its 32 or 40 bytes. */
static bool listed(struct draft *d, const char *list, const char *name, const json_t *value,
		   uint8_t name16[16], uint8_t key[OLD_KEY_LEN], size_t *len)
{
	if (!hex16(name16, name))
		return draft_fail(d, "a name in %s is not 32 hex digits", list);
	if (!base64(key, OLD_KEY_LEN, len, value))
		return draft_fail(d, "a key in %s is not base64 of a key's length", list);
	return true;
}

static json_t *list_member(struct draft *d, json_t *object, const char *name)
{
	json_t *list = member(d, object, name);

	if (list && !json_is_object(list)) {
		draft_fail(d, "%s is not an object", name);
		return NULL;
	}
	return list; /* an empty list may be null */
}

static bool read_topic(struct draft *d, const char *name, const json_t *value)
{
	uint8_t hash[16], key[OLD_KEY_LEN];
	size_t len = 0;
	bool ok;

	if (!listed(d, "TopicKeys", name, value, hash, key, &len))
		return false;
	if (len == OLD_KEY_LEN) /* second pass */
		ok = true;
	else if (len != E4_KEY_LEN)
		ok = draft_fail(d, "a key in TopicKeys is %zu bytes", len);
	else
		ok = draft_add_topic(d, hash, key);
	e4_wipe(key, sizeof key);
	return ok;
}

/* An old key goes to its topic; one whose topic is gone could not be used and is left out. */
static bool read_old_key(struct draft *d, const char *name, const json_t *value)
{
	uint8_t wanted[16], hash_of_hash[16], key[OLD_KEY_LEN];
	size_t len = 0;

	if (!listed(d, "TopicKeys", name, value, wanted, key, &len))
		return false;
	for (uint16_t i = 0; len == OLD_KEY_LEN && i < d->fresh.topics_used; i++) {
		struct e4_topic_key *t = &d->fresh.cfg.topics[i];

		e4_topic_hash(hash_of_hash, (const char *)t->hash, sizeof t->hash);
		if (memcmp(hash_of_hash, wanted, sizeof wanted) != 0)
			continue;
		t->switched_at = e4_get64(key + E4_KEY_LEN);
		if (t->switched_at != 0)
			memcpy(t->old_key, key, E4_KEY_LEN);
	}
	e4_wipe(key, sizeof key);
	return true;
}

static bool each(struct draft *d, json_t *list,
		 bool read(struct draft *, const char *, const json_t *))
{
	const char *name;
	json_t *value;

	json_object_foreach(list, name, value) if (!read(d, name, value)) return false;
	return !d->failed;
}

static bool read_peer(struct draft *d, const char *name, const json_t *value)
{
	uint8_t id[16], key[OLD_KEY_LEN];
	size_t len = 0;

	if (!listed(d, "PubKeys", name, value, id, key, &len))
		return false;
	if (len != 32)
		return draft_fail(d, "a key in PubKeys is %zu bytes", len);
	return draft_add_peer(d, id, key);
}

static bool read_sk(struct draft *d, json_t *data, const uint8_t id[16])
{
	uint8_t key[E4_KEY_LEN];
	bool ok = bytes(d, data, "Key", key, sizeof key) && draft_set_sk(d, id, key);

	e4_wipe(key, sizeof key);
	return ok;
}

static bool read_pk(struct draft *d, json_t *data, const uint8_t id[16])
{
	uint8_t key[64], c2_public[32], signer[16];
	bool ok = bytes(d, data, "PrivateKey", key, sizeof key) &&
		  bytes(d, data, "C2PubKey", c2_public, sizeof c2_public) &&
		  bytes(d, data, "SignerID", signer, sizeof signer);

	if (ok && memcmp(signer, id, sizeof signer) != 0)
		ok = draft_fail(d, "SignerID is not the ID");
	ok = ok && draft_set_pk(d, id, key, c2_public) &&
	     each(d, list_member(d, data, "PubKeys"), read_peer);
	e4_wipe(key, sizeof key);
	return ok;
}

static bool read_key(struct draft *d, json_t *root, const uint8_t id[16])
{
	json_t *key = member(d, root, "Key"), *type, *data;

	if (!json_is_object(key))
		return draft_fail(d, "Key is missing or not an object");
	type = member(d, key, "keyType");
	data = member(d, key, "keyData");
	if (!json_is_object(data))
		return draft_fail(d, "keyData is missing or not an object");
	if (json_is_integer(type) && json_integer_value(type) == 0)
		return read_sk(d, data, id);
	if (json_is_integer(type) && json_integer_value(type) == 1)
		return read_pk(d, data, id);
	return draft_fail(d, "keyType is neither 0 nor 1");
}

/* The client listens there, so it must be what this library listens to. */
static bool check_receiving_topic(struct draft *d, json_t *root, const uint8_t id[16])
{
	json_t *value = member(d, root, "ReceivingTopic");
	const char *text = json_string_value(value);
	char topic[E4_CONTROL_TOPIC_LEN + 1];

	e4_control_topic(topic, id);
	if (!text || json_string_length(value) != E4_CONTROL_TOPIC_LEN || strcmp(text, topic) != 0)
		return draft_fail(d, "ReceivingTopic is not the control topic of the ID");
	return true;
}

static bool read_root(struct draft *d, json_t *root)
{
	json_t *topics;
	uint8_t id[16];

	if (!json_is_object(root))
		return draft_fail(d, "the state is not a JSON object");
	if (!bytes(d, root, "ID", id, sizeof id) || !check_receiving_topic(d, root, id) ||
	    !read_key(d, root, id))
		return false;
	topics = list_member(d, root, "TopicKeys");
	return each(d, topics, read_topic) && each(d, topics, read_old_key);
}

bool e4_import_go(struct e4_client *c, const char *json, size_t len, char *error, size_t error_cap)
{
	struct draft d;
	json_error_t json_error;
	json_t *root = NULL;
	bool ok = draft_init(&d, c, error, error_cap);

	if (ok) {
		root = json_loadb(json, len, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK,
				  &json_error);
		/* jansson's own text may quote the input, which holds keys */
		ok = root ? read_root(&d, root) && draft_install(&d)
			  : draft_fail(&d, "not JSON: line %d, column %d", json_error.line,
				       json_error.column);
	}
	json_decref(root);
	draft_free(&d);
	return ok;
}
