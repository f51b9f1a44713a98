/* How far the delivery to one client has come. */
#include <string.h>

#include "c2/core/view.h"

/* In the order of enum delivery_reason. */
static const char *const reasons[] = {
	[REASON_NONE] = "",
	[REASON_SENT] = "sent, waiting for its receipt",
	[REASON_SILENT] = "no receipt: it is offline, or it is a device that gives none",
	[REASON_OLD_KEY] = "it still answers under an older key",
	[REASON_DIFFERS] = "it holds something else: asking what",
	[REASON_REPAIRED_TOPICS] = "it held something else: sent what differed",
	[REASON_REPAIRED_PEERS] = "it held something else: sent all of it",
	[REASON_STUCK] = "it does not take what it is sent: its tables may be full",
	[REASON_ANNOUNCED] = "it announced itself and will be asked",
	[REASON_CUSTODY] = "its keys cannot be opened",
};

static const char *reason_text(const struct core *c, const struct plan_view *v, bool confirmed)
{
	const struct store_client *row = &v->row;
	int64_t device = core_now(c) + row->clock_offset;

	if (row->last_stamp > (uint64_t)(device > 0 ? device : 0) + E4_FUTURE_S)
		return "a clock has stepped back: commands for it are stamped ahead of its clock";
	if (row->reason > REASON_NONE && row->reason < (int32_t)(sizeof reasons / sizeof *reasons))
		return reasons[row->reason];
	if (confirmed)
		return "";
	return row->next_at ? "waits to be sent" : "waits for the device to announce itself";
}

bool core_client_status(struct core *c, const char *client, struct core_client_status *out,
			struct err *err)
{
	struct plan_view v = {.n_keys = 1, .n_c2 = 1};
	struct store_client row;
	bool ok;

	if (!find_client(c, client, &row, err) || !c2_keys_load(c, err))
		return false;
	v.row = row;
	v.pubkey = c->cfg.mode == CORE_PUBKEY;
	ok = view_load(&v, c, INT64_MAX, 0, err); /* no key is opened */
	if (ok) {
		*out = (struct core_client_status){
			.sent_rev = row.sent_rev,
			.confirmed_rev = row.confirmed_rev,
			.receipts = row.last_seen != 0,
			.last_seen = row.last_seen,
			.next_at = row.next_at,
			.clock_offset = row.clock_offset,
			.key_pending = row.n_old_keys > 0 ||
				       (v.pubkey && row.c2_rev < c2_key_newest(c)->rev)};
		out->revision = plan_wanted_rev(&v);
		if (row.key_rev > out->revision)
			out->revision = row.key_rev;
		out->state = out->confirmed_rev >= out->revision && !out->key_pending
				     ? CORE_CLIENT_CONFIRMED
			     : out->sent_rev >= out->revision ? CORE_CLIENT_SENT
							      : CORE_CLIENT_WAITING;
		out->reason = reason_text(c, &v, out->state == CORE_CLIENT_CONFIRMED);
	}
	view_free(&v);
	return ok;
}
