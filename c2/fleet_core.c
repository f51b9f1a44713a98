#include "c2/fleet_core.h"

#include <stdio.h>
#include <string.h>

static const char *copy(struct arena *arena, const char *text)
{
	return arena_copy(arena, text, strlen(text));
}

/* --- changes ------------------------------------------------------------------------------ */

static const enum core_op_kind op_kinds[] = {[FLEET_ROTATE_TOPIC] = CORE_OP_TOPIC_ROTATE,
					     [FLEET_NEW_CLIENT_KEY] = CORE_OP_CLIENT_NEW_KEY,
					     [FLEET_DETACH] = CORE_OP_DETACH};

static struct core_op *ops_of(const struct fleet_txn *txn, struct arena *arena)
{
	struct core_op *ops = arena_alloc(arena, (txn->n_ops + 1) * sizeof *ops);

	for (size_t i = 0; i < txn->n_ops; i++)
		ops[i] = (struct core_op){.kind = op_kinds[txn->ops[i].kind],
					  .client = txn->ops[i].client,
					  .topic = txn->ops[i].topic};
	return ops;
}

static struct core_record *records_of(const struct fleet_txn *txn, struct arena *arena)
{
	struct core_record *rows = arena_alloc(arena, (txn->n_records + 1) * sizeof *rows);

	for (size_t i = 0; i < txn->n_records; i++) {
		const struct fleet_record *r = &txn->records[i];

		rows[i] = (struct core_record){.kind = r->kind,
					       .id = r->id,
					       .owner = r->owner,
					       .version = r->version,
					       .body = r->body,
					       .len = r->len,
					       .remove = r->remove};
	}
	return rows;
}

/* Which operation an error is about, as the core names it; n: none. The name is taken off. */
static size_t bad_op(struct err *err, size_t n)
{
	struct err inner = {.code = err->code};
	size_t bad;
	int at = 0;

	if (sscanf(err->text, "operation %zu: %n", &bad, &at) != 1 || at == 0 || bad >= n)
		return n;
	memcpy(inner.text, err->text + at, strlen(err->text + at) + 1);
	*err = inner;
	return bad;
}

static bool commit(void *ctx, struct fleet_txn *txn, int64_t *recipients, size_t *bad,
		   struct err *err)
{
	struct core *core = ctx;
	struct arena arena = ARENA_INIT;
	struct core_record *rows = records_of(txn, &arena);
	const struct core_batch batch = {.ops = ops_of(txn, &arena),
					 .n = txn->n_ops,
					 .existing = CORE_EXISTING_SAME,
					 .id = "", /* the records' versions stand for it */
					 .records = rows,
					 .n_records = txn->n_records,
					 .trim_kind = txn->trim_kind,
					 .trim_keep = txn->trim_keep};
	struct core_batch_result result;
	bool ok = core_batch(core, &batch, &result, err);

	*bad = txn->n_ops;
	*recipients = ok ? result.delivery.recipients : 0;
	if (!ok)
		*bad = bad_op(err, txn->n_ops);
	ok = ok && (txn->grouped || core_commit(core, err));
	for (size_t i = 0; i < txn->n_records && ok; i++) {
		txn->records[i].id = rows[i].id;
		txn->records[i].version = rows[i].version;
	}
	arena_free(&arena);
	return ok;
}

/* --- records and events --------------------------------------------------------------------- */

static struct fleet_record record_of(const struct core_record *r)
{
	return (struct fleet_record){.kind = r->kind,
				     .id = r->id,
				     .owner = r->owner,
				     .version = r->version,
				     .body = r->body,
				     .len = r->len};
}

static bool record(void *ctx, int32_t kind, int64_t id, struct arena *arena,
		   struct fleet_record *out, struct err *err)
{
	struct core_record row;

	if (!core_record(ctx, kind, id, arena, &row, err))
		return false;
	*out = record_of(&row);
	return true;
}

static bool records(void *ctx, int32_t kind, int64_t owner, int64_t after, size_t limit,
		    bool newest_first, struct arena *arena, struct fleet_record **out, size_t *n,
		    struct err *err)
{
	struct core_records rows;

	if (!core_records(ctx, kind, owner, after, (int64_t)limit, newest_first, arena, &rows, err))
		return false;
	*n = rows.n;
	*out = arena_alloc(arena, (rows.n + 1) * sizeof **out);
	for (size_t i = 0; i < rows.n; i++)
		(*out)[i] = record_of(&rows.rows[i]);
	return true;
}

static bool events(void *ctx, int64_t after, size_t limit, struct arena *arena,
		   struct fleet_events *out, struct err *err)
{
	struct core_events page;

	if (!core_events_after(ctx, after, (int64_t)limit, arena, &page, &out->last, err))
		return false;
	out->first = page.first;
	out->n = page.n;
	out->rows = arena_alloc(arena, (page.n + 1) * sizeof *out->rows);
	for (size_t i = 0; i < page.n; i++)
		out->rows[i] = (struct fleet_event){.seq = page.rows[i].seq,
						    .type = page.rows[i].type,
						    .at_ms = page.rows[i].at_ms,
						    .source = page.rows[i].source,
						    .target = page.rows[i].target};
	return true;
}

static bool alarm(void *ctx, const char *source, const char *target, struct err *err)
{
	return core_alarm(ctx, source, target, err);
}

static bool revision(void *ctx, int64_t *rev, struct err *err)
{
	return core_revision(ctx, rev, err);
}

/* --- targets ------------------------------------------------------------------------------------
 */

static bool find_topic(struct core *c, const char *name, struct fleet_target *out, bool *found,
		       struct err *err)
{
	struct core_topic_facts f;

	if (!core_topic_facts(c, name, &f, err))
		return false;
	*found = f.exists;
	*out = (struct fleet_target){
		.key_rev = f.revision, .rotated_at = f.rotated_at, .devices = f.members};
	return true;
}

static bool find_client(struct core *c, const char *name, struct fleet_target *out, bool *found,
			struct err *err)
{
	struct core_client_facts f;

	if (!core_client_facts(c, name, &f, err))
		return false;
	*found = f.exists;
	*out = (struct fleet_target){.key_rev = f.key_revision,
				     .rotated_at = f.key_at,
				     .devices = 1,
				     .key_pending = f.key_pending};
	return true;
}

/* What can be no name is no error here: there is nothing of it. */
static bool find(void *ctx, enum fleet_kind kind, const char *name, struct arena *arena,
		 struct fleet_target *out, bool *found, struct err *err)
{
	bool ok = kind == FLEET_TOPIC ? find_topic(ctx, name, out, found, err)
				      : find_client(ctx, name, out, found, err);

	if (!ok && err->code == ERR_INVALID) {
		*found = false;
		ok = true;
	}
	if (ok && *found)
		out->name = copy(arena, name);
	return ok;
}

static bool tags(void *ctx, const char *client, struct arena *arena, const char ***out, size_t *n,
		 struct err *err)
{
	enum core_client_type type;
	struct core_names names = {0};
	bool ok = core_client_traits(ctx, client, arena, &type, &names, err);

	*out = names.names;
	*n = ok ? names.n : 0;
	return ok || err->code == ERR_NOT_FOUND || err->code == ERR_INVALID;
}

/* A page by what stands before the first star; the pattern then chooses among it. */
static struct core_search search_of(const struct fleet_search *s, char **tag, struct arena *arena)
{
	const char *pattern = s->pattern ? s->pattern : "*";

	*tag = s->tag ? arena_copy(arena, s->tag, strlen(s->tag)) : 0;
	return (struct core_search){
		.prefix = arena_copy(arena, pattern, strcspn(pattern, "*")),
		.contains = "",
		.tags = tag,
		.n_tags = s->tag != 0,
		.cursor = s->cursor,
		.limit = (int64_t)(s->limit < CORE_SEARCH_MAX ? s->limit : CORE_SEARCH_MAX)};
}

static bool fits(const struct fleet_search *s, const char *name)
{
	return !s->pattern || pattern_matches(s->pattern, name);
}

static bool search_topics(struct core *c, const struct fleet_search *s, struct arena *arena,
			  struct fleet_found *out, struct err *err)
{
	char *tag;
	const struct core_search search = search_of(s, &tag, arena);
	struct core_found_topics page;

	if (!core_search_topics(c, &search, arena, &page, err))
		return false;
	out->rows = arena_alloc(arena, (page.n + 1) * sizeof *out->rows);
	for (size_t i = 0; i < page.n; i++)
		if (fits(s, page.rows[i].name))
			out->rows[out->n++] =
				(struct fleet_target){.name = page.rows[i].name,
						      .key_rev = page.rows[i].revision,
						      .rotated_at = page.rows[i].rotated_at,
						      .devices = page.rows[i].members};
	out->cursor = page.cursor;
	return true;
}

static bool search_clients(struct core *c, const struct fleet_search *s, struct arena *arena,
			   struct fleet_found *out, struct err *err)
{
	char *tag;
	const struct core_search search = search_of(s, &tag, arena);
	struct core_found_clients page;
	bool found;

	if (!core_search_clients(c, &search, arena, &page, err))
		return false;
	out->rows = arena_alloc(arena, (page.n + 1) * sizeof *out->rows);
	for (size_t i = 0; i < page.n; i++) {
		if (!fits(s, page.rows[i].name))
			continue;
		if (!find_client(c, page.rows[i].name, &out->rows[out->n], &found, err))
			return false;
		out->rows[out->n].name = page.rows[i].name;
		out->n += found;
	}
	out->cursor = page.cursor;
	return true;
}

static bool search(void *ctx, const struct fleet_search *s, struct arena *arena,
		   struct fleet_found *out, struct err *err)
{
	*out = (struct fleet_found){.cursor = ""};
	return s->kind == FLEET_TOPIC ? search_topics(ctx, s, arena, out, err)
				      : search_clients(ctx, s, arena, out, err);
}

static bool progress(void *ctx, enum fleet_kind kind, const char *name, int64_t *devices,
		     int64_t *confirmed, struct err *err)
{
	struct core_topic_status topic;
	struct core_client_status client;

	if (kind == FLEET_TOPIC) {
		if (!core_topic_status(ctx, name, &topic, err))
			return false;
		*devices = topic.progress.members;
		*confirmed = topic.progress.confirmed;
		return true;
	}
	if (!core_client_status(ctx, name, 0, &client, err))
		return false;
	*devices = 1;
	*confirmed = client.state == CORE_CLIENT_CONFIRMED;
	return true;
}

static bool devices(void *ctx, enum fleet_kind kind, const char *name, size_t limit,
		    struct arena *arena, struct fleet_device **out, size_t *n, int64_t *topics,
		    struct err *err)
{
	struct core_devices found = {0};
	int64_t n_counted = 0;
	bool ok = kind == FLEET_TOPIC ? core_topic_devices(ctx, name, limit, arena, &found, err)
				      : core_client_device(ctx, name, arena, &found, err);

	*n = ok ? found.n : 0;
	*topics = 0;
	*out = arena_alloc(arena, (*n + 1) * sizeof **out);
	for (size_t i = 0; i < *n; i++) {
		const struct core_device *d = &found.rows[i];

		(*out)[i] = (struct fleet_device){.name = d->name,
						  .last_seen = d->last_seen,
						  .away = d->away,
						  .producer = d->type == CORE_TYPE_PRODUCER,
						  .consumer = d->type == CORE_TYPE_CONSUMER};
		*topics += d->topics < 0 ? 0 : d->topics;
		n_counted += d->topics >= 0;
	}
	*topics = n_counted ? (*topics + n_counted / 2) / n_counted : 0;
	return ok;
}

struct fleet fleet_of_core(struct core *core)
{
	static const struct fleet_ops ops = {.commit = commit,
					     .record = record,
					     .records = records,
					     .events = events,
					     .alarm = alarm,
					     .revision = revision,
					     .find = find,
					     .tags = tags,
					     .search = search,
					     .progress = progress,
					     .devices = devices};

	return (struct fleet){&ops, core};
}
