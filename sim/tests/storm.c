/*
 * Property: whatever was asked of C2, whatever network, power and clocks did
 * meanwhile, once all links work again every device holds exactly what it shall,
 * and C2 knows it. What a device shall hold is told here by a model of its own
 * that follows the operations.
 *
 * storm N [FROM]   N seeds pass
 * storm broken N   each rule broken on purpose is found within N seeds
 * storm seed S     one seed, with what differs
 */
#include <stdlib.h>

#include "base/log.h"
#include "c2/core/internal.h"
#include "sim/world.h"
#include "tests/check.h"

enum { DEVICES = 12, TOPICS = 6, TABLE = 32 };
enum { HOUR_MS = 3600000, CALM_HOURS = 200 };

/* Rules of which each keeps some device from being lost. */
enum broken {
	WHOLE,
	FORGETS_OLD_KEY, /* C2 drops the key before as soon as SetIDKey went out */
	BELIEVES_BROKER, /* what was handed to the broker counts as confirmed */
	ANSWERS_UNSAVED, /* a device answers before its state is stored */
	N_BROKEN
};

static const char *const broken_names[N_BROKEN] = {
	"nothing", "the key before SetIDKey is forgotten once it was sent",
	"the broker's word counts as confirmation", "a device answers before it has stored"};

struct storm {
	struct world w;
	struct prng p;
	enum broken broken;
	bool calm;
	int n_devices;
	struct device *d[DEVICES];
	bool known[DEVICES];            /* to C2 */
	bool attached[DEVICES][TOPICS]; /* and not detached since */
	bool held[DEVICES][TOPICS];     /* attached, and not reset since the last key */
	bool topic[TOPICS];
	char why[200];
};

static struct storm s;

static const char *topic_names[TOPICS] = {"t0", "t1", "t2", "t3", "t4", "t5"};

static uint64_t rnd(uint64_t n)
{
	return prng_below(&s.p, n);
}

static const char *name_of(int i)
{
	static char names[DEVICES][16];

	snprintf(names[i], sizeof names[i], "d%d", i);
	return names[i];
}

/* --- rules broken, and a database that refuses now and then ---------------------------------- */

static void break_rule(struct store_client *row)
{
	if (s.broken == BELIEVES_BROKER && row->sent_rev > row->confirmed_rev) {
		row->confirmed_rev = row->sent_rev;
		row->asked_at = row->next_at = 0;
	}
}

static bool forget_key(void *ctx, const struct store_client *row, struct err *err)
{
	return s.broken != FORGETS_OLD_KEY || row->sent_rev < row->key_rev ||
	       s.w.real_store.ops->old_keys_drop(ctx, row->id, row->key_rev, err);
}

static bool storm_client_put(void *ctx, struct store_client *row, struct err *err)
{
	break_rule(row);
	return s.w.real_store.ops->client_put(ctx, row, err) && forget_key(ctx, row, err);
}

static bool storm_clients_state(void *ctx, const struct store_client *rows, size_t n,
				struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		struct store_client row = rows[i];

		break_rule(&row);
		if (!s.w.real_store.ops->clients_state(ctx, &row, 1, err) ||
		    !forget_key(ctx, &row, err))
			return false;
	}
	return true;
}

static bool storm_commit(void *ctx, struct err *err)
{
	if (!s.calm && rnd(100) == 0)
		return err_set(err, ERR_STORE, "the disk is full");
	return s.w.real_store.ops->commit(ctx, err);
}

static bool unsaved(void *ctx)
{
	(void)ctx;
	return true;
}

/* --- what operators do ------------------------------------------------------------------------ */

static void rotated(int t)
{
	for (int d = 0; d < s.n_devices; d++)
		s.held[d][t] = s.attached[d][t];
}

static void forget_client(int d, bool rotate)
{
	for (int t = 0; t < TOPICS; t++) {
		bool was = s.attached[d][t];

		s.attached[d][t] = s.held[d][t] = false;
		if (was && rotate)
			rotated(t);
	}
	s.known[d] = false;
}

static void forget_topic(int t)
{
	s.topic[t] = false;
	for (int d = 0; d < s.n_devices; d++)
		s.attached[d][t] = s.held[d][t] = false;
}

/* Somebody goes there: a new key in the device and in C2, also of one that C2 forgot. */
static void provision(int d)
{
	bool calm = s.calm;

	s.calm = true; /* a database that refuses is tried again until it takes it */
	device_leave(s.d[d]);
	s.d[d]->cut = 0;
	device_provision(s.d[d], name_of(d));
	s.known[d] = true;
	s.calm = calm;
}

static void change_topics(int a, int t)
{
	struct core *c = s.w.core;
	bool rotate = rnd(2);

	switch (rnd(12)) {
	case 0:
	case 1:
	case 2:
		if (core_topic_new(c, topic_names[t], 0, 0)) {
			s.topic[t] = true;
			rotated(t);
		}
		break;
	case 3:
	case 4:
	case 5:
	case 6:
		if (core_attach(c, name_of(a), topic_names[t], 0, 0))
			s.attached[a][t] = s.held[a][t] = true;
		break;
	case 7:
		if (core_detach(c, name_of(a), topic_names[t], rotate ? CORE_YES : CORE_NO, 0, 0,
				0)) {
			s.attached[a][t] = s.held[a][t] = false;
			if (rotate)
				rotated(t);
		}
		break;
	case 8:
		if (core_topic_remove(c, topic_names[t], 0, 0))
			forget_topic(t);
		break;
	case 9:
		if (core_client_reset(c, name_of(a), 0, 0))
			memset(s.held[a], 0, sizeof s.held[a]);
		break;
	case 10:
		if (core_client_remove(c, name_of(a), rotate ? CORE_YES : CORE_NO, 0, 0, 0))
			forget_client(a, rotate);
		break;
	case 11:
		provision(a);
		break;
	}
}

static void change_keys(int a, int b)
{
	struct core *c = s.w.core;

	switch (rnd(s.w.cfg.core.mode == CORE_PUBKEY ? 9 : 3)) {
	case 0:
	case 1:
	case 2:
		core_client_new_key(c, name_of(a), 0, 0);
		break;
	case 3:
	case 4:
		core_pubkey_send(c, name_of(a), name_of(b), 0, 0);
		break;
	case 5:
		core_pubkey_remove(c, name_of(a), name_of(b), 0, 0);
		break;
	case 6:
		core_pubkeys_reset(c, name_of(a), 0, 0);
		break;
	case 7:
		core_new_c2_key(c, true, false, 0, 0);
		break;
	case 8:
		if (rnd(2))
			core_link(c, name_of(a), name_of(b), 0);
		else
			core_unlink(c, name_of(a), name_of(b), 0);
		break;
	}
}

/* --- what the world does --------------------------------------------------------------------- */

static void device_weather(struct device *d)
{
	switch (rnd(8)) {
	case 0:
		device_power_loss(d);
		break;
	case 1:
		d->cut = 1 + (int32_t)rnd(4);
		break;
	case 2:
		d->off_s += rnd(2) ? (int32_t)rnd(7200) - 3600 : (int32_t)rnd(800) - 400;
		break;
	case 3:
		d->off_s = rnd(2) ? 0 : (int32_t)rnd(90 * 86400) - 45 * 86400;
		break;
	default:
		if (d->online)
			device_leave(d);
		else
			device_connect(d);
		break;
	}
}

static void weather(void)
{
	switch (rnd(16)) {
	case 0:
		broker_set_up(s.w.broker, false);
		for (int i = 0; i < s.n_devices; i++)
			device_leave(s.d[i]);
		break;
	case 1:
	case 2:
		broker_set_up(s.w.broker, true);
		break;
	case 3:
		world_crash(&s.w);
		break;
	case 4:
	case 5:
		world_crash(&s.w);
		world_start(&s.w);
		break;
	case 6:
		s.w.c2_off_ms += (int64_t)rnd(2 * HOUR_MS) - HOUR_MS;
		s.w.c2_off_ms /= 1 + (int64_t)rnd(3);
		break;
	default:
		device_weather(s.d[rnd((uint64_t)s.n_devices)]);
		break;
	}
}

static void pass_time(void)
{
	int64_t ms = (int64_t)rnd(rnd(20) ? 15000 : 8 * HOUR_MS);

	world_run(&s.w, s.w.now_ms + ms);
}

/* --- what must be true ------------------------------------------------------------------------ */

static bool differs(int d, const char *what)
{
	snprintf(s.why, sizeof s.why, "%s: %s", name_of(d), what);
	return false;
}

static bool topics_right(int i)
{
	const struct device *d = s.d[i];
	size_t n = 0;

	for (int t = 0; t < TOPICS; t++) {
		const struct e4_topic_key *have;
		struct store_topic row;
		uint8_t key[32];

		if (!s.held[i][t])
			continue;
		n++;
		if (!find_topic(s.w.core, topic_names[t], &row, 0) ||
		    !open_topic_key(&s.w.custody, key, row.hash, row.rev, &row.key, 0))
			return differs(i, "a topic of the model is not in the database");
		have = device_key(d, row.hash);
		if (!have)
			return differs(i, "a topic key is missing");
		if (memcmp(have->key, key, 32) != 0)
			return differs(i, "a topic key is an old one");
	}
	return n == d->client.topics_used || differs(i, "it holds a topic that it shall not");
}

static bool identity_right(int i, const struct store_client *row)
{
	const struct e4_client *c = &s.d[i]->client;
	bool pk = s.w.cfg.core.mode == CORE_PUBKEY;
	uint8_t key[32];

	if (!open_client_key(&s.w.custody, key, row->e4id, row->key_rev, &row->key, 0) ||
	    memcmp(key, pk ? c->key + 32 : c->key, 32) != 0)
		return differs(i, "its own key is not the wanted one");
	if (pk && (!core_c2_public_key(s.w.core, key, 0) || memcmp(key, c->c2_public, 32) != 0))
		return differs(i, "its key of C2 is not the newest");
	return true;
}

struct peer_check {
	int i;
	int64_t reset_rev;
	size_t n;
	bool ok;
};

static const struct device *device_of(const uint8_t e4id[16])
{
	for (int i = 0; i < s.n_devices; i++)
		if (memcmp(s.d[i]->client.id, e4id, 16) == 0)
			return s.d[i];
	return 0;
}

static bool check_peer(void *arg, const struct store_peer_source *row)
{
	struct peer_check *c = arg;
	const struct e4_client *holder = &s.d[c->i]->client;
	const struct device *source = device_of(row->peer.e4id);
	const struct e4_peer *have = 0;

	if (row->peer.removed || row->peer.source_id == 0 || row->peer.rev <= c->reset_rev)
		return true;
	c->n++;
	for (size_t k = 0; k < holder->peers_used; k++)
		if (memcmp(holder->cfg.peers[k].id, row->peer.e4id, 16) == 0)
			have = &holder->cfg.peers[k];
	if (!have || !source || memcmp(have->public_key, source->client.key + 32, 32) != 0)
		c->ok = differs(c->i, have ? "the public key of a peer is not the one it has"
					   : "a peer's public key is missing");
	return c->ok;
}

static bool peers_right(int i, const struct store_client *row)
{
	struct peer_check c = {.i = i, .reset_rev = row->reset_peers_rev, .ok = true};

	if (s.w.cfg.core.mode != CORE_PUBKEY)
		return true;
	s.w.real_store.ops->client_peers(s.w.real_store.ctx, row->id, check_peer, &c, 0);
	if (c.ok && c.n != s.d[i]->client.peers_used)
		return differs(i, "it holds a peer that it shall not");
	return c.ok;
}

static bool device_right(int i)
{
	struct core_client_status status;
	struct store_client row;

	if (!s.known[i])
		return !find_client(s.w.core, name_of(i), &row, 0) ||
		       differs(i, "C2 knows a client that was removed");
	if (!core_client_status(s.w.core, name_of(i), 0, &status, 0) ||
	    !find_client(s.w.core, name_of(i), &row, 0))
		return differs(i, "C2 has lost the client");
	if (!identity_right(i, &row) || !topics_right(i) || !peers_right(i, &row))
		return false;
	/* Of a legacy one it must never be said. */
	if (s.d[i]->legacy)
		return status.state != CORE_CLIENT_CONFIRMED ||
		       differs(i, "nothing can be confirmed of it");
	return status.state == CORE_CLIENT_CONFIRMED || differs(i, status.reason);
}

static bool all_right(void)
{
	for (int i = 0; i < s.n_devices; i++)
		if (!device_right(i))
			return false;
	return true;
}

/* --- one storm ---------------------------------------------------------------------------------
 */

static void open_world(uint64_t seed)
{
	struct world_config cfg = {.seed = seed,
				   .core = {.mode = seed % 3 == 0 ? CORE_PUBKEY : CORE_SYMKEY,
					    .qos = (int)(seed / 3 % 3),
					    .retain = seed / 9 % 4 == 0,
					    .receipt_wait_s = 10,
					    .retry_max_s = 3600,
					    .legacy_max_s = 86400,
					    .presence = BROKER_PRESENCE,
					    .announce_gap_s = 30,
					    .events_keep = 100},
				   .broker = *broker_profile("adversary"),
				   .window = 100,
				   .slice = 1 + (int)(seed % 16),
				   .sqlite = seed % 16 == 5 ? ":memory:" : 0,
				   .topics_cap = TABLE,
				   .peers_cap = TABLE};
	struct err err;

	prng_seed(&s.p, seed ^ 0x73746f726d);
	if (!world_open(&s.w, &cfg, 0, &err))
		abort();
	s.w.ops.client_put = storm_client_put;
	s.w.ops.clients_state = storm_clients_state;
	s.w.ops.commit = storm_commit;
	s.n_devices = 2 + (int)rnd(DEVICES - 1);
	s.calm = true;
	for (int i = 0; i < s.n_devices; i++) {
		s.d[i] = device_new(&s.w, name_of(i), rnd(4) == 0);
		s.d[i]->legacy = rnd(8) == 0;
		s.known[i] = true;
		if (s.broken == ANSWERS_UNSAVED && rnd(2))
			s.d[i]->client.cfg.store.save_commit = unsaved;
	}
	s.calm = false;
}

static void calm_down(void)
{
	s.calm = true;
	broker_calm(s.w.broker);
	broker_set_up(s.w.broker, true);
	if (!s.w.core)
		world_start(&s.w);
	/*
	 * What is late is still on its way for minutes, announcements of other times
	 * among it. Devices come back after that.
	 */
	world_run(&s.w, s.w.now_ms + HOUR_MS);
	for (int i = 0; i < s.n_devices; i++) {
		device_leave(s.d[i]);
		s.d[i]->cut = 0;
		/* Of its clock nobody hears, so it has to be right, and C2's with it. */
		if (s.d[i]->legacy) {
			s.d[i]->off_s = 0;
			s.w.c2_off_ms = 0;
		}
		device_connect(s.d[i]);
	}
	for (int h = 0; h < CALM_HOURS && !all_right(); h++)
		world_run(&s.w, s.w.now_ms + HOUR_MS);
}

static bool verbose;

/* Times are told from C2's now. */
static void show(void)
{
	int64_t now = world_c2_now(&s.w);

	for (int i = 0; i < s.n_devices; i++) {
		const struct device *d = s.d[i];
		struct store_client row;

		printf("%s%s%s: its clock %+lld s%s, mark %+lld s, time seen %+lld s, %u topics\n",
		       name_of(i), device_right(i) ? "" : " WRONG", d->legacy ? " legacy" : "",
		       (long long)(s.w.now_ms / 1000 + d->off_s - now),
		       d->no_clock ? " (has none)" : "",
		       (long long)((int64_t)d->client.high_water - now),
		       (long long)((int64_t)d->client.time_seen - now), d->client.topics_used);
		if (find_client(s.w.core, name_of(i), &row, 0))
			printf("    stamp %+lld s, offset %lld, old keys %d, reason %d, attempts "
			       "%d, "
			       "next %lld, asked %lld, seen %lld, behind since %lld; wanted %lld, "
			       "sent %lld, confirmed %lld\n",
			       (long long)((int64_t)row.last_stamp - now),
			       (long long)row.clock_offset, row.n_old_keys, row.reason,
			       row.attempts, (long long)row.next_at, (long long)row.asked_at,
			       (long long)row.last_seen, (long long)row.behind_since,
			       (long long)row.wanted_rev, (long long)row.sent_rev,
			       (long long)row.confirmed_rev);
	}
}

static bool storm(uint64_t seed, enum broken broken)
{
	bool ok;

	memset(&s, 0, sizeof s);
	s.broken = broken;
	open_world(seed);
	for (int i = 40 + (int)rnd(80); i > 0; i--) {
		int a = (int)rnd((uint64_t)s.n_devices), b = (int)rnd((uint64_t)s.n_devices);

		if (s.w.core && rnd(4))
			change_topics(a, (int)rnd(TOPICS));
		else if (s.w.core)
			change_keys(a, b);
		weather();
		pass_time();
	}
	calm_down();
	ok = all_right();
	if (verbose)
		show();
	world_close(&s.w);
	return ok;
}

static void all_pass(uint64_t from, uint64_t n)
{
	for (uint64_t seed = from; seed < from + n; seed++) {
		bool ok = storm(seed, WHOLE);
		char label[260];

		snprintf(label, sizeof label, "seed %llu: %s", (unsigned long long)seed, s.why);
		check_result(ok, __FILE__, __LINE__, label);
	}
}

static void broken_rules_are_found(uint64_t n)
{
	for (int b = WHOLE + 1; b < N_BROKEN; b++) {
		uint64_t seed = 1;

		while (seed <= n && storm(seed, (enum broken)b))
			seed++;
		fprintf(stderr, "  %s: seed %llu: %s\n", broken_names[b], (unsigned long long)seed,
			s.why);
		check_result(seed <= n, __FILE__, __LINE__, broken_names[b]);
	}
}

int main(int argc, char **argv)
{
	uint64_t n;

	log_set_level(LOG_ERROR + 1);
	if (argc > 2 && strcmp(argv[1], "broken") == 0) {
		broken_rules_are_found(strtoull(argv[2], 0, 10));
		return END();
	}
	if (argc > 2 && strcmp(argv[1], "seed") == 0) {
		verbose = true;
		all_pass(strtoull(argv[2], 0, 10), 1);
		return END();
	}
	n = argc > 1 ? strtoull(argv[1], 0, 10) : 100;
	all_pass(argc > 2 ? strtoull(argv[2], 0, 10) : 1, n);
	return END();
}
