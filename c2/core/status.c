/* How far the delivery to one client has come. */
#include <stdlib.h>
#include <string.h>

#include "c2/core/view.h"

/* Pages that one call looks at, when most clients are not behind: 3 ms. */
enum { SCAN_PAGES = 4 };

/* In the order of enum delivery_reason. */
static const char *const reasons[] = {
	[REASON_NONE] = "",
	[REASON_SENT] = "sent, waiting for its receipt",
	[REASON_SILENT] = "no receipt: it is offline",
	[REASON_OLD_KEY] = "it still answers under an older key",
	[REASON_DIFFERS] = "it holds something else: asking what",
	[REASON_REPAIRED_TOPICS] = "it held something else: sent what differed",
	[REASON_REPAIRED_PEERS] = "it held something else: sent all of it",
	[REASON_STUCK] = "it does not take what it is sent: its tables may be full",
	[REASON_ANNOUNCED] = "it announced itself and will be asked",
	[REASON_CUSTODY] = "its keys cannot be opened",
	[REASON_SEEN] = "the broker saw it and it will be sent to",
	[REASON_TOLD] = "it gives no receipts: told for long what to remove, again when it is seen",
};

/* It knew us before the database was restored, and has not answered since. */
static bool lost_since_restore(const struct core *c, const struct store_client *row)
{
	return row->last_seen > 0 && row->last_seen <= c->restored_at &&
	       row->reason != REASON_CUSTODY;
}

/* As far as it is known: an older C2 key was dropped before this one confirmed a newer one. */
static bool holds_only_lost_key(const struct core *c, const struct store_client *row)
{
	return c->n_c2_keys > 0 && row->c2_rev < c->c2_keys[0].rev;
}

/* What of it may well be true of a device that has never answered. */
static const char never_answered[] =
	"it has never given a receipt: it is offline, or a device that gives none";

static const char *reason_text(const struct core *c, const struct store_client *row, bool confirmed)
{
	int64_t device = core_now(c) + row->clock_offset;

	if (row->last_stamp > (uint64_t)(device > 0 ? device : 0) + E4_FUTURE_S)
		return "a clock has stepped back: commands for it are stamped ahead of its clock";
	if (!confirmed && lost_since_restore(c, row))
		return "no answer since the database was restored: it is offline, or its own key "
		       "was changed after that backup; then give it a key again";
	if (holds_only_lost_key(c, row))
		return "it has confirmed no C2 key that is still there: if it stays silent, give "
		       "it "
		       "the newest by hand";
	if (plan_is_legacy(row) && row->reason == REASON_SILENT)
		return never_answered;
	if (row->reason > REASON_NONE && row->reason < (int32_t)(sizeof reasons / sizeof *reasons))
		return reasons[row->reason];
	if (confirmed)
		return "";
	return row->next_at ? "waits to be sent" : "waits for the device to announce itself";
}

bool client_status(struct core *c, const struct store_client *row,
		   const struct member_list *members, struct core_client_status *out,
		   struct err *err)
{
	struct plan_view v = {.n_keys = 1, .n_c2 = 1, .row = *row};
	bool ok;

	v.pubkey = c->cfg.mode == CORE_PUBKEY;
	ok = view_load(&v, c, INT64_MAX, members, err); /* no key is opened */
	if (ok) {
		*out = (struct core_client_status){
			.sent_rev = row->sent_rev,
			.confirmed_rev = row->confirmed_rev,
			.receipts = row->last_seen != 0,
			.last_seen = row->last_seen,
			.next_at = row->next_at,
			.since = row->behind_since,
			.clock_offset = row->clock_offset,
			.key_rev = row->key_rev,
			.key_at = row->key_at,
			.type = (enum core_client_type)row->type,
			.key_pending = row->n_old_keys > 0 ||
				       (v.pubkey && row->c2_rev < c2_key_newest(c)->rev)};
		out->revision = plan_wanted_rev(&v);
		if (row->key_rev > out->revision)
			out->revision = row->key_rev;
		out->state = out->confirmed_rev >= out->revision && !out->key_pending
				     ? CORE_CLIENT_CONFIRMED
			     : out->sent_rev >= out->revision ? CORE_CLIENT_SENT
							      : CORE_CLIENT_WAITING;
		out->reason = reason_text(c, row, out->state == CORE_CLIENT_CONFIRMED);
	}
	view_free(&v);
	return ok;
}

/* What hangs on it, asked together where the database is far. */
static bool status_and_tags(struct core *c, const struct store_client *row, struct arena *arena,
			    struct core_client_status *out, struct err *err)
{
	const struct store_question asks[] = {{STORE_ASK_MEMBERS, row->id, 0},
					      {STORE_ASK_TAGS, row->id, 0},
					      {STORE_ASK_PEERS, row->id, 0}};
	struct name_list tags = {.arena = arena, .out = &out->tags};

	ASK_AHEAD(c, asks, c->cfg.mode == CORE_PUBKEY ? 3 : 2);
	return client_status(c, row, 0, out, err) &&
	       DB(c, client_tags, row->id, name_list_add, &tags, err);
}

bool core_client_status(struct core *c, const char *client, struct arena *arena,
			struct core_client_status *out, struct err *err)
{
	struct store_client row;

	if (!find_client(c, client, &row, err) || !c2_keys_load(c, err))
		return false;
	if (!arena)
		return client_status(c, &row, 0, out, err);
	if (status_and_tags(c, &row, arena, out, err))
		return true;
	ASK_AHEAD(c, 0, 0); /* not all was asked */
	return false;
}

/* --- those that are behind --------------------------------------------------------------- */

static void describe(struct core_behind_client *out, const struct core *c,
		     const struct store_client *row, struct arena *arena)
{
	bool due = row->next_at > 0 && row->next_at <= core_now(c);

	*out = (struct core_behind_client){.name = arena_copy(arena, row->name, strlen(row->name)),
					   .state = row->sent_rev >= row->wanted_rev && !due
							    ? CORE_CLIENT_SENT
							    : CORE_CLIENT_WAITING,
					   .receipts = !plan_is_legacy(row),
					   .since = row->behind_since,
					   .last_seen = row->last_seen,
					   .next_at = row->next_at,
					   .reason = reason_text(c, row, false)};
}

/* Of a topic: is it behind with this one? */
static bool is_behind(struct core *c, const struct store_client *row,
		      const struct store_topic *topic, bool *behind, struct err *err)
{
	struct store_member m;
	bool found;

	*behind = row->behind_since != 0;
	if (!*behind || !topic->id)
		return true;
	if (!DB(c, member, row->id, topic->id, &m, &found, err))
		return false;
	*behind = found && !m.removed &&
		  row->confirmed_rev < (m.rev > topic->rev ? m.rev : topic->rev);
	return true;
}

static bool behind_page(struct core *c, const struct store_topic *topic, int64_t count,
			struct client_list *list, struct arena *arena, struct core_behind *out,
			struct err *err)
{
	bool behind, ok = topic->id ? DB(c, topic_members, topic->id, out->next, CORE_PAGE,
					 client_list_add, list, err)
				    : DB(c, clients_after, out->next, CORE_PAGE, client_list_add,
					 list, err);

	for (size_t i = 0; i < list->n && ok && (int64_t)out->n < count; i++) {
		ok = is_behind(c, &list->rows[i], topic, &behind, err);
		if (ok && behind)
			describe(&out->clients[out->n++], c, &list->rows[i], arena);
		out->next = list->rows[i].id;
	}
	return ok;
}

bool core_clients_behind(struct core *c, const char *topic, int64_t after, int64_t count,
			 struct arena *arena, struct core_behind *out, struct err *err)
{
	struct client_list list = {0};
	struct store_topic row = {.id = 0};
	bool ok = !topic || find_topic(c, topic, &row, err), end = false;

	*out = (struct core_behind){.next = after};
	out->clients = arena_alloc(arena, (size_t)count * sizeof *out->clients + 1);
	for (int i = 0; i < SCAN_PAGES && ok && !end && (int64_t)out->n < count; i++) {
		list.n = 0;
		ok = behind_page(c, &row, count, &list, arena, out, err);
		end = list.n < CORE_PAGE && (list.n == 0 || out->next == list.rows[list.n - 1].id);
	}
	if (end)
		out->next = 0;
	client_list_free(&list);
	return ok;
}
