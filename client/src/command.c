/* Control commands (protocol.md sections 4 to 6). */
#include "command.h"

#include <string.h>

#include "clock.h"
#include "declassify.h"
#include "mode.h"

enum e4_result e4_run_remove_topic(struct e4_client *c, struct e4_change *change,
				   const uint8_t *args, const uint64_t *now)
{
	(void)now;
	E4_PUBLIC(args, E4_HASH_LEN);
	e4_change_remove_topic(c, change, args);
	return E4_OK;
}

enum e4_result e4_run_reset_topics(struct e4_client *c, struct e4_change *change,
				   const uint8_t *args, const uint64_t *now)
{
	(void)args;
	(void)now;
	e4_change_reset_topics(c, change);
	return E4_OK;
}

/*
 * Unlike e4_set_topic_key(), this obeys an all-zero key, as the clients in the
 * field do: C2 and its devices must agree on what a device holds, and nobody
 * but C2 can send it.
 */
enum e4_result e4_run_set_topic_key(struct e4_client *c, struct e4_change *change,
				    const uint8_t *args, const uint64_t *now)
{
	E4_PUBLIC(args + E4_KEY_LEN, E4_HASH_LEN);
	return e4_change_set_topic(c, change, args + E4_KEY_LEN, args, now);
}

enum e4_result e4_run_report_state(struct e4_client *c, struct e4_change *change,
				   const uint8_t *args, const uint64_t *now)
{
	(void)c;
	(void)change;
	(void)args;
	(void)now;
	return E4_OK;
}

static const struct e4_command_row *find(const struct e4_mode *mode, const uint8_t *plain,
					 size_t len)
{
	E4_PUBLIC(plain, len > 0 ? 1 : 0);
	for (uint8_t i = 0; i < mode->n_commands; i++)
		if (len == 1u + mode->commands[i].len && plain[0] == mode->commands[i].code)
			return &mode->commands[i];
	return NULL;
}

/* Section 5: a device without a clock takes its time from here, forwards only. */
static void move_marks(struct e4_client *c, const struct e4_command_row *row, const uint64_t *stamp)
{
	if (row->changes && e4_later_by(stamp, &c->high_water) > 0)
		c->high_water = *stamp;
	if (c->cfg.clock == E4_CLOCK_NONE && e4_later_by(stamp, &c->time_seen) > 0)
		c->time_seen = *stamp;
}

enum e4_result e4_command_run(struct e4_client *c, const uint64_t *stamp, const uint8_t *plain,
			      size_t len)
{
	const struct e4_command_row *row = find(c->cfg.mode, plain, len);
	struct e4_change change;
	enum e4_result r;
	uint64_t now = 0;

	if (e4_later_by(&c->high_water, stamp) > 0)
		return E4_ERR_TOO_OLD;
	if (!row)
		return E4_ERR_COMMAND;
	e4_change_begin(&change, c);
	e4_clock_now(c, &now);
	if (c->cfg.clock == E4_CLOCK_NONE && e4_later_by(stamp, &now) > 0)
		now = *stamp;
	r = row->run(c, &change, plain + 1, &now);
	if (r != E4_OK)
		return r;
	move_marks(c, row, stamp);
	r = e4_change_store(&change, c);
	if (r != E4_OK || row->changes)
		return r == E4_OK ? E4_COMMAND : r;
	E4_PUBLIC(plain + 1, 17);
	memcpy(c->nonce, plain + 1, sizeof c->nonce);
	c->report_entries = (plain[17] & E4_REPORT_ENTRIES) != 0;
	return E4_REPORT;
}
