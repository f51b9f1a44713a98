#include "c2/store/sql_db.h"

#include <string.h>

void stmt_fail(struct stmt *s, enum stmt_rc rc, enum err_code code, const char *text)
{
	if (!stmt_ok(s))
		return;
	s->rc = rc;
	err_set(&s->db->why, code, "%s", text);
}

static void stmt_misuse(struct stmt *s)
{
	stmt_fail(s, STMT_FAILED, ERR_INTERNAL, "the store was used outside its rules");
}

void stmt_damaged(struct stmt *s)
{
	stmt_fail(s, STMT_FAILED, ERR_STORE, "the database is damaged: restore a backup");
}

static struct stmt stmt_open(struct db *db, enum sql_id id, bool write)
{
	struct stmt s = {.db = db, .id = id, .write = write};
	bool astray = write && !db->driver->in_transaction(db);
	/* After a failure the database may have rolled back by itself: keep nothing more. */
	if (astray && db->failed && !db->in_row)
		stmt_fail(&s, STMT_FAILED, ERR_STORE, DB_GIVEN_UP);
	else if (astray || db->in_row)
		stmt_misuse(&s);
	else
		db->driver->prepare(&s);
	return s;
}

struct stmt stmt_read(struct db *db, enum sql_id id)
{
	return stmt_open(db, id, false);
}

struct stmt stmt_write(struct db *db, enum sql_id id)
{
	return stmt_open(db, id, true);
}

void put_int(struct stmt *s, int64_t v)
{
	s->bound++;
	if (s->rc == STMT_OK)
		s->db->driver->bind_int(s, v);
}

void put_text(struct stmt *s, const char *text)
{
	s->bound++;
	if (s->rc == STMT_OK)
		s->db->driver->bind_text(s, text);
}

void put_blob(struct stmt *s, const void *bytes, size_t len)
{
	s->bound++;
	if (s->rc == STMT_OK)
		s->db->driver->bind_blob(s, bytes, len);
}

static void put_null(struct stmt *s)
{
	s->bound++;
	if (s->rc == STMT_OK)
		s->db->driver->bind_null(s);
}

void put_blob_or_null(struct stmt *s, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	for (size_t i = 0; i < len; i++) {
		if (p[i]) {
			put_blob(s, bytes, len);
			return;
		}
	}
	put_null(s);
}

void put_sealed(struct stmt *s, const struct sealed *key)
{
	if (key->len > sizeof key->bytes)
		stmt_misuse(s);
	else if (key->len)
		put_blob(s, key->bytes, key->len);
	else
		put_null(s);
}

/* A negative limit is an error in some dialects and means "all" in others. */
void put_limit(struct stmt *s, int limit)
{
	put_int(s, limit > 0 ? limit : 0);
}

void put_page(struct stmt *s, struct store_page page)
{
	put_int(s, page.count > 0 ? page.count : 0);
	put_int(s, page.offset > 0 ? page.offset : 0);
}

bool stmt_row(struct stmt *s)
{
	if (s->rc != STMT_OK && s->rc != STMT_ROW)
		return false;
	s->db->driver->step(s);
	s->column = 0;
	return s->rc == STMT_ROW;
}

int64_t get_int(struct stmt *s)
{
	return s->db->driver->column_int(s, s->column++);
}

bool get_bool(struct stmt *s)
{
	return get_int(s) != 0;
}

void get_text(struct stmt *s, char *out, size_t cap)
{
	size_t len;
	const char *text = s->db->driver->column_bytes(s, s->column++, &len);
	out[0] = 0;
	if (!text || len >= cap || memchr(text, 0, len)) {
		stmt_damaged(s);
		return;
	}
	memcpy(out, text, len);
	out[len] = 0;
}

size_t get_bytes(struct stmt *s, uint8_t *out, size_t cap)
{
	size_t len;
	const void *bytes = s->db->driver->column_bytes(s, s->column++, &len);
	if (len > cap || (len && !bytes)) {
		stmt_damaged(s);
		return 0;
	}
	if (len)
		memcpy(out, bytes, len);
	return len;
}

void get_blob(struct stmt *s, uint8_t *out, size_t len)
{
	size_t have = get_bytes(s, out, len);
	if (!have)
		memset(out, 0, len);
	else if (have != len)
		stmt_damaged(s);
}

void get_sealed(struct stmt *s, struct sealed *key)
{
	memset(key, 0, sizeof *key);
	key->len = (uint8_t)get_bytes(s, key->bytes, sizeof key->bytes);
}

bool stmt_ok(const struct stmt *s)
{
	return s->rc <= STMT_DONE;
}

bool stmt_end(struct stmt *s, struct err *err)
{
	s->db->driver->end(s);
	if (stmt_ok(s))
		return true;
	if (s->write && s->rc == STMT_FAILED)
		s->db->failed = true;
	return err_set(err, s->db->why.code, "%s", s->db->why.text);
}

bool stmt_run(struct stmt *s, struct err *err)
{
	stmt_row(s);
	return stmt_end(s, err);
}

bool stmt_run_changed(struct stmt *s, bool *changed, struct err *err)
{
	stmt_row(s);
	*changed = stmt_ok(s) && s->db->driver->changed(s);
	return stmt_end(s, err);
}

/* Count the members that a result tells of: for the open part, or for what is sure to stay. */
static void take_difference(struct stmt *s, const struct sql_post *post)
{
	struct db *db = s->db;
	bool in_part = db->part && post->part == db->part;
	counts_add(in_part ? &db->members_in_part : &db->members, post->topic_id, get_int(s));
}

void sql_posted(struct stmt *s, const struct sql_post *post)
{
	if (s->rc == STMT_ROW && s->id == SQL_STATE_LOCK) {
		get_state(s, &s->db->state);
		s->db->state_known = true;
		places_follow(s->db, s->db->state.revision);
	} else if (s->rc == STMT_ROW && post->topic_id) {
		take_difference(s, post);
	}
	if (stmt_ok(s) && post->must_change && !s->db->driver->changed(s))
		stmt_fail(s, STMT_FAILED, ERR_STORE, "an entry is gone that was there: try again");
	if (s->write && s->rc == STMT_FAILED)
		s->db->failed = true;
}

static bool post_it(struct stmt *s, const struct sql_post *p, struct err *err)
{
	if (s->rc == STMT_OK && s->db->driver->post) {
		s->db->members_posted |= p->topic_id != 0;
		s->db->driver->post(s, p);
	} else {
		stmt_row(s);
		sql_posted(s, p);
	}
	return stmt_end(s, err);
}

bool stmt_insert(struct stmt *s, bool sure, struct err *err)
{
	if (sure)
		return post_it(s, &(struct sql_post){0, s->db->part, true}, err);
	bool changed;
	if (!stmt_run_changed(s, &changed, err))
		return false;
	return changed || err_set(err, ERR_EXISTS, "there is one of this name already");
}

bool stmt_post(struct stmt *s, int64_t topic_id, struct err *err)
{
	return post_it(s, &(struct sql_post){.topic_id = topic_id, .part = s->db->part}, err);
}

bool stmt_put(struct stmt *s, bool known, int64_t topic_id, struct err *err)
{
	struct sql_post p = {topic_id, s->db->part, known};
	if (known)
		return post_it(s, &p, err);
	stmt_row(s);
	sql_posted(s, &p);
	bool changed = stmt_ok(s) && s->db->driver->changed(s);
	if (!stmt_end(s, err))
		return false;
	return changed || err_set(err, ERR_NOT_FOUND, "what the entry belongs to is not there");
}

bool stmt_int(struct stmt *s, int64_t *out, struct err *err)
{
	*out = 0;
	if (stmt_row(s))
		*out = get_int(s);
	return stmt_end(s, err);
}

bool stmt_names(struct stmt *s, store_name_fn *fn, void *arg, struct err *err)
{
	char name[STORE_TOPIC_MAX + 1];
	bool more = true;
	while (more && stmt_row(s)) {
		get_text(s, name, sizeof name);
		more = STMT_GIVE(s, fn(arg, name));
	}
	return stmt_end(s, err);
}

/* In the order of SQL_STATE_LOCK. */
void get_state(struct stmt *s, struct sql_state *out)
{
	out->revision = get_int(s);
	out->last_client = get_int(s);
	out->last_topic = get_int(s);
	out->last_event = get_int(s);
	out->n_clients = get_int(s);
	out->n_topics = get_int(s);
	out->last_record = get_int(s);
}

void get_client(struct stmt *s, struct store_client *row)
{
	row->id = get_int(s);
	client_seen(s->db, row->id);
	get_text(s, row->name, sizeof row->name);
	get_blob(s, row->e4id, sizeof row->e4id);
	get_sealed(s, &row->key);
	get_sealed(s, &row->private_key);
	row->key_rev = get_int(s);
	row->n_old_keys = (int32_t)get_int(s);
	row->c2_rev = get_int(s);
	row->wanted_rev = get_int(s);
	row->sent_rev = get_int(s);
	row->confirmed_rev = get_int(s);
	row->reset_rev = get_int(s);
	row->reset_peers_rev = get_int(s);
	row->last_stamp = (uint64_t)get_int(s);
	row->clock_offset = get_int(s);
	row->next_at = get_int(s);
	row->attempts = (int32_t)get_int(s);
	get_blob(s, row->nonce, sizeof row->nonce);
	row->asked_at = get_int(s);
	row->last_seen = get_int(s);
	row->recheck_at = get_int(s);
	row->reason = (int32_t)get_int(s);
	row->type = (int32_t)get_int(s);
	row->behind_since = get_int(s);
	row->key_at = get_int(s);
}

bool stmt_clients(struct stmt *s, store_client_fn *fn, void *arg, struct err *err)
{
	struct store_client row;
	bool more = true;
	while (more && stmt_row(s)) {
		get_client(s, &row);
		more = STMT_GIVE(s, fn(arg, &row));
	}
	return stmt_end(s, err);
}
