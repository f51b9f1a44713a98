/* Keys that the application sets itself, without a key server. */
#include "change.h"
#include "clock.h"
#include "declassify.h"
#include "e4/e4.h"

enum e4_result e4_set_topic_key(struct e4_client *c, const struct e4_topic *t,
				const uint8_t key[32])
{
	struct e4_change change;
	enum e4_result r;
	uint64_t now;
	bool zero = e4_is_zero(key, E4_KEY_LEN);

	E4_PUBLIC(&zero, sizeof zero);
	if (t->control || zero)
		return E4_ERR_PARAM;
	if (!c->provisioned)
		return E4_ERR_NO_STATE;
	e4_clock_now(c, &now);
	e4_change_begin(&change, c);
	r = e4_change_set_topic(c, &change, t->hash, key, &now);
	return r == E4_OK ? e4_change_store(&change, c) : r;
}

enum e4_result e4_remove_topic(struct e4_client *c, const struct e4_topic *t)
{
	struct e4_change change;

	if (t->control)
		return E4_ERR_PARAM;
	e4_change_begin(&change, c);
	e4_change_remove_topic(c, &change, t->hash);
	return e4_change_store(&change, c);
}

enum e4_result e4_reset_topics(struct e4_client *c)
{
	struct e4_change change;

	e4_change_begin(&change, c);
	e4_change_reset_topics(c, &change);
	return e4_change_store(&change, c);
}
