#include "c2/parts.h"

#include "c2/store/sqlite.h"

struct store_pg_config conf_pg(const struct c2_conf *conf)
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

bool conf_store_open(struct store *out, const struct c2_conf *conf, struct err *err)
{
	const struct store_pg_config config = conf_pg(conf);

	return config.url ? store_pg_open(out, &config, err)
			  : store_sqlite_open(out, conf->db_path, err);
}

bool conf_store_beside(struct store *out, const struct c2_conf *conf, struct err *err)
{
	struct store_pg_config config = conf_pg(conf);

	config.as_it_is = true;
	return config.url ? store_pg_open(out, &config, err)
			  : store_sqlite_beside(out, conf->db_path, err);
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
