/* Symmetric-key mode (protocol.md section 2). */
#include <string.h>

#include "declassify.h"
#include "life.h"
#include "mode.h"

static enum e4_result set_id_key(struct e4_client *c, struct e4_change *change, const uint8_t *args,
				 const uint64_t *now)
{
	bool zero = e4_is_zero(args, E4_KEY_LEN), same = e4_equal(c->key, args, E4_KEY_LEN);

	(void)now;
	E4_PUBLIC(&zero, sizeof zero);
	E4_PUBLIC(&same, sizeof same);
	if (zero)
		return E4_ERR_COMMAND;
	if (same)
		return E4_OK;
	e4_change_identity(c, change);
	memcpy(c->key, args, E4_KEY_LEN);
	memcpy(c->control_key, args, E4_KEY_LEN);
	return E4_OK;
}

static const struct e4_command_row commands[] = {
	{E4_REMOVE_TOPIC, 16, true, e4_run_remove_topic},
	{E4_RESET_TOPICS, 0, true, e4_run_reset_topics},
	{E4_SET_ID_KEY, 32, true, set_id_key},
	{E4_SET_TOPIC_KEY, 48, true, e4_run_set_topic_key},
	{E4_REPORT_STATE, 17, false, e4_run_report_state},
};

const struct e4_mode e4_mode_sk = {
	.code = 1,
	.identity_len = 32,
	.n_commands = sizeof commands / sizeof commands[0],
	.commands = commands,
};

enum e4_result e4_provision_sk(struct e4_client *c, const uint8_t id[16], const uint8_t key[32])
{
	E4_FRESH(fresh, c);
	bool zero = e4_is_zero(key, E4_KEY_LEN);

	E4_PUBLIC(&zero, sizeof zero);
	if (c->cfg.mode != &e4_mode_sk || zero)
		return E4_ERR_PARAM;
	e4_fresh_init(fresh, c);
	memcpy(fresh->id, id, sizeof fresh->id);
	memcpy(fresh->key, key, E4_KEY_LEN);
	memcpy(fresh->control_key, key, E4_KEY_LEN);
	return e4_become(c, fresh);
}
