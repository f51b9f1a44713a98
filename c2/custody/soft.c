/*
 * sealed = version(1) | SIV(16) | ciphertext(n), AES-256-SIV of protocol.md
 * section 1 under a subkey of the master key. Associated data:
 * version(1) | purpose(1) | row length(1) | row. Deterministic, so there is no
 * nonce that a bad random source or a restored backup could repeat; equal
 * bytes would need the same key at the same row and revision.
 *
 * The stored parameters, in the database's meta:
 * version(1) | kind(1) | passes(4) | memory KiB(4) | salt(16) | check value(49)
 * The check value is sealed under a subkey of its own with all that stands
 * before it as its row: wrong master key and changed parameters both show.
 */
#include "c2/custody/soft.h"

#include <sodium.h>
#include <string.h>

#include "base/file.h"
#include "e4/crypto.h"

#define META_NAME "custody_soft"
#define VERSION 1
#define OVERHEAD (1 + E4_SIV_TAG_LEN)
#define MASTER_LEN 32
#define SALT_LEN crypto_pwhash_argon2id_SALTBYTES
#define PARAMS_LEN (2 + 4 + 4 + SALT_LEN)
#define CHECK_LEN 32
#define STORED_LEN (PARAMS_LEN + OVERHEAD + CHECK_LEN)
#define PASSPHRASE_MIN 16
#define PASSPHRASE_CAP 1026 /* 1,024 bytes, and room to see that it is longer */

/* 64 MiB and 3 passes: about 0.2 s, and it starts on a small machine. */
#define PASSES 3
#define MEMORY_KIB (64 * 1024)
/* Bounds for what a database may ask of us. */
#define PASSES_MAX 64
#define MEMORY_KIB_MAX (4 * 1024 * 1024)

_Static_assert(PARAMS_LEN <= CUSTODY_ROW_MAX, "the parameters are the row of the check value");
_Static_assert(SALT_LEN == 16, "the stored form");
_Static_assert(OVERHEAD + CUSTODY_KEY_MAX <= SEALED_MAX, "the longest key fits");

enum kind { KIND_PASSPHRASE = 1, KIND_KEY_FILE = 2 };

struct params {
	enum kind kind;
	uint32_t passes; /* 0 for a key file */
	uint32_t memory_kib;
	uint8_t salt[SALT_LEN];
};

/* In locked memory that is wiped when it is released. */
struct soft {
	struct e4_siv_key seal;
	struct e4_siv_key check;
	uint8_t master[MASTER_LEN]; /* zero once the two are made */
	char passphrase[PASSPHRASE_CAP];
};

/* --- Sealing ---------------------------------------------------------------------- */

static size_t associated(uint8_t ad[3 + CUSTODY_ROW_MAX], enum custody_purpose purpose,
			 const uint8_t *row, size_t row_len)
{
	ad[0] = VERSION;
	ad[1] = (uint8_t)purpose;
	ad[2] = (uint8_t)row_len;
	memcpy(ad + 3, row, row_len);
	return 3 + row_len;
}

static void seal_under(const struct e4_siv_key *k, uint8_t *out, enum custody_purpose purpose,
		       const uint8_t *row, size_t row_len, const uint8_t *key, size_t len)
{
	uint8_t ad[3 + CUSTODY_ROW_MAX];
	size_t ad_len = associated(ad, purpose, row, row_len);
	out[0] = VERSION;
	e4_siv_seal(k, out + 1, ad, ad_len, key, len);
}

static bool open_under(const struct e4_siv_key *k, uint8_t *key, size_t len,
		       enum custody_purpose purpose, const uint8_t *row, size_t row_len,
		       const uint8_t *in)
{
	uint8_t ad[3 + CUSTODY_ROW_MAX];
	size_t ad_len = associated(ad, purpose, row, row_len);
	return in[0] == VERSION && e4_siv_open(k, key, ad, ad_len, in + 1, E4_SIV_TAG_LEN + len);
}

static bool soft_seal(void *ctx, struct sealed *out, enum custody_purpose purpose,
		      const uint8_t *row, size_t row_len, const uint8_t *key, size_t len,
		      struct err *err)
{
	const struct soft *s = ctx;
	(void)err;
	seal_under(&s->seal, out->bytes, purpose, row, row_len, key, len);
	out->len = (uint8_t)(OVERHEAD + len);
	return true;
}

static bool soft_open(void *ctx, uint8_t *key, size_t len, enum custody_purpose purpose,
		      const uint8_t *row, size_t row_len, const struct sealed *in, struct err *err)
{
	const struct soft *s = ctx;
	if (in->len == OVERHEAD + len &&
	    open_under(&s->seal, key, len, purpose, row, row_len, in->bytes))
		return true;
	return err_set(
		err, ERR_CUSTODY,
		"a stored key is damaged or was moved from where it belongs: restore a backup "
		"of the database");
}

static bool soft_check(void *ctx, struct err *err)
{
	static const uint8_t row[1] = {0}, probe[CHECK_LEN] = {1};
	uint8_t back[CHECK_LEN];
	struct sealed sealed;
	if (!soft_seal(ctx, &sealed, CUSTODY_CHECK, row, sizeof row, probe, sizeof probe, err) ||
	    !soft_open(ctx, back, sizeof back, CUSTODY_CHECK, row, sizeof row, &sealed, err))
		return false;
	return e4_equal(back, probe, sizeof probe) ||
	       err_set(err, ERR_CUSTODY, "the sealing of keys does not work");
}

static void soft_close(void *ctx)
{
	sodium_free(ctx); /* wipes */
}

static const struct custody_ops soft_ops = {soft_seal, soft_open, soft_check, soft_close};

/* --- The master key --------------------------------------------------------------- */

/* One subkey for one use; no label is the beginning of another. */
static void subkey(struct e4_siv_key *out, const char label[16], const uint8_t master[MASTER_LEN])
{
	struct e4_sha3 h;
	uint8_t key[32];
	e4_sha3_init(&h);
	e4_sha3_update(&h, label, 16);
	e4_sha3_update(&h, master, MASTER_LEN);
	e4_sha3_final(&h, key);
	e4_siv_key_init(out, key);
	e4_wipe(key, sizeof key);
}

static bool read_key_file(uint8_t master[MASTER_LEN], const char *path, struct err *err)
{
	uint8_t bytes[MASTER_LEN + 1];
	size_t len = 0;
	struct err why = {ERR_OK, ""};
	bool ok = file_read_secret(path, bytes, sizeof bytes, &len, &why);
	if (ok ? len != MASTER_LEN : why.code == ERR_INVALID)
		ok = err_set(err, ERR_CUSTODY, "key file %s: must hold exactly 32 bytes", path);
	else if (!ok)
		err_set(err, why.code, "key file: %s", why.text);
	if (ok && e4_is_zero(bytes, MASTER_LEN))
		ok = err_set(err, ERR_CUSTODY, "key file %s: holds only zeros", path);
	if (ok)
		memcpy(master, bytes, MASTER_LEN);
	e4_wipe(bytes, sizeof bytes);
	return ok;
}

static bool read_passphrase(struct soft *s, const char *path, bool first, struct err *err)
{
	if (!file_read_line(path, s->passphrase, sizeof s->passphrase, err))
		return err_wrap(err, "passphrase file");
	size_t len = strlen(s->passphrase);
	if (first && len < PASSPHRASE_MIN)
		return err_set(err, ERR_CUSTODY,
			       "passphrase file %s: the passphrase must have at least %d bytes",
			       path, PASSPHRASE_MIN);
	return true;
}

static bool derive(struct soft *s, const struct params *p, struct err *err)
{
	int rc = crypto_pwhash_argon2id(s->master, MASTER_LEN, s->passphrase, strlen(s->passphrase),
					p->salt, p->passes, (size_t)p->memory_kib * 1024,
					crypto_pwhash_argon2id_ALG_ARGON2ID13);
	e4_wipe(s->passphrase, sizeof s->passphrase);
	return rc == 0 ||
	       err_set(err, ERR_CUSTODY,
		       "no %u MiB of memory to derive the master key from the passphrase",
		       p->memory_kib / 1024);
}

static bool master_key(struct soft *s, const struct custody_soft_config *config,
		       const struct params *p, bool first, struct err *err)
{
	bool ok = p->kind == KIND_KEY_FILE
			  ? read_key_file(s->master, config->key_file, err)
			  : read_passphrase(s, config->passphrase_file, first, err) &&
				    derive(s, p, err);
	if (!ok)
		return false;
	subkey(&s->seal, "E4 custody seal ", s->master);
	subkey(&s->check, "E4 custody check", s->master);
	e4_wipe(s->master, sizeof s->master);
	return true;
}

/* --- What is stored ---------------------------------------------------------------- */

static void put32(uint8_t *out, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(v >> (8 * i));
}

static uint32_t get32(const uint8_t *in)
{
	return in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

static void params_encode(uint8_t out[PARAMS_LEN], const struct params *p)
{
	out[0] = VERSION;
	out[1] = (uint8_t)p->kind;
	put32(out + 2, p->passes);
	put32(out + 6, p->memory_kib);
	memcpy(out + 10, p->salt, SALT_LEN);
}

static bool params_decode(struct params *p, const uint8_t in[PARAMS_LEN], struct err *err)
{
	p->kind = (enum kind)in[1];
	p->passes = get32(in + 2);
	p->memory_kib = get32(in + 6);
	memcpy(p->salt, in + 10, SALT_LEN);
	if (in[0] > VERSION)
		return err_set(err, ERR_CUSTODY,
			       "keys were sealed by a newer version: run that version");
	if (in[0] == VERSION && p->kind == KIND_KEY_FILE && !p->passes && !p->memory_kib)
		return true;
	if (in[0] == VERSION && p->kind == KIND_PASSPHRASE && p->passes &&
	    p->passes <= PASSES_MAX && p->memory_kib >= 8 && p->memory_kib <= MEMORY_KIB_MAX)
		return true;
	return err_set(err, ERR_CUSTODY,
		       "the database's custody entry is damaged: restore a backup of the database");
}

static const uint8_t check_plain[CHECK_LEN] = "E4 custody: this is the key.";

static bool check_value(const struct soft *s, const uint8_t stored[STORED_LEN],
			const struct params *p, struct err *err)
{
	uint8_t plain[CHECK_LEN];
	if (open_under(&s->check, plain, sizeof plain, CUSTODY_CHECK, stored, PARAMS_LEN,
		       stored + PARAMS_LEN) &&
	    e4_equal(plain, check_plain, sizeof plain))
		return true;
	if (p->kind == KIND_KEY_FILE)
		return err_set(err, ERR_CUSTODY,
			       "wrong key file: it is not the one this database was sealed with");
	return err_set(err, ERR_CUSTODY,
		       "wrong passphrase: it is not the one this database was sealed with");
}

/* --- Opening ------------------------------------------------------------------------ */

static bool saw_one(void *arg, const struct store_c2_key *row)
{
	(void)row;
	*(bool *)arg = true;
	return false;
}

/*
 * Keys without a custody entry: half a database. To seal anew under any key
 * given would hide the loss and mix two master keys.
 */
static bool is_new(const struct store *store, struct err *err)
{
	int64_t revision, clients, topics;
	bool c2_key = false;
	if (!store->ops->revision(store->ctx, &revision, err) ||
	    !store->ops->clients_count(store->ctx, &clients, err) ||
	    !store->ops->topics_count(store->ctx, &topics, err) ||
	    !store->ops->c2_keys(store->ctx, saw_one, &c2_key, err))
		return false;
	if (!revision && !clients && !topics && !c2_key)
		return true;
	return err_set(
		err, ERR_CUSTODY,
		"the database has sealed keys but its custody entry is lost: restore a backup of "
		"the database");
}

static bool store_entry(const struct store *store, const uint8_t stored[STORED_LEN],
			struct err *err)
{
	uint8_t other[STORED_LEN];
	size_t len;
	bool found;
	if (!store->ops->begin(store->ctx, err))
		return false;
	if (store->ops->meta_get(store->ctx, META_NAME, other, sizeof other, &len, &found, err) &&
	    (!found || err_set(err, ERR_CUSTODY,
			       "another server has just made this database: start again")) &&
	    store->ops->meta_put(store->ctx, META_NAME, stored, STORED_LEN, err))
		return store->ops->commit(store->ctx, err);
	store->ops->rollback(store->ctx);
	return false;
}

static bool first_start(struct soft *s, const struct custody_soft_config *config,
			const struct store *store, struct err *err)
{
	struct params p = {.kind = KIND_KEY_FILE};
	uint8_t stored[STORED_LEN];
	if (!is_new(store, err))
		return false;
	if (config->passphrase_file) {
		p = (struct params){
			.kind = KIND_PASSPHRASE, .passes = PASSES, .memory_kib = MEMORY_KIB};
		randombytes_buf(p.salt, sizeof p.salt);
	}
	if (!master_key(s, config, &p, true, err))
		return false;
	params_encode(stored, &p);
	seal_under(&s->check, stored + PARAMS_LEN, CUSTODY_CHECK, stored, PARAMS_LEN, check_plain,
		   CHECK_LEN);
	return store_entry(store, stored, err);
}

static bool later_start(struct soft *s, const struct custody_soft_config *config,
			const uint8_t *stored, size_t len, struct err *err)
{
	struct params p;
	if (len != STORED_LEN)
		return err_set(err, ERR_CUSTODY,
			       "the database's custody entry is damaged: restore a backup of the "
			       "database");
	if (!params_decode(&p, stored, err))
		return false;
	if ((p.kind == KIND_KEY_FILE) != (config->key_file != 0))
		return err_set(err, ERR_CUSTODY,
			       "this database was sealed with a %s: configure that",
			       p.kind == KIND_KEY_FILE ? "key file" : "passphrase");
	return master_key(s, config, &p, false, err) && check_value(s, stored, &p, err);
}

bool custody_soft_open(struct custody *out, const struct custody_soft_config *config,
		       const struct store *store, struct err *err)
{
	uint8_t stored[STORED_LEN];
	size_t len;
	bool found;
	if (!config->passphrase_file == !config->key_file)
		return err_set(err, ERR_CONFIG,
			       "custody: configure either a passphrase file or a key file");
	if (sodium_init() < 0)
		return err_set(err, ERR_CUSTODY, "no random numbers from the system");
	if (!store->ops->meta_get(store->ctx, META_NAME, stored, sizeof stored, &len, &found, err))
		return false;
	struct soft *s = sodium_malloc(sizeof *s);
	if (!s)
		return err_set(err, ERR_CUSTODY, "no locked memory for the master key");
	memset(s, 0, sizeof *s);
	if (found ? !later_start(s, config, stored, len, err)
		  : !first_start(s, config, store, err)) {
		soft_close(s);
		return false;
	}
	sodium_mprotect_readonly(s);
	out->ops = &soft_ops;
	out->ctx = s;
	return true;
}
