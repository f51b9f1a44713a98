/*
 * What the library takes on a board: one set-up, one protect, one unprotect,
 * four topics, application buffers of 216 bytes, nothing stored. Built by
 * tools/footprint.py, as it is for the sizes, and with FOOTPRINT_MEASURE to
 * find the stack and the time of each step.
 *   FOOTPRINT_PK     PK mode, where the device is its own peer
 *   FOOTPRINT_CURVES only signing, verifying and X25519, in PK mode
 *   FOOTPRINT_CACHE  one expanded topic key is kept
 */
#include "e4/e4.h"

#define PAYLOAD 64 /* as plaintext twice and once as a message: 216 bytes */
#ifdef FOOTPRINT_PK
#define OVERHEAD E4_OVERHEAD_PK
#else
#define OVERHEAD E4_OVERHEAD_SK
#endif

static struct e4_client client;
static struct e4_topic_key topics[4];
static struct e4_topic topic;
static uint8_t plain[PAYLOAD];
static uint8_t message[PAYLOAD + OVERHEAD];
static uint8_t received[PAYLOAD];
#ifdef FOOTPRINT_CACHE
static struct e4_key_cache cache[1];
#endif

#ifdef FOOTPRINT_PK
static struct e4_peer peers[1];
static uint8_t private_key[64];
/* The base point of X25519 serves as the key of C2. */
static const uint8_t c2_public[32] = {9};
#endif
static const char name[] = "hall/12/temperature";

static bool now(void *ctx, uint64_t *seconds)
{
	(void)ctx;
	*seconds = 1700000000;
	return true;
}

/* Not constants, which would take RAM on AVR: an application has them in EEPROM or in flash. */
static void fill(uint8_t *out, uint8_t len)
{
	while (len-- > 0)
		*out++ = (uint8_t)(len + 1);
}

static __attribute__((noinline)) bool configure(void)
{
	struct e4_config config = {
#ifdef FOOTPRINT_PK
		.mode = &e4_mode_pk,
		.peers = peers,
		.n_peers = 1,
#else
		.mode = &e4_mode_sk,
#endif
		.topics = topics,
		.n_topics = 4,
#ifdef FOOTPRINT_CACHE
		.cache = cache,
		.n_cache = 1,
#endif
		.now = now,
		.future_s = E4_FUTURE_S,
		.grace_s = E4_GRACE_S,
	};

	return e4_init(&client, &config) == E4_OK;
}

static __attribute__((noinline)) bool become(void)
{
	uint8_t id[16], key[32];

	fill(id, sizeof id);
	fill(key, sizeof key);
#ifdef FOOTPRINT_PK
	e4_ed25519_keypair(private_key, key);
	return e4_provision_pk(&client, id, private_key, c2_public) == E4_OK &&
	       e4_set_peer(&client, id, private_key + 32) == E4_OK;
#else
	return e4_provision_sk(&client, id, key) == E4_OK;
#endif
}

static __attribute__((noinline)) bool topic_key(void)
{
	uint8_t key[32];

	fill(key, sizeof key);
	return e4_set_topic_key(&client, &topic, key) == E4_OK;
}

static __attribute__((noinline)) bool topic_handle(void)
{
	return e4_topic_init(&topic, &client, name, sizeof name - 1) == E4_OK;
}

static bool set_up(void)
{
	return configure() && become() && topic_handle() && topic_key();
}

static bool protect(void)
{
	size_t len;

	return e4_protect(&client, &topic, message, sizeof message, &len, plain, PAYLOAD) == E4_OK;
}

static bool unprotect(void)
{
	size_t len;

	return e4_unprotect(&client, &topic, received, sizeof received, &len, message,
			    sizeof message) == E4_OK;
}

#if defined(FOOTPRINT_CURVES)

int main(void)
{
	e4_ed25519_sign(message, plain, PAYLOAD, private_key);
	return e4_ed25519_verify(message, plain, PAYLOAD, private_key) &&
	       e4_x25519(received, private_key, c2_public);
}

#elif !defined(FOOTPRINT_MEASURE)

int main(void)
{
	return !(set_up() && protect() && unprotect());
}

#else

#include "footprint_measure.h"

static bool whole(void)
{
	return set_up() && protect() && unprotect();
}

static bool hash(void)
{
	uint8_t h[E4_HASH_LEN];

	e4_topic_hash(h, name, sizeof name - 1);
	return true;
}

static bool nothing(void)
{
	return true;
}

#ifdef FOOTPRINT_PK
static bool sign(void)
{
	e4_ed25519_sign(message, plain, PAYLOAD, private_key);
	return true;
}

static bool verify(void)
{
	return e4_ed25519_verify(message, plain, PAYLOAD, private_key + 32);
}

static bool x25519(void)
{
	return e4_x25519(received, private_key, c2_public);
}
#endif

int main(void)
{
	bool ok = measure_stack("stack", whole);

	measure_begin();
	ok = measure_time("nothing", nothing) && ok;
	ok = measure_time("hash", hash) && ok;
#ifdef FOOTPRINT_PK
	ok = measure_time("sign", sign) && ok;
	ok = measure_time("verify", verify) && ok;
	ok = measure_time("x25519", x25519) && ok;
#else
	ok = measure_time("protect", protect) && ok;
	ok = measure_time("unprotect", unprotect) && ok;
#endif
	board_exit(!ok);
	return 0;
}

#endif
