#define _GNU_SOURCE
#include "kit.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "c2/core/view.h"
#include "c2/store/pg.h"
#include "c2/store/sqlite.h"

/* --- custody: sealed under a fixed key, bound to purpose and row --------------------------- */

static size_t bind(uint8_t ad[1 + CUSTODY_ROW_MAX], enum custody_purpose purpose,
		   const uint8_t *row, size_t row_len)
{
	ad[0] = (uint8_t)purpose;
	memcpy(ad + 1, row, row_len);
	return row_len + 1;
}

static struct e4_siv_key *master(void)
{
	static struct e4_siv_key key;
	static const uint8_t bytes[32] = {1, 2, 3};

	e4_siv_key_init(&key, bytes);
	return &key;
}

static bool test_seal(void *ctx, struct sealed *out, enum custody_purpose purpose,
		      const uint8_t *row, size_t row_len, const uint8_t *key, size_t len,
		      struct err *err)
{
	uint8_t ad[1 + CUSTODY_ROW_MAX];
	size_t ad_len = bind(ad, purpose, row, row_len);

	(void)ctx;
	(void)err;
	out->len = (uint8_t)(len + E4_SIV_TAG_LEN);
	e4_siv_seal(master(), out->bytes, ad, ad_len, key, len);
	return true;
}

static bool test_open(void *ctx, uint8_t *key, size_t len, enum custody_purpose purpose,
		      const uint8_t *row, size_t row_len, const struct sealed *in, struct err *err)
{
	struct kit *k = ctx;
	uint8_t ad[1 + CUSTODY_ROW_MAX];
	size_t ad_len = bind(ad, purpose, row, row_len);

	if (!k->fail_open && in->len == len + E4_SIV_TAG_LEN &&
	    e4_siv_open(master(), key, ad, ad_len, in->bytes, in->len))
		return true;
	return err_set(err, ERR_CUSTODY, "the key was not sealed for this row");
}

static bool test_check(void *ctx, struct err *err)
{
	struct kit *k = ctx;

	return !k->fail_open || err_set(err, ERR_CUSTODY, "the custody is away");
}

static void test_close(void *ctx)
{
	(void)ctx;
}

static const struct custody_ops custody_ops = {
	.seal = test_seal, .open = test_open, .check = test_check, .close = test_close};

/* --- store: the real one, counted and failed ------------------------------------------------- */

static struct kit *the_kit; /* one at a time */

/* Has the time come for the one operation that shall fail? */
static bool fails(void)
{
	return ++the_kit->n_ops == the_kit->fail_at;
}

static bool counted_commit(void *ctx, struct err *err)
{
	bool dies = ++the_kit->n_commits == the_kit->die_at_commit;

	if (dies && the_kit->die_late && the_kit->real_store.ops->commit(ctx, err))
		the_kit->dead = true;
	if (dies)
		the_kit->dead = true;
	if (the_kit->dead || the_kit->fail_commit || fails())
		return err_set(err, ERR_STORE, "the disk is full");
	return the_kit->real_store.ops->commit(ctx, err);
}

#define COUNTED(op, row_type)                                                                      \
	static bool counted_##op(void *ctx, row_type row, struct err *err)                         \
	{                                                                                          \
		the_kit->n_writes++;                                                               \
		if (fails())                                                                       \
			return err_set(err, ERR_STORE, "the disk is full");                        \
		return the_kit->real_store.ops->op(ctx, row, err);                                 \
	}
COUNTED(client_put, struct store_client *)
static bool counted_clients_state(void *ctx, const struct store_client *rows, size_t n,
				  struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		the_kit->n_writes++;
		if (fails())
			return err_set(err, ERR_STORE, "the disk is full");
	}
	return the_kit->real_store.ops->clients_state(ctx, rows, n, err);
}
COUNTED(topic_put, struct store_topic *)
COUNTED(member_put, const struct store_member *)
COUNTED(peer_put, const struct store_peer *)
COUNTED(event_append, struct store_event *)
COUNTED(old_key_put, const struct store_old_key *)
COUNTED(c2_key_put, const struct store_c2_key *)
COUNTED(record_put, struct store_record *)

static void open_store(struct kit *k)
{
	/* For measuring: an empty database of PostgreSQL instead. */
	const struct store_pg_config pg = {.url = getenv("E4_STORE_URL")};
	struct err err;
	bool ok =
		pg.url ? store_pg_open(&k->real_store, &pg, &err)
		       : store_sqlite_open(&k->real_store, k->path[0] ? k->path : ":memory:", &err);

	if (!ok) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
	k->ops = *k->real_store.ops;
	k->ops.commit = counted_commit;
	k->ops.client_put = counted_client_put;
	k->ops.clients_state = counted_clients_state;
	k->ops.topic_put = counted_topic_put;
	k->ops.member_put = counted_member_put;
	k->ops.peer_put = counted_peer_put;
	k->ops.event_append = counted_event_append;
	k->ops.old_key_put = counted_old_key_put;
	k->ops.c2_key_put = counted_c2_key_put;
	k->ops.record_put = counted_record_put;
	k->store.ops = &k->ops;
	k->store.ctx = k->real_store.ctx;
}

/* --- the server ---------------------------------------------------------------------------------
 */

static void woken(void *ctx)
{
	((struct kit *)ctx)->n_woken++;
}

static void start(struct kit *k)
{
	struct bus_handler handler;
	struct err err;

	open_store(k);
	k->core = core_new(&k->config, &k->store, &k->custody, &k->clock, woken, k, &err);
	if (!k->core) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
	handler = core_bus_handler(k->core);
	bus_mem_open(&k->bus, k->hub, &handler);
	if (!core_set_bus(k->core, &k->bus, &err))
		abort();
}

static void stop(struct kit *k)
{
	bus_close(&k->bus);
	core_free(k->core);
	k->real_store.ops->close(k->real_store.ctx);
}

void kit_open(struct kit *k, enum core_mode mode)
{
	memset(k, 0, sizeof *k);
	the_kit = k;
	k->clock_state.wall_ms = (int64_t)KIT_START * 1000;
	k->clock_state.mono_ms = 1;
	k->clock = clock_of_manual(&k->clock_state);
	k->config = (struct core_config){.mode = mode,
					 .rotate_on_removal = true,
					 .qos = 1,
					 .receipt_wait_s = 10,
					 .retry_max_s = 3600,
					 .announce_gap_s = 30,
					 .events_keep = 1000};
	k->custody = (struct custody){&custody_ops, k};
	k->hub = bus_mem_hub_new();
	start(k);
}

void kit_open_file(struct kit *k, enum core_mode mode)
{
	/* In memory where there is such a place: these tests make thousands of durable commits. */
	kit_open_in(k, mode, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
}

void kit_open_in(struct kit *k, enum core_mode mode, const char *folder)
{
	char path[64];
	int fd;

	snprintf(path, sizeof path, "%s/e4_core_test_XXXXXX", folder);
	fd = mkstemp(path);

	if (fd < 0)
		abort();
	close(fd);
	unlink(path);
	kit_open(k, mode);
	stop(k);
	memcpy(k->path, path, sizeof path);
	start(k);
}

void kit_close(struct kit *k)
{
	char name[80];

	stop(k);
	bus_mem_hub_free(k->hub);
	if (!k->path[0])
		return;
	unlink(k->path);
	snprintf(name, sizeof name, "%s-wal", k->path);
	unlink(name);
	snprintf(name, sizeof name, "%s-shm", k->path);
	unlink(name);
	snprintf(name, sizeof name, "%s-lock", k->path);
	unlink(name);
}

void kit_crash(struct kit *k)
{
	stop(k);
	k->dead = false;
	start(k);
}

void kit_backup(struct kit *k, FILE *to)
{
	struct backup_counts n;
	struct err err;

	CHECK(backup_write(to, &k->real_store, &k->custody, &n, &err));
}

void kit_restore(struct kit *k, FILE *from)
{
	struct backup_counts n;
	struct backup_meta *m;
	struct err err;

	stop(k);
	unlink(k->path);
	open_store(k);
	rewind(from);
	m = backup_read(from, &n, &err);
	rewind(from);
	CHECK(m && backup_authentic(m, &k->custody, &err));
	CHECK(backup_restore(from, m, &k->real_store, clock_wall_s(&k->clock), &err));
	backup_meta_free(m);
	k->real_store.ops->close(k->real_store.ctx);
	start(k);
}

/* --- devices -------------------------------------------------------------------------------------
 */

static bool device_now(void *ctx, uint64_t *seconds)
{
	struct device *d = ctx;

	*seconds = (uint64_t)(clock_wall_s(&d->kit->clock) + d->clock_off);
	return true;
}

static void send_receipt(struct device *d, bool announce)
{
	char topic[E4_RECEIPT_TOPIC_LEN + 1];
	size_t len;
	enum e4_result r;

	r = announce ? e4_announce(&d->client, d->last_receipt, sizeof d->last_receipt, &len)
		     : e4_receipt(&d->client, d->last_receipt, sizeof d->last_receipt, &len);
	if (r != E4_OK || d->mute)
		return;
	d->last_receipt_len = len;
	e4_client_receipt_topic(&d->client, topic);
	bus_publish(&d->bus, topic, d->last_receipt, len, 1, false, 0);
}

/* A deployed device knows commands 0x00 to 0x07 only. */
static bool is_report(const struct device *d, const uint8_t *payload, size_t len)
{
	uint8_t plain[256];
	uint64_t stamp;

	return len < sizeof plain &&
	       e4_message_open(plain, &stamp, d->client.control_key, payload, len) &&
	       plain[0] == E4_REPORT_STATE;
}

static void take(struct device *d, const uint8_t *payload, size_t len)
{
	enum e4_result r;
	size_t out_len;

	d->n_messages++;
	if (d->legacy && is_report(d, payload, len)) {
		d->n_refused++;
		return;
	}
	if (d->legacy) {
		d->client.high_water = 0;
		d->client.cfg.future_s = 0;
	}
	r = e4_unprotect(&d->client, &d->control, 0, 0, &out_len, payload, len);
	d->n_commands += r == E4_COMMAND;
	d->n_reports += r == E4_REPORT;
	d->n_refused += r >= E4_ERR;
	if (d->flash.off)
		d->online = false;
	else if (r == E4_REPORT)
		send_receipt(d, false);
}

static void on_command(void *ctx, const char *topic, const uint8_t *payload, size_t len)
{
	struct device *d = ctx;
	struct held *h;

	(void)topic;
	if (!d->online && !d->session)
		return;
	if (d->online && !d->shuffle) {
		take(d, payload, len);
		return;
	}
	h = &d->held[d->n_held++ % KIT_HELD];
	h->len = len < sizeof h->bytes ? len : sizeof h->bytes;
	memcpy(h->bytes, payload, h->len);
	h->taken = false;
}

void device_flush(struct device *d, uint32_t (*rnd)(void *ctx), void *ctx)
{
	size_t n = d->n_held < KIT_HELD ? d->n_held : KIT_HELD;

	/* In any order, some never or later; some that came long ago once more. */
	for (size_t i = 0; i < 3 * n && d->online; i++) {
		struct held *h = &d->held[rnd(ctx) % n];

		if (h->taken && rnd(ctx) % 20 != 0)
			continue;
		h->taken = true;
		take(d, h->bytes, h->len);
	}
}

/* --- their memory -------------------------------------------------------------------------- */

/* True while there is power. */
static bool powered(struct flash *f)
{
	if (++f->n_ops == f->cut_at)
		f->off = true;
	return !f->off;
}

static bool save_begin(void *ctx, size_t len)
{
	struct flash *f = ctx;

	f->next_len = 0;
	return powered(f) && len <= sizeof f->next;
}

static bool save_write(void *ctx, const void *bytes, size_t len)
{
	struct flash *f = ctx;

	if (!powered(f))
		return false;
	memcpy(f->next + f->next_len, bytes, len);
	f->next_len += len;
	return true;
}

static bool save_commit(void *ctx)
{
	struct flash *f = ctx;
	bool was_on = !f->off, on = powered(f);

	if (on || (was_on && f->cut_late)) {
		memcpy(f->saved, f->next, f->next_len);
		f->saved_len = f->next_len;
	}
	return on;
}

static bool load_begin(void *ctx, size_t *len)
{
	struct flash *f = ctx;

	f->read_at = 0;
	*len = f->saved_len;
	return f->saved_len > 0;
}

static bool load_read(void *ctx, void *out, size_t len)
{
	struct flash *f = ctx;

	if (len > f->saved_len - f->read_at)
		return false;
	memcpy(out, f->saved + f->read_at, len);
	f->read_at += len;
	return true;
}

static void find_control(struct device *d)
{
	char topic[E4_CONTROL_TOPIC_LEN + 1];

	e4_client_control_topic(&d->client, topic);
	if (e4_topic_init(&d->control, &d->client, topic, strlen(topic)) != E4_OK)
		abort();
}

void device_resubscribe(struct device *d)
{
	char topic[E4_CONTROL_TOPIC_LEN + 1];

	e4_client_control_topic(&d->client, topic);
	bus_unsubscribe(&d->bus, topic, 0);
	bus_subscribe(&d->bus, topic, 1, 0);
}

void device_power_up(struct device *d)
{
	d->flash.off = false;
	d->flash.cut_at = 0;
	e4_client_wipe(&d->client);
	if (e4_init(&d->client, &d->cfg) != E4_OK || e4_load(&d->client) != E4_OK)
		abort();
	find_control(d);
	d->online = true;
	if (!d->legacy)
		device_announce(d);
}

static void provision(struct device *d)
{
	uint8_t id[16], secret[64], c2[32];
	struct err err;
	bool ok;

	e4_id_from_name(id, d->name, strlen(d->name));
	random_bytes(secret, 32);
	if (d->kit->config.mode == CORE_SYMKEY) {
		ok = e4_provision_sk(&d->client, id, secret) == E4_OK &&
		     core_client_new(d->kit->core, d->name, secret, 32, 0, &err);
	} else {
		uint8_t seed[32];

		random_bytes(seed, 32);
		e4_ed25519_keypair(secret, seed);
		ok = core_c2_public_key(d->kit->core, c2, &err) &&
		     e4_provision_pk(&d->client, id, secret, c2) == E4_OK &&
		     core_client_new(d->kit->core, d->name, secret + 32, 32, 0, &err);
	}
	if (!ok)
		abort();
}

struct device *device_new(struct kit *k, const char *name)
{
	struct device *d = mem_alloc(sizeof *d);
	struct bus_handler handler = {.ctx = d, .on_message = on_command};
	struct e4_config cfg = {.mode = k->config.mode == CORE_SYMKEY ? &e4_mode_sk : &e4_mode_pk,
				.topics = d->topics,
				.n_topics = KIT_TOPICS,
				.peers = d->peers,
				.n_peers = k->config.mode == CORE_SYMKEY ? 0 : KIT_PEERS,
				.now = device_now,
				.now_ctx = d,
				.clock = E4_CLOCK_RELIABLE,
				.future_s = E4_FUTURE_S,
				.grace_s = E4_GRACE_S};
	char topic[E4_CONTROL_TOPIC_LEN + 1];

	if (cfg.n_peers == 0)
		cfg.peers = 0;
	d->kit = k;
	snprintf(d->name, sizeof d->name, "%s", name);
	d->online = true;
	if (k->stores)
		cfg.store = (struct e4_store){&d->flash,   save_begin, save_write,
					      save_commit, load_begin, load_read};
	d->cfg = cfg;
	if (e4_init(&d->client, &cfg) != E4_OK)
		abort();
	provision(d);
	find_control(d);
	e4_client_control_topic(&d->client, topic);
	bus_mem_open(&d->bus, k->hub, &handler);
	bus_subscribe(&d->bus, topic, 1, 0);
	return d;
}

void device_free(struct device *d)
{
	bus_close(&d->bus);
	e4_client_wipe(&d->client);
	free(d);
}

void device_announce(struct device *d)
{
	send_receipt(d, true);
}

const struct e4_topic_key *device_key(const struct device *d, const char *topic)
{
	uint8_t hash[16];

	e4_topic_hash(hash, topic, strlen(topic));
	for (size_t i = 0; i < d->client.topics_used; i++)
		if (memcmp(d->topics[i].hash, hash, 16) == 0)
			return &d->topics[i];
	return 0;
}

const struct e4_peer *device_peer(const struct device *d, const char *name)
{
	uint8_t id[16];

	e4_id_from_name(id, name, strlen(name));
	for (size_t i = 0; i < d->client.peers_used; i++)
		if (memcmp(d->peers[i].id, id, 16) == 0)
			return &d->peers[i];
	return 0;
}

/* --- time ------------------------------------------------------------------------------------ */

void kit_settle(struct kit *k)
{
	for (int i = 0; i < 1000; i++) {
		int64_t next = core_work(k->core, 64);

		if (bus_mem_deliver(k->hub) == 0 && next != 0)
			return;
	}
	CHECK(!"it never settles");
}

void kit_run(struct kit *k, int64_t seconds)
{
	int64_t end = k->clock_state.wall_ms + seconds * 1000;

	for (;;) {
		int64_t step;

		kit_settle(k);
		if (k->clock_state.wall_ms >= end)
			return;
		step = core_work(k->core, 64);
		if (step < 0 || step > end - k->clock_state.wall_ms)
			step = end - k->clock_state.wall_ms;
		if (step == 0)
			step = 1;
		k->clock_state.wall_ms += step;
		k->clock_state.mono_ms += step;
	}
}

/* --- what is true ---------------------------------------------------------------------------- */

static bool same_digest(const struct plan_view *v, const struct device *d)
{
	struct e4_digest g;
	uint8_t mine[32], wanted[32];

	e4_digest_init(&g);
	for (size_t i = 0; i < d->client.topics_used; i++)
		e4_digest_topic(&g, d->topics[i].hash, d->topics[i].key);
	if (v->pubkey) {
		for (size_t i = 0; i < d->client.peers_used; i++)
			e4_digest_peer(&g, d->peers[i].id, d->peers[i].public_key);
		e4_digest_c2_key(&g, d->client.c2_public);
	}
	e4_digest_final(&g, mine);
	plan_digest(v, wanted);
	return memcmp(mine, wanted, 32) == 0 &&
	       memcmp(d->client.control_key, v->control[v->n_keys * v->n_c2 - 1], 32) == 0;
}

bool holds_all(struct kit *k, struct device *d)
{
	struct store_client row;
	struct plan_view v = {.n_keys = 0};
	struct err err;
	bool ok = find_client(k->core, d->name, &row, &err) && c2_keys_load(k->core, &err) &&
		  view_open(&v, k->core, &row, 0, &err) && view_load(&v, k->core, 0, 0, &err) &&
		  same_digest(&v, d);

	view_free(&v);
	return ok;
}

bool in_sync(struct kit *k, struct device *d)
{
	return holds_all(k, d) && kit_status(k, d->name).state == CORE_CLIENT_CONFIRMED;
}

struct core_client_status kit_status(struct kit *k, const char *client)
{
	struct core_client_status s = {.state = (enum core_client_state) - 1};
	struct err err;

	if (!core_client_status(k->core, client, 0, &s, &err))
		fprintf(stderr, "status of %s: %s\n", client, err.text);
	return s;
}
