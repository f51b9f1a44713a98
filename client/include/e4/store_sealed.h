/*
 * A store over any other store, which seals what goes through it under a key
 * that only this device has: from fuses, a PUF, a secure element, a TPM. Who
 * takes the medium then has bytes; who reads it twice sees that something was
 * saved, and how long it is.
 *
 * What is kept:
 *   "E4S1" | generation(4) | length(4)      of the state, little-endian
 *   each chunk of 64 bytes, the last one may be shorter: AES-256-SIV under the
 *   device key, tag(16) | ciphertext, with the associated data
 *     generation(4) | length(4) | bytes before the chunk(4)
 *     | chunk size, and 0x8000 for the last one(4) | tag of the chunk before (16; zeros for the
 * first) So a chunk counts in its own place of its own state only, also beside what a save of the
 * same generation left that a power cut stopped, and nothing can be cut off or added. The
 * generation grows by one with each save, which makes equal states different bytes; no randomness
 * is needed. Key length and algorithm are those of the messages, so this adds no primitive.
 *
 * What is not covered: the whole medium put back to what it was before
 * (rollback), as long as the platform has no counter that only grows: with one,
 * give both functions below, and an older state is E4_ERR_CORRUPT. Who can
 * write the medium can also put the generation back before a save; then an
 * equal beginning of two states shows as equal chunks, nothing else. And
 * nothing here hides keys from who can read the device's memory.
 *
 * A wrong device key or a changed byte is E4_ERR_CORRUPT: what is not authentic
 * comes as zeros, as does all after it, which the state's checksum finds. (False
 * would say that the medium cannot be read.) So whoever reads this store by
 * other means than e4_load() checks e4_store_sealed.authentic at the end.
 */
#ifndef E4_STORE_SEALED_H
#define E4_STORE_SEALED_H

#include "e4/e4.h"

#ifdef __cplusplus
extern "C" {
#endif

#define E4_SEALED_CHUNK 64
#define E4_SEALED_HEADER 12

/* The longest state: what is stored of it has a length that fits size_t, and 32 bits. */
#define E4_SEALED_MAX ((SIZE_MAX > 0xffffffff ? 0xffffffff : SIZE_MAX) / 2)

/* Bytes that the store below must hold for a state of len (at least 1). */
#define E4_SEALED_LEN(len)                                                                         \
	((size_t)E4_SEALED_HEADER + (len) +                                                        \
	 E4_SIV_TAG_LEN * (((len) + E4_SEALED_CHUNK - 1) / E4_SEALED_CHUNK))

/* A counter of the platform that nobody can put back. Both functions or none. */
struct e4_sealed_counter {
	void *ctx;
	bool (*get)(void *ctx, uint32_t *value);
	/*
	 * Make it value, which is larger than it is. Called after the save; when that
	 * fails, the save holds, and the next load or save moves the counter.
	 */
	bool (*set)(void *ctx, uint32_t value);
};

/* Fields are private but for authentic. Holds the device key: close it. */
struct e4_store_sealed {
	struct e4_store below;
	struct e4_sealed_counter counter;
	struct e4_siv_key key;
	uint32_t generation; /* of what is read or written */
	uint32_t highest;    /* generation seen so far */
	uint32_t len;        /* of the state */
	uint32_t done;       /* bytes of it that were read or written */
	uint8_t n_plain;     /* bytes of this chunk that are in buf */
	uint8_t at;          /* of them, those that were read */
	uint8_t doing;
	bool authentic;              /* of all that was read since load_begin */
	uint8_t tag[E4_SIV_TAG_LEN]; /* of the chunk before */
	uint8_t buf[E4_SIV_TAG_LEN + E4_SEALED_CHUNK];
};

/*
 * Over the store below, which stays the caller's; counter may be null. The key
 * is used for nothing else. E4_ERR_PARAM: an all-zero key, a store or a counter
 * that lacks a function.
 */
enum e4_result e4_store_sealed_open(struct e4_store_sealed *s, const struct e4_store *below,
				    const uint8_t device_key[32],
				    const struct e4_sealed_counter *counter);

/* For e4_config.store; s stays where it is until the client is done. */
struct e4_store e4_store_sealed_functions(struct e4_store_sealed *s);

/* Wipe it; the store below is left as it is. */
void e4_store_sealed_close(struct e4_store_sealed *s);

#ifdef __cplusplus
}
#endif
#endif
