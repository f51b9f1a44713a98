/*
 * What comes before and after the cipher, for a message alone and for one of a
 * batch. Without the key cache there are no batches; then each step is a part
 * of the one function that uses it.
 */
#ifndef E4_SRC_STEPS_H
#define E4_SRC_STEPS_H

#include "e4/e4.h"

#ifdef E4_NO_CACHE
#define E4_STEP static
#else
#define E4_STEP

/* Whether it may be sent: the key, by its place t->slot, and the time to stamp it with. */
enum e4_result e4_protect_begin(const struct e4_client *c, struct e4_topic *t,
				const struct e4_topic_key **key, uint64_t *now, size_t out_cap,
				size_t len);

/* The box in out is sealed with the stamp now: stamp and seal again if these bytes went out before.
 */
void e4_make_distinct(struct e4_client *c, const struct e4_siv_key *k, uint8_t *out,
		      const uint64_t *now, size_t len);

/* What else makes a message of len bytes of plaintext; its length, 0 if it can't be signed. */
size_t e4_protect_end(struct e4_client *c, uint8_t *out, size_t len);

/* Whether to decrypt it: key, time, in PK mode the signature. */
enum e4_result e4_unprotect_begin(const struct e4_client *c, struct e4_topic *t,
				  const struct e4_topic_key **key, uint64_t *now, size_t out_cap,
				  const uint8_t *in, size_t in_len);

/* ok: the current key opened it to out. Else the old key is tried; time and replay. */
enum e4_result e4_unprotect_end(struct e4_client *c, bool ok, uint8_t *out, size_t *out_len,
				const struct e4_topic_key *key, const uint64_t *now,
				const uint8_t *in, size_t in_len);
#endif

#endif
