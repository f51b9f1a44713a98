/* Software custody, and the checking wrappers in front of every backend. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "c2/custody/soft.h"
#include "c2/store/sqlite.h"
#include "tests/check.h"

static char folder[] = "/tmp/e4-custody-XXXXXX";
static struct err err;
static struct store store;
static struct custody custody;

#define OK(call) check_result((call), __FILE__, __LINE__, err.text)
#define SECRET "correct horse battery staple"
#define OTHER_SECRET "incorrect horse battery staple"
#define META "custody_soft"
#define ENTRY_LEN 75

/* No text for the user may hold a secret. */
static void check_no_secret(const char *file, int line)
{
	check_result(!strstr(err.text, "horse") && !strstr(err.text, "staple"), file, line,
		     "no secret in the error");
}

#define REFUSED(call, want)                                                                        \
	do {                                                                                       \
		memset(&err, 0, sizeof err);                                                       \
		CHECK(!(call));                                                                    \
		CHECK_EQ(err.code, want);                                                          \
		CHECK(err.text[0] != 0);                                                           \
		check_no_secret(__FILE__, __LINE__);                                               \
	} while (0)

static const char *path_of(const char *name)
{
	static char paths[4][64];
	static int next;
	char *p = paths[next++ % 4];
	snprintf(p, sizeof paths[0], "%s/%s", folder, name);
	return p;
}

static const char *make_file(const char *name, const void *bytes, size_t len, mode_t mode)
{
	const char *path = path_of(name);
	unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	CHECK(fd >= 0 && write(fd, bytes, len) == (ssize_t)len && fchmod(fd, mode) == 0);
	close(fd);
	return path;
}

static struct custody_soft_config passphrase(const char *text)
{
	return (struct custody_soft_config){
		.passphrase_file = make_file("passphrase", text, strlen(text), 0600)};
}

static struct custody_soft_config key_file(uint8_t fill)
{
	uint8_t key[32];
	memset(key, fill, sizeof key);
	return (struct custody_soft_config){.key_file = make_file("key", key, sizeof key, 0600)};
}

static void open_store(void)
{
	OK(store_sqlite_open(&store, ":memory:", &err));
}

static void close_store(void)
{
	store.ops->close(store.ctx);
}

static void open_both(uint8_t fill)
{
	struct custody_soft_config config = key_file(fill);
	open_store();
	OK(custody_soft_open(&custody, &config, &store, &err));
}

static void close_both(void)
{
	custody_close(&custody);
	close_store();
}

static size_t entry(uint8_t out[256], bool *found)
{
	size_t len = 0;
	OK(store.ops->meta_get(store.ctx, META, out, 256, &len, found, &err));
	return len;
}

static void set_entry(const uint8_t *bytes, size_t len)
{
	OK(store.ops->begin(store.ctx, &err));
	OK(store.ops->meta_put(store.ctx, META, bytes, len, &err));
	OK(store.ops->commit(store.ctx, &err));
}

/* --- Sealing ---------------------------------------------------------------------- */

static const uint8_t row_a[24] = "client a, revision 1";
static const uint8_t row_b[24] = "client b, revision 1";

static void a_sealed_key_opens_where_it_belongs(void)
{
	uint8_t key[64], back[64];
	open_both(1);
	for (size_t i = 0; i < sizeof key; i++)
		key[i] = (uint8_t)(i * 7 + 1);
	for (size_t len = 1; len <= 64; len++) {
		for (size_t row_len = 1; row_len <= CUSTODY_ROW_MAX; row_len += 31) {
			struct sealed s;
			uint8_t row[CUSTODY_ROW_MAX] = {9};
			OK(custody_seal(&custody, &s, CUSTODY_TOPIC_KEY, row, row_len, key, len,
					&err));
			CHECK_EQ(s.len, 17 + len);
			CHECK(len < 4 || !memmem(s.bytes, s.len, key, len));
			OK(custody_open(&custody, back, len, CUSTODY_TOPIC_KEY, row, row_len, &s,
					&err));
			CHECK_MEM(back, key, len);
		}
	}
	OK(custody_check(&custody, &err));
	close_both();
}

static void open_fails(enum custody_purpose purpose, const uint8_t *row, size_t row_len,
		       const struct sealed *s, size_t len)
{
	uint8_t back[64];
	memset(back, 0xcc, sizeof back);
	REFUSED(custody_open(&custody, back, len, purpose, row, row_len, s, &err), ERR_CUSTODY);
	for (size_t i = 0; i < len; i++)
		CHECK_EQ(back[i], 0);
}

static void a_sealed_key_opens_nowhere_else(void)
{
	static const uint8_t key[32] = "thirty-two bytes of topic key..";
	uint8_t longer[25] = {0};
	struct sealed s;
	open_both(1);
	OK(custody_seal(&custody, &s, CUSTODY_CLIENT_KEY, row_a, 24, key, 32, &err));
	memcpy(longer, row_a, 24);
	open_fails(CUSTODY_CLIENT_KEY, row_b, 24, &s, 32);
	open_fails(CUSTODY_CLIENT_KEY, row_a, 23, &s, 32);
	open_fails(CUSTODY_CLIENT_KEY, longer, 25, &s, 32); /* one zero byte more */
	open_fails(CUSTODY_CLIENT_PRIVATE, row_a, 24, &s, 32);
	open_fails(CUSTODY_TOPIC_KEY, row_a, 24, &s, 32);
	open_fails(CUSTODY_C2_KEY, row_a, 24, &s, 32);
	open_fails(CUSTODY_CHECK, row_a, 24, &s, 32);
	open_fails(CUSTODY_CLIENT_KEY, row_a, 24, &s, 31);
	open_fails(CUSTODY_CLIENT_KEY, row_a, 24, &s, 33);
	/* The first byte of the row cannot be taken for the purpose. */
	uint8_t shifted[25] = {CUSTODY_CLIENT_KEY};
	memcpy(shifted + 1, row_a, 24);
	open_fails(CUSTODY_CLIENT_KEY, shifted, 25, &s, 32);
	close_both();
}

static void every_changed_bit_is_noticed(void)
{
	static const uint8_t key[32] = {1, 2, 3};
	struct sealed s;
	open_both(1);
	OK(custody_seal(&custody, &s, CUSTODY_CLIENT_KEY, row_a, 24, key, 32, &err));
	for (int bit = 0; bit < s.len * 8; bit++) {
		struct sealed bad = s;
		bad.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		open_fails(CUSTODY_CLIENT_KEY, row_a, 24, &bad, 32);
	}
	for (int len = 0; len <= 255; len++) {
		struct sealed bad = s;
		bad.len = (uint8_t)len;
		if (len != s.len)
			open_fails(CUSTODY_CLIENT_KEY, row_a, 24, &bad, 32);
	}
	close_both();
}

static int64_t put_client(const char *name, uint8_t fill)
{
	struct store_client c = {.e4id = {fill}};
	uint8_t key[32];
	memset(key, fill, sizeof key);
	snprintf(c.name, sizeof c.name, "%s", name);
	OK(custody_seal(&custody, &c.key, CUSTODY_CLIENT_KEY, c.e4id, 16, key, 32, &err));
	OK(store.ops->client_put(store.ctx, &c, &err));
	return c.id;
}

static void two_rows_with_swapped_keys_do_not_open(void)
{
	struct store_client a, b;
	bool found;
	open_both(1);
	OK(store.ops->begin(store.ctx, &err));
	int64_t id_a = put_client("a", 1), id_b = put_client("b", 2);
	OK(store.ops->client_by_id(store.ctx, id_a, &a, &found, &err));
	OK(store.ops->client_by_id(store.ctx, id_b, &b, &found, &err));
	struct sealed swap = a.key;
	a.key = b.key;
	b.key = swap;
	OK(store.ops->client_put(store.ctx, &a, &err));
	OK(store.ops->client_put(store.ctx, &b, &err));
	OK(store.ops->commit(store.ctx, &err));
	OK(store.ops->client_by_id(store.ctx, id_a, &a, &found, &err));
	open_fails(CUSTODY_CLIENT_KEY, a.e4id, 16, &a.key, 32);
	open_fails(CUSTODY_CLIENT_KEY, b.e4id, 16, &b.key, 32);
	OK(custody_open(&custody, (uint8_t[32]){0}, 32, CUSTODY_CLIENT_KEY, b.e4id, 16, &a.key,
			&err));
	close_both();
}

static void another_master_key_opens_nothing(void)
{
	static const uint8_t key[32] = {7};
	struct sealed s, t;
	open_both(1);
	OK(custody_seal(&custody, &s, CUSTODY_C2_KEY, row_a, 8, key, 32, &err));
	OK(custody_seal(&custody, &t, CUSTODY_C2_KEY, row_a, 8, key, 32, &err));
	CHECK_MEM(s.bytes, t.bytes, s.len);
	close_both();
	open_both(2);
	open_fails(CUSTODY_C2_KEY, row_a, 8, &s, 32);
	close_both();
}

/* --- The wrappers --------------------------------------------------------------------- */

static bool seal_nothing(void *ctx, struct sealed *out, enum custody_purpose purpose,
			 const uint8_t *row, size_t row_len, const uint8_t *key, size_t len,
			 struct err *e)
{
	(void)ctx, (void)purpose, (void)row, (void)row_len, (void)e;
	memcpy(out->bytes, key, len);
	out->len = (uint8_t)len;
	return true;
}

static bool open_half(void *ctx, uint8_t *key, size_t len, enum custody_purpose purpose,
		      const uint8_t *row, size_t row_len, const struct sealed *in, struct err *e)
{
	(void)ctx, (void)purpose, (void)row, (void)row_len;
	memcpy(key, in->bytes, len);
	return err_set(e, ERR_CUSTODY, "away");
}

static void the_wrappers_hold_backends_and_callers_to_the_rules(void)
{
	static const struct custody_ops bad_ops = {.seal = seal_nothing, .open = open_half};
	static const uint8_t key[65] = {1};
	uint8_t zero[SEALED_MAX] = {0};
	struct sealed s;
	struct custody good;
	open_both(1);
	REFUSED(custody_seal(&custody, &s, CUSTODY_TOPIC_KEY, row_a, 8, key, 0, &err),
		ERR_INTERNAL);
	REFUSED(custody_seal(&custody, &s, CUSTODY_TOPIC_KEY, row_a, 8, key, 65, &err),
		ERR_INTERNAL);
	REFUSED(custody_seal(&custody, &s, CUSTODY_TOPIC_KEY, row_a, 0, key, 32, &err),
		ERR_INTERNAL);
	REFUSED(custody_seal(&custody, &s, CUSTODY_TOPIC_KEY, zero, 33, key, 32, &err),
		ERR_INTERNAL);
	REFUSED(custody_seal(&custody, &s, (enum custody_purpose)0, row_a, 8, key, 32, &err),
		ERR_INTERNAL);
	REFUSED(custody_seal(&custody, &s, (enum custody_purpose)7, row_a, 8, key, 32, &err),
		ERR_INTERNAL);
	good = custody;
	custody.ops = &bad_ops;
	REFUSED(custody_seal(&custody, &s, CUSTODY_TOPIC_KEY, row_a, 8, key, 32, &err),
		ERR_CUSTODY);
	CHECK(s.len == 0 && memcmp(s.bytes, zero, sizeof s.bytes) == 0);
	s.len = 49;
	memset(s.bytes, 0x55, 49);
	open_fails(CUSTODY_TOPIC_KEY, row_a, 8, &s,
		   32); /* wiped, whatever the backend left there */
	custody = good;
	close_both();
	custody_close(&custody); /* a second time: nothing */
}

/* --- Starts --------------------------------------------------------------------------- */

static void the_right_passphrase_opens_the_database_again(void)
{
	static const uint8_t key[32] = {3, 1, 4};
	uint8_t back[32], first[256], second[256];
	struct sealed s;
	bool found;
	struct custody_soft_config config = passphrase(SECRET "\n");
	open_store();
	OK(custody_soft_open(&custody, &config, &store, &err));
	OK(custody_seal(&custody, &s, CUSTODY_TOPIC_KEY, row_a, 24, key, 32, &err));
	CHECK_EQ(entry(first, &found), ENTRY_LEN);
	CHECK(!memmem(first, ENTRY_LEN, "horse", 5));
	custody_close(&custody);
	OK(custody_soft_open(&custody, &config, &store, &err));
	OK(custody_open(&custody, back, 32, CUSTODY_TOPIC_KEY, row_a, 24, &s, &err));
	CHECK_MEM(back, key, 32);
	CHECK_EQ(entry(second, &found), ENTRY_LEN);
	CHECK_MEM(second, first, ENTRY_LEN);
	custody_close(&custody);
	config = passphrase(OTHER_SECRET "\n");
	REFUSED(custody_soft_open(&custody, &config, &store, &err), ERR_CUSTODY);
	CHECK(strstr(err.text, "wrong passphrase") != 0);
	config = key_file(1);
	REFUSED(custody_soft_open(&custody, &config, &store, &err), ERR_CUSTODY);
	CHECK(strstr(err.text, "passphrase") != 0);
	CHECK_EQ(entry(second, &found), ENTRY_LEN);
	CHECK_MEM(second, first, ENTRY_LEN); /* nothing was changed by the refusals */
	first[10] ^= 1;                      /* the salt */
	set_entry(first, ENTRY_LEN);
	config = passphrase(SECRET);
	REFUSED(custody_soft_open(&custody, &config, &store, &err), ERR_CUSTODY);
	close_store();
}

static void one_passphrase_makes_two_keys_for_two_databases(void)
{
	static const uint8_t key[32] = {3};
	struct custody_soft_config config = passphrase(SECRET);
	struct sealed s[2];
	for (int i = 0; i < 2; i++) {
		open_store();
		OK(custody_soft_open(&custody, &config, &store, &err));
		OK(custody_seal(&custody, &s[i], CUSTODY_TOPIC_KEY, row_a, 24, key, 32, &err));
		close_both();
	}
	CHECK(memcmp(s[0].bytes, s[1].bytes, 49) != 0);
}

static void a_key_file_must_be_the_one_of_the_database(void)
{
	uint8_t before[256], after[256];
	bool found;
	open_both(1);
	custody_close(&custody);
	entry(before, &found);
	struct custody_soft_config config = key_file(2);
	REFUSED(custody_soft_open(&custody, &config, &store, &err), ERR_CUSTODY);
	CHECK(strstr(err.text, "wrong key file") != 0);
	config = passphrase(SECRET);
	REFUSED(custody_soft_open(&custody, &config, &store, &err), ERR_CUSTODY);
	CHECK(strstr(err.text, "key file") != 0);
	CHECK_EQ(entry(after, &found), ENTRY_LEN);
	CHECK_MEM(before, after, ENTRY_LEN);
	config = key_file(1);
	OK(custody_soft_open(&custody, &config, &store, &err));
	close_both();
}

static void refused_at_first(struct custody_soft_config config, enum err_code code)
{
	uint8_t bytes[256];
	bool found;
	open_store();
	REFUSED(custody_soft_open(&custody, &config, &store, &err), code);
	entry(bytes, &found);
	CHECK(!found); /* nothing was begun */
	close_store();
}

static struct custody_soft_config key_of(const void *bytes, size_t len, mode_t mode)
{
	return (struct custody_soft_config){.key_file = make_file("key", bytes, len, mode)};
}

static void bad_key_files_and_passphrases_are_refused(void)
{
	uint8_t bytes[4096];
	memset(bytes, 0x11, sizeof bytes);
	refused_at_first(key_of(bytes, 0, 0600), ERR_CUSTODY);
	refused_at_first(key_of(bytes, 31, 0600), ERR_CUSTODY);
	refused_at_first(key_of(bytes, 33, 0600), ERR_CUSTODY);
	refused_at_first(key_of(bytes, 34, 0600), ERR_CUSTODY);
	refused_at_first(key_of(bytes, 4096, 0600), ERR_CUSTODY);
	refused_at_first(key_of(bytes, 32, 0640), ERR_FORBIDDEN);
	refused_at_first(key_of(bytes, 32, 0604), ERR_FORBIDDEN);
	memset(bytes, 0, 32);
	refused_at_first(key_of(bytes, 32, 0600), ERR_CUSTODY);
	refused_at_first((struct custody_soft_config){.key_file = path_of("absent")},
			 ERR_NOT_FOUND);
	refused_at_first(passphrase(""), ERR_INVALID);
	refused_at_first(passphrase("\n" SECRET), ERR_INVALID);
	refused_at_first(passphrase("horse staple 15"), ERR_CUSTODY);
	memset(bytes, 'x', sizeof bytes);
	struct custody_soft_config config = {.passphrase_file =
						     make_file("passphrase", bytes, 1026, 0600)};
	refused_at_first(config, ERR_INVALID);
	config.passphrase_file = make_file("passphrase", SECRET, sizeof SECRET - 1, 0644);
	refused_at_first(config, ERR_FORBIDDEN);
	config.key_file = config.passphrase_file;
	refused_at_first(config, ERR_CONFIG);
	refused_at_first((struct custody_soft_config){0}, ERR_CONFIG);
}

static void a_database_that_lost_its_custody_entry_is_refused(void)
{
	struct custody_soft_config config = key_file(1);
	struct store_topic t = {.name = "t"};
	struct store_c2_key k = {.rev = 1};
	struct store_client c = {.name = "c"};
	int64_t rev;
	for (int i = 0; i < 4; i++) {
		open_store();
		OK(store.ops->begin(store.ctx, &err));
		OK(i == 0   ? store.ops->topic_put(store.ctx, &t, &err)
		   : i == 1 ? store.ops->c2_key_put(store.ctx, &k, &err)
		   : i == 2 ? store.ops->client_put(store.ctx, &c, &err)
			    : store.ops->revision_next(store.ctx, &rev, &err));
		OK(store.ops->commit(store.ctx, &err));
		REFUSED(custody_soft_open(&custody, &config, &store, &err), ERR_CUSTODY);
		CHECK(strstr(err.text, "lost") != 0);
		close_store();
	}
}

static void a_damaged_custody_entry_is_refused(void)
{
	uint8_t good[256], bad[256] = {0};
	bool found;
	struct custody_soft_config config = key_file(1);
	open_both(1);
	custody_close(&custody);
	CHECK_EQ(entry(good, &found), ENTRY_LEN);
	for (int bit = 0; bit < ENTRY_LEN * 8; bit++) {
		memcpy(bad, good, ENTRY_LEN);
		bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
		set_entry(bad, ENTRY_LEN);
		REFUSED(custody_soft_open(&custody, &config, &store, &err), ERR_CUSTODY);
	}
	memcpy(bad, good, ENTRY_LEN);
	for (size_t len = 0; len < ENTRY_LEN; len++) {
		set_entry(bad, len);
		REFUSED(custody_soft_open(&custody, &config, &store, &err), ERR_CUSTODY);
	}
	set_entry(bad, ENTRY_LEN + 1);
	CHECK(!custody_soft_open(&custody, &config, &store, &err));
	/* Parameters that would take all memory or a year are not tried. */
	static const struct {
		uint8_t passes[4], memory[4];
	} greedy[] = {
		{{3, 0, 0, 0}, {255, 255, 255, 255}}, {{255, 255, 255, 255}, {0, 0, 1, 0}},
		{{0, 0, 0, 0}, {0, 0, 1, 0}},         {{3, 0, 0, 0}, {0, 0, 0, 0}},
		{{65, 0, 0, 0}, {0, 0, 1, 0}},        {{3, 0, 0, 0}, {1, 0, 64, 0}},
	};
	config = passphrase(SECRET);
	for (size_t i = 0; i < sizeof greedy / sizeof greedy[0]; i++) {
		memcpy(bad, good, ENTRY_LEN);
		bad[1] = 1;
		memcpy(bad + 2, greedy[i].passes, 4);
		memcpy(bad + 6, greedy[i].memory, 4);
		set_entry(bad, ENTRY_LEN);
		REFUSED(custody_soft_open(&custody, &config, &store, &err), ERR_CUSTODY);
	}
	set_entry(good, ENTRY_LEN);
	config = key_file(1);
	OK(custody_soft_open(&custody, &config, &store, &err));
	close_both();
}

static bool commit_fails(void *ctx, struct err *e)
{
	store.ops->rollback(ctx);
	return err_set(e, ERR_STORE, "full");
}

static void a_first_start_that_cannot_be_stored_is_no_start(void)
{
	struct custody_soft_config config = key_file(1);
	uint8_t bytes[256];
	bool found;
	open_store();
	struct store_ops failing = *store.ops;
	failing.commit = commit_fails;
	struct store bad = {&failing, store.ctx};
	REFUSED(custody_soft_open(&custody, &config, &bad, &err), ERR_STORE);
	entry(bytes, &found);
	CHECK(!found);
	close_store();
}

int main(void)
{
	if (!mkdtemp(folder))
		return 2;
	RUN(a_sealed_key_opens_where_it_belongs);
	RUN(a_sealed_key_opens_nowhere_else);
	RUN(every_changed_bit_is_noticed);
	RUN(two_rows_with_swapped_keys_do_not_open);
	RUN(another_master_key_opens_nothing);
	RUN(the_wrappers_hold_backends_and_callers_to_the_rules);
	RUN(the_right_passphrase_opens_the_database_again);
	RUN(one_passphrase_makes_two_keys_for_two_databases);
	RUN(a_key_file_must_be_the_one_of_the_database);
	RUN(bad_key_files_and_passphrases_are_refused);
	RUN(a_database_that_lost_its_custody_entry_is_refused);
	RUN(a_damaged_custody_entry_is_refused);
	RUN(a_first_start_that_cannot_be_stored_is_no_start);
	unlink(path_of("key"));
	unlink(path_of("passphrase"));
	rmdir(folder);
	return END();
}
