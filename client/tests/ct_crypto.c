/*
 * Constant time, by valgrind: keys, plaintexts and scalars are marked as
 * undefined memory, and memcheck then reports every branch and every address
 * that depends on one. Run by ct_check.sh, which gives the verdict; without
 * valgrind this program proves nothing.
 *
 * An argument names a function that leaks on purpose: the check of the check.
 */
#include "e4/crypto.h"

#include <stdio.h>
#include <string.h>
#include <valgrind/memcheck.h>

#define SECRET(p, n) ((void)VALGRIND_MAKE_MEM_UNDEFINED((p), (n)))
#define PUBLIC(p, n) ((void)VALGRIND_MAKE_MEM_DEFINED((p), (n)))

#define MAX_LEN 100

typedef void key_init(struct e4_siv_key *k, const uint8_t key[32]);

static void siv_with_secret_key_and_plaintext(key_init *init)
{
	uint8_t raw[32], ad[8] = {1}, plain[MAX_LEN] = {2}, sealed[MAX_LEN + 16];
	struct e4_siv_key k;
	memset(raw, 3, sizeof raw);
	SECRET(raw, sizeof raw);
	init(&k, raw);
	for (size_t len = 0; len <= MAX_LEN; len++) {
		SECRET(plain, sizeof plain);
		e4_siv_seal(&k, sealed, ad, sizeof ad, plain, len);
		PUBLIC(sealed, len + 16); /* it is sent */
		bool good = e4_siv_open(&k, plain, ad, sizeof ad, sealed, len + 16);
		sealed[len % 16] ^= 1;
		bool bad = e4_siv_open(&k, plain, ad, sizeof ad, sealed, len + 16);
		PUBLIC(&good, sizeof good); /* the peer learns the verdict */
		PUBLIC(&bad, sizeof bad);
		if (!good || bad)
			printf("length %zu: wrong verdict\n", len);
	}
}

static void batches_with_secret_keys_and_plaintexts(void)
{
	enum { N = 11, LEN = 150 };
	static struct e4_siv_key keys[N];
	static uint8_t plain[N][LEN], sealed[N][LEN + 16];
	struct e4_siv_job jobs[N];
	uint8_t raw[32] = {4}, ad[8] = {1};
	for (size_t i = 0; i < N; i++) {
		SECRET(raw, sizeof raw);
		SECRET(plain[i], LEN);
		e4_siv_key_init(&keys[i], raw);
		jobs[i] = (struct e4_siv_job){&keys[i], ad,        sizeof ad, plain[i],
					      15 * i,   sealed[i], false};
	}
	e4_siv_seal_batch(jobs, N);
	for (size_t i = 0; i < N; i++) {
		PUBLIC(sealed[i], 15 * i + 16);
		sealed[i][0] ^= i % 3 == 0;
		jobs[i].in = sealed[i];
		jobs[i].len = 15 * i + 16;
		jobs[i].out = plain[i];
	}
	e4_siv_open_batch(jobs, N);
	for (size_t i = 0; i < N; i++) {
		PUBLIC(&jobs[i].ok, sizeof jobs[i].ok);
		if (jobs[i].ok != (i % 3 != 0))
			printf("message %zu: wrong verdict\n", i);
	}
}

static void sha3_of_secrets(void)
{
	uint8_t in[300] = {1}, digest[32];
	struct e4_sha3 h;
	SECRET(in, sizeof in);
	for (size_t len = 0; len <= sizeof in; len += 20)
		e4_sha3_256(digest, in, len);
	e4_sha3_short(digest, 16, in, sizeof in);
	e4_sha3_init(&h);
	e4_sha3_update(&h, in, 5);
	e4_sha3_update(&h, in, 200);
	e4_sha3_final(&h, digest);
}

static void comparisons_of_secrets(void)
{
	uint8_t a[40] = {0}, b[40] = {0};
	bool verdict[2];
	SECRET(a, sizeof a);
	SECRET(b, sizeof b);
	verdict[0] = e4_equal(a, b, sizeof a);
	verdict[1] = e4_is_zero(a, sizeof a);
	PUBLIC(verdict, sizeof verdict);
	if (!verdict[0] || !verdict[1])
		printf("wrong verdict\n");
	e4_wipe(a, sizeof a);
}

static void curve_with_secret_scalars(void)
{
	uint8_t seed[32] = {5}, private_key[64], sig[64], scalar[32], shared[32], point[32] = {9};
	SECRET(seed, sizeof seed);
	e4_ed25519_keypair(private_key, seed);
	PUBLIC(private_key + 32, 32);
	e4_ed25519_sign(sig, "message", 7, private_key);
	e4_ed25519_to_x25519_scalar(scalar, private_key);
	e4_x25519_base(shared, scalar);
	bool good = e4_x25519(shared, scalar, point);
	PUBLIC(&good, sizeof good);
	if (!good)
		printf("wrong verdict\n");
}

/* --- what must be reported ------------------------------------------------------ */

static const volatile uint8_t table[256] = {1, 2, 3};
static volatile int sink;

static void leak_by_branch(void)
{
	uint8_t key[16] = {1};
	SECRET(key, sizeof key);
	if (memcmp(key, "0123456789abcdef", 16) == 0)
		sink = 1;
}

static void leak_by_index(void)
{
	uint8_t key[16] = {1};
	SECRET(key, sizeof key);
	sink = table[key[3]];
}

/* The key schedule's output must count as secret, else the tests above say nothing. */
static void leak_of_derived_key(void)
{
	uint8_t raw[32] = {1}, sealed[32];
	struct e4_siv_key k;
	SECRET(raw, sizeof raw);
	e4_siv_key_init(&k, raw);
	e4_siv_seal(&k, sealed, NULL, 0, (const uint8_t *)"0123456789abcdef", 16);
	sink = table[sealed[31]];
}

struct leak {
	const char *name;
	void (*run)(void);
};

static const struct leak leaks[] = {
	{"branch", leak_by_branch},
	{"index", leak_by_index},
	{"derived", leak_of_derived_key},
};

int main(int argc, char **argv)
{
	if (!RUNNING_ON_VALGRIND) {
		printf("run me by ct_check.sh\n");
		return 2;
	}
	for (size_t i = 0; argc > 1 && i < sizeof leaks / sizeof *leaks; i++) {
		if (strcmp(argv[1], leaks[i].name) == 0)
			leaks[i].run();
	}
	if (argc > 1)
		return 0;
	siv_with_secret_key_and_plaintext(e4_siv_key_init);
	siv_with_secret_key_and_plaintext(e4_siv_key_once);
	batches_with_secret_keys_and_plaintexts();
	sha3_of_secrets();
	comparisons_of_secrets();
	curve_with_secret_scalars();
	return 0;
}
