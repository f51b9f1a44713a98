/*
 * Batches: a device that takes messages in batches and its twin that takes them
 * one by one give the same bytes and results, and remember the same.
 */
#include "world.h"

#define MAX_MESSAGES 100
#define MAX_LEN 400
#define TOPICS 5

static const struct e4_mode *const modes[] = {&e4_mode_sk, &e4_mode_pk, &e4_mode_pk_element};
#define MODES 3

/* The same sequence in every run. */
static uint32_t any(uint32_t limit)
{
	static uint64_t state = 1;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % limit;
}

struct slot {
	struct e4_topic topic;
	uint8_t in[MAX_LEN + E4_OVERHEAD_PK], out[MAX_LEN + E4_OVERHEAD_PK];
	size_t len, cap;
};

/* The callbacks but for the store's, which counts for itself; each fails at one of its calls. */
struct port {
	struct device *d;
	struct e4_element element;
	uint8_t private_key[64]; /* the element's */
	int clock_calls, clock_fails;
	int element_calls, element_fails; /* counted from 1; 0: none */
};

static bool port_now(void *ctx, uint64_t *seconds)
{
	struct port *p = ctx;

	*seconds = p->d->now;
	return ++p->clock_calls != p->clock_fails && !p->d->now_unknown;
}

static bool port_sign(void *ctx, uint8_t sig[64], const void *msg, size_t len)
{
	struct port *p = ctx;

	e4_ed25519_sign(sig, msg, len, p->private_key);
	return ++p->element_calls != p->element_fails;
}

static bool port_agree(void *ctx, uint8_t shared[32], const uint8_t point[32])
{
	struct port *p = ctx;
	uint8_t scalar[32];

	e4_ed25519_to_x25519_scalar(scalar, p->private_key);
	return e4_x25519(shared, scalar, point) && ++p->element_calls != p->element_fails;
}

/* A device, and the messages that it is given. */
struct side {
	struct device d;
	struct port port;
	struct e4_message messages[MAX_MESSAGES];
	struct slot slots[MAX_MESSAGES];
};

struct twins {
	struct device sender;
	struct port sender_port;
	struct side batch, single;
};

static void name_of(char name[8], unsigned topic)
{
	snprintf(name, 8, "t%u", topic % 10);
}

static void give_topics(struct device *d, unsigned n)
{
	char name[8];

	for (unsigned i = 0; i < n; i++) {
		name_of(name, i);
		struct e4_topic t = world_topic(d, name);
		CHECK_EQ(e4_set_topic_key(&d->c, &t, key_of((uint8_t)(10 + i)).bytes), E4_OK);
	}
}

static void provision(struct device *d, struct port *port, uint8_t n)
{
	uint8_t id[16], c2_public[32];

	d->now = T0;
	if (d->c.cfg.mode != &e4_mode_pk_element) {
		world_provision(d, n);
		return;
	}
	world_identity(&e4_mode_pk, n, id, port->private_key);
	e4_x25519_base(c2_public, c2_private);
	CHECK_EQ(e4_provision_pk_element(&d->c, id, port->private_key + 32, c2_public), E4_OK);
}

static void device_init(struct device *d, struct port *port, const struct e4_mode *mode, uint8_t n,
			uint16_t n_cache)
{
	struct e4_config cfg;

	memset(d, 0, sizeof *d);
	memset(port, 0, sizeof *port);
	port->d = d;
	port->element = (struct e4_element){port, port_sign, port_agree};
	cfg = device_config(d, mode);
	cfg.now = port_now;
	cfg.now_ctx = port;
	if (mode == &e4_mode_pk_element)
		cfg.element = &port->element;
	cfg.seen = d->seen; /* in all modes, to see that it is the same */
	cfg.n_seen = 32;
	cfg.n_cache = n_cache;
	cfg.future_s = 5;
	CHECK_EQ(e4_init(&d->c, &cfg), E4_OK);
	provision(d, port, n);
	give_topics(d, TOPICS);
	if (mode != &e4_mode_sk) {
		uint8_t id[16], key[64];
		world_identity(&e4_mode_pk, 1, id, key);
		CHECK_EQ(e4_set_peer(&d->c, id, key + 32), E4_OK);
	}
}

static void twins_init(struct twins *w, const struct e4_mode *mode, uint16_t n_cache)
{
	device_init(&w->sender, &w->sender_port, mode, 1, 2);
	device_init(&w->batch.d, &w->batch.port, mode, 2, n_cache);
	device_init(&w->single.d, &w->single.port, mode, 2, n_cache);
}

static void twins_free(struct twins *w)
{
	device_free(&w->sender);
	device_free(&w->batch.d);
	device_free(&w->single.d);
}

/* Both sides get the message in w->batch.slots[i]. */
static void copy_messages(struct twins *w, size_t n)
{
	for (size_t i = 0; i < n; i++)
		w->single.slots[i] = w->batch.slots[i];
	for (size_t i = 0; i < n; i++) {
		struct side *sides[] = {&w->batch, &w->single};
		for (int s = 0; s < 2; s++) {
			struct slot *slot = &sides[s]->slots[i];
			sides[s]->messages[i] = (struct e4_message){
				&slot->topic, slot->in, slot->len,     slot->out,
				slot->cap,    77,       E4_ERR_CORRUPT};
		}
	}
}

/* Results that came up in a test so far. */
static bool seen[E4_ERR_ELEMENT + 1];

static void all_seen(const enum e4_result *results, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!seen[results[i]])
			fprintf(stderr, "never: %s\n", e4_result_text(results[i]));
		CHECK(seen[results[i]]);
	}
	memset(seen, 0, sizeof seen);
}

static void same_on_both_sides(struct twins *w, size_t n)
{
	struct snapshot s = snapshot_of(&w->single.d);

	for (size_t i = 0; i < n; i++) {
		const struct e4_message *a = &w->batch.messages[i], *b = &w->single.messages[i];
		CHECK_EQ(a->result, b->result);
		seen[a->result] = true;
		CHECK_EQ(a->out_len, b->out_len);
		CHECK_MEM(a->out, b->out, sizeof w->batch.slots[i].out);
	}
	CHECK(snapshot_same(&s, &w->batch.d));
	CHECK_MEM(w->batch.d.seen, w->single.d.seen, sizeof w->batch.d.seen);
	CHECK_MEM(w->batch.d.sent, w->single.d.sent, sizeof w->batch.d.sent);
	CHECK_EQ(w->batch.d.store.saves, w->single.d.store.saves);
	snapshot_free(&s);
}

/* --- protect ---------------------------------------------------------------------- */

/* A few payloads that repeat, few topics, some unknown, now and then no space. */
static void plain_message(struct twins *w, struct slot *slot)
{
	char name[8];
	uint32_t kind = any(4);

	name_of(name, any(TOPICS + 1));
	slot->topic = world_topic(&w->batch.d, name);
	slot->len = kind == 0 ? 0 : kind == 1 ? 200 : any(MAX_LEN);
	memset(slot->in, (int)any(2), slot->len);
	memset(slot->out, 0x55, sizeof slot->out);
	slot->cap = any(20) == 0 ? slot->len : sizeof slot->out;
}

/* Messages that went out as of an earlier second, because they would have been the same. */
static size_t earlier_stamps(const struct twins *w, size_t n)
{
	size_t earlier = 0;

	for (size_t i = 0; i < n; i++) {
		const struct e4_message *m = &w->batch.messages[i];
		earlier += m->result == E4_OK && m->out[0] != (uint8_t)T0;
	}
	return earlier;
}

static void protect_on_both_sides(struct twins *w, size_t n)
{
	copy_messages(w, n);
	e4_protect_batch(&w->batch.d.c, w->batch.messages, n);
	for (size_t i = 0; i < n; i++) {
		struct e4_message *m = &w->single.messages[i];
		m->result = e4_protect(&w->single.d.c, m->topic, m->out, m->out_cap, &m->out_len,
				       m->in, m->len);
	}
	same_on_both_sides(w, n);
}

static void protecting_in_batches_is_the_same(void)
{
	static struct twins w;
	size_t moved_stamps = 0;

	for (int turn = 0; turn < 120; turn++) {
		size_t n = any(MAX_MESSAGES + 1);
		twins_init(&w, modes[turn % MODES], (uint16_t)(turn / MODES % 3));
		for (size_t i = 0; i < n; i++)
			plain_message(&w, &w.batch.slots[i]);
		if (n > 2) /* not a topic to send on */
			w.batch.slots[n / 2].topic = world_control(&w.batch.d);
		w.batch.d.now_unknown = w.single.d.now_unknown = turn % 15 == 14;
		protect_on_both_sides(&w, n);
		moved_stamps += earlier_stamps(&w, n);
		twins_free(&w);
	}
	CHECK(moved_stamps > 0);
	all_seen((const enum e4_result[]){E4_OK, E4_ERR_PARAM, E4_ERR_SPACE, E4_ERR_NO_TOPIC_KEY,
					  E4_ERR_NO_TIME},
		 5);
}

/* --- unprotect --------------------------------------------------------------------- */

/* A command in the middle of the stream: a new topic key, or a topic removed. */
static void command_message(struct twins *w, struct slot *slot, uint64_t stamp)
{
	uint8_t plain[E4_COMMAND_MAX], hash[16];
	char name[8];
	size_t len;

	name_of(name, any(TOPICS));
	e4_topic_hash(hash, name, strlen(name));
	if (any(3) == 0)
		len = e4_encode_remove_topic(plain, hash);
	else
		len = e4_encode_set_topic_key(plain, key_of((uint8_t)(10 + any(8))).bytes, hash);
	slot->topic = world_control(&w->batch.d);
	e4_message_seal(slot->in, w->batch.d.c.control_key, stamp, plain, len);
	slot->len = len + E4_OVERHEAD_SK;
}

static void sealed_message(struct twins *w, struct slot *slot)
{
	uint8_t plain[MAX_LEN];
	char name[8];

	name_of(name, any(TOPICS));
	slot->topic = world_topic(&w->sender, name);
	memset(plain, (int)any(256), sizeof plain);
	w->sender.now = T0 - 2 + any(10); /* some from the future */
	CHECK_EQ(e4_protect(&w->sender.c, &slot->topic, slot->in, sizeof slot->in, &slot->len,
			    plain, any(2) ? 100 : any(MAX_LEN)),
		 E4_OK);
}

/* One that came before, one that is damaged, one that is cut, one without space. */
static void spoil(struct twins *w, size_t i)
{
	struct slot *slot = &w->batch.slots[i];

	switch (any(12)) {
	case 0:
		if (i > 0)
			*slot = w->batch.slots[any((uint32_t)i)];
		break;
	case 1:
		slot->in[any((uint32_t)slot->len)] ^= 1;
		break;
	case 2:
		slot->len = any((uint32_t)slot->len);
		break;
	case 3:
		slot->cap = any(50);
		break;
	default:
		break;
	}
}

static void unprotect_on_both_sides(struct twins *w, size_t n)
{
	copy_messages(w, n);
	e4_unprotect_batch(&w->batch.d.c, w->batch.messages, n);
	for (size_t i = 0; i < n; i++) {
		struct e4_message *m = &w->single.messages[i];
		m->result = e4_unprotect(&w->single.d.c, m->topic, m->out, m->out_cap, &m->out_len,
					 m->in, m->len);
	}
	same_on_both_sides(w, n);
}

static void unprotecting_in_batches_is_the_same(void)
{
	static struct twins w;

	for (int turn = 0; turn < 120; turn++) {
		size_t n = any(MAX_MESSAGES + 1);
		twins_init(&w, modes[turn % MODES], (uint16_t)(turn / MODES % 3));
		for (size_t i = 0; i < n; i++) {
			struct slot *slot = &w.batch.slots[i];
			if (any(15) == 0)
				command_message(&w, slot, T0 - 500 + i);
			else
				sealed_message(&w, slot);
			memset(slot->out, 0x55, sizeof slot->out);
			slot->cap = sizeof slot->out;
			spoil(&w, i);
		}
		unprotect_on_both_sides(&w, n);
		twins_free(&w);
	}
	all_seen((const enum e4_result[]){E4_OK, E4_COMMAND, E4_ERR_LENGTH, E4_ERR_AUTH,
					  E4_ERR_SIGNATURE, E4_ERR_FUTURE, E4_ERR_SPACE,
					  E4_ERR_NO_TOPIC_KEY, E4_ERR_REPLAYED, E4_ERR_TOO_OLD},
		 10);
}

/* --- failures of the port ------------------------------------------------------------ */

enum { CLOCK, ELEMENT, STORE, CALLBACKS };

static void fail_nth(struct side *side, int which, int n)
{
	side->port.clock_calls = side->port.element_calls = side->d.store.calls = 0;
	side->port.clock_fails = which == CLOCK ? n : 0;
	side->port.element_fails = which == ELEMENT ? n : 0;
	side->d.store.fail_at = which == STORE ? n : 0;
}

static int calls_of(const struct side *side, int which)
{
	return which == CLOCK     ? side->port.clock_calls
	       : which == ELEMENT ? side->port.element_calls
				  : side->d.store.calls;
}

/* Commands among messages; one of them asks the element. */
static void stream_with_commands(struct twins *w, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct slot *slot = &w->batch.slots[i];
		uint8_t plain[E4_COMMAND_MAX], c2_public[32];

		if (i % 7 == 3) {
			command_message(w, slot, T0 - 500 + i);
		} else if (i == n - 2 && w->batch.d.c.cfg.mode != &e4_mode_sk) {
			e4_x25519_base(c2_public, key_of(4).bytes);
			slot->topic = world_control(&w->batch.d);
			slot->len = e4_encode_set_c2_key(plain, c2_public);
			e4_message_seal(slot->in, w->batch.d.c.control_key, T0, plain, slot->len);
			slot->len += E4_OVERHEAD_SK;
		} else {
			sealed_message(w, slot);
		}
		memset(slot->out, 0x55, sizeof slot->out);
		slot->cap = sizeof slot->out;
	}
}

/* True if the n-th call came, and failed. */
static bool fail_a_batch(const struct e4_mode *mode, bool protect, int which, int n)
{
	enum { N = 36 }; /* more than are worked on at once */
	static struct twins w;
	bool came;

	twins_init(&w, mode, 2);
	if (protect)
		for (size_t i = 0; i < N; i++)
			plain_message(&w, &w.batch.slots[i]);
	else
		stream_with_commands(&w, N);
	fail_nth(&w.batch, which, n);
	fail_nth(&w.single, which, n);
	(protect ? protect_on_both_sides : unprotect_on_both_sides)(&w, N);
	CHECK_EQ(calls_of(&w.batch, which), calls_of(&w.single, which));
	came = calls_of(&w.batch, which) >= n;
	twins_free(&w);
	return came;
}

/* So the message that meets the failure is refused, and all others are not touched by it. */
static void whichever_call_fails_a_batch_is_the_same_as_one_by_one(void)
{
	int failed[CALLBACKS] = {0};

	for (int m = 0; m < MODES; m++)
		for (int which = 0; which < CALLBACKS; which++)
			for (int protect = 0; protect < 2; protect++)
				for (int n = 1; fail_a_batch(modes[m], protect, which, n); n++)
					failed[which]++;
	fprintf(stderr, "  failed: %d of the clock, %d of the element, %d of the store\n",
		failed[CLOCK], failed[ELEMENT], failed[STORE]);
	CHECK(failed[CLOCK] > 100);
	CHECK(failed[ELEMENT] > 20);
	CHECK(failed[STORE] > 20);
	all_seen((const enum e4_result[]){E4_OK, E4_COMMAND, E4_ERR_NO_TIME, E4_ERR_ELEMENT,
					  E4_ERR_STORE},
		 5);
}

/* Else equality above could be that of refusals. */
static void a_batch_comes_back(void)
{
	static struct twins w;

	for (int m = 0; m < MODES; m++) {
		twins_init(&w, modes[m], 2);
		for (size_t i = 0; i < MAX_MESSAGES; i++) {
			struct slot *slot = &w.batch.slots[i];
			sealed_message(&w, slot);
			slot->cap = sizeof slot->out;
		}
		w.batch.d.now = T0 + 9;
		copy_messages(&w, MAX_MESSAGES);
		w.batch.d.c.cfg.n_seen = 0;
		e4_unprotect_batch(&w.batch.d.c, w.batch.messages, MAX_MESSAGES);
		for (size_t i = 0; i < MAX_MESSAGES; i++) {
			const struct e4_message *got = &w.batch.messages[i];
			CHECK_EQ(got->result, E4_OK);
			CHECK_EQ(got->out_len + e4_overhead(&w.batch.d.c), got->len);
		}
		twins_free(&w);
	}
}

static void nobody_gets_nothing(void)
{
	static struct twins w;
	struct e4_config cfg;

	twins_init(&w, &e4_mode_sk, 2);
	sealed_message(&w, &w.batch.slots[0]);
	copy_messages(&w, 1);
	cfg = w.batch.d.c.cfg;
	CHECK_EQ(e4_init(&w.batch.d.c, &cfg), E4_OK);
	e4_unprotect_batch(&w.batch.d.c, w.batch.messages, 1);
	CHECK_EQ(w.batch.messages[0].result, E4_ERR_NO_STATE);
	e4_protect_batch(&w.batch.d.c, NULL, 0);
	e4_unprotect_batch(&w.batch.d.c, NULL, 0);
	twins_free(&w);
}

int main(void)
{
	RUN(protecting_in_batches_is_the_same);
	RUN(unprotecting_in_batches_is_the_same);
	RUN(whichever_call_fails_a_batch_is_the_same_as_one_by_one);
	RUN(a_batch_comes_back);
	RUN(nobody_gets_nothing);
	return END();
}
