#include "c2/core/keys.h"

#include <string.h>

/* id(16) | revision(8, little-endian) */
enum { ROW_LEN = 24 };

static void put_rev(uint8_t out[8], int64_t rev)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)((uint64_t)rev >> (8 * i));
}

static void row_of(uint8_t row[ROW_LEN], const uint8_t id[16], int64_t rev)
{
	memcpy(row, id, 16);
	put_rev(row + 16, rev);
}

bool seal_client_key(const struct custody *c, struct sealed *out, const uint8_t e4id[16],
		     int64_t rev, const uint8_t key[32], struct err *err)
{
	uint8_t row[ROW_LEN];

	row_of(row, e4id, rev);
	return custody_seal(c, out, CUSTODY_CLIENT_KEY, row, sizeof row, key, 32, err);
}

bool open_client_key(const struct custody *c, uint8_t key[32], const uint8_t e4id[16], int64_t rev,
		     const struct sealed *in, struct err *err)
{
	uint8_t row[ROW_LEN];

	row_of(row, e4id, rev);
	return custody_open(c, key, 32, CUSTODY_CLIENT_KEY, row, sizeof row, in, err);
}

bool seal_client_private(const struct custody *c, struct sealed *out, const uint8_t e4id[16],
			 int64_t rev, const uint8_t key[64], struct err *err)
{
	uint8_t row[ROW_LEN];

	row_of(row, e4id, rev);
	return custody_seal(c, out, CUSTODY_CLIENT_PRIVATE, row, sizeof row, key, 64, err);
}

bool open_client_private(const struct custody *c, uint8_t key[64], const uint8_t e4id[16],
			 int64_t rev, const struct sealed *in, struct err *err)
{
	uint8_t row[ROW_LEN];

	row_of(row, e4id, rev);
	return custody_open(c, key, 64, CUSTODY_CLIENT_PRIVATE, row, sizeof row, in, err);
}

bool seal_topic_key(const struct custody *c, struct sealed *out, const uint8_t hash[16],
		    int64_t rev, const uint8_t key[32], struct err *err)
{
	uint8_t row[ROW_LEN];

	row_of(row, hash, rev);
	return custody_seal(c, out, CUSTODY_TOPIC_KEY, row, sizeof row, key, 32, err);
}

bool open_topic_key(const struct custody *c, uint8_t key[32], const uint8_t hash[16], int64_t rev,
		    const struct sealed *in, struct err *err)
{
	uint8_t row[ROW_LEN];

	row_of(row, hash, rev);
	return custody_open(c, key, 32, CUSTODY_TOPIC_KEY, row, sizeof row, in, err);
}

bool seal_c2_key(const struct custody *c, struct sealed *out, int64_t rev, const uint8_t key[32],
		 struct err *err)
{
	uint8_t row[8];

	put_rev(row, rev);
	return custody_seal(c, out, CUSTODY_C2_KEY, row, sizeof row, key, 32, err);
}

bool open_c2_key(const struct custody *c, uint8_t key[32], int64_t rev, const struct sealed *in,
		 struct err *err)
{
	uint8_t row[8];

	put_rev(row, rev);
	return custody_open(c, key, 32, CUSTODY_C2_KEY, row, sizeof row, in, err);
}
