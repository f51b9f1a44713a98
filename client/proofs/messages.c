/* Messages, one by one and in batches. Buffers end where their lengths end. */
#include "abstract.h"
#include "client.h"

#define PLAIN_LEN 18
#define OVERHEAD 104
#define N_MESSAGES 3

static uint8_t plain[PLAIN_LEN], message[OVERHEAD + PLAIN_LEN];

/* A topic whose place is remembered rightly, wrongly, or nowhere. */
static struct e4_topic any_topic(unsigned at)
{
	struct e4_topic t = {.control = any_bool()};

	name(t.hash, at);
	any(&t.slot, sizeof t.slot);
	return t;
}

static void protect(const struct e4_config *cfg, unsigned at, size_t len, size_t cap)
{
	struct e4_topic t = any_topic(at);
	size_t out_len, ciphertext = MODE == SK ? 24 : 40;
	uint8_t *out = message + sizeof message - cap;

	make(cfg, N_TOPICS, N_PEERS);
	any(plain, sizeof plain);
	if (e4_protect(&c, &t, out, cap, &out_len, plain + PLAIN_LEN - len, len) == E4_OK)
		is_read(out, out_len);
	holds();
	if (cap < ciphertext + len)
		return;
	make(cfg, N_TOPICS, N_PEERS);
	any(message, sizeof message);
	e4_protect(&c, &t, out, cap, &out_len, out + ciphertext, len);
	holds();
}

static void unprotect(const struct e4_config *cfg, unsigned at, unsigned peer, size_t len,
		      size_t cap)
{
	struct e4_topic t = any_topic(at);
	uint8_t *in = message + sizeof message - len, *out = plain + PLAIN_LEN - cap;
	size_t out_len;

	t.control = 0;
	make(cfg, N_TOPICS, N_PEERS);
	any(message, sizeof message);
	if (len >= 24)
		name(in + 8, peer);
	if (e4_unprotect(&c, &t, out, cap, &out_len, in, len) == E4_OK)
		is_read(out, out_len);
	holds();
}

static void one_by_one(const struct e4_config *cfg)
{
	size_t overhead = MODE == SK ? 24 : OVERHEAD;

	for (unsigned at = 0; at <= 2 * N_TOPICS; at++) {
		protect(cfg, at, 1, overhead + 1);
		unprotect(cfg, at, 1, overhead + 1, 1);
	}
	for (size_t len = 0; len <= PLAIN_LEN; len += 3)
		for (size_t less = 0; less <= 2; less++) {
			protect(cfg, 1, len, overhead + len - less);
			unprotect(cfg, 3, 3, overhead + len, less <= len ? len - less : len);
		}
	protect(cfg, 1, 1, 0);
	for (unsigned peer = 0; peer <= 2 * N_PEERS; peer++)
		unprotect(cfg, 3, peer, overhead + 2, 2);
	for (size_t len = 0; len < overhead; len++)
		unprotect(cfg, 3, 1, len, 0);
}

static uint8_t ins[N_MESSAGES][OVERHEAD + PLAIN_LEN], outs[N_MESSAGES][OVERHEAD + PLAIN_LEN];

/*
 * Of up to three topics, some of them refused at once (bits of refused: there is no room
 * for them, or no key), and commands among those to unprotect (bits of commands).
 */
static void batch(const struct e4_config *cfg, unsigned step, unsigned refused, unsigned commands,
		  bool open)
{
	size_t overhead = MODE == SK ? 24 : OVERHEAD;
	struct e4_topic t[N_MESSAGES];
	struct e4_message messages[N_MESSAGES];

	make(cfg, N_TOPICS, N_PEERS);
	c.provisioned = true;
	any(ins, sizeof ins);
	for (unsigned i = 0; i < N_MESSAGES; i++) {
		size_t plain_len = 2 * i, in_len = plain_len + (open ? overhead : 0),
		       out_len = plain_len + (open ? 0 : overhead);
		struct e4_message m = {&t[i],   ins[i] + sizeof ins[i] - in_len,
				       in_len,  outs[i] + sizeof outs[i] - out_len,
				       out_len, 0,
				       E4_OK};

		name(t[i].hash, 1 + step * i);
		t[i].slot = 0;
		t[i].control = commands >> i & 1;
		if (open)
			name(ins[i] + sizeof ins[i] - in_len + 8, 1);
		if (refused >> i & 1) {
			t[i].hash[1] = 1;
			m.out_cap -= i % 2;
		}
		messages[i] = m;
	}
	if (open)
		e4_unprotect_batch(&c, messages, N_MESSAGES);
	else
		e4_protect_batch(&c, messages, N_MESSAGES);
	for (size_t i = 0; i < N_MESSAGES; i++)
		if (messages[i].result == E4_OK)
			is_read(messages[i].out, messages[i].out_len);
	holds();
}

static void batches(const struct e4_config *cfg)
{
	for (unsigned step = 0; step <= 2; step += 2)
		for (unsigned bits = 0; bits < 1 << N_MESSAGES; bits++) {
			batch(cfg, step, bits, 0, false);
			batch(cfg, step, bits, 0, true);
			batch(cfg, step, 0, bits, true);
		}
	e4_protect_batch(&c, NULL, 0);
	e4_unprotect_batch(&c, NULL, 0);
}

int main(void)
{
	struct e4_config with = configuration(E4_CLOCK_RELIABLE, true);
	struct e4_config without = configuration(E4_CLOCK_NONE, false);

#ifdef BATCHES
	/* how many messages wait is known only if nothing is open that refuses them */
	e4_abstract_verified = true;
	with.now = now_known;
	batches(&with);
	batches(&without);
#else
	one_by_one(&with);
	one_by_one(&without);
#endif
	end();
	return 0;
}
