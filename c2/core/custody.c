#include "c2/core/custody.h"

#include <string.h>

#include "e4/crypto.h"

static bool in_range(enum custody_purpose purpose, const uint8_t *row, size_t row_len, size_t len)
{
	return purpose >= CUSTODY_CLIENT_KEY && purpose <= CUSTODY_BACKUP && row && row_len &&
	       row_len <= CUSTODY_ROW_MAX && len && len <= CUSTODY_KEY_MAX;
}

bool custody_seal(const struct custody *c, struct sealed *out, enum custody_purpose purpose,
		  const uint8_t *row, size_t row_len, const uint8_t *key, size_t len,
		  struct err *err)
{
	memset(out, 0, sizeof *out);
	if (!in_range(purpose, row, row_len, len))
		return err_set(err, ERR_INTERNAL, "a key of a kind that is not sealed");
	bool ok = c->ops->seal(c->ctx, out, purpose, row, row_len, key, len, err);
	/* A backend that returns the key itself would put it into the database. */
	if (ok && (out->len <= len || out->len > SEALED_MAX))
		ok = err_set(err, ERR_CUSTODY, "the custody backend returned no sealed key");
	if (!ok)
		memset(out, 0, sizeof *out);
	return ok;
}

bool custody_open(const struct custody *c, uint8_t *key, size_t len, enum custody_purpose purpose,
		  const uint8_t *row, size_t row_len, const struct sealed *in, struct err *err)
{
	bool ok = in_range(purpose, row, row_len, len);
	if (!ok)
		err_set(err, ERR_INTERNAL, "a key of a kind that is not sealed");
	else if (in->len <= len || in->len > SEALED_MAX)
		ok = err_set(err, ERR_CUSTODY, "a stored key is missing or damaged");
	else
		ok = c->ops->open(c->ctx, key, len, purpose, row, row_len, in, err);
	if (!ok && len <= CUSTODY_KEY_MAX)
		e4_wipe(key, len);
	return ok;
}

bool custody_check(const struct custody *c, struct err *err)
{
	return c->ops->check(c->ctx, err);
}

bool custody_state(const struct custody *c, enum custody_state *state, struct err *err)
{
	*state = CUSTODY_FIXED;
	return !c->ops->state || c->ops->state(c->ctx, state, err);
}

void custody_close(struct custody *c)
{
	if (c->ops)
		c->ops->close(c->ctx);
	c->ops = 0;
	c->ctx = 0;
}
