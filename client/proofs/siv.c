/*
 * AES-SIV with abstract_aes.c in place of AES: of every length up to three blocks and two
 * bytes, and around four and eight blocks. Buffers end where the length ends, so that one byte more
 * is an alarm.
 */
#include "any.h"
#include "siv.h"

#define MAX_LEN 130
#define MAX_AD 48
#define N_JOBS 5 /* more than lanes */

static uint8_t from[MAX_LEN], to[MAX_LEN + 16], both[MAX_LEN + 16], ad[MAX_AD];

static void siv(const struct e4_siv_key *k, size_t len, size_t ad_len)
{
	const uint8_t *a = ad + MAX_AD - ad_len;
	uint8_t *in = from + MAX_LEN - len, *out = to + MAX_LEN - len,
		*place = both + MAX_LEN - len;

	e4_siv_seal(k, out, a, ad_len, in, len);
	is_read(out, len + 16);
	any(to, sizeof to);
	e4_siv_open(k, in, a, ad_len, out, len + 16);
	is_read(in, len);
	any(from, sizeof from);
	/* in place, in the three ways that the header allows */
	e4_siv_seal(k, place, a, ad_len, place + 16, len);
	any(both, sizeof both);
	e4_siv_open(k, place + 16, a, ad_len, place, len + 16);
	any(both, sizeof both);
	e4_siv_open(k, place, a, ad_len, place, len + 16);
	any(both, sizeof both);
}

static void siv_too_short(const struct e4_siv_key *k)
{
	uint8_t none[1];

	for (size_t len = 0; len < 16; len++)
		e4_siv_open(k, none, NULL, 0, from + MAX_LEN - len, len);
}

/* The general form, of no string of associated data, of one and of two. */
static void siv_n(const struct e4_siv_key *k, const struct e4_aes_key *ctr, size_t len)
{
	uint8_t *in = from + MAX_LEN - len, *out = to + MAX_LEN - len;
	struct e4_siv_ad strings[2] = {{ad + 9, MAX_AD - 9}, {ad + MAX_AD, 0}};

	for (size_t n = 0; n <= 2; n++) {
		e4_siv_seal2(k, ctr, out, strings + 2 - n, n, in, len);
		is_read(out, len + 16);
		any(to, sizeof to);
		e4_siv_open2(k, ctr, in, strings + 2 - n, n, out, len + 16);
		is_read(in, len);
		any(from, sizeof from);
	}
}

static uint8_t ins[N_JOBS][MAX_LEN + 16], outs[N_JOBS][MAX_LEN + 16];

/* n messages, of lengths that differ by step, sealed or opened; the first one in place. */
static void batch(const struct e4_siv_key *k, size_t n, size_t len, size_t step, bool open)
{
	struct e4_siv_job jobs[N_JOBS];

	any(ins, sizeof ins);
	any(outs, sizeof outs);
	for (size_t i = 0; i < n; i++, len += step) {
		size_t before = open ? 16 : 0;
		uint8_t *in = ins[i] + MAX_LEN + 16 - before - len, *out = outs[i] + MAX_LEN - len;
		struct e4_siv_job job = {k,    ad + MAX_AD - len % 41, len % 41,
					 in,   before + len,           open ? out + 16 : out,
					 false};

		if (i == 0)
			job.in = open ? out : out + 16;
		jobs[i] = job;
	}
	if (open)
		e4_siv_open_batch(jobs, n);
	else
		e4_siv_seal_batch(jobs, n);
	for (size_t i = 0; i < n; i++) {
		bool ok = jobs[i].ok;

		is_read(&ok, sizeof ok);
		is_read(jobs[i].out, open ? jobs[i].len - 16 : jobs[i].len + 16);
	}
}

static void batches(const struct e4_siv_key *k, size_t len)
{
	for (size_t n = 0; n <= 2; n++) {
		batch(k, n, len, 9, false);
		batch(k, n, len, 9, true);
	}
	batch(k, N_JOBS, len, 16, false);
	batch(k, N_JOBS, len, 16, true);
}

/* Messages too short to be opened, beside one that is not. */
static void batch_too_short(const struct e4_siv_key *k)
{
	struct e4_siv_job jobs[3] = {{k, NULL, 0, from, 0, outs[0], false},
				     {k, ad, 8, from + MAX_LEN - 15, 15, outs[1], false},
				     {k, ad, 8, from + MAX_LEN - 16, 16, outs[2], false}};

	e4_siv_open_batch(jobs, 3);
}

int main(void)
{
	uint8_t key[32];
	struct e4_siv_key k;

	any(key, sizeof key);
	any(from, sizeof from);
	any(both, sizeof both);
	any(ad, sizeof ad);
	e4_siv_key_init(&k, key);
	is_read(&k.aes, sizeof k.aes);
	is_read(k.k1, sizeof k.k1);
	is_read(k.k2, sizeof k.k2);
	is_read(k.d0, sizeof k.d0);
	siv_too_short(&k);
	for (size_t len = 0; len <= 66; len += len < 50 ? 1 : 7)
		siv(&k, len, 8);
	for (size_t len = MAX_LEN - 3; len <= MAX_LEN; len++)
		siv(&k, len, 8);
	for (size_t ad_len = 0; ad_len <= MAX_AD; ad_len++)
		siv(&k, 20, ad_len);
	for (size_t ad_len = 14; ad_len <= 18; ad_len++)
		siv(&k, 40, ad_len);
	for (size_t len = 0; len <= 17; len++)
		siv_n(&k, &k.aes, len);
	for (size_t len = 0; len <= 40; len += 8)
		batches(&k, len);
	batch_too_short(&k);
#if E4_AES == E4_AES_CT32
	e4_siv_key_once(&k, key);
	for (size_t len = 0; len <= 66; len += len < 50 ? 1 : 7)
		siv(&k, len, 8);
	for (size_t ad_len = 14; ad_len <= 18; ad_len++)
		siv(&k, 50, ad_len);
#endif
	end();
	return 0;
}
