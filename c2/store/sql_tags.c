/* The search by name and tag, and the tags. */
#include "c2/store/sql_db.h"

bool sql_clients_from(void *ctx, const char *tag, const char *from, int limit, store_client_fn *fn,
		      void *arg, struct err *err)
{
	struct stmt s = stmt_read(ctx, tag ? SQL_TAG_CLIENTS_FROM : SQL_CLIENTS_FROM);
	if (tag)
		put_text(&s, tag);
	put_text(&s, from);
	put_limit(&s, limit);
	return stmt_clients(&s, fn, arg, err);
}

bool sql_client_tags(void *ctx, int64_t client_id, store_name_fn *fn, void *arg, struct err *err)
{
	struct stmt s = stmt_read(ctx, SQL_CLIENT_TAGS);
	put_int(&s, client_id);
	return stmt_names(&s, fn, arg, err);
}

bool sql_client_tag_put(void *ctx, int64_t client_id, const char *tag, struct err *err)
{
	struct stmt s = stmt_write(ctx, SQL_CLIENT_TAG_PUT);
	put_text(&s, tag);
	put_int(&s, client_id);
	return stmt_put(&s, client_known(ctx, client_id), 0, err);
}

bool sql_client_tag_remove(void *ctx, int64_t client_id, const char *tag, struct err *err)
{
	struct stmt s = stmt_write(ctx, SQL_CLIENT_TAG_DELETE);
	put_int(&s, client_id);
	put_text(&s, tag);
	return stmt_post(&s, 0, err);
}
