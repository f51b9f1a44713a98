/* The revision counter, named values and events. */
#include <string.h>

#include "c2/store/sql_db.h"

bool sql_revision(void *ctx, int64_t *rev, struct err *err)
{
	struct sql_state state;
	bool ok = state_get(ctx, &state, err);
	*rev = state.revision;
	return ok;
}

bool sql_revision_next(void *ctx, int64_t *rev, struct err *err)
{
	struct sql_state *state = state_change(ctx, err);
	*rev = state ? ++state->revision : 0;
	return state != 0;
}

bool sql_meta_get(void *ctx, const char *name, uint8_t *out, size_t cap, size_t *len, bool *found,
		  struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_META_GET);
	put_text(&s, name);
	*len = 0;
	*found = stmt_row(&s);
	if (*found)
		*len = get_bytes(&s, out, cap);
	*found = *found && stmt_ok(&s);
	return stmt_end(&s, err);
}

bool sql_meta_put(void *ctx, const char *name, const uint8_t *value, size_t len, struct err *err)
{
	struct db *db = ctx;
	struct stmt s = stmt_write(db, SQL_META_PUT);
	db->keys_dropped |= !len;
	put_text(&s, name);
	put_blob(&s, value, len);
	return stmt_post(&s, 0, err);
}

bool sql_event_append(void *ctx, struct store_event *row, struct err *err)
{
	struct sql_state *state = state_change(ctx, err);
	if (!state)
		return false;
	row->seq = ++state->last_event;
	struct stmt s = stmt_write(ctx, SQL_EVENT_INSERT);
	put_int(&s, row->seq);
	put_int(&s, row->type);
	put_int(&s, row->at_ms);
	put_text(&s, row->source);
	put_text(&s, row->target);
	return stmt_post(&s, 0, err);
}

bool sql_events_after(void *ctx, int64_t seq, int limit, store_event_fn *fn, void *arg,
		      struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_EVENTS_AFTER);
	put_int(&s, seq);
	put_limit(&s, limit);
	struct store_event row;
	bool more = true;
	while (more && stmt_row(&s)) {
		row.seq = get_int(&s);
		row.type = (int32_t)get_int(&s);
		row.at_ms = get_int(&s);
		get_text(&s, row.source, sizeof row.source);
		get_text(&s, row.target, sizeof row.target);
		more = STMT_GIVE(&s, fn(arg, &row));
	}
	return stmt_end(&s, err);
}

bool sql_events_last(void *ctx, int64_t *seq, struct err *err)
{
	struct sql_state state;
	bool ok = state_get(ctx, &state, err);
	*seq = state.last_event;
	return ok;
}

bool sql_events_prune(void *ctx, int64_t keep, struct err *err)
{
	struct sql_state state;
	if (!state_get(ctx, &state, err))
		return false;
	struct stmt s = stmt_write(ctx, SQL_EVENTS_PRUNE);
	put_int(&s, keep > 0 ? state.last_event - keep : state.last_event);
	return stmt_post(&s, 0, err);
}
