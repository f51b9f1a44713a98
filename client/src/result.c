#include "e4/e4.h"

static const char *const success[] = {"ok", "command carried out", "report asked for"};

static const char *const failure[] = {
	[E4_ERR_LENGTH - E4_ERR] = "invalid length",
	[E4_ERR_AUTH - E4_ERR] = "not authentic",
	[E4_ERR_SIGNATURE - E4_ERR] = "invalid signature",
	[E4_ERR_FUTURE - E4_ERR] = "timestamp in the future",
	[E4_ERR_TOO_OLD - E4_ERR] = "timestamp too old",
	[E4_ERR_NO_TOPIC_KEY - E4_ERR] = "topic key missing",
	[E4_ERR_NO_PUBKEY - E4_ERR] = "public key missing",
	[E4_ERR_REPLAYED - E4_ERR] = "replayed",
	[E4_ERR_COMMAND - E4_ERR] = "invalid command",
	[E4_ERR_STORE - E4_ERR] = "storage failed",
	[E4_ERR_PARAM - E4_ERR] = "bad parameter",
	[E4_ERR_SPACE - E4_ERR] = "buffer too small",
	[E4_ERR_FULL - E4_ERR] = "table full",
	[E4_ERR_NO_STATE - E4_ERR] = "nothing stored yet",
	[E4_ERR_CORRUPT - E4_ERR] = "stored state damaged",
	[E4_ERR_NO_TIME - E4_ERR] = "time not known yet",
	[E4_ERR_ELEMENT - E4_ERR] = "secure element failed",
};

const char *e4_result_text(enum e4_result r)
{
	unsigned i = (unsigned)r;

	if (i < sizeof success / sizeof success[0])
		return success[i];
	if (i >= E4_ERR && i - E4_ERR < sizeof failure / sizeof failure[0])
		return failure[i - E4_ERR];
	return "unknown result";
}
