/* Every function of core.h, every error: a clear text, nothing changed. */
#include <stdlib.h>

#include "kit.h"

static struct err err;
static struct core_delivery out;

static void refused(bool ok, enum err_code code, int line)
{
	check_eq(ok, false, __FILE__, line, "it is refused");
	check_eq(err.code, code, __FILE__, line, "the code of the error");
	check_result(err.text[0] != 0, __FILE__, line, "there is a text");
	err = (struct err){.code = ERR_OK};
}
#define REFUSED(call, code) refused((call), (code), __LINE__)

static const uint8_t key_a[32] = {0xa};
static const uint8_t key_b[32] = {0xb};

static int64_t revision(struct kit *k)
{
	int64_t rev = -1;

	CHECK(k->store.ops->revision(k->store.ctx, &rev, &err));
	return rev;
}

static char long_text[600];

static const char *text_of(size_t len)
{
	memset(long_text, 'x', sizeof long_text);
	long_text[len] = 0;
	return long_text;
}

static void bad_names_change_nothing(void)
{
	static const char *const bad[] = {
		0, "", "\xff", "a\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80"};
	struct kit k;
	struct arena arena = ARENA_INIT;
	struct core_names names;
	struct core_client_status status;
	struct store_page page = {0, 10};
	int64_t n, rev;

	kit_open(&k, CORE_PUBKEY);
	rev = revision(&k);
	for (size_t i = 0; i <= sizeof bad / sizeof *bad; i++) {
		const char *name = i < sizeof bad / sizeof *bad ? bad[i] : text_of(256);

		REFUSED(core_client_new(k.core, name, key_a, 32, &out, &err), ERR_INVALID);
		REFUSED(core_client_remove(k.core, name, CORE_DEFAULT, &n, &out, &err),
			ERR_INVALID);
		REFUSED(core_client_reset(k.core, name, &out, &err), ERR_INVALID);
		REFUSED(core_client_new_key(k.core, name, &out, &err), ERR_INVALID);
		REFUSED(core_attach(k.core, name, "t", &out, &err), ERR_INVALID);
		REFUSED(core_detach(k.core, name, "t", CORE_DEFAULT, &n, &out, &err), ERR_INVALID);
		REFUSED(core_client_topics(k.core, name, page, &arena, &names, &err), ERR_INVALID);
		REFUSED(core_client_topics_count(k.core, name, &n, &err), ERR_INVALID);
		REFUSED(core_link(k.core, name, "b", &err), ERR_INVALID);
		REFUSED(core_link(k.core, "b", name, &err), ERR_INVALID);
		REFUSED(core_unlink(k.core, name, "b", &err), ERR_INVALID);
		REFUSED(core_links(k.core, name, page, &arena, &names, &err), ERR_INVALID);
		REFUSED(core_links_count(k.core, name, &n, &err), ERR_INVALID);
		REFUSED(core_pubkey_send(k.core, name, "b", &out, &err), ERR_INVALID);
		REFUSED(core_pubkey_remove(k.core, "b", name, &out, &err), ERR_INVALID);
		REFUSED(core_pubkeys_reset(k.core, name, &out, &err), ERR_INVALID);
		REFUSED(core_client_status(k.core, name, 0, &status, &err), ERR_INVALID);
	}
	CHECK_EQ(revision(&k), rev);
	kit_close(&k);
	kit_open(&k, CORE_SYMKEY);
	CHECK(core_client_new(k.core, text_of(255), key_a, 32, &out, &err));
	CHECK(core_client_new(k.core, "\xc3\xa4/: +#", key_a, 32, &out, &err));
	CHECK(core_clients_count(k.core, &n, &err));
	CHECK_EQ(n, 2);
	kit_close(&k);
}

static void bad_topics_change_nothing(void)
{
	static const char *const bad[] = {0,
					  "",
					  "a/+/b",
					  "a/#",
					  "#",
					  "+",
					  "\xff",
					  "$SYS",
					  "$SYS/x",
					  "$a",
					  "e4/00112233445566778899aabbccddeeff",
					  "e4/00112233445566778899aabbccddeeff/receipt"};
	struct kit k;
	struct arena arena = ARENA_INIT;
	struct core_names names;
	struct core_topic_status status;
	struct store_page page = {0, 10};
	uint8_t *bytes;
	size_t len;
	int64_t n, rev;

	kit_open(&k, CORE_SYMKEY);
	CHECK(core_client_new(k.core, "a", key_a, 32, &out, &err));
	rev = revision(&k);
	for (size_t i = 0; i <= sizeof bad / sizeof *bad; i++) {
		const char *topic = i < sizeof bad / sizeof *bad ? bad[i] : text_of(513);

		REFUSED(core_topic_new(k.core, topic, &out, &err), ERR_INVALID);
		REFUSED(core_topic_remove(k.core, topic, &out, &err), ERR_INVALID);
		REFUSED(core_attach(k.core, "a", topic, &out, &err), ERR_INVALID);
		REFUSED(core_detach(k.core, "a", topic, CORE_DEFAULT, &n, &out, &err), ERR_INVALID);
		REFUSED(core_topic_clients(k.core, topic, page, &arena, &names, &err), ERR_INVALID);
		REFUSED(core_topic_clients_count(k.core, topic, &n, &err), ERR_INVALID);
		REFUSED(core_topic_status(k.core, topic, &status, &err), ERR_INVALID);
		REFUSED(core_protect(k.core, topic, key_a, 1, &arena, &bytes, &len, &err),
			ERR_INVALID);
		REFUSED(core_unprotect(k.core, topic, key_a, 30, &arena, &bytes, &len, &err),
			ERR_INVALID);
	}
	CHECK_EQ(revision(&k), rev);
	CHECK(core_topic_new(k.core, text_of(512), &out, &err));
	CHECK(core_topic_new(k.core, "e4/x", &out, &err));
	CHECK(core_topic_new(k.core, "a//b/", &out, &err));
	CHECK(core_topics_count(k.core, &n, &err));
	CHECK_EQ(n, 3);
	kit_close(&k);
}

static void two_names_of_one_id_are_refused(void)
{
	struct kit k;
	struct store_client row = {.name = "other"};

	kit_open(&k, CORE_SYMKEY);
	/* No two such names are known: the database plays one. */
	e4_id_from_name(row.e4id, "a", 1);
	CHECK(k.store.ops->begin(k.store.ctx, &err) &&
	      k.store.ops->client_put(k.store.ctx, &row, &err) &&
	      k.store.ops->commit(k.store.ctx, &err));
	REFUSED(core_client_new(k.core, "a", key_a, 32, &out, &err), ERR_PRECONDITION);
	kit_close(&k);
}

static void what_is_not_there_is_not_found(void)
{
	struct kit k;
	struct arena arena = ARENA_INIT;
	struct core_names names;
	struct core_client_status cs;
	struct core_topic_status ts;
	struct store_page page = {0, 10};
	uint8_t *bytes;
	size_t len;
	int64_t n;

	kit_open(&k, CORE_PUBKEY);
	REFUSED(core_client_remove(k.core, "x", CORE_YES, &n, &out, &err), ERR_NOT_FOUND);
	REFUSED(core_client_reset(k.core, "x", &out, &err), ERR_NOT_FOUND);
	REFUSED(core_client_new_key(k.core, "x", &out, &err), ERR_NOT_FOUND);
	REFUSED(core_topic_remove(k.core, "t", &out, &err), ERR_NOT_FOUND);
	REFUSED(core_attach(k.core, "x", "t", &out, &err), ERR_NOT_FOUND);
	REFUSED(core_detach(k.core, "x", "t", CORE_YES, &n, &out, &err), ERR_NOT_FOUND);
	REFUSED(core_client_topics(k.core, "x", page, &arena, &names, &err), ERR_NOT_FOUND);
	REFUSED(core_client_topics_count(k.core, "x", &n, &err), ERR_NOT_FOUND);
	REFUSED(core_topic_clients(k.core, "t", page, &arena, &names, &err), ERR_NOT_FOUND);
	REFUSED(core_topic_clients_count(k.core, "t", &n, &err), ERR_NOT_FOUND);
	REFUSED(core_link(k.core, "x", "y", &err), ERR_NOT_FOUND);
	REFUSED(core_unlink(k.core, "x", "y", &err), ERR_NOT_FOUND);
	REFUSED(core_links(k.core, "x", page, &arena, &names, &err), ERR_NOT_FOUND);
	REFUSED(core_links_count(k.core, "x", &n, &err), ERR_NOT_FOUND);
	REFUSED(core_pubkey_send(k.core, "x", "y", &out, &err), ERR_NOT_FOUND);
	REFUSED(core_pubkey_remove(k.core, "x", "y", &out, &err), ERR_NOT_FOUND);
	REFUSED(core_pubkeys_reset(k.core, "x", &out, &err), ERR_NOT_FOUND);
	REFUSED(core_client_status(k.core, "x", 0, &cs, &err), ERR_NOT_FOUND);
	REFUSED(core_topic_status(k.core, "t", &ts, &err), ERR_NOT_FOUND);
	REFUSED(core_protect(k.core, "t", key_a, 1, &arena, &bytes, &len, &err), ERR_NOT_FOUND);
	REFUSED(core_unprotect(k.core, "t", (const uint8_t *)long_text, 30, &arena, &bytes, &len,
			       &err),
		ERR_NOT_FOUND);
	kit_close(&k);
	kit_open(&k, CORE_SYMKEY);
	CHECK(core_client_new(k.core, "x", key_a, 32, &out, &err));
	REFUSED(core_attach(k.core, "x", "t", &out, &err), ERR_NOT_FOUND);
	REFUSED(core_link(k.core, "x", "y", &err), ERR_NOT_FOUND);
	CHECK(core_topic_new(k.core, "t", &out, &err));
	REFUSED(core_detach(k.core, "x", "t", CORE_YES, &n, &out, &err), ERR_NOT_FOUND);
	CHECK(core_client_remove(k.core, "x", CORE_YES, &n, &out, &err));
	REFUSED(core_client_remove(k.core, "x", CORE_YES, &n, &out, &err), ERR_NOT_FOUND);
	kit_close(&k);
}

static void bad_client_keys_are_refused(void)
{
	static const uint8_t zero[32], order_1[32] = {1};
	uint8_t bad[32], secret[64];
	struct kit k;
	int64_t n;

	kit_open(&k, CORE_SYMKEY);
	REFUSED(core_client_new(k.core, "a", zero, 32, &out, &err), ERR_INVALID);
	REFUSED(core_client_new(k.core, "a", key_a, 31, &out, &err), ERR_INVALID);
	REFUSED(core_client_new(k.core, "a", secret, 33, &out, &err), ERR_INVALID);
	REFUSED(core_client_new(k.core, "a", 0, 0, &out, &err), ERR_INVALID);
	CHECK(core_clients_count(k.core, &n, &err));
	CHECK_EQ(n, 0);
	kit_close(&k);
	kit_open(&k, CORE_PUBKEY);
	memset(bad, 0xff, sizeof bad);
	REFUSED(core_client_new(k.core, "a", zero, 32, &out, &err), ERR_INVALID);
	REFUSED(core_client_new(k.core, "a", order_1, 32, &out, &err), ERR_INVALID);
	REFUSED(core_client_new(k.core, "a", bad, 32, &out, &err), ERR_INVALID);
	bad[0] = 2;
	REFUSED(core_client_new(k.core, "a", bad, 32, &out, &err), ERR_INVALID);
	e4_ed25519_keypair(secret, key_a);
	REFUSED(core_client_new(k.core, "a", secret, 64, &out, &err), ERR_INVALID);
	CHECK(core_client_new(k.core, "a", secret + 32, 32, &out, &err));
	kit_close(&k);
}

static void calls_of_the_other_mode_are_refused(void)
{
	struct kit k;
	uint8_t key[32];
	int64_t rev;

	kit_open(&k, CORE_SYMKEY);
	CHECK_EQ(core_crypto_mode(k.core), CORE_SYMKEY);
	CHECK(core_client_new(k.core, "a", key_a, 32, &out, &err));
	CHECK(core_client_new(k.core, "b", key_b, 32, &out, &err));
	rev = revision(&k);
	REFUSED(core_pubkey_send(k.core, "a", "b", &out, &err), ERR_PRECONDITION);
	REFUSED(core_pubkey_remove(k.core, "a", "b", &out, &err), ERR_PRECONDITION);
	REFUSED(core_pubkeys_reset(k.core, "a", &out, &err), ERR_PRECONDITION);
	REFUSED(core_new_c2_key(k.core, true, false, &out, &err), ERR_PRECONDITION);
	REFUSED(core_c2_public_key(k.core, key, &err), ERR_PRECONDITION);
	CHECK_EQ(revision(&k), rev);
	/* Links are no matter of the mode. */
	CHECK(core_link(k.core, "a", "b", &err));
	kit_close(&k);
}

static struct core *other_core(struct kit *k, struct core_config cfg)
{
	return core_new(&cfg, &k->store, &k->custody, &k->clock, 0, 0, &err);
}

static void a_database_keeps_its_mode_and_bad_settings_are_refused(void)
{
	struct kit k;
	struct core_config cfg;

	kit_open(&k, CORE_SYMKEY);
	cfg = k.config;
	cfg.mode = CORE_PUBKEY;
	REFUSED(other_core(&k, cfg) != 0, ERR_CONFIG);
	cfg.mode = (enum core_mode)3;
	REFUSED(other_core(&k, cfg) != 0, ERR_CONFIG);
	cfg = k.config;
	cfg.qos = 3;
	REFUSED(other_core(&k, cfg) != 0, ERR_CONFIG);
	cfg = k.config;
	cfg.retry_max_s = cfg.receipt_wait_s - 1;
	REFUSED(other_core(&k, cfg) != 0, ERR_CONFIG);
	cfg.receipt_wait_s = 0;
	REFUSED(other_core(&k, cfg) != 0, ERR_CONFIG);
	kit_close(&k);
	kit_open(&k, CORE_PUBKEY);
	k.fail_open = true;
	REFUSED(other_core(&k, k.config) != 0, ERR_CUSTODY);
	kit_close(&k);
}

static void lists_are_sorted_and_paged(void)
{
	static const char *const names[] = {"b", "a", "\xc3\xa4", "c", "aa"};
	struct kit k;
	struct arena arena = ARENA_INIT;
	struct core_names list;
	int64_t n;

	kit_open(&k, CORE_SYMKEY);
	for (size_t i = 0; i < 5; i++) {
		CHECK(core_client_new(k.core, names[i], key_a, 32, &out, &err));
		CHECK(core_topic_new(k.core, names[i], &out, &err));
		CHECK(core_attach(k.core, names[i], "b", &out, &err));
		CHECK(core_attach(k.core, "b", names[i], &out, &err));
	}
	for (size_t i = 0; i < 10; i++) /* linking again changes nothing */
		CHECK(core_link(k.core, names[i % 5], "a", &err));
	for (int what = 0; what < 5; what++) {
		static const struct {
			int64_t offset, count;
			size_t n;
			const char *first;
		} pages[] = {{0, 10, 5, "a"},
			     {0, 0, 0, 0},
			     {1, 2, 2, "aa"},
			     {4, 10, 1, "\xc3\xa4"},
			     {5, 10, 0, 0}};

		for (size_t i = 0; i < 5; i++) {
			struct store_page p = {pages[i].offset, pages[i].count};
			bool ok = what == 0   ? core_clients(k.core, p, &arena, &list, &err)
				  : what == 1 ? core_topics(k.core, p, &arena, &list, &err)
				  : what == 2
					  ? core_client_topics(k.core, "b", p, &arena, &list, &err)
				  : what == 3
					  ? core_topic_clients(k.core, "b", p, &arena, &list, &err)
					  : core_links(k.core, "a", p, &arena, &list, &err);

			CHECK(ok);
			CHECK_EQ(list.n, pages[i].n);
			if (list.n)
				CHECK_STR(list.names[0], pages[i].first);
		}
	}
	CHECK(core_clients_count(k.core, &n, &err) && n == 5);
	CHECK(core_topics_count(k.core, &n, &err) && n == 5);
	CHECK(core_client_topics_count(k.core, "b", &n, &err) && n == 5);
	CHECK(core_topic_clients_count(k.core, "b", &n, &err) && n == 5);
	CHECK(core_links_count(k.core, "a", &n, &err) && n == 5);
	CHECK(core_unlink(k.core, "c", "a", &err));
	CHECK(core_unlink(k.core, "c", "a", &err)); /* what is not linked is unlinked */
	CHECK(core_links_count(k.core, "a", &n, &err) && n == 4);
	arena_free(&arena);
	kit_close(&k);
}

static void removing_a_client_rotates_its_topics(void)
{
	struct kit k;
	struct device *a;
	int64_t rotated, n;
	uint8_t key[32];

	kit_open(&k, CORE_SYMKEY);
	a = device_new(&k, "a");
	CHECK(core_client_new(k.core, "b", key_b, 32, &out, &err));
	for (int i = 0; i < 3; i++) {
		char t[16];

		snprintf(t, sizeof t, "t%d", i);
		CHECK(core_topic_new(k.core, t, &out, &err));
		CHECK(core_attach(k.core, "a", t, &out, &err));
		CHECK(core_attach(k.core, "b", t, &out, &err));
	}
	kit_settle(&k);
	memcpy(key, device_key(a, "t0")->key, 32);
	CHECK(core_client_remove(k.core, "b", CORE_DEFAULT, &rotated, &out, &err));
	CHECK_EQ(rotated, 3);
	CHECK_EQ(out.recipients, 3);
	kit_run(&k, 5);
	CHECK(in_sync(&k, a));
	CHECK(memcmp(key, device_key(a, "t0")->key, 32) != 0);
	CHECK(core_topic_clients_count(k.core, "t0", &n, &err) && n == 1);
	/* Chosen not to. */
	memcpy(key, device_key(a, "t0")->key, 32);
	CHECK(core_client_new(k.core, "b", key_b, 32, &out, &err));
	CHECK(core_client_topics_count(k.core, "b", &n, &err) && n == 0);
	CHECK(core_attach(k.core, "b", "t0", &out, &err));
	CHECK(core_client_remove(k.core, "b", CORE_NO, &rotated, &out, &err));
	CHECK_EQ(rotated, 0);
	CHECK_EQ(out.status, CORE_NOTHING);
	kit_run(&k, 5);
	CHECK_MEM(key, device_key(a, "t0")->key, 32);
	/* The last one to be told of a removed topic takes its row along. */
	CHECK(core_topic_remove(k.core, "t1", &out, &err));
	CHECK(core_client_remove(k.core, "a", CORE_DEFAULT, 0, &out, &err));
	CHECK(core_topics_count(k.core, &n, &err) && n == 2);
	device_free(a);
	kit_close(&k);
}

/* --- messages -------------------------------------------------------------------------------- */

static void messages_go_both_ways_and_never_repeat(void)
{
	static const enum core_mode modes[] = {CORE_SYMKEY, CORE_PUBKEY};
	struct arena arena = ARENA_INIT;

	for (int m = 0; m < 2; m++) {
		struct kit k;
		uint8_t *first, *second, *plain, empty[1];
		size_t len, len_2;

		kit_open(&k, modes[m]);
		CHECK(core_topic_new(k.core, "t", &out, &err));
		CHECK(core_protect(k.core, "t", (const uint8_t *)"hello", 5, &arena, &first, &len,
				   &err));
		CHECK_EQ(len, 5 + 24);
		CHECK(core_protect(k.core, "t", (const uint8_t *)"hello", 5, &arena, &second,
				   &len_2, &err));
		CHECK(memcmp(first, second, len) != 0);
		CHECK(core_unprotect(k.core, "t", first, len, &arena, &plain, &len_2, &err));
		CHECK_EQ(len_2, 5);
		CHECK_MEM(plain, "hello", 5);
		CHECK(core_protect(k.core, "t", empty, 0, &arena, &second, &len_2, &err));
		CHECK(core_unprotect(k.core, "t", second, len_2, &arena, &plain, &len_2, &err));
		CHECK_EQ(len_2, 0);
		/* Tampered, cut, of another topic, too old, from the future, from before a
		 * rotation. */
		for (size_t i = 0; i < len * 8; i++) {
			first[i / 8] ^= (uint8_t)(1 << i % 8);
			REFUSED(core_unprotect(k.core, "t", first, len, &arena, &plain, &len_2,
					       &err),
				ERR_INVALID);
			CHECK(plain == 0);
			first[i / 8] ^= (uint8_t)(1 << i % 8);
		}
		for (size_t i = 0; i < len; i++)
			REFUSED(core_unprotect(k.core, "t", first, i, &arena, &plain, &len_2, &err),
				ERR_INVALID);
		CHECK(core_topic_new(k.core, "u", &out, &err));
		REFUSED(core_unprotect(k.core, "u", first, len, &arena, &plain, &len_2, &err),
			ERR_INVALID);
		k.clock_state.wall_ms += 598000;
		CHECK(core_unprotect(k.core, "t", first, len, &arena, &plain, &len_2, &err));
		k.clock_state.wall_ms += 1000;
		REFUSED(core_unprotect(k.core, "t", first, len, &arena, &plain, &len_2, &err),
			ERR_INVALID);
		k.clock_state.wall_ms -= 599000 + 62000;
		CHECK(core_unprotect(k.core, "t", first, len, &arena, &plain, &len_2, &err));
		k.clock_state.wall_ms -= 1000;
		REFUSED(core_unprotect(k.core, "t", first, len, &arena, &plain, &len_2, &err),
			ERR_INVALID);
		k.clock_state.wall_ms += 63000;
		CHECK(core_topic_new(k.core, "t", &out, &err));
		REFUSED(core_unprotect(k.core, "t", first, len, &arena, &plain, &len_2, &err),
			ERR_INVALID);
		kit_close(&k);
	}
	arena_free(&arena);
}

static void a_device_reads_what_c2_protects(void)
{
	struct kit k;
	struct arena arena = ARENA_INIT;
	struct device *d;
	struct e4_topic t;
	uint8_t *bytes, plain[64];
	size_t len, plain_len;

	kit_open(&k, CORE_SYMKEY);
	d = device_new(&k, "a");
	CHECK(core_topic_new(k.core, "t", &out, &err));
	CHECK(core_attach(k.core, "a", "t", &out, &err));
	kit_settle(&k);
	CHECK(core_protect(k.core, "t", (const uint8_t *)"hello", 5, &arena, &bytes, &len, &err));
	CHECK_EQ(e4_topic_init(&t, &d->client, "t", 1), E4_OK);
	CHECK_EQ(e4_unprotect(&d->client, &t, plain, sizeof plain, &plain_len, bytes, len), E4_OK);
	CHECK_EQ(plain_len, 5);
	CHECK_EQ(e4_protect(&d->client, &t, plain, sizeof plain, &plain_len, (const uint8_t *)"ho",
			    2),
		 E4_OK);
	CHECK(core_unprotect(k.core, "t", plain, plain_len, &arena, &bytes, &len, &err));
	CHECK_EQ(len, 2);
	arena_free(&arena);
	device_free(d);
	kit_close(&k);
}

/* --- events ---------------------------------------------------------------------------------- */

struct heard {
	int64_t seqs[100];
	int32_t types[100];
	char last_source[256], last_target[513];
	size_t n;
	struct core_listener *self;
	bool leave;
};

static void hear(void *ctx, const struct store_event *e)
{
	struct heard *h = ctx;

	h->seqs[h->n] = e->seq;
	h->types[h->n++] = e->type;
	memcpy(h->last_source, e->source, sizeof h->last_source);
	memcpy(h->last_target, e->target, sizeof h->last_target);
	if (h->leave)
		core_unlisten(h->self);
}

static void events_come_once_in_order_after_the_change(void)
{
	struct kit k;
	struct heard live = {.n = 0}, late = {.n = 0}, once = {.n = 0, .leave = true};

	kit_open(&k, CORE_SYMKEY);
	live.self = core_listen(k.core, -1, hear, &live, &err);
	once.self = core_listen(k.core, -1, hear, &once, &err);
	CHECK(core_client_new(k.core, "a", key_a, 32, &out, &err));
	for (int i = 0; i < 40; i++) {
		char t[16];

		snprintf(t, sizeof t, "t%d", i);
		CHECK(core_topic_new(k.core, t, &out, &err));
		CHECK(core_attach(k.core, "a", t, &out, &err));
		CHECK_EQ(live.n, i + 1);
	}
	CHECK(core_attach(k.core, "a", "t0", &out, &err)); /* attached already: no event */
	CHECK_EQ(live.n, 40);
	CHECK_EQ(once.n, 1);
	CHECK_STR(live.last_source, "a");
	CHECK_STR(live.last_target, "t39");
	CHECK_EQ(live.types[0], CORE_EVENT_SUBSCRIBED);
	CHECK(core_detach(k.core, "a", "t5", CORE_DEFAULT, 0, &out, &err));
	CHECK_EQ(live.types[40], CORE_EVENT_UNSUBSCRIBED);
	/* A change that fails makes no event. */
	k.fail_commit = true;
	CHECK(!core_detach(k.core, "a", "t6", CORE_DEFAULT, 0, &out, &err));
	k.fail_commit = false;
	CHECK_EQ(live.n, 41);
	/* Who comes late gets the older ones first, by the page. */
	late.self = core_listen(k.core, 3, hear, &late, &err);
	kit_settle(&k);
	CHECK_EQ(late.n, 38);
	CHECK_EQ(late.seqs[0], 4);
	CHECK(core_client_remove(k.core, "a", CORE_DEFAULT, 0, &out, &err));
	kit_settle(&k);
	CHECK_EQ(live.n, 41 + 39 + 1);
	CHECK_EQ(late.n, 38 + 39 + 1);
	CHECK_EQ(live.types[80], CORE_EVENT_CLIENT_REMOVED);
	for (size_t i = 0; i < live.n; i++)
		CHECK_EQ(live.seqs[i], (int64_t)i + 1);
	core_unlisten(live.self);
	core_unlisten(0);
	kit_close(&k); /* late goes with the core */
}

/* --- health ---------------------------------------------------------------------------------- */

static void health_says_what_is_wrong(void)
{
	struct kit k;
	struct core_health h;

	kit_open(&k, CORE_SYMKEY);
	kit_settle(&k);
	core_health(k.core, &h);
	CHECK(h.ok && h.bus_up);
	k.fail_open = true;
	core_health(k.core, &h);
	CHECK(!h.ok);
	CHECK_EQ(h.custody.code, ERR_CUSTODY);
	CHECK_EQ(h.store.code, ERR_OK);
	k.fail_open = false;
	bus_mem_set_up(k.hub, false);
	bus_mem_deliver(k.hub);
	core_health(k.core, &h);
	CHECK(h.ok && !h.bus_up);
	CHECK(h.bus_why[0]);
	kit_close(&k);
}

static void changes_wake_and_failures_leave_nothing(void)
{
	struct kit k;
	struct core_delivery before;
	int64_t n;

	kit_open(&k, CORE_SYMKEY);
	CHECK(core_client_new(k.core, "a", key_a, 32, &out, &err));
	CHECK_EQ(out.status, CORE_NOTHING);
	CHECK(core_topic_new(k.core, "t", &before, &err));
	CHECK(before.revision > out.revision);
	k.n_woken = 0;
	CHECK(core_attach(k.core, "a", "t", &out, &err));
	CHECK_EQ(k.n_woken, 1);
	kit_settle(&k);
	k.fail_commit = true;
	REFUSED(core_client_new(k.core, "b", key_b, 32, &out, &err), ERR_STORE);
	REFUSED(core_client_new(k.core, "a", key_b, 32, &out, &err), ERR_STORE);
	REFUSED(core_client_new_key(k.core, "a", &out, &err), ERR_STORE);
	REFUSED(core_client_reset(k.core, "a", &out, &err), ERR_STORE);
	REFUSED(core_client_remove(k.core, "a", CORE_YES, &n, &out, &err), ERR_STORE);
	REFUSED(core_topic_new(k.core, "t", &out, &err), ERR_STORE);
	REFUSED(core_topic_remove(k.core, "t", &out, &err), ERR_STORE);
	REFUSED(core_attach(k.core, "a", "t", &out, &err), ERR_STORE);
	REFUSED(core_detach(k.core, "a", "t", CORE_YES, &n, &out, &err), ERR_STORE);
	REFUSED(core_link(k.core, "a", "a", &err), ERR_STORE);
	k.fail_commit = false;
	CHECK_EQ(kit_status(&k, "a").revision, 3);
	CHECK(!kit_status(&k, "a").key_pending);
	CHECK(core_clients_count(k.core, &n, &err) && n == 1);
	CHECK(core_topic_clients_count(k.core, "t", &n, &err) && n == 1);
	CHECK(core_links_count(k.core, "a", &n, &err) && n == 0);
	kit_close(&k);
}

int main(void)
{
	RUN(bad_names_change_nothing);
	RUN(bad_topics_change_nothing);
	RUN(two_names_of_one_id_are_refused);
	RUN(what_is_not_there_is_not_found);
	RUN(bad_client_keys_are_refused);
	RUN(calls_of_the_other_mode_are_refused);
	RUN(a_database_keeps_its_mode_and_bad_settings_are_refused);
	RUN(lists_are_sorted_and_paged);
	RUN(removing_a_client_rotates_its_topics);
	RUN(messages_go_both_ways_and_never_repeat);
	RUN(a_device_reads_what_c2_protects);
	RUN(events_come_once_in_order_after_the_change);
	RUN(health_says_what_is_wrong);
	RUN(changes_wake_and_failures_leave_nothing);
	return END();
}
