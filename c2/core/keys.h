/*
 * Keys in and out of the custody, each bound to its row: client keys to the
 * client's id and the revision of the key, topic keys to the topic's hash and
 * revision, our own keys to their revision. A sealed key copied to another
 * row, or an older one put back, does not open.
 */
#ifndef C2_CORE_KEYS_H
#define C2_CORE_KEYS_H

#include "c2/core/custody.h"
#include "c2/core/store.h"

bool seal_client_key(const struct custody *c, struct sealed *out, const uint8_t e4id[16],
		     int64_t rev, const uint8_t key[32], struct err *err);
bool open_client_key(const struct custody *c, uint8_t key[32], const uint8_t e4id[16], int64_t rev,
		     const struct sealed *in, struct err *err);
/* PK: a private key on its way to its device. */
bool seal_client_private(const struct custody *c, struct sealed *out, const uint8_t e4id[16],
			 int64_t rev, const uint8_t key[64], struct err *err);
bool open_client_private(const struct custody *c, uint8_t key[64], const uint8_t e4id[16],
			 int64_t rev, const struct sealed *in, struct err *err);
bool seal_topic_key(const struct custody *c, struct sealed *out, const uint8_t hash[16],
		    int64_t rev, const uint8_t key[32], struct err *err);
bool open_topic_key(const struct custody *c, uint8_t key[32], const uint8_t hash[16], int64_t rev,
		    const struct sealed *in, struct err *err);
bool seal_c2_key(const struct custody *c, struct sealed *out, int64_t rev, const uint8_t key[32],
		 struct err *err);
bool open_c2_key(const struct custody *c, uint8_t key[32], int64_t rev, const struct sealed *in,
		 struct err *err);

#endif
