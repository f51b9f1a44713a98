/* A change of the master key, seen from several servers, with failures at every step. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "c2/core/keys.h"
#include "c2/core/rekey.h"
#include "c2/custody/soft.h"
#include "c2/store/sqlite.h"
#include "tests/check.h"

enum { CLIENTS = 300, TOPICS = 140 };

static char folder[] = "/tmp/e4_rekey_test_XXXXXX";
static struct store store;
static struct err err;

static const char *key_path(char name)
{
	static char paths[256][64];
	char *path = paths[(uint8_t)name];
	uint8_t key[32];
	int fd;

	snprintf(path, sizeof paths[0], "%s/%c", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	memset(key, name, sizeof key);
	CHECK(write(fd, key, sizeof key) == sizeof key);
	close(fd);
	return path;
}

/* Key files by one letter; 0: none. */
static bool open_custody(struct custody *c, char first, char next)
{
	const struct custody_soft_config config = {.key_file = key_path(first),
						   .next_key_file = next ? key_path(next) : 0};

	*c = (struct custody){0};
	return custody_soft_open(c, &config, &store, &err);
}

static bool opens(char first)
{
	struct custody c;
	bool ok = open_custody(&c, first, 0);

	custody_close(&c);
	return ok;
}

static enum custody_state state(const struct custody *c)
{
	enum custody_state s;

	CHECK(custody_state(c, &s, &err));
	return s;
}

static void name_row(char *name, uint8_t id[16], char kind, int i)
{
	memset(id, kind, 16);
	memcpy(id, &i, sizeof i);
	snprintf(name, 32, "%c%d", kind, i);
}

static void put_client(const struct custody *c, int i)
{
	struct store_client row = {.key_rev = i + 1};
	struct store_old_key old = {.rev = i};
	uint8_t key[64];

	name_row(row.name, row.e4id, 'c', i);
	memset(key, i, sizeof key);
	CHECK(seal_client_key(c, &row.key, row.e4id, row.key_rev, key, &err));
	if (i % 2)
		CHECK(seal_client_private(c, &row.private_key, row.e4id, row.key_rev, key, &err));
	CHECK(store.ops->client_put(store.ctx, &row, &err));
	old.client_id = row.id;
	CHECK(seal_client_key(c, &old.key, row.e4id, old.rev, key, &err));
	CHECK(i % 3 || store.ops->old_key_put(store.ctx, &old, &err));
}

static void put_topic(const struct custody *c, int i)
{
	struct store_topic row = {.rev = i + 1, .walk_rev = i + 1, .removed = i % 10 == 0};
	uint8_t key[32];

	name_row(row.name, row.hash, 't', i);
	memset(key, i, sizeof key);
	if (!row.removed)
		CHECK(seal_topic_key(c, &row.key, row.hash, row.rev, key, &err));
	CHECK(store.ops->topic_put(store.ctx, &row, &err));
}

static void fill(const struct custody *c)
{
	struct store_c2_key ours = {.rev = 5};
	uint8_t key[32] = {5};
	int64_t rev;

	CHECK(store.ops->begin(store.ctx, &err));
	CHECK(store.ops->revision_next(store.ctx, &rev, &err));
	for (int i = 0; i < CLIENTS; i++)
		put_client(c, i);
	for (int i = 0; i < TOPICS; i++)
		put_topic(c, i);
	CHECK(seal_c2_key(c, &ours.private_key, ours.rev, key, &err));
	CHECK(store.ops->c2_key_put(store.ctx, &ours, &err));
	CHECK(store.ops->commit(store.ctx, &err));
}

/* What opens under a custody. */
struct count {
	const struct custody *c;
	int opened, of;
};

static void count_one(struct count *n, bool opened)
{
	n->opened += opened;
	n->of++;
}

static bool count_client(void *arg, const struct store_client *row)
{
	struct count *n = arg;
	uint8_t key[64];

	count_one(n, open_client_key(n->c, key, row->e4id, row->key_rev, &row->key, 0));
	if (row->private_key.len)
		count_one(n, open_client_private(n->c, key, row->e4id, row->key_rev,
						 &row->private_key, 0));
	return true;
}

static bool count_topic(void *arg, const struct store_topic *row)
{
	struct count *n = arg;
	uint8_t key[32];

	if (row->key.len)
		count_one(n, open_topic_key(n->c, key, row->hash, row->rev, &row->key, 0));
	return true;
}

static bool count_old(void *arg, const struct store_old_key *row)
{
	struct count *n = arg;
	char name[32];
	uint8_t key[32], id[16];

	name_row(name, id, 'c', (int)row->rev); /* as put_client made it */
	count_one(n, open_client_key(n->c, key, id, row->rev, &row->key, 0));
	return true;
}

static bool count_ours(void *arg, const struct store_c2_key *row)
{
	struct count *n = arg;
	uint8_t key[32];

	count_one(n, open_c2_key(n->c, key, row->rev, &row->private_key, 0));
	return true;
}

static struct count count(const struct custody *c)
{
	struct count n = {.c = c};

	CHECK(store.ops->clients_after(store.ctx, 0, 10000, count_client, &n, &err));
	CHECK(store.ops->topics_after(store.ctx, 0, 10000, count_topic, &n, &err));
	CHECK(store.ops->c2_keys(store.ctx, count_ours, &n, &err));
	for (int64_t id = 1; id <= CLIENTS; id++)
		CHECK(store.ops->old_keys(store.ctx, id, count_old, &n, &err));
	CHECK(n.of > CLIENTS + CLIENTS / 2 + TOPICS / 2);
	return n;
}

static void walk(const struct store *s, const struct custody *c)
{
	bool more = true;

	while (more && rekey_slice(s, c, &more, &err))
		;
	CHECK(!more);
}

static void begin_with(struct custody *c)
{
	CHECK(store_sqlite_open(&store, ":memory:", &err));
	CHECK(open_custody(c, 'a', 0));
	fill(c);
}

static void close_all(void)
{
	store.ops->close(store.ctx);
}

/* --- The tests -------------------------------------------------------------------- */

static void every_key_is_under_the_next_one_and_only_there(void)
{
	struct custody first, both, other, next;
	struct rekey_progress p;

	begin_with(&first);
	CHECK(!rekey_begin(&store, &first, &err));
	CHECK_EQ(err.code, ERR_PRECONDITION);
	CHECK(open_custody(&both, 'a', 'b') && open_custody(&other, 'a', 'b'));
	CHECK_EQ(state(&first), CUSTODY_FIXED);
	CHECK_EQ(state(&both), CUSTODY_PREPARED);
	CHECK(rekey_begin(&store, &both, &err) && rekey_begin(&store, &both, &err));
	CHECK_EQ(state(&other), CUSTODY_CHANGING);
	CHECK(rekey_progress(&store, &p, &err) && p.running && !p.clients);
	walk(&store, &both);
	CHECK(rekey_progress(&store, &p, &err) && !p.running);
	CHECK_EQ(state(&other), CUSTODY_CHANGED);
	CHECK(open_custody(&next, 'b', 0));
	CHECK_EQ(count(&next).opened, count(&next).of);
	CHECK_EQ(count(&first).opened, 0);
	CHECK(!opens('a'));
	custody_close(&first);
	custody_close(&both);
	custody_close(&other);
	custody_close(&next);
	close_all();
}

/* One server walks, another writes: at each moment by the key that counts for all. */
static void what_is_written_meanwhile_is_under_the_next_key(void)
{
	struct custody both, other, next;
	bool more = true;
	int i = CLIENTS;

	begin_with(&both);
	custody_close(&both);
	CHECK(open_custody(&both, 'a', 'b') && open_custody(&other, 'a', 'b'));
	CHECK(rekey_begin(&store, &both, &err));
	while (more) {
		CHECK(rekey_slice(&store, i % 2 ? &both : &other, &more, &err));
		CHECK(store.ops->begin(store.ctx, &err));
		put_topic(&other, i++);
		CHECK(store.ops->commit(store.ctx, &err));
	}
	CHECK(open_custody(&next, 'b', 0));
	CHECK_EQ(count(&next).opened, count(&next).of);
	custody_close(&both);
	custody_close(&other);
	custody_close(&next);
	close_all();
}

static void half_a_change_is_for_servers_that_know_both(void)
{
	struct custody both, c;
	bool more;

	begin_with(&both);
	custody_close(&both);
	CHECK(open_custody(&both, 'a', 'b'));
	CHECK(opens('a')); /* prepared only: it may still be given up */
	CHECK(open_custody(&c, 'a', 'x'));
	custody_close(&c);
	custody_close(&both);
	CHECK(open_custody(&both, 'a', 'b'));
	CHECK(rekey_begin(&store, &both, &err) && rekey_slice(&store, &both, &more, &err) && more);
	CHECK(!opens('a') && strstr(err.text, "being changed"));
	CHECK(!opens('b') && err.code == ERR_CUSTODY);
	CHECK(!open_custody(&c, 'a', 'x') && err.code == ERR_CUSTODY);
	CHECK(!open_custody(&c, 'b', 'a') && err.code == ERR_CUSTODY);
	CHECK(open_custody(&c, 'a', 'b'));
	walk(&store, &c);
	custody_close(&c);
	/* The settings are not mended yet, then are in part, then in full. */
	CHECK(open_custody(&c, 'a', 'b'));
	CHECK_EQ(state(&c), CUSTODY_FIXED);
	custody_close(&c);
	CHECK(open_custody(&c, 'b', 'b'));
	CHECK_EQ(state(&c), CUSTODY_FIXED);
	custody_close(&c);
	CHECK(opens('b'));
	custody_close(&both);
	close_all();
}

/* --- Failures --------------------------------------------------------------------- */

static int fail_in; /* operations until one fails */

static bool fails(void)
{
	return --fail_in == 0;
}

static bool failing_commit(void *ctx, struct err *e)
{
	if (!fails())
		return store.ops->commit(ctx, e);
	store.ops->rollback(ctx);
	return err_set(e, ERR_STORE, "full");
}

static bool failing_client_put(void *ctx, struct store_client *row, struct err *e)
{
	return fails() ? err_set(e, ERR_STORE, "full") : store.ops->client_put(ctx, row, e);
}

static bool failing_topic_put(void *ctx, struct store_topic *row, struct err *e)
{
	return fails() ? err_set(e, ERR_STORE, "full") : store.ops->topic_put(ctx, row, e);
}

static bool failing_meta_put(void *ctx, const char *name, const uint8_t *v, size_t n, struct err *e)
{
	return fails() ? err_set(e, ERR_STORE, "full") : store.ops->meta_put(ctx, name, v, n, e);
}

static void a_failure_at_any_step_loses_nothing(void)
{
	struct custody both, next;
	int failed = 0;
	bool more = true;

	begin_with(&both);
	custody_close(&both);
	CHECK(open_custody(&both, 'a', 'b'));
	CHECK(rekey_begin(&store, &both, &err));
	struct store_ops ops = *store.ops;
	ops.commit = failing_commit;
	ops.client_put = failing_client_put;
	ops.topic_put = failing_topic_put;
	ops.meta_put = failing_meta_put;
	const struct store bad = {&ops, store.ctx};
	for (int i = 0; more; i++) {
		fail_in = 1 + i * 37 % 200;
		if (rekey_slice(&bad, &both, &more, &err))
			continue;
		failed++;
		more = true;
		CHECK_EQ(count(&both).opened, count(&both).of);
	}
	CHECK(failed > 2);
	CHECK(open_custody(&next, 'b', 0));
	CHECK_EQ(count(&next).opened, count(&next).of);
	custody_close(&both);
	custody_close(&next);
	close_all();
}

int main(void)
{
	if (!mkdtemp(folder))
		return 2;
	RUN(every_key_is_under_the_next_one_and_only_there);
	RUN(what_is_written_meanwhile_is_under_the_next_key);
	RUN(half_a_change_is_for_servers_that_know_both);
	RUN(a_failure_at_any_step_loses_nothing);
	for (const char *name = "abx"; *name; name++)
		unlink(key_path(*name));
	rmdir(folder);
	return END();
}
