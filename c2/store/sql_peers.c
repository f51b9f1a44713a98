/* Links between clients, and the public keys that devices hold of each other. */
#include <string.h>

#include "c2/store/sql_db.h"

bool sql_link_put(void *ctx, int64_t target_id, int64_t source_id, struct err *err)
{
	struct stmt s = stmt_write(ctx, SQL_LINK_PUT);
	put_int(&s, target_id);
	put_int(&s, source_id);
	return stmt_put(&s, client_known(ctx, target_id) && client_known(ctx, source_id), 0, err);
}

bool sql_link_remove(void *ctx, int64_t target_id, int64_t source_id, struct err *err)
{
	struct stmt s = stmt_write(ctx, SQL_LINK_DELETE);
	put_int(&s, target_id);
	put_int(&s, source_id);
	return stmt_post(&s, 0, err);
}

bool sql_links(void *ctx, int64_t target_id, struct store_page page, store_name_fn *fn, void *arg,
	       struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_LINKS);
	put_int(&s, target_id);
	put_page(&s, page);
	return stmt_names(&s, fn, arg, err);
}

bool sql_links_count(void *ctx, int64_t target_id, int64_t *n, struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_LINKS_COUNT);
	put_int(&s, target_id);
	return stmt_int(&s, n, err);
}

bool sql_link_clients(void *ctx, int64_t target_id, int64_t after_id, int limit,
		      store_client_fn *fn, void *arg, struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_LINK_CLIENTS);
	put_int(&s, target_id);
	put_int(&s, after_id);
	put_limit(&s, limit);
	return stmt_clients(&s, fn, arg, err);
}

bool sql_peer_put(void *ctx, const struct store_peer *row, struct err *err)
{
	struct stmt s = stmt_write(ctx, SQL_PEER_PUT);
	put_int(&s, row->target_id);
	put_blob(&s, row->e4id, sizeof row->e4id);
	put_int(&s, row->source_id);
	put_int(&s, row->rev);
	put_int(&s, row->removed);
	bool known = client_known(ctx, row->target_id) &&
		     (!row->source_id || client_known(ctx, row->source_id));
	return stmt_put(&s, known, 0, err);
}

bool sql_peer_remove(void *ctx, int64_t target_id, const uint8_t e4id[16], struct err *err)
{
	struct stmt s = stmt_write(ctx, SQL_PEER_DELETE);
	put_int(&s, target_id);
	put_blob(&s, e4id, 16);
	return stmt_post(&s, 0, err);
}

bool sql_client_peers(void *ctx, int64_t target_id, store_peer_source_fn *fn, void *arg,
		      struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_CLIENT_PEERS);
	put_int(&s, target_id);
	struct store_peer_source row;
	bool more = true;
	while (more && stmt_row(&s)) {
		row.peer.target_id = get_int(&s);
		row.peer.source_id = get_int(&s);
		get_blob(&s, row.peer.e4id, sizeof row.peer.e4id);
		row.peer.rev = get_int(&s);
		row.peer.removed = get_bool(&s);
		get_sealed(&s, &row.key);
		row.key_rev = get_int(&s);
		more = STMT_GIVE(&s, fn(arg, &row));
	}
	return stmt_end(&s, err);
}

bool sql_peer_holders(void *ctx, int64_t source_id, int64_t after_id, int limit,
		      store_client_fn *fn, void *arg, struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_PEER_HOLDERS);
	put_int(&s, source_id);
	put_int(&s, after_id);
	put_limit(&s, limit);
	return stmt_clients(&s, fn, arg, err);
}
