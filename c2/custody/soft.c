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
 *
 * A change of the master key (rekey.c): servers are given the next key and
 * write its parameters. When meta has a CUSTODY_CHANGE, every one of them seals
 * under the next key; the lock of the writers makes that exact. When nothing is
 * left under the first one, the next parameters replace its own: a server that
 * sees that they are not those it began with knows that the change is done.
 */
#include "c2/custody/soft.h"

#include <sodium.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "e4/crypto.h"

#define META_NAME "custody_soft"
#define META_NEXT "custody_soft_next" /* the same for the key that shall replace it */
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

/* Subkeys of one master key, and what is stored about it. */
struct keys {
	struct e4_siv_key seal;
	struct e4_siv_key check;
	uint8_t stored[STORED_LEN];
};

/* In locked memory that is wiped when it is released. */
struct soft {
	struct keys first, next;
	bool has_next;
	bool raced; /* another server wrote an entry while we made ours */
	struct store store;
	uint8_t master[MASTER_LEN]; /* zero once the two are made */
	char passphrase[PASSPHRASE_CAP];
};

/* Where a master key comes from: one of the two. */
struct source {
	const char *passphrase_file, *key_file;
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

static bool soft_state(void *ctx, enum custody_state *state, struct err *err)
{
	const struct soft *s = ctx;
	const struct store *db = &s->store;
	uint8_t stored[STORED_LEN], change[64];
	size_t len, change_len = 0;
	bool found;
	*state = CUSTODY_FIXED;
	if (!s->has_next)
		return true;
	if (!db->ops->meta_get(db->ctx, META_NAME, stored, sizeof stored, &len, &found, err) ||
	    !db->ops->meta_get(db->ctx, CUSTODY_CHANGE, change, sizeof change, &change_len, &found,
			       err))
		return false;
	*state = CUSTODY_CHANGED;
	if (len == STORED_LEN && memcmp(stored, s->first.stored, STORED_LEN) == 0)
		*state = change_len ? CUSTODY_CHANGING : CUSTODY_PREPARED;
	return true;
}

static bool soft_seal(void *ctx, struct sealed *out, enum custody_purpose purpose,
		      const uint8_t *row, size_t row_len, const uint8_t *key, size_t len,
		      struct err *err)
{
	const struct soft *s = ctx;
	enum custody_state state;
	if (!soft_state(ctx, &state, err))
		return false;
	bool next = state == CUSTODY_CHANGING || state == CUSTODY_CHANGED;
	seal_under(next ? &s->next.seal : &s->first.seal, out->bytes, purpose, row, row_len, key,
		   len);
	out->len = (uint8_t)(OVERHEAD + len);
	return true;
}

static bool soft_open(void *ctx, uint8_t *key, size_t len, enum custody_purpose purpose,
		      const uint8_t *row, size_t row_len, const struct sealed *in, struct err *err)
{
	const struct soft *s = ctx;
	if (in->len == OVERHEAD + len &&
	    (open_under(&s->first.seal, key, len, purpose, row, row_len, in->bytes) ||
	     (s->has_next &&
	      open_under(&s->next.seal, key, len, purpose, row, row_len, in->bytes))))
		return true;
	return err_set(
		err, ERR_CUSTODY,
		"a stored key is damaged or was moved from where it belongs: restore a backup "
		"of the database");
}

static bool soft_changed(void *ctx, struct err *err)
{
	const struct soft *s = ctx;
	const struct store *db = &s->store;
	return db->ops->meta_put(db->ctx, META_NAME, s->next.stored, STORED_LEN, err) &&
	       db->ops->meta_put(db->ctx, META_NEXT, 0, 0, err) &&
	       db->ops->meta_put(db->ctx, CUSTODY_CHANGE, 0, 0, err);
}

static bool soft_check(void *ctx, struct err *err)
{
	static const uint8_t row[1] = {0}, probe[CHECK_LEN] = {1};
	const struct soft *s = ctx;
	uint8_t back[CHECK_LEN], sealed[OVERHEAD + CHECK_LEN];
	seal_under(&s->first.seal, sealed, CUSTODY_CHECK, row, sizeof row, probe, sizeof probe);
	return (open_under(&s->first.seal, back, sizeof back, CUSTODY_CHECK, row, sizeof row,
			   sealed) &&
		e4_equal(back, probe, sizeof probe)) ||
	       err_set(err, ERR_CUSTODY, "the sealing of keys does not work");
}

static void soft_close(void *ctx)
{
	sodium_free(ctx); /* wipes */
}

static const struct custody_ops soft_ops = {
	.seal = soft_seal,
	.open = soft_open,
	.check = soft_check,
	.close = soft_close,
	.state = soft_state,
	.changed = soft_changed,
};

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

static bool master_key(struct soft *s, struct keys *out, const struct source *from,
		       const struct params *p, bool first, struct err *err)
{
	bool ok = p->kind == KIND_KEY_FILE
			  ? read_key_file(s->master, from->key_file, err)
			  : read_passphrase(s, from->passphrase_file, first, err) &&
				    derive(s, p, err);
	if (!ok)
		return false;
	subkey(&out->seal, "E4 custody seal ", s->master);
	subkey(&out->check, "E4 custody check", s->master);
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

static bool check_value(const struct keys *k, const uint8_t stored[STORED_LEN],
			const struct params *p, struct err *err)
{
	uint8_t plain[CHECK_LEN];
	if (open_under(&k->check, plain, sizeof plain, CUSTODY_CHECK, stored, PARAMS_LEN,
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

/* What was read before is still there: no other server was faster. */
static bool unchanged(struct soft *s, const char *name, const uint8_t *was, size_t was_len,
		      struct err *err)
{
	const struct store *store = &s->store;
	uint8_t now[STORED_LEN];
	size_t len;
	bool found;
	if (!store->ops->meta_get(store->ctx, name, now, sizeof now, &len, &found, err))
		return false;
	s->raced = len != was_len || (len && memcmp(now, was, len) != 0);
	return !s->raced ||
	       err_set(err, ERR_CUSTODY,
		       "another server wrote the custody entry at this moment: start again");
}

static bool store_entry(struct soft *s, const char *name, const uint8_t stored[STORED_LEN],
			const uint8_t *was, size_t was_len, struct err *err)
{
	const struct store *store = &s->store;
	if (!store->ops->begin(store->ctx, err))
		return false;
	if (unchanged(s, name, was, was_len, err) &&
	    store->ops->meta_put(store->ctx, name, stored, STORED_LEN, err))
		return store->ops->commit(store->ctx, err);
	store->ops->rollback(store->ctx);
	return false;
}

/* Parameters of its own for a key that the database does not know yet. */
static bool new_entry(struct soft *s, struct keys *out, const struct source *from, struct err *err)
{
	struct params p = {.kind = KIND_KEY_FILE};
	if (from->passphrase_file) {
		p = (struct params){
			.kind = KIND_PASSPHRASE, .passes = PASSES, .memory_kib = MEMORY_KIB};
		randombytes_buf(p.salt, sizeof p.salt);
	}
	if (!master_key(s, out, from, &p, true, err))
		return false;
	params_encode(out->stored, &p);
	seal_under(&out->check, out->stored + PARAMS_LEN, CUSTODY_CHECK, out->stored, PARAMS_LEN,
		   check_plain, CHECK_LEN);
	return true;
}

static bool known_entry(struct soft *s, struct keys *out, const struct source *from,
			const uint8_t *stored, size_t len, struct err *err)
{
	struct params p;
	if (len != STORED_LEN)
		return err_set(err, ERR_CUSTODY,
			       "the database's custody entry is damaged: restore a backup of the "
			       "database");
	if (!params_decode(&p, stored, err))
		return false;
	if ((p.kind == KIND_KEY_FILE) != (from->key_file != 0))
		return err_set(err, ERR_CUSTODY,
			       "this database was sealed with a %s: configure that",
			       p.kind == KIND_KEY_FILE ? "key file" : "passphrase");
	memcpy(out->stored, stored, STORED_LEN);
	return master_key(s, out, from, &p, false, err) && check_value(out, stored, &p, err);
}

/* The key that is named as the next one may be in force already. */
static bool open_first(struct soft *s, const struct source *first, const struct source *next,
		       bool *done, struct err *err)
{
	uint8_t stored[STORED_LEN];
	struct err why;
	size_t len;
	bool found;
	*done = false;
	if (!s->store.ops->meta_get(s->store.ctx, META_NAME, stored, sizeof stored, &len, &found,
				    err))
		return false;
	if (!found)
		return is_new(&s->store, err) && new_entry(s, &s->first, first, err) &&
		       store_entry(s, META_NAME, s->first.stored, 0, 0, err);
	if (known_entry(s, &s->first, first, stored, len, err))
		return true;
	*done = next && known_entry(s, &s->first, next, stored, len, &why);
	return *done;
}

/* What the database says of a change: the next key's entry, and whether it has begun. */
struct change {
	uint8_t stored[STORED_LEN];
	size_t len;
	bool begun;
};

static bool read_change(const struct store *db, struct change *out, struct err *err)
{
	uint8_t cursor[64];
	size_t len;
	bool found;
	if (!db->ops->meta_get(db->ctx, CUSTODY_CHANGE, cursor, sizeof cursor, &len, &found, err))
		return false;
	out->begun = len > 0;
	return db->ops->meta_get(db->ctx, META_NEXT, out->stored, sizeof out->stored, &out->len,
				 &found, err);
}

static bool prepare(struct soft *s, const struct source *next, const struct change *was,
		    struct err *err)
{
	if (!new_entry(s, &s->next, next, err))
		return err_wrap(err, "the next master key");
	/* It is named twice: the change is done, and the first setting was mended already. */
	if (memcmp(s->next.stored, s->first.stored, STORED_LEN) == 0)
		return true;
	s->has_next = store_entry(s, META_NEXT, s->next.stored, was->stored, was->len, err);
	return s->has_next;
}

static bool open_next(struct soft *s, const struct source *next, const struct change *c,
		      bool as_it_is, struct err *err)
{
	if (!next)
		return !c->begun ||
		       err_set(err, ERR_CUSTODY,
			       "the master key is being changed: set custody.next_passphrase_file "
			       "or custody.next_key_file until that is done");
	s->has_next = c->len && known_entry(s, &s->next, next, c->stored, c->len, err);
	if (c->begun && !s->has_next)
		return err_wrap(err, "the next master key");
	return s->has_next || as_it_is || prepare(s, next, c, err);
}

static bool open_keys(struct soft *s, const struct custody_soft_config *config, struct err *err)
{
	const struct source first = {config->passphrase_file, config->key_file};
	const struct source second = {config->next_passphrase_file, config->next_key_file};
	const struct source *next = second.passphrase_file || second.key_file ? &second : 0;
	struct change change;
	bool done;
	if (!open_first(s, &first, next, &done, err) || !read_change(&s->store, &change, err))
		return false;
	if (!done)
		return open_next(s, next, &change, config->as_it_is, err);
	if (change.begun || change.len)
		return err_set(err, ERR_CUSTODY,
			       "the change of the master key is not done: the key in force is the "
			       "one that custody.next_* names, the next one is another");
	log_write(LOG_WARN, "the master key was changed: put custody.next_* in the place of the "
			    "setting that named the previous one");
	return true;
}

bool custody_soft_open(struct custody *out, const struct custody_soft_config *config,
		       const struct store *store, struct err *err)
{
	if (!config->passphrase_file == !config->key_file)
		return err_set(err, ERR_CONFIG,
			       "custody: configure either a passphrase file or a key file");
	if (sodium_init() < 0)
		return err_set(err, ERR_CUSTODY, "no random numbers from the system");
	struct soft *s = sodium_malloc(sizeof *s);
	if (!s)
		return err_set(err, ERR_CUSTODY, "no locked memory for the master key");
	memset(s, 0, sizeof *s);
	s->store = *store;
	bool ok = open_keys(s, config, err);
	for (int tries = 0; !ok && s->raced && tries < 3; tries++) {
		s->raced = false;
		ok = open_keys(s, config, err);
	}
	if (!ok) {
		soft_close(s);
		return false;
	}
	sodium_mprotect_readonly(s);
	out->ops = &soft_ops;
	out->ctx = s;
	return true;
}
