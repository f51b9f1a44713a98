/* Changes that share a commit: all of them or none, each by itself, and nobody told too early. */
#include <sqlite3.h>

#include "c2/store/tests/fault_vfs.h"
#include "kit.h"

static struct err err;
static struct core_delivery out;
static const uint8_t key[32] = {0xa};

/* How the commits of groups ended. */
static struct told {
	int well, ill;
	enum err_code code;
} told;

static void tell(void *ctx, const struct err *why)
{
	(void)ctx;
	told.well += !why;
	told.ill += why != 0;
	told.code = why ? why->code : ERR_OK;
}

static void open_grouped(struct kit *k, bool file)
{
	if (file)
		kit_open_file(k, CORE_SYMKEY);
	else
		kit_open(k, CORE_SYMKEY);
	core_group(k->core, tell, 0);
	told = (struct told){0};
}

static int64_t n_clients(struct kit *k)
{
	int64_t n = -1;

	CHECK(core_clients_count(k->core, &n, &err));
	return n;
}

static bool is_there(struct kit *k, const char *name)
{
	struct core_client_status status;

	return core_client_status(k->core, name, 0, &status, &err);
}

static void changes_of_a_turn_share_one_commit(void)
{
	struct kit k;
	size_t commits;

	open_grouped(&k, false);
	core_work(k.core, 32); /* what a first start has to do */
	commits = k.n_commits;
	k.n_woken = 0;
	for (int i = 0; i < 5; i++) {
		char name[32];

		snprintf(name, sizeof name, "c%d", i);
		CHECK(core_client_new(k.core, name, key, 32, &out, &err));
		CHECK_EQ(out.revision, i + 1);
		CHECK(core_pending(k.core));
	}
	CHECK(k.n_woken > 0);
	CHECK_EQ(k.n_commits, commits);
	CHECK_EQ(told.well + told.ill, 0);
	core_work(k.core, 32);
	CHECK_EQ(k.n_commits, commits + 1);
	CHECK_EQ(told.well, 1);
	CHECK(!core_pending(k.core));
	CHECK_EQ(n_clients(&k), 5);
	core_work(k.core, 32);
	CHECK_EQ(told.well, 1); /* nothing waits: nobody is told */
	kit_close(&k);
}

static void a_change_that_fails_is_undone_alone(void)
{
	struct kit k;
	int64_t n;

	open_grouped(&k, false);
	/* As the first of a group: there is no group then. */
	CHECK(!core_attach(k.core, "a", "t", &out, &err));
	CHECK(!core_pending(k.core));
	CHECK(core_client_new(k.core, "a", key, 32, &out, &err));
	CHECK(core_topic_new(k.core, "t", &out, &err));
	CHECK(!core_attach(k.core, "a", "missing", &out, &err));
	CHECK_EQ(err.code, ERR_NOT_FOUND);
	CHECK(!core_link(k.core, "a", "missing", &err));
	CHECK(core_link(k.core, "a", "a", &err));
	CHECK(core_attach(k.core, "a", "t", &out, &err));
	CHECK_EQ(out.revision, 3); /* the failed ones took none */
	/* Fails at its second write: the first is undone. */
	k.fail_at = k.n_ops + 2;
	CHECK(!core_detach(k.core, "a", "t", CORE_YES, &n, &out, &err));
	CHECK_EQ(err.code, ERR_STORE);
	core_work(k.core, 32);
	CHECK_EQ(told.well, 1);
	CHECK_EQ(told.ill, 0);
	CHECK(is_there(&k, "a"));
	CHECK(core_topic_clients_count(k.core, "t", &n, &err) && n == 1);
	CHECK(core_links_count(k.core, "a", &n, &err) && n == 1);
	kit_close(&k);
}

static void a_commit_that_fails_undoes_all_and_all_are_told(void)
{
	struct kit k;
	int64_t rev, after;

	open_grouped(&k, false);
	CHECK(core_client_new(k.core, "before", key, 32, &out, &err));
	core_work(k.core, 32);
	CHECK(k.store.ops->revision(k.store.ctx, &rev, &err));
	CHECK(core_client_new(k.core, "a", key, 32, &out, &err));
	CHECK(core_client_new_key(k.core, "before", &out, &err));
	CHECK(core_topic_new(k.core, "t", &out, &err));
	k.fail_commit = true;
	core_work(k.core, 32);
	k.fail_commit = false;
	CHECK_EQ(told.ill, 1);
	CHECK_EQ(told.code, ERR_STORE);
	CHECK(!core_pending(k.core));
	CHECK(!is_there(&k, "a"));
	CHECK(!kit_status(&k, "before").key_pending);
	CHECK(k.store.ops->revision(k.store.ctx, &after, &err));
	CHECK_EQ(after, rev);
	/* And it goes on. */
	CHECK(core_client_new(k.core, "a", key, 32, &out, &err));
	core_work(k.core, 32);
	CHECK_EQ(told.well, 2);
	CHECK_EQ(n_clients(&k), 2);
	kit_close(&k);
}

static void what_nobody_was_told_of_is_gone_after_a_crash(void)
{
	struct kit k;

	open_grouped(&k, true);
	CHECK(core_client_new(k.core, "kept", key, 32, &out, &err));
	core_work(k.core, 32);
	CHECK(core_client_new(k.core, "lost", key, 32, &out, &err));
	CHECK_EQ(told.well, 1);
	kit_crash(&k);
	CHECK(is_there(&k, "kept"));
	CHECK(!is_there(&k, "lost"));
	kit_close(&k);
}

static void nothing_is_sent_before_the_commit(void)
{
	struct kit k;
	struct device *d;

	open_grouped(&k, false);
	d = device_new(&k, "a");
	CHECK(core_topic_new(k.core, "t", &out, &err));
	CHECK(core_attach(k.core, "a", "t", &out, &err));
	bus_mem_deliver(k.hub);
	CHECK_EQ(d->n_messages, 0);
	k.fail_commit = true;
	core_work(k.core, 32);
	bus_mem_deliver(k.hub);
	CHECK_EQ(d->n_messages, 0);
	k.fail_commit = false;
	CHECK(core_client_new(k.core, "a", key, 32, &out, &err)); /* undone too, so again */
	device_free(d);
	kit_close(&k);
}

struct heard {
	int64_t seqs[64], n;
};

static void hear(void *ctx, const struct store_event *e)
{
	struct heard *h = ctx;

	h->seqs[h->n++] = e->seq;
}

static void events_come_after_the_commit_in_the_order_of_revisions(void)
{
	struct kit k;
	struct heard first = {.n = 0}, late = {.n = 0};

	open_grouped(&k, false);
	CHECK(core_listen(k.core, -1, hear, &first, &err) != 0);
	CHECK(core_client_new(k.core, "a", key, 32, &out, &err));
	for (int i = 0; i < 10; i++) {
		char topic[32];

		snprintf(topic, sizeof topic, "t%d", i);
		CHECK(core_topic_new(k.core, topic, &out, &err));
		CHECK(core_attach(k.core, "a", topic, &out, &err));
		CHECK(!core_attach(k.core, "a", "missing", &out, &err));
	}
	CHECK_EQ(first.n, 0);
	/* Numbers that may be undone are not waited beyond: the group ends here. */
	CHECK(core_listen(k.core, -1, hear, &late, &err) != 0);
	CHECK_EQ(told.well, 1);
	CHECK(core_detach(k.core, "a", "t3", CORE_NO, 0, &out, &err));
	k.fail_commit = true;
	core_work(k.core, 32);
	k.fail_commit = false;
	CHECK_EQ(first.n, 10);
	CHECK_EQ(late.n, 0);
	CHECK(core_detach(k.core, "a", "t4", CORE_NO, 0, &out, &err));
	core_work(k.core, 32);
	CHECK_EQ(first.n, 11);
	CHECK_EQ(late.n, 1);
	for (int64_t i = 0; i < first.n; i++)
		CHECK_EQ(first.seqs[i], i + 1);
	CHECK_EQ(late.seqs[0], 11);
	kit_close(&k);
}

/* A group of four; the third of them fails by itself. */
static bool make_group(struct kit *k, int round)
{
	bool made = true;

	for (int i = 0; i < 4; i++) {
		char name[32];

		snprintf(name, sizeof name, "r%d-%d", round % 1000, i);
		if (i == 2)
			CHECK(!core_attach(k->core, name, "missing", &out, &err));
		else
			made &= core_client_new(k->core, name, key, 32, &out, &err);
	}
	core_work(k->core, 32);
	return made && told.ill == 0;
}

/*
 * A real disk that fails at its nth write or sync: who was told that it is done
 * finds it, and nobody finds anything else.
 */
static void a_disk_that_fails_anywhere_undoes_whole_groups(enum fault_op op)
{
	struct kit k;
	int64_t before;
	bool made = false;
	int failed = 0;

	open_grouped(&k, true);
	for (int n = 1; !made && n < 200; n++) {
		told = (struct told){0};
		before = n_clients(&k);
		fault = (struct fault){.op = op,
				       .countdown = n,
				       .rc = op == FAULT_WRITE ? SQLITE_FULL : SQLITE_IOERR_FSYNC};
		made = make_group(&k, n);
		made &= fault.hits == 0;
		failed += told.ill;
		fault = (struct fault){.op = FAULT_NONE};
		CHECK_EQ(told.well + told.ill, 1);
		CHECK_EQ(n_clients(&k), before + (told.well ? 3 : 0));
	}
	CHECK(made);
	CHECK(failed > 0);
	before = n_clients(&k);
	kit_crash(&k);
	CHECK_EQ(n_clients(&k), before);
	kit_close(&k);
}

static void a_full_disk_undoes_whole_groups(void)
{
	a_disk_that_fails_anywhere_undoes_whole_groups(FAULT_WRITE);
}

static void a_disk_that_does_not_sync_undoes_whole_groups(void)
{
	a_disk_that_fails_anywhere_undoes_whole_groups(FAULT_SYNC);
}

int main(void)
{
	fault_vfs_install();
	RUN(changes_of_a_turn_share_one_commit);
	RUN(a_change_that_fails_is_undone_alone);
	RUN(a_commit_that_fails_undoes_all_and_all_are_told);
	RUN(what_nobody_was_told_of_is_gone_after_a_crash);
	RUN(nothing_is_sent_before_the_commit);
	RUN(events_come_after_the_commit_in_the_order_of_revisions);
	RUN(a_full_disk_undoes_whole_groups);
	RUN(a_disk_that_does_not_sync_undoes_whole_groups);
	return END();
}
