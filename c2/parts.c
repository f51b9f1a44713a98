#include "c2/parts.h"

#include "c2/store/maria.h"
#include "c2/store/pg.h"
#include "c2/store/sqlite.h"

static struct store_pg_config conf_pg(const struct c2_conf *conf)
{
	return (struct store_pg_config){.url = conf->db_url,
					.password_file = conf->db_password_file};
}

struct custody_soft_config conf_custody(const struct c2_conf *conf)
{
	return (struct custody_soft_config){
		.passphrase_file = conf->custody_passphrase_file,
		.key_file = conf->custody_key_file,
		.next_passphrase_file = conf->custody_next_passphrase_file,
		.next_key_file = conf->custody_next_key_file,
	};
}

/* Is db.url one of MariaDB or MySQL? */
static bool conf_is_maria(const struct c2_conf *conf)
{
	return conf->db_url && store_maria_is_url(conf->db_url);
}

static struct store_maria_config conf_maria(const struct c2_conf *conf)
{
	return (struct store_maria_config){.url = conf->db_url,
					   .password_file = conf->db_password_file};
}

bool conf_store_open(struct store *out, const struct c2_conf *conf, struct err *err)
{
	const struct store_pg_config pg = conf_pg(conf);
	const struct store_maria_config maria = conf_maria(conf);

	if (!conf->db_url)
		return store_sqlite_open(out, conf->db_path, err);
	return conf_is_maria(conf) ? store_maria_open(out, &maria, err)
				   : store_pg_open(out, &pg, err);
}

bool conf_store_beside(struct store *out, const struct c2_conf *conf, struct err *err)
{
	struct store_pg_config pg = conf_pg(conf);
	struct store_maria_config maria = conf_maria(conf);

	pg.as_it_is = maria.as_it_is = true;
	if (!conf->db_url)
		return store_sqlite_beside(out, conf->db_path, err);
	return conf_is_maria(conf) ? store_maria_open(out, &maria, err)
				   : store_pg_open(out, &pg, err);
}

bool conf_store_schema(const struct c2_conf *conf, int *have, int *want, struct err *err)
{
	const struct store_pg_config pg = conf_pg(conf);
	const struct store_maria_config maria = conf_maria(conf);

	if (!conf->db_url)
		return store_sqlite_schema(conf->db_path, have, want, err);
	return conf_is_maria(conf) ? store_maria_schema(&maria, have, want, err)
				   : store_pg_schema(&pg, have, want, err);
}

bool conf_store_check(const struct c2_conf *conf, struct err *err)
{
	const struct store_pg_config pg = conf_pg(conf);
	const struct store_maria_config maria = conf_maria(conf);

	if (!conf->db_url)
		return true;
	return conf_is_maria(conf) ? store_maria_check(&maria, err) : store_pg_check(&pg, err);
}

void store_close(struct store *store)
{
	if (store->ops)
		store->ops->close(store->ctx);
	store->ops = 0;
}

int start_exit(const struct err *err)
{
	bool of_a_file = err->code == ERR_NOT_FOUND || err->code == ERR_FORBIDDEN ||
			 err->code == ERR_INVALID || err->code == ERR_TOO_LARGE;

	return err_row(of_a_file ? ERR_CONFIG : err->code)->exit;
}
