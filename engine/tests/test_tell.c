/* Letters as rows: told once by several servers, tried again, given up at last. */
#define _GNU_SOURCE
#include <sodium.h>

#include "base/mem.h"
#include "engine/tell.h"
#include "engine/tests/receiver.h"

/* --- rows that two servers share ----------------------------------------------------------------
 */

enum { ROWS = 8 };

static struct row {
	struct fleet_record r;
	uint8_t body[2048];
} rows[ROWS];
static int64_t last_id;
static bool store_down;

static bool on_commit(void *ctx, struct fleet_txn *txn, int64_t *recipients, size_t *bad,
		      struct err *err)
{
	struct fleet_record *in = txn->records;
	struct row *at = NULL;

	(void)ctx;
	*recipients = 0;
	*bad = 0;
	CHECK_EQ(txn->n_records, 1);
	if (store_down)
		return err_set(err, ERR_STORE, "down");
	for (int i = 0; i < ROWS; i++)
		if (rows[i].r.id == in->id && (in->id || !at))
			at = &rows[i];
	if (!at || at->r.version != in->version)
		return err_set(err, ERR_CONFLICT, "changed");
	if (in->remove) {
		*at = (struct row){0};
		return true;
	}
	CHECK(in->len <= sizeof at->body);
	if (!in->id)
		in->id = ++last_id;
	in->version++;
	at->r = *in;
	memcpy(at->body, in->body, in->len);
	return true;
}

static bool on_records(void *ctx, int32_t kind, int64_t owner, int64_t after, size_t limit,
		       bool newest_first, struct arena *arena, struct fleet_record **out, size_t *n,
		       struct err *err)
{
	(void)ctx;
	(void)limit;
	CHECK(kind == LETTER_RECORD && owner == 0 && !newest_first);
	*n = 0;
	if (store_down)
		return err_set(err, ERR_STORE, "down");
	*out = arena_alloc(arena, ROWS * sizeof **out);
	for (int i = 0; i < ROWS; i++) {
		if (rows[i].r.id <= after)
			continue;
		(*out)[*n] = rows[i].r;
		(*out)[(*n)++].body = (uint8_t *)arena_copy(arena, rows[i].body, rows[i].r.len);
	}
	return true;
}

static int n_rows(void)
{
	int n = 0;

	for (int i = 0; i < ROWS; i++)
		n += rows[i].r.id != 0;
	return n;
}

static struct loop *loop;
static struct clock_manual manual = {.wall_ms = 1764000000000};

/* --- the servers ----------------------------------------------------------------------------- */

static const struct fleet_ops ops = {.commit = on_commit, .records = on_records};
static const struct fleet fleet = {.ops = &ops};
static struct tell *servers[2];
static struct post *posts[2];
static int n_wakes;

static void on_wake(void *ctx)
{
	(void)ctx;
	n_wakes++;
}

/* Both servers do what is due, and letters on their way come to an end. */
static void settle_all(void)
{
	for (int i = 0; i < 2; i++) {
		tell_look(servers[i]);
		tell_work(servers[i]);
	}
	for (int i = 0; i < 1000 && (tell_is_busy(servers[0]) || tell_is_busy(servers[1])); i++)
		loop_turn(loop, 20);
}

static Pb__RuleOptions options = PB__RULE_OPTIONS__INIT;
static Pb__Rule rule = PB__RULE__INIT;
static Pb__Run run = PB__RUN__INIT;

static void write_letters(void)
{
	struct arena arena = ARENA_INIT;
	struct fleet_record out[2];
	size_t n = letter_records(&rule, &run, manual.wall_ms / 1000, &arena, out);

	for (size_t i = 0; i < n; i++) {
		struct fleet_txn txn = {.records = &out[i], .n_records = 1};
		int64_t recipients;
		size_t bad;

		CHECK(on_commit(NULL, &txn, &recipients, &bad, NULL));
	}
	arena_free(&arena);
}

static void told_once(void)
{
	write_letters();
	CHECK_EQ(n_rows(), 1);
	settle_all();
	CHECK_EQ(rx.n_conns, 1);
	CHECK_EQ(n_rows(), 0);
	CHECK(strstr(rx.got, "\"text\":\"Rule 7 (weekly) stopped: 3 of 40 confirmed\"") != NULL);
	CHECK(strstr(rx.got, "\"state\":\"RUN_STOPPED\"") != NULL);
	CHECK_EQ(tell_work(servers[0]), -1);
	settle_all();
	CHECK_EQ(rx.n_conns, 1);
}

static void tried_again(void)
{
	int64_t wait;

	rx.n_conns = 0;
	rx.answer = "HTTP/1.1 500 no\r\nContent-Length: 0\r\n\r\n";
	write_letters();
	settle_all();
	CHECK_EQ(rx.n_conns, 1);
	CHECK_EQ(n_rows(), 1);
	/* Nobody tries before it is time, then one of them does. */
	settle_all();
	CHECK_EQ(rx.n_conns, 1);
	manual.wall_ms += 11000;
	settle_all();
	CHECK_EQ(rx.n_conns, 2);
	wait = tell_work(servers[0]);
	CHECK(wait > 0 && wait <= 120000);
	rx.answer = "HTTP/1.1 200 ok\r\nContent-Length: 0\r\n\r\n";
	manual.wall_ms += 3600 * 1000;
	settle_all();
	CHECK_EQ(rx.n_conns, 3);
	CHECK_EQ(n_rows(), 0);
}

static void a_server_that_dies(void)
{
	rx.n_conns = 0;
	rx.answer = TAKEN;
	write_letters();
	tell_look(servers[0]);
	tell_work(servers[0]); /* claimed, and on its way */
	CHECK(tell_is_busy(servers[0]));
	post_close(posts[0]);
	tell_free(servers[0]);
	servers[0] = servers[1];
	settle_all();
	CHECK_EQ(n_rows(), 1);
	manual.wall_ms += 121 * 1000;
	settle_all();
	CHECK_EQ(n_rows(), 0);
	CHECK(rx.n_conns >= 1);
}

static void given_up(void)
{
	int tries = 0;

	rx.n_conns = 0;
	rx.answer = "HTTP/1.1 404 no\r\nContent-Length: 0\r\n\r\n";
	write_letters();
	while (n_rows() && ++tries < 200) {
		int64_t wait = tell_work(servers[1]);

		manual.wall_ms += wait > 1000 ? wait : 1000;
		settle_all();
	}
	CHECK(tries < 200);
	CHECK(rx.n_conns > 20 && rx.n_conns < 100);
}

static void a_store_that_fails(void)
{
	rx.n_conns = 0;
	rx.answer = TAKEN;
	write_letters();
	store_down = true;
	tell_look(servers[1]);
	CHECK(tell_work(servers[1]) > 0);
	store_down = false;
	manual.wall_ms += 11000;
	settle_all();
	CHECK_EQ(rx.n_conns, 1);
	CHECK_EQ(n_rows(), 0);
}

int main(void)
{
	char secret_file[] = "/tmp/tell-XXXXXX", url[64], allow[64];
	struct clock clock = clock_of_manual(&manual);
	int fd = mkstemp(secret_file);
	struct err err;

	CHECK(sodium_init() >= 0);
	CHECK_EQ(write(fd, "0123456789abcdef\n", 17), 17);
	close(fd);
	loop = loop_new();
	receiver_open(loop);
	snprintf(url, sizeof url, "http://127.0.0.1:%d/hook", rx.port);
	snprintf(allow, sizeof allow, "http://127.0.0.1:%d", rx.port);
	for (int i = 0; i < 2; i++) {
		const struct post_config config = {.webhook_secret_file = secret_file,
						   .webhook_allow = allow};

		CHECK(post_open(&posts[i], &config, loop, &clock, &err));
		servers[i] = tell_new(&fleet, posts[i], &clock, on_wake, NULL);
	}
	options.webhook = url;
	rule.id = 7;
	rule.description = (char *)(uintptr_t) "weekly";
	rule.options = &options;
	run.id = 9;
	run.ruleid = 7;
	run.state = PB__RUN_STATE__RUN_STOPPED;
	run.outcome = (char *)(uintptr_t) "3 of 40 confirmed";
	told_once();
	tried_again();
	a_store_that_fails();
	given_up();
	a_server_that_dies();
	post_close(posts[1]);
	tell_free(servers[1]);
	receiver_close();
	loop_free(loop);
	unlink(secret_file);
	return END();
}
