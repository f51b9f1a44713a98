#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

	if (!rpc_call(s->rpc, &api_methods[API_C2_GET_CRYPTO_MODE], &request.base, arena, &answer,
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

/* "; one of any, topic, topic-pattern" */
static void put_words(char *out, size_t cap, const ProtobufCEnumDescriptor *e)
{
	char word[COMMAND_WORD_CAP];
	size_t n = 0;

	for (unsigned i = 0; i < e->n_values && n < cap; i++)
		if (command_word_of(word, e, i))
			n += (size_t)snprintf(out + n, cap - n, "%s%s", n ? ", " : "; one of ",
					      word);
}

static bool set_word(ProtobufCMessage *msg, const struct api_flag *flag, const char *word,
		     size_t len, struct arena *arena, struct err *err)
{
	const ProtobufCFieldDescriptor *f = command_field(msg->descriptor, flag->field);

	if (f && f->type == PROTOBUF_C_TYPE_ENUM) {
		const char *name = command_word(f->descriptor, word, len);
		char words[160] = "";

		if (!name)
			put_words(words, sizeof words, f->descriptor);
		if (!name)
			return err_set(err, ERR_INVALID, "--%s: no such word: %.*s%s", flag->name,
				       (int)(len < 40 ? len : 40), word, words);
		word = name;
		len = strlen(name);
	}
	return api_set_field(msg, flag->field, word, len, arena, NULL, err) ||
	       err_wrap(err, "--%s", flag->name);
}

/* --- settings of a trigger: KEY=VALUE as one JSON object ------------------------------------ */

/* A number where the key wants one; what it is for the server decides. */
static json_t *setting_value(const char *key, size_t len, const char *text, struct err *err)
{
	static const char *const numbers[] = {"maxOccurrence", "max"};
	int64_t n;

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (strlen(numbers[i]) == len && memcmp(numbers[i], key, len) == 0) {
			char what[40];

			snprintf(what, sizeof what, "--setting %s", numbers[i]);
			return opts_int(text, 1, INT64_MAX, what, &n, err) ? json_integer(n) : NULL;
		}
	return json_string(text);
}

static bool add_setting(json_t *o, const char *text, struct err *err)
{
	size_t len = strcspn(text, "=");
	json_t *value;

	if (len == 0 || !text[len])
		return err_set(err, ERR_INVALID, "--setting is KEY=VALUE, as 'expr=0 3 * * *'");
	if (json_object_getn(o, text, len))
		return err_set(err, ERR_INVALID, "--setting %.*s was given twice",
			       (int)(len < 40 ? len : 40), text);
	*err = (struct err){ERR_OK, ""};
	value = setting_value(text, len, text + len + 1, err);
	if (json_object_setn_new(o, text, len, value) == 0)
		return true;
	return err->code != ERR_OK ? false : err_set(err, ERR_INVALID, "--setting is not UTF-8");
}

/* All of them, at the first. */
static bool set_settings(const struct command *cmd, const struct command_value *v,
			 ProtobufCMessage *msg, struct arena *arena, struct err *err)
{
	const struct api_flag *flag = v->flag.api;
	json_t *o;
	char *text;
	bool ok = true;

	if (command_get(cmd, flag->name) != v)
		return true;
	o = json_object();
	for (size_t i = 0; ok && i < cmd->n_values; i++)
		if (cmd->values[i].flag.api == flag && cmd->values[i].text)
			ok = add_setting(o, cmd->values[i].text, err);
	text = ok ? json_dumps(o, JSON_COMPACT) : NULL;
	if (text)
		ok = set_bytes(msg, flag->field, (const uint8_t *)text, strlen(text), arena, err);
	free(text);
	json_decref(o);
	return ok;
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
	case API_FLAG_SETTING:
		return set_settings(cmd, v, msg, arena, err);
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
	if ((cmd->row->cli.kind == API_COMMAND_PAUSE &&
	     !api_set_field(*request, "pause", "true", 4, arena, NULL, err)) ||
	    (cmd->row->cli.kind == API_COMMAND_RESUME &&
	     !api_set_field(*request, "pause", "false", 5, arena, NULL, err)))
		return false;
	for (size_t i = 0; i < cmd->n_values; i++)
		if (!set_value(s, cmd, &cmd->values[i], *request, arena, err))
			return false;
	return true;
}
