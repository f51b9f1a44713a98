#include "sim/fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "c2/core/internal.h"

enum kind {
	TOGGLE = SIM_KINDS,
	ROTATE,
	PROBE,
	SLOT,
	BROKER_GOES,
	BROKER_COMES,
	C2_DIES,
	C2_STARTS
};

/* Bits of a device's tag. */
enum { HAS = 1, CONFIRMED = 2, REACHED = 4, HELD = 8 /* stays where it is */, RISK = 16 };

enum {
	AWAY_MS = 60000,
	DAY_MS = 86400000,
	SETTLE_S = 7 * 86400,
	PROBE_TRIES = 400,
	PROBE_FIRST_MS = 500,
	PROBE_SEED = 0x5eed
};

struct fleet {
	const struct fleet_config *cfg;
	struct fleet_result *out;
	struct world w;
	int64_t awake_s;
	int64_t start_ms, end_ms;
	int64_t rotated_ms;
	int64_t rotated_rev; /* 0: nothing was rotated yet */
	uint8_t (*hashes)[16];
	uint8_t (*keys)[8]; /* the beginnings of the topics' keys */
	int64_t *back_ms;   /* when each device came back last */
	int64_t n_have, n_confirmed, n_online, n_legacy;
	struct prng probes; /* of its own: looking changes nothing */
	int64_t probe_until,
		probe_span; /* messages of a probe stand for so much time up to there */
	uint32_t slot;
	void (*progress)(void *ctx, uint32_t ppm, const char *what);
	void *progress_ctx;
};

/* The wrapped store has no room for it: one fleet in a process. */
static struct fleet *the_fleet;

/* --- what devices and C2 come to know ----------------------------------------------------------
 */

static int64_t topic_of(const struct fleet *f, const struct device *d, int64_t k)
{
	return ((int64_t)d->number + k) % f->cfg->topics;
}

static bool holds_all(const struct fleet *f, const struct device *d)
{
	for (int64_t k = 0; k < f->cfg->per_device; k++) {
		int64_t t = topic_of(f, d, k);
		const struct e4_topic_key *key = device_key(d, f->hashes[t]);

		if (!key || memcmp(key->key, f->keys[t], sizeof f->keys[t]) != 0)
			return false;
	}
	return true;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Null: it is not told by itself. */
static struct fleet_rotation *this_rotation(struct fleet *f)
{
	int64_t n = f->out->rotations;

	return n > 0 && n <= FLEET_ROTATIONS ? &f->out->each[n - 1] : 0;
}

/* A measure of the memory that a flood takes. */
static void watch_queue(struct fleet *f)
{
	int64_t n = f->w.core ? (int64_t)f->w.core->receipts.n : 0;

	if (n > f->out->most_receipts_waiting)
		f->out->most_receipts_waiting = n;
}

static void on_command(void *ctx, struct device *d, enum e4_result r)
{
	struct fleet *f = ctx;
	int64_t now = f->w.now_ms;

	watch_queue(f);
	if (r != E4_COMMAND || (d->tag & HAS) || !holds_all(f, d))
		return;
	d->tag |= HAS;
	f->n_have++;
	if (!f->rotated_rev)
		return;
	waits_add(&f->out->have, now - f->rotated_ms);
	waits_add(&f->out->reachable, now - later(f->rotated_ms, f->back_ms[d->number]));
	if (this_rotation(f)) {
		struct fleet_rotation *each = this_rotation(f);

		rough_add(&each->have, now - f->rotated_ms);
		each->reached_ms =
			later(each->reached_ms, now - later(f->rotated_ms, f->back_ms[d->number]));
	}
}

static void note_confirmed(struct fleet *f, const struct store_client *row)
{
	struct device *d;

	f->out->writes++;
	if (row->id > f->w.n_devices || row->confirmed_rev < f->rotated_rev)
		return;
	d = f->w.devices[row->id - 1];
	if ((d->tag & CONFIRMED) || !f->rotated_rev)
		return;
	d->tag |= CONFIRMED;
	f->n_confirmed++;
	waits_add(&f->out->confirmed, f->w.now_ms - f->rotated_ms);
}

static bool counted_client_put(void *ctx, struct store_client *row, struct err *err)
{
	struct fleet *f = the_fleet;

	if (!f->w.real_store.ops->client_put(ctx, row, err))
		return false;
	note_confirmed(f, row);
	return true;
}

static bool counted_clients_state(void *ctx, const struct store_client *rows, size_t n,
				  struct err *err)
{
	struct fleet *f = the_fleet;

	if (!f->w.real_store.ops->clients_state(ctx, rows, n, err))
		return false;
	for (size_t i = 0; i < n; i++)
		note_confirmed(f, &rows[i]);
	return true;
}

/* --- rotations ------------------------------------------------------------------------------- */

static void topic_name(char name[SIM_NAME_MAX], int64_t t)
{
	snprintf(name, SIM_NAME_MAX, "topic/%07d", (int)t);
}

static void must(bool ok, const struct err *err)
{
	if (ok)
		return;
	fprintf(stderr, "e4sim: the key server refused: %s\n", err->text);
	abort();
}

/* What the devices shall hold now, as the database has it. */
static void read_key(struct fleet *f, int64_t t)
{
	struct store_topic row;
	char name[SIM_NAME_MAX];
	uint8_t key[32];
	struct err err;

	topic_name(name, t);
	must(find_topic(f->w.core, name, &row, &err) &&
		     open_topic_key(&f->w.custody, key, row.hash, row.rev, &row.key, &err),
	     &err);
	memcpy(f->hashes[t], row.hash, sizeof f->hashes[t]);
	memcpy(f->keys[t], key, sizeof f->keys[t]);
	f->rotated_rev = row.rev;
}

static bool is_same(const uint8_t key[32], const uint8_t other[32])
{
	return memcmp(key, other, 32) == 0;
}

/* Would the library open, at this device, what that one sends? */
static bool reads(struct fleet *f, const struct device *to, const struct device *from,
		  int64_t topic)
{
	const struct e4_topic_key *have = device_key(to, f->hashes[topic]);
	const struct e4_topic_key *used = device_key(from, f->hashes[topic]);
	uint64_t now = (uint64_t)(f->w.now_ms / 1000 + to->off_s);

	if (!used)
		return true; /* nothing is sent */
	if (!have)
		return false;
	return is_same(have->key, used->key) ||
	       (is_same(have->old_key, used->key) && have->switched_at != 0 && !to->no_clock &&
		now <= have->switched_at + E4_GRACE_S);
}

/* Two devices of one topic, by chance; null: they do not meet. */
static bool pair(struct fleet *f, struct device **from, struct device **to, int64_t *topic)
{
	int64_t n = f->w.n_devices, k, who;

	*from = f->w.devices[prng_below(&f->probes, (uint64_t)n)];
	*topic = topic_of(f, *from, (int64_t)prng_below(&f->probes, (uint64_t)f->cfg->per_device));
	k = (int64_t)prng_below(&f->probes, (uint64_t)f->cfg->per_device);
	who = (*topic - k + f->cfg->topics) % f->cfg->topics;
	who += (int64_t)prng_below(&f->probes, (uint64_t)(n / f->cfg->topics + 1)) * f->cfg->topics;
	if (who >= n)
		return false;
	*to = f->w.devices[who];
	return *to != *from && (*to)->online && (*from)->online;
}

/* Few and short are the times at which something is unread: more probes right after a rotation. */
static void next_probe(struct fleet *f, int64_t from_ms)
{
	int64_t since = from_ms - f->rotated_ms, most = (f->end_ms - f->start_ms) / FLEET_SLOTS;

	f->probe_span = since < PROBE_FIRST_MS ? PROBE_FIRST_MS : since < most ? since : most;
	f->probe_until = from_ms + f->probe_span;
	world_note(&f->w, from_ms + (int64_t)prng_below(&f->probes, (uint64_t)f->probe_span), PROBE,
		   (uint32_t)f->out->rotations);
}

static void probe(struct fleet *f, uint32_t rotation)
{
	struct fleet_rotation *r = this_rotation(f);
	struct device *from, *to;
	int64_t topic;

	if (rotation != f->out->rotations || !r)
		return; /* the next rotation came before */
	for (int i = 0; i < PROBE_TRIES; i++) {
		if (!pair(f, &from, &to, &topic))
			continue;
		r->heard += f->probe_span;
		r->unread += reads(f, to, from, topic) ? 0 : f->probe_span;
	}
	next_probe(f, f->probe_until);
}

/* A rotation is over when the next one comes. */
static void close_rotation(struct fleet *f)
{
	struct fleet_result *out = f->out;

	for (uint32_t i = 0; i < f->w.n_devices && f->rotated_rev; i++) {
		struct device *d = f->w.devices[i];

		out->unreachable += !(d->tag & (HAS | REACHED)) && !d->online;
		out->missed += !(d->tag & HAS) && ((d->tag & REACHED) || d->online);
		out->never_confirmed += !(d->tag & CONFIRMED) && !d->legacy;
	}
}

/* Who had not even the keys before is two behind: the one old key helps it no more. */
static void open_rotation(struct fleet *f)
{
	int64_t at_risk = 0;

	for (uint32_t i = 0; i < f->w.n_devices && f->rotated_rev; i++) {
		struct device *d = f->w.devices[i];

		if (d->tag & HAS)
			continue;
		at_risk++;
		f->out->at_risk += !(d->tag & RISK);
		d->tag |= RISK;
	}
	f->out->rotations++;
	f->out->rotation_devices += f->w.n_devices;
	if (this_rotation(f))
		*this_rotation(f) =
			(struct fleet_rotation){.at_s = (f->w.now_ms - f->start_ms) / 1000,
						.devices = f->w.n_devices,
						.online = f->n_online,
						.at_risk = at_risk};
}

static void rotate(struct fleet *f)
{
	char name[SIM_NAME_MAX];
	struct err err;

	close_rotation(f);
	open_rotation(f);
	for (int64_t t = 0; t < f->cfg->topics; t++) {
		topic_name(name, t);
		must(core_topic_new(f->w.core, name, 0, &err), &err);
		read_key(f, t);
	}
	f->rotated_ms = f->w.now_ms;
	f->n_have = f->n_confirmed = 0;
	for (uint32_t i = 0; i < f->w.n_devices; i++) {
		struct device *d = f->w.devices[i];

		d->tag &= HELD | RISK;
		if (d->online)
			d->tag |= REACHED;
	}
	next_probe(f, f->w.now_ms);
}

/* --- comings and goings ---------------------------------------------------------------------- */

static void come(struct fleet *f, struct device *d)
{
	if (prng_chance(&f->w.prng, f->cfg->power_loss_ppm))
		device_power_loss(d);
	device_connect(d);
	if (!d->online)
		return;
	f->back_ms[d->number] = f->w.now_ms;
	d->tag |= REACHED;
	f->n_online++;
	f->out->returns++;
}

static void go(struct fleet *f, struct device *d)
{
	f->n_online -= d->online;
	device_leave(d);
}

static int64_t absence(struct fleet *f)
{
	const struct absence *a = &f->cfg->absence;

	return a->n ? absence_ms(a, &f->w.prng) : prng_wait(&f->w.prng, f->cfg->sleep_s * 1000);
}

static void toggle(struct fleet *f, uint32_t number)
{
	struct device *d = f->w.devices[number];
	int64_t wait_ms;

	if (d->tag & HELD)
		return;
	if (d->online) {
		go(f, d);
		wait_ms = absence(f);
	} else {
		come(f, d);
		if (d->online && !f->cfg->offline_ppm)
			return;
		/* If it is not: the broker is away, and it tries again. */
		wait_ms = prng_wait(&f->w.prng, (d->online ? f->awake_s : 10) * 1000);
	}
	world_note(&f->w, f->w.now_ms + wait_ms, TOGGLE, number);
}

static void broker_goes(struct fleet *f)
{
	broker_set_up(f->w.broker, false);
	for (uint32_t i = 0; i < f->w.n_devices; i++) {
		struct device *d = f->w.devices[i];

		/* Who was online comes back when it is there again, the others when they like. */
		if (d->online && !f->cfg->offline_ppm)
			world_note(&f->w,
				   f->w.now_ms + AWAY_MS + (int64_t)prng_below(&f->w.prng, 30000),
				   TOGGLE, i);
		go(f, d);
	}
	world_note(&f->w, f->w.now_ms + AWAY_MS, BROKER_COMES, 0);
}

static void again(struct fleet *f, enum kind kind, int64_t mean_s)
{
	if (mean_s)
		world_note(&f->w, f->w.now_ms + prng_wait(&f->w.prng, mean_s * 1000), kind, 0);
}

static void tell(struct fleet *f, const char *what)
{
	int64_t span = f->end_ms - f->start_ms;

	if (f->progress)
		f->progress(f->progress_ctx,
			    span > 0 ? (uint32_t)((f->w.now_ms - f->start_ms) * 1000000 / span) : 0,
			    what);
}

static void take_slot(struct fleet *f)
{
	struct fleet_result *out = f->out;

	if (f->slot < FLEET_SLOTS) {
		out->slot_have[f->slot] = f->n_have;
		out->slot_confirmed[f->slot] = f->n_confirmed;
		out->slot_online[f->slot] = f->n_online;
		out->slot_devices[f->slot++] = f->w.n_devices;
	}
	tell(f, "running");
	world_note(&f->w, f->w.now_ms + (f->end_ms - f->start_ms) / FLEET_SLOTS, SLOT, 0);
}

static void on_event(void *ctx, const struct event *e)
{
	struct fleet *f = ctx;

	switch ((enum kind)e->kind) {
	case TOGGLE:
		toggle(f, e->who);
		break;
	case ROTATE:
		if (!f->w.core) { /* an operator tries again */
			world_note(&f->w, f->w.now_ms + AWAY_MS, ROTATE, 0);
			break;
		}
		rotate(f);
		if (!f->cfg->n_rotate_at)
			world_note(&f->w, f->w.now_ms + f->cfg->rotate_s * 1000, ROTATE, 0);
		break;
	case PROBE:
		probe(f, e->who);
		break;
	case SLOT:
		take_slot(f);
		break;
	case BROKER_GOES:
		broker_goes(f);
		break;
	case BROKER_COMES:
		broker_set_up(f->w.broker, true);
		again(f, BROKER_GOES, f->cfg->broker_restart_s);
		break;
	case C2_DIES:
		world_crash(&f->w);
		world_note(&f->w, f->w.now_ms + AWAY_MS, C2_STARTS, 0);
		break;
	case C2_STARTS:
		world_start(&f->w);
		again(f, C2_DIES, f->cfg->c2_crash_s);
		break;
	}
}

/* --- the run
 * -----------------------------------------------------------------------------------------------
 */

static struct world_config world_of(const struct fleet_config *c)
{
	return (struct world_config){.seed = (uint64_t)c->seed,
				     .core = {.mode = c->pubkey ? CORE_PUBKEY : CORE_SYMKEY,
					      .rotate_on_removal = true,
					      .qos = c->qos,
					      .retain = c->retain,
					      .receipt_wait_s = c->receipt_wait_s,
					      .retry_max_s = c->retry_max_s,
					      .legacy_max_s = c->legacy_max_s,
					      .presence = c->presence ? BROKER_PRESENCE : 0,
					      .announce_gap_s = c->announce_gap_s,
					      .events_keep = 1000},
				     .broker = c->broker,
				     .window = c->window,
				     .slice = 256,
				     .sqlite = c->sqlite,
				     .topics_cap = (uint16_t)c->per_device,
				     .peers_cap = 0};
}

static void make_device(struct fleet *f)
{
	struct prng *p = &f->w.prng;
	struct device *d = device_new(&f->w, 0, prng_chance(p, f->cfg->no_clock_ppm));

	d->legacy = prng_chance(p, f->cfg->legacy_ppm);
	if (prng_chance(p, f->cfg->wrong_clock_ppm))
		d->off_s = (int32_t)prng_below(p, 2 * 86400) - 86400;
	f->n_legacy += d->legacy;
}

static void attach(struct fleet *f, const struct device *d)
{
	char topic[SIM_NAME_MAX], name[SIM_NAME_MAX];
	struct err err;

	device_name(d, name);
	for (int64_t k = 0; k < f->cfg->per_device; k++) {
		topic_name(topic, topic_of(f, d, k));
		must(core_attach(f->w.core, name, topic, 0, &err), &err);
	}
}

/* Everybody is there and has the first keys: from there on it counts. */
static void set_up(struct fleet *f)
{
	char name[SIM_NAME_MAX];
	struct err err;

	for (int64_t t = 0; t < f->cfg->topics; t++) {
		topic_name(name, t);
		must(core_topic_new(f->w.core, name, 0, &err), &err);
		read_key(f, t);
	}
	f->rotated_rev = 0;
	for (int64_t i = 0; i < f->cfg->fleet; i++) {
		make_device(f);
		attach(f, f->w.devices[i]);
		device_connect(f->w.devices[i]);
	}
	f->n_online = f->w.n_devices;
	tell(f, "setting up");
}

static int64_t unsettled(const struct fleet *f, bool legacy)
{
	int64_t n = 0;

	for (uint32_t i = 0; i < f->w.n_devices; i++)
		n += f->w.devices[i]->legacy == legacy && !holds_all(f, f->w.devices[i]);
	return n;
}

static void settle(struct fleet *f)
{
	int64_t until = f->w.now_ms + (int64_t)SETTLE_S * 1000;

	while (f->w.now_ms < until && unsettled(f, false) > 0)
		world_run(&f->w, f->w.now_ms + 60000);
}

static void scatter(struct fleet *f)
{
	const struct absence *a = &f->cfg->absence;

	for (uint32_t i = 0; i < f->w.n_devices && f->cfg->offline_ppm; i++) {
		bool away = prng_chance(&f->w.prng, f->cfg->offline_ppm);
		int64_t mean_s = away ? f->cfg->sleep_s : f->awake_s;

		if (away)
			go(f, f->w.devices[i]);
		world_note(&f->w,
			   f->w.now_ms + (away && a->n ? absence_left_ms(a, &f->w.prng)
						       : prng_wait(&f->w.prng, mean_s * 1000)),
			   TOGGLE, i);
	}
}

static void run_days(struct fleet *f)
{
	const struct fleet_config *c = f->cfg;

	f->end_ms = f->start_ms + c->days * DAY_MS;
	scatter(f);
	for (size_t i = 0; i < c->n_rotate_at; i++)
		world_note(&f->w, f->start_ms + c->rotate_at_s[i] * 1000, ROTATE, 0);
	if (!c->n_rotate_at && c->rotate_s)
		world_note(&f->w, f->start_ms, ROTATE, 0);
	world_note(&f->w, f->start_ms, SLOT, 0);
	again(f, BROKER_GOES, c->broker_restart_s);
	again(f, C2_DIES, c->c2_crash_s);
	world_run(&f->w, f->end_ms - 1);
	close_rotation(f);
}

/* All are away, one rotation passes, all come back at once. */
static void run_return(struct fleet *f)
{
	int64_t back_ms = f->start_ms + 3600000, span = f->cfg->back_within_s * 1000;

	f->end_ms = back_ms + span + 3600000;
	for (uint32_t i = 0; i < f->w.n_devices; i++)
		go(f, f->w.devices[i]);
	rotate(f);
	world_note(&f->w, f->start_ms, SLOT, 0);
	for (uint32_t i = 0; i < f->w.n_devices; i++)
		world_note(&f->w, back_ms + (int64_t)prng_below(&f->w.prng, (uint64_t)span), TOGGLE,
			   i);
	world_run(&f->w, f->end_ms - 1);
	close_rotation(f);
}

/* Afterwards all links work and all are there: nobody may be lost. */
static void run_end(struct fleet *f)
{
	static struct fleet_result quiet;
	struct fleet_result *out = f->out;
	int64_t from = f->w.now_ms, n;

	quiet = *out;
	tell(f, "all come back");
	f->out = &quiet; /* what comes now is no answer to a rotation */
	broker_calm(f->w.broker);
	broker_set_up(f->w.broker, true);
	if (!f->w.core)
		world_start(&f->w);
	agenda_free(&f->w.later);
	for (uint32_t i = 0; i < f->w.n_devices; i++) {
		f->w.devices[i]->tag |= HELD;
		if (!f->w.devices[i]->online)
			come(f, f->w.devices[i]);
	}
	settle(f);
	for (int i = 0; i < 600 && f->w.core->receipts.n; i++)
		world_run(&f->w, f->w.now_ms + 1000);
	world_run(&f->w, f->w.now_ms + 60000);
	n = (int64_t)f->w.n_devices - f->n_legacy;
	out->end_without_keys = unsettled(f, false);
	out->end_legacy_without_keys = unsettled(f, true);
	out->end_unconfirmed = f->rotated_rev ? n - f->n_confirmed : 0;
	out->end_s = (f->w.now_ms - from) / 1000;
	f->out = out;
}

static void finish(struct fleet *f)
{
	f->out->broker = *broker_counts(f->w.broker);
	f->out->devices_did = f->w.counts;
}

/* Between two absences, so that the share that is away holds. */
static int64_t awake_s(const struct fleet_config *c)
{
	int64_t mean = c->absence.n ? absence_mean_s(&c->absence) : c->sleep_s;

	return c->offline_ppm ? mean * (1000000 - c->offline_ppm) / c->offline_ppm : mean;
}

bool fleet_run(struct fleet_result *out, const struct fleet_config *cfg,
	       void (*progress)(void *ctx, uint32_t ppm, const char *what), void *ctx,
	       struct err *err)
{
	struct world_config wc = world_of(cfg);
	static struct fleet f;
	struct world_hooks hooks = {&f, on_event, on_command};

	memset(out, 0, sizeof *out);
	memset(&f, 0, sizeof f);
	f.cfg = cfg;
	f.out = out;
	f.progress = progress;
	f.progress_ctx = ctx;
	f.awake_s = awake_s(cfg);
	prng_seed(&f.probes, (uint64_t)cfg->seed ^ PROBE_SEED);
	if (!world_open(&f.w, &wc, &hooks, err))
		return false;
	the_fleet = &f;
	f.w.ops.client_put = counted_client_put;
	f.w.ops.clients_state = counted_clients_state;
	f.hashes = mem_array((size_t)cfg->topics, sizeof *f.hashes);
	f.keys = mem_array((size_t)cfg->topics, sizeof *f.keys);
	f.back_ms = mem_array((size_t)cfg->fleet, sizeof *f.back_ms);
	set_up(&f);
	settle(&f);
	out->devices = cfg->fleet;
	out->legacy = f.n_legacy;
	f.start_ms = f.w.now_ms;
	if (cfg->back_within_s)
		run_return(&f);
	else
		run_days(&f);
	finish(&f);
	run_end(&f);
	world_close(&f.w);
	free(f.hashes);
	free(f.keys);
	free(f.back_ms);
	return true;
}

/* All fields are of one type, and nearly all are sums. */
void fleet_add(struct fleet_result *sum, const struct fleet_result *shard)
{
	static struct fleet_result was;
	const int64_t *from = (const int64_t *)shard;
	int64_t *to = (int64_t *)sum;

	was = *sum;
	for (size_t i = 0; i < sizeof *sum / sizeof *to; i++)
		to[i] += from[i];
	sum->have.longest_ms = later(was.have.longest_ms, shard->have.longest_ms);
	sum->reachable.longest_ms = later(was.reachable.longest_ms, shard->reachable.longest_ms);
	sum->confirmed.longest_ms = later(was.confirmed.longest_ms, shard->confirmed.longest_ms);
	sum->rotations = later(was.rotations, shard->rotations);
	sum->most_receipts_waiting = later(was.most_receipts_waiting, shard->most_receipts_waiting);
	sum->end_s = later(was.end_s, shard->end_s);
	for (int i = 0; i < FLEET_ROTATIONS; i++) {
		struct fleet_rotation *r = &sum->each[i];
		const struct fleet_rotation *a = &was.each[i], *b = &shard->each[i];

		r->at_s = later(a->at_s, b->at_s);
		r->reached_ms = later(a->reached_ms, b->reached_ms);
		r->have.longest_ms = later(a->have.longest_ms, b->have.longest_ms);
	}
}
