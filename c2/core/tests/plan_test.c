/* Plans as tables: a row and a time in, commands and a row out. No database, no bus. */
#include <stdlib.h>

#include "c2/core/plan.h"
#include "c2/core/plan_parts.h"
#include "tests/check.h"

enum { NOW = 1800000000 };

/* One client with up to 4 topics and 4 peers, told apart by the first byte of their names. */
struct scene {
	struct plan_view v;
	struct plan_topic topics[4];
	struct plan_peer peers[4];
	struct plan_input in;
};

static void scene(struct scene *s)
{
	memset(s, 0, sizeof *s);
	s->v.topics = s->topics;
	s->v.peers = s->peers;
	s->v.revision = 100;
	s->v.n_keys = s->v.n_c2 = 1;
	s->v.key_revs[0] = 1;
	s->v.control[0][0] = 1;
	s->v.row.id = 7;
	s->v.row.key_rev = 1;
	s->v.row.next_at = NOW;
	s->in = (struct plan_input){.now = NOW,
				    .receipt_wait_s = 10,
				    .retry_max_s = 3600,
				    .legacy_max_s = 86400,
				    .announce_gap_s = 30,
				    .jitter = 128,
				    .room = 1000};
	memset(s->in.nonce, 9, sizeof s->in.nonce);
}

static void add_topic(struct scene *s, char name, enum plan_wish wish, int64_t rev)
{
	struct plan_topic *t = &s->topics[s->v.n_topics++];

	t->hash[0] = (uint8_t)name;
	t->key[0] = (uint8_t)name;
	t->wish = wish;
	t->rev = rev;
}

static void add_peer(struct scene *s, char name, enum plan_wish wish, int64_t rev)
{
	struct plan_peer *t = &s->peers[s->v.n_peers++];

	t->e4id[0] = (uint8_t)name;
	t->public_key[0] = (uint8_t)name;
	t->wish = wish;
	t->rev = rev;
}

static void two_keys(struct scene *s, int64_t rev)
{
	s->v.n_keys = 2;
	s->v.key_revs[1] = s->v.row.key_rev = rev;
	s->v.row.n_old_keys = 1;
	s->v.control[1][0] = 2;
}

/* "set a@-2 ask@-2": commands with what they touch and their stamp relative to now. */
static const char *words(const struct plan *p)
{
	static char text[1024];
	static const char *const names[] = {"drop",       "reset", "id", "set", "droppeer",
					    "resetpeers", "peer",  "c2", "ask"};
	size_t n = 0;

	text[0] = 0;
	for (size_t i = 0; i < p->n; i++) {
		const struct plan_command *c = &p->commands[i];
		uint8_t k = c->bytes[0];
		size_t at = k == E4_SET_TOPIC_KEY || k == E4_SET_PUBKEY ? 33 : 1;
		bool named = k == E4_REMOVE_TOPIC || k == E4_SET_TOPIC_KEY ||
			     k == E4_REMOVE_PUBKEY || k == E4_SET_PUBKEY;

		n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? " " : "", names[k]);
		if (named)
			n += (size_t)snprintf(text + n, sizeof text - n, " %c", c->bytes[at]);
		if (k == E4_REPORT_STATE && c->bytes[17])
			n += (size_t)snprintf(text + n, sizeof text - n, "list");
		n += (size_t)snprintf(text + n, sizeof text - n, "@%lld",
				      (long long)c->stamp - NOW);
	}
	return text;
}

static void due(struct scene *s, struct plan *p, const char *expected, int line)
{
	plan_init(p, &s->v);
	plan_due(p, &s->v, &s->in);
	check_str(words(p), expected, __FILE__, line, "the commands");
}
#define DUE(expected) due(&s, &p, expected, __LINE__)

/* The next decision sees what this one wrote. */
static void keep(struct scene *s, struct plan *p)
{
	s->v.row = p->row;
	plan_free(p);
}

static void what_is_new_goes_out_once(void)
{
	struct scene s;
	struct plan p;

	scene(&s);
	s.v.row.sent_rev = s.v.row.confirmed_rev = 5;
	add_topic(&s, 'a', PLAN_HOLD, 4);
	add_topic(&s, 'b', PLAN_HOLD, 6);
	add_topic(&s, 'c', PLAN_DROP, 7);
	add_topic(&s, 'd', PLAN_WITHHELD, 3);
	DUE("set b@-2 drop c@-2 ask@-2");
	CHECK_EQ(p.row.sent_rev, 100);
	CHECK_EQ(p.row.confirmed_rev, 5);
	CHECK_EQ(p.row.asked_at, NOW);
	CHECK_EQ(p.row.next_at, NOW + 10);
	CHECK_EQ(p.row.last_stamp, NOW - 2);
	keep(&s, &p);
	/* Looked at too early: nothing. */
	s.in.now += 3;
	DUE("");
	CHECK_EQ(p.row.next_at, NOW + 10);
	keep(&s, &p);
	/* Something newer meanwhile: only that. */
	s.topics[0].rev = 101;
	s.v.revision = 101;
	DUE("set a@1 ask@1");
	CHECK_EQ(p.row.asked_at, NOW);
	keep(&s, &p);
	/* No receipt: all that is not confirmed. */
	s.in.now = NOW + 10;
	DUE("set b@8 drop c@8 set a@8 ask@8");
	CHECK_EQ(p.row.attempts, 1);
	CHECK_EQ(p.row.reason, REASON_SENT);
	CHECK_EQ(p.row.next_at, NOW + 30);
	keep(&s, &p);
	s.in.now = NOW + 30;
	DUE("set b@28 drop c@28 set a@28 ask@28");
	CHECK_EQ(p.row.reason, REASON_SILENT);
	plan_free(&p);
}

/* Silent to three sends: from here on it is away. */
static void away(struct scene *s)
{
	struct plan p;

	scene(s);
	s->v.row.last_seen = NOW - 5000;
	s->v.row.sent_rev = s->v.row.confirmed_rev = 5;
	add_topic(s, 'a', PLAN_HOLD, 6);
	add_topic(s, 'b', PLAN_HOLD, 4);
	for (int i = 0; i < 3; i++) {
		CHECK(!plan_is_away(&s->v.row));
		plan_init(&p, &s->v);
		plan_due(&p, &s->v, &s->in);
		CHECK_EQ(p.n, 2);
		keep(s, &p);
		s->in.now = s->v.row.next_at;
	}
	CHECK(plan_is_away(&s->v.row));
	CHECK_EQ(s->v.row.sent_rev, 100);
}

static void who_is_away_is_only_asked_with_growing_pauses(void)
{
	static const int64_t at[] = {70, 150, 310, 630, 1270, 2550, 5110, 8710, 12310};
	struct scene s;
	struct plan p;
	char expected[32];

	away(&s);
	/* Topics are not even looked at, and a rotation changes nothing. */
	s.v.n_topics = 0;
	s.v.revision = 101;
	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		CHECK_EQ(s.v.row.next_at, NOW + at[i]);
		s.in.now = s.v.row.next_at;
		snprintf(expected, sizeof expected, "ask@%d", (int)at[i] - 2);
		DUE(expected);
		CHECK_EQ(p.row.confirmed_rev, 5);
		CHECK_EQ(p.row.sent_rev, 100);
		CHECK(p.row.behind_since && plan_is_away(&p.row));
		keep(&s, &p);
	}
	/* Something else changed for it: a question at once, and its pause stays long. */
	s.in.now += 60;
	DUE("ask@12368");
	CHECK_EQ(p.row.next_at, s.in.now + 3600);
	CHECK_EQ(p.row.attempts, 11);
	plan_free(&p);
}

static void a_sign_of_life_of_who_was_away_brings_all_of_it(void)
{
	enum { ANSWERS, ANNOUNCES, SEEN, SIGNS };
	struct e4_receipt r = {.stamp = NOW + 120};

	for (int sign = 0; sign < SIGNS; sign++) {
		struct scene s;
		struct plan p;

		away(&s);
		s.in.now = NOW + 70;
		DUE("ask@68");
		keep(&s, &p);
		s.topics[1].rev = s.v.revision = 101;
		s.in.now = NOW + 120;
		plan_init(&p, &s.v);
		if (sign == ANSWERS)
			plan_receipt(&p, &s.v, &s.in, &r, 0, 0);
		else
			CHECK(sign == ANNOUNCES ? plan_announced(&p, &s.v, &s.in)
						: plan_seen(&p, &s.v, &s.in));
		CHECK_EQ(p.row.next_at, s.in.now);
		keep(&s, &p);
		DUE("set a@118 set b@118 ask@118");
		CHECK(!plan_is_away(&p.row));
		CHECK(p.row.next_at <= s.in.now + 10);
		plan_free(&p);
	}
}

/* It may have taken what was sent, and its receipts were lost. */
static void who_was_away_may_hold_all_of_it(void)
{
	struct scene s;
	struct plan p;
	struct e4_receipt r = {.stamp = NOW + 70};

	away(&s);
	s.in.now = NOW + 70;
	DUE("ask@68");
	keep(&s, &p);
	plan_digest(&s.v, r.digest);
	plan_init(&p, &s.v);
	plan_receipt(&p, &s.v, &s.in, &r, 0, 0);
	CHECK_EQ(p.row.confirmed_rev, 100);
	CHECK(!plan_is_away(&p.row));
	plan_free(&p);
}

/* A reset that was sent before is not sent as such again. */
static void a_reset_before_it_went_away_is_not_repeated(void)
{
	struct scene s;
	struct plan p;
	struct e4_receipt r = {.stamp = NOW + 70};

	away(&s);
	s.v.row.reset_rev = 50;
	s.topics[0].wish = s.topics[1].wish = PLAN_WITHHELD;
	s.in.now = NOW + 70;
	DUE("ask@68");
	keep(&s, &p);
	plan_init(&p, &s.v);
	plan_receipt(&p, &s.v, &s.in, &r, 0, 0);
	keep(&s, &p);
	DUE("drop a@69 drop b@69 ask@69");
	plan_free(&p);
}

/* It may give no receipts: nothing but the sending can reach it. */
static void who_has_never_answered_is_sent_all_each_time(void)
{
	struct scene s;
	struct plan p;

	away(&s);
	s.v.row.last_seen = 0;
	for (int i = 0; i < 12; i++) {
		s.in.now = s.v.row.next_at;
		plan_init(&p, &s.v);
		plan_due(&p, &s.v, &s.in);
		CHECK_EQ(p.n, 2);
		CHECK_EQ(p.commands[0].bytes[0], E4_SET_TOPIC_KEY);
		keep(&s, &p);
	}
	CHECK_EQ(s.v.row.reason, REASON_SILENT);
}

static void pauses_grow_to_the_longest(void)
{
	static const int64_t pauses[] = {10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600};
	struct scene s;
	struct store_client *row = &s.v.row;

	scene(&s);
	row->last_seen = NOW - 1;
	for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
		row->attempts = (int32_t)i;
		CHECK_EQ(plan_pause(&s.in, row), pauses[i]);
		for (int j = 0; j < 256; j++) {
			s.in.jitter = (uint8_t)j;
			CHECK(plan_pause_jitter(&s.in, row) * 8 >= pauses[i] * 6);
			CHECK(plan_pause_jitter(&s.in, row) * 8 <= pauses[i] * 9);
		}
	}
	row->attempts = INT32_MAX;
	CHECK_EQ(plan_pause(&s.in, row), 3600);
	/* One that has never answered may be one that never will. */
	row->last_seen = 0;
	CHECK_EQ(plan_pause(&s.in, row), 86400);
	row->attempts = 10;
	CHECK_EQ(plan_pause(&s.in, row), 10240);
}

static void who_shall_hold_nothing_new_is_left_alone(void)
{
	struct scene s;
	struct plan p;

	scene(&s);
	s.v.row.sent_rev = s.v.row.confirmed_rev = 50;
	add_topic(&s, 'a', PLAN_HOLD, 50);
	DUE("");
	CHECK_EQ(p.row.next_at, 0);
	keep(&s, &p);
	/* Asked because of an announcement, and no answer: three times, then no more. */
	s.v.row.reason = REASON_ANNOUNCED;
	for (int i = 0; i < 3; i++) {
		plan_init(&p, &s.v);
		plan_due(&p, &s.v, &s.in);
		CHECK_EQ(p.n, 1);
		keep(&s, &p);
		s.in.now = s.v.row.next_at;
	}
	DUE("");
	CHECK_EQ(p.row.next_at, 0);
	CHECK_EQ(p.row.asked_at, 0);
	plan_free(&p);
}

static void a_reset_comes_before_what_follows_it(void)
{
	struct scene s;
	struct plan p;

	scene(&s);
	s.v.pubkey = true;
	s.v.row.reset_rev = 10;
	s.v.row.reset_peers_rev = 11;
	s.v.row.sent_rev = s.v.row.confirmed_rev = 9;
	add_topic(&s, 'a', PLAN_WITHHELD, 4);
	add_topic(&s, 'b', PLAN_HOLD, 12);
	add_topic(&s, 'c', PLAN_DROP, 8);
	add_peer(&s, 'p', PLAN_HOLD, 13);
	add_peer(&s, 'q', PLAN_WITHHELD, 3);
	DUE("reset@-2 resetpeers@-2 set b@-1 peer p@-1 ask@-1");
	CHECK_EQ(p.row.last_stamp, NOW - 1);
	keep(&s, &p);
	/* Repeated it removes what it stood for, one by one: no keys are lost in between. */
	s.in.now = NOW + 10;
	DUE("drop a@8 drop c@8 droppeer q@8 set b@8 peer p@8 ask@8");
	plan_free(&p);
}

static void keys_go_out_under_every_key_that_may_be_held(void)
{
	struct scene s;
	struct plan p;

	scene(&s);
	two_keys(&s, 20);
	s.v.row.sent_rev = s.v.row.confirmed_rev = 10;
	add_topic(&s, 'a', PLAN_HOLD, 15);
	DUE("set a@-2 id@-2 ask@-2");
	/* SetIDKey under the old one only. */
	CHECK_EQ(plan_messages(&p, &s.v), 5);
	CHECK(plan_hears(&s.v, 0, &p.commands[1]));
	CHECK(!plan_hears(&s.v, 1, &p.commands[1]));
	plan_free(&p);
	/* PK with an old C2 key besides: each pair. */
	s.v.pubkey = true;
	s.v.n_c2 = 2;
	s.v.c2_revs[0] = 2;
	s.v.c2_revs[1] = 30;
	DUE("set a@-2 id@-2 c2@-2 ask@-2");
	CHECK_EQ(plan_messages(&p, &s.v), 4 + 2 + 2 + 4);
	for (size_t k = 0; k < 4; k++) {
		CHECK_EQ(plan_hears(&s.v, k, &p.commands[1]), k < 2);      /* old client key */
		CHECK_EQ(plan_hears(&s.v, k, &p.commands[2]), k % 2 == 0); /* old C2 key */
	}
	plan_free(&p);
}

static void a_batch_ends_where_the_room_does(void)
{
	struct scene s;
	struct plan p;

	scene(&s);
	for (int i = 0; i < 4; i++)
		add_topic(&s, (char)('a' + i), PLAN_HOLD, 14 - i);
	s.in.room = 0;
	plan_init(&p, &s.v);
	plan_due(&p, &s.v, &s.in);
	CHECK_EQ(p.verdict, PLAN_NO_ROOM);
	plan_free(&p);
	s.in.room = 3;
	DUE("set d@-2 set c@-2 set b@-2");
	CHECK_EQ(p.row.sent_rev, 13);
	CHECK_EQ(p.row.next_at, NOW);
	CHECK_EQ(p.row.asked_at, 0);
	keep(&s, &p);
	DUE("set a@-1 ask@-1");
	CHECK_EQ(p.row.sent_rev, 100);
	plan_free(&p);
}

static void stamps_never_run_ahead_and_never_back(void)
{
	static const struct {
		int64_t last, offset; /* last: relative to now */
		const char *commands;
		int64_t next;
	} cases[] = {
		{-1000, 0, "set a@-2 ask@-2", 10},
		{-2, 0, "set a@-1 ask@-1", 10},
		{-1, 0, "set a@0 ask@0", 10},
		{0, 0, "", 1}, /* would be ahead: waits */
		{59, 0, "", 60},
		/* Far ahead: it goes out for a device without a clock, and is asked in our time
		   too. */
		{60, 0, "set a@61 ask@61 ask@-2", 10},
		{1000, 0, "set a@1001 ask@1001 ask@-2", 10},
		/* A small offset is no wrong clock, a large one is followed. */
		{-1000, 30, "set a@-2 ask@-2", 10},
		{-1000, 31, "set a@29 ask@29 ask@-2", 10},
		{-1000, 86400, "set a@86398 ask@86398 ask@-2", 10},
		{-100000, -86400, "set a@-86402 ask@-86402 ask@-2", 10},
		{-2, -86400, "set a@-1 ask@-1", 10},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct scene s;
		struct plan p;

		scene(&s);
		add_topic(&s, 'a', PLAN_HOLD, 5);
		s.v.row.last_stamp = (uint64_t)(NOW + cases[i].last);
		s.v.row.clock_offset = cases[i].offset;
		DUE(cases[i].commands);
		CHECK_EQ(p.row.next_at, NOW + cases[i].next);
		CHECK(p.row.last_stamp >= s.v.row.last_stamp);
		plan_free(&p);
	}
}

static void a_hint_of_the_clock_is_asked_but_not_believed(void)
{
	struct scene s;
	struct plan p;

	scene(&s);
	add_topic(&s, 'a', PLAN_HOLD, 5);
	s.in.hint_s = -86400;
	DUE("set a@-2 ask@-2 ask@-86402");
	CHECK_EQ(p.row.last_stamp, NOW - 2);
	/* The nonces tell which question was answered. */
	CHECK_EQ(plan_nonce_matches(&p.row, p.commands[1].bytes + 1), 0);
	CHECK_EQ(plan_nonce_matches(&p.row, p.commands[2].bytes + 1), 2);
	plan_free(&p);
}

static void nonces_match_only_what_was_asked(void)
{
	struct store_client row = {.asked_at = 0};
	uint8_t nonce[16];

	memset(row.nonce, 5, 16);
	memcpy(nonce, row.nonce, 16);
	CHECK_EQ(plan_nonce_matches(&row, nonce), -1);
	row.asked_at = NOW;
	CHECK_EQ(plan_nonce_matches(&row, nonce), 0);
	for (int bit = 0; bit < 128; bit++) {
		nonce[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CHECK_EQ(plan_nonce_matches(&row, nonce), bit == 120 ? 1 : bit == 121 ? 2 : -1);
		nonce[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

/* --- receipts ------------------------------------------------------------------------------------
 */

struct answer {
	struct e4_receipt r;
	uint8_t entries[8][E4_RECEIPT_ENTRY];
};

static void answer(struct answer *a, const struct scene *s)
{
	memset(a, 0, sizeof *a);
	a->r.stamp = (uint64_t)s->in.now;
	plan_digest(&s->v, a->r.digest);
	a->r.entries = a->entries[0];
	a->r.flags = E4_RECEIPT_HAS_ENTRIES;
}

static void entry(struct answer *a, char name, char key)
{
	uint8_t k[32] = {(uint8_t)key};

	a->entries[a->r.n_entries][0] = (uint8_t)name;
	e4_receipt_key_hash(a->entries[a->r.n_entries++] + 16, k);
}

static void receipt(struct scene *s, struct plan *p, const struct answer *a, size_t control,
		    int question, const char *expected, int line)
{
	plan_init(p, &s->v);
	plan_receipt(p, &s->v, &s->in, &a->r, control, question);
	check_str(words(p), expected, __FILE__, line, "the commands");
}
#define RECEIPT(control, question, expected)                                                       \
	receipt(&s, &p, &a, (control), (question), (expected), __LINE__)

static void asked(struct scene *s)
{
	s->v.row.asked_at = NOW;
	s->v.row.sent_rev = 100;
	s->v.row.last_stamp = NOW - 2;
	s->v.row.attempts = 4;
	s->v.row.reason = REASON_SENT;
	s->in.now = NOW + 1;
}

static void an_equal_digest_confirms(void)
{
	struct scene s;
	struct plan p;
	struct answer a;

	scene(&s);
	add_topic(&s, 'a', PLAN_HOLD, 5);
	add_topic(&s, 'b', PLAN_DROP, 6);
	asked(&s);
	answer(&a, &s);
	RECEIPT(0, 0, "");
	CHECK(p.confirmed);
	CHECK_EQ(p.row.confirmed_rev, 100);
	CHECK_EQ(p.row.next_at, 0);
	CHECK_EQ(p.row.asked_at, 0);
	CHECK_EQ(p.row.attempts, 0);
	CHECK_EQ(p.row.last_seen, NOW + 1);
	CHECK_EQ(p.row.clock_offset, 0);
	plan_free(&p);
}

static void who_was_rid_of_something_is_asked_once_more(void)
{
	struct scene s;
	struct plan p;
	struct answer a;

	scene(&s);
	add_topic(&s, 'a', PLAN_HOLD, 5);
	add_topic(&s, 'b', PLAN_DROP, 6);
	s.v.has_removed = true;
	asked(&s);
	answer(&a, &s);
	RECEIPT(0, 0, "");
	CHECK(p.confirmed);
	CHECK_EQ(p.row.next_at, NOW + 1 + E4_VALIDITY_S + E4_FUTURE_S);
	keep(&s, &p);
	s.v.n_topics = 1;
	s.v.has_removed = false;
	/* Not before nothing old can be taken, and then until an answer came. */
	s.in.now = s.v.row.next_at - 1;
	DUE("");
	CHECK_EQ(p.row.next_at, NOW + 1 + E4_VALIDITY_S + E4_FUTURE_S);
	keep(&s, &p);
	s.in.now = s.v.row.next_at;
	plan_init(&p, &s.v);
	plan_due(&p, &s.v, &s.in);
	CHECK_EQ(p.n, 1);
	keep(&s, &p);
	answer(&a, &s);
	RECEIPT(0, 0, "");
	CHECK(p.confirmed);
	CHECK_EQ(p.row.next_at, 0);
	plan_free(&p);
}

static void a_receipt_under_an_old_key_confirms_only_that_key(void)
{
	struct scene s;
	struct plan p;
	struct answer a;

	scene(&s);
	two_keys(&s, 20);
	add_topic(&s, 'a', PLAN_HOLD, 5);
	asked(&s);
	answer(&a, &s);
	RECEIPT(0, 0, "");
	CHECK(!p.confirmed);
	CHECK_EQ(p.drop_keys_before, 0);
	CHECK_EQ(p.row.n_old_keys, 1);
	CHECK_EQ(p.row.reason, REASON_OLD_KEY);
	CHECK_EQ(p.row.next_at, NOW + 1);
	keep(&s, &p);
	s.v.row.confirmed_rev = 0;
	DUE("set a@-1 id@-1 ask@-1");
	keep(&s, &p);
	/* Again under the old key: slower. */
	s.in.now += 2;
	RECEIPT(0, 0, "");
	CHECK(p.row.next_at > s.in.now + 5);
	plan_free(&p);
	/* Under the new one: the old one goes, and so does the private key. */
	s.v.row.private_key.len = 80;
	RECEIPT(1, 0, "");
	CHECK(p.confirmed && p.key_confirmed);
	CHECK_EQ(p.drop_keys_before, 20);
	CHECK_EQ(p.row.n_old_keys, 0);
	CHECK_EQ(p.row.private_key.len, 0);
	plan_free(&p);
}

static void what_differs_is_asked_for_then_repaired(void)
{
	struct scene s;
	struct plan p;
	struct answer a;

	scene(&s);
	add_topic(&s, 'b', PLAN_HOLD, 5);
	add_topic(&s, 'c', PLAN_DROP, 6);
	add_topic(&s, 'd', PLAN_HOLD, 7);
	add_topic(&s, 'e', PLAN_WITHHELD, 1);
	asked(&s);
	answer(&a, &s);
	a.r.digest[0] ^= 1;
	a.r.flags = 0;
	RECEIPT(0, 0, "");
	CHECK_EQ(p.row.reason, REASON_DIFFERS);
	CHECK_EQ(p.row.next_at, NOW + 1);
	keep(&s, &p);
	DUE("asklist@-1");
	keep(&s, &p);
	a.r.flags = E4_RECEIPT_HAS_ENTRIES;
	entry(&a, 'a', 'a');
	entry(&a, 'b', 'x');
	entry(&a, 'c', 'c');
	entry(&a, 'e', 'e');
	RECEIPT(0, 0, "drop a@0 set b@0 drop c@0 set d@0 drop e@0 asklist@0");
	CHECK_EQ(p.row.reason, REASON_REPAIRED_TOPICS);
	keep(&s, &p);
	/* It did not help: slower and slower. */
	s.in.now += 1;
	RECEIPT(0, 0, "");
	CHECK_EQ(p.row.reason, REASON_STUCK);
	CHECK(p.row.next_at >= s.in.now + 9);
	CHECK_EQ(p.row.attempts, 1);
	keep(&s, &p);
	s.in.now = s.v.row.next_at;
	plan_init(&p, &s.v);
	plan_due(&p, &s.v, &s.in);
	CHECK_EQ(p.n, 1);
	CHECK_EQ(p.row.reason, REASON_DIFFERS);
	plan_free(&p);
}

static void a_list_that_was_cut_is_repaired_before_it_starts_over(void)
{
	struct scene s;
	struct plan p;
	struct answer a;

	scene(&s);
	add_topic(&s, 'b', PLAN_HOLD, 5);
	asked(&s);
	s.v.row.confirmed_rev = 100;
	s.v.row.reason = REASON_DIFFERS;
	answer(&a, &s);
	a.r.digest[0] ^= 1;
	a.r.flags = E4_RECEIPT_HAS_ENTRIES | E4_RECEIPT_CUT;
	add_topic(&s, 'd', PLAN_HOLD, 6);
	/* What is listed and wrong, and what may be missing behind the list. */
	entry(&a, 'a', 'a');
	entry(&a, 'b', 'b');
	RECEIPT(0, 0, "drop a@-1 set d@-1 asklist@-1");
	CHECK_EQ(p.row.reason, REASON_REPAIRED_TOPICS);
	keep(&s, &p);
	/* So it holds something more that nobody can name. */
	s.in.now++;
	RECEIPT(0, 0, "reset@0");
	CHECK_EQ(p.row.confirmed_rev, 0);
	keep(&s, &p);
	s.in.now++;
	DUE("set b@1 set d@1 ask@1");
	CHECK_EQ(p.row.reason, REASON_REPAIRED_PEERS);
	keep(&s, &p);
	RECEIPT(0, 0, "");
	CHECK_EQ(p.row.reason, REASON_STUCK);
	plan_free(&p);
}

/* The first step of a repair leaves no stamp for the second, again and again. */
static void a_repair_that_waits_for_its_stamp_goes_on_where_it_was(void)
{
	struct scene s;
	struct plan p;
	struct answer a;

	scene(&s);
	add_topic(&s, 'b', PLAN_HOLD, 5);
	asked(&s);
	s.v.row.reason = REASON_DIFFERS;
	s.v.row.last_stamp = NOW;
	answer(&a, &s);
	a.r.digest[0] ^= 1;
	a.r.flags = E4_RECEIPT_HAS_ENTRIES | E4_RECEIPT_CUT;
	RECEIPT(0, 0, "set b@1 asklist@1");
	keep(&s, &p);
	RECEIPT(0, 0, "");
	CHECK_EQ(p.row.reason, REASON_REPAIRED_TOPICS);
	CHECK_EQ(p.row.next_at, s.in.now + 1);
	keep(&s, &p);
	s.in.now++;
	DUE("asklist@1");
	CHECK_EQ(p.row.reason, REASON_REPAIRED_TOPICS);
	keep(&s, &p);
	RECEIPT(0, 0, "reset@2");
	CHECK_EQ(p.row.reason, REASON_REPAIRED_PEERS);
	plan_free(&p);
	/* A question that is not answered starts it again. */
	s.in.now += 20;
	s.v.row.attempts = 0;
	DUE("asklist@20");
	CHECK_EQ(p.row.reason, REASON_DIFFERS);
	plan_free(&p);
}

static void a_device_that_lists_nothing_is_sent_all_of_it(void)
{
	struct scene s;
	struct plan p;
	struct answer a;

	scene(&s);
	s.v.pubkey = true;
	s.v.c2_revs[0] = 1;
	add_topic(&s, 'b', PLAN_HOLD, 5);
	add_topic(&s, 'c', PLAN_HOLD, 6);
	add_peer(&s, 'p', PLAN_HOLD, 7);
	asked(&s);
	s.v.row.reason = REASON_DIFFERS;
	answer(&a, &s);
	a.r.digest[0] ^= 1;
	a.r.flags = 0;
	RECEIPT(0, 0, "set b@-1 set c@-1 peer p@-1 asklist@-1");
	CHECK_EQ(p.row.reason, REASON_REPAIRED_TOPICS);
	plan_free(&p);
	/* More than there is room for: in batches, by their revisions; and it lists again then. */
	s.in.room = 3;
	RECEIPT(0, 0, "");
	CHECK_EQ(p.row.sent_rev, 0);
	CHECK_EQ(p.row.reason, REASON_REPAIRED_TOPICS);
	keep(&s, &p);
	DUE("set b@-1 set c@-1 peer p@-1 asklist@-1");
	CHECK_EQ(p.row.reason, REASON_REPAIRED_TOPICS);
	plan_free(&p);
	/* Nothing is wanted of it, so it holds too much: there is nothing to send in batches. */
	s.v.n_topics = s.v.n_peers = 0;
	s.v.row.reason = REASON_DIFFERS;
	s.in.room = 1;
	for (int i = 0; i < 3; i++)
		entry(&a, (char)('a' + i), 'a');
	a.r.flags = E4_RECEIPT_HAS_ENTRIES | E4_RECEIPT_CUT;
	RECEIPT(0, 0, "reset@-1 resetpeers@-1");
	CHECK_EQ(p.row.reason, REASON_REPAIRED_PEERS);
	plan_free(&p);
}

static void peers_are_sent_before_all_of_them_are_taken_away(void)
{
	struct scene s;
	struct plan p;
	struct answer a;

	scene(&s);
	s.v.pubkey = true;
	s.v.c2_revs[0] = 1;
	add_topic(&s, 'b', PLAN_HOLD, 5);
	add_peer(&s, 'p', PLAN_HOLD, 6);
	add_peer(&s, 'q', PLAN_DROP, 7);
	asked(&s);
	s.v.row.reason = REASON_DIFFERS;
	answer(&a, &s);
	a.r.digest[0] ^= 1;
	a.r.n_pubkeys = 1;
	entry(&a, 'b', 'b');
	RECEIPT(0, 0, "peer p@-1 droppeer q@-1 asklist@-1");
	keep(&s, &p);
	s.in.now++;
	RECEIPT(0, 0, "resetpeers@0 peer p@1 asklist@1");
	CHECK_EQ(p.row.reason, REASON_REPAIRED_PEERS);
	plan_free(&p);
	/* It has more than it shall: one of them is unknown. */
	a.r.n_pubkeys = 2;
	s.v.row.reason = REASON_DIFFERS;
	RECEIPT(0, 0, "resetpeers@0 peer p@1 asklist@1");
	plan_free(&p);
}

static void in_pubkey_mode_peers_are_repaired_when_topics_agree(void)
{
	struct scene s;
	struct plan p;
	struct answer a;

	scene(&s);
	s.v.pubkey = true;
	s.v.c2_revs[0] = 1;
	add_topic(&s, 'b', PLAN_HOLD, 5);
	add_peer(&s, 'p', PLAN_HOLD, 6);
	add_peer(&s, 'q', PLAN_DROP, 7);
	asked(&s);
	s.v.row.reason = REASON_DIFFERS;
	answer(&a, &s);
	a.r.digest[0] ^= 1;
	entry(&a, 'b', 'x');
	RECEIPT(0, 0, "set b@-1 asklist@-1");
	keep(&s, &p);
	a.r.n_entries = 0;
	entry(&a, 'b', 'b');
	s.in.now++;
	RECEIPT(0, 0, "resetpeers@0 peer p@1 asklist@1");
	CHECK_EQ(p.row.reason, REASON_REPAIRED_PEERS);
	plan_free(&p);
}

static void news_on_their_way_come_before_any_repair(void)
{
	struct scene s;
	struct plan p;
	struct answer a;

	scene(&s);
	add_topic(&s, 'b', PLAN_HOLD, 101);
	asked(&s);
	answer(&a, &s);
	a.r.digest[0] ^= 1;
	RECEIPT(0, 0, "");
	CHECK_EQ(p.row.next_at, NOW + 1);
	CHECK_EQ(p.row.attempts, 0);
	keep(&s, &p);
	DUE("set b@-1 ask@-1");
	plan_free(&p);
}

static void clocks_are_learnt_from_answers(void)
{
	static const struct {
		int64_t asked, now, device, offset;
	} cases[] = {
		{0, 1, 1, 0},         {0, 1, 0, 0},
		{0, 5000, 2500, 0}, /* the receipt waited somewhere */
		{0, 1, 86401, 86400}, {0, 1, -86400, -86400},
		{0, 5000, -10, -10},  {100, 1, 1, 0}, /* our clock stepped back */
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct scene s;
		struct plan p;
		struct answer a;

		scene(&s);
		add_topic(&s, 'b', PLAN_HOLD, 5);
		asked(&s);
		s.v.row.asked_at = NOW + cases[i].asked;
		s.in.now = NOW + cases[i].now;
		answer(&a, &s);
		a.r.stamp = (uint64_t)(NOW + cases[i].device);
		RECEIPT(0, 0, "");
		CHECK_EQ(p.row.clock_offset, cases[i].offset);
		CHECK_EQ(p.row.last_stamp, s.v.row.last_stamp);
		plan_free(&p);
		/* A stamp beyond all sense teaches nothing. */
		a.r.stamp = UINT64_MAX;
		RECEIPT(0, 0, "");
		CHECK_EQ(p.row.clock_offset, 0);
		CHECK(p.confirmed);
		plan_free(&p);
	}
}

static void only_an_answer_to_a_lower_stamp_lowers_the_last_one(void)
{
	for (int question = 0; question < 3; question++) {
		struct scene s;
		struct plan p;
		struct answer a;

		scene(&s);
		asked(&s);
		s.v.row.last_stamp = NOW + 1000000;
		answer(&a, &s);
		RECEIPT(0, question, "");
		CHECK_EQ(p.row.last_stamp, question ? s.in.now : NOW + 1000000);
		CHECK_EQ(p.stamp_lowered, question != 0);
		plan_free(&p);
	}
}

/* --- announcements --------------------------------------------------------------------------- */

static void announcements_ask_once_in_a_while(void)
{
	static const struct {
		int64_t asked, seen, next; /* relative to now; INT64_MIN: 0 */
		int32_t reason;
		bool writes;
		int64_t at;
	} cases[] = {
		{INT64_MIN, INT64_MIN, INT64_MIN, REASON_NONE, true, 0},
		{INT64_MIN, -30, INT64_MIN, REASON_NONE, true, 0},
		{INT64_MIN, -10, INT64_MIN, REASON_NONE, true, 20},
		{INT64_MIN, -10, 20, REASON_ANNOUNCED, false, 0},
		{-3000, -90000, 500, REASON_SILENT, true, 0},
		{-5, -90000, 500, REASON_SILENT, true, 25},
		{-5, -90000, 5, REASON_SENT, false, 0},
		{INT64_MIN, 5000, INT64_MIN, REASON_NONE, true, 0}, /* our clock stepped back */
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct scene s;
		struct plan p;

		scene(&s);
		s.v.row.asked_at = cases[i].asked == INT64_MIN ? 0 : NOW + cases[i].asked;
		s.v.row.last_seen = cases[i].seen == INT64_MIN ? 0 : NOW + cases[i].seen;
		s.v.row.next_at = cases[i].next == INT64_MIN ? 0 : NOW + cases[i].next;
		s.v.row.reason = cases[i].reason;
		plan_init(&p, &s.v);
		CHECK_EQ(plan_announced(&p, &s.v, &s.in), cases[i].writes);
		if (cases[i].writes) {
			CHECK_EQ(p.row.next_at, NOW + cases[i].at);
			CHECK_EQ(p.row.reason, REASON_ANNOUNCED);
		}
		plan_free(&p);
	}
}

/* What a message that anybody can forge may do. */
static void presence_only_moves_a_send_forward(void)
{
#define NEVER INT64_MIN
	static const struct {
		int64_t asked, next, behind; /* relative to now */
		int32_t reason;
		bool changes;
		int64_t at;
	} cases[] = {
		/* Confirmed: nothing. */
		{NEVER, NEVER, NEVER, REASON_NONE, false, 0},
		{-900, 40, NEVER, REASON_NONE, false, 0},
		/* Provisioned, never sent to. */
		{NEVER, NEVER, -5, REASON_NONE, true, 0},
		/* Waits for its next try: now, or when the gap is over. */
		{-900, 4000, -900, REASON_SILENT, true, 0},
		{-29, 4000, -900, REASON_SENT, true, 1},
		{-10, 15, -10, REASON_SENT, false, 0},
		/* Due, or about to be. */
		{NEVER, 0, -1, REASON_NONE, false, 0},
		{-100, 20, -900, REASON_SEEN, false, 0},
		/* In conversation: that goes on. */
		{-100, 90, -900, REASON_ANNOUNCED, false, 0},
		{-100, 90, -900, REASON_OLD_KEY, false, 0},
		{-100, 90, -900, REASON_DIFFERS, false, 0},
		{-100, 90, -900, REASON_STUCK, false, 0},
		{-100, 90, -900, REASON_CUSTODY, false, 0},
		/* Our clock stepped back. */
		{5000, 9000, -900, REASON_SENT, true, 0},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct scene s;
		struct plan p = {0};
		struct store_client *row = &s.v.row;

		scene(&s);
		row->asked_at = cases[i].asked == NEVER ? 0 : NOW + cases[i].asked;
		row->next_at = cases[i].next == NEVER ? 0 : NOW + cases[i].next;
		row->behind_since = cases[i].behind == NEVER ? 0 : NOW + cases[i].behind;
		row->reason = cases[i].reason;
		row->attempts = 12;
		row->sent_rev = row->confirmed_rev = 77;
		p.row = *row;
		CHECK_EQ(plan_seen(&p, &s.v, &s.in), cases[i].changes);
		if (!cases[i].changes)
			continue;
		CHECK_EQ(p.row.reason, REASON_SEEN);
		CHECK_EQ(p.row.next_at, NOW + cases[i].at);
		/* No proof of life: nothing that only a receipt tells has changed. */
		CHECK_EQ(p.row.last_seen, 0);
		CHECK_EQ(p.row.confirmed_rev, 77);
		CHECK_EQ(p.row.asked_at, row->asked_at);
		p.row.reason = row->reason;
		p.row.next_at = row->next_at;
		p.row.attempts = row->attempts;
		CHECK_MEM(&p.row, row, sizeof *row);
	}
}

static void who_was_seen_is_sent_all_that_is_not_confirmed(void)
{
	struct scene s;
	struct plan p;

	scene(&s);
	add_topic(&s, 'a', PLAN_HOLD, 5);
	add_topic(&s, 'b', PLAN_DROP, 6);
	s.v.row.sent_rev = 100;
	s.v.row.reason = REASON_SEEN;
	s.v.row.behind_since = NOW - 5000;
	s.v.row.asked_at = NOW - 5000;
	s.v.row.attempts = -1;
	DUE("set a@-2 drop b@-2 ask@-2");
	CHECK_EQ(p.row.reason, REASON_SENT);
	CHECK_EQ(p.row.behind_since, NOW - 5000);
	/* Soon once more, for who had not subscribed yet; then as usual. */
	CHECK_EQ(p.row.next_at, NOW + 3);
	keep(&s, &p);
	s.in.now = NOW + 3;
	DUE("set a@1 drop b@1 ask@1");
	CHECK_EQ(p.row.attempts, 0);
	CHECK_EQ(p.row.next_at, NOW + 13);
	plan_free(&p);
}

static void behind_lasts_from_the_first_change_to_the_receipt(void)
{
	struct scene s;
	struct plan p;
	struct answer a;

	scene(&s);
	add_topic(&s, 'a', PLAN_HOLD, 5);
	DUE("set a@-2 ask@-2");
	CHECK_EQ(p.row.behind_since, NOW);
	keep(&s, &p);
	s.in.now += 100;
	DUE("set a@98 ask@98");
	CHECK_EQ(p.row.behind_since, NOW);
	keep(&s, &p);
	answer(&a, &s);
	RECEIPT(0, 0, "");
	CHECK_EQ(p.row.behind_since, 0);
	keep(&s, &p);
	/* It lost something: behind again. */
	s.v.row.asked_at = s.in.now;
	a.r.digest[0] ^= 1;
	RECEIPT(0, 0, "");
	CHECK_EQ(p.row.behind_since, NOW + 100);
	plan_free(&p);
}

int main(void)
{
	RUN(what_is_new_goes_out_once);
	RUN(who_is_away_is_only_asked_with_growing_pauses);
	RUN(a_sign_of_life_of_who_was_away_brings_all_of_it);
	RUN(who_was_away_may_hold_all_of_it);
	RUN(a_reset_before_it_went_away_is_not_repeated);
	RUN(who_has_never_answered_is_sent_all_each_time);
	RUN(pauses_grow_to_the_longest);
	RUN(who_shall_hold_nothing_new_is_left_alone);
	RUN(a_reset_comes_before_what_follows_it);
	RUN(keys_go_out_under_every_key_that_may_be_held);
	RUN(a_batch_ends_where_the_room_does);
	RUN(stamps_never_run_ahead_and_never_back);
	RUN(a_hint_of_the_clock_is_asked_but_not_believed);
	RUN(nonces_match_only_what_was_asked);
	RUN(an_equal_digest_confirms);
	RUN(who_was_rid_of_something_is_asked_once_more);
	RUN(a_receipt_under_an_old_key_confirms_only_that_key);
	RUN(what_differs_is_asked_for_then_repaired);
	RUN(a_list_that_was_cut_is_repaired_before_it_starts_over);
	RUN(a_repair_that_waits_for_its_stamp_goes_on_where_it_was);
	RUN(a_device_that_lists_nothing_is_sent_all_of_it);
	RUN(peers_are_sent_before_all_of_them_are_taken_away);
	RUN(presence_only_moves_a_send_forward);
	RUN(who_was_seen_is_sent_all_that_is_not_confirmed);
	RUN(behind_lasts_from_the_first_change_to_the_receipt);
	RUN(in_pubkey_mode_peers_are_repaired_when_topics_agree);
	RUN(news_on_their_way_come_before_any_repair);
	RUN(clocks_are_learnt_from_answers);
	RUN(only_an_answer_to_a_lower_stamp_lowers_the_last_one);
	RUN(announcements_ask_once_in_a_while);
	return END();
}
