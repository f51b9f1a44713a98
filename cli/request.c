#include <sodium.h>
#include <string.h>
#include <strings.h>

#include "api/json.h"
#include "base/file.h"
#include "c2.pb-c.h"
#include "cli/run.h"
#include "e4/crypto.h"
#include "e4/password.h"
#include "e4/protocol.h"

/* Bytes a base64 flag may take from a file: what a broker would carry, generously. */
enum { MESSAGE_MAX = 4 << 20, PASSWORD_MAX = 1024, KEY_MAX = 256 };

bool request_stdin(const struct session *s, const char *path, struct err *err)
{
	if (path && strcmp(path, "-") == 0 && s->stdin_taken)
		return err_set(err, ERR_INVALID, "standard input holds the commands; name a file");
	return true;
}

/* Put bytes into a field, by its text form. */
static bool set_bytes(ProtobufCMessage *msg, const char *field, const uint8_t *bytes, size_t len,
		      struct arena *arena, struct err *err)
{
	size_t cap = sodium_base64_encoded_len(len, sodium_base64_VARIANT_ORIGINAL);
	char *text = arena_alloc(arena, cap);

	sodium_bin2base64(text, cap, bytes, len, sodium_base64_VARIANT_ORIGINAL);
	return api_set_field(msg, field, text, strlen(text), arena, NULL, err);
}

bool request_mode(struct session *s, struct arena *arena, bool *pubkey, struct err *err)
{
	Pb__GetCryptoModeRequest request = PB__GET_CRYPTO_MODE_REQUEST__INIT;
	ProtobufCMessage *answer;
	Pb__CryptoMode mode;

	if (!grpc_call(s->grpc, &api_methods[API_C2_GET_CRYPTO_MODE], &request.base, arena, &answer,
		       err))
		return false;
	mode = ((const Pb__GetCryptoModeResponse *)(const void *)answer)->cryptomode;
	*pubkey = mode == PB__CRYPTO_MODE__CRYPTOMODE_PUBKEY;
	return *pubkey || mode == PB__CRYPTO_MODE__CRYPTOMODE_SYMKEY ||
	       err_set(err, ERR_UNIMPLEMENTED,
		       "the server is in a mode that this c2cli does not "
		       "know");
}

static bool key_length(const char *path, size_t len, bool pubkey, struct err *err)
{
	if (len == E4_KEY_LEN)
		return true;
	if (pubkey && len == 64)
		return err_set(err, ERR_INVALID,
			       "%s holds 64 bytes, as a private key; the server takes the public "
			       "one: FILE.pub of e4keygen",
			       path);
	return err_set(err, ERR_INVALID,
		       "%s holds %zu bytes; a key is %d raw bytes (e4keygen -type "
		       "%s)",
		       path, len, E4_KEY_LEN, pubkey ? "ed25519 and FILE.pub" : "symmetric");
}

static bool set_key_file(struct session *s, const struct command_value *v, ProtobufCMessage *msg,
			 struct arena *arena, struct err *err)
{
	uint8_t *key = arena_alloc(arena, KEY_MAX);
	size_t len;
	bool pubkey;

	if (!request_stdin(s, v->text, err) || !request_mode(s, arena, &pubkey, err))
		return false;
	if (pubkey ? !file_read(v->text, key, KEY_MAX, &len, err)
		   : !file_read_secret(v->text, key, KEY_MAX, &len, err))
		return false;
	return key_length(v->text, len, pubkey, err) &&
	       set_bytes(msg, v->flag.api->field, key, len, arena, err);
}

static bool check_password(const char *password, struct err *err)
{
	switch (e4_password_check(password, strlen(password))) {
	case E4_PASSWORD_GOOD:
		return true;
	case E4_PASSWORD_TOO_SHORT:
		return err_set(err, ERR_INVALID, "the password has less than %d bytes",
			       E4_PASSWORD_MIN);
	case E4_PASSWORD_NOT_UTF8:
		return err_set(err, ERR_INVALID, "the password is not valid UTF-8");
	case E4_PASSWORD_TOO_LONG:
		break;
	}
	return err_set(err, ERR_INVALID, "the password is too long");
}

/* The client key, or the Ed25519 public key, that the password gives to this client. */
static bool derive(uint8_t key[32], const char *name, const char *password, bool compat,
		   bool pubkey, struct err *err)
{
	uint8_t id[E4_ID_LEN], private_key[64];
	bool ok;

	if (!check_password(password, err))
		return false;
	e4_id_from_name(id, name, strlen(name));
	ok = compat ? e4_password_key_compat(key, password, strlen(password))
		    : e4_password_key(key, id, password, strlen(password));
	if (!ok)
		return err_set(err, ERR_EXHAUSTED,
			       "deriving a key takes 64 MiB of memory, which "
			       "were not to be had");
	if (pubkey) {
		e4_ed25519_keypair(private_key, key);
		memcpy(key, private_key + 32, 32);
		e4_wipe(private_key, sizeof private_key);
	}
	return true;
}

static bool set_password_key(struct session *s, const struct command *cmd,
			     const struct command_value *v, ProtobufCMessage *msg,
			     struct arena *arena, struct err *err)
{
	const struct command_value *name = command_get(cmd, "name");
	char *password = arena_alloc(arena, PASSWORD_MAX);
	uint8_t *key = arena_alloc(arena, 32);
	const struct command_value *switched = command_with(cmd, FLAG_COMPAT);
	bool compat = switched && (!switched->text || strcmp(switched->text, "true") == 0), pubkey;

	if (!name || !e4_name_ok(name->text, strlen(name->text)))
		return err_set(err, ERR_INVALID, "a client's name is 1 to %d bytes of UTF-8",
			       E4_NAME_MAX);
	if (!request_stdin(s, v->text, err) || !request_mode(s, arena, &pubkey, err))
		return false;
	if (!file_read_line(v->text, password, PASSWORD_MAX, err))
		return false;
	return derive(key, name->text, password, compat, pubkey, err) &&
	       set_bytes(msg, v->flag.api->field, key, 32, arena, err);
}

static bool set_from_file(struct session *s, const struct command_value *v, ProtobufCMessage *msg,
			  struct arena *arena, struct err *err)
{
	uint8_t *bytes = arena_alloc(arena, MESSAGE_MAX);
	size_t len;

	return request_stdin(s, v->text, err) &&
	       file_read(v->text, bytes, MESSAGE_MAX, &len, err) &&
	       set_bytes(msg, v->flag.api->field, bytes, len, arena, err);
}

/* "producer" for TYPE_PRODUCER; null: no value of this enum ends so. */
const char *request_word(const ProtobufCEnumDescriptor *e, const char *word, size_t len)
{
	for (unsigned i = 0; i < e->n_values; i++) {
		const char *last = strrchr(e->values[i].name, '_');

		last = last ? last + 1 : e->values[i].name;
		if (strlen(last) == len && strncasecmp(last, word, len) == 0)
			return e->values[i].name;
	}
	return NULL;
}

static bool set_word(ProtobufCMessage *msg, const struct api_flag *flag, const char *word,
		     size_t len, struct arena *arena, struct err *err)
{
	const ProtobufCFieldDescriptor *f =
		protobuf_c_message_descriptor_get_field_by_name(msg->descriptor, flag->field);

	if (f && f->type == PROTOBUF_C_TYPE_ENUM) {
		const char *name = request_word(f->descriptor, word, len);

		if (!name)
			return err_set(err, ERR_INVALID, "--%s: no such word: %.*s", flag->name,
				       (int)(len < 40 ? len : 40), word);
		word = name;
		len = strlen(name);
	}
	return api_set_field(msg, flag->field, word, len, arena, NULL, err) ||
	       err_wrap(err, "--%s", flag->name);
}

/* What is between the commas. */
static bool set_list(ProtobufCMessage *msg, const struct api_flag *flag, const char *text,
		     struct arena *arena, struct err *err)
{
	for (;;) {
		size_t len = strcspn(text, ",");

		if (!set_word(msg, flag, text, len, arena, err))
			return false;
		if (!text[len])
			return true;
		text += len + 1;
	}
}

static bool set_value(struct session *s, const struct command *cmd, const struct command_value *v,
		      ProtobufCMessage *msg, struct arena *arena, struct err *err)
{
	const char *text = v->text ? v->text : "true";

	/* What fills no field is for the command that has it. */
	if (!v->flag.api || !v->flag.api->field || v->flag.role == FLAG_COMPAT)
		return true;
	if (v->flag.role == FLAG_FROM_FILE)
		return set_from_file(s, v, msg, arena, err);
	switch (v->flag.api->kind) {
	case API_FLAG_SELECT:
	case API_FLAG_FILE:
		return true;
	case API_FLAG_KEY_FILE:
		return set_key_file(s, v, msg, arena, err);
	case API_FLAG_PASSWORD_FILE:
		return set_password_key(s, cmd, v, msg, arena, err);
	case API_FLAG_LIST:
		return set_list(msg, v->flag.api, text, arena, err);
	case API_FLAG_CHOICE:
		return set_word(msg, v->flag.api, text, strlen(text), arena, err);
	case API_FLAG_STRING:
	case API_FLAG_BOOL:
	case API_FLAG_INT64:
	case API_FLAG_BASE64:
		break;
	}
	if (api_set_field(msg, v->flag.api->field, text, strlen(text), arena, NULL, err))
		return true;
	if (v->flag.api->kind == API_FLAG_BASE64)
		return err_set(err, ERR_INVALID,
			       "--%s has to be base64; bytes as they are come from "
			       "a file or standard input: --%s-file FILE or -",
			       v->flag.name, v->flag.name);
	return err_wrap(err, "--%s", v->flag.name);
}

bool request_build(struct session *s, const struct command *cmd, struct arena *arena,
		   ProtobufCMessage **request, struct err *err)
{
	*request = api_message_new(cmd->row->request, arena);
	for (size_t i = 0; i < cmd->n_values; i++)
		if (!set_value(s, cmd, &cmd->values[i], *request, arena, err))
			return false;
	return true;
}
