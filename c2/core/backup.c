#include "c2/core/backup.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "c2/core/plan.h"
#include "e4/crypto.h"

static const char magic[] = "E4 BACKUP 2\n";

enum {
	MAGIC_LEN = sizeof magic - 1,
	END = 0xff,
	NULL_LEN = 0xffff,
	ROW_MAX = STORE_RECORD_MAX + 8192, /* far above the longest */
	META_MAX = 16,
	META_VALUE_MAX = 128
};

static const uint8_t seal_row[] = "E4 backup";

/* Parents before what belongs to them, so that a restore can insert in this order. */
static const enum store_table order[] = {
	STORE_META, STORE_CLIENT, STORE_OLD_KEY, STORE_C2_KEY, STORE_TOPIC,  STORE_MEMBER,
	STORE_LINK, STORE_PEER,   STORE_EVENT,   STORE_TAG,    STORE_RECORD, STORE_STATE,
};

/* Version 1 had no records, and so no number of the last, and no age of a client's key. */
static const char state_columns_1[] = "iiiiii", client_columns_1[] = "itbbbiiiiiiiiiiibiiiiii";

/* --- Writing ---------------------------------------------------------------------- */

struct writer {
	FILE *out;
	struct e4_sha3 hash;
	enum store_table table;
	struct backup_counts *counts;
	bool failed;
};

static void put(struct writer *w, const void *bytes, size_t len)
{
	e4_sha3_update(&w->hash, bytes, len);
	w->failed |= len && fwrite(bytes, len, 1, w->out) != 1;
}

static void put_number(struct writer *w, uint64_t n, size_t len)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(n >> (8 * i));
	put(w, bytes, len);
}

static bool write_row(void *arg, const struct store_value *v)
{
	struct writer *w = arg;
	const char *kinds = store_columns[w->table];

	put_number(w, w->table, 1);
	for (size_t i = 0; kinds[i]; i++) {
		if (kinds[i] == 'i') {
			put_number(w, (uint64_t)v[i].n, 8);
		} else if (kinds[i] == 'b' && !v[i].bytes) {
			put_number(w, NULL_LEN, 2);
		} else if (kinds[i] == 'L') {
			put_number(w, v[i].len, 4);
			put(w, v[i].bytes, v[i].len);
		} else {
			w->failed |= v[i].len >= NULL_LEN;
			put_number(w, v[i].len, 2);
			put(w, v[i].bytes, v[i].len);
		}
	}
	w->counts->rows[w->table]++;
	return !w->failed;
}

static bool write_end(struct writer *w, const struct custody *custody, struct err *err)
{
	uint8_t hash[32];
	struct sealed sealed;

	put_number(w, END, 1);
	e4_sha3_final(&w->hash, hash);
	if (!custody_seal(custody, &sealed, CUSTODY_BACKUP, seal_row, sizeof seal_row, hash,
			  sizeof hash, err))
		return false;
	w->failed |= fwrite(hash, sizeof hash, 1, w->out) != 1 ||
		     fwrite(&sealed.len, 1, 1, w->out) != 1 ||
		     fwrite(sealed.bytes, sealed.len, 1, w->out) != 1 || fflush(w->out) != 0;
	return !w->failed ||
	       err_set(err, ERR_STORE, "the backup cannot be written: is there room?");
}

bool backup_write(FILE *out, const struct store *store, const struct custody *custody,
		  struct backup_counts *counts, struct err *err)
{
	struct writer w = {.out = out, .counts = counts};
	bool ok = true;

	*counts = (struct backup_counts){{0}};
	e4_sha3_init(&w.hash);
	put(&w, magic, MAGIC_LEN);
	if (!store->ops->snapshot(store->ctx, err))
		return false;
	for (size_t i = 0; i < sizeof order / sizeof order[0] && ok && !w.failed; i++) {
		w.table = order[i];
		ok = store->ops->rows(store->ctx, w.table, write_row, &w, err);
	}
	ok = ok && write_end(&w, custody, err);
	store->ops->rollback(store->ctx);
	return ok;
}

/* --- Reading ---------------------------------------------------------------------- */

struct meta {
	char name[STORE_NAME_MAX + 1];
	size_t len;
	uint8_t value[META_VALUE_MAX];
};

struct backup_meta {
	struct meta list[META_MAX];
	size_t n;
	struct sealed sealed;
	uint8_t hash[32];
};

struct reader {
	FILE *in;
	struct e4_sha3 hash;
	uint8_t *row; /* what the values point into; of ROW_MAX */
	size_t used;
	char version;
	bool failed;
};

static const uint8_t *get(struct reader *r, size_t len)
{
	uint8_t *at = r->row + r->used;

	if (r->failed || len > ROW_MAX - r->used || (len && fread(at, len, 1, r->in) != 1)) {
		r->failed = true;
		return 0;
	}
	r->used += len;
	e4_sha3_update(&r->hash, at, len);
	return at;
}

static uint64_t get_number(struct reader *r, size_t len)
{
	const uint8_t *bytes = get(r, len);
	uint64_t n = 0;

	for (size_t i = 0; bytes && i < len; i++)
		n |= (uint64_t)bytes[i] << (8 * i);
	return n;
}

static const char *columns_of(const struct reader *r, unsigned table)
{
	if (r->version == '1' && (table == STORE_STATE || table == STORE_CLIENT))
		return table == STORE_STATE ? state_columns_1 : client_columns_1;
	return table < STORE_TABLES ? store_columns[table] : 0;
}

/* The next row's table; 0: what comes is none. */
static unsigned read_row(struct reader *r, struct store_value v[STORE_COLUMNS_MAX])
{
	unsigned table;
	const char *kinds;

	r->used = 0;
	table = (unsigned)get_number(r, 1);
	if (table == END && !r->failed)
		return END;
	kinds = columns_of(r, table);
	memset(v, 0, STORE_COLUMNS_MAX * sizeof *v);
	for (size_t i = 0; kinds && kinds[i]; i++) {
		if (kinds[i] == 'i') {
			v[i].n = (int64_t)get_number(r, 8);
			continue;
		}
		v[i].len = (size_t)get_number(r, kinds[i] == 'L' ? 4 : 2);
		if (v[i].len == NULL_LEN && kinds[i] == 'b')
			v[i].len = 0;
		else
			v[i].bytes = get(r, v[i].len);
	}
	return kinds && !r->failed ? table : 0;
}

static bool read_begin(struct reader *r, FILE *in, struct err *err)
{
	const uint8_t *bytes;
	bool ours;

	*r = (struct reader){.in = in, .row = mem_alloc(ROW_MAX)};
	e4_sha3_init(&r->hash);
	bytes = get(r, MAGIC_LEN);
	ours = bytes && memcmp(bytes, magic, MAGIC_LEN - 2) == 0;
	r->version = ours ? (char)bytes[MAGIC_LEN - 2] : 0;
	if (r->version == '1' || r->version == '2')
		return true;
	free(r->row);
	err_set(err, ERR_INVALID, "%s",
		ours ? "a backup of a newer version: run that version" : "this is no backup");
	return false;
}

static bool damaged(struct err *err)
{
	return err_set(err, ERR_INVALID, "the backup is cut off or was altered: take another one");
}

/* Names of the custody's entries begin so. */
static bool is_custody(const struct store_value *name)
{
	static const char begin[] = "custody";

	return name->len >= sizeof begin - 1 && memcmp(name->bytes, begin, sizeof begin - 1) == 0;
}

static bool remember_meta(struct backup_meta *m, const struct store_value *v)
{
	struct meta *at = &m->list[m->n];

	if (!is_custody(&v[0]))
		return true;
	if (m->n == META_MAX || v[0].len > STORE_NAME_MAX || v[1].len > META_VALUE_MAX)
		return false;
	memcpy(at->name, v[0].bytes, v[0].len);
	at->name[v[0].len] = 0;
	at->len = v[1].len;
	memcpy(at->value, v[1].bytes, v[1].len);
	m->n++;
	return true;
}

/* What stands after the last row, and nothing after that. */
static bool read_end(struct reader *r, struct backup_meta *m)
{
	uint8_t hash[32];

	e4_sha3_final(&r->hash, hash);
	return fread(m->hash, sizeof m->hash, 1, r->in) == 1 &&
	       e4_equal(hash, m->hash, sizeof hash) && fread(&m->sealed.len, 1, 1, r->in) == 1 &&
	       m->sealed.len <= SEALED_MAX &&
	       fread(m->sealed.bytes, m->sealed.len, 1, r->in) == 1 && fgetc(r->in) == EOF;
}

struct backup_meta *backup_read(FILE *in, struct backup_counts *counts, struct err *err)
{
	struct store_value v[STORE_COLUMNS_MAX];
	struct backup_meta *m;
	struct reader r;
	unsigned table;
	bool ok = true;

	if (!read_begin(&r, in, err))
		return 0;
	m = mem_alloc(sizeof *m);
	*counts = (struct backup_counts){{0}};
	while (ok && (table = read_row(&r, v)) != END) {
		ok = table && (table != STORE_META || remember_meta(m, v));
		counts->rows[ok ? table : 0]++;
	}
	free(r.row);
	if (ok && read_end(&r, m) && counts->rows[STORE_STATE] == 1)
		return m;
	backup_meta_free(m);
	damaged(err);
	return 0;
}

void backup_meta_free(struct backup_meta *m)
{
	free(m);
}

static bool meta_get(void *ctx, const char *name, uint8_t *out, size_t cap, size_t *len,
		     bool *found, struct err *err)
{
	const struct backup_meta *m = ctx;

	*len = 0;
	*found = false;
	for (size_t i = 0; i < m->n; i++) {
		if (strcmp(m->list[i].name, name) != 0)
			continue;
		if (m->list[i].len > cap)
			return damaged(err);
		*len = m->list[i].len;
		memcpy(out, m->list[i].value, *len);
		*found = true;
	}
	return true;
}

static bool read_only(void *ctx, struct err *err)
{
	(void)ctx;
	return err_set(err, ERR_CUSTODY, "the backup does not tell its master key");
}

static bool no_revision(void *ctx, int64_t *rev, struct err *err)
{
	*rev = 0;
	return read_only(ctx, err);
}

struct store backup_meta_store(struct backup_meta *m)
{
	static const struct store_ops ops = {
		.begin = read_only, .revision = no_revision, .meta_get = meta_get};

	return (struct store){&ops, m};
}

bool backup_authentic(const struct backup_meta *m, const struct custody *custody, struct err *err)
{
	uint8_t hash[32];

	if (!custody_open(custody, hash, sizeof hash, CUSTODY_BACKUP, seal_row, sizeof seal_row,
			  &m->sealed, 0) ||
	    !e4_equal(hash, m->hash, sizeof hash))
		return err_set(err, ERR_CUSTODY,
			       "the backup was altered by someone without the master key");
	return true;
}

/* --- Restoring -------------------------------------------------------------------- */

static bool any(void *arg, const struct store_value *v)
{
	(void)v;
	*(bool *)arg = true;
	return false;
}

static bool is_empty(const struct store *store, struct err *err)
{
	int64_t revision;
	bool found = false;

	if (!store->ops->revision(store->ctx, &revision, err))
		return false;
	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
		if (order[i] != STORE_STATE &&
		    !store->ops->rows(store->ctx, order[i], any, &found, err))
			return false;
	if (!revision && !found)
		return true;
	return err_set(err, ERR_PRECONDITION,
		       "the database is in use: a backup goes into a new one only");
}

/*
 * Nothing is proven any more. Ask first, and for a list: a device may hold keys
 * of the lost time, and its clock may not be as we know it. One that has never
 * given an answer is sent all of it.
 */
static void ask_first(struct store_value *v, int64_t now)
{
	v[CLIENT_CONFIRMED_REV].n = 0;
	v[CLIENT_NEXT_AT].n = now;
	v[CLIENT_ATTEMPTS].n = 0;
	v[CLIENT_NONCE] = (struct store_value){0};
	v[CLIENT_ASKED_AT].n = 0;
	v[CLIENT_REASON].n = v[CLIENT_LAST_SEEN].n ? REASON_DIFFERS : REASON_ANNOUNCED;
	if (!v[CLIENT_BEHIND_SINCE].n)
		v[CLIENT_BEHIND_SINCE].n = now;
}

static bool put_row(const struct store *store, unsigned table, struct store_value *v, int64_t now,
		    struct err *err)
{
	if (table == STORE_CLIENT)
		ask_first(v, now);
	if (table == STORE_STATE) {
		v[STATE_REVISION].n += BACKUP_GAP;
		v[STATE_LAST_EVENT].n += BACKUP_GAP;
		v[STATE_LAST_RECORD].n += BACKUP_GAP;
	}
	return store->ops->row_put(store->ctx, (enum store_table)table, v, err);
}

static bool put_restored(const struct store *store, int64_t now, struct err *err)
{
	uint8_t at[8];

	for (size_t i = 0; i < sizeof at; i++)
		at[i] = (uint8_t)((uint64_t)now >> (8 * i));
	return store->ops->meta_put(store->ctx, BACKUP_RESTORED, at, sizeof at, err);
}

static bool put_rows(FILE *in, const struct backup_meta *m, const struct store *store, int64_t now,
		     struct err *err)
{
	struct store_value v[STORE_COLUMNS_MAX];
	struct reader r;
	uint8_t hash[32];
	unsigned table;
	bool ok = true;

	if (!read_begin(&r, in, err))
		return false;
	while (ok && (table = read_row(&r, v)) != END)
		ok = table ? put_row(store, table, v, now, err) : damaged(err);
	free(r.row);
	e4_sha3_final(&r.hash, hash);
	return ok && (e4_equal(hash, m->hash, sizeof hash) || damaged(err));
}

bool backup_restore(FILE *in, const struct backup_meta *m, const struct store *store, int64_t now,
		    struct err *err)
{
	if (!store->ops->begin(store->ctx, err))
		return false;
	if (is_empty(store, err) && put_rows(in, m, store, now, err) &&
	    put_restored(store, now, err))
		return store->ops->commit(store->ctx, err);
	store->ops->rollback(store->ctx);
	return false;
}
