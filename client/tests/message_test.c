/* Application messages: protect, unprotect, time, replay, key transition. */
#include "world.h"

static const struct e4_mode *const modes[] = {&e4_mode_sk, &e4_mode_pk};

/* Two devices that know each other, with one topic. */
struct pair {
	struct device a, b;
};

static void pair_keys(struct pair *p)
{
	struct e4_topic t = world_topic(&p->a, "t");

	CHECK_EQ(e4_set_topic_key(&p->a.c, &t, key_of(9).bytes), E4_OK);
	CHECK_EQ(e4_set_topic_key(&p->b.c, &t, key_of(9).bytes), E4_OK);
	if (p->a.c.cfg.mode != &e4_mode_pk)
		return;
	CHECK_EQ(e4_set_peer(&p->a.c, p->b.c.id, p->b.c.key + 32), E4_OK);
	CHECK_EQ(e4_set_peer(&p->b.c, p->a.c.id, p->a.c.key + 32), E4_OK);
}

static void pair_init(struct pair *p, const struct e4_mode *mode)
{
	world_device(&p->a, mode, 1);
	world_device(&p->b, mode, 2);
	pair_keys(p);
}

static void pair_free(struct pair *p)
{
	device_free(&p->a);
	device_free(&p->b);
}

static void every_length_comes_back_also_in_place(void)
{
	for (int m = 0; m < 2; m++) {
		struct pair p;

		pair_init(&p, modes[m]);
		for (size_t len = 0; len <= 300; len++) {
			struct e4_topic t = world_topic(&p.a, "t"), u = t;
			size_t overhead = e4_overhead(&p.a.c), out_len = 0, back_len = 0;
			size_t before = overhead - (m == 0 ? 0u : E4_SIG_LEN);
			uint8_t plain[300], *out = malloc(len + overhead), *back = malloc(len + 1);

			for (size_t i = 0; i < len; i++)
				plain[i] = (uint8_t)(i * 7 + len);
			if (len % 2 &&
			    len > 0) /* the plaintext already lies where its ciphertext goes */
				memcpy(out + before, plain, len);
			CHECK_EQ(e4_protect(&p.a.c, &t, out, len + overhead, &out_len,
					    len % 2 ? out + before : plain, len),
				 E4_OK);
			CHECK_EQ(out_len, len + overhead);
			CHECK_EQ(e4_unprotect(&p.b.c, &u, back, len, &back_len, out, out_len),
				 E4_OK);
			CHECK(back_len == len && memcmp(back, plain, len) == 0);
			free(out);
			free(back);
		}
		pair_free(&p);
	}
}

/* Receive into a buffer of marks; whatever is refused must leave marks or zeros. */
static enum e4_result receive_clean(struct device *d, const uint8_t *in, size_t len)
{
	struct e4_topic t = world_topic(d, "t");
	uint8_t out[1024];
	size_t out_len = 1, zeros = 0, marks = 0, room;
	enum e4_result r;

	memset(out, 0xa5, sizeof out);
	r = e4_unprotect(&d->c, &t, out, sizeof out, &out_len, in, len);
	if (r == E4_OK)
		return r;
	room = len > e4_overhead(&d->c) ? len - e4_overhead(&d->c) : 0;
	for (size_t i = 0; i < room; i++) {
		zeros += out[i] == 0;
		marks += out[i] == 0xa5;
	}
	CHECK_EQ(out_len, 0);
	CHECK(zeros == room || marks == room);
	return r;
}

static void every_truncation_and_bit_flip_of_a_message_is_refused(void)
{
	for (int m = 0; m < 2; m++) {
		struct pair p;
		uint8_t message[1024];
		size_t len;

		pair_init(&p, modes[m]);
		len = world_send(&p.a, "t", "forty-two degrees", message);
		for (size_t n = 0; n < len; n++) {
			uint8_t *cut = malloc(n + 1); /* exact, for the sanitizer */

			memcpy(cut, message, n);
			CHECK(receive_clean(&p.b, cut, n) >= E4_ERR);
			free(cut);
		}
		for (size_t bit = 0; bit < len * 8; bit++) {
			message[bit / 8] ^= (uint8_t)(1 << bit % 8);
			CHECK(receive_clean(&p.b, message, len) >= E4_ERR);
			message[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		message[len] = 0;
		CHECK(receive_clean(&p.b, message, len + 1) >= E4_ERR);
		CHECK_EQ(receive_clean(&p.b, message, len), E4_OK);
		pair_free(&p);
	}
}

static void what_is_shorter_than_the_overhead_is_no_message_whatever_room_there_is(void)
{
	for (size_t m = 0; m < 2; m++) {
		struct pair p;
		struct e4_topic t;
		uint8_t in[E4_OVERHEAD_PK] = {0}, out[E4_OVERHEAD_PK];
		size_t out_len;

		pair_init(&p, modes[m]);
		t = world_topic(&p.b, "topic");
		for (size_t len = 0; len < e4_overhead(&p.b.c); len++)
			CHECK_EQ(e4_unprotect(&p.b.c, &t, out, sizeof out, &out_len, in, len),
				 E4_ERR_LENGTH);
		pair_free(&p);
	}
}

static void time_is_judged_to_the_second_and_only_for_authentic_messages(void)
{
	static const struct {
		int64_t age;
		uint32_t future_s;
		enum e4_result r;
	} rows[] = {
		{0, 0, E4_OK},          {600, 0, E4_OK},  {601, 0, E4_ERR_TOO_OLD},
		{-1, 0, E4_ERR_FUTURE}, {-60, 60, E4_OK}, {-61, 60, E4_ERR_FUTURE},
	};

	for (int m = 0; m < 2; m++) {
		for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
			struct pair p;
			uint8_t message[1024];
			size_t len;

			pair_init(&p, modes[m]);
			p.b.c.cfg.future_s = rows[i].future_s;
			len = world_send(&p.a, "t", "x", message);
			p.b.now = T0 + (uint64_t)rows[i].age;
			message[len - 1] ^= 1;
			CHECK_EQ(receive_clean(&p.b, message, len),
				 m == 0 ? E4_ERR_AUTH : E4_ERR_SIGNATURE);
			message[len - 1] ^= 1;
			CHECK_EQ(receive_clean(&p.b, message, len), rows[i].r);
			pair_free(&p);
		}
	}
}

static void stamps_at_the_ends_of_the_number_range_do_not_wrap_around(void)
{
	static const uint64_t ends[] = {
		0, 1, T0 - 601, UINT64_C(1) << 32, UINT64_MAX, UINT64_C(1) << 63};
	struct pair p;
	uint8_t message[64];

	pair_init(&p, &e4_mode_sk);
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		e4_message_seal(message, key_of(9).bytes, ends[i], NULL, 0);
		CHECK_EQ(receive_clean(&p.b, message, E4_OVERHEAD_SK),
			 ends[i] < T0 ? E4_ERR_TOO_OLD : E4_ERR_FUTURE);
		p.b.now = UINT64_MAX;
		CHECK_EQ(receive_clean(&p.b, message, E4_OVERHEAD_SK),
			 ends[i] == UINT64_MAX ? E4_OK : E4_ERR_TOO_OLD);
		p.b.now = T0;
	}
	/* nor does the clock with the allowance added to it */
	p.b.now = UINT64_MAX;
	p.b.c.cfg.future_s = E4_FUTURE_S;
	e4_message_seal(message, key_of(9).bytes, UINT64_MAX, NULL, 0);
	CHECK_EQ(receive_clean(&p.b, message, E4_OVERHEAD_SK), E4_OK);
	pair_free(&p);
}

static void the_old_key_counts_for_the_grace_period_and_no_longer(void)
{
	struct pair p;
	uint8_t message[1024];
	size_t len;

	pair_init(&p, &e4_mode_sk);
	p.b.now = T0 + 50;
	CHECK_EQ(world_set_topic(&p.b, T0 + 50, "t", 10), E4_COMMAND);
	for (uint64_t after = 0; after <= E4_GRACE_S + 1; after += after < 3590 ? 359 : 1) {
		p.a.now = p.b.now = T0 + 50 + after;
		len = world_send(&p.a, "t", "under the old key", message);
		CHECK_EQ(receive_clean(&p.b, message, len),
			 after <= E4_GRACE_S ? E4_OK : E4_ERR_AUTH);
	}
	/* A clock put back by a little, then one that shows that the switch was far ahead. */
	p.a.now = p.b.now = T0;
	len = world_send(&p.a, "t", "earlier", message);
	CHECK_EQ(receive_clean(&p.b, message, len), E4_OK);
	p.a.now = p.b.now = T0 + 49 - E4_GRACE_S;
	len = world_send(&p.a, "t", "much earlier", message);
	CHECK_EQ(receive_clean(&p.b, message, len), E4_ERR_AUTH);
	pair_free(&p);
}

static void without_a_grace_period_no_old_key_is_kept(void)
{
	struct pair p;
	uint8_t message[1024];
	size_t len;

	pair_init(&p, &e4_mode_sk);
	p.b.c.cfg.grace_s = 0;
	CHECK_EQ(world_set_topic(&p.b, T0, "t", 10), E4_COMMAND);
	len = world_send(&p.a, "t", "x", message);
	CHECK_EQ(receive_clean(&p.b, message, len), E4_ERR_AUTH);
	CHECK(e4_is_zero(p.b.topics[0].old_key, 32) && p.b.topics[0].switched_at == 0);
	pair_free(&p);
	/* nor does one count that was kept while there was a period, even in its first second */
	pair_init(&p, &e4_mode_sk);
	CHECK_EQ(world_set_topic(&p.b, T0, "t", 10), E4_COMMAND);
	len = world_send(&p.a, "t", "x", message);
	CHECK_EQ(receive_clean(&p.b, message, len), E4_OK);
	p.b.c.cfg.grace_s = 0;
	CHECK_EQ(receive_clean(&p.b, message, len), E4_ERR_AUTH);
	pair_free(&p);
}

static void only_one_old_key_is_kept_and_the_same_key_again_keeps_it(void)
{
	struct device d;

	world_device(&d, &e4_mode_sk, 1);
	CHECK_EQ(world_set_topic(&d, T0, "t", 1), E4_COMMAND);
	CHECK_EQ(world_set_topic(&d, T0, "t", 2), E4_COMMAND);
	CHECK_MEM(d.topics[0].old_key, key_of(1).bytes, 32);
	d.now = T0 + 9;
	CHECK_EQ(world_set_topic(&d, T0 + 9, "t", 2), E4_COMMAND);
	CHECK_MEM(d.topics[0].old_key, key_of(1).bytes, 32);
	CHECK_EQ(d.topics[0].switched_at, T0);
	CHECK_EQ(world_set_topic(&d, T0 + 9, "t", 3), E4_COMMAND);
	CHECK_MEM(d.topics[0].old_key, key_of(2).bytes, 32);
	CHECK_EQ(d.topics[0].switched_at, T0 + 9);
	device_free(&d);
}

static void a_repeat_is_refused_where_the_memory_is_on(void)
{
	struct pair p;
	uint8_t message[1024];
	size_t len;

	pair_init(&p, &e4_mode_pk);
	len = world_send(&p.a, "t", "once", message);
	CHECK_EQ(receive_clean(&p.b, message, len), E4_OK);
	CHECK_EQ(receive_clean(&p.b, message, len), E4_ERR_REPLAYED);
	p.b.now = T0 + 600;
	CHECK_EQ(receive_clean(&p.b, message, len), E4_ERR_REPLAYED);
	p.b.now = T0 + 601;
	CHECK_EQ(receive_clean(&p.b, message, len), E4_ERR_TOO_OLD);
	pair_free(&p);
	pair_init(&p, &e4_mode_sk);
	len = world_send(&p.a, "t", "twice", message);
	CHECK_EQ(receive_clean(&p.b, message, len), E4_OK);
	CHECK_EQ(receive_clean(&p.b, message, len), E4_OK);
	p.b.c.cfg.seen = p.b.seen;
	p.b.c.cfg.n_seen = 1;
	CHECK_EQ(receive_clean(&p.b, message, len), E4_OK);
	CHECK_EQ(receive_clean(&p.b, message, len), E4_ERR_REPLAYED);
	pair_free(&p);
}

static void the_memory_names_the_sender_and_forgets_the_oldest_stamp_first(void)
{
	struct pair p;
	struct device third;
	uint8_t first[1024], second[1024];
	size_t len;

	pair_init(&p, &e4_mode_pk);
	world_device(&third, &e4_mode_pk, 3);
	CHECK_EQ(e4_set_peer(&p.b.c, third.c.id, third.c.key + 32), E4_OK);
	CHECK_EQ(world_set_topic(&third, T0, "t", 9), E4_COMMAND);
	/* equal payloads of two senders in one second have equal tags, and both count */
	len = world_send(&p.a, "t", "21.5", first);
	CHECK_EQ(world_send(&third, "t", "21.5", second), len);
	CHECK_MEM(first + 24, second + 24, 16);
	CHECK_EQ(receive_clean(&p.b, first, len), E4_OK);
	CHECK_EQ(receive_clean(&p.b, second, len), E4_OK);
	CHECK_EQ(receive_clean(&p.b, second, len), E4_ERR_REPLAYED);
	/* 31 newer messages fit beside one of the two; the next pushes out the lowest stamp */
	for (int i = 0; i < 31; i++) {
		p.a.now = p.b.now = T0 + 1 + (uint64_t)i;
		len = world_send(&p.a, "t", "21.5", second);
		CHECK_EQ(receive_clean(&p.b, second, len), E4_OK);
		CHECK_EQ(receive_clean(&p.b, second, len), E4_ERR_REPLAYED);
	}
	CHECK_EQ(receive_clean(&p.b, first, len), E4_OK);
	device_free(&third);
	pair_free(&p);
}

static void a_refused_message_is_not_remembered(void)
{
	struct pair p;
	uint8_t message[1024];
	size_t len;

	pair_init(&p, &e4_mode_pk);
	len = world_send(&p.a, "t", "early", message);
	p.b.now = T0 - 10;
	CHECK_EQ(receive_clean(&p.b, message, len), E4_ERR_FUTURE);
	p.b.now = T0;
	CHECK_EQ(receive_clean(&p.b, message, len), E4_OK);
	pair_free(&p);
}

static void a_sender_never_emits_the_same_bytes_twice(void)
{
	for (int m = 0; m < 2; m++) {
		struct pair p;
		uint8_t sent[9][1024];
		size_t len = 0;

		pair_init(&p, modes[m]);
		p.b.c.cfg.seen = p.b.seen;
		p.b.c.cfg.n_seen = 32;
		for (int i = 0; i < 9; i++) { /* n_sent is 8 */
			len = world_send(&p.a, "t", "21.5", sent[i]);
			for (int k = 0; k < i; k++)
				CHECK(memcmp(sent[k], sent[i], len) != 0);
			CHECK_EQ(receive_clean(&p.b, sent[i], len), E4_OK);
		}
		pair_free(&p);
	}
}

static void a_restamped_message_in_place_keeps_its_text(void)
{
	struct pair p;
	struct e4_topic t, u;
	static const char text[] = "in place";
	uint8_t out[64], back[64];
	size_t len, back_len;

	pair_init(&p, &e4_mode_sk);
	t = u = world_topic(&p.a, "t");
	for (uint64_t i = 0; i < 3; i++) {
		memcpy(out + E4_OVERHEAD_SK, text, sizeof text);
		CHECK_EQ(e4_protect(&p.a.c, &t, out, sizeof out, &len, out + E4_OVERHEAD_SK,
				    sizeof text),
			 E4_OK);
		CHECK_EQ(e4_unprotect(&p.b.c, &u, back, sizeof back, &back_len, out, len), E4_OK);
		CHECK(back_len == sizeof text && memcmp(back, text, sizeof text) == 0);
		CHECK_EQ(out[0], (uint8_t)(T0 - i)); /* an earlier second, never a later one */
	}
	pair_free(&p);
}

static void a_peer_is_needed_unless_strangers_are_allowed_and_a_wrong_signature_always_fails(void)
{
	struct pair p;
	uint8_t message[1024];
	size_t len;

	pair_init(&p, &e4_mode_pk);
	len = world_send(&p.a, "t", "x", message);
	CHECK_EQ(e4_remove_peer(&p.b.c, p.a.c.id), E4_OK);
	CHECK_EQ(receive_clean(&p.b, message, len), E4_ERR_NO_PUBKEY);
	p.b.c.cfg.allow_unknown_senders = true;
	CHECK_EQ(receive_clean(&p.b, message, len), E4_OK);
	CHECK_EQ(e4_set_peer(&p.b.c, p.a.c.id, p.b.c.key + 32), E4_OK);
	CHECK_EQ(receive_clean(&p.b, message, len), E4_ERR_SIGNATURE);
	pair_free(&p);
}

static void a_missing_key_and_a_small_buffer_are_told(void)
{
	for (int m = 0; m < 2; m++) {
		struct pair p;
		struct e4_topic t, other;
		uint8_t message[1024], out[1024];
		size_t len, out_len;

		pair_init(&p, modes[m]);
		t = world_topic(&p.a, "t");
		other = world_topic(&p.a, "other");
		CHECK_EQ(e4_protect(&p.a.c, &other, out, sizeof out, &out_len, NULL, 0),
			 E4_ERR_NO_TOPIC_KEY);
		CHECK_EQ(e4_protect(&p.a.c, &t, out, e4_overhead(&p.a.c) + 2, &out_len,
				    (const uint8_t *)"abc", 3),
			 E4_ERR_SPACE);
		CHECK_EQ(e4_protect(&p.a.c, &t, out, 0, &out_len, NULL, 0), E4_ERR_SPACE);
		CHECK_EQ(e4_protect(&p.a.c, &t, out, sizeof out, &out_len, NULL, SIZE_MAX),
			 E4_ERR_SPACE);
		len = world_send(&p.a, "t", "abc", message);
		CHECK_EQ(e4_unprotect(&p.b.c, &other, out, sizeof out, &out_len, message, len),
			 E4_ERR_NO_TOPIC_KEY);
		CHECK_EQ(e4_unprotect(&p.b.c, &t, out, 2, &out_len, message, len), E4_ERR_SPACE);
		CHECK_EQ(e4_unprotect(&p.b.c, &t, out, 3, &out_len, message, len), E4_OK);
		pair_free(&p);
	}
}

static void with_and_without_a_key_cache_the_bytes_are_the_same(void)
{
	struct pair p;
	uint8_t with[1024], without[1024];
	struct e4_topic t;
	size_t len;

	pair_init(&p, &e4_mode_sk);
	p.b.c.cfg.n_cache = 0;
	t = world_topic(&p.a, "t");
	for (uint8_t key = 20; key < 30; key++) {
		CHECK_EQ(e4_set_topic_key(&p.a.c, &t, key_of(key).bytes), E4_OK);
		CHECK_EQ(e4_set_topic_key(&p.b.c, &t, key_of(key).bytes), E4_OK);
		len = world_send(&p.a, "t", "same", with);
		CHECK_EQ(world_send(&p.b, "t", "same", without), len);
		CHECK_MEM(with, without, len);
	}
	CHECK_EQ(e4_remove_topic(&p.a.c, &t), E4_OK);
	CHECK(e4_is_zero(p.a.cache, sizeof p.a.cache));
	CHECK(e4_is_zero(&p.a.topics[0], sizeof p.a.topics[0]));
	pair_free(&p);
}

static void while_no_time_is_known_nothing_is_sent_or_taken(void)
{
	struct pair p;
	struct e4_topic t;
	uint8_t message[1024], out[64];
	size_t len, out_len;

	pair_init(&p, &e4_mode_sk);
	len = world_send(&p.a, "t", "x", message);
	p.b.now_unknown = true;
	t = world_topic(&p.b, "t");
	CHECK_EQ(receive_clean(&p.b, message, len), E4_ERR_NO_TIME);
	CHECK_EQ(e4_protect(&p.b.c, &t, out, sizeof out, &out_len, NULL, 0), E4_ERR_NO_TIME);
	CHECK_EQ(world_set_topic(&p.b, T0, "t", 1), E4_ERR_NO_TIME);
	pair_free(&p);
}

static void without_a_clock_time_comes_from_commands_forwards_only(void)
{
	struct device d, sender;
	struct e4_config cfg;
	struct e4_topic t;
	uint8_t message[1024], out[1024];
	size_t len;

	memset(&d, 0, sizeof d);
	cfg = device_config(&d, &e4_mode_sk);
	cfg.clock = E4_CLOCK_NONE;
	cfg.now = NULL;
	world_device_cfg(&d, &cfg, 1);
	world_device(&sender, &e4_mode_sk, 2);
	t = world_topic(&d, "t");
	CHECK_EQ(e4_set_topic_key(&d.c, &t, key_of(9).bytes), E4_OK);
	CHECK_EQ(e4_set_topic_key(&sender.c, &t, key_of(9).bytes), E4_OK);
	CHECK_EQ(e4_protect(&d.c, &t, out, sizeof out, &len, NULL, 0), E4_ERR_NO_TIME);
	len = world_send(&sender, "t", "x", message);
	CHECK_EQ(world_receive(&d, "t", message, len), E4_ERR_NO_TIME);
	/* a command of any age is taken: its stamp is the time, until a later one */
	CHECK_EQ(world_set_topic(&d, T0 - 100, "u", 1), E4_COMMAND);
	CHECK_EQ(d.c.time_seen, T0 - 100);
	CHECK_EQ(world_receive(&d, "t", message, len), E4_ERR_FUTURE);
	CHECK_EQ(world_set_topic(&d, T0 + 600, "u", 2), E4_COMMAND);
	CHECK_EQ(world_receive(&d, "t", message, len), E4_OK);
	CHECK_EQ(world_set_topic(&d, T0, "u", 3), E4_ERR_TOO_OLD);
	CHECK_EQ(d.c.time_seen, T0 + 600);
	CHECK_EQ(world_restart(&d), E4_OK);
	CHECK_EQ(d.c.time_seen, T0 + 600);
	CHECK_EQ(world_set_topic(&d, T0 + 601, "u", 4), E4_COMMAND);
	CHECK_EQ(world_receive(&d, "t", message, len), E4_ERR_TOO_OLD);
	d.c.cfg.no_window = true;
	CHECK_EQ(world_receive(&d, "t", message, len), E4_OK);
	/* and its own messages carry that time */
	CHECK_EQ(e4_protect(&d.c, &t, out, sizeof out, &len, NULL, 0), E4_OK);
	sender.now = T0 + 601;
	CHECK_EQ(world_receive(&sender, "t", out, len), E4_OK);
	device_free(&d);
	device_free(&sender);
}

static void a_report_also_tells_a_device_without_a_clock_the_time(void)
{
	struct device d;
	struct e4_config cfg;
	uint8_t plain[E4_COMMAND_MAX];

	memset(&d, 0, sizeof d);
	cfg = device_config(&d, &e4_mode_sk);
	cfg.clock = E4_CLOCK_NONE;
	world_device_cfg(&d, &cfg, 1);
	CHECK_EQ(world_command(&d, T0, plain, e4_encode_report_state(plain, key_of(1).bytes, 0)),
		 E4_REPORT);
	CHECK_EQ(d.c.time_seen, T0);
	CHECK_EQ(d.c.high_water, 0);
	CHECK_EQ(world_restart(&d), E4_OK);
	CHECK_EQ(d.c.time_seen, T0);
	device_free(&d);
}

int main(void)
{
	RUN(every_length_comes_back_also_in_place);
	RUN(every_truncation_and_bit_flip_of_a_message_is_refused);
	RUN(what_is_shorter_than_the_overhead_is_no_message_whatever_room_there_is);
	RUN(time_is_judged_to_the_second_and_only_for_authentic_messages);
	RUN(stamps_at_the_ends_of_the_number_range_do_not_wrap_around);
	RUN(the_old_key_counts_for_the_grace_period_and_no_longer);
	RUN(without_a_grace_period_no_old_key_is_kept);
	RUN(only_one_old_key_is_kept_and_the_same_key_again_keeps_it);
	RUN(a_repeat_is_refused_where_the_memory_is_on);
	RUN(the_memory_names_the_sender_and_forgets_the_oldest_stamp_first);
	RUN(a_refused_message_is_not_remembered);
	RUN(a_sender_never_emits_the_same_bytes_twice);
	RUN(a_restamped_message_in_place_keeps_its_text);
	RUN(a_peer_is_needed_unless_strangers_are_allowed_and_a_wrong_signature_always_fails);
	RUN(a_missing_key_and_a_small_buffer_are_told);
	RUN(with_and_without_a_key_cache_the_bytes_are_the_same);
	RUN(while_no_time_is_known_nothing_is_sent_or_taken);
	RUN(without_a_clock_time_comes_from_commands_forwards_only);
	RUN(a_report_also_tells_a_device_without_a_clock_the_time);
	return END();
}
